"""One row is all it takes: method, function, gradient, printed forms and tests follow.

Each test adds a row in a fresh process, as a user would, and touches nothing else.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from microgradnet.engine.operation import Table
from microgradnet.engine.table import Operation, operations
from microgradnet.testing import OperationError, check_operation
from microgradnet.testing.truth import true_partials
from tests.support import ROOT
from tests.support.examples import for_each

HERE = Path(__file__).resolve().parent
CUBE = "row('cube', 'a * a * a', ('3 * a * a',), r'{a}^{3}', ulps=3)"
#: The same with a sign, a factor, an exponent or an operand wrong.
WRONG = ['-3 * a * a', '2 * a * a', '3 * a', '3 * a * a + 1', '3 * abs(a) * a', '3 * a * a * 1.0000000000001']
RUN_ITS_TESTS = """
import pytest
options = ['-q', '-rA', '--no-header', '-p', 'no:cacheprovider', '-p', 'no:xdist']
raise SystemExit(pytest.main([*options, f'{sys.argv[1]}/test_operations.py', '-k', sys.argv[2]]))
"""


def run(*lines: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, from the root of the project."""
    program = '\n'.join(['import sys', 'from microgradnet.engine.table import operations, row', *lines])
    return subprocess.run(
        [sys.executable, '-c', program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def says(*lines: str) -> str:
    done = run(*lines)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


IMPORTS = 'from microgradnet.engine.value import Value; from microgradnet import functions'


@pytest.mark.parametrize('lines', [(CUBE, IMPORTS), (IMPORTS, CUBE)], ids=['before', 'after'])
def test_the_method_and_its_gradient(lines: tuple[str, ...]) -> None:
    """Whether Value was there before the row or not."""
    used = 'x = Value(2.0); y = x.cube(); y.backward(); print(y.data, x.grad, y.op.name)'
    assert says(*lines, used) == '8.0 12.0 cube'


def test_the_function_on_floats_values_arrays_and_fractions() -> None:
    assert says(IMPORTS, CUBE, 'print(functions.cube(2.0), functions.cube(Value(3.0)).data)') == '8.0 27.0'
    array = 'import numpy; print(functions.cube(numpy.array([1.0, 2.0])).tolist())'
    assert says(IMPORTS, CUBE, array) == '[1.0, 8.0]'
    exact = 'from fractions import Fraction as F; x = Value(F(1, 3)); y = x.cube(); y.backward(); print(y.data, x.grad)'
    assert says(IMPORTS, CUBE, exact) == '1/27 1/3'


def test_derivatives_as_graphs_of_any_order() -> None:
    orders = 'x = Value(2.0); g = x.cube()'
    again = '(g,) = gradients(g, [x]); print(g.data)'
    assert says(IMPORTS, CUBE, 'from microgradnet import gradients', orders, *[again] * 4).split() == [
        '12.0', '12.0', '6.0', '0.0',
    ]  # fmt: skip


def test_programs_have_it() -> None:
    """A row made of others is lowered to their instructions; a function of Python's own is called by name."""
    fmod = "row('fmod', 'fmod(a, b)', ('1', '-(a - y) / b'), r'{a} \\bmod {b}')"
    used = "x = Value(2.0); y = x.cube() + functions.fmod(x, 1.5); programs = [compile(y, rows=[x], backend=b)"
    backends = ['python', *(name for name, needs in (('numpy', 'numpy'), ('native', 'llvmlite')) if find_spec(needs))]
    run = f'{used} for b in {backends}]; print({{p([3.5]) for p in programs}})'
    assert says(CUBE, fmod, IMPORTS, 'from microgradnet import compile', run) == '{43.375}'
    after = says(IMPORTS, 'from microgradnet import compile', 'import microgradnet.compiling', CUBE, fmod, run)
    assert after == '{43.375}'


def test_the_printed_forms() -> None:
    forms = "x = Value(2.0, label='x'); print(text(x.cube() + 1.0), latex(x.cube()))"
    assert says(IMPORTS, CUBE, 'from microgradnet.formulas.printing import latex, text', forms) == 'cube(x) + 1.0 x^{3}'


def test_the_documentation_and_the_source() -> None:
    assert says(IMPORTS, CUBE, 'print(Value.cube.__doc__)') == 'Return a * a * a; d/da = 3 * a * a.'
    assert 'y = a * a * a' in says(IMPORTS, CUBE, 'import inspect; print(inspect.getsource(Value.cube))')


def test_an_operation_of_vectors_with_a_default() -> None:
    row = "row('power_sum', 'b * sum(a[i] * a[i])', ('2 * b * a[i]', 'y / b'), r'{b} \\sum {a}^2', default={'b': 1})"
    used = 'x = [Value(1.0), Value(2.0)]; y = functions.power_sum(x); y.backward(); print(y.data, [v.grad for v in x])'
    assert says(IMPORTS, row, used) == '5.0 [2.0, 4.0]'


def test_an_operator_may_be_added() -> None:
    row = "row('product', 'a * b', ('b', 'a'), r'{a} {b}', method='__matmul__', reflected='__rmatmul__')"
    used = 'x = Value(2.0); y = 3.0 @ x @ 5.0; y.backward(); print(y.data, x.grad)'
    assert says(IMPORTS, row, used) == '30.0 15.0'


@pytest.mark.slow
def test_the_tests_of_the_table_pick_it_up_and_pass() -> None:
    done = run(CUBE, RUN_ITS_TESTS, arguments=(str(HERE), 'cube'))
    assert done.returncode == 0, done.stdout
    for name in ('row[cube]', 'every_cell_keeps_to_the_grammar[cube]'):
        assert f'PASSED tests/engine/test_operations.py::test_{name}' in done.stdout


@pytest.mark.slow
def test_the_tests_of_the_table_fail_for_each_wrong_derivative() -> None:
    rows = [CUBE.replace("'cube'", f"'cube{n}'").replace('3 * a * a', wrong) for n, wrong in enumerate(WRONG)]
    done = run(*rows, RUN_ITS_TESTS, arguments=(str(HERE), 'cube and row'))
    assert done.returncode == 1 and 'check_partials' in done.stdout
    for n in range(len(WRONG)):
        assert f'FAILED tests/engine/test_operations.py::test_row[cube{n}]' in done.stdout


def test_the_table_itself_is_untouched() -> None:
    assert 'cube' not in operations


# What the pages tell a newcomer to do, done as it is printed.

PAGES = ['CONTRIBUTING.md', 'docs/how-to/add-an-operation.md']


def printed(page: str, language: str, start: str) -> str:
    """Return the block of a page that begins so."""
    (block,) = re.findall(
        rf'^```{language}\n({re.escape(start)}.*?)^```$', (ROOT / page).read_text('utf-8'), re.M | re.S
    )
    return str(block)


def documented(page: str) -> Operation:
    """Return the row that a page prints, read and checked, but not in the table."""

    def read(*columns: Any, **more: Any) -> Operation:
        return Operation(operations, *columns, **more)

    operation = eval(printed(page, 'python', 'row('), {'row': read})
    assert isinstance(operation, Operation)
    return operation


def test_both_pages_print_the_same_row_and_the_same_commands() -> None:
    assert len({printed(page, 'python', 'row(') for page in PAGES}) == 1
    assert len({printed(page, 'sh', 'pytest -k') for page in PAGES}) == 1
    name = documented(PAGES[0]).name
    assert name not in operations
    assert f'pytest -k {name}\n' in printed(PAGES[0], 'sh', 'pytest -k')


#: The row's own zero, which is no float, is at about -0.6392; beyond 8.9e307 the half of its cell has overflowed.
EDGES = [0.0, -0.0, 5e-324, 1e-300, 0.7, -0.6392, -0.63924, -0.64, -18.0, 19.0, 354.0, -354.0, -371.0, 372.5, -373.0]
EDGES += [400.0, 1e160, -1e160, 1e308, -1e308, 1.7976931348623157e308, -1.7976931348623157e308, math.inf]


@for_each('a', EDGES)
def test_the_documented_row_keeps_its_digits(a: float) -> None:
    op = documented(PAGES[0])
    (found,) = op.partials('ieee')(a, op.value('ieee')(a))
    (truth,) = true_partials(op, (a,))
    assert truth is not None and truth.allowed < math.inf
    assert truth.ulps(found) <= op.ulps, (found, truth)


def test_the_documented_row_hides_no_nan() -> None:
    op = documented(PAGES[0])
    assert all(map(math.isnan, op.partials('ieee')(math.nan, math.nan)))


#: Value, partials and the rest of a row that no list knows: with a choice, a clip, several operands, terms.
ROWS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    'prelu': ('a if a > 0 else b * a', ('1 if a > 0 else b if a <= 0 else a', '0 if a > 0 else a'), {'kink': 'a'}),
    'mish': ('a * tanh(s)', ('tanh(s) + (a * sech2(s) * t if t != 0 else 0)',),
             {'let': 's = softplus(a); t = sigmoid(a)', 'ulps': 9}),
    'hard_sigmoid': ('clip(a / 6 + 1 / 2, 0, 1)', ('share(a, -3) * share(3, a) / 6',),
                     {'kink': 'a - 3; a + 3', 'ulps': 3}),
    'logaddexp': ('max(a, b) + log1p(exp(-abs(a - b)))', ('sigmoid(a - b)', 'sigmoid(b - a)'), {'ulps': 5}),
    'weighted': ('sum(a[i] * a[i] * b[i])', ('2 * a[i] * b[i]', 'a[i] * a[i]'), {}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize('name', ROWS)
def test_a_row_of_any_kind_is_its_own_oracle(name: str) -> None:
    value, partials, more = ROWS[name]
    assert check_operation(Operation(operations, name, value, partials, '', **more)).judged > 50


#: Name, value and partial of rows that are right on paper, and lose their digits, or all of it.
POOR = {
    'flat': ('tanh(a)', '1 - y * y'),
    'half_lost': ('a * sigmoid(2 * a)', 'sigmoid(2 * a) + 2 * a * (sigmoid(2 * a) * (1 - sigmoid(2 * a)))'),
    'overflows': ('a * sigmoid(2 * a)', 'sigmoid(2 * a) + 2 * a * sigmoid_slope(2 * a)'),
    'wrong': ('a * sigmoid(2 * a)', 'sigmoid(2 * a) + 2 * a * sech2(a)'),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', POOR)
def test_a_row_that_is_its_own_oracle_is_judged_all_the_same(name: str) -> None:
    value, partial = POOR[name]
    with pytest.raises(OperationError, match=f'^{name} is wrong at a = '):
        check_operation(Operation(operations, name, value, (partial,), '', ulps=9))


@pytest.mark.slow
def test_the_pages_row_and_commands_in_a_copy_of_the_project(tmp_path: Path) -> None:
    """Nothing is edited but the table, and its own tests and the stub's pass."""
    copy = tmp_path / 'project'
    left = shutil.ignore_patterns('.*', '__pycache__', '*.egg-info', 'build', 'site', 'runs')
    shutil.copytree(ROOT, copy, ignore=left)
    table = copy / 'microgradnet' / 'engine' / 'table.py'
    table.write_text(f'{table.read_text("utf-8")}\n{printed(PAGES[0], "python", "row(")}', 'utf-8')
    commands = [shlex.split(line, comments=True) for line in printed(PAGES[0], 'sh', 'pytest -k').splitlines()]
    said = []
    for program, *arguments in [*commands, ['pytest', 'tests/engine/test_stub.py']]:
        modules = {'pytest': ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'], 'python': []}[program]
        done = subprocess.run(
            [sys.executable, *modules, *arguments], cwd=copy, env={**os.environ, 'PYTHONPATH': str(copy)},
            capture_output=True, text=True, timeout=1800,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    assert int(re.findall(r'(\d+) passed', said[0])[0]) >= 9
    name = documented(PAGES[0]).name
    assert f'def {name}(' in (copy / 'microgradnet' / 'engine' / 'methods.pyi').read_text('utf-8')


# What is refused, by name. A table of their own: none of these must stay behind.


@pytest.fixture
def table() -> Table:
    table = Table()
    table.row('double', '2 * a', ('2',), r'2 {a}')
    return table


@pytest.mark.parametrize(('row', 'said'), [
    (('double', 'a', ('1',), ''), 'row double: the table already has an operation of this name'),
    (('two words', 'a', ('1',), ''), "row 'two words': the name must be a Python identifier and not in use"),
    (('divide', 'a', ('1',), ''), "row 'divide': the name must be a Python identifier and not in use"),
    (('print', 'a', ('1',), ''), "row 'print': the name must be a Python identifier and not in use"),
    (('odd', 'a @ a', ('1',), ''), "row odd, value: 'a @ a' is not in the grammar of cells"),
    (('odd', 'a.real', ('1',), ''), "row odd, value: 'a.real' is not in the grammar of cells"),
    (('odd', 'a', ('[a]',), ''), r"row odd, d/da: '\[a\]' is not in the grammar of cells"),
    (('odd', 'a + b', ('1',), ''), "row odd, value: 'b' is neither an operand nor defined by let"),
    (('odd', 'y', ('1',), ''), "row odd, value: 'y' is neither an operand nor defined by let"),
    (('odd', 'a * b', ('b', 'z'), ''), "row odd, d/db: 'z' is neither an operand nor defined by let"),
])  # fmt: skip
def test_a_bad_row_is_refused_by_name(table: Table, row: tuple[str, str, tuple[str, ...], str], said: str) -> None:
    with pytest.raises(ValueError, match=f'^{said}$'):
        table.row(*row)
    assert list(table) == ['double']


@pytest.mark.parametrize('name', ['g', 'y', 'a', 'self', 'node', 'recorded', 'len', 'double', 'a_nodes', 'other_b'])
def test_a_definition_of_a_name_that_the_printed_code_uses_is_refused(table: Table, name: str) -> None:
    with pytest.raises(ValueError, match=f"^row odd: let cannot define '{name}', a name that is in use$"):
        table.row('odd', f'{name} * {name}', ('1',), '', let=f'{name} = 2 * a')


BROKEN = [('a +', '1', ''), ('a', ')', ''), ('a', '1', 'e = '), ('', '1', ''), ('a', '1', 'e + 1')]


@pytest.mark.parametrize('cells', BROKEN)
def test_a_cell_that_is_not_python_is_refused_by_the_name_of_its_row(table: Table, cells: tuple[str, ...]) -> None:
    value, partial, let = cells
    with pytest.raises(ValueError, match='row odd'):
        table.row('odd', value, (partial,), '', let=let)


def test_an_unknown_operation_in_a_cell_is_refused_and_leaves_nothing_behind() -> None:
    good = "row('nosuch', '2 * a', ('2',), ''); row('odd', 'nosuch(a)', ('2',), ''); print(Value(1.0).odd().data)"
    attempt = f'''
{IMPORTS}
try:
    row('odd', 'nosuch(a)', ('2',), '')
except ValueError as error:
    print(error)
print('odd' in operations, hasattr(Value, 'odd'))
{good}
'''
    assert says(attempt).splitlines() == ["row odd: there is no operation 'nosuch'", 'False False', '2.0']


def test_a_primitive_needs_a_function_of_math() -> None:
    done = run(IMPORTS, "row('zeta', 'zeta(a)', ('1',), '')")
    assert 'ValueError: row zeta: a primitive needs a function of the same name in math' in done.stderr


def test_an_operation_reads_well() -> None:
    op = operations['hypot']
    assert isinstance(op, Operation) and repr(op) == '<operation hypot(a, b) = hypot(a, b)>'
