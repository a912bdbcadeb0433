"""``to_jax``: values, derivatives and batches, under ``jit``, held against JAX's own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from microgradnet import compile
from microgradnet import functions as F
from microgradnet.interop import to_jax
from tests.support.interop import energy_program, swing

jax = pytest.importorskip('jax')
jnp = jax.numpy


@pytest.fixture(autouse=True)
def _doubles() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def energy(x: Any, a: Any) -> Any:
    return F.log(1 + F.dot(x, x)) * x[1] / a if x[0] > 0 else F.sin(x[1]) * a


def theirs(x: Any, a: Any) -> Any:
    return jnp.where(x[0] > 0, jnp.log(1 + x @ x) * x[1] / a, jnp.sin(x[1]) * a)


ROWS = [[0.4, -1.2, 2.0], [-0.4, 1.1, 0.3], [1.0, 2.0, 3.0]]


@pytest.fixture(scope='module')
def op() -> Callable[..., Any]:
    return to_jax(compile(energy, backend='python'))


def close(ours: Any, others: Any) -> None:
    for mine, other in zip(jax.tree.leaves(ours), jax.tree.leaves(others), strict=True):
        assert mine.shape == other.shape and jnp.allclose(mine, other, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize('how', [
    lambda f: f,
    lambda f: jax.value_and_grad(f, (0, 1)),
    pytest.param(lambda f: jax.jacrev(jax.jacrev(f, (0, 1)), (0, 1)), marks=pytest.mark.slow),
], ids=['value', 'gradient', 'second derivatives'])  # fmt: skip
def test_it_is_jaxs_own(op: Callable[..., Any], how: Callable[[Any], Any]) -> None:
    for row in jnp.array(ROWS):
        close(jax.jit(how(op))(row, 1.5), how(theirs)(row, 1.5))


def test_derivatives_are_differences(op: Callable[..., Any]) -> None:
    from jax.test_util import check_grads

    check_grads(op, (jnp.array(ROWS[0]), jnp.array(1.5)), order=2, modes=['rev'])


@pytest.mark.slow
def test_a_batch_is_one_call_of_its_rows(op: Callable[..., Any]) -> None:
    rows, a = jnp.array(ROWS), jnp.array([1.5, 0.5])
    for how in (lambda f: f), jax.grad:
        found = jax.jit(jax.vmap(jax.vmap(how(op), (0, None)), (None, 0)))(rows, a)
        close(found, jax.vmap(jax.vmap(how(theirs), (0, None)), (None, 0))(rows, a))


@pytest.mark.slow
def test_a_program_takes_rows_in_leading_axes_and_parameters() -> None:
    from jax.test_util import check_grads

    op = pickle.loads(pickle.dumps(to_jax(energy_program(backend='python'))))
    rows, theta = jnp.array([[0.3, -1.2], [0.7, 0.4], [2.0, -0.5]]), jnp.array([0.5, 1.5, -0.3])
    y, both = jax.jit(op)(rows, theta)
    one, two = swing(0.3, -1.2, 0.5, 1.5, -0.3)
    assert [float(y[0]), *map(float, both[0])] == pytest.approx([one, *two], rel=1e-14)
    check_grads(op, (rows, theta), order=2, modes=['rev'])
    by_theta = jax.jit(jax.grad(lambda theta: op(rows, theta)[0].sum()))(theta)
    every = jax.jit(jax.vmap(jax.grad(lambda theta, row: op(row, theta)[0]), (None, 0)))(theta, rows)
    close(every.sum(axis=0), by_theta)
    close(jax.vmap(op, (0, None))(rows, theta), (y, both))
    with pytest.raises(ValueError, match=r'argument 0 of the Program must be its rows, of shape \(..., 2\), not of'):
        jax.jit(op)(jnp.ones((2, 3)), theta)


def test_several_results_types_and_numbers() -> None:
    op = to_jax(lambda x, k: (x[0] * k, [[x[0], x[1]]]))
    y, table = op(jnp.array([1, 2]), 3)
    assert y.dtype == table.dtype == jnp.float64 and float(y) == 3.0 and table.shape == (1, 2)
    with jax.enable_x64(False):
        assert op(jnp.array([1.0, 2.0]), 3)[0].dtype == jnp.float32


@pytest.mark.parametrize(('attempt', 'said'), [
    (lambda: to_jax(3.0), 'f must be a function of numbers'),
    (lambda: to_jax(energy)(jnp.ones(3) * 1j, 1.0), 'argument 0 of energy must be of real numbers, not'),
    (lambda: to_jax(energy)(), 'energy must be called with at least one argument, and is with none'),
], ids=['number', 'complex', 'none'])  # fmt: skip
def test_errors_name_what_came(attempt: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        attempt()
