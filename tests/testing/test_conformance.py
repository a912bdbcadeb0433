"""The table of ``docs/comparison.md`` that says what the kit finds in each engine is what the script writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import microgradnet

ROOT = Path(microgradnet.__file__).parents[1]
SCRIPT = ROOT / 'tests' / 'benchmarks' / 'conformance.py'


def columns(table: str) -> dict[str, dict[str, str]]:
    """Return what stands in each column, by the first cell of the line; empty cells left out."""
    lines = [[cell.strip() for cell in line.strip('|').split('|')] for line in table.splitlines() if line[:1] == '|']
    head, body = lines[0], lines[2:]
    return {name: {line[0]: line[k] for line in body if line[k]} for k, name in enumerate(head) if name}


def versions(table: str) -> dict[str, str]:
    line = next(line for line in table.splitlines() if line.startswith('Versions: '))
    return dict(pair.rsplit(' ', 1) for pair in line.removeprefix('Versions: ').rstrip('.').split(', '))


@pytest.mark.slow
def test_the_page_has_what_the_script_writes(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, '--reports', tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    begin, end = (f'<!-- {word}: conformance.py -->' for word in ('begin', 'end'))
    page = (ROOT / 'docs' / 'comparison.md').read_text('utf-8').partition(begin)[2].partition(end)[0]
    then, now = columns(page), columns(done.stdout)
    compared = 0
    for name, version in versions(done.stdout).items():
        if versions(page).get(name) == version:
            shown = {row: what for row, what in now[name].items() if what != '–'}
            assert shown == {row: what for row, what in then[name].items() if what != '–'}, name
            compared += 1
    assert compared and now['microgradnet'].keys() == then['microgradnet'].keys()
    for report in tmp_path.glob('*.json'):
        assert json.loads(report.read_text('utf-8'))['engine']
        assert report.with_suffix('.html').read_text('utf-8').startswith('<!doctype html>')
