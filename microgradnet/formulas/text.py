"""Formulas as text for a terminal, in a grammar that a short parser can read.

::

    line     = side { '=' side } '=' number { ', ' number } [', …']     one number, or one per sample
    side     = ['-'] product { ('+' | '-') product }
    product  = factor { '·' factor } | factor '/' factor
    factor   = number | name | name ["'"] '(' name ')' | word '(' side { ', ' side } ')' | factor '^' factor
             | '(' side ')' | '[' part ': ' side ']' | 'Σ_{i=' number '}^{M}' product
             | '∂' name '/∂' name | 'd' name '/d' name | '∂/∂' name factor
    name     = letters ['_' index | '_{' index '}'] ['^(' sample ')']

>>> from microgradnet.formulas.terms import add, multiply
>>> from microgradnet.formulas.terms import Minus, Number, Power, Samples, Symbol
>>> w, r = Symbol(Name('w', '3,5'), [4.0]), Symbol(Name('r', '3', sample='i'), [0.5, 1.0])
>>> print(text(Samples(multiply(Number(-2), w, Power(add(r, Minus(w)), Number(2))), 2)))
Σ_{i=1}^{M} -2 · w_{3,5} · (r_3^(i) - w_{3,5})^2
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from .colours import PARTS
from .numbers import SIX, digits, on_paper
from .printer import LOOSE, SUM, TIGHT, Printer
from .terms import Name, Term

__all__ = ['text', 'written']


class Text(Printer):
    quotient_binds = SUM
    exponent_least = TIGHT

    def __init__(self, colour: bool = False, places: int = SIX) -> None:
        super().__init__(places)
        self.colour = colour

    def brackets(self, body: str) -> str:
        return f'({body})'

    def name(self, name: Name) -> str:
        base = unicodedata.normalize('NFC', name.base + '\u0302') if name.hat else name.base
        index = f'_{{{name.index}}}' if len(name.index) > 1 and not name.index.isdigit() else f'_{name.index}'
        return base + index * bool(name.index) + f'^({name.sample})' * bool(name.sample)

    def number(self, data: Any, in_full: bool) -> str:
        return on_paper(digits(data, in_full, self.places))

    def product(self, factors: Sequence[str]) -> str:
        return ' · '.join(factors)

    def quotient(self, above: str, below: str) -> str:
        return f'{above} / {below}'

    def power(self, base: str, exponent: str) -> str:
        return f'{base}^{exponent}'

    def function(self, operation: Any, operands: Sequence[Term]) -> tuple[str, int]:
        return f'{operation.name}({", ".join(self.print(o, LOOSE) for o in operands)})', TIGHT

    def ratio(self, of: str, by: str, total: bool) -> str:
        d = 'd' if total else '∂'
        return f'{d}{of}/{d}{by}'

    def derivative(self, by: str, body: str) -> str:
        return f'∂/∂{by} {body}'

    def samples(self, first: int, body: str) -> str:
        return f'Σ_{{i={first}}}^{{M}} {body}'

    def marked(self, part: str, body: str) -> str:
        if self.colour:
            body = f'\033[{PARTS[part].terminal}m{body}\033[0m'
        return f'[{part}: {body}]'


def written(name: Name) -> str:
    """Print a name alone.

    >>> written(Name('w', '1,3', hat=True))
    'ŵ_{1,3}'
    """
    return Text().name(name)


def text(term: Term, colour: bool = False, places: int = SIX) -> str:
    """Print a formula on one line; ``colour`` adds a terminal's colours to the marks."""
    return Text(colour, places).write([term])
