"""Comparisons of a ``Value``, written down as they are made: which, how they came out, and where.

>>> from microgradnet.engine.value import Value
>>> from microgradnet.engine.context import comparisons, holding
>>> x, log = Value(2.0), Log()
>>> with holding(comparisons, log.tell):
...     x > 1, x > 3
(True, False)
>>> [(guard.relation, guard.held) for guard in log.guards], log.sides[0] is x
([('gt', True), ('gt', False)], True)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import inf, nextafter
from typing import Any, NamedTuple

from ..engine.numbers import Fraction, as_float
from ..engine.origins import Origin, here
from ..engine.value import Value, lift

__all__ = ['BranchError', 'Guard', 'Log', 'Said', 'in_floats', 'is_on']


class BranchError(RuntimeError):
    """A row would take another branch than the one that was recorded."""


class Said(NamedTuple):
    """A line of source in words: what another process can know of an ``Origin``."""

    words: str
    source: str
    span: tuple[int | None, ...]

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
        if self.relation != other.relation or one == two:
            return self.relation == other.relation
        return str(one) == str(two) and one.span == two.span  # in another process, or rewritten to be recorded

    def __reduce__(self) -> Any:
        return Guard, (self.relation, self.held, Said(str(self.origin), self.origin.source, self.origin.span))


class Log:
    """The comparisons made so far: their guards, and their sides as nodes.

    outcomes: how the first of them come out, whatever the numbers are.
    most: BranchError is raised when there are more than so many.
    outer: who is told of them, too, and then says how they come out.
    beside: lines of files; what is compared there is none of them, and comes out as it does.
    """

    def __init__(
        self, outcomes: Sequence[bool] = (), most: int | None = None, outer: Callable[..., bool] | None = None,
        beside: Collection[tuple[str, int]] = (),
    ) -> None:  # fmt: skip
        self.guards: list[Guard] = []
        self.sides: list[Value] = []
        self.outcomes, self.most, self.outer, self.beside = outcomes, most, outer, beside

    def tell(self, relation: str, a: Any, b: Any, held: bool) -> bool:
        found = in_floats(relation, b)
        if found and not is_on(self.beside):
            place = len(self.guards)
            if place == self.most:
                raise BranchError('a recording compares more often than the one before')
            if place < len(self.outcomes):
                held = self.outcomes[place]
            relation_, number = found
            self.guards.append(Guard(relation_, held, here()))
            self.sides += [lift(a), lift(number)]
        return self.outer(relation, a, b, held) if self.outer else held


def is_on(lines: Collection[tuple[str, int]]) -> bool:
    """Tell whether one of some lines of files is running now."""
    return bool(lines) and here().place in lines


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
