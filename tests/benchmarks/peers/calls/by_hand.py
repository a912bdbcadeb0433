"""C by hand, called by ctypes as one calls it; and with all addresses looked up before, which is the machine code."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_double, c_int, c_void_p
from functools import partial
from typing import Any

import numpy as np

from ..by_hand import load
from ..compiler import ON_ROWS, build
from ..tasks import Array, Entry, Net, repeat
from .tasks import CALLS

__all__ = ['net', 'scalar', 'squares']

SOURCE = """
#include <math.h>
double squares(const double *w, int n, double *gradient) {
    double sum = 0;
    for (int i = 0; i < n; i++) { sum += w[i] * w[i]; gradient[i] = 2 * w[i]; }
    return sum;
}
double scalar(double x, double y) { return x * y + sin(x); }
"""
KNOWN = 'C by hand, addresses known'


def net(of: Net) -> Iterator[Entry]:
    function = load(of)[1].xor_gradient
    function.argtypes, function.restype = ON_ROWS, c_double

    def call() -> Array:
        gradient = np.empty(len(of.theta))
        function(of.theta.ctypes.data, of.rows.ctypes.data, len(of.rows), gradient.ctypes.data)
        return gradient

    yield Entry('C by hand, ctypes', repeat(call), CALLS)
    kept = np.empty(len(of.theta))
    yield known(partial(function, of.theta.ctypes.data, of.rows.ctypes.data, len(of.rows), kept.ctypes.data), kept)


def squares(theta: Array) -> Iterator[Entry]:
    function = build(SOURCE).squares
    function.argtypes, function.restype = (c_void_p, c_int, c_void_p), c_double

    def call() -> Array:
        gradient = np.empty(len(theta))
        function(theta.ctypes.data, len(theta), gradient.ctypes.data)
        return gradient

    yield Entry('C by hand, ctypes', repeat(call), CALLS)
    kept = np.empty(len(theta))
    yield known(partial(function, theta.ctypes.data, len(theta), kept.ctypes.data), kept)


def scalar(of: tuple[float, float]) -> Iterator[Entry]:
    function = build(SOURCE).scalar
    function.argtypes, function.restype = (c_double, c_double), c_double
    yield Entry('C by hand, ctypes', repeat(lambda: function(*of)), CALLS)


def known(call: Any, gradient: Array) -> Entry:
    def run(count: int) -> Array:
        for _ in range(count):
            call()
        return gradient

    return Entry(KNOWN, run, CALLS)
