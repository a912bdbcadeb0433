"""NumPy beside ``Value``: arrays on either side, ufuncs that reach the table, and no import of it before."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet
from microgradnet import functions as F
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from tests.support import NOT_DEFINED
from tests.support.examples import for_each
from tests.support.programs import OPERATORS

SCALARS = [
    np.float64(2),
    np.float32(2),
    np.float16(2),
    np.int64(2),
    np.uint8(2),
    np.bool_(True),
    np.array(2.0),
]
#: The rows that NumPy has under the name the table says, with the number of their operands.
UFUNCS = {
    op.numpy: (name, len(op.parameters))
    for name, op in operations.items()
    if isinstance(getattr(np, op.numpy, None), np.ufunc) and not op.vectors
}


def objects(*items: Any) -> Any:
    """Return a plain object array."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def data(array: Any) -> list[float]:
    return [item.data for item in array]


@for_each('symbol', OPERATORS)
@for_each('scalar', SCALARS, ids=lambda scalar: f'{type(scalar).__name__}')
def test_scalars_on_either_side_give_a_value(symbol: str, scalar: Any) -> None:
    f = OPERATORS[symbol]
    v = Value(3.0)
    for y, expected in ((f(scalar, v), f(float(scalar), 3.0)), (f(v, scalar), f(3.0, float(scalar)))):
        assert type(y) is Value
        assert y.data == expected
        v.grad = 0.0
        y.backward()
        assert v.grad != 0.0 or (symbol == '**' and scalar.dtype == bool)


@for_each('symbol', OPERATORS)
@for_each('dtype', [float, np.float32, int, object])
def test_arrays_on_either_side_work_elementwise(symbol: str, dtype: Any) -> None:
    f = OPERATORS[symbol]
    v, array = Value(3.0), np.array([1.0, 2.0, 4.0]).astype(dtype)
    for result, expected in (
        (f(array, v), [f(a, 3.0) for a in (1.0, 2.0, 4.0)]),
        (f(v, array), [f(3.0, a) for a in (1.0, 2.0, 4.0)]),
    ):
        assert isinstance(result, np.ndarray)
        assert result.dtype == object
        assert data(result) == expected
        assert all(v in (node.inputs[0], node.inputs[1]) for node in result)


def test_shapes_broadcast() -> None:
    column = np.arange(3.0).reshape(3, 1)
    row = objects(Value(1.0), Value(2.0))
    assert (column * row).shape == (3, 2)
    assert F.hypot(column, row).shape == (3, 2)
    assert F.hypot(column, Value(1.0)).shape == (3, 1)
    assert F.exp(np.zeros((0, 2))).shape == (0, 2)


def test_gradients_come_through_arrays() -> None:
    w = objects(Value(1.0), Value(2.0))
    x = np.array([[3.0, 4.0], [5.0, 6.0]])
    error = ((x @ w - np.array([1.0, 2.0])) ** 2).sum() / 2
    error.backward()
    assert error.data == (10.0**2 + 15.0**2) / 2
    assert [v.grad for v in w] == [3.0 * 10 + 5.0 * 15, 4.0 * 10 + 6.0 * 15]
    assert np.mean(w).data == np.dot(w, np.array([0.5, 0.5])).data == 1.5


@for_each('name', UFUNCS)
def test_every_ufunc_of_the_table_reaches_it(name: str) -> None:
    row, arity = UFUNCS[name]
    ufunc, points = getattr(np, name), [0.5, 0.25, 0.75][:arity]
    if row == 'acosh':
        points = [1.5]
    operands = [Value(point) for point in points]
    y = ufunc(*operands)
    assert type(y) is Value or name in ('greater', 'less')
    if isinstance(y, Value):
        assert y.op is operations[row]
        assert math.isclose(y.data, float(ufunc(*points)), rel_tol=1e-14)
        assert y.partials == getattr(F, row)(*operands).partials
    array = objects(operands[0], operands[0])
    both = ufunc(array, *operands[1:])
    assert both.shape == (2,)
    assert both[0] == both[1] == y


def test_the_list_of_ufuncs_is_not_empty() -> None:
    assert {
        'exp',
        'arcsin',
        'maximum',
        'arctan2',
        'absolute',
        'power',
        'log1p',
        'sign',
        'hypot',
    } <= UFUNCS.keys()


@pytest.mark.parametrize(
    ('name', 'expected', 'slope'),
    [('square', 9.0, 6.0), ('reciprocal', 1 / 3, -1 / 9), ('positive', 3.0, 1.0), ('fabs', 3.0, 1.0)],
)
def test_ufuncs_that_are_something_else_here(name: str, expected: float, slope: float) -> None:
    v = Value(3.0)
    y = getattr(np, name)(v)
    y.backward()
    assert (y.data, v.grad) == (expected, pytest.approx(slope, rel=1e-15))
    assert np.float_power(v, 2.0).data == 9.0


