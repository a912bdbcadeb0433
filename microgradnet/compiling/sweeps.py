"""Folded tapes as routines: the forward sweep, and the backward sweep through the same loops.

The backward sweep has the loops of the forward one, however often they turn. Of the
forward sweep those numbers are kept that partials ask for, and those that the operations
themselves have to fetch from far away.

>>> x, theta = Value(2.0), [Value(float(k)) for k in range(100)]
>>> y = theta[0]
>>> for c in theta[1:]:  # Horner's rule
...     y = y * x + c
>>> horner = routine(tape([y], [x], theta), gradient=True)
>>> len(horner.instructions), horner.kept, horner.signals, horner.count
(18, 0, 0, 101)
"""

from __future__ import annotations

from collections.abc import Sequence

from ..value import Value
from .backwards import Sweeps
from .instructions import Listing
from .lowering import freeze
from .routine import Routine
from .tape import Tape, is_long, tape

__all__ = ['has_gates', 'lower', 'prepare', 'routine']


def lower(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Listing | Routine:
    """Turn the graph of some nodes into instructions, those of a long one that repeats itself into loops."""
    made = prepare(outputs, rows, parameters, loops)
    return routine(made) if isinstance(made, Tape) else made


def prepare(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Listing | Tape:
    """Tape the graph of some nodes if it is to be folded into loops, else turn it into instructions.

    loops: whether; None for a long graph that repeats itself.
    """
    if is_long(outputs) if loops is None else loops:
        taped = tape(outputs, rows, parameters)
        if loops or taped.repeats:
            return taped
    return freeze(outputs, rows, parameters)


def has_gates(tape: Tape) -> bool:
    """Tell whether a tape has operations that let signals through or not: those need ``gradients``.

    So does an operation of a user's own, which no table has.
    """
    active = [kind.operation for kind in tape.kinds if kind.active]
    return bool(tape.customs) or any(_is_gate(cell) for op in active for cell in op.partial_texts)


def _is_gate(cell: str) -> bool:
    return 'None' in cell and cell != 'None'


def routine(tape: Tape, gradient: bool = False) -> Routine:
    """Fold a tape and write it as loops; with the gradient of its only output by all parameters.

    The outputs are then the output and its derivatives.
    """
    sweeps = Sweeps(tape)
    backwards = sweeps.backwards() if gradient else []  # first, since it says what must be kept
    return sweeps.routine(sweeps.forwards() + backwards, 1 + tape.parameters if gradient else tape.outputs)
