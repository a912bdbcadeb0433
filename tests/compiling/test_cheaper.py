"""Powers with a known exponent, and two halves: what stands in their place, in every backend but Python's."""

from __future__ import annotations

import math
from math import inf, nan
from pathlib import Path
from typing import Any

import mpmath
import pytest
from mpmath import mpf

from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.compiling.ir.cheaper import WRITTEN_OUT, cheaper
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.algebras import power
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from tests.compiling.test_to_c import needs_c, run_c
from tests.support.backends import ARRAYS, BACKENDS, apart, bits
from tests.support.examples import every, examples, for_each

np = pytest.importorskip('numpy')

EDGES = [0.0, 5e-324, 1e-310, 2.0**-1022, 1e-200, 1e-160, 7.45e-155, 1.0, 1e155, 1e160, 1e200, 8e307, 1.7e308, inf]
EDGES = [sign * a for a in EDGES for sign in (1.0, -1.0)] + [nan]


def power_and_slope(n: float) -> tuple[Value, list[Value]]:
    x = Value(2.0)
    y = x**n
    return x, [y, *gradients(y, [x])]


def ulps(found: float, truth: Any) -> float:
    _, exponent = mpmath.frexp(truth)
    return float(abs(mpf(found) - truth) / mpf(2) ** max(exponent - 53, -1074))


@pytest.mark.parametrize('backend', ARRAYS)
@pytest.mark.parametrize('n', every(3, WRITTEN_OUT))
def test_a_power_written_out_keeps_its_digits_and_those_of_its_slope(n: float, backend: str) -> None:
    x, outputs = power_and_slope(n)
    random, many = np.random.default_rng(3), examples(1000).max_examples
    a = np.ldexp(random.uniform(1, 2, many), random.integers(-1022, 1023, many))
    a = np.concatenate([a, random.uniform(0.5, 2, many)])
    signed = a if n % 1 else np.concatenate([a, -a])
    found = compile(outputs, rows=[x], backend=backend)(signed[:, None])
    with mpmath.workprec(140):
        for x_, (y, slope) in zip(signed.tolist(), found.tolist(), strict=True):
            truth, slope_truth = mpf(x_) ** mpf(n), mpf(n) * mpf(x_) ** (mpf(n) - 1)
            if abs(truth) < mpf(2) ** 1023:
                assert ulps(y, truth) <= 1.5, x_
            if mpf(2) ** -1022 < abs(slope_truth) < mpf(2) ** 1023:
                assert ulps(slope, slope_truth) <= operations['pow'].ulps, x_


@pytest.mark.parametrize('backend', BACKENDS)
@for_each('n', WRITTEN_OUT)
def test_its_edges_are_those_of_the_power(n: float, backend: str) -> None:
    x = Value(2.0)
    for one, a in zip(compile([x**n], rows=[x], backend=backend)([[a] for a in EDGES]), EDGES, strict=True):
        y, truth = float(one[0]), power(a, n)
        near = truth != 0 and math.isfinite(truth) and apart(y, truth) <= 2
        assert near or bits([y]) == bits([truth]), (a, y, truth)


@pytest.mark.parametrize('backend', ARRAYS)
def test_a_power_of_one_is_the_number_itself(backend: str) -> None:
    x = Value(2.0)
    rows = np.random.default_rng(1).normal(size=(1000, 1))
    assert (compile(x**1, rows=[x], backend=backend)(rows) == rows[:, 0]).all()


@needs_c
def test_in_c_its_edges_are_those_of_the_power(tmp_path: Path) -> None:
    x = Value(2.0)
    table, _, _ = run_c(
        compile([x**n for n in WRITTEN_OUT], rows=[x], backend='python'), [[a] for a in EDGES], tmp_path
    )
    for a, found in zip(EDGES, table, strict=True):
        for n, y in zip(WRITTEN_OUT, found, strict=True):
            assert apart(y, power(a, n)) <= 2, (a, n, y)
            assert math.copysign(1.0, y) == math.copysign(1.0, power(a, n)) or a != a, (a, n, y)


@for_each('n', [*WRITTEN_OUT, 0.0, 1.0, 4.0, 1 / 3])
def test_python_keeps_the_bits_of_the_recording(n: float) -> None:
    x, outputs = power_and_slope(n)
    program = compile(outputs, rows=[x], backend='python')
    for a in [k / 7 for k in range(1, 300)]:
        again = Value(a)
        y = again**n
        y.backward()
        assert bits(program([a])) == bits([y.data, again.grad])


def test_no_power_is_left_and_the_slope_of_a_square_is_twice_its_base() -> None:
    x, outputs = power_and_slope(2.0)
    routine = cheaper(compile(outputs, rows=[x], backend='python').routine)
    assert [name for name, _ in routine.instructions] == ['row', 'number', 'mul', 'mul', 'output', 'output']
    text = compile(outputs, rows=[x], backend='python').to_c()
    assert 'x1 * x1' in text
    assert 'pow' not in text
    assert 'power' not in compile(outputs, rows=[x], backend='numpy').source


@pytest.mark.parametrize('backend', BACKENDS)
def test_two_halves_of_a_slope_are_the_slope(backend: str) -> None:
    x = Value(2.0)
    outputs = gradients(F.dot([x], [x]) / 2, [x])
    edges = [a for a in EDGES if not 0 < abs(a) < 2.0**-1021]  # half of a smaller number may be rounded
    found = compile(outputs, rows=[x], backend=backend)([[a] for a in edges])
    assert bits([y for (y,) in found]) == bits([0.0 + a for a in edges])
    routine = compile(outputs, rows=[x], backend='python').routine
    assert [name for name, _ in cheaper(routine).instructions if name == 'dot'] == []
    unequal = compile(gradients(F.dot([x], [x]) * 0.25, [x]), rows=[x], backend='python').routine
    assert cheaper(unequal) is unequal


def test_what_has_no_power_to_write_out_is_left_as_it_is() -> None:
    x, w = Value(2.0), Value(3.0)
    routine = compile([x**w + x**4.0 + w * x], rows=[x], parameters=[w], backend='python').routine
    assert cheaper(routine) is routine


@pytest.mark.parametrize('backend', BACKENDS)
def test_powers_in_loops_forwards_and_backwards(backend: str) -> None:
    def error(theta: list[Value], x: Value, square: Any) -> Value:
        state = x
        for w in theta:
            state = (state + square(w - state) * 0.01).tanh() + 1.5
        return F.sum([square(state), *map(square, theta)])

    theta, x = [Value(0.01 * k) for k in range(200)], Value(0.5)
    slopes = []
    for square in (lambda a: a**2, lambda a: a * a):
        program = compile(error(theta, x, square), rows=[x], parameters=theta, backend=backend)
        assert not program.routine.flat
        value, gradient = program.value_and_gradient([p.data for p in theta], [[0.5], [0.7], [-1.0]])
        slopes.append([value, *gradient])
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-12, abs=1e-14)


def test_of_the_rule_for_a_known_exponent_nothing_else_is_written() -> None:
    x = Value(2.0)
    routine = compile([x**2.0 + x**3.0], rows=[], parameters=[x], backend='python')._gradient_routine
    names = [name for name, _ in routine.instructions]
    assert not {'abs', 'lt', 'ge', 'ne', 'both', 'either', 'select', 'log'} & {*names}, names
