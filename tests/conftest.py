"""Hypothesis without deadlines: machines that run the tests are shared, and slow at times. A cache of their own.

The quick run tries a tenth of the examples of the whole run, which is the one that asks for slow tests, or CI's,
and always the same: so their machine code is there already. The whole run tries other ones each time.
Processes take whole files, as far as that goes, so that what the tests of a file share is made once. The quick run
keeps machine code from run to run, under a hash of the text that LLVM is given: only what a change has changed is
compiled again.
What Python compiles is kept, even if the environment says not to: else every run would rewrite all asserts anew, and
each of the many processes that tests start would compile the package from its source.
Ctrl-C is heard, too: a shell that starts the tests in the background has it ignored.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import find, settings
from hypothesis import strategies as st

from tests.support import ROOT

#: A program for type checkers, which is not run.
collect_ignore = ['support/typed_program.py']
settings.register_profile('full', deadline=None)
settings.register_profile('quick', deadline=None, max_examples=10, derandomize=True)
sys._getframe().f_trace_opcodes = True  # Python 3.12 tells of single instructions only once somebody has asked for them
sys.dont_write_bytecode = False
os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def is_quick(config: pytest.Config) -> bool:
    return config.option.markexpr == 'not slow' and not os.environ.get('CI')


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples Hypothesis tries, before the tests are imported."""
    settings.load_profile('quick' if is_quick(config) else 'full')
    gc.disable()  # what is collected stays to the end: not garbage to look for


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take thousands of tests and all modules out of the collector's sight, which would walk them again and again.

    In the quick run it looks seldom, too: what tests hold is walked less often.
    """
    find(st.none(), lambda _: True)  # Hypothesis asks who holds its random numbers, and the frozen do not answer
    gc.enable()
    gc.collect()
    gc.freeze()
    if is_quick(session.config):
        gc.set_threshold(5_000, 20, 20)  # compiling asks what is frozen where it is more than twice that


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give files to processes, if these are pytest-xdist's and nothing else is asked for.

    In the whole run, where some files take minutes, a process that has done its own takes tests of another's.
    """
    if config.option.dist != 'load':
        return None
    from xdist.scheduler import LoadFileScheduling, WorkStealingScheduling

    return LoadFileScheduling(config, log) if is_quick(config) else WorkStealingScheduling(config, log)


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let a process of pytest-xdist tell only what is news: of most tests, six messages cost more than they do."""
    if not hasattr(item.config, 'workerinput'):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == 'call' or not report.passed or report.duration > 0.005:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    """A browser, which Playwright drives."""
    from tests.support.browsers import opened

    with opened() as browser:
        yield browser


def kept_code(config: pytest.Config) -> Path:
    """Return the folder of machine code that quick runs share, another one for other passes of LLVM."""
    passes = (ROOT / 'microgradnet' / 'compiling' / 'run' / 'machine.py').read_bytes()
    folder = config.cache.mkdir(f'machine code {sha256(passes).hexdigest()[:16]}')
    folder.chmod(0o700)  # a folder that others may write is not used
    return folder


@pytest.fixture(autouse=True, scope='session')
def _cache_of_our_own(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep machine code that tests compile out of the user's cache; processes that tests start inherit it."""
    is_kept = is_quick(pytestconfig) and hasattr(pytestconfig, 'cache')  # which pytest can be told to do without
    folder = kept_code(pytestconfig) if is_kept else tmp_path_factory.mktemp('machine code')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MICROGRADNET_CACHE', str(folder))
        yield
