"""The functions: on floats, Values, Fractions; several operands; what they refuse."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from tests.support import NOT_DEFINED
from tests.support.examples import for_each

SCALAR_ROWS = [name for name, op in operations.items() if not op.vectors]
NUMBERS = st.floats(-5, 5)
SEVERAL = st.lists(NUMBERS, min_size=1, max_size=6)


def gradients(f: Callable[..., Value], *numbers: float) -> tuple[float, list[float]]:
    """Return a function's value and its gradient, from Values."""
    leaves = [Value(number) for number in numbers]
    y = f(*leaves)
    y.backward()
    return y.data, [leaf.grad for leaf in leaves]


@for_each('name', operations)
def test_every_row_has_its_function(name: str) -> None:
    f = getattr(F, name)
    assert name in F.__all__
    assert inspect.getdoc(f)
    if name not in ('max', 'min', 'where'):
        assert [*inspect.signature(f).parameters] == [*operations[name].parameters]
        assert inspect.getdoc(f) == operations[name].document


@for_each('name', SCALAR_ROWS)
def test_a_float_gives_a_float_and_a_value_a_value_of_the_same_bits(name: str) -> None:
    points = [0.5, 0.25, 0.75][: len(operations[name].parameters)]
    points = [1.5] if name == 'acosh' else points
    number = getattr(F, name)(*points)
    node = getattr(F, name)(*map(Value, points))
    assert type(number) is float
    assert type(node) is Value
    assert number == node.data
    if name != 'where':
        for place in range(len(points)):
            mixed = [Value(point) if index == place else point for index, point in enumerate(points)]
            assert getattr(F, name)(*mixed).data == number


def test_ints_and_bools_are_taken_for_floats() -> None:
    for number in (
        F.sqrt(4),
        F.max(1, 2),
        F.dot([1, 2], [3, 4], 5),
        F.add(True, 1),
        F.mean([1, 2]),
        F.logsumexp([0]),
    ):
        assert type(number) is float


def test_defaults() -> None:
    assert F.leaky_relu(-1.0) == F.leaky_relu(Value(-1.0)).data == Value(-1.0).leaky_relu().data == -0.01
    assert F.leaky_relu(-1.0, 0.5) == Value(-1.0).leaky_relu(0.5).data == -0.5
    assert F.elu(-1.0) == Value(-1.0).elu().data == math.expm1(-1.0)
    assert F.dot([1.0], [2.0]) == F.dot([Value(1.0)], [2.0]).data == 2.0


# Several operands.


@given(SEVERAL)
def test_max_and_min_of_several(numbers: list[float]) -> None:
    for f, builtin in ((F.max, max), (F.min, min)):
        assert f(*numbers, numbers[0]) == f(numbers) == f(iter(numbers)) == builtin(numbers)
        value, grads = gradients(f, *numbers, math.pi if f is F.min else -math.pi)
        assert value == builtin([*numbers, math.pi if f is F.min else -math.pi])
        assert sum(grads) == 1.0
        assert all(g == 0 for x, g in zip(numbers, grads, strict=False) if x != value)


def test_a_tie_is_shared_two_by_two() -> None:
    assert gradients(F.max, 2.0, 2.0) == (2.0, [0.5, 0.5])
    assert gradients(F.max, 2.0, 2.0, 2.0) == (2.0, [0.25, 0.25, 0.5])
    assert gradients(lambda x: F.max([x, x, x]), 2.0) == (2.0, [1.0])


def test_nan_is_never_hidden() -> None:
    for f in (F.max, F.min):
        for numbers in ([math.nan, 1.0], [1.0, math.nan], [0.0, math.nan, 1.0]):
            assert math.isnan(f(numbers))
            assert math.isnan(f([Value(number) for number in numbers]).data)
    assert math.isnan(F.sum([1.0, math.nan]))
    assert math.isnan(F.logsumexp([1.0, math.nan]))
    assert all(map(math.isnan, F.softmax([1.0, math.nan])))


