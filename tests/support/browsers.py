"""Chromium, found and opened in one place, and what it is shown; the fixture ``chromium`` is one for a file of tests.

No longer than that: a thread in which Playwright drives a browser has a loop of asyncio that runs, and none for others.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from microgradnet.derivation.sheet import BROWSERS

__all__ = ['CHROMIUM', 'needs_chromium', 'opened', 'served']

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on the PATH to show the page in')


@contextmanager
def opened() -> Iterator[Any]:
    """Open the browser, for Playwright to drive; where there is not both, a test skips."""
    driver = pytest.importorskip('playwright.sync_api', reason='Playwright drives the browser: pip install playwright')
    if CHROMIUM is None:
        pytest.skip('no Chromium on the PATH to show the page in')
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        try:
            yield browser
        finally:
            browser.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of what is asked for."""

    def do_GET(self) -> None:
        """Answer; there is no sign of the site, which Chromium asks of every one."""
        if self.path == '/favicon.ico':
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder on this machine, at the address that is yielded."""
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
