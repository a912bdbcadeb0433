"""Rows as a program takes them: checked, and as plain lists or as an array.

>>> as_lists([[1, 2], (3.5, 4)], 2)
([[1.0, 2.0], [3.5, 4.0]], False)
>>> as_lists([1, 2], 2)
([[1.0, 2.0]], True)
>>> as_lists([[1, 2], [3]], 2)
Traceback (most recent call last):
    ...
ValueError: row 1 has 1 number; the program takes rows of 2
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from ..arrays import is_array
from ..extras import needed
from ..reals import real

__all__ = ['as_array', 'as_lists', 'blocks', 'is_mapped']

#: So many numbers of a file or an iterator are in memory at a time.
BLOCK = 1 << 18


def as_lists(rows: Any, width: int) -> tuple[list[list[float]], bool]:
    """Return rows as lists of floats, and whether it was a single row that was given."""
    if is_array(rows):
        array, single = as_array(rows, width)
        return array.tolist(), single
    listed = [*_iterable(rows)]
    single = not listed if not width else not any(isinstance(row, Iterable) for row in listed)
    if width and not listed:
        return [], False
    listed = [listed] if single else [[*_iterable(row, f'row {place}')] for place, row in enumerate(listed)]
    for place, row in enumerate(listed):
        if len(row) != width:
            raise ValueError(_wrong_width(f'row {place}' if not single else 'the row', len(row), width))
    return [[float(real(x, f'row {place}, number {i},')) for i, x in enumerate(row)]
            for place, row in enumerate(listed)], single  # fmt: skip


def as_array(rows: Any, width: int) -> tuple[Any, bool]:
    """Return rows as a float64 array of shape (rows, width), any strides, and whether it was a single row.

    >>> import numpy
    >>> as_array(numpy.zeros((3, 2), '>f8'), 2)
    Traceback (most recent call last):
        ...
    TypeError: rows are in another byte order than this machine's (dtype >f8): give rows.astype(float)
    """
    numpy = needed('numpy', 'an array of rows')

    if not is_array(rows):
        listed, single = as_lists(rows, width)
        return numpy.array(listed, dtype=float).reshape(len(listed), width), single
    if not rows.dtype.isnative:
        order = f"another byte order than this machine's (dtype {rows.dtype})"
        raise TypeError(f'rows are in {order}: give rows.astype(float)')
    if rows.dtype.kind not in 'biuf':
        raise TypeError(f'rows must be real numbers, not an array of dtype {rows.dtype}')
    if rows.ndim not in (1, 2):
        raise ValueError(f'rows must be one row, or an array of shape (rows, {width}), not of shape {rows.shape}')
    if rows.shape[-1] != width:
        raise ValueError(_wrong_width('each row' if rows.ndim == 2 else 'the row', rows.shape[-1], width))
    array = rows if rows.dtype == float else rows.astype(float)
    return array.reshape(1, width) if rows.ndim == 1 else array, rows.ndim == 1


def is_mapped(rows: Any) -> bool:
    """Tell whether rows are an array that is mapped from a file."""
    numpy = sys.modules.get('numpy')
    return numpy is not None and isinstance(rows, numpy.memmap)


def blocks(rows: Any, width: int) -> Iterator[Any]:
    """Yield rows as they are, but those of a mapped file or of an iterator in blocks.

    An iterator may yield rows, or arrays of many; what is empty is one empty block.

    >>> [*blocks(iter([[1, 2], [3, 4]]), 2)]
    [[[1, 2], [3, 4]]]
    """
    size = max(1, BLOCK // max(width, 1))
    if is_mapped(rows) and rows.ndim == 2:
        for start in range(0, max(len(rows), 1), size):
            yield rows[start : start + size]
    elif isinstance(rows, Iterator):
        yield from _gathered(rows, size)
    else:
        yield rows


def _gathered(rows: Iterator[Any], size: int) -> Iterator[Any]:
    first = next(rows, None)
    if first is None:
        yield []
    elif not isinstance(first, Iterable):  # the numbers of a single row
        yield [first, *rows]
    elif getattr(first, 'ndim', 1) == 2:
        for array in chain([first], rows):
            for start in range(0, max(len(array), 1), size):
                yield array[start : start + size]
    else:
        rows = chain([first], rows)
        while block := [*islice(rows, size)]:
            yield block


def _iterable(rows: Any, what: str = 'rows') -> Iterable[Any]:
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        wanted = 'lists of numbers or an array' if what == 'rows' else 'a list of numbers, as other rows are'
        raise TypeError(f'{what} must be {wanted}, not {rows!r} of type {type(rows).__name__}')
    return rows


def _wrong_width(which: str, found: int, width: int) -> str:
    return f'{which} has {found} number{"s" * (found != 1)}; the program takes rows of {width}'
