"""Expressions over the operators that every engine has.

``Program``   an ``Expression`` that prints as Python source that any engine can run
``Tape``      a program in plain floats: data, inputs and local derivatives, step by step
``forward``   its derivatives in forward mode, which has no order to get wrong
``single``    the program of one operation
``programs``  a Hypothesis strategy for longer ones
``smallest``  the smallest example that shows something, found by shrinking

No number here is an engine's, microgradnet's least of all: the derivatives are written
out from the calculus book.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from random import Random
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, find, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import DrawFn, SearchStrategy

from ..engines import Spelling, by_method
from ..program import Expression, Form, Pick, literal
from ..strategies import picking

__all__ = [
    'FORMS', 'OPS', 'Op', 'Program', 'Tape', 'forward', 'programs', 'single', 'singles', 'smallest',
    'some_programs',
]  # fmt: skip

T = TypeVar('T')


class Op(NamedTuple):
    """The value of an operation, and its derivative by each operand."""

    value: Callable[..., Any]
    partials: tuple[Callable[..., float], ...]


OPS = {
    'add': Op(lambda a, b: a + b, (lambda a, b: 1.0, lambda a, b: 1.0)),
    'mul': Op(lambda a, b: a * b, (lambda a, b: b, lambda a, b: a)),
    'neg': Op(lambda a: -a, (lambda a: -1.0,)),
    'sub': Op(lambda a, b: a - b, (lambda a, b: 1.0, lambda a, b: -1.0)),
    'div': Op(lambda a, b: a / b, (lambda a, b: 1 / b, lambda a, b: -a / b / b)),
    'pow': Op(lambda a, b: a**b, (lambda a, b: b * a ** (b - 1), lambda a, b: a**b * math.log(a))),
    'abs': Op(abs, (lambda a: a / abs(a),)),
    'relu': Op(lambda a: max(a, 0.0), (lambda a: (1 + a / abs(a)) / 2,)),
    'tanh': Op(math.tanh, (lambda a: 1 / math.cosh(a) ** 2,)),
    'sigmoid': Op(lambda a: 1 / (1 + math.exp(-a)), (lambda a: 0.25 / math.cosh(a / 2) ** 2,)),
    'exp': Op(math.exp, (math.exp,)),
    'log': Op(math.log, (lambda a: 1 / a,)),
    'sqrt': Op(math.sqrt, (lambda a: 0.5 / math.sqrt(a),)),
    'sin': Op(math.sin, (math.cos,)),
    'cos': Op(math.cos, (lambda a: -math.sin(a),)),
}

FORMS: tuple[Form, ...] = tuple(
    (name, kinds) for name, op in OPS.items() for kinds in (['v'] if len(op.partials) == 1 else ['vv', 'vc', 'cv'])
)
#: Numbers as they are written, the plainest first; whole ones last, as data of their own kind.
LEAVES: tuple[float, ...] = (1.0, 2.0, 3.0, -1.0, 0.5, -2.0, 1.5, 0.0, -0.25, 7.0, 2, 1, -3, 0)
NUMBERS: tuple[float, ...] = (1, 3, 2, 0.5, 3.0, 2.0)  # the last is the first to be picked
LIMIT = 1e3


@dataclass(frozen=True, repr=False)
class Program(Expression):
    """An expression whose last steps, as many as ``roots``, are its results.

    >>> print(Program((3.0,), (2.0,), (('mul', (0, 1)), ('add', (0, 2)))))
    x = Value(3.0)
    u = x * 2.0
    y = x + u
    """

    roots: int = 1

    @property
    def results(self) -> tuple[int, ...]:
        """The indices of its results."""
        return tuple(range(self.result + 1 - self.roots, self.result + 1))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What leaves, constants and steps are called."""
        size, inner = len(self.leaves), len(self.steps) - self.roots
        leaves = ['xwb'[k] if size <= 3 else f'x{k + 1}' for k in range(size)]
        steps = ['uvpqrst'[k] if inner <= 7 else f'u{k + 1}' for k in range(inner)]
        return (*leaves, *map(literal, self.constants), *steps, *'yz'[: self.roots])

    @property
    def point(self) -> dict[str, float]:
        """The leaves by their names."""
        return dict(zip(self.names, self.leaves))

    def made(self, spelled: Spelling = by_method) -> dict[str, str]:
        """What makes each step, by its name, written as an engine has it."""
        made = {}
        for name, (op, operands) in zip(self.names[-len(self.steps) :], self.steps):
            made[name] = (spelled(op) or by_method(op)).format(*(self.names[o] for o in operands))
        return made

    def lines(self, spelled: Spelling = by_method) -> list[str]:
        """Its steps, a line each."""
        return [f'{name} = {made}' for name, made in self.made(spelled).items()]

    @property
    def nodes(self) -> dict[str, str]:
        """What makes each leaf and each step of nodes, by its name."""
        return {name: f'Value({literal(number)})' for name, number in self.point.items()} | self.made()

    def __str__(self) -> str:
        return '\n'.join(f'{name} = {made}' for name, made in self.nodes.items())

    __repr__ = __str__

    def tape(self) -> Tape | None:
        """Run it in floats; None if it is not tame."""
        tape = Tape(self.leaves, self.constants)
        return tape if all(tape.record(op, operands) for op, operands in self.steps) else None

    def shares(self) -> bool:
        """Tell whether some step is an operand, at once or further back, of every root."""
        inner = {*range(len(self.leaves) + len(self.constants), self.results[0])}
        return bool(inner.intersection(*(self.needs(root) for root in self.results)))


