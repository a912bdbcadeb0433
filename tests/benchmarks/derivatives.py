"""How fast derivatives are: gradient and Hessian of Rosenbrock, beside autograd and JAX; and compiled ones.

``python tests/benchmarks/derivatives.py [--quick] [--json FILE]`` has all engines work
by turns in one process, so that what else the machine does falls on all of them. A ratio
is the median over the rounds, with the least and the greatest. Every engine gets the
function as its users write it: scalar code over a loop here, arrays in the others, and in
autograd and JAX the loop as well. What JAX takes to compile is told apart. Engines that
are not installed are left out.

Compiled derivatives are those of whole programs: through the steps of Runge and Kutta's method (a Python loop here,
a scan in JAX), of Rosenbrock's function, dense and sparse, and of atoms that attract each other. The disk
cache is off, so that the first time is what a new program takes; ``--again`` measures the next process with it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np

if '--first-calls' not in sys.argv:
    os.environ['MICROGRADNET_CACHE'] = ''
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from microgradnet.compiling import compile  # noqa: E402
from microgradnet.derivatives.sparse import sparse_hessian  # noqa: E402
from microgradnet.derivatives.transforms import hessian, hvp, jacobian, value_and_grad  # noqa: E402

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


def slope(p: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Compute how fast prey and predators grow: Lotka and Volterra's equations."""
    return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y


def step(p: Any, x: Any, y: Any, h: float = 0.01) -> tuple[Any, Any]:
    """Do a step of Runge and Kutta's method."""
    a, b = slope(p, x, y)
    c, d = slope(p, x + h / 2 * a, y + h / 2 * b)
    e, f = slope(p, x + h / 2 * c, y + h / 2 * d)
    g, i = slope(p, x + h * e, y + h * f)
    return x + h / 6 * (a + 2 * c + 2 * e + g), y + h / 6 * (b + 2 * d + 2 * f + i)


def states(steps: int, make: Callable[[Any], Any] = np.array) -> Callable[[Any], Any]:
    def run(p: Any) -> Any:
        x, y, found = 1.0, 0.5, []
        for _ in range(steps):
            x, y = step(p, x, y)
            found += [x, y]
        return make(found)

    return run


def final(steps: int) -> Callable[[Any], Any]:
    def run(p: Any) -> Any:
        *_, x, y = states(steps, list)(p)
        return x * x + y * y

    return run


