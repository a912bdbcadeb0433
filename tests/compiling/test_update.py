"""Descent whatever the options: the rule of an optimiser, written once, as Python does it and as each backend does."""

from __future__ import annotations

import re
from functools import cache
from math import hypot, inf, nan
from random import Random
from typing import Any

import pytest

from microgradnet.compiling import Program
from microgradnet.compiling.run.rows import shuffled
from microgradnet.compiling.update import Descent, Rule, norm, squares, update_of
from microgradnet.engine.value import Value
from microgradnet.functions import exp
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.training.optimisers import AdamW, Momentum, clipped
from tests.support.examples import every, for_each

from ..support.backends import BACKENDS

every_backend = pytest.mark.parametrize('backend', BACKENDS)


class Signs(Rule):
    """A rule of a user's own: a step of one length, and how often it went up; with a function of the C library."""

    kept = 1

    def rule(self, w: Any, slope: Any, ups: Any, h: Any) -> tuple[Any, Any]:
        return w - h * exp(-abs(ups)) * slope / (abs(slope) + 1e-3), ups + w * 0.125


OPTIMISERS: dict[str, Any] = {
    'descent': Descent, 'momentum': Momentum, 'nesterov': lambda: Momentum(0.5, nesterov=True),
    'adam': lambda: AdamW(weight_decay=0.0), 'adamw': lambda: AdamW(0.5, 0.75), 'signs': Signs,
}  # fmt: skip
ROWS = [[k / 5 - 1, (k * k % 7) / 4, k % 2] for k in range(11)]
#: A net in registers, one whose parameters are no whole number of vectors, and one in loops.
SIZES = {'small': [2, 1], 'larger': [17, 1], 'loops': [30, 30, 1]}


def learning(sizes: list[int], backend: str, loops: bool | None = None) -> tuple[Program, MLP]:
    net = MLP(2, sizes, 'tanh', 'identity', seed=3)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    E = half_squared_error(net(x), t)
    return Program(E, rows=[*x, t], parameters=net.parameters(), backend=backend, loops=loops), net


@cache
def once(sizes: tuple[int, ...], backend: str) -> tuple[Program, MLP, list[Any]]:
    """Return a program that is compiled once for many tests, its net, and the weights that this began with."""
    program, net = learning([*sizes], backend)
    return program, net, [p.data for p in net.parameters()]


def stepwise(
    program: Program, rows: list[Any], rates: list[float], size: int, optimiser: Any, l2: Any, clip: Any, shuffle: Any
) -> tuple[list[float], list[float]]:
    """Do the same update by update, in Python."""
    errors, order, theta = [], [*range(len(rows))], [p.data for p in program.parameters]
    for h in rates:
        if shuffle:
            shuffle.shuffle(order)
        total = 0.0
        for start in range(0, len(rows), size):
            E, slopes = program.value_and_gradient(theta, [rows[k] for k in order[start : start + size]])
            slopes = [g + decay * w if decay else g for g, decay, w in zip(slopes, l2, theta, strict=True)]
            theta = optimiser.step(theta, slopes if clip is None else clipped(slopes, clip), h)
            total += E
        errors.append(total)
    return errors, theta


@every_backend
@pytest.mark.parametrize('more', every(3, [
    *(pytest.param(alone, marks=pytest.mark.slow) for alone in ('', 'l2', 'clip')), 'l2 clip shuffle', 'schedule',
]))  # fmt: skip
@pytest.mark.parametrize('name', every(2, OPTIMISERS))
def test_every_optimiser_does_the_steps_that_python_does(name: str, more: str, backend: str) -> None:
    for sizes in [SIZES['small'], SIZES['larger']] if backend != 'python' else [SIZES['small']]:
        for mode, size in ('batch', 11), ('online', 1), (4, 4):
            program, net, begun = once((*sizes,), backend)
            for p, data in zip(net.parameters(), begun, strict=True):
                p.data = data
            made, twin = OPTIMISERS[name](), OPTIMISERS[name]()
            l2 = [0.05 * (k % 3) for k in range(len(program.parameters))] if 'l2' in more else 0.0
            rates = [0.05, 0.02, 0.01] if more == 'schedule' else [0.05] * 3
            options: dict[str, Any] = {'clip': 0.25 if 'clip' in more else None}
            wanted = stepwise(
                program, ROWS, rates, size, twin, l2 or [0.0] * len(program.parameters), options['clip'],
                Random(5) if 'shuffle' in more else None,
            )  # fmt: skip
            options |= {'l2': l2, 'shuffle': Random(5) if 'shuffle' in more else None, 'optimiser': made}
            found = program.descend(ROWS, rates if more == 'schedule' else 0.05, 3, mode, **options)
            theta = [p.data for p in net.parameters()]
            if backend == 'python':
                assert (found, theta) == wanted and made.memory == twin.memory
            assert found == pytest.approx(wanted[0], rel=1e-11)
            assert theta == pytest.approx(wanted[1], rel=1e-11, abs=1e-12)
            assert len(made.memory) == made.kept and made.steps == twin.steps
            for kept, other in zip(made.memory, twin.memory, strict=True):
                assert kept == pytest.approx(other, rel=1e-10, abs=1e-12)


