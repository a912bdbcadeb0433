"""A recorded graph as a tape: its operations in the order they were recorded in, as vectors of numbers.

The order in which a program was written is the one in which it repeats itself, so that is
the order of a tape, and not that of a walk. An operand is one number: a place on the tape,
or, each counted from a base of its own, a number of the row, a parameter, a constant, an
output. A constant is counted anew at each use, so that a loop may use another one each
time round.

A long sum or ``dot`` is taped as what it does, term after term, so that it is a repetition
like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from ..operations import Operation, operations
from ..value import Constant, Value
from .repetition import Item, Shapes

__all__ = ['NUMBER', 'OUTPUT', 'PARAMETER', 'ROW', 'Computed', 'Tape', 'is_long', 'tape']

#: Where the numbers of parameters, of the row, of constants and of outputs begin.
PARAMETER, ROW, NUMBER, OUTPUT = (k << 40 for k in (1, 2, 3, 4))
#: A program of more operands than these is folded, if nothing else is said.
MANY = 20_000
#: Sums of more terms are taped term by term.
LONG = 8


class Computed(NamedTuple):
    """The shape of an operation: whether a parameter is behind it, and how many outputs it is."""

    operation: Operation
    operands: int
    active: bool
    outputs: int


class Tape(NamedTuple):
    """The operations, the constants, and how many outputs, numbers of a row and parameters there are."""

    items: list[Item]
    shapes: Shapes
    numbers: list[float]
    outputs: int
    width: int
    parameters: int

    def over(self, leaves: Sequence[int | float], width: int, parameters: int) -> Tape:
        """Return the tape with others for its row's numbers: for each what stands for it now, or a constant."""
        numbers, items = [*self.numbers], []
        for shape, vector in self.items:
            if any(ROW <= code < NUMBER for code in vector):
                moved = []
                for code in vector:
                    if ROW <= code < NUMBER:
                        leaf = leaves[code - ROW]
                        if isinstance(leaf, float):
                            numbers.append(leaf)
                        code = NUMBER + len(numbers) - 1 if isinstance(leaf, float) else leaf
                    moved.append(code)
                vector = tuple(moved)
            items.append((shape, vector))
        return self._replace(items=items, numbers=numbers, width=width, parameters=parameters)


def is_long(outputs: Sequence[Value]) -> bool:
    """Tell whether there are so many operands behind some nodes that it pays to look for loops."""
    seen: set[Value] = set()
    stack, count = [*outputs], 0
    while stack and count <= MANY:
        node = stack.pop()
        if node.op is not None and node not in seen:
            seen.add(node)
            count += len(node.inputs)
            stack += node.inputs
    return count > MANY


def tape(outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value]) -> Tape:
    """Tape the graph of some nodes. Raises ValueError for a leaf that is none, or is given twice."""
    code: dict[Value, int] = {}
    for what, base, leaves in ('row', ROW, rows), ('parameter', PARAMETER, parameters):
        for number, leaf in enumerate(leaves):
            if leaf.op is not None or isinstance(leaf, Constant):
                raise ValueError(f'{what} {number} must be a leaf of the graph, not {leaf!r}, which was computed')
            if leaf in code:
                raise ValueError(f'{what} {number}, {leaf!r}, was given before: each leaf has one place')
            code[leaf] = base + number
    writer = _Writer(code)
    for number, node in enumerate(outputs):
        writer.outputs.setdefault(node, []).append(OUTPUT + number)
    for node in _recorded(outputs):
        writer.write(node)
    for node in writer.outputs:
        if node.op is None:
            writer.add(operations['identity'], [writer.operand(node)], node)
    return Tape(writer.items, writer.shapes, writer.numbers, len(outputs), len(rows), len(parameters))


def _recorded(outputs: Sequence[Value]) -> list[Value]:
    """List the computed nodes behind some, in the order they were recorded in."""
    seen: set[Value] = set()
    stack, found = [*outputs], []
    while stack:
        node = stack.pop()
        if node.op is not None and node not in seen:
            seen.add(node)
            found.append(node)
            stack += node.inputs
    found.sort(key=attrgetter('born'))
    return found


class _Writer:
    def __init__(self, code: dict[Value, int]) -> None:
        self.code = code
        self.items: list[Item] = []
        self.shapes = Shapes()
        self.numbers: list[float] = []
        self.outputs: dict[Value, list[int]] = {}
        self.active: list[bool] = []
        self._shape: dict[tuple[Operation, int, bool], int] = {}

    def write(self, node: Value) -> None:
        """Tape one node."""
        op, operands = node.op, [*map(self.operand, node.inputs)]
        assert op is not None
        if op.name not in ('sum', 'dot') or (op.name == 'sum' and len(operands) <= LONG):
            self.add(op, operands, node)
        elif op.name == 'sum':
            self.chain(operations['add'], [(term,) for term in operands], node)
        else:
            half = len(operands) // 2
            pairs = [*zip(operands[:half], operands[half:-1])]
            if 1 < half <= LONG:
                self.add(op, operands, node)
            elif half and self.is_zero(operands[-1]):
                self.chain(op, pairs, node)
            else:
                total = self.chain(op, pairs)
                self.add(operations['add'], [total, operands[-1]], node)

    def chain(self, op: Operation, terms: list[tuple[int, ...]], node: Value | None = None) -> int:
        """Tape a sum term by term, from 0 on; return where the total is."""
        total = self.number(0.0)
        for place, term in enumerate(terms, 1):
            total = self.add(op, [*term, total], node if place == len(terms) else None)
        return total

    def add(self, op: Operation, operands: list[int], node: Value | None = None) -> int:
        """Tape one operation, and that it is a node's, if it is; return its place."""
        place = len(self.items)
        active = any(self.active[o] if o < PARAMETER else o < ROW for o in operands)
        numbers = self.outputs.get(node, ()) if node is not None else ()
        if numbers:
            shape = self.shapes.add(Computed(op, len(operands), active, len(numbers)))
        else:
            key = op, len(operands), active
            known = self._shape.get(key)
            shape = self._shape[key] = self.shapes.add(Computed(*key, 0)) if known is None else known
        self.items.append((shape, (place, *operands, *numbers)))
        self.active.append(active)
        if node is not None:
            self.code[node] = place
        return place

    def operand(self, node: Value) -> int:
        """Return the number that stands for an operand."""
        code = self.code.get(node)
        return self.number(float(node.data)) if code is None else code

    def number(self, number: float) -> int:
        self.numbers.append(number)
        return NUMBER + len(self.numbers) - 1

    def is_zero(self, operand: int) -> bool:
        return operand >= NUMBER and repr(self.numbers[operand - NUMBER]) == '0.0'
