"""Teaching: forward, backward, update, over a teacher set, epoch after epoch.

>>> from microgradnet.nets.net import MLP
>>> from microgradnet.training.data import TeacherSet
>>> xor = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
>>> net = MLP(2, [3, 1], activation='tanh', seed=1)
>>> history = train(net, xor, learning_rate=0.1, epochs=300)
>>> len(history), history[0].error > 0.5, history[-1].error < 0.1
(300, True, True)
>>> [round(y) for y in net.predict(xor.inputs)]
[0, 1, 1, 0]

A ``Pass`` over the set does it batch after batch.

>>> from microgradnet.training.objective import RecordedError
>>> from microgradnet.nets.losses import half_squared_error
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> E = RecordedError(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
>>> batch = Pass(net, E, State([2.0, 0.0], order=[0, 1]), size=2)
>>> batch(0.1, shuffled=False), [p.data for p in net.parameters()]
(1.0, [1.7, -0.2])
"""

from __future__ import annotations

import reprlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from .._files import FilePath
from ..compiling.run.rows import shuffled
from ..compiling.run.shards import Workers, WorkersLostError
from ..compiling.run.transport import an_executor
from ..compiling.update import Rule, decayed
from ..engine.checks import Seed, file_path, function, generator, instance, refuse, said, whole, within
from ..engine.numbers import Number, real
from ..nets.losses import error_by_name, half_squared_error
from ..nets.names import agree
from ..nets.net import MLP
from .checkpoint import Checkpoint, CheckpointWarning, State, mark, the_net, the_optimiser
from .data import TeacherSet
from .history import (
    Epoch,
    Error,
    ErrorOf,
    History,
    Metrics,
    NotFinite,
    error_over,
    finite,
    is_finite,
    measured,
    metrics_by_name,
    progress,
    set_weights,
)
from .known import known_as
from .large import LargeTeacherSet, Samples
from .objective import CompiledError, error_and_gradients, error_of
from .optimisers import OPTIMISERS, SCHEDULES, Optimiser, Schedule, clipped, named

__all__ = ['CheckpointWarning', 'DivergedError', 'Pass', 'batch_size', 'error_and_gradients', 'error_over', 'train']


#: What a net takes over from a teacher set.
TOLD = ('input_names', 'target_names', 'classes', 'standardisation')


class DivergedError(ArithmeticError):
    """The error, or a weight, became nan or inf in ``epoch``; ``history`` tells what was before.

    The net has the newest weights between two epochs whose error is finite.
    """

    epoch: int
    what: str
    history: History

    def __init__(self, epoch: int, what: str, history: History) -> None:
        super().__init__(epoch, what, history)
        self.epoch, self.what, self.history = epoch, what, history

    def __str__(self) -> str:
        return (
            f'{self.what} in epoch {self.epoch}; the net has the weights of the last good epoch. '
            'A smaller learning rate, clip=, or standardised inputs may help'
        )


@contextmanager
def _taking_over(net: MLP, teacher_set: Samples) -> Iterator[None]:
    """Let a net keep what a set tells of its numbers, unless an error comes before it has learned anything of the set.

    Else it would keep that standardisation beside the next set, as if its weights were learned so.
    """
    told = {name: getattr(net, name) for name in TOLD}
    weights = [p.data for p in net.parameters()]
    net.take_over(teacher_set)
    try:
        yield
    except Exception:
        if [p.data for p in net.parameters()] == weights:
            for name, known in told.items():
                setattr(net, name, known)
        raise


