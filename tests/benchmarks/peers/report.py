"""What was measured, as a table and as a picture, and on which machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine import processor

__all__ = [
    'FIRST', 'MEMORY', 'Figure', 'Goal', 'arguments', 'describe', 'digest', 'goals', 'insert', 'introduce', 'plot',
    'publish', 'seconds', 'summary', 'table',
]  # fmt: skip

PACKAGES = ['numpy', 'llvmlite', 'jax', 'casadi', 'aadc', 'numba', 'torch', 'micrograd']
#: What a goal names instead of another engine.
FIRST, MEMORY = 'first time, seconds', 'peak memory, bytes'
Draw = Callable[[Any], None]
UNITS = (1, 's'), (1e-3, 'ms'), (1e-6, 'µs'), (0, 'ns')
#: What a gradient may cost, in times of the value.
DEAREST = 3


class Figure(NamedTuple):
    """One line: seconds for one unit, a round each (None: did not take part), the first time, and bytes if known."""

    engine: str
    seconds: list[float | None]
    first: float
    memory: float | None = None


class Goal(NamedTuple):
    """What was aimed at: a ratio or seconds, what was found, and what it may be at most."""

    what: str
    found: float
    wanted: float

    @property
    def met(self) -> bool:
        return self.found <= self.wanted

    def __str__(self) -> str:
        verdict = 'goal met' if self.met else 'goal MISSED'
        return f'{verdict}: {self.what}: {self.found:.3g}, wanted at most {self.wanted:g}'


def table(task: Any, figures: list[Figure]) -> Iterator[str]:
    """Write a line for each engine, its ratio to the first, and what was aimed at."""
    if not figures:
        yield 'nobody is here'
    elif task.name == 'costs':
        yield from cost_table(task, figures)
    else:
        columns = f'{task.unit:>14} {"a second":>12} {"first time":>11}'
        yield f'{"engine":42} {columns}  times {figures[0].engine}'
        for figure in figures:
            middle = usual(figure)
            columns = f'{seconds(middle):>14} {1 / middle:>12,.0f} {seconds(figure.first):>11}'
            memory = '' if figure.memory is None else f', {figure.memory / 1e6:,.0f} MB'
            yield f'{figure.engine:42} {columns}  {spread(ratios(figure, figures[0]))}{memory}'
    yield from map(str, goals(task, figures))


def goals(task: Any, figures: list[Figure]) -> Iterator[Goal]:
    """Compare with what was aimed at; leave out goals that name somebody who is not here."""
    if task.name == 'costs':
        for value, gradient in zip(figures[::2], figures[1::2]):
            if value.engine == 'microgradnet':
                yield Goal('microgradnet, gradient / value', median(ratios(gradient, value)), DEAREST)
        return
    known = {figure.engine: figure for figure in figures}
    for engine, other, times in task.goals:
        if engine in known and other in (FIRST, MEMORY):
            figure = known[engine]
            found = figure.first if other == FIRST else figure.memory
            if found is not None:
                yield Goal(f'{engine}, {other}', found, times)
        elif engine in known and not other:
            yield Goal(f'{engine}, seconds', usual(known[engine]), times)
        elif engine in known and other in known:
            yield Goal(f'{engine} / {other}', median(ratios(known[engine], known[other])), times)


def cost_table(task: Any, figures: list[Figure]) -> Iterator[str]:
    """Write a line for each engine: the value alone, the gradient with it, and their ratio."""
    yield f'{"engine":42} {"value, " + task.unit:>14} {"gradient":>12}  gradient over value'
    for value, gradient in zip(figures[::2], figures[1::2]):
        found = ratios(gradient, value)
        each = seconds(usual(value)), seconds(usual(gradient))
        yield f'{value.engine:42} {each[0]:>14} {each[1]:>12}  {spread(found)}'


def digest(results: Sequence[dict[str, Any]], machine: dict[str, str], peers: Sequence[str]) -> Iterator[str]:
    """Write Markdown: a row for each of our ways that a goal names, a column for the quickest of each peer's.

    After the time of a call comes the first time, which compiles.
    """
    yield textwrap.fill('; '.join(f'{name}: {value}' for name, value in machine.items()) + '.', 116)
    yield ''
    yield f'| | microgradnet | {" | ".join(peers)} |'
    yield '|---' * (len(peers) + 2) + '|'
    for result in results:
        figures = [Figure(**figure) for figure in result['figures']]
        known = {figure.engine: figure for figure in figures}
        cells = [cell(min(ways, key=usual)) if ways else '–' for ways in (named(figures, peer) for peer in peers)]
        title = f'{result["title"]}, {result["unit"]}'
        for engine in [way for way in dict.fromkeys(goal[0] for goal in result['goals']) if way in known] or ['']:
            way = engine.partition(', ')[2]
            ours = cell(known[engine]) + f', `{way}`' * bool(way) if engine else '–'
            yield f'| {title} | {ours} | {" | ".join(cells)} |'
            title, cells = '', [''] * len(peers)


def named(figures: list[Figure], start: str) -> list[Figure]:
    return [figure for figure in figures if figure.engine.startswith(start)]


def cell(figure: Figure) -> str:
    memory = '' if figure.memory is None else f', {figure.memory / 1e6:,.0f} MB'
    return f'{seconds(usual(figure))} ({seconds(figure.first)}{memory})'


def ratios(figure: Figure, base: Figure) -> list[float]:
    """Compare round by round, where both took part."""
    return [a / b for a, b in zip(figure.seconds, base.seconds) if a is not None and b is not None]


def usual(figure: Figure) -> float:
    return median(x for x in figure.seconds if x is not None)


def spread(numbers: list[float]) -> str:
    """Write a median with the least and the greatest."""
    three = min(numbers), median(numbers), max(numbers)
    least, middle, most = (f'{x:.2f}' if x < 100 else f'{x:,.0f}' for x in three)
    return middle if least == most else f'{middle} ({least} .. {most})'


def seconds(x: float) -> str:
    scale, unit = next(pair for pair in UNITS if x >= pair[0])
    return f'{x / (scale or 1e-9):,.3g} {unit}' if x < 1000 else f'{x:,.0f} s'


def describe() -> dict[str, str]:
    """Name the machine, the compiler and everybody's version."""
    from .compiler import version as compiler

    found = {'machine': f'{processor()}, {os.cpu_count()} processors, {platform.platform()}'}
    found['Python'] = platform.python_version()
    try:
        found['C'] = f'{compiler()}'
    except Exception as error:
        found['C'] = str(error)
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = 'not installed'
    return found


