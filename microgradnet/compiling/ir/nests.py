"""A folded tape as nests of loops: each operation once, its places as functions of the loops' counters.

A body of straight code may be long; it is cut into parts of bounded size, each of which
will be a function of its own. ``Nests.find`` says how an operation comes by an operand:
whether it is at hand in the same part, or has to go through memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import NamedTuple, TypeAlias, TypeVar

from ...engine.table import Operation
from .reroll import Repeated
from .tape import NUMBER, OUTPUT, PARAMETER, ROW, Tape

__all__ = ['Affine', 'Nest', 'Nests', 'Part', 'Site', 'pick', 'turn_of']

T = TypeVar('T')

#: How many operands a part has, about.
LENGTH = 1000


class Affine(NamedTuple):
    """A number as a function of the counters around it: start + step * counter + ..., outermost first.

    >>> x = Affine(5, (100, 2), (3, 4))
    >>> [list(numbers) for numbers in x.ranges()]
    [[5, 7, 9, 11], [105, 107, 109, 111], [205, 207, 209, 211]]
    """

    start: int
    steps: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    def __str__(self) -> str:
        return ' + '.join([str(self.start), *(f'{step} * i{k}' for k, step in enumerate(self.steps, 1) if step)])

    def ranges(self) -> Iterator[Sequence[int]]:
        """Run through all numbers, as a range for each turn of the innermost loop."""
        *steps, step = self.steps or (0,)
        *counts, count = self.counts or (1,)
        for counters in product(*map(range, counts)):
            first = self.start + sum(s * c for s, c in zip(steps, counters))
            yield range(first, first + step * count, step) if step else [first]

    def extent(self) -> tuple[int, int]:
        """Return the least and the largest of all numbers."""
        moves = [step * (count - 1) for step, count in zip(self.steps, self.counts)]
        return self.start + sum(min(move, 0) for move in moves), self.start + sum(max(move, 0) for move in moves)

    def first(self) -> Affine:
        """Return the number as it is when the innermost loop begins, for outside of it."""
        return Affine(self.start, self.steps[:-1], self.counts[:-1])

    def last(self) -> Affine:
        """Return the number as it is when the innermost loop ends, for outside of it.

        >>> Affine(5, (100, 2), (3, 4)).last()
        Affine(start=11, steps=(100,), counts=(3,))
        """
        return Affine(self.start + self.steps[-1] * (self.counts[-1] - 1), self.steps[:-1], self.counts[:-1])

    def moved(self, by: int) -> Affine:
        return self._replace(start=self.start + by)


def turn_of(
    loop: Repeated, numbers: Sequence[Affine], length: Callable[[int], int]
) -> list[tuple[int, list[Affine]]]:
    """List what a turn of a loop does: each shape, with its numbers over the turns, ``length`` of them."""
    inner = (Affine(n.start, (*n.steps, step), (*n.counts, loop.times)) for n, step in zip(numbers, loop.steps))
    return [(shape, [*islice(inner, length(shape))]) for shape in loop.shapes]


class Site:
    """An operation in a body: one instruction, carried out at every turn of the loops around it."""

    def __init__(self, operation: Operation, active: bool, path: tuple[Part, ...], numbers: list[Affine]) -> None:
        self.operation, self.active, self.path = operation, active, path
        self.place, *others = numbers
        self.outputs = [number.moved(-OUTPUT) for number in others if number.start >= OUTPUT]
        self.operands = others[: len(others) - len(self.outputs)]


class Part:
    """A piece of a body, and the loop that the body is of, if it is of one."""

    def __init__(self, nest: Nest | None) -> None:
        self.nest = nest
        self.items: list[Site | Nest] = []

    @property
    def alone(self) -> bool:
        """Whether it is the whole body of a loop."""
        return self.nest is not None and len(self.nest.parts) == 1


class Nest:
    """A loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.parts: list[Part] = []


#: How a number gets to an operation, and from where.
Way: TypeAlias = tuple[str, Site | None]


