"""Walks that look into the slots of nodes: what is recorded, in the order it was recorded in."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from random import Random

import pytest

from microgradnet import Value
from microgradnet.engine import bare
from microgradnet.engine.bare import recorded
from microgradnet.engine.value import births
from microgradnet.engine.walks import topological_order
from microgradnet.functions import dot, where
from microgradnet.functions import sum as total
from tests.support.graphs import grow

STEPS: list[Callable[..., Value]] = [
    lambda a, b, c: a * b, lambda a, b, c: a + 0.5, lambda a, b, c: 2.0 - b, lambda a, b, c: a.tanh(),
    lambda a, b, c: total([a, b, c]), lambda a, b, c: dot([a, b], [b, c], c), where,
]  # fmt: skip


def drawn(random: Random, apart: int) -> list[Value]:
    """Record operations on leaves, numbers and results drawn by lot, others so far apart; return some of all."""
    nodes = [Value(random.random()) for _ in range(3)]
    for _ in range(200):
        grow(random, nodes, STEPS, random.choice([5, 500]))
        for _ in range(random.randrange(apart)):
            next(births)
    return [*random.sample(nodes, 3), nodes[-1], Value(1.0)]


@pytest.mark.parametrize('apart', [1, 5, bare.WINDOW, 10 * bare.WINDOW])
def test_all_that_is_behind_some_nodes_is_listed_once_in_the_order_it_was_recorded_in(apart: int) -> None:
    random = Random(apart)
    for _ in range(10):
        outputs = drawn(random, apart)
        wanted = sorted((node for node in topological_order(*outputs) if node.op), key=attrgetter('born'))
        found = recorded(outputs)
        assert len(found) == len(wanted) and all(map(lambda one, other: one is other, found, wanted))