@given(SEVERAL, NUMBERS)
def test_sum_mean_and_dot(numbers: list[float], bias: float) -> None:
    n = len(numbers)
    total = 0.0
    for number in numbers:
        total += number
    assert F.sum(numbers) == F.sum(iter(numbers)) == total
    assert gradients(lambda *x: F.sum(x), *numbers) == (total, [1.0] * n)
    assert F.mean(numbers) == total / n
    assert gradients(lambda *x: F.mean(x), *numbers) == (total / n, [1 / n] * n)
    net = 0.0
    for number in numbers:
        net += number * number
    assert F.dot(numbers, numbers, bias) == net + bias
    assert gradients(lambda b, *x: F.dot(x, numbers, b), bias, *numbers) == (net + bias, [1.0, *numbers])
    assert gradients(lambda *x: F.dot(x, x), *numbers)[1] == [2 * number for number in numbers]


def test_vectors_may_be_consumed_once() -> None:
    w = [Value(1.0), Value(2.0)]
    assert F.dot((v for v in w), (x for x in [3.0, 4.0]), Value(0.5)).data == 11.5
    assert F.sum(v for v in w).data == 3.0
    assert F.mean(v for v in w).data == 1.5
    assert F.logsumexp(v * 0.0 for v in w).data == math.log(2)
    assert [p.data for p in F.softmax(v * 0.0 for v in w)] == [0.5, 0.5]


def test_a_list_changed_afterwards_does_not_change_the_graph() -> None:
    w, x = [Value(1.0), Value(2.0)], [3.0, 4.0]
    y = F.dot(w, x)
    w[0], x[1] = Value(100.0), 100.0
    w.append(Value(1.0))
    y.backward()
    assert [source.data for source in y.inputs] == [1.0, 2.0, 3.0, 4.0, 0.0]
    assert y.inputs[1].grad == 4.0


def test_a_neuron_is_two_nodes() -> None:
    w, x, b = [Value(1.0), Value(-2.0)], [Value(0.5), Value(0.25)], Value(0.1)
    y = F.tanh(F.dot(w, x, b))
    assert (y.op, y.inputs[0].op) == (operations['tanh'], operations['dot'])
    assert y.inputs[0].inputs == (*w, *x, b)


@given(SEVERAL)
def test_logsumexp_and_softmax(numbers: list[float]) -> None:
    expected = math.log(math.fsum(map(math.exp, numbers)))
    value, grads = gradients(lambda *x: F.logsumexp(x), *numbers)
    assert value == F.logsumexp(numbers) == pytest.approx(expected, rel=1e-14, abs=1e-14)
    shares = F.softmax(numbers)
    assert grads == pytest.approx(shares, rel=1e-14)
    assert math.fsum(shares) == pytest.approx(1.0, rel=1e-14)
    nodes = F.softmax([Value(number) for number in numbers])
    assert [node.data for node in nodes] == shares
    leaf, others = Value(numbers[0]), numbers[1:]
    first = F.softmax([leaf, *others])[0]
    first.backward()
    assert leaf.grad == pytest.approx(shares[0] * (1 - shares[0]), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ('numbers', 'value', 'shares'),
    [
        ([1000.0, 1000.0], 1000.0 + math.log(2), [0.5, 0.5]),
        ([-1000.0, -1000.0], -1000.0 + math.log(2), [0.5, 0.5]),
        ([1000.0, 0.0], 1000.0, [1.0, 0.0]),
        ([-math.inf, 0.0], 0.0, [0.0, 1.0]),
    ],
)
def test_great_numbers_do_not_overflow(numbers: list[float], value: float, shares: list[float]) -> None:
    assert gradients(lambda *x: F.logsumexp(x), *numbers) == (value, shares)
    assert F.softmax(numbers) == shares


