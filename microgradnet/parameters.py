"""What neurons, layers and nets share: parameters that can be listed, frozen and reset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from .arrays import is_array
from .checks import items, said
from .incoming import array_of_numbers
from .reals import Fraction
from .value import Value

__all__ = ['Parametrised', 'row_of']


class HasWeights(Protocol):
    """A neuron, as far as its parameters go."""

    weights: list[Value]
    bias: Value
    frozen: set[Value]


class Parametrised:
    """Something with parameters: what ``Neuron``, ``Layer`` and ``MLP`` share."""

    def neurons_within(self) -> Iterator[HasWeights]:
        """Iterate over the neurons, layer by layer."""
        raise NotImplementedError

    def parameters(self) -> list[Value]:
        """List every weight and bias: neuron by neuron, its weights, then its bias."""
        return [p for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)]

    def trainable(self) -> list[Value]:
        """List the parameters that are not frozen: those that ``train`` changes."""
        return [p for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)
                if p not in neuron.frozen]  # fmt: skip

    def freeze(self, parameters: Iterable[Value] | None = None) -> None:
        """Keep parameters, all by default, as they are: ``train`` leaves them alone.

        Raises ValueError for a Value that is none of the parameters.

        >>> from microgradnet.nn import Neuron
        >>> neuron = Neuron(2)
        >>> neuron.freeze([neuron.bias]); len(neuron.trainable())
        2
        >>> neuron.unfreeze(); len(neuron.trainable())
        3
        """
        self._set_frozen(parameters, set.add)

    def unfreeze(self, parameters: Iterable[Value] | None = None) -> None:
        """Let frozen parameters, all by default, learn again."""
        self._set_frozen(parameters, set.discard)

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for p in self.parameters():
            p.grad = Fraction(0) if isinstance(p._data, Fraction) else 0.0

    def _set_frozen(self, parameters: Iterable[Value] | None, change: Callable[[set[Value], Value], None]) -> None:
        owners = {p: neuron for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)}
        if isinstance(parameters, Value):
            raise TypeError(f'freeze and unfreeze take a list of parameters, not the one {parameters!r}')
        chosen = [*owners] if parameters is None else items('parameters', parameters, 'a list of parameters')
        for p in chosen:
            if not isinstance(p, Value) or p not in owners:
                raise ValueError(f'{p!r} is not a parameter of {self!r}')
        for p in chosen:
            change(owners[p].frozen, p)


def row_of(x: Iterable[Any], length: int, owner: Parametrised) -> list[Value]:
    """Take one row in as nodes; numbers become leaves, which the error signal reaches."""
    row = [*x] if x.__class__ is list else _inputs(x, length, owner)
    if len(row) != length:
        raise ValueError(f'{owner!r} takes {length} inputs; the row has {len(row)}')
    if all(item.__class__ is Value for item in row):
        return row
    exact = isinstance(next(owner.neurons_within()).bias._data, Fraction)
    return [
        item if isinstance(item, Value) else Value(Fraction(item) if exact and isinstance(item, int) else item)
        for item in row
    ]


def _inputs(x: Any, length: int, owner: Parametrised) -> list[Any]:
    """List the inputs in any other row than a list."""
    if isinstance(x, (Value, str, bytes, type)) or not isinstance(x, Iterable) or getattr(x, 'shape', None) == ():
        raise TypeError(f'{owner!r} takes a row of {length} inputs, not {said(x)}')
    return [*(array_of_numbers(x, f'a row of {owner!r}', also='O') if is_array(x) else x)]
