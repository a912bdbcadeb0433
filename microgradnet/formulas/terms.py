"""Formulas as structures: what a mathematician would write, and the numbers it stands for.

``Symbol``      a name, w_{1,3} or r_5^(i), with its number, or one for every sample
``Applied``     an activation function of a symbol, g(r_5), or its derivative, g'(r_5)
``Number``      a number
``Sum``, ``Product``, ``Quotient``, ``Power``, ``Minus``, ``Function``
``Derivative``  the derivative of a term by a symbol, not yet worked out
``Samples``     the sum over all samples, or from one of them on
``Struck``      a term that vanishes
``Marked``      a factor that is one of ``colours.PARTS``: error introduced, gradient, input

``term.at(i)`` is the number for sample i, counted from 0.

``add`` and ``multiply`` make sums and products as one would write them: they leave out a term 0, a factor 1, a
second minus. ``put`` puts the numbers of a sample in place of the names, ``at_sample``
writes for one sample what holds for every one.

>>> w, x = Symbol(Name('w', '1,3'), (4.0,)), Symbol(Name('x', '1', sample='i'), (0.5, -1.0))
>>> Product((w, x)).at(1)
-4.0
>>> product = multiply(Number(1), w, Minus(x))
>>> product == Minus(Product((w, x))), put(product, 1) == Minus(Product((Number(4.0), Number(-1.0))))
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

from ..engine.table import Operation

__all__ = [
    'Applied', 'Derivative', 'Function', 'Marked', 'Minus', 'Name', 'Number', 'Power', 'Product', 'Quotient', 'Samples',
    'Struck', 'Sum', 'Symbol', 'Term', 'add', 'at_sample', 'multiply', 'negate', 'numbers_first', 'parts_of', 'put',
    'with_numbers',
]  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A letter or word, perhaps with a hat, an index, and a sample or iteration above it.

    ``sample`` is ``'i'`` where the name stands for every sample, a number for one of
    them; ``'l'`` and ``'l+1'`` are before and after the update.
    """

    base: str
    index: str = ''
    hat: bool = False
    sample: str = ''

    def of(self, sample: str) -> Name:
        return replace(self, sample=sample)


class Term:
    """A formula."""

    def at(self, i: int) -> Any:
        """Compute the number that a formula of sums and products has for sample i, counted from 0."""
        raise NotImplementedError(f'{type(self).__name__} has no number of its own')


@dataclass(frozen=True)
class Number(Term):
    """A number; ``in_full`` prints all its digits."""

    data: Any
    in_full: bool = False

    def at(self, i: int) -> Any:
        return self.data


@dataclass(frozen=True)
class Symbol(Term):
    """A name for a number, or for one number per sample."""

    name: Name
    numbers: Sequence[Any]

    def at(self, i: int) -> Any:
        if len(self.numbers) == 1:
            return self.numbers[0]
        return self.numbers[int(self.name.sample) - 1 if self.name.sample.isdigit() else i]

    def of(self, sample: str) -> Symbol:
        """Return the same name for one sample."""
        return replace(self, name=self.name.of(sample))


@dataclass(frozen=True)
class Applied(Term):
    """g(r), or g'(r) if primed."""

    function: Name
    primed: bool
    argument: Symbol
    numbers: Sequence[Any]

    def at(self, i: int) -> Any:
        return Symbol(self.argument.name, self.numbers).at(i)


@dataclass(frozen=True)
class Sum(Term):
    terms: tuple[Term, ...]

    def at(self, i: int) -> Any:
        first, *others = (term.at(i) for term in self.terms)
        return sum(others, start=first)


@dataclass(frozen=True)
class Product(Term):
    factors: tuple[Term, ...]

    def at(self, i: int) -> Any:
        result = self.factors[0].at(i)
        for factor in self.factors[1:]:
            result = result * factor.at(i)
        return result


@dataclass(frozen=True)
class Minus(Term):
    body: Term

    def at(self, i: int) -> Any:
        return -self.body.at(i)


