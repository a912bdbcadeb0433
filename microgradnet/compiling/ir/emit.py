"""Writing bodies: instructions into the body of a loop, where they are wanted or further out.

A number that is the same at every turn of a loop is fetched before it begins. What is
made once in a body is not made again, there or in the bodies inside of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from ...engine.table import Operation
from .instructions import LEAVES, Instruction
from .lowering import Lowering, Place
from .memory import short_lived, slots
from .nests import Affine, Nests, Part, Site, pick
from .routine import MEMORY, Block, Carry, Routine
from .signals import Term
from .tape import NUMBER, PARAMETER, ROW, Tape

__all__ = ['Emitter', 'Frame', 'Later', 'outside']


class Later:
    """A number that is fetched only if it is asked for."""

    def __init__(self, number: Affine) -> None:
        self.number = number


class Frame:
    """A body that is being written: its block, what it knows, and the sums of signals on their way."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.block: Block = []
        self.made: dict[Any, Place] = {}
        self.carries: dict[Any, tuple[Carry, Any]] = {}
        #: The signals of operations of this body, of theirs at the turn before, of loops' last turns.
        self.signals: dict[Site, list[Term]] = {}
        self.before: dict[Site, list[Term]] = {}
        self.after: dict[Site, list[Term]] = {}
        #: The sums over a loop's turns that are for outside.
        self.totals: dict[Any, tuple[Carry, list[Term]]] = {}


