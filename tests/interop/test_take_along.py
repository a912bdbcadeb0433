"""Nets taken along: trained, printed as JavaScript and as C, and run without Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from math import inf, isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, Value, cross_entropy, train
from microgradnet.compiling.guards import BranchError
from microgradnet.compiling.readings import ReadingError
from microgradnet.engine.custom import custom
from microgradnet.engine.numbers import Fraction
from microgradnet.interop.take_along import recorded
from tests.compiling.test_javascript import NODE, needs_node, numbers
from tests.compiling.test_to_c import COMPILER, STRICT, needs_c
from tests.support.examples import every

#: Reads rows; writes what the net answers to each, and its class.
IN_NODE = """
import * as net from './net.mjs';
import {readFileSync} from 'node:fs';
const number = {inf: Infinity, '-inf': -Infinity, nan: NaN};
const asked = (ask, row) => { try { return ask(row); } catch (error) { return `${error}`; } };
const rows = JSON.parse(readFileSync(0)).map((row) => row.map((x) => number[x] ?? Number(x)));
console.log(JSON.stringify(rows.map((row) => ({
    predict: asked(net.predict, row), classify: net.classify && asked(net.classify, row),
})), (_, x) => typeof x !== 'number' ? x : Object.is(x, -0) ? '-0.0' : String(x).replace('Infinity', 'inf')));
"""
IN_C = r"""
#include <stdio.h>
#include <stdlib.h>
#include "net.c"
int main(void)
{
    REAL row[WIDTH], outputs[COUNT];
    char word[64];
    for (;;) {
        for (int k = 0; k < WIDTH; k++) {
            if (scanf("%63s", word) != 1) return 0;
            row[k] = (REAL)strtod(word, NULL);
        }
        net_predict(row, outputs);
        for (int k = 0; k < COUNT; k++) printf("%a ", (double)outputs[k]);
        printf("%s\n", CLASS);
    }
}
"""


def in_node(net: MLP, rows: Sequence[Sequence[float]], folder: Path) -> list[dict[str, Any]]:
    (folder / 'net.mjs').write_text(net.to_js(), 'utf-8')
    (folder / 'main.mjs').write_text(IN_NODE)
    data = json.dumps([[repr(float(x)) for x in row] for row in rows])
    done = subprocess.run([str(NODE), 'main.mjs'], cwd=folder, input=data, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def in_c(
    net: MLP, rows: Sequence[Sequence[float]], folder: Path, float32: bool = False
) -> tuple[list[list[float]], list[str]]:
    """Return outputs and classes, as a program prints them that compiles without a warning."""
    text = net.to_c(float32=float32)
    main = IN_C.replace('WIDTH', str(net.inputs)).replace('COUNT', str(net.sizes[-1]))
    main = main.replace('REAL', 'float' if float32 else 'double')
    main = main.replace('CLASS', 'net_classify(row) ? net_classify(row) : "(none)"' if net.classes else '""')
    (folder / 'net.c').write_text(text, 'utf-8')
    (folder / 'main.c').write_text(main)
    for command in (
        [str(COMPILER), *STRICT, *['-Wdouble-promotion'] * float32, '-O1', '-c', 'net.c', '-o', 'net.o'],
        [str(COMPILER), '-std=c99', '-O1', 'main.c', '-lm', '-o', 'main'],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + text
    data = ' '.join(float(x).hex() for row in rows for x in row)
    said = subprocess.run([folder / 'main'], input=data.encode(), capture_output=True, check=True).stdout.decode()
    lines = [line.split(' ', net.sizes[-1]) for line in said.splitlines()]
    return [[float.fromhex(word) for word in words[:-1]] for words in lines], [words[-1] for words in lines]


FLOWERS = {'setosa': (5.0, 3.4, 1.5), 'versi"color\\': (5.9, 2.8, 4.3), 'virginíca': (6.6, 3.0, 5.6)}


@pytest.fixture(scope='module')
def flowers() -> TeacherSet:
    random = Random(1)
    rows = [[random.gauss(mean, 0.4) for mean in means] for means in FLOWERS.values() for _ in range(12)]
    names = [name for name in FLOWERS for _ in range(12)]
    return TeacherSet(rows, names, standardise=True, input_names=['sepal length (cm)', '*/ </script>', 'WIDTH\n'])


@pytest.fixture(scope='module')
def irises(flowers: TeacherSet) -> MLP:
    """A classifier of an output for each class."""
    net = MLP(3, [4, 3], activation='tanh', seed=2)
    train(net, flowers, learning_rate=0.5, epochs=60, error=cross_entropy)
    assert net.standardisation and net.classes == tuple(FLOWERS)
    assert {*net.classify(flowers.inputs)} == {*FLOWERS}
    return net


def grades() -> MLP:
    """A net whose lone output is the number of a class."""
    net = MLP.from_weights([[[2.0]]], [[0.5]])
    net.classes = [10, True, 'best']
    return net


HALVES = [[k / 8 - 1.0] for k in range(20)] + [[inf], [-inf], [1e300]]


@pytest.mark.slow
@needs_node
def test_a_classifier_in_javascript(irises: MLP, flowers: TeacherSet, tmp_path: Path) -> None:
    rows = [[*map(float, row)] for row in flowers.inputs]
    found = in_node(irises, rows, tmp_path)
    for answer, expected in zip(found, irises.predict(rows), strict=True):
        assert numbers(answer['predict']) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert [answer['classify'] for answer in found] == irises.classify(rows)


@needs_c
@pytest.mark.parametrize('float32', [False, True])
def test_a_classifier_in_c(irises: MLP, flowers: TeacherSet, float32: bool, tmp_path: Path) -> None:
    rows = [[*map(float, row)] for row in flowers.inputs]
    outputs, classes = in_c(irises, rows, tmp_path, float32)
    least = 1e-5 if float32 else 1e-12
    for found, expected in zip(outputs, irises.predict(rows), strict=True):
        assert found == pytest.approx(expected, rel=least, abs=least)
    assert classes == irises.classify(rows)


@needs_node
def test_a_lone_output_and_its_classes_in_javascript(tmp_path: Path) -> None:
    found = in_node(grades(), HALVES, tmp_path)
    assert [numbers(answer['predict']) for answer in found] == grades().predict(HALVES)
    classes = [numbers(answer['classify']) if answer['classify'] == '10' else answer['classify'] for answer in found]
    assert classes == grades().classify(HALVES)
    assert classes.count(True) == len([row for row in HALVES if 0.5 < 2 * row[0] + 0.5 <= 1.5]) > 0


@needs_c
def test_a_lone_output_and_its_classes_in_c(tmp_path: Path) -> None:
    outputs, classes = in_c(grades(), HALVES, tmp_path)
    assert [y for (y,) in outputs] == grades().predict(HALVES)
    assert classes == [*map(str, grades().classify(HALVES))]


@needs_node
def test_a_nan_and_a_row_of_another_length_in_javascript(irises: MLP, tmp_path: Path) -> None:
    for net in irises, grades():
        row = [nan] * net.inputs
        without, full = in_node(net, [[1.0] * (net.inputs + 1), row], tmp_path)
        assert without['predict'] == without['classify']
        assert without['predict'] == f'RangeError: the net takes a row of {net.inputs}, not of {net.inputs + 1}'
        assert full['classify'].startswith('RangeError: a net that answers NaN')


@needs_c
def test_a_nan_is_of_no_class_in_c(irises: MLP, tmp_path: Path) -> None:
    for net in irises, grades():
        outputs, classes = in_c(net, [[nan] * net.inputs], tmp_path)
        assert all(map(isnan, outputs[0])) and classes == ['(none)']


def regression() -> MLP:
    return MLP(2, [3, 1], 'softplus', lambda r: r.sin() * 2, seed=3)


def exact() -> MLP:
    return MLP.from_weights([[[Fraction(1, 3), 2]], [[3]]], [[0], [Fraction(1, 2)]], 'identity')


def folded() -> MLP:
    """A net so large that it is printed in loops."""
    return MLP(2, [40, 40, 1], 'tanh', seed=4)


def tied() -> MLP:
    """A net with a weight that two neurons share."""
    net = MLP(2, [2, 1], 'tanh', seed=5)
    net.layers[0].neurons[1].weights[0] = net.layers[0].neurons[0].weights[0]
    return net


@needs_c
@needs_node
@pytest.mark.parametrize('make', every(4, [folded, regression, exact, tied]), ids=lambda make: make.__name__)
def test_nets_without_classes(make: Callable[[], MLP], tmp_path: Path) -> None:
    net, rows = make(), [[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]]
    expected = [*map(float, net.predict(rows))]
    outputs, _ = in_c(net, rows, tmp_path)
    assert [y for (y,) in outputs] == pytest.approx(expected, rel=1e-12)
    found = in_node(net, rows, tmp_path)
    assert [numbers(answer['predict']) for answer in found] == pytest.approx(expected, rel=1e-12)
    assert all('classify' not in answer for answer in found)


def test_names_end_no_comment_and_no_page(irises: MLP) -> None:
    for text in irises.to_js(), irises.to_c():
        assert '</script' not in text
        said = 'for a row of raw numbers: sepal length (cm), * / < /script>, WIDTH .'
        assert f' The outputs (setosa, versi"color\\, virginíca) {said} */' in text


def test_the_numbers_are_those_of_now() -> None:
    net = grades()
    net.layers[0].neurons[0].bias.data = 0.125
    assert 'theta = [2.0, 0.125]' in net.to_js() and 'slope_parameters[2] = {2.0, 0.125}' in net.to_c('slope')
    assert [p.label for p in net.parameters()] == ['', '']


def test_it_is_one_program_of_all_parameters() -> None:
    program, answers = recorded(folded())
    assert program.loops and len(program.parameters) == len(folded().parameters())
    assert (answers.inputs, answers.outputs, answers.classes) == (['x1', 'x2'], ['y'], None)


def test_what_only_python_knows_is_refused() -> None:
    cube = custom(lambda a: a**3, partials=lambda a: (3 * a * a,), name='cube')
    net = MLP(1, [1], output_activation=cube)
    with pytest.raises(TypeError, match='JavaScript cannot print cube: a custom operation is known to Python alone'):
        net.to_js()
    with pytest.raises(TypeError, match='C cannot print cube: a custom operation is known to Python alone'):
        net.to_c()
    net = MLP(1, [1], output_activation=lambda r: r if r > 0 else r * 0.1)
    with pytest.raises(BranchError, match='JavaScript would follow one way only'):
        net.to_js()
    with pytest.raises(BranchError, match='C code would follow one way only'):
        net.to_c()
    net = MLP(1, [1], output_activation=lambda r: r * abs(r.data))
    with pytest.raises(ReadingError, match=r'MLP\(1, \[1\].* cannot be replayed: it reads .data'):
        net.to_js()
    assert Value(2.0).data == 2.0
