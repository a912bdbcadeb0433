"""The edges of operations: kinks, ties, poles and nan, and the digits that careful rules keep.

Every line of SEMANTICS under "Backward" and "Rules that keep their digits" is here.
"""

from __future__ import annotations

import math
from math import inf
from typing import Any

import pytest

from microgradnet import functions
from microgradnet.engine.table import Operation, operations
from microgradnet.engine.value import Value
from microgradnet.testing.places import Operands, flat
from tests.support.checks import same, trials
from tests.support.edges import KINKS, VALUES
from tests.support.examples import every, for_each


@for_each(('name', 'operands', 'expected'), KINKS)
def test_the_rule_at_a_kink(name: str, operands: Operands, expected: tuple[float | None, ...]) -> None:
    op = operations[name]
    partials = op.partials('ieee')(*operands, op.value('ieee')(*operands))
    assert same(partials, expected), partials
    leaves = [[*map(Value, o)] if isinstance(o, list) else Value(o) for o in operands]
    getattr(functions, name)(*leaves).backward()
    assert same([leaf.grad for leaf in flat(tuple(leaves))], [signal or 0.0 for signal in expected])


@for_each(('name', 'operands', 'expected'), VALUES)
def test_the_value_at_an_edge(name: str, operands: Operands, expected: float) -> None:
    for arithmetic in ('python', 'ieee'):
        assert operations[name].value(arithmetic)(*operands) == expected
    assert name == 'where' or getattr(functions, name)(*operands) == expected


@pytest.mark.parametrize('a', [-3.0, -0.0, 0.0, 2.5])
def test_the_larger_of_a_number_and_itself_has_derivative_1(a: float) -> None:
    for function in (functions.max, functions.min):
        x = Value(a)
        function(x, x).backward()
        assert x.grad == 1.0


def test_a_negative_number_to_a_fraction_is_a_value_error_not_complex() -> None:
    for attempt in (lambda: Value(-8.0) ** (1 / 3), lambda: (-8.0) ** Value(1 / 3), lambda: functions.pow(-8.0, 1 / 3)):
        with pytest.raises(ValueError, match='not a real number'):
            attempt()


def test_a_constant_exponent_takes_no_logarithm() -> None:
    for base in (-2.0, 0.0, -0.0):
        x = Value(base)
        power = x**3.0
        power.backward()
        assert power.partials == (3 * base**2, None) and x.grad == 3 * base**2


def test_backward_of_poles_and_overflows_does_not_raise() -> None:
    x = Value(5e-324)
    (x.log() * 1e300).backward()
    assert x.grad == inf
    x = Value(700.0)
    (x.exp() * x.exp()).backward()
    assert x.grad == inf


# The digits. A row with the naive rule in its place is measured with the same yardstick.

NAIVE: list[tuple[str, int, str, float]] = [
    # row, operand, naive derivative, at least so many ulps
    ('sigmoid', 0, 'y * (1 - y)', 1e15),
    ('tanh', 0, '1 - y * y', 1e15),
    ('sigmoid_slope', 0, 'y * (1 - 2 * sigmoid(a))', 10),
    ('sech2', 0, '-2 * tanh(a) * (1 - tanh(a) * tanh(a))', 1e15),
    ('asin', 0, '1 / sqrt(1 - a * a)', 1e6),
    ('acos', 0, '-1 / sqrt(1 - a * a)', 1e5),
    ('atanh', 0, '1 / (1 - a * a)', 1e6),
    ('asinh', 0, '1 / sqrt(1 + a * a)', 1e15),
    ('acosh', 0, '1 / sqrt(a * a - 1)', 1e6),
    ('atan', 0, '1 / (1 + a * a)', 1e9),
    ('div', 1, '-a / (b * b)', 1e15),
    ('atan2', 0, 'b / (a * a + b * b)', 1e15),
    ('atan2', 1, '-a / (a * a + b * b)', 1e15),
    ('pow', 0, 'b * y / a', 50),
    ('expm1', 0, 'y + 1', 1e15),
    ('erf', 0, '1.1283791670955126 * exp(-a * a)', 100),
    ('logsumexp', 0, 'exp(a[i] - y)', 1e4),
]
#: For values: softplus as one writes it, and the density without its splitting.
NAIVE_VALUES = [
    ('softplus', 'log(1 + exp(a))', 1e15),
    ('sigmoid', '1 / (1 + exp(-a))', 0),
    ('gauss', 'exp(-a * a)', 100),
]


def worst(op: Operation, place: int) -> float:
    """Return the largest error in ulps of one operand's partials, over the points of the row."""
    errors = [0.0]
    for trial in trials(op.name):
        if trial.partials is None or not trial.is_finite:
            continue
        y = op.value('ieee')(*trial.operands)
        if math.isinf(y):
            continue
        found, truth = (op.split(all_of)[place] for all_of in (op.partials('ieee')(*trial.operands, y), trial.partials))
        pairs: Any = zip(found, truth, strict=True) if op.parameters[place] in op.vectors else [(found, truth)]
        errors += [t.ulps(g) for g, t in pairs]
    return max(errors)


@pytest.mark.parametrize(
    ('name', 'place', 'naive', 'least'), every(3, NAIVE), ids=lambda x: x if isinstance(x, str) else ''
)
def test_the_naive_derivative_loses_its_digits(name: str, place: int, naive: str, least: float) -> None:
    op = operations[name]
    cells = [naive if p == place else text for p, text in enumerate(op.partial_texts)]
    plain = Operation(operations, name, op.text, cells, op.latex, let=op.let_text)
    assert worst(op, place) <= op.ulps < least < worst(plain, place)


@pytest.mark.parametrize(('name', 'naive', 'least'), NAIVE_VALUES)
def test_the_naive_value_loses_its_digits(name: str, naive: str, least: float) -> None:
    op = operations[name]
    plain = Operation(operations, name, naive, op.partial_texts, op.latex, let=op.let_text)
    known = [trial for trial in trials(name) if trial.is_finite and trial.value]
    errors = [trial.value.ulps(plain.value('ieee')(*trial.operands)) for trial in known if trial.value]
    assert max(errors) > least
    assert all(trial.value.ulps(op.value('python')(*trial.operands)) <= op.ulps for trial in known if trial.value)
    if name != 'gauss':  # in Python's own arithmetic it overflows, as well
        with pytest.raises(OverflowError):
            plain.value('python')(-1e3 if name == 'sigmoid' else 1e3)
