"""What a page plays: each node of a forward run, then each event of one real backward, with its formula.

A script has names and places, but no number: these the page computes. A formula is a list of terms. A term is text,
a sign say, or a dictionary: its ``name``, its number ``n`` (which of the recording's lists, and the place in it,
``['data', 3]``), its ``role`` in the derivation, and the ``node`` or ``event`` where it is in the pictures.

>>> from microgradnet.engine.value import Value
>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> y = a * b
>>> y.backward(log=(log := []))
>>> script = Script(y, log)
>>> [step['title'] for step in script.steps()][2:]
['Backward starts at y', 'From y to a', 'From y to b']
>>> script.steps()[3]['lines'][0]['terms'][2]
{'name': 'b', 'n': ['partial', 0], 'role': 'gradient', 'event': 0, 'node': 1}
>>> script.formulas.line(log[0])['left']['name'], script.formulas.whole(y)
('∂y/∂a', '(a · b)')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..engine.value import Constant, Event, Value
from ..engine.walks import topological_order
from ..formulas.names import numbered
from .digraph import INDEXED, number, short
from .messages import Film, Frame

__all__ = ['Formulas', 'Line', 'Script', 'Term', 'written_once']


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
        """Return what the page needs to know but for the numbers and the steps."""
        return {
            'names': [self.names.get(node, '') for node in self.order],
            'known': [place for place, node in enumerate(self.order) if not node.inputs],
        }

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
                neuron = self.formulas.owner[node]
                title = f'Neuron {neuron} fires: {name} = g({_numbered("r", neuron)})'
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
                to = f'neuron {receiver[1:]}' if receiver[0] == 'f' else f'input {_numbered("x", receiver[1:])}'
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


def _step(stage: str, title: str, lines: Sequence[Line] = (), **more: Any) -> Step:
    return {'stage': stage, 'title': title, 'lines': [*lines], **more}


Term: TypeAlias = 'str | dict[str, Any]'
#: ``left sign terms`` and the ``result``; where several signals add up, what was there ``before`` and what it ``adds``.
Line: TypeAlias = dict[str, Any]

#: The page's own signs for Python's.
SIGNS = {'-': '−', '*': '·'}
#: A longer expression goes by the name of its node.
LONGEST = 30


class Formulas:
    """What the nodes of a recording are called, and the formulas of its operations and events."""

    def __init__(self, root: Value, events: Sequence[Event], film: Film | None = None) -> None:
        self.root, self.events = root, [*events]
        self.order = topological_order(root)
        self.place = {node: place for place, node in enumerate(self.order)}
        self.number_of = {id(event): place for place, event in enumerate(self.events)}
        self.arrivals: dict[Value, list[int]] = {}
        for place, event in enumerate(self.events):
            self.arrivals.setdefault(event.source, []).append(place)
        neurons = {} if film is None else film.neurons
        #: The number of the neuron whose output, or net input, a node is.
        self.owner = {firing.output: name[1:] for name, firing in neurons.items()}
        self.net_inputs = {firing.r: name[1:] for name, firing in neurons.items()}
        self.names = _names(root, self.order, {} if film is None else _labels(film, self.order))

    def signal_name(self, node: Value) -> str:
        """Name what arrives at a node: delta of a neuron, as in the derivation, else the derivative by it."""
        if node in self.owner:
            return _numbered('δ', self.owner[node])
        return f'∂{self.names[self.root]}/∂{self._operand(node)}' if node in self.names else ''

    def is_bias(self, event: Event) -> bool:
        return event.node in self.net_inputs and event.place == len(event.node.inputs) - 1

    def line(self, event: Event) -> Line:
        """The line of one event: what arrives is the signal times the local derivative, added to what was there."""
        e = self.number_of[id(event)]
        arrivals = self.arrivals[event.source]
        k = arrivals.index(e)
        left = {'name': self.signal_name(event.source), 'n': ['total', e], 'role': 'error',
                'node': self.place[event.source]}  # fmt: skip
        terms = self.signal(event.node)
        if not self.is_bias(event):  # where the local derivative is 1
            terms = [*terms, ' · ', self.partial(event)]
        line: Line = {'left': left, 'sign': '=', 'terms': terms, 'result': ['total', e]}
        if len(arrivals) > 1:
            line |= {'sign': '+=', 'before': ['total', arrivals[k - 1]] if k else None, 'adds': ['contribution', e]}
        return line

    def _operand(self, node: Value) -> str:
        name = self.names.get(node, '')
        return f'({name})' if ' ' in name else name

    def value(self, node: Value) -> Term:
        return {'name': self._operand(node), 'n': ['data', self.place[node]], 'role': 'input', 'node': self.place[node]}

    def signal(self, node: Value) -> list[Term]:
        """The error signal of a node; of a net input it is delta * g'(r), where g is one operation."""
        arrivals = self.arrivals.get(node, [])
        if node in self.net_inputs and node not in self.owner and len(arrivals) == 1:
            event = self.events[arrivals[0]]
            if event.node in self.owner:
                return [*self.signal(event.node), ' · ', self.partial(event)]
        n = ['total', arrivals[-1]] if arrivals else ['seed', 0]
        return [{'name': self.signal_name(node), 'n': n, 'role': 'error', 'node': self.place[node]}]

    def partial(self, event: Event) -> Term:
        node, source, place = event.node, event.source, event.place
        e, role = self.number_of[id(event)], 'gradient'
        other = None
        if node.op.name == 'mul':
            other = node.inputs[1 - place]
        elif node.op.name == 'dot':
            width = len(node.inputs) // 2
            other = node.inputs[(place + width) % (2 * width)] if place < 2 * width else None
            if node in self.net_inputs:
                role = 'input' if place < width else 'weight'
        if other is not None:
            at = {'event': e, 'node': self.place[other]}
            return {'name': self._operand(other), 'n': ['partial', e], 'role': role, **at}
        if node in self.owner and source in self.net_inputs:
            name = f'g′({_numbered("r", self.owner[node])})'
        else:
            name = f'∂{self.whole(node)}/∂{self._operand(source)}'
        return {'name': name, 'n': ['partial', e], 'role': role, 'event': e}

    def whole(self, node: Value) -> str:
        """Write an operation as one name, (a + b); by the node's own name where that is long."""
        parts = (part if isinstance(part, str) else '^' * ('raised' in part) + self._name(part)
                 for part in self.expression(node))  # fmt: skip
        text = ''.join(parts)
        if len(text) > LONGEST:
            return self._operand(node)
        return text if node.op and text.startswith(f'{node.op.name}(') else f'({text})'

    def _name(self, term: dict[str, Any]) -> str:
        return term['name'] or number(self.order[term['node']].data)

    def expression(self, node: Value) -> list[Term]:
        """Write an operation with its operands, the usual ones with their signs."""
        op, operands = node.op, [self.value(source) for source in node.inputs]
        assert op is not None
        if op.name == 'neg':
            return ['−', *operands]
        if op.name == 'abs':
            return ['|', *operands, '|']
        if op.name == 'pow':
            return [operands[0], {**operands[1], 'raised': True}]  # type: ignore[dict-item]
        if op.sign:
            return [operands[0], f' {SIGNS.get(op.sign, op.sign)} ', operands[1]]
        if op.name in ('dot', 'sum'):
            groups = op.split([[operand] for operand in operands])
            products = [[*w, ' · ', *x] for w, x in zip(*groups[:2])] if op.name == 'dot' else groups[0]
            bias = node.inputs[-1]
            rest = [] if op.name == 'sum' or (isinstance(bias, Constant) and bias.data == 0) else [groups[2]]
            return _joined([*products, *rest], ' + ') or [operands[-1]]
        return [f'{op.name}(', *_joined([[operand] for operand in operands], ', '), ')']


