"""The quick form beside the definition, bit by bit: printed methods and ``record``, the sweep and ``signals``."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import custom
from microgradnet import functions as F
from microgradnet.engine import sweep
from microgradnet.engine.context import ieee_arithmetic, no_grad
from microgradnet.engine.fast import slow_path
from microgradnet.engine.value import Constant, Value, signals
from microgradnet.engine.walks import topological_order
from tests.support.examples import examples
from tests.support.graphs import grow
from tests.support.programs import FRACTIONS, WILD, Program, by_operator, programs, record, values, wild

blend = custom(lambda a, b: a * b + a, lambda a, b: (b + 1, a), name='blend')
blind = custom(lambda a, b: a * b, lambda a, b: (None, a), name='blind')

STEPS: list[Callable[[Any, Any, Any], Any]] = [
    lambda a, b, c: a + b,
    lambda a, b, c: a - b,
    lambda a, b, c: a * b,
    lambda a, b, c: a / b,
    lambda a, b, c: a * a + b * c,
    lambda a, b, c: 2 - a,
    lambda a, b, c: a * 3,
    lambda a, b, c: a**2 + 0.5 * b,
    lambda a, b, c: abs(a) ** b,
    lambda a, b, c: a * Constant(1.5),
    lambda a, b, c: a * True - Fraction(1, 4),
    lambda a, b, c: F.where(F.greater(a, 0), b * c, c),
    lambda a, b, c: F.clip(a, -1, b),
    lambda a, b, c: F.max(a, b, c) - F.min(a, 0.5),
    lambda a, b, c: F.sum([a, b, 2, c, a]),
    lambda a, b, c: F.dot([a, 1.0], [b, c], 2.0),
    lambda a, b, c: F.dot([a, b], [b, a], c),
    lambda a, b, c: F.logsumexp([a, b, c]),
    lambda a, b, c: F.stop_gradient(a) * b,
    lambda a, b, c: a.relu() + b.tanh() + c.sqrt(),
    lambda a, b, c: F.log(a) + F.atan2(b, c),
    lambda a, b, c: F.hypot(a, b).sigmoid(),
    lambda a, b, c: blend(a, b),
    lambda a, b, c: blind(a, b) + blend(2.0, c),
    lambda a, b, c: a.detach() * b,
]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.25, 1e-320, 1e300, math.inf, -math.inf, math.nan]


def graph(seed: int, kind: str) -> list[Any]:
    """Record a random graph: of floats that raise nothing, of fractions, or of any floats."""
    random, nodes = Random(seed), []
    for place in range(4):
        if kind == 'wild':
            number: Any = random.choice(NUMBERS)
        else:
            number = random.choice([-2, -1, 1, 2, 3]) / random.choice([1.0, 2.0, 4.0])
            number = Fraction(number) if kind == 'exact' or (kind == 'mixed' and place % 2) else number
        nodes.append(Value(number))
    for _ in range(12):
        with no_grad() if random.random() < 0.05 else nullcontext():
            grow(random, nodes, STEPS)
    return values(nodes)


def described(roots: list[Any]) -> list[Any]:
    """Write down all that the nodes behind some roots hold, by their place in the order.

    Where a vector of fractions meets a float, the printed recorders leave fractions among the partials.
    """
    order = topological_order(*roots)
    place = {node: number for number, node in enumerate(order)}
    found = []
    for node in order:
        partials = node.partials
        if node.op is not None and node.op.vectors and type(node.data) is float:
            partials = tuple(p if p is None else float(p) for p in partials)
        inputs = [place[source] for source in node.inputs]
        found.append((node.__class__, repr(node.data), node.op, inputs, repr(partials)))
    return found


def sent(root: Value, seed: float | None = None) -> None:
    """Require ``backward`` to set what ``signals`` says, by the quick way and with a log."""
    found = signals(root, seed)
    order = topological_order(root)
    for log in None, []:
        for node in found:
            node.grad = type(node.data)(0)
        root.backward(seed, log)
        for node, signal in found.items():
            expected = signal if node.inputs else type(node.data)(0) + signal
            assert repr(node.grad) == repr(expected), node
    walked, _ = sweep._walk(root, float('0'))
    assert [id(node) for node in walked if node.inputs] == [id(node) for node in order if node.inputs]


@pytest.mark.parametrize('kind', ['tame', 'wild', 'exact', 'mixed'])
def test_random_graphs(kind: str) -> None:
    with ieee_arithmetic():
        for seed in range(40):
            nodes = graph(seed, kind)
            with slow_path():
                again = graph(seed, kind)
            assert described(nodes) == described(again), seed
            for node in nodes[-3:]:
                sent(node, None if seed % 3 else 0.75)


@examples(80)
@given(programs(), st.booleans())
def test_methods_record_what_record_does(program: Program, operators: bool) -> None:
    apply = {'apply': by_operator} if operators else {}
    quick = values(record(program, **apply))
    with slow_path():
        slow = values(record(program, **apply))
    assert described(quick) == described(slow)
    sent(quick[-1])


@examples(80)
@given(programs(points=WILD, legal=wild))
def test_at_any_floats(program: Program) -> None:
    with ieee_arithmetic():
        quick = values(record(program))
        with slow_path():
            slow = values(record(program))
    assert described(quick) == described(slow)
    sent(quick[-1])


@examples(40)
@given(programs(points=FRACTIONS))
def test_of_fractions(program: Program) -> None:
    nodes = values(record(program))
    sent(nodes[-1])


def test_a_fraction_that_meets_too_large_a_float() -> None:
    y = Value(Fraction(10) ** 400) * Value(Fraction(2))
    assert not sweep.backward(y, 1.0)
    assert y.grad == 0
    sent(y, 1.0)


def test_a_node_is_one_object_to_the_collector() -> None:
    x, w = Value(2.0), Value(3.0)
    for node in x * w, x + 1.0, 2.0 - x, x**2, x.tanh():
        held = gc.get_referents(node)
        assert not any(isinstance(one, (tuple, Constant)) for one in held), node.op


def test_a_number_becomes_a_node_when_it_is_asked_for() -> None:
    x = Value(2.0)
    for node, place in (x * 3.0, 1), (3.0 - x, 0), (x**2, 1):
        number = node.inputs[place]
        assert number.__class__ is Constant
        assert node.inputs[place] is number
        assert node.partials[place] is None
        assert node.inputs[1 - place] is x
        sent(node)


def test_a_constant_that_was_given_is_the_input() -> None:
    x, two = Value(2.0), Constant(2.0)
    for node, place in (x * two, 1), (F.where(x, two, x), 1), (F.dot([x], [x], two), 2):
        assert node.inputs[place] is two
        assert node.partials[place] is None
        sent(node)
    sent(two - x * two)


def test_inputs_and_partials_can_be_set() -> None:
    x, w = Value(2.0), Value(3.0)
    for node in x * w, x.exp(), F.dot([x], [w], 1.0), Value(1.0):
        node.inputs, node.partials = [w, x, w], [1.0, None, 0.5]  # type: ignore[assignment]
        assert (node.inputs, node.partials) == ((w, x, w), (1.0, None, 0.5))
        sent(node)
        assert (w.grad, x.grad) == (1.5, 0.0)
        node.inputs = ()
        assert (node.inputs, node.partials) == ((), ())


@pytest.mark.parametrize('make', [lambda x, w: x * w, lambda x, w: x * 2.0, lambda x, w: Value(1.0)])
def test_inputs_and_partials_can_be_set_one_by_one_in_any_order(make: Any) -> None:
    x, w, v = Value(2.0), Value(3.0), Value(5.0)
    node = make(x, w)
    node.partials = 4.0, None, 0.5
    node.inputs = w, x, v
    assert (node.inputs, node.partials) == ((w, x, v), (4.0, None, 0.5))
    sent(node)
    assert (w.grad, x.grad, v.grad) == (4.0, 0.0, 0.5)


def test_another_input_gets_the_signal_of_the_one_before() -> None:
    x, w, v = Value(2.0), Value(3.0), Value(5.0)
    for node, inputs in (x * w, (v, w)), (x.exp(), (v,)), (2.0 * x, (x, v)):
        partials = node.partials
        node.inputs = inputs
        assert (node.inputs, node.partials) == (inputs, partials)
        v.grad = 0.0
        sent(node)
        assert v.grad == partials[inputs.index(v)]
