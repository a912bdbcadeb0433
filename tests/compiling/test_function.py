"""Compiled functions: each path recorded once, rows by path, never silently wrong; and ``recording``."""

from __future__ import annotations

import copy
import math
import os
import pickle
import random
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from math import inf, nan
from operator import attrgetter
from typing import Any
from weakref import ref

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.compiling import BranchError, Function, compile, recorded, recording
from microgradnet.compiling import readings as compiling_readings
from microgradnet.compiling.guards import BranchWarning
from microgradnet.derivatives.transforms import grad, jacobian, value_and_grad
from microgradnet.engine.context import comparisons, ieee_arithmetic, no_grad
from microgradnet.engine.custom import custom
from microgradnet.engine.value import Value
from microgradnet.nets.losses import max_margin
from microgradnet.nets.net import MLP
from microgradnet.testing.strategies import points
from tests.support.backends import ARRAYS, BACKENDS, NATIVE, bits
from tests.support.examples import examples, for_each

every_backend = pytest.mark.parametrize('backend', BACKENDS)


def made(f: Callable[..., Any], backend: str = 'python', **options: Any) -> Function:
    compiled = compile(f, backend=backend, **options)
    assert isinstance(compiled, Function)
    return compiled


# Functions that branch, in as many ways as Python has; their arithmetic is exact on every backend.


def either(x: Any, y: Any) -> Any:
    return x * y if x > y else x - y


def nested(x: Any, y: Any) -> Any:
    if x < 0:
        return -x if y >= 1 else y / 2
    return x if x <= y else [x, y][y != 2] + 1


def largest(x: Any, y: Any) -> Any:
    return max(x, y, 1.5) - min(x * x, y, 3)


def truth(x: Any, y: Any) -> Any:
    return x * 3 if x and not y else (y or 7.0) * 1.0


def equal(x: Any, y: Any) -> Any:
    return (x + 1) * 1 if x == y else y * 2 if x * y == 0 else y if x == 1 else x


def halving(x: Any, y: Any) -> Any:
    steps = 0
    while abs(x) > 1 and steps < 12:
        x, steps = x / 2 - y / 1024, steps + 1
    return x + steps


def ordered(x: Any, y: Any) -> Any:
    a, b, c = sorted([x, y, x - y], key=lambda v: v)
    return a + 2 * b + 4 * c


def chained(x: Any, y: Any) -> Any:
    return y * 1.0 if 0 < x < y <= 5 else x * 1.0 if any(v > 2 for v in (x, y)) else x + y


def chosen(x: Any, y: Any) -> Any:
    if isinstance(x, Value):
        return F.where(x.greater(y), lambda: 1 / x, lambda: 1 / y) if x != y else F.max(x, 0.0)
    if x != y:
        return reciprocal(x if x > y else y if x <= y else nan)
    return max(x, 0.0) if x == x else nan


def reciprocal(x: float) -> float:
    return 1 / x if x else math.copysign(inf, x)


def counted(x: Any, y: Any) -> Any:
    return x + sum(1 for k in range(5) if y > k) if x != x or y == y else y


FUNCTIONS = [either, nested, largest, truth, equal, halving, ordered, chained, chosen, counted]
NUMBERS = st.one_of(
    st.integers(-3, 6).map(float), st.sampled_from([0.5, 1.5, -0.0, nan, inf, -inf, 1e300, 5e-324]), points()
)


