"""Teacher sets: samples with known correct answers, checked before anything learns from them.

>>> teacher_set = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
>>> teacher_set
TeacherSet(4 samples, 2 inputs)
>>> x, t = [*teacher_set][1]
>>> x, t
((0, 1), 1)

Checks on the numbers and classes of a teacher set; rows are counted from 1.

>>> rows([[1, 2.5], [3, float('nan')]], 'inputs')
Traceback (most recent call last):
    ...
ValueError: row 2 of the inputs, column 2: nan is not a number to learn from
"""

from __future__ import annotations

import reprlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from copy import copy
from math import floor, fsum, hypot, isfinite, sqrt
from os import PathLike
from statistics import mean, pstdev
from typing import Any, TypeAlias

from ..engine.checks import Seed, flag, generator, items, ordered, refuse, said, within
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers, is_row
from ..engine.numbers import Fraction, Number, real
from ..nets.names import names_for
from ..nets.net import Standardisation
from ..nets.tables import Frame, names_of, rows_of
from .csv import Table, read_table

__all__ = [
    'Row', 'TeacherSet', 'classified', 'is_row', 'number', 'places_in', 'plain', 'rows', 'standardisation_of',
    'told_by',
]  # fmt: skip


#: What ``classes`` may be.
NAMES = 'a list of names, True, False or None'


