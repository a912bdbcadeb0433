"""An expression as data: a straight-line program over the table, which runs on anything and prints as Python.

>>> cube = Expression((2.0,), (), (('mul', (0, 0)), ('mul', (1, 0))))
>>> cube([3.0]), cube.at_point()
(27.0, 8.0)
>>> print(cube)
from microgradnet.functions import mul
<BLANKLINE>
def f(x):
    a, = x
    b = mul(a, a)
    return mul(b, a)
<BLANKLINE>
point = (2.0,)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self, TypeAlias

from ..engine import functions
from ..engine.numbers import as_real
from ..engine.table import operations
from ..engine.value import Value

__all__ = ['Apply', 'Expression', 'Form', 'Legal', 'Pick', 'Step', 'by_function', 'by_operator']

#: What a step means: the result of the operation of a name for some operands.
Apply: TypeAlias = Callable[[str, Sequence[Any]], Any]
#: The name of an operation, and the indices of its operands.
Step: TypeAlias = tuple[str, tuple[int, ...]]
#: An operation, and of each operand whether it is computed (v), a constant (c) or either (*); '' is all either.
Form: TypeAlias = tuple[str, str]
#: A step's value where it may stand in a program, else None: of name, operands, and which are constant.
Legal: TypeAlias = Callable[[str, Sequence[Any], Sequence[bool]], Any]
#: What picks a whole number from a range, both ends included: Hypothesis, or a ``Random``.
Pick: TypeAlias = Callable[[int, int], int]


def by_function(name: str, operands: Sequence[Any]) -> Any:
    """Apply the function of the table to Values, numbers or arrays; to anything else its own operator or method.

    >>> by_function('dot', [1.0, 2.0, 3.0, 4.0, 0.5])
    11.5
    """
    foreign = next((o for o in operands if not isinstance(o, Value) and as_real(o) is None), None)
    if foreign is not None and not hasattr(foreign, '__array__'):
        method = operations[name].method
        return getattr(operator, method)(*operands) if method else getattr(foreign, name)(*operands[1:])
    return getattr(functions, name)(*operations[name].split(operands))


def by_operator(name: str, operands: Sequence[Any]) -> Any:
    """Apply Python's operator where the row has one, else the method, else the function.

    >>> by_operator('mul', [Value(2.0), 3.0]).data
    6.0
    """
    op = operations[name]
    if not any(isinstance(operand, Value) for operand in operands):
        return by_function(name, operands)
    if op.method:
        return getattr(operator, op.method)(*operands)
    if op.vectors or not isinstance(operands[0], Value):
        return by_function(name, operands)
    return getattr(operands[0], name)(*operands[1:])


@dataclass(frozen=True, repr=False)
class Expression:
    """Leaves, constants and the steps that follow from them; the last result is the value.

    A step is the name of an operation and the indices of its operands, which count
    ``leaves`` first, then ``constants``, then the results of earlier steps; one index
    may come up any number of times. ``leaves`` is the point at which it was drawn.
    Called with one sequence, it computes on whatever is in it: floats, Values,
    fractions, arrays, dual numbers of one's own with the usual operators and methods.
    """

    leaves: tuple[Any, ...]
    constants: tuple[Any, ...] = ()
    steps: tuple[Step, ...] = ()

    def run(self, apply: Apply, leaves: Iterable[Any]) -> list[Any]:
        """Return the leaves given, the constants and what ``apply`` makes of every step."""
        results = [*leaves, *self.constants]
        for name, operands in self.steps:
            results.append(apply(name, [results[index] for index in operands]))
        return results

    def __call__(self, leaves: Sequence[Any]) -> Any:
        if len(leaves) != len(self.leaves):
            raise ValueError(f'the expression is one of {len(self.leaves)} leaves; it was given {len(leaves)}')
        return self.run(by_function, leaves)[self.result]

    def at_point(self) -> Any:
        """Return the value at the point where the expression was drawn."""
        return self(self.leaves)

    def record(self) -> tuple[list[Value], Value]:
        """Return fresh Values for the leaves, labelled a, b, ..., and the node of the value.

        >>> [a], y = Expression((3.0,), (), (('mul', (0, 0)),)).record()
        >>> y.backward(); a.grad
        6.0
        """
        xs = [Value(leaf, label=name_of(place)) for place, leaf in enumerate(self.leaves)]
        y = self(xs)
        return xs, y if isinstance(y, Value) else Value(y)

    @property
    def result(self) -> int:
        """The index of the value: the last step's, or the last leaf's if there is no step."""
        return len(self.leaves) + len(self.constants) + len(self.steps) - 1 if self.steps else len(self.leaves) - 1

    @property
    def results(self) -> tuple[int, ...]:
        """The indices of all that it is for: of the value alone."""
        return (self.result,)

    def needs(self, *results: int) -> set[int]:
        """Return the indices of what results are made of, at once or further back, and their own."""
        first, used = len(self.leaves) + len(self.constants), {*results}
        for place in reversed(range(len(self.steps))):
            if first + place in used:
                used.update(self.steps[place][1])
        return used

    def needed(self) -> Self:
        """Return the same without the leaves, constants and steps that its value does not depend on.

        >>> Expression((1.0, 2.0), (5.0,), (('neg', (1,)), ('mul', (0, 0)))).needed().steps
        (('mul', (0, 0)),)
        """
        ends = len(self.leaves), len(self.leaves) + len(self.constants)
        used = self.needs(*self.results)
        if not any(index < ends[0] for index in used):
            used.add(0)
        kept = sorted(used)
        new = {index: place for place, index in enumerate(kept)}
        return replace(
            self,
            leaves=tuple(self.leaves[i] for i in kept if i < ends[0]),
            constants=tuple(self.constants[i - ends[0]] for i in kept if ends[0] <= i < ends[1]),
            steps=tuple(
                (name, tuple(new[i] for i in operands))
                for name, operands in (self.steps[i - ends[1]] for i in kept if i >= ends[1])
            ),
        )

    def grown(
        self, pick: Pick, forms: Sequence[Form], allowed: Legal, fewest: int, most: int, together: int = 1
    ) -> Self | None:
        """Return it with steps added by picking whole numbers from ranges, the plainest at their lower ends.

        Every other step is of a form that joins several operands, for in a chain any order of visit is right.
        Operands count back from the latest, and a step that is not allowed is left out, not picked anew: so
        leaving out a step leaves an expression. The last steps, as many as are ``together``, are no operands of
        one another; None if one of several is not allowed.
        """
        ends = len(self.leaves), len(self.leaves) + len(self.constants)
        data, steps = [*self.leaves, *self.constants], [*self.steps]
        fixed = [index >= ends[0] for index in range(ends[1])]
        places = {'c': [*range(*ends)], 'v': [*range(ends[0])], '*': [*range(ends[1])]}
        joining = [form for form in forms if len(form[1] or operations[form[0]].parameters) > 1] or forms
        count = pick(max(fewest, together), most)
        for k in range(count):
            some = joining if len(joining) < len(forms) and pick(0, 1) else forms
            name, kinds = some[pick(0, len(some) - 1)]
            if not kinds:
                op = operations[name]
                kinds = '*' * (pick(1, 3) * len(op.vectors) + len(op.scalars))
            if k <= count - together:
                visible = {kind: [*some] for kind, some in places.items()}
            operands = tuple(visible[kind][-1 - pick(0, len(visible[kind]) - 1)] for kind in kinds)
            constant = [fixed[index] for index in operands]
            try:
                y = allowed(name, [data[index] for index in operands], constant)
            except (ArithmeticError, ValueError):
                y = None
            if y is not None:
                steps.append((name, operands))
                for kind in 'v*':
                    places[kind].append(len(data))
                data.append(y)
                fixed.append(all(constant))
            elif together > 1 and k >= count - together:
                return None
        return replace(self, steps=tuple(steps))

    def __str__(self) -> str:
        names = [name_of(place) for place in range(len(self.leaves))]
        written = [*names, *map(literal, self.constants)]
        lines = [f'{", ".join(names)}{"," * (len(names) == 1)} = x']
        calls = []
        for name, operands in self.steps:
            calls.append(_call(name, [written[index] for index in operands]))
            written.append(name_of(len(written) - len(self.constants)))
            lines.append(f'{written[-1]} = {calls[-1]}')
        if calls:
            lines[-1] = f'return {calls[-1]}'
        else:
            lines.append(f'return {written[self.result]}')
        used = sorted({name for name, _ in self.steps})
        numbers = [*self.leaves, *self.constants]
        head = ['from fractions import Fraction'] if any(isinstance(n, Fraction) for n in numbers) else []
        head += ['from math import inf, nan'] if any(not math.isfinite(n) for n in numbers) else []
        head += [f'from microgradnet.functions import {", ".join(used)}'] if used else []
        point = ', '.join(map(literal, self.leaves)) + ',' * (len(names) == 1)
        text = '\n    '.join(['def f(x):', *lines])
        return '\n'.join([*head, *([''] if head else []), text, '', f'point = ({point})'])

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the source where Hypothesis, or IPython, would show the fields."""
        printer.text(str(self))


def _call(name: str, operands: list[str]) -> str:
    groups = operations[name].split(operands)
    return f'{name}({", ".join("[" + ", ".join(g) + "]" if isinstance(g, list) else g for g in groups)})'


def name_of(place: int) -> str:
    """Name the leaves and results: a, b, ..., w, then v24 and so on; x is the whole point.

    >>> name_of(0), name_of(30)
    ('a', 'v30')
    """
    return 'abcdefghijklmnopqrstuvw'[place] if place < 23 else f'v{place}'


def literal(number: Any) -> str:
    """Write a number as Python source.

    >>> literal(Fraction(1, 3)), literal(float('-inf'))
    ('Fraction(1, 3)', '-inf')
    """
    return repr(number)