@pytest.mark.parametrize('f', FUNCTIONS, ids=lambda f: f.__name__)
@examples(25)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
@example([(2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (nan, 1.0), (-0.0, 0.0)])
def test_never_silently_wrong(f: Callable[..., Any], pairs: list[tuple[float, float]]) -> None:
    check_calls(f, pairs)


def check_calls(f: Callable[..., Any], pairs: list[tuple[float, float]]) -> None:
    """Whatever was recorded before: each call gives the bits of the function itself."""
    g = made(f)
    for pair in pairs:
        with ieee_arithmetic():
            expected = f(*map(Value, pair))
        assert bits(g(*pair)) == bits(expected.data if isinstance(expected, Value) else expected), pair
    known = len(g.paths)
    assert known <= len(pairs)
    together = g.map([x for x, _ in pairs], [y for _, y in pairs])
    assert bits(together) == bits([g(*pair) for pair in pairs])
    assert len(g.paths) == known


@pytest.mark.slow
@pytest.mark.parametrize('f', FUNCTIONS, ids=lambda f: f.__name__)
@examples(200)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_never_silently_wrong_at_length(f: Callable[..., Any], pairs: list[tuple[float, float]]) -> None:
    check_calls(f, pairs)


@pytest.mark.parametrize('backend', ARRAYS)
@for_each('f', [either, nested, largest, halving, chosen], ids=lambda f: f.__name__)
def test_never_silently_wrong_on_arrays(f: Callable[..., Any], backend: str) -> None:
    import numpy as np

    draw = random.Random(f.__name__)
    some = [0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 6.0, nan, inf]
    pairs = np.array([[draw.choice(some), draw.choice(some)] for _ in range(25)])
    g = made(f, backend)
    found = g.map(pairs[:, 0], pairs[:, 1])
    assert found.shape == (25,)
    for (x, y), value in zip(pairs.tolist(), found):
        with ieee_arithmetic():
            expected = f(Value(x), Value(y))
        assert bits(value) == bits(expected.data if isinstance(expected, Value) else expected), (x, y)


def test_plain_python_agrees_where_it_does_not_raise() -> None:
    """The oracle above records Values; here it is the function on floats."""
    some = [0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 6.0, inf]
    for f in FUNCTIONS:
        g = made(f)
        for x in some:
            for y in some:
                assert g(x, y) == f(x, y) or (f(x, y) != f(x, y) and g(x, y) != g(x, y)), (f.__name__, x, y)


# What is recorded, and how often.


@every_backend
@pytest.mark.usefixtures('apart')
def test_each_path_is_recorded_once_and_rows_go_by_path(backend: str) -> None:
    calls = count()

    def f(x: Any) -> Any:
        next(calls)
        return x * x if x > 0 else -x

    g = made(f, backend)
    rows = [1.0, -2.0, 3.0, -4.0, 0.0, 5.0]
    assert [*g.map(rows)] == [1.0, 2.0, 9.0, 4.0, 0.0, 25.0]
    assert len(g.paths) == 2
    recorded = next(calls)
    assert [*g.map(rows * 3)] == [1.0, 2.0, 9.0, 4.0, 0.0, 25.0] * 3
    assert (g(7.0), g(-7.0)) == (49.0, 7.0)
    assert next(calls) == recorded + 1
    assert [[guard.held for guard in path.guards] for path in g.paths] == [[True], [False]]
    assert g.source.count('def program') == 1


@every_backend
def test_each_structure_of_arguments_has_its_own_paths(backend: str) -> None:
    def f(x: Any, more: Any = 1.0) -> Any:
        return F.sum(x) * more if isinstance(x, list) else x + more

    g = made(f, backend)
    assert (g([1.0, 2.0], 3.0), g([1.0, 2.0, 3.0]), g(1.0), g(1, True), g([4, 4], 2)) == (
        9.0,
        6.0,
        2.0,
        2.0,
        16.0,
    )
    assert len(g.paths) == 4


@every_backend
def test_results_keep_their_structure(backend: str) -> None:
    def f(p: Any) -> Any:
        return {'sum': p['a'] + p['b'][0], 'pair': (p['a'], [p['b'][1] * 2, 5])}

    g = made(f, backend)
    for a in (1.0, 2.0):
        assert g({'a': a, 'b': (2.0, 3.0)}) == {'sum': a + 2.0, 'pair': (a, [6.0, 5.0])}
    assert made(lambda x: 4, backend)(1.0) == 4.0
    assert made(lambda x: x, backend)(1.0) == 1.0
    assert made(lambda: 3.0, backend)() == 3.0


@pytest.mark.parametrize('backend', BACKENDS)
def test_arrays_are_arguments_and_results(backend: str) -> None:
    np = pytest.importorskip('numpy')
    g = made(lambda w, x: np.tanh(w @ x) * 2 if w[0, 0] > 0 else x, backend)
    w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.25, -0.5])
    assert np.allclose(g(w, x), np.tanh(w @ x) * 2, rtol=1e-15)
    assert g(-w, x).tolist() == x.tolist()
    assert g(w, x).dtype == float
    stacked = g.map(np.stack([w, -w, w + 1]), np.stack([x, x, x]))
    assert stacked.shape == (3, 2)
    assert stacked[1].tolist() == x.tolist()
    assert [part.shape for part in g.map([w, w], [x, x])] == [(2,), (2,)]
    assert made(lambda x: x, backend).map(np.zeros(0)).shape == (0,)
    assert made(lambda x: x, backend).map(np.zeros((0, 2))).shape == (0,)


