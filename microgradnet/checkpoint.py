"""What training remembers from one epoch to the next, kept in a file so that a killed run goes on where it was.

The file is a pickle: load your own only.

>>> from pathlib import Path; from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     place = Path(folder) / 'state'
...     keeper = Checkpoint(place, 1, {'learning rate': 0.1})
...     keeper.save(State([1.0], Descent(), Random(0), [0], epochs=[Epoch(1, 0.5)]))
...     len(keeper.load().epochs)
...     try:
...         Checkpoint(place, 1, {'learning rate': 0.2}).load()
...     except ValueError as refusal:
...         print(str(refusal).split(': ')[1])
1
learning rate was 0.1, and is 0.2 now
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from .files import FilePath, write_whole
from .history import Epoch, Reason
from .large_set import LargeTeacherSet, Samples
from .measuring import Best
from .optimisers import Descent, Optimiser
from .reals import Number

__all__ = ['Checkpoint', 'State', 'known_as', 'mark']

FORMAT, VERSION = 'microgradnet checkpoint', 1
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


class Checkpoint:
    """A file of a training's state.

    every: after so many epochs it is written; None is after the epoch in which ten seconds have passed.
    settings: what the weights to come depend on, beside the state; a file of other settings is refused.
    """

    def __init__(self, path: FilePath, every: int | None, settings: Mapping[str, Any]) -> None:
        if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise ValueError(f'checkpoint_every must be a whole number of epochs, at least 1, not {every!r}')
        self.path, self.every, self.settings = Path(path), every, {name: repr(s) for name, s in settings.items()}
        self.written = monotonic()

    def load(self) -> State | None:
        """Return the state in the file, None if there is none. Raises ValueError for any other file."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            kind, version, settings, state = pickle.loads(content)
        except Exception as trouble:
            raise ValueError(f'{self.path} is not a checkpoint: {trouble}') from trouble
        if (kind, version) != (FORMAT, VERSION):
            raise ValueError(f'{self.path} is not a checkpoint that this version reads, but {kind!r}, {version!r}')
        for name, now in self.settings.items():
            if settings.get(name) != now:
                was = f'{name} was {settings.get(name)}, and is {now} now'
                raise ValueError(f'the checkpoint {self.path} is of another training: {was}')
        return state  # type: ignore[no-any-return]

    def go_on(self, state: State, rate: Callable[[int], Number], epochs: int) -> State:
        """Return the state in the file, or the one given if there is none.

        Raises ValueError if that has more epochs than are wanted, or went at another learning rate.
        """
        state = self.load() or state
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
        write_whole(self.path, pickle.dumps((FORMAT, VERSION, self.settings, state)))
        self.written = monotonic()


def known_as(thing: Any) -> str:
    """Return what a function or an object is known by, in another process, too.

    >>> known_as(known_as), known_as(Descent())
    ('microgradnet.checkpoint.known_as', 'Descent()')
    """
    if hasattr(thing, '__qualname__'):
        return f'{thing.__module__}.{thing.__qualname__}'
    known = repr(thing)
    return type(thing).__qualname__ if f'{id(thing):x}' in known.lower() else known


def mark(samples: Samples | None) -> Any:
    """Return what a set is known by: a hash of all its samples, targets too."""
    if samples is None:
        return None
    if isinstance(samples, LargeTeacherSet):
        return samples, samples.digest()
    return samples, blake2b(repr((samples.inputs, samples.targets)).encode(), digest_size=8).hexdigest()
