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

Printed ``Single``, every number is a ``float``, and every function the C library's for floats; ``c_fixed`` prints
whole numbers.

A compiler that contracts ``a * b + c`` (gcc does, unless told ``-ffp-contract=off`` or a
strict ``-std=c99``) gives last digits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from struct import pack, unpack
from typing import ClassVar

from ..ir.cheaper import cheaper
from ..ir.instructions import functions
from ..ir.routine import Routine
from ..ir.sides import branched
from .braces import Answers
from .c_while import CLoops, turns
from .infix import Loops

__all__ = ['C', 'Single', 'answers', 'source']

#: What a name must not be, beside the functions that are used: keywords, the C library, our own.
C_WORDS = frozenset(
    """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while row parameters
outputs gradient main j0 j1 jn y0 y1 yn gamma lgamma tgamma fmin fmax fma exp2 rint round floor ceil trunc remainder
ldexp frexp modf signbit INFINITY NAN M_PI M_E asm bool true false nullptr typeof alignas alignof constexpr
static_assert thread_local linux unix int8_t int16_t int32_t INT32_MIN INT32_C
""".split()  # noqa: SIM905
)

#: So many numbers a function may have on its stack.
STACK = 4096


def source(
    routine: Routine, gradient: Routine | None, parameters: Sequence[float], name: str,
    printer: type[C] | None = None,
) -> str:  # fmt: skip
    """Print the outputs for one row and, if given, the routine of a value and its gradient; by default in doubles.

    The first function stores the outputs; the second returns the value and adds the
    gradient to what is there, so that a loop over rows sums it.
    """
    if not name.isidentifier() or not name.isascii() or name in C_WORDS or name in _library():
        raise ValueError(f'name must be an identifier of C that is not taken, not {name!r}')
    if routine.customs:
        names = ', '.join(op.name for op in routine.customs.values())
        raise TypeError(f'C cannot print {names}: a custom operation is known to Python alone')
    routine, gradient = branched(cheaper(routine)), gradient and branched(cheaper(gradient))
    loops = Loops()
    made = printer or C
    about = made(routine, name, loops)
    real = about.stored
    row, theta = _array(real, 'row', routine.width), _array(real, 'parameters', routine.parameters)
    numbers = about.numbers(parameters or [0.0])
    forward = f'void {name}({row}, {theta}, {real} outputs[{routine.count}])'
    slope = f'{real} {name}_gradient({row}, {theta}, {real} gradient[{max(routine.parameters, 1)}])'
    parts = [
        f'/* Printed by microgradnet. Row: {about.about("row")}. Parameters: {about.about("parameter")}. */\n'
        f'{about.header}' + ('\n#include <stdlib.h>' if routine.inner else ''),
        *([turns(name, real, bool(gradient and gradient.kept_turns))] if routine.inner else []),
        f'const {real} {name}_parameters[{max(routine.parameters, 1)}] = {{{numbers}}};',
        f'{forward};' + (f'\n{slope};' if gradient else ''),
    ]
    bodies = [f'/* The outputs for one row. */\n{forward}\n' + about.body('outputs', adding=False)]
    if gradient:
        bodies.append(
            '/* The value for one row; adds its derivatives by the parameters to the gradient. */\n'
            f'{slope}\n' + made(gradient, name, loops).body('gradient', adding=True)
        )
    parts += loops.texts + bodies
    return '\n\n'.join(parts)


