"""The error of a net, recorded anew for every batch: any error, any numbers, fractions too.

>>> from microgradnet.losses import half_squared_error
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> error_and_gradients(net, [([1.0], 1.0), ([2.0], 3.0)], half_squared_error)
1.0
>>> net.parameters()[0].grad, net.parameters()[1].grad
(3.0, 2.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .arithmetic import ieee_arithmetic
from .ieee import TROUBLE
from .large_set import Samples
from .measuring import Error, Trouble, error_over, finite, is_finite, outputs_over
from .nn import MLP
from .reals import Number
from .value import Value

__all__ = ['RecordedError', 'error_and_gradients']


class RecordedError:
    """A net's error over samples, its gradient, and the net's outputs, by the graph of each batch."""

    compiled, parts = False, None

    def __init__(self, net: MLP, teacher_set: Samples, error: Error) -> None:
        self.net, self.error_of, self.parameters = net, error, net.trainable()
        self.samples = [*teacher_set]

    def gradient(self, places: Sequence[int] | None) -> tuple[Number, list[Number]]:
        """Return E over the samples at some places, or all, and dE/dw for each trainable parameter."""
        samples = self.samples if places is None else [self.samples[place] for place in places]
        E = error_and_gradients(self.net, samples, self.error_of)
        return E, [p.grad for p in self.parameters]

    def error(self, teacher_set: Samples) -> Number:
        """Return E over a set."""
        return error_over(self.net, teacher_set, self.error_of)

    def outputs(self, teacher_set: Samples) -> list[Any]:
        """Return the net's outputs for each sample."""
        return outputs_over(self.net, teacher_set)


def error_and_gradients(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Number:
    """Return the error E of a net over samples, and leave dE/dw in the ``grad`` of every parameter."""
    net.zero_grad()
    try:
        E = _forward(net, samples, error)
    except TROUBLE as trouble:
        # Python's arithmetic gave up; IEEE's tells a nan or an overflow from a mistake.
        with ieee_arithmetic():
            E = _forward(net, samples, error)
        if is_finite(E.data):
            raise
        raise Trouble(f'the error became {E.data}') from trouble
    finite(E.data)
    E.backward()
    return E.data


def _forward(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Value:
    E = error([net(x) for x, _ in samples], [t for _, t in samples])
    if not isinstance(E, Value):
        raise TypeError(f'an error must return a Value, not {E!r}')
    return E