class Nests:
    """The bodies of a tape, and where each place of it is computed."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.sites: list[Site] = []
        self.site_at: list[Site] = [None] * len(tape.items)  # type: ignore[list-item]
        self._is_last = bytearray(len(tape.items))
        items = [(shape, [Affine(number) for number in vector]) for shape, vector in tape.folded]
        self.parts = self._body(None, items, ())
        self._behind: dict[Affine, set[Site]] = {}
        self._last: dict[Affine, bool] = {}
        self._ways: dict[tuple[Affine, tuple[Part, ...]], Way] = {}

    def _body(
        self, nest: Nest | None, items: list[tuple[int, list[Affine]]], path: tuple[Part, ...]
    ) -> list[Part]:
        parts, length = [Part(nest)], 0
        for shape, numbers in items:
            kind = self.tape.shapes[shape]
            if length > LENGTH:
                parts.append(Part(nest))
                length = 0
            part = parts[-1]
            if isinstance(kind, Repeated):
                part.items.append(self._loop(kind, numbers, (*path, part)))
                length += 10
                continue
            site = Site(kind.operation, kind.active, (*path, part), numbers)
            part.items.append(site)
            self.sites.append(site)
            for places in site.place.ranges():
                self._is_last[places[-1]] = 1
                if isinstance(places, range):
                    self.site_at[places.start : places.stop : places.step] = [site] * len(places)
                else:
                    self.site_at[places[0]] = site
            length += kind.operands
        if nest:
            nest.parts = parts
        return parts

    def _loop(self, loop: Repeated, numbers: list[Affine], path: tuple[Part, ...]) -> Nest:
        nest = Nest(loop.times)
        self._body(nest, turn_of(loop, numbers, self._length), path)
        return nest

    def _length(self, shape: int) -> int:
        kind = self.tape.shapes[shape]
        return len(kind.steps) if isinstance(kind, Repeated) else 1 + kind.operands + kind.outputs

    def find(self, number: Affine, path: tuple[Part, ...]) -> Way:
        """Say how a number gets to where it is wanted, and which operation it is the result of.

        ``'number'``, ``'row'``, ``'parameter'``: from outside. ``'here'``: computed before,
        in the same turn of the same body or of one around it. ``'before'``: by this very body, a
        turn earlier; the number at the first turn comes from elsewhere. ``'after'``: by
        the last turn of a loop in this body. ``'memory'``: anywhere else.
        """
        key = number, path
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = self._find(number, path)
        return way

    def _find(self, number: Affine, path: tuple[Part, ...]) -> Way:
        if number.start >= PARAMETER:
            start = number.start
            return 'number' if start >= NUMBER else 'row' if start >= ROW else 'parameter', None
        site = self.site_at[number.start]
        depth, around = len(path) - 1, len(site.path) - 1
        if site.path == path[: around + 1] and all(part.alone for part in path[around + 1 :]):
            place = site.place
            if (place.start, place.steps) == (number.start, number.steps[:around]) and not any(number.steps[around:]):
                return 'here', site
        if depth and path[-1].alone and number.counts[-1] > 1:
            next_site = self.site_at[number.start + number.steps[-1]]
            place = next_site.place
            same = next_site.path == path and place.steps == number.steps
            if same and place.start == number.start + place.steps[-1]:
                return 'before', next_site
        if site.path[:-1] == path and site.path[-1].alone:
            place = site.place
            last = place.start + place.steps[-1] * (place.counts[-1] - 1)
            if (last, place.steps[:-1]) == (number.start, number.steps):
                return 'after', site
        return 'memory', site

    def are_last(self, number: Affine) -> bool:
        """Tell whether a number's instances are all computed by last turns of the innermost loops around them."""
        result = self._last.get(number)
        if result is None:
            result = self._last[number] = all(all(pick(self._is_last, places)) for places in number.ranges())
        return result

    def behind(self, number: Affine) -> set[Site]:
        """Return the operations that compute a number's instances."""
        result = self._behind.get(number)
        if result is not None:
            return result
        result = self._behind[number] = set()
        for places in number.ranges():
            result.update(pick(self.site_at, places))
        return result


def pick(things: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """Return what is at the places of a range, or at the only place."""
    if not isinstance(places, range):
        return [things[places[0]]]
    low, high = sorted((places[0], places[-1]))
    return things[low : high + 1 : abs(places.step)][:: 1 if places.step > 0 else -1]
