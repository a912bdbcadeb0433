"""What a net keeps of a forward run, and how it sees its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .reals import Number
from .value import Value

__all__ = ['Firing', 'Run', 'Standardisation']


class Firing(NamedTuple):
    """What one neuron did for one sample: its net input r and its output g(r)."""

    r: Value
    output: Value

    @property
    def error_signal(self) -> Number:
        """delta, the derivative of the error by the neuron's output, after ``backward``.

        The derivation's own: many textbooks mean by delta the derivative by r, which
        has the factor g'(r) in it, and is ``r.grad`` here.
        """
        return self.output.grad


class Run(NamedTuple):
    """A forward run that was kept: ``inputs``, and per layer the firing of each neuron.

    >>> from microgradnet.nn import MLP
    >>> net = MLP(1, [1, 1], activation='tanh', seed=3)
    >>> run = net.run([2.0])
    >>> error = (run.outputs[0] - 1.0) ** 2 / 2
    >>> error.backward()
    >>> run.layers[1][0].error_signal == run.outputs[0].data - 1.0
    True
    """

    inputs: list[Value]
    layers: list[list[Firing]]

    @property
    def outputs(self) -> list[Value]:
        """The outputs of the last layer."""
        return [firing.output for firing in self.layers[-1]]

    @property
    def error_signals(self) -> list[list[Number]]:
        """delta of every neuron, layer by layer; zeros before ``backward``."""
        return [[firing.error_signal for firing in layer] for layer in self.layers]


@dataclass(frozen=True)
class Standardisation:
    """Means and deviations of a teacher set's inputs, by which a net standardises its rows."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __call__(self, row: Sequence[Any]) -> list[Any]:
        """Return ``(x - mean) / deviation`` for every x of a row.

        >>> Standardisation((10.0,), (2.0,))([13.0])
        [1.5]
        """
        return [(x - m) / d for x, m, d in zip(row, self.means, self.deviations, strict=True)]
