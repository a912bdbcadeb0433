"""The operations as functions: on a float a float, on a Value a Value, on an array elementwise.

There is one for every row of the table, from ``sin`` to ``logsumexp``, printed from
its row as the methods are; some that take more than the row says, and those made of
several rows, are written out here: ``where``, ``max``, ``min``, ``mean``, ``softmax``.

>>> from microgradnet.engine.value import Value
>>> sin(0.5) == __import__('math').sin(0.5)
True
>>> y = dot([Value(1.0), Value(2.0)], [3.0, 4.0], 0.5)
>>> y.data, y.op.name
(11.5, 'dot')

NumPy's own functions, and its arrays' operators, take a ``Value``, too. NumPy is imported only once an array is met.

>>> import numpy as np
>>> v = Value(2.0)
>>> (np.array([1.0, 3.0]) * v).tolist()
[Value(data=2.0, grad=0.0), Value(data=6.0, grad=0.0)]
>>> np.maximum(v, 5.0)
Value(data=5.0, grad=0.0)
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from math import nan
from typing import TYPE_CHECKING, Any, overload

from .._extras import needed
from . import context, fast
from .algebras import TROUBLE
from .checks import items, one_of
from .numbers import Fraction, real
from .table import Operation, operations
from .value import Value, forgive, lift, record, vectors
from .while_loop import while_loop

__all__ = ['apply', 'max', 'mean', 'min', 'softmax', 'where', 'while_loop']


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
#: The kinds of operands that are computed as they are.
FLOATS = {float}


def is_array(thing: Any) -> bool:
    """Tell a NumPy array from anything else, without importing NumPy; another thread may be about to."""
    return isinstance(thing, getattr(sys.modules.get('numpy'), 'ndarray', ()))


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
    name = ufunc.__name__
    function = COMPARISONS.get(name) or OTHERS.get(name)
    if function is None:
        function = next((globals()[op.name] for op in operations.values() if op.numpy == name), None)
    if function is None or method != '__call__' or options:
        return NotImplemented
    return elementwise(function, *operands)


if TYPE_CHECKING:
    import microgradnet.engine.methods as table  # a form in which pyright finds its __all__

    from .methods import *  # noqa: F403
    from .methods import Array, Operand, Real, exp, stop_gradient, sum

    __all__ += table.__all__


def apply(op: Operation, *operands: Any) -> Any:
    """Apply an operation of scalars to numbers, Values or arrays of either.

    Raises what Python's own arithmetic raises, and TypeError for anything that is
    not a real number.

    >>> apply(operations['atan2'], 0.0, -1.0), apply(operations['sqrt'], Value(9.0)).data
    (3.141592653589793, 3.0)
    """
    if not isinstance(op, Operation):
        op = operations[one_of('operation', op, operations)]
    if {operand.__class__ for operand in operands} == FLOATS:  # as nets ask for by the thousand: nothing to look into
        return _computed(op, operands)
    if builtins.any(is_array(operand) for operand in operands):
        return elementwise(partial(apply, op), *operands)
    if builtins.all(isinstance(operand, Value) for operand in operands):
        return getattr(operands[0], op.method or op.name)(*operands[1:])
    beside = next((operand for operand in operands if isinstance(operand, Value)), None)
    if beside is not None:
        return record(op, [lift(operand, beside) for operand in operands])
    return _number(op, [*operands])


def apply_to_vectors(op: Operation, *groups: Any) -> Any:
    """Apply an operation of vectors: one node if there is a Value among them, else a float.

    >>> apply_to_vectors(operations['sum'], [1, 2, 3.5])
    6.5
    """
    operands = [items(f'{p} of {op.name}', group) if p in op.vectors else group
                for p, group in zip(op.parameters, groups, strict=True)]  # fmt: skip
    flat = [x for group in operands for x in (group if isinstance(group, list) else [group])]
    lengths = {len(group) for group in operands if isinstance(group, list)}
    if len(lengths) > 1 or builtins.any(isinstance(x, Value) for x in flat):
        return fast.recorders[op.name](*operands)
    return _number(op, operands)


@overload
def where(condition: Value, yes: Operand | Callable[[], Operand], no: Operand | Callable[[], Operand]) -> Value: ...
@overload
def where(condition: Real, yes: Value | Callable[[], Value], no: Value | Callable[[], Value]) -> Value: ...
@overload
def where(condition: Real, yes: Real | Callable[[], Real], no: Real | Callable[[], Real]) -> float: ...
@overload
def where(condition: Array, yes: Operand | Array, no: Operand | Array) -> Array: ...
@overload
def where(condition: Any, yes: Any, no: Any) -> Any: ...
def where(condition: Any, yes: Any, no: Any) -> Any:
    """Choose ``yes`` where the condition holds, ``no`` where it does not.

    A condition that is a ``Value`` (0 is false; nan gives nan) is recorded with both
    branches, and the error signal goes to the chosen one alone, so that an infinity
    or nan in the other cannot leak. A bool, or any other number, simply chooses (nan gives nan);
    arrays are taken elementwise, a list is a TypeError. A branch may be a function
    without arguments: only the chosen one is called, except while a program is being
    recorded, or where nan chooses neither, which needs both: there the other one is
    called in IEEE arithmetic, and cannot raise what Python's would.

    >>> x = Value(0.0)
    >>> where(x > 0, lambda: x.log(), 0.0)
    0.0
    >>> y = where(x.greater(1), 1 / (x + 1), x * 3)
    >>> y.backward()
    >>> x.grad
    3.0
    """
    if builtins.any(is_array(thing) for thing in (condition, yes, no)):
        return elementwise(where, condition, yes, no)
    if not isinstance(condition, Value):
        number = real(condition, 'the condition of where')
        if number != number:  # neither side, as of a Value
            return apply(operations['where'], number, *(nan if callable(side) else side for side in (yes, no)))
        chosen, other = (yes, no) if number else (no, yes)
        if not callable(other) and not isinstance(other, Value):
            real(other, 'a branch of where')
        chosen = chosen() if callable(chosen) else chosen
        return chosen if isinstance(chosen, Value) else real(chosen, 'a branch of where')
    return condition.where(_branch(yes, condition, True), _branch(no, condition, False))


@overload
def max(a: Value | Iterable[Value], /, *more: Operand) -> Value: ...
@overload
def max(a: Fraction | Iterable[Fraction], /, *more: Fraction) -> Fraction: ...
@overload
def max(a: Real | Iterable[Real], /, *more: Real) -> float: ...
@overload
def max(a: Any, /, *more: Any) -> Any: ...
def max(*operands: Any) -> Any:
    """Return the largest of several operands, or of one iterable; nan if one is nan.

    At a tie the error signal is shared equally, two by two.

    >>> max(1.0, 3.0, 2.0), max([0.5, 0.25])
    (3.0, 0.5)
    """
    return _fold('max', operands)


@overload
def min(a: Value | Iterable[Value], /, *more: Operand) -> Value: ...
@overload
def min(a: Fraction | Iterable[Fraction], /, *more: Fraction) -> Fraction: ...
@overload
def min(a: Real | Iterable[Real], /, *more: Real) -> float: ...
@overload
def min(a: Any, /, *more: Any) -> Any: ...
def min(*operands: Any) -> Any:
    """Return the smallest of several operands, or of one iterable; nan if one is nan.

    >>> min(1.0, 3.0, 2.0), min([0.5, 0.25])
    (1.0, 0.25)
    """
    return _fold('min', operands)


@overload
def mean(values: Iterable[Value]) -> Value: ...
@overload
def mean(values: Iterable[Fraction]) -> Fraction: ...
@overload
def mean(values: Iterable[Real]) -> float: ...
@overload
def mean(values: Iterable[Any]) -> Any: ...
def mean(values: Iterable[Any]) -> Any:
    """Return the arithmetic mean; raise ValueError of nothing.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    values = items('the values of mean', values)
    if not values:
        raise ValueError('mean wants at least one value, and there is none')
    return sum(values) / len(values)


