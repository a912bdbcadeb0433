"""One walk over formulas for all printed forms: where brackets, signs and dots go.

A ``Printer`` decides what a mathematician would: brackets only where needed, minus
instead of plus a negative number. What the parts look like is for the notations to
say: ``text``, ``tex``, ``mathml``, and those of graphs as they were recorded, ``printing``.

A long formula is printed from the bottom up (``Printer.write``), of pieces that are joined once: ``Rope``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice, repeat
from typing import Any, TypeAlias

from .numbers import SIX, digits
from .terms import (
    Applied,
    Derivative,
    Function,
    Marked,
    Minus,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Samples,
    Struck,
    Sum,
    Symbol,
    Term,
)

__all__ = ['Piece', 'Printer', 'Rope', 'join']

#: How tightly a printed form binds.
LOOSE, SUM, PRODUCT, OPEN, TIGHT = 0, 1, 2, 3, 9


class Rope:
    """Pieces of a text one after the other, strings or ropes: not copied, and joined once.

    To make one takes no longer if they are long; ``first`` is the first character, nothing if there is none.

    >>> body = Rope('sin(', Rope('x', ' + 1'), ')')
    >>> body = Rope('-', body)
    >>> str(body), body.first
    ('-sin(x + 1)', '-')
    """

    __slots__ = ('first', 'pieces')

    def __init__(self, *pieces: Piece) -> None:
        self.pieces = pieces
        firsts = (piece[:1] if isinstance(piece, str) else piece.first for piece in pieces)
        self.first: str = next(filter(None, firsts), '')

    def __str__(self) -> str:
        """Join all pieces, however deep they lie."""
        strings: list[str] = []
        todo: list[Piece] = [self]
        while todo:
            piece = todo.pop()
            if isinstance(piece, str):
                strings.append(piece)
            else:
                todo += reversed(piece.pieces)
        return ''.join(strings)


#: What pieces of a text are.
Piece: TypeAlias = str | Rope


def join(between: str, pieces: Iterable[Piece]) -> Rope:
    """Put pieces together with a string between them, as ``str.join`` does."""
    return Rope(*islice(chain.from_iterable(zip(repeat(between), pieces)), 1, None))


class Printer:
    """Prints terms; subclasses say how each part looks."""

    #: How tightly a fraction binds: above and below a bar it is its own bracket.
    quotient_binds = TIGHT
    #: How tightly an exponent must bind: raised, it is its own bracket.
    exponent_least = LOOSE

    def __init__(self, places: int = SIX) -> None:
        #: In how many digits numbers are printed.
        self.places = places
        #: What is printed already, by the identity of its term.
        self.done: dict[int, tuple[Any, int]] = {}

    def write(self, terms: Sequence[Term]) -> str:
        """Print the last of some formulas, each after those that it is made of, so that none recurses."""
        for term in terms:
            self.done[id(term)] = self.spell(term)
        return str(self.done[id(terms[-1])][0])

    def print(self, term: Term, least: int = LOOSE, after_sign: bool = False) -> Any:
        """Print a formula, in brackets if it binds less than asked, or begins with a minus after a sign."""
        body, binding = self.spell(term)
        fits = binding >= least and not (after_sign and Rope(body).first == '-')
        return body if fits else self.brackets(body)

    def spell(self, term: Term) -> tuple[Any, int]:
        """Return a printed formula, and how tightly its last operator binds."""
        if id(term) in self.done:
            return self.done[id(term)]
        match term:
            case Function(operation, operands):  # first, as graphs that were recorded are of nothing else
                return self.function(operation, operands)
            case Number(data, in_full):
                return self.number(data, in_full), self.number_binds(digits(data, in_full, self.places))
            case Symbol(name):
                return self.name(name), TIGHT
            case Applied(function, primed, argument):
                return self.apply(self.name(function), primed, self.name(argument.name)), TIGHT
            case Sum(terms):
                return self.sum(terms), SUM
            case Minus(body):
                return self.minus(self.subtracted(body)), PRODUCT
            case Product(factors):
                last = len(factors) - 1
                return self.product(
                    [self.factor(f, k == 0, k == last) for k, f in enumerate(factors)]
                ), PRODUCT
            case Quotient(above, below):
                least = PRODUCT if self.quotient_binds < TIGHT else LOOSE
                return self.quotient(
                    self.print(above, least), self.print(below, 2 * least)
                ), self.quotient_binds
            case Power(base, exponent):
                return self.power(self.base(base), self.print(exponent, self.exponent_least)), OPEN + 1
            case Derivative(by, body, _, total):
                if isinstance(body, Symbol) and (not body.name.sample or body.name.base == 'E'):
                    return self.ratio(self.name(body.name), self.name(by.name), total), TIGHT
                return self.derivative(self.name(by.name), self.print(body, TIGHT)), OPEN
            case Samples(body, _, first):
                return self.samples(first, self.print(body, PRODUCT)), PRODUCT
            case Marked(part, body):
                return self.marked(part, self.print(body)), TIGHT
            case Struck(body):
                printed, binding = self.spell(body)
                return self.struck(printed), binding
        raise TypeError(f'no formula: {term!r}')

    def factor(self, term: Term, first: bool, last: bool) -> Any:
        """Print a factor: a minus, and what reaches to the right, must not touch its neighbours."""
        body, binding = self.spell(term)
        if isinstance(term, Samples):
            return body if last else self.brackets(body)
        if isinstance(term, Number) and digits(term.data).startswith('-'):
            return body if first else self.brackets(body)
        if isinstance(term, Minus) or (binding == OPEN and not last):
            return self.brackets(body)
        return body if binding >= PRODUCT else self.brackets(body)

    def base(self, term: Term) -> Any:
        """Print what is raised to a power: a fraction only in brackets."""
        return self.brackets(self.print(term)) if isinstance(term, Quotient) else self.print(term, TIGHT)

    def sum(self, terms: Sequence[Term]) -> str:
        """Print terms side by side, subtracting those that are negative."""
        signs = [split_sign(term) for term in terms]
        return self.signed([(sign, self.subtracted(body)) for sign, body in signs])

    def subtracted(self, term: Term) -> Any:
        """Print what stands after a sign: it must not begin with another one."""
        match term:
            case Product((first, *others)) if others and split_sign(first)[0] == '-':
                last = len(others)
                return self.product([self.factor(f, False, k == last) for k, f in enumerate(term.factors)])
            case Number(data) if digits(data).startswith('-'):
                return self.brackets(self.spell(term)[0])
            case Minus():
                return self.brackets(self.spell(term)[0])
        return self.print(term, PRODUCT)

    @staticmethod
    def number_binds(text: str) -> int:
        """Tell how tightly a number binds: a fraction or a power of ten as a product does."""
        return PRODUCT if text.startswith('-') or '/' in text or 'e' in text else TIGHT

    # What two forms say alike.

    def apply(self, function: str, primed: bool, argument: str) -> str:
        return f'{function}{chr(39) * primed}({argument})'

    def signed(self, parts: Sequence[tuple[str, str]]) -> str:
        first, *others = parts
        return '-' * (first[0] == '-') + first[1] + ''.join(f' {sign} {body}' for sign, body in others)

    def minus(self, body: str) -> str:
        return f'-{body}'

    def struck(self, body: Any) -> Any:
        return body

    # What a form must say.

    def brackets(self, body: Any) -> Any:
        raise NotImplementedError

    def name(self, name: Name) -> str:
        raise NotImplementedError

    def number(self, data: Any, in_full: bool) -> str:
        raise NotImplementedError

    def product(self, factors: Sequence[str]) -> str:
        raise NotImplementedError

    def quotient(self, above: str, below: str) -> str:
        raise NotImplementedError

    def power(self, base: str, exponent: str) -> str:
        raise NotImplementedError

    def function(self, operation: Any, operands: Sequence[Term]) -> tuple[Any, int]:
        raise NotImplementedError

    def ratio(self, of: str, by: str, total: bool) -> str:
        raise NotImplementedError

    def derivative(self, by: str, body: str) -> str:
        raise NotImplementedError

    def samples(self, first: int, body: str) -> str:
        raise NotImplementedError

    def marked(self, part: str, body: str) -> str:
        raise NotImplementedError


def split_sign(term: Term) -> tuple[str, Term]:
    """Take a minus out of a term: what is subtracted is printed without it."""
    if isinstance(term, Minus):
        return '-', term.body
    if isinstance(term, Number) and digits(term.data).startswith('-'):
        return '-', Number(-term.data, term.in_full)
    if isinstance(term, Product) and isinstance(term.factors[0], Number):
        sign, first = split_sign(term.factors[0])
        return sign, Product((first, *term.factors[1:]))
    return '+', term
