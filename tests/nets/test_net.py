"""Neurons, layers and nets: what a user of MLP may rely on, beside the learning itself."""

from __future__ import annotations

import copy
import math
import pickle
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP, Activation, Layer, Neuron, Standardisation, activation_names
from tests.support.examples import for_each

HALF = Fraction(1, 2)
#: Activations by name and by function that are defined for every r.
ANYWHERE: list[Any] = [
    'identity', 'linear', 'threshold', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'elu', 'silu', 'gelu',
    'softplus', 'softsign', 'sin', 'atan', Value.tanh, functions.sigmoid, lambda r: r * r + 1,
]  # fmt: skip


# As micrograd's users expect.


def test_hidden_layers_are_relu_and_the_output_is_linear() -> None:
    net = MLP(2, [16, 16, 1], seed=1)
    assert [layer.activation.name for layer in net.layers] == ['relu', 'relu', 'identity']
    assert (net.inputs, net.sizes) == (2, [16, 16, 1])
    assert len(net.parameters()) == (2 + 1) * 16 + (16 + 1) * 16 + (16 + 1)


def test_parameters_are_listed_neuron_by_neuron_weights_before_bias() -> None:
    net = MLP.from_weights([[[1, 2], [4, 5], [7, 8]], [[10, 11, 12]]], [[3, 6, 9], [13]])
    assert [p.data for p in net.parameters()] == [float(i) for i in range(1, 14)]
    assert [p.data for p in net.layers[0].parameters()] == [float(i) for i in range(1, 10)]
    assert [p.data for p in net.layers[0].neurons[1].parameters()] == [4.0, 5.0, 6.0]
    listed = [p for layer in net.layers for neuron in layer.neurons for p in (*neuron.weights, neuron.bias)]
    assert all(p is q for p, q in zip(net.parameters(), listed, strict=True))


def test_one_output_comes_unwrapped_and_several_as_a_list() -> None:
    assert isinstance(MLP(3, [4, 1])([1.0, 2.0, 3.0]), Value)
    assert [type(y) for y in MLP(3, [4, 2])([1.0, 2.0, 3.0])] == [Value, Value]
    assert isinstance(Neuron(2)([1.0, 2.0]), Value)
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert len(Layer(2, 3)([1.0, 2.0])) == 3


def test_a_net_is_its_layers_one_after_the_other_and_a_layer_its_neurons() -> None:
    net, x = MLP(2, [3, 2], 'tanh', seed=4), [0.5, -2.0]
    hidden = net.layers[0](x)
    assert [y.data for y in net.layers[1](hidden)] == [y.data for y in net(x)]
    assert [neuron(x).data for neuron in net.layers[0].neurons] == [y.data for y in hidden]


def test_a_neuron_computes_g_of_the_weighted_sum() -> None:
    neuron = Neuron(2, 'tanh')
    neuron.weights[0].data, neuron.weights[1].data, neuron.bias.data = 0.5, -0.25, 0.125
    assert neuron([3.0, 2.0]).data == math.tanh(0.5 * 3.0 - 0.25 * 2.0 + 0.125)


def test_zero_grad_forgets_what_backward_added() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=2)
    net([1.0, 2.0]).backward()
    assert all(p.grad != 0 for p in net.parameters())
    net.zero_grad()
    assert [p.grad for p in net.parameters()] == [0.0] * 13


def test_gradients_add_up_until_zero_grad() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=2)
    y = net([1.0, 2.0])
    y.backward()
    once = [p.grad for p in net.parameters()]
    y.backward()
    assert [p.grad for p in net.parameters()] == [2 * grad for grad in once]


# Two nodes a neuron.


def test_a_neuron_is_two_nodes() -> None:
    neuron, x = Neuron(3, 'sigmoid'), [Value(1.0), Value(2.0), Value(3.0)]
    output = neuron(x)
    (r,) = output.inputs
    assert (output.op.name, r.op.name) == ('sigmoid', 'dot')  # type: ignore[union-attr]
    assert all(a is b for a, b in zip(r.inputs, [*neuron.weights, *x, neuron.bias], strict=True))


