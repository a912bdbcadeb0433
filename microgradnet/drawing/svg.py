"""Rendered pictures, taken apart and cleaned for a page whose script fills in the numbers.

Nothing of the renderer's output reaches the page but the shapes and attributes that
are named here; so no label can bring an element, a link or a script with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..engine.value import Constant, Event, Value
from ..formulas.colours import INK, INPUT, SIGNAL
from .digraph import Digraph, text_width
from .finish import SUNK
from .messages import Film
from .script import Room

__all__ = ['BETWEEN', 'BIAS', 'graph_svg', 'network_svg']

NAMESPACE = '{http://www.w3.org/2000/svg}'
SHAPES = {'g', 'path', 'polygon', 'polyline', 'ellipse', 'text'}
KEPT = {
    'd', 'points', 'x', 'y', 'cx', 'cy', 'rx', 'ry', 'transform', 'text-anchor', 'fill', 'stroke', 'stroke-width',
    'stroke-dasharray', 'stroke-opacity', 'fill-opacity', 'font-size', 'font-weight', 'font-style',
}  # fmt: skip
#: What the page's style says of every picture.
DEFAULTS = {('text-anchor', 'start'), ('fill', INK.lower()), ('fill', 'none'), ('fill', 'transparent')}
LONG_NUMBER = re.compile(r'-?\d+\.\d{2,}')
#: A node that is drawn again where another uses it: the name of that one, and the place among its inputs.
AGAIN = re.compile(r'(v\d+)in(\d+)')
MOVED = re.compile(r'translate\(([-\d.]+)[ ,]+([-\d.]+)\)')
#: The size of a neuron's numbers, how far it must be from the next for both, and what stays free at the picture's edge.
SIZE, BETWEEN, EDGE = 11, 36.0, 4.0
#: How many characters of a bias there is room for in a neuron.
BIAS = 6
#: How large a neuron must be for its numbers to have room above and below it; else they are beside it.
ROOM = 20.0


class _Group:
    """A node or edge of a picture: its name in DOT, its number in order of creation, its shapes."""

    def __init__(self, group: Element) -> None:
        self.element = group
        self.kind = (group.get('class') or '').split()
        self.title = next((child.text or '' for child in group if child.tag == f'{NAMESPACE}title'), '')
        digits = re.search(r'\d+$', group.get('id') or '')
        self.serial = int(digits[0]) if digits else 0
        self.texts = [*group.iter(f'{NAMESPACE}text')]


def graph_svg(picture: Digraph, order: Sequence[Value], events: Sequence[Event]) -> str:
    """Return the picture of ``draw`` as an element of a page, its numbers marked by what they are.

    Boxes have ``data-node``, operations ``data-op``, edges ``data-into`` the node that
    they lead to, and ``data-event``, the place in the log, if a signal travels along them;
    so have the small boxes of nodes that are drawn again, with what they add as ``data-added``.
    """
    place = {node: i for i, node in enumerate(order)}
    event_of = {(id(event.node), event.place): e for e, event in enumerate(events)}
    root, groups = _parse(picture)
    boxes = {f'v{i}': node for i, node in enumerate(order)}
    edges: dict[str, list[_Group]] = {}
    for group in groups:
        node = boxes.get(group.title.removesuffix('op'))
        if 'edge' in group.kind:
            edges.setdefault(group.title, []).append(group)
        elif group.title in boxes and node is not None:
            group.element.set('data-node', str(place[node]))
            if isinstance(node, Constant):
                continue
            texts = group.texts[-4:]  # data, its number, grad, its number
            for text, what in zip(texts[1::2], ('data-value', 'data-signal')):
                text.set(what, str(place[node]))
        elif node is not None:
            group.element.set('data-op', str(place[node]))
        elif again := AGAIN.fullmatch(group.title):
            user, k = boxes[again[1]], int(again[2])
            group.element.set('data-node', str(place[user.inputs[k]]))
            e = event_of.get((id(user), k))
            if e is not None and group.texts and not isinstance(user.inputs[k], Constant):
                group.texts[-1].set('data-added', str(e))
    for name, node in boxes.items():
        for group in edges.get(f'{name}op->{name}', ()):
            group.element.set('data-into', str(place[node]))
        for source in {*node.inputs}:
            places = [k for k, other in enumerate(node.inputs) if other is source]
            copies = [group for k in places for group in edges.get(f'{name}in{k}->{name}op', ())]
            lines = sorted(edges.get(f'v{place[source]}->{name}op', ()), key=lambda group: group.serial)
            for group, k in zip(copies or lines, places):
                group.element.set('data-into', str(place[node]))
                group.element.set('data-from', str(place[source]))
                e = event_of.get((id(node), k))
                if e is not None:
                    group.element.set('data-event', str(e))
                    if group.texts:
                        group.texts[-1].set('data-partial', str(e))
    return _page_element(root, 'The graph of every operation, from its leaves on the left to the result on the right')


def network_svg(picture: Digraph, place: Mapping[Value, int], film: Film, room: Room) -> str:
    """Return the picture of ``draw_network``, with room for outputs and error signals at the neurons.

    The picture was made with ``BETWEEN`` points between its neurons.
    """
    root, groups = _parse(picture)
    weights = ((node, name[2:]) for node, name in film.labels.items() if name.startswith('w_'))
    connections = {name.strip('{}').replace(',', '_'): node for node, name in weights}
    boxes = list[_Box]()
    for group in groups:
        name, nodes = group.title, list[Value]()
        if group.title in film.neurons:
            r, output = film.neurons[name]
            bias = r.inputs[-1]
            nodes = [r, output, bias]
            if len(group.texts) > 2:
                group.texts[-1].set('data-brief', str(place[bias]))
                group.texts[-1].set('data-room', str(BIAS))
            boxes += _numbers_at(group, place[output], room)
        elif re.fullmatch(r'x\d+', name):
            x = film.run.inputs[int(name[1:]) - 1]
            nodes = [x]
            boxes += _numbers_at(group, place[x], room)
        elif re.fullmatch(r'y\d*', name):
            nodes = [film.run.outputs[int(name[1:] or 1) - 1]]
        elif 'connection' in group.kind:
            nodes = [connections[(group.element.get('id') or '')[2:]]]
            group.element.set('data-weight', str(place[nodes[0]]))
        elif name.startswith('w') and name[1:] in connections:
            nodes = [connections[name[1:]]]
            group.element.set('data-weight', str(place[nodes[0]]))
            if len(group.texts) > 2:
                group.texts[-1].set('data-brief', str(place[nodes[0]]))
        if known := [str(place[node]) for node in nodes if node in place]:
            group.element.set('data-node', ' '.join(known))
    left, top, width, height = (float(part) for part in (root.get('viewBox') or '').split())
    moved = MOVED.search(next(root.iter(f'{NAMESPACE}g')).get('transform') or '')
    x0, y0 = (float(part) for part in moved.groups()) if moved else (0.0, 0.0)
    right = max(left + width, *(box.right + x0 + EDGE for box in boxes))
    bottom = max(top + height, *(box.bottom + y0 + EDGE for box in boxes))
    left = min(left, *(box.left + x0 - EDGE for box in boxes))
    top = min(top, *(box.top + y0 - EDGE for box in boxes))
    root.set('viewBox', f'{left} {top} {right - left} {bottom - top}')
    root.set('class', 'dense' * any(box.beside for box in boxes))
    return _page_element(root, 'The network: inputs on the left, neurons in columns, the output on the right')


class _Box(NamedTuple):
    """Where a number may be written, beside a neuron or else above or below it."""

    left: float
    top: float
    right: float
    bottom: float
    beside: bool


def _numbers_at(group: _Group, node: int, room: Room) -> Iterator[_Box]:
    """Add texts for a neuron's error signal, above it, and its output, below it, and yield where they will be.

    Small neurons are too close to each other for that, and have both on their left.
    """
    circle = next(group.element.iter(f'{NAMESPACE}ellipse'))
    x, y, radius = (float(circle.get(name, 0)) for name in ('cx', 'cy', 'ry'))
    beside = radius < ROOM
    # On its left they are out of the way of the arrows, which come back from the right.
    x, above, below = (x - radius - 4, y - 2, y + 10) if beside else (x, y - radius - 5, y + radius + 13)
    anchor = 'end' if beside else 'middle'
    for what, height, colour, characters in (
        ('data-value', below, INPUT.lower(), room.data(node)),
        ('data-signal', above, SIGNAL.lower(), room.signal(node)),
    ):
        look = {'x': f'{x:.1f}', 'y': f'{height:.1f}', 'text-anchor': anchor, 'font-size': f'{SIZE}', 'fill': colour}
        ElementTree.SubElement(group.element, f'{NAMESPACE}text', look | {what: str(node)})
        width = text_width(characters, SIZE)
        left = x - width if beside else x - width / 2
        yield _Box(left, height - SIZE, left + width, height + 0.3 * SIZE, beside)


def _parse(picture: Digraph) -> tuple[Element, list[_Group]]:
    root = ElementTree.fromstring(picture.as_rendered('svg'))
    groups = [_Group(element) for element in root.iter(f'{NAMESPACE}g')]
    return root, [group for group in groups if {'node', 'edge'} & {*group.kind}]


def _page_element(root: Element, label: str) -> str:
    """Write what is known of a picture as an ``svg`` element of an HTML page."""
    left, top, width, height = (float(part) for part in (root.get('viewBox') or '').split())
    look = {'viewBox': f'{left:g} {top:g} {width:g} {height:g}', 'style': f'--width: {width:g}; --height: {height:g}'}
    svg = Element('svg', look | {'role': 'img', 'aria-label': label})
    if root.get('class'):
        svg.set('class', str(root.get('class')))
    svg.extend(_cleaned(child) for child in _shapes(root))
    background = svg.find('./g/polygon')
    if background is not None:
        svg[0].remove(background)
    return ElementTree.tostring(svg, encoding='unicode', short_empty_elements=True)


def _shapes(parent: Element) -> Iterator[Element]:
    """Yield the shapes below an element; links, and groups around them, give way to what they hold."""
    for child in parent:
        tag = child.tag.removeprefix(NAMESPACE)
        if tag == 'a' or (tag == 'g' and not child.get('class')):
            yield from _shapes(child)
        elif tag in SHAPES:
            yield child


def _cleaned(element: Element) -> Element:
    """Copy an element with the attributes that are known."""
    look = {name: LONG_NUMBER.sub(lambda match: f'{float(match[0]):.1f}', value)
            for name, value in element.attrib.items()
            if (name in KEPT or name.startswith('data-')) and (name, value) not in DEFAULTS}  # fmt: skip
    if element.get('baseline-shift') == 'sub':  # which not every browser knows
        look['y'] = f'{float(look["y"]) + SUNK * float(look["font-size"]):.1f}'
    kind = [word for word in (element.get('class') or '').split() if word in CLASSES]
    copy = Element(element.tag.removeprefix(NAMESPACE), look | ({'class': ' '.join(kind)} if kind else {}))
    copy.text = element.text if copy.tag == 'text' else None
    before = re.match(r'\s*', element.text or '')
    if before and before[0] and copy.tag == 'text':
        copy.set('data-before', before[0])
    copy.extend(_cleaned(child) for child in _shapes(element))
    return copy


CLASSES = {'node', 'edge', 'connection', 'positive', 'negative', 'neither', 'neuron', 'input', 'output'}
