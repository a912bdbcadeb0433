"""An orbit: how heavy is a star, and how does its pull fall with distance?

    python demos/orbit.py [--out FOLDER] [--seed N] [--refits N]

A planet was seen 40 times on three quarters of its way round, not quite exactly. Six numbers are asked for:
where it started and how fast, the star's mass, and the exponent p of a pull of
``mass / distance ** p``, which Newton says is 2. The orbit is a Runge-Kutta loop in plain
Python. It runs on floats; on Values it leaves a graph of all its steps, which ``compile``
folds back into a loop, with the gradient of half the squared differences. SciPy's
optimiser asks for these. The error bars come from the second derivatives at the best
fit; to see whether they are right, the planet is observed anew a few hundred times, and
fitted again. The picture shows both, and how far ahead the orbit is known.
"""

from __future__ import annotations

import argparse
import importlib.util
import operator
import sys
from collections.abc import Callable, Sequence
from math import exp, log, pi
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize

from microgradnet import Program, Value, compile, hessian
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE

#: Astronomical units, years, and the masses of stars in suns.
SUN = 4 * pi**2
NAMES = ('x', 'y', 'speed along x', 'speed along y', 'mass of the star', 'exponent p')
TRUE = (1.5, 0.0, 0.0, 3.9, 1.0, 2.0)
SEEN, EVERY, STEPS, NOISE = 40, 0.02, 5, 0.02
#: Okabe and Ito's colours, which the colour-blind tell apart, too.
YELLOW = '#E69F00'

Array: TypeAlias = np.ndarray[Any, Any]
Power: TypeAlias = Callable[[Any, Any], Any]


class Comparison(NamedTuple):
    """Processor seconds for one value and gradient, by engine, and the largest relative difference."""

    seconds: dict[str, float]
    difference: float


class Result(NamedTuple):
    """What the demo found; no comparison without micrograd.

    ``fit`` and ``bars`` have a number for each of ``NAMES``, and so has each row of ``refits``.
    """

    fit: Array
    bars: Array
    refits: Array
    pictures: list[Path]
    comparison: Comparison | None


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Weigh a star by the orbit of its planet.')
    folder = Path('pictures/orbit')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--seed', type=int, default=1, help='of the noise (%(default)s)')
    parser.add_argument('--refits', type=int, default=200, help='how often to observe and fit anew (%(default)s)')
    arguments = parser.parse_args(argv)
    if arguments.refits < 2:
        parser.error('--refits must be at least 2, to be spread at all')
    arguments.out.mkdir(parents=True, exist_ok=True)

    random = np.random.default_rng(arguments.seed)
    seen = np.array(orbit(TRUE)) + NOISE * random.standard_normal((SEEN, 2))
    program, seconds = timed(program_of_orbit)
    print(f'A planet, seen {SEEN} times in {SEEN * EVERY:.1f} years to within {NOISE} astronomical units.')
    print(f'{SEEN * STEPS} Runge-Kutta steps are recorded, and compiled in {seconds:.1f} s.', flush=True)

    (fit, error), seconds = timed(lambda: fitted(program, seen, guess(seen)))
    print(f'Fitted in {seconds:.2f} s.', flush=True)
    noise = (2 * error / (seen.size - len(TRUE))) ** 0.5
    bars, seconds = timed(lambda: error_bars(fit, seen, noise))
    print(f'The Hessian, through all steps: {seconds:.1f} s.', flush=True)
    refits, seconds = timed(lambda: observed_anew(program, fit, noise, arguments.refits, random))
    print(f'Observed and fitted anew {arguments.refits} times in {seconds:.1f} s.\n')
    print(table(fit, bars, refits))
    print(f'{"noise":20} {NOISE:8.4f} {noise:10.4f}\n')

    picture = arguments.out / 'orbit.png'
    draw(seen, fit, bars, refits).savefig(picture, dpi=110)
    print(f'The orbit is drawn in {picture}\n')
    return Result(fit, bars, refits, [picture], show_comparison(program, fit, seen))


def pull(state: Sequence[Any], mass: Any, p: Any, power: Power) -> list[Any]:
    """Return how a state changes: the speed, and the acceleration towards the star at 0, 0."""
    x, y, u, v = state
    nearer = -SUN * mass * power(x * x + y * y, -0.5 * (p + 1))
    return [u, v, nearer * x, nearer * y]


def step(state: Sequence[Any], mass: Any, p: Any, h: float, power: Power) -> list[Any]:
    """Go on by a time h: the classical Runge-Kutta step."""
    k1 = pull(state, mass, p, power)
    k2 = pull([s + h / 2 * k for s, k in zip(state, k1)], mass, p, power)
    k3 = pull([s + h / 2 * k for s, k in zip(state, k2)], mass, p, power)
    k4 = pull([s + h * k for s, k in zip(state, k3)], mass, p, power)
    return [s + h / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in zip(state, k1, k2, k3, k4)]


