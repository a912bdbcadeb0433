"""Elsewhere: functions in other frameworks' graphs, with their derivatives, nets and histories in others' files.

=================  ======================================================================
from_onnx          a net from an ONNX file
to_jax             a function in programs of JAX: ``pure_callback`` with ``custom_vjp``
to_onnx            a net as an ONNX file
to_pytensor        a function as an operation of PyTensor, for PyMC
to_torch           a function as an operation of PyTorch: ``torch.autograd.Function``
write_csv          the history of a training as a table
write_tensorboard  the history of a training as a run of TensorBoard
=================  ======================================================================

Nothing of another framework is imported before its name is called; each needs the extra of its name, CSV none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import later

if TYPE_CHECKING:  # imported when first used
    from .histories import write_csv, write_tensorboard
    from .jax import to_jax
    from .onnx import from_onnx, to_onnx
    from .pytensor import to_pytensor
    from .pytorch import to_torch

__all__ = ['from_onnx', 'to_jax', 'to_onnx', 'to_pytensor', 'to_torch', 'write_csv', 'write_tensorboard']

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
