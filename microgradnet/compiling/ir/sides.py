"""Which instructions only one side of a choice needs, so that it alone is computed where rows are single.

>>> from ...engine.functions import exp, log
>>> from ...engine.value import Value
>>> from .choices import chosen
>>> from .sweeps import lower
>>> x = Value(2.0)
>>> straight = branched(lower([chosen('gt', x, x * x, exp(x), log(x) + x)], [x], []))
>>> for register in straight.blocks[0]:
...     print(register, *straight.instructions[register])
0 row (Affine(start=0, steps=(), counts=()),)
1 mul (0, 0)
5 gt (0, 1)
8 branch (5, Branch(yes=[2], no=[3, 4], joined=[6], left={}))
7 output (Affine(start=0, steps=(), counts=()), 6)

A block keeps its order, but for what is on a side: that waits until a choice asks for it. Then there is one branch, to
all on both sides that can be done by then, as what goes forwards and what comes back in a gradient, if nothing lies
between; what is asked for on the same side later is left by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import gcd
from typing import Any, TypeAlias

from .instructions import CONDITIONS, LEAVES, PRIMITIVES, Instruction
from .nests import Affine
from .routine import MEMORY, Block, Branch, Loop, Routine, registers

__all__ = ['DEEP', 'WORTH', 'branched']

#: A side that is worth a branch costs as much as so many additions; and so many of them may be inside of each other.
WORTH, DEEP = 20, 50
#: So much is looked at that may be done before a branch, or on its sides, and is not asked for yet.
AHEAD = 200
#: What is there from the beginning; and what stays where it is: what reads and writes memory, and loops, which do no
#: turn for what is on the other side.
GIVEN = (*LEAVES, 'table')
FIXED = (*GIVEN, *MEMORY, 'while', 'back', 'item')

#: A condition and how it comes out; several of them, from the outermost on.
_Choice: TypeAlias = 'tuple[int, bool]'
_Side: TypeAlias = Mapping[_Choice, None]
NOWHERE: _Side = {}


def branched(routine: Routine) -> Routine:
    """Return a routine of a single row in which what is worth it on sides is in branches; it makes the same numbers."""
    if not any(name == 'select' for name, _ in routine.instructions):
        return routine
    instructions, claims = [*routine.instructions], _Claims(routine)

    def block(items: Block) -> Block:
        items = [loop(item) if isinstance(item, Loop) else item for item in items]
        sides = claims.sides(items)
        if not sides:
            return items
        items.sort(key=lambda item: isinstance(item, Loop) or instructions[item].name not in GIVEN)
        return _Branching(routine, items, sides, instructions).block()

    def loop(old: Loop) -> Loop:
        return replace(old, blocks=[*map(block, old.blocks)])

    return replace(routine, blocks=[*map(block, routine.blocks)], instructions=instructions)


def _cost(name: str, operands: tuple[Any, ...]) -> int:
    """Return about how many additions an instruction takes as long as."""
    cheap = name in (*PRIMITIVES, 'madd', 'abs') and name != 'pow'
    return len(operands) * (5 if name == 'div' else 1) if cheap else 20


class _Claims:
    """Finds which sides claim an instruction: those under which alone anything asks for it."""

    def __init__(self, routine: Routine) -> None:
        self.routine, self.instructions = routine, routine.instructions
        #: What is used in another block than that in which it is set, or carried.
        self.elsewhere: set[int] = set()
        #: For each place in ``kept`` what is stored there and what is loaded, if nothing else may be what is there.
        self.stores: dict[Affine, int] = {}
        self.loads: dict[Affine, list[int]] = defaultdict(list)
        self.blocks: list[list[int]] = []
        for block in routine.blocks:
            self._visit(block)
        self._forget_what_meets()
        #: For what is stored the sides under which alone it is loaded again, by keys of their conditions.
        self.asked: dict[int, frozenset[tuple[Any, bool]]] = {}
        if self.stores:
            found = [self._claims(block) for block in self.blocks]
            claims = {register: side for block in found for register, side in block.items()}
            for place, store in self.stores.items():
                sides = [claims[load] for load in self.loads[place] if load in claims]
                keys = [frozenset((self._key(condition), held) for condition, held in side) for side in sides]
                if keys and all(keys):
                    self.asked[store] = frozenset.intersection(*keys)

    def _visit(self, block: Block) -> None:
        here = {item for item in block if isinstance(item, int)}
        self.blocks.append([item for item in block if isinstance(item, int)])
        for item in block:
            if isinstance(item, Loop):
                self.elsewhere.update(register for carry in item.carries for register in (carry.start, carry.after))
                for inner in item.blocks:
                    self._visit(inner)
                continue
            self.elsewhere.update(operand for operand in self.routine.operands(item) if operand not in here)
            name, operands = self.instructions[item]
            if name == 'store' and operands[0] == 'kept':
                self.stores[operands[1]] = -1 if operands[1] in self.stores else item
            elif name == 'load' and operands[0] == 'kept':
                self.loads[operands[1]].append(item)

    def _forget_what_meets(self) -> None:
        """Forget places that others may be the same as, at another turn or in another loop."""
        places = sorted({*self.stores, *self.loads}, key=lambda place: place.extent())
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

    def _key(self, register: int) -> Any:
        """Return what is the same for what is the same number in the same turn of two loops."""
        name, operands = self.instructions[register]
        if name in CONDITIONS:
            return name, *map(self._key, operands)
        if name == 'load' and operands[0] == 'kept' and operands[1] in self.stores:
            return self._key(self.instructions[self.stores[operands[1]]].operands[2])
        return (name, repr(operands)) if name in GIVEN else register

    def _claims(self, here: Sequence[int], last: dict[int, int] | None = None) -> dict[int, frozenset[_Choice]]:
        """Return for what a block sets the sides that claim it; note where the last choice by each condition is.

        Several choices may ask the same: the value of a ``where``, and all signals that go back through it.
        """
        instructions, last = self.instructions, {} if last is None else last
        claims: dict[int, frozenset[_Choice]] = {}
        conditions = {self._key(instructions[one].operands[0]): instructions[one].operands[0]
                      for one in here if instructions[one].name == 'select'} if self.asked else {}  # fmt: skip

        def claim(register: int, side: frozenset[_Choice]) -> None:
            claims[register] = claims.get(register, side) & side

        for register in here:
            if register in self.asked:
                ways = ((conditions.get(key), how) for key, how in self.asked[register])
                side = claims[register] = frozenset((one, how) for one, how in ways if one is not None)
                for condition, held in side:
                    claim(condition, side - {(condition, held)})
        for place in reversed(range(len(here))):
            register = here[place]
            name, operands = instructions[register]
            is_fixed = name in FIXED and name != 'load' and register not in self.asked
            if is_fixed or register in self.elsewhere:
                claims[register] = frozenset()
            side = claims.get(register, frozenset())
            if name == 'select':
                condition, yes, no = operands
                last.setdefault(condition, place)
                claim(condition, side)
                for operand, held in (yes, True), (no, False):  # what is never chosen here is on no more sides
                    claim(operand, side if (condition, not held) in side else side | {(condition, held)})
            else:
                for operand in self.routine.operands(register):
                    claim(operand, side)
        return claims

    def sides(self, block: Block) -> dict[int, _Side]:
        """Return for what is on sides in a block the side, of those that are worth it, from the outermost on."""
        here, instructions = [item for item in block if isinstance(item, int)], self.instructions
        #: One that is itself on a side has its last choice before that of the side.
        last: dict[int, int] = {}
        claims = self._claims(here, last)
        free = [register for register in here if claims.get(register) and not self.is_fixed(register)]
        costs: dict[_Choice, int] = defaultdict(int)
        for register in free:
            for choice in claims[register]:
                costs[choice] += _cost(*instructions[register])
        enough = (choice for choice, total in costs.items() if total >= WORTH)
        worth = sorted(enough, key=lambda choice: (-last[choice[0]], choice))
        rank = {choice: number for number, choice in enumerate(worth)}
        found = {register: sorted((choice for choice in claims[register] if choice in rank), key=rank.__getitem__)
                 for register in free}  # fmt: skip
        below = {choice for side in found.values() for choice in side[DEEP:]}
        kept = ((register, [choice for choice in side if choice not in below]) for register, side in found.items())
        return {register: dict.fromkeys(side) for register, side in kept if side}

    def is_fixed(self, register: int) -> bool:
        return self.instructions[register].name in FIXED and register not in self.asked


class _Branching:
    """Puts what is on sides in a block into branches."""

    def __init__(
        self, routine: Routine, items: Block, sides: Mapping[int, _Side], instructions: list[Instruction]
    ) -> None:
        self.routine, self.items, self.sides, self.instructions = routine, items, sides, instructions
        self.place = {item: place for place, item in enumerate(items) if isinstance(item, int)}
        self.users: dict[int, list[int]] = defaultdict(list)
        #: What a condition may have on its sides, or choose, in order, and how much of that is done at the beginning.
        self.by: dict[int, list[int]] = defaultdict(list)
        self.begun: dict[int, int] = defaultdict(int)
        for register in [*self.place]:
            for operand in routine.operands(register):
                self.users[operand].append(register)
            conditions = dict.fromkeys(condition for condition, _ in sides.get(register, ()))
            if self.name(register) == 'select':
                conditions[instructions[register].operands[0]] = None
            for condition in conditions:
                self.by[condition].append(register)
        #: What is set in loops of this block.
        self.inner = {register for item in items if isinstance(item, Loop) for register in registers([[item]])}
        self.place |= dict.fromkeys(self.inner, -1)
        #: What is done, on whatever side; what is at hand, and that in the order in which it came.
        self.done: set[int] = set()
        self.here: set[int] = set()
        self.came: list[int] = []
        self.out: Block = []

    def block(self) -> Block:
        for item in self.items:
            if isinstance(item, Loop):
                self.out.append(item)
                self.here.update(registers([[item]]))
            elif item not in self.sides:
                self.compute(item, NOWHERE)
        for item in self.place:
            if item in self.sides and self.name(item) == 'store':  # which nothing has asked for
                self.branch(item, NOWHERE)
        return self.out

    def compute(self, register: int, level: _Side) -> None:
        """Do an instruction, unless it is done; first what it asks for on further sides than those we are on."""
        for operand in self.routine.operands(register):
            if register not in self.done:
                self.branch(operand, level)
        if register not in self.done:
            self.out.append(register)
            self.add(register)

    def add(self, register: int) -> None:
        self.done.add(register)
        self.here.add(register)
        self.came.append(register)

    def branch(self, wanted: int, level: _Side) -> None:
        """Branch to what is wanted on a side, if it is not there, and to all that is ready to be done on both sides."""
        if wanted in self.done or not self.is_further(wanted, level):
            return
        condition, held = next(choice for choice in self.sides[wanted] if choice not in level)
        for other in (*self.behind(condition), condition, *self.behind(wanted)):
            if self.is_by(condition, other):
                continue
            if self.is_further(other, level):
                self.branch(other, level)
            elif other in self.place:
                self.compute(other, level)
        if wanted in self.done:
            return
        before, inside, joined = self.ready(condition, wanted, level)
        for other in before:
            self.compute(other, level)
        out, began, blocks, left = self.out, len(self.came), list[Block](), dict[int, bool]()
        for choice in (condition, True), (condition, False):
            further = {**level, choice: None}
            self.out = []
            for one in inside:
                if choice in self.sides[one] and len(self.sides[one]) == len(further):
                    self.compute(one, further)
            if choice[1] is held:
                self.branch(wanted, further)
            left |= dict.fromkeys(self.came[began:], choice[1])
            self.here.difference_update(self.came[began:])
            del self.came[began:]
            blocks.append(self.out)
        self.out = out
        for one in joined:
            self.add(one)
        left = {one: side for one, side in sorted(left.items()) if not self.done.issuperset(self.users[one])}
        for one in left:
            self.add(one)
        self.instructions.append(Instruction('branch', (condition, Branch(blocks[0], blocks[1], joined, left))))
        self.out.append(len(self.instructions) - 1)

    def name(self, register: int) -> str:
        return self.instructions[register].name

    def is_there(self, register: int) -> bool:
        return register in self.here or register not in self.place

    def is_further(self, register: int, level: _Side) -> bool:
        return any(choice not in level for choice in self.sides.get(register, ()))

    def is_by(self, condition: int, register: int) -> bool:
        side = self.sides.get(register, ())
        return (condition, True) in side or (condition, False) in side

    def missing(self, register: int) -> list[int]:
        return [operand for operand in self.routine.operands(register) if not self.is_there(operand)]

    def behind(self, wanted: int) -> list[int]:
        """Return what must be there before something on a side, and is not, in order."""
        found, todo = set[int](), [wanted]
        while todo:
            new = {*self.missing(todo.pop())} - found
            found |= new
            todo += new
        return self.sorted(found)

    def sorted(self, registers: Iterable[int]) -> list[int]:
        return sorted(registers, key=self.place.__getitem__)

    def ready(self, condition: int, wanted: int, level: _Side) -> tuple[list[int], list[int], list[int]]:
        """Return what can be done on the sides of a condition by now: what before, what there, which choices after."""
        asked = {*self.behind(wanted), wanted}
        before, inside, joined = _Ahead(self, level), dict[int, None](), list[int]()
        for register in self.candidates(condition, asked):
            side, missing = self.sides.get(register, NOWHERE), self.missing(register)
            if any(choice not in side for choice in level):
                continue
            is_by = self.is_by(condition, register)
            if not is_by and (self.is_further(register, level) or inside.keys().isdisjoint(missing)):
                continue
            if all(operand in inside or before.can(operand) for operand in missing):
                if is_by:
                    inside[register] = None
                else:
                    joined.append(register)
        needed, todo = set[int](), [*inside, *joined]
        while todo:
            new = {operand for operand in self.missing(todo.pop()) if operand not in inside} - needed
            needed |= new
            todo += new
        return self.sorted(needed), [*inside], joined

    def candidates(self, condition: int, asked: Collection[int]) -> list[int]:
        """Return what may be on a condition's sides, or chosen by it, and is not done: all that is asked, and some."""
        all_of, begun = self.by[condition], self.begun[condition]
        while begun < len(all_of) and all_of[begun] in self.done:
            begun += 1
        self.begun[condition] = begun
        some = {one for one in all_of[begun : begun + AHEAD] if one not in self.done}
        return self.sorted({*some, *(one for one in asked if self.is_by(condition, one))})


class _Ahead:
    """Tells what can be done before a branch: what is on just the sides we are on, and asks for nothing on others."""

    def __init__(self, work: _Branching, level: _Side) -> None:
        self.work, self.level, self.left = work, level, AHEAD
        self.known: dict[int, bool] = {}

    def can(self, register: int) -> bool:
        work, stack = self.work, [register]
        while stack:
            last = stack[-1]
            if last in self.known:
                stack.pop()
                continue
            missing = work.missing(last)
            open_ = [operand for operand in missing if operand not in self.known]
            is_fixed = last in work.inner or work.name(last) in FIXED
            fails = self.left <= 0 or is_fixed or work.sides.get(last, NOWHERE).keys() != self.level.keys()
            if fails or not open_ or not all(self.known.get(operand, True) for operand in missing):
                self.known[last] = not fails and all(self.known.get(operand, True) for operand in missing)
                self.left -= 1
                stack.pop()
            else:
                stack.append(open_[0])
        return self.known[register]
