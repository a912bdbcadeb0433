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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from .claims import FIXED, NOWHERE, Claims, Lines, Side
from .instructions import Instruction
from .rotate import rotated
from .routine import Block, Branch, Loop, Routine, registers

__all__ = ['branched']

#: So much is looked at that may be done before a branch, or on its sides, and is not asked for yet.
AHEAD = 50


def branched(routine: Routine) -> Routine:
    """Return a routine of a single row in which what is worth it on sides is in branches; it makes the same numbers."""
    if not any(name == 'select' for name, _ in routine.instructions):
        return routine
    routine = rotated(routine)
    instructions, claims = [*routine.instructions], Claims(routine)

    def block(items: Block) -> Block:
        lines = Lines(claims, items)
        sides = lines.sides()
        loops = {id(item): loop(item) for item in items if isinstance(item, Loop)}
        return _Branching(lines, sides, instructions, loops).block() if sides else [
            loops[id(item)] if isinstance(item, Loop) else item for item in items
        ]  # fmt: skip

    def loop(old: Loop) -> Loop:
        return replace(old, blocks=[*map(block, old.blocks)])

    return replace(routine, blocks=[*map(block, routine.blocks)], instructions=instructions)


class _Branching:
    """Puts what is on sides in a block into branches."""

    def __init__(
        self, lines: Lines, sides: Mapping[int, Side], instructions: list[Instruction], loops: Mapping[int, Loop]
    ) -> None:
        self.lines, self.sides, self.instructions, self.loops = lines, sides, instructions, loops
        self.place = {item: place for place, item in enumerate(lines.items) if isinstance(item, int)}
        self.users: dict[int, list[int]] = defaultdict(list)
        #: What a condition may have on its sides, or choose, in order, and how much of that is done at the beginning.
        self.by: dict[int, list[int]] = defaultdict(list)
        self.begun: dict[int, int] = defaultdict(int)
        #: What is set in loops of this block that do more than compute.
        self.inner = {register for item in lines.items if isinstance(item, Loop) for register in registers([[item]])}
        items = [*self.place]
        self.place |= dict.fromkeys(self.inner, -1)
        #: What something reads of this block; and that with the conditions of the sides it is on.
        self.reads: dict[int, list[int]] = {}
        self.needs: dict[int, list[int]] = {}
        for item in items:
            self.reads[item] = [operand for operand in lines.operands(item) if operand in self.place]
            for operand in self.reads[item]:
                self.users[operand].append(item)
            conditions = dict.fromkeys(condition for condition, _ in sides.get(item, ()))
            if lines.name(item) == 'select':
                conditions[lines.operands(item)[0]] = None
            for condition in conditions:
                self.by[condition].append(item)
                self.users[condition].append(item)
            asked = (condition for condition, _ in sides.get(item, ()) if condition in self.place)
            self.needs[item] = [*self.reads[item], *asked]
        #: What is done, on whatever side; what is at hand, and that in the order in which it came.
        self.done: set[int] = set()
        self.here: set[int] = set()
        self.came: list[int] = []
        self.out: Block = []

    def block(self) -> Block:
        for item in self.lines.items:
            if isinstance(item, Loop):
                self.out.append(self.loops[id(item)])
                self.here.update(registers([[item]]))
                self.done.update(registers([[item]]))
            elif item not in self.sides:
                self.compute(item, NOWHERE)
        for item in self.place:
            if item in self.sides and self.lines.name(item) == 'store':  # which nothing has asked for
                self.branch(item, NOWHERE)
        return self.out

    def compute(self, register: int, level: Side) -> None:
        """Do an instruction, unless it is done; first what it asks for on further sides than those we are on."""
        for operand in self.reads[register]:
            if register not in self.done:
                self.branch(operand, level)
        if register not in self.done:
            self.out.append(register if register >= 0 else self.loops[id(self.lines.loop(register))])
            self.add(register)

    def add(self, register: int) -> None:
        self.done.add(register)
        self.here.add(register)
        self.came.append(register)

    def branch(self, wanted: int, level: Side) -> None:
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
        left = {register: side for one, side in left.items() for register in self.lines.sets(one)}
        self.instructions.append(Instruction('branch', (condition, Branch(blocks[0], blocks[1], joined, left))))
        self.out.append(len(self.instructions) - 1)

    def is_further(self, register: int, level: Side) -> bool:
        return any(choice not in level for choice in self.sides.get(register, ()))

    def is_by(self, condition: int, register: int) -> bool:
        side = self.sides.get(register, ())
        return (condition, True) in side or (condition, False) in side

    def missing(self, register: int) -> list[int]:
        """Return what must be there before something, and is not: a condition may itself be on fewer sides."""
        here = self.here
        return [one for one in self.needs.get(register, ()) if one not in here]

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

    def ready(self, condition: int, wanted: int, level: Side) -> tuple[list[int], list[int], list[int]]:
        """Return what can be done on the sides of a condition by now: what before, what there, which choices after."""
        asked = {*self.behind(wanted), wanted}
        before, inside, joined = _Ahead(self, level), dict[int, None](), list[int]()
        waiting = self.candidates(condition, asked)
        while waiting:  # a condition may come behind what is on its sides
            later = []
            for register in waiting:
                side, missing = self.sides.get(register, NOWHERE), self.missing(register)
                if any(choice not in side for choice in level):
                    continue
                is_by = self.is_by(condition, register)
                is_off = not is_by and (self.is_further(register, level) or inside.keys().isdisjoint(missing))
                if is_off or not all(one in inside or before.can(one) for one in missing):
                    later.append(register)
                elif is_by:
                    inside[register] = None
                else:
                    joined.append(register)
            waiting = later if len(later) < len(waiting) else []
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

    def __init__(self, work: _Branching, level: Side) -> None:
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
            is_fixed = last in work.inner or work.lines.name(last) in FIXED
            fails = self.left <= 0 or is_fixed or work.sides.get(last, NOWHERE).keys() != self.level.keys()
            if fails or not open_ or not all(self.known.get(operand, True) for operand in missing):
                self.known[last] = not fails and all(self.known.get(operand, True) for operand in missing)
                self.left -= 1
                stack.pop()
            else:
                stack.append(open_[0])
        return self.known[register]
