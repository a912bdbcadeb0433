"""The folder that a training leaves: the net, how it was taught, a report, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from .._files import FilePath, check_writable, finished, write_together
from ..nets.net import MLP
from ..nets.saving import load
from .columns import Columns

__all__ = ['FILES', 'Description', 'claim', 'discard', 'keep', 'load_run', 'places']

#: Whatever a run may leave in its folder.
FILES = ('net.json', 'run.json', 'report.txt', 'history.png', 'network.svg')
FORMAT, VERSION = 'microgradnet run', 3
#: Runs of these versions are read, too: they know no columns of words, and fill no cells.
BEFORE = (1, 2)
#: In runs of this version the names of inputs, targets and classes are here; now the net knows them itself.
WITH_NAMES = 1


@dataclass(frozen=True)
class Description:
    """How a net was taught, and how well. What its numbers are called, the net says."""

    options: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)

    def as_json(self) -> str:
        """Return what a run keeps of it."""
        content = {'format': FORMAT, 'version': VERSION, **asdict(self)}  # columns are a dataclass, too
        return json.dumps(content, indent=1, ensure_ascii=False) + '\n'


def claim(out: str | None, force: bool) -> Path:
    """Make the folder of a run, runs/1 or the next that is free if none is named; refuse one that has a run in it.

    Raises OSError if a run could not be written there.
    """
    if out is None:
        for place in count(1):
            folder = Path('runs', str(place))
            if not folder.exists():
                break
    else:
        folder = finished(Path(out))
        if not force and (found := [name for name in FILES if (folder / name).exists()]):
            raise ValueError(f'{folder} has a run in it ({", ".join(found)}): name another folder, or say --force')
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        check_writable(folder / name)
    return folder


def keep(folder: Path, contents: Mapping[str, bytes | str]) -> list[str]:
    """Write a run into its folder, all of it or, if it cannot be, nothing; what an earlier run left goes with that.

    Return the names of what is there.
    """
    write_together(folder, {name: contents.get(name) for name in FILES})
    return [name for name in FILES if name in contents]


def discard(folder: Path) -> None:
    """Remove the folder if nothing came into it."""
    with suppress(OSError):
        folder.rmdir()


def load_run(path: FilePath) -> tuple[MLP, Columns]:
    """Load the net of a run, and its columns. ``path`` is the run's folder, or its net, which need not be in one.

    Raises ValueError for a description beside it that is none, or that does not fit the net.
    """
    place, beside = places(path)
    net, columns = load(place), Columns()
    if beside.exists():
        content = _read(beside)
        if content['version'] == WITH_NAMES:
            try:
                net.input_names, net.target_names, net.classes = (content[k] for k in ('inputs', 'targets', 'classes'))
            except ValueError as trouble:
                raise ValueError(f'{beside} does not belong to {place}: {trouble}') from None
        if content['version'] not in BEFORE:
            columns = content['columns']
            if unknown := {*columns.inputs([*columns.words, *columns.fills])} - {*(net.input_names or ())}:
                raise ValueError(f'{beside} does not belong to {place}: the net has no input {min(unknown)!r}')
    return net, columns


def places(path: FilePath) -> tuple[Path, Path]:
    """Return where a run's net is, and where its description would be."""
    place = Path(path)
    place = place / 'net.json' if place.is_dir() else place
    finished(place.parent)
    return place, place.with_name('run.json')


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text('utf-8'))
    except (ValueError, RecursionError) as trouble:
        raise ValueError(f'{path} does not describe a run: it is not JSON ({trouble})') from None
    known = isinstance(content, dict) and content.get('format') == FORMAT
    if not known or content.get('version') not in (*BEFORE, VERSION):
        raise ValueError(f'{path} does not describe a run that this version reads: its format is not {FORMAT!r}')
    for name in ('inputs', 'targets', 'classes') if content['version'] == WITH_NAMES else ():
        found = content.get(name)
        if not (found is None and name == 'classes') and not _are_names(found):
            raise ValueError(f'{path} does not describe a run: its {name} should be a list of names')
    if content['version'] not in BEFORE:
        try:
            content['columns'] = Columns.from_json(content.get('columns'))
        except ValueError as trouble:
            raise ValueError(f'{path} does not describe a run: {trouble}') from None
    return {'classes': None, **content}


def _are_names(thing: Any) -> bool:
    return isinstance(thing, list) and bool(thing) and all(isinstance(name, str) for name in thing)
