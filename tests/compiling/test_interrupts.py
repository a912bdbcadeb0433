"""Loops without an end in machine code: Ctrl-C, and whatever a signal's handler raises, ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from microgradnet import compile, value_and_grad
from microgradnet import functions as F

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')
if not hasattr(signal, 'setitimer'):
    pytest.skip('no alarms here', allow_module_level=True)


class Alarm(Exception):
    """What the handler raises, the second time that it is called."""


def endless(x: Any) -> Any:
    """Turn until half of it and x is 0: for ever, if x is above it."""
    return F.while_loop(lambda y: y > 0, lambda y: y * 0.5 + x, x)


@pytest.fixture
def alarms() -> Iterator[list[int]]:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip('signals are for the main thread')
    rung: list[int] = []

    def ring(number: int, _: object) -> None:
        rung.append(number)
        if len(rung) == 2:
            raise Alarm('it rings')

    before = signal.signal(signal.SIGALRM, ring)
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('transform', [lambda f: f, value_and_grad])
def test_a_handler_runs_while_a_loop_turns_and_ends_it_if_it_raises(
    threads: int, transform: Any, alarms: list[int]
) -> None:
    f = compile(transform(endless), backend='native', threads=threads)
    xs = np.array([-1.0] * 40 + [1.0] * 40)
    wanted = f.map(xs[:40])
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    with pytest.raises(Alarm, match='it rings'):
        f.map(xs)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(alarms) >= 2
    assert str(f.map(xs[:40])) == str(wanted)  # and all is as before


@pytest.mark.slow
def test_a_call_is_ended_too(alarms: list[int]) -> None:
    f = compile(endless, backend='native')
    assert f(-1.0) == -1.0
    alarms.append(0)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(Alarm):
        f(1.0)
    assert f(-1.0) == -1.0
