"""The messages that neurons send each other in one ``backward``, in the order of the derivation.

``messages``  runs a net on one sample and its error backward, and groups the events
``Film``      what comes of it: the run, the error, all events, and the frames
``Frame``     one step: y, or a neuron, sends its error signal to all that it is connected with
``Message``   a signal to one neuron or input: delta * g'(r) * w, and the sum there so far
``Gradient``  the derivative of the error by one weight or bias: delta * g'(r) * input

Neurons, inputs and outputs have the names that ``draw_network`` gives their nodes: x1,
f1, y (y1, y2 ... where there are several).

>>> from microgradnet.nets.net import MLP
>>> film = messages(MLP(2, [2, 2, 1], activation='tanh', seed=1), [0.5, -1.0], [1.0])
>>> for frame in film.frames:
...     print(frame.sender, 'to', ' and '.join(frame.receivers))
y to f5
f5 to f3 and f4
f3 to f1 and f2
f4 to f1 and f2
f1 to x1 and x2
f2 to x1 and x2
>>> m = film.frames[3].messages[0]
>>> m.sender, m.receiver, m.weight_name, m.contribution == m.weight * (m.derivative * m.signal), m.complete
('f4', 'f1', 'w_{1,4}', True, True)
>>> m.total == film.signals[film.run.layers[0][0].output]
True
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from .._processes import cached_property
from ..engine.numbers import Number
from ..engine.value import Event, Value, signals
from ..formulas.names import layers_of, numbered, parameter_names, weight_name
from ..nets.losses import half_squared_error
from ..nets.net import Firing, Run, row_of

__all__ = ['Film', 'Frame', 'Gradient', 'Message', 'messages']


class Message(NamedTuple):
    """What arrives at one neuron or input in a frame: ``contribution = signal * derivative * weight``.

    ``signal`` is the sender's delta and ``derivative`` its g'(r). A message from y has
    signal 1, the error's own, and neither derivative nor weight: its contribution is
    the error that is introduced, y - t for the derivation's. ``total`` is what has
    arrived at the receiver up to and with it, its delta if the message is the last,
    ``complete``. ``events`` are the edges it came along: one, or for y as many as the
    error has to that output.
    """

    sender: str
    receiver: str
    signal: Number
    derivative: Number | None
    weight: Number | None
    weight_name: str
    contribution: Number
    total: Number
    complete: bool
    events: tuple[Event, ...]


class Gradient(NamedTuple):
    """The derivative of the error by a weight or bias: delta * g'(r) * ``input``, which is 1 for a bias."""

    parameter: Value
    name: str
    input: Number
    gradient: Number
    event: Event


class Frame(NamedTuple):
    """One step: ``sender``, y or a neuron, sends its ``signal`` on, and gets its weights' gradients.

    ``signal`` is its delta (1 for y, the derivative of the error by itself) and
    ``derivative`` its g'(r) (None for y). ``activation`` are the events between the
    neuron's output and its net input; ``events`` all of the frame in their order, those
    in the messages and gradients too. A net that standardises its rows has a last
    frame, from x, without messages: what goes on to the row as it came in.
    """

    sender: str
    signal: Number
    derivative: Number | None
    messages: tuple[Message, ...]
    gradients: tuple[Gradient, ...]
    activation: tuple[Event, ...]
    events: tuple[Event, ...]

    @property
    def receivers(self) -> list[str]:
        """The neurons or inputs that get a message."""
        return [message.receiver for message in self.messages]


@dataclass(frozen=True)
class Film:
    """One backward of a net, step by step: ``events`` one by one, ``frames`` sender by sender.

    The events of the frames, one frame after the other, are ``events``. ``run`` is the
    forward run, ``error`` the node that was run backward, ``signals`` the error signal of each node.
    """

    net: Any
    run: Run
    error: Value
    signals: dict[Value, Number]
    events: tuple[Event, ...]
    frames: tuple[Frame, ...]

    @cached_property
    def neurons(self) -> dict[str, Firing]:
        """The firing of each neuron by its name, f1 to the last."""
        return _numbered(self.run)

    @cached_property
    def labels(self) -> dict[Value, str]:
        """A label for every node that the derivation names: x_1, w_{x1,1}, b_1, r_1, f_1 ..., y and E."""
        labels = parameter_names(self.net) | {x: numbered('x', i) for i, x in enumerate(self.run.inputs, 1)}
        for name, firing in self.neurons.items():
            labels |= {firing.r: numbered('r', name[1:]), firing.output: numbered('f', name[1:])}
        several = len(self.run.outputs) > 1
        labels |= {y: numbered('y', i) if several else 'y' for i, y in enumerate(self.run.outputs, 1)}
        return labels | {self.error: 'E'}

    @cached_property
    def gradients(self) -> dict[Value, Number]:
        """The derivative of the error by every weight and bias that a signal reached."""
        return {g.parameter: g.gradient for frame in self.frames for g in frame.gradients}


