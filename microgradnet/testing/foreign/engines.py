"""The kit turned on any engine that has a micrograd-like ``Value``.

A program is checked as the very text that is then shown: it is run with the engine's
``Value``, and what it prints is compared with forward mode in plain floats.

What ``check_engine`` returns: a list of findings, the worst first, that reads as a report.

What ``check_engine`` says of what it finds: a sentence each.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Any, Literal, TypeAlias

from ...engine.checks import instance
from ..program import Form
from .edges import EDGES, LEGAL, Edge
from .straight import FORMS, OPS, Program, forward, programs, single, singles, smallest, some_programs
from .walks import WALKS

__all__ = ['SEVERITIES', 'Finding', 'Report', 'Severity', 'check_engine', 'in_a_line']


#: How much of the sum of absolute terms a gradient may be off: far above rounding, far below a mistake.
TOLERANCE = 1e-7


def check_engine(value: type[Any]) -> Report:
    """Report what an engine gets wrong, each with the smallest program that shows it.

    ``value`` is its node: made from a number, with ``data``, ``grad``, ``backward()``
    and operators; of the functions, those that it has as methods are tried. An engine
    that crashes is reported; the same engine gets the same report every time. The
    report is a list of findings, empty if all is well; ``str`` of it is to be read.

    The worst come first, by their ``severity``: ``'wrong'`` is a wrong number at ordinary
    points, ``'edge'`` a wrong limit where a domain ends, ``'convention'`` a number that is
    not this project's and legal, such as 0.5 or 1 for relu's slope at 0, ``'missing'``
    what is not there.

    >>> from microgradnet.engine.value import Value
    >>> check_engine(Value)
    []
    """
    instance('an engine to be checked', value, type, 'a class, the Value of an engine')
    engine = _Engine(value)
    findings = [*engine.basics()]
    if not findings:
        for check in (engine.equality, engine.forms, engine.graphs, engine.calls, engine.depth, engine.edges):
            findings += check()
    return Report(f'{value.__module__}.{value.__qualname__}', findings)


class _Engine:
    """An engine while it is being checked. Its checks yield findings."""

    def __init__(self, value: type[Any]) -> None:
        self.value = value
        self.opening = ''
        if '<locals>' not in value.__qualname__:
            name, _, inner = value.__qualname__.partition('.')
            renamed = f'\nValue = {value.__qualname__}' if inner or name != 'Value' else ''
            self.opening = f'from {value.__module__} import {name}{renamed}\n'
        self.known: list[Form] = []

    def run(self, source: str) -> list[Any] | Exception:
        """Run a program with the engine's Value; return what it prints, or what it raises."""
        shown: list[Any] = []
        try:
            exec(source, {'Value': self.value, 'print': lambda *numbers: shown.extend(numbers)})
        except Exception as error:
            return error
        return shown

    def judge(
        self, kind: str, title: str, source: str, wanted: Sequence[float], why: str, off: Sequence[float] | None = None,
        severity: Severity = 'wrong',
    ) -> Iterator[Finding]:
        """Run a program that prints numbers; yield a finding if they are not those wanted."""
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
        program = f'{self.opening}{source}  # wanted {wanted}, came {came}'
        return Finding(kind, title, wanted, came, program, why, severity)

    def basics(self) -> Iterator[Finding]:
        """Look whether it is an engine at all."""
        source = 'x = Value(2.0)\nx.backward()\nprint(x.data, x.grad)'
        yield from self.judge('basics', 'a leaf', source, [2.0, 1.0], BASICS)

    def equality(self) -> Iterator[Finding]:
        """Two nodes are two, whatever ``==`` says; comparisons, where there are any, compare data."""
        yield from self.judge('equality', 'two nodes', 'print(len({Value(1.0), Value(1.0)}))', [2], EQUAL)
        for sign, wanted in {'<': (1, 0, 0), '<=': (1, 1, 0), '>': (0, 0, 1), '>=': (0, 1, 1)}.items():
            pairs = ', '.join(f'Value({a}.0) {sign} Value({b}.0)' for a, b in [(1, 2), (1, 1), (2, 1)])
            if not isinstance(self.run(f'print({pairs})'), TypeError):
                yield from self.judge('comparison', f'x {sign} w', f'print({pairs})', wanted, COMPARED)

    def forms(self) -> Iterator[Finding]:
        """Check every operation alone, at ordinary points; keep those that hold in ``known``."""
        for form in FORMS:
            name, _ = form
            method = '__abs__' if name == 'abs' else name if '.' in OPS[name].source else '__init__'
            if not callable(getattr(self.value, method, None)):
                continue
            program = single(form, (2.0, 3.0))
            title, plain = program.nodes['y'], f'{program}\nprint(y.data)'
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

    def differs(self, program: Program, title: str = '', why: str = '') -> Iterator[Finding]:
        """Yield a finding if the result or, if not, a gradient of a program is wrong."""
        tape = program.tape()
        assert tape is not None
        y = tape.data[-1]
        if found := [*self.gradient(program, 'gradient', title, why or 'The derivative is wrong.', y=y)]:
            off = TOLERANCE * max(1.0, abs(y))
            wrong = [*self.judge('value', title, f'{program}\nprint(y.data)', [y], 'The result is wrong.', [off])]
            yield from wrong or self.gradient(program, found[0].kind, title, found[0].why)

    def gradient(
        self, program: Program, kind: str, title: str = '', why: str = '', calls: str = 'y', first: str = '',
        y: float | None = None,
    ) -> Iterator[Finding]:
        """Yield a finding if the leaves do not hold the sum of the gradients of the roots called, or y.data not y."""
        tape, leaves = program.tape(), program.names[: len(program.leaves)]
        assert tape is not None
        rows = [[forward(tape, leaf, program.names.index(root)) for root in calls] for leaf in range(len(leaves))]
        wanted = [sum(d for d, _ in row) + 0.0 for row in rows]
        off = [TOLERANCE * sum(bound for _, bound in row) + 1e-12 for row in rows]
        lines = [str(program), *first.splitlines(), *(f'{root}.backward()' for root in calls)]
        shown = [f'{name}.grad' for name in leaves]
        if y is not None:
            shown, wanted, off = [*shown, 'y.data'], [*wanted, y], [*off, TOLERANCE * max(1.0, abs(y))]
        yield from self.judge(kind, title, '\n'.join([*lines, f'print({", ".join(shown)})']), wanted, why, off)

    def walkable(self) -> list[Form]:
        """Return the operations that every engine records as one node; they read best, too."""
        return [form for form in self.known if form in (('add', 'vv'), ('mul', 'vv'))]

    def graphs(self) -> Iterator[Finding]:
        """Check graphs of operations that are right alone; first sums and products, where a wrong walk is known."""
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
            tape, leaves = program.tape(), program.names[: len(program.leaves)]
            came = self.run(f'{program}\ny.backward()\nprint({", ".join(f"{name}.grad" for name in leaves)})')
            if tape and isinstance(came, list):
                for name, walk in WALKS.items():
                    scores[name] += all(map(_close, came, walk(tape).signals, [1e-9] * len(came)))
        best = max(scores, key=scores.__getitem__)
        return MISTAKES.get(best, OTHERWISE)

    def calls(self) -> Iterator[Finding]:
        """Check calls after calls, on programs of which one call alone is right."""
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
        source = f'x = y = Value(1.0)\nfor _ in range({length}):\n    y = y + x\ny.backward()\nprint(x.grad)'
        yield from self.judge('deep chain', 'a deep chain', source, [length + 1.0], DEEP)

    def edges(self) -> Iterator[Finding]:
        """Check the points at which rules that hold elsewhere go wrong."""
        for edge in EDGES:
            if edge.form not in self.known:
                continue
            source = edge.source()
            severity: Severity = 'wrong' if edge.inside else 'edge'
            if edge.wanted is not None:
                legal = edge.legal is not None and self.is_legal(edge)
                why = LEGAL.format(*edge.legal) if edge.legal and legal else edge.why
                yield from self.judge(
                    'edge', edge.title, source, edge.wanted, why, severity='convention' if legal else severity
                )
            elif isinstance(came := self.run(source), list) and isinstance(came[0], complex):
                yield self.finding('edge', edge.title, source, 'a ValueError', in_a_line(came), edge.why, severity)

    def is_legal(self, edge: Edge) -> bool:
        """Tell whether the value is right at a kink, and the slope one that the calculus allows."""
        came = self.run(edge.source())
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


