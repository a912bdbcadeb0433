"""Training that is killed and goes on, to the same weights, bit for bit."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
import warnings
from array import array
from collections import deque
from errno import ENOSPC
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgradnet
from microgradnet import MLP, LargeTeacherSet, TeacherSet, half_squared_error, train
from microgradnet._files import write_whole
from microgradnet.training.checkpoint import Checkpoint, CheckpointWarning, State
from microgradnet.training.history import History
from microgradnet.training.known import known_as
from microgradnet.training.optimisers import AdamW, Momentum
from microgradnet.training.packing import is_plain, pack, unpack
from tests.support import ROOT
from tests.support.examples import examples

LINE = TeacherSet([[x / 10] for x in range(20)], [(x / 10) ** 2 for x in range(20)], standardise=True)
OPTIONS: dict[str, dict[str, Any]] = {
    'batch': {},
    'online': {'mode': 'online', 'shuffle': True},
    'adamw': {'mode': 3, 'optimiser': 'adamw', 'schedule': 'cosine', 'l2': 0.01, 'clip': 1.0},
    'momentum': {'mode': 7, 'optimiser': Momentum(0.5), 'seed': Random(3)},
    'patience': {'patience': 4, 'learning_rate': 0.1, 'mode': 2, 'optimiser': 'adamw'},
    'validation': {'validation': LINE, 'metrics': 'rms', 'mode': 5},
    'compiled': {'mode': 4, 'compiled': True},
    'compiled adamw': {
        'mode': 3, 'compiled': True, 'optimiser': 'adamw', 'schedule': 'warmup', 'l2': 0.01, 'clip': 1.0,
    },
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the package catches it."""


def run(name: str, epochs: int = 12, **more: Any) -> tuple[list[Any], History]:
    options = pickle.loads(pickle.dumps(OPTIONS[name]))  # an optimiser remembers
    net = MLP(1, [3, 1], 'tanh', seed=4)
    history = train(net, LINE, **({'learning_rate': 0.05, 'epochs': epochs} | options | more))
    return [p.data for p in net.parameters()], history


@pytest.mark.parametrize(('name', 'every'), [
    pytest.param(name, every, marks=[pytest.mark.slow] * (every != 3 or name in ('validation', 'compiled')))
    for name in OPTIONS
    for every in (1, 3, None)
])  # fmt: skip
def test_it_goes_on_to_the_same_weights(name: str, every: int | None, tmp_path: Path) -> None:
    if OPTIONS[name].get('compiled'):
        pytest.importorskip('llvmlite')
    wanted, whole = run(name)
    for stop in 1, 4, 5:

        def kill(epoch: Any, stop: int = stop) -> None:
            if epoch.epoch == stop:
                raise Killed

        place = tmp_path / f'{stop}'
        with pytest.raises(Killed):
            run(name, checkpoint=place, checkpoint_every=every, callback=kill)
        assert place.exists() is (every is not None and stop > every)
        for _ in range(2):  # the second time all is done already
            weights, history = run(name, checkpoint=place, checkpoint_every=every)
            assert weights == wanted
            assert history.epochs == whole.epochs
            assert (history.stopped_by, history.best_epoch) == (whole.stopped_by, whole.best_epoch)


def test_fractions_stay_fractions(tmp_path: Path) -> None:
    samples = TeacherSet([[Fraction(1, 3)], [Fraction(1, 2)]], [1, 2])
    nets = [MLP.from_weights([[[Fraction(1, 7)]]], [[Fraction(0)]], activation='identity') for _ in range(2)]
    train(nets[0], samples, learning_rate=Fraction(1, 10), epochs=4)
    for epochs in 2, 4:
        train(nets[1], samples, learning_rate=Fraction(1, 10), epochs=epochs, checkpoint=tmp_path / 'state')
    assert [p.data for p in nets[1].parameters()] == [p.data for p in nets[0].parameters()]
    assert isinstance(nets[1].parameters()[0].data, Fraction)


