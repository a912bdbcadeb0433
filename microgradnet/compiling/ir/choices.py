"""Choices by a comparison, which only programs make: an operation of the four numbers a, b, yes and no.

No signal passes but to the side that is chosen.

>>> from ...engine.value import lift
>>> y = chosen('gt', lift(3.0), lift(1.0), lift(5.0), lift(0.0))
>>> y.op.name, y.data
('choose_gt', 5.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ...engine.custom import Unknown
from ...engine.operation import Operation
from ...engine.table import operations
from ...engine.value import Value, births
from .instructions import COMPARISONS, ONE
from .lowering import compute

__all__ = ['choice', 'chosen', 'node_of_programs']


class _Choice(Operation):
    """A choice by a comparison; it is in no table, for nobody writes it."""

    def __init__(self, relation: str) -> None:
        holds = f'a {COMPARISONS[relation]} b'
        super().__init__(
            operations, f'choose_{relation}', f'c if {holds} else d',
            [None, None, f'1 if {holds} else None', f'None if {holds} else 1'],
            rf'\left({{c}}\text{{ if }}{{a}} {COMPARISONS[relation]} {{b}}\text{{ else }}{{d}}\right)',
        )  # fmt: skip
        self.relation = relation

    def __reduce__(self) -> Any:
        return choice, (self.relation,)


@cache
def choice(relation: str) -> Operation:
    """Return the operation of four numbers that chooses the third where the first two compare so, else the last."""
    return _Choice(relation)


def chosen(relation: str, a: Value, b: Value, yes: Value, no: Value) -> Value:
    """Make a node of it."""
    holds = compute(relation, float(a._data), float(b._data))
    return node_of_programs(choice(relation), (a, b, yes, no), float((yes if holds else no)._data))


def node_of_programs(op: Any, inputs: Sequence[Value], number: float) -> Value:
    """Make a node that only programs can compute, whatever is recorded here, and whoever watches."""
    node = Value(number)
    node.op, node.inputs, node.born = op, (*inputs,), next(births)
    unknown = Unknown('nan')
    unknown.said = ONE
    node.partials = (unknown,) * len(inputs)
    return node
