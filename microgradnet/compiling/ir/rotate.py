"""Choices between numbers of the turn before, made at its end: there both are made, and one need not be.

Folding finds where turns begin by what repeats, so that what a turn chooses may have come to the next one.

>>> row, number = Instruction('row', (0,)), Instruction('number', (1.0,))
>>> code = [row, number, Instruction('gt', (0, 1)), Instruction('sin', (0,)), *[Instruction('carry', ())] * 2,
...         Instruction('gt', (4, 1)), Instruction('select', (6, 5, 4)), Instruction('sin', (7,))]
>>> turns = Loop(9, False, [[6, 7, 8]], [Carry(4, 0, 7), Carry(5, 3, 8)])
>>> made = rotated(Routine(code, [[0, 3, turns]], 0, 1, 0, 0, 0, 0, [], {}))
>>> *before, (loop) = made.blocks[0]
>>> before, loop.blocks, loop.carries
([0, 3, 9, 10], [[8, 11, 12]], [Carry(register=7, start=10, after=12)])
>>> made.instructions[11:]
[Instruction(name='gt', operands=(7, 1)), Instruction(name='select', operands=(11, 8, 7))]
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .claims import FIXED
from .instructions import CONDITIONS, LEAVES, Instruction
from .routine import Block, Carry, Loop, Routine, registers

__all__ = ['rotated']


def rotated(routine: Routine) -> Routine:
    """Return a routine that does the same, with choices between what is carried for them alone made a turn sooner."""
    work = _Rotation(routine)
    blocks = [*map(work.block, routine.blocks)]
    return work.routine(blocks) if work.moves else routine


class _Rotation:
    def __init__(self, routine: Routine) -> None:
        self.whole, self.instructions = routine, [*routine.instructions]
        self.moves = False
        #: What is the same as what a loop's last turn has made; what this stands for, if it is no condition.
        self.same: dict[int, int] = {}
        self.names: dict[int, int] = {}

    def block(self, items: Block) -> Block:
        found: Block = []
        made: dict[Instruction, int] = {}
        for item in items:
            if isinstance(item, Loop):
                inner = replace(item, blocks=[*map(self.block, item.blocks)])
                found += self.loop(inner, made)
                continue
            if self.instructions[item].name not in FIXED and (known := self.renamed(item, self.same)) in made:
                self.same[item] = made[known]
                if known.name not in CONDITIONS:
                    self.names[item] = made[known]
                    continue
            found.append(item)
        return found

    def loop(self, loop: Loop, made: dict[Instruction, int]) -> Block:
        """Return the loop, and before it what it begins with; note what its last turn has made besides."""
        body, inside = loop.blocks[0], {*registers([[loop]])}
        carried = {carry.register: carry for carry in loop.carries}
        early: dict[int, None] = {}
        for item in body if len(loop.blocks) == 1 else ():
            if isinstance(item, int) and self.instructions[item].name not in FIXED:
                operands = self.whole_operands(item)
                if all(o in carried or o in early or o not in inside for o in operands):
                    early[item] = None
        within = self.counted(body)
        beyond = self.whole.uses - self.counted([loop])
        selects = [item for item in early if self.instructions[item].name == 'select']
        for_choices = Counter(o for item in selects for o in self.instructions[item].operands[1:])
        through = {register for register, carry in carried.items()
                   if for_choices[register] == within[register] > 0 == within[carry.after] == beyond[register]
                   and carry.after in inside}  # fmt: skip
        todo, moved = list[int](), set[int]()
        for item in selects:
            if not through.isdisjoint(self.instructions[item].operands[1:]):
                todo.append(item)
                through |= {item} if for_choices[item] == within[item] > 0 == beyond[item] else set()
        while todo:
            moved.add(item := todo.pop())
            todo += [o for o in self.whole_operands(item) if o in early and o not in moved]
        if not moved:
            return [loop]
        self.moves = True
        order = [item for item in early if item in moved]
        first = self.copied(order, {register: carry.start for register, carry in carried.items()})
        last = self.copied(order, {register: carry.after for register, carry in carried.items()})
        made |= {self.instructions[copy]: copy for copy in last.values()}
        kept = [item for item in body if not isinstance(item, int) or item not in moved]
        for item in reversed(order):  # a condition cannot be carried
            if self.instructions[item].name in CONDITIONS and self.counted(kept)[item]:
                kept.insert(0, item)
        asked = self.counted([*kept, *last.values()]) + beyond
        stay = [carry for carry in loop.carries if asked[carry.register]]
        asked.update(carry.after for carry in stay)
        for item in order:
            if asked[item] and self.instructions[item].name not in CONDITIONS:
                self.instructions[item] = Instruction('carry', ())
                stay.append(Carry(item, first[item], last[item]))
        return [*first.values(), replace(loop, blocks=[[*kept, *last.values()]], carries=stay)]

    def renamed(self, item: int, names: dict[int, int]) -> Instruction:
        name, operands = self.instructions[item]
        if name in LEAVES:
            return self.instructions[item]
        return Instruction(name, tuple(names.get(o, o) if isinstance(o, int) else o for o in operands))

    def routine(self, blocks: list[Block]) -> Routine:
        get, unused = self.names.get, set[int]()

        def block(items: Block) -> Block:
            kept = (item for item in items if isinstance(item, Loop) or item not in unused)
            return [loop(item) if isinstance(item, Loop) else item for item in kept]

        def loop(old: Loop) -> Loop:
            carries = [Carry(one.register, get(one.start, one.start), get(one.after, one.after)) for one in old.carries]
            return replace(old, blocks=[*map(block, old.blocks)], carries=carries)

        instructions = [self.renamed(item, self.names) for item in range(len(self.instructions))]
        labels = {register: label for register, label in self.whole.labels.items() if register not in self.names}
        while True:
            made = replace(self.whole, instructions=instructions, blocks=[*map(block, blocks)], labels=labels)
            more = {item for item in self.same.keys() - self.names.keys() - unused if not made.uses[item]}
            if not more:
                return made
            unused |= more

    def copied(self, order: list[int], names: dict[int, int]) -> dict[int, int]:
        """Make instructions once more, of what stands for their operands."""
        copies: dict[int, int] = {}
        for item in order:
            name, operands = self.instructions[item]
            self.instructions.append(Instruction(name, tuple(copies.get(o, names.get(o, o)) for o in operands)))
            copies[item] = len(self.instructions) - 1
        return copies

    def whole_operands(self, item: int) -> list[int]:
        return replace(self.whole, instructions=self.instructions).operands(item)

    def counted(self, block: Block) -> Counter[int]:
        return replace(self.whole, instructions=self.instructions).count_uses(block)