def test_more_epochs_go_on_from_a_finished_run(tmp_path: Path) -> None:
    run('batch', 5, checkpoint=tmp_path / 'state')
    assert run('batch', 9, checkpoint=tmp_path / 'state')[0] == run('batch', 9)[0]
    with pytest.raises(ValueError, match='has 9 epochs, and epochs is 8'):
        run('batch', 8, checkpoint=tmp_path / 'state')


def test_a_schedule_that_depends_on_the_number_of_epochs_cannot_be_drawn_out(tmp_path: Path) -> None:
    run('adamw', 5, checkpoint=tmp_path / 'state')
    with pytest.raises(ValueError, match='learning rate in epoch 2'):
        run('adamw', 6, checkpoint=tmp_path / 'state')


@pytest.mark.parametrize(
    'changed, named',
    [
        ({'learning_rate': 0.06}, 'the learning rate was 0.05, and is 0.06 now'),
        ({'mode': 4}, "mode was 'batch', and is 4 now"),
        ({'optimiser': AdamW()}, 'optimiser was .*Descent.*, and is .*AdamW'),
        ({'error': lambda y, t: half_squared_error(y, t)}, 'error was '),
        ({'seed': 1}, 'seed was 0, and is 1 now'),
        ({'validation': LINE}, 'validation was None'),
    ],
)
def test_another_training_is_refused(changed: dict[str, Any], named: str, tmp_path: Path) -> None:
    run('batch', 2, checkpoint=tmp_path / 'state')
    with pytest.raises(ValueError, match=f'state is of another training: {named}'):
        run('batch', 4, checkpoint=tmp_path / 'state', **changed)
    other = TeacherSet([*LINE.inputs], [*LINE.targets[:-1], 0.5], standardise=True)
    with pytest.raises(ValueError, match='the teacher set was'):
        train(MLP(1, [3, 1], 'tanh'), other, learning_rate=0.05, epochs=4, checkpoint=tmp_path / 'state')
    heavy = LINE.select(range(len(LINE)))
    heavy.weights = (2.0, *[1.0] * (len(LINE) - 1))
    with pytest.raises(ValueError, match='the teacher set was'):
        train(MLP(1, [3, 1], 'tanh'), heavy, learning_rate=0.05, epochs=4, checkpoint=tmp_path / 'state')
    with pytest.raises(ValueError, match='the net was'):
        train(MLP(1, [4, 1], 'tanh'), LINE, learning_rate=0.05, epochs=4, checkpoint=tmp_path / 'state')


@pytest.mark.parametrize('content', [b'', b'nonsense', pickle.dumps(3), pickle.dumps(('other', 1, {}, None))])
def test_another_file_is_refused_and_stays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / 'state').write_bytes(content)
    with pytest.raises(ValueError, match='is not a checkpoint'):
        run('batch', checkpoint=tmp_path / 'state')
    assert (tmp_path / 'state').read_bytes() == content
    with pytest.raises(ValueError, match='checkpoint_every must be a whole number of epochs, at least 1, not 0'):
        run('batch', checkpoint=tmp_path / 'new', checkpoint_every=0)


def test_a_write_that_fails_leaves_the_file_before_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run('batch', 2, checkpoint=tmp_path / 'state')
    before = (tmp_path / 'state').read_bytes()
    tried: list[Any] = []

    def full(number: int) -> None:
        tried.append(number)
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, 'fsync', full)
        with pytest.warns(CheckpointWarning, match=r'state was not written; .*No space left on device') as warned:
            weights, history = run('batch', 6, checkpoint=tmp_path / 'state', checkpoint_every=1)
    assert len(warned) == 1 and len(tried) == 4  # it says so once, and tries every time
    assert warned[0].filename == __file__
    assert isinstance(history.unsaved, OSError) and history.unsaved.filename == str(tmp_path / 'state')
    assert [*tmp_path.iterdir()] == [tmp_path / 'state'] and (tmp_path / 'state').read_bytes() == before
    wanted, whole = run('batch', 6)
    assert weights == wanted and history.epochs == whole.epochs
    weights, history = run('batch', 6, checkpoint=tmp_path / 'state')
    assert weights == wanted and history.unsaved is None


