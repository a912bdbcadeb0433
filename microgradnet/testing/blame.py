"""Which operation of a graph has a wrong derivative: each one held against the truth at its own operands.

>>> from microgradnet.custom_operations import custom
>>> from microgradnet.graph import topological_order
>>> wrong = custom(lambda t: t * t, lambda t: 3 * t, name='square')
>>> x = Value(2.0)
>>> print(most_to_blame(topological_order(wrong(x.exp()) + x)))
most to blame: square, at a = 7.38905609893065: d/da is 22.16716829679195, and should be 14.7781121978613
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..adjoints import gradients
from ..arithmetic import ieee_arithmetic
from ..operations import Operation
from ..recorders import record
from ..value import Constant, Value
from .places import Operands
from .rows import named, truths

__all__ = ['Blame', 'most_to_blame']

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
