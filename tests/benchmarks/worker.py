"""One engine at work in a process of its own: what ``engine.py`` asks for, timed.

``python worker.py microgradnet`` (or ``micrograd``, or ``plain`` for the small Value of
``gpt.py``) reads names of measurements, one a line with its size, and answers each with
one line of JSON. All times are in seconds, all memory in bytes. With ``--no-gc`` the garbage collector stays off.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import tracemalloc
from collections.abc import Callable
from math import cos, pi, sin
from random import Random
from time import perf_counter
from typing import Any

from gpt import GPT, LETTERS, Plain, teach

__all__ = ['Engine', 'chain', 'main', 'two_moons']

LEARNING_RATE = 1e-3
SIZES = [16, 16, 1]


class Engine:
    """One of the engines: its node, its net, and how much of it a run has left."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.collects = gc.isenabled()
        self.gpts: dict[int, GPT] = {}
        if name == 'plain':
            self.Value: Any = Plain
            return
        if name == 'micrograd':
            from micrograd.engine import Value  # type: ignore[import-untyped]
            from micrograd.nn import MLP  # type: ignore[import-untyped]

            teach(Value)
        else:
            from microgradnet.engine.value import Value
            from microgradnet.nets.net import MLP
        self.Value = Value
        self.net: Any = MLP(2, [*SIZES])
        random = Random(1)
        for parameter in self.net.parameters():
            parameter.data = random.uniform(-0.5, 0.5)

    def measure(self, what: str, size: int) -> dict[str, float]:
        """Take one measurement by name; a collector that is off sweeps up before it."""
        if not self.collects:
            gc.collect()
        return getattr(self, what)(size)  # type: ignore[no-any-return]

    def step(self, samples: int) -> dict[str, float]:
        """One step of batch learning: forward, backward, update, and the graph let go."""
        inputs, targets = two_moons(samples)
        start = perf_counter()
        error = self._step(inputs, targets)
        return {'seconds': perf_counter() - start, 'error': error}

    def _step(self, inputs: list[list[float]], targets: list[float]) -> float:
        net, Value = self.net, self.Value
        if self.name == 'micrograd':
            outputs = [net([Value(x) for x in row]) for row in inputs]
            error = sum((y - t) ** 2 for y, t in zip(outputs, targets)) * 0.5
        else:
            from microgradnet.nets.losses import half_squared_error

            outputs = [net(row) for row in inputs]
            error = half_squared_error(outputs, targets)
        net.zero_grad()
        error.backward()
        for parameter in net.parameters():
            parameter.data -= LEARNING_RATE * parameter.grad
        return float(error.data)

    def gpt(self, letters: int) -> dict[str, float]:
        """A tiny GPT reads so many letters and sends the error signal back."""
        net = self.gpts.get(letters) or self.gpts.setdefault(letters, GPT(self.Value))
        clock = [perf_counter()]
        loss = net.loss([place * place % LETTERS for place in range(letters + 1)])
        clock.append(perf_counter())
        loss.backward()
        clock.append(perf_counter())
        value, gradient = float(loss.data), sum(abs(weight.grad) for weight in net.parameters)
        for weight in net.parameters:
            weight.grad = 0.0
        start = perf_counter()
        del loss
        release = perf_counter() - start
        forward, backward = clock[1] - clock[0], clock[2] - clock[1]
        return {'value': value, 'grad': gradient, 'forward': forward, 'backward': backward,
                'both': forward + backward + release}  # fmt: skip

    def chain(self, operations: int) -> dict[str, float]:
        """Record a chain of mixed operations, send the error signal back, let it go."""
        return self._timed(lambda v: chain(self.Value, v, operations))

    def deep(self, nodes: int) -> dict[str, float]:
        """A chain of additions and multiplications by turns, of that many nodes."""
        return self._timed(lambda v: deep(self.Value, v, nodes))

    def wide(self, terms: int) -> dict[str, float]:
        """A sum of that many products, all with one factor in common, as one node."""
        return self._timed(lambda v: wide(v, terms))

    def _timed(self, build: Callable[[Any], Any]) -> dict[str, float]:
        leaf = self.Value(0.9)
        clock = [perf_counter()]
        y = build(leaf)
        clock.append(perf_counter())
        y.backward()
        clock.append(perf_counter())
        result = {'value': float(y.data), 'grad': float(leaf.grad)}
        start = perf_counter()
        del y
        forward, backward = clock[1] - clock[0], clock[2] - clock[1]
        return {**result, 'forward': forward, 'backward': backward,
                'both': forward + backward, 'release': perf_counter() - start}  # fmt: skip

    def chain_memory(self, operations: int) -> dict[str, float]:
        return self._memory(lambda v: chain(self.Value, v, operations))

    def deep_memory(self, nodes: int) -> dict[str, float]:
        return self._memory(lambda v: deep(self.Value, v, nodes))

    def wide_memory(self, terms: int) -> dict[str, float]:
        return self._memory(lambda v: wide(v, terms))

    def _memory(self, build: Callable[[Any], Any]) -> dict[str, float]:
        """Trace what a graph takes when recorded, with its gradients, and at the peak between.

        ``left`` is what is still there when the graph has been let go. micrograd is traced
        while it records only: tracing a recursion takes time with its depth squared.
        """
        leaf = self.Value(0.9)
        gc.collect()
        tracemalloc.start()
        y = build(leaf)
        recorded = tracemalloc.get_traced_memory()[0]
        traced: dict[str, float] = {'recorded': recorded, 'nodes': self._count(y)}
        if self.name == 'micrograd':
            tracemalloc.stop()
            return traced
        tracemalloc.reset_peak()
        y.backward()
        after, peak = tracemalloc.get_traced_memory()
        del y
        left = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return {**traced, 'after': after, 'peak': peak, 'left': left}

    def resident(self, _: int) -> dict[str, float]:
        """The most memory this process has ever had resident."""
        return {'peak': resident_peak()}

    def _count(self, root: Any) -> int:
        """Count the nodes of a graph, constants too."""
        inputs = '_prev' if self.name == 'micrograd' else 'inputs'
        seen, stack = {id(root)}, [root]
        while stack:
            for node in getattr(stack.pop(), inputs):
                if id(node) not in seen:
                    seen.add(id(node))
                    stack.append(node)
        return len(seen)


