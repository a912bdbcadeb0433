"""C by hand: the limit. Where the work takes less than a call from Python does, the C is called from C."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import CDLL, c_double, c_int, c_void_p
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..by_hand import VARIANTS
from ..compiler import build
from ..loops.by_hand import aligned, follow, rk4_gradient
from ..loops.tasks import Trajectory
from ..tasks import Array, Entry, repeat
from .tasks import Heston, Mixture, Rosenbrock

__all__ = ['from_scratch', 'heston', 'mixture_gradient', 'rk4_gradient', 'rosenbrock_gradient']

HERE = Path(__file__).resolve().parent


def load(name: str, flags: tuple[str, ...], **constants: Any) -> CDLL:
    return build((HERE / f'{name}.c').read_text(), *flags, *(f'-D{name}={value}' for name, value in constants.items()))


def from_scratch(task: Trajectory) -> Array:
    """Compile, and return the value and the gradient at the end of a trajectory."""
    return follow(task)[1]()


def rosenbrock_gradient(task: Rosenbrock) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        function = load('rosenbrock', flags).rosenbrock
        function.argtypes, function.restype = (c_void_p, c_int, c_void_p, c_int), None
        theta, result = task.theta, np.zeros(task.n + 1)
        x, out = theta.ctypes.data, result.ctypes.data

        def run(count: int, function: Any = function, x: int = x, out: int = out, result: Array = result) -> Array:
            function(x, task.n, out, count)
            return result

        yield Entry(engine, run)


def in_lanes(rows: Array, library: CDLL) -> Array:
    """Lay rows side by side, as many as a vector of the library has, and as many as are left beside zeros."""
    lanes = c_int.in_dll(library, 'lanes').value
    padded = np.zeros((-(-len(rows) // lanes) * lanes, rows.shape[1]))
    padded[: len(rows)] = rows
    return aligned(padded.reshape(-1, lanes, rows.shape[1]).swapaxes(1, 2).ravel())


def mixture_gradient(task: Mixture) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        library = load('mixture', flags, D=task.d, K=task.k, N=task.n, CONSTANT=repr(task.constant))
        function, points, result = library.mixture, in_lanes(task.points, library), np.zeros(len(task.theta) + 1)
        function.argtypes, function.restype = (c_void_p,) * 3, c_double
        call = partial(function, task.theta.ctypes.data, points.ctypes.data, result.ctypes.data + 8)

        def work(call: Any = call, result: Array = result, alive: Array = points) -> Array:
            result[0] = call()
            return result

        yield Entry(engine, repeat(work))


def heston(task: Heston) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        library = load('heston', flags, STEPS=task.steps, PATHS=task.paths)
        function, rows, result = library.heston, in_lanes(task.rows, library), np.zeros(7)
        function.argtypes, function.restype = (c_void_p, c_void_p, *[c_double] * 3, c_void_p), None
        terms = task.strike, task.rate, task.least
        call = partial(function, task.theta.ctypes.data, rows.ctypes.data, *terms, result.ctypes.data)

        def work(call: Any = call, result: Array = result, alive: Array = rows) -> Array:
            call()
            return result

        yield Entry(engine, repeat(work))
