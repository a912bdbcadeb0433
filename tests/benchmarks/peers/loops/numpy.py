"""NumPy by hand: the net in matrices, whose products are OpenBLAS's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..tasks import Array, Entry
from .tasks import Classifier, joined, last

__all__ = ['net_gradient']


def net_gradient(net: Classifier) -> Iterator[Entry]:
    (w1, b1), (w2, b2) = ((w.T.copy(), b) for w, b in net.layers(net.theta))
    x, t = net.split()

    def work() -> tuple[float, list[Array]]:
        h = np.tanh(x @ w1 + b1)
        y = h @ w2 + b2
        y -= y.max(1, keepdims=True)
        shares = np.exp(y)
        total, wanted = shares.sum(1, keepdims=True), t.sum(1, keepdims=True)
        d2 = shares * (wanted / total) - t
        d1 = d2 @ w2.T * (1 - h * h)
        return float((np.log(total) * wanted).sum() - (y * t).sum()), [x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)]

    def finish(both: tuple[float, list[Array]]) -> Array:
        g1, s1, g2, s2 = both[1]
        return joined((both[0], net.flat([(g1.T, s1), (g2.T, s2)])))

    yield Entry('NumPy by hand', last(work, finish), net.calls)
