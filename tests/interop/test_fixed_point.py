"""Nets in whole numbers: the C is what is said of it, needs no floating point, and is off by no more than it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from math import inf, nan
from pathlib import Path
from random import Random
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, cross_entropy, train
from microgradnet import functions as F
from microgradnet.compiling.guards import BranchError
from microgradnet.compiling.printers.c_fixed import Lookup, Narrow
from microgradnet.engine.custom import custom
from microgradnet.interop.fixed_point import ALL, FixedPoint
from microgradnet.interop.take_along import whole_to_c
from microgradnet.nets.net import Standardisation
from tests.compiling.test_to_c import COMPILER, STRICT, needs_c
from tests.support.examples import every

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include "net.c"
int main(void)
{
    TYPE row[WIDTH], outputs[COUNT];
    int number;
    for (;;) {
        for (int k = 0; k < WIDTH; k++) {
            if (scanf("%d", &number) != 1) return 0;
            row[k] = (TYPE)number;
        }
        net_predict(row, outputs);
        for (int k = 0; k < COUNT; k++) printf("%d ", outputs[k]);
        printf("%s\n", CLASS);
    }
}
"""


def in_c(net: MLP, text: str, rows: Sequence[Sequence[int]], folder: Path, bits: int) -> list[list[str]]:
    """Compile it without a warning and without a register for floats; return what it prints for rows."""
    main = MAIN.replace('TYPE', f'int{bits}_t').replace('WIDTH', str(net.inputs)).replace('COUNT', str(net.sizes[-1]))
    (folder / 'net.c').write_text(text, 'utf-8')
    (folder / 'main.c').write_text(main.replace('CLASS', 'net_classify(row)' if net.classes else '""'))
    no_floats = ['-mgeneral-regs-only'] if takes('-mgeneral-regs-only') else []
    checked = ['-fsanitize=undefined', '-fno-sanitize-recover'] if takes('-fsanitize=undefined') else []
    for command in (
        [str(COMPILER), *STRICT, *no_floats, '-O1', '-c', 'net.c', '-o', 'net.o'],
        [str(COMPILER), '-std=c99', '-O1', *checked, 'main.c', '-o', 'main'],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + text
    data = ' '.join(str(x) for row in rows for x in row)
    done = subprocess.run([folder / 'main'], input=data, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@cache
def takes(option: str) -> bool:
    command = [str(COMPILER), option, '-x', 'c', '-', '-o', '/dev/null']
    return subprocess.run(command, input='int main(void) { return 0; }', capture_output=True, text=True).returncode == 0


def net_of(*activations: Any, standardised: bool = False, seed: int = 1) -> MLP:
    net = MLP(2, [5, 4, 3], activations[0], activations[-1], seed=seed)
    if standardised:
        net.standardisation = Standardisation((100.0, -0.3), (25.0, 0.01))
    return net


def box(standardised: bool) -> list[tuple[float, float]]:
    return [(50.0, 150.0), (-0.33, -0.27)] if standardised else [(-2.0, 2.0), (-1.0, 3.0)]


def rows_in(ends: Sequence[tuple[float, float]], count: int, seed: int = 0) -> list[list[float]]:
    random = Random(seed)
    return [[random.uniform(low, high) for low, high in ends] for _ in range(count)]


CASES = [
    (numbers, activations, standardised)
    for numbers in ('q4.11', 'q7.8', 'int16', 'int8')
    for activations in (('tanh', 'identity'), ('relu', 'sigmoid'), ('softplus', lambda r: F.sin(r) * 0.5))
    for standardised in (False, True)
    if not (standardised and numbers.startswith('q'))
]


@needs_c
@pytest.mark.parametrize(('numbers', 'activations', 'standardised'), [
    ('q7.8', ('relu', 'identity'), False), *(pytest.param(*case, marks=pytest.mark.slow) for case in CASES),
])  # fmt: skip
def test_the_c_computes_what_is_said_and_is_off_by_no_more(
    numbers: str, activations: tuple[Any, Any], standardised: bool, tmp_path: Path
) -> None:
    net, ends = net_of(*activations, standardised=standardised), box(standardised)
    examples = rows_in(ends, 100)
    corners = [[x, y] for x in ends[0] for y in ends[1]]
    made = FixedPoint(net, numbers, examples + corners)
    rows = rows_in(ends, 200, seed=1) + corners
    whole = [made.quantised(row) for row in rows]
    unit = 2.0**made.output
    answers = [made(row) for row in whole]
    wanted = net.predict(rows)
    worst = max(abs(y / unit - t) for ys, ts in zip(answers, wanted) for y, t in zip(ys, ts))
    assert worst <= made.bound
    assert made.measured is not None and worst <= 3 * made.measured + 1 / unit
    # Whatever the row, the C does the same, and nothing overflows.
    low, high = made.least, made.top
    wild = [[low, low], [low, high], [high, low], [high, high], [0, 0], *rows_in([(low, high)] * 2, 300, seed=2)]
    every_row = whole + [[int(x) for x in row] for row in wild]
    text = whole_to_c(made, 'net')
    printed = in_c(net, text, every_row, tmp_path, made.bits)
    assert [[*map(int, line)] for line in printed] == [made(row) for row in every_row]
    assert not re.search(r'float|double|math\.h|\d\.\d', text[text.index('#include') :])
    assert f'at most {made.bound:.3g}' in text and f'{made.measured:.3g}' in text


@pytest.mark.slow
@needs_c
def test_a_classifier_and_the_learned_xor(tmp_path: Path) -> None:
    xor = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], ['no', 'yes', 'yes', 'no'])
    net = MLP(2, [4, 2], 'tanh', seed=3)
    train(net, xor, learning_rate=0.5, epochs=300, error=cross_entropy)
    made = FixedPoint(net, 'int8', xor.inputs)
    printed = in_c(net, whole_to_c(made, 'net'), [*map(made.quantised, xor.inputs)], tmp_path, 8)
    assert [line[-1] for line in printed] == net.classify(xor.inputs) == ['no', 'yes', 'yes', 'no']


