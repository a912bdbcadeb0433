"""What must not change: printed methods, and the bits of random programs, in this checkout and in another one.

    python tests/benchmarks/frozen.py                      # prints what this checkout does, as JSON
    python tests/benchmarks/frozen.py --against ../before  # compares it with another checkout, and says what differs

It uses public names only, so that it runs in checkouts of other layouts.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import random
import subprocess
import sys
from math import isfinite
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
SMOOTH = [
    'atan', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf', 'gelu', 'asinh', 'relu', 'softsign', 'silu', 'abs',
]  # fmt: skip
PAIRS = ['add', 'sub', 'mul', 'div', 'max', 'min', 'hypot', 'atan2']
LAST_DIGITS = 1e-13


def random_program(seed: int) -> Any:
    """Return a function of a list of numbers: shared operands, sums, and in every third a loop."""
    from microgradnet import functions as F

    choose = random.Random(seed)
    steps = [(choose.choice(SMOOTH), choose.choice(PAIRS), choose.random(), choose.random()) for _ in range(12)]
    turns = 40 if seed % 3 == 0 else 1

    def program(x: list[Any]) -> Any:
        known = [*x]
        for _ in range(turns):
            for one, two, a, b in steps:
                left, right = known[int(a * len(known))], known[int(b * len(known))]
                known.append(getattr(F, two)(getattr(F, one)(left) * 0.5, F.sin(right) + 1.5))
            known = known[-len(x) - 3 :]
        return F.dot(known, [k / 7 for k in range(len(known))], known[-1]) + F.sum(known)

    return program


def frozen(programs: int, backends: list[str]) -> dict[str, Any]:
    """Return the source of every method, and what every program gives: eagerly, as graphs, and compiled."""
    from microgradnet import Value, compile, gradients, operations

    found: dict[str, Any] = {'methods': {}, 'bits': {}}
    for op in operations.values():
        method = getattr(Value, op.method or op.name, None)
        if method is not None:
            found['methods'][op.name] = inspect.getsource(method)
    for seed in range(programs):
        choose = random.Random(1000 + seed)
        numbers = [choose.uniform(-2, 2) for _ in range(4)]
        program, xs = random_program(seed), [Value(number) for number in numbers]
        y = program(xs)
        y.backward()
        found['bits'][f'{seed} eager'] = [float(y.data).hex(), *(float(x.grad).hex() for x in xs)]
        found['bits'][f'{seed} graph'] = [float(g.data).hex() for g in gradients(y, xs)]
        for backend in backends:
            compiled = compile(y, parameters=xs, backend=backend)
            value, slopes = compiled.value_and_gradient(numbers)
            found['bits'][f'{seed} {backend}'] = [float(value).hex(), *(float(s).hex() for s in slopes)]
    return found


def apart(one: str, two: str) -> float:
    a, b = float.fromhex(one), float.fromhex(two)
    if one == two or (a != a and b != b):
        return 0.0
    return abs(a - b) / max(abs(a), abs(b), 1e-300) if isfinite(a) and isfinite(b) else float('inf')


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Print what differs; return whether nothing does, but for last digits of compiled gradients."""
    methods = [name for name, text in theirs['methods'].items() if ours['methods'].get(name) != text]
    print(f'methods: {len(theirs["methods"])}, printed differently: {len(methods)} {" ".join(methods[:8])}')
    fine = True
    for kind in sorted({key.split()[1] for key in theirs['bits']}):
        keys = [key for key in theirs['bits'] if key.split()[1] == kind]
        pairs = [[*zip(ours['bits'][key], theirs['bits'][key], strict=True)] for key in keys]
        values = sum(pair[0][0] != pair[0][1] for pair in pairs)
        slopes = sum(any(a != b for a, b in pair[1:]) for pair in pairs)
        worst = max(apart(a, b) for pair in pairs for a, b in pair)
        print(f'{kind}: {len(keys)} programs, values differ {values}, gradients differ {slopes}, worst {worst:.1e}')
        fine = fine and worst <= LAST_DIGITS and not (kind in ('eager', 'graph', 'python') and values)
    return fine


def run(checkout: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, str(HERE), '--programs', str(options.programs), '--backends', *options.backends]
    environment = {**os.environ, 'PYTHONPATH': str(checkout.resolve()), 'MICROGRADNET_CACHE': ''}
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--against', type=Path, help='another checkout')
    parser.add_argument('--programs', type=int, default=200)
    parser.add_argument('--backends', nargs='+', default=['python', 'numpy', 'native'])
    options = parser.parse_args()
    if options.against is None:
        json.dump(frozen(options.programs, options.backends), sys.stdout)
        return 0
    return 0 if compare(run(HERE.parents[2], options), run(options.against, options)) else 1


if __name__ == '__main__':
    sys.exit(main())
