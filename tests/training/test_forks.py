"""Forks and Ctrl-C while others are at work: a child that can compile, a pool that ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import pytest

import microgradnet
from microgradnet import Value, no_grad
from microgradnet._files import Folder
from microgradnet.compiling import Program, compile
from microgradnet.compiling.run import shards as shards_of
from microgradnet.engine import fast

pytestmark = [
    pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system does not fork'),
    pytest.mark.filterwarnings('ignore:.*multi-threaded:DeprecationWarning'),
]
#: A child that is not done after so many seconds hangs.
PATIENCE = 60.0


def in_a_child(function: Callable[[], Any]) -> int | None:
    """Fork; return with what status the child left, 0 if the function returned, None if it hangs."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def sines(count: int, backend: str = 'native', seed: float = 1.0) -> Program:
    x = Value(seed)
    y = x
    for k in range(count):
        y = (y * (seed + k)).sin()
    return compile(y, rows=[x], parameters=[], backend=backend, loops=False)


def compiles() -> None:
    """Compile what no one has compiled before; of a number near 1, for sines of large ones lose their digits."""
    seed = 1 + os.getpid() / 2**22
    found = sines(3, seed=seed).sum([[1.0], [2.0]])
    assert found == pytest.approx(sines(3, 'python', seed=seed).sum([[1.0], [2.0]]))


class Held:
    """A thread that holds a lock, or whatever a context manager does, until the block ends."""

    def __init__(self, lock: Any) -> None:
        self.lock, self.held, self.over = lock, Event(), Event()
        self.thread = Thread(target=self.hold)

    def hold(self) -> None:
        with self.lock:
            self.held.set()
            self.over.wait()

    def __enter__(self) -> None:
        self.thread.start()
        self.held.wait()

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()


def test_a_child_compiles_though_a_thread_was_compiling_when_it_was_forked() -> None:
    pytest.importorskip('llvmlite')
    from microgradnet.compiling.run import native

    with Held(native._compiling):
        assert in_a_child(compiles) == 0
    sines(4).sum([[1.0]])  # the parent still does, too


def test_a_fork_waits_for_llvm_to_come_to_rest() -> None:
    """In the middle of a call of LLVM its memory is half written, and a child could do nothing with it."""
    pytest.importorskip('llvmlite')
    from llvmlite.binding import ffi

    sines(2).sum([[1.0]])
    holder = Held(ffi.lib._lock)
    with holder:
        Thread(target=lambda: (time.sleep(0.2), holder.over.set())).start()
        before = holder.over.is_set()
        assert in_a_child(compiles) == 0
        assert not before and holder.over.is_set()


def test_a_child_records_and_prints_though_a_thread_did_when_it_was_forked() -> None:
    """Such as the lock in which Python 3.11 computes a cached property, one for all objects."""

    def programs() -> None:
        with no_grad():
            assert sines(3, 'python').sum([[1.0]])

    inside, go_on = Event(), Event()

    class Slow(Program):
        @property
        def _made(self) -> Any:
            inside.set()
            go_on.wait(0 if not thread.is_alive() else None)
            return self.__dict__['made']

        @_made.setter
        def _made(self, made: Any) -> None:
            self.__dict__['made'] = made

    thread = Thread(target=lambda: Slow(Value(1.0).sin(), backend='python').routine)
    thread.start()
    inside.wait()
    try:
        assert in_a_child(programs) == 0
        with Held(fast._lock):
            assert in_a_child(programs) == 0
    finally:
        go_on.set()
        thread.join()


@pytest.mark.slow
def test_children_forked_at_any_moment_of_compiling_compile() -> None:
    pytest.importorskip('llvmlite')
    over = Event()

    def work() -> None:
        seed = 1.0
        while not over.is_set():
            seed += 1
            sines(200, seed=seed).sum([[1.0]] * 9)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for k in range(12):
            time.sleep(0.013 * k)
            assert in_a_child(compiles) == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_child_takes_no_file_away_from_its_parent() -> None:
    folder = Folder()
    (folder.path / 'rows').write_bytes(b'1')

    def forget() -> None:
        nonlocal folder
        path = folder.path
        del folder
        gc.collect()
        assert (path / 'rows').exists()

    assert in_a_child(forget) == 0 and (folder.path / 'rows').exists()
    path = folder.path
    del folder
    assert not path.exists()


