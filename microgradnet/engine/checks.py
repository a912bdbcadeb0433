"""Checks of arguments at the doors of the package: one wording for what was wanted and what came.

``refuse``       the error: a thing must be this, not that
``whole``        a whole number within bounds
``within``       a real number within bounds
``one_of``       a name among those known; else: did you mean ...?
``function``     something that can be called
``instance``     a thing of one of some types
``ordered``      whether a thing yields things in an order that was meant
``items``        a list, of anything that does so
``texts``        a list of strings
``text``         a string
``flag``         True or False
``file_path``    the path of a file
``spec``         a format for numbers, such as ``'.3g'``
``generator``    the random generator that a seed stands for

>>> whole('epochs', 0)
Traceback (most recent call last):
    ...
ValueError: epochs must be a whole number of at least 1, not 0
>>> one_of('schedule', 'cosin', ['constant', 'cosine'])
Traceback (most recent call last):
    ...
ValueError: there is no schedule 'cosin'; did you mean 'cosine'?
"""

from __future__ import annotations

import difflib
import random
import reprlib
from collections.abc import Callable, Iterable, KeysView, Mapping, Set
from operator import index
from os import PathLike
from random import Random
from typing import Any, NoReturn, TypeAlias, TypeVar

from .numbers import Number, real

__all__ = [
    'Seed', 'file_path', 'flag', 'function', 'generator', 'instance', 'items', 'one_of', 'ordered', 'refuse', 'said',
    'spec', 'text', 'texts', 'whole', 'within',
]  # fmt: skip

T = TypeVar('T')
Seed: TypeAlias = int | Random | None

#: A size beyond this is a mistake: a million numbers are some 200 MB of nodes.
MOST = 10**8


def said(came: Any) -> str:
    """Say what came: the thing, shortened, on one line, and its type.

    >>> said('tanhh'), said([1] * 100)
    ("'tanhh' of type str", '[1, 1, 1, 1, 1, 1, ...] of type list')
    """
    return f'{" ".join(reprlib.repr(came).split())} of type {type(came).__name__}'


def refuse(what: str, wanted: str, came: Any, kind: type[Exception] = TypeError) -> NoReturn:
    """Raise the error: what must be wanted, and what came instead."""
    raise kind(f'{what} must be {wanted}, not {said(came) if kind is TypeError else reprlib.repr(came)}')


def whole(what: str, number: Any, least: int = 1, most: int | None = None) -> int:
    """Return a whole number as an int; raise ValueError unless it is one, and within its bounds."""
    if not isinstance(number, bool) and hasattr(number, '__index__') and not isinstance(number, type):
        try:
            result = index(number)
        except TypeError:  # an array
            result = least - 1
        if most is not None and result > most:
            raise ValueError(f'{what} must be a whole number of at most {most:,}, not {reprlib.repr(number)}')
        if result >= least:
            return result
    raise ValueError(f'{what} must be a whole number of at least {least}, not {reprlib.repr(number)}')


def within(what: str, number: Any, wanted: str, fits: Callable[[Number], bool]) -> Number:
    """Return a real number; raise TypeError unless it is one, ValueError unless it fits."""
    result = real(number, what)
    if not fits(result):
        raise ValueError(f'{what} must be {wanted}, not {number!r}')
    return result


def one_of(what: str, name: Any, known: Iterable[str]) -> str:
    """Return a name that is known; raise ValueError with the nearest that is, TypeError for no name."""
    known = [*known]
    if not isinstance(name, str):
        raise TypeError(f'there is no {what} {said(name)}; there are {", ".join(known)}')
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(name.lower(), known, 1)
    hint = f'did you mean {close[0]!r}?' if close else f'there are {", ".join(known)}'
    raise ValueError(f'there is no {what} {name!r}; {hint}')


def function(what: str, f: Any, wanted: str = 'a function') -> Any:
    """Return what can be called; raise TypeError for anything else."""
    return f if callable(f) else refuse(what, wanted, f)


def instance(what: str, thing: T, kinds: type | tuple[type, ...], wanted: str) -> T:
    """Return a thing of one of the types; raise TypeError for anything else."""
    return thing if isinstance(thing, kinds) else refuse(what, wanted, thing)


def ordered(things: Any, any_order: bool = False) -> bool:
    """Tell whether a thing yields things in an order that was meant; ``any_order``: whether it yields any.

    A dict yields its keys alone, a set what it has in an order by chance, and a string its letters.

    >>> ordered((1, 2)), ordered({2, 1}), ordered({2: 1}), ordered({2: 1}.keys()), ordered('21'), ordered({2, 1}, True)
    (True, False, False, True, False, True)
    """
    if isinstance(things, (list, tuple)):
        return True
    yields = isinstance(things, Iterable) or hasattr(type(things), '__getitem__')
    if not yields or isinstance(things, (str, bytes, type, Mapping)):
        return False
    return any_order or not isinstance(things, Set) or isinstance(things, KeysView)


def items(
    what: str, things: Any, wanted: str = 'a list', *, letters: bool = False, any_order: bool = False
) -> list[Any]:
    """List what is ``ordered``, or a string whose ``letters`` are meant; raise TypeError for anything else."""
    if not ordered(things, any_order) and not (letters and isinstance(things, str)):
        refuse(what, wanted, things)
    try:
        found = iter(things)
    except TypeError:
        refuse(what, wanted, things)
    return [*found]


def texts(what: str, things: Any) -> list[str]:
    """List strings; raise TypeError for anything else, one string alone too."""
    found = items(what, things, 'a list of strings')
    for place, thing in enumerate(found, 1):
        text(f'item {place} of {what}', thing)
    return found


def text(what: str, thing: Any) -> str:
    """Return a string; raise TypeError for anything else."""
    return thing if isinstance(thing, str) else refuse(what, 'a string', thing)


def flag(what: str, thing: Any) -> bool:
    """Return True or False, NumPy's too; raise TypeError for anything else."""
    return bool(thing) if type(thing).__name__ in ('bool', 'bool_') else refuse(what, 'True or False', thing)


def file_path(what: str, path: Any) -> Any:
    """Return the path of a file, a string or an ``os.PathLike``; raise TypeError for anything else."""
    if not isinstance(path, (str, PathLike)):
        refuse(what, 'the path of a file, a string or a Path', path)
    return path if path != '' else refuse(what, 'the path of a file', path, ValueError)


def spec(what: str, written: Any) -> str:
    """Return a format that writes numbers; raise TypeError or ValueError for any other."""
    known = text(what, written)
    try:
        format(0.5, known)
    except ValueError:
        refuse(what, "a format for numbers, such as '.3g'", written, ValueError)
    return known


def generator(seed: Any) -> Random:
    """Return the random generator that a seed stands for: without one Python's own, which ``random.seed`` sets.

    >>> generator(3).random() == generator(3).random()
    True
    >>> random.seed(3); generator(None).random() == generator(3).random()
    True
    """
    if seed is None:
        return random._inst
    if isinstance(seed, Random):
        return seed
    if isinstance(seed, bool) or not hasattr(seed, '__index__') or isinstance(seed, type):
        refuse('seed', 'a whole number, a random.Random, or None', seed)
    try:
        return Random(index(seed))
    except TypeError:  # an array
        refuse('seed', 'a whole number, a random.Random, or None', seed)
