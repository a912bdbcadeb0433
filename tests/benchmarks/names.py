"""How fast a step of the GPT of ``demos/names.py`` is: compiled, recorded, and on a plain Value.

``python tests/benchmarks/names.py [--letters N ...] [--rounds N] [--json FILE]`` compiles the model
for names of so many letters and times steps of on-line learning with Adam, gradient and update, by
turns, each way in a process of its own, by its processor time. Before anything is timed all must have
come to the same error and gradient. A ratio is the median over the rounds. The positions are one more
than the letters, since a name is begun with a mark; the goals are for 7 positions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from time import process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

__all__ = ['main']

COMPILED, RECORDED, PLAIN = 'compiled', 'this engine, recorded', 'a plain Value'
NAME = 'appendingnames'


def measure(letters: int, rounds: int) -> dict[str, Any]:
    """Compile for a name of so many letters, and compare; return all that was measured."""
    from demos import names
    from demos.names_plain import compare

    learner, name = names.Learner(1), NAME[:letters]
    start = process_time()
    program = names.program(letters + 1)
    folded = process_time()
    learner.gradient(name)
    ready = process_time()
    print(f'\ncompiling for {letters} letters: {folded - start:.1f} s to record and fold, {ready - folded:.1f} s more')
    print(f'to the first gradient; then {program.memory:,} numbers in memory')
    return {
        'letters': letters, 'folded': folded - start, 'compiled': ready - start, 'memory': program.memory,
        'ratios': compare(learner, name, rounds),
    }  # fmt: skip


def goals(ratios: dict[str, float]) -> list[tuple[str, float, float]]:
    """List what is wanted: its name, the ratio that was measured, and the least it may be."""
    return [
        ('a plain Value / compiled', ratios[PLAIN], 1000),
        ('a plain Value / recorded', ratios[PLAIN] / ratios[RECORDED], 5),
    ]


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each length, and whether the goals are met."""
    os.environ['MICROGRADNET_CACHE'] = ''  # compile every time
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--letters', type=int, nargs='+', default=[3, 6, 10], metavar='N', help='up to 14')
    parser.add_argument('--rounds', type=int, default=9, metavar='N')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    options = parser.parse_args(arguments)
    print(f'Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors')
    found = [measure(letters, options.rounds) for letters in options.letters]
    print()
    for what, ratio, least in (goal for result in found if result['letters'] == 6 for goal in goals(result['ratios'])):
        print(f'{"met" if ratio >= least else "NOT":4} {what}: {ratio:,.1f} times; wanted: {least:,}')
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
    main()
