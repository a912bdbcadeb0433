"""Rendered pictures, taken apart and cleaned for a page whose script fills in the numbers.

Nothing of the renderer's output reaches the page but the shapes and attributes that
are named here; so no label can bring an element, a link or a script with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..engine.value import Constant, Event, Value
from ..formulas.colours import INK
from .digraph import Digraph
from .finish import SUNK

__all__ = ['graph_svg']

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


def _parse(picture: Digraph) -> tuple[Element, list[_Group]]:
    root = ElementTree.fromstring(picture.as_rendered('svg'))
    groups = [_Group(element) for element in root.iter(f'{NAMESPACE}g')]
    return root, [group for group in groups if {'node', 'edge'} & {*group.kind}]


def _page_element(root: Element, label: str) -> str:
    """Write what is known of a picture as an ``svg`` element of an HTML page."""
    left, top, width, height = (float(part) for part in (root.get('viewBox') or '').split())
    look = {'viewBox': f'{left:g} {top:g} {width:g} {height:g}', 'style': f'--width: {width:g}; --height: {height:g}'}
    svg = Element('svg', look | {'role': 'img', 'aria-label': label})
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


CLASSES = {'node', 'edge'}
