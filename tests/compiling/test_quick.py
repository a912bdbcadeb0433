"""The short way into machine code comes to what the long way comes to, and raises what it raises, whatever is given."""

from __future__ import annotations

import array
import copy
import gc
import inspect
import os
import pickle
import random
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')

from microgradnet import functions as F  # noqa: E402
from microgradnet.compiling import Program, compile, recording  # noqa: E402
from microgradnet.compiling.guards import BranchError  # noqa: E402
from microgradnet.compiling.run import native, quick  # noqa: E402
from microgradnet.compiling.run.engines import NEVER  # noqa: E402
from microgradnet.derivatives.transforms import grad, hessian, hvp, jacobian, value_and_grad  # noqa: E402
from microgradnet.derivatives.trees import take_apart  # noqa: E402
from microgradnet.engine.value import Value  # noqa: E402
from microgradnet.nets.losses import half_squared_error  # noqa: E402
from microgradnet.nets.net import MLP  # noqa: E402
from tests.support.backends import bits  # noqa: E402
from tests.support.examples import for_each, share  # noqa: E402

pytestmark = pytest.mark.skipif(not quick.is_supported(), reason='this Python has no short way')
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 5e-324, 1e308, -1.0, 1.0]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open the short ways at the first call."""
    monkeypatch.setattr(native, 'PATIENCE', 1)


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        yield made


def net(**options: Any) -> Program:
    made = MLP(2, [2, 1], 'tanh', 'sigmoid', seed=1)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    return compile(
        half_squared_error(made(x), t), rows=[*x, t], parameters=made.parameters(), **{'backend': 'native', **options}
    )


def steps() -> Program:
    """A program that folds into a loop."""
    x, a, b = Value(0.0), Value(0.5), Value(1.5)
    y = x
    for _ in range(50):
        y = y + a * (y * b).sin() / 50
    return compile(y * y, rows=[x], parameters=[a, b], loops=True, backend='native')


def without_rows() -> Program:
    ws = [Value(k / 2) for k in range(5)]
    return compile(sum((w * w for w in ws), Value(0.0)), parameters=ws, backend='native')


def without_parameters() -> Program:
    x, y = Value(1.0), Value(1.0)
    return compile({'sum': x + y, 'all': [x * y, x / y]}, rows=[x, y], backend='native')


PROGRAMS: dict[str, Callable[[], Program]] = {
    'net': net, 'steps': steps, 'without rows': without_rows, 'without parameters': without_parameters,
}  # fmt: skip


def long_way(program: Program) -> Program:
    """Return the same program, which has the long way alone."""
    other = copy.copy(program)
    for name in '_forward', '_gradient':
        other.__dict__.pop(name, None)
    for runner in (other._forward, *([other._gradient] if other._made.outputs == 1 else [])):
        runner.engine._learn = lambda *given: None  # type: ignore[attr-defined]
    return other


class Sub(float):
    pass


class SubList(list[Any]):
    pass


class SubArray(np.ndarray):  # type: ignore[misc]
    pass


def number(draw: random.Random) -> Any:
    """Draw a number as a rule, a float as a rule of that, and now and then what is none."""
    if draw.random() < 0.9:
        return draw.choice([draw.gauss(0, 2), draw.choice(SPECIAL), draw.randrange(-3, 4)])
    return draw.choice([True, None, '1', 10**400, -(10**20), Fraction(1, 3), np.float64(2), np.float32(0.1),
                        np.int64(3), Value(2.0), Sub(1.5), 1j, np.array(2.0), np.array([1.0])])  # fmt: skip


def numbers(draw: random.Random, n: int, plain: bool = False) -> Any:
    n = n if draw.random() < 0.95 or plain else draw.choice([0, n + 1, max(n - 1, 0)])
    items = [draw.gauss(0, 1) if plain else number(draw) for _ in range(n)]
    kind = draw.choice([list, list, tuple, tuple, SubList, iter, array_of_doubles, floats, floats, whole])
    try:
        return kind(items)
    except (TypeError, ValueError, OverflowError):
        return items


def array_of_doubles(items: list[Any]) -> Any:
    return array.array('d', items)


def floats(items: list[Any]) -> Any:
    return np.array(items, dtype=float)


def whole(items: list[Any]) -> Any:
    return np.array([int(x) for x in items])


def lie(draw: random.Random, rows: Any) -> Any:
    """Put an array elsewhere in memory, or make it another kind of array."""
    wide = np.zeros((2 * len(rows), *(2 * k for k in rows.shape[1:])))
    place = tuple(slice(None, None, 2) for _ in rows.shape)
    wide[place] = rows
    unaligned = np.zeros(rows.nbytes + 1, dtype=np.uint8)[1:].view(float).reshape(rows.shape)
    unaligned[...] = rows
    kept = rows.copy()
    kept.setflags(write=False)
    return draw.choice([
        rows, rows, rows, np.asfortranarray(rows), wide[place], rows[::-1], rows[..., ::-1], unaligned, kept,
        rows.astype(np.float32), rows.astype('>f8'), rows.astype(complex), rows.astype(object), rows > 0,
        rows.view(SubArray), np.ma.array(rows), rows[None], rows[..., None], rows.T, np.array(1.5),
        rows.astype([('x', float)]), rows.ravel(), memoryview(rows), rows.tolist(), [*rows], rows.astype('f2'),
        rows.astype('M8[s]') if np.isfinite(rows).all() else rows, rows.astype(np.longdouble),
    ])  # fmt: skip


def table(draw: random.Random, width: int) -> Any:
    """Draw rows of all kinds."""
    n = draw.choice([0, 1, 1, 2, 3, 4, 5, 8, 9, 16, 17, 33])
    plain = draw.random() < 0.8
    if draw.random() < 0.5:
        rows = np.array([[draw.gauss(0, 1) for _ in range(width)] for _ in range(n)]).reshape(n, width)
        return lie(draw, rows)
    kind = draw.choice([list, list, tuple, iter, SubList])
    return kind([numbers(draw, width, plain) for _ in range(n)])


def given(draw: random.Random, program: Program) -> tuple[Any, Any]:
    """Draw theta and rows."""
    theta = numbers(draw, len(program.parameters), draw.random() < 0.7)
    if draw.random() < 0.2 and type(theta) is np.ndarray and theta.dtype == float:
        theta = lie(draw, theta)
    several = draw.random() < 0.5
    rows = table(draw, program.width) if several else numbers(draw, program.width, draw.random() < 0.8)
    return theta, draw.choice([rows] * 40 + [None, 3.0, 'rows', {1.0: 2.0}, {1.0, 2.0}, Value(1.0), ((),), ()])


def outcome(ask: Callable[[Program], Any], program: Program) -> Any:
    """Return the bits and types of what comes, or what was raised."""
    try:
        found = ask(program)
    except RecursionError:  # nobody's answer to anything that is asked here
        raise
    except Exception as error:
        return type(error), re.sub('0x[0-9a-f]+', '', str(error))
    return shape(found), exact(found)


def shape(thing: Any) -> Any:
    if isinstance(thing, np.ndarray):
        return 'array', thing.shape, thing.dtype, thing.flags.writeable
    if isinstance(thing, dict):
        return {key: shape(part) for key, part in thing.items()}
    return (type(thing), [*map(shape, thing)]) if isinstance(thing, (list, tuple)) else type(thing)


def exact(thing: Any) -> Any:
    """Return bits, arrays without dimensions included."""
    if isinstance(thing, dict):
        return {key: exact(part) for key, part in thing.items()}
    listed = thing.tolist() if isinstance(thing, np.ndarray) else thing
    return [*map(exact, listed)] if isinstance(listed, (list, tuple)) else bits([listed])


def grads(program: Program, rows: Any) -> Any:
    for p in program.parameters:
        p.grad = 0.25
    return program.backward(rows), [p.grad for p in program.parameters]


@pytest.mark.parametrize('name', PROGRAMS)
@pytest.mark.parametrize('seed', [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 15))])
@pytest.mark.filterwarnings('ignore')
def test_both_ways_come_to_the_same(name: str, seed: int) -> None:
    program = PROGRAMS[name]()
    slow = long_way(program)
    several = program._made.outputs > 1
    taken, turns = 0, share(150, least=60)
    for turn in range(turns):
        def again(turn: int = turn) -> tuple[Any, Any]:
            return given(random.Random(f'{name} {seed} {turn}'), program)

        asks: list[Callable[[Program], Any]] = [lambda p: p(again()[1]), lambda p: p.sum(again()[1])]
        if not several:
            asks += [lambda p: p.value_and_gradient(*again()), lambda p: grads(p, again()[1])]
        for place, ask in enumerate(asks):
            assert outcome(ask, program) == outcome(ask, slow), (turn, place, again())
        taken += not several and program._gradient.quick.value_and_gradient(*again()) is not None
    assert slow._forward.quick is NEVER
    assert several or taken > turns // 10


def test_the_short_way_is_taken_for_plain_numbers() -> None:
    program, draw = net(), np.random.default_rng(1)
    theta = [p.data for p in program.parameters]
    for n in 1, 2, 3, 4, 7, 8, 9, 15, 16, 17:
        rows = draw.normal(size=(n, 3))
        for given_rows in rows, rows.tolist(), [tuple(row) for row in rows.tolist()], tuple(rows.tolist()), rows[::-1]:
            for given_theta in theta, tuple(theta), np.array(theta), np.array(theta)[::-1]:
                program(given_rows), program.value_and_gradient(given_theta, given_rows)
                assert program._forward.quick.each(given_theta, given_rows).shape == (n, 1)
                value, slopes = program._gradient.quick.value_and_gradient(given_theta, given_rows)  # type: ignore[misc]
                assert type(value) is float
                assert slopes.shape == (9,)
    program([1, 2, 3])
    one = program._forward.quick.each(theta, [1, 2, 3])
    assert type(one) is list
    assert type(one[0]) is float


def test_the_gradient_is_an_array_of_its_own() -> None:
    program = without_rows()
    first = [program.value_and_gradient([1.0] * 5) for _ in range(3)][-1][1]
    second = program.value_and_gradient([2.0] * 5)[1]
    assert first.tolist() == [2.0] * 5
    assert second.tolist() == [4.0] * 5
    assert first.flags.writeable
    assert first.base is None


def test_wrong_arguments_are_said_of_the_program() -> None:
    program = without_rows()
    for _ in range(4):
        program.value_and_gradient([1.0] * 5)
        for arguments, more in [((), {}), (([1.0] * 5, (), 3), {}), (([1.0] * 5,), {'row': ()})]:
            with pytest.raises(TypeError, match=r'^Program\.value_and_gradient\(\) '):
                program.value_and_gradient(*arguments, **more)  # type: ignore[arg-type]
    assert 'value_and_gradient' in program.__dict__


def leaves_nothing(calls: Callable[[], None], things: list[Any]) -> bool:
    """Tell whether many calls, once they have been done before, take no memory and no hold of things."""
    calls()
    gc.collect()
    counts, blocks = [sys.getrefcount(thing) for thing in things], sys.getallocatedblocks()
    calls()
    gc.collect()
    held = [sys.getrefcount(thing) - count for thing, count in zip(things, counts)]
    return sys.getallocatedblocks() - blocks < 100 and all(abs(more) < 10 for more in held)


def test_nothing_is_left_behind() -> None:
    program = net()
    theta, rows = np.zeros(9), np.ones((4, 3))
    lists = [[0.5, 1.5, 2.5] for _ in range(4)]
    wrong = [[0.5, 1.5, None] for _ in range(4)]
    odd = np.ones((4, 3), dtype='>f8')
    short = program._gradient.quick, program._forward.quick
    for _ in range(3):
        program.value_and_gradient(theta, rows), program(rows), program(lists[0])
    short = program._gradient.quick, program._forward.quick
    things = [theta, rows, lists, lists[0], lists[0][0], wrong, odd, None, np.dtype(float), float]

    def calls() -> None:
        for _ in range(2000):
            for given_rows in rows, lists, wrong, odd, lists[0], rows[0], None, 3:
                for ways in short:
                    for way in ways:
                        way(theta, given_rows)
            short[0].value_and_gradient(rows, rows)
            short[0].value_and_gradient(None, rows)

    assert leaves_nothing(calls, things)
    theta.resize(12, refcheck=False)  # refused while somebody holds its buffer


def test_a_way_outlives_its_program() -> None:
    program = net()
    rows = np.ones((4, 3))
    expected = program.value_and_gradient(np.zeros(9), rows)
    way = program._gradient.quick.value_and_gradient
    del program
    gc.collect()
    assert bits(way(np.zeros(9), rows)) == bits(expected)


def test_a_way_that_nobody_has_is_given_free() -> None:
    import weakref

    program = net()
    program([1.0, 2.0, 3.0])
    gone = weakref.ref(program._forward.engine)
    [code] = program._forward.engine._codes.values()  # type: ignore[attr-defined]
    machine = weakref.ref(next(iter(code.machines.values())))
    del program, code
    gc.collect()
    assert gone() is machine() is None


def test_threads_and_calls_in_calls_use_memory_of_their_own() -> None:
    program = steps()
    draw = np.random.default_rng(0)
    tables = [draw.normal(size=(640, 1)) for _ in range(4)]
    expected = [bits(program.value_and_gradient([0.5, 1.5], rows)) for rows in tables]
    assert program._gradient.engine._doors['sums']._work * 640 > quick.LONG  # type: ignore[attr-defined]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(100):
            if bits(program.value_and_gradient([0.5, 1.5], tables[k])) != expected[k]:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_slot_in_use_is_neither_entered_nor_taught_anew() -> None:
    program = net()
    rows = np.ones((4, 3))
    expected = bits(program.value_and_gradient(np.zeros(9), rows))
    door = program._gradient.engine._doors['sums']  # type: ignore[attr-defined]
    kept = door._kept[4]
    door._put(4, busy=1)
    assert door.quick.value_and_gradient(np.zeros(9), rows) is None
    assert bits(program.value_and_gradient(np.zeros(9), rows)) == expected
    program.value_and_gradient(np.zeros(9), np.ones((20, 3)))  # which would have the same slot
    assert door._kept[4] is kept
    door._put(4, busy=0)
    program.value_and_gradient(np.zeros(9), np.ones((20, 3)))
    assert door._kept[4] is not kept
    assert door.quick.value_and_gradient(np.zeros(9), rows) is None
    assert bits(program.value_and_gradient(np.zeros(9), rows)) == expected


def test_more_memory_than_a_slot_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, 'MOST', 20)
    program = net()
    for n in 4, 40:
        program.sum(np.ones((n, 3)))
    assert program._forward.quick.sum([0.0] * 9, np.ones((4, 3))) is not None
    assert program._forward.quick.sum([0.0] * 9, np.ones((40, 3))) is None


def test_pickles_and_copies_and_children_find_their_own() -> None:
    program = net()
    rows = np.ones((4, 3))
    expected = bits(program.value_and_gradient(np.zeros(9), rows))
    for other in pickle.loads(pickle.dumps(program)), copy.deepcopy(program):
        for _ in range(3):
            assert bits(other.value_and_gradient(np.zeros(9), rows)) == expected
    engine = pickle.loads(pickle.dumps(program._gradient.engine))
    assert engine.quick is NEVER
    if hasattr(os, 'fork'):
        child = os.fork()
        if not child:
            os._exit(bits(program.value_and_gradient(np.zeros(9), rows)) != expected)
        assert os.waitpid(child, 0)[1] == 0


def test_there_is_no_short_way_with_branches_or_threads_or_on_other_pythons(patch: pytest.MonkeyPatch) -> None:
    x = Value(2.0)
    with recording():
        y = x * x if x > 1 else x
    program = compile(y, rows=[x], backend='native')
    for _ in range(3):
        assert program([3.0]) == 9.0
    with pytest.raises(BranchError):
        program([0.5])
    assert program._forward.quick is NEVER
    threads = net(threads=2)
    patch.setattr(native, 'is_supported', lambda: False)
    other = net()
    for _ in range(3):
        assert bits(threads([1.0, 2.0, 3.0])) == bits(other([1.0, 2.0, 3.0]))
    assert threads._forward.quick is other._forward.quick is NEVER


def test_mapped_rows_go_the_long_way(tmp_path: Path) -> None:
    program = net()
    rows = np.ones((4, 3))
    np.save(tmp_path / 'rows.npy', rows)
    mapped = np.load(tmp_path / 'rows.npy', mmap_mode='r')
    expected = bits(program.value_and_gradient(np.zeros(9), rows))
    assert program._gradient.quick.value_and_gradient(np.zeros(9), mapped) is None
    assert bits(program.value_and_gradient(np.zeros(9), mapped)) == expected


def test_an_engine_waits_before_it_makes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, 'PATIENCE', 3)
    program = net()
    found = []
    for _ in range(4):
        program([1.0, 2.0, 3.0])
        found.append(program._forward.quick is NEVER)
    assert found == [True, True, False, False]


def test_a_program_without_outputs_is_as_before() -> None:
    program = compile([], rows=[Value(0.0)], backend='native')
    assert [program([1.0]) for _ in range(3)] == [[], [], []]
    assert [program.sum([[1.0]]) for _ in range(3)] == [[], [], []]


# Rows that are bound.


@for_each('backend', ['python', 'numpy', 'native'])
@for_each('n', [0, 1, 5, 19])
def test_bound_rows_are_those_they_were(backend: str, n: int) -> None:
    program, rows = net(backend=backend), np.random.default_rng(n).normal(size=(n, 3))
    theta = np.linspace(-1, 1, 9)
    for given_rows in rows, np.asfortranarray(rows), rows.tolist(), iter(rows.tolist()), rows[::-1][::-1]:
        kept = program.bind(given_rows)
        for scale in 0.5, 2.0:
            for p, x in zip(program.parameters, theta * scale):
                p.data = float(x)
            for given_theta in theta * scale, (theta * scale).tolist(), tuple(theta * scale):
                again = [*map(float, given_theta)]
                found = kept.value_and_gradient(given_theta)
                expected = program.value_and_gradient(again, rows)
                assert (shape(found), bits(found)) == (shape(expected), bits(expected))
                assert bits([kept.sum(again)]) == bits([program.sum(rows)])
    kept = program.bind(rows)
    before = bits(kept.value_and_gradient(theta))
    rows += 1
    assert bits(kept.value_and_gradient(theta)) == before
    for other in pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept):
        assert bits(other.value_and_gradient(theta)) == before


def test_bound_rows_go_the_short_way_and_errors_are_the_same() -> None:
    program = net()
    kept = program.bind(np.ones((5, 3)))
    assert kept._gradient.value_and_gradient([0.5] * 9) is not None
    assert kept._forward.sum((0.5,) * 9) is not None
    for theta in [0.5] * 8, None, 'theta', [None] * 9, np.zeros((9, 1)), np.zeros(9, complex), 1.0:
        expected = outcome(lambda p, theta=theta: p.value_and_gradient(theta, np.ones((5, 3))), program)  # type: ignore[misc]
        for way in kept.value_and_gradient, kept.sum:
            assert outcome(lambda p, theta=theta, way=way: way(theta), program) == expected  # type: ignore[misc]
    with pytest.raises(ValueError, match='takes rows of 3'):
        program.bind([[1.0, 2.0]])
    long = net(threads=2).bind(np.ones((50, 3)))
    assert long._gradient is NEVER
    whole = program.bind(np.ones((50, 3)))
    assert np.allclose(*(bound.value_and_gradient([0.5] * 9)[1] for bound in (long, whole)))


def watched(by_parameters: bool) -> Program:
    x, w = Value(2.0), Value(1.0)
    with recording():
        y = w * x * x if (w * x if by_parameters else x) > 1 else x
    return compile(y, rows=[x], parameters=[w], backend='native')


def test_bound_rows_are_watched() -> None:
    program = watched(by_parameters=False)
    with pytest.raises(BranchError, match='row 1 '):
        program.bind([[2.0], [0.5]])
    kept = program.bind([[2.0], [3.0]])
    assert kept.value_and_gradient([2.0])[0] == 26.0
    assert kept._gradient is not NEVER
    both = watched(by_parameters=True).bind([[2.0], [3.0]])
    assert both.value_and_gradient([2.0])[0] == 26.0
    assert both._gradient is NEVER
    with pytest.raises(BranchError, match='row 0 '):
        both.value_and_gradient([0.25])


# Compiled functions.


def weighed(*xs: Any) -> Any:
    """Return a function's outputs, of whatever structure its numbers come in."""
    leaves, build = take_apart(xs)
    total = sum((x * k for k, x in enumerate(leaves, 1)), 0.0 * WEIGHT)
    return {'total': total * WEIGHT, 'like': build([x * x for x in leaves])}


