"""Derivatives by differences, extrapolated to a step of 0, with an estimate of their error.

The central differences for steps h, h/2, h/4, ... are combined so that the errors of
order h^2, h^4, ... cancel (Richardson's extrapolation, arranged as by Ridders, 1982).
The change from one combination to the next estimates the error that remains; to it is
added what the rounding of f does to a quotient over a small step.

>>> slope = derivative(lambda x: x ** 3, 2.0)
>>> abs(slope.value - 12.0) <= slope.error < 1e-9
True
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ['Estimate', 'derivative']

EPSILON = sys.float_info.epsilon
LEVELS, TRIES = 9, 12


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences, the size of its error, and the smallest step that it took."""

    value: float
    error: float
    step: float


def derivative(
    f: Callable[[float], float | None], x: float, noise: float = 0.0, reach: float = math.inf
) -> Estimate | None:
    """Return f's derivative at x by extrapolated central differences; None if none could be had.

    f may return None, or raise ArithmeticError or ValueError, where it cannot be used;
    the steps are then made smaller. ``noise`` is the absolute error in f's values
    beyond their last place, ``reach`` a distance that no step exceeds. Of several first
    steps, from the size of x and from 1, the one with the smallest error is taken. A
    function that oscillates within the smallest steps may look flat.

    >>> derivative(abs, 0.0, reach=0.0) is None
    True
    """
    sizes = {max(1.0, abs(x)) / 8, abs(x) / 8, abs(x) / 300, 0.01}
    starts = {min(size, 0.6 * reach) for size in sizes}
    found = [_extrapolated(f, x, start, noise) for start in sorted(starts) if 0 < start < math.inf]
    return min((each for each in found if each is not None), key=lambda each: each.error, default=None)


def _extrapolated(f: Callable[[float], float | None], x: float, start: float, noise: float) -> Estimate | None:
    step, best = start, None
    column: list[float] = []
    for _ in range(LEVELS + TRIES):
        quotient = _quotient(f, x, step, noise)
        if quotient is None:
            if column or x + step == x:
                break
            step /= 8
            continue
        slope, rounding = quotient
        row = [slope]
        for power, before in enumerate(column, 1):
            row.append(row[-1] + (row[-1] - before) / (4**power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - before)) + 2 * rounding
            if best is None or error < best.error:
                best = Estimate(row[-1], error, step)
        column = row
        if len(column) > LEVELS or (best is not None and rounding > best.error):
            break
        step /= 2
    return best


def _quotient(
    f: Callable[[float], float | None], x: float, step: float, noise: float
) -> tuple[float, float] | None:
    """Return the central difference quotient, and how far rounding may have moved it."""
    above, below = x + step, x - step
    try:
        up, down = f(above), f(below)
    except (ArithmeticError, ValueError):
        return None
    if above == below or up is None or down is None or not math.isfinite(up - down):
        return None
    width = above - below
    slope = (up - down) / width
    return (slope, ((abs(up) + abs(down)) * EPSILON + noise) / width) if math.isfinite(slope) else None