def train(
    net: MLP,
    teacher_set: Samples | Any,
    targets: Any = None,
    *,
    learning_rate: Number | None = None,
    epochs: int = 100,
    mode: Literal['batch', 'online'] | int = 'batch',
    error: str | Error = half_squared_error,
    optimiser: str | Optimiser = 'descent',
    schedule: str | Schedule = 'constant',
    l2: Number = 0.0,
    clip: Number | None = None,
    shuffle: bool | None = None,
    seed: Seed = 0,
    compiled: bool | None = None,
    executor: Workers | None = None,
    shards: int | None = None,
    checkpoint: FilePath | None = None,
    checkpoint_every: int | None = None,
    validation: TeacherSet | None = None,
    patience: int | None = None,
    metrics: Metrics | Iterable[str] = (),
    callback: Callable[[Epoch], Any] | None = None,
    bar: bool | None = None,
) -> History:
    """Teach a net: ``w <- w - h * dE/dw`` for every parameter that is not frozen.

    The samples are a teacher set, or inputs and targets that make one: ``train(net, X, y, ...)``.
    E sums over the samples, each times its weight if the set has ``weights``, as in the derivation
    ("Training"). In batch learning these
    are the whole teacher set, one update an epoch; in on-line learning one sample; a
    number is the size of mini-batches, of which the last may be smaller. Batch and
    on-line learning keep the order of the set, mini-batches are shuffled each epoch
    from ``seed`` (with None by Python's own generator, so that ``random.seed`` holds);
    ``shuffle`` overrules both. With a learning rate, parameters and
    samples that are fractions, gradient descent is exact.

    learning_rate: h, with 0 < h <= 1; also after the schedule's factor.
    error: a name, ``'half_squared_error'``, ``'mse'``, ``'rmse'``, ``'cross_entropy'``,
        ``'max_margin'``, or a function of outputs and targets, lists with one item per
        sample, that returns a Value; see ``losses``.
    optimiser: ``'descent'``, ``'momentum'``, ``'nesterov'``, ``'adam'``, ``'adamw'``, or an object; see ``optimisers``.
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
    executor: any ``concurrent.futures.Executor``, or a function that makes one, whose workers share the
        samples; see ``Program.backward``. The samples are sent once, each update sends the weights
        and brings back a gradient. ``shards``: in how many parts; the same number gives the same
        bits. Not for on-line learning, in which there is nothing to share.
    checkpoint: a file for the state of training, written whole or not at all, every so many epochs
        (``checkpoint_every``; by default when ten seconds have passed) and in the end. If it is there
        already, training goes on from it, to the same weights, bit for bit, as a run that was never
        stopped; with more ``epochs`` than it had, it goes on to those. It has numbers and text, and cannot
        run code. A path that cannot be written is refused before the first epoch. A file that cannot be
        written later costs nothing: a CheckpointWarning says so once, training goes on, and
        ``history.unsaved`` is the error. ValueError for a damaged file, one of another training, or an
        error, activation or schedule that could not be known again (a function is known by its code).
    validation: a set that is only measured, after each epoch.
    patience: stop when the error over ``validation``, or if there is none over the
        teacher set, was no smaller for so many epochs. Whenever patience is given the
        net gets back its best weights in the end, except after Ctrl-C.
    metrics: ``'accuracy'``, ``'rms'``, several of them, or a dictionary of functions of
        outputs (bare numbers) and targets.
    callback: called with each finished ``Epoch``; a true answer stops.
    bar: show progress and the error; by default only if stderr is a terminal.

    The net takes over what the set tells of its numbers: the names of inputs and targets,
    the classes, and the standardisation of a set made with ``standardise=True``, unless it
    has them already: its weights were learned in those units, so it keeps them. A set, or
    a ``validation``, of other inputs or classes than the net's is refused: class 1 would
    not be class 1. ``net.classes = None`` lets the net learn other ones.

    Ctrl-C ends training and returns the history of the finished epochs; the weights
    are those of the last complete update, as they are after WorkersLostError, which is raised
    when no worker is left. Raises DivergedError when the error becomes nan or inf;
    ValueError and TypeError for arguments that make no sense.
    """
    if not isinstance(net, MLP):
        raise TypeError(f'train teaches an MLP; net must be one, not {said(net)}')
    teacher_set, error = _samples(teacher_set, targets), error_by_name(error)
    size = batch_size(mode, teacher_set)
    for name, answer in ('shuffle', shuffle), ('compiled', compiled), ('bar', bar):
        if answer is not None and not isinstance(answer, bool):
            refuse(name, 'True, False or None', answer)
    shuffle = not isinstance(mode, str) if shuffle is None else shuffle
    optimiser = named('optimiser', optimiser, OPTIMISERS)() if isinstance(optimiser, str) else optimiser
    if isinstance(optimiser, type) or not callable(getattr(optimiser, 'step', None)):
        refuse('optimiser', 'a name or an object with a method step', optimiser)
    schedule = named('schedule', schedule, SCHEDULES) if isinstance(schedule, str) else schedule
    function('schedule', schedule, 'a name or a function of the epoch and of epochs')
    metrics = metrics_by_name(metrics)
    random = generator(seed)
    if callback is not None:
        function('callback', callback, 'a function of an Epoch or None')
    if learning_rate is None:
        raise TypeError('train wants learning_rate=h, with 0 < h <= 1; none was given')
    _check(net, teacher_set, validation, learning_rate, epochs, patience, l2, clip)
    if checkpoint is not None:
        file_path('checkpoint', checkpoint)
    elif checkpoint_every is not None:
        raise TypeError(f'checkpoint_every={checkpoint_every!r} wants checkpoint=, the file to be written')
    if shards is not None:
        whole('shards', shards)
    if not (executor is None or callable(executor)):
        an_executor(executor)
    if executor is not None and size == 1:
        raise ValueError('on-line learning updates after every sample: there is nothing for workers to share')
    with _taking_over(net, teacher_set):
        parameters = net.trainable()
        history = History()
        try:
            E = error_of(net, teacher_set, error, epochs, compiled, executor, shards)
        except WorkersLostError as lost:
            history.stopped_by, lost.history = 'workers', history
            raise
        start = [p.data for p in parameters]
        state = State(start, optimiser, random, array('q', range(len(teacher_set))), start)
        keeper = None
        if checkpoint is not None:
            settings = {
                'the net': the_net(net), 'the teacher set': mark(teacher_set),
                'the learning rate': learning_rate, 'mode': mode, 'shuffle': shuffle, 'l2': l2, 'clip': clip,
                'error': known_as(error, 'the error', parameters), 'optimiser': the_optimiser(optimiser),
                'schedule': known_as(schedule, 'the schedule'),
                'seed': seed if isinstance(seed, int) else None, 'validation': mark(validation), 'patience': patience,
                'compiled': E.compiled, 'shards': E.parts,
            }  # fmt: skip
            keeper = Checkpoint(checkpoint, checkpoint_every, settings)
            state = keeper.go_on(state, lambda epoch: _rate(learning_rate, schedule(epoch, epochs), epoch), epochs)
            set_weights(parameters, state.weights)
        history.epochs = state.epochs
        history.compiled = E.compiled
        pass_over = Pass(net, E, state, size, l2, clip)
        try:
            with progress(epochs, bar) as show:
                for record in history:
                    show(record)
                history.stopped_by = state.stopped
                left = range(len(history) + 1, epochs + 1) if state.stopped == 'epochs' else ()
                for epoch in left:
                    h = _rate(learning_rate, schedule(epoch, epochs), epoch)
                    if shuffle:
                        state.order = array('q', shuffled(state.random, state.order))
                    finished = Epoch(epoch, pass_over(h, shuffle), learning_rate=h)
                    record = measured(E, net.sizes[-1], teacher_set, validation, error, metrics, finished)
                    state.epochs.append(record)
                    show(record)
                    if patience is not None:
                        watched = E.error(teacher_set) if record.validation is None else record.validation
                        if state.best.age(epoch, watched, [p.data for p in parameters]) >= patience:
                            state.stopped = history.stopped_by = 'patience'
                    if callback is not None and callback(record):
                        history.stopped_by = 'callback'
                    state.earlier, state.weights = state.weights, [p.data for p in parameters]
                    if keeper and (keeper.is_due(epoch) or epoch == epochs or history.stopped_by != 'epochs'):
                        keeper.keep(state, history)
                    if history.stopped_by != 'epochs':
                        break
                history.best_epoch = state.best.epoch
                if history.best_epoch is not None:
                    set_weights(parameters, state.best.weights)
        except KeyboardInterrupt:
            history.stopped_by = 'interrupt'
        except WorkersLostError as lost:
            history.stopped_by = 'workers'
            lost.history = history
            raise
        except NotFinite as trouble:
            history.stopped_by = 'divergence'
            set_weights(parameters, state.weights)
            if not is_finite(E.error(teacher_set)):
                set_weights(parameters, state.earlier)
            raise DivergedError(len(history) + 1, str(trouble), history) from trouble.__cause__
        return history


