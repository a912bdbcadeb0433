"""Teaching: each way to learn against plain floats, what stops it, and what it leaves behind."""

from __future__ import annotations

import copy
import gc
import io
import math
import pickle
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.engine.value import Value
from microgradnet.formulas.colours import PAPER, SIGNAL
from microgradnet.nets.losses import cross_entropy, half_squared_error, max_margin
from microgradnet.nets.net import MLP
from microgradnet.nets.saving import load, save
from microgradnet.training.data import TeacherSet
from microgradnet.training.history import Epoch, History, accuracy
from microgradnet.training.optimisers import SCHEDULES, AdamW, Descent, Momentum, clipped
from microgradnet.training.train import DivergedError, error_and_gradients, error_over, train
from tests.support import ROOT
from tests.support.colours import contrast
from tests.support.examples import examples, for_each

XOR = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
#: One linear neuron through (1, 1), (2, 3), (4, 2): its gradients are quickly written out.
LINE = TeacherSet([[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0])


def line(w: Any = 0.5, b: Any = -0.25) -> MLP:
    return MLP.from_weights([[[w]]], [[b]])


def weights(net: MLP) -> list[Any]:
    return [p.data for p in net.parameters()]


def slope(w: float, b: float, samples: Any) -> list[float]:
    """dE/dw and dE/db of the line, E half the sum of squares."""
    return [sum((w * x + b - t) * x for (x,), t in samples), sum(w * x + b - t for (x,), t in samples)]


def by_hand(steps: int, step: Callable[[list[float], list[float]], list[float]], size: int = 3) -> list[float]:
    """Teach the line in plain floats: ``step`` takes weights and gradients to new weights."""
    now, samples = [0.5, -0.25], [*LINE]
    for _ in range(steps):
        for start in range(0, 3, size):
            now = step(now, slope(*now, samples[start : start + size]))
    return now


def close(numbers: Any) -> Any:
    return pytest.approx(numbers, rel=1e-12, abs=1e-14)


# Gradient descent: batch, on-line, mini-batches


@for_each(('mode', 'size'), [('batch', 3), ('online', 1), (2, 2), (1, 1), (3, 3), (50, 3)])
def test_each_mode_descends_the_sum_over_its_samples_in_order(mode: Any, size: int) -> None:
    net = line()
    train(net, LINE, learning_rate=0.02, epochs=7, mode=mode, shuffle=False)
    assert weights(net) == close(by_hand(7, lambda w, g: [w[0] - 0.02 * g[0], w[1] - 0.02 * g[1]], size))


def test_batch_and_online_learning_keep_the_order_and_mini_batches_are_shuffled() -> None:
    seen: list[list[Any]] = []

    def error(outputs: Any, targets: Any) -> Any:
        seen.append([*targets])
        return half_squared_error(outputs, targets)

    numbers = [float(k) for k in range(8)]
    teacher_set = TeacherSet([[x] for x in numbers], numbers)
    for mode, count in (('batch', 1), ('online', 8)):
        seen.clear()
        train(line(), teacher_set, learning_rate=1e-4, epochs=2, mode=mode, error=error)
        assert seen == ([numbers] if count == 1 else [[x] for x in numbers]) * 2
    seen.clear()
    train(line(), teacher_set, learning_rate=1e-4, epochs=2, mode=3, error=error)
    assert [len(batch) for batch in seen] == [3, 3, 2] * 2
    first, second = [*chain(*seen[:3])], [*chain(*seen[3:])]
    assert sorted(first) == sorted(second) == numbers
    assert numbers != first != second != numbers
    seen.clear()
    train(line(), teacher_set, learning_rate=1e-4, epochs=1, mode='online', shuffle=True, error=error)
    assert [*chain(*seen)] != numbers
    assert teacher_set.targets == tuple(numbers)


fractions = st.fractions(-2, 2, max_denominator=6)


@examples(25)
@given(
    start=st.tuples(fractions, fractions),
    samples=st.lists(st.tuples(fractions, fractions), min_size=1, max_size=4),
    h=st.fractions(Fraction(1, 9), 1, max_denominator=9),
    mode=st.sampled_from(['batch', 'online', 2]),
)
def test_descent_on_fractions_is_exact(start: Any, samples: Any, h: Fraction, mode: Any) -> None:
    net = line(*start)
    teacher_set = TeacherSet([[x] for x, _ in samples], [t for _, t in samples])
    history = train(net, teacher_set, learning_rate=h, epochs=2, mode=mode, shuffle=False)
    w, b = start
    size = {'batch': len(samples), 'online': 1}.get(mode, mode)
    for epoch in history:
        total = Fraction(0)
        for at in range(0, len(samples), size):
            batch = samples[at : at + size]
            total += sum(((w * x + b - t) ** 2 for x, t in batch), Fraction(0)) / 2
            by_w, by_b = sum((w * x + b - t) * x for x, t in batch), sum(w * x + b - t for x, t in batch)
            w, b = w - h * by_w, b - h * by_b
        assert epoch.error == total
        assert type(epoch.error) is Fraction
    assert weights(net) == [w, b]
    assert {type(number) for number in weights(net)} == {Fraction}


def test_a_rate_of_1_keeps_fractions_exact() -> None:
    net = line(Fraction(1, 3), Fraction(1, 7))
    train(net, TeacherSet([[1]], [1]), learning_rate=1, epochs=1)
    assert weights(net) == [Fraction(1, 3) + Fraction(11, 21), Fraction(1, 7) + Fraction(11, 21)]


def test_frozen_parameters_stay() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    net.layers[0].freeze()
    net.layers[1].neurons[0].freeze([net.layers[1].neurons[0].bias])
    before = weights(net)
    for optimiser in ('descent', 'momentum', 'adamw'):
        train(net, XOR, learning_rate=0.1, epochs=3, optimiser=optimiser, l2=0.1, clip=1.0)
    changed = [p for p, data in zip(net.parameters(), before, strict=True) if p.data != data]
    assert [id(p) for p in changed] == [id(p) for p in net.trainable()]
    net.freeze()
    with pytest.raises(ValueError, match='all its parameters are frozen'):
        train(net, XOR, learning_rate=0.1)


def test_error_and_gradients_are_those_of_the_sum_over_samples() -> None:
    net = line()
    net.parameters()[0].grad = 99.0
    assert error_and_gradients(net, [*LINE], half_squared_error) == close(
        sum((0.5 * x - 0.25 - t) ** 2 for (x,), t in LINE) / 2
    )
    assert [p.grad for p in net.parameters()] == close(slope(0.5, -0.25, [*LINE]))
    assert error_over(net, LINE, half_squared_error) == error_and_gradients(net, [*LINE], half_squared_error)


def test_errors_that_a_user_wrote() -> None:
    def mean_absolute(outputs: Any, targets: Any) -> Any:
        return sum((y - t).abs() for y, t in zip(outputs, targets)) / len(targets)

    net = line()
    history = train(net, LINE, learning_rate=0.05, epochs=200, error=mean_absolute, validation=LINE)
    assert history[-1].error < history[0].error * 0.6
    assert history[0].rms is None
    outputs = [Value(y) for y in net.predict(LINE.inputs)]
    assert history[-1].validation == close(mean_absolute(outputs, LINE.targets).data)
    with pytest.raises(TypeError, match=r'an error must return a Value, not 1\.5'):
        train(net, LINE, learning_rate=0.1, error=lambda outputs, targets: 1.5)


# The friends of gradient descent


def test_momentum_is_a_running_sum_of_gradients() -> None:
    v = [0.0, 0.0]

    def step(w: list[float], g: list[float]) -> list[float]:
        v[:] = [0.8 * v[0] + g[0], 0.8 * v[1] + g[1]]
        return [w[0] - 0.01 * v[0], w[1] - 0.01 * v[1]]

    net = line()
    train(net, LINE, learning_rate=0.01, epochs=9, optimiser=Momentum(0.8))
    assert weights(net) == close(by_hand(9, step))


def test_adamw_is_that_of_its_paper() -> None:
    m, v, t = [0.0, 0.0], [0.0, 0.0], 0

    def step(w: list[float], g: list[float]) -> list[float]:
        nonlocal t
        t += 1
        result = []
        for k in (0, 1):
            m[k] = 0.9 * m[k] + (1 - 0.9) * g[k]
            v[k] = 0.999 * v[k] + (1 - 0.999) * g[k] ** 2
            m_hat, v_hat = m[k] / (1 - 0.9**t), v[k] / (1 - 0.999**t)
            result.append(w[k] - 0.1 * 0.01 * w[k] - 0.1 * m_hat / (math.sqrt(v_hat) + 1e-8))
        return result

    net = line()
    train(net, LINE, learning_rate=0.1, epochs=9, optimiser='adamw', mode='online')
    assert weights(net) == close(by_hand(9, step, size=1))


def test_an_optimiser_that_is_used_again_goes_on_where_it_was() -> None:
    for make in (Descent, Momentum, AdamW):
        whole, parts, optimiser = line(), line(), make()
        train(whole, LINE, learning_rate=0.01, epochs=6, optimiser=make())
        for _ in range(3):
            train(parts, LINE, learning_rate=0.01, epochs=2, optimiser=optimiser)
        assert weights(whole) == weights(parts)
    with pytest.raises(ValueError, match=r'AdamW\(.*\) remembers 2 weights and is given 13'):
        train(MLP(2, [3, 1]), XOR, learning_rate=0.01, optimiser=optimiser)


def test_an_optimiser_may_be_anything_that_steps() -> None:
    class Signs:
        def step(self, weights: Any, gradients: Any, h: Any) -> Any:
            return [w - math.copysign(h, gradient) for w, gradient in zip(weights, gradients)]

    net = line()
    train(net, LINE, learning_rate=0.125, epochs=1, optimiser=Signs())
    assert weights(net) == [0.625, -0.125]


@for_each(
    'make',
    [
        lambda: Momentum(1.0), lambda: Momentum(-0.1), lambda: AdamW(beta1=1.0), lambda: AdamW(beta2=-0.5),
        lambda: AdamW(epsilon=0.0), lambda: AdamW(weight_decay=-1.0), lambda: Momentum(math.nan),
    ],
)  # fmt: skip
def test_optimisers_refuse_what_makes_no_sense(make: Any) -> None:
    with pytest.raises(ValueError, match='must be'):
        make()


def test_l2_pulls_weights_but_not_biases_and_is_not_reported() -> None:
    net = line()
    history = train(net, LINE, learning_rate=0.02, epochs=5, l2=0.5)
    plain = line()
    assert history[0].error == train(plain, LINE, learning_rate=0.02, epochs=5)[0].error
    step = lambda w, g: [w[0] - 0.02 * (g[0] + 0.5 * w[0]), w[1] - 0.02 * g[1]]  # noqa: E731
    assert weights(net) == close(by_hand(5, step))
    assert weights(net) != close(weights(plain))


def test_clipping_shortens_all_gradients_together_after_l2() -> None:
    def step(w: list[float], g: list[float]) -> list[float]:
        g = [g[0] + 0.5 * w[0], g[1]]
        scale = min(1.0, 2.25 / math.hypot(*g))
        scales.append(scale)
        return [w[0] - 0.05 * scale * g[0], w[1] - 0.05 * scale * g[1]]

    scales: list[float] = []
    net = line()
    train(net, LINE, learning_rate=0.05, epochs=8, l2=0.5, clip=2.25)
    assert weights(net) == close(by_hand(8, step))
    assert min(scales) < 1 == max(scales)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), st.floats(1e-3, 1e4))
