"""Where the parts of a net are in a picture: columns from the inputs to the outputs, in points.

>>> from microgradnet.nets.net import MLP
>>> layout = Layout([layer.neurons for layer in MLP(2, [1]).layers], 16, lambda layout, sources, targets: 200.0)
>>> [*layout.places], layout.places['x1'], layout.places['f1']
(['x1', 'x2', 'f1', 'y'], (0.0, 50.0), (200.0, 0.0))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..engine.checks import texts, whole
from ..formulas.colours import FAINT, INK, NEURON_LINE, PAPER
from .digraph import FONT, Digraph, markup, subscript

__all__ = ['Layout', 'Text', 'check_names', 'chord', 'inches', 'look_of', 'new_picture', 'output_label']

#: More columns than this make a strip, not a picture.
COLUMNS = 8
#: Neato, for once, has nothing to lay out: every place is given, in points.
GRAPH = {
    'layout': 'neato', 'inputscale': '72', 'splines': 'line', 'outputorder': 'edgesfirst', 'tooltip': 'network',
    'fontname': FONT, 'fontsize': '10',
}  # fmt: skip
NODE = {
    'shape': 'circle', 'style': 'filled', 'fixedsize': 'true', 'margin': '0', 'color': NEURON_LINE, 'penwidth': '1.2',
    'fontname': FONT, 'fontsize': '14', 'fontcolor': INK,
}  # fmt: skip


class Text(NamedTuple):
    """Something that is written in the picture."""

    name: str
    x: float
    y: float
    markup: str
    size: float = 10
    colour: str = FAINT


class Layout:
    """The places of a net's inputs x1, neurons f1, and outputs y or y1, and of what is written beside them.

    ``rows`` holds what is drawn of each column, the inputs' first, None for what is
    left out, and ``columns`` the same of the layers; ``starts`` how many neurons are
    before each layer; ``left_out`` how many inputs and neurons are not drawn. ``gap``
    says how far a column is from the next, given the layout and what is drawn of both.
    Neurons are at least ``narrowest`` wide, and else at most ``widest``.
    """

    layers: list[Any]
    left_out: int
    rows: list[list[int | None]]
    columns: list[int | None]
    starts: list[int]
    tallest: int
    diameter: float
    x: float

    def __init__(
        self,
        layers: list[Any],
        limit: int,
        gap: Callable[[Layout, int, int], float],
        widest: float = 56.0,
        reach: float = 62.0,
        narrowest: float = 0.0,
    ) -> None:
        width, count = len(layers[0][0].weights), len(layers[-1])
        self.layers, self.left_out = layers, 0
        self.rows = [_shown(width, limit), *(_shown(len(layer), limit) for layer in layers)]
        self.columns = _shown(len(layers), min(limit, COLUMNS))
        self.starts = [sum(map(len, layers[:k])) for k in range(len(layers) + 1)]
        self.tallest = max(len(self.rows[0]), *(len(self.rows[k + 1]) for k in self.columns if k is not None))
        self.spacing: float = 100 if self.tallest <= 3 else 84 if self.tallest <= 5 else 80 if self.tallest <= 9 else 44
        self.spacing = max(self.spacing, narrowest / 0.76)
        self.diameter = max(narrowest, min(widest, 0.76 * self.spacing))
        self.places: dict[str, tuple[float, float]] = {}
        self.texts: list[Text] = []
        self.x = 0.0
        for i, y in self._column(0, width):
            self.places[f'x{i + 1}'] = self.x, y
        self._caption('inputs', 'input' if width == 1 else 'inputs')
        before = 0
        for k in self.columns:
            if k is None:
                self._skip_columns()
                continue
            self.x += gap(self, len(self.rows[k]), len(self.rows[k + 1])) if k == before else 0
            before = k + 1
            for j, y in self._column(k + 1, len(layers[k])):
                self.places[f'f{self.starts[k] + j + 1}'] = self.x, y
            activation = getattr(layers[k][0].activation, 'name', layers[k][0].activation)
            self._caption(f'g{k + 1}', str(activation))
        self.x += self.diameter / 2 + reach
        for last in self.rows[-1]:
            if last is not None:
                name = 'y' if count == 1 else f'y{last + 1}'
                self.places[name] = self.x, self.places[f'f{self.starts[-2] + last + 1}'][1]
        self._caption('outputs', 'output' if count == 1 else 'outputs')

    @property
    def floor(self) -> float:
        """The height at which the columns' names are written."""
        return -(self.tallest - 1) / 2 * self.spacing - self.diameter / 2 - 26

    @property
    def neurons(self) -> Iterator[tuple[str, Any]]:
        """The neurons that are drawn, by their names."""
        names = (f'f{n}' for n in range(1, self.starts[-1] + 1))
        return ((name, neuron) for name, neuron in zip(names, (n for layer in self.layers for n in layer))
                if name in self.places)  # fmt: skip

    def name_ends(self, input_names: Sequence[str], output_names: Sequence[str], radius: float) -> None:
        """Write names beside the inputs, which are circles, and outputs that are drawn."""
        for node, (x, y) in [*self.places.items()]:
            if node[0] != 'f' and (names := input_names if node[0] == 'x' else output_names):
                below = radius + 9 if node[0] == 'x' else 16
                name = names[int(node[1:] or 1) - 1]
                self.texts.append(Text(f'{node}name', x, y - below, markup(name), 10, INK))

    def _caption(self, name: str, text: str) -> None:
        self.texts.append(Text(name, self.x, self.floor, markup(text)))

    def _column(self, column: int, count: int) -> Iterator[tuple[int, float]]:
        """Pair what is drawn of a column with its height, and note the ellipsis for the rest."""
        row = self.rows[column]
        for place, i in enumerate(row):
            y = ((len(row) - 1) / 2 - place) * self.spacing
            if i is not None:
                yield i, y
            else:
                missing = count - len(row) + 1
                self.left_out += missing
                self.texts.append(Text(f'more{column}', self.x, y, f'⋮<br/>{missing} more', 11))

    def _skip_columns(self) -> None:
        drawn = [k for k in self.columns if k is not None]
        missing = len(self.layers) - len(drawn)
        first = next(a for a, b in pairwise(drawn) if b > a + 1) + 1
        self.left_out += self.starts[first + missing] - self.starts[first]
        self.texts.append(Text('morelayers', self.x + 90, 0, f'⋯<br/>{missing} more layers', 11))
        self.x += 180


