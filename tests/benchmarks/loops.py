"""How fast programs are that fold into loops, and how long compiling them takes, beside the others in one run.

``python tests/benchmarks/loops.py [--quick] [--only net|rk4|size] [--json FILE] [--plot FILE]``
compiles a net 784-32-10 (tanh, the cross-entropy of its softmax) and plain Python loops of Runge-Kutta
steps (Lotka-Volterra), and runs them beside C by hand, NumPy, JAX and CasADi (and torch, with
``--torch``), by turns, in one process, on one processor, in float64. What is timed is the value with the
gradient by all parameters; for compiling, all from the recorded graph to the first of them.
Before anything is timed every engine must have come to the same numbers as the first of its
table. Runs are timed by the processor time of this process, compiling by the clock; a ratio is the
median over the rounds, with the least and the greatest. Engines that are not installed are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.measuring import Task, alone, work_off  # noqa: E402
from peers.report import Goal, arguments, describe, introduce, publish, summary  # noqa: E402

__all__ = ['main']

PARTS = ('net', 'rk4', 'size')
ENGINES = ['by_hand', 'ours', 'numpy', 'jax', 'casadi']
OURS, FROM_THE_GRAPH = 'microgradnet', 'microgradnet, from the recorded graph'
COMPILE_NET, COMPILE_STEP = 2, 1 / 2000
#: Compiling so many Runge-Kutta steps may take so many seconds.
COMPILE_STEPS = {1000: 1.0, 10_000: 5.0}
#: How many nodes the irregular graph has whose gradient is compared with its value.
IRREGULAR = 1000


def net_tasks(options: Any) -> Iterator[Task]:
    """Set what is asked of the net."""
    from peers.loops.tasks import classifier

    net = classifier(options.net, options.rows, 20 if options.quick else 50)
    title = f'Net {"-".join(map(str, options.net))}, {options.rows} rows'
    limits = ['C by hand', 'JAX, jit']
    yield Task(
        'gradient', f'{title}: value and gradient', 'net_gradient', net, 'a time', 1, [(OURS, c, 2) for c in limits]
    )
    yield Task(
        'step', f'{title}: one step down', 'net_step', net, 'a step', 1,
        [(f'{OURS}, value_and_gradient a step', f'{c}, a step a call', 2) for c in limits],
    )  # fmt: skip
    yield Task('costs', f'{title}: gradient over value', 'net_costs', net, 'a time', 1, [])
    yield Task(
        'compiling', f'{title}: compiling', 'net_compiling', net, 'a time', 1,
        [(FROM_THE_GRAPH, '', COMPILE_NET)],
    )  # fmt: skip


def rk4_tasks(options: Any) -> Iterator[Task]:
    """Set what is asked of trajectories."""
    from peers.loops.tasks import Trajectory

    for steps in options.steps:
        title, of = f'{steps:,} Runge-Kutta steps', Trajectory(steps)
        yield Task(
            'gradient', f'{title}: value and gradient', 'rk4_gradient', of, 'a time', 1, [(OURS, 'C by hand', 2)]
        )
        yield Task('costs', f'{title}: gradient over value', 'rk4_costs', of, 'a time', 1, [])
        wanted = COMPILE_STEPS.get(steps, max(1, COMPILE_STEP * steps))
        yield Task(
            'compiling', f'{title}: compiling', 'rk4_compiling', of, 'a time', 1,
            [(FROM_THE_GRAPH, '', wanted)],
        )  # fmt: skip


def size_tasks(options: Any) -> Iterator[Task]:
    """Set what is asked of a graph that does not fold."""
    title = f'Irregular, {IRREGULAR:,} nodes: gradient over value'
    yield Task('costs', title, 'irregular_costs', IRREGULAR, 'a time', 1, [])


def timed(task: Task, options: Any) -> tuple[dict[str, Any], list[Goal]]:
    """Measure a task: compiling by the clock, what is run often by processor time."""
    peers = [f'loops.{engine}' for engine in options.engines]
    if task.name == 'compiling':
        return work_off(task, peers, 1 if options.quick else 3, perf_counter, long_is=60)
    return work_off(task, peers, 3 if options.quick else 15, process_time)


def sizes_of(largest: int) -> Any:
    """Let the graphs grow, and print a line for each size."""
    from peers.loops.growth import KINDS, grow, lines

    found = []
    print(f'\nRecording, differentiating and compiling graphs of up to {largest:,} nodes\n{lines()}')
    for kind in KINDS:
        for size in grow(kind, largest):
            found.append(size)
            print(lines(size), flush=True)
    return found


def numbers(separator: str, text: str) -> list[int]:
    return [int(number) for number in text.split(separator)]


def parse(given: list[str] | None) -> Any:
    parser = arguments(__doc__, 'fewer rounds; a small net, few steps, small graphs')
    parser.add_argument('--only', choices=PARTS, help='one part of it')
    parser.add_argument('--torch', action='store_true', help='with torch, which takes minutes')
    parser.add_argument('--engines', metavar='A,B', help=f'of {",".join(ENGINES)}: these alone')
    parser.add_argument('--net', metavar='I-H-O', type=partial(numbers, '-'), help='its size (784-32-10)')
    parser.add_argument('--rows', metavar='N', type=int, help='how many rows the net has (32)')
    parser.add_argument('--steps', metavar='N,M', type=partial(numbers, ','), help='of trajectories (1000,10000)')
    parser.add_argument('--nodes', metavar='N', type=int, help='the largest graph (1000000)')
    options = parser.parse_args(given)
    usual = ([28, 8, 4], 8, [30, 100], 1000) if options.quick else ([784, 32, 10], 32, [1000, 10_000], 1_000_000)
    for name, value in zip(('net', 'rows', 'steps', 'nodes'), usual):
        setattr(options, name, getattr(options, name) or value)
    options.engines = options.engines.split(',') if options.engines else ENGINES
    options.engines = options.engines + ['torch'] * options.torch
    return options


def main(given: list[str] | None = None) -> None:
    """Print the tables as they come, and at the end how they compare with the goals."""
    options = parse(given)
    alone()
    machine = describe()
    introduce(machine)
    results, found, sizes = [], [], []
    for part, tasks in zip(PARTS, (net_tasks, rk4_tasks, size_tasks)):
        if options.only in (None, part):
            for task in tasks(options):
                result, reached = timed(task, options)
                results.append(result)
                found += reached
    below = []
    if options.only in (None, 'size') and 'ours' in options.engines:
        from peers.loops.growth import draw, slopes

        sizes = sizes_of(options.nodes)
        found += slopes(sizes)
        below = [(20, partial(draw, sizes))] if sizes else []
    print(f'\nThe goals, on {machine["machine"]}')
    print('\n'.join(summary(found)))
    publish(options, machine, results, found, also={'sizes': [size._asdict() for size in sizes]}, below=below)


if __name__ == '__main__':
    main()
