"""CasADi: graphs of numbers, mapped over points; its function called, its own VM alone, and the C it generates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import casadi as ca
import numpy as np

from ..casadi import KINDS, bind, filling
from ..loops.casadi import rk4_gradient, written_out
from ..loops.tasks import Trajectory, last
from ..tasks import Array, Entry, repeat
from .tasks import Mixture, Rosenbrock

__all__ = ['mixture_gradient', 'rk4_gradient', 'rk4_hessian', 'rosenbrock_gradient', 'rosenbrock_hessian']


def valley(task: Rosenbrock) -> tuple[Any, Any]:
    x = ca.SX.sym('x', task.n)
    return x, ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(task: Rosenbrock) -> Iterator[Entry]:
    x, value = valley(task)
    function = ca.Function('valley', [x], [ca.vertcat(value, ca.gradient(value, x))])
    yield Entry('CasADi, its function called', last(lambda: function(task.theta), lambda y: np.asarray(y).ravel()))
    for engine, generated in KINDS:
        result = np.zeros(task.n + 1)
        yield Entry(engine, filling(bind(function, [task.theta], result, generated), result))


def second(engine: str, x: Any, value: Any, theta: Array, kinds: Any = KINDS) -> Iterator[Entry]:
    """Yield the Hessian, of which the non-zeros are computed, interpreted and as generated C."""
    function = ca.Function('second', [x], [ca.hessian(value, x)[0]])
    sparsity = function.sparsity_out(0)
    places = tuple(map(np.array, (sparsity.row(), sparsity.get_col())))
    for kind, generated in kinds:
        result = np.zeros(sparsity.nnz())
        work = bind(function, [theta], result, generated)

        def run(count: int, work: Any = work, result: Array = result) -> Array:
            repeat(work)(count)
            dense = np.zeros(sparsity.shape)
            dense[places] = result
            return dense

        yield Entry(f'{kind}, {engine}', run)


def rosenbrock_hessian(task: Rosenbrock) -> Iterator[Entry]:
    return second('sparse', *valley(task), task.theta)


def rk4_hessian(task: Trajectory) -> Iterator[Entry]:
    # gcc takes many minutes over the C of all steps written out.
    return second('SX written out', *written_out(task), task.theta, KINDS[:1])


def mixture_gradient(task: Mixture) -> Iterator[Entry]:
    d, k = task.d, task.k
    theta, point = ca.SX.sym('theta', len(task.theta)), ca.SX.sym('x', d)
    alpha, means, factors, below = task.split(ca.vertsplit(theta))
    diagonals = [ca.vertcat(*q) for q in factors]
    parts = []
    for c in range(k):
        off = point - ca.vertcat(*means[c])
        y = ca.exp(diagonals[c]) * off
        for (i, j), number in below[c].items():
            y[i] += number * off[j]
        parts.append(alpha[c] + ca.sum1(diagonals[c]) - ca.sumsqr(y) / 2)
    likelihood = ca.logsumexp(ca.vertcat(*parts))
    one = ca.Function('one', [theta, point], [ca.vertcat(likelihood, ca.gradient(likelihood, theta))])
    prior = sum(
        ca.sumsqr(ca.exp(q)) + sum(number**2 for number in lower.values()) for q, lower in zip(diagonals, below)
    )
    rest = prior / 2 - task.n * ca.logsumexp(ca.vertcat(*alpha)) + task.constant
    of_all = ca.Function('rest', [theta], [ca.vertcat(rest, ca.gradient(rest, theta))])
    p, points = ca.MX.sym('theta', len(task.theta)), ca.MX.sym('points', d, task.n)
    many = one.map('all', 'serial', task.n, [0], [0], {})
    function = ca.Function('mixture', [p, points], [many(p, points) + of_all(p)])
    for engine, generated in KINDS:
        result = np.zeros(len(task.theta) + 1)
        work = bind(function, [task.theta, task.points], result, generated)
        yield Entry(f'{engine}, map', filling(work, result))
