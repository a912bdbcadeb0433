"""Random programs: drawn from a grammar as the Python text that runs, and that is shown where one fails.

A grammar is rules by name, each the texts of which one is chosen, the plainest first. In a text ``{name}`` stands
for what the rule of that name gives, ``{name1}`` for the same at each place in that text, and ``{>name}`` for what
it gives a level deeper: at the deepest level no such text is chosen.
(Straight-line expressions, of which other algebras take every step, are data: ``microgradnet.testing.expressions``.)

>>> sums = {'sum': ['{x}', '{x1} * {x1}', '({>sum} + {>sum})'], 'x': ['a', 'b']}
>>> drawn(sums, 'sum', Random(5).choice, depth=2)
'(b * b + (b + a))'

``programs`` draws functions of a list x of three numbers: assignments, ``if``, ``for``, ``while_loop``, early return,
``where`` and functions, as a test asks for. What a program gives uncompiled is the truth: ``Program`` runs on anything.

>>> print(program(7, 'assign', 'if', 'while'))
def f(x):
    u, v, w = x
    p, q = u * v, w
    if -0.5 < u <= 1:
        def g(n, p, q):
            q = F.tanh(u) * p
            p = p * p
            p = F.exp(F.tanh(q))
            return n + 1, p, q
        _, p, q = F.while_loop(lambda n, p, q: n < 4, g, 0, p, q)
    return p + q * 0.5 + u
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import strategies as st

from microgradnet import compile
from microgradnet import functions as F
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value
from tests.support.backends import bits

__all__ = [
    'ALL', 'NUMBERS', 'Program', 'check', 'drawn', 'flat', 'points_of', 'program', 'programs', 'rows_of', 'same',
    'texts', 'uncompiled',
]  # fmt: skip

Rules: TypeAlias = Mapping[str, Sequence[str]]
SLOT = re.compile(r'\{(>?)([a-z_]+)(\d*)\}')


def drawn(rules: Rules, name: str, choose: Callable[[Sequence[str]], str], depth: int) -> str:
    """Return a text of a rule, chosen by a ``Random``'s choice, or by what draws from a sequence."""
    known: dict[str, str] = {}
    text = choose([text for text in rules[name] if depth or '{>' not in text])

    def filled(slot: re.Match[str]) -> str:
        deeper, rule, number = slot.groups()
        if slot[0] not in known or not number:
            known[slot[0]] = drawn(rules, rule, choose, depth - bool(deeper))
        indent = slot.string[slot.string.rfind('\n', 0, slot.start()) + 1 : slot.start()]
        return known[slot[0]].replace('\n', '\n' + indent) if indent.isspace() else known[slot[0]]

    return SLOT.sub(filled, text)


def texts(rules: Rules, name: str, depth: int = 2) -> st.SearchStrategy[str]:
    """Draw a text of a rule; it shrinks to the plainest."""
    return st.composite(lambda draw: drawn(rules, name, lambda some: draw(st.sampled_from(some)), depth))()


@dataclass(frozen=True)
class Program:
    """The text of a function f, and what it does."""

    text: str
    names: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    @cached_property
    def run(self) -> Callable[..., Any]:
        space = {'F': F, 'Fraction': Fraction, **dict(self.names)}
        exec(self.text, space)
        return space['f']  # type: ignore[no-any-return]

    def __call__(self, *arguments: Any) -> Any:
        return self.run(*arguments)


# Functions of a list of three numbers. ``if`` compares u, v and w alone, and they are computed without rounding: so
# all backends agree on what they say. Functions, which branches and loops call, change p and q alone.

