"""Lines of a printed derivation, parsed; and numbers that know their derivative and what was rounded.

Part of ``derivation_reader``, which says what it is for.
"""

from __future__ import annotations

import math
import re
import unicodedata
from fractions import Fraction
from typing import Any, NamedTuple

EPSILON = 2.0**-52
#: How many roundings a number may be away, counted in ulps of all that was added up on the way to it.
ULPS = 256


class Wrong(AssertionError):
    """The text is not what it should be."""


class Dual(NamedTuple):
    """A number and its derivative, each with the sum of the sizes of what it was made of."""

    v: Any
    m: Any
    d: Any = 0
    e: Any = 0

    def __add__(self, o: Dual) -> Dual:
        return Dual(self.v + o.v, self.m + o.m, self.d + o.d, self.e + o.e)

    def __neg__(self) -> Dual:
        return Dual(-self.v, self.m, -self.d, self.e)

    def __mul__(self, o: Dual) -> Dual:
        return Dual(self.v * o.v, self.m * o.m, self.d * o.v + self.v * o.d, self.e * o.m + self.m * o.e)

    def through(self, f: Any, slope: Any) -> Dual:
        v, s = f(self.v), slope(self.v)
        if isinstance(v, Fraction):
            return Dual(v, abs(v), s * self.d, abs(s * self.d))
        step = 1e-6 * (1 + abs(self.v))
        curve = abs(slope(self.v + step) - s) / step if self.d else 0
        return Dual(v, abs(v) + abs(s) * self.m, s * self.d, abs(s) * self.e + curve * self.m * abs(self.d))


def sigma(r: float) -> float:
    return 1 / (1 + math.exp(-r)) if r > -700 else 0.0


def swish_slope(r: float) -> float:
    return sigma(r) + r * sigma(r) * sigma(-r)


def by_differences(f: Any) -> Any:
    """Return a slope that will do to tell how much is rounded."""
    return lambda r: (f(float(r) + 1e-6) - f(float(r) - 1e-6)) / 2e-6


FUNCTIONS: dict[str, tuple[Any, Any]] = {
    'identity': (lambda r: r, lambda r: 1),
    'stop_gradient': (lambda a: a, lambda a: 0),
    'sigmoid': (sigma, lambda r: sigma(r) * sigma(-r)),
    'tanh': (math.tanh, lambda r: 1 / math.cosh(r) ** 2),
    'softsign': (lambda r: r / (1 + abs(r)), lambda r: 1 / (1 + abs(r)) ** 2),
    'relu': (lambda r: max(r, 0), lambda r: int(r > 0)),
    'step': (lambda a: int(a > 0), lambda a: 0),
    'softplus': (lambda r: math.log1p(math.exp(r)), sigma),
    'silu': (lambda r: r * sigma(r), swish_slope),
    'abs': (abs, lambda a: (a > 0) - (a < 0)),
    'sin': (math.sin, math.cos),
    'cos': (math.cos, lambda a: -math.sin(a)),
    'exp': (math.exp, math.exp),
    'log': (math.log, lambda a: 1 / a),
    'sqrt': (math.sqrt, lambda a: 0.5 / math.sqrt(a)),
    'sech2': (lambda a: 1 / math.cosh(a) ** 2, lambda a: -2 * math.tanh(a) / math.cosh(a) ** 2),
    'sigmoid_slope': (lambda a: sigma(a) * sigma(-a), lambda a: sigma(a) * sigma(-a) * (1 - 2 * sigma(a))),
}
NUMBER = r'(?:0|[1-9]\d*)(?:/[1-9]\d*|(?:\.\d+)?(?:e[+-]\d+)?)'
NAME = r'[a-z][a-z0-9_]+(?=\()|[A-Za-zα-ω]+\u0302?(?:_\{[0-9a-z,]+\}|_[0-9a-z]+)?(?:\^\((?:i|l|l\+1|\d+)\))?'
TOKEN = re.compile(
    rf'(?P<number>{NUMBER})|Σ_\{{i=(?P<first>[1-9]\d*)\}}\^\{{M\}} |(?P<operator>∂/∂(?P<by>{NAME}) )'
    rf'|(?P<ratio>(?P<sign>[d∂])(?P<of>{NAME})/(?P=sign)(?P<below>{NAME}))|\[(?P<part>[a-z ]+): '
    rf"|(?P<name>{NAME})|(?P<other> · | \+ | - | = | / |, |[-()\]'^])"
)
Tree = tuple[Any, ...]


def read_name(text: str) -> tuple[str, str]:
    """Split a name from the sample above it."""
    name, _, sample = text.partition('^(')
    return name, sample.removesuffix(')')


def columns(text: str) -> int:
    """Count the columns that a decomposed text takes in a terminal: a hat has none of its own."""
    return sum(not unicodedata.combining(sign) for sign in text)


def joined(rows: list[str]) -> list[str]:
    """Join the rows of broken lines: they go on under the first equals sign, or at 8 if that is far to the right.

    What was torn before an operator hangs by four below that; prose goes on at one.
    """
    found: list[str] = []
    column = 0
    for row in rows:
        body = row.lstrip(' ')
        if found and re.match(' (?! )', row):
            found[-1] += row
        elif not row.startswith(' ' * 5) or not found:
            found.append(row)
            before, equals, _ = row.partition(' = ')
            column = 1 + columns(before) if equals else len(row)
        elif len(row) - len(body) != (column if column <= 4 + 24 + 1 else 8) + hanging(body):
            raise Wrong(f'{row!r} does not stand where it should')
        else:
            found[-1] += f' {body}'
    return found