def messages(net: Any, x: Iterable[Any], t: Any, error: Callable[[Any, Any], Any] = half_squared_error) -> Film:
    """Run a net on one row, and its error backward, once; return who sent what to whom.

    ``net`` may be a Layer or a Neuron too. ``error`` takes the list of outputs and
    ``t``. All is left as it was, the parameters' ``grad`` too. Raises ValueError for a
    row of the wrong length, TypeError where the error is no Value.
    """
    layers = layers_of(net)
    row = [Value(v.data, v.label) for v in row_of(x, len(layers[0][0].weights), net)]
    run = net.run(row) if hasattr(net, 'run') else Run(row, [[neuron.fire(row) for neuron in layers[0]]])
    result = error(run.outputs, t)
    if not isinstance(result, Value):
        raise TypeError(f'the error of a net must be a Value, made from its outputs, not {result!r}')
    sent, events = _backward(run, result)
    return Film(net, run, result, sent, tuple(events), tuple(_frames(run, events)))


def _backward(run: Run, error: Value) -> tuple[dict[Value, Number], list[Event]]:
    """Run the error backward, neurons of a layer from the first on; return the signals and what happened.

    ``signals`` walks in reverse topological order, of which a graph has many; left to
    itself it takes a layer's last neuron first. The node it starts from here depends on
    the error, and by edges that carry no signal on every neuron, in the order that
    makes the walk the derivation's.
    """
    outputs = [firing.output for layer in run.layers for firing in reversed(layer)]
    start = Value(error.data)
    start.inputs = (*outputs, error)
    start.partials = (*(None for _ in outputs), type(error.data)(1))
    events: list[Event] = []
    sent = signals(start, log=events)
    del sent[start]
    return sent, events[1:]  # without that from the start to the error


def _numbered(run: Run) -> dict[str, Firing]:
    return {f'f{i}': firing for i, firing in enumerate((f for layer in run.layers for f in layer), 1)}


def _frames(run: Run, events: list[Event]) -> Iterator[Frame]:
    """Group events by the neuron that sends them."""
    neurons = _numbered(run)
    names = iter(neurons)
    columns = [[f'x{i + 1}' for i in range(len(run.inputs))], *([next(names) for _ in layer] for layer in run.layers)]
    sources = {name: column for column, after in pairwise(columns) for name in after}
    # A net input is a dot of weights, inputs and bias; the first layer's inputs may be standardised.
    owner = dict.fromkeys(_until(run.layers[0][0].r.inputs[len(run.inputs) : -1]), 'x')
    for name, firing in neurons.items():
        owner |= dict.fromkeys(_until([firing.output], {firing.r}), name)
    by_sender: dict[str, list[Event]] = {}
    for event in events:
        by_sender.setdefault(owner.get(event.node, 'y'), []).append(event)
    last = {event.source: event for event in events}
    for sender, sent in by_sender.items():
        if sender in neurons:
            yield _frame(sender, neurons[sender], sources[sender], sent, last)
        else:
            found = _introduced(run, columns[-1], sent) if sender == 'y' else ()
            yield Frame(sender, sent[0].signal, None, tuple(found), (), (), tuple(sent))


def _until(start: Iterable[Value], ends: Collection[Value] = ()) -> set[Value]:
    """All that nodes depend on, up to and with the ends."""
    found, stack = {*ends}, [*start]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(node.inputs)
    return found


def _introduced(run: Run, receivers: list[str], sent: list[Event]) -> Iterator[Message]:
    """Gather what comes from the error to each output."""
    for i, (receiver, output) in enumerate(zip(receivers, run.outputs), 1):
        mine = tuple(event for event in sent if event.source is output)
        if mine:
            sender, total = 'y' if len(receivers) == 1 else f'y{i}', mine[-1].total
            yield Message(sender, receiver, sent[0].signal, None, None, '', total, total, True, mine)


def _frame(sender: str, firing: Firing, sources: list[str], sent: list[Event], last: dict[Value, Event]) -> Frame:
    """Tell a neuron's messages from the gradients of its weights and its bias."""
    activation = tuple(event for event in sent if event.node is not firing.r)
    derivative, signal = _derivative(firing, activation), last[firing.output].total
    width, index = len(sources), sender[1:]
    found, gradients = list[Message](), list[Gradient]()
    for event in sent:
        if event.node is not firing.r:
            continue
        source = sources[event.place % width].removeprefix('f')
        name = numbered('b', index) if event.place == 2 * width else weight_name(source, index)
        if width <= event.place < 2 * width:
            found.append(Message(sender, sources[event.place - width], signal, derivative, event.partial, name,
                                 event.contribution, event.total, last[event.source] is event, (event,)))  # fmt: skip
        else:
            gradients.append(Gradient(event.source, name, event.partial, event.contribution, event))
    return Frame(sender, signal, derivative, tuple(found), tuple(gradients), activation, tuple(sent))


def _derivative(firing: Firing, activation: tuple[Event, ...]) -> Number:
    """g'(r), by the chain rule from the output to r; for one operation its partial."""
    one = type(firing.output.data)(1)
    reached: dict[Value, Any] = {firing.output: one}
    for event in activation:
        reached[event.source] = reached.get(event.source, 0) + event.partial * reached[event.node]
    return reached.get(firing.r, one * 0)  # type: ignore[no-any-return]
