"""Branches: what a recording compared, so that a replay knows whether it would go another way.

>>> from microgradnet.value import Value
>>> x = Value(2.0, label='x')
>>> with recording():
...     y = x * x if x > 1 else x
>>> [guard] = paths_of([x])[0].guards
>>> guard.relation, guard.held
('gt', True)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from weakref import ref

from ..arithmetic import comparisons
from ..graph import topological_order
from ..origins import Origin, here
from ..recorders import lift
from ..value import Constant, Value
from .instructions import Instruction, Listing
from .lowering import compute, freeze

__all__ = ['BranchError', 'Guard', 'Path', 'log', 'paths_of', 'recording']


class BranchError(RuntimeError):
    """A row would take another branch than the one that was recorded."""


class Guard(NamedTuple):
    """One comparison: its relation, whether it held, and the line that made it."""

    relation: str
    held: bool
    origin: Origin

    def holds(self, a: float, b: float) -> bool:
        """Tell whether two numbers compare as the recorded ones did."""
        return bool(compute(self.relation, a, b)) is self.held

    def __str__(self) -> str:
        return f'the branch at {self.origin}: {self.origin.source or "(source not at hand)"}'


@dataclass(frozen=True)
class Path:
    """The comparisons of one recording, and a listing that computes their two sides, in pairs.

    ``leaves`` are the leaves they depend on, the numbers of the listing's row.
    """

    guards: tuple[Guard, ...]
    listing: Listing
    leaves: tuple[ref[Value], ...]

    def over(self, rows: Sequence[Value], parameters: Sequence[Value]) -> Listing:
        """Return the listing for a program's rows and parameters; any other leaf is a constant."""
        places = {node: ('parameter', place) for place, node in enumerate(parameters)}
        places |= {node: ('row', place) for place, node in enumerate(rows)}
        instructions = []
        for name, operands in self.listing.instructions:
            if name == 'row':
                leaf = self.leaves[operands[0]]()
                name, operand = places.get(leaf) or ('number', float(leaf.data if leaf else 0.0))
                operands = (operand,)
            instructions.append(Instruction(name, operands))
        return Listing(tuple(instructions), self.listing.outputs, len(rows), len(parameters), {}, self.listing.customs)


class Log:
    """The comparisons made so far: their guards, and their sides as nodes."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.sides: list[Value] = []

    def tell(self, relation: str, a: Any, b: Any, held: bool) -> None:
        self.guards.append(Guard(relation, held, here()))
        self.sides += [lift(a), lift(b)]


@contextmanager
def log() -> Iterator[Log]:
    """Write down every comparison of a Value that is made here, in this thread or task."""
    written = Log()
    token = comparisons.set(written.tell)
    try:
        yield written
    finally:
        comparisons.reset(token)


@contextmanager
def recording() -> Iterator[None]:
    """Watch where the code inside branches on a ``Value``, so that programs made of its values are safe.

    A comparison, ``bool``, ``if``, or Python's ``max`` of a ``Value`` chooses a path once,
    while the graph is recorded; a program that replays it for other numbers would follow
    that path though the code would not. Programs over leaves that were compared in here
    check every row, and raise ``BranchError``, which names the line, for one that would go
    another way. It holds for this thread or task.

    >>> from microgradnet.compiling import compile
    >>> x = Value(2.0)
    >>> with recording():
    ...     y = x * x if x > 1 else x
    >>> square = compile(y, rows=[x], backend='python')
    >>> square([3.0])
    9.0
    >>> square([0.5])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    microgradnet.compiling.guards.BranchError: row 0 would take another branch than the recording: ...
    """
    with log() as written:
        try:
            yield
        finally:
            _remember(written)


def _remember(written: Log) -> None:
    leaves = [n for n in topological_order(*written.sides) if n.op is None and not isinstance(n, Constant)]
    if leaves:
        path = Path(tuple(written.guards), freeze(written.sides, leaves, []), tuple(map(ref, leaves)))
        for leaf in leaves:
            key = id(leaf)
            if key not in _paths:
                _paths[key] = ref(leaf, partial(_forget, key)), []
            _paths[key][1].append(path)


def _forget(key: int, _: object) -> None:
    _paths.pop(key, None)


#: The paths that each living leaf has a part in, by its identity.
_paths: dict[int, tuple[ref[Value], list[Path]]] = {}


def paths_of(leaves: Sequence[Value]) -> list[Path]:
    """Return the paths of all finished recordings in which any of the leaves was compared."""
    found = {id(path): path for leaf in leaves if id(leaf) in _paths for path in _paths[id(leaf)][1]}
    return [*found.values()]


