"""Checks on the numbers and classes of a teacher set; rows are counted from 1.

>>> rows([[1, 2.5], [3, float('nan')]], 'inputs')
Traceback (most recent call last):
    ...
ValueError: row 2 of the inputs, column 2: nan is not a number to learn from
"""

from __future__ import annotations

import reprlib
from collections.abc import Hashable, Iterable
from math import isfinite
from typing import Any, TypeAlias

from .arrays import is_array
from .checks import items, refuse, said
from .incoming import array_of_numbers, is_row
from .reals import Fraction, Number, real

__all__ = ['Row', 'classified', 'is_row', 'number', 'places_in', 'plain', 'rows']

Row: TypeAlias = tuple[Number, ...]


def rows(table: Iterable[Iterable[Any]], what: str) -> tuple[Row, ...]:
    """Check that a table has rows of finite numbers, all of the same length.

    >>> rows([[1, 2.5], [3, 4]], 'inputs')
    ((1, 2.5), (3, 4))
    """
    result: list[Row] = []
    for place, row in enumerate(items(f'the {what}', plain(table, f'the {what}'), 'a list of rows'), 1):
        if not is_row(row):
            raise TypeError(f'row {place} of the {what} must be a list of numbers, not {said(row)}')
        where = f'row {place} of the {what}'
        numbers = tuple(number(x, f'{where}, column {k}') for k, x in enumerate(plain(row, where), 1))
        if not numbers:
            raise ValueError(f'row {place} of the {what} is empty')
        if result and len(numbers) != len(result[0]):
            count = f'{len(numbers)} number{"s" * (len(numbers) > 1)}'
            raise ValueError(f'row {place} of the {what} has {count}; row 1 has {len(result[0])}')
        result.append(numbers)
    return tuple(result)


def number(x: Any, where: str) -> Any:
    """Check that something is a finite number; whole numbers and fractions stay what they are."""
    result = x if isinstance(x, (int, Fraction)) and not isinstance(x, bool) else real(x, where)
    try:
        finite = isinstance(result, Fraction) or isfinite(result)
    except OverflowError:
        raise ValueError(f'{where}: a whole number of {x.bit_length()} bits is too large for a float') from None
    if not finite:
        raise ValueError(f'{where}: {result} is not a number to learn from')
    return result


def classified(labels: Iterable[Any], classes: Iterable[Any] | None) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """Turn labels into class numbers; return the classes, in their order, and the numbers.

    Without ``classes`` they are the labels that occur, sorted. Numbers beside classes
    that are strings are class numbers already.

    >>> classified(['pear', 'apple', 'pear'], None)
    (('apple', 'pear'), (1, 0, 1))
    >>> classified([0, 1], ['pear', 'apple'])
    (('pear', 'apple'), (0, 1))
    """
    labels = [plain(t, 'a target', 'OU') for t in labels]
    for place, t in enumerate(labels, 1):
        if is_row(t):
            raise TypeError(f'row {place} of the targets must be a class, not {reprlib.repr(t)}')
        if isinstance(t, str) != isinstance(labels[0], str):
            kinds = f'row {place} of the targets is {t!r}; row 1 is {labels[0]!r}'
            raise TypeError(f'{kinds}: classes are all strings, or none is')
        if not isinstance(t, str):
            number(t, f'row {place} of the targets')
    names = tuple(sorted({*labels})) if classes is None else tuple(plain(classes, 'classes', 'OU'))
    for name in names:
        if not isinstance(name, Hashable):
            refuse('a class', 'a name or a number', name)
    if not names or len({*names}) < len(names):
        raise ValueError(f'classes must be names of which none is there twice, not {names}')
    are_numbers = isinstance(names[0], str) and not isinstance(labels[0], str)
    known = {k if are_numbers else name: k for k, name in enumerate(names)}
    for place, t in enumerate(labels, 1):
        if t not in known:
            raise ValueError(f'row {place} of the targets is {t!r}, which is not among the classes {names}')
    return names, tuple(known[t] for t in labels)


def plain(table: Any, what: str, also: str = '') -> Any:
    """Take an array of NumPy, or a table of pandas (whose iterator gives names), as lists of Python's numbers.

    Arrays are checked, ``also`` as for ``array_of_numbers``; what is in a table of pandas is checked by the caller.
    """
    if hasattr(table, 'to_numpy'):
        table = table.to_numpy()
    elif is_array(table):
        array_of_numbers(table, what, also)
    return table.tolist() if hasattr(table, 'tolist') else table


def places_in(count: int, places: Iterable[int]) -> list[int]:
    """List places in a set of so many samples; raise IndexError for one that is not there, TypeError for no place.

    >>> places_in(3, [0, -1])
    [0, -1]
    """
    found = items('places', places, 'a list of places in the set, from 0 on')
    for place in found:
        if isinstance(place, bool) or not hasattr(place, '__index__') or getattr(place, 'shape', None):
            refuse('a place in the set', 'a whole number', place)
        if not -count <= place < count:
            raise IndexError(f'a set of {count} samples has the places 0 to {count - 1}, and not {place}')
    return found
