"""The level of the Nile: how much does it move from year to year, and how much of a year's flow is chance?

    python demos/nile.py [--out FOLDER]

A hundred years of the river's flow at Aswan, 1871 to 1970. The level is a random walk, and each year shows it with
noise. A Kalman filter, twelve lines of plain Python, says how likely the flows are for two variances; ``minimise``
finds the most likely ones, through the filter. They are published: 15,099 and 1,469 (Durbin and Koopman, Time
Series Analysis by State Space Methods, 2001, section 2.10).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from microgradnet import functions as F
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE
from microgradnet.science import Fit, minimise

FIRST = 1871
#: In 100 million cubic metres.
FLOWS = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831,
    726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845,
    944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918,
    986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]  # fmt: skip
PUBLISHED = {'noise': 15099.0, 'drift': 1469.0}


class Year(NamedTuple):
    """What the filter knows after a year: the level, its variance, and how surprising the flow was."""

    level: Any
    variance: Any
    surprise: Any


class Result(NamedTuple):
    """What the demo found: the fit, and the picture."""

    fit: Fit
    picture: Path


def filtered(noise: Any, drift: Any, flows: Sequence[float] = FLOWS) -> list[Year]:
    """Follow the level through the years; nothing is known of it before the first."""
    level, variance = flows[0], noise
    years = [Year(level, variance, 0.0)]
    for flow in flows[1:]:
        spread = variance + drift + noise  # of the flow that is expected
        miss = flow - level
        gain = (variance + drift) / spread
        level, variance = level + gain * miss, gain * noise
        years.append(Year(level, variance, (F.log(spread) + miss * miss / spread) / 2))
    return years


def surprise(noise: Any, drift: Any) -> list[Any]:
    """Return minus the log-likelihood of the variances, year by year."""
    return [year.surprise for year in filtered(noise, drift)]


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Find how the level of the Nile moves.')
    parser.add_argument('--out', type=Path, default=Path('pictures/nile'), help='folder for the picture (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    start = perf_counter()
    fit = minimise(surprise, {'noise': 10_000.0, 'drift': 5_000.0}, {'noise': (1.0, None), 'drift': (1.0, None)})
    print(f'Fitted through {len(FLOWS)} years of a Kalman filter in {perf_counter() - start:.1f} s.\n')
    print(fit)
    print('\npublished:', ', '.join(f'{name} {variance:,.0f}' for name, variance in PUBLISHED.items()))
    picture = arguments.out / 'nile.png'
    draw(fit).savefig(picture, dpi=110)
    print(f'It is drawn in {picture}')
    return Result(fit, picture)


def draw(fit: Fit) -> Figure:
    """Draw the flows, and the level with its band of two standard deviations."""
    years = filtered(**fit.x)
    times = range(FIRST, FIRST + len(FLOWS))
    level, wide = [year.level for year in years], [2 * year.variance**0.5 for year in years]
    figure = Figure(figsize=(8, 4), layout='constrained')
    axes = figure.subplots()
    low, high = ([x + sign * w for x, w in zip(level, wide)] for sign in (-1, 1))
    axes.fill_between(times, low, high, color=POSITIVE, alpha=0.2, linewidth=0)
    axes.plot(times, level, color=POSITIVE, label='level, and two standard deviations')
    axes.plot(times, FLOWS, 'o', markersize=4, color=NEGATIVE, label='flow of a year')
    axes.axvline(1898.5, color=INK, linewidth=1, linestyle=':')
    axes.text(1899.5, max(FLOWS), 'the first dam at Aswan is begun', color=INK, va='top')
    axes.set(xlabel='year', ylabel='100 million cubic metres')
    axes.legend(frameon=False, loc='upper right')
    axes.spines[['top', 'right']].set_visible(False)
    return figure


if __name__ == '__main__':
    main()
