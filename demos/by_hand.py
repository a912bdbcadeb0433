"""One update of the derivation's three-layer net, by hand and by the engine, side by side.

    python demos/by_hand.py

The net is that of "Why backpropagation?" in "Deriving the backpropagation algorithm":
two inputs, neurons 1 and 2, then 3 and 4, then 5. ``by_hand`` has the derivation's
formulas in plain numbers and nothing else; ``by_engine`` builds an ``MLP`` and calls
``backward``. First in fractions, where both must be equal to the last digit, then in
floats with the sigmoid.
"""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from microgradnet import MLP, half_squared_error
from microgradnet.formulas.colours import PARTS

Number: TypeAlias = Any
Weights: TypeAlias = dict[str, Number]
Factors: TypeAlias = tuple[Number, Number, Number]
TeacherSet: TypeAlias = Sequence[tuple[tuple[Number, Number], Number]]

half = Fraction(1, 2)
#: Neuron by neuron, what comes in from the left, then the bias; chosen so that the fractions stay short.
WEIGHTS: Weights = {
    'w_{x1,1}': 3 * half, 'w_{x2,1}': -half, 'b_1': -3 * half,
    'w_{x1,2}': -half, 'w_{x2,2}': half, 'b_2': 1,
    'w_{1,3}': 4, 'w_{2,3}': 2, 'b_3': -1,
    'w_{1,4}': -3, 'w_{2,4}': -3 * half, 'b_4': 3,
    'w_{3,5}': 4, 'w_{4,5}': 1, 'b_5': -2,
}  # fmt: skip
TEACHER_SET: TeacherSet = [((3, -2), 0), ((1, -2), 1), ((2, 1), 0)]
LEARNING_RATE = half

NET = r"""
    x1 ----- 1 ----- 3
        \ /     \ /     \
         X       X       5 ----- y
        / \     / \     /
    x2 ----- 2 ----- 4
"""
#: g and g' by name.
ACTIVATIONS: dict[str, tuple[Callable[[Number], Number], Callable[[Number], Number]]] = {
    'softsign': (lambda r: r / (1 + abs(r)), lambda r: 1 / (1 + abs(r)) ** 2),
    'sigmoid': (lambda r: 1 / (1 + math.exp(-r)), lambda r: 1 / (1 + math.exp(-r)) / (1 + math.exp(r))),
}


class Worked(NamedTuple):
    """What one side found: per sample r, output and error signal by name; the new weights; E."""

    samples: list[dict[str, Number]]
    weights: Weights
    error: Number


class Line(NamedTuple):
    """One number of the comparison."""

    name: str
    hand: Number
    engine: Number

    @property
    def verdict(self) -> str:
        """Say how equal they are: ``==``, or how many units in the last place apart."""
        if self.hand == self.engine:
            return '=='
        if not isinstance(self.hand, float):
            return 'NOT EQUAL'
        return f'{abs(self.hand - self.engine) / math.ulp(self.hand):.0f} ulp'


def by_hand(
    w: Weights, teacher_set: TeacherSet, h: Number, activation: str
) -> tuple[Worked, dict[str, list[Factors]]]:
    """Work one update out by the derivation's formulas; return also each gradient's factors per sample."""
    g, g_prime = ACTIVATIONS[activation]
    samples = []
    error: Number = 0
    factors: dict[str, list[Factors]] = {}
    for (x1, x2), t in teacher_set:
        r1 = w['w_{x1,1}'] * x1 + w['w_{x2,1}'] * x2 + w['b_1']
        r2 = w['w_{x1,2}'] * x1 + w['w_{x2,2}'] * x2 + w['b_2']
        r3 = w['w_{1,3}'] * g(r1) + w['w_{2,3}'] * g(r2) + w['b_3']
        r4 = w['w_{1,4}'] * g(r1) + w['w_{2,4}'] * g(r2) + w['b_4']
        r5 = w['w_{3,5}'] * g(r3) + w['w_{4,5}'] * g(r4) + w['b_5']
        y = g(r5)

        d = y - t
        d3 = d * g_prime(r5) * w['w_{3,5}']
        d4 = d * g_prime(r5) * w['w_{4,5}']
        d1 = d3 * g_prime(r3) * w['w_{1,3}'] + d4 * g_prime(r4) * w['w_{1,4}']
        d2 = d3 * g_prime(r3) * w['w_{2,3}'] + d4 * g_prime(r4) * w['w_{2,4}']

        # A weight's gradient: error introduced * gradient of the activation * input.
        for name, error_introduced, r, source in [
            ('w_{3,5}', d, r5, g(r3)), ('w_{4,5}', d, r5, g(r4)), ('b_5', d, r5, 1),
            ('w_{1,3}', d3, r3, g(r1)), ('w_{2,3}', d3, r3, g(r2)), ('b_3', d3, r3, 1),
            ('w_{1,4}', d4, r4, g(r1)), ('w_{2,4}', d4, r4, g(r2)), ('b_4', d4, r4, 1),
            ('w_{x1,1}', d1, r1, x1), ('w_{x2,1}', d1, r1, x2), ('b_1', d1, r1, 1),
            ('w_{x1,2}', d2, r2, x1), ('w_{x2,2}', d2, r2, x2), ('b_2', d2, r2, 1),
        ]:  # fmt: skip
            factors.setdefault(name, []).append((error_introduced, g_prime(r), source))
        samples.append({
            'r_1': r1, 'r_2': r2, 'r_3': r3, 'r_4': r4, 'r_5': r5,
            'g(r_1)': g(r1), 'g(r_2)': g(r2), 'g(r_3)': g(r3), 'g(r_4)': g(r4), 'y': y,
            'δ': d, 'δ_3': d3, 'δ_4': d4, 'δ_1': d1, 'δ_2': d2,
        })  # fmt: skip
        error += d * d / 2
    gradient = {name: sum(e * slope * source for e, slope, source in rows) for name, rows in factors.items()}
    return Worked(samples, {name: w[name] - h * gradient[name] for name in gradient}, error), factors


