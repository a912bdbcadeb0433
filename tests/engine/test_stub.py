"""The stub ``microgradnet/table.pyi`` says what the table makes; it is printed from the table.

``python -m tests.engine.test_stub`` writes it anew.
"""

from pathlib import Path

import microgradnet
from microgradnet import functions
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value

STUB = Path(microgradnet.__file__).with_name('engine') / 'methods.pyi'

HEAD = '''"""The types of what the table of operations makes; printed by tests/engine/test_stub.py."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, SupportsFloat, TypeAlias

from .value import Value

Operand: TypeAlias = Value | Fraction | SupportsFloat

class Operators:
'''
#: Functions that are written out in functions.py because they take more than the row says.
BY_HAND = {'where', 'max', 'min'}


def printed() -> str:
    lines = [HEAD.rstrip('\n')]
    for op in operations.values():
        if op.vectors:
            continue
        others = ''.join(
            f', {p}: Operand = ...' if p in op.default else f', {p}: Operand' for p in op.parameters[1:]
        )
        names = dict.fromkeys([op.method or op.name, op.name, op.numpy])
        lines += [f'    def {name}(self{others}) -> Value: ...' for name in names]
        if op.reflected:
            lines.append(f'    def {op.reflected}(self, a: Operand) -> Value: ...')
    lines.append('')
    for op in operations.values():
        if op.name in BY_HAND:
            continue
        kinds = {p: 'Iterable[Any]' if p in op.vectors else 'Any' for p in op.parameters}
        operands = ', '.join(f'{p}: {kinds[p]}' + ' = ...' * (p in op.default) for p in op.parameters)
        lines.append(f'def {op.name}({operands}) -> Any: ...')
    return '\n'.join(lines) + '\n'


def test_stub_is_what_the_table_says() -> None:
    assert STUB.read_text() == printed(), 'run python -m tests.engine.test_stub to write the stub anew'


def test_everything_in_the_stub_is_there() -> None:
    for op in operations.values():
        assert callable(getattr(functions, op.name))
        if not op.vectors:
            assert callable(getattr(Value, op.method or op.name))


if __name__ == '__main__':
    STUB.write_text(printed())
