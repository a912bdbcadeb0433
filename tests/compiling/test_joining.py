"""Plain ``if``s as one path: random programs, and whatever must stay a branch, are as they are without compiling."""

from __future__ import annotations

import ast
import linecache
import math
import pickle
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, singledispatch
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import compile, hessian, hvp, value_and_grad
from microgradnet import functions as F
from microgradnet.compiling.rewriting import _Rewriter
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.value import Value, lift
from tests.support.backends import BACKENDS, bits
from tests.support.examples import UNSHRUNK, every, examples
from tests.support.grammar import ALL, Program, check, flat, points_of, programs, rows_of, same

pytestmark = pytest.mark.filterwarnings('ignore::microgradnet.compiling.guards.BranchWarning')
some_backends = pytest.mark.parametrize('backend', every(2, [name for name in BACKENDS if name != 'numpy']))
numbers, NAN = count(), math.nan

# Random programs.

PLAIN = [name for name in ALL if name not in ('where', 'while')]
seeds = st.integers(0, 99)


def with_source(program: Program, **names: Any) -> Callable[..., Any]:
    """Return the function of a program as if it came from a file."""
    file = f'<program {next(numbers)}>'
    linecache.cache[file] = len(program.text), None, program.text.splitlines(keepends=True), file
    space = {'F': F, 'Fraction': __import__('fractions').Fraction, 'math': math, **names}
    exec(__builtins__['compile'](program.text, file, 'exec'), space)  # type: ignore[index]
    return space['f']  # type: ignore[no-any-return]


@some_backends
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL), seeds)
def test_random_programs_are_what_they_are_without_compiling(backend: str, program: Program, seed: int) -> None:
    f = with_source(program)
    check(f, rows_of(seed, 12), backend, program, exact=backend == 'python')


@some_backends
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL, 'nothing'), seeds)
def test_gradients_of_random_programs(backend: str, program: Program, seed: int) -> None:
    f = with_source(program)
    check(value_and_grad(f), rows_of(seed, 10), backend, program)


@some_backends
@examples(20, phases=UNSHRUNK)
@given(programs(*PLAIN), seeds)
def test_second_order_of_random_programs(backend: str, program: Program, seed: int) -> None:
    f = with_source(program)
    check(hessian(f), points_of(seed, 5), backend, program)
    check(hvp(f), points_of(seed, 3), backend, program, [1.0, -0.5, 0.0])


# What is one path.


def assigned(x: Any, y: Any) -> Any:
    total, last = 0.0, y
    for _ in range(4):
        x = x * 1.5 - y
        if x > 1:
            total = total + (x - 1)
            last = x
        elif x < -1 and last > 0.5:
            total -= x
        else:
            total *= 0.5
    return total + last * 0.25


def expressions(x: Any, y: Any) -> Any:
    z = F.log(x) if x > 0 else x * y if y != 0 else 2.0
    return (z if not -1 < z <= 1 else 0.5) + (x if x else 3.0)


def extremes(x: Any, y: Any) -> Any:
    return max(x, y) * 2 - min([x, y, 0]) + max(0.0, x * y)


def slopes(state: list[Any]) -> list[Any]:
    u, v = state
    if u > 1.0:
        rate = abs(v) if v else 0.5
        return [-rate * u, u * v]
    return [u * u, 1.0]


def clipped(x: Any, low: float = -2.0, *, high: float = 2.0) -> Any:
    if x < low:
        return low
    elif x > high:
        return high
    return x


def called(x: Any, y: Any) -> Any:
    state = [x, y]
    for _ in range(3):
        step = slopes(state)
        state = [clipped(a + 0.25 * b, high=3.0) for a, b in zip(state, step)]
    return state[0] * state[1]


def inside(x: Any, y: Any) -> Any:
    z = x
    if y > 0:
        z = clipped(x * 3.0) + sum(clipped(part) for part in [x, y])
        for k in range(1, 3):
            z += y / k
    return z


class Model:
    """A rate that changes at a limit."""

    limit = 1.0

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, x: Any, y: Any) -> Any:
        return self.end(x, y) * y

    def end(self, x: Any, y: Any) -> Any:
        if x > self.limit:
            x = x * self.rate
        return x - y


def reached(x: Any, y: Any, stops: bool = False) -> Any:
    total = 0.0
    for _ in range(3):
        x = x * 1.25 + y
        if x > 1:
            if stops:
                return total
            total = total + x
    return total


