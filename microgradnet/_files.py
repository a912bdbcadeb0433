"""Whatever the package writes, it writes here: files that are whole or not at all, and folders that go by themselves.

===================  ========================================================================================
`write_whole`        a file of content that is in memory
`writing`            a file that grows piece by piece, larger than memory perhaps
`write_together`     several files of a folder, all or none
`finished`           a folder whose files are all of one writing, even if the writer was killed meanwhile
`check_writable`     refuses what could not be written, before work is done for it
`KnownFile`          a file that is known by more than its name
`Folder`             files that only this process and its workers need
===================  ========================================================================================

A file is written beside its place, as a draft ``.microgradnet-<16 hex digits>.draft``, brought to the disk, and
renamed; then its folder is brought to the disk. So whoever reads, whenever, finds all of the old file or all of the
new one, and what has the old one open, or mapped into memory, keeps that. Nothing is written through mapped memory:
on a full disk that would end the process, where an ordinary write gives an error. The new file has the old one's
mode; a link is followed; a device or a pipe is written to as it is. An OSError names the file that was asked for.

A writer that was killed leaves its draft. Writers lock their drafts, and the lock goes with the process: the next
to write into the same folder removes the drafts that nobody has locked.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EINVAL, EISDIR
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from stat import S_IMODE, S_ISDIR, S_ISREG
from tempfile import gettempdir
from typing import Any, BinaryIO, NamedTuple, TypeAlias
from weakref import finalize

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where what is open cannot be removed anyway
    fcntl = None

__all__ = [
    'Draft', 'FileChangedError', 'FilePath', 'Folder', 'KnownFile', 'check_writable', 'finished',
    'write_together', 'write_whole', 'writing',
]  # fmt: skip

FilePath: TypeAlias = str | os.PathLike[str]

#: What is being written, and several files that are written and have to be put in their places.
DRAFT, READY = '.draft', '.ready'
OURS = re.compile(rf'\.microgradnet-[0-9a-f]{{16}}({re.escape(DRAFT)}|{re.escape(READY)})')
#: These are links to what the process has open already, and not files of a folder.
OPEN_ALREADY = ('/dev/fd/', '/dev/std', '/proc/')


class Draft:
    """A file while it is being written; its errors name the file that it will be."""

    def __init__(self, file: BinaryIO, path: FilePath) -> None:
        self._file, self._path = file, path

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes behind those that are there."""
        with _naming(self._path):
            self._file.write(data)

    def write_first(self, data: bytes) -> None:
        """Write over the first bytes, such as those of a head that is known only in the end."""
        with _naming(self._path):
            self._file.seek(0)
            self._file.write(data)
            self._file.seek(0, os.SEEK_END)


@contextmanager
def writing(path: FilePath, *, sync: bool = True) -> Iterator[Draft]:
    """Give what a file's content is to be written to; it is in its place when the block has ended well.

    sync: whether it is to outlast a failure of the machine, too.
    """
    target = _target(path)
    if target.is_open_already:
        with _as_it_is(path) as whole:
            yield whole
        return
    with _naming(path):
        draft, number = _draft(target.place.parent, lambda place: _created(place, target.found))
    try:
        file = open(number, 'wb')  # noqa: SIM115
        with _closing(file):
            yield Draft(file, path)
            with _naming(path):
                _settled(file, sync)
                if fcntl is None:
                    file.close()  # where what is open cannot be renamed
                os.replace(draft, target.place)
        with _naming(path):
            if sync:
                _sync_folder(target.place.parent)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: FilePath, content: bytes | str, *, sync: bool = True) -> None:
    """Write a file: bytes, or text in UTF-8."""
    with writing(path, sync=sync) as draft:
        draft.write(content.encode() if isinstance(content, str) else content)


def write_together(folder: Path, contents: Mapping[str, bytes | str | None]) -> None:
    """Write files of a folder, by their names, all or none of them; None removes a file that is there.

    They are written into a draft that is a folder. When that is renamed all is decided: each file goes to its place
    then, and if the process is killed meanwhile, who uses the folder next (``finished``) finishes it.
    """
    targets = {name: _target(folder / name) for name in contents}
    with _naming(folder):
        draft, number = _draft(folder, _made)
    ready = draft.with_suffix(READY)
    try:
        for name, content in contents.items():
            place = draft / f'{"-" if content is None else "+"}{name}'
            with _naming(folder / name):
                file = open(_created(place, targets[name].found), 'wb')  # noqa: SIM115
                with _closing(file):
                    file.write(content.encode() if isinstance(content, str) else content or b'')
                    _settled(file, sync=True)
        with _naming(folder):
            _sync_folder(draft)
            os.replace(draft, ready)
            _sync_folder(folder)
            _put_in_place(ready)
    finally:
        try:
            rmtree(draft, ignore_errors=True)
        finally:
            if number >= 0:
                os.close(number)


