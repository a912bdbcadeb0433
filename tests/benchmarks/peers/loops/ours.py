"""microgradnet: one recorded row of a net, and a recorded Python loop, compiled, native."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from microgradnet import MLP, Value, cross_entropy
from microgradnet.compiling import compile

from ..tasks import Array, Entry, repeat, stepwise
from .growth import irregular, rk4
from .tasks import Classifier, Trajectory, joined, last

__all__ = [
    'irregular_costs', 'net_compiling', 'net_costs', 'net_gradient', 'net_step',
    'rk4_compiling', 'rk4_costs', 'rk4_gradient',
]  # fmt: skip

NAME = 'microgradnet'
FROM_THE_GRAPH = f'{NAME}, from the recorded graph'


@cache
def recorded(task: Any) -> tuple[Value, list[Value], list[Value]]:
    """Return the error of one row, that row, and the parameters; or the end of a trajectory, and those."""
    if isinstance(task, Trajectory):
        y, parameters = rk4(task.steps, task.h)
        return y, [], parameters
    net = MLP(task.sizes[0], task.sizes[1:], task.activation, task.output_activation)
    for p, number in zip(net.parameters(), task.theta.tolist(), strict=True):
        p.data = number
    row = [Value(0.0) for _ in range(task.rows.shape[1])]
    x, t = row[: task.sizes[0]], row[task.sizes[0] :]
    return cross_entropy(net(x), t), row, net.parameters()


@cache
def program_of(task: Any) -> Any:
    error, row, parameters = recorded(task)
    return compile(error, rows=row, parameters=parameters, backend='native')


def rows_of(task: Any) -> Array:
    """Return the rows of a task; a trajectory has one, of no numbers."""
    return np.zeros((1, 0)) if isinstance(task, Trajectory) else task.rows


def differentiate(task: Any) -> Callable[[], tuple[float, Array]]:
    return partial(program_of(task).value_and_gradient, task.theta, rows_of(task))


def evaluate(program: Any, theta: Array, rows: Array) -> Callable[[], float]:
    """Return what ``program.sum(rows)`` does, but with theta given, as ``value_and_gradient`` has it.

    Reading 25,450 parameters from their ``Value``s takes longer than what is measured here.
    """
    return lambda: program._forward.sums(rows, theta)[0]  # type: ignore[no-any-return]


def net_gradient(net: Classifier) -> Iterator[Entry]:
    yield Entry(NAME, last(differentiate(net), joined), net.calls)


def net_step(net: Classifier) -> Iterator[Entry]:
    program, parameters = program_of(net), recorded(net)[2]

    def step(theta: Array) -> Array:
        theta -= net.rate * program.value_and_gradient(theta, net.rows)[1]
        return theta

    yield Entry(f'{NAME}, value_and_gradient a step', stepwise(net.theta.copy, step), net.calls)

    def descend(count: int) -> Array:
        for p, number in zip(parameters, net.theta.tolist()):
            p.data = number
        program.descend(net.rows, net.rate, count)
        return np.array([p.data for p in parameters])

    yield Entry(f'{NAME}, epochs in one call', descend, net.epochs)


def net_compiling(task: Any) -> Iterator[Entry]:
    error, row, parameters = recorded(task)

    def work() -> Array:
        program: Any = compile(error, rows=row, parameters=parameters, backend='native')
        return joined(program.value_and_gradient(task.theta, rows_of(task)))

    yield Entry(FROM_THE_GRAPH, repeat(work), 1)


def net_costs(net: Classifier) -> Iterator[Entry]:
    yield Entry(NAME, last(evaluate(program_of(net), net.theta, net.rows), float), net.calls)
    yield Entry(NAME, last(differentiate(net), joined), net.calls)


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    yield Entry(NAME, last(differentiate(task), joined), task.times(0.08))


rk4_compiling = net_compiling


def rk4_costs(task: Trajectory) -> Iterator[Entry]:
    yield Entry(NAME, last(evaluate(program_of(task), task.theta, rows_of(task)), float), task.times(0.08))
    yield Entry(NAME, last(differentiate(task), joined), task.times(0.08))


def irregular_costs(nodes: int) -> Iterator[Entry]:
    y, parameters = irregular(nodes)
    program: Any = compile(y, parameters=parameters, backend='native')
    theta, rows = np.array([p.data for p in parameters]), np.zeros((1, 0))
    times = max(1, 1_000_000 // nodes)
    yield Entry(NAME, last(evaluate(program, theta, rows), float), times)
    yield Entry(NAME, last(partial(program.value_and_gradient, theta, rows), joined), times)
