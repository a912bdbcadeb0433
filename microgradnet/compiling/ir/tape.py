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

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, NamedTuple

from ..._processes import cached_property
from ...engine.bare import bare, recorded
from ...engine.table import Operation, operations
from ...engine.value import Constant, Value
from ...engine.walks import topological_order
from .instructions import Inner
from .reroll import Items, Shapes, fold

__all__ = ['ASIDE', 'MANY', 'NUMBER', 'OUTPUT', 'PARAMETER', 'ROW', 'SOONER', 'Computed', 'Tape', 'is_long', 'tape']

#: There are fewer operations, and fewer of all else, than these, so that all numbers of a tape are below 2 ** 31.
MOST = 1 << 28
#: Where the numbers of parameters, of the row, of constants and of outputs begin.
PARAMETER, ROW, NUMBER, OUTPUT = (k * MOST for k in (1, 2, 4, 5))
#: Where, from those of the row, what comes from outside begins, and from the outputs those that are only watched:
#: so far away that no loop goes from the one to the other.
ASIDE = MOST
#: A program of more operands than these is folded, if nothing else is said; one that becomes machine code, which takes
#: long to compile, sooner.
MANY, SOONER = 2_000, 500
#: Nodes that were recorded among fewer than so many times as many others have their places in an array.
SPARSE = 4
#: So many nodes are taped at a time.
PIECE = 1 << 12
#: Sums of more terms are taped term by term.
LONG = 8


class Computed(NamedTuple):
    """The shape of an operation: whether a parameter is behind it, and how many outputs it is."""

    operation: Operation
    operands: int
    active: bool
    outputs: int


@dataclass(frozen=True, eq=False)
class Tape:
    """The operations, the constants, and how many outputs, numbers of a row and parameters there are.

    ``loops`` says whether repetitions are to be folded; ``labels`` are the names that nodes had in
    the graph, by their places, and those of the row's numbers and the parameters, by their numbers.
    ``watched`` counts the outputs behind the others that are never differentiated, ``outside`` the leaves that
    are neither of the row nor parameters: they are as numbers of the row, from ``ASIDE`` on. ``unused`` says whether
    there may be operations that no output comes of: in a graph there are none.
    """

    items: Items
    shapes: Shapes
    numbers: array[float]
    outputs: int
    width: int
    parameters: int
    loops: bool = True
    labels: dict[int, str] = field(default_factory=dict)
    watched: int = 0
    outside: int = 0
    unused: bool = False

    def __post_init__(self) -> None:
        if max(len(self.items), len(self.numbers)) >= MOST:
            raise ValueError(f'a program has fewer than {MOST:,} operations and constants; this one has more')

    @cached_property
    def folded(self) -> Items:
        """The operations, repetitions folded into loops."""
        return fold(self.items, self.shapes) if self.loops else self.items

    @property
    def repeats(self) -> bool:
        """Whether loops leave less than half of it to be written; else straight code is compiled sooner."""
        return 2 * len(self.folded) < len(self.items)

    @property
    def kinds(self) -> list[Computed]:
        """The operations that occur."""
        return [shape for shape in self.shapes if isinstance(shape, Computed)]

    @property
    def labelled(self) -> list[int]:
        """The places of what is computed and has a label."""
        return sorted(place for place in self.labels if place < PARAMETER)

    @property
    def customs(self) -> dict[str, Operation]:
        """The users' own operations, by name."""
        found: dict[str, Operation] = {}
        for kind in self.kinds:
            op = kind.operation
            found |= op.customs if isinstance(op, Inner) else {op.name: op}
        return {name: op for name, op in found.items() if not op.has_cells}

    @property
    def has_while(self) -> bool:
        """Whether there is a loop in it whose count depends on the numbers."""
        return any(isinstance(kind.operation, Inner) for kind in self.kinds)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != 'folded'}

    def outcome(self, known: dict[Any, int], outside: Sequence[str]) -> dict[int, int]:
        """Return a number for what each output is: the same one for what is computed alike, in whatever order.

        known: what the numbers given so far stand for, of this tape and of those that it is compared with.
        outside: what the leaves are that are neither of the row nor parameters; of a constant its ``hex()``.
        """
        found: dict[int, int] = {}
        numbers: list[int] = []
        for name, (_, *operands) in self.items:
            key: list[Any] = [self.shapes[name].operation]
            for code in operands:
                if code < PARAMETER:
                    key.append(numbers[code])
                elif code < NUMBER:
                    key.append(outside[code - ROW - ASIDE] if code >= ROW + ASIDE else (code,))
                elif code < OUTPUT:
                    key.append(self.numbers[code - NUMBER].hex())
            numbers.append(known.setdefault((*key,), len(known)))
            found.update((code, numbers[-1]) for code in operands if code >= OUTPUT)
        return found

    def over(self, leaves: Sequence[int | float], width: int, parameters: int) -> Tape:
        """Return the tape with others for its row's numbers: for each what stands for it now, or a constant."""
        numbers, flat = self.numbers[:], self.items.flat[:]
        for place, code in enumerate(flat):
            if ROW <= code < NUMBER:
                leaf = leaves[code - ROW]
                if isinstance(leaf, float):
                    numbers.append(leaf)
                    leaf = NUMBER + len(numbers) - 1
                flat[place] = leaf
        items = self.items.with_numbers(flat)
        return replace(self, items=items, numbers=numbers, width=width, parameters=parameters)


