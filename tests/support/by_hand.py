"""The derivation's formulas in plain numbers: no engine, no graph, no chain rule left to do.

Transcribed, section by section, from "Deriving the backpropagation algorithm" (2012), for
floats, Fractions or anything else that adds, subtracts and multiplies. Indices start at
1 and weights are named source first, ``w[A, B]`` from A to B, as in its "Putting it all
together". Where the printed text slips, here is what was meant; the slips themselves
are kept in ``test_printed_slips``.

    TwoLayers     N0 inputs, N1 hidden neurons, any number of outputs
    ThreeLayers   the net of "Why backpropagation?": neurons 1 2, then 3 4, then 5
    batch         one update from the sum over all samples
    online        one update after every sample
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias, TypeVar

Number: TypeAlias = Any
Name: TypeAlias = tuple[Any, ...]
Sample: TypeAlias = tuple[Sequence[Number], Sequence[Number]]


class Activation(NamedTuple):
    """An activation function g and its derivative g'."""

    name: str
    g: Callable[[Number], Number]
    prime: Callable[[Number], Number]


def sigma(r: float) -> float:
    return 1 / (1 + math.exp(-r))


identity = Activation('identity', lambda r: r, lambda r: 1)
softsign = Activation('softsign', lambda r: r / (1 + abs(r)), lambda r: 1 / (1 + abs(r)) ** 2)
# 1 - sigma(r) is sigma(-r), which has all its digits; likewise 1 - tanh^2 is 1 / cosh^2.
sigmoid = Activation('sigmoid', sigma, lambda r: sigma(r) * sigma(-r))
tanh = Activation('tanh', math.tanh, lambda r: 1 / math.cosh(r) ** 2)


class Neurons(NamedTuple):
    """What every neuron of a net has for one sample: net input, output, error signal, by its name."""

    r: dict[Any, Number]
    output: dict[Any, Number]
    delta: dict[Any, Number]


@dataclass(frozen=True)
class TwoLayers:
    """The net of "Preliminaries" to "Putting it all together", with all its outputs.

    ``weights`` has ``('w', A, B)`` and ``('b', B)`` for hidden neuron B, ``('w_hat', A, n)``
    and ``('b_hat', n)`` for output n. Hidden neurons are named B, output neurons
    ``('hat', n)``.
    """

    sizes: tuple[int, ...]
    weights: Mapping[Name, Number]
    activation: Activation

    @staticmethod
    def names(sizes: tuple[int, ...]) -> list[Name]:
        """List all weights and biases: layer by layer, neuron by neuron, the bias last."""
        inputs, hidden, outputs = (range(1, size + 1) for size in sizes)
        return [
            *(name for B in hidden for name in (*(('w', A, B) for A in inputs), ('b', B))),
            *(name for n in outputs for name in (*(('w_hat', A, n) for A in hidden), ('b_hat', n))),
        ]

    def neurons(self, x: Sequence[Number], t: Sequence[Number]) -> Neurons:
        """Compute r, output and delta of every neuron; delta is dE/d(output)."""
        inputs, hidden, outputs = (range(1, size + 1) for size in self.sizes)
        p, (_, g, g_prime) = self.weights, self.activation
        r = {B: sum(x[A - 1] * p['w', A, B] for A in inputs) + p['b', B] for B in hidden}
        f = {B: g(r[B]) for B in hidden}
        r_hat = {n: sum(f[j] * p['w_hat', j, n] for j in hidden) + p['b_hat', n] for n in outputs}
        y = {n: g(r_hat[n]) for n in outputs}
        delta_hat = {n: y[n] - t[n - 1] for n in outputs}
        delta = {B: sum(delta_hat[n] * g_prime(r_hat[n]) * p['w_hat', B, n] for n in outputs) for B in hidden}
        return Neurons(*({**lower, **{('hat', n): upper[n] for n in outputs}}
                         for lower, upper in ((r, r_hat), (f, y), (delta, delta_hat))))  # fmt: skip

    def gradient(self, x: Sequence[Number], t: Sequence[Number]) -> dict[Name, Number]:
        """Compute the gradient of one sample's error, as "Putting it all together" has it.

        For the hidden layer every output adds its own product; the derivation writes
        the one of its simplified net.
        """
        inputs, hidden, outputs = (range(1, size + 1) for size in self.sizes)
        w_hat = {(A, n): self.weights['w_hat', A, n] for A in hidden for n in outputs}
        g, g_prime = self.activation.g, self.activation.prime
        r, output, _ = self.neurons(x, t)
        r_hat = {n: r['hat', n] for n in outputs}
        miss = {n: output['hat', n] - t[n - 1] for n in outputs}
        return {
            **{('w_hat', A, n): miss[n] * g_prime(r_hat[n]) * g(r[A]) for A in hidden for n in outputs},
            **{('b_hat', n): miss[n] * g_prime(r_hat[n]) for n in outputs},
            **{('w', A, B): sum(miss[n] * g_prime(r_hat[n]) * w_hat[B, n] * g_prime(r[B]) * x[A - 1] for n in outputs)
               for A in inputs for B in hidden},
            **{('b', B): sum(miss[n] * g_prime(r_hat[n]) * w_hat[B, n] * g_prime(r[B]) for n in outputs)
               for B in hidden},
        }  # fmt: skip

    def error(self, samples: Iterable[Sample]) -> Number:
        """Compute E, half the sum of squares, over all samples and outputs ("Training")."""
        return sum(miss * miss for x, t in samples for miss in self._misses(x, t)) / 2

    def _misses(self, x: Sequence[Number], t: Sequence[Number]) -> list[Number]:
        delta = self.neurons(x, t).delta
        return [delta['hat', n] for n in range(1, self.sizes[2] + 1)]


