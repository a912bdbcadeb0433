"""Programs printed as Python: readable, without dependencies, the same bits as the recording.

>>> from microgradnet.compiling.ir.lowering import freeze
>>> from microgradnet.engine.value import Value
>>> w, b, x, t = (Value(v, label) for v, label in [(0.5, 'w'), (0.1, 'b'), (1.0, 'x'), (2.0, 't')])
>>> y = (w * x + b).tanh()
>>> y.label = 'y'
>>> print(source(freeze([(y - t) ** 2 / 2], rows=[x, t], parameters=[w, b])), end='')
def program(row, parameters):
    x, t = row
    w, b = parameters
    y = tanh(w * x + b)
    return (power(y - t, 2.0) / 2.0,)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any
from zlib import crc32

from ...engine import ieee
from ...engine.kernels import KERNELS, define
from ..ir.instructions import Listing
from ..ir.routine import Routine
from .infix import Expressions, Looping

__all__ = ['function', 'source']

_SPACE: dict[str, Any] = {'divide': ieee.divide, 'power': ieee.power, 'inf': inf, 'nan': nan, 'total': KERNELS['total']}


def source(listing: Listing | Routine) -> str:
    """Print a function of a row and of the parameters that returns all outputs."""
    if isinstance(listing, Routine):
        return _PythonLoops(listing).python_routine()
    return _Python(listing).python_function()


def function(listing: Listing | Routine) -> Callable[[Sequence[float], Sequence[float]], tuple[float, ...]]:
    """Return the printed function, compiled.

    >>> from microgradnet.compiling.ir.lowering import freeze
    >>> from microgradnet.engine.value import Value
    >>> x = Value(1.0)
    >>> function(freeze([x.log(), 1 / x], [x], []))((0.0,), ())
    (-inf, inf)
    """
    known = {name: ieee.kernel(name) for name in listing.used() if name not in ('abs', 'pow')}
    customs: dict[str, Any] = {name: op.value('ieee') for name, op in listing.customs.items()}
    customs |= {name: _of_many(customs[name]) for name, op in listing.customs.items() if op.vectors}
    text, tables = source(listing), {'table': listing.table} if isinstance(listing, Routine) else {}
    return define(text, {**_SPACE, **known, **customs, **tables}, f'program {crc32(text.encode()):08x}')


class _Python(Expressions):
    words = (*_SPACE, 'abs', 'program', 'row', 'parameters')
    infix_division = False
    most_terms = 200

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        divisor = self.listing.instructions[operands[-1]]
        if name == 'div' and divisor.name == 'number' and divisor.operands[0]:
            return f'{self.text(operands[0], 4)} / {self.text(operands[1], 5)}', 4  # Python raises only for 0
        return super().spell(name, operands)

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'{self.text(yes, 1)} if {self.text(condition)} else {self.text(no)}', 0

    def function(self, name: str) -> str:
        return {'div': 'divide', 'pow': 'power'}.get(name, name)


class _PythonLoops(Looping, _Python):
    words = (*_Python.words, 'kept', 'rolling', 'signals', 'outputs', 'table')

    def array(self, name: str, size: int) -> str:
        return f'[0.0] * {size}'


def _of_many(value: Callable[..., float]) -> Callable[..., float]:
    return lambda *operands: value(operands)
