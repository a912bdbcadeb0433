"""microgradnet: plain functions of numbers, compiled, native; and programs of one recorded row.

What is bound to its rows is the program of the entry before it, so its first time is that of binding alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from math import exp
from time import process_time
from typing import Any

import numpy as np

from microgradnet import MLP, TeacherSet, Value, compile, hessian, jacobian, train, value_and_grad
from microgradnet.compiling.program import Program
from microgradnet.derivatives.sparse import sparse_hessian
from microgradnet.functions import dot, log, logsumexp
from microgradnet.functions import exp as exponential
from microgradnet.functions import sqrt as root

from ..loops.growth import states
from ..loops.ours import recorded
from ..loops.tasks import Classifier, Trajectory, joined, last
from ..ours import set_weights, weights
from ..tasks import Array, Entry, Run
from .tasks import BATCH, LESSONS, Heston, Mixture, Rosenbrock

__all__ = [
    'adamw', 'from_scratch', 'heston', 'mixture_gradient', 'rk4_gradient', 'rk4_hessian', 'rk4_jacobian',
    'rosenbrock_gradient', 'rosenbrock_hessian',
]  # fmt: skip

NAME = 'microgradnet'
NATIVE: Any = {'backend': 'native'}


def by_calls(f: Callable[[Any], Any], theta: Array, finish: Callable[[Any], Any] = np.asarray) -> Run:
    """Make a run of calls of a compiled function; what compiles is new, and compiles in the first of them."""
    made: list[Any] = []

    def work() -> Any:
        if not made:
            made.append(compile(f, **NATIVE))
        return made[0](theta)

    return last(work, finish)


def by_program(graph: Callable[[], tuple[Any, list[Value], list[Value]]], theta: Array, *rows: Any) -> Iterator[Entry]:
    """Yield the ways to a program's gradient: with its rows, if it has any, at each call, and bound to them."""
    made: dict[str, Any] = {}

    def program() -> Any:
        if 'program' not in made:
            y, row, parameters = graph()
            made['program'] = compile(y, rows=row, parameters=parameters, **NATIVE)
        return made['program']

    def bound() -> Any:
        if 'bound' not in made:
            made['bound'] = program().bind(*rows)
        return made['bound']

    if not rows:  # a star in the call would cost as much as a third of the smallest of them
        yield Entry(f'{NAME}, Program', last(lambda: program().value_and_gradient(theta), joined))
        return
    yield Entry(f'{NAME}, Program', last(lambda: program().value_and_gradient(theta, *rows), joined))
    if hasattr(Program, 'bind'):
        yield Entry(f'{NAME}, bound to its rows', last(lambda: bound().value_and_gradient(theta), joined))


def parameters_of(theta: Array) -> list[Value]:
    return [Value(number, f'p{i}') for i, number in enumerate(theta.tolist())]


def valley(x: Any) -> Any:
    """Compute Rosenbrock's function as one writes it down."""
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def rosenbrock_gradient(task: Rosenbrock) -> Iterator[Entry]:
    def graph() -> tuple[Any, list[Value], list[Value]]:
        x = parameters_of(task.theta)
        return valley(x), [], x

    yield from by_program(graph, task.theta)
    yield Entry(f'{NAME}, compile(value_and_grad(f))', by_calls(value_and_grad(valley), task.theta, joined))


def rosenbrock_hessian(task: Rosenbrock) -> Iterator[Entry]:
    yield Entry(f'{NAME}, compile(hessian(f))', by_calls(hessian(valley), task.theta))
    run = by_calls(sparse_hessian(valley), task.theta, lambda found: found.toarray())
    yield Entry(f'{NAME}, compile(sparse_hessian(f))', run)


