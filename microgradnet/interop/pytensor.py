"""Functions in graphs of PyTensor, and so in models of PyMC: ``to_pytensor``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from .._extras import needed
from .bridge import Bridge, Bridged, bridge_of

__all__ = ['to_pytensor']


def to_pytensor(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as an operation of PyTensor, with its gradient: for models of PyMC, say.

    f: as for ``to_torch``, with PyTensor's variables in place of tensors. Their shapes must be known.

    ``pytensor.grad`` compiles its derivative, which is an operation, too. It computes with float64; where PyTensor
    compiles with numba, it is called back (numba's object mode).
    It needs ``pip install 'microgradnet[pytensor]'``.
    """
    bridge = bridge_of(f)
    needed('pytensor', 'to_pytensor')
    operation = _operation_of(bridge)

    return Bridged(to_pytensor, f, bridge, partial(operation, return_list=True))


@cache
def _operation() -> Any:
    """Make the class that PyTensor asks for, of a bridge."""
    tensor = needed('pytensor.tensor', 'to_pytensor')
    graph, gradient = needed('pytensor.graph', 'to_pytensor'), needed('pytensor.gradient', 'to_pytensor')

    class Operation(graph.Op):  # type: ignore[misc, name-defined]
        def __init__(self, bridge: Bridge) -> None:
            self.bridge = bridge

        def make_node(self, *arguments: Any) -> Any:
            inputs = []
            for place, argument in enumerate(arguments):
                given = tensor.as_tensor_variable(argument)
                if given.type.dtype.startswith('complex'):
                    raise TypeError(f'argument {place} of {self.bridge.name} must be of real numbers, not {given.type}')
                if None in given.type.shape:
                    raise TypeError(
                        f'the shape of argument {place} of {self.bridge.name} must be known, and is '
                        f'{given.type.shape}: say it by pytensor.tensor.specify_shape'
                    )
                inputs.append(given.astype('float64'))
            shapes = self.bridge.results(*(given.type.shape for given in inputs))
            return graph.Apply(self, inputs, [tensor.tensor(dtype='float64', shape=shape) for shape in shapes])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            for output, array in zip(outputs, self.bridge(*inputs)):
                output[0] = array.copy()

        def infer_shape(self, fgraph: Any, node: Any, shapes: Any) -> Any:
            return [output.type.shape for output in node.outputs]

        def pullback(self, inputs: Any, outputs: Any, signals: Any) -> Any:
            known = [
                output.zeros_like() if isinstance(signal.type, gradient.DisconnectedType) else signal
                for output, signal in zip(outputs, signals)
            ]
            return Operation(self.bridge.pull(len(inputs)))(*inputs, *known, return_list=True)

        L_op = pullback  # as versions before 3 call it

        def __reduce__(self) -> Any:
            return _operation_of, (self.bridge,)  # the class has no name that a module knows

        def __str__(self) -> str:
            return self.bridge.name

    return Operation


def _operation_of(bridge: Bridge) -> Any:
    return _operation()(bridge)
