"""Lowering: every operation of the table becomes primitive instructions.

A row's cell, printed in graph arithmetic, is calls of a builder; here the builder
makes instructions instead of nodes. Equal instructions are made once, those of numbers
alone are computed. Nothing else is simplified, so every backend computes what the
recording did, in the same order. Where an instruction goes is said by an ``Emitter``: by default
all go into one body, that of straight code.

>>> g = Lowering()
>>> y = g.apply(operations['sigmoid'], [g.make('row', 0)])
>>> for place, (name, operands) in enumerate(g.instructions):
...     print(place, name, *operands)
0 row 0
1 abs 0
2 neg 1
3 exp 2
4 number 0.0
5 ge 0 4
6 number 1.0
7 select 5 6 3
8 add 6 3
9 div 7 8

A partial of ``where`` is None on the side that is not chosen: then it is a ``Gate``.

Whether a condition holds is a choice between 1 and 0. Where it is asked whether that is not 0, the condition
itself is the answer; one behind the other they are joined.

>>> a, b = g.make('row', 1), g.make('row', 2)
>>> holds = g.choose(g.gt(a, b), lambda: g.choose(g.lt(a, 5.0), lambda: 1.0, lambda: 0.0), lambda: 0.0)
>>> g.instructions[g.ne(holds, 0.0)]
Instruction(name='both', operands=(12, 14))
>>> g.instructions[12], g.instructions[14]
(Instruction(name='gt', operands=(10, 11)), Instruction(name='lt', operands=(10, 13)))
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from math import nan
from typing import Any, NamedTuple, cast

from ...engine.table import Operation, operations
from .instructions import PRIMITIVES, Inner, Instruction, Place
from .routine import Block

__all__ = ['Emitter', 'Gate', 'Later', 'Lowering', 'compute']

#: Instructions whose operands are computed already, where an algebra's cells pass what computes them.
_EAGER: dict[str, Callable[..., Any]] = {
    'both': lambda a, b: a and b, 'either': lambda a, b: a or b, 'select': lambda c, a, b: a if c else b,
    'came': operator.ne,
}  # fmt: skip


def compute(name: str, *operands: Any) -> Any:
    """Do one instruction on Python's numbers, in IEEE arithmetic.

    >>> compute('div', 1.0, 0.0), compute('log', 0.0), compute('gt', 1.0, 2.0)
    (inf, -inf, False)
    """
    return (_EAGER.get(name) or getattr(operations.algebras['ieee'], name))(*operands)


class Later:
    """An operand that is fetched only if it is asked for."""

    def __init__(self, fetch: Callable[[], Place]) -> None:
        self.fetch = fetch


class Gate(NamedTuple):
    """A partial that is a choice, with None where no signal passes: what is chosen where a condition holds, or not.

    ``mask``: of what is open where a number that is never less is more than 0, this number.
    """

    condition: Place | bool
    yes: Any
    no: Any
    mask: Place | None = None

    @property
    def opposite(self) -> Gate:
        """The gate that is open where this one is closed."""
        return Gate(self.condition, *map(_opposite, (self.yes, self.no)))

    @property
    def bare(self) -> Gate:
        """The gate that is open where this one is, and multiplies by nothing."""
        return Gate(self.condition, *map(_bare, (self.yes, self.no)))

    def close(self, g: Lowering, signal: Any, otherwise: Any = 0.0) -> Any:
        """Let a signal through where the gate is open; a 0 elsewhere, chosen and never multiplied.

        What a nan multiplies is that nan: nothing is computed for it, unless a tangent asks how it moves, and then it
        moves as the signal does, and not as the number that was no number.
        """
        yes = g.place(self.yes) if isinstance(self.yes, Later) else self.yes
        is_asked = isinstance(self.condition, Place) and isinstance(yes, Place)
        is_nan = is_asked and g.instructions[self.condition] == ('ne', (yes, yes))
        if not is_nan or g.stops:
            yes = self._side(g, signal, otherwise, g.number(nan) if is_nan else yes)
        no = self._side(g, signal, otherwise, self.no)
        return g.choose(self.condition, lambda: yes, lambda: no)

    def _side(self, g: Lowering, signal: Any, otherwise: Any, side: Any) -> Any:
        if isinstance(side, Gate):
            return side.close(g, signal, otherwise)
        if side is None:
            return g.place(otherwise)
        return signal if g.known(side) == 1 else g.mul(signal, side)


def _opposite(side: Any) -> Any:
    if isinstance(side, Gate):
        return side.opposite
    return 1 if side is None else None if side.__class__ is int and side == 1 else side


def _bare(side: Any) -> Any:
    return side.bare if isinstance(side, Gate) else None if side is None else 1


class _Body:
    """A body that is being written: what it does, and what was made in it.

    inner: whether what was made in the body around it is at hand in it.
    """

    __slots__ = ('block', 'inner', 'made')

    def __init__(self, inner: bool) -> None:
        self.block: Block = []
        self.inner = inner
        self.made: dict[Instruction, Place] = {}


class Emitter:
    """Writes instructions into bodies, by default the innermost; numbers and carries are in none."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        #: The registers that are numbers.
        self.numbers: dict[Place, float] = {}
        self._number: dict[float | str, Place] = {}
        self._bodies: list[_Body] = []

    @property
    def block(self) -> Block:
        """What has been written into the innermost body."""
        return self._bodies[-1].block

    def enter(self, inner: bool = False) -> None:
        """Begin a body in the innermost one; ``inner``: one in which what was made around it is at hand."""
        self._bodies.append(_Body(inner))

    def leave(self) -> Block:
        """End the innermost body, and return it."""
        return self._bodies.pop().block

    def make(self, name: str, *operands: Any, level: int = -1) -> Place:
        """Return the place of an instruction; add it if it is not there yet."""
        if name == 'number':
            return self.number(operands[0])
        instruction = _instruction((name, operands))
        body = first = self._bodies[level]
        place = body.made.get(instruction)
        while place is None and body.inner:
            level -= 1
            body = self._bodies[level]
            place = body.made.get(instruction)
        if place is None:
            place = first.made[instruction] = Place(len(self.instructions))
            self.instructions.append(instruction)
            first.block.append(place)
        return place

    def put(self, name: str, *operands: Any) -> Place:
        """Add an instruction, whether or not there is one like it, for nobody else."""
        place = Place(len(self.instructions))
        self.instructions.append(_instruction((name, operands)))
        if name != 'carry':
            self._bodies[-1].block.append(place)
        return place

    def number(self, number: float) -> Place:
        """Return the place of a constant."""
        key = number if abs(number) > 0 else repr(number)  # -0.0 is not 0.0, and a nan is like another
        place = self._number.get(key)
        if place is None:
            place = self._number[key] = Place(len(self.instructions))
            self.instructions.append(_instruction(('number', (number,))))
            self.numbers[place] = number
        return place


