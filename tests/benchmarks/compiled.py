"""How fast compiled programs are: beside C by hand, and beside everybody else, in one run.

``python tests/benchmarks/compiled.py [--quick] [--only TASK] [--json FILE] [--plot FILE]`` has
all engines work by turns in one process, on one processor, in float64, so that what else
the machine does falls on all of them. A ratio is the median over the rounds, with the least
and the greatest. Before anything is timed every engine must have come to the same numbers
as the first of its table; one that has not is told of, and gets no figure. Engines that are not
installed are left out. Times are processor times of this process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.measuring import Task, alone, work_off  # noqa: E402
from peers.report import arguments, describe, introduce, publish  # noqa: E402

__all__ = ['main']

PEERS = ['by_hand', 'ours', 'ours_as_c', 'jax', 'casadi', 'numpy', 'micrograd', 'torch']
QUICK = PEERS[:-1]  # what torch compiles takes it most of a minute


def tasks(quick: bool) -> Iterator[Task]:
    """Set all tasks."""
    from peers.tasks import bundle, layered, moons, wide, xor

    net, small, rows = moons(quick), xor(quick), bundle(quick)
    ours, c, jax = 'microgradnet', 'C by hand', 'JAX'
    loop, each = 'epochs in one call', 'a step a call'
    yield Task(
        'moons', 'Net 2-16-16-1, relu, 100 rows: one step of batch learning', 'batch', net, 'a step', 1,
        [(f'{ours}, value_and_gradient a step', f'{c}, {each}', 0.8),
         (f'{ours}, {loop}', f'{jax}, {loop}', 1)],
    )  # fmt: skip
    for mode, spoken, times in ('batch', 'batch', 2), ('online', 'on-line', 1.1):
        yield Task(
            mode, f'Net 2-2-2-1, sigmoids, 4 rows: one epoch of {spoken} learning', mode, small,
            'an epoch', 1, [(f'{ours}, {loop}', f'{c}, {loop}', times)],
        )  # fmt: skip
    yield Task(
        'adamw', 'Net 64-32-10, tanh, 1,000 rows: one epoch of AdamW in mini-batches of 32', 'adamw', wide(quick),
        'an epoch', 1,
        [(f'{ours}, an epoch a call', 'NumPy by hand', 0.5), (f'{ours}, {loop}', f'{jax}, {loop}', 1)],
    )  # fmt: skip
    for sizes in [2, 256, 256, 1], [2, 512, 512, 1], [784, 32, 10]:
        yield Task(
            'wide', f'Net {"-".join(map(str, sizes))}, relu, 100 rows: one step of batch learning', 'wide',
            layered(sizes, quick), 'a step', 1,
            [(f'{ours}, value_and_gradient a step', 'NumPy by hand, a step a call', 1)],
        )  # fmt: skip
    yield Task(
        'bundle', f'Bundle adjustment: the Jacobian, 2 by 15, of one of {len(rows):,} observations',
        'jacobians', rows, 'an observation', len(rows),
        [(ours, c, 2), (ours, 'CasADi, map', 1), (ours, f'{jax}, jit of vmap(jacrev)', 1)],
    )  # fmt: skip
    yield Task(
        'compiling', 'Compiling the step of the net 2-16-16-1, and taking it', 'compiling', net, 'a time', 1,
        [(f'{ours}, from the recorded graph', '', 0.3)],
    )  # fmt: skip
    many = 10 if quick else 25
    for what, asks, of in (
        ('net 2-16-16-1', 'costs', tiled(net, 4 * many)),
        ('net 2-2-2-1', 'costs', tiled(small, 100 * many)),
        ('bundle adjustment', 'bundle_costs', rows),
    ):
        size = len(getattr(of, 'rows', of))
        yield Task('costs', f'Gradient over value, {what}, {size:,} rows', asks, of, 'a row', size, [])


def tiled(net: Any, times: int) -> Any:
    """Give a net its rows several times over, so that a call's own cost does not count."""
    import numpy as np

    return net._replace(rows=np.tile(net.rows, (times, 1)))


def main(given: list[str] | None = None) -> None:
    """Print the tables as they come."""
    parser = arguments(__doc__, 'fewer rounds, less to do in each, and no torch')
    parser.add_argument('--only', metavar='TASK', help='moons, batch, online, adamw, wide, bundle, compiling or costs')
    options = parser.parse_args(given)
    alone()
    machine = describe()
    introduce(machine)
    results = []
    for task in tasks(options.quick):
        if options.only in (None, task.name):
            peers = QUICK if options.quick else PEERS
            results.append(work_off(task, peers, 3 if options.quick else 15, process_time)[0])
    publish(options, machine, results)


if __name__ == '__main__':
    main()
