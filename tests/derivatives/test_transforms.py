"""grad, jacobian, hessian, jvp, vjp and hvp: any structure, any nesting, no variables confused."""

from __future__ import annotations

import math
import re
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from microgradnet import compile
from microgradnet import functions as F
from microgradnet.derivatives.transforms import AROUND, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from microgradnet.derivatives.trees import take_apart
from microgradnet.engine.context import no_grad
from microgradnet.engine.value import Value
from tests.support import NOT_DEFINED
from tests.support.examples import for_each

Function = Callable[..., Any]
Point = namedtuple('Point', 'x y')


def rosenbrock(x: Any) -> Any:
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def squares(structure: Any) -> Any:
    """Return the sum of the squares of all numbers in a structure."""
    return sum((number * number for number in take_apart(structure)[0]), 0.0)


def three(x: Any) -> list[Any]:
    """Map two numbers to three."""
    return [F.sin(x[0]) * x[1], F.exp(x[1] - x[0]), x[0] ** 3]


def by_hand(x: Any) -> Any:
    """Return the Jacobian of ``three``."""
    a, b = x
    e = math.exp(b - a)
    return np.array([[math.cos(a) * b, math.sin(a)], [-e, e], [3 * a * a, 0]])


# Structure in, the same structure out.


@for_each(
    'x',
    [
        3.0,
        3,
        True,
        [1.0, 2.0],
        (1.0, [2.0, (3,)]),
        Point(1.0, [2.0]),
        {'w': [1.0, 2.0], 'b': (3.0,)},
        OrderedDict(z=1.0, a=2.0),
        np.array(3.0),
        np.array([1.0, 2.0, 3.0]),
        np.array([[1, 2], [3, 4]]),
        {'layers': [(np.ones((2, 2)), np.array([1.0])), 5.0]},
        [],
        np.zeros((0, 2)),
    ],
)
def test_structure_in_structure_out(x: Any) -> None:
    leaves, build = take_apart(x)
    want = build([2.0 * leaf for leaf in leaves])
    value, found = value_and_grad(squares)(x)
    assert value == sum(float(leaf) ** 2 for leaf in leaves)
    assert isinstance(value, float)
    assert repr(found) == repr(want)
    assert type(found) is (float if isinstance(x, (int, float)) else type(x))
    assert repr(grad(squares)(x)) == repr(want)
    assert repr(hvp(squares)(x, x)) == repr(want)
    assert repr(jvp(lambda y: y, x, x)[1]) == repr(build([float(leaf) for leaf in leaves]))
    assert repr(vjp(lambda y: y, x)[1](x)) == repr(build([float(leaf) for leaf in leaves]))


def test_numpy_numbers_are_floats() -> None:
    found = grad(squares)([np.float64(3.0), np.int32(2), np.bool_(True)])
    assert found == [6.0, 4.0, 2.0]
    assert {type(number) for number in found} == {float}


def test_structures_within_structures() -> None:
    p = {'a': 2.0, 'b': [3.0]}
    assert jacobian(lambda p: (p['a'] * p['b'][0], {'c': p['a']}))(p) == (
        {'a': 3.0, 'b': [2.0]},
        {'c': {'a': 1.0, 'b': [0.0]}},
    )
    assert hessian(lambda p: p['a'] ** 2 * p['b'][0])(p) == {
        'a': {'a': 6.0, 'b': [4.0]},
        'b': [{'a': 4.0, 'b': [0.0]}],
    }
    assert hessian(lambda p: p.x * p.y)(Point(2.0, 3.0)) == Point(Point(0.0, 1.0), Point(1.0, 0.0))


