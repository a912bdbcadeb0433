"""Programs printed as JavaScript: one module that needs nothing else, for a page or for Node.

>>> from microgradnet.compiling.ir.sweeps import lower
>>> from microgradnet.engine.value import Value
>>> w, x = Value(0.5, 'w'), Value(1.0, 'x')
>>> print(source(lower([(w * x).tanh()], [x], [w]), None, None, [0.5]), end='')
// Printed by microgradnet. Row: x. Parameters: w.
const {tanh} = Math;
<BLANKLINE>
/** The parameters, as they were when this was printed. */
export const theta = [0.5];
<BLANKLINE>
/** The outputs for one row. */
export function outputs(row, parameters = theta) {
    const outputs = new Array(1);
    const x = row[0];
    const w = parameters[0];
    outputs[0] = tanh(w * x);
    return outputs;
}
<BLANKLINE>
/** The outputs, summed over rows. */
export function sums(rows, parameters = theta) {
    const totals = new Array(1).fill(0.0);
    for (const row of rows) outputs(row, parameters).forEach((y, k) => { totals[k] += y; });
    return totals;
}

``Math`` has no erf and erfc, and its ``pow`` gives nan where C gives 1; these are printed with what uses them.
For |x| < 0.5, erf x is x (2 / sqrt(pi) + z P(z)), with z = x^2; above, erfc x is e^(-x^2) Q(t) / (1 + 2 x),
with t = (x - 3) / (x + 3), as Schonfelder (1978) and Shepherd and Laframboise (1981) map the half-line. Both
polynomials are fitted at Chebyshev's nodes with 50 digits, as those of ``libm`` are; the whole is right to 4 ulps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...engine.numbers import Fraction
from ..ir.cheaper import cheaper
from ..ir.instructions import COMPARISONS
from ..ir.routine import Routine
from ..ir.sides import branched
from .braces import Answers, Braces
from .infix import TIGHT

__all__ = ['answers', 'rows', 'source', 'ways']

#: What a name must not be: reserved words, what is global, our own.
WORDS = frozenset(
    """
arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in instanceof interface let new null package private protected public
return static super switch this throw true try typeof var void while with yield undefined Infinity NaN Math Array
Object Number row rows parameters outputs gradient theta sums trace value table kept rolling signals globalThis
""".split()  # noqa: SIM905
)

ERF_SMALL = (
    -0.37612638903183754, 0.11283791670955126, -0.02686617064513125, 0.005223977625442094, -0.0008548327023420737,
    0.00012055332976159156, -1.492564970169628e-05, 1.64620651240124e-06, -1.6363468391610574e-07,
    1.4735719373893755e-08, -1.1064299167675034e-09,
)  # fmt: skip
ERFC = (
    1.2530080582697296, -0.1356211061245812, -0.0475622943534511, 0.12964515870276427, -0.11927366341528145,
    0.0683080273438454, -0.023770514919423617, 0.0025293918183984967, 0.0018886903696849339, -0.0007798322959175384,
    -0.00010515987605723725, 0.0001250995078172924, 4.949802634685202e-06, -2.0101245642508615e-05,
    -7.322629219128442e-07, 3.4744092692505953e-06, 3.57660047540196e-07, -6.205573308130838e-07,
    -1.4127153358945157e-07, 1.0674287896396542e-07, 3.973583043632011e-08, -1.6819731811918205e-08,
    -6.210868633662631e-09, 2.0831228822549553e-09,
)  # fmt: skip
_ERROR = f"""
const horner = (t, terms) => terms.reduceRight((sum, term) => sum * t + term, 0.0);
const erf_small = (x) => x * 1.1283791670955126
    + x * (1.533545961316588e-17 + x * x * horner(x * x, [{', '.join(map(repr, ERF_SMALL))}]));
function erfc_large(x) {{
    if (x > 28.0) return 0.0;
    const s = 134217729.0 * x, h = s - (s - x);
    const q = horner((x - 3.0) / (x + 3.0), [{', '.join(map(repr, ERFC))}]);
    return Math.exp(-h * h) * Math.exp(-(x - h) * (x + h)) * (q / (1.0 + 2.0 * x));
}}
"""
#: What ``Math`` lacks, or does in another way: each with what it calls.
OWN = {
    'pow': """
const pow = (a, b) => a === 1.0 || (a === -1.0 && (b === Infinity || b === -Infinity)) ? 1.0 : Math.pow(a, b);
""",
    'erf': """
function erf(x) {
    const a = Math.abs(x);
    if (a < 0.5) return erf_small(x);
    return x > 0.0 ? 1.0 - erfc_large(a) : erfc_large(a) - 1.0;
}
""",
    'erfc': """
