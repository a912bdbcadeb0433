"""Routines as assignments, infix expressions and loops: what the languages that have them share.

An instruction that is used once, in the body where it stands, is put where it is used, if the
line stays short and it is not read from memory that changes; any other gets a name, its
node's label where that can be a name. A dialect says how its language spells what is not infix.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from ..ir.instructions import COMPARISONS, CONDITIONS
from ..ir.nests import Affine
from ..ir.routine import Block, Branch, Loop, Routine

__all__ = ['LONGEST', 'TIGHT', 'Infix', 'Loops']

#: How tightly operators bind, in Python and C alike; calls and names bind most.
SIGNS = {'add': ('+', 3), 'sub': ('-', 3), 'mul': ('*', 4), 'div': ('/', 4)}
SIGNS |= {name: (sign, 2) for name, sign in COMPARISONS.items()}
TIGHT = 9
#: The longest expression that is put in place of its name.
LONGEST = 88
#: What the arrays are called.
ARRAYS = {'row': 'row', 'parameter': 'parameters', 'table': 'table'}


class Loops:
    """The functions of loops whose count depends on the numbers, and of the ways back through them: each once."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.texts: list[str] = []

    def name(self, kind: str, thing: Any, define: Callable[[str, Any], str]) -> str:
        """Return what a loop's function is called; have it printed first, if it is new."""
        key = repr(thing)
        if key not in self.names:
            self.names[key] = name = f'{kind}{len(self.names) + 1}'
            text = define(name, thing)
            self.texts.append(text)
        return self.names[key]