#: Functions of two numbers that are one path.
ONE_PATH: list[Callable[..., Any]] = [
    assigned, expressions, extremes, called, inside, Model(0.5), Model(2.0).end, partial(clipped, high=0.75), reached,
    lambda x, y: (x if x > y else y) * x,
    lambda x, y: sum(part if part > 0 else -part for part in (x, y)),
    lambda x, y: x * y if any(part > 1 for part in (x, y)) and x != 2 else y,
]  # fmt: skip
EDGES = [-1.5, -0.0, 0.0, 0.5, 1.0, 2.0, NAN, math.inf]
PAIRS = [(x, y) for x in EDGES for y in EDGES]


@some_backends
@pytest.mark.parametrize('place', range(len(ONE_PATH)))
def test_what_only_computes_is_one_path(place: int, backend: str) -> None:
    f = ONE_PATH[place]
    if isinstance(f, partial):
        f = ONE_PATH[place] = lambda x, y, f=f: f(x) * y
    pairs = PAIRS[place % 3 :: 3]
    g = compile(f, backend=backend)
    found = g.map(*zip(*pairs))
    for pair, number in zip(pairs, found):
        with ieee_arithmetic():
            same(number, [float(lift(f(*map(Value, pair)))._data)], backend == 'python', pair)
    assert len(g.paths) == 1 and not g.paths[0].guards


@pytest.mark.parametrize('f', every(2, ONE_PATH))
def test_derivatives_of_one_path(f: Callable[..., Any]) -> None:
    if isinstance(f, partial):
        return
    for derivative in value_and_grad(f, (0, 1)), hessian(f, (0, 1)):
        g = compile(derivative, backend='python')
        for pair in [(0.5, 2.0), (2.0, -1.5), (-3.0, 0.25)]:
            assert flat(g(*pair)) == pytest.approx(flat(derivative(*pair)))
        assert len(g.paths) == 1


def test_many_walks_are_one_program() -> None:
    calls = count()

    def walk(s: Any, moves: list[Any]) -> Any:
        next(calls)
        total = 0.0
        for move in moves:
            s = s * (1.0 + move)
            if s > 105.0:
                total = total + (s - 105.0)
        return total

    random = Random(3)
    rows = [(100.0, [random.gauss(0, 0.05) for _ in range(300)]) for _ in range(10)]
    g = compile(walk, backend='python')
    assert g.map(*zip(*rows)) == [walk(*row) for row in rows]
    assert next(calls) < 30 and len(g.paths) == 1
    assert g.paths[0].size < 300 * 6  # two multiplications and additions, both sides, and a choice a turn
    assert g.programs[0].derived.tape.repeats  # they are one loop


def test_what_is_one_path_travels() -> None:
    g = compile(assigned, backend='python')
    assert g(3.0, 1.0) == assigned(3.0, 1.0)
    twin = pickle.loads(pickle.dumps(g))
    assert bits([twin(*pair) for pair in PAIRS]) == bits([g(*pair) for pair in PAIRS]) and len(twin.paths) == 1


# What stays a branch.


def knocked_out(x: Any, y: Any) -> Any:
    total = 0.0
    for _ in range(3):
        x = x * 1.5
        if x > 2:
            return -total
        total = total + x if x > 1 else total - y
    return total


def test_what_ends_the_function_within_a_loop_stays_a_branch() -> None:
    g = compile(knocked_out, backend='python')
    for x, y in [(0.25, 1.0), (1.0, 1.0), (3.0, 2.0), (0.5, 1.0), (0.7, -1.0), (NAN, 1.0)]:
        assert bits(g(x, y)) == bits(knocked_out(x, y))
    assert {guard.origin.line for path in g.paths for guard in path.guards} == {knocked_out.__code__.co_firstlineno + 4}
    assert {path.guards[0].origin.function for path in g.paths} == {'knocked_out'}
    assert len(g.paths) == 4


class Told(Exception):
    pass


class Watched:
    """Tells of all that is done with it."""

    done: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.plain = 2.0

    def __add__(self, other: Any) -> float:
        self.done.append('add')
        return 1.0

    __getitem__ = __bool__ = __iter__ = __abs__ = __float__ = __add__  # type: ignore[assignment]

    def __call__(self, *numbers: Any) -> float:
        self.done.append('call')
        return 2.0

    @property
    def number(self) -> float:
        self.done.append('property')
        return 3.0

    def method(self) -> Any:
        self.done.append('method')
        return 1.0


class Eager:
    done = Watched.done

    def __getattr__(self, name: str) -> float:
        self.done.append('getattr')
        return 1.0


