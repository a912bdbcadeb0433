"""Who made the nan, where in the source, what its picture marks, and which neurons are dead."""

from __future__ import annotations

import gc
import math
import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, TeacherSet, half_squared_error, no_grad
from microgradnet import functions as F
from microgradnet.diagnosis.nan import dead_neurons, explain_nan, origin, tracing
from microgradnet.drawing import draw
from microgradnet.engine import origins
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.fast import is_slow
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order

MARKED = 'penwidth=2.5'


def lines_of(picture: object, start: str) -> list[str]:
    """The statements of a picture's source that begin so."""
    return [line.strip() for line in str(picture).splitlines() if line.strip().startswith(start)]


def test_the_first_value_that_is_no_number() -> None:
    x, zero = Value(2.0, label='x'), Value(0.0, label='zero')
    with ieee_arithmetic():
        culprit = x / zero
        y = (culprit - culprit) * 3.0 + x
    found = explain_nan(y)
    assert (found.kind, found.node, found.made, found.path[-1]) == ('value', culprit, math.inf, y)
    assert 'div made inf first' in str(found)
    assert 'x = 2.0, zero = 0.0' in str(found)
    assert 'within `with microgradnet.tracing():`' in str(found)


def test_the_first_gradient_that_is_no_number() -> None:
    x = Value(0.0, label='x')
    found = explain_nan(x.sqrt() * 2.0 + 1.0)
    assert (found.kind, found.node.op.name, found.made, found.signal) == ('gradient', 'sqrt', math.inf, 2.0)
    assert x.grad == 0


def test_what_it_advises_works() -> None:
    """The line between the backticks is run as it stands, around what recorded the graph."""
    x = Value(0.0, label='x')
    said = str(explain_nan(x.sqrt()))
    advice = re.search('`(with .*:)`', said)
    assert advice
    scope: dict[str, Any] = {}
    source = f'import microgradnet\nx = microgradnet.Value(0.0)\n{advice[1]}\n    y = x.sqrt() * 2.0\n'
    exec(compile(source, 'advised.py', 'exec'), scope)
    assert 'recorded: advised.py, line 4' in str(explain_nan(scope['y']))


def test_where_it_was_recorded() -> None:
    with tracing():
        x = Value(0.0)
        y = x.sqrt()
    place = origin(y)
    assert place is not None
    assert place.expression == 'x.sqrt()'
    assert place.file == __file__
    assert origin(x * 2.0) is None  # kept only when asked for


def test_nothing_wrong() -> None:
    found = explain_nan(Value(2.0) * 3.0)
    assert not found
    assert str(found) == 'Nothing is wrong: the value is 6.0, and every gradient is finite.'


def test_a_branch_not_taken_is_not_blamed() -> None:
    x = Value(0.0)
    with ieee_arithmetic():
        assert not explain_nan(F.where(x.greater(0), x.log(), x * 2))


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats())
def test_whatever_the_numbers_it_explains_or_is_content(a: float, b: float) -> None:
    with ieee_arithmetic():
        y = (Value(a) * b).exp() - Value(a) / b if b else Value(a) / Value(b)
    assert bool(explain_nan(y)) or math.isfinite(y.data)
    assert str(explain_nan(y))


def test_a_node_that_is_nan_has_its_origin() -> None:
    """A nan does not equal itself: it must be found by what it is."""
    with tracing():
        y = Value(math.inf) - math.inf
    assert math.isnan(y.data)
    assert origin(y).expression == 'Value(math.inf) - math.inf'  # type: ignore[union-attr]


def test_equal_nodes_have_origins_of_their_own() -> None:
    x = Value(3.0)
    with tracing():
        one = x * 1.0
        other = x / 1.0
    assert [origin(node).expression for node in (one, other)] == ['x * 1.0', 'x / 1.0']  # type: ignore[union-attr]


def test_every_node_of_a_net_is_traced_to_the_users_line() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    with tracing():
        error = half_squared_error([net([1.0, 2.0])], [0.5])
    made = [node for node in topological_order(error) if node.op is not None]
    assert len(made) > 7
    places = [origin(node) for node in made]
    assert all(place is not None and place.file == __file__ for place in places)
    assert {place.expression for place in places if place} >= {'net([1.0, 2.0])'}


