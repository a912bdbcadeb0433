"""The formula of one step, as terms that name a number of the recording and do not hold it.

A term is text, a sign say, or a dictionary: its ``name``, its number ``n`` (which of
the recording's lists, and the place in it), its ``role`` in the derivation, and the
``node`` or ``event`` where it is in the pictures.

>>> from microgradnet.value import Value
>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> y = a * b
>>> y.backward(log=(log := []))
>>> formulas = Formulas(y, log)
>>> formulas.partial(log[0])
{'name': 'b', 'n': ['partial', 0], 'role': 'gradient', 'event': 0, 'node': 1}
>>> formulas.line(log[0])['left']['name'], formulas.whole(y)
('∂y/∂a', '(a · b)')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..events import Event
from ..graph import topological_order
from ..value import Constant, Value
from .digraph import INDEXED, number, short
from .messages import Film

__all__ = ['Formulas', 'Line', 'Term']

Term: TypeAlias = 'str | dict[str, Any]'
#: ``left sign terms`` and the ``result``; where several signals add up, what was there ``before`` and what it ``adds``.
Line: TypeAlias = dict[str, Any]

SIGNS = {'add': ' + ', 'sub': ' − ', 'mul': ' · ', 'div': ' / ', 'greater': ' > ', 'less': ' < '}
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
            return f'δ_{{{self.owner[node]}}}'
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
            name = f'g′(r_{{{self.owner[node]}}})'
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
        if op.name in SIGNS:
            return [operands[0], SIGNS[op.name], operands[1]]
        if op.name in ('dot', 'sum'):
            groups = op.split([[operand] for operand in operands])
            products = [[*w, ' · ', *x] for w, x in zip(*groups[:2])] if op.name == 'dot' else groups[0]
            bias = node.inputs[-1]
            rest = [] if op.name == 'sum' or (isinstance(bias, Constant) and bias.data == 0) else [groups[2]]
            return _joined([*products, *rest], ' + ') or [operands[-1]]
        return [f'{op.name}(', *_joined([[operand] for operand in operands], ', '), ')']


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
            if isinstance(t, Constant) and node is not film.error:
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


def _indexed(label: str) -> str:
    """Write an index in braces, by which the page knows it; w_1 becomes w_{1}."""
    match = INDEXED.fullmatch(label)
    return f'{match[1]}_{{{match[2] or match[3]}}}' if match else short(label)
