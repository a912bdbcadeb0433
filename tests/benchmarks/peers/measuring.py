"""Having engines work by turns, once they are known to come to the same numbers."""

from __future__ import annotations

import gc
import importlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import perf_counter, process_time
from typing import Any, NamedTuple, NoReturn

from .report import Figure, Goal, goals, table

__all__ = ['Task', 'alone', 'measure', 'spent', 'work_off']

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
#: How many seconds a timing takes of an engine that leaves it open how often it is done, and how often at most.
ENOUGH, OFTEN = 0.02, 1_000_000


class Task(NamedTuple):
    """One table: which of an engine's entries it asks for, of what, and what it counts.

    A goal names an engine, another, and how many times as long as that it may take; or without
    another, how many seconds; or ``FIRST`` or ``MEMORY`` instead of another, and how many seconds the first
    time may take, or how many bytes there may be at most.
    """

    name: str
    title: str
    asks: str
    of: Any
    unit: str
    each: int
    goals: list[tuple[str, str, float]]


def spent() -> float:
    """Return the seconds that this process has had a processor, and all that it began and that have ended.

    Alone on a machine this is the clock's time; on a shared one it is not the others'.
    """
    times = os.times()
    return process_time() + times.children_user + times.children_system


def gather(task: Task, peers: list[str]) -> Iterator[tuple[Any, float]]:
    """Get every engine's entries, and the seconds that setting up took; say who is left out."""
    for name in peers:
        try:
            entries = getattr(importlib.import_module(f'peers.{name}'), task.asks, lambda of: ())(task.of)
            start = spent()
            for entry in entries:
                yield entry, spent() - start
                start = spent()
        except Exception as error:
            missing = isinstance(error, ImportError) and getattr(error, 'name', None)
            print(f'left out: {name}: {f"{missing} is not installed" if missing else error}')


@contextmanager
def limited(most: float) -> Iterator[None]:
    """Give up after so many seconds of this process's processor time, where the system has alarms."""
    if not hasattr(signal, 'setitimer') or most == inf:
        yield
        return

    def give_up(*_: Any) -> NoReturn:
        raise TimeoutError(f'it takes more than {most:g} s')

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, most)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def checked(task: Task, peers: list[str], limit: float = inf) -> list[tuple[Any, float]]:
    """Run all once, and keep those that come to the numbers of the first, with their first seconds.

    No figure is had of one whose first time takes longer than the limit.

    In a table of costs two entries belong together: the first value, and the first gradient.
    """
    together = 2 if task.name == 'costs' else 1
    kept: list[tuple[Any, float]] = []
    references: list[Any] = []
    wrong: set[str] = set()
    for place, (entry, seconds) in enumerate(gather(task, peers)):
        start = spent()
        try:
            with limited(limit):
                found = entry.run(entry.times or 1)
            seconds += spent() - start
            references += [entry] * (len(references) < together)
            off = distance(found, references[place % together].run(entry.times or 1))
            if not entry.times:
                entry = entry._replace(times=often(entry.run))
            trouble = f'its numbers are off by {off:.1e}' if not off <= TOLERANCE else ''
        except Exception as error:
            trouble = ' '.join(f'{type(error).__name__}: {error}'.split())[:150]
        if trouble:
            print(f'no figure: {entry.engine}: {trouble}')
            wrong.add(entry.engine)
        kept.append((entry, seconds))
    return [(entry, seconds) for entry, seconds in kept if entry.engine not in wrong]


def often(run: Callable[[int], Any]) -> int:
    """Return how often something is to be done so that its timing is long enough.

    The quicker of two counts, as some compile once more when they have been called some times.
    """
    times = 1
    while True:
        seconds = []
        for _ in range(2):
            start = process_time()
            run(times)
            seconds.append(process_time() - start)
        if min(seconds) >= ENOUGH / 2 or times >= OFTEN:
            return max(1, min(OFTEN, round(times * ENOUGH / max(min(seconds), 1e-9))))
        times *= 10


def distance(found: Any, expected: Any) -> float:
    """Return the largest relative distance; near 0 it is relative to what is usual in its place."""
    import numpy as np

    found, expected = (np.atleast_1d(np.array(numbers, float)) for numbers in (found, expected))
    if found.shape != expected.shape:
        return float('inf')
    scale = np.abs(expected) + np.abs(expected).mean(0)
    return float(np.max(np.abs(found - expected) / np.where(scale == 0, 1, scale)))


def work_off(task: Task, peers: list[str], rounds: int, *how: Any, **more: Any) -> tuple[dict[str, Any], list[Goal]]:
    """Measure a task, print its table; return what was measured, and how it compares with the goals."""
    print(f'\n{task.title}', flush=True)
    figures = measure(task, peers, rounds, *how, **more)
    print('\n'.join(table(task, figures)), flush=True)
    found = [goal._replace(what=f'{task.title}: {goal.what}') for goal in goals(task, figures)]
    return {**task._asdict(), 'of': None, 'figures': [figure._asdict() for figure in figures]}, found


def measure(
    task: Task,
    peers: list[str],
    rounds: int,
    clock: Callable[[], float] = perf_counter,
    long_is: float = LONG,
    limit: float = inf,
) -> list[Figure]:
    """Time everyone once a round, each round from another one on; first times are of what was ``spent``."""
    entries = checked(task, peers, limit)
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
            watch = entry.clock or clock
            start = watch()
            entry.run(entry.times)
            seconds = watch() - start
            long[place] = seconds > long_is
            times[place].append(seconds / entry.times / task.each)
    gc.unfreeze()
    return [
        Figure(entry.engine, column, first, entry.memory and entry.memory())
        for (entry, first), column in zip(entries, times)
    ]


def alone() -> None:
    """Keep this process, and everything in it, on one processor."""
    os.environ.update(ALONE)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