def summary(found: list[Goal]) -> Iterator[str]:
    """Write all goals in one table."""
    width = max((len(goal.what) for goal in found), default=0)
    yield f'{"goal":{width}} {"found":>9} {"at most":>8}'
    for goal in found:
        yield f'{goal.what:{width}} {goal.found:>9.3g} {goal.wanted:>8g}  {"met" if goal.met else "MISSED"}'


def arguments(document: str | None, quick: str) -> argparse.ArgumentParser:
    """Return the command line of a benchmark of tasks; ``quick`` says what is less then."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help=quick)
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    parser.add_argument('--plot', metavar='FILE', type=Path, help='draw it there (wants matplotlib)')
    return parser


def introduce(machine: dict[str, str]) -> None:
    """Print on what is measured, and how."""
    print('\n'.join(f'{name}: {value}' for name, value in machine.items()))
    print('One processor, one thread, float64. The figures are of this machine, at this hour.')


def publish(
    options: Any, machine: dict[str, str], results: list[dict[str, Any]], found: list[Goal] | None = None, **more: Any
) -> None:
    """Write what was measured, and drawn, where the command line says."""
    if options.json:
        measured: dict[str, Any] = {'machine': machine, 'tasks': results, **more.pop('also', {})}
        if found is not None:
            measured['goals'] = [goal._asdict() | {'met': goal.met} for goal in found]
        options.json.write_text(json.dumps(measured, indent=1) + '\n')
    if options.plot:
        plot(results, machine, options.plot, **more)


def insert(lines: Iterator[str], file: Path, mark: str) -> None:
    """Put lines between two marks of a file, in the place of what is there."""
    text, begin, end = file.read_text(), f'<!-- begin: {mark} -->\n', f'<!-- end: {mark} -->\n'
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f'{file} has not both {begin.strip()} and {end.strip()}, each in a line of its own')
    file.write_text(f'{before}{begin}\n' + '\n'.join(lines) + f'\n\n{end}{after}')


def plot(
    results: list[dict[str, Any]], machine: dict[str, str], file: Path, below: Sequence[tuple[int, Draw]] = ()
) -> None:
    """Draw a panel of bars for each task; below them others, given as a height in bars and what draws it."""
    try:
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        print('no picture: matplotlib is not installed')
        return
    shown = [result for result in results if result['figures']]
    drawn = [(len(result['figures']) + 3, partial(bars, result)) for result in shown] + [*below]
    if not drawn:
        return
    heights = [height for height, _ in drawn]
    canvas = Canvas(figsize=(10, 0.28 * sum(heights)), layout='constrained')
    panels = canvas.subplots(len(drawn), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, (_, draw) in zip(panels, drawn):
        draw(panel)
    canvas.suptitle(f'{machine["machine"]}, Python {machine["Python"]}', fontsize=8)
    canvas.savefig(file)


def bars(result: dict[str, Any], panel: Any) -> None:
    """Draw a bar for each engine's median, on a logarithmic scale."""
    figures = [Figure(**figure) for figure in result['figures']]
    kinds = [', value', ', gradient'] if result['name'] == 'costs' else ['']
    names = [figure.engine + kinds[i % len(kinds)] for i, figure in enumerate(figures)]
    times = [usual(figure) for figure in figures]
    ours = ['C1' if name.startswith('microgradnet') else 'C0' for name in names]
    drawn = panel.barh(names, times, color=ours)
    panel.bar_label(drawn, [seconds(t) for t in times], padding=3, fontsize=8)
    panel.set_xscale('log')
    panel.set_xlim(min(times) / 3, max(times) * 4)
    panel.xaxis.set_minor_formatter('')
    panel.invert_yaxis()
    panel.tick_params(labelsize=8)
    panel.set_title(f'{result["title"]} (seconds {result["unit"]})', fontsize=9, loc='left')
