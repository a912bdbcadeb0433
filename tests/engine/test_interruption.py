"""An interrupted ``backward`` leaves every gradient as it was: by an exception, a trace, an alarm."""

from __future__ import annotations

import gc
import random
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import count, takewhile
from types import FrameType
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet.engine import sweep
from microgradnet.engine.value import Value


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: an interrupt in what others call back then is lost, and is a warning of pytest."""
    gc.disable()
    yield
    gc.enable()


def small_graph() -> list[Value]:
    x, w = Value(2.0), Value(-1.5)
    u = x * w
    v = u.tanh() + u
    return [x, w, u, v.inputs[0], v, F.dot([v, u], [x, 3.0], w)]


class Bomb(Fraction):
    """A local derivative whose use is interrupted."""

    def __mul__(self, other: Any) -> Any:
        raise KeyboardInterrupt

    __rmul__ = __mul__


def test_an_interrupt_within_the_arithmetic_changes_nothing() -> None:
    for broken in range(2, 6):
        nodes = small_graph()
        for place, node in enumerate(nodes):
            node.grad = 10.0 + place
        nodes[broken].partials = (Bomb(1), *nodes[broken].partials[1:])
        with pytest.raises(KeyboardInterrupt):
            nodes[-1].backward()
        assert [node.grad for node in nodes] == [10.0 + place for place in range(6)]


def test_an_interrupt_through_the_data_changes_nothing() -> None:
    x, bomb = Value(Fraction(1, 2)), Value(Bomb(3))
    y = x / bomb
    y.partials = (bomb.data, *y.partials[1:])
    x.grad = Fraction(7)
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert (x.grad, bomb.grad, y.grad) == (7, 0, 0)


def test_an_interrupt_at_any_instruction_leaves_all_gradients_or_none() -> None:
    """Raise at the first instruction of ``backward``, at the second, ... until it comes through."""
    expected = small_graph()
    expected[-1].backward()
    after = [node.grad for node in expected]
    before = [0.0] * len(after)
    outcomes = []
    for instruction in range(100_000):
        nodes, left = small_graph(), [instruction]

        def trace(frame: FrameType, event: str, argument: Any, left: list[int] = left) -> Any:
            frame.f_trace_opcodes = True
            if event == 'opcode':
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
            return trace

        outer = sys.gettrace()
        sys.settrace(trace)
        try:
            nodes[-1].backward()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(outer)
        grads = [node.grad for node in nodes]
        assert grads in (before, after), instruction
        outcomes.append(grads)
        if left[0] >= 0:
            break
    assert outcomes[0] == before
    assert outcomes[-1] == after
    assert len(outcomes) > 300


class Torn(list[Value]):
    """Nodes that can be gone through once; the second time an interrupt comes, after so many."""

    def __init__(self, nodes: list[Value], good: int) -> None:
        super().__init__(nodes)
        self.good, self.times, self.interrupted = good, 0, False

    def __iter__(self) -> Iterator[Value]:
        self.times += 1
        return super().__iter__() if self.times == 1 else self.torn()

    def torn(self) -> Iterator[Value]:
        yield from self[: self.good]
        self.interrupted = True
        raise KeyboardInterrupt


def interrupted_twice(good: int, instruction: int) -> bool:
    """Interrupt a commit after so many nodes and at an instruction after that; tell whether there was a second time."""
    nodes, left = Torn(small_graph(), good), [instruction]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_opcodes = True
        if event == 'opcode' and nodes.interrupted:
            left[0] -= 1
            if left[0] < 0:
                raise SystemExit
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        sweep.commit(nodes, [1.0 + place for place in range(6)])
    except KeyboardInterrupt:
        second = False
    except SystemExit:
        second = True
    finally:
        sys.settrace(outer)
    assert [node.grad for node in nodes[:]] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (good, instruction)
    return second


def test_a_second_interrupt_at_any_instruction_after_the_first_leaves_all_gradients() -> None:
    # In a thread: where a handler is interrupted, Python may take its exception for the one that is being handled.
    with ThreadPoolExecutor(1) as thread:
        for good in range(6):
            second = (thread.submit(interrupted_twice, good, instruction).result() for instruction in count())
            assert sum(takewhile(bool, second)) > 10


@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='this system has no interval timer')
def test_an_alarm_at_a_random_moment_leaves_all_gradients_or_none() -> None:
    x = Value(1.0)
    y = x
    for _ in range(3_000):
        y = y * 1.0 + x
    nodes = [x, *chain(y)]
    y.backward()
    after = [node.grad for node in nodes]
    moments = random.Random(5)

    def ring(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(40):
            for node in nodes:
                node.grad = 0.0
            try:
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, 8e-3))
                y.backward()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            grads = [node.grad for node in nodes]
            assert grads == after or not any(grads)
    finally:
        signal.signal(signal.SIGALRM, old)


def chain(root: Value) -> list[Value]:
    """Return the inner nodes of a chain, from its end to its beginning."""
    nodes = []
    while root.inputs:
        nodes.append(root)
        root = root.inputs[0]
    return nodes
