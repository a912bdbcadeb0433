"""``gradients``: graphs in, graphs out, to any order, right at the edges."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.derivatives.transforms import gradients, hessian, jacobian
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.testing.places import is_defined, is_kink
from microgradnet.testing.truth import exact, mp
from tests.support import NOT_DEFINED
from tests.support.examples import for_each, spaced
from tests.support.grammar import flat

#: Every operation of one operand but stop_gradient, whose derivative is 0 by definition, at points of its domain.
UNARY = [
    (op.name, x)
    for op in operations.values()
    for x in (0.3, -0.7, 1.5, -3.0, 20.0, 1e-5)
    if op.parameters == 'a' and not op.vectors and op.name != 'stop_gradient'
    and is_defined(op, (x,)) and not is_kink(op, (x,))
]  # fmt: skip


def derivative(name: str, x: float, order: int) -> float:
    leaf = Value(x)
    y = getattr(F, name)(leaf)
    for _ in range(order):
        (y,) = gradients(y, [leaf])
    return float(y.data)


@for_each(('name', 'x'), spaced(3, UNARY))
def test_orders_one_to_four(name: str, x: float) -> None:
    """Every operation of one operand, against the derivatives of its value in many digits.

    The bound is 64 ulps of the derivative, or of its change when x changes by one ulp,
    as near a zero of the derivative nothing better can be asked.
    """
    def f(a: Any) -> Any:
        return exact(operations[name], a)

    with mp.workdps(60):
        for order in range(1, 5):
            want, change = mp.diff(f, mp.mpf(x), order), mp.diff(f, mp.mpf(x), order + 1)
            got = derivative(name, x, order)
            bound = 64 * (abs(want) + abs(x * change)) * mp.mpf(2) ** -53
            assert abs(got - want) <= bound + mp.mpf(10) ** -25, (order, got, float(want))


def test_every_operation_is_tried_in_its_domain() -> None:
    assert {name for name, _ in UNARY} == {op.name for op in operations.values() if op.parameters == 'a'
                                           and not op.vectors} - {'stop_gradient'}  # fmt: skip


@for_each(
    ('name', 'at_zero'),
    [
        ('tanh', [1, 0, -2, 0]),
        ('sigmoid', [1 / 4, 0, -1 / 8, 0]),
        ('sigmoid_slope', [0, -1 / 8, 0, 1 / 4]),
        ('softplus', [1 / 2, 1 / 4, 0, -1 / 8]),
        ('asinh', [1, 0, -1, 0]),
        ('atan', [1, 0, -2, 0]),
        ('gauss', [0, -2, 0, 12]),
        ('silu', [1 / 2, 1 / 2, 0, -1 / 2]),
        ('sech2', [0, -2, 0, 16]),
    ],
)
def test_stable_formulas_with_a_kink_that_the_function_has_not(name: str, at_zero: list[float]) -> None:
    assert [derivative(name, 0.0, order) for order in (1, 2, 3, 4)] == pytest.approx(at_zero, abs=1e-15)


def test_limits_at_the_edge_of_a_domain() -> None:
    assert derivative('sqrt', 0.0, 1) == derivative('sqrt', -0.0, 1) == math.inf
    assert derivative('sqrt', 0.0, 2) == -math.inf
    assert derivative('asin', 1.0, 1) == math.inf
    (slope,) = gradients((x := Value(0.0)) ** 0.5, [x])
    assert slope.data == math.inf


def test_ieee_only_for_what_is_derived() -> None:
    x = Value(0.0)
    gradients(x.sqrt(), [x])
    with pytest.raises(ValueError, match=NOT_DEFINED):
        x.log()


def test_grads_are_not_touched() -> None:
    x = Value(2.0)
    y = x * x + x.exp()
    before = [node.grad for node in topological_order(y)]
    gradients(gradients(y, [x])[0], [x])
    assert [node.grad for node in topological_order(y)] == before


def test_same_as_backward_on_a_net() -> None:
    net = MLP(3, [5, 4, 2], activation='tanh', seed=1)
    error = half_squared_error([net([0.1, -2.0, 3.0]), net([1.0, 0.5, 0.0])], [[1.0, 0.0], [0.0, 1.0]])
    graphs = gradients(error, net.parameters())
    error.backward()
    assert [g.data for g in graphs] == pytest.approx([p.grad for p in net.parameters()], rel=1e-12)


def test_the_cheap_gradient_bound() -> None:
    """The graph of all gradients has at most four times the edges of the graph."""
    for sizes in ([4, 1], [8, 8, 1], [16, 16, 16, 3]):
        net = MLP(4, sizes, activation='tanh', seed=2)
        error = half_squared_error(net([1.0, 2.0, 3.0, 4.0]), [0.0] * sizes[-1])
        edges = sum(len(node.inputs) for node in topological_order(error))
        both = topological_order(error, *gradients(error, net.parameters()))
        assert sum(len(node.inputs) for node in both) <= 4 * edges


def test_folding_leaves_no_needless_node() -> None:
    a, b = Value(3.0), Value(-2.0)
    da, db = gradients(a * b + 7.0, [a, b])
    assert da is b
    assert db is a
    (constant,) = gradients(a * 5.0 - 1.0, [a])
    assert (constant.data, constant.inputs) == (5.0, ())
    (nothing,) = gradients(a, [b])
    assert nothing.data == 0


def test_equal_nodes_are_made_once() -> None:
    x = Value(0.5)
    (slope,) = gradients(x.sin() * x.cos(), [x])
    assert sum(node.op is not None and node.op.name == 'cos' for node in topological_order(slope)) == 1


def test_signals_of_the_branch_not_taken_do_not_leak() -> None:
    x = Value(0.0)
    y = F.where(x.greater(0), x.sqrt() / x.abs().add(1), x * 3) + x * x
    (slope,) = gradients(y, [x])
    (curvature,) = gradients(slope, [x])
    assert (slope.data, curvature.data) == (3.0, 2.0)


def test_nested_choices() -> None:
    for data, want in ((-1.0, 5.0), (0.5, 2.0), (2.0, 12.0)):
        x = Value(data)
        y = F.where(x.less(0), 5 * x, F.where(x.less(1), 2 * x, x**3))
        assert gradients(y, [x])[0].data == want


def test_fractions_stay_exact() -> None:
    x, w = Value(Fraction(2, 3)), Value(Fraction(-1, 7))
    y = (x * w + 1).softsign() ** 2 / x
    exact = gradients(y, [x, w])
    y.backward()
    assert [g.data for g in exact] == [x.grad, w.grad]
    assert all(isinstance(g.data, Fraction) for g in exact)
    (second,) = gradients(exact[0], [w])
    assert isinstance(second.data, Fraction)


def test_higher_order_of_vectors() -> None:
    z = [Value(1.0), Value(-0.5), Value(2.0)]
    first = gradients(F.logsumexp(z), z)
    p = [g.data for g in first]
    for i, slope in enumerate(first):
        want = [p[i] * ((i == j) - p[j]) for j in range(3)]
        assert [g.data for g in gradients(slope, z)] == pytest.approx(want, rel=1e-12)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_mixed_partials_commute(a: float, b: float) -> None:
    x, y = Value(a), Value(b)
    z = (x * y).tanh() + (x - y * y).sin() * x.sigmoid()
    dx, dy = gradients(z, [x, y])
    assert gradients(dx, [y])[0].data == pytest.approx(gradients(dy, [x])[0].data, rel=1e-9, abs=1e-12)


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand() -> None:
    x = Value(0.5)
    y = x
    for _ in range(100_000):
        y = y * 0.99999 + x
    (slope,) = gradients(y, [x])
    y.backward()
    assert slope.data == pytest.approx(x.grad, rel=1e-9)


def test_a_constant_derivative_is_a_float_beside_floats() -> None:
    for x in Value(2.0), Value(Fraction(2)):
        (slope,) = gradients(1 - x, [x])
        assert slope.data == -1
        assert type(slope.data) is type(x.data)


@pytest.mark.parametrize(('f', 'side', 'x'), [
    (lambda p: F.where(p[0], F.where(p[1], p[2] * p[2], p[2]), p[2] ** 3),
     lambda p: p[2] ** 3, [0.0, math.nan, 2.0]),
    (lambda p: F.where(p[1], F.where(p[0], p[2], p[3]) * p[2], p[2] * p[3]),
     lambda p: p[2] * p[3], [math.nan, 0.0, 2.0, 3.0]),
    (lambda p: F.where(p[0], p[2] * p[3], F.where(p[1], p[2], p[3]) * p[2]),
     lambda p: p[2] * p[3], [1.0, math.nan, 2.0, 3.0]),
])  # fmt: skip
def test_of_two_gates_one_that_is_closed_decides_though_the_other_has_a_nan(f: Any, side: Any, x: list[float]) -> None:
    """Nothing of the side that is not chosen leaks, whichever of the two conditions is older."""
    for derivative in hessian, lambda f: jacobian(hessian(f)):
        assert flat(derivative(f)(x)) == flat(derivative(side)(x))


def test_what_passes_gates_is_pickled() -> None:
    p = [*map(Value, (1.0, 1.0, 2.0))]
    y = F.where(p[0], F.where(p[1], p[2] * p[2], p[2]), p[2] * p[2] * 3.0)
    slope, x = pickle.loads(pickle.dumps((gradients(y, [p[2]])[0], p[2])))
    assert slope == 4.0 and gradients(slope, [x]) == [2.0]
