"""What a call costs: small programs, of which the machine code takes next to no time, beside other engines.

``python tests/benchmarks/calls.py [--quick] [--json FILE] [--plot FILE]`` calls each engine as its users do, arrays in
and arrays out, by turns, in one process, on one processor, in float64, by the processor time of this process. A ratio
is the median over the rounds, with the least and the greatest. Before anything is timed every engine must have come
to the same numbers as the first of its table. Engines that are not installed are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.measuring import Task, alone, work_off  # noqa: E402
from peers.report import arguments, describe, introduce, publish  # noqa: E402

__all__ = ['main']

ENGINES = ['ours', 'by_hand', 'casadi', 'jax']
OURS = 'microgradnet'


def tasks() -> Iterator[Task]:
    """Set all tasks."""
    from peers.calls.tasks import HUNDRED, SCALARS
    from peers.tasks import xor

    beaten = [(OURS, other, 1.0) for other in ('C by hand, ctypes', 'CasADi', 'JAX, jit')]
    yield Task('net', 'Net 2-2-2-1, 4 rows: value and gradient', 'net', xor(True), 'a call', 1, beaten)
    yield Task('squares', '100 parameters: the sum of their squares, and its gradient', 'squares', HUNDRED, 'a call', 1,
               beaten)  # fmt: skip
    yield Task('scalar', 'A function of two numbers, x * y + sin(x)', 'scalar', SCALARS, 'a call', 1, beaten[1:])


def main(given: list[str] | None = None) -> None:
    """Print the tables, and how they compare with the goals."""
    options = arguments(__doc__, 'fewer rounds').parse_args(given)
    alone()
    machine = describe()
    introduce(machine)
    results, found = [], []
    for task in tasks():
        peers = [f'calls.{engine}' for engine in ENGINES]
        result, reached = work_off(task, peers, 5 if options.quick else 25, process_time)
        results.append(result)
        found += reached
    print('', *found, sep='\n')
    publish(options, machine, results, found)


if __name__ == '__main__':
    main()
