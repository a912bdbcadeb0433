"""How near a recorded function stands to a point where it has no derivative, read off its graph.

Rows state their kinks: expressions such as ``a - b`` whose zeros they are. Two
recordings of one function lie on the same smooth piece if they have the same shape
and all these expressions the same signs; only such points may enter a difference.

>>> here = Recording(lambda x: x.relu() * 3.0, [0.25])
>>> there = Recording(lambda x: x.relu() * 3.0, [-0.25])
>>> here.signs, there.signs, here.on_same_piece(there), here.kink_distances()
((1,), (-1,), False, [0.25])
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

from .._processes import cached_property
from ..derivatives.graphs import gradients, tangents
from ..derivatives.trees import take_apart
from ..engine import functions
from ..engine.context import ieee_arithmetic
from ..engine.table import Operation
from ..engine.value import Constant, Value, lift
from ..engine.walks import topological_order

__all__ = ['Bounds', 'Recording']

#: Beyond these sizes a product of derivatives may have lost its digits, or overflowed, on one way but not on another.
SMALL, LARGE = 1e-250, 1e250
#: What the expressions of a ``kink`` column may call: on numbers, and on nodes.
ON_NUMBERS: dict[str, Any] = {'abs': abs, 'hypot': math.hypot, 'max': max, 'min': min, '__builtins__': {}}
ON_NODES: dict[str, Any] = {name: getattr(functions, name) for name in ('abs', 'hypot', 'max', 'min')}  # fmt: skip
ON_NODES['__builtins__'] = {}


@cache
def _parts(kink: str) -> list[CodeType]:
    return [compile(part.strip(), f'<kink {kink}>', 'eval') for part in kink.split(';') if part.strip()]


def _kink_values(op: Operation, inputs: Sequence[Any], space: dict[str, Any] = ON_NUMBERS) -> Iterator[Any]:
    """Yield the expressions whose zeros are kinks of an operation, evaluated on its operands.

    >>> from microgradnet.engine.table import operations
    >>> [*_kink_values(operations['clip'], [3.0, 0.0, 5.0])]
    [3.0, -2.0]
    """
    if op.kink:
        here = dict(zip(op.parameters, op.split(inputs), strict=True))
        for part in _parts(op.kink):
            yield eval(part, space, here)


@dataclass(frozen=True)
class Bounds:
    """For every node the sum of absolute products along all paths, and the rounding error they bring to the root."""

    of: dict[Value, float]
    noise: float


class Recording:
    """A function recorded at a point: its graph, the graph's shape, and the signs of its kinks.

    ``level`` 1 looks at the function, 2 at its partial derivative by the leaf of number
    ``by``, recorded as a graph of its own. ``root`` is the node looked at, ``value`` the
    function's.
    """

    xs: list[Value]
    value: Value
    root: Value
    order: list[Value]

    def __init__(
        self,
        f: Callable[[Any], Any],
        leaves: Sequence[Any],
        build: Callable[[Sequence[Any]], Any] = lambda leaves: leaves[0],
        level: int = 1,
        by: int = 0,
    ) -> None:
        names = ['x'] if len(leaves) == 1 else [f'x{place}' for place in range(len(leaves))]
        self.xs = [Value(leaf, label=name) for leaf, name in zip(leaves, names, strict=True)]
        result, _ = take_apart(f(build(self.xs)), 'the result')
        if len(result) != 1:
            raise TypeError(f'the function must return one number; it returned {len(result)} of them')
        self.value = lift(result[0])
        self.root = self.value if level == 1 else gradients(self.value, self.xs)[by]
        self.order = topological_order(self.root)

    @cached_property
    def kinked(self) -> list[Value]:
        """The nodes, of the function and of what is looked at, whose operation states a kink."""
        return [node for node in topological_order(self.value, self.root) if node.op and node.op.kink]

    @cached_property
    def signs(self) -> tuple[int, ...]:
        """The sign of every expression whose zeros are kinks; 2 for a nan."""
        return tuple(
            2 if k != k else (k > 0) - (k < 0)
            for node in self.kinked
            for k in _kink_values(_op(node), [source.data for source in node.inputs])
        )

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        """Each node of the function's graph: the operation's name, or the leaf's, and the places of its inputs."""
        order = topological_order(self.value)
        place, leaves = ({node: number for number, node in enumerate(nodes)} for nodes in (order, self.xs))
        names = [node.op.name if node.op else leaves.get(node) for node in order]
        return tuple((name, *(place[source] for source in node.inputs)) for name, node in zip(names, order))

    @cached_property
    def numbers(self) -> list[Any]:
        """The data of the function's leaves and constants, other than the point itself."""
        order, own = topological_order(self.value), {*self.xs}
        return [node.data for node in order if (not node.inputs or isinstance(node, Constant)) and node not in own]

    def on_same_piece(self, other: Recording) -> bool:
        """Tell whether nothing the graphs know of lies between two recordings."""
        return self.shape == other.shape and self.signs == other.signs

    def kink_distances(self) -> list[float]:
        """Return, for each leaf, about how far it can go alone until the nearest kink; inf if there is none.

        To first order: |k| / |dk/dx| of the nearest. An expression that is 0, and
        stays so when the leaf moves, as a condition that is merely false, is no kink.
        """
        with ieee_arithmetic():
            ks = [lift(k) for node in self.kinked for k in _kink_values(_op(node), node.inputs, ON_NODES)]
            if not ks:
                return [math.inf] * len(self.xs)
            return [
                min(map(_distance, ks, tangents(ks, self.xs, [float(other is x) for other in self.xs])))
                for x in self.xs
            ]

    def bounds(self) -> Bounds | None:
        """Sum absolute products over all paths; None where a product of them leaves the range of floats."""
        signals = dict.fromkeys([*self.order, *self.xs], 0.0)
        reached: dict[Value, float] = {}
        signals[self.root] = 1.0
        products = []
        for node in self.order:
            reached[node] = 1.0 if not node.inputs else 0.0
            for source, partial in zip(node.inputs, node.partials):
                if partial and reached[source]:
                    products.append(abs(float(partial)) * reached[source])
                    reached[node] += products[-1]
        for node in reversed(self.order):
            for source, partial in zip(node.inputs, node.partials):
                if partial and signals[node]:
                    products.append(abs(float(partial)) * signals[node])
                    signals[source] += products[-1]
        if not all(SMALL < product < LARGE for product in products):
            return None
        noise = sum(abs(float(node.data)) * signal for node, signal in signals.items() if signal)
        return Bounds(signals, 2 * sys.float_info.epsilon * noise) if math.isfinite(noise) else None


def _op(node: Value) -> Operation:
    assert node.op is not None
    return node.op


def _distance(k: Value, change: Value) -> float:
    size, speed = abs(float(k.data)), abs(float(change.data))
    if speed == 0 or size == math.inf:
        return math.inf
    return size / speed if size == size and speed == speed else 0.0
