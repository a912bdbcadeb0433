"""Products of matrices, taken out of the nests of loops that they are in.

The backward sweep of a layer goes through its neurons, and with each through the inputs: the neuron's signal times
an input is added to the slope of a weight, and times the weight to the signal of that input. Done so, a slope is
fetched, added to and put back for every few rows, and its sum over the lanes made each time. Both are products of
matrices, which are better done by themselves, after the loop has kept all its signals:

- what is added to outputs, of many rows at once, by the driver (a ``Product``);
- what is added to signals, place by place in a register, in a nest whose loops have changed places.

>>> from microgradnet.compiling.ir.sweeps import routine
>>> from microgradnet.compiling.ir.tape import tape
>>> from microgradnet.functions import dot
>>> from microgradnet.engine.value import Value
>>> w, x = [[Value(1.0) for _ in range(50)] for _ in range(40)], [Value(1.0) for _ in range(50)]
>>> y = dot([dot(row, x).tanh() for row in w], [Value(2.0)] * 40)
>>> net = routine(tape([y], x, [v for row in w for v in row]), gradient=True)
>>> [str(place) for place in taken_apart(net)[1][0].places]
['2 + 50 * i1 + 1 * i2', '80 + 1 * i1', '1 + 1 * i1']
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, TypeGuard

from ..._processes import cached_property
from .instructions import LEAVES, Instruction
from .nests import Affine
from .routine import Block, Carry, Copier, Loop, Routine, registers

__all__ = ['Product', 'taken_apart']

#: A product has so many numbers at least.
LEAST = 64
#: Where loops have changed places, so many turns of the outer one are done at a time: their numbers, which lie far
#: apart, stay in the nearest cache while those beside them are asked for.
TURNS = 8


class Product(NamedTuple):
    """What is added to outputs: for each pair of counters a sum over rows, of one factor times the other.

    ``places`` are those of the outputs, by both counters; of the left factor, by the first; of the right one, by the
    second. ``right`` is the memory that it is in, ``kept`` or ``rows``; the left one is ``kept``.
    """

    right: str
    places: tuple[Affine, Affine, Affine]


def taken_apart(routine: Routine) -> tuple[Routine, list[Product]]:
    """Return a routine that does the rest, row by row, and the products of all rows, which come after it."""
    loops = [item for block in routine.blocks for item in block if isinstance(item, Loop)]
    if not any(_is_innermost(inner) for loop in loops for block in loop.blocks for inner in block):
        return routine, []
    settled = _settled(routine)
    work = _Work(settled)
    blocks = [work.block(block) for block in settled.blocks]
    if not work.products:  # the rest gains nothing by itself
        return routine, []
    done = replace(settled, instructions=work.instructions, blocks=blocks, kept=work.kept).pruned()
    return replace(done, blocks=[_without_idle(block) for block in done.blocks]), work.products


class _Work(Copier):
    def __init__(self, routine: Routine) -> None:
        super().__init__(routine.instructions)
        self.routine, self.kept = routine, routine.kept
        self.products: list[Product] = []

    def block(self, block: Block) -> Block:
        result: Block = []
        for item in block:
            result += self.nest(item) if isinstance(item, Loop) and len(item.blocks) == 1 else [item]
        return result

    def nest(self, outer: Loop) -> Block:
        """Return a loop without the products that are in it, and what makes up for them."""
        body: Block = []
        after: Block = []
        for item in outer.blocks[0]:
            if _is_innermost(item) and item.count * outer.count >= LEAST:
                taken = [(register, factors) for register in item.blocks[0] if isinstance(register, int)
                         and (factors := self.factors(outer, item, register))]  # fmt: skip
                kept: dict[int, Affine] = {}
                for register, (signal, number) in taken:
                    if signal not in kept:
                        kept[signal] = Affine(self.kept, (1,), (outer.count,))
                        body.append(self.new('store', 'kept', kept[signal], signal))
                        self.kept += outer.count
                    after += self.apart(outer, item, register, kept[signal], number)
                    self.instructions[register] = Instruction('number', (0.0,))  # nobody's: it is pruned
            body.append(item)
        return [replace(outer, blocks=[body]), *after]

    def factors(self, outer: Loop, inner: Loop, register: int) -> tuple[int, int] | None:
        """Return two registers of what is a product: the outer loop made the first, the inner one fetches the other."""
        name, operands = self.instructions[register]
        if name != 'add_to' or len(operands) < 4:
            return None
        memory, place = operands[:2]
        inside = {*registers([inner.blocks[0]]), *(carry.register for carry in inner.carries)}
        signals, numbers = ([o for o in operands[2:] if (o in inside) is within] for within in (False, True))
        if len(signals) != 1 or not self.is_fetched(numbers[0]):
            return None
        number_place = self.instructions[numbers[0]].operands[-1]
        if memory == 'outputs':
            if _step(number_place, 0) or self.instructions[numbers[0]].name == 'parameter':
                return None
        elif _step(place, 0) or self.is_read(outer, place):
            return None
        return signals[0], numbers[0]

    def is_fetched(self, register: int) -> bool:
        """Tell whether a register is of the leaves, or kept and not written again."""
        name, operands = self.instructions[register]
        if name != 'load':
            return name in ('row', 'parameter')
        low, high = operands[1].extent()
        return operands[0] == 'kept' and not any(self.again[low : high + 1])

    @cached_property
    def again(self) -> bytearray:
        """Where something is kept more than once."""
        once, again = bytearray(self.routine.kept), bytearray(self.routine.kept)

        def visit(block: Block, counts: tuple[int, ...]) -> None:
            for item in block:
                if isinstance(item, Loop):
                    for inner in item.blocks:
                        visit(inner, (*counts, item.count))
                elif (given := self.instructions[item]).name == 'store' and given.operands[0] == 'kept':
                    place: Affine = given.operands[1]
                    still = any(count > 1 and not _step(place, depth) for depth, count in enumerate(counts))
                    for numbers in place.ranges():
                        low, high = sorted((numbers[0], numbers[-1]))
                        these = slice(low, high + 1, abs(numbers.step) if isinstance(numbers, range) else 1)
                        if still or any(once[these]):
                            again[these] = b'\1' * len(numbers)
                        once[these] = b'\1' * len(numbers)

        for block in self.routine.blocks:
            visit(block, ())
        return again

    def is_read(self, loop: Loop, place: Affine) -> bool:
        """Tell whether a loop reads signals that something in it is added to."""
        low, high = place.extent()
        loads = (i.operands for i in map(self.instructions.__getitem__, registers([[loop]])) if i.name == 'load')
        ranges = (where.extent() for memory, where in loads if memory == 'signals')
        return any(first <= high and low <= last for first, last in ranges)

    def apart(self, outer: Loop, inner: Loop, register: int, signal: Affine, number: int) -> Block:
        """Make a product of what is added to some place; return the nest that does it, if none comes later."""
        _, (memory, place, *_) = self.instructions[register]
        name, operands = self.instructions[number]
        if memory == 'outputs':
            places = _both(place, outer, inner), signal, _only(operands[-1], 1, inner.count)
            self.products.append(Product('kept' if name == 'load' else 'rows', places))
            return []
        across, down = _step(operands[-1], 1), _step(operands[-1], 0)
        nests: Block = []
        for first, times, turns in _in_blocks(outer.count):
            counts = times, inner.count, turns
            signals = self.new('load', 'kept', Affine(signal.start + first, (turns, 0, 1), counts))
            start = operands[-1].start + first * down
            numbers = self.new(name, *operands[:-1], Affine(start, (turns * down, across, down), counts))
            total, zero = self.new('carry'), self.new('number', 0.0)
            after = self.new('madd', signals, numbers, total)
            adding = Loop(turns, outer.backwards, [[signals, numbers, after]], [Carry(total, zero, after)])
            where = Affine(place.start, (0, _step(place, 1), 0), counts)
            target = self.new('add_to', memory, where, after)
            nests.append(Loop(times, outer.backwards, [[Loop(inner.count, inner.backwards, [[adding, target]])]]))
        return nests[::-1] if outer.backwards else nests


def _in_blocks(count: int) -> list[tuple[int, int, int]]:
    """Cut turns into blocks: the first turn, how many blocks, of how many turns."""
    blocks, rest = divmod(count, TURNS)
    return [given for given in ((0, blocks, TURNS), (blocks * TURNS, 1, rest)) if given[1] and given[2]]


def _step(place: Affine, depth: int) -> int:
    """Return how far a loop's next turn moves a place."""
    return place.steps[depth] if depth < len(place.steps) else 0


