"""Straight-line programs over the table of operations, their operands shared.

A program is a list of steps, ``(name of an operation, indices of its operands)``;
indices count leaves first, then constants, then the results of earlier steps, and
one index may come up any number of times. A tree would never catch a walk that
visits a node twice or writes ``=`` for ``+=``; a shared operand does.

A program runs on anything: the ``apply`` it is given says what a step means.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from microgradnet import functions
from microgradnet.operations import operations
from microgradnet.value import Value

Apply = Callable[[str, Sequence[Any]], Any]
Legal = Callable[[str, Sequence[Any], Sequence[bool]], Any]
Step = tuple[str, tuple[int, ...]]

#: Integers by preference: a tie, a kink or two mixed-up operands show at once there.
POINTS = st.one_of(
    st.integers(-3, 3).map(float), st.integers(-9, 9).map(lambda n: n / 4), st.floats(-4, 4, width=16)
)
FRACTIONS = st.one_of(
    st.integers(-3, 3).map(Fraction), st.fractions(min_value=-4, max_value=4, max_denominator=6)
)
#: Where backward must not raise: everywhere.
WILD = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1e308, -1e308, 1.0])
)


@dataclass(frozen=True)
class Program:
    """Leaves, constants and the steps that follow from them."""

    leaves: tuple[Any, ...]
    constants: tuple[Any, ...] = ()
    steps: tuple[Step, ...] = ()

    def run(self, apply: Apply, leaves: Iterable[Any]) -> list[Any]:
        """Return the leaves given, the constants and what ``apply`` makes of every step."""
        results = [*leaves, *self.constants]
        for name, operands in self.steps:
            results.append(apply(name, [results[index] for index in operands]))
        return results

    def __str__(self) -> str:
        return f'leaves {self.leaves}, constants {self.constants}, ' + '; '.join(
            f'{name}{operands}' for name, operands in self.steps
        )


def by_function(name: str, operands: Sequence[Any]) -> Any:
    """Apply the function of the table, to Values, numbers or arrays."""
    return getattr(functions, name)(*operations[name].split(operands))


def by_operator(name: str, operands: Sequence[Any]) -> Any:
    """Apply Python's operator where the row has one, else the method, else the function."""
    op = operations[name]
    if not any(isinstance(operand, Value) for operand in operands):
        return by_function(name, operands)
    if op.method:
        return getattr(operator, op.method)(*operands)
    if op.vectors or not isinstance(operands[0], Value):
        return by_function(name, operands)
    return getattr(operands[0], name)(*operands[1:])


def record(program: Program, apply: Apply = by_function) -> list[Any]:
    """Run a program on Values; return all results, constants as the numbers they are."""
    return program.run(apply, [Value(leaf) for leaf in program.leaves])


def values(results: Iterable[Any]) -> list[Value]:
    """Return the nodes among some results, each once (a bool ``where`` returns its branch itself)."""
    return [*{id(node): node for node in results if isinstance(node, Value)}.values()]


def tame(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Any:
    """Return a step's value if it and its partials are finite and of moderate size, else None."""
    op = operations[name]
    groups = op.split([float(operand) for operand in operands])
    y = op.value('python')(*groups)
    partials = zip(op.partials('ieee')(*groups, y), constant, strict=True)
    needed = [partial for partial, fixed in partials if partial is not None and not fixed]
    return y if all(abs(number) < 1e4 for number in [y, *needed]) else None


def wild(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Any:
    """Return any step's value, in the arithmetic that never raises."""
    op = operations[name]
    return float(op.value('ieee')(*op.split([float(operand) for operand in operands])))


@st.composite
def programs(
    draw: DrawFn,
    names: Sequence[str] | None = None,
    points: SearchStrategy[Any] = POINTS,
    legal: Legal = tame,
    steps: int = 12,
    constants: bool = True,
) -> Program:
    """Draw a program over the rows named, or over all that the table has at that moment.

    A step that is not ``legal`` where it would stand (it raises, or is None) is left
    out rather than drawn anew: so every draw is a program, and dropping or lowering
    any number in it gives a smaller one. Operands count back from the latest result.
    """
    names = [*operations] if names is None else names
    leaves = tuple(draw(st.lists(points, min_size=1, max_size=3)))
    program = Program(leaves, tuple(draw(st.lists(points, max_size=2))) if constants else ())
    data = [*program.leaves, *program.constants]
    fixed = [False] * len(leaves) + [True] * len(program.constants)
    # Every other step joins several operands: in a chain, any order of visit is right.
    joining = [name for name in names if len(operations[name].parameters) > 1] or names
    step = st.tuples(
        st.one_of(st.sampled_from(names), st.sampled_from(joining)),
        st.lists(st.integers(0, 6), min_size=8, max_size=8),
    )
    for name, places in draw(st.lists(step, min_size=4, max_size=steps)):
        op = operations[name]
        size = (1 + places[7] % 3) * len(op.vectors) + len(op.scalars)
        operands = tuple(len(data) - 1 - place % len(data) for place in places[:size])
        constant = [fixed[index] for index in operands]
        try:
            y = legal(name, [data[index] for index in operands], constant)
        except (ArithmeticError, ValueError):
            continue
        if y is not None:
            program = replace(program, steps=(*program.steps, (name, operands)))
            data.append(y)
            fixed.append(all(constant))
    return program
