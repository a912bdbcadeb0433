"""Which neurons are dead: those that no error signal passes, for a whole teacher set.

>>> from microgradnet.nets.net import MLP
>>> net = MLP.from_weights([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], 'relu')
>>> print(dead_neurons(net, [[1.0], [2.5]]))
neuron  layer  g         net input r  output g(r)  largest |g'(r)|  state
2       1      relu      -2.5 to -1   0            0                dead
1 of 3 neurons: 1 dead
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, Literal, NamedTuple

from ..engine.checks import instance, items, within
from ..engine.context import no_grad
from ..engine.numbers import Number
from ..engine.value import Value, signals
from ..nets.net import MLP, Firing, Layer, Neuron, row_of
from ..training.data import TeacherSet

__all__ = ['NeuronReport', 'NeuronTable', 'dead_neurons']

State = Literal['dead', 'vanished', 'constant', 'alive', 'nan']
HEADINGS = ('neuron', 'layer', 'g', 'net input r', 'output g(r)', "largest |g'(r)|", 'state')


class NeuronReport(NamedTuple):
    """One neuron over all samples: least and largest net input and output, largest size of g'(r).

    ``number`` counts through the layers from 1, as in the derivation; so does ``layer``.
    """

    number: int
    layer: int
    activation: str
    net_input: tuple[Number, Number]
    output: tuple[Number, Number]
    slope: Number
    state: State

    def cells(self) -> tuple[str, ...]:
        """The report as a row of text, by ``HEADINGS``."""
        ranges = (_range(*self.net_input), _range(*self.output))
        return str(self.number), str(self.layer), self.activation, *ranges, f'{float(self.slope):.3g}', self.state


@dataclass(frozen=True)
class NeuronTable:
    """What ``dead_neurons`` found: ``neurons`` has every neuron; printed are those not alive."""

    neurons: tuple[NeuronReport, ...]

    def numbers(self, state: State) -> list[int]:
        """List the numbers of the neurons in a state."""
        return [neuron.number for neuron in self.neurons if neuron.state == state]

    def __str__(self) -> str:
        ill = [neuron for neuron in self.neurons if neuron.state != 'alive']
        if not ill:
            return f'All {len(self.neurons)} neurons let the error signal pass.'
        rows = [HEADINGS, *(neuron.cells() for neuron in ill)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        states = dict.fromkeys(neuron.state for neuron in ill)
        counts = ', '.join(f'{len(self.numbers(state))} {state}' for state in states)
        return '\n'.join([*lines, f'{len(ill)} of {len(self.neurons)} neurons: {counts}'])


def dead_neurons(
    net: MLP | Layer | Neuron, samples: TeacherSet | Iterable[Iterable[Any]], *, threshold: float = 1e-3
) -> NeuronTable:
    """Tell which neurons let no error signal pass for any sample of a teacher set (or of rows of inputs).

    A signal delta at a neuron's output goes on as delta * g'(r). A neuron is ``'dead'`` if
    g'(r) is 0 for all samples, as of a relu whose net input is never positive: none of
    its weights will ever change; ``'vanished'`` if |g'(r)| is below ``threshold`` for all,
    as of a saturated sigmoid; ``'constant'`` if signals pass, but its output is the same
    for all samples, which must be at least two different ones; ``'nan'`` if a number in it is.

    Raises ValueError where there is no sample or a row does not fit the net.

    >>> neuron = Neuron(1, 'sigmoid', seed=1)
    >>> neuron.bias.data = 20.0
    >>> dead_neurons(neuron, [[0.0], [1.0]]).numbers('vanished')
    [1]
    """
    instance('net', net, (MLP, Layer, Neuron), 'an MLP, a Layer or a Neuron')
    within("the threshold of |g'(r)|", threshold, 'a number of at least 0', lambda x: x >= 0)
    found = samples.inputs if isinstance(samples, TeacherSet) else samples
    rows = [items(f'row {place} of the samples', row, 'a list of numbers')
            for place, row in enumerate(items('samples', found, 'a TeacherSet or a list of rows'), 1)]  # fmt: skip
    if not rows:
        raise ValueError('dead_neurons wants at least one sample, and there is none')
    seen: list[_Seen] = []
    for row in rows:
        with no_grad():
            layers = _fire(net, row)
        neurons = [(place, firing) for place, layer in enumerate(layers, 1) for firing in layer]
        seen = seen or [_Seen(place, neuron) for (place, _), neuron in zip(neurons, net.neurons_within())]
        for one, (_, firing) in zip(seen, neurons):
            one.add(firing)
    several = any(row != rows[0] for row in rows)
    return NeuronTable(tuple(one.report(number, several, threshold) for number, one in enumerate(seen, 1)))


class _Seen:
    """What was seen of one neuron so far."""

    def __init__(self, layer: int, neuron: Any) -> None:
        self.layer, self.activation = layer, neuron.activation
        self.net_inputs: list[Number] = []
        self.outputs: list[Number] = []
        self.slopes: list[Number] = []

    def add(self, firing: Firing) -> None:
        r = Value(firing.r.data)  # a leaf of its own: its signal is g'(r)
        self.net_inputs.append(r.data)
        self.outputs.append(firing.output.data)
        self.slopes.append(abs(float(signals(self.activation(r)).get(r, 0.0))))

    def report(self, number: int, several: bool, threshold: float) -> NeuronReport:
        net_input, output, (_, slope) = map(_ends, (self.net_inputs, self.outputs, self.slopes))
        state: State = 'alive'
        if isnan(slope) or isnan(output[0]):
            state = 'nan'
        elif slope == 0:
            state = 'dead'
        elif slope < threshold:
            state = 'vanished'
        elif several and output[0] == output[1]:
            state = 'constant'
        return NeuronReport(number, self.layer, self.activation.name, net_input, output, slope, state)


def _fire(net: Any, row: list[Any]) -> list[list[Firing]]:
    if isinstance(net, MLP):
        return net.run(row).layers
    if isinstance(net, Layer):
        return [net.fire(row_of(row, len(net.neurons[0].weights), net))]
    if isinstance(net, Neuron):
        return [[net.fire(row_of(row, len(net.weights), net))]]
    raise TypeError(f'dead_neurons wants an MLP, a Layer or a Neuron, not {net!r} ({type(net).__name__})')


def _ends(numbers: list[Number]) -> tuple[Number, Number]:
    """The least and the largest; nan if one is nan."""
    return (nan, nan) if any(map(isnan, numbers)) else (min(numbers), max(numbers))


def _range(least: Number, largest: Number) -> str:
    ends = [f'{float(end):.4g}' for end in (least, largest)]
    return ' to '.join(dict.fromkeys(ends))
