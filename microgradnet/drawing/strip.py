"""Large graphs laid out in one pass: a place for each part in its column, straight lines between.

Graphviz's own layout takes the longer the larger a graph is, by its square and worse. Here every
part is in the column before that of what it leads to, beside the middle of it; lines run through
the gaps between columns only, first level, below their labels, then slanting to their ends, so
that none goes through a box or a number. Graphviz is left to draw them.

``Strip``  takes parts as a ``Digraph`` does, and adds them to one at their places
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from graphviz.quoting import quote  # type: ignore[import-untyped, unused-ignore]

from .digraph import Digraph, text_width

__all__ = ['LINES', 'Strip']

TAG, ROOM = re.compile('<[^>]*>'), re.compile(' width="(\\d+)"')
#: The distance between columns where a line has room for a label and where it has none, and between parts in a column.
WIDE, NARROW, BETWEEN = 90.0, 16.0, 10.0
#: How many lines may leave a box, and how far they are apart, for their labels.
LINES, APART = 3, 13.0
FIXED = {'fixedsize': 'true'}
#: The attributes that hold what users wrote.
FREE = {'tooltip', 'labeltooltip'}


class Strip:
    """The parts of a large picture, kept until all are known."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []

    def node(self, name: str, label: str | None = None, **look: str) -> None:
        """Take a node, as ``Digraph`` does."""
        self.nodes[name] = look if label is None else {'label': label} | look

    def edge(self, tail: str, head: str, label: str | None = None, **look: str) -> None:
        """Take an edge, as ``Digraph`` does; in all of them together there is no cycle."""
        self.edges.append((tail, head, look if label is None else {'label': label} | look))

    def place(self, picture: Digraph) -> None:
        """Add all parts to a picture, at their places."""
        heads: dict[str, list[str]] = {name: [] for name in self.nodes}
        for tail, head, _ in self.edges:
            heads[tail].append(head)
        columns = _columns(heads)
        sizes = {name: _size(look) for name, look in self.nodes.items()}
        x = self._across(columns, sizes)
        y = _down(heads, columns, sizes)
        picture.graph_attr.update({'layout': 'nop2', 'splines': 'line'})
        for name, look in self.nodes.items():
            width, height = sizes[name]
            # Parts that lead to something end where lines begin.
            at = x[columns[name]] - (width / 2 if heads[name] else 0.0)
            place = {'pos': f'{at:.2f},{y[name]:.2f}', 'width': f'{width / 72:.4f}', 'height': f'{height / 72:.4f}'}
            picture.body.append(f'\t{name} [{_attributes(look | place | FIXED)}]\n')
        leaving: dict[str, int] = {}
        for tail, head, look in self.edges:
            k = leaving[tail] = leaving.get(tail, -1) + 1
            start = x[columns[tail]], y[tail] + (k - (len(heads[tail]) - 1) / 2) * min(APART, sizes[tail][1] / LINES)
            end = x[columns[head]] - sizes[head][0] / (1 if heads[head] else 2), y[head]
            picture.body.append(f'\t{tail} -> {head} [{_attributes(look | _line(start, end, "label" in look))}]\n')

    @staticmethod
    def _across(columns: Mapping[str, int], sizes: Mapping[str, tuple[float, float]]) -> list[float]:
        """Where each column ends; the last ones' middles, at a distance that their halves fit in, too."""
        widths = [0.0] * (max(columns.values()) + 1)
        for name, column in columns.items():
            widths[column] = max(widths[column], sizes[name][0])
        ends, end = [], 0.0
        for column, width in enumerate(widths):
            end += width + (NARROW if column % 2 == 0 else WIDE)
            ends.append(end)
        return ends


def _attributes(look: Mapping[str, str]) -> str:
    """Write attributes as ``Digraph`` does, which takes half of the time; but for tooltips all are ours, or markup."""
    parts = []
    for name, value in look.items():
        if name in FREE:
            value = quote(value)
        elif name != 'label':
            value = f'"{value}"'
        parts.append(f'{name}={value}')
    return ' '.join(parts)


def _columns(heads: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The column of each part: before that of the first part that it leads to; boxes are in even ones."""
    after: dict[str, int] = {}
    stack = [*heads]
    while stack:
        name = stack[-1]
        missing = [head for head in heads[name] if head not in after]
        if name in after or not missing:
            stack.pop()
            after.setdefault(name, 1 + max((after[head] for head in heads[name]), default=-1))
        else:
            stack += missing
    last = max(after.values())
    last += last % 2
    return {name: last - column for name, column in after.items()}


def _down(
    heads: Mapping[str, Sequence[str]], columns: Mapping[str, int], sizes: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """The height of each part: near the middle of what it leads to, clear of the others in its column."""
    rows: list[list[str]] = [[] for _ in range(max(columns.values()) + 1)]
    for name in heads:
        rows[columns[name]].append(name)
    y: dict[str, float] = {}
    for names in reversed(rows):
        wanted = {name: sum(y[head] for head in heads[name]) / len(heads[name]) if heads[name] else 0.0
                  for name in names}  # fmt: skip
        names.sort(key=lambda name: -wanted[name])
        y.update(_spread(names, wanted, [sizes[name][1] + BETWEEN for name in names]))
    return y


def _spread(names: Sequence[str], wanted: Mapping[str, float], heights: Sequence[float]) -> dict[str, float]:
    """Heights, from the top down, as near as can be to the wanted ones: neighbours that push each other move as one."""
    groups: list[tuple[float, float, int]] = []  # where a group's first part is, what all want in sum, their count
    offset, offsets = 0.0, []
    for k, (name, height) in enumerate(zip(names, heights)):
        offset += (heights[k - 1] + height) / 2 if k else 0.0
        offsets.append(offset)
        total, count = wanted[name] + offset, 1
        while groups and groups[-1][0] < total / count:
            _, more, others = groups.pop()
            total, count = total + more, count + others
        groups.append((total / count, total, count))
    tops = [top for top, _, count in groups for _ in range(count)]
    return {name: top - offset for name, top, offset in zip(names, tops, offsets)}


def _size(look: Mapping[str, str]) -> tuple[float, float]:
    """How large a part is, by its text."""
    if 'width' in look:
        side = 72 * float(look['width'])
        return side, side
    rows = look.get('label', '')[1:-1].split('</tr>')
    characters = max(len(TAG.sub('', row)) for row in rows)
    room = max((float(width) + 34 for width in ROOM.findall(look.get('label', ''))), default=0.0)
    return max(text_width(characters, 11), room) + 14, 15.0 * max(1, len(rows) - 1) + 8


def _line(start: tuple[float, float], end: tuple[float, float], has_label: bool) -> dict[str, str]:
    """The way of an edge, with an arrow at its end: level for as long as its label is, if it has one."""
    (x0, y0), (x2, y2) = start, end
    x1 = x0 + (0.62 * (x2 - x0) if has_label else 0.0)
    x3 = x2 - 5  # where the arrow begins
    thirds = [(x1 + (x3 - x1) * k / 3, y0 + (y2 - y0) * k / 3) for k in (1, 2, 3)]
    way = [(x0, y0), *([((2 * x0 + x1) / 3, y0), ((x0 + 2 * x1) / 3, y0), (x1, y0)] if has_label else []), *thirds]
    look = {'pos': f'e,{x2:.2f},{y2:.2f} ' + ' '.join(f'{x:.2f},{y:.2f}' for x, y in way)}
    return look | ({'lp': f'{(x0 + x1) / 2:.2f},{y0 + 6.5:.2f}'} if has_label else {})
