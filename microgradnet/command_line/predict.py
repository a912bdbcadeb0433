"""``predict runs/1 new.csv``: what a trained net makes of new rows, as a CSV file."""

from __future__ import annotations

import csv
import io
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import functions
from ..csv_table import Table, read_table
from ..losses import root_mean_square_error
from ..measuring import outputs_over
from ..nn import MLP
from ..samples import is_row
from ..teacher_set import TeacherSet
from .output import say
from .runs import Description, load_run, places

__all__ = ['run']


def run(options: Namespace) -> int:
    """Print the rows of a file with the net's answers behind them, or write them to a file."""
    net, description = load_run(options.net)
    table = read_table(options.file, options.delimiter)
    columns = _columns(table, description, named=places(options.net)[1].exists())
    rows = [*zip(*map(table.numbers, columns))]
    header, answers = _answers(net, rows, description)
    if taken := [name for name in header if name in table.header]:
        raise ValueError(f'{options.file} has a column {taken[0]!r} already')
    text = io.StringIO()
    writer = csv.writer(text, delimiter=options.delimiter, lineterminator='\n')
    writer.writerow([*table.header, *header])
    writer.writerows([*cells, *answer] for (_, cells), answer in zip(table.lines, answers, strict=True))
    if options.out is None:
        say(text.getvalue().removesuffix('\n'))
    else:
        Path(options.out).write_text(text.getvalue(), encoding='utf-8')
        say(f'wrote {options.out}')
    if score := _score(table, description, answers):
        print(score, file=sys.stderr)
    return 0


def _score(table: Table, description: Description, answers: Sequence[Sequence[Any]]) -> str:
    """Say how good the answers are, if the file has the right ones."""
    if any(name not in table.header for name in description.targets):
        return ''
    try:
        columns = [table.cells(name) for name in description.targets]
        if description.classes is not None:
            right = sum(cell == answer[0] for (_, cell), answer in zip(columns[0], answers))
            return f'{right} of {len(answers)} are right: {right / len(answers):.1%}'
        targets = [*zip(*(table.numbers(name) for name in description.targets))]
    except ValueError:  # not all of them are there
        return ''
    return f'rms {root_mean_square_error(answers, targets):.4g}'


def _columns(table: Table, description: Description, named: bool) -> list[str]:
    """Choose the columns that go into the net: by their names, or all of them in order."""
    if not named and len(table.header) == len(description.inputs):
        return table.header
    if missing := [name for name in description.inputs if name not in table.header]:
        has = ', '.join(map(repr, table.header))
        raise ValueError(f'{table.path} has no column {missing[0]!r}, which the net learned from; it has {has}')
    return description.inputs


def _answers(net: MLP, rows: Sequence[Any], description: Description) -> tuple[list[str], list[list[Any]]]:
    """Return the headings of the answers, and an answer for every row."""
    outputs = outputs_over(net, TeacherSet(rows, [0] * len(rows)))
    if description.classes is None:
        return [f'predicted {name}' for name in description.targets], [y if is_row(y) else [y] for y in outputs]
    answers: list[list[Any]] = []
    for logits in outputs:
        shares = functions.softmax(logits)
        place = max(range(len(shares)), key=shares.__getitem__)
        answers.append([description.classes[place], f'{shares[place]:.4f}'])
    return [f'predicted {description.targets[0]}', 'probability'], answers
