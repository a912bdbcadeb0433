"""Operations of one's own: one node, everywhere that an operation of the table works, and their edges."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, custom, gradients, latex, no_grad, text
from microgradnet import functions as F
from microgradnet.derivatives.transforms import grad, hessian, jvp, tangents
from microgradnet.drawing import draw
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.testing import check_custom
from tests.support import NOT_DEFINED
from tests.support.examples import for_each

NUMBERS_ONLY = 'its partials can be computed with numbers only'


def norm(*terms: float) -> float:
    return math.hypot(*terms)


def norm_partials(*terms: float) -> list[float]:
    return [term / math.hypot(*terms) for term in terms]


norm = custom(norm, norm_partials)  # type: ignore[assignment]


def area(a: float, b: float) -> float:
    return a * a * b


area_of = custom(area, lambda a, b: (2 * a * b, a * a))
ramp = custom(lambda x, slope=0.25: slope * x, lambda x, slope: (slope, x), name='ramp')


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


def test_what_is_written_here_is_right() -> None:
    for op in (wave, norm):
        assert check_custom(op, examples=60).judged > 50


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


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_it_is_the_same_as_the_operations_of_the_table(a: float, b: float) -> None:
    """Value, gradient, second derivatives and forward mode, beside a * a * b recorded by the table."""
    x, y = Value(a), Value(b)
    mine, tables = area_of(x, y), x * x * y
    assert mine.data == tables.data
    for one, other in zip(gradients(mine, [x, y]), gradients(tables, [x, y])):
        assert one.data == pytest.approx(other.data, rel=1e-15)
        seconds = zip(gradients(one, [x, y]), gradients(other, [x, y]))
        assert all(p.data == pytest.approx(q.data, rel=1e-15) for p, q in seconds)
    [moved], [table_moved] = tangents([mine], [x, y], [1.0, -2.0]), tangents([tables], [x, y], [1.0, -2.0])
    assert moved.data == pytest.approx(table_moved.data, rel=1e-14, abs=1e-14)


def test_the_partials_are_recorded_once_for_all_operands() -> None:
    calls = []
    op = custom(lambda a, b: a * b, lambda a, b: (calls.append(1), (b, a))[1], name='counted')
    x, y = Value(2.0), Value(3.0)
    z = op(x, y)
    calls.clear()
    assert gradients(z, [x, y]) == [3.0, 2.0]
    assert len(calls) == 1


def test_two_of_the_same_name_are_two() -> None:
    """Equal subexpressions are recorded once; equal names must not make them so."""
    double, triple = (custom(lambda x, k=k: k * x, lambda x, k: (k, x), name='scaled') for k in (2.0, 3.0))
    outer = custom(lambda x: x * x / 2, lambda x: double(x) * triple(x) / 6 / x, name='outer')
    x = Value(5.0)
    [slope] = gradients(outer(x), [x])
    assert slope.data == 5.0
    assert gradients(slope, [x])[0].data == pytest.approx(1.0)


def test_operands_that_may_be_left_out() -> None:
    x = Value(4.0)
    assert ramp(x).partials == (0.25, None)
    assert (ramp(4.0), ramp(4.0, 0.5)) == (1.0, 2.0)
    assert ramp(x, Value(0.5)).partials == (0.5, 4.0)
    with pytest.raises(TypeError, match='custom operation ramp: it takes 1 to 2 operands, not 3'):
        ramp(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match='it takes 2 operands, not 1'):
        area_of(x)


def test_a_vector_may_be_given_as_one_list_as_it_is_printed() -> None:
    a, b = Value(3.0, label='a'), Value(4.0, label='b')
    assert norm([3, 4.0]) == norm(3.0, 4.0) == 5.0
    assert text(norm(a, b)) == 'norm([a, b])'
    again = eval(text(norm(a, b)), {'norm': norm, 'a': a, 'b': b})
    assert (again.data, again.inputs) == (5.0, (a, b))


def test_arrays_are_taken_element_by_element() -> None:
    assert area_of(np.array([1.0, 2.0]), np.array([[3.0], [4.0]])).tolist() == [[3.0, 12.0], [4.0, 16.0]]
    v = Value(2.0)
    mixed = area_of(np.array([1.0, 3.0]), v)
    mixed[1].backward()
    assert v.grad == 9.0


@pytest.mark.parametrize('way', ['gradients', 'backward', 'tangents'])
def test_numbers_only_partials_serve_the_first_order_and_refuse_the_second(way: str) -> None:
    a, b = Value(3.0), Value(4.0)
    y = norm(a, b, 12.0)
    y.backward()
    slopes = gradients(y, [a, b])
    assert [slope.data for slope in slopes] == [a.grad, b.grad] == [3 / 13, 4 / 13]
    assert tangents([y], [a], [1.0])[0].data == 3 / 13
    again = {
        'gradients': lambda: gradients(slopes[0], [a]),
        'backward': slopes[0].backward,
        'tangents': lambda: tangents([slopes[0]], [a], [1.0]),
    }[way]
    with pytest.raises(TypeError, match=f'custom operation norm: {NUMBERS_ONLY}'):
        again()
    assert a.grad == 3 / 13  # nothing has been changed half-way


def test_numbers_only_partials_of_one_operand() -> None:
    only = custom(turns, lambda x: math.tau * math.cos(math.tau * x), name='only')
    assert grad(only)(0.0) == math.tau
    with pytest.raises(TypeError, match=f'custom operation only: {NUMBERS_ONLY}'):
        grad(grad(only))(0.0)


def test_what_is_made_of_a_numbers_only_derivative_is_refused_as_a_whole() -> None:
    a, b = Value(3.0), Value(4.0)
    slope = gradients(norm(a, b), [a])[0]
    with pytest.raises(TypeError, match=NUMBERS_ONLY):
        (slope * a + b * a).backward()
    assert (a.grad, b.grad) == (0.0, 0.0)
    assert math.isnan(slope.partials[0])  # as pictures show it


def test_a_numbers_only_derivative_is_drawn_copied_and_pickled() -> None:
    a, b = Value(3.0, label='a'), Value(4.0, label='b')
    slope = gradients(norm(a, b), [a])[0]
    assert text(slope) == 'norm_da0([a, b])'
    assert 'norm_da0' in draw(slope).source
    for copied in (copy.deepcopy(slope), pickle.loads(pickle.dumps(slope))):
        assert copied.data == slope.data == 0.6
        with pytest.raises(TypeError, match=NUMBERS_ONLY):
            copied.backward()


def test_pickled_by_its_name_it_stays_itself() -> None:
    """Where the operation has taken the name of the function that it is made of."""
    y = norm(Value(3.0), Value(4.0))
    assert pickle.loads(pickle.dumps(y)).op is y.op is norm
    assert pickle.loads(pickle.dumps(norm)) is norm
    assert pickle.loads(pickle.dumps(ramp)) is ramp  # found by its name, though it is made of lambdas
    nameless = custom(lambda x: x, lambda x: 1.0, name='nameless')
    with pytest.raises((pickle.PicklingError, AttributeError), match='lambda'):
        pickle.dumps(nameless(Value(1.0)))


def test_an_operation_as_an_activation() -> None:
    squash = custom(lambda r: r / (1 + abs(r)), lambda r: 1 / (1 + abs(r)) ** 2, name='squash')
    mine, table = (MLP(2, [3, 1], g, 'tanh', seed=4) for g in (squash, 'softsign'))
    table.set_weights([[[w.data for w in n.weights] for n in layer.neurons] for layer in mine.layers],
                      [[n.bias.data for n in layer.neurons] for layer in mine.layers])  # fmt: skip
    y, z = mine([1.0, -2.0]), table([1.0, -2.0])
    y.backward()
    z.backward()
    assert y.data == z.data
    pairs = zip(mine.parameters(), table.parameters())
    assert all(p.grad == pytest.approx(q.grad, rel=1e-14) for p, q in pairs)


def test_where_a_partial_raises_only_that_one_is_nan() -> None:
    def pole(a: float, b: float) -> float:
        raise ZeroDivisionError

    op = custom(lambda a, b: a + b, [lambda a, b: 1.0, pole], name='half_broken')
    assert op(Value(1.0), Value(2.0)).partials == (1.0, pytest.approx(math.nan, nan_ok=True))
    whole = custom(lambda a, b: a + b, pole, name='broken')
    a, b = Value(1.0), Value(2.0)
    whole(a, b).backward()
    assert math.isnan(a.grad) and math.isnan(b.grad)
    assert math.isnan(gradients(whole(a, b), [a])[0].data)


def test_in_ieee_arithmetic_the_value_does_not_raise_either() -> None:
    op = custom(lambda x: 1 / x, lambda x: -1 / (x * x), name='one_over')
    with ieee_arithmetic():
        assert math.isnan(op(Value(0.0)).data)
    with pytest.raises(ZeroDivisionError):
        op(Value(0.0))
    log = custom(lambda x: F.log(x), lambda x: 1 / x, name='my_log')
    with ieee_arithmetic():
        assert log(Value(0.0)).data == -math.inf


def test_backward_never_raises() -> None:
    root = custom(lambda x: math.sqrt(x), lambda x: 0.5 / math.sqrt(x), name='root')
    x = Value(0.0)
    root(x).backward()
    assert math.isnan(x.grad)
    with pytest.raises(ValueError, match=NOT_DEFINED):
        root(Value(-1.0))


@pytest.mark.parametrize('operand', [-1.0, Value(-1.0), np.array([4.0, -1.0])])
def test_a_complex_value_is_a_domain_error_that_names_the_operation(operand: object) -> None:
    """Python's own ``**`` goes on in complex numbers, where ``math.sqrt`` says "math domain error"."""
    root = custom(lambda x: x**0.5, lambda x: 0.5 * x**-0.5, name='root')
    with pytest.raises(ValueError, match=r'custom operation root: math domain error: its value is not real but \('):
        root(operand)
    with ieee_arithmetic():
        assert math.isnan(root(Value(-1.0)).data)


