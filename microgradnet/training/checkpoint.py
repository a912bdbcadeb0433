"""What training remembers from one epoch to the next, kept in a file so that a killed run goes on where it was.

The first line of the file names its format and has a hash of all that follows, which is checked before any of that
is used. It is numbers and text (``packing``), no pickle: to read a checkpoint runs no code, whoever wrote it.

>>> from pathlib import Path; from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     place = Path(folder) / 'state'
...     keeper = Checkpoint(place, 1, {'learning rate': 0.1})
...     keeper.save(State([1.0], Descent(), Random(0), [0], epochs=[Epoch(1, 0.5)]))
...     len(keeper.load(State([0.0])).epochs)
...     try:
...         Checkpoint(place, 1, {'learning rate': 0.2}).load(State([0.0]))
...     except ValueError as refusal:
...         print(str(refusal).split(': ')[1])
1
learning rate was 0.1, and is 0.2 now
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from .._files import FilePath, check_writable, write_whole
from ..engine.numbers import Fraction, Number
from ..nets.net import MLP
from .history import Best, Epoch, History, Reason
from .known import hash_of, known_as
from .large import LargeTeacherSet, Samples
from .optimisers import Descent, Optimiser
from .packing import pack, unpack

__all__ = ['Checkpoint', 'CheckpointWarning', 'State', 'mark', 'the_net', 'the_optimiser']

FORMAT, VERSION = 'microgradnet checkpoint', 2
#: Without another wish the state is written when so many seconds have passed.
SECONDS = 10.0


@dataclass
class State:
    """The weights between two epochs, and all else that the epochs to come depend on.

    ``earlier`` are the weights with which the last epoch began; ``stopped`` is ``'patience'`` if that is out.
    """

    weights: list[Number]
    optimiser: Optimiser = field(default_factory=Descent)
    random: Random = field(default_factory=Random)
    order: MutableSequence[int] = field(default_factory=list)
    earlier: list[Number] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    epochs: list[Epoch] = field(default_factory=list)
    stopped: Reason = 'epochs'


class CheckpointWarning(RuntimeWarning):
    """The state of a training could not be written; the training goes on. ``history`` is what it has done so far."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Checkpoint:
    """A file of a training's state.

    every: after so many epochs it is written; None is after the epoch in which ten seconds have passed.
    settings: what the weights to come depend on, beside the state; a file of other settings is refused.

    Raises OSError if the file could not be written.
    """

    def __init__(self, path: FilePath, every: int | None, settings: Mapping[str, Any]) -> None:
        if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise ValueError(f'checkpoint_every must be a whole number of epochs, at least 1, not {every!r}')
        check_writable(path)
        self.path, self.every, self.settings = Path(path), every, {name: repr(s) for name, s in settings.items()}
        self.written = monotonic()

    def load(self, state: State) -> State | None:
        """Put what is in the file into a state, and return that; None if there is no file.

        Raises ValueError for any other file, and for one of which a single bit is not as it was written.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        settings, packed = self._parts(content)
        for name, now in self.settings.items():
            if settings.get(name) != now:
                was = f'{name} was {settings.get(name)}, and is {now} now'
                raise ValueError(f'the checkpoint {self.path} is of another training: {was}')
        try:
            return _restored(packed, state)
        except ValueError as trouble:
            raise ValueError(f'{self.path} is not a checkpoint that can be used: {trouble}') from trouble

    def _parts(self, content: bytes) -> tuple[dict[str, str], bytes]:
        """Check the file's hash; return the settings, and the state as it was packed."""
        if content[:1] == b'\x80':
            raise ValueError(
                f'{self.path} is not a checkpoint that this version reads, but a pickle, as versions before wrote it: '
                'reading one can run code. Finish that training by the version that began it, or remove the file'
            )
        head, _, rest = content.partition(b'\n')
        name, _, digest = head.rpartition(b' ')
        if name != f'{FORMAT} {VERSION}'.encode():
            if name.startswith(FORMAT.encode()):
                raise ValueError(f'{self.path} is not a checkpoint that this version reads, but {name[:60]!r}')
            raise ValueError(f'{self.path} is not a checkpoint: it does not begin with {FORMAT!r}')
        if digest != _digest(rest):
            raise ValueError(f'{self.path} is not a checkpoint that can be used: it is damaged, its hash does not fit')
        size, _, rest = rest.partition(b'\n')
        try:
            settings = unpack(rest[: int(size)])
            if not isinstance(settings, dict):
                raise ValueError('there are no settings')
        except ValueError as trouble:
            raise ValueError(f'{self.path} is not a checkpoint that can be used: {trouble}') from trouble
        return settings, rest[int(size) :]

    def go_on(self, state: State, rate: Callable[[int], Number], epochs: int) -> State:
        """Return the state with what is in the file, if there is one.

        Raises ValueError if that has more epochs than are wanted, or went at another learning rate; TypeError if
        the state is one that a file cannot hold.
        """
        _packed(state)
        self.load(state)
        if len(state.epochs) > epochs:
            raise ValueError(f'the checkpoint {self.path} has {len(state.epochs)} epochs, and epochs is {epochs}')
        for past in state.epochs:
            if (h := rate(past.epoch)) != past.learning_rate:
                was = f'the learning rate in epoch {past.epoch} was {past.learning_rate}, and is {h} now'
                raise ValueError(f'the checkpoint {self.path} is of another training: {was}')
        return state

    def is_due(self, epoch: int) -> bool:
        """Tell whether the state is to be written after an epoch."""
        return monotonic() - self.written >= SECONDS if self.every is None else epoch % self.every == 0

    def save(self, state: State) -> None:
        """Write the state, whole or not at all."""
        self.written = monotonic()
        settings = pack(self.settings)
        rest = f'{len(settings)}\n'.encode() + settings + _packed(state)
        write_whole(self.path, f'{FORMAT} {VERSION} '.encode() + _digest(rest) + b'\n' + rest)

    def keep(self, state: State, history: History) -> None:
        """Write the state. If that fails the file is as it was, and the history has the error; a warning says so once.

        Better a training without a checkpoint than no training; the next time it is due it is tried again.
        """
        try:
            self.save(state)
            history.unsaved = None
        except (OSError, TypeError, ValueError) as trouble:
            first, history.unsaved = history.unsaved is None, trouble
            if first:
                told = f'the checkpoint {self.path} was not written; training goes on. {trouble}'
                warnings.warn(CheckpointWarning(told, history), stacklevel=3)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=32).hexdigest().encode()


