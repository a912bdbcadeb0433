"""Every row of the table, held against Python's floats, NumPy and many digits.

All tests loop over the table: a row just added is tested with no edit here.
"""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

import pytest

from microgradnet import functions
from microgradnet.engine import cells as grammar
from microgradnet.engine.table import Operation, operations
from microgradnet.engine.value import Constant, Value
from microgradnet.testing.places import flat, operand_sets
from microgradnet.testing.truth import TRUTH, VALUES, Truth, numeric_partials, true_partials
from tests.support.checks import CHECKS, cells, check_backward, outcome, python_function, trials
from tests.support.examples import for_each

ROWS = [*operations.values()]
every_row = pytest.mark.parametrize('op', ROWS, ids=lambda op: op.name)
REDUCTIONS = {'sum', 'max'}


@every_row
@for_each('check', CHECKS, ids=lambda check: check.__name__)
def test_row(op: Operation, check: Any) -> None:
    check(op)


@every_row
def test_backward_brings_the_partials_also_through_the_public_function(op: Operation) -> None:
    check_backward(op, getattr(functions, op.name))


@every_row
def test_there_are_hundreds_of_points_and_the_truth_is_known_at_many(op: Operation) -> None:
    known = [trial for trial in trials(op.name) if trial.partials]
    assert len(trials(op.name)) >= 150 and len(known) >= 50
    assert len({outcome(op.value('python'), *trial.operands) for trial in known}) > 1


@every_row
def test_the_method_and_the_function_compute_the_same(op: Operation) -> None:
    for trial in trials(op.name)[::5]:
        expected = outcome(op.value('python'), *trial.operands)
        if op.name != 'where':  # which of a plain number makes a plain choice
            assert outcome(getattr(functions, op.name), *trial.operands) == expected, trial
        if not op.vectors:
            first, *others = trial.operands
            for name in {op.name, op.method or op.name}:
                method = getattr(Value, name)
                assert outcome(lambda *all_of, method=method: method(*all_of).data, Value(first), *others) == expected


@for_each('op', [op for op in ROWS if len(op.parameters) > 1 and not op.vectors], ids=lambda op: op.name)
def test_a_number_beside_a_value_is_a_constant_that_gets_no_signal(op: Operation) -> None:
    sign = getattr(operator, op.method) if op.method else getattr(Value, op.name)
    for trial in trials(op.name)[::5]:
        leaves = [*map(Value, trial.operands)]
        try:
            whole = sign(*leaves)
        except (ArithmeticError, ValueError):
            continue
        for place, number in enumerate(trial.operands):
            if place == 0 and not op.reflected:
                continue
            node = sign(*leaves[:place], number, *leaves[place + 1 :])
            assert repr(node.data) == repr(whole.data), trial
            expected = [None if p == place else partial for p, partial in enumerate(whole.partials)]
            assert repr([*node.partials]) == repr(expected), trial
            assert isinstance(node.inputs[place], Constant)


@every_row
def test_the_table_is_closed_under_differentiation(op: Operation) -> None:
    """Whatever a cell calls or writes as an operator is a row, so its derivative is there, too."""
    signs = {ast.Add: 'add', ast.Sub: 'sub', ast.Mult: 'mul', ast.Div: 'div', ast.Pow: 'pow', ast.USub: 'neg'}
    for cell in cells(op):
        for node in ast.walk(cell):
            if isinstance(node, (ast.BinOp, ast.UnaryOp)):
                assert signs[type(node.op)] in operations
            if isinstance(node, ast.Call):
                assert isinstance(node.func, ast.Name)
                reduces = node.func.id in REDUCTIONS and len(node.args) == 1
                assert reduces or len(node.args) == len(operations[node.func.id].parameters)


@every_row
def test_every_cell_keeps_to_the_grammar(op: Operation) -> None:
    for cell in cells(op):
        grammar.check(cell, {*op.parameters, *op.let, 'y'}, f'row {op.name}')


@every_row
def test_a_row_says_what_its_columns_promise(op: Operation) -> None:
    assert 1 <= op.ulps < 10
    assert all(f'{{{parameter}}}' in op.latex for parameter in op.parameters)
    assert op.numpy and op.name.isidentifier()
    for text in [op.domain, *op.kink.split(';')]:
        names = {node.id for node in ast.walk(ast.parse(text.strip())) if isinstance(node, ast.Name)}
        assert names <= {*op.parameters, 'abs', 'hypot', 'max', 'min'}


def test_every_row_of_today_has_an_oracle_of_its_own() -> None:
    """A row that agrees only with itself is not tested."""
    named = [op for op in ROWS if op.name in TRUTH]
    assert len(named) >= len(TRUTH)
    assert all(python_function(op) or op.name in VALUES for op in named)


#: Their derivative is not that of the value cell, by definition or by a trick with digits.
NOT_BY_VALUE = ('stop_gradient', 'where', 'logsumexp', 'gauss')


@for_each('op', [op for op in ROWS if op.name not in NOT_BY_VALUE], ids=lambda op: op.name)
def test_the_oracles_agree_with_a_numeric_derivative_of_the_value(op: Operation) -> None:
    """A slip in ``oracles.TRUTH`` would blame a row that is right, or pass one that is wrong."""
    judged = 0
    for trial in trials(op.name):
        size = [abs(x) for x in flat(trial.operands)]
        truth = [t.near for t in trial.partials or () if t]
        mild = judged < 8 and all(1e-3 < x < 30 for x in size) and all(map(math.isfinite, truth))
        if mild and size and len(truth) == len(size):
            judged += 1
            numeric = [float(n) for n in numeric_partials(op, trial.operands)]
            assert numeric == pytest.approx(truth, rel=1e-13, abs=1e-13), trial
    assert judged


def test_an_error_is_counted_in_ulps_of_the_truth() -> None:
    """The yardstick itself: a float next to the nearest is one unit off, an overflow is seen."""
    truth = Truth.of(1.0)
    assert truth.ulps(1.0) == 0 and truth.ulps(1 + 2**-52) == 1 and truth.ulps(math.nan) == math.inf
    assert Truth.of(math.inf).ulps(math.inf) == 0 and Truth.of(1e300).ulps(math.inf) > 1e10
    assert Truth.of(-1e-310).ulps(0.0) > 1e10 and Truth.of(5e-324).ulps(1e-323) == 1
    assert Truth.of(math.nan).ulps(math.nan) == 0 and Truth.of(math.nan).ulps(1.0) == math.inf


@pytest.mark.parametrize('exponent', [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 5.0, 101.0])
def test_a_negative_number_to_a_whole_power(exponent: float) -> None:
    """Outside the domain of the row d/dx is exact all the same, and d/dy is nan."""
    pow_row = operations['pow']
    bases = {-abs(operands[0]) for operands in operand_sets(operations['neg']) if 1e-3 < abs(operands[0]) < 1e3}
    assert len(bases) > 50
    for base in bases:
        x, y = Value(base), Value(exponent)
        power = x**y
        power.backward()
        truth = true_partials(pow_row, (-base, exponent))[0]
        assert truth is not None and truth.ulps(x.grad * (1.0 if exponent % 2 else -1.0)) <= pow_row.ulps
        assert math.isnan(y.grad)
