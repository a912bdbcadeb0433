"""The picture of a graph as it is: boxes for values, pills for operations, edges with derivatives.

A value is a box with its label, data and gradient; an operation a pill; the number
on the edge that enters an operation is the local derivative along it. A dashed grey
edge carries no signal: it comes from a constant, or from the branch not taken.

No edge is long. A value that is used again far to the right, as a loop uses a weight at
every turn, has its lines to where it is used first, and is drawn again, small, at each
other use: with its name and what that use adds to its gradient. Lines through all of a
long picture could not be followed, and Graphviz takes minutes to find their ways.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from ..engine.table import Operation
from ..engine.value import Constant, Value
from ..engine.walks import consumers, topological_order
from ..formulas.colours import (
    DERIVATIVE,
    FAINT,
    INK,
    INPUT,
    LEAF,
    LEAF_LINE,
    LINE,
    MARK,
    OPERATION,
    OPERATION_LINE,
    PALE,
    PAPER,
    SIGNAL,
)  # fmt: skip
from ..formulas.names import known_names
from .digraph import (
    FONT,
    SMALLEST,
    Digraph,
    in_full,
    markup,
    name_markup,
    number_markup,
    plain,
    short,
    text_width,
    width_of,
)
from .strip import LINES, Strip
from .terminal import tree

__all__ = [
    'BARE', 'COMMUTATIVE', 'EDGE', 'EMPTY', 'GRAPH', 'MARKED', 'NODE', 'as_room', 'as_row', 'as_table',
    'graph_picture', 'symbol', 'words',
]  # fmt: skip


#: How an operation is written, where its name alone would say less. Others show
#: their name, and a row added to the table does too.
SYMBOLS = {
    'abs': '|a|', 'where': 'b if a else c', 'sum': 'Σ', 'dot': 'Σ w·x + b', 'logsumexp': 'ln Σ exp',
}  # fmt: skip
#: The picture's own signs for Python's.
SIGNS = {'-': '−', '*': '×', '/': '÷', '**': '^'}
#: Operations whose operands may change places; on the edges to others they are named.
COMMUTATIVE = {'add', 'mul', 'max', 'min', 'hypot'}

GRAPH = {
    'rankdir': 'LR', 'ranksep': '0.35', 'nodesep': '0.18', 'tooltip': 'computation graph',
    'fontname': FONT, 'fontsize': '10', 'fontcolor': FAINT,
}  # fmt: skip
NODE = {
    'shape': 'box', 'style': 'rounded,filled', 'color': PALE, 'penwidth': '1.1', 'margin': '0.06,0.03', 'height': '0.2',
    'fontname': FONT, 'fontsize': '11', 'fontcolor': INK,
}  # fmt: skip
EDGE = {
    'color': LINE, 'penwidth': '1.1', 'arrowsize': '0.55',
    'fontname': FONT, 'fontsize': '9.5', 'fontcolor': DERIVATIVE,
}  # fmt: skip

BARE = 'border="0" cellborder="0" cellspacing="0" cellpadding="0"'
MARKED = {'color': MARK, 'penwidth': '2.5'}
#: An edge spans at most so many columns, of an operation and its value each; a value with a longer one is drawn again.
FAR = 6
#: More nodes than that are laid out as a strip: by Graphviz it would take long. In a strip no edge spans two columns.
LARGE = 150


class Term(NamedTuple):
    """An operand: its name in the operation's row, the node, the partial if it carries a signal, its place."""

    parameter: str
    source: Value
    partial: Any
    place: int


def _terms(node: Value) -> Iterator[Term]:
    """List the operands of a node, in the order of its row."""
    op = node.op
    assert op is not None
    names = op.split(range(len(node.inputs)))
    for parameter, places in zip(op.parameters, names):
        for i, place in enumerate(places if parameter in op.vectors else [places]):
            name = f'{parameter}[{i}]' if parameter in op.vectors else parameter
            source = node.inputs[place]
            yield Term(name, source, None if isinstance(source, Constant) else node.partials[place], place)


