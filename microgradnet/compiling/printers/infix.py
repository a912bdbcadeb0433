"""Instructions as assignments and infix expressions: what the printers of Python, NumPy and C share.

An instruction that is used once stands where it is used, if the line stays short; any
other gets a name, its node's label where that can be a name. A printer says how its
language spells what is not infix.

Routines as statements and loops: what the printers of Python, NumPy and C share beside expressions.

An instruction that is used once, in the body where it stands, is put where it is used, if
it is not read from memory that changes; every other one has a name.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable
from typing import ClassVar, cast

from ..ir.instructions import COMPARISONS, Listing
from ..ir.nests import Affine
from ..ir.routine import Block, Loop, Routine

__all__ = ['Expressions', 'Looping']


#: How tightly operators bind, in Python and C alike; calls and names bind most.
SIGNS = {'add': ('+', 3), 'sub': ('-', 3), 'mul': ('*', 4), 'div': ('/', 4)}
SIGNS |= {name: (sign, 2) for name, sign in COMPARISONS.items()}
TIGHT = 9
#: The longest expression that is put in place of its name.
LONGEST = 88


class Expressions:
    """Prints a listing's instructions; a subclass spells functions, choices and statements.

    After ``statements`` is called, ``text(place)`` is what stands for each output.
    """

    statement = '{name} = {text}'
    infix_division = True
    join: ClassVar[dict[str, str]] = {'both': ' and ', 'either': ' or '}
    words: Iterable[str] = ()
    #: A longer sum is a call of ``total``: Python's parser would be out of its depth.
    most_terms = math.inf

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.taken = {*keyword.kwlist, *self.words, *listing.customs, *listing.used()}
        self.spelt: list[tuple[str, int]] = []
        self.count = 0
        self.leaf_names = self._leaf_names()

    def names(self, kind: str) -> list[str]:
        """Return the names of the ``'row'``'s numbers, or of the ``'parameter'``s, in order.

        They are the first instructions of a listing.
        """
        return [name for place, name in self.leaf_names.items() if self.listing.instructions[place].name == kind]

    def statements(self) -> list[str]:
        """Print every instruction that gets a name, in order."""
        lines = []
        for place, (name, operands) in enumerate(self.listing.instructions):
            if place in self.leaf_names:
                self.spelt.append((self.leaf_names[place], TIGHT))
                continue
            text, binding = self.spell_number(operands[0]) if name == 'number' else self.spell(name, operands)
            condition = name in COMPARISONS or name in self.join
            once = self.listing.uses[place] == 1 and len(text) <= LONGEST and place not in self.listing.labels
            if name != 'number' and not condition and not once:
                own = self.own_name(place)
                lines.append(self.statement.format(name=own, text=text))
                text, binding = own, TIGHT
            self.spelt.append((text, binding))
        return lines

    def python_function(self) -> str:
        """Print a function of a row and of the parameters that returns the tuple of all outputs."""
        body = []
        for kind, group in ('row', 'row'), ('parameter', 'parameters'):
            if names := self.names(kind):
                body.append(f'{", ".join(names)}{"," * (len(names) == 1)} = {group}')
        body += self.statements()
        outputs = ', '.join(self.text(place) for place in self.listing.outputs)
        body.append(f'return ({outputs}{"," * (len(self.listing.outputs) == 1)})')
        return '\n    '.join(['def program(row, parameters):', *body]) + '\n'

    def text(self, place: int, least: int = 0) -> str:
        """Return the expression for an operand, in parentheses if it binds less than asked."""
        text, binding = self.spelt[place]
        return text if binding >= least else f'({text})'

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        if name in SIGNS and (name != 'div' or self.infix_division):
            sign, binding = SIGNS[name]
            return f'{self.text(operands[0], binding)} {sign} {self.text(operands[1], binding + 1)}', binding
        if name == 'neg':
            return f'-{self.text(operands[0], 5)}', 4
        if name in self.join:
            return self.join[name].join(self.text(operand, 3) for operand in operands), 1
        if name == 'select':
            return self.spell_select(*operands)
        if name == 'sum':
            return self.spell_total([self.text(operand, 4) for operand in operands], [])
        if name == 'dot':
            pairs = zip(operands[: len(operands) // 2], operands[len(operands) // 2 :])
            products = [f'{self.text(a, 4)} * {self.text(b, 5)}' for a, b in pairs]
            last = [] if self.listing.is_zero(operands[-1]) else [self.text(operands[-1], 4)]
            return self.spell_total(products, last)
        return f'{self.function(name)}({", ".join(self.text(operand) for operand in operands)})', TIGHT

    def spell_total(self, terms: list[str], last: list[str]) -> tuple[str, int]:
        """Print a sum as Python makes it: from 0, term after term, so that no sum of terms is -0.0."""
        first = ['0.0', *terms] if len(terms) <= self.most_terms else [f'total(({", ".join(terms)}))']
        return ' + '.join([*first, *last]), 3

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        raise NotImplementedError

    def spell_number(self, number: float) -> tuple[str, int]:
        """Print a constant; an infinity or nan by its name."""
        size = self.function(str(abs(number))) if not math.isfinite(number) else repr(abs(number))
        return (f'-{size}', 4) if math.copysign(1.0, number) < 0 and number == number else (size, TIGHT)

    def function(self, name: str) -> str:
        """Return what a function, or an infinity or nan, is called."""
        return name

    def _leaf_names(self) -> dict[int, str]:
        """Name the row's numbers and the parameters."""
        leaves = [place for place, (name, _) in enumerate(self.listing.instructions) if name in ('row', 'parameter')]
        return {place: self._leaf_name(place) for place in leaves}

    def own_name(self, place: int) -> str:
        """Make a new name for an instruction: its label, or v1, v2 ..."""
        label = self.listing.labels.get(place, '')
        self.count += not label
        return self._free(label, f'v{self.count}')

    def _leaf_name(self, place: int) -> str:
        kind, (number,) = self.listing.instructions[place]
        return self._free(self.listing.labels.get(place, ''), f'{"x" if kind == "row" else "w"}{number + 1}')

    def _free(self, label: str, otherwise: str) -> str:
        name = re.sub(r'[^0-9a-zA-Z]+', '_', label).strip('_')
        if not name or name[0].isdigit() or re.fullmatch(r'[vwx]\d+', name):
            name = otherwise
        while name in self.taken:
            name += '_'
        self.taken.add(name)
        return name


