"""What compilers of scalar programs make of an ``if`` and of a ``for``: each by the smallest run, beside the truth.

``python tests/benchmarks/control_flow.py [--only PACKAGE]`` asks every engine that is installed, in a process of its
own (one of them may crash), and prints what it came to:

* ``x * x if x > 1 else -x``, recorded or compiled at 2, and then asked at 0.5;
* the derivatives by a, b, c and d after so many of Euler's steps of Lotka's and Volterra's equations, whose x and y
  are local variables of a loop. The truth is that of complex steps, exact but for rounding.
"""

# Without `from __future__ import annotations`: Warp and Taichi read the annotations of their kernels.
import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

__all__ = ['main']

#: What is asked: its name, and what the engine came to.
Answer = tuple[str, list[float]]
THETA = [1.5, 1.0, 3.0, 1.0]
BRANCH = 'x * x if x > 1 else -x, at 0.5'
OFF = 1e-6


def euler(theta: Any, steps: int) -> Any:
    """Follow Lotka's and Volterra's equations in plain Python; return half a squared distance at the end."""
    a, b, c, d = theta
    x, y, h = 1.0, 1.0, 1 / steps
    for _ in range(steps):
        x, y = x + h * (a * x - b * x * y), y + h * (d * x * y - c * y)
    return 0.5 * ((x - 1.2) * (x - 1.2) + (y - 0.8) * (y - 0.8))


def truth(question: str) -> list[float]:
    """Return the value and the derivatives."""
    if question == BRANCH:
        return [-0.5, -1.0]
    steps, tiny = int(question.split()[0]), 1e-30
    moved = [[p + 1j * tiny * (i == place) for i, p in enumerate(THETA)] for place in range(4)]
    return [euler(THETA, steps), *(euler(theta, steps).imag / tiny for theta in moved)]


def loop(steps: int, way: str = '') -> str:
    return f'{steps} steps{way}'


def microgradnet() -> Iterator[Answer]:
    from microgradnet import compile, value_and_grad

    f = compile(value_and_grad(lambda x: x * x if x > 1 else -x))
    f(2.0)
    yield BRANCH, [*f(0.5)]
    for steps in 1, 30, 31, 1000:
        value, gradient = value_and_grad(lambda theta, n=steps: euler(theta, n))(THETA)
        yield loop(steps), [value, *gradient]


def aadc() -> Iterator[Answer]:
    import aadc

    def recorded(f: Callable[[list[Any]], Any], at: list[float], then: list[float]) -> list[float]:
        functions = aadc.Functions()
        functions.start_recording()
        x = [aadc.idouble(number) for number in at]
        inputs = [number.mark_as_input() for number in x]
        output = f(x).mark_as_output()
        functions.stop_recording()
        if functions.num_passive_warnings():
            print(f'AADC counts {functions.num_passive_warnings()} warning, but raises nothing', file=sys.stderr)
        space = functions.create_workspace(kind='scalar')
        for place, number in zip(inputs, then, strict=True):
            space.set_val(place, number)
        space.forward()
        space.set_diff(output, 1.0)
        space.reverse()
        return [space.val(output), *map(space.diff, inputs)]

    yield BRANCH, recorded(lambda x: x[0] * x[0] if x[0] > 1 else -x[0], [2.0], [0.5])
    for steps in 1, 31, 1000:
        yield loop(steps), recorded(lambda theta, n=steps: euler(theta, n), THETA, THETA)


def jax() -> Iterator[Answer]:
    import jax

    jax.config.update('jax_enable_x64', True)
    yield BRANCH, [*map(float, jax.jit(jax.value_and_grad(lambda x: x * x if x > 1 else -x))(0.5))]


def casadi() -> Iterator[Answer]:
    import casadi as ca

    x = ca.SX.sym('x')
    y = x * x if x > 1 else -x
    yield BRANCH, [float(number) for number in ca.Function('f', [x], [y, ca.gradient(y, x)])(0.5)]


def warp() -> Iterator[Answer]:
    import warp as wp

    wp.config.quiet = True
    wp.config.kernel_cache_dir = tempfile.mkdtemp()
    wp.init()
    more = {'dtype': wp.float64, 'device': 'cpu', 'requires_grad': True}

    @wp.kernel
    def with_locals(p: wp.array(dtype=wp.float64), n: int, h: wp.float64, out: wp.array(dtype=wp.float64)):  # type: ignore
        x = wp.float64(1.0)
        y = wp.float64(1.0)
        for _turn in range(n):
            dx = p[0] * x - p[1] * x * y
            dy = p[3] * x * y - p[2] * y
            x = x + h * dx
            y = y + h * dy
        one = x - wp.float64(1.2)
        two = y - wp.float64(0.8)
        out[0] = wp.float64(0.5) * (one * one + two * two)

    @wp.kernel
    def with_arrays(  # type: ignore
        p: wp.array(dtype=wp.float64),
        n: int,
        h: wp.float64,
        out: wp.array(dtype=wp.float64),
        x: wp.array(dtype=wp.float64),
        y: wp.array(dtype=wp.float64),
    ):
        for i in range(n):
            x[i + 1] = x[i] + h * (p[0] * x[i] - p[1] * x[i] * y[i])
            y[i + 1] = y[i] + h * (p[3] * x[i] * y[i] - p[2] * y[i])
        one = x[n] - wp.float64(1.2)
        two = y[n] - wp.float64(0.8)
        out[0] = wp.float64(0.5) * (one * one + two * two)

    def differentiated(kernel: Any, steps: int, arrays: int) -> list[float]:
        p, out = wp.array(THETA, **more), wp.zeros(1, **more)
        states = [wp.array([1.0] + [0.0] * steps, **more) for _ in range(arrays)]
        tape = wp.Tape()
        with tape:
            wp.launch(kernel, dim=1, inputs=[p, steps, wp.float64(1 / steps), out, *states], device='cpu')
        tape.backward(loss=out)
        return [*out.numpy().tolist(), *p.grad.numpy().tolist()]

    for steps in 1, 10, 100:
        yield loop(steps), differentiated(with_locals, steps, 0)
    for steps in 1, 10, 100:
        yield loop(steps, ', states in arrays'), differentiated(with_arrays, steps, 2)


