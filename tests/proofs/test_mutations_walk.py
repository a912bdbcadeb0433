"""The tests are tested: walks that are wrong in the classical ways, each of which must be caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from microgradnet.engine.value import Constant, Value
from microgradnet.engine.walks import topological_order
from tests.engine.test_backward import CHECKS, Walk
from tests.support.programs import Program, programs


def propagate(root: Value, order: list[Value], overwrite: bool = False, once: bool = False) -> None:
    """Send the error signal along an order of nodes, consumers first; commit as ``backward`` does."""
    signals: dict[Value, Any] = dict.fromkeys(order, 0.0)
    signals[root] = 1.0
    for node in order:
        edges = [*zip(node.inputs, node.partials, strict=True)]
        for source, partial in (
            {id(source): (source, partial) for source, partial in edges}.values() if once else edges
        ):
            if partial is not None:
                signals[source] = partial * signals[node] + (0.0 if overwrite else signals.get(source, 0.0))
    for node, signal in signals.items():
        if not isinstance(node, Constant):
            node.grad = signal if node.inputs else node.grad + signal


def correct(root: Value) -> None:
    """Do what ``Value.backward`` does."""
    propagate(root, topological_order(root)[::-1])


def overwriting(root: Value) -> None:
    """Write ``=`` for ``+=``: the last consumer's signal is all that is left."""
    propagate(root, topological_order(root)[::-1], overwrite=True)


def deduplicated(root: Value) -> None:
    """Keep the inputs in a set: of the two edges of x * x one is left."""
    propagate(root, topological_order(root)[::-1], once=True)


def breadth_first(root: Value) -> None:
    """Walk level by level: a node comes before a consumer that is further away."""
    order, seen = [root], {root}
    for node in order:
        for source in node.inputs:
            if source not in seen:
                seen.add(source)
                order.append(source)
    propagate(root, order)


def pre_order(root: Value) -> None:
    """Walk depth first and list a node when it is met, not when all below it is done."""
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        if not any(node is listed for listed in order):
            order.append(node)
            stack.extend(reversed(node.inputs))
    propagate(root, order)


def visited_by_value(root: Value) -> None:
    """Take two nodes of equal data for one."""
    order: list[Value] = []
    seen: set[Any] = set()

    def visit(node: Value) -> None:
        if node.data not in seen:
            seen.add(node.data)
            for source in node.inputs:
                visit(source)
            order.append(node)

    visit(root)
    propagate(root, order[::-1])


def not_reset(root: Value) -> None:
    """Add into ``grad`` itself: inner nodes keep the last call's signal and feed it to this one."""
    root.grad += 1.0
    for node in reversed(topological_order(root)):
        for source, partial in zip(node.inputs, node.partials, strict=True):
            if partial is not None and not isinstance(source, Constant):
                source.grad += partial * node.grad


WRONG = (overwriting, breadth_first, pre_order, deduplicated, visited_by_value, not_reset)


def caught(check: Callable[[Walk, Program], None], backward: Walk) -> bool:
    """Tell whether a check, over random programs, fails for a walk."""

    @settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])
    @given(programs())
    def run(program: Program) -> None:
        check(backward, program)

    try:
        run()
    except AssertionError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize('backward', WRONG)
def test_a_wrong_walk_is_caught(backward: Walk) -> None:
    assert any(caught(check, backward) for check in CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize('backward', WRONG[:5])
def test_forward_mode_alone_catches_every_wrong_order(backward: Walk) -> None:
    assert caught(CHECKS[0], backward)


@pytest.mark.slow
@pytest.mark.parametrize('check', CHECKS)
def test_the_same_walk_without_the_mistake_is_not_blamed(check: Callable[[Walk, Program], None]) -> None:
    assert not caught(check, correct)
