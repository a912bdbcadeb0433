"""Recording with folding: a builder that makes each node once, and none that a 0 or 1 saves.

The table's cells, printed in graph arithmetic, are calls of a builder ``g``. Its
operands are nodes and bare numbers; an operation of numbers alone is a number.

>>> g, x = Builder(), Value(3.0)
>>> g.mul(x, 1) is x, g.mul(x, 0), g.add(2, 0.5), g.sin(x) is g.sin(x)
(True, 0, 2.5, True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple, TypeAlias

from .ieee import TROUBLE
from .operations import Operation, operations
from .reals import Fraction, Number
from .recorders import lift, recorders
from .value import Constant, Value

__all__ = ['Builder', 'Gate', 'Term', 'is_number']

Term: TypeAlias = Value | Number | int


class Gate(NamedTuple):
    """An edge out of ``where``: open if the condition holds (``side``), or if it does not."""

    condition: Value
    side: bool


class Builder:
    """Records operations by name, ``g.sin(x)``; given nodes are used again, not made again."""

    def __init__(self, nodes: Iterable[Value] = ()) -> None:
        self._made: dict[tuple[Any, ...], Value] = {}
        self._age: dict[Value, int] = {}
        for node in nodes:
            self._age[node] = len(self._age)
            if node.op is not None:
                self._made.setdefault(self._key(node.op, node.inputs), node)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name not in operations:
            raise AttributeError(f'there is no operation {name!r}')
        return partial(self.record, name)

    def age(self, gate: Gate) -> tuple[int, bool]:
        """Order gates by their condition's place in the graph."""
        return self._age.setdefault(gate.condition, len(self._age)), gate.side

    def record(self, name: str, *operands: Any) -> Any:
        """Record an operation of scalars, or compute it if all operands are numbers."""
        op, plain = operations[name], [_number_if_constant(operand) for operand in operands]
        for beside in plain:
            if isinstance(beside, Value):
                break
        else:
            return _compute(op, plain)
        plain = [_fit(operand, beside) for operand in plain]
        key = self._key(op, plain)
        if key not in self._made:
            first, *others = [lift(operand, beside) for operand in plain]
            self._made[key] = getattr(first, op.method or op.name)(*others)
        return self._made[key]

    def identity(self, a: Any) -> Any:
        return a

    def _key(self, op: Operation, operands: Sequence[Any]) -> tuple[Any, ...]:
        plain = [_number_if_constant(operand) for operand in operands]
        return (op, *[o if isinstance(o, Value) else (repr(o),) for o in plain])

    def add(self, a: Any, b: Any) -> Any:
        return self.record('add', a, b)  # a + 0 is not always a: -0.0 + 0 is 0.0

    def sub(self, a: Any, b: Any) -> Any:
        if a is b:
            return 0
        return a if is_number(b, 0) else self.neg(b) if is_number(a, 0) else self.record('sub', a, b)

    def mul(self, a: Any, b: Any) -> Any:
        a, b = _number_if_constant(a), _number_if_constant(b)
        if isinstance(a, Value) and isinstance(b, Value):
            return self.record('mul', a, b)
        if is_number(a, 0) or is_number(b, 0):
            return 0
        if is_number(a, 1) or is_number(b, 1):
            return b if is_number(a, 1) else a
        if is_number(a, -1) or is_number(b, -1):
            return self.neg(b if is_number(a, -1) else a)
        return self.record('mul', a, b)

    def div(self, a: Any, b: Any) -> Any:
        return 0 if is_number(a, 0) else a if is_number(b, 1) else self.record('div', a, b)

    def neg(self, a: Any) -> Any:
        if isinstance(a, Value) and a.op is not None and a.op.name == 'neg':
            return a.inputs[0]
        return self.record('neg', a)

    def pow(self, a: Any, b: Any) -> Any:
        return 1 if is_number(b, 0) else a if is_number(b, 1) else self.record('pow', a, b)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """Choose; with None as one of the branches, return the gate of the other."""
        condition = _number_if_constant(condition)
        if not isinstance(condition, Value):
            return yes if condition else no
        if yes is None or no is None:
            return Gate(condition, no is None)
        return yes if yes is no else self.record('where', condition, yes, no)

    def choose(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        """Choose between what is recorded only if it can be chosen."""
        condition = _number_if_constant(condition)
        if isinstance(condition, Value):
            return self.where(condition, yes(), no())
        return yes() if condition else no()

    # Comparisons are conditions for where: anything but 0 holds, nan stays nan.
    def gt(self, a: Any, b: Any) -> Any:
        return self.greater(a, b)

    def lt(self, a: Any, b: Any) -> Any:
        return self.less(a, b)

    def ne(self, a: Any, b: Any) -> Any:
        if a is b:
            return 0
        return a if is_number(b, 0) else self.add(self.greater(a, b), self.less(a, b))

    def eq(self, a: Any, b: Any) -> Any:
        return self.where(self.ne(a, b), 0, 1)

    def ge(self, a: Any, b: Any) -> Any:
        return self.where(self.less(a, b), 0, 1)

    def le(self, a: Any, b: Any) -> Any:
        return self.where(self.greater(a, b), 0, 1)

    def both(self, *conditions: Callable[[], Any]) -> Any:
        first, *others = conditions
        return self.choose(first(), lambda: self.both(*others), lambda: 0) if others else first()

    def either(self, *conditions: Callable[[], Any]) -> Any:
        first, *others = conditions
        return self.choose(first(), lambda: 1, lambda: self.either(*others)) if others else first()

    def total(self, terms: Sequence[Any]) -> Any:
        """Add up terms, as one node."""
        return self.dot_product([(term, 1) for term in terms])

    def largest(self, terms: Sequence[Any]) -> Any:
        """Return the largest term."""
        return reduce(self.max, terms)

    def dot_product(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        """Add up products: a ``mul`` for one, a ``dot`` for several, a ``sum`` where one factor is 1."""
        if len(pairs) == 1:
            a, b = map(_number_if_constant, pairs[0])
            if isinstance(a, Value) or isinstance(b, Value):
                return self.mul(a, b)
        products: list[tuple[Any, Any]] = []
        terms: list[Value] = []
        number: Any = 0
        for a, b in pairs:
            a, b = _number_if_constant(a), _number_if_constant(b)
            if is_number(a, 1) or is_number(b, 1) or not (isinstance(a, Value) or isinstance(b, Value)):
                term = self.mul(a, b)
                if isinstance(term, Value):
                    terms.append(term)
                else:
                    number += term
            elif not (is_number(a, 0) or is_number(b, 0)):
                products.append((a, b))
        if len(products) == 1:
            terms.append(self.mul(*products[0]))
        elif products:
            beside = next(factor for pair in products for factor in pair if isinstance(factor, Value))
            left, right = ([_fit(factor, beside) for factor in side] for side in zip(*products))
            terms.append(recorders['dot'](left, right, terms.pop() if terms else 0))
        if not terms:
            return number
        result = terms[0] if len(terms) == 1 else recorders['sum'](terms)
        return self.add(result, number) if number else result


def _compute(op: Operation, numbers: Sequence[Any]) -> Number:
    """Apply an operation to bare numbers, exactly if none is a float."""
    if float not in map(type, numbers):
        try:
            return op.value('exact')(*map(Fraction, numbers))  # type: ignore[no-any-return]
        except TROUBLE:
            pass
    return op.value('ieee')(*map(float, numbers))  # type: ignore[no-any-return]


def _fit(operand: Any, beside: Value) -> Any:
    """Make a number a float beside floats, an exact one beside fractions."""
    if isinstance(operand, (Value, float)):
        return operand
    return Fraction(operand) if isinstance(beside.data, Fraction) else float(operand)


def _number_if_constant(operand: Any) -> Any:
    return operand.data if operand.__class__ is Constant else operand


def is_number(operand: Any, number: int) -> bool:
    """Tell whether an operand is this very number, not a node that happens to hold it."""
    if isinstance(operand, Value):
        return operand.__class__ is Constant and bool(operand.data == number)
    return bool(operand == number)
