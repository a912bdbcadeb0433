"""How a runner and its rows get to the workers of an executor, and stay there.

===================  =====================================================================
threads              they are there already
`dask.distributed`   the runner and each shard are scattered once, and live in the workers' memory
any other            files in a folder of their own, mapped into memory by the worker that is given a shard;
                     rows that are a mapped file already are read from that. A worker makes sure that a file is
                     the one it was sent. Workers on other machines must see the folder: ``TMPDIR`` names where
===================  =====================================================================
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from itertools import pairwise
from os import cpu_count, getpid
from time import monotonic, sleep
from typing import Any, Protocol

from ..._extras import needed
from ..._files import Folder, KnownFile
from ..._processes import leave_interrupts_to
from ...engine.functions import is_array
from .mapped import Mapped, Pickled, mapping, spool
from .rows import is_mapped
from .runner import Runner

__all__ = ['Carrier', 'WorkersLostError', 'carrier', 'compute']

#: So many seconds no worker is waited for before they count as lost.
GRACE = 20.0


class WorkersLostError(RuntimeError):
    """There is no worker left; what the caller had before is as it was. ``train`` adds its ``history``."""

    history: Any = None


class Carrier(Protocol):
    """Carries things to workers."""

    def workers(self) -> int:
        """Return how many workers there are, at least 1."""

    def rows(self, rows: Any, ends: Sequence[int]) -> None:
        """Bring each shard, the rows from one end to the next, where workers find it."""

    def submit(self, shard: int, theta: Any, places: Any, first: int) -> Future[Any]:
        """Have a shard's sums computed."""

    def drop(self, task: Future[Any]) -> None:
        """Do without a task, which need not be done if it has not begun."""

    def was_lost(self, error: BaseException) -> bool:
        """Tell whether a task raised an error because its worker is no more, or raise WorkersLostError."""

    def look(self) -> None:
        """Raise WorkersLostError if no worker is left."""

    def is_stranded(self, shard: int) -> bool:
        """Tell whether what a task wants was lost with its worker, so that nobody might ever do it."""

    def again(self, shard: int) -> None:
        """Bring a shard anew whose worker is no more. Raises WorkersLostError if no worker is left."""


def compute(runner: Any, rows: Any, theta: Any, places: Any, first: int) -> Any:
    """Return the sums over a shard's rows, or over those at some places; this runs in the worker."""
    runner, rows = (thing.load() if isinstance(thing, (Pickled, Mapped)) else thing for thing in (runner, rows))
    if places is not None:
        rows = rows[places] if is_array(rows) else [rows[place] for place in places]
    return runner.sums(rows, theta, first)


def compute_for(process: int, runner: Any, rows: Any, theta: Any, places: Any, first: int) -> Any:
    """Compute for a process, which is the one that Ctrl-C is for."""
    leave_interrupts_to(process)
    return compute(runner, rows, theta, places, first)


def an_executor(thing: Any) -> Any:
    """Return an executor. Raises TypeError for what is none."""
    if isinstance(thing, Executor):
        return thing
    raise TypeError(
        'executor must be a concurrent.futures.Executor (of a Dask client: client.get_executor()), or a '
        f'function that returns one, not {thing!r}'
    )


def carrier(runner: Runner, executor: Executor) -> Carrier:
    """Choose the carrier for an executor. Raises TypeError for what is none."""
    an_executor(executor)
    if isinstance(executor, ThreadPoolExecutor):
        return Threads(runner, executor)
    is_dask = type(executor).__module__.partition('.')[0] == 'distributed'
    return (Dask if is_dask else Files)(runner, executor)


