"""``derive`` for any scalar expression: the chain rule along each path through its graph."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from ..engine.checks import whole
from ..engine.numbers import Number as Real
from ..engine.table import operations
from ..engine.value import Constant, Value, signals
from ..engine.walks import depends_on, topological_order
from ..formulas.of_graph import formula, partial_formulas
from ..formulas.terms import Derivative, Name, Number, Symbol, Term, add, multiply, numbers_first, put
from ..formulas.text import text
from .lines import Derivation, Line, Section
from .refusals import finite, too_many

__all__ = ['derive_value']

LABEL = re.compile(r'([A-Za-z]+|[α-ωδ])(?:_(?:\{([A-Za-z0-9]{1,4}(?:,[A-Za-z0-9]{1,4})*)\}|([A-Za-z0-9])))?')
#: Words that mean something else in a line; P_1, P_2 ... are the paths.
TAKEN = {'d', 'P', 'M', 'E', *operations}


def derive_value(value: Value, wrt: Value, *, limit: int = 64) -> Derivation:
    """Write the derivative of one node by another out; ``derive`` says what it takes."""
    if not isinstance(wrt, Value):
        raise TypeError(f'derive(value, wrt) takes the node to derive by, not {wrt!r}')
    whole('limit', limit)
    graph = _Paths(value, wrt)
    if graph.count > limit:
        raise too_many(graph.count, limit, graph.name(wrt), graph.name(value), 'derive by a node further up')
    title = f'The derivative of {graph.name(value)} by {graph.name(wrt)}'
    return finite(Derivation(title, [graph.given(), graph.expression(), graph.partials(), graph.paths()]))


class _Paths:
    """A graph with a name for every node that is on the way from ``wrt`` to ``value``, or beside it."""

    def __init__(self, value: Value, wrt: Value) -> None:
        self.value, self.wrt = value, wrt
        order = topological_order(value)
        if wrt not in {*order}:  # not in the list: nodes compare by their numbers
            raise ValueError(f'{value!r} does not depend on {wrt!r}: it is not in its graph')
        active = depends_on(order, [wrt])
        #: Nodes that move with wrt, in order; what else goes into them is given.
        self.moving = [node for node in order if node in active and node is not wrt]
        beside = {
            s for node in self.moving for s in node.inputs if s not in active and not isinstance(s, Constant)
        }
        self.fixed = [node for node in order if node is wrt or node in beside]
        self.symbols: dict[Value, Term] = {}
        self._name()
        #: By node and source: the derivative, as the node keeps it.
        self.edges: dict[Value, dict[Value, Real]] = {node: {} for node in self.moving}
        for node in self.moving:
            for source, partial in zip(node.inputs, node.partials):
                if partial is not None and (source is wrt or source in self.edges):
                    self.edges[node][source] = self.edges[node].get(source, 0) + partial
        #: How many ways a signal has from a node to wrt.
        self.ways = {wrt: 1}
        for node in self.moving:
            self.ways[node] = sum(self.ways[source] for source in self.edges[node])
        self.count = self.ways[value]
        self.derivative = signals(value)[wrt]

    def _name(self) -> None:
        taken = set(TAKEN)
        letters = {'x': 0, 'v': 0}
        nodes, fixed = [*self.fixed, *self.moving], {*self.fixed}
        chosen = {node: _label(node.label, taken) for node in nodes}
        for node in nodes:
            name = chosen[node]
            if name is None and node is self.value and 'y' not in taken:
                name = Name('y')
            while name is None:
                letter = 'x' if node in fixed else 'v'
                letters[letter] += 1
                proposed = f'{letter}_{letters[letter]}'
                name = None if proposed in taken else Name(letter, str(letters[letter]))
            self.symbols[node] = Symbol(name, (node.data,))

    def name(self, node: Value) -> str:
        return text(self.symbols[node])

    def symbol(self, node: Value) -> Symbol:
        symbol = self.symbols[node]
        assert isinstance(symbol, Symbol)
        return symbol

    def walk(self) -> Iterator[list[Value]]:
        """List every path, from value down to wrt."""
        path: list[Value] = []
        # A node, and how many are before it on its path.
        stack = [(self.value, 0)] * (self.value is not self.wrt)
        while stack:
            node, before = stack.pop()
            path[before:] = [node]
            if node is self.wrt:
                yield [*path]
            else:
                stack += [(source, len(path)) for source in reversed(self.edges[node]) if self.ways[source]]

    def given(self) -> Section:
        lines = [Line(self.symbols[node], (), (node.data,), in_full=True) for node in self.fixed]
        return Section('What is given', [*lines])

    def expression(self) -> Section:
        lines = [
            Line(self.symbols[node], (formula(node, self.symbols),), (node.data,)) for node in self.moving
        ]
        return Section('The expression, step by step', [*lines])

    def local(self, node: Value, source: Value) -> Derivative:
        """Return the derivative of a node by one of its inputs."""
        return Derivative(self.symbol(source), self.symbol(node), (self.edges[node][source],))

    def partials(self) -> Section:
        section = Section('Each step by what goes into it')
        self.formulas: dict[tuple[Value, Value], Term] = {}
        for node in self.moving:
            formulas = partial_formulas(node, self.symbols) if self.edges[node] else {}
            for source, number in self.edges[node].items():
                written = self.formulas[node, source] = formulas[source]
                sides = () if isinstance(written, Number) else (written,)
                section.body.append(Line(self.local(node, source), sides, (number,)))
        return section

    def paths(self) -> Section:
        section = Section('The chain rule along each path')
        total = Derivative(self.symbol(self.wrt), self.symbol(self.value), (self.derivative,), total=True)
        ways: list[Term] = []
        for number, path in enumerate(self.walk(), 1):
            edges = [*itertools.pairwise(path)]
            steps = multiply(*(self.local(*edge) for edge in edges))
            product = steps.at(0)
            ways.append(Symbol(Name('P', str(number)), (product,)))
            section.body.append(f'Path {number}, {" ← ".join(map(self.name, path))}:')
            if len(edges) > 1:
                numbers = put(steps, 0)
                plain = all(abs(self.edges[a][b]) != 1 for a, b in edges)
                section.body.append(Line(ways[-1], (steps, numbers) if plain else (steps,), (product,)))
            formula = numbers_first(multiply(*(self.formulas[edge] for edge in edges)))
            section.body.append(Line(ways[-1], () if isinstance(formula, Number) else (formula,), (product,)))
        if not ways:
            section.body.append(
                'No signal travels along any path:' if self.value is not self.wrt else 'By itself:'
            )
        whole = add(*ways)
        sides = (whole, put(whole, 0)) if len(ways) > 1 else (whole,) if ways else ()
        section.body += ['All paths together:'] * bool(ways) + [Line(total, sides, (self.derivative,))]
        return section


def _label(label: str, taken: set[str]) -> Name | None:
    """Read a label as a name, if it is one and not taken yet."""
    match = LABEL.fullmatch(label)
    if match is None or match[1] in taken or match[1] == 'd':
        return None
    name = Name(match[1], match[2] or match[3] or '')
    if (written := text(Symbol(name, ()))) in taken:
        return None
    taken.add(written)
    return name
