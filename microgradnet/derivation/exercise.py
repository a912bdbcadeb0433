"""Exercises: a derivation with blanks in place of its numbers, which were chosen so that they work out by hand.

>>> one = exercise([1, 1, 1], seed=2)
>>> for blank in one.blanks[:3]:
...     print(blank)
r_1 = ________
g(r_1) = ________
g'(r_1) = ________
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..engine import checks
from ..engine.checks import flag, items, whole
from ..engine.numbers import Fraction
from ..formulas.numbers import digits as in_digits
from ..formulas.numbers import on_paper
from ..formulas.terms import Applied, Derivative, Symbol
from ..formulas.text import text
from ..nets.net import MLP, Activation
from .lines import Blank, Line, Section, Table
from .sheet import Derivation
from .steps import sections_of

__all__ = ['Exercise', 'exercise']

#: What numbers are drawn from; net inputs where g(r) and g'(r) of softsign have small denominators.
WEIGHTS = [Fraction(n, 2) for n in (-4, -3, -2, -1, 1, 2, 3, 4)]
INPUTS = [Fraction(n, 2) for n in (-4, -2, -1, 1, 2, 4)]
NET_INPUTS = [Fraction(n) for n in (-1, 1, -1, 1, 3, -3)]
MISSES = [Fraction(n, 2) for n in (-4, -2, -1, 1, 2, 4)]
#: Activations whose numbers are fractions where r is one.
EXACT = 'identity', 'linear', 'softsign', 'relu'


class Exercise(Derivation):
    """A derivation with blanks: printed, shown and saved as any; ``key`` has the answers."""

    key: Table

    def __init__(
        self, title: str, sheets: Sequence[Sequence[Section]], digits: int, picture: Any, solution: Any
    ) -> None:
        sections = [section for sheet in sheets for section in sheet]
        super().__init__(title, sections, digits, picture)
        heads = [text(blank.left) for blank in self.blanks[: len(self.blanks) // len(sheets)]]
        answers = [on_paper(in_digits(blank.number, places=digits)) for blank in self.blanks]
        rows = [(str(student), *answers[len(heads) * (student - 1) : len(heads) * student])
                for student in range(1, len(sheets) + 1)]  # fmt: skip
        #: The answers, a row for each student.
        self.key = Table(('student', *heads), tuple(rows), 'The answers')
        if solution is not None:
            ends = solution or [Section('Key', [self.key], new_sheet=True)]
            super().__init__(title, [*sections, *ends], digits, picture)

    @property
    def blanks(self) -> list[Blank]:
        """The lines to be filled in, each with its ``number``."""
        return [line for line in self.lines if isinstance(line, Blank)]


def exercise(
    net_or_sizes: Any,
    weight: str | None = None,
    *,
    seed: int = 1,
    fractions: bool = True,
    solution: bool = False,
    students: int = 1,
    digits: int = 4,
) -> Exercise:
    """Make an exercise of a weight's update: everything is given, and every number that follows is a blank.

    A net gives its sizes and activations, and sizes alone, inputs first, are those of a net of softsign with outputs
    of identity (sigmoid without ``fractions``); weights, inputs and targets are drawn. They are fractions with small
    denominators, and so chosen that all that follow are such, too; without ``fractions`` decimals, and answers have
    ``digits`` digits. The weight is the first unless named. Saved as a page, an answer is checked as it is typed, as a
    decimal with a tolerance of its last digit, and the hint of each blank is the line to it. ``students`` gives each of
    so many other numbers. With ``solution`` the whole derivation follows on a sheet of its own, or for several students
    the ``key`` of all answers, which is there without, too.

    The page knows the answers in order to check them: on paper they are not there.

    >>> one = exercise([1, 1, 1], 'w_{1,2}', seed=2)
    >>> print(one.sections[1].heading, *one.blanks[:2], sep='\\n')
    Work out
    r_1 = ________
    g(r_1) = ________
    >>> print(one.key)
    student  r_1  g(r_1)  r_2  ĝ(r_2)  y  E   δ  ∂E/∂w_{1,2}  w_{1,2}^(l+1)
    1         -1    -1/2    1       1  1  2  -2            1           -5/2
    """
    flag('fractions', fractions)
    flag('solution', solution)
    whole('seed', seed, 0)
    whole('students', students)
    whole('digits', digits, 1, 17)
    name = 'w_{x1,1}' if weight is None else checks.text('weight', weight)
    if hasattr(net_or_sizes, 'layers') and not isinstance(net_or_sizes, type):
        sizes = [net_or_sizes.inputs, *net_or_sizes.sizes]
        activations = [layer.activation.name for layer in net_or_sizes.layers]
    else:
        wanted = 'a net, or a list of the sizes of its inputs and layers'
        sizes = [whole('each of net_or_sizes', size) for size in items('net_or_sizes', net_or_sizes, wanted)]
        if len(sizes) < 2:
            raise ValueError(f'the sizes of a net are those of its inputs and its layers, not {net_or_sizes!r}')
        activations = ['softsign' if fractions else 'sigmoid'] * (len(sizes) - 2) + ['identity']
    if fractions and (other := [name for name in activations if name not in EXACT]):
        raise ValueError(f'{other[0]} has no fractions for values: there are {", ".join(EXACT)}, or fractions=False')
    sheets: list[list[Section]] = []
    for student in range(1, students + 1):
        source = random.Random(f'{seed} {student}')
        title, sections, picture = _drawn(sizes, activations, name, source, fractions)
        blanks = _blanks(sections.values())
        who = f'Student {student}: ' * (students > 1)
        given = replace(sections['given'], heading=f'{who}{"w" if who else "W"}hat is given', new_sheet=student > 1,
                        picture=picture if who else None)  # fmt: skip
        sheets.append([given, Section(f'{who}{"w" if who else "W"}ork out', [*blanks])])
    ends = [s for key, s in sections.items() if key != 'given'] if students == 1 else []
    title = f'Exercise {seed}: {title[0].lower()}{title[1:]}'
    return Exercise(title, sheets, digits, picture if students == 1 else None, ends if solution else None)


def _blanks(sections: Any) -> list[Blank]:
    """Make a blank of every number that is worked out on the way, in the order of the derivation."""
    found: dict[Any, Blank] = {}
    for section in sections:
        for line in section.body:
            if isinstance(line, Line) and _is_asked(line):
                found.setdefault(text(line.left), Blank(line.left, line.sides, line.numbers))
    return [*found.values()]


def _is_asked(line: Line) -> bool:
    left = line.left
    if line.in_full or line.formula or (isinstance(left, Symbol) and left.name.base == 'P'):
        return False
    whole_gradient = isinstance(left, Derivative) and isinstance(left.body, Symbol) and left.body.name.base == 'E'
    return isinstance(left, (Symbol, Applied)) or whole_gradient


def _drawn(
    sizes: Sequence[int], activations: Sequence[str], weight: str, source: random.Random, fractions: bool
) -> tuple[str, dict[str, Section], Any]:
    """Draw a net and a sample, and derive the weight's update, until its gradient is not 0."""
    while True:
        x: list[Any] = [source.choice(INPUTS) for _ in range(sizes[0])]
        values, weights, biases = x, list[Any](), list[Any]()
        for (before, after), name in zip(pairwise(sizes), activations):
            weights.append([[source.choice(WEIGHTS) for _ in range(before)] for _ in range(after)])
            wanted = [source.choice(NET_INPUTS) for _ in range(after)]
            sums = [sum((w * v for w, v in zip(row, values)), start=Fraction(0)) for row in weights[-1]]
            biases.append([r - total for r, total in zip(wanted, sums)])
            values = [r / (1 + abs(r)) if name == 'softsign' else max(r, Fraction(0)) if name == 'relu' else r
                      for r in wanted]  # fmt: skip
        t: list[Any] = [y - source.choice(MISSES) for y in values]
        if not fractions:
            x, t = [float(v) for v in x], [round(float(v), 1) for v in t]
            weights = [[[float(w) / 2 for w in row] for row in rows] for rows in weights]
            biases = [[round(float(b) / 2, 1) for b in row] for row in biases]
        net = MLP.from_weights(weights, biases, 'identity')
        for layer, name in zip(net.layers, activations):
            for neuron in layer.neurons:
                neuron.activation = Activation(name)
        h = Fraction(1, 2) if fractions else 0.5
        title, sections, picture = sections_of(net, [(x, t)], weight, learning_rate=h)
        gradient = next(line for line in sections['numbers'].body if isinstance(line, Line))
        if gradient.number != 0:
            return title, sections, picture
