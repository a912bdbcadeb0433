"""micrograd: the engine of a hundred lines, with Python's collector on and off."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from micrograd.engine import Value
from micrograd.nn import MLP

from .tasks import Array, Entry, Net

__all__ = ['batch', 'online']


def batch(net: Net) -> Iterator[Entry]:
    few = max(1, net.calls // 50 if len(net.rows) < 10 else 1)
    for collects in True, False:
        state = 'on' if collects else 'off'
        run = partial(descend, net, [net.rows], collects)
        yield Entry(f'micrograd, collector {state}', run, few)


def online(net: Net) -> Iterator[Entry]:
    run = partial(descend, net, net.rows[:, None], True)
    yield Entry('micrograd, collector on', run, max(1, net.calls // 50))


def descend(net: Net, batches: Any, collects: bool, count: int) -> Array:
    """Go down so many epochs, an update after each batch."""
    model = MLP(net.sizes[0], net.sizes[1:])
    for p, number in zip(model.parameters(), net.theta):
        p.data = float(number)
    was_on = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        for _ in range(count):
            for rows in batches:
                step(net, model, rows)
    finally:
        (gc.enable if was_on else gc.disable)()
    return np.array([p.data for p in model.parameters()])


def step(net: Net, model: Any, rows: Array) -> None:
    error: Any = 0
    for *x, t in rows.tolist():
        error = error + (output(net, model, [Value(number) for number in x]) - t) ** 2
    error = error * 0.5
    model.zero_grad()
    error.backward()
    for p in model.parameters():
        p.data -= net.rate * p.grad


def output(net: Net, model: Any, x: Any) -> Any:
    """Return the net's output; micrograd knows relu, and has to be told of sigmoids."""
    if net.activation == 'relu':
        return model(x)
    for layer in model.layers:
        x = [sigmoid(sum((w * v for w, v in zip(neuron.w, x)), neuron.b)) for neuron in layer.neurons]
    return x[0]


def sigmoid(r: Any) -> Any:
    y = Value(1 / (1 + math.exp(-r.data)), (r,), 'sigmoid')

    def _backward() -> None:
        r.grad += y.data * (1 - y.data) * y.grad

    y._backward = _backward
    return y
