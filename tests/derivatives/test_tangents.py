"""Forward mode on graphs, and the derivative as a linear map, against reverse mode."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.derivatives.graphs import gradients, tangents
from microgradnet.derivatives.linear import Linear
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.support.programs import FRACTIONS, POINTS, WILD, Program, by_operator, programs, record, values, wild

RATIONAL = ['add', 'sub', 'mul', 'neg', 'abs', 'relu', 'max', 'min', 'softsign', 'where', 'sum', 'dot']
SMOOTH = ['add', 'sub', 'mul', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'atan', 'asinh', 'gauss', 'dot', 'sum']


def recorded(program: Program) -> tuple[list[Value], list[Value]]:
    """Return the leaves, and all nodes that an operation made."""
    results = record(program, by_operator)
    leaves = results[: len(program.leaves)]
    ys = [y for y in values(results) if y.inputs]
    assume(ys)
    return leaves, ys



@given(programs(), st.lists(POINTS, min_size=3, max_size=3))
def test_forward_is_reverse(program: Program, drawn: list[float]) -> None:
    """For a direction v and any y: the tangent of y is v times the gradient of y."""
    xs, ys = recorded(program)
    v = drawn[: len(xs)]
    for y, change in zip(ys[-3:], tangents(ys[-3:], xs, v)):
        slopes = [slope.data for slope in gradients(y, xs)]
        terms = [a * b for a, b in zip(slopes, v)]
        if all(map(math.isfinite, [*terms, change.data])):
            assert change.data == pytest.approx(math.fsum(terms), rel=1e-8, abs=1e-8 * (1 + sum(map(abs, terms))))


@given(programs(RATIONAL, FRACTIONS), st.lists(FRACTIONS, min_size=3, max_size=3))
def test_forward_is_reverse_exactly(program: Program, drawn: list[Fraction]) -> None:
    xs, ys = recorded(program)
    v = drawn[: len(xs)]
    for y, change in zip(ys, tangents(ys, xs, v)):
        slopes = [slope.data for slope in gradients(y, xs)]
        assert change.data == sum(slope * along for slope, along in zip(slopes, v) if slope != 0)
        assert isinstance(change.data, Fraction)


@given(programs(), st.lists(POINTS, min_size=3, max_size=3))
def test_the_linear_map_is_backward_to_the_bit(program: Program, drawn: list[float]) -> None:
    """A pull is what ``backward`` adds to the leaves; a push is the tangents' numbers."""
    xs, ys = recorded(program)
    y, linear = ys[-1], Linear([ys[-1]], xs)
    y.backward()
    for found, x in zip(linear.pull([1.0]), xs):
        assert found == x.grad or math.isnan(found)
    v = drawn[: len(xs)]
    (pushed,), (change,) = linear.push(v), tangents([y], xs, v)
    if math.isfinite(change.data) and math.isfinite(pushed):
        scale = sum(abs(a * b) for a, b in zip(linear.pull([1.0]), v))
        assert pushed == pytest.approx(change.data, rel=1e-8, abs=1e-8 * (1 + scale))


@given(programs(points=WILD, legal=wild))
def test_nothing_raises(program: Program) -> None:
    with ieee_arithmetic():
        xs, ys = recorded(program)
    tangents(ys, xs, [1.0] * len(xs))
    linear = Linear(ys, xs)
    linear.push([1.0] * len(xs))
    linear.pull([1.0] * len(ys))


@given(programs(SMOOTH))
def test_the_pattern_covers_the_jacobian(program: Program) -> None:
    xs, ys = recorded(program)
    linear = Linear(ys, xs)
    for y, row in zip(ys, linear.pattern()):
        below = {*topological_order(y)}
        assert [row >> i & 1 for i in range(len(xs))] == [int(x in below) for x in xs]
        for i, slope in enumerate(Linear([y], xs).pull([1.0])):
            assert row >> i & 1 or slope == 0


@given(programs(SMOOTH))
def test_second_order_both_ways(program: Program) -> None:
    """Forward over reverse is reverse over forward."""
    xs, ys = recorded(program)
    y, ones = ys[-1], [1.0] * len(xs)
    forward_over_reverse = tangents(gradients(y, xs), xs, ones)
    (along,) = tangents([y], xs, ones)
    for a, b in zip(forward_over_reverse, gradients(along, xs)):
        assume(abs(a.data) < 1e8)
        assert a.data == pytest.approx(b.data, rel=1e-6, abs=1e-6)


def test_directions_may_be_nodes() -> None:
    x, v = Value(3.0), Value(5.0)
    (change,) = tangents([x * x * x], [x], [v])
    assert change.data == 135.0
    assert gradients(change, [v])[0].data == 27.0
    assert gradients(change, [x])[0].data == 90.0


def test_what_does_not_move() -> None:
    x, y = Value(3.0), Value(4.0)
    still, moved, leaf, constant = tangents([x * 2, x * y, y, Value(7.0)], [x, y], [0, 1.0])
    assert (still.data, moved.data, leaf.data, constant.data) == (0.0, 3.0, 1.0, 0.0)
    assert Linear([x * 2, x * y, y, Value(7.0)], [x, y]).push([0, 1.0]) == [0.0, 3.0, 1.0, 0.0]
    assert Linear([x * 2, x, Value(7.0)], [x, y]).pull([10, 1, 5]) == [21.0, 0.0]


def test_a_zero_asks_no_infinite_partial() -> None:
    x, y = Value(0.0), Value(4.0)
    z = x.sqrt() + y.sqrt()
    assert tangents([z], [x, y], [0.0, 1.0])[0].data == 0.25
    assert Linear([z], [x, y]).push([0.0, 1.0]) == [0.25]
    both = Linear([x.sqrt() * y, y], [x, y])
    assert both.pull([0.0, 1.0]) == [0.0, 1.0]


def test_the_branch_not_chosen_does_not_leak() -> None:
    x = Value(0.0)
    y = F.where(x.greater(0), x.sqrt(), 3 * x)
    assert tangents([y], [x], [2.0])[0].data == 6.0
    assert Linear([y], [x]).push([2.0]) == [6.0]


def test_no_grad_is_touched() -> None:
    x = Value(2.0)
    y = x.exp() * x
    tangents([y], [x], [1.0])
    Linear([y], [x]).pull([1.0])
    assert {node.grad for node in topological_order(y)} == {0.0}


def test_one_direction_for_each_variable() -> None:
    x = Value(2.0)
    with pytest.raises(ValueError, match='zip'):
        tangents([x * x], [x], [1.0, 2.0])


def test_a_walk_of_moderate_size() -> None:
    """Forward mode makes at most six times the edges of the graph."""
    net = MLP(4, [8, 8, 2], activation='tanh', seed=3)
    error = half_squared_error(net([1.0, 2.0, 3.0, 4.0]), [0.0, 1.0])
    weights = net.parameters()
    edges = sum(len(node.inputs) for node in topological_order(error))
    (change,) = tangents([error], weights, [1.0] * len(weights))
    assert sum(len(node.inputs) for node in topological_order(error, change)) <= 6 * edges
    assert change.data == pytest.approx(sum(slope.data for slope in gradients(error, weights)), rel=1e-12)


@pytest.mark.slow
def test_a_chain_deeper_than_any_stack() -> None:
    x = Value(0.5)
    y = x
    for _ in range(20_000):
        y = y * 0.9999 + x
    linear = Linear([y], [x])
    (change,) = tangents([y], [x], [1.0])
    assert change.data == pytest.approx(linear.push([1.0])[0], rel=1e-9)
    assert linear.pull([1.0])[0] == pytest.approx(change.data, rel=1e-9)
