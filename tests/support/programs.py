"""Straight-line programs for the tests: the public strategy, with every step kept for walks from several roots."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from microgradnet.engine.value import Value
from microgradnet.testing.program import Apply, Expression, Legal, by_function, by_operator
from microgradnet.testing.strategies import expressions, legal, small_points, wild

__all__ = [
    'FLOATS',
    'FRACTIONS',
    'OPERATORS',
    'POINTS',
    'WILD',
    'Program',
    'by_function',
    'by_operator',
    'programs',
    'record',
    'tame',
    'values',
    'wild',
]

Program = Expression
tame = legal

#: Python's operators that a ``Value`` has, by how they are written.
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    '+': operator.add,
    '-': operator.sub,
    '*': operator.mul,
    '/': operator.truediv,
    '**': operator.pow,
}
#: Any floats, and small whole ones among them.
FLOATS = st.one_of(st.floats(), st.integers(-4, 4).map(float))
POINTS = small_points()
FRACTIONS = small_points(exact=True)
#: Where backward must not raise: everywhere.
WILD = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1e308, -1e308, 1.0])
)


def record(program: Program, apply: Apply = by_function) -> list[Any]:
    """Run a program on Values; return all results, constants as the numbers they are."""
    return program.run(apply, [Value(leaf) for leaf in program.leaves])


def values(results: Iterable[Any]) -> list[Value]:
    """Return the nodes among some results, each once (a bool ``where`` returns its branch itself)."""
    return [*{id(node): node for node in results if isinstance(node, Value)}.values()]


def programs(
    names: Sequence[str] | None = None,
    points: SearchStrategy[Any] = POINTS,
    legal: Legal = tame,
    steps: int = 12,
    constants: bool = True,
) -> SearchStrategy[Program]:
    """Draw a program of which nothing is left out, four steps at least tried."""
    return expressions(names, points, steps=steps, constants=constants, allowed=legal, fewest=4, whole=True)
