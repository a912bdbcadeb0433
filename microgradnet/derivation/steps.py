"""The steps of the derivation for one weight, in its order, as lines with numbers.

``Steps`` has one method for each section, and ``all`` for all of them.
"""

from __future__ import annotations

from ..reals import Fraction
from .algebra import add, at_sample, multiply, put
from .lines import Line, Section
from .parts import Parts
from .terms import Derivative, Minus, Name, Number, Power, Symbol, Term
from .text import text

__all__ = ['Steps']

HALF = Fraction(1, 2)


class Steps(Parts):
    """The sections of the derivation, for the weight or bias at one place of a net."""

    def given(self) -> Section:
        kept, names = self.kept, self.kept.names
        letters = [f'{text(Symbol(name, ()))} is {g}' for g, name in kept.letters.items()]
        section = Section('What is given', [f'Activation: {"; ".join(letters)}.'])
        symbols: list[Symbol] = [self.h]
        if kept.count > 1:
            symbols.append(Symbol(Name('M'), (kept.count,)))
        for k, j in [(self.k, self.j), *self.above]:
            size = names.sizes[k - 1] if k else names.inputs
            symbols += [kept.weight((k, j, i)) for i in (*range(size), None)]
        if self.k == 0:
            symbols += [kept.source(0, i) for i in range(names.inputs)]  # type: ignore[misc]
        else:
            symbols += [kept.r(self.k - 1, j) for j in range(names.sizes[self.k - 1])]
        symbols += [kept.r(*neuron) for neuron in self.others]
        symbols += [kept.t(o) for o in range(names.sizes[-1])]
        section.body += [Line(s, (), self.each(s.at) if s.name.sample else (s.at(0),), True) for s in symbols]
        return section

    def forward(self) -> Section:
        kept, section = self.kept, Section('The forward run')
        for k, j in [(self.k, self.j), *self.above]:
            r = kept.r(k, j)
            section.body.append(Line(r, (self.written_out(k, j),), self.each(r.at)))
        for o in range(kept.names.sizes[-1]):
            y = kept.y(o)
            section.body.append(Line(y, (kept.g(self.last, o),), self.each(y.at)))
        return section

    def update_rule(self) -> Section:
        return Section('The update rule', [self._update()])

    def _update(self, *more: Term) -> Line:
        before, after = self.w.of('l'), self.w.of('l+1')
        rule = add(before, Minus(multiply(self.h, self.slope_of_E)))
        new = self.w.at(0) - self.h.at(0) * self.gradient
        return Line(after, (rule, *more, *([put(rule, 0)] if more else [])), (new,))

    def error(self) -> Section:
        squares = [Power(self.miss(o), Number(2)) for o in range(self.kept.names.sizes[-1])]
        whole = multiply(Number(HALF), self.over_samples(*squares))
        section = Section('The error', [Line(self.E, (whole,), (self.kept.error.data,))])
        if self.kept.count > 1:
            own = Symbol(Name('E', sample='i'), ())
            section.body += [
                'Of each sample:',
                Line(own, (multiply(Number(HALF), add(*squares)),), self.each(self.error_of)),
            ]
        return section

    def chain_rule(self) -> Section:
        kept, two = self.kept, Number(2)
        everything = range(kept.names.sizes[-1])
        squares = [Power(self.miss(o), two) for o in everything]
        halves = multiply(Number(HALF), self.over_samples(*squares))
        doubled = [multiply(two, self.miss(o), self.by(self.miss(o))) for o in everything]
        body: list[str | Line] = [
            self.line(self.by(halves)),
            self.line(multiply(Number(HALF), self.over_samples(*doubled))),
            'The 1/2 and the 2 cancel each other out:',
            self.line(self.over_samples(*(multiply(self.miss(o), self.by(self.miss(o))) for o in everything))),
            'The known outputs are constants' + (', and so are the outputs that the weight does not reach:'
                                                 if len(self.outputs) < len(everything) else ':'),
        ]  # fmt: skip
        section = Section('The chain rule', body)
        body += [Line(self.by(kept.t(o)), (), (0,)) for o in everything]
        body += [Line(self.by(kept.y(o)), (), (0,)) for o in everything if o not in self.outputs]
        top = self.last
        body += [
            'What is left:',
            self.line(self.over_samples(*(multiply(self.miss(o), self.by(kept.y(o))) for o in self.outputs))),
            self.line(
                self.over_samples(*(multiply(self.miss(o), self.by(kept.g(top, o))) for o in self.outputs))
            ),
            'By the chain rule once more:',
            self.line(
                self.over_samples(
                    *(
                        multiply(self.miss(o), kept.slope(top, o), self.by(kept.r(top, o)))
                        for o in self.outputs
                    )
                )
            ),
        ]
        return section

    def vanishing(self) -> Section:
        section = Section('The terms that vanish')
        for k, j in self.on_the_way():
            r = self.kept.r(k, j)
            section.body.append(Line(self.by(r), (self.by(self.written_out(k, j)),), self.by_weight[k, j]))
            zeros = [
                term
                for term, i in self.terms_of(k, j)
                if not self.remains(k, j, i) or (i is None and k > self.k)
            ]
            section.body += [Line(self.by(term), (), (0,)) for term in zeros]
        return section

    def on_paths(self) -> Section:
        kept, section = self.kept, Section('The paths that remain')
        for k, j in self.on_the_way():
            numbers = self.by_weight[k, j]
            left = self.by(kept.r(k, j))
            if k == self.k:
                section.body.append(Line(left, (self.input,) if self.place[2] is not None else (), numbers))
                continue
            sources = [i for _, i in self.terms_of(k, j) if i is not None and self.remains(k, j, i)]
            weights = [kept.weight((k, j, i)) for i in sources]
            outer = add(*(multiply(w, self.by(kept.g(k - 1, i))) for w, i in zip(weights, sources)))
            inner = add(
                *(
                    multiply(w, kept.slope(k - 1, i), self.by(kept.r(k - 1, i)))
                    for w, i in zip(weights, sources)
                )
            )
            section.body += [Line(left, (outer,), numbers), Line(left, (inner,), numbers)]
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
            rows += [f'Path {number}, {neurons}:', Line(symbol, (way,), self.each(way.at))]
            arriving.setdefault(path[-1][1], []).append(symbol)
        rows.append('All paths to an output:')
        rows += [Line(self.by(self.kept.r(self.last, o)), (add(*symbols),), self.by_weight[self.last, o])
                 for o, symbols in arriving.items()]  # fmt: skip
        return rows

    def signals(self) -> Section:
        """Name the error signals, from the outputs to the weight, and put them back in."""
        section = Section('The error signals')
        for k, j in self.on_the_way() if self.above else [(self.k, self.j)]:
            delta = self.kept.delta(k, j)
            section.body.append(Line(delta, (self.arriving(k, j),), self.each(delta.at)))
        section.body += [
            'Error introduced, times gradient of the activation, times input:',
            self.line(self.by_signals()),
        ]
        if self.above:
            once = self.over_samples(
                multiply(self.arriving(self.k, self.j), self.kept.slope(self.k, self.j), self.input)
            )
            whole = self.explicit(signals=True)
            section.body += ['Substituted, back to the outputs:', self.line(once)]
            section.body += [self.line(whole)] * (text(once) != text(whole))
        return section

    def both(self) -> Section:
        explicit, signals = self.explicit(), self.by_signals()
        return Section('Both are equal', [
            'Over all paths, then with error signals:',
            Line(explicit, (Number(explicit.at(0)), signals), (signals.at(0),)),
            'And the backward that ran:',
            self.line(),
        ])  # fmt: skip

    def numbers(self) -> Section:
        section = Section('The update with numbers')
        if self.kept.count == 1:
            section.body += [self.line(self.own(), put(self.own(), 0))]
        else:
            E = Symbol(Name('E', sample='i'), ())
            whole = Derivative(self.w, E, self.each(self.own().at))
            parts = []
            for s in range(self.kept.count):
                own = at_sample(self.own(), str(s + 1))
                parts.append(at_sample(whole, str(s + 1)))
                section.body.append(Line(parts[-1], (own, put(own, s)), (own.at(s),)))
            section.body.append(self.line(add(*parts), put(add(*parts), 0)))
        rule = self._update().sides[0]
        section.body.append(Line(self.w.of('l+1'), (rule, put(rule, 0)), self._update().numbers))
        return section

    def all(self) -> list[Section]:
        """Return all sections, in the derivation's order."""
        return [self.given(), self.forward(), self.update_rule(), self.error(), self.chain_rule(), self.vanishing(),
                self.on_paths(), self.signals(), self.both(), self.numbers()]  # fmt: skip
