"""How many examples there are of a test: those that Hypothesis tries, and those that are written down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import Phase, settings

__all__ = ['UNSHRUNK', 'every', 'examples']

#: For programs that are short as they are; to make them shorter takes minutes of compiling.
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]


def examples(number: int, **more: Any) -> settings:
    """Return settings for a number of examples in the whole run, and its share of them in the quick one.

    >>> examples(50).max_examples in (50, 8)
    True
    """
    return settings(max_examples=max(5, number * settings.default.max_examples // 100), **more)


def every(number: int, choices: Iterable[Any]) -> list[Any]:
    """Return the choices of a parameter, of which the quick run takes the first and every so many after it.

    >>> [len(choice.marks) for choice in every(3, 'abcd')]
    [0, 1, 1, 0]
    """
    parts = [c if hasattr(c, 'marks') else pytest.param(*(c if isinstance(c, tuple) else [c])) for c in choices]
    return [part._replace(marks=[*part.marks, *[pytest.mark.slow] * (k % number > 0)]) for k, part in enumerate(parts)]
