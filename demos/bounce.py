"""A ball that bounces: how much does the air hold it back, and how much speed does the floor give back?

    python demos/bounce.py [--out FOLDER] [--seed N]

Its height was seen 45 times, not quite exactly. Three numbers are asked for: the speed it was thrown up with, the
drag of the air (its deceleration is ``drag * v * |v|``), and what part of its speed it keeps at a bounce. The ball is
an ordinary differential equation with events. A method of Bogacki and Shampine chooses its steps: one that is
not good enough is taken again, shorter, and one that ends below the floor is taken again with Newton's guess of how
long it is to the floor. So nobody knows how many steps there will be, and ``while_loop`` takes as many as are needed:
on floats, on Values, and compiled, where it is one loop whatever the numbers are. The length of a step up to the
floor is a function of the speed and the drag, so the gradient knows that a harder throw lands later.

What was seen is simulated by SciPy, which finds the bounces in another way. The error bars come from the second
derivatives at the best fit, through all steps and bounces.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp

from microgradnet import compile
from microgradnet import functions as F
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE
from microgradnet.science import Fit, minimise

#: Metres and seconds.
GRAVITY, HEIGHT = 9.81, 1.0
TRUE, GUESS = (3.0, 0.08, 0.8), (2.5, 0.05, 0.7)
SEEN, EVERY, NOISE = 45, 0.06, 0.01
#: How exact a step is, and how near to the floor a ball is on it.
TOLERANCE, ON_FLOOR = 1e-8, 1e-10

Array: TypeAlias = np.ndarray[Any, Any]


class Result(NamedTuple):
    """What the demo found: the fit, how far the model is from SciPy's, the picture."""

    fit: Fit
    difference: float
    picture: Path


def acceleration(v: Any, drag: Any) -> Any:
    return -GRAVITY - drag * v * abs(v)


def step(y: Any, v: Any, h: Any, drag: Any) -> tuple[Any, Any, Any]:
    """Go on by a time h; return where the ball is then, how fast, and how far off that may be.

    The third order of Bogacki and Shampine (1989), and its difference from the second.
    """
    a1 = acceleration(v, drag)
    v2 = v + h / 2 * a1
    a2 = acceleration(v2, drag)
    v3 = v + 3 / 4 * h * a2
    a3 = acceleration(v3, drag)
    y_new, v_new = y + h / 9 * (2 * v + 3 * v2 + 4 * v3), v + h / 9 * (2 * a1 + 3 * a2 + 4 * a3)
    a4 = acceleration(v_new, drag)
    off_y = h * (-5 / 72 * v + v2 / 12 + v3 / 9 - v_new / 8)
    off_v = h * (-5 / 72 * a1 + a2 / 12 + a3 / 9 - a4 / 8)
    return y_new, v_new, abs(off_y) + abs(off_v)


def flight(y: Any, v: Any, time: float, drag: Any, kept: Any) -> tuple[Any, Any]:
    """Return where the ball is a time later, and how fast, bounces included."""

    def go_on(t: Any, y: Any, v: Any, h: Any) -> tuple[Any, Any, Any, Any]:
        h = F.min(h, time - t)
        y_new, v_new, off = step(y, v, h, drag)
        good = F.less(off, TOLERANCE)
        below = F.less(y_new, -ON_FLOOR)
        bounces = F.less(y_new, ON_FLOOR) * F.less(v_new, 0) * (1 - below)
        taken = good * (1 - below)
        # How long a step is where nothing happens is no matter of the flight's, so no signal passes there.
        longer = F.stop_gradient(h * F.clip(0.9 * (TOLERANCE / (off + 1e-300)) ** (1 / 3), 0.2, 4.0))
        to_floor = h - y_new / v_new
        after = F.where(bounces, -kept * v_new, v_new)
        return (
            F.where(taken, t + h, t), F.where(taken, F.where(bounces, F.abs(y_new), y_new), y),
            F.where(taken, after, v), F.where(good * below, to_floor, longer),
        )  # fmt: skip

    _, y, v, _ = F.while_loop(lambda t, y, v, h: t < time, go_on, 0.0, y, v, 0.01, limit=10_000)
    return y, v


def heights(theta: Sequence[Any], seen: int = SEEN, every: float = EVERY) -> list[Any]:
    """Return how high the ball is at so many times."""
    v, drag, kept = theta
    y: Any = HEIGHT
    found = []
    for _ in range(seen):
        y, v = flight(y, v, every, drag, kept)
        found.append(y)
    return found


def by_scipy(theta: Sequence[float]) -> Array:
    """Return the same, by SciPy's integrator, which looks for the floor by itself."""
    (v, drag, kept), y, start, found = theta, HEIGHT, 0.0, []
    times = EVERY * np.arange(1, SEEN + 1)

    def floor(_: float, state: Array) -> float:
        return float(state[0])

    floor.terminal, floor.direction = True, -1  # type: ignore[attr-defined]
    while len(found) < SEEN:
        left = times[len(found) :]
        run = solve_ivp(
            lambda _, state: [state[1], acceleration(state[1], drag)], (start, left[-1]), [y, v], t_eval=left,
            events=floor, rtol=1e-10, atol=1e-12,
        )  # fmt: skip
        found += run.y[0].tolist()
        if run.status == 1:
            start, y, v = run.t_events[0][0], 1e-14, -kept * run.y_events[0][0][1]
    return np.array(found)


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Fit a ball that bounces.')
    folder = Path('pictures/bounce')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--seed', type=int, default=1, help='of the noise (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)

    exact = by_scipy(TRUE)
    seen = exact + NOISE * np.random.default_rng(arguments.seed).standard_normal(SEEN)

    def misfit(speed: Any, drag: Any, kept: Any) -> Any:
        flown = heights((speed, drag, kept))
        return F.sum([(y - float(one)) ** 2 for y, one in zip(flown, seen)]) / (2 * NOISE**2)

    start = perf_counter()
    fit = minimise(misfit, GUESS, [(0, None), (0, None), (0, 1)])
    print(f'{SEEN} flights of a while_loop each: fitted in {perf_counter() - start:.1f} s, compiling included,')
    print('with error bars from the second derivatives through all steps and bounces.\n')
    print(fit)
    print('\ntrue: ', ', '.join(f'{name} {true}' for name, true in zip(fit.names, TRUE)))
    difference = float(np.abs(np.array(compile(heights)(list(TRUE))) - exact).max())
    print(f'\nThe flight itself is within {difference:.0e} m of SciPy\'s.')
    picture = arguments.out / 'bounce.png'
    draw(seen, fit.x).savefig(picture, dpi=110)
    print(f'It is drawn in {picture}')
    return Result(fit, difference, picture)


def draw(seen: Array, theta: Sequence[float]) -> Figure:
    """Draw what was seen, and the fitted flight."""
    fine = 8
    curve = compile(lambda theta: heights(theta, SEEN * fine, EVERY / fine))([*theta])
    figure = Figure(figsize=(8, 4), layout='constrained')
    axes = figure.subplots()
    times = EVERY * np.arange(1, SEEN + 1)
    axes.plot(EVERY / fine * np.arange(SEEN * fine + 1), [HEIGHT, *curve], color=POSITIVE, label='fitted')
    axes.plot(times, seen, 'o', markersize=4, color=NEGATIVE, label='seen')
    axes.axhline(0, color=INK, linewidth=1)
    axes.set(xlabel='time in seconds', ylabel='height in metres')
    axes.legend(frameon=False)
    axes.spines[['top', 'right']].set_visible(False)
    return figure


if __name__ == '__main__':
    main()
