"""How far colours are apart, for readers of any sight: contrast by WCAG 2, difference in Oklab, colour-blindness.

The matrices of colour-blindness are Machado, Oliveira and Fernandes' (2009), at full severity.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import dist

__all__ = ['SIGHTS', 'contrast', 'difference']

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

#: What each kind of sight makes of light, red, green and blue.
SIGHTS: dict[str, Matrix] = {
    'of all colours': ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    'without red': (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    'without green': (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    'without blue': (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
CONES: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OKLAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def light_of(colour: str) -> Triple:
    """The light of a colour like #1f2933: red, green and blue, from 0 to 1."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(c: float) -> float:
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def _times(matrix: Matrix, vector: Sequence[float]) -> Triple:
    a, b, c = (sum(m * x for m, x in zip(row, vector)) for row in matrix)
    return a, b, c


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, from 1 to 21."""
    light, dark = sorted((_times(((0.2126, 0.7152, 0.0722),) * 3, light_of(c))[0] for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def difference(one: str, other: str, sight: str) -> float:
    """The distance of two colours in Oklab, in which black and white are 1 apart, as a kind of sight sees them."""
    places = []
    for colour in (one, other):
        seen = [min(max(part, 0.0), 1.0) for part in _times(SIGHTS[sight], light_of(colour))]
        places.append(_times(OKLAB, [cone ** (1 / 3) for cone in _times(CONES, seen)]))
    return dist(*places)