def written_once(steps: Sequence[Step]) -> dict[str, Any]:
    """Write each term of the steps' lines once, and its number wherever it stands.

    >>> term = {'name': 'a', 'n': ['data', 0], 'role': 'input', 'node': 0}
    >>> line = {'left': term, 'sign': '=', 'terms': ['-', term], 'result': ['data', 1]}
    >>> written_once([{'stage': 'forward', 'title': '', 'lines': [line]}])['steps'][0]['lines'][0]['terms']
    ['-', 0]
    """
    terms: list[Term] = []
    numbers: dict[str, int] = {}

    def once(term: Term) -> Any:
        if isinstance(term, str):
            return term
        k = numbers.setdefault(repr(term), len(terms))
        if k == len(terms):
            terms.append(term)
        return k

    lean = [step | {'lines': [line | {'left': once(line['left']), 'terms': [*map(once, line['terms'])]}
                              for line in step['lines']]} for step in steps]  # fmt: skip
    return {'terms': terms, 'steps': lean}


def _joined(groups: Iterable[Sequence[Term]], sign: str) -> list[Term]:
    result: list[Term] = []
    for group in groups:
        result += [sign, *group] if result else group
    return result


def _labels(film: Film, order: Sequence[Value]) -> dict[Value, str]:
    """The film's labels, and names for the target t and the difference y - t where there are such."""
    labels = dict(film.labels)
    for node in order:
        if node.op is not None and node.op.name == 'sub' and node.inputs[0] in film.run.outputs:
            y, t = node.inputs
            if not t.inputs and node is not film.error:
                labels[t] = labels[y].replace('y', 't', 1)
                labels[node] = f'{_indexed(labels[y])} − {_indexed(labels[t])}'
    return labels


def _names(root: Value, order: Sequence[Value], given: Mapping[Value, str]) -> dict[Value, str]:
    """Name every node that is not a constant: by its label, or v_1, v_2 ..., the last one y."""
    names = {node: given.get(node) or node.label for node in order}
    taken = {*names.values()}
    free = (name for k in range(1, 2 * len(order) + 2) if (name := f'v_{k}') not in taken)
    for node in order:
        if not names[node] and not isinstance(node, Constant):
            names[node] = 'y' if node is root and 'y' not in taken else next(free)
    return {node: _indexed(str(name)) for node, name in names.items() if name}


def _numbered(letter: str, number: str) -> str:
    return _indexed(numbered(letter, number))


def _indexed(label: str) -> str:
    """Write an index in braces, by which the page knows it; w_1 becomes w_{1}."""
    match = INDEXED.fullmatch(label)
    return f'{match[1]}_{{{match[2] or match[3]}}}' if match else short(label)
