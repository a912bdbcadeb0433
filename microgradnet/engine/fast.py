"""The methods of ``Value``, printed from the table of operations.

A method computes the value and the partial derivatives with Python's floats and
stores both in the node it makes. Whatever is out of the ordinary (fractions, a
switched-off recording) goes through ``value.record``, which does the same, slowly and
readably, for any operation, and takes ten times as long.

The globals of the generated methods are this module's alone: ``provide`` gives them a name.

>>> from microgradnet.engine.table import operations
>>> print(method_source(operations['mul']), end='')
def __mul__(self, b):
    if isinstance(b, Value):
        other, recorded = b, b.__class__ is not Constant
    else:
        other, recorded = constant(b, self), False
        if other is None:
            return NotImplemented
    a, b = self._data, other._data
    if a.__class__ is not float or b.__class__ is not float or paused:
        return record(mul_operation, (self, other))
    y = a * b
    node = new(Value)
    node._data = y
    node.grad = 0.0
    node.op = mul_operation
    node.label = ''
    node.inputs = (self, other)
    node.born = tick()
    node.partials = (b, a,) if recorded else (b, None,)
    return node
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._processes import free_lock
from .algebras import TROUBLE
from .cells import define
from .checks import items
from .table import Operation, operations

__all__ = [
    'Operators', 'generate', 'is_slow', 'method_source', 'nary_source', 'provide', 'recorders', 'reflected_source',
    'slow_path',
]  # fmt: skip

#: The globals of every generated method. Their ``paused`` counts the blocks of ``slow_path``
#: entered anywhere in the process, so that a method need only look at one number to know
#: that the context need not be asked.
_globals: dict[str, Any] = operations.space
_globals.update(paused=0, items=items, TROUBLE=TROUBLE)
_lock = free_lock()
#: The functions that record an operation of vectors, by name.
recorders: dict[str, Any] = {}


def provide(**names: Any) -> None:
    """Give generated methods what they call."""
    _globals.update(names)


def generate(source: str, title: str) -> Any:
    """Make a function of its source, with the globals of all generated methods."""
    return define(source, _globals, title)


@contextmanager
def slow_path() -> Iterator[None]:
    """Have every method record through ``value.record``, which asks the context."""
    with _lock:
        _globals['paused'] += 1
    try:
        yield
    finally:
        with _lock:
            _globals['paused'] -= 1


def is_slow() -> bool:
    """Tell whether the context has to be asked, for some thread."""
    return bool(_globals['paused'])


if TYPE_CHECKING:
    from .methods import Operators
else:

    class Operators:
        """The base class of ``Value`` that carries the methods of the table."""

        __slots__ = ()


def method_source(op: Operation) -> str:
    """Print the method of ``Value`` that records an operation of scalars."""
    others = op.parameters[1:]
    if not others:
        return _lines(
            f'def {op.method or op.name}(self):',
            ['a = self._data', *_guard(op, 'self'), *_value(op), *_node(op, 'self', _partials(op))],
        )
    signature = ''.join(f', {p}={op.default[p]!r}' if p in op.default else f', {p}' for p in others)
    if len(others) == 1:
        lift = _lift(op, 'b', 'other', 'recorded')
        partials = f'{_partials(op)} if recorded else {_partials(op, "a")}'
        nodes, data = 'self, other', 'a, b = self._data, other._data'
    else:
        lift = [line for p in others for line in _lift(op, p, f'other_{p}', f'recorded_{p}')]
        items = [f'{text} if recorded_{p} else None' if p in others else text
                 for p, text in zip(op.parameters, op.write_partials('python'), strict=True)]  # fmt: skip
        partials, nodes = f'({", ".join(items)})', ', '.join(['self', *(f'other_{p}' for p in others)])
        data = f'a, {", ".join(others)} = self._data, {", ".join(f"other_{p}._data" for p in others)}'
    return _lines(
        f'def {op.method or op.name}(self{signature}):',
        [*lift, data, *_guard(op, nodes), *_value(op), *_node(op, nodes, partials)],
    )


def reflected_source(op: Operation) -> str:
    """Print the method for a number on the left, ``2.0 - v``."""
    return _lines(
        f'def {op.reflected}(self, a):',
        [
            'other = constant(a, self)',
            'if other is None:',
            '    return NotImplemented',
            'a, b = other._data, self._data',
            *_guard(op, 'other, self'),
            *_value(op),
            *_node(op, 'other, self', _partials(op, 'b')),
        ],
    )


def nary_source(op: Operation) -> str:
    """Print the function that records an operation of vectors as one node.

    >>> from microgradnet.engine.table import operations
    >>> print(nary_source(operations['sum']), end='')
    def sum(a):
        a_nodes = a if a.__class__ is list else items('a of sum', a)
        try:
            a = [v._data for v in a_nodes]
            y = total(a)
        except Exception:
            return record(sum_operation, vectors(sum_operation, a_nodes))
        if y.__class__ is not float or paused:
            return record(sum_operation, vectors(sum_operation, a_nodes))
        node = new(Value)
        node._data = y
        node.grad = 0.0
        node.op = sum_operation
        node.label = ''
        node.inputs = (*a_nodes,)
        node.born = tick()
        node.partials = (*[1.0] * len(a),)
        return node
    """
    signature = ', '.join(f'{p}={op.default[p]!r}' if p in op.default else p for p in op.parameters)
    groups = ', '.join(f'{p}_nodes' if p in op.vectors else f'{p}_node' for p in op.parameters)
    again = f'return record({op.name}_operation, vectors({op.name}_operation, {groups}))'
    body = [f'{p}_nodes = {p} if {p}.__class__ is list else items({f"{p} of {op.name}"!r}, {p})' for p in op.vectors]
    body += [f'{p}_node = {p}' for p in op.scalars]
    if len(op.vectors) > 1:
        lengths = ' == '.join(f'len({p}_nodes)' for p in op.vectors)
        body += [f'if not {lengths}:', f'    {again}']
    data = [f'{p} = [v._data for v in {p}_nodes]' for p in op.vectors]
    if len(op.vectors) > 1:  # a layer reads the data of its inputs once for all its neurons
        data[-1] += f' if {op.vectors[-1]}_data is None else {op.vectors[-1]}_data'
        signature += f', {op.vectors[-1]}_data=None'
    data += [f'{p} = {p}_node._data if isinstance({p}_node, Value) else {p}_node' for p in op.scalars]
    body += ['try:', *_indent(data + _value(op, guarded=False)), 'except Exception:', f'    {again}']
    body += ['if y.__class__ is not float or paused:', f'    {again}']
    body += [f'if not isinstance({p}_node, Value): {p}_node = lift({p}_node)' for p in op.scalars]
    inputs = ', '.join([f'*{p}_nodes' for p in op.vectors] + [f'{p}_node' for p in op.scalars])
    items = [f'None if {p}_node.__class__ is Constant else {text}' if p in op.scalars else text
             for p, text in zip(op.parameters, op.write_partials('python'), strict=True)]  # fmt: skip
    return _lines(f'def {op.name}({signature}):', body + _node(op, inputs, f'({", ".join(items)},)'))


def _lift(op: Operation, p: str, node: str, recorded: str) -> list[str]:
    lift = f'{node}, {recorded} = constant({p}, self), False'
    refuse = [f'    if {node} is None:', '        return NotImplemented'] if op.method else []
    if not op.method:
        lift = f'{node}, {recorded} = lift({p}, self), False'
    given = f'{node}, {recorded} = {p}, {p}.__class__ is not Constant'
    return [f'if isinstance({p}, Value):', f'    {given}', 'else:', f'    {lift}', *refuse]


def _guard(op: Operation, nodes: str) -> list[str]:
    tests = ' or '.join(f'{p}.__class__ is not float' for p in op.parameters)
    comma = ',' if len(op.parameters) == 1 else ''
    return [f'if {tests} or paused:', f'    return record({op.name}_operation, ({nodes}{comma}))']


def _raises(cells: list[ast.expr]) -> bool:
    """Whether Python's arithmetic may raise: a call, a division or a power."""
    risky = (ast.Call, ast.Div, ast.Pow)
    return any(isinstance(node, risky) for cell in cells for node in ast.walk(cell))


