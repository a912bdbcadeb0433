"""Teacher sets: what they take, what they refuse and in which words, splitting, standardising, CSV files."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.nets.net import MLP
from microgradnet.training.data import TeacherSet
from tests.support.examples import for_each

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_samples_come_in_order_with_their_targets() -> None:
    teacher_set = TeacherSet(ROWS, [0.5, 1.5, 2.5], input_names=['a', 'b'], target_names=['t'])
    assert len(teacher_set) == 3
    assert [*teacher_set] == [((1.0, 2.0), 0.5), ((3.0, 4.0), 1.5), ((5.0, 6.0), 2.5)]
    assert [*teacher_set] == [*teacher_set]  # again from the start
    assert (teacher_set.input_names, teacher_set.target_names) == (('a', 'b'), ('t',))
    assert (teacher_set.classes, teacher_set.standardisation, teacher_set.width) == (None, None, 1)


def test_targets_may_be_rows_and_everything_any_iterable() -> None:
    teacher_set = TeacherSet((iter(row) for row in ROWS), iter([[0, 1], (1, 0), [1, 1]]))
    assert teacher_set.inputs == ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))
    assert teacher_set.targets == ((0, 1), (1, 0), (1, 1))
    assert teacher_set.width == 2
    assert repr(teacher_set) == 'TeacherSet(3 samples, 2 inputs, 2 targets)'


def test_it_does_not_change_with_the_lists_it_was_made_of() -> None:
    rows, targets = [[1.0], [2.0]], [1.0, 2.0]
    teacher_set = TeacherSet(rows, targets)
    rows[0][0] = targets[0] = 99.0
    assert [*teacher_set] == [((1.0,), 1.0), ((2.0,), 2.0)]


def test_fractions_and_whole_numbers_stay_exact() -> None:
    teacher_set = TeacherSet([[Fraction(1, 3), 2]], [Fraction(1, 7)])
    assert teacher_set.inputs == ((Fraction(1, 3), 2),)
    assert type(teacher_set.inputs[0][1]) is int
    net = MLP.from_weights([[[Fraction(1), Fraction(1)]]], [[Fraction(0)]])
    assert net(teacher_set.inputs[0]).data == Fraction(7, 3)
    assert type(net(teacher_set.inputs[0]).data) is Fraction


def test_numpy_arrays() -> None:
    np = pytest.importorskip('numpy')
    for kind in (np.float64, np.float32, np.int64):
        teacher_set = TeacherSet(np.array(ROWS, kind), np.array([1, 2, 3], kind))
        assert teacher_set.inputs == tuple(map(tuple, ROWS))
        assert teacher_set.targets == (1, 2, 3)
        assert {type(x) for x in (*teacher_set.inputs[0], *teacher_set.targets)} <= {int, float}
    assert TeacherSet(np.array(ROWS), np.array([[1.0], [2.0], [3.0]])).targets == ((1.0,), (2.0,), (3.0,))
    assert TeacherSet([np.array([1, 2])], [np.float64(0.5)]).targets == (0.5,)
    labelled = TeacherSet(np.array(ROWS), np.array(['b', 'a', 'b']))
    assert (labelled.classes, labelled.targets) == (('a', 'b'), (1, 0, 1))
    named = TeacherSet(np.array(ROWS), np.array([2, 0, 2]), classes=np.array(['x', 'y', 'z']))
    assert (named.classes, named.targets) == (('x', 'y', 'z'), (2, 0, 2))
    assert {type(t) for t in (*labelled.targets, *named.targets)} == {int}
    with pytest.raises(ValueError, match='row 2 of the inputs, column 1: nan'):
        TeacherSet(np.array([[1.0], [np.nan]]), np.array([1, 2]))
    with pytest.raises(TypeError, match=r'row 1 of the inputs must be a list of numbers, not 1\.0'):
        TeacherSet(np.array([1.0, 2.0]), np.array([1, 2]))


def test_tables_of_pandas_are_taken_by_their_numbers() -> None:
    class Frame:  # iterating over one gives its columns' names
        def __init__(self, numbers: Any) -> None:
            self.numbers = numbers

        def __iter__(self) -> Any:
            return iter(['a', 'b'])

        def to_numpy(self) -> Any:
            return self.numbers

    assert TeacherSet(Frame(ROWS), Frame([1, 2, 3])).inputs == tuple(map(tuple, ROWS))  # type: ignore[arg-type]


# Classes


@for_each(
    ('targets', 'classes', 'names', 'numbers'),
    [
        (['pear', 'apple', 'pear'], None, ('apple', 'pear'), (1, 0, 1)),
        (['pear', 'apple', 'pear'], ['pear', 'fig', 'apple'], ('pear', 'fig', 'apple'), (0, 2, 0)),
        ([5, 3, 5], True, (3, 5), (1, 0, 1)),
        ([5, 3, 5], [5, 3], (5, 3), (0, 1, 0)),
        ([0.0, 2.0, 1.0], ['a', 'b', 'c'], ('a', 'b', 'c'), (0, 2, 1)),
        ([True, False, True], True, (False, True), (1, 0, 1)),
    ],
)
def test_classes(targets: Any, classes: Any, names: Any, numbers: Any) -> None:
    teacher_set = TeacherSet(ROWS, targets, classes=classes)
    assert (teacher_set.classes, teacher_set.targets) == (names, numbers)
    assert {type(t) for t in teacher_set.targets} == {int}
    assert repr(teacher_set) == f'TeacherSet(3 samples, 2 inputs, {len(names)} classes)'


def test_numbers_are_no_classes_unless_asked() -> None:
    teacher_set = TeacherSet(ROWS, [5, 3, 5])
    assert (teacher_set.classes, teacher_set.targets) == (None, (5, 3, 5))


def test_one_hot() -> None:
    teacher_set = TeacherSet(ROWS, ['b', 'c', 'a']).one_hot()
    assert teacher_set.targets == ((0, 1, 0), (0, 0, 1), (1, 0, 0))
    assert (teacher_set.classes, teacher_set.target_names) == (('a', 'b', 'c'), ('a', 'b', 'c'))
    for wrong in (teacher_set, TeacherSet(ROWS, [1, 2, 3])):
        with pytest.raises(ValueError, match='has no class numbers'):
            wrong.one_hot()


# What is refused


@for_each(
    ('inputs', 'targets', 'options', 'kind', 'said'),
    [
        ([[1], [math.nan]], [1, 2], {}, ValueError, 'row 2 of the inputs, column 1: nan is not a number to learn from'),
        ([[1, -math.inf], [1, 1]], [1, 2], {}, ValueError, 'row 1 of the inputs, column 2: -inf is not'),
        ([[1], [2]], [1, math.inf], {}, ValueError, 'row 2 of the targets: inf is not'),
        ([[1], [2]], [[1, 2], [1, math.nan]], {}, ValueError, 'row 2 of the targets, column 2: nan'),
        ([[10**400]], [1], {}, ValueError, 'row 1 of the inputs, column 1: a whole number of 1329 bits is too large'),
        ([[1, 2], [1, 2, 3]], [1, 2], {}, ValueError, 'row 2 of the inputs has 3 numbers; row 1 has 2'),
        ([[1, 2], [1]], [1, 2], {}, ValueError, 'row 2 of the inputs has 1 number; row 1 has 2'),
        ([[1], [2]], [[1, 2], [1]], {}, ValueError, 'row 2 of the targets has 1 number; row 1 has 2'),
        ([[]], [1], {}, ValueError, 'row 1 of the inputs is empty'),
        ([], [], {}, ValueError, 'at least one sample; it is empty'),
        ([[1], [2], [3]], [1, 2], {}, ValueError, '3 inputs, 2 targets'),
        ([[1]], [1, 2], {}, ValueError, '1 inputs, 2 targets'),
        ([1, 2], [1, 2], {}, TypeError, 'row 1 of the inputs must be a list of numbers, not 1'),
        (['12', '34'], [1, 2], {}, TypeError, "row 1 of the inputs must be a list of numbers, not '12'"),
        ([[1], ['2']], [1, 2], {}, TypeError, "row 2 of the inputs, column 1 must be a real number, not '2'"),
        ([[1], [None]], [1, 2], {}, TypeError, 'row 2 of the inputs, column 1 must be a real number, not None'),
        ([[1], [2j]], [1, 2], {}, TypeError, 'row 2 of the inputs, column 1 must be a real number'),
        ([[1], [2]], [1, [2]], {}, TypeError, r'row 2 of the targets must be a real number, not \[2\]'),
        ([[1], [2]], [[1], 2], {}, TypeError, 'row 2 of the targets must be a list of numbers, not 2'),
        ([[1], [2]], ['a', 2], {}, TypeError, "row 2 of the targets is 2; row 1 is 'a': classes are all strings"),
        ([[1], [2]], [2, 'a'], {'classes': True}, TypeError, "row 2 of the targets is 'a'; row 1 is 2"),
        ([[1], [2]], [2, math.nan], {'classes': True}, ValueError, 'row 2 of the targets: nan'),
        ([[1], [2]], [[2], [1]], {'classes': True}, TypeError, r'row 1 of the targets must be a class, not \[2\]'),
        ([[1], [2]], ['a', 'x'], {'classes': ['a', 'b']}, ValueError, "row 2 of the targets is 'x', which is not"),
        ([[1], [2]], [0, 2], {'classes': ['a', 'b']}, ValueError, 'row 2 of the targets is 2, which is not among'),
        ([[1], [2]], ['a', 'b'], {'classes': ['a', 'a']}, ValueError, 'none is there twice'),
        ([[1], [2]], ['a', 'b'], {'classes': []}, ValueError, 'none is there twice'),
        ([[1], [2]], [1, 2], {'input_names': ['a', 'b']}, ValueError, '2 input names for 1 input'),
        ([[1], [2]], [1, 2], {'target_names': []}, ValueError, '0 target names for 1 target'),
    ],
)
def test_what_is_wrong_is_refused_with_its_row(
    inputs: Any, targets: Any, options: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        TeacherSet(inputs, targets, **options)


@given(st.data())
def test_a_bad_number_is_found_wherever_it_is(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    rows = [[0.5] * width for _ in range(height)]
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    rows[row][column] = data.draw(st.sampled_from([math.nan, math.inf, -math.inf]))
    with pytest.raises(ValueError, match=f'^row {row + 1} of the inputs, column {column + 1}: '):
        TeacherSet(rows, [0] * height)


# Splitting and shuffling


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 9), st.booleans())
def test_a_split_divides_the_samples(size: int, fraction: float, seed: int, stratify: bool) -> None:
    teacher_set = TeacherSet([[x] for x in range(size)], ['abc'[x % 3] for x in range(size)])
    wanted = math.floor(fraction * size + 0.5)
    if not 0 < wanted < size:
        with pytest.raises(ValueError, match='leaves a part of the split empty'):
            teacher_set.split(fraction, seed=seed, stratify=stratify)
        return
    first, second = teacher_set.split(fraction, seed=seed, stratify=stratify)
    assert len(first) == wanted
    assert sorted([*first, *second]) == sorted(teacher_set)
    assert first.classes == second.classes == teacher_set.classes
    again, _ = teacher_set.split(fraction, seed=seed, stratify=stratify)
    assert again.inputs == first.inputs
    if stratify:
        for t in set(teacher_set.targets):
            share = fraction * teacher_set.targets.count(t)
            assert abs(first.targets.count(t) - share) <= 1


def test_a_split_and_a_shuffle_follow_their_seed() -> None:
    teacher_set = TeacherSet([[x] for x in range(30)], range(30))
    assert teacher_set.shuffled(1).targets == teacher_set.shuffled(1).targets != teacher_set.shuffled(2).targets
    assert sorted(teacher_set.shuffled(1)) == [*teacher_set]
    assert teacher_set.shuffled(1).targets != teacher_set.targets
    assert teacher_set.split(0.5, seed=1)[0].targets != teacher_set.split(0.5, seed=2)[0].targets
    assert all(x == (t,) for part in teacher_set.split(0.5) for x, t in part)


@for_each('fraction', [0, 1, -0.5, 1.5, math.nan])
def test_a_fraction_lies_between_0_and_1(fraction: float) -> None:
    with pytest.raises(ValueError, match=f'between 0 and 1, not {fraction}'):
        TeacherSet(ROWS, [1, 2, 3]).split(fraction)


def test_stratified_parts_are_not_sorted_by_class() -> None:
    first, _ = TeacherSet([[x] for x in range(40)], 'a' * 20 + 'b' * 20).split(0.5, stratify=True)
    assert first.targets != tuple(sorted(first.targets))
    assert (first.targets.count(0), first.targets.count(1)) == (10, 10)


def test_select() -> None:
    teacher_set = TeacherSet(ROWS, 'aba', standardise=True)
    chosen = teacher_set.select([2, 0])
    assert [*chosen] == [((5.0, 6.0), 0), ((1.0, 2.0), 0)]
    assert (chosen.classes, chosen.standardisation) == (('a', 'b'), teacher_set.standardisation)
    with pytest.raises(ValueError, match='none was selected'):
        teacher_set.select([])


# Standardisation


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e-3, 1e-3)), min_size=1, max_size=8))
def test_standardised_columns_have_mean_0_and_deviation_1(rows: Any) -> None:
    teacher_set = TeacherSet(rows, [0] * len(rows), standardise=True)
    assert teacher_set.inputs == tuple(rows)  # the rows stay raw
    assert teacher_set.standardisation is not None
    standardised = [teacher_set.standardisation(row) for row in teacher_set.inputs]
    for column, raw in zip(zip(*standardised), zip(*rows)):
        scale = max(map(abs, raw))
        if min(raw) == max(raw):
            assert column == (0.0,) * len(rows)
        elif max(raw) - min(raw) > 1e-6 * scale:  # otherwise the data has not the digits
            assert fmean(column) == pytest.approx(0, abs=1e-8)
            assert fmean(x * x for x in column) == pytest.approx(1, abs=1e-8)


def test_a_constant_column_is_harmless() -> None:
    teacher_set = TeacherSet([[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]], [1, 2, 3], standardise=True)
    assert teacher_set.standardisation is not None
    assert teacher_set.standardisation.deviations[0] == 1.0
    assert teacher_set.standardisation([0.1, 3.0]) == [0.0, 0.0]


@pytest.mark.parametrize('column', [[0.0, 5e-324], [1e308, -1e308], [1e-300, 2e-300]])
def test_extreme_columns_have_a_deviation_that_can_divide(column: list[float]) -> None:
    teacher_set = TeacherSet([[x] for x in column], [0, 1], standardise=True)
    assert teacher_set.standardisation is not None
    assert 0 < teacher_set.standardisation.deviations[0] < math.inf


def test_a_split_standardises_by_its_first_part_alone() -> None:
    teacher_set = TeacherSet([[float(x * x)] for x in range(10)], range(10), standardise=True)
    first, second = teacher_set.split(0.5, seed=3)
    assert first.standardisation == second.standardisation
    assert first.standardisation == TeacherSet(first.inputs, first.targets, standardise=True).standardisation
    assert first.standardisation != teacher_set.standardisation


# CSV files

IRIS = 'sepal length,sepal width,species\n5.1,3.5,setosa\n4.9,3.0,setosa\n6.3,3.3,virginica\n'


def csv(folder: Path, text: str | bytes) -> Path:
    path = folder / 'data.csv'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_csv_file(tmp_path: Path) -> None:
    teacher_set = TeacherSet.from_csv(csv(tmp_path, IRIS), target='species', standardise=True)
    assert teacher_set.inputs == ((5.1, 3.5), (4.9, 3.0), (6.3, 3.3))
    assert (teacher_set.targets, teacher_set.classes) == ((0, 0, 1), ('setosa', 'virginica'))
    assert (teacher_set.input_names, teacher_set.target_names) == (('sepal length', 'sepal width'), ('species',))
    assert teacher_set.standardisation is not None
    assert teacher_set.standardisation.means == pytest.approx((16.3 / 3, 9.8 / 3))


@pytest.mark.parametrize(
    'text',
    [
        b'\xef\xbb\xbfx,t\n1,2\n3,4\n',  # with a byte order mark, as spreadsheets write it
        'x,t\r\n1,2\r\n3,4',
        'x,t\n\n1,2\n\n3,4\n\n',
        ' x , t \n 1 , 2 \n 3 , 4 \n',
        '"x","t"\n"1","2"\n"3","4"\n',
        'x,t\n1e0,2.\n+3,4\n',
    ],
)
def test_ways_to_write_a_csv_file(tmp_path: Path, text: str | bytes) -> None:
    teacher_set = TeacherSet.from_csv(csv(tmp_path, text), 't')
    assert [*teacher_set] == [((1.0,), 2.0), ((3.0,), 4.0)]
    assert (teacher_set.classes, teacher_set.input_names) == (None, ('x',))


def test_columns_can_be_chosen_and_several_be_targets(tmp_path: Path) -> None:
    path = csv(tmp_path, 'a;b;c;name\n1;2;3;x\n4;5;6;y\n')
    teacher_set = TeacherSet.from_csv(path, ['c', 'a'], inputs=['b'], delimiter=';')
    assert [*teacher_set] == [((2.0,), (3.0, 1.0)), ((5.0,), (6.0, 4.0))]
    assert teacher_set.target_names == ('c', 'a')


def test_numbers_are_classes_if_asked(tmp_path: Path) -> None:
    path = csv(tmp_path, 'x,t\n1,10\n2,9\n')
    assert TeacherSet.from_csv(path, 't').targets == (10.0, 9.0)
    asked = TeacherSet.from_csv(path, 't', classes=True)
    assert (asked.classes, asked.targets) == (('10', '9'), (0, 1))
    given_ = TeacherSet.from_csv(path, 't', classes=[9, 10])
    assert (given_.classes, given_.targets) == (('9', '10'), (1, 0))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x,y,t\n1,2,a\n3,oops,b\n', "line 3, column 'y': 'oops' is not a number"),
        ('x,y,t\n1,nan,a\n', "line 2, column 'y': 'nan' is not a number to learn from"),
        ('x,y,t\n\n\n1,-inf,a\n', "line 4, column 'y': '-inf' is not a number to learn from"),
        ('x,y,t\n1,1e999,a\n', "line 2, column 'y': '1e999' is not a number to learn from"),
        ('x,y,t\n1,1_000,a\n', "line 2, column 'y': '1_000' is not a number"),
        ('x,y,t\n1,,a\n', "line 2, column 'y': the cell is empty"),
        ('x,y,t\n1,2,a\n1,2, \n', "line 3, column 't': the cell is empty"),
        ('x,y,t\n1,2,3\n1,2,three\n', "line 3, column 't': 'three' is not a number"),
        ('x,y,t\n1,2,3\n1,2\n', r"line 3: 2 columns, where the header has 3: \['1', '2'\]"),
        ('x,y,t\n1,2,3,4\n', 'line 2: 4 columns, where the header has 3'),
        ('x,y,t\n"1\n2",2,3\n', r"line 3, column 'x': '1\\n2' is not a number"),
        ('x,y,t\n1,2,"3\n', 'line 2: unexpected end of data'),
        ('x,y,t\n', 'holds no samples: a header alone'),
        ('', 'holds no samples: it is empty'),
        ('x,x,t\n1,2,3\n', "names a column twice: 'x', 'x', 't'"),
        ('x,y,kind\n1,2,3\n', "has no column 't'; it has 'x', 'y', 'kind'"),
        ('t\n1\n', 'needs at least one target and one input'),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = csv(tmp_path, text)
    with pytest.raises(ValueError, match=said) as caught:
        TeacherSet.from_csv(path, 't')
    assert re.match(re.escape(str(path)), str(caught.value))


def test_a_column_is_not_both_and_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"an input or a target, not both: \['t'\]"):
        TeacherSet.from_csv(csv(tmp_path, 'x,t\n1,2\n'), 't', inputs=['x', 't'])
    with pytest.raises(ValueError, match='no column'):
        TeacherSet.from_csv(csv(tmp_path, 'x,t\n1,2\n'), 't', inputs=['z'])
    with pytest.raises(FileNotFoundError):
        TeacherSet.from_csv(tmp_path / 'none.csv', 't')


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1))
def test_every_float_comes_back_from_a_csv_file(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    lines = [','.join(map(repr, row)) for row in rows]
    path = csv(tmp_path_factory.mktemp('floats'), '\n'.join(['a,b,t', *lines]))
    assert [[*x, t] for x, t in TeacherSet.from_csv(path, 't')] == rows


# Weights


def test_weights_stay_with_their_samples() -> None:
    heavy = TeacherSet([[k] for k in range(10)], range(10), weights=[k / 2 for k in range(10)])
    for part in (heavy.select([3, 1]), heavy.shuffled(5), *heavy.split(0.6)):
        assert part.weights == tuple(t / 2 for t in part.targets)
    assert heavy.select([0]).weights == (0.0,)
    assert TeacherSet(ROWS, [1, 2, 3]).weights is None


def test_weights_weigh_the_standardisation() -> None:
    heavy = TeacherSet([[1.0, 7.0, 1e200], [4.0, 7.0, -1e200], [9.0, 8.0, 3e200]], [0, 0, 0], weights=[2, 1, 0],
                       standardise=True)  # fmt: skip
    often = TeacherSet([[1.0, 7.0, 1e200], [1.0, 7.0, 1e200], [4.0, 7.0, -1e200]], [0, 0, 0], standardise=True)
    assert heavy.standardisation and often.standardisation
    assert heavy.standardisation.means == pytest.approx(often.standardisation.means, rel=1e-14)
    assert heavy.standardisation.deviations == pytest.approx(often.standardisation.deviations, rel=1e-14)


@for_each(
    ('weights', 'kind', 'said'),
    [
        ([1, 2], ValueError, '2 weights for 3 samples'),
        ([1, -2, 3], ValueError, 'the weight of sample 2 should be 0 or more, not -2'),
        ([1, 2, math.nan], ValueError, 'the weight of sample 3: nan is not a number'),
        ([0, 0, 0], ValueError, 'all 3 weights are 0'),
        (['a', 1, 2], TypeError, 'the weight of sample 1'),
        (3, TypeError, 'weights'),
    ],
)
def test_weights_that_are_none_are_refused(weights: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        TeacherSet(ROWS, [1, 2, 3], weights=weights)