def test_a_whole_net_is_two_nodes_a_neuron_and_its_leaves() -> None:
    net = MLP(2, [16, 16, 1], 'tanh', 'tanh', seed=1)
    assert len(topological_order(net([1.0, 2.0]))) == 337 + 2 + 2 * 33
    linear = MLP(2, [16, 16, 1], seed=1)  # where g is the identity, r and g(r) are one node
    assert len(topological_order(linear([1.0, 2.0]))) == 337 + 2 + 2 * 32 + 1


# Activations.


def test_an_activation_is_a_name_or_a_function() -> None:
    x = [0.3, -0.7]
    outputs = {MLP(2, [3, 1], g, seed=3)(x).data for g in ('tanh', Value.tanh, functions.tanh, lambda r: r.tanh())}
    assert len(outputs) == 1
    assert MLP(2, [3, 1], 'tanh', 'sigmoid', seed=3)(x).data == functions.sigmoid(outputs.pop())


@for_each('name', ['identity', 'threshold', 'sigmoid', 'tanh', 'relu'])
def test_the_derivations_activations_are_known_by_name(name: str) -> None:
    sigma = 1 / (1 + math.exp(-0.75))
    right = {'identity': 0.75, 'threshold': 1.0, 'relu': 0.75, 'tanh': math.tanh(0.75), 'sigmoid': sigma}
    assert name in activation_names()
    assert Activation(name)(Value(0.75)).data == Activation(name).number(0.75) == pytest.approx(right[name], rel=1e-15)


def test_a_wrong_activation_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match="no activation 'sigmiod'; did you mean 'sigmoid'"):
        MLP(2, [3, 1], 'sigmiod')
    with pytest.raises(ValueError, match=r'no activation .*qqqq.* identity, .*tanh'):
        MLP(2, [1], output_activation='qqqq')
    with pytest.raises(ValueError, match="no activation 'dot'"):
        Neuron(2, 'dot')
    with pytest.raises(TypeError, match='a name or a function on a Value, not 3'):
        Layer(2, 2, 3)  # type: ignore[arg-type]


def test_an_activation_that_returns_a_number_is_refused() -> None:
    net = MLP(2, [3, 1], lambda r: r.data)
    for use in (net, lambda row: net.predict([row])):
        with pytest.raises(TypeError, match='activation <lambda> must return a Value'):
            use([1.0, 2.0])


def test_a_threshold_neuron_is_a_primitive_classifier() -> None:
    both = MLP.from_weights([[[1, 1]]], [[-1.5]], output_activation='threshold')
    rows = [[a, b] for a in (0, 1) for b in (0, 1)]
    assert both.predict(rows) == [0.0, 0.0, 0.0, 1.0]
    y = both([1, 1])
    y.backward()
    assert [p.grad for p in both.parameters()] == [0.0, 0.0, 0.0]
    on_the_line = MLP.from_weights([[[1, 1]]], [[-1]], output_activation='threshold')
    assert on_the_line([1, 0]) == 0


# Weights to begin with.


@for_each(
    ('g', 'limit'),
    [(name, math.sqrt(6 / 50)) for name in ('relu', 'leaky_relu', 'elu', 'silu', 'gelu', 'softplus', functions.relu)]
    + [(name, math.sqrt(6 / 90)) for name in ('identity', 'threshold', 'sigmoid', 'tanh', 'softsign', lambda r: r)],
)  # fmt: skip
def test_weights_are_drawn_after_he_or_glorot(g: Any, limit: float) -> None:
    layer = Layer(50, 40, g, seed=5)
    weights = [w.data for neuron in layer.neurons for w in neuron.weights]
    assert max(map(abs, weights)) <= limit
    assert max(weights) > 0.99 * limit and min(weights) < -0.99 * limit
    assert math.fsum(w * w for w in weights) / len(weights) == pytest.approx(limit * limit / 3, rel=0.1)
    assert {neuron.bias.data for neuron in layer.neurons} == {0.0}


def test_a_seed_fixes_the_weights() -> None:
    def weights(seed: Any) -> list[Any]:
        return [p.data for p in MLP(3, [4, 2], seed=seed).parameters()]

    assert weights(7) == weights(7) == weights(random.Random(7))
    assert weights(7) != weights(8)
    assert weights(None) != weights(None)
    shared = random.Random(7)
    assert weights(shared) != weights(shared)  # one Random moves on from net to net


# What is refused.


