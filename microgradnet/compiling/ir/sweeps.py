"""The two sweeps of a program: a tape as a routine, and its gradient through the same loops backwards.

The forward sweep does every operation once, in the body it was folded into. A number of
the same turn is in a register, one of the turn before is carried, one from far away is in
memory, where whatever is asked for again is kept.

The backward sweep has the loops of the forward one, once more, from their ends, however often
they turn. What arrives at an operation is its error signal; signal times local derivative goes
on to each operand, the partials being the table's own cells. A signal for an operation of the
same turn stays in a register, one for the turn before is carried, the sum over a loop's turns of
what goes to one place outside is carried too, and the rest is added up in memory.

>>> x, theta = Value(2.0), [Value(float(k)) for k in range(100)]
>>> y = theta[0]
>>> for c in theta[1:]:  # Horner's rule
...     y = y * x + c
>>> horner = routine(tape([y], [x], theta), gradient=True)
>>> len(horner.instructions), horner.kept, horner.signals, horner.count
(18, 0, 0, 101)

A signal that leaves a body is closed by its gates. Where at some turn none may have come, a mask goes with it:
it is carried beside the signal, and has a place in memory beside the signal's.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from ..._processes import cached_property
from ...engine.value import Value
from .hoist import shares
from .instructions import LEAVES, Place
from .lowering import Emitter, Later, Lowering
from .memory import Memory
from .nests import Affine, Nest, Nests, Part, Site, pick
from .routine import MEMORY, Block, Carry, Loop, Routine
from .signals import Term, arrived, close, mask, partials, plus, seed, sent, unmasked
from .straight import straight
from .tape import ASIDE, NUMBER, OUTPUT, PARAMETER, ROW, Computed, Tape, is_long, tape

#: A signal, and its mask if it has one.
_Signal: TypeAlias = tuple[Place, ...]

__all__ = ['lower', 'prepare', 'routine']


class _Frame:
    """A body that is being written: what it carries, and the sums of signals on their way."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.block: Block = []
        self.carries: dict[Site, tuple[Carry, Affine]] = {}
        #: The signals of operations of this body, of theirs at the turn before, of loops' last turns.
        self.signals: dict[Site, list[Term]] = {}
        self.before: dict[Site, list[Term]] = {}
        self.after: dict[Site, list[Term]] = {}
        #: What goes to the turn before, added up; the sums over a loop's turns that are for outside.
        self.going: dict[Site, _Signal] = {}
        self.totals: dict[Any, list[Term]] = {}
        #: What carries signals and such sums, and masks beside them.
        self.back: dict[Any, list[Carry]] = {}


