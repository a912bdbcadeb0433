"""``check_operation`` and ``check_custom``: every wrong rule is caught, no right one is blamed."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest

from microgradnet import functions as F
from microgradnet.engine.custom import Custom, custom
from microgradnet.engine.table import operations
from microgradnet.testing import OperationError, check_custom, check_operation
from tests.support.examples import every, for_each
from tests.support.wrong_rules import EQUIVALENT, WRONG, rule


def test_there_are_enough_wrong_rules() -> None:
    assert len(WRONG) >= 36
    assert len({row for row, _ in WRONG.values()}) >= 30


@pytest.mark.parametrize('name', every(12, WRONG))
def test_a_wrong_rule_is_caught(name: str) -> None:
    row, partials = WRONG[name]
    with pytest.raises(OperationError) as caught:
        check_operation(rule(row, partials))
    error = caught.value
    assert error.operation.name == row and error.what.startswith('d/d')
    assert error.ulps > operations[row].ulps


@pytest.mark.parametrize('name', EQUIVALENT)
def test_a_rule_that_computes_the_same_passes(name: str) -> None:
    row, partials, _ = EQUIVALENT[name]
    assert check_operation(rule(row, partials)).ulps <= operations[row].ulps


# What it judges, the tests of the table judge at every row.
@pytest.mark.parametrize('name', every(6, operations))
def test_no_false_alarm_on_the_table(name: str) -> None:
    report = check_operation(name)
    assert report.ulps <= operations[name].ulps
    assert report.judged >= 50 and report.points >= 150


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(1, 3))
@pytest.mark.parametrize('name', operations)
def test_no_false_alarm_at_other_points(name: str, seed: int) -> None:
    check_operation(name, seed=seed)


def test_a_wrong_value_is_caught_too() -> None:
    with pytest.raises(OperationError, match=r'softsign is wrong at a = .*: y should be'):
        check_operation(changed_value())


def changed_value() -> Any:
    op = operations['softsign']
    return type(op)(operations, 'softsign', 'a / (1 + a)', op.partial_texts, op.latex, let=op.let_text)


def test_the_error_shows_a_simple_point_and_both_numbers() -> None:
    with pytest.raises(OperationError, match=r'^div is wrong at a = 0.5, b = 0.5: d/db should be -2.0, and is 2.0$'):
        check_operation(rule('div', ('1 / b', 'y / b')))


def test_the_report_reads() -> None:
    assert str(check_operation('neg')) == 'neg: 306 derivatives at 307 points; the largest error is 0.00 ulps'


# Operations of one's own. Each takes hundreds of examples: of what is alike, the quick run takes one.


@pytest.mark.slow
def test_a_right_one_of_the_functions_of_the_table() -> None:
    right = custom(lambda t, n: t**n + F.sin(t * n), lambda t, n: (
        n * t ** (n - 1) + n * F.cos(t * n), t**n * F.log(t) + t * F.cos(t * n)
    ), name='right')  # fmt: skip
    assert check_custom(right).judged > 50


@pytest.mark.parametrize('value, partial', [
    (math.erf, lambda t: 2 / math.sqrt(math.pi) * math.exp(-t * t)),
    pytest.param(math.atan, lambda t: 1 / (1 + t * t), marks=pytest.mark.slow),
    pytest.param(lambda t: math.sqrt(t), lambda t: 0.5 / math.sqrt(t), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_right_one_of_math(value: Any, partial: Any) -> None:
    assert check_custom(custom(value, partial, name='right')).judged > 50


@pytest.mark.parametrize('speed', [
    pytest.param(math.tau, marks=pytest.mark.slow), 1024 * math.tau, pytest.param(1e6, marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize('wrong', [0.0, 1e-3])
def test_one_of_math_that_oscillates_within_a_step(speed: float, wrong: float) -> None:
    """Such as sin(2 pi x) at 1000.0: steps that are multiples of the period see a flat function."""

    def wave(t: float) -> float:
        return t + math.sin(speed * t) / speed

    op = custom(wave, lambda t: 1 + wrong + math.cos(speed * t))
    if not wrong:
        assert check_custom(op).judged > 50
    else:
        with pytest.raises(OperationError, match='wave is wrong at'):
            check_custom(op)


@pytest.mark.parametrize('value, partial', every(4, [
    (lambda t: float(math.floor(t)), 0.0),  # stairs, flat almost everywhere
    (lambda t: math.fmod(10 * t, 1), 10.0),  # a saw, that jumps
    # in so few digits that small steps see stairs
    (lambda t: float(numpy.float32(t)), 1.0),
    (lambda t: t + 1e-9 * math.sin(1e8 * math.sin(1e8 * t)), 1.0),  # as good as noise
]))  # fmt: skip
def test_stairs_jumps_and_noise_are_not_blamed_on_the_derivative(value: Any, partial: float) -> None:
    check_custom(custom(value, lambda t: partial, name='rough'))


def test_a_right_one_of_any_number_of_operands() -> None:
    def spread(*terms: Any) -> Any:
        return sum(term * term for term in terms)

    assert check_custom(custom(spread, lambda *terms: [2 * term for term in terms])).judged > 50


@pytest.mark.parametrize('value', every(4, [
    abs, F.relu, lambda t: t if t > 0 else 0 * t, lambda t: math.fabs(t),
]))  # fmt: skip
def test_a_kink_of_a_right_one_is_not_blamed(value: Any) -> None:
    def partial(t: Any) -> float:
        return 1.0 if t > 0 else left

    left = -1.0 if value(-1.0) else 0.0
    assert check_custom(custom(value, partial, name='kinked')).judged > 50


def test_a_tie_of_a_right_one_is_not_blamed() -> None:
    larger = custom(lambda a, b: max(a, b), lambda a, b: (0.5, 0.5) if a == b else (float(a > b), float(a < b)))
    assert check_custom(larger, examples=60).judged > 50


#: The value, its wrong partial, and the partial's mistake.
WRONG_CUSTOM = {
    'a factor': (lambda t: t * t, lambda t: t),
    'the sign': (lambda t: F.cos(t), lambda t: F.sin(t)),
    'a negative operand': (lambda t: t * t * t, lambda t: 3 * t * abs(t)),
    'large operands': (lambda t: t * t, lambda t: 2 * t if abs(t) < 100 else 200.0),
    'one part in ten thousand': (lambda t: F.exp(t), lambda t: F.exp(t) * 1.0001),
    'of math, the sign': (lambda t: math.cos(t), lambda t: math.sin(t)),
    'of math, one sign of two': (lambda t: math.atan(t), lambda t: 1 / (1 - t * t)),
    'of math, a factor': (lambda t: math.exp(2 * t), lambda t: math.exp(2 * t)),
    'a lost signal': (lambda t: t * t, lambda t: None),
    'always nan': (lambda t: t * t, lambda t: math.nan),
}


@for_each('name', WRONG_CUSTOM)
def test_a_wrong_one_is_refused(name: str) -> None:
    with pytest.raises(OperationError, match='wrong_one is wrong at a = '):
        check_custom(custom(*WRONG_CUSTOM[name], name='wrong_one'))


def test_the_counterexample_is_shrunk() -> None:
    def swapped(a: Any, b: Any) -> Any:
        return a * b

    with pytest.raises(OperationError) as caught:
        check_custom(custom(swapped, lambda a, b: (a, b)))
    assert sorted(caught.value.operands) == [0.0, 1.0]
    with pytest.raises(OperationError) as caught:
        check_custom(custom(lambda *terms: sum(terms) * 3, lambda *terms: [3, *(2 for _ in terms[1:])], name='tail'))
    assert caught.value.operands == ([0.0, 0.0],)
    assert caught.value.what == 'd/da[1]'


def test_check_operation_is_strict_where_check_custom_forgives() -> None:
    def flat(t: Any) -> Any:
        return F.tanh(t)

    digits_lost = custom(flat, lambda t: 1 - flat(t) * flat(t))
    with pytest.raises(OperationError):
        check_operation(digits_lost)
    assert isinstance(digits_lost, Custom)
    good = custom(flat, lambda t: F.sech2(t), name='good')
    assert check_operation(good, ulps=4).judged > 100


def test_a_row_is_not_for_check_custom() -> None:
    with pytest.raises(TypeError, match='for a row there is check_operation'):
        check_custom(operations['sin'])
