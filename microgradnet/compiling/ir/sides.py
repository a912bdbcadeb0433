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

__all__ = ['DEEP', 'WORTH', 'Side', 'sides_of']

#: The conditions under which alone an instruction is needed, from the outermost on, each with how it comes out.
Side: TypeAlias = 'tuple[tuple[int, bool], ...]'
#: A side that is worth a branch costs as much as so many additions; and so many of them may be inside of each other.
WORTH, DEEP = 20, 50


def sides_of(routine: Routine, cost: Callable[..., int]) -> Mapping[int, Side]:
    """Return for each register of straight code the side it is needed on, () for both; of sides that are worth it.

    Several choices may ask the same: the value of a ``where``, and all signals that go back through it.

    cost: of an instruction, in additions.
    """
    claims: dict[int, frozenset[tuple[int, bool]]] = {}
    #: The last choice by each condition: one that is itself on a side has its last choice before that of the side.
    last: dict[int, int] = {}

    def claim(register: int, side: frozenset[tuple[int, bool]]) -> None:
        claims[register] = claims.get(register, side) & side

    instructions = routine.instructions
    for place in reversed(range(len(instructions))):
        name, operands = instructions[place]
        if name in LEAVES:
            continue
        side = claims.get(place, frozenset())
        if name == 'select':
            condition, yes, no = operands
            last.setdefault(condition, place)
            claim(condition, side)
            claim(yes, side | {(condition, True)})
            claim(no, side | {(condition, False)})
        else:
            for operand in routine.operands(place):
                claim(operand, side)
    costs: dict[tuple[int, bool], int] = {}
    for place, side in claims.items():
        name, operands = instructions[place]
        for choice in side if name not in LEAVES else ():
            costs[choice] = costs.get(choice, 0) + cost(name, operands)
    worth = sorted((choice for choice, total in costs.items() if total >= WORTH), key=lambda one: (-last[one[0]], one))
    rank = {choice: number for number, choice in enumerate(worth)}
    found = {place: sorted((choice for choice in side if choice in rank), key=rank.__getitem__)
             for place, side in sorted(claims.items()) if instructions[place].name not in LEAVES}  # fmt: skip
    below = {choice for side in found.values() for choice in side[DEEP:]}
    return {place: tuple(choice for choice in side if choice not in below) for place, side in found.items()}
