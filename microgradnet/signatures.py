"""How many operands a user's function takes: as many as its signature says, or any number.

>>> operands_of(lambda x, slope=0.01: 0.0), operands_of(lambda *terms: 0.0)
(Operands(letters='ab', default={'b': 0.01}, several=False), Operands(letters='a', default={}, several=True))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any, NamedTuple

from .reals import real

__all__ = ['Operands', 'operands_of']


class Operands(NamedTuple):
    """A letter for each operand, what those have that may be left out, whether it stands for many."""

    letters: str
    default: dict[str, Any]
    several: bool


def operands_of(function: Callable[..., Any]) -> Operands:
    """Read a signature; parameters that are keywords only, and have a default, are no operands.

    Raises ValueError where there is none to read, or not of operands by place.

    >>> operands_of(lambda x, *others: 0.0)
    Traceback (most recent call last):
        ...
    ValueError: it must take operands by place, or *terms alone, not (x, *others)
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ValueError(f'{function!r} does not say how many operands it takes; wrap it in one that does') from None
    named = [*signature.parameters.values()]
    several = any(p.kind is p.VAR_POSITIONAL for p in named)
    scalars = [p for p in named if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in named)
    if several == bool(scalars) or needed or len(scalars) > len(ascii_lowercase):
        raise ValueError(f'it must take operands by place, or *terms alone, not {signature}')
    for p in scalars:
        if p.default is not p.empty:
            real(p.default, f'the default of {p.name}')
    default = {letter: p.default for letter, p in zip(ascii_lowercase, scalars) if p.default is not p.empty}
    return Operands(ascii_lowercase[: len(scalars) or 1], default, several)
