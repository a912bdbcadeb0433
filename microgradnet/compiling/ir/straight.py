"""Straight code: a tape as a routine of one block, both sweeps in it, the second on the registers of the first.

>>> from ...engine.value import Value
>>> from .tape import tape
>>> x, w = Value(3.0), Value(2.0)
>>> print(straight(tape([w * x], [x], [w], loops=False), gradient=True))
0: parameter 0
1: row 0
2: mul 0 1
3: number 1.0
4: output 0 2
5: output 1 1
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .instructions import Instruction, Place
from .lowering import Lowering
from .nests import Affine
from .routine import Routine
from .signals import NEVER, OPEN, Term, arrived, close, dot_product, mask, partials, seed, sent, unmasked
from .tape import ASIDE, NUMBER, OUTPUT, PARAMETER, ROW, Tape
from .while_loops import Back, Item, While, item_at

__all__ = ['active_places', 'straight']


def straight(
    tape: Tape, gradient: bool = False, seeds: bool = False, traced: bool = False, stops: bool = False,
    asks: bool = False,
) -> Routine:  # fmt: skip
    """Write a tape as straight code; with the gradient by all parameters: see ``sweeps.routine``.

    traced: the outputs are then followed by the number, and the signal that reaches it, of everything computed
        that has a label, in the order of ``tape.labelled``.
    asks: the output is a condition: that it is not 0.
    """
    writer = _Straight(tape, tape.outputs + tape.parameters * gradient, stops)
    writer.forwards()
    g, outputs, labelled = writer.g, writer.outputs, tape.labelled if traced else []
    if gradient:
        active = {place for shape, (place, *_) in tape.items if tape.shapes[shape].active}
        if seeds:
            ways = [seed(g, g.make('parameter', Affine(tape.parameters + k))) for k in range(tape.outputs)]
        else:
            ways = [Term(g.number(1.0))] * tape.outputs
        arriving = writer.backwards(dict(enumerate(ways)), active, range(PARAMETER, ROW), {*labelled})
        for k in range(tape.parameters):
            terms = arriving.get(PARAMETER + k, [])
            outputs[tape.outputs + k] = close(g, *arrived(g, terms, dot_product)) if terms else g.number(0.0)
    for place in labelled:
        outputs[len(outputs)] = writer.registers[place]
        outputs[len(outputs)] = writer.reached[place] if place in writer.reached else g.number(0.0)
    if asks:
        holds = g.condition(outputs[0])
        outputs[0] = g.make('ne', outputs[0], g.number(0.0)) if isinstance(holds, bool) else holds
        return writer.routine().pruned()
    return writer.routine(tape.outputs * seeds, gradient and not (traced or seeds or tape.watched))


class _Straight:
    """Writes both sweeps, operation after operation; what is only watched comes behind so many outputs."""

    def __init__(self, tape: Tape, count: int = 0, stops: bool = False) -> None:
        self.tape, self.g, self.watched = tape, Lowering(), count - ASIDE
        self.g.stops = stops
        self.registers: dict[int, Place] = {}  # by what stands for it on the tape
        self.labels: dict[int, str] = {}
        self.outputs: dict[int, Place] = {}
        #: The signals that reach what is traced.
        self.reached: dict[int, Place] = {}

    def operand(self, number: int) -> Place:
        if number >= NUMBER:
            return self.g.number(self.tape.numbers[number - NUMBER])
        register = self.registers.get(number)
        if register is None:
            way, base = ('row', ROW) if number >= ROW else ('parameter', PARAMETER)
            register = self.registers[number] = self.g.make(way, Affine(number - base))
        return register

    def forwards(self) -> None:
        tape = self.tape
        for shape, (place, *numbers) in tape.items:
            kind = tape.shapes[shape]
            operands = [*map(self.operand, numbers[: kind.operands])]
            result = self.registers[place] = self.g.apply(kind.operation, operands)
            if place in tape.labels:
                self.labels.setdefault(result, tape.labels[place])
            ends = [number - OUTPUT for number in numbers[kind.operands :]]
            self.outputs |= {number + self.watched * (number >= ASIDE): result for number in ends}

    def backwards(
        self, seeds: Mapping[int, Term], active: Collection[int], moving: Collection[int],
        traced: Collection[int] = (),
    ) -> dict[int, list[Term]]:  # fmt: skip
        """Send the signals of outputs back; return what arrives at the parameters.

        active: the places of the tape that signals go through; moving: the parameters that they go to;
        traced: the places where it is noted what arrives.
        """
        tape, g = self.tape, self.g
        arriving: dict[int, list[Term]] = {}
        items: dict[int, dict[int, list[Term]]] = {}
        for shape, (place, *numbers) in reversed(tape.items):
            kind = tape.shapes[shape]
            op, sources = kind.operation, numbers[: kind.operands]
            given = (number - OUTPUT for number in numbers[kind.operands :])
            terms = [seeds[number] for number in given if number in seeds] + arriving.pop(place, [])
            if place not in active or not (terms or place in items):
                continue
            on = [source in active or source in moving for source in sources]
            if place in traced:
                self.reached[place] = close(g, *arrived(g, terms, dot_product))
            if isinstance(op, Item):
                items.setdefault(sources[0], {})[op.place] = terms
            elif isinstance(op, While):
                for k, term in self.through(op, self.registers[place], items.pop(place), sources, on):
                    arriving.setdefault(sources[k], []).append(term)
            else:
                signal, gates = arrived(g, terms, dot_product)
                for k, partial in partials(g, op, [*map(self.operand, sources)], self.registers[place], on):
                    one = sent(g, signal, partial, gates)
                    if one is not None:
                        arriving.setdefault(sources[k], []).append(one)
        return arriving

    def through(
        self, loop: While, register: Place, items: Mapping[int, list[Term]], sources: Sequence[int], on: list[bool]
    ) -> list[tuple[int, Term]]:
        """Send what has arrived at a loop's results back through its turns."""
        assert loop.tape is not None
        g, states = self.g, loop.states
        asked, on = on, _reached(loop.tape, on, states)
        moving = [k for k in range(states) if on[k]]
        if not any(k in items for k in moving):
            return []
        ends = [arrived(g, items[k], dot_product) if k in items else (g.number(0.0), NEVER) for k in moving]
        used = {number for _, numbers in loop.tape.items for number in numbers}  # the condition sends no signals
        outside = [k for k in range(states, len(on)) if on[k] and PARAMETER + k in used]
        back, masked = _reversed(loop, moving, outside, [gates == OPEN for _, gates in ends])
        signals = [close(g, *end) for end in ends] + [mask(g, [ends[place][1]]) for place in masked]
        operands = [*map(self.operand, sources)]
        g.instructions[register] = Instruction('while', (loop.kept(), *operands))
        result = g.inner('back', back, register, *signals, *operands[states:])

        def item(place: int) -> Place:
            return g.make('item', result, item_at(place))

        found = []
        for place, k in enumerate(moving):
            if asked[k]:
                gates = unmasked(g, item(len(moving) + masked.index(place))) if place in masked else OPEN
                found.append((k, Term(item(place), 1, gates)))
        for place, k in enumerate(outside, len(signals)):  # there may have been no turn
            found.append((k, Term(item(place), 1, unmasked(g, item(place + len(outside))))))
        return found

    def routine(self, more: int = 0, is_gradient: bool = False) -> Routine:
        """Return what was written; so many parameters are more than the tape's."""
        g, tape = self.g, self.tape
        for number, register in sorted(self.outputs.items()):
            g.put('output', Affine(number), register)
        leaves = {kind: [tape.labels.get(base + k, '') for k in range(count)] for kind, base, count in (
            ('row', ROW, tape.width), ('parameter', PARAMETER, tape.parameters), ('outside', ROW + ASIDE, tape.outside)
        )}  # fmt: skip
        leaves['parameter'] += [''] * more
        return Routine(
            g.instructions, [g.emitter.block], len(self.outputs), tape.width, len(leaves['parameter']), 0, 0, 0, [],
            g.customs, self.labels, leaves, True, tape.watched, dict(g.rows), is_gradient,
        )  # fmt: skip