def test_clipped_gradients_have_the_same_direction_and_a_norm_within(gradients: list[float], largest: float) -> None:
    short, norm = clipped(gradients, largest), math.hypot(*gradients)
    assert math.hypot(*short) <= largest * (1 + 1e-12)
    if norm <= largest:
        assert short == gradients
    else:
        assert [g * norm / largest for g in short] == pytest.approx(gradients, rel=1e-9, abs=1e-300)


def test_fractions_within_the_norm_stay_exact() -> None:
    assert [*map(type, clipped([Fraction(1, 3)], 1))] == [Fraction]


# Schedules

FACTORS = {
    'constant': [1, 1, 1, 1, 1, 1],
    'linear': [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6],
    'cosine': [1, (2 + 3**0.5) / 4, 0.75, 0.5, 0.25, (2 - 3**0.5) / 4],
    'step': [1, 1, 0.1, 0.1, 0.01, 0.01],
    'exponential': [100 ** (-k / 6) for k in range(6)],
    'warmup': [1, 1, 1, 1, 1, 1],
    'warmup-cosine': [1, 1, *((1 + math.cos(math.pi * k / 5)) / 2 for k in range(1, 5))],
}


@for_each('name', SCHEDULES)
def test_schedules_by_name(name: str) -> None:
    rates = train(line(), LINE, learning_rate=0.01, epochs=6, schedule=name).column('learning_rate')
    assert rates == close([0.01 * factor for factor in FACTORS[name]])


