"""Rows in files, mapped into memory: which file they are in, as another process is to find it.

A file is known by device, inode, size and time of its last change. The sender says so of the file it has mapped,
and the worker makes sure: what was replaced or written to in between is an error, never other rows.

>>> folder = Folder()
>>> rows = spool(iter([[1.0, 2.0], [3.0, 4.0]]), 2, folder)
>>> print(mapping(rows).part(1, 2).load())
[[3. 4.]]
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from mmap import ALLOCATIONGRANULARITY, mmap
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..._extras import needed
from ..._files import FileChangedError, FilePath, Folder, KnownFile
from .rows import as_array, blocks, is_mapped

__all__ = ['Mapped', 'Pickled', 'file_of', 'load_mapped', 'mapping', 'spool']

#: So many bytes of two files are compared at a time.
PIECE = 1 << 20
#: Which file each of our mappings is of, for certain.
_known: WeakKeyDictionary[mmap, KnownFile] = WeakKeyDictionary()


class Pickled(NamedTuple):
    """What is pickled in a file."""

    file: KnownFile

    def load(self) -> Any:
        """Return it. Raises FileChangedError."""
        self.file.check()
        return _unpickled(self.file)


class Mapped(NamedTuple):
    """Rows in a file."""

    file: KnownFile
    dtype: str
    offset: int
    shape: tuple[int, int]

    def load(self) -> Any:
        """Return them, mapped into memory, once in each process. Raises FileChangedError."""
        self.file.check()
        return _opened(self)

    def part(self, start: int, end: int) -> Mapped:
        """Return the rows from one number to another."""
        numpy = needed('numpy', 'rows in a file')

        row = self.shape[1] * numpy.dtype(self.dtype).itemsize
        return Mapped(self.file, self.dtype, self.offset + start * row, (end - start, self.shape[1]))


@lru_cache(maxsize=8)
def _unpickled(known: KnownFile) -> Any:
    with known.open() as file:
        return pickle.load(file)


@lru_cache(maxsize=64)
def _opened(rows: Mapped) -> Any:
    numpy = needed('numpy', 'rows in a file')

    with rows.file.open() as file:
        return numpy.memmap(file, rows.dtype, 'r', rows.offset, rows.shape)


def load_mapped(path: FilePath) -> Any:
    """Map the rows of an ``.npy`` file into memory, to be read; raise ValueError, naming it, for one that is none."""
    numpy = needed('numpy', 'rows in a file')

    known = KnownFile.at(path)
    try:
        rows = numpy.load(path, mmap_mode='r')
    except (ValueError, EOFError) as error:
        why = 'it is damaged, or not one' if 'pickle' in str(error) else error
        raise ValueError(f'{known.path} must be an .npy file of numbers: {why}') from None
    known.check()
    if is_mapped(rows) and isinstance(rows.base, mmap):
        _known[rows.base] = known
    return rows


def spool(rows: Any, width: int, folder: Folder) -> Any:
    """Write rows, or what an iterator yields, to a file of a folder, block by block; return it mapped into memory."""
    numpy = needed('numpy', 'rows in a file')

    count, name = 0, 'rows'
    with folder.writing(name) as file:
        for block in blocks(rows, width):
            array, _ = as_array(block, width)
            file.write(numpy.ascontiguousarray(array).data)
            count += len(array)
    if not count:
        return numpy.empty((0, width))
    path = folder.path / name
    known = KnownFile.at(path)
    mapped: Any = numpy.memmap(path, float, 'r', 0, (count, width))
    _known[mapped.base] = known
    return mapped


def file_of(rows: Any) -> KnownFile | None:
    """Return what the file of mapped rows is known by now; None for what has no file that others could open.

    It is the file that has the name, which need not be the one that is mapped; see ``mapping``.
    """
    if not is_mapped(rows) or rows.filename is None or rows.mode == 'c':
        return None
    if rows.mode != 'r':
        rows.flush()  # then the file says when it was last written to
    try:
        return KnownFile.at(rows.filename)
    except FileChangedError:
        return None


def mapping(rows: Any) -> Mapped | None:
    """Say where in a file rows are, if they are a whole mapped file, row after row, and no copy on write.

    Raises FileChangedError if their file has its name no more: another process could not find them.
    """
    if not is_mapped(rows) or not isinstance(rows.base, mmap) or not rows.flags.c_contiguous:
        return None
    if rows.filename is None or rows.mode == 'c':
        return None
    now = file_of(rows) or KnownFile.at(rows.filename)
    known = _known.get(rows.base)
    if known is None and _is_mapped_from(rows, now):
        known = _known[rows.base] = now
    if known is None or not known.is_at(now):
        raise now.replaced()
    return Mapped(now, rows.dtype.str, rows.offset, rows.shape)


def _is_mapped_from(rows: Any, known: KnownFile) -> bool:
    """Tell whether rows that others mapped are those in a file: a mapping does not say of which it is, the bytes do."""
    start = rows.offset - rows.offset % ALLOCATIONGRANULARITY
    with known.open() as file:
        file.seek(start)
        return all(file.read(PIECE) == rows.base[k : k + PIECE] for k in range(0, len(rows.base), PIECE))
