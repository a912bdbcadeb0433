"""Read a CSV file column by column; every complaint names the line, the column and the content."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from math import isfinite
from os import PathLike, fspath
from typing import NamedTuple

from ..engine.checks import file_path, refuse, texts

__all__ = ['Table', 'is_finite', 'is_number', 'read_table', 'tables']

#: So many lines of a large file are in memory at a time.
CHUNK = 20_000


class Table(NamedTuple):
    """The cells of a CSV file: ``lines`` pairs the number of each line with its cells."""

    path: str
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def place(self, name: str) -> int:
        """Return the place of a column."""
        if name not in self.header:
            raise ValueError(f'{self.path} has no column {name!r}; it has {", ".join(map(repr, self.header))}')
        return self.header.index(name)

    def cells(self, name: str, may_be_empty: bool = False) -> list[tuple[int, str]]:
        """List the cells of one column with their line numbers; none may be empty, unless that is said."""
        column = self.place(name)
        cells = [(line, row[column].strip()) for line, row in self.lines]
        for line, cell in cells:
            if not cell and not may_be_empty:
                raise ValueError(f'{self.path}, line {line}, column {name!r}: the cell is empty')
        return cells

    def numbers(self, name: str) -> list[float]:
        """Read one column as finite numbers."""
        return [self._number(line, name, cell) for line, cell in self.cells(name)]

    def labels_or_numbers(self, name: str, as_labels: bool) -> list[str] | list[float]:
        """Read one column as numbers if its first cell is one, else as strings."""
        cells = self.cells(name)
        if not as_labels and is_number(cells[0][1]):
            return self.numbers(name)
        return [cell for _, cell in cells]

    def choose(self, target: str | Sequence[str], inputs: Sequence[str] | None) -> tuple[list[str], list[str]]:
        """Return the columns of the targets, and those of the inputs: all others, if they are not given."""
        names = [target] if isinstance(target, str) else texts('target', target)
        chosen = [name for name in self.header if name not in names] if inputs is None else texts('inputs', inputs)
        if not names or not chosen:
            came = f'not {names} and {chosen}; its columns are {self.header}'
            raise ValueError(f'{self.path} needs at least one target and one input, {came}')
        if {*names} & {*chosen}:
            raise ValueError(f'a column is an input or a target, not both: {sorted({*names} & {*chosen})}')
        return names, chosen

    def places(self, name: str, classes: Sequence[str], what: str = 'classes') -> list[int]:
        """Read one column as classes; return the place of each among them."""
        for line, cell in self.cells(name):
            if cell not in classes:
                where = f'{self.path}, line {line}, column {name!r}'
                raise ValueError(f'{where}: {cell!r} is not among the {what} {classes}')
        return [classes.index(cell) for _, cell in self.cells(name)]

    def _number(self, line: int, name: str, cell: str) -> float:
        number = _parse(cell)
        if number is None or not isfinite(number):
            trouble = 'not a number' if number is None else 'not a number to learn from'
            raise ValueError(f'{self.path}, line {line}, column {name!r}: {cell!r} is {trouble}')
        return number


def read_table(path: str | PathLike[str], delimiter: str = ',') -> Table:
    """Read a CSV file with a header, in UTF-8; check that all lines are as long as it is."""
    return next(tables(path, delimiter, sys.maxsize))


def tables(path: str | PathLike[str], delimiter: str = ',', size: int = CHUNK) -> Iterator[Table]:
    """Read a CSV file in tables of so many lines."""
    name = fspath(file_path('path', path))
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        refuse('delimiter', 'a string of one character', delimiter)
    with open(path, newline='', encoding='utf-8-sig') as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        lines = ((reader.line_num, row) for row in reader if row)
        try:
            header = [cell.strip() for cell in next(lines, (0, []))[1]]
            if len({*header}) < len(header):
                raise ValueError(f'{name} names a column twice: {", ".join(map(repr, header))}')
            first = True
            while (chunk := [*islice(lines, size)]) or first:
                if not chunk:
                    raise ValueError(f'{name} holds no samples: {"a header alone" if header else "it is empty"}')
                for line, row in chunk:
                    if len(row) != len(header):
                        found = f'{len(row)} columns, where the header has {len(header)}: {row}'
                        raise ValueError(f'{name}, line {line}: {found}')
                yield Table(name, header, chunk)
                first = False
        except UnicodeDecodeError:
            raise ValueError(f'{name} is not a text in UTF-8') from None
        except csv.Error as trouble:
            raise ValueError(f'{name}, line {reader.line_num}: {trouble}') from trouble


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, nan and inf for two, rather than a word."""
    return _parse(cell) is not None


def is_finite(cell: str) -> bool:
    """Tell whether a cell is a number to learn from."""
    number = _parse(cell)
    return number is not None and isfinite(number)


def _parse(cell: str) -> float | None:
    try:
        return None if '_' in cell else float(cell)
    except ValueError:
        return None
