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

from collections.abc import Sequence
from dataclasses import replace

from ...engine.table import Operation, operations
from .instructions import COMPARISONS, LEAVES
from .lowering import Emitter, Lowering, Place
from .nests import Affine
from .routine import MEMORY, Block, Carry, Loop, Routine
from .signals import Term, close, gate, partials, plus, sent
from .while_loops import Back, Item, While, item_at, renumbered

__all__ = ['tangent']

#: What does not move, whatever the parameters do.
STILL = {'row', 'number', 'table', 'both', 'either', *COMPARISONS}


def tangent(routine: Routine, by: int | None = None, only: bool = False, careful: bool = False) -> Routine:
    """Return the routine whose outputs are those of another one and, behind them, how much each of them moves.

    by: how many of the parameters move, the first ones; by default all. The direction's numbers follow the parameters.
    only: leave out the outputs themselves; what is watched stays, and never moves.
    careful: a number of the direction that is 0 is no motion, and what does not move is not multiplied: an
        infinite partial beside it gives no nan. It takes longer, and half as much memory again.

    It takes O(instructions). Raises TypeError for a user's own
    operation whose partials only numbers can compute: nobody knows theirs.
    """
    return _Tangent(routine, routine.parameters if by is None else by, only, careful).made()


class _Tangent:
    def __init__(self, routine: Routine, by: int, only: bool, careful: bool) -> None:
        self.old, self.by, self.only, self.careful = routine, by, only, careful
        self.g = Lowering(Emitter())
        self.g.customs = dict(routine.customs)
        #: The new register of each old one; of those that move the register that says how much, and, if one is
        #: to be careful, the one that is 0 where they do not.
        self.register: dict[int, Place] = {}
        self.moves: dict[int, Place] = {}
        self.masks: dict[int, Place] = {}
        self.times = 4 if careful else 2  # powers of two, as ``rolling`` is one
        self.outputs = routine.count - routine.watched
        #: Of loops whose state is doubled: where it is that says how much each of their results moves, and how
        #: many of these are signals, behind which there are the moves of those.
        self.doubled: dict[int, tuple[dict[int, int], int]] = {}
        self.active = self.find_active()

    def made(self) -> Routine:
        old, times, g = self.old, self.times, self.g
        blocks = [self.body(block) for block in old.blocks]
        labels: dict[int, str] = {
            self.register[register]: label for register, label in old.labels.items() if register in self.register
        }
        leaves = {**old.leaves, 'parameter': [*old.leaves.get('parameter', []), *[''] * self.by]}
        return replace(
            old, instructions=g.instructions, blocks=blocks, count=old.count + self.outputs * (not self.only),
            parameters=old.parameters + self.by, kept=times * old.kept, rolling=times * old.rolling,
            signals=times * old.signals, customs=g.customs, labels=labels, leaves=leaves, rows=g.rows,
        ).pruned()  # fmt: skip

    def find_active(self) -> set[int | str]:
        """Find the registers and the memories that a parameter is behind: until there are no more of them."""
        active: set[int | str] = set()
        before = -1
        while len(active) > before:
            before = len(active)
            for register, (name, operands) in enumerate(self.old.instructions):
                moves = name == 'parameter' and operands[0].start < self.by
                if moves or (name == 'load' and operands[0] in active):
                    active.add(register)
                elif name in ('store', 'add_to'):
                    if not active.isdisjoint(self.old.operands(register)):
                        active.add(operands[0])
                elif name not in STILL and name not in MEMORY and not active.isdisjoint(self.old.operands(register)):
                    active.add(register)
            active |= {c.register for c in self.old.carries if not active.isdisjoint((c.start, c.after))}
        return active

    def body(self, block: Block) -> Block:
        emitter = self.g.emitter
        emitter.enter()
        for item in block:
            if isinstance(item, Loop):
                emitter.block.append(self.loop(item))
            else:
                self.instruction(item)
        return emitter.leave()

    def loop(self, loop: Loop) -> Loop:
        for carry in loop.carries:
            self.register[carry.register] = self.g.put('carry')
            if carry.register in self.active:
                self.moves[carry.register] = self.g.put('carry')
                if self.careful:
                    self.masks[carry.register] = self.g.put('carry')
        new = Loop(loop.count, loop.backwards, [self.body(block) for block in loop.blocks])
        for carry in loop.carries:
            new.carries.append(Carry(self.register[carry.register], self.of(carry.start), self.of(carry.after)))
            if carry.register in self.active:
                new.carries.append(Carry(self.moves[carry.register], self.move(carry.start), self.move(carry.after)))
                if self.careful:
                    after = Carry(self.masks[carry.register], self.mask(carry.start), self.mask(carry.after))
                    new.carries.append(after)
        return new

    def of(self, register: int) -> Place:
        name, operands = self.old.instructions[register]
        return self.g.number(*operands) if name == 'number' else self.register[register]

    def move(self, register: int) -> Place:
        return self.moves.get(register, self.g.number(0.0))

    def mask(self, register: int) -> Place:
        return self.masks.get(register, self.g.number(0.0))

    def instruction(self, register: int) -> None:
        name, operands = self.old.instructions[register]
        if name in LEAVES or name == 'table':
            self.register[register] = self.g.make(name, *operands)
            if register in self.active:
                v = self.moves[register] = self.g.make(name, operands[0].moved(self.old.parameters))
                if self.careful:
                    self.masks[register] = close(self.g, self.g.number(1.0), frozenset([gate(self.g, v)]))
        elif name == 'load':
            memory, place = operands
            self.register[register] = self.g.put(name, memory, self.slot(place))
            if memory in self.active:
                self.moves[register] = self.g.put(name, memory, self.slot(place, 1))
                if self.careful:
                    self.masks[register] = self.g.put(name, memory, self.slot(place, 2))
        elif name == 'store':
            memory, place, given = operands
            self.g.put(name, memory, self.slot(place), self.of(given))
            if memory in self.active:
                self.g.put(name, memory, self.slot(place, 1), self.move(given))
                if self.careful:
                    self.g.put(name, memory, self.slot(place, 2), self.mask(given))
        elif name == 'output':
            self.output(*operands)
        elif name == 'add_to':
            self.add_to(*operands)
        elif name == 'while':
            self.while_loop(register, *operands)
        elif name == 'back':
            self.back(register, *operands)
        elif name == 'item':
            self.item(register, *operands)
        else:
            self.compute(register, name, operands)

    def output(self, place: Affine, given: int) -> None:
        if place.start >= self.outputs:
            self.g.put('output', place.moved(self.outputs * (not self.only)), self.of(given))
            return
        if not self.only:
            self.g.put('output', place, self.of(given))
        self.g.put('output', self.beside(place), self.move(given))

    def beside(self, place: Affine) -> Affine:
        """Return the place of the output that says how much another one moves."""
        return place if self.only else place.moved(self.outputs)

    def slot(self, place: Affine, which: int = 0) -> Affine:
        """Return where a number in memory is, or beside it what says how it moves, and whether."""
        steps = tuple(self.times * step for step in place.steps)
        return place._replace(start=self.times * place.start + which, steps=steps)

    def add_to(self, memory: str, place: Affine, *given: int) -> None:
        given_out = memory == 'outputs'
        factors = [*map(self.of, given)]
        if not (given_out and self.only):
            self.g.put('add_to', memory, place if given_out else self.slot(place), *factors)
        others = reversed(factors) if len(given) == 2 else [1]
        terms = [(o, Term(self.moves[o], factor)) for o, factor in zip(given, others) if o in self.moves]
        if terms:
            move, mask = self.added(terms)
            self.g.put('add_to', memory, self.beside(place) if given_out else self.slot(place, 1), move)
            if mask is not None and not given_out:
                self.g.put('add_to', memory, self.slot(place, 2), mask)

    def while_loop(self, register: int, loop: While, *operands: int) -> None:
        """A loop of twice the state, as much from outside, and the same condition."""
        if register not in self.active and not loop.keeps:
            self.register[register] = self.g.inner('while', loop, *map(self.of, operands))
            return
        n, m = loop.states, loop.outside
        places = [*range(n), *range(2 * n, 2 * n + m), *range(n, 2 * n), *range(2 * n + m, 2 * n + 2 * m)]
        condition = renumbered(loop.condition, places[: n + m], 2 * n + 2 * m)
        body = renumbered(tangent(loop.body, careful=self.careful), places, 2 * n + 2 * m)
        new = While(condition, body, None, 2 * n, loop.limit, loop.line, loop.keeps)
        state, outside = operands[:n], operands[n:]
        self.register[register] = self.g.inner('while', new, *self.paired(state), *self.paired(outside))
        self.doubled[register] = {k: n + k for k in range(n)}, n

    def back(self, register: int, back: Back, loop: int, *operands: int) -> None:
        """The way back through a loop of twice the state, with twice the signals and sums."""
        n, m, a, b = back.states, back.outside, back.signals, back.sums
        sizes = [(0, n), (2 * n, m), (2 * n + 2 * m, a)]
        places = [start + more * size + k for more in (0, 1) for start, size in sizes for k in range(size)]
        sizes = [(0, a), (2 * a, b)]
        outputs = [start + more * size + k for more in (0, 1) for start, size in sizes for k in range(size)]
        body = renumbered(tangent(back.body, careful=self.careful), places, 2 * (n + m + a), outputs)
        new = Back(body, 2 * n, 2 * a, 2 * b)
        signals, outside = operands[:a], operands[a:]
        self.register[register] = self.g.inner(
            'back', new, self.register[loop], *self.paired(signals), *self.paired(outside)
        )
        self.doubled[register] = {k: a + k for k in range(a)} | {a + k: 2 * a + b + k for k in range(b)}, a

    def paired(self, registers: Sequence[int]) -> list[Place]:
        return [*map(self.of, registers), *map(self.move, registers)]

    def item(self, register: int, source: int, place: Item) -> None:
        if source not in self.doubled:
            self.register[register] = self.g.make('item', self.register[source], place)
            return
        moves, signals = self.doubled[source]
        here = place.place + (signals if place.place >= signals else 0)
        self.register[register] = self.g.make('item', self.register[source], item_at(here))
        move = self.moves[register] = self.g.make('item', self.register[source], item_at(moves[place.place]))
        if self.careful:
            self.masks[register] = close(self.g, self.g.number(1.0), frozenset([gate(self.g, move)]))

    def compute(self, register: int, name: str, operands: tuple[int, ...]) -> None:
        given = [*map(self.of, operands)]
        make = self.g.put if register in self.old.rows else self.g.make  # what looks like a row may be something else
        y = self.register[register] = make(name, *given)
        if name == 'came':
            for move in (self.moves[o] for o in operands if o in self.moves):
                y = self.register[register] = self.g.make('either', y, self.g.came(move, 0.0))
        if name in STILL or register not in self.active:
            return
        if name == 'select' and register not in self.old.rows:
            self.moves[register] = self.chosen(given[0], *map(self.move, operands[1:]))
            if self.careful:
                self.masks[register] = self.chosen(given[0], *map(self.mask, operands[1:]))
            return
        if register not in self.old.rows:
            op = self.operation(name)
        else:  # its instructions may have a kink where it has none
            op, operands = self.old.rows[register]
            given = [*map(self.of, operands)]
            self.g.rows.setdefault(y, (op, tuple(given)))
        moved = [operand in self.moves for operand in operands]
        terms = (
            (operands[k], sent(self.g, self.moves[operands[k]], partial, frozenset()))
            for k, partial in partials(self.g, op, given, y, moved)
        )
        found = [(operand, term) for operand, term in terms if term is not None]
        if found:
            self.moves[register], mask = self.added(found)
            if mask is not None:
                self.masks[register] = mask

    def chosen(self, condition: bool | Place, a: Place, b: Place) -> Place:
        return self.g.place(self.g.choose(condition, lambda: a, lambda: b))

    def operation(self, name: str) -> Operation:
        """Return the operation that an instruction is."""
        op = self.old.customs.get(name) or operations['dot' if name == 'madd' else name]
        if not op.has_partials:
            raise TypeError(f'custom operation {op.name}: only numbers can compute it, so its own partials are unknown')
        return op

    def added(self, terms: Sequence[tuple[int, Term]]) -> tuple[Place, Place | None]:
        """Add up moves of registers times partials, and the masks; what passed a gate that is closed is 0."""
        total = moving = None
        for register, term in terms:
            mask = self.masks[register] if self.careful else None
            if mask is not None:
                moving = plus(self.g, moving, Term(close(self.g, mask, term.gates)))
                if isinstance(term.partial, Place):
                    term = term._replace(gates=term.gates | {gate(self.g, mask)})
            if term.gates:
                term = Term(close(self.g, plus(self.g, None, term), term.gates))
            total = plus(self.g, total, term)
        assert total is not None
        return total, moving
