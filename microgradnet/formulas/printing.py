"""Printed forms of a graph as it was recorded: as text that Python can read, and as LaTeX.

``of_graph`` makes formulas of the graph, in which nothing is simplified, and two notations print them; a shared
node is written out each time, unless it has a label, which then stands for it.

>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> text((a + b) * 2.0 ** -a), latex((a + b).tanh() / b)
('(a + b) * 2.0 ** -a', '\\\\frac{\\\\tanh \\\\left(a + b\\\\right)}{b}')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._escapes import tex_name
from ..engine.checks import instance
from ..engine.operation import CALL, Operation
from ..engine.table import operations
from ..engine.value import Value
from ..engine.walks import topological_order
from .latex import Tex
from .of_graph import formulas
from .printer import Printer, Rope, join
from .terms import Name, Number, Symbol, Term

__all__ = ['latex', 'text']


def text(value: Value, whole: bool = True) -> str:
    """Print a graph as a Python expression over its labels, its numbers, and the functions' names.

    ``whole`` writes out the expression behind a label of an inner node; otherwise the
    label stands for it, except at the top.

    >>> x = Value(0.5, label='x')
    >>> text((x * x + 1.0).log().max(x))
    'max(log(x * x + 1.0), x)'
    """
    symbols = _symbols(value, whole)
    numbers = {node: Number(node.data, in_full=True) for node in symbols if not node.label.isidentifier()}
    return Source().write(formulas(value, symbols | numbers, simple=False))


def latex(value: Value, whole: bool = True) -> str:
    """Print a graph as LaTeX, from the templates of the table.

    A label that is a word, or a letter with an index, is set as a name; any other as words, every
    special sign escaped, so that no label gets a command through.

    >>> print(latex(Value(2.0, label='w_{1,3}').sqrt() * 3.0))
    \\sqrt{w_{1,3}} \\cdot 3
    >>> print(latex(Value(2.0, label='100%') * 3.0))
    \\text{100\\%} \\cdot 3
    """
    return RecordedTex().write(formulas(value, _symbols(value, whole), simple=False))


def _symbols(value: Value, whole: bool) -> dict[Value, Term]:
    """Return the labels that stand for their nodes."""
    instance('what is printed', value, Value, 'a Value')
    return {
        node: Symbol(Name(node.label), (node.data,))
        for node in topological_order(value)
        if node.label and (not node.inputs or (not whole and node is not value))
    }


class Recorded(Printer):
    """What two notations of recorded operations share: the table says how tightly they bind."""

    @staticmethod
    def number_binds(text: str) -> int:
        return operations['neg'].binds if text.startswith('-') else CALL


class Source(Recorded):
    """Python."""

    def brackets(self, body: Any) -> Rope:
        return Rope('(', body, ')')

    def name(self, name: Name) -> str:
        return name.base

    def number(self, data: Any, in_full: bool) -> str:
        return repr(data)

    def function(self, operation: Operation, operands: Sequence[Term]) -> tuple[Rope, int]:
        return self.call(operation, operands), operation.binds

    def call(self, op: Operation, operands: Sequence[Term]) -> Rope:
        if op.name == 'neg':
            return Rope(op.sign, self.print(operands[0], op.binds))
        if op.sign and op.binds < CALL:
            power = op.name == 'pow'
            left = self.print(operands[0], op.binds + power)
            right = self.print(operands[1], operations['neg'].binds if power else op.binds + 1)
            return Rope(left, f' {op.sign} ', right)
        groups = op.split([self.print(operand) for operand in operands])
        arguments = (Rope('[', join(', ', g), ']') if isinstance(g, list) else g for g in groups)
        return Rope(f'{op.name}(', join(', ', arguments), ')')


class RecordedTex(Recorded, Tex):
    """LaTeX by the templates of the table; numbers in six digits."""

    def brackets(self, body: Any) -> Rope:
        return Rope(r'\left(', body, r'\right)')

    def name(self, name: Name) -> str:
        return tex_name(name.base)

    def number(self, data: Any, in_full: bool) -> str:
        return super().number(data, data == 0).replace('-10^', r'-1 \cdot 10^')

    def function(self, operation: Operation, operands: Sequence[Term]) -> tuple[Rope, int]:
        return self.template(operation, operands), operation.binds
