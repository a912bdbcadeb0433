"""The engine's updates are the ones derived by hand: ``by_hand`` against ``MLP`` and ``backward``.

On Fractions with the rational activations (identity, softsign) both must be equal by
``==``. With sigmoid and tanh they are within a few ulps. Ulps of what? Gradients are
sums, and where the terms of a sum cancel, rounding is as large as ever while the sum
is small. So ``Rounded`` carries beside each number a running bound: the sum of the
absolute values of all terms and products on the way to it, each times the derivative
by which it counts. Ulps are counted of that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP, Run
from microgradnet.training.data import TeacherSet
from microgradnet.training.train import train
from tests.support import by_hand
from tests.support.by_hand import Activation, Sample, ThreeLayers, TwoLayers, batch, online
from tests.support.examples import examples

HandNet = TwoLayers | ThreeLayers
LEARN = pytest.mark.parametrize('learn', [batch, online])
EXACT = pytest.mark.parametrize('g', [by_hand.identity, by_hand.softsign], ids=lambda g: g.name)
FLOATS = pytest.mark.parametrize('g', [by_hand.sigmoid, by_hand.tanh], ids=lambda g: g.name)

#: How far apart two ways of rounding one formula may be, in ulps of its bound; 1 was the most seen.
ULPS = 4
#: What may get lost where a product is too small for a float.
UNDERFLOW = 1e-300


# The engine's side.


def engine(net: HandNet) -> MLP:
    """Make the MLP that is the same net."""
    numbers = iter([net.weights[name] for name in net.names(net.sizes)])
    rows = [[[next(numbers) for _ in range(inputs + 1)] for _ in range(size)]
            for inputs, size in zip(net.sizes, net.sizes[1:])]  # fmt: skip
    weights = [[row[:-1] for row in layer] for layer in rows]
    biases = [[row[-1] for row in layer] for layer in rows]
    return MLP.from_weights(weights, biases, net.activation.name, net.activation.name)


def update(net: MLP, samples: Sequence[Sample], h: Any) -> list[Run]:
    """Update the net by one step of gradient descent, in plain code, and return its runs."""
    net.zero_grad()
    runs = [net.run(x) for x, _ in samples]
    half_squared_error([run.outputs for run in runs], [t for _, t in samples]).backward()
    for p in net.parameters():
        p.data = p.data - h * p.grad
    return runs


def learned(net: HandNet, samples: Sequence[Sample], h: Any, learn: Callable[..., Any]) -> dict[Any, Any]:
    """Teach the engine's net one epoch, and return its weights by the derivation's names."""
    mlp = engine(net)
    for part in [samples] if learn is batch else [[sample] for sample in samples]:
        update(mlp, part, h)
    return dict(zip(net.names(net.sizes), [p.data for p in mlp.parameters()], strict=True))


# What is drawn.


@st.composite
def problems(draw: st.DrawFn, kind: type, g: Activation, numbers: Any, samples: int) -> tuple[Any, list[Sample], Any]:
    """Draw a net, a teacher set and a learning rate."""
    few = st.integers(1, 4)
    sizes = (draw(few), draw(few), draw(st.integers(1, 3))) if kind is TwoLayers else (draw(few), 2, 2, 1)
    names = kind.names(sizes)
    weights = dict(zip(names, draw(st.lists(numbers, min_size=len(names), max_size=len(names)))))
    rows = [st.lists(numbers, min_size=size, max_size=size) for size in (sizes[0], sizes[-1])]
    teacher_set = draw(st.lists(st.tuples(*rows), min_size=1, max_size=samples))
    h = draw(st.sampled_from([Fraction(1, 8), Fraction(1, 2), Fraction(1)]))
    return kind(sizes, weights, g), teacher_set, h if isinstance(weights[names[0]], Fraction) else float(h)


fractions = st.integers(-6, 6).map(lambda n: Fraction(n, 3))
floats = st.floats(-3, 3, allow_subnormal=False)


# Exactly.


@LEARN
@EXACT
@examples(25)
@given(data=st.data())
def test_two_layers_learn_exactly_what_was_derived(g: Activation, learn: Any, data: st.DataObject) -> None:
    # On-line, the second sample meets weights that have all the first one's digits.
    samples = 2 if learn is online and g.name == 'softsign' else 4
    net, teacher_set, h = data.draw(problems(TwoLayers, g, fractions, samples))
    assert learned(net, teacher_set, h, learn) == learn(net, teacher_set, h).weights


@LEARN
@EXACT
@examples(25)
@given(data=st.data())
def test_three_layers_learn_exactly_what_was_derived(g: Activation, learn: Any, data: st.DataObject) -> None:
    samples = 2 if learn is online else 4
    net, teacher_set, h = data.draw(problems(ThreeLayers, g, fractions, samples))
    weights = learned(net, teacher_set, h, learn)
    assert weights == learn(net, teacher_set, h, ThreeLayers.gradient).weights
    assert weights == learn(net, teacher_set, h, ThreeLayers.gradient_over_paths).weights


@pytest.mark.parametrize('kind', [TwoLayers, ThreeLayers])
@EXACT
@examples(20)
@given(data=st.data())
def test_every_neuron_of_a_run_has_its_r_output_and_delta(g: Activation, kind: type, data: st.DataObject) -> None:
    net, teacher_set, h = data.draw(problems(kind, g, fractions, 3))
    for (x, t), run in zip(teacher_set, update(engine(net), teacher_set, h), strict=True):
        neurons = net.neurons(x, t)
        firings = [firing for layer in run.layers for firing in layer]
        assert [firing.r.data for firing in firings] == [*neurons.r.values()]
        assert [firing.output.data for firing in firings] == [*neurons.output.values()]
        assert [firing.error_signal for firing in firings] == [neurons.delta[name] for name in neurons.r]
        assert run.error_signals == [[firing.error_signal for firing in layer] for layer in run.layers]


@pytest.mark.parametrize('kind', [TwoLayers, ThreeLayers])
@LEARN
@EXACT
@examples(15)
@given(data=st.data())
def test_train_teaches_exactly_what_was_derived(g: Activation, learn: Any, kind: type, data: st.DataObject) -> None:
    samples = 2 if learn is online else 4
    net, teacher_set, h = data.draw(problems(kind, g, fractions, samples))
    mlp = engine(net)
    train(mlp, TeacherSet(*zip(*teacher_set)), learning_rate=h, epochs=1, mode=learn.__name__, bar=False)
    weights = learn(net, teacher_set, h).weights
    assert [p.data for p in mlp.parameters()] == [weights[name] for name in net.names(net.sizes)]


@examples(20)
@given(problem=problems(TwoLayers, by_hand.identity, fractions, 3))
def test_the_formulas_are_the_derivative_of_the_error(problem: Any) -> None:
    """With identity E is a parabola in each weight, whose central difference is its derivative, exactly."""
    net, teacher_set, _ = problem
    gradient = [net.gradient(x, t) for x, t in teacher_set]
    for name, w in net.weights.items():
        above, below = (replace(net, weights={**net.weights, name: w + step}).error(teacher_set) for step in (1, -1))
        assert (above - below) / 2 == sum(g[name] for g in gradient)


def test_batch_and_online_learning_differ() -> None:
    weights = {name: Fraction(i, 3) for i, name in enumerate(ThreeLayers.names())}
    net = ThreeLayers((2, 2, 2, 1), weights, by_hand.softsign)
    teacher_set = [([1, 0], [1]), ([0, 1], [0])]
    assert learned(net, teacher_set, 1, batch) != learned(net, teacher_set, 1, online)


# In floats.


@dataclass(frozen=True)
class Rounded:
    """A float, and how much was rounded on the way to it: the sum of all absolute values."""

    value: float
    rounded: float = 0.0

    @classmethod
    def lift(cls, number: Any) -> Rounded:
        return number if isinstance(number, Rounded) else cls(float(number))

    def __add__(self, other: Any) -> Rounded:
        other = Rounded.lift(other)
        terms = abs(self.value) + abs(other.value)  # not of the sum: the engine may add up in another order
        return Rounded(self.value + other.value, self.rounded + other.rounded + terms)

    def __neg__(self) -> Rounded:
        return Rounded(-self.value, self.rounded)

    def __sub__(self, other: Any) -> Rounded:
        return self + -Rounded.lift(other)

    def __rsub__(self, other: Any) -> Rounded:
        return -self + other

    def __mul__(self, other: Any) -> Rounded:
        a, b = self, Rounded.lift(other)
        product = a.value * b.value
        return Rounded(product, abs(a.value) * b.rounded + a.rounded * abs(b.value) + abs(product))

    __radd__, __rmul__ = __add__, __mul__

    def near(self, number: float) -> bool:
        return abs(number - self.value) <= ULPS * sys.float_info.epsilon * self.rounded + UNDERFLOW


def rounding(g: Activation) -> Activation:
    """Let g and g' round, too: what was rounded in r counts g' times in g(r), g'' (at most 2 g') times in g'(r)."""
    return Activation(
        g.name,
        lambda r: Rounded(g.g(r.value), abs(g.g(r.value)) + g.prime(r.value) * r.rounded),
        lambda r: Rounded(g.prime(r.value), g.prime(r.value) * (1 + 2 * r.rounded)),
    )


def with_bounds(net: Any) -> Any:
    """Return the hand's net with weights and activation that know how much was rounded."""
    weights = {name: Rounded(w) for name, w in net.weights.items()}
    return replace(net, weights=weights, activation=rounding(net.activation))


@LEARN
@FLOATS
@examples(40)
@given(data=st.data())
def test_two_layers_learn_what_was_derived_within_ulps(g: Activation, learn: Any, data: st.DataObject) -> None:
    net, teacher_set, h = data.draw(problems(TwoLayers, g, floats, 4))
    by_hand_weights = learn(with_bounds(net), teacher_set, h).weights
    for name, number in learned(net, teacher_set, h, learn).items():
        assert by_hand_weights[name].near(number), name


@LEARN
@FLOATS
@examples(40)
@given(data=st.data())
def test_three_layers_learn_what_was_derived_within_ulps(g: Activation, learn: Any, data: st.DataObject) -> None:
    net, teacher_set, h = data.draw(problems(ThreeLayers, g, floats, 4))
    weights = learned(net, teacher_set, h, learn)
    for gradient in (ThreeLayers.gradient, ThreeLayers.gradient_over_paths):
        for name, number in learn(with_bounds(net), teacher_set, h, gradient).weights.items():
            assert number.near(weights[name]), name


@pytest.mark.parametrize('kind', [TwoLayers, ThreeLayers])
@FLOATS
@examples(40)
@given(data=st.data())
def test_gradients_and_error_signals_are_within_ulps(g: Activation, kind: type, data: st.DataObject) -> None:
    """The gradients themselves, before a weight beside them hides their last digits."""
    net, teacher_set, h = data.draw(problems(kind, g, floats, 4))
    mlp, hand = engine(net), with_bounds(net)
    runs = update(mlp, teacher_set, h)
    gradients = [hand.gradient(x, t) for x, t in teacher_set]
    for name, p in zip(net.names(net.sizes), mlp.parameters(), strict=True):
        assert sum(gradient[name] for gradient in gradients).near(p.grad), name
    for (x, t), run in zip(teacher_set, runs, strict=True):
        neurons = hand.neurons(x, t)
        for name, firing in zip(neurons.r, [firing for layer in run.layers for firing in layer], strict=True):
            assert neurons.r[name].near(firing.r.data), name
            assert neurons.output[name].near(firing.output.data), name
            assert neurons.delta[name].near(firing.error_signal), name


@FLOATS
def test_the_bound_is_tight_enough_to_see_a_wrong_digit(g: Activation) -> None:
    weights = {name: (-1) ** i * (0.9 - 0.05 * i) for i, name in enumerate(ThreeLayers.names())}
    net = ThreeLayers((2, 2, 2, 1), weights, g)
    gradient = with_bounds(net).gradient([1.0, -2.0], [1.0])
    mlp = engine(net)
    update(mlp, [([1.0, -2.0], [1.0])], 1.0)
    for name, p in zip(net.names(), mlp.parameters(), strict=True):
        assert gradient[name].near(p.grad)
        assert not gradient[name].near(p.grad * (1 + 1e-11)), name
