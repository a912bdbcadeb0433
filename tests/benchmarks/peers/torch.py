"""PyTorch: the same net, eager with autograd's gradients, and the whole step compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from .tasks import Array, Entry, Net

__all__ = ['batch']

FUNCTIONS = {'relu': torch.relu, 'sigmoid': torch.sigmoid, 'identity': lambda r: r}


def error(net: Net, parameters: list[Any], x: Any, t: Any) -> Any:
    """Compute half the sum of squared errors over all rows."""
    for w, b, g in zip(parameters[::2], parameters[1::2], net.activations):
        x = FUNCTIONS[g](torch.nn.functional.linear(x, w, b))
    return ((x[:, 0] - t) ** 2).sum() / 2


def eager(net: Net, parameters: list[Any], x: Any, t: Any) -> list[Any]:
    """Take a step as one does: in place, with the gradients that autograd recorded."""
    gradient = torch.autograd.grad(error(net, parameters, x, t), parameters)
    with torch.no_grad():
        for p, g in zip(parameters, gradient):
            p.sub_(g, alpha=net.rate)
    return parameters


def functional(net: Net, parameters: list[Any], x: Any, t: Any) -> list[Any]:
    """Take a step without anything in place, for the compiler to see it whole."""
    gradient = torch.func.grad(partial(error, net))(parameters, x, t)
    return [p - net.rate * g for p, g in zip(parameters, gradient)]


def batch(net: Net) -> Iterator[Entry]:
    if net.activation != 'relu':
        return
    torch.set_num_threads(1)
    run = partial(descend, partial(eager, net), True, net)
    yield Entry('torch, eager, a step a call', run, net.calls // 20)
    compiled = torch.compile(partial(functional, net), fullgraph=True)
    yield Entry('torch.compile, a step a call', partial(descend, compiled, False, net), net.calls // 20)


def descend(step: Callable[..., Any], records: bool, net: Net, count: int) -> Array:
    """Go down that many steps."""
    layers = net.layers(net.theta)
    parameters = [torch.tensor(p, requires_grad=records) for layer in layers for p in layer]
    x, t = torch.tensor(net.rows[:, :-1]), torch.tensor(net.rows[:, -1])
    for _ in range(count):
        parameters = step(parameters, x, t)
    numbers = [p.detach().numpy() for p in parameters]
    return net.flat(zip(numbers[::2], numbers[1::2]))
