"""A real ``backward`` that leaves no trace: afterwards every ``grad`` is what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..graph import topological_order
from ..value import Constant, Value

__all__ = ['backward_of']


@contextmanager
def backward_of(root: Value, more: Iterable[Value] = ()) -> Iterator[None]:
    """Zero all gradients and go back from a node; put them back at the end.

    ``more`` are nodes that need not be in the graph, such as parameters it does not use.

    >>> x = Value(3.0)
    >>> x.grad = 7.0
    >>> with backward_of(x * x):
    ...     x.grad
    6.0
    >>> x.grad
    7.0
    """
    nodes = [
        node for node in dict.fromkeys([*topological_order(root), *more]) if not isinstance(node, Constant)
    ]
    before = [node.grad for node in nodes]
    try:
        for node in nodes:
            node.grad = type(node.data)(0)
        root.backward()
        yield
    finally:
        for node, grad in zip(nodes, before):
            node.grad = grad