def test_comparisons_give_bools() -> None:
    v, array = Value(2.0), np.array([1.0, 2.0, 3.0])
    assert (array < v).tolist() == [True, False, False]
    assert (v < array).tolist() == [False, False, True]
    assert (v >= array).tolist() == (array <= v).tolist() == [True, True, False]
    assert (v == array).tolist() == (array == v).tolist() == [False, True, False]
    assert (v != array).tolist() == [True, False, True]
    assert np.float64(2) == v
    assert not np.float64(3) < v


def test_maximum_reaches_the_table_where_a_value_stands_on_either_side() -> None:
    """The one thing out of reach is a plain array of Values beside plain numbers.

    ``np.maximum(objects(v, v), 0.0)`` has no Value among its operands, so NumPy never asks;
    its own loop over objects compares, and picks one of the two: the number is chosen as a
    number, a tie is not shared. ``F.max(array, 0.0)`` does what is meant.
    """
    v, w = Value(-1.0), Value(2.0)
    for result in (
        np.maximum(objects(v, w), Value(0.0)),
        np.maximum(Value(0.0), objects(v, w)),
        F.max(objects(v, w), 0.0),
    ):
        assert data(result) == [0.0, 2.0]
        assert [node.op.name for node in result] == ['max', 'max']
    assert np.maximum(v, np.array([-3.0, 5.0]))[0].op is operations['max']
    assert np.maximum(objects(v, w), 0.0).tolist() == [0.0, w]


@for_each(
    'attempt',
    [
        lambda v: np.exp2(v),
        lambda v: np.isnan(v),
        lambda v: np.float64(3) // v,
        lambda v: np.float64(3) % v,
        lambda v: np.rint(v),
        lambda v: np.multiply(v, 2.0, dtype=float),
        lambda v: np.add.outer(v, np.ones(2)),
        lambda v: np.exp(v, out=(np.empty(()),)),
    ],
)
def test_what_has_no_row_is_refused(attempt: Callable[[Value], Any]) -> None:
    with pytest.raises(TypeError, match='Value'):
        attempt(Value(2.0))


def test_what_is_not_a_number_is_refused() -> None:
    v = Value(2.0)
    for operand in (np.complex128(1j), np.array([1j]), np.array(['a'])):
        for attempt in (lambda x: v * x, lambda x: x * v, lambda x: F.hypot(v, x)):
            with pytest.raises(TypeError, match='real number'):
                attempt(operand)


def test_python_raises_what_it_raises_elementwise_too() -> None:
    with pytest.raises(ValueError, match=NOT_DEFINED):
        np.log(objects(Value(1.0), Value(0.0)))
    with pytest.raises(ZeroDivisionError):
        np.array([1.0]) / Value(0.0)


def test_functions_on_arrays_of_floats_are_floats_and_those_of_the_floats() -> None:
    points = np.array([[0.1, 0.2], [0.3, 0.4]])
    for name, op in operations.items():
        if op.vectors or name == 'acosh':
            continue
        operands = [points] * len(op.parameters)
        result = getattr(F, name)(*operands)
        assert result.dtype == np.float64
        assert result.shape == (2, 2)
        assert result[1, 0] == getattr(F, name)(*[0.3] * len(op.parameters))


def test_functions_on_arrays_of_values_are_arrays_of_values() -> None:
    v, w = Value(0.5), Value(0.25)
    y = F.sin(objects(v, w))
    assert [node.inputs[0] for node in y] == [v, w]
    assert [type(item) for item in F.exp(objects(v, 1.0))] == [Value, float]
    assert data(F.where(np.array([True, False]), objects(v, w), Value(9.0))) == [0.5, 9.0]
    assert F.where(np.array([True, False]), v, 0.0)[1] == 0.0
    clipped = F.clip(objects(Value(-5.0), w), 0.0, 1.0)
    assert data(clipped) == [0.0, 0.25]


def test_vectors_may_be_arrays() -> None:
    w = objects(Value(1.0), Value(2.0))
    y = F.dot(np.array([3.0, 4.0]), w, 1.0)
    y.backward()
    assert (y.data, y.op, w[1].grad) == (12.0, operations['dot'], 4.0)
    assert F.sum(w).data == 3.0
    assert F.mean(np.array([1.0, 2.0, 6.0])) == 3.0
    assert F.logsumexp(np.zeros(4)) == math.log(4)
    assert [p.data for p in F.softmax(w - w)] == [0.5, 0.5]
    assert F.max(np.array([1.0, 3.0, 2.0])) == 3.0


def test_neither_the_node_nor_the_functions_import_numpy() -> None:
    script = """
import sys
from microgradnet import functions as F
from microgradnet.engine.value import Value
v = Value(2.0)
F.dot([v * 2, F.sin(v)], [1, v], F.max(v, 1)).backward()
F.sin(1.0), F.sum([1, 2]), v == 2
print(sorted({name.split('.')[0] for name in sys.modules} &
    {'numpy', 'matplotlib', 'hypothesis', 'llvmlite'}))
"""
    environment = {**os.environ, 'PYTHONPATH': str(Path(microgradnet.__file__).parents[1])}
    answer = subprocess.run(
        [sys.executable, '-c', script], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == '[]'
