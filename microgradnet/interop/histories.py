"""The history of a training as a table, and for TensorBoard: ``write_csv``, ``write_tensorboard``."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from time import time

from .._extras import needed
from .._files import FilePath, write_whole
from ..engine.checks import file_path, instance
from ..engine.numbers import as_float
from ..training.history import History

__all__ = ['write_csv', 'write_tensorboard']


def write_csv(history: History, path: FilePath) -> None:
    """Write what was measured as a CSV file: a line for each epoch, a column for each field and metric.

    Names are those of ``history.column``. What was not measured is empty; a float comes back to the bit.

    >>> from tempfile import TemporaryDirectory
    >>> from microgradnet.training.history import Epoch
    >>> with TemporaryDirectory() as folder:
    ...     write_csv(History([Epoch(1, 8.0, None, 0.1, metrics={'accuracy': 0.5})]), Path(folder) / 'run.csv')
    ...     print((Path(folder) / 'run.csv').read_text(), end='')
    epoch,error,learning_rate,accuracy
    1,8.0,0.1,0.5
    """
    rows = _measured(history)
    names = [*dict.fromkeys(name for row in rows for name in row)]
    text = StringIO()
    writer = csv.DictWriter(text, names, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_whole(file_path('path', path), text.getvalue())


def write_tensorboard(history: History, folder: FilePath) -> None:
    """Write what was measured as a run of TensorBoard, a file of events in a folder of its own.

    What was measured on the validation set is ``validation/...``. Show it by ``tensorboard --logdir FOLDER``.
    It needs ``pip install 'microgradnet[tensorboard]'``.
    """
    rows = _measured(history)
    file_path('folder', folder)
    writers = needed('tensorboard.summary.writer.event_file_writer', 'write_tensorboard')
    events = needed('tensorboard.compat.proto.event_pb2', 'write_tensorboard')
    summaries = needed('tensorboard.compat.proto.summary_pb2', 'write_tensorboard')
    writer = writers.EventFileWriter(str(Path(folder)))
    try:
        for row in rows:
            values = [
                summaries.Summary.Value(tag=_tag(name), simple_value=number)
                for name, number in row.items() if name != 'epoch' and isinstance(number, float)
            ]  # fmt: skip
            writer.add_event(events.Event(wall_time=time(), step=row['epoch'], summary=summaries.Summary(value=values)))
    finally:
        writer.close()


def _measured(history: History) -> list[dict[str, object]]:
    """List what was measured in each epoch, by the names of ``Epoch.__getitem__``."""
    instance('history', history, History, 'the History that train returned')
    rows = []
    for epoch in history:
        names = ['error', 'rms', 'learning_rate', 'validation', *epoch.metrics]
        names += [f'validation {name}' for name in epoch.validation_metrics]
        numbers = {name: epoch[name] for name in names if epoch[name] is not None}
        rows.append({'epoch': epoch.epoch, **{name: _number(number) for name, number in numbers.items()}})
    return rows


def _number(thing: object) -> object:
    """Return the float of a number; what a metric returned beside is left as it is."""
    try:
        return as_float(thing)
    except (TypeError, ValueError):
        return thing


def _tag(name: str) -> str:
    return 'validation/error' if name == 'validation' else name.replace('validation ', 'validation/', 1)
