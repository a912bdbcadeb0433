"""Why backpropagation needs an order: the smallest graph on which a naive one goes wrong.

>>> why = why_order('breadth first')
>>> print(why.source)
x = Value(1.0)
u = 2.0 * x
v = 2.0 * u
y = u + v
>>> why.right, why.wrong, why.visits
({'x': 6.0}, {'x': 2.0}, ['y', 'u', 'v', 'x'])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from .straight import Form, Program, Tape, programs, smallest
from .walks import WALKS, Message, Trace

if TYPE_CHECKING:
    from ..drawing.digraph import Digraph

__all__ = ['NAIVE', 'WrongOrder', 'why_order']

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
        for number, (message, fault) in enumerate(self.judged(self.order), 1):
            sender, receiver = names[message.sender], names[message.receiver]
            product = f'{message.signal:g} · {message.partial:g} = {message.signal * message.partial:g}'
            lines.append(f'{number:3}. {sender} sends {product} to {receiver}{fault and "   <- "}{fault}')
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
        from .order_picture import draw_orders

        return draw_orders(self)


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
