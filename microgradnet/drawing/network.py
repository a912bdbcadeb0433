"""A net as the derivation draws it: inputs, neurons in columns, weighted connections.

Neurons are numbered through the layers, f_1 to f_5 in a 2-2-2-1 net; a weight is
named by its source, then its target: w_{x1,1}, w_{1,3}. Blue, unbroken lines are
positive weights, orange, dashed ones negative; a thicker line is a larger weight.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..value import Value
from .digraph import FAINT, FONT, INK, Digraph, in_full, markup, number, plain, subscript

__all__ = ['draw_network', 'parameter_names']

POSITIVE, NEGATIVE, NEITHER = '#0072B2', '#D55E00', '#8A939B'
#: The least distance from one weight's label to the next, in points.
ROOM = 14.0
#: More columns than this make a strip, not a picture.
COLUMNS = 8
LEGEND = (
    f'<<font color="{POSITIVE}">━━━ positive weight</font>&#160;&#160;&#160;'
    f'<font color="{NEGATIVE}">╍╍╍ negative weight</font>&#160;&#160;&#160;'
    f'<font color="{FAINT}">thicker: larger</font>>'
)
#: Neato, for once, has nothing to lay out: every place is given, in points.
GRAPH = {
    'layout': 'neato', 'inputscale': '72', 'splines': 'line', 'outputorder': 'edgesfirst', 'tooltip': 'network',
    'label': LEGEND, 'fontname': FONT, 'fontsize': '10',
}  # fmt: skip
NODE = {
    'shape': 'circle', 'style': 'filled', 'fixedsize': 'true', 'margin': '0', 'color': '#5B6670', 'penwidth': '1.2',
    'fontname': FONT, 'fontsize': '14', 'fontcolor': INK,
}  # fmt: skip
BARE = 'border="0" cellborder="0" cellspacing="1" cellpadding="0"'


class Connection(NamedTuple):
    """One weight between two neurons, or between an input and a neuron."""

    source: str  # 'x1' or '1', as in the weight's name
    target: str
    weight: Value

    @property
    def name(self) -> str:
        return f'w_{{{self.source},{self.target}}}'


def _layers(net: Any) -> list[Any]:
    """Return the neurons of a net, of a layer or one alone, layer by layer."""
    if hasattr(net, 'layers'):
        return [layer.neurons for layer in net.layers]
    if hasattr(net, 'neurons'):
        return [net.neurons]
    if hasattr(net, 'weights') and hasattr(net, 'bias'):
        return [[net]]
    raise TypeError(f'draw_network wants an MLP, a Layer or a Neuron, not {net!r} ({type(net).__name__})')


def _connections(layers: list[Any]) -> Iterator[Connection]:
    """List all connections of a net, target by target."""
    sources, last = [f'x{i + 1}' for i in range(len(layers[0][0].weights))], 0
    for neurons in layers:
        targets = [str(last + j + 1) for j in range(len(neurons))]
        for target, neuron in zip(targets, neurons):
            yield from (Connection(source, target, w) for source, w in zip(sources, neuron.weights))
        sources, last = targets, last + len(neurons)


def parameter_names(net: Any) -> dict[Value, str]:
    """Map every weight and bias of a net to its name in the derivation, source first.

    ``draw(error, labels=parameter_names(net))`` shows them in a graph.

    >>> from microgradnet.nn import MLP
    >>> [*parameter_names(MLP(1, [1, 1])).values()]
    ['w_{x1,1}', 'w_{1,2}', 'b_1', 'b_2']
    """
    layers = _layers(net)
    biases = (neuron.bias for neurons in layers for neuron in neurons)
    names = {connection.weight: connection.name for connection in _connections(layers)}
    return names | {bias: f'b_{i}' for i, bias in enumerate(biases, 1)}


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

    Where there is room, connections carry their weight's name and number and neurons
    their bias; both are also in tooltips. Of a column with more than ``limit``
    neurons or inputs, and of more than 8 layers, the first and the last are drawn; an
    ellipsis between them says how many are not, and ``left_out`` counts the neurons
    and inputs that are not. Names of inputs and outputs are written beside them. Other
    attributes are Graphviz's, for the whole picture. Raises TypeError for what is no
    net, ValueError for names that do not match it.

    >>> from microgradnet.nn import MLP
    >>> picture = draw_network(MLP(2, [2, 2, 1], activation='sigmoid', seed=1))
    >>> 'w_{1,3}' in picture.source, picture.left_out
    (True, 0)
    """
    layers = _layers(net)
    if limit < 3:
        raise ValueError(f'the limit of draw_network must be at least 3, not {limit}')
    counts = {'inputs': (input_names, len(layers[0][0].weights)), 'outputs': (output_names, len(layers[-1]))}
    for what, (names, count) in counts.items():
        if names and len(names) != count:
            raise ValueError(f'the net has {count} {what}, and there are {len(names)} names of {what}')
    picture = _Network(layers, limit, number_format)
    picture.add_inputs(input_names)
    picture.add_neurons()
    picture.add_outputs(output_names)
    picture.add_connections()
    picture.graph.graph_attr.update(attributes)
    return picture.graph


