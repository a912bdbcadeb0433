"""Teacher sets in files: what is learned from them is what is learned from the same samples in memory."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, cross_entropy, half_squared_error, train
from microgradnet._files import FileChangedError
from microgradnet.training.large import LargeTeacherSet
from tests.support.backends import NATIVE
from tests.support.examples import every

numpy = pytest.importorskip('numpy')


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('microgradnet.compiling.run.rows.BLOCK', 100)
    monkeypatch.setattr('microgradnet.training.csv.CHUNK', 7)


def samples(n: int = 150, seed: int = 1) -> list[list[float]]:
    random = Random(seed)
    return [[random.uniform(-2, 9), random.gauss(100, 3), random.uniform(0, 1)] for _ in range(n)]


def classified(n: int = 150) -> list[list[float]]:
    return [[a, b, float((a > 2) + (c > 0.5))] for a, b, c in samples(n)]


@pytest.mark.parametrize('options', every(3, [
    {}, {'mode': 16, 'optimiser': 'adamw'}, {'executor': ThreadPoolExecutor(2)},
]))  # fmt: skip
@pytest.mark.parametrize('classes', [None, 'abc'])
def test_it_teaches_what_the_same_samples_in_memory_teach(
    options: dict[str, Any], classes: str | None, tmp_path: Path
) -> None:
    rows = classified() if classes else samples()
    large = LargeTeacherSet.written(iter(rows), tmp_path / 'rows.npy', classes=classes, standardise=True)
    targets = [int(row[2]) if classes else row[2] for row in rows]
    small = TeacherSet([row[:2] for row in rows], targets, classes=classes, standardise=True)
    assert [*large] == [*map(tuple, small)] and [*large.targets] == [*small.targets]
    assert repr(large) == f'LargeTeacherSet(150 samples, 2 inputs{", 3 classes" if classes else ""})'
    nets, histories = [], []
    for teacher_set in large, small:
        nets.append(MLP(2, [4, 3 if classes else 1], 'tanh', seed=1))
        histories.append(
            train(
                nets[-1], teacher_set, learning_rate=0.001, epochs=7, compiled=True, metrics='accuracy',
                error=cross_entropy if classes else half_squared_error, validation=teacher_set, patience=5, **options,
            )
        )  # fmt: skip
    one, other = ([p.data for p in net.parameters()] for net in nets)
    assert one == pytest.approx(other, rel=1e-9)
    for name in 'error', 'validation', 'accuracy':
        assert histories[0].column(name) == pytest.approx(histories[1].column(name), rel=1e-9)


@NATIVE
@pytest.mark.parametrize('mode', ['online', 16, 150])
def test_mini_batches_come_into_memory_in_blocks_that_machine_code_does(
    mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from microgradnet.compiling.run.native import NativeEngine

    calls: list[int] = []
    descend = NativeEngine.descend

    def counted(self: Any, rows: Any, *others: Any) -> Any:
        calls.append(len(rows))
        return descend(self, rows, *others)

    monkeypatch.setattr(NativeEngine, 'descend', counted)
    whole = LargeTeacherSet.written(iter(samples()), tmp_path / 'rows.npy')
    small = TeacherSet([row[:2] for row in samples()], [row[2] for row in samples()])
    ends = []
    for teacher_set in small, whole:
        net = MLP(2, [4, 1], 'tanh', seed=1)
        history = train(net, teacher_set, learning_rate=1e-5, epochs=2, compiled=True, mode=mode, optimiser='adamw',
                        l2=0.1, clip=5.0, shuffle=True)  # fmt: skip
        ends.append(([p.data for p in net.parameters()], history.column('error')))
        if teacher_set is small:
            assert calls == [150] * 2
            calls.clear()
            monkeypatch.setattr('microgradnet.training.objective.BLOCK', 3 * 40)
    assert calls == {'online': [40, 40, 40, 30] * 2, 16: [32, 32, 32, 32, 22] * 2, 150: []}[mode]
    assert ends[1][0] == pytest.approx(ends[0][0], rel=1e-12) and ends[1][1] == pytest.approx(ends[0][1], rel=1e-12)


def test_an_array_that_is_mapped_from_a_file_will_do(tmp_path: Path) -> None:
    numpy.save(tmp_path / 'rows.npy', numpy.array(samples(), 'f4'))
    large = LargeTeacherSet(tmp_path / 'rows.npy', targets=2)
    assert large.select([3, 1]).inputs == tuple((float(numpy.float32(samples()[k][0])),) for k in (3, 1))
    net = MLP(1, [2, 2], seed=1)
    history = train(net, large, learning_rate=1e-6, epochs=2)
    assert history.compiled and history[1].error < history[0].error
    with pytest.raises(ValueError, match='a LargeTeacherSet is for compiled errors'):
        train(net, large, learning_rate=1e-6, epochs=2, compiled=False)


def test_a_csv_file_is_read_in_chunks(tmp_path: Path) -> None:
    lines = [f'{a!r},{"red" if k % 3 else "green"},{b!r}' for k, (a, b, _) in enumerate(samples(40))]
    (tmp_path / 'data.csv').write_text('\n'.join(['a,colour,b', *lines, '']))
    small = TeacherSet.from_csv(tmp_path / 'data.csv', 'colour', standardise=True)
    large = LargeTeacherSet.from_csv(tmp_path / 'data.csv', 'colour', to=tmp_path / 'data.npy', standardise=True)
    assert ([*large], large.classes) == ([*map(tuple, small)], small.classes)
    for name in ('input_names', 'target_names'):
        assert getattr(large, name) == getattr(large.select([0]), name) == getattr(small, name) is not None
    assert large.standardisation and small.standardisation
    assert large.standardisation([1.0, 2.0]) == pytest.approx(small.standardisation([1.0, 2.0]), rel=1e-12)
    numbers = LargeTeacherSet.from_csv(tmp_path / 'data.csv', ['b'], to=tmp_path / 'b.npy', inputs=['a'])
    assert [x for (x,), _ in numbers] == [row[0] for row in samples(40)]
    with pytest.raises(ValueError, match=r"line 3, column 'colour': 'red' is not among the classes \('green',\)"):
        LargeTeacherSet.from_csv(tmp_path / 'data.csv', 'colour', to=tmp_path / 'x.npy', classes=['green'])
    with pytest.raises(ValueError, match="no column 'c'"):
        LargeTeacherSet.from_csv(tmp_path / 'data.csv', 'c', to=tmp_path / 'x.npy')
    (tmp_path / 'data.csv').write_text('\n'.join(['a,colour,b', *lines, '1,red']))
    with pytest.raises(ValueError, match='line 42: 2 columns, where the header has 3'):
        LargeTeacherSet.from_csv(tmp_path / 'data.csv', 'colour', to=tmp_path / 'x.npy')


@pytest.mark.parametrize(
    'rows, options, named',
    [
        ([[1.0, 2.0]] * 120 + [[1.0, numpy.nan]], {}, 'row 121, column 2: nan is not a number to learn from'),
        ([[1.0, 2.0]] * 120 + [[1.0, 3.0]], {'classes': 'abc'}, 'row 121, column 2: 3 is not the number of one of 3'),
        ([[1.0, 2.0]], {'targets': 2}, 'targets must be from 1 to 1 of the numbers, not 2'),
        ([[1.0, 2.0, 3.0]], {'targets': 2, 'classes': 'ab'}, 'a class is one number; there are 2 targets'),
        ([], {}, 'needs at least one sample'),
        ([[1.0, 2.0], [1.0]], {}, 'row 1 has 1 number'),
    ],
)
def test_what_cannot_be_learned_from_is_refused(rows: Any, options: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=named):
        LargeTeacherSet.written(iter(rows), tmp_path / 'rows.npy', **options)


def test_what_was_written_to_since_it_was_checked_is_not_learned_from(tmp_path: Path) -> None:
    path = tmp_path / 'rows.npy'
    numpy.save(path, numpy.array(samples()))
    large, older = LargeTeacherSet(path), LargeTeacherSet(numpy.load(path, mmap_mode='r'))
    later = os.stat(path).st_mtime_ns + 10**9
    numpy.load(path, mmap_mode='r+')[3] = numpy.nan
    os.utime(path, ns=(later, later))
    for teacher_set in large, older:
        with pytest.raises(FileChangedError, match=r'rows\.npy was written to'):
            train(MLP(2, [1], seed=1), teacher_set, learning_rate=1e-6, epochs=1)
    numpy.save(path, numpy.array(samples()))
    large = LargeTeacherSet(path)
    numpy.save(tmp_path / 'other.npy', numpy.array(samples(seed=2)))
    os.replace(tmp_path / 'other.npy', path)
    assert large.rows_of(None)[3].tolist() == samples()[3]  # it has the rows that it has checked


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('llvmlite')
    monkeypatch.undo()
    net = MLP(2, [4, 1], 'tanh', seed=1)

    def many(n: int) -> Iterator[Any]:
        random = numpy.random.default_rng(1)
        return (random.normal(size=(10_000, 3)) for _ in range(n // 10_000))

    peaks = []
    for n in 200_000, 1_000_000:
        train(net, LargeTeacherSet.written(many(10_000), tmp_path / 'warm.npy'), learning_rate=1e-7, epochs=1)
        tracemalloc.start()
        large = LargeTeacherSet.written(many(n), tmp_path / f'{n}.npy')
        history = train(net, large, learning_rate=1e-8, epochs=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(history) == 2
    assert peaks[1] - peaks[0] < 800_000 * 3 * 8 / 2  # less than half of the rows' bytes; the order has 8 a sample


def test_an_input_that_is_constant_keeps_its_scale(tmp_path: Path) -> None:
    """Whatever the number, and however its mean is rounded block by block, it has no deviation."""
    random = Random(3)
    constants = [random.uniform(-1, 1) * 10 ** random.uniform(-12, 12) for _ in range(36)]
    rows = [[*constants, random.random(), random.random()] for _ in range(997)]
    large = LargeTeacherSet.written(iter(rows), tmp_path / 'rows.npy', standardise=True)
    assert large.standardisation
    assert large.standardisation.deviations[:36] == (1.0,) * 36
    assert large.standardisation([*constants, 0.0])[:36] == [0.0] * 36
    small = TeacherSet([row[:-1] for row in rows], [row[-1] for row in rows], standardise=True)
    assert small.standardisation and small.standardisation.deviations[:36] == (1.0,) * 36
    assert large.standardisation.deviations[36] == pytest.approx(small.standardisation.deviations[36], rel=1e-12)
    # One that only seems constant: its smallest steps are all there is to learn from.
    rows = [[1.0 + k % 2 * 2**-52, 0.0] for k in range(500)]
    large = LargeTeacherSet.written(iter(rows), tmp_path / 'steps.npy', standardise=True)
    assert large.standardisation and large.standardisation.deviations[0] == pytest.approx(2**-53, rel=0.5)


def test_an_input_too_wide_to_be_standardised_is_refused(tmp_path: Path) -> None:
    rows = [[0.5, 1e308, 0.0], [0.25, -1e308, 1.0]]
    assert LargeTeacherSet.written(iter(rows), tmp_path / 'rows.npy').standardisation is None
    with pytest.raises(ValueError, match='column 2: its numbers lie too far apart to be standardised'):
        LargeTeacherSet(tmp_path / 'rows.npy', standardise=True)


@pytest.mark.parametrize('content', [bytes(200), b'', b'no numbers', 'cut'])
def test_a_file_that_is_none_of_numbers_is_named(content: bytes | str, tmp_path: Path) -> None:
    place = tmp_path / 'rows.npy'
    LargeTeacherSet.written(iter(samples()), place)
    place.write_bytes(place.read_bytes()[:-24] if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=r'rows\.npy must be an \.npy file of numbers: '):
        LargeTeacherSet(place)


def test_what_goes_wrong_leaves_the_set_before(tmp_path: Path) -> None:
    """A row that is refused, an iterator that fails; and a set that is mapped keeps its numbers when it is replaced."""
    place = tmp_path / 'rows.npy'
    before = LargeTeacherSet.written(iter(samples()), place)
    content = place.read_bytes()

    def failing() -> Iterator[list[float]]:
        yield from samples(120)
        raise KeyboardInterrupt

    for wrong, trouble in (
        (failing(), KeyboardInterrupt), (iter([*samples(), [1.0, 2.0, numpy.inf]]), ValueError),
        (iter([*samples(), [1.0]]), ValueError),
    ):  # fmt: skip
        with pytest.raises(trouble):
            LargeTeacherSet.written(wrong, place)
        assert place.read_bytes() == content and [*tmp_path.iterdir()] == [place]
    after = LargeTeacherSet.written(iter(samples(60, seed=2)), place)
    assert [[*x, t] for x, t in before] == samples() and [[*x, t] for x, t in after] == samples(60, seed=2)


def test_a_set_may_be_written_from_itself_to_its_own_file(tmp_path: Path) -> None:
    place = tmp_path / 'rows.npy'
    large = LargeTeacherSet.written(iter(samples()), place)
    twice = LargeTeacherSet.written((row for _ in range(2) for row in large.rows), place)
    assert len(twice) == 300 and numpy.load(place).tolist() == samples() * 2
