"""The cache of machine code on disk: ours alone, bounded, swept, and nowhere where there is no home."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microgradnet.compiling.run import code_cache
from microgradnet.compiling.run.code_cache import cache_folder, keep, kept
from tests.support import ROOT

posix = pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='who owns a file is asked on POSIX')
KEYS = [f'{k:064x}' for k in range(40)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / 'cache' / 'of code'
    monkeypatch.setenv('MICROGRADNET_CACHE', str(place))
    monkeypatch.setattr(code_cache, '_told', set())
    keep(KEYS[0], b'code')
    assert kept(KEYS[0]) == b'code'
    return place


def test_what_is_kept_is_found_and_no_damage_or_other_name_is_believed(folder: Path) -> None:
    place = folder / f'{KEYS[0]}.o'
    data = place.read_bytes()
    place.rename(folder / f'{KEYS[1]}.o')
    assert (kept(KEYS[0]), kept(KEYS[1])) == (None, None)
    for damaged in (b'', data[:10], data[:-1], data + b'0', bytes([data[0] ^ 1]) + data[1:]):
        place.write_bytes(damaged)
        assert kept(KEYS[0]) is None
    keep(KEYS[0], b'other')
    assert kept(KEYS[0]) == b'other'


# Ours alone.


@posix
@pytest.mark.parametrize('umask', [0, 0o002, 0o022, 0o077])
def test_what_is_made_is_ours_whatever_the_umask(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder.joinpath(f'{KEYS[0]}.o').unlink()
        folder.rmdir()
        keep(KEYS[0], b'code')
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.joinpath(f'{KEYS[0]}.o').stat().st_mode & 0o777 == 0o600
    assert kept(KEYS[0]) == b'code'


@posix
@pytest.mark.parametrize('mode', [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_not_used(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match=r'of code is not used .*: others may write it \(mode .*chmod go-w'):
        assert kept(KEYS[0]) is None
    keep(KEYS[1], b'code')  # and nothing is written; it was said once
    assert [*folder.iterdir()] == [folder / f'{KEYS[0]}.o']
    folder.chmod(0o755)
    assert kept(KEYS[0]) == b'code'


@posix
@pytest.mark.parametrize('mode', [0o620, 0o602, 0o666])
def test_an_entry_that_others_may_write_is_not_used(folder: Path, mode: int) -> None:
    folder.joinpath(f'{KEYS[0]}.o').chmod(mode)
    with pytest.warns(RuntimeWarning, match=r'\.o is not used as a cache .*: others may write it'):
        assert kept(KEYS[0]) is None
    keep(KEYS[0], b'ours')
    assert kept(KEYS[0]) == b'ours'


@posix
def test_what_another_user_owns_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, 'geteuid', lambda: me + 1)
    with pytest.warns(RuntimeWarning, match=rf'user {me} owns it, and this is user {me + 1}'):
        assert kept(KEYS[0]) is None
    keep(KEYS[1], b'code')
    assert [*folder.iterdir()] == [folder / f'{KEYS[0]}.o']


@posix
@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() != 0, reason='only root can give files away')
def test_an_entry_that_another_user_planted_is_not_used(folder: Path) -> None:
    os.chown(folder / f'{KEYS[0]}.o', 65534, 65534)
    with pytest.warns(RuntimeWarning, match='user 65534 owns it'):
        assert kept(KEYS[0]) is None
    keep(KEYS[0], b'ours')
    assert kept(KEYS[0]) == b'ours'


@posix
@pytest.mark.parametrize('kind', ['link', 'pipe', 'folder'])
def test_links_pipes_and_folders_are_no_entries(folder: Path, kind: str) -> None:
    place = folder / f'{KEYS[0]}.o'
    elsewhere = place.rename(folder.parent / 'elsewhere')
    {'link': lambda: place.symlink_to(elsewhere), 'pipe': lambda: os.mkfifo(place), 'folder': place.mkdir}[kind]()
    assert kept(KEYS[0]) is None  # and no pipe is waited for
    keep(KEYS[0], b'ours')
    assert kept(KEYS[0]) == (None if kind == 'folder' else b'ours')
    assert elsewhere.read_bytes().endswith(b'code')


# Bounded.


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MICROGRADNET_CACHE_SIZE', '1')
    monkeypatch.setattr(code_cache, '_written', {})
    for age, key in enumerate(KEYS[:20]):
        keep(key, bytes(40_000))
        os.utime(folder / f'{key}.o', (time.time() - 1000 + age,) * 2)
    folder.joinpath('mine.txt').write_text('not of the cache')
    assert kept(KEYS[0])  # used now
    for key in KEYS[20:30]:
        keep(key, bytes(40_000))
    found = {path.name for path in folder.glob('*.o')}
    assert sum(path.stat().st_size for path in folder.glob('*.o')) <= 1_000_000
    assert {f'{key}.o' for key in (KEYS[0], *KEYS[10:30])} <= found
    assert not {f'{key}.o' for key in KEYS[1:5]} & found
    assert folder.joinpath('mine.txt').exists()


def test_many_small_entries_are_bounded_too_and_the_folder_is_seldom_looked_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    sweep = code_cache._sweep
    monkeypatch.setattr(code_cache, '_sweep', lambda *a: looked.append(a) or sweep(*a))
    monkeypatch.setattr(code_cache, '_written', {})
    monkeypatch.setenv('MICROGRADNET_CACHE_SIZE', '1')
    for k in range(300):
        keep(f'{k:064x}', bytes(10_000))
        assert sum(path.stat().st_size for path in folder.glob('*.o')) <= 1_000_000 + 10_100
    assert 30 < len(looked) < 60


def test_the_default_is_as_documented() -> None:
    assert (code_cache.MEGABYTES, code_cache._most()) == (256, 256_000_000)
    page = (ROOT / 'docs' / 'how-to' / 'compile.md').read_text()
    assert f'{code_cache.MEGABYTES} megabytes' in page
    assert 'MICROGRADNET_CACHE=' in page


@pytest.mark.parametrize('size', ['lots', '-1', '1.5', 'ten'])
def test_a_size_that_is_none_is_refused(folder: Path, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MICROGRADNET_CACHE_SIZE', size)
    with pytest.raises(ValueError, match=f"MICROGRADNET_CACHE_SIZE must be a whole number of megabytes, not '{size}'"):
        kept(KEYS[0])


def test_switched_off_nothing_is_read_or_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MICROGRADNET_CACHE_SIZE', '0')
    keep(KEYS[1], b'code')
    assert kept(KEYS[0]) is None
    monkeypatch.delenv('MICROGRADNET_CACHE_SIZE')
    monkeypatch.setenv('MICROGRADNET_CACHE', '')
    keep(KEYS[1], b'code')
    assert kept(KEYS[0]) is None
    assert [*folder.iterdir()] == [folder / f'{KEYS[0]}.o']


def test_drafts_of_writers_that_were_killed_are_swept(folder: Path) -> None:
    draft = folder / f'.microgradnet-{1:016x}.draft'
    draft.write_bytes(b'half')
    keep(KEYS[1], b'code')
    assert sorted(path.name for path in folder.iterdir()) == [f'{KEYS[0]}.o', f'{KEYS[1]}.o']


# Where it is.


def test_a_relative_folder_of_caches_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('MICROGRADNET_CACHE')
    monkeypatch.setattr(sys, 'platform', 'linux')
    monkeypatch.setenv('HOME', str(tmp_path))
    for relative in ('cache', './cache', '../cache', ''):
        monkeypatch.setenv('XDG_CACHE_HOME', relative)
        assert cache_folder() == tmp_path / '.cache' / 'microgradnet'
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'elsewhere'))
    assert cache_folder() == tmp_path / 'elsewhere' / 'microgradnet'


NO_HOME = """
import os, pwd
def nobody(uid):
    raise KeyError(f'getpwuid(): uid not found: {uid}')