def orbit(
    theta: Sequence[Any], seen: int = SEEN, steps: int = STEPS, every: float = EVERY, power: Power = operator.pow
) -> list[list[Any]]:
    """Return where the planet is at so many times, with so many steps from each to the next."""
    *state, mass, p = theta
    places = []
    for _ in range(seen):
        for _ in range(steps):
            state = step(state, mass, p, every / steps, power)
        places.append(state[:2])
    return places


def half_squares(places: Sequence[Sequence[Any]], seen: Sequence[Sequence[Any]]) -> Any:
    """Return half the sum of squared differences."""
    return sum((x - s) * (x - s) for place, spot in zip(places, seen) for x, s in zip(place, spot)) / 2


def program_of_orbit() -> Program:
    """Compile half the squared differences: a row is what was seen, the parameters are as in ``NAMES``."""
    theta = [Value(number, label=name) for name, number in zip(NAMES, TRUE)]
    seen = [[Value(0.0), Value(0.0)] for _ in range(SEEN)]
    program = compile(half_squares(orbit(theta), seen), rows=[s for spot in seen for s in spot], parameters=theta)
    program.value_and_gradient(TRUE, [0.0] * (2 * SEEN))  # for machine code is made when it is first asked for
    return program


def guess(seen: Array) -> list[float]:
    """Return the steady motion in a circle that is nearest to what was seen, and the exponent 1, which is wrong."""
    times = EVERY * np.arange(1, len(seen) + 1)
    speed, angle = np.polyfit(times, np.unwrap(np.arctan2(seen[:, 1], seen[:, 0])), 1)
    r = np.hypot(*seen.T).mean()
    x, y = r * np.cos(angle), r * np.sin(angle)
    return [float(number) for number in (x, y, -speed * y, speed * x, speed**2 * r**2 / SUN, 1.0)]


def fitted(program: Program, seen: Array, start: Any) -> tuple[Array, float]:
    """Return the parameters that fit best, and half the sum of squares that is left."""
    row = seen.ravel()
    found = minimize(lambda theta: program.value_and_gradient(theta, row), start, jac=True, method='BFGS')
    return found.x, float(found.fun)


def error_bars(fit: Array, seen: Array, noise: float) -> Array:
    """Return each parameter's standard deviation: their covariance is noise ** 2 times the Hessian's inverse."""
    spots = seen.tolist()
    curvature = hessian(lambda theta: half_squares(orbit(theta), spots))(fit.tolist())
    covariance: Array = noise**2 * np.linalg.inv(curvature)
    return np.sqrt(covariance.diagonal())


def observed_anew(program: Program, fit: Array, noise: float, times: int, random: np.random.Generator) -> Array:
    """Return the fits to what might have been seen as well, were the first fit the truth."""
    places = np.array(orbit(fit.tolist()))
    draws = (places + noise * random.standard_normal(places.shape) for _ in range(times))
    return np.array([fitted(program, seen, fit)[0] for seen in draws])


def table(fit: Array, bars: Array, refits: Array) -> str:
    """Write what is true and what was found, with the error bars beside the spread of the refits."""
    lines = [f'{"":20} {"true":>8} {"fitted":>10} {"± Hessian":>10} {"± refits":>10} {"off by":>8}']
    for name, true, found, bar, spread in zip(NAMES, TRUE, fit, bars, refits.std(axis=0)):
        off = f'{(found - true) / bar:+.1f} ±'
        lines.append(f'{name:20} {true:8.4f} {found:10.4f} {bar:10.4f} {spread:10.4f} {off:>8}')
    return '\n'.join(lines)


def draw(seen: Array, fit: Array, bars: Array, refits: Array, years: Sequence[int] = (1, 3, 5)) -> Figure:
    """Draw the orbit, where refits expect the planet years later, and the refits beside the error bars."""
    figure = Figure(figsize=(12.5, 6.2), layout='constrained')
    axes: Any = figure.subplot_mosaic([['orbit', *NAMES[k : k + 2]] for k in (0, 2, 4)], width_ratios=[2.2, 1, 1])
    sky, each = axes['orbit'], 50
    later = np.array(orbit(refits[:200].T, each * max(years), 2, 1 / each))  # the same loop, on arrays
    sky.plot(later[:, 0], later[:, 1], color=NEGATIVE, lw=0.4, alpha=0.06)
    true = np.array(orbit(TRUE, each * max(years), 2, 1 / each))
    for year in years:
        sky.plot(*later[each * year - 1], 'o', color=NEGATIVE, ms=3.5, alpha=0.35, mew=0)
        place = true[each * year - 1]
        outwards = (place - true.mean(axis=0)) / np.hypot(*(place - true.mean(axis=0)))
        sky.plot(*place, 'X', color=INK, ms=8, mec='white', zorder=4)
        look = {'color': NEGATIVE, 'ha': 'center', 'va': 'center', 'fontweight': 'bold'}
        sky.text(*(place + 0.24 * outwards), f'year {year}', **look)
    sky.plot(*np.array(orbit(fit.tolist())).T, color=POSITIVE, lw=2, label='the best fit')
    sky.plot(*seen.T, 'o', color=INK, ms=4.5, mfc='white', label='seen')
    sky.plot([], [], 'o', color=NEGATIVE, ms=4, label='where refits expect it')
    sky.plot([], [], 'X', color=INK, ms=8, mec='white', label='where it was')
    sky.plot(0, 0, '*', color=YELLOW, ms=24, mec='white')
    sky.set(aspect='equal', xlabel='x, astronomical units', ylabel='y, astronomical units')
    sky.legend(loc='upper center', bbox_to_anchor=(0.5, 1.1), ncols=4, frameon=False, fontsize='small', columnspacing=1)
    sky.spines[['top', 'right']].set_visible(False)
    for place, name in enumerate(NAMES):
        histogram(axes[name], name, TRUE[place], fit[place], bars[place], refits[:, place])
    title = f'The pull falls with distance to the power of {fit[-1]:.3f} ± {bars[-1]:.3f}'
    legend = 'Right: how refits are spread, the bell of the error bars, and the truth, dashed'
    figure.suptitle(f'{title}\n{legend}', color=INK)
    return figure


