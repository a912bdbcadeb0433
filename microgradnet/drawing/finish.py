"""What a renderer's SVG still wants: indices that every browser lowers, and a dark page's colours.

A picture is rendered once, in the colours of a light page; the style within it follows the
reader's choice wherever the SVG is shown, in an ``<img>`` too. PNG and PDF have no style, and
stay light.

>>> follows_the_page('<svg><path stroke="#1f2933"/><path fill="teal"/></svg>')  # doctest: +ELLIPSIS
'<svg id="mg..."><style>...[stroke="#1f2933"]{stroke:#e4e8ec} }</style><path stroke="#1f2933"/>...
"""

from __future__ import annotations

import hashlib
import re

from ..formulas.colours import INK, PALETTE, WRITTEN, repainted

__all__ = ['SUNK', 'dark_rules', 'follows_the_page', 'lowered', 'name_of']

#: How far an index is below its line, by its size.
SUNK = 0.3

PAINT = re.compile(r' (fill|stroke)="([^"]+)"')
INDEX = re.compile(r'(<text\b[^>]*? y=")([-\d.]+)("[^>]*?) baseline-shift="sub"([^>]*? font-size="([\d.]+)")')
#: The first tag of a picture, after what XML has before it.
ROOT = re.compile(r'<svg\b[^>]*>')


def follows_the_page(svg: str) -> str:
    """Put style into an SVG that has none; one without a colour of the palette stays as it is."""
    root = ROOT.search(svg)
    if root is None or not any(colour in WRITTEN for _, colour in {*PAINT.findall(svg)}):
        return svg
    name = name_of('mg', svg)
    opened = f'<svg id="{name}"{root[0][4:]}<style>{" ".join(dark_rules("#" + name, svg))}</style>'
    return svg[: root.start()] + opened + svg[root.end() :]


def lowered(svg: str) -> str:
    """Lower indices by where they are: not every browser knows of a shift of the base line.

    >>> lowered('<text x="1" y="-5" baseline-shift="sub" font-size="10.00">')
    '<text x="1" y="-2.00" font-size="10.00">'
    """
    return INDEX.sub(lambda m: f'{m[1]}{float(m[2]) + SUNK * float(m[5]):.2f}{m[3]}{m[4]}', svg)


def name_of(kind: str, svg: str) -> str:
    """Name a picture by what is in it, so that its style is that of no other picture of the page."""
    return kind + hashlib.sha256(svg.encode()).hexdigest()[:8]


def dark_rules(scope: str, svg: str) -> list[str]:
    """Write the rules for the colours that occur in a picture, whose element a selector names."""
    rules = repainted(scope, sorted({*PAINT.findall(svg)}), lambda name: PALETTE[name].dark.lower())
    # What has no colour is black, as what users add to a picture may be.
    plain = f'{scope} text:not([fill]) {{ fill: {INK.dark.lower()} }}'
    page = '@media (prefers-color-scheme: dark)'
    return [f'{scope}:root {{ color-scheme: light dark }}', f'{page} {{ {plain} {rules} }}']
