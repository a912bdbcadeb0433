"""PyTorch: matrices with autograd's gradients, eager and compiled; the trajectory step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from ..tasks import Array, Entry
from .tasks import Classifier, Trajectory, joined, last

__all__ = ['net_gradient', 'rk4_gradient']

WAYS: tuple[tuple[str, Callable[[Any], Any]], ...] = ('torch, eager', lambda f: f), ('torch.compile', torch.compile)


def net_gradient(net: Classifier) -> Iterator[Entry]:
    torch.set_num_threads(1)
    x, t = map(torch.tensor, net.split())
    parameters = [torch.tensor(p, requires_grad=True) for layer in net.layers(net.theta) for p in layer]

    def error(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        y = torch.tanh(x @ w1.T + b1) @ w2.T + b2
        return (torch.logsumexp(y, 1) * t.sum(1)).sum() - (y * t).sum()

    for engine, made in WAYS:
        function = made(error)

        def work(function: Any = function) -> Any:
            value = function(*parameters)
            return value, torch.autograd.grad(value, parameters)

        def finish(both: Any) -> Array:
            numbers = [p.numpy() for p in both[1]]
            return joined((both[0].item(), net.flat(zip(numbers[::2], numbers[1::2]))))

        yield Entry(engine, last(work, finish), net.calls)


def rk4_gradient(task: Trajectory) -> Iterator[Entry]:
    torch.set_num_threads(1)
    theta, h = torch.tensor(task.theta, requires_grad=True), task.h

    def step(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        def slope(x: Any, y: Any) -> Any:
            return a * x - b * x * y, d * x * y - c * y

        k1, l1 = slope(x, y)
        k2, l2 = slope(x + h / 2 * k1, y + h / 2 * l1)
        k3, l3 = slope(x + h / 2 * k2, y + h / 2 * l2)
        k4, l4 = slope(x + h * k3, y + h * l3)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), y + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)

    for engine, made in WAYS:
        one = made(step)

        def work(one: Any = one) -> Any:
            x, y = torch.ones(2, dtype=torch.float64)
            for _ in range(task.steps):
                x, y = one(x, y, *theta)
            value = x * x + y * y
            return value.item(), torch.autograd.grad(value, [theta])[0].numpy()

        yield Entry(f'{engine}, a step at a time', last(work, joined), 1)
