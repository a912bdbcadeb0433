"""Derivations of nets as text: every line is what it says, and every number the engine's.

``derivation_reader`` evaluates the text; here its numbers are compared with a net and
a real ``backward``, and characters are changed for it to notice.
"""

from __future__ import annotations

import itertools
import random
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions
from microgradnet.derivation import derive
from microgradnet.drawing import parameter_names
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.training.data import TeacherSet
from tests.support.derivation_reader import Reader, Wrong
from tests.support.examples import every, examples

NUMBERS = st.floats(-2, 2, allow_subnormal=False).map(lambda x: round(x, 3))
FRACTIONS = st.integers(-6, 6).map(lambda n: Fraction(n, 3))
SMOOTH = ['sigmoid', 'tanh', 'identity', 'softplus', 'silu', 'sin', 'cos']
XOR = [([1.0, -2.0], [0.25]), ([0.5, 0.75], [-1.5])]


@st.composite
def problems(draw: st.DrawFn, numbers: Any, activations: list[str]) -> tuple[MLP, list[Any], int]:
    """Draw a net, a teacher set, and the place of a parameter."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    weights = [
        [[draw(numbers) for _ in range(n)] for _ in range(size)] for n, size in itertools.pairwise(sizes)
    ]
    biases = [[draw(numbers) for _ in range(size)] for size in sizes[1:]]
    net = MLP.from_weights(weights, biases, *(draw(st.sampled_from(activations)) for _ in 'gg'))
    row = lambda size: [draw(numbers) for _ in range(size)]  # noqa: E731
    samples = [(row(sizes[0]), row(sizes[-1])) for _ in range(draw(st.sampled_from([1, 2, 3, 7])))]
    return net, samples, draw(st.integers(0, len(net.parameters()) - 1))


def backward(net: MLP, samples: Any) -> list[Any]:
    """Run the net on the samples and go back, in plain code."""
    net.zero_grad()
    runs = [net.run(x) for x, _ in samples]
    half_squared_error([run.outputs for run in runs], [t for _, t in samples]).backward()
    return runs


def close(printed: Any, number: Any) -> bool:
    if isinstance(number, Fraction):
        return bool(printed == number)
    return bool(abs(printed - number) <= 1e-5 * abs(number) + 1e-12)


def compare_with_engine(reader: Reader, net: MLP, samples: Any, place: int, h: Any) -> None:
    """Compare all numbers of a text with those of a net that runs once more."""
    runs = backward(net, samples)
    names = {name: p for p, name in parameter_names(net).items()}
    by = parameter_names(net)[net.parameters()[place]]
    assert reader.by == by
    neurons = [[firing for layer in run.layers for firing in layer] for run in runs]
    given = dict(reader.given)
    assert given.pop('h') == [h]
    assert given.pop('M', [1]) == [len(samples)]
    for name, numbers in given.items():
        if name in names:
            assert numbers == [names[name].data], name
        elif name[0] == 'x':
            assert numbers == [x[int(name[2:]) - 1] for x, _ in samples], name
        elif name[0] == 't':
            assert numbers == [t[int(name[2:] or 1) - 1] for _, t in samples], name
        elif name[0] == 'r':
            assert numbers == [firings[int(name[2:]) - 1].r.data for firings in neurons], name
        else:
            assert name[0] == 'g' and numbers[0] in {neuron.activation.name for neuron in net.neurons_within()}
    found = dict(reader.found)
    new = found.pop(f'{by}^(l+1)')
    assert close(new[0], names[by].data - h * names[by].grad)
    for name, numbers in found.items():
        for run, firings, number in zip(runs, neurons, numbers):
            letter, _, index = name.partition('_')
            if letter in 'rδ':
                firing = firings[int(index or 0) - 1]
                assert close(number, firing.r.data if letter == 'r' else firing.error_signal), name
            elif letter == 'y':
                assert close(number, run.outputs[int(index or 1) - 1].data), name
    assert {'y' if net.sizes[-1] == 1 else 'y_1', 'E'} <= {*found}
    assert close(reader.gradient[0], names[by].grad)


@examples(50)
@given(problem=problems(NUMBERS, SMOOTH))
def test_every_line_is_true_and_every_number_is_the_engines(problem: Any) -> None:
    net, samples, place = problem
    text = str(derive(net, samples, net.parameters()[place], learning_rate=0.25))
    compare_with_engine(Reader(text), net, samples, place, 0.25)


def test_an_activation_that_grows_fast_is_read_where_its_numbers_are_small() -> None:
    net = MLP.from_weights([[[0.5, -0.25]], [[-1.5]]], [[0.125], [0.75]], 'exp', 'tanh')
    text = str(derive(net, XOR, 'w_{x2,1}', learning_rate=0.25))
    assert 'g(r) = exp(r)' in text and "g'(r) = g(r)" in text
    compare_with_engine(Reader(text), net, XOR, 1, 0.25)


@examples(25)
@given(problem=problems(FRACTIONS, ['identity', 'softsign', 'relu']))
def test_in_fractions_every_line_is_true_exactly(problem: Any) -> None:
    net, samples, place = problem
    text = str(derive(net, samples, net.parameters()[place], learning_rate=Fraction(1, 4)))
    compare_with_engine(Reader(text), net, samples, place, Fraction(1, 4))


@examples(15)
@given(data=st.data())
def test_names_with_hats_say_the_same(data: st.DataObject) -> None:
    net, samples, place = data.draw(
        problems(NUMBERS, SMOOTH).filter(lambda problem: len(problem[0].sizes) == 2)
    )
    numbered, hatted = (
        Reader(str(derive(net, samples, net.parameters()[place], hats=hats))) for hats in (False, True)
    )
    assert numbered.gradient == hatted.gradient
    assert [*numbered.given.values()][1:] == [*hatted.given.values()][1:]


def fifty_samples() -> list[Any]:
    source = random.Random(50)
    return [([source.uniform(-2, 2), round(source.uniform(-2, 2), 2)], [source.random()]) for _ in range(50)]


def test_of_many_samples_the_first_are_written_out_and_the_others_added_up() -> None:
    net, samples = generic_net([2, 2, 1], 'sigmoid', 'tanh'), fifty_samples()
    place = 1
    derivation = derive(net, samples, net.parameters()[place])
    text = str(derivation)
    compare_with_engine(Reader(text), net, samples, place, 0.5)
    assert 'The numbers of all 50 samples; from here on the first 3 are written out, and the others added up:' in text
    after = text.partition('The forward run')[2]
    assert len(derive(net, samples[:7], net.parameters()[place])) == len(derivation)
    assert max(map(len, text.split('\n'))) <= 100
    assert all(line.count(', ') <= 3 for line in after.split('\n'))
    others = r'The other 47 samples, added up:\n    Σ_{i=4}\^{M} ∂E\^\(i\)/∂w_{x2,1}\s+= Σ_{i=4}\^{M} \[error'
    assert re.search(others, text)
    assert derivation.html().count('<details>') == 1


def test_gradients_stay_as_they_were() -> None:
    net = MLP(2, [2, 1], 'tanh', seed=1)
    for place, p in enumerate(net.parameters()):
        p.grad = float(place)
    derive(net, XOR, 'b_1')
    assert [p.grad for p in net.parameters()] == [*range(9)]


def test_a_standardised_teacher_set_has_the_inputs_that_the_net_saw() -> None:
    teacher_set = TeacherSet([[10.0], [30.0]], [0.0, 1.0], standardise=True)
    net = MLP(1, [2, 1], 'tanh', seed=1)
    net.standardisation = teacher_set.standardisation
    assert Reader(str(derive(net, teacher_set, 'w_{x1,1}'))).given['x_1'] == [-1.0, 1.0]


def test_a_net_with_many_activations_has_a_letter_for_each() -> None:
    net = MLP(1, [1, 1, 1], 'tanh', seed=1)
    net.layers[1].neurons[0].activation = MLP(1, [1], output_activation='sigmoid').layers[0].activation
    text = str(derive(net, XOR and [([1.0], 0.5)], 'w_{x1,1}'))
    assert 'Activation: g_1 is tanh; g_2 is sigmoid; g_3 is identity.' in text
    Reader(text)


def test_each_neuron_has_its_own_activation() -> None:
    net = generic_net([2, 1], 'tanh', 'tanh')
    net.layers[0].neurons[1].activation = MLP(1, [1], output_activation='sigmoid').layers[0].activation
    text = str(derive(net, XOR, 'w_{2,3}'))
    assert 'Activation: g is tanh; ĝ is sigmoid.' in text
    compare_with_engine(Reader(text), net, XOR, net.parameters().index(net.layers[1].neurons[0].weights[1]), 0.5)
    net = MLP(1, [1, 1], lambda r: r * r, lambda r: r.tanh(), seed=1)
    assert 'Activation: g is <lambda>; ĝ is <lambda>.' in str(derive(net, [([1.0], 0.5)], 'b_1'))

    def tanh(r: Any) -> Any:  # another function than its name says has no formula
        return r * r

    text = str(derive(MLP(1, [1, 1], tanh, seed=1), [([1.0], 0.5)], 'b_1'))
    assert 'Activation: g is tanh' in text and 'g(r) =' not in text
    assert 'g(r) = tanh(r)' in str(derive(MLP(1, [1, 1], functions.tanh, seed=1), [([1.0], 0.5)], 'b_1'))


def generic_net(sizes: list[int], *activations: str) -> MLP:
    """Make a net whose numbers are all different, so that no change of a name goes unnoticed."""
    net = MLP(2, sizes, *activations, seed=1)
    for place, p in enumerate(net.parameters()):
        p.data = (-1) ** place * (0.3 + 0.0731 * place)
    return net


CHANGES = "0123456789 ·+-=()[]wxrgyhtδbEi1' ,./^_{}∂lM"


def changed(text: str, source: random.Random) -> str:
    """Change, drop or double one character in a line of a formula, the table, a path, a reference or an activation."""
    rows = text.split('\n')
    starts = '  ', 'Activation: ', 'Path ', 'From '
    places = [(row, column) for row, line in enumerate(rows) if line.startswith(starts)
              for column in range(4, len(line))]  # fmt: skip
    row, column = source.choice(places)
    old = rows[row][column]
    among = '0123456789' if old.isdigit() else CHANGES
    new = source.choice(['', 2 * old, *[source.choice(among.replace(old, ''))] * 6])
    rows[row] = rows[row][:column] + new + rows[row][column + 1 :]
    return '\n'.join(rows)


@pytest.mark.parametrize('name', every(3, ['w_{x1,2}', 'b_3', 'w_{4,5}']))
def test_one_character_changed_is_found(name: str) -> None:
    text = str(derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, name))
    find_changes(text, 200)


@pytest.mark.slow
def test_one_character_changed_is_found_with_hats_and_many_outputs() -> None:
    net = generic_net([2, 2], 'tanh', 'sigmoid')
    samples = [([1.0, -2.0], [0.25, 0.5]), ([0.5, 0.75], [-1.5, 1.25])]
    for name in ('w_{1,2}', 'ŵ_{2,1}'):
        find_changes(str(derive(net, samples, name)), 120)


@pytest.mark.slow
def test_one_character_changed_is_found_among_many_samples() -> None:
    net = generic_net([2, 2, 1], 'sigmoid', 'tanh')
    find_changes(str(derive(net, fifty_samples()[:7], 'w_{x1,2}')), 200)


def find_changes(text: str, count: int) -> None:
    """Change characters of a true text, one at a time, and expect each time to be told; a share of them is quick."""
    given, source = Reader(text).given, random.Random(count)
    for _ in range(examples(count).max_examples):
        wrong = changed(text, source)
        if wrong == text:
            continue
        rows = [*zip(text.split('\n'), wrong.split('\n'))]
        try:
            # What is given, nobody but the net can know: there the reader only reads.
            noticed = Reader(wrong).given != given
        except (Wrong, RecursionError):
            noticed = True
        assert noticed, [row for row in rows if row[0] != row[1]]
