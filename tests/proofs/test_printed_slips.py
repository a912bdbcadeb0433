"""The slips of the printed derivation, each kept as a negative control.

"Deriving the backpropagation algorithm" (2012) is right in its method and in most of
its lines. These lines are not, and a reader who types one in should know that it was
the line. Every one that can be evaluated is evaluated here, on a fixed softsign net of
Fractions (one of two layers, one of three), and must disagree with the right formula,
which must equal the engine's.

Evaluable, by section:

    section                              printed                          meant
    ------------------------------------ -------------------------------- --------------------------
    Training                             "without any loss of             hidden weights get a sum
                                         generality": one output          over all outputs
    Input layer -- hidden layer          1/2 sum (y - t) d(y - t)/dw,     no 1/2
                                         the 2 having been cancelled
    Biases                               sum ... g'(r^) d/db^ (sum g w^)  ... g'(r^) d/db^ (sum g w^
                                         + d/db^ b^                       + b^)
    Putting it all together              b_B for all B in 1 ... N0        B in 1 ... N1
    Why backpropagation?, Error signal,  w45 := w35 - h ...               w45 := w45 - h ...
    Propagating the error signal (twice)
    Error signal                         w14: delta g'(r4) w45 g'(r4)     delta g'(r5) w45 g'(r4)
    Does it hold for the first hidden    w_x1,1: delta_1 g'(r4) x1        delta_1 g'(r1) x1
    layer? (under Propagating ...)
    the same, its last line              delta g'(r5) g'(r4) x1 (...),    delta g'(r5) g'(r1) x1 (...)
                                         "the same term"

Of notation, harmless to a reader who knows what is meant:

    Preliminaries                        the sum over a neuron's inputs starts from i = 0, beside
                                         a bias of its own; later sums start from 1
    Preliminaries, then throughout       w_{x_j - f_1,i} and w_{1,j} name the target first in
                                         sums, w_{A,B} and w_{x1,1} the source; here: source first
    Training                             N3 outputs, for N2
    Training                             "root mean square" is announced, half the sum of squares
                                         is used: the same minimum, another gradient
    Training                             the first E has an index n and no sum over it
    Hidden layer -- output layer         "the known outputs y do not depend on": t is meant
    Hidden layer -- output layer,        w^_i, with the sample's index, and g_i inside the sum
    Biases                               over j: w^_j, g_j
    Hidden layer -- output layer,        w_1 and w_A without a hat on the right of the update of
    Putting it all together              w^_1 and w^_A
    from Putting it all together on      g'(r^), g'(r3), g(r1) ... without their (i), or with the
                                         (i) outside, g(r3)^(i): all belong to the sample
    throughout                           a nabla for what is a partial derivative
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.proofs.test_hand_derivation import learned
from tests.support.by_hand import Sample, ThreeLayers, TwoLayers, batch, softsign

h = Fraction(1, 2)
g, g_prime = softsign.g, softsign.prime

#: 2 inputs, 3 hidden neurons, 2 outputs, and 3 inputs to three layers: N0 is never N1. All weights differ.
TWO = TwoLayers((2, 3, 2), {}, softsign)
TWO = replace(TWO, weights={name: Fraction(2 * i - 15, 6) for i, name in enumerate(TWO.names(TWO.sizes))})
THREE = ThreeLayers((3, 2, 2, 1), {}, softsign)
THREE = replace(THREE, weights={name: Fraction(13 - 2 * i, 7) for i, name in enumerate(THREE.names(THREE.sizes))})
PAIRS: list[Sample] = [([1, 2], [1, -1]), ([-1, Fraction(1, 2)], [0, 1]), ([3, -2], [Fraction(1, 3), 0])]
TRIPLES: list[Sample] = [([1, 2, -1], [1]), ([-2, 1, 3], [Fraction(1, 2)])]
M = len(PAIRS)
HIDDEN = range(1, TWO.sizes[1] + 1)
OUTPUTS = range(1, TWO.sizes[2] + 1)


def right_two() -> dict[Any, Any]:
    """The right updates of the two-layer net, of which the engine's are no other."""
    weights = batch(TWO, PAIRS, h).weights
    assert weights == learned(TWO, PAIRS, h, batch)
    return dict(weights)


def right_three() -> dict[Any, Any]:
    """The right updates of the three-layer net, of which the engine's are no other."""
    weights = batch(THREE, TRIPLES, h).weights
    assert weights == batch(THREE, TRIPLES, h, ThreeLayers.gradient_over_paths).weights
    assert weights == learned(THREE, TRIPLES, h, batch)
    return dict(weights)


def test_the_nets_can_tell_the_slips_apart() -> None:
    for net in (TWO, THREE):
        assert len({*net.weights.values()}) == len(net.weights)
        assert 0 not in net.weights.values()
        assert net.sizes[0] != net.sizes[1]
    assert len(OUTPUTS) > 1


