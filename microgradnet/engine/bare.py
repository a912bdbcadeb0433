"""Operands as they lie in a node: other nodes, and bare numbers, of which no node is made for looking.

>>> from .value import Value
>>> x = Value(2.0)
>>> bare(x * 3.0), bare(x)
((Value(data=2.0, grad=0.0), 3.0), ())
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from .value import Value

__all__ = ['bare', 'recorded']


def bare(node: Value) -> Any:
    """Return the operands of a node: what ``inputs`` returns, with floats for constants that nobody has looked at."""
    a = node._a
    if a is None:
        return ()
    b = node._b
    return (a, b) if b is not None else a if a.__class__ is tuple else (a,)


def recorded(outputs: Iterable[Value]) -> list[Value]:
    """List the computed nodes behind some, in the order they were recorded in. It takes O(V log V + E)."""
    seen = {0}  # leaves
    see, found, stack = seen.add, [], [*outputs]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        born = node.born
        if born in seen:
            continue
        see(born)
        found.append(node)
        a, b = node._a, node._b
        if b is not None:
            if a.__class__ is not float and a.born not in seen:
                push(a)
            if b.__class__ is not float and b.born not in seen:
                push(b)
        elif a.__class__ is tuple:
            stack += a
        elif a is not None:
            push(a)
    found.sort(key=attrgetter('born'))
    return found
