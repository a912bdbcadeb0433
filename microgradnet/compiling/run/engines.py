"""Engines run a routine over rows: by Python, by NumPy, in machine code.

Each has the same three ways: ``each`` (the outputs of every row), ``sums`` (the outputs
summed over the rows), ``descend`` (gradient descent in batches, the first output being the
error and the others its derivatives). Rows and parameters are checked before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ..._extras import have, needed
from ...engine.checks import one_of, whole
from ...engine.table import Operation
from ..ir.powers import without_powers
from ..ir.routine import Routine
from ..printers import numpy, python
from .machine import llvm
from .rows import as_array, as_lists

__all__ = ['BACKENDS', 'NEVER', 'Engine', 'Quick', 'best_backend', 'check_backend', 'check_way', 'engine']

BACKENDS = ('python', 'numpy', 'native')


class Quick(NamedTuple):
    """The short ways: of parameters and rows as they come, unchecked. What one does not understand gives None.

    Then the long way is to be gone, which checks, and says what is wrong; where both come to something, it is the same.
    """

    #: The outputs of a single row, a list of floats; or of many, an array.
    each: Callable[..., Any]
    #: The outputs summed over the rows, a list of floats.
    sum: Callable[..., list[float] | None]
    #: The same as the first of them, and an array of the others.
    value_and_gradient: Callable[..., tuple[float, Any] | None]


#: Where there is no short way.
NEVER = Quick(*[lambda *given: None] * 3)


class Engine(Protocol):
    """What a program asks of an engine."""

    quick: Quick

    def bind(self, rows: Any) -> Quick:
        """Return short ways that take parameters alone, for these rows as they are now."""

    @property
    def source(self) -> str:
        """What was printed."""

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        """Return rows as this engine takes them, and whether a single one was given."""

    def each(self, rows: Any, parameters: Any) -> Any:
        """Return the outputs of each row: a list of tuples, or an array of shape (rows, outputs)."""

    def sums(self, rows: Any, parameters: Any) -> Any:
        """Return the sum of each output over the rows."""

    def descend(
        self, rows: Any, parameters: Any, size: int, h: float, epochs: int
    ) -> tuple[list[float], list[float]]:
        """Return the error of each epoch, and the new parameters."""


class _Stepping:
    """Gradient descent for an engine that has sums, and no short ways."""

    quick = NEVER

    def bind(self, rows: Any) -> Quick:
        return NEVER

    def descend(
        self, rows: Any, parameters: Any, size: int, h: float, epochs: int
    ) -> tuple[list[float], list[float]]:
        errors = []
        for _ in range(epochs):
            total = 0.0
            for start in range(0, len(rows), size):
                error, *slopes = map(float, self.sums(rows[start : start + size], parameters))  # type: ignore[attr-defined]
                parameters = [w - h * slope for w, slope in zip(parameters, slopes)]
                total += error
            errors.append(total)
        return errors, parameters


class PythonEngine(_Stepping):
    """Runs the printed Python, row by row; needs nothing else."""

    def __init__(self, routine: Routine) -> None:
        self.source, self.outputs = python.source(routine), routine.count
        self.function = python.function(routine)

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        return as_lists(rows, width)

    def each(self, rows: Any, parameters: Any) -> list[tuple[float, ...]]:
        theta = [*map(float, parameters)]  # NumPy's floats warn where Python's are silent
        return [self.function(row, theta) for row in rows]

    def sums(self, rows: Any, parameters: Any) -> list[float]:
        totals = [0.0] * self.outputs
        for outputs in self.each(rows, parameters):
            totals = [total + y for total, y in zip(totals, outputs)]
        return totals


class NumPyEngine(_Stepping):
    """Runs the printed NumPy, all rows at once."""

    def __init__(self, routine: Routine) -> None:
        self.source, self.outputs = numpy.source(routine), routine.count
        self.function = numpy.function(routine)

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        return as_array(rows, width)

    def each(self, rows: Any, parameters: Any) -> Any:
        numpy = needed('numpy', 'the numpy backend')

        result = numpy.empty((self.outputs, len(rows)))
        for column, output in zip(result, self.function(rows.T, numpy.asarray(parameters, dtype=float))):
            column[:] = output
        return result.T

    def sums(self, rows: Any, parameters: Any) -> Any:
        return self.each(rows, parameters).sum(axis=0)


def engine(routine: Routine, backend: str, threads: int, fast: bool) -> Engine:
    """Return the engine of a name for a routine; see ``check_backend`` for what it raises."""
    check_backend(backend, routine.customs)
    if backend == 'python':
        return PythonEngine(routine)
    routine = without_powers(routine)
    if backend == 'native':
        from .native import NativeEngine

        return NativeEngine(routine, threads, fast)
    return NumPyEngine(routine)


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
