"""Routines: the one form in which programs are, whatever they are printed as; straight code, or loops of it.

Primitive instructions compute registers that are set once; what crosses from one turn
of a loop to another, or from one part to another, is carried or goes through memory. All of it is
IEEE arithmetic on floats: a pole is an infinity, nothing raises.

=========================== ====================================================
``row``, ``parameter``      the number at an affine place
``number x``                a constant; ``table``: the constant at an affine place
``carry``                   what the last turn of a loop left, see ``Carry``
``madd a b c``              c + a * b, rounded once or twice: a term of a sum of products
``load a place``            a number in memory: ``kept``, ``rolling`` or ``signals``
``store a place r``         keep a register in ``kept``, or for a while in ``rolling``
``add_to a place r [s]``    add a register, or a product of two, to ``signals`` or ``outputs``
``output place r``          set an output
``branch c b``              one of two blocks, where it pays to do one alone: see ``Branch``
=========================== ====================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

from ..._processes import cached_property
from ...engine.table import Operation
from .instructions import CONDITIONS, LEAVES, Instruction, functions

__all__ = ['MEMORY', 'Block', 'Branch', 'Carry', 'Copier', 'Loop', 'Routine', 'registers']

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


@dataclass
class Branch:
    """Two blocks, of which ``yes`` is done where a condition holds, ``no`` where it does not.

    Then selects by this condition are set, those in ``joined``: each to its operand of the side that was done.
    ``left`` is what is used on the same side later, and on which it was set; on the other one it is anything.
    """

    yes: Block
    no: Block
    joined: list[int]
    left: dict[int, bool]

    @property
    def sides(self) -> tuple[tuple[bool, Block], tuple[bool, Block]]:
        return (True, self.yes), (False, self.no)


@dataclass(eq=False)
class Routine:
    """Blocks one after the other; how many outputs, numbers kept and signals in memory there are; the constants.

    ``labels`` are the names that nodes had in the graph, by register; ``leaves`` those of the row's numbers and
    of the parameters; ``customs`` the users' own operations, by the name of their instruction. ``flat`` is straight
    code: one block without loops, in which nothing goes through memory, and each output is set once.
    ``is_gradient``: the outputs after the first are its derivatives.
    What is kept in ``rolling`` is asked for again soon, before so many others are kept there: place k is
    k modulo ``rolling``, a power of two.
    ``watched`` counts the last outputs, which are watched and never differentiated.
    ``rows`` says of registers that several instructions compute which row of the table they are, of which registers.
    """

    instructions: list[Instruction]
    blocks: list[Block]
    count: int
    width: int
    parameters: int
    kept: int
    rolling: int
    signals: int
    table: Sequence[float]
    customs: dict[str, Operation]
    labels: dict[int, str] = field(default_factory=dict)
    leaves: dict[str, list[str]] = field(default_factory=dict)
    flat: bool = False
    watched: int = 0
    rows: Mapping[int, tuple[Operation, tuple[int, ...]]] = field(default_factory=dict)
    is_gradient: bool = False

    @cached_property
    def results(self) -> list[int]:
        """The registers of the outputs of straight code."""
        given = (self.instructions[item] for item in self.blocks[0] if isinstance(item, int))
        places = {operands[0].start: operands[1] for name, operands in given if name == 'output'}
        return [places[number] for number in range(self.count)]

    def __str__(self) -> str:
        lines = enumerate(self.instructions)
        return '\n'.join(f'{register}: {name} {" ".join(map(str, operands))}' for register, (name, operands) in lines)

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers of a row are in each memory."""
        return {'kept': self.kept, 'rolling': self.rolling, 'signals': self.signals}

    @property
    def memory(self) -> int:
        """How many numbers of a row are in memory at most, but for loops of which nobody knows how often they turn."""
        inner = [operands[0] for name, operands in self.instructions if name in ('while', 'back')]
        turns: int = sum(thing.states * (thing.bound or 0) for thing in inner if getattr(thing, 'keeps', False))
        back: int = max((thing.body.memory for thing in inner if not hasattr(thing, 'keeps')), default=0)
        return sum(self.sizes.values()) + turns + back

    def used(self) -> list[str]:
        """Return the names of the functions that are called, each once, in order."""
        known = functions() | {'pow'}
        names = [name for name, _ in self.instructions if name in known]
        inside = [name for thing in dict.fromkeys(self.inner) for routine in thing.routines
                  for name in routine.used()]  # fmt: skip
        return list(dict.fromkeys(names + inside))

    @property
    def inner(self) -> list[Any]:
        """What there is of loops whose count depends on the numbers; see ``while_loops``."""
        return [operands[0] for name, operands in self.instructions if name in ('while', 'back')]

    @property
    def kept_turns(self) -> bool:
        """Whether one of them keeps the states of its turns, for the way back."""
        return any(hasattr(thing, 'signals') for thing in self.inner)

    @cached_property
    def carries(self) -> list[Carry]:
        """What all loops carry."""
        return [carry for block in self.blocks for carry in _carries(block)]

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
                if branch := self.branches.get(item):
                    for one in branch.yes, branch.no, branch.joined:
                        count.update(self.count_uses([*one]))
        return count

    @cached_property
    def left(self) -> set[int]:
        """The registers that are set in a loop, or on a side of a branch, and used after it.

        Where a condition is used what it is made of is: the languages with infix operators write it there.
        """
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
                    if branch := self.branches.get(item):
                        inside = (*path, id(branch))
                        for _, side in branch.sides:
                            visit(side, inside)
                        for select in branch.joined:
                            used.extend((operand, inside) for operand in self.operands(select))
                            home[select] = inside

        for block in self.blocks:
            visit(block, ())
        for register, path in used:
            if self.instructions[register].name in CONDITIONS:
                used.extend((operand, path) for operand in self.operands(register))
        homes = ((register, home.get(register, ()), path) for register, path in used)
        return {register for register, at, path in homes if at != path[: len(at)]}

    def operands(self, register: int) -> list[int]:
        """Return the registers that an instruction reads."""
        name, operands = self.instructions[register]
        return [] if name in LEAVES else [o for o in operands if isinstance(o, int)]

    @cached_property
    def branches(self) -> dict[int, Branch]:
        """The instructions that are branches."""
        given = enumerate(self.instructions)
        return {register: operands[1] for register, (name, operands) in given if name == 'branch'}

    @property
    def reads_parameters(self) -> bool:
        return any(name == 'parameter' for name, _ in self.instructions)

    def pruned(self) -> Routine:
        """Return it without instructions whose results nothing asks for."""
        after = {carry.register: (carry.start, carry.after) for carry in self.carries}
        todo = [register for register, (name, _) in enumerate(self.instructions) if name in MEMORY and name != 'load']
        live = set(todo)
        while todo:
            register = todo.pop()
            new = {*self.operands(register), *after.get(register, ())} - live
            live |= new
            todo += new

        def block(items: Block) -> Block:
            kept = (item for item in items if isinstance(item, Loop) or item in live)
            return [loop(item) if isinstance(item, Loop) else item for item in kept]

        def loop(old: Loop) -> Loop:
            carries = [carry for carry in old.carries if carry.register in live]
            return Loop(old.count, old.backwards, [*map(block, old.blocks)], carries)

        return replace(self, blocks=[*map(block, self.blocks)])

    @property
    def adds(self) -> bool:
        """Whether something is added to an output, rather than it being set."""
        return any(name == 'add_to' and operands[0] == 'outputs' for name, operands in self.instructions)

    def is_zero(self, register: int) -> bool:
        return repr(self.instructions[register]) == "Instruction(name='number', operands=(0.0,))"


