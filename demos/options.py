"""A book of options, with all its Greeks by Monte Carlo: how much it is worth, and what moves it.

    python demos/options.py [--out FOLDER] [--paths N]

The volatility of the share is itself a random walk that is pulled back (the logarithm is an Ornstein-Uhlenbeck process,
as Scott wrote in 1987), in 252 steps to maturity; nobody has a formula for that. On each path of the volatility the
share is lognormal, so that a path gives a smooth price by Black and Scholes, and its derivatives are right to any
order, where those of a kinked payoff are not. One path is recorded, in plain Python, and compiled as a loop;
the program gives the price with all first derivatives of the book, and the second ones, summed over as many paths as
wanted.

With a volatility that stays what it is the formula of Black and Scholes must come out, and does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import exp, inf, log, sqrt
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from microgradnet import Program, Value, compile, grad, hessian
from microgradnet import functions as F
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE

STEPS = 252
#: Pieces held or owed, the strike, and whether it is a call.
BOOK = ((10.0, 100.0, True), (-20.0, 110.0, True), (10.0, 120.0, True), (-5.0, 85.0, False))


class Market(NamedTuple):
    """What the price of the book depends on."""

    spot: Any = 100.0
    volatility: Any = 0.25
    rate: Any = 0.03
    time: Any = 1.0
    pull: Any = 2.0
    level: Any = 0.25
    unrest: Any = 0.6
    correlation: Any = -0.5


class Result(NamedTuple):
    """What the demo found: price and Greeks, their standard errors, the time of a path's step, and the picture."""

    greeks: dict[str, float]
    errors: dict[str, float]
    nanoseconds: float
    picture: Path


def formula(spot: Any, strike: float, is_call: bool, rate: Any, time: Any, variance: Any) -> Any:
    """Return what Black and Scholes say of one option; the variance is that of the whole time."""
    wide, discounted = F.sqrt(variance), strike * F.exp(-rate * time)
    upper = F.log(spot / discounted) / wide + wide / 2
    call = spot * below(upper) - discounted * below(upper - wide)
    return call if is_call else call - spot + discounted


def below(x: Any) -> Any:
    """Return how probable it is that a standard normal number is less."""
    return F.erfc(-x / sqrt(2)) / 2


def on_path(market: Market, chances: Sequence[Any]) -> Any:
    """Return the price of the book on one path of the volatility, which so many standard normal numbers make."""
    step = market.time / len(chances)
    here, home, shock = F.log(market.volatility), F.log(market.level), F.sqrt(step)
    drift, variance = 0.0, 0.0
    for chance in chances:
        volatility = F.exp(here)
        drift = drift + volatility * shock * chance
        variance = variance + volatility * volatility * step
        here = here + market.pull * (home - here) * step + market.unrest * shock * chance
    shared = market.correlation
    spot = market.spot * F.exp(shared * drift - shared * shared * variance / 2)
    left = (1 - shared * shared) * variance
    return F.sum([held * formula(spot, strike, call, market.rate, market.time, left) for held, strike, call in BOOK])


def program_of(backend: str | None = None, steps: int = STEPS) -> Program:
    """Record one path, and compile it: its chances are a row, the market its parameters."""
    market, chances = Market(*map(Value, Market())), [Value(0.1) for _ in range(steps)]
    return compile(on_path(market, chances), rows=chances, parameters=[*market], backend=backend)


def greeks(program: Program, market: Market, rows: Any) -> dict[str, float]:
    """Return price and Greeks of the book: the mean over paths of the volatility."""
    value, slopes = program.value_and_gradient([*market], rows)
    curves = np.array(program.hessian([*market], rows)) / len(rows)
    slope, curve = Market(*np.array(slopes) / len(rows)), curves[:2, :2]
    return named(value / len(rows), slope, curve)


def known(market: Market) -> dict[str, float]:
    """Return the same where the volatility stays what it is, by the formula alone."""

    def price(market: Market) -> Any:
        variance = market.volatility * market.volatility * market.time
        rest = market.rate, market.time, variance
        return F.sum([held * formula(market.spot, strike, call, *rest) for held, strike, call in BOOK])

    curves = hessian(price)(market)
    return named(price(market), grad(price)(market), np.array([row[:2] for row in curves[:2]]))


def named(value: float, slope: Market, curve: Any) -> dict[str, float]:
    found = {
        'price': value, 'delta': slope.spot, 'gamma': curve[0, 0], 'vega': slope.volatility, 'vanna': curve[0, 1],
        'volga': curve[1, 1], 'rho': slope.rate, 'theta': -slope.time,
    }  # fmt: skip
    return {name: float(number) for name, number in found.items()}


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Price a book of options, with all Greeks.')
    folder = Path('pictures/options')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--paths', type=int, default=20_000, help='how many (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    market, paths = Market(), max(arguments.paths // 20, 1) * 20
    rows = np.random.default_rng(1).standard_normal((paths, STEPS))
    start = perf_counter()
    program = program_of()
    program.value_and_gradient([*market], rows[:1])
    print(f'A path of {STEPS} steps, with all first derivatives: compiled in {perf_counter() - start:.1f} s.')
    spent = inf
    for _ in range(3):
        start = process_time()  # of one processor: other programs on it do not count
        program.value_and_gradient([*market], rows)
        spent = min(spent, (process_time() - start) / rows.size * 1e9)
    print(f'Price and eight first derivatives: {spent:.1f} ns for each step of {paths:,} paths.\n')
    parts = [greeks(program, market, part) for part in np.split(rows, 20)]
    found = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    errors = {name: float(np.std([part[name] for part in parts], ddof=1)) / sqrt(20) for name in parts[0]}
    still = known(market)
    print(f'{"":6} {"by Monte Carlo":>22} {"if nothing moved it":>20}')
    for name, number in found.items():
        print(f'{name:6} {number:12.4f} +- {errors[name]:.4f} {still[name]:18.4f}')
    picture = arguments.out / 'options.png'
    draw(program, rows[: min(paths, 2000)]).savefig(picture, dpi=110)
    print(f'\nIt is drawn in {picture}')
    return Result(found, errors, spent, picture)


def draw(program: Program, rows: Any) -> Figure:
    """Draw price and Greeks over the price of the share; dashed, as if the volatility stayed what it is."""
    spots = [exp(log(60.0) + k / 40 * log(160 / 60)) for k in range(41)]
    moved = [greeks(program, Market(spot=spot), rows) for spot in spots]
    still = [known(Market(spot=spot)) for spot in spots]
    figure = Figure(figsize=(9, 4.5), layout='constrained')
    for axes, name in zip(figure.subplots(2, 4).flat, moved[0]):
        axes.axhline(0, color=INK, linewidth=0.5)
        axes.plot(spots, [here[name] for here in still], '--', color=NEGATIVE, linewidth=1)
        axes.plot(spots, [here[name] for here in moved], color=POSITIVE)
        axes.set_title(name)
        axes.spines[['top', 'right']].set_visible(False)
    figure.supxlabel('price of the share')
    return figure


if __name__ == '__main__':
    main()
