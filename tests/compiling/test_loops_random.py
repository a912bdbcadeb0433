"""Random loops written in Python: folded, unfolded and recorded, they are the same numbers and gradients."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.compiling.ir import memory, nests, reroll, tape
from microgradnet.engine.value import Value
from tests.support.backends import BACKENDS, bits
from tests.support.examples import examples

#: What a step computes of three operands; those that could leave their domain are kept inside.
STEPS = {
    'add': lambda a, b, c: a + b,
    'sub': lambda a, b, c: a - b,
    'mul': lambda a, b, c: a * b,
    'div': lambda a, b, c: a / (b * b + 1.5),
    'neg': lambda a, b, c: -a,
    'madd': lambda a, b, c: a * b + c,
    'pow': lambda a, b, c: (a * a + 0.5) ** F.sin(b),
    'square': lambda a, b, c: a**2,
    'max': lambda a, b, c: F.max(a, b),
    'min': lambda a, b, c: F.min(a, b, c),
    'clip': lambda a, b, c: F.clip(a, b, c),
    'hypot': lambda a, b, c: F.hypot(a, b),
    'atan2': lambda a, b, c: F.atan2(a, b),
    'log': lambda a, b, c: F.log(a * a + 1.25),
    'sqrt': lambda a, b, c: F.sqrt(F.abs(a) + 0.125),
    'exp': lambda a, b, c: F.exp(F.tanh(a)) * b,
    'dot': lambda a, b, c: F.dot([a, b], [b, c], c),
    'logsumexp': lambda a, b, c: F.logsumexp([a, b, c]),
    'sum': lambda a, b, c: F.sum([a, b, c]),
    'leaky': lambda a, b, c: F.leaky_relu(a, b),
    'stop': lambda a, b, c: F.stop_gradient(a) * b,
}
STEPS |= {
    f.__name__: lambda a, b, c, f=f: f(a)
    for f in (F.sin, F.abs, F.relu, F.sigmoid, F.softplus, F.erf, F.gelu, F.elu, F.cosh, F.softsign, F.identity)
}
LONG_STEPS = {
    'sum': lambda a, b: F.sum(a),
    'dot': lambda a, b: F.dot(a, b),
    'dot and more': lambda a, b: F.dot(a, b, a[0]),
    'logsumexp': lambda a, b: F.logsumexp(a),
    'squares': lambda a, b: F.dot(a, a),
    'mean': lambda a, b: F.mean(a),
    'max': lambda a, b: F.max(*a),
}
SQUASH = (F.sin, F.tanh, F.softsign)
VARIABLES, WIDTH = 3, 3
#: A place as a function of the counters: start + stride * counter + ..., outermost first.
places = st.tuples(st.integers(0, 40), *[st.sampled_from([0, 1, 2, 7, -1])] * 3)
operands = st.one_of(
    st.tuples(st.just('step'), st.integers(1, 3)),  # what a step or so ago computed
    st.tuples(st.just('variable'), st.integers(0, VARIABLES - 1), st.sampled_from([0, 0, 0, 1, 2, 3])),  # turns back
    st.tuples(st.just('parameter'), places),
    st.tuples(st.just('parameter'), places),
    st.tuples(st.just('cell'), places),
    st.tuples(st.just('row'), places),
    st.tuples(st.just('number'), st.sampled_from([0.5, -1.25, 0.0, 1.0, -0.0]), st.sampled_from([0.0, 0.125])),
)
steps = st.tuples(st.sampled_from([*STEPS]), operands, operands, operands)
lasting = st.one_of(
    st.tuples(st.just('set'), st.integers(0, VARIABLES - 1), st.integers(-1, 2)),
    st.tuples(st.just('let'), st.integers(0, VARIABLES - 1), operands),
    st.tuples(st.just('put'), places),
    st.tuples(st.just('reduce'), st.sampled_from([*LONG_STEPS]), st.sampled_from(['parameter', 'cell']), places),
)


def straight(least: int, most: int) -> Any:
    """Draw statements one after the other."""
    return st.lists(st.one_of(steps, steps, lasting), min_size=least, max_size=most)


def loops(depth: int, most: int = 0) -> Any:
    """Draw a loop: how often, and its body, which may have loops inside."""
    if depth == 1:
        body = straight(2, 5)
    else:
        parts = st.tuples(straight(1, 2), loops(depth - 1, 6), straight(0, 2))
        body = parts.map(lambda part: [*part[0], part[1], *part[2]])
    return st.tuples(st.just('loop'), st.integers(4, most or 12), body.map(lambda body: [*body, ('set', 0, 0)]))


programs = st.one_of(loops(1), loops(2, 7), loops(2, 7), loops(3, 5), st.tuples(loops(1), loops(2, 5))).map(
    lambda program: [program] if program[0] == 'loop' else [*program]
)


#: A program; how many parameters; how long parts and the straight sums may be.
GIVEN = programs, st.sampled_from([5, 60, 400]), st.sampled_from([20, 60, 1000]), st.sampled_from([2, 8])


class Run:
    """Runs a program on Values, or on floats."""

    def __init__(self, program: Any, theta: Sequence[Any], row: Sequence[Any]) -> None:
        self.leaves = {'parameter': theta, 'row': row, 'cell': [*theta[:40], *row, 0.25, -1.0]}
        self.history = [[theta[k % len(theta)] * 0.5] for k in range(VARIABLES)]
        self.trail = [row[0] * 1.0]
        self.counters: list[int] = []
        self.body(program)
        cells = [cell for cell in self.leaves['cell'] if isinstance(cell, Value)]
        self.outputs = [*(past[-1] for past in self.history), self.trail[-1], *cells]

    def body(self, body: Any) -> None:
        for name, *rest in body:
            if name == 'loop':
                for turn in range(rest[0]):
                    self.counters.append(turn)
                    self.body(rest[1])
                    self.counters.pop()
            elif name == 'set':
                x = self.trail[-1]
                self.history[rest[0]].append(x if rest[1] < 0 else SQUASH[rest[1]](x))
            elif name == 'let':
                self.history[rest[0]].append(self.operand(rest[1]))
            elif name == 'put':
                cells = self.leaves['cell']
                cells[self.place(rest[0]) % len(cells)] = F.sin(self.trail[-1])
            elif name == 'reduce':
                array, first = self.leaves[rest[1]], self.place(rest[2])
                terms = [array[(first + k) % len(array)] for k in range(5)]
                self.trail.append(LONG_STEPS[rest[0]](terms, [self.history[1][-1], *terms[1:]]))
            else:
                self.trail.append(STEPS[name](*map(self.operand, rest)))

    def place(self, place: tuple[int, ...]) -> int:
        return place[0] + sum(stride * turn for stride, turn in zip(place[1:], self.counters))

    def operand(self, operand: Any) -> Any:
        kind, where, *more = operand
        if kind == 'variable':
            past = self.history[where]
            return past[max(-1 - more[0], -len(past))]
        if kind == 'number':
            return where + more[0] * sum(self.counters)
        if kind == 'step':
            return self.trail[max(-where, -len(self.trail))]
        array = self.leaves[kind]
        return array[self.place(where) % len(array)]


@contextmanager
def folding(least: int = 6, length: int = 1000, long: int = 8) -> Iterator[None]:
    """Fold loops however small, cut bodies into parts of some length, and use memory again as soon as may be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reroll, 'LEAST', least)
        patch.setattr(reroll, 'FEWEST', 3)
        patch.setattr(nests, 'LENGTH', length)
        patch.setattr(memory, 'LARGE', 0)
        patch.setattr(memory, 'LESS', 2)
        patch.setattr(tape, 'LONG', long)
        yield