@pytest.mark.parametrize('partials', [lambda a, b: (b, a**0.5), [lambda a, b: b, lambda a, b: a**0.5]])
def test_a_complex_partial_is_nan(partials: Any) -> None:
    op = custom(lambda a, b: a * b, partials, name='partly')
    a, b = Value(-1.0), Value(2.0)
    assert op(a, b).partials == (2.0, pytest.approx(math.nan, nan_ok=True))
    assert math.isnan(gradients(op(a, b), [b])[0].data)


def test_an_edge_without_a_signal() -> None:
    op = custom(lambda a, b: a * b, lambda a, b: (b, None), name='one_way')
    a, b = Value(2.0), Value(3.0)
    y = op(a, b)
    y.backward()
    assert (y.partials, a.grad, b.grad) == ((3.0, None), 3.0, 0.0)
    assert [g.data for g in gradients(y, [a, b])] == [3.0, 0.0]


def test_fractions_stay_exact_and_beside_floats_do_not() -> None:
    third = Fraction(1, 3)
    assert area_of(third, 2) == Fraction(2, 9)
    y = area_of(Value(third), 2)
    assert (y.data, y.partials) == (Fraction(2, 9), (Fraction(4, 3), None))
    assert isinstance(area_of(Value(third), 2.0).data, float)
    x = Value(third)
    custom(lambda x: x * x * x, lambda x: 3 * x * x, name='cubed')(x).backward()
    assert x.grad == third


