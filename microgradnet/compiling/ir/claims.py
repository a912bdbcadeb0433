"""Which sides of choices claim an instruction: those under which alone anything asks for what it sets.

What is chosen by a ``select`` is claimed by that side of its condition, and what that is made of too, unless another
asks for it. Loops that only compute are instructions like others. What is kept for the way back is claimed by the
sides under which alone it is loaded there again, if these are by the same conditions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import gcd
from typing import Any, TypeAlias

from .instructions import CONDITIONS, LEAVES, PRIMITIVES, Instruction
from .nests import Affine
from .routine import MEMORY, Block, Loop, Routine, registers

__all__ = ['FIXED', 'NOWHERE', 'Choice', 'Claims', 'Lines', 'Side']

#: A side that is worth a branch costs as much as so many additions; and so many of them may be inside of each other.
WORTH, DEEP = 20, 50
#: What is there from the beginning; and what stays where it is: what reads and writes memory, and loops, which do no
#: turn for what is on the other side.
GIVEN = (*LEAVES, 'table')
EFFECTS = (*MEMORY, 'while', 'back', 'item')
FIXED = (*GIVEN, *EFFECTS)

#: A condition and how it comes out; several of them, from the outermost on.
Choice: TypeAlias = 'tuple[int, bool]'
Side: TypeAlias = Mapping[Choice, None]
NOWHERE: Side = {}


class Claims:
    """What claims on the blocks of a routine depend on beyond a block."""

    routine: Routine
    instructions: list[Instruction]

    def __init__(self, routine: Routine) -> None:
        self.routine, self.instructions = routine, routine.instructions
        #: The loops that only compute, by numbers below 0, and what each reads.
        self.loops: list[Loop] = []
        self.numbers: dict[int, int] = {}
        self.reads: dict[int, list[int]] = {}
        #: What is used outside of the block in which it is set, or carried; the loops around it, the innermost first.
        self.elsewhere: set[int] = set()
        self._around: dict[int, list[int]] = defaultdict(list)
        #: For each place in ``kept`` what is stored there and what is loaded, if nothing else may be what is there.
        self.stores: dict[Affine, int] = {}
        self._loads: dict[Affine, list[int]] = defaultdict(list)
        blocks: list[Block] = []
        for block in routine.blocks:
            self._visit(block, set(), blocks)
        self._forget_what_meets()
        #: For what is stored the sides under which alone it is loaded again, by keys of their conditions.
        self.asked: dict[int, frozenset[tuple[Any, bool]]] = {}
        if self.stores:
            found = [claims for block in blocks for claims in Lines(self, block).claims({}).items()]
            claims = dict(found)
            for place, store in self.stores.items():
                sides = [claims[load] for load in self._loads[place] if load in claims]
                keys = [frozenset((self.key(condition), held) for condition, held in side) for side in sides]
                if keys and all(keys):
                    self.asked[store] = frozenset.intersection(*keys)

    def _visit(self, block: Block, above: set[int], blocks: list[Block]) -> None:
        blocks.append(block)
        here, inner = {item for item in block if isinstance(item, int)}, set[int]()

        def use(registers: Iterable[int]) -> None:
            """Note what of other blocks is used here, and with it the loops around it that are not of this block."""
            for register in registers:
                if register not in here and register not in above:
                    around = self._around[register]
                    self.elsewhere.update((register, *(around[:-1] if register in inner else around)))

        for item in block:
            if isinstance(item, Loop):
                inside = {*registers([[item]])}
                self.elsewhere.update(carry.after for carry in item.carries)
                for body in item.blocks:
                    self._visit(body, above | here | inner, blocks)
                read = sorted({*self.routine.count_uses([item])} - inside)
                number = -1 - len(self.loops)
                if all(self.instructions[register].name not in EFFECTS for register in inside):
                    self.loops.append(item)
                    self.numbers[id(item)], self.reads[number] = number, read
                else:
                    self.elsewhere.update(here.intersection(read))
                use(read)
                inner |= inside
                for register in inside:
                    self._around[register].append(self.numbers.get(id(item), register))
                continue
            use(self.routine.operands(item))
            name, operands = self.instructions[item]
            if name == 'store' and operands[0] == 'kept':
                self.stores[operands[1]] = -1 if operands[1] in self.stores else item
            elif name == 'load' and operands[0] == 'kept':
                self._loads[operands[1]].append(item)

    def _forget_what_meets(self) -> None:
        """Forget places that others may be the same as, at another turn or in another loop."""
        places = sorted({*self.stores, *self._loads}, key=lambda place: place.extent())
        met, reach = {place for place in places if not all(place.steps)}, list[Affine]()
        for place in places:
            first, _ = place.extent()
            reach = [other for other in reach if other.extent()[1] >= first]
            for other in reach:
                apart = gcd(*place.steps, *other.steps)
                if (place.start - other.start) % apart == 0 if apart else place.start == other.start:
                    met |= {place, other}
            reach.append(place)
        self.stores = {place: store for place, store in self.stores.items() if place not in met and store >= 0}

    def key(self, register: int) -> Any:
        """Return what is the same for what is the same number in the same turn of two loops."""
        name, operands = self.instructions[register]
        if name in CONDITIONS:
            return name, *map(self.key, operands)
        if name == 'load' and operands[0] == 'kept' and operands[1] in self.stores:
            return self.key(self.instructions[self.stores[operands[1]]].operands[2])
        return (name, repr(operands)) if name in GIVEN else register

    def cost(self, item: int) -> int:
        """Return about how many additions something takes as long as."""
        if item >= 0:
            return _cost(*self.instructions[item])
        loop = self.loops[-1 - item]
        inside = [*registers(loop.blocks)]  # those of loops in it once for each of their turns
        return loop.count * sum(_cost(*self.instructions[register]) for register in inside)


class Lines:
    """What a block does, in order: registers, loops that only compute as numbers below 0, and other loops."""

    of: Claims
    instructions: list[Instruction]
    alone: list[int]

    def __init__(self, of: Claims, block: Block) -> None:
        self.of, self.instructions = of, of.instructions
        self.items: Block = [of.numbers.get(id(item), item) if isinstance(item, Loop) else item for item in block]
        self.items.sort(key=lambda item: isinstance(item, Loop) or self.name(item) not in GIVEN)
        self.alone = [item for item in self.items if isinstance(item, int)]
        #: The loop by which something is set that is not set here.
        self.home = {register: item for item in self.alone if item < 0 for register in registers([[self.loop(item)]])}

    def loop(self, item: int) -> Loop:
        return self.of.loops[-1 - item]

    def name(self, item: int) -> str:
        return self.instructions[item].name if item >= 0 else 'loop'

    def operands(self, item: int) -> list[int]:
        """Return what must be done before something."""
        read = self.of.routine.operands(item) if item >= 0 else self.of.reads[item]
        return [self.home.get(register, register) for register in read]

    def sets(self, item: int) -> list[int]:
        """Return the registers that something sets for others."""
        if item >= 0:
            return [item]
        return sorted({register for register, home in self.home.items() if home == item} & self.of.elsewhere)

    def claims(self, last: dict[int, int]) -> dict[int, frozenset[Choice]]:
        """Return the sides that claim what is done; note where the last choice by each condition is.

        Several choices may ask the same: the value of a ``where``, and all signals that go back through it.
        """
        instructions, of, here = self.instructions, self.of, self.alone
        claims: dict[int, frozenset[Choice]] = {}
        selects = [instructions[item].operands[0] for item in here if self.name(item) == 'select']
        conditions = {of.key(condition): condition for condition in selects} if of.asked else {}

        def claim(item: int, side: frozenset[Choice]) -> None:
            claims[item] = claims.get(item, side) & side

        for item in here:
            if item in of.asked:
                ways = ((conditions.get(key), how) for key, how in of.asked[item])
                side = claims[item] = frozenset((one, how) for one, how in ways if one is not None)
                for condition, held in side:
                    claim(condition, side - {(condition, held)})
        for place in reversed(range(len(here))):
            item = here[place]
            if item in of.elsewhere or (self.is_fixed(item) and self.name(item) != 'load'):
                claims[item] = frozenset()
            side = claims.get(item, frozenset())
            if self.name(item) == 'select':
                condition, *both = self.operands(item)
                last.setdefault(condition, place)
                claim(condition, side)
                for operand, held in zip(both, (True, False)):  # what is never chosen here is on no more sides
                    claim(operand, side if (condition, not held) in side else side | {(condition, held)})
            else:
                for operand in self.operands(item):
                    claim(operand, side)
        return claims

    def sides(self) -> dict[int, Side]:
        """Return for what is on sides the side, of those that are worth it, from the outermost on."""
        #: One that is itself on a side has its last choice before that of the side.
        last: dict[int, int] = {}
        claims = self.claims(last)
        free = [item for item in self.alone if claims.get(item) and not self.is_fixed(item)]
        costs: dict[Choice, int] = defaultdict(int)
        for item in free:
            for choice in claims[item]:
                costs[choice] += self.of.cost(item)
        enough = (choice for choice, total in costs.items() if total >= WORTH)
        worth = sorted(enough, key=lambda choice: (-last[choice[0]], choice))
        rank = {choice: number for number, choice in enumerate(worth)}
        found = {item: sorted((choice for choice in claims[item] if choice in rank), key=rank.__getitem__)
                 for item in free}  # fmt: skip
        below = {choice for side in found.values() for choice in side[DEEP:]}
        kept = ((item, [choice for choice in side if choice not in below]) for item, side in found.items())
        return {item: dict.fromkeys(side) for item, side in kept if side}

    def is_fixed(self, item: int) -> bool:
        return self.name(item) in FIXED and item not in self.of.asked


def _cost(name: str, operands: tuple[Any, ...]) -> int:
    cheap = name in (*PRIMITIVES, 'madd', 'abs', 'carry') and name != 'pow'
    return len(operands) * (5 if name == 'div' else 1) if cheap else 20
