"""``while_loop``: eagerly Python's, compiled one loop, and both say the same of values, gradients and curvatures."""

from __future__ import annotations

import ctypes
import math
import pickle
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from operator import mul
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import (
    Program,
    Value,
    compile,
    custom,
    grad,
    hessian,
    hvp,
    jacobian,
    no_grad,
    recording,
    value_and_grad,
)
from microgradnet import functions as F
from microgradnet.compiling import BranchError
from microgradnet.compiling.readings import ReadingError
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import lift
from microgradnet.engine.while_loop import LimitError
from tests.compiling.test_loops_random import folding
from tests.support import grammar
from tests.support.backends import BACKENDS, NATIVE
from tests.support.examples import UNSHRUNK, every, examples, for_each
from tests.support.grammar import check, flat, points_of, programs, rows_of, uncompiled

while_loop = F.while_loop


def root(a: Any, start: Any = 1.0) -> Any:
    """Newton's iteration for a square root."""
    return while_loop(lambda x: abs(x * x - a) > 1e-9 * a, lambda x: (x + a / x) / 2, start)


def close(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(close, a, b))
    return math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-9) or (a != a and b != b)


def eagerly(f: Callable[..., Any], *numbers: float) -> tuple[float, list[float]]:
    """Return what plain Python and backward make of a function."""
    xs = [Value(x) for x in numbers]
    y = f(*xs)
    lift(y).backward()
    return lift(y).data, [x.grad for x in xs]


def compiled(f: Callable[..., Any], *numbers: float, backend: str = 'python') -> Program:
    xs = [Value(x) for x in numbers]
    with recording():
        y = f(*xs)
    return Program(y, parameters=xs, backend=backend)


# What is one path, whatever the count.
@pytest.mark.parametrize('backend', BACKENDS)
def test_a_compiled_function_has_one_path_whatever_the_count(backend: str) -> None:
    f, slope = compile(root, backend=backend), compile(grad(root), backend=backend)
    numbers = [10.0**k for k in range(-12, 13)]
    assert close(f.map(numbers), [math.sqrt(x) for x in numbers])
    assert close(slope.map(numbers), [eagerly(root, x)[1][0] for x in numbers])
    assert len(f.paths) == len(slope.paths) == 1


def test_condition_and_body_are_recorded_once_for_each_of_their_ways() -> None:
    asked, done = [], []

    def condition(x: Any) -> Any:
        asked.append(x)
        return x < 100.0

    def body(x: Any) -> Any:
        done.append(x)
        return x * 1.01

    lengths = []
    for start in (99.5, 1.0):
        asked.clear(), done.clear()
        with recording():
            y = while_loop(condition, body, Value(start))
        lengths.append(len(Program(y).source.splitlines()))
        numbers = [x for x in done if x.op is None and x.born == 0]
        assert len(numbers) == len(done)
    assert lengths[0] == lengths[1]


def test_instructions_do_not_grow_with_the_turns() -> None:
    few, many = compiled(lambda x: root(x), 1.5), compiled(lambda x: root(x), 1e300)
    assert str(few.routine).split('at /')[0] == str(many.routine).split('at /')[0]


# Values, gradients and curvatures: random programs, of which what is no loop does not branch.
ONE_PATH = 'assign', 'for', 'while', 'where', 'while'
AT_ZEROS = (*ONE_PATH, 'assign', 'nothing', 'nothing')


@pytest.mark.parametrize('backend', every(3, BACKENDS))
@examples(16, phases=UNSHRUNK)
@given(programs(*ONE_PATH, compared='uvwpq'), st.integers(0, 99))
def test_random_programs_are_as_eager_on_one_path(backend: str, f: grammar.Program, seed: int) -> None:
    points = points_of(seed, 11)
    for one in f, grad(f):
        assert len(check(one, points, backend, f).paths) == 1
    check(hvp(f), points[:2], backend, f, [1.0, -0.5, 0.25])


