"""A small GPT, written in scalars, that learns names from the standard library and invents others.

``python demos/names.py [--steps N] [--seed N] [--invent N] [--no-compare]`` reads the names in the standard
library's own source, of 3 to 10 letters, and learns to say which letter comes next: embeddings of letters and
places, attention with four heads over the letters so far, a layer of 64, RMS norms, 4,192 weights, Adam
(Kingma and Ba 2015). The architecture is that of GPT-2 (Radford and others 2019), without biases.

The model is written once, in ordinary Python. On Values it is recorded; for each length of a name it is
recorded once and compiled; on floats it just computes, which is how names are invented in the end. At the
end a few steps are done again by the engine without compiling, and by a plain ``Value`` as in
``names_plain.py``, and must come to the same error and the same gradient.
"""

from __future__ import annotations

import argparse
import builtins
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from random import Random
from time import perf_counter
from types import CodeType
from typing import Any

import numpy as np

from microgradnet import Program, Value, compile, dot, mean, softmax
from microgradnet.functions import logsumexp, relu

LETTERS = '.abcdefghijklmnopqrstuvwxyz'  # the first begins and ends a name
WIDTH, HEADS, LONGEST = 16, 4, 16
SHAPES = {
    'letter': (27, WIDTH), 'place': (LONGEST, WIDTH), 'query': (WIDTH, WIDTH), 'key': (WIDTH, WIDTH),
    'value': (WIDTH, WIDTH), 'join': (WIDTH, WIDTH), 'up': (64, WIDTH), 'down': (WIDTH, 64), 'next': (27, WIDTH),
}  # fmt: skip
Vector = list[Any]


def names() -> list[str]:
    """List the names of 3 to 10 small letters in the top folder of the standard library, in order."""
    found: set[str] = set()
    codes: list[Any] = [
        builtins.compile(path.read_bytes(), path, 'exec', dont_inherit=True)  # and not run
        for path in Path(sysconfig.get_path('stdlib')).glob('*.py')
    ]
    for code in codes:  # which grows by the functions and classes inside
        found.update(code.co_names, code.co_varnames, [code.co_name])
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return sorted(name for name in found if 3 <= len(name) <= 10 and {*name} <= {*LETTERS[1:]})


# The model.
def linear(rows: Sequence[Vector], x: Vector, start: Vector | None = None) -> Vector:
    return [dot(row, x, c) for row, c in zip(rows, start or [0.0] * len(rows))]


def norm(x: Vector) -> Vector:
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [number * scale for number in x]


def plus(x: Vector, y: Vector) -> Vector:
    return [a + b for a, b in zip(x, y)]