WEIGHT = Value(1.5)


def curve(*xs: Any) -> Any:
    """Return a number that has infinite partials where a number is 0."""
    leaves, _ = take_apart(xs)
    return sum((F.sqrt(abs(x)) * k + x * x * leaves[0] for k, x in enumerate(leaves, 1)), 0.0 * WEIGHT) * WEIGHT


def branching(*xs: Any) -> Any:
    leaves, _ = take_apart(xs)
    return [x * x if x > 0 else -x for x in leaves]


#: How many calls of each function are tried.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    'weighed': (weighed, 50), 'branching': (branching, 25), 'curve': (curve, 25), 'gradient': (grad(curve), 20),
    'value and gradient': (value_and_grad(curve), 20), 'hessian': (hessian(curve), 20),
    'jacobian': (jacobian(lambda *xs: weighed(*xs)['like']), 20), 'hvp': (hvp(curve), 20),
}  # fmt: skip


def argument(draw: random.Random) -> Any:
    one: Callable[[], Any] = lambda: number(draw) if draw.random() < 0.2 else draw.gauss(0, 1)  # noqa: E731
    n = draw.choice([0, 1, 2, 2, 2, 3])
    return draw.choice([
        one, one, one, lambda: [one() for _ in range(n)], lambda: tuple(one() for _ in range(n)),
        lambda: lie(draw, np.array([draw.gauss(0, 1) for _ in range(n)])), lambda: [[one() for _ in range(n)]],
        lambda: {'a': one()}, lambda: (one(), [one()]), lambda: np.array([[draw.gauss(0, 1)] * n]),
    ])()  # fmt: skip


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name', FUNCTIONS)
@pytest.mark.parametrize('seed', [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 8))])
def test_a_compiled_function_goes_both_ways_to_the_same(name: str, seed: int) -> None:
    f, turns = FUNCTIONS[name]
    short, long = (compile(f, backend='native') for _ in range(2))
    for turn in range(share(turns, least=8)):
        def again(turn: int = turn) -> list[Any]:
            draw = random.Random(f'{seed} {turn}')
            return [argument(draw) for _ in range(draw.choice([0, 1, 1, 1, 2, 3]))]

        WEIGHT.data = 1.0 + turn
        long._short.clear()
        asks: list[Callable[[Any], Any]] = [lambda f: f(*again())] * 2
        for ask in asks:
            assert outcome(ask, short) == outcome(ask, long), again()


