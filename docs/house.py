"""A Sphinx extension: plain docstrings, formulas as MathML, the table of operations, pictures and benches.

Docstrings here are plain text with ``code`` and doctests, and lists of arguments written
``name: what it is``. They become reStructuredText on the way to the page. Formulas become
MathML when the site is built, so that no script is needed to read them. A picture, or a bench, which is a page such as
``play`` makes, is what its examples end with; it is made when the site is built, too, and needs nothing else.
"""

from __future__ import annotations

import ast
import re
from doctest import DocTestParser
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from microgradnet import operations

ARGUMENT = re.compile(r'^(\w+): (.+)')
LITERAL = re.compile(r'(``.+?``)', re.DOTALL)
#: What reStructuredText would take for its own.
MARKUP = re.compile(r'([\\*|`]|(?<=\w)_\b)')
TABLE_HERE = '<!-- the table of operations -->'


def to_rst(lines: list[str]) -> list[str]:
    """Turn a docstring's lines into reStructuredText.

    >>> to_rst(['rows: a list, or', '    an array.', '', '|x| of ``a_``s', '', '>>> 1 * 2', '2'])
    [':param rows: a list, or', '    an array.', '', '\\\\|x\\\\| of ``a_``\\\\ s', '', '>>> 1 * 2', '2']
    """
    blocks = '\n'.join(lines).split('\n\n')
    return '\n\n'.join(block if _is_doctest(block) else _prose(block) for block in blocks).split('\n')


def _is_doctest(block: str) -> bool:
    return block.lstrip().startswith('>>>')


def _prose(block: str) -> str:
    """Write a paragraph, or a list of arguments."""
    parts = LITERAL.split(block)
    parts[::2] = [MARKUP.sub(r'\\\1', text) for text in parts[::2]]
    parts[2::2] = [rf'\ {text}' if text[:1].isalpha() else text for text in parts[2::2]]  # a plural: ``Value``s
    escaped = ''.join(parts)
    lines = escaped.split('\n')
    if not ARGUMENT.match(escaped):
        return escaped
    if any(line[:1] != ' ' and not ARGUMENT.match(line) for line in lines):  # one argument, as a paragraph
        return ARGUMENT.sub(r':param \1: \2', lines[0]) + ''.join(f'\n    {line}' for line in lines[1:])
    return '\n'.join(ARGUMENT.sub(r':param \1: \2', line) for line in lines)


