"""Elsewhere: functions in other frameworks' graphs, with their derivatives.

========  ======================================================================
to_jax    a function in programs of JAX: ``pure_callback`` with ``custom_vjp``
to_torch  a function as an operation of PyTorch: ``torch.autograd.Function``
========  ======================================================================

Nothing of another framework is imported before its name is called; each needs the extra of its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import later

if TYPE_CHECKING:  # imported when first used
    from .jax import to_jax
    from .pytorch import to_torch

__all__ = ['to_jax', 'to_torch']

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