RULES: dict[str, list[str]] = {
    'program': ['def f(x):\n    u, v, w = x\n    p, q = u * v, w\n    {block}\n    return p + q * 0.5 + u'],
    'block': ['{line}', '{line}\n{line}', '{line}\n{line}\n{line}'],
    'turn': ['{step}', '{step}\n{step}', '{step}\n{step}\n{step}'],
    'x': ['u', 'v', 'w'],
    'y': ['p', 'q'],
    'turns': ['2', '3', '4'],
    'exact': [
        '{x} + {x}', '{x} - {x}', '0.5 * {x}', '-{x}', 'abs({x})', 'F.max({x}, {x})', '{x} + 0.75', '{x} * -1.0',
        'F.where(F.greater({x1}, {x2}), {x2}, {x1})',
    ],
    'free': [
        'p * q + {x}', 'p - q * {x}', 'F.sin(p) * {x}', 'F.exp(F.tanh(q))', 'q / (p * p + 1.5)', 'F.hypot(p, {x})',
        'p * p', '0.5', 'F.min(p, q)', 'F.tanh({c}) * {y}', '{c} - {y} / 2', 'F.max({c}, {y} * 0.9)', 'abs({y})',
        'F.sigmoid({c} + {y})', 'F.where(F.less({c}, {c}), F.sin(q), p)',
    ],
    'condition': [
        '{x} > {x}', '{x} <= {x}', '{x} == {x}', '{x} != {x}', 'not {x} < {x}', '{x}', '{x} < Fraction(1, 3)',
        '{x} >= 0', '{x} == 0.0', '{x} < 2**53 + 1', '-0.5 < {x} <= 1', '{x} > 0 and {x} > 0', '{x} > 1 or {x} < 0',
    ],
    'more': [
        'n < {turns}', 'F.less(n, {turns} * F.sigmoid({c}) + 0.25)', 'n < {turns} and {c} < 1.7',
        'n < 1 + {x} or ({c} < 0.1 and n < 3)', 'not n >= {turns}',
    ],
    'result': ['p', 'q * u', '0.0'],
    'nothing': [
        '{y} * 0.0', 'F.relu({y})', 'p - {x}', '(q - p) * {y}', '{y} * {x}', 'F.sqrt({x1} * {x1}) * {y}', 'F.sqrt({y})',
        'F.where({c}, {y} * p, q)', 'F.where(F.greater(u, 0.25), p, p * q)', 'F.max({y}, 0.0) ** 2', '{y} / {x} * 0.25',
        'F.where(F.greater({c1}, 0.0), lambda: F.sqrt({c1}) * {y}, lambda: {y})', 'abs({y}) ** 0.5',
        'F.where(F.greater({c1}, 0.0), F.log({c1}) + {y}, {y} * {x})',
    ],
}  # fmt: skip
DEFINED = 'def g(n, p, q):\n    {>turn}\n    return n + 1, p, q\n'
#: What a program is made of, as a test asks for it.
STATEMENTS = {
    'assign': ['{x} = {exact}', '{y} = {free}', '{y} = {free}'],
    'if': [
        'if {condition}:\n    {>block}', 'if {condition}:\n    {>block}\nelse:\n    {>block}',
        '{x} = F.where({x1} > {x2}, {x1}, {x2} - 0.5)',
    ],
    # What is nothing, or infinite, on the other side.
    'edge': [
        'p = p + F.log({x1}) if {x1} > 0 else p', 'p = q + F.sqrt({x1} + 0.0625) if {x1} >= 0 else q - {x1}',
        'p = q / {x1} if {x1} != 0 else p * 2.0', 'p = F.sqrt({x1}) * q if {x1} > 0 else -q',
        'p = {x} if {x1} == 0 else 1.0 / {x1} + p', 'p = F.asin({x1}) * p if abs({x1}) < 1 else F.log({x1} * {x1}) + q',
        'p = F.where({x1} > 0, lambda: F.log({x1}), p)',
    ],
    'return': ['if {condition}:\n    return {result}'],
    'for': ['for _ in range({turns}):\n    {>block}'],
    'break': ['for _ in range({turns}):\n    {>block}\n    if {condition}:\n        break'],
    'where': [DEFINED + '{y} = F.where(F.greater({c}, {c}), lambda: g(0, p, q)[1], lambda: {free})'],
    'while': [DEFINED + '_, p, q = F.while_loop(lambda n, p, q: {more}, g, 0, p, q)'],
    'function': [DEFINED + '_, p, q = g(0, q, p)'],
}  # fmt: skip
ALL = (*STATEMENTS,)
#: What sends signals that are 0, or meet a partial that is infinite, at the numbers of ``rows_of``.
STATEMENTS['nothing'] = ['{y} = {nothing}']


