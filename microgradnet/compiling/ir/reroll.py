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
>>> code = Items([(add, (0, 100, 200))] + [(s, (k, k - 1, 100)) for k, s in enumerate([mul, add] * 40, 1)])
>>> folded = fold(code, shapes)
>>> len(folded), shapes[folded[-1][0]], folded[-1][1]
(2, Repeated(times=40, shapes=(1, 0), steps=(2, 2, 0, 2, 2, 0)), (1, 0, 100, 2, 1, 100))

It knows nothing of graphs, nets or derivatives, and takes time in proportion to the sequence.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, count, islice, pairwise
from operator import add, sub
from sys import byteorder
from typing import Any, NamedTuple, TypeAlias

from ..._processes import cached_property

__all__ = ['Item', 'Items', 'Repeated', 'Shapes', 'Worth', 'fold', 'sums_before']

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
#: So many numbers are compared at a time, or added up.
PIECE = 1 << 14


class Worth(NamedTuple):
    """What is worth a loop, where it is not a program's: ``LEAST``, ``MUCH`` and ``GRAM``."""

    least: int
    much: int
    gram: int


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


class Items(Sequence[Item]):
    """A sequence of items: the shapes in an array, the vectors, of numbers from 0 on, one after the other in another.

    Millions of them are no objects of their own, and are compared many at a time. The numbers are below half of what
    there is room for, 2 ** 63, or with the type ``'I'`` 2 ** 31.

    >>> items = Items([(0, (7, 8)), (1, (9,))])
    >>> len(items), items[1], items.flat
    (2, (1, (9,)), array('q', [7, 8, 9]))
    """

    names: array[int]
    flat: array[int]
    sizes: dict[int, int]

    def __init__(self, items: Iterable[Item] = (), type: str = 'q') -> None:
        self.names, self.flat = array('I'), array(type)
        #: How many numbers the vector of each shape has.
        self.sizes: dict[int, int] = {}
        for item in items:
            self.append(*item)

    def append(self, name: int, vector: Sequence[int]) -> None:
        """Add an item, before anything is asked of the sequence."""
        self.names.append(name)
        self.flat.extend(vector)
        self.sizes.setdefault(name, len(vector))

    def append_all(self, names: list[int], flat: list[int]) -> None:
        """Add items of known sizes: their shapes, and their vectors one after the other."""
        self.names.fromlist(names)
        self.flat.fromlist(flat)

    def extend(self, items: Items, start: int, end: int) -> None:
        """Add some of other items."""
        self.names += items.names[start:end]
        self.flat += items.numbers(start, end)
        self.sizes |= items.sizes

    def repeat(self, items: int, numbers: int, times: int) -> None:
        """Add the last items, of so many numbers, some times more, moved on as they have moved from those before.

        >>> items = Items([(0, (7, 8)), (0, (7, 9))])
        >>> items.repeat(1, 2, 2)
        >>> items.names, items.flat
        (array('I', [0, 0, 0, 0]), array('q', [7, 8, 7, 9, 7, 10, 7, 11]))
        """
        self.names += self.names[-items:] * times
        last, before = (int.from_bytes(self.flat[-turns * numbers :][:numbers], byteorder) for turns in (1, 2))
        for turn in range(1, times + 1):
            moved = last + turn * (last - before)
            self.flat.frombytes(moved.to_bytes(numbers * self.flat.itemsize, byteorder))

    @cached_property
    def starts(self) -> array[int]:
        """Where each vector begins, and the last one ends."""
        return sums_before(map(self.sizes.__getitem__, self.names))

    def numbers(self, start: int, end: int) -> array[int]:
        """Return the vectors of some items in a row."""
        return self.flat[self.starts[start] : self.starts[end]]

    def with_numbers(self, flat: array[int]) -> Items:
        """Return the same items with other numbers."""
        other = Items()
        other.names, other.flat, other.sizes = self.names, flat, self.sizes
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Items) and (self.names, self.flat) == (other.names, other.flat)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: Any) -> Any:
        name = self.names[place]
        place %= len(self.names)
        return name, tuple(self.numbers(place, place + 1))

    def __iter__(self) -> Iterator[Item]:
        flat = self.flat.tolist()
        for name, (start, end) in zip(self.names, pairwise(self.starts)):
            yield name, tuple(flat[start:end])


def sums_before(numbers: Iterable[int]) -> array[int]:
    """Return the sum of some numbers before each place, and before the end.

    >>> sums_before([2, 0, 3])
    array('Q', [0, 2, 2, 5])
    """
    found, rest = array('Q', [0]), iter(numbers)
    while piece := [*islice(rest, PIECE)]:  # an array of no signs takes a list four times as quickly as anything else
        found.fromlist([*accumulate(piece, initial=found.pop())])
    return found


def fold(items: Items, shapes: Shapes, worth: Worth | None = None) -> Items:
    """Fold repetitions into loops, innermost first, until there is none left."""
    worth = worth or Worth(LEAST, MUCH, GRAM)
    while True:
        folded = _fold_once(items, shapes, worth)
        if len(folded) == len(items):
            return folded
        items = folded


