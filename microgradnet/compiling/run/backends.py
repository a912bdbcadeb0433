"""Backends by their names, and the engine of each: Python, NumPy, machine code.

>>> check_way('python', 1), best_backend({}) in BACKENDS
(None, True)
"""

from __future__ import annotations

from ..._extras import have, needed
from ...engine.checks import one_of, whole
from ...engine.operation import Operation
from ..ir.cheaper import cheaper
from ..ir.routine import Routine
from ..ir.tape import SOONER
from .engines import Engine, NumPyEngine, PythonEngine
from .machine import llvm

__all__ = ['BACKENDS', 'best_backend', 'check_backend', 'check_way', 'engine', 'folded_from']

BACKENDS = ('python', 'numpy', 'native')


def engine(routine: Routine, backend: str, threads: int, fast: bool) -> Engine:
    """Return the engine of a name for a routine; see ``check_backend`` for what it raises."""
    check_backend(backend, routine.customs)
    if backend == 'python':
        return PythonEngine(routine)
    routine = cheaper(routine)
    if backend == 'native':
        from .native import NativeEngine

        return NativeEngine(routine, threads, fast)
    return NumPyEngine(routine)


def folded_from(backend: str | None) -> int | None:
    """Return beyond how many operands a program is folded for a backend; None for as many as for any."""
    return SOONER if (backend or best_backend({})) == 'native' else None


def check_way(backend: str | None, threads: int) -> None:
    """Raise ValueError for a backend that there is not (None is the fastest there is), or no number of threads."""
    if backend is not None:
        one_of('backend', backend, BACKENDS)
    whole('threads', threads)


def check_backend(backend: str, customs: dict[str, Operation]) -> None:
    """Raise ImportError where a package is missing, TypeError if a backend cannot print users' own operations."""
    if backend == 'native':
        needed('numpy', 'the native backend', extra='native', instead="compile with backend='python'")
        llvm()
        if customs:
            names = ', '.join(op.name for op in customs.values())
            raise TypeError(
                f'the native backend cannot print {names}: a custom operation is known to Python alone. '
                "Compile with backend='numpy' or 'python', or write it with operations of the table"
            )


def best_backend(customs: dict[str, Operation]) -> str:
    """Choose the fastest backend that is installed and can print a program with some users' own operations."""
    if not have('numpy'):
        return 'python'
    return 'native' if have('llvmlite') and not customs else 'numpy'
