"""What is measured while a net learns, and the history it leaves.

>>> history = History([Epoch(1, 8.0, learning_rate=0.1), Epoch(2, 2.0, learning_rate=0.1)])
>>> len(history), history[-1].error, history.column('error')
(2, 2.0, [8.0, 2.0])

What ``train`` measures beside the steps it takes: the error over a set, metrics, which weights were best.

>>> from microgradnet.nets.losses import half_squared_error
>>> from microgradnet.training.data import TeacherSet
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> error_over(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
1.0
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from math import inf, isfinite, sqrt
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, overload

from .._extras import needed
from .._files import FilePath, write_whole
from ..engine.algebras import TROUBLE
from ..engine.checks import flag, function, items
from ..engine.context import ieee_arithmetic, no_grad
from ..engine.numbers import Fraction, Number, as_float
from ..engine.value import Value
from ..formulas.colours import INK, LINE, PALE, PAPER, SERIES, SIGNAL, on_page
from ..nets.losses import half_squared_error, root_mean_square_error, weighted
from ..nets.net import MLP
from .large import Samples
from .optimisers import named

__all__ = [
    'METRICS', 'Best', 'Epoch', 'Error', 'ErrorOf', 'History', 'NotFinite', 'Reason', 'accuracy',
    'error_over', 'finite', 'is_finite', 'measured', 'metrics_by_name', 'outputs_over', 'picture_of', 'progress',
    'set_weights',
]  # fmt: skip


#: Why training stopped.
Reason: TypeAlias = Literal['epochs', 'patience', 'callback', 'interrupt', 'divergence', 'workers']


@dataclass(frozen=True)
class Epoch:
    """One pass over the teacher set, numbered from 1.

    ``error`` is E without the L2 term, summed over the samples as they were met: in
    batch learning the error of the weights with which the epoch began, otherwise that
    of weights that moved from batch to batch. ``rms`` is the root of the mean squared
    difference, where the error is half the sum of squares, else None; by weights, if the set has them. ``validation``
    is the error over the validation set after the epoch; ``metrics`` are taken after
    the epoch, too, on the teacher set, ``validation_metrics`` on the validation set.
    """

    epoch: int
    error: Number
    rms: float | None = None
    learning_rate: Number = 0.0
    validation: Number | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    validation_metrics: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return a field or a metric by its name; ``'validation accuracy'`` is that of the validation set.

        >>> Epoch(1, 0.5, metrics={'accuracy': 0.9})['accuracy']
        0.9
        """
        measured = {
            'epoch': self.epoch, 'error': self.error, 'rms': self.rms, 'learning_rate': self.learning_rate,
            'validation': self.validation, **self.metrics,
            **{f'validation {metric}': value for metric, value in self.validation_metrics.items()},
        }  # fmt: skip
        if name not in measured:
            raise KeyError(f'{name!r} was not measured; there are {", ".join(measured)}')
        return measured[name]