def likelihood(task: Mixture, x: Any, theta: Any) -> Any:
    """Compute what one point adds to the objective; of what belongs to all of them, its share."""
    alpha, means, diagonals, below = task.split(theta)
    parts, prior = [], 0.0
    for weight, mean, q, lower in zip(alpha, means, diagonals, below, strict=True):
        off = [a - b for a, b in zip(x, mean, strict=True)]
        scale = [exponential(number) for number in q]
        y = [s * o for s, o in zip(scale, off, strict=True)]
        for i in range(1, task.d):
            y[i] = y[i] + dot([lower[i, j] for j in range(i)], off[:i])
        parts.append(weight + sum(q) - 0.5 * dot(y, y))
        factor = [*scale, *lower.values()]
        prior = prior + 0.5 * dot(factor, factor)
    return logsumexp(parts) - logsumexp(alpha) + (prior + task.constant) / task.n


def mixture_gradient(task: Mixture) -> Iterator[Entry]:
    def graph() -> tuple[Any, list[Value], list[Value]]:
        x, theta = [Value(0.0) for _ in range(task.d)], parameters_of(task.theta)
        return likelihood(task, x, theta), x, theta

    return by_program(graph, task.theta, task.points)


def end(task: Trajectory, theta: Any) -> Any:
    x, y = states(theta, task.steps, task.h)[-1]
    return x * x + y * y


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    run = by_calls(value_and_grad(partial(end, task)), task.theta, joined)
    yield Entry(f'{NAME}, compile(value_and_grad(f))', run)
    yield from by_program(lambda: recorded(task), task.theta)


def rk4_hessian(task: Trajectory) -> Iterator[Entry]:
    yield Entry(f'{NAME}, compile(hessian(f))', by_calls(hessian(partial(end, task)), task.theta))


def rk4_jacobian(task: Trajectory) -> Iterator[Entry]:
    def trajectory(theta: Any) -> list[Any]:
        return [number for state in states(theta, task.steps, task.h) for number in state]

    run = by_calls(jacobian(lambda theta: np.array(trajectory(theta))), task.theta)
    yield Entry(f'{NAME}, compile(jacobian(f))', run)
    yield Entry(f'{NAME}, the same as a list of arrays', by_calls(jacobian(trajectory), task.theta))


def from_scratch(task: Trajectory) -> Array:
    """Record, compile, and return the value and the gradient at the end of a trajectory."""
    return by_calls(value_and_grad(partial(end, task)), task.theta, joined)(1)


def adamw(net: Classifier) -> Iterator[Entry]:
    model = MLP(net.sizes[0], net.sizes[1:], net.activation, net.output_activation)
    lessons, spent = TeacherSet(*(numbers.tolist() for numbers in net.split())), [0.0]

    def run(count: int) -> Array:
        """Learn for so many epochs; the first compiles, and the others are timed in its place."""
        set_weights(model, net.theta)
        began: list[float] = []
        more: Any = {'error': 'cross_entropy', 'optimiser': 'adamw', 'shuffle': False, 'bar': False}
        train(
            model, lessons, learning_rate=net.rate, epochs=count, mode=BATCH,
            callback=lambda _: began.append(process_time()), **more,
        )  # fmt: skip
        if count > 1:
            spent[0] += (began[-1] - began[0]) * count / (count - 1)
        return weights(model)

    yield Entry(f"{NAME}, train(mode=32, optimiser='adamw')", run, LESSONS, lambda: spent[0])


def payoff(task: Heston, row: Any, theta: Any) -> Any:
    """Compute what a call is worth today at the end of one path."""
    spot, v, pull, level, vol, rho = theta
    x, rest, dt = log(spot), root(1 - rho**2), task.dt
    for one, two in zip(row[::2], row[1::2], strict=True):
        now = v.maximum(task.least)
        r = root(now * dt)
        x = x + (task.rate - 0.5 * now) * dt + r * one
        v = v + pull * (level - now) * dt + vol * r * (rho * one + rest * two)
    return exp(-task.rate) * (exponential(x).maximum(task.strike) - task.strike)


def heston(task: Heston) -> Iterator[Entry]:
    def graph() -> tuple[Any, list[Value], list[Value]]:
        row, theta = [Value(0.0) for _ in range(2 * task.steps)], parameters_of(task.theta)
        return payoff(task, row, theta), row, theta

    return by_program(graph, task.theta, task.rows)
