"""Derivations of nets as text: every line is what it says, and every number the engine's.

``derivation_reader`` evaluates the text; here its numbers are compared with a net and
a real ``backward``, and characters are changed for it to notice.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivation_reader import Reader, Wrong
from microgradnet.derivation import derive
from microgradnet.drawing import parameter_names
from microgradnet.losses import half_squared_error
from microgradnet.nn import MLP
from microgradnet.teacher_set import TeacherSet

NUMBERS = st.floats(-2, 2, allow_subnormal=False).map(lambda x: round(x, 3))
FRACTIONS = st.integers(-6, 6).map(lambda n: Fraction(n, 3))
SMOOTH = ['sigmoid', 'tanh', 'identity', 'softplus', 'silu']
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
    samples = [(row(sizes[0]), row(sizes[-1])) for _ in range(draw(st.integers(1, 3)))]
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
            assert name[0] == 'g' and numbers[0] in (
                net.layers[0].activation.name,
                net.layers[-1].activation.name,
            )
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


@settings(max_examples=50)
@given(problem=problems(NUMBERS, SMOOTH))
def test_every_line_is_true_and_every_number_is_the_engines(problem: Any) -> None:
    net, samples, place = problem
    text = str(derive(net, samples, net.parameters()[place], learning_rate=0.25))
    compare_with_engine(Reader(text), net, samples, place, 0.25)


@settings(max_examples=25)
@given(problem=problems(FRACTIONS, ['identity', 'softsign', 'relu']))
def test_in_fractions_every_line_is_true_exactly(problem: Any) -> None:
    net, samples, place = problem
    text = str(derive(net, samples, net.parameters()[place], learning_rate=Fraction(1, 4)))
    compare_with_engine(Reader(text), net, samples, place, Fraction(1, 4))


@settings(max_examples=15)
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


def test_a_weight_can_be_given_in_many_ways() -> None:
    net = MLP(2, [2, 1], 'tanh', seed=1)
    (first, second), last = net.layers[0].neurons, net.layers[1].neurons[0]
    numbered = {
        first.bias: ['b_1'],
        second.weights[0]: ['w_{x1,2}', 'w_x1,2', 'w_{x_1,2}'],
        last.weights[0]: ['w_{1,3}', 'w_1,3'],
        last.bias: ['b_3'],
    }
    hatted = {
        first.weights[1]: ['w_{2,1}'],
        last.weights[1]: ['ŵ_2', r'\hat{w}_2', r'\hat{w_2}', 'w_hat_2'],
        last.bias: ['b̂', 'b_hat', r'\hat{b}'],
    }
    for names, hats in [(numbered, False), (hatted, True)]:
        for parameter, ways in names.items():
            whole = str(derive(net, XOR, parameter, hats=hats))
            assert [str(derive(net, XOR, way)) == whole for way in ways] == [True] * len(ways)
    with pytest.raises(ValueError, match=r"no weight 'w_\{1,4\}'; it has w_"):
        derive(net, XOR, 'w_{1,4}')
    with pytest.raises(ValueError, match='not a weight or bias'):
        derive(net, XOR, MLP(1, [1]).parameters()[0])
    with pytest.raises(TypeError, match='by its name'):
        derive(net, XOR, 3)


def test_what_is_wrong_is_said() -> None:
    net = MLP(1, [4, 4, 4, 1], 'tanh', seed=1)
    with pytest.raises(ValueError, match=r'16 paths lead from w_\{x1,1\} .* the limit is 15'):
        derive(net, [([1.0], 0.0)], 'w_{x1,1}', limit=15)
    with pytest.raises(ValueError, match='learning rate h must be 0 < h <= 1, not 2'):
        derive(net, [([1.0], 0.0)], 'b_1', learning_rate=2)
    with pytest.raises(ValueError, match='sample 2 has 2 targets'):
        derive(net, [([1.0], 0.0), ([1.0], [0.0, 1.0])], 'b_13')
    with pytest.raises(ValueError, match='empty'):
        derive(net, [], 'b_13')
    with pytest.raises(ValueError, match='two layers'):
        derive(net, [([1.0], 0.0)], 'b_13', hats=True)
    with pytest.raises(TypeError, match='3 arguments, not 2'):
        derive(net, [([1.0], 0.0)])
    with pytest.raises(TypeError, match='for an MLP'):
        derive(3, [([1.0], 0.0)], 'b_1')


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


def generic_net(sizes: list[int], *activations: str) -> MLP:
    """Make a net whose numbers are all different, so that no change of a name goes unnoticed."""
    net = MLP(2, sizes, *activations, seed=1)
    for place, p in enumerate(net.parameters()):
        p.data = (-1) ** place * (0.3 + 0.0731 * place)
    return net


CHANGES = "0123456789 ·+-=()[]wxrgyhtδbEi1' ,./^_{}∂lM"


def changed(text: str, source: random.Random) -> str:
    """Change, drop or double one character in a line of a formula, a path or the activations."""
    rows = text.split('\n')
    places = [(row, column) for row, line in enumerate(rows) if line.startswith(('    ', 'Activation: ', 'Path '))
              for column in range(4, len(line))]  # fmt: skip
    row, column = source.choice(places)
    old = rows[row][column]
    among = '0123456789' if old.isdigit() else CHANGES
    new = source.choice(['', 2 * old, *[source.choice(among.replace(old, ''))] * 6])
    rows[row] = rows[row][:column] + new + rows[row][column + 1 :]
    return '\n'.join(rows)


@pytest.mark.parametrize('name', ['w_{x1,2}', 'b_3', 'w_{4,5}'])
def test_one_character_changed_is_found(name: str) -> None:
    text = str(derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, name))
    find_changes(text, 200)


def test_one_character_changed_is_found_with_hats_and_many_outputs() -> None:
    net = generic_net([2, 2], 'tanh', 'sigmoid')
    samples = [([1.0, -2.0], [0.25, 0.5]), ([0.5, 0.75], [-1.5, 1.25])]
    for name in ('w_{1,2}', 'ŵ_{2,1}'):
        find_changes(str(derive(net, samples, name)), 120)


def find_changes(text: str, count: int) -> None:
    """Change characters of a true text, one at a time, and expect each time to be told."""
    given, source = Reader(text).given, random.Random(count)
    for _ in range(count):
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