def test_one_output_loses_generality_for_hidden_weights() -> None:
    right = right_two()
    gradients: dict[int, Any] = dict.fromkeys(OUTPUTS, 0)
    for x, t in PAIRS:
        r, y, _ = TWO.neurons(x, t)
        for n in OUTPUTS:
            signal = (y['hat', n] - t[n - 1]) * g_prime(r['hat', n])
            gradients[n] += signal * TWO.weights['w_hat', 1, n] * g_prime(r[1]) * x[0]
    w = TWO.weights['w', 1, 1]
    for n in OUTPUTS:
        assert w - h * gradients[n] != right['w', 1, 1]
    assert w - h * sum(gradients.values()) == right['w', 1, 1]


def test_the_stray_half_halves_the_update() -> None:
    right = right_two()
    for name, w in TWO.weights.items():
        gradient = sum(TWO.gradient(x, t)[name] for x, t in PAIRS)
        assert w - h * gradient == right[name]
        if name[0] == 'w':
            assert w - h * Fraction(1, 2) * gradient != right[name]


def test_a_bias_outside_the_parentheses_leaves_the_error_out() -> None:
    right = right_two()
    for n in OUTPUTS:
        # d/db^ of the sum over j is 0 and d/db^ of b^ is 1; where must that 1 stand?
        factors = [(y['hat', n] - t[n - 1]) * g_prime(r['hat', n])
                   for x, t in PAIRS for r, y, _ in [TWO.neurons(x, t)]]  # fmt: skip
        meant = sum(factor * (0 + 1) for factor in factors)
        outside_the_product = sum(factor * 0 + 1 for factor in factors)
        outside_the_sum = sum(factor * 0 for factor in factors) + 1
        assert (outside_the_product, outside_the_sum) == (M, 1)
        b = TWO.weights['b_hat', n]
        assert b - h * meant == right['b_hat', n]
        assert b - h * outside_the_product != right['b_hat', n]
        assert b - h * outside_the_sum != right['b_hat', n]


def test_hidden_biases_counted_by_the_inputs_leave_one_out() -> None:
    right = right_two()
    gradients = [TWO.gradient(x, t) for x, t in PAIRS]

    def biases(count: int) -> dict[Any, Any]:
        b = {B: TWO.weights['b', B] for B in HIDDEN}
        return b | {B: b[B] - h * sum(gradient['b', B] for gradient in gradients) for B in range(1, count + 1)}

    n0, n1, _ = TWO.sizes
    assert biases(n1) == {B: right['b', B] for B in HIDDEN}
    assert biases(n0) != {B: right['b', B] for B in HIDDEN}


@pytest.mark.parametrize(('start', 'agrees'), [((3, 5), False), ((4, 5), True)])
def test_the_update_of_w45_starts_from_w45(start: tuple[int, int], agrees: bool) -> None:
    neurons = [THREE.neurons(x, t) for x, t in TRIPLES]
    gradient = sum(delta[5] * g_prime(r[5]) * g(r[4]) for r, _, delta in neurons)
    assert (THREE.weights[start] - h * gradient == right_three()[4, 5]) is agrees


@pytest.mark.parametrize(('neuron', 'agrees'), [(4, False), (5, True)])
def test_the_update_of_w14_begins_with_the_gradient_of_neuron_5(neuron: int, agrees: bool) -> None:
    neurons = [THREE.neurons(x, t) for x, t in TRIPLES]
    w45 = THREE.weights[4, 5]
    gradient = sum(delta[5] * g_prime(r[neuron]) * w45 * g_prime(r[4]) * g(r[1]) for r, _, delta in neurons)
    assert (THREE.weights[1, 4] - h * gradient == right_three()[1, 4]) is agrees


@pytest.mark.parametrize(('neuron', 'agrees'), [(4, False), (1, True)])
def test_the_first_layer_takes_the_gradient_of_its_own_neuron(neuron: int, agrees: bool) -> None:
    w, by_signal, by_substitution = THREE.weights, 0, 0
    for x, t in TRIPLES:
        r, _, delta = THREE.neurons(x, t)
        by_signal += delta[1] * g_prime(r[neuron]) * x[0]
        paths = w[3, 5] * g_prime(r[3]) * w[1, 3] + w[4, 5] * g_prime(r[4]) * w[1, 4]
        by_substitution += delta[5] * g_prime(r[5]) * g_prime(r[neuron]) * x[0] * paths
    explicit = sum(THREE.gradient_over_paths(x, t)['x1', 1] for x, t in TRIPLES)
    assert by_signal == by_substitution
    assert (by_substitution == explicit) is agrees  # "the same term we came up with previously"
    assert (w['x1', 1] - h * by_signal == right_three()['x1', 1]) is agrees
