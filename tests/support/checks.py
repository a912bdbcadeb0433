"""What must hold for a row of the table: plain functions of an operation that assert it.

``test_operations`` requires them of every row, ``test_mutations_table`` requires that
one fails for every row that is wrong.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import nan
from typing import Any

import numpy
import pytest

from microgradnet.engine import cells as grammar
from microgradnet.engine.table import Operation, operations
from microgradnet.engine.value import Value, record
from microgradnet.testing.places import flat
from microgradnet.testing.rows import Trial, trials
from microgradnet.testing.truth import TRUTH
from tests.support.edges import KINKS, VALUES

__all__ = ['CHECKS', 'Trial', 'cells', 'outcome', 'python_function', 'same', 'trials']


def outcome(function: Callable[..., Any], *operands: Any) -> str:
    """Return the result to the last bit and with its sign, or the name of the exception."""
    try:
        result = function(*operands)
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__
    return 'ValueError' if isinstance(result, complex) else repr(float(result))


def python_function(op: Operation) -> Callable[..., Any] | None:
    """Return Python's operator, or the function of math of the row's name."""
    return getattr(operator, op.method or op.name, None) if op.method else getattr(math, op.name, None)


# The checks.


def check_value(op: Operation) -> None:
    """Bit for bit what Python computes, or raises; else the truth, a few ulps off."""
    oracle, value = python_function(op), op.value('python')
    for trial in trials(op.name):
        if oracle:
            assert outcome(value, *trial.operands) == outcome(oracle, *trial.operands), trial
        elif trial.value and trial.is_finite:
            assert trial.value.ulps(value(*trial.operands)) <= op.ulps, trial


def check_partials(op: Operation) -> None:
    """The truth, ``op.ulps`` off at most; where an operand is infinite the limit, or nan."""
    value, partials = op.value('ieee'), op.partials('ieee')
    for trial in trials(op.name):
        y = value(*trial.operands)
        got = partials(*trial.operands, y)
        assert len(got) == len(flat(trial.operands)) and {*map(type, got)} <= {float, type(None)}, trial
        if trial.partials is None or (trial.is_finite and math.isinf(y)):
            continue  # a value that has overflowed has nothing left to say of its slope
        for found, truth in zip(got, trial.partials, strict=True):
            if found is None or truth is None:
                assert found is truth, trial
            elif trial.is_finite or not math.isnan(found):
                assert truth.ulps(found) <= op.ulps, (trial, found)


def check_arithmetics(op: Operation) -> None:
    """Python's arithmetic and IEEE's give the same bits wherever Python does not raise."""
    for trial in trials(op.name):
        operands = trial.operands
        said = outcome(op.value('python'), *operands)
        y = float(op.value('ieee')(*operands))
        assert said in (repr(y), 'OverflowError', 'ValueError', 'ZeroDivisionError'), trial
        quiet = op.partials('ieee')(*operands, y)
        try:
            loud = op.partials('python')(*operands, y)
        except (ArithmeticError, ValueError):
            continue
        assert repr(loud) == repr(quiet), trial


def check_backward(op: Operation, apply: Callable[..., Any] | None = None) -> None:
    """What ``backward`` brings to each operand is the partial of the table; it never raises."""
    for trial in trials(op.name):
        leaves = [[*map(Value, o)] if isinstance(o, list) else Value(o) for o in trial.operands]
        try:
            node = apply(*leaves) if apply else record(op, flat(tuple(leaves)))
        except (ArithmeticError, ValueError):
            assert outcome(op.value('python'), *trial.operands).endswith('Error'), trial
            continue
        if not flat(trial.operands):
            continue  # of no operands there is no graph
        assert repr(node.data) == outcome(op.value('python'), *trial.operands), trial
        node.backward()
        partials = op.partials('ieee')(*trial.operands, node.data)
        grads = [0.0 if partial is None else 0.0 + partial * 1.0 for partial in partials]
        assert repr([leaf.grad for leaf in flat(tuple(leaves))]) == repr(grads), trial


def check_numpy(op: Operation) -> None:
    """NumPy's function of the name that the row states, a few ulps off."""
    oracle, value = getattr(numpy, op.numpy, None), op.value('python')
    if not isinstance(oracle, numpy.ufunc) or oracle.nin != len(op.parameters):
        return
    for trial in trials(op.name):
        ours = outcome(value, *trial.operands)
        if ours.endswith('Error') or not trial.is_finite:
            continue
        with numpy.errstate(all='ignore'):
            theirs = float(oracle(*trial.operands))
        assert float(ours) == theirs or abs(float(ours) - theirs) <= 4 * math.ulp(theirs), (trial, theirs)


