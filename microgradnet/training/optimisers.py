"""How weights follow their gradients: gradient descent and friends, and schedules for h.

============  ====================================================================
`descent`     ``w <- w - h * dE/dw``, as in the derivation ("Training")
`momentum`    the same along a running sum of gradients, which dies away
`nesterov`    momentum that looks ahead
`adam`        each weight at its own pace
`adamw`       the same, with weights that decay
============  ====================================================================

An optimiser is anything with ``step(weights, gradients, h)`` that returns the new
weights. One that remembers something goes on where it was when it is used again.
These are rules for one weight, written once: ``compiling.update`` makes machine code of them.

>>> Descent().step([1.0, 2.0], [0.5, -0.5], 0.1)
[0.95, 2.05]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil, cos, exp, hypot, log, pi, sqrt
from typing import Any, Protocol, TypeAlias, TypeVar

from ..compiling.update import Descent, Rule, scaled
from ..engine.checks import flag, one_of, within
from ..engine.numbers import Number
from ..engine.value import Value

__all__ = ['OPTIMISERS', 'SCHEDULES', 'AdamW', 'Descent', 'Momentum', 'Optimiser', 'Schedule', 'clipped', 'named']

T = TypeVar('T')


class Optimiser(Protocol):
    """What ``train`` asks of an optimiser."""

    def step(self, weights: Sequence[Number], gradients: Sequence[Number], h: Number) -> list[Number]:
        """Return the new weights; those given stay as they are."""
        ...


class Momentum(Rule):
    """Gradient descent with momentum (Polyak 1964): ``v <- momentum * v + gradient; w <- w - h * v``.

    With ``nesterov`` (1983) the step is along ``gradient + momentum * v``, where v will be next.

    Raises ValueError unless ``0 <= momentum < 1``.

    >>> ball = Momentum(0.5)
    >>> weights = ball.step([0.0], [1.0], 0.1); weights
    [-0.1]
    >>> ball.step(weights, [1.0], 0.1)
    [-0.25]
    """

    kept = 1
    momentum: Number
    nesterov: bool

    def __init__(self, momentum: Number = 0.9, nesterov: bool = False) -> None:
        super().__init__()
        self.momentum = within('momentum', momentum, '0 <= momentum < 1', lambda x: 0 <= x < 1)
        self.nesterov = flag('nesterov', nesterov)

    def rule(self, w: Any, slope: Any, v: Any, h: Any) -> tuple[Any, Any]:
        v = self.momentum * v + slope
        return w - h * (slope + self.momentum * v if self.nesterov else v), v

    def __repr__(self) -> str:
        return f'Momentum({self.momentum}{", nesterov=True" * self.nesterov})'


class AdamW(Rule):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    The step is ``h * (m / (sqrt(v) + epsilon) + weight_decay * w)``, where m and v are
    running means of the gradient and of its square, with decay rates ``beta1`` and
    ``beta2``, corrected for having started from 0. All parameters decay, biases too.

    >>> weights = AdamW(weight_decay=0.0).step([1.0, 1.0], [1e-3, -1e3], 0.25)
    >>> [f'{w:.4f}' for w in weights]
    ['0.7500', '1.2500']
    """

    kept = 2
    beta1: Number
    beta2: Number
    epsilon: Number
    weight_decay: Number

    def __init__(
        self, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01
    ) -> None:
        super().__init__()
        self.beta1 = within('beta1', beta1, '0 <= beta1 < 1', lambda x: 0 <= x < 1)
        self.beta2 = within('beta2', beta2, '0 <= beta2 < 1', lambda x: 0 <= x < 1)
        self.epsilon = within('epsilon', epsilon, 'more than 0', lambda x: x > 0)
        self.weight_decay = within('weight_decay', weight_decay, 'at least 0', lambda x: x >= 0)

    def numbers(self, h: Number, step: int) -> tuple[Number, ...]:
        """Return h, and what the means are to be divided by, having started from 0."""
        return h, 1 - self.beta1**step, 1 - self.beta2**step

    def rule(
        self, w: Any, slope: Any, m: Any, v: Any, h: Any, unbiased_m: Any, unbiased_v: Any
    ) -> tuple[Any, Any, Any]:
        m = self.beta1 * m + (1 - self.beta1) * slope
        v = self.beta2 * v + (1 - self.beta2) * slope * slope
        pace = m / unbiased_m / (_root(v / unbiased_v) + self.epsilon)
        return w - h * (pace + self.weight_decay * w), m, v

    def __repr__(self) -> str:
        return f'AdamW({self.beta1}, {self.beta2}, epsilon={self.epsilon}, weight_decay={self.weight_decay})'