@pytest.mark.parametrize('mode', [None, 'forward', 'reverse'])
def test_arrays_within_arrays(mode: Any) -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    found = jacobian(lambda x: a @ x, mode=mode)(np.array([7.0, 8.0]))
    assert found.dtype == float
    assert found.tolist() == a.tolist()
    cube = jacobian(lambda x: x.T * 2, mode=mode)(a)
    assert cube.shape == (2, 3, 3, 2)
    assert cube[1, 2, 2, 1] == 2.0
    assert cube.sum() == 12.0
    mixed = jacobian(lambda x: np.array([x[0] * x[1], x[0]]), mode=mode)([2.0, 5.0])
    assert mixed.shape == (2,)
    assert mixed[0] == [5.0, 2.0]
    rows = jacobian(lambda x: [x[0] * x[1], x[0]], mode=mode)(np.array([2.0, 5.0]))
    assert [row.tolist() for row in rows] == [[5.0, 2.0], [1.0, 0.0]]
    assert jacobian(lambda x: 3 * x, mode=mode)(np.array(2.0)).shape == ()


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=2))
def test_jacobians_agree(x: list[float]) -> None:
    want = by_hand(x)
    for mode in (None, 'forward', 'reverse'):
        assert np.array(jacobian(three, mode=mode)(x)) == pytest.approx(want, rel=1e-12, abs=1e-12)


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=2), st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_products_are_the_dense_jacobian_times_a_vector(x: list[float], w: list[float]) -> None:
    want = by_hand(x)
    y, change = jvp(three, x, w[:2])
    assert y == three(x)
    assert change == pytest.approx(want @ w[:2], rel=1e-12, abs=1e-11)
    y, pull_back = vjp(three, x)
    assert y == three(x)
    assert pull_back(w) == pytest.approx(w @ want, rel=1e-12, abs=1e-11)
    assert pull_back([0.0, 0.0, 0.0]) == [0.0, 0.0]
    assert vjp(three, x, w) == (y, pull_back(w))


def test_what_stands_twice_in_a_result_has_two_weights() -> None:
    def twice(x: Any) -> Any:
        y = x[0] * x[1]
        return [y, x[0], y]

    assert vjp(twice, [2.0, 3.0], [1.0, 10.0, 100.0])[1] == [313.0, 202.0]


@given(st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3), st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_hessian(x: list[float], v: list[float]) -> None:
    def f(x: Any) -> Any:
        return F.sin(x[0] * x[1]) + x[2] ** 2 * x[0]

    a, b, c = x
    mixed = math.cos(a * b) - a * b * math.sin(a * b)
    want = [[-b * b * math.sin(a * b), mixed, 2 * c], [mixed, -a * a * math.sin(a * b), 0], [2 * c, 0, 2 * a]]
    found = np.array(hessian(f)(x))
    assert found == pytest.approx(np.array(want), rel=1e-10, abs=1e-12)
    assert found == pytest.approx(found.T, rel=1e-12, abs=1e-13)
    assert np.array(jacobian(grad(f))(x)) == pytest.approx(found, rel=1e-12, abs=1e-12)
    assert hvp(f)(x, v) == pytest.approx(found @ v, rel=1e-10, abs=1e-11)
    assert grad(lambda x: F.dot(grad(f)(x), v))(x) == pytest.approx(found @ v, rel=1e-10, abs=1e-11)


def test_arguments_and_options() -> None:
    def f(a: float, x: Any, k: int = 1, *, scale: float = 1.0) -> Any:
        """Give a doc."""
        return a**2 * (x[0] + k * x[1]) * scale

    assert grad(f)(3.0, [1.0, 2.0]) == 18.0
    assert grad(f, argument=1)(3.0, [1.0, 2.0], 5, scale=10.0) == [90.0, 450.0]
    assert value_and_grad(f, 1)(3.0, [1.0, 2.0], k=2) == (45.0, [9.0, 18.0])
    assert jacobian(f, argument=1)(3.0, [1.0, 2.0]) == [9.0, 9.0]
    assert hessian(f)(3.0, [1.0, 2.0], scale=0.5) == 3.0
    assert hvp(f)(3.0, 2.0, [1.0, 2.0], scale=0.5) == 6.0
    assert (grad(f).__name__, hessian(f).__doc__) == ('f', 'Give a doc.')


# Errors.