def test_a_warning_that_is_raised_has_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = MLP(1, [3, 1], 'tanh', seed=4)
    monkeypatch.setattr(Checkpoint, 'save', lambda *_: write_whole(tmp_path / 'no' / 'state', ''))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(CheckpointWarning) as caught:
            train(net, LINE, learning_rate=0.05, epochs=6, checkpoint=tmp_path / 'state', checkpoint_every=3)
    assert len(caught.value.history) == 3
    assert [p.data for p in net.parameters()] == run('batch', 3)[0]


def test_a_place_that_cannot_be_written_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    net = MLP(1, [3, 1], 'tanh', seed=4)
    before = [p.data for p in net.parameters()]
    for place in tmp_path / 'no' / 'state', tmp_path:
        with pytest.raises(OSError) as caught:
            train(net, LINE, learning_rate=0.05, epochs=1, checkpoint=place)
        assert caught.value.filename == str(place)
    assert [p.data for p in net.parameters()] == before


def test_no_bit_can_be_flipped(tmp_path: Path) -> None:
    """Every bit of the first line, and others at random: all are refused, and none changes anything."""
    place = tmp_path / 'state'
    run('adamw', 5, checkpoint=place)
    content = place.read_bytes()
    random = Random(1)
    bits = [*range(8 * content.index(b'\n') + 8), *(random.randrange(8 * len(content)) for _ in range(300))]
    bare = State([0.0] * 10, AdamW(), Random(0), array('q', range(20)))
    keeper = Checkpoint(place, None, {})
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        place.write_bytes(changed)
        with pytest.raises(ValueError, match='state is not a checkpoint'):
            keeper.load(bare)
    for end in 0, 1, 50, 100, len(content) // 2, len(content) - 1:
        for changed in content[:end], content + content[:end + 1]:
            place.write_bytes(changed)
            with pytest.raises(ValueError, match='state is not a checkpoint'):
                keeper.load(bare)
    assert bare.weights == [0.0] * 10 and not bare.optimiser.memory and bare.random.getstate() == Random(0).getstate()
    place.write_bytes(content)
    assert keeper.load(bare) and bare.optimiser.memory


class Planted:
    def __reduce__(self) -> Any:
        return os.mkdir, ('planted',)


def test_no_checkpoint_can_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an earlier version is a pickle, and is refused without being read; ours hold no code."""
    monkeypatch.chdir(tmp_path)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        Path('state').write_bytes(pickle.dumps(('microgradnet checkpoint', 1, {}, Planted()), protocol))
        with pytest.raises(ValueError, match='state is not a checkpoint that this version reads, but a pickle'):
            run('batch', checkpoint=Path('state'))
    Path('state').unlink()
    monkeypatch.setattr(pickle, 'loads', None)
    monkeypatch.setattr(pickle, 'dumps', None)
    net = MLP(1, [3, 1], 'tanh', seed=4)
    for epochs in 2, 3:
        train(net, LINE, learning_rate=0.05, epochs=epochs, checkpoint=Path('state'), optimiser=AdamW())
    assert {path.name for path in tmp_path.iterdir()} == {'state'}
    for module in 'training/checkpoint', 'training/packing', 'training/known':
        source = (Path(microgradnet.__file__).parent / f'{module}.py').read_text('utf-8')
        assert not re.search(r'import.*(pickle|marshal|shelve)|\b(eval|exec|__import__|import_module)\(', source)


@pytest.mark.parametrize(
    'content',
    [{'weights': [1.0]}, 3, {'weights': [0.0] * 10, 'earlier': [], 'stopped': 'epochs', 'random': 1, 'order': [],
     'best': (1.0, None, []), 'optimiser': 2, 'epochs': {}}],
)  # fmt: skip
def test_what_is_whole_but_no_state_is_refused(content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may write a file with a hash that fits."""
    with monkeypatch.context() as patched:
        patched.setattr('microgradnet.training.checkpoint._packed', lambda state: pack(content))
        Checkpoint(tmp_path / 'state', None, {}).save(State([]))
    with pytest.raises(ValueError, match='state is not a checkpoint that can be used: '):
        Checkpoint(tmp_path / 'state', None, {}).load(State([0.0] * 10, AdamW(), Random(0), array('q', range(20))))