def finished(folder: Path) -> Path:
    """Return a folder; several files that a killed process had written together are in their places in it."""
    with _naming(folder), suppress(FileNotFoundError, NotADirectoryError):
        for name in _ours(folder, READY):
            _put_in_place(folder / name)
    return folder


def check_writable(path: FilePath) -> None:
    """Raise OSError, naming the path, if a file could not be written there. Nothing is left there."""
    target = _target(path)
    if not target.is_open_already:
        with _naming(path):
            draft, number = _draft(target.place.parent, lambda place: _created(place, target.found))
            os.close(number)
            draft.unlink()


class FileChangedError(RuntimeError):
    """A file is not the one any more that it was; the message names it."""


class KnownFile(NamedTuple):
    """A file as it was: another one of its name, or the same one written to, is not it.

    ``changed`` is when it was last written to, in ns. ``machine`` is where all this was found: the same
    file of a network has another device on another machine.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / 'data'
    ...     write_whole(path, b'older')
    ...     known, kept = KnownFile.at(path), open(path)  # an inode that is in use is not given away
    ...     known.check()
    ...     write_whole(path, b'newer')
    ...     try:
    ...         known.check()
    ...     except FileChangedError as error:
    ...         print(str(error).replace(folder, ''))
    ...     kept.close()
    /data was replaced by another file since it was opened: open it anew
    """

    path: str
    device: int
    inode: int
    size: int
    changed: int
    machine: str

    @classmethod
    def at(cls, path: FilePath, file: BinaryIO | None = None) -> KnownFile:
        """Return what the file at a path, or one opened there, is known by. Raises FileChangedError if none is."""
        try:
            found = os.stat(path) if file is None else os.fstat(file.fileno())
        except FileNotFoundError as error:
            raise FileChangedError(f'{os.fspath(path)} is no longer there') from error
        return cls(os.path.abspath(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, platform.node())

    def is_at(self, other: KnownFile) -> bool:
        """Tell whether another is in the same place on a disk, whatever may have been written to it."""
        same_device = self.device == other.device or self.machine != other.machine
        return same_device and self.inode == other.inode

    def check(self, found: KnownFile | None = None) -> None:
        """Raise FileChangedError unless this is what there is now, or what was found."""
        found = found or self.at(self.path)
        if not self.is_at(found):
            raise self.replaced()
        if (self.size, self.changed) != (found.size, found.changed):
            raise FileChangedError(f'{self.path} was written to since it was opened: open it anew')

    def replaced(self) -> FileChangedError:
        """Return the error that says another file has this one's name."""
        return FileChangedError(f'{self.path} was replaced by another file since it was opened: open it anew')

    def open(self) -> BinaryIO:
        """Open this file, and no other, to be read. Raises FileChangedError if it is another by now."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(open(self.path, 'rb'))
            except FileNotFoundError as error:
                raise FileChangedError(f'{self.path} is no longer there') from error
            self.check(self.at(self.path, file))
            stack.pop_all()
        return file


class Folder:
    """A folder for files that only this process and its workers need; it is there as long as this object.

    If the process is killed, the next such folder's maker removes it.
    """

    def __init__(self) -> None:
        self.path, number = _draft(Path(gettempdir()), _made)
        self._end = finalize(self, _drop, self.path, number, os.getpid())

    @contextmanager
    def writing(self, name: str) -> Iterator[Draft]:
        """Give what a file of this folder is to be written to; nobody reads it before it is done."""
        with _as_it_is(self.path / name) as file:
            yield file


@contextmanager
def _as_it_is(path: FilePath) -> Iterator[Draft]:
    """Give a file to be written to where it is, without a draft beside it."""
    with _naming(path):
        file = open(path, 'wb')  # noqa: SIM115
    with _closing(file):
        yield Draft(file, path)
        with _naming(path):
            file.flush()


class _Target(NamedTuple):
    """A file to be written: where it is, links followed, and what is there now."""

    place: Path
    found: os.stat_result | None
    is_open_already: bool


def _target(path: FilePath) -> _Target:
    """Look at where a file is to be. Raises OSError for what cannot be written as a file."""
    with _naming(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            found = None
        if found and S_ISDIR(found.st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if found and not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    is_device = found is not None and not S_ISREG(found.st_mode)
    return _Target(Path(os.path.realpath(path)), found, is_device or os.fspath(path).startswith(OPEN_ALREADY))


@contextmanager
def _naming(path: FilePath) -> Iterator[None]:
    """Have what goes wrong with a file name it, and not its draft."""
    try:
        yield
    except OSError as trouble:
        raise OSError(trouble.errno, trouble.strerror or str(trouble), os.fspath(path)) from trouble


@contextmanager
def _closing(file: BinaryIO) -> Iterator[None]:
    """Close a file that was flushed; after an error what is still to be written is no matter."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()


def _settled(file: BinaryIO, sync: bool) -> None:
    file.flush()
    if sync:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where a folder can be opened."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows; a folder that may be written but not read
        return
    try:
        os.fsync(number)
    except OSError as trouble:
        if trouble.errno != EINVAL:  # a file system that has nothing to do for a folder
            raise
    finally:
        os.close(number)


def _created(place: Path, found: os.stat_result | None) -> int:
    """Make a new file with owner and mode of the one that it will replace, if there is one; return its descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, 'O_BINARY', 0)
    number = os.open(place, flags, 0o600 if found else 0o666)
    if found:
        with suppress(OSError, AttributeError):  # who may not give files away keeps it
            os.chown(place, found.st_uid, found.st_gid)
        with suppress(OSError):  # a file system without modes
            os.chmod(place, S_IMODE(found.st_mode))
    return number


def _made(place: Path) -> int:
    """Make a folder, for nobody else; return its descriptor, -1 where folders have none."""
    os.mkdir(place, 0o700)
    return -1 if fcntl is None else os.open(place, os.O_RDONLY)


def _draft(folder: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Make a draft in a folder, after the leftovers there are swept; return it and its locked descriptor."""
    _sweep(folder)
    while True:
        place = folder / f'.microgradnet-{token_hex(8)}{DRAFT}'
        number = make(place)
        held = False
        try:
            held = _is_held(number, place)
        finally:
            if not held:
                os.close(number)
        if held:
            return place, number


def _is_held(number: int, place: Path) -> bool:
    """Lock a new draft; False if somebody who sweeps was quicker, and removes it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.stat(place), os.fstat(number))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks: nobody sweeps there
        return True


def _ours(folder: Path, *endings: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if OURS.fullmatch(name) and name.endswith(endings))


def _sweep(folder: Path) -> None:
    """Finish and remove what killed writers left in a folder."""
    finished(folder)
    with suppress(OSError):
        for name in _ours(folder, DRAFT):
            _remove_if_dead(folder / name)


def _remove_if_dead(draft: Path) -> None:
    """Remove a draft, unless its writer lives, who has it locked."""
    with suppress(OSError):
        if fcntl is None:
            draft.unlink()  # which fails if it is open, and of a folder
            return
        number = os.open(draft, (os.O_RDONLY if draft.is_dir() else os.O_RDWR) | os.O_NOFOLLOW)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(number)
            if not S_ISDIR(found.st_mode):
                draft.unlink()
            elif found.st_uid == os.geteuid():
                rmtree(draft, ignore_errors=True)
        finally:
            os.close(number)


def _put_in_place(ready: Path) -> None:
    """Put files in their places that were written together. Others may be doing the same: each step is done once."""
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(ready)):
            file, place = ready / name, ready.with_name(name[1:])
            with suppress(FileNotFoundError):
                if name[0] == '-':
                    place.unlink(missing_ok=True)
                    file.unlink()
                elif place.is_symlink():
                    # Beside what the link leads to, which may be another disk; not by ``writing``, which would sweep.
                    target = _target(place)
                    beside = target.place.with_name(ready.with_suffix(DRAFT).name)
                    beside.unlink(missing_ok=True)
                    with open(_created(beside, target.found), 'wb') as copy:
                        copy.write(file.read_bytes())
                        _settled(copy, sync=True)
                    os.replace(beside, target.place)
                    file.unlink()
                else:
                    os.replace(file, place)
        ready.rmdir()
        _sync_folder(ready.parent)


def _drop(folder: Path, number: int, maker: int) -> None:
    """Remove a folder; a process that was forked leaves it to the one that made it."""
    if os.getpid() == maker:
        rmtree(folder, ignore_errors=True)
    if number >= 0:
        os.close(number)
