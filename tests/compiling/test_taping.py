"""Recording straight onto a tape: the tape is that of the graph, and what it has no word for is recorded as a graph."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import count, product
from math import inf
from threading import Event
from typing import Any
from weakref import ref

import pytest

from microgradnet import compile, custom, grad, gradients, hessian, jacobian, no_grad, value_and_grad
from microgradnet import functions as F
from microgradnet.compiling import recorded, taping, ways
from microgradnet.compiling.function import Function
from microgradnet.compiling.ir.tape import tape
from microgradnet.compiling.taping import Taping, TooLong, Untaped, bounded
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from tests.support.examples import every, for_each


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have functions of a hundred operations be long ones."""
    set_largest(monkeypatch, 100)
    monkeypatch.setattr(taping, 'STRETCH', 16)


def set_largest(monkeypatch: pytest.MonkeyPatch, operations: int) -> None:
    for module in recorded, ways:
        monkeypatch.setattr(module, 'LARGEST', operations)


def both(f: Callable[..., Any], row: list[float], active: Sequence[bool] = (True, True)) -> Any:
    """Return the tapes of a function: of its graph, and recorded straight."""
    xs = [*map(Value, row)]
    with ieee_arithmetic():
        y = f(*xs)
    of_graph = tape(y, [x for x, on in zip(xs, active) if not on], [x for x, on in zip(xs, active) if on])
    with ieee_arithmetic(), Taping('f', active) as recording:
        y = f(*recording.leaves(row))
        return of_graph, recording.tape(y)


def same(one: Any, two: Any) -> None:
    assert [(one.shapes[k], v) for k, v in one.items] == [(two.shapes[k], v) for k, v in two.items]
    assert one.numbers.tobytes() == two.numbers.tobytes()
    assert (one.outputs, one.width, one.parameters) == (two.outputs, two.width, two.parameters)


@pytest.mark.parametrize('active', [*product([True, False], repeat=2)])
def test_the_tape_is_that_of_the_graph(active: Sequence[bool]) -> None:
    def f(x: Any, y: Any) -> list[Any]:
        found = []
        for k in range(30):
            x, y = (x * 0.5 + (-y if k > 9 else 3.0)).sin(), 2 - y / (y.exp() + k)
            found += [x, y] if k % 7 == 3 else []
        return [*found, x * y, x, found[0]]

    same(*both(f, [1.5, 2.5], active))


@for_each('op', [op for op in operations.values() if not op.vectors], ids=lambda op: op.name)
def test_every_operation_of_one_or_two_numbers_is_taped(op: Any) -> None:
    name = op.method or op.name
    others = [p for p in op.parameters[1:] if p not in op.default]

    def f(x: Any, y: Any) -> list[Any]:
        found = [getattr(x, name)(*[y] * len(others))]
        if len(others) == 1:
            found += [getattr(x, name)(3), getattr(x, name)(0.25), getattr(x, op.name)(x)]
        if op.reflected:
            found += [getattr(x, op.reflected)(3), getattr(x, op.reflected)(0.25)]
        return found

    for row in [0.75, 1.5], [-3.0, 0.0]:
        if taping._can_be_taped(op):
            same(*both(f, row))
        else:
            with pytest.raises(Untaped):
                both(f, row)


def ahead(x: Any) -> Any:
    return walk(*x)


def walk(x: Any, y: Any, steps: int = 200) -> Any:
    for _ in range(steps):
        x, y = x - 0.01 * y, y + 0.01 * x * x.sin()
    return x * y


