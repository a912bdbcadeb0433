"""Programs printed as C99: one self-contained file that needs the C library only.

>>> from microgradnet.compiling.ir.lowering import freeze
>>> from microgradnet.engine.value import Value
>>> w, x = Value(0.5, 'w'), Value(1.0, 'x')
>>> print(source(freeze([(w * x).tanh()], [x], [w]), None, [0.5], 'neuron'))
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

from ..ir.instructions import Listing, functions
from ..ir.nests import Affine
from ..ir.routine import Routine
from .infix import TIGHT, Expressions, Looping

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
    listing: Listing | Routine, gradient: Listing | Routine | None, parameters: Sequence[float], name: str
) -> str:
    """Print the outputs for one row and, if given, the listing of a value and its gradient.

    The first function stores the outputs; the second returns the value and adds the
    gradient to what is there, so that a loop over rows sums it.
    """
    if not name.isidentifier() or not name.isascii() or name in C_WORDS or name in functions():
        raise ValueError(f'name must be an identifier of C that is not taken, not {name!r}')
    if listing.customs:
        names = ', '.join(op.name for op in listing.customs.values())
        raise TypeError(f'C cannot print {names}: a custom operation is known to Python alone')
    about = _printer(listing, name)
    row, theta = _array('row', listing.width), _array('parameters', listing.parameters)
    numbers = ', '.join(about.spell_number(number)[0] for number in parameters) or '0.0'
    forward = f'void {name}({row}, {theta}, double outputs[{listing.count}])'
    slope = f'double {name}_gradient({row}, {theta}, double gradient[{max(listing.parameters, 1)}])'
    parts = [
        f'/* Printed by microgradnet. Row: {about.about("row")}. Parameters: {about.about("parameter")}. */\n'
        '#include <math.h>',
        f'const double {name}_parameters[{max(listing.parameters, 1)}] = {{{numbers}}};',
        f'{forward};' + (f'\n{slope};' if gradient else ''),
        f'/* The outputs for one row. */\n{forward}\n' + about.body('outputs', ''),
    ]
    if gradient:
        parts.append(
            '/* The value for one row; adds its derivatives by the parameters to the gradient. */\n'
            f'{slope}\n' + _printer(gradient, name).body('gradient', '+')
        )
    return '\n\n'.join(parts)


def _printer(listing: Listing | Routine, name: str) -> _C | _CLoops:
    return _CLoops(listing, name) if isinstance(listing, Routine) else _C(listing, name)


def _array(name: str, length: int) -> str:
    return f'const double {name}[{max(length, 1)}]'


class _C(Expressions):
    statement = 'const double {name} = {text};'
    join: ClassVar[dict[str, str]] = {'both': ' && ', 'either': ' || '}

    def __init__(self, listing: Listing | Routine, name: str) -> None:
        self.words = {*C_WORDS, *functions(), 'fabs', 'pow', name, f'{name}_gradient', f'{name}_parameters'}
        super().__init__(listing)  # type: ignore[arg-type]

    def about(self, kind: str) -> str:
        """Name the row's numbers, or the parameters."""
        return ', '.join(self.names(kind)) or 'none'

    def body(self, array: str, adding: str) -> str:
        """Print the body of a function that stores the outputs, or returns the first and adds the others."""
        lines = []
        for kind, group in ('row', 'row'), ('parameter', 'parameters'):
            names = self.names(kind)
            used = [place for place, n in self.leaf_names.items() if self.listing.instructions[place].name == kind]
            lines += [f'const double {n} = {group}[{k}];' for k, n in enumerate(names) if self.listing.uses[used[k]]]
            if not any(self.listing.uses[place] for place in used):
                lines.append(f'(void){group};')
        lines += self.statements()
        first, *others = places = [self.text(place) for place in self.listing.outputs]
        if adding:
            lines += [f'{array}[{k}] += {text};' for k, text in enumerate(others)]
            lines += [f'(void){array};'] * (not others) + [f'return {first};']
        else:
            lines += [f'{array}[{k}] = {text};' for k, text in enumerate(places)]
        return '{\n' + ''.join(f'    {line}\n' for line in lines) + '}'

    def spell_select(self, condition: int, yes: int, no: int) -> tuple[str, int]:
        return f'({self.text(condition)} ? {self.text(yes)} : {self.text(no)})', TIGHT

    def function(self, name: str) -> str:
        return {'abs': 'fabs', 'inf': 'INFINITY', 'nan': 'NAN'}.get(name, name)


class _CLoops(Looping, _C):
    statement = 'const double {name} = {text};'
    loop_forwards = 'for (long {counter} = 0; {counter} < {count}; {counter}++) {{'
    loop_backwards = 'for (long {counter} = {last}; {counter} >= 0; {counter}--) {{'
    loop_end, stop, nothing, carried = '}', ';', ';', 'double {name} = {text};'

    def about(self, kind: str) -> str:
        return str(self.routine.width if kind == 'row' else self.routine.parameters)

    def body(self, array: str, adding: str) -> str:
        """Print the body: memory, what loops leave behind, the blocks."""
        self.outputs, self.adding = array, adding
        lines = [line for name, size in self.routine.sizes.items() for line in self._memory(name, size)]
        if any(name == 'table' for name, _ in self.routine.instructions):
            numbers = ', '.join(self.spell_number(number)[0] for number in self.routine.table)
            lines.append(f'static const double table[{len(self.routine.table)}] = {{{numbers}}};')
        lines += ['double value = 0.0;'] * bool(adding)
        blocks = self.lines()
        lines += [f'double {self.spelling[register][0]} = 0.0;' for register in sorted(self.routine.left)]
        lines += [*blocks, *['(void)row;', '(void)parameters;', f'(void){array};'], *['return value;'] * bool(adding)]
        return '{\n' + ''.join(f'    {line}\n' for line in lines) + '}'

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