@every_backend
def test_a_descent_in_pieces_is_a_whole_one(backend: str) -> None:
    for sizes, loops in (SIZES['small'], None), (SIZES['loops'], True):
        whole, parts = (learning(sizes, backend, loops) for _ in range(2))
        one, other = AdamW(), AdamW()
        options: dict[str, Any] = {'l2': 0.01, 'clip': 1.0}
        errors = whole[0].descend(ROWS, [0.1, 0.1, 0.05], 3, 4, optimiser=one, **options)
        found = parts[0].descend(ROWS, 0.1, 2, 4, optimiser=other, **options)
        found += parts[0].descend(ROWS, 0.05, 1, 4, optimiser=other, **options)
        assert found == errors and (one.memory, one.steps) == (other.memory, other.steps)
        assert [p.data for p in whole[1].parameters()] == [p.data for p in parts[1].parameters()]


@every_backend
def test_long_descents_are_done_in_several_calls(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = (learning(SIZES['small'], backend) for _ in range(2))
    errors = whole[0].descend(ROWS, 0.1, 7, 4, optimiser=AdamW())
    monkeypatch.setattr('microgradnet.compiling.program.STEPS', 6)
    assert parts[0].descend(ROWS, 0.1, 7, 4, optimiser=AdamW()) == errors
    assert [p.data for p in whole[1].parameters()] == [p.data for p in parts[1].parameters()]


@every_backend
def test_what_runs_away_changes_neither_parameters_nor_the_optimiser(backend: str) -> None:
    w, x = Value(2.0), Value(0.0)
    program = Program((w * w * w * w) * x, rows=[x], backend=backend)
    ball = Momentum()
    program.descend([[1.0]], 0.001, 2, optimiser=ball)
    before = w.data, ball.memory, ball.steps
    with pytest.raises(ArithmeticError, match='a parameter became'):
        program.descend([[1.0]], 1.0, 30, optimiser=ball)
    assert (w.data, ball.memory, ball.steps) == before and ball.steps == 2


@for_each(
    'numbers',
    [[3.0, 4.0], [0.0, 0.0], [1e200, 1e200], [1e-200, 3e-200], [5e-324, 0.0], [1e308, 1e-308], [inf, 1.0], [nan, 1.0],
     [1.7e308], [1e-160, 1e-150, 1e-155], [2.0**500, 2.0**501]],
    ids=str,
)  # fmt: skip
def test_the_norm_of_squares_is_that_of_any_numbers(numbers: list[float]) -> None:
    from microgradnet.compiling.run.engines import PythonEngine

    sums = PythonEngine(squares()).sums([[x] for x in numbers], ())
    ((length,),) = PythonEngine(norm()).each([sums], ())
    assert length == pytest.approx(hypot(*numbers), rel=1e-15, nan_ok=True)


@every_backend
def test_clipping_where_squares_are_out_of_range(backend: str) -> None:
    for size in 1e200, 1e-200:
        x, ws = Value(0.0), [Value(1.0), Value(1.0)]
        program = Program((ws[0] * 3 + ws[1] * 4) * x, rows=[x], parameters=ws, backend=backend)
        program.descend([[size]], 0.5, clip=size)
        assert [w.data for w in ws] == pytest.approx([1 - 0.3 * size, 1 - 0.4 * size])


@for_each('count', [*range(20), 255, 256, 257, 1000])
def test_rows_are_shuffled_as_python_shuffles(count: int) -> None:
    class Counted(Random):
        def random(self) -> float:
            return super().random()

    for kind in Random, Counted:
        one, other, order = kind(count), kind(count), [*range(count)]
        one.shuffle(order)
        assert shuffled(other, range(count)) == order and one.getstate() == other.getstate()


@every_backend
def test_no_parameter_and_no_step_too_many(backend: str) -> None:
    x = Value(0.0)
    program = Program(x * x, rows=[x], parameters=[], backend=backend)
    assert program.descend([[1.0], [2.0]], 0.1, 2, optimiser=AdamW(), clip=1.0, l2=0.5) == [5.0, 5.0]


def test_descent_refuses_options_that_cannot_be() -> None:
    program, net = learning(SIZES['small'], 'python')
    before = [p.data for p in net.parameters()]
    for options, kind, said in [
        ({'learning_rate': [0.1]}, ValueError, 'the learning rate h must be one number, or 2 of them, not 1'),
        ({'learning_rate': [0.1, 2.0]}, ValueError, 'the learning rate h must be 0 < h <= 1, not 2.0'),
        ({'learning_rate': [0.1, None]}, TypeError, 'the learning rate h, number 1, must be a real number, not None'),
        ({'l2': -1.0}, ValueError, 'l2 must be at least 0, not -1.0'),
        ({'l2': [1.0]}, ValueError, 'l2 must be one number, or 9 of them, not 1'),
        ({'clip': 0.0}, ValueError, 'clip must be more than 0, not 0.0'),
        ({'optimiser': 'adamw'}, TypeError, 'optimiser must be'),
        ({'shuffle': 5}, TypeError, 'shuffle must be a random.Random or None'),
        ({'optimiser': Branching()}, ValueError, 'branches: use where() or max() there'),
        ({'optimiser': Forgetful()}, ValueError, 'must return the new weight and the 1 numbers it remembers'),
    ]:
        with pytest.raises(kind, match=re.escape(said)):
            program.descend(**{'rows': ROWS, 'learning_rate': 0.1, 'epochs': 2, **options})
    momentum = Momentum()
    momentum.memory = [[0.0]]
    with pytest.raises(ValueError, match=r'Momentum\(0\.9\) remembers 1 weights and is given 9: make a new one'):
        program.descend(ROWS, 0.1, optimiser=momentum)
    assert [p.data for p in net.parameters()] == before


class Branching(Rule):
    def rule(self, w: Any, slope: Any, h: Any) -> tuple[Any]:
        return (w - h if slope > 0 else w + h,)


class Forgetful(Rule):
    kept = 1

    def rule(self, w: Any, slope: Any, m: Any, h: Any) -> tuple[Any]:
        return (w - h * (slope + m),)


def test_an_update_is_recorded_once_for_the_same_settings() -> None:
    assert update_of(AdamW()) is update_of(AdamW()) is not update_of(AdamW(0.8))
    assert update_of(AdamW()) is not update_of(AdamW(), clip=1.0)


def test_a_setting_that_is_changed_is_taken_up() -> None:
    class Scaled(Rule):
        def __init__(self, scale: Any) -> None:
            super().__init__()
            self.scale = scale

        def rule(self, w: Any, slope: Any, h: Any) -> tuple[Any]:
            return (w - h * self.scale[0] * slope,)

    w, x = Value(1.0), Value(0.0)
    program = Program(w * x, rows=[x], parameters=[w], backend='python')
    optimiser = Scaled([2.0])
    for scale, wanted in (2.0, 0.0), (4.0, -2.0):
        optimiser.scale[0] = scale
        program.descend([[1.0]], 0.5, optimiser=optimiser)
        assert w.data == wanted


class Halved(Rule):
    share = 1.0

    def rule(self, w: Any, slope: Any, h: Any) -> tuple[Any]:
        return (w - h * self.share * slope,)


class Slower(Rule):
    def rule(self, w: Any, slope: Any, h: Any) -> tuple[Any]:
        return (w - h * slope / (1 + self.steps),)


class Stepping(Momentum):
    def step(self, weights: Any, gradients: Any, h: Any) -> list[Any]:
        return [0.0 for _ in weights]


@every_backend
def test_what_a_rule_reads_beside_its_settings_is_taken_up(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    w, x = Value(1.0), Value(0.0)
    program = Program(w * x, rows=[x], parameters=[w], backend=backend)
    for share, wanted in (1.0, 0.5), (0.5, 0.25), (1.0, -0.25):
        monkeypatch.setattr(Halved, 'share', share)
        program.descend([[1.0]], 0.5, optimiser=Halved())
        assert w.data == wanted


def test_a_rule_that_reads_how_far_it_is_and_a_step_of_its_own_are_refused() -> None:
    w, x = Value(1.0), Value(0.0)
    program = Program(w * x, rows=[x], parameters=[w], backend='python')
    with pytest.raises(ValueError, match=r'Slower.* reads its steps, which other steps change: .* numbers\(\)'):
        program.descend([[1.0]], 0.5, 2, optimiser=Slower())
    with pytest.raises(TypeError, match=r'Momentum\(0\.9\) has a step of its own, which descend does not do'):
        program.descend([[1.0]], 0.5, 2, optimiser=Stepping())
    assert w.data == 1.0
