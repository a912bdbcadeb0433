"""What ``train`` measures beside the steps it takes: the error over a set, metrics, which weights were best.

>>> from microgradnet.losses import half_squared_error
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> error_over(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
1.0
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf, isfinite, sqrt
from typing import Any, Protocol, TypeAlias

from .arithmetic import ieee_arithmetic, no_grad
from .history import METRICS, Epoch, as_float
from .ieee import TROUBLE
from .losses import half_squared_error
from .nn import MLP
from .optimisers import named
from .reals import Fraction, Number
from .teacher_set import TeacherSet
from .value import Value

__all__ = ['Best', 'Error', 'error_over', 'is_finite', 'measured', 'metrics_by_name', 'progress', 'set_weights']

Error: TypeAlias = Callable[[Any, Any], Any]
Metrics: TypeAlias = Mapping[str, Callable[[Any, Any], Any]]


class Measures(Protocol):
    """What a compiled net measures."""

    def outputs(self, teacher_set: TeacherSet) -> list[Any]:
        """Return the outputs for each sample."""

    def error(self, teacher_set: TeacherSet) -> float:
        """Return the error over a set."""


_set_data = Value.__dict__['data'].__set__


def error_over(net: MLP, teacher_set: TeacherSet, error: Error) -> Number:
    """Return the error of a net over a set: nothing is recorded, and an overflow is an infinity."""
    return _error(_outputs(net, teacher_set), teacher_set, error)


def measured(
    net: MLP,
    teacher_set: TeacherSet,
    validation: TeacherSet | None,
    error: Error,
    metrics: Metrics,
    epoch: Epoch,
    program: Measures | None = None,
) -> Epoch:
    """Return what is known of an epoch with all that is measured after it, by a compiled net if there is one."""
    outputs_of = program.outputs if program else partial(_outputs, net)
    rms, outputs = None, outputs_of(teacher_set) if metrics else []
    if error is half_squared_error:
        rms = sqrt(2 * as_float(epoch.error) / (len(teacher_set) * net.sizes[-1]))
    taken = {name: metric(outputs, teacher_set.targets) for name, metric in metrics.items()}
    if validation is None:
        return Epoch(epoch.epoch, epoch.error, rms, epoch.learning_rate, metrics=taken)
    seen = program.error(validation) if program else error_over(net, validation, error)
    outputs = outputs_of(validation) if metrics else []
    apart = {name: metric(outputs, validation.targets) for name, metric in metrics.items()}
    return Epoch(epoch.epoch, epoch.error, rms, epoch.learning_rate, seen, taken, apart)


def metrics_by_name(metrics: Metrics | Iterable[str]) -> Metrics:
    """Look metrics up that are given by name."""
    if isinstance(metrics, Mapping):
        return metrics
    return {name: named('metric', name, METRICS) for name in ([metrics] if isinstance(metrics, str) else metrics)}


class Best:
    """The best weights so far, by an error that is watched, and how long ago that was."""

    def __init__(self, patience: int | None, parameters: Sequence[Value]) -> None:
        self.patience, self.parameters = patience, parameters
        self.error: Number = inf
        self.epoch: int | None = None
        self.weights: list[Number] = []

    def is_long_ago(self, epoch: int, error: Number) -> bool:
        """Take in the error after an epoch; tell whether the best is ``patience`` epochs ago."""
        if error < self.error:
            self.error, self.epoch, self.weights = error, epoch, [p.data for p in self.parameters]
        return self.patience is not None and epoch - (self.epoch or 0) >= self.patience

    def restore(self) -> int | None:
        """Put the best weights back, if there are any, and return their epoch's number."""
        if self.epoch is not None:
            set_weights(self.parameters, self.weights)
        return self.epoch


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


def _outputs(net: MLP, teacher_set: TeacherSet) -> list[Any]:
    """Return a net's outputs as bare numbers; where Python's arithmetic gives up, IEEE's goes on."""
    try:
        return net.predict(teacher_set.inputs)
    except TROUBLE:
        with no_grad(), ieee_arithmetic():
            runs = ([y.data for y in net.run(x).outputs] for x in teacher_set.inputs)
            return [numbers[0] if len(numbers) == 1 else numbers for numbers in runs]


def _error(outputs: Sequence[Any], teacher_set: TeacherSet, error: Error) -> Number:
    # An error may use the methods of a Value, so it gets Values here, too.
    nodes = [[*map(Value, y)] if isinstance(y, list) else Value(y) for y in outputs]
    with no_grad(), ieee_arithmetic():
        result = error(nodes, teacher_set.targets)
    return result.data if isinstance(result, Value) else result
