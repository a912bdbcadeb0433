"""How many examples there are of a test: those that Hypothesis tries, and those that are written down."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import Phase, settings

__all__ = ['UNSHRUNK', 'every', 'examples', 'for_each', 'share', 'spaced']

#: For programs that are short as they are; to make them shorter takes minutes of compiling.
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]


def examples(number: int, **more: Any) -> settings:
    """Return settings for a number of examples in the whole run, and its share of them in the quick one.

    >>> examples(50).max_examples in (50, 5)
    True
    """
    return settings(max_examples=share(number, least=5), **more)


def share(number: int, least: int = 1) -> int:
    """Return a number of turns or points of the whole run, and in the quick one a share of it.

    >>> share(50) in (50, 5)
    True
    """
    return min(number, max(least, number * settings.default.max_examples // 100))


def spaced(number: int, cases: Iterable[Any]) -> list[Any]:
    """Return the cases of a test that tries them all; in the quick run the first and every so many after it.

    >>> spaced(3, 'abcd') in (['a', 'b', 'c', 'd'], ['a', 'd'])
    True
    """
    return [*cases][:: number if settings.default.max_examples < 100 else 1]


def every(number: int, choices: Iterable[Any]) -> list[Any]:
    """Return the choices of a parameter, of which the quick run takes the first and every so many after it.

    >>> [len(choice.marks) for choice in every(3, 'abcd')]
    [0, 1, 1, 0]
    """
    parts = [c if hasattr(c, 'marks') else pytest.param(*(c if isinstance(c, tuple) else [c])) for c in choices]
    return [part._replace(marks=[*part.marks, *[pytest.mark.slow] * (k % number > 0)]) for k, part in enumerate(parts)]


def for_each(names: str | tuple[str, ...], cases: Iterable[Any], ids: Any = None) -> Callable[[Any], Any]:
    """Do as ``pytest.mark.parametrize``, in a single test: what pytest does around each costs more than a small one.

    All cases run. What fails says in which of them; if one skips, that is a failure, too.

    >>> @for_each('a, b', [(1, 1), (1, 2), (3, 4)], ids=['one', 'two', 'four'])
    ... def test(a, b):
    ...     assert a == b
    >>> test()
    Traceback (most recent call last):
      ...
    ExceptionGroup: 2 of 3 cases (2 sub-exceptions)
    """
    parameters = names.replace(' ', '').strip(',').split(',') if isinstance(names, str) else [*names]
    parts = [c if hasattr(c, 'marks') else pytest.param(*([c] if len(parameters) == 1 else c)) for c in cases]
    assert parts and {len(part.values) for part in parts} == {len(parameters)}, names
    assert not any(part.marks for part in parts), f'{names}: a case that has marks needs a test of its own'

    def said(place: int) -> str:
        if callable(ids):
            return ', '.join(str(ids(value)) for value in parts[place].values)
        named = parts[place].id or (ids and ids[place])
        return named or ', '.join(f'{name}={value!r}' for name, value in zip(parameters, parts[place].values))

    def decorated(test: Any) -> Any:
        @functools.wraps(test)
        def run(**others: Any) -> None:
            failed: list[BaseException] = []
            for place, part in enumerate(parts):
                try:
                    test(**dict(zip(parameters, part.values)), **others)
                except pytest.skip.Exception as skipped:
                    failed.append(AssertionError(f'skipped in the case {said(place)}: {skipped}'))
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f'in the case {said(place)}')
                    failed.append(error)
            if len(failed) == 1:
                raise failed[0]
            if failed:
                raise BaseExceptionGroup(f'{len(failed)} of {len(parts)} cases', failed)

        signature = inspect.signature(test)
        assert {*parameters} <= {*signature.parameters}, f'{test.__name__} does not take {names}'
        left = [parameter for name, parameter in signature.parameters.items() if name not in parameters]
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorated
