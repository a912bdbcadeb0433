"""What the derivation calls the parts of a net: source first, then target, w_{x1,1}, w_{1,3}.

Neurons are numbered through the layers, f_1 to f_5 in a 2-2-2-1 net.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..value import Value

__all__ = ['Connection', 'connections_of', 'layers_of', 'parameter_names']


class Connection(NamedTuple):
    """One weight between two neurons, or between an input and a neuron."""

    source: str  # 'x1' or '1', as in the weight's name
    target: str
    weight: Value

    @property
    def name(self) -> str:
        return f'w_{{{self.source},{self.target}}}'


def layers_of(net: Any) -> list[Any]:
    """Return the neurons of a net, of a layer or one alone, layer by layer."""
    if hasattr(net, 'layers') and not isinstance(net, type):
        return [layer.neurons for layer in net.layers]
    if hasattr(net, 'neurons'):
        return [net.neurons]
    if hasattr(net, 'weights') and hasattr(net, 'bias'):
        return [[net]]
    raise TypeError(f'a net to be drawn is an MLP, a Layer or a Neuron, not {net!r} ({type(net).__name__})')


def connections_of(layers: list[Any]) -> Iterator[Connection]:
    """List all connections of a net, target by target."""
    sources, last = [f'x{i + 1}' for i in range(len(layers[0][0].weights))], 0
    for neurons in layers:
        targets = [str(last + j + 1) for j in range(len(neurons))]
        for target, neuron in zip(targets, neurons):
            yield from (Connection(source, target, w) for source, w in zip(sources, neuron.weights))
        sources, last = targets, last + len(neurons)


def parameter_names(net: Any) -> dict[Value, str]:
    """Map every weight and bias of a net to its name in the derivation, source first.

    ``draw(error, labels=parameter_names(net))`` shows them in a graph.

    >>> from microgradnet.nn import MLP
    >>> [*parameter_names(MLP(1, [1, 1])).values()]
    ['w_{x1,1}', 'w_{1,2}', 'b_1', 'b_2']
    """
    layers = layers_of(net)
    biases = (neuron.bias for neurons in layers for neuron in neurons)
    names = {connection.weight: connection.name for connection in connections_of(layers)}
    return names | {bias: f'b_{i}' for i, bias in enumerate(biases, 1)}
