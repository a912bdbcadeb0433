"""How fast the engine is, and how small: side by side with micrograd and a plain Value, in one table.

``python tests/benchmarks/engine.py [--quick] [--json FILE]`` runs each engine in a
process of its own and has them work by turns, so that what else the machine does
falls on both. A ratio is the median over the pairs of runs, with the least and the
greatest. Without micrograd installed there is nothing to compare with, and it says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import isclose
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

__all__ = ['main']

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FORMATTER = argparse.RawDescriptionHelpFormatter
MIB = 2**20
#: What an import is measured against: what the package depends on, and one module of Python's own.
IMPORTS = ('import microgradnet', 'import dataclasses, tqdm, graphviz', 'pass')


class Sizes(NamedTuple):
    """How much of everything is done."""

    samples: int = 100
    operations: int = 100_000
    large: int = 1_000_000
    steps: int = 11
    chains: int = 5
    repeats_large: int = 1
    imports: int = 15
    letters: int = 6


QUICK = Sizes(operations=20_000, large=20_000, steps=3, chains=1, imports=3, letters=2)


class Figure(NamedTuple):
    """One line of the table: what was measured, what came out, and what it should be."""

    what: str
    measured: str
    goal: str = ''
    met: bool | None = None
    numbers: Any = None


class Worker:
    """An engine in a process of its own, which measures when asked to."""

    def __init__(self, engine: str, collector: bool = True) -> None:
        command = [sys.executable, str(HERE / 'worker.py'), engine, *([] if collector else ['--no-gc'])]
        self.process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, what: str, size: int = 0) -> dict[str, float]:
        assert self.process.stdin and self.process.stdout
        print(what, size, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f'the worker for {what!r} ended without an answer; its error is above')
        return json.loads(answer)  # type: ignore[no-any-return]

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()


def side_by_side(sizes: Sizes, collector: bool) -> Iterator[Figure]:
    """Compare both engines at one training step and at one long chain.

    The goals are for the collector on, as users run it. With it off, micrograd's cycles
    are swept up between the runs, outside the time taken: its best case, shown beside.
    """
    state = 'collector on' if collector else 'collector off'
    with Worker('microgradnet', collector) as ours, Worker('micrograd', collector) as theirs:
        for worker in ours, theirs:  # the first of everything is slower
            worker.measure('step', sizes.samples)
            worker.measure('chain', sizes.operations // 10)
        pairs = by_turns(lambda w: w.measure('step', sizes.samples), ours, theirs, sizes.steps)
        agree(pairs, 'error')
        what = f'batch step, net 2-16-16-1, {sizes.samples} samples, {state}'
        yield compare(what, pairs, 'seconds', goal=30 if collector else 0)
        pairs = by_turns(lambda w: w.measure('chain', sizes.operations), ours, theirs, sizes.chains)
        agree(pairs, 'value')
        agree(pairs, 'grad')
        what = f'chain of {sizes.operations:,} operations'
        yield compare(f'{what}, forward and backward, {state}', pairs, 'both', goal=3 if collector else 0)
        for part in 'forward', 'backward':
            yield compare(f'  {part} alone', pairs, part)


def of_a_gpt(sizes: Sizes, other: str, collector: bool) -> Iterator[Figure]:
    """Compare what a tiny GPT written over scalars takes with ours and with another ``Value``."""
    with Worker('microgradnet', collector) as ours, Worker(other, collector) as theirs:
        for worker in ours, theirs:
            worker.measure('gpt', sizes.letters)
        pairs = by_turns(lambda w: w.measure('gpt', sizes.letters), ours, theirs, sizes.chains * 2)
        agree(pairs, 'value')
        agree(pairs, 'grad')
        state = 'collector on' if collector else 'collector off'
        name = 'its own plain Value' if other == 'plain' else other
        goal = 1 / 0.6 if collector and other == 'plain' else 0
        yield compare(f'a tiny GPT, {sizes.letters} letters, against {name}, {state}', pairs, 'both', goal)
        for part in 'forward', 'backward':
            yield compare(f'  {part} alone', pairs, part)


def alone(sizes: Sizes, collector: bool = True) -> Iterator[Figure]:
    """Time the same without micrograd."""
    with Worker('microgradnet', collector) as worker:
        for what, key, times in ('step', 'seconds', sizes.steps), ('chain', 'both', sizes.chains):
            size = sizes.samples if what == 'step' else sizes.operations
            seconds = [worker.measure(what, size)[key] for _ in range(times + 1)][1:]
            yield Figure(f'{what} of {size:,}', spread(seconds, 1e3, ' ms'), numbers=seconds)


def chain_memory(sizes: Sizes, engines: list[str]) -> Iterator[Figure]:
    """Trace what the nodes of the long chain take."""
    for engine in engines:
        with Worker(engine) as worker:
            traced = worker.measure('chain_memory', sizes.operations)
        nodes = traced['nodes']
        stages = {'recorded': 'recorded', 'after': 'with gradients', 'peak': 'at the peak'}
        each = ', '.join(f'{traced[k] / nodes:.0f} {stage}' for k, stage in stages.items() if k in traced)
        measured = (
            f'{each}; {nodes / sizes.operations:.2f} nodes and '
            f'{traced["recorded"] / sizes.operations:.0f} bytes recorded an operation'
        )
        ours = engine == 'microgradnet'
        goal, met = ('<= 400', traced['peak'] <= 400 * nodes) if ours else ('', None)
        yield Figure(f'bytes a node, {engine}, constants counted as nodes', measured, goal, met, traced)


def large(sizes: Sizes) -> Iterator[Figure]:
    """Time and weigh a graph that is very deep and one that is very wide."""
    for what in 'deep', 'wide':
        with Worker('microgradnet') as worker:
            before = worker.measure('resident')['peak']
            runs = [worker.measure(what, sizes.large) for _ in range(sizes.repeats_large)]
            resident = worker.measure('resident')['peak'] - before
        with Worker('microgradnet') as worker:
            traced = worker.measure(f'{what}_memory', sizes.large)
        nodes = int(traced['nodes'])
        title = f'{sizes.large:,} {"nodes deep" if what == "deep" else "terms wide"} ({nodes:,} nodes)'
        for part in 'forward', 'backward', 'release':
            seconds = [run[part] for run in runs]
            yield Figure(f'{title}, {part}', spread(seconds, 1, ' s'), numbers=seconds)
        measured = (
            f'{traced["recorded"] / MIB:.0f} MiB recorded, {traced["after"] / MIB:.0f} with gradients, '
            f'{traced["peak"] / MIB:.0f} at the peak, {traced["left"] / MIB:.1f} left; '
            f'resident {resident / MIB:.0f}'
        )
        yield Figure(f'{title}, memory', measured, numbers={**traced, 'resident': resident})


def imports(times: int) -> Iterator[Figure]:
    """Time whole processes that do nothing but import."""
    missing = [name for name in ('tqdm', 'graphviz') if not find_spec(name)]
    if missing:
        yield Figure('import', f'skipped: {" and ".join(missing)} not installed')
        return
    for code in IMPORTS:
        start_python(code)  # the first time writes the byte code
    runs = [[start_python(code) for code in IMPORTS] for _ in range(times)]
    ratios = [ours / other for ours, other, _ in runs]
    measured = f'{median(ratios):.2f} times ({min(ratios):.2f} .. {max(ratios):.2f})'
    title, met = 'import microgradnet / dataclasses, tqdm, graphviz', median(ratios) <= 1.5
    yield Figure(title, measured, '<= 1.5', met, runs)
    ours, other, bare = (median(column) * 1e3 for column in zip(*runs))
    measured = f'{ours:.0f} ms against {other:.0f} ms; of both, the bare interpreter {bare:.0f} ms'
    yield Figure('  whole processes', measured)
    yield Figure('  without the interpreter', f'{(ours - bare) / (other - bare):.2f} times')


def start_python(code: str) -> float:
    """Time a process of Python's from start to end."""
    start = perf_counter()
    subprocess.run([sys.executable, '-c', code], env=environment(), check=True)
    return perf_counter() - start


