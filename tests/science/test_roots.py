"""``implicit``: roots whose derivatives are those of the implicit function theorem, wherever an operation goes."""

from __future__ import annotations

import copy
import pickle
from math import sqrt
from typing import Any

import pytest

from microgradnet import (
    MLP,
    Program,
    Value,
    compile,
    grad,
    gradients,
    hessian,
    jvp,
    no_grad,
    recording,
    value_and_grad,
    while_loop,
)
from microgradnet import functions as F
from microgradnet.engine.while_loop import LimitError
from microgradnet.science import implicit
from tests.support.backends import NATIVE, NUMPY
from tests.support.examples import for_each

BACKENDS = ['python', pytest.param('numpy', marks=NUMPY), pytest.param('native', marks=[NATIVE, pytest.mark.slow])]


def square(x: Any, a: Any) -> Any:
    return x * x - a


def root(a: Any) -> Any:
    return implicit(square, 1.0, a)


def crossing(p: Any) -> Any:
    """x y = p[0] and x + y = p[1], from where the first pivot is 0; what is returned is x - y."""
    x = implicit(lambda x, p: [x[0] * x[1] - p[0], x[0] + x[1] - p[1]], [3.0, 0.0], p)
    return x[0] - x[1]


def crossing_known(p: Any) -> Any:
    return F.sqrt(p[1] * p[1] - 4 * p[0])


def anomaly(mean: Any, eccentricity: Any) -> Any:
    return implicit(lambda x, p: x - p[1] * F.sin(x) - p[0], mean, (mean, eccentricity))


def close(found: Any, wanted: Any, relative: float = 1e-13) -> bool:
    return bool(abs(found - wanted) <= relative * abs(wanted))


def cubic(x: Any) -> Any:
    return implicit(lambda y, x: y**3 + y - x, 0.0, x)


def cubic_known(x: Any) -> Any:
    """The only real root of y^3 + y = x."""
    return 2 / sqrt(3) * F.sinh(F.asinh(x * 1.5 * sqrt(3)) / 3)


def split(x: Any) -> Any:
    """Both numbers depend on x, and so do two parameters on each other's root."""
    y = implicit(lambda y, p: [y['u'] * y['v'] - p[0], y['u'] - p[1] * y['v']], {'u': 1.0, 'v': 1.0}, [x, x * x])
    return y['u'] * 2 + y['v']  # sqrt(x^3) and sqrt(1 / x)


def split_known(x: Any) -> Any:
    return 2 * x**1.5 + x**-0.5


def nested(f: Any, times: int) -> Any:
    for _ in range(times):
        f = grad(f)
    return f


ROOTS = [(root, F.sqrt), (cubic, cubic_known), (split, split_known)]


@for_each('order', range(7))
@for_each(('found', 'known'), ROOTS)
def test_derivatives_of_any_order(found: Any, known: Any, order: int) -> None:
    assert close(nested(found, order)(2.0), nested(known, order)(2.0), 1e-11)


@pytest.mark.parametrize('order', [4, *[pytest.param(order, marks=pytest.mark.slow) for order in (1, 2, 3, 5, 6)]])
@pytest.mark.parametrize(('found', 'known'), [ROOTS[0], pytest.param(*ROOTS[1], marks=pytest.mark.slow)])
def test_derivatives_of_any_order_compiled(found: Any, known: Any, order: int) -> None:
    assert close(compile(nested(found, order), backend='python')(2.0), nested(known, order)(2.0), 1e-10)


def test_forward_derivatives_within_what_is_compiled() -> None:
    found = compile(lambda a: [jvp(root, a, 1.0)[1], jvp(grad(root), a, 1.0)[1]], backend='python')(4.0)
    assert found == pytest.approx([1 / 4, -1 / 32], rel=1e-12)


def test_a_graph_has_them_too_by_whatever_asks() -> None:
    x = Value(2.0)
    slope = cubic(x)
    for _ in range(5):
        [slope] = gradients(slope, [x])
    slope.backward()
    assert close(x.grad, nested(cubic_known, 6)(2.0), 1e-11)
    assert close(jvp(nested(cubic, 4), 2.0, 1.0)[1], nested(cubic_known, 5)(2.0), 1e-11)


def test_a_recorded_graph_has_them_too() -> None:
    """By hand nobody says how many derivatives there will be, and a program of any of them has two more."""
    x = Value(2.0)
    with recording():
        slope = y = cubic(x)
        for _ in range(4):
            [slope] = gradients(slope, [x])
    assert close(slope.data, nested(cubic_known, 4)(2.0), 1e-11)
    program = Program(slope, parameters=[x], backend='python')
    assert close(program.value_and_gradient([2.5])[0], nested(cubic_known, 4)(2.5), 1e-10)
    assert close(program.hessian([2.5])[0][0], nested(cubic_known, 6)(2.5), 1e-9)
    another, a = copy.deepcopy((y, x))
    assert close(gradients(another, [a])[0].data, nested(cubic_known, 1)(2.0))
    another, a = pickle.loads(pickle.dumps((y, x)))
    with pytest.raises(TypeError, match='recorded of implicit and then pickled'):
        gradients(another, [a])


