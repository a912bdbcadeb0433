"""Printed forms of a graph: as text that Python can read, and as LaTeX.

Both are read off the graph and the table; a shared node is written out each time,
unless it has a label, which then stands for it.

>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> text((a + b) * 2.0 ** -a), latex((a + b).tanh() / b)
('(a + b) * 2.0 ** -a', '\\\\frac{\\\\tanh \\\\left(a + b\\\\right)}{b}')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, repeat
from typing import TypeAlias

from .._escapes import tex_name
from ..engine.checks import instance
from ..engine.numbers import Number
from ..engine.operation import CALL, Operation
from ..engine.table import operations
from ..engine.value import Value
from ..engine.walks import topological_order

__all__ = ['latex', 'node_latex', 'text']

#: How tightly a number with a sign binds.
SIGNED = operations['neg'].binds
LEFT_RIGHT = (r'\left(', r'\right)')


def text(value: Value, whole: bool = True) -> str:
    """Print a graph as a Python expression over its labels, its numbers, and the functions' names.

    ``whole`` writes out the expression behind a label of an inner node; otherwise the
    label stands for it, except at the top.

    >>> x = Value(0.5, label='x')
    >>> text((x * x + 1.0).log().max(x))
    'max(log(x * x + 1.0), x)'
    """
    return _print(value, whole, _leaf_text, _node_text)


def latex(value: Value, whole: bool = True) -> str:
    """Print a graph as LaTeX, from the templates of the table.

    A label that is a word, or a letter with an index, is set as a name; any other as words, every
    special sign escaped, so that no label gets a command through.

    >>> print(latex(Value(2.0, label='w_{1,3}').sqrt() * 3.0))
    \\sqrt{w_{1,3}} \\cdot 3
    >>> print(latex(Value(2.0, label='100%') * 3.0))
    \\text{100\\%} \\cdot 3
    """
    return _print(value, whole, _leaf_latex, node_latex)


class Rope:
    """Pieces of a text one after the other, strings or ropes: not copied, and joined once.

    To make one takes no longer if they are long; ``first`` is the first character, nothing if there is none.

    >>> body = Rope('sin(', Rope('x', ' + 1'), ')')
    >>> body = Rope('-', body)
    >>> str(body), body.first
    ('-sin(x + 1)', '-')
    """

    __slots__ = ('first', 'pieces')

    def __init__(self, *pieces: Text) -> None:
        self.pieces = pieces
        firsts = (piece[:1] if isinstance(piece, str) else piece.first for piece in pieces)
        self.first: str = next(filter(None, firsts), '')

    def __str__(self) -> str:
        """Join all pieces, however deep they lie."""
        strings: list[str] = []
        todo: list[Text] = [self]
        while todo:
            piece = todo.pop()
            if isinstance(piece, str):
                strings.append(piece)
            else:
                todo += reversed(piece.pieces)
        return ''.join(strings)


#: What pieces of a text are.
Text: TypeAlias = str | Rope


def join(between: str, pieces: Iterable[Text]) -> Rope:
    """Put pieces together with a string between them, as ``str.join`` does."""
    return Rope(*islice(chain.from_iterable(zip(repeat(between), pieces)), 1, None))


#: A printed form, and how tightly it binds.
Printed = tuple[Text, int]


def _print(
    value: Value,
    whole: bool,
    leaf: Callable[[Value], str],
    node: Callable[[Operation, list[Printed]], Rope],
) -> str:
    instance('what is printed', value, Value, 'a Value')
    done: dict[Value, Printed] = {}
    for each in topological_order(value):
        if each.op is None or (each.label and not whole and each is not value):
            sign = each.op is None and not each.label and each.data < 0
            done[each] = leaf(each), SIGNED if sign else CALL
        else:
            done[each] = node(each.op, [done[source] for source in each.inputs]), each.op.binds
    return str(done[value][0])


def _bound(printed: Printed, least: int, brackets: tuple[str, str] = ('(', ')'), on_right: bool = False) -> Text:
    """Put brackets around what binds less than asked, and around a minus on the right of a sign."""
    body, binding = printed
    fits = binding >= least and not (on_right and Rope(body).first == '-')
    return body if fits else Rope(brackets[0], body, brackets[1])


def _leaf_text(leaf: Value) -> str:
    return leaf.label if leaf.label.isidentifier() else repr(leaf.data)


def _node_text(op: Operation, operands: list[Printed]) -> Rope:
    if op.name == 'neg':
        return Rope(op.sign, _bound(operands[0], op.binds))
    if op.sign and op.binds < CALL:
        right_first = op.name == 'pow'
        left = _bound(operands[0], op.binds + right_first)
        right = _bound(operands[1], SIGNED if right_first else op.binds + 1)
        return Rope(left, f' {op.sign} ', right)
    groups = op.split([body for body, _ in operands])
    arguments = (Rope('[', join(', ', g), ']') if isinstance(g, list) else g for g in groups)
    return Rope(f'{op.name}(', join(', ', arguments), ')')


def _leaf_latex(leaf: Value) -> str:
    return tex_name(leaf.label) if leaf.label else number_latex(leaf.data)


def number_latex(number: Number) -> str:
    if not isinstance(number, float):
        if number.denominator == 1:
            return str(number)
        return f'{"-" * (number < 0)}\\frac{{{abs(number.numerator)}}}{{{number.denominator}}}'
    if abs(number) == float('inf'):
        return r'\infty' if number > 0 else r'-\infty'
    body, _, exponent = f'{number:.6g}'.partition('e')
    if not exponent:
        return body
    power = f'10^{{{int(exponent)}}}'
    return power if body == '1' else rf'{body} \cdot {power}'


def node_latex(op: Operation, operands: Sequence[Printed]) -> Rope:
    """Print an operation over its printed operands."""
    if op.name == 'dot':
        weights, inputs, bias = op.split(operands)
        terms: list[Text] = [
            Rope(_bound(w, 2, LEFT_RIGHT, bool(place)), r' \cdot ', _bound(x, 2, LEFT_RIGHT, True))
            for place, (w, x) in enumerate(zip(weights, inputs))
        ]
        return join(' + ', terms + [bias[0]] * (bias[0] != '0' or not terms))
    if op.vectors:
        return Rope(rf'\operatorname{{{op.name}}}\left(', join(', ', (body for body, _ in operands)), r'\right)')
    least = op.binds + (op.name == 'pow')
    by_name = dict(zip(op.parameters, operands, strict=True))
    # What is between the operands' places, and the names in them, in turns.
    between, *rest = re.split(rf'\{{([{op.parameters}])\}}', op.latex.strip())
    pieces: list[Text] = [between]
    for parameter, after in zip(rest[::2], rest[1::2]):
        before = between[-1:] or '}' * (len(pieces) > 1)
        if before and before not in ' -':
            pieces += ['{', by_name[parameter][0], '}']  # a brace of LaTeX's own
        else:
            right = parameter == 'b' and bool(op.sign)
            pieces.append(_bound(by_name[parameter], least + (op.name == 'sub' and right), LEFT_RIGHT, right))
        pieces.append(after)
        between = after
    return Rope(*pieces)
