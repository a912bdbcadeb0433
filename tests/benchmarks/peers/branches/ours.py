"""microgradnet: plain functions of numbers, as they are and compiled, with ``if``, ``where`` and ``while_loop``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from microgradnet import compile, grad, value_and_grad
from microgradnet import functions as F
from microgradnet.compiling import BranchWarning

from ..loops.tasks import last
from ..tasks import Array, Entry, Run, repeat
from .tasks import Harvest, Loop, Walks

__all__ = ['harvest', 'heun', 'heun_gradient', 'newton', 'newton_gradient', 'walks']

NAME, PLAIN = 'microgradnet', 'plain Python'
IF, WHERE, LOOP = (f'{NAME}, compile(f) with {what}' for what in ('if', 'where', 'while_loop'))


def compiled(f: Callable[..., Any], run: Callable[[Any], Any]) -> Run:
    """Make a run of a compiled function; it is new, and compiles in the first of them."""
    made: list[Any] = []

    def work() -> Any:
        if not made:
            made.append(compile(f, backend='native'))
        with catch_warnings():
            simplefilter('ignore', BranchWarning)
            return run(made[0])

    return last(work, np.asarray)


def walks(task: Walks) -> Iterator[Entry]:
    def branching(z: Any) -> Any:
        s, total = 100.0, 0.0
        for step in z:
            s = s * F.exp(task.sigma * step)
            if s > task.barrier:
                if task.knocks_out:
                    return 0.0
                total = total + (s - task.barrier)
        return s if task.knocks_out else total

    def choosing(z: Any) -> Any:
        s, total, lives = 100.0, 0.0, 1.0
        for step in z:
            s = s * F.exp(task.sigma * step)
            is_above = F.greater(s, task.barrier)
            if task.knocks_out:
                lives = F.where(is_above, 0.0, lives)
            else:
                total = total + F.where(is_above, s - task.barrier, 0.0)
        return s * lives if task.knocks_out else total

    rows, plain, once = task.rows, task.rows.tolist(), int(task.rows.size > 1_000_000)
    yield Entry(PLAIN, last(lambda: [branching(row) for row in plain], np.asarray), once)
    yield Entry(IF, compiled(branching, lambda f: f.map(rows)), once)
    yield Entry(WHERE, compiled(choosing, lambda f: f.map(rows)))


def harvest(task: Harvest) -> Iterator[Entry]:
    """Yield the ways to the values and gradients of some parameter vectors, one call for each."""

    def branching(x: Any, share: Any) -> Any:
        return share * (x - task.limit) if x > task.limit else 0.0

    def choosing(x: Any, share: Any) -> Any:
        return F.where(F.greater(x, task.limit), share * (x - task.limit), 0.0)

    def calls(f: Any) -> Array:
        return np.array([[y, *slopes] for y, slopes in map(f, thetas)])

    thetas = task.thetas.tolist()
    yield Entry(PLAIN, repeat(lambda: calls(value_and_grad(lambda theta: task.end(theta, branching)))), 1)
    for name, taken, times in (IF, branching, 1), (WHERE, choosing, 0):
        f = value_and_grad(lambda theta, taken=taken: task.end(theta, taken))
        yield Entry(name, compiled(f, calls), times)


def root(a: Any) -> Any:
    return F.while_loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: (x + a / x) / 2, a)


def decayed(k: Any) -> Any:
    def step(t: Any, y: Any, h: Any) -> tuple[Any, Any, Any]:
        h = F.min(h, 2.0 - t)
        one = -k * y
        two = -k * (y + h * one)
        error = abs(two - one) * h / 2 + 1e-300
        good, used = F.less(error, 1e-6), F.stop_gradient(h)
        factor = F.clip(0.9 * F.sqrt(1e-6 / error), 0.2, 5.0)
        new = y + used * (one + two) / 2
        return F.where(good, t + used, t), F.where(good, new, y), F.stop_gradient(h * factor)

    return F.while_loop(lambda t, y, h: t < 2.0, step, 0.0, 1.0, 0.01)[1]


def newton(task: Loop) -> Iterator[Entry]:
    yield Entry(LOOP, compiled(root, lambda f: f.map(task.numbers)))


def newton_gradient(task: Loop) -> Iterator[Entry]:
    yield Entry(LOOP, compiled(grad(root), lambda f: f.map(task.numbers)))


def heun(task: Loop) -> Iterator[Entry]:
    yield Entry(LOOP, compiled(decayed, lambda f: f.map(task.numbers)))


def heun_gradient(task: Loop) -> Iterator[Entry]:
    yield Entry(LOOP, compiled(grad(decayed), lambda f: f.map(task.numbers)))