Severity: TypeAlias = Literal['wrong', 'edge', 'convention', 'missing']
#: What each severity means, the worst first.
SEVERITIES: dict[Severity, str] = {
    'wrong': 'A wrong number, or none, at ordinary points: whoever uses the engine meets it.',
    'edge': 'A wrong limit where a domain, or the range of floats, ends; elsewhere the rule holds.',
    'convention': 'Not as this project has it, and legal: another choice where the calculus leaves one.',
    'missing': 'Not there.',
}


@dataclass(frozen=True)
class Finding:
    """One thing that an engine gets wrong, does in its own way, or has not.

    ``severity`` is 'wrong', 'edge', 'convention' or 'missing', as ``SEVERITIES`` explains;
    ``kind`` says which check found it.
    ``source`` is a whole program to paste: what it prints or raises is ``came``, and it
    should print ``wanted``. ``why`` is one sentence.

    >>> print(Finding('edge', 'x ** 0 at 0', '0.0', 'nan', 'x = Value(0.0)', 'It is flat.', 'edge'))
    x ** 0 at 0: wanted 0.0, came nan
    It is flat.
        x = Value(0.0)
    """

    kind: str
    title: str
    wanted: str
    came: str
    source: str
    why: str
    severity: Severity = 'wrong'

    def __str__(self) -> str:
        return f'{self.title}: wanted {self.wanted}, came {self.came}\n{self.why}\n{indent(self.source, "    ")}'


