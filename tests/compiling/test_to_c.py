"""Programs as C: they compile without a warning, and give the same numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import Program, compile, recording
from microgradnet.engine.value import Value
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.support.backends import bits
from tests.support.examples import every
from tests.support.printed import every_operation, exact_arithmetic
from tests.support.rounding import bounded

COMPILER = next(
    (path for name in ('gcc', 'cc', 'clang') if (path := shutil.which(os.environ.get('CC', name)))), None
)
needs_c = pytest.mark.skipif(COMPILER is None, reason='there is no C compiler')
STRICT = [
    '-std=c99',
    '-Wall',
    '-Wextra',
    '-Wpedantic',
    '-Werror',
    '-Wconversion',
    '-Wshadow',
    '-Wstrict-prototypes',
]

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
%s
/* Reads rows of hexadecimal numbers; writes the outputs of each, then error and gradient of all. */
int main(void)
{
    double row[WIDTH ? WIDTH : 1], outputs[OUTPUTS], gradient[PARAMETERS ? PARAMETERS : 1], total = 0.0;
    char word[64];
    int got = 0, k;
    memset(gradient, 0, sizeof gradient);
    for (;;) {
        for (got = 0; got < WIDTH && scanf("%%63s", word) == 1; got++) row[got] = strtod(word, NULL);
        if (got < WIDTH) break;
        NAME(row, THETA, outputs);
        for (k = 0; k < OUTPUTS; k++) printf("%%a ", outputs[k]);
        if (GRADIENT) total += CALL;
    }
    printf("%%a ", total);
    for (k = 0; k < PARAMETERS; k++) printf("%%a ", gradient[k]);
    return 0;
}
"""


def run_c(
    program: Program, rows: Sequence[Sequence[float]], folder: Path, name: str = 'program', float32: bool = False
) -> tuple[Any, float, Any]:
    """Compile a program's C, warnings being errors, run it over rows; return outputs, total error and gradient."""
    text, real = program.to_c(name, float32=float32), 'float' if float32 else 'double'
    outputs, gradient = program.routine.count, f'{real} {name}_gradient(' in text
    macros = {
        'WIDTH': program.width, 'OUTPUTS': max(outputs, 1), 'PARAMETERS': len(program.parameters), 'NAME': name,
        'THETA': f'{name}_parameters', 'GRADIENT': int(gradient),
        'CALL': f'{name}_gradient(row, {name}_parameters, gradient)' if gradient else '0.0',
    }  # fmt: skip
    main = MAIN % ''
    if float32:
        main = main.replace('double row', 'float row').replace('= strtod', '= (float)strtod')
    for macro, meaning in macros.items():
        main = re.sub(rf'\b{macro}\b', str(meaning), main)
    head = '\n'.join(re.findall(rf'^(?:void|{real}) {name}\w*\(.*\);$', text, re.M))
    head += f'\nextern const {real} {name}_parameters[];\n'
    (folder / 'program.c').write_text(text)
    (folder / 'main.c').write_text(head + main)
    strict = [*STRICT, *['-Wdouble-promotion'] * float32]
    command = [str(COMPILER), *strict, '-O1', 'program.c', '-c', '-o', 'program.o']
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    command = [str(COMPILER), '-std=c99', '-O1', 'main.c', 'program.o', '-lm', '-o', 'main']
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data = ' '.join(float(x).hex() for row in rows for x in row)
    said = subprocess.run(
        [folder / 'main'], input=data, capture_output=True, text=True, check=True
    ).stdout.split()
    numbers = [float.fromhex(word) for word in said]
    table = [numbers[k * outputs : (k + 1) * outputs] for k in range(len(rows))]
    total, *slopes = numbers[len(rows) * outputs :]
    return table, total, slopes


