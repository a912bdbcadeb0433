"""How fast scalar programs are, from the first call on: beside C by hand, JAX, CasADi, NumPy and others.

``python tests/benchmarks/scalars.py [--quick] [--only ROW ...] [--limit S] [--json FILE] [--plot FILE]
[--markdown FILE] [--read FILE ...]`` has all engines work by turns in one process, on one processor, in float64, with
nothing kept on disk. Before anything is timed every engine must have come to the same numbers as the first of its
table. All times are processor times, those of the first calls, which compile, with that of compilers in other
processes; a ratio is the median over the rounds, with the least and the greatest. Engines that are not installed are
left out, and named. ``--read`` measures nothing, but makes one table of the rows that several runs have written.

==============  ==================================================================================
`rosenbrock`    the gradient of Rosenbrock's function of 100 numbers, written with ``**2``
`mixture2`      ADBench's mixture of Gaussians, 2 dimensions, 5 Gaussians, 100 points: the gradient
`mixture10`     the same, 10 dimensions, 5 Gaussians, 1,000 points
`hessian`       the Hessian of Rosenbrock's function of 200 numbers, dense and sparse
`value`         value and gradient through 1,000 Runge-Kutta steps, of a plain function
`curvature`     the Hessian by 4 parameters through 400 steps
`states`        the Jacobian of all 400 states of 200 steps by 4 parameters
`adamw`         an epoch of AdamW, net 64-32-10, in mini-batches of 32
`first`         from recording 100,000 steps to the first gradient, and the memory of that process
`knockout`      200 walks of 50 steps with an ``if`` that ends them
`crossings`     200 walks of 50 steps with an ``if`` in each: most go a way of their own
`long`          the same, 20,000 walks of 252 steps
`harvest`       an equation with an ``if`` in each step: value and gradient at new parameters
`newton`        100,000 square roots by a loop that turns until it is done, and their gradients
`heun`          10,000 decays by a solver that chooses its steps, and their gradients
`heston`        a price by lot under Heston's model, 252 steps, with its six derivatives
==============  ==================================================================================

The step of the net 2-16-16-1 (a call a step) and both epochs of the net 2-2-2-1 are in ``compiled.py``:
``--only moons``, ``--only batch`` and ``--only online`` there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import process_time

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.measuring import Task, alone, work_off  # noqa: E402
from peers.report import FIRST, MEMORY, Goal, arguments, describe, digest, insert, introduce, publish, summary  # noqa: E402

__all__ = ['main']

ROWS = ['rosenbrock', 'mixture2', 'mixture10', 'hessian', 'value', 'curvature', 'states', 'adamw', 'first', 'heston']
ROWS += ['knockout', 'crossings', 'long', 'harvest', 'newton', 'newton_gradient', 'heun', 'heun_gradient']
PEERS = [f'scalars.{engine}' for engine in ('by_hand', 'numpy', 'ours', 'jax', 'casadi', 'aadc', 'first')]
PEERS += [f'branches.{engine}' for engine in ('by_hand', 'ours', 'jax', 'numba')]
#: The peers of the short table, by how their names begin.
COLUMNS = 'C by hand', 'JAX', 'CasADi', 'NumPy', 'AADC', 'Numba', 'plain Python'
OURS, C = 'microgradnet', 'C by hand, -ffast-math'
PROGRAM, BOUND = f'{OURS}, Program', f'{OURS}, bound to its rows'


def tasks(quick: bool) -> Iterator[Task]:
    """Set all tasks. The goals in seconds are of a processor of 2.5 GHz."""
    from peers.loops.tasks import Trajectory
    from peers.scalars.tasks import Heston, Mixture, Rosenbrock, lessons

    def through(steps: int) -> Trajectory:
        return Trajectory(steps // 20 if quick else steps)

    x = Rosenbrock(30 if quick else 100)
    call = f'{OURS}, compile(value_and_grad(f))'
    yield Task(
        'rosenbrock', f'Rosenbrock of {x.n} numbers: value and gradient', 'rosenbrock_gradient', x, 'a time', 1,
        [(PROGRAM, C, 15), (PROGRAM, 'CasADi as generated C', 1), (PROGRAM, 'JAX, jit', 1), (call, C, 15)],
    )  # fmt: skip
    for name, mixture, times in (
        ('mixture2', Mixture(2, 2, 100) if quick else Mixture(2, 5, 100), 6),
        ('mixture10', Mixture(4, 2, 100) if quick else Mixture(10, 5, 1000), 1.1),
    ):
        title = f'Mixture of {mixture.k} Gaussians, {mixture.d} dimensions, {mixture.n:,} points: gradient'
        goals = [(way, other, limit) for other, limit in ((C, times), ('JAX, jit', 1)) for way in (PROGRAM, BOUND)]
        yield Task(name, title, 'mixture_gradient', mixture, 'a time', 1, goals)
    x, dense, sparse = (
        Rosenbrock(20 if quick else 200),
        f'{OURS}, compile(hessian(f))',
        f'{OURS}, compile(sparse_hessian(f))',
    )
    yield Task(
        'hessian', f'Rosenbrock of {x.n} numbers: Hessian', 'rosenbrock_hessian', x, 'a time', 1,
        [(dense, FIRST, 0.2), (dense, '', 0.15e-3), (dense, 'JAX, jit of hessian', 1), (sparse, '', 0.015e-3)],
    )  # fmt: skip
    way = through(1000)
    yield Task(
        'value', f'{way.steps:,} Runge-Kutta steps: value and gradient', 'rk4_gradient', way, 'a time', 1,
        [(call, FIRST, 1), (call, C, 1.1), (call, 'JAX, scan of checkpoint', 1)],
    )  # fmt: skip
    way = through(400)
    yield Task(
        'curvature', f'{way.steps:,} Runge-Kutta steps: Hessian by 4 parameters', 'rk4_hessian', way, 'a time', 1,
        [(dense, FIRST, 0.4), (dense, '', 0.04e-3), (dense, 'JAX, jit of hessian of scan', 1)],
    )  # fmt: skip
    way, jacobian = through(200), f'{OURS}, compile(jacobian(f))'
    yield Task(
        'states', f'All {2 * way.steps} states of {way.steps} Runge-Kutta steps: Jacobian by 4 parameters',
        'rk4_jacobian', way, 'a time', 1,
        [(jacobian, FIRST, 0.3), (jacobian, '', 0.02e-3), (jacobian, 'JAX, jit of jacfwd of scan', 1)],
    )  # fmt: skip
    net, train = lessons(quick), f"{OURS}, train(mode=32, optimiser='adamw')"
    yield Task(
        'adamw', f'Net 64-32-10, {len(net.rows):,} rows: an epoch of AdamW', 'adamw', net, 'an epoch', 1,
        [(train, 'NumPy by hand', 0.5), (train, 'JAX, scan', 1)],
    )  # fmt: skip
    way = Trajectory(10_000 if quick else 100_000)
    yield Task(
        'first', f'{way.steps:,} Runge-Kutta steps: from nothing to the first gradient', 'first_gradient', way,
        'a time', 1, [(OURS, '', 12), (OURS, MEMORY, 1e9)],
    )  # fmt: skip
    model = Heston(252, 64 if quick else 2048)
    yield Task(
        'heston', f"Heston's model, {model.steps} steps, {model.paths:,} paths: the price and its six derivatives",
        'heston', model, 'a step', model.steps * model.paths,
        [(way, 'JAX, scan', 0.1) for way in (PROGRAM, BOUND)],
    )  # fmt: skip
    yield from branches(quick)


def branches(quick: bool) -> Iterator[Task]:
    """Set the tasks whose way depends on the numbers."""
    from peers.branches.tasks import Harvest, Loop, Walks

    branch, where, loop = (f'{OURS}, compile(f) with {what}' for what in ('if', 'where', 'while_loop'))
    for name, what in ('knockout', 'that ends them'), ('crossings', 'in each'):
        walks = Walks(10 if quick else 50, 200, name == 'knockout')
        title = f'{walks.paths} walks of {walks.steps} steps, with an if {what}'
        goals = [(branch, FIRST, 0.5), (branch, 'plain Python', 1.1), (where, 'JAX, where', 1)]
        yield Task(name, title, 'walks', walks, 'a time', 1, goals)
    walks = Walks(10, 500, False) if quick else Walks(252, 20_000, False)
    title = f'{walks.paths:,} walks of {walks.steps} steps, with an if in each'
    goals = [(branch, FIRST, 5), (branch, 'plain Python', 1.1), (where, FIRST, 5), (where, C, 2)]
    yield Task('long', title, 'walks', walks, 'a row', walks.paths, goals)
    harvest = Harvest(100 if quick else 2000)
    title = f'{harvest.steps:,} Euler steps with an if in each, 20 parameter vectors: value and gradient'
    goals = [(branch, 'plain Python', 1.1), (where, C, 1.2), (where, 'JAX, scan of where', 1)]
    yield Task('harvest', title, 'harvest', harvest, 'a vector', 20, goals)
    roots, decays = Loop(1000 if quick else 100_000, 6.0), Loop(100 if quick else 10_000, 2.0)
    for name, task, title, times in (
        ('newton', roots, "square roots by Newton's method", 1.5),
        ('newton_gradient', roots, "square roots by Newton's method: gradients", 2.5),
        ('heun', decays, 'decays in steps that a solver chooses', 2),
        ('heun_gradient', decays, 'decays in steps that a solver chooses: gradients', 2),
    ):
        yield Task(name, f'{task.rows:,} {title}', name, task, 'a row', task.rows, [(loop, C, times)])


def main(given: list[str] | None = None) -> None:
    """Print the tables as they come, and at the end how they compare with the goals."""
    parser = arguments(__doc__, 'fewer rounds; few steps, small Hessians, few rows')
    parser.add_argument('--only', metavar='ROW', nargs='+', choices=ROWS, help=f'these of {", ".join(ROWS)}')
    parser.add_argument(
        '--limit', metavar='S', type=float, help='leave out whose first call takes more seconds (20, 300)'
    )
    parser.add_argument('--markdown', metavar='FILE', type=Path, help='put a short table there, between its marks')
    parser.add_argument('--read', metavar='FILE', nargs='+', type=Path, help='measure nothing: take what --json wrote')
    options = parser.parse_args(given)
    limit = options.limit or (20 if options.quick else 300)
    alone()
    before = [json.loads(file.read_text()) for file in options.read or ()]
    machine = before[-1]['machine'] if before else describe()
    introduce(machine)
    known = {result['name']: result for run in before for result in run['tasks']}
    results = [known[name] for name in ROWS if name in known]
    found = [Goal(goal['what'], goal['found'], goal['wanted']) for run in before for goal in run['goals']]
    for task in tasks(options.quick):
        if not before and (not options.only or task.name in options.only):
            slow = task.name == 'first'
            rounds = 1 if slow else 3 if options.quick else 15
            long = inf if slow else 0.5
            result, reached = work_off(task, PEERS, rounds, process_time, long, limit)
            results.append(result)
            found += reached
    print(f'\nThe goals{", which are of the full sizes," * options.quick} on {machine["machine"]}')
    print('\n'.join(summary(found)))
    publish(options, machine, results, found)
    if options.markdown:
        insert(digest(results, machine, COLUMNS), options.markdown, 'scalars.py')


if __name__ == '__main__':
    main()
