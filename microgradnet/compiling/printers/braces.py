"""Languages with C's braces: the body of a function, its memory, and what loops leave behind.

C and JavaScript say what is their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..._escapes import visible
from ..ir.instructions import Instruction
from ..ir.nests import Affine
from ..ir.routine import Routine
from .infix import TIGHT, Infix

__all__ = ['Answers', 'Braces']


@dataclass(frozen=True)
class Answers:
    """What a net takes and answers: how many numbers, what they are called, and the classes it tells apart."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    classes: Sequence[Any] | None

    @property
    def width(self) -> int:
        return len(self.inputs)

    @property
    def count(self) -> int:
        return len(self.outputs)

    @property
    def about(self) -> str:
        """Say in a comment what the numbers are; nothing in a name ends it, nor the page it stands in."""
        text = f'The outputs ({", ".join(self.outputs)}) for a row of raw numbers: {", ".join(self.inputs)}.'
        return ' '.join(visible(text).replace('*', ' * ').replace('<', '< ').split())

    @property
    def choice(self) -> str:
        return 'the largest output' if self.count > 1 else 'the number that is nearest to the output'


class Braces(Infix):
    """Prints the body of a function that stores the outputs, or returns the first and adds the others to a gradient."""

    #: What stands before the name of a number that is set once, or again and again.
    constant = variable = ''
    join: ClassVar[dict[str, str]] = {'both': ' && ', 'either': ' || '}
    #: What a counter is.
    counting = ''
    branch_head, branch_elif, branch_else = 'if ({condition}) {{', '}} else {}', '} else {'
    loop_end, branch_end, stop, nothing = '}', '}', ';', ';'

    def __init__(self, routine: Routine) -> None:
        self.loop_forwards = f'for ({self.counting} {{counter}} = 0; {{counter}} < {{count}}; {{counter}}++) {{{{'
        self.loop_backwards = f'for ({self.counting} {{counter}} = {{last}}; {{counter}} >= 0; {{counter}}--) {{{{'
        self.statement, self.carried = self.constant + '{name} = {text};', self.variable + '{name} = {text};'
        super().__init__(routine)

    def about(self, kind: str) -> str:
        """Name the row's numbers, or the parameters; of loops, say how many there are."""
        if self.routine.flat:
            return ', '.join(self.leaves[kind]) or 'none'
        return str(self.routine.width if kind == 'row' else self.routine.parameters)

    def body(self, array: str, adding: bool) -> str:
        """Print the body, in its braces; outputs go to an array."""
        self.outputs, self.adding = array, adding
        lines = self._straight() if self.routine.flat else self._loops()
        return '{\n' + ''.join(f'    {line}\n' for line in lines) + '}'

    def _straight(self) -> list[str]:
        body = self.lines()
        lines = self.left_behind()
        uses = self.routine.uses
        used = {instruction for register, instruction in enumerate(self.routine.instructions) if uses[register]}
        for kind, group in ('row', 'row'), ('parameter', 'parameters'):
            places = [k for k in range(len(self.leaves[kind])) if Instruction(kind, (Affine(k),)) in used]
            lines += [f'{self.constant}{self.leaves[kind][k]} = {group}[{k}];' for k in places]
            lines += [] if places else self.unused(group)
        first, *others = [self.results[k] for k in range(self.routine.count)]
        return [*lines, *body, *self.given(first, others)]

    def given(self, first: str, others: list[str]) -> list[str]:
        """Print what a function of straight code gives."""
        if self.adding:
            given = [f'{self.outputs}[{k}] += {text};' for k, text in enumerate(others)]
            return [*given, *([] if others else self.unused(self.outputs)), f'return {first};']
        return [f'{self.outputs}[{k}] = {text};' for k, text in enumerate([first, *others])]

    def _loops(self) -> list[str]:
        """Print memory, what loops leave behind, the blocks."""
        lines = [line for name, size in self.routine.sizes.items() if size for line in self.memory(name, size)]
        if any(name == 'table' for name, _ in self.routine.instructions):
            lines.append(self.table())
        lines += [f'{self.variable}value = {self.spell_number(0.0)[0]};'] * self.adding
        blocks = self.lines()
        return [
            *lines, *self.left_behind(), *blocks, *self.unused('row', 'parameters', self.outputs),
            *['return value;'] * self.adding,
        ]  # fmt: skip

    def left_behind(self) -> list[str]:
        """Print the numbers that loops, and the sides of branches, leave behind."""
        zero = self.spell_number(0.0)[0]
        left = (register for register in sorted(self.routine.left) if not self.is_condition(register))
        return [f'{self.variable}{name} = {zero};' for name in dict.fromkeys(self.spelling[one][0] for one in left)]

    def place(self, array: str, number: Affine) -> str:
        if array != 'outputs':
            return super().place(array, number)
        if self.adding and number == Affine(0):
            return 'value'
        return super().place(self.outputs, number.moved(-1) if self.adding else number)

    def named(self, register: int, text: str) -> str:
        line = super().named(register, text)
        return line.removeprefix(self.constant) if register in self.routine.left else line

    def numbers(self, numbers: Sequence[float]) -> str:
        return ', '.join(self.spell_number(number)[0] for number in numbers)

    def memory(self, name: str, size: int) -> list[str]:
        """Print an array of so many numbers; of signals, all 0."""
        raise NotImplementedError

    def table(self) -> str:
        """Print the constants that are looked up."""
        raise NotImplementedError

    def unused(self, *names: str) -> list[str]:
        """Print what keeps a compiler from warning of arguments that are not used."""
        return []

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'({self.text(condition)} ? {self.text(yes)} : {self.text(no)})', TIGHT
