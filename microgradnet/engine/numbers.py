"""What a ``Value`` may hold: a float, or a ``Fraction`` for arithmetic that is exact.

>>> real(True), real(3), real(Fraction(1, 3))
(1.0, 3.0, Fraction(1, 3))
>>> real('3')
Traceback (most recent call last):
    ...
TypeError: the data of a Value must be a real number, not '3' of type str
"""

from __future__ import annotations

import reprlib
from fractions import Fraction
from math import inf
from numbers import Real
from typing import Any, TypeAlias

__all__ = ['Fraction', 'Number', 'as_float', 'as_real', 'real', 'zero']

Number: TypeAlias = float | Fraction


def as_real(number: Any) -> Number | None:
    """Return a float or a Fraction for any real number, None for anything else.

    int, bool and NumPy's numbers become floats; a Fraction stays one.
    """
    kind = number.__class__
    if kind is float or kind is Fraction:
        return number  # type: ignore[no-any-return]
    if kind is int:
        return float(number)
    if isinstance(number, Fraction):
        return number
    if isinstance(number, Real) or _is_numpy_scalar(number):
        return float(number)
    return None


def real(number: Any, what: str = 'the data of a Value') -> Number:
    """Return ``as_real(number)``; raise a TypeError that names anything else."""
    result = as_real(number)
    if result is None:
        raise TypeError(f'{what} must be a real number, not {reprlib.repr(number)} of type {type(number).__name__}')
    return result


def as_float(number: Any) -> float:
    """Return the nearest float; for a number that is too large for one an infinity.

    >>> as_float(Fraction(1, 4)), as_float(-(10**400))
    (0.25, -inf)
    """
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def zero(beside: Number) -> Number:
    """Return a 0 of the kind of another number."""
    return 0.0 if beside.__class__ is float else Fraction(0)


def _is_numpy_scalar(number: Any) -> bool:
    dtype = getattr(number, 'dtype', None)
    is_number = getattr(dtype, 'kind', '') in tuple('biuf') and getattr(number, 'shape', None) == ()
    return is_number and not hasattr(number, 'mask')  # a masked element would become a nan