pwd.getpwuid = nobody
os.environ.pop('HOME', None)
from microgradnet.compiling.run.code_cache import cache_folder, keep, kept
assert cache_folder() is None
keep('0' * 64, b'code')
assert kept('0' * 64) is None
os.environ['HOME'] = 'relative'
assert cache_folder() is None
print('done')
"""


@posix
def test_where_there_is_no_home_nothing_is_kept(tmp_path: Path) -> None:
    """As in a container, whose user has no entry among the users."""
    names = ('MICROGRADNET_CACHE', 'XDG_CACHE_HOME')
    env = {name: value for name, value in os.environ.items() if name not in names}
    env['PYTHONPATH'] = str(ROOT)
    done = subprocess.run([sys.executable, '-c', NO_HOME], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout, [*tmp_path.iterdir()]) == ('done\n', []), done.stderr


#: Compiles a derivative of a function that folds, calls it until its short way is open, and says what was kept already.
DERIVATIVE = """
from microgradnet import compile, value_and_grad
from microgradnet.compiling.run import machine
made, build = [], machine.Machine.__init__
def noted(self, *given, **options):
    build(self, *given, **options)
    made.append(self.from_cache)
machine.Machine.__init__ = noted
def f(x):
    for _ in range(300):
        x = [x[0] + 0.01 * x[1] * x[2], x[1] - 0.01 * x[0].sin(), x[2] / (1 + 0.001 * x[0] * x[0])]
    return x[0] * x[1]
g = compile(value_and_grad(f), backend='native')
print([g([0.5, 0.25, 2.0]) for _ in range(20)][-1], made)
"""


@pytest.mark.slow
@posix
def test_the_next_process_finds_the_code_of_compiled_derivatives(tmp_path: Path) -> None:
    pytest.importorskip('llvmlite')
    from microgradnet.compiling.run import quick

    said = []
    for seed in '1', '2':  # sets and dicts of another order
        env = {**os.environ, 'MICROGRADNET_CACHE': str(tmp_path / 'cache'), 'PYTHONHASHSEED': seed}
        done = subprocess.run(
            [sys.executable, '-c', DERIVATIVE], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        said.append(done.stdout)
    made = 1 + quick.is_supported()  # the program, and the way into it
    assert said[0].endswith(f'{[False] * made}\n')
    assert said[1] == said[0].replace(f'{[False] * made}', f'{[True] * made}')


@posix
def test_code_that_another_user_planted_does_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('llvmlite')
    from microgradnet.compiling.run.machine import Machine

    text = 'define double @answer() {{\n  ret double 0x{}000000000000\n}}\n'
    wrong, right = Machine(text.format('4046'), []), Machine(text.format('4045'), [])
    planted = kept(wrong.key)
    assert planted
    keep(right.key, planted)  # as one who knows how entries are made would
    folder.joinpath(f'{right.key}.o').chmod(0o666)
    with pytest.warns(RuntimeWarning, match='others may write it'):
        assert Machine(text.format('4045'), []).from_cache is False
    assert kept(right.key) != planted