def grammar(statements: Sequence[str], compared: str) -> Rules:
    """Return the rules of programs of such statements; ``where`` and ``while_loop`` compare such variables."""
    lines = [text for name in statements for text in STATEMENTS[name]]
    steps = [text.replace('block', 'turn').replace('return {result}', 'return n + 1, q, -p') for text in lines]
    return RULES | {'line': lines, 'step': [text for text in steps if text[:4] != '{x} '], 'c': [*compared]}


def programs(*statements: str, compared: str = 'uvw', depth: int = 2) -> st.SearchStrategy[Program]:
    """Draw a function made of such ``STATEMENTS``, which are nested so deep."""
    return texts(grammar(statements, compared), 'program', depth).map(Program)


def program(seed: int, *statements: str, compared: str = 'uvw', depth: int = 2) -> Program:
    """Return one of ``programs``, always the same."""
    return Program(drawn(grammar(statements, compared), 'program', Random(seed).choice, depth))


# What holds for a program: compiled it gives what it gives uncompiled.

NUMBERS = [-1.5, -0.5, -0.0, 0.0, 0.25, 1.0, 2.0]
#: What has grown beyond it has rounding that has grown as much: where a sine is an ulp another one, it differs.
GROWN = 1e15


def rows_of(seed: int, number: int) -> list[list[float]]:
    """Return rows of numbers at which comparisons are ties, a nan among them."""
    rows = [[*row] for row in product(NUMBERS, repeat=3)]
    return [*Random(seed).sample(rows, number - 2), [math.nan, 1.0, 0.25], [0.0, -0.0, 0.0]]


def points_of(seed: int, number: int) -> list[list[float]]:
    """Return rows of numbers at which nothing is a tie, or 0."""
    uniform = Random(seed).uniform
    return [[uniform(-2, 2) for _ in range(3)] for _ in range(number)]


def flat(result: Any) -> list[float]:
    """Return all numbers of a result."""
    return [x for part in result for x in flat(part)] if hasattr(result, '__len__') else [float(result)]


def uncompiled(f: Callable[..., Any], *arguments: Any) -> list[float]:
    """Return the numbers without compiling, where Python raises those of IEEE."""
    with ieee_arithmetic():
        try:
            return flat(f(*arguments))
        except ZeroDivisionError:  # of floats, which are nobody's but Python's
            return flat(f([*map(Value, arguments[0])]))


def same(found: Any, wanted: list[float], exact: bool, told: Any) -> None:
    found = flat(found)
    if exact:
        assert bits(found) == bits(wanted), told
    else:
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-11, nan_ok=True), told


def check(
    f: Callable[..., Any], rows: list[list[float]], backend: str, told: Any, *more: Any, exact: bool = False
) -> Any:
    """Compare what compiling makes of a function of a row, and more, with what it is, row by row, and all at once.

    Return the compiled function that was given all rows. Numbers that have ``GROWN`` only Python's own can be.
    """
    answers = [uncompiled(f, row, *more) for row in rows]
    grown = [backend != 'python' and any(GROWN < abs(x) < math.inf for x in answer) for answer in answers]
    rows, answers = ([part for part, out in zip(parts, grown) if not out] for parts in (rows, answers))
    g, together, arrays = (compile(f, backend=backend) for _ in range(3))
    for row, answer in zip(rows, answers):
        same(g(row, *more), answer, exact, (told, row))
    for _ in range(2):
        for row, found, answer in zip(rows, together.map(rows, *([part] * len(rows) for part in more)), answers):
            same(found, answer, exact, (told, row))
    if backend != 'python' and not more and not isinstance(g(rows[0]), tuple):
        import numpy

        for some in (rows[:7], rows):
            for row, found, answer in zip(some, arrays.map(numpy.array(some)), answers):
                same(found, answer, exact, (told, row))
    return together
