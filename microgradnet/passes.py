"""A pass over a teacher set: forward, backward, update, batch after batch.

>>> from random import Random
>>> from microgradnet.recorded_error import RecordedError
>>> from microgradnet.losses import half_squared_error
>>> from microgradnet.teacher_set import TeacherSet
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> E = RecordedError(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
>>> batch = Pass(net, E, State([2.0, 0.0], order=[0, 1]), size=2)
>>> batch(0.1, shuffled=False), [p.data for p in net.parameters()]
(1.0, [1.7, -0.2])
"""

from __future__ import annotations

from collections.abc import Sequence

from .checkpoint import State
from .compiled_error import CompiledError
from .measuring import ErrorOf, Trouble, finite, set_weights
from .nn import MLP
from .optimisers import Descent, clipped
from .reals import Number, real

__all__ = ['Pass']


class Pass:
    """One pass over a teacher set: forward, backward and update, batch after batch."""

    def __init__(
        self, net: MLP, E: ErrorOf, state: State, size: int, l2: Number = 0.0, clip: Number | None = None
    ) -> None:
        self.E, self.state, self.size, self.l2, self.clip = E, state, size, l2, clip
        self.parameters = net.trainable()
        self.decaying = {w for neuron in net.neurons_within() for w in neuron.weights} if l2 else set()
        plain = type(state.optimiser) is Descent and not l2 and clip is None
        self.program = E if plain and isinstance(E, CompiledError) and E.descends else None

    def __call__(self, h: Number, shuffled: bool) -> Number:
        """Teach the net with learning rate h; return E, summed over the batches as they were met."""
        order, size = self.state.order, self.size
        total: Number = 0
        if self.program:
            return _descend(self.program, order, size, h)
        for start in range(0, len(order), size):
            whole = size >= len(order) and not shuffled
            E, slopes = self.E.gradient(None if whole else order[start : start + size])
            finite(E)
            self._update(slopes, h)
            total = finite(total + E)
        return total

    def _update(self, slopes: Sequence[Number], h: Number) -> None:
        """Set new weights, all or none; refuse a nan or an inf among them."""
        gradients = [g + self.l2 * p.data if p in self.decaying else g for g, p in zip(slopes, self.parameters)]
        if self.clip is not None:
            gradients = clipped(gradients, self.clip)
        weights = self.state.optimiser.step([p.data for p in self.parameters], gradients, h)
        weights = [real(w, 'a new weight') for w in weights]
        for w in weights:
            finite(w, 'a weight would have become')
        set_weights(self.parameters, weights)


def _descend(program: CompiledError, order: Sequence[int], size: int, h: Number) -> Number:
    """Do an epoch of gradient descent in machine code; return its error."""
    try:
        return finite(program.descend(order, size, h))
    except ArithmeticError as trouble:
        raise Trouble(str(trouble)) from trouble
