"""A line at a terminal for what takes longer than a second, gone when it is done.

>>> with shown('compiling f'):  # at once: nothing to see
...     pass
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Timer
from typing import Any

__all__ = ['shown']

#: After so many seconds a line is shown.
PATIENCE = 1.0
_inside: ContextVar[bool] = ContextVar('inside', default=False)


@contextmanager
def shown(what: str) -> Iterator[None]:
    """Say what is being done, if it takes longer than a second and standard error is a terminal.

    Of several inside of each other the outermost is shown.
    """
    if _inside.get() or not sys.stderr.isatty():
        yield
        return
    lines: list[Any] = []

    def show() -> None:
        from tqdm import tqdm

        lines.append(tqdm(total=0, desc=what, bar_format='{desc} ...', leave=False, file=sys.stderr))

    timer, token = Timer(PATIENCE, show), _inside.set(True)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        _inside.reset(token)
        timer.cancel()
        timer.join()  # it may be about to show
        for line in lines:
            line.close()