@pytest.mark.parametrize('is_while', [True, False])
def test_second_order_where_a_signal_is_0(is_while: bool) -> None:
    def f(x: Any) -> Any:
        p, q = x
        if is_while:
            _, p, q = while_loop(lambda n, p, q: n < 4, lambda n, p, q: (n + 1, p, q), 0, p, q)
        for _ in range(0 if is_while else 9):
            p, q = F.where(F.greater(p, 5.0), p, p * 1.0), F.where(F.greater(p, 5.0), q, q + 0.0)
        return F.where(F.greater(x[0], 1.0), p, p * q)

    wanted, x = [[0.0, 1.0], [1.0, 0.0]], [Value(0.0), Value(0.25)]
    assert hessian(f)([0.0, 0.25]) == wanted
    with recording(), folding():
        program = Program(f(x), parameters=x, backend='python', loops=True)
        assert [[*row] for row in program.hessian([0.0, 0.25])] == wanted
    assert program.loops != is_while


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('way', every(3, ['carries', 'memory', 'while', 'inside']))
def test_a_signal_of_0_that_has_come_is_a_signal(way: str, backend: str) -> None:
    """The derivative of sqrt(x) * sqrt(x) at 0 is a nan, each signal being 0, and no number for that."""

    def f(x: Any) -> Any:
        def turn(n: Any, p: Any, q: Any) -> Any:
            return n + 1, F.where(F.less(x, 5.0), p * 1.0, 0.5), F.where(F.less(x, 5.0), q + 0.0, 0.5)

        def turns(n: Any, p: Any, q: Any) -> Any:
            return n + 1, *while_loop(lambda n, p, q: n < 4, turn, 0, p, q)[1:]

        p, q, ps, total = F.sqrt(x), F.sqrt(x), [], 0.0 * x
        if not folds:
            _, p, q = while_loop(lambda n, p, q: n < 2, turn if way == 'while' else turns, 0, p, q)
        for _ in range(9 * folds):
            _, p, q = turn(0, p, q)
            ps.append(F.sqrt(q * 1.0))
        for r in ps * (way == 'memory'):
            total = total + F.where(F.less(x, 1.0), r * r, 1.0)
        return F.where(F.less(x, 1.0), p * q if way != 'memory' else total, x)

    folds = way in ('carries', 'memory')
    assert math.isnan(grad(f)(0.0)) and math.isnan(grad(grad(f))(0.0))
    x = Value(0.0)
    with recording(), folding():
        program = Program(f(x), parameters=[x], backend=backend, loops=folds or None)
    assert program.loops == folds
    assert math.isnan(program.value_and_gradient([0.0])[1][0]) and math.isnan(program.hessian([0.0])[0][0])
    assert close(program.value_and_gradient([0.25])[1][0], grad(f)(0.25))


def test_a_direction_that_has_come_to_0_is_one() -> None:
    """Along u the state p moves by u * v, a 0: what it meets later is infinite, and the product a nan."""

    def f(x: Any) -> Any:
        u, v = x
        _, p = while_loop(lambda n, p: n < 2, lambda n, p: (n + 1, F.sqrt(p * u)), 0, u * v)
        return p

    assert math.isnan(hvp(f)([0.0, 2.0], [0.0, 1.0])[1])
    assert math.isnan(compile(hvp(f), backend='python')([0.0, 2.0], [0.0, 1.0])[1])


def at_zeros(f: grammar.Program, rows: list[list[float]], loops: bool | None, backend: str) -> None:
    """Compare derivatives with eager ones where signals are 0: one that has come is no signal that has not."""
    v = [1.0, -0.5, 0.25]
    for row in rows:
        xs = [*map(Value, row)]
        with ieee_arithmetic(), recording():
            y = lift(f(xs))
        if y.data != y.data:
            continue
        with folding() if loops else nullcontext():
            program = Program(y, parameters=xs, backend=backend, loops=loops)
            found = [*program.value_and_gradient(row)[1], *flat(program.hessian(row)), *program.hvp(row, v)]
        slopes, second = uncompiled(grad(f), row), uncompiled(hessian(f), row)
        along = [sum(map(mul, second[k : k + 3], v)) for k in range(0, 9, 3)]
        for a, b in zip(found, [*slopes, *second, *along], strict=True):
            assert close(a, b), (f, row, found)


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('loops', [None, True])
def test_derivatives_of_random_programs_where_signals_are_0(loops: bool | None, backend: str) -> None:
    for seed in range(15 if backend == 'python' else 4):
        rows = [*rows_of(seed, 5)[:3], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, -0.0, -0.5]]
        for statements in AT_ZEROS, ('assign', 'for', 'where', 'where', 'nothing'):
            at_zeros(grammar.program(seed, *statements, compared='uvwpq'), rows, loops, backend)


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(12))
def test_third_derivatives_of_random_programs_where_signals_are_0(seed: int) -> None:
    for statements in AT_ZEROS, ('assign', 'for', 'where', 'where', 'nothing'):
        f = grammar.program(seed, *statements, compared='uvwpq')
        third = jacobian(hessian(f))
        for row in [*rows_of(seed, 4)[:2], [0.0, 1.0, 0.0]]:
            with ieee_arithmetic():
                value = lift(f([*map(Value, row)])).data
            if value == value:
                wanted, found = uncompiled(third, row), flat(compile(third, backend='python')(row))
                assert close(found, wanted), (f, row, found)