def _docstring(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def _mathml(latex: str, display: str) -> str:
    """Convert a formula; refuse one with a command that the converter does not know."""
    mathml = convert(latex, display=display)
    if '\\' in mathml:
        raise ExtensionError(f'a formula has a command that is not known: {latex}')
    return mathml


def _inline_formula(writer: Any, node: nodes.math) -> None:
    writer.body.append(_mathml(node.astext(), 'inline'))
    raise nodes.SkipNode


def _formula(writer: Any, node: nodes.math_block) -> None:
    writer.body.append('<div class="math">' + _mathml(node.astext(), 'block') + '</div>')
    raise nodes.SkipNode


def _page(app: Any, name: str, source: list[str]) -> None:
    """Leave out the empty line that ends a doctest in a block, and put the table of operations in its place."""
    source[0] = source[0].replace('\n\n```\n', '\n```\n')
    if TABLE_HERE in source[0]:
        source[0] = source[0].replace(TABLE_HERE, operations_table())


def operations_table() -> str:
    """Write the table of operations, a row for each."""
    rows = ['| name | printed | value | derivatives | where |', '|---|---|---|---|---|']
    for op in operations.values():
        value = [op.text, *op.let_text.split(';')] if op.let_text else [op.text]
        partials = [f'd/d{a} = {cell}' for a, cell in zip(op.parameters, op.partial_texts)]
        cells = f'`{op.name}`', f'${_spaced(op.latex)}$', _lines(value), _lines(partials), _lines([op.domain])
        rows.append('| ' + ' | '.join(cell.replace('|', r'\|') for cell in cells) + ' |')
    return '\n'.join(rows)


def _lines(codes: list[str]) -> str:
    return '<br>'.join(f'`{code.strip()}`' for code in codes if code)


def _spaced(latex: str) -> str:
    """Set a row's LaTeX so that MathML keeps functions and operands apart."""
    spaced = latex.strip().replace(' {a}', r'\,{a}').replace(r'leaky\,relu', 'leaky relu')
    return spaced.replace(r'\operatorname', r'\text')


def _card(app: Any, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Say what is to be shown where somebody links to a page; addresses are whole if ``html_baseurl`` is known."""
    base = app.config.html_baseurl
    card = f'{base}_static/card.png' if base else context['pathto']('_static/card.png', 1)
    said = {'og:title': context.get('title', 'microgradnet'), 'og:type': 'website', 'og:image': card}
    tags = [f'<meta property="{key}" content="{escape(unescape(value))}">' for key, value in said.items()]
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    context['metatags'] = context.get('metatags', '') + '\n'.join(tags)


class Shown(SphinxDirective):
    """Show what the last line of examples gives names to, and the examples; the argument is what it is."""

    has_content, required_arguments, final_argument_whitespace = True, 1, True

    def run(self) -> list[nodes.Node]:
        code, names = '\n'.join(self.content), dict[str, Any]()
        for example in DocTestParser().get_examples(code):
            exec(example.source, names)  # examples of our own pages, which the tests run, too
        number = self.env.new_serialno(self.name)
        self.stem = self.env.docname.replace('/', '-') + f'-{number + 1}' * bool(number)
        given = [node for node in ast.walk(ast.parse(example.source)) if isinstance(node, ast.Name)]
        things = [names[node.id] for node in given if isinstance(node.ctx, ast.Store)]
        shown = nodes.raw('', self.shown(things, escape(self.arguments[0])), format='html')
        return [shown, nodes.literal_block(code, code, language='pycon')]

    def shown(self, things: list[Any], title: str) -> str:
        """Write what the examples made into files, and return the HTML that shows it."""
        raise NotImplementedError

    def file(self, folder: str, name: str) -> tuple[Path, str]:
        """Return where a file of the site is to be written, and its address from this page."""
        path = Path(self.env.app.outdir) / folder / name
        path.parent.mkdir(exist_ok=True)
        return path, f'{"../" * self.env.docname.count("/")}{folder}/{name}'


class Bench(Shown):
    """A page, in a frame."""

    def shown(self, things: list[Any], title: str) -> str:
        path, address = self.file('benches', f'{self.stem}.html')
        things[0].save(path)
        return (
            f'<figure class="bench"><iframe src="{address}" title="{title}" sandbox="allow-scripts" loading="lazy">'
            f'</iframe><figcaption>{title} <a href="{address}">On a page of its own</a></figcaption></figure>'
        )


class Picture(Shown):
    """A picture; or two, light and dark, if it does not itself follow the choice of the reader."""

    def shown(self, things: list[Any], title: str) -> str:
        images = []
        for thing, kind in zip(things, ['light', 'dark']):
            path, address = self.file('made', f'{self.stem}-{kind}.svg')
            if hasattr(thing, 'savefig'):
                thing.savefig(path)
            else:
                path.write_text(thing._repr_svg_(), 'utf-8')
            images.append(f'<img class="{f"only-{kind}" * (len(things) > 1)}" src="{address}" alt="{title}">')
        return f'<figure class="picture">{"".join(images)}<figcaption>{title}</figcaption></figure>'


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx of all this."""
    app.connect('html-page-context', _card)
    app.connect('autodoc-process-docstring', _docstring)
    app.connect('source-read', _page)
    app.add_directive('bench', Bench)
    app.add_directive('picture', Picture)
    app.add_html_math_renderer('mathml', (_inline_formula, None), (_formula, None))
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
