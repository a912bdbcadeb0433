"""Nets in files: every bit comes back, what does not fit is refused with the reason, no file is left half written."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.engine.value import Value
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP, Neuron
from microgradnet.nets.saving import load, restore, save
from microgradnet.training.data import TeacherSet
from microgradnet.training.train import train

numbers = st.floats() | st.fractions() | st.builds(Fraction, st.integers(10**4000, 10**5000), st.integers(1, 9**5000))


def bits(net: MLP) -> list[Any]:
    """Every parameter so that two are equal only if they are the same: type, sign of 0, nan."""
    return [(type(p.data), p.data if isinstance(p.data, Fraction) else p.data.hex()) for p in net.parameters()]


def taught() -> MLP:
    net = MLP(2, [3, 2], 'tanh', 'sigmoid', seed=3)
    rows = [[0.1, 20.0], [0.2, 30.0], [0.7, 10.0]]
    teacher_set = TeacherSet(
        rows, [[0, 1], [1, 1], [1, 0]], input_names=['x', 'größe'], target_names=['p', 'q'], standardise=True
    )
    train(net, teacher_set, learning_rate=0.3, epochs=5)
    net.freeze([net.layers[0].neurons[1].weights[0], net.layers[1].neurons[0].bias])
    return net


def same(one: MLP, other: MLP) -> None:
    assert repr(one) == repr(other)
    assert bits(one) == bits(other)
    assert frozen(one) == frozen(other)
    assert one.standardisation == other.standardisation
    assert names(one) == names(other)


def names(net: MLP) -> tuple[Any, ...]:
    return net.input_names, net.target_names, net.classes, [type(name) for name in net.classes or ()]


def frozen(net: MLP) -> list[bool]:
    return [p in neuron.frozen for neuron in net.neurons_within() for p in neuron.parameters()]


def test_a_net_comes_back_with_everything(tmp_path: Path) -> None:
    net, path = taught(), tmp_path / 'net.json'
    save(net, path)
    loaded = load(path)
    same(net, loaded)
    assert sum(frozen(loaded)) == 2
    assert (loaded.input_names, loaded.target_names) == (('x', 'größe'), ('p', 'q'))
    assert loaded.predict([[0.3, 25.0]]) == net.predict([[0.3, 25.0]])
    save(loaded, tmp_path / 'again.json')
    assert (tmp_path / 'again.json').read_bytes() == path.read_bytes()
    save(loaded, str(path))  # a path may be a string, and the file may be there
    same(load(str(path)), net)


@given(st.lists(numbers, min_size=3, max_size=3))
def test_every_number_comes_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, data: list[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / 'numbers.json'
    net = MLP.from_weights([[data[:2]]], [data[2:]])
    save(net, path)
    same(load(path), net)

    def refuse(name: str) -> Any:
        raise AssertionError(f'{name} is not JSON')

    json.loads(path.read_text(), parse_constant=refuse)


def test_special_numbers_are_strings_and_fractions_too(tmp_path: Path) -> None:
    save(MLP.from_weights([[[math.nan, -math.inf, -0.0]]], [[math.inf]]), tmp_path / 'net.json')
    content = json.loads((tmp_path / 'net.json').read_text())
    assert content['weights'] == [[['nan', '-inf', 0.0]]]
    assert content['biases'] == [['inf']]
    assert math.copysign(1, content['weights'][0][0][2]) == -1
    save(MLP.from_weights([[[Fraction(1, 3)]]], [[Fraction(-2)]]), tmp_path / 'net.json')
    content = json.loads((tmp_path / 'net.json').read_text())
    assert (content['weights'], content['biases']) == ([[['1/3']]], [['-2/1']])


def test_what_the_file_holds_can_be_read(tmp_path: Path) -> None:
    net = MLP.from_weights([[[0.1, 2.0]], [[3.0]]], [[0.5], [0.0]], 'tanh')
    net.freeze([net.parameters()[0]])
    save(net, tmp_path / 'net.json')
    assert json.loads((tmp_path / 'net.json').read_text()) == {
        'format': 'microgradnet net', 'version': 1, 'inputs': 2, 'sizes': [1, 1], 'activations': ['tanh', 'identity'],
        'weights': [[[0.1, 2.0]], [[3.0]]], 'biases': [[0.5], [0.0]],
        'frozen': [[[True, False, False]], [[False, False]]], 'standardisation': None,
        'names': {'inputs': None, 'targets': None, 'classes': None},
    }  # fmt: skip


@pytest.mark.parametrize(
    'classes', [['b', 'a', 'nan'], [2, 5, 10**30], [False, True, 2], [0.1, 2.5, -1.0], [Fraction(1, 3), 1, '1/3']]
)
def test_classes_come_back_as_what_they_were(tmp_path: Path, classes: list[Any]) -> None:
    net = MLP(1, [3], seed=1)
    net.classes = classes
    save(net, tmp_path / 'net.json')
    same(load(tmp_path / 'net.json'), net)
    other = MLP(1, [3], seed=2)
    restore(other, tmp_path / 'net.json')
    same(other, net)


def test_classes_that_a_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    net = MLP(1, [2], seed=1)
    for classes in ([('a', 1), ('a', 2)], [math.inf, 0.0], [b'a', b'b']):
        net.classes = classes
        with pytest.raises(ValueError, match='classes that are strings or numbers, and not'):
            save(net, tmp_path / 'net.json')
    assert [*tmp_path.iterdir()] == []


def test_files_from_before_there_were_names_still_load(tmp_path: Path) -> None:
    path = changed(tmp_path, names=..., standardisation={'means': [1, 2], 'deviations': [3, 4]})
    net = load(path)
    assert names(net) == (None, None, None, [])
    assert net.predict([[4.0, 6.0]]) == [0.25 - 1.0 + 0.5]
    net.input_names = ['p', 'q']
    restore(net, path)
    assert net.input_names is None  # whose weights these are is not known


def test_whole_numbers_in_a_file_are_floats(tmp_path: Path) -> None:
    path = changed(tmp_path, weights=[[[1, 2]]])
    assert [p.data for p in load(path).parameters()] == [1.0, 2.0, 0.5]
    assert {type(p.data) for p in load(path).parameters()} == {float}


# Activations that are functions


def swish(r: Any) -> Any:
    return r * r.sigmoid()


def test_a_function_must_be_handed_in_again(tmp_path: Path) -> None:
    net, path = MLP(2, [3, 1], swish, 'tanh', seed=1), tmp_path / 'net.json'
    save(net, path)
    with pytest.raises(ValueError, match=r"layer 1 is the function 'swish'.*load it with activations=\{'swish'"):
        load(path)
    loaded = load(path, activations={'swish': swish})
    same(loaded, net)
    assert loaded.predict([[1.0, 2.0]]) == net.predict([[1.0, 2.0]])
    other = MLP(2, [3, 1], swish, 'tanh', seed=2)
    restore(other, path)
    same(other, net)


def test_a_function_with_the_name_of_an_operation_is_still_a_function(tmp_path: Path) -> None:
    def tanh(r: Any) -> Any:
        return r * 2

    net = MLP(1, [1], output_activation=tanh, seed=1)
    save(net, tmp_path / 'net.json')
    with pytest.raises(ValueError, match="the function 'tanh'"):
        load(tmp_path / 'net.json')
    with pytest.raises(ValueError, match='activations'):
        restore(MLP(1, [1], output_activation='tanh'), tmp_path / 'net.json')
    assert load(tmp_path / 'net.json', activations={'tanh': tanh}).predict([[1.0]]) == net.predict([[1.0]])


def test_two_functions_of_the_same_name_are_refused(tmp_path: Path) -> None:
    net = MLP(1, [1, 1], lambda r: r * 2, lambda r: r * 3)
    with pytest.raises(ValueError, match="two different activations are called '<lambda>'"):
        save(net, tmp_path / 'net.json')
    assert [*tmp_path.iterdir()] == []
    twice = lambda r: r * 2  # noqa: E731
    save(MLP(1, [1, 1], twice, twice), tmp_path / 'net.json')


def test_what_a_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"only an MLP can be saved, not Neuron\(2, 'relu'\)"):
        save(Neuron(2), tmp_path / 'net.json')  # type: ignore[arg-type]
    net = MLP(1, [2])
    net.layers[0].neurons[1].activation = Neuron(1, 'tanh').activation
    with pytest.raises(ValueError, match='neurons with different activations'):
        save(net, tmp_path / 'net.json')


# Restoring


def test_restore_keeps_the_parameters_and_fills_them(tmp_path: Path) -> None:
    net, path = taught(), tmp_path / 'net.json'
    save(net, path)
    other = MLP(2, [3, 2], 'tanh', 'sigmoid', seed=9)
    other.freeze()
    before = [*map(id, other.parameters())]
    error = half_squared_error(other([0.3, 25.0]), [0, 1])
    error.backward()
    restore(other, path)
    same(other, net)
    assert [*map(id, other.parameters())] == before
    assert all(p.grad == 0 for p in other.parameters())


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        (MLP(3, [3, 2], 'tanh', 'sigmoid'), r'its inputs are 2, those of the net 3'),
        (MLP(2, [4, 2], 'tanh', 'sigmoid'), r'its sizes are \[3, 2\], those of the net \[4, 2\]'),
        (MLP(2, [3, 3, 2], 'tanh', 'sigmoid'), r'its sizes are \[3, 2\], those of the net \[3, 3, 2\]'),
        (MLP(2, [3, 2], 'relu', 'sigmoid'), r"its activations are \['tanh', 'sigmoid'\], those of the net \['relu'"),
    ],
)
def test_restore_refuses_another_architecture_and_says_both(tmp_path: Path, other: MLP, said: str) -> None:
    save(taught(), tmp_path / 'net.json')
    before = bits(other)
    with pytest.raises(ValueError, match=said) as caught:
        restore(other, tmp_path / 'net.json')
    assert 'does not fit MLP(' in str(caught.value)
    assert bits(other) == before


# Files that are something else


def changed(folder: Path, **keys: Any) -> Path:
    """Write a good file for a net of one neuron, but with some keys changed, or left out (...)."""
    path = folder / 'net.json'
    save(MLP.from_weights([[[0.25, -1.0]]], [[0.5]]), path)
    content = {**json.loads(path.read_text()), **keys}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not ...}))
    return path


@pytest.mark.parametrize(
    ('keys', 'said'),
    [
        ({'format': 'pickle'}, "its format should be 'microgradnet net', not 'pickle'"),
        ({'format': ...}, "its format should be 'microgradnet net', not None"),
        ({'version': 2}, 'it is of version 2; this program reads version 1'),
        ({'version': '1'}, "it is of version '1'"),
        *(
            ({key: ...}, f"it has no '{key}'")
            for key in ('version', 'inputs', 'sizes', 'activations', 'weights', 'biases', 'frozen', 'standardisation')
        ),
        ({'inputs': 0}, r'whole numbers from 1 on, not 0, \[1\]'),
        ({'inputs': True}, r'whole numbers from 1 on, not True'),
        ({'inputs': 2.0}, r'whole numbers from 1 on, not 2\.0'),
        ({'sizes': []}, r'whole numbers from 1 on, not 2, \[\]'),
        ({'sizes': 1}, r'whole numbers from 1 on, not 2, 1'),
        ({'sizes': [1, -1]}, r'whole numbers from 1 on, not 2, \[1, -1\]'),
        ({'sizes': [2]}, r'weights\[0\] should be a list of 2, by the sizes it states, not one of 1'),
        ({'sizes': [10**12]}, r'weights\[0\] should be a list of 1000000000000'),
        ({'sizes': [1, 1], 'activations': ['relu', 'relu']}, 'weights should be a list of 2, .* not one of 1'),
        ({'inputs': 3}, r'weights\[0\]\[0\] should be a list of 3, by the sizes it states, not one of 2'),
        ({'activations': []}, r'the names of 1 activations, not \[\]'),
        ({'activations': 'relu'}, "the names of 1 activations, not 'relu'"),
        ({'activations': [7]}, r'the names of 1 activations, not \[7\]'),
        ({'activations': [{'name': 'f'}]}, 'the names of 1 activations'),
        ({'activations': ['sigmiod']}, "layer 1: there is no activation 'sigmiod'; did you mean 'sigmoid'"),
        ({'activations': [{'custom': 'f'}]}, "layer 1 is the function 'f'"),
        ({'weights': [[[0.25]]]}, r'weights\[0\]\[0\] should be a list of 2, .* not one of 1'),
        ({'weights': {}}, r'weights should be a list of 1, .* not \{\}'),
        ({'weights': [[[0.25, 'x']]]}, r"weights\[0\]\[0\]\[1\] should be a number, not 'x'"),
        ({'weights': [[[0.25, None]]]}, r'weights\[0\]\[0\]\[1\] should be a number, not None'),
        ({'weights': [[[0.25, True]]]}, r'weights\[0\]\[0\]\[1\] should be a number, not True'),
        ({'weights': [[['1/0', 0.5]]]}, r"weights\[0\]\[0\]\[0\] should be a number, not '1/0'"),
        ({'weights': [[['1/2/3', 0.5]]]}, r"weights\[0\]\[0\]\[0\] should be a number, not '1/2/3'"),
        ({'weights': [[[10**400, 0.5]]]}, r'weights\[0\]\[0\]\[0\] should be a number, not 1000'),
        ({'biases': [[0.5, 0.5]]}, r'biases\[0\] should be a list of 1, .* not one of 2'),
        ({'biases': [['nein']]}, r"biases\[0\]\[0\] should be a number, not 'nein'"),
        ({'frozen': [[[True, False]]]}, r'frozen\[0\]\[0\] should be a list of 3, .* not one of 2'),
        ({'frozen': [[[True, False, 1]]]}, r'frozen\[0\]\[0\]\[2\] should be true or false, not 1'),
        ({'names': None}, 'names should have inputs, targets and classes, not None'),
        ({'names': {'inputs': None}}, 'names should have inputs, targets and classes'),
        ({'names': {'inputs': ['a'], 'targets': None, 'classes': None}}, '1 input names for 2 inputs'),
        ({'names': {'inputs': 'ab', 'targets': None, 'classes': None}}, "names of inputs should be a list .* not 'ab'"),
        ({'names': {'inputs': None, 'targets': [1], 'classes': None}}, r'names of targets should be a list .* \[1\]'),
        ({'names': {'inputs': None, 'targets': None, 'classes': [[1]]}}, r'names of classes should be a list'),
        ({'names': {'inputs': None, 'targets': None, 'classes': ['a', 'a']}}, 'none is there twice'),
        ({'names': {'inputs': None, 'targets': None, 'classes': []}}, 'none is there twice'),
        ({'names': {'inputs': None, 'targets': None, 'classes': [{'fraction': '1/0'}]}}, "a class should be .* '1/0'"),
        ({'standardisation': []}, r'should have means and deviations, not \[\]'),
        ({'standardisation': {'means': [0, 0]}}, 'should have means and deviations'),
        ({'standardisation': {'means': [0], 'deviations': [1, 1]}}, 'means should be a list of 2'),
        ({'standardisation': {'means': [0, 0], 'deviations': [1, 0]}}, 'deviations should be more than 0'),
        ({'standardisation': {'means': [0, 0], 'deviations': [1, 'nan']}}, 'deviations should be more than 0'),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_says_why(tmp_path: Path, keys: Any, said: str) -> None:
    path = changed(tmp_path, **keys)
    with pytest.raises(ValueError, match=said) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    net = MLP(2, [1], seed=1)
    before = bits(net)
    with pytest.raises(ValueError):
        restore(net, path)
    assert (bits(net), net.standardisation, frozen(net)) == (before, None, [False] * 3)


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        (b'', 'it is not JSON'),
        (b'{"format": ', 'it is not JSON'),
        (b'\xff\xfe', 'it is not JSON'),
        (b'[' * 100_000, 'it is not JSON'),
        (b'{"format": NaN}', 'it is not JSON .*NaN'),
        (b'[1, 2]', r"its format should be 'microgradnet net', not \[1, 2\]"),
        (b'null', 'its format should be .* not None'),
    ],
)
def test_what_is_no_net_at_all_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / 'net.json').write_bytes(content)
    with pytest.raises(ValueError, match=said):
        load(tmp_path / 'net.json')


def test_a_file_that_is_not_there_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / 'net.json')
    with pytest.raises(FileNotFoundError):
        save(MLP(1, [1]), tmp_path / 'nowhere' / 'net.json')


# Whole or not at all


@pytest.mark.parametrize('step', ['fsync', 'replace'])
@pytest.mark.parametrize('trouble', [OSError('the disk is full'), KeyboardInterrupt()])
def test_trouble_while_saving_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, trouble: BaseException
) -> None:
    path = tmp_path / 'net.json'
    save(taught(), path)
    old = path.read_bytes()

    def fail(*arguments: Any) -> None:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(type(trouble)):
            save(MLP(1, [1]), path)
    assert path.read_bytes() == old
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(os.name != 'posix', reason='modes and links are those of POSIX')
def test_a_file_has_the_usual_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / 'other').write_text('')
    (tmp_path / 'real').mkdir()
    link = tmp_path / 'net.json'
    link.symlink_to(tmp_path / 'real' / 'net.json')
    save(MLP(1, [1], seed=1), link)
    assert link.is_symlink()
    assert [*(tmp_path / 'real').iterdir()] == [tmp_path / 'real' / 'net.json']
    assert stat.S_IMODE(link.stat().st_mode) == stat.S_IMODE((tmp_path / 'other').stat().st_mode)


# Pickle and copy


@pytest.mark.parametrize('way', [lambda pair: pickle.loads(pickle.dumps(pair)), copy.deepcopy])
def test_a_net_and_its_error_copied_together_still_share_their_parameters(way: Any) -> None:
    net = taught()
    error = half_squared_error([net([0.3, 25.0])], [[0, 1]])
    new_net, new_error = way((net, error))
    same(net, new_net)
    assert not {*map(id, net.parameters())} & {*map(id, new_net.parameters())}
    net.zero_grad(), new_net.zero_grad()
    new_error.backward()
    assert all(p.grad == 0 for p in net.parameters())
    error.backward()
    assert [p.grad for p in new_net.parameters()] == [p.grad for p in net.parameters()]
    assert any(p.grad != 0 for p in new_net.parameters())
    new_net.unfreeze()  # what is frozen are the copies
    assert (sum(frozen(new_net)), sum(frozen(net))) == (0, 2)


def test_a_copied_net_learns_alone() -> None:
    net = taught()
    copied = pickle.loads(pickle.dumps(net))
    before = bits(net)
    teacher_set = TeacherSet([[0.1, 20.0], [0.4, 10.0]], [[0, 1], [1, 0]])
    train(copied, teacher_set, learning_rate=0.1, epochs=3)
    assert bits(net) == before
    assert [a == b for a, b in zip(bits(copied), before)] == frozen(net)
    assert isinstance(copied.parameters()[0], Value)
