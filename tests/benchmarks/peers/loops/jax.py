"""JAX: the net in matrices, the trajectory by ``lax.scan``, plain and with a checkpoint, compiled by ``jit``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..jax import first, flat  # and 64 bits
from ..tasks import Array, Entry, repeat, stepwise
from .tasks import Classifier, Trajectory, joined, last

__all__ = ['net_compiling', 'net_costs', 'net_gradient', 'net_step', 'rk4_compiling', 'rk4_costs', 'rk4_gradient']

Both = Callable[[Any], tuple[Any, Any]]


def error(layers: Any, x: Any, t: Any) -> Any:
    """Compute the cross-entropy, summed over all rows."""
    (w1, b1), (w2, b2) = layers
    y = jnp.tanh(x @ w1 + b1) @ w2 + b2
    return (jax.nn.logsumexp(y, axis=1) * t.sum(1)).sum() - (y * t).sum()


def step(rate: float, layers: Any, x: Any, t: Any) -> Any:
    """Return the layers after one step down."""
    return jax.tree.map(lambda p, d: p - rate * d, layers, jax.grad(error)(layers, x, t))


def waiting(function: Any, *arguments: Any) -> Callable[[], Any]:
    """Return a call that comes back when everything is computed."""
    return lambda: jax.block_until_ready(function(*arguments))


def together(net: Classifier, both: tuple[Any, Any]) -> Array:
    return joined((both[0], flat(net, both[1])))


def net_gradient(net: Classifier) -> Iterator[Entry]:
    both = jax.jit(jax.value_and_grad(error))
    run = last(waiting(both, first(net), *map(jnp.asarray, net.split())), partial(together, net))
    yield Entry('JAX, jit', run, net.calls)


def net_step(net: Classifier) -> Iterator[Entry]:
    x, t = map(jnp.asarray, net.split())
    one = jax.jit(partial(step, net.rate))
    run = stepwise(lambda: first(net), lambda layers: jax.block_until_ready(one(layers, x, t)), partial(flat, net))
    yield Entry('JAX, jit, a step a call', run, net.calls)
    loop = jax.jit(lambda layers, x, t, n: lax.fori_loop(0, n, lambda _, p: step(net.rate, p, x, t), layers))
    yield Entry('JAX, epochs in one call', lambda n: flat(net, loop(first(net), x, t, n)), net.epochs)


def net_compiling(net: Classifier) -> Iterator[Entry]:
    layers, x, t = first(net), *map(jnp.asarray, net.split())

    def work() -> Array:
        # A new function every time, so that nothing is remembered.
        both = jax.jit(jax.value_and_grad(lambda *arguments: error(*arguments))).lower(layers, x, t).compile()
        return together(net, both(layers, x, t))

    yield Entry('JAX, jit', repeat(work), 1)


def net_costs(net: Classifier) -> Iterator[Entry]:
    arguments = first(net), *map(jnp.asarray, net.split())
    yield Entry('JAX, jit', last(waiting(jax.jit(error), *arguments), float), net.calls)
    yield from net_gradient(net)


def scanned(task: Trajectory, checkpoint: bool = False) -> Callable[[Any], Any]:
    """Return the function from the parameters to the last state, and to those after each step.

    With a checkpoint the backward sweep keeps each step's state alone, and computes the rest again.
    """
    h = task.h

    def follow(theta: Any) -> Any:
        a, b, c, d = theta

        def slope(x: Any, y: Any) -> Any:
            return a * x - b * x * y, d * x * y - c * y

        def body(state: Any, _: None) -> Any:
            x, y = state
            k1, l1 = slope(x, y)
            k2, l2 = slope(x + h / 2 * k1, y + h / 2 * l1)
            k3, l3 = slope(x + h / 2 * k2, y + h / 2 * l2)
            k4, l4 = slope(x + h * k3, y + h * l3)
            after = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), y + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
            return after, after

        step, start = jax.checkpoint(body) if checkpoint else body, (jnp.ones(()), jnp.ones(()))
        return lax.scan(step, start, None, length=task.steps)

    return follow


def end(task: Trajectory, checkpoint: bool = False) -> Callable[[Any], Any]:
    """Return the function from the parameters to the end of the trajectory."""
    follow = scanned(task, checkpoint)

    def value(theta: Any) -> Any:
        (x, y), _ = follow(theta)
        return x * x + y * y

    return value


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    for engine, checkpoint, each in ('JAX, scan', False, 4), ('JAX, scan of checkpoint', True, 0.1):
        both = jax.jit(jax.value_and_grad(end(task, checkpoint)))
        yield Entry(engine, last(waiting(both, jnp.asarray(task.theta)), joined), task.times(each))


def rk4_compiling(task: Trajectory) -> Iterator[Entry]:
    theta = jnp.asarray(task.theta)

    def work() -> Array:
        return joined(jax.jit(jax.value_and_grad(end(task, True))).lower(theta).compile()(theta))

    yield Entry('JAX, scan of checkpoint', repeat(work), 1)


def rk4_costs(task: Trajectory) -> Iterator[Entry]:
    theta, name, value = jnp.asarray(task.theta), 'JAX, scan of checkpoint', end(task, True)
    yield Entry(name, last(waiting(jax.jit(value), theta), float), task.times(0.1))
    yield Entry(name, last(waiting(jax.jit(jax.value_and_grad(value)), theta), joined), task.times(0.1))
