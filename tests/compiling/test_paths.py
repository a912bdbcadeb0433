"""Branches of compiled functions: random programs, and rows that come where no recording was, are as without it."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import count, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import compile, custom, grad, hessian, hvp, jacobian, sparse_jacobian, value_and_grad
from microgradnet import functions as F
from microgradnet.compiling import BranchWarning
from microgradnet.compiling import ways as policy
from microgradnet.engine.value import Value
from tests.support.backends import ARRAYS, BACKENDS, bits
from tests.support.examples import UNSHRUNK, every, examples
from tests.support.grammar import ALL, NUMBERS, Program, check, flat, points_of, programs, rows_of, same, uncompiled

every_backend = pytest.mark.parametrize('backend', BACKENDS)
#: NumPy's programs are those of Python, of arrays: what compares and branches is tried on one of the two.
most_backends = pytest.mark.parametrize('backend', every(2, BACKENDS))
first_backend = pytest.mark.parametrize('backend', every(3, BACKENDS))
pytestmark = [
    pytest.mark.filterwarnings('ignore::microgradnet.compiling.guards.BranchWarning'), pytest.mark.usefixtures('apart')
]
NAN = math.nan

# Random programs.

#: All statements but the loops whose count depends on numbers.
PLAIN = [name for name in ALL if name not in ('where', 'while')]
seeds = st.integers(0, 99)


@most_backends
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL), seeds)
def test_random_programs_are_what_they_are_without_compiling(backend: str, f: Program, seed: int) -> None:
    check(f, rows_of(seed, 20), backend, f, exact=backend == 'python')


@pytest.mark.slow
@examples(20, phases=UNSHRUNK)
@given(programs(*PLAIN), seeds)
def test_in_python_rounded_numbers_compare_as_they_do_without_it(f: Program, seed: int) -> None:
    rounded = '    if F.sin(p) > q * 0.1:\n        q = q / 3.0\n    if F.exp(F.tanh(p)) > q:\n        p = -q\n'
    head, end = f.text.rsplit('    return', 1)
    f = Program(f'{head}{rounded}    return{end}')
    check(f, rows_of(seed, 20), 'python', f, exact=True)


@first_backend
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL), seeds)
def test_gradients_of_random_programs(backend: str, f: Program, seed: int) -> None:
    for derivative in grad(f), value_and_grad(f):
        check(derivative, rows_of(seed, 15), backend, f)


@first_backend
@examples(20, phases=UNSHRUNK)
@given(programs(*PLAIN), seeds)
def test_second_order_of_random_programs(backend: str, f: Program, seed: int) -> None:
    rows = [row for row in rows_of(seed, 8) if row[0] == row[0]]  # what a nan moves is not the same for all
    check(hessian(f), rows, backend, f)
    check(lambda x: hvp(f)(x, [1.0, -0.5, 0.0]), rows[-3:], backend, f)


@first_backend
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL), seeds)
def test_second_order_of_random_programs_with_while_loops(backend: str, f: Program, seed: int) -> None:
    points = points_of(seed, 6)
    check(hessian(f), points[:3], backend, f)
    check(hvp(f), points, backend, f, [1.0, -0.5, 0.0])


# Rows that come where no recording was.


@pytest.mark.slow
@every_backend
def test_of_many_rows_none_is_wrong(backend: str) -> None:
    def f(x: Any) -> Any:
        total = x[0]
        for k, step in enumerate(x):
            total = total + step
            if total > 3:
                return total - k
            if total == step:
                total = total * 0.5
            elif step < -0.5:
                total = abs(total) + 0.25 * step
        return -total

    random = Random(5)
    rows = [[random.randrange(-8, 9) / 8 for _ in range(8)] for _ in range(10**5)]
    rows[77], rows[78] = [NAN] * 8, [-0.0] * 8
    g, slope = compile(f, backend=backend), compile(value_and_grad(f), backend=backend)
    assert bits(g.map(rows)) == bits([f(row) for row in rows])
    some = rows[:2000]
    for pair, row in zip(slope.map(some), some):
        assert flat(pair) == pytest.approx(flat(value_and_grad(f)(row)), nan_ok=True)
    assert len(g.paths) <= g.most_paths


@every_backend
@pytest.mark.parametrize('relation', ['<', '<=', '>', '>=', '==', '!='])
def test_comparisons(backend: str, relation: str) -> None:
    edges = [0.0, -0.0, 1.0, 1 / 3, math.nextafter(1 / 3, 1), NAN, 2.0**53, 2.0**53 + 2, math.inf, -math.inf]
    pairs = [*product(edges, repeat=2)]
    others = ['y', 'Fraction(1, 3)', '0.0', '-0.0', '2**53 + 1', '10**400', 'x']
    for other in others[: 7 if backend == 'python' else 2]:
        f = eval(f'lambda x, y: x * 2.0 if x {relation} {other} else y - x', {'Fraction': Fraction})
        g = compile(f, backend=backend)
        assert bits([g(*pair) for pair in pairs[::7]]) == bits([f(*pair) for pair in pairs[::7]]), other
        assert bits(g.map(*zip(*pairs))) == bits([f(*pair) for pair in pairs]), other
        assert len(g.paths) <= 2


#: Functions that on the other side of 0 have an infinite partial, or none.
SIDES: list[Callable[[Any], Any]] = [
    lambda x: F.log(x) if x > 0 else x * 0.0,
    lambda x: F.sqrt(x) if x > 0 else 0.0 * x,
    lambda x: 1 / x if x != 0 else x,
    lambda x: x * F.log(x) if x > 0 else -x,
    lambda x: F.log(1 / x) * F.sqrt(x) if x > 0 else x * x,
    lambda x: (x**1.5 if x > 0 else x) * 2.0,
    lambda x: F.atanh(x) if abs(x) < 1 else F.sqrt(x * x - 1) if abs(x) > 1 else x,
]


@every_backend
@pytest.mark.parametrize('f', every(2, SIDES))
def test_nothing_leaks_from_the_side_not_taken(backend: str, f: Callable[[Any], Any]) -> None:
    points = [2.0, -1.0, 0.0, -0.0, 1.0, 0.5]
    for derivative in f, grad(f), value_and_grad(f), grad(grad(f)):
        wanted = [uncompiled(derivative, x) for x in points]
        g = compile(derivative, backend=backend)
        for _ in range(2):  # while paths are recorded, and after
            for x, numbers in zip(points, wanted):
                same(g(x), numbers, False, (derivative, x))
        for x, found, numbers in zip(points, compile(derivative, backend=backend).map(points), wanted):
            same(found, numbers, False, (derivative, x))


@pytest.mark.parametrize('backend', [None, 'python', BACKENDS[1]])
def test_custom_operations_are_asked_on_their_side_alone_or_may_fail(backend: str | None) -> None:
    def value(x: float) -> float:
        if x <= 0:
            raise ValueError('asked on the other side')
        return math.log(x)

    own = custom(value, lambda x: 1 / x)

    def f(x: Any) -> Any:
        return own(x) * 2.0 if x > 0 else x * x

    for order in ([2.0, -1.0, 0.0], [0.0, -1.0, 2.0]):
        for derivative in f, grad(f), value_and_grad(f):
            g = compile(derivative, backend=backend)
            for x in order * 2:
                assert flat(g(x)) == pytest.approx(flat(derivative(x)))
            assert [flat(y) for y in g.map(order)] == [pytest.approx(flat(derivative(x))) for x in order]


@every_backend
def test_paths_of_different_structures_and_their_derivatives(backend: str) -> None:
    def f(x: Any, y: Any) -> Any:
        if x > 1:
            return {'a': x * y, 'b': [x, y]}
        return [x + y] if x > 0 else x * y

    points = [(2.0, 3.0), (0.5, 1.0), (-1.0, 2.0), (3.0, 1.0), (0.25, 1.0), (NAN, 1.0)]
    g = compile(f, backend=backend)
    for _ in range(2):
        assert repr([g(*point) for point in points]) == repr([f(*point) for point in points])
        assert repr(g.map(*zip(*points))) == repr([f(*point) for point in points])
    slope = compile(jacobian(f), backend=backend)
    assert repr([slope(*point) for point in points]) == repr([jacobian(f)(*point) for point in points])


@pytest.mark.parametrize('backend', ARRAYS)
def test_sparse_results_of_several_paths(backend: str) -> None:
    pytest.importorskip('scipy')

    def f(x: Any) -> Any:
        if x[0] > 0:
            return [x[0] * x[1], x[2] * x[2]]
        return [x[2], x[1] * x[1]]

    g, wanted = compile(sparse_jacobian(f), backend=backend), sparse_jacobian(f)
    points = [[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0], [0.0, 1.0, -1.0], [5.0, 1.0, 1.0]]
    for point, found in zip(points * 2, [*map(g, points), *g.map(points)]):
        assert found.toarray().tolist() == wanted(point).toarray().tolist()


@every_backend
def test_values_from_outside_that_only_one_path_has(backend: str) -> None:
    a, b = Value(3.0), Value(-2.0)

    def f(x: Any) -> Any:
        return a * x if x > 0 else b + x if x < b else x * x

    g, slope = compile(f, backend=backend), compile(grad(f), backend=backend)
    points = [1.0, -1.0, -5.0, 2.0]
    for _ in range(2):
        assert [g(x) for x in points] == [f(x) for x in points]
        assert [slope(x) for x in points] == [grad(f)(x) for x in points]
        a.data, b.data = 7.0, -0.5
    assert len(g.paths) == 3


@every_backend
def test_a_compiled_function_travels_with_its_paths(backend: str) -> None:
    rows = [[1.0, 0.5, 0.0], [1.0, 1.0, 1.0], [0.25, 0.5, 1.5]]
    g = compile(max, backend=backend)  # Python's, which compares
    wanted = g.map(*rows)
    assert wanted == [max(row) for row in zip(*rows)]
    twin = pickle.loads(pickle.dumps(g))
    assert twin.map(*rows) == wanted and len(twin.paths) == len(g.paths) > 1


def knocked_out(x: list[Any]) -> Any:
    total = x[0]
    for step in x:
        total = total + step
        if total > 2:
            return total * 0.0
    return total


@every_backend
def test_threads_share_the_paths(backend: str) -> None:
    rows = [[a, b, c] for a, b, c in product(NUMBERS, repeat=3)]
    wanted = [float(knocked_out(row)) for row in rows]
    for _ in range(3):
        g = compile(knocked_out, backend=backend)
        parts = [rows[k::4] for k in range(4)] * 2
        with ThreadPoolExecutor(8) as pool:
            found = [*pool.map(lambda part, g=g: [g(row) for row in part[:20]] + g.map(part[20:]), parts)]
        assert found == [wanted[k::4] for k in range(4)] * 2
        assert len({tuple(guard.held for guard in path.guards) for path in g.paths}) == len(g.paths)


# What is done for paths: calls are counted, and what is printed.


class Work:
    """Counts the calls of a function, and notes how large the programs are that are made of its paths."""

    def __init__(self, f: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.f, self.calls, self.printed = f, 0, []  # type: ignore[var-annotated]
        init = policy.Run.__init__

        def noted(run: Any, *arguments: Any) -> None:
            init(run, *arguments)
            self.printed.append(run.size)

        monkeypatch.setattr(policy.Run, '__init__', noted)

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.f(*arguments)


def walk(steps: int, is_knocked_out: bool) -> Callable[..., Any]:
    def f(s: Any, sigma: Any, z: Any) -> Any:
        total = 0.0
        for step in z:
            s = s * F.exp(sigma * step - 0.5 * sigma * sigma)
            if s > 120:
                if is_knocked_out:
                    return 0.0
                total = total + (s - 120)
        return total + F.max(s - 100, 0.0)

    return f


@pytest.mark.slow
@pytest.mark.parametrize('is_knocked_out', every(2, [False, True]))
def test_little_is_done_for_many_paths_that_seldom_come_again(
    is_knocked_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, steps = Random(1), 50
    f = Work(walk(steps, is_knocked_out), monkeypatch)
    rows = [(100.0, 0.05, [random.gauss(0, 1) for _ in range(steps)]) for _ in range(200)]
    g = compile(f, backend='python')
    found = g.map(*zip(*rows))
    assert found == pytest.approx([f.f(*row) for row in rows], rel=1e-12)
    assert f.calls <= 200 + 3 * len(g.paths)
    (ways,) = g._ways.values()
    assert ways.spent <= policy.FREE + ways.plain
    assert policy.PRINTING_ELSE * sum(f.printed[1:]) <= 1.5 * ways.spent  # what it takes was foreseen


def test_a_way_that_comes_again_is_recorded_once_it_has_paid_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, 'FREE', 0)
    monkeypatch.setattr(policy.Ways, '_of_floats', lambda ways, row: None)
    f = Work(lambda x: x * 2.0 if x > 1 else x * 3.0 if x > 0 else -x, monkeypatch)
    g = compile(f, backend='python')
    assert g(2.0) == 4.0 and (f.calls, len(f.printed)) == (1, 0)  # nobody knows whether it comes again
    assert g(2.5) == 5.0 and (f.calls, len(f.printed)) == (4, 1)
    turns = 0
    while len(g.paths) == 1:
        assert g(0.5) == 1.5
        turns += 1
        assert turns < 1000
    assert len(f.printed) == 2 and turns > 10  # plain calls did as much
    assert f.calls == 4 + turns + 2
    assert (g(0.25), g(3.0), f.calls) == (0.75, 6.0, 6 + turns)
    assert g(-1.0) == 1.0 and len(g.paths) == 2  # a way that came once


def test_ways_that_never_come_again_are_plain_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, 'WAYS', 5)
    monkeypatch.setattr(policy, 'FREE', 50_000)

    def slow(p: list[Any]) -> Any:
        x, y = 1.0, 0.5
        for _ in range(300):
            push = p[2] * (x - 3.0) if x > 3.0 else 0.0
            x, y = x + 0.02 * (p[0] * x - p[1] * x * y - push), y + 0.02 * (p[1] * x * y - p[0] * y)
        return x * x + y

    f = Work(slow, monkeypatch)
    random = Random(2)
    vectors = [[1.1 + random.random() / 5, 0.4 + random.random() / 9, 0.1] for _ in range(20)]
    g, plain = compile(value_and_grad(f), backend='python'), value_and_grad(slow)
    with pytest.warns(BranchWarning, match=r'the branch at .*test_paths.*if x > 3.0 else') as told:
        for vector in vectors:
            value, gradient = g(vector)
            wanted, slopes = plain(vector)
            assert [value, *gradient] == pytest.approx([wanted, *slopes], rel=1e-12)
    assert len(told) == 1 and told[0].filename == __file__
    assert f.calls == 21 and not f.printed  # the first is recorded besides, to know whether it compares
    ways = next(iter(g._ways.values()))
    assert len(ways.seen) <= 5


def test_where_ways_never_come_again_most_plain_calls_are_of_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, 'FREE', 0)
    kinds: list[type] = []

    def f(x: Any, z: Any) -> Any:
        kinds.append(type(x))
        n = 0
        while x > n:
            n += 1
        return [x * n, F.exp(z[0]), 1.0 / (x - 7.0)]

    g, rows = compile(f, backend='python'), [float(k) for k in range(5, 85)]
    for x in rows:
        assert flat(g(x, [0.5])) == uncompiled(f, x, [0.5]) if x != 7.0 else g(x, [0.5])[2] == math.inf
    assert flat(g.map(rows[40:], [[0.5]] * 40)) == [y for x in rows[40:] for y in flat(f(x, [0.5]))]
    kinds.clear()
    assert [g(x, [0.5])[0] for x in rows] == [x * x for x in rows]
    assert kinds.count(float) > 8 * kinds.count(Value) > 0

    def kind(x: Any) -> float:
        return 2.0 if isinstance(x, Value) else 1.0

    def root(x: Any) -> Any:
        return abs((x - 60.0) ** 0.5)  # of floats it is a complex number

    for other, wanted in ((kind, lambda x: 2.0), (root, lambda x: math.sqrt(x - 60.0) if x >= 60.0 else math.nan)):
        h = compile(lambda x, other=other: f(x, [0.5])[0] + other(x), backend='python')  # type: ignore[misc]
        assert str([h(x) for x in rows]) == str([x * x + wanted(x) for x in rows])

    own = compile(lambda x: x.exp() if x > 0.0 else -x, backend='python')  # a method that floats have not
    assert [own(x) for x in (1.0, -1.0, -2.0, 2.0)] == [math.e, 1.0, 2.0, math.exp(2.0)]


def test_what_compares_nothing_is_printed_at_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, 'FREE', 0)
    f = Work(lambda x: x * 2.0, monkeypatch)
    assert compile(f, backend='python')(2.0) == 4.0 and (f.calls, len(f.printed)) == (2, 1)


def test_what_cannot_be_replayed_is_refused_whenever_it_would_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, 'FREE', 0)
    monkeypatch.setattr(policy.Ways, '_of_floats', lambda ways, row: None)
    numbers = count()
    g = compile(lambda x: x * next(numbers) if x > 0 else x, backend='python')
    assert g(2.0) == 0.0  # a plain call, and right
    for _ in range(3):
        with pytest.raises(ValueError, match='cannot be replayed: recorded again for other numbers'):
            g(2.0)


def test_a_new_program_is_asked_for_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    results = policy.Run.results
    monkeypatch.setattr(policy.Run, 'results', lambda run, rows: asked.append(len(rows)) or results(run, rows))

    def f(x: Any) -> Any:
        for k in range(20):
            if x < k:
                return x * k
        return x

    g = compile(f, backend='python')
    numbers = [k % 21 - 0.5 for k in range(2000)]
    assert g.map(numbers) == [f(x) for x in numbers]
    assert len(g.paths) == 21 and sum(asked) < 2 * 2000


def test_no_slot_is_changed_for_plain_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = count()
    installed = policy.installed
    monkeypatch.setattr(policy, 'installed', lambda: [next(entered), installed()][1])
    g = compile(lambda x: x * 2.0 if x > 0 else x, backend='python', most_paths=1)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', BranchWarning)
        assert g.map([1.0, -1.0, -2.0, -3.0]) == [2.0, -1.0, -2.0, -3.0]
    assert next(entered) == 1
