"""The short way into machine code: CPython calls it, with its own objects; see ``llvm_call``.

It knows lists and tuples of floats and arrays of float64, and as many rows as it has learnt of; for anything else
its functions return None, and who called goes the long way, which then may teach it the number of rows.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache
from inspect import getdoc, signature
from itertools import accumulate
from operator import attrgetter
from typing import Any

import numpy as np

from ..._processes import free_lock
from ..ir.routine import Block, Loop, Routine
from ..printers.llvm_call import ALIGNED, API, CALL, CONTEXT, KINDS, LAYOUT, SLOT, SLOTS, TYPE, VECTOR, entries
from .engines import Call, Quick
from .machine import Machine

__all__ = ['Door', 'Memory', 'address', 'call', 'first', 'is_supported']

#: From so many operands on, other threads may run meanwhile: giving the interpreter away takes time, too.
LONG = 1 << 14
#: So many numbers of memory a slot may have: calls that need more take so long that the long way is no matter.
MOST = 1 << 20
FASTCALL, KEYWORDS = 0x80, 0x02
#: Where ``PyArray_New`` is in NumPy's C API.
NEW = 93
_teaching = free_lock()


class Memory:
    """Doubles that begin where a vector may."""

    def __init__(self, size: int) -> None:
        self.size, self.array = size, np.zeros(size + 8)
        self.address = address(self.array) + 63 & ~63


class _Method(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (('name', ctypes.c_char_p), ('function', ctypes.c_void_p), ('flags', ctypes.c_int),
                ('doc', ctypes.c_char_p))  # fmt: skip


class _Entries:
    """The machine code of the short way, one for all programs."""

    def __init__(self) -> None:
        self.machine = Machine(entries(), API)
        ways = *Quick._fields, 'call'
        self.methods = {way: _Method(way.encode(), self.machine[way], FASTCALL, None) for way in ways}


_entries = cache(_Entries)


def _builtin(method: _Method, of: tuple[Any, ...]) -> Any:
    """Return a function that CPython calls with this as its ``self``; the method must live as long."""
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return new(ctypes.addressof(method), of, None)


class _First(tuple[Any, ...]):
    """What both ways of a call need; pickled, it is whose method the long one is."""

    def __reduce__(self) -> tuple[Any, ...]:
        return attrgetter('__self__'), (self[1],)


def first(short: Callable[..., Any], long: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that goes the short way of ``value_and_gradient`` if it can, and else the long one, a method.

    It looks like some method of a class, whose rows it takes where none are given, and is pickled as the long way is.
    """
    known = signature(like)
    rows = known.parameters['rows'].default
    shown = {**known.parameters, 'rows': known.parameters['rows'].replace(default=[*rows])}  # inspect reads no ((),)
    plain = [parameter.replace(annotation=known.empty) for parameter in shown.values()]
    given = known.replace(parameters=plain, return_annotation=known.empty)
    about = f'{like.__name__}{given}\n--\n\n{getdoc(like)}'.replace('(self', '($self', 1)
    method = _Method(like.__name__.encode(), _entries().machine['first'], FASTCALL | KEYWORDS, about.encode())
    return _builtin(method, _First((short.__self__, long, rows, method)))  # type: ignore[attr-defined, no-any-return]