def is_long(outputs: Sequence[Value], many: int | None = None) -> bool:
    """Tell whether there are so many operands behind some nodes that it pays to look for loops; MANY, if not given."""
    most = MANY if many is None else many
    seen = {0}
    stack: list[Any] = [*outputs]
    count = 0
    while stack and count <= most:
        node = stack.pop()
        if node.__class__ is not float and node.born not in seen:
            operands = bare(node)
            seen.add(node.born)
            count += len(operands)
            stack += operands
    return count > most


def tape(
    outputs: Sequence[Value],
    rows: Sequence[Value],
    parameters: Sequence[Value],
    loops: bool = True,
    watched: Sequence[Value] = (),
    outside: Sequence[Value] = (),
    same: Mapping[Value, Value] | None = None,
    others: list[Value] | None = None,
) -> Tape:
    """Tape the graph of some nodes. Raises ValueError for a leaf that is none, or is given twice.

    What is to be folded into loops is in the order it was recorded in, long sums term by term;
    straight code in topological order, each node as it is. ``same`` is as for ``sweeps.prepare``. Leaves that are
    none of those given are constants; with ``others``, they are outside, and put there as they come.
    """
    known: dict[Value, int] = {}
    for what, base, leaves in ('row', ROW, rows), ('parameter', PARAMETER, parameters), ('leaf', ROW + ASIDE, outside):
        for number, leaf in enumerate(leaves):
            if leaf.op is not None or isinstance(leaf, Constant):
                raise ValueError(f'{what} {number} must be a leaf of the graph, not {leaf!r}, which was computed')
            if leaf in known:
                raise ValueError(f'{what} {number}, {leaf!r}, was given before: each leaf has one place')
            known[leaf] = base + number
    known |= {leaf: known[other] for leaf, other in (same or {}).items()}
    writer = _Writer(known, loops, same is not None, others)
    for base, nodes in (OUTPUT, outputs), (OUTPUT + ASIDE, watched):
        for number, node in enumerate(nodes):
            writer.outputs.setdefault(node, []).append(base + number)
    ends = [*outputs, *watched]
    in_order = recorded(ends) if loops else [node for node in topological_order(*ends) if node.op]
    writer.write(in_order)
    for node in writer.outputs:
        if node.op is None:
            writer.add(operations['identity'], [writer.operand(node)], node)
    return Tape(
        writer.items, writer.shapes, array('d', writer.numbers), len(outputs), len(rows), len(parameters), loops,
        writer.labels, len(watched), len(outside if others is None else others),
    )  # fmt: skip


