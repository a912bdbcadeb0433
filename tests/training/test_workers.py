"""Programs and training shared by workers: threads, processes, a real Dask cluster, and workers that die."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from threading import Thread, Timer
from typing import Any

import pytest

from microgradnet import MLP, Program, TeacherSet, Value, compile, half_squared_error, recording, train
from microgradnet._files import FileChangedError, KnownFile
from microgradnet.compiling.guards import BranchError
from microgradnet.compiling.run import shards as shards_of
from microgradnet.compiling.run import transport
from microgradnet.compiling.run.mapped import Mapped, mapping
from microgradnet.compiling.run.rows import blocks
from microgradnet.compiling.run.transport import WorkersLostError
from microgradnet.training.large import LargeTeacherSet
from tests.support.backends import BACKENDS
from tests.support.examples import every

numpy = pytest.importorskip('numpy')


def processes(count: int = 2) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=get_context('spawn'))


def sample_error(backend: str | None = None) -> tuple[MLP, Program]:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    return net, compile(half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend=backend)


def some_rows(n: int = 101) -> list[list[float]]:
    random = Random(n)
    return [[random.uniform(-2, 2) for _ in range(3)] for _ in range(n)]


class Backwards(Executor):
    """Does its tasks from the last to the first, and counts the bytes they are sent as."""

    def __init__(self) -> None:
        self.tasks: list[tuple[Future[Any], Any, Any]] = []
        self.bytes: list[int] = []
        self.thread = Thread(target=self.work, daemon=True)
        self.thread.start()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.bytes.append(len(pickle.dumps((fn, args))))
        self.tasks.append((future, fn, args))
        return future

    def work(self) -> None:
        while True:
            time.sleep(0.05)  # let some gather
            while self.tasks:
                future, fn, args = self.tasks.pop()
                future.set_result(fn(*pickle.loads(pickle.dumps(args))))


class Failing(Executor):
    """Breaks after so many tasks."""

    def __init__(self, good: int) -> None:
        self.left = good

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self.left:
            raise RuntimeError('no more')
        self.left -= 1
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


@pytest.mark.parametrize('backend', BACKENDS)
def test_the_gradient_is_that_of_one_process_whoever_is_ready_first(backend: str) -> None:
    net, program = sample_error(backend)
    rows = some_rows()
    theta = [p.data for p in net.parameters()]
    E, gradient = program.value_and_gradient(theta, rows)
    with ThreadPoolExecutor(3) as threads:
        found = [program.value_and_gradient(theta, rows, executor=e, shards=4) for e in (threads, Backwards())]
    for total, slopes in found:
        assert total == pytest.approx(E, rel=1e-12) and [*slopes] == pytest.approx([*gradient], rel=1e-11, abs=1e-13)
    assert found[0][0] == found[1][0] and [*found[0][1]] == [*found[1][1]]  # the same bits


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
def test_processes_give_the_same_bits_as_threads(backend: str) -> None:
    _, program = sample_error(backend)
    rows = some_rows()
    with ThreadPoolExecutor(2) as threads, processes() as pool:
        totals = [program.backward(rows, executor=executor, shards=3) for executor in (threads, pool)]
        first = [p.grad for p in program.parameters]
        assert totals[0] == totals[1]
        program.backward(rows, executor=pool, shards=3)
    assert [p.grad for p in program.parameters] == pytest.approx([g * 1.5 for g in first], rel=1e-12)


def test_rows_are_sent_once_and_an_epoch_sends_the_weights() -> None:
    _, program = sample_error()
    rows, executor = some_rows(2000), Backwards()
    for _ in range(3):
        program.backward(rows, executor=executor, shards=2)
    assert len(executor.bytes) == 6
    assert max(executor.bytes) < 8 * len(program.parameters) + 600  # 48,000 bytes are in the rows


def test_a_change_of_a_row_is_noticed() -> None:
    _, program = sample_error()
    rows = numpy.array(some_rows(10))
    with ThreadPoolExecutor(2) as threads:
        first = program.backward(rows, executor=threads)
        assert program.backward(rows, executor=threads) == first
        rows[3] = 0.0
        assert program.backward(rows, executor=threads) == pytest.approx(program.sum(rows)) != first


@pytest.mark.parametrize('mode', ['r+', 'c'])
def test_a_change_of_a_mapped_file_is_noticed(mode: Any, tmp_path: Path) -> None:
    _, program = sample_error()
    numpy.save(tmp_path / 'rows.npy', numpy.array(some_rows(10)))
    rows, executor = numpy.load(tmp_path / 'rows.npy', mmap_mode=mode), Backwards()
    first = program.backward(rows, executor=executor, shards=2)
    rows[3] = 0.0
    assert program.backward(rows, executor=executor, shards=2) == pytest.approx(program.sum(rows)) != first


@pytest.mark.parametrize('backend', every(3, BACKENDS))
@pytest.mark.parametrize('executor', [None, ThreadPoolExecutor, Backwards])
def test_rows_from_an_iterator_and_from_a_file(
    backend: str, executor: Callable[[], Executor] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('microgradnet.compiling.run.rows.BLOCK', 60)
    _, program = sample_error(backend)
    rows = numpy.array(some_rows())
    numpy.save(tmp_path / 'rows.npy', rows.astype('f4'))
    mapped = numpy.load(tmp_path / 'rows.npy', mmap_mode='r')
    assert len([*blocks(mapped, 3)]) == 6
    whole = program.value_and_gradient([0.1] * len(program.parameters), rows)
    narrow = program.value_and_gradient([0.1] * len(program.parameters), rows.astype('f4'))
    for given, wanted in (
        (iter(rows.tolist()), whole), (iter(rows), whole), (iter([rows[:70], rows[70:70], rows[70:]]), whole),
        (mapped, narrow), (mapped[5:], None), (iter([]), 0.0),
    ):  # fmt: skip
        E, gradient = program.value_and_gradient([0.1] * len(program.parameters), given, executor=executor)
        if wanted == 0.0:
            assert E == 0 and not any(gradient)
        elif wanted:
            assert wanted[0] == pytest.approx(E, rel=1e-12) and [*gradient] == pytest.approx([*wanted[1]], rel=1e-9)
        else:
            assert pytest.approx(E, rel=1e-12) == program.value_and_gradient([0.1] * 13, rows[5:].astype('f4'))[0]


def test_an_error_in_a_shard_names_the_row_of_all() -> None:
    x, w = Value(1.0), Value(2.0)
    with recording():
        y = w * x if x > 0 else w - x
    program = compile(y, rows=[x], parameters=[w], backend='python')
    with pytest.raises(BranchError, match='row 7 would take'), ThreadPoolExecutor(2) as threads:
        program.backward([[1.0]] * 7 + [[-1.0]] * 3, executor=threads, shards=3)
    with pytest.raises(BranchError, match='row 7 would take'):
        program.backward(iter([[1.0]] * 7 + [[-1.0]] * 3))


@pytest.mark.slow
def test_when_a_pool_breaks_nothing_is_added_and_another_one_goes_on() -> None:
    _, program = sample_error('python')
    rows = some_rows(20_000)
    with ThreadPoolExecutor(1) as alone:
        wanted = program.value_and_gradient([0.1] * 13, rows, executor=alone, shards=4)

    def killer(pool: ProcessPoolExecutor) -> None:
        while not pool._processes:
            time.sleep(0.01)
        time.sleep(1.5)
        os.kill(next(iter(pool._processes)), signal.SIGTERM)

    pools: list[ProcessPoolExecutor] = []

    def make() -> ProcessPoolExecutor:
        pools.append(processes())
        if len(pools) == 1:
            Thread(target=killer, args=pools).start()
        return pools[-1]

    shards = program.shards(rows, make, 4)
    while len(pools) == 1:
        E, *gradient = shards.sums([0.1] * 13)
        assert (E, gradient) == (wanted[0], [*wanted[1]])
    E, *gradient = shards.sums([0.1] * 13)
    assert (E, gradient) == (wanted[0], [*wanted[1]])
    pools[-1].shutdown()

    with processes() as pool:
        program.backward(rows, executor=pool)
        before = [p.grad for p in program.parameters]
        os.kill(next(iter(pool._processes)), signal.SIGTERM)
        with pytest.raises(WorkersLostError, match='function that makes an executor'):
            for _ in range(1000):
                before = [p.grad for p in program.parameters]
                program.backward(rows, executor=pool)
        assert [p.grad for p in program.parameters] == before


def test_training_by_workers_learns_what_training_alone_does() -> None:
    teacher_set = TeacherSet([row[:2] for row in some_rows(40)], [row[2] for row in some_rows(40)])
    nets, histories = [], []
    for mode in 'batch', 16:
        for executor in None, ThreadPoolExecutor(2):
            nets.append(MLP(2, [3, 1], 'tanh', seed=1))
            histories.append(
                train(nets[-1], teacher_set, learning_rate=0.01, epochs=20, mode=mode, executor=executor, shards=3)
            )
    for one, other in zip(nets[::2], nets[1::2]):
        assert [p.data for p in one.parameters()] == pytest.approx([p.data for p in other.parameters()], rel=1e-9)
    assert [history.compiled for history in histories] == [False, True] * 2


def test_without_workers_the_weights_are_the_last_good_ones() -> None:
    teacher_set = TeacherSet([row[:2] for row in some_rows(40)], [row[2] for row in some_rows(40)])
    net, same = MLP(2, [3, 1], 'tanh', seed=1), MLP(2, [3, 1], 'tanh', seed=1)
    with pytest.raises(WorkersLostError, match='takes no more work: no more') as raised:
        train(net, teacher_set, learning_rate=0.01, epochs=20, executor=Failing(11), shards=2)
    assert len(raised.value.history) == 5 and raised.value.history.stopped_by == 'workers'
    train(same, teacher_set, learning_rate=0.01, epochs=5, executor=Failing(10), shards=2)
    assert [p.data for p in net.parameters()] == [p.data for p in same.parameters()]


def test_a_function_that_makes_executors_is_asked_until_nothing_comes_of_it() -> None:
    _, program = sample_error('python')
    rows, good = some_rows(10), iter([1, 0, 2, 0, 1])
    E = program.value_and_gradient([0.1] * 13, rows, executor=lambda: Failing(next(good)), shards=4)[0]
    assert pytest.approx(program.value_and_gradient([0.1] * 13, rows)[0]) == E
    made: list[Failing] = []
    with pytest.raises(WorkersLostError):
        program.value_and_gradient([0.1] * 13, rows, executor=lambda: made.append(Failing(0)) or made[-1], shards=4)  # type: ignore[func-returns-value]
    assert len(made) == 3


def test_what_makes_no_sense_is_refused() -> None:
    _, program = sample_error('python')
    with pytest.raises(TypeError, match=r'must be a concurrent.futures.Executor .* not 2'):
        program.backward(some_rows(3), executor=2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r'must be a concurrent.futures.Executor .* not None'):
        program.backward(some_rows(3), executor=lambda: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match='shards must be a whole number of at least 1, not 0'):
        program.backward(some_rows(3), executor=ThreadPoolExecutor(1), shards=0)
    with pytest.raises(ValueError, match='row 1 has 2 numbers'):
        program.backward([[1.0] * 3, [1.0] * 2], executor=ThreadPoolExecutor(1))
    net, teacher_set = MLP(1, [1]), TeacherSet([[1.0], [2.0]], [1, 2])
    with pytest.raises(ValueError, match='nothing for workers to share'):
        train(net, teacher_set, learning_rate=0.1, mode='online', executor=ThreadPoolExecutor(1))
    with pytest.raises(ValueError, match='executor= is for compiled errors'):
        train(net, teacher_set, learning_rate=0.1, compiled=False, executor=ThreadPoolExecutor(1))


class Cluster:
    """What a Dask executor asks of its client, and loses its workers in a phase of it."""

    def __init__(self, phase: str, error: BaseException, comes_back: bool) -> None:
        self.phase, self.error, self.comes_back = phase, error, comes_back
        self.there: dict[str, int] = {'one': 1, 'two': 1}
        self.scattered = 0

    def lose(self, phase: str) -> None:
        if phase != self.phase:
            return
        if not self.there:
            raise self.error
        self.there = {}
        if self.comes_back:
            self.phase, self.there = '', {'three': 1}
        raise self.error

    def nthreads(self) -> dict[str, int]:
        self.lose('look')
        return self.there

    def scatter(self, data: Any, broadcast: bool = False, **options: Any) -> Any:
        self.lose('program' if broadcast else f'shard {self.scattered}')
        if broadcast:
            return Kept(data)
        self.scattered += 1
        return [Kept(data[0])]


class Kept:
    """What is at a worker."""

    status = 'finished'

    def __init__(self, thing: Any) -> None:
        self.thing = thing


class DaskExecutor(Executor):
    """An executor of such a cluster; what it is, is known by its module."""

    __module__ = 'distributed.cfexecutor'

    def __init__(self, cluster: Cluster) -> None:
        self._client = cluster

    def submit(self, fn: Any, /, runner: Any, rows: Any, *args: Any, **kwargs: Any) -> Future[Any]:
        self._client.lose('submit')
        future: Future[Any] = Future()
        try:
            self._client.lose('gather')
            future.set_result(fn(runner.thing, rows.thing, *args))
        except Exception as error:
            future.set_exception(error)
        return future


def lost_errors() -> list[BaseException]:
    pytest.importorskip('distributed')
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    return [TimeoutError('No valid workers found'), CommClosedError('in scatter'), ValueError('no worker one'),
            CancelledError('lost dependencies'), KilledWorker('compute', None, 3)]  # type: ignore[arg-type]  # fmt: skip


PHASES = ['look', 'program', 'shard 0', 'shard 1', 'submit', 'gather']


@pytest.mark.slow
@pytest.mark.parametrize(
    'phase, kind',
    every(3, [*((phase, kind) for phase in PHASES for kind in (1, 2)), *(('shard 1', kind) for kind in (0, 3, 4))]),
)
@pytest.mark.filterwarnings('ignore')  # what Dask says when it is imported
def test_workers_of_dask_lost_while_a_training_is_set_up(
    phase: str, kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = lost_errors()[kind]
    monkeypatch.setattr(transport, 'GRACE', 0.01)
    monkeypatch.setattr(shards_of, 'LOOK', 0.05)
    teacher_set = TeacherSet([row[:2] for row in some_rows(8)], [row[2] for row in some_rows(8)])
    net, same = MLP(2, [1], 'tanh', seed=1), MLP(2, [1], 'tanh', seed=1)
    before = [p.data for p in net.parameters()]
    executor: Executor = DaskExecutor(Cluster(phase, error, comes_back=False))
    with pytest.raises(WorkersLostError) as raised:
        train(net, teacher_set, learning_rate=0.01, epochs=3, executor=executor, shards=2)
    assert len(raised.value.history) == 0 and raised.value.history.stopped_by == 'workers'
    assert [p.data for p in net.parameters()] == before
    if kind < 4:  # a task that kills one worker after the other is not tried for ever
        executor = DaskExecutor(Cluster(phase, error, comes_back=True))
        train(net, teacher_set, learning_rate=0.01, epochs=3, executor=executor, shards=2)
        with ThreadPoolExecutor(1) as threads:
            train(same, teacher_set, learning_rate=0.01, epochs=3, executor=threads, shards=2)
        assert [p.data for p in net.parameters()] == [p.data for p in same.parameters()]


@pytest.mark.filterwarnings('ignore')  # what Dask says when it is imported
def test_a_mistake_is_not_taken_for_lost_workers() -> None:
    pytest.importorskip('distributed')
    _, program = sample_error('python')

    class Refusing(Cluster):
        def scatter(self, data: Any, broadcast: bool = False, **options: Any) -> Any:
            raise ValueError('cannot be pickled')

    with pytest.raises(ValueError, match='cannot be pickled'):
        program.shards(some_rows(3), DaskExecutor(Refusing('', ValueError(), False)), 2)  # type: ignore[arg-type]


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip('distributed')
    import dask

    patient = dask.config.set({'distributed.deploy.lost-worker-timeout': '600 s'})  # 15 s are too few if it is busy
    options = dict(threads_per_worker=1, processes=True, dashboard_address=':0', silence_logs=50)
    with patient, distributed.LocalCluster(n_workers=2, **options) as found:
        yield found


def pids(client: Any) -> list[int]:
    """The processes of a cluster; one that has just died may still be in its list."""
    deadline = time.monotonic() + 60
    while True:
        try:
            found = [*client.run(os.getpid).values()]
        except OSError:
            found = []
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')  # what Dask and tornado say
def test_a_cluster_one_of_whose_processes_is_killed(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(transport, 'GRACE', 120.0)  # a nanny takes its time to start another worker on a busy machine
    net, program = sample_error()
    rows, theta = some_rows(50_000), [p.data for p in net.parameters()]
    with ThreadPoolExecutor(2) as threads:
        wanted = [*program.shards(rows, threads, 8).sums(theta)]
    with distributed.Client(cluster) as client:
        executor = client.get_executor()
        shards = program.shards(rows, executor, 8)
        assert [*shards.sums(theta)] == wanted
        for every in (1, 2):  # one worker, then all of them
            for pid in pids(client)[:every]:
                os.kill(pid, signal.SIGKILL)
            for _ in range(20):
                assert [*shards.sums(theta)] == wanted
            deadline = time.monotonic() + 30
            while len(client.nthreads()) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
        teacher_set = TeacherSet([row[:2] for row in rows[:5000]], [row[2] for row in rows[:5000]])
        same = MLP(2, [3, 1], 'tanh', seed=1)

        def kill(epoch: Any) -> None:
            if epoch.epoch == 5:
                os.kill(pids(client)[0], signal.SIGKILL)

        with ThreadPoolExecutor(2) as threads:
            train(same, teacher_set, learning_rate=1e-4, epochs=10, executor=threads, shards=4)
        train(net, teacher_set, learning_rate=1e-4, epochs=10, executor=executor, shards=4, callback=kill)
        assert [p.data for p in net.parameters()] == [p.data for p in same.parameters()]

        for moment in (0.0, 0.3):  # while another training is set up
            net = MLP(2, [3, 1], 'tanh', seed=1)
            there = pids(client)
            killer = Timer(moment, lambda there=there: [os.kill(pid, signal.SIGKILL) for pid in there])
            killer.start()
            train(net, teacher_set, learning_rate=1e-4, epochs=10, executor=executor, shards=4)
            killer.join()
            assert [p.data for p in net.parameters()] == [p.data for p in same.parameters()]
            deadline = time.monotonic() + 30
            while len(client.nthreads()) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)

        monkeypatch.setattr(transport, 'GRACE', 1.0)
        cluster.scale(0)
        while client.nthreads():
            time.sleep(0.1)
        with pytest.raises(WorkersLostError, match='no worker has been there'):
            shards.sums(theta)
        with pytest.raises(WorkersLostError, match='no worker has been there') as raised:
            train(net, teacher_set, learning_rate=1e-4, epochs=10, executor=executor, shards=4)
        assert len(raised.value.history) == 0 and raised.value.history.stopped_by == 'workers'


def in_a_worker(function: Any, *args: Any) -> Any:
    """Do as a worker does: with what is left of a pickle."""
    return function(*pickle.loads(pickle.dumps(args)))


def replace_rows(path: Path, rows: Any) -> None:
    numpy.save(path.with_name('other.npy'), rows)
    os.replace(path.with_name('other.npy'), path)


def product() -> Program:
    x, w = Value(0.0), Value(0.0)
    return compile(w * x, rows=[x], parameters=[w], backend='python')


def test_a_file_that_was_replaced_is_never_computed_with_the_rows_of_the_older_one(tmp_path: Path) -> None:
    program, path, executor = product(), tmp_path / 'rows.npy', Backwards()
    for number in 1.0, 5.0, 7.0:
        replace_rows(path, numpy.full((8, 1), number))
        rows = numpy.load(path, mmap_mode='r')
        assert program.value_and_gradient([1.0], rows, executor=executor, shards=2) == (8 * number, [8 * number])
        del rows


def test_a_file_replaced_while_workers_have_it_is_an_error_that_names_it(tmp_path: Path) -> None:
    program, path = product(), tmp_path / 'rows.npy'
    numpy.save(path, numpy.full((8, 1), 1.0))
    for executor in Backwards(), ThreadPoolExecutor(2):
        rows = numpy.load(path, mmap_mode='r')
        shards = program.shards(rows, executor, 2)
        assert [*shards.sums([1.0])] == [8, 8]
        replace_rows(path, numpy.full((8, 1), 5.0))
        with pytest.raises(FileChangedError, match=r'rows\.npy was replaced by another file'):
            shards.sums([1.0])
        path.unlink()
        with pytest.raises(FileChangedError, match=r'rows\.npy is no longer there'):
            shards.sums([1.0])
        numpy.save(path, numpy.full((8, 1), 1.0))
    rows = numpy.load(path, mmap_mode='r')
    replace_rows(path, numpy.full((8, 1), 5.0))
    with pytest.raises(FileChangedError, match=r'rows\.npy was replaced by another file'):
        program.shards(rows, Backwards(), 2)  # those rows have no name that a worker could open


def test_a_file_written_to_while_workers_have_it_is_an_error_that_names_it(tmp_path: Path) -> None:
    program, path, executor = product(), tmp_path / 'rows.npy', Backwards()
    numpy.save(path, numpy.full((8, 1), 1.0))
    rows = numpy.load(path, mmap_mode='r')
    shards = program.shards(rows, executor, 2)
    assert [*shards.sums([1.0])] == [8, 8]
    later = os.stat(path).st_mtime_ns + 10**9
    numpy.load(path, mmap_mode='r+')[3] = 2.0
    os.utime(path, ns=(later, later))
    with pytest.raises(FileChangedError, match=r'rows\.npy was written to'):
        shards.sums([1.0])
    assert program.value_and_gradient([1.0], rows, executor=executor, shards=2)[0] == 9  # sent anew


def test_a_file_replaced_while_another_executor_is_made_gives_no_mix(tmp_path: Path) -> None:
    program, path = product(), tmp_path / 'rows.npy'
    numpy.save(path, numpy.full((8, 1), 1.0))
    good = iter([1, 3])

    def make() -> Executor:
        executor = Failing(next(good))
        if executor.left == 3:
            later = os.stat(path).st_mtime_ns + 10**9
            numpy.load(path, mmap_mode='r+')[:] = 5.0
            os.utime(path, ns=(later, later))
        return executor

    with pytest.raises(FileChangedError, match=r'rows\.npy was written to'):
        program.value_and_gradient([1.0], numpy.load(path, mmap_mode='r'), executor=make, shards=4)


def test_the_worker_itself_makes_sure_that_a_file_is_the_one_it_was_sent(tmp_path: Path) -> None:
    """The sender may look before the file is replaced, and a worker may open it after that."""
    path = tmp_path / 'rows.npy'
    numpy.save(path, numpy.full((8, 1), 1.0))
    sent = mapping(numpy.load(path, mmap_mode='r'))
    assert sent is not None and in_a_worker(Mapped.load, sent)[0] == 1.0
    replace_rows(path, numpy.full((8, 1), 5.0))
    for part in sent, sent.part(4, 8):  # one that this worker has mapped, and one that it has not
        with pytest.raises(FileChangedError, match=r'rows\.npy was replaced by another file'):
            in_a_worker(Mapped.load, part)


def test_on_another_machine_a_file_has_another_device(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'1')
    here = KnownFile.at(tmp_path / 'file')
    here._replace(device=here.device + 1, machine='another').check()
    with pytest.raises(FileChangedError, match='file was replaced'):
        here._replace(device=here.device + 1).check()


@pytest.mark.slow
def test_a_large_set_is_learned_from_anew_when_its_file_is_another(tmp_path: Path) -> None:
    learned = []
    with processes() as pool:
        for slope in 1.0, -5.0:
            xs = numpy.linspace(-1, 1, 400)
            replace_rows(tmp_path / 'rows.npy', numpy.stack([xs, slope * xs], axis=1))
            net = MLP(1, [1], 'identity', seed=1)
            large = LargeTeacherSet(tmp_path / 'rows.npy')
            train(net, large, learning_rate=0.005, epochs=60, executor=pool, shards=2)
            learned.append(net.parameters()[0].data)
    assert learned == pytest.approx([1.0, -5.0], rel=1e-6)
