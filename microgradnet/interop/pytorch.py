"""Functions as operations of PyTorch, with derivatives of any order and over batches: ``to_torch``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from .._extras import needed
from .bridge import Bridge, Bridged, bridge_of

__all__ = ['to_torch']


def to_torch(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as an operation of PyTorch: tensors in, tensors out, and gradients by ``backward``.

    f: a function of numbers that ``compile`` takes, or what ``compile`` returned. The arguments of a function are
        tensors of any shape; a result of numbers, or of lists as long as each other, is a tensor, a tuple several.
        Those of a ``Program`` are its rows, of shape (..., width), if it has rows, and its parameters, of shape
        (parameters,): all rows are run in one call, and results begin with the rows' leading axes. Parameters left
        out are the numbers that the Values hold at each call, and constant.

    It is compiled, and so is its derivative, which is an operation, too: ``create_graph=True`` and
    ``torch.func.hessian`` work as everywhere, forward mode (``torch.func.jvp``) included; of a ``Program`` there are
    two orders. ``torch.vmap`` of a function runs all rows in one call. It computes
    with float64 on the CPU; the result has the type and the device of the arguments. It can be pickled if f can.
    It needs PyTorch: ``pip install 'microgradnet[torch]'``.
    """
    bridge = bridge_of(f)
    torch = needed('torch', 'to_torch')
    apply = _operation()

    def operation(*arguments: Any) -> Any:
        for place, argument in enumerate(arguments):
            if not isinstance(argument, (torch.Tensor, int, float)):
                raise TypeError(
                    f'argument {place} of {bridge.name} must be a tensor or a number, '
                    f'not {argument!r} of type {type(argument).__name__}'
                )
            if isinstance(argument, torch.Tensor) and argument.is_complex():
                raise TypeError(f'argument {place} of {bridge.name} must be of real numbers, not of {argument.dtype}')
            if isinstance(argument, torch.Tensor) and (argument.is_meta or argument.layout is not torch.strided):
                kind = 'on the meta device' if argument.is_meta else f'of layout {argument.layout}'
                raise TypeError(f'argument {place} of {bridge.name} must be a dense tensor of numbers, not one {kind}')
        given = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
        floating = [tensor for tensor in given if tensor.is_floating_point()]
        kind = torch.float64 if not given else torch.get_default_dtype()
        for place, tensor in enumerate(floating):
            kind = torch.promote_types(kind, tensor.dtype) if place else tensor.dtype
        device = given[0].device if given else None
        return apply(bridge, *(torch.as_tensor(argument, dtype=kind, device=device) for argument in arguments))

    return Bridged(to_torch, f, bridge, operation)


@cache
def _operation() -> Callable[..., Any]:
    """Make the class that PyTorch asks for; return what applies it to a bridge and tensors."""
    torch = needed('torch', 'to_torch')

    class Operation(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(bridge: Bridge, *tensors: Any) -> Any:
            like = tensors[0]
            arrays = bridge(*(tensor.detach().to('cpu', torch.float64).numpy() for tensor in tensors))
            return tuple(torch.from_numpy(array.copy()).to(like) for array in arrays)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.bridge, *tensors = inputs
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx: Any, *signals: Any) -> Any:
            tensors = ctx.saved_tensors
            return None, *Operation.apply(ctx.bridge.pull(len(tensors)), *tensors, *signals)

        @staticmethod
        def jvp(ctx: Any, _: None, *moves: Any) -> Any:
            tensors = ctx.saved_tensors
            known = [torch.zeros_like(x) if move is None else move for x, move in zip(tensors, moves)]
            return Operation.apply(ctx.bridge.push(len(tensors)), *tensors, *known)

        @staticmethod
        def vmap(info: Any, dims: Any, bridge: Bridge, *tensors: Any) -> Any:
            rows = [
                tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
                for tensor, dim in zip(tensors, dims[1:])
            ]
            found = Operation.apply(bridge.mapped(), *rows)
            return found, (0,) * len(found)

    return Operation.apply  # type: ignore[no-any-return]
