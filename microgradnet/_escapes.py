r"""Any text made safe for where it is shown: a terminal, a page, LaTeX.

``visible``    control characters as signs that can be seen; a terminal does nothing on them
``tex_text``   any text, to be set as words in LaTeX
``tex_name``   a name such as w_{1,3}, to be set in a formula; any other text as words there

Whatever comes from a user (labels, columns and classes of a file, names of files) passes through
one of them on its way out.

>>> visible('\x1b[31mred'), tex_text(r'100% \input{x}')
('␛[31mred', '100\\% \\textbackslash{}input\\{x\\}')
>>> tex_name('w_{1,3}'), tex_name('x_in'), tex_name(r'\input{x}')
('w_{1,3}', 'x_{in}', '\\text{\\textbackslash{}input\\{x\\}}')
"""

from __future__ import annotations

import re

__all__ = ['tex_name', 'tex_text', 'visible']

#: What a terminal, XML or a reader takes for a command instead of a sign: all controls but line break and tab,
#: halves of pairs, what is no character, and what turns the direction of other signs around.
CONTROLS = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufffe\uffff]')
#: Signs with which LaTeX begins something, and how they are written to be themselves.
SIGNS = str.maketrans({'\\': r'\textbackslash{}', '^': r'\^{}', '~': r'\~{}', '\n': ' ', '\t': ' ',
                       **{c: '\\' + c for c in '{}_$%&#'}})  # fmt: skip
#: A word, or a letter with an index.
NAME = re.compile(r'[^\W_]+|([^\W\d_])_(?:(\w)|\{((?:[^\W_]|,){1,12})\}|([^\W_]{2,4}))')


def visible(text: str) -> str:
    """Show control characters; line breaks and tabs stay."""
    return CONTROLS.sub(_shown, text.replace('\r\n', '\n'))


def _shown(match: re.Match[str]) -> str:
    sign = match[0]
    return chr(0x2400 + ord(sign)) if sign < ' ' else '\u2421' if sign == '\x7f' else '\ufffd'


def tex_text(text: str) -> str:
    """Escape any text for LaTeX outside of formulas, or in a ``\\text`` within one."""
    return visible(text).translate(SIGNS)


def tex_name(name: str) -> str:
    """Set a word, or a letter and its index, for a formula as it is; any other text as words."""
    match = NAME.fullmatch(name)
    if match is None:
        return rf'\text{{{tex_text(name)}}}'
    return f'{match[1]}_{{{match[4]}}}' if match[4] else name