def by_turns(
    measure: Callable[[Worker], dict[str, float]], ours: Worker, theirs: Worker, times: int
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Measure both engines by turns, and who goes first by turns, too."""
    pairs = []
    for i in range(times):
        if i % 2:
            second, first = measure(theirs), measure(ours)
        else:
            first, second = measure(ours), measure(theirs)
        pairs.append((first, second))
    return pairs


def agree(pairs: list[tuple[dict[str, float], dict[str, float]]], key: str) -> None:
    """Make sure that both engines did the same work: a number that both must have found."""
    for ours, theirs in pairs:
        if not isclose(ours[key], theirs[key], rel_tol=1e-6):
            raise AssertionError(f'the engines disagree: {key} is {ours[key]} and in the other {theirs[key]}')


def compare(
    what: str, pairs: list[tuple[dict[str, float], dict[str, float]]], key: str, goal: float = 0
) -> Figure:
    """Make a line of the table of the pairs' ratios."""
    ratios = [theirs[key] / ours[key] for ours, theirs in pairs]
    ours, theirs = ([run[key] for run in side] for side in zip(*pairs))
    measured = (
        f'{median(ratios):.1f} times faster ({min(ratios):.1f} .. {max(ratios):.1f}): '
        f'{median(ours) * 1e3:.1f} ms against {median(theirs) * 1e3:.0f} ms'
    )
    met = median(ratios) >= goal if goal else None
    return Figure(what, measured, f'>= {goal:.3g}' if goal else '', met, {'ours': ours, 'theirs': theirs})


def spread(numbers: list[float], scale: float, unit: str) -> str:
    """Write a median with the least and the greatest."""
    least, middle, most = (scale * x for x in (min(numbers), median(numbers), max(numbers)))
    return f'{middle:.2f}{unit}' + (f' ({least:.2f} .. {most:.2f})' if len(numbers) > 1 else '')


def environment() -> dict[str, str]:
    """Return the environment of the workers, who find the package in this tree first."""
    return {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}


def processor() -> str:
    """Name the processor as the machine does."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        return next(line.partition(': ')[2] for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def figures(sizes: Sizes) -> Iterator[Figure]:
    """Measure everything, a figure at a time."""
    for collector in True, False:
        yield from of_a_gpt(sizes, 'plain', collector)
    if find_spec('micrograd'):
        for collector in True, False:
            yield from side_by_side(sizes, collector)
        yield from of_a_gpt(sizes, 'micrograd', True)
        yield from chain_memory(sizes, ['microgradnet', 'micrograd'])
    else:
        yield Figure('against micrograd', 'skipped: micrograd is not installed (pip install micrograd)')
        yield from alone(sizes)
        yield from chain_memory(sizes, ['microgradnet'])
    yield from large(sizes)
    yield from imports(sizes.imports)


def main(arguments: list[str] | None = None) -> None:
    """Print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=FORMATTER)
    parser.add_argument('--quick', action='store_true', help='fewer repetitions, smaller graphs')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    options = parser.parse_args(arguments)
    machine = f'Python {platform.python_version()}, {processor()}, {os.cpu_count()} processors'
    print(f'{machine}\nThe figures are of this machine, at this hour.\n')
    print(f'{"":4} {"goal":>7}  what, and what was measured')
    measured = []
    for figure in figures(QUICK if options.quick else Sizes()):
        measured.append(figure)
        mark = {True: 'met', False: 'NOT', None: ''}[figure.met]
        print(f'{mark:4} {figure.goal:>7}  {figure.what}: {figure.measured}', flush=True)
    if options.json:
        report = {'machine': machine, 'figures': [figure._asdict() for figure in measured]}
        options.json.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