def _shown(count: int, limit: int) -> list[int | None]:
    """List what is drawn of a row of things; None stands for those left out.

    >>> _shown(3, 3), _shown(9, 5)
    ([0, 1, 2], [0, 1, None, 7, 8])
    """
    if count <= limit:
        return [*range(count)]
    tail = (limit - 1) // 2
    return [*range(limit - 1 - tail), None, *range(count - tail, count)]


class _Network:
    """A network while it is being drawn; lengths are in points."""

    def __init__(self, layers: list[Any], limit: int, spec: str) -> None:
        self.layers, self.spec = layers, spec
        self.rows = [_shown(len(layers[0][0].weights), limit), *(_shown(len(layer), limit) for layer in layers)]
        self.columns = _shown(len(layers), min(limit, COLUMNS))
        self.starts = [sum(map(len, layers[:k])) for k in range(len(layers) + 1)]
        tallest = max(len(self.rows[0]), *(len(self.rows[k + 1]) for k in self.columns if k is not None))
        self.spacing = 100 if tallest <= 3 else 84 if tallest <= 5 else 72 if tallest <= 9 else 44
        self.diameter = min(56, 0.76 * self.spacing)
        self.floor = -(tallest - 1) / 2 * self.spacing - self.diameter / 2 - 26
        self.largest = max(_size(c.weight) for c in _connections(layers)) or 1.0
        self.x, self.places = 0.0, dict[str, tuple[float, float]]()
        node = NODE | {'width': _inches(self.diameter)}
        self.graph = Digraph('network', format='svg', engine='neato', graph_attr=GRAPH, node_attr=node)

    def add_inputs(self, names: Sequence[str]) -> None:
        """Add the column of inputs."""
        count = len(self.layers[0][0].weights)
        for i, y in self._column(self.rows[0], count):
            name = f'x{i + 1}'
            self._node(name, y, f'<{subscript("x", i + 1)}>', names[i] if names else f'input {i + 1}', 'input',
                       fillcolor='#FFF9E8', color='#C9A227', width=_inches(0.76 * self.diameter))  # fmt: skip
            if names:
                self._text(f'{name}name', self.x, y - 0.38 * self.diameter - 9, markup(names[i]), 10)
        self._text('inputs', self.x, self.floor, 'input' if count == 1 else 'inputs', 10, FAINT)

    def add_neurons(self) -> None:
        """Add a column for every layer."""
        before = 0
        for k in self.columns:
            if k is None:
                self._skip_columns()
                continue
            self.x += self._gap(len(self.rows[k]), len(self.rows[k + 1])) if k == before else 0
            before = k + 1
            for j, y in self._column(self.rows[k + 1], len(self.layers[k])):
                n, bias = self.starts[k] + j + 1, self.layers[k][j].bias
                value, label = number(bias.data, self.spec), subscript('f', n, 15)
                if self.diameter >= 50:
                    bias_line = f'<font point-size="10" color="#4A5560">{subscript("b", n, 10)} {markup(value)}</font>'
                    label = f'<table {BARE}><tr><td>{label}</td></tr><tr><td>{bias_line}</td></tr></table>'
                title = f'neuron {n}: b_{n} = {in_full(bias.data)}'
                self._node(f'f{n}', y, f'<{label}>', title, 'neuron', fillcolor='#EEF3F7')
            activation = getattr(self.layers[k][0].activation, 'name', self.layers[k][0].activation)
            self._text(f'g{k + 1}', self.x, self.floor, markup(str(activation)), 10, FAINT)

    def add_outputs(self, names: Sequence[str]) -> None:
        """Add an arrow from every neuron of the last layer to its output."""
        last, count = len(self.layers), len(self.layers[-1])
        self.x += self.diameter / 2 + 62
        for j, y in self._column(self.rows[last], count, left_out=False):
            n = self.starts[last - 1] + j + 1
            name, label = ('y', '<i>y</i>') if count == 1 else (f'y{j + 1}', subscript('y', j + 1, 15))
            title = names[j] if names else 'the output' if count == 1 else f'output {j + 1}'
            self._node(name, y, f'<{label}>', title, 'output', style='', penwidth='0', width='0.35')
            self.graph.edge(f'f{n}', name, arrowsize='0.7', color='#5B6670', tooltip=plain(title))
            if names:
                self._text(f'{name}name', self.x, y - 16, markup(names[j]), 10)
        self._text('outputs', self.x, self.floor, 'output' if count == 1 else 'outputs', 10, FAINT)

    def add_connections(self) -> None:
        """Add a line for every weight both of whose ends are drawn."""
        for connection in _connections(self.layers):
            source, target = (c if c.startswith('x') else f'f{c}' for c in connection[:2])
            if source in self.places and target in self.places:
                self._connection(connection, source, target)

    def _connection(self, connection: Connection, source: str, target: str) -> None:
        weight, size = connection.weight.data, _size(connection.weight) / self.largest
        k = bisect_left(self.starts, int(connection.target)) - 1
        sources, targets = len(self.rows[k]), len(self.rows[k + 1])
        kind, colour, style = (
            ('positive', POSITIVE, 'solid') if weight > 0
            else ('negative', NEGATIVE, 'dashed') if weight < 0
            else ('neither', NEITHER, 'dotted')
        )  # fmt: skip
        width = 0.6 + (3.4 if self.spacing > 44 else 1.8) * size
        look = {'style': style, 'color': f'{colour}{round(90 + 165 * size):02X}', 'penwidth': f'{width:.3g}'}
        tooltip = f'{connection.name} = {in_full(weight)}'
        self.graph.edge(source, target, id=f'w_{connection.source}_{connection.target}', tooltip=tooltip,
                        arrowhead='none', **{'class': f'connection {kind}'}, **look)  # fmt: skip
        if self._separation(sources, targets) >= ROOM:
            part = 1 / (targets + 1) if targets <= sources else 1 - 1 / (sources + 1)
            (x0, y0), (x1, y1) = self.places[source], self.places[target]
            text = subscript('w', f'{connection.source},{connection.target}', 11)
            if min(sources, targets) <= 3:
                text += f' <font color="{colour}">{markup(number(weight, self.spec))}</font>'
            self._text(f'w{connection.source}_{connection.target}', x0 + part * (x1 - x0), y0 + part * (y1 - y0), text,
                       11, INK, style='filled', fillcolor='#FFFFFFD8', tooltip=tooltip)  # fmt: skip

    def _separation(self, sources: int, targets: int) -> float:
        """How far labels are apart if put where the lines are equally spaced.

        With n sources and m <= n targets, all a distance s apart, that is at 1/(m + 1)
        of the way: line i to j passes at (i m + j) s / (m + 1), each at its own height.
        """
        return self.spacing / (min(sources, targets) + 1)

    def _gap(self, sources: int, targets: int) -> float:
        """The distance between two columns: so that labels do not touch the neurons."""
        fewer = min(sources, targets)
        if self._separation(sources, targets) < ROOM:
            return 170.0 + 2.0 * max(sources, targets)
        return max(170.0, (fewer + 1) * (self.diameter / 2 + (38.0 if fewer <= 3 else 20.0)))

    def _column(self, row: list[int | None], count: int, left_out: bool = True) -> Iterator[tuple[int, float]]:
        """Pair what is drawn of a column with its height, and draw the ellipsis for the rest."""
        for place, i in enumerate(row):
            y = ((len(row) - 1) / 2 - place) * self.spacing
            if i is not None:
                yield i, y
            elif left_out:
                missing = count - len(row) + 1
                self.graph.left_out += missing
                self._text(f'more{self.x:.0f}', self.x, y, f'⋮<br/>{missing} more', 11, FAINT)

    def _skip_columns(self) -> None:
        k = [k for k in self.columns if k is not None]
        missing = len(self.layers) - len(k)
        first = next(a for a, b in pairwise(k) if b > a + 1) + 1
        self.graph.left_out += sum(map(len, self.layers[first : first + missing]))
        self._text('morelayers', self.x + 90, 0, f'⋯<br/>{missing} more layers', 11, FAINT)
        self.x += 180

    def _node(self, name: str, y: float, label: str, tooltip: str, kind: str, **look: str) -> None:
        self.places[name] = self.x, y
        self.graph.node(name, label, pos=f'{self.x:.5g},{y:.5g}!', id=name, tooltip=plain(tooltip),
                        **{'class': kind}, **look)  # fmt: skip

    def _text(self, name: str, x: float, y: float, text: str, size: int, colour: str = INK, **look: str) -> None:
        look = {'style': '', 'tooltip': ' '} | look
        self.graph.node(name, f'<<font point-size="{size}" color="{colour}">{text}</font>>', pos=f'{x:.5g},{y:.5g}!',
                        shape='plain', fixedsize='false', width='0', height='0', **look)  # fmt: skip


def _size(weight: Value) -> float:
    """The size of a weight, by which its line is as thick; 0 of nan and infinity."""
    try:
        size = abs(float(weight.data))
    except OverflowError:  # a Fraction beyond all floats
        size = math.inf
    return size if math.isfinite(size) else 0.0


def _inches(points: float) -> str:
    return f'{points / 72:.3g}'
