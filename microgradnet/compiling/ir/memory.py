"""Memory for what goes from one part of a folded program to another, or back in time.

Numbers that are asked for again soon only, such as a field in space that each time step computes from
the one before, share memory that is used over and over; that of others grows with the turns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from operator import sub
from typing import TypeAlias

from .instructions import Instruction
from .nests import Affine, Nests, Part, Site, pick
from .reroll import sums_before
from .routine import MEMORY

__all__ = ['Memory', 'Read', 'slots']

#: Numbers that are asked for again soon have memory of their own where they are so many, and it is so much less.
LARGE, LESS = 4096, 4
#: A number that is fetched, the place of the operation it is for (None: the end), and what computes it.
Read: TypeAlias = tuple[Affine, 'Affine | None', set[Site]]


class Memory:
    """What goes through memory while a tape is written as a routine; ``give`` says where each number is."""

    def __init__(self, nests: Nests) -> None:
        self._nests = nests
        #: What is kept, what signals go to through memory, and whether that is at every turn of its loop; else
        #: it is after the loop.
        self.kept: dict[Site, bool] = {}
        self.sent: dict[Site, bool] = {}
        #: The number that begins what is carried from turn to turn.
        self.starts: dict[Site, Affine] = {}
        self._reads: dict[tuple[Affine, Affine | None], None] = {}
        for site in nests.sites:
            for number in site.operands:
                self._survey(number, site.path, site.active)

    def _survey(self, number: Affine, path: tuple[Part, ...], active: bool) -> None:
        """Find out whether an operand has to be kept for an operation, and whether its signals go through memory."""
        way, source = self._nests.find(number, path)
        if way == 'memory':
            self._mark(self.kept, number)
            if active:
                self._mark(self.sent, number)
        elif way == 'before' and source not in self.starts:
            assert source is not None
            self.starts[source] = number
            self._survey(number.first(), path[:-1], active)

    def _mark(self, memory: dict[Site, bool], number: Affine) -> set[Site]:
        """Give memory to what computes a number, once for each turn of its loop if other turns than the last do."""
        sources = self._nests.behind(number)
        last = self._nests.are_last(number)
        for source in sources:
            every = not (last and source.place.steps and source.path[-1].alone)
            memory[source] = memory.get(source, False) or every
        return sources

    def read(self, number: Affine, reader: Affine | None) -> set[Site]:
        """Note that a number is fetched for the operation at a place, None for the end; return what computes it."""
        self._reads[number, reader] = None
        return self._mark(self.kept, number)

    def give(self, length: int, instructions: list[Instruction], may_roll: bool) -> dict[str, int]:
        """Write places in memory into instructions that have places of a tape; return how large each memory is."""
        reads = [(number, reader, self._nests.behind(number)) for number, reader in self._reads]
        kept, sent = (
            {site: site.place if every else site.place.last() for site, every in memory.items()}
            for memory in (self.kept, self.sent)
        )
        rolling, turns = _short_lived(length, kept, reads) if may_roll else (set(), 0)
        homes = {
            'kept': [place for site, place in kept.items() if site not in rolling],
            'rolling': [kept[site] for site in rolling],
            'signals': [*sent.values()],
        }
        moved = {
            number: 'rolling' if operands[0] == 'kept' and self._nests.behind(operands[1]) <= rolling else operands[0]
            for number, (name, operands) in enumerate(instructions)
            if name in MEMORY and operands[0] in ('kept', 'signals')
        }
        where, sizes = {}, {}
        for memory, places in homes.items():
            asked = [instructions[number].operands[1] for number, home in moved.items() if home == memory]
            masks = [place for place in asked if place.start >= length]  # which are behind the tape
            where[memory], slot = slots(length << bool(masks), places + masks, asked)
            sizes[memory] = slot[-1] if asked else 0  # forwards no signal is under way
        for number, memory in moved.items():
            name, (_, place, *others) = instructions[number]
            instructions[number] = Instruction(name, (memory, where[memory][place], *others))
        return {**sizes, 'rolling': turns}


def _short_lived(length: int, kept: dict[Site, Affine], reads: list[Read]) -> tuple[set[Site], int]:
    """Return what is asked for again soon only, and within how many numbers of it. Nothing, if that saves little.

    kept: what is kept, and its places.
    """

    def given(sites: Iterable[Site], reads: list[Read]) -> array[int]:
        return slots(length, [kept[site] for site in sites], [read[0] for read in reads])[1]

    rolling = {*kept}
    slot = given(rolling, reads)
    if slot[-1] < LARGE:
        return set(), 0
    long = (sources for number, reader, sources in reads if _longest_ago(number, reader, slot) * LESS > slot[-1])
    rolling -= _joined(set().union(*long), reads)
    reads = [read for read in reads if read[2] <= rolling]
    slot = given(rolling, reads)
    ago = max((_longest_ago(*read[:2], slot) for read in reads), default=1)
    turns = 1 << (ago - 1).bit_length()
    return (rolling, turns) if slot[-1] >= LARGE and turns * LESS <= slot[-1] else (set(), 0)


def _joined(sites: set[Site], reads: list[Read]) -> set[Site]:
    """Return some operations, those that are read as one with them, and so on."""
    while more := [sources for _, _, sources in reads if sources & sites and not sources <= sites]:
        sites = sites.union(*more)
    return sites


def _longest_ago(number: Affine, reader: Affine | None, slot: array[int]) -> int:
    """Return how many numbers at most are kept from one that is read up to when it is read."""
    if reader is None:
        return slot[-1] - min(slot[min(read[0], read[-1])] for read in number.ranges())
    found = 0
    for read, now in zip(number.ranges(), reader.ranges()):
        when = pick(slot, now)
        first = pick(slot, read) if len(read) == len(now) else [slot[read[0]]] * len(when)
        found = max(found, *map(sub, when, first))
    return found


def slots(length: int, computed: list[Affine], asked: list[Affine]) -> tuple[dict[Affine, Affine], array[int]]:
    """Give memory to the places of a tape that are computed and asked for.

    Return where, and how much is given to what is before each place of the tape, and before its end.

    Memory is a tape without the places that are not kept. What is affine on the tape must
    be so in memory: where it would not, the places between are given memory, too.
    """
    if not computed and not asked:
        return {}, array('Q', [0])
    mask = bytearray(length)
    for places in computed:
        for numbers in places.ranges():
            low, high = _ends(numbers)
            step = abs(numbers.step) if isinstance(numbers, range) else 1
            mask[low : high + 1 : step] = b'\1' * len(numbers)
    wanted = dict.fromkeys([*computed, *asked])
    while True:
        slot = sums_before(mask)
        found = {places: _moved(places, slot) for places in wanted}
        wrong = [places for places, moved in found.items() if not _is_affine(places, moved, slot)]
        if not wrong:
            return found, slot
        for places in wrong:
            numbers = [number for turn in places.ranges() for number in _ends(turn)]
            low, high = min(numbers), max(numbers)
            mask[low : high + 1] = b'\1' * (high + 1 - low)


def _moved(places: Affine, slot: array[int]) -> Affine:
    first = slot[places.start]
    steps = tuple(
        slot[places.start + step] - first if count > 1 else 0 for step, count in zip(places.steps, places.counts)
    )
    return Affine(first, steps, places.counts)


def _is_affine(places: Affine, moved: Affine, slot: array[int]) -> bool:
    """Tell whether a formula for memory holds at every turn."""
    turns = zip(places.ranges(), moved.ranges())
    # Signed: a formula that does not hold may well lead below 0.
    return all(array('q', pick(slot, numbers)) == array('q', expected) for numbers, expected in turns)


def _ends(numbers: Sequence[int]) -> tuple[int, int]:
    """Return the least and the largest number of a range, or the only one."""
    first, last = numbers[0], numbers[-1]
    return min(first, last), max(first, last)
