"""What a row of the table becomes: an ``Operation``, and the ``Table`` that holds it.

An operation's cells are kept as syntax trees; its functions, one for the value and
one for the partials, are printed from them and compiled when first asked for: as
Python's floats, or as calls of a builder, over which the other algebras run. ``source`` shows what was printed.

>>> from microgradnet.engine.table import operations
>>> print(operations['sigmoid'].source('value', 'python'), end='')
def sigmoid(a):
    e = exp(-abs(a))
    return (1.0 if a >= 0.0 else e) / (1.0 + e)
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._processes import cached_property
from . import cells as grammar
from .cells import KERNELS, Function, define, math_function, power, write

__all__ = ['CALL', 'Operation', 'Table', 'operations']

#: How tightly a call binds: more than every operator.
CALL = 9
#: What printed code calls its own: the builder, the result, nodes and what is asked of them, terms.
LOCAL = re.compile('g|y|i|v|self|node|((other|recorded)(_.*)?)|([abcd]_.*)')
#: Python's own names, and an algebra's, that rows have.
OURS = {'sum', 'abs', 'max', 'min', 'add', 'sub', 'mul', 'div', 'neg', 'pow'}


class Operation:
    """One operation: a row of the table, read and checked.

    ``parameters`` are the names of its operands; those in ``vectors`` stand for any
    number of them, all vectors of the same length, laid out one after the other
    before the scalars in a node's ``inputs``.
    """

    table: Table
    name: str
    latex: str
    sign: str
    binds: int
    method: str
    reflected: str
    numpy: str
    domain: str
    kink: str
    ulps: float
    parameters: str
    vectors: str
    scalars: str
    default: dict[str, float]
    text: str
    partial_texts: list[str]
    let_text: str
    cell: ast.expr
    partial_cells: list[ast.expr]
    let: dict[str, ast.expr]

    def __init__(
        self,
        table: Table,
        name: str,
        value: str,
        partials: Sequence[str | None],
        latex: str,
        *,
        let: str = '',
        sign: str = '',
        binds: int = CALL,
        method: str = '',
        reflected: str = '',
        default: Mapping[str, float] | None = None,
        numpy: str = '',
        domain: str = '',
        kink: str = '',
        ulps: float = 2,
    ) -> None:
        self.table, self.name, self.latex = table, name, latex
        self.sign, self.binds = sign, binds
        self.method, self.reflected, self.numpy = method, reflected, numpy or name
        self.domain, self.kink, self.ulps = domain, kink, ulps
        self.parameters = 'abcd'[: len(partials)]
        self.text, self.partial_texts, self.let_text = value, [str(cell) for cell in partials], let
        try:
            self.let = grammar.parse_let(let)
            self.cell = grammar.parse(value)
            self.partial_cells = [grammar.parse(str(cell)) for cell in partials]
        except (SyntaxError, ValueError) as error:
            raise ValueError(f'row {name}: {error}') from None
        for defined in self.let:
            if defined in {*self.parameters, *table, *table.reserved, *table.space} or LOCAL.fullmatch(defined):
                raise ValueError(f"row {name}: let cannot define '{defined}', a name that is in use")
        self.default = dict(default or {})
        known = {*self.parameters, *self.let}
        for what, cell in [('value', self.cell), *self.let.items()]:
            grammar.check(cell, known | ({'y'} if what in self.let else set()), f'row {name}, {what}')
        for parameter, cell in zip(self.parameters, self.partial_cells, strict=True):
            grammar.check(cell, known | {'y'}, f'row {name}, d/d{parameter}')
        cells = [self.cell, *self.partial_cells, *self.let.values()]
        self.vectors = ''.join(p for p in self.parameters if any(_indexed(cell, p) for cell in cells))
        self.scalars = ''.join(p for p in self.parameters if p not in self.vectors)
        self._write_out_once_used()
        self._compiled: dict[tuple[str, str], Function] = {}

    @property
    def has_cells(self) -> bool:
        """Whether it is made of cells, which every arithmetic reads; a user's own operation is not."""
        return True

    @property
    def has_partials(self) -> bool:
        """Whether the partials can be had; those of a user's own operation may not be."""
        return True

    def __repr__(self) -> str:
        return f'<operation {self.name}({", ".join(self.parameters)}) = {ast.unparse(self.cell)}>'

    def __reduce__(self) -> tuple[Function, tuple[str]]:
        return _named, (self.name,)

    @cached_property
    def is_kernel(self) -> bool:
        """Whether the value is Python's own function rather than made of other rows."""
        return ast.unparse(self.cell) == f'{self.name}({", ".join(self.parameters)})'

    @property
    def document(self) -> str:
        """A docstring for what is made of the row: value, partials and domain.

        >>> from microgradnet.engine.table import operations
        >>> print(operations['log'].document)
        Return log(a); d/da = 1 / a. Defined where a > 0.
        """
        partials = ', '.join(f'd/d{p} = {text}' for p, text in zip(self.parameters, self.partial_texts, strict=True))
        let = f', with {self.let_text}' if self.let_text else ''
        domain = f' Defined where {self.domain}.' if self.domain else ''
        return f'Return {self.text}; {partials}{let}.{domain}'

    def value(self, arithmetic: str) -> Function:
        """Return the function of the operands that computes the value.

        A vector is passed as one sequence; ``arithmetic`` is ``'python'``, ``'ieee'`` or ``'exact'``.
        In ``'graph'`` the function takes a builder first, which makes what the cell says.
        """
        return self._function('value', arithmetic)

    def partials(self, arithmetic: str) -> Function:
        """Return the function of operands and result that computes every partial.

        It returns a tuple that matches a node's inputs; None is an edge along which
        no signal travels.
        """
        return self._function('partials', arithmetic)

    def split(self, inputs: Sequence[Any]) -> list[Any]:
        """Group a node's flat inputs by operand: a vector becomes a sequence of its own.

        >>> from microgradnet.engine.table import operations
        >>> operations['dot'].split(['w1', 'w2', 'x1', 'x2', 'b'])
        [['w1', 'w2'], ['x1', 'x2'], 'b']
        """
        if not self.vectors:
            return [*inputs]
        length = (len(inputs) - len(self.scalars)) // len(self.vectors)
        ends = range(0, len(self.vectors) * length, length) if length else [0] * len(self.vectors)
        return [inputs[end : end + length] for end in ends] + [*inputs[len(self.vectors) * length :]]

    def partial_graph(self, parameter: str) -> Function:
        """Return the function of a builder g, operands and result that records one partial.

        For a vector operand it returns a list, or one partial that holds for every term.
        """
        return self._function(f'd{parameter}', 'graph')

    def source(self, what: str, arithmetic: str) -> str:
        """Print the function for the ``'value'``, the ``'partials'``, or as a graph ``'da'``.

        >>> from microgradnet.engine.table import operations
        >>> print(operations['asinh'].source('da', 'graph'), end='')
        def asinh_da(g, a, y):
            return g.div(1, g.hypot(1, a))
        """
        write = self.writer(arithmetic)
        graph = arithmetic == 'graph'
        if what == 'value' and self.is_kernel and not graph:
            return f'{self.name} = {self.name}'
        if what == 'partials':
            cells, result = self.partial_cells, f'({", ".join(self.write_partials(arithmetic))},)'
        else:
            cells = [self.cell if what == 'value' else self.partial_cells[self.parameters.index(what[1:])]]
            result = write(cells[0])
        operands = ['g'] * graph + [*self.parameters] + ['y'] * (what != 'value')
        name = self.name if what == 'value' and not graph else f'{self.name}_{what}'
        lines = [f'{let} = {write(self.let[let])}' for let in self.definitions(cells)]
        return '\n    '.join([f'def {name}({", ".join(operands)}):', *lines, f'return {result}']) + '\n'

    def writer(self, arithmetic: str) -> Callable[[ast.expr], str]:
        """Return ``writing.write`` for one arithmetic, which writes short rows out."""
        return lambda cell: write(cell, arithmetic, self.table.short)

    def write_partials(self, arithmetic: str) -> list[str]:
        """Print the partials as the items of one tuple, one for each operand, vectors unpacked."""
        write, items = self.writer(arithmetic), []
        for parameter, cell in zip(self.parameters, self.partial_cells, strict=True):
            text = write(cell)
            if parameter in self.vectors:
                text = f'*{text}' if grammar.terms(cell) else f'*[{text}] * len({parameter})'
            items.append(text)
        return items

    def definitions(self, cells: Sequence[ast.expr]) -> list[str]:
        """Return the let names that some cells need, in order."""
        needed = set().union(*(grammar.named(cell) for cell in cells))
        for name in reversed(self.let):
            if name in needed:
                needed |= grammar.named(self.let[name])
        return [name for name in self.let if name in needed]

    def _write_out_once_used(self) -> None:
        """Put a definition that is used only once in its place, to be computed only if reached."""
        for name, cell in [*self.let.items()]:
            cells = [self.cell, *self.partial_cells, *self.let.values()]
            uses = sum(isinstance(n, ast.Name) and n.id == name for c in cells for n in ast.walk(c))
            if uses == 1 and not grammar.terms(cell):
                del self.let[name]
                put = grammar.Substitute({name: cell}).visit
                self.cell = put(self.cell)
                self.partial_cells = [*map(put, self.partial_cells)]
                self.let = {other: put(cell) for other, cell in self.let.items()}

    def _function(self, what: str, arithmetic: str) -> Function:
        key = what, arithmetic
        if key not in self._compiled:
            if what == 'value' and self.is_kernel and arithmetic in ('python', 'exact'):
                function = math_function(self.name)
            elif arithmetic in self.table.algebras:
                function = self.table.algebras[arithmetic].function(self, what)
            else:
                if arithmetic == 'python':
                    self.table.prepare(self)
                title = f'{arithmetic} {what} of {self.name}'
                function = define(self.source(what, arithmetic), self.table.space, title)
            self._compiled[key] = function
        return self._compiled[key]