@for_each('size', [0, -1, 1.5, 2.0, True, '3', None])
def test_sizes_are_whole_numbers_of_at_least_1(size: Any) -> None:
    makers = [lambda: MLP(size, [1]), lambda: MLP(2, [size, 1]), lambda: Layer(size, 1), lambda: Layer(2, size),
              lambda: Neuron(size)]  # fmt: skip
    for make in makers:
        with pytest.raises(ValueError, match=rf'at least 1, not {size!r}'):
            make()


def test_a_net_has_at_least_one_layer() -> None:
    with pytest.raises(ValueError, match=r'number of layers of a net must be .* at least 1, not 0'):
        MLP(2, [])


@given(wanted=st.integers(1, 5), given_=st.integers(0, 7))
def test_a_row_is_never_truncated(wanted: int, given_: int) -> None:
    net, row = MLP(wanted, [2, 1], seed=1), [1.0] * given_
    for owner in (net, net.layers[0], net.layers[0].neurons[0], net.run, lambda x: net.predict([[1.0] * wanted, x])):
        if given_ == wanted:
            owner(row)
        else:
            with pytest.raises(ValueError, match=rf'takes {wanted} inputs; the row has {given_}$'):
                owner(row)


@pytest.mark.parametrize('row', [['a', 1.0], [None, 1.0], [1j, 1.0], [[1.0], 1.0]])
def test_a_row_of_anything_but_numbers_is_refused(row: list[Any]) -> None:
    net = MLP(2, [1])
    for use in (net, lambda row: net.predict([row])):
        with pytest.raises(TypeError, match='must be a real number'):
            use(row)


# Rows.


def test_a_row_may_be_any_iterable_and_is_consumed_once() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=6)
    y = net([1.0, 2.0]).data
    for owner in (net, lambda x: net.run(x).outputs[0]):
        assert [owner(row).data for row in (iter([1.0, 2.0]), (1.0, 2.0), {1.0: 'a', 2.0: 'b'}.keys())] == [y, y, y]
    assert net.predict(iter(row) for row in ([1.0, 2.0], [3.0, 4.0])) == net.predict([[1.0, 2.0], [3.0, 4.0]])
    assert net.layers[0].neurons[0](iter([1.0, 2.0])).data == net.layers[0](iter([1.0, 2.0]))[0].data


def test_the_inputs_are_leaves_that_the_error_signal_reaches() -> None:
    net, x = MLP.from_weights([[[2, 3]]], [[1]]), Value(5.0)
    run = net.run([x, 7])
    run.outputs[0].backward()
    assert run.inputs[0] is x
    assert [v.grad for v in run.inputs] == [2.0, 3.0]


def test_numpy_rows_are_taken() -> None:
    np = pytest.importorskip('numpy')
    net, rows = MLP(2, [3, 1], seed=6), np.array([[1.0, 2.0], [3.0, 4.0]])
    assert net(rows[0]).data == net([1.0, 2.0]).data
    assert net.predict(rows) == net.predict(rows.tolist())
    assert net.predict(rows.astype(int)) == net.predict(rows.tolist())


# predict.


@given(data=st.data())
def test_predict_gives_the_bits_of_calling(data: st.DataObject) -> None:
    few, g = st.integers(1, 4), st.sampled_from(ANYWHERE)
    inputs, sizes = data.draw(few), data.draw(st.lists(few, min_size=1, max_size=3))
    net = MLP(inputs, sizes, data.draw(g), data.draw(g), seed=data.draw(st.integers(0, 99)))
    if data.draw(st.booleans()):
        net.standardisation = Standardisation((0.3,) * inputs, (1.7,) * inputs)
    rows = data.draw(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=inputs, max_size=inputs), max_size=3))
    called = [net(row) for row in rows]
    numbers = [[v.data for v in y] if isinstance(y, list) else y.data for y in called]
    assert repr(net.predict(rows)) == repr(numbers)  # repr tells -0.0 from 0.0


def test_predict_records_nothing() -> None:
    net = MLP(2, [3, 1], lambda r: seen.append(r) or r.tanh(), seed=1)  # type: ignore[func-returns-value]
    seen: list[Value] = []
    net([1.0, 2.0]).backward()
    before = [p.grad for p in net.parameters()]
    seen.clear()
    (y,) = net.predict([[1.0, 2.0]])
    assert type(y) is float
    assert len(seen) == 3 and all(r.inputs == () for r in seen)
    assert [p.grad for p in net.parameters()] == before
    assert net([1.0, 2.0]).inputs  # and recording goes on afterwards


