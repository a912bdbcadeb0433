"""Which arithmetic recording follows, and whether it records: two context managers.

Both hold for the current thread or task only.

>>> from microgradnet.value import Value
>>> with ieee_arithmetic():
...     Value(0.0).log().data
-inf
>>> with no_grad():
...     y = Value(2.0) * 3.0
>>> y.data, y.inputs
(6.0, ())
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from .operations import operations

__all__ = ['ieee_arithmetic', 'is_ieee', 'is_paused', 'no_grad']

_ieee: ContextVar[bool] = ContextVar('ieee', default=False)
_paused: ContextVar[bool] = ContextVar('paused', default=False)
_lock = Lock()

#: The globals of every generated method. Its ``paused`` counts the no_grad blocks
#: entered anywhere in the process, so that a method need only look at one number
#: to know that the context need not be asked.
space: dict[str, Any] = operations.namespaces['python']
space['paused'] = 0


@contextmanager
def ieee_arithmetic() -> Iterator[None]:
    """Record without raising: a pole is an infinity, an undefined result is nan."""
    token = _ieee.set(True)
    try:
        yield
    finally:
        _ieee.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: every result is a fresh leaf."""
    token = _paused.set(True)
    with _lock:
        space['paused'] += 1
    try:
        yield
    finally:
        with _lock:
            space['paused'] -= 1
        _paused.reset(token)


def is_ieee() -> bool:
    """Tell whether recording follows IEEE arithmetic here."""
    return _ieee.get()


def is_paused() -> bool:
    """Tell whether recording is switched off here."""
    return _paused.get()
