"""A table of functions and their derivatives, of first to fourth order, against mpmath.

Of one variable, mpmath differentiates the function itself, in many digits. Of several
variables it takes every partial derivative of every order up to the row's. Each row
is tried at points with and without symmetry, on both sides of its kinks, and at zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import mpmath
import pytest

from microgradnet import functions as F
from microgradnet.derivatives.transforms import grad, hessian, hvp, jacobian, jvp, vjp
from microgradnet.nets.losses import half_squared_error
from tests.support.examples import every, for_each

mp = mpmath.mp.clone()
mp.dps = 60
Function = Callable[..., Any]


class Row(NamedTuple):
    """A function twice over: of this package's numbers, and of mpmath's; and where to try it."""

    name: str
    ours: Function
    truth: Function
    points: Sequence[Any]
    orders: int = 4


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def mp_logsumexp(x: Sequence[Any]) -> Any:
    return mp.log(sum(mp.exp(z) for z in x))


#: Of one number; functions of the table alone, then compositions.
ONE = [
    Row('x^7', lambda x: x**7, lambda x: x**7, [-1.5, 0.25, 2.0]),
    Row('x^-3', lambda x: x**-3, lambda x: x**-3, [-1.5, 0.25, 2.0]),
    Row('x^2.5', lambda x: x**2.5, lambda x: x ** mp.mpf(2.5), [0.25, 2.0]),
    Row('2^x', lambda x: 2**x, lambda x: mp.mpf(2) ** x, [-3.5, 0.0, 2.0]),
    Row('x^x', lambda x: x**x, lambda x: x**x, [0.25, 1.0, 3.0]),
    Row('sqrt', F.sqrt, mp.sqrt, [0.01, 1.0, 7.5]),
    Row('cbrt', F.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), [-2.0, 0.125, 7.5]),
    Row('exp', F.exp, mp.exp, [-20.0, 0.0, 3.0]),
    Row('expm1', F.expm1, mp.expm1, [-1e-9, 0.5, 3.0]),
    Row('log', F.log, mp.log, [0.01, 1.0, 30.0]),
    Row('log1p', F.log1p, mp.log1p, [-0.5, 1e-9, 30.0]),
    Row('log2', F.log2, lambda x: mp.log(x) / mp.log(2), [0.3, 8.0]),
    Row('log10', F.log10, lambda x: mp.log(x) / mp.log(10), [0.3, 100.0]),
    Row('sin', F.sin, mp.sin, [-2.0, 0.0, 1.5]),
    Row('cos', F.cos, mp.cos, [-2.0, 0.0, 1.5]),
    Row('tan', F.tan, mp.tan, [-1.0, 0.0, 1.5]),
    Row('asin', F.asin, mp.asin, [-0.9, 0.0, 0.5]),
    Row('acos', F.acos, mp.acos, [-0.9, 0.0, 0.5]),
    Row('atan', F.atan, mp.atan, [-3.0, 0.0, 1.0]),
    Row('sinh', F.sinh, mp.sinh, [-3.0, 0.0, 1.0]),
    Row('cosh', F.cosh, mp.cosh, [-3.0, 0.0, 1.0]),
    Row('tanh', F.tanh, mp.tanh, [-20.0, 0.0, 1.0]),
    Row('asinh', F.asinh, mp.asinh, [-3.0, 0.0, 1.0]),
    Row('acosh', F.acosh, mp.acosh, [1.25, 2.0, 9.0]),
    Row('atanh', F.atanh, mp.atanh, [-0.9, 0.0, 0.5]),
    Row('erf', F.erf, mp.erf, [-2.0, 0.0, 0.5]),
    Row('erfc', F.erfc, mp.erfc, [-2.0, 0.0, 3.5]),
    Row('sigmoid', F.sigmoid, logistic, [-30.0, 0.0, 2.0]),
    Row('softplus', F.softplus, lambda x: mp.log(1 + mp.exp(x)), [-30.0, 0.0, 2.0]),
    Row('silu', F.silu, lambda x: x * logistic(x), [-5.0, 0.0, 2.0]),
    Row('gelu', F.gelu, lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2, [-3.0, 0.0, 2.0]),
    Row('softsign', F.softsign, lambda x: x / (1 + abs(x)), [-3.0, 0.5]),
    Row('relu(x) x^2', lambda x: F.relu(x) * x**2, lambda x: x**3 if x > 0 else 0 * x, [-2.0, 3.0]),
    Row('elu', F.elu, lambda x: x if x > 0 else mp.expm1(x), [-2.0, 3.0]),
    Row('|x|^3', lambda x: abs(x) ** 3, lambda x: abs(x) ** 3, [-2.0, 0.5]),
    Row('exp(sin x)', lambda x: F.exp(F.sin(x)), lambda x: mp.exp(mp.sin(x)), [-2.0, 0.0, 1.0]),
    Row('1 / (1 + x^2)', lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x), [-2.0, 0.0, 1.0]),
    Row('log(1 + exp(sin x))', lambda x: F.log(1 + F.exp(F.sin(x))), lambda x: mp.log(1 + mp.exp(mp.sin(x))), [0.7]),
    Row('sin(1 / x)', lambda x: F.sin(1 / x), lambda x: mp.sin(1 / x), [0.3, -2.0]),
    Row('x exp(-x^2)', lambda x: x * F.exp(-x * x), lambda x: x * mp.exp(-x * x), [-1.0, 0.0, 2.0]),
    Row(
        'tanh(tanh(tanh x))',
        lambda x: F.tanh(F.tanh(F.tanh(x))), lambda x: mp.tanh(mp.tanh(mp.tanh(x))), [-1.0, 0.5],
    ),
    Row(
        'sqrt(1 + sqrt(1 + x^2))',
        lambda x: F.sqrt(1 + F.sqrt(1 + x * x)), lambda x: mp.sqrt(1 + mp.sqrt(1 + x * x)), [0.0, 2.0],
    ),
    Row(
        'where(x > 0, log(1 + x), x^3)',
        lambda x: F.where(x > 0, lambda: F.log(1 + x), lambda: x**3),
        lambda x: mp.log(1 + x) if x > 0 else x**3, [-2.0, 3.0],
    ),
    Row(
        'max(x^2, exp x)',
        lambda x: F.max(x * x, F.exp(x)), lambda x: max(x * x, mp.exp(x)), [-2.0, 1.0],
    ),
    Row(
        'logsumexp(x, 2 x, -x)',
        lambda x: F.logsumexp([x, 2 * x, -x]), lambda x: mp_logsumexp([x, 2 * x, -x]), [-1.0, 0.0, 2.0],
    ),
    Row(
        'ten steps of the logistic map',
        lambda x: repeated(lambda z: 1.5 * z * (1 - z), x, 10),
        lambda x: repeated(lambda z: mp.mpf(1.5) * z * (1 - z), x, 10), [0.3],
    ),
]  # fmt: skip


def repeated(f: Function, x: Any, times: int) -> Any:
    for _ in range(times):
        x = f(x)
    return x


#: Of several numbers.
SEVERAL = [
    Row('a b', lambda x: x[0] * x[1], lambda x: x[0] * x[1], [[2.0, -3.0]]),
    Row('a / b', lambda x: x[0] / x[1], lambda x: x[0] / x[1], [[2.0, -3.0]]),
    Row('a^b', lambda x: x[0] ** x[1], lambda x: x[0] ** x[1], [[2.0, -1.5], [0.5, 3.0], [2.0, 0.0]]),
    Row('atan2', lambda x: F.atan2(*x), lambda x: mp.atan2(*x), [[1.0, -2.0], [-3.0, 0.5]]),
    Row('hypot', lambda x: F.hypot(*x), lambda x: mp.hypot(*x), [[1.0, -2.0], [-3.0, 0.5]]),
    Row(
        'leaky relu',
        lambda x: F.leaky_relu(*x), lambda x: x[0] if x[0] > 0 else x[0] * x[1], [[-2.0, 0.1], [2.0, 0.1]],
    ),
    Row(
        'max of three',
        lambda x: F.max(x[0] * x[1], x[2], 1.0), lambda x: max(x[0] * x[1], x[2], 1), [[2.0, 3.0, 1.5]],
    ),
    Row('min', lambda x: F.min(x[0] ** 2, x[1] ** 3), lambda x: min(x[0] ** 2, x[1] ** 3), [[2.0, 1.5], [1.0, 1.5]]),
    Row(
        'clip',
        lambda x: F.clip(x[0] ** 3, x[1], 5.0) * x[1], lambda x: min(max(x[0] ** 3, x[1]), 5) * x[1],
        [[1.5, 1.0], [0.5, 2.0]],
    ),
    Row('dot', lambda x: F.dot(x[:2], x[1:], x[0]), lambda x: x[0] * x[1] + x[1] * x[2] + x[0], [[1.0, -2.0, 0.5]]),
    Row('logsumexp', F.logsumexp, mp_logsumexp, [[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]]),
    Row(
        'softmax', lambda x: F.softmax(x)[0], lambda x: mp.exp(x[0]) / sum(mp.exp(z) for z in x),
        [[1.0, -2.0, 0.5]],
    ),
    Row(
        'where(a > b, a b^2, b / a)',
        lambda x: F.where(x[0].greater(x[1]), x[0] * x[1] ** 2, x[1] / x[0]),
        lambda x: x[0] * x[1] ** 2 if x[0] > x[1] else x[1] / x[0], [[2.0, 1.0], [2.0, 3.0]],
    ),
    Row(
        'a neuron: half the squared error of tanh(w x + b)',
        lambda x: half_squared_error([F.tanh(F.dot(x[:2], [0.5, -1.5], x[2]))], [0.25]),
        lambda x: (mp.tanh(x[0] / 2 - x[1] * 1.5 + x[2]) - 0.25) ** 2 / 2, [[0.3, -0.2, 0.1]],
    ),
    Row(
        'Rosenbrock', lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, [[-1.2, 1.0]],
    ),
    Row(
        'exp(a) sin(b c)', lambda x: F.exp(x[0]) * F.sin(x[1] * x[2]),
        lambda x: mp.exp(x[0]) * mp.sin(x[1] * x[2]), [[0.5, 1.5, -0.7]],
    ),
    Row(
        'determinant',
        lambda x: x[0] * x[3] - x[1] * x[2], lambda x: x[0] * x[3] - x[1] * x[2], [[1.0, 2.0, 3.0, 4.0]],
    ),
]  # fmt: skip


def cases(rows: Sequence[Row]) -> list[Any]:
    return [pytest.param(row, x, id=f'{row.name} at {x}') for row in rows for x in row.points]


def truth_of_one(f: Function, x: float, order: int) -> Any:
    return mp.diff(f, mp.mpf(x), order)


def truth_of_several(f: Function, x: Sequence[float], counts: tuple[int, ...]) -> Any:
    return mp.diff(lambda *numbers: f(list(numbers)), tuple(map(mp.mpf, x)), counts)


def close(got: float, want: Any, change: Any = 0, scale: Any = 0) -> bool:
    """Tell whether a derivative is right: to 200 ulps of it, or of its change with the point."""
    return bool(abs(got - want) <= 200 * mp.mpf(2) ** -53 * (abs(want) + abs(change) + scale) + mp.mpf(10) ** -25)


def test_there_are_forty() -> None:
    assert len({row.name for row in ONE + SEVERAL}) >= 40


@for_each(('row', 'x'), cases(ONE))
def test_of_one_number(row: Row, x: float) -> None:
    """grad of grad of ... up to fourth order, and every other way to the first two."""
    wants = [truth_of_one(row.truth, x, order) for order in range(row.orders + 2)]
    f, largest = row.ours, mp.mpf(0)
    for order in range(1, row.orders + 1):
        f = grad(f)
        # A derivative is made of terms as large as those of the orders below.
        largest = max(largest, abs(wants[order]))
        assert close(f(x), wants[order], x * wants[order + 1], largest), (order, f(x), float(wants[order]))
    ways = [jacobian(row.ours, mode=mode)(x) for mode in ('forward', 'reverse')]
    ways += [jvp(row.ours, x, 1.0)[1], vjp(row.ours, x)[1](1.0)]
    assert all(close(way, wants[1], x * wants[2]) for way in ways)
    ways = [hessian(row.ours)(x), hvp(row.ours)(x, 1.0)]
    assert all(close(way, wants[2], x * wants[3], abs(wants[1])) for way in ways)


@pytest.mark.parametrize(('row', 'x'), every(3, cases(SEVERAL)))
def test_of_several_numbers(row: Row, x: list[float]) -> None:
    """All partial derivatives of every order: grad, hessian, and jacobians of these."""
    size = len(x)

    @cache
    def want(*places: int) -> Any:
        return truth_of_several(row.truth, x, tuple(places.count(i) for i in range(size)))

    found = {1: grad(row.ours)(x), 2: hessian(row.ours)(x)}
    found[3] = jacobian(hessian(row.ours))(x)
    found[4] = jacobian(jacobian(hessian(row.ours)))(x)
    for order in range(1, row.orders + 1):
        scale = max(abs(want(*p)) for n in range(order + 1) for p in combinations_with_replacement(range(size), n))
        for places in combinations_with_replacement(range(size), order):
            got = found[order]
            for place in places:
                got = got[place]
            assert close(got, want(*places), 0, scale), (places, got, float(want(*places)))
