"""Folded tapes as routines: the forward sweep, and the backward sweep through the same loops.

``routine`` prints every operation once, in the body it was folded into, as the
instructions of its cell in the table. With the gradient, each body is gone through once more from its
end, and each loop backwards: what arrives at an operation is its error signal, and
signal times local derivative goes to each operand, the partials being the table's own
cells. So the backward sweep has the loops of the forward one, however often they turn.

Of the forward sweep those numbers are kept that partials ask for, and those that
the operations themselves have to fetch from far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..operations import Operation
from ..value import Value
from .instructions import Instruction, Listing
from .lowering import Lowering, Place, freeze
from .nests import Affine, Nest, Nests, Part, Site, pick
from .routine import Block, Carry, Loop, Routine, slots
from .tape import NUMBER, PARAMETER, ROW, Tape, is_long, tape

__all__ = ['has_gates', 'lower', 'routine']


def lower(
    outputs: Sequence[Value], rows: Sequence[Value], parameters: Sequence[Value], loops: bool | None = None
) -> Listing | Routine:
    """Turn the graph of some nodes into instructions, those of a long one into loops."""
    if is_long(outputs) if loops is None else loops:
        return routine(tape(outputs, rows, parameters))
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
    writer = _Writer(tape)
    backwards = writer.backward_sweep() if gradient else []
    forwards = writer.forward_sweep()
    return writer.routine(forwards + backwards, 1 + tape.parameters if gradient else tape.outputs)


class _Later:
    """A number that is fetched only if it is asked for."""

    def __init__(self, number: Affine) -> None:
        self.number = number


class _Frame:
    """A body that is being written: its block, what it knows, and the sums of signals on their way."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.block: Block = []
        self.made: dict[Any, Place] = {}
        self.carries: dict[Any, tuple[Carry, Any]] = {}
        #: The signals of operations of this body, of theirs at the turn before, of loops' last turns.
        self.signals: dict[Site, Place] = {}
        self.before: dict[Site, Place] = {}
        self.after: dict[Site, Place] = {}
        #: The sums over a loop's turns that are for outside.
        self.totals: dict[Any, tuple[Carry, Place]] = {}


