"""Folded programs at their edges: gates, users' operations, odd outputs, Hessians, pickling."""

from __future__ import annotations

import pickle
from math import cos, sin
from random import Random
from typing import Any

import pytest

from microgradnet import custom
from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.compiling.ir import nests
from microgradnet.compiling.ir import tape as tapes
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.value import Value
from tests.support.backends import ARRAYS, BACKENDS, NATIVE, bits
from tests.support.graphs import grow

every_backend = pytest.mark.parametrize('backend', BACKENDS)
#: Unfolded, some take long to compile for arrays.
SLOW = [pytest.param(*p.values, marks=[*p.marks, pytest.mark.slow]) for p in ARRAYS]
if_slow_every_backend = pytest.mark.parametrize('backend', ['python', *SLOW])
wave = custom(sin, F.cos, name='wave')
#: Two operands, a gradient for each: only Python can compute it.
blend = custom(lambda a, b: a * cos(b), lambda a, b: (F.cos(b), -a * F.sin(b)), name='blend')


def weights(count: int) -> list[Value]:
    return [Value(0.5 + 0.37 * k % 1) for k in range(count)]


def twins(outputs: Any, rows: list[Value], theta: list[Value], **options: Any) -> Any:
    """Compile with loops and without."""
    return [compile(outputs, rows=rows, parameters=theta, loops=loops, **options) for loops in (True, False)]


def same_gradients(y: Value, rows: list[Value], theta: list[Value], table: Any, backend: str) -> None:
    """Compare a folded program's gradient with the straight one's; require that there are loops in both sweeps."""
    folded, straight = twins(y, rows, theta, backend=backend)
    numbers = [p.data for p in theta]
    (value, mine), (expected, theirs) = (program.value_and_gradient(numbers, table) for program in (folded, straight))
    assert value == pytest.approx(expected, rel=1e-12)
    assert [*mine] == pytest.approx([*theirs], rel=1e-11, abs=1e-12 * max(1.0, *map(abs, theirs)))
    assert any(theirs)
    assert len(folded.routine.instructions) < len(straight.routine.instructions) / 2
    assert len(folded._gradient_routine.instructions) < len(straight._gradient_routine.instructions) / 2


# Gates and operations that no table has.


@if_slow_every_backend
def test_where_in_loops(backend: str) -> None:
    x, theta = Value(0.75), weights(50)
    y = x
    for w in theta:
        y = F.where(F.greater(y, w), (y - w).tanh(), y * 0.5 + w.sin())
    same_gradients(y, [x], theta, [[0.75], [-2.0], [5.0]], backend)


@pytest.mark.parametrize('backend', ['python', SLOW[0]])
def test_custom_operations_in_loops(backend: str) -> None:
    x, theta = Value(0.75), weights(50)
    y = x
    for w in theta:
        y = wave(y * w) + blend(w, y)
    same_gradients(y, [x], theta, [[0.75], [-2.0]], backend)
    folded, straight = twins(y, [x], theta, backend=backend)
    assert bits(folded([[0.75], [3.0]])) == bits(straight([[0.75], [3.0]]))


@if_slow_every_backend
def test_second_derivatives_fold(backend: str) -> None:
    x, theta = Value(0.5), weights(40)
    y = x
    for w in theta:
        y = (y * 0.9 + w).sin()
    slopes = gradients(y, [theta[0], theta[20], x])
    hessian = [gradients(slope, [theta[0], theta[20], x]) for slope in slopes]
    folded, straight = twins(hessian, [x], theta, backend=backend)
    for mine, theirs in zip(folded([[0.5], [0.25]]), straight([[0.5], [0.25]])):
        for a, b in zip(mine, theirs):
            assert [*a] == pytest.approx([*b], rel=1e-11, abs=1e-14)
    assert folded([0.5])[0][1] == pytest.approx(folded([0.5])[1][0], rel=1e-9)
    assert len(folded.routine.instructions) < len(straight.routine.instructions) / 2
    same_gradients(slopes[2], [x], theta, [[0.5], [-1.0]], backend)


# Outputs.


@every_backend
def test_outputs_that_are_leaves_constants_and_twice_the_same(backend: str) -> None:
    x, theta = Value(0.75), weights(60)
    many, y = [], x
    for w in theta:
        y = y * w + 1.0
        many.append(y)
    outputs = {'y': y, 'again': [y, (y, x)], 'leaf': theta[3], 'number': 7.0, 'all': [many, theta]}
    folded, straight = twins(outputs, [x, Value(0.0)], theta, backend=backend)
    assert not folded.routine.flat
    assert len(folded.routine.instructions) < 60
    assert bits(folded([0.75, 9.0])) == bits(straight([0.75, 9.0]))
    assert bits(folded([0.75, 9.0])['all']) == bits([[z.data for z in many], [w.data for w in theta]])
    assert bits(folded.sum([[0.75, 1.0], [1.0, 1.0]])) == bits(straight.sum([[0.75, 1.0], [1.0, 1.0]]))


@every_backend
def test_an_output_that_is_a_leaf_or_a_constant_has_a_gradient(backend: str) -> None:
    x, w, unused = Value(0.75), Value(2.0), Value(3.0)
    for y, expected in (w, [2.0, 0.0]), (x, [0.0, 0.0]), (Value(5.0) * 2.0, [0.0, 0.0]), (w * x + w, [5.5, 0.0]):
        program = compile(y, rows=[x], parameters=[w, unused], loops=True, backend=backend)
        value, slopes = program.value_and_gradient([2.0, 3.0], [[2.0], [1.5]])
        wanted = {id(w): 4.0, id(x): 3.5}.get(id(y), 20.0 if y.data == 10.0 else 11.0)
        assert (value, [*slopes]) == (wanted, expected)


