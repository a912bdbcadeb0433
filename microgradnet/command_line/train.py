"""``train data.csv --target species``: a net learns one column of a file from the others.

A column of names is learned as classes, by cross-entropy; a column of numbers by half the
sum of squares, of targets that are standardised meanwhile: the net that is saved answers
in their own units.

What a training leaves to be read and looked at: the summary, the curves, the net.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from .._escapes import visible
from ..engine.numbers import as_float
from ..nets.losses import cross_entropy, half_squared_error, root_mean_square_error
from ..nets.net import MLP, Standardisation
from ..nets.saving import as_json
from ..training.csv import Table, read_table
from ..training.data import TeacherSet, is_row, told_by
from ..training.history import History, accuracy, outputs_over, picture_of
from ..training.train import DivergedError
from ..training.train import train as teach
from ..training.units import standardised, to_units, units_of
from .columns import Columns
from .output import say
from .runs import Description, claim, discard, keep

__all__ = ['Task', 'run', 'summary']


#: A column of the samples' places, which no file can have.
PLACE = '\0place'
#: Of a file with fewer samples none are held out, unless asked.
FEW = 20
HELD_OUT, BATCH = 0.2, 32
#: The learning rate where none is given; that of a sum over the samples of an update is shared among them.
RATES = {'adam': 0.01, 'adamw': 0.01}
RATES_OF_SUMS = {'descent': 0.5, 'momentum': 0.05, 'nesterov': 0.05}


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


def run(options: Namespace) -> int:
    """Read, learn, print how well, and leave a run; 130 if Ctrl-C ended it."""
    samples, columns = read(options)
    task = divided(samples, options)
    net = MLP(len(task.samples.inputs[0]), [*options.layers, task.outputs], options.activation, seed=options.seed)
    folder = claim(options.out, options.force)
    try:
        history = learn(net, task, options)
        if history:
            leave(net, task, history, options, folder, columns)
        else:
            say('Stopped before the end of the first epoch: nothing is written.')
    finally:
        discard(folder)
    return 130 if history.stopped_by == 'interrupt' else 0


def leave(net: MLP, task: Task, history: History, options: Namespace, folder: Path, columns: Columns) -> None:
    """Write all about a net into a folder, then print how well it learned: a closed output costs nothing."""
    report, results = summary(net, task, history, options)
    report = visible(report)
    kept = {name: value for name, value in vars(options).items() if name not in ('command', 'force', 'out', 'version')}
    contents: dict[str, bytes | str] = {
        'net.json': as_json(net),
        'run.json': Description(kept, results, columns).as_json(),
        'report.txt': report + '\n',
    }
    notes = []
    for name, picture in ('history.png', _draw_history(history, task)), ('network.svg', _draw_net(net, task)):
        if isinstance(picture, bytes):
            contents[name] = picture
        else:
            notes.append(f'{name} {picture}')
    written = keep(folder, contents)
    say('\n'.join([f'{report}\n\nIn {folder}: {", ".join(written)}', *notes]))
    say(f'To use it: python -m microgradnet predict {folder} new.csv')


def read(options: Namespace) -> tuple[TeacherSet, Columns]:
    """Read the samples of a file, and what its columns are; cells are filled by what is learned from alone."""
    table = read_table(options.file, options.delimiter)
    target = options.target[0] if len(options.target) == 1 else options.target
    classes = True if options.classes else None
    targets, names = table.choose(target, options.inputs)
    for name in targets:
        table.place(name)
    try:
        places: Sequence[int] = range(len(table.lines))
        if options.missing:
            lines = [(line, [*cells, str(place)]) for place, (line, cells) in enumerate(table.lines)]
            numbered = TeacherSet(**told_by(Table(table.path, [*table.header, PLACE], lines), target, [PLACE], classes))
            places = [int(place) for (place,) in divided(numbered, options).learned.inputs]
        columns = Columns.of(table, names, options.missing, places)
        said = told_by(columns.prepared(table), target, columns.inputs(names), classes)
        samples = TeacherSet(**said, standardise=True)
    except ValueError as trouble:
        hint = '; --inputs names the columns to learn from' if 'is not a number' in str(trouble) else ''
        hint *= options.inputs is None
        is_target = any(f'column {name!r}' in str(trouble) for name in options.target)
        if 'the cell is empty' in str(trouble) and not is_target:
            hint = '; --missing mean fills such cells'
        raise ValueError(f'{trouble}{hint}') from None
    if samples.classes is not None and len(samples.classes) < 2:
        raise ValueError(f'{options.file}: all targets are {samples.classes[0]!r}; there is nothing to learn')
    return samples, columns


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
    units = None if samples.classes else units_of(learned)
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
            net, standardised(task.learned, units), learning_rate=_rate(options, size), epochs=options.epochs,
            mode=mode, error=task.error, optimiser=options.optimiser, seed=options.seed, patience=options.patience,
            validation=None if task.held_out is None else standardised(task.held_out, units),
            metrics={name: in_units}, checkpoint=options.checkpoint,
        )  # fmt: skip
    except DivergedError as trouble:
        raise ValueError(f'{trouble.what} in epoch {trouble.epoch}: try a smaller --learning-rate') from None
    to_units(net, units)
    return history


def _rate(options: Namespace, size: int) -> float:
    if options.learning_rate is not None:
        return float(options.learning_rate)
    return RATES.get(options.optimiser) or RATES_OF_SUMS.get(options.optimiser, 0.5) / size


def _scaled(numbers: Sequence[Any], units: Standardisation) -> list[list[Any]]:
    """Multiply standardised outputs or targets by the deviations: their differences are in the targets' units."""
    return [[y * d for y, d in zip(row if is_row(row) else [row], units.deviations)] for row in numbers]


