"""A net as the derivation draws it: inputs, neurons in columns, weighted connections.

Neurons are numbered through the layers, f_1 to f_5 in a 2-2-2-1 net; a weight is
named by its source, then its target: w_{x1,1}, w_{1,3}. Violet, unbroken lines are
positive weights, ochre, dashed ones negative; a thicker line is a larger weight.
"""

from __future__ import annotations

import html
import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..engine.checks import instance, spec
from ..engine.numbers import as_float
from ..engine.value import Value
from ..formulas.colours import (
    BIAS,
    FAINT,
    INK,
    LEAF,
    LEAF_LINE,
    NEGATIVE,
    NEITHER,
    NEURON,
    NEURON_LINE,
    POSITIVE,
)  # fmt: skip
from ..formulas.names import Connection, connections_of, layers_of, numbered
from .digraph import SMALLEST, Digraph, in_full, number_markup, plain, subscript, width_of
from .layout import Layout, Text, check_names, chord, inches, look_of, new_picture, output_label
from .terminal import neurons

__all__ = ['draw_network']

#: The least distance from one weight's label to the next, in points, and how far labels stay away from neurons.
ROOM, CLEAR = 20.0, 6.0
LEGEND = (
    f'<font color="{POSITIVE}">━━━ positive weight</font>&#160;&#160;&#160;'
    f'<font color="{NEGATIVE}">╍╍╍ negative weight</font>&#160;&#160;&#160;'
    f'<font color="{FAINT}">thicker: larger</font>'
)
#: What is said where weights have no room on their own lines.
UNSAID = f'&#160;&#160;&#160;<font color="{FAINT}">point at a line for its weight</font>'
#: How far below the middle of a neuron its bias ends.
BELOW = 18.0
BARE = 'border="0" cellborder="0" cellspacing="3" cellpadding="0"'


def draw_network(
    net: Any,
    *,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    limit: int = 16,
    number_format: str = '.2g',
    **attributes: str,
) -> Digraph:
    """Draw a net, a layer or a neuron, in columns from the inputs to the outputs.

    Connections carry their weight's name and number, and neurons their bias; both are also in
    tooltips, and only there where they have no room, which the picture then says. Of a column with more than ``limit``
    neurons or inputs, and of more than 8 layers, the first and the last are drawn; an
    ellipsis between them says how many are not, and ``left_out`` counts the neurons
    and inputs that are not. Names of inputs and outputs are written beside them. Other
    attributes are Graphviz's, for the whole picture. Raises TypeError for what is no
    net, ValueError for names that do not match it.

    >>> from microgradnet.nets.net import MLP
    >>> picture = draw_network(MLP(2, [2, 2, 1], activation='sigmoid', seed=1))
    >>> 'w_{1,3}' in picture.source, picture.left_out
    (True, 0)
    """
    layers = layers_of(net)
    input_names, output_names = check_names('draw_network', layers, limit, input_names, output_names)
    spec('number_format', number_format)
    names = max((width_of(name, 10) for name in (*input_names, *output_names)), default=0.0)
    widest = max(_width(c, number_format) for c in connections_of(layers))
    layout = Layout(layers, limit, partial(_gap, widest, names), reach=max(62.0, names / 2 + CLEAR))
    layout.name_ends(input_names, output_names, _input_width(layout) / 2)
    picture = _Network(layout, number_format)
    picture.add_ends(input_names, output_names)
    picture.add_neurons()
    picture.add_connections()
    picture.graph.graph_attr['label'] = f'<{LEGEND}{UNSAID * picture.unsaid}>'
    for text in layout.texts:
        picture.graph.node(text.name, **look_of(text, plate=True))
    picture.graph.words = partial(neurons, net, number_format)
    for name, attribute in attributes.items():
        instance(f'{name}, an attribute of the picture,', attribute, str, 'a string')
    picture.graph.graph_attr.update(attributes)
    return picture.graph


