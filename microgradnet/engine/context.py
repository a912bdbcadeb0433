"""Which arithmetic recording follows, whether it records, and who watches: context managers.

All hold for the current thread or task only.

>>> from microgradnet.engine.value import Value
>>> with ieee_arithmetic():
...     Value(0.0).log().data
-inf
>>> with no_grad():
...     y = Value(2.0) * 3.0
>>> y.data, y.inputs
(6.0, ())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .._processes import free_lock
from .table import operations

__all__ = ['comparisons', 'ieee_arithmetic', 'is_ieee', 'is_paused', 'no_grad', 'readings', 'watcher', 'watching']

_ieee: ContextVar[bool] = ContextVar('ieee', default=False)
_paused: ContextVar[bool] = ContextVar('paused', default=False)
_watcher: ContextVar[Callable[[Any], object] | None] = ContextVar('watcher', default=None)
#: What is called with every comparison of a Value: the relation, both sides, and whether it held;
#: it returns what the comparison shall say. It is set while a program is being recorded that must
#: know where it may branch.
comparisons: ContextVar[Callable[[str, Any, Any, bool], bool] | None] = ContextVar('comparisons', default=None)
#: What is told of every number of a node that is read from outside of the engine, if anything: an object
#: with ``read(node, name)`` and ``shown(node)``. See ``compiling.readings``.
readings: ContextVar[Any] = ContextVar('readings', default=None)
_lock = free_lock()

#: The globals of every generated method. Its ``paused`` counts the no_grad and watching
#: blocks entered anywhere in the process, so that a method need only look at one number
#: to know that the context need not be asked.
space: dict[str, Any] = operations.space
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
    try:
        with _slow_path():
            yield
    finally:
        _paused.reset(token)


@contextmanager
def watching(watch: Callable[[Any], object]) -> Iterator[None]:
    """Call ``watch`` with every node that an operation records here.

    >>> from microgradnet.engine.value import Value
    >>> with watching(lambda node: print(node.op.name)):
    ...     y = Value(2.0) * 3.0 + 1.0
    mul
    add
    """
    token = _watcher.set(watch)
    try:
        with _slow_path():
            yield
    finally:
        _watcher.reset(token)


@contextmanager
def _slow_path() -> Iterator[None]:
    """Make every method record through ``recorders.record``, which asks the context."""
    with _lock:
        space['paused'] += 1
    try:
        yield
    finally:
        with _lock:
            space['paused'] -= 1


def is_ieee() -> bool:
    """Tell whether recording follows IEEE arithmetic here."""
    return _ieee.get()


def is_paused() -> bool:
    """Tell whether recording is switched off here."""
    return _paused.get()


def watcher() -> Callable[[Any], object] | None:
    """Return what watches the recording here."""
    return _watcher.get()
