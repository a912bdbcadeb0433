"""What it costs to share a gradient among workers, and from how many rows on it pays.

``python tests/benchmarks/workers.py [--quick] [--rows N,M] [--json FILE]`` computes the error and the
gradient of a net 2-16-16-1 over rows of three numbers: in this process, and by 1 and by 2 workers of a
``ProcessPoolExecutor`` and, where it is installed, of a Dask cluster of processes on this machine. All take turns
in one run; a ratio is the median over the rounds, with the least and the greatest. They all come to
the same numbers, or there is no figure.

From these it fits the model ``seconds = latency + rows * seconds a row / workers``, counts the bytes that
travel in an epoch, and says for more workers from how many rows on two times the speed is to be had.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.report import describe, seconds  # noqa: E402

__all__ = ['main']

SIZES, WORKERS = [3_000, 100_000, 3_000_000], [1, 2]
Way = Callable[[Any], Any]


class Counting(Executor):
    """Does tasks at once, and counts the bytes that would have travelled."""

    def __init__(self) -> None:
        self.sent = self.returned = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        self.sent += len(pickle.dumps((fn, args)))
        self.returned += len(pickle.dumps(future.result()))
        return future


@contextmanager
def executors(dask: bool) -> Iterator[dict[str, tuple[int, Executor]]]:
    """Start all workers; they idle while it is not their turn."""
    found: dict[str, tuple[int, Executor]] = {}
    with ExitStack() as stack:
        for count in WORKERS:
            pool = ProcessPoolExecutor(count, mp_context=get_context('spawn'))
            found[f'process pool, {count}'] = count, stack.enter_context(pool)
        for count in WORKERS if dask else []:
            from distributed import Client, LocalCluster

            cluster = stack.enter_context(
                LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=':0', silence_logs=50)
            )
            found[f'Dask, {count}'] = count, stack.enter_context(Client(cluster)).get_executor()
        yield found


def measured(ways: dict[str, Way], theta: Any, rounds: int) -> dict[str, list[float]]:
    """Time all ways by turns, after a first time that is not counted, and must agree."""
    import numpy

    wanted = None
    for name, way in ways.items():
        found = numpy.array([float(number) for number in way(theta)])
        wanted = found if wanted is None else wanted
        if not numpy.allclose(found, wanted, rtol=1e-9, atol=1e-6):
            raise AssertionError(f'{name}: other numbers')
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = perf_counter()
            way(theta)
            times[name].append(perf_counter() - start)
    return times


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each size, and the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='few rows, few rounds, no Dask')
    parser.add_argument('--rows', metavar='N,M', type=lambda text: [*map(int, text.split(','))], help=f'{SIZES}')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    options = parser.parse_args(arguments)
    import numpy

    from microgradnet import MLP, Value, compile, half_squared_error

    machine = describe()
    print('\n'.join(f'{name}: {value}' for name, value in machine.items()))
    net = MLP(2, [16, 16, 1], 'tanh', seed=1)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    program = compile(half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend='native')
    theta = numpy.array([p.data for p in net.parameters()])
    found: list[dict[str, Any]] = []
    try:
        import distributed  # noqa: F401

        dask = not options.quick
    except ImportError:
        dask = False
        print('left out: Dask: distributed is not installed')
    with executors(dask) as workers:
        for n in options.rows or ([1000, 10_000] if options.quick else SIZES):
            rows = numpy.random.default_rng(n).normal(size=(n, 3))
            counting = Counting()
            shards = {'bytes': program.shards(rows, counting, 2)}
            shards['bytes'].sums(theta)
            ways: dict[str, Way] = {'here': lambda theta, rows=rows: program._gradient.sums(rows, theta)}
            start = perf_counter()
            for name, (count, executor) in workers.items():
                ways[name] = (shards.setdefault(name, program.shards(rows, executor, count))).sums
            sharded = perf_counter() - start
            times = measured(ways, theta, 3 if options.quick else 15)
            print(f'\n{n:,} rows, {rows.nbytes:,} bytes; sent to all of them in {seconds(sharded)}, once')
            print(f'an epoch by 2 workers sends {counting.sent:,} bytes, and {counting.returned:,} come back')
            print(f'{"":20} {"an epoch":>10}  times as fast as here')
            for name, column in times.items():
                ratios = [here / there for here, there in zip(times['here'], column)]
                spread = f'{median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})'
                print(f'{name:20} {seconds(median(column)):>10}  {spread}')
                found.append({'rows': n, 'way': name, 'seconds': column})
            sys.stdout.flush()
    model(found)
    if options.json:
        options.json.write_text(json.dumps({'machine': machine, 'figures': found}, indent=1))


def model(found: list[dict[str, Any]]) -> None:
    """Print what the smallest and the largest size say of latency and of more workers."""
    sizes = sorted({figure['rows'] for figure in found})
    at = {(figure['way'], figure['rows']): median(figure['seconds']) for figure in found}
    row = (at['here', sizes[-1]] - at['here', sizes[0]]) / (sizes[-1] - sizes[0])
    print(f'\nHere a row takes {seconds(row)}. An epoch takes latency + rows * {seconds(row)} / workers:')
    for way in dict.fromkeys(figure['way'] for figure in found):
        if way != 'here':
            count = int(way.split()[-1])
            latency = max(at[way, sizes[0]] - sizes[0] * row / count, 0.0)
            print(f'{way:20} latency {seconds(latency):>8}, {seconds(latency / count)} a worker: ', end='')
            limits = ((k, 2 * latency / count * k / row / (1 - 2 / k)) for k in (4, 16, 64))
            print('twice as fast from ' + ', '.join(f'{rows:,.0f} rows on by {k}' for k, rows in limits))


if __name__ == '__main__':
    main()
