"""``predict runs/1 new.csv``: what a trained net makes of new rows, as a CSV file."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from .._escapes import visible
from .._files import write_whole
from ..engine import functions
from ..nets.losses import root_mean_square_error
from ..nets.names import class_number
from ..nets.net import MLP
from ..training.csv import Table, read_table
from ..training.data import TeacherSet, is_row
from ..training.history import outputs_over
from .output import say
from .runs import load_run, places

__all__ = ['run']


def run(options: Namespace) -> int:
    """Print the rows of a file with the net's answers behind them, or write them to a file."""
    net, columns = load_run(options.net)
    table = read_table(options.file, options.delimiter)
    prepared = columns.prepared(table)
    rows = [*zip(*map(prepared.numbers, _columns(prepared, net)))]
    header, answers = _answers(net, rows, of_a_run=places(options.net)[1].exists())
    if taken := [name for name in header if name in table.header]:
        raise ValueError(f'{options.file} has a column {taken[0]!r} already')
    text = io.StringIO()
    writer = csv.writer(text, delimiter=options.delimiter, lineterminator='\n')
    writer.writerow([*table.header, *header])
    writer.writerows([*cells, *answer] for (_, cells), answer in zip(table.lines, answers, strict=True))
    if options.out is None:
        said = text.getvalue().removesuffix('\n')
        say(said)
        if visible(said) != said:
            say('Control characters are printed as signs; --out FILE keeps them.', to_stderr=True)
    else:
        write_whole(options.out, text.getvalue())
        say(f'wrote {options.out}')
    if score := _score(table, net, answers):
        say(score, to_stderr=True)
    return 0


def _score(table: Table, net: MLP, answers: Sequence[Sequence[Any]]) -> str:
    """Say how good the answers are, if the file has the right ones."""
    names = net.target_names
    if names is None or any(name not in table.header for name in names):
        return ''
    try:
        columns = [table.cells(name) for name in names]
        if net.classes is not None:
            right = sum(cell == str(answer[0]) for (_, cell), answer in zip(columns[0], answers))
            return f'{right} of {len(answers)} are right: {right / len(answers):.1%}'
        targets = [*zip(*map(table.numbers, names))]
    except ValueError:  # not all of them are there
        return ''
    return f'rms {root_mean_square_error(answers, targets):.4g}' if len(answers[0]) == len(names) else ''


def _columns(table: Table, net: MLP) -> Sequence[str]:
    """Choose the columns that go into the net: by their names, or all of them in order."""
    names, has = net.input_names, ', '.join(map(repr, table.header))
    if names is None:
        if len(table.header) != net.inputs:
            raise ValueError(f'{net!r} takes {net.inputs} inputs, and knows no names; {table.path} has {has}')
        return table.header
    if missing := [name for name in names if name not in table.header]:
        raise ValueError(f'{table.path} has no column {missing[0]!r}, which the net learned from; it has {has}')
    return names


def _answers(net: MLP, rows: Sequence[Any], of_a_run: bool) -> tuple[list[str], list[list[Any]]]:
    """Return the headings of the answers, and an answer for every row.

    Shares are probabilities if the net learned by cross-entropy, as that of a run did.
    """
    outputs = outputs_over(net, TeacherSet(rows, [0] * len(rows)))
    names, classes, size = net.target_names or (), net.classes, net.sizes[-1]
    if classes is None:
        headings = names if len(names) == size else [f'y{k}' for k in range(1, size + 1)]
        return [f'predicted {name}' for name in headings], [y if is_row(y) else [y] for y in outputs]
    answers: list[list[Any]] = [[classes[class_number(y, len(classes))]] for y in outputs]
    shown = of_a_run and size > 1
    if shown:
        for answer, logits in zip(answers, outputs):
            answer.append(f'{max(functions.softmax(logits)):.4f}')
    return [f'predicted {names[0] if len(names) == 1 else "class"}', *['probability'] * shown], answers
