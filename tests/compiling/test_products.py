"""Products of matrices, taken out of nests of loops: what is taken, and that the numbers are those of the nests."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from microgradnet import MLP, Value, compile, half_squared_error
from microgradnet import functions as F
from microgradnet.compiling.ir import products, reroll
from microgradnet.compiling.ir.products import taken_apart
from microgradnet.compiling.ir.recompute import recompute
from microgradnet.compiling.ir.routine import Instruction, Loop, Routine
from microgradnet.compiling.ir.sweeps import prepare, routine
from microgradnet.compiling.printers.python import function
from microgradnet.functions import dot
from tests.compiling.test_unroll import loops
from tests.support.backends import NATIVE
from tests.support.examples import every, examples

SIZES = [[40, 29, 31, 2], [40, 16, 1], [3, 41, 50, 38, 3]]
Recorded = tuple[MLP, Value, list[Value]]


def recorded(sizes: list[int], activation: str = 'tanh') -> Recorded:
    """Return a net, the error of one row, and that row."""
    random.seed(5)
    net = MLP(sizes[0], sizes[1:], activation, 'identity')
    row = [Value(random.uniform(-1, 1)) for _ in range(sizes[0] + sizes[-1])]
    x, t = row[: sizes[0]], row[sizes[0] :]
    return net, half_squared_error([net(x)], [t if t[1:] else t[0]]), row


def gradient(of: Recorded) -> Routine:
    net, error, row = of
    return routine(prepare([error], row, net.parameters(), loops=True), gradient=True)


def both(of: Recorded, rows: Any, **options: Any) -> tuple[list[float], list[float]]:
    """Return value and gradient of rows in machine code, and as Python has them."""
    net, error, row = of
    theta = [p.data for p in net.parameters()]
    options_of: Any = {'rows': row, 'parameters': net.parameters(), 'loops': True}
    found = []
    for more in {'backend': 'native', **options}, {'backend': 'python'}:
        value, slopes = compile(error, **options_of, **more).value_and_gradient(theta, rows)
        found.append([float(value), *map(float, slopes)])
    return found[0], found[1]


def chance(of: Recorded, count: int) -> list[list[float]]:
    return [[random.uniform(-1, 1) for _ in of[2]] for _ in range(count)]


@NATIVE
@pytest.mark.parametrize('count', every(4, [2, 3, 4, 7, 8, 9, 16, 33, 100, 128, 131, 300]))
def test_the_gradient_of_any_number_of_rows_is_the_same(count: int) -> None:
    net = recorded(SIZES[0])
    assert taken_apart(gradient(net))[1]
    found, expected = both(net, chance(net, count))
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-12 * count)


@NATIVE
@examples(40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(3, 14), min_size=2, max_size=4), st.integers(9, 40), st.sampled_from(['one', 'tied', 'wired']),
    st.sampled_from([F.tanh, F.relu, F.sin, F.softplus]),
)  # fmt: skip
def test_random_layers(sizes: list[int], count: int, kind: str, activation: Any) -> None:
    """Layers one after the other; with the same weights for two, or all that came before as inputs of each."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, number in (reroll, 'LEAST', 6), (reroll, 'FEWEST', 3), (products, 'LEAST', 1):
            patch.setattr(module, name, number)
        x = [Value(random.uniform(-1, 1)) for _ in range(sizes[0])]
        theta, found = [Value(random.uniform(-0.3, 0.3)) for _ in range(1000)], x
        for number, size in enumerate(sizes):
            start = 0 if kind == 'tied' else 200 * number
            inputs = (found + x)[:14] if kind == 'wired' else found
            weights = [theta[start + len(inputs) * k :][: len(inputs)] for k in range(size)]
            found = [activation(dot(row, inputs)) for row in weights]
        error, rows = dot(found, found), [[random.uniform(-1, 1) for _ in x] for _ in range(count)]
        options: Any = {'rows': x, 'parameters': theta, 'loops': True}
        slopes = [
            compile(error, **options, backend=backend).value_and_gradient([w.data for w in theta], rows)[1]
            for backend in ('native', 'python')
        ]
    size = max(map(abs, slopes[1]))
    assert [*slopes[0]] == pytest.approx([*slopes[1]], rel=1e-10, abs=1e-12 * size)