@needs_c
def test_the_number_of_a_class_that_is_nearest_to_the_only_output(tmp_path: Path) -> None:
    net = MLP.from_weights([[[2.0]]], [[0.5]])
    net.classes = ['none', 'one', 'two']
    rows = [[-1.0], [0.0], [0.24], [0.26], [0.7], [0.8], [30.0]]
    made = FixedPoint(net, 'q7.8')
    printed = in_c(net, whole_to_c(made, 'net'), [*map(made.quantised, rows)], tmp_path, 16)
    assert [line[-1] for line in printed] == net.classify(rows)


def test_what_is_too_large_saturates() -> None:
    net = MLP.from_weights([[[1.5]]], [[0.0]])
    made = FixedPoint(net, 'q1.6')
    assert [made([x]) for x in (-128, -90, 10, 90, 127)] == [[-128], [-128], [15], [127], [127]]
    assert made.quantised([1000.0]) == [127] and made.quantised([-1000.0]) == [-128]


def test_halves_go_up_and_shifts_to_the_left_are_cut_off() -> None:
    assert [Narrow(2, -8, 7)(x) for x in (1, 2, 3, -2, -3, 1000, -1000)] == [0, 1, 1, 0, -1, 7, -8]
    assert [Narrow(-2, -8, 7)(x) for x in (1, -1, 5, -5)] == [4, -4, 7, -8]


def test_a_table_goes_straight_between_its_nodes_and_on_behind_them() -> None:
    table = Lookup((0, 8, 12), 0, 2, -100, 100)
    assert [table(x) for x in (0, 1, 2, 4, 5, 8, 12, -4, 400)] == [0, 2, 4, 8, 9, 12, 16, -8, 100]
    assert table.every()[::97] == [table(x) for x in ALL[::97]]


@pytest.mark.parametrize('g', every(8, ['tanh', 'sigmoid', 'relu', 'silu', 'gelu', 'softplus', 'leaky_relu', 'sin']))
def test_a_table_is_exact_to_few_units_wherever_an_argument_may_be(g: str) -> None:
    net = MLP.from_weights([[[1.0]]], [[0.0]], output_activation=g)
    made = FixedPoint(net, 'q3.12')
    exact = net.predict([[x / 4096] for x in ALL[::61]])
    wrong = max(abs(made([x])[0] / 4096 - max(-8.0, min(8.0, y))) for x, y in zip(ALL[::61], exact))
    assert wrong <= 2.5 / 4096
    assert wrong <= made.bound < 0.01


def net_with(**changes: float) -> MLP:
    net = MLP.from_weights([[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]]], [[0.0, 0.0], [0.0]], 'tanh')
    neuron = net.layers[0].neurons[1]
    if 'weight' in changes:
        neuron.weights[1].data = changes['weight']
    if 'bias' in changes:
        neuron.bias.data = changes['bias']
    return net


def several() -> MLP:
    net = net_with()
    net.layers[0].neurons[1].activation = net.layers[1].neurons[0].activation
    return net


STEEP = MLP.from_weights([[[1.0]]], [[0.0]], output_activation='tan')
EXAMPLES = [[0.5, 0.25], [1.5, -2.0]]