def test_a_leaf_that_is_nan_says_who_used_it_first() -> None:
    weight = Value(math.nan, label='w')
    with tracing():
        y = F.dot([Value(1.0), weight], [2.0, 3.0], 0.5).tanh()
    said = str(explain_nan(y))
    assert explain_nan(y).node is weight
    assert 'the leaf w made nan first' in said
    assert 'it is a leaf, made by no operation' in said
    assert 'used by dot as its a[1]' in said
    assert 'F.dot([Value(1.0), weight], [2.0, 3.0], 0.5)' in said


def test_the_function_is_named() -> None:
    def risky(x: Value) -> Value:
        return x.log()

    with tracing(), ieee_arithmetic():
        y = risky(Value(0.0)) * 2.0
    place = explain_nan(y).origin
    assert place is not None
    assert place.function.endswith('risky')
    assert ', in ' in str(place)


def test_an_origin_lives_as_long_as_its_node() -> None:
    gc.collect()
    before = len(origins._origins)
    with tracing():
        y = sum((Value(1.0) * k for k in range(50)), Value(0.0))
    assert len(origins._origins) >= before + 100
    del y
    gc.collect()
    assert len(origins._origins) == before


def test_tracing_is_for_its_own_thread_and_ends() -> None:
    with ThreadPoolExecutor(1) as pool, tracing():
        elsewhere = pool.submit(lambda: Value(2.0) * 3.0).result()
        here = Value(2.0) * 3.0
        with no_grad():
            assert (Value(2.0) * 3.0).inputs == ()
    assert origin(elsewhere) is None
    assert origin(here) is not None
    with pytest.raises(ZeroDivisionError), tracing():
        Value(1.0) / 0.0
    assert not is_slow()
    assert origin(Value(2.0) * 3.0) is None


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_tracing_changes_no_bit(a: float, b: float) -> None:
    def f(x: Value, y: Value) -> Value:
        return (x * y + x.tanh()).sigmoid() - F.dot([x, y], [y, 2.0], x) / (y * y + 1.0)

    plain, traced = [Value(a), Value(b)], [Value(a), Value(b)]
    y = f(*plain)
    with tracing():
        z = f(*traced)
    y.backward()
    z.backward()
    assert (z.data, [x.grad for x in traced]) == (y.data, [x.grad for x in plain])


def test_the_way_is_marked_and_nothing_else() -> None:
    x, w = Value(0.0, label='x'), Value(5.0, label='w')
    root = x.sqrt()
    y = root * 2.0 + w
    found = explain_nan(y)
    source = found.picture.source
    names = {node: f'v{index}' for index, node in enumerate(topological_order(y))}
    marked = {node for node in names if any(MARKED in line for line in lines_of(source, f'{names[node]} ['))}
    assert marked == {x, *found.path}
    assert len(found.path) == 3
    assert 'The value is finite; a gradient is not: sqrt made inf first.' in source
    assert 'd sqrt/d a = inf, times the error signal 2.0, is inf' in source
    assert 'mine' in found.draw(label='mine').source and 'made inf first' not in found.draw(label='mine').source
    assert any(MARKED in line for line in lines_of(source, f'{names[x]} -> {names[root]}op'))
    assert not any(MARKED in line for line in lines_of(source, f'{names[w]} -> {names[y]}op'))
    assert MARKED not in draw(y).source
    assert MARKED not in explain_nan(w * 2.0).picture.source


def test_a_long_way_is_drawn_from_where_it_went_wrong() -> None:
    x = Value(0.0, label='culprit')
    y = x.sqrt()
    for _ in range(5_000):
        y = y + 1.0
    found = explain_nan(y)
    assert len(found.path) == 5_001
    assert 'more)' in str(found)
    picture = found.draw(folded=False)
    assert 'the first 20 of 5001 nodes' in picture.source
    assert 'culprit' in picture.source


def test_a_long_way_that_folds_is_drawn_whole_with_the_turn_in_which_it_went_wrong() -> None:
    x = Value(2.0, label='x')
    y = Value(1e305, label='start')
    for _ in range(1_000):
        y = y * 1.01 - x
    found = explain_nan(y)
    assert found.made == float('inf') and len(found.path) > 100
    picture = found.picture
    assert 'made inf first' in picture.source and 'nodes on the way' not in picture.source
    wrong = next(k for k, node in enumerate(n for n in topological_order(y) if n.op and n.op.name == 'mul')
                 if node is found.node)  # fmt: skip
    assert f'marked in turn {wrong + 1} … 1000' in picture.source
    assert [look for look in lines_of(picture, 'v0 [') if MARKED in look] and picture.boxes


