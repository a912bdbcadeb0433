"""Recording straight onto a tape: of a long function no graph is kept, and its Values die as its own names do.

A node of such a recording is a number and its place on the tape, and each operation of it writes what it is and
where its operands are. So many operations take the memory of their tape, a tenth of that of their graph. Whatever
wants more than operations of one or two numbers (a comparison, ``inputs``, a sum as one node, a Value from outside)
raises ``Untaped``; the function is then recorded as a graph. What comes of nothing stays on the tape, and is computed.

>>> taping = Taping('f', [True])
>>> with taping:
...     x, = taping.leaves([2.0])
...     y = (x * 3.0).sin() + x
>>> tape = taping.tape([y])
>>> [(tape.shapes[name].operation.name, vector[1:]) for name, vector in tape.items], tape.numbers[0]
([('mul', (268435456, 1073741824)), ('sin', (0,)), ('add', (1, 268435456, 1342177280))], 3.0)
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from itertools import chain, count, islice, repeat
from operator import inv
from types import CodeType, FunctionType
from typing import Any, NoReturn

from .._processes import free_lock
from ..engine import fast
from ..engine.cells import define
from ..engine.table import Operation, operations
from ..engine.value import Constant, Value, births, forgive, operand
from .ir.reroll import Items, Shapes
from .ir.tape import NUMBER, OUTPUT, PARAMETER, ROW, Computed, Tape

__all__ = ['LARGEST', 'Taping', 'TooLong', 'Untaped', 'bounded']

#: Functions of more operations are recorded straight onto a tape; programs of more are not made one with others.
LARGEST = 200_000
#: So many operations are written at a time, and counted.
STRETCH = 1 << 13
#: What an operation of a tape's own nodes does: compare ``fast.METHOD``.
METHOD = """\
def {name}({signature}):
    {operands}
    if paused:
        untaped('no_grad')
    try:
        {value}
    except TROUBLE:
        y = forgive({op}_operation, {parameters})
    node = Value()
    node._data = y
    node.born = place = next(tape_places)
    tape_write(({shape}, place, {codes}))
    return node
"""
#: How the other one of two operands is taken.
OPERAND = """\
if type({p}) is Value:
    other = {p}.born
    {p} = {p}._data
else:
    if type({p}) is not float:
        {p} = tape_number({p}, self)
        if {p} is None:
            return NotImplemented
    other = next(tape_numbers)
    tape_keep((other, {p}))
