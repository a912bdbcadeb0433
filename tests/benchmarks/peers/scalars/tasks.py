"""What every engine is given: Rosenbrock's function, a mixture of Gaussians, mini-batches, and a price by lot.

An engine is a module beside this one, with a generator of ``Entry`` for each thing it can do:
``rosenbrock_gradient``, ``rosenbrock_hessian``, ``mixture_gradient``, ``rk4_gradient``, ``rk4_hessian``,
``rk4_jacobian``, ``adamw``, ``heston`` and ``first_gradient``. What comes out of a gradient is the value, and
after it the derivatives by the parameters. The trajectories are those of ``loops``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lgamma, log, pi
from typing import Any

import numpy as np

from ..loops.tasks import Classifier, classifier
from ..tasks import Array

__all__ = ['BATCH', 'LESSONS', 'Heston', 'Mixture', 'Rosenbrock', 'lessons']

#: The size of mini-batches, and how many epochs one timing of them takes.
BATCH, LESSONS = 32, 4


@dataclass(frozen=True, eq=False)
class Rosenbrock:
    """The sum of 100 (b - a^2)^2 + (1 - a)^2 over neighbours a, b of so many numbers."""

    n: int

    @cached_property
    def theta(self) -> Array:
        return np.linspace(-1.5, 1.5, self.n)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The log-likelihood of n points in d dimensions under k Gaussians, with Wishart's prior: ADBench's objective.

    ``theta`` is k weights alpha, k means, and for each Gaussian the factor of its inverse covariance: the
    logarithms q of the diagonal, then what is below it, column by column (Srajer, Kukelova and Fitzgibbon 2018).
    The points are drawn by lot, as are the parameters.
    """

    d: int
    k: int
    n: int

    @cached_property
    def points(self) -> Array:
        return np.random.default_rng(4).normal(size=(self.n, self.d))

    @cached_property
    def theta(self) -> Array:
        random = np.random.default_rng(5)
        factors = random.normal(0, 0.3, (self.k, self.d * (self.d + 1) // 2))
        return np.concatenate([random.normal(size=self.k), random.uniform(size=self.k * self.d), factors.ravel()])

    def split(self, theta: Any) -> tuple[Any, list[Any], list[Any], list[dict[tuple[int, int], Any]]]:
        """Return alpha, and for each Gaussian its mean, its q, and below the diagonal each number by row and column."""
        d, k = self.d, self.k
        places = [(i, j) for j in range(d) for i in range(j + 1, d)]
        means, at = [theta[k + d * c : k + d * (c + 1)] for c in range(k)], k * (d + 1)
        factors = [theta[at + (d + len(places)) * c :][: d + len(places)] for c in range(k)]
        return theta[:k], means, [f[:d] for f in factors], [dict(zip(places, f[d:])) for f in factors]

    @property
    def constant(self) -> float:
        """What no parameter changes: the Gaussians' pi, and Wishart's (gamma = 1, m = 0)."""
        d, wishart = self.d, self.d + 1
        gamma = d * (d - 1) / 4 * log(pi) + sum(lgamma((wishart - j) / 2) for j in range(d))
        return -self.n * d * log(2 * pi) / 2 + self.k * (wishart * d * log(2) / 2 + gamma)


@dataclass(frozen=True, eq=False)
class Heston:
    """The price of a call whose variance goes its own way: the mean over paths of so many steps.

    ``theta`` is the spot, the variance, its pull, its level, its own volatility, and their correlation. Of each
    step a row has two normal numbers. A variance below ``least`` counts as that.
    """

    steps: int
    paths: int
    strike: float = 100.0
    rate: float = 0.02
    least: float = 1e-6

    @property
    def dt(self) -> float:
        return 1 / self.steps

    @cached_property
    def theta(self) -> Array:
        return np.array([100.0, 0.04, 1.5, 0.05, 0.4, -0.6])

    @cached_property
    def rows(self) -> Array:
        return np.random.default_rng(6).normal(size=(self.paths, 2 * self.steps))


def lessons(quick: bool) -> Classifier:
    """Return the net 64-32-10, and rows for whole mini-batches."""
    return classifier([64, 32, 10], BATCH * (4 if quick else 56), LESSONS)
