"""Teacher sets that are larger than memory: samples in a file, of which only what is asked for is read.

>>> from pathlib import Path; from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     samples = ([x / 1000, x / 500] for x in range(1000))  # an input and a target each
...     teacher_set = LargeTeacherSet.written(samples, Path(folder) / 'line.npy')
...     teacher_set, next(iter(teacher_set)), len(teacher_set)
(LargeTeacherSet(1000 samples, 1 input), ((0.0,), 0.0), 1000)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from math import inf, isfinite, sqrt
from typing import Any, TypeAlias

from .._extras import needed
from .._files import FilePath, Folder, writing
from ..compiling.run.mapped import file_of, load_mapped, spool
from ..compiling.run.rows import as_array, blocks, is_mapped
from ..engine.checks import file_path, flag, items, refuse, whole
from ..nets.names import names_for
from ..nets.net import Standardisation
from .csv import Table, tables
from .data import TeacherSet, places_in

__all__ = ['LargeTeacherSet', 'Samples']


class LargeTeacherSet:
    """Samples in the rows of a file, mapped into memory: the inputs, then the targets.

    rows: a ``numpy.memmap`` of shape (samples, inputs + targets), or the path of such an ``.npy`` file.
    targets: how many numbers of a row, the last ones, are targets.
    classes: the names of classes; the target is then one number, that of the class.
    standardise, input_names, target_names: as for ``TeacherSet``.

    ``train`` learns from it in machine code, block by block; metrics need the outputs of all samples, and
    keep those in memory. All is read once before, to check it. Raises ValueError for a nan or inf, naming the
    row (from 1), for a class that there is not, for rows that are too short.
    """

    rows: Any
    width: int
    #: Only a set in memory has them.
    weights: None = None
    classes: tuple[Any, ...] | None
    input_names: tuple[str, ...] | None
    target_names: tuple[str, ...] | None
    moments: Standardisation

    def __init__(
        self,
        rows: Any,
        targets: int = 1,
        *,
        input_names: Iterable[str] | None = None,
        target_names: Iterable[str] | None = None,
        classes: Iterable[Any] | None = None,
        standardise: bool = False,
    ) -> None:
        self.rows = rows if is_mapped(rows) else load_mapped(file_path('rows', rows))
        if not is_mapped(self.rows) or self.rows.ndim != 2 or not len(self.rows):
            raise ValueError(f'{rows!r} must be rows of numbers in a file, and is an array of shape {self.rows.shape}')
        flag('standardise', standardise)
        survey = _Survey(self.rows.shape[1], targets, classes)
        self.width, self.classes = survey.targets, survey.classes
        self.input_names = names_for(input_names, self.rows.shape[1] - self.width, 'input')
        self.target_names = names_for(target_names, self.width, 'target')
        self._file = file_of(self.rows)
        for block in blocks(self.rows, self.rows.shape[1]):
            survey.add(as_array(block, self.rows.shape[1])[0])
        self.moments = survey.standardisation()
        for column, deviation in enumerate(self.moments.deviations if standardise else (), 1):
            if not isfinite(deviation):
                raise ValueError(f'column {column}: its numbers lie too far apart to be standardised; scale it first')
        self.standardisation: Standardisation | None = self.moments if standardise else None
        self._one_hot: tuple[int, Any, Folder] | None = None

    @classmethod
    def written(cls, samples: Iterator[Any], path: FilePath, targets: int = 1, **options: Any) -> LargeTeacherSet:
        """Write what an iterator yields, rows or arrays of many, to an ``.npy`` file; options as for the class.

        The file has its name when all rows are in it and were found to be good: whatever goes wrong before, an
        older one stays as it is, and so does a set that has it mapped, whatever happens.
        """
        numpy = needed('numpy', 'a LargeTeacherSet')

        file_path('path', path)
        samples = iter(samples if isinstance(samples, Iterator) else items('samples', samples, 'an iterator of rows'))
        first = next(samples, None)
        if first is None:
            raise ValueError('a teacher set needs at least one sample; the iterator has none')
        if not hasattr(first, '__len__') or not len(first) or isinstance(first, str):
            refuse('the first of the samples', 'a row of numbers, or an array of rows', first)
        width = len(first[0]) if getattr(first, 'ndim', 1) == 2 else len(first)
        survey = _Survey(width, targets, options.get('classes'))
        with writing(path) as file:
            file.write(_npy_head(0, width))
            for block in blocks(chain([first], samples), width):
                array = numpy.ascontiguousarray(as_array(block, width)[0])
                survey.add(array)
                file.write(array.data)
            file.write_first(_npy_head(survey.count, width))
        return cls(path, targets, **options)

    @classmethod
    def from_csv(
        cls,
        path: FilePath,
        target: str | Sequence[str],
        to: FilePath,
        *,
        inputs: Sequence[str] | None = None,
        classes: Iterable[str] | None = None,
        standardise: bool = False,
        delimiter: str = ',',
    ) -> LargeTeacherSet:
        """Read a CSV file chunk by chunk, and write its numbers to the ``.npy`` file ``to``.

        As ``TeacherSet.from_csv``: a target is a number if the first is, else a class; then the file is
        read twice if ``classes`` are not given. Raises ValueError naming line, column and content.
        """

        def chunks() -> Iterator[Table]:
            return tables(path, delimiter)

        file_path('to', to)
        flag('standardise', standardise)
        if classes is not None:
            classes = items('classes', classes, 'a list of names or None', letters=True)
        head = next(chunks())
        names, chosen = head.choose(target, inputs)
        are_classes = classes is not None or isinstance(head.labels_or_numbers(names[0], False)[0], str)
        if are_classes and classes is None:
            classes = sorted({label for table in chunks() for _, label in table.cells(names[0])})
        known = tuple(classes) if classes is not None else None

        def rows() -> Iterator[Any]:
            numpy = needed('numpy', 'a LargeTeacherSet')

            for table in chunks():
                columns: list[Any] = [table.numbers(name) for name in chosen]
                columns += [table.places(names[0], known)] if known else [table.numbers(name) for name in names]
                yield numpy.array(columns).T

        return cls.written(
            rows(), to, len(names), input_names=chosen, target_names=names, classes=known, standardise=standardise
        )

    @property
    def inputs(self) -> Any:
        """The inputs, an array of shape (samples, inputs) that is read when it is asked."""
        return self.rows[:, : -self.width]

    @property
    def targets(self) -> Sequence[Any]:
        """The targets, in memory: a number each, a class number, or a tuple."""
        return [self._target(row) for row in self.rows[:, -self.width :].tolist()]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[tuple[float, ...], Any]]:
        for block in blocks(self.rows, self.rows.shape[1]):
            for row in block.tolist():
                yield (*row[: -self.width],), self._target(row[-self.width :])

    def select(self, places: Iterable[int]) -> TeacherSet:
        """Return the samples at some places, counted from 0, in memory."""
        rows = self.rows[places_in(len(self), places)].tolist()
        targets = [self._target(row[-self.width :]) for row in rows]
        result = TeacherSet([row[: -self.width] for row in rows], targets, classes=self.classes)
        result.standardisation = self.standardisation
        result.input_names, result.target_names = self.input_names, self.target_names
        return result

    def rows_of(self, outputs: int | None) -> Any:
        """Return the rows as a program takes them; of so many outputs, with a 1 at its class for each target.

        Raises FileChangedError if they were written to since they were checked; if another file has the
        name now, they are still those that were checked.
        """
        now = file_of(self.rows)
        if self._file and now and self._file.is_at(now):
            self._file.check(now)
        if outputs is None:
            return self.rows
        whole('the number of outputs', outputs)
        if self._one_hot is None or self._one_hot[0] != outputs:
            folder = Folder()
            width = self.rows.shape[1] - 1 + outputs
            self._one_hot = outputs, spool(self._hot(outputs), width, folder), folder
        return self._one_hot[1]

    def _hot(self, outputs: int) -> Iterator[Any]:
        numpy = needed('numpy', 'a LargeTeacherSet')

        for block in blocks(self.rows, self.rows.shape[1] - 1 + outputs):
            yield numpy.concatenate([block[:, :-1], block[:, -1:] == numpy.arange(outputs)], axis=1)

    def _target(self, numbers: list[float]) -> Any:
        if len(numbers) > 1:
            return (*numbers,)
        return int(numbers[0]) if self.classes is not None else numbers[0]

    def digest(self) -> str:
        """Return a hash of all numbers, targets too, as they are in the file now."""
        hashed = blake2b(repr((self.rows.shape, self.rows.dtype.str)).encode(), digest_size=16)
        for block in blocks(self.rows, self.rows.shape[1]):
            hashed.update(block.tobytes())
        return hashed.hexdigest()

    def __repr__(self) -> str:
        width = self.rows.shape[1] - self.width
        answers = f', {len(self.classes)} classes' if self.classes else f', {self.width} targets' * (self.width > 1)
        size = f'{len(self)} sample{"s" * (len(self) > 1)}, {width} input{"s" * (width > 1)}'
        return f'LargeTeacherSet({size}{answers})'


class _Survey:
    """Checks rows of inputs and targets, block by block, and gathers the moments of the inputs."""

    def __init__(self, width: int, targets: int, classes: Iterable[Any] | None) -> None:
        if isinstance(targets, bool) or not isinstance(targets, int) or not 1 <= targets < width:
            raise ValueError(f'targets must be from 1 to {width - 1} of the numbers, not {targets!r}')
        self.targets, wanted = targets, 'a list of names or None'
        self.classes = None if classes is None else (*items('classes', classes, wanted, letters=True),)
        if self.classes is not None and targets > 1:
            raise ValueError(f'a class is one number; there are {targets} targets')
        self.count = 0
        self.least: Any = inf
        self.greatest: Any = -inf
        self.means: Any = 0.0
        self.squares: Any = 0.0

    def add(self, block: Any) -> None:
        """Take rows in, an array; raise ValueError, naming the row, for what cannot be learned from.

        Blocks are joined in Chan's way (1983).
        """
        numpy = needed('numpy', 'a LargeTeacherSet')

        self._check(block)
        x, n = block[:, : -self.targets], len(block)
        self.least, self.greatest = numpy.minimum(self.least, x.min(0)), numpy.maximum(self.greatest, x.max(0))
        with numpy.errstate(over='ignore', invalid='ignore'):  # what is too large to be standardised is refused by then
            mean = x.mean(axis=0)
            apart, total = mean - self.means, self.count + n
            self.squares = self.squares + ((x - mean) ** 2).sum(axis=0) + apart**2 * (self.count * n / total)
            self.means, self.count = self.means + apart * (n / total), total

    def standardisation(self) -> Standardisation:
        """Return means and deviations of the inputs. One that is constant has itself as its mean, and deviation 1."""
        means, deviations = [], []
        numbers = (column.tolist() for column in (self.least, self.greatest, self.means, self.squares))
        for least, greatest, mean, square in zip(*numbers):
            # Rounding gives a constant some deviation, too; only its extremes tell.
            means.append(least if least == greatest else mean)
            deviations.append(1.0 if least == greatest else sqrt(square / self.count) or 1.0)
        return Standardisation((*means,), (*deviations,))

    def _check(self, block: Any) -> None:
        numpy = needed('numpy', 'a LargeTeacherSet')

        def refuse(wrong: Any, why: Callable[[float], str]) -> None:
            for row, column in numpy.argwhere(wrong)[:1]:
                place = f'row {self.count + row + 1}, column {column + 1}'
                raise ValueError(f'{place}: {why(float(block[row, column]))}')

        refuse(~numpy.isfinite(block), lambda number: f'{number} is not a number to learn from')
        if self.classes is not None:
            known = numpy.isin(block[:, -1:], numpy.arange(len(self.classes)))
            wrong = numpy.concatenate([numpy.zeros(block[:, :-1].shape, bool), ~known], axis=1)
            refuse(wrong, lambda number: f'{number:g} is not the number of one of {len(self.classes or ())} classes')


def _npy_head(rows: int, width: int) -> bytes:
    """Return the head of an ``.npy`` file of float64 numbers, as long for any number of rows: 128 bytes.

    >>> len(_npy_head(0, 3)), len(_npy_head(10**18, 10**6)), _npy_head(7, 3)[10:69]
    (128, 128, b"{'descr': '<f8', 'fortran_order': False, 'shape': (7, 3), }")
    """
    order = '<' if sys.byteorder == 'little' else '>'
    about = f"{{'descr': '{order}f8', 'fortran_order': False, 'shape': ({rows}, {width}), }}".encode()
    return b'\x93NUMPY\x01\x00' + (118).to_bytes(2, 'little') + about.ljust(117) + b'\n'


#: What a net learns from.
Samples: TypeAlias = TeacherSet | LargeTeacherSet
