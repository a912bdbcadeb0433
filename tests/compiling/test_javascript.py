"""Programs as JavaScript, run by Node: the same numbers as everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import reduce
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from mpmath import mp

from microgradnet import functions as F
from microgradnet.compiling import BranchError, Program, compile, recording
from microgradnet.compiling.printers import javascript
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.custom import custom
from microgradnet.engine.value import Value, signals
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.support.backends import apart, bits
from tests.support.examples import every, examples
from tests.support.printed import every_operation, exact_arithmetic
from tests.support.rounding import bounded

NODE = shutil.which('node')
needs_node = pytest.mark.skipif(NODE is None, reason='there is no Node')

#: Reads rows; writes the outputs of each, their sums, the gradient, and what is traced of the first.
MAIN = """
import * as program from './program.mjs';
import {readFileSync} from 'node:fs';
const number = {inf: Infinity, '-inf': -Infinity, nan: NaN};
const say = (x) => typeof x !== 'number' ? x : Object.is(x, -0) ? '-0.0' : x === Infinity ? 'inf'
    : x === -Infinity ? '-inf' : x !== x ? 'nan' : String(x);
const rows = JSON.parse(readFileSync(0)).map((row) => row.map((x) => number[x] ?? Number(x)));
console.log(JSON.stringify({
    outputs: rows.map((row) => program.outputs(row)),
    sums: program.sums(rows),
    gradient: program.gradient && program.gradient(rows),
    trace: program.trace && program.trace(rows[0]),
}, (_, x) => say(x)));
"""


def run(program: Program, rows: Sequence[Sequence[float]], folder: Path) -> dict[str, Any]:
    """Print a program, and run it over rows."""
    (folder / 'program.mjs').write_text(program.to_js())
    (folder / 'main.mjs').write_text(MAIN)
    data = json.dumps([[repr(float(x)) for x in row] for row in rows])
    done = subprocess.run([str(NODE), 'main.mjs'], cwd=folder, input=data, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(numbers(json.loads(done.stdout)))


def numbers(thing: Any) -> Any:
    """Read what was said as text, but labels."""
    if isinstance(thing, dict):
        return {key: part if key == 'label' else numbers(part) for key, part in thing.items()}
    return [*map(numbers, thing)] if isinstance(thing, list) else float(thing)


@needs_node
def test_every_operation_with_its_partials(tmp_path: Path) -> None:
    program, rows = every_operation()
    for row, found in zip(rows, run(program, rows, tmp_path)['outputs'], strict=True):
        for number, limit in zip(found, bounded(program.routine, row, [], 4.0), strict=True):
            assert limit.allows(number), (row, number, limit)


@needs_node
def test_exact_arithmetic_gives_the_same_bits(tmp_path: Path) -> None:
    program = exact_arithmetic()
    rows = [[k / 4] for k in range(17)]
    found = run(program, rows, tmp_path)
    expected, gradient = program.value_and_gradient([2.0, -1.0], rows)
    assert bits(found['outputs']) == bits([[y] for y in program(rows)])
    assert bits(found['sums']) == bits([program.sum(rows)])
    assert bits(found['gradient']) == bits({'value': expected, 'gradient': gradient})
    rows = [[inf], [nan], [-0.0], [-inf]]
    assert bits(run(program, rows, tmp_path)['outputs']) == bits([[y] for y in program(rows)])


@needs_node
def test_powers_are_those_of_c(tmp_path: Path) -> None:
    a, b = Value(2.0), Value(3.0)
    with ieee_arithmetic():
        program = compile(a**b, rows=[a, b], backend='python')
    edges = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, inf, -inf, nan]
    rows = [[x, y] for x in edges for y in edges if x >= 0 or x != x or y % 1 == 0 or abs(y) == inf]
    assert bits(run(program, rows, tmp_path)['outputs']) == bits([[y] for y in program(rows)])


@needs_node
def test_a_net_with_its_numbers_and_signals(tmp_path: Path) -> None:
    net = MLP(2, [3, 1], 'tanh', 'sigmoid', seed=1)
    x, t = [Value(0.5, 'x_1'), Value(-1.0, 'x_2')], Value(1.0, 't')
    y = net(x)
    error = half_squared_error(y, t)
    y.label, error.label = 'y', "E's </script>\\ "
    program = compile(error, rows=[*x, t], parameters=net.parameters(), backend='python')
    found = run(program, [[0.5, -1.0, 1.0], [2.0, 0.25, 0.0]], tmp_path)
    reached = signals(error)
    traced = {step['label']: (step['value'], step['signal']) for step in found['trace']}
    assert '</script>' not in program.to_js()
    assert traced.keys() == {'y', error.label}
    for node in (y, error):
        assert traced[node.label] == pytest.approx((node.data, reached[node]), rel=1e-14)
    theta = [p.data for p in net.parameters()]
    total, slopes = program.value_and_gradient(theta, [[0.5, -1.0, 1.0], [2.0, 0.25, 0.0]])
    assert found['gradient']['value'] == pytest.approx(total, rel=1e-14)
    assert found['gradient']['gradient'] == pytest.approx(slopes, rel=1e-12, abs=1e-15)


@needs_node
@pytest.mark.parametrize('steps', [40, 300])
def test_loops(steps: int, tmp_path: Path) -> None:
    a, b, xs = Value(0.9, 'a'), Value(0.2, 'b'), [Value(0.01 * k) for k in range(steps)]
    y, u = Value(0.5), Value(0.1)
    for k, x in enumerate(xs):
        y, u = (a * y - b * u + x).tanh(), u + 0.01 * y * (k % 3 + 1)
    program = compile(y * u, rows=xs, parameters=[a, b], backend='python', loops=True)
    rows = [[0.01 * k for k in range(steps)], [0.5 - 0.01 * k for k in range(steps)]]
    found = run(program, rows, tmp_path)
    total, slopes = program.value_and_gradient([0.9, 0.2], rows)
    assert [y for (y,) in found['outputs']] == pytest.approx(program(rows), rel=1e-12)
    assert (found['gradient']['value'], *found['gradient']['gradient']) == pytest.approx((total, *slopes), rel=1e-11)
    assert 'for (let i1' in program.to_js()


@needs_node
@pytest.mark.parametrize('labels', every(3, [
    ['await', 'function', 'row', 'parameters', 'outputs', 'gradient'],
    ['exp', 'Math', 'horner', 'watch', 'theta', 'NaN'],
    ['a b', 'a_b', '*/', '3', '', '</script>'],
    ['let', 'θ', '"', "'", '\\', '${x}'],
    ['FIRST', 'LABELS', 'COUNT', 'predict', 'classify', 'classes'],
]), ids=lambda labels: labels[0])  # fmt: skip
def test_any_label_will_do(labels: list[str], tmp_path: Path) -> None:
    xs = [Value(k + 0.5, label) for k, label in enumerate(labels)]
    y = F.sum([x.exp() * xs[0] + x.erf() for x in xs])
    y.label = labels[0]
    program = compile(abs(y) * y, rows=xs[:3], parameters=xs[3:], backend='python')
    found = run(program, [[0.5, 1.5, 2.5]], tmp_path)
    assert found['outputs'][0][0] == pytest.approx(program([0.5, 1.5, 2.5]), rel=1e-14)
    assert [step['label'] for step in found['trace']] == [labels[0]] * bool(labels[0])


@needs_node
def test_several_outputs_none_and_constants(tmp_path: Path) -> None:
    x, unused, w = Value(0.5), Value(1.0), Value(2.0)
    outputs = [x, w, x * w, 1.5, -inf, nan, Value(-0.0), x * x, F.sum([x] * 300)]
    program = compile(outputs, rows=[unused, x], backend='python')
    found = run(program, [[9.0, 3.0], [9.0, -1.0]], tmp_path)
    assert bits(found['outputs']) == bits(program([[9.0, 3.0], [9.0, -1.0]]))
    assert 'gradient' not in found
    assert 'export function gradient' not in program.to_js()


def test_what_it_cannot_say_is_refused() -> None:
    x = Value(2.0)
    with recording():
        y = x * x if x > 1 else x
    branching = compile(y, rows=[x], backend='python')
    with pytest.raises(BranchError, match='JavaScript would follow one way only'):
        branching.to_js()
    twice = custom(lambda a: 2 * a, partials=lambda a: (2.0,), name='twice')
    with pytest.raises(TypeError, match='JavaScript cannot print twice'):
        compile(twice(Value(2.0)), backend='python').to_js()


def test_the_gradient_can_be_left_out() -> None:
    x = Value(2.0, 'x')
    y = x * x
    y.label = 'y'
    program = compile(y, rows=[x], backend='python')
    assert 'function gradient' in program.to_js() and 'function trace' in program.to_js()
    assert 'gradient' not in program.to_js(gradient=False) and 'trace' not in program.to_js(gradient=False)


def horner(terms: Sequence[float], x: Any) -> Any:
    return reduce(lambda total, term: total * x + term, reversed(terms), mp.mpf(0))


def test_the_polynomials_of_the_error_function_fit() -> None:
    with mp.workdps(40):
        for k in range(1, 200):
            x = mp.mpf(k) / 8
            t = (x - 3) / (x + 3)
            if x >= 0.5:
                fitted = horner(javascript.ERFC, t) / (1 + 2 * x)
                assert abs(fitted / (mp.exp(x * x) * mp.erfc(x)) - 1) < mp.mpf(2) ** -53
        for k in range(1, 100):
            z = mp.mpf(k) / 400
            fitted = 2 / mp.sqrt(mp.pi) + z * horner(javascript.ERF_SMALL, z)
            assert abs(fitted / (mp.erf(mp.sqrt(z)) / mp.sqrt(z)) - 1) < mp.mpf(2) ** -55


@pytest.mark.slow
@needs_node
def test_the_error_function_is_right_to_four_ulps(tmp_path: Path) -> None:
    x = Value(0.5)
    program = compile([x.erf(), x.erfc()], rows=[x], backend='python')
    step = 2600 // examples(2600).max_examples
    rows = [[sign * k / 97] for k in range(1, 2600, step) for sign in (1, -1)]
    for (a,), found in zip(rows, run(program, rows, tmp_path)['outputs'], strict=True):
        with mp.workdps(40):
            true = float(mp.erf(a)), float(mp.erfc(a))
        for number, expected in zip(found, true):
            assert abs(expected) < 1e-300 or apart(number, expected) <= 4, (a, number, expected)
