"""One row is all it takes: method, function, gradient, printed forms and tests follow.

Each test adds a row in a fresh process, as a user would, and touches nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from microgradnet.engine.operation import Table
from microgradnet.engine.table import Operation, operations

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
        [sys.executable, '-c', program, *arguments], cwd=HERE.parent, capture_output=True, text=True, timeout=300
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
    run = f"{used} for b in ('python', 'numpy', 'native')]; print(*[p([3.5]) for p in programs])"
    assert says(CUBE, fmod, IMPORTS, 'from microgradnet import compile', run) == '43.375 43.375 43.375'
    after = says(IMPORTS, 'from microgradnet import compile', 'import microgradnet.compiling', CUBE, fmod, run)
    assert after == '43.375 43.375 43.375'


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
    for name in ('row[check_value-cube]', 'row[check_partials-cube]', 'every_cell_keeps_to_the_grammar[cube]'):
        assert f'PASSED tests/engine/test_operations.py::test_{name}' in done.stdout


@pytest.mark.slow
def test_the_tests_of_the_table_fail_for_each_wrong_derivative() -> None:
    rows = [CUBE.replace("'cube'", f"'cube{n}'").replace('3 * a * a', wrong) for n, wrong in enumerate(WRONG)]
    done = run(*rows, RUN_ITS_TESTS, arguments=(str(HERE), 'cube and check_partials'))
    assert done.returncode == 1
    for n in range(len(WRONG)):
        assert f'FAILED tests/engine/test_operations.py::test_row[check_partials-cube{n}]' in done.stdout


def test_the_table_itself_is_untouched() -> None:
    assert 'cube' not in operations


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
