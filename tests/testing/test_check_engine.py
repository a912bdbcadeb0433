"""``check_engine`` finds what is wrong in micrograd, nothing in ours, and each mistake made on purpose here."""

from __future__ import annotations

import importlib.util
import io
import math
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st

from demos import check_micrograd
from microgradnet.engine.value import Value
from microgradnet.testing.foreign.check import check_engine
from microgradnet.testing.foreign.straight import FORMS, OPS, Program, forward, programs, single, smallest
from microgradnet.testing.report import Finding, Report, Severity
from tests.support.examples import every, for_each

needs_micrograd = pytest.mark.skipif(
    importlib.util.find_spec('micrograd') is None, reason='micrograd is not installed'
)


class Sound:
    """An engine of another make, without a fault: each step kept with its local derivatives."""

    def __init__(self, data: float, inputs: Iterable[tuple[Any, float]] = ()) -> None:
        self.data, self.grad, self.inputs = data, 0.0, [*inputs]

    def make(self, data: float, *inputs: tuple[Any, float]) -> Any:
        return type(self)(data, inputs)

    def lift(self, other: Any) -> Any:
        return other if isinstance(other, Sound) else type(self)(other)

    def __add__(self, other: Any) -> Any:
        other = self.lift(other)
        return self.make(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Any) -> Any:
        other = self.lift(other)
        return self.make(self.data * other.data, (self, other.data), (other, self.data))

    def __truediv__(self, other: Any) -> Any:
        other = self.lift(other)
        y = self.data / other.data
        return self.make(y, (self, 1 / other.data), (other, -y / other.data))

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, Sound):
            return NotImplemented
        if self.data < 0 and other % 1:
            raise ValueError('no real root')
        if self.data == 0 and 0 < other < 1:
            return self.make(0.0, (self, math.inf))
        return self.make(self.data**other, (self, other * self.data ** (other - 1) if other else 0.0))

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -self.lift(other)

    def __rsub__(self, other: Any) -> Any:
        return self.lift(other) - self

    def __rtruediv__(self, other: Any) -> Any:
        return self.lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def tanh(self) -> Any:
        return self.make(math.tanh(self.data), (self, 1 / math.cosh(self.data) ** 2 if abs(self.data) < 300 else 0.0))

    def order(self) -> list[Any]:
        """Consumers first, without recursion."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((source, False) for source, _ in node.inputs)
        return order[::-1]

    def backward(self) -> None:
        order = self.order()
        signals = {id(node): 0.0 for node in order} | {id(self): 1.0}
        for node in order:
            self.send(node, signals)
        for node in order:
            node.grad += signals[id(node)]

    def send(self, node: Any, signals: dict[int, float]) -> None:
        for source, partial in node.inputs:
            signals[id(source)] += partial * signals[id(node)]


class Overwrites(Sound):
    def send(self, node: Any, signals: dict[int, float]) -> None:
        for source, partial in node.inputs:
            signals[id(source)] = partial * signals[id(node)]


class InputsInASet(Sound):
    def send(self, node: Any, signals: dict[int, float]) -> None:
        for source, partial in {id(source): (source, partial) for source, partial in node.inputs}.values():
            signals[id(source)] += partial * signals[id(node)]


class BreadthFirst(Sound):
    def order(self) -> list[Any]:
        order = [self]
        for node in order:
            for source, _ in node.inputs:
                if all(source is not known for known in order):
                    order.append(source)
        return order


class DepthFirst(Sound):
    def order(self) -> list[Any]:
        order: list[Any] = []

        def meet(node: Any) -> None:
            if all(node is not known for known in order):
                order.append(node)
                for source, _ in node.inputs:
                    meet(source)

        meet(self)
        return order


class Recursive(Sound):
    def backward(self) -> None:
        signals: dict[int, float] = {}
        nodes = self.order()
        signals |= {id(node): 0.0 for node in nodes} | {id(self): 1.0}

        def visit(node: Any) -> None:
            for source, partial in node.inputs:
                signals[id(source)] += partial * signals[id(node)]
                visit(source)

        visit(self)
        for node in nodes:
            node.grad += signals[id(node)]


class VisitedByValue(Sound):
    def order(self) -> list[Any]:
        order, seen = [], set()

        def visit(node: Any) -> None:
            if node.data not in seen:
                seen.add(node.data)
                for source, _ in node.inputs:
                    visit(source)
                order.append(node)

        visit(self)
        return order[::-1]

    def backward(self) -> None:
        nodes = Sound.order(self)
        signals = {id(node): 0.0 for node in nodes} | {id(self): 1.0}
        for node in self.order():
            self.send(node, signals)
        for node in nodes:
            node.grad += signals[id(node)]


class EqualByValue(Sound):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sound) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)


class Unhashable(Sound):
    def __eq__(self, other: object) -> bool:
        return self is other


class NotReflected(Sound):
    __rsub__ = None  # type: ignore[assignment]


class WronglyReflected(Sound):
    def __rsub__(self, other: Any) -> Any:
        return self - other


class WrongTanh(Sound):
    def tanh(self) -> Any:
        y = math.tanh(self.data)
        return self.make(y, (self, 1 - y))


class NaiveTanh(Sound):
    def tanh(self) -> Any:
        e = math.exp(2 * self.data)
        y = (e - 1) / (e + 1)
        return self.make(y, (self, 1 - y * y))


class KeepsInner(Sound):
    def backward(self) -> None:
        self.grad += 1.0
        for node in self.order():
            for source, partial in node.inputs:
                source.grad += partial * node.grad


class Replaces(Sound):
    def backward(self) -> None:
        for node in self.order():
            node.grad = 0.0
        super().backward()


class Late(Sound):
    def __mul__(self, other: Any) -> Any:
        other = self.lift(other)
        y = super().__mul__(other)
        y.late = other
        return y

    def backward(self) -> None:
        for node in self.order():
            if hasattr(node, 'late'):
                a, b = (source for source, _ in node.inputs)
                node.inputs = [(a, b.data), (b, a.data)]
        super().backward()


class Shallow(Sound):
    def backward(self) -> None:
        def depth(node: Any) -> int:
            return 1 + max((depth(source) for source, _ in node.inputs[:1]), default=0)

        assert depth(self)
        super().backward()


class CrashesOnProducts(Sound):
    def backward(self) -> None:
        if len(self.inputs) == 2 and self.inputs[0][1] != 1.0:
            raise LookupError('no rule\nfor products')
        super().backward()


class InPlace(Sound):
    def __add__(self, other: Any) -> Any:
        y = super().__add__(other)
        self.data = y.data
        return y


class ComparesBackwards(Sound):
    def __lt__(self, other: Any) -> bool:
        return bool(self.data > other.data)


class Unprintable(Sound):
    def backward(self) -> None:
        super().backward()
        for node in self.order():
            node.grad = self

    def __float__(self) -> float:
        raise LookupError('not a number')

    def __repr__(self) -> str:
        raise LookupError('not a text')


class SlopeOfOneAtKinks(Sound):
    def relu(self) -> Any:
        return self.make(max(self.data, 0.0) if self.data == self.data else self.data, (self, self.at(0.0, 1.0)))

    def __abs__(self) -> Any:
        return self.make(abs(self.data), (self, self.at(-1.0, 1.0)))

    def at(self, left: float, right: float) -> float:
        return self.data if self.data != self.data else left if self.data < 0 else right


class HalfASlopeAtKinks(SlopeOfOneAtKinks):
    def at(self, left: float, right: float) -> float:
        return (left + right) / 2 + 0.25 if self.data == 0 else super().at(left, right)


class NoSlopeAtKinks(SlopeOfOneAtKinks):
    def at(self, left: float, right: float) -> float:
        return math.nan if self.data == 0 else super().at(left, right)


class TooSteepAtKinks(SlopeOfOneAtKinks):
    def at(self, left: float, right: float) -> float:
        return right + 0.5 if self.data == 0 else super().at(left, right)


class NoLimit(Sound):
    """The slope of the root is inf at 0: that of sqrt is cut off here."""

    def sqrt(self) -> Any:
        return self.make(math.sqrt(self.data), (self, 0.5 / math.sqrt(self.data) if self.data else 1e6))


class WholeNumbersAreCut(Sound):
    def __truediv__(self, other: Any) -> Any:
        y = super().__truediv__(other)
        if isinstance(self.data, int) and self.data > 2:
            y.data //= 1
        return y


class OfEveryKind(HalfASlopeAtKinks, NoLimit, WrongTanh):
    """Wrong in tanh, at the edge of sqrt, and in its own way at kinks."""


class Broken:
    def __init__(self, data: float) -> None:
        raise OSError('no engine today')


#: An engine, the kind and title of the finding, and words of its explanation.
WRONG: list[tuple[type[Any], str, str, str]] = [
    (Overwrites, 'gradient', 'a graph', 'replaced (=)'),
    (InputsInASet, 'gradient', 'a graph', 'in a set'),
    (BreadthFirst, 'gradient', 'a graph', 'level by level'),
    (DepthFirst, 'gradient', 'a graph', 'when first met'),
    (Recursive, 'gradient', 'a graph', 'the old part again'),
    (VisitedByValue, 'gradient', 'a graph', 'of equal data were one'),
    (EqualByValue, 'equality', 'two nodes', 'loses all but one'),
    (Unhashable, 'equality', 'two nodes', 'loses all but one'),
    (NotReflected, 'missing', '2 - x', 'only not there'),
    (WronglyReflected, 'value', '2 - x', 'The result is wrong'),
    (WrongTanh, 'gradient', 'x.tanh()', 'The derivative is wrong'),
    (NaiveTanh, 'edge', 'x.tanh() at 1000.0', 'an intermediate one is not'),
    (NaiveTanh, 'edge', 'x.tanh() at 20.0', 'digits'),
    (KeepsInner, 'second backward', 'backward twice', 'Inner nodes keep'),
    (KeepsInner, 'two roots', 'two roots, one inner node', 'both share'),
    (Replaces, 'second backward', 'backward twice', 'replace'),
    (Late, 'late data', 'data changed before backward', 'when backward runs'),
    (Shallow, 'deep chain', 'a deep chain', 'recurses'),
    (CrashesOnProducts, 'crash', 'x * w', 'It raises'),
    (InPlace, 'value', 'a graph', 'result is wrong'),
    (ComparesBackwards, 'comparison', 'x < w', 'something other than their data'),
    (Broken, 'basics', 'a leaf', 'Nothing else'),
    (SlopeOfOneAtKinks, 'edge', 'x.relu() at 0.0', 'Any slope from 0 to 1 is a subgradient'),
    (SlopeOfOneAtKinks, 'edge', 'abs(x) at 0.0', 'Any slope from -1 to 1 is a subgradient'),
    (HalfASlopeAtKinks, 'edge', 'x.relu() at 0.0', 'Any slope from 0 to 1 is a subgradient'),
    (HalfASlopeAtKinks, 'edge', 'abs(x) at 0.0', 'Any slope from -1 to 1 is a subgradient'),
    (NoSlopeAtKinks, 'edge', 'x.relu() at 0.0', 'this is none'),
    (NoSlopeAtKinks, 'edge', 'abs(x) at 0.0', 'this is none'),
    (TooSteepAtKinks, 'edge', 'x.relu() at 0.0', 'this is none'),
    (TooSteepAtKinks, 'edge', 'abs(x) at 0.0', 'this is none'),
    (NoLimit, 'edge', 'x.sqrt() at 0.0', 'backward should say inf'),
    (WholeNumbersAreCut, 'edge', 'x / 2 at 3', 'Whole numbers are data'),
]
ENGINES = [*dict.fromkeys(known[0] for known in WRONG)]
#: The severity of every finding that is not simply wrong, or only missing.
SEVERITIES: dict[type[Any], dict[str, str]] = {
    NaiveTanh: {'x.tanh() at 1000.0': 'edge', 'x.tanh() at 20.0': 'edge'},
    Replaces: {'backward twice': 'convention', 'backward on a leaf, twice': 'convention'},
    SlopeOfOneAtKinks: {'x.relu() at 0.0': 'convention', 'abs(x) at 0.0': 'convention'},
    HalfASlopeAtKinks: {'x.relu() at 0.0': 'convention', 'abs(x) at 0.0': 'convention'},
    NoSlopeAtKinks: {'x.relu() at 0.0': 'edge', 'abs(x) at 0.0': 'edge'},
    TooSteepAtKinks: {'x.relu() at 0.0': 'edge', 'abs(x) at 0.0': 'edge'},
    NoLimit: {'x.sqrt() at 0.0': 'edge'},
}
#: What all of these have not: it is no mistake.
MISSING = {'x ** w', '2 ** x'}
REPORTS: dict[type[Any], Report] = {}
#: For the whole run: like those that the quick run takes, and each takes as long to find out about.
ALIKE = {
    InputsInASet, DepthFirst, Recursive, VisitedByValue, InPlace, EqualByValue, HalfASlopeAtKinks, TooSteepAtKinks,
    NoSlopeAtKinks, WronglyReflected, BreadthFirst, WrongTanh, NoLimit,
}


def case(*parts: Any) -> Any:
    """Make the parameters of a test, an engine first, which the quick run leaves out if others are like it."""
    return pytest.param(*parts, marks=[pytest.mark.slow] * (parts[0] in ALIKE))


def report_of(engine: type[Any]) -> Report:
    if engine not in REPORTS:
        REPORTS[engine] = check_engine(engine)
    return REPORTS[engine]


def pasted(finding: Finding, engine: type[Any]) -> str:
    """Run a finding's source as it is, imports included, and return what it prints or raises."""
    lines = [line for line in finding.source.splitlines() if not line.startswith(('from ', 'Value = '))]
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            exec('\n'.join(lines), {'Value': engine})
    except Exception as error:
        return f'{type(error).__name__}: {error}'.splitlines()[0]
    return shown.getvalue().strip().replace(' ', ', ')


