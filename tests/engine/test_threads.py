"""Real threads record, derive and compile at once: with the interpreter's lock in turns, without it side by side."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from types import ModuleType
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.derivatives.transforms import grad
from microgradnet.engine.context import ieee_arithmetic, no_grad, watching
from microgradnet.engine.value import Value
from tests.support import NOT_DEFINED


@pytest.fixture(autouse=True)
def _by_turns() -> Iterator[None]:
    """Have threads that take turns do so all the time."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def together(*works: Callable[[], Any]) -> list[Any]:
    """Return what each returns, all at the same time; raise what one raises."""
    start, found = threading.Barrier(len(works)), dict[int, Any]()
    errors: list[BaseException] = []

    def run(k: int, work: Callable[[], Any]) -> None:
        start.wait(10)
        try:
            found[k] = work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return [found[k] for k in range(len(works))]


def recorded(leaves: list[Value], first: int, length: int = 500) -> Value:
    y = leaves[first]
    for k in range(length):
        y = y * 0.999 + leaves[k % len(leaves)] * 0.125
    return y


def test_graphs_that_threads_make_of_the_same_leaves_have_their_gradients() -> None:
    def gradients(ends: Callable[[list[Value]], list[Value]]) -> list[float]:
        leaves = [Value(k / 7) for k in range(4)]
        F.sum(ends(leaves)).backward()
        return [leaf.grad for leaf in leaves]

    alone = gradients(lambda leaves: [recorded(leaves, k) for k in range(4)])
    assert gradients(lambda leaves: together(*[lambda k=k: recorded(leaves, k) for k in range(4)])) == alone


def test_no_two_nodes_are_recorded_at_the_same_moment() -> None:
    def times() -> list[int]:
        y, found = Value(1.0), list[int]()
        for _ in range(2000):
            y = y * 1.0
            found.append(y.born)
        return found

    found = together(*[times] * 4)
    assert all(one == sorted(one) for one in found) and len({*chain.from_iterable(found)}) == 8000


def test_each_thread_has_a_context_of_its_own() -> None:
    def paused() -> None:
        for _ in range(200):
            with no_grad():
                assert (Value(2.0) * 3.0).inputs == ()
            assert (Value(2.0) * 3.0).inputs

    def limits() -> None:
        for _ in range(200):
            with ieee_arithmetic():
                assert Value(0.0).log().data == -float('inf')
            with pytest.raises(ValueError, match=NOT_DEFINED):
                Value(0.0).log()

    def watched() -> None:
        for _ in range(200):
            seen: list[Value] = []
            with watching(seen.append):
                y = Value(2.0) * 3.0 + 1.0
            assert seen == [y.inputs[0], y]

    def plain() -> None:
        for _ in range(1000):
            assert (Value(2.0) * 3.0).inputs

    together(paused, limits, watched, plain, paused, limits, watched, plain)


def test_threads_derive_and_compile() -> None:
    def derived() -> list[float]:
        return [grad(grad(lambda x: x.tanh() * x))(k / 10) for k in range(10)]

    def compiled() -> list[float]:
        return [compile(lambda x: x * k + x.tanh(), backend='python')(0.5) for k in range(5)]  # noqa: B023

    shared = compile(lambda x: x.tanh() * x if x > 0.5 else x.exp(), backend='python')

    def called() -> list[float]:
        return [shared(k / 50) for k in range(50)]

    works = derived, compiled, called
    alone = [work() for work in works]
    assert together(*works * 2) == alone * 2


def test_while_another_thread_imports_numpy_nothing_is_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'numpy', ModuleType('numpy'))  # as it is at the start of its import
    monkeypatch.setitem(sys.modules, 'pandas', ModuleType('pandas'))
    assert compile(lambda x: x[0] * x[1], backend='python')([2.0, 3.0]) == 6.0
