"""A program as an operation on arrays: outputs of many rows, and of weights of these the derivatives by all that came.

Rows differ, parameters are the same for all of them, so what comes back to parameters is a sum over the rows.

>>> import numpy
>>> from ..engine.value import Value
>>> from .program import Program
>>> w, x = Value(3.0), Value(2.0)
>>> square = Program((w * x) ** 2, rows=[x], parameters=[w], backend='python').batches
>>> rows, theta = numpy.array([[1.0], [2.0]]), [3.0]
>>> square(rows, theta)
array([[ 9.],
       [36.]])
>>> square.pull(rows, theta, numpy.ones((2, 1)))  # by the rows, 2 x w ** 2, and by w, 2 w x ** 2
(array([[18.],
       [36.]]), array([30.]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .._extras import needed
from .._processes import uncollected
from .derived import mend
from .ir.leaves import Leaves, placed
from .ir.recompute import recompute
from .ir.reroll import Items, Shapes
from .ir.straight import active_places
from .ir.tangent import tangent
from .ir.tape import PARAMETER, Tape
from .run.backends import engine
from .run.engines import Engine
from .run.rows import BLOCK
from .run.runner import Runner

__all__ = ['Batches']


class Batches:
    """What frameworks ask of a program: ``template`` is its outputs, with floats; see ``Program.batches``."""

    forward: Runner
    template: Any
    width: int
    parameters: int
    outputs: int

    def __init__(self, tape: Tape, forward: Runner, memory: int | None, template: Any) -> None:
        self.forward, self.template, self._memory = forward, template, memory
        self.width, self.parameters, self.outputs = tape.width, tape.parameters, tape.outputs
        self._by_all = _by_all(tape)
        self._engines: dict[tuple[bool, bool], Engine] = {}

    def __call__(self, rows: Any, theta: Any) -> Any:
        """Return the outputs of each row, an array of shape (rows, outputs)."""
        numpy = needed('numpy', 'an array of rows')
        numbers, _ = self.forward.each(rows, [*map(float, theta)])
        return numpy.asarray(numbers, dtype=float).reshape(len(rows), self.outputs)

    def pull(self, rows: Any, theta: Any, weights: Any) -> tuple[Any, Any]:
        """Return the derivatives of the outputs' weighted sum by each row, and by the parameters summed over rows."""
        m, n = self.outputs, self.parameters
        each, total = self._run([rows, weights], [theta], slice(m, m + n), [slice(m + n, None)])
        return each[0], total

    def moved(self, rows: Any, theta: Any, weights: Any, of_rows: Any, of_theta: Any) -> tuple[Any, Any, Any]:
        """Return how ``pull``'s results change when rows and parameters move; and how the outputs of each row do.

        It is, too, what a vector of these moves gives times the derivative of ``pull``: by rows, parameters, weights.
        """
        m, n = self.outputs, self.parameters
        given = [rows, weights, of_rows], [theta, of_theta]
        each, total = self._run(*given, slice(m, m + n), [slice(m + n, None), slice(0, m)])
        return each[0], total, each[1]

    def _run(self, given: Sequence[Any], shared: Sequence[Any], summed: slice, kept: list[slice]) -> tuple[Any, Any]:
        """Run the sweep over rows, so many at a time that what is summed over them needs little memory."""
        numpy = needed('numpy', 'an array of rows')
        moves, data, point = len(shared) > 1, numpy.hstack(given), numpy.concatenate(shared).tolist()
        self.forward.watch.check(self.forward.engine.rows(given[0], self.width)[0], [*map(float, shared[0])])
        found = [numpy.empty((len(data), len(range(*part.indices(self._count))))) for part in kept]
        total, size = numpy.zeros(self.parameters), max(1, BLOCK // (data.shape[1] + self._count))
        for start in range(0, len(data), size):
            block = data[start : start + size]
            numbers = numpy.asarray(self._each(block, point, moves), dtype=float)
            for array, part in zip(found, kept):
                array[start : start + size] = numbers[:, part]
            total += numbers[:, summed].sum(axis=0)
        return found, total

    @property
    def _count(self) -> int:
        return self.outputs + self.parameters + self.width

    def _each(self, rows: Any, point: list[float], moves: bool) -> Any:
        def each(rows: Any, careful: bool) -> Any:
            found = self._engine(moves, careful)
            return found.each(found.rows(rows, rows.shape[1])[0], point)

        numbers = each(rows, False)
        if moves:
            mend(numbers, rows, lambda doubtful: each(doubtful, True))
        return numbers

    def _engine(self, moves: bool, careful: bool) -> Engine:
        """Return what computes outputs, derivatives by parameters and by the row; or, ``moves``, how these move."""
        if (moves, careful) not in self._engines:
            m, n, w = self.outputs, self.parameters, self.width
            with uncollected():
                made = recompute(self._by_all, self._memory, seeds=True, stops=moves)
                made = tangent(made, n + w, True, careful) if moves else made
            rows, shared = [Leaves('parameter', n, w + m)], [Leaves('parameter', 0, n)]
            if moves:
                rows.append(Leaves('parameter', 2 * n + w + m, w))
                shared.append(Leaves('parameter', n + w + m, n))
            self._engines[moves, careful] = engine(placed(made, rows, shared), *self.forward.watch.way)
        return self._engines[moves, careful]


def _by_all(tape: Tape) -> Tape:
    """Return the tape with its row's numbers as parameters, behind the others, so that it is differentiated by all."""
    moved = tape.over([PARAMETER + tape.parameters + k for k in range(tape.width)], 0, tape.parameters + tape.width)
    active = active_places(moved, [True] * moved.parameters)
    shapes, items = Shapes(), Items()
    for name, numbers in moved.items:
        new = shapes.add(moved.shapes[name]._replace(active=numbers[0] in active))
        items.append(new, numbers)
    return replace(moved, items=items, shapes=shapes)