def by(k: float) -> Any:
    return lambda y, t: k * half_squared_error(y, t)


def by_default(y: Any, t: Any, k: float = 1.0) -> Any:
    return k * half_squared_error(y, t)


SCALE = 1.0


def by_global(y: Any, t: Any) -> Any:
    return SCALE * half_squared_error(y, t)


class Scaled:
    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, y: Any, t: Any) -> Any:
        return self.k * half_squared_error(y, t)

    def method(self, y: Any, t: Any) -> Any:
        return self(y, t)


ERRORS = [
    lambda y, t: half_squared_error(y, t), lambda y, t: 2 * half_squared_error(y, t),
    lambda y, t: 3 * half_squared_error(y, t), lambda y, t: half_squared_error(t, y), by(1.0), by(2.0), by_default,
    by_global, Scaled(1.0), Scaled(2.0), Scaled(1.0).method, Scaled(2.0).method, partial(by_default, k=2.0),
    partial(by_default, k=3.0),
]  # fmt: skip


def test_functions_are_known_by_their_code() -> None:
    names = [known_as(error) for error in ERRORS]
    assert len({*names}) == len(ERRORS)
    assert [known_as(error) for error in (by(1.0), by(2.0), Scaled(1.0), partial(by_default, k=2.0))] == [
        names[k] for k in (4, 5, 8, 12)
    ]
    assert known_as(half_squared_error) == 'microgradnet.nets.losses.half_squared_error'


def test_a_global_number_that_a_function_uses_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = known_as(by_global)
    monkeypatch.setitem(by_global.__globals__, 'SCALE', 2.0)
    assert known_as(by_global) != before


FUNCTIONS = """
from math import exp
from microgradnet import half_squared_error
from microgradnet.training.known import known_as
scale = 0.5
def around(k, *, name='x'):
    return lambda y, t: k * exp(1.0) * half_squared_error(y, t) if name in {'x', 'y', 'z', 1, None} else scale
told = [known_as(f) for f in (around, around(2.0), around(3.0), lambda y, t: [scale * y for y in t], around(exp))]
"""


def test_it_is_the_same_in_another_process() -> None:
    code = f'{FUNCTIONS}\nprint(told)'
    environment = {**os.environ, 'PYTHONHASHSEED': '77'}
    there = subprocess.check_output([sys.executable, '-c', code], env=environment, cwd=ROOT)
    here: dict[str, Any] = {'__name__': '__main__'}
    exec(compile(FUNCTIONS, '<here>', 'exec', dont_inherit=True), here)
    assert there.decode() == f'{here["told"]}\n'
    assert len({*here['told']}) == 5


def test_a_net_that_an_error_uses_is_known_by_its_numbers_but_for_those_that_are_learned(tmp_path: Path) -> None:
    def teach(net: MLP, other: MLP, epochs: int) -> list[Any]:
        def error(y: Any, t: Any) -> Any:
            size = sum(p * p for p in net.parameters())
            return half_squared_error(y, t) + 0.01 * size + other([1.0]) * 0.0

        train(net, LINE, learning_rate=0.05, epochs=epochs, checkpoint=tmp_path / 'state', error=error, compiled=False)
        return [p.data for p in net.parameters()]

    net, other = MLP(1, [2, 1], 'tanh', seed=4), MLP(1, [1], seed=1)
    teach(net, other, 2)
    assert teach(net, other, 4) == teach(MLP(1, [2, 1], 'tanh', seed=5), other, 4)
    with pytest.raises(ValueError, match='of another training: error was'):
        teach(net, MLP(1, [1], seed=2), 5)


