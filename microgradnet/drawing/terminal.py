"""The computation graph for a terminal: a tree of lines, the result first, what it is made of below.

A line has a node's formula, its number, its gradient, and the local derivative of the line
above by it. A node that is used again has no lines below it the second time, but ↑.

>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> y = a * b + a
>>> y.backward()
>>> print(tree(y))
                number  gradient  local derivative
y = v_1 + a       -4        1
├─ v_1 = a · b    -6        1     ∂y/∂v_1 = 1
│  ├─ a            2       -2     ∂v_1/∂a = -3
│  └─ b           -3        2     ∂v_1/∂b = 2
└─ a ↑                            ∂y/∂a = 1
<BLANKLINE>
a is used twice: its gradient is -3 + 1 = -2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import inf
from typing import Any, NamedTuple

from .._escapes import visible
from ..engine.checks import flag, instance, spec, whole
from ..engine.numbers import Number
from ..engine.operation import CALL
from ..engine.value import Constant, Value
from ..engine.walks import consumers, topological_order
from ..formulas.colours import PARTS
from ..formulas.names import connections_of, layers_of
from ..formulas.numbers import in_ascii, number, on_paper
from .digraph import short

__all__ = ['neurons', 'tree']

TIMES = {2: 'twice', 3: 'three times', 4: 'four times', 5: 'five times'}
ONE_LINE = str.maketrans('\n\t', '  ')
#: For terminals that have no more than ASCII.
PLAIN = str.maketrans({'├': '|', '└': '`', '│': '|', '─': '-', '·': '*', '∂': 'd', '↑': '^', '…': '~', '≈': '~',
                       '∞': 'inf'})  # fmt: skip
#: The derivation's colours: input, error signal and local derivative, here number, gradient and local derivative.
COLOURS = [PARTS[part].terminal for part in ('input', 'error introduced', 'gradient')]
HEADINGS = ('number', 'gradient', 'local derivative')
#: More lines about nodes used more than once are not printed.
NOTES = 6


class Line(NamedTuple):
    """One line of the tree: what stands left, and the three columns."""

    left: str
    number: str = ''
    gradient: str = ''
    local: str = ''


def tree(
    value: Value,
    *,
    limit: int | None = 100,
    number_format: str = '.6g',
    ascii: bool = False,
    colour: bool = False,
    labels: Mapping[Value, str] | None = None,
    signals: Mapping[Value, Number] | None = None,
) -> str:
    """Print the graph of a value as lines of text, with what the nodes' ``data`` and ``grad`` hold.

    Nodes go by their labels, others by v_1, v_2 ..., the value itself by y. Constants are in
    the formulas alone. After ``limit`` lines the rest is left out, and counted. ``ascii`` does
    with the signs that every terminal has; ``colour`` adds a terminal's colours, those of the
    derivation. ``labels`` name nodes for this tree, and ``signals`` stand in place of their
    ``grad``, as for ``draw``. Raises TypeError for anything but a ``Value``, ValueError for a
    limit below 1.

    >>> print(tree(Value(0.5, label='x').sin() ** 2, ascii=True))
                        number  gradient  local derivative
    y = v_1 ** 2      0.229849      0
    `- v_1 = sin(x)   0.479426      0     dy/dv_1 = 0.958851
       `- x           0.5           0     dv_1/dx = 0.877583
    """
    if not isinstance(value, Value):
        raise TypeError(f'a tree is printed of a Value, not of {value!r} ({type(value).__name__})')
    for what, known in ('labels', labels), ('signals', signals):
        if known is not None:
            instance(what, known, Mapping, 'a dictionary by Value, or None')
    flag('ascii', ascii)
    flag('colour', colour)
    spec('number_format', number_format)
    if limit is not None:
        whole('the limit of a tree', limit)
    order = topological_order(value)
    names = _names(value, order, number_format, labels or {})
    sent = {node: node.grad for node in order} if signals is None else signals
    lines, seen, is_whole = _lines(value, names, sent, number_format, inf if limit is None else limit)
    rows = _aligned(lines, colour)
    if not is_whole:
        left_out = sum(not isinstance(node, Constant) for node in order) - seen
        rows.append(f'… {left_out} more node{"s" * (left_out != 1)}' if left_out else '… more uses of these nodes')
    notes = _notes(order, names, sent, number_format) if sent.get(value) else []
    text = '\n'.join([*rows, *([''] if notes else []), *notes])
    return in_ascii(text).translate(PLAIN) if ascii else text


def neurons(net: Any, number_format: str = '.6g', limit: int = 100) -> str:
    """Print a net, a layer or a neuron as lines of text: of each neuron what it computes.

    >>> from microgradnet.nets.net import Neuron
    >>> neuron = Neuron(2, 'tanh')
    >>> for parameter, number in zip(neuron.parameters(), [2.0, -0.5, 0.25]):
    ...     parameter.data = number
    >>> print(neurons(neuron))
    f1 = tanh(2 · x1 - 0.5 · x2 + 0.25)
    """
    layers = layers_of(net)
    into: dict[str, list[str]] = {}
    for connection in connections_of(layers):
        source = connection.source if connection.source.startswith('x') else f'f{connection.source}'
        into.setdefault(connection.target, []).append(f'{written(connection.weight.data, number_format)} · {source}')
    lines = []
    for n, neuron in enumerate(chain.from_iterable(layers), 1):
        terms = ' + '.join([*into[str(n)], written(neuron.bias.data, number_format)]).replace('+ -', '- ')
        name = getattr(getattr(neuron, 'activation', None), 'name', 'g')
        lines.append(f'f{n} = {terms}' if name == 'identity' else f'f{n} = {name}({terms})')
    more = [f'… {len(lines) - limit} more neurons'] if len(lines) > limit else []
    return '\n'.join(lines[:limit] + more)


def written(x: Number, spec: str) -> str:
    """Write a number compactly, as on paper."""
    return on_paper(number(x, spec))


def _lines(
    root: Value, names: dict[Value, str], sent: Mapping[Value, Number], spec: str, limit: float
) -> tuple[list[Line], int, bool]:
    """Return the lines of a tree, depth first, at most so many, how many nodes are in them, and whether it is all."""
    lines: list[Line] = []
    seen: set[Value] = set()
    # A node, what is before its line, what is before those below it, and its local derivative.
    todo: list[tuple[Value, str, str, str]] = [(root, '', '', '')]
    while todo and len(lines) < limit:
        node, before, below, local = todo.pop()
        if node in seen:
            lines.append(Line(f'{before}{names[node]} ↑', local=local))
            continue
        seen.add(node)
        formula = f' = {_formula(node, names)}' if node.op else ''
        data = '' if names[node] == written(node.data, spec) else written(node.data, spec)
        signal = written(sent[node], spec) if node in sent else ''
        lines.append(Line(f'{before}{names[node]}{formula}', data, signal, local))
        edges = [(source, partial) for source, partial in zip(node.inputs, node.partials) if source in names]
        edges = [edge for edge in edges if not isinstance(edge[0], Constant)]
        for place, (source, partial) in reversed([*enumerate(edges, 1)]):
            branch, rest = ('└─ ', '   ') if place == len(edges) else ('├─ ', '│  ')
            told = 'no signal' if partial is None else f'∂{names[node]}/∂{names[source]} = {written(partial, spec)}'
            todo.append((source, below + branch, below + rest, told))
    return lines, len(seen), not todo


def _names(root: Value, order: Sequence[Value], spec: str, labels: Mapping[Value, str]) -> dict[Value, str]:
    """Name every node: by its label, a constant by its number, others v_1, v_2 ..., the root y."""
    given = {node: str(labels.get(node, node.label)) for node in order}
    names = {node: visible(short(label)).translate(ONE_LINE) for node, label in given.items() if label}
    taken = {*names.values()}
    free = (name for k in range(1, 2 * len(order) + 2) if (name := f'v_{k}') not in taken)
    for node in order:
        if isinstance(node, Constant):
            names[node] = written(node.data, spec)
        elif node not in names:
            names[node] = 'y' if node is root and 'y' not in taken else next(free)
    return names


def _formula(node: Value, names: dict[Value, str]) -> str:
    """Write an operation over the names of its operands; a long one by its name and their number."""
    op = node.op
    assert op is not None
    operands = [_bracketed(names[source]) for source in node.inputs]
    if op.name == 'neg':
        return f'-{operands[0]}'
    if op.sign and op.binds < CALL:
        return f' {"·" if op.sign == "*" else op.sign} '.join(operands)
    if op.name in ('dot', 'sum'):
        first, *others = op.split(operands)
        terms = [' · '.join(term) for term in zip(first, others[0])] if op.name == 'dot' else first
        rest = [] if op.name == 'sum' or operands[-1] == '0' else operands[-1:]
        formula = ' + '.join([*terms, *rest]) or '0'
    else:
        formula = f'{op.name}({", ".join(names[source] for source in node.inputs)})'
    return formula if len(formula) <= 50 else f'{op.name} of {len(operands)} operands'


def _bracketed(name: str) -> str:
    """Put a number with a sign, or a fraction, in brackets."""
    return f'({name})' if name[:1] in '-≈' or '/' in name else name


def _aligned(lines: Sequence[Line], colour: bool) -> list[str]:
    """Put lines in columns, numbers with their points below each other."""
    left = max(len(line.left) for line in lines)
    columns = [_column([line[k] for line in lines], HEADINGS[k - 1]) for k in (1, 2)]
    columns.append([HEADINGS[2], *(line.local for line in lines)])
    rows = []
    for place, name in enumerate(['', *(line.left for line in lines)]):
        cells = [column[place] for column in columns]
        if colour and place:
            cells = [f'\033[{code}m{cell}\033[0m' if cell.strip() else cell for code, cell in zip(COLOURS, cells)]
        rows.append('  '.join([name.ljust(left), *cells]).rstrip())
    return rows


def _column(cells: Sequence[str], heading: str) -> list[str]:
    """Align numbers at their points, and centre them below a heading."""
    whole = [min([cell.find(sign) for sign in './·' if sign in cell] or [len(cell)]) for cell in cells]
    before = max(whole)
    cells = [' ' * (before - size) + cell for size, cell in zip(whole, cells)]
    widest = max(map(len, cells))
    width = max(widest, len(heading))
    inset = ' ' * ((width - widest) // 2)
    return [heading.center(width), *((inset + cell).ljust(width) for cell in cells)]


def _notes(
    order: Sequence[Value], names: dict[Value, str], sent: Mapping[Value, Number], spec: str
) -> list[str]:
    """Say of nodes that are used more than once what their gradients are sums of."""
    uses, notes = consumers(order), []
    for node in order:
        try:
            parts: list[Number] = [
                sent[user] * partial for user, place in uses[node]
                if user in sent and (partial := user.partials[place]) is not None
            ]  # fmt: skip
        except OverflowError:  # a fraction beyond all floats met one
            continue
        if len(parts) > 1 and node in sent and not isinstance(node, Constant):
            times = TIMES.get(len(parts), f'{len(parts)} times')
            terms = [written(part, spec) for part in parts]
            terms = terms if len(terms) <= 6 else [*terms[:3], '…', terms[-1]]
            total = ' + '.join(terms).replace('+ -', '- ')
            notes.append(f'{names[node]} is used {times}: its gradient is {total} = {written(sent[node], spec)}')
    more = [f'… and {len(notes) - NOTES} more nodes are used more than once'] if len(notes) > NOTES else []
    return notes[:NOTES] + more
