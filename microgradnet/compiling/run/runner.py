"""Runners: a routine on a backend, and the branches it was recorded along; no graph is needed to run it.

It is what is sent to workers.

>>> from ..ir.sweeps import lower
>>> from ...engine.value import Value
>>> x, w = Value(0.0), Value(0.0)
>>> runner = Runner(lower([w * x], [x], [w]), Watch([], 'python'))
>>> runner.sums([[1.0], [2.0]], [10.0])
[30.0]
>>> runner.sums(iter([[1.0], [2.0]]), [10.0])
[30.0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._processes import cached_property
from ...engine.functions import is_array
from ...engine.while_loop import LimitError
from ..guards import BranchError, Branches
from ..ir.routine import Routine
from .backends import engine
from .engines import NEVER, Engine, Quick
from .rows import added, blocks

__all__ = ['Runner', 'Watch']


class Watch:
    """Watches that rows go the way of each recording; on which backend, and how, is in ``way``."""

    branches: Sequence[tuple[Branches, Routine]]
    way: tuple[str, int, bool]

    def __init__(
        self, branches: Sequence[tuple[Branches, Routine]], backend: str, threads: int = 1, fast: bool = False
    ) -> None:
        self.branches, self.way = branches, (backend, threads, fast)

    @cached_property
    def _engines(self) -> list[Engine]:
        """What says which comparison comes out another way, for each recording."""
        return [engine(routine, *self.way) for _, routine in self.branches]

    @property
    def reads_parameters(self) -> bool:
        """Tell whether it depends on parameters, too, which way a row goes."""
        return any(routine.reads_parameters for _, routine in self.branches)

    def check(self, data: Any, theta: Any, first: int = 0) -> None:
        """Raise BranchError for a row that would go another way than a recording; the first has this number.

        theta: the parameters; what follows them, as a direction does, is no matter.
        """
        for (branches, routine), running in zip(self.branches, self._engines):
            for row, (other,) in enumerate(_others(running.each(data, theta[: routine.parameters]))):
                if other:
                    raise BranchError(
                        f'row {first + row} would take another branch than the recording: '
                        f'{branches.guards[int(other) - 1]}. '
                        'Record it for such rows too, or compile the function, which records each path it meets'
                    )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != '_engines'}


def _others(numbers: Any) -> Any:
    """Return what came of each row, or nothing if all rows of an array have 0."""
    return () if is_array(numbers) and not numbers.any() else numbers


class Runner:
    """Runs a routine over rows, each checked before, on the backend of the watch."""

    routine: Routine
    watch: Watch

    def __init__(self, routine: Routine, watch: Watch) -> None:
        self.routine, self.watch = routine, watch

    @cached_property
    def engine(self) -> Engine:
        return engine(self.routine, *self.watch.way)

    @property
    def quick(self) -> Quick:
        """The short ways to the same: none where rows are to be watched."""
        return NEVER if self.watch.branches else self.engine.quick

    def first(self, long: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return what goes the short way of ``value_and_gradient`` first, and else a long one; None if it is closed."""
        return None if self.watch.branches else self.engine.first(long, like)

    def bind(self, data: Any) -> Quick:
        """Return short ways for these rows, which are checked: none where parameters may send them another way."""
        return NEVER if self.watch.reads_parameters else self.engine.bind(data)

    def each(self, rows: Any, theta: Any) -> tuple[Any, bool]:
        """Return the outputs of every row, and whether a single row was given."""
        data, single = self.engine.rows(rows, self.routine.width)
        self.watch.check(data, theta)
        return self.engine.each(data, theta), single

    def sums(self, rows: Any, theta: Any, first: int = 0) -> Any:
        """Return each output summed over the rows, which may be more than memory holds.

        Rows of a memory-mapped file, or of an iterator, are run block by block.
        first: the number of the first row, for errors.
        """
        totals = None
        for block in blocks(rows, self.routine.width):
            data, _ = self.engine.rows(block, self.routine.width)
            self.watch.check(data, theta, first)
            try:
                totals = added(totals, self.engine.sums(data, theta))
            except LimitError as error:
                raise error.moved(first) from None
            first += len(data)
        return totals

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != 'engine'}
