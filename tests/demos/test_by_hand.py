"""The demo by_hand: both columns, what it prints, and that it runs as a script and as a module."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest

from demos import by_hand as demo
from tests.support import ROOT
from tests.support import by_hand as formulas

UPDATED = [
    'w_{3,5}', 'w_{4,5}', 'b_5', 'w_{1,3}', 'w_{2,3}', 'b_3', 'w_{1,4}', 'w_{2,4}', 'b_4',
    'w_{x1,1}', 'w_{x2,1}', 'b_1', 'w_{x1,2}', 'w_{x2,2}', 'b_2',
]  # fmt: skip
PER_SAMPLE = [
    'r_1', 'r_2', 'r_3', 'r_4', 'g(r_1)', 'g(r_2)', 'g(r_3)', 'g(r_4)', 'r_5', 'y', 'δ', 'δ_3', 'δ_4', 'δ_1', 'δ_2',
]  # fmt: skip


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, list[Any]], str]:
    """The demo's lines, and what it printed."""
    return demo.main(), capsys.readouterr().out


def test_every_number_is_compared(lines: Any) -> None:
    for compared in lines[0].values():
        samples = len(demo.TEACHER_SET)
        assert [line.name for line in compared] == [n for n in PER_SAMPLE for _ in range(samples)] + UPDATED + ['E']


def test_fractions_are_equal_and_floats_within_a_few_ulps(lines: Any) -> None:
    exact, floats = lines[0]['softsign'], lines[0]['sigmoid']
    assert all(line.hand == line.engine and line.verdict == '==' for line in exact)
    assert {type(line.engine) for line in exact} == {Fraction}
    for line in floats:
        assert line.engine == pytest.approx(line.hand, rel=1e-14)
        assert type(line.hand) is type(line.engine) is float


def test_the_hand_column_is_the_derivations(lines: Any) -> None:
    """The demo's formulas against those of the tests, which are another transcription."""
    names = dict(zip(demo.WEIGHTS, formulas.ThreeLayers.names(), strict=True))
    weights = {names[name]: Fraction(w) for name, w in demo.WEIGHTS.items()}
    net = formulas.ThreeLayers((2, 2, 2, 1), weights, formulas.softsign)
    taught = formulas.batch(net, [(x, [t]) for x, t in demo.TEACHER_SET], demo.LEARNING_RATE)
    by_name = {line.name: line.hand for line in lines[0]['softsign']}
    assert {names[n]: by_name[n] for n in UPDATED} == taught.weights


def test_the_example_can_tell_neurons_and_weights_apart(lines: Any) -> None:
    values: dict[str, list[Any]] = {}
    for line in lines[0]['softsign']:
        values.setdefault(line.name, []).append(line.hand)
    for a, b in (('r_1', 'r_2'), ('r_3', 'r_4')):
        assert all(abs(x) != abs(y) for x, y in zip(values[a], values[b]))
    assert demo.WEIGHTS['w_{3,5}'] != demo.WEIGHTS['w_{4,5}']
    assert all(values[name] != [demo.WEIGHTS[name]] for name in UPDATED)  # each one learns
    assert len({*values['y']}) == len(demo.TEACHER_SET)


def test_what_is_printed_is_aligned_and_says_what_was_found(lines: Any) -> None:
    text = lines[1]
    for name in [*PER_SAMPLE, *UPDATED, 'error introduced · gradient · input', 'by hand', 'engine']:
        assert name in text
    assert 'NOT EQUAL' not in text
    assert '\033' not in text  # no colours where there is no terminal
    exact = lines[0]['softsign']
    assert f'Of {len(exact)} numbers compared, {len(exact)} are equal to the last digit.' in text
    updates = [line for line in text.splitlines() if ' - h Σ ' in line and '·' in line and line.endswith('==')]
    assert len({line.index('==') for line in updates[: len(UPDATED)]}) == 1
    assert max(map(len, text.splitlines())) <= 110


def test_its_examples_hold() -> None:
    assert doctest.testmod(demo) == (0, 1)  # failed, tried


def test_an_inequality_would_be_shown() -> None:
    assert demo.Line('w', Fraction(1, 3), Fraction(1, 2)).verdict == 'NOT EQUAL'
    assert demo.Line('w', 1.0, 1.0 + 2**-51).verdict == '2 ulp'


def test_a_terminal_sees_the_derivations_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.sys.stdout, 'isatty', lambda: True, raising=False)
    monkeypatch.delenv('NO_COLOR', raising=False)
    assert [demo.paint('x', part) for part in ('error introduced', 'gradient', 'input')] == [
        '\033[31mx\033[0m', '\033[32mx\033[0m', '\033[34mx\033[0m',
    ]  # fmt: skip
    monkeypatch.setenv('NO_COLOR', '1')
    assert demo.paint('x', 'input') == 'x'


@pytest.mark.parametrize('how', [['demos/by_hand.py'], ['-m', 'demos.by_hand']])
def test_it_runs_as_a_script_and_as_a_module(how: list[str]) -> None:
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONIOENCODING': 'ascii'}
    done = subprocess.run([sys.executable, *how], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert 'equal to the last digit' in done.stdout
    assert done.stderr == ''
