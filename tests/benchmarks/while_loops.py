"""Loops whose count depends on the numbers, beside C written by hand: ``python tests/benchmarks/while_loops.py``.

Newton's square root of 100,000 numbers and an adaptive Heun method of 10,000 rows that differ in steps, values and
gradients. Medians of process time, in ms, all on one thread, ours and C's in turn.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from microgradnet import Program, Value, recording
from microgradnet import functions as F

C = r"""
#include <math.h>
#include <stdlib.h>
#define STEP(k) double hh = h < 2.0 - t ? h : 2.0 - t, one = -k * y, z = y + hh * one, two = -k * z; \
    double e = fabs(two - one) * hh / 2 + 1e-300, f = 0.9 * sqrt(1e-6 / e); f = f < 0.2 ? 0.2 : f > 5 ? 5 : f;
void newton(const double *a, double *out, long n) {
    for (long i = 0; i < n; i++) {
        double x = a[i];
        while (fabs(x * x - a[i]) > 1e-12 * a[i]) x = (x + a[i] / x) / 2;
        out[i] = x;
    }
}
void newton_gradient(const double *a, double *out, long n) {
    double *kept = malloc(8 * 10000);
    for (long i = 0; i < n; i++) {
        double x = a[i], s = 1, da = 0;
        long m = 0;
        while (fabs(x * x - a[i]) > 1e-12 * a[i]) { kept[m++] = x; x = (x + a[i] / x) / 2; }
        while (m > 0) { x = kept[--m]; da += s / 2 / x; s = s / 2 - s / 2 * (a[i] / x) / x; }
        out[i] = da + s;
    }
    free(kept);
}
void solve(const double *k, double *out, long n) {
    for (long i = 0; i < n; i++) {
        double y = 1, t = 0, h = 0.01;
        while (t < 2.0) { STEP(k[i]) if (e < 1e-6) { y += hh * (one + two) / 2; t += hh; } h = hh * f; }
        out[i] = y;
    }
}
void solve_gradient(const double *k, double *out, long n) {
    double *kept = malloc(24 * 100000);
    for (long i = 0; i < n; i++) {
        double y = 1, t = 0, h = 0.01, s = 1, dk = 0;
        long m = 0;
        while (t < 2.0) {
            kept[m++] = t; kept[m++] = y; kept[m++] = h;
            STEP(k[i]) if (e < 1e-6) { y += hh * (one + two) / 2; t += hh; } h = hh * f;
        }
        while (m > 0) {
            h = kept[--m]; y = kept[--m]; t = kept[--m];
            STEP(k[i])
            (void)f;
            if (e < 1e-6) {
                double half = s * hh / 2, sz = -k[i] * half, so = half + sz * hh;
                dk -= half * z + so * y; s += sz - k[i] * so;
            }
        }
        out[i] = dk;
    }
    free(kept);
}
"""


def newton(a: Any) -> Any:
    return F.while_loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: (x + a / x) / 2, a)


def solve(k: Any) -> Any:
    def step(t: Any, y: Any, h: Any) -> tuple[Any, Any, Any]:
        h = F.min(h, 2.0 - t)
        one = -k * y
        two = -k * (y + h * one)
        error = abs(two - one) * h / 2 + 1e-300
        good, used = F.less(error, 1e-6), F.stop_gradient(h)
        factor = F.clip(0.9 * F.sqrt(1e-6 / error), 0.2, 5.0)
        new = y + used * (one + two) / 2
        return F.where(good, t + used, t), F.where(good, new, y), F.stop_gradient(h * factor)

    return F.while_loop(lambda t, y, h: t < 2.0, step, 0.0, 1.0, 0.01)[1]


def medians(*runs: Callable[[], object]) -> list[float]:
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(9):
        for taken, run in zip(times, runs):
            start = time.process_time()
            run()
            taken.append(1e3 * (time.process_time() - start))
    return [sorted(taken)[4] for taken in times]


def main() -> int:
    compiler = shutil.which('gcc') or shutil.which('cc')
    if not compiler:
        print('there is no C compiler')
        return 1
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, 'hand.c'), str(Path(folder, 'hand.so'))
        source.write_text(C)
        command = [compiler, '-O3', '-march=native', '-shared', '-fPIC', '-o', made, str(source), '-lm']
        subprocess.run(command, check=True)
        hand = ctypes.CDLL(made)
    random = np.random.default_rng(0)
    tasks: list[tuple[str, Callable[[Any], Any], Any]] = [
        ('newton', newton, np.exp(random.uniform(-3, 6, 100_000))),
        ('solve', solve, np.exp(random.uniform(-3, 2, 10_000))),
    ]
    for name, f, numbers in tasks:
        x, w, out = Value(0.5), Value(1.0), np.empty_like(numbers)
        with recording():
            y = f(x * w)
        program, rows = Program(y, rows=[x], parameters=[w]), numbers.reshape(-1, 1)

        addresses = ctypes.c_void_p(numbers.ctypes.data), ctypes.c_void_p(out.ctypes.data), len(numbers)
        for what, run in ('', partial(program, rows)), ('_gradient', partial(program.value_and_gradient, [1.0], rows)):
            by_hand = partial(getattr(hand, name + what), *addresses)
            found = run()
            by_hand()
            same = np.allclose(found, out, 1e-9) if not what else np.isclose(found[1][0], (out * numbers).sum(), 1e-9)
            if not same:
                raise AssertionError(f'{name}{what} differs')
            ours, theirs = medians(run, by_hand)
            print(f'{name}{what}: {ours:.2f}, C {theirs:.2f}, {ours / theirs:.2f} times')
    return 0


if __name__ == '__main__':
    sys.exit(main())