def test_a_compiled_function_is_pickled_without_its_residual() -> None:
    found = pickle.loads(pickle.dumps(compile(root, backend='python')))
    assert close(found(2.0), sqrt(2)) and len(found.paths) == 1


def test_at_a_double_root_it_is_compiled_as_plain() -> None:
    """The search ends near it, where the theorem's slope by a is 1; a Newton step more would halve what is missing."""

    def double(a: Any) -> Any:
        return implicit(lambda x, a: (x - a) * (x - a), 3.0, a)

    assert grad(double)(1.0) == compile(grad(double), backend='python')(1.0) == 1.0


def test_a_root_in_a_residual() -> None:
    """x = sqrt(sqrt(a)), by a residual that has a root itself, of which one derivative more is taken."""

    def fourth(a: Any) -> Any:
        return implicit(lambda x, a: x * x - implicit(square, 1.0, a), 1.0, a)

    def within(a: Any) -> Any:  # y^2 = x^2 + a, and 2 x = y
        return implicit(lambda x, a: 2 * x - implicit(lambda y, p: y * y - p[0] ** 2 - p[1], 1.0, [x, a]), 1.0, a)

    for order in range(3):
        assert close(nested(fourth, order)(2.0), nested(lambda a: a**0.25, order)(2.0), 1e-11)
        assert close(nested(within, order)(2.0), nested(lambda a: F.sqrt(a / 3), order)(2.0), 1e-11)
    assert close(compile(grad(within), backend='python')(2.0), grad(lambda a: F.sqrt(a / 3))(2.0), 1e-10)


@pytest.mark.parametrize('backend', BACKENDS)
def test_it_is_compiled(backend: str) -> None:
    known = [sqrt(3), 0.5 / sqrt(3), -0.25 / 3**1.5]
    for transform, value in zip([lambda f: f, grad, hessian], known):
        compiled = compile(transform(root), backend=backend)
        assert close(compiled(3.0), value) and close(compiled(5.0), transform(F.sqrt)(5.0), 1e-12)
        assert len(compiled.paths) == 1
    both = compile(value_and_grad(crossing), backend=backend)([1.0, 4.0])
    wanted = value_and_grad(crossing_known)([1.0, 4.0])
    assert close(both[0], wanted[0]) and all(map(close, both[1], wanted[1]))


def test_a_system_whose_first_pivot_is_zero() -> None:
    found, wanted = hessian(crossing)([1.0, 4.0]), hessian(crossing_known)([1.0, 4.0])
    assert all(close(a, b, 1e-12) for rows in zip(found, wanted) for a, b in zip(*rows))


def test_three_equations_that_must_swap_rows() -> None:
    def residual(x: Any, p: Any) -> Any:
        return [x['b'] * p, x['c'] - p * x['a'], x['a'] ** 3 + x['b'] - p]

    def f(p: Any) -> Any:
        x = implicit(residual, {'a': 1.0, 'b': 1.0, 'c': 1.0}, p)
        return x['a'] + x['b'] + x['c']

    assert close(f(8.0), 2.0 + 0.0 + 16.0) and close(grad(f)(8.0), 1 / 12 + 2.0 + 8 / 12)
    assert close(compile(grad(f), backend='python')(8.0), 1 / 12 + 2.0 + 8 / 12)


def test_nothing_is_kept_of_the_way_there() -> None:
    """Neither the graph nor the compiled gradient has the steps: no turn is written down, none gone back."""
    a = Value(2.0)
    near, far = implicit(square, 1.4, a), implicit(square, 1e6, a)
    assert size(near) == size(far)
    source = compile(grad(root), backend='python')
    assert source(2.0) and 'loop' in source.source and 'kept' not in source.source and 'back' not in source.source


def size(y: Value) -> int:
    from microgradnet.engine.walks import topological_order

    return len([*topological_order(y)])


def test_in_a_loop() -> None:
    """An implicit step of Euler's method, eager and compiled."""

    def decayed(rate: Any) -> Any:
        def step(n: Any, y: Any) -> Any:
            return n + 1, implicit(lambda x, p: x + p[1] * x**3 - p[0], y, (y, rate))

        return while_loop(lambda n, y: n < 5, step, 0.0, 1.0)[1]

    slope = grad(decayed)(0.3)
    assert close(slope, (decayed(0.3 + 1e-5) - decayed(0.3 - 1e-5)) / 2e-5, 1e-9)
    compiled = compile(value_and_grad(decayed), backend='python')(0.3)
    assert close(compiled[0], decayed(0.3)) and close(compiled[1], slope, 1e-12)


def test_a_graph_can_be_made_a_program() -> None:
    """The root is found anew for each row, far from where it was recorded."""
    a, start = Value(2.0), Value(1.0)
    program = compile(implicit(square, start, a), rows=[a], parameters=[start], backend='python')
    assert [*program([[2.0], [1e6]])] == [sqrt(2), 1000.0]
    program = compile(implicit(square, 1.0, a), parameters=[a], backend='python')
    value, (slope,) = program.value_and_gradient([9.0], [[]])
    assert close(value, 3.0) and close(slope, 1 / 6)


