"""AADC: a recording of numbers, compiled as it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import aadc
import numpy as np

from ..loops.growth import states
from ..loops.tasks import Trajectory
from ..tasks import Array, Entry, repeat
from .tasks import Rosenbrock

__all__ = ['from_scratch', 'rk4_gradient', 'rosenbrock_gradient']


def differentiating(f: Callable[[list[Any]], Any], theta: Array) -> Callable[[], Array]:
    """Record f and return what computes its value and gradient."""
    functions = aadc.Functions()
    functions.start_recording()
    x = [aadc.idouble(number) for number in theta.tolist()]
    inputs = [number.mark_as_input() for number in x]
    output = f(x).mark_as_output()
    functions.stop_recording()
    functions.compile()
    space, numbers = functions.create_workspace(kind='scalar'), theta.tolist()

    def work() -> Array:
        for place, number in zip(inputs, numbers):
            space.set_val(place, number)
        space.forward()
        space.set_diff(output, 1.0)
        space.reverse()
        return np.array([space.val(output), *map(space.diff, inputs)])

    return work


def rosenbrock_gradient(task: Rosenbrock) -> Iterator[Entry]:
    def valley(x: list[Any]) -> Any:
        return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))

    yield Entry('AADC', repeat(differentiating(valley, task.theta)))


def trajectory(task: Trajectory) -> Callable[[], Array]:
    def end(theta: list[Any]) -> Any:
        x, y = states(theta, task.steps, task.h)[-1]
        return x * x + y * y

    return differentiating(end, task.theta)


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    yield Entry('AADC', repeat(trajectory(task)))


def from_scratch(task: Trajectory) -> Array:
    """Record, compile, and return the value and the gradient at the end of a trajectory."""
    return trajectory(task)()
