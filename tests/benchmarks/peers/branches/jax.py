"""JAX: ``where``, ``lax.cond`` and ``lax.while_loop``, which has no reverse gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..loops.jax import waiting  # and 64 bits
from ..loops.tasks import joined, last
from ..tasks import Array, Entry, repeat
from .tasks import Harvest, Loop, Walks

__all__ = ['harvest', 'heun', 'newton', 'newton_gradient', 'walks']


def walks(task: Walks) -> Iterator[Entry]:
    def walk(z: Any) -> Any:
        s = 100 * jnp.exp(task.sigma * jnp.cumsum(z, axis=1))
        if task.knocks_out:
            return jnp.where((s > task.barrier).any(axis=1), 0.0, s[:, -1])
        return jnp.where(s > task.barrier, s - task.barrier, 0.0).sum(axis=1)

    yield Entry('JAX, where', last(waiting(jax.jit(walk), jnp.asarray(task.rows)), np.asarray))


def harvest(task: Harvest) -> Iterator[Entry]:
    def choosing(x: Any, share: Any) -> Any:
        return jnp.where(x > task.limit, share * (x - task.limit), 0.0)

    def branching(x: Any, share: Any) -> Any:
        return lax.cond(x > task.limit, lambda: share * (x - task.limit), lambda: 0.0)

    thetas, h = [jnp.asarray(theta) for theta in task.thetas], task.h
    for name, taken in ('where', choosing), ('cond', branching):

        def end(theta: Any, taken: Any = taken) -> Any:
            a, b, c, d, share = theta

            @jax.checkpoint
            def step(state: Any, _: None) -> Any:
                x, y = state
                return (x + h * (a * x - b * x * y - taken(x, share)), y + h * (d * x * y - c * y)), None

            (x, y), _ = lax.scan(step, (jnp.ones(()), jnp.ones(())), None, length=task.steps)
            return x * x + y * y

        both = jax.jit(jax.value_and_grad(end))
        yield Entry(f'JAX, scan of {name}', repeat(partial(calls, both, thetas)))


def calls(both: Any, thetas: list[Any]) -> Array:
    return np.array([joined(both(theta)) for theta in thetas])


def root(a: Any) -> Any:
    return lax.while_loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: (x + a / x) / 2, a)


def decayed(k: Any) -> Any:
    def step(state: Any) -> Any:
        t, y, h = state
        h = jnp.minimum(h, 2.0 - t)
        one = -k * y
        two = -k * (y + h * one)
        error = abs(two - one) * h / 2 + 1e-300
        good = error < 1e-6
        factor = jnp.clip(0.9 * jnp.sqrt(1e-6 / error), 0.2, 5.0)
        return jnp.where(good, t + h, t), jnp.where(good, y + h * (one + two) / 2, y), h * factor

    return lax.while_loop(lambda state: state[0] < 2.0, step, (0.0, 1.0, 0.01))[1]


def newton(task: Loop) -> Iterator[Entry]:
    yield Entry('JAX, while_loop', last(waiting(jax.jit(jax.vmap(root)), jnp.asarray(task.numbers)), np.asarray))


def newton_gradient(task: Loop) -> Iterator[Entry]:
    """Forwards, as it has no reverse gradient of such a loop."""
    slope = jax.jit(jax.vmap(lambda a: jax.jvp(root, (a,), (1.0,))[1]))
    yield Entry('JAX, while_loop, jvp', last(waiting(slope, jnp.asarray(task.numbers)), np.asarray))


def heun(task: Loop) -> Iterator[Entry]:
    yield Entry('JAX, while_loop', last(waiting(jax.jit(jax.vmap(decayed)), jnp.asarray(task.numbers)), np.asarray))
