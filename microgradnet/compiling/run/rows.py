"""Rows as a program takes them: checked, and as plain lists or as an array.

>>> as_lists([[1, 2], (3.5, 4)], 2)
([[1.0, 2.0], [3.5, 4.0]], False)
>>> as_lists([1, 2], 2)
([[1.0, 2.0]], True)
>>> as_lists([[1, 2], [3]], 2)
Traceback (most recent call last):
    ...
ValueError: row 1 has 1 number; the program takes rows of 2

What comes out of an engine: the outputs of many rows, put together as the outputs were given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from random import Random
from typing import Any

from ..._extras import needed
from ...engine.checks import items
from ...engine.functions import is_array
from ...engine.incoming import array_of_numbers, is_row, numbers

__all__ = ['BLOCK', 'added', 'as_array', 'as_lists', 'blocks', 'is_mapped', 'shuffled', 'stack']


#: So many numbers of a file or an iterator are in memory at a time.
BLOCK = 1 << 18


def as_lists(rows: Any, width: int) -> tuple[list[list[float]], bool]:
    """Return rows as lists of floats, and whether it was a single row that was given."""
    if is_array(rows):
        array, single = as_array(rows, width)
        return array.tolist(), single
    given = items('rows', rows, 'lists of numbers or an array')
    single = not given if not width else not any(map(is_row, given))
    if width and not given:
        return [], False
    result = []
    for place, row in enumerate([given] if single else given):
        of_row = items(f'row {place}', row, 'a list of numbers, as other rows are')
        if len(of_row) != width:
            raise ValueError(_wrong_width(f'row {place}' if not single else 'the row', len(of_row), width))
        floats = numbers(row if is_array(row) else of_row, f'row {place}')
        result.append(floats.tolist() if is_array(floats) else floats)
    return result, single


def as_array(rows: Any, width: int) -> tuple[Any, bool]:
    """Return rows as a float64 array of shape (rows, width), any strides, and whether it was a single row.

    >>> import numpy
    >>> as_array(numpy.array([[1, 2]]), 2)
    (array([[1., 2.]]), False)
    """
    numpy = needed('numpy', 'an array of rows')

    if not is_array(rows):
        listed, single = as_lists(rows, width)
        return numpy.array(listed, dtype=float).reshape(len(listed), width), single
    array_of_numbers(rows, 'rows')
    if rows.ndim not in (1, 2):
        raise ValueError(f'rows must be one row, or an array of shape (rows, {width}), not of shape {rows.shape}')
    if rows.shape[-1] != width:
        raise ValueError(_wrong_width('each row' if rows.ndim == 2 else 'the row', rows.shape[-1], width))
    array = rows if rows.dtype == float else rows.astype(float)
    return array.reshape(1, width) if rows.ndim == 1 else array, rows.ndim == 1


def is_mapped(rows: Any) -> bool:
    """Tell whether rows are an array that is mapped from a file."""
    return isinstance(rows, getattr(sys.modules.get('numpy'), 'memmap', ()))


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


def _wrong_width(which: str, found: int, width: int) -> str:
    return f'{which} has {found} number{"s" * (found != 1)}; the program takes rows of {width}'


def added(totals: Any, sums: Any) -> Any:
    """Add what came of one block, or shard, to what came of those before; None is of none."""
    if totals is None:
        return sums
    return totals + sums if is_array(totals) else [a + b for a, b in zip(totals, sums, strict=True)]


def shuffled(random: Random, order: Sequence[int]) -> list[int]:
    """Return an order as ``random.shuffle`` would leave it, and the generator as well, in a third of the time.

    >>> from random import Random
    >>> one, other, order = Random(1), Random(1), [*range(9)]
    >>> one.shuffle(order)
    >>> shuffled(other, range(9)) == order, other.random() == one.random()
    (True, True)
    """
    order = [*order]
    if type(random) is not Random:
        random.shuffle(order)
        return order
    bits = random.getrandbits
    for last in range(len(order) - 1, 0, -1):
        length = (last + 1).bit_length()
        place = bits(length)
        while place > last:
            place = bits(length)
        order[last], order[place] = order[place], order[last]
    return order


def stack(results: Any, template: Any, build: Callable[[Sequence[Any]], Any]) -> Any:
    """Return the outputs of many rows: an array if they came as one, else a list, each like the template.

    What is no array as a whole has an array over the rows for each number, and for each array in it.
    """
    if not is_array(results):
        return [build(row) for row in results]
    shape = _shape(template)
    if shape is None:
        return _rows_first(template, build([column.copy() for column in results.T]))
    return results.reshape(len(results), *shape)


def _rows_first(template: Any, columns: Any) -> Any:
    """Put the rows' axis first in what arrays have become, which have it last."""
    if is_array(template):
        numpy = needed('numpy', 'an array of rows')
        return numpy.moveaxis(columns, -1, 0) if columns.ndim > template.ndim else columns
    if isinstance(template, dict):
        return {key: _rows_first(part, columns[key]) for key, part in template.items()}
    if isinstance(template, (list, tuple)):
        parts = [*map(_rows_first, template, columns)]
        return type(columns)(*parts) if hasattr(columns, '_fields') else type(columns)(parts)
    return columns


def _shape(template: Any) -> tuple[int, ...] | None:
    """Return the shape of nested lists, tuples or arrays; None if they are ragged, or there are dicts.

    Or arrays of structures, as the Hessian by an array in a tuple has.
    """
    if is_array(template):
        shape: tuple[int, ...] = template.shape
        is_nested = any(isinstance(part, (list, tuple, dict)) or is_array(part) for part in template.flat)
        return None if is_nested else shape
    if isinstance(template, dict):
        return None
    if isinstance(template, (list, tuple)):
        first, *others = {_shape(part) for part in template} or {()}
        return None if others or first is None else (len(template), *first)
    return ()
