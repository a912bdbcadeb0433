"""Recording operations as nodes, and giving ``Value`` its methods from the table.

``record`` says what every generated method does, for any operation and slowly; the
generated ones do the same for floats, and come here for everything else.

>>> from microgradnet.engine.table import operations
>>> record(operations['mul'], [Value(2.0), Value(Fraction(1, 4))]).partials
(0.25, 2.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import context, fast
from .algebras import TROUBLE
from .cells import define
from .checks import items
from .numbers import Fraction
from .table import Operation, operations
from .value import Constant, Value, constant, new, tick

__all__ = ['forgive', 'lift', 'record', 'recorders', 'vectors']


def lift(number: Any, beside: Value | None = None) -> Value:
    """Return a Value as it is and a number as a constant; raise TypeError for the rest.

    >>> lift(2), lift(True)
    (Constant(2.0), Constant(1.0))
    """
    if isinstance(number, Value):
        return number
    exact = beside is not None and beside._data.__class__ is Fraction and isinstance(number, int)
    return Constant(Fraction(number) if exact else number)


def record(op: Operation, nodes: Sequence[Value]) -> Value:
    """Apply an operation to nodes and record it: what every generated method does, in general.

    Fractions stay exact where all operands are; beside a float they become floats.
    """
    data = [node._data for node in nodes]
    exact = bool(data) and all(isinstance(number, (Fraction, int)) for number in data)
    if not exact:
        data = [float(number) for number in data]
    operands, way = op.split(data), 'exact' if exact else 'python'
    try:
        y = op.value(way)(*operands)
    except TROUBLE:
        y = forgive(op, *operands)
    y = y if isinstance(y, Fraction) else float(y)
    watch = None
    if context.space['paused']:
        if context.is_paused():
            reading = context.readings.get()
            if reading:  # the signal ends here, and so would a recording
                for node in nodes:
                    reading.read(node, 'no_grad()')
            return Value(y)
        watch = context.watcher()
    result = Value(y)
    result.op, result.inputs, result.born = op, (*nodes,), tick()
    try:
        result.partials = _masked(nodes, op.partials(way)(*operands, y))
    except TROUBLE:
        result.partials = limits(op, nodes, *op.split([*map(float, data)]), float(y))
    if watch is not None:
        watch(result)
    return result


def forgive(op: Operation, *operands: Any) -> float:
    """Go on in IEEE arithmetic, if that is what holds here; else raise again what was raised."""
    if not context.is_ieee():
        raise
    if op.vectors:
        operands = tuple([*map(float, o)] if isinstance(o, Sequence) else float(o) for o in operands)
    else:
        operands = tuple(map(float, operands))
    return op.value('ieee')(*operands)  # type: ignore[no-any-return]


def limits(op: Operation, inputs: Sequence[Value], *operands: Any) -> tuple[Any, ...]:
    """Return the partials in IEEE arithmetic, where Python's gave up."""
    return _masked(inputs, op.partials('ieee')(*operands))


def _masked(inputs: Sequence[Value], partials: Sequence[Any]) -> tuple[Any, ...]:
    """Return the partials with None for constants, to which no signal travels."""
    return tuple(None if isinstance(node, Constant) else p for node, p in zip(inputs, partials, strict=True))


def vectors(op: Operation, *groups: Any) -> tuple[Value, ...]:
    """Flatten the operands of an operation of vectors, numbers lifted, lengths checked."""
    grouped = dict(zip(op.parameters, groups, strict=True))
    lengths = {p: len(grouped[p]) for p in op.vectors}
    if len(set(lengths.values())) > 1:
        said = ', '.join(f'{p} has {length}' for p, length in lengths.items())
        raise ValueError(f'{op.name} wants vectors of the same length: {said}')
    flat = [v for p in op.vectors for v in grouped[p]] + [grouped[p] for p in op.scalars]
    exact = (isinstance(v._data if isinstance(v, Value) else v, Fraction) for v in flat)
    beside = Value(Fraction(0)) if any(exact) else None
    return tuple(lift(v, beside) for v in flat)


#: The functions that record an operation of vectors, by name.
recorders: dict[str, Any] = {}

context.space.update(
    items=items, Value=Value, Constant=Constant, new=new, tick=tick, constant=constant, lift=lift, record=record,
    vectors=vectors, forgive=forgive, limits=limits, TROUBLE=TROUBLE,
)  # fmt: skip


def _install(op: Operation) -> None:
    """Give ``Value`` the methods of a new row."""
    context.space[f'{op.name}_operation'] = op
    operations.prepare(op)
    if op.vectors:
        recorders[op.name] = define(fast.nary_source(op), context.space, f'recorder of {op.name}')
        return
    method = define(fast.method_source(op), context.space, f'method {op.name}')
    method.__doc__ = op.document
    for name in {op.method or op.name, op.name, op.numpy}:
        setattr(fast.Operators, name, method)
    if op.reflected:
        reflected = define(fast.reflected_source(op), context.space, f'method {op.reflected}')
        setattr(fast.Operators, op.reflected, reflected)


operations.watch(_install)
