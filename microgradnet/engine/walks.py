"""Pure walks over a graph of anything that has ``.inputs``.

``topological_order`` lists a graph inputs first, ``consumers`` turns its edges
around. Neither recurses, so a chain of a million nodes is no deeper than one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import filterfalse
from typing import Any, Protocol, TypeVar

__all__ = ['consumers', 'depends_on', 'topological_order']


class Node(Protocol):
    """What a walk asks of a node: its inputs, in order."""

    @property
    def inputs(self) -> tuple[Any, ...]: ...


N = TypeVar('N', bound=Node)


def topological_order(*roots: N) -> list[N]:
    """List every node that the roots depend on, each after all of its inputs.

    The order is that of a depth-first walk from the first root on, taking
    inputs in turn: it depends on the graph alone, never on a hash.

    >>> from types import SimpleNamespace as Node
    >>> class N(Node): __hash__ = object.__hash__
    >>> x = N(name='x', inputs=())
    >>> u = N(name='u', inputs=(x, x))
    >>> y = N(name='y', inputs=(u, x))
    >>> [node.name for node in topological_order(y)]
    ['x', 'u', 'y']
    """
    order: list[N] = []
    append = order.append
    seen: set[N] = set()
    see, listed, covers = seen.add, seen.__contains__, seen.issuperset
    stack: list[N | None] = [*reversed(roots)]
    push, pop, extend = stack.append, stack.pop, stack.extend
    # A node is pushed under a None: when the None comes up again, all that was
    # above it, the node's inputs, has been listed.
    while stack:
        node = pop()
        if node is None:
            append(pop())  # type: ignore[arg-type]
        elif node not in seen:
            see(node)
            inputs = node.inputs
            if inputs:
                push(node)
                push(None)
                if len(inputs) < 4:
                    extend(inputs[::-1])
                elif not covers(inputs):
                    extend(filterfalse(listed, inputs[::-1]))
            else:
                append(node)
    return order


def depends_on(order: Iterable[N], leaves: Iterable[N]) -> set[N]:
    """Return the nodes of a topological order that depend on any of the leaves.

    >>> from types import SimpleNamespace as Node
    >>> class N(Node): __hash__ = object.__hash__
    >>> x, c = N(name='x', inputs=()), N(name='c', inputs=())
    >>> u, v = N(name='u', inputs=(x, c)), N(name='v', inputs=(c,))
    >>> sorted(node.name for node in depends_on([x, c, u, v], [x]))
    ['u', 'x']
    """
    active = set(leaves)
    for node in order:
        if not active.isdisjoint(node.inputs):
            active.add(node)
    return active


def consumers(order: Iterable[N]) -> dict[N, list[tuple[N, int]]]:
    """Map each node to its consumers: pairs of a node and the input's place in it.

    A node that takes the same input twice is there twice.

    >>> from types import SimpleNamespace as Node
    >>> class N(Node): __hash__ = object.__hash__
    >>> x = N(name='x', inputs=())
    >>> square = N(name='square', inputs=(x, x))
    >>> [(node.name, place) for node, place in consumers([x, square])[x]]
    [('square', 0), ('square', 1)]
    """
    result: dict[N, list[tuple[N, int]]] = {}
    for node in order:
        result.setdefault(node, [])
        for place, source in enumerate(node.inputs):
            result.setdefault(source, []).append((node, place))
    return result
