"""With less memory the backward sweep computes again what it asks for: the same bits, at most so many numbers kept."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given

from microgradnet import functions as F
from microgradnet.compiling import Program, compile, recording
from microgradnet.compiling.ir.routine import Loop
from microgradnet.engine.value import Value
from tests.compiling.test_loops_random import GIVEN, Case, folding
from tests.support import grammar
from tests.support.backends import BACKENDS, bits
from tests.support.examples import every, examples

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
    'chain': runge_kutta(100), 'delayed': delayed(3), 'field': field(12, 60), 'nested': nested,
    'listened to': listened_to, 'branching': branching,
}  # fmt: skip


@pytest.mark.parametrize('name', every(2, PROGRAMS))
@pytest.mark.parametrize('length', every(2, [20, 1000]))
def test_less_memory_gives_the_same_bits(name: str, length: int) -> None:
    with folding(least=30, length=length):
        memory, fewest = check(PROGRAMS[name])
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


def test_a_while_loop_keeps_its_states() -> None:
    with recording():
        a = Value(2.0)
        root = F.while_loop(lambda x: abs(x * x - a) > 1e-9, lambda x: (x + a / x) / 2, a)
    program = compile(root, parameters=[a], backend='python', memory=100)
    assert program(()) == pytest.approx(2.0**0.5)
    with pytest.raises(ValueError, match='memory= is for programs without while_loop'):
        program.value_and_gradient([2.0])


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
@examples(200, suppress_health_check=[*HealthCheck])
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
