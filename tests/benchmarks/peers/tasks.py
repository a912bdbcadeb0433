"""What every engine is given: two nets with their teacher sets, and a bundle adjustment.

An engine is a module beside this one, with a generator of ``Entry`` for each task that
it can do: ``batch``, ``wide`` (the same, of wide layers), ``online``, ``adamw`` (in mini-batches) and
``compiling`` for a net, ``jacobians`` for a bundle adjustment, and ``costs`` of a net and
``bundle_costs``, which yield the value alone and the value with the gradient by turns.
``ImportError`` and ``Missing`` say what is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from worker import LEARNING_RATE, two_moons

__all__ = [
    'ADAMW', 'BATCH', 'SOME', 'Array', 'Entry', 'Layers', 'Missing', 'Net', 'Run', 'bundle', 'layered', 'moons',
    'repeat', 'stepwise', 'wide', 'xor',
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[np.float64]]
Layers = list[tuple[Array, Array]]
Run = Callable[[int], Any]
#: How often values and gradients of many rows are computed in one timing.
SOME = 3
#: The size of mini-batches, and AdamW's beta1, beta2, epsilon and weight decay.
BATCH, ADAMW = 32, (0.9, 0.999, 1e-8, 0.01)


class Missing(Exception):
    """What an engine needs is not on this machine."""


class Entry(NamedTuple):
    """An engine at one task: ``run(n)`` does it n times from the beginning, and returns what came out.

    ``times`` is how often it is done in one timing; 0: as often as takes some milliseconds. An engine that works
    in another process has a clock of its own, and tells how many bytes that one had at most in its last run.
    """

    engine: str
    run: Run
    times: int = 0
    clock: Callable[[], float] | None = None
    memory: Callable[[], float] | None = None


class Net(NamedTuple):
    """A net to be taught: ``theta`` has each neuron's weights and its bias, layer by layer.

    ``rows`` are the teacher set, inputs and targets in a row. A timing takes ``calls``
    steps where each is a call, and ``epochs`` where they are all in one.
    """

    sizes: list[int]
    activation: str
    output_activation: str
    rows: Array
    theta: Array
    rate: float
    calls: int
    epochs: int

    @property
    def activations(self) -> list[str]:
        return [self.activation] * (len(self.sizes) - 2) + [self.output_activation]

    def layers(self, theta: Array) -> Layers:
        """Return copies of each layer's weights, of shape (neurons, inputs), and its biases."""
        layers, at = [], 0
        for inputs, neurons in zip(self.sizes, self.sizes[1:]):
            block = np.array(theta[at : at + neurons * (inputs + 1)]).reshape(neurons, inputs + 1)
            layers.append((block[:, :-1].copy(), block[:, -1].copy()))
            at += block.size
        return layers

    @staticmethod
    def flat(layers: Any) -> Array:
        """Put layers together as ``theta`` has them."""
        return np.concatenate([np.c_[np.asarray(w), np.asarray(b)].ravel() for w, b in layers])


def moons(quick: bool) -> Net:
    """Return the net 2-16-16-1 and 100 points on two half circles, as in ``engine.py``."""
    inputs, targets = two_moons(100)
    random = Random(1)
    theta = np.array([random.uniform(-0.5, 0.5) for _ in range(337)])
    calls, epochs = (100, 100) if quick else (400, 400)
    rows = np.c_[np.array(inputs), np.array(targets)]
    return Net([2, 16, 16, 1], 'relu', 'identity', rows, theta, LEARNING_RATE, calls, epochs)


def xor(quick: bool) -> Net:
    """Return the derivation's net 2-2-2-1 and the four rows of XOR."""
    random = Random(1)
    theta = np.array([random.uniform(-1, 1) for _ in range(15)])
    rows = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    calls, epochs = (200, 2000) if quick else (1000, 10_000)
    return Net([2, 2, 2, 1], 'sigmoid', 'sigmoid', rows, theta, 0.5, calls, epochs)


def wide(quick: bool) -> Net:
    """Return a net 64-32-10 and 1,000 rows of chance."""
    random = Random(1)
    theta = np.array([random.uniform(-0.1, 0.1) for _ in range(2410)])
    rows = np.array([[random.uniform(-1, 1) for _ in range(74)] for _ in range(1000)])
    return Net([64, 32, 10], 'tanh', 'identity', rows, theta, 0.001, 5, 5)


def layered(sizes: list[int], quick: bool) -> Net:
    """Return a net of relus and 100 rows of chance."""
    random = Random(1)
    most = sizes[1] ** -0.5
    weights = sum((inputs + 1) * neurons for inputs, neurons in pairwise(sizes))
    theta = np.array([random.uniform(-most, most) for _ in range(weights)])
    rows = np.array([[random.uniform(-1, 1) for _ in range(sizes[0] + sizes[-1])] for _ in range(100)])
    return Net(sizes, 'relu', 'identity', rows, theta, 1e-4, *((2, 2) if quick else (5, 5)))


def bundle(quick: bool) -> Array:
    """Return observations, one a row: camera (11), point (3), weight, and the measured place (2).

    A camera is a rotation (axis times angle, never 0), a centre, a focal length, a
    principal point and two coefficients of radial distortion.
    """
    random, rows = Random(2), []
    for _ in range(3000 if quick else 30_000):
        tilt, turn, roll = (random.uniform(0.02, 0.3) for _ in range(3))
        centre = [random.gauss(0, 1) for _ in range(3)]
        away, angle, radius = random.uniform(4, 8), random.uniform(0, 2 * pi), random.uniform(0, 1.5)
        point = [centre[0] + radius * cos(angle), centre[1] + radius * sin(angle), centre[2] + away]
        lens = [500 + random.gauss(0, 20), 320 + random.gauss(0, 5), 240 + random.gauss(0, 5)]
        bent = [random.gauss(0, 0.1), random.gauss(0, 0.02)]
        seen = [random.uniform(0, 640), random.uniform(0, 480)]
        rows.append([tilt, -turn, roll, *centre, *lens, *bent, *point, random.uniform(0.5, 2), *seen])
    return np.array(rows)


def repeat(work: Callable[[], Any]) -> Run:
    """Make a run of something that comes out the same every time."""

    def run(count: int) -> Any:
        result = None
        for _ in range(count):
            result = work()
        return result

    return run


def stepwise(
    start: Callable[[], Any], step: Callable[[Any], Any], finish: Callable[[Any], Array] = np.asarray
) -> Run:
    """Make a run of one call for each step, from state to state."""

    def run(count: int) -> Array:
        state = start()
        for _ in range(count):
            state = step(state)
        return finish(state)

    return run
