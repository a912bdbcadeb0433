"""CasADi: a step's graph folded over all steps, interpreted and as the C that it generates; all steps written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import casadi as ca
import numpy as np

from ..casadi import KINDS, bind, filling
from ..tasks import Array, Entry, repeat
from .tasks import Trajectory

__all__ = ['rk4_compiling', 'rk4_costs', 'rk4_gradient']

#: The most steps that are written out; that and the differentiation go by single operations.
WRITTEN_OUT = 1000


def one_step(h: float, state: Any, theta: Any) -> Any:
    """Return the state after one step."""
    a, b, c, d = ca.vertsplit(theta)

    def slope(state: Any) -> Any:
        x, y = ca.vertsplit(state)
        return ca.vertcat(a * x - b * x * y, d * x * y - c * y)

    k1 = slope(state)
    k2 = slope(state + h / 2 * k1)
    k3 = slope(state + h / 2 * k2)
    k4 = slope(state + h * k3)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def folded(task: Trajectory, accumulates: bool) -> tuple[Any, Any]:
    """Return the parameters and the end, by ``fold``, which keeps the last state, or by ``mapaccum``."""
    state, theta = ca.SX.sym('state', 2), ca.SX.sym('theta', 4)
    step = ca.Function('step', [state, theta], [one_step(task.h, state, theta)])
    p, start = ca.MX.sym('theta', 4), ca.MX(ca.DM.ones(2))
    if accumulates:
        last = step.mapaccum(task.steps)(start, ca.repmat(p, 1, task.steps))[:, -1]
    else:
        last = step.fold(task.steps)(start, ca.repmat(p, 1, task.steps))
    return p, ca.sumsqr(last)


def written_out(task: Trajectory) -> tuple[Any, Any]:
    theta, state = ca.SX.sym('theta', 4), ca.SX.ones(2)
    for _ in range(task.steps):
        state = one_step(task.h, state, theta)
    return theta, ca.sumsqr(state)


def function(graph: Callable[[Trajectory], tuple[Any, Any]], task: Trajectory, gradient: bool = True) -> Any:
    theta, value = graph(task)
    output = ca.vertcat(value, ca.gradient(value, theta)) if gradient else value
    return ca.Function('end', [theta], [output])


def entry(engine: str, made: Any, task: Trajectory, generated: bool, each: float) -> Entry:
    result = np.zeros(made.size1_out(0))
    return Entry(engine, filling(bind(made, [task.theta], result, generated), result), task.times(each))


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    for way, accumulates in ('fold', False), ('mapaccum', True):
        for engine, generated in KINDS:
            made = function(partial(folded, accumulates=accumulates), task)
            yield entry(f'{engine}, {way}', made, task, generated, 0.15 if generated else 1.5)
    if task.steps <= WRITTEN_OUT:
        yield entry('CasADi, SX written out', function(written_out, task), task, False, 0.7)


def rk4_compiling(task: Trajectory) -> Iterator[Entry]:
    graphs: list[tuple[str, Any]] = [('fold', partial(folded, accumulates=False))]
    if task.steps <= WRITTEN_OUT:
        graphs.append(('SX written out', written_out))
    for way, graph in graphs:
        for engine, generated in KINDS if way == 'fold' else KINDS[:1]:

            def work(graph: Any = graph, generated: bool = generated) -> Array:
                result = np.zeros(5)
                bind(function(graph, task), [task.theta], result, generated)()
                return result

            yield Entry(f'{engine}, {way}', repeat(work), 1)


def rk4_costs(task: Trajectory) -> Iterator[Entry]:
    graph = partial(folded, accumulates=False)
    for engine, generated in KINDS:
        for gradient in False, True:
            made = function(graph, task, gradient)
            yield entry(f'{engine}, fold', made, task, generated, 0.15 if generated else 1.5)
