"""Pictures that follow each other, as one SVG with style but no script, or as a GIF.

Whatever is in any of the pictures is in the SVG once; style shows each part from its
start until its stop. Where nothing moves, what stays until the end is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from .._extras import needed
from .digraph import FIT, FONT, Digraph
from .finish import SUNK, dark_rules, name_of

__all__ = ['ARRIVAL', 'Part', 'animated_gif', 'animated_svg']

SVG, LINK = '{http://www.w3.org/2000/svg}', '{http://www.w3.org/1999/xlink}'
SPACE = '{http://www.w3.org/XML/1998/namespace}space'
#: When, in a picture that lasts from 0 to 1, a message arrives.
ARRIVAL = 0.4
#: Graphviz slows down with the square of what it draws at once.
BATCH = 250
#: How many times as long as the others the last picture is shown.
LAST = 2


class Part(NamedTuple):
    """A node, or an edge between two, that is in the pictures from ``start`` until ``stop``, which are times."""

    start: float
    stop: float
    names: tuple[str, ...]
    look: dict[str, str]

    def add(self, picture: Digraph, *names: str, **look: str) -> None:
        """Add it to a picture, under other names if they are given."""
        (picture.node if len(self.names) == 1 else picture.edge)(*(names or self.names), **(self.look | look))


def animated_svg(parts: Sequence[Part], titles: Sequence[str], ground: Digraph, seconds: float) -> str:
    """Draw parts in a picture that is empty so far, and let them come and go; a picture lasts so many seconds."""
    times = sorted({(part.start, part.stop) for part in parts})
    root, graph = None, None
    for first in range(0, len(parts), BATCH):
        rendered = _rendered(parts, range(first, min(first + BATCH, len(parts))), ground)
        groups = {group.get('id'): group for group in rendered.iter(f'{SVG}g')}
        if root is None or graph is None:
            root, graph = rendered, next(rendered.iter(f'{SVG}g'))
            for child in [*graph]:
                if (child.get('id') or '').startswith('part'):
                    graph.remove(child)
            _plain(graph)
        for i in range(first, min(first + BATCH, len(parts))):
            group, kind = _plain(groups[f'part{i}']), parts[i].look.get('class', '')
            group.set('class', f'{kind} t{times.index((parts[i].start, parts[i].stop))}'.strip())
            graph.append(group)
            for path in group.iter(f'{SVG}path') if kind == 'message' else ():
                path.set('pathLength', '1')
    assert root is not None
    _join_lines(root)
    for element in root.iter():
        element.attrib.pop('id', None)
        if element.get('font-family') == FONT:
            del element.attrib['font-family']
    root.set('font-family', FONT)
    ElementTree.register_namespace('', SVG[1:-1])  # before it is written: the name is of what is written
    svg = ElementTree.tostring(root, encoding='unicode')
    name = name_of('signal', svg)
    for tag, text in [
        ('style', '\n'.join([*_style(f'#{name}', parts, times, len(titles), seconds), *dark_rules(f'#{name}', svg)])),
        ('desc', '; '.join(f'{k}. {title}' for k, title in enumerate(titles, 1))),
        ('title', 'The error signal, step by step'),
    ]:
        element = Element(f'{SVG}{tag}')
        element.text = text
        root.insert(0, element)
    root.attrib.update({'id': name, 'role': 'img', 'style': FIT})
    return ElementTree.tostring(root, encoding='unicode') + '\n'


def _rendered(parts: Sequence[Part], batch: range, ground: Digraph) -> Element:
    """Render a batch of the parts; what is there at the first moment is there, if unseen, in every batch.

    Each state of a node is a node. Edges between the same two would be bent, so each
    kind of them is between nodes of its own, which are not seen either.
    """
    picture = ground.copy()
    for i, part in enumerate(parts):
        if len(part.names) == 1 and part.start == 0:
            for kind in ('line', 'message', 'trail'):
                look = {} if part.look.get('fixedsize') == 'false' else {'label': ''}
                picture.node(f'{part.names[0]} {kind}', **(part.look | {'style': 'invis', 'id': ''} | look))
        if i in batch:
            kind = part.look.get('class', '') if len(part.names) == 2 else str(i)
            part.add(picture, *(f'{name} {kind}' for name in part.names), id=f'part{i}')
    return ElementTree.fromstring(picture.as_rendered('svg'))


def _plain(group: Element) -> Element:
    """Put a tooltip where SVG has it, in place of Graphviz's link and of the name in DOT."""
    tooltip = ''
    for child in [*group]:
        if child.tag == f'{SVG}title':
            group.remove(child)
    for inner in [*group]:
        for link in inner.iter(f'{SVG}a'):
            tooltip = tooltip or (link.get(f'{LINK}title') or '').strip()
            group.extend([*link])
            group.remove(inner)
    if tooltip:
        title = Element(f'{SVG}title')
        title.text = tooltip
        group.insert(0, title)
    return group