class _Diagram:
    """A picture while it is being drawn, of those nodes of a topological order that have a name."""

    def __init__(
        self,
        order: Sequence[Value],
        names: Mapping[Value, str],
        roots: set[Value],
        expanded: bool,
        spec: str,
        labels: Mapping[Value, str],
        marked: set[Value],
        signals: Mapping[Value, Any] | None,
        room: Callable[[str, Value, int], int] | None = None,
    ) -> None:
        self.names, self.roots, self.expanded, self.spec = names, roots, expanded, spec
        self.labels, self.marked, self.signals, self.room = labels, marked, signals, room
        self.graph = Digraph('graph', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
        self.strip = Strip() if len(names) > LARGE else None
        self.parts = self.graph if self.strip is None else self.strip
        self.lines: dict[Value, int] = {}
        self.uses = consumers(order)
        drawn = {node: [user for user, _ in self.uses[node] if user in names] for node in names}
        self.columns = _columns(drawn)
        #: The nodes that are drawn again, and the users that are drawn of each.
        far = FAR if self.strip is None else 1
        self.again = {node: users for node, users in drawn.items()
                      if users and (self._reach(users) > far or (self.strip and len(users) > LINES))}  # fmt: skip

    def finished(self) -> Digraph:
        """Return the picture, once all nodes have been added."""
        if self.strip is not None:
            self.strip.place(self.graph)
        return self.graph

    def add(self, node: Value) -> None:
        """Add a node, its operation and the edges that lead to them."""
        name = self.names[node]
        self.parts.node(name, **self._box(node))
        if node.op is None:
            return
        terms = [*_terms(node)]
        op = f'{name}op'
        if self.expanded and node.op.name == 'dot':
            left_out = self._expand(op, node, terms)
        else:
            self._operation(op, symbol(node.op), plain(f'{node.op.name}: {node.op.document}'), **self._mark(node))
            named = len(node.op.scalars) > 1 and node.op.name not in COMMUTATIVE
            shown = [term for term in terms if term.source in self.names]
            for term in shown:
                tooltip = f'd {node.op.name}/d {term.parameter}'
                self._operand(node, term, op, tooltip, term.parameter if named else '')
            left_out = len(terms) - len(shown)
        if left_out:
            self._ellipsis(op, left_out)
        self.parts.edge(op, name, weight='8', tooltip=' ', **self._mark(node))

    def _reach(self, users: Iterable[Value]) -> int:
        """How many columns it is from a node to the last of its users, one to the first."""
        columns = [self.columns[user] for user in users]
        return max(columns) - min(columns) + 1

    def _operand(self, node: Value, term: Term, op: str, tooltip: str, parameter: str = '') -> None:
        """Lead an operand to an operation of a node: from its box or, where that is far, from a small copy of it."""
        tail, mark = self.names[term.source], self._mark(term.source, node)
        far = self.columns[node] > self.columns[term.source] + 1
        if (far and term.source in self.again) or not self._leave(term.source):
            tail = f'{self.names[node]}in{term.place}'
            self.parts.node(tail, **(self._copy(node, term) | mark))
        self._edge(tail, op, term.partial, tooltip, parameter, self._room('partial', node, term.place, 9.5), **mark)

    def _leave(self, source: Value) -> bool:
        """Count a line from a value's box; tell whether there is room for it, of which a strip has little."""
        self.lines[source] = self.lines.get(source, 0) + 1
        return self.strip is None or self.lines[source] <= LINES

    def _copy(self, node: Value, term: Term) -> dict[str, str]:
        """How a value looks where it is used again: its name, and what this use adds to its gradient."""
        source = term.source
        if isinstance(source, Constant):
            return self._box(source)
        name, added = self._label(source), None
        if term.partial is not None and (signal := self._signal(node)) is not None:
            try:
                added = signal * term.partial
            except OverflowError:  # a fraction beyond all floats met one
                added = None
        tooltip = f'{short(name)} again: data = {in_full(source.data)}'
        rows = [f'<tr><td colspan="2"><b>{name_markup(name)}</b></td></tr>']
        if added is not None:
            tooltip += f', adds {in_full(added)} to its grad'
            rows.append(self._row('adds', added, SIGNAL, self._room('adds', node, term.place)))
        look = {} if source.op else {'fillcolor': LEAF, 'color': LEAF_LINE}
        return {'fillcolor': PAPER, 'style': 'rounded,filled,dashed', 'penwidth': '0.8', 'fontsize': '9.5',
                'label': as_table(rows), 'tooltip': plain(tooltip)} | look  # fmt: skip

    def _mark(self, *nodes: Value) -> dict[str, str]:
        """What makes something that belongs to nodes stand out, if they are all marked."""
        return MARKED if self.marked.issuperset(nodes) else {}

    def _expand(self, op: str, node: Value, terms: list[Term]) -> int:
        """Draw a dot as its products and sum; return how many operands are left out."""
        length = len(terms) // 2
        products, bias = zip(terms[:length], terms[length : 2 * length]), terms[-1]
        self._operation(op, 'Σ', 'the sum of the products and the bias')
        left_out = 0
        for i, (weight, factor) in enumerate(products):
            (_, w, dw, _), (_, x, dx, _) = weight, factor
            if not (w in self.names and x in self.names):
                left_out += 2
                continue
            term, times = f'{op}{i}', f'{op}{i}times'
            signal = dw is not None or dx is not None
            # The partials remember w and x as they were; their data may have changed since.
            product = (x.data if dw is None else dw) * (w.data if dx is None else dx)
            self._operation(times, '×', f'product {i + 1} of {length}')
            self._operand(node, weight, times, f'd product {i + 1}/d w')
            self._operand(node, factor, times, f'd product {i + 1}/d x')
            table = self._table(None, '', product, self._signal(node) if signal else 0.0)
            self.parts.node(term, table, fillcolor=PAPER, style='rounded,filled,dashed',
                            tooltip=f'product {i + 1} of {length}')  # fmt: skip
            self.parts.edge(times, term, weight='8', tooltip=' ')
            self._edge(term, op, 1 if signal else None, f'd sum/d product {i + 1}')
        if bias.source in self.names:
            self._operand(node, bias, op, 'd sum/d b')
        return left_out + (bias.source not in self.names)

    def _box(self, node: Value) -> dict[str, str]:
        if isinstance(node, Constant):
            label = f'<<font color="{FAINT}">{number_markup(node.data, self.spec)}</font>>'
            tooltip = f'constant {in_full(node.data)}'
            return {'label': label, 'tooltip': tooltip, 'style': '', 'shape': 'plain', 'margin': '0.03'}
        label, signal = self._label(node), self._signal(node)
        numbers = f'data = {in_full(node.data)}' + ('' if signal is None else f', grad = {in_full(signal)}')
        tooltip = plain(f'{short(label)}: {numbers}' if label else numbers)
        note = _counted(len(self.again[node]), len(self.uses[node])) if node in self.again else ''
        box = {'label': self._table(node, label, node.data, signal, note), 'tooltip': tooltip, 'fillcolor': PAPER}
        if node.op is None:
            box.update(fillcolor=LEAF, color=LEAF_LINE)
        if node in self.roots:
            box.update(color=INK, penwidth='2')
        return box | self._mark(node)

    def _signal(self, node: Value) -> Any:
        """Return the error signal to show for a node, None for none."""
        return node.grad if self.signals is None else self.signals.get(node)

    def _label(self, node: Value) -> str:
        """A node's label; one that is drawn again has a name in any case, by which it is known again."""
        label = str(self.labels.get(node, node.label))
        return label or (f'v_{self.names[node][1:]}' if node in self.again else '')

    def _table(self, node: Value | None, label: str, data: Any, grad: Any, note: str = '') -> str:
        rows = [f'<tr><td colspan="2"><b>{name_markup(label)}</b></td></tr>'] if label else []
        if note:
            rows.append(f'<tr><td colspan="2"><font point-size="{SMALLEST:g}" color="{FAINT}">{note}</font></td></tr>')
        rows.append(self._row('data', data, INPUT, self._room('data', node)))
        if grad is not None:
            rows.append(self._row('grad', grad, SIGNAL, self._room('grad', node)))
        return as_table(rows)

    def _room(self, what: str, node: Value | None, place: int = 0, size: float = 11) -> str:
        """The least width of a cell for a number, as an attribute, where other numbers will be written."""
        if self.room is None or node is None:
            return ''
        return as_room(text_width(self.room(what, node, place), size))

    def _row(self, name: str, x: Any, colour: str, room: str) -> str:
        shown = number_markup(x, self.spec)
        return as_row(name, shown, colour, room or as_room(width_of(shown, 11)))

    def _operation(self, name: str, symbol: str, tooltip: str, **mark: str) -> None:
        round = {'shape': 'circle', 'width': '0.3', 'fixedsize': 'true'} if len(symbol) == 1 else {}
        look = {'fillcolor': OPERATION, 'color': OPERATION_LINE, 'tooltip': tooltip}
        self.parts.node(name, f'<{markup(symbol)}>', **(look | round | mark))

    def _edge(
        self, source: str, target: str, partial: Any, tooltip: str, parameter: str = '', room: str = '', **mark: str
    ) -> None:
        if partial is None:
            look = {'style': 'dashed', 'color': PALE}
            text, tooltip = '', f'{tooltip}: no signal travels'
        else:
            look, text = {}, number_markup(partial, self.spec)
            tooltip = f'{tooltip} = {in_full(partial)}'
        if parameter:
            text = f'<font color="{FAINT}"><i>{parameter}</i></font> {text}'
        if room and text:
            text = f'<table {BARE}><tr><td{room}>{text}</td></tr></table>'
        look |= {'tooltip': tooltip, 'labeltooltip': tooltip}
        self.parts.edge(source, target, f'<{text}>' if text else None, **(look | mark))

    def _ellipsis(self, op: str, count: int) -> None:
        name = f'{op}more'
        self.parts.node(name, f'<<font color="{FAINT}">⋯ {count} more</font>>', style='', shape='plain',
                        tooltip=f'{count} inputs left out')  # fmt: skip
        self.parts.edge(name, op, style='dotted', color=PALE, tooltip=' ')


def as_table(rows: Sequence[str]) -> str:
    """Set rows of a box as markup."""
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{"".join(rows)}</table>>'


def as_row(name: str, shown: str, colour: str, room: str) -> str:
    """Set a row of a box, such as its ``data``, as markup."""
    return (
        f'<tr><td align="right"><font point-size="{SMALLEST:g}" color="{FAINT}">{name}</font></td>'
        f'<td align="left"{room}><font color="{colour}">{shown}</font></td></tr>'
    )


def as_room(width: float) -> str:
    """Set how wide a cell is at least: the reader's font may be wider than the renderer's."""
    return f' width="{width:.0f}"'


def _counted(drawn: int, uses: int) -> str:
    return f'{uses} uses' if drawn == uses else f'{drawn} of {uses} uses'


def _columns(users: Mapping[Value, Sequence[Value]]) -> dict[Value, int]:
    """Return the column of each node of a topological order, given the users of each.

    A node is one column before the first that uses it, and the last ones are as far to the
    left as what they are made of allows.
    """
    columns = dict.fromkeys(users, 0)
    for node in users:
        for user in users[node]:
            columns[user] = max(columns[user], columns[node] + 1)
    for node in reversed([*users]):
        if users[node]:
            columns[node] = min(columns[user] for user in users[node]) - 1
    return columns


def symbol(op: Operation) -> str:
    """How an operation is written."""
    if op.name in SYMBOLS:
        return SYMBOLS[op.name]
    named, sign = len(op.scalars) > 1 and op.name not in COMMUTATIVE, SIGNS.get(op.sign, op.sign)
    if sign:
        return f'a {sign} b' if named else sign
    return f'{op.name}({", ".join(op.parameters)})' if named else op.name


EMPTY: Mapping[Any, Any] = MappingProxyType({})


def graph_picture(
    values: Sequence[Value],
    expanded: bool = False,
    labels: Mapping[Value, str] = EMPTY,
    marked: Collection[Value] = (),
    signals: Mapping[Value, Any] | None = None,
    limit: int | None = None,
    number_format: str = '.4g',
    room: Callable[[str, Value, int], int] | None = None,
) -> Digraph:
    """Draw a graph as ``draw`` does, with room for numbers that will be written where others are now.

    ``room`` says how many characters are wanted for what ('data', 'grad', 'adds' or 'partial')
    at a node, the last two at one of its operands.
    """
    order = topological_order(*values)
    labels = known_names([node for node in order if node.op is None]) | dict(labels)
    kept = _nearest(values, marked, len(order) if limit is None else limit)
    names = {node: f'v{index}' for index, node in enumerate(order) if node in kept}
    picture = _Diagram(order, names, {*values}, expanded, number_format, labels, {*marked}, signals, room)
    for node in names:
        picture.add(node)
    graph = picture.finished()
    graph.left_out = len(order) - len(kept)
    if graph.left_out:
        graph.attr(label=f'{len(kept)} of {len(order)} nodes, those nearest to the result; {graph.left_out} left out')
    graph.words = partial(words, values, labels, signals, limit, number_format)
    return graph


def words(
    values: Iterable[Value],
    labels: Mapping[Value, str] | None,
    signals: Mapping[Value, Any] | None,
    limit: int | None,
    number_format: str,
) -> str:
    """Print as text what the picture shows."""
    trees = (tree(y, labels=labels, signals=signals, limit=limit, number_format=number_format) for y in values)
    return '\n\n'.join(trees)


def _nearest(roots: Iterable[Value], first: Iterable[Value], limit: int) -> set[Value]:
    """Return at most ``limit`` nodes: some that come first, then breadth first from the roots."""
    kept: set[Value] = {*islice(first, limit)}
    seen: set[Value] = set()
    queue = deque(roots)
    while queue and len(kept) < limit:
        node = queue.popleft()
        if node not in seen:
            seen.add(node)
            kept.add(node)
            queue.extend(node.inputs)
    return kept
