"""Graphs of loops, of any number of turns: what is carried, what walks along, and what is the same in each turn.

And graphs by lot, as large as a test wants them, of steps that it gives: ``grow``. (Programs by lot, which can be shown
and made smaller, are those of ``grammar``, and ``microgradnet.testing.expressions``.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from microgradnet import MLP, Layer, Value, half_squared_error

__all__ = ['NET', 'accumulated', 'batch', 'delayed', 'grow', 'loop', 'predators', 'recurrent', 'runge_kutta', 'spring']

NET = MLP(3, [4, 4, 1], 'tanh', seed=1)


def loop(turns: int) -> Value:
    """One number carried."""
    w, b, y = Value(0.9, 'w'), Value(0.1, 'b'), Value(0.5, 'h')
    for _ in range(turns):
        y = (y * w + b).tanh()
    return y


def spring(turns: int) -> Value:
    """Two numbers carried, which cross."""
    k, x, y = Value(0.3, 'k'), Value(1.0, 'x'), Value(0.0, 'y')
    for _ in range(turns):
        x, y = x + 0.01 * y, y - 0.01 * k * x
    return x * x + y * y


def steps(slope: Callable[[Value, Value], tuple[Value, Value]], x: Value, v: Value, turns: int) -> Value:
    """Take steps of Runge and Kutta: a body whose own parts are a loop in all turns but the first."""
    h = 0.01
    for _ in range(turns):
        a1, b1 = slope(x, v)
        a2, b2 = slope(x + h / 2 * a1, v + h / 2 * b1)
        a3, b3 = slope(x + h / 2 * a2, v + h / 2 * b2)
        a4, b4 = slope(x + h * a3, v + h * b3)
        x, v = x + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4), v + h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    return x * v


def runge_kutta(turns: int) -> Value:
    """A pendulum."""
    k = Value(0.3, 'k')
    return steps(lambda x, v: (v, -k * x.sin()), Value(1.0, 'x'), Value(0.0, 'v'), turns)


def predators(turns: int) -> Value:
    """Two populations: each formula of the body has both, and two rates."""
    a, b = Value(1.3, 'a'), Value(0.4, 'b')
    return steps(lambda x, y: (a * x - b * x * y, -b * y + a * x * y), Value(0.7, 'x'), Value(0.3, 'y'), turns)


def recurrent(turns: int) -> Value:
    """A gated cell: layers in a loop, with inputs of each turn."""
    gate, candidate = Layer(6, 4, 'sigmoid', seed=1), Layer(6, 4, 'tanh', seed=2)
    h = [Value(0.1 * i) for i in range(4)]
    for turn in range(turns):
        row = [*h, Value(0.1 * turn), Value(0.2)]
        h = [old * (1 - z) + new * z for old, new, z in zip(h, candidate(row), gate(row))]
    y: Value = h[0] * h[1] * h[2] * h[3]
    return y


def delayed(turns: int) -> Value:
    """What is carried for three turns."""
    y = [Value(1.0), Value(0.5), Value(0.1)]
    for _ in range(turns):
        y.append(y[-1].sin() * y[-3])
    return y[-1]


def accumulated(turns: int) -> Value:
    """A sum that goes through an inner loop and an outer one."""
    total, xs = Value(0.0), [Value(0.1 * k) for k in range(4)]
    for _ in range(turns):
        for x in xs:
            total = total + x.exp() * 0.5
    return total


def batch(samples: int, net: MLP = NET) -> Value:
    """The error of a net over samples, one kind of output."""
    rows = [[0.1 * i * (k % 100) for i in range(net.inputs)] for k in range(samples)]
    error: Value = half_squared_error([net(row) for row in rows], [[0.0]] * samples)
    return error


def grow(random: Random, nodes: list[Any], steps: Sequence[Callable[[Any, Any, Any], Any]], last: int = 0) -> None:
    """Add a node to some: one of the steps, of any three of them, or of the last so many, all by lot."""
    nodes.append(random.choice(steps)(*(random.choice(nodes[-last:]) for _ in range(3))))