def _only(place: Affine, depth: int, count: int) -> Affine:
    """Return a place as a function of one counter alone."""
    return Affine(place.start, (_step(place, depth),), (count,))


def _both(place: Affine, outer: Loop, inner: Loop) -> Affine:
    return Affine(place.start, (_step(place, 0), _step(place, 1)), (outer.count, inner.count))


def _is_innermost(item: int | Loop) -> TypeGuard[Loop]:
    """Tell whether it is a loop of one block without others in it."""
    return isinstance(item, Loop) and len(item.blocks) == 1 and all(isinstance(i, int) for i in item.blocks[0])


def _settled(routine: Routine) -> Routine:
    """Return a routine without carries that are at every turn what they were at first."""
    first = {carry.register: carry.start for carry in routine.carries if carry.after == carry.register}

    def now(operand: Any) -> Any:
        while isinstance(operand, int) and operand in first:
            operand = first[operand]
        return operand

    def block(items: Block) -> Block:
        return [loop(item) if isinstance(item, Loop) else item for item in items]

    def loop(old: Loop) -> Loop:
        carries = [Carry(c.register, now(c.start), now(c.after)) for c in old.carries if c.register not in first]
        return replace(old, blocks=[*map(block, old.blocks)], carries=carries)

    instructions = [
        i if i.name in LEAVES else Instruction(i.name, tuple(map(now, i.operands))) for i in routine.instructions
    ]
    return replace(routine, instructions=instructions, blocks=[*map(block, routine.blocks)])


def _without_idle(block: Block) -> Block:
    """Return a block without loops that have nothing left to do."""
    result: Block = []
    for item in block:
        if isinstance(item, Loop):
            item = replace(item, blocks=[*map(_without_idle, item.blocks)])
            if not any(item.blocks) and not item.carries:
                continue
        result.append(item)
    return result
