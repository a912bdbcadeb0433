"""Where a routine's leaves come from: groups of them are put in other places of the row and of the parameters.

Transforms know two kinds of leaves, what they differentiate by and the rest. What comes with each row, and what
is the same for all, is said when they are done.

>>> from ...engine.value import Value
>>> from .sweeps import routine
>>> from .tape import tape
>>> x, w = Value(3.0), Value(2.0)
>>> product = routine(tape([w * x], [x], [w], loops=False))
>>> print(placed(product, [Leaves('row', 0, 1), Leaves('parameter', 0, 1)], []))
0: row 1
1: row 0
2: mul 0 1
3: output 0 2
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from .instructions import Instruction
from .nests import Affine
from .routine import Routine
from .tape import ASIDE

__all__ = ['Leaves', 'placed']


class Leaves(NamedTuple):
    """Neighbouring leaves of a kind: ``'row'``, ``'parameter'`` or, from ``ASIDE`` on in the row, ``'outside'``."""

    kind: str
    start: int
    size: int


def placed(routine: Routine, rows: Sequence[Leaves], parameters: Sequence[Leaves]) -> Routine:
    """Return the routine with these leaves, in this order, as its row and its parameters; all must be among them."""
    moves: list[tuple[Leaves, str, int]] = []
    names: dict[str, list[str]] = {}
    for kind, groups in ('row', rows), ('parameter', parameters):
        labels = names[kind] = []
        for group in groups:
            moves.append((group, kind, len(labels)))
            known = routine.leaves.get(group.kind, [])[group.start : group.start + group.size]
            labels += known + [''] * (group.size - len(known))

    def moved(name: str, place: Affine) -> Instruction:
        outside = name == 'row' and place.start >= ASIDE
        name, start = ('outside', place.start - ASIDE) if outside else (name, place.start)
        for group, kind, first in moves:
            if group.kind == name and group.start <= start < group.start + group.size:
                return Instruction(kind, (place._replace(start=start - group.start + first),))
        raise ValueError(f'{name} {start} is in no group of leaves')

    def instructions() -> Iterator[Instruction]:
        for instruction in routine.instructions:
            yield moved(instruction.name, *instruction.operands) if instruction.name in names else instruction

    return replace(
        routine, instructions=[*instructions()], width=len(names['row']), parameters=len(names['parameter']),
        leaves=names if routine.flat else {},
    )  # fmt: skip
