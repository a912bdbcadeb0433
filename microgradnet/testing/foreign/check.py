"""The kit turned on any engine: of nodes, as micrograd's, or of ``grad(f)``.

A program is checked as the very text that is then shown: the engine's adapter writes it, it is
run, and what it prints is compared with forward mode in plain floats.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ..engines import Engine, Nodes, adapted, by_method
from ..program import Form
from ..report import Finding, Report, Severity, in_a_line
from .edges import EDGES, LEGAL, Edge
from .straight import FORMS, Program, forward, programs, single, singles, smallest, some_programs
from .walks import WALKS

__all__ = ['check_engine']


#: How much of the sum of absolute terms a gradient may be off: far above rounding, far below a mistake.
TOLERANCE = 1e-7


def check_engine(engine: Engine | type[Any]) -> Report:
    """Report what an engine gets wrong, each with the smallest program that shows it.

    ``engine`` is one of ``microgradnet.testing.engines``, an adapter of one's own as that module
    has them, or the class of an engine's nodes: made from a number, with ``data``, ``grad``,
    ``backward()`` and operators. Of the functions, those that are there are tried; what only nodes
    can do (a second ``backward``, two roots, ``==``) of nodes alone. An engine that crashes is
    reported; the same engine gets the same report every time. The report is a list of findings,
    empty if all is well; ``str`` of it is to be read, ``page()`` is HTML, and ``json()`` is for machines.

    The worst come first, by their ``severity``: ``'wrong'`` is a wrong number at ordinary
    points, ``'edge'`` a wrong limit where a domain ends, ``'convention'`` a number that is
    not this project's and legal, such as 0.5 or 1 for relu's slope at 0, ``'missing'``
    what is not there.

    >>> from microgradnet.engine.value import Value
    >>> check_engine(Value)
    []
    """
    check = _Check(adapted(engine))
    findings = [*check.basics()]
    if not findings:
        for part in (check.equality, check.forms, check.graphs, check.calls, check.depth, check.edges):
            findings += part()
    return Report(check.engine.name, findings, [*dict.fromkeys(check.tried)])


class _Check:
    """An engine while it is being checked. Its checks yield findings."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.nodes = engine if isinstance(engine, Nodes) else None
        self.names = engine.namespace()
        self.known: list[Form] = []
        self.tried: list[str] = []

    def run(self, source: str) -> list[Any] | Exception:
        """Run a program; return what it prints, or what it raises. What it warns of is not heard."""
        shown: list[Any] = []
        with warnings.catch_warnings(action='ignore'):
            try:
                exec(source, {**self.names, 'print': lambda *numbers: shown.extend(numbers)})
            except Exception as error:
                return error
        return shown

    def judge(
        self, kind: str, title: str, source: str, wanted: Sequence[float], why: str, off: Sequence[float] | None = None,
        severity: Severity = 'wrong',
    ) -> Iterator[Finding]:
        """Run a program that prints numbers; yield a finding if they are not those wanted."""
        if title:
            self.tried.append(title)
        came = self.run(source)
        within = [1e-9 * abs(number) for number in wanted] if off is None else off
        if isinstance(came, Exception) or not all(map(_close, came, wanted, within)):
            if isinstance(came, Exception) and kind in ('value', 'gradient'):
                kind, why = 'crash', CRASH
            yield self.finding(kind, title, source, ', '.join(map(repr, wanted)), in_a_line(came), why, severity)

    def finding(
        self, kind: str, title: str, source: str, wanted: str, came: str, why: str, severity: Severity = 'wrong'
    ) -> Finding:
        """Make a finding of a program that has run."""
        opening = self.engine.opening.rstrip('\n')
        program = f'{opening}\n' * bool(opening) + f'{source}  # wanted {wanted}, came {came}'
        return Finding(kind, title, wanted, came, program, why, severity)

    def basics(self) -> Iterator[Finding]:
        """Look whether it is an engine at all."""
        yield from self.judge('basics', 'a leaf', self.engine.program({'x': 2.0}, ['y = x']), [2.0, 1.0], BASICS)

    def equality(self) -> Iterator[Finding]:
        """Two nodes are two, whatever ``==`` says; comparisons, where there are any, compare data."""
        if not self.nodes:
            return
        yield from self.judge('equality', 'two nodes', 'print(len({Value(1.0), Value(1.0)}))', [2], EQUAL)
        for sign, wanted in {'<': (1, 0, 0), '<=': (1, 1, 0), '>': (0, 0, 1), '>=': (0, 1, 1)}.items():
            pairs = ', '.join(f'Value({a}.0) {sign} Value({b}.0)' for a, b in [(1, 2), (1, 1), (2, 1)])
            if not isinstance(self.run(f'print({pairs})'), TypeError):
                yield from self.judge('comparison', f'x {sign} w', f'print({pairs})', wanted, COMPARED)

    def forms(self) -> Iterator[Finding]:
        """Check every operation alone, at ordinary points; keep those that hold in ``known``."""
        for form in FORMS:
            if not self.engine.spelled(form[0]):
                continue
            program = single(form, (2.0, 3.0))
            title, plain = program.made()['y'], self.source(program, gradients=False)
            self.tried.append(title)
            raised = self.run(plain)
            if isinstance(raised, Exception):
                yield self.finding('missing', title, plain, 'a Value', in_a_line(raised), MISSING, 'missing')
                continue
            # So few points that all can be tried: the plainest that shows something is the first.
            wrong = (self.differs(program, title) for program in singles(form) if program.tape())
            found = next((finding for findings in wrong for finding in findings), None)
            if found:
                yield found
            else:
                self.known.append(form)

    def source(self, program: Program, value: bool = True, gradients: bool = True) -> str:
        """Write a program as the engine has it."""
        return self.engine.program(program.point, program.lines(self.engine.spelled), value, gradients)

    def differs(self, program: Program, title: str = '', why: str = '') -> Iterator[Finding]:
        """Yield a finding if the result or, if not, a gradient of a program is wrong."""
        tape = program.tape()
        assert tape is not None
        y = tape.data[-1]
        if found := [*self.gradient(program, 'gradient', title, why or 'The derivative is wrong.', y=y)]:
            off = TOLERANCE * max(1.0, abs(y))
            source = self.source(program, gradients=False)
            wrong = [*self.judge('value', title, source, [y], 'The result is wrong.', [off])]
            yield from wrong or self.gradient(program, found[0].kind, title, found[0].why)

    def gradient(
        self, program: Program, kind: str, title: str = '', why: str = '', calls: str = 'y', first: str = '',
        y: float | None = None,
    ) -> Iterator[Finding]:
        """Yield a finding if the leaves do not hold the sum of the gradients of the roots called, or y.data not y."""
        tape = program.tape()
        assert tape is not None
        rows = [[forward(tape, leaf, program.names.index(root)) for root in calls] for leaf in range(tape.leaves)]
        wanted = [sum(d for d, _ in row) + 0.0 for row in rows]
        off = [TOLERANCE * sum(bound for _, bound in row) + 1e-12 for row in rows]
        if y is not None:
            wanted, off = [y, *wanted], [TOLERANCE * max(1.0, abs(y)), *off]
        if self.nodes:
            ending = [*first.splitlines(), *(f'{root}.backward()' for root in calls)]
            source = self.nodes.program(program.point, program.lines(by_method), y is not None, ending=ending)
        else:
            source = self.source(program, y is not None)
        yield from self.judge(kind, title, source, wanted, why, off)

    def walkable(self) -> list[Form]:
        """Return the operations that every engine records as one node; they read best, too."""
        return [form for form in self.known if form in (('add', 'vv'), ('mul', 'vv'))]

    def graphs(self) -> Iterator[Finding]:
        """Check graphs of operations that are right alone; first sums and products, where a wrong walk is known."""
        self.tried.append('a graph')
        for forms in (self.walkable(), self.known):
            found = _smallest(forms, self.differs)
            if found:
                why = OTHERWISE if forms is self.known else self.mistake(forms)
                yield from self.differs(found, 'a graph', why)
                return

    def mistake(self, forms: Sequence[Form]) -> str:
        """Say which wrong walk gives the very numbers that came, in the most of some random programs."""
        scores = dict.fromkeys(WALKS, 0)
        for program in some_programs(tuple(forms), 200, steps=9):
            tape, came = program.tape(), self.run(self.source(program, value=False))
            if tape and isinstance(came, list):
                for name, walk in WALKS.items():
                    scores[name] += all(map(_close, came, walk(tape).signals, [1e-9] * len(came)))
        best = max(scores, key=scores.__getitem__)
        return MISTAKES.get(best, OTHERWISE)

    def calls(self) -> Iterator[Finding]:
        """Check calls after calls, on programs of which one call alone is right."""
        if not self.nodes:
            return
        source = 'x = Value(2.0)\nx.backward()\nx.backward()\nprint(x.grad)'
        leaf = [*self.judge('leaf', 'backward on a leaf, twice', source, [2.0], LEAF)]

        def alone(program: Program, roots: str = 'y') -> bool:
            return not any([*self.gradient(program, '', calls=root)] for root in roots)

        def twice(program: Program) -> Iterator[Finding]:
            found = [*self.gradient(program, 'second backward', 'backward twice', AGAIN, 'yy')]
            if found and alone(program):
                once = [*self.gradient(program, '', calls='y', first='y.backward()')]
                yield found[0] if once else replace(found[0], why=REPLACED, severity='convention')

        def both(program: Program) -> Iterator[Finding]:
            shared = program.shares() and len(program.leaves) == 1
            found = shared and [*self.gradient(program, 'two roots', 'two roots, one inner node', SHARED, 'yz')]
            replaced = found and not [*self.gradient(program, '', calls='z', first='y.backward()')]
            yield from found if found and not replaced and alone(program, 'yz') else ()

        def late(program: Program) -> Iterator[Finding]:
            tape, change = program.tape(), 'x.data = 5.0'
            if tape is None or 5.0 in tape.data:  # whoever takes nodes of equal data for one errs in another way
                return
            found = [*self.gradient(program, 'late data', 'data changed before backward', LATE, first=change)]
            raised = found and isinstance(self.run(f'{program}\n{change}\ny.backward()'), Exception)
            yield from found if not raised and alone(program) else ()

        others: list[Finding] = []
        self.tried += ['backward twice', 'two roots, one inner node', 'data changed before backward']
        for roots, check in [(1, twice), (2, both), (1, late)]:
            program = _smallest(self.walkable(), check, roots) or _smallest(self.known, check, roots)
            others += check(program) if program else []
        if any(finding.severity == 'convention' for finding in others):  # so it is with a leaf, too
            leaf = [replace(finding, why=REPLACED, severity='convention') for finding in leaf]
        yield from [*leaf, *others]

    def depth(self) -> Iterator[Finding]:
        """Check chains of up to twice Python's recursion limit, each twice as long, on a stack of their own."""
        if ('add', 'vv') not in self.known or [*self.chain(8)]:
            return
        length = 125
        while length < 2 * sys.getrecursionlimit():
            length *= 2
            with ThreadPoolExecutor(1) as thread:
                found = thread.submit(list, self.chain(length)).result()
            if found:
                yield from found
                return

    def chain(self, length: int) -> Iterator[Finding]:
        """Check one chain."""
        steps = ['y = x', f'for _ in range({length}):', '    y = y + x']
        source = self.engine.program({'x': 1.0}, steps, value=False)
        yield from self.judge('deep chain', 'a deep chain', source, [length + 1.0], DEEP)

    def edges(self) -> Iterator[Finding]:
        """Check the points at which rules that hold elsewhere go wrong."""
        for edge in EDGES:
            if edge.form not in self.known:
                continue
            source = self.at(edge)
            severity: Severity = 'wrong' if edge.inside else 'edge'
            if edge.wanted is not None:
                legal = edge.legal is not None and self.is_legal(edge)
                why = LEGAL.format(*edge.legal) if edge.legal and legal else edge.why
                yield from self.judge(
                    'edge', edge.title, source, edge.wanted, why, severity='convention' if legal else severity
                )
                continue
            self.tried.append(edge.title)
            if isinstance(came := self.run(source), list) and isinstance(came[0], complex):
                yield self.finding('edge', edge.title, source, 'a ValueError', in_a_line(came), edge.why, severity)

    def at(self, edge: Edge) -> str:
        """Write the program of an edge."""
        steps = [f'y = {edge.written(self.engine.spelled)}']
        return self.engine.program(edge.leaves, steps, gradients=edge.wanted is not None)

    def is_legal(self, edge: Edge) -> bool:
        """Tell whether the value is right at a kink, and the slope one that the calculus allows."""
        came = self.run(self.at(edge))
        if isinstance(came, Exception) or edge.wanted is None or edge.legal is None:
            return False
        (least, largest), off = edge.legal, 1e-9
        middle, reach = (least + largest) / 2, (largest - least) / 2 + off
        return _close(came[0], edge.wanted[0], off) and all(_close(slope, middle, reach) for slope in came[1:])


