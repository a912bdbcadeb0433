"""NumPy by hand: the derivation in matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .tasks import ADAMW, BATCH, Array, Entry, Layers, Net, stepwise

__all__ = ['adamw', 'batch', 'wide']


def batch(net: Net) -> Iterator[Entry]:
    if net.activation != 'relu':
        return
    inputs = net.sizes[0]
    x, t = net.rows[:, :inputs].copy(), net.rows[:, inputs:].copy()

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


wide = batch


def adamw(net: Net) -> Iterator[Entry]:
    """Two layers, tanh and identity, as one writes them down."""
    inputs, (beta1, beta2, epsilon, decay), h = net.sizes[0], ADAMW, net.rate
    batches = [net.rows[k : k + BATCH] for k in range(0, len(net.rows), BATCH)]

    def epochs(count: int) -> Array:
        (w1, b1), (w2, b2) = net.layers(net.theta)
        parameters, step = [w1, b1, w2, b2], 0
        means, squares = ([np.zeros_like(p) for p in parameters] for _ in range(2))
        for _ in range(count):
            for rows in batches:
                x, t = rows[:, :inputs], rows[:, inputs:]
                hidden = np.tanh(x @ w1.T + b1)
                signal = hidden @ w2.T + b2 - t
                back = signal @ w2 * (1 - hidden * hidden)
                step += 1
                slopes = back.T @ x, back.sum(0), signal.T @ hidden, signal.sum(0)
                for p, g, m, v in zip(parameters, slopes, means, squares):
                    m *= beta1
                    m += (1 - beta1) * g
                    v *= beta2
                    v += (1 - beta2) * g * g
                    p -= h * (m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon) + decay * p)
        return net.flat([(w1, b1), (w2, b2)])

    yield Entry('NumPy by hand', epochs, net.epochs)
