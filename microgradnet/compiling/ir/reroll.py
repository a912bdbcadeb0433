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

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count, pairwise
from operator import add, sub
from typing import Any, NamedTuple, TypeAlias

__all__ = ['Item', 'Repeated', 'Shapes', 'fold']

#: A shape's number, and the vector.
Item: TypeAlias = tuple[int, tuple[int, ...]]

#: A period, how often it is repeated, and its steps, none if that is too short for a loop.
Found: TypeAlias = tuple[int, int, tuple[int, ...]]

#: A loop must save so many numbers of vectors, one of few turns many more: others are quicker written out, and
#: may be there by chance.
LEAST, MUCH, FEWEST = 48, 500, 8
#: Periods are looked for where the same few shapes follow again, or the same few of few: so many, at so many places.
GRAM, TRIES, MOST = 4, 4, 20
#: Periods are up to so long.
WINDOW = 1 << 16


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
    again: list[list[int]] = []
    result: list[Item] = []
    start, most, end, base = 0, len(items), 0, -WINDOW

    def find(start: int, most: int) -> Found | None:
        """Return the shortest repetition that begins at a place, of a period up to some length."""
        nonlocal again, base
        if not base <= start < base + WINDOW // 2:  # not all at once: most of it may be one loop
            base = start
            again = _next_alike(items[base : base + WINDOW], names[base : base + WINDOW])
        periods = _periods(start - base, again)
        for period in periods:
            found = _repetition(items, names, start, period) if period <= most else None
            if found and found[2]:
                return found
            if found and len(periods) < MOST:  # too short to be a loop: all of it may be a period, with its rims
                periods += [period * (found[1] + rims) for rims in range(3)]
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
            period, times, steps = found
            body = items[start : start + period]
            shape = Repeated(times, tuple(names[start : start + period]), steps)
            result.append((shapes.add(shape), tuple(number for _, vector in body for number in vector)))
            start += times * period
        else:
            result.append(items[start])
            start += 1
    return result


def _next_alike(items: list[Item], names: list[int]) -> list[list[int]]:
    """Return for each place the next one where the like follows, its own if there is none.

    The like: the same few shapes; or more of them, with the same steps from one to the
    next where they have the same shape.
    """
    moves = {
        place: (name, tuple(map(sub, items[place + 1][1], items[place][1])))
        for place, (name, following) in enumerate(pairwise(names))
        if name == following
    }
    often, kinds = Counter(moves.values()), [*names]
    numbers: dict[Any, int] = defaultdict(count(max(names, default=0) + 1).__next__)
    for place, move in moves.items():
        if often[move] > 1:
            kinds[place] = numbers[move]
    few, many = _grams(names, 1), _grams(_grams(kinds, 1), GRAM)
    return [_next_same(few, len(names)), _next_same(many, len(names))]


def _grams(names: list[int], apart: int) -> list[int]:
    """Number what follows at each place: some names so far apart."""
    base, grams = max(names, default=0) + 1, names
    for part in range(1, GRAM):
        grams = [*map(add, map(base.__mul__, grams), names[part * apart :])]
    numbers: dict[int, int] = defaultdict(count().__next__)
    return [*map(numbers.__getitem__, grams)]


def _next_same(grams: list[int], length: int) -> list[int]:
    alike, last = [*range(length)], [-1] * (max(grams, default=0) + 1)
    for place in range(len(grams) - 1, -1, -1):
        gram = grams[place]
        if last[gram] >= 0:
            alike[place] = last[gram]
        last[gram] = place
    return alike


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
    second, end = start + period, start + 3 * period
    if end > len(items):
        return None
    steps, expected, size = [], [], 0
    for at in range(start, second):
        (name, a), (name_b, b), (name_c, c) = items[at], items[at + period], items[at + 2 * period]
        if not name == name_b == name_c:
            return None
        step = tuple(map(sub, b, a))
        following = tuple(map(add, c, step))
        if tuple(map(sub, c, b)) != step:
            return None
        steps.append(step)
        expected.append(following)
        size += len(a)
    times, place, body = 3, end, names[start:second]
    while names[place : place + period] == body:
        if [vector for _, vector in items[place : place + period]] != expected:
            break
        expected = [tuple(map(add, vector, step)) for vector, step in zip(expected, steps)]
        times, place = times + 1, place + period
    saved = (times - 1) * size
    worth = saved >= (LEAST if times >= FEWEST else MUCH)
    return period, times, tuple(number for step in steps for number in step) if worth else ()
