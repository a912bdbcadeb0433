"""Loops whose count depends on the numbers, printed as functions of C.

The states of turns are kept on a stack that grows, one for all loops: a way back takes off it what its loop has put
there. Where a loop has failed, at its limit or for want of memory, all loops stop, and what is given is nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..ir.routine import Routine
from ..ir.sides import branched
from ..ir.while_loops import Back, While
from .braces import Braces
from .infix import TIGHT, Loops
from .while_loops import named

__all__ = ['CLoops', 'turns']


def turns(name: str, real: str, keeps: bool) -> str:
    """Print where loops keep the states of their turns, and, if any does, how."""
    kept = f"""/* A while loop that goes on after its limit, or finds no memory for its turns, makes all outputs nan. */
struct {name}_turns {{ {real} *numbers; size_t count, room; int failed; }};"""
    if not keeps:
        return kept
    return f"""{kept}

static int {name}_keep(struct {name}_turns *kept, const {real} *state, size_t n)
{{
    if (kept->room - kept->count < n) {{
        const size_t room = 2 * kept->room + n + 64;
        {real} *more = room > (size_t)-1 / sizeof({real}) ? 0 : realloc(kept->numbers, room * sizeof({real}));
        if (!more) {{
            kept->failed = 1;
            return 0;
        }}
        kept->numbers = more;
        kept->room = room;
    }}
    for (size_t k = 0; k < n; k++) kept->numbers[kept->count++] = state[k];
    return 1;
}}"""


class CLoops(Braces):
    """Prints loops as functions, in a file whose names begin with ``name``.

    Numbers in arrays are ``stored``, all others ``real``.
    """

    counting = 'long'
    stored: ClassVar[str] = 'double'
    real: ClassVar[str] = 'double'
    #: Where the states of turns are kept.
    kept = '&kept'

    def __init__(self, routine: Routine, name: str, loops: Loops) -> None:
        self.constant, self.variable = f'const {self.real} ', f'{self.real} '
        super().__init__(routine)
        self.name, self.loops = name, loops

    def _straight(self) -> list[str]:
        lines = super()._straight()
        if not self.routine.inner:
            return lines
        return [f'struct {self.name}_turns kept = {{0, 0, 0, 0}};', *lines]

    def given(self, first: str, others: list[str]) -> list[str]:
        """Print what is given if no loop has failed."""
        if not self.routine.inner:
            return super().given(first, others)
        end = ['const int failed = kept.failed;', 'free(kept.numbers);']
        if not self.adding:
            stores = enumerate([first, *others])
            return [*end, *(f'{self.outputs}[{k}] = failed ? NAN : {text};' for k, text in stores)]
        stores = enumerate(others)
        adds = [f'{self.outputs}[{k}] += failed ? NAN : {text};' for k, text in stores]
        return [*end, *adds, *[f'(void){self.outputs};'] * (not others), f'return failed ? NAN : {first};']

    def instruction(self, register: int, once: bool) -> list[str]:
        name, operands = self.routine.instructions[register]
        if name not in ('while', 'back'):
            return super().instruction(register, once)
        self.count += 1
        result = f'v{self.count}'
        self.spelling[register] = result, TIGHT
        thing = operands[0]
        given, zero = [*map(self.text, operands[1:])], self.spell_number(0.0)[0]
        if name == 'while':
            function = self.loops.name('loop', thing, self._while)
            start, outside = given[: thing.states], given[thing.states :]
            call = f'{function}({result}, (const {self.real}[]){{{", ".join(outside) or zero}}}, {self.kept})'
            return [f'{self.variable}{result}[] = {{{", ".join(start)}}};', f'const long turns_{result} = {call};',
                    f'(void)turns_{result};']  # fmt: skip
        function = self.loops.name('back', thing, self._back)
        loop, signals, outside = given[0], given[1 : 1 + thing.signals], given[1 + thing.signals :]
        start = signals + [zero] * thing.sums
        call = f'{function}({result}, (const {self.real}[]){{{", ".join(outside) or zero}}}, turns_{loop}, {self.kept})'
        return [f'{self.variable}{result}[] = {{{", ".join(start)}}};', f'{call};']

    def _inside(self, routine: Routine, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Print a routine of a loop, whose parameters have these names; return its lines, and its outputs."""
        printer = type(self)(branched(routine), self.name, self.loops)
        printer.kept, printer.leaves = 'kept', {'parameter': [*names]}
        lines = printer.lines()
        return [*printer.left_behind(), *lines], [printer.results[k] for k in range(routine.count)]

    def _next(self, names: Sequence[str], new: Sequence[str]) -> list[str]:
        """Print what numbers are at the next turn, all at once; nothing is said of those that stay."""
        pairs = [(name, text) for name, text in zip(names, new) if name != text]
        made = [f'{self.constant}next_{name} = {text};' for name, text in pairs]
        return [*made, *(f'{name} = next_{name};' for name, _ in pairs)]

    def _while(self, name: str, loop: While) -> str:
        """Print the function of a loop: it changes the state, and returns the number of turns."""
        state, outside = named('s', loop.states), named('o', loop.outside)
        test, (holds,) = self._inside(loop.condition, state + outside)
        turn, new = self._inside(loop.body, state + outside)
        inner = [*test, f'if (kept->failed || !({holds})) break;']
        if loop.limit is not None:
            inner += [f'if (turns == {loop.bound}L) {{', '    kept->failed = 1;', '    break;', '}']
        if loop.keeps:
            numbers = f'(const {self.real}[]){{{", ".join(state)}}}'
            inner.append(f'if (!{self.name}_keep(kept, {numbers}, {loop.states})) break;')
        inner += ['{', *(f'    {line}' for line in [*turn, *self._next(state, new)]), '}']
        lines = ['long turns = 0;',
                 *_locals('state', state, self.variable), *_locals('outside', outside, self.constant),
                 'for (;; turns++) {', *(f'    {line}' for line in inner), '}',
                 *(f'state[{k}] = {s};' for k, s in enumerate(state)), 'return turns;']  # fmt: skip
        head = f'static long {name}({self.variable}*state, {self.constant}*outside, struct {self.name}_turns *kept)'
        return _defined(head, lines)

    def _back(self, name: str, back: Back) -> str:
        """Print the function of the way back through so many turns of a loop: it changes the signals and sums."""
        state, outside = named('s', back.states), named('o', back.outside)
        signals, sums = named('g', back.signals), named('c', back.sums)
        turn, new = self._inside(back.body, state + outside + signals)
        inner = [f'kept->count -= {back.states};', *(
            f'{self.constant}{s} = kept->numbers[kept->count + {k}];' for k, s in enumerate(state)
        ), *(f'(void){s};' for s in state), *turn]  # fmt: skip
        inner += [f'{c} += {text};' for c, text in zip(sums, new[back.signals :])]
        inner += self._next(signals, new[: back.signals])
        results = signals + sums
        lines = [*_locals('signals', results, self.variable), *_locals('outside', outside, self.constant),
                 'for (; turns > 0; turns--) {', *(f'    {line}' for line in inner), '}',
                 *(f'signals[{k}] = {text};' for k, text in enumerate(results))]  # fmt: skip
        given = f'{self.variable}*signals, {self.constant}*outside, long turns, struct {self.name}_turns *kept'
        return _defined(f'static void {name}({given})', lines)

def _locals(array: str, names: Sequence[str], kind: str) -> list[str]:
    """Print names for the numbers of an array."""
    unused = [f'(void){name};' for name in names] or [f'(void){array};']
    return [*(f'{kind}{name} = {array}[{k}];' for k, name in enumerate(names)), *unused]


def _defined(head: str, lines: Sequence[str]) -> str:
    return f'{head}\n{{\n' + ''.join(f'    {line}\n' for line in lines) + '}'