@pytest.mark.parametrize('loops', [False, True])
def test_a_nan_in_a_branch_that_is_not_taken_is_no_signal(loops: bool) -> None:
    def f(x: Any) -> Any:
        u, w = x
        p = F.where(w, u, u / w)
        for _ in range(3):
            p = F.where(F.greater(p, 0.0), F.log(p) + u, F.sqrt(p) * w)
        return F.where(F.greater(u, w), p, F.relu(u)) + u

    xs = [Value(0.0), Value(0.0)]
    with ieee_arithmetic(), folding():
        y = f(xs)
        program = Program(y, parameters=xs, backend='python', loops=loops)
    assert program.loops == loops
    assert program.value_and_gradient([0.0, 0.0]) == (0.0, [1.0, 0.0])


def test_a_condition_that_is_nan_makes_nan_whatever_register_it_is_in() -> None:
    """Of two gates one is asked for its side alone, a 1: that is no register, least of all that of the condition."""
    a, b, c, d = map(Value, (2.0, 3.0, math.nan, 1.0))
    y = F.where(d, F.where(c, b * c, a), d * 1.0)
    y.backward()
    found = Program(y, parameters=[a, b, c, d], backend='python').value_and_gradient([2.0, 3.0, math.nan, 1.0])
    assert close([*found[1]], [x.grad for x in (a, b, c, d)])


# Shapes, limits and refusals.
@pytest.mark.parametrize('backend', BACKENDS)
def test_structures_are_state(backend: str) -> None:
    def fall(v: Any, drag: Any) -> Any:
        def step(s: Any, log: Any) -> Any:
            y, w = s['at']
            return {'at': (y + w * s['h'], w - (9.81 + drag * w * abs(w)) * s['h']), 'h': s['h']}, [log[0] + 1, log[1]]

        state = {'at': (10.0, v), 'h': 0.01}
        s, log = while_loop(lambda s, log: s['at'][0] > 0, step, state, [0, 7.0])
        return {'speed': s['at'][1], 'steps': log}

    f = compile(fall, backend=backend)
    plain = fall(3.0, 0.1)
    assert close(f(3.0, 0.1)['speed'], plain['speed']) and f(3.0, 0.1)['steps'] == [*map(float, plain['steps'])]
    slope = compile(value_and_grad(lambda v, d: fall(v, d)['speed'], (0, 1)), backend=backend)
    value, gradient = eagerly(lambda v, d: fall(v, d)['speed'], 3.0, 0.1)
    assert close(slope(3.0, 0.1), (value, tuple(gradient)))


@for_each(
    ('state', 'body', 'said'),
    [
        (([1.0, 2.0],), lambda s: s[:1], r'state 0 .* was a list of 2, and the body made a list of 1'),
        ((1.0, {'a': 2.0}), lambda x, s: (x, {'b': 2.0}), r"a dict with 'a', and the body made a dict with 'b'"),
        (({'a': [1.0]},), lambda s: {'a': 1.0}, r"state 0\['a'\] .* was a list of 1, and the body made 1.0"),
        ((1.0, 2.0), lambda x, y: x, 'must return a tuple of 2'),
        ((1.0, 2.0), lambda x, y: (x, y, x), 'must return a tuple of 2, .* not 3 things'),
        (('a',), lambda s: s, 'state 0 of while_loop must be a number'),
        ((), lambda: None, 'wants a state'),
    ],
)
@for_each('recorded', [False, True])
def test_a_shape_that_changes_is_refused_by_name(state: Any, body: Any, said: str, recorded: bool) -> None:
    def f(y: Any) -> Any:
        return while_loop(lambda *s: y > 0, body, *state, limit=3)

    with pytest.raises(TypeError, match=said):
        compile(f, backend='python')(1.0) if recorded else f(1.0)


