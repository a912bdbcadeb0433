"""The methods of ``Value``, printed from the table of operations: one template, ``METHOD``, and its holes.

A method computes the value and the partial derivatives with Python's floats and
stores both in the node it makes. Whatever is out of the ordinary (fractions, a
switched-off recording, a pole) goes through ``value.record``, which does the same, slowly and
readably, for any operation, and takes ten times as long.

The globals of the generated methods are this module's alone: ``provide`` gives them a name.

>>> from microgradnet.engine.table import operations
>>> print(method_source(operations['mul']), end='')
def __mul__(self, b):
    a = self._data
    other, recorded = b, False
    if type(b) is Value:
        b, recorded = b._data, True
    elif type(b) is int and type(a) is float:
        other = b = float(b)
    elif type(b) is not float:
        other = operand(b, self)
        if other is None:
            return NotImplemented
        b, recorded = other._data, type(other) is not Constant
    try:
        if type(a) is float and type(b) is float and not paused:
            y = a * b
            node = new(Value)
            node._data = y
            node.grad = 0.0
            node.op = mul_operation
            node.label = ''
            node.signal = None
            node.born = next(births)
            node._a = self
            node._da = b
            node._b = other
            node._db = a if recorded else None
            return node
    except TROUBLE:
        pass
    return record(mul_operation, (self, lift(other),))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._processes import free_lock
from .algebras import TROUBLE
from .cells import define
from .checks import items
from .table import Operation, operations

__all__ = [
    'Operators', 'another_space', 'filled', 'generate', 'is_slow', 'method_source', 'nary_source', 'parameters_of',
    'provide', 'recorders', 'slow_path', 'value_lines',
]  # fmt: skip

#: What a method does. A hole that has a line to itself takes any number of lines.
METHOD = """\
def {name}({signature}):
    {operands}
    try:
        {vectors}
        if {ordinary} and not paused:
            {value}
            node = new(Value)
            node._data = y
            node.grad = 0.0
            node.op = {name_of_row}_operation
            node.label = ''
            node.signal = None
            node.born = next(births)
            {edges}
            return node
    except {trouble}:
        pass
    return record({name_of_row}_operation, {nodes})
"""
#: How the other one of two operands is taken: a number stays a number.
OPERAND = """\
other, recorded = {p}, False
if type({p}) is Value:
    {p}, recorded = {p}._data, True
elif type({p}) is int and type({own}) is float:
    other = {p} = float({p})
elif type({p}) is not float:
    other = {lift}({p}, self)
    {refuse}
    {p}, recorded = other._data, type(other) is not Constant
