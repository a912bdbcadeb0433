"""Points at which engines go wrong: programs of one operation, what they should print, and why.

The rules are the project's: the derivative where there is one; at a kink the subgradient
of smallest magnitude; else the limit; nan where nan went in. ``backward`` never raises.
"""

from __future__ import annotations

from math import exp, inf, nan
from typing import NamedTuple

from ..engines import Spelling, by_method
from ..program import Form

__all__ = ['EDGES', 'LEGAL', 'Edge']


class Edge(NamedTuple):
    """An operation at a point; ``wanted`` is its value and derivatives, None for an error.

    ``legal`` are the least and the largest derivative that the calculus allows there: another
    one between them is a convention. A point ``inside`` the domain, of a number of moderate
    size, is no edge but one that is forgotten: what is wrong there is wrong.
    """

    form: Form
    number: str
    points: tuple[str, ...]
    wanted: tuple[float, ...] | None
    why: str
    legal: tuple[float, float] | None = None
    inside: bool = False

    @property
    def title(self) -> str:
        """Name it in a few words: ``x ** 0 at 0.0``."""
        return f'{self.written()} at {", ".join(self.points)}'

    def written(self, spelled: Spelling = by_method) -> str:
        """Write the operation over x and w."""
        name, kinds = self.form
        operands = [self.number if kind == 'c' else x for kind, x in zip(kinds, 'xw')]
        return (spelled(name) or by_method(name)).format(*operands)

    @property
    def leaves(self) -> dict[str, float]:
        """The point, by names; a whole number as one."""
        return {x: int(p) if p.isdigit() else float(p) for x, p in zip('xw', self.points)}


E40 = exp(-40)  # e^(-2x) of tanh at 20, and e^(-x) of the sigmoid at 40
RAISES = 'Where the slope is infinite, backward should say inf; raising loses the whole gradient.'
LOST = 'The rule subtracts two nearly equal numbers, so all digits of a small slope are lost.'
OVERFLOWS = 'The result and its derivative are ordinary numbers; an intermediate one is not.'
HIDDEN = 'A comparison with nan is False: it must not hide the nan that came in.'
FLAT = 'A power above 1 is flat at 0, by its exponent, too.'
KINK = 'At a kink any slope between those of its two sides is legal; this is none.'
#: What is said of a slope that is legal, by the least and the largest.
LEGAL = 'Any slope from {:g} to {:g} is a subgradient at the kink; this project has the smallest.'

EDGES: tuple[Edge, ...] = (
    Edge(('pow', 'vc'), '0', ('0.0',), (1.0, 0.0), 'x ** 0 is 1 everywhere, so its derivative is 0 everywhere.'),
    Edge(('pow', 'vc'), '1', ('0.0',), (0.0, 1.0), 'x ** 1 is x, so its derivative is 1 everywhere.', inside=True),
    Edge(('pow', 'vc'), '2', ('0.0',), (0.0, 0.0), 'The slope of the parabola at its foot is 0.', inside=True),
    Edge(('pow', 'vc'), '0.5', ('0.0',), (0.0, inf), RAISES),
    Edge(('pow', 'vc'), '0.5', ('-1.0',), None, 'There is no real root; a complex number goes on in silence.'),
    Edge(('pow', 'vc'), '-1', ('2',), (0.5, -0.25), 'Whole numbers are data, too.', inside=True),
    Edge(('div', 'vc'), '2', ('3',), (1.5, 0.5), 'Whole numbers are data, too.', inside=True),
    Edge(('pow', 'vc'), '2.5', ('0.0',), (0.0, 0.0), FLAT),
    Edge(('pow', 'vv'), '', ('0.0', '2.0'), (0.0, 0.0, 0.0), FLAT),
    Edge(('div', 'vv'), '', ('1e200', '1e200'), (1.0, 1e-200, -1e-200), OVERFLOWS),
    Edge(('div', 'vv'), '', ('1e-200', '1e-200'), (1.0, 1e200, -1e200), OVERFLOWS),
    Edge(('relu', 'v'), '', ('nan',), (nan, nan), HIDDEN),
    Edge(('relu', 'v'), '', ('0.0',), (0.0, 0.0), KINK, legal=(0.0, 1.0)),
    Edge(('abs', 'v'), '', ('nan',), (nan, nan), HIDDEN),
    Edge(('abs', 'v'), '', ('0.0',), (0.0, 0.0), KINK, legal=(-1.0, 1.0)),
    Edge(('sqrt', 'v'), '', ('0.0',), (0.0, inf), RAISES),
    Edge(('tanh', 'v'), '', ('1000.0',), (1.0, 0.0), OVERFLOWS),
    Edge(('tanh', 'v'), '', ('20.0',), (1.0, 4 * E40 / (1 + E40) ** 2), LOST),
    Edge(('sigmoid', 'v'), '', ('-1000.0',), (0.0, 0.0), OVERFLOWS),
    Edge(('sigmoid', 'v'), '', ('1000.0',), (1.0, 0.0), OVERFLOWS),
    Edge(('sigmoid', 'v'), '', ('40.0',), (1.0, E40 / (1 + E40) ** 2), LOST),
)
