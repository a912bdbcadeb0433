r"""Sentences with names in them, w_{1,3}, set for HTML and for LaTeX.

>>> print(prose_html('The update of w_{x1,1} & <em> by h'))
The update of <i>w</i><sub><i>x</i><sub>1</sub>,1</sub> &amp; &lt;em&gt; by <i>h</i>
>>> print(prose_tex('Path 1, f_1 → f̂, 50%'))
Path 1, $f_{1}$ $\to$ $\hat{f}$, 50\%
"""

from __future__ import annotations

import html
import re
import unicodedata

from .._escapes import tex_text
from .latex import tex
from .terms import Name, Symbol

__all__ = ['prose_html', 'prose_tex']

#: A letter, perhaps with a hat, with an index or alone: no sentence here has another word of one letter.
NAME = re.compile(r'(?<!\w)([^\W\d_]\u0302?)(?:_(?:\{([\w,]+)\}|(\w+))|(?![\w\u0302]))')
ARROWS = str.maketrans({'→': r'$\to$', '←': r'$\gets$'})


def _parts(prose: str) -> list[str | tuple[str, str]]:
    """Split a sentence into its names, as pairs of letter and index, and what is between them."""
    parts: list[str | tuple[str, str]] = []
    place, prose = 0, unicodedata.normalize('NFD', prose)
    for match in NAME.finditer(prose):
        parts += [prose[place : match.start()], (match[1], match[2] or match[3] or '')]
        place = match.end()
    return [*parts, prose[place:]]


def prose_html(prose: str) -> str:
    """Escape a sentence for HTML, its names in italics with their index below."""

    def written(letter: str, index: str) -> str:
        below = re.sub(r'([a-z])(\d+)', r'<i>\1</i><sub>\2</sub>', index)
        below = f'<sub>{below}</sub>' if index else ''
        return f'<i>{html.escape(unicodedata.normalize("NFC", letter))}</i>{below}'

    return ''.join(html.escape(part) if isinstance(part, str) else written(*part) for part in _parts(prose))


def prose_tex(prose: str) -> str:
    """Escape a sentence for LaTeX, its names as formulas."""
    return ''.join(
        tex_text(part).translate(ARROWS) if isinstance(part, str)
        else f'${tex(Symbol(Name(part[0][0], part[1], hat=len(part[0]) > 1), ()))}$'
        for part in _parts(prose)
    )  # fmt: skip