class Emitter(Lowering):
    """Writes instructions into the bodies of loops."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape
        self._nests = Nests(tape)
        self._labels: dict[int, str] = {}
        self._frames: list[Frame] = []
        self._register: dict[Site, Place] = {}
        #: What is kept, what signals go to through memory, and whether that is at every turn of its loop; else
        #: it is after the loop.
        self._kept: dict[Site, bool] = {}
        self._sent: dict[Site, bool] = {}
        #: What is fetched from memory, and the place of the operation it is for; for the backward sweep, the end.
        self._reads: dict[tuple[Affine, Affine | None], None] = {}
        self._reader = Affine(0)
        self._starts: dict[Site, Affine] = {}
        self._depths: dict[Place, int] = {}
        self._survey()

    def _survey(self) -> None:
        """Find out what has to be kept for later operations, and whose signals go through memory."""
        for site in self._nests.sites:
            for number in site.operands:
                self._fetch(number, site.path, site.active)

    def _fetch(self, number: Affine, path: tuple[Part, ...], active: bool) -> None:
        way, source = self._nests.find(number, path)
        if way == 'memory':
            self._keep(number)
            if active:
                self._mark(self._sent, number)
        elif way == 'before' and source not in self._starts:
            assert source is not None
            self._starts[source] = number
            self._fetch(number.first(), path[:-1], active)

    def _keep(self, number: Affine) -> set[Site]:
        return self._mark(self._kept, number)

    def _mark(self, memory: dict[Site, bool], number: Affine) -> set[Site]:
        """Give memory to what computes a number, once for each turn of its loop if other turns than the last do."""
        sources = self._nests.behind(number)
        last = self._nests.are_last(number)
        for source in sources:
            every = not (last and source.place.steps and source.path[-1].alone)
            memory[source] = memory.get(source, False) or every
        return sources

    # Instructions: made once in each body.
    def make(self, name: str, *operands: Any) -> Place:
        return self._make(len(self._frames) - 1, name, *operands)

    def _make(self, level: int, name: str, *operands: Any) -> Place:
        if name == 'number':
            return super().make(name, *operands)
        operands = tuple(self.place(o) if isinstance(o, Later) else o for o in operands)
        key = name, operands
        for frame in reversed(self._frames[self._outermost(level) : level + 1]):
            if key in frame.made:
                return frame.made[key]
        place = self._frames[level].made[key] = self._put(level, name, *operands)
        return place

    def put(self, name: str, *operands: Any) -> Place:
        return self._put(len(self._frames) - 1, name, *operands)

    def _put(self, level: int, name: str, *operands: Any) -> Place:
        """Append an instruction to a body, whether or not there is one like it."""
        place = Place(len(self.instructions))
        self.instructions.append(Instruction(name, operands))
        if name != 'carry':
            self._frames[level].block.append(place)
            if name not in LEAVES and name not in MEMORY:
                self._depths[place] = 1 + max((self._depth(o) for o in operands if isinstance(o, Place)), default=0)
        return place

    def _depth(self, register: Place) -> int:
        """Return how many instructions a register waits for in its body."""
        return self._depths.get(register, 0)

    def _outermost(self, level: int) -> int:
        """Return the level of the function that a level is in."""
        while level and self._frames[level].part.alone:
            level -= 1
        return level

    def _level(self, number: Affine, sources: Sequence[Site] | set[Site] = ()) -> int:
        """Return the outermost level at which a number is the same as here, outside of its sources' loops."""
        level = len(self._frames) - 1
        while level and self._frames[level].part.alone and not number.steps[level - 1]:
            if any(self._frames[level].part in source.path for source in sources):
                break
            level -= 1
        return level

    def place(self, operand: Any) -> Place:
        if isinstance(operand, Later):
            return self._value(operand.number, backwards=True)
        return super().place(operand)

    def known(self, operand: Any) -> float | None:
        return super().known(self.place(operand) if isinstance(operand, Later) else operand)

    @property
    def _path(self) -> tuple[Part, ...]:
        return tuple(frame.part for frame in self._frames)

    def _value(self, number: Affine, backwards: bool = False) -> Place:
        """Return the register of an operand; in the backward sweep all is fetched from memory."""
        way, source = self._nests.find(number, self._path)
        if way == 'number':
            return self._constant(number)
        if way in ('row', 'parameter'):
            level = self._level(number)
            return self._make(level, way, outside(number.moved(-(ROW if way == 'row' else PARAMETER)), level))
        if backwards or way == 'memory':
            sources = self._keep(number)
            self._reads[number, None if backwards else self._reader] = None
            level = self._level(number, () if backwards else sources)
            return self._make(level, 'load', 'kept', outside(number, level))
        assert source is not None
        if way != 'before':
            return self._register[source]
        carries = self._frames[-1].carries
        if source not in carries:
            carries[source] = Carry(self._put(-1, 'carry')), number
        return Place(carries[source][0].register)

    def _constant(self, number: Affine) -> Place:
        first = self._tape.numbers[number.start - NUMBER]
        if all(_alike(first, pick(self._tape.numbers, turn)) for turn in number.moved(-NUMBER).ranges()):
            return self.make('number', first)
        level = self._level(number)
        return self._make(level, 'table', outside(number.moved(-NUMBER), level))

    def apply(self, op: Operation, operands: Sequence[Place]) -> Place:
        if op.name == 'dot' and len(operands) == 3:  # a term of a long one: see the tape
            return self.make('madd', *operands)
        return super().apply(op, operands)

    def routine(self, blocks: list[Block], outputs: int, may_roll: bool) -> Routine:
        """Give memory to what goes through it, and return all that was written."""
        tape = self._tape
        reads = [(number, reader, self._nests.behind(number)) for number, reader in self._reads]
        kept, sent = (
            {site: site.place if every else site.place.last() for site, every in memory.items()}
            for memory in (self._kept, self._sent)
        )
        rolling, turns = short_lived(len(tape.items), kept, reads) if may_roll else (set(), 0)
        homes = {
            'kept': [place for site, place in kept.items() if site not in rolling],
            'rolling': [kept[site] for site in rolling],
            'signals': [*sent.values()],
        }
        moved = {number: self._home(operands[0], operands[1], rolling) for number, (_, operands) in self._in_memory()}
        where, sizes = {}, {}
        for memory, places in homes.items():
            asked = [self.instructions[number].operands[1] for number, home in moved.items() if home == memory]
            where[memory], slot = slots(len(tape.items), places, asked)
            sizes[memory] = slot[-1] if asked else 0  # forwards no signal is under way
        for number, memory in moved.items():
            name, (_, place, *others) = self.instructions[number]
            self.instructions[number] = Instruction(name, (memory, where[memory][place], *others))
        return Routine(
            self.instructions, blocks, outputs, tape.width, tape.parameters, sizes['kept'], turns, sizes['signals'],
            tape.numbers, self.customs, self._labels, watched=tape.watched,
            rows=dict(self.rows),
        )  # fmt: skip

    def _in_memory(self) -> Iterator[tuple[int, Instruction]]:
        for number, instruction in enumerate(self.instructions):
            if instruction.name in MEMORY and instruction.operands[0] in ('kept', 'signals'):
                yield number, instruction

    def _home(self, memory: str, place: Affine, rolling: set[Site]) -> str:
        """Return the memory that an instruction of this place writes or reads."""
        return 'rolling' if memory == 'kept' and self._nests.behind(place) <= rolling else memory


def _alike(number: float, others: Sequence[float]) -> bool:
    """Tell whether numbers are all the same, a zero's sign and a nan included."""
    if number != number:
        return all(other != other for other in others)
    return array('d', others).tobytes() == array('d', [number] * len(others)).tobytes()


def outside(number: Affine, level: int) -> Affine:
    """Return a number as it is at an outer level, where it does not change."""
    return Affine(number.start, number.steps[:level], number.counts[:level])
