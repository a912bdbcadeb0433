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

from .instructions import Instruction
from .lowering import Lowering, Place
from .nests import Affine
from .routine import Block, Routine
from .signals import Term, arrived, close, dot_product, partials, seed, sent
from .tape import ASIDE, NUMBER, OUTPUT, PARAMETER, ROW, Tape

__all__ = ['straight']


def straight(
    tape: Tape, gradient: bool = False, seeds: bool = False, traced: bool = False, stops: bool = False
) -> Routine:
    """Write a tape as straight code; with the gradient by all parameters: see ``sweeps.routine``.

    traced: the outputs are then followed by the number, and the signal that reaches it, of everything computed
        that has a label, in the order of ``tape.labelled``.
    """
    g = Lowering()
    g.stops = stops
    registers: dict[int, Place] = {}  # by what stands for it on the tape
    labels: dict[int, str] = {}
    outputs: dict[int, Place] = {}
    watched = tape.outputs + tape.parameters * gradient - ASIDE

    def operand(number: int) -> Place:
        if number >= NUMBER:
            return g.number(tape.numbers[number - NUMBER])
        register = registers.get(number)
        if register is None:
            way, base = ('row', ROW) if number >= ROW else ('parameter', PARAMETER)
            register = registers[number] = g.make(way, Affine(number - base))
        return register

    for shape, (place, *numbers) in tape.items:
        kind = tape.shapes[shape]
        result = registers[place] = g.apply(kind.operation, [*map(operand, numbers[: kind.operands])])
        if place in tape.labels:
            labels.setdefault(result, tape.labels[place])
        ends = [number - OUTPUT for number in numbers[kind.operands :]]
        outputs |= {number + watched * (number >= ASIDE): result for number in ends}
    reached: dict[int, Place] = {}
    if gradient:
        arriving: dict[int, list[Term]] = {}
        active = {place for shape, (place, *_) in tape.items if tape.shapes[shape].active}
        for shape, (place, *numbers) in reversed(tape.items):
            kind = tape.shapes[shape]
            ends = [number - OUTPUT for number in numbers[kind.operands :] if number - OUTPUT < ASIDE]
            if seeds:
                seeded = [seed(g, g.make('parameter', Affine(tape.parameters + number))) for number in ends]
            else:
                seeded = [Term(g.number(1.0))] * bool(ends)
            terms = seeded + arriving.pop(place, [])
            if not kind.active or not terms:
                continue
            signal, gates = arrived(g, terms, dot_product)
            if traced and place in tape.labels:
                reached[place] = close(g, signal, gates)
            sources = numbers[: kind.operands]
            on = [source in active or PARAMETER <= source < ROW for source in sources]
            for k, partial in partials(g, kind.operation, [*map(operand, sources)], registers[place], on):
                term = sent(g, signal, partial, gates)
                if term is not None:
                    arriving.setdefault(sources[k], []).append(term)
        for k in range(tape.parameters):
            terms = arriving.get(PARAMETER + k, [])
            outputs[tape.outputs + k] = close(g, *arrived(g, terms, dot_product)) if terms else g.number(0.0)
    for place in tape.labelled if traced else ():
        outputs[len(outputs)] = registers[place]
        outputs[len(outputs)] = reached[place] if place in reached else g.number(0.0)
    for number, register in sorted(outputs.items()):
        g.instructions.append(Instruction('output', (Affine(number), register)))
    leaves = {kind: [tape.labels.get(base + k, '') for k in range(count)] for kind, base, count in (
        ('row', ROW, tape.width), ('parameter', PARAMETER, tape.parameters), ('outside', ROW + ASIDE, tape.outside)
    )}  # fmt: skip
    leaves['parameter'] += [''] * (tape.outputs * seeds)
    block: Block = [register for register, (name, _) in enumerate(g.instructions) if name != 'number']
    return Routine(
        g.instructions, [block], len(outputs), tape.width, len(leaves['parameter']), 0, 0, 0, [], g.customs, labels,
        leaves, True, tape.watched, dict(g.rows), gradient and not (traced or seeds or tape.watched),
    )  # fmt: skip