def test_a_compiled_function_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = [(1.0, 2), ([1.0, 2.0],), ((1.0, 2.0, 3.0),), (np.array([1.0, 2.0]),), (2.0,)]
    for f, _ in FUNCTIONS.values():
        compiled = compile(f, backend='native')
        several = [([1.0, 2.0], (3.0, 4.0))] if f is FUNCTIONS['hvp'][0] else calls
        expected = [outcome(lambda g, call=call: g(*call), compiled) for call in several]  # type: ignore[misc]
        monkeypatch.setattr(compiled, '_row', None)
        assert [outcome(lambda g, call=call: g(*call), compiled) for call in several] == expected  # type: ignore[misc]


@pytest.mark.parametrize('call', [lambda f, x: f({'a': x}), lambda f, x: f([x, {'key': [x]}])])
def test_structures_that_have_no_short_way_go_the_long_one(call: Callable[[Any, float], Any]) -> None:
    f = compile(lambda thing: [leaf * 2 for leaf in take_apart(thing)[0]], backend='native')
    for turn in range(native.PATIENCE + 4):
        assert {*call(f, 1.5 + turn)} == {3.0 + 2 * turn}


def test_structures_are_read_and_made_without_python() -> None:
    """Nested arguments, arrays of any strides, results of all kinds of parts, directions side by side."""
    table, x = np.linspace(-1, 1, 24).reshape(4, 6)[::-1, ::2], [0.5, -1.5, 2.0]
    f = compile(lambda a, b: ([a[0][1] * b[1], (b[0],)], a * b[1], [], b[2][0] * 2), backend='native')
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (f, (table, (3.0, 2, [0.5]))),
        (compile(jacobian(lambda p: [p[0] * p[1], p[1].sin(), p[2] * p[2], p[0]]), backend='native'), (x,)),
        (compile(jacobian(lambda p: [p[0] * p[1], p[1].sin()]), backend='native'), (np.array(x),)),
        (compile(hessian(lambda p, q: p[0] * p[1] * p[2] * q), backend='native'), (np.array(x), 3.0)),
        (compile(hvp(lambda p: p[0] * p[1] * p[2]), backend='native'), (x, [1.0, 0.0, 2.0])),
        (compile(grad(lambda q, p: p[0] * q * q), backend='native'), (3.0, x)),
    ]
    for function, arguments in calls:
        expected = outcome(lambda g, a=arguments: g(*a), function)  # type: ignore[misc]
        found = [way(*arguments) for way in function._short[len(arguments), type(arguments[0])]]
        assert [(shape(thing), exact(thing)) for thing in found] == [expected]
        assert function._latest(*arguments[:-1], None) is function._latest() is None