class Threads:
    """Carries nothing: threads have it all."""

    task: tuple[Any, ...] = (compute,)

    def __init__(self, runner: Runner, executor: Any) -> None:
        self.runner, self.executor = runner, executor
        self.shards: list[Any] = []

    def workers(self) -> int:
        return getattr(self.executor, '_max_workers', None) or cpu_count() or 1

    def rows(self, rows: Any, ends: Sequence[int]) -> None:
        self.shards = [rows[start:end] for start, end in pairwise(ends)]

    def submit(self, shard: int, theta: Any, places: Any, first: int) -> Future[Any]:
        try:
            return self.executor.submit(*self.task, self.runner, self.shards[shard], theta, places, first)  # type: ignore[no-any-return]
        except RuntimeError as error:  # broken before, or shut down
            raise self._gone(str(error)) from error

    def drop(self, task: Future[Any]) -> None:
        task.cancel()

    def was_lost(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def look(self) -> None:
        pass

    def is_stranded(self, shard: int) -> bool:
        return False

    def again(self, shard: int) -> None:
        raise self._gone('it is lost whole when a worker dies')

    def _gone(self, why: str) -> WorkersLostError:
        return WorkersLostError(
            f'{type(self.executor).__name__} takes no more work: {why}. '
            'Give a function that makes an executor, and another one will be made'
        )


class Files(Threads):
    """Carries by files."""

    def __init__(self, runner: Runner, executor: Executor) -> None:
        super().__init__(runner, executor)
        self.folder, self.task = Folder(), (compute_for, getpid())
        self.runner: Any = self._pickled(runner, 'program')

    def rows(self, rows: Any, ends: Sequence[int]) -> None:
        mapped = mapping(rows)
        if is_array(rows) and not mapped:
            mapped = mapping(spool(rows, rows.shape[1], self.folder))
        for number, (start, end) in enumerate(pairwise(ends)):
            self.shards.append(mapped.part(start, end) if mapped else self._pickled(rows[start:end], f'shard{number}'))

    def drop(self, task: Future[Any]) -> None:
        """Let it be done: a pool of processes that breaks chokes on one that is cancelled, and never ends."""

    def _pickled(self, thing: Any, name: str) -> Pickled:
        with self.folder.writing(name) as file:
            file.write(pickle.dumps(thing))
        return Pickled(KnownFile.at(self.folder.path / name))


class Dask(Threads):
    """Carries by scattering, shard by shard, to one worker after the other."""

    def __init__(self, runner: Runner, executor: Any) -> None:
        super().__init__(runner, executor)
        self.client = executor._client
        self.given: Any = None
        self.since: float | None = None
        self.seen: dict[str, int] = {}
        self.original = runner
        self.runner: Any = self._asked(self._program)

    def _program(self) -> Any:
        self._everyone()
        return self.client.scatter(self.original, broadcast=True, hash=False, timeout=GRACE)

    def workers(self) -> int:
        return sum(self.seen.values()) or 1

    def rows(self, rows: Any, ends: Sequence[int]) -> None:
        self.given = [(rows, start, end) for start, end in pairwise(ends)]
        self.shards = [self._asked(self._scattered, shard) for shard in range(len(self.given))]

    def _scattered(self, shard: int) -> Any:
        rows, start, end = self.given[shard]
        part = rows[start:end]
        if is_mapped(part):
            numpy = needed('numpy', 'rows in a file')

            part = numpy.array(part)
        everyone = sorted(self._everyone())
        return self.client.scatter([part], workers=[everyone[shard % len(everyone)]], hash=False, timeout=GRACE)[0]

    def submit(self, shard: int, theta: Any, places: Any, first: int) -> Future[Any]:
        def submitted() -> Any:
            return self.executor.submit(
                compute, self.runner, self.shards[shard], theta, places, first, pure=False
            )  # fmt: skip

        return self._asked(submitted)  # type: ignore[no-any-return]

    def _everyone(self) -> dict[str, int]:
        """Return how many threads each worker has, and keep that. Raises TimeoutError if there is none."""
        self.seen = self.client.nthreads()
        if not self.seen:
            raise TimeoutError('there is no worker')
        return self.seen

    def _asked(self, call: Callable[..., Any], *args: Any) -> Any:
        """Return what a call to the cluster returns, asked again while its workers come and go.

        Raises WorkersLostError if that takes too long, and what the call raises if no worker was lost.
        """
        began = monotonic()
        while True:
            try:
                return call(*args)
            except Exception as error:
                if not self.was_lost(error):
                    raise
                if monotonic() - began > GRACE:
                    who = 'one worker after the other was lost' if self.seen else 'no worker has been there'
                    raise WorkersLostError(f'{who} for {GRACE:g} seconds: {error!r}') from error
            sleep(0.1)

    def was_lost(self, error: BaseException) -> bool:
        """Tell whether an error came of a lost worker: Dask raises what was under way then, of any type."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):  # it was tried by several
            raise WorkersLostError('a task was lost with each of the workers that tried it') from error
        if isinstance(error, (CancelledError, CommClosedError, TimeoutError)):
            return True
        before = self.seen
        try:
            return self._everyone() != before
        except Exception:  # nor is there anyone to ask
            return True

    def look(self) -> None:
        try:
            self._everyone()
            self.since = None
            return
        except Exception as error:
            if not self.was_lost(error):
                raise
        self.since = self.since or monotonic()
        if monotonic() - self.since > GRACE:
            raise WorkersLostError(f'no worker has been there for {GRACE:g} seconds')

    def is_stranded(self, shard: int) -> bool:
        return any(thing.status != 'finished' for thing in (self.runner, self.shards[shard]))

    def again(self, shard: int) -> None:
        def brought() -> Any:
            if self.runner.status != 'finished':
                self.runner = self._program()
            return self._scattered(shard)

        self.shards[shard] = self._asked(brought)
        self.since = None
