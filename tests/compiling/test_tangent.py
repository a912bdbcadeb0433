"""The tangent of a program: Hessians times vectors, through loops and choices, on every backend."""

from __future__ import annotations

import random
from typing import Any

import pytest

from microgradnet import Value, compile, custom, hvp
from microgradnet import functions as F
from tests.support.backends import BACKENDS
from tests.support.examples import every


def steps(turns: int) -> Any:
    """Return a function with a loop that carries, keeps, sums and chooses."""

    def f(x: list[Any]) -> Any:
        u, v, total = x[0], x[1], 0.0 * x[2]
        for k in range(turns):
            u, v = u + 0.1 * F.sin(v * x[2]), v - 0.1 * u * F.exp(-0.1 * u * u)
            total = total + F.max(u, 0.3) * v + F.relu(v - 0.1 * k)
            total = total + F.where(F.greater(u, 0.5), u * u, v) / (1.0 + x[2] * x[2])
        return total + F.dot([u, v], [v, u], total) * 0.5

    return f


@pytest.mark.parametrize('backend', every(2, BACKENDS))
@pytest.mark.parametrize('loops', [False, True])
def test_a_hessian_times_a_vector_is_that_of_graphs(backend: str, loops: bool) -> None:
    choose = random.Random(7)
    f = steps(7)
    x, v = ([choose.uniform(-1, 1) for _ in range(3)] for _ in range(2))
    xs = [*map(Value, x)]
    program = compile(f(xs), parameters=xs, backend=backend, loops=loops)
    assert [*program.hvp(x, v)] == pytest.approx(hvp(f)(x, v), rel=1e-11, abs=1e-11)
    other = [0.3, -0.7, 0.9]  # along the same branches, for there are none
    assert [*program.hvp(other, v)] == pytest.approx(hvp(f)(other, v), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize('backend', BACKENDS)
def test_over_rows_it_is_the_sum(backend: str) -> None:
    def f(w: list[Any], row: list[Any]) -> Any:
        return F.tanh(w[0] * row[0] + w[1]) ** 2 * w[1]

    ws, rows = [Value(0.5), Value(-0.25)], [Value(0.0)]
    program = compile(f(ws, rows), rows=rows, parameters=ws, backend=backend)
    data, v = [[0.1 * k] for k in range(11)], [1.0, -2.0]
    each = [hvp(lambda w, row=row: f(w, row))([0.5, -0.25], v) for row in data]
    assert [*program.hvp([0.5, -0.25], v, data)] == pytest.approx([sum(column) for column in zip(*each)], rel=1e-12)


def test_making_it_does_not_depend_on_how_often_a_loop_turns() -> None:
    lengths = []
    for turns in 50, 500:
        xs = [Value(0.3), Value(0.2), Value(1.1)]
        program = compile(steps(turns)(xs), parameters=xs, backend='python', loops=True)
        lengths.append(len(program._derived('hvp').derived.routine(False, 'sums').instructions))
    assert lengths[0] == lengths[1]


def test_what_is_wrong_is_said() -> None:
    x = Value(2.0)
    program = compile(x * x, parameters=[x], backend='python')
    with pytest.raises(ValueError, match='v has 2 numbers; the program has 1 parameters'):
        program.hvp([1.0], [1.0, 2.0])
    cube = custom(lambda a: a * a * a, [lambda a: 3 * a * a], name='cube')
    program = compile(cube(x), parameters=[x], backend='python')
    assert program.value_and_gradient([3.0]) == (27.0, [27.0])
    with pytest.raises(TypeError, match='cube_da: only numbers can compute it, so its own partials are unknown'):
        program.hvp([3.0], [1.0])
