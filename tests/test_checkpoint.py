"""Training that is killed and goes on, to the same weights, bit for bit."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, half_squared_error, train
from microgradnet.history import History
from microgradnet.optimisers import AdamW, Momentum

LINE = TeacherSet([[x / 10] for x in range(20)], [(x / 10) ** 2 for x in range(20)], standardise=True)
OPTIONS: dict[str, dict[str, Any]] = {
    'batch': {},
    'online': {'mode': 'online', 'shuffle': True},
    'adamw': {'mode': 3, 'optimiser': 'adamw', 'schedule': 'cosine', 'l2': 0.01, 'clip': 1.0},
    'momentum': {'mode': 7, 'optimiser': Momentum(0.5), 'seed': Random(3)},
    'patience': {'patience': 4, 'learning_rate': 0.1, 'mode': 2, 'optimiser': 'adamw'},
    'validation': {'validation': LINE, 'metrics': 'rms', 'mode': 5},
    'compiled': {'mode': 4, 'compiled': True},
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the package catches it."""


def run(name: str, epochs: int = 12, **more: Any) -> tuple[list[Any], History]:
    options = pickle.loads(pickle.dumps(OPTIONS[name]))  # an optimiser remembers
    net = MLP(1, [3, 1], 'tanh', seed=4)
    history = train(net, LINE, **({'learning_rate': 0.05, 'epochs': epochs} | options | more))
    return [p.data for p in net.parameters()], history


@pytest.mark.parametrize('every', [1, 3, None])
@pytest.mark.parametrize('name', OPTIONS)
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


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run('batch', 2, checkpoint=tmp_path / 'state')
    before = (tmp_path / 'state').read_bytes()

    def full(*_: Any) -> None:
        raise OSError('no space left')

    with monkeypatch.context() as patched:
        patched.setattr(os, 'fsync', full)
        with pytest.raises(OSError, match='no space left'):
            run('batch', 6, checkpoint=tmp_path / 'state')
    assert [*tmp_path.iterdir()] == [tmp_path / 'state'] and (tmp_path / 'state').read_bytes() == before
    assert run('batch', 6, checkpoint=tmp_path / 'state')[0] == run('batch', 6)[0]


PROGRAM = """
import sys
from test_checkpoint import run
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
            state = pickle.loads((tmp_path / 'state').read_bytes())[3]  # never half a file
            assert state.epochs == whole.epochs[: len(state.epochs)]
            seen.add(len(state.epochs))
            if len(state.epochs) == 150:
                break
    assert kills >= 3 and len(seen) >= 3
    weights, history = run('adamw', 150, checkpoint=tmp_path / 'state', checkpoint_every=1, compiled=False)
    assert weights == wanted and history.epochs == whole.epochs
