"""Branches in machine code: what one side of a choice needs alone is computed where that side is taken.

Straight code is printed in its order, but for what is on a side (``ir.sides``): that waits until a choice asks for it.
Then there is one branch, to all on both sides that can be done by then, as what goes forwards and what comes back in
a gradient, if nothing lies between; what is asked for on the same side later comes out of it in a ``phi``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ..ir.instructions import CONDITIONS, LEAVES
from ..ir.routine import Routine
from ..ir.sides import Side

__all__ = ['Branches']

#: Conditions that are known, each at hand at once.
Known: TypeAlias = Mapping[tuple[int, bool], None]
NOTHING: Known = {}


class _End(NamedTuple):
    """Where a side ends: in which block, what is there, and what the choices after it are of."""

    label: str
    here: set[int]
    numbers: list[str]


class Branches:
    """Has a printer of straight code for a single row print what is on sides in branches."""

    def __init__(self, printer: Any, routine: Routine, sides: Mapping[int, Side]) -> None:
        self.printer, self.routine = printer, routine
        self.sides: Mapping[int, Known] = {place: dict.fromkeys(side) for place, side in sides.items()}
        #: Who uses what; and what was printed, on whatever side.
        self.users: dict[int, list[int]] = defaultdict(list)
        for place in range(len(routine.instructions)):
            for operand in routine.operands(place):
                self.users[operand].append(place)
        self.printed: set[int] = set()
        #: The block that is being printed.
        self.label = ''

    def compute(self, place: int, places: Sequence[int], level: Known = NOTHING) -> None:
        """Print an instruction, unless it was; first what it asks for on further sides.

        places: what is on the side that is being printed, whose conditions are ``level``.
        """
        for operand in self.routine.operands(place):
            if place not in self.printed:
                self.branch(operand, places, level)
        if place not in self.printed:
            self.printer.compute(place)
            self.printed.add(place)

    def branch(self, wanted: int, places: Sequence[int], level: Known) -> None:
        """Branch to what is wanted on a side, if it is not there, and to all that is ready to be done on both sides."""
        if wanted in self.printed or len(self._side(wanted)) <= len(level):
            return
        condition, side = next(choice for choice in self._side(wanted) if choice not in level)
        for other in (*self._behind(condition), condition, *self._behind(wanted)):
            if len(self._side(other)) <= len(level):
                self.compute(other, places, level)
            elif not self._is_by(condition, other):
                self.branch(other, places, level)
        if wanted in self.printed:
            return
        before, inside, joined = self._ready(condition, places, level)
        for place in before:
            self.compute(place, places, level)
        printer, ends = self.printer, list[_End]()
        here, name = printer.here, printer.name()[1:]
        printer.put(f'br i1 {printer.operand(condition)}, label %{name}.yes, label %{name}.no')
        for place, held in (1, True), (2, False):
            choice = condition, held
            mine, further = [one for one in inside if choice in self.sides[one]], {**level, choice: None}
            printer.here = {*here}
            self._begin(f'{name}.{"yes" if held else "no"}')
            for one in mine:
                if len(self.sides[one]) == len(further):
                    self.compute(one, mine, further)
            if held is side:
                self.branch(wanted, mine, further)
            numbers = [printer.operand(self.routine.operands(one)[place]) for one in joined]
            ends.append(_End(self.label, printer.here, numbers))
            printer.put(f'br label %{name}.end')
        printer.here = here
        self._begin(f'{name}.end')
        self._join(joined, *ends)

    def _begin(self, label: str) -> None:
        self.label = label
        self.printer.put(f'{label}:')

    def _join(self, joined: Sequence[int], yes: _End, no: _End) -> None:
        """Print the choices between both sides, and take out of them what is asked for later on the same side."""
        printer = self.printer
        for one, a, b in zip(joined, yes.numbers, no.numbers):
            printer.put(f'%v{one} = phi double [ {a}, %{yes.label} ], [ {b}, %{no.label} ]')
        printer.here.update(joined)
        self.printed.update(joined)
        for one in sorted((yes.here | no.here) - printer.here):
            if not self.printed.issuperset(self.users[one]):
                is_condition = self.routine.instructions[one].name in CONDITIONS
                kind, none = ('i1', 'false') if is_condition else ('double', printer.zero)
                number = printer.names.get(one, f'%v{one}')
                a, b = (number, none) if one in yes.here else (none, number)
                printer.names[one] = printer.name()
                printer.put(f'{printer.names[one]} = phi {kind} [ {a}, %{yes.label} ], [ {b}, %{no.label} ]')
                printer.here.add(one)

    def _is_there(self, place: int) -> bool:
        return place in self.printer.here or self.routine.instructions[place].name in LEAVES

    def _side(self, place: int) -> Known:
        return self.sides.get(place, NOTHING)

    def _is_by(self, condition: int, place: int) -> bool:
        side = self._side(place)
        return (condition, True) in side or (condition, False) in side

    def _behind(self, wanted: int) -> list[int]:
        """Return what must be there before something on a side, and is not, in order."""
        found, todo = set[int](), [wanted]
        while todo:
            new = {place for place in self.routine.operands(todo.pop()) if not self._is_there(place)} - found
            found |= new
            todo += new
        return sorted(found)

    def _ready(self, condition: int, places: Sequence[int], level: Known) -> tuple[list[int], list[int], list[int]]:
        """Return what can be done on the sides of a condition by now: what before, what there, which choices after."""
        before, inside, joined = dict[int, None](), dict[int, None](), []
        for place in places:
            name, operands = self.routine.instructions[place]
            if name in (*LEAVES, 'output') or place in self.printed:
                continue
            missing = [operand for operand in self.routine.operands(place) if not self._is_there(operand)]
            if len(self._side(place)) > len(level):
                if self._is_by(condition, place) and all(o in inside or o in before for o in missing):
                    inside[place] = None
            elif all(o in before for o in missing):
                before[place] = None
            elif name == 'select' and operands[0] == condition and all(o in inside for o in missing):
                joined.append(place)
        asked = {*inside}
        for place in reversed(before):
            if not asked.isdisjoint(self.users[place]):
                asked.add(place)
        return [place for place in before if place in asked], [*inside], joined
