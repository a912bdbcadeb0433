"""Several turns of a loop at once, around the loops inside of it: unroll and jam.

Four neurons of a layer go through their inputs together: what all of them read is read
once, each sum waits for its last addition while the others are added to, and what all of
them add to one place in memory is added up first. It is done where the turns of a loop
are independent: nothing is carried but sums, which each turn adds to in its order, and
nothing is read from memory that another turn writes.

>>> from microgradnet.compiling.ir.sweeps import routine
>>> from microgradnet.compiling.ir.tape import tape
>>> from microgradnet.functions import dot
>>> from microgradnet.engine.value import Value
>>> w, x = [[Value(1.0) for _ in range(50)] for _ in range(13)], [Value(1.0) for _ in range(50)]
>>> layer = routine(tape([dot(row, x).tanh() for row in w], x, [v for row in w for v in row]))
>>> [item.count for item in jam(layer).blocks[0] if not isinstance(item, int)]
[3, 1]
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from .instructions import Instruction
from .nests import Affine
from .routine import Block, Carry, Copier, Loop, Routine, registers

__all__ = ['jam']

#: How many turns are done at once, if nothing else is said.
TOGETHER = 4


def jam(routine: Routine, together: int | None = None) -> Routine:
    """Return a routine that does the same, with the turns of loops around others done together, so many at once."""
    jammer = _Jammer(routine, together or TOGETHER)
    blocks = [jammer.block(block, 0) for block in routine.blocks]
    return replace(routine, instructions=jammer.instructions, blocks=blocks)


class _Jammer(Copier):
    def __init__(self, routine: Routine, at_once: int) -> None:
        super().__init__(routine.instructions)
        self.routine, self.at_once = routine, at_once

    def block(self, block: Block, depth: int) -> Block:
        result: Block = []
        for item in block:
            result += self.loop(item, depth) if isinstance(item, Loop) else [item]
        return result

    def loop(self, loop: Loop, depth: int) -> list[Loop]:
        """Return the loop, or one of several turns at once, and what is left of its turns."""
        inner = [item for block in loop.blocks for item in block if isinstance(item, Loop)]
        if not inner or any(isinstance(item, Loop) for i in inner for block in i.blocks for item in block):
            return [replace(loop, blocks=[self.block(block, depth + 1) for block in loop.blocks])]
        if len(loop.blocks) > 1 or not self.independent(loop):
            return [loop]
        times, rest = divmod(loop.count, self.at_once)
        ways = [(times, range(self.at_once), self.at_once)] if times else []
        if rest:
            ways.append((1, range(times * self.at_once, loop.count), 0))
        if loop.backwards:
            ways = [(count, turns[::-1], step) for count, turns, step in ways[::-1]]
        loops: list[Loop] = []
        sums = [carry.start for carry in loop.carries]
        for count, turns, step in ways:
            carries = [Carry(self.new('carry'), start) for start in sums]
            sums, copies = [carry.register for carry in carries], []
            for turn in turns:  # each adds to what the one before has left
                names = {carry.register: one for carry, one in zip(loop.carries, sums)}
                copies.append(self.copy(loop.blocks[0], partial(_turned, depth, turn, step), names))
                sums = [names[carry.after] for carry in loop.carries]
            for carry, after in zip(carries, sums):
                carry.after = after
            loops.append(Loop(count, loop.backwards, [self.together(copies)], carries))
        for old, new in zip(loop.carries, loops[-1].carries):  # whoever asks for the sum knows the old register
            self.instructions[old.after] = self.instructions[new.after]
            loops[-1].blocks[0] = [old.after if item == new.after else item for item in loops[-1].blocks[0]]
            new.after = old.after
        return loops

    def together(self, copies: list[Block]) -> Block:
        """Take the copies item by item; loops become one loop of all their bodies."""
        result: Block = []
        for items in zip(*copies):
            first = items[0]
            if isinstance(first, Loop):
                loops = [item for item in items if isinstance(item, Loop)]
                body = self.together([loop.blocks[0] for loop in loops])
                carries = [carry for loop in loops for carry in loop.carries]
                result.append(Loop(first.count, first.backwards, [body], carries))
            else:
                result += self.added_up([item for item in items if isinstance(item, int)])
        return result

    def added_up(self, several: list[int]) -> list[int]:
        """Return what is done side by side; where products are added to one place, their sum is, once."""
        given = [self.instructions[register] for register in several]
        name, place = given[0].name, given[0].operands[:2]
        if name != 'add_to' or len(given[0].operands) < 4 or any(other.operands[:2] != place for other in given):
            return several
        sums = [self.new('mul', *given[0].operands[2:])]
        for other in given[1:]:
            sums.append(self.new('madd', *other.operands[2:], sums[-1]))
        return [*sums, self.new('add_to', *place, sums[-1])]

    def independent(self, loop: Loop) -> bool:
        """Tell whether no turn reads what another one writes, or leaves a register behind that is no carried sum."""
        inside = [*registers(loop.blocks)]
        used = self.routine.count_uses(loop.blocks[0])
        parts = any(len(item.blocks) > 1 for item in loop.blocks[0] if isinstance(item, Loop))
        sums = {carry.after for carry in loop.carries}
        if parts or any(used[register] < self.routine.uses[register] for register in {*inside} - sums):
            return False
        for carry in loop.carries:
            _, operands = self.instructions[carry.after]
            alone = used[carry.register] == self.routine.uses[carry.register] == 1 and not used[carry.after]
            if not alone or carry.register not in operands or carry.after not in loop.blocks[0]:
                return False
        written: list[tuple[str, int, int]] = []
        read: list[tuple[str, int, int]] = []
        for name, operands in (self.instructions[register] for register in inside):
            if name in ('store', 'load', 'add_to'):
                memory, place = operands[:2]
                if name == 'store' and memory == 'rolling':  # turns must stay in order
                    return False
                (read if name == 'load' else written).append((memory, *place.extent()))
        return not any(m == n and a <= d and c <= b for m, a, b in read for n, c, d in written)


def _turned(depth: int, turn: int, step: int, instruction: Instruction) -> Instruction:
    name, operands = instruction
    return Instruction(name, tuple(_turn(o, depth, turn, step) if isinstance(o, Affine) else o for o in operands))


def _turn(place: Affine, depth: int, turn: int, step: int) -> Affine:
    """Return a place at one of several turns done together: turn, turn + step, ..."""
    if depth >= len(place.steps):
        return place
    own = place.steps[depth]
    steps = (*place.steps[:depth], own * step, *place.steps[depth + 1 :])
    return Affine(place.start + own * turn, steps, place.counts)