def called(f: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Return what a compiled function returns, and how often it was called for that."""
    calls = count()
    compiled = compile(lambda *xs: (next(calls), f(*xs))[1], backend='python')
    return compiled(*arguments), next(calls)


@pytest.mark.parametrize('transform', [lambda f: f, value_and_grad, jacobian, hessian])
def test_a_long_function_is_what_it_is_as_a_graph(transform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile(transform(ahead), backend='python')
    found = compiled([0.5, 1.5])
    assert not compiled.paths[0].has_graph  # type: ignore[attr-defined]
    set_largest(monkeypatch, 10**6)
    other = compile(transform(ahead), backend='python')
    assert other([0.5, 1.5]) == found and other.paths[0].has_graph  # type: ignore[attr-defined]
    assert compiled([1.0, 2.0]) == other([1.0, 2.0])


def test_it_may_be_differentiated_by_some_of_its_numbers() -> None:
    compiled = compile(value_and_grad(walk), backend='python')
    value, slope = compiled(0.5, 1.5)
    assert not compiled.paths[0].has_graph  # type: ignore[attr-defined]
    x, y = Value(0.5), Value(1.5)
    z = walk(x, y)
    z.backward()
    assert (value, slope) == (pytest.approx(z.data), pytest.approx(x.grad))


def test_a_long_function_is_begun_once_more() -> None:
    assert called(walk, 0.5, 1.5) == (pytest.approx(walk(Value(0.5), Value(1.5)).data), 3)
    assert called(lambda x, y: walk(x, y, 5), 0.5, 1.5)[1] == 2


def test_no_signal_goes_through_what_comes_of_nothing() -> None:
    def f(z: Any) -> Any:
        x, y = z
        for _ in range(60):
            y = y * x
            x = x * 2.0**30
        return x

    compiled = compile(value_and_grad(f), backend='python')
    assert compiled([1.5, 0.5]) == (inf, [inf, 0.0])
    assert not compiled.paths[0].has_graph  # type: ignore[attr-defined]


def test_what_is_no_more_needed_dies() -> None:
    alive: list[Any] = []

    def f(z: Any) -> Any:
        x, y = z
        y = x * y
        alive.append(ref(y))
        y = walk(x, y)
        alive.append(alive[-1]() is None)
        return y

    compile(value_and_grad(f), backend='python')([0.5, 1.5])
    assert alive[2] is alive[4] is True


class Looks:
    """Functions that do something behind many operations for which a tape has no word."""

    outside = Value(0.75)
    own = custom(lambda x: x * x, lambda x: 2 * x, name='own_square')

    @staticmethod
    def compares(x: Any, y: Any) -> Any:
        return x * y if x > y else x + y

    @staticmethod
    def is_true(x: Any, y: Any) -> Any:
        return x * y if x else y

    @staticmethod
    def sums(x: Any, y: Any) -> Any:
        return F.dot([x, y], [y, y]) + F.sum([x, y, x])

    @staticmethod
    def reads_outside(x: Any, y: Any) -> Any:
        return x * Looks.outside + y

    @staticmethod
    def reads_outside_first(x: Any, y: Any) -> Any:
        return (Looks.outside * 2.0) * x + y

    @staticmethod
    def makes_a_leaf(x: Any, y: Any) -> Any:
        return x * Value(3.0) + y

    @staticmethod
    def has_fractions(x: Any, y: Any) -> Any:
        return x * Fraction(1, 3) + y

    @staticmethod
    def differentiates(x: Any, y: Any) -> Any:
        return x * grad(lambda z: z * z * z)(y)

    @staticmethod
    def asks_for_gradients(x: Any, y: Any) -> Any:
        z = x * y
        return gradients(z * z.sin(), [z])[0]

    @staticmethod
    def looks_at_inputs(x: Any, y: Any) -> Any:
        z = x * y
        return z * len(z.inputs) + len((x + z).op.name)

    @staticmethod
    def chooses(x: Any, y: Any) -> Any:
        return F.where(x.greater(y), lambda: x * y, y)

    @staticmethod
    def turns(x: Any, y: Any) -> Any:
        return F.while_loop(lambda z: z < 5, lambda z: z * 2 + y * y, x * x + 1.0) * x

    @staticmethod
    def calls_its_own(x: Any, y: Any) -> Any:
        return Looks.own(x) * y

    @staticmethod
    def returns_a_leaf(x: Any, y: Any) -> Any:
        return [x, x * y]

    @staticmethod
    def returns_a_number(x: Any, y: Any) -> Any:
        return [2.5, x * y]

    @staticmethod
    def catches_everything(x: Any, y: Any) -> Any:
        try:
            return x * y if x > y else x + y
        except BaseException:
            return y * y


LOOKS = [name for name in vars(Looks) if not name.startswith('_') and name not in ('outside', 'own')]


@pytest.mark.parametrize('name', every(2, LOOKS))
def test_what_a_tape_has_no_word_for_is_recorded_as_a_graph(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look = getattr(Looks, name)

    def f(x: Any, y: Any) -> Any:
        z = walk(x, y, 40)
        u = look(x, z)
        return [u, walk(x, z, 20), z] if not isinstance(u, list) else [*u, z]

    compiled = compile(jacobian(f), backend='python')
    found = compiled(0.5, 1.5)
    assert all(path.has_graph for path in compiled.paths)  # type: ignore[attr-defined]
    set_largest(monkeypatch, 10**6)
    assert compile(jacobian(f), backend='python')(0.5, 1.5) == found


@pytest.mark.parametrize(
    ('leak', 'said'),
    [
        (lambda x: x.data, 'reads .data of something computed'), (lambda x: x.grad, 'reads .grad of something'),
        (lambda x: x.detach(), 'reads .data of something computed'), (lambda x: float(f'{x:.2f}'), 'recorded again'),
    ],
)  # fmt: skip
def test_what_leaves_the_graph_is_refused_at_length(leak: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compile(lambda x: walk(x, x) * leak(walk(x, x)), backend='python')(0.5)


def test_no_grad_at_length_is_a_leak() -> None:
    def f(x: Any) -> Any:
        y = walk(x, x)
        with no_grad():
            y = y * x
        return y + x

    with pytest.raises(ValueError, match='no_grad'):
        compile(f, backend='python')(0.5)


def test_what_the_function_raises_at_length_is_raised() -> None:
    with pytest.raises(TypeError, match='an operand'):
        compile(lambda x: walk(x, x) * 'two', backend='python')(0.5)  # type: ignore[operator]
    with pytest.raises(ZeroDivisionError):
        compile(lambda x: walk(x, x) * (1 / 0), backend='python')(0.5)


def test_poles_are_infinities_at_length() -> None:
    assert compile(lambda x: walk(x, x) * 0.0 + 1 / (x - x) - (x - x).log(), backend='python')(0.5) == float('inf')


def test_what_changes_from_call_to_call_is_refused_at_length() -> None:
    numbers = count()
    with pytest.raises(ValueError, match='made the number'):
        compile(lambda x: walk(x, x) * next(numbers), backend='python')(0.5)
    lengths = count(200)
    with pytest.raises(ValueError, match='made another graph'):
        compile(lambda x: walk(x, x, next(lengths)), backend='python')(0.5)


def test_names_that_are_given_at_length_stay() -> None:
    def f(x: Any) -> Any:
        y = walk(x, x)
        y.label = 'the end'
        assert y.label == 'the end'
        return y * x

    compiled = compile(f, backend='python')
    compiled(0.5)
    assert isinstance(compiled, Function) and 'the end' in compiled.paths[0].tape.labels.values()  # type: ignore[union-attr]


def test_a_value_of_a_recording_that_is_over_is_told() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(walk(x, x))
        return kept[-1] * x

    compile(f, backend='python')(0.5)
    assert kept[-1].data == pytest.approx(kept[-1].data)
    for look in (lambda y: y.grad), (lambda y: y + Value(1.0)), (lambda y: Value(1.0) * y), (lambda y: y > 1):
        with pytest.raises(ValueError, match='only the tape is kept'):
            look(kept[-1])


def test_it_is_pickled_without_what_has_no_graph() -> None:
    compiled = compile(value_and_grad(ahead), backend='python')
    found = compiled([0.5, 1.5])
    other = pickle.loads(pickle.dumps(compiled))
    assert other.paths == [] and other([0.5, 1.5]) == found


def test_others_go_on_while_a_recording_is_bounded() -> None:
    def through(steps: int) -> Iterator[None]:
        x = Value(1.0)
        for _ in range(steps):
            x = x * 1.5
        yield

    with pytest.raises(TooLong), bounded(100):
        list(through(200))
    list(through(200))
    x = Value(1.0) * 2.0
    y = x * 2.0
    assert y.born == x.born + 1


def test_a_long_recording_leaves_another_thread_its_births() -> None:
    begun, ended = Event(), Event()

    def waits(x: Any) -> Any:
        begun.set()
        assert ended.wait(60)
        for _ in range(60):
            x = x * 1.5
        return x

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(compile(waits, backend='python'), 1.0)
        assert begun.wait(60)
        with pytest.raises(TooLong), bounded(100):  # the latest, whose births are everybody's
            try:
                walk(Value(0.5), Value(1.5))
            finally:
                ended.set()
                assert found.result() == 1.5**60


def test_whoever_goes_on_after_an_end_is_told_again() -> None:
    def f(x: Any) -> Any:
        for _ in range(400):
            try:
                x = x * 1.5
            except BaseException:
                break
        return x * 2.0

    assert compile(f, backend='python')(1.0) == f(1.0)
    recording = Taping('f', [True])
    with recording:
        x, = recording.leaves([1.0])
        Value(2.0) * 3.0  # which no tape has
        for _ in range(2):
            with pytest.raises(Untaped):
                walk(x, x)


def test_threads_between_whom_numbers_come_are_not_mixed_up() -> None:
    recording = Taping('f', [True])
    with recording:
        x, = recording.leaves([1.0])
        left: list[Any] = []
        space = type(x).__mul__.__globals__
        extend = space['tape_keep']

        def late(pair: Any) -> None:
            """Keep a number after the one of an operation that comes between, as of another thread."""
            space['tape_keep'] = extend
            left.append(x * 3.0)
            extend(pair)

        space['tape_keep'] = late
        y = x * 2.0
        with pytest.raises(Untaped):
            recording.tape([y, *left])


def test_threads_may_compute_parts_of_a_long_function() -> None:
    def f(x: Any, y: Any) -> Any:
        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(lambda x: walk(x, y, 100), [x, y])
        return one + two

    value, gradient = compile(value_and_grad(f, (0, 1)), backend='python')(0.5, 1.5)
    x, y = Value(0.5), Value(1.5)
    z = f(x, y)
    z.backward()
    assert [value, *gradient] == pytest.approx([z.data, x.grad, y.grad])


@pytest.mark.parametrize('transform', [lambda f: f, grad])
@pytest.mark.parametrize('steps', [3, 200])
def test_a_value_that_is_kept_of_an_earlier_recording_is_refused(transform: Any, steps: int) -> None:
    """A long function is recorded more often, at first in part; what it kept of that is no constant."""
    kept: dict[str, Any] = {}

    def f(x: Any) -> Any:
        y = kept.setdefault('y', x * 2.0)
        return walk(x, F.max(y, 1.0), steps)

    with pytest.raises(ValueError, match=r'f cannot be replayed: .* (made another graph|kept of an earlier recording)'):
        compile(transform(f), backend='python')(0.5)


def test_births_go_on_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts them is asked now and then, and Ctrl-C may come just there: other threads go on recording."""
    came: list[bool] = []

    def interrupted(self: Any, operations: int) -> bool:
        came.append(True)
        raise KeyboardInterrupt

    x = Value(1.0)
    with bounded(10**6):
        for _ in range(5):
            x = x * 2.0
        monkeypatch.setattr(taping._Bound, 'count', interrupted)
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                x = x * 2.0
        y = x * 2.0 * 2.0
    assert came == [True] and x.born < y.inputs[0].born < y.born < (y * 2.0).born


def test_a_function_that_goes_on_after_an_interrupt_is_recorded_as_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    flush, left = Taping._flush, [KeyboardInterrupt]

    def interrupted(self: Taping) -> None:
        if left:
            raise left.pop()
        flush(self)

    def f(x: Any) -> Any:
        while True:
            try:
                return walk(x, 0.5)
            except KeyboardInterrupt:
                continue

    monkeypatch.setattr(Taping, '_flush', interrupted)
    compiled = compile(f, backend='python')
    assert compiled(0.25) == walk(Value(0.25), 0.5).data and not left and compiled.paths[0].has_graph