def test_ours_has_no_findings() -> None:
    assert str(check_engine(Value)) == 'microgradnet.engine.value.Value: nothing found'


def test_another_sound_engine_is_not_blamed() -> None:
    report = report_of(Sound)
    assert {finding.title for finding in report} == MISSING
    assert {finding.kind for finding in report} == {'missing'}


@pytest.mark.parametrize(
    ('engine', 'kind', 'title', 'why'), every(4, [case(*known) for known in WRONG]),
    ids=[f'{engine.__name__}-{title}' for engine, _, title, _ in WRONG],
)
def test_a_mistake_is_found_and_explained(engine: type[Any], kind: str, title: str, why: str) -> None:
    [finding] = [finding for finding in report_of(engine) if (finding.kind, finding.title) == (kind, title)]
    assert why in finding.why
    assert len(finding.source.splitlines()) <= 9
    assert finding.came != finding.wanted
    assert pasted(finding, engine).startswith(finding.came.rstrip('…')[:60])


#: Findings that rightly follow from the same mistake.
ALSO: dict[type[Any], set[str]] = {
    DepthFirst: {'a deep chain'},
    Recursive: {'a deep chain'},
    VisitedByValue: {'x - w', '2 - x', 'a deep chain'},  # it negates by a product with -1
    Replaces: {'backward on a leaf, twice'},
    ComparesBackwards: {'x > w'},
    WholeNumbersAreCut: {'2 / x'},
    CrashesOnProducts: {'x * 2', '2 * x', '-x', 'x / w', 'x / 2', '2 / x'},
}