def _join_lines(root: Element) -> None:
    """Join the texts of each line, and centre it in its shape if it has one.

    Graphviz puts texts side by side by the widths of its own font, not of the reader's.
    """
    for group in root.iter(f'{SVG}g'):
        line, middle, lower = None, _middle(group), 0.0
        for text in group.findall(f'{SVG}text'):
            place = {name: text.attrib.pop(name, '') for name in ('x', 'y', 'text-anchor', SPACE)}
            if line is None or line.get('y') != place['y']:
                line = Element(f'{SVG}text', place | ({'x': middle, 'text-anchor': 'middle'} if middle else {}))
                group.append(line)
                lower = 0.0
            index = text.attrib.pop('baseline-shift', '') == 'sub'  # which not every browser knows
            before, lower = lower, SUNK * float(text.get('font-size', 0)) * index
            if lower != before:
                text.set('dy', f'{lower - before:.3g}')
            group.remove(text)
            text.tag, text.tail = f'{SVG}tspan', None
            line.append(text)


def _middle(group: Element) -> str:
    """The middle of the ellipse or polygon in a group, empty if there is none."""
    ellipse, polygon = group.find(f'{SVG}ellipse'), group.find(f'{SVG}polygon')
    if ellipse is not None:
        return ellipse.get('cx', '')
    xs = [float(point.split(',')[0]) for point in polygon.get('points', '').split()] if polygon is not None else []
    return f'{(min(xs) + max(xs)) / 2:.5g}' if xs else ''


def _style(
    name: str, parts: Sequence[Part], times: list[tuple[float, float]], count: int, seconds: float
) -> Iterator[str]:
    """The rules: what is seen when, and how an arrow grows until its message arrives."""
    whole = count - 1 + LAST
    prefix, end = name[1:], max(part.stop for part in parts)

    def percent(time: float) -> str:
        return f'{100 * (time if time < count else whole) / whole:.4g}%'

    growing = {part.start for part in parts if part.look.get('class') == 'message'}
    yield f'{name} g {{ animation: none {whole * seconds:.4g}s step-end infinite }}'
    yield f'{name} .message polygon {{ animation: none {whole * seconds:.4g}s step-end infinite }}'
    yield f'{name} .message path {{ stroke-dasharray: 1; animation: none {whole * seconds:.4g}s linear infinite }}'
    for i, (start, stop) in enumerate(times):
        if start == 0 and stop == end:
            continue
        marks = [f'0% {{ visibility: {"hidden" if start else "visible"} }}']
        if start:
            marks.append(f'{percent(start)} {{ visibility: visible }}')
        if stop < end:
            marks.append(f'{percent(stop)} {{ visibility: hidden }}')
            yield f'{name} .t{i} {{ visibility: hidden }}'
        yield f'{name} .t{i} {{ animation-name: {prefix}-{i} }}'
        yield f'@keyframes {prefix}-{i} {{ {" ".join(marks)} }}'
        if start in growing:
            yield f'{name} .message.t{i} path {{ animation-name: {prefix}-grow{i} }}'
            grown = f'{percent(start)} {{ stroke-dashoffset: 1 }} {percent(start + ARRIVAL)}'
            yield f'@keyframes {prefix}-grow{i} {{ 0%, {grown}, to {{ stroke-dashoffset: 0 }} }}'
            yield f'{name} .message.t{i} polygon {{ animation-name: {prefix}-head{i} }}'
            yield f'@keyframes {prefix}-head{i} {{ 0% {{ opacity: 0 }} {percent(start + ARRIVAL)} {{ opacity: 1 }} }}'
    yield f'{name}:hover * {{ animation-play-state: paused !important }}'
    yield f'@media (prefers-reduced-motion: reduce) {{ {name} * {{ animation: none !important }} }}'


def animated_gif(frames: Sequence[Digraph], seconds: float) -> bytes:
    """Render pictures, and join them to a GIF that starts again and again."""
    Image = needed('PIL.Image', 'a GIF', instead='save an SVG, which moves without it')
    images = [Image.open(BytesIO(frame.pipe('png'))).convert('RGB') for frame in frames]
    size = max(image.width for image in images), max(image.height for image in images)
    pages = []
    for image in images:
        page = Image.new('RGB', size, 'white')
        page.paste(image, (0, 0))
        pages.append(page.quantize(64))
    output = BytesIO()
    durations = [round(1000 * seconds)] * (len(pages) - 1) + [round(1000 * LAST * seconds)]
    pages[0].save(output, 'GIF', save_all=True, append_images=pages[1:], duration=durations, loop=0, disposal=1)
    return output.getvalue()
