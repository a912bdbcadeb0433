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
    loop_end = ''
    carried = '{name} = {text}'

    def __init__(self, routine: Routine) -> None:
        self.routine = routine
        super().__init__(cast(Listing, routine))
        self.spelling: dict[int, tuple[str, int]] = {}

    def lines(self) -> list[str]:
        """Print all blocks."""
        return [line for block in self.routine.blocks for line in self.block(block, 0)]

    def block(self, block: Block, depth: int) -> list[str]:
        here = {register for register in block if isinstance(register, int)}
        once = {o for register in here for o in self.operands(register) if self.routine.uses[o] == 1} & here
        lines: list[str] = []
        for item in block:
            lines += self.loop(item, depth) if isinstance(item, Loop) else self.instruction(item, item in once)
        return lines

    def operands(self, register: int) -> list[int]:
        return [o for o in self.routine.instructions[register].operands if isinstance(o, int)]

    def instruction(self, register: int, once: bool) -> list[str]:
        name, operands = self.routine.instructions[register]
        if name == 'store':
            return [self.statement_of(f'kept[{self.index(operands[0])}]', '=', self.text(operands[1]))]
        if name == 'output':
            return [self.statement_of(f'outputs[{self.index(operands[0])}]', '=', self.text(operands[1]))]
        if name == 'add_to':
            product = ' * '.join(self.text(operand, 4 + k) for k, operand in enumerate(operands[2:]))
            return [self.statement_of(f'{operands[0]}[{self.index(operands[1])}]', '+=', product)]
        if name == 'load':
            text, binding, once = f'{operands[0]}[{self.index(operands[1])}]', TIGHT, once and operands[0] == 'kept'
        elif name in ARRAYS:
            text, binding = f'{ARRAYS[name]}[{self.index(operands[0])}]', TIGHT
        else:
            text, binding = self.spell(name, operands)
        if name in COMPARISONS or name in self.join or (once and len(text) <= LONGEST):
            self.spelling[register] = text, binding
            return []
        self.count += 1
        self.spelling[register] = f'v{self.count}', TIGHT
        return [self.statement.format(name=f'v{self.count}', text=text)]

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
        body = [self.statement.format(name=v, text=c) for c, v in names]
        for block in loop.blocks:
            body += self.block(block, depth + 1)
        body += [f'{c} = {self.text(carry.after)}' + ';' * bool(self.loop_end) for (c, _), carry in zip(names, loop.carries)]
        return [*lines, *(self.indent + line for line in body), *([self.loop_end] if self.loop_end else [])]

    def text(self, place: int, least: int = 0) -> str:
        name, operands = self.routine.instructions[place]
        text, binding = self.spell_number(operands[0]) if name == 'number' else self.spelling[place]
        return text if binding >= least else f'({text})'

    def statement_of(self, target: str, sign: str, text: str) -> str:
        return f'{target} {sign} {text}' + ';' * bool(self.loop_end)

    def index(self, number: Affine) -> str:
        """Print an affine place."""
        terms = [(f'{abs(step)} * ' * (abs(step) != 1) + f'i{depth}', step) for depth, step in enumerate(number.steps, 1) if step]
        if not terms:
            return str(number.start)
        text = ' '.join(f'{"-" if step < 0 else "+"} {term}' for term, step in terms)
        return f'{number.start} {text}' if number.start or text.startswith('-') else text.removeprefix('+ ')

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
        sizes = {'kept': routine.kept, 'signals': routine.signals, 'outputs': routine.count}
        body = [f'{name} = {self.array(name, size)}' for name, size in sizes.items() if size]
        body += [*self.lines(), 'return outputs']
        return '\n    '.join(['def program(row, parameters):', *body]) + '\n'
