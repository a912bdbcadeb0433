"""microgradnet: one recorded row, compiled, native."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from microgradnet import MLP, Value, compile, functions, gradients, half_squared_error
from microgradnet.training.optimisers import AdamW

from .tasks import ADAMW, BATCH, SOME, Array, Entry, Net, repeat, stepwise

__all__ = ['adamw', 'batch', 'bundle_costs', 'compiling', 'costs', 'jacobians', 'online', 'program_of', 'wide']


def program_of(net: Net) -> tuple[MLP, Any]:
    """Record the error of one row, and compile it."""
    model, error, row = recorded(net)
    return model, compile(error, rows=row, parameters=model.parameters(), backend='native')


def recorded(net: Net) -> tuple[MLP, Value, list[Value]]:
    """Return the net, the error of one row, and that row."""
    model = MLP(net.sizes[0], net.sizes[1:], net.activation, net.output_activation)
    set_weights(model, net.theta)
    row = [Value(0.0) for _ in range(net.sizes[0] + net.sizes[-1])]
    x, t = row[: net.sizes[0]], row[net.sizes[0] :]
    return model, half_squared_error([model(x)], [t if t[1:] else t[0]]), row


def batch(net: Net) -> Iterator[Entry]:
    model, program = program_of(net)

    def step(theta: Array) -> Array:
        theta -= net.rate * program.value_and_gradient(theta, net.rows)[1]
        return theta

    yield Entry('microgradnet, value_and_gradient a step', stepwise(net.theta.copy, step), net.calls)

    def descend(count: int, calls: int) -> Array:
        set_weights(model, net.theta)
        for _ in range(calls):
            program.descend(net.rows, net.rate, count, mode='batch')
        return weights(model)

    yield Entry('microgradnet, descend a step', lambda n: descend(1, n), net.calls)
    yield Entry('microgradnet, epochs in one call', lambda n: descend(n, 1), net.epochs)


def wide(net: Net) -> Iterator[Entry]:
    yield next(batch(net))


def online(net: Net) -> Iterator[Entry]:
    model, program = program_of(net)

    def descend(count: int) -> Array:
        set_weights(model, net.theta)
        program.descend(net.rows, net.rate, count, mode='online')
        return weights(model)

    yield Entry('microgradnet, epochs in one call', descend, net.epochs)


def adamw(net: Net) -> Iterator[Entry]:
    model, program = program_of(net)

    def descend(count: int, calls: int) -> Array:
        set_weights(model, net.theta)
        optimiser = AdamW(*ADAMW)
        for _ in range(calls):
            program.descend(net.rows, net.rate, count, mode=BATCH, optimiser=optimiser)
        return weights(model)

    yield Entry('microgradnet, epochs in one call', lambda n: descend(n, 1), net.epochs)
    yield Entry('microgradnet, an epoch a call', lambda n: descend(1, n), net.calls)


def compiling(net: Net) -> Iterator[Entry]:
    model, error, row = recorded(net)

    def work() -> Array:
        program: Any = compile(error, rows=row, parameters=model.parameters(), backend='native')
        gradient: Array = program.value_and_gradient(net.theta, net.rows)[1]
        return net.theta - net.rate * gradient

    yield Entry('microgradnet, from the recorded graph', repeat(work), 1)


def costs(net: Net) -> Iterator[Entry]:
    _, program = program_of(net)
    yield Entry('microgradnet', repeat(lambda: program.sum(net.rows)), SOME)
    yield Entry('microgradnet', repeat(lambda: program.value_and_gradient(net.theta, net.rows)[1]), SOME)


def set_weights(model: MLP, theta: Array) -> None:
    for p, number in zip(model.parameters(), theta.tolist()):
        p.data = number


def weights(model: MLP) -> Array:
    return np.array([p.data for p in model.parameters()])


def residual(row: list[Value]) -> list[Value]:
    """Compute where a point is seen less where it was measured, weighted: two numbers of 17."""
    r, centre, (f, *u, k1, k2), point = row[:3], row[3:6], row[6:11], row[11:14]
    weight, *seen = row[14:]
    square = functions.dot(r, r)
    angle = functions.sqrt(square)
    p = [a - b for a, b in zip(point, centre)]
    cross = [r[i - 2] * p[i - 1] - r[i - 1] * p[i - 2] for i in range(3)]
    cos, a = functions.cos(angle), functions.sin(angle) / angle
    along = (1 - cos) / square * functions.dot(r, p)
    *q, depth = (cos * p[i] + a * cross[i] + along * r[i] for i in range(3))
    place = [c / depth for c in q]
    s = functions.dot(place, place)
    scale = f * (1 + s * (k1 + s * k2))
    return [weight * (scale * c + shift - m) for c, shift, m in zip(place, u, seen)]


def jacobians(rows: Array) -> Iterator[Entry]:
    yield observe('microgradnet', rows, True)


def bundle_costs(rows: Array) -> Iterator[Entry]:
    for derivative in False, True:
        yield observe('microgradnet', rows, derivative)


def observe(engine: str, rows: Array, derivative: bool) -> Entry:
    # Recorded away from a rotation of 0, where the angle has no derivative.
    row = [Value(number) for number in rows[0].tolist()]
    y = residual(row)
    outputs = [gradients(component, row[:15]) for component in y] if derivative else y
    program: Any = compile(outputs, rows=row, backend='native')
    return Entry(engine, repeat(lambda: program(rows)), SOME)
