"""Forward mode on a finished routine: how much all that it computes moves when its parameters move.

Each instruction is followed by those of its derivative along one direction: a carry gets a carry, a number in
memory its neighbour. So it takes the same loops, however often they turn, and no longer to make for more turns.
Of a value this is its derivative along the direction, of a value with its gradient the Hessian times the
direction, too (Pearlmutter 1994); and the result is a routine like any other, of which one may do it again.

>>> from ...engine.value import Value
>>> from .sweeps import routine
>>> from .tape import tape
>>> x = Value(3.0)
>>> cube = routine(tape([x * x * x], [], [x], loops=False), gradient=True)
>>> moved = tangent(cube)
>>> cube.count, cube.parameters, moved.count, moved.parameters
(2, 1, 4, 2)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...engine.table import Operation, operations
from .instructions import COMPARISONS, LEAVES, Instruction
from .lowering import Lowering, Place
from .nests import Affine
from .routine import MEMORY, Block, Carry, Loop, Routine
from .signals import Term, close, partials, plus, sent

__all__ = ['tangent']

#: What does not move, whatever the parameters do.
STILL = {'row', 'number', 'table', 'both', 'either', *COMPARISONS}


def tangent(routine: Routine) -> Routine:
    """Return the routine whose outputs are those of another one and, behind them, how much each of them moves.

    The direction's numbers follow the parameters. It takes O(instructions). Raises TypeError for a user's own
    operation whose partials only numbers can compute: nobody knows theirs.
    """
    return _Tangent(routine).made()


class _Tangent(Lowering):
    def __init__(self, routine: Routine) -> None:
        super().__init__()
        self.old = routine
        self.customs = dict(routine.customs)
        self.block: Block = []
        self.here: dict[tuple[Any, ...], Place] = {}
        #: The new register of each old one, and of those that move the register that says how much.
        self.register: dict[int, Place] = {}
        self.moves: dict[int, Place] = {}
        self.active = self.find_active()

    def made(self) -> Routine:
        old = self.old
        blocks = [self.body(block) for block in old.blocks]
        labels: dict[int, str] = {
            self.register[register]: label for register, label in old.labels.items() if register in self.register
        }
        leaves = {**old.leaves, 'parameter': [*old.leaves.get('parameter', []), *[''] * old.parameters]}
        return replace(
            old, instructions=self.instructions, blocks=blocks, count=2 * old.count, parameters=2 * old.parameters,
            kept=2 * old.kept, rolling=2 * old.rolling, signals=2 * old.signals, customs=self.customs, labels=labels,
            leaves=leaves,
        )  # fmt: skip

    def find_active(self) -> set[int | str]:
        """Find the registers and the memories that a parameter is behind: until there are no more of them."""
        active: set[int | str] = set()
        carries = [carry for block in self.old.blocks for carry in _carries(block)]
        before = -1
        while len(active) > before:
            before = len(active)
            for register, (name, operands) in enumerate(self.old.instructions):
                if name == 'parameter' or (name == 'load' and operands[0] in active):
                    active.add(register)
                elif name in ('store', 'add_to'):
                    if not active.isdisjoint(self.old.operands(register)):
                        active.add(operands[0])
                elif name not in STILL and name not in MEMORY and not active.isdisjoint(self.old.operands(register)):
                    active.add(register)
            active.update(carry.register for carry in carries if not active.isdisjoint((carry.start, carry.after)))
        return active

    # Instructions, made once in each body.
    def put(self, name: str, *operands: Any) -> Place:
        register = Place(len(self.instructions))
        self.instructions.append(Instruction(name, operands))
        if name != 'carry':
            self.block.append(register)
        return register

    def make(self, name: str, *operands: Any) -> Place:
        if name == 'number':
            return super().make(name, *operands)
        key = name, operands
        if key not in self.here:
            self.here[key] = self.put(name, *operands)
        return self.here[key]

    def body(self, block: Block) -> Block:
        outer, outer_here = self.block, self.here
        self.block, self.here = [], {}
        for item in block:
            if isinstance(item, Loop):
                self.block.append(self.loop(item))
            else:
                self.instruction(item)
        result, self.block, self.here = self.block, outer, outer_here
        return result

    def loop(self, loop: Loop) -> Loop:
        for carry in loop.carries:
            self.register[carry.register] = self.put('carry')
            if carry.register in self.active:
                self.moves[carry.register] = self.put('carry')
        new = Loop(loop.count, loop.backwards, [self.body(block) for block in loop.blocks])
        for carry in loop.carries:
            new.carries.append(Carry(self.register[carry.register], self.of(carry.start), self.of(carry.after)))
            if carry.register in self.active:
                new.carries.append(Carry(self.moves[carry.register], self.move(carry.start), self.move(carry.after)))
        return new

    def of(self, register: int) -> Place:
        name, operands = self.old.instructions[register]
        return self.number(*operands) if name == 'number' else self.register[register]

    def move(self, register: int) -> Place:
        return self.moves.get(register, self.number(0.0))

    def instruction(self, register: int) -> None:
        name, operands = self.old.instructions[register]
        if name in LEAVES or name == 'table':
            self.register[register] = self.make(name, *operands)
            if name == 'parameter':
                self.moves[register] = self.make(name, operands[0].moved(self.old.parameters))
        elif name == 'load':
            memory, place = operands
            self.register[register] = self.put(name, memory, _twice(place))
            if memory in self.active:
                self.moves[register] = self.put(name, memory, _twice(place, 1))
        elif name == 'store':
            memory, place, given = operands
            self.put(name, memory, _twice(place), self.of(given))
            if memory in self.active:
                self.put(name, memory, _twice(place, 1), self.move(given))
        elif name == 'output':
            place, given = operands
            self.put(name, place, self.of(given))
            self.put(name, place.moved(self.old.count), self.move(given))
        elif name == 'add_to':
            self.add_to(*operands)
        else:
            self.compute(register, name, operands)

    def add_to(self, memory: str, place: Affine, *given: int) -> None:
        one, two = _twice(place), _twice(place, 1)
        if memory == 'outputs':
            one, two = place, place.moved(self.old.count)
        factors = [*map(self.of, given)]
        self.put('add_to', memory, one, *factors)
        others = reversed(factors) if len(given) == 2 else [1]
        terms = [Term(self.moves[o], factor) for o, factor in zip(given, others) if o in self.moves]
        if terms:
            self.put('add_to', memory, two, self.added(terms))

    def compute(self, register: int, name: str, operands: tuple[int, ...]) -> None:
        given = [*map(self.of, operands)]
        y = self.register[register] = self.make(name, *given)
        if name in STILL or register not in self.active:
            return
        if name == 'select':
            condition, a, b = given[0], self.move(operands[1]), self.move(operands[2])
            self.moves[register] = a if a == b else self.make(name, condition, a, b)
            return
        op = self.operation(name)
        moved = [operand in self.moves for operand in operands]
        terms = (
            sent(self, self.moves[operands[k]], partial, frozenset())
            for k, partial in partials(self, op, given, y, moved)
        )
        found = [term for term in terms if term is not None]
        if found:
            self.moves[register] = self.added(found)

    def operation(self, name: str) -> Operation:
        """Return the operation that an instruction is."""
        op = self.old.customs.get(name) or operations['dot' if name == 'madd' else name]
        if not op.has_partials:
            raise TypeError(f'custom operation {op.name}: only numbers can compute it, so its own partials are unknown')
        return op

    def added(self, terms: Sequence[Term]) -> Place:
        """Add up moves times partials; what passed a gate that is closed is 0."""
        total = None
        for term in terms:
            if term.gates:
                term = Term(close(self, plus(self, None, term), term.gates))
            total = plus(self, total, term)
        assert total is not None
        return total


def _twice(place: Affine, more: int = 0) -> Affine:
    """Return where a number in memory is, or what says how it moves, beside it."""
    return place._replace(start=2 * place.start + more, steps=tuple(2 * step for step in place.steps))


def _carries(block: Block) -> Iterator[Carry]:
    for item in block:
        if isinstance(item, Loop):
            yield from item.carries
            for inner in item.blocks:
                yield from _carries(inner)