def _shown(count: int, limit: int) -> list[int | None]:
    """List what is drawn of a row of things; None stands for those left out.

    >>> _shown(3, 3), _shown(9, 5)
    ([0, 1, 2], [0, 1, None, 7, 8])
    """
    if count <= limit:
        return [*range(count)]
    tail = (limit - 1) // 2
    return [*range(limit - 1 - tail), None, *range(count - tail, count)]


def check_names(what: str, layers: Sequence[Any], limit: int, inputs: Any, outputs: Any) -> tuple[list[str], list[str]]:
    """List names of inputs and outputs; raise ValueError where they do not match a net, or a limit leaves nothing."""
    if whole(f'the limit of {what}', limit, 0) < 3:
        raise ValueError(f'the limit of {what} must be at least 3, not {limit}')
    found = texts('input_names', inputs), texts('output_names', outputs)
    for kind, names, count in zip(('inputs', 'outputs'), found, (len(layers[0][0].weights), len(layers[-1]))):
        if names and len(names) != count:
            raise ValueError(f'the net has {count} {kind}, and there are {len(names)} names of {kind}')
    return found


def new_picture(layout: Layout, **attributes: str) -> Digraph:
    """Make a picture in which nothing is drawn yet."""
    node = NODE | {'width': inches(layout.diameter)}
    picture = Digraph('network', format='svg', engine='neato', graph_attr=GRAPH | attributes, node_attr=node)
    picture.left_out = layout.left_out
    return picture


def look_of(text: Text, *, plate: bool = False, **look: str) -> dict[str, str]:
    """How a text is written, as a node's attributes; on a plate that hides the lines behind it, and a little beside.

    The plate is not transparent: a line that shines through a number reads as its minus.
    """
    ground = {'shape': 'box', 'style': 'filled', 'fillcolor': PAPER, 'penwidth': '0', 'margin': '0.04,0'}
    return {
        'label': f'<<font point-size="{text.size:.3g}" color="{text.colour}">{text.markup}</font>>',
        'pos': f'{text.x:.5g},{text.y:.5g}!', 'fixedsize': 'false', 'width': '0', 'height': '0', 'tooltip': ' ',
        **(ground if plate else {'shape': 'plain', 'style': ''}), **look,
    }  # fmt: skip


def output_label(name: str) -> str:
    """The label of an output, y or y2."""
    return subscript('y', name[1:], 15) if name[1:] else '<i>y</i>'


def chord(diameter: float, beside: float) -> float:
    """How wide a circle is, so far from its middle.

    >>> chord(10, 3)
    8.0
    """
    return math.sqrt(max(0.0, diameter**2 - 4 * beside**2))


def inches(points: float) -> str:
    """A length as Graphviz takes it."""
    return f'{points / 72:.3g}'
