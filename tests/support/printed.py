"""Programs that every language they are printed in must compute alike: all of the table, and exact arithmetic."""

from __future__ import annotations

from microgradnet import functions as F
from microgradnet.compiling import Program, compile
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.testing.places import flat, operand_sets

__all__ = ['every_operation', 'exact_arithmetic']


def every_operation() -> tuple[Program, list[list[float]]]:
    """Return a program of every operation with its partials, and rows with the points at which each is tried."""
    leaves: list[Value] = []
    outputs: list[Value] = []
    points = []
    for name, op in operations.items():
        sets = [operands for operands in operand_sets(op) if not op.vectors or len(operands[0]) == 3]
        if name == 'pow':  # what is not real is inf where it overflows, for algebras.power
            sets = [(a, b) for a, b in sets if a >= 0 or b % 1 == 0]
        points.append([*map(flat, sets)])
        new = [Value(1.5) for _ in points[-1][0]]
        with ieee_arithmetic():
            y = getattr(F, name)(*op.split(new))
        leaves, outputs = leaves + new, [*outputs, y, *gradients(y, new)]
    rows = [[x for tried in points for x in tried[(7 * k) % len(tried)]] for k in range(40)]
    return compile(outputs, rows=leaves, backend='python'), rows


def exact_arithmetic() -> Program:
    """Return a program of one number a row and two parameters, 2 and -1, in which nothing may be rounded otherwise."""
    x, w, v = Value(0.5), Value(2.0, 'w'), Value(-1.0)
    y = (
        F.where(x.greater(w), x / v, (x - w) * -1.0 + 3.0)
        - F.max(x * w, -x, v).relu()
        + (x.sqrt() - abs(v)) / 3
    )
    return compile(y, rows=[x], parameters=[w, v], backend='python')
