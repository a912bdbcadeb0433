r"""Formulas as LaTeX.

>>> from microgradnet.derivation.algebra import add, multiply
>>> from microgradnet.derivation.terms import Minus, Number, Power, Samples, Symbol
>>> w, r = Symbol(Name('w', 'x1,3', hat=True), [4.0]), Symbol(Name('r', '3', sample='i'), [0.5, 1.0])
>>> print(tex(Samples(multiply(w, Power(add(r, Minus(w)), Number(2))), 2)))
\sum_{i=1}^{M} \hat{w}_{x_1,3} \cdot \left(r_{3}^{(i)} - \hat{w}_{x_1,3}\right)^{2}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..printing import TIGHT as WHOLE
from ..printing import node_latex, number_latex
from ..reals import Fraction
from .printer import LOOSE, OPEN, PRODUCT, TIGHT, Printer, digits
from .terms import PARTS, Name, Term

__all__ = ['tex']

GREEK = {'δ': r'\delta', 'α': r'\alpha', 'β': r'\beta', 'γ': r'\gamma', 'ε': r'\varepsilon', 'θ': r'\theta',
         'λ': r'\lambda', 'μ': r'\mu', 'σ': r'\sigma', 'φ': r'\varphi', 'ω': r'\omega'}  # fmt: skip


class Tex(Printer):
    def brackets(self, body: str) -> str:
        return rf'\left({body}\right)'

    def name(self, name: Name) -> str:
        base = GREEK.get(name.base) or (name.base if len(name.base) == 1 else rf'\mathit{{{name.base}}}')
        base = rf'\hat{{{base}}}' if name.hat else base
        index = re.sub(r'\bx(\d+)', r'x_{\1}' if '10' in name.index else r'x_\1', name.index).replace(
            '_{}', ''
        )
        sample = f'^{{({name.sample})}}' if name.sample else ''
        return base + f'_{{{index}}}' * bool(index) + sample

    def number(self, data: Any, in_full: bool) -> str:
        if isinstance(data, float) and in_full and 'e' not in repr(data) and data - data == 0:
            return digits(data, in_full)
        if isinstance(data, float) and data != data:
            return r'\text{nan}'
        return number_latex(Fraction(data) if isinstance(data, int) else data)

    def number_binds(self, text: str) -> int:
        return PRODUCT if text.startswith('-') or 'e' in text else TIGHT

    def apply(self, function: str, primed: bool, argument: str) -> str:
        return f'{function}{chr(39) * primed}({argument})'

    def signed(self, parts: Sequence[tuple[str, str]]) -> str:
        first, *others = parts
        return '-' * (first[0] == '-') + first[1] + ''.join(f' {sign} {body}' for sign, body in others)

    def minus(self, body: str) -> str:
        return f'-{body}'

    def product(self, factors: Sequence[str]) -> str:
        return r' \cdot '.join(factors)

    def quotient(self, above: str, below: str) -> str:
        return rf'\frac{{{above}}}{{{below}}}'

    def power(self, base: str, exponent: str) -> str:
        return f'{base}^{{{exponent}}}'

    def function(self, operation: Any, operands: tuple[Any, ...]) -> tuple[str, int]:
        flat = [o for operand in operands for o in (operand if isinstance(operand, tuple) else (operand,))]
        printed = [(body, WHOLE if binding == TIGHT else 0) for body, binding in map(self.spell, flat)]
        body = node_latex(operation, printed)
        closed = body.startswith(r'\sqrt') or body.endswith((r'\right)', r'\right|', r'\right]'))
        return body, TIGHT if closed else OPEN + (operation.name == 'exp')

    def ratio(self, of: str, by: str, total: bool) -> str:
        d = r'\mathrm{d}' if total else r'\partial '
        return rf'\frac{{{d}{of}}}{{{d}{by}}}'

    def derivative(self, by: str, body: str) -> str:
        return rf'\frac{{\partial}}{{\partial {by}}} {body}'

    def samples(self, body: str) -> str:
        return rf'\sum_{{i=1}}^{{M}} {body}'

    def marked(self, part: str, body: str) -> str:
        return rf'\underbrace{{\textcolor{{{PARTS[part]}}}{{{body}}}}}_{{\text{{{part}}}}}'


def tex(term: Term) -> str:
    """Print a formula as LaTeX, without dollars."""
    return Tex().print(term, LOOSE)