def growing(x: Any, by: Any = 2.0) -> Any:
    return while_loop(lambda x: x < 100.0, lambda x: x * by, x, limit=20)


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_limit_that_is_reached_names_loop_limit_and_row(backend: str) -> None:
    with pytest.raises(RuntimeError, match=r'while_loop at .*py, line \d+, in growing goes on after 20'):
        growing(1e-9)
    rows = [[1.0]] * 13 + [[1e-9]] + [[3.0]] * 5
    x, w = Value(1.0), Value(2.0)
    with recording():
        y = growing(x, w)
    program = Program(y, rows=[x], parameters=[w], backend=backend)
    for run in (program, program.sum, program.backward, lambda rows: program.value_and_gradient([2.0], rows)):
        with pytest.raises(LimitError, match=r'row 13: while_loop at .* goes on after 20 turns, its limit') as caught:
            run(rows)
        assert caught.value.row == 13
    for _ in range(20):  # no short way keeps silent
        assert program(rows[:13])[0] == 128.0
    with pytest.raises(LimitError):
        program(rows)
    with pytest.raises(LimitError):
        program.descend(rows, 0.1)
    f = compile(growing, backend=backend)
    assert f.map([1.0] * 30)[-1] == 128.0
    with pytest.raises(LimitError, match='row 4'):
        f.map([1.0, 2.0, 3.0, 50.0, 1e-9, 1.0])
    with pytest.raises(LimitError, match='row 0'):
        compile(growing, backend=backend).map([1e-9, 1.0])


@pytest.mark.parametrize('backend', BACKENDS)
def test_exactly_as_many_turns_as_the_limit_are_no_error(backend: str) -> None:
    def f(x: Any) -> Any:
        return while_loop(lambda n, x: n < 5, lambda n, x: (n + 1, x * 2), 0, x, limit=5)[1]

    assert compile(f, backend=backend)(1.0) == f(1.0) == 32.0


def test_a_body_that_branches_is_refused_with_its_line() -> None:
    def body(x: Any) -> Any:
        if x > 1.0:
            return x / 2
        return x - 1.0

    f = compile(lambda x: while_loop(lambda x: x > 0.1, body, x), backend='python')
    with pytest.raises(BranchError, match=r'the body of the while_loop at .* branches on its state, at .*if x > 1.0'):
        f(3.0)
    assert while_loop(lambda x: x > 0.1, body, Value(3.0)).data == -0.25


def test_what_a_body_compares_of_outside_is_a_path() -> None:
    def f(a: Any) -> Any:
        return while_loop(lambda x: x < 10.0, lambda x: x + 1.0 if a > 0 else x + 3.0, a)

    g = compile(f, backend='python')
    assert (g(0.5), g(-0.5), g(2.5), len(g.paths)) == (f(0.5), f(-0.5), f(2.5), 2)


def test_a_condition_that_never_changes_is_refused() -> None:
    with pytest.raises(ValueError, match='always holds, whatever the state is'):
        compile(lambda x: while_loop(lambda x: True, lambda x: x + 1.0, x, limit=3), backend='python')(1.0)


def test_a_condition_that_never_holds_leaves_the_state() -> None:
    f = compile(lambda x: while_loop(lambda x: False, lambda x: x + 1.0, x), backend='python')
    assert f(3.0) == 3.0


CONDITIONS: dict[str, tuple[Callable[..., Any], int, list[str]]] = {
    'one': (lambda x, y: x < 9.0, 2, ['lt']),
    'and': (lambda x, y: x < 9.0 and y < 5.0, 3, ['lt', 'lt', 'both']),
    'or': (lambda x, y: x < 9.0 or y < 5.0, 3, ['lt', 'lt', 'either']),
    'chained': (lambda x, y: -1.0 < x < 9.0 and y < 5.0, 4, ['gt', 'lt', 'lt', 'both', 'both']),
    'a number': (lambda x, y: F.less(x, 9.0) * (y < 5.0), 2, []),
    'not': (lambda x, y: not (x >= 9.0), 2, ['ge', 'select', 'ne']),
}