@pytest.mark.parametrize('name', SCHEDULES)
@given(epochs=st.integers(1, 300))
def test_schedules_stay_above_0_and_at_most_1(name: str, epochs: int) -> None:
    factors = [SCHEDULES[name](epoch, epochs) for epoch in range(1, epochs + 1)]
    assert all(0 < factor <= 1 for factor in factors)
    assert max(factors) == 1 or epochs == 1


def test_warming_up_takes_a_tenth() -> None:
    assert [SCHEDULES['warmup'](k, 50) for k in range(1, 8)] == close([0.2, 0.4, 0.6, 0.8, 1, 1, 1])
    assert [SCHEDULES['warmup-cosine'](k, 50) for k in (1, 5, 6)] == close([0.2, 1, 1])
    assert SCHEDULES['warmup-cosine'](28, 50) == close((1 + math.cos(math.pi * 22 / 45)) / 2)


def test_a_schedule_may_be_a_function_and_its_rate_is_used() -> None:
    net = line()
    history = train(net, LINE, learning_rate=0.1, epochs=3, schedule=lambda epoch, epochs: epoch / epochs / 4)
    assert history.column('learning_rate') == close([0.1 / 12, 0.2 / 12, 0.3 / 12])
    w = [0.5, -0.25]
    for h in history.column('learning_rate'):
        w = [a - h * g for a, g in zip(w, slope(*w, [*LINE]))]
    assert weights(net) == close(w)
    with pytest.raises(ValueError, match=r'0 < h <= 1; the schedule makes it 1\.2.* in epoch 2'):
        train(line(), LINE, learning_rate=0.6, epochs=3, schedule=lambda epoch, epochs: float(epoch))


# Arguments that make no sense


@for_each('h', [0, -0.1, 1.0000001, 2, math.nan, math.inf, Fraction(3, 2)])
def test_a_learning_rate_outside_0_to_1_is_refused(h: Any) -> None:
    net = line()
    with pytest.raises(ValueError, match='0 < h <= 1, not'):
        train(net, LINE, learning_rate=h)
    assert weights(net) == [0.5, -0.25]


