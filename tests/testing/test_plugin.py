"""The marker ``gradients``: it draws functions and points, shrinks what fails, and shows a program to paste."""

from __future__ import annotations

import ast
import configparser
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from microgradnet import Value
from microgradnet.testing import engines
from microgradnet.testing.drawn import drawn
from tests.support.examples import for_each

ROOT = Path(microgradnet.__file__).parents[1]


def of_ours(f: Any, point: tuple[float, ...]) -> list[float]:
    xs = [Value(x) for x in point]
    f(*xs).backward()
    return [x.grad for x in xs]


def notes(test: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        test()
    [note] = caught.value.__notes__
    return str(note)


def test_a_right_engine_passes() -> None:
    def test(f: Any, point: Any, value: Any, gradient: Any) -> None:
        assert f(*point) == pytest.approx(value)
        assert of_ours(f, point) == pytest.approx(gradient)
        tried.append(f)

    tried: list[Any] = []
    drawn(test, examples=15)()
    assert len(tried) > 10


def test_what_fails_is_shrunk_to_a_program_that_can_be_pasted() -> None:
    def test(f: Any, point: Any, gradient: Any) -> None:
        assert sum(of_ours(f, point)) < 1.5

    note = notes(drawn(test, operations=['add', 'mul'], examples=200))
    assert note.splitlines() == [
        '', '', 'def f(x):', '    y = x + x', '    return y', '', 'point = (1.0,)  # wanted 2.0, 2.0',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('engine', 'lines'),
    [
        (Value, ['x = Value(1.0)', 'y = x.tanh()', 'y.backward()', 'print(y.data, x.grad)  # wanted 0.76']),
        (engines.autograd, ['def f(x):', '    y = np.tanh(x)', '    return y', '', 'point = (1.0,)']),
    ],
)
def test_a_function_is_written_as_the_engine_has_it(engine: Any, lines: list[str]) -> None:
    def test(f: Any) -> None:
        raise AssertionError

    if engine is engines.autograd:
        pytest.importorskip('autograd')
    note = notes(drawn(test, engine=engine, operations=['tanh'], steps=1, examples=20))
    assert '\n'.join(lines) in note
    assert note.strip().startswith('from microgradnet' if engine is Value else 'import autograd')


def test_fixtures_stay() -> None:
    def test(self: Any, f: Any, scale: float, point: Any = ()) -> None:
        assert (self, scale) == ('self', 2.0) and f and point

    drawn(test, examples=2)('self', scale=2.0)
    drawn(test, examples=2)('self', 2.0)


@for_each(
    ('options', 'error', 'said'),
    [
        ({'operations': ['add', 'tangent']}, ValueError, "operations must be some of add, .*, not 'tangent'"),
        ({'operations': ['sigmoid'], 'engine': engines.autograd}, ValueError, "some of add, .*, not 'sigmoid'"),
        ({'operations': 'add'}, TypeError, 'operations must be a list of names'),
        ({'steps': 0}, ValueError, 'steps must be'),
        ({'engine': 'jax'}, TypeError, "must be a class, .*, not 'jax' of type str"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        drawn(lambda f: None, **options)


def test_a_test_that_takes_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match=r'must take one at least of f, point, value, gradient; it takes \(x\)'):
        drawn(lambda x: None)


def test_a_test_whose_call_would_run_nothing_is_refused() -> None:
    async def later(f: Any) -> None:
        raise AssertionError

    def parts(f: Any) -> Iterator[None]:
        yield

    for test in later, parts:
        with pytest.raises(TypeError, match='must not be async nor yield'):
            drawn(test)


def test_pytest_finds_it_and_it_imports_nothing() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / 'setup.cfg')
    assert settings['options.entry_points']['pytest11'].split() == ['microgradnet', '=', 'pytest_microgradnet']
    assert settings['options']['py_modules'] == 'pytest_microgradnet'
    tree = ast.parse((ROOT / 'pytest_microgradnet.py').read_text('utf-8'))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {'__future__', 'typing', 'pytest'}


TESTS = """
import pytest
from microgradnet import Value

@pytest.fixture
def least():
    return 1.5

@pytest.mark.gradients(operations=['add'])
@pytest.mark.parametrize('scale', [1, 0])
def test_plain(f, point, gradient, least, scale):
    xs = [Value(x) for x in point]
    f(*xs).backward()
    assert [x.grad for x in xs] == gradient
    assert scale or gradient[0] < least

class TestOfAClass:
    @pytest.mark.gradients(engine=Value, operations=['exp', 'mul'])
    def test_method(self, f, point, value):
        assert f(*map(Value, point)).data == pytest.approx(value)

@pytest.mark.gradients(operations=['mul'])
class TestAllOfAClass:
    def test_method(self, f, point, value):
        assert f(*point) == pytest.approx(value)

    def test_of_something_else(self, least):
        assert least

@pytest.mark.gradients()
def nothing_to_collect(f):
    pass

def test_without(least):
    pass
"""


MARKED = 'import pytest\n@pytest.mark.gradients'


@pytest.mark.slow
@pytest.mark.parametrize(
    ('tests', 'wanted'),
    [
        (TESTS, ['1 failed, 5 passed', 'test_it.py::test_plain[0]', 'y = x + x\n', 'point = (1.0,)  # wanted 2.0,']),
        (f'{MARKED}(steps=0)\ndef test_it(f): pass', ['test_it: steps must be a whole number of at least 1']),
        (
            f'import sys\nsys.modules["hypothesis"] = None\n{MARKED}\ndef test_it(f): pass',
            ["test_it: the marker gradients needs hypothesis: pip install 'microgradnet[testing]'"],
        ),
        (f'{MARKED}\ndef test_it(): pass', ['test_it: a test of gradients must take one']),
    ],
)  # fmt: skip
def test_a_run_of_pytest(tests: str, wanted: list[str], tmp_path: Path) -> None:
    (tmp_path / 'test_it.py').write_text(tests)
    command = [sys.executable, '-m', 'pytest', '-p', 'pytest_microgradnet', '--strict-markers', '-W', 'error', '-rf']
    here = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'}
    done = subprocess.run([*command, tmp_path], cwd=tmp_path, env=here, capture_output=True, text=True, timeout=120)
    assert done.returncode
    for words in wanted:
        assert words in done.stdout, done.stdout


@pytest.mark.slow
def test_pytest_starts_without_the_package(tmp_path: Path) -> None:
    (tmp_path / 'test_it.py').write_text(
        "import sys\ndef test_it(): assert not [name for name in sys.modules if name.split('.')[0] == 'microgradnet']"
    )
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'pytest_microgradnet', 'test_it.py']
    here = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'}
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=120)
    assert '1 passed' in done.stdout, done.stdout
