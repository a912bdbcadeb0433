r"""A ``graphviz.Digraph`` that renders with ``dot`` or without it, and what pictures share.

``Digraph``      renders with the ``dot`` program, else with pygraphviz's wheel
``markup``       any text, made safe for an HTML-like label
``name_markup``  the same for a name, which may have an index, w_{1,3}
``plain``        any text, made safe for a tooltip
``number_markup``  a number as on paper, compactly; ``number`` as Python reads it, ``in_full`` with all its digits
``width_of``     how wide a text is; ``text_width`` so many characters of a number, at most

Whatever comes from a user passes through ``markup`` or ``plain``; nothing else may
put it into the source.

>>> markup('<b>"a" & \\N</b>'), plain('\\N')
('&lt;b&gt;&quot;a&quot; &amp; \\\\N&lt;/b&gt;', '\\\\\\\\N')
"""

from __future__ import annotations

import errno
import html
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped, unused-ignore]

from .._escapes import visible
from .._extras import install, needed
from .._files import write_whole
from ..engine.value import Value
from ..formulas.numbers import in_full, number, on_paper
from .finish import follows_the_page, lowered

__all__ = [
    'Digraph', 'RendererNotFound', 'in_full', 'markup', 'name_markup', 'number', 'number_markup', 'plain', 'short',
    'shown', 'shown_as_svg', 'subscript', 'text_width', 'width_of',
]  # fmt: skip

FONT = 'Helvetica,Arial,sans-serif'
LONGEST = 40
#: No number is set smaller than that, in points.
SMALLEST = 9.0
#: How wide a sign is in Helvetica and Arial, by its size; a digit and most letters are as wide as ``DIGIT``.
DIGIT = 0.556
WIDTHS = {
    sign: width
    for signs, width in [
        ('.,:;·iljI|′ ', 0.278), ('()ftr/', 0.333), ('-−+=<>', 0.584), ('mwMWΣ', 0.85), ('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', 0.36),
    ]
    for sign in signs
}  # fmt: skip
#: The style of a whole SVG: as wide as what it is in, a notebook say, if that is narrower.
FIT = 'max-width: 100%; height: auto'
INDEXED = re.compile(r'([^\W\d_])_(?:\{([^{}\n]{1,12})\}|([^\W_]{1,4}))')


class RendererNotFound(graphviz.ExecutableNotFound):  # type: ignore[misc, unused-ignore]
    """Neither Graphviz's ``dot`` nor pygraphviz is there.

    It says what to install, and shows in ``words`` what the picture would; ``source`` is the picture in DOT.
    """

    source: str
    engine: str
    words: str

    #: What to install, to be said after a semicolon or a colon.
    advice = f'install Graphviz (https://graphviz.org/download/), or {install("draw")}'

    def __init__(self, source: str, engine: str = 'dot', words: str = '') -> None:
        RuntimeError.__init__(self, source, engine, words)
        self.source, self.engine, self.words = source, engine, words

    def __str__(self) -> str:
        said = f'Cannot draw without the program {self.engine!r} or pygraphviz: {self.advice}.'
        return f'{said}\n\n{self.words}' if self.words else said