class Lowering:
    """The builder that cells in graph arithmetic speak to: it makes instructions."""

    def __init__(self, emitter: Emitter | None = None) -> None:
        if emitter is None:
            emitter = Emitter()
            emitter.enter()
        self.emitter = emitter
        self.make, self.put, self.number = emitter.make, emitter.put, emitter.number
        self.instructions, self._numbers = emitter.instructions, emitter.numbers
        self._names: dict[Operation, str] = {}
        self.customs: dict[str, Operation] = {}
        #: The results of rows that are several instructions, and the operands: what those differentiate by.
        self.rows: dict[int, tuple[Operation, tuple[Place, ...]]] = {}
        #: The choices between 1 and 0, or between such choices.
        self._answers: set[Place] = set()
        #: Whether what lets no change through has a register of its own, for a tangent to stop at.
        self.stops = False

    def apply(self, op: Operation, operands: Sequence[Place]) -> Place:
        """Make the instructions of one node."""
        name = self._names.get(op)
        if name is None:
            name = self._names[op] = op.name if op.has_cells and _is_instruction(op) else ''
        if name:
            for operand in operands:
                if operand not in self._numbers:  # else there is something to compute
                    return self.make(name, *operands)
        if op.name == 'dot':
            return self.make('dot', *operands)
        if op.has_cells:
            return self.place(self._row(op, *op.split(operands)))
        if isinstance(op, Inner):
            return op.lowered(self, operands)
        return self.make(self.custom(op), *operands)

    def inner(self, name: str, thing: Any, *operands: Any) -> Place:
        """Make the instruction of what holds routines of its own: another one each time, for it may keep states."""
        for custom, op in thing.customs.items():
            if self.customs.setdefault(custom, op) is not op:
                raise ValueError(f'two custom operations in a while_loop are called {op.name}: give one another name=')
        return self.put(name, thing, *operands)

    def _row(self, op: Operation, *operands: Any) -> Any:
        """Make the instructions of a row of the table, and note of its result what it is."""
        before = len(self.instructions)
        result = op.value('graph')(self, *operands)
        if self.stops and {*op.partial_texts} == {'None'}:
            result = self.put('neg', self.make('neg', self.place(result)))
        if result.__class__ is Place and result >= before and result not in self._numbers:
            flat = (o for part in operands for o in (part if isinstance(part, (list, tuple)) else [part]))
            places = tuple(map(self.place, flat))
            if all(place < result or place in self._numbers for place in places):
                self.rows.setdefault(result, (op, places))
        return result

    def custom(self, op: Operation) -> str:
        """Name the instruction of a user's own operation."""
        same = (name for name, other in self.customs.items() if other is op)
        name = next(same, f'custom_{op.name}' + f'_{len(self.customs)}' * bool(self.customs))
        self.customs[name] = op
        return name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what makes a primitive instruction, or those of a row's cell."""
        if name in PRIMITIVES or (name in operations and _is_instruction(operations[name])):
            return partial(self._primitive, name)
        if name not in operations:
            raise AttributeError(f'there is no operation {name!r}')
        return partial(self._row, operations[name])

    def choose(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        if isinstance(condition, bool):
            return yes() if condition else no()
        a, b = yes(), no()
        if any(side is None or isinstance(side, Gate) for side in (a, b)):
            return Gate(condition, a, b)
        a, b = self.place(a), self.place(b)
        if a == b:
            return a
        made = self.make('select', condition, a, b)
        if all(side in self._answers or self._numbers.get(side) in (0.0, 1.0) for side in (a, b)):
            self._answers.add(made)
        return made

    def ne(self, a: Any, b: Any) -> Any:
        """Compare; that an answer is not 0 is the condition that it is chosen by, and needs no comparison."""
        is_answer = isinstance(a, Place) and a in self._answers and self.known(b) == 0
        return self.condition(a) if is_answer else self._primitive('ne', a, b)

    def condition(self, answer: Place) -> Any:
        """Return that a choice between 1 and 0, and such choices, is not 0: what it is chosen by, joined."""
        found: dict[Place, Any] = {}
        todo = [answer]
        while todo:
            place = todo[-1]
            if place not in self._answers:
                found[todo.pop()] = self._primitive('ne', place, 0.0)
                continue
            condition, yes, no = self.instructions[place].operands
            if missing := [side for side in (yes, no) if side not in found]:
                todo += missing
            else:
                found[todo.pop()] = self._asked(place, condition, found[yes], found[no])
        return found[answer]

    def _asked(self, answer: Place, condition: Any, yes: Any, no: Any) -> Any:
        """Return the condition that an answer is not 0, those of both its sides being known."""
        if no is False:
            return self.both(lambda: condition, lambda: yes)
        if yes is True:
            return self.either(lambda: condition, lambda: no)
        return self.make('ne', answer, self.number(0.0))

    def pow(self, a: Any, b: Any) -> Any:
        """Raise a to b; what 0 and 1 make of it is 1 and a whatever a is, as for the ``Builder`` of graphs."""
        known = self.known(b)
        return 1 if known == 0 else a if known == 1 else self._primitive('pow', a, b)

    def both(self, *conditions: Callable[[], Any]) -> Any:
        return self._join('both', conditions)

    def either(self, *conditions: Callable[[], Any]) -> Any:
        return self._join('either', conditions)

    def total(self, terms: Sequence[Any]) -> Place:
        return self.make('sum', *map(self.place, terms))

    def largest(self, terms: Sequence[Any]) -> Any:
        """Return the largest term as Python's ``max`` does: a later one only where it is greater."""
        return reduce(lambda m, a: self.choose(self.gt(a, m), lambda: a, lambda: m), terms)

    def _primitive(self, name: str, *operands: Any) -> Any:
        """Make an instruction, or compute it where all operands are numbers."""
        numbers = [self.known(operand) for operand in operands]
        if None in numbers:
            return self.make(name, *map(self.place, operands))
        result = compute(name, *numbers)
        return result if isinstance(result, bool) else self.number(result)

    def known(self, operand: Any) -> float | None:
        """Return the number an operand is, if it is one."""
        if isinstance(operand, Place):
            return self._numbers.get(operand)
        return self.known(operand.fetch()) if isinstance(operand, Later) else float(operand)

    def place(self, operand: Any) -> Place:
        if isinstance(operand, Place):
            return operand
        return operand.fetch() if isinstance(operand, Later) else self.number(float(operand))

    def _join(self, name: str, conditions: Sequence[Callable[[], Any]]) -> Any:
        """Join conditions, those that are known folded away; what comes after a decided one is not even made."""
        decided, unknown = name == 'either', []
        for condition in conditions:
            one = condition()
            if one is decided:
                return decided
            if not isinstance(one, bool):
                unknown.append(one)
        return reduce(partial(self.make, name), unknown) if unknown else not decided


#: Makes an instruction of its name and its operands, as ``Instruction`` does but in one call into C.
_instruction = cast(Callable[[tuple[str, tuple[Any, ...]]], Instruction], partial(tuple.__new__, Instruction))


@cache
def _is_instruction(op: Operation) -> bool:
    """Tell whether a row's cell is nothing but the instruction of its name."""
    return op.name == 'dot' or op.writer('graph')(op.cell) == f'g.{op.name}({", ".join(op.parameters)})'