@pytest.mark.parametrize('engine', [*map(case, ENGINES)], ids=lambda engine: engine.__name__)
def test_nothing_else_is_blamed_and_findings_are_sorted_by_severity(engine: type[Any]) -> None:
    expected = {title for known, _, title, _ in WRONG if known is engine} | ALSO.get(engine, set())
    assert {finding.title for finding in report_of(engine)} - MISSING - expected == set()
    known = SEVERITIES.get(engine, {})
    for finding in report_of(engine):
        missing = finding.kind == 'missing'
        assert finding.severity == ('missing' if missing else known.get(finding.title, 'wrong')), finding.title
    assert known.keys() <= {finding.title for finding in report_of(engine)}


def test_the_worst_come_first_and_the_report_says_what_each_is() -> None:
    report = report_of(OfEveryKind)
    assert [(finding.severity, finding.title) for finding in report if finding.severity != 'missing'] == [
        ('wrong', 'x.tanh()'), ('edge', 'x.sqrt() at 0.0'),
        ('convention', 'x.relu() at 0.0'), ('convention', 'abs(x) at 0.0'),
    ]  # fmt: skip
    lines = str(report).splitlines()
    assert lines[0].endswith('.OfEveryKind: 1 wrong, 1 edge, 2 convention, 2 missing')
    headings = [line.partition('. ')[0] for line in lines if line.partition('. ')[0].isupper()]
    assert headings == ['WRONG', 'EDGE', 'CONVENTION', 'MISSING']
    numbers = [line.partition('. ')[0] for line in lines if line.partition('. ')[0].isdigit()]
    assert numbers == ['1', '2', '3', '4', '5', '6']
    assert report.of('convention') == [*report][2:4]