#: A table of more classes is too wide for a terminal.
MANY = 12


def summary(net: MLP, task: Task, history: History, options: Namespace) -> tuple[str, dict[str, Any]]:
    """Say how well a net learned, as text, and as numbers."""
    samples, (name, metric) = task.samples, task.metric
    sets = {'learned from': task.learned} | ({'held out': task.held_out} if task.held_out else {})
    answers = {title: outputs_over(net, part) for title, part in sets.items()}
    results: dict[str, Any] = {'epochs': len(history), 'stopped by': history.stopped_by}
    rows = [['', 'samples', name]]
    for title, part in sets.items():
        found = float(metric(answers[title], part.targets))
        results[f'{name}, {title}'] = found
        rows.append([title, str(len(part)), _told(name, found)])
    last = [*sets][-1]
    rows.append(_plain_guess(task, sets[last]))
    lines = [_data(samples, options.file), _net(net, history, options), '', *_aligned(rows)]
    if not task.units and task.outputs <= MANY:
        names = [str(c) for c in samples.classes or ()]
        lines += ['', *_confusion(answers[last], sets[last], names, last)]
    hints = [*_may_be_classes(task), *_may_stop_sooner(history)]
    lines += ['', *hints] if hints else []
    return '\n'.join(lines), results


def _draw_history(history: History, task: Task) -> bytes | str:
    """Draw the error per sample and the metric over the epochs, as PNG; or return why that cannot be done."""
    counts = len(task.learned), len(task.held_out or task.learned)
    shared = [
        replace(epoch, error=as_float(epoch.error) / counts[0],
                validation=None if epoch.validation is None else as_float(epoch.validation) / counts[1])
        for epoch in history
    ]  # fmt: skip
    try:
        figure = History(shared).plot()
    except ImportError as missing:
        return f'was not drawn: {missing}'
    name = task.metric[0]
    error = 'half squared error of a standardised sample' if task.units else 'cross-entropy of a sample'
    for axes, label in zip(figure.axes, [error, name]):
        axes.set_ylabel(label)
        axes.legend(['learned from', 'held out'] if task.held_out else ['learned from'])
    return picture_of(figure, 'png', dpi=100)