class Infix:
    """Prints a routine's blocks; a dialect spells functions, choices, statements and loops.

    Of straight code the row's numbers and the parameters have names, and ``results`` are the expressions
    of the outputs, once ``lines`` has been called.
    """

    statement = '{name} = {text}'
    carried = '{name} = {text}'
    indent = '    '
    loop_forwards = 'for {counter} in range({count}):'
    loop_backwards = 'for {counter} in range({last}, -1, -1):'
    branch_head, branch_elif, branch_else = 'if {condition}:', 'el{}', 'else:'
    loop_end = branch_end = stop = ''
    nothing = 'pass'
    infix_division = True
    join: ClassVar[dict[str, str]] = {'both': ' and ', 'either': ' or '}
    words: Iterable[str] = ()
    #: A longer sum is a call of ``total``: Python's parser would be out of its depth.
    most_terms = math.inf

    def __init__(self, routine: Routine) -> None:
        self.routine = routine
        self.loops = Loops()
        self.taken = {*keyword.kwlist, *self.words, *routine.customs, *routine.used()}
        self.spelling: dict[int, tuple[str, int]] = {}
        #: What has the name of the only thing that it is for.
        self.same: dict[int, str] = {}
        self.count = 0
        self.results: dict[int, str] = {}
        letters = {'row': 'x', 'parameter': 'w'}
        #: What the row's numbers and the parameters are called, in straight code.
        self.leaves = {
            kind: [self._free(label, f'{letters[kind]}{k}') for k, label in enumerate(labels, 1)]
            for kind, labels in (routine.leaves.items() if routine.flat else ())
        }

    def lines(self) -> list[str]:
        """Print all blocks."""
        return [line for block in self.routine.blocks for line in self.block(block, 0)]

    def block(self, block: Block, depth: int, then: Iterable[int] = ()) -> list[str]:
        return [line for _, lines in self.pieces(block, depth, then) for line in lines]

    def pieces(self, block: Block, depth: int, then: Iterable[int] = ()) -> Iterator[tuple[int | Loop, list[str]]]:
        """Print each instruction and loop of a block; what comes of it is asked for at its end, too, by ``then``."""
        here, uses = {register for register in block if isinstance(register, int)}, self.routine.uses
        once = {o for register in here.union(then) for o in self.routine.operands(register) if uses[o] == 1} & here
        if self.routine.branches:  # what is written elsewhere too, with names that are known there
            left = here & self.routine.left
            once -= {o for one in left if self.is_condition(one) for o in self.routine.operands(one)}
        for item in block:
            if isinstance(item, Loop):
                yield item, self.loop(item, depth)
            elif item in self.routine.branches:
                condition, branch = self.routine.instructions[item].operands
                yield item, self.branch(condition, branch, depth)
            else:
                yield item, self.instruction(item, item in once)

    def instruction(self, register: int, once: bool) -> list[str]:
        name, operands = self.routine.instructions[register]
        if name == 'store':
            return [self.assignment(self.place(*operands[:2]), '=', self.text(operands[2]))]
        if name == 'output':
            return self.output(*operands)
        if name == 'add_to':
            product = ' * '.join(self.text(operand, 4 + k) for k, operand in enumerate(operands[2:]))
            return [self.assignment(self.place(*operands[:2]), '+=', product)]
        if name in self.leaves:
            self.spelling[register] = self.leaves[name][operands[0].start], TIGHT
            return []
        if name == 'load':
            text, binding, once = self.place(*operands), TIGHT, once and operands[0] == 'kept'
        elif name in ARRAYS:
            text, binding = self.place(ARRAYS[name], operands[0]), TIGHT
        else:
            text, binding = self.spell(name, operands)
        if name in ('while', 'back'):
            once = False
        short = once and len(text) <= LONGEST and register not in self.routine.labels
        if self.is_condition(register) or short:
            self.spelling[register] = text, binding
            return []
        self.give_name(register)
        return [self.named(register, text)]

    def output(self, number: Affine, register: int) -> list[str]:
        if self.routine.flat:
            self.results[number.start] = self.text(register)
            return []
        return [self.assignment(self.place('outputs', number), '=', self.text(register))]

    def is_condition(self, register: int) -> bool:
        return self.routine.instructions[register].name in CONDITIONS

    def give_name(self, register: int) -> None:
        label, name = self.routine.labels.get(register, ''), self.same.get(register, '')
        self.count += not (label or name)
        self.spelling[register] = name or self._free(label, f'v{self.count}'), TIGHT

    def named(self, register: int, text: str) -> str:
        """Print the statement that gives a register its name."""
        return self.statement.format(name=self.spelling[register][0], text=text)

    def branch(self, condition: int, branch: Branch, depth: int) -> list[str]:
        """Print both sides; nothing of the second one, if nothing is done there."""
        sides: list[list[tuple[int | Loop, list[str]]]] = []
        joined, instructions, branches = branch.joined, self.routine.instructions, self.routine.branches
        for register in joined:
            self.give_name(register)
        for side, block in branch.sides:
            ends = [(register, instructions[register].operands[2 - side]) for register in joined]
            within = (branches[item] for item in block if isinstance(item, int) and item in branches)
            inner = {one for other in within for one in other.joined}
            self.same |= {end: self.spelling[register][0] for register, end in ends
                          if end in inner and self.routine.uses[end] == 1}  # fmt: skip
            printed = [(item, lines) for item, lines in self.pieces(block, depth, joined) if lines]
            texts = ((register, self.text(end)) for register, end in ends)
            printed += [(-1, [self.named(register, text)]) for register, text in texts
                        if text != self.spelling[register][0]]  # fmt: skip
            sides.append(printed)
        yes, no = ([line for _, lines in printed for line in lines] for printed in sides)
        head, end = self.branch_head.format(condition=self.text(condition)), [self.branch_end] * bool(self.branch_end)
        start = [head, *(self.indent + line for line in yes or [self.nothing])]
        if [isinstance(item, int) and item in branches for item, _ in sides[1]] == [True]:
            return [*start, self.branch_elif.format(no[0]), *no[1:]]
        return [*start, *([self.branch_else, *(self.indent + line for line in no)] if no else []), *end]

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

    def text(self, register: int, least: int = 0) -> str:
        """Return the expression for an operand, in parentheses if it binds less than asked."""
        name, operands = self.routine.instructions[register]
        text, binding = self.spell_number(operands[0]) if name == 'number' else self.spelling[register]
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

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        """Print what an instruction computes, and say how tightly that binds."""
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
            last = [] if self.routine.is_zero(operands[-1]) else [self.text(operands[-1], 4)]
            return self.spell_total(products, last)
        if name == 'madd':
            a, b, total = operands
            return f'{self.text(total, 3)} + {self.text(a, 4)} * {self.text(b, 5)}', 3
        if name == 'item':
            return f'{self.text(operands[0])}[{operands[1]!r}]', TIGHT
        if name == 'while' or name == 'back':
            return self.spell_loop(name, operands)
        return f'{self.function(name)}({", ".join(self.text(operand) for operand in operands)})', TIGHT

    def spell_loop(self, name: str, operands: tuple[Any, ...]) -> tuple[str, int]:
        raise NotImplementedError

    def spell_total(self, terms: list[str], last: list[str]) -> tuple[str, int]:
        """Print a sum as Python makes it: from 0, term after term, so that no sum of terms is -0.0."""
        zero = self.spell_number(0.0)[0]
        first = [zero, *terms] if len(terms) <= self.most_terms else [f'total(({", ".join(terms)}))']
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

    def python_function(self) -> str:
        """Print a function of a row and of the parameters that returns all outputs."""
        routine, body = self.routine, []
        if routine.flat:
            for kind, group in ('row', 'row'), ('parameter', 'parameters'):
                if names := self.leaves.get(kind):
                    body.append(f'{", ".join(names)}{"," * (len(names) == 1)} = {group}')
            body += self.lines()
            outputs = ', '.join(self.results[number] for number in range(routine.count))
            body.append(f'return ({outputs}{"," * (routine.count == 1)})')
        else:
            sizes = routine.sizes | {'outputs': routine.count}
            body += [f'{name} = [0.0] * {size}' for name, size in sizes.items() if size]
            body += [*self.lines(), 'return outputs']
        program = '\n    '.join(['def program(row, parameters):', *body]) + '\n'
        return '\n'.join([*self.loops.texts, program])

    def _free(self, label: str, otherwise: str) -> str:
        """Return a new name: the label, where it can be one."""
        name = re.sub(r'[^0-9a-zA-Z]+', '_', label).strip('_')
        if not name or name[0].isdigit() or re.fullmatch(r'([vwxci]|loop|back|turns_v)\d+', name):
            name = otherwise
        while name in self.taken:
            name += '_'
        self.taken.add(name)
        return name
