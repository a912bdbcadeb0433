"""Programs that everybody writes: folded, they are as long as their bodies, and compute what the recording did."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.compiling.ir import memory
from microgradnet.engine.value import Value
from microgradnet.nets.losses import cross_entropy, half_squared_error, max_margin, root_mean_square_error
from microgradnet.nets.net import MLP
from tests.support.backends import BACKENDS, NATIVE, bits
from tests.support.examples import every
from tests.support.graphs import grow

#: One output, the numbers of a row, the parameters.
Recorded = tuple[Value, list[Value], list[Value]]


def leaves(count: int, phase: float = 0.0) -> list[Value]:
    """Make leaves of mild numbers, all different."""
    return [Value(math.sin(phase + 1.7 * k) / 2) for k in range(count)]


def horner(terms: int) -> Recorded:
    x, theta = Value(0.875), leaves(terms)
    y = theta[0]
    for c in theta[1:]:
        y = y * x + c
    return y, [x], theta


def runge_kutta(steps: int) -> Recorded:
    """Lotka and Volterra's foxes and hares."""
    (u, v), theta = (Value(1.0), Value(0.75)), [Value(x) for x in (1.1, 0.4, 0.4, 0.1)]
    a, b, c, d = theta

    def slope(u: Value, v: Value) -> tuple[Value, Value]:
        return a * u - b * u * v, d * u * v - c * v

    def move(u: Value, v: Value, k: tuple[Value, Value], h: float) -> tuple[Value, Value]:
        return u + h * k[0], v + h * k[1]

    rows = [u, v]
    for _ in range(steps):
        k1 = slope(u, v)
        k2 = slope(*move(u, v, k1, 0.01))
        k3 = slope(*move(u, v, k2, 0.01))
        k4 = slope(*move(u, v, k3, 0.02))
        u, v = (z + 0.02 / 6 * (p + 2 * q + 2 * r + s) for z, p, q, r, s in zip((u, v), k1, k2, k3, k4))
    return u * u + v, rows, theta


def heat(steps: int, cells: int, periodic: bool) -> Recorded:
    u, k = leaves(cells), Value(0.2)
    rows = [*u]
    for _ in range(steps):
        if periodic:
            u = [u[i] + k * (u[i - 1] - 2 * u[i] + u[(i + 1) % cells]) for i in range(cells)]
        else:
            u = [u[0], *(u[i] + k * (u[i - 1] - 2 * u[i] + u[i + 1]) for i in range(1, cells - 1)), u[-1]]
    return F.dot(u, u), rows, [k]


def matrix_product(n: int) -> Recorded:
    a, b = ([leaves(n, 7.0 * i + phase) for i in range(n)] for phase in (0.0, 0.5))
    columns = [*zip(*b)]
    c = [[F.dot(row, column) for column in columns] for row in a]
    flat = [x for row in c for x in row]
    return F.dot(flat, flat), [x for row in a for x in row], [x for row in b for x in row]


def lstm(steps: int, hidden: int = 3, inputs: int = 2) -> Recorded:
    size = hidden + inputs + 1
    weights = [[leaves(size, 10.0 * gate + i) for i in range(hidden)] for gate in range(4)]
    rows, h, c = leaves(steps * inputs), [Value(0.0)] * hidden, [Value(0.0)] * hidden
    for t in range(steps):
        given = [*h, *rows[t * inputs : (t + 1) * inputs], 1.0]
        i, f, o, g = (
            [squash(F.dot(neuron, given)) for neuron in gate]
            for gate, squash in zip(weights, (F.sigmoid, F.sigmoid, F.sigmoid, F.tanh))
        )
        c = [f_ * c_ + i_ * g_ for f_, c_, i_, g_ in zip(f, c, i, g)]
        h = [o_ * F.tanh(c_) for o_, c_ in zip(o, c)]
    return F.sum(h), rows, [w for gate in weights for neuron in gate for w in neuron]


def net(inputs: int, hidden: int, activation: str = 'tanh', loss: Callable[..., Any] = half_squared_error) -> Recorded:
    mlp = MLP(inputs, [hidden, 3], activation, seed=2)
    x, t = leaves(inputs), leaves(3, 0.3)
    if loss is max_margin:
        return loss(mlp(x), [1, -1, 1]), x, mlp.parameters()
    return loss(mlp(x), t), [*x, *t], mlp.parameters()


PROGRAMS = {
    "Horner's rule": lambda: horner(120),
    'Runge and Kutta': lambda: runge_kutta(30),
    'heat': lambda: heat(12, 24, False),
    'heat on a ring': lambda: heat(12, 24, True),
    'a matrix product': lambda: matrix_product(8),
    'an LSTM': lambda: lstm(12),
    'an LSTM of more cells': lambda: lstm(4, 10, 12),
    'a net': lambda: net(30, 10),
    'a net and its cross-entropy': lambda: net(20, 30, 'gelu', cross_entropy),
    'a net and its RMS error': lambda: net(20, 12, 'softsign', root_mean_square_error),
    'a net and its margin': lambda: net(33, 20, 'sigmoid', max_margin),
    'an irregular graph': lambda: irregular(120),
}

#: Those that are quick to compile for arrays, unfolded, too.
QUICK = ("Horner's rule", 'heat', 'a net')


STEPS: list[Callable[..., Value]] = [
    lambda a, b, c: (a + b).tanh(), lambda a, b, c: (a * b).tanh(), lambda a, b, c: a.sin().tanh(),
    lambda a, b, c: (a.tanh() - b).tanh(), lambda a, b, c: F.max(a, b).tanh(),
    lambda a, b, c: F.dot([a, b], [b, 0.5]).tanh(),
]  # fmt: skip


