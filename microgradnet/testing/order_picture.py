"""The picture of ``why_order``: the error signal as it travels, in the right order and in a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..drawing.digraph import DERIVATIVE, FAINT, FONT, INK, PALE, SIGNAL, Digraph, markup, number

if TYPE_CHECKING:
    from .order import WrongOrder

__all__ = ['draw_orders']

GRAPH = {
    'rankdir': 'TB', 'ranksep': '0.55', 'nodesep': '0.45', 'newrank': 'true', 'tooltip': 'orders of backpropagation',
    'fontname': FONT, 'fontsize': '13', 'fontcolor': INK,
}  # fmt: skip
NODE = {
    'shape': 'box', 'style': 'rounded,filled', 'fillcolor': 'white', 'color': PALE, 'penwidth': '1.1',
    'margin': '0.08,0.04', 'height': '0.2', 'fontname': FONT, 'fontsize': '12', 'fontcolor': INK,
}  # fmt: skip
EDGE = {'color': '#7B8794', 'penwidth': '1.2', 'arrowsize': '0.6', 'fontname': FONT, 'fontsize': '11', 'fontcolor': INK}
#: A wrong message, a node that went wrong, and a gradient that is right.
ALARM, ALARMED, CALM = '#B00020', '#FDECEE', '#EAF5EF'
#: Text beside an arrow keeps a little away from it.
PAD = '&#160;&#160;'
BREAK = f'<br align="left"/>{PAD}'


def draw_orders(why: WrongOrder) -> Digraph:
    """Draw two clusters, the right order on the left; arrows are messages, numbered as they are sent."""
    picture = Digraph('why_order', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
    picture.attr(label=f'<<font point-size="11">what is sent: <font color="{SIGNAL}">error signal</font> · '
                       f'<font color="{DERIVATIVE}">local derivative</font></font>>')  # fmt: skip
    for walk, heading in (('right', 'right: consumers first'), (why.order, f'wrong: {why.order}')):
        with picture.subgraph(name=f'cluster_{walk.replace(" ", "_")}') as cluster:
            colour = DERIVATIVE if walk == 'right' else ALARM
            cluster.attr(label=f'<<b><font color="{colour}">{markup(heading)}</font></b>>', style='rounded', color=PALE,
                         margin='14', tooltip=heading)  # fmt: skip
            _cluster(cluster, why, walk)
    return picture


def _cluster(cluster: Digraph, why: WrongOrder, walk: str) -> None:
    trace, program = why.trace(walk), why.program
    judged = [*why.judged(walk)]
    wrong = {message.sender for message, fault in judged if fault and not fault.startswith('too late')}
    written = dict(line.split(' = ') for line in why.source.splitlines())
    for node, name in reversed([*enumerate(program.names)]):
        leaf = node < len(program.leaves)
        visits = [str(k) for k, visited in enumerate(trace.visits, 1) if visited == node]
        made = number(float(program.leaves[node])) if leaf else written[name]
        rows = [
            f'<b>{name}</b> <font color="{FAINT}">= {markup(made)}</font>',
            f'<font color="{FAINT}" point-size="10">visit{"s"[: len(visits) - 1]} {" and ".join(visits)}</font>',
        ]
        look = {}
        if leaf:
            right = trace.signals[node] == why.right[name]
            verdict = '' if right else f' instead of {number(why.right[name])}'
            colour = SIGNAL if right else ALARM
            rows.append(f'<b><font color="{colour}">{name}.grad = {number(trace.signals[node])}{verdict}</font></b>')
            look = {'fillcolor': CALM if right else ALARMED, 'color': DERIVATIVE if right else ALARM}
        elif node in wrong:
            look = {'fillcolor': ALARMED, 'color': ALARM}
        cells = ''.join(f'<tr><td>{row}</td></tr>' for row in rows)
        table = f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'
        cluster.node(f'{walk} {name}', table, tooltip=name, **look)
    for place, (message, fault) in enumerate(judged, 1):
        _arrow(cluster, f'{walk} {program.names[message.sender]}', f'{walk} {program.names[message.receiver]}',
               f'<b>{place}.</b> <font color="{SIGNAL}">{number(message.signal)}</font> · '
               f'<font color="{DERIVATIVE}">{number(message.partial)}</font> = '
               f'<font color="{SIGNAL}">{number(message.signal * message.partial)}</font>', fault)  # fmt: skip


def _arrow(cluster: Digraph, sender: str, receiver: str, text: str, fault: str) -> None:
    look = {}
    if fault:
        short, _, more = fault.partition(': ')
        text += f'{BREAK}<font color="{ALARM}"><b>{markup(short)}</b></font>'
        text += f'{BREAK}<font color="{ALARM}" point-size="9.5">{markup(more)}</font>'
        look = {'color': ALARM, 'style': 'dashed' if short == 'too late' else 'solid', 'penwidth': '1.8'}
    cluster.edge(sender, receiver, f'<{PAD}{text}<br align="left"/>>', tooltip=fault or ' ', **look)

