"""The steps of the derivation for one weight of a net, in its order, as lines with numbers.

``Parts``        what the lines are made of: terms with the numbers of one weight's case
``Steps``        the steps: a method for each section, and ``all`` for all of them
``sections_of``  these sections, for a weight of a net
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from math import prod
from typing import Any

from ..engine.numbers import Fraction, real
from ..engine.value import Value
from ..engine.walks import topological_order
from ..formulas.names import Names, Place
from ..formulas.numbers import SIX, digits, on_paper
from ..formulas.terms import (
    Applied,
    Derivative,
    Marked,
    Minus,
    Name,
    Number,
    Power,
    Samples,
    Struck,
    Symbol,
    Term,
    add,
    at_sample,
    multiply,
    put,
    with_numbers,
)
from ..formulas.text import text
from .kept import Kept
from .lines import FEW, MANY, Line, Referring, Section, Table
from .refusals import too_many
from .sheet import NetPicture

__all__ = ['Parts', 'Steps', 'rate_of', 'require_one_place', 'sections_of']


class Parts:
    """What the lines of a derivation are made of, for the weight or bias at one place of a net."""

    def __init__(self, kept: Kept, place: Place, h: Any, places: int = SIX, samples: int | None = None) -> None:
        self.kept, self.place, self.places = kept, place, places
        usual = kept.count if kept.count <= MANY else FEW
        #: Of how many samples everything is written out.
        self.in_full = usual if samples is None else min(samples, kept.count)
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
        #: The equations to which others refer: of every net input, of E, and of the new weight.
        self.defined: dict[tuple[int, int], Line] = {}
        self.updated = Line(self.w.of('l+1'), (self.rule,), (self.rule.at(0),), formula=True)
        #: What the weight multiplies; 1 for a bias.
        self.is_bias = i is None
        self.input: Term = Number(1) if i is None else kept.source(self.k, i)
        #: The outputs that depend on the weight, and the neurons above its own, layer by layer.
        self.outputs = [self.j] if self.k == self.last else [*range(kept.names.sizes[-1])]
        self.above = [(k, j) for k in range(self.k + 1, self.last + 1) for j in range(kept.names.sizes[k])]
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
        """Put the gradient in other words."""
        return Line(self.slope_of_E, sides, (self.gradient,), formula=True)

    def shown(self) -> range:
        """Return the samples of which everything is written out."""
        return range(self.in_full)

    def with_numbers(self, left: Symbol | Applied, formula: Term) -> list[str | Line]:
        """Write a formula, and its numbers put in: on the same line, or for each sample on one of its own."""
        if self.kept.count == 1:
            return [Line(left, with_numbers(formula, 0), (left.at(0),))]
        rows = (Line(at_sample(left, str(s + 1)), with_numbers(formula, s)[1:], (left.at(s),)) for s in self.shown())
        return [Line(left, (formula,), self.each(left.at), formula=True), *rows]

    def only_numbers(self, left: Applied, formula: Term | None) -> list[str | Line]:
        """Put numbers into a formula that stands above; into none, where it is a number itself."""
        if isinstance(formula, Number):
            return []
        return [Line(at_sample(left, str(s + 1)) if self.kept.count > 1 else left,
                     with_numbers(formula, s)[1:] if formula else (), (left.at(s),)) for s in self.shown()]  # fmt: skip

    def added_up(self, whole: Term, number: Any, of_each: Term, own: Term) -> list[str | Line]:
        """Add up what each sample has; of many, those that are not written out are one term."""
        count, body = self.kept.count, list[str | Line]()
        parts = [at_sample(of_each, str(s + 1)) for s in self.shown()]
        if left_out := count - len(parts):
            others = Samples(of_each, count, first=len(parts) + 1)
            line = Line(others, (Samples(own, count, first=len(parts) + 1),), (others.at(0),))
            body += [f'The other {left_out} samples, added up:' if left_out > 1 else 'The other sample:', line]
            parts.append(others)
        return [*body, Line(whole, (add(*parts), put(add(*parts), 0)), (number,))]

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


HALF = Fraction(1, 2)


class Steps(Parts):
    """The sections of the derivation, for the weight or bias at one place of a net."""

    def given(self) -> Section:
        kept, names = self.kept, self.kept.names
        letters = [f'{text(Symbol(letter, ()))} is {g}' for letter, g in kept.functions.items()]
        section = Section('What is given')
        symbols: list[Symbol] = [self.h]
        if kept.count > 1:
            symbols.append(Symbol(Name('M'), (kept.count,)))
        symbols += map(kept.weight, names.places())
        section.body += [Line(s, (), (s.at(0),), in_full=True) for s in symbols]
        if len(self.shown()) < kept.count:
            section.body.append(
                f'The numbers of all {kept.count} samples; from here on the first {len(self.shown())} are '
                'written out, and the others added up:'
            )
        of_samples = [kept.x(i) for i in range(names.inputs)]
        of_samples += [kept.t(o) for o in range(names.sizes[-1])]
        section.body += [Line(s, (), self.each(s.at), in_full=True) for s in of_samples]
        section.body.append(f'Activation: {"; ".join(letters)}.')
        for letter, by_hand in kept.forms.items():
            r = Symbol(Name('r'), ())
            for primed, form in enumerate(by_hand(r, Applied(letter, False, r, ())) or ()):
                section.body.append(Line(Applied(letter, bool(primed), r, ()), (form,), (0,), formula=True))
        return section

    def forward(self) -> Section:
        kept, section = self.kept, Section('The forward run', new_sheet=True)
        ways = {*self.on_the_way(), (self.k, self.j)}
        for k, size in enumerate(kept.names.sizes):
            for j in range(size):
                r, g, slope = kept.r(k, j), kept.g(k, j), kept.slope(k, j)
                form, its_slope = kept.forms[g.function](r, g) or (None, None)
                first, *others = self.with_numbers(r, self.written_out(k, j))
                assert isinstance(first, Line)
                self.defined[k, j] = first
                section.body += [first, *others, *self.only_numbers(g, form)]
                if (k, j) in ways:
                    section.body += self.only_numbers(slope, its_slope)
        for o in range(kept.names.sizes[-1]):
            section.body += self.with_numbers(kept.y(o), kept.g(self.last, o))
        return section

    def update_rule(self) -> Section:
        return Section('The update rule', [self.updated])

    def error(self) -> Section:
        squares = [Power(self.miss(o), Number(2)) for o in range(self.kept.names.sizes[-1])]
        whole = multiply(Number(HALF), self.over_samples(*squares))
        error = self.kept.error.data
        if self.kept.count == 1:
            self.whole_error = Line(self.E, (whole, put(whole, 0)), (error,))
            return Section('The error', [self.whole_error])
        self.whole_error = Line(self.E, (whole,), (error,), formula=True)
        of_each = Symbol(Name('E', sample='i'), self.each(self.error_of))
        own = multiply(Number(HALF), add(*squares))
        return Section('The error', [
            self.whole_error,
            'Of each sample:', *self.with_numbers(of_each, own),
            'Of all samples:', *self.added_up(self.E, error, of_each, own),
        ])  # fmt: skip

    def chain_rule(self) -> Section:
        kept, two, everything = self.kept, Number(2), range(self.kept.names.sizes[-1])
        halves = multiply(Number(HALF), self.over_samples(*(Power(self.miss(o), two) for o in everything)))
        doubled = (multiply(two, self.miss(o), self.by(self.miss(o))) for o in everything)
        also = ', and so are the outputs that the weight does not reach'
        unreached = [o for o in everything if o not in self.outputs]
        return Section('The chain rule', [
            Referring('From {}, the iteration index l left out:', self.whole_error),
            self.line(self.by(halves)),
            self.line(multiply(Number(HALF), self.over_samples(*doubled))),
            'The 1/2 and the 2 cancel each other out:',
            self.over_outputs(everything, self.miss, lambda o: self.by(self.miss(o))),
            'The known outputs are constants' + also * bool(unreached) + ':',
            *(Line(self.by(kept.t(o)), (), (0,)) for o in everything),
            *(Line(self.by(kept.y(o)), (), (0,)) for o in unreached),
            'What is left:',
            self.over_outputs(self.outputs, self.miss, lambda o: self.by(kept.y(o))),
            self.over_outputs(self.outputs, self.miss, lambda o: self.by(kept.g(self.last, o))),
            'By the chain rule once more:',
            self.over_outputs(
                self.outputs, self.miss, lambda o: kept.slope(self.last, o), lambda o: self.by_r(self.last, o)
            ),
        ])  # fmt: skip

    def vanishing(self) -> Section:
        section = Section('The terms that vanish')
        for k, j in self.on_the_way():
            terms = self.terms_of(k, j)
            written_out = self.by(add(*(t if self.remains(k, j, i) else Struck(t) for t, i in terms)))
            section.body.append(Referring('From {}:', self.defined[k, j]))
            section.body.append(Line(self.by_r(k, j), (written_out,), self.by_weight[k, j], formula=True))
            zeros = [term for term, i in terms if not self.remains(k, j, i)]
            section.body += [Line(self.by(term), (), (0,)) for term in zeros]
        return section

    def on_paths(self) -> Section:
        kept, section = self.kept, Section('The paths that remain')
        *above, _ = self.on_the_way()
        for k, j in above:
            left, numbers = self.by_r(k, j), self.by_weight[k, j]
            outer = (multiply(kept.weight((k, j, i)), self.by(kept.g(k - 1, i))) for i in self.below(k, j))
            section.body += [Line(left, (side,), numbers, formula=True) for side in (add(*outer), self.reached(k, j))]
        own = self.by_r(self.k, self.j)
        section.body.append(Line(own, (self.input,), self.by_weight[self.k, self.j], formula=True))
        if len(self.paths) > 1:
            section.body += self._path_by_path()
        section.body += ['Put together:', self.line(self.explicit())]
        return section

    def _path_by_path(self) -> list[str | Line]:
        rows: list[str | Line] = []
        arriving: dict[int, list[Term]] = {}
        for number, path in enumerate(self.paths, 1):
            way = multiply(*self.along(path), self.kept.slope(self.k, self.j), self.input)
            symbol = Symbol(Name('P', str(number), sample=self.kept.every), self.each(way.at))
            neurons = ' → '.join(text(Symbol(self.kept.names.f(*n), ())) for n in path)
            rows += [f'Path {number}, {neurons}:', *self.with_numbers(symbol, way)]
            arriving.setdefault(path[-1][1], []).append(symbol)
        rows.append('All paths to an output:')
        rows += [Line(self.by_r(self.last, o), (add(*symbols),), self.by_weight[self.last, o], formula=True)
                 for o, symbols in arriving.items()]  # fmt: skip
        return rows

    def signals(self) -> Section:
        """Name the error signals, from the outputs to the weight, and put them back in."""
        section = Section('The error signals')
        for k, j in self.on_the_way():
            delta = self.kept.delta(k, j)
            section.body += self.with_numbers(delta, self.arriving(k, j))
        section.body += [
            'Error introduced, times gradient of the activation, times input:',
            self.line(self.by_signals()),
        ]
        if self.above:
            once = multiply(self.arriving(self.k, self.j), self.kept.slope(self.k, self.j), self.input)
            ways = dict.fromkeys([self.over_samples(once), self.explicit(signals=True)])
            section.body += ['Substituted, back to the outputs:', *map(self.line, ways)]
        return section

    def both(self) -> Section:
        explicit, signals = self.explicit(), self.by_signals()
        return Section('Both are equal', [
            'Over all paths, then with error signals:',
            Line(explicit, (signals,), (signals.at(0),), formula=True),
        ])  # fmt: skip

    def table(self) -> Table:
        """List r, g(r), g'(r) and delta of every neuron and sample; what the weight's update needs not is left out."""
        kept, several = self.kept, self.kept.count > 1
        rows: list[tuple[str, ...]] = []
        ways = {*self.on_the_way()}
        for k, size in enumerate(kept.names.sizes):
            for j in range(size):
                terms: list[Symbol | Applied] = [kept.r(k, j), kept.g(k, j)]
                terms += [kept.slope(k, j), kept.delta(k, j)] if (k, j) in ways else []
                for s in self.shown():
                    cells = [on_paper(digits(term.at(s), places=self.places)) for term in terms]
                    cells += ['–'] * (4 - len(terms))
                    sample = (str(s + 1),) if several else ()
                    rows.append((text(Symbol(kept.names.f(k, j), ())), *sample, *cells))
        return Table(('neuron', *(['i'] if several else []), 'r', 'g(r)', "g'(r)", 'δ'), tuple(rows))

    def numbers(self) -> Section:
        return Section('The update with numbers', ['Of every neuron:', self.table(), *self.updating()])

    def updating(self) -> list[str | Line | Table]:
        """Work out the gradient, sample by sample, and the new weight."""
        body, own = list[str | Line | Table](), self.own()
        if self.kept.count == 1:
            gradient: list[str | Line] = [Line(self.slope_of_E, (own, put(own, 0)), (self.gradient,))]
        else:
            of_each = Derivative(self.w, Symbol(Name('E', sample='i'), ()), self.each(own.at))
            for s in self.shown():
                its, number = str(s + 1), own.at(s)
                body.append(Line(at_sample(of_each, its), (at_sample(own, its), put(own, s)), (number,)))
            gradient = self.added_up(self.slope_of_E, self.gradient, of_each, own)
        assert isinstance(gradient[-1], Line)
        new = Line(self.w.of('l+1'), (self.rule, put(self.rule, 0)), (self.rule.at(0),))
        return [*body, *gradient, Referring('From {} and {}:', self.updated, gradient[-1]), new]

    def all(self) -> dict[str, Section]:
        """Return all sections by the names of the steps, in the derivation's order."""
        return {
            'given': self.given(), 'forward': self.forward(), 'rule': self.update_rule(), 'error': self.error(),
            'chain': self.chain_rule(), 'vanishing': self.vanishing(), 'paths': self.on_paths(),
            'signals': self.signals(), 'both': self.both(), 'numbers': self.numbers(),
        }  # fmt: skip


