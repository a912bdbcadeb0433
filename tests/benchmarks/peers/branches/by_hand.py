"""C by hand: the limit, called once for all rows."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_double, c_int, c_long, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from ..by_hand import VARIANTS
from ..compiler import build
from ..tasks import Array, Entry, repeat
from .tasks import Harvest, Loop, Walks

__all__ = ['harvest', 'heun', 'heun_gradient', 'newton', 'newton_gradient', 'walks']

SOURCE = (Path(__file__).resolve().parent / 'branches.c').read_text()


def entries(name: str, rows: Array, width: int, *more: Any) -> Iterator[Entry]:
    """Yield the entries of a function from rows to so many numbers each."""
    for engine, flags in VARIANTS:
        function, result = getattr(build(SOURCE, *flags), name), np.zeros((len(rows), width))
        given = c_void_p(rows.ctypes.data), c_void_p(result.ctypes.data), c_long(len(rows)), *more

        def work(function: Any = function, given: Any = given, result: Array = result) -> Array:
            function(*given)
            return result if width > 1 else result[:, 0]

        yield Entry(engine, repeat(work))


def walks(task: Walks) -> Iterator[Entry]:
    more = c_long(task.steps), c_int(task.knocks_out), c_double(task.barrier), c_double(task.sigma)
    return entries('walks', task.rows, 1, *more)


def harvest(task: Harvest) -> Iterator[Entry]:
    return entries('harvest', task.thetas, 6, c_long(task.steps), c_double(task.h), c_double(task.limit))


def newton(task: Loop) -> Iterator[Entry]:
    return entries('newton', task.numbers, 1)


def newton_gradient(task: Loop) -> Iterator[Entry]:
    return entries('newton_gradient', task.numbers, 1)


def heun(task: Loop) -> Iterator[Entry]:
    return entries('heun', task.numbers, 1)


def heun_gradient(task: Loop) -> Iterator[Entry]:
    return entries('heun_gradient', task.numbers, 1)
