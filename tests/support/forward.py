"""Forward mode, for the tests alone: a derivative carried along beside every value.

It knows no graph and no node. Its local derivatives come from one of two places:
the table's own partials, so that reverse mode is checked as a walk, or ``BY_HAND``,
written out here from the calculus book, so that the table is not only compared
with itself. Beside the tangent goes a bound: the sum over all paths of the absolute
products. Two sums of the same terms in another order differ by a few ulps of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from microgradnet.engine.table import operations
from tests.support.programs import Program

#: A rule gives the value, and then a function for every operand's partial.
Rule = Callable[..., tuple[Any, list[Callable[[], Any]]]]


@dataclass(frozen=True)
class Dual:
    """A number, its derivative along one leaf, and the bound on that one's rounding."""

    data: Any
    tangent: Any
    bound: Any


def half(a: Any, b: Any) -> Any:
    """Tell how much of max(a, b) is a's; exactly one half at a tie."""
    return Fraction(1, 2) if a == b else Fraction(int(a > b))


def dot(*operands: Any) -> tuple[Any, list[Callable[[], Any]]]:
    """Give the rule of the weighted sum, bias last."""
    size = len(operands) // 2
    weights, inputs, bias = operands[:size], operands[size:-1], operands[-1]
    r: Any = 0
    for w, x in zip(weights, inputs, strict=True):
        r += w * x
    return r + bias, [*(lambda x=x: x for x in inputs), *(lambda w=w: w for w in weights), lambda: 1]


def added(*terms: Any) -> tuple[Any, list[Callable[[], Any]]]:
    """Give the rule of the sum, from left to right."""
    result: Any = 0
    for term in terms:
        result += term
    return result, [lambda: 1] * len(terms)


BY_HAND: dict[str, Rule] = {
    'add': lambda a, b: (a + b, [lambda: 1, lambda: 1]),
    'sub': lambda a, b: (a - b, [lambda: 1, lambda: -1]),
    'mul': lambda a, b: (a * b, [lambda: b, lambda: a]),
    'div': lambda a, b: (a / b, [lambda: 1 / b, lambda: -(a / b) / b]),
    'neg': lambda a: (-a, [lambda: -1]),
    'abs': lambda a: (abs(a), [lambda: (a > 0) - (a < 0)]),
    'pow': lambda a, b: (
        a**b,
        [lambda: b * a ** (b - 1) if b else 0, lambda: math.log(a) * a**b if a else 0],
    ),
    'relu': lambda a: (a if a > 0 else 0 * a, [lambda: 1 if a > 0 else 0]),
    'leaky_relu': lambda a, b: (
        (a, [lambda: 1, lambda: 0])
        if a > 0
        else (b * a, [lambda: b if a else sorted([0, b, 1])[1], lambda: a])
    ),
    'softsign': lambda a: (a / (1 + abs(a)), [lambda: 1 / (1 + abs(a)) ** 2]),
    'max': lambda a, b: (a if a > b else b, [lambda: half(a, b), lambda: half(b, a)]),
    'min': lambda a, b: (b if a > b else a, [lambda: half(b, a), lambda: half(a, b)]),
    'step': lambda a: (a * 0 + (a > 0), [lambda: 0]),
    'sign': lambda a: (a * 0 + (a > 0) - (a < 0), [lambda: 0]),
    'where': lambda a, b, c: (b if a else c, [lambda: 0, lambda: 1 if a else 0, lambda: 0 if a else 1]),
    'sum': added,
    'dot': dot,
}
#: Rules whose values are Python's own floats, so that both sides meet the same kinks.
TRANSCENDENTAL: dict[str, Rule] = {
    'exp': lambda a: (math.exp(a), [lambda: math.exp(a)]),
    'log': lambda a: (math.log(a), [lambda: 1 / a]),
    'sqrt': lambda a: (math.sqrt(a), [lambda: 0.5 / math.sqrt(a)]),
    'sin': lambda a: (math.sin(a), [lambda: math.cos(a)]),
    'cos': lambda a: (math.cos(a), [lambda: -math.sin(a)]),
    'tan': lambda a: (math.tan(a), [lambda: 1 / math.cos(a) ** 2]),
    'atan': lambda a: (math.atan(a), [lambda: 1 / (1 + a * a)]),
    'tanh': lambda a: (math.tanh(a), [lambda: 1 / math.cosh(a) ** 2]),
    'sinh': lambda a: (math.sinh(a), [lambda: math.cosh(a)]),
    'cosh': lambda a: (math.cosh(a), [lambda: math.sinh(a)]),
}


def by_hand(name: str) -> Rule:
    """Return the rule written in this file."""
    return BY_HAND.get(name) or TRANSCENDENTAL[name]


def by_table(name: str, arithmetic: str = 'ieee') -> Rule:
    """Return the table's rule, its partials in the given arithmetic."""
    op = operations[name]

    def rule(*operands: Any) -> tuple[Any, list[Callable[[], Any]]]:
        groups = op.split(operands)
        y = op.value('exact' if arithmetic == 'exact' else 'python')(*groups)
        return y, [lambda p=p: 0 if p is None else p for p in op.partials(arithmetic)(*groups, y)]

    return rule


def forward(program: Program, along: int, rule: Callable[[str], Rule] = by_table) -> list[Dual]:
    """Run a program on duals; return them all.

    The tangent is the derivative along the leaf or the step's result of index ``along``.
    """
    duals = [Dual(number, 0, 0) for number in [*program.leaves, *program.constants]]
    if along < len(duals):
        duals[along] = Dual(duals[along].data, 1, 1)
    for name, operands in program.steps:
        inputs = [duals[index] for index in operands]
        y, partials = rule(name)(*(dual.data for dual in inputs))
        # Operands that do not depend on the leaf are not asked for their partial: the
        # constant exponent of a negative base has none.
        paths = [(partial(), dual) for partial, dual in zip(partials, inputs, strict=True) if dual.bound != 0]
        tangent = sum(partial * dual.tangent for partial, dual in paths)
        bound = sum(abs(partial) * dual.bound for partial, dual in paths)
        duals.append(Dual(y, 1, 1) if len(duals) == along else Dual(y, tangent, bound))
    return duals


def rational(name: str, operands: Sequence[Any], constant: Sequence[bool]) -> Fraction | None:
    """Return a step's value if it, and every partial that is needed, is a Fraction of moderate size."""
    rule = BY_HAND.get(name) or by_table(name, 'exact')
    y, partials = rule(*operands)
    needed = [partial() for partial, fixed in zip(partials, constant, strict=True) if not fixed]
    exact = all(isinstance(number, (Fraction, int)) for number in [y, *needed])
    return (
        Fraction(y) if exact and all(n.denominator < 10**9 and abs(n) < 10**6 for n in [y, *needed]) else None
    )