"""
#: Slots and properties that such a node has not.
MISSING = frozenset(['_a', '_b', '_da', '_db', '_grad', '_partials', 'grad', 'inputs', 'op', 'partials', 'signal'])
COMPARISONS = '__bool__', '__eq__', '__ne__', '__lt__', '__le__', '__gt__', '__ge__'


class TooLong(BaseException):  # which no function that is recorded is to catch
    """A function has more operations than were asked for."""


class Untaped(BaseException):
    """A function does something that a tape has no word for."""


class _Bound:
    """How many more operations there may be, if nothing was compared so far."""

    def __init__(self, most: float, compared: Sequence[Any]) -> None:
        self.left, self.compared, self.is_reached = most, compared, False

    def count(self, operations: int) -> bool:
        """Tell whether there may be so many more."""
        self.left -= operations
        self.is_reached = self.is_reached or (self.left < -STRETCH and not self.compared)
        return not self.is_reached

    def reached(self, *_: Any) -> NoReturn:
        raise TooLong


_bound: ContextVar[_Bound | None] = ContextVar('bound', default=None)
_lock, _inside = free_lock(), 0


@contextmanager
def bounded(most: float, compared: Sequence[Any] = ()) -> Iterator[None]:
    """Raise TooLong in a recording of many more operations than these, in this thread or task; not if it compared."""
    global _inside
    with _lock:
        _inside += 1
        # What raises while it is asked for the next stretch, as Ctrl-C does, is at its end: then nobody counts.
        fast.provide(births=chain(chain.from_iterable(map(_stretch, repeat(STRETCH))), births))
    bound = _Bound(most, compared)
    token = _bound.set(bound)
    try:
        yield
        if bound.is_reached:  # and the function went on as if nothing had been
            raise TooLong
    finally:
        _bound.reset(token)
        with _lock:
            _inside -= 1
            if not _inside:
                fast.provide(births=births)


def _stretch(length: int) -> Iterator[int]:
    bound = _bound.get()
    if bound is not None and not bound.count(length):
        return map(bound.reached, [None])  # an error here would be the end of the births of all threads
    return islice(births, length)


class _Numbered(dict[int, int]):
    """Numbers for shapes, in the order in which they come: by those of operations, inverted where not active."""

    def __init__(self, shapes: Shapes, items: Items) -> None:
        self.shapes, self.sizes = shapes, items.sizes

    def __missing__(self, kind: int) -> int:
        op = [*operations.values()][max(kind, ~kind)]
        number = self[kind] = self.shapes.add(Computed(op, len(op.parameters), kind >= 0, 0))
        self.sizes[number] = 1 + len(op.parameters)
        return number


class Taping:
    """One recording of a function; ``active`` says of each of its numbers whether it is differentiated by that."""

    def __init__(self, name: str, active: Sequence[bool]) -> None:
        self.name, self.active = name, active
        self.items, self.shapes = Items(type='I'), Shapes()
        self.over = self._is_untaped = False
        self._numbers = array('d')
        #: Constants and their numbers, in turn: another thread may come between the number and what keeps it.
        self._kept: list[float] = []
        self._labels: dict[int, str] = {}
        self._written: list[int] = []
        self._count, self._born = 0, 0
        #: Where the vectors of each stretch begin.
        self._begins: list[int] = []
        self._known = _Numbered(self.shapes, self.items)
        #: Of each operation, whether a parameter is behind it, where that is not so of all or of none.
        self._behind = bytearray()

    def __enter__(self) -> Taping:
        self._length = STRETCH
        places = chain(chain.from_iterable(map(self._stretch, repeat(self._length))), map(self._untaped, repeat(None)))
        self._space = fast.another_space(
            tape_places=places, tape_write=self._written.extend, tape_keep=self._kept.extend,
            tape_numbers=count(NUMBER), tape_number=self._number, untaped=self._untaped, forgive=forgive,
        )  # fmt: skip
        space = self._space.__enter__()
        self.kind = space['Value'] = type('Value', (Value,), self._methods(space))
        self._born = next(births)
        return self

    def __exit__(self, *what: Any) -> None:
        self.over = True
        self._space.__exit__(*what)

    def leaves(self, row: Sequence[float]) -> list[Value]:
        """Return the arguments of a recording: nodes whose operations are taped."""
        found, parameters, rows = [], count(PARAMETER), count(ROW)
        for x, active in zip(row, self.active, strict=True):
            leaf: Value = self.kind()
            leaf._data, leaf.born = x, next(parameters if active else rows)
            found.append(leaf)
        return found

    def tape(self, outputs: Sequence[Value], sides: Sequence[Value] = ()) -> Tape:
        """Return what was recorded. Raises Untaped if an output is none of it, or something was compared."""
        if sides or self._is_untaped:  # though the function went on as if nothing had been
            self._untaped('a comparison')
        self._flush()
        ends: dict[int, list[int]] = {}
        for number, node in enumerate(outputs, OUTPUT):
            if type(node) is not self.kind or node.born >= PARAMETER:
                self._untaped('an output')
            ends.setdefault(node.born, []).append(number)
        items, size = Items(type='I'), self.items.sizes.__getitem__
        items.sizes, names, flat = self.items.sizes, self.items.names, self.items.flat
        written = summed = start = end = 0
        for place in sorted(ends):
            first = place // self._length
            if first * self._length > summed:
                summed, end = first * self._length, self._begins[first]
            end += sum(map(size, names[summed : place + 1]))
            items.names += names[written:place]
            items.flat += flat[start:end]
            kind = self.shapes[names[place]]._replace(outputs=len(ends[place]))
            items.names.append(self.shapes.add(kind))
            items.flat.extend(ends[place])
            items.sizes[items.names[-1]] = 1 + kind.operands + kind.outputs
            written, summed, start = place + 1, place + 1, end
        items.names += names[written:]
        items.flat += flat[start:]
        parameters, self.items = sum(self.active), Items()
        width = len(self.active) - parameters
        return Tape(items, self.shapes, self._numbers, len(outputs), width, parameters, True, self._labels, unused=True)

    def _stretch(self, length: int) -> Iterable[int]:
        with suppress(Untaped):
            if self._count and not self._is_untaped:
                self._flush()
        if self._is_untaped:
            return map(self._untaped, [None])  # an error here would be the end of the places: a StopIteration
        self._count += length
        return range(self._count - length, self._count)

    def _flush(self) -> None:
        """Put on the tape what was written, if it is all that was recorded, in order."""
        entries = self._written[:]
        del self._written[: len(entries)]
        names = entries[::4]
        del entries[::4]
        places, born = entries[::3], next(births)
        last = len(self.items) + len(names) - 1
        kept = self._kept[:]
        del self._kept[: len(kept)]
        first = NUMBER + len(self._numbers)
        if born != self._born + 1 or (names and places[-1] != last) or places != sorted(places):
            self._untaped('nodes of others')
        if kept[::2] != [*range(first, first + len(kept) // 2)]:
            self._untaped('numbers of threads')
        self._born = born
        self._numbers.extend(kept[1::2])
        if not any(self.active):
            names = [*map(inv, names)]
        elif not all(self.active):
            names = self._sorted(names, entries[1::3], entries[2::3])
        numbers = [*map(self._known.__getitem__, names)]
        if any(self.items.sizes[number] < 3 for number in {*numbers}):
            entries = [*filter((-1).__ne__, entries)]
        self._begins.append(len(self.items.flat))
        self.items.append_all(numbers, entries)

    def _sorted(self, names: list[int], first: list[int], second: list[int]) -> list[int]:
        """Tell operations that a parameter is behind from others; there is none behind a constant, or -1."""
        behind, found = self._behind, []
        for name, a, b in zip(names, first, second):
            on = (behind[a] if a < PARAMETER else a < ROW) or (0 <= b < PARAMETER and behind[b]) or PARAMETER <= b < ROW
            behind.append(on)
            found.append(name if on else ~name)
        return found

    def _number(self, thing: Any, beside: Value) -> float | None:
        """Return a number as a float; None for what may know what to do with a Value."""
        found = operand(thing, beside)
        if found is None:
            return None
        if type(found) is not Constant or type(found._data) is not float:
            self._untaped('a Value from outside, or a fraction')
        return found._data

    def _untaped(self, *what: Any) -> NoReturn:
        if self.over:
            raise ValueError(
                f'a Value that was made while {self.name} was recorded is no node of a graph: of a function of more '
                f'than {LARGEST:,} operations only the tape is kept'
            )
        self._is_untaped = True
        raise Untaped(what)

    def _methods(self, space: dict[str, Any]) -> dict[str, Any]:
        """Return what such a node does: operations write, and everything else is untaped."""

        def other(node: Value, *_: Any, **more: Any) -> NoReturn:
            self._untaped('an operation, or a comparison')

        def missing(node: Value, name: str) -> Any:
            if name in MISSING:
                self._untaped(name)
            return object.__getattribute__(node, name)

        def write(node: Value, label: str) -> None:
            self._labels[node.born] = label

        methods: dict[str, Any] = dict.fromkeys(COMPARISONS, other)
        # A class without __init__ makes its objects in half the time that object.__new__ takes.
        methods |= {'__init__': object.__init__, '__slots__': (), '__hash__': object.__hash__, '__getattr__': missing}
        methods['label'] = property(lambda node: self._labels.get(node.born, ''), write)
        for kind, op in enumerate(operations.values()):
            if op.vectors:
                continue
            for own in ('a', 'b') if op.reflected else ('a',):
                names = {op.method or op.name, op.name, op.numpy} if own == 'a' else {op.reflected}
                method: Any = other
                if _can_be_taped(op):
                    code, defaults = _code(op, own, kind)
                    method = FunctionType(code, space, code.co_name, defaults)
                methods |= dict.fromkeys(names, method)
        return methods


def _can_be_taped(op: Operation) -> bool:
    return len(op.parameters) < 3 and op.has_cells and 'None' not in str(op.write_partials('python'))


@cache
def _code(op: Operation, own: str, kind: int) -> tuple[CodeType, Any]:
    """Print the method of an operation of one or two numbers; return its code and its defaults."""
    others = [p for p in op.parameters if p != own]
    codes = ['self.born' if p == own else 'other' for p in op.parameters] + ['-1'] * (2 - len(op.parameters))
    source = fast.filled(
        METHOD,
        name=op.method or op.name if own == 'a' else op.reflected,
        signature=', '.join(['self', *fast.parameters_of(op, others)]),
        operands='\n'.join([f'{own} = self._data', *(fast.filled(OPERAND, p=p) for p in others)]),
        value='\n'.join(fast.value_lines(op)),
        op=op.name,
        parameters=', '.join(op.parameters),
        shape=str(kind),
        codes=', '.join(codes),
    )
    made: Callable[..., Any] = define(source, {}, f'tape of {op.name} {own}')
    return made.__code__, made.__defaults__
