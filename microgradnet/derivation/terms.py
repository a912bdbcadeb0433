"""Formulas as structures: what a mathematician would write, and the numbers it stands for.

``Symbol``      a name, w_{1,3} or r_5^(i), with its number, or one for every sample
``Applied``     an activation function of a symbol, g(r_5), or its derivative, g'(r_5)
``Number``      a number
``Sum``, ``Product``, ``Quotient``, ``Power``, ``Minus``, ``Function``
``Derivative``  the derivative of a term by a symbol, not yet worked out
``Samples``     the sum over all samples, or from one of them on
``Marked``      a factor that is one of ``PARTS``: error introduced, gradient, input

``term.at(i)`` is the number for sample i, counted from 0. Make sums and products with
``algebra``.

>>> w, x = Symbol(Name('w', '1,3'), (4.0,)), Symbol(Name('x', '1', sample='i'), (0.5, -1.0))
>>> Product((w, x)).at(1)
-4.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..operations import Operation

__all__ = [
    'PARTS', 'Applied', 'Derivative', 'Function', 'Marked', 'Minus', 'Name', 'Number', 'Power', 'Product', 'Quotient',
    'Samples', 'Sum', 'Symbol', 'Term',
]  # fmt: skip

#: The three factors of a gradient, as "Propagating the error signal" names and colours them.
PARTS = {'error introduced': 'red', 'gradient': 'green', 'input': 'blue'}


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
    """An operation of the table on formulas; a vector among its operands is a tuple."""

    operation: Operation
    operands: tuple[Any, ...]


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
    """A factor that plays one of the ``PARTS``."""

    part: str
    body: Term

    def at(self, i: int) -> Any:
        return self.body.at(i)
