"""Programs in machine code: which module a call needs, the memory around it, threads.

A module is compiled when a call first needs it: for single rows, for full vectors of
them, for outputs as they are or added up.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ..._processes import cached_property, free_lock
from ..._progress import shown
from ...engine.while_loop import LimitError
from ..ir.products import taken_apart
from ..ir.routine import Routine
from ..printers import llvm_driver, llvm_loops, llvm_products, llvm_update, python
from ..printers.libm import symbols
from ..printers.llvm_while import FAILED, HEAD, INTERRUPTED, SYMBOLS, limits
from ..update import Descent, Update, norm, squares, update_of
from .engines import NEVER, Call, PythonEngine, Quick, Steps
from .machine import Machine, lanes_of_the_processor, llvm
from .quick import Door, Memory, address, call, first, is_supported
from .rows import as_array

__all__ = ['NativeEngine', 'c_function']

_ADDRESS, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
_PACK = ctypes.CFUNCTYPE(None, _ADDRESS, _COUNT, _COUNT, _COUNT, _ADDRESS)
_OVER = ctypes.CFUNCTYPE(None, _ADDRESS, _COUNT, _COUNT, _COUNT, *[_ADDRESS] * 4)
_DESCEND = ctypes.CFUNCTYPE(None, *[_ADDRESS] * 6, *[_COUNT] * 6, *[_ADDRESS] * 3)
#: What ``scipy.LowLevelCallable`` knows by these types.
_FUNCTION = ctypes.CFUNCTYPE(_NUMBER, ctypes.c_int, ctypes.POINTER(_NUMBER), _ADDRESS)
_compiling = free_lock()
#: An engine opens short ways at so many calls: the machine code they need takes as long to make as thousands of calls.
PATIENCE = 8
#: How many doubles a C function may have on the stack: 64 kB.
STACK = 1 << 13
#: So many vectors are computed at a time in loops, where one waits while another is added to, or with products of
#: matrices, which have several sums at a time anyway; if what they keep, so many numbers, stays near the processor.
WIDER, WITH_PRODUCTS, NEAR = 4, 2, 1 << 16


def module(routine: Routine, lanes: int, adding: bool, fast: bool, full: bool) -> tuple[str, int]:
    """Print a module, of straight code or of loops; return it, and how many doubles of scratch memory it needs."""
    if routine.flat:
        return llvm_driver.module(routine, lanes, adding, fast, update_of(Descent()).rule)
    return llvm_loops.module(routine, lanes, adding, fast, full, lanes_of_the_processor())


def c_function(routine: Routine, parameters: Sequence[float], fast: bool) -> Any:
    """Return the first output as a C function, which ctypes may call; see ``llvm_driver.c_function``."""
    llvm()
    if routine.inner:
        raise TypeError('a C function cannot say that a while_loop in it has failed; what to_c prints gives nan then')
    text, scratch = module(routine, 1, False, fast, not routine.flat)
    if scratch + routine.width + routine.count > STACK:
        raise ValueError(
            f'a C function has its numbers on the stack, at most {STACK:,}; this program needs {scratch:,} at a time'
        )
    text = llvm_driver.only(text + llvm_driver.c_function(routine, scratch, parameters), ['function'])
    machine = Machine(text, symbols(routine.used()), loops=not routine.flat)
    function = _FUNCTION(machine['function'])
    function.machine = machine  # type: ignore[attr-defined]  # which lives as long
    return function


class Code:
    """A module in machine code for so many lanes, and its functions: ``code[name]`` is the address of one.

    Where each of them has a copy of the block, a function is not compiled before it is asked for.
    """

    def __init__(self, routine: Routine, lanes: int, adding: bool, fast: bool, full: bool) -> None:
        self.routine, self.lanes, self.width, self.adding = routine, lanes, routine.width, adding
        self._text, self.scratch = module(routine, lanes, adding, fast, full)
        self._copies = llvm_driver.COPIES if llvm_driver.INLINE in self._text else [llvm_driver.WAYS]
        self._descends = 'define void @descend' in self._text
        #: Where in scratch memory it is said which loop has failed, if any can.
        self.failed = routine.count * lanes + FAILED if routine.inner else None
        self.machines: dict[tuple[str, ...], Machine] = {}
        self._free: list[tuple[Memory, Memory]] = []
        self._running: dict[int, Memory] = {}

    def __getitem__(self, name: str) -> int:
        with _compiling:
            machine = next((machine for names, machine in self.machines.items() if name in names), None)
            return (machine or self._machine(name))[name]

    def _machine(self, name: str) -> Machine:
        names = next(names for names in self._copies if name in names)
        text = llvm_driver.only(self._text, names)
        called = [*symbols(self.routine.used()), *(SYMBOLS if self.routine.inner else ())]
        with shown(f'compiling {len(self.routine.instructions):,} instructions into machine code'):
            machine = Machine(text, called, loops=not self.routine.flat, others=_products(text, self.lanes))
        self.machines[names] = machine
        if len(self._copies) == 1:  # no more will be asked for, and of large programs it is long
            self._text = ''
        return machine

    @cached_property
    def pack(self) -> Callable[..., None]:
        return _PACK(self['pack'])

    @cached_property
    def over(self) -> Callable[..., None]:
        return _OVER(self['sums' if self.adding else 'each'])

    @cached_property
    def sums(self) -> Callable[..., None]:
        return _OVER(self['sums'])

    @cached_property
    def descend(self) -> Callable[..., None] | None:
        """Gradient descent without more, if that is done here, in registers."""
        return _DESCEND(self['descend']) if self._descends else None

    def memory(self, blocks: int) -> tuple[Memory, Memory]:
        """Return memory for packed rows, and scratch; some that was used before, if it is large enough."""
        size = blocks * self.width * self.lanes
        try:
            packed, scratch = self._free.pop()
        except IndexError:
            packed, scratch = Memory(size), Memory(self.scratch)
        return (packed if packed.size >= size else Memory(size)), scratch

    def give_back(self, packed: Memory, scratch: Memory) -> None:
        self._free.append((packed, scratch))

    def clear(self, scratch: Memory) -> None:
        """Begin with no loop that has failed."""
        if self.failed is not None:
            ctypes.memset(scratch.address + 8 * self.failed, 0, 8 * (HEAD - FAILED))

    def failure(self, scratch: Memory) -> int:
        """Return which loop has failed, see ``llvm_while``; raise what a signal has raised meanwhile."""
        if self.failed is None:
            return 0
        failed, *raised = (ctypes.c_int64 * 4).from_address(scratch.address + 8 * self.failed)
        if failed == INTERRUPTED and raised[0]:
            ctypes.pythonapi.PyErr_Restore(*map(ctypes.c_void_p, raised))
        return failed

    def stop(self) -> None:
        """End the loops that turn for other threads."""
        for scratch in [*self._running.values()]:
            if self.failed is not None:
                ctypes.c_int64.from_address(scratch.address + 8 * self.failed).value = INTERRUPTED

    def run(self, way: Callable[..., None], rows: Any, parameters: int, results: int) -> int:
        """Run over rows, from the parameters at an address to the results at another; return which loop has failed."""
        n, (down, across) = len(rows), rows.strides
        packed, scratch = memory = self.memory(-(-n // self.lanes))
        self.clear(scratch)
        self._running[scratch.address] = scratch
        try:
            way(address(rows), down, across, n, packed.address, parameters, scratch.address, results)
            return self.failure(scratch)
        finally:
            del self._running[scratch.address]
            self.give_back(*memory)


def _products(text: str, lanes: int) -> list[tuple[str, Machine]]:
    """Return the function that a module calls for products of matrices, if it does."""
    register = lanes_of_the_processor()
    name = llvm_products.name(lanes, register)
    return [(name, _product(lanes, register))] if name in text else []


@cache
def _product(lanes: int, register: int) -> Machine:
    """Return the machine code of products, whatever the program that calls it."""
    return Machine(llvm_products.module(lanes, register), ())


@lru_cache(maxsize=64)
def _descent(update: Update) -> Callable[..., None]:
    """Return the machine code of an update, whatever the program it is for."""
    clip = None if update.clip is None else (squares(), norm())
    with _compiling:
        machine = Machine(llvm_update.module(update.rule, update.decay, clip), symbols(update.used()))
    descend = _DESCEND(machine['descend'])
    descend.machine = machine  # type: ignore[attr-defined]
    return descend


class NativeEngine:
    """Runs a routine in machine code, rows in SIMD lanes, blocks of rows on threads."""

    quick = NEVER

    def __init__(self, routine: Routine, threads: int = 1, fast: bool = False) -> None:
        llvm()
        self.routine, self.threads, self.fast = routine, threads, fast
        self.outputs, self._turns = routine.count, bool(routine.inner)  # asked for at every call
        self._codes: dict[tuple[int, bool, bool], Code] = {}
        self._doors: dict[str, Door] = {}  # for outputs as they are, and added up
        self._long_calls = 0

    @property
    def is_open(self) -> bool:
        return self._long_calls >= PATIENCE and self.threads == 1 and not self._turns and is_supported()

    def _learn(self, way: str, n: int, code: Code) -> None:
        """Have so many rows go the short way from now on, if it is worth while."""
        self._long_calls += 1
        if not self.is_open:
            return
        with _compiling:
            if not self._doors:
                self._doors = {way: Door(self.routine) for way in ('each', 'sums')}
                each, sums = (door.quick for door in self._doors.values())
                self.quick = Quick(each.each, sums.sum, sums.value_and_gradient)
        self._doors[way].learn(n, code, way)

    def bind(self, rows: Any) -> Quick:
        n = len(rows)
        if self.threads > 1 or not n or self._turns or not is_supported():
            return NEVER
        code = self.code(n, adding=True)
        packed, door = Memory(-(-n // code.lanes) * code.lanes * code.width), Door(self.routine)
        code.pack(address(rows), *rows.strides, n, packed.address)
        door.learn_packed(n, code, packed)
        return door.quick

    def call(self, of: Call) -> Callable[..., Any] | None:
        with _compiling:
            return call(self.routine, self.code(len(of.rows), adding=False), of)

    def first(self, long: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any] | None:
        return first(self.quick.value_and_gradient, long, like) if self._doors else None

    @property
    def source(self) -> str:
        """The program as Python: LLVM's text says the same at greater length."""
        return python.source(self.routine)

    @cached_property
    def _wider(self) -> int:
        return WITH_PRODUCTS if taken_apart(self.routine)[1] else WIDER

    def code(self, rows: int, adding: bool, full: bool = True) -> Code:
        """Return machine code for batches of so many rows, ``full`` if all batches have as many."""
        lanes, loops = lanes_of_the_processor(), not self.routine.flat
        if loops and adding:
            memory = self.routine.memory * lanes * self._wider
            lanes *= self._wider if memory <= NEAR else 1
        if rows < lanes:
            lanes = 1 << max(rows - 1, 0).bit_length()
        key = lanes, adding and (loops or rows > lanes), loops and full and rows % lanes == 0
        if key not in self._codes:
            with _compiling:
                if key not in self._codes:
                    self._codes[key] = Code(self.routine, *key[:2], self.fast, key[2])
        return self._codes[key]

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        return as_array(rows, width)

    def each(self, rows: Any, parameters: Any) -> Any:
        result = np.empty((len(rows), self.outputs))
        theta, to = np.ascontiguousarray(parameters, dtype=float), address(result)
        code, size = self.code(len(rows), adding=False), self.outputs * 8

        def run(start: int, end: int) -> None:
            failed = code.run(code.over, rows[start:end], address(theta), to + start * size)
            self._check(failed, rows[start:end], theta, start)

        self._share(run, len(rows))
        self._learn('each', len(rows), code)
        return result

    def sums(self, rows: Any, parameters: Any) -> Any:
        if not len(rows):
            return np.zeros(self.outputs)
        theta = np.ascontiguousarray(parameters, dtype=float)

        def run(start: int, end: int) -> Any:
            code, result = self.code(end - start, adding=True), np.empty(self.outputs)
            failed = code.run(code.sums, rows[start:end], address(theta), address(result))
            self._check(failed, rows[start:end], theta, start)
            return result

        first, *others = self._share(run, len(rows))
        for other in others:  # in order, so that the same number of threads gives the same bits
            first += other
        self._learn('sums', len(rows), self.code(len(rows), adding=True))
        return first

    def descend(self, rows: Any, theta: Any, update: Update, steps: Steps) -> tuple[list[float], list[list[float]]]:
        n, count, size = len(rows), self.outputs - 1, min(steps.size, len(rows))
        code = self.code(size, adding=True, full=n % size == 0)
        kept = np.array([theta, *steps.memory], dtype=float)
        errors, sums = np.empty(steps.epochs), np.empty(self.outputs)
        l2 = np.array(steps.l2) if update.decay else None
        numbers, several = np.array(steps.numbers, dtype=float), len(steps.numbers) > 1
        blocks = -(-size // code.lanes)
        packed, scratch = code.memory(-(-n // size) * blocks)
        apart = blocks * code.lanes * code.width
        whole = n if size % code.lanes == 0 else size  # batches of full blocks can be packed all at once
        for start in range(0, n, whole):
            batch = rows[start : start + whole]
            code.pack(address(batch), *batch.strides, len(batch), packed.address + start // size * apart * 8)
        code.clear(scratch)
        start = address(kept)
        run = (code.descend if update.is_plain else None) or _descent(update)
        run(
            code['batch'], packed.address, start, start + 8 * count, 0 if l2 is None else address(l2), address(numbers),
            len(steps.numbers[0]) if several else 0, n, size, steps.epochs, count, apart,
            scratch.address, address(sums), address(errors),
        )  # fmt: skip
        failed = code.failure(scratch)
        code.give_back(packed, scratch)
        self._check(failed, (), theta)
        return errors.tolist(), kept.tolist()

    def _check(self, failed: int, rows: Any, parameters: Any, first: int = 0) -> None:
        """Raise what a loop that has failed stands for; Python knows in which row."""
        if not failed:
            return
        if failed == INTERRUPTED:
            raise InterruptedError('a while_loop was stopped')
        if failed == 1:
            raise MemoryError('a while_loop found no memory for the states of its turns')
        loop = limits(self.routine)[failed - 2]
        if len(rows):
            try:
                PythonEngine(self.routine).each(rows.tolist(), parameters)
            except LimitError as error:
                raise error.moved(first) from None
        raise LimitError(loop.line, loop.limit or 0)

    def _share(self, run: Callable[[int, int], Any], n: int) -> list[Any]:
        """Run over so many ranges of whole blocks as there are threads; return what each returned."""
        if self.threads == 1:
            return [run(0, n)]
        lanes = lanes_of_the_processor()
        blocks = -(-n // lanes)
        threads = max(1, min(self.threads, blocks))
        ends = [min(n, lanes * (blocks * k // threads)) for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            try:
                return [*pool.map(run, ends, ends[1:])]
            except BaseException:
                for code in [*self._codes.values()]:
                    code.stop()
                raise

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, '_codes': {}, '_doors': {}, '_long_calls': 0}
        state.pop('quick', None)
        return state