@for_each(
    ('arguments', 'kind', 'said'),
    [
        ({'learning_rate': '0.1'}, TypeError, 'the learning rate h must be a real number'),
        ({'epochs': 0}, ValueError, 'epochs must be a whole number of at least 1, not 0'),
        ({'epochs': 2.0}, ValueError, 'epochs must be a whole number'),
        ({'patience': 0}, ValueError, 'patience must be a whole number of at least 1, not 0'),
        ({'mode': 'on-line'}, ValueError, "mode is 'batch', 'online', or the size .* not 'on-line'"),
        ({'mode': 0}, ValueError, 'not 0'),
        ({'mode': True}, ValueError, 'not True'),
        ({'optimiser': 'adamww'}, ValueError, "no optimiser 'adamww'; did you mean 'adamw'"),
        ({'schedule': 'cos'}, ValueError, "no schedule 'cos'; did you mean"),
        ({'metrics': ['precision']}, ValueError, "no metric 'precision'; there are accuracy, rms"),
        ({'l2': -1.0}, ValueError, r'l2 must be at least 0, not -1\.0'),
        ({'clip': 0}, ValueError, 'clip must be more than 0, not 0'),
        ({'teacher_set': XOR}, ValueError, 'the teacher set has rows of 2 inputs; MLP.* takes 1'),
        ({'validation': XOR}, ValueError, 'the validation set has rows of 2 inputs; MLP.* takes 1'),
        ({'teacher_set': [([1.0], 1.0)]}, TypeError, r'from a TeacherSet\(inputs, targets\), not from a list'),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, kind: type[Exception], said: str) -> None:
    net = line()
    with pytest.raises(kind, match=said):
        train(net, **{'teacher_set': LINE, 'learning_rate': 0.1, **arguments})
    assert weights(net) == [0.5, -0.25]


def test_targets_of_the_wrong_width_say_so() -> None:
    with pytest.raises(ValueError, match='3 values in the outputs, 1 in the targets'):
        train(MLP(2, [3]), XOR, learning_rate=0.1)


# Divergence


def growing(net: MLP | None = None, **arguments: Any) -> DivergedError:
    with pytest.raises(DivergedError) as caught:
        train(net or line(), LINE, **{'learning_rate': 1.0, 'epochs': 1000, **arguments})
    return caught.value


@pytest.mark.parametrize('mode', ['batch', 'online', 2])
def test_divergence_stops_with_the_epoch_and_the_last_good_weights(mode: Any) -> None:
    net = line()
    trouble = growing(net, mode=mode)
    assert trouble.epoch == len(trouble.history) + 1 > 3
    assert f'became inf in epoch {trouble.epoch}' in str(trouble)
    assert trouble.history.stopped_by == 'divergence'
    assert all(math.isfinite(epoch.error) for epoch in trouble.history)
    # What the net has are its weights between two epochs, the newest whose error is finite.
    ends = {}
    for epochs in (trouble.epoch - 2, trouble.epoch - 1):
        again = line()
        train(again, LINE, learning_rate=1.0, epochs=epochs, mode=mode)
        ends[epochs] = weights(again), error_over(again, LINE, half_squared_error)
    good = max(epochs for epochs, (_, error) in ends.items() if math.isfinite(error))
    assert weights(net) == ends[good][0]
    if mode == 'batch':
        assert ends[good][1] == trouble.history[-1].error


@for_each(
    ('g', 'said', 'cause'),
    [
        ('exp', 'inf', OverflowError),  # math.exp gives up
        (lambda r: 1 / (r - r), 'inf', ZeroDivisionError),
        (lambda r: (r - 1e9).log(), 'nan', ValueError),  # math.log of a negative number
        (lambda r: r * math.inf, 'inf', None),
        (lambda r: r * math.nan, 'nan', None),
    ],
)
def test_divergence_in_the_first_epoch_leaves_the_weights_alone(g: Any, said: str, cause: Any) -> None:
    net = MLP.from_weights([[[1000.0]]], [[1.0]], output_activation=g)
    before = weights(net)
    with pytest.raises(DivergedError, match=f'the error became {said} in epoch 1') as caught:
        train(net, LINE, learning_rate=0.1)
    assert weights(net) == before
    assert len(caught.value.history) == 0
    assert caught.value.__cause__ is None if cause is None else isinstance(caught.value.__cause__, cause)


def test_a_weight_that_would_become_nan_is_divergence_even_in_the_last_epoch() -> None:
    net = MLP.from_weights([[[1e-300]]], [[0.0]], output_activation=lambda r: r.abs() ** 0.5)  # infinitely steep at 0
    with pytest.raises(DivergedError, match=r'a weight would have become (nan|-?inf) in epoch 1'):
        train(net, TeacherSet([[0.0]], [1.0]), learning_rate=0.1, epochs=1)
    assert weights(net) == [1e-300, 0.0]


def test_a_mistake_in_the_error_is_no_divergence() -> None:
    def error(outputs: Any, targets: Any) -> Any:
        raise ValueError('a mistake')

    with pytest.raises(ValueError, match='a mistake'):
        train(line(), LINE, learning_rate=0.1, error=error)


def test_where_only_python_gives_up_its_exception_comes_through() -> None:
    # exp(1000) is too large for Python; IEEE's infinity would make this sigmoid 0, so nothing diverged.
    net = MLP.from_weights([[[-1000.0]]], [[0.0]], output_activation=lambda r: 1 / (1 + (-r).exp()))
    with pytest.raises(OverflowError):
        train(net, LINE, learning_rate=0.1)
    assert weights(net) == [-1000.0, 0.0]


def test_a_diverged_error_survives_a_pickle() -> None:
    trouble = growing()
    copied = pickle.loads(pickle.dumps(trouble))
    assert (copied.epoch, str(copied), len(copied.history)) == (trouble.epoch, str(trouble), len(trouble.history))


def test_clipping_keeps_what_diverges_within_bounds() -> None:
    growing(epochs=1000)
    assert math.isfinite(train(line(), LINE, learning_rate=1.0, epochs=1000, clip=0.01)[-1].error)


# Early stopping, callbacks, metrics, history


def test_patience_stops_and_gives_the_best_weights_back() -> None:
    rows = [[0.0], [1.0], [2.0]]
    teacher_set, validation = TeacherSet(rows, [0.0, 2.0, 4.0]), TeacherSet(rows, [0.0, 1.0, 2.0])
    trail: list[list[Any]] = []
    net = line(0.0, 0.0)
    history = train(
        net, teacher_set, learning_rate=0.01, epochs=500, validation=validation, patience=4,
        callback=lambda epoch: trail.append(weights(net)),
    )  # fmt: skip
    errors = history.column('validation')
    best = min(range(len(errors)), key=errors.__getitem__)
    assert history.stopped_by == 'patience'
    assert history.best_epoch == best + 1 == len(history) - 4
    assert weights(net) == trail[best]
    assert error_over(net, validation, half_squared_error) == errors[best] < errors[-1]


def test_patience_without_validation_watches_the_teacher_sets_own_error() -> None:
    net = line()
    trail: list[Any] = []

    def watch(epoch: Epoch) -> None:
        trail.append((error_over(net, LINE, half_squared_error), weights(net)))

    # Too fast a rate: the error only grows, from the first epoch's end on.
    history = train(net, LINE, learning_rate=0.2, epochs=50, patience=3, callback=watch)
    assert (history.stopped_by, history.best_epoch, len(history)) == ('patience', 1, 4)
    assert weights(net) == trail[0][1]
    assert error_over(net, LINE, half_squared_error) == trail[0][0]


def test_with_patience_the_best_weights_come_back_whatever_stops() -> None:
    for stop in (None, lambda epoch: epoch.epoch == 6):
        net = line()
        history = train(net, LINE, learning_rate=0.2, epochs=6, patience=50, callback=stop)
        assert (len(history), history.best_epoch) == (6, 1)
        one = line()
        train(one, LINE, learning_rate=0.2, epochs=1)
        assert weights(net) == weights(one)


def test_without_patience_nothing_is_restored() -> None:
    net = line()
    assert train(net, LINE, learning_rate=0.2, epochs=6).best_epoch is None
    again = line()
    for _ in range(6):
        train(again, LINE, learning_rate=0.2, epochs=1)
    assert weights(net) == weights(again)


def test_a_callback_sees_every_epoch_and_stops_by_a_true_answer() -> None:
    seen: list[Epoch] = []
    history = train(line(), LINE, learning_rate=0.01, epochs=9, callback=seen.append)
    assert seen == [*history]
    assert [epoch.epoch for epoch in seen] == [*range(1, 10)]
    assert history.stopped_by == 'epochs'
    history = train(line(), LINE, learning_rate=0.01, epochs=9, callback=lambda epoch: epoch.epoch == 4)
    assert (len(history), history.stopped_by) == (4, 'callback')


def test_errors_are_measured_before_the_update_and_metrics_after() -> None:
    net = line()
    before = error_over(net, LINE, half_squared_error)
    history = train(net, LINE, learning_rate=0.01, epochs=1, metrics=['rms'], validation=LINE)
    after = error_over(net, LINE, half_squared_error)
    assert history[0].error == before
    assert history[0].rms == close(math.sqrt(2 * before / 3))
    assert history[0].validation == after
    assert history[0].metrics['rms'] == history[0].validation_metrics['rms'] == close(math.sqrt(2 * after / 3))
    assert history[0]['validation rms'] == history[0]['rms']


def test_metrics_by_name_and_by_function() -> None:
    net = MLP(2, [4, 2], 'tanh', seed=3)
    labelled = TeacherSet(XOR.inputs, ['even', 'odd', 'odd', 'even'])
    history = train(
        net, labelled, learning_rate=0.2, epochs=150, error=cross_entropy,
        metrics={'accuracy': accuracy, 'first': lambda outputs, targets: outputs[0][0]},
    )  # fmt: skip
    assert history[-1]['accuracy'] == 1.0
    assert history[-1]['first'] == net.predict([[0, 0]])[0][0]
    assert history.column('accuracy')[-1] == 1.0
    again = train(net, labelled, learning_rate=0.1, epochs=1, error=cross_entropy, metrics='accuracy')
    assert again[0]['accuracy'] == 1
    with pytest.raises(KeyError, match="'recall' was not measured; there are epoch, error"):
        history.column('recall')


@for_each(
    ('outputs', 'targets', 'right'),
    [
        ([[0.1, 0.9, 0.3], [0.5, 0.2, 0.1]], [1, 2], 0.5),
        ([[0.1, 0.9], [0.5, 0.2]], [(0, 1), (1, 0)], 1.0),
        ([0.4, 0.6, 0.6], [0, 1, 0], 2 / 3),
        ([-0.1, 0.1, 7.0], [-1, 1, 1], 1.0),
        ([0.1, 1.2, 1.6], [0, 1, 2], 1.0),
        ([[0.4], 0.6], [[0], [1]], 1.0),
        ([[0.5, 0.5]], [0], 0.0),  # a tie
        ([0.5], [1], 1.0),  # there is no other target
        ([0.5, 0.5], [0, 1], 0.0),
        ([math.nan, 1.0], [0, 1], 0.5),
        ([[math.nan, 0.0]], [0], 0.0),
        ([[math.nan, 0.0]], [1], 0.0),
    ],
)
def test_accuracy(outputs: Any, targets: Any, right: float) -> None:
    assert accuracy(outputs, targets) == pytest.approx(right)


def test_a_history_is_a_sequence_and_says_what_it_is() -> None:
    history = train(line(), LINE, learning_rate=0.01, epochs=5)
    assert len(history) == 5
    assert history[1:3] == [*history][1:3]
    assert history[-1].epoch == 5
    assert repr(history) == f'History(5 epochs, stopped by epochs, last error {history[-1].error:.6g})'
    assert repr(History()) == 'History(0 epochs, stopped by epochs)'
    assert pickle.loads(pickle.dumps(history)).column('error') == history.column('error')


def test_a_history_draws_itself(tmp_path: Path) -> None:
    to_hex = pytest.importorskip('matplotlib.colors').to_hex
    labelled = TeacherSet(XOR.inputs, [-1, 1, 1, -1])
    history = train(
        MLP(2, [3, 1], seed=1), labelled, learning_rate=0.05, epochs=5, error=max_margin, metrics='accuracy',
        validation=labelled,
    )  # fmt: skip
    figure = history.plot(tmp_path / 'history.svg')
    assert (tmp_path / 'history.svg').read_text().startswith('<?xml')
    drawn = {curve.get_label(): [*curve.get_ydata()] for axes in figure.axes for curve in axes.get_lines()}
    assert drawn == {
        name: pytest.approx(history.column(name)) for name in ('error', 'validation', 'accuracy', 'validation accuracy')
    }
    for dark in False, True:
        plots = history.plot(dark=dark).axes
        curves = {line.get_label(): line for axes in plots for line in axes.get_lines()}
        assert all((line.get_linestyle() == '--') == name.startswith('validation') for name, line in curves.items())
        paper, error = (to_hex(thing).upper() for thing in (plots[0].get_facecolor(), curves['error'].get_color()))
        assert (paper, error) == ((PAPER.dark, SIGNAL.dark) if dark else (PAPER, SIGNAL))
        for axes in plots:  # all that is written can be read
            texts = [*axes.get_legend().get_texts(), *axes.get_xticklabels(), axes.xaxis.label]
            assert all(contrast(to_hex(text.get_color()), paper) > 4.5 for text in texts if text.get_text())
    History([Epoch(1, Fraction(1, 3)), Epoch(2, Fraction(0))]).plot(tmp_path / 'exact.png')
    assert (tmp_path / 'exact.png').read_bytes().startswith(b'\x89PNG')
    with pytest.raises(ValueError, match='no epochs'):
        History().plot()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*(name for name in sys.modules if name.split('.')[0] == 'matplotlib'), 'matplotlib']:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'microgradnet\[plot\]'"):
        History([Epoch(1, 1.0)]).plot()


