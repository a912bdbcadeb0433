"""Rows that stay with a program: checked, copied and packed once, for calls that bring new parameters only.

>>> from ..program import Program
>>> from ...engine.value import Value
>>> x, w = Value(0.0), Value(0.0)
>>> bound = Program(w * w * x, rows=[x], parameters=[w], backend='python').bind([[1.0], [2.0]])
>>> bound.value_and_gradient([3.0]), bound.sum([1.0])
((27.0, [18.0]), 3.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._extras import needed
from ..._processes import cached_property
from ...engine.functions import is_array
from .engines import Quick
from .runner import Runner

if TYPE_CHECKING:
    from ..program import Program

__all__ = ['Bound']


class Bound:
    """A program and its rows; see ``Program.bind``."""

    def __init__(self, program: Program, runner: Runner, rows: Any, theta: Any) -> None:
        self.program = program
        data, _ = runner.engine.rows(rows, program.width)
        self._rows = needed('numpy').array(data) if is_array(data) else data  # neither mapped nor a matrix
        if not runner.watch.reads_parameters:
            runner.watch.check(self._rows, theta)

    def value_and_gradient(self, theta: Any) -> tuple[float, Any]:
        """Return the output summed over the rows, and its gradient, with the parameters theta.

        It is what ``Program.value_and_gradient`` gives for these rows.
        """
        return self._gradient.value_and_gradient(theta) or self.program.value_and_gradient(theta, self._rows)

    def sum(self, theta: Any) -> Any:
        """Return the outputs summed over the rows, as they were given to ``compile``, with the parameters theta."""
        program = self.program
        found = self._forward.sum(theta) or program._forward.sums(self._rows, program._vector(theta))
        return program._build([*map(float, found)])

    @cached_property
    def _forward(self) -> Quick:
        return self.program._forward.bind(self._rows)

    @cached_property
    def _gradient(self) -> Quick:
        return self.program._gradient.bind(self._rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ('_forward', '_gradient')}