def test_a_lambda_that_is_another_is_refused(tmp_path: Path) -> None:
    run('batch', 2, checkpoint=tmp_path / 'state', error=lambda y, t: half_squared_error(y, t))
    with pytest.raises(ValueError, match=r'is of another training: error was .*lambda.* of code'):
        run('batch', 4, checkpoint=tmp_path / 'state', error=lambda y, t: 2 * half_squared_error(y, t))

    def teach(slope: float, epochs: int) -> None:
        net = MLP(1, [3, 1], lambda r: r.tanh() * slope, seed=4)
        train(net, LINE, learning_rate=0.05, epochs=epochs, checkpoint=tmp_path / 'other')

    teach(1.0, 2)
    teach(1.0, 3)
    with pytest.raises(ValueError, match='is of another training: the net was'):
        teach(2.0, 4)


def test_what_cannot_be_known_again_is_refused_by_name(tmp_path: Path) -> None:
    log = open(os.devnull)  # noqa: SIM115
    with log, pytest.raises(ValueError, match=r"the error, .*<lambda>, cannot be known again .* by 'log' in"):
        run('batch', 2, checkpoint=tmp_path / 'state', error=lambda y, t: half_squared_error(y, t) + 0 * log.fileno())
    net = MLP(1, [3, 1], lambda r: r.tanh() + 0 * log.fileno(), seed=4)
    with pytest.raises(ValueError, match=r'an activation, .*<lambda>, cannot be known again'):
        train(net, LINE, learning_rate=0.05, epochs=1, checkpoint=tmp_path / 'state')
    assert not [*tmp_path.iterdir()]


def test_what_is_frozen_is_part_of_the_net(tmp_path: Path) -> None:
    def teach(number: float, place: int, epochs: int) -> None:
        net = MLP(1, [3, 1], 'tanh', seed=4)
        net.layers[0].neurons[0].bias.data = number
        net.layers[0].neurons[place].freeze([net.layers[0].neurons[place].bias])
        train(net, LINE, learning_rate=0.05, epochs=epochs, checkpoint=tmp_path / 'state')

    teach(1.0, 0, 2)
    teach(1.0, 0, 3)
    for number, place in (2.0, 0), (1.0, 1):
        with pytest.raises(ValueError, match='is of another training: the net was'):
            teach(number, place, 4)


@pytest.mark.parametrize('place', [(0, 0), (57, 0), (149, 1), (57, 2), (149, 2)])
def test_a_large_set_is_known_by_all_its_numbers(place: tuple[int, int], tmp_path: Path) -> None:
    numpy = pytest.importorskip('numpy')
    pytest.importorskip('llvmlite')
    rows = numpy.random.default_rng(1).normal(size=(150, 3))

    def teach(epochs: int) -> None:
        numpy.save(tmp_path / 'rows.npy', rows)
        large = LargeTeacherSet(tmp_path / 'rows.npy')
        train(MLP(2, [2, 1], 'tanh', seed=1), large, learning_rate=1e-3, epochs=epochs, checkpoint=tmp_path / 'state')

    teach(1)
    teach(2)
    rows[place] = numpy.nextafter(rows[place], 9)  # moments hardly see it
    with pytest.raises(ValueError, match='is of another training: the teacher set was'):
        teach(3)


class Own:
    """An optimiser of a user's, with memory of several kinds."""

    def __init__(self) -> None:
        self.inner, self.seen, self.noise = Momentum(0.5), {'steps': 0, ('a', 1): None}, Random(5)
        self.arrays: Any = None

    def step(self, weights: Any, gradients: Any, h: Any) -> list[Any]:
        numpy = pytest.importorskip('numpy')
        self.arrays = numpy.array(gradients) if self.arrays is None else self.arrays * 0.5 + gradients
        self.seen['steps'] += 1
        h = h * (0.9 + 0.1 * self.noise.random())
        return self.inner.step(weights, [float(g) for g in self.arrays], h)