def chained(sizes: list[int], turns: int, activation: Any) -> tuple[Value, list[Value], list[Value]]:
    """Return what layers and chains of numbers between them come to, and their inputs and weights."""
    x, theta = [Value(random.uniform(-1, 1)) for _ in range(sizes[0])], list[Value]()

    def weights(count: int) -> list[Value]:
        theta.extend(Value(random.uniform(-0.4, 0.4)) for _ in range(count))
        return theta[-count:]

    found = x
    for size in sizes[1:]:
        found = [activation(dot(weights(len(found)), found)) for _ in range(size)]
        y, (a, b) = dot(found, weights(size)), weights(2)
        for _ in range(turns):
            y = y + 0.1 * activation(a * y) * b
        found = [y * number for number in found]
    return dot(found, found), x, theta


def with_less(of: tuple[Value, list[Value], list[Value]], share: float) -> tuple[Routine, Routine]:
    """Return the routine of a gradient, and that of one with so much less memory of what can be saved."""
    error, x, theta = of
    tape = prepare([error], x, theta, loops=True)
    whole = routine(tape, gradient=True)
    with pytest.raises(ValueError, match='too little') as refused:
        recompute(tape, 0)
    found = re.search(r': (\d+) numbers of each row', str(refused.value))
    assert found
    return whole, recompute(tape, int(whole.memory - share * (whole.memory - int(found[1]))))


def test_what_is_left_and_the_products_are_the_whole_with_less_memory() -> None:
    of = _, x, theta = chained([20, 30], 60, F.tanh)
    whole, less = with_less(of, 1)
    assert less.memory < whole.memory
    rest, taken = taken_apart(less)
    assert [product.right for product in taken] == ['rows']
    given = [v.data for v in x], [v.data for v in theta]
    found, expected = function(rest)(*given), function(whole)(*given)
    theirs = {n for product in taken for places in product.places[0].ranges() for n in places}
    assert theirs
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert a == (0 if number in theirs else b)


@NATIVE
@pytest.mark.slow
@examples(30, suppress_health_check=[*HealthCheck])
@given(
    st.lists(st.integers(3, 14), min_size=2, max_size=3), st.integers(20, 120), st.integers(9, 40),
    st.sampled_from([F.tanh, F.sin, F.softplus]), st.sampled_from([0.3, 0.7, 1.0]),
)  # fmt: skip
def test_random_layers_with_less_memory(
    sizes: list[int], turns: int, count: int, activation: Any, share: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, number in (reroll, 'LEAST', 6), (reroll, 'FEWEST', 3), (products, 'LEAST', 1):
            patch.setattr(module, name, number)
        of = error, x, theta = chained(sizes, turns, activation)
        whole, less = with_less(of, share)
        assert less.memory < whole.memory
        assert taken_apart(less)[1] or not taken_apart(whole)[1]
        rows = [[random.uniform(-1, 1) for _ in x] for _ in range(count)]
        options: Any = {'rows': x, 'parameters': theta, 'loops': True}
        point = [w.data for w in theta]
        native, python = (
            compile(error, **options, **more).value_and_gradient(point, rows)[1]
            for more in ({'backend': 'native', 'memory': less.memory}, {'backend': 'python'})
        )
    assert [*native] == pytest.approx([*python], rel=1e-10, abs=1e-12 * max(map(abs, python)))


@NATIVE
@pytest.mark.parametrize('threads', every(2, [1, 3]))
@pytest.mark.parametrize('sizes', every(2, SIZES), ids=str)
def test_the_gradient_of_any_net_is_the_same(sizes: list[int], threads: int) -> None:
    net = recorded(sizes, 'relu')
    found, expected = both(net, chance(net, 45), threads=threads)
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-11)


