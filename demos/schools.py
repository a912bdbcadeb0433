"""Eight schools: how much did each one's coaching help, if schools are somewhat alike?

    python demos/schools.py [--out FOLDER] [--draws N]

Rubin's example of 1981, on which hierarchical models have been taught ever since. Each school measured a gain, with a
large error. Believed alone they differ from -3 to 28 points; believed to be all the same they are 8. The model finds
out from the data how alike they are: ``sample`` draws from its posterior by nutpie, and each school's gain
is pulled towards the mean of all. It needs ``pip install 'microgradnet[sampling]'``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from microgradnet import functions as F
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE
from microgradnet.science import sample

GAINS = (28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0)
ERRORS = (15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0)


class Result(NamedTuple):
    """What the demo found: the mean of all and their spread, each school's gain and its deviation, the picture."""

    mean: float
    spread: float
    gains: Any
    deviations: Any
    picture: Path


def log_posterior(mean: Any, spread: Any, each: Sequence[Any]) -> list[Any]:
    """Return the terms of the logarithm; ``each`` school is so many spreads from the mean."""
    prior = [-((mean / 5) ** 2) / 2, -F.log(1 + (spread / 5) ** 2), *(-z * z / 2 for z in each)]
    return prior + [-(((y - mean - spread * z) / s) ** 2) / 2 for y, s, z in zip(GAINS, ERRORS, each)]


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Draw from the posterior of eight schools.')
    folder = Path('pictures/schools')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--draws', type=int, default=2000, help='of each of four chains (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    start, x0 = perf_counter(), {'mean': 0.0, 'spread': 1.0, 'each': [0.0] * len(GAINS)}
    posterior = sample(log_posterior, x0, {'spread': (0, None)}, draws=arguments.draws, seed=1).posterior
    mean, spread = (posterior[name].values.reshape(-1, 1) for name in ('mean', 'spread'))
    schools = mean + spread * posterior['each'].values.reshape(-1, len(GAINS))
    print(f'4 chains of {arguments.draws} draws in {perf_counter() - start:.1f} s, compiling included.\n')
    for what, drawn in ('mean of all', mean), ('their spread', spread):
        print(f'{what:12} {drawn.mean():.1f} +- {drawn.std():.1f}')
    print('\nschool      alone       together')
    gains, deviations = schools.mean(axis=0), schools.std(axis=0)
    for name, y, s, gain, deviation in zip('ABCDEFGH', GAINS, ERRORS, gains, deviations):
        print(f'{name:6} {y:5.0f} +- {s:2.0f}   {gain:5.1f} +- {deviation:.1f}')
    picture = arguments.out / 'schools.png'
    draw(schools).savefig(picture, dpi=110)
    print(f'\nIt is drawn in {picture}')
    return Result(float(mean.mean()), float(spread.mean()), gains, deviations, picture)


def draw(schools: Any) -> Figure:
    """Draw what each school measured, and what the model makes of it: two thirds and 95 in 100 of the draws."""
    figure = Figure(figsize=(7, 4), layout='constrained')
    axes = figure.subplots()
    places = np.arange(len(GAINS))[::-1]
    axes.errorbar(GAINS, places + 0.15, xerr=ERRORS, fmt='o', color=NEGATIVE, label='alone, with its error')
    ends = np.percentile(schools, [2.5, 17, 83, 97.5], axis=0)
    axes.hlines(places - 0.15, ends[0], ends[3], color=POSITIVE, linewidth=1)
    axes.hlines(places - 0.15, ends[1], ends[2], color=POSITIVE, linewidth=4, label='together')
    axes.axvline(schools.mean(), color=INK, linewidth=1, linestyle=':')
    axes.set_yticks(places, [f'school {name}' for name in 'ABCDEFGH'])
    axes.set_xlabel('points gained')
    axes.legend(frameon=False, loc='center right')
    axes.spines[['top', 'right']].set_visible(False)
    return figure


if __name__ == '__main__':
    main()
