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
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from .fast import slow_path

__all__ = [
    'asked', 'choices', 'choosing', 'comparisons', 'holding', 'ieee_arithmetic', 'is_ieee', 'is_paused', 'no_grad',
    'one_loop', 'readings', 'resumed', 'watcher', 'watching',
]  # fmt: skip

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
#: How many derivatives are about to be taken of what is recorded, as far as transforms have said so.
asked: ContextVar[int] = ContextVar('asked', default=0)
#: What records a ``while_loop`` as one loop, while a program is being recorded: a function of the condition, the
#: body, the state and the limit. See ``compiling.while_loop``.
one_loop: ContextVar[Callable[..., Any] | None] = ContextVar('one_loop', default=None)
#: The branches of ``where`` that are being recorded: for each the condition, and which branch it is.
choices: ContextVar[tuple[tuple[Any, bool], ...]] = ContextVar('choices', default=())


class holding:  # a class, as a generator takes three times as long
    """Have a variable hold something meanwhile, in this thread or task."""

    __slots__ = 'token', 'value', 'variable'

    def __init__(self, variable: ContextVar[Any], value: Any) -> None:
        self.variable, self.value = variable, value

    def __enter__(self) -> None:
        self.token = self.variable.set(self.value)

    def __exit__(self, *exception: object) -> None:
        self.variable.reset(self.token)


def ieee_arithmetic() -> AbstractContextManager[None]:
    """Record without raising: a pole is an infinity, an undefined result is nan."""
    return holding(_ieee, True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: every result is a fresh leaf."""
    with holding(_paused, True), slow_path():
        yield


def resumed() -> AbstractContextManager[None]:
    """Record even within ``no_grad``: a derivative that is asked for there is of what it records itself."""
    return holding(_paused, False)


def choosing(condition: Any, side: bool) -> AbstractContextManager[None]:
    """Record one branch of a ``where``: a loop in it must not run for numbers that the other one is for."""
    return holding(choices, (*choices.get(), (condition, side)))


@contextmanager
def watching(watch: Callable[[Any], object]) -> Iterator[None]:
    """Call ``watch`` with every node that an operation records here.

    >>> from microgradnet.engine.value import Value
    >>> with watching(lambda node: print(node.op.name)):
    ...     y = Value(2.0) * 3.0 + 1.0
    mul
    add
    """
    with holding(_watcher, watch), slow_path():
        yield


def is_ieee() -> bool:
    """Tell whether recording follows IEEE arithmetic here."""
    return _ieee.get()


def is_paused() -> bool:
    """Tell whether recording is switched off here."""
    return _paused.get()


def watcher() -> Callable[[Any], object] | None:
    """Return what watches the recording here."""
    return _watcher.get()
