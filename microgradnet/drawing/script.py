"""What the player plays: each node of a forward run, then each event of one real backward, with its formula.

A script has names and places, but no number: these are read from the recording,
epoch by epoch, and a term of a formula says which of them it is, ``['data', 3]``.

>>> from microgradnet.value import Value
>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> y = a * b
>>> y.backward(log=(log := []))
>>> script = Script(y, log)
>>> [step['title'] for step in script.steps()][2:]
['Backward starts at y', 'From y to a', 'From y to b']
>>> script.steps()[3]['lines'][0]['terms'][2]
{'name': 'b', 'n': ['partial', 0], 'role': 'gradient', 'event': 0, 'node': 1}
>>> script.numbers('.4g')['data']
[['2', '2.0'], ['-3', '-3.0'], ['-6', '-6.0']]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..events import Event
from ..value import Value
from .digraph import in_full, number
from .formulas import Formulas, Line
from .messages import Film, Frame

__all__ = ['Room', 'Script']

Step: TypeAlias = dict[str, Any]


class Script:
    """The names, events and steps of one recording: a value and the log of its backward.

    For a net comes its ``film``, for its names and its messages between neurons.
    """

    def __init__(self, root: Value, events: Sequence[Event], film: Film | None = None) -> None:
        self.root, self.events, self.film = root, [*events], film
        self.formulas = Formulas(root, events, film)
        self.order, self.place, self.names = self.formulas.order, self.formulas.place, self.formulas.names

    def scene(self) -> dict[str, Any]:
        """Return all that the page needs to know but for the numbers."""
        return {
            'names': [self.names.get(node, '') for node in self.order],
            'known': [place for place, node in enumerate(self.order) if not node.inputs],
            'root': self.place[self.root],
            'events': [[self.place[event.node], self.place[event.source]] for event in self.events],
            'steps': [*self.steps()],
        }

    def numbers(self, spec: str) -> dict[str, list[Any]]:
        """Return every number of the recording, as text: in full, or with a short form before it."""
        lists: dict[str, Iterable[Any]] = {
            'data': (node.data for node in self.order),
            'partial': (event.partial for event in self.events),
            'contribution': (event.contribution for event in self.events),
            'total': (event.total for event in self.events),
            'seed': [self.events[0].signal if self.events else type(self.root.data)(1)],
        }
        return {name: [_written(x, spec) for x in numbers] for name, numbers in lists.items()}

    def steps(self) -> list[Step]:
        """List the steps: what is given, each operation forward, each event or message backward."""
        return [*self._forward(), *self._backward()]

    def _forward(self) -> Iterator[Step]:
        given = [place for place, node in enumerate(self.order) if not node.inputs]
        note = 'Inputs and parameters have their numbers; nothing is computed yet.'
        yield _step('start', 'What is given', nodes=given, note=note)
        for place, node in enumerate(self.order):
            if node.op is None:
                continue
            name, title = self.names[node], f'Compute {self.names[node]}'
            if node in self.formulas.owner:
                title = f'Neuron {self.formulas.owner[node]} fires: {name} = g(r_{{{self.formulas.owner[node]}}})'
            elif node in self.formulas.net_inputs:
                title = f'Neuron {self.formulas.net_inputs[node]} takes in its net input {name}'
            left, terms = self.formulas.value(node), self.formulas.expression(node)
            line: Line = {'left': left, 'sign': '=', 'terms': terms, 'result': ['data', place]}
            uses = [self.place[source] for source in node.inputs]
            yield _step('forward', title, [line], nodes=[place], uses=uses, computes=place)

    def _backward(self) -> Iterator[Step]:
        root, place = self.names[self.root], self.place[self.root]
        start = {'name': self.formulas.signal_name(self.root), 'n': ['seed', 0], 'role': 'error', 'node': place}
        line: Line = {'left': start, 'sign': '=', 'terms': [], 'result': ['seed', 0]}
        yield _step('backward', f'Backward starts at {root}', [line], nodes=[place], seed=True)
        if self.film is None:
            yield from map(self._sent, self.events)
        else:
            for frame in self.film.frames:
                yield from self._frame(frame)

    def _frame(self, frame: Frame) -> Iterator[Step]:
        """One step for each event, but one for a connection, which carries a message and a weight's gradient."""
        gradients = {gradient.name: gradient.event for gradient in frame.gradients}
        over = {id(m.events[0]): m for m in frame.messages if m.weight_name}
        merged = len({event.source for event in frame.events}) == len(frame.events)
        for event in frame.events:
            message, index = over.get(id(event)), frame.sender[1:]
            if message and merged:
                receiver = message.receiver
                to = f'neuron {receiver[1:]}' if receiver[0] == 'f' else f'input x_{{{receiver[1:]}}}'
                title = f'From neuron {index} to {to}, over {message.weight_name}'
                yield self._sent(event, gradients[message.weight_name], title=title)
            elif event.source in self.formulas.owner and event.node not in self.formulas.net_inputs:
                yield self._sent(event, title=f'The error signal reaches neuron {self.formulas.owner[event.source]}')
            elif self.formulas.is_bias(event):
                yield self._sent(event, title=f'Neuron {index}: the gradient of its bias')
            elif event.node in self.formulas.owner and event.source in self.formulas.net_inputs:
                yield self._sent(event, title=f'Neuron {index}: back through its activation g')
            elif not (merged and any(event is weight for weight in gradients.values())):
                yield self._sent(event)

    def _sent(self, *events: Event, title: str = '') -> Step:
        node, source = events[0].node, events[0].source
        title = title or f'From {self.names[node]} to {self.names[source]}'
        places = [self.formulas.number_of[id(event)] for event in events]
        sources = [self.place[event.source] for event in events]
        lines = [self.formulas.line(event) for event in events]
        return _step('backward', title, lines, nodes=sources, uses=[self.place[node]], events=places)


