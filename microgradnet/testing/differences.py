"""Derivatives by differences, extrapolated to a step of 0, with an estimate of their error.

The central differences for steps that shrink by 4 are combined so that the errors of
order h^2, h^4, ... cancel (Richardson's extrapolation, in a tableau like Ridders', 1982).
The change from one combination to the next estimates the error that remains; to it is
added what the rounding of f, and of its operand within f, does to a quotient over a
small step, and what smaller steps show of a noise in f. What larger steps claim and
smaller ones deny is not believed.

>>> slope = derivative(lambda x: x ** 3, 2.0)
>>> abs(slope.value - 12.0) <= slope.error < 1e-9
True
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ['Estimate', 'along', 'derivative']

T = TypeVar('T')
Function = Callable[[float], float | None]

EPSILON = sys.float_info.epsilon
#: The steps are this times about powers of 4: no period is a multiple of them, and no two are rounded alike.
UNIT = (math.sqrt(5) - 2) / 2
#: How many steps from the size of 1, or of a nearer kink, and from the size of x; how many are combined.
FROM_ONE, FROM_X, COMBINED = 6, 22, 6
#: Estimates contradict each other if they are this many times their errors apart; a slope that
#: vanishes was no more than rounding if it was at most this many times as large.
APART, COARSE = 8, 64


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences, the size of its error, and the smallest step that it took."""

    value: float
    error: float
    step: float

    def contradicts(self, other: Estimate) -> bool:
        """Tell whether not both can be near the truth."""
        return abs(self.value - other.value) > APART * (self.error + other.error)


def derivative(f: Function, x: float, noise: float = 0.0, reach: float = math.inf) -> Estimate | None:
    """Return f's derivative at x by extrapolated central differences; None if none can be believed.

    f may return None, or raise ArithmeticError or ValueError, where it cannot be used;
    only smaller steps are then taken. ``noise`` is the absolute error in f's values
    beyond their last place, ``reach`` a distance that no step exceeds. f is called some
    50 times.

    Where f oscillates within a step, the difference may be anything. The steps become so
    small, some dozens of x's last places, that they contradict it; nothing is returned then.

    >>> waves = [derivative(lambda t: math.sin(t * math.tau), float(x)) for x in range(1000, 1900)]
    >>> all(abs(wave.value - math.tau) <= 8 * wave.error for wave in waves if wave)
    True
    >>> derivative(abs, 0.0, reach=0.0) is None
    True
    """
    found: list[Estimate] = []
    grain = 0.0
    for each in reversed(_estimates(f, x, noise, reach)):  # the smallest step first
        after = found[-1] if found else each
        # How far f itself must be uncertain, if this step, and the change to the one before, are no mere luck.
        grain = max(grain, each.error * each.step, abs(each.value - after.value) * after.step)
        found.append(Estimate(each.value, grain / each.step, each.step))
    best = min(found, key=lambda each: each.error, default=None)
    return None if best is None or any(map(best.contradicts, found[: found.index(best)])) else best


def along(f: Callable[..., T], numbers: Sequence[float], place: int) -> Callable[[float], T]:
    """Return a function of several numbers as one of the number at a place, the others staying.

    >>> along(math.hypot, [3.0, 1.0], 1)(4.0)
    5.0
    """
    return lambda x: f(*numbers[:place], x, *numbers[place + 1 :])


def _steps(x: float, reach: float) -> Iterator[float]:
    """Yield the steps to take, the largest first."""
    powers = {_power(min(max(1.0, abs(x)), reach)) - k for k in range(FROM_ONE)} if reach else set()
    powers |= {_power(x or 2.0**-FROM_ONE) - k for k in range(FROM_X)}
    for power in sorted(powers, reverse=True):
        step = math.ldexp(UNIT * (1 + power % 5 / 32), 2 * power)
        if step < 0.6 * reach and x - step < x < x + step:
            yield step


def _power(size: float) -> int:
    """Return the power of 4 next to a size."""
    return math.frexp(size)[1] // 2


def _estimates(f: Function, x: float, noise: float, reach: float) -> list[Estimate]:
    """Return the best extrapolation to every step, from it and a few larger ones."""
    found: list[Estimate] = []
    steps: list[float] = []
    column: list[float] = []
    for step in _steps(x, reach):
        quotient = _quotient(f, x, step, noise)
        if quotient is None:  # something lies between: what larger steps have seen is of another piece
            found, steps, column = [], [], []
            continue
        slope, rounding = quotient
        if slope == 0 and any(column):  # f no longer changes: it is rounded, or it has stairs, then nothing is known
            return found if abs(column[0]) < COARSE * rounding else []
        row, best = [slope], None
        for larger, before in zip(reversed(steps), column):
            shrunk = larger / step
            row.append(row[-1] + (row[-1] - before) / (shrunk * shrunk - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - before)) + 2 * rounding
            if best is None or error < best.error:
                best = Estimate(row[-1], error, step)
        found += [best] if best else []
        steps, column = [*steps, step][-COMBINED:], row[:COMBINED]
    return found


def _quotient(f: Function, x: float, step: float, noise: float) -> tuple[float, float] | None:
    """Return the central difference quotient, and how far rounding may have moved it."""
    above, below = x + step, x - step
    try:
        up, down = f(above), f(below)
    except (ArithmeticError, ValueError):
        return None
    width = above - below
    if up is None or down is None or not math.isfinite(up - down) or not math.isfinite(width):
        return None
    slope = (up - down) / width
    rounding = ((abs(up) + abs(down) + abs(slope * x)) * EPSILON + noise) / width
    return (slope, rounding) if math.isfinite(rounding) else None
