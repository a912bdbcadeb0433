"""The grammar of the table's cells.

A cell is a Python expression over the operands ``a b c``, the result ``y``, the
row's own ``let`` names, numbers, ``inf`` and calls of other rows. It may choose
(``x if a > 0 else z``), and it may be ``None``: no signal travels along this edge,
which is how ``where`` keeps the branch not taken out of everything. A row whose
operands are vectors writes ``a[i]`` for a term and ``sum(...)``, ``max(...)`` over i.

The same cell is printed in two ways: as Python's arithmetic on floats, which may
raise, and as calls of a builder ``g``. Over the second run the derivatives that are
graphs themselves, the compiler, and the algebras of ``algebras``.

>>> cell = parse('2 * a if a > 0 else a / 3')
>>> write(cell, 'python')
'(2.0 * a if a > 0.0 else a / 3.0)'
>>> write(cell, 'graph')
'g.choose(g.gt(a, 0), lambda: g.mul(2, a), lambda: g.div(a, 3))'
"""

from __future__ import annotations

import ast
import linecache
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import add, mul
from typing import Any, TypeAlias

__all__ = [
    'ARITHMETICS', 'KERNELS', 'Function', 'Substitute', 'called', 'check', 'define', 'math_function', 'named', 'parse',
    'parse_let', 'power', 'reduces', 'terms', 'total', 'write',
]  # fmt: skip

Function: TypeAlias = Callable[..., Any]


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
    nodes = [*ast.walk(cell)]
    others = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    others |= {id(node.slice) for node in nodes if isinstance(node, ast.Subscript)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in others} - set(CONSTANTS)


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


ARITHMETICS = ('python', 'graph')
#: Finds the parameters and the value of a row that may be written out in place of a call.
Inline: TypeAlias = Callable[[str], tuple[str, ast.expr] | None]
#: What a builder calls operators and comparisons.
GRAPH: dict[type, str] = {
    ast.Add: 'add',
    ast.Sub: 'sub',
    ast.Mult: 'mul',
    ast.Div: 'div',
    ast.Pow: 'pow',
    ast.Gt: 'gt',
    ast.Lt: 'lt',
    ast.GtE: 'ge',
    ast.LtE: 'le',
    ast.Eq: 'eq',
    ast.NotEq: 'ne',
}


def write(
    cell: ast.expr,
    arithmetic: str,
    inline: Inline = lambda name: None,
) -> str:
    """Print a cell as Python source in one of the ``ARITHMETICS``.

    A cell that speaks of terms is printed as the list of them. ``inline(name)`` may
    return the parameters and the value of a row short enough to be written out in
    place of its call.

    >>> write(parse('a[i] / sum(a[i] * b[i])'), 'python')
    '[a_i / total(map(mul, a, b)) for a_i in a]'
    """
    if arithmetic not in ARITHMETICS:
        raise ValueError(f'arithmetic wants one of {ARITHMETICS}, not {arithmetic!r}')
    text, _ = (_GraphWriter if arithmetic == 'graph' else _Writer)(inline).spell(cell)
    return over(terms(cell), text)


def over(vectors: list[str], text: str) -> str:
    """Print the list of a term's values, over one vector or several side by side."""
    if not vectors:
        return text
    if len(vectors) == 1:
        return vectors[0] if text == f'{vectors[0]}_i' else f'[{text} for {vectors[0]}_i in {vectors[0]}]'
    if text == ' * '.join(f'{vector}_i' for vector in vectors) and len(vectors) == 2:
        return f'map(mul, {", ".join(vectors)})'
    return f'[{text} for {", ".join(f"{v}_i" for v in vectors)} in zip({", ".join(vectors)})]'


class _Writer:
    """Prints expressions with no more parentheses than they need."""

    def __init__(self, inline: Inline) -> None:
        self.inline = inline

    def spell(self, node: ast.expr) -> tuple[str, int]:
        """Return the text of an expression, and how tightly its last operator binds."""
        return getattr(self, f'spell_{type(node).__name__}')(node)  # type: ignore[no-any-return]

    def bound(self, node: ast.expr, least: int) -> str:
        text, binding = self.spell(node)
        return text if binding >= least else f'({text})'

    def spell_Name(self, node: ast.Name) -> tuple[str, int]:
        return node.id, 9

    def spell_Tuple(self, node: ast.Tuple) -> tuple[str, int]:
        return f'({", ".join(self.spell(item)[0] for item in node.elts)},)', 9

    def spell_Subscript(self, node: ast.Subscript) -> tuple[str, int]:
        return f'{ast.unparse(node.value)}_i', 9

    def spell_Constant(self, node: ast.Constant) -> tuple[str, int]:
        number = node.value
        if number is None:
            return 'None', 9
        assert isinstance(number, (int, float))
        return repr(float(number)), 9

    def spell_UnaryOp(self, node: ast.UnaryOp) -> tuple[str, int]:
        return f'-{self.bound(node.operand, 3)}', 3

    def spell_BinOp(self, node: ast.BinOp) -> tuple[str, int]:
        sign, binding = BINARY[type(node.op)]
        if sign == '**':
            return f'power({self.spell(node.left)[0]}, {self.spell(node.right)[0]})', 9
        return f'{self.bound(node.left, binding)} {sign} {self.bound(node.right, binding + 1)}', binding

    def spell_Compare(self, node: ast.Compare) -> tuple[str, int]:
        sign = COMPARE[type(node.ops[0])]
        return f'{self.bound(node.left, 1)} {sign} {self.bound(node.comparators[0], 1)}', 0

    def spell_BoolOp(self, node: ast.BoolOp) -> tuple[str, int]:
        word = ' and ' if isinstance(node.op, ast.And) else ' or '
        return f'({word.join(self.bound(value, 0) for value in node.values)})', 9

    def spell_IfExp(self, node: ast.IfExp) -> tuple[str, int]:
        yes, condition, no = (self.spell(part)[0] for part in (node.body, node.test, node.orelse))
        if isinstance(node.orelse, ast.IfExp):
            no = no[1:-1]
        return f'({yes} if {condition} else {no})', 9

    def spell_Call(self, node: ast.Call) -> tuple[str, int]:
        assert isinstance(node.func, ast.Name)
        if reduces(node):
            text = over(terms(node.args[0]), self.spell(node.args[0])[0])
            return f'{REDUCTIONS[node.func.id]}({text})', 9
        row = self.inline(node.func.id)
        if row is not None and all(isinstance(arg, (ast.Name, ast.Subscript)) for arg in node.args):
            parameters, cell = row
            arguments = dict(zip(parameters, node.args, strict=True))
            return self.spell(Substitute(arguments).visit(parse(ast.unparse(cell))))
        return f'{node.func.id}({", ".join(self.spell(arg)[0] for arg in node.args)})', 9