def irregular(size: int) -> Recorded:
    """A graph of random operations, each of random results before it."""
    random, x, theta = Random(7), leaves(3), leaves(9, 0.2)
    nodes = [*x, *theta]
    for _ in range(size):
        grow(random, nodes, STEPS, last=40)
    return F.sum(nodes[-20:]), x, theta


def compiled(recorded: Recorded, loops: bool = True, **options: Any) -> Any:
    y, rows, theta = recorded
    return compile(y, rows=rows, parameters=theta, loops=loops, **options)


@pytest.mark.parametrize('name, backend', [
    pytest.param(name, *(b.values if hasattr(b, 'values') else [b]), marks=[*getattr(b, 'marks', ()), *slow])
    for name in PROGRAMS
    for b in BACKENDS
    for slow in ([pytest.mark.slow] if b != 'python' and name not in QUICK else [],)
])  # fmt: skip
def test_folded_programs_compute_what_was_recorded(name: str, backend: str) -> None:
    y, rows, theta = recorded = PROGRAMS[name]()
    folded, straight = (compiled(recorded, loops, backend=backend) for loops in (True, False))
    at = [x.data for x in rows]
    table = [at, [x * 0.75 + 0.125 for x in at], [-x for x in at], [*reversed(at)], at]
    if 'margin' not in name and 'cross' not in name:
        assert bits(folded(table)) == bits(straight(table)) or backend == 'native'
    if backend == 'python':
        assert bits(folded(at)) == bits(y.data)
    y.backward()
    expected = [p.grad for p in theta]
    size = max(map(abs, expected))
    value, slopes = folded.value_and_gradient([p.data for p in theta], [at])
    assert value == pytest.approx(y.data, rel=1e-12)
    assert [*slopes] == pytest.approx(expected, rel=1e-10, abs=1e-12 * size)
    pairs = [program.value_and_gradient([p.data for p in theta], table) for program in (folded, straight)]
    assert pairs[0][0] == pytest.approx(pairs[1][0], rel=1e-11)
    assert [*pairs[0][1]] == pytest.approx([*pairs[1][1]], rel=1e-10, abs=1e-11 * max(map(abs, pairs[1][1])))
    assert straight.routine.flat and not folded.routine.flat


@pytest.mark.parametrize(
    'program, small, large',
    every(3, [
        (horner, [60], [240]),
        (runge_kutta, [10], [40]),
        (heat, [15, 20, False], [45, 20, False]),
        (heat, [12, 40, False], [12, 60, False]),
        (heat, [15, 20, True], [45, 20, True]),
        (heat, [12, 40, True], [12, 60, True]),
        (matrix_product, [14], [18]),
        pytest.param(matrix_product, [32], [36], marks=pytest.mark.slow),
        (lstm, [10], [30]),
        (lstm, [5, 12, 12], [8, 12, 12]),
        (net, [60, 30], [120, 30]),
        (net, [60, 30], [60, 50]),
    ]),
)
def test_a_folded_program_is_as_long_as_its_bodies(program: Any, small: Any, large: Any) -> None:
    """Forward and with the gradient; the loops alone are longer."""
    lengths = []
    for size in small, large:
        folded = compiled(program(*size), backend='python')
        lengths.append([len(folded.routine.instructions), len(folded._gradient_routine.instructions)])
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize('cells, periodic', [(8, False), (6, True)])
def test_steps_of_few_cells_fold(cells: int, periodic: bool) -> None:
    folded = compiled(heat(100, cells, periodic), backend='python')
    assert len(folded.routine.instructions) < 300


def test_signals_have_memory_where_they_are_sent() -> None:
    folded = compiled(net(60, 30), backend='python')
    assert folded.routine.sizes['signals'] == 0 < folded._gradient_routine.sizes['signals']
    assert 'signals' not in folded.source and 'signals' in folded.to_c()


@pytest.mark.parametrize('program, a_turn, with_gradient', [
    (lambda n: horner(n), 0, 0),
    # With the gradient, b u, d u, and what u and v were, at each of the four stages.
    (lambda n: runge_kutta(n), 0, 16),
    # Each cell's sum of neighbours, which k is multiplied by; the cells themselves only the next step reads.
    (lambda n: heat(n, 20, False), 0, 18),
    (lambda n: heat(n, 20, True), 0, 20),
])  # fmt: skip
def test_memory_grows_by_what_a_turn_must_keep(
    program: Any, a_turn: int, with_gradient: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, 'LARGE', 0)
    kept = []
    for turns in 20, 50, 80:
        folded = compiled(program(turns), backend='python')
        kept.append((folded.routine.kept, folded._gradient_routine.kept))
    for one, two in pairwise(kept):
        assert [b - a for a, b in zip(one, two)] == [30 * a_turn, 30 * with_gradient]
    assert kept[0][1] <= 20 * with_gradient + 2


@NATIVE
def test_what_repeats_itself_is_folded_sooner_for_machine_code_unless_it_is_cut() -> None:
    x, ws = Value(0.5), [Value(k / 100) for k in range(100)]

    plain, shared = (lambda w: w), (lambda w: F.exp(F.sin(w)))
    for backend, scale, folded in ('native', plain, True), ('python', plain, False), ('native', shared, False):
        y = F.sum([(scale(b) * x - a * x) ** 2 for a, b in pairwise(ws)])
        program = compile(y, rows=[x], parameters=ws, backend=backend)
        assert program.loops == folded
        assert program.value_and_gradient([w.data for w in ws], [[0.5]])[0] == pytest.approx(y.data)