function erfc(x) {
    const a = Math.abs(x);
    if (a < 0.5) return 1.0 - erf_small(x);
    return x > 0.0 ? erfc_large(a) : 2.0 - erfc_large(a);
}
""",
}


def source(
    routine: Routine, gradient: Routine | None, traced: tuple[Routine, Sequence[str]] | None, theta: Sequence[float]
) -> str:
    """Print a module: ``outputs`` of one row, ``sums`` over rows; if given, ``gradient``, over rows, and ``trace``.

    traced: the routine whose outputs are the value, its gradient and, for each of some labels, the number that was
        computed and the signal that reached it.
    """
    if routine.customs:
        names = ', '.join(op.name for op in routine.customs.values())
        raise TypeError(f'JavaScript cannot print {names}: a custom operation is known to Python alone')
    if routine.inner:
        raise TypeError('JavaScript cannot print a while_loop')
    routine, gradient = branched(cheaper(routine)), gradient and branched(cheaper(gradient))
    traced = traced and (branched(cheaper(traced[0])), traced[1])
    about = _JavaScript(routine)
    used = {name for each in (routine, gradient, traced and traced[0]) if each for name in each.used()}
    head = f'// Printed by microgradnet. Row: {about.about("row")}. Parameters: {about.about("parameter")}.\n'
    math, *own = _functions(used)
    parts = [
        head + math,
        *own,
        '/** The parameters, as they were when this was printed. */\n'
        f'export const theta = [{about.numbers(theta)}];',
        f'/** The outputs for one row. */\nexport function outputs(row, parameters = theta) {about.whole()}',
    ]
    parts.append(SUMS.strip().replace('COUNT', str(routine.count)))
    if gradient:
        body = _JavaScript(gradient).body('gradient', adding=True)
        parts += [f'function add_gradient(row, parameters, gradient) {body}', GRADIENT.strip()]
    if traced:
        printer, labels = _JavaScript(traced[0]), ', '.join(map(_quoted, traced[1]))
        parts += [
            f'function watch(row, parameters) {printer.whole()}',
            TRACE.strip().replace('FIRST', str(1 + traced[0].parameters)).replace('LABELS', labels),
        ]
    return '\n\n'.join(part.rstrip() for part in parts) + '\n'


def _functions(used: set[str]) -> list[str]:
    """Print what takes functions from ``Math``, and what it lacks."""
    own = [OWN[name] for name in OWN if name in used]
    if used & {'erf', 'erfc'}:
        own.insert(0, _ERROR)
    math = ', '.join(sorted(used - OWN.keys()))
    return [f'const {{{math}}} = Math;' if math else '', *(text.strip() for text in own)]


def rows(made: Mapping[str, tuple[Routine, Routine]], exact: bool = False) -> str:
    """Print rows of the table, for a page that computes a graph node by node: ``rows.floats``, ``rows.fractions``.

    made: by what it is called, each row's value and its value with its partials, over operands that are parameters.
    exact: print them for fractions too, by ``plus``, ``times`` and their kin, which the page has.
    """
    plain = {key: (cheaper(value), cheaper(slopes)) for key, (value, slopes) in made.items()}
    math = _functions({name for both in plain.values() for routine in both for name in routine.used()})
    kinds = {'floats': _table(plain, _JavaScript), 'fractions': _table(made, _Exact) if exact else '{}'}
    both = ',\n'.join(f'{kind}: {text}' for kind, text in kinds.items())
    return '\n'.join(['const rows = (() => {', *filter(None, math), f'return {{{both}}};', '})();\n'])


def _table(made: Mapping[str, tuple[Routine, Routine]], kind: type[_JavaScript]) -> str:
    printed = (
        f'{_quoted(key)}: {{\nvalue(parameters) {kind(value).body("gradient", adding=True)},\n'
        f'slopes(parameters) {kind(slopes).whole()}}},\n'
        for key, (value, slopes) in made.items()
    )
    return f'{{\n{"".join(printed)}}}'


def ways(routines: Sequence[Routine]) -> str:
    """Print routines of one output over the leaves as an array of functions, called ``ways``."""
    plain = [*map(cheaper, routines)]
    printed = ',\n'.join(f'(parameters) => {_JavaScript(each).whole()}' for each in plain)
    math = _functions({name for each in plain for name in each.used()})
    return '\n'.join(['const ways = (() => {', *filter(None, math), f'return [{printed}];', '})();\n'])


SUMS = """
/** The outputs, summed over rows. */
export function sums(rows, parameters = theta) {
    const totals = new Array(COUNT).fill(0.0);
    for (const row of rows) outputs(row, parameters).forEach((y, k) => { totals[k] += y; });
    return totals;
}
"""
GRADIENT = """
/** The value summed over rows, and its derivatives by the parameters. */
export function gradient(rows, parameters = theta) {
    const slopes = new Array(Math.max(parameters.length, 1)).fill(0.0);
    let value = 0.0;
    for (const row of rows) value += add_gradient(row, parameters, slopes);
    return {value, gradient: slopes.slice(0, parameters.length)};
}
"""
TRACE = """
/** What is labelled in the graph, for one row: its number, and the error signal that reaches it. */
export function trace(row, parameters = theta) {
    const found = watch(row, parameters);
    return [LABELS].map((label, k) => ({label, value: found[FIRST + 2 * k], signal: found[FIRST + 1 + 2 * k]}));
}
"""


def answers(net: Answers) -> str:
    """Print what asks the net whose outputs are printed: ``predict`` and, of classes, ``classify``."""
    found = 'outputs(row, parameters)' + '[0]' * (net.count == 1)
    text = PREDICT.replace('WIDTH', str(net.width)).replace('FOUND', found).replace('ABOUT', net.about)
    if net.classes:
        scores = 'y' if net.count > 1 else 'classes.map((_, k) => -Math.abs(y - k))'
        names = ', '.join(map(_literal, net.classes))
        text += CLASSIFY.replace('CHOICE', net.choice).replace('SCORES', scores).replace('NAMES', names)
    return text.lstrip()


PREDICT = """
/** ABOUT */
export function predict(row, parameters = theta) {
    if (row.length !== WIDTH) throw new RangeError(`the net takes a row of WIDTH, not of ${row.length}`);
    return FOUND;
}
"""
CLASSIFY = """
export const classes = [NAMES];