def test_no_object_is_left_or_lost_by_a_call() -> None:
    f = compile(lambda a, b: ([a[0], (a[1], a)], b * a[0], {'a': 1.0 * a[0]}), backend='native')
    g = compile(jacobian(lambda p: [p[0] * p[1], F.sqrt(p[1])]), backend='native')
    a, b, wrong, zero = [0.5, 1.5], np.ones((2, 3)), [0.5, None], [1.0, 0.0]
    f(a, b), g(a)
    things = [a, b, wrong, None, np.dtype(float), float, a[0]]

    def calls() -> None:
        for _ in range(2000):
            for one, two in (a, b), (a, b[0]), (wrong, b), (b, a), (a, 3), (None, None):
                f._latest(one, two), g._latest(one), g._latest(zero), g._latest()

    assert leaves_nothing(calls, things)


def test_value_and_gradient_becomes_a_builtin_that_goes_the_long_way_itself() -> None:
    program, theta, rows = net(), [0.5] * 9, np.ones((4, 3))
    expected = exact(program.value_and_gradient(theta, rows))
    way: Any = program.value_and_gradient
    assert type(way) is type(len)
    assert exact(way(theta, rows)) == exact(way(theta=theta, rows=rows)) == exact(way(theta, rows=rows)) == expected
    assert exact(way(theta, np.ones((5, 3)))) == exact(way(theta, np.ones((5, 3)).tolist()))
    assert exact(pickle.loads(pickle.dumps(way))(theta, rows)) == expected
    assert way.__name__ == 'value_and_gradient'
    assert way.__doc__ == inspect.getdoc(Program.value_and_gradient)
    given = inspect.signature(way).parameters
    assert [*given] == ['theta', 'rows', 'executor', 'shards']
    assert given['rows'].default == [*inspect.signature(Program.value_and_gradient).parameters['rows'].default] == [()]
    with pytest.raises(TypeError, match='missing 1 required positional argument'):
        way()
    with pytest.raises(TypeError, match='unexpected keyword'):
        way(theta, row=rows)
    with pytest.raises(ValueError, match='theta has 8 numbers; the program has 9 parameters'):
        way(theta[:8], rows)
    with ThreadPoolExecutor(2) as pool:
        assert exact(way(theta, rows, executor=pool, shards=1)) == expected
    assert exact(way(theta, rows)) == expected