def test_predict_raises_what_calling_raises_and_records_again_afterwards() -> None:
    net = MLP.from_weights([[[1]]], [[0]], output_activation='exp')
    for use in (net, lambda row: net.predict([row])):
        with pytest.raises(OverflowError):
            use([1000.0])
    assert net([1.0]).inputs


def test_predict_of_no_rows_is_empty() -> None:
    assert MLP(2, [1]).predict([]) == []


# Freezing.


def test_frozen_parameters_are_not_trainable() -> None:
    net = MLP(2, [3, 1], seed=1)
    assert net.trainable() == net.parameters()
    net.layers[0].freeze()
    assert [id(p) for p in net.trainable()] == [id(p) for p in net.layers[1].parameters()]
    net.unfreeze([net.layers[0].neurons[2].bias])
    assert len(net.trainable()) == 5
    net.freeze()
    assert net.trainable() == []
    net.unfreeze()
    assert len(net.trainable()) == len(net.parameters()) == 13


def test_parameters_are_frozen_by_identity_not_by_value() -> None:
    net = MLP.from_weights([[[1, 1]]], [[1]])
    net.freeze([net.parameters()[1]])
    assert [id(p) for p in net.trainable()] == [id(net.parameters()[0]), id(net.parameters()[2])]


def test_only_parameters_can_be_frozen() -> None:
    net = MLP(2, [1])
    for change in (net.freeze, net.unfreeze):
        with pytest.raises(ValueError, match=r'Value\(data=1\.0.* is not a parameter of MLP\(2, \[1\]'):
            change([Value(1.0)])


# Weights put in.