def hanging(body: str) -> int:
    """Return how far below an equals sign a row stands: four for what was torn, two for numbers in a list."""
    return 0 if body[:2] == '= ' else 4 if body[:2] in ('+ ', '- ', '· ', '/ ') else 2


class Line:
    """One line, parsed by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, place = text, [], 0
        while place < len(text):
            match = TOKEN.match(text, place)
            if match is None:
                raise Wrong(f'{text!r}: unreadable from {text[place:]!r} on')
            self.tokens.append(match)
            place = match.end()
        self.place = 0
        self.sides = [self.side()]
        while self.take(' = '):
            self.sides.append(self.side())
        #: None where two formulas are equal, and no number is told.
        self.numbers = [self.literal(self.sides.pop())] if is_literal(self.sides[-1]) else []
        while self.take(', '):
            self.numbers.append(self.literal(self.side()))
        if self.place < len(self.tokens) or len(self.sides) + len(self.numbers) < 2:
            raise Wrong(f'{text!r}: not an equation')
        self.left, *self.sides = self.sides

    def literal(self, tree: Tree) -> str:
        if tree[0] == 'minus' and is_literal(tree[1]):
            return '-' + tree[1][1]
        if tree[0] != 'number':
            raise Wrong(f'{self.text!r}: ends without a number')
        return tree[1]

    def take(self, *texts: str) -> str:
        if self.place < len(self.tokens) and self.tokens[self.place][0] in texts:
            self.place += 1
            return self.tokens[self.place - 1][0]
        return ''

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise Wrong(f'{self.text!r}: {text!r} is missing')

    def side(self) -> Tree:
        terms = [('minus', self.product())] if self.take('-') else [self.product()]
        while sign := self.take(' + ', ' - '):
            terms.append(('minus', self.product()) if sign == ' - ' else self.product())
        return ('sum', terms) if len(terms) > 1 else terms[0]

    def product(self) -> Tree:
        factors = [self.power()]
        while self.take(' · '):
            factors.append(('minus', self.power()) if self.take('-') else self.power())
        if len(factors) == 1 and self.take(' / '):
            return 'quotient', factors[0], self.power()
        return ('product', factors) if len(factors) > 1 else factors[0]

    def power(self) -> Tree:
        factor = self.factor()
        return ('power', factor, self.factor()) if self.take('^') else factor

    def factor(self) -> Tree:
        if self.place == len(self.tokens):
            raise Wrong(f'{self.text!r}: ends too soon')
        match = self.tokens[self.place]
        self.place += 1
        if match['number']:
            return 'number', match[0]
        if match['first']:
            return 'samples', match['first'], self.product()
        if match['operator']:
            return 'derivative', match['by'], self.factor()
        if match['ratio']:
            return 'ratio', match['sign'], match['of'], match['below']
        if match['part']:
            return 'marked', match['part'], self.closed(']')
        if match['name']:
            primed = bool(self.take("'"))
            if not self.take('('):
                if primed:
                    raise Wrong(f'{self.text!r}: a prime of no function')
                return 'name', match[0]
            return 'apply', match[0], primed, self.closed(')')
        if match[0] == '(':
            body = self.closed(')')
            split = body[0] == 'number' and ('/' in body[1] or 'e' in body[1])
            if body[0] not in ('sum', 'product', 'minus', 'quotient', 'power') and not split:
                raise Wrong(f'{self.text!r}: brackets around {body}')
            return body
        raise Wrong(f'{self.text!r}: unexpected {match[0]!r}')

    def closed(self, bracket: str) -> Tree:
        tree = self.side()
        self.expect(bracket)
        return tree


def is_literal(tree: Tree) -> bool:
    """Tell whether a side is a number and nothing else."""
    return bool(tree[0] == 'number' or (tree[0] == 'minus' and tree[1][0] == 'number'))


def with_names(tree: Any, new: Any) -> Any:
    """Write a formula with other names, ``new(name)`` for each."""
    if isinstance(tree, list):
        return [with_names(part, new) for part in tree]
    if isinstance(tree, tuple):
        return tree[0], *(new(p) if isinstance(p, str) and tree[0] in ('name', 'ratio', 'derivative') else
                          with_names(p, new) for p in tree[1:])  # fmt: skip
    return tree


def names_in(tree: Any) -> list[str]:
    """List all names in a formula, in order."""
    if isinstance(tree, list):
        return [name for item in tree for name in names_in(item)]
    match tree:
        case ('name', name):
            return [name]
        case ('apply', _, _, argument):
            return names_in(argument)
        case ('ratio', _, of, by):
            return [of, by]
        case ('derivative', by, body):
            return [by, *names_in(body)]
        case ('number' | 'marked' as kind, *rest):
            return names_in(rest[1]) if kind == 'marked' else []
        case (_, *rest):
            return [name for item in rest for name in names_in(item)]
    return []


def walk(trees: Any) -> Any:
    """Go through all parts of formulas, each before its own parts."""
    for tree in trees:
        if isinstance(tree, list):
            yield from walk(tree)
        elif isinstance(tree, tuple):
            yield tree
            yield from walk(tree[1:])
