"""What code prints in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support import ROOT

__all__ = ['printed', 'printed_whatever_hashes']


def printed(*arguments: str, **environment: str) -> str:
    """Return what Python prints, run at the root with some arguments."""
    command, known = [sys.executable, *arguments], {**os.environ, 'PYTHONPATH': str(ROOT), **environment}
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=True).stdout


def printed_whatever_hashes(code: str) -> str:
    """Return what code prints; it must be the same in processes that hash strings differently."""
    one, other = (printed('-c', code, PYTHONHASHSEED=seed) for seed in '12')
    assert one == other
    return one
