"""Recording with folding: a builder that makes each node once, and none that a 0 or 1 saves.

The table's cells, printed in graph arithmetic, are calls of a builder ``g``. Its
operands are nodes and bare numbers; an operation of numbers alone is a number.

>>> g, x = Builder(), Value(3.0)
>>> g.mul(x, 1) is x, g.mul(x, 0), g.add(2, 0.5), g.sin(x) is g.sin(x)
(True, 0, 2.5, True)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple, TypeAlias

from .._processes import cached_property
from ..engine.algebras import TROUBLE
from ..engine.fast import recorders
from ..engine.numbers import Fraction, Number
from ..engine.table import Operation, operations
from ..engine.value import Constant, Value, lift, record, vectors

__all__ = ['Builder', 'Gate', 'Term', 'is_number', 'weighed']

Term: TypeAlias = Value | Number | int


class Gate(NamedTuple):
    """An edge out of ``where``: open if the condition holds (``side``), or if it does not.

    ``weighs``: the condition is a weight, without which there is no signal; but the weight may move.
    """

    condition: Value
    side: bool
    weighs: bool = False


class _Let(Operation):
    """What lets a number through or not, by another one that is no factor; it is in no table, for nobody writes it."""

    def __init__(self, name: str, value: str, partial: str, latex: str) -> None:
        super().__init__(operations, name, value, [partial, None], latex)

    def __reduce__(self) -> Any:
        return _let, (self.name,)


#: What is nothing without a weight that it has as a factor. Where the weight is 0, the other factor may be infinite.
#: The derivative is that of the product, for a weight that is 0 can move.
weighed = _Let('weighed', 'a if b != 0 else 0', '1', r'\left({a}\text{ if }{b}\text{ else }0\right)')
#: What passes two gates of ``where``, of which a nan opens this one, so that the other one can be closed.
opened = _Let('opened', 'a if b != 0 else 0', '1 if b != 0 else None', r'\left({a}\text{ if }{b}\text{ else }0\right)')
closed = _Let(
    'closed', '0 if b > 0 or b < 0 else a', 'None if b > 0 or b < 0 else 1',
    r'\left(0\text{ if }{b}\text{ else }{a}\right)',
)  # fmt: skip


def _let(name: str) -> Operation:
    return {op.name: op for op in (weighed, opened, closed)}[name]


class _Cells(dict[Operation, list[Callable[..., Any]]]):
    """What records the partials of an operation, one cell for each of its operands."""

    def __missing__(self, op: Operation) -> list[Callable[..., Any]]:
        cells = self[op] = [op.partial_graph(parameter) for parameter in op.parameters]
        return cells


class Builder:
    """Records operations by name, ``g.sin(x)``; given nodes are used again, not made again."""

    def __init__(self, nodes: Sequence[Value] = ()) -> None:
        self._nodes = nodes
        self._given: defaultdict[Operation | None, list[Value]] = defaultdict(list)
        for node in nodes:
            self._given[node.op].append(node)
        self._made: dict[str, dict[tuple[Any, ...], Value]] = {}
        self.cells = _Cells()

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name not in operations:
            raise AttributeError(f'there is no operation {name!r}')
        return partial(self.record, name)

    @cached_property
    def _age(self) -> dict[Value, int]:
        return {node: age for age, node in enumerate(self._nodes)}

    def age(self, gate: Gate) -> tuple[bool, int, bool]:
        """Order gates by their condition's place in the graph, those made here by when they were."""
        place = self._age.get(gate.condition)
        return place is None, gate.condition.born if place is None else place, gate.side

    def weighed(self, a: Any, weight: Value) -> Any:
        """Return what a weight is a factor of, and nothing without one."""
        return a if a is weight else self._let(weighed, a, weight)

    def passed(self, a: Any, gates: Sequence[Gate]) -> Any:
        """Return what passes several gates: nothing if one is closed, else nan if the condition of one is nan."""
        if is_number(a, 0):
            return a
        for condition, _, weighs in gates:
            a = a if weighs else self.record('where', condition, a, a)
        for condition, side, weighs in gates:
            a = self.weighed(a, condition) if weighs else self._let(opened if side else closed, a, condition)
        return a

    def _let(self, op: Operation, a: Any, by: Value) -> Any:
        if is_number(a, 0):
            return a
        made, nodes = self._made.setdefault(op.name, {}), (_as_node(a, by), by)
        return made.setdefault(_key(nodes), record(op, nodes))

    def record(self, name: str, *operands: Any) -> Any:
        """Record an operation of scalars, or compute it if all operands are numbers."""
        for operand in operands:
            if operand.__class__ is not Value:
                break
        else:  # as most often, there is nothing to fold or to fit
            return self._node(name, operands)
        plain = [_number_if_constant(operand) for operand in operands]
        for beside in plain:
            if isinstance(beside, Value):
                return self._node(name, tuple([_as_node(operand, beside) for operand in plain]))
        return _compute(operations[name], plain)

    def _node(self, name: str, nodes: tuple[Value, ...]) -> Value:
        """Return the node of an operation of some nodes, made if it is not there yet."""
        made, key = self._made.get(name), _key(nodes)
        if made is None:
            given, made = self._given.pop(operations[name], ()), {}
            for one in given:
                made.setdefault(_key(one.inputs), one)
            self._made[name] = made
        if key in made:
            return made[key]
        op = operations[name]
        node: Value = getattr(nodes[0], op.method or op.name)(*nodes[1:])
        # Of two equal tuples the node's own is kept, to leave less to the garbage collector.
        made[node.inputs if key is nodes and node.inputs else key] = node
        return node

    def identity(self, a: Any) -> Any:
        return a

    def add(self, a: Any, b: Any) -> Any:
        return self.record('add', a, b)  # a + 0 is not always a: -0.0 + 0 is 0.0

    def sub(self, a: Any, b: Any) -> Any:
        if a is b:
            return 0
        return a if is_number(b, 0) else self.neg(b) if is_number(a, 0) else self.record('sub', a, b)

    def mul(self, a: Any, b: Any) -> Any:
        if a.__class__ is b.__class__ is Value:
            return self._node('mul', (a, b))
        a, b = _number_if_constant(a), _number_if_constant(b)
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
        if a.__class__ is int:
            return Fraction(-a)
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
            ((a, b),) = pairs
            if a.__class__ is Value or b.__class__ is Value:
                return self.mul(a, b)
        products: list[tuple[Any, Any]] = []
        terms: list[Value] = []
        number: Any = 0
        for a, b in pairs:
            if a.__class__ is b.__class__ is Value:
                products.append((a, b))
            elif a.__class__ is Value and b.__class__ is int and b == 1:
                terms.append(a)
            else:
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
            terms.append(_dot(products, terms.pop() if terms else 0))
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