def test_an_optimiser_of_ones_own_goes_on_where_it_was(tmp_path: Path) -> None:
    wanted, _ = run('batch', 6, optimiser=(whole := Own()))
    run('batch', 3, optimiser=Own(), checkpoint=tmp_path / 'state')
    weights, _ = run('batch', 6, optimiser=(parts := Own()), checkpoint=tmp_path / 'state')
    assert weights == wanted
    assert (parts.seen, parts.inner.memory) == (whole.seen, whole.inner.memory)
    assert parts.arrays.tolist() == whole.arrays.tolist() and parts.noise.getstate() == whole.noise.getstate()
    odd = Own()
    odd.queue = deque([1])  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"\['optimiser'\]\['queue'\] is deque\(\[1\]\), which cannot be kept"):
        run('batch', 6, optimiser=odd, checkpoint=tmp_path / 'other')
    assert not (tmp_path / 'other').exists()


def test_a_metric_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    """Whole arrays can, as can numbers of NumPy's."""
    numpy = pytest.importorskip('numpy')
    kept = {
        'spread': lambda y, t: numpy.float64(max(y)), 'answers': lambda y, t: tuple(y), 'list': lambda y, t: [1, None],
    }  # fmt: skip
    wanted, whole = run('batch', 4, metrics=kept)
    run('batch', 2, metrics=kept, checkpoint=tmp_path / 'state')
    weights, history = run('batch', 4, metrics=kept, checkpoint=tmp_path / 'state')
    assert weights == wanted and history.epochs == whole.epochs
    assert type(history[0]['spread']) is numpy.float64
    with pytest.warns(CheckpointWarning, match='which cannot be kept'):
        weights, history = run('batch', 4, metrics={'set': lambda y, t: {1}}, checkpoint=tmp_path / 'other')
    assert weights == wanted and len(history) == 4 and isinstance(history.unsaved, TypeError)


KEPT = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.fractions()),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.one_of(st.text(), st.integers()), inner),
        st.lists(st.floats(), min_size=8), st.lists(st.integers(), min_size=8), st.lists(st.tuples(inner, inner)),
        st.lists(st.floats()).map(lambda numbers: array('d', numbers)),
    ),
)  # fmt: skip


@given(KEPT)
@examples(50)
def test_what_is_packed_is_unpacked(thing: Any) -> None:
    assert repr(unpack(pack(thing))) == repr(thing)


def test_objects_of_classes_written_in_c_are_not_all_in_their_attributes() -> None:
    assert not any(map(is_plain, [Lock(), Random(), deque(), re.compile('a'), partial(pow, 2)]))
    assert is_plain(LINE)


PROGRAM = """
import sys
from tests.training.test_checkpoint import run
print('begun', flush=True)
run('adamw', 150, checkpoint=sys.argv[1], checkpoint_every=1, compiled=False)
"""


@pytest.mark.slow
def test_killed_at_any_point_it_comes_to_the_same_weights(tmp_path: Path) -> None:
    wanted, whole = run('adamw', 150, compiled=False)
    random, kills, seen = Random(7), 0, set()
    here = Path(__file__).parent
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, [here, here.parent]))}
    while True:
        process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM, tmp_path / 'state'], env=environment, stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout and process.stdout.readline() == b'begun\n'
            time.sleep(random.uniform(0.02, 0.15))
            if process.poll() is not None:
                break
            process.kill()  # SIGKILL
            kills += 1
        if (tmp_path / 'state').exists():
            state = State([0.0] * 10, AdamW(), order=array('q', range(20)))
            assert Checkpoint(tmp_path / 'state', None, {}).load(state)  # never half a file
            assert state.epochs == whole.epochs[: len(state.epochs)]
            seen.add(len(state.epochs))
            if len(state.epochs) == 150:
                break
    assert kills >= 3 and len(seen) >= 3
    weights, history = run('adamw', 150, checkpoint=tmp_path / 'state', checkpoint_every=1, compiled=False)
    assert weights == wanted and history.epochs == whole.epochs
