"""Formulas as MathML, which every browser shows by itself.

Colour is never alone: the marks have their names under a line.

>>> from microgradnet.formulas.terms import Number, Power, Symbol
>>> print(mathml(Power(Symbol(Name('w', '1,3'), [4.0]), Number(2))))
<msup><msub><mi>w</mi><mrow><mn>1</mn><mo separator="true">,</mo><mn>3</mn></mrow></msub><mn>2</mn></msup>
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from .colours import PARTS
from .numbers import SIX, digits_apart
from .printer import TIGHT, Printer
from .terms import Name, Term

__all__ = ['MATH_FONT', 'font_face', 'mathml']

#: The fonts of formulas: the package's own, which has what mathematics wants of a font, and what a reader has.
MATH_FONT = "'Microgradnet Math', math, 'Times New Roman', serif"

LEFT, RIGHT, MINUS, DOT = '<mo>(</mo>', '<mo>)</mo>', '<mo>−</mo>', '<mo>⋅</mo>'
#: Operations that have a sign of their own instead of a name.
SIGNS = {
    'sigmoid': '<mi>σ</mi>',
    'sigmoid_slope': '<msup><mi>σ</mi><mo>′</mo></msup>',
    'log': '<mi>ln</mi>',
    'sech2': '<msup><mi>sech</mi><mn>2</mn></msup>',
}


class MathML(Printer):
    def brackets(self, body: str) -> str:
        return f'<mrow>{LEFT}{body}{RIGHT}</mrow>'

    def name(self, name: Name) -> str:
        base = f'<mi>{html.escape(name.base)}</mi>'
        base = f'<mover accent="true">{base}<mo stretchy="false">ˆ</mo></mover>' if name.hat else base
        below = '<mo separator="true">,</mo>'.join(map(_index, name.index.split(',')))
        below = f'<mrow>{below}</mrow>'
        above = f'<mrow>{LEFT}{_sample(name.sample)}{RIGHT}</mrow>'
        if name.index and name.sample:
            return f'<msubsup>{base}{below}{above}</msubsup>'
        if name.index:
            return f'<msub>{base}{below}</msub>'
        return f'<msup>{base}{above}</msup>' if name.sample else base

    def number(self, data: Any, in_full: bool) -> str:
        sign, above, below, exponent = digits_apart(data, in_full, self.places)
        body = f'<mn>{above}</mn>'
        if below:
            body = f'<mfrac>{body}<mn>{below}</mn></mfrac>'
        if exponent:
            raised = f'<mrow>{MINUS * exponent.startswith("-")}<mn>{exponent.removeprefix("-")}</mn></mrow>'
            body = f'{"" if above == "1" else body + DOT}<msup><mn>10</mn>{raised}</msup>'
        return f'<mrow>{MINUS * bool(sign)}{body}</mrow>' if sign or exponent else body

    def apply(self, function: str, primed: bool, argument: str) -> str:
        if primed and function.startswith('<mover'):  # beside a hat, not above it
            function += '<msup><mrow></mrow><mo>′</mo></msup>'
        elif primed:
            function = f'<msup>{function}<mo>′</mo></msup>'
        return f'<mrow>{function}<mo>&#x2061;</mo>{LEFT}{argument}{RIGHT}</mrow>'

    def signed(self, parts: Sequence[tuple[str, str]]) -> str:
        first, *others = parts
        signs = {'+': '<mo>+</mo>', '-': MINUS}
        rest = ''.join(f'{signs[sign]}{body}' for sign, body in others)
        return f'<mrow>{MINUS * (first[0] == "-")}{first[1]}{rest}</mrow>'

    def minus(self, body: str) -> str:
        return f'<mrow>{MINUS}{body}</mrow>'

    def product(self, factors: Sequence[str]) -> str:
        return f'<mrow>{DOT.join(factors)}</mrow>'

    def quotient(self, above: str, below: str) -> str:
        return f'<mfrac>{above}{below}</mfrac>'

    def power(self, base: str, exponent: str) -> str:
        return f'<msup>{base}{exponent}</msup>'

    def function(self, operation: Any, operands: Sequence[Term]) -> tuple[str, int]:
        printed = [self.print(o) for o in operands]
        if operation.name == 'exp':
            return f'<msup><mi>e</mi>{printed[0]}</msup>', TIGHT - 1
        if operation.name == 'sqrt':
            return f'<msqrt>{printed[0]}</msqrt>', TIGHT
        if operation.name == 'abs':
            return f'<mrow><mo>|</mo>{printed[0]}<mo>|</mo></mrow>', TIGHT
        name = SIGNS.get(operation.name, f'<mi>{html.escape(operation.name)}</mi>')
        arguments = '<mo separator="true">,</mo>'.join(printed)
        return f'<mrow>{name}<mo>&#x2061;</mo>{LEFT}{arguments}{RIGHT}</mrow>', TIGHT

    def ratio(self, of: str, by: str, total: bool) -> str:
        d = '<mi mathvariant="normal">d</mi>' if total else '<mo>∂</mo>'
        return f'<mfrac><mrow>{d}{of}</mrow><mrow>{d}{by}</mrow></mfrac>'

    def derivative(self, by: str, body: str) -> str:
        return f'<mrow><mfrac><mo>∂</mo><mrow><mo>∂</mo>{by}</mrow></mfrac>{body}</mrow>'

    def samples(self, first: int, body: str) -> str:
        below = f'<mrow><mi>i</mi><mo>=</mo><mn>{first}</mn></mrow>'
        return f'<mrow><munderover><mo movablelimits="false">∑</mo>{below}<mi>M</mi></munderover>{body}</mrow>'

    def struck(self, body: str) -> str:
        return f'<mrow class="struck">{body}</mrow>'

    def marked(self, part: str, body: str) -> str:
        light = PARTS[part].colour
        # A border, as a brace would need a font with one that grows; two colours, the second for a dark page.
        marked = f'<mrow style="border-bottom:2px solid;padding-bottom:3px">{body}</mrow>'
        style = f'color:{light};color:light-dark({light},{light.dark})'
        return f'<munder style="{style}">{marked}<mtext>{part}</mtext></munder>'


def _index(index: str) -> str:
    letter, number = re.fullmatch(r'(\D*)(\d*)', index).groups()  # type: ignore[union-attr]
    if letter and number:
        return f'<msub><mi>{html.escape(letter)}</mi><mn>{number}</mn></msub>'
    return f'<mi>{html.escape(letter)}</mi>' if letter else f'<mn>{number}</mn>'


def _sample(sample: str) -> str:
    return f'<mn>{sample}</mn>' if sample.isdigit() else '<mo>+</mo>'.join(
        f'<mn>{part}</mn>' if part.isdigit() else f'<mi>{part}</mi>' for part in sample.split('+')
    )  # fmt: skip


@cache
def font_face(name: str = 'math') -> str:
    """Return the rule that brings the package's font of mathematics to a page, as data; ``'bench'`` is a part of it.

    Without such a font a browser puts a sum's limits on the sum, and brackets do not grow.
    ``tests/formulas/test_math_font.py`` makes the font; its licence is beside it.
    """
    font = base64.b64encode((files(__package__) / 'font' / f'{name}.woff2').read_bytes()).decode()
    return f"@font-face {{ font-family: 'Microgradnet Math'; src: url(data:font/woff2;base64,{font}) format('woff2') }}"


def mathml(term: Term, places: int = SIX) -> str:
    """Print a formula as the inside of a ``<math>`` element."""
    return MathML(places).write([term])
