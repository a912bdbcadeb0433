"""What the lines of a net's derivation are made of: terms with the numbers of one weight's case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

from .algebra import add, multiply
from .kept import Kept
from .lines import Line
from .names import Place
from .terms import Derivative, Marked, Minus, Name, Number, Samples, Symbol, Term

__all__ = ['Parts']


class Parts:
    """What the lines of a derivation are made of, for the weight or bias at one place of a net."""

    def __init__(self, kept: Kept, place: Place, h: Any) -> None:
        self.kept, self.place = kept, place
        self.k, self.j, i = place
        self.last = len(kept.names.sizes) - 1
        self.w = kept.weight(place)
        self.h = Symbol(Name('h'), (h,))
        self.gradient = kept.gradient(place)
        E = Symbol(Name('E'), (kept.error.data,))
        self.E = E
        self.slope_of_E = Derivative(self.w, E, (self.gradient,))
        #: The update rule's right side.
        self.rule = add(self.w.of('l'), Minus(multiply(self.h, self.slope_of_E)))
        #: What the weight multiplies; 1 for a bias.
        self.is_bias = i is None
        self.input: Term = Number(1) if i is None else kept.source(self.k, i)
        #: The outputs that depend on the weight, and the neurons above its own, layer by layer.
        self.outputs = [self.j] if self.k == self.last else [*range(kept.names.sizes[-1])]
        self.above = [(k, j) for k in range(self.k + 1, self.last + 1) for j in range(kept.names.sizes[k])]
        self.others = [(self.k, j) for j in range(kept.names.sizes[self.k]) if j != self.j]
        #: The derivative of every net input that depends on the weight, by neuron and sample.
        self.by_weight = {(self.k, self.j): self.each(self.input.at)}
        for neuron in self.above:
            self.by_weight[neuron] = self.each(self.reached(*neuron).at)
        ways = product(*(range(size) for size in kept.names.sizes[self.k + 1 :]))
        self.paths = [[(self.k, self.j), *enumerate(way, self.k + 1)] for way in ways]

    def each(self, number: Callable[[int], Any]) -> tuple[Any, ...]:
        """Compute a number for every sample."""
        return tuple(number(s) for s in range(self.kept.count))

    def by(self, body: Term) -> Derivative:
        return Derivative(self.w, body)

    def by_r(self, k: int, j: int) -> Derivative:
        """Return the derivative of a neuron's net input by the weight, with its numbers."""
        return Derivative(self.w, self.kept.r(k, j), self.by_weight[k, j])

    def over_samples(self, *terms: Term) -> Term:
        return Samples(add(*terms), self.kept.count) if self.kept.count > 1 else add(*terms)

    def over_outputs(self, outputs: Iterable[int], *factors: Callable[[int], Term]) -> Line:
        """Say that the gradient is the sum over samples and outputs of a product."""
        return self.line(self.over_samples(*(multiply(*(factor(o) for factor in factors)) for o in outputs)))

    def miss(self, o: int) -> Term:
        """Return y - t of an output."""
        return add(self.kept.y(o), Minus(self.kept.t(o)))

    def terms_of(self, k: int, j: int) -> list[tuple[Term, int | None]]:
        """List the terms of a net input, each with its source; None is the bias."""
        size = self.kept.names.sizes[k - 1] if k else self.kept.names.inputs
        weights = [(multiply(self.kept.weight((k, j, i)), self.kept.source(k, i)), i) for i in range(size)]
        return [*weights, (self.kept.weight((k, j, None)), None)]

    def written_out(self, k: int, j: int) -> Term:
        return add(*(term for term, _ in self.terms_of(k, j)))

    def reached(self, k: int, j: int) -> Term:
        """Return the derivative of a net input by the weight as a sum over the neurons below that it reaches."""
        kept = self.kept
        return add(*(multiply(kept.weight((k, j, i)), kept.slope(k - 1, i), self.by_r(k - 1, i))
                     for i in self.below(k, j)))  # fmt: skip

    def line(self, *sides: Term) -> Line:
        return Line(self.slope_of_E, sides, (self.gradient,))

    def along(self, path: list[tuple[int, int]]) -> list[Term]:
        """List the factors of a path from its output down to the weight's neuron, both not counted."""
        factors: list[Term] = []
        for (k, j), (_, i) in zip(path[:0:-1], path[-2::-1]):
            factors += [self.kept.slope(k, j)] * (k < self.last) + [self.kept.weight((k, j, i))]
        return factors

    def explicit(self, signals: bool = False) -> Term:
        """Return the gradient as a sum over all paths, common factors put in front; with delta for y - t, if wanted."""
        kept, (slope, source) = self.kept, (self.kept.slope(self.k, self.j), self.input)
        miss = (lambda o: kept.delta(self.last, o)) if signals else self.miss
        if self.k == self.last:
            return self.over_samples(multiply(miss(self.j), slope, source))
        if len(self.outputs) > 1:
            ways = [multiply(miss(p[-1][1]), kept.slope(*p[-1]), *self.along(p)) for p in self.paths]
            return self.over_samples(multiply(slope, source, add(*ways)))
        out = [miss(0), kept.slope(self.last, 0)]
        if len(self.paths) == 1:
            return self.over_samples(multiply(*out, *self.along(self.paths[0]), slope, source))
        return self.over_samples(
            multiply(*out, slope, source, add(*(multiply(*self.along(p)) for p in self.paths)))
        )

    def arriving(self, k: int, j: int) -> Term:
        """Return the error signal of a neuron as the sum of what the neurons above send it."""
        kept = self.kept
        above = range(kept.names.sizes[k + 1]) if k < self.last else []
        sent = [
            multiply(kept.delta(k + 1, n), kept.slope(k + 1, n), kept.weight((k + 1, n, j))) for n in above
        ]
        return add(*sent) if sent else self.miss(j)

    def own(self) -> Term:
        """Return one sample's gradient by error signals, its three factors marked."""
        kept = self.kept
        marked = [
            Marked('error introduced', kept.delta(self.k, self.j)),
            Marked('gradient', kept.slope(self.k, self.j)),
        ]
        return multiply(*marked, *([] if self.is_bias else [Marked('input', self.input)]))

    def by_signals(self) -> Term:
        return self.over_samples(self.own())

    def error_of(self, s: int) -> Any:
        first, *others = (self.miss(o).at(s) for o in range(self.kept.names.sizes[-1]))
        return sum((miss * miss for miss in others), start=first * first) / 2

    def on_the_way(self) -> list[tuple[int, int]]:
        """List the neurons between error and weight, the outputs first."""
        outputs = [(self.last, o) for o in self.outputs]
        hidden = [(k, j) for k in range(self.last - 1, self.k, -1) for j in range(self.kept.names.sizes[k])]
        return [*outputs, *hidden, *([(self.k, self.j)] if self.k < self.last else [])]

    def below(self, k: int, j: int) -> list[int]:
        """List the neurons below one through which the weight reaches it."""
        return [i for i in range(self.kept.names.sizes[k - 1]) if self.remains(k, j, i)]

    def remains(self, k: int, j: int, i: int | None) -> bool:
        """Tell whether a term of a net input depends on the weight."""
        if k == self.k:
            return i == self.place[2]
        return i is not None and (k > self.k + 1 or i == self.j)
