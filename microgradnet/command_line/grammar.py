"""The grammar of expressions: which nodes of Python's syntax it has, and refusals that point at all others.

>>> check(ast.parse('sin(a, b)', mode='eval').body, 'sin(a, b)')
Traceback (most recent call last):
    ...
ValueError: column 1: sin takes 1 operand, not 2
  sin(a, b)
  ^^^^^^^^^
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Iterator

from ..operations import operations

__all__ = ['SEVERAL', 'check', 'check_signs', 'function_names', 'function_of', 'operands_of', 'pointing', 'refusal']

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


def check_signs(text: str) -> None:
    """Refuse every sign that the grammar does not have, before Python's parser sees it."""
    for column, sign in enumerate(text):
        if not ALLOWED.match(sign):
            raise pointing(_no_place(repr(sign), sign), text, column, column + 1)


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
    return pointing(what, text, node.col_offset, node.end_col_offset or node.col_offset + 1)


def pointing(what: str, text: str, start: int, stop: int) -> ValueError:
    """Return an error that shows the text, and carets under a part of it."""
    left = max(0, min(start - SHOWN // 2, len(text) - SHOWN))
    shown = ''.join(sign if sign.isprintable() else '?' for sign in text[left : left + SHOWN])
    before, after = '…' * (left > 0), '…' * (left + SHOWN < len(text))
    carets = '^' * max(1, min(stop, left + SHOWN) - start)
    inset = len(before) + start - left + len(carets)
    return ValueError(f'column {start + 1}: {what}\n  {before}{shown}{after}\n  {carets:>{inset}}')