def _draw_net(net: MLP, task: Task) -> bytes | str:
    """Draw the net as SVG; or return why that cannot be done."""
    from ..drawing import RendererNotFound, draw_network

    samples = task.samples
    if task.units:
        net = deepcopy(net)
        to_units(net, task.units, back=True)  # as it learned: beside weights in other units these would hardly be seen
        names = [f'{name}, standardised' for name in samples.target_names or ()]
    else:
        names = [str(name) for name in samples.classes or ()]
    picture = draw_network(net, input_names=samples.input_names or (), output_names=names)
    try:
        return bytes(picture.pipe('svg'))
    except RendererNotFound as trouble:
        return f'was not drawn: {trouble.advice}'


def _data(samples: TeacherSet, file: str) -> str:
    inputs = len(samples.inputs[0])
    lead = f'{Path(file).name}: {len(samples)} samples of {inputs} input{"s" * (inputs > 1)}'
    if samples.classes:
        names = ', '.join(map(str, samples.classes[:6])) + ', ...' * (len(samples.classes) > 6)
        return f'{lead} in {len(samples.classes)} classes: {names}'
    return f'{lead}; to be learned: {", ".join(samples.target_names or ())}'


def _net(net: MLP, history: History, options: Namespace) -> str:
    sizes = '-'.join(map(str, [net.inputs, *net.sizes]))
    hidden = f', {options.activation}' if options.layers else ''
    count = len(history)
    stopped = {'interrupt': ', stopped by Ctrl-C', 'patience': ', stopped by --patience'}.get(history.stopped_by, '')
    best = f', weights of epoch {history.best_epoch}' if history.best_epoch is not None else ''
    epochs = f'{count} epoch{"s" * (count > 1)}{stopped}{best}'
    return f'Net {sizes}{hidden}: {len(net.parameters())} weights and biases; {options.optimiser}, {epochs}'


def _told(name: str, number: float) -> str:
    return f'{number:.1%}' if name == 'accuracy' else f'{number:.4g}'


def _plain_guess(task: Task, samples: TeacherSet) -> list[str]:
    """Say how good it would be to answer always the same, as a row of the table."""
    name, metric = task.metric
    if task.units:
        means = [*task.units.means]
        found = metric([means if len(means) > 1 else means[0]] * len(samples), samples.targets)
        return ['always the mean', '', _told(name, found)]
    ((place, _),) = Counter(task.learned.targets).most_common(1)
    share = sum(t == place for t in samples.targets) / len(samples)
    return [f'always {(task.samples.classes or ())[place]}', '', _told(name, share)]


def _confusion(answers: Sequence[Sequence[float]], samples: TeacherSet, names: list[str], title: str) -> list[str]:
    """Count, for each class, how many samples the net takes for which."""
    counts = [[0] * len(names) for _ in names]
    for answer, t in zip(answers, samples.targets, strict=True):
        counts[t][max(range(len(names)), key=answer.__getitem__)] += 1
    rows = [[name, *(str(count or '.') for count in row)] for name, row in zip(names, counts)]
    return _aligned([[f'{title}: it is \\ the net says', *names], *rows])


def _may_be_classes(task: Task) -> Iterator[str]:
    different = {*task.samples.targets}
    few = task.units and task.outputs == 1 and len(different) <= 10 < len(task.samples)
    if few and all(t % 1 == 0 for t in different):
        yield f'The targets are {len(different)} different whole numbers: --classes would learn them as classes.'


def _may_stop_sooner(history: History) -> Iterator[str]:
    errors = [epoch.validation for epoch in history if epoch.validation is not None]
    best = errors.index(min(errors)) + 1 if errors else 0
    if history.best_epoch is None and errors and best < 0.7 * len(errors) and errors[best - 1] < 0.9 * errors[-1]:
        yield f'The error of what was held out was least in epoch {best}, and rose: try --patience 10.'


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Put a table in columns, the first flush left and the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]) for row in rows]