@for_each(
    ('call', 'error', 'said'),
    [
        (lambda: grad(lambda x: [x, x])(1.0), TypeError, 'must return one number to have a gradient'),
        (lambda: hessian(lambda x: (x, x))(1.0), TypeError, 'must return one number'),
        (lambda: grad(lambda x: None)(1.0), TypeError, 'the result must be .* not None'),
        (lambda: grad(lambda x: 'x')(1.0), TypeError, "the result must be .* not 'x'"),
        (lambda: jacobian(lambda x: [x, None])(1.0), TypeError, r'the result\[1\] must be'),
        (lambda: grad(lambda x: x)('1'), TypeError, "argument 0 must be .* not '1'"),
        (lambda: grad(lambda a, x: a, 1)(1.0, {'k': None}), TypeError, r"argument 1\['k'\] must be .* not None"),
        (lambda: grad(lambda x: x)(np.array(['a'])), TypeError, 'argument 0 must be real numbers, not .* <U1'),
        (lambda: grad(lambda x: x, 1)(1.0), TypeError, 'no argument 1 to differentiate by: 1 were given'),
        (lambda: grad(lambda x: x, -2)(1.0), TypeError, 'no argument -2'),
        (lambda: grad(lambda x: x)(x=1.0), TypeError, 'no argument 0 .* 0 were given'),
        (lambda: jacobian(lambda x: x, mode='sideways'), ValueError, "not 'sideways'"),
        (lambda: jvp(lambda x: x[0], [1.0, 2.0], [1.0]), ValueError, 'like the argument, of 2 numbers; it has 1'),
        (lambda: hvp(lambda x: x[0], 0)([1.0], [1.0]), TypeError, 'argument'),
        (lambda: hvp(lambda x: x[0])([1.0], [1.0, 2.0]), ValueError, 'of 1 numbers; it has 2'),
        (lambda: vjp(lambda x: [x, x], 1.0)[1](1.0), ValueError, 'like the result, of 2 numbers; it has 1'),
        (lambda: jvp(lambda x: x, 1.0, 'v'), TypeError, "the vector must be .* not 'v'"),
        (lambda: grad(math.sin)(1.0), TypeError, 'v.sin()'),
        (lambda: grad(lambda x: F.log(x))(0.0), ValueError, NOT_DEFINED),
    ],
)
def test_errors(call: Function, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_a_failure_inside_leaves_no_trace() -> None:
    def outer(x: Any) -> Any:
        with pytest.raises(ValueError):
            grad(lambda y: x * F.log(y))(-1.0)
        return x * grad(lambda y: y * y)(3.0)

    assert grad(outer)(2.0) == 6.0
    assert AROUND.get() == ()


# At the top plain numbers.


def test_plain_numbers_at_the_top() -> None:
    w = Value(3.0, label='w')
    x = np.array([1.0, 2.0])
    everything = [
        grad(lambda x: w * x * x)(2.0),
        value_and_grad(lambda x: w * x * x)(2.0),
        jacobian(lambda x: [w, w * x])(2.0),
        hessian(lambda x: w * x * x)(2.0),
        hvp(lambda x: w * x * x)(2.0, 1),
        jvp(lambda x: [w * x, 5], 2.0, 1),
        vjp(lambda x: [w * x, w], 2.0)[1]([1, 1]),
        grad(lambda x: 7)(2.0),
        value_and_grad(lambda x: w)(2.0),
        grad(lambda x: x @ x * w)(x),
        hessian(lambda x: x @ x * w)(x),
        jacobian(lambda x: x * w)(x),
        grad(lambda x: grad(lambda y: x * y * y)(3.0))(2.0),
    ]
    leaves = take_apart(everything)[0]
    assert {type(leaf) for leaf in leaves} == {float}
    assert leaves[:5] == [12.0, 12.0, 12.0, 0.0, 3.0]
    assert w.grad == 0.0


def test_fractions_stay_exact() -> None:
    third = Fraction(1, 3)
    cube = [grad(lambda x: x**3)(third), hessian(lambda x: x**3)(third), hvp(lambda x: x**3)(third, 2)]
    assert cube == [third, 2, 4]
    assert all(isinstance(number, Fraction) for number in cube)
    assert jvp(lambda x: x * x, third, 3) == (Fraction(1, 9), 2)
    assert jacobian(lambda x: [x[0] * x[1], x[1]])([third, 2]) == [[2, third], [0, 1]]


def test_values_in_values_out() -> None:
    """An argument that is a node gets nodes: its user may go on from them."""
    x = Value(2.0)
    (slope, more) = grad(lambda p: p[0] ** 3 * p[1])([x, 5.0])
    assert (slope.data, more.data) == (60.0, 8.0)
    slope.backward()
    assert x.grad == 60.0


def test_grads_are_not_touched() -> None:
    w = Value(3.0)
    w.grad = 7.0
    seen: list[Value] = []

    def f(x: Any) -> Any:
        seen.append(x)
        return w * x * x

    for call in (grad(f), hessian(f), jacobian(f), grad(grad(f))):
        call(2.0)
    assert w.grad == 7.0
    assert {x.grad for x in seen} == {0.0}


def test_the_gradient_is_that_of_backward() -> None:
    """To the bit: an independent walk over the same graph."""
    point = [0.3, -1.7, 2.5]
    xs = [*map(Value, point)]
    rosenbrock(xs).backward()
    assert grad(rosenbrock)(point) == [x.grad for x in xs]


# Nesting. A polynomial's derivatives are known at any order.

#: Ways to differentiate a function of one number once.
ONCE: dict[str, Function] = {
    'grad': grad,
    'forward': lambda f: jacobian(f, mode='forward'),
    'reverse': lambda f: jacobian(f, mode='reverse'),
    'jvp': lambda f: lambda x: jvp(f, x, 1.0)[1],
    'vjp': lambda f: lambda x: vjp(f, x)[1](1.0),
    'value_and_grad': lambda f: lambda x: value_and_grad(f)(x)[1],
}
PAIRS = [pytest.param(ONCE[a], ONCE[b], id=f'{a}-{b}') for a, b in product(ONCE, repeat=2)]
#: And twice.
TWICE: dict[str, Function] = {'hessian': hessian, 'hvp': lambda f: lambda x: hvp(f)(x, 1.0)}


def quintic(x: Any) -> Any:
    return x**5 - 2 * x**3


@for_each('ways', [*product(ONCE, repeat=2)], ids='-'.join)
def test_nested_twice(ways: tuple[str, str]) -> None:
    f: Function = quintic
    for way in ways:
        f = ONCE[way](f)
    assert f(2.0) == 20 * 8.0 - 12 * 2.0
    assert type(f(2.0)) is float


@for_each('once', ONCE)
@for_each('twice', TWICE)
def test_nested_three_times(once: str, twice: str) -> None:
    want = 60 * 4.0 - 12
    assert ONCE[once](TWICE[twice](quintic))(2.0) == want
    assert TWICE[twice](ONCE[once](quintic))(2.0) == want


@given(st.lists(st.sampled_from([*ONCE]), min_size=4, max_size=4), st.sampled_from([0.0, 1.0, -2.0]))
def test_nested_four_times(ways: list[str], x: float) -> None:
    f: Function = quintic
    for way in ways:
        f = ONCE[way](f)
    assert f(x) == 120 * x


@pytest.mark.parametrize('ways', [*product(TWICE, repeat=2)], ids='-'.join)
def test_twice_two(ways: tuple[str, str]) -> None:
    assert TWICE[ways[0]](TWICE[ways[1]](quintic))(3.0) == 360.0


def test_nested_on_structures() -> None:
    def f(p: Any) -> Any:
        return p['a'] ** 2 * p['b'][0] ** 3

    p = {'a': 2.0, 'b': [3.0]}
    assert jacobian(grad(f))(p) == hessian(f)(p)
    third = grad(lambda p: hessian(f)(p)['a']['b'][0])(p)
    assert third == {'a': 6 * 9.0, 'b': [12 * 2.0 * 3.0]}
    array = grad(lambda x: hessian(lambda y: (y**3).sum() * x[0])(x).sum())(np.array([2.0, 5.0]))
    assert array.tolist() == [6 * 2 + 6 * (2 + 5), 6 * 2]


# No confusion of variables: the classic cases.


@for_each(('outer', 'inner'), PAIRS)
def test_the_classic_case(outer: Function, inner: Function) -> None:
    """d/dx (x * d/dy (x + y)) is 1; who confuses the variables says 2 (Siskind and Pearlmutter, 2005)."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0


@for_each(('outer', 'inner'), PAIRS)
def test_the_same_place(outer: Function, inner: Function) -> None:
    """d/dx (x * d/dy (x * y) at y = x) = d/dx x^2 = 2 x."""
    assert outer(lambda x: x * inner(lambda y: x * y)(x))(3.0) == 6.0
    assert outer(lambda x: inner(lambda y: x * y * y)(x))(3.0) == 12.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0


def test_the_same_name_inside_and_outside() -> None:
    assert grad(lambda x: x * grad(lambda x: x * x * x)(x))(2.0) == 9 * 4.0
    assert grad(lambda x: x * grad(lambda x: x * x * x)(5.0))(2.0) == 75.0


@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([*ONCE]), st.sampled_from([*ONCE]))
def test_mixed(a: float, b: float, outer: str, inner: str) -> None:
    """d/dx of d/dy sin(x y^2) at y = b."""
    found = ONCE[outer](lambda x: ONCE[inner](lambda y: F.sin(x * y * y))(b))(a)
    r = a * b * b
    assert found == pytest.approx(2 * b * math.cos(r) - 2 * b * r * math.sin(r), rel=1e-9, abs=1e-9)


def test_three_variables() -> None:
    def f(x: Any) -> Any:
        return grad(lambda y: grad(lambda z: x**2 * y**3 * z**4)(2.0))(3.0)

    assert f(5.0) == 25 * 27.0 * 32
    assert grad(f)(5.0) == 10 * 27.0 * 32
    assert grad(grad(f))(5.0) == 2 * 27.0 * 32


def test_the_innermost_depends_on_the_outermost_alone() -> None:
    """d/dx d/dy (y * d/dz (x z^2)), where the variable between has no part in the innermost."""
    f = grad(lambda x: grad(lambda y: y * grad(lambda z: x * z * z)(3.0))(5.0))
    assert f(2.0) == 6.0


def test_functions_that_return_functions() -> None:
    """The shift of Manzyuk and others (2019): who tags per derivative and not per call gets 0."""

    def shift(u: Any) -> Function:
        return lambda f: lambda x: f(x + u)

    def slope(f: Function) -> Function:
        return lambda x: grad(lambda u: shift(u)(f)(x))(0.0)

    assert slope(slope(lambda x: x**3))(2.0) == 12.0
    assert slope(slope(slope(lambda x: x**3)))(2.0) == 6.0
    forward = lambda f: lambda x: jvp(lambda u: shift(u)(f)(x), 0.0, 1.0)[1]  # noqa: E731
    assert forward(slope(forward(lambda x: x**4)))(2.0) == 48.0


def test_a_variable_that_escapes_is_only_a_node() -> None:
    """What one derivative leaves behind is a constant to the next."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x)
        return x * kept[0]

    assert grad(f)(2.0) == 4.0
    assert grad(f)(5.0) == 2.0


def test_the_same_direction_inside_and_outside() -> None:
    def f(x: Any) -> Any:
        return jvp(lambda y: y[0] ** 2 * x[1] * y[1], x, x)[1]

    assert f([2.0, 3.0]) == 2 * 2 * 9 * 2 + 4 * 3 * 3
    found = grad(f)([2.0, 3.0])
    assert found == [3 * 2 * 2 * 9.0, 3 * 4 * 2 * 3.0]  # f is 3 a^2 b^2
    assert jvp(f, [2.0, 3.0], [2.0, 3.0])[1] == 4 * f([2.0, 3.0])  # Euler, homogeneous of degree 4


def test_directions_and_weights_that_are_variables() -> None:
    assert grad(lambda v: jvp(lambda x: x * x, 3.0, v)[1])(1.0) == 6.0
    assert grad(lambda v: hvp(lambda x: x**3)(2.0, v))(1.0) == 12.0
    assert grad(lambda w: vjp(lambda x: x * x, 3.0)[1](w))(1.0) == 6.0
    _, pull_back = vjp(lambda x: [x * x, x], 3.0)
    assert jacobian(pull_back)([1.0, 1.0]) == [6.0, 1.0]
    assert pull_back([1.0, 1.0]) == 7.0
    assert type(pull_back([1.0, 1.0])) is float


def test_a_weight_that_happens_to_be_1() -> None:
    """It is a variable all the same, not a factor that may be left out."""
    for weight in (0.0, 1.0, -1.0):
        assert grad(lambda w: vjp(lambda x: x * x, 3.0)[1](w) * w)(weight) == 12.0 * weight


def test_closures_that_only_look() -> None:
    """A derivative inside that does not depend on the variable is a number."""
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(grad(lambda y: y * y)(3.0))
        seen.append(grad(lambda y: x * y)(3.0))
        return x * seen[0]

    assert grad(f)(2.0) == 6.0
    assert type(seen[0]) is float
    assert isinstance(seen[1], Value)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_reverse_inside_forward_inside_reverse(a: float, b: float) -> None:
    """A gradient penalty, as it is trained with: d/dw of (d/dx tanh(w x))^2."""
    penalty = grad(lambda w: grad(lambda x: F.tanh(w * x))(b) ** 2)(a)
    s = 1 / math.cosh(a * b) ** 2
    want = 2 * a * s * (s - 2 * a * b * s * math.tanh(a * b))
    assert penalty == pytest.approx(want, rel=1e-9, abs=1e-9)


# What SciPy takes.


@pytest.mark.parametrize('variables', [10, pytest.param(100, marks=pytest.mark.slow)])
def test_rosenbrock_in_many_variables(variables: int) -> None:
    found = minimize(value_and_grad(rosenbrock), np.full(variables, 0.5), jac=True)
    assert found.success
    assert np.allclose(found.x, 1, atol=1e-4)


@pytest.mark.parametrize('how', ['hess', 'hessp'])
def test_newton(how: str) -> None:
    second = {'hess': hessian(rosenbrock)} if how == 'hess' else {'hessp': hvp(rosenbrock)}
    found = minimize(value_and_grad(rosenbrock), np.full(6, -0.5), jac=True, method='Newton-CG', **second)
    assert found.success
    assert np.allclose(found.x, 1, atol=1e-4)


def product_of(x: Any, y: Any, z: Any = 1.0) -> Any:
    return x * x * y + y * z


def test_the_gradient_by_several_arguments() -> None:
    assert grad(product_of, (0, 1))(2.0, 3.0) == (12.0, 5.0)
    assert grad(product_of, argnums=(1, 0))(2.0, 3.0) == (5.0, 12.0)
    assert grad(product_of, [0])(2.0, 3.0) == (12.0,)
    assert grad(product_of, argnums=-1)(2.0, 3.0, 4.0) == 3.0
    assert value_and_grad(product_of, (0, 2))(2.0, 3.0, 5.0) == (27.0, (12.0, 3.0))
    assert grad(lambda p, x: p['w'] * x[0], (0, 1))({'w': 2.0}, [3.0, 4.0]) == ({'w': 3.0}, [2.0, 0.0])


def test_the_jacobian_and_the_hessian_by_several_arguments() -> None:
    assert jacobian(lambda x, y: [x * y, x], (0, 1))(2.0, 3.0) == [(3.0, 2.0), (1.0, 0.0)]
    assert hessian(product_of, (0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert hessian(product_of, (0,))(2.0, 3.0) == ((6.0,),)


def test_derivatives_by_several_arguments_nest() -> None:
    inner = grad(product_of, (0, 1))
    assert grad(lambda x, y: inner(x, y)[0], (0, 1))(2.0, 3.0) == (6.0, 4.0)


@for_each('make', [grad, value_and_grad, jacobian, hessian])
@for_each(
    ('argument', 'kind', 'said'),
    [('x', TypeError, "argument must be the number of an argument, or a tuple of them, not 'x' of type str"),
     (0.0, TypeError, 'not 0.0 of type float'), (True, TypeError, 'not True of type bool'),
     (None, TypeError, 'not None'),
     ((0, 'y'), TypeError, "not 'y' of type str"), ((), ValueError, 'at least one number of an argument'),
     ((0, 0), ValueError, 'argument 0 is there twice in (0, 0)')],
)  # fmt: skip
def test_what_numbers_no_argument_is_refused_at_once(make: Any, argument: Any, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=re.escape(said)):
        make(product_of, argument)


@pytest.mark.parametrize('argument', [2, -3, (0, 2), 10**30])
def test_an_argument_that_was_not_given_is_refused(argument: Any) -> None:
    with pytest.raises(TypeError, match=r'there is no argument .*: 2 were given'):
        grad(product_of, argument)(2.0, 3.0)


def test_an_argument_by_both_names_is_refused() -> None:
    with pytest.raises(TypeError, match='argument and argnums are the same thing; 1 and 0 were given'):
        grad(product_of, 1, argnums=0)
    with pytest.raises(ValueError, match=r'argument 1 is there twice in \(1, -1\)'):
        grad(product_of, (1, -1))(2.0, 3.0)


@for_each('make', [grad, value_and_grad, jacobian, hessian, hvp])
def test_what_is_no_function_is_refused_at_once(make: Any) -> None:
    with pytest.raises(TypeError, match='f must be a function, not 3 of type int'):
        make(3)


@pytest.mark.parametrize('x', [2.0, Value(2.0)])
def test_no_grad_around_a_derivative_is_not_within_it(x: Any) -> None:
    def cube(x: Any) -> Any:
        return x**3

    with no_grad():
        found = grad(cube)(x), hessian(cube)(x), hvp(cube)(x, 1.0), grad(grad(cube))(x), *jvp(cube, x, 1.0)
        value, pull_back = vjp(cube, x)
        found += *value_and_grad(cube)(x), value, pull_back(1.0), jacobian(cube)(x)
    assert found == (12.0, 12.0, 12.0, 12.0, 8.0, 12.0, 8.0, 12.0, 8.0, 12.0, 12.0)
    assert not any(isinstance(y, Value) and y.inputs for y in found)  # and what is around records nothing


def test_no_grad_within_a_function_is_kept() -> None:
    def half_constant(x: Any) -> Any:
        with no_grad():
            y = x * x
        return y * x

    assert grad(half_constant)(3.0) == 9.0


@pytest.mark.parametrize('compiled', [False, True])
def test_a_weight_of_0_is_no_signal_and_a_direction_of_0_no_motion_in_nodes_either(compiled: bool) -> None:
    """The square root's slope at 0 is infinite; the derivative by the weight is that slope all the same."""

    def f(x: Any) -> Any:
        return [F.sqrt(x[0]) * x[1], x[1] * x[1]]

    def pulled(x: Any, w: Any) -> Any:
        return vjp(f, x)[1](w)

    def pushed(x: Any, v: Any) -> Any:
        return jvp(f, x, v)[1]

    as_nodes = compile if compiled else lambda f: lambda x, v: [y.data for y in f([*map(Value, x)], [*map(Value, v)])]
    for x, v in product(([0.0, 2.0], [4.0, 2.0]), ([0.0, 0.0], [0.0, 3.0], [2.0, 0.0])):
        assert as_nodes(pulled)(x, v) == pulled(x, v) and as_nodes(pushed)(x, v) == pushed(x, v)
    for derivative in (compile(grad(g)) if compiled else grad(g) for g in (
        lambda w: pulled([0.0, 2.0], [w, 0.0])[0], lambda v: pushed([0.0, 2.0], [v, 0.0])[0],
    )):  # fmt: skip
        assert derivative(0.0) == math.inf
    by_both = grad(lambda x, w: pulled([x, 2.0], [w, 0.0])[0], (0, 1))
    assert (compile(by_both) if compiled else by_both)(4.0, 0.0) == (0.0, 0.5)
