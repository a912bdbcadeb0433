"""NumPy by hand: the derivation in matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .tasks import Entry, Layers, Net, stepwise

__all__ = ['batch']


def batch(net: Net) -> Iterator[Entry]:
    if net.activation != 'relu':
        return
    x, t = net.rows[:, :-1].copy(), net.rows[:, -1:].copy()

    def step(layers: Layers) -> Layers:
        outputs = [x]
        for w, b in layers[:-1]:
            r = outputs[-1] @ w.T + b
            outputs.append(np.maximum(r, 0, out=r))
        w, b = layers[-1]
        signal = outputs[-1] @ w.T + b - t
        for layer in reversed(range(len(layers))):
            w, b = layers[layer]
            output = outputs[layer]
            back = signal @ w if layer else signal
            w -= net.rate * (signal.T @ output)
            b -= net.rate * signal.sum(0)
            signal = np.where(output > 0, back, 0) if layer else signal
        return layers

    run = stepwise(lambda: net.layers(net.theta), step, net.flat)
    yield Entry('NumPy by hand, a step a call', run, net.calls)
