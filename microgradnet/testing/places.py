"""Where operations are tried: wide, seeded, and just at the places where rules go wrong.

Ten random normal numbers miss most wrong derivatives. These points spread over all
magnitudes a float has, and stand on integers, on both zeros, among the subnormals,
on every number that a row's own cells mention and one step to either side of it.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any, TypeAlias

from ..engine.checks import one_of, refuse
from ..engine.table import Operation, operations

__all__ = [
    'LARGEST',
    'SMALLEST_NORMAL',
    'SPECIAL',
    'Operands',
    'flat',
    'is_defined',
    'is_kink',
    'known_operation',
    'mentioned',
    'neighbours',
    'operand_sets',
]

#: The operands of one application: a float for a scalar, a list of them for a vector.
Operands: TypeAlias = tuple[Any, ...]

TINIEST, SMALLEST_NORMAL, LARGEST = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308
SPECIAL = [0.0, -0.0, TINIEST, -TINIEST, 3e-320, -7e-310, SMALLEST_NORMAL, -SMALLEST_NORMAL]
SPECIAL += [LARGEST, -LARGEST]
#: Beyond these exp, sinh, erfc, a square ... overflow or underflow, and tanh is 1.
EDGES = [709.782712893384, -708.3964185322641, -745.1332191019411, 19.06154746539849, 26.543258]
EDGES += [38.4, 5.4e8, -6.6, 1.5e154, 1e-160]
NOT_FINITE = [math.inf, -math.inf, math.nan]


def known_operation(op: Any) -> Operation:
    """Return an operation that is given by name, or as itself; raise ValueError or TypeError for what is none."""
    if isinstance(op, str):
        return operations[one_of('operation', op, operations)]
    return op if isinstance(op, Operation) else refuse('an operation', 'a name or an Operation', op)


def neighbours(x: float) -> list[float]:
    """Return a number and the floats just below and above it."""
    return [math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf)]


def log_uniform(random: Random, smallest: float, largest: float) -> float:
    """Draw a number of either sign whose logarithm is uniform."""
    size = math.exp(random.uniform(math.log(smallest), math.log(largest)))
    return random.choice([-1, 1]) * size


def mentioned(op: Operation) -> list[float]:
    """Return the numbers that the cells of a row mention: ends of domains, kinks, thresholds."""
    texts = [op.domain, op.kink]
    texts += [op.text, op.let_text, *op.partial_texts] if hasattr(op, 'text') else []
    nodes = (node for text in texts for node in ast.walk(ast.parse(text.strip())))
    constants = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return sorted({float(c) for c in constants if isinstance(c, (int, float)) and abs(c) < math.inf})


def numbers(op: Operation, random: Random) -> list[float]:
    """Return about 350 finite numbers for one operand of a row."""
    wide = [log_uniform(random, 1e-300, 1e300) for _ in range(90)]
    middle = [log_uniform(random, 1e-3, 1e3) for _ in range(90)]
    unit = [random.uniform(-1, 1) for _ in range(30)] + [1 - 10 ** random.uniform(-16, 0) for _ in range(15)]
    integers = [float(n) for n in range(-12, 13)] + [n + 0.5 for n in range(-6, 6)]
    ends = [near for c in mentioned(op) for end in (c, -c) for near in neighbours(end)]
    edges = [near for edge in EDGES for near in neighbours(edge)]
    finite = [x for x in SPECIAL + ends + edges + integers + unit + wide + middle if abs(x) < math.inf]
    return list({(x, math.copysign(1, x)): x for x in finite}.values())


def operand_sets(op: Operation, seed: int = 0) -> list[Operands]:
    """Return the points at which a row is tried, some outside its domain, seeded by its name."""
    random = Random(f'points of {op.name}, {seed}')
    if op.vectors:
        return list(_vectors(op, random))
    single = numbers(op, random)
    if len(op.parameters) == 1:
        return [(x,) for x in single + NOT_FINITE]
    return list(_tuples(len(op.parameters), single, random))


def _tuples(size: int, single: list[float], random: Random) -> Iterator[Operands]:
    small = [-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0]
    grid = [*product(small, repeat=size)]
    yield from grid if size == 2 else random.sample(grid, 100)
    for _ in range(110):
        yield tuple(random.choice(single) for _ in range(size))
    for smallest, largest in ((1e-3, 1e3), (1e-300, 1e300)):
        for _ in range(60):
            yield tuple(log_uniform(random, smallest, largest) for _ in range(size))
    for x in [*random.sample(single, 40), *SPECIAL]:  # a wide one beside a mild one
        yield tuple(x if p == 0 else 1 - 10 ** random.uniform(-3, 0) for p in range(size))
    # Next to 1 and huge: powers of these are ordinary numbers.
    for step, huge in product((2.0**-44, -(2.0**-44), 2.0**-45), (2.0**53, 2.0**53 + 2, 2.0**54)):
        yield from (tuple(1 + step if p == 0 else s * huge for p in range(size)) for s in (1, -1))
    for x in random.sample(single, 12):  # equal or nearly so
        yield from ((x, *(near for _ in range(size - 1))) for near in neighbours(x) if abs(near) < math.inf)
    for x, place in product(NOT_FINITE, range(size)):
        for other in (0.0, 1.0, -2.5):
            yield tuple(x if place == p else other for p in range(size))


def _vectors(op: Operation, random: Random) -> Iterator[Operands]:
    draws: list[Callable[[], float]] = [
        lambda: random.uniform(-3, 3),
        lambda: float(random.randint(-3, 3)),
        lambda: log_uniform(random, 1e-3, 1e3),
        lambda: 1e8 + random.random(),
        lambda: log_uniform(random, 1e-100, 1e100),
    ]
    for draw in draws:
        for length in [*range(8), 40] * 4:
            if length or op.name != 'logsumexp':  # the largest of nothing is not there
                groups = ([draw() for _ in range(length)] for _ in op.vectors)
                yield (*groups, *(draw() for _ in op.scalars))


def flat(operands: Operands) -> list[Any]:
    """Return the operands as a node has them, vectors first, in one list."""
    vectors = [x for operand in operands if isinstance(operand, list) for x in operand]
    return vectors + [x for x in operands if not isinstance(x, list)]


SPACE: dict[str, Any] = {'abs': abs, 'hypot': math.hypot, 'max': max, 'min': min, '__builtins__': {}}


def is_defined(op: Operation, operands: Operands) -> bool:
    """Tell whether a point lies in the domain that the row states."""
    return not op.domain or bool(eval(op.domain, SPACE, dict(zip(op.parameters, operands, strict=True))))


def is_kink(op: Operation, operands: Operands) -> bool:
    """Tell whether a point is one of those for which the row states that there is no derivative."""
    here = dict(zip(op.parameters, operands, strict=True))
    return any(eval(part.strip(), SPACE, here) == 0 for part in op.kink.split(';') if part.strip())
