"""The stub ``microgradnet/table.pyi`` says what the table makes; it is printed from the table.

``python -m tests.engine.test_stub`` writes it anew.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import product
from pathlib import Path

import microgradnet
from microgradnet import functions
from microgradnet.engine.table import Operation, operations
from microgradnet.engine.value import Value

STUB = Path(microgradnet.__file__).with_name('engine') / 'methods.pyi'

HEAD = '''"""The types of what the table of operations makes; printed by tests/engine/test_stub.py."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias, overload

from numpy import bool_, floating, integer
from numpy.typing import NDArray

from .value import Value

__all__: list[str] = [  # noqa: RUF022, in the order of the table
    'Operators',
{names}]

Real: TypeAlias = float | floating[Any] | integer[Any] | bool_
Operand: TypeAlias = Value | Fraction | Real
Array: TypeAlias = NDArray[Any]

class Operators:
'''
#: Functions that are written out in functions.py because they take more than the row says.
BY_HAND = {'where', 'max', 'min'}
#: Where a row is asked whether it keeps to fractions.
FRACTIONS = [*map(Fraction, ('1/3', '-1/2', '2', '5', '-4', '40', '0'))]


def printed() -> str:
    functions = [op for op in operations.values() if op.name not in BY_HAND]
    names = ''.join(f'    {op.name!r},\n' for op in functions)
    lines = [HEAD.rstrip('\n').format(names=names)]
    for op in operations.values():
        if not op.vectors:
            lines += [f'    {line}' for line in methods(op)]
    lines.append('')
    for op in functions:
        lines += overloaded(op.name, signatures_of_vectors(op) if op.vectors else signatures(op))
    return '\n'.join(lines) + '\n'


def methods(op: Operation) -> list[str]:
    """Print the methods of a row. An operator between a Value and an array is the array's."""
    others = ''.join(f', {p}: Operand = ...' if p in op.default else f', {p}: Operand' for p in op.parameters[1:])
    lines = []
    for name in dict.fromkeys([op.method or op.name, op.name, op.numpy]):
        kinds = [(f'self{others}', 'Value')]
        if name == op.method and others:
            kinds.append(('self, b: Array', 'Array'))
        lines += overloaded(name, kinds)
    if op.reflected:
        lines += overloaded(op.reflected, [('self, a: Operand', 'Value'), ('self, a: Array', 'Array')])
    return lines


def overloaded(name: str, kinds: list[tuple[str, str]]) -> list[str]:
    mark = ['@overload'] * (len(kinds) > 1)
    return [line for operands, result in kinds for line in [*mark, f'def {name}({operands}) -> {result}: ...']]


def signatures(op: Operation) -> list[tuple[str, str]]:
    """A Value among the operands makes a Value, an array an array; floats give a float, fractions what they give."""
    def over(*kinds: str, default: bool = True) -> str:
        texts = (f'{p}: {kind}' + ' = ...' * (default and p in op.default) for p, kind in zip(op.parameters, kinds))
        return ', '.join(texts)

    def one(kind: str, others: str) -> list[str]:
        """Print the operands, one after the other of the kind and the rest of the others."""
        size = len(op.parameters)
        texts = []
        for place in range(size):
            # An operand before the one in question cannot be left out; that one itself neither, but for the first.
            kinds = [kind if p == place else others for p in range(size)]
            head, tail = over(*kinds[: place + 1], default=False), kinds[place + 1 :]
            rest = (f'{p}: {k}' + ' = ...' * (p in op.default) for p, k in zip(op.parameters[place + 1 :], tail))
            texts.append(', '.join([head, *rest]))
        return texts

    size, exact = len(op.parameters), kind_on_fractions(op)
    kinds = [(text, 'Value') for text in one('Value', 'Operand')]
    if exact == 'float':
        kinds.append((over(*['Real | Fraction'] * size), 'float'))
    else:
        kinds.append((over(*['Fraction'] * size, default=False), exact))
        kinds.append((over(*['Real'] * size), 'float'))
        if size > 1:
            kinds.append((over(*['Real | Fraction'] * size), 'float | Fraction'))
    return kinds + [(text, 'Array') for text in one('Array', 'Operand | Array')]


def signatures_of_vectors(op: Operation) -> list[tuple[str, str]]:
    def over(kind: str, scalar: str) -> str:
        return ', '.join(
            f'{p}: Iterable[{kind}]' if p in op.vectors else f'{p}: {scalar}' + ' = ...' * (p in op.default)
            for p in op.parameters
        )

    kinds = [(over('Value', 'Operand'), 'Value')]
    for p in op.parameters if len(op.parameters) > 1 else '':
        if p in op.vectors:
            mixed = [f'{q}: Iterable[{"Value" if q == p else "Operand"}]' for q in op.vectors]
            scalars = [f'{q}: Operand' + ' = ...' * (q in op.default) for q in op.scalars]
            kinds.append((', '.join([*mixed, *scalars]), 'Value'))
    exact = kind_on_fractions(op)
    kinds.append((over('Fraction', 'Fraction'), exact))
    kinds.append((over('Real', 'Real'), 'float'))
    return [*dict.fromkeys([*kinds, (over('Any', 'Any'), 'Any')])]


def kind_on_fractions(op: Operation) -> str:
    """Return what a row makes of fractions: fractions, floats, or now these and now those."""
    kinds = set()
    for numbers in product(FRACTIONS, repeat=len(op.parameters)):
        operands = [[x] if p in op.vectors else x for p, x in zip(op.parameters, numbers)]
        with suppress(ArithmeticError, ValueError):
            kinds.add(type(getattr(functions, op.name)(*operands)).__name__)
    assert kinds <= {'float', 'Fraction'}, (op, kinds)
    return ' | '.join(sorted(kinds, reverse=True))


def test_stub_is_what_the_table_says() -> None:
    assert STUB.read_text() == printed(), 'run python -m tests.engine.test_stub to write the stub anew'


def test_everything_in_the_stub_is_there() -> None:
    for op in operations.values():
        assert callable(getattr(functions, op.name))
        if not op.vectors:
            assert callable(getattr(Value, op.method or op.name))


if __name__ == '__main__':
    STUB.write_text(printed())
