"""The edges of operations of one's own: names, signatures, numbers-only partials, pickles."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, custom, gradients, no_grad, text
from microgradnet import functions as F
from microgradnet.arithmetic import ieee_arithmetic
from microgradnet.differentiate import tangents
from microgradnet.drawing import draw
from microgradnet.graph import topological_order
from microgradnet.value import Value

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
    for wrong in (lambda x: 'a', lambda x: 1j, lambda x: None, lambda x: Value(x)):
        with pytest.raises(TypeError, match='the value of odd must be a real number'):
            custom(wrong, lambda x: 1.0, name='odd')(1.0)
    with pytest.raises(TypeError, match=r"the partial d/db of odd must be a real number, not 'b'"):
        custom(lambda a, b: a, lambda a, b: (1.0, 'b'), name='odd')(Value(1.0), Value(2.0))
    with pytest.raises(TypeError, match='the default of slope must be a real number'):
        custom(lambda x, slope='steep': x, lambda x, slope: (1, 0), name='odd')


@pytest.mark.parametrize('value, name, message', [
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
    with pytest.raises(ValueError, match='2 operands and 1 partial; each operand needs one'):
        custom(area, [lambda a, b: 1.0])
    with pytest.raises(ValueError, match='one function that returns all'):
        custom(lambda *terms: sum(terms), [lambda *terms: 1.0], name='all_of')


def test_an_operation_is_one_node_whatever_it_does_inside() -> None:
    inner = custom(lambda x: F.exp(F.sin(x)), lambda x: F.cos(x) * F.exp(F.sin(x)), name='inner')
    x = Value(0.5)
    assert topological_order(inner(x)) == [x, inner(x)]
    with no_grad():
        assert inner(x).op is None