@NATIVE
@pytest.mark.parametrize('place', [0, 20, 35, 36])
def test_an_infinite_number_goes_no_further_than_it_does_row_by_row(place: int) -> None:
    x, c, w = ([Value(random.uniform(0, 1)) for _ in range(size)] for size in (40, 16, 640))
    error = dot([dot(w[40 * j : 40 * j + 40], x) for j in range(16)], c)
    given: Any = {'rows': [*x, *c], 'parameters': w, 'loops': True}
    rows = [[random.uniform(0, 1) for _ in range(56)] for _ in range(37)]
    rows[place][2] = math.inf
    assert taken_apart(routine(prepare([error], [*x, *c], w, loops=True), gradient=True))[1]
    _, slopes = compile(error, **given, backend='native').value_and_gradient([p.data for p in w], rows)
    assert [*map(math.isinf, slopes)] == [k % 40 == 2 for k in range(640)]
    assert not any(map(math.isnan, slopes))


def test_a_net_has_a_product_for_each_layer_that_is_wide() -> None:
    rest, taken = taken_apart(made := gradient(recorded(SIZES[0])))
    assert [(product.right, product.places[0].counts) for product in taken] == [
        ('kept', (31, 28)),
        ('rows', (29, 39)),
    ]
    assert rest.kept == made.kept + 31 + 29  # the signals of two layers
    signals = [loop for block in rest.blocks for loop in loops(block) if loops(loop.blocks[0])]
    assert not any(name == 'add_to' and operands[0] == 'outputs' for name, operands in map(
        rest.instructions.__getitem__, (item for loop in signals for item in innermost(loop))
    ))  # fmt: skip


def innermost(loop: Loop) -> list[int]:
    inner = loops(loop.blocks[0])
    return [item for one in inner for item in innermost(one)] if inner else [
        item for item in loop.blocks[0] if isinstance(item, int)
    ]  # fmt: skip


@pytest.mark.parametrize('sizes', SIZES, ids=str)
def test_what_is_left_and_the_products_are_the_whole(sizes: list[int]) -> None:
    net, _, row = of = recorded(sizes)
    made = gradient(of)
    rest, taken = taken_apart(made)
    given = [x.data for x in row], [p.data for p in net.parameters()]
    found, expected = function(rest)(*given), function(made)(*given)
    theirs = {n for product in taken for places in product.places[0].ranges() for n in places}
    for number, (a, b) in enumerate(zip(found, expected)):
        assert a == (0 if number in theirs else pytest.approx(b, rel=1e-13, abs=1e-15))


def test_what_is_kept_more_than_once_is_left_alone() -> None:
    made = gradient(recorded(SIZES[0]))
    first = loops(made.blocks[0])[0]
    last = first.blocks[0][-1]
    assert isinstance(last, int) and made.instructions[last].name == 'store'  # what the neurons of a layer put out
    first.blocks[0].append(last)
    assert [product.right for product in taken_apart(made)[1]] == ['rows']


def test_what_a_loop_reads_while_it_is_added_to_is_left_alone() -> None:
    made = products._settled(gradient(recorded(SIZES[0])))
    added = [
        (outer, inner, k) for block in made.blocks for outer in loops(block) for inner in loops(outer.blocks[0])
        for k in inner.blocks[0] if isinstance(k, int) and made.instructions[k].operands[:1] == ('signals',)
        and products._Work(made).factors(outer, inner, k)
    ]  # fmt: skip
    assert added
    for outer, inner, k in added:
        outer.blocks[0].append(len(made.instructions))
        made.instructions.append(Instruction('load', made.instructions[k].operands[:2]))
        assert products._Work(made).factors(outer, inner, k) is None


def test_no_routine_is_changed() -> None:
    made = gradient(recorded(SIZES[0]))
    before = str(made)
    taken_apart(made)
    assert str(made) == before
