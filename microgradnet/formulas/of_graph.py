"""Nodes of a graph as formulas: what one node computes, and its derivatives by the table.

>>> from microgradnet.formulas.terms import Name, Symbol
>>> from ..engine.functions import dot
>>> a, b = Value(0.5), Value(-3.0)
>>> symbols = {a: Symbol(Name('a'), (0.5,)), b: Symbol(Name('b'), (-3.0,))}
>>> from .text import text
>>> text(formula(dot([a, b], [b, b], -1.0), symbols)), text(formula(a / b * 2.0, symbols))
('a · b + b^2 - 1', '2 · (a / b)')
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ..derivatives.builder import Builder, Gate
from ..engine.context import ieee_arithmetic
from ..engine.table import Operation
from ..engine.value import Constant, Value
from ..engine.walks import topological_order
from .terms import Function, Minus, Number, Power, Product, Quotient, Term, add, multiply, negate

__all__ = ['applied', 'formula', 'formulas', 'partial_formulas']


def formula(node: Value, symbols: Mapping[Value, Term]) -> Term:
    """Write what a node computes, down to the nodes that have symbols; constants are numbers."""
    return formulas(node, symbols)[-1]


def formulas(node: Value, symbols: Mapping[Value, Term], simple: bool = True) -> list[Term]:
    """Write what a node computes, last of all the formulas that it is made of, each after its own.

    ``simple`` sets each operation as a mathematician would; otherwise each stands as it was recorded.

    >>> a = Value(0.5)
    >>> formulas(a + 0.0, {a: Number(0.5)}), len(formulas(a + 0.0, {a: Number(0.5)}, simple=False))
    ([Number(data=0.5, in_full=False), Number(data=0.0, in_full=True), Number(data=0.5, in_full=False)], 3)
    """
    done: dict[Value, Term] = {}
    # Not below what has a symbol already: what is there would be walked again for every node above it.
    inner = [source for source in node.inputs if source not in symbols]
    done |= {source: symbols[source] for source in node.inputs if source in symbols}
    for each in [*topological_order(*inner), node]:
        if each in symbols and (each is not node or not each.inputs):
            done[each] = symbols[each]
        elif each.op is None:
            done[each] = Number(each.data, in_full=True)
        elif simple and each.op.name == 'where' and each not in symbols and each is not node:
            condition, yes, no = each.inputs  # a choice of the rule's: what holds here
            done[each] = done[yes if condition.data else no]
        else:
            operands = [done[source] for source in each.inputs]
            done[each] = applied(each.op, operands) if simple else Function(each.op, tuple(operands))
    return [*done.values()]


def partial_formulas(node: Value, symbols: Mapping[Value, Term]) -> dict[Value, Term]:
    """Write the derivative of a node by each of its inputs that has a symbol, all its places added up.

    Made from the table's row; where the rule chooses between cases, the one that holds
    for the numbers at hand.
    """
    assert node.op is not None
    stand_ins = {s: s if isinstance(s, Constant) else Value(s.data) for s in node.inputs}
    written = {stand_in: symbols[s] for s, stand_in in stand_ins.items() if s in symbols}
    y = Value(node.data)
    written[y] = symbols[node]
    operands = node.op.split([stand_ins[s] for s in node.inputs])
    found: dict[Value, Term] = {}
    places = iter(node.inputs)
    with ieee_arithmetic():
        for parameter, operand in zip(node.op.parameters, operands):
            partial = node.op.partial_graph(parameter)(Builder(), *operands, y)
            vector = parameter in node.op.vectors
            several = (
                partial
                if vector and isinstance(partial, (list, tuple))
                else [partial] * (len(operand) if vector else 1)
            )
            for one in several:
                source = next(places)
                if source in symbols:
                    term = _partial(one, written)
                    found[source] = add(found[source], term) if source in found else term
    return found


def _partial(partial: Any, written: Mapping[Value, Term]) -> Term:
    if partial is None:
        return Number(0)
    if isinstance(partial, Gate):
        return Number(int(bool(partial.condition.data) is partial.side))
    if not isinstance(partial, Value):
        return Number(partial, in_full=True)
    while partial.op is not None and partial.op.name == 'where':
        condition, yes, no = partial.inputs
        partial = yes if condition.data else no
    return formula(partial, written)


def applied(op: Operation, operands: list[Term]) -> Term:
    """Set an operation as a mathematician would.

    >>> from .text import text
    >>> from ..engine.table import operations
    >>> text(applied(operations['sub'], [Number(2), Number(-3)]))
    '5'
    """
    match op.name, operands:
        case 'add', [a, b]:
            return add(a, b)
        case 'sub', [a, b]:
            return add(a, negate(b))
        case 'neg', [a]:
            return negate(a)
        case 'mul', [a, b]:
            return _times(b, a) if isinstance(b, Number) and not isinstance(a, Number) else _times(a, b)
        case 'div', [a, b]:
            return _over(a, b)
        case 'pow', [a, b]:
            return a if isinstance(b, Number) and b.data == 1 else Power(a, b)
        case 'identity', [a]:
            return a
        case 'sum', terms:
            return add(*terms)
        case 'dot', _:
            weights, inputs, bias = op.split(operands)
            return add(*(_times(w, x) for w, x in zip(weights, inputs)), bias)
    return Function(op, tuple(operands))


def _times(*factors: Term) -> Term:
    """Multiply, with powers for what is there several times side by side."""
    product = multiply(*factors)
    minus = isinstance(product, Minus)
    product = product.body if isinstance(product, Minus) else product
    if isinstance(product, Product):
        runs = [(f, len([*run])) for f, run in groupby(product.factors)]
        product = multiply(*(Power(f, Number(n)) if n > 1 and not isinstance(f, Number) else multiply(*[f] * n)
                             for f, n in runs))  # fmt: skip
    return Minus(product) if minus else product


def _over(above: Term, below: Term) -> Term:
    """Divide: minus in front, and no fraction above another."""
    match above, below:
        case _, Number(data) if data == 1:
            return above
        case Minus(body), _:
            return negate(_over(body, below))
        case Quotient(first, second), _:
            return Quotient(first, _times(second, below))
    return Quotient(above, below)
