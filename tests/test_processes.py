"""What is done around calls that make much, and nothing of the caller's is changed by it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from microgradnet import Value, compile
from microgradnet._processes import FEW, uncollected

pytestmark = pytest.mark.skipif(not hasattr(gc, 'freeze') or sys.version_info >= (3, 14), reason='no such generations')


@pytest.fixture
def nothing_is_frozen() -> Iterator[None]:
    """Thaw what the tests themselves froze, and freeze it again."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_what_is_made_while_nothing_is_collected_is_old_at_once(nothing_is_frozen: None) -> None:
    with uncollected():
        made: list[object] = [[] for _ in range(2 * FEW)]
        assert not gc.isenabled()
    assert gc.isenabled() and not gc.get_freeze_count()
    assert any(other is made for other in gc.get_objects(generation=2))


def test_what_somebody_froze_stays_frozen(nothing_is_frozen: None) -> None:
    """One thing of it: of all, some may be freed meanwhile, which needs no collector."""
    frozen: list[object] = []
    gc.freeze()
    with uncollected():
        made = [[] for _ in range(2 * FEW)]
    assert made and not any(other is frozen for other in gc.get_objects())


def test_where_little_is_made_nobody_counts_what_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """For that takes as long as much is frozen, by a server or these tests, and compiling something small does not."""
    asked: list[object] = []
    monkeypatch.setattr(gc, 'get_freeze_count', lambda: asked.append(None) or 1)
    for _ in range(2):  # the first imports the compiler, which is much
        asked.clear()
        gc.collect(0)
        compile(Value(1.0) * 2.0)([])
    assert not asked
    gc.collect(0)
    with uncollected():
        made = [[] for _ in range(2 * FEW)]
    assert asked and made
