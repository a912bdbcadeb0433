"""With less memory the backward sweep computes again what it asks for: the same bits, at most so many numbers kept."""

from __future__ import annotations

import math
import pickle
import re
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given

from microgradnet import custom
from microgradnet import functions as F
from microgradnet.compiling import Program, compile, recording
from microgradnet.compiling.ir.routine import Loop
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value, lift
from microgradnet.engine.while_loop import LimitError
from tests.compiling.test_loops_random import GIVEN, Case, folding
from tests.support import grammar
from tests.support.backends import BACKENDS, bits
from tests.support.examples import every, examples
from tests.support.grammar import flat

Recorded = tuple[Value, list[Value]]


def least(program: Callable[..., Program]) -> int:
    """Return the least memory a program can have, as the refusal of none says."""
    with pytest.raises(ValueError, match='too little') as refused:
        _ = program(memory=0).memory
    found = re.search(r': (\d+) numbers of each row', str(refused.value))
    assert found
    return int(found[1])


def check(record: Callable[[], Recorded], backend: str = 'python') -> tuple[int, int]:
    """Compare a program with those of less memory, down to the least; return how much it has and the least."""
    error, parameters = record()

    def program(**options: Any) -> Program:
        return compile(error, parameters=parameters, loops=True, backend=backend, **options)

    theta = [p.data for p in parameters]
    whole = program()
    expected = whole.value_and_gradient(theta)
    fewest = least(program)
    for memory in (fewest, (fewest + whole.memory) // 2, whole.memory):
        less = program(memory=memory)
        assert less.memory <= memory
        found = less.value_and_gradient(theta)
        if backend == 'python':
            assert bits([found]) == bits([expected])
        else:
            assert found[0] == pytest.approx(expected[0], rel=1e-13)
            assert [*found[1]] == pytest.approx([*expected[1]], rel=1e-11)
    return whole.memory, fewest


def runge_kutta(turns: int) -> Callable[[], Recorded]:
    def slopes(x: Any, y: Any, p: Sequence[Any]) -> tuple[Any, Any]:
        return x * (p[0] - p[1] * y), y * (p[3] * x - p[2])

    def record() -> Recorded:
        p = [*map(Value, (1.1, 0.4, 0.4, 0.1, 10.0, 5.0))]
        x, y = p[4:]
        h = 0.001
        for _ in range(turns):
            k1 = slopes(x, y, p)
            k2 = slopes(x + h / 2 * k1[0], y + h / 2 * k1[1], p)
            k3 = slopes(x + h / 2 * k2[0], y + h / 2 * k2[1], p)
            k4 = slopes(x + h * k3[0], y + h * k3[1], p)
            x = x + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
            y = y + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
        return x * x + y, p

    return record


def scaled(width: int, turns: int = 100) -> Callable[[], Recorded]:
    """A layer, a chain from it, each neuron times the chain's end, and a layer: loops that are as long."""

    def record() -> Recorded:
        p = [Value(0.01 * k - 0.3) for k in range(18 * width + 2)]
        left = iter(p)

        def taken(count: int) -> list[Value]:
            return [next(left) for _ in range(count)]

        inputs = taken(6)
        neurons = [F.sin(F.dot(taken(6), inputs)) for _ in range(width)]
        y = F.dot(neurons, taken(width))
        a, b = taken(2)
        for _ in range(turns):
            y = y + 0.1 * F.sin(a * y) * b
        neurons = [y * neuron for neuron in neurons]
        outputs = [F.sin(F.dot(taken(width), neurons)) for _ in range(10)]
        return F.dot(outputs, outputs), p

    return record


def delayed(by: int) -> Callable[[], Recorded]:
    """Each turn looks back several turns."""

    def record() -> Recorded:
        a, b = Value(0.3), Value(0.7)
        past = [a + 0.01 * k for k in range(by)]
        for _ in range(200):
            past.append(F.sin(a * past[-1] + b * past[-by]) * F.exp(0.1 * past[-1]))
        return past[-1], [a, b]

    return record


def field(cells: int, turns: int) -> Callable[[], Recorded]:
    """Each turn computes all cells of a field, of the turn before."""

    def record() -> Recorded:
        a = Value(0.3)
        u = [F.sin(a + 0.1 * k) for k in range(cells)]
        for _ in range(turns):
            u = [u[0], *(u[k] + 0.1 * F.tanh(u[k - 1] - a * u[k] * u[k + 1]) for k in range(1, cells - 1)), u[-1]]
        return F.sum(u), [a]

    return record


def nested() -> Recorded:
    """A loop in a loop, and what both have to do with the parameters."""
    a, b = Value(0.3), Value(0.7)
    x, y = a * 1.0, b * 1.0
    for _ in range(60):
        for _ in range(7):
            x = F.sin(x * a + y)
        y = F.tanh(y * x + b) * a
    return x * y, [a, b]


def listened_to() -> Recorded:
    """One loop, whose turns a second one reads, and a third one for itself."""
    a, x = Value(0.3), Value(0.5)
    heard = []
    for _ in range(100):
        x = F.sin(F.exp(a * x)) * 0.7
        heard.append(x)
    y = a
    for h in heard:
        y = F.tanh(y * h + a)
    for _ in range(100):
        y = F.cos(y * a)
    return y, [a]


def branching() -> Recorded:
    """Turns that compare, also with what is outside of the loop."""
    a, b = Value(0.3), Value(0.7)
    x, large = a * 1.0, a * b > 0.1
    for _ in range(150):
        x = F.where(x > b, F.sin(x * a), F.where(large, x + b * a, x))
    return x, [a, b]


PROGRAMS = {
    'delayed': delayed(5), 'chain': runge_kutta(100), 'nested': nested, 'field': field(12, 60),
    'listened to': listened_to, 'branching': branching,
}  # fmt: skip


@pytest.mark.parametrize('name', every(2, PROGRAMS))
@pytest.mark.parametrize('length', every(2, [20, 1000]))
def test_less_memory_gives_the_same_bits(name: str, length: int) -> None:
    with folding(least=30, length=length):
        memory, fewest = check(PROGRAMS[name])
    assert fewest < memory


def test_what_turns_look_back_at_is_moved_in_runs() -> None:
    """Four cells that lie three numbers apart, and another one behind them, from block to block and back."""
    memory, fewest = check(field(7, 16))
    assert fewest < memory


def test_a_loop_is_cut_once_though_two_that_are_as_long_come_before_it() -> None:
    with folding():
        memory, fewest = check(scaled(11))
    assert fewest < memory


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', [*PROGRAMS])
def test_every_backend_does_with_less(name: str, backend: str) -> None:
    memory, fewest = check(PROGRAMS[name], backend)
    assert fewest < memory


@pytest.mark.parametrize('turns', every(4, [200, 500, 2000, 10_000]))
def test_memory_of_a_chain_falls_from_thousands_to_hundreds(turns: int) -> None:
    memory, fewest = check(runge_kutta(turns))
    assert memory == 16 * turns
    assert fewest < 300


@pytest.mark.slow
def test_no_more_is_done_again_than_that_takes() -> None:
    error, parameters = runge_kutta(1000)()
    programs = [
        compile(error, parameters=parameters, backend='python', memory=memory) for memory in (16_000, 1000, 400)
    ]
    assert [loops_around(program) for program in programs] == [0, 1, 2]


def loops_around(program: Program) -> int:
    """Return how many loops are around the innermost ones of a program."""

    def depth(block: Any) -> int:
        return max((1 + max(map(depth, item.blocks)) for item in block if isinstance(item, Loop)), default=0)

    return max(map(depth, program._gradient_routine.blocks)) - 1


def test_memory_is_of_programs_that_keep_something() -> None:
    x = Value(2.0)
    assert compile(x * x, parameters=[x], backend='python', memory=0).value_and_gradient([3.0]) == (9.0, [6.0])
    with pytest.raises(ValueError, match='memory must be a whole number of at least 0, not -1'):
        compile(x * x, parameters=[x], memory=-1)


def test_a_program_sent_elsewhere_keeps_its_limit() -> None:
    error, parameters = runge_kutta(300)()
    program = compile(error, parameters=parameters, backend='python', memory=500)
    sent = pickle.loads(pickle.dumps(program))
    assert sent.memory == program.memory <= 500


# Loops whose count depends on the numbers.
def turning(x: Any, a: Any, limit: int | None = 400, op: Any = F.tanh) -> Any:
    def body(n: Any, p: Any, q: Any) -> Any:
        return n + 1, F.sin(p * a + q), op(q * p + x) * a

    return F.while_loop(lambda n, p, q: n < 3 + 300 * x, body, 0, x, a, limit=limit)[1]


def in_turn(x: Any, a: Any) -> Any:
    """A loop in a loop, each with a limit, and a choice."""

    def inner(n: Any, p: Any) -> Any:
        return n + 1, F.where(F.less(p, a), F.sin(p) * a + x, p * 0.9)

    def outer(k: Any, p: Any) -> Any:
        return k + 1, F.while_loop(lambda n, p: n < 5 + 40 * x, inner, 0, p, limit=50)[1] * a

    return F.while_loop(lambda k, p: k < 20 + 20 * x, outer, 0, x * a, limit=70)[1]


def of_two(f: Callable[..., Any], backend: str, rows: bool = False) -> Callable[..., Program]:
    """Return what makes programs of f, of two parameters or of a row and a parameter."""
    x, a = Value(0.5), Value(0.7)
    with recording():
        y = f(x, a)
    leaves: dict[str, list[Value]] = {'rows': [x], 'parameters': [a]} if rows else {'parameters': [x, a]}
    return lambda **options: Program(y, backend=backend, **leaves, **options)


def close(found: Any, wanted: Any) -> bool:
    return flat(found) == pytest.approx(flat(wanted), rel=1e-11, abs=1e-13, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(('f', 'memory', 'fewest'), [(turning, 1200, 72), (in_turn, 240, 72)])
def test_a_while_loop_keeps_what_blocks_begin_with(f: Any, memory: int, fewest: int, backend: str) -> None:
    program = of_two(f, backend)
    whole = program()
    assert whole.memory == memory and least(program) == fewest
    for most in (fewest, 200, memory):
        less = program(memory=most)
        assert less.memory <= most
        for theta in ([0.5, 0.7], [0.01, -0.9], [-1.0, 0.3]):
            value, slopes = whole.value_and_gradient(theta)
            found = less.value_and_gradient(theta)
            assert found[0] == value and close(found[1], slopes)
        if most == 200:
            assert close(less.hessian([0.5, 0.7]), whole.hessian([0.5, 0.7]))
            assert close(less.hvp([0.1, 0.7], [1.0, 2.0]), whole.hvp([0.1, 0.7], [1.0, 2.0]))
            sent = pickle.loads(pickle.dumps(less))
            assert sent.memory == less.memory and bits([sent.value_and_gradient([0.5, 0.7])[0]]) == bits(
                [less.value_and_gradient([0.5, 0.7])[0]]
            )


@pytest.mark.parametrize('backend', every(3, BACKENDS))
def test_rows_that_differ_in_turns_keep_blocks(backend: str) -> None:
    program = of_two(turning, backend, rows=True)
    whole, less = program(), program(memory=150)
    rows = [[0.02 * k] for k in range(37)]
    assert close(less.value_and_gradient([0.7], rows), whole.value_and_gradient([0.7], rows))
    with pytest.raises(LimitError, match=r'row 3: while_loop at .* goes on after 400 turns, its limit'):
        less.value_and_gradient([0.7], [[0.5], [0.6], [0.7], [1.5], [0.1]])


@pytest.mark.parametrize('backend', every(3, BACKENDS))
def test_the_limit_is_that_of_the_loop_however_it_is_cut(backend: str) -> None:
    def f(x: Any, a: Any) -> Any:
        return F.while_loop(lambda n, p: n < x, lambda n, p: (n + 1, p * a), 0, 1.0, limit=11)[1]

    for less in of_two(f, backend)(), of_two(f, backend)(memory=least(of_two(f, backend))):
        for turns in range(12):
            assert less.value_and_gradient([float(turns), 2.0])[1][1] == turns * 2.0 ** (turns - 1)
        with pytest.raises(LimitError, match='goes on after 11 turns, its limit'):
            less.value_and_gradient([12.0, 2.0])


def test_a_while_loop_without_a_limit_is_refused_by_its_line() -> None:
    program = of_two(lambda x, a: turning(x, a, None), 'python')(memory=100)
    assert program(()) == program(())
    with pytest.raises(ValueError, match=r'a limit, and while_loop at .*py, line \d+, in turning has none'):
        program.value_and_gradient([0.5, 0.7])


def test_each_level_of_blocks_does_the_turns_once_more() -> None:
    calls = []

    def told(x: float) -> float:
        calls.append(x)
        return math.tanh(x)

    counted = custom(told, lambda x: 1 - F.tanh(x) ** 2)
    program = of_two(lambda x, a: turning(x, a, op=counted), 'python')
    found = []
    for memory in (1200, 200, 120, least(program)):
        gradient = program(memory=memory)
        calls.clear()
        gradient.value_and_gradient([0.3, 0.7])
        found.append(len(calls) / 93)
    assert [*map(round, found)] == [2, 3, 4, 7]


@pytest.mark.slow
def test_what_is_kept_of_a_while_loop_is_as_little_as_is_said() -> None:
    peaks = []
    for memory in (None, 400):
        program = of_two(lambda x, a: turning(x * 20, a, 4_000), 'python')(memory=memory)
        program.value_and_gradient([0.001, 0.7])
        tracemalloc.start()
        program.value_and_gradient([0.5, 0.7])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 8 * peaks[1]


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
def test_random_while_loops_in_blocks(backend: str) -> None:
    """Where signals are 0 or meet infinite partials, too."""
    for seed in range(16):
        f = grammar.program(seed, 'assign', 'while', 'where', 'while', 'nothing', compared='uvwpq')
        f = replace(f, text=f.text.replace('g, 0, p, q)', 'g, 0, p, q, limit=9)'))
        for row in [*grammar.rows_of(seed, 4)[:2], [0.0, 1.0, 0.0], [0.3, -0.7, 1.1]]:
            xs = [*map(Value, row)]
            with ieee_arithmetic(), recording():
                y = lift(f(xs))
            whole = Program(y, parameters=xs, backend=backend)
            if whole.memory:
                less = Program(y, parameters=xs, backend=backend, memory=whole.memory * 2 // 3)
                try:
                    assert less.memory < whole.memory
                except ValueError as error:
                    assert 'too little' in str(error)
                    continue
                assert close(less.value_and_gradient(row), whole.value_and_gradient(row)), (f, row)
                assert close(less.hessian(row), whole.hessian(row)), (f, row)


@pytest.mark.parametrize('name', every(3, ['chain', 'nested', 'delayed']))
def test_a_hessian_takes_less_memory_too(name: str) -> None:
    error, parameters = PROGRAMS[name]()
    theta = [p.data for p in parameters]

    def program(**options: Any) -> Program:
        return compile(error, parameters=parameters, loops=True, backend='python', **options)

    less = program(memory=least(program))
    assert bits([less.hessian(theta)]) == bits([program().hessian(theta)])
    made = [p._derived('hessian').derived.routine(False, 'calls').memory for p in (less, program())]
    assert made[0] < made[1]


def longer(program: grammar.Program, times: int) -> grammar.Program:
    """Let the outermost loops turn so many times as often."""
    turns = re.compile(r'^(    for . in range\()(\d+)', re.MULTILINE)
    return replace(program, text=turns.sub(lambda loop: f'{loop[1]}{int(loop[2]) * times}', program.text))


@examples(15, suppress_health_check=[*HealthCheck])
@given(*GIVEN)
def test_random_loops_with_the_least_memory(
    program: grammar.Program, parameters: int, length: int, long: int
) -> None:
    with folding(length=length, long=long):
        check_random(Case(longer(program, 6), parameters))


@pytest.mark.slow
@examples(60, suppress_health_check=[*HealthCheck])
@given(*GIVEN)
def test_many_random_loops_with_the_least_memory(
    program: grammar.Program, parameters: int, length: int, long: int
) -> None:
    with folding(length=length, long=long):
        check_random(Case(longer(program, 9), parameters))


def check_random(case: Case) -> None:
    def program(**options: Any) -> Program:
        return compile(case.error, case.x, case.theta, loops=True, backend='python', **options)

    theta = [p.data for p in case.theta]
    whole = program()
    if whole.memory:
        fewest = least(program)
        expected = whole.value_and_gradient(theta, case.rows)
        for memory in (fewest, (fewest + whole.memory) // 2):
            assert bits([program(memory=memory).value_and_gradient(theta, case.rows)]) == bits([expected])