def _dot(pairs: Sequence[tuple[Any, Any]], bias: Any) -> Value:
    """Record a dot of nodes and of numbers, to which no signal travels."""
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    if {Value}.issuperset(map(type, left + right)) or all(isinstance(factor, Value) for factor in left + right):
        return recorders['dot'](left, right, bias)  # type: ignore[no-any-return]
    beside = next(factor for pair in pairs for factor in pair if isinstance(factor, Value))
    left, right = ([_as_node(factor, beside) for factor in side] for side in (left, right))
    if {factor._data.__class__ for factor in left + right} != {float}:
        return record(operations['dot'], vectors(operations['dot'], left, right, bias))
    node: Value = recorders['dot'](left, right, bias)  # which knows of no constants, but is much faster
    node.partials = tuple([None if f.__class__ is Constant else p for f, p in zip(node.inputs, node._partials)])
    return node


def _key(nodes: tuple[Value, ...]) -> tuple[Any, ...]:
    """Tell nodes apart by what they are, constants by how they print: -0.0 is not 0.0, a nan is like another."""
    if Constant not in map(type, nodes):
        return nodes
    return tuple([repr(node._data) if node.__class__ is Constant else node for node in nodes])


def _as_node(operand: Any, beside: Value) -> Any:
    """Make a number a constant, a float beside floats, exact beside fractions."""
    if isinstance(operand, Value):
        return operand
    exact = isinstance(beside._data, Fraction) and not isinstance(operand, float)
    return lift(Fraction(operand) if exact else float(operand))


def _number_if_constant(operand: Any) -> Any:
    return operand._data if operand.__class__ is Constant else operand


def is_number(operand: Any, number: int) -> bool:
    """Tell whether an operand is this very number, not a node that happens to hold it."""
    if operand.__class__ is Value:
        return False
    if isinstance(operand, Value):
        return operand.__class__ is Constant and bool(operand._data == number)
    return bool(operand == number)