class TeacherSet:
    """Samples: a row of ``inputs`` and a target each, in the order given.

    ``inputs`` is a list of rows or a two-dimensional array; ``targets`` has one number,
    or one row of numbers, per sample. Targets that are strings become class numbers,
    and ``classes`` their names, sorted; so do any with ``classes=True``. With names in
    ``classes=[...]`` targets are these names, or their numbers already. Whole numbers
    and fractions stay exact.

    Of a table with named columns, such as a pandas DataFrame, ``input_names`` chooses
    the inputs, which are all its columns if it is not given; names of columns become
    those of inputs and targets. The net that ``train`` teaches keeps all names.

    ``standardise=True`` computes mean and (population) deviation of every input;
    the rows stay as they are, and the net that ``train`` teaches takes over
    ``standardisation`` and applies it to whatever comes in from then on. An input
    that is constant keeps its scale: its deviation counts as 1.

    ``weights``, a number from 0 on for each sample, say how much each counts: as 2 the
    same sample twice, as 0 none. The error that ``train`` makes small sums the samples'
    errors times these, and ``standardise`` weighs them too; metrics count all alike.

    Raises ValueError for a set that is empty, rows of different lengths, a nan or inf
    (naming the row, counted from 1), a class that is not among ``classes``, different
    numbers of inputs, targets and weights; TypeError for what is not a number.

    >>> TeacherSet([[1.0], [2.0]], ['yes', 'no']).targets
    (1, 0)
    >>> TeacherSet([[1.0, 2.0], [3.0]], [0, 1])
    Traceback (most recent call last):
        ...
    ValueError: row 2 of the inputs has 1 number; row 1 has 2
    """

    input_names: tuple[str, ...] | None
    target_names: tuple[str, ...] | None
    weights: tuple[Number, ...] | None = None

    def __init__(
        self,
        inputs: Iterable[Iterable[Any]] | Frame,
        targets: Iterable[Any],
        *,
        input_names: Iterable[str] | None = None,
        target_names: Iterable[str] | None = None,
        classes: Iterable[Any] | bool | None = None,
        standardise: bool = False,
        weights: Iterable[Any] | None = None,
    ) -> None:
        input_names = names_for(names_of(inputs) if input_names is None else input_names, None, 'input')
        self.inputs: tuple[Row, ...] = rows(rows_of(inputs, input_names), 'inputs')
        found = plain(targets, 'the targets', 'OU')
        labels = items('targets', found, 'a list, one target for each row of inputs', letters=True)
        if len(self.inputs) != len(labels):
            raise ValueError(f'every sample needs a target: {len(self.inputs)} inputs, {len(labels)} targets')
        if not labels:
            raise ValueError('a teacher set needs at least one sample; it is empty')
        self.targets: tuple[Any, ...]
        self.classes: tuple[Any, ...] | None = None
        classes = None if classes is False else classes
        if classes is not None and classes is not True:
            classes = items('classes', plain(classes, 'classes', 'OU'), NAMES, letters=True)
        if classes is not None or isinstance(labels[0], str):
            self.classes, self.targets = classified(labels, None if classes is True else classes)
        elif is_row(labels[0]):
            self.targets = rows(labels, 'targets')
        else:
            self.targets = tuple(number(t, f'row {place} of the targets') for place, t in enumerate(labels, 1))
        self.input_names = names_for(input_names, len(self.inputs[0]), 'input')
        self.target_names = names_for(names_of(targets) if target_names is None else target_names, self.width, 'target')
        self.weights = None if weights is None else _weights(weights, len(labels))
        self.standardisation: Standardisation | None = None
        if flag('standardise', standardise):
            self.standardisation = standardisation_of(self.inputs, self.weights)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        target: str | Sequence[str],
        *,
        inputs: Sequence[str] | None = None,
        classes: Iterable[Any] | bool | None = None,
        standardise: bool = False,
        delimiter: str = ',',
    ) -> TeacherSet:
        """Read a teacher set from a CSV file whose first line names the columns.

        ``target`` names the target's column, or several; ``inputs`` those of the
        inputs, all others if not given. Inputs are numbers. A target is a number if
        the first is, else a class; ``classes`` as above, as they are written in the
        file. Blank lines are skipped. Raises ValueError for anything unexpected, naming
        line, column and content.

        >>> from pathlib import Path; from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / 'fruit.csv'
        ...     _ = path.write_text('weight,fruit\\n150,apple\\n120,pear\\n')
        ...     teacher_set = TeacherSet.from_csv(path, target='fruit')
        >>> teacher_set.inputs, teacher_set.targets, teacher_set.classes
        (((150.0,), (120.0,)), (0, 1), ('apple', 'pear'))
        """
        return cls(**told_by(read_table(path, delimiter), target, inputs, classes), standardise=standardise)

    @property
    def width(self) -> int:
        """How many numbers one target has; 1 for a class number."""
        return len(self.targets[0]) if is_row(self.targets[0]) else 1

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[tuple[Row, Any]]:
        return zip(self.inputs, self.targets)

    def select(self, places: Iterable[int]) -> TeacherSet:
        """Return the samples at some places, counted from 0, in the order of the places.

        Classes, names and standardisation are those of the whole set.
        """
        places = places_in(len(self), places)
        if not places:
            raise ValueError('a teacher set needs at least one sample; none was selected')
        result = copy(self)
        result.inputs = tuple(self.inputs[place] for place in places)
        result.targets = tuple(self.targets[place] for place in places)
        result.weights = self.weights and tuple(self.weights[place] for place in places)
        return result

    def shuffled(self, seed: Seed = 0) -> TeacherSet:
        """Return the same samples in another order, which ``seed`` determines."""
        return self.select(_permutation(len(self), seed))

    def split(self, fraction: float, *, seed: Seed = 0, stratify: bool = False) -> tuple[TeacherSet, TeacherSet]:
        """Shuffle, and split into a set with that fraction of the samples and one with the rest.

        The number of samples is rounded. With ``stratify`` every class (every target)
        is divided in the same proportion, to within one sample. If the set is
        standardised, both parts are by the means and deviations of the first alone, so
        that it learns nothing of the other. Raises ValueError if a part would be empty.

        >>> some, others = TeacherSet([[x] for x in range(10)], 'aaaaabbbbb').split(0.6, stratify=True)
        >>> sorted(some.targets), sorted(others.targets)
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1])
        """
        within('the fraction of a split', fraction, 'between 0 and 1', lambda x: 0 < x < 1)
        flag('stratify', stratify)
        order = _permutation(len(self), seed)
        ranks = {t: rank for rank, t in enumerate(dict.fromkeys(self.targets))} if stratify else {}
        grouped = sorted(order, key=lambda place: ranks[self.targets[place]]) if stratify else order
        # Walking along the groups, take a sample whenever the number due rises by one.
        due = [floor(fraction * count + 0.5) for count in range(len(self) + 1)]
        taken = {place for place, before, after in zip(grouped, due, due[1:]) if after > before}
        if not 0 < len(taken) < len(self):
            raise ValueError(f'a fraction of {fraction} of {len(self)} samples leaves a part of the split empty')
        first, second = (self.select(p for p in order if (p in taken) is wanted) for wanted in (True, False))
        if self.standardisation is not None:
            first.standardisation = second.standardisation = standardisation_of(first.inputs, first.weights)
        return first, second

    def one_hot(self) -> TeacherSet:
        """Return the set with a row of 0s and a 1, at its class, for each target.

        So a net with an output per class can learn classes by half the sum of squares.
        Raises ValueError for a set without classes.

        >>> TeacherSet([[0.5], [1.5]], ['yes', 'no']).one_hot().targets
        ((0, 1), (1, 0))
        """
        if self.classes is None or self.width != 1 or is_row(self.targets[0]):
            raise ValueError(f'{self!r} has no class numbers; make it of strings, or with classes=True')
        result = copy(self)
        result.targets = tuple(tuple(int(k == t) for k in range(len(self.classes))) for t in self.targets)
        result.target_names = tuple(map(str, self.classes))
        return result

    def __repr__(self) -> str:
        size, width = len(self), len(self.inputs[0])
        answers = f', {self.width} targets' if self.width > 1 and not self.classes else ''
        answers = f', {len(self.classes)} classes' if self.classes else answers
        return f'TeacherSet({size} sample{"s" * (size > 1)}, {width} input{"s" * (width > 1)}{answers})'


