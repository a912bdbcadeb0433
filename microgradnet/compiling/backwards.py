"""The backward sweep of a folded tape: its loops once more, from their ends.

What arrives at an operation is its error signal; signal times local derivative goes on
to each operand, the partials being the table's own cells. A signal for an operation of the
same turn stays in a register, one for the turn before is carried, the sum over a
loop's turns of what goes to one place outside is carried too, and the rest is added up in memory.
"""

from __future__ import annotations

from typing import Any

from .bodies import Frame, Later, Term, outside
from .forwards import Forward
from .lowering import Place
from .nests import Affine, Nest, Part, Site
from .routine import Block, Carry, Loop
from .tape import PARAMETER, ROW

__all__ = ['Sweeps']


class Sweeps(Forward):
    """Writes both sweeps."""

    def backwards(self) -> list[Block]:
        return [self._backward(part) for part in reversed(self._nests.parts)]

    def _backward(self, part: Part) -> Block:
        starts: dict[Site, Place] = {}
        if part.alone:
            after = self._frames[-1].after
            for site in part.items:
                if isinstance(site, Site) and site.active:
                    terms = after.pop(site, [])
                    if self._sent.get(site) is False:
                        terms.append((self._put(-1, 'load', 'signals', site.place.last()), 1))
                    if terms or site in self._starts:
                        starts[site] = self._sum(terms) if terms else self._zero
        frame = Frame(part)
        self._frames.append(frame)
        for site, start in starts.items():
            register = self._put(-1, 'carry')
            frame.carries[site] = Carry(register, start), None
            frame.signals[site] = [(register, 1)]
        for item in reversed(part.items):
            if isinstance(item, Nest):
                self._backward_loop(item)
            elif item.active:
                self._backward_site(item)
        if not part.alone:
            self._frames.pop()
        return frame.block

    @property
    def _zero(self) -> Place:
        return super().make('number', 0.0)

    def _backward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=True, blocks=[self._backward(part) for part in reversed(nest.parts)])
        if len(nest.parts) > 1:
            if any(loop.blocks):
                self._frames[-1].block.append(loop)
            return
        frame = self._frames[-1]
        before = {site: self._sum(terms) for site, terms in frame.before.items()}
        totals = {target: self._sum(terms) for target, (_, terms) in frame.totals.items()}
        for site, (carry, _) in frame.carries.items():
            carry.after = before.get(site, self._zero)
            loop.carries.append(carry)
        for target, (carry, _) in frame.totals.items():
            carry.start, carry.after = self._zero, totals[target]
            loop.carries.append(carry)
        self._frames.pop()
        if any(loop.blocks) or loop.carries:
            self._frames[-1].block.append(loop)
        for (target, level), total in totals.items():
            self._gather(target, level, total, 1)
        for site, signal in before.items():
            self._send(self._starts[site].first(), signal, 1)

    def _backward_site(self, site: Site) -> None:
        terms = self._frames[-1].signals.pop(site, [])
        if self._sent.get(site):
            terms.append((self._put(-1, 'load', 'signals', site.place), 1))
        if site.outputs:
            terms.append((super().make('number', 1.0), 1))
        if not terms:
            return
        signal = self._sum(terms)
        op, operands = site.operation, [Later(number) for number in site.operands]
        y = Later(site.place)
        split = op.split(operands)
        for parameter, operand in zip(op.parameters, split):
            group = operand if parameter in op.vectors else [operand]
            if any(self._is_active(o.number) for o in group):
                partial = op.partial_graph(parameter)(self, *split, y)
                partials = partial if isinstance(partial, (list, tuple)) else [partial] * len(group)
                for o, p in zip(group, partials):
                    if p is not None and self._is_active(o.number):
                        self._send(o.number, signal, p)

    def _is_active(self, number: Affine) -> bool:
        start = number.start
        return any(s.active for s in self._nests.behind(number)) if start < PARAMETER else start < ROW

    def _send(self, number: Affine, signal: Place, partial: Any) -> None:
        """Send signal times partial to whatever computed a number."""
        known = partial if not isinstance(partial, (Place, Later)) else self._number(partial)
        if known == 0:
            return
        partial = int(known) if known in (1, -1) else self._place(partial)
        way, source = self._nests.find(number, self._path)
        frame = self._frames[-1]
        if way == 'parameter':
            level = self._level(number)
            self._gather(('outputs', outside(number.moved(1 - PARAMETER), level)), level, signal, partial)
        elif way == 'memory':
            level = self._level(number, self._nests.behind(number))
            self._gather(('signals', outside(number, level)), level, signal, partial)
        elif source is not None and (source.active or way == 'before'):  # what it starts from may be active
            if way == 'here':
                self._gather(source, len(source.path) - 1, signal, partial)
            else:
                sums = frame.before if way == 'before' else frame.after
                sums.setdefault(source, []).append((signal, partial))

    def _gather(self, target: Any, level: int, signal: Place, partial: Place | int) -> None:
        """Add to a target at a level; inside of loops, to a sum over the turns."""
        frame = self._frames[-1]
        if level < len(self._frames) - 1:
            key = target, level
            if key not in frame.totals:
                register = self._put(-1, 'carry')
                frame.totals[key] = Carry(register), [(register, 1)]
            frame.totals[key][1].append((signal, partial))
        elif isinstance(target, Site):
            frame.signals.setdefault(target, []).append((signal, partial))
        elif isinstance(partial, Place):
            self._put(-1, 'add_to', *target, signal, partial)
        else:
            self._put(-1, 'add_to', *target, self._plus(None, signal, partial))

    def _sum(self, terms: list[Term]) -> Place:
        """Add signals times partials, those first that are there first, so that the last is waited for least."""
        total = None
        for signal, partial in sorted(terms, key=self._wait):
            total = self._plus(total, signal, partial)
        assert total is not None
        return total

    def _wait(self, term: Term) -> int:
        return max(self._depth(part) for part in term if isinstance(part, Place))

    def _plus(self, total: Place | None, signal: Place, partial: Place | int) -> Place:
        """Add signal times partial to a sum; None is one of no terms."""
        if not isinstance(partial, Place):
            if total is None:
                return signal if partial == 1 else self.make('neg', signal)
            return self.make('add' if partial == 1 else 'sub', total, signal)
        if self._number(signal) == 1.0:
            return partial if total is None else self.make('add', total, partial)
        return self.make('mul', signal, partial) if total is None else self.make('madd', signal, partial, total)
