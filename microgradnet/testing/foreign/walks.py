"""The right walk of backpropagation over a tape, and the walks that are mistaken for it.

Each walk says who is visited in turn and what is sent along which edge.

>>> tape = Program((1.0,), (2.0,), (('mul', (1, 0)), ('mul', (1, 2)), ('add', (2, 3)))).tape()
>>> {name: walk(tape).signals[0] for name, walk in WALKS.items() if name in ('right', 'breadth first')}
{'right': 6.0, 'breadth first': 2.0}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .straight import Program, Tape

__all__ = ['WALKS', 'Message', 'Program', 'Trace']


class Message(NamedTuple):
    """What one visit sends along one edge: the sender's signal times the local derivative."""

    visit: int
    sender: int
    receiver: int
    signal: float
    partial: float


@dataclass
class Trace:
    """A walk as it went: who was visited in turn, what was sent, and the signals in the end."""

    signals: list[float]
    visits: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


    def send(self, visit: int, node: int, source: int, partial: float, overwrite: bool = False) -> None:
        """Send the signal of a node, as it now is, to one of its inputs."""
        signal = self.signals[node]
        self.messages.append(Message(visit, node, source, signal, partial))
        self.signals[source] = (0.0 if overwrite else self.signals[source]) + partial * signal


def _start(tape: Tape) -> Trace:
    return Trace([0.0] * (len(tape.data) - 1) + [1.0])


def _along(tape: Tape, order: Iterable[int], overwrite: bool = False, once: bool = False) -> Trace:
    """Visit each node of an order once."""
    trace = _start(tape)
    for visit, node in enumerate(order, 1):
        trace.visits.append(node)
        edges = tape.edges[node]
        for source, partial in dict(edges).items() if once else edges:
            trace.send(visit, node, source, partial, overwrite)
    return trace


def _consumers_first(tape: Tape, key: Callable[[int], Any] = lambda node: node) -> list[int]:
    """List nodes so that each comes after all its consumers; those of one key count as one node."""
    order: list[int] = []
    seen = set()

    def list_inputs_first(node: int) -> None:
        if key(node) not in seen:
            seen.add(key(node))
            for source, _ in tape.edges[node]:
                list_inputs_first(source)
            order.append(node)

    list_inputs_first(len(tape.data) - 1)
    return order[::-1]


def _as_met(tape: Tape, take: int) -> list[int]:
    """List nodes when they are first taken up: from the head of those waiting (0), or from their tail (-1)."""
    order, waiting = [], [len(tape.data) - 1]
    while waiting:
        node = waiting.pop(take)
        if node not in order:
            order.append(node)
            sources = [source for source, _ in tape.edges[node]]
            waiting.extend(sources if take == 0 else reversed(sources))
    return order


def _recursion(tape: Tape) -> Trace:
    """Send on, each time a signal comes, all that has come so far."""
    trace = _start(tape)

    def visit(node: int) -> None:
        trace.visits.append(node)
        number = len(trace.visits)
        for source, partial in tape.edges[node]:
            trace.send(number, node, source, partial)
            visit(source)

    visit(len(tape.data) - 1)
    return trace


#: Walks by name. ``right`` sends on when every consumer has sent; the others are the classical mistakes.
WALKS: dict[str, Callable[[Tape], Trace]] = {
    'right': lambda tape: _along(tape, _consumers_first(tape)),
    'recursion': _recursion,
    'breadth first': lambda tape: _along(tape, _as_met(tape, 0)),
    'depth first': lambda tape: _along(tape, _as_met(tape, -1)),
    'overwrite': lambda tape: _along(tape, _consumers_first(tape), overwrite=True),
    'inputs in a set': lambda tape: _along(tape, _consumers_first(tape), once=True),
    'visited by value': lambda tape: _along(tape, _consumers_first(tape, tape.data.__getitem__)),
}