def told_by(
    table: Table, target: str | Sequence[str], inputs: Sequence[str] | None, classes: Iterable[Any] | bool | None
) -> dict[str, Any]:
    """Return what a table says of a teacher set, as arguments that make one; see ``TeacherSet.from_csv``."""
    names, chosen = table.choose(target, inputs)
    if classes is not None and not isinstance(classes, bool):
        classes = [*map(str, items('classes', plain(classes, 'classes', 'OU'), NAMES, letters=True))]
    columns = [table.labels_or_numbers(name, as_labels=classes not in (None, False)) for name in names]
    return {
        'inputs': zip(*map(table.numbers, chosen)),
        'targets': columns[0] if isinstance(target, str) else zip(*columns),
        'input_names': chosen, 'target_names': names, 'classes': classes,
    }  # fmt: skip


def standardisation_of(rows: Sequence[Row], weights: Sequence[Number] | None = None) -> Standardisation:
    """Return mean and (population) deviation of each column, which count by weights if there are any.

    >>> standardisation_of([(1.0,), (4.0,)], [2, 1]).means, standardisation_of([(1.0,), (1.0,), (4.0,)]).means
    ((2.0,), (2.0,))
    """
    if weights is not None and any(weights):  # of weights that are all 0 each counts alike
        rows = [row for row, w in zip(rows, weights) if w]
        total = fsum(weights)
        shares = [w / total for w in weights if w]
        moments = [_moments(column, shares) for column in zip(*rows)]
    else:
        columns = [*zip(*rows)]
        moments = [(float(mean(c)), 1.0 if min(c) == max(c) else float(pstdev(c))) for c in columns]
    return Standardisation(tuple(m for m, _ in moments), tuple(d or 1.0 for _, d in moments))


def _moments(column: Sequence[Number], shares: Sequence[float]) -> tuple[float, float]:
    """Return mean and deviation of numbers that count by shares, 1 in all."""
    if min(column) == max(column):  # rounding gives a constant some deviation, too
        return float(column[0]), 1.0
    middle = fsum(share * float(x) for share, x in zip(shares, column))
    return middle, hypot(*(sqrt(share) * (float(x) - middle) for share, x in zip(shares, column)))


def _weights(weights: Iterable[Any], count: int) -> tuple[Number, ...]:
    found = items('weights', plain(weights, 'the weights'), 'a list, one number for each sample')
    result = tuple(number(w, f'the weight of sample {place}') for place, w in enumerate(found, 1))
    if len(result) != count:
        raise ValueError(f'{len(result)} weights for {count} samples; each sample has one')
    for place, w in enumerate(result, 1):
        if w < 0:
            raise ValueError(f'the weight of sample {place} should be 0 or more, not {w!r}')
    if not any(result):
        raise ValueError(f'all {count} weights are 0: there is nothing to learn from')
    return result


def _permutation(length: int, seed: Seed) -> list[int]:
    order = [*range(length)]
    generator(seed).shuffle(order)
    return order


Row: TypeAlias = tuple[Number, ...]


