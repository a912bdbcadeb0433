"""``write_csv`` and ``write_tensorboard``: what was measured is read back."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from microgradnet.interop import write_csv, write_tensorboard
from microgradnet.training.history import Epoch, History

HISTORY = History([
    Epoch(1, 8.125, 0.1, 0.5, metrics={'accuracy': 1 / 3}),
    Epoch(2, Fraction(1, 4), None, 0.25, 3.0, {'accuracy': 0.5}, {'accuracy': 0.25}),
])  # fmt: skip


def test_a_csv_file_has_a_line_for_each_epoch(tmp_path: Path) -> None:
    write_csv(HISTORY, tmp_path / 'run.csv')
    first, second = csv.DictReader((tmp_path / 'run.csv').read_text('utf-8').splitlines())
    assert [*first] == ['epoch', 'error', 'rms', 'learning_rate', 'accuracy', 'validation', 'validation accuracy']
    assert float(first['accuracy']) == 1 / 3 and first['validation'] == ''
    assert [*second.values()] == ['2', '0.25', '', '0.25', '0.5', '3.0', '0.25']


def test_tensorboard_reads_the_scalars(tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    write_tensorboard(HISTORY, tmp_path / 'run')
    [file] = (tmp_path / 'run').iterdir()
    found = [
        (event.step, value.tag, value.tensor.float_val[0])
        for event in EventFileLoader(str(file)).Load() for value in event.summary.value
    ]  # fmt: skip
    assert [(step, tag) for step, tag, _ in found] == [
        (1, 'error'), (1, 'rms'), (1, 'learning_rate'), (1, 'accuracy'),
        (2, 'error'), (2, 'learning_rate'), (2, 'validation/error'), (2, 'accuracy'), (2, 'validation/accuracy'),
    ]  # fmt: skip
    assert [number for *_, number in found] == pytest.approx([8.125, 0.1, 0.5, 1 / 3, 0.25, 0.25, 3.0, 0.5, 0.25])


@pytest.mark.parametrize('write', [write_csv, write_tensorboard])
def test_other_things_are_refused(write: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r'history must be the History that train returned, not \[1.0\]'):
        write([1.0], tmp_path / 'run')
