"""Programs printed as C99: one self-contained file that needs the C library only.

>>> from microgradnet.compiling.ir.sweeps import lower
>>> from microgradnet.engine.value import Value
>>> w, x = Value(0.5, 'w'), Value(1.0, 'x')
>>> print(source(lower([(w * x).tanh()], [x], [w]), None, [0.5], 'neuron'))
/* Printed by microgradnet. Row: x. Parameters: w. */
#include <math.h>
<BLANKLINE>
const double neuron_parameters[1] = {0.5};
<BLANKLINE>
void neuron(const double row[1], const double parameters[1], double outputs[1]);
<BLANKLINE>
/* The outputs for one row. */
void neuron(const double row[1], const double parameters[1], double outputs[1])
{
    const double x = row[0];
    const double w = parameters[0];
    outputs[0] = tanh(w * x);
}

A compiler that contracts ``a * b + c`` (gcc does, unless told ``-ffp-contract=off`` or a
strict ``-std=c99``) gives last digits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..ir.instructions import Instruction, functions
from ..ir.nests import Affine
from ..ir.routine import Routine
from .infix import TIGHT, Infix

__all__ = ['source']

#: What a name must not be, beside the functions that are used: keywords, the C library, our own.
C_WORDS = frozenset(
    """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while row parameters
outputs gradient main j0 j1 jn y0 y1 yn gamma lgamma tgamma fmin fmax fma exp2 rint round floor ceil trunc remainder
ldexp frexp modf signbit INFINITY NAN M_PI M_E asm bool true false nullptr typeof alignas alignof constexpr
static_assert thread_local linux unix
""".split()  # noqa: SIM905
)

#: So many numbers a function may have on its stack.
STACK = 4096


def source(
    routine: Routine, gradient: Routine | None, parameters: Sequence[float], name: str
) -> str:
    """Print the outputs for one row and, if given, the routine of a value and its gradient.

    The first function stores the outputs; the second returns the value and adds the
    gradient to what is there, so that a loop over rows sums it.
    """
    if not name.isidentifier() or not name.isascii() or name in C_WORDS or name in functions():
        raise ValueError(f'name must be an identifier of C that is not taken, not {name!r}')
    if routine.customs:
        names = ', '.join(op.name for op in routine.customs.values())
        raise TypeError(f'C cannot print {names}: a custom operation is known to Python alone')
    about = _C(routine, name)
    row, theta = _array('row', routine.width), _array('parameters', routine.parameters)
    numbers = ', '.join(about.spell_number(number)[0] for number in parameters) or '0.0'
    forward = f'void {name}({row}, {theta}, double outputs[{routine.count}])'
    slope = f'double {name}_gradient({row}, {theta}, double gradient[{max(routine.parameters, 1)}])'
    parts = [
        f'/* Printed by microgradnet. Row: {about.about("row")}. Parameters: {about.about("parameter")}. */\n'
        '#include <math.h>',
        f'const double {name}_parameters[{max(routine.parameters, 1)}] = {{{numbers}}};',
        f'{forward};' + (f'\n{slope};' if gradient else ''),
        f'/* The outputs for one row. */\n{forward}\n' + about.body('outputs', ''),
    ]
    if gradient:
        parts.append(
            '/* The value for one row; adds its derivatives by the parameters to the gradient. */\n'
            f'{slope}\n' + _C(gradient, name).body('gradient', '+')
        )
    return '\n\n'.join(parts)


def _array(name: str, length: int) -> str:
    return f'const double {name}[{max(length, 1)}]'


class _C(Infix):
    statement = 'const double {name} = {text};'
    carried = 'double {name} = {text};'
    join: ClassVar[dict[str, str]] = {'both': ' && ', 'either': ' || '}
    loop_forwards = 'for (long {counter} = 0; {counter} < {count}; {counter}++) {{'
    loop_backwards = 'for (long {counter} = {last}; {counter} >= 0; {counter}--) {{'
    loop_end, stop, nothing = '}', ';', ';'

    def __init__(self, routine: Routine, name: str) -> None:
        self.words = {*C_WORDS, *functions(), 'fabs', 'pow', name, f'{name}_gradient', f'{name}_parameters'}
        super().__init__(routine)

    def about(self, kind: str) -> str:
        """Name the row's numbers, or the parameters; of loops, say how many there are."""
        if self.routine.flat:
            return ', '.join(self.leaves[kind]) or 'none'
        return str(self.routine.width if kind == 'row' else self.routine.parameters)

    def body(self, array: str, adding: str) -> str:
        """Print the body of a function that stores the outputs, or returns the first and adds the others."""
        self.outputs, self.adding = array, adding
        lines = self._straight() if self.routine.flat else self._loops()
        return '{\n' + ''.join(f'    {line}\n' for line in lines) + '}'

    def _straight(self) -> list[str]:
        lines, body = [], self.lines()
        uses = self.routine.uses
        used = {instruction for register, instruction in enumerate(self.routine.instructions) if uses[register]}
        for kind, group in ('row', 'row'), ('parameter', 'parameters'):
            places = [k for k in range(len(self.leaves[kind])) if Instruction(kind, (Affine(k),)) in used]
            lines += [f'const double {self.leaves[kind][k]} = {group}[{k}];' for k in places]
            lines += [f'(void){group};'] * (not places)
        first, *others = [self.results[k] for k in range(self.routine.count)]
        if self.adding:
            given = [f'{self.outputs}[{k}] += {text};' for k, text in enumerate(others)]
            return [*lines, *body, *given, *[f'(void){self.outputs};'] * (not others), f'return {first};']
        return [*lines, *body, *(f'{self.outputs}[{k}] = {text};' for k, text in enumerate([first, *others]))]

    def _loops(self) -> list[str]:
        """Print memory, what loops leave behind, the blocks."""
        lines = [line for name, size in self.routine.sizes.items() for line in self._memory(name, size)]
        if any(name == 'table' for name, _ in self.routine.instructions):
            numbers = ', '.join(self.spell_number(number)[0] for number in self.routine.table)
            lines.append(f'static const double table[{len(self.routine.table)}] = {{{numbers}}};')
        lines += ['double value = 0.0;'] * bool(self.adding)
        blocks = self.lines()
        lines += [f'double {self.spelling[register][0]} = 0.0;' for register in sorted(self.routine.left)]
        unused = ['(void)row;', '(void)parameters;', f'(void){self.outputs};']
        return [*lines, *blocks, *unused, *['return value;'] * bool(self.adding)]

    def place(self, array: str, number: Affine) -> str:
        if array != 'outputs':
            return super().place(array, number)
        if self.adding and number == Affine(0):
            return 'value'
        return super().place(self.outputs, number.moved(-1) if self.adding else number)

    def named(self, register: int, text: str) -> str:
        line = super().named(register, text)
        return line.removeprefix('const double ') if register in self.routine.left else line

    def _memory(self, name: str, size: int) -> list[str]:
        """Print an array; a large one is not on the stack, and then two threads must not share the function."""
        if not size:
            return []
        clear = [f'for (long k = 0; k < {size}; k++) {name}[k] = 0.0;'] * (name == 'signals')
        return [f'{"static " if size > STACK else ""}double {name}[{size}];', *clear]

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'({self.text(condition)} ? {self.text(yes)} : {self.text(no)})', TIGHT

    def function(self, name: str) -> str:
        return {'abs': 'fabs', 'inf': 'INFINITY', 'nan': 'NAN'}.get(name, name)