@pytest.mark.parametrize('name', CONDITIONS)
def test_a_condition_is_asked_once_for_each_way_and_printed_as_comparisons(name: str) -> None:
    condition, ways, wanted = CONDITIONS[name]
    asked: list[Any] = []

    def noted(x: Any, y: Any) -> Any:
        asked.append(x)
        return condition(x, y)

    def f(x: Any) -> Any:
        return while_loop(noted, lambda x, y: (x + 1.0, y + x), x, 0.0)[1]

    program = compiled(f, 2.5)
    assert len({*asked}) == len(asked) - ways + 1  # a way asks of the same state, a turn that is done of its own
    test = program.routine.inner[0].condition
    made = [test.instructions[place].name for place in test.blocks[0] if isinstance(place, int)]
    assert not wanted or sorted(name for name in made if name not in ('parameter', 'output')) == sorted(wanted)
    for x in (-3.5, 0.0, 2.5, 8.0, 20.0):
        assert program.value_and_gradient([x])[0] == eagerly(f, x)[0]


def test_too_many_ways_through_a_condition_are_refused_with_its_line() -> None:
    def f(x: Any) -> Any:
        return while_loop(lambda x: sum(x > k for k in range(7)) > 3, lambda x: x - 1.0, x)

    def halved(x: Any) -> bool:
        while x > 1.0:
            x = x / 2.0
        return bool(x > 0.0)

    for g in f, lambda x: while_loop(halved, lambda x: x - 1.0, x):
        with pytest.raises(BranchError, match=r'more than 100 ways lead through the condition of the while_loop at '):
            compile(g, backend='python')(5.0)


def test_a_condition_that_compares_something_else_each_time_is_refused() -> None:
    turns: list[int] = []

    def condition(x: Any) -> Any:
        turns.append(1)
        return x < 3.0 if len(turns) % 2 else x > 1.0

    with pytest.raises(BranchError, match=r'the condition of the while_loop at .* changes between calls'):
        compile(lambda x: while_loop(condition, lambda x: x + 1.0, x), backend='python')(1.0)


def test_data_read_in_a_loop_is_refused() -> None:
    with pytest.raises(ReadingError):
        compile(lambda x: while_loop(lambda x: x < 3.0, lambda x: x + x.data, x), backend='python')(1.0)


def test_eager_signals_do_not_pass_a_loop_that_was_recorded_as_one() -> None:
    x = Value(2.0)
    with recording():
        y = root(x)
    with pytest.raises(TypeError, match='no signal passes through its node'):
        y.backward()
    assert x.grad == 0.0


# Edges: nan, no turn, branches of where.
@pytest.mark.parametrize('backend', BACKENDS)
def test_nan_in_a_comparison_is_false_and_ends_the_loop(backend: str) -> None:
    f = compile(lambda x: while_loop(lambda x: x < 10.0, lambda x: x * x, x), backend=backend)
    assert close(f.map([math.nan, 3.0, math.inf, -math.inf]), [math.nan, 81.0, math.inf, math.inf])
    unless = compile(lambda x: while_loop(lambda x: not (x >= 10.0), lambda x: x + 4.0, x), backend=backend)
    assert unless.map([1.0, 9.0, 50.0]) == [13.0, 13.0, 50.0]
    by_number = compile(lambda x: while_loop(lambda x: F.greater(x, 1.0), lambda x: x - 1.5, x), backend=backend)
    assert close(by_number.map([5.0, math.nan, 0.5]), [0.5, math.nan, 0.5])