def chain(Value: Any, v: Any, operations: int) -> Any:
    """Record about that many operations, + - * / ** and relu, one on the other.

    Twenty make one round, which in exact arithmetic gives back what it was given:
    so neither the numbers nor the gradients grow or vanish, however long the chain.
    """
    x, y = Value(0.5), Value(0.75)
    for _ in range(operations // 20):
        v = v * 3.0
        v = v + x
        v = v / y
        v = v**2
        v = v - 0.25
        v = v.relu()
        v = 0.25 + v
        v = v**0.5
        v = v * y
        v = v - x
        v = v / 3.0
        v = 2.0 - v
        v = x * v
        v = v + 1.0
        v = v - y
        v = v.relu()
        v = y + v
        v = v - 1.0
        v = v / x
        v = 2.0 - v
    return v


def deep(Value: Any, v: Any, nodes: int) -> Any:
    """Record additions of one leaf and multiplications by another, by turns."""
    x, w = Value(0.25), Value(0.5)
    for _ in range(nodes // 2):
        v = v * w
        v = v + x
    return v


def wide(v: Any, terms: int) -> Any:
    """Record ``sum(v * w_i)`` over that many weights."""
    from microgradnet import functions

    return functions.sum([v * (i / terms) for i in range(terms)])


def two_moons(samples: int) -> tuple[list[list[float]], list[float]]:
    """Return points on two interleaved half circles, blurred, and their targets 1 and -1."""
    random, inputs = Random(0), []
    for i in range(samples):
        angle, upper = pi * random.random(), i % 2 == 0
        point = (cos(angle), sin(angle)) if upper else (1 - cos(angle), 0.5 - sin(angle))
        inputs.append([random.gauss(coordinate, 0.1) for coordinate in point])
    return inputs, [1.0 if i % 2 == 0 else -1.0 for i in range(samples)]


def resident_peak() -> int:
    """Return the peak of the resident memory: Linux tells it, elsewhere ``resource`` does."""
    try:
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith('VmHWM'))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == 'darwin' else peak * 1024


def main() -> None:
    """Answer requests until there are no more."""
    if '--no-gc' in sys.argv:
        gc.disable()
    engine = Engine(sys.argv[1])
    for line in sys.stdin:
        what, size = line.split()
        print(json.dumps(engine.measure(what, int(size))), flush=True)


if __name__ == '__main__':
    # micrograd's backward recurses: as deep as the chain is long.
    sys.setrecursionlimit(10**7)
    threading.stack_size(512 * 2**20)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
