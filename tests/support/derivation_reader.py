"""A reader of printed derivations: it has nothing but the text, and believes none of it.

It parses every line set in by four spaces, evaluates every side of it for every sample
from what is given alone, and compares with the number printed. Derivatives it works out
itself, by dual numbers through the lines that define names. It imports nothing of the
engine: functions and their derivatives are Python's own.

Where the text repeats a formula with numbers put in, or writes them alone under it, each
number must be that of the symbol in its place. Lines without a number must be equal all
the same; g and g' must be what Python's are, and every g(r) is worked out by them. The
table has the numbers of its lines. Numbers must be the nearest in six digits, or as many as it is told, those given
in full. Terms that vanish must be those of the sum above them, and paths lead along their
weights.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from fractions import Fraction
from typing import Any

from tests.support.derivation_evaluator import Evaluator
from tests.support.derivation_lines import (
    EPSILON,
    FUNCTIONS,
    ULPS,
    Line,
    Tree,
    Wrong,
    columns,
    joined,
    names_in,
    read_name,
    walk,
    with_names,
)
from tests.support.derivation_prose import HEADINGS, PROSE
from tests.support.written import with_exponents

__all__ = ['Reader', 'Wrong']


class Reader(Evaluator):
    """Everything that a text says, checked: ``given`` and ``found`` by name, numbers as printed."""

    def __init__(self, text: str, digits: int = 6) -> None:
        rows = joined(unicodedata.normalize('NFD', with_exponents(text)).split('\n'))
        title = re.fullmatch(r'The (update|derivative) of (\S+) by (.+)', rows[0])
        if not title:
            raise Wrong(rows[0])
        of_a_net = title[1] == 'update'
        super().__init__(of_a_net, title[2] if of_a_net else title[3], digits)
        self.of = 'E' if of_a_net else title[2]
        self.found: dict[str, list[Any]] = {}
        self.path: list[str] = []
        #: How many numbers a line for every sample has.
        self.shown = 10**9
        #: Names that had their line, and which function each r goes into.
        self.seen: set[str] = set()
        self.letters: dict[str, str] = {}
        #: What a whole derivative is stated of.
        self.totals: list[str] = []
        #: How a function and its derivative are written.
        self.forms: dict[tuple[str, bool], Tree] = {}
        #: The rows of the table, which stand at two, as they are printed.
        self.table = [row for row in unicodedata.normalize('NFD', text).split('\n') if re.match('  (?! )', row)]
        rows = self.without_tags([row for row in rows if not re.match('  (?! )', row)])
        parsed = [(row, Line(row[4:]) if row.startswith('    ') else None) for row in rows[1:]]
        self.define(parsed)
        self.check_all(parsed)
        self.check_table()
        self.check_references(parsed)
        used = {self.key(name)[0] for _, line in parsed if line for side in line.sides or [line.left]
                if side is not line.left or side[0] != 'name' for name in names_in(side)}  # fmt: skip
        unused = {*self.definitions} - used - {'M', self.of, f'{self.by}^(l+1)'}
        if unused - {name for name in unused if self.definitions[name][0] == 'given'}:
            raise Wrong(f'{unused} is of no use')
        if self.of_a_net != (f'{self.by}^(l+1)' in self.definitions) or self.totals[-1:] != [self.of]:
            raise Wrong('the result is missing')

    def define(self, parsed: list[tuple[str, Line | None]]) -> None:
        """Take over what is given, and the first line of every other name: the update rule comes before E."""
        heading = ''
        for row, line in parsed:
            if line is None:
                heading = row if row in HEADINGS else heading
                if row.startswith('Activation: '):
                    self.activations(row)
            elif heading == 'What is given':
                if line.left[0] == 'apply':
                    self.take_form(line)
                else:
                    self.take_over(line)
            elif line.left[0] == 'name':
                name, sample = self.key(line.left[1])
                if sample.isdigit():
                    if name not in self.definitions or len(line.numbers) != 1:
                        raise Wrong(f'{line.text!r}: {name} is not defined for every sample, or has no number')
                    self.found.setdefault(name, []).append(self.number(line.numbers[0]))
                    continue
                if name not in self.definitions:
                    if not line.sides and not name.startswith('P_'):
                        raise Wrong(f'{line.text!r}: {name} comes from nowhere')
                    if not line.numbers and line.left[0] == 'name' and self.samples == 1 and '(l' not in line.left[1]:
                        raise Wrong(f'{line.text!r}: {name} has no number')
                    self.definitions[name] = line.sides[0] if line.sides else ('number', line.numbers[0])
                elif not name.startswith('P_') and not (
                    (name.endswith('^(l+1)') or (name == 'E' and self.samples > 1)) and len(line.sides) == 2
                ):
                    raise Wrong(f'{line.text!r}: {name} is there already')
                if line.numbers:
                    self.found.setdefault(name, [*map(self.number, line.numbers)])

    def check_all(self, parsed: list[tuple[str, Line | None]]) -> None:
        heading, vanishing = '', []
        for row, line in parsed:
            if line is not None:
                if heading != 'What is given':
                    self.check_order(heading, line)
                    self.check(line)
                    vanishing = self.check_vanishing(heading, line, vanishing)
            elif row.startswith('Path '):
                self.start_path(row)
            elif row.startswith('The numbers of all '):
                self.check_counts(row)
            elif row.startswith('The other '):
                others = self.samples - self.shown
                if row != (f'The other {others} samples, added up:' if others > 1 else 'The other sample:'):
                    raise Wrong(row)
            elif re.sub(r'\(\d+\)', '()', row) not in (*PROSE, *HEADINGS) and not row.startswith('Activation: '):
                raise Wrong(row)
            elif row in HEADINGS:
                if vanishing:
                    raise Wrong(f'terms that vanish are missing before {row!r}')
                heading, self.path = row, []
                if heading == 'The chain rule':
                    every = [*dict.fromkeys(names_in(self.definitions['E']))]
                    vanishing = [('name', name) for letter in 'ty' for name in every
                                 if name[0] == letter and not self.moves(('name', name))]  # fmt: skip

    # The numbers of equations.

    def without_tags(self, rows: list[str]) -> list[str]:
        """Take the numbers off the equations, and remember them: 1, 2, 3 and so on."""
        self.tags: dict[str, int] = {}
        bare = []
        for number, row in enumerate(rows):
            match = re.fullmatch(r'(    .*[^ ])  \((\d+)\)', row)
            if match:
                if match[2] != str(len(self.tags) + 1):
                    raise Wrong(f'{row!r}: the next number is {len(self.tags) + 1}')
                self.tags[match[2]] = number
            bare.append(match[1] if match else row)
        return bare

    def check_references(self, parsed: list[tuple[str, Line | None]]) -> None:
        """Check that equations alone are numbered, and a reference is to the first or the latest of what follows."""
        tagged = {place - 1: tag for tag, place in self.tags.items()}
        for place, (row, line) in enumerate(parsed):
            if (line is not None and bool(line.sides)) != (place in tagged):
                raise Wrong(f'{row!r}: an equation has a number, and nothing else')
            for tag in re.findall(r'\((\d+)\)', row) if line is None and row.startswith('From ') else []:
                following = parsed[place + 1][1]
                referred = parsed[self.tags.get(tag, 1) - 1][1]
                if following is None or referred is None or self.tags[tag] > place:
                    raise Wrong(f'{row!r}: there is no {tag} before, or nothing after')
                same = [at for at, (_, other) in enumerate(parsed[:place]) if other and other.left == referred.left
                        and other.sides]  # fmt: skip
                if self.tags[tag] - 1 not in (same[0], same[-1]):
                    raise Wrong(f'{row!r}: {tag} is neither the first nor the latest')
                new = [following.left, *following.sides]
                known = referred.left in walk(new) or referred.left[1:] in {(tree[2],) for tree in walk(new)
                                                                           if tree[0] == 'ratio'}  # fmt: skip
                if not known:
                    raise Wrong(f'{row!r}: {tag} has nothing of what follows')

    # The table.

    def check_table(self) -> None:
        """Check that a net's table has every neuron and sample in order, with the numbers of their lines, aligned."""
        if not self.of_a_net:
            if self.table:
                raise Wrong('a table of what?')
            return
        several = self.samples > 1
        cells = [re.split(' {2,}', row.strip()) for row in self.table]
        wide = [max(map(columns, column)) for column in itertools.zip_longest(*cells, fillvalue='')]
        for row, (first, *others) in zip(self.table, cells):
            padded = [first + ' ' * (wide[0] - columns(first))]
            padded += [' ' * (width - columns(cell)) + cell for cell, width in zip(others, wide[1:])]
            if row != '  ' + '  '.join(padded):
                raise Wrong(f'{row!r} is not aligned')
        neurons = [name for name in self.definitions if name[0] == 'r']
        expected = [(r, s) for r in neurons for s in range(min(self.samples, self.shown))]
        if cells[:1] != [['neuron', *['i'] * several, 'r', 'g(r)', "g'(r)", 'δ']] or len(cells) != len(expected) + 1:
            raise Wrong('the table is not whole')
        for row, (r, s) in zip(cells[1:], expected):
            delta = r.replace('r', 'δ', 1)
            delta = 'δ' if r == neurons[-1] and 'δ' in self.definitions else delta
            if row[: 1 + several] != [r.replace('r', 'f', 1), *[str(s + 1)] * several] or len(row) != 5 + several:
                raise Wrong(f'{row}: {r} of sample {s + 1} is wanted')
            name, letter = ('name', f'{r}^({s + 1})' if several else r), self.letters[r]
            signal = ('name', f'{delta}^({s + 1})' if several else delta)
            terms = [name, ('apply', letter, False, name), ('apply', letter, True, name), signal]
            for literal, term in zip(row[1 + several :], terms):
                if literal == '–':
                    if delta in self.definitions or term in terms[:2]:
                        raise Wrong(f'{row}: a number is missing')
                else:
                    line = Line(f'x = {with_exponents(literal)}')
                    if line.sides or len(line.numbers) != 1:
                        raise Wrong(f'{row}: {literal!r} is no number')
                    self.near(line, line.numbers[0], self.evaluate(term, s))

    # What is given.

    def take_over(self, line: Line) -> None:
        if line.left[0] != 'name' or line.sides:
            raise Wrong(f'{line.text!r}: given is a name with its number')
        for number in line.numbers:
            if '/' in number:
                proper = str(Fraction(number)) == number
            else:
                proper = repr(float(number)).removesuffix('.0') == number
            if not proper:
                raise Wrong(f'{line.text!r}: {number} is not printed as it should be')
        name, sample = read_name(line.left[1])
        if name in self.given or sample not in ('', 'i'):
            raise Wrong(f'{line.text!r}: given before')
        numbers = [Fraction(n) if re.fullmatch(r'-?\d+(/\d+)?', n) else float(n) for n in line.numbers]
        if name == 'M':
            self.samples = int(numbers[0])
        if len(numbers) != (self.samples if sample else 1):
            raise Wrong(f'{line.text!r}: wanted one number for each of {self.samples} samples')
        self.given[name] = numbers
        self.definitions[name] = ('given', sample)

    def take_form(self, line: Line) -> None:
        """Take over how a function of r is written, and compare it with Python's."""
        _, letter, primed, argument = line.left
        form = line.sides[0] if line.sides else ('number', line.numbers[0])
        if argument != ('name', 'r') or len(line.sides) > 1 or (letter, primed) in self.forms or 'r' in self.given:
            raise Wrong(f'{line.text!r}: a function is written once, and of r')
        if {*names_in(form)} - {'r'} or letter not in self.functions:
            raise Wrong(f'{line.text!r}: not a function of r alone')
        own = [tree[2] for tree in walk([form]) if tree[0] == 'apply' and tree[1] == letter]
        if own and (not primed or any(own)):
            raise Wrong(f'{line.text!r}: {letter} by itself')
        for r in (-1.375, 0.4375, 2.25):
            self.given['r'], self.definitions['r'], self.known = [r], ('given', ''), {}
            if abs(self.evaluate(form, 0).v - self.evaluate(line.left, 0).v) > 1e-12:
                raise Wrong(f'{line.text!r}: not so at {r}')
        del self.given['r'], self.definitions['r']
        self.known = {}
        self.forms[letter, primed] = form

    def spelled(self, left: Tree, line: Line) -> Tree:
        """Return the formula into which numbers alone were put: of a function, or of what a line above defines."""
        if left[0] == 'apply' and (left[1], left[2]) in self.forms:
            return with_names(self.forms[left[1], left[2]], lambda name: left[3][1] if name == 'r' else name)  # type: ignore[no-any-return]
        if left[0] == 'name' and self.key(left[1])[1].isdigit():
            name, sample = self.key(left[1])
            return with_names(self.definitions[name], lambda n: re.sub(r'\^\(i\)$', f'^({sample})', n))  # type: ignore[no-any-return]
        raise Wrong(f'{line.text!r}: numbers of no formula')

    @staticmethod
    def number(literal: str) -> Any:
        return Fraction(literal) if '/' in literal else float(literal)

    def activations(self, row: str) -> None:
        if row[-1] != '.':
            raise Wrong(row)
        for part in row[:-1].removeprefix('Activation: ').split('; '):
            match = re.fullmatch(r'(\S+) is (\w+)', part)
            if not match or match[2] not in FUNCTIONS:
                raise Wrong(row)
            self.functions[match[1]] = FUNCTIONS[match[2]]
            self.given[match[1]] = [match[2]]

    def check_counts(self, row: str) -> None:
        match = re.fullmatch(
            r'The numbers of all (\d+) samples; from here on the first (\d+) are written out, and the others added up:',
            row,
        )
        if not match or int(match[1]) != self.samples or not 1 <= int(match[2]) < self.samples:
            raise Wrong(row)
        self.shown = int(match[2])

    def start_path(self, row: str) -> None:
        match = re.fullmatch(r'Path (\d+), (.*):', row)
        if not match:
            raise Wrong(row)
        stations = re.split(' → ' if self.of_a_net else ' ← ', match[2])
        if self.of_a_net and not all(re.fullmatch(r'f_\d+|f\u0302(_\d+)?', station) for station in stations):
            raise Wrong(row)
        self.path = [f'P_{match[1]}', *stations]

    # The lines.

    def check(self, line: Line) -> None:
        """Evaluate every side of a line for every sample, and define its left if it is new."""
        if line.left[0] == 'ratio' and line.left[1] == '∂d'[not self.of_a_net] and line.left[2] == self.of:
            self.totals.append(self.of)
            if line.numbers:
                self.gradient = [*map(self.number, line.numbers)]
        if self.path:
            self.check_path(line)
        free = 'i' in {read_name(name)[1] for name in self.free_names([line.left, *line.sides])}
        if not line.numbers:
            return self.check_equal(line, self.samples if free else 1)
        wanted = min(self.samples, self.shown) if free else 1
        if len(line.numbers) != wanted and line.numbers not in (['0'], ['1']):
            raise Wrong(f'{line.text!r}: wanted {wanted} numbers')
        before = line.left
        for side in [line.left, *line.sides]:
            if side is not line.left and not names_in(side):
                self.same(before if before is not line.left else self.spelled(before, line), side, line)
                continue
            for i in range(wanted):
                number = line.numbers[i % len(line.numbers)]
                self.near(line, number, self.evaluate(side, i))
            before = side
        return None

    def check_equal(self, line: Line, count: int) -> None:
        """Check that all sides of a line without a number are worth the same."""
        for i in range(count):
            first, *others = (self.evaluate(side, i) for side in [line.left, *line.sides])
            for other in others:
                if abs(first.v - other.v) > ULPS * EPSILON * float(first.m + other.m) + 1e-300:
                    raise Wrong(f'{line.text!r}: {first.v} is not {other.v}')

    def check_order(self, heading: str, line: Line) -> None:
        """Check that names come after their lines, always with the same function, and the chain rule's shapes."""
        names = {self.key(name)[0] for side in line.sides for name in names_in(side)}
        if heading != 'The update rule' and (early := {n for n in names if n not in self.given} - self.seen):
            raise Wrong(f'{line.text!r}: {early} is not known yet')
        if line.left[0] == 'name':
            self.seen.add(self.key(line.left[1])[0])
        for tree in walk([line.left, *line.sides]):
            if tree[0] == 'apply' and tree[3][0] == 'name' and self.of_a_net:
                name = self.key(tree[3][1])[0]
                if name[0] != 'r' or self.letters.setdefault(name, tree[1]) != tree[1]:
                    raise Wrong(f'{line.text!r}: {tree[1]} of {name}')
        if heading == 'The chain rule' and line.sides:
            self.check_chain(line)

    def check_chain(self, line: Line) -> None:
        """Check that squares are differentiated as squares, each in its place."""
        squares = [tree[1] for tree in walk([self.definitions['E']]) if tree[0] == 'power']
        derivatives = [tree for tree in walk(line.sides) if tree[0] == 'derivative']
        if any(tree[0] == 'power' for tree in walk(line.sides)):
            if derivatives[0][2] != self.definitions['E']:
                raise Wrong(f'{line.text!r}: not the derivative of E')
            return
        if derivatives and derivatives[0][2][0] == 'sum':
            products = [t[1] for t in walk(line.sides) if t[0] == 'product' and t[1][-1][0] == 'derivative']
            for square, factors in zip(squares, products, strict=len(squares) > 1):
                if factors[-1][2] != square or factors[-2] != square or factors[:-2] not in (
                        [], [('number', '2')], [('number', '1/2'), ('number', '2')]):  # fmt: skip
                    raise Wrong(f'{line.text!r}: not the derivative of {square}')

    def check_vanishing(self, heading: str, line: Line, expected: list[Tree]) -> list[Tree]:
        """Check that the zeros under a sum are those of its terms that do not move, in their order."""
        if (
            line.numbers == ['0']
            and not line.sides
            and heading in ('The chain rule', 'The terms that vanish')
        ):
            body = ('name', line.left[2]) if line.left[0] == 'ratio' else line.left[2]
            if not expected or body != expected[0]:
                raise Wrong(f'{line.text!r}: not the next term that vanishes')
            return expected[1:]
        if heading == 'The terms that vanish':
            if expected or len(line.sides) != 1 or line.sides[0][0] != 'derivative':
                raise Wrong(f'{line.text!r}: terms that vanish are missing before')
            whole = line.sides[0][2]
            return [term for term in (whole[1] if whole[0] == 'sum' else [whole]) if not self.moves(term)]
        return expected

    def check_path(self, line: Line) -> None:
        symbol, *stations = self.path
        if line.left[0] == 'name' and line.left[1].startswith('P_'):
            name, sample = self.key(line.left[1])
            if name != symbol:
                raise Wrong(f'{line.text!r}: not {symbol}')
            if sample.isdigit():  # numbers, put into the line above
                return
            steps = [*itertools.pairwise(stations)]
            if self.of_a_net:
                if '\u0302' in stations[-1]:
                    ends = ','.join(s.partition('_')[2] for s in stations).rstrip(',')
                    wanted = ['w\u0302_' + (f'{{{ends}}}' if ',' in ends else ends)]
                else:
                    wanted = [f'w_{{{a[2:]},{b[2:]}}}' for a, b in reversed(steps)]
                if [n for n in names_in(line.sides[0]) if n[0] == 'w'] != wanted:
                    raise Wrong(f'{line.text!r}: not along {stations}')
            elif line.sides and '∂' in line.text:
                factors = line.sides[0][1] if line.sides[0][0] == 'product' else [line.sides[0]]
                if [f[2:] for f in factors] != steps:
                    raise Wrong(f'{line.text!r}: not along {stations}')
        elif line.left[0] == 'ratio' or line.left[0] == 'derivative':
            self.path = []
