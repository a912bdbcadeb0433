"""How numbers are written: compactly or in full, and as on paper, 6.037·10⁻⁵.

``number``      compactly, by a format, as Python reads it; a fraction exactly where it is short
``in_full``     with all its digits
``digits``      in six digits, or in full; a fraction whole
``on_paper``    any of these with its power of ten raised, and ∞; ``in_ascii`` the other way, ``in_tex`` for LaTeX
``digits_apart``  sign, digits, denominator and exponent, for notations that raise and stack themselves
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

__all__ = ['SIX', 'digits', 'digits_apart', 'in_ascii', 'in_full', 'in_tex', 'number', 'on_paper']

#: A number's digits and its exponent, as Python writes them.
POWER = re.compile(r'(?<![\w.])(\d[\d.]*)e([+-]?)0*(\d+)(?!\w)')
#: The same as on paper.
RAISED = re.compile(r'(?:([\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)')
#: In how many digits a formula's numbers are printed.
SIX = 6
UP = str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹')
DOWN = str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789')


def number(x: float | Fraction, spec: str = '.4g') -> str:
    """Write a number compactly: a float by the format, a Fraction exactly where it is short.

    >>> number(1 / 3), number(Fraction(1, 3)), number(Fraction(10**20, 3)), number(2.0)
    ('0.3333', '1/3', '≈3.333e+19', '2')
    """
    if not isinstance(x, Fraction):
        return format(x, spec)
    if x.numerator.bit_length() + x.denominator.bit_length() <= 40:
        return str(x)
    try:
        return f'≈{float(x):{spec}}'
    except OverflowError:
        return '≈-∞' if x < 0 else '≈∞'


def in_full(x: float | Fraction) -> str:
    """Write a number with all its digits, as a tooltip has room for; a Fraction of very many as ``number``.

    >>> in_full(1 / 3), in_full(Fraction(10**20, 3))
    ('0.3333333333333333', '100000000000000000000/3')
    """
    if isinstance(x, Fraction) and x.numerator.bit_length() + x.denominator.bit_length() > 120:
        return number(x, '.17g')
    return str(x)


def digits(data: Any, in_full: bool = False, places: int = SIX) -> str:
    """Write a number in six digits, or as many as wanted, or in full; a fraction whole.

    >>> digits(1 / 3), digits(2.0), digits(Fraction(-1, 3)), digits(0.1 + 0.2, in_full=True)
    ('0.333333', '2', '-1/3', '0.30000000000000004')
    """
    if isinstance(data, (int, Fraction)):
        return str(data)
    return repr(data).removesuffix('.0') if in_full else f'{abs(data) if data == 0 else data:.{places}g}'


def digits_apart(data: Any, in_full: bool, places: int = SIX) -> tuple[str, str, str, str]:
    """Return sign, digits, denominator and exponent of ten as they are set; all but the digits may be empty.

    >>> digits_apart(-1.5e-7, False), digits_apart(Fraction(1, 3), False)
    (('-', '1.5', '', '-7'), ('', '1', '3', ''))
    """
    body, _, exponent = digits(data, in_full, places).partition('e')
    above, _, below = body.removeprefix('-').partition('/')
    return '-' * body.startswith('-'), above, below, str(int(exponent)) if exponent else ''


def on_paper(text: str) -> str:
    """Write a number, as any of these functions gives it, as one does by hand.

    >>> on_paper('6.037e-05'), on_paper('-1e+20'), on_paper('≈3.333e+19'), on_paper('-inf'), on_paper('0.5')
    ('6.037·10⁻⁵', '-10²⁰', '≈3.333·10¹⁹', '-∞', '0.5')
    """

    def raised(match: re.Match[str]) -> str:
        above, sign, exponent = match.groups()
        return ('' if above == '1' else f'{above}·') + '10' + f'{sign.strip("+")}{exponent}'.translate(UP)

    return POWER.sub(raised, text).replace('inf', '∞')


def in_tex(text: str) -> str:
    r"""Write the powers of ten in a text as formulas of LaTeX, and a text that is a number as one.

    >>> print(in_tex('-6.037·10⁻⁵'), in_tex('-0.5'), in_tex('b: 10²⁰'), in_tex('–'))
    $-6.037 \cdot 10^{-5}$ $-0.5$ b: $10^{20}$ –
    """
    number = re.fullmatch(rf'-?(?:{RAISED.pattern}|[\d./]+)', text)
    dollar = '' if number else '$'

    def formula(match: re.Match[str]) -> str:
        before = rf'{match[1]} \cdot ' if match[1] else ''
        return f'{dollar}{before}10^{{{match[2].translate(DOWN)}}}{dollar}'

    raised = RAISED.sub(formula, text)
    return f'${raised}$' if number else raised


def in_ascii(text: str) -> str:
    """Write the powers of ten in a text as Python does, for terminals that have no more than ASCII.

    >>> in_ascii('x = 6.037·10⁻⁵ + 10²⁰')
    'x = 6.037e-5 + 1e20'
    """
    return RAISED.sub(lambda match: f'{match[1] or 1}e{match[2].translate(DOWN)}', text)