class _Writer(Lowering):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self.nests = Nests(tape)
        self.frames: list[_Frame] = []
        self.register: dict[Site, Place] = {}
        self.kept: dict[Site, None] = {}
        self.sent: dict[Site, None] = {}
        self.starts: dict[Site, Affine] = {}
        self.left: set[Site] = set()
        self._survey()

    def _survey(self) -> None:
        """Find out what has to be kept for later operations, and whose signals go through memory."""
        for site in self.nests.sites:
            for number in site.operands:
                self._fetch(number, site.path, site.active)

    def _fetch(self, number: Affine, path: tuple[Part, ...], active: bool) -> None:
        way, source = self.nests.find(number, path)
        if way == 'memory':
            sources = self._keep(number)
            if active:
                self.sent.update((source, None) for source in sources if source.active)
        elif way == 'before' and source not in self.starts:
            assert source is not None
            self.starts[source] = number
            self._fetch(number.first(), path[:-1], active)
        elif way == 'after':
            assert source is not None
            self.left.add(source)

    def _keep(self, number: Affine) -> set[Site]:
        sources = self.nests.behind(number)
        self.kept.update(dict.fromkeys(sources))
        return sources

    # Instructions: made once in each body.
    def make(self, name: str, *operands: Any) -> Place:
        return self._make(len(self.frames) - 1, name, *operands)

    def _make(self, level: int, name: str, *operands: Any) -> Place:
        if name == 'number':
            return super().make(name, *operands)
        operands = tuple(self._place(o) if isinstance(o, _Later) else o for o in operands)
        key = name, operands
        for frame in reversed(self.frames[self._outermost(level) : level + 1]):
            if key in frame.made:
                return frame.made[key]
        place = self.frames[level].made[key] = self.put(level, name, *operands)
        return place

    def put(self, level: int, name: str, *operands: Any) -> Place:
        """Append an instruction to a body, whether or not there is one like it."""
        place = Place(len(self._instructions))
        self._instructions.append(Instruction(name, operands))
        if name != 'carry':
            self.frames[level].block.append(place)
        return place

    def _outermost(self, level: int) -> int:
        """Return the level of the function that a level is in."""
        while level and self.frames[level].part.alone:
            level -= 1
        return level

    def _level(self, number: Affine, sources: Sequence[Site] | set[Site] = ()) -> int:
        """Return the outermost level at which a number is the same as here, outside of its sources' loops."""
        level = len(self.frames) - 1
        while level and self.frames[level].part.alone and not number.steps[level - 1]:
            if any(self.frames[level].part in source.path for source in sources):
                break
            level -= 1
        return level

    def _place(self, operand: Any) -> Place:
        if isinstance(operand, _Later):
            return self._value(operand.number, backwards=True)
        return super()._place(operand)

    def _number(self, operand: Any) -> float | None:
        return super()._number(self._place(operand) if isinstance(operand, _Later) else operand)

    @property
    def path(self) -> tuple[Part, ...]:
        return tuple(frame.part for frame in self.frames)

    def _value(self, number: Affine, backwards: bool = False) -> Place:
        """Return the register of an operand; in the backward sweep all is fetched from memory."""
        way, source = self.nests.find(number, self.path)
        if way == 'number':
            return self._constant(number)
        if way in ('row', 'parameter'):
            level = self._level(number)
            return self._make(level, way, _outside(number.moved(-(ROW if way == 'row' else PARAMETER)), level))
        if backwards or way == 'memory':
            sources = self._keep(number)
            level = self._level(number, () if backwards else sources)
            return self._make(level, 'load', 'kept', _outside(number, level))
        assert source is not None
        if way != 'before':
            return self.register[source]
        carries = self.frames[-1].carries
        if source not in carries:
            carries[source] = Carry(self.put(-1, 'carry')), number
        return Place(carries[source][0].register)

    def _constant(self, number: Affine) -> Place:
        first = self.tape.numbers[number.start - NUMBER]
        if all(_alike(first, pick(self.tape.numbers, turn)) for turn in number.moved(-NUMBER).ranges()):
            return self.make('number', first)
        level = self._level(number)
        return self._make(level, 'table', _outside(number.moved(-NUMBER), level))

    def apply(self, op: Operation, operands: Sequence[Place]) -> Place:
        if op.name == 'dot' and len(operands) == 3:  # a term of a long one: see the tape
            return self.make('madd', *operands)
        return super().apply(op, operands)

    # The forward sweep.
    def forward_sweep(self) -> list[Block]:
        return [self._forward(part) for part in self.nests.parts]

    def _forward(self, part: Part) -> Block:
        frame = _Frame(part)
        self.frames.append(frame)
        for item in part.items:
            if isinstance(item, Nest):
                self._forward_loop(item)
            else:
                self._forward_site(item)
        if not part.alone:
            self.frames.pop()
        return frame.block

    def _forward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=False)
        for part in nest.parts:
            loop.blocks.append(self._forward(part))
            if part.alone:
                for source, (carry, number) in self.frames.pop().carries.items():
                    carry.start, carry.after = self._value(number.first()), self.register[source]
                    loop.carries.append(carry)
        self.frames[-1].block.append(loop)

    def _forward_site(self, site: Site) -> None:
        operands = [self._value(number) for number in site.operands]
        result = self.register[site] = self.apply(site.operation, operands)
        if site in self.kept:
            self.put(-1, 'store', site.place, result)
        for number in site.outputs:
            self.put(-1, 'output', number, result)

    # The backward sweep.
    def backward_sweep(self) -> list[Block]:
        return [self._backward(part) for part in reversed(self.nests.parts)]

    def _backward(self, part: Part) -> Block:
        frame = _Frame(part)
        self.frames.append(frame)
        if part.alone:
            outside = self.frames[-2].after
            for site in part.items:
                if isinstance(site, Site) and site.active and (site in self.starts or site in self.left):
                    carry = Carry(self.put(-1, 'carry'), outside.pop(site, self.zero))
                    frame.carries[site] = carry, None
                    frame.signals[site] = Place(carry.register)
        for item in reversed(part.items):
            if isinstance(item, Nest):
                self._backward_loop(item)
            elif item.active:
                self._backward_site(item)
        if not part.alone:
            self.frames.pop()
        return frame.block

    @property
    def zero(self) -> Place:
        return super().make('number', 0.0)

    def _backward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=True)
        for part in reversed(nest.parts):
            loop.blocks.append(self._backward(part))
        self_alone = nest.parts[0].alone
        frame = self.frames.pop() if self_alone else None
        self.frames[-1].block.append(loop)
        if frame is None:
            return
        for site, (carry, _) in frame.carries.items():
            carry.after = frame.before.get(site, self.zero)
            loop.carries.append(carry)
        for carry, total in frame.totals.values():
            carry.start, carry.after = self.zero, total
            loop.carries.append(carry)
        for (target, level), (_, total) in frame.totals.items():
            self._gather(target, level, total, 1)
        for site, signal in frame.before.items():
            self._send(self.starts[site].first(), signal, 1)

    def _backward_site(self, site: Site) -> None:
        signal: Any = self.frames[-1].signals.pop(site, None)
        if site in self.sent:
            signal = self._plus(signal, self.put(-1, 'load', 'signals', site.place), 1)
        if site.outputs:
            signal = self._plus(signal, super().make('number', 1.0), 1)
        if signal is None:
            return
        op, operands = site.operation, [_Later(number) for number in site.operands]
        y = _Later(site.place)
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
        return any(s.active for s in self.nests.behind(number)) if start < PARAMETER else start < ROW

    def _send(self, number: Affine, signal: Place, partial: Any) -> None:
        """Send signal times partial to whatever computed a number."""
        known = partial if not isinstance(partial, (Place, _Later)) else self._number(partial)
        if known == 0:
            return
        partial = int(known) if known in (1, -1) else partial
        way, source = self.nests.find(number, self.path)
        frame = self.frames[-1]
        if way == 'parameter':
            level = self._level(number)
            self._gather(('outputs', _outside(number.moved(1 - PARAMETER), level)), level, signal, partial)
        elif way == 'memory':
            level = self._level(number, self.nests.behind(number))
            self._gather(('signals', _outside(number, level)), level, signal, partial)
        elif source is not None and source.active:
            if way == 'here':
                self._gather(source, len(source.path) - 1, signal, partial)
            else:
                sums = frame.before if way == 'before' else frame.after
                sums[source] = self._plus(sums.get(source), signal, partial)

    def _gather(self, target: Any, level: int, signal: Place, partial: Any) -> None:
        """Add to a target at a level; inside of loops, to a sum over the turns."""
        frame = self.frames[-1]
        if level < len(self.frames) - 1:
            key = target, level
            if key not in frame.totals:
                carry = Carry(self.put(-1, 'carry'))
                frame.totals[key] = carry, Place(carry.register)
            carry, total = frame.totals[key]
            frame.totals[key] = carry, self._plus(total, signal, partial)
        elif isinstance(target, Site):
            frame.signals[target] = self._plus(frame.signals.get(target), signal, partial)
        elif isinstance(partial, int):
            self.put(-1, 'add_to', *target, self._plus(None, signal, partial))
        else:
            self.put(-1, 'add_to', *target, signal, self._place(partial))

    def _plus(self, total: Place | None, signal: Place, partial: Any) -> Place:
        """Add signal times partial to a sum; None is one of no terms."""
        if isinstance(partial, int) and partial in (1, -1):
            if total is None:
                return signal if partial == 1 else self.make('neg', signal)
            return self.make('add' if partial == 1 else 'sub', total, signal)
        factor = self._place(partial)
        return self.make('mul', signal, factor) if total is None else self.make('madd', signal, factor, total)

    def routine(self, blocks: list[Block], outputs: int) -> Routine:
        """Give memory to what goes through it, and return all that was written."""
        tape, sizes = self.tape, {}
        for memory, sites in ('kept', self.kept), ('signals', self.sent):
            there = [operands for name, operands in self._instructions if name in ('load', 'add_to')]
            asked = [operands[1] for operands in there if operands[0] == memory]
            where, sizes[memory] = slots(len(tape.items), [site.place for site in sites], asked)
            for number, (name, operands) in enumerate(self._instructions):
                if name in ('load', 'add_to') and operands[0] == memory:
                    self._instructions[number] = Instruction(name, (memory, where[operands[1]], *operands[2:]))
                elif name == 'store' and memory == 'kept':
                    self._instructions[number] = Instruction(name, (where[operands[0]], operands[1]))
        return Routine(
            self._instructions, blocks, outputs, tape.width, tape.parameters, sizes['kept'], sizes['signals'],
            tape.numbers, self._customs,
        )  # fmt: skip


def _alike(number: float, others: Sequence[float]) -> bool:
    """Tell whether numbers are all the same, a zero's sign and a nan included."""
    return {*map(float.hex, others)} == {number.hex()}


def _outside(number: Affine, level: int) -> Affine:
    """Return a number as it is at an outer level, where it does not change."""
    return Affine(number.start, number.steps[:level], number.counts[:level])
