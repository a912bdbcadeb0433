"""Deep and wide graphs, threads and tasks, and nothing left for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given

from microgradnet import functions as F
from microgradnet.engine.context import no_grad
from microgradnet.engine.value import Value
from tests.support.examples import examples
from tests.support.graphs import grow
from tests.support.programs import Program, programs, record, values


@pytest.mark.parametrize('depth', [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_deep_chain_records_differentiates_and_is_freed(depth: int) -> None:
    x = Value(0.5)
    y = x
    for _ in range(depth // 2):
        y = (y + x) * 1.0
    y.backward()
    assert x.grad == depth // 2 + 1
    inside = weakref.ref(y.inputs[0])
    gc.disable()
    try:
        del y
        assert inside() is None
    finally:
        gc.enable()


@pytest.mark.parametrize('width', [30_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_wide_sum(width: int) -> None:
    x, w = Value(0.5), [Value(float(number % 3)) for number in range(width)]
    y = F.sum([w_i * x for w_i in w])
    y.backward()
    assert y.data == x.grad * 0.5 == sum(w_i.data for w_i in w) * 0.5
    assert all(w_i.grad == 0.5 for w_i in w)


def test_a_chain_whose_every_node_is_used_twice_takes_no_exponential_time() -> None:
    x = Value(1.0)
    y = x
    for _ in range(1000):
        y = y + y
    y.backward()
    assert x.grad == 2.0**1000


STEPS: list[Callable[..., Value]] = [
    lambda a, b, c: a + b, lambda a, b, c: (a * b).sin(), lambda a, b, c: F.dot([a, b], [b, 0.5], a).tanh(),
]  # fmt: skip


def random_graph(seed: int) -> tuple[float, list[float]]:
    """Build and differentiate a graph; return its value and gradients."""
    choose = random.Random(seed)
    leaves = [Value(choose.uniform(-1, 1)) for _ in range(4)]
    nodes = list(leaves)
    for _ in range(300):
        grow(choose, nodes, STEPS)
    y = F.sum(nodes)
    y.backward()
    return y.data, [leaf.grad for leaf in leaves]


def test_graphs_built_in_several_threads_are_those_built_in_one() -> None:
    expected = [random_graph(seed) for seed in range(24)]
    with ThreadPoolExecutor(6) as pool:
        assert [*pool.map(random_graph, range(24))] == expected


def test_no_grad_in_one_thread_does_not_stop_another_from_recording() -> None:
    barrier = Barrier(2, timeout=30)

    def paused() -> int:
        with no_grad():
            barrier.wait()
            recorded = len((Value(2.0) * 3.0).inputs)
            barrier.wait()
        return recorded

    def recording() -> int:
        barrier.wait()
        recorded = len((Value(2.0) * 3.0).inputs) + len(F.dot([Value(1.0)], [2.0]).inputs)
        barrier.wait()
        return recorded

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(paused), pool.submit(recording)
        assert (one.result(), other.result()) == (0, 5)


def test_no_grad_in_one_task_does_not_stop_another_from_recording() -> None:
    async def build(paused: bool) -> list[int]:
        recorded = []
        for _ in range(3):
            if paused:
                with no_grad():
                    await asyncio.sleep(0)
                    recorded.append(len((Value(2.0) * 3.0).inputs))
            else:
                await asyncio.sleep(0)
                recorded.append(len((Value(2.0) * 3.0).inputs))
        return recorded

    async def both() -> list[list[int]]:
        return await asyncio.gather(build(True), build(False), build(True))

    assert asyncio.run(both()) == [[0, 0, 0], [2, 2, 2], [0, 0, 0]]


def test_building_and_dropping_graphs_leaves_nothing_to_collect() -> None:
    random_graph(0)
    gc.collect()
    gc.disable()
    try:
        for seed in range(10):
            random_graph(seed)
        with pytest.raises(ZeroDivisionError):
            Value(1.0) / Value(0.0)
        with no_grad():
            Value(2.0) ** 2
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.slow
@examples(10)
@given(programs())
def test_random_graphs_leave_nothing_to_collect(program: Program) -> None:
    gc.collect()
    gc.disable()
    try:
        values(record(program))[-1].backward()
        assert gc.collect() == 0
    finally:
        gc.enable()
