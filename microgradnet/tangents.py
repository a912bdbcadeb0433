"""Forward mode: how much the nodes of a graph change when its leaves change in one direction.

>>> x, y = Value(3.0), Value(2.0)
>>> [change] = tangents([x * y], [x, y], [1.0, 10.0])
>>> change.data
32.0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .adjoints import partials_of
from .arithmetic import ieee_arithmetic
from .folding import Builder, Gate, Term, is_number
from .graph import depends_on, topological_order
from .recorders import lift
from .value import Value

__all__ = ['tangents']


def tangents(ys: Sequence[Value], xs: Sequence[Value], directions: Sequence[Any]) -> list[Value]:
    """Return the derivative of each y along the direction in which the xs move, as new nodes.

    One walk, inputs first; its cost does not depend on the number of ys. Like
    ``gradients``, it folds, touches no ``grad`` and never raises.
    """
    with ieee_arithmetic():
        order = topological_order(*ys)
        moved: dict[Value, Term] = dict(zip(xs, directions, strict=True))
        active = depends_on(order, [x for x, change in moved.items() if not is_number(change, 0)])
        g = Builder(order)
        for node in order:
            if node in active and node not in moved:
                pairs: list[tuple[Any, Any]] = []
                for source, partial in partials_of(g, node, active):
                    if isinstance(partial, Gate):
                        open_, shut = moved[source], 0
                        chosen = (open_, shut) if partial.side else (shut, open_)
                        pairs.append((g.where(partial.condition, *chosen), 1))
                    elif partial is not None and not is_number(partial, 0):
                        pairs.append((moved[source], partial))
                moved[node] = g.dot_product(pairs)
        return [lift(moved.get(y, 0), y) for y in ys]
