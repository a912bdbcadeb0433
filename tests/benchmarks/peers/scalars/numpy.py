"""NumPy by hand: AdamW over mini-batches, in matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..loops.tasks import Classifier
from ..tasks import Array, Entry
from .tasks import BATCH, LESSONS

__all__ = ['adamw']


def adamw(net: Classifier) -> Iterator[Entry]:
    x, t = net.split()
    batches = [(x[at : at + BATCH], t[at : at + BATCH]) for at in range(0, len(x), BATCH)]

    def run(epochs: int) -> Array:
        weights = [number for w, b in net.layers(net.theta) for number in (w.T.copy(), b)]
        m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
        count = 0
        for _ in range(epochs):
            for x, t in batches:
                w1, b1, w2, b2 = weights
                h = np.tanh(x @ w1 + b1)
                y = h @ w2 + b2
                shares = np.exp(y - y.max(1, keepdims=True))
                d2 = shares * (t.sum(1, keepdims=True) / shares.sum(1, keepdims=True)) - t
                d1 = d2 @ w2.T * (1 - h * h)
                slopes = x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)
                count += 1
                one, two = 1 - 0.9**count, 1 - 0.999**count
                for w, g, mean, square in zip(weights, slopes, m, v, strict=True):
                    mean *= 0.9
                    mean += 0.1 * g
                    square *= 0.999
                    square += (1 - 0.999) * g * g
                    w -= net.rate * (mean / one / (np.sqrt(square / two) + 1e-8) + 0.01 * w)
        w1, b1, w2, b2 = weights
        return net.flat([(w1.T, b1), (w2.T, b2)])

    yield Entry('NumPy by hand', run, LESSONS)
