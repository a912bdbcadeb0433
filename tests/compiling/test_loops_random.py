"""Random loops written in Python: folded, unfolded and recorded, they are the same numbers and gradients."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
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
from tests.support.grammar import Program, texts

VARIABLES, WIDTH = 3, 3
UNARY = ['sin', 'abs', 'relu', 'sigmoid', 'softplus', 'erf', 'gelu', 'elu', 'cosh', 'softsign', 'identity']
#: Loops that are to be folded: of steps, each on the trail t, of variables that remember their past, and of arrays
#: read and written at places that stride with the counters. What could leave its domain is kept inside.
LOOPS = {
    'program': [
        'def f(theta, row):\n    cell, t, i, j, k = [*theta[:40], *row, 0.25, -1.0], [row[0] * 1.0], 0, 0, 0\n'
        '    past = [[at(theta, k) * 0.5] for k in range(3)]\n    {nest}\n    return [*map(last, past), t[-1], *cell]',
    ],
    'nest': ['{one}', '{two}', '{two}', '{three}', '{one}\n{two}'],
    'one': ['for k in range({many}):\n    {steps}\n    {end}'],
    'two': [
        'for j in range({some}):\n    {few}\n    for k in range({fewer}):\n        {steps}\n        {end}\n'
        '    {rest}\n    {end}',
    ],
    'three': ['for i in range({four}):\n    {few}\n    {two}\n    {rest}\n    {end}'],
    'many': [*map(str, range(4, 13))],
    'some': ['4', '5', '6', '7'],
    'fewer': ['4', '5', '6'],
    'four': ['4', '5'],
    'end': ['past[0].append(F.sin(t[-1]))'],
    'few': ['{line}', '{line}\n{line}'],
    'rest': ['pass', '{line}', '{line}\n{line}'],
    'steps': ['\n'.join(['{line}'] * n) for n in range(2, 6)],
    'line': ['{step}', '{step}', '{lasting}'],
    'step': ['t.append({value})'],
    'lasting': [
        'past[{variable}].append({kept})', 'past[{variable}].append({o})',
        'cell[({place}) % len(cell)] = F.sin(t[-1])', 't.append({long})',
    ],
    'kept': ['t[-1]', 'F.sin(t[-1])', 'F.tanh(t[-1])', 'F.softsign(t[-1])'],
    'value': [
        '{o} + {o}', '{o} - {o}', '{o} * {o}', 'divided({o}, {o})', '-{o}', '{o} * {o} + {o}', 'powered({o}, {o})',
        '{o}**2', 'F.max({o}, {o})', 'F.min({o}, {o}, {o})', 'F.clip({o}, {o}, {o})', 'F.hypot({o}, {o})',
        'F.atan2({o}, {o})', 'F.log({o}**2 + 1.25)', 'F.sqrt(F.abs({o}) + 0.125)', 'F.exp(F.tanh({o})) * {o}',
        'F.dot([{o}, {o1}], [{o1}, {o2}], {o2})', 'F.logsumexp([{o}, {o}, {o}])', 'F.sum([{o}, {o}, {o}])',
        'F.leaky_relu({o}, {o})', 'F.stop_gradient({o}) * {o}', *[f'F.{name}({{o}})' for name in UNARY],
    ],
    'long': [
        'F.sum({terms})', 'F.dot({terms1}, [past[1][-1], *{terms1}[1:]])', 'F.logsumexp({terms})',
        'F.dot({terms1}, [past[1][-1], *{terms1}[1:]], {terms1}[0])', 'F.dot({terms1}, {terms1})',
        'F.mean({terms})', 'F.max(*{terms})',
    ],
    'terms': ['[at({array}, {place1} + n) for n in range(5)]'],
    'array': ['theta', 'cell'],
    'o': [
        'back(t, {step_back})', 'back(past[{variable}], {turns_back})', 'at(theta, {place})', 'at(theta, {place})',
        'at(cell, {place})', 'at(row, {place})', '({number} + {grown} * (i + j + k))',
    ],
    'variable': ['0', '1', '2'],
    'step_back': ['1', '2', '3'],
    'turns_back': ['1', '1', '1', '2', '3', '4'],
    'number': ['0.5', '-1.25', '0.0', '1.0', '-0.0'],
    'grown': ['0.0', '0.125'],
    'place': ['{start} + {stride} * i + {stride} * j + {stride} * k'],
    'start': [*map(str, range(41))],
    'stride': ['0', '1', '2', '7', '-1'],
}  # fmt: skip
HELPERS: dict[str, Callable[..., Any]] = {
    'at': lambda array, place: array[place % len(array)],
    'back': lambda past, turns: past[-min(turns, len(past))],
    'last': lambda past: past[-1],
    'divided': lambda a, b: a / (b * b + 1.5),
    'powered': lambda a, b: (a * a + 0.5) ** F.sin(b),
}
#: A program; how many parameters; how long parts and the straight sums may be.
GIVEN = (
    texts(LOOPS, 'program').map(lambda text: Program(text, (*HELPERS.items(),))),
    st.sampled_from([5, 60, 400]), st.sampled_from([20, 60, 1000]), st.sampled_from([2, 8]),
)  # fmt: skip


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

    def __init__(self, program: Program, parameters: int) -> None:
        numbers = [math.sin(1.0 + 2.5 * k) for k in range(parameters)]
        self.program = program
        self.theta, self.x = [*map(Value, numbers)], [Value(0.1 + k / 7) for k in range(WIDTH)]
        try:
            self.outputs = self.run(self.theta, self.x)
        except (ArithmeticError, ValueError):
            assume(False)
        assume(any(isinstance(y, Value) for y in self.outputs))
        self.rows = [[x.data for x in self.x], [-0.75, 0.625, 1.5], [0.0, -0.0, 2.25]]
        self.error = F.sum([y * (k + 1) for k, y in enumerate(self.outputs)])

    def run(self, theta: list[Value], row: list[Value]) -> list[Any]:
        """Return the last of each variable and of the trail, and the cells that are not numbers."""
        results = self.program(theta, row)
        return [*results[: VARIABLES + 1], *(cell for cell in results[VARIABLES + 1 :] if isinstance(cell, Value))]

    def eager(self) -> tuple[list[list[float]], float, list[float]]:
        """Return the outputs of each row, and the error and gradient summed over them."""
        found, total = [], 0.0
        theta = [Value(p.data) for p in self.theta]
        for row in self.rows:
            try:
                outputs = self.run(theta, [*map(Value, row)])
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
def test_folded_loops_are_what_the_recording_was(program: Program, parameters: int, length: int, long: int) -> None:
    with folding(length=length, long=long):
        Case(program, parameters).check('python')


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@examples(60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(*GIVEN)
def test_many_folded_loops(backend: str, program: Program, parameters: int, length: int, long: int) -> None:
    with folding(length=length, long=long):
        Case(program, parameters).check(backend)
