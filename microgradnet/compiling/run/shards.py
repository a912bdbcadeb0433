"""Rows shared out among workers: each epoch sends them the parameters, and brings back one gradient.

A sum over rows is a sum over shards of them, wherever these are. The shards' sums are added up in the
order of the shards, whichever was ready first, so that the same number of shards gives the same bits.

>>> from concurrent.futures import ThreadPoolExecutor
>>> from ..ir.sweeps import lower
>>> from ...engine.value import Value
>>> from .runner import Runner, Watch
>>> x, w = Value(0.0), Value(0.0)
>>> runner = Runner(lower([w * x, x], [x], [w]), Watch([], 'python'))
>>> with ThreadPoolExecutor(2) as pool:
...     Shards(runner, [[1.0], [2.0], [3.0]], pool).sums([10.0])
[60.0, 6.0]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from hashlib import blake2b
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias
from weakref import finalize

from ..._extras import have, needed
from ..._files import Folder
from ..._processes import here, uninterrupted
from ...engine.functions import is_array
from ...engine.incoming import array_of_numbers
from .engines import Engine
from .mapped import file_of, spool
from .rows import added, blocks, is_mapped
from .runner import Runner
from .transport import Carrier, WorkersLostError, carrier

__all__ = ['Shards', 'Workers', 'WorkersLostError', 'fingerprint']

Workers: TypeAlias = Executor | Callable[[], Executor]
#: So often in a row everything may be lost before there is a single result, and so many seconds pass
#: between two looks whether there is a worker.
TRIES, LOOK = 3, 1.0
#: So often a shard may be lost with its worker, one after the other, before that is for good.
LOSSES = 10


class Shards:
    """Rows at the workers of an executor.

    executor: an Executor, or a function that makes one: it is asked for another one if all workers are lost.
    count: how many shards, by default as many as there are workers. Rows from an iterator are
        written to a file first, so there may be more of them than memory holds.
    """

    runner: Runner
    ends: list[int]

    def __init__(self, runner: Runner, rows: Any, executor: Workers, count: int | None = None) -> None:
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError(f'shards must be a whole number of at least 1, not {count!r}')
        self.runner, self.count = runner, count
        self._make = executor if callable(executor) else None
        self._given: Any = executor
        self._rows = self._taken(rows)
        self._file = file_of(self._rows)
        self._carrier = self._settle()

    def _taken(self, rows: Any) -> Any:
        """Return rows as they are carried: an array, a mapped file, or lists."""
        width = self.runner.routine.width
        if isinstance(rows, Iterator) and have('numpy'):
            self._folder = Folder()
            return spool(rows, width, self._folder)
        if is_mapped(rows) and rows.ndim == 2 and rows.shape[1] == width:
            return array_of_numbers(rows, 'rows')
        return self.runner.engine.rows(rows, width)[0]

    def _settle(self) -> Carrier:
        """Bring the runner and the rows to the workers."""
        executor = self._given
        if self._make:
            executor = self._make()
            if isinstance(executor, Executor):
                finalize(self, here(executor.shutdown, wait=False))
        found, n = carrier(self.runner, executor), len(self._rows)
        count = min(self.count or found.workers(), max(n, 1))
        self.count = self.count or count  # another executor may have other workers; the shards stay
        self.ends = [n * k // count for k in range(count + 1)]
        if n:
            found.rows(self._rows, self.ends)
        return found

    def sums(self, theta: Any, places: Sequence[int] | None = None) -> Any:
        """Return the sums over all rows, or over those at some places, counted from 0.

        A shard whose worker dies is run again elsewhere. Raises WorkersLostError if there is no worker left,
        FileChangedError if the rows are in a file that was replaced or written to since they were brought.
        """
        self._check()
        if not len(self._rows):
            return self.runner.sums(self._rows, theta)
        theta, tasks, tries = _plain(theta), self._tasks(places), 0
        results: dict[int, Any] = {}
        while len(results) < len(tasks):
            before = len(results)
            try:
                self._collect(theta, {shard: task for shard, task in tasks.items() if shard not in results}, results)
            except WorkersLostError:
                tries = tries + 1 if len(results) == before else 0
                if not self._make or tries == TRIES:
                    raise
                self._carrier = self._settle()
        self._check()  # while they were being computed, too
        totals = None
        for shard in sorted(results):
            totals = added(totals, results[shard])
        return totals

    def _check(self) -> None:
        if self._file:
            self._file.check()

    def _tasks(self, places: Sequence[int] | None) -> dict[int, Any]:
        """Return the places within each shard that has any; None is all of them."""
        spans = [*enumerate(pairwise(self.ends))]
        if places is None:
            return dict.fromkeys(range(len(spans)))
        if not len(places):
            return {0: []}
        inside = {shard: [place - start for place in places if start <= place < end] for shard, (start, end) in spans}
        return {shard: chosen for shard, chosen in inside.items() if chosen}

    def _collect(self, theta: Any, tasks: dict[int, Any], results: dict[int, Any]) -> None:
        """Have tasks done, and put what comes of each under its shard."""
        waiting: dict[Future[Any], int] = {}
        losses: Counter[int] = Counter()
        ready: SimpleQueue[Future[Any]] = SimpleQueue()

        def submit(shard: int) -> None:
            with uninterrupted():
                future = self._carrier.submit(shard, theta, tasks[shard], self.ends[shard])
                waiting[future] = shard
                future.add_done_callback(ready.put)

        try:
            for shard in tasks:
                submit(shard)
            while waiting:
                try:
                    # Not concurrent.futures.wait: it takes the locks of all futures, and interrupted it keeps them.
                    future = ready.get(timeout=LOOK)
                except Empty:
                    self._carrier.look()
                    for late, shard in [*waiting.items()]:
                        if self._carrier.is_stranded(shard):
                            del waiting[late]
                            self._carrier.drop(late)
                            self._carrier.again(shard)
                            submit(shard)
                    continue
                if future not in waiting:  # it was stranded
                    continue
                shard = waiting.pop(future)
                try:
                    results[shard] = future.result()
                except Exception as error:
                    if not self._carrier.was_lost(error):
                        raise
                    losses[shard] += 1
                    if losses[shard] == LOSSES:
                        raise WorkersLostError(f'shard {shard} was lost {LOSSES} times, with its worker') from error
                    self._carrier.again(shard)
                    submit(shard)
        finally:
            with uninterrupted():
                for future, shard in waiting.items():
                    self._carrier.drop(future)
                    if future.done() and not future.cancelled() and not future.exception():
                        results[shard] = future.result()


def _plain(theta: Any) -> Any:
    """Return numbers as they travel best."""
    if is_array(theta) or not have('numpy'):
        return theta
    numpy = needed('numpy', 'an array of parameters')

    return numpy.array([*map(float, theta)])


def fingerprint(rows: Any, engine: Engine, width: int) -> Any:
    """Return what rows can be known by again: a hash, or of a file mapped to be read that file; None of an iterator."""
    if isinstance(rows, Iterator):
        return None
    if is_mapped(rows) and rows.mode == 'r':
        return file_of(rows), rows.dtype.str, rows.shape, rows.strides, rows.ctypes.data
    digest, count = blake2b(), 0
    for block in blocks(rows, width):
        data, _ = engine.rows(block, width)
        digest.update(data.tobytes() if is_array(data) else repr(data).encode())
        count += len(data)
    return count, digest.digest()
