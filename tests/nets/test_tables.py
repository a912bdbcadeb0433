"""Tables of pandas: what learns from one, and answers for one, finds its columns by their names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, cross_entropy, load, save, train

pandas: Any = pytest.importorskip('pandas')

FLOWERS = pandas.DataFrame(
    {
        'petal': [1.4, 1.3, 4.7, 4.5, 6.0, 5.1],
        'sepal': [510, 490, 700, 640, 630, 580],  # ten times as large: without its own scale nothing is learned
        'species': ['a', 'a', 'b', 'b', 'c', 'c'],
    },
    index=[7, 3, 5, 2, 9, 4],
)
NAMES = ['petal', 'sepal']


def taught() -> MLP:
    flowers = TeacherSet(FLOWERS, FLOWERS['species'], input_names=NAMES, standardise=True)
    net = MLP(2, [4, 3], 'tanh', seed=1)
    train(net, flowers, learning_rate=0.1, epochs=100, error=cross_entropy, optimiser='adamw')
    return net


# What learns from one


def test_a_teacher_set_takes_names_from_a_table() -> None:
    flowers = TeacherSet(FLOWERS[['sepal', 'petal']], FLOWERS['species'])
    assert flowers.input_names == ('sepal', 'petal')
    assert flowers.target_names == ('species',)
    assert flowers.inputs[0] == (510, 1.4)
    assert {type(x) for x in flowers.inputs[0]} == {int, float}  # each column's own kind
    two = TeacherSet(FLOWERS[['petal']], FLOWERS[['petal', 'sepal']])
    assert two.target_names == ('petal', 'sepal')
    assert two.targets[0] == (1.4, 510)


def test_columns_are_chosen_by_the_names_given_and_not_renamed() -> None:
    flowers = TeacherSet(FLOWERS, FLOWERS['species'], input_names=['sepal', 'petal'])
    assert flowers.inputs[0] == (510, 1.4)
    with pytest.raises(ValueError, match=r"no column 'petla'; it has 'petal', 'sepal', 'species'"):
        TeacherSet(FLOWERS, FLOWERS['species'], input_names=['petla', 'sepal'])


def test_numbers_of_columns_are_no_names() -> None:
    flowers = TeacherSet(pandas.DataFrame([[1, 2], [3, 4]]), pandas.Series([0, 1]))
    assert (flowers.input_names, flowers.target_names) == (None, None)
    assert flowers.inputs == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ('frame', 'trouble', 'said'),
    [
        (FLOWERS, TypeError, 'row 1 of the inputs, column 3'),
        (FLOWERS.assign(petal=math.nan)[NAMES], ValueError, 'row 1 of the inputs, column 1: nan'),
        (pandas.DataFrame({'t': pandas.to_datetime(['2020-01-01'] * 6).astype('datetime64[ns]')}), TypeError,
         "column 't' should have numbers, and has datetime64"),
        (pandas.DataFrame([[1, 2]] * 6, columns=['a', 'a']), ValueError, "the column 'a' twice"),
    ],
)  # fmt: skip
def test_a_table_of_other_things_is_refused(frame: Any, trouble: type[Exception], said: str) -> None:
    with pytest.raises(trouble, match=said):
        TeacherSet(frame, FLOWERS['species'])


# What answers for one


def test_columns_are_found_in_whatever_order(tmp_path: Path) -> None:
    net = taught()
    rows = FLOWERS[NAMES].to_numpy().tolist()
    wanted = net.predict(rows)
    save(net, tmp_path / 'net.json')
    for same in (net, load(tmp_path / 'net.json')):
        for frame in (FLOWERS[NAMES], FLOWERS[['sepal', 'petal']], FLOWERS):
            assert same.predict(frame).to_numpy().tolist() == wanted
            assert [*same.classify(frame)] == ['a', 'a', 'b', 'b', 'c', 'c']


def test_answers_keep_the_index() -> None:
    net = taught()
    answers = net.predict(FLOWERS)
    assert [*answers.index] == [*FLOWERS.index]
    assert [*answers.columns] == ['a', 'b', 'c']
    species = net.classify(FLOWERS)
    assert [*species.index] == [*FLOWERS.index]
    assert species.name == 'species'
    assert (species == FLOWERS['species']).all()
    lone = MLP(2, [1], seed=1)
    lone.input_names = NAMES
    assert [*lone.predict(FLOWERS).index] == [*FLOWERS.index]
    assert [*lone.predict(FLOWERS[:0])] == []
    assert lone.predict(FLOWERS).name is None
    assert [*MLP(1, [2], seed=1).predict(FLOWERS[['petal']]).columns] == ['y1', 'y2']


def test_missing_columns_are_named() -> None:
    with pytest.raises(ValueError, match=r"the table has no column 'sepal'; it has 'petal', 'species'"):
        taught().predict(FLOWERS[['petal', 'species']])
    with pytest.raises(ValueError, match=r"no columns 'petal', 'sepal'; it has '0', '1'"):
        taught().classify(pandas.DataFrame([[1.4, 510.0]]))


def test_a_net_without_names_takes_columns_as_they_stand() -> None:
    net = MLP(2, [1], seed=1)
    assert [*net.predict(FLOWERS[NAMES])] == net.predict(FLOWERS[NAMES].to_numpy())
    with pytest.raises(ValueError, match='takes 2 inputs; the row has 1'):
        net.predict(FLOWERS[['petal']])


def test_arrays_lists_and_iterators_are_answered_by_lists() -> None:
    net, array = taught(), FLOWERS[NAMES].to_numpy()

    def yielded() -> Iterator[list[float]]:
        yield from array.tolist()

    wanted = net.predict(array.tolist())
    assert type(wanted) is list
    assert net.predict(array) == net.predict(yielded()) == net.predict(map(tuple, array)) == wanted
    assert net.classify(array) == net.classify(yielded()) == ['a', 'a', 'b', 'b', 'c', 'c']


def test_a_table_of_another_make_is_answered_by_a_list() -> None:
    class Other:  # as polars: columns by name, no index
        columns = ('sepal', 'petal')

        def __getitem__(self, name: str) -> Any:
            return FLOWERS[name]

        def to_numpy(self) -> Any:
            return FLOWERS[[*self.columns]].to_numpy()

    net = taught()
    assert net.predict(Other()) == net.predict(FLOWERS[NAMES].to_numpy())
    assert net.classify(Other()) == ['a', 'a', 'b', 'b', 'c', 'c']
