"""Teaching: forward, backward, update, over a teacher set, epoch after epoch.

>>> from microgradnet.nn import MLP
>>> from microgradnet.teacher_set import TeacherSet
>>> xor = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
>>> net = MLP(2, [3, 1], activation='tanh', seed=1)
>>> history = train(net, xor, learning_rate=0.1, epochs=300)
>>> len(history), history[0].error > 0.5, history[-1].error < 0.1
(300, True, True)
>>> [round(y) for y in net.predict(xor.inputs)]
[0, 1, 1, 0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Literal

from .arithmetic import ieee_arithmetic
from .compiled_error import CompiledError, compiled_error
from .history import Epoch, History
from .ieee import TROUBLE
from .losses import half_squared_error
from .measuring import (
    Best,
    Error,
    Metrics,
    error_over,
    is_finite,
    measured,
    metrics_by_name,
    progress,
    set_weights,
)  # fmt: skip
from .nn import MLP
from .optimisers import OPTIMISERS, SCHEDULES, Descent, Optimiser, Schedule, clipped, named
from .reals import Number, real
from .teacher_set import TeacherSet
from .value import Value

__all__ = ['DivergedError', 'error_and_gradients', 'error_over', 'train']


class DivergedError(ArithmeticError):
    """The error, or a weight, became nan or inf in ``epoch``; ``history`` tells what was before.

    The net has the newest weights between two epochs whose error is finite.
    """

    def __init__(self, epoch: int, what: str, history: History) -> None:
        super().__init__(epoch, what, history)
        self.epoch, self.what, self.history = epoch, what, history

    def __str__(self) -> str:
        return (
            f'{self.what} in epoch {self.epoch}; the net has the weights of the last good epoch. '
            'A smaller learning rate, clip=, or standardised inputs may help'
        )


class _Trouble(ArithmeticError):
    """A number that should be finite is not."""


def train(
    net: MLP,
    teacher_set: TeacherSet,
    *,
    learning_rate: Number,
    epochs: int = 100,
    mode: Literal['batch', 'online'] | int = 'batch',
    error: Error = half_squared_error,
    optimiser: str | Optimiser = 'descent',
    schedule: str | Schedule = 'constant',
    l2: Number = 0.0,
    clip: Number | None = None,
    shuffle: bool | None = None,
    seed: int | Random = 0,
    compiled: bool | None = None,
    validation: TeacherSet | None = None,
    patience: int | None = None,
    metrics: Metrics | Iterable[str] = (),
    callback: Callable[[Epoch], Any] | None = None,
    bar: bool | None = None,
) -> History:
    """Teach a net: ``w <- w - h * dE/dw`` for every parameter that is not frozen.

    E sums over the samples, as in the derivation ("Training"). In batch learning these
    are the whole teacher set, one update an epoch; in on-line learning one sample; a
    number is the size of mini-batches, of which the last may be smaller. Batch and
    on-line learning keep the order of the set, mini-batches are shuffled each epoch
    from ``seed``; ``shuffle`` overrules both. With a learning rate, parameters and
    samples that are fractions, gradient descent is exact.

    learning_rate: h, with 0 < h <= 1; also after the schedule's factor.
    error: a function of outputs and targets, lists with one item per sample, that
        returns a Value; see ``losses``.
    optimiser: ``'descent'``, ``'momentum'``, ``'adamw'``, or an object; see ``optimisers``.
    schedule: ``'constant'``, ``'linear'``, ``'cosine'``, ``'step'``, ``'exponential'``,
        ``'warmup'``, ``'warmup-cosine'``, or a function of the epoch, from 1 on, and of
        ``epochs``, that returns a factor for h.
    l2: adds ``l2 / 2 * sum(w ** 2)`` over the weights, not the biases, to what is
        descended, once an update; the errors reported are without it.
    clip: the largest Euclidean norm of all gradients together, L2 included.
    compiled: whether to record one sample and replay it as machine code (needs llvmlite:
        ``pip install 'microgradnet[native]'``), rather than to record every sample anew.
        By default it is done for what would take a second or more, with the errors of
        ``losses`` that are sums over the samples; ``history.compiled`` says whether it was.
        The weights after an epoch are within 16 ulps of the largest of them (4 were seen);
        parameters' ``grad`` is left alone.
    validation: a set that is only measured, after each epoch.
    patience: stop when the error over ``validation``, or if there is none over the
        teacher set, was no smaller for so many epochs. Whenever patience is given the
        net gets back its best weights in the end, except after Ctrl-C.
    metrics: ``'accuracy'``, ``'rms'``, several of them, or a dictionary of functions of
        outputs (bare numbers) and targets.
    callback: called with each finished ``Epoch``; a true answer stops.
    bar: show progress and the error; by default only if stderr is a terminal.

    A set made with ``standardise=True`` gives the net its standardisation, unless the
    net has one already: its weights were learned in those units, so it keeps them.

    Ctrl-C ends training and returns the history of the finished epochs; the weights
    are those of the last complete update. Raises DivergedError when the error becomes
    nan or inf; ValueError and TypeError for arguments that make no sense.
    """
    size = _batch_size(mode, teacher_set)
    shuffle = not isinstance(mode, str) if shuffle is None else shuffle
    optimiser = named('optimiser', optimiser, OPTIMISERS)() if isinstance(optimiser, str) else optimiser
    schedule = named('schedule', schedule, SCHEDULES) if isinstance(schedule, str) else schedule
    metrics = metrics_by_name(metrics)
    random = seed if isinstance(seed, Random) else Random(seed)
    _check(net, teacher_set, validation, learning_rate, epochs, patience, l2, clip)
    if net.standardisation is None:
        net.standardisation = teacher_set.standardisation

    parameters, samples = net.trainable(), [*teacher_set]
    order = [*range(len(samples))]
    program = compiled_error(net, teacher_set, error, epochs, compiled)
    all_at_once = program if type(optimiser) is Descent and not l2 and clip is None else None
    decaying = {w for neuron in net.neurons_within() for w in neuron.weights} if l2 else set()
    best = Best(patience, parameters)
    history = History()
    history.compiled = program is not None
    earlier = now = [p.data for p in parameters]  # the weights with which the last epoch began, and this one
    try:
        with progress(epochs, bar) as show:
            for epoch in range(1, epochs + 1):
                earlier, now = now, [p.data for p in parameters]
                h = _rate(learning_rate, schedule(epoch, epochs), epoch)
                if shuffle:
                    random.shuffle(order)
                total: Number = _descend(all_at_once, order, size, h) if all_at_once else 0
                for start in range(0, 0 if all_at_once else len(order), size):
                    batch = order[start : start + size]
                    if program:
                        E, slopes = program.gradient(batch)
                        _finite(E)
                    else:
                        E = error_and_gradients(net, [samples[place] for place in batch], error)  # forward, backward
                        slopes = [p.grad for p in parameters]
                    gradients = [g + l2 * p.data if p in decaying else g for g, p in zip(slopes, parameters)]
                    if clip is not None:
                        gradients = clipped(gradients, clip)
                    _update(parameters, optimiser.step([p.data for p in parameters], gradients, h))
                    total = _finite(total + E)
                finished = Epoch(epoch, total, learning_rate=h)
                record = measured(net, teacher_set, validation, error, metrics, finished, program)
                history.epochs.append(record)
                show(record)
                if patience is not None:
                    watched = record.validation
                    if watched is None:
                        watched = program.error(teacher_set) if program else error_over(net, teacher_set, error)
                    if best.is_long_ago(epoch, watched):
                        history.stopped_by = 'patience'
                if callback is not None and callback(record):
                    history.stopped_by = 'callback'
                if history.stopped_by != 'epochs':
                    break
            history.best_epoch = best.restore()
    except KeyboardInterrupt:
        history.stopped_by = 'interrupt'
    except _Trouble as trouble:
        history.stopped_by = 'divergence'
        set_weights(parameters, now)
        if not is_finite(error_over(net, teacher_set, error)):
            set_weights(parameters, earlier)
        raise DivergedError(len(history) + 1, str(trouble), history) from trouble.__cause__
    return history


def error_and_gradients(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Number:
    """Return the error E of a net over samples, and leave dE/dw in the ``grad`` of every parameter.

    >>> net = MLP.from_weights([[[2.0]]], [[0.0]])
    >>> error_and_gradients(net, [([1.0], 1.0), ([2.0], 3.0)], half_squared_error)
    1.0
    >>> net.parameters()[0].grad, net.parameters()[1].grad
    (3.0, 2.0)
    """
    net.zero_grad()
    try:
        E = _forward(net, samples, error)
    except TROUBLE as trouble:
        # Python's arithmetic gave up; IEEE's tells a nan or an overflow from a mistake.
        with ieee_arithmetic():
            E = _forward(net, samples, error)
        if is_finite(E.data):
            raise
        raise _Trouble(f'the error became {E.data}') from trouble
    _finite(E.data)
    E.backward()
    return E.data


def _forward(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Value:
    E = error([net(x) for x, _ in samples], [t for _, t in samples])
    if not isinstance(E, Value):
        raise TypeError(f'an error must return a Value, not {E!r}')
    return E


def _descend(program: CompiledError, order: list[int], size: int, h: Number) -> Number:
    """Do an epoch of gradient descent in machine code; return its error."""
    try:
        return _finite(program.descend(order, size, h))
    except ArithmeticError as trouble:
        raise _Trouble(str(trouble)) from trouble


def _update(parameters: Sequence[Value], weights: Sequence[Number]) -> None:
    """Set new weights, all or none; refuse a nan or an inf among them."""
    weights = [real(w, 'a new weight') for w in weights]
    for w in weights:
        _finite(w, 'a weight would have become')
    set_weights(parameters, weights)


def _finite(number: Number, what: str = 'the error became') -> Number:
    if not is_finite(number):
        raise _Trouble(f'{what} {number}')
    return number


def _rate(h: Number, factor: Number, epoch: int) -> Number:
    rate = h * factor
    if not 0 < rate <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1; the schedule makes it {rate!r} in epoch {epoch}')
    return rate


def _batch_size(mode: str | int, teacher_set: TeacherSet) -> int:
    if not isinstance(teacher_set, TeacherSet):
        raise TypeError(f'a net learns from a TeacherSet(inputs, targets), not from a {type(teacher_set).__name__}')
    if isinstance(mode, int) and not isinstance(mode, bool) and mode >= 1:
        return mode
    sizes = {'batch': len(teacher_set), 'online': 1}
    if mode not in sizes:
        raise ValueError(f"mode is 'batch', 'online', or the size of mini-batches, from 1 on, not {mode!r}")
    return sizes[mode]


def _check(
    net: MLP,
    teacher_set: TeacherSet,
    validation: TeacherSet | None,
    learning_rate: Number,
    epochs: int,
    patience: int | None,
    l2: Number,
    clip: Number | None,
) -> None:
    """Refuse what makes no sense before anything is learned."""
    if not 0 < real(learning_rate, 'the learning rate h') <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1, not {learning_rate!r}')
    for name, number in (('epochs', epochs), ('patience', 1 if patience is None else patience)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f'{name} must be a whole number of at least 1, not {number!r}')
    if not real(l2, 'l2') >= 0:
        raise ValueError(f'l2 must be at least 0, not {l2!r}')
    if clip is not None and not real(clip, 'clip') > 0:
        raise ValueError(f'clip must be more than 0, not {clip!r}')
    for what, samples in (('teacher', teacher_set), ('validation', validation)):
        width = net.inputs if samples is None else len(samples.inputs[0])
        if width != net.inputs:
            raise ValueError(f'the {what} set has rows of {width} inputs; {net!r} takes {net.inputs}')
    if not net.trainable():
        raise ValueError(f'{net!r} has nothing to learn: all its parameters are frozen')
