"""Who made the nan, where in the source, and which neurons are dead."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, TeacherSet, functions
from microgradnet.arithmetic import ieee_arithmetic
from microgradnet.diagnose import dead_neurons, explain_nan, origin, tracing
from microgradnet.value import Value


def test_the_first_value_that_is_no_number() -> None:
    x, zero = Value(2.0, label='x'), Value(0.0, label='zero')
    with ieee_arithmetic():
        culprit = x / zero
        y = (culprit - culprit) * 3.0 + x
    found = explain_nan(y)
    assert (found.kind, found.node, found.made, found.path[-1]) == ('value', culprit, math.inf, y)
    assert 'div made inf first' in str(found)
    assert 'x = 2.0, zero = 0.0' in str(found)
    assert 'within `with tracing():`' in str(found)


def test_the_first_gradient_that_is_no_number() -> None:
    x = Value(0.0, label='x')
    found = explain_nan(x.sqrt() * 2.0 + 1.0)
    assert (found.kind, found.node.op.name, found.made, found.signal) == ('gradient', 'sqrt', math.inf, 2.0)
    assert x.grad == 0


def test_where_it_was_recorded() -> None:
    with tracing():
        x = Value(0.0)
        y = x.sqrt()
    place = origin(y)
    assert place is not None
    assert place.expression == 'x.sqrt()'
    assert __file__.rsplit('/', 1)[-1] in str(place)
    assert origin(x * 2.0) is None  # kept only when asked for


def test_nothing_wrong() -> None:
    found = explain_nan(Value(2.0) * 3.0)
    assert not found
    assert str(found) == 'Nothing is wrong: the value is 6.0, and every gradient is finite.'


def test_a_branch_not_taken_is_not_blamed() -> None:
    x = Value(0.0)
    with ieee_arithmetic():
        assert not explain_nan(functions.where(x.greater(0), x.log(), x * 2))


def test_a_leaf_may_have_been_nan_from_the_start() -> None:
    found = explain_nan(Value(math.nan, label='given') * 2.0)
    assert found.node.label == 'given'
    assert 'it is a leaf' in str(found)


def test_the_picture_marks_the_way() -> None:
    x = Value(0.0, label='x')
    found = explain_nan(x.sqrt() * 2.0)
    plain, marked = found.draw(rankdir='LR').source, found.picture.source
    assert 'sqrt' in marked
    assert marked
    assert plain


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats())
def test_whatever_the_numbers_it_explains_or_is_content(a: float, b: float) -> None:
    with ieee_arithmetic():
        y = (Value(a) * b).exp() - Value(a) / b if b else Value(a) / Value(b)
    assert bool(explain_nan(y)) or math.isfinite(y.data)
    assert str(explain_nan(y))


def test_dead_vanished_and_constant_neurons() -> None:
    net = MLP.from_weights([[[1.0], [-1.0], [0.0]], [[1.0, 1.0, 1.0]]], [[0.0, 0.0, 1.0], [0.0]], 'relu')
    found = dead_neurons(net, TeacherSet([[1.0], [2.5]], [0, 1]))
    assert found.numbers('dead') == [2]
    assert found.numbers('constant') == [3]
    assert found.numbers('alive') == [1, 4]
    assert str(found).endswith('2 of 4 neurons: 1 dead, 1 constant')
    far = MLP.from_weights([[[100.0]]], [[0.0]], output_activation='sigmoid')
    assert dead_neurons(far, [[1.0], [2.0]]).numbers('vanished') == [1]


def test_dead_neurons_refuses_nothing() -> None:
    with pytest.raises(ValueError, match='at least one sample'):
        dead_neurons(MLP(1, [1]), [])