def _reached(body: Tape, on: Sequence[bool], states: int) -> list[bool]:
    """Return which of a loop's state and of what is outside signals go to: what a turn makes of it included."""
    on = [*on]
    while True:
        active = active_places(body, on)
        made = {n - OUTPUT for shape, (place, *numbers) in body.items if place in active
                for n in numbers[body.shapes[shape].operands :]}  # fmt: skip
        new = [now or (k < states and k in made) for k, now in enumerate(on)]
        if new == on:
            return on
        on = new


def active_places(body: Tape, on: Sequence[bool]) -> set[int]:
    """Return the places of a body that depend on some of its parameters."""
    active: set[int] = set()
    for shape, (place, *numbers) in body.items:
        for number in numbers[: body.shapes[shape].operands]:
            if number in active or (PARAMETER <= number < ROW and on[number - PARAMETER]):
                active.add(place)
                break
    return active


def _reversed(
    loop: While, moving: list[int], outside: list[int], opened: list[bool]
) -> tuple[Back, list[int]]:
    """Return the way back through a loop, and the places of what is ``moving`` of its state that have masks.

    opened: to which of it a signal always comes after the last turn. The masks follow the signals, and the sums
    of masks the sums for what is outside.
    """
    tape = loop.tape
    assert tape is not None
    wanted = [PARAMETER + k for k in (*moving, *outside)]
    active = active_places(tape, [PARAMETER + k in wanted for k in range(tape.parameters)])
    while True:
        writer = _Straight(tape, stops=True)
        writer.forwards()
        g = writer.g
        masked = [place for place, is_open in enumerate(opened) if not is_open]
        given = [g.make('parameter', Affine(tape.parameters + k)) for k in range(len(moving) + len(masked))]
        gates = [OPEN] * len(moving)
        for place, one in zip(masked, given[len(moving) :]):
            gates[place] = unmasked(g, one)
        seeds = {k: Term(s, 1, passed) for k, s, passed in zip(moving, given, gates)}
        arriving = writer.backwards(seeds, active, wanted)
        ends = [arrived(g, arriving[n], dot_product) if n in arriving else (g.number(0.0), NEVER) for n in wanted]
        now = [is_open and gates == OPEN for is_open, (_, gates) in zip(opened, ends)]
        if now == opened:
            break
        opened = now
    signals, masks = [close(g, *end) for end in ends], [mask(g, [gates]) for _, gates in ends]
    count = len(moving)
    outputs = signals[:count] + [masks[place] for place in masked] + signals[count:] + masks[count:]
    writer.outputs = dict(enumerate(outputs))
    body = replace(writer.routine(len(given)).pruned(), labels={})
    return Back(body, loop.states, len(given), 2 * len(outside)), masked