class _Context:
    """What functions of ``llvm_call`` know of a routine."""

    def __init__(self, routine: Routine, slots: int, more: int = 0) -> None:
        self.routine, self._work = routine, sum(work(block, routine) for block in routine.blocks)
        self._context = np.zeros(len(CONTEXT) + slots * len(SLOT) + more, dtype=np.int64)
        things = [float, int, list, tuple, np.ndarray, np.dtype(float), None]
        #: What must live as long as one of the functions: by place in the context, or by itself.
        self._kept: dict[Any, Any] = {'entries': _entries(), 'things': things, 'written': []}
        known = [*map(id, things), new_array(), routine.width, routine.parameters]
        self._context[: len(known)] = known
        for place in range(slots):
            self._put(place, count=-1)

    def _function(self, way: str) -> Any:
        return _builtin(_entries().methods[way], (self._context, self._kept))

    def _structure(self, *things: Any) -> int:
        """Write down structures of numbers, one behind the other; return where."""
        codes: list[int] = []
        for thing in things:
            self._describe(thing, codes)
        return self._written([*codes, 0, 0, 0])  # what reads a kind reads as much as the longest has

    def _written(self, numbers: Sequence[int]) -> int:
        """Write down whole numbers, for as long as the functions live; return where."""
        array = np.array(numbers, dtype=np.int64)
        self._kept['written'].append(array)
        return address(array)

    def _describe(self, thing: Any, codes: list[int]) -> None:
        kind = type(thing)
        if kind is float:
            codes.append(KINDS.index('number'))
        elif kind is np.ndarray and thing.dtype == float:
            codes += [KINDS.index('array'), thing.size, thing.ndim, *thing.shape]
        elif kind is list or kind is tuple:
            plain = all(type(part) is float for part in thing)
            codes += [KINDS.index(kind.__name__), len(thing), plain]
            for part in () if plain else thing:
                self._describe(part, codes)
        else:
            raise _Unknown(kind)

    def _memory(self, sizes: dict[str, int]) -> tuple[Memory, dict[str, int]]:
        """Return memory for so many doubles of each name, and where they are."""
        *starts, end = accumulate((-(-size // 8) * 8 for size in sizes.values()), initial=0)
        memory = Memory(end)
        return memory, {name: memory.address + 8 * start for name, start in zip(sizes, starts)}

    def _put(self, place: int, **fields: int) -> None:
        for name, number in fields.items():
            self._context[self._at(place, name)] = number

    def _at(self, place: int, name: str) -> int:
        return len(CONTEXT) + place * len(SLOT) + SLOT.index(name)


class Door(_Context):
    """Functions that enter a routine's machine code, ``quick``, and what they know."""

    def __init__(self, routine: Routine) -> None:
        super().__init__(routine, SLOTS)
        count = routine.count
        for name, outputs in ('all', [0.0] * count), ('pair', (0.0, np.zeros(max(count - 1, 0)))):
            self._context[CONTEXT.index(name)] = self._structure(outputs)
        self.quick = Quick(*map(self._function, Quick._fields))

    def learn(self, n: int, code: Any, way: str) -> None:
        """Know from now on what is to run for so many rows: a function of a code."""
        routine = self.routine
        packed = -(-n // code.lanes) * code.lanes * routine.width
        if not n or packed > MOST or self._context[self._at(n % SLOTS, 'count')] == n:
            return
        sizes = {'listed': n * routine.width, 'packed': packed}
        self._teach(n % SLOTS, n, n, code, way, sizes)

    def learn_packed(self, n: int, code: Any, packed: Memory) -> None:
        """Know these rows alone, which are packed already."""
        self._kept['packed'] = packed
        self._teach(0, 0, n, code, 'batch', {}, packed=packed.address)

    def _teach(
        self, place: int, count: int, n: int, code: Any, way: str, sizes: dict[str, int], **addresses: int
    ) -> None:
        own = {'theta': self.routine.parameters, 'scratch': code.scratch, 'results': self.routine.count}
        with _teaching:
            self._put(place, count=-1)  # from now on nobody enters; who is in already needs what is there
            if self._context[self._at(place, 'busy')]:
                return
            memory, places = self._memory(own | sizes)
            shape = np.array([n, self.routine.count])
            self._kept[place] = code, memory, shape
            self._put(place, number=n, long=n * self._work > LONG, function=code[way], shape=address(shape))
            self._put(place, **places, **addresses)
            self._put(place, count=count)


class _Call(_Context):
    """A function that does one call of a compiled function."""

    function: Callable[..., Any]

    def __init__(self, routine: Routine, code: Any, of: Call) -> None:
        super().__init__(routine, 1, len(CALL))
        n, lanes = len(of.rows), code.lanes
        blocks, count = -(-n // lanes), routine.count
        given, theta = sum(map(_size, of.arguments)), -(-len(of.parameters) // 8) * 8
        sizes = {
            'theta': theta, 'packed': blocks * lanes * routine.width, 'numbers': given + 1, 'scratch': code.scratch,
            'results': blocks * lanes * count,
        }  # fmt: skip
        memory, at = self._memory(sizes)
        code.pack(address(of.rows), *of.rows.strides, n, at['packed'])
        # What is picked goes to theta, and behind it to the only row; behind the numbers given there is a 0.
        picks = [*of.parameters, *[None] * (theta - len(of.parameters)) * bool(of.row), *of.row]
        numbers, consecutive = at['numbers'], [*range(given)]
        if [*of.parameters, *of.row] == consecutive and not (of.parameters and of.row):
            numbers, picks = at['packed' if of.row else 'theta'], []
        places = [row // lanes * lanes * count + output * lanes + row % lanes for row, output in of.places]
        known = {
            'given': len(of.arguments), 'reads': self._structure(*of.arguments), 'numbers': numbers,
            'picked': len(picks), 'picks': self._written([given if k is None else k for k in picks]), 'to': at['theta'],
            'watched': -1 if of.watched is None else of.watched * lanes,
            'doubts': -(-sizes['results'] // VECTOR) * of.doubtful,
            'places': 0 if places == [*range(len(places))] else self._written(places),
            'builds': self._structure(of.result),
        }  # fmt: skip
        self._context[-len(CALL) :] = [known[name] for name in CALL]
        addresses = {name: at[name] for name in ('theta', 'packed', 'scratch', 'results')}
        self._put(0, number=n, long=n * self._work > LONG, function=code['blocks'], **addresses)
        self._put(0, parameters=at['theta'])
        self._kept['code'] = code, memory
        self.function = self._function('call')


def call(routine: Routine, code: Any, of: Call) -> Callable[..., Any] | None:
    """Return a function that does such a call by a code that does not add; None where it is given other arguments.

    There is none for structures of other things than numbers, lists, tuples and arrays.
    """
    if len(of.rows) * max(routine.width, routine.count) > MOST:
        return None
    try:
        return _Call(routine, code, of).function
    except _Unknown:
        return None


class _Unknown(Exception):
    """There is no short way for something in a structure."""


def _size(thing: Any) -> int:
    """Count the numbers of a structure of what the short way reads."""
    if isinstance(thing, np.ndarray):
        return thing.size
    if isinstance(thing, (list, tuple)):
        return sum(map(_size, thing))
    if isinstance(thing, float):
        return 1
    raise _Unknown


@cache
def new_array() -> int:
    """Return the address of ``PyArray_New``, 0 if there is none: it has its place in NumPy's C API."""
    core = getattr(np, '_core', None) or np.core
    table = getattr(core._multiarray_umath, '_ARRAY_API', None)
    if table is None:
        return 0
    find = ctypes.pythonapi.PyCapsule_GetPointer
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_size_t.from_address(find(table, None) + 8 * NEW).value


@cache
def is_supported() -> bool:
    """Tell whether this is a CPython whose objects, and NumPy's arrays, have all where ``llvm_call`` looks for it.

    PyPy has no such objects; a build without the interpreter's lock, or one that counts all references, others.
    """
    if sys.implementation.name != 'cpython' or object.__basicsize__ != 2 * TYPE or struct.calcsize('P') != 8:
        return False
    number, array = 0.5, np.zeros((2, 3))[:, ::2]
    listed, items = [number, 1.5], (number, 1.5)

    def there(thing: Any, part: str, kind: Any = ctypes.c_int64) -> Any:
        return kind.from_address((thing if isinstance(thing, int) else id(thing)) + LAYOUT[part]).value

    def several(start: int) -> list[int]:
        return [ctypes.c_int64.from_address(start + 8 * k).value for k in range(2)]

    things: tuple[Any, ...] = number, listed, items, array
    return (
        all(ctypes.c_void_p.from_address(id(thing) + TYPE).value == id(type(thing)) for thing in things)
        and there(number, 'float', ctypes.c_double) == number
        and there(listed, 'size') == there(items, 'size') == 2
        and several(there(listed, 'listed')) == several(id(items) + LAYOUT['items']) == [*map(id, listed)]
        and there(array, 'data') == array.ctypes.data
        and there(array, 'dimensions', ctypes.c_int) == array.ndim
        and several(there(array, 'lengths')) == [*array.shape]
        and several(there(array, 'strides')) == [*array.strides]
        and there(array, 'dtype') == id(np.dtype(float))
        and there(array, 'flags', ctypes.c_int) & ALIGNED != 0
        and new_array() != 0
    )


def work(block: Block, routine: Routine) -> int:
    """Count the operands of all that a block computes, its loops included."""
    total = 0
    for item in block:
        if isinstance(item, Loop):
            total += item.count * sum(work(inner, routine) for inner in item.blocks)
        else:
            total += len(routine.instructions[item].operands)
    return total


def address(array: Any) -> int:
    """Return where an array's numbers begin, if it has any: quickly, if it may be written to and has no gaps."""
    if not array.size:
        return 0
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError, BufferError):
        return array.ctypes.data  # type: ignore[no-any-return]
