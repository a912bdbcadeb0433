"""Routines as statements and loops: what the printers of Python, NumPy and C share beside expressions.

An instruction that is used once, in the body where it stands, is put where it is used, if
it is not read from memory that changes; every other one has a name.
"""

from __future__ import annotations

from typing import cast

from .expressions import LONGEST, TIGHT, Expressions
from .instructions import COMPARISONS, Listing
from .nests import Affine
from .routine import Block, Loop, Routine

__all__ = ['Looping']

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
