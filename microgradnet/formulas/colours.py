"""The colours of formulas and pictures, on a light page and on a dark one.

They are Okabe and Ito's palette, darkened for print. As in the derivation, the input is
blue, the local derivative green and the error signal red; each is also named, for colour
is never alone.

>>> PARTS['input'].colour == INPUT, DARK[INPUT]
(True, '#6CB8EA')
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ['DARK', 'PARTS', 'Role']

INPUT, DERIVATIVE, SIGNAL = '#00588A', '#00694D', '#A84300'
INK, FAINT, PALE, LINE = '#1F2933', '#66707A', '#B8C0C8', '#7B8794'
#: As it is given to Graphviz, and as that may write it.
PAPER, PAPER_WRITTEN = 'white', '#FFFFFF'
#: Weights, by their sign.
POSITIVE, NEGATIVE, NEITHER = '#0072B2', '#D55E00', '#8A939B'
#: Nodes of a graph, and neurons with the number in them.
LEAF, LEAF_LINE, OPERATION, OPERATION_LINE = '#FFF9E8', '#C9A227', '#E6F0F7', '#5B8DB0'
NEURON, NEURON_LINE, BIAS = '#EEF3F7', '#5B6670', '#4A5560'
#: The way of the error signal: neurons it has not reached, and has; lines it may take, has taken.
IDLE, REACHED, WAY, CROWDED_WAY, TRAIL = '#F6F8FA', '#FFEEE3', '#D5DBE0', '#E4E8EB', '#E9B795'
#: A wrong message, a node that went wrong, and a gradient that is right.
ALARM, ALARMED, CALM = '#B00020', '#FDECEE', '#EAF5EF'

#: What a colour becomes on a dark page.
DARK = {
    INPUT: '#6CB8EA', DERIVATIVE: '#52C9A0', SIGNAL: '#FF9A5C',
    INK: '#E4E8EC', FAINT: '#9AA5B1', PALE: '#4A5560', LINE: '#7B8794', PAPER: '#14181D',
    PAPER_WRITTEN: '#14181D',
    POSITIVE: '#58B0E8', NEGATIVE: '#FF8F4D',
    LEAF: '#2B2614', LEAF_LINE: '#A88A2C', OPERATION: '#1A2D3B', OPERATION_LINE: '#5B8DB0',
    NEURON: '#202932', NEURON_LINE: '#7B8794',
    IDLE: '#1D232A', REACHED: '#3D2415', WAY: '#3A424B', CROWDED_WAY: '#2B323A', TRAIL: '#94552F',
}  # fmt: skip


class Role(NamedTuple):
    """The colour of a factor of a gradient: on a page, by its name in LaTeX, by its number in a terminal."""

    colour: str
    latex: str
    terminal: int


#: The three factors of a gradient, as "Propagating the error signal" names and colours them.
PARTS = {
    'error introduced': Role(SIGNAL, 'red', 31),
    'gradient': Role(DERIVATIVE, 'green', 32),
    'input': Role(INPUT, 'blue', 34),
}
