"""The value and the gradient of a program the long way, in this process or at workers.

It knows no program: so a program may have a function of machine code that goes this way where its own ends, and is
gone with its last user.

>>> from ..ir.sweeps import lower
>>> from ...engine.value import Value
>>> from .runner import Runner, Watch
>>> x, w = Value(0.0), Value(0.0)
>>> slopes = Slopes(Runner(lower([w * x, x], [x], [w]), Watch([], 'python')))
>>> slopes.value_and_gradient([10.0], [[1.0], [2.0]])
(30.0, [3.0])
"""

from __future__ import annotations

from typing import Any

from ...engine.checks import whole
from ...engine.incoming import numbers
from .runner import Runner
from .shards import Shards, Workers, fingerprint

__all__ = ['Slopes', 'vector']


class Slopes:
    """What a runner of a gradient gives, and the shards of the rows that were sent to workers last."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._shards: tuple[Any, Shards] | None = None

    def value_and_gradient(
        self, theta: Any, rows: Any = ((),), *, executor: Workers | None = None, shards: int | None = None
    ) -> tuple[float, Any]:
        """Return the output summed over the rows, and its gradient; see ``Program.value_and_gradient``."""
        theta = vector(theta, self.runner.routine.parameters)
        if shards is not None:
            whole('shards', shards)
        if executor is None:
            result = self.runner.sums(rows, theta)
        else:
            result = self.shards(rows, executor, shards).sums(theta)
        return float(result[0]), result[1:]

    def shards(self, rows: Any, executor: Workers, count: int | None = None) -> Shards:
        """Return rows at the workers of an executor; see ``Program.shards``."""
        key = (executor, count, fingerprint(rows, self.runner.engine, self.runner.routine.width))
        if self._shards is None or key[2] is None or self._shards[0] != key:
            self._shards = key, Shards(self.runner, rows, executor, count)
        return self._shards[1]

    def __getstate__(self) -> dict[str, Any]:
        return {'runner': self.runner, '_shards': None}


def vector(given: Any, count: int, what: str = 'theta') -> Any:
    """Return as many numbers as a program has parameters, checked."""
    found = numbers(given, what)
    if len(found) != count:
        raise ValueError(f'{what} has {len(found)} numbers; the program has {count} parameters')
    return found