watched, eager, tally, notes = Watched(), Eager(), [0], Watched.done
iterator = iter(())


def noted(x: Any) -> Any:
    notes.append('noted')
    return x


def defaulted(x: Any, kept: list[float] = []) -> Any:  # noqa: B006
    kept.append(1.0)
    return x


def from_generator(x: Any) -> Any:
    yield x


#: What a side does beside computing, which is to be done on its side alone.
EFFECTS = [
    'notes.append(1)', 'y = notes.append(1)', 'y = noted(x)', 'print("said", file=None)', 'watched.plain = 1.0',
    'y = watched.number', 'y = watched + 1', 'y = watched[0]', 'y = 1.0 if watched else 2.0', 'y = watched(x)',
    'y = watched.method()', 'y = eager.anything', 'y = [*watched][0]', 'y = abs(watched)', 'y = sum([watched])',
    'tally[0] += 1', 'del y', 'y = (z := x)', 'y = defaulted(x)', 'y = next(iterator, 0.0)', 'y = max([x], key=noted)',
    'for y in watched: pass', 'import math as y', 'y = [noted(k) for k in range(2)][0]', 'y = (lambda: noted(x))()',
    'notes[:] = [1]', 'y = f"{x}"', 'assert x', 'raise Told', 'y = sorted([x, 2.0])[0]',
    'y = list(from_generator(x))[0]', 'y = map(noted, [x])', 'y, tally[0] = x, 1', 'watched.plain += 1', 'global tally',
    'y = own()', 'y = list(iterator)', 'y = 1.0\n    for k in range(2):\n        notes.append(k)',
    'y = 1.0\n    if k0: notes.append(1)',
]  # fmt: skip
SHAPES = [
    'def f(x, k0=True):\n  y = 0.0\n  if x > 100:\n    {}\n  else:\n    y = x\n  return y',
    'def f(x, k0=True):\n  y = 0.0\n  def own():\n    nonlocal y\n    y = 3.0\n    notes.append(1)\n    return y\n'
    '  if x <= 100:\n    y = 2 * x\n  else:\n    {}\n  return y',
    'def f(x, k0=True):\n  y = 0.0\n  if x > 100:\n    {}\n    return y * x\n  return x',
]


@pytest.mark.parametrize('effect', every(2, EFFECTS))
def test_nothing_but_computing_is_done_on_a_side_that_is_not_taken(effect: str) -> None:
    for shape in SHAPES:
        text = shape.format(effect)
        if 'global' in effect:
            text = text.replace('y = 0.0', 'y = 0.0\n  global notes', 1).replace('global tally', 'notes = [2]')
        names = {name: globals()[name] for name in ('noted', 'watched', 'eager', 'tally', 'notes', 'iterator', 'Told',
                                                    'defaulted', 'from_generator')}  # fmt: skip
        f = with_source(Program(text), **names, own=noted)
        notes.clear()
        before = len(notes), tally[0], watched.plain, len(defaulted.__defaults__[0])  # type: ignore[index]
        g = compile(f, backend='python')
        for x in 1.0, -2.0, 50.0:
            assert bits(g(x)) == bits(f(x)), text
        assert before == (len(notes), tally[0], watched.plain, len(defaulted.__defaults__[0])), text  # type: ignore[index]


# What the other side alone would tell: x > 1000 is seldom, and no row is on that side while it is recorded.

PAIR, OTHER, KEYS, PARTS = (1.0, 2.0), (1.0, 3.0), {(1.0, 2.0): 7.0}, [1.0, 2.0]
ELSE = defaultdict(float, {(1, 5.0): 3.0})


class _Meta(type):
    @property
    def number(cls) -> float:
        notes.append('metaclass')
        return 2.0


class _Class(metaclass=_Meta):
    pass


class _Key:
    def __index__(self) -> int:
        notes.append('index')
        return 1

    def __hash__(self) -> int:
        notes.append('hash')
        return 1


class _Apart:
    @staticmethod
    def __call__(*numbers: Any) -> Any:
        y = 1.0
        if numbers[-1] > 1000:
            y = numbers[-1] * len(numbers)
        return y


