"""``to_pytensor``: values and derivatives in PyTensor's graphs, held against PyTensor's own."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import compile
from microgradnet import functions as F
from microgradnet.interop import to_pytensor
from tests.support.interop import energy_program, swing

np = pytest.importorskip('numpy')
pytensor = pytest.importorskip('pytensor')
pt = pytest.importorskip('pytensor.tensor')


def energy(x: Any, a: Any) -> Any:
    return F.log(1 + F.dot(x, x)) * x[1] / a if x[0] > 0 else F.sin(x[1]) * a


def theirs(x: Any, a: Any) -> Any:
    return pt.switch(x[0] > 0, pt.log(1 + pt.dot(x, x)) * x[1] / a, pt.sin(x[1]) * a)


def variables() -> tuple[Any, Any]:
    return pt.tensor('x', shape=(3,), dtype='float64'), pt.scalar('a', dtype='float64')


def mode() -> Any:
    """Python's own: another one makes machine code of each test."""
    return pytensor.compile.mode.Mode(linker='py', optimizer='fast_compile')


def run(ys: Any, xs: Any) -> Callable[..., Any]:
    return pytensor.function([*xs], ys, mode=mode())


def test_values_and_gradients_are_pytensors_own() -> None:
    op, xs = to_pytensor(compile(energy, backend='python')), variables()
    y, other = op(*xs), theirs(*xs)
    ours = run([y, *pytensor.grad(y * 3, [*xs])], xs)
    others = run([other, *pytensor.grad(other * 3, [*xs])], xs)
    for x in [0.4, -1.2, 2.0], [-0.4, 1.1, 0.3]:
        for mine, its in zip(ours(np.array(x), 1.5), others(np.array(x), 1.5), strict=True):
            assert mine.shape == its.shape and mine == pytest.approx(its, rel=1e-13)


@pytest.mark.slow
def test_derivatives_of_two_orders_are_differences() -> None:
    op, random = to_pytensor(compile(energy, backend='python')), np.random.default_rng(0)
    point = [np.array([0.4, -1.2, 2.0]), np.array(1.5)]
    pytensor.gradient.verify_grad(op, point, rng=random, mode=mode())
    pytensor.gradient.verify_grad(lambda x, a: pytensor.grad(op(x, a), x), point, rng=random, mode=mode())


@pytest.mark.slow
def test_a_program_takes_rows_in_leading_axes_and_parameters() -> None:
    op, random = to_pytensor(energy_program(backend='python')), np.random.default_rng(0)
    x, theta = pt.tensor('x', shape=(3, 2), dtype='float64'), pt.tensor('theta', shape=(3,), dtype='float64')
    point = [np.array([[0.3, -1.2], [0.7, 0.4], [2.0, -0.5]]), np.array([0.5, 1.5, -0.3])]
    y, both = op(x, theta)
    graph = pickle.loads(pickle.dumps([x, theta, y, both]))
    one, two = pytensor.function(graph[:2], graph[2:], mode=mode())(*point)
    wanted = swing(*point[0][0], *point[1])
    assert [one[0], *two[0]] == pytest.approx([wanted[0], *wanted[1]], rel=1e-14)
    for k in range(2):
        pytensor.gradient.verify_grad(lambda x, theta, k=k: op(x, theta)[k], point, rng=random, mode=mode())
    pytensor.gradient.verify_grad(
        lambda x, theta: pytensor.grad(op(x, theta)[1].sum(), theta), point, rng=random, mode=mode()
    )
    with pytest.raises(ValueError, match=r'argument 1 of the Program must be its parameters, of shape \(3,\), not of'):
        op(x, pt.tensor('theta', shape=(2,), dtype='float64'))


def test_a_result_that_nobody_asks_for_sends_nothing_back() -> None:
    op = to_pytensor(compile(lambda x, a: (x[0] * a, [[x[0], x[1]]]), backend='python'))
    x, a = variables()
    y, table = op(x, a)
    assert table.type.shape == (1, 2) and y.type.shape == ()
    found = run(pytensor.grad(table.sum(), x), [x, a])
    assert found(np.array([1.0, 2.0, 3.0]), 2.0).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(('attempt', 'said'), [
    (lambda: to_pytensor(3.0), 'f must be a function of numbers'),
    (lambda: to_pytensor(energy)(pt.vector('x'), 1.0), r'shape of argument 0 of energy must be known, and is \(None'),
    (lambda: to_pytensor(energy)(np.ones(3) * 1j, 1.0), 'argument 0 of energy must be of real numbers, not'),
    (lambda: to_pytensor(energy)(), 'energy must be called with at least one argument'),
], ids=['number', 'shape', 'complex', 'none'])  # fmt: skip
def test_errors_name_what_came(attempt: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        attempt()