@pytest.mark.parametrize(('make', 'numbers', 'examples', 'said'), [
    (lambda: net_with(weight=9.0), 'q3.12', None, r'q3.12 ends at 7.99976; weight 2 of neuron 2 of layer 1 is 9$'),
    (lambda: net_with(weight=9.0), 'q15', None, r'q15 ends at 0.999969; weight 2 of neuron 2 of layer 1 is 9$'),
    (lambda: net_of('tanh', standardised=True), 'q4.11', None, 'ends at 15.9995; the mean of the input x1 is 100$'),
    (lambda: net_with(bias=1e5), 'q3.12', None, 'neuron 2 of layer 1 may need more than 32 bits for its sum in q3.12'),
    (lambda: net_with(bias=nan), 'int8', EXAMPLES, 'int8 has finite numbers only; the bias of neuron 2 .* is nan'),
    (lambda: net_with(bias=-inf), 'q3.12', None, 'q3.12 has finite numbers only; the bias of neuron 2 .* is -inf'),
    (lambda: MLP(20, [1], seed=1), 'q15', None, 'neuron 1 of layer 1 may need more than 32 bits'),
    (net_with, 'q3.12', [[0.5, 9.0]], r'q3.12 ends at 7.99976; the input x2 of examples\[0\] is 9$'),
    (lambda: MLP.from_weights([[[4.0]]], [[0.0]]), 'q3.12', [[1.0], [3.0]],
     r'q3.12 ends at 7.99976; the output of neuron 1 of layer 1 for examples\[1\] is 12$'),
    (lambda: MLP.from_weights([[[4.0]]], [[0.0]], output_activation='sin'), 'q3.12', [[1.0], [3.0]],
     r'q3.12 ends at 7.99976; the net input of neuron 1 of layer 1 for examples\[1\] is 12$'),
    (lambda: STEEP, 'q3.12', None, 'tan, the activation of layer 1, is too steep for a table in q3.12'),
    (lambda: MLP.from_weights([[[1.0]]], [[0.0]], output_activation='log'), 'q3.12', None,
     'log, the activation of layer 1, has no value at -8, where net inputs may be'),
    (lambda: MLP.from_weights([[[800.0]]], [[0.0]], output_activation='exp'), 'int16', [[1.0]],
     r'the output of neuron 1 of layer 1 for examples\[0\] is inf$'),
    (several, 'q3.12', None, 'the neurons of layer 1 have several activations'),
    (net_with, 'int16', None, r'int16 finds where the points are by examples=, and there are none'),
    (net_with, 'int16', [], r'int16 finds where the points are by examples='),
    (net_with, 'int16', [[1.0]], r'examples\[0\] must be 2 finite numbers, not \[1.0\]'),
    (net_with, 'q3.12', [[1.0, 2.0], [1.0, float('nan')]], r'examples\[1\] must be 2 finite numbers'),
    (net_with, 'q3.11', None, r"fixed_point must be 'int8' or 'int16', or 'qm.n' .* not 'q3.11'"),
    (net_with, 'q31', None, "fixed_point must be 'int8' or 'int16'"),
])  # fmt: skip
def test_what_does_not_fit_is_named(make: Callable[[], MLP], numbers: str, examples: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make().to_c(fixed_point=numbers, examples=examples)


def test_outputs_that_all_saturate_have_no_bound_below_0() -> None:
    net = MLP.from_weights([[[0.05]]], [[1.75]], output_activation='exp')  # of 5.2 at least, and q1.6 ends at 2
    assert 0 <= FixedPoint(net, 'q1.6').bound < 0.1


def test_a_net_input_beyond_the_format_may_saturate_where_the_activation_rests() -> None:
    net = MLP.from_weights([[[4.0]]], [[0.0]], output_activation='tanh')
    made = FixedPoint(net, 'q3.12', [[1.0], [3.0]])
    assert made([made.quantised([3.0])[0]]) == [4096]


@pytest.mark.slow
def test_a_function_of_ones_own_goes_too_but_not_one_that_branches() -> None:
    cube = custom(lambda a: a**3, partials=lambda a: (3 * a * a,), name='cube')
    net = MLP.from_weights([[[0.5]]], [[0.0]], output_activation=cube)
    made = FixedPoint(net, 'int16', [[-1.0], [1.5]])
    assert made(made.quantised([1.5]))[0] / 2**made.output == pytest.approx(0.421875, abs=1e-4)
    net = MLP(1, [1], output_activation=lambda r: r if r > 0 else r * 0.1)
    with pytest.raises(BranchError):
        net.to_c(fixed_point='q3.12')


@pytest.mark.parametrize(('examples', 'said'), [
    (3, 'examples must be a list of rows, not 3 of type int'),
    ([3], r'examples\[0\] must be a list of numbers'),
    ([['a', 'b']], r'examples\[0\], number 0, must be a real number'),
    ('ab', 'examples must be a list of rows'),
])  # fmt: skip
def test_other_examples_are_refused(examples: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        net_with().to_c(fixed_point='q3.12', examples=examples)


def test_a_name_that_the_file_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="name must be an identifier of C that is not taken, not 'int16_t'"):
        net_with().to_c('int16_t', fixed_point='q3.12')


def test_options_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="float32=True and fixed_point='q15' exclude each other"):
        MLP(1, [1]).to_c(float32=True, fixed_point='q15')
    with pytest.raises(ValueError, match='examples= is for fixed_point='):
        MLP(1, [1]).to_c(examples=[[1.0]])
    with pytest.raises(TypeError, match='fixed_point must be'):
        MLP(1, [1]).to_c(fixed_point=15)  # type: ignore[arg-type]
