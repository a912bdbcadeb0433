"""Hypothesis strategies for whoever tests gradients.

``points``        numbers of every size and sign, and those where rules go wrong
``expressions``   straight-line programs over the table, operands shared
``nets``          small nets with given weights
``teacher_sets``  small teacher sets

All take ``exact=True`` and then draw fractions in place of floats. What they draw
prints as Python source, and shrinks to something small.

>>> from hypothesis import find
>>> print(find(expressions(['mul', 'add']), lambda f: sum(name == 'mul' for name, _ in f.steps) == 1))
from microgradnet.functions import mul
<BLANKLINE>
def f(x):
    a, = x
    return mul(a, a)
<BLANKLINE>
point = (0.0,)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ..engine.checks import MOST, flag, function, instance, items, one_of
from ..engine.checks import whole as least
from ..engine.table import Operation, operations
from ..nets.net import MLP, Activation
from ..training.data import TeacherSet
from .places import SPECIAL, known_operation, mentioned, neighbours
from .program import Expression, Legal, Pick

__all__ = [
    'expressions', 'legal', 'nets', 'picking', 'points', 'small_points', 'teacher_sets', 'wild',
]  # fmt: skip


def points(operation: str | Operation | None = None, *, exact: bool = False) -> SearchStrategy[Any]:
    """Draw a finite number, of any of these kinds, small whole numbers first when it shrinks.

    Whole numbers and quarters; log-uniform from 1e-300 to 1e300, of either sign; +0, -0,
    subnormals and the largest float; and the numbers that ``operation`` speaks of (ends
    of its domain, its kinks, its thresholds) with their neighbours, or -1 and 1 with
    theirs if none is given. ``exact`` draws fractions, of the same sizes.
    """
    if flag('exact', exact):
        small = st.integers(-3, 3).map(Fraction)
        ratios = st.fractions(min_value=-4, max_value=4, max_denominator=6)
        return st.one_of(small, ratios, _sizes().map(Fraction))
    op = None if operation is None else known_operation(operation)
    stated = mentioned(op) if op else [1.0]
    ends = [near for number in stated for end in (number, -number) for near in neighbours(end) if abs(near) < math.inf]
    edges = sorted({*ends, *SPECIAL}, key=lambda x: (abs(x), math.copysign(1, x) < 0))
    return st.one_of(small_points(), st.sampled_from([*edges, -0.0]), _sizes())


def small_points(*, exact: bool = False) -> SearchStrategy[Any]:
    """Draw a mild number, a whole one by preference: ties, kinks and mixed-up operands show at once there."""
    whole = st.integers(-3, 3)
    if flag('exact', exact):
        return st.one_of(whole.map(Fraction), st.fractions(min_value=-4, max_value=4, max_denominator=6))
    quarters = st.integers(-9, 9).map(lambda n: n / 4)
    return st.one_of(whole.map(float), quarters, st.floats(-4, 4, width=16))


def _sizes() -> SearchStrategy[float]:
    """Draw a number of either sign whose logarithm is uniform from 1e-300 to 1e300."""
    exponents = st.one_of(st.integers(-3, 3), st.integers(-300, 299))
    parts = st.tuples(st.sampled_from([1, -1]), st.floats(1, 10, exclude_max=True), exponents)
    return parts.map(lambda part: part[0] * part[1] * 10.0 ** part[2])


def legal(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Any:
    """Return a step's value if it, and every partial that is needed, is finite and of moderate size.

    >>> legal('log', [1.0], [False]), legal('exp', [100.0], [False])
    (0.0, None)
    """
    op = operations[name]
    groups = op.split([float(operand) for operand in operands])
    y = op.value('python')(*groups)
    partials = zip(op.partials('ieee')(*groups, y), constant, strict=True)
    needed = [partial for partial, fixed in partials if partial is not None and not fixed]
    return y if all(abs(number) < 1e4 for number in [y, *needed]) else None


def _legal_exactly(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Fraction | None:
    """Return a step's value if it, and every partial that is needed, is a fraction of moderate size."""
    op = operations[name]
    groups = op.split([Fraction(operand) for operand in operands])
    y = op.value('exact')(*groups)
    partials = zip(op.partials('exact')(*groups, y), constant, strict=True)
    needed = [partial for partial, fixed in partials if partial is not None and not fixed]
    exact = all(isinstance(number, (Fraction, int)) for number in [y, *needed])
    moderate = exact and all(n.denominator < 10**9 and abs(n) < 10**6 for n in [y, *needed])
    return Fraction(y) if moderate else None


