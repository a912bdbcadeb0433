"""The frozen list of instructions that every printer prints.

A graph is frozen into primitive instructions in single-assignment form: each names what
it computes and the places of its operands in the list, all of them before its own.

========================== =====================================================
``row i``                  the number at place i of a row
``parameter j``            the parameter j
``number x``               a constant
``add sub mul div neg``    arithmetic, ``pow`` too
``gt lt ge le eq ne``      comparisons; ``both``, ``either`` join two of them
``select c a b``           a where the comparison c holds, else b
``sum a... ``              terms added up from left to right
``dot a... b... c``        products added up from left to right, then c
``exp``, ``sin`` ...       the functions of Python's ``math`` that rows of the table are, and ``abs``
``custom_...``             a user's own operation, which only Python can compute
========================== =====================================================

All of it is IEEE arithmetic on floats: a pole is an infinity, nothing raises.

>>> listing = Listing((Instruction('row', (0,)), Instruction('number', (2.0,)), Instruction('mul', (0, 1))), (2,), 1, 0)
>>> print(listing)
0: row 0
1: number 2.0
2: mul 0 1
outputs 2
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..._processes import cached_property
from ...engine.table import Operation, operations

__all__ = ['COMPARISONS', 'LEAVES', 'PRIMITIVES', 'Instruction', 'Listing', 'functions']

LEAVES = ('row', 'parameter', 'number')
#: Comparisons and Python's signs for them.
COMPARISONS = {'gt': '>', 'lt': '<', 'ge': '>=', 'le': '<=', 'eq': '==', 'ne': '!='}
#: Every instruction that computes, beside the functions.
PRIMITIVES = ('add', 'sub', 'mul', 'div', 'neg', 'pow', 'both', 'either', 'select', 'sum', 'dot', *COMPARISONS)


def functions() -> set[str]:
    """Return the functions that a printer must have: the rows of the table that are Python's own."""
    return {name for name, operation in operations.items() if operation.is_kernel}


class Instruction(NamedTuple):
    """What is computed, and of what: places in the list, or for a leaf its number."""

    name: str
    operands: tuple[Any, ...]


ZERO = Instruction('number', (0.0,))


@dataclass(frozen=True)
class Listing:
    """Instructions in order, the places of the outputs, and how many numbers a row and the parameters have.

    ``labels`` are the names that nodes had in the graph, by place; ``customs`` the users'
    own operations, by the name of their instruction.
    """

    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]
    width: int
    parameters: int
    labels: dict[int, str] = field(default_factory=dict, compare=False)
    customs: dict[str, Operation] = field(default_factory=dict, compare=False)

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.outputs)

    def __str__(self) -> str:
        lines = [f'{place}: {name} {" ".join(map(str, o))}' for place, (name, o) in enumerate(self.instructions)]
        return '\n'.join([*lines, f'outputs {" ".join(map(str, self.outputs))}'])

    def used(self) -> list[str]:
        """Return the names of the functions that are called, each once, in order."""
        known = functions() | {'pow'}
        return list(dict.fromkeys(name for name, _ in self.instructions if name in known))

    @cached_property
    def uses(self) -> Counter[int]:
        """Count how often each place is an operand or an output."""
        count = Counter(self.outputs)
        for name, operands in self.instructions:
            if name not in LEAVES:
                count.update(operands)
        return count

    @property
    def reads_parameters(self) -> bool:
        return any(name == 'parameter' and self.uses[place] for place, (name, _) in enumerate(self.instructions))

    def is_zero(self, place: int) -> bool:
        """Tell whether a place holds the constant 0.0, which a sum that began with it need not add again."""
        return repr(self.instructions[place]) == repr(ZERO)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != 'uses'}
