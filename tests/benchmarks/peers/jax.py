"""JAX: nets of matrices, compiled by ``jit``, a step a call or with the loop inside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .tasks import ADAMW, BATCH, SOME, Array, Entry, Net, repeat, stepwise

__all__ = ['adamw', 'batch', 'bundle_costs', 'compiling', 'costs', 'jacobians', 'online', 'wide']

jax.config.update('jax_enable_x64', True)

FUNCTIONS = {'relu': jax.nn.relu, 'sigmoid': jax.nn.sigmoid, 'tanh': jnp.tanh, 'identity': lambda r: r}


def error(net: Net, layers: Any, rows: Any) -> Any:
    """Compute half the sum of squared errors over all rows."""
    x = rows[..., : net.sizes[0]]
    for (w, b), g in zip(layers, net.activations):
        x = FUNCTIONS[g](x @ w + b)
    return ((x - rows[..., net.sizes[0] :]) ** 2).sum() / 2


def step(net: Net, layers: Any, rows: Any) -> Any:
    """Return the layers after one step down."""
    gradient = jax.grad(partial(error, net))(layers, rows)
    return jax.tree.map(lambda p, d: p - net.rate * d, layers, gradient)


def batch(net: Net) -> Iterator[Entry]:
    rows, one = jnp.asarray(net.rows), jax.jit(partial(step, net))
    run = stepwise(lambda: first(net), lambda layers: one(layers, rows), partial(flat, net))
    yield Entry('JAX, jit, a step a call', run, net.calls)
    loop = jax.jit(lambda layers, rows, n: lax.fori_loop(0, n, lambda _, p: step(net, p, rows), layers))
    yield Entry('JAX, epochs in one call', lambda n: flat(net, loop(first(net), rows, n)), net.epochs)


wide = batch


def online(net: Net) -> Iterator[Entry]:
    def epoch(layers: Any, rows: Any) -> Any:
        return lax.scan(lambda p, row: (step(net, p, row), None), layers, rows)[0]

    rows = jnp.asarray(net.rows)
    loop = jax.jit(lambda layers, rows, n: lax.fori_loop(0, n, lambda _, p: epoch(p, rows), layers))
    yield Entry('JAX, epochs in one call', lambda n: flat(net, loop(first(net), rows, n)), net.epochs)


def adamw(net: Net) -> Iterator[Entry]:
    beta1, beta2, epsilon, decay = ADAMW
    full = len(net.rows) // BATCH * BATCH
    batches, rest = jnp.asarray(net.rows[:full]).reshape(-1, BATCH, net.rows.shape[1]), jnp.asarray(net.rows[full:])

    def update(state: Any, rows: Any) -> Any:
        layers, means, squares, step = state
        slopes, step = jax.grad(partial(error, net))(layers, rows), step + 1
        means = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, means, slopes)
        squares = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, squares, slopes)

        def new(p: Any, m: Any, v: Any) -> Any:
            return p - net.rate * (m / (1 - beta1**step) / (jnp.sqrt(v / (1 - beta2**step)) + epsilon) + decay * p)

        return jax.tree.map(new, layers, means, squares), means, squares, step

    def epoch(_: Any, state: Any) -> Any:
        return update(lax.scan(lambda s, rows: (update(s, rows), None), state, batches)[0], rest)

    def run(count: int) -> Array:
        zeros = jax.tree.map(jnp.zeros_like, first(net))
        return flat(net, loop((first(net), zeros, zeros, 0), count)[0])

    loop = jax.jit(lambda state, n: lax.fori_loop(0, n, epoch, state))
    yield Entry('JAX, epochs in one call', run, net.epochs)


def compiling(net: Net) -> Iterator[Entry]:
    layers, rows = first(net), jnp.asarray(net.rows)

    def work() -> Array:
        # A new function every time, so that nothing is remembered.
        compiled = jax.jit(lambda layers, rows: step(net, layers, rows)).lower(layers, rows).compile()
        return flat(net, compiled(layers, rows))

    yield Entry('JAX, jit', repeat(work), 1)


def costs(net: Net) -> Iterator[Entry]:
    layers, rows = first(net), jnp.asarray(net.rows)
    value, both = jax.jit(partial(error, net)), jax.jit(jax.value_and_grad(partial(error, net)))
    yield Entry('JAX, jit', repeat(lambda: float(value(layers, rows))), SOME)
    yield Entry('JAX, jit', repeat(lambda: flat(net, both(layers, rows)[1])), SOME)


def first(net: Net) -> Any:
    """Return the layers as JAX has them: weights of shape (inputs, neurons), which is faster here."""
    return [(jnp.asarray(w.T.copy()), jnp.asarray(b)) for w, b in net.layers(net.theta)]


def flat(net: Net, layers: Any) -> Array:
    return net.flat([(w.T, b) for w, b in layers])


def residual(row: Any, seen: Any) -> Any:
    """Compute where a point is seen less where it was measured, weighted.

    Number by number: XLA then has whole columns in vectors, and is faster than with arrays of three.
    """
    r1, r2, r3, c1, c2, c3, f, u, v, k1, k2, p1, p2, p3, weight = (row[i] for i in range(15))
    square, x, y, z = r1 * r1 + r2 * r2 + r3 * r3, p1 - c1, p2 - c2, p3 - c3
    angle = jnp.sqrt(square)
    cos, a = jnp.cos(angle), jnp.sin(angle) / angle
    along = (1 - cos) / square * (r1 * x + r2 * y + r3 * z)
    depth = cos * z + a * (r1 * y - r2 * x) + along * r3
    across = (cos * x + a * (r2 * z - r3 * y) + along * r1) / depth
    down = (cos * y + a * (r3 * x - r1 * z) + along * r2) / depth
    s = across * across + down * down
    scale = f * (1 + s * (k1 + s * k2))
    return jnp.stack([weight * (scale * across + u - seen[0]), weight * (scale * down + v - seen[1])])


def jacobians(rows: Array) -> Iterator[Entry]:
    yield observe('JAX, jit of vmap(jacrev)', rows, jax.jacrev(residual))


def bundle_costs(rows: Array) -> Iterator[Entry]:
    yield observe('JAX, jit', rows, residual)
    yield observe('JAX, jit', rows, jax.jacrev(residual))


def observe(engine: str, rows: Array, function: Any) -> Entry:
    inputs, seen = jnp.asarray(rows[:, :15]), jnp.asarray(rows[:, 15:])
    compiled = jax.jit(jax.vmap(function))
    return Entry(engine, repeat(lambda: compiled(inputs, seen).block_until_ready()), SOME)
