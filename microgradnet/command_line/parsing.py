"""Expressions as people type them, read into a graph and never run as code.

The grammar: numbers, names, the constants ``pi`` and ``e``, ``+ - * / **``, brackets,
calls of the table's functions, and lists for those that take them, ``dot([a, b], [c, d])``.
Anything else is refused with a ValueError that points at it.

>>> from microgradnet.value import Value
>>> y = parse('tanh(a*b + c)')({'a': Value(2.0), 'b': Value(-3.0), 'c': Value(10.0)})
>>> y == Value(4.0).tanh()
True
>>> parse('a.b')
Traceback (most recent call last):
    ...
ValueError: column 1: an attribute has no place in an expression
  a.b
  ^^^
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping
from typing import Any

from .. import functions
from ..operations import operations
from ..reals import Fraction, Number
from ..value import Value
from .grammar import SEVERAL, check, check_signs, function_of, operands_of, pointing, refusal

__all__ = ['CONSTANTS', 'Expression', 'number', 'parse']

CONSTANTS = {'pi': math.pi, 'e': math.e}
#: An expression may be so long, and so many bits an exact number may have.
LONGEST, LARGEST = 2000, 2000


class Expression:
    """An expression that was read: its ``text``, and the ``names`` in it in the order they come.

    Called with a Value or a number for every name (but the constants), it returns what it
    comes to, recorded. Beside a fraction whole numbers are exact. What Python's arithmetic refuses,
    and exact numbers that get very long, raise a ValueError that points at the place.

    >>> expression = parse('x ** 2 / (1 + x)')
    >>> expression.names, expression({'x': Value(Fraction(1, 3))}).data
    (('x',), Fraction(1, 12))
    >>> expression({'x': -1.0})
    Traceback (most recent call last):
        ...
    ValueError: column 1: division by zero
      x ** 2 / (1 + x)
      ^^^^^^^^^^^^^^^^
    """

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text, self._tree = text, tree
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
        found.sort(key=lambda name: name.col_offset)
        self.names = tuple(dict.fromkeys(name.id for name in found))

    def __call__(self, numbers: Mapping[str, Any], exact: bool = False) -> Any:
        known = {**CONSTANTS, **numbers}
        data = (x.data if isinstance(x, Value) else x for x in numbers.values())
        exact = exact or any(isinstance(x, Fraction) for x in data)
        return self._compute(self._tree, known, exact)

    def _compute(self, node: ast.expr, known: Mapping[str, Any], exact: bool) -> Any:
        if isinstance(node, ast.Name):
            return known[node.id]
        operands = [self._compute(part, known, exact) for part in operands_of(node)]
        if isinstance(node, ast.List):
            return operands
        try:
            if isinstance(node, ast.Constant):
                whole = exact and isinstance(node.value, int)
                return _fitting(Fraction(node.value) if whole else float(node.value))  # type: ignore[arg-type]
            name = function_of(node)
            if not name:  # a plus before an operand
                return operands[0]
            if name == 'pow':
                _check_power(*(x.data if isinstance(x, Value) else x for x in operands))
            if name in SEVERAL:
                operands = [operands[0] if isinstance(operands[0], list) else operands]
            return _fitting(getattr(functions, name)(*operands))
        except ZeroDivisionError:
            raise refusal('division by zero', self.text, node) from None
        except OverflowError:
            raise refusal('the number is too large for a float', self.text, node) from None
        except ValueError as trouble:
            raise refusal(_undefined(trouble, node, operands), self.text, node) from None


def parse(text: str) -> Expression:
    """Read an expression; raise a ValueError that says what cannot be read, and points at it.

    >>> parse('2*tnah(a)')
    Traceback (most recent call last):
        ...
    ValueError: column 3: there is no function 'tnah'; did you mean 'tanh'?
      2*tnah(a)
        ^^^^
    """
    text = ' '.join(text.split())
    if not text:
        raise ValueError('the expression is empty')
    if len(text) > LONGEST:
        raise ValueError(f'the expression has {len(text):,} characters; {LONGEST:,} are the limit')
    check_signs(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            tree = ast.parse(text, mode='eval').body
    except SyntaxError as trouble:
        column = min((trouble.offset or len(text) + 1) - 1, len(text))
        raise pointing(_explained(trouble), text, column, column + 1) from None
    except (RecursionError, MemoryError, ValueError):
        raise ValueError('the expression is nested too deep') from None
    check(tree, text)
    return Expression(text, tree)


def number(text: str) -> Number:
    """Read a number: 2, -3.5, 1e-3, 1/3 (a fraction, exactly), or an expression of such, 2*pi.

    >>> number('1/3'), number('-0.5'), number('pi/2')
    (Fraction(1, 3), -0.5, 1.5707963267948966)
    """
    expression = parse(text)
    if unknown := [name for name in expression.names if name not in CONSTANTS]:
        raise ValueError(f'{text!r} is not a number: it has the name {unknown[0]!r} in it')
    result: Any = expression({}, exact=True)
    if isinstance(result, list):
        raise ValueError(f'{text!r} is a list, not a number')
    return result  # type: ignore[no-any-return]


def _check_power(base: Any, exponent: Any) -> None:
    """Refuse an exact power before it is computed, if it would be very long."""
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - (abs(base) == 1)
        if bits * abs(exponent.numerator) > LARGEST:
            raise ValueError('the exact power is too long; with a decimal, 2.0, it is a float')


def _fitting(result: Any) -> Any:
    data = result.data if isinstance(result, Value) else result
    if isinstance(data, Fraction) and max(data.numerator.bit_length(), data.denominator.bit_length()) > LARGEST:
        raise ValueError('the exact number is too long; with a decimal, 2.0, it is a float')
    return result


def _undefined(trouble: ValueError, node: ast.expr, operands: list[Any]) -> str:
    """Say of which numbers a function is not defined."""
    name = function_of(node)
    if name not in operations or not operations[name].is_kernel:
        return str(trouble)
    data = (x.data if isinstance(x, Value) else x for x in operands)
    numbers = ', '.join(str(x) if isinstance(x, Fraction) else f'{x:.6g}' for x in data)
    domain = operations[name].domain
    return f'{name}({numbers}) is not defined' + f'; it is where {domain}' * bool(domain)


def _explained(trouble: SyntaxError) -> str:
    """Say in our words what Python's parser says of its own grammar."""
    message = trouble.msg or ''
    if 'decimal literal' in message or 'invalid syntax' in message:
        return 'this cannot be read; is there a sign missing? A product is written with *, 2*a'
    return f'this cannot be read: {message}' if 'closed' in message or 'match' in message else 'this cannot be read'