def by_engine(w: Weights, teacher_set: TeacherSet, h: Number, activation: str) -> Worked:
    """Work the same update out with the engine: forward, ``backward``, w - h * gradient."""
    layers: list[tuple[list[Any], list[int]]] = [(['x1', 'x2'], [1, 2]), ([1, 2], [3, 4]), ([3, 4], [5])]
    net = MLP.from_weights(
        [[[w[f'w_{{{A},{B}}}'] for A in sources] for B in targets] for sources, targets in layers],
        [[w[f'b_{B}'] for B in targets] for _, targets in layers],
        activation,
        activation,
    )
    runs = [net.run(x) for x, _ in teacher_set]
    error = half_squared_error([run.outputs for run in runs], [[t] for _, t in teacher_set])
    error.backward()
    samples = []
    for run in runs:
        neurons = dict(enumerate((firing for layer in run.layers for firing in layer), 1))
        samples.append(
            {f'r_{B}': neuron.r.data for B, neuron in neurons.items()}
            | {f'g(r_{B})' if B < 5 else 'y': neuron.output.data for B, neuron in neurons.items()}
            | {f'δ_{B}' if B < 5 else 'δ': neuron.error_signal for B, neuron in neurons.items()}
        )
    return Worked(samples, dict(zip(w, [p.data - h * p.grad for p in net.parameters()], strict=True)), error.data)


def show(number: Number) -> str:
    """Print a fraction whole, a float in a few digits."""
    return f'{number:.6g}' if isinstance(number, float) else str(number)


def paint(text: str, part: str) -> str:
    """Colour one of the three factors as the derivation does, where there is a terminal to show it."""
    colourful = sys.stdout.isatty() and 'NO_COLOR' not in os.environ
    return f'\033[{PARTS[part].terminal}m{text}\033[0m' if colourful else text


def formulas(name: str) -> tuple[str, str, str]:
    """Return error introduced, gradient and input of a weight in the derivation's symbols.

    >>> formulas('w_{1,4}'), formulas('w_{x1,1}'), formulas('b_5')
    (('δ_4', "g'(r_4)", 'g(r_1)'), ('δ_1', "g'(r_1)", 'x1'), ('δ', "g'(r_5)", '1'))
    """
    source, _, target = name.strip('w_{}').rpartition(',')
    target = target.removeprefix('b_')
    incoming = source if source.startswith('x') else f'g(r_{source})' if source else '1'
    return 'δ' if target == '5' else f'δ_{target}', f"g'(r_{target})", incoming


MEANING = {
    'r_1': 'w_{x1,1} x1 + w_{x2,1} x2 + b_1',
    'r_2': 'w_{x1,2} x1 + w_{x2,2} x2 + b_2',
    'r_3': 'w_{1,3} g(r_1) + w_{2,3} g(r_2) + b_3',
    'r_4': 'w_{1,4} g(r_1) + w_{2,4} g(r_2) + b_4',
    **{f'g(r_{B})': '' for B in (1, 2, 3, 4)},
    'r_5': 'w_{3,5} g(r_3) + w_{4,5} g(r_4) + b_5',
    'y': 'g(r_5)',
    'δ': 'y - t',
    'δ_3': "δ g'(r_5) w_{3,5}",
    'δ_4': "δ g'(r_5) w_{4,5}",
    'δ_1': "δ_3 g'(r_3) w_{1,3} + δ_4 g'(r_4) w_{1,4}",
    'δ_2': "δ_3 g'(r_3) w_{2,3} + δ_4 g'(r_4) w_{2,4}",
}