class Room:
    """How many characters the page's numbers have at most, at any step of the epochs of a scene.

    ``events`` are pairs of the nodes that send and receive, as in a scene.
    """

    def __init__(self, events: Sequence[Sequence[int]], epochs: Sequence[Mapping[str, Any]]) -> None:
        self._longest = {name: [max(map(_length, texts)) for texts in zip(*(epoch[name] for epoch in epochs))]
                         for name in ('data', 'partial', 'contribution', 'total', 'seed')}  # fmt: skip
        self._signal: dict[int, int] = {}
        for e, (_, receiver) in enumerate(events):
            self._signal[receiver] = max(self._signal.get(receiver, 1), self._longest['total'][e])

    def data(self, place: int) -> int:
        """The room that the value of a node wants."""
        return int(self._longest['data'][place])

    def signal(self, place: int) -> int:
        """The room that the error signal of a node wants, and its sums on the way."""
        return self._signal.get(place, max(self._longest['seed']))

    def of(self, order: Sequence[Value], events: Sequence[Event]) -> Callable[[str, Value, int], int]:
        """Return the room by what is written, a node, and one of its operands, as a graph is drawn."""
        place = {node: k for k, node in enumerate(order)}
        event = {(event.node, event.place): e for e, event in enumerate(events)}

        def room(what: str, node: Value, operand: int) -> int:
            if what in ('data', 'grad'):
                return self.data(place[node]) if what == 'data' else self.signal(place[node])
            e = event.get((node, operand))
            return 1 if e is None else int(self._longest['partial' if what == 'partial' else 'contribution'][e])

        return room


def _length(text: str | Sequence[str]) -> int:
    return len(text if isinstance(text, str) else text[0])


def _step(stage: str, title: str, lines: Sequence[Line] = (), **more: Any) -> Step:
    return {'stage': stage, 'title': title, 'lines': [*lines], **more}


def _written(x: Any, spec: str) -> str | list[str]:
    full, brief = in_full(x), number(x, spec)
    return full if brief == full else [brief, full]
