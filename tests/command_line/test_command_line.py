"""The command line: what people type is read and never run, and what they get is right, or an error in one line."""

from __future__ import annotations

import configparser
import csv
import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_diabetes, load_iris

import microgradnet
from microgradnet import MLP, TeacherSet, Value, explain_nan, functions, load, operations, play
from microgradnet.__main__ import EXAMPLES, main
from microgradnet.command_line import doctor, parsing, train
from microgradnet.command_line.parsing import parse
from microgradnet.drawing import tree
from tests.support.examples import every, for_each
from tests.support.programs import OPERATORS

ROOT = Path(microgradnet.__file__).parents[1]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process: its status, and what it printed."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            status = int(stop.code or 0)
        return (status, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def unpictured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the history's picture empty, which takes longer than learning; the fixture ``trained`` has a whole one."""
    monkeypatch.setattr(train, 'picture_of', lambda figure, form, **options: b'')


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, '-m', 'microgradnet', *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), **options.pop('environment', {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, **options)


def table(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(StringIO(text))]


def size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        return image.size


def refused(status_and_texts: tuple[int, str, str]) -> str:
    """Require an error: nothing printed but on stderr, and no traceback."""
    status, out, err = status_and_texts
    assert (status, out) == (2, '')
    assert 'Traceback' not in err
    return err


# Expressions.

UNARY = ['sin', 'cos', 'tan', 'exp', 'log', 'sqrt', 'tanh', 'atan', 'asinh', 'sinh', 'erf', 'log1p', 'cbrt', 'acos']
leaves = st.sampled_from(['a', 'b', 'c', 'pi', 'e', '2.0', '0.5', '1e-3', '3.', '.25', '7'])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions, with brackets or without."""
    return st.one_of(
        st.builds('{} {} {}'.format, parts, st.sampled_from(['+', '-', '*', '/', '**']), parts),
        st.builds('({}){}({})'.format, parts, st.sampled_from(['+', '-', '*', '/', '**']), parts),
        st.builds('{}({})'.format, st.sampled_from(UNARY), parts),
        st.builds('{}({}, {})'.format, st.sampled_from(['hypot', 'atan2']), parts, parts),
        st.builds('{}{}'.format, st.sampled_from(['-', '+', '--']), parts),
    )


numbers = st.floats(-4, 4) | st.sampled_from([0.0, 1.0, -1.0, 1e200])


@given(st.recursive(leaves, joined, max_leaves=12), numbers, numbers, numbers)
def test_expressions_are_what_python_makes_of_them(text: str, a: float, b: float, c: float) -> None:
    known: dict[str, Any] = {name: getattr(math, name) for name in [*UNARY, 'hypot', 'atan2', 'pi', 'e']}
    text = text.replace('7', '7.0')  # whole numbers of any size are floats here
    try:
        expected = eval(text, {'__builtins__': {}}, {**known, 'a': a, 'b': b, 'c': c})
    except (ArithmeticError, ValueError, TypeError):
        expected = None
    expression = parse(text)
    values = {name: Value(x, name) for name, x in dict(a=a, b=b, c=c).items()}
    if expected is None or isinstance(expected, complex):
        with pytest.raises(ValueError, match=r'column \d+: '):
            expression(values)
        return
    found = expression(values)
    assert repr(found.data if isinstance(found, Value) else found) == repr(expected)
    assert {*expression.names} <= {'a', 'b', 'c', 'pi', 'e'}


@for_each('name', sorted(operations))
def test_every_operation_can_be_called(name: str) -> None:
    op = operations[name]
    values = {p: Value(x, p) for p, x in zip(op.parameters, [0.5, 0.25, 0.75])}
    text = f'{name}({", ".join(f"[{p}, {p}]" if p in op.vectors else p for p in op.parameters)})'
    if name == 'acosh':
        values['a'] = Value(1.5)
    operands = [[values[p]] * 2 if p in op.vectors else values[p] for p in op.parameters]
    found, expected = parse(text)(values), getattr(functions, name)(*operands)
    assert (found.data, found.op) == (expected.data, expected.op)


def test_a_new_row_is_known_at_once() -> None:
    program = (
        "from microgradnet.engine.table import row; row('cube', 'a * a * a', ('3 * a * a',), ''); "
        "from microgradnet.__main__ import main; main(['draw', 'cube(a)', 'a=2'])"
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert 'y = cube(a)' in done.stdout
    assert '12' in done.stdout


@for_each(
    ('text', 'expected'),
    [('max(1, a, 2)', 4.0), ('min([a, 3])', 3.0), ('mean(a, 0, 2)', 2.0), ('mean([a])', 4.0), ('max(3)', 3.0),
     ('sum([a, a, 1])', 9.0), ('dot([a, 1], [2, 3], 5)', 16.0), ('leaky_relu(-a)', -0.04), ('where(a, 1, 2)', 1.0),
     ('2 ** 3 ** 2', 512.0), ('-a ** 2', -16.0), (' a\n +\t1 ', 5.0), ('e', math.e)],
)  # fmt: skip
def test_more_than_operators(text: str, expected: float) -> None:
    found = parse(text)({'a': Value(4.0)})
    assert (found.data if isinstance(found, Value) else found) == expected


def test_a_name_may_hide_a_constant() -> None:
    assert parse('e + pi')({'e': Value(1.0), 'pi': Value(2.0)}).data == 3.0


HOSTILE = [
    "__import__('os').system('true')", '__import__("os")', 'a.__class__', 'a.__class__.__mro__', '().__class__',
    'lambda x: x', 'lambda: 1', '[x for x in a]', '(x for x in a)', '{x: x for x in a}', '{1, 2}', '(x := 1)',
    "f'{a}'", "'a' * 10", 'b"a"', 'a[0]', 'a if b else c', 'a and b', 'not a', 'a < b', 'a == b', 'a is b', 'a in b',
    'a; b', 'a = 1', 'import os', 'print(a)', 'eval(a)', 'open(a)', 'getattr(a, b)', 'sin(*a)', 'sin(**a)',
    'leaky_relu(a, **b)', 'max(a, **b)', 'sin(a, *b)',
    'leaky_relu(a, b=1)', 'a @ b', 'a // b', 'a % b', 'a ^ b', 'a | b', '~a', 'a << 2', 'True', 'None', '...', '2j',
    '1e999', 'await a', 'yield a', '(yield)', 'sin', '\u03b1 + 1', 'a\u0301', '\uff41', '\ufb01', 'a\x00b', '\\', '$',
    '#', 'a #', '`a`', '!', '?', '"', "'", '"""', '(' * 1900, '(' * 150 + 'a' + ')' * 150 + ')', '[' * 500,
    '-' * 1999 + 'a', 'sin(' * 400 + 'a' + ')' * 400, '+'.join('a' * 900), '**'.join('9' * 900), 'a' * 3000, '9' * 1999,
    '9**9**9', '9**9**9**9', '1e308**2', '(9**9)**(9**9)', '2**99999999999999', 'sum([[a]])', '[a]', '[]', 'sum([])',
    'sum(a)', 'sin()', 'sin(a, b)', 'sin([a])', '', '   ', '()', ',', 'a,', 'a b', '2a', '1_', '0777', '*a', 'a +', ')',
    'sin(a)(b)', '(a)(b)', '1(2)', 'sin sin', 'max()', 'max([])', 'max([a], b)', 'nosuch(a)', '10**400', '0.0 ** -1',
]  # fmt: skip


@for_each('text', HOSTILE, ids=range(len(HOSTILE)))
@for_each('exact', [False, True], ids=['floats', 'fractions'])
def test_what_is_no_expression_is_refused(text: str, exact: bool) -> None:
    a = Value(Fraction(9, 2) if exact else 4.5)
    with pytest.raises((ValueError, KeyError)) as refusal:
        parse(text)({'a': a, 'b': a, 'c': a, 'x': a})
    assert refusal.type is ValueError or text == 'sin'  # a name, which only the command finds missing



@given(st.text(max_size=60) | st.text('ab1.+-*/(),[] ', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except ValueError as refusal:
        assert str(refusal)



@given(st.sampled_from([*OPERATORS]), st.fractions(), st.integers(-(10**30), 10**30) | st.integers(-9, 9))
def test_exact_arithmetic_is_exact_or_refused(sign: str, a: Fraction, b: int) -> None:
    try:
        found = parse(f'a {sign} b')({'a': Value(a), 'b': Value(Fraction(b))})
    except ValueError:
        # A power that is refused is not computed here, either: it would take very long.
        assert (sign == '**' and (abs(b) > 9 or (a == 0 and b < 0))) or (sign == '/' and not b)
        return
    if sign != '**' or abs(b) < 5000:
        assert found.data == OPERATORS[sign](a, b)


@for_each(
    ('text', 'said', 'pointed'),
    [('a*b + tnah(c)', "there is no function 'tnah'; did you mean 'tanh'?", 'tnah'),
     ('a^2', "'^' has no place in an expression: a power is written **", '^'),
     ('1 + a.real', 'an attribute has no place', 'a.real'),
     ('a + (b*c', "'(' was never closed", '('),
     ('2 + atan2(a)', 'atan2 takes 2 operands, not 1', 'atan2(a)'),
     ('a(b + c)', "there is no function 'a'; a product is written with *", 'a'),
     ('a + ' * 100 + 'b.c' + ' + a' * 100, 'an attribute has no place', 'b.c'),
     ('1 + log(a - 4)', 'log(0) is not defined; it is where a > 0', 'log(a - 4)'),
     ('1 + log(a - 4 + 0/3)', 'log(0) is not defined', 'log(a - 4 + 0/3)'),
     ('2 * (a / (b - b))', 'division by zero', 'a / (b - b)'),
     ('2 + exp(a*1000)', 'too large for a float', 'exp(a*1000)')],
)  # fmt: skip
def test_refusals_point_at_the_place(text: str, said: str, pointed: str) -> None:
    if len(text) > 500:
        text = text.replace('a + ', '(a)+', 30)[400 - 160:]
    with pytest.raises(ValueError) as refusal:
        parse(text)({name: Value(4.0) for name in 'abc'})
    message, shown, carets = str(refusal.value).split('\n')
    assert said in message
    start = carets.index('^')
    assert shown[start : start + len(carets) - start] == pointed
    assert message.startswith(f'column {text.index(pointed) + 1}: ')


def test_refusals_of_fractions() -> None:
    with pytest.raises(ValueError, match=r'log\(-1/3\) is not defined'):
        parse('log(a)')({'a': Value(Fraction(-1, 3))})


def test_numbers() -> None:
    read = [parsing.number(text) for text in ['2', '-3.5', '1/3', '-1/3', '2*pi', ' 1e-3 ', '2**-2']]
    assert read == [2, -3.5, Fraction(1, 3), Fraction(-1, 3), 2 * math.pi, 1e-3, Fraction(1, 4)]
    for text in ['inf', 'nan', 'x', '', '[1]', '1/0', '9**9**9', '1,5', "'1'", '0x']:
        with pytest.raises(ValueError):
            parsing.number(text)


# draw

def test_draw_in_the_terminal(run: Run) -> None:
    status, out, err = run('draw', 'tanh(a*b + c)', 'a=2', 'b=-3', 'c=10')
    assert (status, err) == (0, '')
    assert out.startswith('tanh(a*b + c)\n\n')
    assert 'y = tanh(v_2)       0.999329   1' in out
    assert '∂v_1/∂a = -3' in out


def test_fractions_are_exact(run: Run) -> None:
    assert '7/16' in run('draw', 'x**2 / (1 + x)', 'x=1/3')[1]
    assert '1/6' in run('draw', 'x * 1/a', 'x=1/3', 'a=2')[1]
    assert '0.166667' in run('draw', 'x * 0.5', 'x=1/3')[1]


def test_an_expression_may_begin_with_a_minus(run: Run) -> None:
    assert 'y = v_1 + b' in run('draw', '-a+b', 'a=1', 'b=2')[1]


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [(['a + b + c', 'a=1'], 'no number for b and c: add b=... c=...'),
     (['a', 'a=1', 'b=2', 'c=3'], 'b and c are not in the expression; it has a'),
     (['1 + 2', 'a=1'], 'a is not in the expression; it has no names'),
     (['tanh + 1'], 'tanh is a function'),
     (['a', 'a=1', 'a=2'], 'a is given twice'),
     (['a', 'a'], "'a' gives no number to a name"),
     (['a', '1=2'], "'1=2' gives no number"),
     (['a', 'a=one'], "a: 'one' is not a number"),
     (['a', 'a=10**400'], 'a: '),
     (['a', 'a=1', '--out', 'graph.gif'], "not as 'graph.gif'"),
     (['a', 'a=1', '--out', 'no/such/folder/graph.svg'], 'No such file'),
     (['a', 'a=1', '--limit', '0'], 'should be a whole number'),
     (["__import__('os')"], 'has no place in an expression')],
)  # fmt: skip
def test_draw_refuses(run: Run, arguments: list[str], said: str) -> None:
    assert said in refused(run('draw', *arguments))


@pytest.mark.parametrize('ending', ['svg', 'SVG', 'png', 'pdf', 'dot', 'txt'])
def test_draw_to_a_file(run: Run, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f'graph.{ending}'
    status, out, _ = run('draw', 'tanh(a*b + c)', 'a=2', 'b=-3', 'c=10', '--out', file)
    assert (status, out) == (0, f'wrote {file}\n')
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    if ending.lower() == 'svg':
        texts = [*ElementTree.parse(file).getroot().itertext()]
        assert {'a', 'b', 'c', 'y', 'tanh', '−0.00402285', 'y = tanh(a*b + c)'} <= {*texts}
        assert 'prefers-color-scheme: dark' in file.read_text('utf-8')
    elif ending == 'png':
        assert min(size(file)) > 100
    elif ending == 'pdf':
        assert file.read_bytes().startswith(b'%PDF')
    else:
        assert '-0.00402285' in file.read_text('utf-8')


def test_without_a_renderer_it_says_what_to_install(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)
    monkeypatch.setenv('PATH', '')
    error = refused(run('draw', 'a', 'a=1', '--out', tmp_path / 'graph.svg'))
    assert "pip install 'microgradnet[draw]'" in error
    assert len(error.splitlines()) == 1


# derive

def test_derive_prints_the_derivation(run: Run) -> None:
    status, out, err = run('derive', '2-2-2-1', 'w_x1,1')
    assert (status, err) == (0, '')
    assert out.startswith('The update of w_{x1,1} by on-line learning from one sample')
    assert run('derive', '2-2-2-1', 'w_{x1,1}')[1] == out
    assert 'w_{x1,1}^(l+1) = w_{x1,1}^(l) - h · ∂E/∂w_{x1,1} = ' in out
    assert run('derive', '2-2-2-1', 'w_x1,1', '--seed', 2)[1] != out


def test_derive_takes_numbers(run: Run) -> None:
    out = run('derive', '2-2-1', 'b_3', '--inputs', '-1', '1/3', '--targets', '0.25', '--learning-rate', '0.1',
              '--activation', 'tanh', '--output-activation', 'identity')[1]  # fmt: skip
    assert 't = 0.25' in out
    assert 'h = 0.1' in out


@pytest.mark.parametrize(
    ('name', 'start', 'end'),
    [('d.txt', 'The update', ''), ('d.tex', '\\documentclass', '\\end{document}'),
     ('d.html', '<!DOCTYPE html>', '</html>')],
)  # fmt: skip
def test_derive_to_a_file(run: Run, tmp_path: Path, name: str, start: str, end: str) -> None:
    assert run('derive', '2-2-1', 'w_1,3', '--out', tmp_path / name)[:2] == (0, f'wrote {tmp_path / name}\n')
    text = (tmp_path / name).read_text('utf-8')
    assert text.startswith(start)
    assert text.rstrip().endswith(end)
    if name != 'd.txt':
        form = 'latex' if name == 'd.tex' else 'html'
        assert run('derive', '2-2-1', 'w_1,3', '--format', form)[1] == text


def test_exercise_makes_sheets_and_a_key(run: Run, tmp_path: Path) -> None:
    status, out, err = run('exercise', '2-2-1')
    assert (status, err) == (0, '') and 'r_1 = ________' in out
    assert run('exercise', '2-2-1', '--seed', 2)[1] != out
    sheets, key = tmp_path / 'sheets.html', tmp_path / 'key.txt'
    said = run('exercise', '2-2-1', 'w_1,3', '--students', 3, '--decimals', '--key', key, '--out', sheets)
    assert said[:2] == (0, f'wrote {sheets}\n')
    assert sheets.read_text('utf-8').count('what is given') == 3
    assert len(key.read_text('utf-8').rstrip().split('\n')) == 2 + 1 + 3
    assert run('exercise', '2-2-1', '--solution')[1].startswith(out)
    assert "'0' should be a whole number" in refused(run('exercise', '2-2-1', '--students', 0))


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [(['2', 'w_1,1'], 'the sizes of a net are like 2-2-2-1'), (['2-0-1', 'w_1,1'], 'the sizes of a net'),
     (['2-x', 'w_1,1'], 'the sizes of a net'), (['2--1', 'w'], 'the sizes of a net'),
     (['9999-9999', 'b_1'], '99,990,000 weights and biases; derive takes'), (['2-2-1', 'w_9,9'], "no weight 'w_9,9'"),
     (['2-2-1', 'b_3', '--inputs', '1'], 'the net has 2 inputs; --inputs gives 1'),
     (['2-2-1', 'b_3', '--activation', 'sigmiod'], "did you mean 'sigmoid'?"),
     (['2-2-1', 'b_3', '--learning-rate', '2'], '0 < h <= 1'),
     (['1-9-9-1', 'w_x1,1', '--limit', '8'], 'the limit is 8'),
     (['2-2-1', 'b_3', '--out', 'd.png'], "not as 'd.png'"), (['2-2-1', 'b_3', '--digits', '18'], 'at most 17'),
     (['2-2-1', 'b_3', '--format', 'pdf'], 'say which by --out'),
     (['2-2-1', 'b_3', '--steps', 'foward'], "did you mean 'forward'")],
)  # fmt: skip
def test_derive_refuses(run: Run, arguments: list[str], said: str) -> None:
    assert said in refused(run('derive', *arguments))


# train and predict

def write(path: Path, header: list[str], rows: Any) -> Path:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope='module')
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = load_iris()
    names = [name.removesuffix(' (cm)') for name in data.feature_names]
    rows = [[*map(float, x), data.target_names[t]] for x, t in zip(data.data, data.target)]
    return write(tmp_path_factory.mktemp('iris') / 'iris.csv', [*names, 'species'], rows)


@pytest.fixture(scope='module')
def trained(iris: Path) -> Path:
    """A run that is shorter than one with no other options than the target."""
    folder = iris.parent / 'run'
    assert main(['train', str(iris), '--target', 'species', '--epochs', '40', '--out', str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_train_knows_iris_without_more_options(run: Run, iris: Path, tmp_path: Path) -> None:
    assert run('train', iris, '--target', 'species', '--out', tmp_path / 'run')[0] == 0
    results = json.loads((tmp_path / 'run' / 'run.json').read_text('utf-8'))['results']
    assert results['accuracy, learned from'] > 0.95
    assert results['accuracy, held out'] > 0.9


def test_train_leaves_a_run(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        'net.json', 'run.json', 'report.txt', 'history.png', 'network.svg'
    }  # fmt: skip
    assert load(trained / 'net.json').sizes == [8, 3]
    assert min(size(trained / 'history.png')) > 300
    shown = ' '.join(ElementTree.parse(trained / 'network.svg').getroot().itertext())
    assert 'petal width' in shown and 'virginica' in shown
    report = (trained / 'report.txt').read_text('utf-8')
    assert 'iris.csv: 150 samples of 4 inputs in 3 classes: setosa, versicolor, virginica' in report
    assert 'always setosa              33.3%' in report


def test_predict_knows_the_classes(run: Run, trained: Path, iris: Path, tmp_path: Path) -> None:
    rows = table(iris.read_text('utf-8'))
    Random(1).shuffle(rows)
    # Columns in another order, one more, and no answers.
    new = write(tmp_path / 'new.csv', ['plant', *reversed([*rows[0]][:4])],
                [[k, *[*row.values()][3::-1]] for k, row in enumerate(rows)])  # fmt: skip
    status, out, err = run('predict', trained / 'net.json', new)
    assert (status, err) == (0, '')
    answers = table(out)
    assert [*answers[0]] == ['plant', 'petal width', 'petal length', 'sepal width', 'sepal length',
                             'predicted species', 'probability']  # fmt: skip
    right = sum(answer['predicted species'] == row['species'] for answer, row in zip(answers, rows, strict=True))
    assert right / len(rows) > 0.95
    assert all(1 / 3 <= float(answer['probability']) <= 1 for answer in answers)
    net = load(trained / 'net.json')
    logits = net.predict([[float(x) for x in [*row.values()][:4]] for row in rows])
    names = ['setosa', 'versicolor', 'virginica']
    assert [answer['predicted species'] for answer in answers] == [names[y.index(max(y))] for y in logits]


def test_predict_says_how_many_are_right(run: Run, trained: Path, iris: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out.csv'
    status, said, err = run('predict', trained, iris, '--out', out)
    assert (status, said) == (0, f'wrote {out}\n')
    right = sum(row['species'] == row['predicted species'] for row in table(out.read_text('utf-8')))
    assert err == f'{right} of 150 are right: {right / 150:.1%}\n'
    assert "has a column 'predicted species' already" in refused(run('predict', trained, out))


def test_predict_refuses(run: Run, trained: Path, iris: Path, tmp_path: Path) -> None:
    other = write(tmp_path / 'other.csv', ['a', 'b'], [[1, 2]])
    assert "no column 'sepal length', which the net learned from" in refused(run('predict', trained, other))
    assert 'nosuch' in refused(run('predict', tmp_path / 'nosuch', other))
    assert 'is not a saved net' in refused(run('predict', other, other))
    for content in ['[', '[]', '{"format": "microgradnet run", "version": 1}',
                    '{"format": "microgradnet run", "version": 1, "inputs": ["a"], "targets": ["b"], "classes": null}']:
        (tmp_path / 'net.json').write_bytes((trained / 'net.json').read_bytes())
        (tmp_path / 'run.json').write_text(content)
        assert 'run.json' in refused(run('predict', tmp_path, other))


def test_a_net_without_a_description_takes_columns_in_order(run: Run, tmp_path: Path) -> None:
    microgradnet.save(microgradnet.MLP.from_weights([[[2.0, 3.0]]], [[1.0]]), tmp_path / 'net.json')
    new = write(tmp_path / 'new.csv', ['p', 'q'], [[10, 100], [0, 0]])
    assert run('predict', tmp_path / 'net.json', new)[1] == 'p,q,predicted y1\n10,100,321.0\n0,0,1.0\n'


def test_the_net_alone_knows_its_names(run: Run, trained: Path, iris: Path, tmp_path: Path) -> None:
    described = json.loads((trained / 'run.json').read_text('utf-8'))
    assert {*described} == {'format', 'version', 'options', 'results', 'columns'}  # names are in one place
    alone = tmp_path / 'net.json'
    alone.write_bytes((trained / 'net.json').read_bytes())
    rows, backwards = table(iris.read_text('utf-8')), [*table(iris.read_text('utf-8'))[0]][::-1]
    new = write(tmp_path / 'new.csv', backwards, [[row[name] for name in backwards] for row in rows])
    status, out, err = run('predict', alone, new)
    assert status == 0
    assert 'are right' in err
    # How it learned is not known here, so its outputs are no probabilities.
    assert out.splitlines()[0] == f'{",".join(backwards)},predicted species'
    names = ['sepal length', 'sepal width', 'petal length', 'petal width']
    raw = [[float(row[name]) for name in names] for row in rows]
    assert [row['predicted species'] for row in table(out)] == load(alone).classify(raw)
    assert [row['predicted species'] for row in table(run('predict', trained, new)[1])] == load(alone).classify(raw)


def test_a_run_whose_names_are_in_its_description_is_still_read(run: Run, tmp_path: Path) -> None:
    microgradnet.save(microgradnet.MLP.from_weights([[[2.0, 3.0]]], [[1.0]]), tmp_path / 'net.json')
    described = {'format': 'microgradnet run', 'version': 1, 'inputs': ['q', 'p'], 'targets': ['price'],
                 'classes': None, 'options': {}, 'results': {}}  # fmt: skip
    (tmp_path / 'run.json').write_text(json.dumps(described))
    new = write(tmp_path / 'new.csv', ['p', 'q'], [[100, 10], [0, 0]])
    assert run('predict', tmp_path, new)[1] == 'p,q,predicted price\n100,10,321.0\n0,0,1.0\n'


def test_a_net_of_python_with_classes_and_one_output(run: Run, tmp_path: Path) -> None:
    net = microgradnet.MLP.from_weights([[[1.0]]], [[0.0]])
    net.classes = ['no', 7]
    microgradnet.save(net, tmp_path / 'net.json')
    new = write(tmp_path / 'new.csv', ['p'], [[0.9], [0.1]])
    assert run('predict', tmp_path / 'net.json', new)[1] == 'p,predicted class\n0.9,7\n0.1,no\n'
    two = write(tmp_path / 'two.csv', ['p', 'q'], [[0.9, 0.1]])
    assert "takes 1 inputs, and knows no names; " in refused(run('predict', tmp_path / 'net.json', two))


def test_numbers_are_learned_in_their_units(run: Run, tmp_path: Path) -> None:
    random = Random(1)
    rows = [[x, y, 5000 + 900 * x - 400 * y + random.gauss(0, 10)]
            for x, y in ((random.random(), random.random()) for _ in range(60))]  # fmt: skip
    file = write(tmp_path / 'prices.csv', ['x', 'y', 'price'], rows)
    folder = tmp_path / 'run'
    status, out, _ = run('train', file, '--target', 'price', '--layers', '--epochs', 200, '--out', folder)
    assert status == 0
    assert 'Net 2-1: 3 weights and biases; adamw, 200 epochs' in out
    results = json.loads((folder / 'run.json').read_text('utf-8'))['results']
    assert results['rms, learned from'] < 30
    answers = table(run('predict', folder, file)[1])
    assert all(abs(float(row['price']) - float(row['predicted price'])) < 100 for row in answers)


def test_several_numbers_at_once(run: Run, tmp_path: Path) -> None:
    data = load_diabetes()
    names = data.feature_names
    file = write(tmp_path / 'd.csv', [*names, 'progress'], [[*x, t] for x, t in zip(data.data[:60], data.target)])
    status, out, _ = run('train', file, '--target', 'progress', '--target', 's1', '--inputs', 'bmi', 'bp',
                         '--epochs', 3, '--out', tmp_path / 'run')  # fmt: skip
    assert status == 0
    assert 'samples of 2 inputs; to be learned: progress, s1' in out
    assert run('predict', tmp_path / 'run', file)[1].splitlines()[0].endswith('predicted progress,predicted s1')


def test_numbers_as_classes(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / 'd.csv', ['x', 'digit'], [[k % 3 + k / 100, k % 3] for k in range(30)])
    out = run('train', file, '--target', 'digit', '--epochs', 1, '--out', tmp_path / 'a')[1]
    assert '3 different whole numbers: --classes would learn them as classes' in out
    out = run('train', file, '--target', 'digit', '--classes', '--epochs', 60, '--batch', 4, '--out', tmp_path / 'b')[1]
    assert 'in 3 classes: 0, 1, 2' in out
    answers = table(run('predict', tmp_path / 'b', file)[1])
    assert {row['predicted digit'] for row in answers} == {'0', '1', '2'}


def test_a_small_file_is_learned_whole(run: Run, tmp_path: Path) -> None:
    xor = write(tmp_path / 'xor.csv', ['a', 'b', 'y'], [[0, 0, 'no'], [0, 1, 'yes'], [1, 0, 'yes'], [1, 1, 'no']])
    out = run('train', xor, '--target', 'y', '--epochs', 300, '--out', tmp_path / 'run')[1]
    assert 'learned from        4    100.0%' in out
    assert 'held out' not in out


@pytest.mark.parametrize('options', every(6, [
    ['--mode', 'batch', '--optimiser', 'descent'], ['--mode', 'online', '--optimiser', 'descent'],
    ['--optimiser', 'momentum'], ['--batch', '8', '--layers', '4', '4', '--activation', 'relu'],
    ['--validation', '0.5', '--patience', '5'], ['--validation', '0', '--seed', '7'],
]))  # fmt: skip
def test_options_of_train(run: Run, iris: Path, tmp_path: Path, options: list[str]) -> None:
    status, out, _ = run('train', iris, '--target', 'species', '--epochs', 12, '--out', tmp_path / 'run', *options)
    assert status == 0
    kept = json.loads((tmp_path / 'run' / 'run.json').read_text('utf-8'))
    assert kept['results']['accuracy, learned from'] > 0.6
    assert ('held out' in out) == ('0' not in options)


def test_the_same_seed_gives_the_same_net(run: Run, iris: Path, tmp_path: Path) -> None:
    for name in 'ab':
        assert run('train', iris, '--target', 'species', '--epochs', 2, '--out', tmp_path / name)[0] == 0
    assert (tmp_path / 'a' / 'net.json').read_bytes() == (tmp_path / 'b' / 'net.json').read_bytes()


def test_a_run_is_not_overwritten(run: Run, iris: Path, tmp_path: Path) -> None:
    arguments = ['train', iris, '--target', 'species', '--epochs', 1, '--out', tmp_path]
    assert run(*arguments)[0] == 0
    (tmp_path / 'notes.txt').write_text('mine')
    before = (tmp_path / 'net.json').read_bytes()
    assert 'has a run in it' in refused(run(*arguments, '--seed', 9))
    assert 'there is no activation' in refused(run(*arguments, '--force', '--activation', 'tnah'))
    assert (tmp_path / 'net.json').read_bytes() == before
    assert run(*arguments, '--force', '--seed', 9)[0] == 0
    assert (tmp_path / 'net.json').read_bytes() != before
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_runs_are_numbered(run: Run, iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in '12':
        assert f'In {Path("runs", number)}: net.json' in run('train', iris, '--target', 'species', '--epochs', 1)[1]


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [(['--target', 'specis'], "no column 'specis'; it has 'sepal length'"), (['--learning-rate', '2'], '0 < h <= 1'),
     (['--validation', '1'], 'a fraction of the samples'), (['--validation', 'nan'], 'a fraction of the samples'),
     (['--optimiser', 'adamww'], "did you mean 'adamw'?"),
     (['--activation', 'tnah'], "did you mean 'tanh'?"), (['--inputs', 'x'], "no column 'x'"),
     (['--epochs', '0'], 'should be a whole number'), (['--layers', '0'], 'should be a whole number'),
     (['--batch', '2', '--mode', 'batch'], 'not allowed with'), (['--delimiter', ';;'], 'should be one sign'),
     (['--delimiter', ';'], "no column 'species'"), (['--inputs', 'species'], 'an input or a target, not both')],
)  # fmt: skip
def test_train_refuses(run: Run, iris: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    target = [] if '--target' in arguments else ['--target', 'species']
    assert said in refused(run('train', iris, *target, '--out', tmp_path / 'run', *arguments))
    assert not (tmp_path / 'run').exists()


def test_train_refuses_files(run: Run, tmp_path: Path) -> None:
    assert 'nosuch.csv: No such file' in refused(run('train', tmp_path / 'nosuch.csv', '--target', 'y'))
    (tmp_path / 'binary.csv').write_bytes(b'a,b\n\xff\xfe,1\n')
    assert 'is not a text in UTF-8' in refused(run('train', tmp_path / 'binary.csv', '--target', 'b'))
    one = write(tmp_path / 'one.csv', ['x', 'y'], [[1, 'a'], [2, 'a']])
    assert 'there is nothing to learn' in refused(run('train', one, '--target', 'y'))
    slip = write(tmp_path / 'slip.csv', ['x', 'y'], [[1, 'a'], ['l', 'b']])
    said = refused(run('train', slip, '--target', 'y'))
    assert "slip.csv, line 3, column 'x': 'l' is not a number; --inputs names the columns to learn from" in said


# Empty cells and columns of words.

FRUIT = [
    ['weight', 'colour', 'kind'],
    *[[150 + k if k % 5 else '', ['red', 'green', ''][k % 3], 'apple'] for k in range(30)],
    *[[50 + k, ['green', 'blue'][k % 2], 'plum'] for k in range(30)],
]


def fruit(folder: Path) -> Path:
    return write(folder / 'fruit.csv', FRUIT[0], FRUIT[1:])


@pytest.mark.parametrize('missing', ['mean', 'median', 'most-frequent'])
def test_empty_cells_are_filled_and_words_are_ones_among_zeros(run: Run, tmp_path: Path, missing: str) -> None:
    arguments = ['train', fruit(tmp_path), '--target', 'kind', '--missing', missing, '--epochs', 5]
    status, out, err = run(*arguments, '--out', tmp_path / 'run')
    assert (status, err) == (0, '')
    net, kept = load(tmp_path / 'run' / 'net.json'), json.loads((tmp_path / 'run' / 'run.json').read_text())['columns']
    assert net.input_names == ('weight', 'colour=blue', 'colour=green', 'colour=red')
    assert kept['words'] == {'colour': ['blue', 'green', 'red']}
    assert kept['fills'].keys() == {'weight', 'colour'} and kept['fills']['colour'] == 'green'
    # As the same samples with the cells filled by hand.
    rows = [[kept['fills']['weight'] if w == '' else w, *(c == (colour or 'green') for c in ('blue', 'green', 'red'))]
            for w, colour, _ in FRUIT[1:]]  # fmt: skip
    new = write(tmp_path / 'new.csv', ['colour', 'weight'], [[colour, w] for w, colour, _ in FRUIT[1:]])
    status, out, err = run('predict', tmp_path / 'run', new)
    assert status == 0, err
    answers = table(out)
    assert [row['predicted kind'] for row in answers] == net.classify([[float(x) for x in row] for row in rows])
    assert (answers[0]['weight'], answers[2]['colour']) == ('', '')  # printed as they came


def test_cells_are_filled_by_what_is_learned_from_alone(run: Run, tmp_path: Path) -> None:
    """What is held out has no part in the mean: with half held out it is that of the others."""
    file = write(tmp_path / 'a.csv', ['x', 'y'], [['' if k == 7 else k * k, k] for k in range(40)])
    fills = []
    for share in 0, 0.5:
        out = tmp_path / str(share)
        status, _, _ = run('train', file, '--target', 'y', '--missing', 'mean', '--validation', share, '--epochs', 1,
                           '--out', out)  # fmt: skip
        assert status == 0
        fills.append(json.loads((out / 'run.json').read_text())['columns']['fills']['x'])
    numbered = microgradnet.TeacherSet([[k] for k in range(40)], range(40))
    learned = [k for (k,) in numbered.split(0.5, seed=1)[0].inputs if k != 7]
    assert fills[0] == pytest.approx(sum(k * k for k in range(40) if k != 7) / 39)
    assert fills[1] == pytest.approx(sum(k * k for k in learned) / len(learned))


@pytest.mark.parametrize(
    ('rows', 'options', 'said'),
    [
        ([['', 'a'], [1, 'b']], [], "line 2, column 'x': the cell is empty; --missing mean fills such cells"),
        ([['nan', 'a'], [1, 'b']], [], "line 2, column 'x': 'nan' is not a number to learn from"),
        ([['', 'a'], ['', 'b']], ['--missing', 'mean'], "column 'x': no cell that is learned from has anything in it"),
        ([[1, ''], ['', 'b']], ['--missing', 'mean'], "line 2, column 'y': the cell is empty\n"),
        ([['', 'a'], [1, 'b'], ['two', 'b']], ['--missing', 'mean'], "line 4, column 'x': 'two' is not a number"),
        ([[f'w{k}', 'ab'[k % 2]] for k in range(101)], [], "column 'x': it has 101 different words, 'w0' for one"),
        ([[1, 'a'], [2, 'b']], ['--missing', 'zero'], "invalid choice: 'zero'"),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_learned_are_named(
    run: Run, tmp_path: Path, rows: list[list[Any]], options: list[str], said: str
) -> None:
    file = write(tmp_path / 'a.csv', ['x', 'y'], rows)
    assert said in refused(run('train', file, '--target', 'y', '--out', tmp_path / 'run', *options))
    assert not (tmp_path / 'run').exists()


def test_predict_names_the_column_of_a_new_word_and_of_an_empty_cell(run: Run, tmp_path: Path) -> None:
    full = write(tmp_path / 'full.csv', FRUIT[0], [row for row in FRUIT[1:] if '' not in row])
    assert run('train', full, '--target', 'kind', '--epochs', 1, '--out', tmp_path / 'run')[0] == 0
    for row, said in [
        ([1, 'violet'], "line 2, column 'colour': 'violet' is not among the words ['blue', 'green', 'red']"),
        ([1, ''], "line 2, column 'colour': the cell is empty"),
        (['', 'red'], "line 2, column 'weight': the cell is empty"),
    ]:  # fmt: skip
        new = write(tmp_path / 'new.csv', ['weight', 'colour'], [row])
        assert said in refused(run('predict', tmp_path / 'run', new))
    new = write(tmp_path / 'new.csv', ['weight'], [[1]])
    assert "no column 'colour'" in refused(run('predict', tmp_path / 'run', new))


@pytest.mark.parametrize(
    ('column', 'options', 'said'),
    [('colour', [], "column 'colour', which has words, needs scikit-learn: pip install 'microgradnet[sklearn]'"),
     ('weight', ['--missing', 'mean'], "--missing needs scikit-learn: pip install 'microgradnet[sklearn]'")],
)  # fmt: skip
def test_without_scikit_learn_the_extra_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, options: list[str], said: str
) -> None:
    monkeypatch.setitem(sys.modules, 'sklearn', None)
    assert said in refused(run('train', fruit(tmp_path), '--target', 'kind', '--inputs', column, *options))


@pytest.mark.parametrize(
    ('columns', 'said'),
    [
        (None, 'should have fills and words'), ({'fills': [], 'words': {}}, 'should have columns by name'),
        ({'fills': {'weight': 'x'}, 'words': {}}, "the fill of column 'weight' should be a number"),
        ({'fills': {}, 'words': {'colour': 'red'}}, "the words of column 'colour'"),
        ({'fills': {}, 'words': {'size': ['s']}}, "the net has no input 'size=s'"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_the_net_are_refused(run: Run, tmp_path: Path, columns: Any, said: str) -> None:
    file = fruit(tmp_path)
    assert run('train', file, '--target', 'kind', '--missing', 'mean', '--epochs', 1, '--out', tmp_path / 'run')[0] == 0
    place = tmp_path / 'run' / 'run.json'
    place.write_text(json.dumps({**json.loads(place.read_text()), 'columns': columns}))
    assert said in refused(run('predict', tmp_path / 'run', file))


def test_a_run_of_the_version_before_is_read(run: Run, iris: Path, tmp_path: Path) -> None:
    assert run('train', iris, '--target', 'species', '--epochs', 1, '--out', tmp_path / 'run')[0] == 0
    place = tmp_path / 'run' / 'run.json'
    content = json.loads(place.read_text())
    del content['columns']
    before = run('predict', tmp_path / 'run', iris)
    place.write_text(json.dumps({**content, 'version': 2}))
    assert run('predict', tmp_path / 'run', iris) == before


def test_divergence_names_the_remedy(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / 'd.csv', ['x', 'y'], [[k, 3 * k] for k in range(30)])
    error = refused(run('train', file, '--target', 'y', '--layers', '--optimiser', 'descent', '--mode', 'batch',
                        '--learning-rate', 1, '--epochs', 1000, '--out', tmp_path / 'run'))  # fmt: skip
    assert 'try a smaller --learning-rate' in error
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('finished', [3, 0])
def test_ctrl_c_keeps_what_was_learned(
    run: Run, iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: int
) -> None:
    teach = train.teach

    def interrupted(*arguments: Any, **options: Any) -> Any:
        def press(epoch: Any) -> None:
            if epoch.epoch == finished:
                raise KeyboardInterrupt

        if not finished:
            options['metrics'] = {'accuracy': lambda outputs, targets: os.kill(os.getpid(), signal.SIGINT)}
        return teach(*arguments, **options, callback=press)

    monkeypatch.setattr(train, 'teach', interrupted)
    status, out, err = run('train', iris, '--target', 'species', '--out', tmp_path / 'run')
    assert (status, err) == (130, '')
    if finished:
        assert 'adamw, 3 epochs, stopped by Ctrl-C' in out
        assert (tmp_path / 'run' / 'net.json').exists()
    else:
        assert out == 'Stopped before the end of the first epoch: nothing is written.\n'
        assert not (tmp_path / 'run').exists()


def test_a_checkpoint_is_gone_on_from(run: Run, iris: Path, tmp_path: Path) -> None:
    common = iris, '--target', 'species', '--layers', 3
    for epochs in 1, 2:
        status, said, _ = run(
            'train', *common, '--epochs', epochs, '--checkpoint', tmp_path / 'state', '--out', tmp_path / f'{epochs}'
        )
        assert status == 0, said
    assert run('train', *common, '--epochs', 2, '--out', tmp_path / 'at once')[0] == 0
    assert (tmp_path / '2' / 'net.json').read_text() == (tmp_path / 'at once' / 'net.json').read_text()


def test_ctrl_c_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module('microgradnet.command_line.draw')

    def press(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, 'run', press)
    assert run('draw', 'a', 'a=1') == (130, '', 'stopped\n')


def test_without_matplotlib_the_rest_is_there(
    run: Run, iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)
    monkeypatch.setenv('PATH', '')
    status, out, _ = run('train', iris, '--target', 'species', '--epochs', 1, '--out', tmp_path / 'run')
    assert status == 0
    assert 'history.png was not drawn: plot needs matplotlib' in out
    assert 'network.svg was not drawn: install Graphviz' in out
    assert {path.name for path in (tmp_path / 'run').iterdir()} == {'net.json', 'run.json', 'report.txt'}


# play


@pytest.fixture
def xor(tmp_path: Path) -> Path:
    file = tmp_path / 'xor.csv'
    file.write_text('x1,x2,t\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n')
    return file


def test_play_writes_the_page_of_the_net(run: Run, xor: Path, tmp_path: Path) -> None:
    options = ['--output-activation', 'sigmoid', '--seed', 3, '--learning-rate', 0.5, '--batch', 2]
    page = tmp_path / 'page.html'
    assert run('play', '2-3-1', xor, *options, '--out', page) == (0, f'wrote {page}\n', '')
    net = MLP(2, [3, 1], 'tanh', 'sigmoid', seed=3)
    expected = play(net, TeacherSet.from_csv(xor, 't'), learning_rate=0.5, mode=2)
    assert page.read_text('utf-8') == expected.html


def test_play_without_a_file_opens_the_browser(run: Run, xor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[str]()
    monkeypatch.setattr('webbrowser.open', opened.append)
    monkeypatch.setattr('tempfile.tempdir', str(xor.parent))
    status, out, _ = run('play', '2-3-1', xor)
    file = Path(out.removeprefix('the page is ').removesuffix('\n'))
    assert status == 0 and file.read_text('utf-8').startswith('<!DOCTYPE html>')
    assert opened == [file.as_uri()] and file.is_relative_to(xor.parent)


def test_play_takes_classes_and_several_targets(run: Run, tmp_path: Path) -> None:
    file, page = tmp_path / 'a.csv', tmp_path / 'a.htm'
    file.write_text('x;s;t;kind\n1;2;3;red\n2;3;4;blue\n3;4;5;green\n')
    semicolons = '--delimiter', ';', '--out', page
    assert run('play', '3-3', file, *semicolons)[0] == 0
    classes = TeacherSet.from_csv(file, 'kind', delimiter=';')
    assert page.read_text('utf-8') == play(MLP(3, [3], seed=1), classes, error='cross_entropy').html
    columns = '--inputs', 'x', '--target', 's', '--target', 't'
    assert run('play', '1-2', file, *columns, '--standardise', *semicolons)[0] == 0
    two = TeacherSet.from_csv(file, ['s', 't'], inputs=['x'], delimiter=';', standardise=True)
    assert page.read_text('utf-8') == play(MLP(1, [2], seed=1), two).html


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [(['2-1', 'xor.csv', '--out', 'page.png'], 'a page is written as .html, .htm, not as'),
     (['2_1', 'xor.csv'], 'the sizes of a net are like 2-2-2-1'),
     (['9999-9999', 'xor.csv'], '99,990,000 weights and biases; play takes nets of 10,000 at most'),
     (['2-3-1', 'none.csv'], 'none.csv: No such file'),
     (['3-1', 'xor.csv'], 'xor.csv: a net of 3-1 takes 3 inputs, not x1, x2: --inputs names others'),
     (['2-1', 'xor.csv', '--classes'], 'a net of 2-1 takes 1 output, not 2 classes: --target names others'),
     (['2-1', 'xor.csv', '--learning-rate', '0'], 'the learning rate h must be 0 < h <= 1'),
     (['2-1', 'xor.csv', '--activation', 'tanhh'], 'tanhh'), (['2-1', 'xor.csv', '--target', 'y'], "no column 'y'"),
     (['2-1', 'xor.csv', '--batch', '2', '--mode', 'online'], 'not allowed with')],
)  # fmt: skip
def test_play_refuses(run: Run, xor: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    monkeypatch.chdir(xor.parent)
    monkeypatch.setattr('webbrowser.open', lambda url: pytest.fail('it was shown'))
    assert said in refused(run('play', *arguments))


# The whole.

def test_help_and_version(run: Run) -> None:
    status, out, _ = run('--help')
    assert status == 0
    assert 'microgradnet derive 2-2-2-1 w_x1,1' in out
    assert run('--version') == (0, f'microgradnet {microgradnet.__version__}\n', '')
    assert run()[:2] == (2, out)
    for command in ['train', 'predict', 'draw', 'derive', 'exercise', 'play']:
        assert run(command, '--help')[0] == 0
    assert 'invalid choice' in refused(run('tarin'))


def test_the_examples_of_the_help(
    run: Run, iris: Path, xor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'iris.csv').write_bytes(iris.read_bytes())
    (tmp_path / 'new.csv').write_bytes(iris.read_bytes())
    commands = [shlex.split(line) for line in EXAMPLES.splitlines() if line.startswith('  ')]
    assert len(commands) == 6
    for command in commands:
        quick = ['--epochs', '2'] if 'train' in command else []
        assert run(*command[1:], *quick)[0] == 0


def test_help_imports_little() -> None:
    program = (
        'import sys\nfrom microgradnet.__main__ import main\n'
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'matplotlib', 'graphviz', 'tqdm', 'llvmlite', 'microgradnet.training.train'}\n"
        "heavy |= {'csv', 'json'}\n"
        "print(heavy & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == 'set()\n'


def test_as_a_module() -> None:
    done = process('draw', 'a*b', 'a=2', 'b=3', environment={'PYTHONIOENCODING': 'utf-8'})
    assert (done.returncode, done.stderr) == (0, '')
    assert ['└─', 'b', '3', '2', '∂y/∂b', '=', '2'] in map(str.split, done.stdout.splitlines())
    bad = process('draw', 'a**', 'a=2')
    assert (bad.returncode, bad.stdout) == (2, '')
    assert bad.stderr.startswith('microgradnet draw: column ')


@pytest.mark.slow
def test_ascii_terminals() -> None:
    done = process('draw', 'a*b', 'a=2', 'b=3', environment={'PYTHONIOENCODING': 'ascii'})
    assert (done.returncode, done.stderr) == (0, '')
    assert ['`-', 'b', '3', '2', 'dy/db', '=', '2'] in map(str.split, done.stdout.splitlines())
    assert process('derive', '2-2-1', 'w_1,3', environment={'PYTHONIOENCODING': 'ascii'}).returncode == 0


def test_a_reader_that_has_read_enough() -> None:
    command = [sys.executable, '-m', 'microgradnet', 'derive', '2-2-2-1', 'w_x1,1']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        assert running.stderr.read() == b''
        assert running.wait(timeout=60) == 128 + signal.SIGPIPE


def broken_pipe(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let stdout or stderr be a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, 'w', encoding='utf-8')  # noqa: SIM115
    monkeypatch.setattr(sys, name, stream)


@pytest.mark.parametrize(
    'arguments', [['--help'], ['--version'], [], ['train', '--help'], ['draw', 'a', 'a=1'], ['derive', '1-1', 'b_1']]
)
def test_whatever_is_printed_may_be_closed(
    arguments: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        broken_pipe(patch, 'stdout')
        status = main(arguments)
        sys.stdout.close()  # as Python does at its end: nothing is left to be written
    assert (status, *capfd.readouterr()) == (141, '', '')


@pytest.mark.parametrize('arguments', [['nothing'], ['draw', 'a'], ['draw', 'a', 'a=1', '--limit', '0']])
def test_errors_may_be_closed_too(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        broken_pipe(patch, 'stderr')
        assert main(arguments) == 141
        sys.stderr.close()


def test_without_any_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:  # as after >&- in a shell
        patch.setattr(sys, 'stdout', None)
        assert main(['draw', 'a*2', 'a=1']) == 0


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='there is no /dev/full')
def test_output_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = 'what is printed cannot be written: No space left on device'
    for words, of in (['draw', 'a*2', 'a=1'], ' draw'), (['--help'], ''), (['draw', '--help'], ''), ([], ''):
        with monkeypatch.context() as patch:
            patch.setattr(sys, 'stdout', open('/dev/full', 'w', encoding='utf-8'))  # noqa: SIM115
            assert main(words) == 2
            sys.stdout.close()
        assert capsys.readouterr().err == f'microgradnet{of}: {trouble}\n'


def test_a_closed_output_costs_no_training(
    iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        broken_pipe(patch, 'stdout')
        assert main(['train', str(iris), '--target', 'species', '--epochs', '1', '--out', str(tmp_path / 'run')]) == 141
        sys.stdout.close()
    assert {'net.json', 'run.json', 'report.txt'} <= {path.name for path in (tmp_path / 'run').iterdir()}


#: Red; a title of the window; a bell, a tab and a return; one sign that begins as escape and [ do.
ESCAPES = ['\x1b[31mred', '\x1b]0;title\x07', 'a\tb\rc', '\x9b31m', '\x7f', '\u202egnp.exe']
CONTROLS = {*map(chr, range(32)), *map(chr, range(127, 160)), '\u202e'} - {'\n', '\t'}


def test_no_control_character_reaches_the_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = 'in\x1b[2J.csv'
    with open(name, 'w', encoding='utf-8', newline='') as file:
        csv.writer(file).writerows([['x\x1b[1m', 'kind'], *([k, ESCAPES[k % len(ESCAPES)]] for k in range(24))])
    printed = [run('train', name, '--target', 'kind', '--epochs', 1, '--out', 'a\x1b[5m'),
               run('predict', 'a\x1b[5m', name),
               run('train', name, '--target', 'kind', '--out', 'a\x1b[5m'),
               run('train', name, '--target', 'x\x1b[1m', '--inputs', '\x1b]0;'),
               run('train', 'none\x1b[31m.csv', '--target', 'kind'),
               run('draw', '\x1b[31m'), run('draw', 'a', 'a=\x1b[31m'), run('\x1b[31m'), run('draw', '--\x1b[31m', 'a'),
               run('draw', 'a', 'a=1', '--out', 'b\x1b[31m.dot'), run('draw', 'a', 'a=1', '--out', 'b.\x1b[31m'),
               run('derive', '1-1', 'b_\x1b[31m'), run('play', '1-1\x1b[31m', name)]  # fmt: skip
    assert [status for status, _, _ in printed] == [0, 0, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2, 2]
    for status, out, err in printed:
        assert not {*out, *err} & CONTROLS, (status, out, err)
    assert '␛[31mred' in printed[0][1]
    assert 'Control characters are printed as signs' in printed[1][2]
    assert not {*Path('a\x1b[5m', 'report.txt').read_text('utf-8')} & CONTROLS


def test_what_is_written_to_a_file_keeps_them(run: Run, tmp_path: Path) -> None:
    file, answers = tmp_path / 'in.csv', tmp_path / 'out.csv'
    file.write_text('x,kind\n' + ''.join(f'{k},{ESCAPES[k % 2]}\n' for k in range(20)), encoding='utf-8')
    assert run('train', file, '--target', 'kind', '--epochs', 1, '--out', tmp_path / 'run')[0] == 0
    assert run('predict', tmp_path / 'run', file, '--out', answers)[0] == 0
    assert ESCAPES[0] in answers.read_text('utf-8')


def test_colours_are_let_through_to_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ('draw', 'derive'):
        monkeypatch.setattr(import_module(f'microgradnet.command_line.{module}'), 'colours', lambda: True)
    assert '\033[31m' in run('draw', 'a*b', 'a=2', 'b=3')[1]
    assert '\033[31m' in run('derive', '2-2-1', 'w_1,3')[1]


@for_each('label', ESCAPES)
def test_labels_in_a_tree_and_in_what_explain_nan_says(label: str) -> None:
    x = Value(0.0, label=label)
    y = x.sqrt()
    assert not {*tree(y * 2.0)} & CONTROLS
    assert not {*str(explain_nan(y)), *str(explain_nan(Value(math.inf, label=label) * 1.0))} & CONTROLS


@pytest.mark.slow
def test_ctrl_c_in_a_process_of_its_own(iris: Path, tmp_path: Path) -> None:
    arguments = ['train', str(iris), '--target', 'species', '--epochs', '1000000']
    # A process that was started in the background may have been told to ignore it.
    program = 'import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); ' \
              f'from microgradnet.__main__ import main; sys.exit(main({arguments!r}))'  # fmt: skip
    command, environment = [sys.executable, '-c', program], {**os.environ, 'PYTHONPATH': str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(timeout=10)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b'stopped by Ctrl-C' in out
    assert (tmp_path / 'runs' / '1' / 'net.json').exists()


def test_the_console_script() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / 'setup.cfg')
    name, place = settings['options.entry_points']['console_scripts'].strip().split(' = ')
    module, function = place.split(':')
    assert (name, getattr(import_module(module), function)) == ('microgradnet', main)


def test_the_doctor_says_what_is_there_and_what_each_extra_would_add(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, 'requires', lambda _: ['tqdm>=4', *REQUIRED])
    code, out, _ = run('doctor')
    assert code == 0 and out.startswith(f'microgradnet {microgradnet.__version__}\n')
    assert re.search(r'\+ testing +check_engine.*\n +hypothesis [\d.]+\n', out)
    assert re.search(r"- native +compile: machine code\n +no a-cactus: pip install 'microgradnet\[native\]'\n", out)


REQUIRED = ['a-cactus>=0.45; extra == "native"', "hypothesis ; extra == 'testing'"]


def test_the_doctor_knows_what_every_extra_adds() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    assert doctor.ADDS.keys() | {'demos', 'docs', 'test'} == config['options.extras_require'].keys()


def test_the_doctor_where_nothing_is_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: str) -> list[str]:
        raise PackageNotFoundError

    monkeypatch.setattr(doctor, 'requires', none)
    assert 'not installed, but run from its folder' in run('doctor')[1]
