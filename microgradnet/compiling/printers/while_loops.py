"""Loops whose count depends on the numbers, printed as functions of Python: of numbers, or of NumPy's columns.

Columns are masked: a row whose loop is done keeps its state, and the loop goes on until the last one is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.while_loop import LimitError
from ..ir.routine import Routine
from ..ir.sides import branched
from ..ir.while_loops import Back, While
from .infix import TIGHT, Infix

__all__ = ['PythonLoops', 'limited', 'named']


class PythonLoops(Infix):
    """Prints loops as functions; ``mask`` is which rows are computed at all, if several are at a time."""

    mask = ''

    def spell_loop(self, name: str, operands: tuple[Any, ...]) -> tuple[str, int]:
        """Print the call of a loop's function, or of the way back, whose first operand is what the loop has kept."""
        thing, *registers = operands
        given = [*map(self._given, registers)]
        if name == 'back':
            function = self.loops.name('back', thing, self._back)
            given[0] = f'{given[0]}[{thing.states}]'
        else:
            function = self.loops.name('loop', thing, self._while)
            given[:0] = [self.mask] * bool(self.mask)
        return f'{function}({", ".join(given)})', TIGHT

    def _given(self, register: int) -> str:
        """Print an operand; beside columns a constant is NumPy's, for Python's own raise where those do not."""
        text = self.text(register)
        return f'np.float64({text})' if self.mask and self.routine.instructions[register].name == 'number' else text

    @property
    def _zero(self) -> str:
        return 'np.float64(0.0)' if self.mask else '0.0'

    def _while(self, name: str, loop: While) -> str:
        """Print the function of a loop; one that keeps returns a list of each turn's state, too."""
        state, outside = named('s', loop.states), named('o', loop.outside)
        test, (holds,) = self._inside(loop.condition, state + outside)
        turn, new = self._inside(loop.body, state + outside)
        active, limited = ['active'] * bool(self.mask), loop.limit is not None
        lines = ['kept = []'] * loop.keeps + ['turns = 0'] * limited + ['while True:']
        if active:
            inner = [*test, f'active = active & ({holds})', 'if not np.any(active):', '    break']
        else:
            inner = [*test, f'if not ({holds}):', '    break']
        if limited:
            error = f'    raise limited({", ".join([repr(loop.line), str(loop.limit), *active])})'
            inner += [f'if turns == {loop.bound}:', error, 'turns += 1']
        inner += [f'kept.append(({", ".join([*active, *state])},))'] * loop.keeps
        inner += [*turn, self._next(state, new)]
        result = f'return ({", ".join([*state, *["kept"] * loop.keeps])},)'
        return defined(name, [*active, *state, *outside], [*lines, *indented(inner), result])

    def _back(self, name: str, back: Back) -> str:
        """Print the function of the way back through a loop."""
        state, outside = named('s', back.states), named('o', back.outside)
        signals, sums = named('g', back.signals), named('c', back.sums)
        turn, new = self._inside(back.body, state + outside + signals)
        added = (f'{{0}} = {{0}} + np.where(active, {text}, 0.0)' if self.mask else f'{{0}} += {text}'
                 for text in new[back.signals :])  # fmt: skip
        inner = [*turn, *(text.format(c) for c, text in zip(sums, added))]
        inner.append(self._next(signals, new[: back.signals]))
        each = ', '.join([*['active'] * bool(self.mask), *state])
        lines = [*(f'{c} = {self._zero}' for c in sums), f'for {each}, in reversed(kept):', *indented(inner)]
        return defined(name, ['kept', *signals, *outside], [*lines, f'return ({", ".join(signals + sums)},)'])

    def _inside(self, routine: Routine, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Print a routine of a loop, whose parameters have these names; return its lines, and its outputs."""
        printer = type(self)(routine if self.mask else branched(routine))
        printer.loops, printer.leaves = self.loops, {'parameter': [*names]}
        printer.mask = 'active' * bool(self.mask)
        lines = printer.lines()
        return lines, [printer.results[k] for k in range(routine.count)]

    def _next(self, names: Sequence[str], new: Sequence[str]) -> str:
        """Print what numbers are at the next turn, all at once; nothing is said of those that stay."""
        pairs = [(name, text) for name, text in zip(names, new) if name != text]
        texts = (f'np.where(active, {text}, {name})' if self.mask else text for name, text in pairs)
        return f'{", ".join(name for name, _ in pairs)} = {", ".join(texts)}' if pairs else 'pass'


def limited(line: str, limit: int, active: Any = None) -> LimitError:
    """Return the error of a loop that goes on after its limit; of several rows, in the first that does."""
    first = None if active is None or not getattr(active, 'shape', ()) else int(active.argmax())
    return LimitError(line, limit, first)


def named(letter: str, count: int) -> list[str]:
    return [f'{letter}{k}' for k in range(1, count + 1)]


def indented(lines: Sequence[str]) -> list[str]:
    return [f'    {line}' for line in lines]


def defined(name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    """Return the definition of a function of Python."""
    return '\n    '.join([f'def {name}({", ".join(parameters)}):', *lines]) + '\n'
