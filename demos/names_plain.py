"""The GPT of ``names.py`` on a plain Value, as teaching engines have it: what compiling is compared with."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from statistics import median
from time import process_time
from typing import Any

import numpy as np

__all__ = ['Plain', 'compare', 'plain_gradient']


class Plain:
    """A number that remembers its operands and its derivatives by them."""

    __slots__ = ('data', 'grad', 'operands', 'partials')

    def __init__(self, data: float, operands: tuple[Plain, ...] = (), partials: tuple[float, ...] = ()) -> None:
        self.data, self.grad, self.operands, self.partials = data, 0.0, operands, partials

    def __add__(self, other: Any) -> Plain:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Plain:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> Plain:
        return Plain(self.data**power, (self,), (power * self.data ** (power - 1),))

    def log(self) -> Plain:
        return Plain(math.log(self.data), (self,), (1 / self.data,))

    def exp(self) -> Plain:
        y = math.exp(self.data)
        return Plain(y, (self,), (y,))

    def relu(self) -> Plain:
        return Plain(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __sub__(self, other: Any) -> Plain:
        return self + other * -1

    def __truediv__(self, other: Any) -> Plain:
        return self * other**-1

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[Plain] = []
        seen: set[Plain] = set()

        def visit(node: Plain) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, slope in zip(node.operands, node.partials):
                operand.grad += slope * node.grad


def dot(a: Any, b: Any) -> Plain:
    return sum((x * y for x, y in zip(a, b)), Plain(0.0))


def linear(rows: Any, x: Any) -> list[Plain]:
    return [dot(row, x) for row in rows]


def norm(x: Any) -> list[Plain]:
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [number * scale for number in x]


def softmax(logits: Any) -> list[Plain]:
    largest = max(number.data for number in logits)
    powers = [(number - largest).exp() for number in logits]
    total = sum(powers, Plain(0.0))
    return [power / total for power in powers]


def plain_error(w: Any, tokens: Any, targets: Any, heads: int) -> Plain:
    """Return the error of ``names.error``, step by step the same model."""
    keys: list[Any] = []
    values: list[Any] = []
    losses = []
    for place, (token, target) in enumerate(zip(tokens, targets)):
        x = norm([a + b for a, b in zip(w['letter'][token], w['place'][place])])
        x_norm = norm(x)
        query = linear(w['query'], x_norm)
        keys.append(linear(w['key'], x_norm))
        values.append(linear(w['value'], x_norm))
        joined = []
        for start in range(0, len(x), len(x) // heads):
            head = range(start, start + len(x) // heads)
            scores = [dot([query[j] for j in head], [key[j] for j in head]) / len(head) ** 0.5 for key in keys]
            attention = softmax(scores)
            joined += [dot(attention, [value[j] for value in values]) for j in head]
        x = [a + b for a, b in zip(x, linear(w['join'], joined))]
        x = [a + b for a, b in zip(x, linear(w['down'], [r.relu() for r in linear(w['up'], norm(x))]))]
        losses.append(softmax(linear(w['next'], x))[target].log() * -1)
    return sum(losses, Plain(0.0)) / len(losses)


def plain_gradient(learner: Any, name: str) -> tuple[float, Any]:
    """Return the error and its gradient by all weights, by the plain Value."""
    if learner.plain is None:
        learner.plain = {key: [[Plain(x) for x in row] for row in rows] for key, rows in learner.weights().items()}
    w, leaves = learner.plain, [leaf for rows in learner.plain.values() for row in rows for leaf in row]
    for leaf, number in zip(leaves, learner.theta.tolist()):
        leaf.data, leaf.grad = number, 0.0
    tokens, targets = learner.coded(name)
    E = plain_error(w, tokens, targets.argmax(axis=1), learner.heads)
    E.backward()
    return E.data, np.array([leaf.grad for leaf in leaves])


def recorded_gradient(learner: Any, name: str) -> tuple[float, Any]:
    """Return the same by Values of this engine."""
    return learner.recorded_gradient(name)  # type: ignore[no-any-return]


def compiled_gradient(learner: Any, name: str) -> tuple[float, Any]:
    """Return the same by the compiled program."""
    return type(learner).gradient(learner, name)  # type: ignore[no-any-return]


#: How a gradient is computed; whether Python's collector is on; how many steps are timed at once.
WAYS: dict[str, tuple[Callable[[Any, str], tuple[float, Any]], bool, int]] = {
    'compiled': (compiled_gradient, True, 200),
    'this engine, recorded': (recorded_gradient, True, 2),
    'a plain Value': (plain_gradient, True, 2),
    'a plain Value, without gc': (plain_gradient, False, 2),
}


def timed(learner: Any, name: str, title: str) -> float:
    """Return the processor time of a step."""
    way, collects, times = WAYS[title]
    learner.gradient = partial(way, learner)
    (gc.enable if collects else gc.disable)()
    gc.collect()
    way(learner, name)  # the first is slower
    start = process_time()
    for _ in range(times):
        learner.step(name, 1e-9)
    return (process_time() - start) / times


def compare(learner: Any, name: str, rounds: int = 5) -> dict[str, float]:
    """Time steps on a name by turns, all with the same update; print and return the medians of their ratios.

    Each way has a process of its own, since the collector goes through whatever else there is in one.
    """
    E, gradient = learner.gradient(name)
    times: dict[str, list[float]] = {title: [] for title in WAYS}
    with ExitStack() as stack:
        workers = {title: stack.enter_context(ProcessPoolExecutor(1, get_context('spawn'))) for title in WAYS}
        for title, worker in workers.items():
            found = worker.submit(WAYS[title][0], learner, name).result()
            if not (np.isclose(found[0], E, rtol=1e-9) and np.allclose(found[1], gradient, rtol=1e-9, atol=1e-12)):
                raise AssertionError(f'{title}: the numbers are not the same')
        for _ in range(rounds):
            for title, worker in workers.items():
                times[title].append(worker.submit(timed, learner, name, title).result())
    print(f'a step on {name!r}, {len(name) + 1} positions, the same numbers to 1e-9:')
    ratios = {}
    for title, column in times.items():
        ratios[title] = median(slow / quick for slow, quick in zip(column, times['compiled']))
        print(f'  {title:26} {1e3 * median(column):10.3f} ms   {ratios[title]:8,.0f} times compiled')
    ratio = median(a / b for a, b in zip(times['a plain Value'], times['this engine, recorded']))
    print(f'  recorded by this engine, a step is {ratio:.1f} times as fast as on a plain Value')
    return ratios
