r"""Formulas as LaTeX.

>>> from microgradnet.formulas.terms import add, multiply
>>> from microgradnet.formulas.terms import Minus, Number, Power, Samples, Symbol
>>> w, r = Symbol(Name('w', 'x1,3', hat=True), [4.0]), Symbol(Name('r', '3', sample='i'), [0.5, 1.0])
>>> print(tex(Samples(multiply(w, Power(add(r, Minus(w)), Number(2))), 2)))
\sum_{i=1}^{M} \hat{w}_{x_1,3} \cdot \left(r_{3}^{(i)} - \hat{w}_{x_1,3}\right)^{2}
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from .._escapes import tex_text
from ..engine.operation import Operation
from .colours import PARTS
from .numbers import SIX, digits_apart
from .printer import OPEN, PRODUCT, TIGHT, Piece, Printer, Rope, join
from .terms import Name, Term

__all__ = ['tex']

#: Greek letters whose command is not their name in Unicode.
GREEK = {'λ': r'\lambda', 'ε': r'\varepsilon', 'φ': r'\varphi', 'ς': r'\varsigma', 'ο': 'o'}


class Tex(Printer):
    def brackets(self, body: Any) -> Any:
        return rf'\left({body}\right)'

    def name(self, name: Name) -> str:
        base = _letter(name.base) if len(name.base) == 1 else rf'\mathit{{{tex_text(name.base)}}}'
        base = rf'\hat{{{base}}}' if name.hat else base
        index = re.sub(r'\bx(\d+)', lambda x: f'x_{x[1]}' if len(x[1]) == 1 else f'x_{{{x[1]}}}', name.index)
        sample = f'^{{({name.sample})}}' if name.sample else ''
        return base + f'_{{{index}}}' * bool(index) + sample

    def number(self, data: Any, in_full: bool) -> str:
        sign, above, below, exponent = digits_apart(data, in_full, self.places)
        if above == 'inf':
            return rf'{sign}\infty'
        if below:
            return rf'{sign}\frac{{{above}}}{{{below}}}'
        if not exponent:
            return sign + above
        return sign + ('' if above == '1' else rf'{above} \cdot ') + f'10^{{{exponent}}}'

    def product(self, factors: Sequence[str]) -> str:
        return r' \cdot '.join(factors)

    def quotient(self, above: str, below: str) -> str:
        return rf'\frac{{{above}}}{{{below}}}'

    def power(self, base: str, exponent: str) -> str:
        return f'{base}^{{{exponent}}}'

    def function(self, operation: Any, operands: Sequence[Term]) -> tuple[Any, int]:
        body = str(self.template(operation, operands))
        closed = body.startswith(r'\sqrt') or body.endswith((r'\right)', r'\right|', r'\right]'))
        return body, TIGHT if closed else OPEN + (operation.name == 'exp')

    def template(self, op: Operation, operands: Sequence[Term]) -> Rope:
        """Print an operation as its row of the table shows it."""
        if op.name == 'dot':
            weights, inputs, bias = op.split(operands)
            terms: list[Piece] = [
                Rope(self.print(w, PRODUCT, after_sign=place > 0), r' \cdot ', self.print(x, PRODUCT, after_sign=True))
                for place, (w, x) in enumerate(zip(weights, inputs))
            ]
            last = self.print(bias)
            return join(' + ', terms + [last] * (last != '0' or not terms))
        if op.vectors:
            return Rope(rf'\operatorname{{{op.name}}}\left(', join(', ', map(self.print, operands)), r'\right)')
        least = op.binds + (op.name == 'pow')
        by_name = dict(zip(op.parameters, operands, strict=True))
        # What is between the operands' places, and the names in them, in turns.
        between, *rest = re.split(rf'\{{([{op.parameters}])\}}', op.latex.strip())
        pieces: list[Piece] = [between]
        for parameter, after in zip(rest[::2], rest[1::2]):
            before = between[-1:] or '}' * (len(pieces) > 1)
            if before and before not in ' -':
                pieces += ['{', self.print(by_name[parameter]), '}']  # a brace of LaTeX's own
            else:
                right = parameter == 'b' and bool(op.sign)
                pieces.append(self.print(by_name[parameter], least + (op.name == 'sub' and right), after_sign=right))
            pieces.append(after)
            between = after
        return Rope(*pieces)

    def ratio(self, of: str, by: str, total: bool) -> str:
        d = r'\mathrm{d}' if total else r'\partial '
        return rf'\frac{{{d}{of}}}{{{d}{by}}}'

    def derivative(self, by: str, body: str) -> str:
        return rf'\frac{{\partial}}{{\partial {by}}} {body}'

    def samples(self, first: int, body: str) -> str:
        return rf'\sum_{{i={first}}}^{{M}} {body}'

    def marked(self, part: str, body: str) -> str:
        return rf'\underbrace{{\textcolor{{{PARTS[part].latex}}}{{{body}}}}}_{{\text{{{part}}}}}'


def _letter(letter: str) -> str:
    greek = unicodedata.name(letter, '').partition('GREEK SMALL LETTER ')[2]
    return tex_text(letter) if not greek else GREEK.get(letter, f'\\{greek.split()[-1].lower()}')


def tex(term: Term, places: int = SIX) -> str:
    """Print a formula as LaTeX, without dollars."""
    return Tex(places).write([term])