/** The class of CHOICE. */
export function classify(row, parameters = theta) {
    const y = predict(row, parameters);
    const scores = SCORES;
    if (scores.some(Number.isNaN)) throw new RangeError(`a net that answers ${y} tells no class`);
    return classes[scores.indexOf(Math.max(...scores))];
}
"""


class _JavaScript(Braces):
    constant, variable, counting = 'const ', 'let ', 'let'

    def __init__(self, routine: Routine) -> None:
        self.words = {*WORDS, *OWN, 'horner', 'erf_small', 'erfc_large', 'add_gradient', 'watch'}
        super().__init__(routine)

    def whole(self) -> str:
        """Print the body of a function that makes the outputs, and returns them."""
        head, lines = f'{{\n    const outputs = new Array({self.routine.count});\n', self.body('outputs', adding=False)
        if any(name == 'add_to' for name, _ in self.routine.instructions):
            head = head.replace(';\n', '.fill(0.0);\n')
        return head + lines.removeprefix('{\n').removesuffix('}') + '    return outputs;\n}'

    def memory(self, name: str, size: int) -> list[str]:
        return [f'const {name} = new Float64Array({size});']

    def table(self) -> str:
        return f'const table = [{self.numbers(self.routine.table)}];'

    def function(self, name: str) -> str:
        return {'inf': 'Infinity', 'nan': 'NaN'}.get(name, name)


class _Exact(_JavaScript):
    """Arithmetic by calls, which keep fractions what they are; a function of ``Math`` makes floats of them."""

    calls: ClassVar[dict[str, str]] = {
        'add': 'plus', 'sub': 'minus', 'mul': 'times', 'div': 'over', 'neg': 'negative', 'abs': 'size', 'pow': 'power',
        **{name: f'is_{name}' for name in COMPARISONS}, 'came': 'is_ne',
    }  # fmt: skip

    def spell(self, name: str, operands: tuple[int, ...]) -> tuple[str, int]:
        given = [self.text(operand) for operand in operands] if name not in ('item', 'while', 'back') else []
        if name in self.calls:
            return f'{self.calls[name]}({", ".join(given)})', TIGHT
        if name == 'sum' or name == 'dot':
            half = len(given) // 2
            pairs = zip(given[:half], given[half : 2 * half])
            terms = given if name == 'sum' else [f'times({a}, {b})' for a, b in pairs] + given[2 * half :]
            return f'total([{", ".join(terms)}])', TIGHT
        if name == 'madd':
            return f'plus({given[2]}, times({given[0]}, {given[1]}))', TIGHT
        if name in self.join or name == 'select':
            return super().spell(name, operands)
        return f'near({self._quoted_function(name)}, {", ".join(given)})', TIGHT

    def _quoted_function(self, name: str) -> str:
        return f'Math.{name}' if name not in OWN else name

    def spell_number(self, number: float) -> tuple[str, int]:
        text, binding = super().spell_number(number)
        if number != number or abs(number) == float('inf'):
            return text, binding
        exact = Fraction(repr(number))
        return f'ratio({exact.numerator}n, {exact.denominator}n)', TIGHT


def _literal(label: Any) -> str:
    """Print a class: a whole number or a truth as itself, anything else by its name."""
    if isinstance(label, bool):
        return str(label).lower()
    is_exact = isinstance(label, int) and abs(label) <= 1 << 53
    return str(label) if is_exact else _quoted(str(label))


def _quoted(label: str) -> str:
    """Print a string, also where it stands in a page."""
    return "'" + ''.join(c if c.isalnum() or c in ' _' else f'\\u{{{ord(c):x}}}' for c in label) + "'"
