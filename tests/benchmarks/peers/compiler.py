"""The machine's C compiler: a source in, a loaded library out."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from ctypes import CDLL, c_double, c_int, c_void_p
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from .tasks import Missing

__all__ = ['DESCENT', 'FLAGS', 'ON_ROWS', 'build', 'version']

FLAGS = ('-O3', '-march=native')
#: What the functions in C take: weights, rows and their number, and what goes out or how far it goes.
ON_ROWS = (c_void_p, c_void_p, c_int, c_void_p)
DESCENT = (c_void_p, c_void_p, c_int, c_double, c_int)

_number = count()


def build(source: str, *flags: str) -> CDLL:
    """Compile and load; raise Missing where there is no compiler."""
    place = folder() / f'{next(_number)}.c'
    place.write_text(source)
    library = place.with_suffix('.so')
    command = [compiler(), *FLAGS, *flags, '-shared', '-fPIC', str(place), '-o', str(library), '-lm']
    subprocess.run(command, check=True)
    return CDLL(str(library))


def version() -> str:
    """Name the compiler, as it does itself."""
    answer = subprocess.run([compiler(), '--version'], check=True, capture_output=True, text=True)
    return answer.stdout.partition('\n')[0]


def compiler() -> str:
    found = shutil.which(os.environ.get('CC', 'gcc')) or shutil.which('cc')
    if not found:
        raise Missing('there is no C compiler')
    return found


@cache
def folder() -> Path:
    place = TemporaryDirectory()
    atexit.register(place.cleanup)
    return Path(place.name)
