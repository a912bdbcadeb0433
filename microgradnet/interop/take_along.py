"""Nets taken along, without Python: a module of JavaScript, a file of C.

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
from typing import Any

from ..compiling.guards import recording
from ..compiling.printers import c, javascript
from ..compiling.printers.braces import Answers
from ..compiling.printers.c_fixed import Fixed, Fixed8
from ..compiling.printers.infix import Loops
from ..compiling.program import Program
from ..compiling.readings import Readings, installed
from ..engine.checks import flag, text
from ..engine.context import ieee_arithmetic
from ..engine.value import Value
from ..nets.names import output_names
from ..nets.net import MLP
from .fixed_point import FixedPoint

__all__ = ['recorded', 'to_c', 'to_js', 'whole_to_c']


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
