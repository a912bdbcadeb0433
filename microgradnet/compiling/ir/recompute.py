"""Less memory for the gradient of long loops: what the backward sweep asks for is computed again, block by block.

A loop's turns are cut into blocks. The forward sweep keeps only what each block begins with: what the loop
carries, and what its turns look back at. The backward sweep goes from the last block to the first: it does a
block's turns forwards again, keeping what is asked for in memory that all blocks share, and then backwards.
The last block, of the turns that are left over, is kept as it is. Where that is not little enough, blocks are cut
into blocks again: their turns are done forwards once more.

>>> from microgradnet.compiling.ir.sweeps import prepare
>>> from microgradnet.engine.value import Value
>>> x = Value(1.0)
>>> y = x
>>> for _ in range(1000):
...     y = y.sin()
>>> chain = prepare([y], [], [x], loops=True)
>>> [recompute(chain, most).memory for most in (1000, 200, 50)]
[999, 100, 50]

All is done in the same order, so the numbers are the same. What other loops read of a loop, turn by turn, is kept
as before; so are signals that go through memory. Loops whose count depends on the numbers are cut by ``blocks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import NamedTuple

from .blocks import in_blocks
from .instructions import CONDITIONS, LEAVES, Instruction
from .memory import slots
from .nests import Affine
from .routine import MEMORY, Block, Carry, Copier, Loop, Routine, registers
from .sweeps import routine
from .tape import Tape

__all__ = ['recompute']


def recompute(tape: Tape, most: int | None, seeds: bool = False, stops: bool = False) -> Routine:
    """Return the gradient of a tape, as ``routine`` does, with at most so many numbers in memory; None for any.

    No more is computed again than that takes. Raises ValueError if it cannot be had, and says what can.
    """
    best, levels = routine(tape, True, seeds, stops), 0
    if most is None:
        return best
    if best.kept_turns:
        in_blocks(tape, 1)  # what has no limit is refused
    whole = routine(tape, True, seeds, stops, rolling=False) if best.memory > most and tape.loops else best
    while best.memory > most:
        before, levels = best, levels + 1
        cut = _cut(whole, most, levels) if tape.loops else routine(in_blocks(tape, levels), True, seeds, stops)
        best = min(cut, best, key=lambda found: found.memory)
        if best.memory == before.memory:
            least = f'{best.memory} numbers of each row are the least that can be had'
            raise ValueError(f'memory={most} is too little: {least}')
    return best


def _cut(whole: Routine, most: int, levels: int) -> Routine:
    """Cut loops into blocks, the largest first, until memory is enough or no loop is left; return the least."""
    best, work = whole, _Recomputer(whole)
    for pair in work.pairs():
        if work.cut(pair, levels):  # what it saves may be had only when a neighbour is cut, too
            best = min(work.finished(), best, key=lambda found: found.memory)
        if best.memory <= most:
            break
    return best


class _Pair(NamedTuple):
    """A loop and the one that goes back through it, the blocks they stand in, and the counts of loops around both."""

    forward: Loop
    backward: Loop
    before: Block
    after: Block
    counts: tuple[int, ...] = ()


@dataclass
class _Use:
    """A load or a store of what is kept, and the loops around it."""

    register: int
    name: str
    place: Affine
    loops: list[Loop]
    #: The register that is stored.
    stored: int

    def is_in(self, *loops: Loop) -> bool:
        return any(around is loop for around in self.loops for loop in loops)


class _Recomputer(Copier):
    def __init__(self, routine: Routine) -> None:
        super().__init__(routine.instructions)
        self.routine, self.rows = routine, {**routine.rows}
        self.blocks = [*map(_copied, routine.blocks)]
        #: So much memory is given out, with gaps.
        self.length = max((use.place.extent()[1] + 1 for use in self.uses()), default=0)

    def uses(self) -> list[_Use]:
        """List who reads and writes what is kept, in order."""

        def visit(block: Block, loops: list[Loop]) -> Iterator[_Use]:
            for item in block:
                if isinstance(item, Loop):
                    for inner in item.blocks:
                        yield from visit(inner, [*loops, item])
                elif _is_kept(self.instructions[item]):
                    name, operands = self.instructions[item]
                    yield _Use(item, name, operands[1], loops, operands[-1] if name == 'store' else -1)

        return [use for block in self.blocks for use in visit(block, [])]

    def finished(self) -> Routine:
        """Return the routine, its memory without gaps."""
        uses, instructions = self.uses(), [*self.instructions]
        stored, loaded = ([_moving(use.place) for use in uses if use.name == name] for name in ('store', 'load'))
        where, slot = slots(self.length, stored, loaded)
        for use in uses:
            name, (memory, place, *others) = instructions[use.register]
            packed = where[_moving(place)]
            left = iter(packed.steps)
            place = Affine(packed.start, tuple(step and next(left) for step in place.steps), place.counts)
            instructions[use.register] = Instruction(name, (memory, place, *others))
        for register in {*range(len(instructions))}.difference(registers(self.blocks)):
            if instructions[register].name in MEMORY:  # nobody's
                instructions[register] = Instruction('number', (0.0,))
        blocks = [*map(_copied, self.blocks)]
        return replace(
            self.routine, instructions=instructions, blocks=blocks, kept=slot[-1], rows={**self.rows}
        ).pruned()  # fmt: skip

    def pairs(self) -> list[_Pair]:
        """List the loops that others go back through, loading most of what they store; the largest first.

        No other goes back through two.
        """
        found: list[tuple[int, _Pair]] = []
        loops = [(block, item) for block in self.blocks for item in block if isinstance(item, Loop)]
        for before, loop in loops:
            backs = [(block, back) for block, back in loops if back.backwards and back.count == loop.count]
            stored = set() if loop.backwards else self.first_turn(loop, 'store')
            if stored and backs:
                common = [len(stored & self.first_turn(back, 'load')) for _, back in backs]
                after, back = backs[common.index(max(common))]
                found.append((loop.count * len(stored), _Pair(loop, back, before, after)))
        pairs: dict[int, _Pair] = {}
        for _, pair in sorted(found, key=lambda given: -given[0]):
            pairs.setdefault(id(pair.backward), pair)
        return [*pairs.values()]

    def first_turn(self, loop: Loop, name: str) -> set[int]:
        """Return what an outermost loop loads or stores in its first turn."""
        given = (self.instructions[register] for register in registers(loop.blocks))
        places = (turn(operands[1], 0) for kind, operands in given if kind == name and operands[0] == 'kept')
        return {number for place in places for number in numbers(place)}

    def cut(self, pair: _Pair, levels: int) -> bool:
        """Cut a pair of loops into blocks, and these again; tell whether that saves memory."""
        row = _Row(pair, self.uses(), levels)
        if not row.saves:
            return False
        forward, backward = pair.forward, pair.backward
        length = (row.margin + row.turns) * row.step
        first, second = (self.length + row.margin * row.step + k * length for k in range(2))
        row.saved, self.length = self.length + 2 * length, self.length + 2 * length + row.blocks * row.each
        saved = [row.place(row.saved + k, row.each) for k in range(len(forward.carries))]
        known: dict[int, int] = {}
        ahead, behind = self.brought(pair, known)

        # Forwards. A block begins with keeping what it begins with, and leaves what the next one looks back at.
        ahead += self.moved(row, row.behind, row.base, first, inside=False)
        outer = [Carry(self.new('carry'), carry.start) for carry in forward.carries]
        starts = [carry.register for carry in outer]
        body: Block = [self.new('store', 'kept', *given) for given in zip(saved, starts)]
        body += self.moved(row, row.behind, first, None)
        names: dict[int, int] = {}
        body.append(self.turns(forward, row.turns, starts, partial(row.forwards, first), names))
        for number, register in row.left.items():
            body.append(self.new('store', 'kept', row.place(first + number), names.get(register, register)))
        body += self.moved(row, [n for n in row.behind if n not in row.left], first + row.turns * row.step, first)
        for carry, old in zip(outer, forward.carries):
            carry.after = names.get(old.after, old.after)
        rest = Loop(row.rest, False, forward.blocks, [
            Carry(old.register, carry.after, old.after) for old, carry in zip(forward.carries, outer)
        ])  # fmt: skip
        ahead += [Loop(row.blocks, False, [body], outer), rest]

        # Backwards: the rest, then block after block. What comes last keeps the registers that others know.
        names = {}
        starts = [carry.start for carry in backward.carries]
        behind.insert(0, self.turns(backward, row.rest, starts, partial(row.in_rest, first), names))
        outer = [Carry(self.new('carry'), names.get(old.after, old.after), old.after) for old in backward.carries]
        starts = [self.new('load', 'kept', place) for place in saved]
        body = [*starts, *self.moved(row, row.behind, None, second)]
        again = self.turns(forward, row.turns, starts, partial(row.again, second), known)
        back = Loop(row.turns, True, backward.blocks, [
            Carry(old.register, carry.register, old.after) for old, carry in zip(backward.carries, outer)
        ])  # fmt: skip
        body += [again, back]
        behind.append(Loop(row.blocks, True, [body], outer))

        for loop, change in (forward, partial(row.in_rest, first)), (backward, partial(row.in_block, second)):
            for register in registers(loop.blocks):
                self.instructions[register] = change(self.instructions[register])
        for use in row.between:
            self.instructions[use.register] = row.of_last_turn(first, self.instructions[use.register])
        _put(pair.before, forward, ahead)
        _put(pair.after, backward, behind)
        if levels > 1:
            self.cut(_Pair(again, back, body, body, (*pair.counts, row.blocks)), levels - 1)
        return True

    def turns(
        self, loop: Loop, count: int, starts: Sequence[int], change: Callable[[Instruction], Instruction | None],
        names: dict[int, int],
    ) -> Loop:  # fmt: skip
        """Copy a loop for some of its turns; what computes a row of the table does so in the copy."""
        copy = self.copy_loop(loop, starts, change, names)
        for register in registers(loop.blocks):
            if register in self.rows and register in names:
                operation, operands = self.rows[register]
                self.rows[names[register]] = operation, tuple(names.get(operand, operand) for operand in operands)
        return replace(copy, count=count)

    def moved(
        self, row: _Row, what: list[int], source: int | None, target: int | None, inside: bool = True
    ) -> Block:
        """Write what copies numbers that lie so far from two places; None: where they are saved."""
        block: Block = []
        saved = row.saved + len(row.pair.forward.carries)
        for first, step, times in _runs(what):
            places = [
                row.place(saved, row.each, times, 1, inside) if start is None
                else row.place(start + first, 0, times, step, inside)
                for start in (source, target)
            ]  # fmt: skip
            saved += times
            load = self.new('load', 'kept', places[0])
            copy: Block = [load, self.new('store', 'kept', places[1], load)]
            block += [Loop(times, False, [copy])] if times > 1 else copy
        return block

    def brought(self, pair: _Pair, known: dict[int, int]) -> tuple[Block, Block]:
        """Bring what a loop's turns use from around it to where they are done again, in the registers ``known``.

        Return what has to be done before the loop, and there.
        """
        ahead: Block = []
        behind: Block = []

        def bring(register: int) -> int:
            name, operands = self.instructions[register]
            if name != 'number' and register not in known:
                if name in LEAVES or name == 'table':
                    known[register] = self.new(name, *operands)
                elif name in CONDITIONS:  # no number that could be kept
                    known[register] = self.new(name, *map(bring, operands))
                else:
                    place, self.length = Affine(self.length), self.length + 1
                    ahead.append(self.new('store', 'kept', place, register))
                    known[register] = self.new('load', 'kept', place)
                behind.append(known[register])
            return known.get(register, register)

        if pair.before is not pair.after:
            uses = replace(self.routine, instructions=self.instructions).count_uses
            used = {carry.after for carry in pair.forward.carries}.union(*map(uses, pair.forward.blocks))
            own = {*registers([[pair.forward]])}
            for register in sorted(used - own):
                bring(register)
        return ahead, behind


class _Row:
    """A loop's turns as they lie in memory, one behind the other, cut into blocks.

    ``shared`` is what of a turn only the loop and the one that goes back through it ask for; ``behind`` what of
    the turns before they look back at, and ``left`` what of this is in a register when a block ends. ``between``
    are loads of the last turn, between the two.
    """

    saved = 0

    def __init__(self, pair: _Pair, uses: list[_Use], levels: int) -> None:
        self.pair, self.depth = pair, len(pair.counts)
        self.shared: set[int] = set()
        self.behind: list[int] = []
        self.left: dict[int, int] = {}
        self.between: list[_Use] = []
        self.needed: set[int] = set()
        stored = [use.place for use in uses if use.name == 'store' and use.is_in(pair.forward)]
        steps = {place.steps[: self.depth + 1] for place in stored}
        extents = [turn(place, self.depth).extent() for place in stored]
        self.base, self.step = min((low for low, _ in extents), default=0), 0
        if len(steps) == 1:
            *outer, self.step = steps.pop()
            if self.step > max(high for _, high in extents) - self.base and not any(outer):
                self._survey(uses)
        self.margin = -min(self.behind, default=0) // self.step + 1 if self.behind else 0
        self.each = len(pair.forward.carries) + len(self.behind)
        self.turns, self.blocks, self.rest = self._cut(levels)

    def _cut(self, levels: int) -> tuple[int, int, int]:
        """Choose how many turns a block has, how many blocks there are, and how many turns are left over."""
        number, size, each = self.pair.forward.count, len(self.shared), max(self.each, 1)

        def cost(turns: int) -> float:
            blocks, rest = _divided(number, turns)
            inner: float = levels * (turns * size * each ** (levels - 1)) ** (1 / levels)  # blocks in blocks, all alike
            return blocks * each + rest * size + turns * len(self.needed) + inner

        self.saves = False
        least = self.margin + 1
        if size and least < number:
            ways = range(least, number)
            best = min(ways, key=cost)
            self.saves = cost(best) < number * size
            return best, *_divided(number, best)
        return number, 0, number

    def _survey(self, uses: list[_Use]) -> None:
        pair, end, over = self.pair, self.base + self.step * self.pair.forward.count, False
        shared: set[int] = set()
        alone: set[int] = set()
        groups: list[set[int]] = []
        ago: dict[int, int] = {}
        for use in uses:
            low, high = use.place.extent()
            inside = use.is_in(pair.forward, pair.backward)
            over = over or use.is_in(pair.backward)
            if high < self.base or low >= end:
                continue
            if inside and self._is_of_turn(use.place):
                places = [number - self.base for number in numbers(turn(use.place, self.depth))]
                group = self._in_turn(use.place)
                for place in places:
                    ago[place % self.step] = max(ago.get(place % self.step, 0), -(place // self.step))
                if use.name == 'store' and use.is_in(pair.forward):
                    shared |= group
                elif use.name == 'store' or max(places) >= self.step:
                    alone |= group
            else:
                group = {(number - self.base) % self.step for number in numbers(use.place)}
                if inside or over or use.name == 'store' or low < end - self.step or high >= end:
                    alone |= group
                else:
                    self.between.append(use)
            groups.append(group)
        far = pair.forward.count ** 0.5
        alone |= {*range(self.step)} - shared | {number for number in ago if ago[number] > far}
        while more := [group for group in groups if group & alone and not group <= alone]:  # what is read as one
            alone = alone.union(*more)
        self.shared = shared - alone
        looked = {number: most for number, most in ago.items() if most and number in self.shared}
        self.behind = sorted(number - k * self.step for number, most in looked.items() for k in range(1, most + 1))
        self.between = [use for use in self.between if self._is_shared(use.place)]
        mine = [use for use in uses if use.is_in(pair.forward) and self._is_of_turn(use.place)]
        self.needed = {number for use in mine if use.name == 'load' for number in self._in_turn(use.place)}
        for use in mine:  # a part of a body that is cut is a function, which leaves no registers
            alone_there = len(use.place.steps) == self.depth + 1 and len(pair.forward.blocks) == 1
            number = (use.place.start - self.base) % self.step
            if use.name == 'store' and alone_there and looked.get(number) == 1 and number not in self.needed:
                self.left[number - self.step] = use.stored
        self.needed = (self.needed & self.shared) | {n for n in looked if n - self.step not in self.left}

    def _in_turn(self, place: Affine) -> set[int]:
        """Return where in a turn a place is."""
        return {(number - self.base) % self.step for number in numbers(turn(place, self.depth))}

    def _is_of_turn(self, place: Affine) -> bool:
        """Tell whether a place moves from turn to turn as the turns do."""
        return place.steps[: self.depth + 1] == (0,) * self.depth + (self.step,)

    def _is_shared(self, place: Affine) -> bool:
        low, high = place.extent()
        near = high >= self.base and low < self.base + self.step * self.pair.forward.count
        return near and (place.start - self.base) % self.step in self.shared

    def place(self, start: int, each: int = 0, times: int = 1, step: int = 0, inside: bool = True) -> Affine:
        """Return a place, as it is in each block, or so far on; of several numbers, as a loop goes through them."""
        counts, steps = self.pair.counts, (0,) * self.depth
        if inside:
            counts, steps = (*counts, self.blocks), (*steps, each)
        return Affine(start, (*steps, step), (*counts, times)) if times > 1 else Affine(start, steps, counts)

    # What becomes of the instructions of a turn; ``begin`` is where the memory of a block begins.
    def in_block(self, begin: int, instruction: Instruction) -> Instruction:
        """Return the instruction in a turn of a block."""

        def moved(place: Affine, shared: bool) -> Affine:
            step = place.steps[self.depth]
            steps = (*place.steps[: self.depth], 0 if shared else step * self.turns, *place.steps[self.depth :])
            counts = (*place.counts[: self.depth], self.blocks, self.turns, *place.counts[self.depth + 1 :])
            return Affine(place.start + (begin - self.base) * shared, steps, counts)

        return self._with_places(instruction, moved)

    def in_rest(self, begin: int, instruction: Instruction) -> Instruction:
        """Return the instruction in a turn of those that are left over."""

        def moved(place: Affine, shared: bool) -> Affine:
            by = begin - self.base if shared else place.steps[self.depth] * self.turns * self.blocks
            counts = (*place.counts[: self.depth], self.rest, *place.counts[self.depth + 1 :])
            return Affine(place.start + by, place.steps, counts)

        return self._with_places(instruction, moved)

    def forwards(self, begin: int, instruction: Instruction) -> Instruction | None:
        """Return the instruction in a turn of a block that is done to get on only; None if it is not done."""
        name, operands = instruction
        if name == 'store' and self._is_own(instruction) and not self._in_turn(operands[1]) & self.needed:
            return None
        return self.in_block(begin, instruction)

    def again(self, begin: int, instruction: Instruction) -> Instruction | None:
        """Return the instruction in a turn of a block that is done again; None if it is not."""
        if instruction.name == 'output' or (instruction.name == 'store' and not self._is_own(instruction)):
            return None
        return self.in_block(begin, instruction)

    def of_last_turn(self, begin: int, instruction: Instruction) -> Instruction:
        """Return a load of the last turn of all."""
        name, (memory, place) = instruction
        by = begin - self.base + self.step * (self.rest - self.pair.forward.count)
        return Instruction(name, (memory, place.moved(by)))

    def _is_own(self, instruction: Instruction) -> bool:
        """Tell whether an instruction of a turn is for the memory of a block."""
        place = instruction.operands[1] if _is_kept(instruction) else None
        return place is not None and self._is_of_turn(place) and self._is_shared(place)

    def _with_places(self, instruction: Instruction, moved: Callable[[Affine, bool], Affine]) -> Instruction:
        """Return an instruction with the places moved that turns move."""
        own = self._is_own(instruction)
        return Instruction(instruction.name, tuple(
            moved(operand, own) if isinstance(operand, Affine) and len(operand.steps) > self.depth else operand
            for operand in instruction.operands
        ))  # fmt: skip


def numbers(place: Affine) -> Iterator[int]:
    """Run through all numbers of a place."""
    return chain.from_iterable(place.ranges())


def turn(place: Affine, depth: int) -> Affine:
    """Return a place as it is in the first turn of the loops up to one."""
    return Affine(place.start, place.steps[depth + 1 :], place.counts[depth + 1 :])


def _moving(place: Affine) -> Affine:
    """Return a place as a function of those counters only that move it."""
    pairs = [(step, count) for step, count in zip(place.steps, place.counts) if step]
    return Affine(place.start, *map(tuple, zip(*pairs))) if pairs else Affine(place.start)


def _is_kept(instruction: Instruction) -> bool:
    return instruction.name in ('load', 'store') and instruction.operands[0] == 'kept'


def _copied(block: Block) -> Block:
    """Return a block that can be changed, with the loops in it."""
    return [
        replace(item, blocks=[*map(_copied, item.blocks)]) if isinstance(item, Loop) else item for item in block
    ]


def _put(block: Block, loop: Loop, others: Block) -> None:
    """Put others in the place of a loop."""
    at = next(number for number, item in enumerate(block) if item is loop)
    block[at : at + 1] = others


def _divided(count: int, turns: int) -> tuple[int, int]:
    """Return how many blocks of so many turns there are, and how many turns are left over: one at least."""
    return (count - 1) // turns, (count - 1) % turns + 1


def _runs(what: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Run through numbers as runs of them: the first, how far on the next is, how many."""
    at = 0
    while at < len(what):
        step = what[at + 1] - what[at] if at + 1 < len(what) else 0
        end = at + 1
        while end < len(what) and what[end] - what[end - 1] == step:
            end += 1
        if end - at < 3:
            step, end = 0, at + 1
        yield what[at], step, end - at
        at = end
