"""The folder that a training leaves: the net, how it was taught, a report, pictures."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ..files import FilePath, write_whole
from ..nn import MLP
from ..saving import load

__all__ = ['FILES', 'Description', 'claim', 'clear', 'discard', 'load_run', 'places']

#: Whatever a run may leave in its folder.
FILES = ('net.json', 'run.json', 'report.txt', 'history.png', 'network.svg')
FORMAT, VERSION = 'microgradnet run', 2
#: In runs of this version the names of inputs, targets and classes are here; now the net knows them itself.
WITH_NAMES = 1


@dataclass(frozen=True)
class Description:
    """How a net was taught, and how well. What its numbers are called, the net says."""

    options: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def save(self, path: FilePath) -> None:
        """Write it as JSON."""
        content = {'format': FORMAT, 'version': VERSION, **asdict(self)}
        write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + '\n').encode())


def claim(out: str | None, force: bool) -> Path:
    """Make the folder of a run, runs/1 or the next that is free if none is named; refuse one that has a run in it."""
    if out is None:
        for place in count(1):
            folder = Path('runs', str(place))
            if not folder.exists():
                break
    else:
        folder = Path(out)
        if not force and (found := [name for name in FILES if (folder / name).exists()]):
            raise ValueError(f'{folder} has a run in it ({", ".join(found)}): name another folder, or say --force')
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def clear(folder: Path) -> None:
    """Remove what an earlier run left."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove the folder if nothing came into it."""
    with suppress(OSError):
        folder.rmdir()


def load_run(path: FilePath) -> MLP:
    """Load the net of a run. ``path`` is the run's folder, or its net, which need not be in one.

    Raises ValueError for a description beside it that is none, or that does not fit the net.
    """
    place, beside = places(path)
    net = load(place)
    if beside.exists():
        content = _read(beside)
        if content['version'] == WITH_NAMES:
            try:
                net.input_names, net.target_names, net.classes = (content[k] for k in ('inputs', 'targets', 'classes'))
            except ValueError as trouble:
                raise ValueError(f'{beside} does not belong to {place}: {trouble}') from None
    return net


def places(path: FilePath) -> tuple[Path, Path]:
    """Return where a run's net is, and where its description would be."""
    place = Path(path)
    place = place / 'net.json' if place.is_dir() else place
    return place, place.with_name('run.json')


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text('utf-8'))
    except (ValueError, RecursionError) as trouble:
        raise ValueError(f'{path} does not describe a run: it is not JSON ({trouble})') from None
    known = isinstance(content, dict) and content.get('format') == FORMAT
    if not known or content.get('version') not in (WITH_NAMES, VERSION):
        raise ValueError(f'{path} does not describe a run that this version reads: its format is not {FORMAT!r}')
    for name in ('inputs', 'targets', 'classes') if content['version'] == WITH_NAMES else ():
        found = content.get(name)
        if not (found is None and name == 'classes') and not _are_names(found):
            raise ValueError(f'{path} does not describe a run: its {name} should be a list of names')
    return {'classes': None, **content}


def _are_names(thing: Any) -> bool:
    return isinstance(thing, list) and bool(thing) and all(isinstance(name, str) for name in thing)