class _Network:
    """A network while it is being drawn."""

    def __init__(self, layout: Layout, spec: str) -> None:
        self.layout, self.places, self.spec = layout, layout.places, spec
        self.largest = max(_size(c.weight) for c in connections_of(layout.layers)) or 1.0
        self.unsaid = False
        self.graph = new_picture(layout)

    def add_ends(self, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        """Add the inputs and the outputs, with an arrow to each from its neuron."""
        count = len(self.layout.layers[-1])
        for name in self.places:
            i = int(name[1:] or 1)
            if name[0] == 'x':
                width = _input_width(self.layout)
                self._node(name, _fitting('x', i, 14, width), input_names[i - 1] if input_names else f'input {i}',
                           'input', fillcolor=LEAF, color=LEAF_LINE, width=inches(width))  # fmt: skip
            elif name[0] == 'y':
                title = output_names[i - 1] if output_names else 'the output' if count == 1 else f'output {i}'
                self._node(name, output_label(name), title, 'output', style='', penwidth='0', width='0.35')
                neuron = f'f{self.layout.starts[-2] + i}'
                self.graph.edge(neuron, name, arrowsize='0.7', color=NEURON_LINE, tooltip=plain(title))

    def add_neurons(self) -> None:
        """Add the neurons, with their biases where there is room."""
        for name, neuron in self.layout.neurons:
            n, bias = name[1:], neuron.bias.data
            label = _fitting('f', n, 15, self.layout.diameter)
            if self.layout.diameter >= 50:
                line = self._bias(n, bias)
                label = f'<table {BARE}><tr><td>{label}</td></tr><tr><td>{line}</td></tr></table>' if line else label
            self._node(name, label, f'neuron {n}: {numbered("b", n)} = {in_full(bias)}', 'neuron', fillcolor=NEURON)

    def _bias(self, n: str, bias: Any) -> str:
        """A neuron's bias with its name or, where that has no room in the circle, without, or nothing."""
        text, name = number_markup(bias, self.spec), subscript('b', n, 11)
        room = chord(self.layout.diameter, BELOW)
        width, letter = width_of(text, 1), width_of('b  ', 11) + width_of(n, SMALLEST)
        for size, before in (10.0, letter), (SMALLEST, letter), (10.0, 0.0), (SMALLEST, 0.0):
            if before + size * width <= room:
                line = f'{name}&#160; {text}' if before else text
                return f'<font point-size="{size:g}" color="{BIAS}">{line}</font>'
        self.unsaid = True
        return ''

    def add_connections(self) -> None:
        """Add a line for every weight both of whose ends are drawn."""
        for connection in connections_of(self.layout.layers):
            source, target = (c if c.startswith('x') else f'f{c}' for c in connection[:2])
            if source in self.places and target in self.places:
                self._connection(connection, source, target)

    def _connection(self, connection: Connection, source: str, target: str) -> None:
        weight, size = connection.weight.data, _size(connection.weight) / self.largest
        k = bisect_left(self.layout.starts, int(connection.target)) - 1
        sources, targets = len(self.layout.rows[k]), len(self.layout.rows[k + 1])
        kind, colour, style = (
            ('positive', POSITIVE, 'solid') if weight > 0
            else ('negative', NEGATIVE, 'dashed') if weight < 0
            else ('neither', NEITHER, 'dotted')
        )  # fmt: skip
        dense = self.layout.spacing <= 44
        width = 0.5 + 2.2 * size if dense else 0.6 + 3.4 * size
        # Among very many lines the small ones recede further.
        opacity = 40 + 215 * size if dense else 90 + 165 * size
        look = {'style': style, 'color': f'{colour}{round(opacity):02X}', 'penwidth': f'{width:.3g}'}
        tooltip = f'{connection.name} = {in_full(weight)}'
        self.graph.edge(source, target, id=f'w_{connection.source}_{connection.target}', tooltip=tooltip,
                        arrowhead='none', **{'class': f'connection {kind}'}, **look)  # fmt: skip
        if _separation(self.layout, sources, targets) >= ROOM:
            part = 1 / (targets + 1) if targets <= sources else 1 - 1 / (sources + 1)
            (x0, y0), (x1, y1) = self.places[source], self.places[target]
            label = subscript('w', f'{connection.source},{connection.target}', 11)
            label += f'&#160; <font color="{colour}">{number_markup(weight, self.spec)}</font>'
            name = f'w{connection.source}_{connection.target}'
            text = Text(name, x0 + part * (x1 - x0), y0 + part * (y1 - y0), label, 11, INK)
            self.graph.node(name, **look_of(text, plate=True, tooltip=tooltip))
        else:
            self.unsaid = True

    def _node(self, name: str, label: str, tooltip: str, kind: str, **look: str) -> None:
        x, y = self.places[name]
        self.graph.node(name, f'<{label}>', pos=f'{x:.5g},{y:.5g}!', id=name, tooltip=plain(tooltip),
                        **{'class': kind}, **look)  # fmt: skip


def _input_width(layout: Layout) -> float:
    """How wide an input is: less than a neuron, but where its index would not fit."""
    return layout.diameter * (0.76 if layout.diameter >= 50 else 0.86)


def _fitting(letter: str, index: object, size: float, width: float) -> str:
    """Set a letter and its index, so small that both are within a circle of a width."""
    return subscript(letter, index, min(size, 0.8 * width / (0.5 + 0.42 * len(str(index)))))


def _separation(layout: Layout, sources: int, targets: int) -> float:
    """How far labels are apart if put where the lines are equally spaced.

    With n sources and m <= n targets, all a distance s apart, that is at 1/(m + 1)
    of the way: line i to j passes at (i m + j) s / (m + 1), each at its own height.
    """
    return layout.spacing / (min(sources, targets) + 1)


def _gap(widest: float, names: float, layout: Layout, sources: int, targets: int) -> float:
    """The distance between two columns: so that labels, the widest too, touch neither neurons nor inputs' names."""
    if _separation(layout, sources, targets) < ROOM:
        return 170.0 + 7.0 * max(sources, targets)
    from_neuron = max(layout.diameter, 0.0 if layout.x else names) / 2 + CLEAR + widest / 2
    return max(170.0, (min(sources, targets) + 1) * from_neuron)


def _width(connection: Connection, spec: str) -> float:
    """How wide the label of a weight is on its plate."""
    index, weight = f'{connection.source},{connection.target}', number_markup(connection.weight.data, spec)
    return width_of('w  ', 11) + width_of(index, SMALLEST) + width_of(html.unescape(weight), 11) + 6.0


def _size(weight: Value) -> float:
    """The size of a weight, by which its line is as thick; 0 of nan and infinity."""
    size = abs(as_float(weight.data))
    return size if math.isfinite(size) else 0.0
