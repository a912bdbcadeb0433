"""What a ``Value`` accepts, what it refuses and how it says so, and how it compares."""

from __future__ import annotations

import decimal
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.value import Value
from tests.support.examples import for_each
from tests.support.programs import FLOATS, OPERATORS

COMPARISONS = {
    '<': operator.lt,
    '<=': operator.le,
    '>': operator.gt,
    '>=': operator.ge,
    '==': operator.eq,
    '!=': operator.ne,
}


@for_each(
    'number',
    [
        3,
        True,
        3.0,
        np.float64(3),
        np.float32(3),
        np.float16(3),
        np.int8(3),
        np.uint64(3),
        np.bool_(True),
        np.array(3.0),
    ],
    ids=lambda number: f'{type(number).__name__}',
)
def test_real_numbers_become_floats(number: Any) -> None:
    v = Value(number)
    assert (v.data, type(v.data)) == (float(number), float)
    for y in (
        Value(2.0) + number,
        number + Value(2.0),
        F.hypot(number, Value(2.0)),
        F.sum([Value(2.0), number]),
    ):
        assert type(y) is Value
        assert all(type(source.data) is float for source in y.inputs)
    assert Value(float(number)) == number


NOT_NUMBERS = [
    '3',
    b'3',
    None,
    3j,
    [3.0],
    (3.0,),
    {},
    {3},
    object(),
    decimal.Decimal(3),
    np.complex128(3),
    np.array([3.0]),
    len,
]


@for_each('thing', NOT_NUMBERS, ids=lambda thing: type(thing).__name__)
def test_anything_else_is_a_type_error_that_names_it(thing: Any) -> None:
    with pytest.raises(TypeError, match=f'real number, not .* of type {type(thing).__name__}'):
        Value(thing)


@for_each('symbol', OPERATORS)
@for_each('thing', NOT_NUMBERS[:-2], ids=lambda thing: type(thing).__name__)
def test_operators_name_what_is_no_number_on_either_side(symbol: str, thing: Any) -> None:
    for operands in ((Value(2.0), thing), (thing, Value(2.0))):
        with pytest.raises(TypeError, match=type(thing).__name__):
            OPERATORS[symbol](*operands)


@for_each('thing', NOT_NUMBERS[:-2], ids=lambda thing: type(thing).__name__)
def test_methods_and_functions_name_it_too(thing: Any) -> None:
    v = Value(2.0)
    for attempt in (
        lambda: v.hypot(thing),
        lambda: v.clip(0, thing),
        lambda: F.hypot(thing, v),
        lambda: F.hypot(2.0, thing),
        lambda: F.sin(thing),
        lambda: F.sum([v, thing]),
        lambda: F.dot([v], [2.0], thing),
        lambda: F.dot([2.0], [thing]),
        lambda: F.where(True, thing, v),
        lambda: v.backward(thing if thing is not None else 'None'),
    ):
        with pytest.raises(TypeError, match='real number'):
            attempt()


def test_a_node_inside_a_node() -> None:
    with pytest.raises(TypeError, match=r'not Value\(data=2.0, grad=0.0\) of type Value'):
        Value(Value(2.0))


def test_something_that_knows_values_may_answer_for_itself() -> None:
    class Friend:
        def __rmul__(self, other: Value) -> str:
            return f'friend of {other.data}'

        __radd__ = __rpow__ = __rmul__

    assert Value(2.0) * Friend() == 'friend of 2.0'  # type: ignore[operator]


@pytest.mark.parametrize('cut', [float, complex, math.sin, math.sqrt])
def test_float_says_what_to_use_instead(cut: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r'v\.sin\(\) .* v\.data'):
        cut(Value(2.0))


@for_each(
    ('attempt', 'text'),
    [
        (lambda v: int(v), r'int\(v.data\)'),
        (lambda v: v // 2, r'v.data // n'),
        (lambda v: 2 // v, r'v.data // n'),
        (lambda v: v // v, r'v.data // n'),
        (lambda v: v % 2, r'v.data % n'),
        (lambda v: 2.5 % v, r'v.data % n'),
        (lambda v: round(v), r'round\(v.data\)'),
        (lambda v: round(v, 2), r'round\(v.data\)'),
        (lambda v: divmod(v, 2), 'divmod'),
        (lambda v: [1, 2][v], 'Value'),
        (lambda v: math.floor(v), 'v.data'),
    ],
)
def test_what_is_not_there_says_why(attempt: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        attempt(Value(2.0))


@pytest.mark.parametrize('symbol', COMPARISONS)
@given(a=FLOATS, b=st.one_of(FLOATS, st.integers(-9, 9), st.booleans(), st.fractions()))
def test_comparisons_compare_data_and_give_a_bool(symbol: str, a: float, b: Any) -> None:
    f = COMPARISONS[symbol]
    for result in (f(Value(a), b), f(Value(a), Value(b))):
        assert type(result) is bool
        assert result == f(a, b)
    assert f(b, Value(a)) == f(b, a)


def test_comparisons_with_great_ints_are_pythons() -> None:
    assert Value(2.0**53) != 2**53 + 1
    assert Value(2.0) < 10**400


def test_comparisons_with_anything_else_are_pythons() -> None:
    v = Value(2.0)
    assert v != 'two'
    assert v != None  # noqa: E711
    assert v not in [[2.0], 'v', (v,)]
    for f in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(TypeError, match='not supported'):
            f(v, 'two')
        with pytest.raises(TypeError, match='not supported'):
            f(None, v)


def test_equality_is_by_value_and_hash_by_identity() -> None:
    a, b = Value(2.0), Value(2.0)
    assert a == b
    assert hash(a) == object.__hash__(a)
    assert len({a, b}) == 2
    assert {a: 'a', b: 'b'}[a] == 'a'
    assert Value(math.nan) != Value(math.nan)
    assert Value(0.0) == Value(-0.0)


@for_each('number', [0.0, -0.0, 1e-320, -2.0, math.nan, math.inf, Fraction(0), Fraction(1, 2)])
def test_truth_is_that_of_the_data(number: Any) -> None:
    assert bool(Value(number)) is bool(number)
