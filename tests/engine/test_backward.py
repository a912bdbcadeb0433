"""``backward``, the walk: against forward mode, called again, interrupted, deep, in threads.

The checks take the walk as an argument, so that ``test_mutations_walk`` can hand them
walks that are wrong and see each of them caught.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value
from tests.support.examples import examples
from tests.support.forward import BY_HAND, TRANSCENDENTAL, Rule, by_hand, by_table, forward
from tests.support.programs import WILD, Apply, Program, by_function, by_operator, programs, record, values, wild

Walk = Callable[[Value], object]
HAND_WRITTEN = sorted(BY_HAND.keys() | TRANSCENDENTAL.keys())


def reverse_is_forward(
    backward: Walk, program: Program, apply: Apply = by_function, rule: Callable[[str], Rule] = by_table
) -> None:
    """Require every node's gradient, leaf or inner, to be what forward mode says."""
    results = record(program, apply)
    root = max(index for index, node in enumerate(results) if isinstance(node, Value))
    backward(results[root])
    for index, node in enumerate(results):
        # A bool condition of ``where`` returns the branch itself: one node, two indices.
        if isinstance(node, Value) and sum(node is other for other in results) == 1:
            duals = forward(program, index, rule)
            dual = duals[root]
            assert node.data == duals[index].data
            assert abs(node.grad - dual.tangent) <= 64 * sys.float_info.epsilon * dual.bound, (
                index,
                node,
                dual,
            )


def twice_is_twice(backward: Walk, program: Program) -> None:
    """Require a second call to double the leaves, to the bit, and to leave inner nodes alone."""
    nodes = values(record(program))
    backward(nodes[-1])
    once = [node.grad for node in nodes]
    backward(nodes[-1])
    assert [node.grad for node in nodes] == [
        g if n.inputs else 2 * g for n, g in zip(nodes, once, strict=True)
    ]


def roots_add_up(backward: Walk, program: Program) -> None:
    """Require several roots of one graph to give the sums, at leaves, of each on its own."""
    nodes = values(record(program))
    expected = [0.0] * len(nodes)
    for root in range(len(nodes)):
        backward(nodes[root])
        alone = values(record(program))
        backward(alone[root])
        for index, node in enumerate(alone[: root + 1]):
            if not node.inputs:
                expected[index] += node.grad
            elif reaches(alone[root], node):
                expected[index] = node.grad
    assert [node.grad for node in nodes] == expected


def reaches(root: Value, node: Value) -> bool:
    """Tell whether the root depends on a node."""
    return root is node or any(reaches(source, node) for source in dict.fromkeys(root.inputs))


CHECKS = (reverse_is_forward, twice_is_twice, roots_add_up)


@pytest.mark.parametrize('check', CHECKS)
@given(program=programs())
def test_the_walk(check: Callable[[Walk, Program], None], program: Program) -> None:
    check(Value.backward, program)


@examples(50)
@given(programs())
def test_operators_and_methods_record_what_functions_do(program: Program) -> None:
    reverse_is_forward(Value.backward, program, apply=by_operator)


@examples(50)
@given(programs(HAND_WRITTEN))
def test_against_rules_written_by_hand(program: Program) -> None:
    reverse_is_forward(Value.backward, program, rule=by_hand)


@examples(50)
@given(programs(), st.sampled_from([-4.0, -1.0, 0.0, 0.5, 8]))
def test_a_seed_scales_every_gradient(program: Program, seed: float) -> None:
    plain, seeded = values(record(program)), values(record(program))
    plain[-1].backward()
    seeded[-1].backward(seed)
    assert [node.grad for node in seeded] == [seed * node.grad for node in plain]


@examples(50)
@given(programs(points=WILD, legal=wild, constants=False), st.floats())
def test_backward_never_raises(program: Program, seed: float) -> None:
    with ieee_arithmetic():
        nodes = values(record(program))
    for node in nodes:
        node.backward(seed)
        assert all(type(each.grad) is float for each in nodes)


def test_an_undefined_derivative_is_a_number_not_an_exception() -> None:
    x, zero = Value(0.0), Value(0.0)
    (x.sqrt() + F.atan2(zero, zero)).backward()
    assert x.grad == math.inf
    assert math.isnan(zero.grad)


def test_backward_never_raises_on_fractions_either() -> None:
    y = Value(Fraction(10) ** 400) * Value(Fraction(2))
    y.backward(1.0)
    assert y.inputs[1].grad == math.inf


def test_backward_on_a_leaf_adds_to_its_gradient() -> None:
    x = Value(2.0)
    x.backward()
    x.backward(seed=3)
    assert x.grad == 4.0


def test_gradients_set_by_hand_are_added_to_at_leaves_only() -> None:
    x = Value(2.0)
    y = x * x
    z = y + x
    x.grad, y.grad, z.grad = 100.0, 50.0, 20.0
    z.backward()
    assert (x.grad, y.grad, z.grad) == (105.0, 1.0, 1.0)


def test_a_later_change_of_data_does_not_change_the_gradient() -> None:
    x, w = Value(2.0), Value(5.0)
    y = (x * w).tanh() + w**3
    expected = (5.0 * y.inputs[0].partials[0], 2.0 * y.inputs[0].partials[0] + 75.0)
    for node in (x, w, y, *y.inputs):
        node.data = math.nan
    y.backward()
    assert (x.grad, w.grad) == expected


def test_a_node_without_a_path_gets_no_signal_and_a_constant_none() -> None:
    x, unused = Value(2.0), Value(3.0)
    side = unused * 2.0
    y = x * 4.0
    y.backward()
    assert (unused.grad, side.grad, y.inputs[1].grad) == (0.0, 0.0, 0.0)
