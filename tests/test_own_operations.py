"""Operations of one's own: one node, and everywhere that an operation of the table works."""

from __future__ import annotations

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet import gradients, latex, no_grad, text
from microgradnet.custom_operations import custom
from microgradnet.differentiate import grad, hessian, jvp
from microgradnet.testing import check_custom
from microgradnet.value import Value


def turns(x: float) -> float:
    return math.sin(math.tau * x)


def turns_partial(x: Value) -> Value:
    return math.tau * F.cos(math.tau * x)


wave = custom(turns, turns_partial)


def product(*terms: float) -> float:
    return math.prod(terms)


def product_partials(*terms: Value) -> list[Value]:
    return [F.exp(F.sum([F.log(other) for k, other in enumerate(terms) if k != i])) for i in range(len(terms))]


times = custom(product, product_partials)


@given(st.floats(-3, 3))
def test_one_node_and_its_gradient(x: float) -> None:
    leaf = Value(x)
    y = wave(leaf)
    assert (y.data, y.inputs, y.op) == (turns(x), (leaf,), wave)
    y.backward()
    assert leaf.grad == turns_partial(x)


def test_numbers_and_arrays() -> None:
    assert wave(0.25) == 1.0
    assert wave(np.array([0.0, 0.25])).tolist() == [0.0, 1.0]
    mixed = wave(np.array([Value(0.25), 0.0], dtype=object))
    assert (mixed[0].data, mixed[1]) == (1.0, 0.0)


@pytest.mark.parametrize('order', [1, 2, 3, 4])
def test_any_order(order: int) -> None:
    f = wave
    for _ in range(order):
        f = grad(f)
    want = [math.cos, lambda t: -math.sin(t), lambda t: -math.cos(t), math.sin][order - 1]
    assert f(0.1) == pytest.approx(math.tau**order * want(math.tau * 0.1), rel=1e-12)


def test_any_number_of_operands() -> None:
    xs = [Value(2.0), Value(3.0), Value(5.0)]
    y = times(*xs)
    y.backward()
    assert [x.grad for x in xs] == pytest.approx([15.0, 10.0, 6.0])
    assert hessian(lambda x: times(*x))([2.0, 3.0, 5.0])[0] == pytest.approx([0.0, 5.0, 3.0])
    assert jvp(lambda x: times(*x), [2.0, 3.0, 5.0], [1.0, 0.0, 0.0])[1] == pytest.approx(15.0)


def test_constants_and_no_grad() -> None:
    power = custom(lambda x, n: x**n, lambda x, n: (n * x ** (n - 1), F.log(x) * x**n), name='to_the')
    x = Value(3.0)
    assert power(x, 2.0).partials == (6.0, None)
    with no_grad():
        assert power(x, 2.0).inputs == ()
    assert gradients(power(x, 2.0), [x])[0].data == 6.0


def test_it_is_printed_copied_and_pickled() -> None:
    x = Value(0.25, label='x')
    y = wave(x) * 2.0
    assert text(y) == 'turns(x) * 2.0'
    assert 'turns' in latex(y)
    assert latex(custom(turns, turns_partial, latex=r'\operatorname{w} {a}')(x)) == r'\operatorname{w} x'
    for copied in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        copied.backward()
        assert copied.inputs[0].op.name == 'turns'
        assert copied.inputs[0].inputs[0].grad == pytest.approx(0.0, abs=1e-14)


def test_backward_never_raises() -> None:
    root = custom(lambda x: math.sqrt(x), lambda x: 0.5 / math.sqrt(x), name='root')
    x = Value(0.0)
    root(x).backward()
    assert math.isnan(x.grad)
    with pytest.raises(ValueError, match='domain'):
        root(Value(-1.0))


def test_partials_that_know_numbers_only_are_named_at_the_second_order() -> None:
    only = custom(turns, lambda x: math.tau * math.cos(math.tau * x), name='only')
    assert grad(only)(0.0) == math.tau
    with pytest.raises(TypeError, match='custom operation only: its partials can be computed with numbers only'):
        grad(grad(only))(0.0)


def test_fractions() -> None:
    cube = custom(lambda x: x * x * x, lambda x: 3 * x * x, name='cubed')
    x = Value(Fraction(1, 3))
    cube(x).backward()
    assert x.grad == Fraction(1, 3)


def test_what_is_refused_is_named() -> None:
    with pytest.raises(ValueError, match='the table has an operation of this name'):
        custom(turns, turns_partial, name='tanh')
    with pytest.raises(TypeError, match='custom operation custom: the value must be a function'):
        custom(3, turns_partial, name='custom')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='1 operand and 2 partials'):
        custom(turns, [turns_partial, turns_partial])
    with pytest.raises(TypeError, match='2 partials for 1 operand'):
        custom(turns, lambda x: (1.0, 2.0))(Value(1.0))
    with pytest.raises(TypeError, match="operand of turns must be a real number, not 'a'"):
        wave('a')


def test_check_custom_refuses_a_wrong_derivative() -> None:
    check_custom(custom(lambda x: math.atan(x), lambda x: 1 / (1 + x * x), name='right'))
    with pytest.raises(AssertionError, match='wrong'):
        check_custom(custom(lambda x: math.atan(x), lambda x: 1 / (1 - x * x), name='wrong'))


# stop_gradient


def test_stop_gradient_stops_every_way() -> None:
    x = Value(3.0)
    y = x * F.stop_gradient(x)
    y.backward()
    assert x.grad == 3.0
    assert gradients(y, [x])[0].data == 3.0
    assert grad(grad(lambda x: x * F.stop_gradient(x)))(3.0) == 0.0
    assert jvp(lambda x: F.stop_gradient(x) * 2, 3.0, 1.0) == (6.0, 0.0)
