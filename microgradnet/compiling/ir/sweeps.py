"""The forward sweep of a folded tape: every operation once, in the body it was folded into.

A number of the same turn is in a register, one of the turn before is carried, one from
far away is in memory, where whatever is asked for again is kept.

The backward sweep of a folded tape: its loops once more, from their ends.

What arrives at an operation is its error signal; signal times local derivative goes on
to each operand, the partials being the table's own cells. A signal for an operation of the
same turn stays in a register, one for the turn before is carried, the sum over a
loop's turns of what goes to one place outside is carried too, and the rest is added up in memory.

Folded tapes as routines: the forward sweep, and the backward sweep through the same loops.

The backward sweep has the loops of the forward one, however often they turn. Of the
forward sweep those numbers are kept that partials ask for, and those that the operations
themselves have to fetch from far away.

>>> x, theta = Value(2.0), [Value(float(k)) for k in range(100)]
>>> y = theta[0]
>>> for c in theta[1:]:  # Horner's rule
...     y = y * x + c
>>> horner = routine(tape([y], [x], theta), gradient=True)
>>> len(horner.instructions), horner.kept, horner.signals, horner.count
(18, 0, 0, 101)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.value import Value
from .emit import Bodies, Frame, Later, Term, outside
from .instructions import Listing
from .lowering import Place, freeze
from .nests import Affine, Nest, Part, Site
from .routine import Block, Carry, Loop, Routine
from .tape import PARAMETER, ROW, Tape, is_long, tape

__all__ = ['Forward', 'Sweeps', 'has_gates', 'lower', 'prepare', 'routine']


class Forward(Bodies):
    """Writes the forward sweep."""

    def forwards(self) -> list[Block]:
        return [self._forward(part) for part in self._nests.parts]

    def _forward(self, part: Part) -> Block:
        frame = Frame(part)
        self._frames.append(frame)
        for item in part.items:
            if isinstance(item, Nest):
                self._forward_loop(item)
            else:
                self._forward_site(item)
        if not part.alone:
            self._frames.pop()
        return frame.block

    def _forward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=False)
        for part in nest.parts:
            loop.blocks.append(self._forward(part))
            if part.alone:
                for source, (carry, number) in self._frames.pop().carries.items():
                    self._reader = source.place.first()
                    carry.start, carry.after = self._value(number.first()), self._register[source]
                    loop.carries.append(carry)
        self._frames[-1].block.append(loop)
        for part in nest.parts:
            for item in part.items:
                if isinstance(item, Site) and self._kept.get(item) is False:
                    self._put(-1, 'store', 'kept', item.place.last(), self._register[item])

    def _forward_site(self, site: Site) -> None:
        self._reader = site.place
        operands = [self._value(number) for number in site.operands]
        result = self._register[site] = self.apply(site.operation, operands)
        if self._kept.get(site):
            self._put(-1, 'store', 'kept', site.place, result)
        for number in site.outputs:
            self._put(-1, 'output', number, result)


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


def lower(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Listing | Routine:
    """Turn the graph of some nodes into instructions, those of a long one that repeats itself into loops."""
    made = prepare(outputs, rows, parameters, loops)
    return routine(made) if isinstance(made, Tape) else made


def prepare(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Listing | Tape:
    """Tape the graph of some nodes if it is to be folded into loops, else turn it into instructions.

    loops: whether; None for a long graph that repeats itself.
    """
    if is_long(outputs) if loops is None else loops:
        taped = tape(outputs, rows, parameters)
        if loops or taped.repeats:
            return taped
    return freeze(outputs, rows, parameters)


def has_gates(tape: Tape) -> bool:
    """Tell whether a tape has operations that let signals through or not: those need ``gradients``.

    So does an operation of a user's own, which no table has.
    """
    active = [kind.operation for kind in tape.kinds if kind.active]
    return bool(tape.customs) or any(_is_gate(cell) for op in active for cell in op.partial_texts)


def _is_gate(cell: str) -> bool:
    return 'None' in cell and cell != 'None'


def routine(tape: Tape, gradient: bool = False) -> Routine:
    """Fold a tape and write it as loops; with the gradient of its only output by all parameters.

    The outputs are then the output and its derivatives.
    """
    sweeps = Sweeps(tape)
    backwards = sweeps.backwards() if gradient else []  # first, since it says what must be kept
    return sweeps.routine(sweeps.forwards() + backwards, 1 + tape.parameters if gradient else tape.outputs)
