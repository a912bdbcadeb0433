"""Freezing a graph: every operation of the table becomes primitive instructions.

A row's cell, printed in graph arithmetic, is calls of a builder; here the builder
makes instructions instead of nodes. Equal instructions are made once, those of numbers
alone are computed. Nothing else is simplified, so every backend computes what the
recording did, in the same order.

>>> x = Value(3.0)
>>> print(freeze([x.sigmoid()], rows=[x], parameters=[]))
0: row 0
1: abs 0
2: neg 1
3: exp 2
4: number 0.0
5: ge 0 4
6: number 1.0
7: select 5 6 3
8: add 6 3
9: div 7 8
outputs 9
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial, reduce
from typing import Any, cast

from ...engine import ieee
from ...engine.table import Operation, operations
from ...engine.value import Constant, Value
from ...engine.walks import topological_order
from .instructions import COMPARISONS, PRIMITIVES, Instruction, Listing

__all__ = ['Lowering', 'Place', 'compute', 'freeze']

_PYTHON: dict[str, Callable[..., Any]] = {
    'add': operator.add, 'sub': operator.sub, 'mul': operator.mul, 'neg': operator.neg, 'div': ieee.divide,
    'pow': ieee.power, 'abs': abs, 'both': lambda a, b: a and b, 'either': lambda a, b: a or b,
    'select': lambda c, a, b: a if c else b, **{name: getattr(operator, name) for name in COMPARISONS},
}  # fmt: skip


def compute(name: str, *operands: Any) -> Any:
    """Do one instruction on Python's numbers, in IEEE arithmetic.

    >>> compute('div', 1.0, 0.0), compute('log', 0.0), compute('gt', 1.0, 2.0)
    (inf, -inf, False)
    """
    return (_PYTHON.get(name) or ieee.kernel(name))(*operands)


def freeze(outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value]) -> Listing:
    """Turn the graph of some nodes into a list of instructions.

    ``rows`` are the leaves whose numbers come with each row, ``parameters`` those whose
    numbers are given beside; any other leaf is a constant. Raises ValueError for a row's
    or parameter's node that is no leaf, or is given twice.
    """
    g = Lowering()
    place: dict[Value, Place] = {}
    find = place.__getitem__
    for what, leaves in ('row', rows), ('parameter', parameters):
        for number, leaf in enumerate(leaves):
            if leaf.op is not None or isinstance(leaf, Constant):
                raise ValueError(f'{what} {number} must be a leaf of the graph, not {leaf!r}, which was computed')
            if leaf in place:
                raise ValueError(f'{what} {number}, {leaf!r}, was given before: each leaf has one place')
            place[leaf] = g.make(what, number)
    for node in topological_order(*outputs):
        if node not in place:
            op = node.op
            if op is None:
                place[node] = g.make('number', float(node._data))
            else:
                place[node] = g.apply(op, [*map(find, node.inputs)])
    return g.listing([place[node] for node in outputs], len(rows), len(parameters), {
        place[node]: node.label for node in place if node.label
    })  # fmt: skip


class Place(int):
    """A place in the list of instructions; a bare number among operands is a number."""

    __slots__ = ()  # with no dict, it is none of the garbage collector's business


class Lowering:
    """The builder that cells in graph arithmetic speak to: it makes instructions."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Place] = {}
        self._numbers: dict[Place, float] = {}
        self._names: dict[Operation, str] = {}
        self._instructions: list[Instruction] = []
        self._customs: dict[str, Operation] = {}

    def make(self, name: str, *operands: Any) -> Place:
        """Return the place of an instruction; add it if it is not there yet."""
        instruction = _instruction((name, operands))
        key: tuple[Any, ...] = instruction
        if name == 'number' and not abs(operands[0]) > 0:  # -0.0 is not 0.0, and a nan is like another
            key = name, repr(operands)
        place = self._made.get(key)
        if place is None:
            place = self._made[key] = Place(len(self._instructions))
            self._instructions.append(instruction)
            if name == 'number':
                self._numbers[place] = operands[0]
        return place

    def apply(self, op: Operation, operands: Sequence[Place]) -> Place:
        """Make the instructions of one node."""
        name = self._names.get(op)
        if name is None:
            name = self._names[op] = op.name if operations.get(op.name) is op and _is_instruction(op) else ''
        if name:
            for operand in operands:
                if operand not in self._numbers:  # else there is something to compute
                    return self.make(name, *operands)
        if op.name == 'dot':
            return self.make('dot', *operands)
        if operations.get(op.name) is op:
            return self._place(op.value('graph')(self, *op.split(operands)))
        same = (name for name, other in self._customs.items() if other is op)
        name = next(same, f'custom_{op.name}' + f'_{len(self._customs)}' * bool(self._customs))
        self._customs[name] = op
        return self.make(name, *operands)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what makes a primitive instruction, or those of a row's cell."""
        if name in PRIMITIVES or (name in operations and _is_instruction(operations[name])):
            return partial(self._primitive, name)
        if name not in operations:
            raise AttributeError(f'there is no operation {name!r}')
        return partial(operations[name].value('graph'), self)

    def choose(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        if isinstance(condition, bool):
            return yes() if condition else no()
        a, b = self._place(yes()), self._place(no())
        return a if a == b else self.make('select', condition, a, b)

    def both(self, *conditions: Callable[[], Any]) -> Any:
        return self._join('both', [condition() for condition in conditions])

    def either(self, *conditions: Callable[[], Any]) -> Any:
        return self._join('either', [condition() for condition in conditions])

    def total(self, terms: Sequence[Any]) -> Place:
        return self.make('sum', *map(self._place, terms))

    def largest(self, terms: Sequence[Any]) -> Any:
        """Return the largest term as Python's ``max`` does: a later one only where it is greater."""
        return reduce(lambda m, a: self.choose(self.gt(a, m), lambda: a, lambda: m), terms)

    def listing(self, outputs: Sequence[Place], width: int, parameters: int, labels: Mapping[Any, str]) -> Listing:
        return Listing(tuple(self._instructions), tuple(outputs), width, parameters, dict(labels), self._customs)

    def _primitive(self, name: str, *operands: Any) -> Any:
        """Make an instruction, or compute it where all operands are numbers."""
        numbers = [self._number(operand) for operand in operands]
        if None in numbers:
            return self.make(name, *map(self._place, operands))
        result = compute(name, *numbers)
        return result if isinstance(result, bool) else self.make('number', result)

    def _number(self, operand: Any) -> float | None:
        """Return the number an operand is, if it is one."""
        if not isinstance(operand, Place):
            return float(operand)
        return self._numbers.get(operand)

    def _place(self, operand: Any) -> Place:
        return operand if isinstance(operand, Place) else self.make('number', float(operand))

    def _join(self, name: str, conditions: list[Any]) -> Any:
        """Join conditions, those that are known folded away."""
        decided = name == 'either'
        if any(condition is decided for condition in conditions):
            return decided
        open_ = [condition for condition in conditions if not isinstance(condition, bool)]
        return reduce(partial(self.make, name), open_) if open_ else not decided


#: Makes an instruction of its name and its operands, as ``Instruction`` does but in one call into C.
_instruction = cast(Callable[[tuple[str, tuple[Any, ...]]], Instruction], partial(tuple.__new__, Instruction))


@cache
def _is_instruction(op: Operation) -> bool:
    """Tell whether a row's cell is nothing but the instruction of its name."""
    return op.name == 'dot' or op.writer('graph')(op.cell) == f'g.{op.name}({", ".join(op.parameters)})'
