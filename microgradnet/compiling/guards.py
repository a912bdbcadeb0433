"""Branches: what a recording compared, so that a replay knows whether it would go another way.

>>> from microgradnet.engine.value import Value
>>> x = Value(2.0, label='x')
>>> with recording():
...     y = x * x if x > 1 else x
>>> [guard] = branches_of([x])[0].guards
>>> guard.relation, guard.held
('gt', True)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import ref

from .._processes import uncollected
from ..engine.context import comparisons, holding, one_loop
from ..engine.value import Constant, Value
from ..engine.walks import topological_order
from .comparisons import BranchError, Guard, Log, is_on
from .ir.choices import chosen
from .ir.routine import Routine
from .ir.sweeps import prepare, routine
from .ir.tape import PARAMETER, ROW, Tape
from .while_loop import recorder

__all__ = ['BranchError', 'BranchWarning', 'Branches', 'Guard', 'branches_of', 'log', 'outcomes', 'recording']


class BranchWarning(UserWarning):
    """A compiled function takes so many paths that some are better computed plainly."""


@dataclass(frozen=True)
class Branches:
    """The comparisons of one recording, and a tape of which comes out another way first: its number from 1 on, or 0.

    ``leaves`` are the leaves they depend on, the numbers of the tape's row; ``numbers``
    what those were, for leaves that are no more.
    """

    guards: tuple[Guard, ...]
    first: Tape
    leaves: tuple[ref[Value], ...]
    numbers: tuple[float, ...]

    def over(self, rows: Sequence[Value], parameters: Sequence[Value]) -> Routine:
        """Return that for a program's rows and parameters; any other leaf is a constant."""
        return routine(self.first.over(self._leaves(rows, parameters), len(rows), len(parameters)))

    def _leaves(self, rows: Sequence[Value], parameters: Sequence[Value]) -> list[int | float]:
        code = {node: ROW + place for place, node in enumerate(rows)}
        code |= {node: PARAMETER + place for place, node in enumerate(parameters)}
        living = zip((leaf() for leaf in self.leaves), self.numbers)
        return [number if leaf is None else code.get(leaf, float(leaf._data)) for leaf, number in living]

    def __reduce__(self) -> Any:
        return Branches, (self.guards, self.first, (), ())  # for a program's own routine, no leaf is asked for again


@contextmanager
def log(outcomes: Sequence[bool] | None = None, beside: Collection[tuple[str, int]] = ()) -> Iterator[Log]:
    """Write down every comparison of a Value that is made here, in this thread or task.

    With ``outcomes``, those of another recording, comparisons come out as they did there, whatever the numbers are;
    one more than there were raises BranchError. Those ``beside`` them, on some lines of files, are let alone.
    """
    again = outcomes is not None
    written = Log(outcomes or (), len(outcomes or ()) if again else None, comparisons.get(), beside)
    loops = recorder(again, written)
    with holding(comparisons, written.tell), holding(one_loop, loops):
        yield written


@contextmanager
def outcomes(beside: Collection[tuple[str, int]] = ()) -> Iterator[list[bool]]:
    """Note how every comparison of a Value comes out here, and nothing else of it; but for those on some lines."""
    noted: list[bool] = []
    outer = comparisons.get()

    def tell(relation: str, a: Any, b: Any, held: bool) -> bool:
        held = outer(relation, a, b, held) if outer else held
        if not is_on(beside):
            noted.append(held)
        return held

    with holding(comparisons, tell):
        yield noted


@contextmanager
def recording() -> Iterator[None]:
    """Watch where the code inside branches on a ``Value``, so that programs made of its values are safe.

    A comparison, ``bool``, ``if``, or Python's ``max`` of a ``Value`` chooses a path once,
    while the graph is recorded; a program that replays it for other numbers would follow
    that path though the code would not. Programs over leaves that were compared in here
    check every row, and raise ``BranchError``, which names the line, for one that would go
    another way. It holds for this thread or task. The garbage collector pauses meanwhile, which makes the recording of
    a long program twice to four times as fast.

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
    microgradnet.compiling.comparisons.BranchError: row 0 would take another branch than the recording: ...
    """
    with uncollected(), log() as written:
        try:
            yield
        finally:
            _remember(written)


def _remember(written: Log) -> None:
    leaves = [n for n in topological_order(*written.sides) if n.op is None and not isinstance(n, Constant)]
    numbers = tuple(float(leaf._data) for leaf in leaves)
    if leaves:
        first: Value = Constant(0.0)
        for place in reversed(range(len(written.guards))):
            guard, (a, b) = written.guards[place], written.sides[2 * place : 2 * place + 2]
            other = Constant(place + 1.0)
            first = chosen(guard.relation, a, b, *((first, other) if guard.held else (other, first)))
        branches = Branches(tuple(written.guards), prepare([first], leaves, []), tuple(map(ref, leaves)), numbers)
        for leaf in leaves:
            key = id(leaf)
            if key not in _branches:
                _branches[key] = ref(leaf, partial(_forget, key)), []
            _branches[key][1].append(branches)


def _forget(key: int, _: object) -> None:
    _branches.pop(key, None)


#: The branches that each living leaf has a part in, by its identity.
_branches: dict[int, tuple[ref[Value], list[Branches]]] = {}


def branches_of(leaves: Sequence[Value]) -> list[Branches]:
    """Return the branches of all finished recordings in which any of the leaves was compared."""
    found = {id(one): one for leaf in leaves if id(leaf) in _branches for one in _branches[id(leaf)][1]}
    return [*found.values()]