def test_a_crash_is_told_in_one_line() -> None:
    assert {f.came for f in report_of(CrashesOnProducts) if f.kind == 'crash'} == {'LookupError: no rule'}
    assert [f.came for f in check_engine(Unprintable)] == ['what cannot be printed (LookupError)']
    assert [f.came for f in report_of(Broken)] == ['OSError: no engine today']


@pytest.mark.parametrize(
    ('engine', 'graph'),
    [
        case(Overwrites, 'x = Value(1.0)\ny = x + x'),
        case(BreadthFirst, 'x = Value(1.0)\nu = x + x\nv = u + x\ny = u + v'),
        case(VisitedByValue, 'x = Value(1.0)\nw = Value(1.0)\ny = x * w'),
    ],
)
def test_counterexamples_are_the_smallest(engine: type[Any], graph: str) -> None:
    [source] = [f.source for f in report_of(engine) if f.title == 'a graph']
    steps = len(graph.splitlines())
    assert len(source.partition('\ny.backward()')[0].splitlines()) <= steps + 2  # the import, and the name


@needs_micrograd
def test_micrograd(capsys: pytest.CaptureFixture[str]) -> None:
    report = check_micrograd.main([])
    assert report is not None
    found = {finding.kind: finding for finding in report}
    assert {'second backward', 'two roots', 'deep chain', 'late data', 'leaf', 'missing'} <= found.keys()
    titles = {finding.title for finding in report}
    assert {'x ** 0 at 0.0', 'x.relu() at nan', '2 ** x', 'x ** w'} <= titles
    severities = [finding.severity for finding in report]
    assert severities == sorted(severities, key=['wrong', 'edge', 'convention', 'missing'].index)
    assert {finding.severity for finding in report if finding.kind == 'edge'} == {'edge'}
    assert found['second backward'].severity == found['deep chain'].severity == found['leaf'].severity == 'wrong'
    assert not {'value', 'gradient', 'basics', 'equality'} & found.keys()
    assert 'RecursionError' in found['deep chain'].came
    assert found['second backward'].source.splitlines() == [
        'from micrograd.engine import Value',
        'x = Value(1.0)',
        'u = x + x',
        'y = u + u',
        'y.backward()',
        'y.backward()',
        'print(x.grad)  # wanted 8.0, came 12',
    ]
    shown = capsys.readouterr().out
    assert shown.strip() == str(report)
    assert shown.index('\n\nWRONG. ') < shown.index('\n\nEDGE. ') < shown.index('\n\nMISSING. ')


