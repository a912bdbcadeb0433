"""The marker ``gradients`` for pytest: a test runs over drawn functions and points, and fails with a program to paste.

pytest loads this wherever microgradnet is installed, so it imports nothing of it until a test has the marker. It is
no part of the package, as importing any part of that imports the engine.
"""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ['pytest_configure', 'pytest_pycollect_makeitem']

MARK = 'gradients'


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        'markers',
        f'{MARK}(*, engine=None, operations=None, steps=5, leaves=2, examples=None): run a test over drawn functions, '
        'of which it takes f, point, value and gradient (microgradnet.testing)',
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    """Put the test that draws in the place of one that has the marker, or takes what its class or module gives it."""
    if hasattr(obj, 'hypothesis') or not collector.istestfunction(obj, name):
        return None
    own = next((mark for mark in getattr(obj, 'pytestmark', []) if mark.name == MARK), None)
    mark = own or collector.get_closest_marker(MARK)
    if mark is None:
        return None
    from microgradnet._extras import needed

    try:
        drawn = needed('microgradnet.testing.drawn', f'the marker {MARK}')
        if not own and not drawn.offered(obj):
            return None
        test = drawn.drawn(obj, *mark.args, **mark.kwargs)  # by name: pytest would decorate a class that stands alone
    except (TypeError, ValueError, ModuleNotFoundError) as error:
        raise pytest.Collector.CollectError(f'{name}: {error}') from None
    setattr(collector.obj, name, test)
    return collector.ihook.pytest_pycollect_makeitem(collector=collector, name=name, obj=test)