@pytest.mark.parametrize('backend', BACKENDS)
def test_no_infinite_partial_leaks_where_no_signal_came(backend: str) -> None:
    def f(x: Any, y: Any) -> Any:
        """With no turn neither log(y) nor sqrt(t) matters, and of the state t nothing is asked for."""
        outside = F.log(y)
        return while_loop(lambda x, t: x < 1.0, lambda x, t: (x + 1.0 + outside, F.sqrt(t)), x, y * 1.0)[0]

    slope = compile(grad(f, (0, 1)), backend=backend)
    points = [[2.0, 0.0], [0.5, 1.0], [3.0, 0.0], [0.25, 2.0], [0.5, 1.0]]
    found = slope.map(*map(list, zip(*points)))
    for (x, y), (dx, dy) in zip(points, found):
        if x > 1:
            assert (dx, dy) == (1.0, 0.0)
        else:
            assert close([dx, dy], eagerly(f, x, y)[1])


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_loop_in_a_branch_of_where_runs_only_where_it_is_chosen(backend: str) -> None:
    """Newton's iteration for the root of a negative number never ends."""

    def f(x: Any) -> Any:
        return F.where(F.greater(x, 0.0), lambda: root(x), lambda: while_loop(lambda z: z < 0, lambda z: z + 1.0, x))

    g, slope = compile(f, backend=backend), compile(grad(f), backend=backend)
    numbers = [4.0, -2.5, 9.0, -7.25, 0.0, 2.0, -1.0, 16.0, 1e-3]
    assert close(g.map(numbers), [lift(f(Value(x))).data for x in numbers])
    assert close(slope.map(numbers), [eagerly(f, x)[1][0] for x in numbers])
    assert len(g.paths) == 1


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_loop_behind_a_branch_runs_only_for_rows_that_take_it(backend: str) -> None:
    """Several paths are one program, which computes all of them."""

    def f(x: Any) -> Any:
        if x > 0.0:
            y = root(x)
            return while_loop(lambda z: z < 8.0, lambda z: z * y, y) if y > 1.5 else y
        return while_loop(lambda z: z < 0, lambda z: z + 1.0, x)

    g, slope = compile(f, backend=backend), compile(grad(f), backend=backend)
    numbers = [4.0, -2.5, 9.0, -7.25, 0.0, 2.0, -1.0, 16.0, 1e-3, 1e-12, -40.0, 100.0] * 3
    assert close(g.map(numbers), [lift(f(Value(x))).data for x in numbers])
    assert close(slope.map(numbers), [eagerly(f, x)[1][0] for x in numbers])
    assert len(g.paths) == 3


@pytest.mark.parametrize('backend', BACKENDS)
def test_the_same_loop_twice_keeps_its_states_twice(backend: str) -> None:
    def f(x: Any) -> Any:
        return root(x) * 3.0 + F.sin(root(x)) * root(x * 2.0)

    assert close(compile(grad(f), backend=backend).map([2.0, 5.0]), [eagerly(f, x)[1][0] for x in (2.0, 5.0)])


@pytest.mark.parametrize('backend', BACKENDS)
def test_an_inner_loop_does_not_run_for_a_row_that_is_done(backend: str) -> None:
    """What a done row's state holds would keep the inner loop running for ever."""

    def f(x: Any) -> Any:
        def body(x: Any) -> Any:
            return while_loop(lambda y: abs(y - 1.0) > 0.5, lambda y: y + F.sign(1.0 - y) * 0.25, x) - 3.0 * F.step(x)

        return while_loop(lambda x: x > 0.0, body, x)

    numbers = [5.0, -3.0, 0.75, -1e300, 40.0]
    assert close(compile(f, backend=backend).map(numbers), [f(x) for x in numbers])


@pytest.mark.parametrize('backend', ['python', 'numpy'])
def test_operations_of_ones_own_in_a_loop(backend: str) -> None:
    half = custom(lambda x: x / 2, lambda x: 0.5, name='half')
    f = compile(lambda x: while_loop(lambda x: x > 1.0, lambda x: half(x), x), backend=backend)
    assert f.map([9.0, 1.0, 3.0]) == [0.5625, 1.0, 0.75]
    assert compile(lambda x: while_loop(lambda x: x > 1.0, lambda x: half(x), x))(9.0) == 0.5625  # no machine code
    slope = compile(grad(lambda x: while_loop(lambda x: x > 1.0, lambda x: half(x), x)), backend=backend)
    assert slope(9.0) == 1 / 16


@pytest.mark.parametrize('backend', BACKENDS)
def test_third_derivatives(backend: str) -> None:
    third = compile(grad(grad(grad(root))), backend=backend)
    assert abs(third(2.0) - 3 / 8 * 2**-2.5) < 1e-6
    assert close(compile(hessian(root), backend=backend)(2.0), grad(grad(root))(2.0))


# C.
@pytest.fixture(scope='module')
def compiler() -> str:
    found = shutil.which('gcc') or shutil.which('cc')
    if not found:
        pytest.skip('there is no C compiler')
    return found


def built(program: Program, compiler: str, folder: Path, more: str = '') -> ctypes.CDLL:
    source, library = folder / 'f.c', folder / 'f.so'
    source.write_text(program.to_c('f').replace('#include <stdlib.h>', f'#include <stdlib.h>\n{more}'))
    flags = ['-std=c99', '-pedantic', '-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', '-ffp-contract=off']
    subprocess.run([compiler, *flags, '-o', str(library), str(source), '-lm'], check=True)
    made = ctypes.CDLL(str(library))
    made.f_gradient.restype = ctypes.c_double
    return made