@needs_micrograd
def test_findings_can_be_pasted_into_a_new_interpreter() -> None:
    from micrograd.engine import Value as Other

    report = report_of(Other)
    assert report == check_engine(Other)  # the same every time
    shown = [finding for finding in report if finding.kind in ('two roots', 'edge') and 'Error' not in finding.came]
    program = f'for source in {[finding.source for finding in shown]!r}: exec(source, {{}})'  # each on its own
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert done.stdout.replace(' ', ', ').splitlines() == [finding.came for finding in shown] != []


def test_the_demo_says_if_micrograd_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'micrograd.engine', None)
    assert check_micrograd.main([]) is None
    assert 'not installed' in capsys.readouterr().out


def test_a_report_is_a_list_and_reads_well() -> None:
    severities: tuple[Severity, ...] = ('wrong', 'missing')
    wrong, missing = (Finding(s, s, '1', '2', 'x = Value(1)', 'Because.', s) for s in severities)
    report = Report('an.Engine', [missing, wrong])
    assert [*report] == [wrong, missing]
    head, heading, first, _, second = str(report).split('\n\n')
    assert (head, heading.partition('. ')[0]) == ('an.Engine: 1 wrong, 1 missing', 'WRONG')
    assert first == '1. wrong: wanted 1, came 2\nBecause.\n    x = Value(1)'
    assert second.startswith('2. missing')


def numerically(program: Program, leaf: int) -> float:
    """Differentiate in central differences."""
    def y(shift: float) -> float:
        leaves = [*program.leaves]
        leaves[leaf] += shift
        tape = replace(program, leaves=tuple(leaves)).tape()
        assert tape is not None
        return tape.data[-1]

    return (y(1e-5) - y(-1e-5)) / 2e-5


@for_each('form', FORMS)
def test_the_rules_it_judges_by_agree_with_differences(form: tuple[str, str]) -> None:
    checked = 0
    for leaves in [(0.75, 1.25), (1.5, 0.5), (2.0, 3.0)]:
        program = single(form, leaves, 3)
        tape = program.tape()
        assert tape is not None
        for leaf in range(tape.leaves):
            assert forward(tape, leaf)[0] == pytest.approx(numerically(program, leaf), rel=1e-6)
            checked += 1
    assert checked >= 3


@pytest.mark.parametrize('op', every(4, OPS))
def test_programs_reach_every_operation(op: str) -> None:
    forms = [form for form in FORMS if form[0] in (op, 'add')]
    found = smallest(programs(forms), lambda p: any(name == op for name, _ in p.steps), 60)
    assert found is not None
    assert found.tape() is not None


def test_nothing_found_is_none() -> None:
    assert smallest(st.integers(), lambda n: False, 5) is None
