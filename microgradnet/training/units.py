"""Targets that are numbers, standardised while a net learns them; the net then answers in their own units.

>>> from microgradnet.training.data import TeacherSet
>>> line = TeacherSet([[0.0], [1.0]], [100.0, 300.0])
>>> units = units_of(line)
>>> standardised(line, units).targets
(-1.0, 1.0)
>>> net = MLP.from_weights([[[2.0]]], [[-1.0]])
>>> to_units(net, units)
>>> net.predict([[0.0], [1.0]])
[100.0, 300.0]
"""

from __future__ import annotations

from copy import copy

from ..nets.net import MLP, Standardisation
from .data import TeacherSet, is_row, standardisation_of

__all__ = ['standardised', 'to_units', 'units_of']


def units_of(samples: TeacherSet) -> Standardisation:
    """Return means and deviations of the targets."""
    return standardisation_of([tuple(t) if is_row(t) else (t,) for t in samples.targets], samples.weights)


def standardised(samples: TeacherSet, units: Standardisation | None) -> TeacherSet:
    """Return the samples with their targets standardised; without units as they are."""
    if units is None:
        return samples
    result = copy(samples)
    result.targets = tuple(tuple(units(t)) if is_row(t) else units([t])[0] for t in samples.targets)
    return result


def to_units(net: MLP, units: Standardisation | None, back: bool = False) -> None:
    """Let a net that learned standardised targets answer in their units, or back again: its outputs must be linear."""
    if units is None:
        return
    for neuron, mean, deviation in zip(net.layers[-1].neurons, units.means, units.deviations, strict=True):
        factor = 1 / deviation if back else deviation
        for weight in neuron.weights:
            weight.data *= factor
        neuron.bias.data = (neuron.bias.data - mean) * factor if back else neuron.bias.data * factor + mean