class Copier:
    """Appends instructions to those of a routine, and copies bodies into registers of their own."""

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self.instructions = [*instructions]

    def new(self, name: str, *operands: object) -> int:
        self.instructions.append(Instruction(name, operands))
        return len(self.instructions) - 1

    def copy(self, block: Block, change: Callable[[Instruction], Instruction | None], names: dict[int, int]) -> Block:
        """Copy a block, each instruction as it is changed, or not at all; ``names`` are the new registers of old."""
        result: Block = []
        for item in block:
            if isinstance(item, Loop):
                result.append(self.copy_loop(item, [names.get(c.start, c.start) for c in item.carries], change, names))
            elif changed := change(self.instructions[item]):
                name, operands = changed
                renamed = (names.get(o, o) if isinstance(o, int) else o for o in operands)
                names[item] = self.new(name, *(operands if name == 'number' else renamed))
                result.append(names[item])
        return result

    def copy_loop(
        self, loop: Loop, starts: Sequence[int], change: Callable[[Instruction], Instruction | None],
        names: dict[int, int],
    ) -> Loop:  # fmt: skip
        """Copy a loop, whose carries have other starts."""
        for carry in loop.carries:
            names[carry.register] = self.new('carry')
        blocks = [self.copy(block, change, names) for block in loop.blocks]
        ends = ((names[carry.register], names.get(carry.after, carry.after)) for carry in loop.carries)
        carries = [Carry(register, start, after) for start, (register, after) in zip(starts, ends)]
        return Loop(loop.count, loop.backwards, blocks, carries)


def registers(blocks: Iterable[Block]) -> Iterator[int]:
    """Run through all that blocks set, and the loops in them."""
    for item in chain.from_iterable(blocks):
        if isinstance(item, Loop):
            yield from (carry.register for carry in item.carries)
            yield from registers(item.blocks)
        else:
            yield item


def _carries(block: Block) -> Iterator[Carry]:
    for item in block:
        if isinstance(item, Loop):
            yield from item.carries
            for inner in item.blocks:
                yield from _carries(inner)
