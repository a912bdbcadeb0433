"""Sheets: a derivation as a document of its own, for a screen, for paper, for LaTeX.

``Derivation``  sections of prose and lines, printed and saved
``document``    the text of one: ``'text'``, ``'html'``, ``'latex'`` or ``'beamer'``
``NetPicture``  the net beside the page's equations, and which of its parts an equation speaks of

The page needs nothing but itself. The equation under the pointer lights its path in the net; a symbol turns into its
number where one clicks on it, or all of them do. Printed on A4 the net is on top, and the solution on its own sheets.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from .._files import FilePath, Folder, write_whole
from ..drawing.layout import Layout
from ..engine.checks import file_path, one_of, whole
from ..formulas.colours import variables
from ..formulas.mathml import MATH_FONT, MathML, font_face
from ..formulas.names import Names, Place, layers_of
from ..formulas.numbers import SIX, digits, on_paper
from ..formulas.prose import prose_html, prose_tex
from ..formulas.terms import Applied, Derivative, Name, Number, Struck, Symbol, Term, parts_of
from .lines import SHORT, WIDTH, Blank, Line, Referring, Section, Table, kind_of

__all__ = ['Derivation', 'NetPicture', 'document', 'page']

#: A line flows like a paragraph, and what does not fit hangs below it.
FLOW = 'display:flex;flex-flow:wrap;align-items:baseline;row-gap:.3em;margin:.5em 0 .5em 2em'
#: What follows each other is set alike in HTML: short lines side by side, others in rows that scroll where one is
#: too long even so, and the numbers of many samples behind a click.
SCROLL = 'margin:0 0 0 1.5em;overflow-x:auto;overflow-y:hidden'
RULES = {
    'math': f'font:1.12em {MATH_FONT};{FLOW}',
    'math > mrow:first-child': 'margin-left:-2em',
    'math > mtext': 'margin-left:auto;padding-left:1em',
    '.struck': 'background:linear-gradient(to top right,transparent 48%,currentColor 48% 52%,transparent 52%)',
    'div': SCROLL,
    'div.short': 'display:flex;flex-wrap:wrap;column-gap:2em;align-items:center',
    'h4': 'margin:1.2em 0 .3em',
    'p': 'margin:.5em 0',
}
GROUPS = {
    'prose': '{}',
    'table': '{}',
    'line': '<div>{}</div>',
    'data': '<details><summary>Show them</summary><div>{}</div></details>',
    'short': '<div class="short">{}</div>',
}
#: The formats of documents, by the endings of files.
FORMATS = {'.txt': 'text', '.tex': 'latex', '.html': 'html', '.htm': 'html', '.pdf': 'pdf'}
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge'
#: Formulas that are wider than the page are made smaller.
PREAMBLE = r"""\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
\usepackage{xcolor}
\usepackage{graphicx}
\newcommand\fit[1]{\resizebox{\ifdim\width>0.87\linewidth 0.87\linewidth\else\width\fi}{!}{$\displaystyle #1$}}
"""
CLASSES = {
    'latex': '\\documentclass[a4paper]{article}\n\\usepackage[margin=20mm]{geometry}\n',
    'beamer': '\\documentclass[9pt]{beamer}\n\\setbeamertemplate{navigation symbols}{}\n',
}


class Derivation(Sequence[Line]):
    """A derivation with its numbers: ``str`` for a terminal, ``latex()``, ``html()``.

    It is a sequence of its ``lines``; ``sections`` has the prose between them, too. In a
    notebook it shows itself. Lines that are equations are numbered.
    """

    sections: list[Section]
    lines: list[Line]

    title: str
    digits: int
    picture: Any

    def __init__(self, title: str, sections: Sequence[Section], digits: int = SIX, picture: Any = None) -> None:
        #: ``picture`` is of the net, if there is one: it draws it, and tells which of its parts an equation speaks of.
        self.title, self.digits, self.picture = title, digits, picture
        lines = [line for section in sections for line in section.body if isinstance(line, Line)]
        equations = [line for line in lines if any(not isinstance(side, Number) for side in line.sides)]
        tags = {id(line): str(number) for number, line in enumerate(equations, 1)}  # two lines may be equal

        def numbered(part: str | Line | Table) -> str | Line | Table:
            if isinstance(part, Referring):
                return part.format(*(f'({tags[id(line)]})' for line in part.lines))
            return replace(part, tag=tags.get(id(part), ''), digits=digits) if isinstance(part, Line) else part

        def is_there(part: str | Line | Table) -> bool:  # a reference to what is not printed is left out
            return not isinstance(part, Referring) or all(id(line) in tags for line in part.lines)

        self.sections = [replace(s, body=[*map(numbered, filter(is_there, s.body))]) for s in sections if s.body]
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

    def text(self, colour: bool = False, width: int | None = None) -> str:
        """Print it all in ``width`` columns: headings, prose, and lines set in by four spaces.

        Longer lines are broken before equals signs or, where that does not do, before other operators; no number is
        torn, and a table is as wide as it must be. Unless given, the width is that of the terminal, 100 where the
        output is none.
        """
        if width is None:
            is_terminal = sys.stdout is not None and sys.stdout.isatty()
            width = shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal else WIDTH
        width = max(whole('width', width), SHORT)
        rows = [fill(self.title, width, subsequent_indent=' ')]
        for section in self.sections:
            rows += ['', section.heading]
            for part in section.body:
                if isinstance(part, Line):
                    tag = f'  ({part.tag})' * bool(part.tag)
                    rows.append(indent(part.text(colour, width - 4 - len(tag)), '    ') + tag)
                else:
                    in_rows = isinstance(part, Table)
                    rows.append(indent(str(part), '  ') if in_rows else fill(str(part), width, subsequent_indent=' '))
        return '\n'.join(rows)

    def latex(self) -> str:
        """Print it all as LaTeX for a document, which needs amsmath and xcolor."""
        rows = [rf'\section*{{{prose_tex(self.title)}}}']
        for section in self.sections:
            rows += ['', rf'\subsection*{{{prose_tex(section.heading)}}}', *self.latex_parts(section)]
        return '\n'.join(rows)

    @staticmethod
    def latex_parts(section: Section, fitted: Callable[[str], str] = str) -> Iterator[str]:
        """Print a section's paragraphs as LaTeX; ``fitted`` may do something to formulas too wide for a page."""
        for kind, group in groupby(section.body, kind_of):
            if kind == 'short':  # side by side, as a paragraph
                pieces = (rf'$\displaystyle {part.latex()} $\quad' for part in group if isinstance(part, Line))
                yield '\n'.join([r'{\lineskiplimit=4pt\lineskip=8pt\noindent', *pieces, r'\par}'])
                continue
            for part in group:
                if isinstance(part, Line):
                    tag = rf'\tag{{{part.tag}}} ' if part.tag else ''
                    yield rf'\[ {fitted(part.latex())} {tag}\]'
                else:
                    yield prose_tex(part) if isinstance(part, str) else part.latex()

    def html(self) -> str:
        """Print it all as HTML with MathML; it brings its font, and needs no style sheet, no script and no network."""
        rules = ' '.join([font_face(), *(f'.microgradnet-derivation {what} {{{how}}}' for what, how in RULES.items())])
        parts = [f'<section class="microgradnet-derivation" style="max-width:100%"><style>{rules}</style>',
                 f'<h3>{prose_html(self.title)}</h3>']  # fmt: skip
        return '\n'.join([*parts, *self.html_sections(), '</section>'])

    def html_sections(
        self, form: Callable[[Term], str] | None = None, attributes: Callable[[Line], str] = lambda line: ''
    ) -> Iterator[str]:
        """Print each section as HTML; ``form`` prints a formula, and ``attributes`` are what lines have more."""

        def printed(part: str | Line | Table) -> str:
            if isinstance(part, str):
                return f'<p>{prose_html(part)}</p>'
            return part.html(form, attributes(part)) if isinstance(part, Line) else part.html()

        for section in self.sections:
            alike = groupby(section.body, kind_of)
            groups = (GROUPS[kind].format(''.join(map(printed, group))) for kind, group in alike)
            yield '\n'.join([f'<h4>{prose_html(section.heading)}</h4>', *groups])

    def save(self, path: FilePath, format: str | None = None) -> Path:
        """Write it to a file as a document of its own, and return the file's path.

        As ``.txt``, ``.tex``, ``.html`` or ``.pdf``; ``format`` says so where the name does not, ``'text'``,
        ``'latex'``, ``'html'``, ``'pdf'``, or ``'beamer'`` for LaTeX in frames. The page has the net in its
        margin: the equation under the pointer lights its path, and names turn into numbers. A PDF is that page on A4,
        printed by a Chromium or Chrome; raises FileNotFoundError where there is none on the PATH.
        """
        return _save(self, path, format)

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_latex_(self) -> str:
        rows = r' \\ '.join(row for line in self.lines for row in line.latex_rows())
        return rf'$$\begin{{aligned}} {rows} \end{{aligned}}$$'


class NetPicture:
    """A net as a drawing in SVG, each weight and neuron of which has a name for equations to light it by."""

    def __init__(self, names: Names, weights: Mapping[Place, Any]) -> None:
        self.names, self.weights = names, weights

    @cached_property
    def lights(self) -> dict[Name, str]:
        """Map the names in formulas to the parts of the drawing."""
        names, last = self.names, len(self.names.sizes) - 1
        found = {names.parameter(place): self._part(place) for place in names.places()}
        for k, j, i in names.places():
            if i is None:
                neuron = self._part((k, j, None))
                found |= dict.fromkeys((names.r(k, j), names.delta(k, j), names.f(k, j)), neuron)
        found |= {Name('x', str(i + 1)): f'x{i + 1}' for i in range(names.inputs)}
        for j in range(names.sizes[-1]):
            output = 'y' if names.sizes[last] == 1 else f'y{j + 1}'
            found |= dict.fromkeys((names.output('y', j), names.output('t', j)), output)
        return found

    def parts(self, terms: Iterable[Term]) -> list[str]:
        """List the parts of the drawing of which formulas speak, each once."""
        names = (name for term in terms for name in _names_in(term))
        return [*dict.fromkeys(part for name in names if (part := self.lights.get(name.of(''))))]

    def _part(self, place: Place) -> str:
        """Name a connection by its two ends, and a bias as its neuron."""
        k, j, i = place
        target = f'f{sum(self.names.sizes[:k]) + j + 1}'
        if i is None:
            return target
        return f'{f"x{i + 1}" if k == 0 else f"f{sum(self.names.sizes[: k - 1]) + i + 1}"}-{target}'

    def svg(self) -> str:
        """Draw it in columns, inputs on the left; of large layers the first and the last."""
        layout = Layout(layers_of(self.names.net), 12, lambda *_: 120.0)
        places, radius = layout.places, layout.diameter / 2
        shapes: list[str] = []
        for place in self.names.places():
            source, _, target = self._part(place).partition('-')
            if target and source in places and target in places:
                (x, y), (u, v), weight = places[source], places[target], self.weights[place]
                tooltip = f'{self.names.text(place)} = {on_paper(digits(weight))}'
                kind = ' class="negative"' * (weight < 0)
                shapes.append(f'<line{kind} data-part="{source}-{target}" x1="{x:.5g}" y1="{-y:.5g}" x2="{u:.5g}" '
                              f'y2="{-v:.5g}"><title>{html.escape(tooltip)}</title></line>')  # fmt: skip
        written = {part: name for name, part in self.lights.items() if name.base in 'xfyt' and name.base != 't'}
        for part, (x, y) in places.items():
            name = written[part]
            label = html.escape(f'{name.base}{chr(0x302) * name.hat}') + (
                f'<tspan dy="4" font-size="11">{name.index}</tspan>' * bool(name.index))  # fmt: skip
            if part[0] == 'y':
                left = max(u for other, (u, v) in places.items() if other[0] == 'f' and v == y)
                shapes.append(f'<line class="end" data-part="{part}" x1="{left:.5g}" y1="{-y:.5g}" x2="{x - 14:.5g}" '
                              f'y2="{-y:.5g}"/>')  # fmt: skip
            else:
                r = radius * (0.62 if part[0] == 'x' else 0.75)
                shapes.append(f'<circle data-part="{part}" cx="{x:.5g}" cy="{-y:.5g}" r="{r:.5g}"/>')
            shapes.append(f'<text data-part="{part}" x="{x:.5g}" y="{-y:.5g}">{label}</text>')
        for text in layout.texts:
            if text.name.startswith('more'):
                words = html.escape(re.sub('<[^>]*>', ' ', text.markup))
                shapes.append(f'<text class="few" x="{text.x:.5g}" y="{-text.y:.5g}">{words}</text>')
        shapes.sort(key=lambda shape: not shape.startswith('<line'))  # lines lie below all else
        xs, ys = zip(*places.values())
        box = min(xs) - radius, -max(ys) - radius, max(xs) - min(xs) + 2 * radius, max(ys) - min(ys) + 2 * radius
        view = ' '.join(f'{number:.5g}' for number in box)
        return f'<svg role="img" aria-label="The net" viewBox="{view}">{"".join(shapes)}</svg>'


class Turning(MathML):
    """MathML in which a symbol that stands for one number has that beside it, for a page to show instead."""

    def spell(self, term: Term) -> tuple[Any, int]:
        body, binding = super().spell(term)
        if isinstance(term, (Symbol, Applied)) and (number := self._number(term)) is not None:
            shown = self.print(Number(number))
            value = self.brackets(shown) if number < 0 else shown
            body = f'<mrow class="turns"><mrow class="name">{body}</mrow><mrow class="value">{value}</mrow></mrow>'
        return body, binding

    @staticmethod
    def _number(term: Symbol | Applied) -> Any:
        name = term.name if isinstance(term, Symbol) else term.argument.name
        return term.at(0) if name.sample != 'i' and term.numbers else None


def _names_in(term: Term) -> Iterator[Name]:
    """Go through the names in a formula, but not in what vanishes from it."""
    vanishing = {id(part) for struck in parts_of(term) if isinstance(struck, Struck) for part in parts_of(struck)}
    for part in parts_of(term):
        if id(part) in vanishing:
            continue
        if isinstance(part, Symbol):
            yield part.name
        elif isinstance(part, Applied):
            yield part.argument.name
        elif isinstance(part, Derivative):
            yield part.by.name


def document(derivation: Derivation, form: str) -> str:
    """Write a derivation as a whole document: ``'text'``, ``'html'``, ``'latex'`` or, in frames, ``'beamer'``."""
    match one_of('format', form, ['text', 'html', 'latex', 'beamer']):
        case 'text':
            return derivation.text()
        case 'html':
            return page(derivation)
    title = prose_tex(derivation.title)
    rows = [rf'\section*{{{title}}}'] if form == 'latex' else [rf'\title{{{title}}}', r'\date{}', r'\frame{\titlepage}']
    for section in derivation.sections:
        body = '\n'.join(derivation.latex_parts(section, r'\fit{{{}}}'.format))
        heading = prose_tex(section.heading)
        if form == 'latex':
            rows += ['', r'\newpage' * section.new_sheet, rf'\subsection*{{{heading}}}', body]
        else:
            rows += ['', rf'\begin{{frame}}[allowframebreaks]{{{heading}}}', body, r'\end{frame}']
    content = '\n'.join(rows)
    return f'{CLASSES[form]}{PREAMBLE}\\begin{{document}}\n{content}\n\\end{{document}}'


def page(derivation: Derivation) -> str:
    """Write a derivation as a page of HTML, with its net if it is of one."""
    picture = derivation.picture or next((s.picture for s in derivation.sections if s.picture), None)

    def form(term: Term) -> str:
        return Turning(derivation.digits).write([term])

    def lights(line: Line) -> str:
        parts = picture.parts([line.left, *line.sides]) if picture else []
        return f' tabindex="0" data-lights="{" ".join(parts)}"' * bool(parts)

    to_fill_in = any(isinstance(line, Blank) for line in derivation)  # and symbols must not tell their numbers
    sheets = zip(derivation.sections, derivation.html_sections(None if to_fill_in else form, lights))
    body = ''
    for section, text in sheets:
        drawing = section.picture.svg() if section.picture else ''
        body += f'<section class="{"sheet" * section.new_sheet}">{drawing}{text}</section>\n'
    flip = '<label class="tools"><input type="checkbox" id="flip"> numbers instead of names</label>'
    tools = '' if to_fill_in else flip
    return whole_page(derivation.title, body, derivation.picture.svg() if derivation.picture else '', tools)


def whole_page(title: str, body: str, picture: str, tools: str = '') -> str:
    """Put a page together: one file, that may run its own script and ask for nothing."""
    folder = files(__package__) / 'page'
    script = (folder / 'sheet.js').read_text(encoding='utf-8')
    rules = ' '.join(f'.microgradnet-derivation {what} {{{how}}}' for what, how in RULES.items())
    style = '\n'.join([font_face(), variables(), rules, (folder / 'sheet.css').read_text(encoding='utf-8')])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src 'sha256-{digest}'; "
    aside = f'<aside>{picture}</aside>\n' * bool(picture)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}base-uri 'none'; form-action 'none'">
<title>{html.escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header><h1>{prose_html(title)}</h1>{tools}</header>
<main{'' if picture else ' class="alone"'}>
{aside}<article class="microgradnet-derivation">
{body}
</article>
</main>
<script>{script}</script>
</body>
</html>"""


def _save(derivation: Derivation, path: FilePath, form: str | None = None) -> Path:
    """Write a derivation to a file; ``Derivation.save`` says how."""
    suffix = Path(file_path('path', path)).suffix.lower()
    if form is None:
        if suffix not in FORMATS:
            raise ValueError(f'a derivation is written as {", ".join(FORMATS)}, not as {str(path)!r}')
        form = FORMATS[suffix]
    if form == 'pdf':
        write_whole(path, printed(page(derivation)))
    else:
        write_whole(path, document(derivation, form) + '\n')
    return Path(path)


def printed(text: str) -> bytes:
    """Print a page to PDF, by a Chromium or Chrome on the PATH; raise FileNotFoundError where there is none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FileNotFoundError(
            'a PDF is printed by Chromium or Chrome, and none is on the PATH: install one, or save as .html or .tex'
        )
    folder = Folder()
    with folder.writing('sheet.html') as file:
        file.write(text.encode())
    source, target = folder.path / 'sheet.html', folder.path / 'sheet.pdf'
    options = ['--headless', '--disable-gpu', '--no-pdf-header-footer', f'--user-data-dir={folder.path / "user"}']
    options += ['--no-sandbox'] * (getattr(os, 'geteuid', int)() == 0)  # Chromium runs for root in no other way
    command = [browser, *options, f'--print-to-pdf={target}', source.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode or not target.exists():
        raise RuntimeError(f'{browser} printed no PDF: {done.stderr.strip()[-300:]}')
    return target.read_bytes()
