"""The node: what it computes, records and prints; its forward values are Python's."""

from __future__ import annotations

import inspect
import math
import operator
import traceback
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.context import no_grad
from microgradnet.engine.table import operations
from microgradnet.engine.value import Constant, Value
from tests.support import NOT_DEFINED
from tests.support.examples import for_each
from tests.support.programs import FLOATS, OPERATORS


def outcome(f: Callable[..., Any], *operands: Any) -> str | type[BaseException]:
    """Return the bits of a result, or the type of what was raised."""
    try:
        result = f(*operands)
    except Exception as error:
        return type(error)
    if isinstance(result, complex):
        return ValueError  # the one exception to Python's own ways
    result = result.data if isinstance(result, Value) else result
    return 'nan' if result != result else float(result).hex()


# Forward.


@pytest.mark.parametrize('symbol', OPERATORS)
@given(a=FLOATS, b=FLOATS)
@example(a=-8.0, b=1 / 3)
@example(a=10.0, b=400.0)
@example(a=0.0, b=-1.0)
@example(a=0.0, b=0.0)
def test_operators_are_pythons_to_the_bit(symbol: str, a: float, b: float) -> None:
    f = OPERATORS[symbol]
    expected = outcome(f, a, b)
    assert outcome(f, Value(a), Value(b)) == outcome(f, Value(a), b) == outcome(f, a, Value(b)) == expected


@given(FLOATS, st.integers(-(10**6), 10**6))
def test_an_int_is_the_float_of_it(a: float, n: int) -> None:
    for f in OPERATORS.values():
        assert outcome(f, Value(a), n) == outcome(f, a, n)
        assert outcome(f, n, Value(a)) == outcome(f, n, a)


@pytest.mark.parametrize(
    'name', [name for name in operations if hasattr(math, name) and not operations[name].vectors]
)
@given(a=FLOATS, b=FLOATS)
def test_functions_are_those_of_math_to_the_bit(name: str, a: float, b: float) -> None:
    operands = (a, b)[: len(operations[name].parameters)]
    f = {'pow': operator.pow}.get(name, getattr(math, name))
    assert outcome(getattr(Value, name), *map(Value, operands)) == outcome(f, *operands)
    assert outcome(getattr(F, name), *operands) == outcome(f, *operands)


