"""Small checks of arguments.

>>> one_of('backend', 'nativ', ['python', 'native'])
Traceback (most recent call last):
    ...
ValueError: there is no backend 'nativ'; did you mean 'native'?
>>> whole('threads', -3)
Traceback (most recent call last):
    ...
ValueError: threads must be a whole number of at least 1, not -3
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = ['one_of', 'whole']


def one_of(what: str, name: Any, known: Iterable[str]) -> str:
    """Return a name that is known; raise ValueError with the nearest that is, or with all of them."""
    known = [*known]
    if name in known:
        return name  # type: ignore[no-any-return]
    close = get_close_matches(str(name), known, 1)
    hint = f'did you mean {close[0]!r}?' if close else f'there are {", ".join(known)}'
    raise ValueError(f'there is no {what} {reprlib.repr(name)}; {hint}')


def whole(what: str, number: Any, least: int = 1) -> int:
    """Return a whole number as an int; raise ValueError unless it is one, of at least so much."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f'{what} must be a whole number of at least {least}, not {reprlib.repr(number)}')
    return number