def in_c(library: ctypes.CDLL, numbers: Sequence[float]) -> tuple[float, list[float], float]:
    array = ctypes.c_double * len(numbers)
    gradient, output = array(), (ctypes.c_double * 1)()
    value = library.f_gradient((ctypes.c_double * 1)(), array(*numbers), gradient)
    library.f((ctypes.c_double * 1)(), array(*numbers), output)
    return value, [*gradient], output[0]


@pytest.mark.parametrize('seed', range(3))
def test_c_is_as_eager(seed: int, compiler: str, tmp_path: Path) -> None:
    f, numbers = grammar.program(seed, *ONE_PATH, compared='uvwpq'), [0.3, -1.2, 0.7]

    def made(*xs: Any) -> Any:
        return f([*xs])

    library = built(compiled(made, *numbers), compiler, tmp_path)
    for point in (numbers, [1.5, 0.2, -0.9], [-1.9, 1.9, 0.0]):
        value, gradient = eagerly(made, *point)
        assert close(in_c(library, point), (value, gradient, value))


def test_c_gives_nan_where_the_limit_is_reached(compiler: str, tmp_path: Path) -> None:
    program = compiled(lambda x: F.where(F.greater(growing(x), 0.0), x, x), 1.0)
    library = built(program, compiler, tmp_path)
    assert in_c(library, [1.0]) == (1.0, [1.0], 1.0)
    value, gradient, output = in_c(library, [1e-9])
    assert value != value and gradient[0] != gradient[0] and output != output
    assert 'makes all outputs nan' in program.to_c()


def test_c_gives_nan_where_there_is_no_memory(compiler: str, tmp_path: Path) -> None:
    library = built(compiled(root, 2.0), compiler, tmp_path, '#define realloc(p, n) ((void)sizeof(n), (void *)0)')
    value, gradient, output = in_c(library, [2.0])
    assert value != value and gradient[0] != gradient[0]
    assert output == root(2.0)  # which keeps nothing


# Elsewhere.
@pytest.mark.parametrize('backend', BACKENDS)
def test_a_program_travels(backend: str) -> None:
    program = pickle.loads(pickle.dumps(compiled(growing, 1.0, backend=backend)))
    value, gradient = program.value_and_gradient([1.5])
    assert (value, [*gradient]) == (192.0, [128.0])
    assert [*program.hvp([1.5], [1.0])] == [0.0]
    with pytest.raises(LimitError) as caught:
        program.value_and_gradient([1e-9])
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@NATIVE
@pytest.mark.parametrize('lanes', [1, 2, 3, 8, 9, 40])
def test_threads_and_lanes_change_no_value(lanes: int) -> None:
    numbers = [0.5 + k for k in range(lanes)]
    one, two = compile(growing, backend='native'), compile(growing, backend='native', threads=2)
    assert one.map(numbers) == two.map(numbers) == [growing(x) for x in numbers]


def test_what_has_no_way_to_say_that_a_loop_failed_refuses_it() -> None:
    program = compiled(growing, 1.0)
    with pytest.raises(TypeError, match='JavaScript cannot print a while_loop'):
        program.to_js()


def test_without_recording_each_turn_is_recorded() -> None:
    x = Value(1.0)
    with no_grad():
        assert while_loop(lambda x: x < 5.0, lambda x: x * 2, x).inputs == ()
    y = while_loop(lambda x: x < 5.0, lambda x: x * 2, x)
    assert (y.data, y.op and y.op.name) == (8.0, 'mul')


@pytest.mark.parametrize('backend', BACKENDS)
def test_arrays_are_state(backend: str) -> None:
    numpy = pytest.importorskip('numpy')

    def f(v: Any) -> Any:
        def body(v: Any) -> Any:
            return numpy.array([[0.5, 0.2], [-0.1, 0.6]]) @ v

        return while_loop(lambda v: F.sum([*(v * v)]) > 0.1, body, v)

    found = compile(f, backend=backend)(numpy.array([3.0, -4.0]))
    assert numpy.allclose(found, f(numpy.array([3.0, -4.0])), rtol=1e-12)
    slope = compile(grad(lambda v: f(v)[0]), backend=backend)(numpy.array([3.0, -4.0]))
    assert numpy.allclose(slope, grad(lambda v: f(v)[0])(numpy.array([3.0, -4.0])), rtol=1e-12)