def _smallest(forms: Sequence[Form], check: Callable[[Program], Iterator[Finding]], roots: int = 1) -> Program | None:
    """Return the smallest program of which a check finds something; None if it finds nothing in many."""
    showing = (p for p in some_programs(tuple(forms), 150 if forms else 0, roots=roots) if any(check(p)))
    first = next(showing, None)
    return first and (smallest(programs(forms, roots=roots), lambda p: any(check(p)), 1000) or first)


def _close(came: Any, wanted: float, off: float) -> bool:
    try:
        number = float(came)
    except Exception:  # an engine's own number may raise anything
        return False
    if not math.isfinite(wanted):  # nothing is near it
        return number == wanted or (math.isnan(number) and math.isnan(wanted))
    return abs(number - wanted) <= off


#: What it looks like from outside, by the name of the walk.
MISTAKES = {
    'recursion': 'As if a node sent on, each time a signal comes to it, all that has come so far, the old part again.',
    'breadth first': 'As if nodes were visited level by level: one sends its signal on before all of it has arrived.',
    'depth first': 'As if nodes were visited when first met: one sends its signal on before all of it has arrived.',
    'overwrite': "As if a signal replaced (=) what a node's other consumers sent, and were not added (+=).",
    'inputs in a set': 'As if the inputs were kept in a set: of the two edges from one node, one is lost.',
    'visited by value': 'As if two nodes of equal data were one: the second is never visited.',
}
OTHERWISE = 'Each operation is right alone, so it is the walk over the graph that goes wrong.'
AGAIN = 'Inner nodes keep the signal of the first call and send it on once more in the second.'
REPLACED = "The second call's gradients replace the first's, here always; this project adds, as most do."
SHARED = 'The inner node that both share keeps the signal of the first and sends it on once more in the second.'
LEAF = 'A leaf may be a root: what its gradient held is lost.'
LATE = 'Local derivatives are read when backward runs, from data at which y was never computed.'
DEEP = 'The walk recurses, once a node: a long sum is too deep for it.'
EQUAL = 'Nodes of equal data are one in a set or a dict: a walk, or a set of parameters, loses all but one.'
COMPARED = 'Nodes compare by something other than their data.'
BASICS = 'Nothing else can be checked without this.'
CRASH = 'It raises where the calculus has an answer.'
MISSING = 'Not wrong, only not there; the other checks do without it.'
