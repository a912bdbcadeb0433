"""Tables with named columns, those of pandas and its kin: their rows go in by name, and answers come out beside them.

pandas is never imported here: who has a table of it has it loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeGuard

__all__ = ['Frame', 'beside', 'is_frame', 'names_of', 'rows_of']


class Frame(Protocol):
    """A table with named columns, such as a pandas DataFrame."""

    @property
    def columns(self) -> Any: ...
    def __getitem__(self, key: Any) -> Any: ...
    def to_numpy(self) -> Any: ...


def is_frame(thing: object) -> TypeGuard[Frame]:
    """Tell tables with named columns from lists and arrays."""
    return hasattr(thing, 'columns') and hasattr(thing, 'to_numpy')


def names_of(thing: object) -> tuple[str, ...] | None:
    """Return what the columns of a table, or the one column, are called; None for what has no such names.

    Numbers that pandas counts columns by are no names.
    """
    names = [*thing.columns] if is_frame(thing) else [getattr(thing, 'name', None)]
    named = hasattr(thing, 'to_numpy') and all(isinstance(name, str) for name in names)
    return tuple(map(str, names)) if named and names else None


def rows_of(rows: Any, names: Sequence[str] | None) -> Iterable[Iterable[Any]]:
    """Return the rows of a table as Python's numbers: of the columns named, in this order, or of all.

    Whatever is no such table is returned as it is. Raises ValueError for columns that are
    not there, or there twice; TypeError for one of dates or the like.
    """
    if not is_frame(rows):
        return rows  # type: ignore[no-any-return]
    labels = [*rows.columns]
    known = [*map(str, labels)]
    wanted = known if names is None else [*names]
    has = ', '.join(map(repr, known))
    if missing := [name for name in wanted if name not in known]:
        plural = 's' * (len(missing) > 1)
        raise ValueError(f'the table has no column{plural} {", ".join(map(repr, missing))}; it has {has}')
    if twice := [name for name in wanted if known.count(name) > 1]:
        raise ValueError(f'the table has the column {twice[0]!r} twice: {has}')
    return zip(*(_numbers(rows[labels[known.index(name)]].to_numpy(), name) for name in wanted))


def beside(rows: Any, answers: list[Any], names: Sequence[str | None]) -> Any:
    """Return answers with the index of the pandas table they belong to: a Series of one each, a DataFrame of several.

    Of rows of another make they are returned as they are.
    """
    pandas: Any = sys.modules.get('pandas')
    frame: Any = getattr(pandas, 'DataFrame', ())
    if not isinstance(rows, frame):
        return answers
    if len(names) == 1:
        return pandas.Series(answers, index=rows.index, name=names[0])
    return pandas.DataFrame(answers, index=rows.index, columns=[*names])


def _numbers(column: Any, name: str) -> Any:
    """Refuse what would turn into numbers that it is not: a date is no number of nanoseconds."""
    if column.dtype.kind in 'mMc':
        raise TypeError(f'the column {name!r} should have numbers, and has {column.dtype}')
    return column.tolist()
