"""A tiny GPT written over scalars, and the small ``Value`` such a program would bring with it.

``Plain``  an engine of forty lines in the manner of micrograd and microgpt: what there is to beat
``teach``  gives micrograd's Value, which has neither, ``exp`` and ``log``
``GPT``    one block of attention and one of two layers, for whatever ``Value`` it is given

>>> losses = [GPT(Value).loss([1, 2, 3, 1]) for Value in (Plain, Plain)]
>>> losses[0].data == losses[1].data
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

__all__ = ['GPT', 'LETTERS', 'Plain', 'teach']

LETTERS, WIDTH, HEADS, LENGTH = 27, 16, 4, 16


class Plain:
    """A number, its gradient, what it was made of and the derivative by each."""

    __slots__ = ('children', 'data', 'grad', 'local')

    def __init__(self, data: Any, children: tuple[Any, ...] = (), local: tuple[Any, ...] = ()) -> None:
        self.data, self.grad, self.children, self.local = data, 0, children, local

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other: Any) -> Any:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n: Any) -> Any:
        return Plain(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self) -> Any:
        e = math.exp(self.data)
        return Plain(e, (self,), (e,))

    def log(self) -> Any:
        return Plain(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Any:
        return Plain(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __truediv__(self, other: Any) -> Any:
        return self * other**-1

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[Any] = []
        seen = set()

        def visit(node: Any) -> None:
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1
        for node in reversed(order):
            for child, local in zip(node.children, node.local):
                child.grad += local * node.grad


def teach(Value: Any) -> None:
    """Give micrograd's ``Value`` what the program needs and it has not, in its manner."""

    def method(name: str, value: Any, derivative: Any) -> Any:
        def apply(self: Any) -> Any:
            result = Value(value(self.data), (self,), name)

            def backward() -> None:
                self.grad += derivative(self.data, result.data) * result.grad

            result._backward = backward
            return result

        return apply

    Value.exp = method('exp', math.exp, lambda x, y: y)
    Value.log = method('log', math.log, lambda x, y: 1 / x)


class GPT:
    """Guesses the next letter from those before it; every weight is a ``Value``."""

    def __init__(self, Value: Any) -> None:
        random = Random(3)

        def matrix(rows: int, columns: int) -> list[list[Any]]:
            return [[Value(random.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.letter, self.place, self.guess = matrix(LETTERS, WIDTH), matrix(LENGTH, WIDTH), matrix(LETTERS, WIDTH)
        self.query, self.key, self.value, self.out = (matrix(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)
        matrices = vars(self).values()
        self.parameters = [weight for weights in matrices for row in weights for weight in row]

    def loss(self, letters: Sequence[int]) -> Any:
        """Return the mean surprise at each letter, given those before it."""
        keys: list[list[Any]] = []
        values: list[list[Any]] = []
        losses = []
        for place, (letter, following) in enumerate(pairwise(letters)):
            x = normalised([a + b for a, b in zip(self.letter[letter], self.place[place])])
            x = added(x, self.attention(normalised(x), keys, values))
            x = added(x, linear([h.relu() for h in linear(normalised(x), self.up)], self.down))
            losses.append(-softmax(linear(x, self.guess))[following].log())
        return sum(losses) * (1 / len(losses))

    def attention(self, x: list[Any], keys: list[list[Any]], values: list[list[Any]]) -> list[Any]:
        """Return what each head finds at the places so far."""
        query, size, found = linear(x, self.query), WIDTH // HEADS, []
        keys.append(linear(x, self.key))
        values.append(linear(x, self.value))
        for start in range(0, WIDTH, size):
            head = slice(start, start + size)
            scores = [sum(q * k for q, k in zip(query[head], key[head])) / size**0.5 for key in keys]
            shares = softmax(scores)
            found += [sum(s * v[i] for s, v in zip(shares, values)) for i in range(start, start + size)]
        return linear(found, self.out)


def linear(x: list[Any], weights: list[list[Any]]) -> list[Any]:
    return [sum(w * a for w, a in zip(row, x)) for row in weights]


def added(x: list[Any], y: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(x, y)]


def normalised(x: list[Any]) -> list[Any]:
    scale = (sum(a * a for a in x) / len(x) + 1e-5) ** -0.5
    return [a * scale for a in x]


def softmax(scores: list[Any]) -> list[Any]:
    most = max(score.data for score in scores)
    powers = [(score - most).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
