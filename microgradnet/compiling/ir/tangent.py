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
from .instructions import COMPARISONS, LEAVES, Place
from .lowering import Emitter, Lowering
from .nests import Affine
from .routine import MEMORY, Block, Carry, Loop, Routine
from .signals import Term, close, gate, mask, partials, plus, sent, unmasked
from .while_loops import Back, Item, While, item_at, renumbered

__all__ = ['tangent']

#: What does not move, whatever the parameters do.
STILL = {'row', 'number', 'table', 'both', 'either', *COMPARISONS}


def tangent(
    routine: Routine, by: int | None = None, only: bool = False, careful: bool = False, stops: bool = False
) -> Routine:
    """Return the routine whose outputs are those of another one and, behind them, how much each of them moves.

    by: how many of the parameters move, the first ones; by default all. The direction's numbers follow the parameters.
    only: leave out the outputs themselves; what is watched stays, and never moves.
    careful: a number of the direction that is 0 is no motion, and what does not move is not multiplied: an
        infinite partial beside it gives no nan. It takes longer, and half as much memory again.
    stops: make it for another tangent, see ``sweeps.routine``.

    It takes O(instructions). Raises TypeError for a user's own
    operation whose partials only numbers can compute: nobody knows theirs.
    """
    return _Tangent(routine, routine.parameters if by is None else by, only, careful, stops).made()


class _Tangent:
    """Writes it; ``inside`` of a loop whose count depends on the numbers masks, if any, come in and go out as numbers.

    The parameters are then the old ones, how much they move, and the masks, and so are the outputs.
    """

    def __init__(
        self, routine: Routine, by: int, only: bool, careful: bool, stops: bool, inside: bool = False
    ) -> None:
        self.old, self.by, self.only, self.careful = routine, by, only, careful
        self.given = careful and inside
        self.g = Lowering(Emitter())
        self.g.stops = stops
        self.g.customs = dict(routine.customs)
        #: The new register of each old one; of those that move the register that says how much, and, if one is
        #: to be careful, the one that is 0 where they do not.
        self.register: dict[int, Place] = {}
        self.moves: dict[int, Place] = {}
        self.masks: dict[int, Place] = {}
        self.times = 4 if careful else 2  # powers of two, as ``rolling`` is one
        self.outputs = routine.count - routine.watched
        #: Of what has loops inside, the sizes of the groups of its results: each has its moves behind it, and masks.
        self.groups: dict[int, tuple[int, ...]] = {}
        self.parts = 3 if careful else 2
        self.active = self.find_active()

    def made(self) -> Routine:
        old, times, g = self.old, self.times, self.g
        blocks = [self.body(block) for block in old.blocks]
        labels: dict[int, str] = {
            self.register[register]: label for register, label in old.labels.items() if register in self.register
        }
        more = self.by * (1 + self.given)
        leaves = {**old.leaves, 'parameter': [*old.leaves.get('parameter', []), *[''] * more]}
        return replace(
            old, instructions=g.instructions, blocks=blocks,
            count=old.count + self.outputs * (not self.only) + self.outputs * self.given,
            parameters=old.parameters + more, kept=times * old.kept, rolling=times * old.rolling,
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
                if self.given:
                    self.masks[register] = self.g.make(name, operands[0].moved(2 * self.old.parameters))
                elif self.careful:
                    self.masks[register] = mask(self.g, [frozenset([gate(self.g, v)])])
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
        if self.given:
            self.g.put('output', place.moved(2 * self.outputs), self.mask(given))

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
        """A loop of two or three times the state, as much from outside, and the same condition."""
        if register not in self.active and not loop.keeps:
            self.register[register] = self.g.inner('while', loop, *map(self.of, operands))
            return
        n, m = loop.states, loop.outside
        parameters, count = self.grouped(n, m), self.parts * (n + m)
        condition = renumbered(loop.condition, parameters[: n + m], count)
        body = renumbered(self.inside(loop.body), parameters, count)
        new = While(condition, body, None, self.parts * n, loop.limit, loop.line, loop.keeps, loop.bound)
        self.register[register] = self.g.inner('while', new, *self.moving(operands[:n]), *self.moving(operands[n:]))
        self.groups[register] = (n,)

    def back(self, register: int, back: Back, loop: int, *operands: int) -> None:
        """The way back through such a loop, with as many times the signals and sums."""
        n, m, a, b = back.states, back.outside, back.signals, back.sums
        body = renumbered(
            self.inside(back.body), self.grouped(n, m, a), self.parts * (n + m + a), self.grouped(a, b)
        )  # fmt: skip
        new = Back(body, self.parts * n, self.parts * a, self.parts * b)
        given = *self.moving(operands[:a]), *self.moving(operands[a:])
        self.register[register] = self.g.inner('back', new, self.register[loop], *given)
        self.groups[register] = a, b

    def inside(self, body: Routine) -> Routine:
        return _Tangent(body, body.parameters, False, self.careful, self.g.stops, inside=True).made()

    def grouped(self, *sizes: int) -> list[int]:
        """Return where the numbers of groups go if behind each group there are its moves, and its masks."""
        starts = [self.parts * sum(sizes[:k]) for k in range(len(sizes))]
        return [start + part * size + k for part in range(self.parts) for start, size in zip(starts, sizes)
                for k in range(size)]  # fmt: skip

    def moving(self, registers: Sequence[int]) -> list[Place]:
        """Return registers, how much they move, and the masks."""
        ways = [self.of, self.move, self.mask][: self.parts]
        return [way(register) for way in ways for register in registers]

    def item(self, register: int, source: int, place: Item) -> None:
        sizes = self.groups.get(source)
        if sizes is None:
            self.register[register] = self.g.make('item', self.register[source], place)
            return
        here = self.grouped(*sizes)[place.place :: sum(sizes)]
        found = [self.g.make('item', self.register[source], item_at(k)) for k in here]
        self.register[register], self.moves[register] = found[:2]
        if self.careful:
            self.masks[register] = found[2]

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
            moved = self.masks[register] if self.careful else None
            if moved is not None:
                bare = frozenset(gate.bare for gate in term.gates)
                moving = plus(self.g, moving, Term(close(self.g, moved, bare)))
                if isinstance(term.partial, Place) or bare != term.gates:
                    term = term._replace(gates=term.gates | unmasked(self.g, moved))
            if term.gates:
                term = Term(close(self.g, plus(self.g, None, term), term.gates))
            total = plus(self.g, total, term)
        assert total is not None
        return total, moving
