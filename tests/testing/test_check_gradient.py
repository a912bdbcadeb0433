"""``check_gradient``: no right function is ever blamed, kinks or not; a wrong one is, and the operation named."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given

from microgradnet import functions as F
from microgradnet.engine.custom import custom
from microgradnet.engine.value import Value, record
from microgradnet.nets.net import MLP
from microgradnet.testing import Expression, GradientError, check_gradient, expressions, nets, points
from microgradnet.testing.differences import derivative
from microgradnet.testing.strategies import wild
from tests.support.examples import examples, for_each
from tests.support.wrong_rules import WRONG, rule

plain: dict[str, Any] = {
    'database': None, 'suppress_health_check': [HealthCheck.too_slow, HealthCheck.data_too_large],
}  # fmt: skip
KINKED = ['relu', 'abs', 'max', 'min', 'clip', 'sqrt', 'cbrt', 'hypot', 'where', 'greater', 'leaky_relu', 'sub', 'mul']


def finite(name: str, operands: Any, constant: Any) -> Any:
    y = wild(name, operands, constant)
    return y if math.isfinite(y) else None


# No false alarm.


@given(expressions())
@examples(60, **plain)
def test_a_right_expression_is_not_blamed(f: Expression) -> None:
    assert len(check_gradient(f, f.leaves).entries) == len(f.leaves)


@given(expressions(KINKED))
@examples(60, **plain)
def test_a_right_expression_at_or_near_a_kink_is_not_blamed(f: Expression) -> None:
    check_gradient(f, f.leaves)
    check_gradient(f, [math.nextafter(x, math.inf) for x in f.leaves])
    check_gradient(f, [x + 1e-9 for x in f.leaves])


@given(expressions(leaves=points(), allowed=finite))
@examples(60, **plain)
def test_a_right_expression_of_very_large_and_small_numbers_is_not_blamed(f: Expression) -> None:
    check_gradient(f, f.leaves)


@given(expressions(exact=True))
@examples(60, **plain)
def test_of_fractions_forward_and_reverse_are_equal(f: Expression) -> None:
    report = check_gradient(f, f.leaves)
    assert report.ulps == 0.0


@given(expressions(steps=5))
@examples(30, **plain)
def test_second_derivatives_of_a_right_expression_are_not_blamed(f: Expression) -> None:
    assert len(check_gradient(f, f.leaves, order=2).entries) == len(f.leaves) * (1 + len(f.leaves))


@given(nets())
@examples(15, **plain)
def test_a_net_is_not_blamed(net: MLP) -> None:
    def error(x: Any) -> Any:
        y = net(x)
        return F.sum(y) if isinstance(y, list) else y

    check_gradient(error, [0.5] * net.inputs)


# What the report says.


def test_structures() -> None:
    point = {'w': numpy.array([1.0, 2.0]), 'b': (0.5,)}
    report = check_gradient(lambda p: p['w'][0] * p['w'][1] ** 2 + p['b'][0].exp(), point)
    assert [entry.reverse for entry in report.entries] == [4.0, 4.0, math.exp(0.5)]
    assert all(entry.remark == 'differences agree' for entry in report.entries)


def test_the_distance_of_the_nearest_kink_is_read_off_the_graph() -> None:
    assert check_gradient(lambda x: (2 * x - 1).relu(), 1.0).kink == 0.5
    assert check_gradient(lambda x: x.max(3.0) + abs(x + 7.0), 1.0).kink == 2.0
    assert check_gradient(lambda x: x * x, 1.0).kink == math.inf
    assert check_gradient(lambda x: abs(x[0]) * x[1].relu(), [-2.0, 0.25]).kink == 0.25


@for_each('distance', [0.0, 1e-300, 1e-12, 1e-6, 0.001])
def test_differences_do_not_cross_a_kink(distance: float) -> None:
    [entry] = check_gradient(lambda x: (1000 * x).relu() + abs(x) * 3, distance).entries
    assert entry.kink == pytest.approx(distance)
    assert entry.differences is None or abs(entry.differences.value - 1003) < 1e-3
    assert entry.differences is not None or distance < 1e-9


def test_a_branch_of_python_is_a_kink_too() -> None:
    [entry] = check_gradient(lambda x: x * 2 if x > 1 else x * x, 1.0).entries
    assert entry.reverse == 2.0 and entry.differences is None


@pytest.mark.parametrize('f', [lambda x: max(x[0], x[1]), lambda x: max(x[0] * x[0], x[1] * x[1])])
def test_a_branch_that_chooses_one_of_two_leaves_is_a_kink_too(f: Any) -> None:
    assert [entry.differences for entry in check_gradient(f, [1.0, 1.0]).entries] == [None, None]
    assert all(entry.differences for entry in check_gradient(f, [1.0, 1.5]).entries)


def test_stop_gradient_is_no_mistake() -> None:
    [entry] = check_gradient(lambda x: x * x.stop_gradient(), 3.0).entries
    assert entry.remark.startswith('differences pass stop_gradient (6.')


def test_the_report_reads() -> None:
    said = str(check_gradient(lambda x: x[0] * x[0] * x[1].relu(), [3.0, 2.0], order=2)).splitlines()
    assert said[0] == 'df/dx0: forward 12.0, reverse 12.0 (0 ulps), differences agree'
    assert said[1] == 'df/dx1: forward 9.0, reverse 9.0 (0 ulps), differences agree; nearest kink 2 away'
    assert said[2].startswith('d2f/dx0dx0: forward 4.0, reverse 4.0 (0 ulps), differences agree')
    assert len(said) == 6


# What is wrong is blamed.


#: Rules wrong by so much, near the operand 0.7, that differences see it.
COARSE = ['neg without its sign', 'cos with the sign of sin', 'sqrt without the 2', 'log10 as log',
          'softplus as itself', 'sech2 without the 2', 'silu without its second term',
          'gauss without the 2', 'tan by its square alone',
          'erf with a factor of 8 digits', 'sigmoid without its complement']  # fmt: skip


@for_each('name', COARSE)
def test_a_wrong_rule_is_blamed_among_right_ones(name: str) -> None:
    wrong = rule(*WRONG[name])
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: record(wrong, [x.exp() / 3]).sin() * x, 0.7)
    assert caught.value.blame is not None and caught.value.blame.operation is wrong
    assert f'most to blame: {wrong.name}, at a = 0.67' in str(caught.value)


def test_a_wrong_rule_is_told_from_a_kink() -> None:
    wrong = rule('abs', ('-sign(a)',))
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: record(wrong, [x]) + (x - 1).relu(), 0.99999)
    assert str(caught.value).splitlines()[1:] == [
        '  f = abs(x) + relu(x - 1.0), where x = 0.99999',
        '  reverse      -1.0',
        f'  differences  {caught.value.entry.differences.value!r} +- {caught.value.entry.differences.error:.2g}',
        '  the nearest kink is about 1e-05 away',
        '  most to blame: abs, at a = 0.99999: d/da is -1.0, and should be 1.0',
    ]


def test_a_wrong_custom_operation_is_blamed() -> None:
    cube = custom(lambda t: t * t * t, lambda t: 2 * t * t, name='cube')
    with pytest.raises(GradientError, match=r'most to blame: cube, at a = 2.0: d/da is 8.0, and should be 12.0'):
        check_gradient(lambda x: cube(x) + x, 2.0)


def test_a_wrong_second_derivative_is_blamed() -> None:
    def slope(t: Any) -> Any:
        return 3 * t * t if not isinstance(t, Value) else 3 * t * t.stop_gradient()

    cube = custom(lambda t: t * t * t, slope, name='cube')
    assert check_gradient(lambda x: cube(x), 2.0).ulps == 0.0
    [_, second] = check_gradient(lambda x: cube(x), 2.0, order=2).entries
    assert second.reverse == 6.0 and second.remark.startswith('differences pass stop_gradient (12.')


def test_what_differs_between_reverse_and_forward_is_blamed() -> None:
    two_faced = custom(lambda t: t * t, lambda t: 2 * t if not isinstance(t, Value) else 3 * t, name='two_faced')
    with pytest.raises(GradientError, match='most to blame: two_faced') as caught:
        check_gradient(lambda x: two_faced(x), 2.0)
    assert 'forward      6.0' in str(caught.value) and 'reverse      4.0' in str(caught.value)


def test_a_number_taken_out_of_the_graph_is_found() -> None:
    with pytest.raises(GradientError, match=r'a number that changes with the point \(3\.0\)') as caught:
        check_gradient(lambda x: x[0] * x[1].data, [2.0, 3.0])
    assert caught.value.blame is None and caught.value.entry.name == 'df/dx1'


def test_a_number_taken_out_of_the_graph_is_found_at_the_second_order() -> None:
    """x^2, and its derivative 2x, with numbers that the second derivative needs as nodes."""
    with pytest.raises(GradientError, match=r'a number that changes with the point \(3\.0\)') as caught:
        check_gradient(lambda x: 2 * x * x.data - x.data**2, 3.0, order=2)
    assert caught.value.blame is None and caught.value.entry.name == 'd2f/dxdx'


def test_the_cost_is_as_stated() -> None:
    calls = []
    for x in (3.0, 0.0, 1e-5, 1e-3):
        check_gradient(lambda x: (calls.append(1), x.sin())[1], x)
        assert 40 <= len(calls) <= 62
        calls.clear()
    check_gradient(lambda x: (calls.append(1), x[0] * x[1].exp())[1], [1.0, 2.0], order=2)
    assert 40 * 6 <= len(calls) <= 60 * 6


def test_what_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match='order must be 1 or 2, not 3'):
        check_gradient(lambda x: x, 1.0, order=3)
    with pytest.raises(TypeError, match='must return one number; it returned 2 of them'):
        check_gradient(lambda x: [x, x], 1.0)
    with pytest.raises(TypeError, match='the point must be a number'):
        check_gradient(lambda x: x, 'one')


def test_exact_points() -> None:
    [entry] = check_gradient(lambda x: x**3 / 2, Fraction(1, 3)).entries
    assert (entry.forward, entry.reverse) == (Fraction(1, 6), Fraction(1, 6)) and entry.differences is not None


# Differences alone.


@for_each(
    ('f', 'slope', 'x'),
    [
        (math.sin, math.cos, 1.0),
        (math.exp, math.exp, 20.0),
        (math.log, lambda x: 1 / x, 1e-150),
        (math.sqrt, lambda x: 0.5 / math.sqrt(x), 1e150),
        (lambda x: x**3 - x, lambda x: 3 * x * x - 1, 0.0),
        (math.tan, lambda x: 1 / math.cos(x) ** 2, 1.57),
    ],
)
def test_the_estimated_error_of_differences_is_honest(f: Any, slope: Any, x: float) -> None:
    found = derivative(f, x)
    assert found is not None
    assert abs(found.value - slope(x)) <= 8 * found.error
    assert found.error <= 1e-6 * abs(slope(x))
