"""Nets taken along, without Python: as a module of JavaScript, or as a file of C.

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

from ..engine.context import ieee_arithmetic
from ..engine.value import Value
from ..nets.names import output_names
from ..nets.net import MLP
from .guards import recording
from .printers import c, javascript
from .printers.braces import Answers
from .program import Program
from .readings import Readings, installed

__all__ = ['recorded', 'to_c', 'to_js']


def recorded(net: MLP) -> tuple[Program, Answers]:
    """Record a net on a row; return the program, and what its numbers are called.

    Raises ReadingError where an activation leaves the graph, which a program would not do again.
    """
    names = net.input_names or [f'x{k}' for k in range(1, net.inputs + 1)]
    row = [Value(0.0, name) for name in names]
    with ieee_arithmetic(), recording(), installed(), Readings(repr(net), row):
        y = net(row)
    outputs = [name or 'y' for name in output_names(net, net.sizes[-1])]
    parameters = [*dict.fromkeys(net.parameters())]  # one that neurons share is one
    return Program(y, row, parameters, backend='python'), Answers(names, outputs, net.classes)


def to_js(net: MLP) -> str:
    """Print a net as a module of JavaScript; see ``MLP.to_js``."""
    program, answers = recorded(net)
    return program.to_js(gradient=False) + '\n' + javascript.answers(answers)


def to_c(net: MLP, name: str, float32: bool) -> str:
    """Print a net as C; see ``MLP.to_c``."""
    program, answers = recorded(net)
    return program.to_c(name, gradient=False, float32=float32) + '\n\n' + c.answers(answers, name, float32) + '\n'