@if_slow_every_backend
def test_parameters_that_are_not_used_and_those_used_at_every_turn(backend: str) -> None:
    x, theta = Value(0.75), weights(80)
    y = x
    for w in theta[10:70]:
        y = (y * theta[75] + w).tanh()
    same_gradients(y, [x], theta, [[0.75], [2.0]], backend)
    folded = compile(y, rows=[x], parameters=theta, loops=True, backend=backend)
    slopes = folded.value_and_gradient([p.data for p in theta], [[0.75]])[1]
    assert not any(slopes[:10]) and not any(slopes[70:75]) and not any(slopes[76:])


@every_backend
def test_a_pickled_folded_program_goes_on(backend: str) -> None:
    x, theta = Value(0.75), weights(50)
    y = x
    for w in theta:
        y = (y * w).sin() + w
    program = compile({'y': [y]}, rows=[x], parameters=theta, loops=True, backend=backend)
    rows = [[k / 8] for k in range(-4, 9)]
    for make in (lambda p: None, lambda p: (p(rows), p.backward(rows))):
        make(program)
        twin = pickle.loads(pickle.dumps(program))
        assert not twin.routine.flat
        assert bits(twin(rows[0])) == bits(program(rows[0]))
        assert twin.source == program.source
        assert bits(twin.descend(rows, 0.001, 2)) == bits(pickle.loads(pickle.dumps(program)).descend(rows, 0.001, 2))


@NATIVE
def test_two_threads_do_what_one_does() -> None:
    x, theta = Value(0.75), weights(50)
    y = x
    for w in theta:
        y = (y * w).sin() + w
    one, two = (compile(y, rows=[x], parameters=theta, loops=True, backend='native', threads=n) for n in (1, 2))
    rows = [[k / 800] for k in range(-400, 901)]
    numbers = [p.data for p in theta]
    assert bits(two(rows)) == bits(one(rows))
    (a, mine), (b, theirs) = (program.value_and_gradient(numbers, rows) for program in (two, one))
    assert [a, *mine] == pytest.approx([b, *theirs], rel=1e-12)
    one, two = (pickle.loads(pickle.dumps(program)) for program in (one, two))
    assert two.descend(rows, 0.0001, 3) == pytest.approx(one.descend(rows, 0.0001, 3), rel=1e-9)


# Wrong once.


@every_backend
def test_signals_to_what_no_parameter_is_behind_go_nowhere_else(backend: str) -> None:
    """The last term is the row's: the sums fetch terms of which it has no memory for a signal."""
    x, theta = Value(0.75), weights(40)
    total, partial = theta[0], []
    for term in [*(w.tanh() for w in theta), x.tanh()]:
        total = total + term
        partial.append(total)
    y = F.dot(partial, partial)
    y.backward()
    program = compile(y, rows=[x], parameters=theta, loops=True, backend=backend)
    slopes = program.value_and_gradient([p.data for p in theta], [[0.75]])[1]
    assert [*slopes] == pytest.approx([p.grad for p in theta], rel=1e-12)


@every_backend
def test_a_loop_that_starts_with_a_number_of_the_row_in_another_part(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nests, 'LENGTH', 10)
    x, theta = Value(0.75), weights(60)
    start = x * 0.5
    for f in (F.sin, F.cos, F.tanh, F.exp, F.sin, F.cos, F.tanh):
        start = f(start)
    y = F.sum([start, *theta])
    program = compile(y, rows=[x], parameters=theta, loops=True, backend=backend)
    routine = program._gradient_routine
    sent = [operands for name, operands in routine.instructions if name == 'add_to']
    touched = [operands[1].start for operands in sent if operands[0] == 'signals']
    assert all(place < routine.signals for place in touched)
    assert [*program.value_and_gradient([p.data for p in theta], [[0.75]])[1]] == [1.0] * 60


@every_backend
def test_a_loop_that_no_signal_goes_through(backend: str) -> None:
    x, w = Value(0.75), Value(2.0)
    y = x
    for _ in range(60):
        y = (y * 0.5).sin()
    same_gradients(y * w, [x], [w], [[0.75], [0.5]], backend)


def test_a_carry_of_the_rows_that_starts_with_a_parameter() -> None:
    """No signal goes round the loop, but one comes out of its first turn."""
    x, w = weights(60), Value(1.5)
    state, terms = w * 0.5, []
    for number in x:
        terms.append((state * w).sin())
        state = (number * 1.25).tanh()
    same_gradients(F.sum(terms), x, [w], [[v.data for v in x], [0.5] * 60], 'python')


def test_only_what_repeats_itself_is_folded_by_default() -> None:
    """Straight code is compiled sooner; both ways give the numbers of ``backward``."""
    random, p = Random(4), [Value(k / 10) for k in range(10)]
    chaos, step = [*p], p[0]
    for _ in range(500):
        grow(random, chaos, [lambda a, b, c: a * b, lambda a, b, c: (a - b).tanh(), lambda a, b, c: a.cos()])
        step = (step * p[1] + p[2]).sin()
    for y, loops in (F.sum(chaos), False), (step, True):
        programs = [compile(y, parameters=p, backend='python', loops=choice) for choice in (None, True, False)]
        assert [program.loops for program in programs] == [loops, True, False]
        y.backward()
        wanted = [node.grad for node in p]
        for program in programs:
            assert program.value_and_gradient([node.data for node in p])[1] == pytest.approx(wanted, rel=1e-9)
        for node in p:
            node.grad = 0.0


def test_a_program_of_too_many_operations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, 'MOST', 20)
    x = y = Value(1.0)
    for _ in range(30):
        y = y * x
    with pytest.raises(ValueError, match='fewer than 20 operations'):
        compile(y, rows=[x], backend='python')
