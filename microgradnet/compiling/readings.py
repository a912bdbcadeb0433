"""Readings: what a function that is being recorded reads of numbers that a replay would not read again.

``x * w.data`` has the number of now in it, for ever. So while a function is recorded,
``Value.data``, ``grad`` and ``partials`` are properties that tell who reads them; before and
after they are slots again, and cost what slots cost. The engine reads the same slots by
other names (``_data``), and is not noticed.

>>> x, w = Value(2.0), Value(3.0)
>>> with installed(), Readings('f', [x]):
...     y = x * w
...     three = Value(3.0).data  # that of a Value made in here is the same at every replay
...     y.data  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
microgradnet.compiling.readings.ReadingError: f cannot be replayed: it reads .data of something computed ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Token
from math import inf
from typing import Any, NoReturn

from .._processes import at_fork, free_lock
from ..engine.context import readings
from ..engine.numbers import Number
from ..engine.origins import here
from ..engine.value import Constant, Value

__all__ = ['ReadingError', 'Readings', 'installed']

_SLOTS = {name: Value.__dict__[name] for name in ('data', 'grad', 'partials')}
#: So often the slots are put back. From Python 3.13 on a class that has been changed a thousand times is
#: never again looked up fast; from then on it is better that readers pay.
OFTEN = 400 if sys.version_info >= (3, 13) else inf


class ReadingError(ValueError):
    """A function that is recorded for compiling reads a number that may change."""


class NoNumber:
    """What the text of a Value shows when it is recorded again.

    >>> f'{NoNumber():.2f}', str(NoNumber())
    ('?', '?')
    """

    def __repr__(self) -> str:
        return '?'

    def __format__(self, spec: str) -> str:
        return '?'


class Readings:
    """Notices, in its ``with`` block, what is read of arguments, of Values from outside, and of what depends on them.

    Text is for people, and no matter, unless it comes back as a number: when the same function is recorded ``again``,
    it shows none, so that whoever takes it for one fails.
    """

    def __init__(self, name: str, arguments: Sequence[Value], again: bool = False) -> None:
        self.name, self.again = name, again
        self.arguments = frozenset(arguments)
        self.steady: set[Value] = set()
        self.refusal: ReadingError | None = None
        #: Who is asked before the text of a node is shown, and may raise.
        self.told: Callable[[Value], object] | None = None

    def __enter__(self) -> Readings:
        self._token: Token[Any] = readings.set(self)
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        readings.reset(self._token)
        if self.refusal and (kind is None or issubclass(kind, Exception)) and kind is not ReadingError:
            raise self.refusal  # the function went on as if nothing had been

    def read(self, node: Value, name: str) -> None:
        """Refuse that a number of a node is read, if it may be another one when the function is called again."""
        source = self._source(node)
        if source is None:
            return
        what = 'an argument' if source in self.arguments else f'a Value from outside, {_named(source)}'
        what = what if source is node else f'something computed from {what}'
        if name == 'grad' or name == 'partials':
            instead = 'it leaves the graph, as .data does; grad(), value_and_grad() and jacobian() stay in it'
        elif source in self.arguments:
            instead = 'compute with the Value itself; a comparison is a branch, and recorded; where() and max() choose'
        else:
            instead = 'use the Value itself, which is read anew at each call, or pass it as an argument'
        way = name if name.endswith(')') else f'.{name}'
        self._refuse(f'reads {way} of {what}', f'A replay would go on with the number of now: {instead}')

    def write(self, node: Value) -> None:
        """Refuse that a Value is changed that was there before; remember one that is new."""
        if node in self.steady:
            return
        self._refuse(
            f'sets .data of {_named(node)}, which was not made in it',
            'A replay would not set it: return the number, and set it outside',
        )

    def made(self, node: Value) -> None:
        """Take note of a node that was made in here: as a leaf it is the same at every call."""
        self.steady.add(node)

    def shown(self, node: Value) -> Number | NoNumber:
        """Return what the text of a node shows: its number, unless that is another one at the next call."""
        if self.told:
            self.told(node)
        return NoNumber() if self.again and self._source(node) is not None else node._data

    def _source(self, node: Value) -> Value | None:
        """Return an argument that a node depends on, else a leaf from outside, or None where there is neither."""
        found: Value | None = None
        seen: set[Value] = set()
        stack = [node]
        while stack:
            other = stack.pop()
            if other in self.arguments:
                return other
            if other in seen or isinstance(other, Constant):
                continue
            seen.add(other)
            if other.op is not None:
                stack += other.inputs
            elif other not in self.steady:
                found = found or other
        return found

    def _refuse(self, what: str, why: str) -> NoReturn:
        line = here()
        self.refusal = ReadingError(f'{self.name} cannot be replayed: it {what}, at {line}: {line.source}. {why}')
        raise self.refusal


def _named(node: Value) -> str:
    return f'Value({node._data}' + (f', label={node.label!r})' if node.label else ')')


def _property(name: str) -> property:
    get, put = _SLOTS[name].__get__, _SLOTS[name].__set__

    def read(node: Value) -> Any:
        watch = readings.get()
        if watch is not None:
            watch.read(node, name)
        return get(node)

    def write(node: Value, number: Any) -> None:
        watch = readings.get()
        if watch is not None:
            try:
                get(node)
            except AttributeError:  # it has none yet
                watch.made(node)
            else:
                watch.write(node)
        put(node, number)

    return property(read, write if name == 'data' else put)


_PROPERTIES = {name: _property(name) for name in _SLOTS}
_lock, _inside, _times = free_lock(), 0, 0


@contextmanager
def installed() -> Iterator[None]:
    """Have reading noticed where there are ``Readings``; other threads meanwhile read a little slower, and the same."""
    global _inside, _times
    with _lock:
        if not _inside and _times < OFTEN:
            _times += 1
            _put(_PROPERTIES)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _times < OFTEN:
                _put(_SLOTS)


def _put(attributes: dict[str, Any]) -> None:
    for name, attribute in attributes.items():
        setattr(Value, name, attribute)


def _forked() -> None:
    """In a new process nobody but the thread that forked records, whatever others did."""
    global _inside
    if readings.get() is None:
        _inside = 0
        if _times < OFTEN:
            _put(_SLOTS)


at_fork(after_in_child=_forked)
