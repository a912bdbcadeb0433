"""The tests of the table are tested: every cell is broken, and each break must be noticed.

A mutant is the row with one thing changed in one cell: the whole negated, doubled,
shifted by one, or one operator, comparison, number, name or call inside it. At least
one check of ``checks`` must fail for it, unless it computes the same numbers as the row,
or as one of its ``alternatives``, at all points of ``probes``. How a cell is written does
not matter.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

import pytest

from microgradnet.engine import cells as grammar
from microgradnet.engine.table import Operation, operations
from tests.support.checks import CHECKS
from tests.support.equivalent import ALTERNATIVES, computes, probes

OTHER_SIGN: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
OTHER_COMPARISONS: dict[type, list[type]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
}


def node_mutants(node: ast.expr, names: str) -> Iterator[ast.expr]:
    """Yield what may stand in place of one node of a cell."""
    match node:
        case ast.BinOp(left=left, op=sign, right=right):
            yield ast.BinOp(left, OTHER_SIGN[type(sign)](), right)
            if not isinstance(sign, (ast.Add, ast.Mult)):
                yield ast.BinOp(right, sign, left)
            yield from (left, right)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            yield from (ast.Constant(changed) for changed in (number + 1, number * (1 + 1e-14)) if changed != number)
        case ast.Compare(left=left, ops=[sign], comparators=right):
            yield from (ast.Compare(left, [other()], right) for other in OTHER_COMPARISONS[type(sign)])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from (ast.IfExp(test, orelse, body), body, orelse)
        case ast.BoolOp(op=word, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(word, ast.And) else ast.And(), values)
            yield from values
        case ast.Call(func=function, args=arguments) if not grammar.reduces(node):
            yield ast.UnaryOp(ast.USub(), node)
            yield ast.Call(function, [ast.UnaryOp(ast.USub(), arguments[0]), *arguments[1:]], [])
            yield from arguments
            if len(arguments) > 1:
                yield ast.Call(function, arguments[::-1], [])
        case ast.Name(id=name) if name in names:
            yield from (ast.Name(other) for other in names if other != name)


def cell_mutants(cell: ast.expr, names: str) -> Iterator[str]:
    """Yield a cell's mutants as text, each once and none that is the cell."""
    text = ast.unparse(cell)
    if text == 'None':
        return
    mutants = [f'-({text})', f'2 * ({text})', f'{text} + 1', '0', '1'] if '[i]' not in text else [f'-({text})']
    functions = {id(node.func) for node in ast.walk(cell) if isinstance(node, ast.Call)}
    for place, node in enumerate(ast.walk(cell)):
        if isinstance(node, ast.expr) and id(node) not in functions:
            for mutant in node_mutants(node, names):
                whole = copy.deepcopy(cell)
                target = next(islice(ast.walk(whole), place, None))
                mutants.append(ast.unparse(_Replace(target, mutant).visit(whole)))
    yield from (mutant for mutant in dict.fromkeys(mutants) if mutant != text)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, mutant: ast.expr) -> None:
        self.target, self.mutant = target, mutant

    def visit(self, node: ast.AST) -> ast.AST:
        return copy.deepcopy(self.mutant) if node is self.target else super().generic_visit(node)


Mutant: TypeAlias = tuple[str, str, Operation]


def cell_texts(op: Operation) -> tuple[dict[str, str], list[str]]:
    """Return the text of every cell of a row, and which of them are definitions."""
    let = {name: ast.unparse(cell) for name, cell in grammar.parse_let(op.let_text).items()}
    partials = {f'd/d{p}': text for p, text in zip(op.parameters, op.partial_texts, strict=True)}
    return {'y': op.text, **partials, **let}, [*let]


def mutants(op: Operation) -> Iterator[Mutant]:
    """Yield every mutant of a row: the cell that was changed, its new text, and the operation."""
    names = ''.join(p for p in op.parameters if p not in op.vectors)
    texts, let = cell_texts(op)
    for where, text in texts.items():
        for changed in cell_mutants(grammar.parse(text), names):
            yield from built(op, where, {**texts, where: changed}, let)


