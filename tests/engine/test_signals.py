"""``signals``: what ``backward`` commits, without a ``grad`` touched."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import Value, gradients, signals
from microgradnet.engine.value import Constant
from microgradnet.engine.walks import topological_order
from microgradnet.functions import stop_gradient
from microgradnet.testing import Expression, expressions


def nodes_of(y: Value) -> list[Value]:
    return [node for node in topological_order(y) if not isinstance(node, Constant)]


@given(expressions(), st.sampled_from([None, 2, -0.5, Fraction(1, 3)]))
def test_backward_commits_them(expression: Expression, seed: Any) -> None:
    _, y = expression.record()
    nodes = nodes_of(y)
    for place, node in enumerate(nodes):
        node.grad = type(node.data)(place)
    found = signals(y, seed)
    assert [node.grad for node in nodes] == [*range(len(nodes))]
    assert [*map(id, found)] == [*map(id, nodes)]
    y.backward(seed)
    for place, node in enumerate(nodes):
        assert repr(node.grad) == repr(found[node] if node.inputs else type(node.data)(place) + found[node])


@given(expressions())
def test_steps_back_by_hand_are_they(expression: Expression) -> None:
    _, y = expression.record()
    found = signals(y)
    y.grad = 1.0
    for node in reversed(found):
        node.step_back()
    assert [*map(repr, (node.grad for node in found))] == [*map(repr, found.values())]


def test_a_step_back_of_a_fraction_too_large_for_a_float_is_an_infinity() -> None:
    tiny = Value(Fraction(1, 10**400))
    y = tiny * Fraction(10**400)
    y.grad = 2.0
    y.step_back()
    assert tiny.grad == inf


def test_they_are_the_derivatives_by_every_node() -> None:
    x = Value(0.5)
    u = x.tanh()
    y = u * u + x
    assert [signals(y)[node] for node in (x, u, y)] == [slope.data for slope in gradients(y, [x, u, y])]


def test_what_none_reaches_has_0_and_a_constant_is_not_there() -> None:
    x, exact = Value(2.0), Value(Fraction(1, 2))
    stopped = stop_gradient(x)
    y = stopped * 3.0
    assert signals(y) == {x: 0.0, stopped: 3.0, y: 1.0}
    found = signals(exact * exact)
    assert found[exact] == 1 and isinstance(found[exact], Fraction)
    assert signals(Constant(2.0)) == {}


def test_a_fraction_too_large_for_a_float_is_an_infinity_and_is_logged_once() -> None:
    tiny, log = Value(Fraction(1, 10**400)), list[Any]()
    assert signals(tiny * Fraction(10**400) * 2.0, log=log)[tiny] == inf
    assert [event.contribution for event in log] == [2.0, inf]


def test_what_it_asks_for() -> None:
    with pytest.raises(TypeError, match='the y of signals must be a Value, not 3'):
        signals(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='the log of signals must be a list, not '):
        signals(Value(1.0), log=())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='the seed of signals'):
        signals(Value(1.0), 'one')