@dataclass(frozen=True)
class Quotient(Term):
    above: Term
    below: Term


@dataclass(frozen=True)
class Power(Term):
    base: Term
    exponent: Term


@dataclass(frozen=True)
class Function(Term):
    """An operation of the table on formulas, one for each input of a node."""

    operation: Operation
    operands: tuple[Term, ...]


@dataclass(frozen=True)
class Derivative(Term):
    """The derivative by a symbol, still to be worked out; ``total`` along all ways to it.

    Its number, or one for every sample, is given where it is needed.
    """

    by: Symbol
    body: Term
    numbers: Sequence[Any] = ()
    total: bool = False

    def at(self, i: int) -> Any:
        return replace(self.body, numbers=self.numbers).at(i) if isinstance(self.body, Symbol) else self.numbers[i]


@dataclass(frozen=True)
class Samples(Term):
    """The sum of a term over all samples, or from the ``first`` on, counted from 1 as printed."""

    body: Term
    count: int
    first: int = 1

    def at(self, i: int) -> Any:
        first, *others = (self.body.at(k) for k in range(self.first - 1, self.count))
        return sum(others, start=first)


@dataclass(frozen=True)
class Marked(Term):
    """A factor that plays one of the ``colours.PARTS``."""

    part: str
    body: Term

    def at(self, i: int) -> Any:
        return self.body.at(i)


@dataclass(frozen=True)
class Struck(Term):
    """A term that vanishes: printed as it is and, where there is ink for it, struck through."""

    body: Term

    def at(self, i: int) -> Any:
        return self.body.at(i)


def parts_of(term: Term) -> Iterator[Term]:
    """Go through a formula and all formulas that it is made of.

    >>> [type(part).__name__ for part in parts_of(Minus(Power(Number(2), Number(3))))]
    ['Minus', 'Power', 'Number', 'Number']
    """
    yield term
    match term:
        case Sum(parts) | Product(parts) | Function(_, parts):
            inner: Sequence[Term] = parts
        case Minus(body) | Samples(body) | Marked(_, body) | Struck(body) | Derivative(_, body):
            inner = [body]
        case Quotient(one, other) | Power(one, other):
            inner = [one, other]
        case _:
            inner = []
    for part in inner:
        yield from parts_of(part)


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


def rebuilt(term: Term, change: Callable[[Term], Term]) -> Term:
    """Make a formula anew, of its parts changed.

    >>> rebuilt(Power(Number(2), Number(3)), negate)
    Power(base=Number(data=-2, in_full=False), exponent=Number(data=-3, in_full=False))
    """
    match term:
        case Sum(parts) | Product(parts):
            return type(term)(tuple(map(change, parts)))
        case Function(operation, operands):
            return Function(operation, tuple(map(change, operands)))
        case Minus() | Samples() | Marked() | Struck() | Derivative():
            return replace(term, body=change(term.body))
        case Quotient(one, other) | Power(one, other):
            return type(term)(change(one), change(other))
    return term


def put(term: Term, i: int) -> Term:
    """Put the numbers of sample i, counted from 0, in place of the names."""
    if isinstance(term, (Symbol, Applied, Derivative, Samples)):
        return Number(term.at(i))
    return rebuilt(term, partial(put, i=i))


def with_numbers(term: Term, i: int) -> tuple[Term, ...]:
    """Return a formula, and its numbers for sample i put in, unless they are one only."""
    numbers = put(term, i)
    return (term,) if isinstance(numbers, Number) or numbers == term else (term, numbers)


def at_sample(term: Term, sample: str) -> Term:
    """Write a formula that holds for every sample i for one of them."""
    match term:
        case Symbol():
            return term.of(sample) if term.name.sample == 'i' else term
        case Applied():
            argument = at_sample(term.argument, sample)
            assert isinstance(argument, Symbol)
            return replace(term, argument=argument)
        case Samples():
            return term
    return rebuilt(term, partial(at_sample, sample=sample))


def _is(term: Term, number: int) -> bool:
    return isinstance(term, Number) and bool(term.data == number)
