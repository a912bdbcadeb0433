"""Straight-line programs over the operators that every engine has.

``Program``   leaves and steps; prints as Python source that any engine can run
``Tape``      a program in plain floats: data, inputs and local derivatives, step by step
``forward``   its derivatives in forward mode, which has no order to get wrong
``single``    the program of one operation
``programs``  a Hypothesis strategy for longer ones
``smallest``  the smallest example that shows something, found by shrinking

Nothing here knows an engine, microgradnet's least of all: the derivatives are written
out from the calculus book.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, find, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = [
    'FORMS', 'OPS', 'Form', 'Op', 'Program', 'Tape', 'forward', 'programs', 'single', 'singles', 'smallest',
    'some_programs',
]  # fmt: skip

T = TypeVar('T')
Pick = Callable[[int, int], int]


class Op(NamedTuple):
    """How an operation is written, its value, and its derivative by each operand."""

    source: str
    value: Callable[..., Any]
    partials: tuple[Callable[..., float], ...]


OPS = {
    'add': Op('{} + {}', lambda a, b: a + b, (lambda a, b: 1.0, lambda a, b: 1.0)),
    'mul': Op('{} * {}', lambda a, b: a * b, (lambda a, b: b, lambda a, b: a)),
    'neg': Op('-{}', lambda a: -a, (lambda a: -1.0,)),
    'sub': Op('{} - {}', lambda a, b: a - b, (lambda a, b: 1.0, lambda a, b: -1.0)),
    'div': Op('{} / {}', lambda a, b: a / b, (lambda a, b: 1 / b, lambda a, b: -a / b / b)),
    'pow': Op('{} ** {}', lambda a, b: a**b, (lambda a, b: b * a ** (b - 1), lambda a, b: a**b * math.log(a))),
    'abs': Op('abs({})', abs, (lambda a: a / abs(a),)),
    'relu': Op('{}.relu()', lambda a: max(a, 0.0), (lambda a: (1 + a / abs(a)) / 2,)),
    'tanh': Op('{}.tanh()', math.tanh, (lambda a: 1 / math.cosh(a) ** 2,)),
    'sigmoid': Op('{}.sigmoid()', lambda a: 1 / (1 + math.exp(-a)), (lambda a: 0.25 / math.cosh(a / 2) ** 2,)),
    'exp': Op('{}.exp()', math.exp, (math.exp,)),
    'log': Op('{}.log()', math.log, (lambda a: 1 / a,)),
    'sqrt': Op('{}.sqrt()', math.sqrt, (lambda a: 0.5 / math.sqrt(a),)),
    'sin': Op('{}.sin()', math.sin, (math.cos,)),
    'cos': Op('{}.cos()', math.cos, (lambda a: -math.sin(a),)),
}

#: An operation and, for each operand, whether it is a node (v) or a number (c).
Form = tuple[str, str]
FORMS: tuple[Form, ...] = tuple(
    (name, kinds) for name, op in OPS.items() for kinds in (['v'] if len(op.partials) == 1 else ['vv', 'vc', 'cv'])
)
#: Numbers as they are written, the plainest first; whole ones last, as data of their own kind.
LEAVES = ('1.0', '2.0', '3.0', '-1.0', '0.5', '-2.0', '1.5', '0.0', '-0.25', '7.0', '2', '1', '-3', '0')
NUMBERS = ('2.0', '3.0', '0.5', '2', '3', '1')
LIMIT = 1e3


@dataclass(frozen=True)
class Program:
    """Leaves and the steps that follow from them; the last ones, as many as ``roots``, are its results.

    An operand is the place of an earlier leaf or step, or the text of a number.

    >>> print(Program(('3.0',), (('mul', (0, '2.0')), ('add', (0, 1)))))
    x = Value(3.0)
    u = x * 2.0
    y = x + u
    """

    leaves: tuple[str, ...]
    steps: tuple[tuple[str, tuple[int | str, ...]], ...]
    roots: int = 1
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        size, inner = len(self.leaves), len(self.steps) - self.roots
        names = ['xwb'[k] if size <= 3 else f'x{k + 1}' for k in range(size)]
        names += ['uvpqrst'[k] if inner <= 7 else f'u{k + 1}' for k in range(inner)]
        object.__setattr__(self, 'names', (*names, *'yz'[: self.roots]))

    def __str__(self) -> str:
        lines = [f'{name} = Value({number})' for name, number in zip(self.names, self.leaves)]
        for name, (op, operands) in zip(self.names[len(self.leaves) :], self.steps):
            texts = [o if isinstance(o, str) else self.names[o] for o in operands]
            lines.append(f'{name} = {OPS[op].source.format(*texts)}')
        return '\n'.join(lines)

    def needs(self, *results: int) -> set[int]:
        """Return the places of what results are made of, at once or further back, and their own."""
        size, used = len(self.leaves), {*results}
        for place in range(max(results), size - 1, -1):
            if place in used:
                used |= {o for o in self.steps[place - size][1] if isinstance(o, int)}
        return used

    def live(self) -> Program:
        """Return the program without what its results do not depend on."""
        size, end = len(self.leaves), len(self.names)
        used = self.needs(*range(end - self.roots, end))
        moved = {old: new for new, old in enumerate(sorted(used))}
        return Program(
            tuple(number for place, number in enumerate(self.leaves) if place in used),
            tuple(
                (op, tuple(o if isinstance(o, str) else moved[o] for o in operands))
                for place, (op, operands) in enumerate(self.steps, size)
                if place in used
            ),
            self.roots,
        )

    def expression(self) -> str:
        """Write the last step."""
        return str(self).splitlines()[-1].partition(' = ')[2]

    def tape(self) -> Tape | None:
        """Run it in floats; None if it is not tame."""
        tape = Tape([float(number) for number in self.leaves])
        return tape if all(tape.record(op, operands) for op, operands in self.steps) else None

    def shares(self) -> bool:
        """Tell whether some step is an operand, at once or further back, of every root."""
        size, end = len(self.leaves), len(self.names)
        inner = {*range(size, end - self.roots)}
        return bool(inner.intersection(*(self.needs(root) for root in range(end - self.roots, end))))


class Tape:
    """The numbers of a program: ``data``, and for each the places and the local derivatives of its inputs."""

    def __init__(self, leaves: Iterable[float]) -> None:
        self.data = [*leaves]
        self.leaves = len(self.data)
        self.edges: list[list[tuple[int, float]]] = [[] for _ in self.data]

    def record(self, name: str, operands: Sequence[int | str]) -> bool:
        """Take a step if it is tame there: defined, of moderate size, away from kinks and poles."""
        numbers = [float(o) if isinstance(o, str) else self.data[o] for o in operands]
        try:
            y = OPS[name].value(*numbers)
            edges = [(o, p(*numbers)) for o, p in zip(operands, OPS[name].partials) if isinstance(o, int)]
        except (ArithmeticError, ValueError):
            return False
        # Cancellation may leave a 0 that another way to round does not: near one, kinks are avoided.
        near = name in ('relu', 'abs') and abs(numbers[0]) < 1 / LIMIT
        if near or not all(isinstance(n, float) and abs(n) < LIMIT for n in [y, *(p for _, p in edges)]):
            return False
        self.data.append(y)
        self.edges.append(edges)
        return True


def forward(tape: Tape, leaf: int, root: int = -1) -> tuple[float, float]:
    """Return the derivative of a result along a leaf, and the sum of the absolute values of its terms."""
    along = [(1.0, 1.0) if place == leaf else (0.0, 0.0) for place in range(tape.leaves)]
    for edges in tape.edges[tape.leaves :]:
        along.append((sum(p * along[o][0] for o, p in edges), sum(abs(p) * along[o][1] for o, p in edges)))
    return along[root]


def single(form: Form, leaves: Sequence[str], number: str = '') -> Program:
    """Make the program of one step; of the leaves given it takes as many as it needs.

    >>> print(single(('pow', 'vc'), ('2.0', '3.0'), '2'))
    x = Value(2.0)
    y = x ** 2
    """
    name, kinds = form
    places = iter(range(len(kinds)))
    operands = tuple(next(places) if kind == 'v' else number for kind in kinds)
    return Program(tuple(leaves[: kinds.count('v')]), ((name, operands),))


def singles(form: Form) -> Iterator[Program]:
    """List the programs of one operation, at all pairs of plain points, the plainest first."""
    _, kinds = form
    choices = [LEAVES if kind == 'v' else NUMBERS for kind in kinds]
    for places in sorted(product(*map(range, map(len, choices))), key=sum)[:30]:
        texts = [choice[place] for choice, place in zip(choices, places)]
        leaves = [text for text, kind in zip(texts, kinds) if kind == 'v']
        yield single(form, leaves, *(text for text, kind in zip(texts, kinds) if kind == 'c'))


def _program(pick: Pick, forms: Sequence[Form], steps: int, roots: int, leaves: int) -> Program | None:
    """Make a program of tame steps by picking whole numbers from ranges, the plainest at their lower end.

    Operands count back from the latest, so that leaving out a step leaves a program.
    """
    texts = tuple(LEAVES[pick(0, len(LEAVES) - 1)] for _ in range(pick(1, leaves)))
    tape, taken = Tape(float(text) for text in texts), []
    body = pick(0, steps - roots)
    for k in range(body + roots):
        name, kinds = forms[pick(0, len(forms) - 1)]
        visible = len(tape.data) - max(0, k - body)  # the roots stand side by side
        operands = tuple(
            visible - 1 - pick(0, visible - 1) if kind == 'v' else NUMBERS[pick(0, len(NUMBERS) - 1)] for kind in kinds
        )
        if tape.record(name, operands):
            taken.append((name, operands))
        elif k >= body:
            return None
    return Program(texts, tuple(taken), roots).live()


@st.composite
def programs(draw: DrawFn, forms: Sequence[Form], steps: int = 5, roots: int = 1, leaves: int = 2) -> Program:
    """Draw a program of tame steps of the forms given; its results stand side by side at the end."""
    program = _program(lambda low, high: draw(st.integers(low, high)), forms, steps, roots, leaves)
    return program or reject()


@lru_cache(maxsize=8)
def some_programs(forms: tuple[Form, ...], number: int, steps: int = 5, roots: int = 1) -> tuple[Program, ...]:
    """Make programs from the same choices without Hypothesis, which takes many times as long."""
    pick = Random(0).randint
    made = (_program(pick, forms, steps, roots, 2) for _ in range(number))
    return tuple(program for program in made if program)


def smallest(strategy: SearchStrategy[T], shows: Callable[[T], object], examples: int) -> T | None:
    """Return the smallest example that shows something, the same in every run; None if none does.

    >>> smallest(st.integers(), lambda n: n > 9, 100)
    10
    """
    chosen = settings(
        max_examples=examples, database=None, derandomize=True, deadline=None,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    try:
        return find(strategy, lambda example: bool(shows(example)), settings=chosen, random=Random(0))
    except NoSuchExample:
        return None
