"""A derivation: sections of prose and lines, each line a formula with its number.

>>> from microgradnet.formulas.terms import multiply
>>> from microgradnet.formulas.terms import Name
>>> w = Symbol(Name('w', '1,3'), (4.0,))
>>> line = Line(Symbol(Name('E'), (8.0,)), (multiply(Number(0.5), w, w),), (8.0,))
>>> print(line)
E = 0.5 · w_{1,3} · w_{1,3} = 8
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import floor, log10
from typing import Any
from unicodedata import combining

from ..formulas.latex import tex
from ..formulas.mathml import mathml
from ..formulas.numbers import SIX, in_tex
from ..formulas.prose import prose_html, prose_tex
from ..formulas.terms import Number, Symbol, Term
from ..formulas.text import text

__all__ = ['FEW', 'MANY', 'Blank', 'Line', 'Referring', 'Section', 'Table']

#: Where a line for every sample has more than MANY numbers, only the first FEW are printed.
MANY, FEW = 5, 3
#: A line of more characters than WIDTH is broken; under its first equals sign, if what is left of it is SHORT.
WIDTH, SHORT = 100, 24
#: Where a row that is too long even so is torn: before an operator, never within a number.
TEAR, HANGING = re.compile(r' (?=[-+·/=] )'), 4
COLOUR = re.compile('\033\\[\\d+m')
PADDING = 'padding:.2em .8em'


@dataclass(frozen=True)
class Line:
    """A formula, what it is equal to in one or more steps, and its number.

    ``numbers`` has one number, or one for every sample where the formula is for sample
    i; ``in_full`` prints them with all their digits, for those from which the
    others follow; ``formula`` prints none, for what is only put in other words. A long line
    is broken before its equals signs.
    """

    left: Term
    sides: tuple[Term, ...]
    numbers: tuple[Any, ...]
    in_full: bool = False
    formula: bool = False
    #: The number of an equation, which its derivation gives it, and prints.
    tag: str = field(default='', compare=False)
    #: In how many digits its numbers are printed.
    digits: int = field(default=SIX, compare=False)

    @property
    def number(self) -> Any:
        """The number, of the first sample where there are several."""
        return self.numbers[0]

    @property
    def is_data(self) -> bool:
        """Whether the line has the numbers of many samples, all of them."""
        return self.in_full and len(self.numbers) > MANY

    def __str__(self) -> str:
        return self.text()

    def text(self, colour: bool = False, width: int = WIDTH) -> str:
        """Print the line for a terminal of so many columns; ``microgradnet.formulas.text`` has the grammar."""
        left, rows = self._rows(partial(text, colour=colour, places=self.digits), ' = ', ', ', '   ', width)
        under = _width(self.left) if self._has_short_left() else 3
        first, *others = (row.rstrip() for row in rows)
        whole = [left + first, *(' ' * under + row for row in others)]
        return '\n'.join(torn for row in whole for torn in _torn(row, width, under + 1 + HANGING, first))

    def latex(self) -> str:
        """Print the line as LaTeX, without dollars; where it is broken, that needs amsmath."""
        first, *others = self.latex_rows()
        if not others:
            return first.replace('&= ', '= ').removeprefix('& ')
        rows = r' \\ '.join([first, *others])
        return rf'\begin{{aligned}} {rows} \end{{aligned}}'

    def latex_rows(self) -> list[str]:
        """Print the line as LaTeX, in rows for an ``aligned``."""
        left, (first, *rows) = self._rows(partial(tex, places=self.digits), ' = ', r',\; ', r'\quad ')
        if isinstance(self.left, Symbol) or self._has_short_left():
            return [f'{left} &{first.strip()}', *(f'&{row.strip()}' for row in rows)]
        return [f'& {left}{first}', *(rf'& \quad{row}' for row in rows)]

    def html(self, form: Callable[[Term], str] | None = None, attributes: str = '') -> str:
        """Print the line as a MathML element, which the derivation's page breaks before its equals signs."""
        comma = '<mo separator="true">,</mo><mspace width="0.3em"/>'
        _, sides, numbers = self._pieces(form or partial(mathml, places=self.digits), '<mo>=</mo>', comma, WIDTH)
        left = mathml(self.left, self.digits)  # what is defined stays a name
        pieces = [f'<mrow>{piece}</mrow>' for piece in [*sides, *numbers]]
        if self._is_long(WIDTH) and not self._has_short_left():
            pieces.insert(len(sides) - 1, '<mspace style="flex-basis:100%"/>')
        rest = ''.join(pieces) + f'<mtext>({self.tag})</mtext>' * bool(self.tag)
        return f'<math displaystyle="true"{attributes}><mrow>{left}</mrow>{rest}</math>'

    def _has_short_left(self) -> bool:
        return _width(self.left) <= SHORT

    def _rows(
        self, form: Callable[[Term], str], equals: str, comma: str, gap: str, width: int = WIDTH
    ) -> tuple[str, list[str]]:
        """Print what is left of the first equals sign, and what follows: in one row or, if that is long, several."""
        left, sides, numbers = self._pieces(form, equals, comma, width)
        if not self._is_long(width):
            return left, [''.join(sides + numbers)]
        first = [] if self._has_short_left() else ['']
        last = ''.join([*sides[-1:], *numbers[:1]])
        return left, [*first, *sides[:-1], last, *(gap + group for group in numbers[1:])]

    def _pieces(
        self, form: Callable[[Term], str], equals: str, comma: str, width: int
    ) -> tuple[str, list[str], list[str]]:
        """Print the left, the sides, and the numbers in groups; between all of these a line may be broken."""
        whole = [equals + form(side) for side in self.sides]
        if self.formula:
            return form(self.left), whole, []
        groups = [comma.join(map(form, group)) for group in self._numbers(width)]
        numbers = [*(group + comma for group in groups[:-1]), groups[-1]]
        return form(self.left), whole, [equals + numbers[0], *numbers[1:]]

    def _is_long(self, width: int) -> bool:
        first, *others = [[]] if self.formula else self._numbers(width)
        long = sum(_width(term, self.digits) + 3 for term in (self.left, *self.sides, *first)) - 3 > width
        return bool(others) or (long and bool(self.sides))

    def _numbers(self, width: int) -> list[list[Number]]:
        """Return the numbers, in as many rows as they need."""
        terms = [Number(number, self.in_full) for number in self.numbers]
        widest = max(_width(term, self.digits) for term in terms)
        in_a_row = max(1, (width - SHORT) // (widest + 2)) if self.in_full else len(terms)
        return [terms[place : place + in_a_row] for place in range(0, len(terms), in_a_row)]


@dataclass(frozen=True)
class Blank(Line):
    """A line whose number is to be filled in; what it is equal to is the hint."""

    def text(self, colour: bool = False, width: int = WIDTH) -> str:
        return f'{text(self.left, colour)} = {"_" * 8}'

    def latex_rows(self) -> list[str]:
        return [rf'{tex(self.left)} &= \underline{{\hspace{{6em}}}}']

    def html(self, form: Callable[[Term], str] | None = None, attributes: str = '') -> str:
        """Print a field for the number, which the derivation's page checks, and the hint behind a click."""
        answer = float(self.number)
        # One unit of the last digit that would be printed.
        within = 10.0 ** ((floor(log10(abs(answer))) if answer else 0) + 1 - self.digits)
        hint = Line(self.left, self.sides[:-1] or self.sides, self.numbers, formula=True, digits=self.digits)
        left = f'<math displaystyle="true"{attributes}><mrow>{mathml(self.left)}<mo>=</mo></mrow></math>'
        blank = f'<input class="blank" inputmode="text" aria-label="{html.escape(text(self.left))}" autocomplete="off" '
        blank += f'data-answer="{answer!r}" data-within="{within * 1.001!r}"/>'
        help = f'<details class="hint"><summary>hint</summary>{hint.html()}</details>' * bool(self.sides)
        return f'<div class="task">{left}{blank}{help}</div>'


@dataclass(frozen=True)
class Table:
    """Numbers by neuron: a head, and rows of cells as they are printed.

    >>> print(Table(('neuron', 'r'), (('f_1', '-0.5'), ('f_10', '12'))))
    neuron     r
    f_1     -0.5
    f_10      12
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ''
    #: Whether the last column is prose, and not of numbers.
    prose: bool = False

    def __str__(self) -> str:
        table = [self.head, *self.rows]
        wide = [max(map(_columns, column)) for column in zip(*table)]
        if self.prose:
            wide[-1] = 0
        lines = ('  '.join([first + ' ' * (wide[0] - _columns(first)),
                            *(' ' * (w - _columns(cell)) + cell for cell, w in zip(others, wide[1:]))])
                 for first, *others in table)  # fmt: skip
        return '\n'.join(line.rstrip() for line in lines)

    def html(self) -> str:
        """Print it as an HTML table."""
        head = ''.join(f'<th scope="col" style="text-align:left;{PADDING}">{prose_html(h)}</th>' for h in self.head)
        body = ''
        for first, *others in self.rows:
            cells = ''.join(f'<td style="text-align:left;{PADDING}">{_unbroken(cell)}</td>' for cell in others)
            body += f'<tr><th scope="row" style="{PADDING}">{prose_html(first)}</th>{cells}</tr>\n'
        style = 'font-variant-numeric:tabular-nums;border-collapse:collapse'
        top = f'<table style="{style}"><caption>{self.caption}</caption>\n<thead><tr>{head}</tr></thead>'
        return f'<div style="overflow-x:auto">{top}\n<tbody>\n{body}</tbody></table></div>'

    def latex(self) -> str:
        """Print it as a ``tabular``."""
        head, *rows = (' & '.join(in_tex(prose_tex(cell)) for cell in row) + r' \\' for row in (self.head, *self.rows))
        begin = rf'\begin{{tabular}}{{{"l" * len(self.head)}}}'
        return '\n'.join([r'\begin{center}', begin, head, r'\hline', *rows, r'\end{tabular}', r'\end{center}'])


class Referring(str):
    """Prose with a ``{}`` for each line it refers to, of which a derivation makes the line's number."""

    lines: tuple[Line, ...]

    def __new__(cls, prose: str, *lines: Line) -> Referring:
        self = super().__new__(cls, prose)
        self.lines = lines
        return self


@dataclass
class Section:
    """A heading, and paragraphs: prose, lines to which it leads, and tables."""

    heading: str
    body: list[str | Line | Table] = field(default_factory=list)
    #: Whether it begins on a sheet of its own, on paper.
    new_sheet: bool = False
    #: What is drawn above it, if that is not drawn beside all.
    picture: Any = None


def _unbroken(cell: str) -> str:
    """Set a list of numbers, each on one row with its name."""
    return ', '.join(f'<span style="white-space:nowrap">{prose_html(part)}</span>' for part in cell.split(', '))


def _columns(text: str) -> int:
    """Count the columns that a text takes in a terminal: a hat has none of its own, nor has a change of colour."""
    return sum(not combining(sign) for sign in COLOUR.sub('', text))


def _reach(row: str, width: int) -> int:
    """Return where in a row so many columns end, however much comes after; its length if it takes no more."""
    place, taken = 0, 0
    while place < len(row):
        if colour := COLOUR.match(row, place):
            place = colour.end()
            continue
        taken += not combining(row[place])
        if taken > width:
            return place
        place += 1
    return place


def _width(term: Term, places: int = SIX) -> int:
    """Count the columns that a printed formula takes."""
    return _columns(text(term, places=places))


def _torn(row: str, width: int, hanging: int, rest: str = '') -> Iterator[str]:
    """Tear a row that is too long before operators, those in the fewest brackets first; what follows hangs."""
    while (reach := _reach(row, width)) < len(row):
        start = len(row) - len(row.lstrip()) + 1  # what is left of the first equals sign keeps that beside it
        kept = len(row) - len(rest) if row.endswith(rest) else len(row)
        within = TEAR.finditer(row, start, reach + 3)  # an operator and a space on either side
        tears = [match.start() for match in within if match.start() != kept]
        if not tears:
            beyond = TEAR.finditer(row, max(start, reach))
            tears = [*islice((match.start() for match in beyond if match.start() != kept), 1)]
        if not tears:
            break
        # A row of little is as good as a full one: any tear in the farther half will do.
        tears = [tear for tear in tears if 2 * _columns(row[:tear]) > width] or tears[-1:]
        where = min(tears, key=lambda tear: (_depth(row[start:tear]), -tear))
        yield row[:where]
        row = ' ' * (hanging - HANGING * (row[where + 1] == '=')) + row[where + 1 :]
    yield row


def _depth(text: str) -> int:
    """Count the brackets that are open at the end of a text."""
    return sum((sign in '([') - (sign in ')]') for sign in COLOUR.sub('', text))


def kind_of(part: str | Line | Table) -> str:
    """Tell what is set alike: prose, tables, numbers of many samples, lines to go side by side, all other lines."""
    if isinstance(part, str):
        return 'prose'
    if isinstance(part, Table):
        return 'table'
    return 'data' if part.is_data else 'line' if part.sides or isinstance(part, Blank) else 'short'