def test_infinities() -> None:
    assert F.logsumexp([-math.inf, -math.inf]) == -math.inf
    assert F.logsumexp([math.inf, 0.0]) == math.inf
    assert F.sum([math.inf, 1.0]) == math.inf


def test_stop_gradient_lets_nothing_through() -> None:
    assert gradients(lambda x: F.stop_gradient(x) * x, 3.0) == (9.0, [3.0])


def test_clip() -> None:
    assert [F.clip(x, 0, 1) for x in (-1.0, 0.5, 2.0)] == [0.0, 0.5, 1.0]
    assert gradients(lambda x: F.clip(x, 0, 1), 0.5) == (0.5, [1.0])
    assert gradients(lambda x: F.clip(x, 0, 1), 1.0) == (1.0, [0.5])
    assert gradients(lambda x: F.clip(x, 0, 1), 1.5) == (1.0, [0.0])
    assert gradients(F.clip, 3.0, 0.0, 1.0) == (1.0, [0.0, 0.0, 1.0])


# What is refused.


def test_nothing_has_no_mean_no_greatest_and_no_softmax() -> None:
    for attempt, name in ((F.mean, 'mean'), (F.softmax, 'softmax'), (F.max, 'max'), (F.min, 'min')):
        with pytest.raises(ValueError, match=f'{name} wants at least one'):
            attempt([])
    with pytest.raises(ValueError, match='max wants at least one'):
        F.max()
    assert F.sum([]) == 0.0
    assert F.dot([], [], 2.0) == 2.0
    assert F.dot([], [], Value(2.0)).data == 2.0


@pytest.mark.parametrize('kind', [float, Value])
def test_vectors_of_different_lengths_say_both(kind: Any) -> None:
    with pytest.raises(ValueError, match='dot wants vectors of the same length: a has 2, b has 1'):
        F.dot([kind(1.0), kind(2.0)], [kind(3.0)])
    with pytest.raises(ValueError, match='a has 0, b has 1'):
        F.dot([], [kind(3.0)])


def test_numbers_raise_what_python_raises() -> None:
    with pytest.raises(ValueError, match=NOT_DEFINED):
        F.log(0.0)
    with pytest.raises(OverflowError):
        F.exp(1000.0)
    with pytest.raises(ZeroDivisionError):
        F.div(1.0, 0.0)


def test_ieee_arithmetic_records_on() -> None:
    with ieee_arithmetic():
        results = [
            Value(0.0).log(),
            1 / Value(0.0),
            Value(1000.0).exp(),
            Value(-8.0) ** (1 / 3),
            Value(-1.0).sqrt(),
        ]
    assert [y.data for y in results[:3]] == [-math.inf, math.inf, math.inf]
    assert all(math.isnan(y.data) for y in results[3:])
    assert results[0].partials == (math.inf,)
    with pytest.raises(ValueError, match=NOT_DEFINED):
        Value(0.0).log()


def test_a_single_operand_is_read_too() -> None:
    assert type(F.max([3])) is float
    with pytest.raises(TypeError, match='real number'):
        F.min(['a'])


def test_fractions_without_a_value() -> None:
    half, third = Fraction(1, 2), Fraction(1, 3)
    for exact in (
        F.mul(half, third),
        F.sum([half, third]),
        F.dot([half], [third], half),
        F.max(half, third),
        F.mean([half, third]),
    ):
        assert type(exact) is Fraction
    for floating in (F.mul(half, 0.5), F.exp(half), F.sum([half, 0.5]), F.sqrt(half)):
        assert type(floating) is float


def test_a_condition_that_is_nan_gives_nan_whatever_it_is_of() -> None:
    for condition in (math.nan, Value(math.nan)):
        for yes, no in ((1.0, 2.0), (Value(1.0), 2.0), (lambda: 1.0, lambda: Value(2.0))):
            assert math.isnan(float(getattr(F.where(condition, yes, no), 'data', F.where(condition, yes, no))))
