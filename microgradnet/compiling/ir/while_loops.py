"""Loops whose count depends on the numbers: what stands for them in a graph, and in a routine.

An instruction is of straight code, and so is what a loop does: it holds routines of its own, whose parameters are
the state and behind it what the loop reads from outside.

=============================== ================================================
``while W s... o...``           the loop W, from the state s, with o from outside
``item r k``                    what is at place k of a loop's results
``back B r g... o...``          the way back through the turns of loop r
=============================== ================================================

A loop that ``keeps`` writes down the state that each turn begins with; its way back takes them from the last to
the first, and does what a turn does to signals: those of the state after it, g, become those of the state before.
Its results are the signals of the state at the beginning, then the sums over the turns of what goes outside. The
turn itself is computed again, so that nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..._processes import cached_property
from ...engine.operation import Operation
from .instructions import Inner, Instruction, Place
from .lowering import Lowering
from .routine import Routine
from .tape import Tape

__all__ = ['Back', 'Item', 'While', 'item_at', 'renumbered']


class Item(Inner):
    """One number of a loop's results."""

    def __init__(self, place: int) -> None:
        super().__init__('item')
        self.place = place

    def lowered(self, g: Lowering, operands: Sequence[Place]) -> Place:
        return g.make('item', operands[0], item_at(self.place))

    def __reduce__(self) -> Any:
        return item_at, (self.place,)

    def __repr__(self) -> str:
        return str(self.place)


@cache
def item_at(place: int) -> Item:
    return Item(place)


class While(Inner):
    """A loop: ``state = body(state)`` as long as the condition holds.

    ``tape`` is the body's, if it can still be reversed; ``line`` where the loop is, for errors. ``bound`` is how
    often it turns at most, if that is known: its ``limit``, or of one of blocks how many these are.
    """

    def __init__(
        self, condition: Routine, body: Routine, tape: Tape | None, states: int, limit: int | None, line: str,
        keeps: bool = False, bound: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__('while')
        self.condition, self.body, self.tape = condition, body, tape
        self.states, self.limit, self.line, self.keeps = states, limit, line, keeps
        self.bound = limit if bound is None else bound

    def kept(self) -> While:
        """Return the loop that writes down its states."""
        return While(self.condition, self.body, self.tape, self.states, self.limit, self.line, True, self.bound)

    @property
    def routines(self) -> tuple[Routine, ...]:
        return self.condition, self.body

    def mapped(self, change: Callable[[Routine], Routine]) -> While:
        """Return it with its routines changed."""
        condition, body = map(change, self.routines)
        return While(condition, body, None, self.states, self.limit, self.line, self.keeps, self.bound)

    @property
    def customs(self) -> dict[str, Operation]:
        return {**self.condition.customs, **self.body.customs}

    @property
    def outside(self) -> int:
        """How many numbers from outside it reads."""
        return self.body.parameters - self.states

    def lowered(self, g: Lowering, operands: Sequence[Place]) -> Place:
        return g.inner('while', self, *operands)

    @cached_property
    def content(self) -> str:
        keeps = ' kept' * self.keeps
        limit = '' if self.limit is None else f', to {self.bound}, {self.limit}, {self.line}'
        return f'[{self.states} of {self.body.parameters}{keeps}{limit}: {self.condition}; {self.body}]'

    def __repr__(self) -> str:
        return self.content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, While) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    def __reduce__(self) -> Any:
        return While, (
            self.condition, self.body, self.tape, self.states, self.limit, self.line, self.keeps, self.bound,
        )  # fmt: skip


@dataclass(eq=False, repr=False)
class Back:
    """The way back through a loop: what one turn does to so many signals, and how many sums go outside.

    The parameters of ``body`` are the state, what is outside, and the signals.
    """

    body: Routine
    states: int
    signals: int
    sums: int

    @property
    def outside(self) -> int:
        return self.body.parameters - self.states - self.signals

    @property
    def routines(self) -> tuple[Routine, ...]:
        return (self.body,)

    def mapped(self, change: Callable[[Routine], Routine]) -> Back:
        """Return it with its routine changed."""
        return replace(self, body=change(self.body))

    @property
    def customs(self) -> dict[str, Operation]:
        return self.body.customs

    @cached_property
    def content(self) -> str:
        return f'[{self.states}, {self.signals}, {self.sums} of {self.body.parameters}: {self.body}]'

    def __repr__(self) -> str:
        return self.content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Back) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)


def renumbered(routine: Routine, parameters: Sequence[int], count: int, outputs: Sequence[int] = ()) -> Routine:
    """Return straight code whose parameter k is parameter ``parameters[k]`` of so many, and the outputs likewise."""
    instructions = []
    for name, operands in routine.instructions:
        if name == 'parameter':
            operands = (operands[0]._replace(start=parameters[operands[0].start]),)
        elif name == 'output' and outputs:
            operands = (operands[0]._replace(start=outputs[operands[0].start]), operands[1])
        instructions.append(Instruction(name, operands))
    leaves = {'parameter': [''] * count}
    return replace(routine, instructions=instructions, parameters=count, leaves=leaves, labels={}).pruned()
