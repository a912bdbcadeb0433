"""CasADi: the graph of one row, mapped over the rows; interpreted, and as C that it generates.

An epoch is a function from weights to weights; ``mapaccum`` repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_double, c_int, c_longlong, cast, pointer
from functools import cache, partial
from typing import Any

import casadi as ca
import numpy as np

from .compiler import build
from .tasks import SOME, Array, Entry, Net, Run, repeat

__all__ = ['batch', 'bundle_costs', 'compiling', 'costs', 'jacobians', 'online']


KINDS = ('CasADi', False), ('CasADi as generated C', True)
FUNCTIONS = {
    'relu': lambda r: ca.fmax(r, 0),
    'sigmoid': lambda r: 1 / (1 + ca.exp(-r)),
    'identity': lambda r: r,
}


def sample(net: Net) -> tuple[Any, Any, Any]:
    """Record the error of one row: of weights, row, the error itself."""
    theta, row = ca.SX.sym('theta', len(net.theta)), ca.SX.sym('row', net.rows.shape[1])
    x, at = row[:-1], 0
    for neurons, g in zip(net.sizes[1:], net.activations):
        inputs = x.numel()
        block = ca.reshape(theta[at : at + neurons * (inputs + 1)], inputs + 1, neurons).T
        x = FUNCTIONS[g](block[:, :-1] @ x + block[:, -1])
        at += block.numel()
    return theta, row, ca.sumsqr(x - row[-1]) / 2


def summed(net: Net, rows: int, gradient: bool) -> Any:
    """Return the function of weights and many rows: the error, or its gradient, over them all."""
    theta, row, error = sample(net)
    output = ca.gradient(error, theta) if gradient else error
    one = ca.Function('one', [theta, row], [output])
    return one.map('all', 'serial', rows, [0], [0], {}) if rows > 1 else one


def epoch(net: Net) -> Any:
    """Return the function that takes weights one batch epoch on; the rows are constants in it."""
    theta = ca.MX.sym('theta', len(net.theta))
    gradient = summed(net, len(net.rows), gradient=True)(theta, ca.MX(ca.DM(net.rows.T)))
    return ca.Function('epoch', [theta], [theta - net.rate * gradient])


def online_epoch(net: Net) -> Any:
    theta, row, error = sample(net)
    one = ca.Function('one', [theta, row], [theta - net.rate * ca.gradient(error, theta)])
    state = start = ca.MX.sym('theta', len(net.theta))
    for values in net.rows:
        state = one(state, ca.MX(ca.DM(values)))
    return ca.Function('epoch', [start], [state])


def batch(net: Net) -> Iterator[Entry]:
    once = epoch(net)
    for engine, generated in KINDS:
        if net.activation == 'relu':
            few = 1 if generated else 20
            run = partial(calls, once, net, generated)
            yield Entry(f'{engine}, map, a step a call', run, net.calls // few)
            yield looped(f'{engine}, epochs in one call', once, net, generated, net.epochs // few)
        else:
            yield looped(f'{engine}, epochs in one call', once, net, generated, net.epochs)


def online(net: Net) -> Iterator[Entry]:
    for engine, generated in KINDS:
        yield looped(f'{engine}, epochs in one call', online_epoch(net), net, generated, net.epochs)


def calls(once: Any, net: Net, generated: bool, count: int) -> Array:
    """Call an epoch's function again and again, in place."""
    work, theta = prepared(once, generated, net.theta.tobytes())
    theta[:] = net.theta
    for _ in range(count):
        work()
    return theta


@cache
def prepared(once: Any, generated: bool, start: bytes) -> tuple[Callable[[], Any], Array]:
    theta = np.frombuffer(start).copy()
    return bind(once, [theta], theta, generated), theta


def looped(engine: str, once: Any, net: Net, generated: bool, count: int) -> Entry:
    work_of: dict[int, Callable[[], Any]] = {}
    theta = np.zeros_like(net.theta)

    def run(count: int) -> Array:
        if count not in work_of:
            start = ca.MX.sym('theta', len(theta))
            loop = ca.Function('loop', [start], [once.mapaccum(count)(start)[:, -1]])
            work_of[count] = bind(loop, [net.theta], theta, generated)
        work_of[count]()
        return theta

    return Entry(engine, run, count)


