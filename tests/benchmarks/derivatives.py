"""How fast derivatives are: gradient and Hessian of Rosenbrock, beside autograd and JAX.

``python tests/benchmarks/derivatives.py [--quick] [--json FILE]`` has all engines work
by turns in one process, so that what else the machine does falls on all of them. A ratio
is the median over the rounds, with the least and the greatest. Every engine gets the
function as its users write it: scalar code over a loop here, arrays in the others, and in
autograd and JAX the loop as well. What JAX takes to compile is told apart. Engines that
are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from microgradnet.derivatives.sparse import sparse_hessian  # noqa: E402
from microgradnet.derivatives.transforms import hessian, hvp, value_and_grad  # noqa: E402

__all__ = ['main']

Run = Callable[[], Any]


class Figure(NamedTuple):
    """One line of the table: what was computed, by which engine, in how many seconds a round."""

    what: str
    engine: str
    seconds: list[float]
    first: float


def loop(x: Any) -> Any:
    """Compute Rosenbrock's function as one writes it down, number by number."""
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def arrays(x: Any) -> Any:
    """Compute Rosenbrock's function for an engine of arrays."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def ours(x: Any) -> Iterator[tuple[str, str, Run]]:
    yield 'value and gradient', 'microgradnet', lambda: value_and_grad(loop)(x)[1]
    yield 'Hessian', 'microgradnet, sparse', lambda: sparse_hessian(loop)(x).toarray()
    yield 'Hessian', 'microgradnet, dense', lambda: hessian(loop)(x)
    yield 'Hessian times a vector', 'microgradnet', lambda: hvp(loop)(x, x)


def autograd(x: Any) -> Iterator[tuple[str, str, Run]]:
    import autograd

    # autograd's hessian is one reverse walk for each row of the gradient.
    yield 'value and gradient', 'autograd, loop', lambda: autograd.value_and_grad(loop)(x)[1]
    yield 'value and gradient', 'autograd, arrays', lambda: autograd.value_and_grad(arrays)(x)[1]
    yield 'Hessian', 'autograd, arrays', lambda: autograd.hessian(arrays)(x)
    yield 'Hessian times a vector', 'autograd, arrays', lambda: autograd.hessian_vector_product(arrays)(x, x)


def jax(x: Any) -> Iterator[tuple[str, str, Run]]:
    import jax

    jax.config.update('jax_enable_x64', True)
    x = jax.numpy.asarray(x)

    def product(x: Any) -> Any:
        return jax.jvp(jax.grad(arrays), (x,), (x,))[1]

    for what, f, wide in (
        ('value and gradient', lambda f: lambda x: jax.value_and_grad(f)(x)[1], [loop, arrays]),
        ('Hessian', jax.hessian, [arrays]),
        ('Hessian times a vector', lambda f: product, [arrays]),
    ):
        for program in wide:
            compiled = jax.jit(f(program))
            yield what, f'JAX, jit, {program.__name__}', lambda c=compiled: c(x).block_until_ready()
        plain = f(arrays)
        yield what, 'JAX, without jit, arrays', lambda p=plain: p(x).block_until_ready()


def measure(n: int, rounds: int) -> list[Figure]:
    """Time every engine once a round; the first time, which may compile, apart."""
    x = np.linspace(-1.5, 1.5, n)
    tasks: list[tuple[str, str, Run]] = []
    for engine in ours, autograd, jax:
        try:
            tasks += engine(x)
        except ImportError as error:
            print(f'left out: {error.name} is not installed')
    first = [timed(run) for _, _, run in tasks]
    agree(tasks)
    times = [[timed(run) for _, _, run in tasks] for _ in range(rounds)]
    return [Figure(what, name, [*column], f) for (what, name, _), f, column in zip(tasks, first, zip(*times))]


def timed(run: Run) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def agree(tasks: list[tuple[str, str, Run]]) -> None:
    """Make sure that all did the same work."""
    known: dict[str, Any] = {}
    for what, engine, run in tasks:
        found = np.asarray(run())
        if not np.allclose(found, known.setdefault(what, found), rtol=1e-9, atol=1e-9):
            raise AssertionError(f'{engine} has another {what}')


def table(figures: list[Figure]) -> Iterator[str]:
    """Write a line for each engine, its ratio to the first of the same task."""
    yield f'{"":24} {"engine":26} {"median":>10} {"first time":>11}  ratio of times to the first engine'
    known: dict[str, Figure] = {}
    for figure in sorted(figures, key=lambda f: [*dict.fromkeys(g.what for g in figures)].index(f.what)):
        base = known.setdefault(figure.what, figure)
        ratios = [a / b for a, b in zip(figure.seconds, base.seconds)]
        spread = '' if figure is base else f'{median(ratios):.3g} ({min(ratios):.3g} .. {max(ratios):.3g})'
        name = figure.what if figure is base else ''
        middle, first = median(figure.seconds) * 1e3, figure.first * 1e3
        yield f'{name:24} {figure.engine:26} {middle:>7.3f} ms {first:>8.1f} ms  {spread}'.rstrip()


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='fewer rounds, fewer variables')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    options = parser.parse_args(arguments)
    n, rounds = (20, 3) if options.quick else (100, 15)
    machine = f'Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors'
    print(f'{machine}\nRosenbrock in {n} variables, {rounds} rounds, float64. Of this machine, at this hour.\n')
    figures = measure(n, rounds)
    print('\n'.join(table(figures)))
    if options.json:
        report = {'machine': machine, 'variables': n, 'figures': [figure._asdict() for figure in figures]}
        options.json.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
