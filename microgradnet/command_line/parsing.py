"""The grammar of expressions: which nodes of Python's syntax it has, and refusals that point at all others.

>>> check(ast.parse('sin(a, b)', mode='eval').body, 'sin(a, b)')
Traceback (most recent call last):
    ...
ValueError: column 1: sin takes 1 operand, not 2
  sin(a, b)
  ^^^^^^^^^

Expressions as people type them, read into a graph and never run as code.

The grammar: numbers, names, the constants ``pi`` and ``e``, ``+ - * / **``, brackets,
calls of the table's functions, and lists for those that take them, ``dot([a, b], [c, d])``.
Anything else is refused with a ValueError that points at it.

>>> from microgradnet.engine.value import Value
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
import difflib
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ..engine import functions
from ..engine.numbers import Fraction, Number
from ..engine.table import operations
from ..engine.value import Value

__all__ = [
    'CONSTANTS', 'SEVERAL', 'Expression', 'check', 'function_names', 'function_of', 'number',
    'operands_of', 'parse', 'refusal', 'sizes_of',
]  # fmt: skip


#: Operations nested so deep an expression may have.
DEEPEST = 150
#: So much of a long expression is shown around the place that is pointed at.
SHOWN = 70

SIGNS: dict[type, str] = {
    ast.Add: 'add', ast.Sub: 'sub', ast.Mult: 'mul', ast.Div: 'div', ast.Pow: 'pow', ast.USub: 'neg',
}  # fmt: skip
ALLOWED = re.compile(r'[A-Za-z0-9_.+\-*/(),\[\] ]')
#: What to write for signs that the grammar does not have.
INSTEAD = {
    '^': 'a power is written **', '=': 'numbers of names follow the expression: a=2', '<': 'write less(a, b)',
    '>': 'write greater(a, b)', '·': 'write *', '×': 'write *', '−': 'write -', '÷': 'write /', '²': 'write **2',
    '³': 'write **3', 'π': 'write pi', '√': 'write sqrt(a)', 'if': 'write where(condition, yes, no)',
}  # fmt: skip
KINDS: dict[type, str] = {
    ast.Attribute: 'an attribute', ast.Subscript: 'an index', ast.Tuple: 'a comma outside of a call',
    ast.Starred: '* before an operand', ast.IfExp: 'if', ast.Compare: 'a comparison', ast.BoolOp: 'and, or',
    ast.ListComp: 'a comprehension', ast.GeneratorExp: 'a comprehension', ast.FloorDiv: '//', ast.Not: 'not',
}  # fmt: skip
#: Functions of one list, or of several operands, whatever their number.
SEVERAL = ('max', 'min', 'mean')


def _check_signs(text: str) -> None:
    """Refuse every sign that the grammar does not have, before Python's parser sees it."""
    for column, sign in enumerate(text):
        if not ALLOWED.match(sign):
            raise _pointing(_no_place(repr(sign), sign), text, column, column + 1)


def check(tree: ast.expr, text: str) -> None:
    """Refuse every node that is not of the grammar."""
    todo = [(tree, 1, False)]
    while todo:
        node, depth, may_be_list = todo.pop()
        if depth > DEEPEST:
            raise ValueError(f'the expression is nested too deep: {DEEPEST} operations within each other are the limit')
        if isinstance(node, ast.List):
            if not may_be_list or not node.elts:
                what = 'a list stands only in a call that takes one: sum([a, b])' if node.elts else 'the list is empty'
                raise refusal(what, text, node)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            if type(node.op) not in SIGNS and not isinstance(node.op, ast.UAdd):
                raise refusal(_no_place(KINDS.get(type(node.op), 'this sign')), text, node)
        elif isinstance(node, ast.Constant):
            if type(node.value) not in (int, float) or node.value in (math.inf, -math.inf):
                written = text[node.col_offset : node.end_col_offset]
                raise refusal(f'{written} is not a number that a float can hold', text, node)
        elif isinstance(node, ast.Call):
            _check_call(node, text)
        elif not isinstance(node, ast.Name):
            raise refusal(_no_place(KINDS.get(type(node), 'this')), text, node)
        lists = [*_takes_lists(node)] if isinstance(node, ast.Call) else [False] * 2
        todo += [(part, depth + 1, lists[k] if k < len(lists) else False) for k, part in enumerate(operands_of(node))]


