"""What users of micrograd rely on: its public behaviour, and its own test file where it can be had."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import microgradnet
from microgradnet.engine.value import Value
from tests.support.examples import for_each


@for_each(
    ('f', 'expected', 'slopes'),
    [
        (lambda a, b: a + b, -1.0, (1.0, 1.0)),
        (lambda a, b: a - b, 5.0, (1.0, -1.0)),
        (lambda a, b: a * b, -6.0, (-3.0, 2.0)),
        (lambda a, b: a / b, -2 / 3, (-1 / 3, -2 / 9)),
        (lambda a, b: -a * -b, -6.0, (-3.0, 2.0)),
        (lambda a, b: a**3 + b**2, 17.0, (12.0, -6.0)),
        (lambda a, b: a**-2 * b, -0.75, (0.75, 0.25)),
        (lambda a, b: a**0.5 - b, math.sqrt(2) + 3.0, (0.5 / math.sqrt(2), -1.0)),
        (lambda a, b: a.relu() + b.relu(), 2.0, (1.0, 0.0)),
        (lambda a, b: (a * b).relu() + (a - b).relu(), 5.0, (1.0, -1.0)),
        (lambda a, b: 1 + a - (2 - b), -2.0, (1.0, 1.0)),
        (lambda a, b: 3 * a * 2 + 6 / b, 10.0, (6.0, -2 / 3)),
        (lambda a, b: sum([a, b, a]), 1.0, (2.0, 1.0)),
        (lambda a, b: a * a * a, 8.0, (12.0, 0.0)),
    ],
)
def test_operators_by_hand(
    f: Callable[[Value, Value], Value], expected: float, slopes: tuple[float, float]
) -> None:
    a, b = Value(2.0), Value(-3.0)
    y = f(a, b)
    y.backward()
    assert y.data == pytest.approx(expected, rel=1e-15)
    assert (a.grad, b.grad) == pytest.approx(slopes, rel=1e-15)


def test_a_longer_expression_by_hand() -> None:
    """One of everything, every node met again; worked out on paper, all numbers exact in binary."""
    a, b = Value(-2.0), Value(4.0)
    c = a * b + b**2  # -8 + 16 = 8
    d = c / 4 - a  # 4
    c += c * 0.5 + (-a)  # 8 + 4 + 2 = 14
    e = (d - c).relu() + (c - d).relu()  # 0 + 10
    f = e**2 / 8 + 5.0 / d  # 12.5 + 1.25
    f.backward()
    assert (c.data, d.data, e.data, f.data) == (14.0, 4.0, 10.0, 13.75)
    # df/de = e / 4 = 2.5; e = c' - d with c' = 1.5 c - a, d = c / 4 - a: de/dc = 1.25, de/da = -1 + 1 = 0.
    # d(5 / d) = -5 / 16 dd, dd/dc = 1/4, dd/da = -1. dc/da = b = 4; dc/db = a + 2 b = 6.
    by_c = 2.5 * 1.25 - 5 / 64
    assert a.grad == by_c * 4 + 5 / 16
    assert b.grad == by_c * 6
    assert (e.grad, f.grad) == (2.5, 1.0)


def test_gradients_are_zero_before_and_add_up_at_leaves() -> None:
    x = Value(3.0)
    assert (x.data, x.grad) == (3.0, 0)
    for _ in range(2):
        (x * 2).backward()
    assert x.grad == 4.0
    x.grad = 0
    (x * x).backward()
    assert x.grad == 6.0


def fetch(into: Path) -> Path:
    """Get micrograd's source distribution from the registry that pip uses; return its test file."""
    pip = [
        sys.executable,
        '-m',
        'pip',
        'download',
        '--quiet',
        '--no-deps',
        '--no-build-isolation',
        '--no-binary',
        ':all:',
    ]
    got = subprocess.run(
        [*pip, '--dest', str(into), 'micrograd'], capture_output=True, text=True, timeout=300
    )
    archives = [*into.glob('micrograd-*.tar.gz')]
    if not archives:
        pytest.skip(f'pip could not download micrograd: {got.stderr.strip()[-300:]}')
    with tarfile.open(archives[0]) as archive:
        names = [name for name in archive.getnames() if name.endswith('test_engine.py')]
        if not names:
            pytest.skip(f'{archives[0].name} carries no test_engine.py: {archive.getnames()}')
        member = archive.extractfile(names[0])
        assert member is not None
        file = into / 'test_engine.py'
        file.write_bytes(member.read())
    return file


@pytest.mark.slow
def test_micrograds_own_tests_pass_with_only_the_import_changed(tmp_path: Path) -> None:
    if importlib.util.find_spec('torch') is None:
        pytest.skip('micrograd compares itself with torch, which is not installed')
    file = fetch(tmp_path)
    text = file.read_text()
    line = 'from micrograd.engine import Value'
    assert text.count(line) == 1
    file.write_text(text.replace(line, 'from microgradnet.engine.value import Value'))
    root = str(Path(microgradnet.__file__).parents[1])
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'pytest',
            '-q',
            '-p',
            'no:cacheprovider',
            '--rootdir',
            str(tmp_path),
            str(file),
        ],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'passed' in done.stdout
