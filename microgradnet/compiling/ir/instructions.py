"""The primitive instructions that routines are made of, and that every printer prints.

They are in single-assignment form: each names what it computes, and the registers of its
operands, all of them set before. Those of loops and memory are in ``routine``.

========================== =====================================================
``row i``                  the number at place i of a row
``parameter j``            the parameter j
``number x``               a constant
``add sub mul div neg``    arithmetic, ``pow`` too
``gt lt ge le eq ne``      comparisons; ``both``, ``either`` join two of them
``came a 0``               a != 0 of a signal or a motion: whether there is one
``select c a b``           a where the comparison c holds, else b
``sum a... ``              terms added up from left to right
``dot a... b... c``        products added up from left to right, then c
``exp``, ``sin`` ...       the functions of Python's ``math`` that rows of the table are, and ``abs``
``custom_...``             a user's own operation, which only Python can compute
========================== =====================================================
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from ...engine.operation import CALL, Operation
from ...engine.table import operations

__all__ = ['COMPARISONS', 'CONDITIONS', 'LEAVES', 'ONE', 'PRIMITIVES', 'Inner', 'Instruction', 'Place', 'functions']

LEAVES = ('row', 'parameter', 'number')
#: Comparisons and Python's signs for them. ``came`` is ``ne`` of what a derivative is made with: where it is 0 and
#: moves, it has come all the same, so that a tangent asks for the motion, too. No user's condition is one.
COMPARISONS = {'gt': '>', 'lt': '<', 'ge': '>=', 'le': '<=', 'eq': '==', 'ne': '!=', 'came': '!='}
#: What is true or false, and no number.
CONDITIONS = (*COMPARISONS, 'both', 'either')
#: Every instruction that computes, beside the functions.
PRIMITIVES = ('add', 'sub', 'mul', 'div', 'neg', 'pow', 'both', 'either', 'select', 'sum', 'dot', *COMPARISONS)
#: What is said where a loop that was recorded as one meets what needs each of its turns.
ONE = (
    'a while_loop that is recorded for compiling is one loop, and no signal passes through its node: '
    'compile the value and ask the program for its gradient, or record it outside of recording()'
)


def functions() -> set[str]:
    """Return the functions that a printer must have: the rows of the table that are Python's own."""
    return {name for name, operation in operations.items() if operation.is_kernel}


class Instruction(NamedTuple):
    """What is computed, and of what: places in the list, or for a leaf its number."""

    name: str
    operands: tuple[Any, ...]


class Place(int):
    """A place in the list of instructions; a bare number among operands is a number."""

    __slots__ = ()  # with no dict, it is none of the garbage collector's business


class Inner(Operation):
    """An operation that only programs know: it says which instruction it is, and which users' operations are inside."""

    sign = method = reflected = domain = kink = ''
    parameters = vectors = 'a'
    scalars = document = ''
    binds = CALL
    ulps: float = 2

    def __init__(self, name: str) -> None:
        self.name = self.numpy = name
        self.latex = rf'\operatorname{{{name}}}\left({{a}}\right)'
        self.default = {}

    def lowered(self, g: Any, operands: Sequence[Place]) -> Place:
        """Make the instruction, of a ``Lowering``."""
        return g.make(self.name, *operands)  # type: ignore[no-any-return]

    @property
    def customs(self) -> dict[str, Operation]:
        return {}

    @property
    def has_cells(self) -> bool:
        return False

    def value(self, arithmetic: str) -> NoReturn:
        raise TypeError(ONE)

    def partial_graph(self, parameter: str) -> Callable[..., Any]:
        raise TypeError(ONE)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (type(self),), self.__dict__  # type: ignore[attr-defined]
