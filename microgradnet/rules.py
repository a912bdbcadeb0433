"""The grammar of the table's cells.

A cell is a Python expression over the operands ``a b c``, the result ``y``, the
row's own ``let`` names, numbers, ``inf`` and calls of other rows. It may choose
(``x if a > 0 else z``), and it may be ``None``: no signal travels along this edge,
which is how ``where`` keeps the branch not taken out of everything. A row whose
operands are vectors writes ``a[i]`` for a term and ``sum(...)``, ``max(...)`` over i.

How a cell is printed as code is the business of ``writing``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

__all__ = ['Substitute', 'called', 'check', 'named', 'parse', 'parse_let', 'reduces', 'terms']

#: Reductions over i, and what they are called in print: the rows sum and max are others.
REDUCTIONS = {'sum': 'total', 'max': 'largest'}
CONSTANTS = ('inf',)
#: Operators, by how tightly they bind; every one is a row of the table.
BINARY: dict[type, tuple[str, int]] = {
    ast.Add: ('+', 1),
    ast.Sub: ('-', 1),
    ast.Mult: ('*', 2),
    ast.Div: ('/', 2),
    ast.Pow: ('**', 4),
}
COMPARE: dict[type, str] = {
    ast.Lt: '<',
    ast.LtE: '<=',
    ast.Gt: '>',
    ast.GtE: '>=',
    ast.Eq: '==',
    ast.NotEq: '!=',
}


def parse(cell: str) -> ast.expr:
    """Read one cell.

    >>> ast.unparse(parse('a ** 2'))
    'a ** 2'
    """
    return ast.parse(cell.strip(), mode='eval').body


def parse_let(text: str) -> dict[str, ast.expr]:
    """Read a row's definitions, ``name = expression; ...``, in order.

    >>> {name: ast.unparse(cell) for name, cell in parse_let('e = exp(-a); d = 1 + e').items()}
    {'e': 'exp(-a)', 'd': '1 + e'}
    """
    result = {}
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            raise ValueError(f'let wants "name = expression; ...", not {ast.unparse(statement)!r}')
        target = statement.targets[0]
        name = target.value if isinstance(target, ast.Subscript) else target
        if not isinstance(name, ast.Name):
            raise ValueError(f'let wants a plain name on the left, not {ast.unparse(target)!r}')
        result[name.id] = statement.value
    return result


def named(cell: ast.AST) -> set[str]:
    """Return the operands and let names that a cell uses.

    >>> sorted(named(parse('exp(-b) * a + inf')))
    ['a', 'b']
    """
    functions = {id(node.func) for node in ast.walk(cell) if isinstance(node, ast.Call)}
    indices = {id(node.slice) for node in ast.walk(cell) if isinstance(node, ast.Subscript)}
    return {
        node.id
        for node in ast.walk(cell)
        if isinstance(node, ast.Name) and id(node) not in functions | indices
    } - set(CONSTANTS)


def called(cell: ast.AST) -> list[str]:
    """Return the names of the rows that a cell calls, in order.

    >>> called(parse('exp(a) + sum(sin(a[i]))'))
    ['exp', 'sin']
    """
    names = (node.func.id for node in ast.walk(cell)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
             and not reduces(node))  # fmt: skip
    return list(dict.fromkeys(names))


def check(cell: ast.expr, names: set[str], where: str) -> None:
    """Raise ValueError unless a cell keeps to the grammar and to the known names.

    >>> check(parse('a @ b'), {'a', 'b'}, 'row matmul, value')
    Traceback (most recent call last):
        ...
    ValueError: row matmul, value: 'a @ b' is not in the grammar of cells
    """
    for node in _expressions(cell):
        if not (
            isinstance(node, (ast.IfExp, ast.BoolOp))
            or (isinstance(node, ast.BinOp) and type(node.op) in BINARY)
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub))
            or (isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARE and len(node.ops) == 1)
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords)
            or (isinstance(node, ast.Subscript) and ast.unparse(node.slice) == 'i')
            or (isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (int, float)))
            or isinstance(node, ast.Name)
        ):  # fmt: skip
            raise ValueError(f'{where}: {ast.unparse(node)!r} is not in the grammar of cells')
    unknown = named(cell) - names
    if unknown:
        raise ValueError(f'{where}: {min(unknown)!r} is neither an operand nor defined by let')


def _expressions(cell: ast.expr) -> Iterator[ast.expr]:
    """Walk over the sub-expressions of a cell, without the names of functions and indices."""
    skip = {
        id(node.func if isinstance(node, ast.Call) else node.slice)
        for node in ast.walk(cell)
        if isinstance(node, (ast.Call, ast.Subscript))
    }
    return (node for node in ast.walk(cell) if isinstance(node, ast.expr) and id(node) not in skip)


def reduces(node: ast.AST) -> bool:
    """Tell ``sum(a[i] * b[i])`` and ``max(a[i])`` from the rows of these names."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in REDUCTIONS
        and len(node.args) == 1
    )


def terms(cell: ast.AST) -> list[str]:
    """Return the vectors whose i-th term a cell speaks of, outside its reductions.

    >>> terms(parse('a[i] * b[i] / sum(c[i])'))
    ['a', 'b']
    """
    if reduces(cell):
        return []
    if isinstance(cell, ast.Subscript) and isinstance(cell.value, ast.Name):
        return [cell.value.id]
    found = (name for child in ast.iter_child_nodes(cell) for name in terms(child))
    return list(dict.fromkeys(found))


class Substitute(ast.NodeTransformer):
    """Puts the arguments of a call in place of a row's operands."""

    def __init__(self, arguments: Mapping[str, ast.expr]) -> None:
        self.arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.arguments.get(node.id, node)
