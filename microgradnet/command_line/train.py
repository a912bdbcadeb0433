"""``train data.csv --target species``: a net learns one column of a file from the others.

A column of names is learned as classes, by cross-entropy; a column of numbers by half the
sum of squares, of targets that are standardised meanwhile: the net that is saved answers
in their own units.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

from ..escapes import visible
from ..history import History, accuracy
from ..losses import cross_entropy, half_squared_error, root_mean_square_error
from ..nn import MLP
from ..runs import Standardisation
from ..samples import is_row
from ..saving import as_json
from ..teacher_set import TeacherSet
from ..training import DivergedError
from ..training import train as teach
from .output import say
from .report import draw_history, draw_net, summary
from .runs import Description, claim, discard, keep

__all__ = ['Task', 'run']

#: Of a file with fewer samples none are held out, unless asked.
FEW = 20
HELD_OUT, BATCH = 0.2, 32
#: The learning rate where none is given; that of a sum over the samples of an update is shared among them.
RATES = {'adamw': 0.01}
RATES_OF_SUMS = {'descent': 0.5, 'momentum': 0.05}


class Task(NamedTuple):
    """What is to be learned: from which samples, checked on which, and by what it is measured.

    ``units`` are means and deviations of targets that are numbers, None for classes.
    """

    samples: TeacherSet
    learned: TeacherSet
    held_out: TeacherSet | None
    units: Standardisation | None

    @property
    def error(self) -> Callable[[Any, Any], Any]:
        return half_squared_error if self.units else cross_entropy

    @property
    def metric(self) -> tuple[str, Callable[[Any, Any], Any]]:
        return ('rms', root_mean_square_error) if self.units else ('accuracy', accuracy)

    @property
    def outputs(self) -> int:
        return self.samples.width if self.units else len(self.samples.classes or ())

    def to_units(self, net: MLP, back: bool = False) -> None:
        """Let a net that learned standardised targets answer in their units, or back again."""
        if self.units is None:
            return
        for neuron, mean, deviation in zip(net.layers[-1].neurons, self.units.means, self.units.deviations):
            factor = 1 / deviation if back else deviation
            for weight in neuron.weights:
                weight.data *= factor
            neuron.bias.data = (neuron.bias.data - mean) * factor if back else neuron.bias.data * factor + mean


def run(options: Namespace) -> int:
    """Read, learn, print how well, and leave a run; 130 if Ctrl-C ended it."""
    task = divided(read(options), options)
    net = MLP(len(task.samples.inputs[0]), [*options.layers, task.outputs], options.activation, seed=options.seed)
    folder = claim(options.out, options.force)
    try:
        history = learn(net, task, options)
        if history:
            leave(net, task, history, options, folder)
        else:
            say('Stopped before the end of the first epoch: nothing is written.')
    finally:
        discard(folder)
    return 130 if history.stopped_by == 'interrupt' else 0


def leave(net: MLP, task: Task, history: History, options: Namespace, folder: Path) -> None:
    """Write all about a net into a folder, then print how well it learned: a closed output costs nothing."""
    report, results = summary(net, task, history, options)
    report = visible(report)
    kept = {name: value for name, value in vars(options).items() if name not in ('command', 'force', 'out', 'version')}
    contents: dict[str, bytes | str] = {
        'net.json': as_json(net),
        'run.json': Description(kept, results).as_json(),
        'report.txt': report + '\n',
    }
    notes = []
    for name, picture in ('history.png', draw_history(history, task)), ('network.svg', draw_net(net, task)):
        if isinstance(picture, bytes):
            contents[name] = picture
        else:
            notes.append(f'{name} {picture}')
    written = keep(folder, contents)
    say('\n'.join([f'{report}\n\nIn {folder}: {", ".join(written)}', *notes]))
    say(f'To use it: python -m microgradnet predict {folder} new.csv')


def read(options: Namespace) -> TeacherSet:
    """Read the samples of a file, all numbers."""
    try:
        samples = TeacherSet.from_csv(
            options.file, options.target[0] if len(options.target) == 1 else options.target,
            inputs=options.inputs, classes=True if options.classes else None, standardise=True,
            delimiter=options.delimiter,
        )  # fmt: skip
    except ValueError as trouble:
        hint = '; --inputs names the columns to learn from' if 'is not a number' in str(trouble) else ''
        raise ValueError(f'{trouble}{hint * (options.inputs is None)}') from None
    if samples.classes is not None and len(samples.classes) < 2:
        raise ValueError(f'{options.file}: all targets are {samples.classes[0]!r}; there is nothing to learn')
    return samples


def divided(samples: TeacherSet, options: Namespace) -> Task:
    """Hold out a part of the samples, the same share of every class."""
    share = options.validation
    if share is None:
        share = 0.0 if len(samples) < FEW else HELD_OUT
    learned, held_out = samples, None
    if share:
        if not 0 <= share < 1:
            raise ValueError(f'--validation is a fraction of the samples, from 0 to less than 1, not {share}')
        learned, held_out = samples.split(1 - share, seed=options.seed, stratify=samples.classes is not None)
    units = None if samples.classes else _units(learned)
    return Task(samples, learned, held_out, units)


def learn(net: MLP, task: Task, options: Namespace) -> History:
    """Teach the net; in the end its outputs are in the units of the targets."""
    (name, metric), units = task.metric, task.units

    def in_units(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
        return metric(outputs, targets) if units is None else metric(_scaled(outputs, units), _scaled(targets, units))

    mode = options.batch or options.mode or BATCH
    size = len(task.learned) if mode == 'batch' else 1 if mode == 'online' else mode
    try:
        history = teach(
            net, _standardised(task.learned, units), learning_rate=_rate(options, size), epochs=options.epochs,
            mode=mode, error=task.error, optimiser=options.optimiser, seed=options.seed, patience=options.patience,
            validation=None if task.held_out is None else _standardised(task.held_out, units),
            metrics={name: in_units}, checkpoint=options.checkpoint,
        )  # fmt: skip
    except DivergedError as trouble:
        raise ValueError(f'{trouble.what} in epoch {trouble.epoch}: try a smaller --learning-rate') from None
    task.to_units(net)
    return history


def _rate(options: Namespace, size: int) -> float:
    if options.learning_rate is not None:
        return float(options.learning_rate)
    return RATES.get(options.optimiser) or RATES_OF_SUMS.get(options.optimiser, 0.5) / size


def _units(samples: TeacherSet) -> Standardisation:
    """Return means and deviations of the targets."""
    rows = [t if is_row(t) else [t] for t in samples.targets]
    units = TeacherSet(rows, samples.targets, standardise=True).standardisation
    assert units is not None
    return units


def _standardised(samples: TeacherSet, units: Standardisation | None) -> TeacherSet:
    """Return the samples with their targets standardised."""
    if units is None:
        return samples
    result = copy(samples)
    result.targets = tuple(tuple(units(t)) if is_row(t) else units([t])[0] for t in samples.targets)
    return result


def _scaled(numbers: Sequence[Any], units: Standardisation) -> list[list[Any]]:
    """Multiply standardised outputs or targets by the deviations: their differences are in the targets' units."""
    return [[y * d for y, d in zip(row if is_row(row) else [row], units.deviations)] for row in numbers]