def print_neurons(hand: Worked, engine: Worked, teacher_set: TeacherSet) -> list[Line]:
    """Print every neuron's r, output and error signal for each sample."""
    def put(name: str, meaning: str, cells: Iterable[str], verdict: str = '') -> None:
        print(f'{name:>7}{meaning:47}{"".join(f"{cell:>11}" for cell in cells)}   {verdict}'.rstrip())

    lines = []
    put('', '', (f'sample {i}' for i, _ in enumerate(teacher_set, 1)), 'engine')
    put('x1, x2', '', (f'{show(x1)}, {show(x2)}' for (x1, x2), _ in teacher_set))
    for name, meaning in MEANING.items():
        here = [Line(name, mine[name], its[name]) for mine, its in zip(hand.samples, engine.samples, strict=True)]
        verdict = next((line.verdict for line in here if line.hand != line.engine), '==')
        put(name, f' = {meaning}' if meaning else '', (show(line.hand) for line in here), verdict)
        if name == 'y':
            put('t', '', (show(t) for _, t in teacher_set))
            print()
        lines += here
    return lines


def print_updates(before: Weights, hand: Worked, engine: Worked) -> list[Line]:
    """Print the new weights, each with its formula, from the output layer back."""
    lines = [Line(name, number, engine.weights[name]) for name, number in hand.weights.items()]
    wide = 22 if isinstance(hand.error, float) else 13
    print(f'{"":44}{"before":>9}{"by hand":>{wide}}{"engine":>{wide}}')
    for line in lines:
        factors = [paint(f'{text:{width}}', part) for text, width, part in zip(formulas(line.name), (3, 7, 6), PARTS)]
        print(f'{line.name:>10} - h Σ {" · ".join(factors)}{"":6}{show(before[line.name]):>9}'
              f'{line.hand!s:>{wide}}{line.engine!s:>{wide}}   {line.verdict}')  # fmt: skip
    return lines


def print_in_full(w: Weights, h: Number, hand: Worked, factors: dict[str, list[Factors]]) -> None:
    """Print one update, and one error signal, with the numbers put in."""
    name = 'w_{1,4}'
    print(f'{name} in full:          {" · ".join(map(paint, formulas(name), PARTS))}')
    for i, row in enumerate(factors[name], 1):
        numbers = ' · '.join(map(paint, map(brackets, row), PARTS))
        print(f'            sample {i}    {numbers} = {math.prod(row)}')
    total = sum(math.prod(row) for row in factors[name])
    print(f'            w - h Σ     {w[name]} - {h} · {brackets(total)} = {w[name] - h * total}')
    paths = [(*factors[f'w_{{1,{B}}}'][0][:2], w[f'w_{{1,{B}}}']) for B in (3, 4)]
    print(f'δ_1 in full, through 3 and through 4:  {MEANING["δ_1"]}')
    print('            sample 1    ' + ' + '.join(' · '.join(map(brackets, path)) for path in paths), end='')
    print(f' = {" + ".join(brackets(math.prod(path)) for path in paths)} = {hand.samples[0]["δ_1"]}')


def brackets(number: Number) -> str:
    return f'({number})' if number < 0 else str(number)


def compare(numbers: Callable[[Any], Number], activation: str) -> list[Line]:
    """Print one update by hand and by the engine, in fractions or floats, and return what was compared."""
    w = {name: numbers(number) for name, number in WEIGHTS.items()}
    teacher_set = [((numbers(x1), numbers(x2)), numbers(t)) for (x1, x2), t in TEACHER_SET]
    h = numbers(LEARNING_RATE)
    hand, factors = by_hand(w, teacher_set, h, activation)
    engine = by_engine(w, teacher_set, h, activation)

    print('Forward, then the error signals back: each δ is the derivative of E by an output.')
    lines = print_neurons(hand, engine, teacher_set)
    print(f'\nOne update in batch learning, h = {show(h)}:  '
          f'w - h Σ {" · ".join(paint(part, part) for part in PARTS)}')  # fmt: skip
    lines += print_updates(w, hand, engine)
    if numbers is Fraction:
        print()
        print_in_full(w, h, hand, factors)
    after, _ = by_hand(hand.weights, teacher_set, h, activation)
    lines.append(Line('E', hand.error, engine.error))
    equal = sum(line.hand == line.engine for line in lines)
    exactly = '' if numbers is float else f'{hand.error} = '
    print(f'\nE = 1/2 Σ δ² falls from {exactly}{float(hand.error):.4f} to {float(after.error):.4f}. '
          f'Of {len(lines)} numbers compared, {equal} are equal to the last digit.')  # fmt: skip
    return lines


def main() -> dict[str, list[Line]]:
    """Print both comparisons, and return their lines by the activation's name."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='replace')  # where the terminal has no δ
    print("One update of the derivation's three-layer net, by hand and by the engine")
    print(NET)
    print("In fractions, with g = softsign: g(r) = r / (1 + |r|), g'(r) = 1 / (1 + |r|)²\n")
    exact = compare(Fraction, 'softsign')
    print("\nIn floats, with g = sigmoid: g(r) = 1 / (1 + e^-r), g'(r) = g(r) g(-r)\n")
    floats = compare(float, 'sigmoid')
    return {'softsign': exact, 'sigmoid': floats}


if __name__ == '__main__':
    main()