def taichi(stack: int = 0) -> Iterator[Answer]:
    import taichi as ti

    more = {'ad_stack_size': stack} if stack else {}
    ti.init(arch=ti.cpu, default_fp=ti.f64, cpu_max_num_threads=1, log_level=ti.ERROR, offline_cache=False, **more)
    p, out = ti.field(ti.f64, shape=4, needs_grad=True), ti.field(ti.f64, shape=(), needs_grad=True)

    @ti.kernel
    def end(n: ti.i32, h: ti.f64):  # type: ignore
        for _ in range(1):
            x = 1.0
            y = 1.0
            for _turn in range(n):
                dx = p[0] * x - p[1] * x * y
                dy = p[3] * x * y - p[2] * y
                x = x + h * dx
                y = y + h * dy
            out[None] += 0.5 * ((x - 1.2) ** 2 + (y - 0.8) ** 2)

    for steps in 1, 30, 31, 32, 100, 1000:
        way = f', ad_stack_size={stack}' if stack else ''
        print(json.dumps([loop(steps, way), None]), flush=True)
        for i, number in enumerate(THETA):
            p[i] = number
        out[None] = 0.0
        p.grad.fill(0.0)
        out.grad[None] = 1.0
        end(steps, 1 / steps)
        end.grad(steps, 1 / steps)
        yield loop(steps, way), [out[None], *p.grad.to_numpy().tolist()]


def drjit() -> Iterator[Answer]:
    import drjit as dr
    from drjit.llvm.ad import Float64, UInt32

    def differentiated(steps: int, **how: Any) -> list[float]:
        theta = [Float64(number) for number in THETA]
        dr.enable_grad(*theta)
        h = 1 / steps

        def body(i: Any, x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
            return i + 1, x + h * (a * x - b * x * y), y + h * (d * x * y - c * y), a, b, c, d

        start = UInt32(0), Float64(1.0), Float64(1.0), *theta
        _, x, y, *_ = dr.while_loop(start, lambda i, *_: i < steps, body, **how)
        value = 0.5 * ((x - 1.2) ** 2 + (y - 0.8) ** 2)
        dr.backward(value)
        return [value[0], *(number.grad[0] for number in theta)]

    for steps in 10, 1000:
        yield loop(steps, ', evaluated'), differentiated(steps, mode='evaluated')
        for most in steps, -1:
            way = {'mode': 'symbolic', 'max_iterations': most}
            yield loop(steps, f', symbolic, max_iterations={most}'), differentiated(steps, **way)


#: Each package, and who asks it.
ENGINES: dict[str, list[Callable[[], Iterator[Answer]]]] = {
    'microgradnet': [microgradnet],
    'aadc': [aadc],
    'jax': [jax],
    'casadi': [casadi],
    'warp': [warp],
    'taichi': [taichi, lambda: taichi(1002)],
    'drjit': [drjit],
}


def one(package: str, place: int) -> None:
    """Ask one engine here, and print its answers as lines of JSON."""
    for answer in ENGINES[package][place]():
        print(json.dumps(answer), flush=True)


def ask(package: str, place: int) -> Iterator[str]:
    """Ask one engine in a process of its own; write a line for each answer, and how it ended if not well."""
    command = [sys.executable, str(HERE), '--one', package, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    under_way = ''
    for line in done.stdout.splitlines():
        if not line.startswith('["'):
            continue
        question, found = json.loads(line)
        under_way = question if found is None else ''
        if found is not None:
            right = truth(question)
            scale = max(map(abs, right))
            wrong = any(not abs(a - b) <= OFF * scale for a, b in zip(found, right, strict=True))
            numbers = ' '.join(f'{number:10.6f}' for number in found)
            beside = ' '.join(f'{number:10.6f}' for number in right)
            yield f'  {question:44} {numbers}  ' + (f'WRONG: {beside}' if wrong else 'right')
    yield from (f'  {line}' for line in done.stderr.splitlines() if line.startswith('AADC counts'))
    if done.returncode < 0:
        yield f'  {under_way:44} crashes: {Signals(-done.returncode).name}'
    elif done.returncode:
        errors = [line for line in done.stderr.splitlines() if 'Error: ' in line]
        yield f'  {BRANCH:44} raises {errors[-1][:150] if errors else done.returncode}'


def main(arguments: list[str] | None = None) -> None:
    """Print what every engine came to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=ENGINES, metavar='PACKAGE', help=f'one of {", ".join(ENGINES)}')
    parser.add_argument('--one', nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        one(options.one[0], int(options.one[1]))
        return
    for package, ways in ENGINES.items():
        if options.only not in (None, package):
            continue
        if not find_spec(package):
            print(f'{package}: not installed')
            continue
        print(package)
        for place in range(len(ways)):
            print('\n'.join(ask(package, place)), flush=True)


if __name__ == '__main__':
    main()
