"""A function and its gradient, both written by hand, held against each other.

>>> report = check_function(lambda x: x * x, lambda x: 2 * x, [0.0, 1.5])
>>> print(report)
f: nothing found
>>> print(check_function(lambda x: x[0] * x[1], lambda x: [x[1], x[1]], [[1.0, 1.0], [2.0, 3.0]]))
f: 1 wrong
<BLANKLINE>
WRONG. A wrong number, or none, at ordinary points: whoever uses the engine meets it.
<BLANKLINE>
1. df/dx[1]: wanted 2.0, came 3.0
The derivative is wrong.
    point = [2.0, 3.0]
    print(gradient(point)[1])  # wanted 2.0, came 3.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from types import ModuleType
from typing import Any

from hypothesis.strategies import SearchStrategy

from ..derivatives.trees import take_apart
from ..engine.checks import function, refuse, whole, within
from ..engine.functions import is_array
from .differences import along
from .foreign.check import CRASH
from .foreign.edges import KINK, LEGAL
from .foreign.straight import smallest
from .recorded import true_slopes
from .report import Finding, Report, Severity, in_a_line

__all__ = ['check_function']

#: Numbers of these sizes are ordinary, and 0; so far from a point are the slopes of its two sides taken.
SMALL, LARGE, STEP = 1e-6, 1e6, 2.0**-14
#: What two slopes in floats may be apart, and still be one.
LOOSE, FLOOR = 1e-5, 1e-9
#: So many different mistakes are shrunk.
SHRUNK = 5


def check_function(
    f: Callable[[Any], Any],
    gradient: Callable[[Any], Any],
    points: Any,
    *,
    tolerance: float = 1e-6,
    examples: int = 200,
) -> Report:
    """Report where a gradient is not that of its function, at the simplest point that shows it.

    f takes one number, or one structure of numbers (lists, tuples, dicts, arrays), and returns one
    number; ``gradient`` takes the same, and returns the derivatives in the same order. ``points`` is a
    list of what they take, or a strategy of Hypothesis, ``points()`` for one, that draws ``examples``
    of it and shrinks what it finds.

    The truth is found from f alone: if it runs on Values, in 900 digits, else by extrapolated
    differences, whose error is estimated and allowed, beside ``tolerance`` as a part of the derivative.
    At a kink the slopes of both sides are found: any between them is legal, and a ``'convention'`` if it is not
    the smallest; a number that is none of them is wrong at an ``'edge'``, as is what is wrong at numbers that
    are very large or small only. Points at which f has no value, or nothing is known, are passed over; ValueError,
    where these are all.

    The report is that of ``check_engine``: a list of findings, the worst first, empty if all is well.
    """
    function('f', f)
    function('gradient', gradient)
    within('tolerance', tolerance, 'above 0', lambda x: x > 0)
    whole('examples', examples)
    pair = _Pair(f, gradient, float(tolerance))
    found: dict[tuple[str, str], Finding] = {}
    if isinstance(points, SearchStrategy):

        def collect(point: Any) -> bool:
            found.update((key, finding) for key, finding in pair.findings(point) if key not in found)
            return False

        def shows(key: tuple[str, str]) -> Callable[[Any], bool]:
            return lambda point: key in dict(pair.findings(point))

        smallest(points, collect, examples)
        for key in _worst(found)[:SHRUNK]:
            point = smallest(points, shows(key), examples)
            found[key] = dict(pair.findings(point)).get(key, found[key])
    elif (isinstance(points, (list, tuple)) or (is_array(points) and points.ndim)) and len(points):
        for point in points:
            found = {**dict(pair.findings(point)), **found}
    else:
        refuse('points', 'a list of points, one at least, or a strategy of Hypothesis', points)
    if not found and not pair.judged:  # an empty report would say that all is well
        raise ValueError(f'{pair.name} has no value, or no derivative that can be known, at any of the points')
    return Report(pair.name, [found[key] for key in _worst(found)])


def _worst(found: dict[tuple[str, str], Finding]) -> list[tuple[str, str]]:
    """List what was found, but not what is wrong at an edge only because it is so everywhere."""
    return [
        key for key, finding in found.items()
        if finding.severity != 'edge' or finding.kind == 'edge' or ('wrong', finding.title) not in found
    ]  # fmt: skip


class _Pair:
    """A function and a gradient, and how they are judged at a point."""

    def __init__(self, f: Any, gradient: Any, tolerance: float) -> None:
        self.f, self.gradient, self.tolerance, self.judged = f, gradient, tolerance, False
        self.name, self.called = _known(f) or 'f', _known(gradient) or 'gradient'
        first = _known(gradient).partition('.')[0]
        self.opening = f'from {gradient.__module__} import {first}\n' * bool(first)

    def findings(self, point: Any) -> Iterator[tuple[tuple[str, str], Finding]]:
        """Yield what is wrong at a point, each under its severity and the derivative's name."""
        leaves, build = take_apart(point, 'a point', objects=False)
        numbers = [*map(float, leaves)]

        def value(*numbers: float) -> float:
            return _number(self.f(build(numbers)))

        try:
            y = value(*numbers)
        except (ArithmeticError, ValueError):
            return
        if not math.isfinite(y):
            return
        truths = [*self.truths(value, numbers, y, build)]
        self.judged = self.judged or any(off < math.inf for _, _, off in truths)
        try:
            came, _ = take_apart(self.gradient(build(numbers)), 'what the gradient returned')
        except Exception as error:
            smooth = all(greatest - least <= off < math.inf for least, greatest, off in truths)
            severity = self.size(numbers) if smooth else 'edge'
            yield self.finding(point, '', 'crash', 'numbers', in_a_line(error), CRASH, severity)
            return
        if len(came) != len(numbers):
            wanted, many = (f'{n} number{"s" * (n != 1)}' for n in (len(numbers), len(came)))
            yield self.finding(point, '', 'shape', wanted, many, SHAPE, 'wrong')
            return
        for place, given, (least, greatest, off) in zip(_places(point), came, truths):
            number, right = float(given), least
            kind, severity, why = 'gradient', self.size(numbers), WRONG
            if greatest - least > off:
                right = min(max(least, 0.0), greatest)
                legal = least - off <= number <= greatest + off
                kind, severity = 'edge', 'convention' if legal else 'edge'
                why = LEGAL.format(least, greatest) if legal else KINK
            if not abs(number - right) <= off:
                yield self.finding(point, place, kind, repr(right), repr(number), why, severity)

    def truths(
        self, value: Callable[..., float], numbers: list[float], y: float, build: Any
    ) -> Iterator[tuple[float, float, float]]:
        """Yield the least and the greatest slope by each number, and what is allowed; anything if it is not known."""
        ordinary = self.size(numbers) == 'wrong'
        exact = true_slopes(lambda *xs: self.f(build(xs)), value, numbers, 2.0**-50, differences=ordinary)
        if exact is not None:
            scale = max([abs(y), *(abs(truth.near) for truth in exact if truth)])
            for truth in exact:
                near, allowed = (truth.near, truth.allowed) if truth else (0.0, math.inf)
                yield near, near, allowed + self.tolerance * abs(near) + 1e-12 * scale
            return
        for place, x in enumerate(numbers):
            one = along(value, numbers, place)
            sides = [_one_sided(one, x, y, step) if ordinary else None for step in (-STEP, STEP)]
            if sides[0] is None or sides[1] is None:
                yield 0.0, 0.0, math.inf
            else:
                least, greatest = sorted([sides[0], sides[1]])
                yield least, greatest, LOOSE * max(abs(least), abs(greatest)) + FLOOR

    def size(self, numbers: Sequence[float]) -> Severity:
        return 'wrong' if all(x == 0 or SMALL <= abs(x) <= LARGE for x in numbers) else 'edge'

    def finding(
        self, point: Any, place: str, kind: str, wanted: str, came: str, why: str, severity: Severity
    ) -> tuple[tuple[str, str], Finding]:
        title = f'd{self.name}/dx{place}' if kind in ('gradient', 'edge') else f'{self.called}(point)'
        numpy = 'from numpy import array\n' * ('array(' in repr(point))
        lines = f'point = {point!r}\nprint({self.called}(point){place})  # wanted {wanted}, came {came}'
        source = f'{self.opening}{numpy}{lines}'
        return (severity, title), Finding(kind, title, wanted, came, source, why, severity)