class History(Sequence[Epoch]):
    """The epochs of one training, in order, and why it stopped.

    ``stopped_by`` is ``'epochs'`` (all of them are done), ``'patience'``,
    ``'callback'``, ``'interrupt'`` (Ctrl-C), ``'divergence'`` or ``'workers'`` (none was left). ``best_epoch`` is the
    number of the epoch whose weights were restored, None where none were; ``compiled``
    tells whether the epochs ran as machine code. ``unsaved`` is why the last checkpoint could
    not be written, None if it was.
    """

    epochs: list[Epoch]

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self.epochs = [*epochs]
        self.stopped_by: Reason = 'epochs'
        self.best_epoch: int | None = None
        self.compiled = False
        self.unsaved: Exception | None = None

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Epoch]: ...
    def __getitem__(self, index: int | slice) -> Epoch | list[Epoch]:
        return self.epochs[index]

    def __len__(self) -> int:
        return len(self.epochs)

    def column(self, name: str) -> list[Any]:
        """List one thing that was measured, epoch by epoch: a field or a metric."""
        return [epoch[name] for epoch in self.epochs]

    def plot(self, path: FilePath | None = None, *, dark: bool = False) -> Any:
        """Draw the error, the validation error and the metrics over the epochs.

        What was measured on the validation set is dashed; ``dark`` is for a dark page.
        Returns a ``matplotlib.figure.Figure``, and saves it if a path is given, in the
        format its ending names. Raises ValueError for an empty history, ImportError
        without matplotlib.
        """
        if not self.epochs:
            raise ValueError('there is nothing to plot: the history has no epochs')
        flag('dark', dark)
        figures = needed('matplotlib.figure', 'plot')
        locator = needed('matplotlib.ticker', 'plot').MaxNLocator
        last = self.epochs[-1]
        metrics = [*last.metrics, *(f'validation {name}' for name in last.validation_metrics)]
        kinds = [*dict.fromkeys(name.removeprefix('validation ') for name in metrics)]
        errors = ['error', *(['validation'] if last.validation is not None else [])]
        figure = figures.Figure(figsize=(7, 3 * (1 + bool(metrics))), layout='constrained')
        plots = figure.subplots(1 + bool(metrics), squeeze=False, sharex=True)[:, 0]
        for names, axes in zip([errors, metrics], plots):
            for name in names:
                numbers = [as_float(number) for number in self.column(name)]
                measured = name.removeprefix('validation ')
                colour = SIGNAL if names is errors else SERIES[kinds.index(measured) % len(SERIES)]
                style = 'dashed' if name.startswith('validation') else 'solid'
                axes.plot(self.column('epoch'), numbers, label=name, linestyle=style, color=on_page(colour, dark))
            axes.xaxis.set_major_locator(locator(integer=True))
            axes.grid(color=on_page(PALE, dark), alpha=0.5)
            legend = axes.legend(facecolor=on_page(PAPER, dark), edgecolor=on_page(PALE, dark))
            _dress(axes, legend, dark)
            if names is errors and min(min(self.column(name)) for name in errors) > 0:
                axes.set_yscale('log')
        axes.set_xlabel('epoch', color=on_page(INK, dark))
        figure.set_facecolor(on_page(PAPER, dark))
        if path is not None:
            _write_figure(figure, path)
        return figure

    def __repr__(self) -> str:
        last = f', last error {as_float(self.epochs[-1].error):.6g}' if self.epochs else ''
        compiled = ', compiled' * self.compiled
        return f'History({len(self)} epochs{compiled}, stopped by {self.stopped_by}{last})'


def _dress(axes: Any, legend: Any, dark: bool) -> None:
    """Give what matplotlib draws around a curve the palette's colours."""
    axes.set_facecolor(on_page(PAPER, dark))
    axes.tick_params(which='both', colors=on_page(INK, dark))
    for spine in axes.spines.values():
        spine.set_color(on_page(LINE, dark))
    for text in legend.get_texts():
        text.set_color(on_page(INK, dark))


def _write_figure(figure: Any, path: FilePath, **options: Any) -> None:
    """Write a matplotlib figure to a file, in the format its ending names; without one as PNG, and with that ending."""
    place = Path(path)
    place = place if place.suffix else place.with_suffix('.png')
    write_whole(place, picture_of(figure, place.suffix[1:], **options))


def picture_of(figure: Any, form: str, **options: Any) -> bytes:
    """Return a matplotlib figure as a picture in some format, ``'png'`` say."""
    output = BytesIO()
    figure.savefig(output, format=form, **options)
    return output.getvalue()


def accuracy(outputs: Sequence[Any], targets: Sequence[Any]) -> float:
    """Return the share of samples that the net gets right.

    Of several outputs the largest must be that of the target: a class number, or a
    list with its largest number there. A lone output must be nearer to its target
    than to any other target given, so that 0 and 1, or -1 and 1, do for two classes.
    A tie, and a nan, is not right.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4]], [1, [1, 0], 0])
    0.6666666666666666
    >>> accuracy([0.2, -0.7, -3.0], [1, 1, -1])
    0.6666666666666666
    """
    lone = [_alone(t) for t in targets]
    kinds = {t for t in lone if not isinstance(t, Sequence)}
    right = 0
    for y, t in zip(map(_alone, outputs), lone, strict=True):
        if isinstance(y, Sequence):
            place = max(range(len(t)), key=t.__getitem__) if isinstance(t, Sequence) else int(t)
            right += all(y[place] > other for k, other in enumerate(y) if k != place)
        else:
            right += all(abs(y - t) < abs(y - other) for other in kinds if other != t) and y == y
    return right / len(targets)


def _alone(thing: Any) -> Any:
    return thing[0] if isinstance(thing, Sequence) and len(thing) == 1 else thing


#: The metrics that ``train`` knows by name.
METRICS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {'accuracy': accuracy, 'rms': root_mean_square_error}
)


Error: TypeAlias = Callable[[Any, Any], Any]
Metrics: TypeAlias = Mapping[str, Callable[[Any, Any], Any]]


class NotFinite(ArithmeticError):
    """A number that should be finite is not."""


