"""NumPy beside ``Value``: functions applied element by element, on object arrays.

NumPy itself is imported only once an array is met.

>>> import numpy as np
>>> from microgradnet.value import Value
>>> v = Value(2.0)
>>> (np.array([1.0, 3.0]) * v).tolist()
[Value(data=2.0, grad=0.0), Value(data=6.0, grad=0.0)]
>>> np.maximum(v, 5.0)
Value(data=5.0, grad=0.0)
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

from .extras import needed
from .operations import operations

__all__ = ['apply_ufunc', 'elementwise', 'is_array']

#: Comparisons give bools, as Python's do; the operations of these names give 0 and 1.
COMPARISONS: dict[str, Callable[..., Any]] = {
    'less': operator.lt,
    'less_equal': operator.le,
    'greater': operator.gt,
    'greater_equal': operator.ge,
    'equal': operator.eq,
    'not_equal': operator.ne,
}
#: What NumPy can do that is an operator or another function here.
OTHERS: dict[str, Callable[..., Any]] = {
    'positive': lambda a: a,
    'square': lambda a: a * a,
    'reciprocal': lambda a: 1 / a,
    'fabs': abs,
    'float_power': operator.pow,
}


def is_array(thing: Any) -> bool:
    """Tell a NumPy array from anything else, without importing NumPy."""
    numpy = sys.modules.get('numpy')
    return numpy is not None and isinstance(thing, numpy.ndarray)


def elementwise(function: Callable[..., Any], *operands: Any) -> Any:
    """Apply a function to arrays and scalars, broadcast: floats stay floats.

    Returns an array of float64 where all results are floats, else of objects.
    """
    numpy = needed('numpy', 'an array of Values')

    boxed = []
    for operand in operands:
        box = numpy.empty((), dtype=object)
        if is_array(operand):
            box = operand.astype(object)
        else:
            box[()] = operand
        boxed.append(box)
    result = numpy.frompyfunc(function, len(boxed), 1)(*boxed)
    if is_array(result) and all(type(item) is float for item in result.flat):
        return result.astype(float)
    return result


def apply_ufunc(ufunc: Any, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Answer ``Value.__array_ufunc__``: look the function up in the table by NumPy's name."""
    from . import functions

    name = ufunc.__name__
    function = COMPARISONS.get(name) or OTHERS.get(name)
    if function is None:
        function = next((getattr(functions, op.name) for op in operations.values() if op.numpy == name), None)
    if function is None or method != '__call__' or options:
        return NotImplemented
    return elementwise(function, *operands)
