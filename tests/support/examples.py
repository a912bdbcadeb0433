"""How many examples Hypothesis tries for a test."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, settings

__all__ = ['UNSHRUNK', 'examples']

#: For programs that are short as they are; to make them shorter takes minutes of compiling.
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]


def examples(number: int, **more: Any) -> settings:
    """Return settings for a number of examples in the whole run, and its share of them in the quick one.

    >>> examples(50).max_examples in (50, 12)
    True
    """
    return settings(max_examples=max(5, number * settings.default.max_examples // 100), **more)
