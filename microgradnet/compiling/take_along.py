"""Nets and graphs taken along, without Python: a module of JavaScript, a file of C, the rows that a page computes with.

The net is recorded on a row of raw numbers, so its standardisation is part of the program that is printed.

>>> from microgradnet.nets.net import Standardisation
>>> net = MLP.from_weights([[[2.0]]], [[0.5]], output_activation='tanh')
>>> net.standardisation = Standardisation((10.0,), (4.0,))
>>> program, _ = recorded(net)
>>> print(program.source, end='')
def program(row, parameters):
    x1, = row
    w1, w2 = parameters
    return (tanh(0.0 + w1 * ((x1 - 10.0) / 4.0) + w2),)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from ..engine.checks import flag, text
from ..engine.context import ieee_arithmetic
from ..engine.operation import Operation
from ..engine.value import Value, record
from ..nets.names import output_names
from ..nets.net import MLP
from .fixed_point import FixedPoint
from .guards import Guard, branches_of, recording
from .ir.routine import Routine
from .printers import c, javascript
from .printers.braces import Answers
from .printers.c_fixed import Fixed, Fixed8
from .printers.infix import Loops
from .program import Program
from .readings import Readings, installed

__all__ = ['branches_to_js', 'recorded', 'rows_to_js', 'to_c', 'to_js', 'whole_to_c']


def recorded(net: MLP) -> tuple[Program, Answers]:
    """Record a net on a row; return the program, and what its numbers are called.

    Raises ReadingError where an activation leaves the graph, which a program would not do again.
    """
    answers = answers_of(net)
    row = [Value(0.0, name) for name in answers.inputs]
    with ieee_arithmetic(), recording(), installed(), Readings(repr(net), row):
        y = net(row)
    parameters = [*dict.fromkeys(net.parameters())]  # one that neurons share is one
    return Program(y, row, parameters, backend='python'), answers


def answers_of(net: MLP) -> Answers:
    """Return what a net takes and answers."""
    names = net.input_names or [f'x{k}' for k in range(1, net.inputs + 1)]
    return Answers(names, [name or 'y' for name in output_names(net, net.sizes[-1])], net.classes)


def to_js(net: MLP) -> str:
    """Print a net as a module of JavaScript; see ``MLP.to_js``."""
    program, answers = recorded(net)
    return program.to_js(gradient=False) + '\n' + javascript.answers(answers)


def to_c(net: MLP, name: str, float32: bool, fixed_point: str | None, examples: Iterable[Sequence[Any]] | None) -> str:
    """Print a net as C; see ``MLP.to_c``."""
    if fixed_point is not None:
        if flag('float32', float32):
            raise ValueError(f'float32=True and fixed_point={fixed_point!r} exclude each other')
        return whole_to_c(FixedPoint(net, fixed_point, examples), text('name', name))
    if examples is not None:
        raise ValueError('examples= is for fixed_point=, which was not given')
    program, answers = recorded(net)
    printer = (c.Single if flag('float32', float32) else c.C)(program.routine, name, Loops())
    return program.to_c(name, gradient=False, float32=float32) + '\n\n' + c.answers(answers, name, printer) + '\n'


def whole_to_c(made: FixedPoint, name: str) -> str:
    """Print a net of whole numbers."""
    routine, printer, answers = made.routine(), Fixed8 if made.bits == 8 else Fixed, answers_of(made.net)
    one = f'{2.0 ** made.output:.0f}'
    if made.net.classes and made.output < 0:
        raise ValueError(f'the numbers of classes are no whole ones in {made.numbers}, with outputs so large')
    score = f'outputs[0] < k * INT32_C({one}) ? outputs[0] - k * INT32_C({one}) : k * INT32_C({one}) - outputs[0]'
    asked = c.answers(answers, name, printer(routine, name, Loops()), score)
    return f'/* {made.about} */\n' + c.source(routine, None, made.parameters, name, printer) + f'\n\n{asked}\n'


def rows_to_js(used: Iterable[tuple[Operation, int]], exact: bool = False) -> str:
    """Print rows of the table, each for so many operands, as functions of JavaScript: their value and their partials.

    exact: print them for fractions, too.

    >>> from microgradnet.engine.table import operations
    >>> print(rows_to_js([(operations['mul'], 2)]).splitlines()[6].strip())
    return w1 * w2;
    """
    return javascript.rows({f'{op.name} {count}': _row(op, count) for op, count in used}, exact)


@lru_cache(maxsize=256)
def _row(op: Operation, count: int) -> tuple[Routine, Routine]:
    """Compile a row for so many operands: its value, and its value with its partials."""
    operands = [Value(1.0) for _ in range(count)]
    with ieee_arithmetic():
        program = Program(record(op, operands), rows=[], parameters=operands, backend='python')
    return program.routine, program._gradient_routine


def branches_to_js(leaves: Sequence[Value]) -> tuple[list[list[Guard]], str]:
    """Return what recordings compared that any of the leaves had a part in, and ``ways`` in JavaScript.

    These are functions of the leaves, one for each recording, of the number, from 1 on, of the first comparison of it
    that comes out another way, or 0; the guards are those of all recordings, each in a list of its own.

    >>> x = Value(2.0)
    >>> with recording():
    ...     y = x * x if x > 1 else x
    >>> guards, text = branches_to_js([x])
    >>> [guard.held for guard in guards[0]], text.startswith('const ways = ')
    ([True], True)
    """
    found = branches_of(leaves)
    return [[*branches.guards] for branches in found], javascript.ways([b.over([], leaves) for b in found])
