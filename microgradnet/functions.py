"""The operations as functions, ``sin`` to ``logsumexp``: on floats, Values, and arrays of either.

The public face of ``engine.functions``.

>>> from microgradnet.functions import sin
>>> sin(0.0)
0.0
"""

from typing import Any

from .engine import functions as _functions
from .engine.functions import *  # noqa: F403

__all__ = _functions.__all__


def __getattr__(name: str) -> Any:
    return getattr(_functions, name)