def test_numbers_give_numbers() -> None:
    assert isinstance(root(2.0), float) and root(2.0) == sqrt(2)
    with no_grad():
        assert close(root(Value(2.0)).data, sqrt(2)) and not root(Value(2.0)).inputs


def test_graphs_are_copied_and_differentiated_on() -> None:
    a = Value(2.0)
    y = copy.deepcopy(implicit(square, 1.0, a) * 1.0)
    assert close(y.data, sqrt(2))
    assert close(pickle.loads(pickle.dumps(implicit(square, 1.0, a))).data, sqrt(2))
    assert jvp(root, 4.0, 1.0) == (2.0, 0.25)


def test_steps_that_leave_the_domain_are_shortened() -> None:
    """From 5, Newton's step for log goes to minus 3; it is halved until there is a logarithm."""
    assert close(implicit(lambda x, a: F.log(x) - a, 5.0, 0.0), 1.0)
    assert close(grad(lambda a: implicit(lambda x, a: F.atan(x) - a, 20.0, a))(0.5), 1 + F.tan(0.5) ** 2, 1e-12)


def test_a_net_that_is_its_own_input() -> None:
    """A deep equilibrium: weights and inputs are parameters."""
    net = MLP(3, [2], 'tanh', seed=1)
    weights = [p.data for p in net.parameters()]

    def after(x: Any, theta: Any) -> Any:
        return [F.tanh(F.dot(row[:3], [*x, 0.7]) + row[3]) for row in (theta[:4], theta[4:])]

    def settled(theta: Any) -> Any:
        x = implicit(lambda x, theta: [a - b for a, b in zip(x, after(x, theta))], [0.0, 0.0], theta)
        return x[0] ** 2 + x[1] ** 2

    def after_many(theta: Any) -> Any:
        x = [0.0, 0.0]
        for _ in range(100):
            x = after(x, theta)
        return x[0] ** 2 + x[1] ** 2

    assert all(close(a, b, 1e-10) for a, b in zip(grad(settled)(weights), grad(after_many)(weights)))


@for_each(('attempt', 'error', 'said'), [
    (lambda: implicit(lambda x, a: x * x + a, 1.0, 1.0), ValueError, 'no root of residual from x0 1.0, for parameters'),
    (lambda: implicit(lambda x, a: x * x + a, 1.0, Value(1.0)), ValueError, 'no root of residual'),
    (lambda: implicit(lambda x, a: [x, x], 1.0, 1.0), ValueError, 'as many numbers as x0 has, 1, not 2'),
    (lambda: implicit(lambda x, _: x - Value(2.0, 'b'), 1.0, Value(1.0)), ValueError, 'not among the parameters: .*b'),
    (lambda: implicit(square, [], 1.0), ValueError, 'x0 must have at least one number'),
    (lambda: implicit(square, 'x', 1.0), TypeError, 'x0 must be a number'),
    (lambda: implicit(square, 1.0, 'a'), TypeError, 'parameters must be a number'),
    (lambda: implicit(square, 1.0, 2.0, limit=0), ValueError, 'limit must be a whole number of at least 1'),
    (lambda: implicit(square, 1.0, 2.0, limit=3), LimitError, 'after 3 turns'),
    (lambda: implicit(3, 1.0, 2.0), TypeError, 'residual must be a function'),
])  # fmt: skip
def test_errors_name_the_argument(attempt: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        attempt()


@pytest.mark.parametrize('unit', [1.0, 1e-9, 1e-12])
def test_that_there_is_no_root_is_seen_in_any_unit(unit: float) -> None:
    with pytest.raises(ValueError, match='found no root'):
        implicit(lambda x, a: x**4 - x * unit**3 + a, 0.7 * unit, unit**4)
    with pytest.raises(ValueError, match='found no root'):
        implicit(lambda x, a: x * x + a, 0.7 * unit, unit**2)
    assert close(implicit(lambda x, a: x * x - a, 0.7 * unit, unit**2), unit)


def test_a_root_whose_residual_is_at_its_rounding_is_one() -> None:
    assert abs(implicit(lambda x, a: a * (x + 0.1) * 3 - 0.3 * a + 1e-17, 1.0, 7.0)) < 1e-15


def test_a_residual_whose_square_is_no_float_leads_to_a_root() -> None:
    assert implicit(lambda x, a: x * F.exp(x) - a, 0.0, 1e-300) == 1e-300
    assert close(implicit(lambda x, a: x * x - a, 1e153, 1e300), 1e150)


def test_compiled_where_there_is_no_root_there_is_nan() -> None:
    found = compile(lambda a: implicit(lambda x, a: x * x + a, 1.0, a), backend='python')
    assert found(-4.0) == 2.0 and found(4.0) != found(4.0)
