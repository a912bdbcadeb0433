"""What happens in one ``backward``, step by step: each signal that is sent along an edge.

>>> from microgradnet.engine.value import Value
>>> x = Value(3.0, label='x')
>>> y = x * x
>>> log = []
>>> y.backward(log=log)
>>> for event in log:
...     print(event.node is y, event.place, event.signal, event.partial, event.contribution, event.total)
True 0 1.0 3.0 3.0 3.0
True 1 1.0 3.0 3.0 6.0
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ['Event']


class Event(NamedTuple):
    """A node sends its error signal, times the local derivative, to one of its inputs.

    ``source`` is the input, ``place`` its place among the node's inputs; ``signal`` the
    error signal of the node, ``partial`` the local derivative, ``contribution`` their
    product, and ``total`` what has arrived at the source up to and with it.
    """

    node: Any
    source: Any
    place: int
    signal: Any
    partial: Any
    contribution: Any
    total: Any
