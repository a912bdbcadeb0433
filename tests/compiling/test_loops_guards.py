"""Branches in loops that are folded: every row is checked, at every turn."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import BranchError, compile, recording
from microgradnet.compiling.ir import tape
from microgradnet.compiling.ir.routine import Routine
from microgradnet.compiling.run import backends
from microgradnet.compiling.run.backends import engine
from microgradnet.engine.context import no_grad
from microgradnet.engine.value import Value
from tests.support.backends import BACKENDS

every_backend = pytest.mark.parametrize('backend', BACKENDS)


def clipped(x: Value, theta: list[Value]) -> Value:
    """Compare at every turn."""
    y = x
    for w in theta:
        y = y * w + 0.5 if y < 2 else y - w  # the branch in the loop
    return y


@every_backend
def test_guards_in_loops_stay_guards(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, 'MANY', 50)
    monkeypatch.setattr(backends, 'SOONER', 50)
    x, theta = Value(1.0), [Value((0.5 + 0.37 * k % 1) / 4) for k in range(60)]
    with recording():
        y = clipped(x, theta)
    program = compile(y, rows=[x], parameters=theta, backend=backend)
    assert program.loops and isinstance(program._watch.branches[0][1], Routine)
    assert len(program.branches) == 60
    assert len(program._watch.branches[0][1].instructions) < 60
    rows = [[1.0], [1.25], [0.0], [1.75]]
    assert [*program(rows)] == pytest.approx([clipped(Value(x), theta).data for (x,) in rows], rel=1e-13)
    for call in (program, program.sum, program.backward, program.value_and_gradient):
        arguments = ([p.data for p in theta],) if call == program.value_and_gradient else ()
        with pytest.raises(BranchError, match=r'row 2 would .*# the branch in the loop'):
            call(*arguments, [[1.0], [0.0], [3.0], [4.0]])
    with pytest.raises(BranchError, match='descend cannot watch'):
        program.descend(rows, 0.1)
    theta[30].data = 100.0
    with pytest.raises(BranchError, match='row 0 would'):
        program(rows)


@every_backend
def test_guards_of_rows_alone_let_descent_go(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, 'MANY', 50)
    monkeypatch.setattr(backends, 'SOONER', 50)
    xs, w = [Value(k / 100) for k in range(40)], Value(0.5)
    with recording():
        y = F.sum([w * x if x < 0.5 else x - w for x in xs])
    program = compile(y, rows=xs, parameters=[w], backend=backend)
    row = [x.data for x in xs]
    assert program.descend([row], 0.001, 2)
    with pytest.raises(BranchError, match='row 1 would'):
        program([row, [*row[:-1], 0.75]])
    twin = pickle.loads(pickle.dumps(program))
    with pytest.raises(BranchError, match='row 1 would'):
        twin([row, [*row[:20], 0.75, *row[21:]]])


@every_backend
@pytest.mark.usefixtures('apart')
def test_functions_with_loops_and_branches(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, 'MANY', 50)
    monkeypatch.setattr(backends, 'SOONER', 50)

    def f(x: Any, n: float) -> Any:
        y = x
        for turn in range(40):
            y = F.sin(y) + turn / 40
        if y > x * 2:
            for _ in range(50):
                y = y * 0.5 + x
        return [y, x]

    compiled = compile(f, backend=backend)
    numbers = [k / 4 for k in range(-8, 9)]
    found = compiled.map(numbers, numbers)
    assert [y for y, _ in found] == pytest.approx([f(x, x)[0] for x in numbers], rel=1e-12)
    assert len(compiled.paths) == 2
    assert 'for i1 in range(' in compiled.source


@every_backend
@pytest.mark.parametrize('number', [3.0, 0.0, float('nan')])
def test_which_comparison_comes_out_another_way_is_computed_in_the_program(backend: str, number: float) -> None:
    x, w = Value(number), Value(1.0)
    with recording(), no_grad():
        sides = [x > w, x == 3, x != x, not x >= 3.0, x > 2]
    program = compile(x * w, rows=[x], parameters=[w], backend=backend)
    (routine,) = [routine for _, routine in program._watch.branches]
    assert routine.count == 1 and len(sides) == len(program.branches)
    places = {3.0: {0.0: 1, 3.0: 0, float('inf'): 2}, 0.0: {3.0: 1, 0.0: 0, 1.5: 1}}.get(number, {3.0: 1, 0.0: 3})
    for row, place in places.items():
        if place:
            with pytest.raises(BranchError) as caught:
                program([[number], [row]])
            assert str(program.branches[place - 1]) in str(caught.value) and 'row 1 ' in str(caught.value)
            assert [*engine(routine, backend, 1, False).each(*rows_of([[number], [row]], backend))][1][0] == place
        else:
            assert [*program([[row]])] == [row]


def rows_of(rows: list[list[float]], backend: str) -> tuple[Any, list[float]]:
    if backend == 'python':
        return rows, [1.0]
    return pytest.importorskip('numpy').array(rows), [1.0]
