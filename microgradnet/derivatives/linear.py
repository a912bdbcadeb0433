"""The derivative at a point as what it is, a linear map: read off the partials that the nodes hold.

>>> x, y = Value(3.0), Value(2.0)
>>> change = Linear([x * y, x + 1.0], [x, y])
>>> change.push([1.0, 10.0]), change.pull([1.0, 0.0])
([32.0, 1.0], [2.0, 3.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.value import Value
from ..engine.walks import topological_order

__all__ = ['Linear']


class Linear:
    """How much some nodes ``ys`` change when the nodes ``xs`` do: their Jacobian, not multiplied out.

    Made by one walk over the graph; then ``push`` and ``pull`` multiply with it from
    either side, as often as wanted, in numbers alone: nothing is recorded. The xs must
    not depend on each other.

    A 0 in a direction or weight is no motion and no signal, so that an infinite partial
    beside it is not asked. The arithmetic is that of floats and never raises; fractions
    do not stay exact here.
    """

    size: int
    outputs: list[int | None]

    def __init__(self, ys: Sequence[Value], xs: Sequence[Value]) -> None:
        self.size = len(xs)
        place = {x: number for number, x in enumerate(xs)}
        #: Of every node that depends on the xs, the places of its inputs that do and the partials.
        self.edges: list[list[tuple[int, Any]]] = []
        for node in topological_order(*ys):
            inputs = node.inputs
            if inputs and node not in place and not place.keys().isdisjoint(inputs):
                pairs = zip(inputs, node.partials)
                self.edges.append([(place[s], p) for s, p in pairs if p is not None and s in place])
                place[node] = len(place)
        self.outputs = [place.get(y) for y in ys]

    def push(self, direction: Sequence[Any]) -> list[float]:
        """Return how much the ys change when the xs move in a direction: the Jacobian times it."""
        moved: list[Any] = [float(change) if change != 0 else None for change in direction]
        append = moved.append
        for edges in self.edges:
            total = None
            for source, partial in edges:
                change = moved[source]
                if change is not None:
                    total = partial * change if total is None else total + partial * change
            append(total)
        changes = (None if place is None else moved[place] for place in self.outputs)
        return [0.0 if change is None else change for change in changes]

    def pull(self, weights: Sequence[Any]) -> list[float]:
        """Return the gradient of the weighted sum of the ys: the weights times the Jacobian.

        What ``backward`` computes, in its order: of one y with weight 1, to the bit.
        """
        first = self.size
        signals: list[Any] = [None] * (first + len(self.edges))
        for place, weight in zip(self.outputs, weights):
            if place is not None and weight != 0:
                signals[place] = float(weight) if signals[place] is None else signals[place] + weight
        for place in range(len(signals) - 1, first - 1, -1):
            signal = signals[place]
            if signal is not None:
                for source, partial in self.edges[place - first]:
                    sent, before = partial * signal, signals[source]
                    signals[source] = sent if before is None else before + sent
        return [0.0 if signal is None else signal for signal in signals[:first]]

    def pattern(self) -> list[int]:
        """Tell for every y on which xs it depends at all: bit i of a whole number for ``xs[i]``.

        >>> x = [Value(2.0), Value(0.0), Value(5.0)]
        >>> [bin(row) for row in Linear([x[0] * x[1], x[2].exp()], x).pattern()]
        ['0b11', '0b100']
        """
        bits = [1 << number for number in range(self.size)]
        for edges in self.edges:
            reached = 0
            for source, _ in edges:
                reached |= bits[source]
            bits.append(reached)
        return [0 if place is None else bits[place] for place in self.outputs]
