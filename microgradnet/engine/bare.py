"""Operands as they lie in a node: other nodes, and bare numbers, of which no node is made for looking.

>>> from .value import Value
>>> x = Value(2.0)
>>> bare(x * 3.0), bare(x)
((Value(data=2.0, grad=0.0), 3.0), ())
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

from .value import Value

__all__ = ['bare', 'recorded']

#: So many nodes that were recorded one after the other are looked through at a time.
WINDOW = 1 << 8


def bare(node: Value) -> Any:
    """Return the operands of a node: what ``inputs`` returns, with floats for constants that nobody has looked at."""
    a = node._a
    if a is None:
        return ()
    b = node._b
    return (a, b) if b is not None else a if a.__class__ is tuple else (a,)


def recorded(outputs: Iterable[Value]) -> list[Value]:
    """List the computed nodes behind some, in the order they were recorded in. It takes O(V log V + E).

    It goes back in time, window by window: what is recorded later is met first, so that the place of a node in its
    window says that it was met, and whatever is behind it is before it.
    """
    found: list[Value] = []
    #: What is before the window, by when it was recorded; a heap of that, the latest first.
    before: dict[int, Value] = {}
    heap: list[int] = []
    append = found.append

    def wait(node: Value) -> None:
        born = node.born
        if born and born not in before:  # no leaf
            before[born] = node
            heappush(heap, -born)

    for node in outputs:
        wait(node)
    while heap:
        low = max(1, 1 - heap[0] - WINDOW)
        window: list[Any] = [None] * WINDOW
        while heap and -heap[0] >= low:
            born = -heappop(heap)
            window[born - low] = before.pop(born)
        for node in reversed(window):  # this loop is where the time goes, so it is written out
            if node is None:
                continue
            append(node)
            a, b = node._a, node._b
            if b is not None:
                if type(a) is not float:
                    born = a.born
                    if born >= low:
                        window[born - low] = a
                    elif born:
                        wait(a)
                if type(b) is not float:
                    born = b.born
                    if born >= low:
                        window[born - low] = b
                    elif born:
                        wait(b)
            elif a is not None:
                for source in a if a.__class__ is tuple else (a,):
                    born = source.born
                    if born >= low:
                        window[born - low] = source
                    elif born:
                        wait(source)
    found.reverse()
    return found