@dataclass(frozen=True)
class ThreeLayers:
    """The net of "Why backpropagation?": inputs x1, x2 ..., neurons 1 2, then 3 4, then 5.

    ``weights`` has ``('x1', 1)``, ``(1, 3)`` ... ``(4, 5)`` and ``('b', 1)`` ... ``('b', 5)``.
    The derivation has two inputs; there may be any number N0, and ``sizes`` is (N0, 2, 2, 1).
    """

    sizes: tuple[int, ...]
    weights: Mapping[Name, Number]
    activation: Activation

    @staticmethod
    def names(sizes: tuple[int, ...] = (2, 2, 2, 1)) -> list[Name]:
        """List all weights and biases: layer by layer, neuron by neuron, the bias last."""
        sources = {B: [f'x{A}' for A in range(1, sizes[0] + 1)] for B in (1, 2)} | {3: [1, 2], 4: [1, 2], 5: [3, 4]}
        return [name for B, above in sources.items() for name in (*((A, B) for A in above), ('b', B))]

    def neurons(self, x: Sequence[Number], t: Sequence[Number]) -> Neurons:
        """Compute r and output of every neuron, and delta as "Propagating the error signal" has it."""
        w, (_, g, g_prime) = self.weights, self.activation
        r, f = {}, {}
        for B in (1, 2):
            r[B] = sum(w[f'x{A}', B] * x[A - 1] for A in range(1, self.sizes[0] + 1)) + w['b', B]
            f[B] = g(r[B])
        for B in (3, 4):
            r[B] = w[1, B] * f[1] + w[2, B] * f[2] + w['b', B]
            f[B] = g(r[B])
        r[5] = w[3, 5] * f[3] + w[4, 5] * f[4] + w['b', 5]
        f[5] = g(r[5])

        delta = {5: f[5] - t[0]}
        delta[3] = delta[5] * g_prime(r[5]) * w[3, 5]
        delta[4] = delta[5] * g_prime(r[5]) * w[4, 5]
        delta[1] = delta[3] * g_prime(r[3]) * w[1, 3] + delta[4] * g_prime(r[4]) * w[1, 4]
        delta[2] = delta[3] * g_prime(r[3]) * w[2, 3] + delta[4] * g_prime(r[4]) * w[2, 4]
        return Neurons(r, f, delta)

    def gradient(self, x: Sequence[Number], t: Sequence[Number]) -> dict[Name, Number]:
        """Compute one sample's gradient as "Propagating the error signal" has it at last.

        Error introduced, times gradient of the activation, times input.
        """
        r, f, delta = self.neurons(x, t)
        source = {f'x{A}': x[A - 1] for A in range(1, self.sizes[0] + 1)} | f
        signal = {B: delta[B] * self.activation.prime(r[B]) for B in r}
        return {(A, B): signal[B] if A == 'b' else signal[B] * source[A] for A, B in self.names(self.sizes)}

    def gradient_over_paths(self, x: Sequence[Number], t: Sequence[Number]) -> dict[Name, Number]:
        """Compute it as "Weight update for the first hidden layer" does: every path written out.

        The biases have the same factors as the weights, and no input.
        """
        w, (_, g, g_prime) = self.weights, self.activation
        r, f, _ = self.neurons(x, t)
        miss = f[5] - t[0]
        gradient = {
            (3, 5): miss * g_prime(r[5]) * g(r[3]),
            (4, 5): miss * g_prime(r[5]) * g(r[4]),
            ('b', 5): miss * g_prime(r[5]),
            (1, 3): miss * g_prime(r[5]) * w[3, 5] * g_prime(r[3]) * g(r[1]),
            (1, 4): miss * g_prime(r[5]) * w[4, 5] * g_prime(r[4]) * g(r[1]),
            (2, 3): miss * g_prime(r[5]) * w[3, 5] * g_prime(r[3]) * g(r[2]),
            (2, 4): miss * g_prime(r[5]) * w[4, 5] * g_prime(r[4]) * g(r[2]),
            ('b', 3): miss * g_prime(r[5]) * w[3, 5] * g_prime(r[3]),
            ('b', 4): miss * g_prime(r[5]) * w[4, 5] * g_prime(r[4]),
        }
        for B in (1, 2):
            through_3 = w[3, 5] * g_prime(r[3]) * w[B, 3]
            through_4 = w[4, 5] * g_prime(r[4]) * w[B, 4]
            gradient['b', B] = miss * g_prime(r[5]) * g_prime(r[B]) * (through_3 + through_4)
            for A in range(1, self.sizes[0] + 1):
                gradient[f'x{A}', B] = miss * g_prime(r[5]) * g_prime(r[B]) * x[A - 1] * (through_3 + through_4)
        return gradient


Net = TypeVar('Net', TwoLayers, ThreeLayers)


def batch(net: Net, samples: Sequence[Sample], h: Number, gradient: Callable[..., Any] | None = None) -> Net:
    """Return the net after one update by the sum over all samples: w - h * sum of gradients."""
    gradients = [(gradient or type(net).gradient)(net, x, t) for x, t in samples]
    return replace(net, weights={name: w - h * sum(g[name] for g in gradients) for name, w in net.weights.items()})


def online(net: Net, samples: Sequence[Sample], h: Number, gradient: Callable[..., Any] | None = None) -> Net:
    """Return the net after one epoch of on-line learning: an update after every sample."""
    for sample in samples:
        net = batch(net, [sample], h, gradient)
    return net