def test_a_program_is_gone_with_its_last_user_and_outlived_by_its_function() -> None:
    program = net()
    for _ in range(2):
        expected = exact(program.value_and_gradient([0.5] * 9, np.ones((4, 3))))
    way, watch = program.value_and_gradient, weakref.ref(program)
    assert 'value_and_gradient' in vars(program)
    del program
    assert watch() is None
    assert exact(way([0.5] * 9, np.ones((4, 3)))) == exact(way([0.5] * 9, rows=np.ones((4, 3)))) == expected


def test_a_class_that_says_itself_what_its_value_and_gradient_are_is_asked() -> None:
    class Twice(Program):
        def value_and_gradient(self, *given: Any, **named: Any) -> Any:
            value, slopes = super().value_and_gradient(*given, **named)
            return 2 * value, 2 * slopes

    x = Value(3.0)
    program = Twice(x * x, parameters=[x], backend='native')
    assert [program.value_and_gradient([3.0])[0] for _ in range(4)] == [18.0] * 4


def test_a_method_that_was_taken_early_goes_the_short_way_too(monkeypatch: pytest.MonkeyPatch) -> None:
    program, theta, rows = net(), [0.5] * 9, np.ones((4, 3))
    early = program.value_and_gradient
    expected = [exact(early(theta, rows)) for _ in range(3)][-1]
    monkeypatch.setattr(program._slopes.runner, 'sums', None)  # what the long way asks
    assert exact(early(theta, rows)) == exact(program.value_and_gradient(theta, rows)) == expected


