"""What is the same for all rows, done once: straight code cut in three, for sums over many rows.

The prologue computes what depends on parameters alone, the body all that a row is needed for. What is left of a
derivative after that is often a sum of signals, each times a number that depends on parameters alone: there the
signals are summed over the rows first, and the epilogue makes the derivative of their sums. So the exponential of a
parameter is computed once, not for every row, and its signal is sent back once. What no row has a part in is added
to a derivative once, as often as there are rows: the body counts them.

>>> from ...engine.value import Value
>>> from .sweeps import prepare, routine
>>> x, w = Value(0.0), Value(1.0)
>>> pieces = cut(routine(prepare([(w.exp() * x).sin()], [x], [w]), gradient=True))
>>> print(pieces.prologue, pieces.body, pieces.epilogue, sep='; ')
0: parameter 0
1: exp 0
2: output 0 1; 0: parameter 1
1: row 0
2: mul 0 1
3: sin 2
4: cos 2
5: mul 4 1
6: output 0 3
7: output 1 5; 0: parameter 1
1: row 0
2: row 1
3: mul 2 0
4: output 0 1
5: output 1 3

The value of a sum is not touched. Its derivatives differ in the last digits, as those of any other order of adding,
and where a factor is infinite: infinity times a sum, and not a sum of infinities, some of which may be nan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any, NamedTuple

from ...engine.bare import bare
from ...engine.value import Value
from .instructions import COMPARISONS, CONDITIONS, LEAVES, Instruction, Place
from .lowering import Lowering
from .nests import Affine
from .routine import Routine

__all__ = ['Pieces', 'cut', 'hoisted', 'shares']

#: What an instruction costs beside an addition, if it is none.
COSTS = dict.fromkeys(('add', 'sub', 'mul', 'neg', 'select', 'sum', 'dot', 'abs', 'both', 'either'), 1)
COSTS |= {'div': 4, 'sqrt': 4, **dict.fromkeys(COMPARISONS, 1)}
FUNCTION = 16
#: A sum that is kept costs about so much, a block of rows.
SUM = 2
#: Less than this part of the work is not worth the calls.
WORTH = 1 / 16


class Pieces(NamedTuple):
    """Routines that do together what one did, for a sum over rows.

    The parameters of the body and of the epilogue are those there were, then the outputs of the prologue. The row
    of the epilogue has the body's outputs, summed.
    """

    prologue: Routine
    body: Routine
    epilogue: Routine


def hoisted(routine: Routine) -> Pieces | None:
    """Cut a routine if it is straight code and that saves much; None if it does not, or nothing is for rows."""
    if not routine.flat or not routine.width or routine.customs or routine.inner:
        return None
    routine = _apart(routine)
    least, whole = max(FUNCTION, WORTH * cost(routine)), _Cut(routine, routine.is_gradient or None)
    moved = ((place in whole.late or not by_row) for place, by_row in enumerate(whole.by_row))
    if sum(map(_cost, compress(routine.instructions, moved))) < least:  # as of most nets: known at once
        return None
    pieces = cut(routine)
    return pieces if cost(routine) - cost(pieces.body) >= least else None


def shares(outputs: Sequence[Value], rows: Sequence[Value]) -> bool:
    """Tell whether functions of parameters alone are much of the work behind some nodes."""
    nodes: dict[int, Value] = {}
    stack: list[Any] = [*outputs]
    while stack:
        node = stack.pop()
        if node.__class__ is not float and node.born and node.born not in nodes:
            nodes[node.born] = node
            stack += bare(node)
    of_rows, whole, shared = {*rows}, 0, 0
    for _, node in sorted(nodes.items()):
        sources = [source for source in bare(node) if source.__class__ is not float]
        work = COSTS.get(node.op.name, FUNCTION) if node.op else 0
        whole += work
        if not of_rows.isdisjoint(sources):
            of_rows.add(node)
        elif sources:
            shared += work
    return shared >= max(FUNCTION, WORTH * whole)


def _apart(routine: Routine) -> Routine:
    """Write dots that only derivatives use as two: of products that rows have both factors of, and of the others."""
    whole = _Cut(routine, several=True)
    if not whole.mixed:
        return routine
    g = Lowering()
    made: list[Place] = []
    for place, (name, operands) in enumerate(routine.instructions):
        if place in whole.mixed:
            half = len(operands) // 2
            pairs, parts = [*zip(operands[:half], operands[half:-1])], []
            for both, last in (True, g.number(0.0)), (False, made[operands[-1]]):
                some = [pair for pair in pairs if (whole.by_row[pair[0]] and whole.by_row[pair[1]]) == both]
                a, b = ([made[pair[side]] for pair in some] for side in (0, 1))
                alone = len(some) == 1 and g.known(last) == 0
                parts.append(g.make('mul', *a, *b) if alone else g.make('dot', *a, *b, last) if some else last)
            made.append(g.make('add', *parts))
        elif name == 'output':
            made.append(g.make(name, operands[0], made[operands[1]]))
        else:
            made.append(g.make(name, *(operands if name in LEAVES else [made[o] for o in operands])))
    return replace(routine, instructions=g.instructions, blocks=[g.emitter.block])


def cost(routine: Routine) -> int:
    """Return about how long it takes, in additions."""
    return SUM * routine.count + sum(map(_cost, routine.instructions))


def _cost(instruction: Instruction) -> int:
    name, operands = instruction
    if name in LEAVES or name == 'output':
        return 0
    return COSTS.get(name, FUNCTION) * (len(operands) // 2 if name == 'dot' else max(1, len(operands) - 1))


def cut(routine: Routine) -> Pieces:
    """Cut straight code in the way that leaves the cheapest body."""
    ways = [_Cut(routine, several).pieces() for several in ((False, True) if routine.is_gradient else (None,))]
    return min(ways, key=lambda pieces: cost(pieces.body))


class _Cut:
    """``several``: whether sums of several signals may be left for the epilogue; None is nothing at all."""

    def __init__(self, routine: Routine, several: bool | None) -> None:
        self.routine, self.several = routine, several
        self.instructions = routine.instructions
        self.by_row = [False] * len(self.instructions)
        for place, (name, operands) in enumerate(self.instructions):
            sources = () if name in LEAVES or name == 'output' else operands
            self.by_row[place] = name == 'row' or any(self.by_row[source] for source in sources)
        #: Dots that could be late but for some of their products.
        self.mixed: set[int] = set()
        self.late = set() if several is None else self._late()

    def _late(self) -> set[int]:
        """Find what can be done to sums as well: what only derivatives use, linear in what rows make.

        What no row has a part in may be added to that: then as often as there are rows.
        """
        early = set(self.routine.results[:1])
        late: set[int] = set()
        wanted = set(self.routine.results[1:])
        used: set[int] = set()  # by others than what is late
        for place in range(len(self.instructions) - 1, -1, -1):
            name, operands = self.instructions[place]
            if name in LEAVES or name == 'output':
                continue
            asked = place in wanted and place not in used and place not in early
            if asked and self.by_row[place] and self._is_linear(name, operands):
                late.add(place)
                wanted.update(operands)
            else:
                used.update(operands)
                if asked and name == 'dot' and self.by_row[place] and self._is_mixed(operands):
                    self.mixed.add(place)
        return late

    def _is_mixed(self, operands: tuple[int, ...]) -> bool:
        """Tell whether of the products of a dot rows have both factors, but not of all, or something is added."""
        by_row, half = [self.by_row[operand] for operand in operands], len(operands) // 2
        both = [a and b for a, b in zip(by_row[:half], by_row[half:-1])]
        return any(both) and not (all(both) and self.routine.is_zero(operands[-1]))

    def shared(self, place: int) -> list[int]:
        """Return at which operands something late has what is added as often as there are rows: of a product, once."""
        name, operands = self.instructions[place]
        by_row = [self.by_row[operand] for operand in operands]
        if name == 'dot':
            half = len(operands) // 2
            products = [a or b for a, b in zip(by_row[:half], by_row[half:-1])]
            ends = [len(operands) - 1] * (not by_row[-1] and not self.routine.is_zero(operands[-1]))
            return [k for k, rows_have_part in enumerate(products) if not rows_have_part] + ends
        return [k for k, made in enumerate(by_row) if not made] if name in ('add', 'sub', 'sum') else []

    def _is_linear(self, name: str, operands: tuple[int, ...]) -> bool:
        """Tell whether a result is a sum of what rows make, each times what they do not, and of what they do not."""
        by_row = [self.by_row[operand] for operand in operands]
        if name == 'mul':
            return by_row[0] != by_row[1]
        if name == 'div':
            return not by_row[1]
        if name == 'neg':
            return True
        if name == 'dot':
            half = len(operands) // 2
            return bool(self.several) and not any(a and b for a, b in zip(by_row[:half], by_row[half:-1]))
        return name in ('add', 'sub', 'sum') and (bool(self.several) or sum(by_row) == 1)

    def pieces(self) -> Pieces:
        results = self.routine.results
        summed = list(dict.fromkeys([
            *(place for place in results if place not in self.late),
            *(source for place in sorted(self.late) for source in self.instructions[place].operands
              if self.by_row[source] and source not in self.late),
        ]))  # fmt: skip
        shared = self._shared(summed)
        prologue, body, epilogue = (_Writer(self) for _ in range(3))
        parameters = {place: self.routine.parameters + k for k, place in enumerate(shared)}
        body.given = epilogue.given = {place: ('parameter', number) for place, number in parameters.items()}
        first = prologue.routine(shared, 0, self.routine.parameters)
        width, count = self.routine.width, self.routine.parameters + len(shared)
        epilogue.given = epilogue.given | {place: ('row', number) for number, place in enumerate(summed)}
        if any(map(self.shared, self.late)):
            body.counts, epilogue.count = True, len(summed)
        middle = body.routine(summed, width, count)
        return Pieces(first, middle, epilogue.routine(results, middle.count, count))

    def _shared(self, summed: Iterable[int]) -> list[int]:
        """List what the prologue has to compute: what rows do not make, and the body or what is late asks for."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        stack = [*summed, *self.late]
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            name, operands = self.instructions[place]
            if name in LEAVES:
                continue
            if self.by_row[place] or name in CONDITIONS:  # these are no numbers that could be kept
                stack.extend(operands)
            else:
                found[place] = None
        return sorted(found)