def _samples(inputs: Any, targets: Any) -> Samples:
    """Return the teacher set, made of inputs and targets if it is not there yet."""
    if isinstance(inputs, (TeacherSet, LargeTeacherSet)):
        if targets is not None:
            raise TypeError(f'a {type(inputs).__name__} has its targets already; {said(targets)} came beside it')
        return inputs
    if targets is None:
        raise TypeError(
            f'a net learns from a TeacherSet(inputs, targets), not from a {type(inputs).__name__} alone, '
            f'{reprlib.repr(inputs)}; inputs and targets make one: train(net, X, y, ...)'
        )
    return TeacherSet(inputs, targets)


def _rate(h: Number, factor: Number, epoch: int) -> Number:
    rate = h * factor
    if not 0 < rate <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1; the schedule makes it {rate!r} in epoch {epoch}')
    return rate


def batch_size(mode: str | int, teacher_set: Samples) -> int:
    """Return how many samples an update has, at most; raise ValueError for a mode that there is not."""
    if isinstance(mode, int) and not isinstance(mode, bool) and mode >= 1:
        return mode
    sizes = {'batch': len(teacher_set), 'online': 1}
    if not isinstance(mode, str) or mode not in sizes:
        raise ValueError(f"mode is 'batch', 'online', or the size of mini-batches, from 1 on, not {mode!r}")
    return sizes[mode]


