"""JAX: arrays, and ``lax.scan`` for loops, compiled by ``jit``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import exp
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..jax import first, flat  # and 64 bits
from ..loops.jax import end, error, rk4_gradient, scanned, waiting
from ..loops.tasks import Classifier, Trajectory, joined, last
from ..tasks import Array, Entry
from .tasks import BATCH, LESSONS, Heston, Mixture, Rosenbrock

__all__ = [
    'adamw', 'from_scratch', 'heston', 'mixture_gradient', 'rk4_gradient', 'rk4_hessian', 'rk4_jacobian',
    'rosenbrock_gradient', 'rosenbrock_hessian',
]  # fmt: skip


def valley(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def differentiated(name: str, f: Any, theta: Array, *data: Any) -> Entry:
    both = jax.jit(jax.value_and_grad(f))
    return Entry(name, last(waiting(both, *map(jnp.asarray, (theta, *data))), joined))


def rosenbrock_gradient(task: Rosenbrock) -> Iterator[Entry]:
    yield differentiated('JAX, jit', valley, task.theta)


def rosenbrock_hessian(task: Rosenbrock) -> Iterator[Entry]:
    yield Entry(
        'JAX, jit of hessian', last(waiting(jax.jit(jax.hessian(valley)), jnp.asarray(task.theta)), jnp.asarray)
    )


def mixture_gradient(task: Mixture) -> Iterator[Entry]:
    d, k, n = task.d, task.k, task.n
    below = [(i, j) for j in range(d) for i in range(j + 1, d)]
    places = tuple(map(jnp.array, zip(*below)))

    def likelihood(theta: Any, x: Any) -> Any:
        alpha, means, factors = theta[:k], theta[k : k * (d + 1)].reshape(k, d), theta[k * (d + 1) :].reshape(k, -1)
        q, lower = factors[:, :d], factors[:, d:]
        factor = jax.vmap(jnp.diag)(jnp.exp(q)).at[:, places[0], places[1]].set(lower)
        y = jnp.einsum('kij,nkj->nki', factor, x[:, None] - means)
        parts = alpha + q.sum(1) - 0.5 * (y * y).sum(2)
        prior = 0.5 * ((jnp.exp(q) ** 2).sum() + (lower**2).sum())
        logsumexp = jax.scipy.special.logsumexp
        return logsumexp(parts, axis=1).sum() - n * logsumexp(alpha) + prior + task.constant

    yield differentiated('JAX, jit', likelihood, task.theta, task.points)


def rk4_hessian(task: Trajectory) -> Iterator[Entry]:
    for name, checkpoint in ('JAX, jit of hessian of scan', False), ('JAX, the same with checkpoint', True):
        compiled = jax.jit(jax.hessian(end(task, checkpoint)))
        yield Entry(name, last(waiting(compiled, jnp.asarray(task.theta)), jnp.asarray))


def rk4_jacobian(task: Trajectory) -> Iterator[Entry]:
    follow = scanned(task)

    def trajectory(theta: Any) -> Any:
        return jnp.stack(follow(theta)[1], axis=1).ravel()

    compiled = jax.jit(jax.jacfwd(trajectory))
    yield Entry('JAX, jit of jacfwd of scan', last(waiting(compiled, jnp.asarray(task.theta)), jnp.asarray))


def from_scratch(task: Trajectory) -> Array:
    """Trace, compile, and return the value and the gradient at the end of a trajectory."""
    return joined(jax.jit(jax.value_and_grad(end(task, True)))(jnp.asarray(task.theta)))


def adamw(net: Classifier) -> Iterator[Entry]:
    x, t = (jnp.asarray(numbers.reshape(-1, BATCH, numbers.shape[1])) for numbers in net.split())
    tree = jax.tree.map

    def step(state: Any, batch: Any) -> Any:
        layers, m, v, count = state
        slopes, count = jax.grad(error)(layers, *batch), count + 1
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, slopes)
        v = tree(lambda v, g: 0.999 * v + (1 - 0.999) * g * g, v, slopes)
        one, two = 1 - 0.9**count, 1 - 0.999**count

        def moved(w: Any, m: Any, v: Any) -> Any:
            return w - net.rate * (m / one / (jnp.sqrt(v / two) + 1e-8) + 0.01 * w)

        return (tree(moved, layers, m, v), m, v, count), None

    @partial(jax.jit, static_argnums=1)
    def learn(layers: Any, epochs: int) -> Any:
        nothing = tree(jnp.zeros_like, layers)
        state = (layers, nothing, nothing, jnp.zeros(()))
        return lax.fori_loop(0, epochs, lambda _, state: lax.scan(step, state, (x, t))[0], state)[0]

    yield Entry('JAX, scan', lambda n: flat(net, learn(first(net), n)), LESSONS)


def heston(task: Heston) -> Iterator[Entry]:
    dt, paths = task.dt, task.paths

    def price(theta: Any, z: Any) -> Any:
        spot, variance, pull, level, vol, rho = theta
        rest = jnp.sqrt(1 - rho**2)

        def step(state: Any, z: Any) -> Any:
            x, v = state
            now = jnp.maximum(v, task.least)
            r = jnp.sqrt(now * dt)
            x = x + (task.rate - 0.5 * now) * dt + r * z[0]
            return (x, v + pull * (level - now) * dt + vol * r * (rho * z[0] + rest * z[1])), None

        (x, _), _ = lax.scan(step, (jnp.full(paths, jnp.log(spot)), jnp.full(paths, variance)), z)
        return exp(-task.rate) * jnp.maximum(jnp.exp(x) - task.strike, 0).sum()

    z = task.rows.reshape(paths, task.steps, 2).transpose(1, 2, 0).copy()
    yield differentiated('JAX, scan', price, task.theta, z)
