"""The backends of compiled programs, as parameters of tests, and how far apart numbers are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ['ARRAYS', 'BACKENDS', 'NATIVE', 'apart', 'bits']

NATIVE = pytest.mark.skipif(
    not (find_spec('numpy') and find_spec('llvmlite')), reason='llvmlite is not installed'
)
NUMPY = pytest.mark.skipif(not find_spec('numpy'), reason='NumPy is not installed')
#: Those that take and give arrays.
ARRAYS = [pytest.param('numpy', marks=NUMPY), pytest.param('native', marks=NATIVE)]
BACKENDS = ['python', *ARRAYS]


def bits(numbers: Any) -> Any:
    """Return numbers, nested as they are, so that they are equal if they print the same: nan and -0.0, too."""
    if isinstance(numbers, dict):
        return {key: bits(part) for key, part in numbers.items()}
    return [*map(bits, numbers)] if isinstance(numbers, Iterable) else repr(float(numbers))


def apart(a: float, b: float) -> float:
    """Return how many units in the last place a number is off another; 0 from nan to nan."""
    if a == b or (a != a and b != b):
        return 0.0
    return abs(a - b) / math.ulp(b) if math.isfinite(a) and math.isfinite(b) else math.inf