def sections_of(
    net: Any,
    teacher_set: Iterable[tuple[Any, Any]],
    weight: str | Value,
    *,
    learning_rate: Any = None,
    limit: int = 64,
    hats: bool | None = None,
    digits: int = SIX,
    samples: int | None = None,
) -> tuple[str, dict[str, Section], NetPicture]:
    """Write the update of one weight out: a title, sections by the names of their steps, and the net."""
    h = rate_of(net, learning_rate)
    names = Names(net, bool(hats))
    place = names.find(weight)
    if (paths := prod(names.sizes[place[0] + 1 :])) > limit:
        raise too_many(paths, limit, names.text(place), 'the outputs', 'ask for a later weight')
    kept = Kept(net, teacher_set, names.wants_hats(weight) if hats is None else hats)
    name = kept.names.text(place)
    require_one_place(kept, place, name)
    several = f'batch learning from {kept.count} samples' if kept.count > 1 else 'on-line learning from one sample'
    sections = Steps(kept, place, h, digits, samples).all()
    return f'The update of {name} by {several}', sections, NetPicture(kept.names, kept.data)


def rate_of(net: Any, learning_rate: Any) -> Any:
    """Return the learning rate h: 0.5 unless given, or 1/2 where all parameters are fractions."""
    if learning_rate is None:
        learning_rate = Fraction(1, 2) if all(isinstance(p.data, Fraction) for p in net.parameters()) else 0.5
    h = real(learning_rate, 'the learning rate h')
    if not 0 < h <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1, not {learning_rate!r}')
    return h


def require_one_place(kept: Kept, place: Place, name: str) -> None:
    """Raise ValueError if E depends on a weight by other ways than through its own neuron."""
    k, j, i = place
    neuron = kept.names.net.layers[k].neurons[j]
    parameter = neuron.bias if i is None else neuron.weights[i]
    own = {run.layers[k][j].r for run in kept.runs}
    for node in topological_order(kept.error):
        if sum(source is parameter for source in node.inputs) > (node in own):
            raise ValueError(f'{name} is shared: E depends on it in more places than one, and a derivation is of one')