class _Sweeps:
    """Writes both sweeps, each into a frame for every body around what is being written."""

    def __init__(self, tape: Tape, gradient: bool = False, seeds: bool = False, stops: bool = False) -> None:
        self._tape, self._seeds = tape, seeds
        self._nests = Nests(tape)
        self._memory = Memory(self._nests)
        self._emitter = Emitter()
        self._g = Lowering(self._emitter)
        self._g.stops = stops
        self._labels: dict[int, str] = {}
        self._frames: list[_Frame] = []
        self._register: dict[Site, Place] = {}
        #: The place of the operation that operands are fetched for.
        self._reader = Affine(0)
        self._depths: list[int] = []
        #: How many outputs there are before those that are only watched.
        self._count = tape.outputs + tape.parameters * gradient

    def routine(self, gradient: bool, may_roll: bool) -> Routine:
        """Write the sweeps, give memory to what goes through it, and return all that was written."""
        tape, g = self._tape, self._g
        # Backwards first, since it says what must be kept.
        backwards = [self._backward(part).block for part in reversed(self._nests.parts)] if gradient else []
        blocks = [self._forward(part).block for part in self._nests.parts] + backwards
        sizes = self._memory.give(len(tape.items), g.instructions, may_roll)
        return Routine(
            g.instructions, blocks, self._count + tape.watched, tape.width,
            tape.parameters + tape.outputs * self._seeds, sizes['kept'], sizes['rolling'], sizes['signals'],
            tape.numbers, g.customs, self._labels, watched=tape.watched, rows=g.rows,
        )  # fmt: skip

    def _enter(self, part: Part) -> _Frame:
        frame = _Frame(part)
        self._frames.append(frame)
        self._emitter.enter(inner=part.alone)
        return frame

    def _leave(self) -> _Frame:
        frame = self._frames.pop()
        frame.block = self._emitter.leave()
        return frame

    def _level(self, number: Affine, sources: Sequence[Site] | set[Site] = ()) -> int:
        """Return the outermost level at which a number is the same as here, outside of its sources' loops."""
        level = len(self._frames) - 1
        while level and self._frames[level].part.alone and not number.steps[level - 1]:
            if any(self._frames[level].part in source.path for source in sources):
                break
            level -= 1
        return level

    @property
    def _path(self) -> tuple[Part, ...]:
        return tuple(frame.part for frame in self._frames)

    def _value(self, number: Affine, backwards: bool = False) -> Place:
        """Return the register of an operand; in the backward sweep all is fetched from memory."""
        make = self._emitter.make
        way, source = self._nests.find(number, self._path)
        if way == 'number':
            return self._constant(number)
        if way in ('row', 'parameter'):
            level = self._level(number)
            return make(way, outside(number.moved(-(ROW if way == 'row' else PARAMETER)), level), level=level)
        if backwards or way == 'memory':
            sources = self._memory.read(number, None if backwards else self._reader)
            level = self._level(number, () if backwards else sources)
            return make('load', 'kept', outside(number, level), level=level)
        assert source is not None
        if way != 'before':
            return self._register[source]
        carries = self._frames[-1].carries
        if source not in carries:
            carries[source] = Carry(self._g.put('carry')), number
        return Place(carries[source][0].register)

    def _constant(self, number: Affine) -> Place:
        first = self._tape.numbers[number.start - NUMBER]
        if all(_alike(first, pick(self._tape.numbers, turn)) for turn in number.moved(-NUMBER).ranges()):
            return self._g.number(first)
        level = self._level(number)
        return self._emitter.make('table', outside(number.moved(-NUMBER), level), level=level)

    def _forward(self, part: Part) -> _Frame:
        self._enter(part)
        for item in part.items:
            if isinstance(item, Nest):
                self._forward_loop(item)
            else:
                self._forward_site(item)
        return self._leave()

    def _forward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=False)
        for part in nest.parts:
            frame = self._forward(part)
            loop.blocks.append(frame.block)
            for source, (carry, number) in frame.carries.items():
                self._reader = source.place.first()
                carry.start, carry.after = self._value(number.first()), self._register[source]
                loop.carries.append(carry)
        self._emitter.block.append(loop)
        for part in nest.parts:
            for item in part.items:
                if isinstance(item, Site) and self._memory.kept.get(item) is False:
                    self._g.put('store', 'kept', item.place.last(), self._register[item])

    def _forward_site(self, site: Site) -> None:
        self._reader = site.place
        operands = [self._value(number) for number in site.operands]
        is_term = site.operation.name == 'dot' and len(operands) == 3  # of a long dot: see the tape
        result = self._g.make('madd', *operands) if is_term else self._g.apply(site.operation, operands)
        self._register[site] = result
        if label := self._tape.labels.get(site.place.start):
            self._labels.setdefault(result, label)
        if self._memory.kept.get(site):
            self._g.put('store', 'kept', site.place, result)
        for number in site.outputs:
            place = number.moved(self._count - ASIDE) if number.start >= ASIDE else number
            self._g.put('output', place, result)

    def _backward(self, part: Part) -> _Frame:
        starts: dict[Site, _Signal] = {}
        if part.alone:
            after = self._frames[-1].after
            for site in part.items:
                if isinstance(site, Site) and site.active:
                    terms = after.pop(site, [])
                    if self._memory.sent.get(site) is False:
                        terms.append(self._loaded(site, site.place.last()))
                    if terms or site in self._memory.starts:
                        starts[site] = self._sum(terms, site)
        frame = self._enter(part)
        for site, start in starts.items():
            carried = frame.back[site] = self._carried(start)
            frame.signals[site] = [self._term(*(Place(carry.register) for carry in carried))]
        for item in reversed(part.items):
            if isinstance(item, Nest):
                self._backward_loop(item)
            elif item.active:
                self._backward_site(item)
        frame.going = {site: self._sum(terms, site) for site, terms in frame.before.items()}
        for key, terms in frame.totals.items():
            for carry, total in zip(frame.back[key], self._sum(terms, key[0], frame.back[key])):
                carry.after = total
        return self._leave()

    def _backward_loop(self, nest: Nest) -> None:
        frames = [self._backward(part) for part in reversed(nest.parts)]
        loop = Loop(nest.count, backwards=True, blocks=[frame.block for frame in frames])
        frame = frames[-1]  # only the whole body of a loop carries anything
        for target, carries in frame.back.items():
            if target not in frame.totals:
                for carry, register in zip(carries, frame.going.get(target, self._sum([], target))):
                    carry.after = register
            loop.carries += carries
        if any(loop.blocks) or loop.carries:
            self._emitter.block.append(loop)
        for (target, level) in frame.totals:
            total = self._term(*(Place(carry.after) for carry in frame.back[target, level]))
            self._gather(target, level, total)
        for site, signal in frame.going.items():
            self._send(self._memory.starts[site].first(), self._term(*signal))

    def _backward_site(self, site: Site) -> None:
        terms = self._frames[-1].signals.pop(site, [])
        if self._memory.sent.get(site):
            terms.append(self._loaded(site, site.place))
        if ends := self._ends(site):
            terms[:0] = map(self._seed, ends) if self._seeds else [Term(self._g.number(1.0))]
        if not terms:
            return
        signal, gates = arrived(self._g, terms, self._add)
        active = [self._is_active(number) for number in site.operands]
        *operands, y = (Later(partial(self._value, number, True)) for number in (*site.operands, site.place))
        for k, one in partials(self._g, site.operation, operands, y, active):
            term = sent(self._g, signal, one, gates)
            if term is not None:
                self._send(site.operands[k], term)

    def _ends(self, site: Site) -> list[Affine]:
        """Return which outputs an operation is, of those that are differentiated."""
        return [number for number in site.outputs if number.start < ASIDE]

    def _seed(self, output: Affine) -> Term:
        level = self._level(output)
        place = outside(output.moved(self._tape.parameters), level)
        return seed(self._g, self._emitter.make('parameter', place, level=level))

    def _is_active(self, number: Affine) -> bool:
        start = number.start
        return any(s.active for s in self._nests.behind(number)) if start < PARAMETER else start < ROW

    def _send(self, number: Affine, term: Term) -> None:
        """Send signal times partial to whatever computed a number."""
        way, source = self._nests.find(number, self._path)
        frame = self._frames[-1]
        if way == 'parameter':
            level = self._level(number)
            self._gather(('outputs', outside(number.moved(self._tape.outputs - PARAMETER), level)), level, term)
        elif way == 'memory':
            level = self._level(number, self._nests.behind(number))
            self._gather(('signals', outside(number, level)), level, term)
        elif source is not None and (source.active or way == 'before'):  # what it starts from may be active
            if way == 'here':
                self._gather(source, len(source.path) - 1, term)
            else:
                sums = frame.before if way == 'before' else frame.after
                sums.setdefault(source, []).append(term)

    def _gather(self, target: Any, level: int, term: Term) -> None:
        """Add to a target at a level; inside of loops, to a sum over the turns."""
        frame = self._frames[-1]
        if level < len(self._frames) - 1:
            key = target, level
            if key not in frame.totals:
                frame.back[key] = self._carried(self._sum([], target))
                frame.totals[key] = [Term(Place(frame.back[key][0].register))]
            frame.totals[key].append(term)
        elif isinstance(target, Site):
            frame.signals.setdefault(target, []).append(term)
        else:
            if isinstance(term.partial, Place) and not term.gates:
                self._g.put('add_to', *target, term.signal, term.partial)
            else:
                self._g.put('add_to', *target, close(self._g, plus(self._g, None, term), term.gates))
            if self._is_masked(target):
                memory, place = target
                self._g.put('add_to', memory, self._beside(place), mask(self._g, [term.gates]))

    def _sum(self, terms: list[Term], target: Any, before: Sequence[Carry] = ()) -> _Signal:
        """Add signals times partials, those of closed gates being 0; with a mask where none may have come.

        before: what carries a sum, of which the first term is that of the turns before, and its mask.
        """
        g = self._g
        signal = close(g, *arrived(g, terms, self._add)) if terms else g.number(0.0)
        if not self._is_masked(target):
            return (signal,)
        known = [unmasked(g, Place(carry.register)) for carry in before[1:]]
        ways = known + [term.gates for term in terms[len(known) :]]
        return signal, mask(g, ways) if ways else g.number(0.0)

    def _carried(self, start: _Signal) -> list[Carry]:
        return [Carry(self._g.put('carry'), register) for register in start]

    def _add(self, _: Lowering, terms: Sequence[Term]) -> Place:
        """Add signals times partials, those first that are there first, so that the last is waited for least."""
        total = None
        for term in sorted(terms, key=self._wait):
            total = plus(self._g, total, term)
        assert total is not None
        return total

    def _wait(self, term: Term) -> int:
        """Return how many instructions one after the other a term waits for, in its body."""
        depths = self._depths
        for name, operands in self._g.instructions[len(depths) :]:
            waits = name not in LEAVES and name not in MEMORY and name != 'carry'
            depths.append(waits + max((depths[o] for o in operands if waits and isinstance(o, Place)), default=0))
        return max(depths[part] for part in (term.signal, term.partial) if isinstance(part, Place))

    def _loaded(self, site: Site, place: Affine) -> Term:
        """Return a signal that comes from memory."""
        places = [place, self._beside(place)] if self._is_masked(site) else [place]
        return self._term(*(self._g.put('load', 'signals', one) for one in places))

    def _term(self, signal: Place, *masks: Place) -> Term:
        """Return a signal that comes from elsewhere, with its mask if it has one."""
        return Term(signal, 1, *(unmasked(self._g, one) for one in masks))

    def _beside(self, place: Affine) -> Affine:
        """Return where a signal's mask is: behind all places of the tape, where ``Memory`` gives it some."""
        return place.moved(len(self._tape.items))

    def _is_masked(self, target: Any) -> bool:
        """Tell whether signals for a target need a mask: an operation, or a place in memory."""
        if isinstance(target, Site):
            return target in self.masked
        memory, place = target
        return memory == 'signals' and not self.masked.isdisjoint(self._nests.behind(place))

    @cached_property
    def masked(self) -> set[Site]:
        """The operations that at some turn no signal reaches but through gates."""
        items, shapes = self._tape.items, self._tape.shapes
        ways = {name: _ungated(shapes[name]) for name in items.sizes}
        may_stop = self._seeds or self._tape.watched or self._tape.unused
        if not (may_stop or any(len(ways[n]) < shapes[n].operands for n in ways)):
            return set()
        ends = {name: range(1 + shapes[name].operands, size) for name, size in items.sizes.items()}
        reached, numbers, first = bytearray(len(items)), items.flat.tolist(), len(items.flat)
        for place in range(len(items) - 1, -1, -1):
            name = items.names[place]
            first -= items.sizes[name]
            if ends[name] and not self._seeds:
                reached[place] |= any(numbers[first + k] < OUTPUT + ASIDE for k in ends[name])
            if reached[place]:
                for k in ways[name]:
                    number = numbers[first + k]
                    if number < PARAMETER:
                        reached[number] = True
        turns = {site: (pick(reached, turn) for turn in site.place.ranges()) for site in self._nests.sites}
        return {site for site, found in turns.items() if not all(map(all, found))}