def answers(net: Answers, name: str, about: C, score: str | None = None) -> str:
    """Print what asks the net whose outputs are printed: ``name_predict`` and, of classes, ``name_classify``.

    about: what has printed the outputs.
    score: what is largest for the class number k, if that is not the k-th of several outputs, or the number of classes
        that is nearest to the only one.
    """
    real, size = about.stored, about.real
    row = _array(real, 'row', net.width)
    predict = f'void {name}_predict({row}, {real} outputs[{net.count}])'
    classify = f'const char *{name}_classify({row})'
    parts = [
        f'{predict};' + (f'\n{classify};' if net.classes else ''),
        f'/* {net.about} */\n{predict}\n{{\n    {name}(row, {name}_parameters, outputs);\n}}',
    ]
    if net.classes:
        score = 'outputs[k]' if net.count > 1 else score or f'-{about.function("abs")}(outputs[0] - ({real})k)'
        count, names = len(net.classes), ', '.join(_quoted(str(label)) for label in net.classes)
        nan = '' if about.whole else '\n        if (score != score) return 0;'
        parts += [
            f'const char *const {name}_classes[{count}] = {{{names}}};',
            f"""
/* The class of {net.choice}{'' if about.whole else '; of a nan no class, and 0'}. */
{classify}
{{
    {real} outputs[{net.count}];
    {size} most = {about.least};
    int best = 0;
    {name}_predict(row, outputs);
    for (int k = 0; k < {count}; k++) {{
        const {size} score = {score};{nan}
        if (score > most) {{ most = score; best = k; }}
    }}
    return {name}_classes[best];
}}""".strip(),
        ]
    return '\n\n'.join(parts)


def _quoted(text: str) -> str:
    """Print a string in UTF-8."""
    plain = set(b' _.,()+-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')
    return '"' + ''.join(chr(byte) if byte in plain else f'\\{byte:03o}' for byte in text.encode()) + '"'


def _library() -> set[str]:
    """Return what the C library's functions are called, for doubles and for floats."""
    doubles = {*functions(), 'fabs', 'pow'}
    return {*doubles, *(f'{name}f' for name in doubles)}


def _array(real: str, name: str, length: int) -> str:
    return f'const {real} {name}[{max(length, 1)}]'


class C(CLoops):
    """Prints a routine in doubles."""

    header: ClassVar[str] = '#include <math.h>'
    #: What ends the names of the library's functions, and constants.
    suffix: ClassVar[str] = ''
    #: Whether numbers are whole ones; and the least of all.
    whole: ClassVar[bool] = False
    least: ClassVar[str] = '-INFINITY'

    def __init__(self, routine: Routine, name: str, loops: Loops) -> None:
        own = ('gradient', 'parameters', 'predict', 'classify', 'classes', 'turns', 'keep')
        self.words = {*C_WORDS, *_library(), name, *(f'{name}_{word}' for word in own)}
        self.words |= {'kept', 'realloc', 'free', 'failed'} if routine.inner else set()
        super().__init__(routine, name, loops)

    def memory(self, name: str, size: int) -> list[str]:
        """Print an array; a large one is not on the stack, and then two threads must not share the function."""
        clear = [f'for (long k = 0; k < {size}; k++) {name}[k] = {self.spell_number(0.0)[0]};'] * (name == 'signals')
        return [f'{"static " if size > STACK else ""}{self.stored} {name}[{size}];', *clear]

    def table(self) -> str:
        return f'static const {self.real} table[{len(self.routine.table)}] = {{{self.numbers(self.routine.table)}}};'

    def unused(self, *names: str) -> list[str]:
        return [f'(void){name};' for name in names]

    def function(self, name: str) -> str:
        constants = {'inf': 'INFINITY', 'nan': 'NAN'}
        return constants.get(name) or {'abs': 'fabs'}.get(name, name) + self.suffix


class Single(C):
    """Prints numbers as ``float``, and calls ``tanhf`` and its kin."""

    stored = real = 'float'
    suffix = 'f'

    def spell_number(self, number: float) -> tuple[str, int]:
        """Print a constant: as many digits as tell it from its neighbours."""
        if not isfinite(number):
            return super().spell_number(number)
        text, binding = super().spell_number(_shortest(number))
        return f'{text}f', binding


def _shortest(number: float) -> float:
    """Return the number of fewest digits that is the same float of C."""
    rounded = _rounded(number)
    if not isfinite(rounded):
        raise ValueError(f'{number!r} is more than a float of C can hold; print the numbers as double')
    return next(found for k in range(1, 10) if _rounded(found := float(f'{rounded:.{k}g}')) == rounded)


def _rounded(number: float) -> float:
    """Return a number as a float of C holds it."""
    try:
        return float(unpack('f', pack('f', number))[0])
    except OverflowError:
        return inf