def _packed(state: State) -> bytes:
    best = state.best
    columns = {part.name: _columns([getattr(epoch, part.name) for epoch in state.epochs]) for part in fields(Epoch)}
    return pack({
        'weights': state.weights, 'earlier': state.earlier, 'stopped': state.stopped, 'random': state.random,
        'order': state.order, 'best': (best.error, best.epoch, best.weights), 'optimiser': state.optimiser,
        'epochs': columns,
    }, 'the state of training')  # fmt: skip


def _restored(packed: bytes, state: State) -> State:
    """Put what was packed into a state, its optimiser and its source of random numbers; all, or nothing."""
    like = {'random': state.random, 'optimiser': state.optimiser}
    content = unpack(packed, like, _check(state))
    state.weights, state.earlier, state.stopped = content['weights'], content['earlier'], content['stopped']
    state.order = content['order']
    state.best.error, state.best.epoch, state.best.weights = content['best']
    columns = {name: _rows(column) for name, column in content['epochs'].items()}
    state.epochs = [Epoch(**dict(zip(columns, row))) for row in zip(*columns.values(), strict=True)]
    return state


def _check(state: State) -> Callable[[Any], None]:
    """Return what refuses content that is not such a state, before any of it is put in its place."""
    wanted = {'weights', 'earlier', 'stopped', 'random', 'order', 'best', 'optimiser', 'epochs'}

    def check(content: Any) -> None:
        if not isinstance(content, dict) or {*content} != wanted:
            raise ValueError('it is not the state of a training')
        best = content['best'][2]
        for weights in (content['weights'], *filter(None, (content['earlier'], best))):
            if len(weights) != len(state.weights) or not all(isinstance(w, (float, Fraction)) for w in weights):
                raise ValueError(f'it should have {len(state.weights)} weights')
        if sorted(content['order']) != [*range(len(state.order))] and len(state.order):
            raise ValueError(f'it should have the order of {len(state.order)} samples')
        if {*content['epochs']} != {part.name for part in fields(Epoch)}:
            raise ValueError('it has other records of its epochs')

    return check


def _columns(column: list[Any]) -> Any:
    """Turn dictionaries that all have the same keys into columns: many numbers are kept best together."""
    if column and all(isinstance(row, Mapping) and [*row] == [*column[0]] for row in column):
        return {'of': len(column), 'columns': {name: [row[name] for row in column] for name in column[0]}}
    return [dict(row) if isinstance(row, Mapping) else row for row in column]


def _rows(column: Any) -> list[Any]:
    if isinstance(column, dict):
        columns = column['columns']
        return [{name: columns[name][place] for name in columns} for place in range(column['of'])]
    return list(column)


def the_net(net: MLP) -> tuple[Any, ...]:
    """Return what a net is known by: all of it but the numbers that it learns."""
    frozen = [[p.data if p in neuron.frozen else None for p in neuron.parameters()] for neuron in net.neurons_within()]
    functions, learned = [n.activation.g for n in net.neurons_within()], net.trainable()
    known = {id(g): known_as(g, 'an activation', learned) for g in functions}
    kinds = [known[id(g)] for g in functions]
    hashes = f'activations {hash_of(kinds)}', f'numbers that stay {hash_of(frozen)}'
    return net, f'{len(learned)} parameters to learn', *hashes, net.standardisation


def the_optimiser(optimiser: Optimiser) -> str:
    """Return what an optimiser is known by, beside what it remembers: how it steps, and what it says it is."""
    said = repr(optimiser)
    said = type(optimiser).__qualname__ if said.startswith('<') else said
    ways = (getattr(type(optimiser), name, None) for name in ('step', 'rule', 'numbers'))
    return ', '.join([said, *(known_as(way, 'the optimiser') for way in ways if way)])


def mark(samples: Samples | None) -> Any:
    """Return what a set is known by: a hash of all its samples, targets too."""
    if samples is None:
        return None
    if isinstance(samples, LargeTeacherSet):
        return samples, samples.digest()
    weights = () if samples.weights is None else (samples.weights,)
    return samples, hash_of((samples.inputs, samples.targets, *weights))
