"""Programs printed for NumPy: each number of a row is a column, all rows at once.

>>> from microgradnet.compiling.ir.sweeps import lower
>>> from microgradnet.engine.value import Value
>>> w, x = Value(0.5, 'w'), Value(1.0, 'x')
>>> print(source(lower([(w * x).relu()], rows=[x], parameters=[w])), end='')
def program(row, parameters):
    x, = row
    w, = parameters
    v1 = w * x
    return (np.where(v1 <= 0.0, 0.0, v1),)

A function of NumPy and of the C library may differ by an ulp or two; those that NumPy
has not (``erf``, ``erfc``) are Python's, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from zlib import crc32

from ..._extras import needed
from ...engine import algebras
from ...engine.cells import KERNELS, define
from ...engine.table import operations
from ..ir.instructions import functions
from ..ir.routine import Routine
from .infix import TIGHT
from .while_loops import PythonLoops, limited

__all__ = ['function', 'source']


def source(routine: Routine) -> str:
    """Print a function of a row's columns and of the parameters that returns the columns of all outputs."""
    return _NumPy(routine).python_function()


def function(routine: Routine, text: str | None = None) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return the printed function, compiled; it takes ``rows.T`` and an array of parameters.

    ``text`` is what ``source`` returned, if it was printed already.
    """
    np = _numpy()
    space: dict[str, Any] = {'np': np, 'total': KERNELS['total'], 'limited': limited}
    space |= {name: _by_rows(algebras.kernel(name)) for name in _missing()}
    for name, op in routine.customs.items():
        value = op.value('ieee')
        space[name] = _by_rows((lambda *terms, value=value: value(terms)) if op.vectors else value)
    space['table'] = routine.table
    text = source(routine) if text is None else text
    program = define(text, space, f'NumPy program {crc32(text.encode()):08x}')

    def quiet(row: Any, parameters: Any) -> Any:
        with np.errstate(all='ignore'):
            return program(row, parameters)

    return quiet


class _NumPy(PythonLoops):
    words: Iterable[str] = (
        'np', 'program', 'row', 'parameters', 'total', 'kept', 'rolling', 'signals', 'outputs', 'table', 'limited',
    )  # fmt: skip
    mask = 'True'
    join: ClassVar[dict[str, str]] = {'both': ' & ', 'either': ' | '}
    most_terms = 200

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'np.where({self.text(condition)}, {self.text(yes)}, {self.text(no)})', TIGHT

    def function(self, name: str) -> str:
        if name in _missing() or name in self.routine.customs:
            return name
        return f'np.{operations[name].numpy if name in operations else name}'


def _missing() -> set[str]:
    """The functions that NumPy has not."""
    np = _numpy()
    return {name for name in functions() if not hasattr(np, operations[name].numpy)}


def _by_rows(value: Callable[..., float]) -> Callable[..., Any]:
    """Return a function of columns that calls one of numbers for each row."""
    np = _numpy()

    def each(*columns: Any) -> Any:
        columns = np.broadcast_arrays(*columns)
        numbers = (column.ravel().tolist() for column in columns)
        return np.array([value(*row) for row in zip(*numbers)], dtype=float).reshape(columns[0].shape)

    return each


def _numpy() -> Any:
    """Return NumPy; raise ModuleNotFoundError, saying what to do, where it is missing."""
    return needed('numpy', 'the numpy backend', instead="compile with backend='python'")