@every_backend
def test_paths_may_return_different_structures(backend: str) -> None:
    g = made(lambda x: [x, -x] if x > 0 else {'x': x} if x < 0 else x, backend)
    assert (g(1.0), g(-1.0), g(0.0)) == ([1.0, -1.0], {'x': -1.0}, 0.0)
    assert g.map([1.0, 0.0, -1.0, 2.0]) == [[1.0, -1.0], 0.0, {'x': -1.0}, [2.0, -2.0]]
    np = pytest.importorskip('numpy')
    assert np.array_equal(g.map(np.array([1.0, 2.0])), [[1.0, -1.0], [2.0, -2.0]])
    with pytest.raises(ValueError, match=r'returns \[0.0, 0.0\] or 0.0.*: give lists of rows'):
        g.map(np.array([1.0, 0.0]))


def test_map_wants_as_many_of_each_and_of_one_structure() -> None:
    g = made(lambda x, y: F.sum(x) + y)
    with pytest.raises(ValueError, match=r'one item for each row, not \[1, 2\] items'):
        g.map([[1.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match='row 1 has not the structure of row 0'):
        g.map([[1.0], [1.0, 2.0]], [1.0, 2.0])
    assert g.map([], []) == []


def test_arguments_that_are_no_numbers_are_refused() -> None:
    g = made(lambda x: x * 2)
    with pytest.raises(TypeError, match=r"the arguments\[0\] must be a number.*not 'two' of type str"):
        g('two')
    with pytest.raises(TypeError, match='not None of type NoneType'):
        g(None)
    with pytest.raises(TypeError, match=r'a compiled function takes numbers, not Value.*its graph ends here'):
        g(Value(2.0))
    with pytest.raises(TypeError, match='the result must be a number'):
        made(lambda x: None)(1.0)
    with pytest.raises(TypeError, match=r"the result\['y'\] must be a number"):
        made(lambda x: {'y': 'no'})(1.0)


@every_backend
def test_poles_are_infinities_whether_recorded_there_or_not(backend: str) -> None:
    for first in (2.0, 0.0, -1.0):
        g = made(lambda x: [x.log(), 1 / x, (1000 * x).exp()], backend)
        g(first)
        assert bits(g(0.0)) == ['-inf', 'inf', '1.0']
        assert bits(g(-1.0)) == ['nan', '-1.0', '0.0']
        assert g(2.0)[1:] == [0.5, inf]


def test_an_error_that_the_function_waits_for_does_not_come() -> None:
    """Compiled code never raises: a domain is asked for by an if, which is seen."""

    def waits(x: Any) -> Any:
        try:
            return x.log()
        except ValueError:
            return x * 0

    for first in (2.0, -2.0):
        g = made(waits)
        assert bits([g(first), g(-2.0), g(1.0)])[1:] == ['nan', '0.0']


def test_what_the_function_raises_is_raised_and_nothing_is_kept() -> None:
    def f(x: Any) -> Any:
        if x < 0:
            raise ValueError('x must not be negative')
        return x.sqrt()

    g = made(f)
    assert g(4.0) == 2.0
    for _ in range(2):
        with pytest.raises(ValueError, match='must not be negative'):
            g(-4.0)
        with pytest.raises(ValueError, match='must not be negative'):
            g.map([4.0, -1.0])
    assert (g(9.0), len(g.paths)) == (3.0, 1)
    assert comparisons.get() is None


# A row that the backend's last digits send another way than Python's.


@every_backend
def test_a_loop_until_nothing_changes_ends(backend: str) -> None:
    """Newton's method, to the last digit: each backend's last digits are others."""

    def logarithm(a: Any) -> Any:
        y, before, steps = a * 0, a * 0 + 1, 0
        while abs(y - before) > 1e-15 * abs(y) and steps < 60:
            y, before, steps = y - (y.exp() - a) / y.exp(), y, steps + 1
        return y

    g = made(logarithm, backend)
    for a in [1.5, 2.0, 2.5, 3.0, 5.0, 8.0] * 2:
        assert g(a) == pytest.approx(math.log(a), rel=1e-15)
    assert len(g.paths) <= 6


@every_backend
def test_a_branch_where_digits_decide_gives_one_of_both_answers_and_no_error(backend: str) -> None:
    g = made(lambda x: x * 2 if x.exp().log() == x else x * 2 + 1, backend)
    for k in range(1, 20):
        assert g(k / 7) in (k / 7 * 2, k / 7 * 2 + 1)
    assert len(g.paths) <= 2


# What leaves the graph.


def leaks() -> dict[str, Callable[[Any], Any]]:
    memory: list[Any] = []
    state, clock = Value(2.0), count()

    def remembers(x: Any) -> Any:
        memory.append(x)
        return x * len(memory)

    def changes(x: Any) -> Any:
        state.data += 1
        return x * state.data

    def learns(x: Any) -> Any:
        state.data *= 0.5
        return x * state

    def elsewhere(x: Any) -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(x * x if x > 1 else x))
        thread.start()
        thread.join()
        return found[0]

    def loops(x: Any) -> Any:
        while x.data > 1:
            x = x / 2
        return x

    return {
        'whole number': lambda x: x ** int(x.data),
        'length of a loop': lambda x: F.sum([x * k for k in range(round(x.data) + 1)]),
        'factor': lambda x: x * x.data,
        'sign': lambda x: x if x.data > 0 else -x,
        'other sign': lambda x: x if x.data < 0 else -x,
        'threshold': lambda x: x * 2 if x.data > 2.5 else x,
        'inner number': lambda x: x + math.floor((x * 3).data),
        'inner sign': lambda x: x if (x - 1).exp().data > 1 else x * 2,
        'behind a guard': lambda x: (x if x.data > 2 else -x) if x > 1 else x,
        'loop': loops,
        'detached': lambda x: x * x.detach(),
        'new Value': lambda x: x * Value(x.data),
        'function of math': lambda x: x * math.sqrt(abs(x.data)),
        'text': lambda x: x * float(f'{x:.1f}'),
        'threshold of a text': lambda x: -x if abs(float(f'{x:.1f}')) > 1000 else x,
        'random number': lambda x: x * random.random(),
        'random branch': lambda x: x if random.random() < 1e-6 else x * random.random(),
        'random Value': lambda x: x * Value(random.random()),
        'clock': lambda x: x + next(clock),
        'memory': remembers,
        'state': changes,
        'weight': learns,
        'branch in another thread': elsewhere,
        'partials': lambda x: x * (x * x).partials[0],
        'key of a dict': lambda x: {f'{x:.1f}': x},
        'earlier argument': lambda x, seen=[]: seen.append(x) or x * seen[0],
    }


@pytest.mark.parametrize('largest', [0, 200_000])
def test_the_order_of_a_recording_is_no_matter_and_its_numbers_are(largest: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(recorded, 'LARGEST', largest)
    outside, calls = Value(5.0), count()

    def turns(x: Any, number: Callable[[int], float]) -> Any:
        call = next(calls)
        parts = [lambda: x.exp() * outside, lambda: x.sin() + number(call), lambda: Value(7.0) / x]
        done = {k: parts[k]() for k in ([0, 1, 2] if call % 2 else [2, 0, 1])}
        return done[0] * done[1] - done[2]

    g = made(lambda x: turns(x, lambda call: 0.25))
    assert g(2.0) == (math.exp(2.0) * 5.0) * (math.sin(2.0) + 0.25) - 3.5
    outside.data = 6.0
    assert g(2.0) == (math.exp(2.0) * 6.0) * (math.sin(2.0) + 0.25) - 3.5 and next(calls) == 2
    with pytest.raises(ValueError, match='it made another graph'):
        made(lambda x: turns(x, float))(2.0)
    with pytest.raises(ValueError, match=re.escape('it made the number 1.5 of 0.5')):
        numbers = iter([0.5, 1.5])
        made(lambda x: x.exp() + next(numbers) * x)(2.0)
    with pytest.raises(ValueError, match=re.escape('it made the number 2.0 of 1.0')):
        leaves = iter([1.0, 2.0])
        made(lambda x: x.exp() * Value(next(leaves)))(2.0)


def test_of_a_long_recording_the_graph_is_gone_before_it_is_recorded_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(recorded, 'LARGEST', 1_000)
    alive: list[Any] = []

    def f(x: Any) -> Any:
        assert not alive or alive[0]() is None
        y = x
        for _ in range(1_000):
            y = (y * x).sin()
        alive.append(ref(y))
        return y + x

    value, y = made(f)(1.5), 1.5
    for _ in range(1_000):
        y = math.sin(y * 1.5)
    assert value == y + 1.5 and len(alive) == 2


@for_each('what', leaks())
@for_each('start', [3.0, -2.0, 0.0])
def test_what_leaves_the_graph_is_refused(what: str, start: float) -> None:
    f = leaks()[what]
    g = made(f)
    try:
        value = g(start)
    except ValueError as error:
        assert 'cannot be replayed' in str(error)
        assert '.data' in str(error)
        assert not g.paths
    else:  # nothing has left it on this path
        assert what == 'behind a guard'
        assert value == start


@for_each('leak', [int, float, round, math.sin, lambda x: x // 1, lambda x: x % 2, range])
def test_python_s_own_ways_out_are_type_errors(leak: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        made(lambda x: x * leak(x))(3.0)


def test_no_grad_inside_is_a_leak() -> None:
    def f(x: Any) -> Any:
        with no_grad():
            k = x * 2
        return x * k

    with pytest.raises(ValueError, match='cannot be replayed'):
        made(f)(3.0)


def test_side_effects_that_leave_the_graph_alone_are_no_leak() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(f'{x:.3f}')
        return x * F.stop_gradient(x)

    assert made(f)(3.0) == 9.0


def test_a_custom_operation_with_a_small_domain_is_no_leak() -> None:
    table = [10.0, 20.0, 30.0, 40.0]
    looked_up = custom(lambda x: table[int(x)], lambda x: 0.0, name='looked_up')
    assert made(lambda x: looked_up(x) * x)(3.0) == 120.0


# What is read of Values from outside, and of arguments: noticed by the reading itself.


def readings() -> dict[str, Callable[[Any, Value], Any]]:
    net = MLP(1, [1], seed=1)
    twice = compile(lambda z: z * net.layers[0].neurons[0].bias, backend='python')
    program = compile(net.layers[0].neurons[0].bias * 2, backend='python')

    def paused(x: Any, w: Value) -> Any:
        with no_grad():
            k = w * 2
        return x * k

    def sent(x: Any, w: Value) -> Any:
        y = w * w
        y.backward()
        return x * w.grad

    def put(x: Any, w: Value) -> Any:
        w.data = 5.0
        return x * w

    def swallowed(x: Any, w: Value) -> Any:
        try:
            return x * w.data
        except Exception:
            return x * 2

    return {
        'data': lambda x, w: x * w.data,
        'branch': lambda x, w: x * 3 if w.data > 100 else x * 2,
        'branch on the argument': lambda x, w: x * 3 if x.data > 100 else x * 2,
        'detach': lambda x, w: x * w.detach(),
        'computed': lambda x, w: x * (w * 2).data,
        'computed of both': lambda x, w: x + (w * x).data,
        'number of a branch that is not taken': lambda x, w: x * (x.data > 1e300 or 1.0),
        'rounded': lambda x, w: x * round(w.data),
        'attrgetter': lambda x, w: x * attrgetter('data')(w),
        'copy': lambda x, w: x * copy.copy(w),
        'deepcopy': lambda x, w: x * copy.deepcopy([w])[0],
        'pickle': lambda x, w: x * pickle.loads(pickle.dumps(w)),
        'grad': lambda x, w: x * w.grad,
        'partials': lambda x, w: x * (w * w).partials[0],
        'backward': sent,
        'number of a derivative': lambda x, w: x * grad(lambda z: z * w)(2.0),
        'no_grad': paused,
        'prediction': lambda x, w: x * net.predict([[1.0]])[0],
        'program': lambda x, w: x * program(),
        'compiled function': lambda x, w: x * twice(2.0),
        'set': put,
        'set twice': lambda x, w: setattr(w, 'data', 5.0) or x,
        'caught by the function': swallowed,
        'text': lambda x, w: x * float(f'{w:.1f}'),
        'repr': lambda x, w: x * float(repr(w * 1.0)[11:14]),
    }


@for_each('what', readings())
def test_what_is_read_of_a_value_that_may_change_is_refused(what: str) -> None:
    f, w = readings()[what], Value(3.0, label='w')
    g = made(lambda x: f(x, w))
    with pytest.raises(ValueError, match='cannot be replayed') as caught:
        g(2.0)
    assert not g.paths
    if what not in ('text', 'repr'):  # which are for people, and may come back or not
        assert re.search(r'it (reads|sets) .* at .*(function|copy).py, line \d+, in ', str(caught.value))


def test_what_is_read_is_told_with_what_to_do() -> None:
    w = Value(3.0, label='w')
    with pytest.raises(ValueError, match=(
        r"reads .data of a Value from outside, Value\(3.0, label='w'\), at .*: made\(lambda x: x \* w.data\).*"
        'use the Value itself, which is read anew at each call, or pass it as an argument'
    )):  # fmt: skip
        made(lambda x: x * w.data)(2.0)
    with pytest.raises(ValueError, match=r'reads \.data of an argument, at .* compute with the Value itself'):
        made(lambda x: x * x.data)(2.0)
    with pytest.raises(ValueError, match=r'reads \.data of something computed from an argument'):
        made(lambda x: x * (x * w).data)(2.0)
    with pytest.raises(ValueError, match=r'reads \.grad of .* grad.., value_and_grad.. and jacobian.. stay in it'):
        made(lambda x: x * x.grad)(2.0)
    with pytest.raises(ValueError, match=r'sets \.data of Value.3.0, label=.w.*return the number, and set it outside'):
        made(lambda x: setattr(w, 'data', 5.0) or x)(2.0)
    assert w.data == 3.0


def test_what_is_made_in_the_function_may_be_read() -> None:
    def f(x: Any) -> Any:
        k = Value(3.0)
        k.data += 1
        net = MLP(1, [1], seed=1)
        net.layers[0].neurons[0].bias.data = 0.5
        slope = grad(lambda z: z * z * k)(2.0)
        return x * (k * 2).data + net.predict([[1.0]])[0] + slope + k.detach() + Value(x.op is None).data

    assert made(f)(2.0) == f(Value(2.0)).data
    assert made(lambda x: x * (x * 3).inputs[1].data)(2.0) == 6.0


def test_text_for_people_is_no_reading() -> None:
    said, w = [], Value(3.0)
    g = made(lambda x: said.append(f'{x} {w:.2f} {x * w!r}') or x * w)
    assert g(2.0) == 6.0
    assert said[0] == 'Value(data=2.0, grad=0.0) 3.00 Value(data=6.0, grad=0.0)'


def test_a_target_is_compared_and_so_recorded() -> None:
    g = made(max_margin)
    assert (g([0.5], [1.0]), g([0.5], [-1.0])) == (0.5, 1.5)
    with pytest.raises(ValueError, match='wants targets of -1 or 1'):
        g([0.5], [2.0])


@pytest.fixture
def few_changes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the slots be put back, as in a process that has not recorded often yet; leave them as they were."""
    before = {name: Value.__dict__[name] for name in compiling_readings._SLOTS}
    monkeypatch.setattr(compiling_readings, '_times', 0)
    compiling_readings._put(compiling_readings._SLOTS)
    yield
    compiling_readings._put(before)


@pytest.mark.usefixtures('few_changes')
def test_outside_of_recording_slots_are_slots() -> None:
    slots = {name: Value.__dict__[name] for name in ('data', 'grad', 'partials')}
    during: list[Any] = []

    def f(x: Any, refused: float) -> Any:
        during.append(Value.__dict__['data'])
        assert made(lambda z: z * 2)(1.0) == 2.0  # a recording inside of it does not end it
        during.append(Value.__dict__['data'])
        return x * 2 if refused < 1 else x.data

    g = made(f)
    assert g(1.0, 0.0) == 2.0
    with pytest.raises(ValueError, match=r'reads \.data'):
        g(1.0, 1.0)
    assert {*map(type, during)} == {property}
    assert {name: Value.__dict__[name] for name in slots} == slots
    assert type(slots['data']).__name__ == 'member_descriptor'
    assert Value._data is slots['data']


@pytest.mark.usefixtures('few_changes')
def test_where_slots_cannot_be_put_back_often_reading_is_still_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that is changed too often is slow for ever on some Pythons; there they stay."""
    w = Value(3.0)
    monkeypatch.setattr(compiling_readings, 'OFTEN', 1)
    for _ in range(3):
        assert made(lambda x: x * w)(2.0) == 6.0
        with pytest.raises(ValueError, match=r'reads \.data'):
            made(lambda x: x * w.data)(2.0)
        assert type(Value.__dict__['data']) is property
        w.data += 0.0
        assert w.data == 3.0


def test_other_threads_read_on_while_a_function_is_recorded() -> None:
    w = Value(3.0)
    inside, go = threading.Event(), threading.Event()

    def f(x: Any) -> Any:
        inside.set()
        go.wait(10)
        return x * w

    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(made(f)(2.0)))
    thread.start()
    inside.wait(10)
    w.data = 4.0
    y = w * w
    y.backward()
    assert (w.data, w.grad, w.detach().data, y.partials) == (4.0, 8.0, 4.0, (4.0, 4.0))
    go.set()
    thread.join(10)
    assert found == [8.0]


@pytest.mark.filterwarnings('ignore:.*fork:DeprecationWarning')
@pytest.mark.skipif(not hasattr(os, 'fork'), reason='there is no fork')
@pytest.mark.usefixtures('few_changes')
def test_a_fork_while_another_thread_records_has_slots() -> None:
    inside, go = threading.Event(), threading.Event()

    def f(x: Any) -> Any:
        inside.set()
        go.wait(10)
        return x * 2

    thread = threading.Thread(target=lambda: made(f)(2.0))
    thread.start()
    inside.wait(10)
    child = os.fork()
    if not child:  # what goes wrong in here must not come back to pytest
        try:
            slot = type(Value.__dict__['data']) is not property
            os._exit(0 if slot and made(lambda x: x * 2)(1.0) == 2.0 else 1)
        finally:
            os._exit(2)
    go.set()
    thread.join(10)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Too many paths.


def test_paths_that_explode_are_told_with_the_line_of_the_branch() -> None:
    calls = count()

    def f(x: Any) -> Any:
        next(calls)
        n = 0
        while x > n:  # this branch
            n += 1
        return x * n

    g = made(f, most_paths=8)
    assert g.map([*range(8)]) == [k * k for k in range(8)]
    with pytest.warns(
        BranchWarning,
        match=r'f took 8 different paths.*test_function.py, line \d+.*while x > n:  # this.*while_loop',
    ) as told:
        assert g(9.0) == 81.0
    assert told[0].filename == __file__
    before = next(calls)
    assert (g(3.0), g(10.0), len(g.paths)) == (9.0, 100.0, 8)  # said once
    assert next(calls) == before + 2
    assert made(f)(50.0) == 2500.0
    with pytest.warns(BranchWarning, match='partial took 1 different paths'):
        assert made(partial(f), most_paths=1).map([1.0, 2.0]) == [1.0, 4.0]


# What a function closes over.


@every_backend
def test_values_from_outside_are_read_anew_at_each_call(backend: str) -> None:
    w, k = Value(3.0), Value(1.0)
    g = made(lambda x: w * x if x > k else x - Value(0.5), backend)
    assert (g(2.0), g(0.0)) == (6.0, -0.5)
    w.data, k.data = 10.0, 4.0
    assert (g(2.0), g(5.0)) == (1.5, 50.0)
    assert len(g.paths) == 2


def test_plain_numbers_from_outside_are_those_of_the_recording() -> None:
    scale = 2.0
    g = made(lambda x: x * scale)
    assert g(3.0) == 6.0
    scale = 5.0
    assert g(3.0) == 6.0


@every_backend
def test_a_net_is_a_function(backend: str) -> None:
    net = MLP(2, [4, 2], 'relu', 'identity', seed=1)
    g = made(net, backend)
    for x in ([1.0, -2.0], [0.0, 0.0], [-1.0, 3.0]):
        assert g(x) == pytest.approx([y.data for y in net(x)], rel=1e-14, abs=1e-15)
    for p in net.parameters():
        p.data *= -1.5
    assert g([1.0, -2.0]) == pytest.approx([y.data for y in net([1.0, -2.0])], rel=1e-14, abs=1e-15)
    assert len(g.paths) == 1
    assert g.__name__ == 'MLP'
    assert made(lambda a: net([a, 1.0]), backend)(0.5) == g([0.5, 1.0])  # numbers beside Values in a row


# Derivatives.


@every_backend
def test_derivatives_compile(backend: str) -> None:
    def f(x: Any) -> Any:
        return x**3 * (x.sin() if x > 1 else x.exp())

    slope = made(grad(f), backend)
    for x in (2.0, 0.5, -1.0, 3.0):
        assert slope(x) == pytest.approx(grad(f)(x), rel=1e-14)
    assert len(slope.paths) == 1
    assert made(grad(grad(f)), backend)(2.0) == pytest.approx(grad(grad(f))(2.0), rel=1e-13)
    value, both = made(value_and_grad(f), backend)(2.0)
    assert (value, both) == (pytest.approx(8 * math.sin(2.0)), slope(2.0))
    rows = made(jacobian(lambda v: [v[0] * v[1], v[1] - v[0]]), backend)([2.0, 5.0])
    assert bits(rows) == bits([[5.0, 2.0], [-1.0, 1.0]])


def test_a_function_with_name_and_document_keeps_them() -> None:
    g = made(either)
    assert (g.__name__, g.__wrapped__) == ('either', either)  # type: ignore[attr-defined]
    assert made(partial(either, 2.0))(1.0) == 2.0


# Recording.


def test_recording_holds_for_its_thread_only() -> None:
    inside, go, found = threading.Event(), threading.Event(), []
    x = Value(2.0)

    def other() -> None:
        z = Value(2.0)
        inside.wait(10)
        y = z * z if z > 1 else z
        go.set()
        found.append(compile(y, rows=[z], backend='python')([0.5]))

    thread = threading.Thread(target=other)
    thread.start()
    with recording():
        y = x * x if x > 1 else x
        inside.set()
        go.wait(10)
    thread.join(10)
    assert found == [0.25]
    with pytest.raises(BranchError):
        compile(y, rows=[x], backend='python')([0.5])


def test_outside_of_recording_nothing_is_kept_and_inside_all() -> None:
    from microgradnet.compiling import guards

    x = Value(2.0)
    y = x * x if x > 1 else x
    assert compile(y, rows=[x], backend='python')([0.5]) == 0.25
    known = len(guards._branches)
    with pytest.raises(ZeroDivisionError), recording():
        y = x * x if x > 1 else x
        raise ZeroDivisionError
    with pytest.raises(BranchError):
        compile(y, rows=[x], backend='python')([0.5])
    assert len(guards._branches) == known + 1
    del x, y
    assert len(guards._branches) == known


def test_a_recording_inside_a_compiled_function_tells_both() -> None:
    def f(x: Any) -> Any:
        with recording():
            return x * x if x > 1 else x

    g = made(f)
    assert (g(2.0), g(0.5), g(3.0)) == (4.0, 0.5, 9.0)


@for_each(
    'compared',
    [lambda x: bool(x), lambda x: x == 2, lambda x: max(x, 1.0), lambda x: x < 3, lambda x: x in [7.0, 2.0]],
)
def test_every_way_to_compare_is_seen(compared: Callable[[Value], Any]) -> None:
    x = Value(2.0)
    with recording():
        compared(x)
    program = compile(x * 2, rows=[x], backend='python')
    assert program([2.0]) == 4.0
    with pytest.raises(BranchError):
        program([0.0 if compared(Value(0.0)) != compared(Value(2.0)) else 99.0])


def test_where_records_both_branches_while_a_function_is_compiled() -> None:
    g = made(lambda x: F.where(x.greater(0), lambda: x.log(), lambda: (-x).sqrt()))
    assert (g(1.0), g(-4.0), g(0.0), len(g.paths)) == (0.0, 2.0, 0.0, 1)


@NATIVE
def test_threads_of_the_caller_may_share_a_compiled_function() -> None:
    g = made(either, 'native')
    found: dict[int, list[float]] = {}

    def work(k: int) -> None:
        found[k] = [g(float(k + j % 3), float(j)) for j in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [either(float(k + j % 3), float(j)) for j in range(20)] for k in range(4)}


@pytest.mark.parametrize('rows', [2, 3])
@pytest.mark.parametrize('backend', ARRAYS)
def test_arrays_in_a_result_have_the_rows_first(backend: str, rows: int) -> None:
    numpy = pytest.importorskip('numpy')
    f = value_and_grad(lambda x: x[0] * x[1] * x[0])
    x = numpy.arange(2.0 * rows).reshape(rows, 2) + 1
    values, slopes = made(f, backend).map(x)
    assert slopes.shape == (rows, 2)
    for value, slope, row in zip(values, slopes, x):
        expected, by_x = f(row)
        assert (value, *slope) == pytest.approx((expected, *by_x))