@for_each(
    ('weights', 'biases'),
    [
        ([[[1, 2, 3]], [[1]]], [[0], [0]]),  # too many inputs
        ([[[1, 2], [3, 4]], [[1]]], [[0, 0], [0]]),  # the second layer has not one weight per neuron
        ([[[1, 2]], [[1]]], [[0, 0], [0]]),  # a bias too many
        ([[[1, 2]], [[1]]], [[0]]),  # a layer of biases too few
        ([[[1, 2]]], [[0]]),  # a layer too few
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(weights: Any, biases: Any) -> None:
    net = MLP(2, [1, 1], seed=1)
    before = [p.data for p in net.parameters()]
    with pytest.raises(ValueError, match=r'MLP\(2, \[1, 1\].* \[\[2\], \[1\]\]; the weights given have .* biases'):
        net.set_weights(weights, biases)
    assert [p.data for p in net.parameters()] == before


def test_weights_that_are_no_numbers_are_refused_and_change_nothing() -> None:
    net = MLP(2, [1], seed=1)
    before = [p.data for p in net.parameters()]
    with pytest.raises(TypeError, match="a weight must be a real number, not 'x'"):
        net.set_weights([[[1.0, 'x']]], [[0.0]])
    assert [p.data for p in net.parameters()] == before


def test_from_weights_refuses_ragged_neurons() -> None:
    with pytest.raises(ValueError, match=r'\[\[2, 2\]\]; the weights given have \[\[2, 1\]\]'):
        MLP.from_weights([[[1, 2], [3]]], [[0, 0]])


def test_set_weights_keeps_the_parameters_and_clears_their_gradients() -> None:
    net = MLP(2, [1], seed=1)
    nodes = net.parameters()
    net([1.0, 2.0]).backward()
    net.set_weights([[[3, 4]]], [[5]])
    assert all(p is q for p, q in zip(net.parameters(), nodes, strict=True))
    assert [(p.data, p.grad) for p in nodes] == [(3.0, 0.0), (4.0, 0.0), (5.0, 0.0)]


# Exact arithmetic.


def test_a_net_of_fractions_is_exact_forward_and_backward() -> None:
    net = MLP.from_weights([[[HALF, 2], [-1, 3]], [[1, Fraction(1, 3)]]], [[0, 1], [HALF]], 'softsign')
    assert {type(p.data) for p in net.parameters()} == {Fraction}
    x = [1, Fraction(1, 5)]
    r = [HALF + Fraction(2, 5), -1 + Fraction(3, 5) + 1]
    hidden = [a / (1 + abs(a)) for a in r]
    y = hidden[0] + hidden[1] / 3 + HALF
    assert net.predict([x]) == [y]
    error = half_squared_error([net(x)], [1])
    assert error.data == (y - 1) ** 2 / 2
    error.backward()
    gradient = (y - 1) / 3 / (1 + abs(r[1])) ** 2 / 5
    grad = net.layers[0].neurons[1].weights[1].grad
    assert (grad, type(grad)) == (gradient, Fraction)
    net.zero_grad()
    assert {type(p.grad) for p in net.parameters()} == {Fraction}


def test_beside_a_float_fractions_become_floats() -> None:
    net = MLP.from_weights([[[HALF, 2]]], [[1]])
    assert type(net([1, 2]).data) is Fraction
    assert type(net([1, 2.0]).data) is float
    assert net.predict([[1, 2.0]]) == [5.5]


# A run that is kept.


def test_a_run_keeps_every_neurons_net_input_and_output() -> None:
    net = MLP.from_weights([[[1, 2], [3, 4]], [[5, 6]]], [[0, 1], [2]], 'tanh')
    run = net.run([0.5, 0.25])
    assert [[firing.r.data for firing in layer] for layer in run.layers] == [
        [1.0, 3.5],
        [5 * math.tanh(1.0) + 6 * math.tanh(3.5) + 2],
    ]
    assert [firing.output.data for firing in run.layers[0]] == [math.tanh(1.0), math.tanh(3.5)]
    assert run.outputs == [run.layers[1][0].output]
    assert [v.data for v in run.inputs] == [0.5, 0.25]


def test_error_signals_are_by_the_output_and_r_grad_has_the_activations_factor() -> None:
    net = MLP(2, [3, 2], 'tanh', 'sigmoid', seed=8)
    run = net.run([1.0, -2.0])
    assert run.error_signals == [[0.0] * 3, [0.0] * 2]
    half_squared_error(run.outputs, [1.0, 0.0]).backward()
    assert run.error_signals[1] == [run.outputs[0].data - 1.0, run.outputs[1].data]
    primes = (lambda r: 1 / math.cosh(r) ** 2, lambda r: 1 / (1 + math.exp(r)) / (1 + math.exp(-r)))
    for layer, g_prime in zip(run.layers, primes, strict=True):
        for firing in layer:
            assert firing.r.grad == pytest.approx(firing.error_signal * g_prime(firing.r.data), rel=1e-14)
            assert firing.r.grad != firing.error_signal


def test_each_sample_has_its_own_error_signals() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=8)
    rows, targets = [[1.0, -2.0], [0.5, 3.0]], [[1.0], [0.0]]
    runs = [net.run(row) for row in rows]
    half_squared_error([run.outputs for run in runs], targets).backward()
    for run, row, t in zip(runs, rows, targets):
        alone = net.run(row)
        half_squared_error(alone.outputs, t).backward()
        assert run.error_signals == alone.error_signals


# Standardisation.


def test_a_net_standardises_every_row_that_comes_in() -> None:
    net, plain = (MLP(2, [3, 1], 'tanh', seed=9) for _ in range(2))
    net.standardisation = Standardisation((10.0, -1.0), (2.0, 4.0))
    assert net([13.0, 3.0]).data == plain([1.5, 1.0]).data
    assert net.predict([[13.0, 3.0]]) == plain.predict([[1.5, 1.0]])
    raw, ready = net.run([13.0, 3.0]), plain.run([1.5, 1.0])
    raw.outputs[0].backward()
    ready.outputs[0].backward()
    assert [v.data for v in raw.inputs] == [13.0, 3.0]
    assert [v.grad for v in raw.inputs] == [v.grad / d for v, d in zip(ready.inputs, (2.0, 4.0))]
    assert [p.grad for p in net.parameters()] == [p.grad for p in plain.parameters()]


# Printing and copying.


def test_reprs_say_the_architecture() -> None:
    assert repr(MLP(2, [3, 1], 'tanh', 'sigmoid')) == "MLP(2, [3, 1], activation='tanh', output_activation='sigmoid')"
    assert repr(MLP(2, (3, 1), Value.tanh)) == "MLP(2, [3, 1], activation='tanh', output_activation='identity')"
    assert repr(Layer(2, 3, 'sigmoid')) == "Layer(2, 3, 'sigmoid')"
    assert repr(Neuron(2)) == "Neuron(2, 'relu')"


def test_a_copied_net_is_another_net() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    net.freeze([net.parameters()[0]])
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.predict([[1.0, 2.0]]) == net.predict([[1.0, 2.0]])
        assert [id(p) for p in other.trainable()] == [id(p) for p in other.parameters()[1:]]
        other.parameters()[0].data += 1
        assert other.predict([[1.0, 2.0]]) != net.predict([[1.0, 2.0]])


def test_a_net_and_its_error_pickled_together_share_their_parameters() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    error = half_squared_error([net([1.0, 2.0])], [1.0])
    other, its_error = pickle.loads(pickle.dumps((net, error)))
    its_error.backward()
    error.backward()
    assert [p.grad for p in other.parameters()] == [p.grad for p in net.parameters()]
    assert all(p.grad != 0 for p in other.parameters())


def test_rows_that_are_none_are_named() -> None:
    net = MLP(2, [1])
    with pytest.raises(TypeError, match=r'MLP\(2, \[1\].* takes a row of 2 inputs, not 3'):
        net(3)
    with pytest.raises(TypeError, match='takes a row of 2 inputs, not 1'):
        net.predict([1, 2])
    with pytest.raises(TypeError, match='rows of 2 inputs each, not 7'):
        net.predict(7)


def test_freezing_is_all_or_nothing() -> None:
    neuron = Neuron(1)
    with pytest.raises(ValueError, match='is not a parameter'):
        neuron.freeze([neuron.bias, Value(1.0)])
    assert len(neuron.trainable()) == 2
    with pytest.raises(TypeError, match='a list of parameters'):
        neuron.freeze(neuron.bias)


def test_an_activation_of_the_users_own_is_kept_whatever_its_name() -> None:
    def tanh(r: Value) -> Value:
        return r * 2

    net = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]], tanh)
    again = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]], net.layers[0].activation)
    assert net([3.0]).data == again([3.0]).data == 6.0