@needs_c
def test_a_trained_net_taken_elsewhere(tmp_path: Path) -> None:
    net = MLP(2, [6, 5, 1], 'tanh', 'sigmoid', seed=1)
    x, t = [Value(0.0, 'x'), Value(0.0, 'x')], Value(0.0, 't')
    error = half_squared_error(net(x), t)
    program = compile(error, rows=[*x, t], parameters=net.parameters(), backend='python')
    rows = [[0.5, -1.0, 1.0], [2.0, 0.25, 0.0], [-3.0, 1.5, 1.0], [0.0, 0.0, 0.0]]
    program.descend(rows, 0.5, 3)
    table, total, slopes = run_c(program, rows, tmp_path, 'net')
    theta = [p.data for p in net.parameters()]
    expected, gradient = program.value_and_gradient(theta, rows)
    assert [y for (y,) in table] == pytest.approx(program(rows), rel=1e-14)
    assert total == pytest.approx(expected, rel=1e-14)
    assert slopes == pytest.approx(gradient, rel=1e-12, abs=1e-15)


@needs_c
def test_every_operation_with_its_partials(tmp_path: Path) -> None:
    program, rows = every_operation()
    table, _, _ = run_c(program, rows, tmp_path)
    for row, found in zip(rows, table, strict=True):
        for number, limit in zip(found, bounded(program.routine, row, [], 2.0), strict=True):
            assert limit.allows(number), (row, number, limit)


@needs_c
def test_exact_arithmetic_gives_the_same_bits(tmp_path: Path) -> None:
    program = exact_arithmetic()
    rows = [[k / 4] for k in range(17)] + [[inf], [nan], [-0.0]]
    table, total, slopes = run_c(program, rows[:17], tmp_path)
    expected, gradient = program.value_and_gradient([2.0, -1.0], rows[:17])
    assert bits([y for (y,) in table]) == bits(program(rows[:17]))
    assert bits([total, slopes]) == bits([expected, gradient])
    assert bits(run_c(program, rows, tmp_path)[0]) == bits([[y] for y in program(rows)])


@needs_c
@pytest.mark.parametrize(
    'labels',
    every(3, [
        ['int', 'double', 'row', 'parameters', 'outputs', 'gradient'],
        ['exp', 'fabs', 'y1', 'gamma', 'INFINITY', 'main'],
        ['a b', 'a_b', '*/', '3', '', 'linux'],
        ['x1', 'w1', 'v1', 'program', 'program_gradient', 'program_parameters'],
        ['bool', 'true', 'asm', 'θ', 'if', '"'],
    ]),
    ids=lambda labels: labels[0],
)
def test_any_label_will_do(labels: list[str], tmp_path: Path) -> None:
    xs = [Value(k + 0.5, label) for k, label in enumerate(labels)]
    y = F.sum([x.exp() * xs[0] for x in xs])
    y.label = labels[0]
    program = compile(abs(y) * y, rows=xs[:3], parameters=xs[3:], backend='python')
    table, _, slopes = run_c(program, [[0.5, 1.5, 2.5]], tmp_path)
    assert table[0][0] == pytest.approx(program([0.5, 1.5, 2.5]), rel=1e-14)
    assert slopes == pytest.approx(
        program.value_and_gradient([3.5, 4.5, 5.5], [[0.5, 1.5, 2.5]])[1], rel=1e-14
    )


@needs_c
def test_several_outputs_none_and_constants(tmp_path: Path) -> None:
    x, unused, w = Value(0.5), Value(1.0), Value(2.0)
    outputs = [x, w, x * w, 1.5, -inf, nan, Value(-0.0), x * x, F.sum([x] * 300)]
    program = compile(outputs, rows=[unused, x], backend='python')
    table, _, slopes = run_c(program, [[9.0, 3.0], [9.0, -1.0]], tmp_path)
    assert bits(table) == bits(program([[9.0, 3.0], [9.0, -1.0]]))
    assert slopes == [0.0, 0.0]  # of w and the leaf -0.0: without a single output there is no gradient
    assert 'program_gradient' not in program.to_c()
    for y in (x * 2, Value(3.0) * 1):
        program = compile(y, rows=[x], backend='python')
        assert run_c(program, [[1.0]], tmp_path)[0] == [[program([1.0])]]
    constant = compile([2.5], rows=[x], backend='python')
    assert run_c(constant, [[1.0]], tmp_path)[0] == [[2.5]]


