"""Programs printed as Python: readable, without dependencies, the same bits as the recording.

>>> from microgradnet.compiling.ir.sweeps import lower
>>> from microgradnet.engine.value import Value
>>> w, b, x, t = (Value(v, label) for v, label in [(0.5, 'w'), (0.1, 'b'), (1.0, 'x'), (2.0, 't')])
>>> y = (w * x + b).tanh()
>>> y.label = 'y'
>>> print(source(lower([(y - t) ** 2 / 2], rows=[x, t], parameters=[w, b])), end='')
def program(row, parameters):
    x, t = row
    w, b = parameters
    y = tanh(w * x + b)
    return (power(y - t, 2.0) / 2.0,)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf, nan
from typing import Any
from zlib import crc32

from ...engine import algebras
from ...engine.cells import KERNELS, define
from ..ir.routine import Loop, Routine
from ..ir.sides import branched
from .while_loops import PythonLoops, limited

__all__ = ['function', 'pieces', 'source']

_SPACE: dict[str, Any] = {
    'divide': algebras.divide, 'power': algebras.power, 'inf': inf, 'nan': nan, 'total': KERNELS['total'],
    'limited': limited,
}  # fmt: skip


def source(routine: Routine) -> str:
    """Print a function of a row and of the parameters that returns all outputs."""
    return _Python(branched(routine)).python_function()


def function(
    routine: Routine, text: str | None = None
) -> Callable[[Sequence[float], Sequence[float]], tuple[float, ...]]:
    """Return the printed function, compiled; ``text`` is what ``source`` returned, if it was printed already.

    >>> from microgradnet.compiling.ir.sweeps import lower
    >>> from microgradnet.engine.value import Value
    >>> x = Value(1.0)
    >>> function(lower([x.log(), 1 / x], [x], []))((0.0,), ())
    (-inf, inf)
    """
    known = {name: algebras.kernel(name) for name in routine.used() if name not in ('abs', 'pow')}
    customs: dict[str, Any] = {name: op.value('ieee') for name, op in routine.customs.items()}
    customs |= {name: _of_many(customs[name]) for name, op in routine.customs.items() if op.vectors}
    text, tables = source(routine) if text is None else text, {'table': routine.table}
    return define(text, {**_SPACE, **known, **customs, **tables}, f'program {crc32(text.encode()):08x}')


def pieces(routine: Routine) -> Iterator[list[tuple[int | Loop, list[str]]]]:
    """Print block by block each instruction and each loop, as lines, and last the outputs of straight code."""
    printer = _Python(routine)
    for block in routine.blocks:
        yield [*printer.pieces(block, 0), *((-1, [f'outputs[{k}] = {text}']) for k, text in printer.results.items())]


class _Python(PythonLoops):
    words = (*_SPACE, 'abs', 'program', 'row', 'parameters', 'kept', 'rolling', 'signals', 'outputs', 'table')
    infix_division = False
    most_terms = 200

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        if name == 'div':
            divisor = self.routine.instructions[operands[1]]
            if divisor.name == 'number' and divisor.operands[0]:
                return f'{self.text(operands[0], 4)} / {self.text(operands[1], 5)}', 4  # Python raises only for 0
        return super().spell(name, operands)

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'{self.text(yes, 1)} if {self.text(condition)} else {self.text(no)}', 0

    def function(self, name: str) -> str:
        return {'div': 'divide', 'pow': 'power'}.get(name, name)


def _of_many(value: Callable[..., float]) -> Callable[..., float]:
    return lambda *operands: value(operands)
