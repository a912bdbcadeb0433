"""Text put together from pieces without copying them, and joined once.

>>> body = Rope('sin(', Rope('x', ' + 1'), ')')
>>> body = Rope('-', body)
>>> str(body), body.first
('-sin(x + 1)', '-')
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, repeat
from typing import TypeAlias

__all__ = ['Rope', 'Text', 'join']


class Rope:
    """Pieces of a text one after the other, strings or ropes; to make one takes no longer if they are long.

    ``first`` is the first character, nothing if there is none.
    """

    __slots__ = ('first', 'pieces')

    def __init__(self, *pieces: Text) -> None:
        self.pieces = pieces
        firsts = (piece[:1] if isinstance(piece, str) else piece.first for piece in pieces)
        self.first: str = next(filter(None, firsts), '')

    def __str__(self) -> str:
        """Join all pieces, however deep they lie."""
        strings: list[str] = []
        todo: list[Text] = [self]
        while todo:
            piece = todo.pop()
            if isinstance(piece, str):
                strings.append(piece)
            else:
                todo += reversed(piece.pieces)
        return ''.join(strings)


#: What pieces of a text are.
Text: TypeAlias = str | Rope


def join(between: str, pieces: Iterable[Text]) -> Rope:
    """Put pieces together with a string between them, as ``str.join`` does."""
    return Rope(*islice(chain.from_iterable(zip(repeat(between), pieces)), 1, None))