class _Writer:
    """Copies what some results need; what is ``given`` is a leaf.

    One that ``counts`` has a 1 behind its results; ``count`` says where in a row the sum of these is.
    """

    counts = False
    count: int | None = None

    def __init__(self, whole: _Cut) -> None:
        self.whole = whole
        self.given: dict[int, tuple[str, int]] = {}

    def routine(self, results: Iterable[int], width: int, parameters: int) -> Routine:
        g, whole = Lowering(), self.whole
        results = [*results]
        needed, stack = set(), [*results]
        while stack:
            place = stack.pop()
            if place not in needed:
                needed.add(place)
                name, operands = whole.instructions[place]
                if place not in self.given and name not in LEAVES:
                    stack.extend(operands)
        made: dict[int, Place] = {}
        for place in sorted(needed):
            name, operands = whole.instructions[place]
            if place in self.given:
                kind, number = self.given[place]
                made[place] = g.make(kind, Affine(number))
            elif name in LEAVES:
                made[place] = g.make(name, *operands)
            else:
                copied = [made[o] for o in operands]
                if self.count is not None and place in whole.late:
                    for k in whole.shared(place):
                        copied[k] = g.make('mul', g.make('row', Affine(self.count)), copied[k])
                made[place] = g.make(name, *copied)
        found = [made[place] for place in results] + ([g.number(1.0)] if self.counts else [])
        for number, place in enumerate(found):
            g.put('output', Affine(number), place)
        return Routine(g.instructions, [g.emitter.block], len(found), width, parameters, 0, 0, 0, [], {}, flat=True)
