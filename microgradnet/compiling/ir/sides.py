"""Which instructions only one side of a choice needs, so that it alone need be computed where rows are single.

>>> from ...engine.functions import exp, greater, log, where
>>> from ...engine.value import Value
>>> from .sweeps import lower
>>> x = Value(2.0)
>>> straight = lower([where(greater(x, 1.0), exp(x * x), log(x) + x)], [x], [])
>>> sides = sides_of(straight, lambda name, operands: 20 if name in ('exp', 'log') else 1)
>>> [straight.instructions[place].name for place, side in sides.items() if side]
['mul', 'exp', 'log', 'add', 'ne', 'select']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from .instructions import LEAVES
from .routine import Routine

__all__ = ['WORTH', 'Side', 'sides_of']

#: The choices inside which an instruction is, from the outermost on: for each its register, and which side of it.
Side: TypeAlias = 'tuple[tuple[int, bool], ...]'
#: A side that is worth a branch costs as much as so many additions.
WORTH = 20


def sides_of(routine: Routine, cost: Callable[..., int]) -> Mapping[int, Side]:
    """Return for each register of straight code the side it is needed on, () for both; of sides that are worth it.

    cost: of an instruction, in additions.
    """
    claims: dict[int, Side] = {}

    def claim(register: int, side: Side) -> None:
        known = claims.get(register)
        claims[register] = side if known is None else _common(known, side)

    def within(place: int) -> Side:
        return claims.get(place, ())

    instructions = routine.instructions
    for place in reversed(range(len(instructions))):
        name, operands = instructions[place]
        if name in LEAVES:
            continue
        side = within(place) if name != 'output' else ()
        if name == 'select':
            condition, yes, no = operands
            claim(condition, side)
            claim(yes, (*side, (place, True)))
            claim(no, (*side, (place, False)))
        else:
            for operand in routine.operands(place):
                claim(operand, side)
    costs: dict[tuple[int, bool], int] = {}
    for place, side in claims.items():
        name, operands = instructions[place]
        for choice in side if name not in LEAVES else ():
            costs[choice] = costs.get(choice, 0) + cost(name, operands)
    worth = {choice for choice, found in costs.items() if found >= WORTH}
    return {place: tuple(choice for choice in side if choice in worth) for place, side in sorted(claims.items())
            if instructions[place].name not in LEAVES}  # fmt: skip


def _common(one: Side, two: Side) -> Side:
    for place, (a, b) in enumerate(zip(one, two)):
        if a != b:
            return one[:place]
    return min(one, two, key=len)