def test_parameters_without_gaps_are_read_where_they_are() -> None:
    program = without_rows()
    theta = np.arange(10.0)
    for given in theta[:5], theta[5:], theta[::2], theta[4::-1], theta[:5].tolist():
        for _ in range(3):
            value, slopes = program.value_and_gradient(given)
        assert value == sum(w * w for w in given)
        assert slopes.tolist() == [2 * w for w in given]
        door = program._gradient.engine._doors['sums']  # type: ignore[attr-defined]
        there = door._context[door._at(1, 'parameters')]
        dense = isinstance(given, np.ndarray) and given.strides == (8,)
        assert there == (quick.address(given) if dense else door._context[door._at(1, 'theta')])
    assert theta.tolist() == [*range(10)]


def test_a_compiled_function_takes_all_its_paths() -> None:
    f = compile(lambda x: x * x if x > 1 else -x, backend='native')
    assert [f(x) for x in (2.0, 0.5, 3.0, 0.25, 4.0)] == [4.0, -0.5, 9.0, -0.25, 16.0]
    assert f.map(np.array([2.0, 0.5, 3.0])).tolist() == [4.0, -0.5, 9.0]
    assert f.map(np.array([2.0, 3.0])).tolist() == [4.0, 9.0]


def test_a_compiled_function_is_copied_without_its_short_ways() -> None:
    f = compile(weighed, backend='native')
    expected = bits(f(1.0, 2.0))
    assert bits(copy.deepcopy(f)(1.0, 2.0)) == expected
    assert not copy.copy(f)._short
