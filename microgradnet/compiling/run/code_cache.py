"""The cache of machine code on disk: by content, ours alone, and no larger than it may be.

Machine code from a file runs as the program itself does, so a folder or an entry that another
user owns, or may write, is not used, and a warning says so. Each entry begins with a hash of its name and
content: damage, and an entry under another one's name, are noticed.

======================================  ===========================================================
``MICROGRADNET_CACHE``                  the folder; empty: nothing is kept. By default ``microgradnet``
                                        in ``XDG_CACHE_HOME`` or ``~/.cache`` (on Windows
                                        ``LOCALAPPDATA``); where there is no home, nothing is kept
``MICROGRADNET_CACHE_SIZE``             how many megabytes may be kept, by default 256; what was not used
                                        for longest goes first. 0: nothing is kept
======================================  ===========================================================
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from ..._files import write_whole

__all__ = ['cache_folder', 'keep', 'kept']

#: How many bytes the hash has that an entry begins with.
DIGEST = 32
#: How many megabytes are kept, if nothing else is said.
MEGABYTES = 256
#: A process looks through the folder at its first entry, and each time it wrote such a part of what may be kept.
PART = 16
NO_NUMBER = -1
ENTRY = re.compile(r'[0-9a-f]{64}\.o')

#: How many bytes this process wrote to a folder since it looked through it.
_written: dict[Path, int] = {}
_told: set[str] = set()


def cache_folder() -> Path | None:
    """Return the folder of compiled objects, or None if there is to be none."""
    chosen = os.environ.get('MICROGRADNET_CACHE')
    if chosen is not None:
        return Path(chosen) if chosen else None
    base = os.environ.get('LOCALAPPDATA' if sys.platform == 'win32' else 'XDG_CACHE_HOME', '')
    if not os.path.isabs(base):  # which is to be ignored, says the specification of XDG
        base = os.path.join(os.path.expanduser('~'), '.cache')
    return Path(base) / 'microgradnet' if os.path.isabs(base) else None


def kept(key: str) -> bytes | None:
    """Return the object that is kept under a key, if it is whole and ours; it counts as used now."""
    folder = cache_folder() if _most() else None
    if folder is None:
        return None
    try:
        with _opened(folder) as number:
            data = b'' if number is None else _read(folder, number, f'{key}.o')
    except OSError:
        return None
    digest, code = data[:DIGEST], data[DIGEST:]
    return code if digest == _digest(key, code) else None


def keep(key: str, code: bytes) -> None:
    """Keep an object where no reader ever sees half of it; a folder that cannot be written to is no matter."""
    most = _most()
    folder = cache_folder() if most else None
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(folder) as number:
            if number is None:
                return
        data, place = _digest(key, code) + code, folder / f'{key}.o'
        place.unlink(missing_ok=True)  # written over, it would keep its owner, and a link would be followed
        write_whole(place, data, sync=False)  # a damaged one is made again
        place.chmod(0o600)  # whatever the umask is
        written = _written.get(folder)
        _written[folder] = (written or 0) + len(data)
        if written is None or _written[folder] > most // PART:
            _written[folder] = 0
            _sweep(folder, most)
    except OSError:
        pass


def _digest(key: str, code: bytes) -> bytes:
    return sha256(key.encode() + code).digest()


def _most() -> int:
    """Return how many bytes may be kept."""
    said = os.environ.get('MICROGRADNET_CACHE_SIZE') or str(MEGABYTES)
    if not said.isdecimal():
        raise ValueError(f'MICROGRADNET_CACHE_SIZE must be a whole number of megabytes, not {said!r}')
    return int(said) * 1_000_000


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Open a folder that is ours alone, and give its number; NO_NUMBER where folders have none; None if it is not.

    What is read goes by that number, so that nobody can put another folder in its place meanwhile.
    """
    if os.open not in os.supports_dir_fd:
        yield NO_NUMBER
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield number if _is_ours(folder, os.fstat(number), S_ISDIR) else None
    finally:
        os.close(number)


def _read(folder: Path, number: int, name: str) -> bytes:
    if number == NO_NUMBER:
        return (folder / name).read_bytes()
    # Neither a link is followed, nor a pipe waited for.
    entry = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=number)
    with open(entry, 'rb') as file:
        if not _is_ours(folder / name, os.fstat(entry), S_ISREG):
            return b''
        with suppress(OSError):
            os.utime(entry)
        return file.read()


def _is_ours(path: Path, found: os.stat_result, is_right: object) -> bool:
    """Tell whether a file or folder is this user's, and nobody else may write it; warn, once, if not."""
    if not is_right(found.st_mode):  # type: ignore[operator]
        return False
    if found.st_uid != os.geteuid():
        why = f'user {found.st_uid} owns it, and this is user {os.geteuid()}'
    elif found.st_mode & 0o022:
        why = f'others may write it (mode {found.st_mode & 0o777:o}): make it yours alone, chmod go-w'
    else:
        return True
    said = f'{path} is not used as a cache of machine code: {why}. MICROGRADNET_CACHE names another folder, or none'
    if said not in _told:
        _told.add(said)
        warnings.warn(said, RuntimeWarning, stacklevel=2)
    return False


def _sweep(folder: Path, most: int) -> None:
    """Remove what was not used for longest, until there is room."""
    entries = []
    with os.scandir(folder) as found:
        for each in found:
            with suppress(FileNotFoundError):
                if ENTRY.fullmatch(each.name):
                    about = each.stat(follow_symlinks=False)
                    entries.append((about.st_mtime_ns, about.st_size, each.path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= most - most // PART:
            break
        Path(path).unlink(missing_ok=True)
        total -= size
