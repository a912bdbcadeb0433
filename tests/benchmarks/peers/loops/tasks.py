"""What every engine is given: a net that knows ten classes, and prey and predators in time.

An engine is a module beside this one, with a generator of ``Entry`` for each thing it can do:
``net_gradient``, ``net_step``, ``net_compiling``, ``net_costs`` of a ``Classifier``, and
``rk4_gradient``, ``rk4_compiling``, ``rk4_costs`` of a ``Trajectory``. What comes out of a
gradient is the value, and after it the derivatives by the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from ..tasks import Array, Net, Run

__all__ = ['Classifier', 'Trajectory', 'classifier', 'joined', 'last']


class Classifier(Net):
    """A net of one hidden layer, tanh; its error is the cross-entropy of its softmax, summed over the rows.

    A row is the inputs and, for each class, its probability.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # so that what was compiled for it can be kept

    def split(self) -> tuple[Array, Array]:
        """Return inputs and targets of all rows."""
        x, t = np.split(self.rows, [self.sizes[0]], axis=1)
        return x.copy(), t.copy()


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Lotka and Volterra's x' = a x - b x y, y' = d x y - c y, in so many Runge-Kutta steps of h.

    ``theta`` is a, b, c, d; x = y = 1 at the start, and the answer is x^2 + y^2 at the end.
    """

    steps: int
    h: float = 0.01

    @property
    def theta(self) -> Array:
        return np.array([1.5, 1.0, 3.0, 1.0])

    def times(self, each: float) -> int:
        """Return how often it is to be done in one timing where a step takes so many microseconds."""
        return max(1, round(10_000 / each / self.steps))


def classifier(sizes: list[int], rows: int, times: int) -> Classifier:
    """Return a net with weights as they are at the start of learning, and rows of numbers from 0 to 1."""
    random, theta = Random(3), []
    for inputs, neurons in pairwise(sizes):
        bound = inputs**-0.5
        theta += [random.uniform(-bound, bound) for _ in range(neurons * (inputs + 1))]
    teacher_set = np.zeros((rows, sizes[0] + sizes[-1]))
    for row in teacher_set:
        row[: sizes[0]] = [random.random() for _ in range(sizes[0])]
        row[sizes[0] + random.randrange(sizes[-1])] = 1
    return Classifier(sizes, 'tanh', 'identity', teacher_set, np.array(theta), 1e-4, times, times)


def last(work: Callable[[], Any], finish: Callable[[Any], Any]) -> Run:
    """Make a run of something that comes out the same every time; only the last is finished."""

    def run(count: int) -> Any:
        result = None
        for _ in range(count):
            result = work()
        return finish(result)

    return run


def joined(both: tuple[Any, Any]) -> Array:
    """Put a value and a gradient together."""
    return np.concatenate([[float(both[0])], np.asarray(both[1], dtype=float)])
