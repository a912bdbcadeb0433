"""The formulas of a printed derivation, evaluated from what it says is given, and compared with its numbers.

Part of ``derivation_reader``, which says what it is for.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

from tests.support.derivation_lines import (
    EPSILON,
    FUNCTIONS,
    ULPS,
    Dual,
    Line,
    Tree,
    Wrong,
    by_differences,
    names_in,
    read_name,
)

__all__ = ['Evaluator']

PARTS = {'error introduced': 'δ', 'gradient': "'", 'input': ''}


class Evaluator:
    """Names with their definitions, and what formulas of them are worth.

    ``given`` has numbers by name, one or one for each of ``samples``; ``by`` is the name
    derived by.
    """

    def __init__(self, of_a_net: bool, by: str, digits: int) -> None:
        self.of_a_net, self.by, self.digits, self.samples = of_a_net, by, digits, 1
        self.given: dict[str, list[Any]] = {}
        self.definitions: dict[str, Tree] = {}
        self.functions: dict[str, tuple[Any, Any]] = dict(FUNCTIONS)
        self.known: dict[tuple[str, int, str, bool], Dual] = {}

    def near(self, line: Line, literal: str, dual: Dual) -> None:
        """Compare a printed number with what it should be: the nearest one in so many digits."""
        if isinstance(dual.v, (int, Fraction)) and re.fullmatch(r'-?\d+(/\d+)?', literal):
            if Fraction(literal) != dual.v or str(Fraction(literal)) != literal:
                raise Wrong(f'{line.text!r}: {literal} should be {dual.v}')
            return
        v = float(dual.v)
        if '/' in literal or f'{float(literal):.{self.digits}g}' != literal:
            raise Wrong(f'{line.text!r}: {literal} is not printed as it should be')
        sizes = [math.floor(math.log10(abs(x))) for x in (v, float(literal)) if x]
        unit = 10.0 ** (max(sizes) + 1 - self.digits) if sizes else 0.0
        if abs(v - float(literal)) > 0.5000001 * unit + ULPS * EPSILON * float(dual.m) + 1e-300:
            raise Wrong(f'{line.text!r}: {literal} should be {v}')

    def same(self, formula: Tree, numbers: Tree, line: Line) -> None:
        """Check that a side is the one before with numbers in place of its symbols."""
        if numbers[0] == 'number' and formula[0] != 'number':
            return self.near(line, numbers[1], self.evaluate(formula, 0))
        if numbers[0] == 'minus' and numbers[1][0] == 'number' and formula[0] != 'minus':
            return self.near(line, '-' + numbers[1][1], self.evaluate(formula, 0))
        if numbers[0] == 'minus' and numbers[1][0] == 'product' and formula[0] == 'product':
            first, *others = numbers[1][1]
            return self.same(formula, ('product', [('minus', first), *others]), line)
        if numbers[0] == 'minus' and numbers[1][0] == 'quotient' and formula[0] == 'quotient':
            return self.same(formula, ('quotient', ('minus', numbers[1][1]), numbers[1][2]), line)
        if formula[0] != numbers[0] or len(formula) != len(numbers):
            raise Wrong(f'{line.text!r}: the numbers do not stand as the symbols do')
        for a, b in zip(formula[1:], numbers[1:]):
            if isinstance(a, list):
                if len(a) != len(b):
                    raise Wrong(f'{line.text!r}: there are not as many numbers as symbols')
                for one, other in zip(a, b):
                    self.same(one, other, line)
            elif isinstance(a, tuple):
                self.same(a, b, line)
            elif a != b:
                raise Wrong(f'{line.text!r}: {b!r} should be {a!r}')
        return None

    def key(self, name: str) -> tuple[str, str]:
        """Return what a name is defined under: E of a sample, and w after the update, are others than E and w."""
        name, sample = read_name(name)
        if sample in ('l', 'l+1') and name != self.by:
            raise Wrong(f'only {self.by} is updated, not {name}')
        if sample == 'l+1':
            return f'{name}^(l+1)', ''
        if name == 'E' and sample:
            return 'E of a sample', sample
        return name, '' if sample == 'l' else sample

    def free_names(self, trees: list[Any]) -> list[str]:
        """List the names outside sums over samples."""
        found = []
        for tree in trees:
            if isinstance(tree, list):
                found += self.free_names(tree)
            elif isinstance(tree, tuple) and tree[0] == 'ratio':
                found.append(tree[2])
            elif isinstance(tree, tuple) and tree[0] == 'name':
                found.append(tree[1])
            elif isinstance(tree, tuple) and tree[0] == 'derivative':
                found += [tree[1], *self.free_names([tree[2]])]
            elif isinstance(tree, tuple) and tree[0] != 'samples':
                found += self.free_names([part for part in tree[1:] if not isinstance(part, str)])
        return found

    def moves(self, tree: Tree) -> bool:
        """Tell whether a formula depends on what is derived by."""
        names = {self.key(name)[0] for name in names_in(tree)}
        return self.by in names or any(
            self.moves(self.definitions[name]) for name in names if self.definitions[name][0] != 'given'
        )

    def named(self, text: str, i: int, by: str, local: bool) -> Dual:
        key = text, i, by, local
        if key not in self.known:
            self.known[key] = self.look_up(*key)
        return self.known[key]

    def look_up(self, text: str, i: int, by: str, local: bool) -> Dual:
        name, sample = self.key(text)
        if name not in self.definitions:
            raise Wrong(f'{text} comes from nowhere')
        definition = self.definitions[name]
        if sample.isdigit() and not 1 <= int(sample) <= self.samples:
            raise Wrong(f'there is no sample {sample}')
        at = int(sample) - 1 if sample.isdigit() else i
        if definition[0] == 'given':
            if bool(definition[1]) != bool(sample):
                raise Wrong(f'{text} is given otherwise')
            value = self.given[name][at if sample else 0]
            dual = Dual(value, abs(value))
        else:
            free = self.samples > 1 and 'i' in {read_name(n)[1] for n in self.free_names([definition])}
            if free != bool(sample):
                raise Wrong(f'{text} is defined otherwise')
            dual = self.evaluate(definition, at, by if not local else '')
        if name == by:
            return dual._replace(d=1, e=1)
        return dual._replace(d=0, e=0) if local else dual

    def evaluate(self, tree: Tree, i: int, by: str = '', local: bool = False) -> Dual:
        def inner(part: Tree) -> Dual:
            return self.evaluate(part, i, by, local)

        match tree:
            case ('number', text):
                number = Fraction(text) if re.fullmatch(r'\d+(/\d+)?', text) else float(text)
                return Dual(number, abs(number))
            case ('name', name):
                return self.named(name, i, by, local)
            case ('sum', terms):
                first, *others = map(inner, terms)
                for other in others:
                    first = first + other
                return first
            case ('product', factors):
                first, *others = map(inner, factors)
                for other in others:
                    first = first * other
                return first
            case ('minus', body):
                return -inner(body)
            case ('quotient', above, below):
                return inner(above) * inner(below).through(lambda b: 1 / b, lambda b: -1 / (b * b))
            case ('power', base, exponent):
                n = inner(exponent).v
                n = int(n) if n == int(n) else float(n)
                return inner(base).through(lambda a: a**n, lambda a: n * a ** (n - 1))
            case ('apply', function, primed, argument):
                if function not in self.functions:
                    raise Wrong(f'there is no {function}')
                g, slope = self.functions[function]
                return inner(argument).through(*((slope, by_differences(slope)) if primed else (g, slope)))
            case ('samples', start, body):
                if self.samples == 1 or int(start) > self.samples:
                    raise Wrong('a sum over one sample, or none')
                first, *others = (self.evaluate(body, k, by, local) for k in range(int(start) - 1, self.samples))
                for other in others:
                    first = first + other
                return first
            case ('marked', part, body):
                if (
                    part not in PARTS
                    or PARTS[part] not in str(body)
                    or (part == 'input' and 'δ' in str(body))
                ) and (names_in(body) or part not in PARTS):
                    raise Wrong(f'{body} is no {part}')
                return inner(body)
            case ('ratio', sign, of, below):
                local_one = not self.of_a_net and sign == '∂'
                if not local_one and self.key(below)[0] != self.by:
                    raise Wrong(f'derived by {below}, not by {self.by}')
                if local_one:
                    if self.definitions.get(of, ('given',))[0] == 'given':
                        raise Wrong(f'{of} is not computed')
                    return self.derivative(self.evaluate(self.definitions[of], i, below, True))
                return self.derivative(self.named(of, i, self.by, False))
            case ('derivative', by_name, body):
                if by_name != self.by:
                    raise Wrong(f'derived by {by_name}, not by {self.by}')
                return self.derivative(self.evaluate(body, i, self.by))
        raise Wrong(f'cannot evaluate {tree}')

    @staticmethod
    def derivative(dual: Dual) -> Dual:
        return Dual(dual.d, dual.e, math.nan, math.nan)