def _value(op: Operation, guarded: bool = True) -> list[str]:
    write, used = op.writer('python'), op.definitions([op.cell])
    lines = [f'{name} = {write(op.let[name])}' for name in used] + [f'y = {write(op.cell)}']
    if not guarded or not _raises([op.cell, *(op.let[name] for name in used)]):
        return lines
    forgive = f'    y = forgive({op.name}_operation, {", ".join(op.parameters)})'
    return ['try:', *_indent(lines), 'except TROUBLE:', forgive]


def _node(op: Operation, nodes: str, partials: str) -> list[str]:
    late = [name for name in op.definitions(op.partial_cells) if name not in op.definitions([op.cell])]
    write = op.writer('python')
    made = [f'{name} = {write(op.let[name])}' for name in late] + [f'node.partials = {partials}']
    if _raises([*op.partial_cells, *(op.let[name] for name in late)]):
        arguments = ', '.join([*op.parameters, 'y'])
        limits = f'node.partials = limits({op.name}_operation, node.inputs, {arguments})'
        made = ['try:', *_indent(made), 'except TROUBLE:', f'    {limits}']
    comma = '' if ',' in nodes else ','
    return [
        'node = new(Value)',
        'node._data = y',
        'node.grad = 0.0',
        f'node.op = {op.name}_operation',
        "node.label = ''",
        f'node.inputs = ({nodes}{comma})',
        'node.born = tick()',
        *made,
        'return node',
    ]


def _partials(op: Operation, only: str = '') -> str:
    """Print the tuple of partials; with ``only``, None for every other operand."""
    if op.parameters == 'a' and not op.vectors and (choice := op.constant_choice()):
        return choice
    if not only:
        return f'({", ".join(op.write_partials("python"))},)'
    items = [text if p == only else 'None' for p, text in zip(op.parameters, op.write_partials('python'), strict=True)]
    return f'({", ".join(items)},)'


def _indent(lines: list[str]) -> list[str]:
    return [f'    {line}' for line in lines]


def _lines(head: str, body: list[str]) -> str:
    return '\n'.join([head, *_indent(body)]) + '\n'


def _install(op: Operation) -> None:
    """Give ``Value`` the methods of a new row."""
    provide(**{f'{op.name}_operation': op})
    operations.prepare(op)
    if op.vectors:
        recorders[op.name] = generate(nary_source(op), f'recorder of {op.name}')
        return
    method = generate(method_source(op), f'method {op.name}')
    method.__doc__ = op.document
    for name in {op.method or op.name, op.name, op.numpy}:
        setattr(Operators, name, method)
    if op.reflected:
        setattr(Operators, op.reflected, generate(reflected_source(op), f'method {op.reflected}'))


operations.watch(_install)
