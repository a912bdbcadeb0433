"""The parts of a graph's picture: boxes for values, pills for operations, edges with derivatives.

``Diagram`` is the picture while it is being drawn; ``draw`` chooses what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..operations import Operation
from ..value import Constant, Value
from .digraph import (
    DERIVATIVE,
    FAINT,
    FONT,
    INK,
    INPUT,
    PALE,
    SIGNAL,
    Digraph,
    in_full,
    markup,
    name_markup,
    number,
    plain,
    short,
)

__all__ = ['Diagram']

#: How an operation is written, where its name alone would say less. Others show
#: their name, and a row added to the table does too.
SYMBOLS = {
    'add': '+', 'mul': '×', 'sub': 'a − b', 'div': 'a ÷ b', 'neg': '−', 'pow': 'a ^ b', 'abs': '|a|',
    'greater': 'a > b', 'less': 'a < b', 'where': 'b if a else c',
    'max': 'max', 'min': 'min', 'hypot': 'hypot', 'sum': 'Σ', 'dot': 'Σ w·x + b', 'logsumexp': 'ln Σ exp',
}  # fmt: skip
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
    'color': '#7B8794', 'penwidth': '1.1', 'arrowsize': '0.55',
    'fontname': FONT, 'fontsize': '9.5', 'fontcolor': DERIVATIVE,
}  # fmt: skip

MARK = {'color': SIGNAL, 'penwidth': '2.5'}


def _terms(node: Value) -> Iterator[tuple[str, Value, Any]]:
    """List the operands of a node: their names in its row, the nodes, the partials that carry a signal."""
    op = node.op
    assert op is not None
    names = op.split(range(len(node.inputs)))
    for parameter, places in zip(op.parameters, names):
        for i, place in enumerate(places if parameter in op.vectors else [places]):
            name = f'{parameter}[{i}]' if parameter in op.vectors else parameter
            source = node.inputs[place]
            yield name, source, None if isinstance(source, Constant) else node.partials[place]


class Diagram:
    """A picture while it is being drawn, of the nodes that have a name."""

    def __init__(
        self,
        names: Mapping[Value, str],
        roots: set[Value],
        expanded: bool,
        spec: str,
        labels: Mapping[Value, str],
        marked: set[Value],
        signals: Mapping[Value, Any] | None,
    ) -> None:
        self.names, self.roots, self.expanded, self.spec = names, roots, expanded, spec
        self.labels, self.marked, self.signals = labels, marked, signals
        self.graph = Digraph('graph', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)

    def add(self, node: Value) -> None:
        """Add a node, its operation and the edges that lead to them."""
        name = self.names[node]
        self.graph.node(name, **self._box(node))
        if node.op is None:
            return
        terms = [*_terms(node)]
        shown = [term for term in terms if term[1] in self.names]
        op = f'{name}op'
        if self.expanded and node.op.name == 'dot':
            left_out = self._expand(op, node, terms)
        else:
            self._operation(op, _symbol(node.op), plain(f'{node.op.name}: {node.op.document}'), **self._mark(node))
            named = len(node.op.scalars) > 1 and node.op.name not in COMMUTATIVE
            for parameter, source, partial in shown:
                tooltip = f'd {node.op.name}/d {parameter}'
                self._edge(self.names[source], op, partial, tooltip, parameter if named else '',
                           **self._mark(source, node))  # fmt: skip
            left_out = len(terms) - len(shown)
        if left_out:
            self._ellipsis(op, left_out)
        self.graph.edge(op, name, weight='8', tooltip=' ', **self._mark(node))

    def _mark(self, *nodes: Value) -> dict[str, str]:
        """What makes something that belongs to nodes stand out, if they are all marked."""
        return MARK if self.marked.issuperset(nodes) else {}

    def _expand(self, op: str, node: Value, terms: list[tuple[str, Value, Any]]) -> int:
        """Draw a dot as its products and sum; return how many operands are left out."""
        length = len(terms) // 2
        products, bias = zip(terms[:length], terms[length : 2 * length]), terms[-1]
        self._operation(op, 'Σ', 'the sum of the products and the bias')
        left_out = 0
        for i, ((_, w, dw), (_, x, dx)) in enumerate(products):
            if not (w in self.names and x in self.names):
                left_out += 2
                continue
            term, times = f'{op}{i}', f'{op}{i}times'
            signal = dw is not None or dx is not None
            # The partials remember w and x as they were; their data may have changed since.
            product = (x.data if dw is None else dw) * (w.data if dx is None else dx)
            self._operation(times, '×', f'product {i + 1} of {length}')
            self._edge(self.names[w], times, dw, f'd product {i + 1}/d w')
            self._edge(self.names[x], times, dx, f'd product {i + 1}/d x')
            self.graph.node(term, self._table('', product, self._signal(node) if signal else 0.0), fillcolor='white',
                            style='rounded,filled,dashed', tooltip=f'product {i + 1} of {length}')  # fmt: skip
            self.graph.edge(times, term, weight='8', tooltip=' ')
            self._edge(term, op, 1 if signal else None, f'd sum/d product {i + 1}')
        _, source, partial = bias
        if source in self.names:
            self._edge(self.names[source], op, partial, 'd sum/d b')
        return left_out + (source not in self.names)

    def _box(self, node: Value) -> dict[str, str]:
        data = number(node.data, self.spec)
        if isinstance(node, Constant):
            label, tooltip = f'<<font color="{FAINT}">{markup(data)}</font>>', f'constant {in_full(node.data)}'
            return {'label': label, 'tooltip': tooltip, 'style': '', 'shape': 'plain', 'margin': '0.03'}
        label = str(self.labels.get(node, node.label))
        signal = self._signal(node)
        numbers = f'data = {in_full(node.data)}' + ('' if signal is None else f', grad = {in_full(signal)}')
        tooltip = plain(f'{short(label)}: {numbers}' if label else numbers)
        box = {'label': self._table(label, node.data, signal), 'tooltip': tooltip, 'fillcolor': 'white'}
        if node.op is None:
            box.update(fillcolor='#FFF9E8', color='#C9A227')
        if node in self.roots:
            box.update(color=INK, penwidth='2')
        return box | self._mark(node)

    def _signal(self, node: Value) -> Any:
        """Return the error signal to show for a node, None for none."""
        return node.grad if self.signals is None else self.signals.get(node)

    def _table(self, label: str, data: Any, grad: Any) -> str:
        rows = [f'<tr><td colspan="2"><b>{name_markup(label)}</b></td></tr>'] if label else []
        for name, x, colour in [('data', data, INPUT)] + [('grad', grad, SIGNAL)] * (grad is not None):
            rows.append(
                f'<tr><td align="right"><font point-size="8.5" color="{FAINT}">{name}</font></td>'
                f'<td align="left"><font color="{colour}">{markup(number(x, self.spec))}</font></td></tr>'
            )
        return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{"".join(rows)}</table>>'

    def _operation(self, name: str, symbol: str, tooltip: str, **mark: str) -> None:
        round = {'shape': 'circle', 'width': '0.3', 'fixedsize': 'true'} if len(symbol) == 1 else {}
        look = {'fillcolor': '#E6F0F7', 'color': '#5B8DB0', 'tooltip': tooltip}
        self.graph.node(name, f'<{markup(symbol)}>', **(look | round | mark))

    def _edge(self, source: str, target: str, partial: Any, tooltip: str, parameter: str = '', **mark: str) -> None:
        if partial is None:
            look = {'style': 'dashed', 'color': PALE}
            text, tooltip = '', f'{tooltip}: no signal travels'
        else:
            look, text = {}, markup(number(partial, self.spec))
            tooltip = f'{tooltip} = {in_full(partial)}'
        if parameter:
            text = f'<font color="{FAINT}"><i>{parameter}</i></font> {text}'
        look |= {'tooltip': tooltip, 'labeltooltip': tooltip}
        self.graph.edge(source, target, f'<{text}>' if text else None, **(look | mark))

    def _ellipsis(self, op: str, count: int) -> None:
        name = f'{op}more'
        self.graph.node(name, f'<<font color="{FAINT}">⋯ {count} more</font>>', style='', shape='plain',
                        tooltip=f'{count} inputs left out')  # fmt: skip
        self.graph.edge(name, op, style='dotted', color=PALE, tooltip=' ')


def _symbol(op: Operation) -> str:
    if op.name in SYMBOLS:
        return SYMBOLS[op.name]
    return op.name if len(op.scalars) < 2 else f'{op.name}({", ".join(op.parameters)})'