def rows(table: Iterable[Iterable[Any]], what: str) -> tuple[Row, ...]:
    """Check that a table has rows of finite numbers, all of the same length.

    >>> rows([[1, 2.5], [3, 4]], 'inputs')
    ((1, 2.5), (3, 4))
    """
    result: list[Row] = []
    for place, row in enumerate(items(f'the {what}', plain(table, f'the {what}'), 'a list of rows'), 1):
        if not is_row(row) or not ordered(row):
            raise TypeError(f'row {place} of the {what} must be a list of numbers, not {said(row)}')
        where = f'row {place} of the {what}'
        numbers = tuple(number(x, f'{where}, column {k}') for k, x in enumerate(plain(row, where), 1))
        if not numbers:
            raise ValueError(f'row {place} of the {what} is empty')
        if result and len(numbers) != len(result[0]):
            count = f'{len(numbers)} number{"s" * (len(numbers) > 1)}'
            raise ValueError(f'row {place} of the {what} has {count}; row 1 has {len(result[0])}')
        result.append(numbers)
    return tuple(result)


def number(x: Any, where: str) -> Any:
    """Check that something is a finite number; whole numbers and fractions stay what they are."""
    result = x if isinstance(x, (int, Fraction)) and not isinstance(x, bool) else real(x, where)
    try:
        finite = isinstance(result, Fraction) or isfinite(result)
    except OverflowError:
        raise ValueError(f'{where}: a whole number of {x.bit_length()} bits is too large for a float') from None
    if not finite:
        raise ValueError(f'{where}: {result} is not a number to learn from')
    return result


def classified(labels: Iterable[Any], classes: Iterable[Any] | None) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """Turn labels into class numbers; return the classes, in their order, and the numbers.

    Without ``classes`` they are the labels that occur, sorted. Numbers beside classes
    that are strings are class numbers already.

    >>> classified(['pear', 'apple', 'pear'], None)
    (('apple', 'pear'), (1, 0, 1))
    >>> classified([0, 1], ['pear', 'apple'])
    (('pear', 'apple'), (0, 1))
    """
    labels = [plain(t, 'a target', 'OU') for t in labels]
    for place, t in enumerate(labels, 1):
        if is_row(t):
            raise TypeError(f'row {place} of the targets must be a class, not {reprlib.repr(t)}')
        if isinstance(t, str) != isinstance(labels[0], str):
            kinds = f'row {place} of the targets is {t!r}; row 1 is {labels[0]!r}'
            raise TypeError(f'{kinds}: classes are all strings, or none is')
        if not isinstance(t, str):
            number(t, f'row {place} of the targets')
    names = tuple(sorted({*labels})) if classes is None else tuple(plain(classes, 'classes', 'OU'))
    for name in names:
        if not isinstance(name, Hashable):
            refuse('a class', 'a name or a number', name)
    if not names or len({*names}) < len(names):
        raise ValueError(f'classes must be names of which none is there twice, not {names}')
    are_numbers = isinstance(names[0], str) and not isinstance(labels[0], str)
    known = {k if are_numbers else name: k for k, name in enumerate(names)}
    for place, t in enumerate(labels, 1):
        if t not in known:
            raise ValueError(f'row {place} of the targets is {t!r}, which is not among the classes {names}')
    return names, tuple(known[t] for t in labels)


def plain(table: Any, what: str, also: str = '') -> Any:
    """Take an array of NumPy, or a table of pandas (whose iterator gives names), as lists of Python's numbers.

    Arrays are checked, ``also`` as for ``array_of_numbers``; what is in a table of pandas is checked by the caller.
    """
    if hasattr(table, 'to_numpy'):
        table = table.to_numpy()
    elif is_array(table):
        array_of_numbers(table, what, also)
    return table.tolist() if hasattr(table, 'tolist') else table


def places_in(count: int, places: Iterable[int]) -> list[int]:
    """List places in a set of so many samples; raise IndexError for one that is not there, TypeError for no place.

    >>> places_in(3, [0, -1])
    [0, -1]
    """
    found = items('places', places, 'a list of places in the set, from 0 on')
    for place in found:
        if isinstance(place, bool) or not hasattr(place, '__index__') or getattr(place, 'shape', None):
            refuse('a place in the set', 'a whole number', place)
        if not -count <= place < count:
            raise IndexError(f'a set of {count} samples has the places 0 to {count - 1}, and not {place}')
    return found