def _ungated(kind: Computed) -> list[int]:
    """Return which operands of an operation, counted from 1, a signal comes to through no gate of its own."""
    op = kind.operation
    if not op.has_cells:
        return [*range(1, 1 + kind.operands)]
    groups = [group if isinstance(group, list) else [group] for group in op.split([*range(1, 1 + kind.operands)])]
    return [k for cell, group in zip(op.partial_texts, groups) if 'None' not in cell for k in group]


def lower(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Routine:
    """Turn the graph of some nodes into a routine, a long one that repeats itself into loops.

    >>> x = Value(3.0)
    >>> print(lower([x * x + 1.0], [x], []))
    0: row 0
    1: mul 0 0
    2: number 1.0
    3: add 1 2
    4: output 0 3
    """
    return routine(prepare(outputs, rows, parameters, loops))


def prepare(
    outputs: Sequence[Value],
    rows: Sequence[Value],
    parameters: Sequence[Value],
    loops: bool | None = None,
    watched: Sequence[Value] = (),
    outside: Sequence[Value] = (),
    same: Mapping[Value, Value] | None = None,
    taped: Tape | None = None,
    many: int | None = None,
) -> Tape:
    """Tape the graph of some nodes.

    loops: whether it is to be folded into loops; None for a graph of more than ``many`` operands that repeats itself,
        but for one of at most MANY of which much is the same for all rows: only straight code is cut. One with a
        ``while_loop`` in it never is.
    watched, outside: see ``Tape``.
    same: of several recordings in one, leaves that stand for others: the same operation is then taped once.
    taped: a tape of just that, in the order it was recorded in, if there is one.
    """
    if is_long([*outputs, *watched], many) if loops is None else loops:
        taped = taped or tape(outputs, rows, parameters, True, watched, outside, same)
        if not taped.has_while and (loops or (taped.repeats and not _is_cut([*outputs, *watched], rows))):
            return taped
    return tape(outputs, rows, parameters, False, watched, outside, same)


def _is_cut(outputs: Sequence[Value], rows: Sequence[Value]) -> bool:
    """Tell whether straight code of some nodes would be, as it is not for long, and would gain by it."""
    return bool(rows) and not is_long(outputs) and shares(outputs, rows)


def routine(
    tape: Tape, gradient: bool = False, seeds: bool = False, stops: bool = False, rolling: bool = True
) -> Routine:
    """Write a tape as a routine; with the gradient of its only output by all parameters.

    The outputs are then the output and its derivatives; what is watched comes last.
    seeds: of any number of outputs, the gradient of their sum, each times a weight. The weights
        follow the parameters.
    stops: make it for a tangent, which must see where no change is let through.
    rolling: whether what is asked for again soon may have memory that is used over and over.
    """
    if not tape.loops:
        return straight(tape, gradient, seeds, stops=stops)
    return _Sweeps(tape, gradient, seeds, stops).routine(gradient, rolling)


def _alike(number: float, others: Sequence[float]) -> bool:
    """Tell whether numbers are all the same, a zero's sign and a nan included."""
    if number != number:
        return all(other != other for other in others)
    return array('d', others).tobytes() == array('d', [number] * len(others)).tobytes()


def outside(number: Affine, level: int) -> Affine:
    """Return a number as it is at an outer level, where it does not change."""
    return Affine(number.start, number.steps[:level], number.counts[:level])