def test_the_bar_shows_the_error_and_is_off_unless_stderr_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stderr, bar, shown in (
        (io.StringIO(), None, False), (io.StringIO(), True, True), (Terminal(), None, True), (Terminal(), False, False),
    ):  # fmt: skip
        monkeypatch.setattr(sys, 'stderr', stderr)
        history = train(line(), LINE, learning_rate=0.01, epochs=3, bar=bar)
        assert (f'error={history[-1].error:.6g}' in stderr.getvalue()) is shown
        assert ('3/3' in stderr.getvalue()) is shown
        assert bool(stderr.getvalue()) is shown


# The same numbers again

SCRIPT = """
from microgradnet.nets.net import MLP
from microgradnet.nets.saving import load, save
from microgradnet.training.data import TeacherSet
from microgradnet.training.train import train
xor = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
net = MLP(2, [4, 1], 'tanh', seed=5)
train(net, xor.split(0.75, seed=2)[0], learning_rate=0.05, epochs=20, mode=2, optimiser='adamw', seed=11, l2=0.01)
print([p.data.hex() for p in net.parameters()])
"""


def test_a_seed_gives_the_same_bits_in_every_process() -> None:
    run = [sys.executable, '-c', SCRIPT]
    root = str(ROOT)
    said = {
        subprocess.run(run, env={'PYTHONHASHSEED': seed}, cwd=root, capture_output=True, text=True, check=True).stdout
        for seed in ('0', '1', '2')
    }
    assert len(said) == 1


def test_another_seed_shuffles_otherwise() -> None:
    results = []
    for seed in (0, 1, random.Random(1)):
        net = line()
        train(net, LINE, learning_rate=0.02, epochs=3, mode=1, seed=seed)
        results.append(weights(net))
    assert results[0] != results[1] == results[2]


# Standardisation


def test_a_net_takes_over_the_standardisation_and_keeps_its_own() -> None:
    raw = [[100.0, 7.0], [102.0, 7.0], [104.0, 7.0]]
    teacher_set = TeacherSet(raw, [0.0, 1.0, 2.0], standardise=True)
    net = MLP(2, [1], seed=1)
    train(net, teacher_set, learning_rate=0.1, epochs=60)
    assert net.standardisation == teacher_set.standardisation
    assert net.predict(raw) == pytest.approx([0.0, 1.0, 2.0], abs=1e-3)
    other = TeacherSet([[x + 50, y] for x, y in raw], [0.0, 1.0, 2.0], standardise=True)
    train(net, other, learning_rate=0.01, epochs=1)
    assert net.standardisation == teacher_set.standardisation
    train(net, TeacherSet(raw, [0.0, 1.0, 2.0]), learning_rate=0.01, epochs=1)
    assert net.standardisation == teacher_set.standardisation


# Names


def fruit(labels: str = 'pear fig pear fig', names: Any = ('size', 'weight'), **options: Any) -> TeacherSet:
    rows = [[10.0, 300.0], [2.0, 900.0], [11.0, 250.0], [3.0, 800.0]]
    return TeacherSet(rows, labels.split(), input_names=names, target_names=['fruit'], standardise=True, **options)