class _GraphWriter(_Writer):
    """Prints every operation as a call of the builder ``g``, which records it."""

    def call(self, name: str, *operands: ast.expr) -> tuple[str, int]:
        return f'g.{name}({", ".join(self.spell(operand)[0] for operand in operands)})', 9

    def spell_Constant(self, node: ast.Constant) -> tuple[str, int]:
        return repr(node.value), 9

    def spell_UnaryOp(self, node: ast.UnaryOp) -> tuple[str, int]:
        return self.call('neg', node.operand)

    def spell_BinOp(self, node: ast.BinOp) -> tuple[str, int]:
        return self.call(GRAPH[type(node.op)], node.left, node.right)

    def spell_Compare(self, node: ast.Compare) -> tuple[str, int]:
        return self.call(GRAPH[type(node.ops[0])], node.left, node.comparators[0])

    def spell_BoolOp(self, node: ast.BoolOp) -> tuple[str, int]:
        # Lazily, as Python does: with an exponent that is a number, most of a power's rule is never recorded.
        name = 'both' if isinstance(node.op, ast.And) else 'either'
        return f'g.{name}({", ".join(f"lambda: {self.spell(value)[0]}" for value in node.values)})', 9

    def spell_IfExp(self, node: ast.IfExp) -> tuple[str, int]:
        test, yes, no = (self.spell(part)[0] for part in (node.test, node.body, node.orelse))
        return f'g.choose({test}, lambda: {yes}, lambda: {no})', 9

    def spell_Call(self, node: ast.Call) -> tuple[str, int]:
        assert isinstance(node.func, ast.Name)
        if reduces(node):
            return f'g.{REDUCTIONS[node.func.id]}({over(terms(node.args[0]), self.spell(node.args[0])[0])})', 9
        return self.call(node.func.id, *node.args)


def power(a: Any, b: Any) -> Any:
    """Return ``a ** b``, as Python does, except that a complex result is a ValueError."""
    result = a**b
    if isinstance(result, complex):
        raise ValueError(f'math domain error: {a!r} ** {b!r} is not a real number')
    return result


def total(terms: Iterable[Any]) -> Any:
    """Add terms from left to right, as ``+`` does."""
    return reduce(add, terms, 0)


#: What printed cells call besides rows. Up to Python 3.11 the built-in sum adds as
#: ``total`` does, and faster; from 3.12 on it compensates, and differs from ``+``.
KERNELS: dict[str, Any] = {
    'mul': mul,
    'total': sum if sys.version_info < (3, 12) else total,
    'largest': max,
    'inf': math.inf,
}


def math_function(name: str) -> Function:
    """Return Python's own function of a name, from ``math``, which may raise."""
    if name == 'abs':
        return abs
    if not hasattr(math, name):
        raise ValueError(f'row {name}: a primitive needs a function of the same name in math')
    return getattr(math, name)  # type: ignore[no-any-return]


def define(source: str, space: dict[str, Any], title: str, number: Function | None = None) -> Function:
    """Run the source of a function and return it; debuggers and ``inspect`` find the text.

    It is the last one in the text; others, which it calls, are put into the space.

    With ``number``, every number in the text is what it makes of it, once.

    >>> define('def twice(a):\\n    return a + a\\n', {}, 'an example')(4)
    8
    """
    filename = f'<microgradnet {title}>'
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    local: dict[str, Function] = {}
    text = _Numbers(space, number).visit(ast.parse(source)) if number else source
    exec(compile(text, filename, 'exec'), space, local)
    *others, name = local
    space.update((other, local[other]) for other in others)
    return local[name]


class _Numbers(ast.NodeTransformer):
    """Makes globals of the numbers in a text; the name of a number is its own text."""

    def __init__(self, space: dict[str, Any], number: Function) -> None:
        self.space, self.number = space, number

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) not in (int, float):
            return node
        name = repr(node.value)
        if name not in self.space:
            self.space[name] = self.number(node.value)
        return ast.copy_location(ast.Name(name, ast.Load()), node)
