"""How long the functions of machine code take, a number, beside the C library's and its vectors (libmvec), in one run.

``python tests/benchmarks/functions.py [--quick] [--only exp,tanh,...] [--json FILE]`` computes each
function of a thousand numbers near the processor: in all lanes of it, plainly and with ``fast``, beside
what ``gcc -O3 -ffast-math -march=native`` makes of the same loop (calls of libmvec, 4 ulps); and number by
number, beside the C library's own: many of them independent of each other (``one lane``), and each waiting
for the one before (``chain``), as in on-line learning. Each is timed by the processor time of this process,
by turns; a ratio is the median over the rounds, with the least and the greatest.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import statistics
import sys
from collections.abc import Callable
from math import fsum
from pathlib import Path
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.compiler import build  # noqa: E402
from peers.report import describe  # noqa: E402

from microgradnet.compiling.ir.sweeps import lower  # noqa: E402
from microgradnet.compiling.printers.libm import declarations, definitions, symbols  # noqa: E402
from microgradnet.compiling.printers.llvm import block  # noqa: E402
from microgradnet.compiling.run.machine import Machine, lanes_of_the_processor  # noqa: E402
from microgradnet.compiling.run.native import Memory  # noqa: E402
from microgradnet.engine.value import Value  # noqa: E402

__all__ = ['main']

#: Ours, C's, and between which numbers.
FUNCTIONS: dict[str, tuple[Callable[[Value], Value], str, float, float]] = {
    'exp': (Value.exp, 'exp(x)', -5, 5),
    'sigmoid': (Value.sigmoid, '1.0 / (1.0 + exp(-x))', -5, 5),
    'tanh': (Value.tanh, 'tanh(x)', -5, 5),
    'sin': (Value.sin, 'sin(x)', -5, 5),
    'log': (Value.log, 'log(x)', 0.1, 10),
    'pow': (lambda x: x**2.7, 'pow(x, 2.7)', 0.1, 10),
}
NUMBERS = 1024
C = """
#include <math.h>
void over_{name}(const double *a, double *y, long n) {{
    for (long i = 0; i < n; i++) {{ double x = a[i]; y[i] = {formula}; }}
}}
void chain_{name}(const double *a, double *y, long n) {{
    double last = 0.0;
    for (long i = 0; i < n; i++) {{ double x = a[i] + last * 0.0; y[i] = last = {formula}; }}
}}
"""
LOOPS = """
define void @over(ptr %a, ptr %y, i64 %n) {{
start:
  br label %next
next:
  %i = phi i64 [0, %start], [%j, %next]
  %from = getelementptr double, ptr %a, i64 %i
  %to = getelementptr double, ptr %y, i64 %i
  call void @part0(ptr %from, ptr null, ptr %to, ptr null)
  %j = add i64 %i, {lanes}
  %more = icmp ult i64 %j, %n
  br i1 %more, label %next, label %end
end:
  ret void
}}
define void @chain(ptr %a, ptr %y, i64 %n) {{
start:
  %at = alloca {type}
  %got = alloca {type}
  store {type} zeroinitializer, ptr %got
  br label %next
next:
  %i = phi i64 [0, %start], [%j, %next]
  %from = getelementptr double, ptr %a, i64 %i
  %to = getelementptr double, ptr %y, i64 %i
  %x = load {type}, ptr %from, align 8
  %last = load {type}, ptr %got
  %none = fmul {type} %last, zeroinitializer
  %sum = fadd {type} %x, %none
  store {type} %sum, ptr %at
  call void @part0(ptr %at, ptr null, ptr %got, ptr null)
  %result = load {type}, ptr %got
  store {type} %result, ptr %to, align 8
  %j = add i64 %i, {lanes}
  %more = icmp ult i64 %j, %n
  br i1 %more, label %next, label %end
end:
  ret void
}}
attributes #0 = {{ nounwind alwaysinline }}
"""
RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


def ours(name: str, lanes: int, fast: bool) -> tuple[Any, Any]:
    """Compile a function as programs have it; return what runs it over numbers, and in a chain."""
    x = Value(1.0)
    routine = lower([FUNCTIONS[name][0](x)], [x], [])
    names = routine.used()
    kind = 'double' if lanes == 1 else f'<{lanes} x double>'
    text = [definitions(names, lanes, True), declarations(names), block(routine, lanes, False, fast).text]
    machine = Machine('\n'.join([*text, LOOPS.format(lanes=lanes, type=kind)]), symbols(names))
    return tuple((RUN(machine[way]), machine) for way in ('over', 'chain'))


def theirs(name: str) -> dict[str, Any]:
    """Compile the loops in C, with libmvec and without."""
    text = C.format(name=name, formula=FUNCTIONS[name][1])
    return {'vectors': build(text, '-ffast-math'), 'plain': build(text, '-fno-builtin', '-fno-tree-vectorize')}


def measure(name: str, rounds: int, times: int) -> dict[str, Any]:
    """Return the nanoseconds a number of every way to compute a function, and ratios."""
    lanes = lanes_of_the_processor()
    _, _, low, high = FUNCTIONS[name]
    random.seed(1)
    numbers, results = Memory(NUMBERS), Memory(NUMBERS)
    given, made = ((ctypes.c_double * NUMBERS).from_address(memory.address) for memory in (numbers, results))
    given[:] = [random.uniform(low, high) for _ in range(NUMBERS)]
    libraries = theirs(name)
    one, all_of_them, fast = ours(name, 1, False), ours(name, lanes, False), ours(name, lanes, True)
    ways = {
        f'{lanes} lanes': all_of_them[0][0], f'{lanes} lanes, fast': fast[0][0],
        'libmvec': RUN((f'over_{name}', libraries['vectors'])),
        'one lane': one[0][0], 'C': RUN((f'over_{name}', libraries['plain'])),
        'chain': one[1][0], 'C, chain': RUN((f'chain_{name}', libraries['plain'])),
    }  # fmt: skip
    sums = {}
    for way, run in ways.items():
        run(numbers.address, results.address, NUMBERS)
        sums[way] = fsum(made)
    first, *others = sums.values()
    assert all(abs(other - first) <= 1e-12 * abs(first) + 1e-11 for other in others), sums
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            start = process_time()
            for _ in range(times):
                run(numbers.address, results.address, NUMBERS)
            taken[way].append((process_time() - start) / times / NUMBERS * 1e9)
    pairs = [
        (f'{lanes} lanes', 'libmvec'),
        (f'{lanes} lanes, fast', 'libmvec'),
        ('one lane', 'C'),
        ('chain', 'C, chain'),
    ]
    ratios = {}
    for mine, other in pairs:
        found = sorted(m / o for m, o in zip(taken[mine], taken[other], strict=True))
        ratios[f'{mine} / {other}'] = [statistics.median(found), found[0], found[-1]]
    return {'nanoseconds': {way: statistics.median(t) for way, t in taken.items()}, 'ratios': ratios}


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='fewer rounds')
    parser.add_argument('--only', default=','.join(FUNCTIONS), metavar='NAMES', help='these functions')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write all that was measured there, too')
    options = parser.parse_args(arguments)
    results = {}
    for name in options.only.split(','):
        results[name] = measure(name, 5 if options.quick else 15, 60)
        figures, ratios = results[name].values()
        print(f'{name:8}', '  '.join(f'{way} {ns:.2f}' for way, ns in figures.items()), '(ns)')
        for pair, (middle, least, greatest) in ratios.items():
            print(f'{"":8} {pair:28} {middle:5.2f} ({least:.2f} to {greatest:.2f})')
    if options.json:
        options.json.write_text(json.dumps({'machine': describe(), 'functions': results}, indent=1) + '\n')


if __name__ == '__main__':
    main()
