"""What the functions printed from the table stand on: Python's own, and how text becomes code.

>>> power(2.0, 0.5) == 2.0 ** 0.5
True
>>> define('def twice(a):\\n    return a + a\\n', {}, 'an example')(4)
8
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add, mul
from typing import Any, TypeAlias

from . import ieee

__all__ = ['KERNELS', 'define', 'kernel', 'power', 'total']

Function: TypeAlias = Callable[..., Any]


def power(a: Any, b: Any) -> Any:
    """Return ``a ** b``, as Python does, except that a complex result is a ValueError."""
    result = a**b
    if isinstance(result, complex):
        raise ValueError(f'math domain error: {a!r} ** {b!r} is not a real number')
    return result


def total(terms: Iterable[Any]) -> Any:
    """Add terms from left to right, as ``+`` does."""
    return reduce(add, terms, 0)


#: What printed cells call besides rows. Up to Python 3.11 the built-in sum adds as
#: ``total`` does, and faster; from 3.12 on it compensates, and differs from ``+``.
KERNELS = {
    'mul': mul,
    'total': sum if sys.version_info < (3, 12) else total,
    'largest': max,
    'inf': math.inf,
}


def define(source: str, space: dict[str, Any], title: str) -> Function:
    """Run the source of one function and return it; debuggers and ``inspect`` find the text."""
    filename = f'<microgradnet {title}>'
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    local: dict[str, Function] = {}
    exec(compile(source, filename, 'exec'), space, local)
    (function,) = local.values()
    return function


def kernel(name: str, arithmetic: str) -> Function:
    """Return Python's own function of a name, from ``math``; in IEEE arithmetic one that never raises."""
    if name == 'abs':
        return abs
    if not hasattr(math, name):
        raise ValueError(f'row {name}: a primitive needs a function of the same name in math')
    return ieee.kernel(name) if arithmetic == 'ieee' else getattr(math, name)