def compiling(net: Net) -> Iterator[Entry]:
    for engine, generated in KINDS:
        theta = np.zeros_like(net.theta)

        def work(generated: bool = generated, theta: Array = theta) -> Array:
            bind(epoch(net), [net.theta], theta, generated)()
            return theta

        yield Entry(f'{engine}, map', repeat(work), 1)


def costs(net: Net) -> Iterator[Entry]:
    for engine, generated in KINDS:
        for gradient in False, True:
            result = np.zeros_like(net.theta) if gradient else np.zeros(1)
            work = bind(summed(net, len(net.rows), gradient), [net.theta, net.rows], result, generated)
            yield Entry(engine, filling(work, result), SOME)


def residual() -> tuple[Any, Any]:
    """Record the residual of one observation: of its row, the two numbers."""
    row = ca.SX.sym('row', 17)
    r, centre, f, u, k, point, weight, seen = ca.vertsplit(row, [0, 3, 6, 7, 9, 11, 14, 15, 17])
    square = ca.sumsqr(r)
    angle = ca.sqrt(square)
    p = point - centre
    turned = ca.cos(angle) * p + ca.sin(angle) / angle * ca.cross(r, p)
    q = turned + (1 - ca.cos(angle)) / square * ca.dot(r, p) * r
    place = q[:2] / q[2]
    s = ca.sumsqr(place)
    return row, weight * (f * (1 + s * (k[0] + s * k[1])) * place + u - seen)


def jacobians(rows: Array) -> Iterator[Entry]:
    for engine, generated in KINDS:
        yield observe(f'{engine}, map', rows, True, generated)


def bundle_costs(rows: Array) -> Iterator[Entry]:
    for engine, generated in KINDS:
        for derivative in False, True:
            yield observe(engine, rows, derivative, generated)


def observe(engine: str, rows: Array, derivative: bool, generated: bool) -> Entry:
    row, y = residual()
    # Column by column, with every zero: so a Jacobian lies as its transpose does in C.
    output = ca.densify(ca.jacobian(y, row)[:, :15]).T if derivative else y
    function = ca.Function('one', [row], [output]).map(len(rows), 'serial')
    result = np.zeros((len(rows), 2, 15) if derivative else (len(rows), 2))
    work = bind(function, [rows], result, generated)
    return Entry(engine, filling(work, result), SOME)


def filling(work: Callable[[], Any], result: Array) -> Run:
    """Make a run of work that fills an array."""

    def fill() -> Array:
        work()
        return result

    return repeat(fill)


def bind(function: Any, inputs: list[Array], result: Array, generated: bool) -> Callable[[], Any]:
    """Return a call without arguments that fills the result, with as little around it as can be."""
    if not generated:
        buffer, work = function.buffer()
        for place, array in enumerate(inputs):
            buffer.set_arg(place, array.reshape(-1).data)
        buffer.set_res(0, result.reshape(-1).data)
        # The buffer does not own what it points to; the call keeps all of it alive.
        return lambda work=work, keep=(buffer, inputs, result): work()  # type: ignore[misc]
    generator = ca.CodeGenerator('generated')
    generator.add(function)
    library, name = build(generator.dump()), function.name()
    sizes = [c_longlong() for _ in range(4)]
    getattr(library, f'{name}_work')(*map(byref, sizes))
    numbers = POINTER(c_double)
    arguments = (numbers * sizes[0].value)(*(cast(a.ctypes.data, numbers) for a in inputs))
    results = (numbers * sizes[1].value)(cast(result.ctypes.data, numbers))
    iw, w = (c_longlong * max(1, sizes[2].value))(), (c_double * max(1, sizes[3].value))()
    getattr(library, name).restype = c_int
    return partial(getattr(library, name), pointer(arguments), pointer(results), pointer(iw), pointer(w), 0)