@overload
def softmax(values: Iterable[Value]) -> list[Value]: ...
@overload
def softmax(values: Iterable[Real | Fraction]) -> list[float]: ...
@overload
def softmax(values: Iterable[Any]) -> list[Any]: ...
def softmax(values: Iterable[Any]) -> list[Any]:
    """Return ``e ** v_i / sum(e ** v_j)`` for every value: positive, and summing to 1.

    >>> softmax([0.0, 0.0]), softmax([1000.0, 0.0])
    ([0.5, 0.5], [1.0, 0.0])
    """
    values = items('the values of softmax', values)
    if not values:
        raise ValueError('softmax wants at least one value, and there is none')
    shift = stop_gradient(max(values))
    powers = [exp(value - shift) for value in values]
    total = sum(powers)
    return [power / total for power in powers]


def _branch(branch: Any, condition: Value, side: bool) -> Any:
    """Return a branch of ``where``, called if it is a function and anyone needs it.

    A condition that is nan chooses neither, and makes the gradient of both nan.
    """
    if not callable(branch):
        return branch
    number = condition._data
    chosen = (number != 0) is side and number == number
    if not context.comparisons.get():
        if chosen:
            return branch()
        if number == number:
            return nan
        with context.ieee_arithmetic():
            return branch()
    with context.choosing(condition, side):
        if chosen:
            return branch()
        with context.ieee_arithmetic():
            return branch()