def test_a_net_keeps_what_its_teacher_set_told() -> None:
    net = MLP(2, [3, 2], 'tanh', seed=1)
    assert (net.input_names, net.target_names, net.classes) == (None, None, None)
    train(net, fruit(), learning_rate=0.1, epochs=60, error=cross_entropy)
    assert (net.input_names, net.target_names, net.classes) == (('size', 'weight'), ('fruit',), ('fig', 'pear'))
    for same in (net, copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert same.classify(fruit().inputs) == ['pear', 'fig', 'pear', 'fig']
        assert same.input_names == ('size', 'weight')
        assert same.standardisation == fruit().standardisation
    train(net, TeacherSet(fruit().inputs, [1, 0, 1, 0]), learning_rate=0.1, epochs=1, error=cross_entropy)
    assert net.classes == ('fig', 'pear')  # a set that tells nothing takes nothing away


def test_raw_rows_are_standardised_once(tmp_path: Path) -> None:
    teacher_set = fruit()
    net = MLP(2, [3, 2], 'tanh', seed=1)
    train(net, teacher_set, learning_rate=0.1, epochs=5, error=cross_entropy)
    bare = copy.deepcopy(net)
    bare.standardisation = None
    once = [teacher_set.standardisation(row) for row in teacher_set.inputs]  # type: ignore[misc]
    save(net, tmp_path / 'net.json')
    there_and_back = load(tmp_path / 'net.json')
    save(there_and_back, tmp_path / 'net.json')
    again = load(tmp_path / 'net.json')
    train(again, teacher_set, learning_rate=1e-12, epochs=1, error=cross_entropy)  # a set that standardises, once more
    for other in (net, there_and_back, pickle.loads(pickle.dumps(again)), copy.deepcopy(again)):
        assert other.predict(teacher_set.inputs) == [pytest.approx(y, abs=1e-9) for y in bare.predict(once)]
        assert other.classify(teacher_set.inputs) == bare.classify(once)
    first, _ = teacher_set.split(0.5, stratify=True)
    assert net.predict(first.inputs) == [[y.data for y in net(x)] for x in first.inputs]


def test_a_set_of_other_names_is_refused_and_changes_nothing() -> None:
    net = MLP(2, [3, 2], 'tanh', seed=1)
    options: Any = {'learning_rate': 0.1, 'epochs': 2, 'error': cross_entropy}
    train(net, fruit(), **options)
    before = weights(net)
    with pytest.raises(ValueError, match=r"classes of the net MLP.* \('fig', 'pear'\), those of the teacher set"):
        train(net, fruit('pear apple pear apple'), **options)
    with pytest.raises(ValueError, match=r"inputs of the net .*\('size', 'weight'\), .*\('weight', 'size'\); order"):
        train(net, fruit(names=('weight', 'size')), **options)
    assert (weights(net), net.input_names, net.classes) == (before, ('size', 'weight'), ('fig', 'pear'))
    net.input_names = net.classes = None
    train(net, fruit('pear apple pear apple', ('a', 'b')), **options)
    assert (net.input_names, net.classes) == (('a', 'b'), ('apple', 'pear'))


def test_a_validation_set_of_other_classes_is_refused() -> None:
    # Alone it would count plums as class 1, and the net's class 1 is pear.
    validation = fruit('fig plum plum plum')
    with pytest.raises(ValueError, match=r"the teacher set are .*'pear'\), those of the validation set .*'plum'"):
        train(MLP(2, [2], seed=1), fruit(), learning_rate=0.1, error=cross_entropy, validation=validation)


def test_a_training_that_cannot_begin_leaves_the_net_as_it_was() -> None:
    net = MLP(2, [3, 3], 'tanh', seed=1)
    with pytest.raises(ValueError, match='outputs and targets must match'):
        train(net, fruit(), learning_rate=0.1, epochs=1)
    assert (net.input_names, net.target_names, net.standardisation) == (None, None, None)
    # What it kept of the first set would be applied to the second.
    other = TeacherSet([[1.0, 2.0], [5.0, 3.0], [4.0, 4.0]], [0, 1, 2], classes=True, standardise=True)
    train(net, other, learning_rate=0.1, epochs=1, error=cross_entropy)
    assert net.standardisation == other.standardisation


def test_classes_for_which_there_are_no_outputs_are_not_kept() -> None:
    net = MLP(2, [5], seed=1)  # cross_entropy takes more outputs than classes
    train(net, fruit(), learning_rate=0.1, epochs=1, error=cross_entropy)
    assert net.classes is None
    with pytest.raises(ValueError, match='knows no classes: teach it a set that has them'):
        net.classify(fruit().inputs)


def test_one_output_tells_two_classes_and_one_hot_targets_are_of_the_same_ones() -> None:
    net = MLP(2, [3, 1], 'tanh', 'sigmoid', seed=1)
    train(net, fruit(), learning_rate=1.0, epochs=200, metrics='accuracy')
    assert net.classify(fruit().inputs) == ['pear', 'fig', 'pear', 'fig']
    net = MLP(2, [3, 2], 'tanh', seed=1)
    train(net, fruit().one_hot(), learning_rate=0.1, epochs=100)
    train(net, fruit(), learning_rate=0.1, epochs=1, error=cross_entropy)
    assert net.classify(fruit().inputs) == ['pear', 'fig', 'pear', 'fig']


def test_names_and_classes_are_checked_when_they_are_set() -> None:
    net = MLP(2, [3])
    with pytest.raises(ValueError, match='3 input names for 2 inputs'):
        net.input_names = ['a', 'b', 'c']
    with pytest.raises(TypeError, match="input_names must be a list of strings, not 'ab' of type str"):
        net.input_names = 'ab'
    with pytest.raises(ValueError, match='2 classes for 3 outputs'):
        net.classes = [0, 1]
    with pytest.raises(ValueError, match='none is there twice'):
        net.classes = [0, 1, 1]
    with pytest.raises(TypeError, match="classes must be a list of names, not 'abc' of type str"):
        net.classes = 'abc'
    net.classes = ['a', 'b', 'c']
    with pytest.raises(ValueError, match=r'row 2: a net that answers \[nan, nan, nan\] tells no class'):
        net.classify([[1.0, 2.0], [math.nan, 2.0]])


# Ctrl-C: the weights are always those of a whole number of updates


def states(mode: Any, updates: int, **arguments: Any) -> list[list[Any]]:
    """The weights after 0, 1, 2 ... updates, from an optimiser that writes them down."""
    trail: list[list[Any]] = []

    class Noting(Descent):
        def step(self, weights: Any, gradients: Any, h: Any) -> Any:
            trail.append([*weights])
            if len(trail) > updates:
                raise StopIteration
            return super().step(weights, gradients, h)

    with pytest.raises(StopIteration):
        options = {'mode': mode, 'optimiser': Noting(), 'compiled': False, **arguments}
        train(net_of_two(), XOR, learning_rate=0.1, epochs=10**9, **options)
    return trail


def net_of_two() -> MLP:
    net = MLP(2, [2, 1], 'tanh', seed=4)
    net.layers[1].neurons[0].bias.data = 0.25  # so that every sample, (0, 0) too, changes something
    return net


def test_ctrl_c_in_a_callback_keeps_that_epoch() -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    net = net_of_two()
    history = train(net, XOR, learning_rate=0.1, callback=interrupt)
    assert (len(history), history.stopped_by) == (3, 'interrupt')
    assert weights(net) == states('batch', 3)[3]


@pytest.mark.parametrize(('mode', 'updates'), [('batch', 4), ('online', 4), (3, 4)])
def test_ctrl_c_inside_the_error_keeps_the_updates_so_far(mode: Any, updates: int) -> None:
    calls = 0

    def error(outputs: Any, targets: Any) -> Any:
        nonlocal calls
        calls += 1
        result = half_squared_error(outputs, targets)
        if calls == updates + 1:
            signal.raise_signal(signal.SIGINT)
        return result

    net = net_of_two()
    history = train(net, XOR, learning_rate=0.1, mode=mode, error=error, bar=False)
    per_epoch = {'batch': 1, 'online': 4, 3: 2}[mode]
    assert (len(history), history.stopped_by) == (updates // per_epoch, 'interrupt')
    assert weights(net) == states(mode, updates)[updates]


def test_after_ctrl_c_the_weights_are_the_last_and_not_the_best() -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    net, three = line(), line()
    history = train(net, LINE, learning_rate=0.2, patience=20, callback=interrupt)
    train(three, LINE, learning_rate=0.2, epochs=3)
    assert weights(net) == weights(three)
    assert (history.best_epoch, history.stopped_by) == (None, 'interrupt')


@pytest.fixture
def done() -> Iterator[Event]:
    """Let a timer press Ctrl-C, as Python has it, until this is set; no timer is left behind."""
    done = Event()
    # Python drops an exception that strikes in a callback of its garbage collector; Hypothesis has one.
    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = signal.signal(signal.SIGALRM, lambda number, frame: done.is_set() or signal.raise_signal(signal.SIGINT))
    yield done
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGALRM, alarm)
    gc.callbacks[:] = callbacks


@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='there are no timers here')
# Where Ctrl-C strikes in a callback of a weak reference Python drops it, and says so.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
@pytest.mark.parametrize('mode', ['batch', 'online'])
def test_ctrl_c_at_any_moment_leaves_whole_updates(mode: Any, done: Event) -> None:
    moments = random.Random(7)
    for _ in range(25):
        trail: list[list[Any]] = []

        class Noting(Descent):
            def step(self, weights: Any, gradients: Any, h: Any, trail: Any = trail) -> Any:
                new = super().step(weights, gradients, h)
                trail.append(new)
                return new

        net = net_of_two()
        start = weights(net)
        done.clear()
        try:
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0005, 0.02), 30.0)
            history = train(
                net, XOR, learning_rate=0.1, epochs=10**9, mode=mode, optimiser=Noting(), compiled=False, bar=False
            )
            done.set()
        except KeyboardInterrupt:
            # It came before there was anything to teach, or just as the history was handed over.
            done.set()
            history = History()
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The last step may have been computed and not yet made.
        assert weights(net) in [start, *trail][-2:]
        per_epoch = 1 if mode == 'batch' else 4
        assert len(history) <= len(trail) / per_epoch


