"""Engines of ``grad(f)`` are asked, judged and shrunk like engines of nodes: of all makes, with every mistake."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import cache
from typing import Any

import pytest

from microgradnet.testing import check_engine, engines
from microgradnet.testing.engines import Functions, Nodes
from microgradnet.testing.foreign.check import _Check
from microgradnet.testing.foreign.straight import FORMS
from microgradnet.testing.report import Finding, Report

from .test_check_engine import Overwrites, Shallow, Sound, WrongTanh

PEERS = ['jax', 'autograd', 'torch', 'casadi']
#: What an engine of functions has nothing of to be wrong in.
OF_NODES = {'equality', 'comparison', 'leaf', 'second backward', 'two roots', 'late data'}


def functional(value: type[Any]) -> Functions:
    """Make an engine of ``grad(f)`` of an engine of nodes."""

    def asked(f: Any, point: Sequence[float]) -> tuple[float, list[float]]:
        xs = [value(x) for x in point]
        y = f(*xs)
        y.backward()
        return y.data, [x.grad for x in xs]

    return Functions(
        value.__name__, '', 'y, gradients = asked(f, point)', {'tanh': '{}.tanh()'}, given={'asked': asked}
    )


@cache
def report_of(name: str) -> Report:
    pytest.importorskip(name)
    return check_engine(getattr(engines, name))


def pasted(finding: Finding) -> str:
    shown = io.StringIO()
    try:
        with redirect_stdout(shown), warnings.catch_warnings(action='ignore'):
            exec(finding.source, {})
    except Exception as error:
        return f'{type(error).__name__}: {error}'.splitlines()[0]
    return shown.getvalue().strip().replace(' ', ', ')


#: What the engines here have not, though Python has a sign for it.
MISSING = {'x ** w', '2 ** x', 'abs(x)'}


@pytest.mark.slow
def test_a_sound_one_is_not_blamed() -> None:
    report = check_engine(functional(Sound))
    assert report.engine == 'Sound'
    assert {(finding.kind, finding.title) for finding in report} == {('missing', title) for title in MISSING}


@pytest.mark.slow
@pytest.mark.parametrize('value', [Overwrites, Shallow, WrongTanh])
def test_the_same_is_found_as_in_nodes_and_as_small(value: type[Any]) -> None:
    nodes, functions = check_engine(value), check_engine(functional(value))
    assert [(f.kind, f.title, f.wanted, f.came, f.why) for f in functions if f.title not in MISSING] == [
        (f.kind, f.title, f.wanted, f.came, f.why) for f in nodes if f.kind not in OF_NODES and f.title not in MISSING
    ]
    assert functions.of('wrong')


def test_a_mistake_is_shown_as_the_engines_own_program() -> None:
    check = _Check(functional(WrongTanh))
    [finding] = [finding for finding in check.forms() if finding.kind == 'gradient']
    assert finding.source.splitlines() == [
        '', 'def f(x):', '    y = x.tanh()', '    return y', '', 'point = (1.0,)', 'y, gradients = asked(f, point)',
        f'print(*map(float, [*gradients]))  # wanted {finding.wanted}, came {finding.came}',
    ]  # fmt: skip


@pytest.mark.parametrize('name', PEERS)
def test_an_adapter_writes_programs_and_imports_nothing(name: str) -> None:
    there = {*sys.modules}
    engine = getattr(engines, name)
    assert engine.name == name
    spelled = {operation: engine.spelled(operation) for operation, _ in FORMS}
    assert {'add', 'pow', 'abs', 'tanh', 'exp', 'log', 'sqrt', 'sin', 'cos', 'relu'} <= {
        operation for operation, text in spelled.items() if text
    }
    steps = [f'y = {text.format("x", "w")}' for text in spelled.values() if text]
    for value, gradients in [(True, True), (True, False), (False, True)]:
        program = engine.program({'x': 2, 'w': float('nan')}, steps, value, gradients)
        compile(f'{engine.opening}\n{program}', name, 'exec')
        assert "point = (2.0, float('nan'))" in program
    assert {*sys.modules} == there


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'jax', None)
    with pytest.raises(ModuleNotFoundError, match='to check jax, install jax'):
        check_engine(engines.jax)


def test_what_is_no_engine_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must be a class, .* or one of .*, not 'jax' of type str"):
        check_engine('jax')  # type: ignore[arg-type]


def test_a_class_is_short_for_its_adapter() -> None:
    class Wrong:
        def __init__(self, data: float) -> None:
            self.data, self.grad = data, 2.0

        def backward(self) -> None: ...

    assert check_engine(Wrong) == check_engine(Nodes(Wrong))
    assert [finding.kind for finding in check_engine(Wrong)] == ['basics']


@pytest.mark.slow
@pytest.mark.parametrize('name', PEERS)
def test_a_real_one_is_right_at_ordinary_points_and_what_is_said_can_be_pasted(name: str) -> None:
    report = report_of(name)
    assert not report.of('wrong') and not report.of('missing')
    assert {finding.title for finding in report.of('edge')}, 'none is right at all edges'
    for finding in report:
        assert finding.source.startswith(f'import {name}\n')
        assert pasted(finding) == finding.came
