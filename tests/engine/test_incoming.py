"""What comes in, at every door: arrays that would lose something are refused by name, and so is what is no number."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import Program, compile
from microgradnet.derivatives.transforms import grad
from microgradnet.engine.value import Value
from microgradnet.nets.net import MLP
from microgradnet.training.data import TeacherSet
from microgradnet.training.large import LargeTeacherSet
from tests.support.backends import BACKENDS
from tests.support.examples import for_each

np = pytest.importorskip('numpy')
NAMES = [name for name in ('python', 'numpy', 'native') if name != 'native' or importlib.util.find_spec('llvmlite')]

ARRAYS: dict[str, tuple[Callable[[], Any], str]] = {
    'masked': (lambda: np.ma.array([[3.0], [1.0]], mask=[[False], [True]]), 'must not be a masked array: its mask'),
    'masked nowhere': (lambda: np.ma.array([[3.0], [1.0]]), 'must not be a masked array: its mask'),
    'complex': (lambda: np.array([[3.0 + 0j], [1.0 + 0j]]), 'must be real numbers, not an array of dtype complex128'),
    'string': (lambda: np.array([['3'], ['1']]), 'must be real numbers, not an array of dtype <U1'),
    'bytes': (lambda: np.array([[b'3'], [b'1']]), r'must be real numbers, not an array of dtype \|S1'),
    'object': (lambda: np.array([[3.0], [1.0]], object), 'must be real numbers, not an array of dtype object'),
    'dates': (lambda: np.array([['2020-01-01']], 'M8[D]'), 'must be real numbers, not an array of dtype datetime64'),
    'other byte order': (
        lambda: np.array([[3.0], [1.0]]).astype(np.dtype(float).newbyteorder()),
        r"must not be in another byte order than this machine's \(dtype .f8\): give ",
    ),
}
ITEMS: dict[str, Any] = {
    'None': None, 'string': '2', 'bytes': b'2', 'complex': 2j, 'complex of NumPy': np.complex128(2),
    'string of NumPy': np.str_('2'), 'masked': np.ma.masked, 'list': [2.0], 'array': np.array([2.0]),
}  # fmt: skip


@cache
def program(backend: str = 'python') -> Program:
    x, w = Value(1.0), Value(2.0)
    made = compile(x * w, rows=[x], parameters=[w], backend=backend)
    assert isinstance(made, Program)
    return made


def shared(rows: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return program().backward(rows, executor=pool)


#: Whatever takes a table of rows, or one row of it.
DOORS: dict[str, Callable[[Any], Any]] = {
    **{f'call, {backend}': lambda rows, backend=backend: program(backend)(rows) for backend in NAMES},
    **{
        f'theta, {backend}': lambda rows, backend=backend: program(backend).value_and_gradient(
            np.ravel(rows)[:1] if isinstance(rows, np.ndarray) else rows[0], [[1.0]]
        )
        for backend in NAMES
    },
    'one row': lambda rows: program()(rows[-1]),
    'a list of rows': lambda rows: program()([*rows]),
    'sum': lambda rows: program().sum(rows),
    'blocks': lambda rows: program().sum(iter([rows] if isinstance(rows, np.ndarray) else rows)),
    'backward': lambda rows: program().backward(rows),
    'value_and_gradient': lambda rows: program().value_and_gradient([2.0], rows),
    'descend': lambda rows: program().descend(rows, 0.1),
    'executor': shared,
    'function': lambda rows: compile(F.sum, backend='python')(rows[0]),
    'map': lambda rows: compile(lambda x: x[0], backend='python').map(rows),  # type: ignore[union-attr]
    'grad': lambda rows: grad(F.sum)(rows[0]),
    'net': lambda rows: MLP(1, [1], seed=1)(rows[0]),
    'predict': lambda rows: MLP(1, [1], seed=1).predict(rows),
    'inputs': lambda rows: TeacherSet(rows, [1.0] * len(rows)),
    'targets': lambda rows: TeacherSet([[1.0]] * len(rows), rows),
}
#: What takes objects one by one, since they may be Values or fractions.
OBJECTS = ('grad', 'net', 'predict')


@pytest.mark.filterwarnings('error')
@for_each('kind', ARRAYS)
@for_each('door', DOORS)
def test_arrays_that_would_lose_something_are_refused_by_name(door: str, kind: str) -> None:
    make, said = ARRAYS[kind]
    if kind == 'object' and door in OBJECTS:
        DOORS[door](make())
        return
    if door == 'targets' and kind in ('object', 'string'):
        said = 'a class|must be a real number, not .3.'  # names may come so, and are looked at one by one
        if kind == 'object':
            return
    with pytest.raises(TypeError, match=said):
        DOORS[door](make())


@pytest.mark.filterwarnings('error')
@for_each('item', ITEMS)
@for_each('door', DOORS)
def test_items_that_are_no_numbers_are_refused(door: str, item: str) -> None:
    """Whatever the door, a list with such a thing in it is a TypeError that shows it; some doors take structures."""
    if item in ('list', 'array') and door in ('function', 'map', 'grad', 'one row'):
        return
    with pytest.raises(TypeError, match=r'(?s)must (not )?be a.*(None|2|masked)'):
        DOORS[door]([[ITEMS[item]]])


@for_each('door', DOORS)
def test_numbers_of_every_kind_come_in(door: str) -> None:
    for rows in ([[3]], [[True]], [[3.0]], [(3.0,)], np.array([[3]]), np.array([[3]], np.uint8), np.array([[3]], 'f4'),
                 np.array([[True]]), [[np.float32(3)]], [np.array([3.0])], [[Fraction(3)]]):  # fmt: skip
        DOORS[door](rows)


@for_each('rows', ['2', b'2', {1.0: 2.0}, {1.0}, 3.0, None])
@pytest.mark.parametrize('backend', BACKENDS)
def test_what_has_no_order_or_is_one_thing_is_no_list(backend: str, rows: Any) -> None:
    with pytest.raises(TypeError, match='rows must be lists of numbers or an array, not '):
        program(backend)(rows)
    with pytest.raises(TypeError, match='theta must be a list of numbers or an array, not '):
        program(backend).value_and_gradient(rows, [[1.0]])


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_file_is_checked_as_memory_is(tmp_path: Path, backend: str) -> None:
    np.save(tmp_path / 'rows.npy', np.array([[1.0, 2.0]], '>f8' if np.little_endian else '<f8'))
    rows = np.load(tmp_path / 'rows.npy', mmap_mode='r')
    with pytest.raises(TypeError, match='rows must not be in another byte order'):
        LargeTeacherSet(rows)
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match='rows must not be in another byte order'):
        program(backend).backward(rows[:, :1], executor=pool)


def test_names_and_fractions_still_come_in_arrays() -> None:
    assert TeacherSet([[1.0], [2.0]], np.array(['a', 'b'])).classes == ('a', 'b')
    assert TeacherSet([[1.0], [2.0]], np.array(['a', 'b'], object)).classes == ('a', 'b')
    third = MLP.from_weights([[[1]]], [[Fraction(1, 3)]])(np.array([Fraction(1, 3)], object))
    assert third.data == Fraction(2, 3)
    x = Value(2.0)
    assert MLP.from_weights([[[3.0]]], [[0.0]])(np.array([x], object)).inputs[1] is x


@for_each('condition', [[True, False], (True,), (), 'a', None, 1j, {}])
def test_a_condition_is_a_number_or_an_array(condition: Any) -> None:
    with pytest.raises(TypeError, match='the condition of where must be a real number, not'):
        F.where(condition, 1.0, 2.0)
    assert F.where(np.array([True, False]), 1.0, 2.0).tolist() == [1.0, 2.0]
    assert (F.where(np.bool_(True), 1.0, 2.0), F.where(0, 1.0, 2.0), F.where(Fraction(1, 2), 1.0, 2.0)) == (1, 2, 1)


@pytest.mark.parametrize('what', [lambda x: x, Value(1.0)])
def test_how_to_compile_is_checked_at_once(what: Any) -> None:
    with pytest.raises(ValueError, match=r"there is no backend 'nativ'; did you mean 'native'\?"):
        compile(what, backend='nativ')
    with pytest.raises(ValueError, match="there is no backend 'jax'; there are python, numpy, native"):
        compile(what, backend='jax')
    for threads in (-3, 0, 2.5, True, '2'):
        with pytest.raises(ValueError, match='threads must be a whole number of at least 1, not '):
            compile(what, threads=threads)
    if not isinstance(what, Value):
        with pytest.raises(ValueError, match='most_paths must be a whole number of at least 1, not 0'):
            compile(what, most_paths=0)


def test_masked_arrays_are_asked_for_only_where_there_are_some() -> None:
    code = 'import sys, numpy; from microgradnet.engine.incoming import numbers; numbers(numpy.ones(2), "x")'
    shown = subprocess.run([sys.executable, '-c', f'{code}; print("numpy.ma" in sys.modules)'], capture_output=True)
    assert shown.stdout.decode().split() == ['False'], shown.stderr
