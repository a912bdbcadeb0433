"""What tests of programs ask for."""

from __future__ import annotations

import pytest

from microgradnet.compiling import ways


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every ``if`` a branch, also where both its sides could be joined, so that there are paths to be tried."""
    monkeypatch.setattr(ways, 'LOOKS', 0)
