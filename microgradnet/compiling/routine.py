"""Loops of instructions: what folded programs are printed from.

The instructions are those of a listing, in registers that are set once; what crosses from
one turn of a loop to another, or from one part to another, is carried or goes through memory.

=========================== ====================================================
``row``, ``parameter``      the number at an affine place
``number x``                a constant; ``table``: the constant at an affine place
``carry``                   what the last turn of a loop left, see ``Carry``
``madd a b c``              c + a * b, rounded once or twice: a term of a sum of products
``load a place``            a number in memory: ``kept`` or ``signals``
``store place r``           keep a register in ``kept``
``add_to a place r [s]``    add a register, or a product of two, to ``signals`` or ``outputs``
``output place r``          set an output
=========================== ====================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from ..operations import Operation
from .instructions import LEAVES, Instruction, functions
from .nests import Affine, pick

__all__ = ['MEMORY', 'Block', 'Carry', 'Loop', 'Routine', 'slots']

#: Instructions that read or write memory, beside the leaves.
MEMORY = ('load', 'store', 'add_to', 'output')


@dataclass
class Carry:
    """A register that holds ``start`` at the first turn, and later what ``after`` held at the end of the last."""

    register: int
    start: int = -1
    after: int = -1


@dataclass
class Loop:
    """Blocks done ``count`` times over; ``backwards`` counts down to 0."""

    count: int
    backwards: bool
    blocks: list[Block] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)


#: Registers, in the order in which they are set, and loops.
Block: TypeAlias = 'list[int | Loop]'


@dataclass(eq=False)
class Routine:
    """Blocks one after the other; how many outputs, numbers kept and signals in memory there are; the constants."""

    instructions: list[Instruction]
    blocks: list[Block]
    count: int
    width: int
    parameters: int
    kept: int
    signals: int
    table: list[float]
    customs: dict[str, Operation]

    def used(self) -> list[str]:
        """Return the names of the functions that are called, each once, in order."""
        known = functions() | {'pow'}
        return list(dict.fromkeys(name for name, _ in self.instructions if name in known))

    @cached_property
    def uses(self) -> Counter[int]:
        """Count how often each register is an operand."""
        return sum(map(self.count_uses, self.blocks), Counter())

    def count_uses(self, block: Block) -> Counter[int]:
        """Count how often each register is an operand in a block."""
        count: Counter[int] = Counter()
        for item in block:
            if isinstance(item, Loop):
                for carry in item.carries:
                    count.update((carry.start, carry.after))
                for inner in item.blocks:
                    count.update(self.count_uses(inner))
            else:
                count.update(self.operands(item))
        return count

    @cached_property
    def left(self) -> set[int]:
        """The registers that are set in a loop and used after it."""
        home: dict[int, tuple[int, ...]] = {}
        used: list[tuple[int, tuple[int, ...]]] = []

        def visit(block: Block, path: tuple[int, ...]) -> None:
            for item in block:
                if isinstance(item, Loop):
                    inside = (*path, id(item))
                    for carry in item.carries:
                        home[carry.register] = inside
                        used.extend([(carry.start, path), (carry.after, inside)])
                    for inner in item.blocks:
                        visit(inner, inside)
                else:
                    home[item] = path
                    used.extend((operand, path) for operand in self.operands(item))

        for block in self.blocks:
            visit(block, ())
        homes = ((register, home.get(register, ()), path) for register, path in used)
        return {register for register, at, path in homes if at != path[: len(at)]}

    def operands(self, register: int) -> list[int]:
        """Return the registers that an instruction reads."""
        name, operands = self.instructions[register]
        return [] if name in LEAVES else [o for o in operands if isinstance(o, int)]

    @property
    def reads_parameters(self) -> bool:
        return any(name == 'parameter' for name, _ in self.instructions)

    def is_zero(self, register: int) -> bool:
        return repr(self.instructions[register]) == "Instruction(name='number', operands=(0.0,))"


def slots(length: int, computed: list[Affine], asked: list[Affine]) -> tuple[dict[Affine, Affine], int]:
    """Give memory to the places of a tape that are computed and asked for; return where, and how much.

    Memory is a tape without the places that are not kept. What is affine on the tape must
    be so in memory: where it would not, the places between are given memory, too.
    """
    mask = bytearray(length)
    for places in computed:
        for numbers in places.ranges():
            low, high, step = min(numbers), max(numbers), abs(numbers.step) if isinstance(numbers, range) else 1
            mask[low : high + 1 : step] = b'\1' * len(numbers)
    wanted = dict.fromkeys([*computed, *asked])
    while True:
        slot = [0, *accumulate(mask)]
        found = {places: _moved(places, slot) for places in wanted}
        wrong = [places for places, moved in found.items() if not _is_affine(places, moved, slot)]
        if not wrong:
            return found, slot[-1]
        for places in wrong:
            numbers = [number for turn in places.ranges() for number in (min(turn), max(turn))]
            low, high = min(numbers), max(numbers)
            mask[low : high + 1] = b'\1' * (high + 1 - low)


def _moved(places: Affine, slot: list[int]) -> Affine:
    first = slot[places.start]
    steps = tuple(
        slot[places.start + step] - first if count > 1 else 0 for step, count in zip(places.steps, places.counts)
    )
    return Affine(first, steps, places.counts)


def _is_affine(places: Affine, moved: Affine, slot: list[int]) -> bool:
    """Tell whether a formula for memory holds at every turn."""
    turns = zip(places.ranges(), moved.ranges())
    return all([*pick(slot, numbers)] == [*expected] for numbers, expected in turns)
