"""The short way into machine code: CPython calls it, with its own objects; see ``llvm_call``.

It knows lists and tuples of floats and arrays of float64, and as many rows as it has learnt of; for anything else
its functions return None, and who called goes the long way, which then may teach it the number of rows.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np

from ..._processes import free_lock
from ..ir.routine import Block, Loop, Routine
from ..printers.llvm_call import API, CONTEXT, SLOT, SLOTS, TYPE, entries
from .engines import Quick
from .machine import Machine

__all__ = ['Door', 'Memory', 'address', 'is_supported']

#: From so many operands on, other threads may run meanwhile: giving the interpreter away takes time, too.
LONG = 1 << 14
#: So many numbers of memory a slot may have: calls that need more take so long that the long way is no matter.
MOST = 1 << 20
FASTCALL = 0x80
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
        self.methods = {way: _Method(way.encode(), self.machine[way], FASTCALL, None) for way in Quick._fields}


_entries = cache(_Entries)


class Door:
    """Functions that enter a routine's machine code, ``quick``, and what they know."""

    def __init__(self, routine: Routine) -> None:
        self.routine, self._work = routine, sum(work(block, routine) for block in routine.blocks)
        self._context = (ctypes.c_int64 * (len(CONTEXT) + SLOTS * len(SLOT)))()
        types = [float, int, list, tuple, np.ndarray, None, np.empty]
        sizes = [routine.width, routine.parameters, routine.count]
        self._context[: len(CONTEXT)] = [*map(id, types), *sizes]
        for place in range(SLOTS):
            self._put(place, count=-1)
        made = _entries()
        #: What must live as long as one of the functions: by place in the context, or by itself.
        self._kept: dict[Any, Any] = {'entries': made, 'types': types}
        holder = ctypes.addressof(self._context), self._context, self._kept
        new = ctypes.pythonapi.PyCFunction_NewEx
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        self.quick = Quick(*(new(ctypes.addressof(method), holder, None) for method in made.methods.values()))

    def learn(self, n: int, code: Any, way: str) -> None:
        """Know from now on what is to run for so many rows: a function of a code."""
        routine = self.routine
        packed = -(-n // code.lanes) * code.lanes * routine.width
        if not n or packed > MOST or self._context[self._at(n % SLOTS, 'count')] == n:
            return
        shape = (n, routine.count) if way == 'each' else routine.count - 1
        self._teach(n % SLOTS, n, n, code, way, shape, {'listed': n * routine.width, 'packed': packed})

    def learn_packed(self, n: int, code: Any, packed: Memory) -> None:
        """Know these rows alone, which are packed already."""
        self._kept['packed'] = packed
        self._teach(0, 0, n, code, 'batch', self.routine.count - 1, {}, packed=packed.address)

    def _teach(
        self, place: int, count: int, n: int, code: Any, way: str, shape: Any, sizes: dict[str, int], **addresses: int
    ) -> None:
        own = {'theta': self.routine.parameters, 'scratch': code.scratch, 'results': self.routine.count}
        with _teaching:
            self._put(place, count=-1)  # from now on nobody enters; who is in already needs what is there
            if self._context[self._at(place, 'busy')]:
                return
            sizes = own | sizes
            *starts, end = accumulate((-(-size // 8) * 8 for size in sizes.values()), initial=0)
            memory, given = Memory(end), (shape,)
            addresses |= {name: memory.address + 8 * start for name, start in zip(sizes, starts)}
            self._kept[place] = code, memory, given
            self._put(place, number=n, long=n * self._work > LONG, function=code.machine[way], shape=id(given))
            self._put(place, **addresses)
            self._put(place, count=count)

    def _put(self, place: int, **fields: int) -> None:
        for name, number in fields.items():
            self._context[self._at(place, name)] = number

    def _at(self, place: int, name: str) -> int:
        return len(CONTEXT) + place * len(SLOT) + SLOT.index(name)


@cache
def is_supported() -> bool:
    """Tell whether this is a CPython whose objects have their type where ``llvm_call`` looks for it.

    PyPy has no such objects; a build without the interpreter's lock, or one that counts all references, others.
    """
    if sys.implementation.name != 'cpython' or object.__basicsize__ != 2 * TYPE or struct.calcsize('P') != 8:
        return False
    things: tuple[Any, ...] = 0.5, [0.5], (0.5,), np.zeros(1)
    return all(ctypes.c_void_p.from_address(id(thing) + TYPE).value == id(type(thing)) for thing in things)


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
