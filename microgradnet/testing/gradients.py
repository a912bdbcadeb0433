"""A gradient checked in three ways: forward, in reverse, and by differences.

>>> report = check_gradient(lambda x: x[0] * x[1].tanh(), [2.0, 0.5])
>>> report.ulps < 4, report.kink
(True, inf)
>>> print(check_gradient(lambda x: (x * x - 1.0).relu(), 3.0))
df/dx: forward 6.0, reverse 6.0 (0 ulps), differences agree; nearest kink 1.3 away
>>> check_gradient(lambda x: x * x.data, 3.0)
Traceback (most recent call last):
    ...
microgradnet.testing.gradients.GradientError: df/dx is wrong
  f = x * 3.0, where x = 3.0
  reverse      3.0
  differences  6.0 +- 1.4e-13
  no operation is to blame: the graph holds a number that changes with the point (3.0), taken by .data,
  detach() or float(), or f gives another result at every call; say stop_gradient() if that is meant

Which operation of a graph has a wrong derivative: each one held against the truth at its own operands.

>>> from microgradnet.engine.custom import custom
>>> from microgradnet.engine.walks import topological_order
>>> wrong = custom(lambda t: t * t, lambda t: 3 * t, name='square')
>>> x = Value(2.0)
>>> print(most_to_blame(topological_order(wrong(x.exp()) + x)))
most to blame: square, at a = 7.38905609893065: d/da is 22.16716829679195, and should be 14.7781121978613
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..derivatives.graphs import gradients, tangents
from ..derivatives.trees import take_apart
from ..engine.checks import function, within
from ..engine.context import ieee_arithmetic
from ..engine.numbers import Fraction
from ..engine.table import Operation
from ..engine.value import Constant, Value, record, signals
from ..engine.walks import topological_order
from ..formulas.printing import text
from .differences import Estimate, along, derivative
from .kinks import Recording
from .places import Operands
from .rows import named, truths

__all__ = ['Blame', 'Entry', 'GradientError', 'GradientReport', 'check_gradient', 'most_to_blame']


@dataclass(frozen=True)
class Entry:
    """One derivative, found in three ways.

    ``ulps`` is how far forward and reverse are apart, in units in the last place of the
    sum of the absolute products along all paths (so that cancelling is no error); nan if
    that sum is out of range. ``differences`` is None where none could be had, and
    ``remark`` then says why. ``kink`` is about how far the nearest kink is.
    """

    name: str
    forward: Any
    reverse: Any
    ulps: float
    differences: Estimate | None
    kink: float
    remark: str = ''

    def __str__(self) -> str:
        said = 'not judged' if math.isnan(self.ulps) else f'{self.ulps:.3g} ulps'
        near = '' if self.kink == math.inf else f'; nearest kink {self.kink:.2g} away'
        return f'{self.name}: forward {self.forward}, reverse {self.reverse} ({said}), {self.remark}{near}'


@dataclass(frozen=True)
class GradientReport:
    """What a check has found: an entry for every derivative."""

    entries: tuple[Entry, ...]

    @property
    def ulps(self) -> float:
        """How far forward and reverse are apart at most."""
        return max((entry.ulps for entry in self.entries if entry.ulps == entry.ulps), default=0.0)

    @property
    def kink(self) -> float:
        """About how far the nearest kink is, if one leaf moves."""
        return min((entry.kink for entry in self.entries), default=math.inf)

    def __str__(self) -> str:
        return '\n'.join(map(str, self.entries))


class GradientError(AssertionError):
    """A gradient is wrong; ``entry`` has its numbers, ``blame`` the operation most to blame, or None."""

    entry: Entry
    blame: Blame | None

    def __init__(self, message: str, entry: Entry, blame: Blame | None) -> None:
        super().__init__(message)
        self.entry, self.blame = entry, blame


def check_gradient(
    f: Callable[[Any], Any], point: Any, order: int = 1, *, ulps: float | None = None
) -> GradientReport:
    """Check every first derivative of f at a point, and with ``order=2`` every second one.

    f takes one number, or one structure of numbers (lists, tuples, dicts, arrays), and
    returns one number. Forward and reverse mode must agree within ``ulps`` (if not given,
    8 and 4 more for every node), or exactly if the point is of fractions. Both must agree
    with extrapolated differences within their estimated error. Differences are only taken
    among points that no kink separates, so that at a kink, or next to one, forward is held
    against reverse alone. Before f is blamed, every operation's derivative is held against
    the truth at its own operands: a difference that deceives blames nobody.

    The cost is 40 to 60 recordings of f for every number in the point, and with order 2 as
    many for every pair of them. Raises GradientError, an AssertionError that shows the expression, the point,
    the numbers that disagree and the operation most to blame.
    """
    function('f', f)
    if ulps is not None:
        within('ulps', ulps, 'at least 0', lambda x: x >= 0)
    if isinstance(order, bool) or not isinstance(order, int) or order not in (1, 2):
        raise ValueError(f'order must be 1 or 2, not {order!r}')
    leaves, build = take_apart(point, 'the point')
    check = _Check(f, leaves, build, ulps)
    names = [x.label for x in check.record().xs]
    entries = check.entries('df/d{}', names)
    for by, name in enumerate(names if order == 2 else []):
        entries += check.entries(f'd2f/d{name}d{{}}', names, level=2, by=by)
    return GradientReport(tuple(entries))


class _Check:
    """A function at a point, and how it is judged."""

    def __init__(self, f: Any, leaves: list[Any], build: Any, limit: float | None) -> None:
        self.f, self.build, self.limit = f, build, limit
        self.leaves = [leaf.data if isinstance(leaf, Value) else leaf for leaf in leaves]

    def record(self, leaves: Sequence[Any] | None = None, level: int = 1, by: int = 0) -> Recording:
        return Recording(self.f, self.leaves if leaves is None else leaves, self.build, level, by)

    def entries(self, name: str, names: list[str], level: int = 1, by: int = 0) -> list[Entry]:
        """Judge the derivative of what is looked at by every leaf."""
        here = self.record(level=level, by=by)
        bounds = here.bounds()
        reverse = _reverse(here)
        limit = self.limit if self.limit is not None else 8 + 4 * len(here.order)
        result = []
        for place, kink in enumerate(here.kink_distances()):
            [change] = tangents([here.root], here.xs, [float(other is here.xs[place]) for other in here.xs])
            ulps = _apart(change.data, reverse[place], bounds.of[here.xs[place]] if bounds else None)
            slope, remark = None, 'no differences: too large or too small, or not finite'
            if bounds and math.isfinite(reverse[place]) and math.isfinite(here.root.data):
                slope, remark = self.differences(here, place, kink, bounds.noise, level, by)
            entry = Entry(name.format(names[place]), change.data, reverse[place], ulps, slope, kink, remark)
            result.append(self.judge(entry, here, limit))
        return result

    def differences(
        self, here: Recording, place: int, kink: float, noise: float, level: int, by: int
    ) -> tuple[Estimate | None, str]:
        """Take differences along one leaf, among points on this side of every kink."""
        floats = [*map(float, self.leaves)]

        def there(*leaves: float) -> float | None:
            recording = self.record(leaves, level, by)
            return float(recording.root.data) if here.on_same_piece(recording) else None

        slope = derivative(along(there, floats, place), floats[place], noise, reach=kink)
        return slope, 'differences agree' if slope else 'no differences: at a kink or an end of the domain'

    def judge(self, entry: Entry, here: Recording, limit: float) -> Entry:
        """Return the entry, or raise what is wrong with it."""
        slope = entry.differences
        if entry.ulps > limit:
            raise self.error(entry, here, most_to_blame(here.order))
        if slope is None or abs(float(entry.reverse) - slope.value) <= 8 * slope.error + 1e-300:
            return entry
        blame = most_to_blame(here.order)
        smuggled = None if blame else self.smuggled(here, slope.step)
        if blame or smuggled is not None:
            raise self.error(entry, here, blame, smuggled)
        stopped = any(node.op and node.op.name == 'stop_gradient' for node in here.order)
        why = 'pass stop_gradient' if stopped else 'deceive'
        remark = f'differences {why} ({slope.value!r}): every operation is right'
        return Entry(entry.name, entry.forward, entry.reverse, entry.ulps, slope, entry.kink, remark)

    def smuggled(self, here: Recording, step: float) -> Any:
        """Return a number of the graph, not from the point, that is another at another point."""
        there = self.record([float(leaf) + step for leaf in self.leaves])
        changed = (a for a, b in zip(here.numbers, there.numbers) if a != b and (a == a or b == b))
        return next(changed, None) if here.shape == there.shape else None

    def error(self, entry: Entry, here: Recording, blame: Blame | None, smuggled: Any = None) -> GradientError:
        """Put what is wrong into words."""
        where = ', '.join(f'{x.label} = {x.data!r}' for x in here.xs)
        lines = [f'{entry.name} is wrong', f'f = {_expression(here.value)}, where {where}']
        if entry.differences is None or entry.forward != entry.reverse:
            lines += [f'forward      {entry.forward!r}']
        lines += [f'reverse      {entry.reverse!r}']
        if entry.differences is not None:
            lines += [f'differences  {entry.differences.value!r} +- {entry.differences.error:.2g}']
        if entry.kink < math.inf:
            lines += [f'the nearest kink is about {entry.kink:.2g} away']
        if blame:
            lines += [str(blame)]
        elif smuggled is not None:
            lines += [
                f'no operation is to blame: the graph holds a number that changes with the point ({smuggled!r}), '
                'taken by .data,',
                'detach() or float(), or f gives another result at every call; say stop_gradient() if that is meant',
            ]
        else:
            lines += ['no operation is to blame: the walks themselves disagree']
        return GradientError('\n  '.join(lines), entry, blame)


def _reverse(here: Recording) -> list[Any]:
    """Return what ``backward`` brings to every leaf."""
    sent = signals(here.root)
    return [sent.get(x, type(x.data)(0)) for x in here.xs]


def _apart(forward: Any, reverse: Any, bound: float | None) -> float:
    if isinstance(forward, (int, Fraction)) and isinstance(reverse, (int, Fraction)):
        return 0.0 if forward == reverse else math.inf
    if forward == reverse or (forward != forward and reverse != reverse):
        return 0.0
    return math.nan if bound is None else abs(float(forward) - float(reverse)) / math.ulp(bound)


def _expression(value: Value) -> str:
    """Print what was recorded, if written out it is not too long."""
    sizes: dict[Value, int] = {}
    order = topological_order(value)
    for node in order:
        sizes[node] = 1 + sum(sizes[source] for source in node.inputs)
    return text(value) if sizes[value] <= 120 else f'a graph of {len(order)} nodes'


#: An operation is to blame if it is this many ulps off, far beyond what a sound formula loses.
PARDONED = 2.0**12


@dataclass(frozen=True)
class Blame:
    """An operation, its operands, and the partial that is most wrong: what was found, and the truth."""

    operation: Operation
    operands: Operands
    what: str
    found: float
    wanted: float
    ulps: float

    def __str__(self) -> str:
        where = ', '.join(f'{p} = {x!r}' for p, x in zip(self.operation.parameters, self.operands))
        return (
            f'most to blame: {self.operation.name}, at {where}: '
            f'{self.what} is {self.found!r}, and should be {self.wanted!r}'
        )


def most_to_blame(order: Sequence[Value]) -> Blame | None:
    """Return the partial that is most ulps off, stored in a node or made as a graph; None if all are right."""
    found = [blame for node in order if node.op is not None for blame in _wrong(node, node.op)]
    return max(found, key=lambda blame: blame.ulps, default=None)


def _wrong(node: Value, op: Operation) -> list[Blame]:
    data = [float(source.data) for source in node.inputs]
    operands = tuple(op.split(data))
    truth = truths(op, operands) if all(map(math.isfinite, [*data, float(node.data)])) else None
    if truth is None:
        return []
    fresh = [Value(number) for number in data]
    with ieee_arithmetic():
        made = [slope.data for slope in gradients(record(op, fresh), fresh)]
    result = []
    for place, (true, stored, again) in enumerate(zip(truth, node.partials, made, strict=True)):
        if true is not None and not isinstance(node.inputs[place], Constant):
            for partial in (stored, again):
                # A signal that is None is one of 0; the table says None where none may travel.
                number = 0.0 if partial is None else float(partial)
                ulps = true.ulps(number)
                if ulps > max(PARDONED, 4 * op.ulps):
                    result.append(Blame(op, operands, f'd/d{named(op, operands, place)}', number, true.near, ulps))
    return result
