"""``stop_gradient``: the number goes through, the error signal does not, in any order or mode."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet import gradients, softmax
from microgradnet.derivatives.transforms import grad, hessian, jvp, tangents
from microgradnet.engine.value import Value

numbers = st.floats(-20, 20)
several = st.lists(numbers, min_size=1, max_size=5)


@given(numbers)
def test_the_number_goes_through(x: float) -> None:
    assert F.stop_gradient(x) == x == F.stop_gradient(Value(x)).data


@given(numbers, numbers)
def test_it_is_a_constant_to_every_derivative(a: float, b: float) -> None:
    """As if what it stops had been a number from the start."""
    x, y = Value(a), Value(b)
    stopped, plain = x * y.sin() * F.stop_gradient(x * y), x * y.sin() * (a * b)
    for one, other in zip(gradients(stopped, [x, y]), gradients(plain, [x, y])):
        assert one.data == other.data
        # Its curvature is that of the plain one: nothing comes back at the second order.
        assert [p.data for p in gradients(one, [x, y])] == [p.data for p in gradients(other, [x, y])]
    [one], [other] = tangents([stopped], [x, y], [1.0, 2.0]), tangents([plain], [x, y], [1.0, 2.0])
    assert one.data == other.data


def test_backward_reaches_nothing_behind_it() -> None:
    x = Value(3.0)
    (F.stop_gradient(x * x) * 5.0).backward()
    assert x.grad == 0.0
    (F.stop_gradient(x * x) * x).backward()
    assert x.grad == 9.0


@given(several)
def test_the_shift_within_softmax_is_stopped_and_changes_no_derivative(values: list[float]) -> None:
    """d softmax_i / d x_j = s_i * ((i == j) - s_j), though the largest is subtracted first."""
    xs = [Value(v) for v in values]
    outputs = softmax(xs)
    s = [output.data for output in outputs]
    assert sum(s) == pytest.approx(1.0)
    for i, output in enumerate(outputs):
        want = [s[i] * ((i == j) - s[j]) for j in range(len(xs))]
        assert [g.data for g in gradients(output, xs)] == pytest.approx(want, abs=1e-14)


@given(several)
def test_second_derivatives_of_logsumexp_are_those_of_softmax(values: list[float]) -> None:
    s = softmax(values)
    want = [[s[i] * ((i == j) - s[j]) for j in range(len(s))] for i in range(len(s))]
    found = hessian(lambda xs: F.logsumexp(xs))(values)
    assert all(row == pytest.approx(other, abs=1e-14) for row, other in zip(found, want))


def test_an_infinite_derivative_behind_it_does_not_reach_gradients() -> None:
    x = Value(0.0)
    assert gradients(F.stop_gradient(x.sqrt()) + x, [x])[0].data == 1.0


def test_an_infinite_derivative_behind_it_does_not_reach_backward() -> None:
    x = Value(0.0)
    (F.stop_gradient(x.sqrt()) + x).backward()
    assert x.grad == 1.0


def test_it_is_stopped_on_functions_too() -> None:
    assert grad(lambda x: x * F.stop_gradient(x))(3.0) == 3.0
    assert grad(grad(lambda x: x * F.stop_gradient(x)))(3.0) == 0.0
    assert jvp(lambda x: F.stop_gradient(x) * 2, 3.0, 1.0) == (6.0, 0.0)
