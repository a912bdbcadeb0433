"""What a training leaves to be read and looked at: the summary, the curves, the net."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..history import History, as_float, picture_of
from ..measuring import outputs_over
from ..nn import MLP
from ..teacher_set import TeacherSet

if TYPE_CHECKING:
    from .train import Task

__all__ = ['draw_history', 'draw_net', 'summary']

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


def draw_history(history: History, task: Task) -> bytes | str:
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


def draw_net(net: MLP, task: Task) -> bytes | str:
    """Draw the net as SVG; or return why that cannot be done."""
    from ..drawing import RendererNotFound, draw_network

    samples = task.samples
    if task.units:
        net = deepcopy(net)
        task.to_units(net, back=True)  # as it learned: beside weights in other units these would hardly be seen
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
