"""Functions in programs of JAX: ``to_jax``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._extras import needed
from .bridge import Bridge, Bridged, bridge_of

__all__ = ['to_jax']


def to_jax(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for programs of JAX: arrays in, arrays out, by ``pure_callback`` with ``custom_vjp``.

    f: as for ``to_torch``, with arrays of JAX in place of tensors.

    ``jax.jit`` calls it as it is, ``jax.vmap`` with all rows at once, and ``jax.grad`` compiles its derivative, which
    is such a function, too: nest ``jax.jacrev`` for a Hessian. JAX has no forward mode (``jvp``, ``jacfwd``) for it.
    To learn the shape of a result, a function is called once with ones for each shape of arguments: it must have a
    value for them, and a ``while_loop`` in it must end. It computes with float64; the result has the type of the
    arguments, float32 unless ``jax_enable_x64`` is set. It needs JAX: ``pip install 'microgradnet[jax]'``.
    """
    bridge = bridge_of(f)
    jax = needed('jax', 'to_jax')
    operation = _operation(jax, bridge)

    def call(*arguments: Any) -> Any:
        arrays = [*map(jax.numpy.asarray, arguments)]
        for place, (argument, array) in enumerate(zip(arguments, arrays)):
            if jax.numpy.iscomplexobj(array):
                raise TypeError(f'argument {place} of {bridge.name} must be of real numbers, not {argument!r}')
        return operation(*(array.astype(jax.dtypes.result_type(float, *arrays)) for array in arrays))

    return Bridged(to_jax, f, bridge, call)


def _operation(jax: Any, bridge: Bridge) -> Callable[..., tuple[Any, ...]]:
    """Return what calls a bridge from arrays of floats of one type, and is differentiated by its ``pull``."""

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def operation(*arrays: Any) -> tuple[Any, ...]:
        kind, shapes = jax.numpy.result_type(*arrays), bridge.results(*(array.shape for array in arrays))
        axes = len(arrays[0].shape)

        def called(*given: Any) -> tuple[Any, ...]:
            found = bridge.mapped(given[0].ndim - axes)(*given)  # vmap brings rows in leading axes
            return tuple(array.astype(kind) for array in found)

        like = tuple(jax.ShapeDtypeStruct(shape, kind) for shape in shapes)
        return tuple(jax.pure_callback(called, like, *arrays, vmap_method='broadcast_all'))

    def forward(*arrays: Any) -> tuple[Any, Any]:
        return operation(*arrays), arrays

    def backward(arrays: Any, signals: Any) -> tuple[Any, ...]:
        return _operation(jax, bridge.pull(len(arrays)))(*arrays, *signals)

    operation.defvjp(forward, backward)
    return operation  # type: ignore[no-any-return]