KEY = _Key()
BY_KEY = {KEY: 2.0}
#: A statement of the seldom side, one of the other side, and what is returned.
SELDOM = [
    # What a tuple is.
    ('y = PAIR', 'y = OTHER', 'x * 7 if y is PAIR else x'), ('y = PAIR', 'y = OTHER', 'x * 7 if y in KEYS else x'),
    ('y = (1.0, 2.0)', 'y = OTHER', 'x * 7 if y in KEYS else x'), ('y = 5.0', 'y = 6.0', 'x * ELSE[1, y]'),
    ('y = 5.0', 'y = 6.0', 'x * len({y: 1.0, 5.0: 2.0})'), ('y = 5.0', 'y = 6.0', 'x * len({y, 5.0})'),
    ('y = 5.0', 'y = 6.0', 'x * len({k for k in (y, 5.0)})'),
    ('y = 5.0', 'y = 6.0', 'x * len({k: 1 for k in (y, 5.0)})'),
    # What is gone through once.
    ('y = z = zip(PARTS); y = sum(v for v, in z) + sum(v for v, in z)', 'y = 1.0', 'y * x'),
    ('z = enumerate(PARTS); y = len(list(z)) + len(list(z)) * x', 'y = 1.0', 'y * x'),
    ('z = zip(PARTS); y = x + len(z)', 'y = 1.0', 'y * x'),
    ('z = (v * x for v in PARTS); y = sum(z) + sum(z)', 'y = 1.0', 'y * x'),
    ('k = 1.0; z = (v * k for v in PARTS); k = 2.0; y = x + sum(z)', 'y = 1.0', 'y * x'),
    ('k = 1.0; z = zip((v * k for v in PARTS)); k = 2.0; y = x + sum(v for v, in z)', 'y = 1.0', 'y * x'),
    # What is done beside computing.
    ('y = _Class.number', 'y = 1.0', 'y * x'), ('y = BY_KEY[KEY]', 'y = 1.0', 'y * x'),
    ('y = PARTS[KEY]', 'y = 1.0', 'y * x'),
    # What is a plain number.
    ('y = 1.5', 'y = 2.5', 'x if isinstance(y, float) else -x'), ('y = 1.5', 'y = x', 'type(y + 1.0) is float or x'),
    ('y = 1.25', 'y = 2.5', "x * float(f'{y:.1f}')"), ('y = 1.25', 'y = 2.5', 'x * len(str(y - 1.0))'),
    ('y = 1.25', 'y = 2.5', 'x * ELSE.get(y, 2.0)'), ('y = 1.25', 'y = 2.5', "x * float('{:.1f}'.format(y + 1))"),
    ('y = 0', 'y = x', '-y'), ('y = -3', 'y = x', 'y * 0'), ('y = 3', 'y = x', 'y * (2**53 + 1)'),
    ('y = -8.0', 'y = abs(x)', 'abs(y ** (1 / 3))'), ('y = 7', 'y = x', 'y ** 40'), ('y = 0', 'y = x', '-max(0, y)'),
    ('y = 5', 'y = x', '(y + 1) // 2'), ('y = 7', 'y = x', '(y * 2.0**52) * 3 + 1'),
    # Work.
    ('y = x + sum(range(10**12))', 'y = 1.0', 'y * x'), ('y = 0\n  for k in range(10**12): y = k', 'y = 1.0', 'y * x'),
    ('y = x\n  for k in range(10**12): y = y + k', 'y = 1.0', 'y * x'),
]  # fmt: skip


@pytest.mark.parametrize('seldom, often, end', SELDOM)
def test_what_no_row_on_the_other_side_has_told(seldom: str, often: str, end: str) -> None:
    text = f'def f(x):\n if x > 1000:\n  {seldom}\n else:\n  {often}\n return {end}'
    f = with_source(Program(text), **globals())
    notes.clear()
    g = compile(f, backend='python')
    for x in 1.0, -2.0, *([] if '10**12' in text else [1500.0]):
        wanted = fails_as(f, Value(x))
        before = [*notes]
        notes.clear()
        assert fails_as(g, x) == wanted and before == notes[: len(before)], text
        notes.clear()


# What asks whether a number is a Value, where nothing is rewritten.


@singledispatch
def _dispatched(thing: Any) -> Any:
    return thing


@_dispatched.register
def _(thing: float) -> float:
    return 2.0 * thing


class _Asking:
    kept: Any = None

    def __init__(self, thing: Any = None) -> None:
        self.number = 2.0 * thing if isinstance(thing, float) else thing

    @property
    def is_plain(self) -> bool:
        return isinstance(self.kept, float)


def _matched(thing: Any) -> Any:
    match thing:
        case float():
            return 2.0 * thing
    return thing


def _kept_by(thing: Any) -> Any:
    asking = _Asking()
    asking.kept = thing
    return thing + 1.0 if asking.is_plain else thing


def _passed(thing: Any) -> Any:
    return sum(map(lambda u: u + 1.0 if isinstance(thing, float) else u, [thing]))  # noqa: C417


