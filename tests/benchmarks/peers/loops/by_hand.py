"""C by hand: the limit. With ``-ffast-math`` gcc may do more than IEEE's arithmetic allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import CDLL, c_double, c_int, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from ..by_hand import VARIANTS, inside, outside
from ..compiler import build
from ..tasks import Array, Entry, Missing, repeat
from .tasks import Classifier, Trajectory, last

__all__ = ['net_compiling', 'net_costs', 'net_gradient', 'net_step', 'rk4_compiling', 'rk4_costs', 'rk4_gradient']

HERE = Path(__file__).resolve().parent


def aligned(numbers: Array) -> Array:
    """Return a copy that begins where a line of the processor's cache does, with room up to the end of the last."""
    room = np.zeros(-(-len(numbers) // 8) * 8 + 8)
    start = -room.ctypes.data % 64 // 8
    result = room[start : start + len(numbers)]
    result[:] = numbers
    return result


def load(net: Classifier, *flags: str) -> CDLL:
    """Compile the net's C, and say what its functions take: weights, rows, and the gradient or the rate."""
    inputs, hidden, outputs = net.sizes
    if hidden % 8:
        raise Missing(f'the C is of vectors of 8 neurons, and the hidden layer has {hidden}')
    sizes = {'INPUTS': inputs, 'HIDDEN': hidden, 'OUTPUTS': outputs, 'ROWS': len(net.rows)}
    library = build((HERE / 'softmax.c').read_text(), *flags, *(f'-D{name}={size}' for name, size in sizes.items()))
    for name, more in ('error', ()), ('gradient', (c_void_p,)), ('descend', (c_double,)):
        function = getattr(library, f'softmax_{name}')
        function.argtypes, function.restype = (c_void_p, c_void_p, *more), c_double
    return library


def differentiating(net: Classifier, *flags: str) -> tuple[Callable[[], float], Callable[[float], Array]]:
    """Return what computes value and gradient, and what gives both as everybody has them."""
    function, weights = load(net, *flags).softmax_gradient, aligned(inside(net, net.theta))
    gradient = aligned(np.zeros_like(weights))

    def work() -> float:
        return function(weights.ctypes.data, net.rows.ctypes.data, gradient.ctypes.data)  # type: ignore[no-any-return]

    return work, lambda value: np.r_[value, outside(net, gradient)]


def net_gradient(net: Classifier) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        yield Entry(engine, last(*differentiating(net, *flags)), net.calls)


def net_step(net: Classifier) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        function = load(net, *flags).softmax_descend

        def run(count: int, function: Any = function) -> Array:
            weights = aligned(inside(net, net.theta))
            w, rows = weights.ctypes.data, net.rows.ctypes.data
            for _ in range(count):
                function(w, rows, net.rate)
            return outside(net, weights)

        yield Entry(f'{engine}, a step a call', run, net.calls)


def net_compiling(net: Classifier) -> Iterator[Entry]:
    def work() -> Array:
        run, finish = differentiating(net)
        return finish(run())

    yield Entry('C by hand, gcc', repeat(work), 1)


def net_costs(net: Classifier) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        error, weights = load(net, *flags).softmax_error, aligned(inside(net, net.theta))
        value = last(lambda f=error, w=weights: f(w.ctypes.data, net.rows.ctypes.data), float)  # type: ignore[misc]
        yield Entry(engine, value, net.calls)
        yield Entry(engine, last(*differentiating(net, *flags)), net.calls)


def follow(task: Trajectory, *flags: str) -> tuple[Callable[[], float], Callable[[], Array]]:
    """Return what computes the value alone, and what computes it with its gradient."""
    library = build((HERE / 'lotka.c').read_text(), *flags)
    end, both = library.lotka_end, library.lotka_gradient
    end.argtypes, end.restype = (c_void_p, c_int, c_double), c_double
    both.argtypes, both.restype = (c_void_p, c_int, c_double, c_void_p, c_void_p), None
    theta, kept, result = task.theta, np.zeros((task.steps, 8)), np.zeros(5)
    p, to, out = (array.ctypes.data for array in (theta, kept, result))

    def value(alive: Any = theta) -> float:
        return end(p, task.steps, task.h)  # type: ignore[no-any-return]

    def differentiate(alive: Any = (theta, kept)) -> Array:
        both(p, task.steps, task.h, to, out)
        return result

    return value, differentiate


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        yield Entry(engine, repeat(follow(task, *flags)[1]), task.times(0.04))


def rk4_compiling(task: Trajectory) -> Iterator[Entry]:
    yield Entry('C by hand, gcc', repeat(lambda: follow(task)[1]()), 1)


def rk4_costs(task: Trajectory) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        for work in follow(task, *flags):
            yield Entry(engine, repeat(work), task.times(0.04))