class _Outer:
    """A repetition in which others begin, while these are folded turn by turn, until two turns fold alike.

    All its numbers move by the same steps from turn to turn. Where two of its turns are the same loops, which have the
    same steps therefore, all others are too, and nothing is looked for in them.
    """

    def __init__(self, start: int, period: int, times: int) -> None:
        self.start, self.period, self.times, self.end = start, period, times, start + period * times
        #: In which turn it is, and where the last turns began: how far from their start, and in what was written.
        self.turn, self.begins = 0, list[tuple[int, int, int]]()

    def written(self, start: int, result: Items) -> int:
        """Write all turns but the last, whose end is another, once two are alike; return how many items these were.

        What is before the start has been written.
        """
        turn, rim = divmod(start - self.start, self.period)
        if turn == self.turn:
            return 0
        self.begins = [*self.begins[-2:], (rim, len(result.names), len(result.flat))] if turn == self.turn + 1 else []
        self.turn, left = turn, self.times - 1 - turn
        if len(self.begins) < 3 or len({rim for rim, _, _ in self.begins}) > 1 or left < 1:
            return 0
        (_, first, _), (_, second, start_of_last), (_, end, end_of_last) = self.begins
        if result.names[first:second] != result.names[second:end]:
            return 0
        result.repeat(end - second, end_of_last - start_of_last, left)
        return left * self.period


def _fold_once(items: Items, shapes: Shapes, worth: Worth) -> Items:
    again: list[list[int]] = []
    outers: list[_Outer] = []
    result = Items(type=items.flat.typecode)
    start, most, end, base = 0, len(items), 0, -WINDOW

    def find(start: int, most: int) -> Found | None:
        """Return the shortest repetition that begins at a place, of a period up to some length."""
        nonlocal again, base
        if not base <= start < base + WINDOW // 2:  # not all at once: most of it may be one loop
            base = start
            again = _next_alike(items, base, min(base + WINDOW, len(items)), worth.gram)
        periods = _periods(start - base, again)
        for period in periods:
            found = _repetition(items, start, period, worth) if period <= most else None
            if found and found[2]:
                return found
            if found and len(periods) < MOST:  # too short to be a loop: all of it may be a period, with its rims
                periods += [period * (found[1] + rims) for rims in range(3)]
        return None

    while start < len(items):
        outers = [outer for outer in outers if start < outer.end]
        for outer in outers:
            if written := outer.written(start, result):
                start += written
                end += written if end < outer.end else 0
        if start >= end:
            most = len(items)
        found, place = find(start, most), start
        while found and place + 1 < start + found[0]:  # one that begins inside is folded first, and the outer one later
            place += 1
            inner = find(place, found[0] - 1)
            if inner:
                result.extend(items, start, place)
                if all(outer.period != found[0] for outer in outers):
                    outers.append(_Outer(start, *found[:2]))
                most, end = found[0] - 1, start + found[0] * found[1]
                found, start = inner, place
        if found:
            period, times, steps = found
            shape = Repeated(times, tuple(items.names[start : start + period]), steps)
            result.append(shapes.add(shape), items.numbers(start, start + period))
            start += times * period
        else:
            result.extend(items, start, start + 1)
            start += 1
    return result


def _next_alike(items: Items, base: int, end: int, gram: int) -> list[list[int]]:
    """Return for each place up to the end, counted from the base, the next one where the like follows, its own if none.

    The like: the same few shapes; or more of them, with the same steps from one to the
    next where they have the same shape.
    """
    names = items.names[base:end].tolist()
    moves = {
        place: (name, _moved(items, base + place, base + place + 1, 1))
        for place, (name, following) in enumerate(pairwise(names))
        if name == following
    }
    often, kinds = Counter(moves.values()), [*names]
    numbers: dict[Any, int] = defaultdict(count(max(names, default=0) + 1).__next__)
    for place, move in moves.items():
        if often[move] > 1:
            kinds[place] = numbers[move]
    few, many = _grams(names, 1, gram), _grams(_grams(kinds, 1, gram), gram, gram)
    return [_next_same(few, len(names)), _next_same(many, len(names))]


def _grams(names: list[int], apart: int, gram: int) -> list[int]:
    """Number what follows at each place: so many names so far apart."""
    base, grams = max(names, default=0) + 1, names
    for part in range(1, gram):
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


def _moved(items: Items, start: int, end: int, period: int) -> int:
    """Return how far the numbers of some items move from there to one period later: as the digits of one number.

    No digit is below 0 or above half of what there is room for, so what two differences have in common they have
    digit for digit; and large numbers are quick to subtract.
    """
    here, there = items.numbers(start, end), items.numbers(start + period, end + period)
    return int.from_bytes(there.tobytes(), byteorder) - int.from_bytes(here.tobytes(), byteorder)


def _repetition(items: Items, start: int, period: int, worth: Worth) -> Found | None:
    """Return how often the items from a place on repeat, and their steps if it is worth a loop."""
    names, second = items.names, start + period
    if start + 3 * period > len(items):
        return None
    place, size = start, worth.gram
    while place < second:  # little at first, for most that look like repetitions soon are none
        end = min(place + size, second)
        if not names[place:end] == names[place + period : end + period] == names[place + 2 * period : end + 2 * period]:
            return None
        if _moved(items, place, end, period) != _moved(items, place + period, end + period, period):
            return None
        place, size = end, 4 * size
    body, place = names[start:second], start + 3 * period
    first, following = items.numbers(start, second), items.numbers(second, second + period)
    moves, power, growing = [_moved(items, start, second, period)], 0, True
    while power >= 0:  # 1, 2, 4, ... turns at a time, and back
        turns = 1 << power
        end = place + turns * period
        if names[place:end] == body * turns and _moved(items, place - period, end - period, period) == moves[power]:
            place = end
            if growing and turns * len(first) <= PIECE:
                moves.append(moves[power] + (moves[power] << 8 * first.itemsize * len(first) * turns))
                power += 1
        else:
            growing, power = False, power - 1
    times = (place - start) // period
    enough = (times - 1) * len(first) >= (worth.least if times >= FEWEST else worth.much)
    return period, times, tuple(map(sub, following, first)) if enough else ()
