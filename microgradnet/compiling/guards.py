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

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf, nextafter
from typing import Any, NamedTuple
from weakref import ref

from .._processes import uncollected
from ..engine.context import comparisons, holding, one_loop
from ..engine.numbers import Fraction, as_float
from ..engine.origins import Origin, here
from ..engine.value import Constant, Value, lift
from ..engine.walks import topological_order
from .ir.choices import chosen
from .ir.routine import Routine
from .ir.sweeps import prepare, routine
from .ir.tape import PARAMETER, ROW, Tape
from .while_loop import recorder

__all__ = ['BranchError', 'BranchWarning', 'Branches', 'Guard', 'branches_of', 'log', 'outcomes', 'recording']


class BranchError(RuntimeError):
    """A row would take another branch than the one that was recorded."""


class BranchWarning(UserWarning):
    """A compiled function takes so many paths that some are better computed plainly."""


class Said(NamedTuple):
    """A line of source in words: what another process can know of an ``Origin``."""

    words: str
    source: str
    instruction: int

    def __str__(self) -> str:
        return self.words


class Guard(NamedTuple):
    """One comparison: its relation, whether it held, and the line that made it."""

    relation: str
    held: bool
    origin: Origin | Said

    def __str__(self) -> str:
        return f'the branch at {self.origin}: {self.origin.source or "(source not at hand)"}'

    def is_like(self, other: Guard) -> bool:
        """Tell whether another one is of the same comparison, in whatever process it was made."""
        one, two = self.origin, other.origin
        if self.relation != other.relation or one.instruction != two.instruction:
            return False
        return one == two or (type(one) is not type(two) and str(one) == str(two))

    def __reduce__(self) -> Any:
        return Guard, (self.relation, self.held, Said(str(self.origin), self.origin.source, self.origin.instruction))


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


class Log:
    """The comparisons made so far: their guards, and their sides as nodes.

    With ``outcomes``, those of another recording, comparisons come out as they did there,
    whatever the numbers are; one more than there were raises BranchError.
    """

    def __init__(self, outcomes: Sequence[bool] | None = None) -> None:
        self.guards: list[Guard] = []
        self.sides: list[Value] = []
        self.outcomes, self.outer = outcomes, comparisons.get()

    def tell(self, relation: str, a: Any, b: Any, held: bool) -> bool:
        found = in_floats(relation, b)
        if found:
            if self.outcomes is not None:
                if len(self.guards) == len(self.outcomes):
                    raise BranchError('a recording compares more often than the one before')
                held = self.outcomes[len(self.guards)]
            relation_, number = found
            self.guards.append(Guard(relation_, held, here()))
            self.sides += [lift(a), lift(number)]
        return self.outer(relation, a, b, held) if self.outer else held


def in_floats(relation: str, b: Any) -> tuple[str, Any] | None:
    """Say of floats what a relation to b says, which Python compares exactly; None if that never changes.

    >>> in_floats('lt', 2**53 + 1), in_floats('gt', Fraction(1, 3)), in_floats('eq', 2**53 + 1)
    (('le', 9007199254740992.0), ('gt', 0.3333333333333333), None)
    """
    if not isinstance(b, (int, Fraction)):
        return relation, b
    near = as_float(b)
    if near == b:
        return relation, near
    below = near if near < b else nextafter(near, -inf)
    side = {'lt': 'le', 'le': 'le', 'gt': 'gt', 'ge': 'gt'}.get(relation)
    return (side, below) if side else None


@contextmanager
def log(outcomes: Sequence[bool] | None = None) -> Iterator[Log]:
    """Write down every comparison of a Value that is made here, in this thread or task."""
    written = Log(outcomes)
    loops = recorder(outcomes is not None, BranchError, in_floats, written)
    with holding(comparisons, written.tell), holding(one_loop, loops):
        yield written


@contextmanager
def outcomes() -> Iterator[list[bool]]:
    """Note how every comparison of a Value comes out here, and nothing else of it."""
    noted: list[bool] = []
    outer = comparisons.get()

    def tell(relation: str, a: Any, b: Any, held: bool) -> bool:
        held = outer(relation, a, b, held) if outer else held
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
    microgradnet.compiling.guards.BranchError: row 0 would take another branch than the recording: ...
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