#: The optimisers that ``train`` knows by name, each with its defaults.
OPTIMISERS: dict[str, Callable[[], Optimiser]] = {
    'descent': Descent, 'momentum': Momentum, 'nesterov': partial(Momentum, nesterov=True),
    'adam': partial(AdamW, weight_decay=0.0), 'adamw': AdamW,
}  # fmt: skip


def clipped(gradients: Sequence[Number], largest: Number) -> list[Number]:
    """Scale gradients down together, so that their Euclidean norm is at most ``largest``.

    After Pascanu and others (2013). Gradients within the norm come back untouched.

    >>> clipped([3.0, 4.0], 1.0), clipped([3.0, 4.0], 5.0)
    ([0.6, 0.8], [3.0, 4.0])
    """
    norm = hypot(*gradients)
    return [scaled(gradient, norm, largest) for gradient in gradients] if norm > largest else [*gradients]


#: A schedule takes the number of the epoch, from 1 on, and how many there will be at
#: most; it returns the factor by which the learning rate h is multiplied.
Schedule: TypeAlias = Callable[[int, int], Number]


def constant(epoch: int, epochs: int) -> Number:
    """Leave h as it is, exactly."""
    return 1


def linear(epoch: int, epochs: int) -> Number:
    """Fall from 1 in equal steps, which would reach 0 just after the last epoch.

    >>> [linear(epoch, 4) for epoch in (1, 2, 3, 4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1 - (epoch - 1) / epochs


def cosine(epoch: int, epochs: int) -> Number:
    """Fall from 1 along half a cosine (Loshchilov and Hutter 2017), 0 just after the last epoch."""
    return (1 + cos(pi * (epoch - 1) / epochs)) / 2


def step(epoch: int, epochs: int) -> Number:
    """Fall to a tenth after each third of the epochs: 1, 0.1, 0.01."""
    return 10.0 ** -(3 * (epoch - 1) // epochs)


def exponential(epoch: int, epochs: int) -> Number:
    """Fall by the same factor every epoch, from 1 to 0.01 just after the last."""
    return exp(log(0.01) * (epoch - 1) / epochs)


def warmup(epoch: int, epochs: int) -> Number:
    """Rise in equal steps to 1 over the first tenth of the epochs, and stay there.

    >>> [warmup(epoch, 40) for epoch in (1, 2, 3, 4, 5)]
    [0.25, 0.5, 0.75, 1, 1]
    """
    return min(1, epoch / ceil(epochs / 10))


def warmup_cosine(epoch: int, epochs: int) -> Number:
    """Rise as ``warmup`` does, then fall along half a cosine."""
    rise = ceil(epochs / 10)
    return epoch / rise if epoch <= rise else cosine(epoch - rise, epochs - rise)


#: The schedules that ``train`` knows by name.
SCHEDULES: dict[str, Schedule] = {
    'constant': constant, 'linear': linear, 'cosine': cosine, 'step': step, 'exponential': exponential,
    'warmup': warmup, 'warmup-cosine': warmup_cosine,
}  # fmt: skip


def named(what: str, name: str, known: Mapping[str, T]) -> T:
    """Look a name up; raise a ValueError that names the nearest that is known.

    >>> named('schedule', 'cosin', SCHEDULES)
    Traceback (most recent call last):
        ...
    ValueError: there is no schedule 'cosin'; did you mean 'cosine'?
    """
    return known[one_of(what, name, known)]


def _root(x: Any) -> Any:
    """Return the square root: of a number Python's own, which is quick."""
    return x.sqrt() if isinstance(x, Value) else sqrt(x)
