"""Having engines work by turns, once they are known to come to the same numbers."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, NamedTuple

from .report import Figure

__all__ = ['Task', 'alone', 'measure']

#: What keeps the libraries' own threads and memories away, if it is said before they are imported.
ALONE = {
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'MKL_NUM_THREADS': '1',
    'TORCHINDUCTOR_COMPILE_THREADS': '1',
    'XLA_FLAGS': '--xla_cpu_multi_thread_eigen=false',
    'MICROGRADNET_CACHE': '',  # compile every time
}
TOLERANCE = 1e-9
#: An engine whose timing takes longer than this takes part in every fifth round.
LONG = 0.5


class Task(NamedTuple):
    """One table: which of an engine's entries it asks for, of what, and what it counts.

    A goal names an engine, another, and how many times as long as that it may take; or without
    another, how many seconds.
    """

    name: str
    title: str
    asks: str
    of: Any
    unit: str
    each: int
    goals: list[tuple[str, str, float]]


def gather(task: Task, peers: list[str]) -> Iterator[tuple[Any, float]]:
    """Get every engine's entries, and the seconds that setting up took; say who is left out."""
    for name in peers:
        try:
            entries = getattr(importlib.import_module(f'peers.{name}'), task.asks, lambda of: ())(task.of)
            start = perf_counter()
            for entry in entries:
                yield entry, perf_counter() - start
                start = perf_counter()
        except Exception as error:
            missing = isinstance(error, ImportError) and getattr(error, 'name', None)
            print(f'left out: {name}: {f"{missing} is not installed" if missing else error}')


def checked(task: Task, peers: list[str]) -> list[tuple[Any, float]]:
    """Run all once, and keep those that come to the numbers of the first, with their first seconds.

    In a table of costs two entries belong together: the first value, and the first gradient.
    """
    together = 2 if task.name == 'costs' else 1
    kept: list[tuple[Any, float]] = []
    references: list[Any] = []
    wrong: set[str] = set()
    for place, (entry, seconds) in enumerate(gather(task, peers)):
        start = perf_counter()
        try:
            found = entry.run(entry.times)
            seconds += perf_counter() - start
            references += [entry] * (len(references) < together)
            off = distance(found, references[place % together].run(entry.times))
            trouble = f'its numbers are off by {off:.1e}' if not off <= TOLERANCE else ''
        except Exception as error:
            trouble = ' '.join(f'{type(error).__name__}: {error}'.split())[:150]
        if trouble:
            print(f'no figure: {entry.engine}: {trouble}')
            wrong.add(entry.engine)
        kept.append((entry, seconds))
    return [(entry, seconds) for entry, seconds in kept if entry.engine not in wrong]


def distance(found: Any, expected: Any) -> float:
    """Return the largest relative distance; near 0 it is relative to what is usual in its place."""
    import numpy as np

    found, expected = (np.atleast_1d(np.array(numbers, float)) for numbers in (found, expected))
    if found.shape != expected.shape:
        return float('inf')
    scale = np.abs(expected) + np.abs(expected).mean(0)
    return float(np.max(np.abs(found - expected) / np.where(scale == 0, 1, scale)))


def measure(
    task: Task, peers: list[str], rounds: int, clock: Callable[[], float] = perf_counter, long_is: float = LONG
) -> list[Figure]:
    """Time everyone once a round, each round from another one on; first times are always perf_counter's."""
    entries = checked(task, peers)
    times: list[list[float | None]] = [[] for _ in entries]
    long = [False] * len(entries)
    gc.collect()
    gc.freeze()  # so that micrograd's garbage is swept up as if it were alone
    for number in range(rounds):
        for i in range(len(entries)):
            place = (i + number) % len(entries)
            if long[place] and number % 5:
                times[place].append(None)
                continue
            gc.collect()
            entry = entries[place][0]
            start = clock()
            entry.run(entry.times)
            seconds = clock() - start
            long[place] = seconds > long_is
            times[place].append(seconds / entry.times / task.each)
    gc.unfreeze()
    return [Figure(entry.engine, column, first) for (entry, first), column in zip(entries, times)]


def alone() -> None:
    """Keep this process, and everything in it, on one processor."""
    os.environ.update(ALONE)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
