"""Sums and products as one would write them, and formulas with numbers put in.

``add`` and ``multiply`` leave out what nobody would write: a term 0, a factor 1, a
second minus. ``put`` puts the numbers of a sample in place of the names, ``at_sample``
writes for one sample what holds for every one.

>>> from microgradnet.derivation.terms import Name
>>> w, x = Symbol(Name('w', '1,3'), (4.0,)), Symbol(Name('x', '1', sample='i'), (0.5, -1.0))
>>> product = multiply(Number(1), w, Minus(x))
>>> product == Minus(Product((w, x))), put(product, 1) == Minus(Product((Number(4.0), Number(-1.0))))
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

from .terms import (
    Applied,
    Derivative,
    Function,
    Marked,
    Minus,
    Number,
    Power,
    Product,
    Quotient,
    Samples,
    Sum,
    Symbol,
    Term,
)  # fmt: skip

__all__ = ['add', 'at_sample', 'multiply', 'negate', 'numbers_first', 'put']


def add(*terms: Term) -> Term:
    """Add terms up; without zeros, and without a sum around a single one."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, Sum) else (term,))]
    kept = [term for term in flat if not _is(term, 0)]
    numbers = [term for term in kept if isinstance(term, Number)]
    if len(numbers) == len(kept) > 1:
        return Number(sum((n.data for n in numbers[1:]), start=numbers[0].data), numbers[0].in_full)
    if len(kept) > 1 and all(term == kept[0] for term in kept):
        return multiply(Number(len(kept)), kept[0])
    return Sum(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(0)


def multiply(*factors: Term) -> Term:
    """Multiply factors; without ones, with one minus in front, and 0 if any is 0."""
    flat: list[Term] = []
    minus = False
    for factor in factors:
        while isinstance(factor, Minus):
            factor, minus = factor.body, not minus
        flat += factor.factors if isinstance(factor, Product) else (factor,)
    if any(_is(factor, 0) for factor in flat):
        return Number(0)
    minus ^= sum(_is(factor, -1) for factor in flat) % 2 == 1
    kept = [factor for factor in flat if not _is(factor, 1) and not _is(factor, -1)]
    result = Product(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(1)
    return Minus(result) if minus else result


def numbers_first(term: Term) -> Term:
    """Put the numbers of a product in front, as one."""
    if isinstance(term, Minus):
        return negate(numbers_first(term.body))
    if not isinstance(term, Product):
        return term
    numbers = [factor for factor in term.factors if isinstance(factor, Number)]
    if not numbers:
        return term
    others = (factor for factor in term.factors if not isinstance(factor, Number))
    return multiply(Number(prod((n.data for n in numbers[1:]), start=numbers[0].data), in_full=True), *others)


def negate(term: Term) -> Term:
    """Return the negative of a term, without a second minus."""
    match term:
        case Minus(body):
            return body
        case Number(data, in_full):
            return Number(-data, in_full)
    return Minus(term)


def put(term: Term, i: int) -> Term:
    """Put the numbers of sample i, counted from 0, in place of the names."""
    match term:
        case Symbol() | Applied() | Derivative() | Samples():
            return Number(term.at(i))
        case Sum():
            return Sum(tuple(put(t, i) for t in term.terms))
        case Product():
            return Product(tuple(put(f, i) for f in term.factors))
        case Minus():
            return Minus(put(term.body, i))
        case Quotient():
            return Quotient(put(term.above, i), put(term.below, i))
        case Power():
            return Power(put(term.base, i), put(term.exponent, i))
        case Marked():
            return Marked(term.part, put(term.body, i))
        case Function():
            return Function(term.operation, _each(term.operands, lambda t: put(t, i)))
    return term


def at_sample(term: Term, sample: str) -> Term:
    """Write a formula that holds for every sample i for one of them."""
    match term:
        case Symbol():
            return term.of(sample) if term.name.sample == 'i' else term
        case Applied():
            argument = at_sample(term.argument, sample)
            assert isinstance(argument, Symbol)
            return replace(term, argument=argument)
        case Sum():
            return Sum(tuple(at_sample(t, sample) for t in term.terms))
        case Product():
            return Product(tuple(at_sample(f, sample) for f in term.factors))
        case Minus():
            return Minus(at_sample(term.body, sample))
        case Derivative():
            return replace(term, body=at_sample(term.body, sample))
        case Marked():
            return Marked(term.part, at_sample(term.body, sample))
    return term


def _each(operands: tuple[Any, ...], change: Callable[[Term], Term]) -> tuple[Any, ...]:
    return tuple(_each(o, change) if isinstance(o, tuple) else change(o) for o in operands)


def _is(term: Term, number: int) -> bool:
    return isinstance(term, Number) and bool(term.data == number)