"""
#: What a node holds of an operand, where there are one or two.
EDGE = """\
node._{p} = {node}
node._d{p} = {cell}
"""
#: What it holds of more, or where a cell may say that no signal goes along an edge.
EDGES = """\
node._a = {nodes}
node._da = ({cells},)
node._b = node._db = None
"""

#: The globals of every generated method. Their ``paused`` counts the blocks of ``slow_path``
#: entered anywhere in the process, so that a method need only look at one number to know
#: that the context need not be asked.
_globals: dict[str, Any] = operations.space
_globals.update(paused=0, items=items, TROUBLE=TROUBLE)
_spaces = [_globals]
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
        for space in _spaces:
            space['paused'] += 1
    try:
        yield
    finally:
        with _lock:
            for space in _spaces:
                space['paused'] -= 1


@contextmanager
def another_space(**names: Any) -> Iterator[dict[str, Any]]:
    """Give the globals of generated methods for others that are printed from the table, with some names of their own.

    In the block they are told of ``slow_path``, too.
    """
    with _lock:
        space = {**_globals, **names}
        _spaces.append(space)
    try:
        yield space
    finally:
        with _lock:
            _spaces[:] = [other for other in _spaces if other is not space]


def is_slow() -> bool:
    """Tell whether the context has to be asked, for some thread."""
    return bool(_globals['paused'])


if TYPE_CHECKING:
    from .methods import Operators
else:

    class Operators:
        """The base class of ``Value`` that carries the methods of the table."""

        __slots__ = ()


def method_source(op: Operation, own: str = 'a') -> str:
    """Print the method of ``Value`` that records an operation of scalars; ``own`` is the operand it is called on."""
    others = [p for p in op.parameters if p != own]
    cells = dict(zip(op.parameters, op.write_partials('python'), strict=True))
    nodes, take = {p: 'self' if p == own else f'{p}_node' for p in op.parameters}, [f'{own} = self._data']
    if len(others) > 1 or 'None' in str(cells):
        take += [f'{p}_node = lift({p}, self)\n{p} = {p}_node._data' for p in others]
        edges = _edges(nodes, cells, others)
    else:
        lift, refuse = ('operand', 'if other is None:\n    return NotImplemented') if op.method else ('lift', '')
        take += [filled(OPERAND, p=p, own=own, lift=lift, refuse=refuse) for p in others]
        nodes |= dict.fromkeys(others, 'lift(other)')
        cells |= {p: f'{cells[p]} if recorded else None' for p in others}
        edges = ''.join(filled(EDGE, p=p, node='self' if p == own else 'other', cell=cells[p]) for p in cells)
        edges += 'node._b = node._db = None' * (not others)
    return filled(
        METHOD,
        name=op.method or op.name if own == 'a' else op.reflected,
        signature=', '.join(['self', *parameters_of(op, others)]),
        operands='\n'.join(take),
        vectors='',
        ordinary=' and '.join(f'type({p}) is float' for p in op.parameters),
        value='\n'.join(value_lines(op) + _definitions(op)),
        name_of_row=op.name,
        edges=edges,
        trouble='TROUBLE',
        nodes=f'({", ".join(nodes.values())},)',
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
            if type(y) is float and not paused:
                node = new(Value)
                node._data = y
                node.grad = 0.0
                node.op = sum_operation
                node.label = ''
                node.signal = None
                node.born = next(births)
                node._a = (*a_nodes,) or None
                node._da = (*[1.0] * len(a),)
                node._b = node._db = None
                return node
        except Exception:
            pass
        return record(sum_operation, vectors(sum_operation, a_nodes))
    """
    nodes = {p: f'*{p}_nodes' if p in op.vectors else f'{p}_node' for p in op.parameters}
    cells = dict(zip(op.parameters, op.write_partials('python'), strict=True))
    take = [f'{p}_nodes = {p} if {p}.__class__ is list else items({f"{p} of {op.name}"!r}, {p})' for p in op.vectors]
    data = [f'{p} = [v._data for v in {p}_nodes]' for p in op.vectors]
    data += [f'{p} = {p}_node._data if isinstance({p}_node, Value) else {p}_node' for p in op.scalars]
    signature, ordinary, last = parameters_of(op, op.parameters), 'type(y) is float', op.vectors[-1]
    if len(op.vectors) > 1:  # a layer reads the data of its inputs once for all its neurons
        signature.append(f'{last}_data=None')
        data[len(op.vectors) - 1] += f' if {last}_data is None else {last}_data'
        ordinary += f' and {" == ".join(f"len({p}_nodes)" for p in op.vectors)}'
    return filled(
        METHOD,
        name=op.name,
        signature=', '.join(signature),
        operands='\n'.join([*take, *(f'{p}_node = {p}' for p in op.scalars)]),
        vectors='\n'.join(data + value_lines(op)),
        ordinary=ordinary,
        value='\n'.join([f'{p}_node = lift({p}_node)' for p in op.scalars] + _definitions(op)),
        name_of_row=op.name,
        edges=_edges(nodes, cells, op.scalars),
        trouble='Exception',
        nodes=f'vectors({op.name}_operation, {", ".join(node.lstrip("*") for node in nodes.values())})',
    )


def parameters_of(op: Operation, names: Iterable[str]) -> list[str]:
    """Print some operands of an operation as a method's parameters."""
    return [f'{p}={op.default[p]!r}' if p in op.default else p for p in names]


def value_lines(op: Operation) -> list[str]:
    """Print what computes the value y of an operation, and the definitions that needs."""
    write = op.writer('python')
    return [f'{name} = {write(op.let[name])}' for name in op.definitions([op.cell])] + [f'y = {write(op.cell)}']


def _definitions(op: Operation) -> list[str]:
    """Print the definitions that the partials alone need."""
    write, known = op.writer('python'), op.definitions([op.cell])
    return [f'{name} = {write(op.let[name])}' for name in op.definitions(op.partial_cells) if name not in known]


def _edges(nodes: dict[str, str], cells: dict[str, str], others: Iterable[str]) -> str:
    """Print what a node holds of many operands, of which some others may be constants."""
    given = cells | {p: f'None if {nodes[p]}.__class__ is Constant else {cells[p]}' for p in others}
    leaf = ' or None' * all(node.startswith('*') for node in nodes.values())
    return filled(EDGES, nodes=f'({", ".join(nodes.values())},){leaf}', cells=', '.join(given.values()))


def filled(template: str, **holes: str) -> str:
    """Fill the holes of a template of source; one that has a line to itself takes any number of lines."""
    lines: list[str] = []
    for line in template.splitlines():
        alone = holes.get(line.strip(' {}')) if line.endswith('}') else None
        indent = line[: len(line) - len(line.lstrip())]
        lines += [line.format(**holes)] if alone is None else [indent + part for part in alone.splitlines()]
    return '\n'.join(lines) + '\n'


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
        setattr(Operators, op.reflected, generate(method_source(op, 'b'), f'method {op.reflected}'))


operations.watch(_install)
