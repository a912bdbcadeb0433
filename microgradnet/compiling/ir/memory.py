"""Memory for what goes from one part of a folded program to another, or back in time.

Numbers that are asked for again soon only, such as a field in space that each time step computes from
the one before, share memory that is used over and over; that of others grows with the turns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from operator import sub
from typing import TypeAlias

from .nests import Affine, Site, pick
from .reroll import sums_before

__all__ = ['Read', 'short_lived', 'slots']

#: Numbers that are asked for again soon have memory of their own where they are so many, and it is so much less.
LARGE, LESS = 4096, 4
#: A number that is fetched, the place of the operation it is for (None: the end), and what computes it.
Read: TypeAlias = tuple[Affine, 'Affine | None', set[Site]]


def short_lived(length: int, kept: dict[Site, Affine], reads: list[Read]) -> tuple[set[Site], int]:
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