def stepped(name: str, numbers: Sequence[float]) -> tuple[float, list[float]] | None:
    """Return what a step gives, and its derivatives, if it is tame: defined, of moderate size, off kinks and poles."""
    try:
        y = OPS[name].value(*numbers)
        partials = [partial(*numbers) for partial in OPS[name].partials]
    except (ArithmeticError, ValueError):
        return None
    # Cancellation may leave a 0 that another way to round does not: near one, kinks are avoided.
    near = name in ('relu', 'abs') and abs(numbers[0]) < 1 / LIMIT
    return None if near or not all(isinstance(n, float) and abs(n) < LIMIT for n in [y, *partials]) else (y, partials)


class Tape:
    """The numbers of a program: ``data``, and for each the places and the local derivatives of its inputs."""

    data: list[float]
    leaves: int
    nodes: int
    edges: list[list[tuple[int, float]]]

    def __init__(self, leaves: Iterable[float], constants: Iterable[float] = ()) -> None:
        self.data = [*map(float, leaves)]
        self.leaves = len(self.data)
        self.data += map(float, constants)
        self.nodes = len(self.data)
        self.edges = [[] for _ in self.data]

    def record(self, name: str, operands: Sequence[int]) -> bool:
        """Take a step if it is tame there."""
        step = stepped(name, [self.data[o] for o in operands])
        if step is not None:
            self.data.append(step[0])
            self.edges.append([(o, p) for o, p in zip(operands, step[1]) if not self.leaves <= o < self.nodes])
        return step is not None


def forward(tape: Tape, leaf: int, root: int = -1) -> tuple[float, float]:
    """Return the derivative of a result along a leaf, and the sum of the absolute values of its terms."""
    along = [(1.0, 1.0) if place == leaf else (0.0, 0.0) for place in range(tape.leaves)]
    for edges in tape.edges[tape.leaves :]:
        along.append((sum(p * along[o][0] for o, p in edges), sum(abs(p) * along[o][1] for o, p in edges)))
    return along[root]


def single(form: Form, leaves: Sequence[float], number: float = 2) -> Program:
    """Make the program of one step; of the leaves given it takes as many as it needs.

    >>> print(single(('pow', 'vc'), (2.0, 3.0), 2))
    x = Value(2.0)
    y = x ** 2
    """
    name, kinds = form
    size = kinds.count('v')
    places = iter(range(size))
    operands = tuple(next(places) if kind == 'v' else size for kind in kinds)
    return Program(tuple(leaves[:size]), (number,) if 'c' in kinds else (), ((name, operands),))


def singles(form: Form) -> Iterator[Program]:
    """List the programs of one operation, at all pairs of plain points, the plainest first."""
    _, kinds = form
    choices = [LEAVES if kind == 'v' else NUMBERS[::-1] for kind in kinds]
    for places in sorted(product(*map(range, map(len, choices))), key=sum)[:30]:
        numbers = [choice[place] for choice, place in zip(choices, places)]
        leaves = [number for number, kind in zip(numbers, kinds) if kind == 'v']
        yield single(form, leaves, *(number for number, kind in zip(numbers, kinds) if kind == 'c'))


def _program(pick: Pick, forms: Sequence[Form], steps: int, roots: int, leaves: int) -> Program | None:
    """Make a program of tame steps of the forms given, if what is picked is one."""
    point = tuple(LEAVES[pick(0, len(LEAVES) - 1)] for _ in range(pick(1, leaves)))
    program = Program(point, NUMBERS, (), roots).grown(pick, forms, _tame, roots, steps, roots)
    return program.needed() if program and program.steps else None


def _tame(name: str, numbers: Sequence[float], constant: Sequence[bool]) -> float | None:
    step = stepped(name, [*map(float, numbers)])
    return step and step[0]


@st.composite
def programs(draw: DrawFn, forms: Sequence[Form], steps: int = 5, roots: int = 1, leaves: int = 2) -> Program:
    """Draw a program of tame steps of the forms given; its results stand side by side at the end."""
    return _program(picking(draw), forms, steps, roots, leaves) or reject()


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
