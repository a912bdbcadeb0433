"""Engines run a routine over rows: by Python, by NumPy; what every engine can, and how it is called.

Each has the same three ways: ``each`` (the outputs of every row), ``sums`` (the outputs
summed over the rows), ``descend`` (steps of an update in batches, the first output being the
error and the others its derivatives). Rows and parameters are checked before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from math import hypot
from typing import Any, NamedTuple, Protocol

from ..._extras import needed
from ...engine.while_loop import LimitError
from ..ir.routine import Routine
from ..printers import numpy as numpy_printer
from ..printers import python
from ..update import Update
from .rows import as_array, as_lists

__all__ = ['NEVER', 'Call', 'Engine', 'NumPyEngine', 'PythonEngine', 'Quick', 'Steps']


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


class Call(NamedTuple):
    """What a call of a compiled function is: its arguments and its result, and where a routine has their numbers."""

    #: All arguments, and the result, of any floats.
    arguments: tuple[Any, ...]
    result: Any
    #: Which numbers of the arguments, by place, are the parameters, and which of them begin the only row; None is a 0.
    parameters: Sequence[int | None]
    row: Sequence[int | None]
    #: All rows, as the engine takes them, as far as they are not of the arguments.
    rows: Any
    #: For each number of the result, of which row it is, and which output.
    places: Sequence[tuple[int, int]]
    #: The output of the first row that is 0 if all is well, if there is one; whether a nan is to be looked into.
    watched: int | None = None
    doubtful: bool = False


class Engine(Protocol):
    """What a program asks of an engine."""

    quick: Quick

    @property
    def is_open(self) -> bool:
        """Whether there are short ways of calls, which open where there are many."""

    def bind(self, rows: Any) -> Quick:
        """Return short ways that take parameters alone, for these rows as they are now."""

    def call(self, of: Call) -> Callable[..., Any] | None:
        """Return the short way of such calls, if there is one; it gives None where it finds other arguments."""

    def first(self, long: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return what goes the short way of ``value_and_gradient`` first, and else a long one; None if it is not open.

        It looks like some method, with its name, signature and docstring.
        """

    @property
    def source(self) -> str:
        """What was printed."""

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        """Return rows as this engine takes them, and whether a single one was given."""

    def each(self, rows: Any, parameters: Any) -> Any:
        """Return the outputs of each row: a list of tuples, or an array of shape (rows, outputs)."""

    def sums(self, rows: Any, parameters: Any) -> Any:
        """Return the sum of each output over the rows."""

    def descend(self, rows: Any, theta: Any, update: Update, steps: Steps) -> tuple[list[float], list[list[float]]]:
        """Return the error of each epoch, and the new parameters with what the update remembers of each of them."""


class Steps(NamedTuple):
    """Epochs of so many steps, in batches of a size.

    ``memory`` is what the update remembers, a list for each number it keeps of a parameter; ``l2`` has a number for
    each parameter, if it decays. ``numbers`` are those of each step, or of all steps if there is one row only.
    """

    size: int
    epochs: int
    numbers: Sequence[Sequence[float]]
    memory: Sequence[Sequence[float]]
    l2: Sequence[float]


class _Stepping:
    """Descent for an engine that has sums, and no short ways: the update is run over the parameters as over rows."""

    quick, is_open = NEVER, False

    def bind(self, rows: Any) -> Quick:
        return NEVER

    def call(self, of: Call) -> None:
        return None

    def first(self, long: Callable[..., Any], like: Callable[..., Any]) -> None:
        return None

    def descend(self, rows: Any, theta: Any, update: Update, steps: Steps) -> tuple[list[float], list[list[float]]]:
        decay, rule = (routine and self._columns(routine) for routine in (update.decay, update.rule))
        assert rule
        errors, kept, now = [], [theta, *steps.memory], cycle(steps.numbers)
        for _ in range(steps.epochs):
            total = 0.0
            for start in range(0, len(rows), steps.size):
                error, *slopes = map(float, self.sums(rows[start : start + steps.size], kept[0]))  # type: ignore[attr-defined]
                if decay:
                    (slopes,) = decay([kept[0], slopes, steps.l2], ())
                numbers = [*next(now)]
                if update.clip is not None:
                    numbers.append(hypot(*slopes))
                kept = rule([kept[0], slopes, *kept[1:]], numbers)
                total += error
            errors.append(total)
        return errors, [[*map(float, column)] for column in kept]

    def _columns(self, routine: Routine) -> Callable[[Sequence[Any], Any], list[Any]]:
        """Return what runs a routine over columns of rows, and returns those of the outputs."""
        raise NotImplementedError


class PythonEngine(_Stepping):
    """Runs the printed Python, row by row; needs nothing else."""

    def __init__(self, routine: Routine) -> None:
        self.source, self.outputs = python.source(routine), routine.count
        self.function = python.function(routine, self.source)

    def rows(self, rows: Any, width: int) -> tuple[Any, bool]:
        return as_lists(rows, width)

    def each(self, rows: Any, parameters: Any) -> list[tuple[float, ...]]:
        theta = [*map(float, parameters)]  # NumPy's floats warn where Python's are silent
        results: list[tuple[float, ...]] = []
        try:
            for row in rows:
                results.append(self.function(row, theta))
        except LimitError as error:
            raise LimitError(error.loop, error.limit, len(results)) from None
        return results

    def sums(self, rows: Any, parameters: Any) -> list[float]:
        totals = [0.0] * self.outputs
        for outputs in self.each(rows, parameters):
            totals = [total + y for total, y in zip(totals, outputs)]
        return totals

    def _columns(self, routine: Routine) -> Callable[[Sequence[Any], Any], list[Any]]:
        function = python.function(routine)
        none = [()] * routine.count  # what comes of no parameter
        return lambda columns, numbers: [*zip(*[function(row, numbers) for row in zip(*columns)])] or none


class NumPyEngine(_Stepping):
    """Runs the printed NumPy, all rows at once."""

    def __init__(self, routine: Routine) -> None:
        self.source, self.outputs = numpy_printer.source(routine), routine.count
        self.function = numpy_printer.function(routine, self.source)

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

    def _columns(self, routine: Routine) -> Callable[[Sequence[Any], Any], list[Any]]:
        function, numpy = numpy_printer.function(routine), needed('numpy', 'the numpy backend')

        def run(columns: Sequence[Any], numbers: Any) -> list[Any]:
            results = function(numpy.array(columns, dtype=float), numbers)
            return [numpy.broadcast_to(result, len(columns[0])) for result in results]

        return run