class _Writer:
    def __init__(
        self, leaves: dict[Value, int], loops: bool, once: bool = False, others: list[Value] | None = None
    ) -> None:
        self.leaves, self.loops, self.others = leaves, loops, others
        #: What is taped already, if nothing is to be taped twice: by the operation and its operands; the constants.
        self.known: dict[tuple[Any, ...], int] | None = {} if once else None
        self.constants: dict[str, int] = {}
        self.labels = {number: leaf.label for leaf, number in leaves.items() if leaf.label}
        #: The place of each node, by when it was recorded, counted from the first of them.
        self.places: dict[int, int] | memoryview[int] = {}
        self.first = 0
        self.items = Items(type='I')
        self.shapes = Shapes()
        self.numbers: list[float] = []
        self.outputs: dict[Value, list[int]] = {}
        #: Of each operation, whether a parameter is behind it.
        self.active = bytearray()
        self._shape: dict[tuple[Operation, int, bool], int] = {}
        #: The shapes of operations of two numbers: where a parameter is behind them, and where none is.
        self.of_two: tuple[dict[Operation, int], dict[Operation, int]] = {}, {}

    def write(self, nodes: list[Value]) -> None:
        """Tape nodes in their order."""
        if nodes:
            born = [*map(attrgetter('born'), nodes)] if not self.loops else [nodes[0].born, nodes[-1].born]
            self.first = min(born)
            span = max(born) - self.first + 1
            if span <= SPARSE * len(nodes):  # a tenth of a dict; what an array itself gives one at a time comes slowly
                self.places = memoryview(array('I', bytes(4 * span)))
        ends = {node.born for node in self.outputs}
        for start in range(0, len(nodes), PIECE):
            self._write(nodes[start : start + PIECE], ends)

    def _write(self, nodes: list[Value], ends: set[int]) -> None:
        """Tape some nodes, of which those recorded at ``ends`` are outputs.

        This loop is where the time goes, so it is written out for two operands.
        """
        places, numbers, active, operand = self.places, self.numbers, self.active, self.operand
        first, known = self.first, self.known
        sums = (operations['sum'], operations['dot']) if self.loops else ()
        names: list[int] = []
        flat: list[int] = []
        active_of_two, others_of_two = self.of_two
        place, number, on = len(active), NUMBER + len(numbers), 0
        for node in nodes:
            op: Any = node.op
            a = node._a
            b = node._b
            born = node.born
            if b is None or born in ends or known is not None:
                if born in ends or op in sums:
                    self.items.append_all(names, flat)
                    names.clear()
                    flat.clear()
                    self.write_sum(node, [*map(operand, bare(node))])
                    place, number = len(active), NUMBER + len(numbers)
                    continue
                codes = [operand(source, once=known is not None) for source in bare(node)]
                number = NUMBER + len(numbers)
                if known is not None:
                    key = op, *codes
                    if key in known:
                        places[born - first] = known[key]
                        continue
                    known[key] = place
                on = self.is_active(codes)
                flat.append(place)
                flat += codes
                names.append(self.shape(op, len(codes), on))
            else:
                if type(a) is float:
                    code, on = number, 0
                    numbers.append(a)
                    number += 1
                elif made := a.born:
                    code = places[made - first]
                    on = active[code]
                else:
                    code = operand(a)
                    on = code < ROW
                    number = NUMBER + len(numbers)
                if type(b) is float:
                    flat += place, code, number
                    numbers.append(b)
                    number += 1
                elif made := b.born:
                    other = places[made - first]
                    flat += place, code, other
                    on = on or active[other]
                else:
                    other = operand(b)
                    flat += place, code, other
                    on = on or other < ROW
                    number = NUMBER + len(numbers)
                of_two = active_of_two if on else others_of_two
                try:
                    names.append(of_two[op])
                except KeyError:
                    of_two[op] = self.shape(op, 2, bool(on))
                    names.append(of_two[op])
            if node.label:
                self.labels[place] = node.label
            places[born - first] = place
            active.append(on)
            place += 1
        self.items.append_all(names, flat)

    def constant(self, number: float) -> int:
        """Return the number that stands for a constant: the same one for all that are alike."""
        if number.hex() not in self.constants:
            self.constants[number.hex()] = self.number(number)
        return self.constants[number.hex()]

    def shape(self, op: Operation, operands: int, active: bool) -> int:
        """Return the number of the shape of an operation that is no output."""
        key = op, operands, active
        if key not in self._shape:
            self._shape[key] = self.shapes.add(Computed(*key, 0))
            self.items.sizes[self._shape[key]] = 1 + operands
        return self._shape[key]

    def write_sum(self, node: Value, operands: list[int]) -> None:
        """Tape a node, a long sum term by term."""
        op = node.op
        assert op is not None
        if not self.loops or op.name not in ('sum', 'dot') or (op.name == 'sum' and len(operands) <= LONG):
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

    def chain(self, op: Operation, terms: Sequence[tuple[int, ...]], node: Value | None = None) -> int:
        """Tape a sum term by term, from 0 on; return where the total is."""
        total = self.number(0.0)
        for place, term in enumerate(terms, 1):
            total = self.add(op, [*term, total], node if place == len(terms) else None)
        return total

    def add(self, op: Operation, operands: list[int], node: Value | None = None) -> int:
        """Tape one operation, and that it is a node's, if it is; return its place."""
        place = len(self.items)
        active = self.is_active(operands)
        numbers = self.outputs.get(node, ()) if node is not None else ()
        if numbers:
            shape = self.shapes.add(Computed(op, len(operands), active, len(numbers)))
        else:
            shape = self.shape(op, len(operands), active)
        self.items.append(shape, [place, *operands, *numbers])
        self.active.append(active)
        if node is not None and node.op is not None:
            self.places[node.born - self.first] = place
            if node.label:
                self.labels[place] = node.label
        return place

    def operand(self, source: Any, once: bool = False) -> int:
        """Return the number that stands for a node or a constant; the same for all alike, if they are taped once."""
        if source.__class__ is not float:
            if source.born:
                return self.places[source.born - self.first]
            if source in self.leaves:
                return self.leaves[source]
            if self.others is not None and source.__class__ is not Constant:
                self.others.append(source)
                return self.leaves.setdefault(source, ROW + ASIDE + len(self.others) - 1)
            source = float(source._data)
        return self.constant(source) if once else self.number(source)

    def is_active(self, operands: Sequence[int]) -> bool:
        """Tell whether a parameter is behind some operands."""
        return any(self.active[o] if o < PARAMETER else o < ROW for o in operands)

    def number(self, number: float) -> int:
        self.numbers.append(number)
        return NUMBER + len(self.numbers) - 1

    def is_zero(self, operand: int) -> bool:
        return operand >= NUMBER and repr(self.numbers[operand - NUMBER]) == '0.0'