class Report(list[Finding]):
    """The findings about one engine, the worst first.

    >>> print(Report('some.Value'))
    some.Value: nothing found
    """

    def __init__(self, engine: str, findings: Sequence[Finding] = ()) -> None:
        order = [*SEVERITIES]
        super().__init__(sorted(findings, key=lambda finding: order.index(finding.severity)))
        self.engine = engine

    def of(self, severity: Severity) -> list[Finding]:
        """List the findings of one severity."""
        return [finding for finding in self if finding.severity == severity]

    def __str__(self) -> str:
        counts = [f'{len(self.of(severity))} {severity}' for severity in SEVERITIES if self.of(severity)]
        texts, number = [], 0
        for severity, meaning in SEVERITIES.items():
            for place, finding in enumerate(self.of(severity)):
                number += 1
                texts += [f'{severity.upper()}. {meaning}'] * (place == 0) + [f'{number}. {finding}']
        return '\n\n'.join([f'{self.engine}: {", ".join(counts) or "nothing found"}', *texts])


def in_a_line(came: list[Any] | Exception) -> str:
    """Write what a program has printed or raised, cut where it is long.

    >>> in_a_line([1.0, 2.0]), in_a_line(ValueError('no'))
    ('1.0, 2.0', 'ValueError: no')
    """
    if isinstance(came, Exception):
        text = f'{type(came).__name__}: {came}'.splitlines()[0]
    else:
        try:
            text = ' '.join(', '.join(map(repr, came)).split())
        except Exception as error:
            text = f'what cannot be printed ({type(error).__name__})'
    return text if len(text) <= 90 else f'{text[:89]}…'


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
