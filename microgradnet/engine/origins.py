"""Where in the user's source each node was recorded: kept only when asked for.

>>> from microgradnet.engine.value import Value
>>> x = Value(2.0)
>>> with tracing():
...     y = x * x + 1.0
>>> where = origin(y)
>>> where.line, where.expression
(2, 'x * x + 1.0')
>>> origin(y.inputs[0]).expression, origin(x)
('x * x', None)
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import CodeType
from typing import NamedTuple
from weakref import ref

from .context import watching
from .value import Value

__all__ = ['Origin', 'here', 'origin', 'tracing']

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: By identity: a WeakKeyDictionary compares, and a nan does not equal itself.
_origins: dict[int, tuple[ref[Value], Origin]] = {}


class Origin(NamedTuple):
    """A place in the user's source: the innermost one outside this package."""

    code: CodeType
    instruction: int
    line: int

    @property
    def file(self) -> str:
        return self.code.co_filename

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line."""
        return self.code.co_filename, self.line

    @property
    def function(self) -> str:
        """The name of the function, ``<module>`` outside of any."""
        return self.code.co_qualname

    @property
    def span(self) -> tuple[int | None, ...]:
        """The expression's first and last line, and the columns where it begins and ends, if they are known."""
        return next(islice(self.code.co_positions(), self.instruction // 2, None))

    @property
    def source(self) -> str:
        """The line, or nothing where the source cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def expression(self) -> str:
        """The very expression, as far as it is on one line; else the line."""
        first, last, start, end = self.span
        if first is None or first != last or start is None:
            return self.source
        text = linecache.getline(self.file, first).encode()
        return text[start:end].decode() or self.source

    def __str__(self) -> str:
        within = '' if self.function == '<module>' else f', in {self.function}'
        return f'{self.file}, line {self.line}{within}'


@contextmanager
def tracing() -> Iterator[None]:
    """Keep where each node is recorded, in this thread or task, for as long as the node lives.

    It makes recording some ten times slower; outside it costs nothing. Leaves, which no
    operation made, have no origin.
    """
    with watching(_keep):
        yield


def origin(node: Value) -> Origin | None:
    """Return where a node was recorded, None for one recorded outside ``tracing``."""
    kept = _origins.get(id(node))
    return kept and kept[1]


def here() -> Origin:
    """Return the place in the user's source that is running now."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return Origin(frame.f_code, frame.f_lasti, frame.f_lineno)


def _keep(node: Value) -> None:
    key = id(node)
    gone = ref(node, lambda _: _origins.pop(key, None))
    _origins[key] = gone, here()


def _is_ours(filename: str) -> bool:
    return filename.startswith((PACKAGE, '<microgradnet '))
