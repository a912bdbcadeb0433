"""Files that are written whole or not at all, and folders that go when nobody needs them."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import mkdtemp
from typing import TypeAlias
from weakref import finalize

__all__ = ['FilePath', 'Folder', 'write_whole']

FilePath: TypeAlias = str | os.PathLike[str]


def write_whole(path: FilePath, content: bytes) -> None:
    """Write a file so that whoever reads it, whenever, finds all of the old one or all of the new one.

    That holds if the process is killed meanwhile, too; what is left then is a draft, beside it.
    """
    place = Path(path).resolve()
    draft = place.with_name(f'.{place.name}.{token_hex(4)}')
    try:
        with open(draft, 'xb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)


class Folder:
    """A folder for files that only this process and its workers need; it is there as long as this object."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix='microgradnet-'))
        finalize(self, rmtree, self.path, ignore_errors=True)