@for_each(
    ('attempt', 'error', 'text'),
    [
        (lambda v: 1 / (v - 2), ZeroDivisionError, 'division'),
        (lambda v: (v - 2).log(), ValueError, NOT_DEFINED),
        (lambda v: (v * 1000).exp(), OverflowError, 'range'),
        (lambda v: (-v).sqrt(), ValueError, NOT_DEFINED),
        (lambda v: (v - 10) ** (1 / 3), ValueError, 'not a real number'),
        (lambda v: (v * 10) ** 400, OverflowError, 'range'),
    ],
)
def test_what_raises_in_python_raises_at_the_same_line(
    attempt: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        attempt(Value(2.0))
    frames = traceback.extract_tb(caught.value.__traceback__)
    mine = [frame.lineno for frame in frames if frame.filename == __file__]
    assert mine[-1] == attempt.__code__.co_firstlineno


def test_nothing_is_complex() -> None:
    with pytest.raises(ValueError, match=r'-8\.0'):
        Value(-8.0) ** (1 / 3)
    with pytest.raises(ValueError, match=r'-8\.0'):
        (-8.0) ** Value(1 / 3)
    with pytest.raises(ValueError, match=r'-8\.0'):
        F.pow(-8.0, 1 / 3)


def test_repr_and_format() -> None:
    v = Value(2.5)
    y = v * 2
    y.backward()
    assert repr(v) == str(v) == f'{v}' == 'Value(data=2.5, grad=2.0)'
    assert repr(Value(1, label='w13')) == "Value(data=1.0, grad=0.0, label='w13')"
    assert repr(y.inputs[1]) == 'Constant(2.0)'
    assert f'{v:.3f} {v:8.2e}|{Value(1e9):,.0f}' == '2.500 2.50e+00|1,000,000,000'
    assert repr(Value(Fraction(1, 3))) == 'Value(data=1/3, grad=0)'
    with pytest.raises(ValueError, match='format'):
        f'{v:q}'


def test_labels_name_a_node_and_nothing_else() -> None:
    x = Value(2.0, label='x')
    y = x * x
    y.label = 'y'
    assert (x.label, y.label, (x + 1).label) == ('x', 'y', '')
    with pytest.raises(AttributeError):
        x.note = 'slots, so that a slip of the pen is an error'  # type: ignore[attr-defined]


# What is recorded.


@for_each('name', [name for name, op in operations.items() if not op.vectors])
def test_every_row_records_its_operands_in_order(name: str) -> None:
    op = operations[name]
    operands = [Value(number) for number in (0.5, 0.25, 0.75)[: len(op.parameters)]]
    if name == 'acosh':
        operands = [Value(1.5)]
    y = getattr(F, name)(*operands)
    assert type(y) is Value
    assert y.op is op
    assert [*map(id, y.inputs)] == [*map(id, operands)]
    expected = op.partials('python')(*(v.data for v in operands), y.data)
    assert y.partials == expected
    assert y.grad == 0.0


def test_a_number_becomes_a_constant_without_a_partial() -> None:
    v = Value(2.0)
    for y in (
        v * 3,
        3 * v,
        v - 3,
        3 - v,
        v / 3,
        3 / v,
        v**3,
        3**v,
        v.hypot(3),
        F.sum([v, 3.0]),
        F.dot([v], [3.0], v),
    ):
        kinds = [
            (type(source), partial is None) for source, partial in zip(y.inputs, y.partials, strict=True)
        ]
        assert set(kinds) == {(Value, False), (Constant, True)}


def test_a_number_given_to_a_function_has_no_partial_either() -> None:
    assert F.mul(Value(2.0), 3.0).partials == (3.0, None)
    assert F.pow(Value(-3.0), 2).partials == (-6.0, None)  # no logarithm of a negative base


def test_generated_methods_can_be_read() -> None:
    assert 'math' not in inspect.getsource(Value.tanh)
    assert inspect.getsource(Value.__mul__).startswith('def __mul__(self, b):')
    assert inspect.getdoc(Value.tanh) == operations['tanh'].document


def test_detach_is_a_fresh_leaf() -> None:
    x = Value(2.0)
    y = x * 3
    y.label = 'y'
    cut = y.detach()
    (cut * x).backward()
    assert (cut.data, cut.label, cut.inputs, cut.op) == (6.0, 'y', (), None)
    assert (x.grad, cut.grad, y.grad) == (6.0, 2.0, 0.0)


def test_no_grad_computes_without_recording() -> None:
    x = Value(2.0)
    with no_grad():
        for y in (
            x * 3,
            3 / x,
            x.tanh(),
            F.dot([x, 1.0], [x, x], x),
            F.where(x, x * 2, 1.0),
            x**x,
            F.logsumexp([x, x]),
        ):
            assert type(y) is Value
            assert (y.inputs, y.op) == ((), None)
        with no_grad():
            pass
        assert (x * 3).inputs == ()
    assert (x * 3).data == 6.0
    assert len((x * 3).inputs) == 2


def test_no_grad_ends_with_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / Value(0.0)
    assert len((Value(2.0) * 3).inputs) == 2


def test_plus_a_value_is_the_value() -> None:
    v, third = Value(2.0), Value(Fraction(1, 3))
    assert +v is v
    assert +third is third
    y = +v * +v
    y.backward()
    assert v.grad == 4.0


@pytest.mark.parametrize('label', [3, None, ['w'], b'w'])
def test_a_label_is_a_string(label: Any) -> None:
    if label is None:
        assert Value(1.0, None).label == ''  # type: ignore[arg-type]
        return
    with pytest.raises(TypeError, match='the label of a Value must be a string, not '):
        Value(1.0, label)


@pytest.mark.parametrize('log', [(), 'log', 3])
def test_a_log_is_a_list(log: Any) -> None:
    with pytest.raises(TypeError, match='the log of backward must be a list, not '):
        Value(1.0).backward(log=log)
