"""The grammar of cells and their printing, on random cells against an interpreter of their trees."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microgradnet.engine import algebras
from microgradnet.engine import cells as grammar
from microgradnet.engine.cells import ARITHMETICS, KERNELS, define, power, write
from microgradnet.engine.table import operations
from tests.support.examples import for_each

# Random cells, as text with all the parentheses there can be.

numbers = st.sampled_from(['0', '1', '2', '3', '0.5', '1.5', '1e-3', '7'])
names = st.sampled_from(['a', 'b', 'y'])
signs = st.sampled_from(['+', '-', '*', '/', '**'])
comparisons = st.sampled_from(['<', '<=', '>', '>=', '==', '!='])


def conditions(cells: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    compared = st.builds('({} {} {})'.format, cells, comparisons, cells)
    joined = st.builds('({} {} {})'.format, compared, st.sampled_from(['and', 'or']), compared)
    return st.one_of(compared, joined, st.builds('({} and {} or {})'.format, compared, joined, compared))


def larger(cells: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds('({} {} {})'.format, cells, signs, cells),
        st.builds('(-{})'.format, cells),
        st.builds('({} if {} else {})'.format, cells, conditions(cells), cells),
        st.builds('{}({})'.format, st.sampled_from(['exp', 'log', 'abs', 'sqrt']), cells),
        st.builds('hypot({}, {})'.format, cells, cells),
    )


random_cells = st.recursive(numbers | names, larger, max_leaves=10)
#: Cells of the rational operations only, and whole exponents.
rational_cells = st.recursive(
    numbers | names,
    lambda cells: st.one_of(
        st.builds('({} {} {})'.format, cells, st.sampled_from('+-*/'), cells),
        st.builds('({} ** {})'.format, cells, st.sampled_from(['0', '1', '2', '3'])),
        st.builds('(-{})'.format, cells),
        st.builds('({} if {} else {})'.format, cells, conditions(cells), cells),
        st.builds('abs({})'.format, cells),
    ),
    max_leaves=10,
)
floats = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 1e300, 5e-324, math.inf, math.nan])
fractions = st.fractions(-4, 4, max_denominator=6)

SIGNS: dict[type, Callable[[Any, Any], Any]] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def interpret(node: ast.expr, here: dict[str, Any], arithmetic: str) -> Any:
    """Compute a cell from its tree, in one of the arithmetics."""
    def look(part: ast.expr) -> Any:
        return interpret(part, here, arithmetic)

    divide = algebras.divide if arithmetic == 'ieee' else operator.truediv
    raised = algebras.power if arithmetic == 'ieee' else power
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number)) if arithmetic == 'exact' else float(number)
        case ast.Name(id=name):
            return here[name]
        case ast.UnaryOp(operand=part):
            return -look(part)
        case ast.BinOp(left=left, op=sign, right=right):
            return ({ast.Div: divide, ast.Pow: raised} | SIGNS)[type(sign)](look(left), look(right))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return COMPARISONS[type(sign)](look(left), look(right))
        case ast.BoolOp(op=word, values=values):
            return (all if isinstance(word, ast.And) else any)(look(value) for value in values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return look(body) if look(test) else look(orelse)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return operations[name].value(arithmetic)(*map(look, arguments))
    raise AssertionError(ast.dump(node))


def space() -> dict[str, Any]:
    rows = {name: operations[name].value('python') for name in ('exp', 'log', 'abs', 'sqrt', 'hypot')}
    return {**KERNELS, 'power': power, **rows}


def run(tree: ast.expr, here: dict[str, Any], algebra: algebras.Algebra) -> Any:
    """Compute a cell as its graph text says, over an algebra."""
    text = f'def cell(g, {", ".join(here)}):\n    return {write(tree, "graph")}\n'
    return define(text, {'inf': math.inf}, 'a random cell', algebra.number)(algebra, **here)


def outcome(compute: Callable[[], Any]) -> str:
    try:
        return repr(compute())
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__


@given(random_cells, floats, floats, floats)
@example('(a - (b - y))', 1.0, 2.0, 4.0)
@example('(a / (b * y))', 1.0, 2.0, 4.0)
@example('((-a) ** 2)', 3.0, 0.0, 0.0)
@example('(-(a ** 2))', 3.0, 0.0, 0.0)
@example('((a if (a > b) else b) - (b if (a > b) else (y if (y > a) else a)))', 1.0, 2.0, 3.0)
@example('(1 if ((a < b) and ((b < y) or (y < a))) else 0)', 1.0, 2.0, 3.0)
def test_printed_cells_compute_what_their_trees_say(cell: str, a: float, b: float, y: float) -> None:
    tree, here = grammar.parse(cell), {'a': a, 'b': b, 'y': y}
    grammar.check(tree, {*here}, 'a random cell')
    printed = write(tree, 'python')
    assert outcome(lambda: eval(printed, space(), here)) == outcome(lambda: interpret(tree, here, 'python')), printed
    got = outcome(lambda: run(tree, here, operations.algebras['ieee']))
    assert got == outcome(lambda: interpret(tree, here, 'ieee'))
    assert not got.endswith('Error')


@given(rational_cells, fractions, fractions, fractions)
def test_cells_over_fractions_are_exact(cell: str, a: Fraction, b: Fraction, y: Fraction) -> None:
    tree, here = grammar.parse(cell), {'a': a, 'b': b, 'y': y}
    got = outcome(lambda: run(tree, here, operations.algebras['exact']))
    assert got == outcome(lambda: interpret(tree, here, 'exact'))
    assert got.startswith('Fraction(') or got == 'ZeroDivisionError'


@given(random_cells)
def test_printing_needs_no_more_parentheses_than_the_tree(cell: str) -> None:
    printed = write(grammar.parse(cell), 'python')
    assert printed.count('(') <= cell.count('(') + cell.count('**') + cell.count('if')


@for_each('name', [op.name for op in operations.values()])
@for_each('arithmetic', ARITHMETICS)
def test_every_cell_of_the_table_is_printed_as_an_expression(name: str, arithmetic: str) -> None:
    op = operations[name]
    for cell in [op.cell, *op.partial_cells, *op.let.values()]:
        ast.parse(write(cell, arithmetic), mode='eval')


@for_each(('cell', 'printed'), [
    ('a[i]', 'a'),
    ('a[i] * b[i]', 'map(mul, a, b)'),
    ('sum(a[i])', 'total(a)'),
    ('max(a[i])', 'largest(a)'),
    ('max(a, b)', 'max(a, b)'),
    ('sum(a[i] * b[i]) + c', 'total(map(mul, a, b)) + c'),
    ('sum(2 * a[i]) / c', 'total([2.0 * a_i for a_i in a]) / c'),
    ('a[i] - b[i]', '[a_i - b_i for a_i, b_i in zip(a, b)]'),
    ('b[i] * a[i]', 'map(mul, b, a)'),
])  # fmt: skip
def test_terms_become_lists(cell: str, printed: str) -> None:
    assert write(grammar.parse(cell), 'python') == printed
    vectors = {'a': [1.0, 2.0], 'b': [3.0, -1.0], 'c': 0.5}
    eval(printed, {**space(), 'max': max}, vectors if 'max(a,' not in printed else {'a': 1.0, 'b': 2.0})


OUTSIDE = [
    'a @ b', 'a % b', 'a // b', 'a | b', 'a << 2', '~a', '+a', 'not a', 'a < b < c', 'a in b', 'a is b',
    'a.real', 'a[0]', 'a[i + 1]', 'a[1:]', '[a]', '(a, b)', '{a}', '{a: b}', 'lambda: a', '[x for x in a]',
    'f"{a}"', '"a"', 'True', '1j', '...', 'b"a"', 'f(*a)', 'f(**a)', 'f(x=a)', 'a.f()', '(lambda: a)()', '(x := a)',
    'f(a)(b)', '__import__("os")', 'a if a.b else b',
]  # fmt: skip


@for_each('cell', OUTSIDE)
def test_what_is_outside_the_grammar_is_refused_with_its_place(cell: str) -> None:
    with pytest.raises(ValueError, match=r'^row odd, value: .* is not in the grammar of cells$'):
        grammar.check(grammar.parse(cell), {'a', 'b', 'c', 'f', 'x', 'i'}, 'row odd, value')


@for_each('cell', ['z', 'a + z', 'exp(z)', 'z[i]', 'a if z > 0 else b', 'i', 'nan', 'exp'])
def test_an_unknown_name_is_refused_with_its_place(cell: str) -> None:
    with pytest.raises(ValueError, match=r'^row odd, d/da: .* is neither an operand nor defined by let$'):
        grammar.check(grammar.parse(cell), {'a', 'b'}, 'row odd, d/da')


@for_each('text', ['a + 1', 'e = f = a', 'e += 1', 'import os', 'e, f = a', 'e.x = a', '(e)[i].x = a'])
def test_let_takes_definitions_of_plain_names_alone(text: str) -> None:
    with pytest.raises(ValueError, match=r'^let wants'):
        grammar.parse_let(text)


def test_let_keeps_its_order_and_knows_terms() -> None:
    definitions = grammar.parse_let('m = max(a[i]); e[i] = exp(a[i] - m); t = sum(e[i])')
    assert {name: ast.unparse(cell) for name, cell in definitions.items()} == {
        'm': 'max(a[i])', 'e': 'exp(a[i] - m)', 't': 'sum(e[i])',
    }  # fmt: skip
    assert grammar.parse_let('') == {}


def test_names_and_calls_are_told_apart() -> None:
    cell = grammar.parse('exp(a) * sum(sin(b[i]) / inf) + max(y, exp(2)) + max(c[i])')
    assert grammar.named(cell) == {'a', 'b', 'c', 'y'}
    assert sorted(grammar.called(cell)) == ['exp', 'max', 'sin']
    assert grammar.terms(cell) == []


def test_an_unknown_arithmetic_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"arithmetic wants one of .*, not 'decimal'"):
        write(grammar.parse('a'), 'decimal')
