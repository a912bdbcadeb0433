"""Where texts, lines and shapes are in an SVG, as far as tests of pictures need it.

Widths are those of Helvetica and Arial, which the pictures ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

__all__ = ['Box', 'boxes', 'crosses', 'line_of', 'size_of', 'view', 'width_of']

WIDTHS = [('.,:;iljI|′ ', 0.278), ('-()ftr', 0.333), ('−+=<>', 0.584), ('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', 0.36)]
NARROW = {sign: width for signs, width in WIDTHS for sign in signs}
Point = tuple[float, float]


class Box(NamedTuple):
    """What a text covers, its digits at least, and what it says."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    def overlaps(self, other: Box) -> bool:
        return (self.left < other.right and other.left < self.right
                and self.top < other.bottom and other.top < self.bottom)  # fmt: skip

    def inside(self, other: Box) -> bool:
        return (other.left <= self.left and self.right <= other.right
                and other.top <= self.top and self.bottom <= other.bottom)  # fmt: skip


def width_of(text: str, size: float) -> float:
    return sum(size * NARROW.get(sign, 0.556) for sign in text.replace('-', '−'))


def size_of(text: Element) -> float:
    return float(text.get('font-size') or 14)


def boxes(root: Element, texts: Sequence[Element] | None = None, words: Sequence[str] | None = None) -> list[Box]:
    """The boxes of an SVG's texts, or of some of them, or what they would be with other words in them."""
    found = []
    texts = [e for e in root.iter() if e.tag.endswith('text')] if texts is None else texts
    for text, said in zip(texts, words or [''.join(text.itertext()) for text in texts], strict=True):
        x, y, size = float(text.get('x') or 0), float(text.get('y') or 0), size_of(text)
        width = width_of(said.strip(), size)
        left = x - {'end': width, 'middle': width / 2}.get(text.get('text-anchor') or '', 0)
        found.append(Box(left, y - 0.73 * size, left + width, y + 0.02 * size, said))
    return found


def view(root: Element) -> Box:
    """What is seen of an SVG, in the numbers of what is in its group, which is moved."""
    left, top, width, height = (float(part) for part in (root.get('viewBox') or '').split())
    group = next(e for e in root.iter() if e.tag.endswith('g') and 'translate' in (e.get('transform') or ''))
    moved = re.findall(r'translate\(([-\d.]+)[ ,]+([-\d.]+)\)', group.get('transform') or '')
    x, y = (float(part) for part in moved[0])
    return Box(left - x, top - y, left + width - x, top + height - y, '')


def line_of(path: Element) -> list[Point]:
    """The points of a path, which tell where it is if it is straight, and nearly where if it is not."""
    numbers = [float(part) for part in re.findall(r'-?[\d.]+(?:e-?\d+)?', path.get('d') or '')]
    return [*zip(numbers[::2], numbers[1::2])]


def crosses(points: Sequence[Point], box: Box, width: float) -> bool:
    """Does a line of a width go through a box?"""
    return any(
        box.left - width / 2 < x < box.right + width / 2 and box.top - width / 2 < y < box.bottom + width / 2
        for start, end in pairwise(points)
        for x, y in _along(start, end)
    )


def _along(start: Point, end: Point) -> Iterator[Point]:
    for k in range(101):
        yield start[0] + (end[0] - start[0]) * k / 100, start[1] + (end[1] - start[1]) * k / 100