class Digraph(graphviz.Digraph):  # type: ignore[misc, unused-ignore]
    """A directed graph that renders with the ``dot`` program or, without it, with pygraphviz.

    ``left_out`` is the number of nodes that a limit kept out of the picture; ``words`` makes
    text of what it shows. In a notebook it shows itself as SVG, or in words where it cannot
    be rendered.

    >>> picture = Digraph('small')
    >>> picture
    <Digraph small; picture.render(outfile='picture.svg') writes it>
    >>> picture.edge('x', 'f')
    >>> picture.pipe(format='svg', encoding='utf-8')[:5]
    '<?xml'
    """

    filename: str
    directory: str

    left_out: int = 0
    words: Callable[[], str] | None = None
    boxes: Mapping[str, Sequence[Value]] = {}

    def copy(self) -> Digraph:
        """Return a copy, with what we know of the picture beside its source."""
        copied: Digraph = super().copy()
        copied.left_out, copied.words, copied.boxes = self.left_out, self.words, self.boxes
        return copied

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:
        """Return the rendered picture as bytes, or decoded where an encoding is given.

        Takes what ``graphviz.Digraph.pipe`` takes. An SVG follows the reader's choice of a light page or a
        dark one. Raises RendererNotFound where
        neither ``dot`` nor pygraphviz is installed.
        """
        output = self.as_rendered(format, **options)
        if (format or self.format) == 'svg':
            output = follows_the_page(lowered(output.decode())).encode()
        return output if encoding is None else output.decode(encoding)

    def as_rendered(self, format: str | None = None, **options: Any) -> bytes:
        """Return the picture as the renderer writes it: an SVG is light on a dark page, too."""
        try:
            return super().pipe(format, **options)  # type: ignore[no-any-return, unused-ignore]
        except graphviz.ExecutableNotFound:
            pass
        except OSError as trouble:
            if trouble.errno != errno.ENOTSUP:  # as in a browser, where there are no programs
                raise
        return self._render_without_dot(format or self.format, **options)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        outfile: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write the rendered picture, and return its path.

        Takes what ``graphviz.Digraph.render`` takes. An ``outfile`` names the picture, and its suffix the
        format. Otherwise, or with a ``filename``, the source is saved, and kept unless ``cleanup`` is true.
        Raises RendererNotFound where neither ``dot`` nor pygraphviz is installed, OSError that names the file
        that cannot be written.
        """
        again, clash = options.pop('overwrite_source', False), options.pop('raise_if_result_exists', False)
        view = options.pop('quiet_view', False) or view
        source = None
        if outfile is None or filename is not None:
            source = Path(self.save(filename, directory))
        if outfile is None:
            parts = [options.get('formatter'), options.get('renderer'), format or self.format]
            picture = Path('.'.join([str(source), *(part for part in parts if part)]))
        else:
            picture = Path(outfile) if directory is not None else Path(self.directory, outfile)
            format = self._get_format(picture, format=format)
        if source and not again and picture.resolve() == source.resolve():
            raise ValueError(f'the picture and its source would both be {str(picture)!r}: name another outfile')
        if clash and picture.exists():
            raise graphviz.FileExistsError(f'output file exists: {str(picture)!r}')
        content = self.pipe(format, **options)
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_whole(picture, content)
        if source and cleanup:
            source.unlink()
        if view:
            graphviz.view(str(picture))
        return str(picture)

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the source in DOT, and return its path; takes what ``graphviz.Digraph.save`` takes."""
        if filename is not None:
            self.filename = os.fspath(filename)
        if directory is not None:
            self.directory = os.fspath(directory)
        place = Path(self.filepath)
        if not (skip_existing and place.exists()):
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, self.source)
        return str(self.filepath)

    def _render_without_dot(self, format: str, engine: str | None = None, **options: Any) -> bytes:
        engine = engine or self.engine
        try:
            pygraphviz = needed('pygraphviz')
        except ImportError:  # or Graphviz's libraries that it needs
            pygraphviz = None
        if pygraphviz is None:
            raise RendererNotFound(self.source, engine, self.words() if self.words else '')
        parts = [format, options.get('renderer'), options.get('formatter')]
        whole_format = ':'.join(part for part in parts if part)
        return pygraphviz.AGraph(string=self.source).draw(format=whole_format, prog=engine)  # type: ignore[no-any-return, unused-ignore]

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return shown(lambda: super(Digraph, self)._repr_mimebundle_(*arguments, **options))

    def _repr_svg_(self) -> str | None:
        return shown_as_svg(self._repr_image_svg_xml)

    def _repr_image_svg_xml(self) -> str:  # what graphviz shows to a notebook
        return self.pipe('svg', encoding='utf-8').replace('<svg', f'<svg style="{FIT}"', 1)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        what = ' '.join(filter(None, [type(self).__name__, self.name]))
        left_out = f', {self.left_out} left out' if self.left_out else ''
        return f"<{what}{left_out}; picture.render(outfile='picture.svg') writes it>"


def shown(bundle: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a notebook shows, or, where it cannot be rendered, what the error says."""
    try:
        return bundle()
    except RendererNotFound as trouble:
        return {'text/plain': str(trouble)}


def shown_as_svg(svg: Callable[[], str]) -> str | None:
    """Return an SVG, or None where it cannot be rendered: a notebook then shows something else."""
    with suppress(RendererNotFound):
        return svg()
    return None


def short(text: str, longest: int = LONGEST) -> str:
    """Cut long text."""
    return text if len(text) <= longest else text[: longest - 1] + '…'


def markup(text: str, longest: int = LONGEST) -> str:
    """Escape any text for an HTML-like label, in which Graphviz reads \\N as the node's name; line breaks stay."""
    return html.escape(visible(short(text, longest)).replace('\t', ' ').replace('\\', '\\\\')).replace('\n', '<br/>')


def name_markup(label: str) -> str:
    """Set a label as markup; one in the derivation's manner, a letter and an index, with a subscript.

    >>> name_markup('learning_rate'), name_markup('w_{1,3}') == subscript('w', '1,3', 11)
    ('learning_rate', True)
    """
    match = INDEXED.fullmatch(label)
    return subscript(match[1], markup(match[2] or match[3]), 11) if match else markup(label)


def plain(text: str) -> str:
    """Escape any text for a tooltip, in which Graphviz reads entities, and backslashes twice."""
    seen = visible(text).replace('\n', ' ').replace('\t', ' ')
    return graphviz.escape(seen.replace('&', '&amp;').replace('\\', '\\\\'))  # type: ignore[no-any-return, unused-ignore]


def subscript(letter: str, index: object, size: float = 14) -> str:
    """Set a letter of the derivation with its subscript, as markup."""
    return f'<i>{letter}</i><sub><font point-size="{max(SMALLEST, 0.75 * size):.3g}">{index}</font></sub>'


def width_of(text: str, size: float) -> float:
    """How wide a text is, very nearly.

    >>> round(width_of('−0.5', 10), 2) == round(10 * (0.584 + 2 * DIGIT + 0.278), 2)
    True
    """
    return size * sum(WIDTHS.get(sign, DIGIT) for sign in text)


def text_width(characters: int, size: float) -> float:
    """How wide a number of so many characters is, at most: a minus or plus is the widest, 0.584 of the size."""
    return 0.584 * size * characters


def number_markup(x: float | Fraction, spec: str = '.4g') -> str:
    """Set a number as on paper, as markup.

    >>> number_markup(-6.0371e-5), number_markup(Fraction(-1, 3))
    ('−6.037·10⁻⁵', '−1/3')
    """
    return markup(on_paper(number(x, spec)).replace('-', '−'))
