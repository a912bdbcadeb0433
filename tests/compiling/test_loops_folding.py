"""Folding alone: sequences of shapes and numbers, and the loops that are found in them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.compiling.ir import reroll
from microgradnet.compiling.ir.reroll import Item, Items, Repeated, Shapes
from tests.support.examples import for_each

#: Where things are that do not move.
FAR = 100_000_000


def fold(items: Sequence[Item], shapes: Shapes) -> list[Item]:
    return [*reroll.fold(Items(items), shapes)]


def unfold(items: list[Item], shapes: Shapes) -> Iterator[Item]:
    """Write all loops out again."""
    for shape, vector in items:
        kind = shapes[shape]
        if not isinstance(kind, Repeated):
            yield shape, vector
            continue
        for turn in range(kind.times):
            moved = tuple(number + turn * step for number, step in zip(vector, kind.steps))
            body, start = [], 0
            for inner in kind.shapes:
                size = lengths(inner, shapes)
                body.append((inner, moved[start : start + size]))
                start += size
            assert start == len(moved) == len(kind.steps)
            yield from unfold(body, shapes)


def lengths(shape: int, shapes: Shapes) -> int:
    """Return how many numbers the vector of a shape has."""
    kind = shapes[shape]
    return len(kind.steps) if isinstance(kind, Repeated) else kind[1]


def depth(items: list[Item], shapes: Shapes) -> int:
    """Return how deep loops are nested."""
    kinds = [shapes[shape] for shape, _ in items]
    return max((1 + depth([(s, ()) for s in k.shapes], shapes) for k in kinds if isinstance(k, Repeated)), default=0)


def named(*sizes: int) -> tuple[Shapes, list[int]]:
    """Make shapes of vectors of some sizes."""
    shapes = Shapes()
    return shapes, [shapes.add((f'shape {k}', size)) for k, size in enumerate(sizes)]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reroll, 'LEAST', 6)
    monkeypatch.setattr(reroll, 'FEWEST', 3)


def test_nothing_and_little_stay_as_they_are() -> None:
    shapes, (a,) = named(2)
    for items in [], [(a, (0, 5))], [(a, (0, 5))] * 3, [(a, (k, 5)) for k in range(10)]:
        assert fold(items, shapes) == items


def test_one_instruction_over_and_over() -> None:
    shapes, (a,) = named(3)
    items = [(a, (k, FAR, FAR + 2 * k)) for k in range(100)]
    ((shape, vector),) = fold(items, shapes)
    assert (shapes[shape], vector) == (Repeated(100, (a,), (1, 0, 2)), (0, FAR, FAR))


def test_the_shortest_period_is_found(eager: None) -> None:
    shapes, (a, b) = named(2, 2)
    items = [(b if k % 3 == 2 else a, (k, FAR + k)) for k in range(60)]
    ((shape, _),) = fold(items, shapes)
    assert shapes[shape] == Repeated(20, (a, a, b), (3,) * 6)


@pytest.mark.parametrize('step', [1, 0, -1, 7, -FAR])
def test_a_loop_ends_where_a_step_changes(step: int, eager: None) -> None:
    shapes, (a,) = named(2)
    items = [(a, (k, 60 * FAR + step * k)) for k in range(40)]
    items += [(a, (k, 90 * FAR + (step + 1) * k)) for k in range(40, 60)]
    folded = fold(items, shapes)
    assert [*unfold(folded, shapes)] == items
    assert [shapes[shape].times for shape, _ in folded] == [40, 20]


def test_loops_in_loops_in_loops(eager: None) -> None:
    shapes, (a, b, c) = named(2, 2, 1)
    items = []
    for i in range(7):
        items.append((c, (i,)))
        for j in range(6):
            items.append((b, (i, j)))
            items += [(a, (100 * i + 10 * j, k)) for k in range(5)]
    folded = fold(items, shapes)
    assert [*unfold(folded, shapes)] == items
    assert (len(folded), depth(folded, shapes)) == (1, 3)
    assert shapes[folded[0][0]].times == 7


def test_what_does_not_repeat_stays() -> None:
    shapes, names = named(*[2] * 50)
    no_order = [(names[Random(k).randrange(47)], (k * k % 1009, k)) for k in range(2000)]
    assert [*unfold(fold(no_order, shapes), shapes)] == no_order
    shapes, (a,) = named(2)
    no_step = [(a, (k, k * k)) for k in range(2000)]
    assert fold(no_step, shapes) == no_step


def test_rims_stay_around_a_loop() -> None:
    shapes, (a, b) = named(2, 2)
    items = [(b, (0, 7)), *((a, (k, k)) for k in range(100)), (b, (9, 9))]
    assert [shape for shape, _ in fold(items, shapes)] == [b, len(shapes) - 1, b]


@for_each('inner', [2, 4, 5, 6, 8, 11, 20, 30, 40])
def test_rows_of_some_cells_are_one_loop(inner: int) -> None:
    """However few the turns of the inner loop, the outer one is found."""
    shapes, (a,) = named(3)
    items = [(a, (row * inner + k, FAR + k, 2 * FAR + row)) for row in range(200) for k in range(inner)]
    assert len(fold(items, shapes)) == 1


@pytest.mark.parametrize('inner', [8, 20])
def test_rows_that_begin_with_a_cell_of_their_own_are_one_loop(inner: int) -> None:
    """The first cell reads something else, as at the rim of a stencil or in the first term of a sum."""
    shapes, (a,) = named(3)
    items = [(a, (row * inner + k, FAR + k if k else 0, 2 * FAR)) for row in range(200) for k in range(inner)]
    assert len(fold(items, shapes)) == 1


def stages(turns: int, irregular: int = -1) -> tuple[list[Item], Shapes]:
    """Turns that begin with what is in no loop, then have one of three stages and one of ten rows of four cells."""
    shapes, (a, b, c, d) = named(3, 2, 4, 2)
    items: list[Item] = []
    for turn in range(turns):
        items.append((a, (len(items), len(items) - 1 if turn else 7, FAR)))
        for stage in range(3):
            moves = stage * (turn if turn == irregular else 1)
            items += [(c, (len(items) + k, 10 * turn + moves, FAR + k, 2 * FAR)) for k in range(3)] * 4
        for row in range(10):
            items.append((d, (len(items), row)))
            items += [(b, (3 * FAR + turn, 4 * row + cell)) for cell in range(4)]
    return items, shapes


@pytest.mark.parametrize('irregular', [-1, 2, 5, 23, 39])
def test_what_is_written_for_turns_alike_is_what_would_be_found(irregular: int, eager: None) -> None:
    items, shapes = stages(40, irregular)
    folded = fold(items, shapes)
    assert [*unfold(folded, shapes)] == items
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reroll._Outer, 'written', lambda *_: 0)
        _, others = stages(0)
        assert (fold(items, others), others) == (folded, shapes)


def test_inner_loops_are_not_looked_for_at_every_turn(eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, repetition = [0], reroll._repetition

    def counted(*arguments: Any) -> Any:
        looked[0] += 1
        return repetition(*arguments)

    monkeypatch.setattr(reroll, '_repetition', counted)
    counts = []
    for turns in (20, 200):
        looked[0] = 0
        assert len(fold(*stages(turns))) < 30
        counts.append(looked[0])
    assert counts[1] < 1.2 * counts[0]


def steps(items: list[Item], shapes: Shapes) -> int:
    """Fold, and count the numbers of vectors that are looked at."""
    looked_at = 0

    class Counted(Items):
        def numbers(self, start: int, end: int) -> array[int]:
            nonlocal looked_at
            found = super().numbers(start, end)
            looked_at += len(found)
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reroll, 'Items', Counted)
        reroll.fold(Counted(items), shapes)
    return looked_at


@pytest.mark.parametrize('kind', [
    'straight', 'nested',
    'irregular',
    'nearly',
])  # fmt: skip
def test_folding_takes_steps_in_proportion_to_the_sequence(kind: str) -> None:
    shapes, (a, b, *more) = named(3, 2, *[3] * 5)

    def sequence(n: int) -> list[Item]:
        if kind == 'straight':
            return [(a, (k, k - 1, FAR)) for k in range(n)]
        if kind == 'nested':
            return [(a if k % 50 else b, (k, k % 50, FAR)[: 3 if k % 50 else 2]) for k in range(n)]
        if kind == 'irregular':
            shape, operand = Random(1), Random(2)  # the same body five times over, its operands anywhere
            body = [shape.choice(more) for _ in range(n // 5)]
            return [(name, (k, operand.randrange(n), FAR)) for k, name in enumerate(body * 5)]
        return [(a, (k, k - 1 - (k % 9 == 8) * k, FAR)) for k in range(n)]

    small, large = (steps(sequence(n), shapes) for n in (300, 1_200))
    assert small
    assert large <= 5 * small


items = st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=4)


blocks = st.lists(st.tuples(items, st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=4)


@given(blocks, st.sampled_from([4, 24]))
def test_a_folded_sequence_unfolds_to_itself(blocks: list[Any], least: int) -> None:
    shapes, names = named(2, 2, 2)
    sequence = [
        (names[name], (FAR + start + 10 * outer * first + inner * second, FAR + start + inner * first))
        for start, (body, turns, around) in enumerate(blocks)
        for outer in range(around)
        for inner in range(turns)
        for name, first, second in body
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reroll, 'LEAST', least)
        patch.setattr(reroll, 'FEWEST', 3)
        folded = fold(sequence, shapes)
        again = fold(folded, shapes)
    assert [*unfold(folded, shapes)] == sequence
    assert again == folded