#: What the arrays are called.
ARRAYS = {'row': 'row', 'parameter': 'parameters', 'table': 'table'}


class Looping(Expressions):
    """Prints a routine's blocks; a language says how its loops and updates are spelt."""

    indent = '    '
    loop_forwards = 'for {counter} in range({count}):'
    loop_backwards = 'for {counter} in range({last}, -1, -1):'
    loop_end = stop = ''
    nothing = 'pass'
    carried = '{name} = {text}'

    def __init__(self, routine: Routine, *names: str) -> None:
        self.routine = routine
        super().__init__(cast(Listing, routine), *names)
        self.spelling: dict[int, tuple[str, int]] = {}

    def lines(self) -> list[str]:
        """Print all blocks."""
        return [line for block in self.routine.blocks for line in self.block(block, 0)]

    def block(self, block: Block, depth: int) -> list[str]:
        here = {register for register in block if isinstance(register, int)}
        once = {o for register in here for o in self.routine.operands(register) if self.routine.uses[o] == 1} & here
        lines: list[str] = []
        for item in block:
            lines += self.loop(item, depth) if isinstance(item, Loop) else self.instruction(item, item in once)
        return lines

    def instruction(self, register: int, once: bool) -> list[str]:
        name, operands = self.routine.instructions[register]
        if name == 'store':
            return [self.assignment(self.place(*operands[:2]), '=', self.text(operands[2]))]
        if name == 'output':
            return [self.assignment(self.place('outputs', operands[0]), '=', self.text(operands[1]))]
        if name == 'add_to':
            product = ' * '.join(self.text(operand, 4 + k) for k, operand in enumerate(operands[2:]))
            return [self.assignment(self.place(*operands[:2]), '+=', product)]
        if name == 'load':
            text, binding, once = self.place(*operands), TIGHT, once and operands[0] == 'kept'
        elif name in ARRAYS:
            text, binding = self.place(ARRAYS[name], operands[0]), TIGHT
        else:
            text, binding = self.spell(name, operands)
        if name in COMPARISONS or name in self.join or (once and len(text) <= LONGEST):
            self.spelling[register] = text, binding
            return []
        self.count += 1
        self.spelling[register] = f'v{self.count}', TIGHT
        return [self.named(register, text)]

    def named(self, register: int, text: str) -> str:
        """Print the statement that gives a register its name."""
        return self.statement.format(name=self.spelling[register][0], text=text)

    def loop(self, loop: Loop, depth: int) -> list[str]:
        """Print a loop; what it carries has two names, for the turn and for the next."""
        counter = f'i{depth + 1}'
        names = []
        for carry in loop.carries:
            self.count += 1
            names.append((f'c{self.count}', f'v{self.count}'))
            self.spelling[carry.register] = f'v{self.count}', TIGHT
        lines = [self.carried.format(name=c, text=self.text(carry.start)) for (c, _), carry in zip(names, loop.carries)]
        head = self.loop_backwards if loop.backwards else self.loop_forwards
        lines.append(head.format(counter=counter, count=loop.count, last=loop.count - 1))
        body = [self.named(carry.register, c) for (c, _), carry in zip(names, loop.carries)]
        for block in loop.blocks:
            body += self.block(block, depth + 1)
        left = [(c, self.text(carry.after)) for (c, _), carry in zip(names, loop.carries)]
        body += [self.assignment(c, '=', text) for c, text in left if c != text]
        end = [self.loop_end] if self.loop_end else []
        return [*lines, *(self.indent + line for line in body or [self.nothing]), *end]

    def text(self, place: int, least: int = 0) -> str:
        name, operands = self.routine.instructions[place]
        text, binding = self.spell_number(operands[0]) if name == 'number' else self.spelling[place]
        return text if binding >= least else f'({text})'

    def assignment(self, target: str, sign: str, text: str) -> str:
        return f'{target} {sign} {text}{self.stop}'

    def place(self, array: str, number: Affine) -> str:
        index = self.index(number)
        return f'{array}[({index}) % {self.routine.rolling}]' if array == 'rolling' else f'{array}[{index}]'

    def index(self, number: Affine) -> str:
        """Print an affine place."""
        text = ''
        for depth, step in enumerate(number.steps, 1):
            factor = '' if abs(step) == 1 else f'{abs(step)} * '
            text += f' {"-" if step < 0 else "+"} {factor}i{depth}' if step else ''
        return text.removeprefix(' + ') if text.startswith(' +') and not number.start else f'{number.start}{text}'

    def _leaf_names(self) -> dict[int, str]:
        return {}

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        if name == 'madd':
            a, b, total = operands
            return f'{self.text(total, 3)} + {self.text(a, 4)} * {self.text(b, 5)}', 3
        return super().spell(name, operands)

    def array(self, name: str, size: int) -> str:
        raise NotImplementedError

    def python_routine(self) -> str:
        """Print a function of a row and of the parameters that returns the list of all outputs."""
        routine = self.routine
        sizes = routine.sizes | {'outputs': routine.count}
        body = [f'{name} = {self.array(name, size)}' for name, size in sizes.items() if size]
        body += [*self.lines(), 'return outputs']
        return '\n    '.join(['def program(row, parameters):', *body]) + '\n'
