"""Hypothesis without deadlines: machines that run the tests are shared, and slow at times. A cache of their own.

Ctrl-C is heard, too: a shell that starts the tests in the background has it ignored.
"""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile('microgradnet', deadline=None)
settings.load_profile('microgradnet')
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope='session')
def _cache_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep machine code that tests compile out of the user's cache; processes that tests start inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MICROGRADNET_CACHE', str(tmp_path_factory.mktemp('machine code')))
        yield