class Interrupted(SimpleQueue[Any]):
    """Ctrl-C comes while it is waited at."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        raise KeyboardInterrupt


class Waiting(Executor):
    """Has tasks, and does none."""

    def __init__(self) -> None:
        self.tasks: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks.append(Future())
        return self.tasks[-1]


def test_ctrl_c_leaves_a_pool_of_processes_no_cancelled_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11's pool dies of one when a worker is gone, as it is after Ctrl-C, and leaves the other workers."""
    monkeypatch.setattr(shards_of, 'SimpleQueue', Interrupted)
    pool, program = Waiting(), sines(2, 'python')
    with pytest.raises(KeyboardInterrupt):
        program.shards([[1.0]] * 4, pool, 3).sums([])
    assert len(pool.tasks) == 3 and not any(task.cancelled() for task in pool.tasks)
    go_on = Event()
    with ThreadPoolExecutor(1) as threads:
        try:
            threads.submit(go_on.wait)
            with pytest.raises(KeyboardInterrupt):
                program.shards([[1.0]] * 4, threads, 3).sums([])
            tasks = [threads._work_queue.get_nowait() for _ in range(3)]
            assert all(task.future.cancelled() for task in tasks)
        finally:
            go_on.set()


def test_ctrl_c_is_put_off_while_a_task_is_given_out() -> None:
    """Half given it would be waited for, for ever, when the pool is shut down."""

    class Giving(Waiting):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            signal.raise_signal(signal.SIGINT)
            children.append(in_a_child(ctrl_c))
            return super().submit(fn, *args, **kwargs)

    def ctrl_c() -> None:
        with pytest.raises(KeyboardInterrupt):  # a worker that was forked meanwhile hears it
            signal.raise_signal(signal.SIGINT)

    children: list[int | None] = []
    pool, usual = Giving(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        sines(2, 'python').shards([[1.0]] * 4, pool, 3).sums([])
    assert len(pool.tasks) == 1 and children == [0] and signal.getsignal(signal.SIGINT) is usual


def test_a_pool_that_computes_for_us_leaves_ctrl_c_to_us() -> None:
    """A worker that is interrupted with the lock of the queue in its hand never gives it back."""
    program = sines(2, 'python')
    with ProcessPoolExecutor(1, mp_context=get_context('fork')) as pool:
        shards = program.shards([[1.0], [2.0], [3.0]], pool, 2)
        first = shards.sums([])
        for _ in range(3):
            for worker in pool._processes:
                os.kill(worker, signal.SIGINT)
            assert shards.sums([]) == first


PROGRAM = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from microgradnet import MLP, TeacherSet, train

if __name__ == '__main__':
    xs = [[k / 1000, k / 500] for k in range(3000)]
    with ProcessPoolExecutor(2, mp_context=get_context(sys.argv[1])) as pool:
        print('ready', flush=True)
        train(MLP(2, [3, 1], seed=1), TeacherSet(xs, [x for x, _ in xs]), learning_rate=1e-6, epochs=10**7,
              executor=pool, shards=4)
"""


@pytest.mark.slow
@pytest.mark.parametrize('way', ['spawn', 'fork'])
def test_training_by_a_pool_of_processes_ends_at_ctrl_c_whenever_it_comes(way: str, tmp_path: Path) -> None:
    pytest.importorskip('llvmlite')
    (tmp_path / 'program.py').write_text(PROGRAM)
    for k in range(9):
        command = [sys.executable, str(tmp_path / 'program.py'), way]
        path = os.pathsep.join([str(Path(microgradnet.__file__).parent.parent), *filter(None, sys.path)])
        process = subprocess.Popen(
            command, env={**os.environ, 'PYTHONPATH': path}, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            assert process.stdout and process.stdout.readline() == b'ready\n'
            time.sleep(0.15 + 0.41 * k)
            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate(timeout=PATIENCE)[0].decode()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert 'InvalidStateError' not in said