class Case:
    """A program, recorded once; its rows, and what Values make of them."""

    def __init__(self, program: Any, parameters: int) -> None:
        numbers = [math.sin(1.0 + 2.5 * k) for k in range(parameters)]
        self.program = program
        self.theta, self.x = [*map(Value, numbers)], [Value(0.1 + k / 7) for k in range(WIDTH)]
        try:
            self.outputs = Run(program, self.theta, self.x).outputs
        except (ArithmeticError, ValueError):
            assume(False)
        assume(any(isinstance(y, Value) for y in self.outputs))
        self.rows = [[x.data for x in self.x], [-0.75, 0.625, 1.5], [0.0, -0.0, 2.25]]
        self.error = F.sum([y * (k + 1) for k, y in enumerate(self.outputs)])

    def eager(self) -> tuple[list[list[float]], float, list[float]]:
        """Return the outputs of each row, and the error and gradient summed over them."""
        found, total = [], 0.0
        theta = [Value(p.data) for p in self.theta]
        for row in self.rows:
            try:
                outputs = Run(self.program, theta, [*map(Value, row)]).outputs
                error = F.sum([y * (k + 1) for k, y in enumerate(outputs)])
                error.backward()
            except (ArithmeticError, ValueError):
                assume(False)
            found.append([y.data if isinstance(y, Value) else y for y in outputs])
            total += error.data
        slopes = [p.grad for p in theta]
        assume(all(abs(number) < 1e5 for number in [total, *slopes]))
        return found, total, slopes

    def check(self, backend: str) -> None:
        """Compare folded with unfolded, and both with Values; where straight code errs, so may loops."""
        outputs, total, slopes = self.eager()
        numbers = [p.data for p in self.theta]
        results, gradients, ends = [], [], []
        for loops in (True, False):
            options = {'rows': self.x, 'parameters': self.theta, 'backend': backend, 'loops': loops}
            results.append(compile(self.outputs, **options)(self.rows))
            value, slope = compile(self.error, **options).value_and_gradient(numbers, self.rows)
            gradients.append([value, *slope])
            learning = pickle.loads(pickle.dumps(compile(self.error, **options)))
            error = learning.sum(self.rows)
            errors = learning.descend(self.rows, 1e-9, 2, 2)
            ends.append([error, *errors, *(p.data for p in learning.parameters)])
        size = max(1.0, *map(abs, ends[1]))
        assert ends[0] == pytest.approx(ends[1], rel=1e-11, abs=1e-7 * size)
        if backend == 'python':
            assert bits(results[0]) == bits(outputs)
        if backend != 'native':
            assert bits(results[0]) == bits(results[1])
        flat = [[y for row in rows for y in row] for rows in (*results, outputs)]
        for folded, straight, expected in flat, (*gradients, [total, *slopes]):
            size = max(1.0, *map(abs, expected))
            wrong = max(abs(a - b) for a, b in zip(straight, expected))
            assert wrong <= 1e-4 * size
            assert [*folded] == pytest.approx(expected, rel=1e-11, abs=1e-11 * size + 10 * wrong)


@examples(20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(*GIVEN)
def test_folded_loops_are_what_the_recording_was(program: Any, parameters: int, length: int, long: int) -> None:
    with folding(length=length, long=long):
        Case(program, parameters).check('python')


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@examples(60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(*GIVEN)
def test_many_folded_loops(backend: str, program: Any, parameters: int, length: int, long: int) -> None:
    with folding(length=length, long=long):
        Case(program, parameters).check(backend)
