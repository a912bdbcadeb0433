"""The colours of formulas and pictures: one meaning for each, on a light page and on a dark one.

A colour is a string, its value on a light page, as Graphviz and matplotlib take it; ``dark`` is
its value on a dark page. As in the derivation, the input is blue, the local derivative green and
the error signal red; positive weights are violet and negative ones ochre. These five can be told
apart in any common colour-blindness, and read on every ground they are written on; each is also
named, dashed or shaped, for colour is never alone.

``PALETTE``     all of them, by their names in CSS
``on_page``     a colour on a light page or on a dark one; ``SERIES`` are for curves that mean nothing of these
``variables``   the palette as CSS variables, with a dark page's values where one is asked for
``repainted``   rules by which a rendered picture follows the palette

>>> PARTS['input'].colour == INPUT, INPUT.dark, PALETTE['leaf-line'] == LEAF_LINE
(True, '#88D8FF', True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

__all__ = ['PAINTS', 'PALETTE', 'PARTS', 'SERIES', 'WRITTEN', 'Colour', 'Role', 'on_page', 'repainted', 'variables']


class Colour(str):
    """A colour on a light page, with what it is on a dark one."""

    dark: str

    def __new__(cls, light: str, dark: str) -> Colour:
        colour = super().__new__(cls, light)
        colour.dark = dark
        return colour

    def __reduce__(self) -> tuple[type[Colour], tuple[str, str]]:  # copies, too
        return Colour, (str(self), self.dark)


PAPER, INK = Colour('#FFFFFF', '#14181D'), Colour('#1F2933', '#E4E8EC')
#: What is said beside the point; lines that recede; lines; a button.
FAINT, PALE = Colour('#5C6670', '#A3AEBA'), Colour('#B8C0C8', '#4A5560')
LINE, RAISED = Colour('#7B8794', '#8792A0'), Colour('#F4F6F8', '#1E242B')
#: The three factors of a gradient: data that comes in, the local derivative, the error signal.
INPUT, DERIVATIVE, SIGNAL = Colour('#206EB7', '#88D8FF'), Colour('#0A5A52', '#3DAA8F'), Colour('#8E2200', '#FF6A2A')
#: Weights, and samples of two classes, by their sign.
POSITIVE, NEGATIVE = Colour('#3A1777', '#B873FF'), Colour('#856A20', '#EFD58C')
NEITHER = Colour('#6B747D', '#98A3AF')
#: What is to be looked at: a marked node, the step that is shown, a message that is wrong.
MARK = Colour('#C2185B', '#FF6FA5')
#: Nodes of a graph, and neurons with the number in them.
LEAF, LEAF_LINE = Colour('#FFF9E8', '#2B2614'), Colour('#C9A227', '#A88A2C')
OPERATION, OPERATION_LINE = Colour('#E7EBEF', '#272E36'), Colour('#76828F', '#8894A1')
NEURON, NEURON_LINE, BIAS = Colour('#EEF3F7', '#202932'), Colour('#5B6670', '#8B97A4'), Colour('#4A5561', '#B4BEC8')
#: The way of the error signal: neurons it has not reached, and has; lines it may take, has taken.
IDLE, REACHED, TRAIL = Colour('#F6F8FA', '#1D232A'), Colour('#FFEEE3', '#3D2415'), Colour('#E0AE9F', '#94492F')
WAY, CROWDED_WAY = Colour('#D5DBE0', '#3A424B'), Colour('#E4E8EB', '#2B323A')
#: The ground of a node that went wrong, and of a gradient that is right.
ALARMED, CALM = Colour('#FDECEE', '#3A1622'), Colour('#EAF5EF', '#12301F')

#: All of them, by their names in CSS.
PALETTE = {name.lower().replace('_', '-'): colour for name, colour in [*globals().items()]
           if isinstance(colour, Colour)}  # fmt: skip
#: One after the other, for things of which there may be any number.
SERIES = INK, POSITIVE, NEGATIVE, INPUT, DERIVATIVE, MARK
#: The colours as a renderer may write them, which knows some by name, and what they are called in CSS.
WRITTEN = {colour.lower(): name for name, colour in PALETTE.items()} | {'white': 'paper', 'black': 'ink'}


class Role(NamedTuple):
    """The colour of a factor of a gradient: on a page, by its name in LaTeX, by its number in a terminal."""

    colour: Colour
    latex: str
    terminal: int


#: The three factors of a gradient, as "Propagating the error signal" names and colours them.
PARTS = {
    'error introduced': Role(SIGNAL, 'red', 31),
    'gradient': Role(DERIVATIVE, 'green', 32),
    'input': Role(INPUT, 'blue', 34),
}


def on_page(colour: Colour, dark: bool) -> str:
    """Return a colour's value on a page."""
    return colour.dark if dark else str(colour)


def variables(light: str = ':root', dark: str = '') -> str:
    """Write the palette as CSS variables, ``--input`` and so on.

    ``light`` is the selector of what is on a light page or follows the reader's choice, ``dark`` that of
    what is on a dark one whatever the reader chose, if there is such.

    >>> '--leaf-line: #c9a227;' in variables()
    True
    """

    def block(selector: str, value: Callable[[Colour], str]) -> str:
        return f'{selector} {{ {" ".join(f"--{name}: {value(c).lower()};" for name, c in PALETTE.items())} }}'

    def darkened(colour: Colour) -> str:
        return colour.dark

    followed = f'@media (prefers-color-scheme: dark) {{\n  {block(light, darkened)}\n}}'
    return '\n'.join([block(light, str), followed, *([block(dark, darkened)] if dark else [])])


#: Every way in which a picture may be painted with the palette, as it is written.
PAINTS = [(what, colour) for colour in WRITTEN for what in ('fill', 'stroke')]


def repainted(scope: str, paints: Iterable[tuple[str, str]], value: Callable[[str], str]) -> str:
    """Write rules that give a picture's fills and strokes, as they are written, other values by their names in CSS.

    >>> repainted('svg', [('stroke', '#c9a227'), ('fill', 'teal')], 'var(--{})'.format)
    'svg [stroke="#c9a227"]{stroke:var(--leaf-line)}'
    """
    return ' '.join(f'{scope} [{what}="{colour}"]{{{what}:{value(WRITTEN[colour])}}}'
                    for what, colour in paints if colour in WRITTEN)  # fmt: skip
