"""``check_function``: a right pair is not blamed, a wrong one is, by its simplest point, and by how bad it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.testing import check_function, points, small_points
from tests.support.examples import for_each

from .test_engines import pasted

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any], Any]
PAIR = st.tuples(small_points(), small_points())


def sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def cube(x: float) -> float:
    return x * x * x


def slope_of_cube(x: float) -> float:
    return 3 * x * x if x < 2 else 3 * x


RIGHT: dict[str, Pair] = {
    'on Values': (lambda x: F.exp(x), F.exp, points()),
    'on floats': (math.sin, math.cos, points()),
    'that loses digits': (
        lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2, small_points()
    ),
    'of an array': (lambda x: np.sum(x**2), lambda x: 2 * x, [np.array([[1.0, 2.0], [3.0, -4.0]])]),
    'of a dict': (lambda x: x['a'] * x['b'][0], lambda x: {'a': x['b'][0], 'b': [x['a']]}, [{'a': 2.0, 'b': [3.0]}]),
    'at a kink': (abs, sign, points()),
    'at a kink, on floats': (math.fabs, sign, small_points()),
    'outside the domain': (math.log, lambda x: 1 / x if x > 0 else 'nothing', [-1.0, 0.0, 2.0]),
    'that is flat': (lambda x: 3.0, lambda x: 0.0, points()),
}
QUICK = {'of an array', 'of a dict', 'outside the domain'}


@pytest.mark.parametrize('name', [pytest.param(n, marks=[pytest.mark.slow] * (n not in QUICK)) for n in RIGHT])
def test_a_right_one_is_not_blamed(name: str) -> None:
    assert check_function(*RIGHT[name]) == []


#: What each is said to be, and its line.
WRONG: dict[str, tuple[Pair, str, str]] = {
    'on Values': (
        (lambda x: x[0] * x[1], lambda x: [x[1], x[1]], [[1.0, 1.0], [2.0, 3.0]]), 'wrong',
        'df/dx[1]: wanted 2.0, came 3.0',
    ),
    'on floats': ((math.cosh, math.cosh, [0.0]), 'wrong', 'dcosh/dx: wanted 0.0, came 1.0'),
    'in an array': (
        (lambda x: np.sum(x**2), lambda x: x * [[2, 3]], [np.array([[1.0, 2.0]])]), 'wrong',
        'df/dx[0, 1]: wanted 4.0, came 6.0',
    ),
    'a number too many': (
        (abs, lambda x: [1.0, 1.0], [1.0]), 'wrong', 'gradient(point): wanted 1 number, came 2 numbers',
    ),
    'raises': (
        (abs, lambda x: 1 / 0, [1.0]), 'wrong',
        'gradient(point): wanted numbers, came ZeroDivisionError: division by zero',
    ),
    'nan': ((lambda x: x * x, lambda x: math.nan, [1.0]), 'wrong', 'df/dx: wanted 2.0, came nan'),
    'a tenth of a percent': ((cube, lambda x: 3.003 * x * x, [1.0]), 'wrong', 'dcube/dx: wanted 3.0, came 3.003'),
    'at an end of the domain': (
        (math.sqrt, lambda x: 0.5 / math.sqrt(x), [0.0]), 'edge',
        'gradient(point): wanted numbers, came ZeroDivisionError: float division by zero',
    ),
    'at large numbers': (
        (lambda x: x * x, lambda x: min(2 * x, 1e9), [1.0, 1e12]), 'edge', 'df/dx: wanted 2000000000000.0, ',
    ),
    'too steep at a kink': ((abs, lambda x: sign(x) or 5.0, [1.0, 0.0]), 'edge', 'dabs/dx: wanted 0.0, came 5.0'),
    'legal at a kink': ((abs, lambda x: sign(x) or 1.0, [1.0, 0.0]), 'convention', 'dabs/dx: wanted 0.0, came 1.0'),
    'legal at a kink, on floats': ((math.fabs, lambda x: sign(x) or 1.0, [0.0]), 'convention', 'dfabs/dx: wanted 0.0'),
    'legal at a tie': (
        (lambda x: max(x), lambda x: [float(x[0] >= x[1]), float(x[0] < x[1])], [(2.0, 2.0)]), 'convention',
        'df/dx[0]: wanted 0.0, came 1.0',
    ),
}  # fmt: skip


@for_each('name', WRONG)
def test_a_wrong_one_is(name: str) -> None:
    pair, severity, line = WRONG[name]
    [finding] = check_function(*pair)
    assert finding.severity == severity
    assert str(finding).startswith(line)


@pytest.mark.slow
def test_drawn_points_are_shrunk_and_the_program_can_be_pasted() -> None:
    [finding] = check_function(cube, slope_of_cube, points())
    assert finding.severity == 'wrong'  # and not once more, at the edges
    assert finding.source.splitlines() == [
        f'from {__name__} import slope_of_cube',
        'point = 2.0',
        'print(slope_of_cube(point))  # wanted 12.0, came 6.0',
    ]
    assert pasted(finding) == '6.0'


@pytest.mark.slow
def test_every_wrong_number_of_a_gradient_is_shown() -> None:
    report = check_function(lambda x: x[0] * x[1] + x[0], lambda x: (x[1], x[1]), PAIR)
    assert [finding.title for finding in report] == ['df/dx[0]', 'df/dx[1]']
    assert all('point = (' in finding.source for finding in report)


@for_each('points', [[], 3.0, {1.0}, None, '12'])
def test_what_are_no_points_is_refused(points: Any) -> None:
    with pytest.raises(TypeError, match='points must be a list of points, one at least, or a strategy'):
        check_function(abs, sign, points)


def test_what_is_no_function_of_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match='the function must return one number; it returned 2 of them'):
        check_function(lambda x: [x, x], lambda x: 1.0, [1.0])
    with pytest.raises(TypeError, match='a point must be a number'):
        check_function(abs, sign, ['one'])


@pytest.mark.parametrize('points', [[-1.0, -2.0], [float('nan')]])
def test_that_nothing_could_be_checked_is_said(points: Any) -> None:
    assert check_function(F.log, lambda x: 1.0 / x, [*points, 1.0]) == []
    with pytest.raises(ValueError, match='no value, or no derivative that can be known, at any of the points'):
        check_function(F.log, lambda x: 1.0 / x, points)
