"""Training by machine code: the weights of recorded training, but for the last bits, and much sooner."""

from __future__ import annotations

import signal
import sys
from fractions import Fraction
from math import inf, nan, ulp
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.nets.losses import cross_entropy, half_squared_error, max_margin, root_mean_square_error
from microgradnet.nets.net import MLP
from microgradnet.training.data import TeacherSet
from microgradnet.training.objective import error_of
from microgradnet.training.optimisers import OPTIMISERS
from microgradnet.training.train import DivergedError, train
from tests.support.examples import every, for_each

pytest.importorskip('numpy')
pytest.importorskip('llvmlite')

XS = [[0.3 * i - 1.0, 0.7 - 0.11 * i * (-1) ** i] for i in range(11)]
CLASSES = [i % 3 for i in range(11)]
SETS: dict[Any, Any] = {
    half_squared_error: TeacherSet(XS, [[0.5 * c, 1.0 - c, 0.25] for c in CLASSES]),
    cross_entropy: TeacherSet(XS, ['abc'[c] for c in CLASSES]),
    max_margin: TeacherSet(XS, [[1 if c == k else -1 for k in range(3)] for c in CLASSES]),
}
#: How far a weight may be off after an epoch, in ulps of the largest weight or step. Measured: at most 4.
ULPS = 16


def taught(compiled: bool | None, error: Any = half_squared_error, **options: Any) -> tuple[MLP, Any]:
    net = MLP(2, [5, 3], activation=options.pop('activation', 'tanh'), seed=4)
    teacher_set = options.pop('teacher_set', None) or SETS[error]
    history = train(net, teacher_set, learning_rate=0.05, error=error,
                    compiled=compiled, **{'epochs': 1, **options})  # fmt: skip
    assert history.compiled is bool(compiled)
    return net, history


def close(one: list[Any], other: list[Any]) -> bool:
    size = max(map(abs, [*one, *other, 1.0]))
    return all(abs(a - b) <= ULPS * ulp(size) for a, b in zip(one, other, strict=True))


def weights(net: MLP) -> list[Any]:
    return [p.data for p in net.parameters()]


@for_each('mode', ['batch', 'online', 4])
@for_each('error', [*SETS], ids=lambda error: error.__name__)
def test_an_epoch_gives_the_same_weights(mode: Any, error: Any) -> None:
    (recorded, before), (compiled, after) = (
        taught(flag, error, mode=mode, validation=SETS[error], metrics=['accuracy']) for flag in (False, True)
    )
    assert close(weights(recorded), weights(compiled)) and weights(compiled) != weights(MLP(2, [5, 3], 'tanh', seed=4))
    for column in 'error', 'validation', 'accuracy', 'validation accuracy':
        assert after.column(column) == pytest.approx(before.column(column), rel=1e-14)
    assert before[0].rms is None or after[0].rms == pytest.approx(before[0].rms, rel=1e-14)


@for_each('options', [{'optimiser': 'momentum'}, {'optimiser': 'adamw'}, {'l2': 0.1}, {'clip': 0.01},
                                     {'schedule': 'cosine'}, {'activation': 'relu'}, {'activation': 'gelu'}],
                         ids=str)  # fmt: skip
def test_every_way_of_descending(options: dict[str, Any]) -> None:
    (recorded, _), (compiled, _) = (taught(flag, mode=3, epochs=3, **options) for flag in (False, True))
    assert weights(compiled) == pytest.approx(weights(recorded), rel=1e-12)