def _check_call(node: ast.Call, text: str) -> None:
    """Refuse a call of what is no function of the table, or with operands that it does not take."""
    if not isinstance(node.func, ast.Name):
        raise refusal('only functions can be called; a product is written with *', text, node.func)
    if node.keywords:
        raise refusal(_no_place('** before an operand'), text, node.keywords[0].value)
    name, count, known = node.func.id, len(node.args), function_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean {close[0]!r}?' if close else 'a product is written with *' if len(name) < 3 else ''
        raise refusal(f'there is no function {name!r}' + f'; {hint}' * bool(hint), text, node.func)
    if name in SEVERAL:
        if not count:
            raise refusal(f'{name} takes one operand or more, not 0', text, node)
        return
    op = operations[name]
    most, least = len(op.parameters), len(op.parameters) - len(op.default)
    if not least <= count <= most:
        wanted = f'{least}' if least == most else f'{least} to {most}'
        raise refusal(f'{name} takes {wanted} operand{"s" * (most > 1)}, not {count}', text, node)
    for parameter, operand in zip(op.parameters, node.args):
        if parameter in op.vectors and not isinstance(operand, ast.List):
            raise refusal(f'{name} takes a list here, [a, b]', text, operand)


def _takes_lists(call: ast.Call) -> Iterator[bool]:
    """Tell for every operand whether it may be a list."""
    name = call.func.id  # type: ignore[attr-defined]
    if name in SEVERAL:
        yield len(call.args) == 1
    else:
        yield from (parameter in operations[name].vectors for parameter in operations[name].parameters)


def _no_place(what: str, sign: str = '') -> str:
    hint = INSTEAD.get(sign or what)
    return f'{what} has no place in an expression' + f': {hint}' * bool(hint)


def operands_of(node: ast.expr) -> list[ast.expr]:
    """List what an operator, a call or a list is of; of a name or a number nothing."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.List) else []


def function_of(node: ast.expr) -> str:
    """Return the function that a node calls, by name; of a number, and of a plus before an operand, none."""
    if isinstance(node, ast.Call):
        return node.func.id  # type: ignore[attr-defined, no-any-return]
    return SIGNS.get(type(getattr(node, 'op', None)), '')


def function_names() -> list[str]:
    """List the functions that an expression may call: all of the table, and ``mean``."""
    return [*operations, 'mean']


def refusal(what: str, text: str, node: ast.expr) -> ValueError:
    """Return an error that points at a node."""
    return _pointing(what, text, node.col_offset, node.end_col_offset or node.col_offset + 1)


def _pointing(what: str, text: str, start: int, stop: int) -> ValueError:
    """Return an error that shows the text, and carets under a part of it."""
    left = max(0, min(start - SHOWN // 2, len(text) - SHOWN))
    shown = ''.join(sign if sign.isprintable() else '?' for sign in text[left : left + SHOWN])
    before, after = '…' * (left > 0), '…' * (left + SHOWN < len(text))
    carets = '^' * max(1, min(stop, left + SHOWN) - start)
    inset = len(before) + start - left + len(carets)
    return ValueError(f'column {start + 1}: {what}\n  {before}{shown}{after}\n  {carets:>{inset}}')


CONSTANTS = {'pi': math.pi, 'e': math.e}
#: An expression may be so long, and so many bits an exact number may have.
LONGEST, LARGEST = 2000, 2000
#: A net of more weights than these is not looked at one by one.
MANY = 10_000


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
    _check_signs(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            tree = ast.parse(text, mode='eval').body
    except SyntaxError as trouble:
        column = min((trouble.offset or len(text) + 1) - 1, len(text))
        raise _pointing(_explained(trouble), text, column, column + 1) from None
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


def sizes_of(text: str, command: str) -> list[int]:
    """Read the sizes of a net, inputs first, for a command that shows each of its weights.

    >>> sizes_of('2-2-2-1', 'derive')
    [2, 2, 2, 1]
    """
    parts = text.split('-')
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 and int(part) for part in parts):
        raise ValueError(f'the sizes of a net are like 2-2-2-1, inputs first and outputs last, not {text!r}')
    sizes = [*map(int, parts)]
    weights = sum((before + 1) * after for before, after in pairwise(sizes))
    if weights > MANY:
        has = f'a net of {text} has {weights:,} weights and biases'
        raise ValueError(f'{has}; {command} takes nets of {MANY:,} at most')
    return sizes


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