class ErrorOf(Protocol):
    """The error of a net over a teacher set, recorded or compiled; ``parts`` are shards at workers."""

    @property
    def compiled(self) -> bool: ...
    @property
    def parts(self) -> int | None: ...

    def gradient(self, places: Sequence[int] | None) -> tuple[Number, list[Number]]:
        """Return E over the samples at some places, or all, and dE/dw for each trainable parameter."""

    def error(self, teacher_set: Samples) -> Number:
        """Return the error over a set."""

    def outputs(self, teacher_set: Samples) -> list[Any]:
        """Return the outputs for each sample."""


_set_data = Value.__dict__['data'].__set__


def error_over(net: MLP, teacher_set: Samples, error: Error) -> Number:
    """Return the error of a net over a set: nothing is recorded, and an overflow is an infinity."""
    return _error(outputs_over(net, teacher_set), teacher_set, weighted(error, teacher_set.weights))


def measured(
    E: ErrorOf,
    outputs: int,
    teacher_set: Samples,
    validation: Samples | None,
    error: Error,
    metrics: Metrics,
    epoch: Epoch,
) -> Epoch:
    """Return what is known of an epoch with all that is measured after it, of a net with so many outputs."""
    rms = None
    if error is half_squared_error:
        count = len(teacher_set) if teacher_set.weights is None else as_float(sum(teacher_set.weights))
        rms = sqrt(2 * as_float(epoch.error) / (count * outputs)) if count else None

    def taken(samples: Samples) -> dict[str, Any]:
        found = E.outputs(samples) if metrics else []
        return {name: metric(found, samples.targets) for name, metric in metrics.items()}

    seen, apart = (None, {}) if validation is None else (E.error(validation), taken(validation))
    return Epoch(epoch.epoch, epoch.error, rms, epoch.learning_rate, seen, taken(teacher_set), apart)


def metrics_by_name(metrics: Metrics | Iterable[str]) -> Metrics:
    """Look metrics up that are given by name."""
    if isinstance(metrics, Mapping):
        return {name: function(f'metrics[{name!r}]', f, 'a function of outputs and targets')
                for name, f in metrics.items()}  # fmt: skip
    wanted = 'names or a dictionary of functions'
    names = [metrics] if isinstance(metrics, str) else items('metrics', metrics, wanted, any_order=True)
    return {name: named('metric', name, METRICS) for name in names}


class Best:
    """The best weights so far, by an error that is watched, and how long ago that was."""

    def __init__(self) -> None:
        self.error: Number = inf
        self.epoch: int | None = None
        self.weights: list[Number] = []

    def age(self, epoch: int, error: Number, weights: list[Number]) -> int:
        """Take in the error and the weights after an epoch; return how many epochs ago the best was."""
        if error < self.error:
            self.error, self.epoch, self.weights = error, epoch, weights
        return epoch - (self.epoch or 0)


def set_weights(parameters: Sequence[Value], weights: Sequence[Number]) -> None:
    """Set all weights, or none: it is one call into C, which Ctrl-C cannot interrupt."""
    deque(map(_set_data, parameters, weights), maxlen=0)


@contextmanager
def progress(epochs: int, bar: bool | None) -> Iterator[Callable[[Epoch], None]]:
    """Show a bar with the error on stderr; by default only if that is a terminal."""
    if not (sys.stderr.isatty() if bar is None else bar):
        yield lambda epoch: None
        return
    from tqdm import tqdm

    with tqdm(total=epochs, unit='epoch', file=sys.stderr) as line:

        def show(epoch: Epoch) -> None:
            line.set_postfix(error=f'{as_float(epoch.error):.6g}', refresh=False)
            line.update()

        yield show


def is_finite(number: Number) -> bool:
    """Tell whether a number is neither nan nor infinite; a fraction never is."""
    return isinstance(number, Fraction) or isfinite(number)


def finite(number: Number, what: str = 'the error became') -> Number:
    """Return a finite number; raise NotFinite over any other."""
    if not is_finite(number):
        raise NotFinite(f'{what} {number}')
    return number


def outputs_over(net: MLP, teacher_set: Samples) -> list[Any]:
    """Return a net's outputs as bare numbers; where Python's arithmetic gives up, IEEE's goes on."""
    try:
        return net.predict(teacher_set.inputs)
    except TROUBLE:
        with no_grad(), ieee_arithmetic():
            runs = ([y.data for y in net.run(x).outputs] for x in teacher_set.inputs)
            return [numbers[0] if len(numbers) == 1 else numbers for numbers in runs]


def _error(outputs: Sequence[Any], teacher_set: Samples, error: Error) -> Number:
    # An error may use the methods of a Value, so it gets Values here, too.
    nodes = [[*map(Value, y)] if isinstance(y, list) else Value(y) for y in outputs]
    with no_grad(), ieee_arithmetic():
        result = error(nodes, teacher_set.targets)
    return result.data if isinstance(result, Value) else result
