"""What fewer or quicker instructions compute as well: powers with a known exponent, and a number of two halves.

Such powers are products, quotients and roots:

=========== ====================== =========================
exponent    becomes                off the truth, at most
=========== ====================== =========================
0, 1        1, a                   0
2, 3        a * a, a * a * a       0.5 and 1.5 ulps
-1, -2      1 / a, 1 / a / a       0.5 and 1.5 ulps
0.5, -0.5   root, 1 / root         0.5 and 1.5 ulps
=========== ====================== =========================

Each has the edges of ``pow``: 1 / a / a does not overflow where 1 / (a * a) would, and the root is that
of an infinity where a is -inf, and never -0.0. No other exponent is written out: a product of more
factors, times the exponent in a derivative, would be off by more than the table allows; and 1 / 3 as a
float is not a third, so that a cube root would be 58 ulps off its power at 1e300.

The slope of a square that is half an error comes as a number of two halves, 0.5 * a + 0.5 * a: that is a.

Python's ``a ** 2.0`` is now and then (8 times in 10,000) an ulp off ``a * a``. So the Python printer,
which has the bits of the recording, keeps what is there; the others print this.

>>> from ...engine.value import Value
>>> from .sweeps import lower
>>> x = Value(3.0)
>>> print(cheaper(lower([x ** 3 + x], [x], [])))
0: row 0
1: number 3.0
2: mul 0 0
3: mul 2 0
4: add 3 0
5: output 0 4
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import TypeAlias

from .instructions import LEAVES, Place
from .lowering import Emitter, Lowering
from .routine import Block, Carry, Loop, Routine

__all__ = ['cheaper']


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


def cheaper(routine: Routine) -> Routine:
    """Return a routine in which this is done; the same one if there is nothing to do. It takes O(instructions).

    Its results are within the table's ulps of the old ones, and the same at zeros, infinities and nan.
    """
    found = routine.inner or any(_recipe(routine, register) for register in range(len(routine.instructions)))
    return _Rewriting(routine).made() if found else routine


def _recipe(routine: Routine, register: int) -> _Recipe | None:
    """Return how an instruction is written otherwise, and of what; None if it stays."""
    rule = RULES.get(routine.instructions[register].name)
    return rule and rule(routine, routine.instructions[register].operands)


def _power(routine: Routine, operands: Sequence[int]) -> _Recipe | None:
    exponent = routine.instructions[operands[1]]
    how = WRITTEN_OUT.get(exponent.operands[0]) if exponent.name == 'number' else None
    return how and (how, operands[0])


def _halves(routine: Routine, operands: Sequence[int]) -> _Recipe | None:
    if len(operands) != 5 or operands[0] != operands[1] or operands[2] != operands[3]:
        return None
    is_half = routine.instructions[operands[0]] == ('number', (0.5,))
    return (_whole, operands[2]) if is_half and routine.is_zero(operands[4]) else None


def _whole(g: Lowering, a: Place) -> Place:
    return g.make('sum', a)  # added to 0, as a sum of products is: never -0.0


#: What instructions of a name may be written as: how, and of which operand.
_Recipe: TypeAlias = tuple[Callable[[Lowering, Place], Place], int]
RULES: dict[str, Callable[[Routine, Sequence[int]], _Recipe | None]] = {'pow': _power, 'dot': _halves}


class _Rewriting:
    """Copies instructions in their order; what is made beside them stays in the block of what was there."""

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
                operands = (operands[0].mapped(cheaper), *operands[1:])
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
