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
from collections.abc import Mapping, MutableSequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from .files import FilePath, write_whole
from .history import Epoch, Reason
from .measuring import Best
from .optimisers import Descent, Optimiser
from .reals import Number

__all__ = ['Checkpoint', 'State']

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

    def is_due(self, epoch: int) -> bool:
        """Tell whether the state is to be written after an epoch."""
        return monotonic() - self.written >= SECONDS if self.every is None else epoch % self.every == 0

    def save(self, state: State) -> None:
        """Write the state, whole or not at all."""
        write_whole(self.path, pickle.dumps((FORMAT, VERSION, self.settings, state)))
        self.written = monotonic()
