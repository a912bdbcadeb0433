"""The steps of the derivation for one weight, in its order, as lines with numbers.

``Steps`` has one method for each section, and ``all`` for all of them.
"""

from __future__ import annotations

from ..reals import Fraction
from .algebra import add, at_sample, multiply, put
from .lines import FEW, MANY, Line, Section
from .parts import Parts
from .terms import Derivative, Name, Number, Power, Samples, Symbol, Term
from .text import text

__all__ = ['Steps']

HALF = Fraction(1, 2)


class Steps(Parts):
    """The sections of the derivation, for the weight or bias at one place of a net."""

    def given(self) -> Section:
        kept, names = self.kept, self.kept.names
        letters = [f'{text(Symbol(letter, ()))} is {g}' for letter, g in kept.functions.items()]
        section = Section('What is given', [f'Activation: {"; ".join(letters)}.'])
        symbols: list[Symbol] = [self.h]
        if kept.count > 1:
            symbols.append(Symbol(Name('M'), (kept.count,)))
        for k, j in [(self.k, self.j), *self.above]:
            size = names.sizes[k - 1] if k else names.inputs
            symbols += [kept.weight((k, j, i)) for i in (*range(size), None)]
        section.body += [Line(s, (), (s.at(0),), in_full=True) for s in symbols]
        if kept.count > MANY:
            section.body.append(
                f'The numbers of all {kept.count} samples; from here on the first {FEW} are printed, '
                'and … stands for the others:'
            )
        of_samples = [kept.x(i) for i in range(names.inputs)] if self.k == 0 else [
            kept.r(self.k - 1, j) for j in range(names.sizes[self.k - 1])]  # fmt: skip
        of_samples += [kept.r(*neuron) for neuron in self.others]
        of_samples += [kept.t(o) for o in range(names.sizes[-1])]
        section.body += [Line(s, (), self.each(s.at), in_full=True) for s in of_samples]
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
        return Section('The update rule', [Line(self.w.of('l+1'), (self.rule,), (self.rule.at(0),))])

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
        kept, two, everything = self.kept, Number(2), range(self.kept.names.sizes[-1])
        halves = multiply(Number(HALF), self.over_samples(*(Power(self.miss(o), two) for o in everything)))
        doubled = (multiply(two, self.miss(o), self.by(self.miss(o))) for o in everything)
        also = ', and so are the outputs that the weight does not reach'
        unreached = [o for o in everything if o not in self.outputs]
        return Section('The chain rule', [
            'The iteration index l is left out:',
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
            written_out = self.by(self.written_out(k, j))
            section.body.append(Line(self.by_r(k, j), (written_out,), self.by_weight[k, j]))
            zeros = [term for term, i in self.terms_of(k, j) if not self.remains(k, j, i)]
            section.body += [Line(self.by(term), (), (0,)) for term in zeros]
        return section

    def on_paths(self) -> Section:
        kept, section = self.kept, Section('The paths that remain')
        *above, _ = self.on_the_way()
        for k, j in above:
            left, numbers = self.by_r(k, j), self.by_weight[k, j]
            outer = (multiply(kept.weight((k, j, i)), self.by(kept.g(k - 1, i))) for i in self.below(k, j))
            section.body += [Line(left, (add(*outer),), numbers), Line(left, (self.reached(k, j),), numbers)]
        own = self.by_r(self.k, self.j)
        section.body.append(Line(own, () if self.is_bias else (self.input,), self.by_weight[self.k, self.j]))
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
        rows += [Line(self.by_r(self.last, o), (add(*symbols),), self.by_weight[self.last, o])
                 for o, symbols in arriving.items()]  # fmt: skip
        return rows

    def signals(self) -> Section:
        """Name the error signals, from the outputs to the weight, and put them back in."""
        section = Section('The error signals')
        for k, j in self.on_the_way():
            delta = self.kept.delta(k, j)
            section.body.append(Line(delta, (self.arriving(k, j),), self.each(delta.at)))
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
            Line(explicit, (Number(explicit.at(0)), signals), (signals.at(0),)),
            'And the backward that ran:',
            self.line(),
        ])  # fmt: skip

    def numbers(self) -> Section:
        section, count = Section('The update with numbers'), self.kept.count
        if count == 1:
            section.body.append(self.line(self.own(), put(self.own(), 0)))
        else:
            of_each = Derivative(self.w, Symbol(Name('E', sample='i'), ()), self.each(self.own().at))
            parts: list[Term] = []
            for s in range(count if count <= MANY else FEW):
                own = at_sample(self.own(), str(s + 1))
                parts.append(at_sample(of_each, str(s + 1)))
                section.body.append(Line(parts[-1], (own, put(own, s)), (own.at(s),)))
            if count > MANY:
                others, own = (Samples(term, count, first=FEW + 1) for term in (of_each, self.own()))
                parts.append(others)
                section.body += [f'The other {count - FEW} samples, added up:', Line(others, (own,), (own.at(0),))]
            section.body.append(self.line(add(*parts), put(add(*parts), 0)))
        new = self.rule.at(0)
        section.body.append(Line(self.w.of('l+1'), (self.rule, put(self.rule, 0)), (new,)))
        return section

    def all(self) -> list[Section]:
        """Return all sections, in the derivation's order."""
        return [self.given(), self.forward(), self.update_rule(), self.error(), self.chain_rule(), self.vanishing(),
                self.on_paths(), self.signals(), self.both(), self.numbers()]  # fmt: skip
