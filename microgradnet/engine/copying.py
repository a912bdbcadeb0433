"""Copying and pickling graphs of any depth, without recursion, identity kept.

A graph is copied in topological order, so that a node's inputs are always there
before it. Nodes that two roots share are shared by the copies, too.

>>> import pickle
>>> from microgradnet.engine.value import Value
>>> x = Value(3.0)
>>> y = x * x
>>> for _ in range(10_000): y = y + x
>>> copied_y, copied_x = pickle.loads(pickle.dumps((y, x)))
>>> copied_y.backward()
>>> copied_x.grad, x.grad
(10006.0, 0.0)
"""

from __future__ import annotations

from threading import local
from typing import Any

from .value import Constant, Value
from .walks import topological_order

__all__ = ['deepcopy_graph', 'in_order', 'reduce_node']

_State = tuple[Any, ...]
_pickling = local()


def deepcopy_graph(root: Value, memo: dict[int, Any]) -> Value:
    """Copy a node and all that it depends on, as ``copy.deepcopy`` asks."""
    for node in topological_order(root):
        if id(node) not in memo and not isinstance(node, Constant):
            copied = memo[id(node)] = type(node).__new__(type(node))
            inputs = tuple(memo.get(id(source), source) for source in node.inputs)
            copied.__setstate__(((), *_fields(node)[:3], inputs, *_fields(node)[4:]))
    return memo[id(root)]  # type: ignore[no-any-return]


def reduce_node(root: Value) -> Any:
    """Reduce a node for pickle, as ``__reduce_ex__`` does.

    Pickle would recurse from node to input to input. Here the root's state begins
    with all that it depends on, in order; pickled one after the other, each has its
    inputs behind it, in pickle's memo, and stops there.
    """
    alone, _pickling.alone = getattr(_pickling, 'alone', None), None
    ancestors = [] if alone is root else topological_order(root)[:-1]
    return type(root).__new__, (type(root),), (_one_by_one(ancestors), *_fields(root))


def in_order(*roots: Value) -> list[Any]:
    """Return what to pickle before many roots, so that not each of them is looked through for its ancestors."""
    return _one_by_one(topological_order(*roots))


def _one_by_one(nodes: list[Value]) -> list[Any]:
    return [*map(_Alone, [*nodes, None])]


def _fields(node: Value) -> _State:
    return node.data, node.grad, node.op, node.inputs, node.partials, node.label


class _Alone:
    """A node among a root's ancestors: pickled next, and without its own; None ends the list."""

    __slots__ = ('node',)

    def __init__(self, node: Value | None) -> None:
        self.node = node

    def __reduce_ex__(self, protocol: Any) -> Any:
        _pickling.alone = self.node  # until it is asked to reduce itself, which is the next thing
        return id, (self.node,)