ASKING: list[Callable[..., Any]] = [
    _dispatched, lambda y: _Asking(y).number, lambda y: _Asking(thing=y).number, _matched, _kept_by, _passed,
    lambda y: sum(map(_matched, [y])), lambda y: sorted([y, 1.0], key=lambda u: not isinstance(u, float))[0],
]  # fmt: skip


@pytest.mark.parametrize('ask', ASKING)
def test_who_asks_for_a_value_is_told_of_plain_numbers(ask: Callable[..., Any]) -> None:
    def f(x: Any) -> Any:
        y = 5.0 if x > 1000 else x
        return ask(y)

    g = compile(f, backend='python')
    for x in 1.0, -2.0, 1500.0:
        assert bits(g(x)) == bits(lift(f(Value(x)))._data)


class _Account:
    def __init__(self) -> None:
        self.cash = 0.0

    def add(self, x: Any) -> None:
        gain = 0.0
        if x > 1000:
            gain = x - 1000
        self.cash = self.cash + gain


@dataclass
class _Balance:
    price: Any
    cash: Any


@pytest.mark.parametrize('is_new', [False, True])
def test_objects_that_only_keep_numbers_are_one_path(is_new: bool) -> None:
    def f(x: Any) -> Any:
        account, balance = _Account(), _Balance(x, 0.0)
        for k in range(3):
            gain = 0.0
            if balance.price > 1000:
                gain = balance.price - 1000
            if is_new:
                balance = _Balance(balance.price + k, balance.cash + gain)
            else:
                account.add(x + k)
        return (account.cash + balance.cash) * x

    g = compile(f, backend='python')
    assert [g(x) for x in (1.0, 1500.0, 999.5)] == [f(x) for x in (1.0, 1500.0, 999.5)] and len(g.paths) == 1


def fails_as(f: Callable[..., Any], x: Any) -> Any:
    try:
        return bits(lift(f(x))._data)
    except (ArithmeticError, LookupError, TypeError) as error:
        return type(error)


def test_what_is_called_without_the_object_itself() -> None:
    apart = _Apart()
    g = compile(lambda x: apart(x) * x, backend='python')
    assert [g(x) for x in (1.0, 2.0, 1500.0)] == [1.0, 2.0, 1500.0**2]


def caught(x: Any) -> Any:
    if x > 1000:
        y = x
    else:
        z = 1.0  # noqa: F841
    try:
        return y
    except NameError:
        return 0.0 * x


def suppressed(x: Any) -> Any:
    if x > 1000:
        y = x
    z = 0.0 * x
    with suppress(NameError):
        z = y
    return z


@pytest.mark.parametrize('f', [caught, suppressed])
def test_errors_that_are_caught_are_those_of_the_side_that_is_taken(f: Callable[..., Any]) -> None:
    g = compile(f, backend='python')
    assert [g(x) for x in (1.0, -2.0, 1500.0)] == [0.0, 0.0, 1500.0]


def test_numbers_that_are_plain_on_one_side_are_computed_with_where_python_does_the_same() -> None:
    def f(x: Any) -> Any:
        total, n = 0.0, 0
        for k in range(30):
            if x > k:
                total = total + x
            n = n + 1
        y = 2 if x > 1000 else x
        return (total / 4 - 1.0) ** 2 * n + (y + 1) / 2 + abs(total * -0.5)

    g = compile(f, backend='python')
    assert bits([g(x) for x in (2.5, -1.0, 1500.0, 0.0)]) == bits([f(x) for x in (2.5, -1.0, 1500.0, 0.0)])
    assert len(g.paths) == 1


def test_what_is_kept_of_a_call_is_refused_whatever_is_joined() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        if not kept:
            kept.append(x)
        y = x if x > 1 else 0.0
        return y * kept[0]

    with pytest.raises(ValueError, match='cannot be replayed'):
        compile(f, backend='python')(2.0)


def test_rewriting_takes_no_power_of_all_returns() -> None:
    text = 'def f(x):\n' + ''.join(f'  if x < {k}: return x * {k}\n' for k in range(20)) + '  print(end="")\n  return x'
    f, seen = with_source(Program(text)), count()

    class Counting(_Rewriter):
        def _pure(self, node: Any) -> Any:
            next(seen)
            return super()._pure(node)

    Counting(ast.parse(text).body[0]).function(ast.parse(text).body[0])  # type: ignore[arg-type]
    assert next(seen) < 20**3
    assert compile(f, backend='python')(2.5) == 7.5
