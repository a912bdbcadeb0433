"""What the columns of a file are to a net: empty cells filled, words as a 1 among 0s. It is kept with the net.

>>> from microgradnet.training.csv import Table
>>> table = Table('fruit.csv', ['weight', 'colour'], [(2, ['150', 'red']), (3, ['', 'green'])])
>>> columns = Columns.of(table, ['weight', 'colour'], 'mean', [0])
>>> columns
Columns(fills={'weight': 150.0, 'colour': 'red'}, words={'colour': ['green', 'red']})
>>> prepared = columns.prepared(table)
>>> prepared.header, prepared.numbers('weight'), prepared.numbers('colour=red')
(['weight', 'colour', 'colour=green', 'colour=red'], [150.0, 150.0], [1.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._extras import needed
from ..training.csv import Table, is_finite, is_number

__all__ = ['Columns']

#: Of a column of more different words a net would hardly see one twice: names of people, free text.
MOST_WORDS = 100
#: What a cell of a column of numbers has where nothing is known.
MISSING = ('', 'na', 'n/a', 'nan')


@dataclass(frozen=True)
class Columns:
    """By which number or word empty cells of a column are filled, and the words of each column that has words.

    Without ``fills`` an empty cell is refused.
    """

    fills: dict[str, Any] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, names: Sequence[str], missing: str | None, places: Sequence[int]) -> Columns:
        """Learn the columns of these names, all their words, and how to fill cells by the samples at some places.

        A column has words if its first cell that is not empty is no number. Raises ValueError, naming the column,
        for one of too many words, or that is empty wherever it is learned from.
        """
        fills: dict[str, Any] = {}
        words: dict[str, list[str]] = {}
        for name in names:
            cells = [cell for _, cell in table.cells(name, may_be_empty=True)]
            first = next((cell for cell in cells if cell.lower() not in MISSING), '')
            has_words = bool(first) and not is_number(first)
            if has_words:
                words[name] = _words(table.path, name, [cell for cell in cells if cell])
            if missing is not None:
                fills[name] = _fill(table.path, name, [cells[place] for place in places], missing, has_words)
        return cls(fills, words)

    def prepared(self, table: Table) -> Table:
        """Return the table with empty cells filled, and beside each column of words one of 0s and 1s for each word.

        Raises ValueError for a word that is not among them, naming line and column.
        """
        lines = [(line, [*cells]) for line, cells in table.lines]
        header = [*table.header]
        for name, fill in self.fills.items():
            place = table.place(name)
            empty = ('',) if name in self.words else MISSING
            for _, cells in lines:
                if cells[place].strip().lower() in empty:
                    cells[place] = str(fill)
        filled = table._replace(lines=lines)
        for name, words in self.words.items():
            if taken := [head for word in words if (head := f'{name}={word}') in table.header]:
                raise ValueError(f'{table.path} has a column {taken[0]!r}, as a word of {name!r} would be called')
            header += [f'{name}={word}' for word in words]
            for (_, cells), place in zip(lines, filled.places(name, words, 'words'), strict=True):
                cells += [str(int(k == place)) for k in range(len(words))]
        return Table(table.path, header, lines)

    def inputs(self, names: Sequence[str]) -> list[str]:
        """Return the columns of a prepared table that stand for columns of these names."""
        heads = ([f'{name}={word}' for word in self.words[name]] if name in self.words else [name] for name in names)
        return [head for some in heads for head in some]

    @classmethod
    def from_json(cls, content: Any) -> Columns:
        """Return what a run's description has of them; raise ValueError for anything else."""
        if not isinstance(content, dict) or {*content} != {'fills', 'words'}:
            raise ValueError(f'its columns should have fills and words, not {content!r}')
        fills, words = content['fills'], content['words']
        if not isinstance(fills, dict) or not isinstance(words, dict):
            raise ValueError(f'its fills and words should have columns by name, not {fills!r} and {words!r}')
        for name, fill in fills.items():
            wanted, kinds = ('a word', (str,)) if name in words else ('a number', (int, float))
            if not isinstance(fill, kinds) or isinstance(fill, bool):
                raise ValueError(f'the fill of column {name!r} should be {wanted}, not {fill!r}')
        for name, known in words.items():
            if not isinstance(known, list) or not known or not all(isinstance(word, str) for word in known):
                raise ValueError(f'the words of column {name!r} should be a list of them, not {known!r}')
        return cls(fills, words)


def _words(path: str, name: str, cells: list[str]) -> list[str]:
    encoder = needed('sklearn.preprocessing', f'column {name!r}, which has words,').OneHotEncoder(dtype=float)
    words: list[str] = encoder.fit([[cell] for cell in cells]).categories_[0].tolist()
    if len(words) > MOST_WORDS:
        raise ValueError(
            f'{path}, column {name!r}: it has {len(words)} different words, {words[0]!r} for one, and at most '
            f'{MOST_WORDS} are learned from; --inputs names the columns to learn from'
        )
    return words


def _fill(path: str, name: str, cells: list[str], missing: str, has_words: bool) -> Any:
    """Return what empty cells of a column are filled by, by scikit-learn's imputer."""
    # What is no number is refused later, with its line.
    known: list[Any] = [cell if has_words else float(cell) for cell in cells if cell and (has_words or is_finite(cell))]
    if not known:
        raise ValueError(f'{path}, column {name!r}: no cell that is learned from has anything in it')
    numpy, imputers = needed('numpy', '--missing', extra='sklearn'), needed('sklearn.impute', '--missing')
    strategy = 'most_frequent' if has_words else missing.replace('-', '_')
    column = numpy.array([[cell] for cell in known], dtype=object if has_words else float)
    return imputers.SimpleImputer(strategy=strategy).fit(column).statistics_.tolist()[0]
