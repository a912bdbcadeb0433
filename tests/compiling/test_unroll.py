"""Turns of loops done together: the same numbers, sums that are carried along, additions to one place made one."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from microgradnet.compiling.ir import unroll
from microgradnet.compiling.ir.routine import Block, Loop, Routine
from microgradnet.compiling.ir.sweeps import routine
from microgradnet.compiling.ir.tape import tape
from microgradnet.compiling.ir.unroll import jam
from microgradnet.compiling.printers.python import function
from microgradnet.engine.value import Value
from microgradnet.functions import dot
from tests.support.examples import every


def layers(inputs: int, sizes: list[int]) -> tuple[Routine, list[float], list[float]]:
    """Return the routine of a net's output and gradient, and a row and parameters for it."""
    random.seed(4)
    rows = [Value(random.uniform(-1, 1)) for _ in range(inputs)]
    parameters: list[Value] = []
    found = rows
    for size in sizes:
        weights = [[Value(random.uniform(-0.3, 0.3)) for _ in found] for _ in range(size)]
        parameters += [w for row in weights for w in row]
        found = [dot(row, found).tanh() for row in weights]
    made = routine(tape([found[0]], rows, parameters), gradient=True)
    return made, [x.data for x in rows], [w.data for w in parameters]


def loops(block: Block) -> list[Loop]:
    return [item for item in block if isinstance(item, Loop)]


@pytest.mark.parametrize('together', every(2, [2, 3, 4, 64]))
@pytest.mark.parametrize('size', [37, 40])
def test_it_does_the_same(size: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unroll, 'TOGETHER', together)
    made, row, parameters = layers(5, [size, size, 1])
    done = jam(made)
    assert str(done) != str(made)
    assert function(done)(row, parameters) == pytest.approx(function(made)(row, parameters), rel=1e-13, abs=1e-16)


def test_a_loop_that_carries_a_sum_is_done_together_and_adds_to_each_place_once() -> None:
    made, _, _ = layers(5, [40, 40, 1])
    done = jam(made)
    carrying = [
        (loop, loops(loop.blocks[0])[0])
        for block in done.blocks
        for loop in loops(block)
        if loop.backwards and loop.carries and loops(loop.blocks[0])
    ]
    assert [loop.count for loop, _ in carrying] == [10]
    inner = carrying[0][1].blocks[0]
    names = Counter(
        (name, operands[0])
        for name, operands in (done.instructions[item] for item in inner if isinstance(item, int))
        if name in ('add_to', 'output')
    )
    assert names['add_to', 'signals'] == 1
    assert sum(names.values()) == 5  # and the slopes of four weights


def test_no_routine_is_changed() -> None:
    made, _, _ = layers(5, [40, 40, 1])
    before = str(made)
    jam(made)
    assert str(made) == before
