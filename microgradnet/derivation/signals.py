"""Every neuron's part in one sample: r, g(r), g'(r), its error signal and its gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..formulas.numbers import digits, on_paper
from ..formulas.text import text
from .kept import Kept
from .lines import Table

__all__ = ['ErrorSignals', 'NeuronSignals', 'error_signals']


class NeuronSignals(NamedTuple):
    """One neuron, numbered as in the derivation: r, g(r), g'(r), delta, and gradients by name."""

    neuron: int
    r: Any
    output: Any
    slope: Any
    delta: Any
    gradients: dict[str, Any]


class ErrorSignals(Sequence[NeuronSignals]):
    """The table that ``error_signals`` makes: a sequence of rows, one for each neuron.

    ``str`` prints it for a terminal, ``html()`` as a table; in a notebook it shows itself.
    """

    rows: list[NeuronSignals]

    HEAD = ('neuron', 'r', 'g(r)', "g'(r)", 'δ', 'gradients of its weights and bias')

    def __init__(self, rows: Sequence[NeuronSignals]) -> None:
        self.rows = [*rows]

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[NeuronSignals]:
        return iter(self.rows)

    def cells(self) -> list[list[str]]:
        """Return the table as text, without its head."""
        return [
            [
                f'f_{row.neuron}',
                *(on_paper(digits(x)) for x in row[1:5]),
                ', '.join(f'{n}: {on_paper(digits(g))}' for n, g in row.gradients.items()),
            ]
            for row in self.rows
        ]

    def table(self) -> Table:
        """Return it as it is printed."""
        caption = 'Net input, output, derivative and error signal of every neuron'
        return Table(self.HEAD, tuple(map(tuple, self.cells())), caption, prose=True)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return f'<error signals of {len(self)} neurons>'

    def html(self) -> str:
        """Print it as an HTML table."""
        return self.table().html()

    def _repr_html_(self) -> str:
        return self.html()


def error_signals(net: Any, x: Any, t: Any) -> ErrorSignals:
    """Return r, g(r), g'(r), delta and the gradients of its weights for every neuron of a net.

    ``x`` is one row of inputs, or a ``Run`` that the net has kept of one; ``t`` the
    known output, or a list of them. Delta is the derivative of half the sum of squares
    by the neuron's output ("Error signal"), from a real ``backward``; gradients of the
    net stay as they were. Raises ValueError where lengths differ.

    >>> from microgradnet.nets.net import MLP
    >>> net = MLP.from_weights([[[2.0]], [[3.0]]], [[1.0], [0.5]], 'identity')
    >>> print(error_signals(net, [1.0], 8.0))
    neuron    r  g(r)  g'(r)    δ  gradients of its weights and bias
    f_1       3     3      1  4.5  w_{x1,1}: 4.5, b_1: 4.5
    f_2     9.5   9.5      1  1.5  w_{1,2}: 4.5, b_2: 1.5
    """
    kept = Kept(net, [(x, t)])
    rows: list[NeuronSignals] = []
    places = kept.names.places()
    for k, size in enumerate(kept.names.sizes):
        for j in range(size):
            own = {text(kept.weight(place)): kept.gradient(place) for place in places if place[:2] == (k, j)}
            r, g, slope, delta = kept.r(k, j), kept.g(k, j), kept.slope(k, j), kept.delta(k, j)
            rows.append(NeuronSignals(len(rows) + 1, r.at(0), g.at(0), slope.at(0), delta.at(0), own))
    return ErrorSignals(rows)
