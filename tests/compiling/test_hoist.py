"""What is the same for all rows is computed once: the pieces of a routine do together what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import isnan
from random import Random
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import Program
from microgradnet.compiling.ir.hoist import Pieces, _Cut, cost, cut, hoisted
from microgradnet.compiling.ir.routine import Routine
from microgradnet.compiling.ir.sweeps import prepare, routine
from microgradnet.compiling.run.engines import PythonEngine
from microgradnet.engine.value import Value
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.support.examples import every

from ..support.backends import NATIVE, bits
from ..support.graphs import grow


def mixture(d: int = 3, count: int = 2) -> tuple[Value, list[Value], list[Value]]:
    """The logarithm of a mixture of Gaussians: exponentials, sums and a logsumexp of parameters alone."""
    draw = Random(d).uniform
    weights, x = [Value(draw(-1, 1)) for _ in range(count)], [Value(0.0) for _ in range(d)]
    parameters, terms = [*weights], []
    for weight in weights:
        means, scales = ([Value(draw(-1, 1)) for _ in range(d)] for _ in range(2))
        parameters += means + scales
        apart = [F.exp(s) * (a - m) for a, m, s in zip(x, means, scales)]
        terms.append(weight + F.sum(scales) - F.sum([a * a for a in apart]) / 2)
    return F.logsumexp(terms) - F.logsumexp(weights), x, parameters


def some_rows(n: int, width: int) -> list[list[float]]:
    draw = Random(n).uniform
    return [[draw(-2, 2) for _ in range(width)] for _ in range(n)]


def together(pieces: Pieces, rows: Any, theta: list[float]) -> list[float]:
    shared = [*theta, *PythonEngine(pieces.prologue).each([()], theta)[0]]
    sums = PythonEngine(pieces.body).sums(rows, shared)
    return [*PythonEngine(pieces.epilogue).each([sums], shared)[0]]


def names(piece: Routine) -> Counter[str]:
    return Counter(name for name, _ in piece.instructions)


def test_exponentials_of_parameters_are_computed_once_and_their_signals_sent_back_once() -> None:
    E, x, parameters = mixture()
    whole = routine(prepare([E], x, parameters), gradient=True)
    pieces = hoisted(whole)
    assert pieces and names(pieces.prologue)['exp'] == names(whole)['exp'] - names(pieces.body)['exp'] >= 6
    assert names(pieces.epilogue)['mul'] >= 6 and cost(pieces.body) < 0.7 * cost(whole)


STEPS: list[Callable[..., Value]] = [
    lambda a, b, c: a + b, lambda a, b, c: a * b, lambda a, b, c: a - b, lambda a, b, c: a.tanh(),
    lambda a, b, c: a / (b * b + 1), lambda a, b, c: F.where(a.greater(b), a, b * 2), lambda a, b, c: -a.sin(),
    lambda a, b, c: F.dot([a, b], [b, a]), lambda a, b, c: F.max(a, b),
]  # fmt: skip


@pytest.mark.parametrize('seed', [*range(10), *(pytest.param(k, marks=pytest.mark.slow) for k in range(10, 40))])
def test_pieces_of_random_programs_do_what_the_whole_does(seed: int) -> None:
    random = Random(seed)
    x, parameters = [Value(0.0) for _ in range(2)], [Value(random.uniform(0.5, 1.5)) for _ in range(4)]
    nodes: list[Value] = [*x, *parameters]
    for _ in range(25):
        grow(random, nodes, STEPS)
    E = F.sum([node.tanh() for node in nodes[-6:]])
    rows, theta = some_rows(9, 2), [p.data for p in parameters]
    for gradient in False, True:
        whole = routine(prepare([E], x, parameters, loops=False), gradient)
        wanted = PythonEngine(whole).sums(rows, theta)
        for several in (False, True) if gradient else (None,):
            found = together(_Cut(whole, several).pieces(), rows, theta)
            assert bits(found[0]) == bits(wanted[0])  # its last digit too
            assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize('n', [1, 5])
def test_what_no_row_has_a_part_in_is_added_as_often_as_there_are_rows(n: int) -> None:
    x, w = [Value(0.0) for _ in range(3)], [Value(0.5), Value(-1.5), Value(2.0)]
    scale = F.exp(w[0])
    E = F.tanh(F.dot(w, x) * scale) + F.dot(w, w) / 2 + F.sum(w) * 3
    whole = routine(prepare([E], x, w), gradient=True)
    pieces, rows, theta = hoisted(whole), some_rows(n, 3), [p.data for p in w]
    assert pieces
    assert names(whole)['dot'] == 5 and names(pieces.body)['dot'] == 1  # that of w and x
    assert together(pieces, rows, theta) == pytest.approx(PythonEngine(whole).sums(rows, theta), rel=1e-14)


def test_nothing_is_cut_where_that_saves_little() -> None:
    net, x, t = MLP(2, [8, 1], 'tanh', seed=1), [Value(0.0), Value(0.0)], Value(0.0)
    made = prepare([half_squared_error(net(x), t)], [*x, t], net.parameters())
    assert hoisted(routine(made, gradient=True)) is None
    w = Value(1.0)
    assert hoisted(routine(prepare([F.exp(w) + F.sin(w)], [], [w]), gradient=True)) is None  # there are no rows


def test_conditions_are_made_where_they_are_asked_for() -> None:
    x, v, w = Value(0.0), Value(1.0), Value(2.0)
    E = F.where(v.greater(w), x * F.exp(v), x * F.sin(w) * F.exp(w)) * F.max(v, w)
    whole = routine(prepare([E], [x], [v, w]), gradient=True)
    for theta in [1.0, 2.0], [2.0, 1.0]:
        wanted = PythonEngine(whole).sums([[1.0], [2.5]], theta)
        assert together(cut(whole), [[1.0], [2.5]], theta) == pytest.approx(wanted, rel=1e-14)


def test_no_infinite_partial_leaks_through_a_closed_gate() -> None:
    x, v, w = Value(0.0), Value(0.0), Value(1.0)
    E = F.where(x.greater(0), F.sqrt(v) * x, w * x) + F.exp(w) * x
    whole = routine(prepare([E], [x], [v, w]), gradient=True)
    found = together(cut(whole), [[-1.0], [-2.0]], [0.0, 1.0])
    assert found == pytest.approx(PythonEngine(whole).sums([[-1.0], [-2.0]], [0.0, 1.0]))
    assert not any(map(isnan, found)) and found[1] == 0.0


@NATIVE
@pytest.mark.parametrize('threads', every(2, [2, 1]))
def test_machine_code_sums_in_pieces(threads: int) -> None:
    E, x, parameters = mixture(4, 3)
    theta = [p.data for p in parameters]
    native, python = (
        Program(E, rows=x, parameters=parameters, backend=backend, threads=threads) for backend in ('native', 'python')
    )
    assert hoisted(native._gradient_routine) and hoisted(native.routine)
    for n in 1, 7, 8, 9, 16, 40, 41:
        rows = some_rows(n, 4)
        value, slopes = native.value_and_gradient(theta, rows)
        wanted, expected = python.value_and_gradient(theta, rows)
        assert value == pytest.approx(wanted, rel=1e-13) and [*slopes] == pytest.approx(expected, rel=1e-11, abs=1e-12)
        assert native.sum(rows) == pytest.approx(wanted, rel=1e-13)
    v = [Random(1).uniform(-1, 1) for _ in theta]
    assert [*native.hvp(theta, v, rows)] == pytest.approx(python.hvp(theta, v, rows), rel=1e-10, abs=1e-10)


@NATIVE
def test_the_value_keeps_its_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for _ in range(2):
        E, x, parameters = mixture(4, 3)
        program = Program(E, rows=x, parameters=parameters, backend='native')
        theta = [p.data for p in parameters]
        found.append([(program.sum(some_rows(n, 4)), program.value_and_gradient(theta, some_rows(n, 4))[0])
                      for n in (9, 16, 41)])  # fmt: skip
        monkeypatch.setattr('microgradnet.compiling.printers.llvm_driver.hoisted', lambda whole: None)
    assert bits(found[0]) == bits(found[1])


@NATIVE
def test_descent_in_pieces() -> None:
    ends = []
    for backend in 'native', 'python':
        E, x, parameters = mixture(3, 2)
        program = Program(-E, rows=x, parameters=parameters, backend=backend)
        errors = program.descend(some_rows(37, 3), 0.001, 4, 'batch')
        errors += program.descend(some_rows(37, 3), 0.001, 4, 16)
        ends.append([*errors, *(p.data for p in parameters)])
    assert ends[0] == pytest.approx(ends[1], rel=1e-11)


@NATIVE
def test_a_long_prologue_is_cut_into_parts() -> None:
    w, x = [Value(0.01 * k) for k in range(40)], Value(0.0)
    shared = [F.dot(w, w)]
    for _ in range(20):
        shared.append(F.sin(F.dot(w, w[::-1]) + shared[-1]))
        w = [*w[:-1], shared[-1]]
    E = F.sum([(s * x).tanh() for s in shared[-3:]])
    parameters = Program(E, rows=[x], backend='python', loops=False).parameters
    native, python = (
        Program(E, rows=[x], parameters=parameters, backend=backend, loops=False) for backend in ('native', 'python')
    )
    rows, theta = some_rows(30, 1), [p.data for p in parameters]
    assert hoisted(native._gradient_routine)
    (value, slopes), (wanted, expected) = (p.value_and_gradient(theta, rows) for p in (native, python))
    assert value == pytest.approx(wanted, rel=1e-13) and [*slopes] == pytest.approx(expected, rel=1e-9, abs=1e-12)
