"""Numba: Python's own ``if`` and ``while``, compiled; it has values alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, sqrt
from typing import Any

import numba
import numpy as np

from ..tasks import Entry, repeat
from .tasks import Loop, Walks

__all__ = ['heun', 'newton', 'walks']


def walks(task: Walks) -> Iterator[Entry]:
    barrier, sigma, knocks_out = task.barrier, task.sigma, task.knocks_out

    @numba.njit
    def walk(z: Any) -> float:
        s, total = 100.0, 0.0
        for step in z:
            s *= exp(sigma * step)
            if s > barrier:
                if knocks_out:
                    return 0.0
                total += s - barrier
        return s if knocks_out else total

    yield over_rows(walk, task.rows)


def newton(task: Loop) -> Iterator[Entry]:
    @numba.njit
    def root(a: float) -> float:
        x = a
        while abs(x * x - a) > 1e-12 * a:
            x = (x + a / x) / 2
        return x

    yield over_rows(root, task.numbers)


def heun(task: Loop) -> Iterator[Entry]:
    @numba.njit
    def decayed(k: float) -> float:
        t, y, h = 0.0, 1.0, 0.01
        while t < 2.0:
            h = min(h, 2.0 - t)
            one = -k * y
            two = -k * (y + h * one)
            error = abs(two - one) * h / 2 + 1e-300
            if error < 1e-6:
                y += h * (one + two) / 2
                t += h
            h *= min(max(0.9 * sqrt(1e-6 / error), 0.2), 5.0)
        return y

    yield over_rows(decayed, task.numbers)


def over_rows(f: Any, rows: Any) -> Entry:
    @numba.njit
    def each(rows: Any) -> Any:
        out = np.empty(len(rows))
        for place in range(len(rows)):
            out[place] = f(rows[place])
        return out

    return Entry('Numba', repeat(lambda: each(rows)))