@pytest.mark.parametrize('backend', BACKENDS)
def test_gradient_descent_goes_through_loops(backend: str) -> None:
    """The square root of w times x shall be t: w is learnt to be 2."""
    x, t, w = Value(1.0), Value(1.0), Value(1.0)
    with recording():
        error = (root(w * x) - t) ** 2
    program = Program(error, rows=[x, t], parameters=[w], backend=backend)
    rows = [[k / 4, math.sqrt(k / 2)] for k in range(1, 12)]
    errors = program.descend(rows, 0.1, epochs=60)
    assert errors[-1] < 1e-9 < errors[0]
    assert abs(w.data - 2.0) < 1e-4
    assert len(program.descend(rows, 0.1, epochs=2, mode=4)) == 2


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
def test_a_long_program_with_a_loop_in_it_is_as_eager(backend: str) -> None:
    """It is not folded; in machine code its parts hand on what others need."""

    def f(x: Any, y: Any) -> Any:
        total = x
        for k in range(60):
            start = F.sigmoid(total) + 0.1
            total = F.sin(total * 0.7 + y) + while_loop(lambda z: z < 1.0, lambda z: z * 2.0 + y, start)
            for _ in range(12):
                total = F.tanh(total + x * (k % 3)) * 1.1
        return total

    value, gradient = eagerly(f, 0.3, 0.2)
    program = compiled(f, 0.3, 0.2, backend=backend)
    found, slopes = program.value_and_gradient([0.3, 0.2])
    assert close(found, value) and close([*slopes], gradient)
    assert not program.loops
    assert program.source.count('def loop') <= 1


SMALL: dict[str, Callable[[Any], Any]] = {
    'a state that begins with a constant is divided by': lambda x: while_loop(
        lambda n, s: n < 3,
        lambda n, s: (n + 1, F.where(F.greater(n, 0.5), lambda: s / n, lambda: s * 2)), 0, x)[1],
    'an infinite partial at the first turn': lambda x: while_loop(
        lambda n, s: n < 3, lambda n, s: (n + 1, s + F.sqrt(n) * x), 0, x)[1],
    'states change places': lambda x: F.sum([*while_loop(
        lambda a, b, n: n < 5, lambda a, b, n: (b * x, a + 1, n + 1), x, x * x, 0)]),
    'one loop reads what another one made': lambda x: while_loop(
        lambda b: b < root(x) * 3, lambda b: b * root(x + 2), 0.5 + 0 * x),
    'a loop in a condition': lambda x: while_loop(
        lambda a: while_loop(lambda z: z < 1, lambda z: z * 3, a) < 2.5, lambda a: a * 1.3, x),
    'no turn at all': lambda x: while_loop(lambda a: a < 0.5, lambda a: a + F.log(x), 1.0) + x,
    'a tie': lambda x: while_loop(lambda n, a: n < 3, lambda n, a: (n + 1, F.max(a, x) + F.relu(a - x)), 0, x)[1],
    'a result that nobody asks for': lambda x: while_loop(
        lambda n, a, b: n < 3, lambda n, a, b: (n + 1, a * b, F.sin(a) + x), 0, x, x * 2)[2],
}  # fmt: skip


@pytest.mark.parametrize('backend', BACKENDS)
@for_each('name', SMALL)
def test_small_loops_are_as_eager(name: str, backend: str) -> None:
    f = SMALL[name]
    value, slope = compile(f, backend=backend), compile(grad(f), backend=backend)
    for x in (0.7, 2.0):
        expected = eagerly(f, x)
        assert close((value(x), [slope(x)]), expected)
    assert close(compile(grad(grad(f)), backend=backend)(0.7), grad(grad(f))(0.7))


def test_a_condition_that_is_nan_ends_a_loop_of_floats_too() -> None:
    def f(x: Any) -> Any:
        return F.while_loop(lambda n: F.less(n, x), lambda n: n + 1.0, 0.0, limit=5)

    assert f(math.nan) == f(Value(math.nan)) == compile(f, backend='python')(math.nan) == 0.0
    assert f(2.5) == 3.0
