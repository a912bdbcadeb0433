"""What comes in from outside, lists of numbers and arrays: checked here, whoever asked for it.

>>> numbers([1, True, 2.5], 'theta')
[1.0, 1.0, 2.5]
>>> numbers([1, None], 'theta')
Traceback (most recent call last):
    ...
TypeError: theta, number 1, must be a real number, not None of type NoneType
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from .checks import items
from .functions import is_array
from .numbers import real

__all__ = ['array_of_numbers', 'is_row', 'numbers']


def array_of_numbers(array: Any, what: str, also: str = '') -> Any:
    """Return an array of bools, whole numbers or floats as it is; raise TypeError for any other, which says why.

    also: kinds of dtype, as NumPy's letters, whose elements the caller checks one by one: 'O' for Values
        and fractions, 'OU' for names, too.

    >>> import numpy
    >>> array_of_numbers(numpy.ma.array([1.0, 2.0], mask=[False, True]), 'rows')
    Traceback (most recent call last):
        ...
    TypeError: rows must not be a masked array: its mask would be lost. Leave masked rows out, or give rows.filled(...)
    >>> array_of_numbers(numpy.array([1j]), 'rows')
    Traceback (most recent call last):
        ...
    TypeError: rows must be real numbers, not an array of dtype complex128
    >>> array_of_numbers(numpy.zeros(2, '>f8'), 'rows')
    Traceback (most recent call last):
        ...
    TypeError: rows must not be in another byte order than this machine's (dtype >f8): give rows.astype(float)
    """
    name = what if what.isidentifier() else 'array'
    masks = sys.modules.get('numpy.ma')  # which takes long to import, and whoever has masks has imported it
    if isinstance(array, getattr(masks, 'MaskedArray', ())):
        raise TypeError(
            f'{what} must not be a masked array: its mask would be lost. Leave masked rows out, '
            f'or give {name}.filled(...)'
        )
    if array.dtype.kind not in 'biuf' + also:
        raise TypeError(f'{what} must be real numbers, not an array of dtype {array.dtype}')
    if not array.dtype.isnative:
        raise TypeError(
            f"{what} must not be in another byte order than this machine's (dtype {array.dtype}): "
            f'give {name}.astype({"float" if array.dtype.kind in "biuf" else "str"})'
        )
    return array


def is_row(thing: Any) -> bool:
    """Tell rows, of whatever kind, from single numbers and names."""
    return isinstance(thing, Iterable) and not isinstance(thing, (str, bytes)) and getattr(thing, 'shape', None) != ()


def numbers(things: Any, what: str) -> Any:
    """Return numbers as a list of floats, or as an array of them if they came as one.

    Raises TypeError for whatever is no real number, with its place; ValueError for an array of more dimensions.
    """
    if is_array(things):
        array = array_of_numbers(things, what)
        if array.ndim != 1:
            raise ValueError(f'{what} must be a list of numbers, not an array of shape {array.shape}')
        return array if array.dtype == float else array.astype(float)
    found = items(what, things, 'a list of numbers or an array')
    if {*map(type, found)} <= {float}:
        return found
    return [float(real(x, f'{what}, number {place},')) for place, x in enumerate(found)]