@pytest.mark.parametrize('mode', ['batch', 'online', 3])
@pytest.mark.parametrize('optimiser', every(3, OPTIMISERS))
def test_an_epoch_is_one_call_of_machine_code_whatever_the_options(
    optimiser: str, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from microgradnet.compiling.run.native import NativeEngine

    calls, descend = [0], NativeEngine.descend

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        return descend(*arguments)

    monkeypatch.setattr(NativeEngine, 'descend', counted)
    monkeypatch.setattr('microgradnet.training.objective.CompiledError.gradient', None)
    options = {'optimiser': optimiser, 'mode': mode, 'l2': 0.1, 'clip': 0.5, 'schedule': 'cosine', 'shuffle': True}
    (recorded, before), (compiled, after) = (taught(flag, epochs=4, **options) for flag in (False, True))
    assert calls == [4]
    assert weights(compiled) == pytest.approx(weights(recorded), rel=1e-10)
    assert after.column('error') == pytest.approx(before.column('error'), rel=1e-12)


def test_standardisation_and_frozen_parameters() -> None:
    ends = []
    for flag in False, True:
        net = MLP(2, [3, 1], activation='tanh', seed=2)
        net.layers[0].freeze()
        far = TeacherSet([[100 * a, b - 7] for a, b in XS], [a * b for a, b in XS], standardise=True)
        start = weights(net)
        train(net, far, learning_rate=0.02, epochs=2, compiled=flag, validation=far)
        assert weights(net)[:9] == start[:9] and weights(net)[9:] != start[9:]
        ends.append(weights(net))
    assert close(*ends)


def test_patience_gives_back_the_best_weights() -> None:
    ends = [taught(flag, epochs=40, patience=3, mode='online', schedule='constant')[1] for flag in (False, True)]
    assert ends[0].best_epoch == ends[1].best_epoch and len(ends[0]) == len(ends[1])


@pytest.mark.parametrize('mode', ['batch', 'online', 4])
def test_divergence_keeps_the_last_good_weights(mode: Any) -> None:
    said = []
    for flag in False, True:
        net = MLP(1, [1], activation='linear', seed=1)
        steep = TeacherSet([[1e80], [2e80], [-1e80]], [1.0, 2.0, 3.0])
        with pytest.raises(DivergedError) as caught:
            train(net, steep, learning_rate=1.0, epochs=50, mode=mode, compiled=flag)
        said.append((caught.value.epoch, len(caught.value.history)))
        assert str(caught.value).count('epoch ') == 1 and f' in epoch {caught.value.epoch}; ' in str(caught.value)
        assert all(abs(w) < inf for w in weights(net))
    assert said[0] == said[1]


def test_ctrl_c_keeps_the_finished_epochs() -> None:
    def press(epoch: Any) -> None:
        if epoch.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    net, history = taught(True, epochs=9, callback=press)
    assert (len(history), history.stopped_by) == (3, 'interrupt')
    assert weights(net) == weights(taught(True, epochs=3)[0])


def test_it_is_chosen_when_it_pays() -> None:
    net = MLP(2, [8, 3], seed=1)
    assert not error_of(net, SETS[half_squared_error], half_squared_error, 10, None).compiled
    assert error_of(net, SETS[half_squared_error], half_squared_error, 10**5, None).compiled
    assert not error_of(net, SETS[half_squared_error], half_squared_error, 10**5, False).compiled
    assert not error_of(net, SETS[half_squared_error], lambda y, t: half_squared_error(y, t), 10**5, None).compiled
    assert not error_of(net, SETS[half_squared_error], root_mean_square_error, 10**5, None).compiled
    history = train(net, SETS[half_squared_error], learning_rate=0.001, epochs=3000)
    assert history.compiled and 'compiled' in repr(history)


def test_without_llvmlite_it_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    assert not error_of(MLP(2, [8, 3]), SETS[half_squared_error], half_squared_error, 10**5, None).compiled


def test_an_error_of_ones_own_is_compiled_if_it_is_a_sum() -> None:
    def cubes(outputs: Any, targets: Any) -> Any:
        return F.sum([abs(y - t) ** 3 for ys, ts in zip(outputs, targets) for y, t in zip(ys, ts)])

    (recorded, _), (compiled, _) = (taught(flag, cubes, teacher_set=SETS[half_squared_error]) for flag in (False, True))
    assert close(weights(recorded), weights(compiled))


def root(outputs: Any, targets: Any) -> Any:
    return F.sqrt(half_squared_error(outputs, targets))


def branching(outputs: Any, targets: Any) -> Any:
    return F.sum([(y - t) ** 2 if y > t else t - y for ys, ts in zip(outputs, targets) for y, t in zip(ys, ts)])


@pytest.mark.parametrize(
    ('error', 'said'),
    [(root, 'a sum over the samples can be compiled; root is not'),
     (root_mean_square_error, 'root_mean_square_error is not'),
     (branching, r'test_compiled_training\.py')],
)  # fmt: skip
def test_what_cannot_be_compiled_says_so(error: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        taught(True, error, teacher_set=SETS[half_squared_error])


def test_a_branching_activation_is_recorded_unless_it_must_not() -> None:
    for wanted in None, True:
        net = MLP(2, [3, 3], activation=lambda r: r if r > 0 else 0.1 * r, seed=1)
        if wanted:
            with pytest.raises(ValueError, match='the branch at'):
                train(net, SETS[half_squared_error], learning_rate=0.001, epochs=10**6, compiled=wanted)
        else:
            assert not error_of(net, SETS[half_squared_error], half_squared_error, 10**6, wanted).compiled


def test_fractions_are_not_compiled() -> None:
    net = MLP.from_weights([[[Fraction(1, 2)]]], [[Fraction(0)]])
    with pytest.raises(TypeError, match='fractions'):
        train(net, TeacherSet([[1]], [1]), learning_rate=0.1, compiled=True)


def test_targets_are_checked_as_ever() -> None:
    with pytest.raises(ValueError, match=r'targets of -1 or 1; target 3 is 0\.5'):
        taught(True, max_margin, teacher_set=TeacherSet(XS[:2], [[1, -1, 1], [0.5, 1, 1]]))
    with pytest.raises(ValueError, match='its class is 3, and there are 3 logits'):
        taught(True, cross_entropy, teacher_set=TeacherSet(XS[:2], [0, 3]))
    assert nan not in weights(taught(True)[0]) and sys.float_info.max > max(weights(taught(True)[0]))


@pytest.mark.parametrize('mode', every(3, ['batch', 'online', 4]))
@pytest.mark.parametrize('error', [*SETS], ids=lambda error: error.__name__)
def test_weights_of_samples_go_into_the_program(mode: Any, error: Any) -> None:
    plain = SETS[error]
    heavy = TeacherSet(plain.inputs, plain.targets, classes=plain.classes, weights=[(3 * i) % 4 for i in range(11)])
    options = {'teacher_set': heavy, 'mode': mode, 'validation': plain}
    (recorded, before), (compiled, after) = (taught(flag, error, **options) for flag in (False, True))
    assert close(weights(recorded), weights(compiled)) and weights(compiled) != weights(taught(True, error)[0])
    for column in 'error', 'validation':
        assert after.column(column) == pytest.approx(before.column(column), rel=1e-12)
