"""Powers with a known exponent as products, quotients and roots, which are many times quicker.

=========== ====================== =========================
exponent    becomes                off the truth, at most
=========== ====================== =========================
0, 1        1, a                   0
2, 3        a * a, a * a * a       0.5 and 1.5 ulps
-1, -2      1 / a, 1 / a / a       0.5 and 1.5 ulps
0.5, -0.5   root, 1 / root         0.5 and 1.5 ulps
=========== ====================== =========================

The slope of a square that is half an error comes as two equal halves, 0.5 * a + 0.5 * a: that is a.

Each has the edges of ``pow``: 1 / a / a does not overflow where 1 / (a * a) would, and the root is that
of an infinity where a is -inf, and never -0.0. No other exponent is written out: a product of more
factors, times the exponent in a derivative, would be off by more than the table allows; and 1 / 3 as a
float is not a third, so that a cube root would be 58 ulps off its power at 1e300.

Python's ``a ** 2.0`` is now and then (8 times in 10,000) an ulp off ``a * a``. So the Python printer,
which has the bits of the recording, keeps powers; the others print this.

>>> from ...engine.value import Value
>>> from .sweeps import lower
>>> x = Value(3.0)
>>> print(without_powers(lower([x ** 3 + x], [x], [])))
0: row 0
1: number 3.0
2: mul 0 0
3: mul 2 0
4: add 3 0
5: output 0 4
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf

from .instructions import LEAVES, Place
from .lowering import Emitter, Lowering
from .routine import Block, Carry, Loop, Routine

__all__ = ['without_powers']


def _root(g: Lowering, a: Place) -> Place:
    root: Place = g.sqrt(g.choose(g.eq(a, -inf), lambda: g.number(inf), lambda: a))
    return g.place(g.abs(root))  # the root of -0.0 is -0.0


WRITTEN_OUT: dict[float, Callable[[Lowering, Place], Place]] = {
    0.0: lambda g, a: g.number(1.0),
    1.0: lambda g, a: a,
    2.0: lambda g, a: g.mul(a, a),
    3.0: lambda g, a: g.mul(g.mul(a, a), a),
    -1.0: lambda g, a: g.div(1.0, a),
    -2.0: lambda g, a: g.div(g.div(1.0, a), a),
    0.5: _root,
    -0.5: lambda g, a: g.div(1.0, _root(g, a)),
}


def without_powers(routine: Routine) -> Routine:
    """Return a routine whose powers with such exponents are written out; the same one if it has none. O(instructions).

    Its results are within the table's ulps of the old ones, and the same at zeros, infinities and nan.
    """
    found = routine.inner or any(_recipe(routine, register) for register in range(len(routine.instructions)))
    return _Rewriting(routine).made() if found else routine


def _halves(g: Lowering, a: Place) -> Place:
    return g.make('sum', a)  # added to 0, as a sum of products is: never -0.0


def _recipe(routine: Routine, register: int) -> tuple[Callable[[Lowering, Place], Place], int] | None:
    """Return how an instruction is written out, and of what; None if it is no such power, nor the slope of one."""
    name, operands = routine.instructions[register]

    how, of = None, operands
    if name == 'pow' and routine.instructions[operands[1]].name == 'number':
        how = WRITTEN_OUT.get(routine.instructions[operands[1]].operands[0])
    elif name == 'dot' and len(operands) == 5 and operands[0] == operands[1] and operands[2] == operands[3]:
        half = routine.instructions[operands[0]] == ('number', (0.5,))
        how, of = _halves if half and routine.is_zero(operands[4]) else None, operands[2:]
    return (how, of[0]) if how else None


class _Rewriting:
    """Copies instructions in their order; what is made beside them stays in the block of the power."""

    def __init__(self, old: Routine) -> None:
        self.old, self.g = old, Lowering(Emitter())
        #: The new register of each old one, and the new registers that stand in its place in a block.
        self.register: dict[int, Place] = {}
        self.instead: dict[int, Block] = {}

    def made(self) -> Routine:
        g = self.g
        for register, (name, operands) in enumerate(self.old.instructions):
            recipe = _recipe(self.old, register)
            if name in ('while', 'back'):
                operands = (operands[0].mapped(without_powers), *operands[1:])
            if name not in LEAVES:
                operands = tuple(self.register[o] if isinstance(o, int) else o for o in operands)
            g.emitter.enter()
            make = g.number if name == 'number' else partial(g.put, name)
            self.register[register] = recipe[0](g, self.register[recipe[1]]) if recipe else make(*operands)
            self.instead[register] = g.emitter.leave()
        labels: dict[int, str] = {self.register[register]: label for register, label in self.old.labels.items()}
        blocks = [self.block(block) for block in self.old.blocks]
        return replace(self.old, instructions=g.instructions, blocks=blocks, labels=labels)

    def block(self, block: Block) -> Block:
        result: Block = []
        for item in block:
            if isinstance(item, Loop):
                carries = [
                    Carry(*(self.register[r] for r in (carry.register, carry.start, carry.after)))
                    for carry in item.carries
                ]
                result.append(Loop(item.count, item.backwards, [*map(self.block, item.blocks)], carries))
            else:
                result += self.instead[item]
        return result
