"""The log of a backward: every step of it, in order, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import inf
from typing import Any

from hypothesis import given

from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.functions import stop_gradient, where
from microgradnet.testing import Expression, expressions


def signals(log: list[Any]) -> dict[Value, Any]:
    arrived: dict[Value, Any] = defaultdict(lambda: 0)
    for event in log:
        arrived[event.source] = event.total
    return arrived


@given(expressions())
def test_the_log_adds_up_to_the_gradients(expression: Expression) -> None:
    (_, once), (_, again) = expression.record(), expression.record()
    log: list[Any] = []
    once.backward(log=log)
    again.backward()
    for node, other in zip(topological_order(once), topological_order(again), strict=True):
        assert repr(node.grad) == repr(other.grad)
    arrived = signals(log)
    for node in topological_order(once):
        if node is not once and node.partials and node in arrived:
            assert repr(float(arrived[node])) == repr(float(node.grad))
    for event in log:
        assert event.node.inputs[event.place] is event.source
        assert repr(event.node.partials[event.place]) == repr(event.partial)
        assert repr(event.contribution) == repr(event.partial * event.signal)


def test_a_node_sends_only_when_all_has_arrived() -> None:
    x = Value(2.0)
    u = x * 3.0
    y = u * u + u.sin() * x
    log: list[Any] = []
    y.backward(log=log)
    sent_by = [event.node for event in log]
    for place, event in enumerate(log):
        assert event.source not in sent_by[:place]


def test_edges_without_a_signal_are_not_in_it() -> None:
    x = Value(2.0)
    log: list[Any] = []
    (where(x.greater(1.0), x * 2.0, x * 3.0) + stop_gradient(x * 5.0) + 4.0).backward(log=log)
    assert [event.source.data for event in log] == [14.0, 4.0, 10.0, 4.0, 2.0]


def test_fractions_stay_exact_and_a_backward_that_starts_again_logs_once() -> None:
    log: list[Any] = []
    (Value(Fraction(1, 3)) * Fraction(2)).backward(seed=Fraction(1, 7), log=log)
    assert [event.contribution for event in log] == [Fraction(2, 7)]
    log = []
    tiny = Value(Fraction(1, 10**400))
    (tiny * Fraction(10**400) * 2.0).backward(log=log)
    assert [event.contribution for event in log] == [2.0, inf] and tiny.grad == inf
