"""Numbers as pictures and derivations write them, and back: 6.037·10⁻⁵ for 6.037e-05."""

from __future__ import annotations

import re

__all__ = ['as_python', 'as_written', 'with_exponents']

RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹'


def as_written(text: str, minus: str = '−') -> str:
    """What Python writes as 6.037e-05 or -inf, in a picture; derivations in text have Python's own minus."""
    body, _, exponent = text.partition('e')
    raised = '⁻' * (int(exponent or 0) < 0) + ''.join(RAISED[int(digit)] for digit in str(abs(int(exponent or 0))))
    power = f'10{raised}' if exponent else ''
    one = body.removeprefix('-') == '1'
    said = body.replace('1', power) if one and power else f'{body}·{power}' if power else body
    return said.replace('inf', '∞').replace('-', minus)


def as_python(text: str) -> str:
    """What a float can be read from."""
    return with_exponents(text).replace('∞', 'inf').replace('−', '-')


def with_exponents(text: str) -> str:
    """Write the powers of ten in a text as Python reads them."""

    def power(match: re.Match[str]) -> str:
        exponent = ''.join('-' if digit == '⁻' else str(RAISED.index(digit)) for digit in match[2])
        return f'{match[1] or 1}e{int(exponent):+03}'

    return re.sub(rf'(?:([\d.]+)·)?10([⁻{RAISED}]+)', power, text)
