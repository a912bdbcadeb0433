"""Programs as C: they compile without a warning, and give the same numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import Program, compile
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.testing.places import flat, operand_sets
from tests.support.backends import bits
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
    program: Program, rows: Sequence[Sequence[float]], folder: Path, name: str = 'program'
) -> tuple[Any, float, Any]:
    """Compile a program's C, warnings being errors, run it over rows; return outputs, total error and gradient."""
    text = program.to_c(name)
    outputs, gradient = program.routine.count, f'double {name}_gradient(' in text
    macros = {
        'WIDTH': program.width, 'OUTPUTS': max(outputs, 1), 'PARAMETERS': len(program.parameters), 'NAME': name,
        'THETA': f'{name}_parameters', 'GRADIENT': int(gradient),
        'CALL': f'{name}_gradient(row, {name}_parameters, gradient)' if gradient else '0.0',
    }  # fmt: skip
    main = MAIN % ''
    for macro, meaning in macros.items():
        main = re.sub(rf'\b{macro}\b', str(meaning), main)
    head = '\n'.join(re.findall(rf'^(?:void|double) {name}\w*\(.*\);$', text, re.M))
    head += f'\nextern const double {name}_parameters[];\n'
    (folder / 'program.c').write_text(text)
    (folder / 'main.c').write_text(head + main)
    command = [str(COMPILER), *STRICT, '-O1', 'program.c', '-c', '-o', 'program.o']
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
    leaves: list[Value] = []
    outputs: list[Value] = []
    points = []
    for name, op in operations.items():
        sets = [operands for operands in operand_sets(op) if not op.vectors or len(operands[0]) == 3]
        if name == 'pow':  # what is not real is inf where it overflows, for algebras.power
            sets = [(a, b) for a, b in sets if a >= 0 or b % 1 == 0]
        points.append([*map(flat, sets)])
        new = [Value(1.5) for _ in points[-1][0]]
        with ieee_arithmetic():
            y = getattr(F, name)(*op.split(new))
        leaves, outputs = leaves + new, [*outputs, y, *gradients(y, new)]
    rows = [[x for tried in points for x in tried[(7 * k) % len(tried)]] for k in range(40)]
    program = compile(outputs, rows=leaves, backend='python')
    table, _, _ = run_c(program, rows, tmp_path)
    for row, found in zip(rows, table, strict=True):
        for number, limit in zip(found, bounded(program.routine, row, [], 2.0), strict=True):
            assert limit.allows(number), (row, number, limit)


@needs_c
def test_exact_arithmetic_gives_the_same_bits(tmp_path: Path) -> None:
    x, w, v = Value(0.5), Value(2.0, 'w'), Value(-1.0)
    y = (
        F.where(x.greater(w), x / v, (x - w) * -1.0 + 3.0)
        - F.max(x * w, -x, v).relu()
        + (x.sqrt() - abs(v)) / 3
    )
    program = compile(y, rows=[x], parameters=[w, v], backend='python')
    rows = [[k / 4] for k in range(17)] + [[inf], [nan], [-0.0]]
    table, total, slopes = run_c(program, rows[:17], tmp_path)
    expected, gradient = program.value_and_gradient([2.0, -1.0], rows[:17])
    assert bits([y for (y,) in table]) == bits(program(rows[:17]))
    assert bits([total, slopes]) == bits([expected, gradient])
    assert bits(run_c(program, rows, tmp_path)[0]) == bits([[y] for y in program(rows)])


@needs_c
@pytest.mark.parametrize(
    'labels',
    [
        ['int', 'double', 'row', 'parameters', 'outputs', 'gradient'],
        ['exp', 'fabs', 'y1', 'gamma', 'INFINITY', 'main'],
        ['a b', 'a_b', '*/', '3', '', 'linux'],
        ['x1', 'w1', 'v1', 'program', 'program_gradient', 'program_parameters'],
        ['bool', 'true', 'asm', 'θ', 'if', '"'],
    ],
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
    for name in ('', 'two words', '2nd', 'int', 'exp', 'main', 'θ', 'a-b'):
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