def follow(w: dict[str, Any], x: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
    """Take in one more letter, embedded as x; return how likely each letter is to be next, as logits."""
    x = norm(x)
    normed = norm(x)
    query, key, value = (linear(w[name], normed) for name in ('query', 'key', 'value'))
    keys.append(key)
    values.append(value)
    heads = []
    for start in range(0, WIDTH, WIDTH // HEADS):
        head = slice(start, start + WIDTH // HEADS)
        attention = softmax([dot(query[head], key[head]) / (WIDTH // HEADS) ** 0.5 for key in keys])
        heads += [dot(attention, column) for column in zip(*(value[head] for value in values))]
    x = linear(w['join'], heads, x)
    x = linear(w['down'], [relu(r) for r in linear(w['up'], norm(x))], x)
    return linear(w['next'], x)


def error(w: dict[str, Any], letters: list[Vector], targets: list[Vector]) -> Any:
    """Return the mean cross-entropy of a name: of each letter's embedding, and the row with a 1 for the next."""
    keys: list[Vector] = []
    values: list[Vector] = []
    losses = []
    for place, (letter, target) in enumerate(zip(letters, targets)):
        logits = follow(w, plus(letter, w['place'][place]), keys, values)
        losses.append(logsumexp(logits) - dot(target, logits))
    return mean(losses)


# Learning.
def coded(name: str) -> tuple[Any, Any]:
    """Return the numbers of the letters that are taken in, and a row with a 1 for each that comes next."""
    numbers = np.array([LETTERS.index(letter) for letter in f'.{name}.'])
    return numbers[:-1], np.eye(len(LETTERS))[numbers[1:]]


class Learner:
    """The weights, in one array, and the running sums of their gradients and of the squares of those."""

    heads, coded = HEADS, staticmethod(coded)

    def __init__(self, seed: int) -> None:
        self.sizes = [rows * columns for rows, columns in SHAPES.values()]
        self.theta = np.random.default_rng(seed).normal(0, 0.08, sum(self.sizes))
        self.plain: Any = None  # the weights as plain Values, for names_plain
        self.m, self.v, self.steps = np.zeros_like(self.theta), np.zeros_like(self.theta), 0

    def gradient(self, name: str) -> tuple[float, Any]:
        """Return the error of a name, and its gradient by all weights."""
        places, targets = asked(name)
        n, first = len(places), self.sizes[0]
        theta = np.concatenate([self.theta[places], self.theta[first:]])
        E, slopes = program(len(name) + 1).value_and_gradient(theta, targets)
        return E, np.concatenate([np.bincount(places, slopes[:n], first), slopes[n:]])

    def recorded_gradient(self, name: str) -> tuple[float, Any]:
        """Return the same by Values, recorded anew."""
        w, leaves = self.leaves, [leaf for rows in self.leaves.values() for row in rows for leaf in row]
        for leaf, number in zip(leaves, self.theta.tolist()):
            leaf.data, leaf.grad = number, 0.0
        tokens, targets = coded(name)
        E = error(w, [w['letter'][token] for token in tokens], targets.tolist())
        E.backward()
        return float(E.data), np.array([leaf.grad for leaf in leaves])

    @cached_property
    def leaves(self) -> dict[str, Any]:
        """The weights by name, as rows of Values."""
        return {key: [[Value(number) for number in row] for row in rows] for key, rows in self.weights().items()}

    def step(self, name: str, h: float) -> float:
        """Learn from a name, with learning rate h; return its error before."""
        E, g = self.gradient(name)
        self.steps += 1
        self.m *= 0.9  # the means of Adam are 0.1 m and 0.01 v
        self.m += g
        self.v *= 0.99
        g *= g
        self.v += g
        mean, root = 0.1 / (1 - 0.9**self.steps), (0.01 / (1 - 0.99**self.steps)) ** 0.5
        np.sqrt(self.v, out=g)
        g += 1e-8 / root
        np.divide(self.m, g, out=g)
        g *= h * mean / root
        self.theta -= g
        return E

    def weights(self) -> dict[str, Any]:
        """Return the weights by name, as lists of rows."""
        parts = np.split(self.theta, np.cumsum(self.sizes)[:-1])
        return {name: part.reshape(shape).tolist() for (name, shape), part in zip(SHAPES.items(), parts)}

    def invent(self, random: Random, warmth: float = 0.6) -> str:
        """Draw a name letter by letter; the warmer, the bolder."""
        w, name = self.weights(), '.'
        keys: list[Vector] = []
        values: list[Vector] = []
        while len(name) < LONGEST:
            logits = follow(w, plus(w['letter'][LETTERS.index(name[-1])], w['place'][len(name) - 1]), keys, values)
            name += random.choices(LETTERS, softmax([number / warmth for number in logits]))[0]
            if name[-1] == '.':
                break
        return name.strip('.')


@cache
def asked(name: str) -> tuple[Any, Any]:
    """Return the places of the embeddings that a program for a name asks for, and its row of targets."""
    tokens, targets = coded(name)
    return (tokens[:, None] * WIDTH + np.arange(WIDTH)).ravel(), targets.reshape(1, -1)


@cache
def program(length: int) -> Program:
    """Record the error of a name with so many letters, the end included, and compile it."""
    letters, targets = recorded((length, WIDTH)), recorded((length, len(LETTERS)))
    w = {name: recorded(shape) for name, shape in SHAPES.items() if name != 'letter'}
    parameters = [leaf for rows in (letters, *w.values()) for row in rows for leaf in row]
    return compile(error(w, letters, targets), rows=[leaf for row in targets for leaf in row], parameters=parameters)


def recorded(shape: tuple[int, int]) -> list[list[Value]]:
    return [[Value(0.01 * (i + j)) for i in range(shape[1])] for j in range(shape[0])]


def blocks(items: list[float], size: int) -> Iterator[float]:
    """Average so many items at a time."""
    for start in range(0, len(items), size):
        part = items[start : start + size]
        yield sum(part) / len(part)


def main(arguments: list[str] | None = None) -> None:
    """Learn, invent, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=20_000, metavar='N', help='how many names are learned from')
    parser.add_argument('--seed', type=int, default=1, metavar='N', help='of the weights and of the names drawn')
    parser.add_argument('--invent', type=int, default=24, metavar='N', help='how many names are invented')
    parser.add_argument('--no-compare', action='store_true', help='leave out the steps by slower engines')
    options = parser.parse_args(arguments)
    known, random = names(), Random(options.seed)
    random.shuffle(known)
    held_out, taught = known[: len(known) // 20], known[len(known) // 20 :]
    learner = Learner(options.seed)
    print(f'{len(taught):,} names to learn from, {len(held_out)} held out; {len(learner.theta):,} weights')

    start = perf_counter()
    lengths = sorted({len(name) + 1 for name in known})
    for length in lengths:
        learner.gradient('a' * (length - 1))
    print(f'compiled for {len(lengths)} lengths in {perf_counter() - start:.1f} s')
    before = sum(learner.gradient(name)[0] for name in held_out) / len(held_out)

    start, errors = perf_counter(), []
    for step in range(options.steps):
        errors.append(learner.step(taught[step % len(taught)], 0.01 * (1 - step / options.steps)))
    seconds = perf_counter() - start
    print(f'{options.steps:,} steps in {seconds:.1f} s, {1e6 * seconds / max(options.steps, 1):.0f} µs each')
    print('error:', ' '.join(f'{E:.2f}' for E in blocks(errors, -(-options.steps // 10) or 1)))
    after = sum(learner.gradient(name)[0] for name in held_out) / len(held_out)
    print(f'of names held out: {before:.2f} before, {after:.2f} after')

    print('invented (* is in the standard library):')
    drawn = [learner.invent(random) for _ in range(options.invent)]
    marked = [name + '*' * (name in {*known}) for name in drawn]
    for start_ in range(0, len(marked), 6):
        print('  ' + ''.join(f'{name:14}' for name in marked[start_ : start_ + 6]).rstrip())
    if not options.no_compare:
        sys.path.insert(0, str(Path(__file__).parent))
        from names_plain import compare

        compare(learner, 'append')


if __name__ == '__main__':
    main()
