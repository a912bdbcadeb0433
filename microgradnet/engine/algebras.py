"""Algebras: what the one graph text of a cell calls, ``g.add``, ``g.choose``, over other numbers than nodes.

Python's floats are printed, for speed; all other numbers are an algebra. ``IEEE`` is
arithmetic on floats that never raises, ``Exact`` that of fractions.

>>> from microgradnet.engine.table import operations
>>> operations['softsign'].value('exact')(Fraction(1, 3)), IEEE(operations).log(0.0)
(Fraction(1, 4), -inf)

Python stops where IEEE goes on: ``1.0 / 0.0`` raises, ``math.log(0.0)`` raises,
``math.exp(1000.0)`` raises. Recording a user's program keeps Python's manners;
``backward``, and every node that differentiation makes, needs IEEE's: a pole
is an infinity, an undefined result is nan, and nothing is an exception.

>>> divide(1.0, -0.0), power(0.0, -1.0), kernel('log')(0.0), kernel('exp')(1e3)
(-inf, inf, -inf, inf)
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import partial, wraps
from math import copysign, inf, nan
from typing import Any

from . import cells
from .cells import KERNELS, Function, define, math_function
from .operation import Operation, Table

__all__ = ['IEEE', 'TROUBLE', 'Algebra', 'Exact', 'divide', 'kernel', 'power']

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
    if name == 'abs':
        return abs
    function: Callable[..., float] = math_function(name)
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


class Algebra:
    """The operations of numbers that Python can add, multiply and compare.

    A subclass says what a number in a cell becomes, how to divide and raise, and which
    function a primitive row is; every other row is its own cell over this algebra.
    """

    add, sub, mul, neg = operator.add, operator.sub, operator.mul, operator.neg
    div: Any = operator.truediv
    pow: Any = operator.pow
    gt, lt, ge, le, eq, ne = operator.gt, operator.lt, operator.ge, operator.le, operator.eq, operator.ne
    total: Any = staticmethod(KERNELS['total'])
    largest = max

    def __init__(self, table: Table) -> None:
        self._table = table
        self._space: dict[str, Any] = {'inf': self.number(inf)}
        self._made: dict[tuple[Operation, str], Function] = {}

    def __getattr__(self, name: str) -> Function:
        """Return the function of a row, from now on an attribute."""
        if name.startswith('_') or name not in self._table:
            raise AttributeError(f'there is no operation {name!r}')
        function = self.function(self._table[name], 'value')
        setattr(self, name, function)
        return function

    def function(self, op: Operation, what: str) -> Function:
        """Return the function of operands that computes a row's ``'value'``, or of these and y its ``'partials'``."""
        if (op, what) not in self._made:
            if what == 'value' and op.is_kernel:
                return self._kernel(op.name)
            title = f'{type(self).__name__} {what} of {op.name}'
            function = define(op.source(what, 'graph'), self._space, title, self.number)
            self._made[op, what] = partial(function, self)
        return self._made[op, what]

    def choose(self, condition: Any, yes: Function, no: Function) -> Any:
        return yes() if condition else no()

    def both(self, *conditions: Function) -> bool:
        return all(condition() for condition in conditions)

    def either(self, *conditions: Function) -> bool:
        return any(condition() for condition in conditions)

    def number(self, number: float) -> Any:
        raise NotImplementedError

    def _kernel(self, name: str) -> Function:
        return kernel(name)


class IEEE(Algebra):
    """Floats, and nothing raises."""

    div: Any = staticmethod(divide)
    pow: Any = staticmethod(power)

    def number(self, number: float) -> float:
        return float(number)


class Exact(Algebra):
    """Fractions; Python's own functions make floats of them, and give nan where they are not defined."""

    pow: Any = staticmethod(cells.power)

    def number(self, number: float) -> Any:
        return number if number == inf else Fraction(repr(number))
