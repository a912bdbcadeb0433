"""Why backpropagation needs an order: the smallest graph on which a naive one goes wrong.

>>> why = why_order('breadth first')
>>> print(why.source)
x = Value(1.0)
u = 2.0 * x
v = 2.0 * u
y = u + v
>>> why.right, why.wrong, why.visits
({'x': 6.0}, {'x': 2.0}, ['y', 'u', 'v', 'x'])

The picture of ``why_order``: the error signal as it travels, in the right order and in a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ...drawing.digraph import FONT, Digraph, markup, number_markup
from ...formulas.colours import ALARMED, CALM, DERIVATIVE, FAINT, INK, LINE, MARK, PALE, PAPER, SIGNAL
from ..program import Form
from .straight import Program, Tape, programs, smallest
from .walks import WALKS, Message, Trace

__all__ = ['NAIVE', 'WrongOrder', 'why_order']


if TYPE_CHECKING:
    from ...drawing.digraph import Digraph


#: The naive orders, in a sentence each.
NAIVE = {
    'recursion': 'whenever something arrives at a node, all that it has by then is sent on',
    'breadth first': 'level by level from the result, each node once',
    'depth first': 'each node once, when the walk first meets it',
}
FORMS: tuple[Form, ...] = (('mul', 'cv'), ('add', 'vv'), ('mul', 'vv'))


@dataclass(frozen=True)
class WrongOrder:
    """A graph, and how backpropagation goes over it in the right order and in a naive one.

    ``right`` and ``wrong`` are the gradients by the leaf's name; ``visits`` names the
    nodes as the naive order visits them. ``str`` tells the story, ``draw`` shows it.
    """

    order: str
    program: Program

    @property
    def source(self) -> str:
        """The graph as Python source."""
        return str(self.program)

    @property
    def right(self) -> dict[str, float]:
        """The gradients as they should be."""
        return self._gradients('right')

    @property
    def wrong(self) -> dict[str, float]:
        """The gradients that the naive order finds."""
        return self._gradients(self.order)

    @property
    def visits(self) -> list[str]:
        """The nodes in the naive order of visits, a node as often as it is visited."""
        return [self.program.names[node] for node in self.trace(self.order).visits]

    def trace(self, walk: str) -> Trace:
        """Return all that a walk sends, message by message."""
        return WALKS[walk](_tape(self.program))

    def _gradients(self, walk: str) -> dict[str, float]:
        return dict(zip(self.program.names[: len(self.program.leaves)], self.trace(walk).signals))

    def __str__(self) -> str:
        names, right = self.program.names, self.trace('right')
        lines = []
        for place, (message, fault) in enumerate(self.judged(self.order), 1):
            sender, receiver = names[message.sender], names[message.receiver]
            product = f'{message.signal:g} · {message.partial:g} = {message.signal * message.partial:g}'
            lines.append(f'{place:3}. {sender} sends {product} to {receiver}{fault and "   <- "}{fault}')
        came = ', '.join(f'{x}.grad is {g:g} and should be {self.right[x]:g}' for x, g in self.wrong.items())
        return '\n'.join([
            f'The smallest graph on which the order "{self.order}" goes wrong',
            f'({NAIVE[self.order]}):',
            indent(self.source, '    '),
            f'Visits: {", ".join(self.visits)}; in the right order {", ".join(names[node] for node in right.visits)}.',
            'What is sent, error signal · local derivative:',
            *lines,
            f'So {came}: an error signal was sent on before all of it had arrived.',
            'In the right order a node sends once, after every consumer of it has sent.',
        ])  # fmt: skip

    def judged(self, walk: str) -> Iterator[tuple[Message, str]]:
        """Yield each message of a walk with what is wrong with it, '' if nothing is."""
        right, messages = self.trace('right').signals, self.trace(walk).messages
        for place, message in enumerate(messages):
            before = [m.signal for m in messages[:place] if m.sender == message.sender and m.visit != message.visit]
            sends_later = any(m.sender == message.receiver for m in messages[place:])
            if before:
                yield message, f'again: the {before[-1]:g} sent on before is in it'
            elif message.signal != right[message.sender]:
                yield message, f'too early: {message.signal:g} so far, {right[message.sender]:g} in the end'
            elif message.receiver >= len(self.program.leaves) and not sends_later:
                yield message, f'too late: {self.program.names[message.receiver]} has sent on already'
            else:
                yield message, ''

    def draw(self) -> Digraph:
        """Draw the right and the wrong order side by side, each message with its number.

        >>> picture = why_order().draw()
        >>> picture.source.count('subgraph')
        2
        """

        return _draw_orders(self)


def why_order(order: str | None = None) -> WrongOrder:
    """Find, by shrinking, the smallest graph on which a naive order of backpropagation goes wrong.

    ``order`` is 'recursion', 'breadth first' or 'depth first'; None is the one that
    the smallest graph of all defeats. Raises ValueError for another name.

    >>> why = why_order()
    >>> why.order, why.right, why.wrong
    ('recursion', {'x': 4.0}, {'x': 6.0})
    """
    if order is not None and (not isinstance(order, str) or order not in NAIVE):
        raise ValueError(f'order must be one of {", ".join(map(repr, NAIVE))}, not {order!r}')
    orders = st.sampled_from([*NAIVE] if order is None else [order])
    drawn = st.builds(WrongOrder, orders, programs(FORMS, steps=4, leaves=1))
    found = smallest(drawn, lambda why: why.right != why.wrong, 500)
    assert found is not None, 'no graph of four steps defeats it'
    return found


def _tape(program: Program) -> Tape:
    tape = program.tape()
    assert tape is not None, 'programs are drawn tame'
    return tape


GRAPH = {
    'rankdir': 'TB', 'ranksep': '0.55', 'nodesep': '0.45', 'newrank': 'true', 'tooltip': 'orders of backpropagation',
    'fontname': FONT, 'fontsize': '13', 'fontcolor': INK,
}  # fmt: skip
NODE = {
    'shape': 'box', 'style': 'rounded,filled', 'fillcolor': PAPER, 'color': PALE, 'penwidth': '1.1',
    'margin': '0.08,0.04', 'height': '0.2', 'fontname': FONT, 'fontsize': '12', 'fontcolor': INK,
}  # fmt: skip
EDGE = {'color': LINE, 'penwidth': '1.2', 'arrowsize': '0.6', 'fontname': FONT, 'fontsize': '11', 'fontcolor': INK}
#: Text beside an arrow keeps a little away from it.
PAD = '&#160;&#160;'
BREAK = f'<br align="left"/>{PAD}'


def _draw_orders(why: WrongOrder) -> Digraph:
    """Draw two clusters, the right order on the left; arrows are messages, numbered as they are sent."""
    picture = Digraph('why_order', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
    picture.attr(label=f'<<font point-size="11">what is sent: <font color="{SIGNAL}">error signal</font> · '
                       f'<font color="{DERIVATIVE}">local derivative</font></font>>')  # fmt: skip
    for walk, heading in (('right', 'right: consumers first'), (why.order, f'wrong: {why.order}')):
        with picture.subgraph(name=f'cluster_{walk.replace(" ", "_")}') as cluster:
            colour = INK if walk == 'right' else MARK
            cluster.attr(label=f'<<b><font color="{colour}">{markup(heading)}</font></b>>', style='rounded', color=PALE,
                         margin='14', tooltip=heading)  # fmt: skip
            _cluster(cluster, why, walk)
    return picture


def _cluster(cluster: Digraph, why: WrongOrder, walk: str) -> None:
    trace, program = why.trace(walk), why.program
    judged = [*why.judged(walk)]
    wrong = {message.sender for message, fault in judged if fault and not fault.startswith('too late')}
    for name, made in reversed(program.nodes.items()):
        node = program.names.index(name)
        leaf = node < len(program.leaves)
        visits = [str(k) for k, visited in enumerate(trace.visits, 1) if visited == node]
        made = number_markup(float(program.leaves[node])) if leaf else markup(made)
        rows = [
            f'<b>{name}</b> <font color="{FAINT}">= {made}</font>',
            f'<font color="{FAINT}" point-size="10">visit{"s"[: len(visits) - 1]} {" and ".join(visits)}</font>',
        ]
        look = {}
        if leaf:
            right = trace.signals[node] == why.right[name]
            verdict = '' if right else f' instead of {number_markup(why.right[name])}'
            colour = SIGNAL if right else MARK
            got = number_markup(trace.signals[node])
            rows.append(f'<b><font color="{colour}">{name}.grad = {got}{verdict}</font></b>')
            look = {'fillcolor': CALM if right else ALARMED, 'color': INK if right else MARK}
        elif node in wrong:
            look = {'fillcolor': ALARMED, 'color': MARK}
        cells = ''.join(f'<tr><td>{row}</td></tr>' for row in rows)
        table = f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'
        cluster.node(f'{walk} {name}', table, tooltip=name, **look)
    for place, (message, fault) in enumerate(judged, 1):
        _arrow(cluster, f'{walk} {program.names[message.sender]}', f'{walk} {program.names[message.receiver]}',
               f'<b>{place}.</b> <font color="{SIGNAL}">{number_markup(message.signal)}</font> · '
               f'<font color="{DERIVATIVE}">{number_markup(message.partial)}</font> = '
               f'<font color="{SIGNAL}">{number_markup(message.signal * message.partial)}</font>', fault)  # fmt: skip


def _arrow(cluster: Digraph, sender: str, receiver: str, text: str, fault: str) -> None:
    look = {}
    if fault:
        short, _, more = fault.partition(': ')
        text += f'{BREAK}<font color="{MARK}"><b>{markup(short)}</b></font>'
        text += f'{BREAK}<font color="{MARK}" point-size="9.5">{markup(more)}</font>'
        look = {'color': MARK, 'style': 'dashed' if short == 'too late' else 'solid', 'penwidth': '1.8'}
    cluster.edge(sender, receiver, f'<{PAD}{text}<br align="left"/>>', tooltip=fault or ' ', **look)
