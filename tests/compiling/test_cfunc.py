"""Programs as C functions: called by ctypes, SciPy and numba, from any thread."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from ctypes import POINTER, c_double, c_void_p, cast
from math import isnan, pi
from typing import Any

import pytest

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')

from microgradnet import functions as F  # noqa: E402
from microgradnet.compiling import BranchError, Program, compile, recording  # noqa: E402
from microgradnet.compiling.run import native  # noqa: E402
from microgradnet.engine.custom import custom  # noqa: E402
from microgradnet.engine.value import Value  # noqa: E402
from tests.support.backends import bits  # noqa: E402


def ask(function: Any, row: Any, parameters: Any = None) -> float:
    row = np.array(row, float)
    theta = None if parameters is None else np.array(parameters, float)
    place = None if theta is None else theta.ctypes.data
    return float(function(len(row), cast(row.ctypes.data, POINTER(c_double)), place))


def bell(backend: str = 'native') -> Program:
    x, y, w = Value(0.0), Value(0.0), Value(1.0)
    return compile(w * F.exp(-(x * x + y * y)) + x, rows=[x, y], parameters=[w], backend=backend)


def steps() -> Program:
    x, a = Value(0.0), Value(0.5)
    y = x
    for _ in range(200):
        y = y + a * y.sin() / 200
    return compile(y, rows=[x], parameters=[a], loops=True, backend='native')


def test_it_has_the_bits_of_a_call() -> None:
    for program in bell(), steps():
        function = program.cfunc()
        for row in np.random.default_rng(0).normal(size=(20, program.width)):
            program.parameters[0].data = 0.75
            assert ask(function, row, [0.75]) == program(row)
            program.parameters[0].data = 1.0 if program.width == 2 else 0.5
            assert ask(function, row) == program(row)
    zero = Value(0.0)
    assert bits([ask(compile(-zero, rows=[zero], backend='native').cfunc(), [0.0])]) == ['-0.0']


def test_parameters_are_those_of_when_it_was_asked_for() -> None:
    program = bell()
    function = program.cfunc()
    program.parameters[0].data = 3.0
    assert ask(function, [0.0, 0.0]) == 1.0
    assert ask(program.cfunc(), [0.0, 0.0]) == 3.0
    assert ask(function, [0.0, 0.0], [5.0]) == 5.0


def test_without_rows_it_is_a_function_of_the_parameters() -> None:
    v, w = Value(1.0), Value(2.0)
    function = compile(v * w + v, parameters=[v, w], backend='native').cfunc()
    assert ask(function, [3.0, 4.0]) == 15.0
    assert isnan(ask(function, [3.0]))
    assert ask(compile(Value(2.0) * 3, parameters=[], backend='native').cfunc(), []) == 6.0


def test_another_number_of_numbers_is_nan() -> None:
    function = bell().cfunc()
    assert isnan(ask(function, [0.0]))
    assert isnan(ask(function, [0.0, 0.0, 0.0]))


def test_it_outlives_its_program_and_needs_no_lock() -> None:
    function, program = steps().cfunc(), steps()
    gc.collect()
    xs = np.linspace(-2, 2, 50)
    expected = [program([x]) for x in xs] * 20
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda x: ask(function, [x]), [*xs] * 20)] == expected


@pytest.mark.parametrize('backend', ['python', 'numpy'])
def test_it_is_native_whatever_the_backend(backend: str) -> None:
    assert ask(bell(backend).cfunc(), [0.5, 0.25]) == bell()([0.5, 0.25])


def test_what_is_no_c_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Value(2.0)
    with pytest.raises(TypeError, match='of one output is a C function; this one has 2'):
        compile([x, x], rows=[x], backend='native').cfunc()
    with recording():
        y = x * x if x > 1 else x
    with pytest.raises(BranchError, match='a C function would follow one way only'):
        compile(y, rows=[x], backend='native').cfunc()
    twice = custom(lambda a: 2 * a, lambda a: 2.0)
    with pytest.raises(TypeError, match='custom operation'):
        compile(twice(Value(1.0)), backend='python').cfunc()
    monkeypatch.setattr(native, 'STACK', 2)
    with pytest.raises(ValueError, match='at most 2; this program needs'):
        bell().cfunc()


def test_scipy_integrates_it() -> None:
    scipy, integrate = pytest.importorskip('scipy'), pytest.importorskip('scipy.integrate')
    x, y, w = Value(0.0), Value(0.0), Value(1.0)
    flat = compile(w * F.exp(-(x * x)), rows=[x], parameters=[w], backend='native')
    integrand = scipy.LowLevelCallable(flat.cfunc())
    assert integrate.quad(integrand, -np.inf, np.inf)[0] == pytest.approx(pi**0.5, rel=1e-10)
    wide = compile(w * F.exp(-(x * x) - y * y), rows=[x, y], parameters=[w], backend='native')
    integrand = scipy.LowLevelCallable(wide.cfunc())
    assert integrate.nquad(integrand, [[-6, 6], [-6, 6]])[0] == pytest.approx(pi, rel=1e-9)
    theta = np.array([2.5])
    integrand = scipy.LowLevelCallable(wide.cfunc(), c_void_p(theta.ctypes.data))
    assert integrate.nquad(integrand, [[-6, 6], [-6, 6]])[0] == pytest.approx(2.5 * pi, rel=1e-9)


def test_numba_calls_it() -> None:
    numba = pytest.importorskip('numba')
    function, theta, rows = bell().cfunc(), np.array([2.0]), np.array([[0.5, 0.25], [1.0, 2.0]])

    @numba.njit  # type: ignore[untyped-decorator]
    def total(rows: Any, theta: Any) -> float:
        sum_ = 0.0
        for row in rows:
            sum_ += function(2, row.ctypes, theta.ctypes)
        return sum_

    program = bell()
    program.parameters[0].data = 2.0
    assert total(rows, theta) == program(rows[0]) + program(rows[1])
