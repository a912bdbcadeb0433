"""What every engine is given: walks with a branch in each step, an equation with one, and loops of unknown count.

An engine is a module beside this one, with a generator of ``Entry`` for each thing it can do: ``walks``,
``harvest``, ``newton``, ``newton_gradient``, ``heun`` and ``heun_gradient``. What comes out is a number a row; of
``harvest`` the value and, after it, the derivatives by the parameters, a row for each parameter vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..tasks import Array

__all__ = ['Harvest', 'Loop', 'Walks']


@dataclass(frozen=True)
class Walks:
    """Walks of so many steps with a branch in each: knocked out above a barrier, or paid for what is above it."""

    steps: int
    paths: int
    knocks_out: bool
    barrier: float = 120.0
    sigma: float = 0.028

    @cached_property
    def rows(self) -> Array:
        return np.random.default_rng(1).normal(size=(self.paths, self.steps))


@dataclass(frozen=True, eq=False)
class Harvest:
    """Lotka and Volterra's equations in so many Euler steps; of prey above a limit, a share is taken.

    A parameter vector is a, b, c, d and the share; x = y = 1 at the start, and the answer is x^2 + y^2 at the end.
    """

    steps: int
    h: float = 0.005
    limit: float = 3.0

    @cached_property
    def thetas(self) -> Array:
        return np.array([1.5, 1.0, 3.0, 1.0, 0.5]) * np.random.default_rng(2).uniform(0.9, 1.1, (20, 5))

    def end(self, theta: Any, taken: Any) -> Any:
        """Follow the equations; ``taken(x, share)`` says how much of the prey is taken."""
        a, b, c, d, share = theta
        x, y, h = 1.0, 1.0, self.h
        for _ in range(self.steps):
            x, y = x + h * (a * x - b * x * y - taken(x, share)), y + h * (d * x * y - c * y)
        return x * x + y * y


@dataclass(frozen=True, eq=False)
class Loop:
    """Numbers whose square root Newton's method finds, or the rates of decays that a solver follows until t = 2.

    The solver is Heun's method with steps as long as an error of 1e-6 lets them be.
    """

    rows: int
    high: float

    @cached_property
    def numbers(self) -> Array:
        return np.exp(np.random.default_rng(0).uniform(-3, self.high, self.rows))