def test_names_that_are_none_are_refused() -> None:
    x = Value(1.0)
    program = compile(x * x, rows=[x], backend='python')
    for name in ('', 'two words', '2nd', 'int', 'exp', 'main', 'θ', 'a-b', 'fabs', 'pow', 'tanhf'):
        with pytest.raises(ValueError, match='name must be an identifier of C that is not taken'):
            program.to_c(name)


def test_parameters_of_now_are_in_the_file() -> None:
    w, x = Value(0.1), Value(1.0)
    program = compile(w * x, rows=[x], backend='python')
    w.data = 1 / 3
    assert '{0.3333333333333333}' in program.to_c()
    for number, text in ((inf, '{INFINITY}'), (-inf, '{-INFINITY}'), (nan, '{NAN}'), (-0.0, '{-0.0}')):
        w.data = number
        assert text in program.to_c()


def every_way() -> Program:
    """A program in which all that is printed occurs, straight."""
    x, w, unused = Value(0.5, 'x'), Value(2.0, 'tanhf'), Value(1.0)
    y = F.where(x.greater(w), x / 3, abs(x).sqrt() ** w) + F.max(x, 0.1, w) - F.dot([x, w], [w, 0.7]) + x.erf()
    return compile(y * 1e-5 + F.sum([x, w, 0.3]), rows=[x], parameters=[w, unused], backend='python')


def in_loops() -> Program:
    xs, a, b = [Value(0.01 * k) for k in range(60)], Value(0.9, 'a'), Value(0.2, 'b')
    y, u = Value(0.5), Value(0.1)
    for k, x in enumerate(xs):
        y, u = (a * y - b * u + x).tanh(), u + 0.01 * y * (k % 3 + 1)
    return compile(y * u, rows=xs, parameters=[a, b], backend='python', loops=True)


def in_a_while() -> Program:
    x, a, b = Value(0.5, 'x'), Value(1.5, 'a'), Value(0.25, 'b')
    with recording():
        state = F.while_loop(lambda y, _: y < 100.0, lambda y, z: (a * y + b, (z - y).sin() * a), x, 0.5, limit=50)
        y = F.sum(state)
    return compile(y, rows=[x], parameters=[a, b], backend='python')


@needs_c
@pytest.mark.parametrize('make', every(3, [every_way, in_loops, in_a_while]), ids=lambda make: make.__name__)
def test_floats_all_the_way(make: Callable[[], Program], tmp_path: Path) -> None:
    """Nothing is promoted to double, which gcc would warn of; the numbers are those of floats."""
    program = make()
    rows = [[0.01 * (j + k) for k in range(program.width)] for j in range(1, 9)]
    table, total, slopes = run_c(program, rows, tmp_path, float32=True)
    expected, gradient = program.value_and_gradient([p.data for p in program.parameters], rows)
    assert 'double' not in program.to_c(float32=True)
    assert [y for (y,) in table] == pytest.approx(program(rows), rel=1e-5)
    assert (total, *slopes) == pytest.approx((expected, *gradient), rel=1e-5)
    assert [y for (y,) in table] != program(rows)


def test_a_float_is_printed_with_the_digits_that_it_has() -> None:
    ws = [Value(number) for number in (0.1, 1 / 3, -2.0, 1e-50, -0.0, 16777217.0, 3.4028234663852886e38, inf)]
    printed = compile(F.sum(ws), parameters=ws, backend='python').to_c(float32=True)
    assert '{0.1f, 0.33333334f, -2.0f, 0.0f, -0.0f, 16777216.0f, 3.4028235e+38f, INFINITY};' in printed
    ws[0].data = 1e39
    with pytest.raises(ValueError, match=r'1e\+39 is more than a float of C can hold'):
        compile(F.sum(ws), parameters=ws, backend='python').to_c(float32=True)


def test_the_gradient_can_be_left_out() -> None:
    program = every_way()
    assert 'double net_gradient(' in program.to_c('net')
    assert 'gradient' not in program.to_c('net', gradient=False)
