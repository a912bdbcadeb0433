"""What takes long says so, at a terminal, and takes its line away."""

from __future__ import annotations

import io
import sys
from threading import Event
from typing import Any

import pytest

from microgradnet import _progress
from microgradnet._progress import shown
from microgradnet.compiling import compile


class Terminal(io.StringIO):
    """What is written, with an event for the first of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        if '...' in self.getvalue():
            self.written.set()
        return count


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Stand a terminal in for standard error, and lose patience at once; in the test, for pytest has its own before."""
    found = Terminal()
    monkeypatch.setattr(sys, 'stderr', found)
    monkeypatch.setattr(_progress, 'PATIENCE', 0.0)
    return found


def test_what_takes_long_is_shown_and_its_line_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with shown('compiling f'), shown('and more'):
        assert terminal.written.wait(30)
    assert 'compiling f ...' in terminal.getvalue()
    assert 'and more' not in terminal.getvalue()
    assert not terminal.getvalue().splitlines()[-1].strip()


def test_a_function_that_is_slow_to_record_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    def slow(x: Any) -> Any:
        terminal.written.wait(30)
        return x * x

    assert compile(slow, backend='python')(3.0) == 9.0
    assert 'compiling slow, path 1 ...' in terminal.getvalue()


def test_what_is_quick_or_has_no_terminal_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Terminal()
    monkeypatch.setattr(sys, 'stderr', found)
    assert compile(lambda x: x * x, backend='python')(3.0) == 9.0
    monkeypatch.setattr(sys, 'stderr', no_terminal := io.StringIO())
    monkeypatch.setattr(_progress, 'PATIENCE', 0.0)
    with shown('compiling f'):
        pass
    assert not found.getvalue() and not no_terminal.getvalue()


def test_an_error_takes_the_line_away_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), shown('compiling f'):
        assert terminal.written.wait(30)
        _ = 1 / 0
    assert not terminal.getvalue().splitlines()[-1].strip()
