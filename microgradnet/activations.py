"""Activation functions by name, or any function on a Value.

>>> g = Activation('softsign')
>>> g(Value(1.0)).data, g.number(1.0)
(0.5, 0.5)
>>> Activation('sigmiod')
Traceback (most recent call last):
    ...
ValueError: there is no activation 'sigmiod'; did you mean 'sigmoid'?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import functions
from .checks import one_of, said
from .operations import operations
from .reals import Number
from .value import Value

__all__ = ['Activation', 'activation_names']

#: Activations that are 0, or nearly, on one side of 0: their weights are drawn after He.
ONE_SIDED = ('relu', 'leaky_relu', 'elu', 'silu', 'gelu', 'softplus')
#: Names from the derivation for what the table calls otherwise, or what is no operation.
OTHER_NAMES: dict[str, Callable[[Any], Any]] = {
    'identity': lambda r: r,
    'linear': lambda r: r,
    'threshold': lambda r: functions.step(r),
}


def activation_names() -> list[str]:
    """List the activations that are known by name: every operation that needs one operand.

    >>> {'identity', 'threshold', 'sigmoid', 'tanh', 'relu'} <= set(activation_names())
    True
    """
    needs_one = (op.name for op in operations.values() if not op.vectors and len(op.parameters) - len(op.default) == 1)
    return [*dict.fromkeys([*OTHER_NAMES, *needs_one])]


class Activation:
    """An activation function g with a ``name``; called on a Value it records g(r).

    Raises ValueError for a name that is not known, TypeError for what cannot be called.
    """

    def __init__(self, g: str | Callable[[Any], Any] | Activation) -> None:
        if isinstance(g, Activation):
            g = g.g
        if not callable(g) and not isinstance(g, str):
            raise TypeError(f'an activation is a name or a function on a Value, not {said(g)}')
        self.g: str | Callable[[Any], Any] = g
        self.name: str = g if isinstance(g, str) else getattr(g, '__name__', repr(g))
        if isinstance(g, str):
            one_of('activation', g, activation_names())
        self.is_one_sided = self.name in ONE_SIDED
        self._function = g if callable(g) else OTHER_NAMES.get(g) or getattr(functions, g)
        #: What records g(r) of a node: the operation's own function, or this object, which checks.
        self.record: Callable[[Value], Value] = self if callable(g) else self._function

    def __call__(self, r: Value) -> Value:
        """Record g(r); raise TypeError if the function returns something else than a Value."""
        output = self._function(r)
        if not isinstance(output, Value):
            raise TypeError(f'activation {self.name} must return a Value, not {output!r}')
        return output

    def number(self, r: Number) -> Number:
        """Compute g(r) of a bare number; a function given by the user sees a Value all the same."""
        if isinstance(self.g, str):
            return self._function(r)  # type: ignore[no-any-return]
        return self(Value(r)).data

    def __reduce__(self) -> tuple[Any, ...]:
        return Activation, (self.g,)