def test_ctrl_c_between_any_two_instructions_leaves_whole_updates() -> None:
    """Interrupt an epoch of four updates at many instructions of the loop in turn, as a signal could."""
    whole = states('online', 4)
    steps, reached = instructions_until_interrupt(net_of_two(), 10**9), set()
    assert steps > 200
    for moment in range(0, steps, steps // 60):
        net = net_of_two()
        assert instructions_until_interrupt(net, moment) == moment
        assert weights(net) in whole
        reached.add(whole.index(weights(net)))
    assert reached == {0, 1, 2, 3, 4}


def instructions_until_interrupt(net: MLP, moment: int) -> int:
    """Teach for one epoch, and interrupt after so many instructions of the loop; return how many there were."""
    count = 0

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        if frame.f_code.co_name not in ('train', '_update', 'set_weights'):
            return None
        frame.f_trace_opcodes = True
        if event == 'opcode':
            if count == moment:
                sys.settrace(None)
                raise KeyboardInterrupt
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        train(net, XOR, learning_rate=0.1, epochs=1, mode='online', bar=False)
    except KeyboardInterrupt:
        pass  # before the loop, or after it
    finally:
        sys.settrace(before)
    return count


ROWS, ANSWERS = [[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0]


def test_rows_and_targets_make_a_teacher_set() -> None:
    one, other = line(), line()
    train(one, ROWS, ANSWERS, learning_rate=0.01, epochs=3)
    train(other, LINE, learning_rate=0.01, epochs=3)
    assert weights(one) == weights(other)
    import numpy

    train(third := line(), numpy.array(ROWS), numpy.array(ANSWERS), learning_rate=0.01, epochs=3)
    assert weights(third) == weights(one)


@for_each(
    ('arguments', 'options', 'kind', 'said'),
    [
        ((ROWS, ANSWERS), {}, TypeError, 'train wants learning_rate=h, with 0 < h <= 1; none was given'),
        ((ROWS,), {}, TypeError, 'a list alone, [[1.0], [2.0], [4.0]]; inputs and targets make one: train(net, X, y, '),
        ((LINE, ANSWERS), {}, TypeError, 'a TeacherSet has its targets already; [1.0, 3.0, 2.0] of type list'),
        ((LINE,), {'error': 'msee'}, ValueError, "no error 'msee'; did you mean 'mse'?"),
        ((LINE,), {'error': 3}, TypeError, 'error must be a name or a function of outputs and targets, not 3'),
        ((LINE,), {'validation': 3}, TypeError, 'validation must be a TeacherSet or None, not 3 of type int'),
        ((LINE,), {'callback': 3}, TypeError, 'callback must be a function of an Epoch or None, not 3 of type int'),
        ((LINE,), {'optimiser': 3}, TypeError, 'optimiser must be a name or an object with a method step, not 3'),
        ((LINE,), {'schedule': 3}, TypeError, 'schedule must be a name or a function of the epoch and of epochs'),
        ((LINE,), {'metrics': 3}, TypeError, 'metrics must be names or a dictionary of functions, not 3'),
        ((LINE,), {'metrics': {'a': 3}}, TypeError, "metrics['a'] must be a function of outputs and targets, not 3"),
        ((LINE,), {'shuffle': 'no'}, TypeError, "shuffle must be True, False or None, not 'no' of type str"),
        ((LINE,), {'compiled': 3}, TypeError, 'compiled must be True, False or None, not 3'),
        ((LINE,), {'bar': 'x'}, TypeError, "bar must be True, False or None, not 'x'"),
        ((LINE,), {'seed': 'x'}, TypeError, "seed must be a whole number, a random.Random, or None, not 'x'"),
        ((LINE,), {'checkpoint': 3}, TypeError, 'checkpoint must be the path of a file, a string or a Path, not 3'),
        ((LINE,), {'checkpoint_every': 3}, TypeError, 'checkpoint_every=3 wants checkpoint='),
        ((LINE,), {'executor': 3}, TypeError, 'executor must be a concurrent.futures.Executor (of a Dask client'),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: Any, options: Any, kind: type[Exception], said: str) -> None:

    if 'train wants' not in said:
        options = {'learning_rate': 0.1} | options
    before = weights(net := line())
    with pytest.raises(kind, match=re.escape(said)):
        train(net, *arguments, **options)
    assert weights(net) == before


@pytest.mark.parametrize('net', [3, None, 'net', MLP])
def test_only_a_net_is_taught(net: Any) -> None:
    with pytest.raises(TypeError, match='train teaches an MLP; net must be one, not '):
        train(net, LINE, learning_rate=0.1)


def test_the_mean_square_error_by_its_name() -> None:
    net = line(0.5, 0.0)
    history = train(net, LINE, learning_rate=0.1, epochs=1, error='mse')
    # (y - t)**2 = 0.25, 4, 0; dE/dw = 2/3 * (-0.5 * 1 - 2 * 2), dE/db = 2/3 * (-0.5 - 2)
    assert history[0].error == pytest.approx(4.25 / 3)
    assert weights(net) == pytest.approx([0.5 + 0.1 * 3.0, 0.1 * 5 / 3])


def test_a_name_and_its_function_are_the_same_training(tmp_path: Path) -> None:
    one, other = line(), line()
    train(one, LINE, learning_rate=0.01, epochs=2, error='half_squared_error', checkpoint=tmp_path / 'state')
    history = train(other, LINE, learning_rate=0.01, epochs=4, error=half_squared_error, checkpoint=tmp_path / 'state')
    assert len(history) == 4


def test_without_a_seed_the_shuffle_is_of_pythons_generator() -> None:
    def taught() -> list[Any]:
        random.seed(1337)
        train(net := line(), LINE, learning_rate=0.01, epochs=5, mode='online', shuffle=True, seed=None)
        return weights(net)

    one = taught()
    assert taught() == one
    random.seed(1)
    train(net := line(), LINE, learning_rate=0.01, epochs=5, mode='online', shuffle=True, seed=None)
    assert weights(net) != one


# Weights of samples


def test_a_weight_counts_a_sample_so_often() -> None:
    inputs, targets = [[Fraction(1)], [Fraction(2)], [Fraction(4)]], [Fraction(1), Fraction(3), Fraction(2)]
    heavy = TeacherSet(inputs, targets, weights=[2, 1, 0])
    often = TeacherSet([inputs[0], inputs[0], inputs[1]], [targets[0], targets[0], targets[1]])
    found = []
    for samples in heavy, often:
        net = line(Fraction(1, 2), Fraction(-1, 4))
        history = train(net, samples, learning_rate=Fraction(1, 10), epochs=3, validation=samples)
        found.append((weights(net), history.column('error'), history.column('validation'), history.column('rms')))
    assert found[0] == found[1] and isinstance(found[0][0][0], Fraction)


def test_weights_go_with_their_samples_through_mini_batches() -> None:
    first, second = line(), line()
    train(first, TeacherSet(*zip(*LINE), weights=[1, 2, 3]), learning_rate=0.1, epochs=4, mode=2, seed=3)
    shuffled, order = [], random.Random(3)
    for _ in range(4):
        places = [0, 1, 2] if not shuffled else shuffled[-1]
        places = [*places]
        order.shuffle(places)
        shuffled.append(places)
    now = [0.5, -0.25]
    for places in shuffled:
        for batch in (places[:2], places[2:]):
            parts = [slope(*now, [[*LINE][k]]) for k in batch]
            grads = [sum((k + 1) * part[i] for k, part in zip(batch, parts)) for i in (0, 1)]
            now = [w - 0.1 * g for w, g in zip(now, grads)]
    assert weights(first) == close(now)
    assert weights(second) != weights(first)


@pytest.mark.parametrize('error', ['mse', 'rmse'])
def test_a_mean_over_the_samples_cannot_be_weighted(error: str) -> None:
    heavy = TeacherSet(*zip(*LINE), weights=[1, 2, 3])
    with pytest.raises(ValueError, match='only an error that is a sum over the samples can be weighted'):
        train(line(), heavy, learning_rate=0.1, error=error)


def test_an_error_of_ones_own_is_weighted_if_it_is_a_sum() -> None:
    def fourth(outputs: Any, targets: Any) -> Any:
        return sum((y - t) ** 4 for y, t in zip(outputs, targets)) / 4

    net = line()
    history = train(net, TeacherSet(*zip(*LINE), weights=[1, 0, 2]), learning_rate=0.01, error=fourth, epochs=1)
    assert history[0].error == close((0.25 - 1) ** 4 / 4 + 2 * (1.75 - 2) ** 4 / 4)


def test_a_validation_with_weights_wants_a_set_with_weights() -> None:
    heavy = TeacherSet(*zip(*LINE), weights=[1, 2, 3])
    with pytest.raises(ValueError, match='the validation set has weights, the teacher set none'):
        train(line(), LINE, learning_rate=0.1, validation=heavy)
