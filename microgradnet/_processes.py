"""What forks and interrupts must not tear: locks, cached properties, calls that leave others waiting.

A forked child has one thread, the one that forked; what any other held at that moment, it holds for ever.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, current_thread, main_thread
from typing import TYPE_CHECKING, Any

__all__ = ['at_fork', 'cached_property', 'free_lock', 'here', 'leave_interrupts_to', 'uncollected', 'uninterrupted']

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:

    class cached_property(functools.cached_property):
        """As in Python 3.12: without the lock that all objects of a class share, and a child could find held."""

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            kept = instance.__dict__
            if self.attrname not in kept:
                kept[self.attrname] = self.func(instance)
            return kept[self.attrname]


def at_fork(**hooks: Callable[[], object]) -> None:
    """Have functions called around each fork, as ``os.register_at_fork``, where there is such a thing."""
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(**hooks)


def free_lock() -> RLock:
    """Return a lock that is free in a forked child, whoever held it; who has it can take it again.

    >>> lock = free_lock()
    >>> with lock, lock:
    ...     print('taken twice')
    taken twice
    """
    lock = RLock()
    at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]
    return lock


#: So many new objects are looked through in less time than it takes to ask whether somebody has frozen a million.
FEW = 10_000


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector: where much is made that stays, it would look through all of it over and over.

    What was made is old at once if it is much: else it would be looked through thrice to become that.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Nobody else's are made to thaw; asking that counts them one by one.
        if hasattr(gc, 'freeze') and gc.get_count()[0] > FEW and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def here(function: Callable[..., object], *args: Any, **options: Any) -> Callable[[], None]:
    """Return a function that calls another one, but in this process only, and not in what is forked from it.

    >>> here(print, 'the last one to leave', end='.')()
    the last one to leave.
    """
    process = os.getpid()

    def call() -> None:
        if os.getpid() == process:
            function(*args, **options)

    return call


#: What is done at Ctrl-C, while that is put off.
_usual: Any = None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off until the block is over.

    For calls that hold other threads' locks, or leave their work half given: interrupted there, the others wait
    for ever.
    """
    global _usual
    handler = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(handler):
        yield
        return
    came: list[Any] = []
    _usual = handler
    signal.signal(signal.SIGINT, lambda *what: came.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        _usual = None
        if came:
            handler(*came[0])


def leave_interrupts_to(process: int) -> None:
    """Ignore Ctrl-C from now on, if this is a process that was made by ``multiprocessing`` to work for another one.

    It reaches all processes of a terminal. A worker that it interrupts while it takes the lock of a pool's queue
    keeps that lock, and all others wait for it for ever.
    """
    from multiprocessing import parent_process

    if os.getpid() != process and parent_process() is not None and current_thread() is main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt_as_usual() -> None:
    if _usual is not None:
        signal.signal(signal.SIGINT, _usual)


at_fork(after_in_child=_interrupt_as_usual)
