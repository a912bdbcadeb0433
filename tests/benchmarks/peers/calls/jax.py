"""JAX: jitted functions of its own arrays, which are there; what they return is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp

from ..jax import error, first, flat  # and 64 bits
from ..tasks import Array, Entry, Net, repeat
from .tasks import CALLS

__all__ = ['net', 'scalar', 'squares']


def net(of: Net) -> Iterator[Entry]:
    layers, rows = first(of), jnp.asarray(of.rows)
    both = jax.jit(jax.value_and_grad(partial(error, of)))

    def run(count: int) -> Array:
        for _ in range(count):
            found = jax.block_until_ready(both(layers, rows))
        return flat(of, found[1])

    yield Entry('JAX, jit', run, CALLS)


def squares(theta: Array) -> Iterator[Entry]:
    given, both = jnp.asarray(theta), jax.jit(jax.value_and_grad(lambda w: jnp.sum(w * w)))
    yield Entry('JAX, jit', repeat(lambda: jax.block_until_ready(both(given))[1]), CALLS)


def scalar(of: tuple[float, float]) -> Iterator[Entry]:
    f = jax.jit(lambda x, y: x * y + jnp.sin(x))
    yield Entry('JAX, jit', repeat(lambda: float(f(*of))), CALLS)