def test_nets_of_nothing_are_refused() -> None:
    for weights, biases in (([], []), ([[]], [[]])):
        with pytest.raises(ValueError, match='at least one'):
            MLP.from_weights(weights, biases)
    with pytest.raises(ValueError, match="no activation 'rlu'"):
        MLP(2, [2], 'rlu')


@pytest.mark.parametrize(
    'make',
    [lambda: Neuron(2, 'tanh'), lambda: Layer(2, 3, 'tanh'), lambda: MLP(2, [3, 1], 'tanh'),
     lambda: MLP(2, [3], seed=None)],
)  # fmt: skip
def test_without_a_seed_weights_are_of_pythons_generator(make: Any) -> None:
    random.seed(1337)
    one = [p.data for p in make().parameters()]
    other = [p.data for p in make().parameters()]
    random.seed(1337)
    assert [p.data for p in make().parameters()] == one != other


def test_a_seed_leaves_pythons_generator_alone() -> None:
    before = random.getstate()
    MLP(2, [3, 1], seed=1)
    assert random.getstate() == before


@for_each('seed', ['1', 2.5, True, [1], math.nan, MLP])
def test_a_seed_is_a_whole_number_or_a_generator(seed: Any) -> None:
    with pytest.raises(TypeError, match=r'seed must be a whole number, a random\.Random, or None, not '):
        MLP(2, [1], seed=seed)


@for_each('sizes', [3, None, '31', 2.5, Value(1.0)])
def test_the_sizes_are_a_list(sizes: Any) -> None:
    with pytest.raises(TypeError, match=r'the sizes of a net must be a list, .* such as \[16, 1\], not '):
        MLP(2, sizes)


def test_sizes_may_be_any_iterable() -> None:
    assert MLP(2, (n for n in (3, 1)), seed=1).sizes == [3, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize('make', [lambda n: MLP(n, [1]), lambda n: MLP(1, [n]), lambda n: Layer(1, n), Neuron])
def test_a_size_that_no_machine_holds_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match='whole number of at most 100,000,000, not 10000'):
        make(10**30)
