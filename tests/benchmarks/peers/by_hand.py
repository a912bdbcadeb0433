"""C by hand: the limit that everything is measured against.

With ``-ffast-math`` gcc may reassociate, and takes exponentials four at a time: more than IEEE's
arithmetic allows, and told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import CDLL, c_double, c_int, c_void_p
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .compiler import DESCENT, ON_ROWS, build
from .tasks import SOME, Array, Entry, Net, repeat

__all__ = ['batch', 'bundle_costs', 'compiling', 'costs', 'jacobians', 'online']

HERE = Path(__file__).resolve().parent
VARIANTS = ('C by hand', ()), ('C by hand, -ffast-math', ('-ffast-math',))


def batch(net: Net) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        name, library = load(net, *flags)
        function, plain = getattr(library, f'{name}_descend'), name == 'xor'
        if not plain:
            yield Entry(f'{engine}, a step a call', partial(descend, function, net, 1, False), net.calls)
        run = partial(descend, function, net, 0, plain)
        yield Entry(f'{engine}, epochs in one call', run, net.epochs)


def online(net: Net) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        _, library = load(net, *flags)
        run = partial(descend, library.xor_online, net, 0, True)
        yield Entry(f'{engine}, epochs in one call', run, net.epochs)


def descend(function: Any, net: Net, size: int, plain: bool, count: int) -> Array:
    """Go down that many steps, so many a call (0: all); plain says that the C has the weights as we do."""
    function.argtypes, function.restype = DESCENT, c_double
    weights = net.theta.copy() if plain else inside(net, net.theta)
    w, rows, n = weights.ctypes.data, net.rows.ctypes.data, len(net.rows)
    for _ in range(count // size if size else 1):
        function(w, rows, n, net.rate, size or count)
    return weights if plain else outside(net, weights)


def compiling(net: Net) -> Iterator[Entry]:
    def work() -> Array:
        name, library = load(net)
        return descend(getattr(library, f'{name}_descend'), net, 0, False, 1)

    yield Entry('C by hand, gcc', repeat(work), 1)


def costs(net: Net) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        name, library = load(net, *flags)
        error, both = getattr(library, f'{name}_error'), getattr(library, f'{name}_gradient')
        error.argtypes, both.argtypes = ON_ROWS[:3], ON_ROWS
        error.restype = both.restype = c_double
        weights, gradient = inside(net, net.theta), np.zeros_like(net.theta)
        value = partial(error, weights.ctypes.data, net.rows.ctypes.data, len(net.rows))
        yield Entry(engine, repeat(value), SOME)

        def differentiate(both: Any = both, weights: Array = weights, gradient: Array = gradient) -> Array:
            both(weights.ctypes.data, net.rows.ctypes.data, len(net.rows), gradient.ctypes.data)
            return outside(net, gradient)

        yield Entry(engine, repeat(differentiate), SOME)


def jacobians(rows: Array) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        yield observe(engine, rows, 'bundle_jacobians', (2, 15), *flags)


def bundle_costs(rows: Array) -> Iterator[Entry]:
    for engine, flags in VARIANTS:
        yield observe(engine, rows, 'bundle_residuals', (2,), *flags)
        yield observe(engine, rows, 'bundle_jacobians', (2, 15), *flags)


def observe(engine: str, rows: Array, name: str, shape: tuple[int, ...], *flags: str) -> Entry:
    """Make the entry of a function that fills an array for all observations."""
    function = getattr(build((HERE / 'bundle.c').read_text(), *flags), name)
    function.argtypes = c_void_p, c_int, c_void_p
    function.restype = None
    result = np.zeros((len(rows), *shape))

    def work() -> Array:
        function(rows.ctypes.data, len(rows), result.ctypes.data)
        return result

    return Entry(engine, repeat(work), SOME)


def load(net: Net, *flags: str) -> tuple[str, CDLL]:
    name = 'moons' if net.sizes[1] == 16 else 'xor'
    return name, build((HERE / f'{name}.c').read_text(), *flags)


def inside(net: Net, theta: Array) -> Array:
    """Return the numbers of a net as the C has them: the larger one input by input."""
    if net.sizes[1] == 2:
        return theta.copy()
    return np.concatenate([part for w, b in net.layers(theta) for part in (w.T.ravel(), b)])


def outside(net: Net, numbers: Array) -> Array:
    """Return the numbers as everybody has them."""
    if net.sizes[1] == 2:
        return numbers
    layers, at = [], 0
    for inputs, neurons in zip(net.sizes, net.sizes[1:]):
        w, b = np.split(numbers[at : at + neurons * (inputs + 1)], [neurons * inputs])
        layers.append((w.reshape(inputs, neurons).T, b))
        at += neurons * (inputs + 1)
    return net.flat(layers)
