"""``derive`` for any scalar expression: the chain rule along each path through its graph."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence

from ..engine.numbers import Number as Real
from ..engine.table import operations
from ..engine.value import Constant, Value, signals
from ..engine.walks import depends_on, topological_order
from ..formulas.of_graph import formula, partial_formulas
from ..formulas.terms import Derivative, Name, Number, Symbol, Term, add, multiply, numbers_first, put, with_numbers
from ..formulas.text import text
from .lines import Line, Section
from .refusals import too_many, with_steps
from .sheet import Derivation

__all__ = ['derive_value']

LABEL = re.compile(r'([A-Za-z]+|[α-ωδ])(?:_(?:\{([A-Za-z0-9]{1,4}(?:,[A-Za-z0-9]{1,4})*)\}|([A-Za-z0-9])))?')
#: What does not move is written out where it goes in, if that takes no more signs than these.
SHORT = 30
#: Words that mean something else in a line; P_1, P_2 ... are the paths.
TAKEN = {'d', 'P', 'M', 'E', *operations}


def derive_value(
    value: Value, wrt: Value, *, limit: int, digits: int, steps: str | Sequence[str] | None
) -> Derivation:
    """Write the derivative of one node by another out; ``derive`` says what it takes."""
    if not isinstance(wrt, Value):
        raise TypeError(f'derive(value, wrt) takes the node to derive by, not {wrt!r}')
    graph = _Paths(value, wrt)
    if graph.count > limit:
        raise too_many(graph.count, limit, graph.name(wrt), graph.name(value), 'derive by a node further up')
    title = f'The derivative of {graph.name(value)} by {graph.name(wrt)}'
    sections = {'given': graph.given(), 'expression': graph.expression(), 'partials': graph.partials()}
    return with_steps(title, {**sections, 'paths': graph.paths()}, steps, digits)


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
        needed = self._beside(active)
        #: What is computed on the way, or beside it and goes into it; all that has a number of its own is given.
        self.steps = [node for node in order if node is not wrt and node.inputs and (node in active or node in needed)]
        self.fixed = [node for node in order if node is wrt or (node in needed and not node.inputs)]
        self.symbols: dict[Value, Term] = {}
        self._name(active)
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

    def _beside(self, active: Collection[Value]) -> set[Value]:
        """Find what does not move with wrt, and what it is made of, down to the leaves; constants are numbers."""
        needed: set[Value] = set()
        todo = [*self.moving]
        while todo:
            for source in _operands(todo.pop()):
                if source not in active and source not in needed and not isinstance(source, Constant):
                    needed.add(source)
                    todo.append(source)
        return needed

    def _name(self, active: Collection[Value]) -> None:
        taken = set(TAKEN)
        letters = {'x': 0, 'v': 0}
        chosen = {node: _label(node.label, taken) for node in [*self.fixed, *self.steps]}
        steps: list[Value] = []
        for node in [*self.fixed, *self.steps]:
            name = chosen[node]
            if name is None and node is self.value and 'y' not in taken:
                name = Name('y')
            if name is None and node.inputs and node not in active:  # beside the way: written out where it is used
                written = self.written(node)
                if len(text(written)) <= SHORT:
                    self.symbols[node] = written
                    continue
            while name is None:
                letter = 'v' if node in active or node.inputs else 'x'
                letter = 'x' if node is self.wrt else letter
                letters[letter] += 1
                proposed = f'{letter}_{letters[letter]}'
                name = None if proposed in taken else Name(letter, str(letters[letter]))
            self.symbols[node] = Symbol(name, (node.data,))
            if node.inputs and node is not self.wrt:
                steps.append(node)
        self.steps = steps

    def written(self, node: Value) -> Term:
        """Write what a node computes; a choice beside the way as the side that was taken."""
        if node in self.symbols or not _chooses(node):
            return formula(node, self.symbols)
        (taken,) = _operands(node)
        return self.symbols[taken] if taken in self.symbols else Number(taken.data, in_full=True)

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
            Line(self.symbols[node], with_numbers(formula(node, self.symbols), 0), (node.data,)) for node in self.steps
        ]
        return Section('The expression, step by step', [*lines], new_sheet=True)

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
                sides = () if isinstance(written, Number) else with_numbers(written, 0)
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
                section.body.append(Line(ways[-1], with_numbers(steps, 0), (product,)))
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


def _chooses(node: Value) -> bool:
    return node.op is not None and node.op.name == 'where'


def _operands(node: Value) -> Sequence[Value]:
    """Return what a number was made of: of a choice, the side that was taken."""
    return [node.inputs[1 if node.inputs[0].data else 2]] if _chooses(node) else node.inputs


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