class Table(dict[str, Operation]):
    """All operations by name; ``row`` adds one and tells whoever watches."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[Operation], object]] = []
        self.space: dict[str, Any] = {**KERNELS, 'power': power}
        #: What runs over the graph text of a cell, by the name of its arithmetic.
        self.algebras: dict[str, Any] = {}
        self.reserved: set[str] = {*KERNELS, 'power', 'divide', *dir(builtins)} - OURS

    def over(self, **algebras: Callable[[Table], Any]) -> None:
        """Have algebras compute the cells; no row may have the name of what they know."""
        for name, kind in algebras.items():
            self.algebras[name] = kind(self)
            self.reserved |= {*dir(kind)} - OURS

    def row(self, name: str, value: str, partials: Sequence[str | None], latex: str, **more: Any) -> Operation:
        """Add one operation; see the module ``operations`` for the columns.

        Raises ValueError if the name is taken or a cell is not in the grammar.
        """
        if name in self:
            raise ValueError(f'row {name}: the table already has an operation of this name')
        if not name.isidentifier() or name in self.reserved:
            raise ValueError(f'row {name!r}: the name must be a Python identifier and not in use')
        operation = self[name] = Operation(self, name, value, partials, latex, **more)
        try:
            for watcher in self.watchers:
                watcher(operation)
        except ValueError:
            del self[name]
            raise
        return operation

    def watch(self, watcher: Callable[[Operation], object]) -> None:
        """Call ``watcher`` with every operation there is, and with each one added later."""
        for operation in self.values():
            watcher(operation)
        self.watchers.append(watcher)

    def short(self, name: str) -> tuple[str, ast.expr] | None:
        """Return the operands and value of a row short enough to be written out in place."""
        operation = self.get(name)
        if operation is None or operation.let or operation.vectors or not isinstance(operation.cell, ast.IfExp):
            return None
        return operation.parameters, operation.cell

    def prepare(self, operation: Operation) -> None:
        """Put the functions that an operation's printed cells call where they find them."""
        for cell in [operation.cell, *operation.partial_cells, *operation.let.values()]:
            for name in grammar.called(cell):
                if name not in self.space:
                    if name not in self:
                        raise ValueError(f'row {operation.name}: there is no operation {name!r}')
                    self.space[name] = None  # so that rows that call each other come to an end
                    self.space[name] = self[name].value('python')


#: Every operation by name, in the order of the table, which fills it.
operations: Table = Table()


def _named(name: str) -> Operation:
    return operations[name]


def _indexed(cell: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Subscript) and ast.unparse(node.value) == name for node in ast.walk(cell))
