"""Operations held against many digits: the rows of the table, and operations of one's own.

``check_operation``  a row, or a ``custom`` operation, in ulps, at hundreds of wide points
``check_custom``     a ``custom`` operation, at moderate points, with a shrunk counterexample

>>> report = check_operation('sinh')
>>> report.ulps <= 2, report.points > 200
(True, True)
>>> from microgradnet.engine.custom import custom
>>> check_custom(custom(lambda t: t * t * t, lambda t: 3 * t, name='cube'))
Traceback (most recent call last):
    ...
microgradnet.testing.rows.OperationError: cube is wrong at a = -1.0: d/da should be 3.0, and is -3.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from ..engine.checks import MOST, said, whole, within
from ..engine.custom import Custom
from ..engine.table import Operation, operations
from .foreign.straight import smallest
from .places import Operands, flat, is_defined, is_kink, known_operation, operand_sets
from .recorded import custom_partials
from .truth import Truth, true_partials, true_value

__all__ = ['OperationError', 'OperationReport', 'Trial', 'check_custom', 'check_operation', 'named', 'trials', 'truths']


@dataclass(frozen=True)
class Trial:
    """One point at which an operation is tried: its operands, and the truth where it is asked for."""

    operands: Operands
    value: Truth | None = None
    partials: tuple[Truth | None, ...] | None = None

    @property
    def is_finite(self) -> bool:
        return all(map(math.isfinite, flat(self.operands)))


class OperationError(AssertionError):
    """An operation is wrong: ``operation``, ``operands``, ``what`` ('y', 'd/da'), ``found`` and ``wanted``."""

    operation: Operation
    operands: Operands
    what: str
    found: Any
    wanted: float

    def __init__(
        self, operation: Operation, operands: Operands, what: str, found: Any, wanted: float, ulps: float
    ) -> None:
        self.operation, self.operands, self.what, self.found, self.wanted = operation, operands, what, found, wanted
        self.ulps = ulps
        where = ', '.join(f'{p} = {x!r}' for p, x in zip(operation.parameters, operands))
        off = f' ({ulps:.3g} ulps off)' if found is not None and 0 < ulps < 1e6 else ''
        super().__init__(f'{operation.name} is wrong at {where}: {what} should be {wanted!r}, and is {found!r}{off}')


@dataclass(frozen=True)
class OperationReport:
    """What a check has found: points tried, partials judged at them, and the largest error of one, in ulps."""

    operation: Operation
    points: int
    judged: int
    ulps: float
    at: Operands | None

    def __str__(self) -> str:
        where = f', at {", ".join(map(repr, self.at))}' if self.at and self.ulps else ''
        said = f'{self.operation.name}: {self.judged} derivatives at {self.points} points'
        return f'{said}; the largest error is {self.ulps:.2f} ulps{where}'


def check_operation(op: Operation | str, *, ulps: float | None = None, seed: int = 0) -> OperationReport:
    """Hold an operation's value and partials against the truth at hundreds of points of every size.

    ``op`` is a row of the table, its name, an ``Operation`` that is not in the table, or
    what ``custom`` returns. The truth is a calculus book's, in 60 digits; that of a row
    which the book has not, a difference quotient of its value in 900 digits. Points where
    the row states a kink, and those outside its domain, are not judged, nor is the slope
    of a value that has overflowed. ``ulps`` is the largest error allowed, the row's own if
    not given; another ``seed`` tries other points.

    Raises OperationError that shows the simplest of the points that fail.
    """
    op = known_operation(op)
    if ulps is not None:
        within('ulps', ulps, 'at least 0', lambda x: x >= 0)
    whole('seed', seed, -MOST)
    if isinstance(op, Custom):
        tried = [*_custom_trials(op, operand_sets(op, seed), strict=True)]
    else:
        tried = trials(op.name, seed) if op.name in operations else _trials(op, seed)
    found = [(trial, _errors(op, trial)) for trial in tried]
    limit = op.ulps if ulps is None else ulps
    wrong = [(trial, error) for trial, errors in found for error in errors if error.ulps > limit]
    if wrong:
        raise min(wrong, key=lambda pair: _complexity(pair[0].operands))[1]
    return _report(op, len(tried), [error for _, errors in found for error in errors if error.what != 'y'])


def check_custom(op: Operation, *, ulps: float = 2.0**20, examples: int = 200) -> OperationReport:
    """Refuse an operation of one's own whose partials are not the derivatives of its value.

    The truth is found from the value alone: if it can be recorded, by differencing its
    graph in 900 digits, else by extrapolated differences, whose error is estimated and
    allowed. Operands are moderate, up to 1e6. ``ulps`` allows for partials in a form
    that loses a few digits; ``check_operation`` is strict. Points at or next to a kink
    are left out.

    Raises OperationError with a counterexample that Hypothesis has made as simple as it can.
    """
    if not isinstance(op, Custom):
        raise TypeError(f'check_custom wants what custom() returns, not {said(op)}; for a row there is check_operation')
    within('ulps', ulps, 'at least 0', lambda x: x >= 0)
    whole('examples', examples)
    found: list[list[OperationError]] = []

    def fails(operands: Operands) -> bool:
        [trial] = _custom_trials(op, [operands], strict=False)
        found.append(_errors(op, trial))
        return any(error.ulps > ulps for error in found[-1])

    number = _moderate()
    strategy = st.lists(number, min_size=1, max_size=4).map(lambda terms: (terms,))
    if not op.vectors:
        strategy = st.tuples(*[number] * len(op.parameters))
    simplest = smallest(strategy, fails, examples)
    if simplest is not None:
        fails(simplest)
        raise max(found[-1], key=lambda error: error.ulps)
    return _report(op, len(found), [error for errors in found for error in errors])


def _report(op: Operation, points: int, judged: Sequence[OperationError]) -> OperationReport:
    """Report on so many points, none of which fails: ``judged`` are the errors that there would be."""
    worst = max(judged, key=lambda error: error.ulps, default=None)
    return OperationReport(op, points, len(judged), worst.ulps if worst else 0.0, worst.operands if worst else None)


@cache
def trials(name: str, seed: int = 0) -> list[Trial]:
    """Return the points for a row of the table; the truth is known where its derivative is defined."""
    return _trials(operations[name], seed)


def truths(op: Operation, operands: Operands) -> list[Truth | None] | None:
    """Return the true partials, or None where they are not to be judged: a kink, out of the domain, a nan."""
    if isinstance(op, Custom):
        return custom_partials(op, operands, strict=False)
    reference = operations.get(op.name, op)
    if any(math.isnan(x) for x in flat(operands)) or not is_defined(op, operands) or is_kink(op, operands):
        return None
    return true_partials(reference, operands)


def _trials(op: Operation, seed: int) -> list[Trial]:
    result = []
    for operands in operand_sets(op, seed):
        known = not any(map(math.isnan, flat(operands))) and is_defined(op, operands)
        smooth = known and not is_kink(op, operands)
        value = true_value(op, operands) if known else None
        result.append(Trial(operands, value, tuple(true_partials(op, operands)) if smooth else None))
    return result


def _custom_trials(op: Custom, places: Iterable[Operands], strict: bool) -> Iterator[Trial]:
    for operands in places:
        found = custom_partials(op, operands, strict) if all(map(math.isfinite, flat(operands))) else None
        yield Trial(operands, None, None if found is None else tuple(found))


def _errors(op: Operation, trial: Trial) -> list[OperationError]:
    """Return the value and every partial, as the error it would be, with its size in ulps."""
    if trial.value is None and trial.partials is None:
        return []
    y = op.value('ieee')(*trial.operands)
    result = []
    if trial.value is not None and trial.is_finite and not op.is_kernel:
        result.append(OperationError(op, trial.operands, 'y', y, trial.value.near, trial.value.ulps(y)))
    if trial.partials is None or (trial.is_finite and math.isinf(y)):
        return result  # a value that has overflowed has nothing left to say of its slope
    got = op.partials('ieee')(*trial.operands, y)
    for place, (found, truth) in enumerate(zip(got, trial.partials, strict=True)):
        what = f'd/d{named(op, trial.operands, place)}'
        if found is None or truth is None:
            ulps = 0.0 if found is truth or (truth and truth.near == 0) else math.inf
            result.append(OperationError(op, trial.operands, what, found, truth.near if truth else 0.0, ulps))
        elif trial.is_finite or not math.isnan(found):
            result.append(OperationError(op, trial.operands, what, found, truth.near, truth.ulps(found)))
    return result


def named(op: Operation, operands: Operands, place: int) -> str:
    """Return the name of the operand at a place of a node's inputs: a, or a[2]."""
    names = op.split([*range(len(flat(operands)))])
    for parameter, places in zip(op.parameters, names, strict=True):
        if places == place:
            return parameter
        if isinstance(places, list) and place in places:
            return f'{parameter}[{places.index(place)}]'
    raise IndexError(place)


def _complexity(operands: Operands) -> tuple[int, float]:
    numbers = flat(operands)
    return sum(len(repr(x)) for x in numbers), sum(map(abs, numbers))


def _moderate() -> st.SearchStrategy[float]:
    whole = st.integers(-5, 5).map(float)
    parts = st.tuples(st.sampled_from([1, -1]), st.integers(100, 999), st.integers(-6, 4))
    wide = parts.map(lambda part: float(f'{part[0] * part[1]}e{part[2] - 2}'))
    return st.one_of(whole, st.integers(-40, 40).map(lambda n: n / 8), wide)
