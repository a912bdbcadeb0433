"""From nothing to the first gradient: each engine in a process of its own, with its processor time and its peak memory.

``python -P first.py ENGINE STEPS`` does one, and prints what it found as JSON. Interpreter and imports are not timed,
but are in the memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[4]), str(HERE.parents[2])]

from peers.loops.tasks import Trajectory  # noqa: E402
from peers.measuring import spent  # noqa: E402
from peers.tasks import Array, Entry  # noqa: E402

__all__ = ['first_gradient', 'main']

#: The name of each, its module, and what that needs; the quickest first, as the others are compared with it.
ENGINES = (
    ('C by hand, gcc', 'by_hand', 'numpy'), ('microgradnet', 'ours', 'microgradnet'),
    ('JAX, scan of checkpoint', 'jax', 'jax'), ('AADC', 'aadc', 'aadc'),
)  # fmt: skip


def first_gradient(task: Trajectory) -> Iterator[Entry]:
    for engine, module, needs in ENGINES:
        if not find_spec(needs):
            print(f'left out: {needs} is not installed')
            continue
        told = {'seconds': 0.0, 'memory': 0.0}

        def run(count: int, module: str = module, told: Any = told) -> Any:
            numbers: Any = None
            for _ in range(count):
                # -P, as names beside this file, numpy.py for one, are those of others
                command = [sys.executable, '-P', str(HERE), module, str(task.steps)]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError((done.stderr.splitlines() or [f'it ended with {done.returncode}'])[-1])
                found = json.loads(done.stdout.splitlines()[-1])
                told['seconds'] += found['seconds']
                told['memory'], numbers = found['memory'], found['numbers']
            return numbers

        yield Entry(engine, run, 1, lambda told=told: told['seconds'], lambda told=told: told['memory'])  # type: ignore[misc]


def peak() -> float:
    """Return the most bytes that this process has had at once."""
    status = Path('/proc/self/status')
    if status.exists():  # what getrusage tells counts the process that began this one, too
        line = next(line for line in status.read_text().splitlines() if line.startswith('VmHWM'))
        return float(line.split()[1]) * 1024
    from resource import RUSAGE_SELF, getrusage

    return float(getrusage(RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == 'darwin' else 1024)


def main() -> None:
    module, steps = sys.argv[1:]
    from_scratch = import_module(f'peers.scalars.{module}').from_scratch
    start = spent()
    numbers: Array = from_scratch(Trajectory(int(steps)))
    seconds = spent() - start
    print(json.dumps({'seconds': seconds, 'memory': peak(), 'numbers': numbers.tolist()}))


if __name__ == '__main__':
    main()
