"""A derivation: sections of prose and lines, each line a formula with its number.

>>> from microgradnet.derivation.algebra import multiply
>>> from microgradnet.derivation.terms import Name
>>> w = Symbol(Name('w', '1,3'), (4.0,))
>>> line = Line(Symbol(Name('E'), (8.0,)), (multiply(Number(0.5), w, w),), (8.0,))
>>> print(line)
E = 0.5 · w_{1,3} · w_{1,3} = 8
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from .mathml import mathml
from .prose import prose_html, prose_tex
from .terms import Derivative, Number, Symbol, Term
from .tex import tex
from .text import text

__all__ = ['Derivation', 'Line', 'Section']

ROW = 'margin:.4em 0 .4em 1.5em;overflow-x:auto;overflow-y:hidden;padding:.15em 0'


@dataclass(frozen=True)
class Line:
    """A formula, what it is equal to in one or more steps, and its number.

    ``numbers`` has one number, or one for every sample where the formula is for sample
    i; ``in_full`` prints all their digits, for those from which the others follow.
    """

    left: Term
    sides: tuple[Term, ...]
    numbers: tuple[Any, ...]
    in_full: bool = False

    @property
    def number(self) -> Any:
        """The number, of the first sample where there are several."""
        return self.numbers[0]

    def __str__(self) -> str:
        return self.text()

    def text(self, colour: bool = False) -> str:
        """Print the line for a terminal; ``microgradnet.derivation.text`` has the grammar."""
        numbers = ', '.join(text(number) for number in self._numbers())
        return ' = '.join([*(text(term, colour) for term in (self.left, *self.sides)), numbers])

    def latex(self) -> str:
        """Print the line as LaTeX, without dollars."""
        numbers = r',\; '.join(map(tex, self._numbers()))
        return ' = '.join([*map(tex, (self.left, *self.sides)), numbers])

    def html(self) -> str:
        """Print the line as a MathML element."""
        numbers = '<mo separator="true">,</mo><mspace width="0.3em"/>'.join(map(mathml, self._numbers()))
        body = '<mo>=</mo>'.join([*map(mathml, (self.left, *self.sides)), numbers])
        return f'<math displaystyle="true"><mrow>{body}</mrow></math>'

    def _numbers(self) -> list[Number]:
        return [Number(number, self.in_full) for number in self.numbers]


@dataclass
class Section:
    """A heading, and paragraphs: prose, and lines to which it leads."""

    heading: str
    body: list[str | Line] = field(default_factory=list)


class Derivation(Sequence[Line]):
    """A derivation with its numbers: ``str`` for a terminal, ``latex()``, ``html()``.

    It is a sequence of its ``lines``; ``sections`` has the prose between them, too. In a
    notebook it shows itself.
    """

    def __init__(self, title: str, sections: Sequence[Section]) -> None:
        self.title = title
        self.sections = [section for section in sections if section.body]
        self.lines = [line for section in self.sections for line in section.body if isinstance(line, Line)]

    def __getitem__(self, place: Any) -> Any:
        return self.lines[place]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f'<derivation {self.title!r}, {len(self)} lines>'

    def text(self, colour: bool = False) -> str:
        """Print it all: headings, prose, and lines set in by four spaces."""
        rows = [self.title]
        for section in self.sections:
            rows += ['', section.heading]
            rows += [part if isinstance(part, str) else '    ' + part.text(colour) for part in section.body]
        return '\n'.join(rows)

    def latex(self) -> str:
        """Print it all as LaTeX for a document, which needs amsmath and xcolor."""
        rows = [rf'\section*{{{prose_tex(self.title)}}}']
        for section in self.sections:
            rows += ['', rf'\subsection*{{{prose_tex(section.heading)}}}']
            rows += [
                prose_tex(part) if isinstance(part, str) else rf'\[ {part.latex()} \]'
                for part in section.body
            ]
        return '\n'.join(rows)

    def html(self) -> str:
        """Print it all as HTML with MathML; it needs no style sheet, no script and no network."""
        parts = [f'<section style="max-width:100%"><h3>{prose_html(self.title)}</h3>']
        for section in self.sections:
            parts.append(f'<h4 style="margin:1.2em 0 .3em">{prose_html(section.heading)}</h4>')
            # Short lines side by side, the others each in a row that scrolls where it is too long.
            for short, group in groupby(section.body, lambda part: isinstance(part, Line) and not part.sides):
                if short:
                    row = ''.join(part.html() for part in group if isinstance(part, Line))
                    parts.append(
                        f'<div style="{ROW};display:flex;flex-wrap:wrap;gap:.5em 2em;align-items:center">{row}</div>'
                    )
                    continue
                parts += [f'<p style="margin:.5em 0">{prose_html(part)}</p>' if isinstance(part, str)
                          else f'<div style="{ROW}">{part.html()}</div>' for part in group]  # fmt: skip
        return '\n'.join([*parts, '</section>'])

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_latex_(self) -> str:
        # Aligned at their first sign; where a whole formula is on the left, that is too far to the right.
        short = [isinstance(line.left, (Symbol, Derivative)) for line in self.lines]
        aligned = [line.latex().replace(' = ', ' &= ', 1) for line in self.lines]
        lines = [
            a if is_short else f'& {line.latex()}' for a, is_short, line in zip(aligned, short, self.lines)
        ]
        rows = r' \\ '.join(lines)
        return rf'$$\begin{{aligned}} {rows} \end{{aligned}}$$'