def test_a_marked_node_is_drawn_whatever_the_limit() -> None:
    terms = [Value(float(k), label=f'term{k}') for k in range(200)]
    picture = draw(F.sum(terms), marked=[terms[150]], limit=10)
    assert 'term150' in picture.source
    assert 'term100' not in picture.source


def test_an_overflow_of_the_signal_and_of_a_sum_of_signals() -> None:
    x = Value(1e-200, label='x')
    found = explain_nan(x * 1e200 * 1e200)
    assert (found.kind, found.made, found.node.partials) == ('gradient', math.inf, (1e200, None))
    summed = explain_nan(x * 1.7e308 + x * 1.7e308)
    assert (summed.kind, summed.node, summed.place) == ('gradient', x, None)
    assert 'their sum is inf' in str(summed)


def test_fractions_are_finite_however_large() -> None:
    big = Value(Fraction(10) ** 400)
    assert not explain_nan(big * big)


def test_only_a_value_is_explained() -> None:
    with pytest.raises(TypeError, match='explain_nan wants a Value, not 3'):
        explain_nan(3.0)  # type: ignore[arg-type]


def test_dead_vanished_and_constant_neurons() -> None:
    net = MLP.from_weights([[[1.0], [-1.0], [0.0]], [[1.0, 1.0, 1.0]]], [[0.0, 0.0, 1.0], [0.0]], 'relu')
    found = dead_neurons(net, TeacherSet([[1.0], [2.5]], [0, 1]))
    assert found.numbers('dead') == [2]
    assert found.numbers('constant') == [3]
    assert found.numbers('alive') == [1, 4]
    assert str(found).endswith('2 of 4 neurons: 1 dead, 1 constant')
    far = MLP.from_weights([[[100.0]]], [[0.0]], output_activation='sigmoid')
    assert dead_neurons(far, [[1.0], [2.0]]).numbers('vanished') == [1]


@given(st.integers(0, 2**32), st.sampled_from(['relu', 'tanh', 'sigmoid', 'threshold', 'leaky_relu']))
def test_no_weight_of_a_dead_neuron_ever_gets_a_gradient(seed: int, activation: str) -> None:
    net = MLP(2, [4, 3, 1], activation, seed=seed)
    rows = [[1.0, -0.5], [0.25, 2.0]]
    found = dead_neurons(net, rows)
    for row in rows:
        half_squared_error([net(row)], [0.3]).backward()
    neurons = [*net.neurons_within()]
    for number in found.numbers('dead'):
        assert all(p.grad == 0 for p in (*neurons[number - 1].weights, neurons[number - 1].bias))
    assert [neuron.number for neuron in found.neurons] == [*range(1, 9)]
    assert found.numbers('dead') == [*range(1, 8)] or activation != 'threshold'


def test_a_saturated_sigmoid_by_the_threshold_that_is_asked() -> None:
    net = MLP.from_weights([[[1.0]]], [[8.0]], output_activation='sigmoid')
    rows = [[0.0], [1.0]]  # g'(8) = 3.4e-4
    assert dead_neurons(net, rows).numbers('vanished') == [1]
    assert dead_neurons(net, rows, threshold=1e-4).numbers('alive') == [1]
    assert dead_neurons(net.layers[0], rows).neurons == dead_neurons(net, rows).neurons
    assert str(dead_neurons(net, rows, threshold=0.0)) == 'All 1 neurons let the error signal pass.'


def test_one_sample_makes_no_output_constant() -> None:
    net = MLP(1, [1], seed=3)
    assert dead_neurons(net, [[1.0], [1.0]]).numbers('alive') == [1]


@pytest.mark.parametrize('net, rows, message', [
    (MLP(2, [1]), [[1.0]], 'takes 2 inputs; the row has 1'),
    (MLP(1, [1]), [], 'at least one sample'),
    ('a net', [[1.0]], 'net must be an MLP, a Layer or a Neuron'),
])  # fmt: skip
def test_dead_neurons_says_what_it_wants(net: MLP, rows: list[list[float]], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        dead_neurons(net, rows)