def _fold(name: str, operands: Sequence[Any]) -> Any:
    if len(operands) == 1 and not isinstance(operands[0], Value):
        operands = items(f'the operands of {name}', operands[0], 'numbers, or one list of them')
    if not operands:
        raise ValueError(f'{name} wants at least one operand, and there is none')
    if len(operands) == 1 and not isinstance(operands[0], Value):
        return real(operands[0], f'an operand of {name}')
    return reduce(partial(apply, operations[name]), operands)


def _number(op: Operation, operands: list[Any]) -> Any:
    """Compute an operation on numbers alone, exactly where one is a Fraction."""
    flat = [x for group in operands for x in (group if isinstance(group, list) else [group])]
    if builtins.any(isinstance(x, Fraction) for x in flat):
        return record(op, vectors(op, *operands))._data
    what = f'an operand of {op.name}'
    numbers = [[real(x, what) for x in group] if p in op.vectors else real(group, what)
               for p, group in zip(op.parameters, operands, strict=True)]  # fmt: skip
    return _computed(op, numbers)


def _computed(op: Operation, numbers: Sequence[Any]) -> float:
    """Compute an operation on floats, and lists of them."""
    try:
        return float(op.value('python')(*numbers))
    except TROUBLE:
        return forgive(op, *numbers)


def _install(op: Operation) -> None:
    """Add the function of a new row to this module."""
    if op.name in globals():
        return
    signature = ', '.join(f'{p}={op.default[p]!r}' if p in op.default else p for p in op.parameters)
    operands = ', '.join(op.parameters)
    head, call = f'def {op.name}({signature}):', f'({op.name}_operation, {operands})'
    if op.vectors:
        # Most vectors are of nodes: a look at the first term saves looking at all of them.
        first = op.vectors[0]
        what = f'{first} of {op.name}'
        body = (
            f'if {first}.__class__ is not list:\n        {first} = items({what!r}, {first})\n    '
            f'if {first} and isinstance({first}[0], Value):\n        '
            f'return record_{op.name}({operands})\n    return apply_to_vectors{call}'
        )
        fast.provide(**{f'record_{op.name}': fast.recorders[op.name]})
    elif len(op.parameters) == 1:
        body = f'return a.{op.method or op.name}() if isinstance(a, Value) else apply{call}'
    else:
        body = f'return apply{call}'
    function: Callable[..., Any] = fast.generate(f'{head}\n    {body}\n', f'function {op.name}')
    function.__doc__, function.__module__ = op.document, __name__
    globals()[op.name] = function
    __all__.append(op.name)


fast.provide(apply=apply, apply_to_vectors=apply_to_vectors)
operations.watch(_install)
