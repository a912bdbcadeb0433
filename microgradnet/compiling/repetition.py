"""Finding the loops that Python unrolled: a sequence of instructions, folded.

An item of the sequence is a shape and a vector of whole numbers: for an instruction, what
it computes, and its own place and those of its operands. Items repeat with period p if the
one p later has the same shape, and a vector that has moved by a step which stays the same
from repetition to repetition: an operand stays where it is (step 0), walks along an array,
or moves along with the instruction. A repetition becomes one item: a loop, whose shape
says how often, of what shapes and with which steps, and whose vector is that of the first
time round. Loops repeat like instructions, so folding again finds the nested ones.

>>> shapes = Shapes()
>>> add, mul = shapes.add('add'), shapes.add('mul')
>>> code = [(add, (0, 100, 200))] + [(s, (k, k - 1, 100)) for k, s in enumerate([mul, add] * 40, 1)]
>>> folded = fold(code, shapes)
>>> len(folded), shapes[folded[-1][0]], folded[-1][1]
(2, Repeated(times=40, shapes=(1, 0), steps=(2, 2, 0, 2, 2, 0)), (1, 0, 100, 2, 1, 100))

It knows nothing of graphs, nets or derivatives, and takes time in proportion to the sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add, sub
from typing import Any, NamedTuple, TypeAlias

__all__ = ['Item', 'Repeated', 'Shapes', 'fold']

#: A shape's number, and the vector.
Item: TypeAlias = tuple[int, tuple[int, ...]]

#: A period, how often it is repeated, and its steps, none if that is too short for a loop.
Found: TypeAlias = tuple[int, int, tuple[int, ...]]

#: A loop must save so many numbers of vectors: shorter ones are quicker written out.
LEAST = 96
#: Periods are looked for where the same few shapes follow again, or the same few of few: so many, at so many places.
GRAM, TRIES, MOST = 4, 4, 20


class Repeated(NamedTuple):
    """The shape of a loop: how often, of which shapes, and the step of each number of its vector."""

    times: int
    shapes: tuple[int, ...]
    steps: tuple[int, ...]


class Shapes(list[Any]):
    """Numbers for shapes: equal ones have the same."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[Any, int] = {}

    def add(self, shape: Any) -> int:
        number = self._numbers.setdefault(shape, len(self))
        if number == len(self):
            self.append(shape)
        return number


def fold(items: Sequence[Item], shapes: Shapes) -> list[Item]:
    """Fold repetitions into loops, innermost first, until there is none left."""
    folded = [*items]
    while True:
        before, folded = len(folded), _fold_once(folded, shapes)
        if len(folded) == before:
            return folded


def _fold_once(items: list[Item], shapes: Shapes) -> list[Item]:
    names = [name for name, _ in items]
    again = _next_alike(names)
    result: list[Item] = []
    start, most, end = 0, len(items), 0

    def find(start: int, most: int) -> Found | None:
        """Return the shortest repetition that begins at a place, of a period up to some length."""
        periods = _periods(start, again)
        for period in periods:
            found = _repetition(items, names, start, period) if period <= most else None
            if found and found[2]:
                return found
            if found and found[1] > 2 and len(periods) < MOST:  # too short to be a loop: all of it may be a period
                periods.append(period * found[1])
        return None

    while start < len(items):
        if start >= end:
            most = len(items)
        found, place = find(start, most), start
        while found and place + 1 < start + found[0]:  # one that begins inside is folded first, and the outer one later
            place += 1
            inner = find(place, found[0] - 1)
            if inner:
                result += items[start:place]
                most, end = found[0] - 1, start + found[0] * found[1]
                found, start = inner, place
        if found:
            period, count, steps = found
            body = items[start : start + period]
            shape = Repeated(count, tuple(names[start : start + period]), steps)
            result.append((shapes.add(shape), tuple(number for _, vector in body for number in vector)))
            start += count * period
        else:
            result.append(items[start])
            start += 1
    return result


def _next_alike(names: list[int]) -> list[list[int]]:
    """Return for each place the next one where the same names follow, its own if there is none: few, and many."""
    result, grams, width = [], names, 1
    for _ in range(2):
        base, parts = max(grams, default=0) + 1, grams
        for part in range(1, GRAM):
            parts = [*map(add, map(base.__mul__, parts), grams[part * width :])]
        numbers: dict[int, int] = {}
        grams = [numbers.setdefault(number, len(numbers)) for number in parts]
        width *= GRAM
        alike, last = [*range(len(names))], [-1] * len(numbers)
        for place in range(len(grams) - 1, -1, -1):
            gram = grams[place]
            if last[gram] >= 0:
                alike[place] = last[gram]
            last[gram] = place
        result.append(alike)
    return result


def _periods(start: int, again: list[list[int]]) -> list[int]:
    """Return the periods that may begin at a place, the shortest first."""
    periods = set()
    for alike in again:
        place = start
        for _ in range(TRIES):
            if alike[place] == place:
                break
            place = alike[place]
            periods.add(place - start)
    return sorted(periods)


def _repetition(items: list[Item], names: list[int], start: int, period: int) -> Found | None:
    """Return how often the items from a place on repeat, and their steps if it is worth a loop."""
    body, second = names[start : start + period], start + period
    if names[second : second + period] != body:
        return None
    vectors = [vector for _, vector in items[start:second]]
    expected = [vector for _, vector in items[second : second + period]]
    steps = [tuple(map(sub, b, a)) for a, b in zip(vectors, expected)]
    count, place = 1, second
    while names[place : place + period] == body:
        for at, step in enumerate(steps, place):
            vector = items[at][1]
            if vector != expected[at - place]:
                break
            expected[at - place] = tuple(map(add, vector, step))
        else:
            count, place = count + 1, place + period
            continue
        break
    size = sum(map(len, vectors))
    if count < 3 or (count - 1) * size < LEAST:
        return period, count, ()
    return period, count, tuple(number for step in steps for number in step)