def _number(result: Any) -> float:
    """Return what f has returned as a float."""
    numbers, _ = take_apart(result, 'the result')
    if len(numbers) != 1:
        raise TypeError(f'the function must return one number; it returned {len(numbers)} of them')
    return float(numbers[0])


def _one_sided(f: Callable[[float], float], x: float, y: float, step: float) -> float | None:
    """Return the slope on one side, extrapolated to a step of 0; None if it is not known."""
    step *= max(1.0, abs(x))
    try:
        values = [f(x + step / 2**k) for k in range(4)]
    except (ArithmeticError, ValueError):
        return None
    first, second, third, fourth = ((z - y) / step * 2**k for k, z in enumerate(values))
    before, slope = (8 * third - 6 * second + first) / 3, (8 * fourth - 6 * third + second) / 3
    rounding = 64 * math.ulp(1.0) * max(map(abs, [y, *values])) / abs(step)
    if not abs(slope - before) <= LOOSE / 8 * abs(slope) + rounding:
        return None
    return float(round(slope, 12)) + 0.0  # a whole number, if it is one but for rounding


def _known(thing: Any) -> str:
    """Return the name by which a program can import a function; nothing if none can."""
    name = getattr(thing, '__qualname__', '')
    bound = not isinstance(getattr(thing, '__self__', None), (ModuleType, type(None)))
    return '' if bound or '<' in name or not getattr(thing, '__module__', '') else name


def _places(structure: Any, name: str = '') -> Iterator[str]:
    """Yield what stands behind a structure's name to get each of its numbers.

    >>> [*_places({'w': [1.0, 2.0], 'b': 3.0})]
    ["['w'][0]", "['w'][1]", "['b']"]
    """
    if is_array(structure):
        for place in product(*map(range, structure.shape)):
            yield f'{name}[{", ".join(map(str, place))}]' if place else name
    elif isinstance(structure, (dict, list, tuple)):
        pairs = structure.items() if isinstance(structure, dict) else enumerate(structure)
        for key, part in pairs:
            yield from _places(part, f'{name}[{key!r}]')
    else:
        yield name


WRONG = 'The derivative is wrong.'
SHAPE = 'A gradient has as many numbers as the point, in the same order.'
