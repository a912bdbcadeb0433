"""Programs of whole numbers printed as C99, for processors without floating point: no C library, and no division.

Numbers are kept in 8 or 16 bits and computed with in 32. What is not plain arithmetic is an ``apply`` of one of the
functions here: each knows what it does to a whole number, and prints itself.

>>> half = Narrow(1, -128, 127)
>>> [half(x) for x in (3, -3, 1000)]
[2, -1, 127]
>>> print(half.text('net_round1'))
static int32_t net_round1(int32_t x)
{
    x = (x + 1) >> 1;
    return x < -128 ? -128 : x > 127 ? 127 : x;
}
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

from .c import C
from .infix import TIGHT

__all__ = ['Applied', 'Fixed', 'Fixed8', 'Lookup', 'Narrow']


@dataclass(frozen=True)
class Narrow:
    """A whole number times 2 ** -shift, rounded to the nearest, halves upwards, and kept within bounds."""

    kind: ClassVar[str] = 'round'
    shift: int
    low: int
    high: int

    def __call__(self, x: int) -> int:
        return max(self.low, min(self.high, _rounded(x, self.shift)))

    def text(self, name: str) -> str:
        """Print the function; of a shift to the left, what would not fit is cut off before."""
        if self.shift >= 0:
            shifted = f'x = (x + {1 << self.shift >> 1}) >> {self.shift};' if self.shift else ''
        else:
            low, high = self.low >> -self.shift, self.high >> -self.shift
            shifted = f'x = (x < {low} ? {low} : x > {high} ? {high} : x) * {1 << -self.shift};'
        body = f'    return x < {self.low} ? {self.low} : x > {self.high} ? {self.high} : x;\n'
        return f'static int32_t {name}(int32_t x)\n{{\n' + (f'    {shifted}\n' if shifted else '') + body + '}'


@dataclass(frozen=True)
class Lookup:
    """A function between nodes of a table, 2 ** step apart, the first at ``start``; the ends go on straight."""

    kind: ClassVar[str] = 'table'
    nodes: tuple[int, ...]
    start: int
    step: int
    low: int
    high: int

    def __call__(self, x: int) -> int:
        k = max(0, min(len(self.nodes) - 2, (x - self.start) >> self.step))
        rise = (self.nodes[k + 1] - self.nodes[k]) * (x - self.start - (k << self.step))
        return max(self.low, min(self.high, self.nodes[k] + _rounded(rise, self.step)))

    def every(self) -> list[int]:
        """List its values of all numbers of 16 bits, from the least on."""
        half, last, found = 1 << self.step >> 1, len(self.nodes) - 2, []
        for k, (a, b) in enumerate(pairwise(self.nodes)):
            at = self.start + (k << self.step)
            first = at if k else -(1 << 15)
            end = at + (1 << self.step) if k < last else 1 << 15
            found += [a + (((b - a) * t + half) >> self.step) for t in range(first - at, end - at)]
        low, high = self.low, self.high
        return [low if y < low else high if y > high else y for y in found]

    @property
    def fits(self) -> bool:
        """Whether all that is computed on the way has room in 32 bits, for any number of 16."""
        rises = [abs(b - a) for a, b in pairwise(self.nodes)]
        last = self.start + ((len(rises) - 1) << self.step)
        ends = max(rises[0] * (self.start + (1 << 15)), rises[-1] * ((1 << 15) - last))
        return max(max(rises) << self.step, ends) < 1 << 30

    def text(self, name: str) -> str:
        kind = 'int16_t' if max(map(abs, self.nodes)) < 1 << 15 else 'int32_t'
        half = f' + {1 << self.step >> 1}' if self.step else ''
        return f"""static int32_t {name}(int32_t x)
{{
    static const {kind} nodes[{len(self.nodes)}] = {{{', '.join(map(str, self.nodes))}}};
    int32_t k = (x - ({self.start})) >> {self.step}, y;
    k = k < 0 ? 0 : k > {len(self.nodes) - 2} ? {len(self.nodes) - 2} : k;
    y = (int32_t)nodes[k + 1] - nodes[k];
    y = nodes[k] + ((y * (x - ({self.start}) - k * {1 << self.step}){half}) >> {self.step});
    return y < {self.low} ? {self.low} : y > {self.high} ? {self.high} : y;
}}"""


Applied: TypeAlias = Narrow | Lookup


class Fixed(C):
    """Prints a routine of whole numbers: those in arrays have 16 bits, all others 32."""

    stored, real = 'int16_t', 'int32_t'
    header = '#include <stdint.h>'
    whole, least = True, 'INT32_MIN'

    def spell_number(self, number: float) -> tuple[str, int]:
        return str(int(number)), TIGHT if number >= 0 else 4

    def spell(self, name: str, operands: tuple[Any, ...]) -> tuple[str, int]:
        """Print an instruction; products and differences are of 32 bits wherever ``int`` has 16."""
        if name == 'apply':
            register, applied = operands
            function = self.loops.name(f'{self.name}_{applied.kind}', applied, lambda name, thing: thing.text(name))
            return f'{function}({self.text(register)})', TIGHT
        if name == 'madd':
            a, b, total = operands
            return f'{self.text(total, 3)} + (int32_t){self.text(a, 5)} * {self.text(b, 5)}', 3
        if name in ('mul', 'sub'):
            a, b = operands
            sign, binding = {'mul': ('*', 4), 'sub': ('-', 3)}[name]
            return f'(int32_t){self.text(a, 5)} {sign} {self.text(b, 5)}', binding
        return super().spell(name, operands)

    def assignment(self, target: str, sign: str, text: str) -> str:
        """Print an assignment; what goes to an array has been made to fit."""
        return super().assignment(target, sign, f'({self.stored})({text})' if target.endswith(']') else text)


class Fixed8(Fixed):
    """Prints them with 8 bits in arrays."""

    stored = 'int8_t'


def _rounded(x: int, shift: int) -> int:
    return (x + (1 << shift >> 1)) >> shift if shift >= 0 else x << -shift