def check_exact(op: Operation) -> None:
    """On fractions, rational rows give fractions, equal to what floats approximate."""
    for trial in trials(op.name) if is_rational(op) else ():
        operands: list[Any] = [[*map(small, o)] if isinstance(o, list) else small(o) for o in trial.operands]
        if None in flat(tuple(operands)):
            continue
        try:
            y = op.value('exact')(*operands)
            partials = op.partials('exact')(*operands, y)
        except ZeroDivisionError:
            continue
        assert {type(number) for number in (y, *partials)} <= {Fraction, type(None), int}, trial
        floats = [[float(x) for x in o] if isinstance(o, list) else float(o) for o in operands]
        about = op.value('ieee')(*floats)
        assert float(y) == pytest.approx(about, rel=1e-12, abs=1e-12), trial
        if trial.operands == tuple(floats):
            for found, approximate in zip(partials, op.partials('ieee')(*floats, about), strict=True):
                assert found is approximate or float(found) == pytest.approx(approximate, rel=1e-12), trial


def check_nan(op: Operation) -> None:
    """A nan comes out as a nan, and so does every partial that speaks of what was nan."""
    for place, parameter in enumerate(op.parameters):
        for other in (2.0, -0.5, 0.0, 1.0):
            operands: list[Any] = [[other, other] if p in op.vectors else other for p in op.parameters]
            operands[place] = [1.0, nan] if parameter in op.vectors else nan
            if (op.name, parameter, other) in NAN_IS_IGNORED or has_no_say(op, operands, place):
                continue
            y = op.value('ieee')(*operands)
            assert math.isnan(y), operands
            found = op.split(op.partials('ieee')(*operands, y))
            for cell, partial in zip(operations[op.name].partial_cells, found, strict=True):
                last = partial[-1] if isinstance(partial, (list, tuple)) else partial
                if last is not None and parameter in mentioned(operations[op.name], cell):
                    assert math.isnan(last), (operands, partial)


def check_edges(op: Operation) -> None:
    """What SEMANTICS says of the row's kinks, ties, poles and infinities."""
    for name, operands, expected in VALUES:
        if name == op.name:
            assert [op.value(arithmetic)(*operands) for arithmetic in ('python', 'ieee')] == [expected] * 2, operands
    for name, operands, partials in KINKS:
        if name == op.name:
            found = op.partials('ieee')(*operands, op.value('ieee')(*operands))
            assert same(found, partials), (operands, found)


def same(found: Sequence[float | None], expected: Sequence[float | None]) -> bool:
    """Whether numbers are equal one by one, a nan to a nan and None to None."""
    return len(found) == len(expected) and all(
        a == b or (a is not None and b is not None and a != a and b != b) for a, b in zip(found, expected, strict=True)
    )


def small(x: float) -> Fraction | None:
    return Fraction(x) if (x == x and 1e-6 < abs(x) < 1e6) or x == 0 else None


def is_rational(op: Operation) -> bool:
    """Whether nothing in a row, or in what it calls, leaves the fractions."""
    called = {name for cell in cells(op) for name in grammar.called(cell)} - {op.name}
    return not op.is_kernel and op.method != '__pow__' and all(
        name == 'abs' or is_rational(operations[name]) for name in called
    )  # fmt: skip


def has_no_say(op: Operation, operands: Sequence[Any], place: int) -> bool:
    """Whether a row that no list knows does not use an operand there: the value is the same for all of its numbers."""
    if op.name in TRUTH:
        return False
    others = ([1.0, x] if op.parameters[place] in op.vectors else x for x in (-370.0, -3.7, 0.1, 5.0, 1e9))
    return len({op.value('ieee')(*operands[:place], other, *operands[place + 1 :]) for other in others}) == 1


def cells(op: Operation) -> list[ast.expr]:
    return [op.cell, *op.partial_cells, *op.let.values()]


def mentioned(op: Operation, cell: ast.expr) -> set[str]:
    """Return the operands that a cell speaks of, by way of y and let, too."""
    names: set[str] = set()
    todo = {'y'} & grammar.named(cell) | grammar.named(cell)
    while todo:
        name = todo.pop()
        names.add(name)
        if name == 'y' or name in op.let:
            todo |= grammar.named(op.cell if name == 'y' else op.let[name]) - names
    return names


#: Where the other operands (all equal to the number) make Python ignore a nan, x ** 0 and
#: 1 ** nan, or the derivative, x ** 1; or where another operand chooses: the branch not
#: taken, a slope not used.
NAN_IS_IGNORED = {
    ('pow', 'a', 0.0),
    ('pow', 'a', 1.0),
    ('pow', 'b', 1.0),
    *((name, 'b', x) for name in ('leaky_relu', 'elu') for x in (2.0, 1.0, 0.0)),
    *(('where', 'c', x) for x in (2.0, -0.5, 1.0)),
    ('where', 'b', 0.0),
}

CHECKS: tuple[Callable[[Operation], None], ...] = (
    check_value,
    check_numpy,
    check_partials,
    check_arithmetics,
    check_backward,
    check_exact,
    check_nan,
    check_edges,
)