def _check(
    net: MLP,
    teacher_set: Samples,
    validation: TeacherSet | None,
    learning_rate: Number,
    epochs: int,
    patience: int | None,
    l2: Number,
    clip: Number | None,
) -> None:
    """Refuse what makes no sense before anything is learned."""
    within('the learning rate h', learning_rate, '0 < h <= 1', lambda h: 0 < h <= 1)
    whole('epochs', epochs)
    whole('patience', 1 if patience is None else patience)
    if validation is not None:
        instance('validation', validation, (TeacherSet, LargeTeacherSet), 'a TeacherSet or None')
    within('l2', l2, 'at least 0', lambda x: x >= 0)
    if clip is not None:
        within('clip', clip, 'more than 0', lambda x: x > 0)
    for what, samples in (('teacher', teacher_set), ('validation', validation)):
        width = net.inputs if samples is None else len(samples.inputs[0])
        if width != net.inputs:
            raise ValueError(f'the {what} set has rows of {width} inputs; {net!r} takes {net.inputs}')
    if validation is not None:
        if validation.weights is not None and teacher_set.weights is None:
            raise ValueError('the validation set has weights, the teacher set none: give them to both')
        agree(teacher_set, 'the teacher set', validation, 'the validation set')
        agree(net, 'the net', validation, 'the validation set')
    if not net.trainable():
        raise ValueError(f'{net!r} has nothing to learn: all its parameters are frozen')


class Pass:
    """One pass over a teacher set: forward, backward and update, batch after batch."""

    def __init__(
        self, net: MLP, E: ErrorOf, state: State, size: int, l2: Number = 0.0, clip: Number | None = None
    ) -> None:
        self.E, self.state, self.size, self.l2, self.clip = E, state, size, l2, clip
        self.parameters = net.trainable()
        self.decaying = {w for neuron in net.neurons_within() for w in neuron.weights} if l2 else set()
        self.options: dict[str, Any] = {'optimiser': state.optimiser, 'clip': clip}
        if l2:
            self.options['l2'] = [l2 if p in self.decaying else 0.0 for p in self.parameters]
        has_rule = isinstance(state.optimiser, Rule) and state.optimiser.is_whole
        self.program = E if has_rule and isinstance(E, CompiledError) and E.descends(size) else None

    def __call__(self, h: Number, shuffled: bool) -> Number:
        """Teach the net with learning rate h; return E, summed over the batches as they were met."""
        order, size = self.state.order, self.size
        total: Number = 0
        if self.program:
            return self._descend(self.program, h)
        for start in range(0, len(order), size):
            whole = size >= len(order) and not shuffled
            E, slopes = self.E.gradient(None if whole else order[start : start + size])
            finite(E)
            self._update(slopes, h)
            total = finite(total + E)
        return total

    def _update(self, slopes: Sequence[Number], h: Number) -> None:
        """Set new weights, all or none; refuse a nan or an inf among them."""
        pairs = zip(slopes, self.parameters)
        gradients = [decayed(p.data, g, self.l2) if p in self.decaying else g for g, p in pairs]
        if self.clip is not None:
            gradients = clipped(gradients, self.clip)
        weights = self.state.optimiser.step([p.data for p in self.parameters], gradients, h)
        weights = [real(w, 'a new weight') for w in weights]
        for w in weights:
            finite(w, 'a weight would have become')
        set_weights(self.parameters, weights)

    def _descend(self, program: CompiledError, h: Number) -> Number:
        """Do an epoch in machine code; return its error."""
        try:
            return finite(program.descend(self.state.order, self.size, h, **self.options))
        except ArithmeticError as trouble:
            raise NotFinite(str(trouble).partition(';')[0]) from trouble  # its epochs are those of one call
