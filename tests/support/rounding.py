"""How far a backend may be off: rounding errors carried along beside the numbers, by the calculus.

If every function of an instruction list is off by so many units in the last place, and
arithmetic is right to the last bit, then a result is off by at most the ``bound`` beside
it (to first order; infinite where an error could change a choice, or cross a pole).
Results with a bound of 0 must be the same to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from microgradnet.compiling.ir.instructions import COMPARISONS, Instruction
from microgradnet.compiling.ir.lowering import compute
from microgradnet.compiling.ir.routine import Routine
from microgradnet.engine.table import operations

__all__ = ['Bounded', 'bounded']

EXACT = ('add', 'sub', 'mul', 'div', 'neg', 'abs', 'sqrt')
LINEAR = ('add', 'sub', 'neg', 'abs', 'hypot')
LARGEST = 1.7976931348623157e308


class Bounded(NamedTuple):
    """A number, and how far off it may be."""

    number: float
    bound: float

    def allows(self, other: float) -> bool:
        """Tell whether another backend may have this for it."""
        if self.bound == math.inf or other == self.number or (other != other and self.number != self.number):
            return True
        return abs(other - self.number) <= self.bound


def bounded(routine: Routine, row: Sequence[float], parameters: Sequence[float], ulps: float) -> list[Bounded]:
    """Run straight code for one row in Python's arithmetic, each function of it off by ``ulps`` at most."""
    found: list[Bounded] = []
    for instruction in routine.instructions:
        name, operands = instruction
        if name == 'number':
            found.append(Bounded(operands[0], 0.0))
        elif name in ('row', 'parameter'):
            found.append(Bounded((row if name == 'row' else parameters)[operands[0].start], 0.0))
        elif name == 'output':
            found.append(found[operands[1]])
        else:
            found.append(_step(instruction, [found[register] for register in operands], ulps))
    return [found[register] for register in routine.results]


def _step(instruction: Instruction, given: list[Bounded], ulps: float) -> Bounded:
    name, numbers, errors = instruction.name, [n for n, _ in given], [e for _, e in given]
    if name in COMPARISONS:
        sure = sum(errors) == 0 or abs(numbers[0] - numbers[1]) > 2 * sum(errors)
        return Bounded(compute(name, *numbers), 0.0 if sure else math.inf)
    if name in ('both', 'either'):
        return Bounded(compute(name, *numbers), sum(errors))
    if name == 'select':
        return given[1 if numbers[0] else 2] if errors[0] == 0 else Bounded(compute(name, *numbers), math.inf)
    if name in ('sum', 'dot'):
        return _sum(name, given)
    y = compute(name, *numbers)
    if name in operations and operations[name].is_kernel and name not in EXACT:
        own = ulps
    else:
        own = ulps if name == 'pow' else 1.0 * (sum(errors) > 0)
    if not math.isfinite(y):
        return Bounded(y, math.inf if sum(errors) else 0.0)
    if sum(errors) == 0:
        carried = 0.0
    elif name in LINEAR:
        carried = sum(errors)
    elif name != 'mul' and any(e and abs(n) <= 4 * e for n, e in given):
        carried = math.inf
    elif name == 'div':
        carried = abs(y) * sum(e / abs(n) for n, e in given if e)  # its partials may underflow
    else:
        partials = operations[name].partials('ieee')(*numbers, y)
        carried = sum(abs(p) * e for p, e in zip(partials, errors, strict=True) if p is not None and e)
        carried += math.prod(errors) if name == 'mul' else 0.0
    return _rounded(y, 1.01 * carried + own * math.ulp(y))


def _sum(name: str, given: list[Bounded]) -> Bounded:
    """Add terms, or products, up from left to right; products may be added with one rounding, or two."""
    half = len(given) // 2
    pairs = (
        zip(given[:half], given[half:]) if name == 'dot' else ((term, Bounded(1.0, 0.0)) for term in given)
    )
    total, error = 0.0, 0.0
    for (a, e), (b, f) in pairs:
        product, before = a * b, total
        total += product
        if name == 'dot' and not math.isfinite(total) and all(map(math.isfinite, (a, b, before))):
            error = math.inf  # with one rounding it may just not overflow
        error += abs(a) * f + abs(b) * e + e * f
        if math.isfinite(total) and (name == 'dot' or error):
            error += (math.ulp(product) if name == 'dot' else 0.0) + math.ulp(total)
    if name == 'dot':
        total, error = total + given[-1].number, error + given[-1].bound
    if not math.isfinite(total):
        return Bounded(total, math.inf if error else 0.0)
    return _rounded(total, error + (math.ulp(total) if error else 0.0))


def _rounded(y: float, bound: float) -> Bounded:
    return Bounded(y, bound if abs(y) + bound <= LARGEST else math.inf)
