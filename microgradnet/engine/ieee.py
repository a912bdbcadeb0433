"""Arithmetic on floats that never raises, as IEEE 754 defines it.

Python stops where IEEE goes on: ``1.0 / 0.0`` raises, ``math.log(0.0)`` raises,
``math.exp(1000.0)`` raises. Recording a user's program keeps Python's manners;
``backward``, and every node that differentiation makes, needs IEEE's: a pole
is an infinity, an undefined result is nan, and nothing is an exception.

>>> divide(1.0, -0.0), power(0.0, -1.0), kernel('log')(0.0), kernel('exp')(1e3)
(-inf, inf, -inf, inf)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from math import copysign, inf, nan

__all__ = ['divide', 'kernel', 'power']

#: What Python raises where IEEE arithmetic has an answer.
TROUBLE = (ArithmeticError, ValueError)

#: The limit at a pole, for functions that have one; elsewhere a ValueError is a nan.
POLES: dict[str, Callable[[float], float]] = {
    'log': lambda a: -inf if a == 0 else nan,
    'log2': lambda a: -inf if a == 0 else nan,
    'log10': lambda a: -inf if a == 0 else nan,
    'log1p': lambda a: -inf if a == -1 else nan,
    'atanh': lambda a: copysign(inf, a) if abs(a) == 1 else nan,
}


def divide(a: float, b: float) -> float:
    """Divide a by b; by zero, give the signed infinity, or nan for 0 / 0.

    >>> divide(-1.0, 0.0), divide(0.0, 0.0)
    (-inf, nan)
    """
    try:
        return float(a / b)
    except ZeroDivisionError:
        return nan if a != a or a == 0 else copysign(inf, a) * copysign(1.0, b)


def power(a: float, b: float) -> float:
    """Raise a to b; overflow and poles give infinities, a complex result nan.

    >>> power(-0.0, -3.0), power(-10.0, 400.0), power(-8.0, 1 / 3)
    (-inf, inf, nan)
    """
    if -inf < a < 0 and abs(b) < inf and b % 1 != 0:
        return nan
    odd = b % 2 == 1 if abs(b) < inf else False
    try:
        result = a**b
    except (OverflowError, ZeroDivisionError):
        return copysign(inf, a) if odd else inf
    return nan if isinstance(result, complex) else float(result)


def kernel(name: str) -> Callable[..., float]:
    """Return ``math.<name>`` with infinities and nan in place of exceptions.

    >>> kernel('sinh')(-1e3), kernel('sqrt')(-1.0), kernel('sin')(inf)
    (-inf, nan, nan)
    """
    function: Callable[..., float] = getattr(math, name)
    pole: Callable[..., float] = POLES.get(name, lambda a: nan)

    @wraps(function)
    def quiet(*operands: float) -> float:
        try:
            return float(function(*operands))
        except OverflowError:
            return copysign(inf, operands[0]) if name == 'sinh' else inf
        except ValueError:
            return pole(*operands)

    return quiet