def histogram(axes: Any, name: str, true: float, found: float, bar: float, refits: Array) -> None:
    """Draw how refits are spread, and the bell that the error bar promises."""
    axes.hist(refits, bins=found + bar * np.linspace(-4, 4, 25), density=True, color=NEGATIVE, alpha=0.35)
    grid = found + bar * np.linspace(-4, 4, 100)
    axes.plot(grid, np.exp(-(((grid - found) / bar) ** 2) / 2) / (bar * (2 * pi) ** 0.5), color=POSITIVE)
    axes.axvline(true, color=INK, ls='--', lw=1)
    axes.set_title(f'{name}: {found:.3f} ± {bar:.3f}', fontsize='medium')
    axes.set(yticks=[])
    axes.locator_params(axis='x', nbins=4)
    axes.spines[['top', 'left', 'right']].set_visible(False)


def show_comparison(program: Program, fit: Array, seen: Array) -> Comparison | None:
    """Print what a value with its gradient takes in micrograd, recorded anew, and compiled; None without micrograd."""
    if not importlib.util.find_spec('micrograd'):
        print('micrograd is not installed, so there is nothing to compare with: pip install micrograd')
        return None
    found = compare(program, fit, seen)
    slowest = found.seconds['micrograd']
    print(f'Half the squares with their gradient, through {SEEN * STEPS} steps, the same loop in each:')
    for engine, seconds in found.seconds.items():
        ratio = '' if engine == 'micrograd' else f' {slowest / seconds:8,.0f} times as fast'
        print(f'  {engine:24} {1e3 * seconds:10.3f} ms{ratio}')
    print(f'The gradients differ by {found.difference:.1g} of the largest.')
    return found


def compare(program: Program, fit: Array, seen: Array, times: int = 3) -> Comparison:
    """Compute the same value and gradient three ways, a few times each; keep the fastest."""
    from micrograd.engine import Value as Theirs  # type: ignore[import-not-found, import-untyped, unused-ignore]

    theta, spots, row = [number + 0.01 for number in fit.tolist()], seen.tolist(), seen.ravel()
    ways: dict[str, Callable[[], Any]] = {
        'micrograd': lambda: recorded([Theirs(number) for number in theta], spots, power_in_micrograd),
        'microgradnet, recorded': lambda: recorded([Value(number) for number in theta], spots, operator.pow),
        'microgradnet, compiled': lambda: program.value_and_gradient(theta, row),
    }
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # micrograd walks a graph by recursion, as deep as it is long
    try:
        runs = {engine: [timed(run, process_time) for _ in range(times)] for engine, run in ways.items()}
    finally:
        sys.setrecursionlimit(before)
    values, *others = (np.hstack(run[0][0]) for run in runs.values())
    apart = max(abs(other - values).max() for other in others) / abs(values).max()
    return Comparison({engine: min(seconds for _, seconds in run) for engine, run in runs.items()}, float(apart))


def recorded(theta: Sequence[Any], seen: Sequence[Sequence[float]], power: Power) -> tuple[float, list[float]]:
    """Record half the squared differences on any engine's values; return the value and the gradient."""
    error = half_squares(orbit(theta, power=power), seen)
    error.backward()
    return error.data, [number.grad for number in theta]


def power_in_micrograd(base: Any, exponent: Any) -> Any:
    """Return ``base ** exponent``, which micrograd has for exponents that are numbers only."""
    y = exp(exponent.data * log(base.data))
    out = type(base)(y, (base, exponent))

    def backward() -> None:
        base.grad += exponent.data * y / base.data * out.grad
        exponent.grad += log(base.data) * y * out.grad

    out._backward = backward
    return out


def timed(run: Callable[[], Any], clock: Callable[[], float] = perf_counter) -> tuple[Any, float]:
    """Return what a function returns, and how many seconds it took."""
    start = clock()
    return run(), clock() - start


if __name__ == '__main__':
    main()