def test_nothing_is_left_for_the_cycle_collector() -> None:
    x, y = Value(2.0), Value(3.0)
    gradients(area_of(x, y), [x, y])
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            gradients(gradients(area_of(x, y), [x])[0], [x])
        assert gc.collect() < 20
    finally:
        gc.enable()


def test_values_that_are_no_numbers_are_named() -> None:
    for wrong in (lambda x: 'a', lambda x: None, lambda x: Value(x)):
        with pytest.raises(TypeError, match='the value of odd must be a real number'):
            custom(wrong, lambda x: 1.0, name='odd')(1.0)
    with pytest.raises(TypeError, match=r"the partial d/db of odd must be a real number, not 'b'"):
        custom(lambda a, b: a, lambda a, b: (1.0, 'b'), name='odd')(Value(1.0), Value(2.0))
    with pytest.raises(TypeError, match=r'the partial d/da of odd must be a real number, not Value'):
        custom(lambda a: a, lambda a: Value(a), name='odd')(Value(1.0))
    with pytest.raises(TypeError, match="operand of turns must be a real number, not 'a'"):
        wave('a')
    with pytest.raises(TypeError, match='the default of slope must be a real number'):
        custom(lambda x, slope='steep': x, lambda x, slope: (1, 0), name='odd')


@for_each('value, name, message', [
    (lambda x, *rest: x, 'mixed', r'operands by place, or \*terms alone, not \(x, \*rest\)'),
    (lambda: 1.0, 'none', 'operands by place'),
    (lambda x, *, k: x, 'keyword', 'operands by place'),
    (lambda x: x, 'two words', 'must be a Python identifier'),
    (lambda x: x, 'sigmoid', 'the table has an operation of this name'),
])  # fmt: skip
def test_signatures_and_names_that_do_not_fit(value: object, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        custom(value, lambda x: 1.0, name=name)  # type: ignore[arg-type]


def test_partials_that_do_not_fit() -> None:
    with pytest.raises(TypeError, match='a function or a list of functions, not 3'):
        custom(area, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='custom operation custom: the value must be a function'):
        custom(3, turns_partial, name='custom')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='2 operands and 1 partial; each operand needs one'):
        custom(area, [lambda a, b: 1.0])
    with pytest.raises(ValueError, match='1 operand and 2 partials'):
        custom(turns, [turns_partial, turns_partial])
    with pytest.raises(TypeError, match='2 partials for 1 operand'):
        custom(turns, lambda x: (1.0, 2.0))(Value(1.0))
    with pytest.raises(ValueError, match='one function that returns all'):
        custom(lambda *terms: sum(terms), [lambda *terms: 1.0], name='all_of')


def test_an_operation_is_one_node_whatever_it_does_inside() -> None:
    inner = custom(lambda x: F.exp(F.sin(x)), lambda x: F.cos(x) * F.exp(F.sin(x)), name='inner')
    x = Value(0.5)
    assert topological_order(inner(x)) == [x, inner(x)]
    with no_grad():
        assert inner(x).op is None
