"""Read a CSV file column by column; every complaint names the line, the column and the content."""

from __future__ import annotations

import csv
from math import isfinite
from os import PathLike, fspath
from typing import NamedTuple

__all__ = ['Table', 'read_table']


class Table(NamedTuple):
    """The cells of a CSV file: ``lines`` pairs the number of each line with its cells."""

    path: str
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def cells(self, name: str) -> list[tuple[int, str]]:
        """List the cells of one column with their line numbers; none may be empty."""
        if name not in self.header:
            raise ValueError(f'{self.path} has no column {name!r}; it has {", ".join(map(repr, self.header))}')
        column = self.header.index(name)
        cells = [(line, row[column].strip()) for line, row in self.lines]
        for line, cell in cells:
            if not cell:
                raise ValueError(f'{self.path}, line {line}, column {name!r}: the cell is empty')
        return cells

    def numbers(self, name: str) -> list[float]:
        """Read one column as finite numbers."""
        return [self._number(line, name, cell) for line, cell in self.cells(name)]

    def labels_or_numbers(self, name: str, as_labels: bool) -> list[str] | list[float]:
        """Read one column as numbers if its first cell is one, else as strings."""
        cells = self.cells(name)
        if not as_labels and _parse(cells[0][1]) is not None:
            return self.numbers(name)
        return [cell for _, cell in cells]

    def _number(self, line: int, name: str, cell: str) -> float:
        number = _parse(cell)
        if number is None or not isfinite(number):
            trouble = 'not a number' if number is None else 'not a number to learn from'
            raise ValueError(f'{self.path}, line {line}, column {name!r}: {cell!r} is {trouble}')
        return number


def read_table(path: str | PathLike[str], delimiter: str = ',') -> Table:
    """Read a CSV file with a header, in UTF-8; check that all lines are as long as it is."""
    with open(path, newline='', encoding='utf-8-sig') as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            lines = [(reader.line_num, row) for row in reader if row]
        except csv.Error as trouble:
            raise ValueError(f'{fspath(path)}, line {reader.line_num}: {trouble}') from trouble
    if len(lines) < 2:
        raise ValueError(f'{fspath(path)} holds no samples: {"a header alone" if lines else "it is empty"}')
    header = [name.strip() for name in lines[0][1]]
    if len({*header}) < len(header):
        raise ValueError(f'{fspath(path)} names a column twice: {", ".join(map(repr, header))}')
    for line, row in lines[1:]:
        if len(row) != len(header):
            raise ValueError(
                f'{fspath(path)}, line {line}: {len(row)} columns, where the header has {len(header)}: {row}'
            )
    return Table(fspath(path), header, lines[1:])


def _parse(cell: str) -> float | None:
    try:
        return None if '_' in cell else float(cell)
    except ValueError:
        return None
