"""Loops whose count depends on the numbers, in blocks: a gradient through them that keeps less.

On the way back through such a loop the state is asked for that each turn began with. Where its turns are cut into
blocks, a loop goes from block to block, and a block is one of its turns: what is in that turn is a loop, too, of some
turns of the first one. So only the states are kept that blocks begin with, and on the way back, while a block is
computed again, those of its turns; and blocks can be cut into blocks.

A state has one number more, which counts the turns. All numbers are the same, but that sums over the turns for what
is outside are added up block by block.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from math import ceil

from ...engine.table import operations
from .instructions import Instruction
from .nests import Affine
from .reroll import Items, Shapes
from .routine import Routine
from .straight import straight
from .tape import NUMBER, OUTPUT, PARAMETER, ROW, Computed, Tape
from .while_loops import Item, While, item_at, renumbered

__all__ = ['in_blocks']


def in_blocks(tape: Tape, levels: int) -> Tape:
    """Return a tape whose loops are cut into blocks, and these again, at so many levels.

    Raises ValueError for a loop without a limit: nobody knows how many turns it keeps.
    """
    zero = NUMBER + len(tape.numbers)
    items, shapes = Items(type='I'), Shapes()
    for shape, (place, *numbers) in tape.items:
        kind = tape.shapes[shape]
        if isinstance(kind.operation, While):
            loop = _counted(kind.operation, levels)
            assert loop.limit is not None
            kind = kind._replace(operation=_cut(loop, loop.limit, levels), operands=kind.operands + 1)
            numbers.insert(0, zero)
        elif isinstance(kind.operation, Item):
            kind = kind._replace(operation=item_at(kind.operation.place + 1))
        items.append(shapes.add(kind), [place, *numbers])
    return replace(tape, items=items, shapes=shapes, numbers=tape.numbers + array('d', [0.0]))


def _counted(loop: While, levels: int) -> While:
    """Return a loop with a number before its state that counts the turns; the loops in it are cut."""
    if loop.limit is None:
        raise ValueError(f'memory= is for loops with a limit, and {loop.line} has none: give it limit=')
    assert loop.tape is not None
    tape = in_blocks(loop.tape, levels)
    one = NUMBER + len(tape.numbers)
    items, shapes = Items(type='I'), Shapes()
    for shape, vector in tape.items:
        moved = (number + (PARAMETER <= number < ROW or number >= OUTPUT) for number in vector)
        items.append(shapes.add(tape.shapes[shape]), [*moved])
    items.append(shapes.add(Computed(operations['add'], 2, True, 1)), [len(items), PARAMETER, one, OUTPUT])
    numbers = tape.numbers + array('d', [1.0])
    tape = replace(
        tape, items=items, shapes=shapes, numbers=numbers, outputs=tape.outputs + 1, parameters=tape.parameters + 1,
        labels={},
    )  # fmt: skip
    condition = renumbered(loop.condition, range(1, tape.parameters), tape.parameters)
    return While(condition, straight(tape, stops=True), tape, loop.states + 1, loop.limit, loop.line)


def _cut(loop: While, bound: int, levels: int) -> While:
    """Return a loop of so many turns at most as one of blocks; the first number of its state counts its turns."""
    assert loop.tape is not None
    turns = ceil(bound ** (levels / (levels + 1)))
    count = loop.tape.parameters
    inner = While(
        _before(loop.condition, count), renumbered(loop.body, range(count), count + 1),
        replace(loop.tape, parameters=count + 1), loop.states, None, loop.line, bound=turns,
    )  # fmt: skip
    if levels > 1:
        inner = _cut(inner, turns, levels - 1)
    items, shapes = Items(type='I'), Shapes()
    items.append(shapes.add(Computed(operations['add'], 2, True, 0)), [0, PARAMETER, NUMBER])
    if loop.limit is not None:
        items.append(shapes.add(Computed(operations['min'], 2, True, 0)), [1, 0, NUMBER + 1])
    end = len(items) - 1
    given = range(PARAMETER, PARAMETER + count)
    items.append(shapes.add(Computed(inner, count + 1, True, 0)), [end + 1, *given, end])
    for place in range(loop.states):
        shape = shapes.add(Computed(item_at(place), 1, True, 1))
        items.append(shape, [len(items), end + 1, OUTPUT + place])
    numbers = array('d', [turns, loop.limit or 0])
    tape = Tape(items, shapes, numbers, loop.states, 0, count, loops=False)
    return While(
        loop.condition, straight(tape, stops=True), tape, loop.states, loop.limit, loop.line,
        bound=ceil(bound / turns),
    )  # fmt: skip


def _before(condition: Routine, end: int) -> Routine:
    """Return the condition that another holds and parameter 0, a count, is less than the one at the end."""
    found = renumbered(condition, range(end), end + 1)
    (holds,), instructions = found.results, [*found.instructions]
    last = next(register for register, (name, _) in enumerate(instructions) if name == 'output')
    instructions[last] = Instruction('parameter', (Affine(0),))
    first = len(instructions)
    instructions += [
        Instruction('parameter', (Affine(end),)), Instruction('lt', (last, first)),
        Instruction('both', (holds, first + 1)), Instruction('output', (Affine(0), first + 2)),
    ]  # fmt: skip
    block = [*found.blocks[0], *range(first, len(instructions))]
    return replace(found, instructions=instructions, blocks=[block])
