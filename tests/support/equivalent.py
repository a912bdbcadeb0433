"""When a changed row of the table is as good as the row: by what it computes, not by how it is written.

A changed row that computes the same numbers at every one of ``probes`` is the same row.
Some compute other numbers that serve as well: these are ``alternatives``, in groups,
each a reason and its rows, ``row | cell | new text``.
"""

from __future__ import annotations

import ast
import math
import struct
from itertools import product
from random import Random
from typing import Any

from microgradnet.engine.table import Operation
from microgradnet.testing.places import flat, is_defined, is_kink
from microgradnet.testing.truth import TRUTH
from tests.support.checks import cells, outcome, trials

__all__ = ['ALTERNATIVES', 'computes', 'probes']

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1e308, math.inf, -math.inf, math.nan)
NUMBER = 2000


def probes(op: Operation) -> list[tuple[Any, ...]]:
    """Return points for a row: the checks', its own numbers and their neighbours, edges, ties, floats of all sizes.

    Of a row that no list knows nobody has said yet what it gives at its kinks, outside its domain and at
    infinities: it is free to give there what it will.
    """
    random = Random(op.name)
    own = [float(node.value) for cell in cells(op) for node in ast.walk(cell) if isinstance(node, ast.Constant)
           and isinstance(node.value, (int, float)) and math.isfinite(node.value)]  # fmt: skip
    near = [x for number in own for x in (number, math.nextafter(number, math.inf), math.nextafter(number, -math.inf))]
    special = [*dict.fromkeys([*EDGES, *near, *(-x for x in near)])]

    def number() -> float:
        match random.randrange(5):
            case 0:
                return random.choice(special)
            case 1:
                return float(random.randint(-4, 4))
            case 2:
                return float(struct.unpack('d', random.randbytes(8))[0])
            case _:
                return random.choice((1, -1)) * 10.0 ** random.uniform(-3, 3)

    def operands() -> tuple[Any, ...]:
        tie = number()
        draw = (lambda: random.choice((tie, tie, -tie, number()))) if random.random() < 0.3 else number
        size = random.randint(1, 3)
        return tuple([draw() for _ in range(size)] if p in op.vectors else draw() for p in op.parameters)

    scalars = len(op.parameters) if not op.vectors else 0
    corners = [*product(special, repeat=scalars)] if 0 < scalars < 3 else []
    points = [*(trial.operands for trial in trials(op.name)), *corners, *(operands() for _ in range(NUMBER))]
    return points if op.name in TRUTH else [point for point in points if is_judged(op, point)]


def is_judged(op: Operation, operands: tuple[Any, ...]) -> bool:
    return all(map(math.isfinite, flat(operands))) and is_defined(op, operands) and not is_kink(op, operands)


def computes(op: Operation, operands: tuple[Any, ...]) -> tuple[str, ...]:
    """Return what a row computes: the value in both arithmetics to the bit, the partials but for a zero's sign."""
    y = op.value('ieee')(*operands)
    partials = op.partials('ieee')(*operands, float(y))
    return (outcome(op.value('python'), *operands), repr(float(y)),
            *(repr(p if p is None else 0.0 + p) for p in partials))  # fmt: skip


GROUPS: dict[str, str] = {
    'A zero may have either sign where two branches meet in it, or where two operands are zeros.': '''
        relu | y | 0 if a < 0 else a
        leaky_relu | y | a if a >= 0 else b * a
        elu | y | a if a >= 0 else b * expm1(a)
        step | y | 1 if a > 0 else 0 if a < 0 else a
        sign | y | 1 if a > 0 else -1 if a < 0 else a
        clip | y | min(c, max(a, b))
        clip | y | min(max(b, a), c)''',
    'Any h with few bits whose remainder d - h is small will do.': '''
        gauss | s | 2 * (134217729 * d)''',
    'Any shift near the largest term is right.': '''
        logsumexp | s | stop_gradient(clip(m, -1.7976931348623157e+308, 1.7976931348623157e+308)) + 1''',
}

#: Row, cell and new text of every row that computes other numbers and serves as well.
ALTERNATIVES: list[tuple[str, str, str]] = [
    (name, where, text)
    for lines in GROUPS.values()
    for name, where, text in ([part.strip() for part in line.split(' | ')] for line in lines.strip().splitlines())
]
