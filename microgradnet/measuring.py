"""What ``train`` measures beside the steps it takes: the error over a set, metrics, which weights were best.

>>> from microgradnet.losses import half_squared_error
>>> from microgradnet.teacher_set import TeacherSet
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> error_over(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
1.0
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf, isfinite, sqrt
from typing import Any, Protocol, TypeAlias

from .arithmetic import ieee_arithmetic, no_grad
from .checks import function, items
from .history import METRICS, Epoch, as_float
from .ieee import TROUBLE
from .large_set import Samples
from .losses import half_squared_error
from .nn import MLP
from .optimisers import named
from .reals import Fraction, Number
from .value import Value

__all__ = [
    'Best', 'Error', 'ErrorOf', 'Trouble', 'error_over', 'finite', 'is_finite', 'measured', 'metrics_by_name',
    'outputs_over', 'progress', 'set_weights',
]  # fmt: skip

Error: TypeAlias = Callable[[Any, Any], Any]
Metrics: TypeAlias = Mapping[str, Callable[[Any, Any], Any]]


class Trouble(ArithmeticError):
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
    return _error(outputs_over(net, teacher_set), teacher_set, error)


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
        rms = sqrt(2 * as_float(epoch.error) / (len(teacher_set) * outputs))

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
    names = [metrics] if isinstance(metrics, str) else items('metrics', metrics, 'names or a dictionary of functions')
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
    """Return a finite number; raise Trouble over any other."""
    if not is_finite(number):
        raise Trouble(f'{what} {number}')
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