def built(op: Operation, where: str, texts: dict[str, str], let: list[str]) -> Iterator[Mutant]:
    """Build a mutant, if the change has left it a row at all; it is not in the table."""
    definitions = (f'{name}{"[i]" * bool(grammar.terms(grammar.parse(texts[name])))} = {texts[name]}' for name in let)
    try:
        mutant = Operation(
            operations, op.name, texts['y'], [texts[f'd/d{p}'] for p in op.parameters], op.latex,
            let='; '.join(definitions), method=op.method, numpy=op.numpy, domain=op.domain,
            kink=op.kink, ulps=op.ulps, default=op.default,
        )  # fmt: skip
    except ValueError:
        return
    if mutant.vectors == op.vectors:
        yield where, texts[where], mutant


def noticed_by(op: Operation) -> str:
    """Return the name of the first check that fails, or nothing."""
    for check in CHECKS:
        try:
            check(op)
        except Exception:  # an error is noticed as well as a failed assertion
            return check.__name__
    return ''


def alternatives(op: Operation) -> list[Operation]:
    """Build the rows that are listed as serving as well as a row."""
    texts, let = cell_texts(op)
    listed = [(where, text) for name, where, text in ALTERNATIVES if name == op.name]
    rows = [row for where, text in listed for _, _, row in built(op, where, {**texts, where: text}, let)]
    assert len(rows) == len(listed)
    return rows


@pytest.mark.slow
@pytest.mark.parametrize('op', [*operations.values()], ids=lambda op: op.name)
def test_every_break_of_a_row_is_noticed(op: Operation) -> None:
    assert not noticed_by(op)
    changed = [*mutants(op)]
    assert len(changed) >= (5 if op.partial_texts == ['None'] else 7)
    points = probes(op)
    fine = [[computes(row, point) for point in points] for row in (op, *alternatives(op))]

    def differs(mutant: Operation) -> bool:
        """Whether a mutant computes other numbers than the row and each of its alternatives."""
        return all(any(computes(mutant, point) != y for point, y in zip(points, ys, strict=True)) for ys in fine)

    unnoticed = {(where, text) for where, text, mutant in changed if not noticed_by(mutant) and differs(mutant)}
    assert unnoticed == set(), 'the checks do not notice these'


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted({name for name, _, _ in ALTERNATIVES}))
def test_an_alternative_computes_otherwise_and_serves_as_well(name: str) -> None:
    op = operations[name]
    for row in alternatives(op):
        assert not noticed_by(row)
        assert any(computes(row, point) != computes(op, point) for point in probes(op))


@pytest.mark.parametrize('name', ['sin', 'relu', 'max', 'div', 'dot'])
def test_a_row_written_anew_computes_the_same_and_a_mutant_does_not(name: str) -> None:
    op = operations[name]
    points = probes(op)
    texts, let = cell_texts(op)
    [(_, _, anew)] = built(op, 'y', {**texts, 'y': f'({texts["y"]}) * 1'}, let)
    assert all(computes(anew, point) == computes(op, point) for point in points)
    [(_, _, broken)] = built(op, 'y', {**texts, 'y': f'-({texts["y"]})'}, let)
    assert any(computes(broken, point) != computes(op, point) for point in points)


def test_a_mutant_is_one_change() -> None:
    assert set(cell_mutants(grammar.parse('a - b'), 'ab')) == {
        '-(a - b)', '2 * (a - b)', 'a - b + 1', '0', '1', 'a + b', 'b - a', 'a', 'b', 'b - b', 'a - a',
    }  # fmt: skip
    assert {text for _, text, _ in mutants(operations['sin'])} >= {'-cos(a)', 'a', '2 * (sin(a))', 'sin(-a)'}


def test_the_alternatives_are_of_rows_that_are_there() -> None:
    assert all(name in operations for name, _, _ in ALTERNATIVES)