def attraction(x: Any) -> Any:
    """Compute the energy of atoms by Lennard and Jones."""
    energy, atoms = 0.0, range(len(x) // 3)
    for i in atoms:
        for j in range(i):
            square = sum((x[3 * i + k] - x[3 * j + k]) * (x[3 * i + k] - x[3 * j + k]) for k in range(3))
            sixth = 1 / (square * square * square)
            energy = energy + 4 * (sixth * sixth - sixth)
    return energy


class Sizes(NamedTuple):
    """How large the compiled tasks are."""

    gradient: int = 1000
    hessian: int = 400
    states: int = 200
    rosenbrock: int = 200
    side: int = 4

    @property
    def names(self) -> list[str]:
        return [
            f'value, gradient: {self.gradient} steps', f'Hessian: {self.hessian} steps',
            f'Jacobian: {self.states} steps', f'Hessian: Rosenbrock {self.rosenbrock}',
            f'value, gradient: {self.side ** 3} atoms',
        ]  # fmt: skip

    @property
    def points(self) -> list[Any]:
        p, line = np.array([1.5, 1.0, 0.8, 0.6]), np.arange(self.side, dtype=float)
        grid = 1.1 * np.stack(np.meshgrid(line, line, line), axis=-1).ravel()
        return [p, p, p, np.linspace(-1.5, 1.5, self.rosenbrock), grid]


def compiled_ours(sizes: Sizes) -> Iterator[tuple[str, str, Run]]:
    made = [
        compile(value_and_grad(final(sizes.gradient))), compile(hessian(final(sizes.hessian))),
        compile(jacobian(states(sizes.states))), compile(hessian(loop)), compile(value_and_grad(attraction)),
    ]  # fmt: skip
    for what, f, x in zip(sizes.names, made, sizes.points):
        yield what, 'microgradnet', lambda f=f, x=x: gradient_of(f(x))
    sparse = compile(sparse_hessian(loop))
    yield sizes.names[3], 'microgradnet, sparse', lambda: sparse(sizes.points[3])


def compiled_jax(sizes: Sizes) -> Iterator[tuple[str, str, Run]]:
    import jax

    jax.config.update('jax_enable_x64', True)
    np_ = jax.numpy

    def scanned(steps: int) -> Callable[[Any], Any]:
        def run(p: Any) -> Any:
            def turn(state: Any, _: Any) -> Any:
                state = step(p, *state)
                return state, np_.stack(state)

            return jax.lax.scan(turn, (np_.float64(1.0), np_.float64(0.5)), None, length=steps)[1]

        return run

    def end(steps: int) -> Callable[[Any], Any]:
        return lambda p: (scanned(steps)(p)[-1] ** 2).sum()

    def energy(x: Any) -> Any:
        x = x.reshape(-1, 3)
        i, j = np.tril_indices(len(x), -1)
        sixth = ((x[i] - x[j]) ** 2).sum(axis=1) ** -3
        return 4 * (sixth * sixth - sixth).sum()

    made = [
        jax.value_and_grad(end(sizes.gradient)), jax.hessian(end(sizes.hessian)),
        jax.jacfwd(lambda p: scanned(sizes.states)(p).ravel()), jax.hessian(arrays), jax.value_and_grad(energy),
    ]  # fmt: skip
    for what, f, x in zip(sizes.names, map(jax.jit, made), map(np_.asarray, sizes.points)):
        yield what, 'JAX, jit', lambda f=f, x=x: jax.block_until_ready(gradient_of(f(x)))


def compiled_casadi(sizes: Sizes) -> Iterator[tuple[str, str, Run]]:
    import casadi

    for place, f in (3, loop), (4, attraction):
        what, point = sizes.names[place], sizes.points[place]

        def run(f: Any = f, place: int = place, point: Any = point, made: list[Any] = []) -> Any:  # noqa: B006
            if not made:
                x = casadi.SX.sym('x', len(point))
                y = f([x[k] for k in range(len(point))])
                found = casadi.hessian(y, x)[0] if place == 3 else casadi.gradient(y, x)
                made.append(casadi.Function('f', [x], [found]))
            result = made[0](point)
            return result.sparse() if place == 3 else result.full().ravel()

        yield what, 'CasADi, its own machine', run


def gradient_of(result: Any) -> Any:
    return result[1] if isinstance(result, tuple) else result


def measure(engines: Sequence[Callable[[Any], Iterator[tuple[str, str, Run]]]], x: Any, rounds: int) -> list[Figure]:
    """Time every engine once a round; the first time, which may compile, apart."""
    tasks: list[tuple[str, str, Run]] = []
    for engine in engines:
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
        result = run()
        found = np.asarray(result.toarray() if hasattr(result, 'toarray') else result)
        if not np.allclose(found, known.setdefault(what, found), rtol=1e-9, atol=1e-9):
            raise AssertionError(f'{engine} has another {what}')


def table(figures: list[Figure]) -> Iterator[str]:
    """Write a line for each engine, its ratio to the first of the same task."""
    yield f'{"":30} {"engine":26} {"median":>10} {"first time":>11}  ratio of times to the first engine'
    known: dict[str, Figure] = {}
    for figure in sorted(figures, key=lambda f: [*dict.fromkeys(g.what for g in figures)].index(f.what)):
        base = known.setdefault(figure.what, figure)
        ratios = [a / b for a, b in zip(figure.seconds, base.seconds)]
        spread = '' if figure is base else f'{median(ratios):.3g} ({min(ratios):.3g} .. {max(ratios):.3g})'
        name = figure.what if figure is base else ''
        middle, first = median(figure.seconds) * 1e3, figure.first * 1e3
        yield f'{name:30} {figure.engine:26} {middle:>7.3f} ms {first:>8.1f} ms  {spread}'.rstrip()


def first_calls() -> None:
    """Print what the first calls of compiled gradients take in this process, in seconds of its processor."""
    sizes = Sizes()
    for place, f in (0, final(sizes.gradient)), (4, attraction):
        compiled, start = compile(value_and_grad(f)), process_time()
        compiled(sizes.points[place])
        print(f'{sizes.names[place]:30} {process_time() - start:>8.3f} s')


def again() -> None:
    """Have a process compile, and another one after it, with a disk cache of their own."""
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        for name in 'first', 'second':
            print(f'\nIn the {name} process, first calls:', flush=True)
            command = [sys.executable, __file__, '--first-calls']
            subprocess.run(command, env={**os.environ, 'MICROGRADNET_CACHE': folder}, check=True)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='fewer rounds, fewer variables')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    parser.add_argument('--again', action='store_true', help='what the disk cache saves the next process, alone')
    parser.add_argument('--first-calls', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.again:
        again()
        return
    if options.first_calls:
        first_calls()
        return
    n, rounds = (20, 3) if options.quick else (100, 15)
    machine = f'Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors'
    print(f'{machine}\nRosenbrock in {n} variables, {rounds} rounds, float64. Of this machine, at this hour.\n')
    figures = measure([ours, autograd, jax], np.linspace(-1.5, 1.5, n), rounds)
    print('\n'.join(table(figures)))
    sizes = Sizes(60, 40, 20, 20, 2) if options.quick else Sizes()
    compiled = measure([compiled_ours, compiled_jax, compiled_casadi], sizes, rounds)
    print('\nCompiled:\n' + '\n'.join(table(compiled)))
    figures += compiled
    if options.json:
        report = {'machine': machine, 'variables': n, 'figures': [figure._asdict() for figure in figures]}
        options.json.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