def wild(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Any:
    """Return any step's value, in the arithmetic that never raises: infinities and nans included."""
    op = operations[name]
    return float(op.value('ieee')(*op.split([float(operand) for operand in operands])))


def expressions(
    operations: Sequence[str] | None = None,
    leaves: SearchStrategy[Any] | None = None,
    *,
    exact: bool = False,
    steps: int = 12,
    constants: bool = True,
    allowed: Legal | None = None,
    fewest: int = 1,
    whole: bool = False,
) -> SearchStrategy[Expression]:
    """Draw an expression over the operations named, or over all that the table has at that moment.

    It has one to three leaves, drawn from ``leaves`` (``small_points`` if not given), up
    to two constants and up to ``steps`` steps; every other step joins several operands,
    for in a chain any order of visit is right. A step that is not ``allowed`` where it
    would stand (it raises, or is None) is left out, not drawn anew: so every draw is an
    expression, and dropping or lowering any number in it gives a smaller one. What the
    value does not depend on is left out too, unless ``whole``.

    ``exact`` draws fractions, and only steps that keep them.
    """
    if operations is not None:
        operations = [one_of('operation', name, _table) for name in items('operations', operations, 'a list of names')]
        least('operations', len(operations))
    if leaves is not None:
        instance('leaves', leaves, SearchStrategy, 'a strategy of Hypothesis')
    for name, answer in ('exact', exact), ('constants', constants), ('whole', whole):
        flag(name, answer)
    least('steps', steps)
    least('fewest', fewest, 0, steps)
    if allowed is not None:
        function('allowed', allowed)
    return _expressions(operations, leaves, exact, steps, constants, allowed, fewest, whole)


@st.composite
def _expressions(
    draw: DrawFn,
    operations: Sequence[str] | None,
    leaves: SearchStrategy[Any] | None,
    exact: bool,
    steps: int,
    constants: bool,
    allowed: Legal | None,
    fewest: int,
    whole: bool,
) -> Expression:
    names = [*_table] if operations is None else [*operations]
    numbers = leaves if leaves is not None else small_points(exact=exact)
    point = tuple(draw(st.lists(numbers, min_size=1, max_size=3)))
    program = Expression(point, tuple(draw(st.lists(numbers, max_size=2))) if constants else ())
    legal_here = allowed or (_legal_exactly if exact else legal)
    grown = program.grown(picking(draw), [(name, '') for name in names], legal_here, fewest, steps)
    assert grown is not None, 'one result is left out or not'
    return grown if whole else grown.needed()


def picking(draw: DrawFn) -> Pick:
    """Return what picks whole numbers as Hypothesis draws them."""
    return lambda low, high: draw(st.integers(low, high))


_table = operations


def nets(*, exact: bool = False, activations: Sequence[str] | None = None) -> SearchStrategy[MLP]:
    """Draw a net of one to three inputs and one to three layers of one to three neurons.

    Activations are drawn from those named: smooth and kinked ones if not given, rational
    ones if ``exact``. Weights and biases are small points.
    """
    flag('exact', exact)
    if activations is not None:
        activations = items('activations', activations, 'a list of names')
        least('activations', len(activations))
        for g in activations:
            Activation(g)
    return _nets(exact, activations)


@st.composite
def _nets(draw: DrawFn, exact: bool, activations: Sequence[str] | None) -> MLP:
    known = ['identity', 'relu', 'softsign'] if exact else ['identity', 'tanh', 'sigmoid', 'relu', 'softplus', 'gelu']
    kinds = st.sampled_from([*activations] if activations is not None else known)
    numbers = small_points(exact=exact)
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    rows = [
        (draw(st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=m, max_size=m)),
         draw(st.lists(numbers, min_size=m, max_size=m)))
        for n, m in pairwise(sizes)
    ]  # fmt: skip
    return MLP.from_weights([w for w, _ in rows], [b for _, b in rows], draw(kinds), draw(kinds))


def teacher_sets(
    inputs: int | None = None, targets: int | None = None, *, exact: bool = False, samples: int = 5
) -> SearchStrategy[TeacherSet]:
    """Draw a teacher set of one to ``samples`` samples of small points.

    ``inputs`` is the number of inputs in a row, one to three if not given; ``targets`` the
    length of a row of targets, or None for a single number each. To fit a net, draw the
    net first: ``teacher_sets(net.inputs, net.sizes[-1])``.
    """
    flag('exact', exact)
    for name, number in ('inputs', inputs), ('targets', targets), ('samples', samples):
        if number is not None or name == 'samples':
            least(name, number, most=MOST)
    return _teacher_sets(inputs, targets, exact, samples)


@st.composite
def _teacher_sets(draw: DrawFn, inputs: int | None, targets: int | None, exact: bool, samples: int) -> TeacherSet:
    numbers = small_points(exact=exact)
    width = inputs if inputs is not None else draw(st.integers(1, 3))
    count = draw(st.integers(1, samples))
    row = st.lists(numbers, min_size=width, max_size=width)
    target = numbers if targets is None else st.lists(numbers, min_size=targets, max_size=targets)
    rows, marks = (st.lists(each, min_size=count, max_size=count) for each in (row, target))
    return TeacherSet(draw(rows), draw(marks))
