"""A graph folded as the program that recorded it was written: plates, which are loops, and each operation once.

The loops are found by the compiler's ``fold``. What is listed here for it is what a picture shows: every node
whole, and a leaf as a number of its own kind, counted from where it is used first, so that the weights of a row
of neurons, and the inputs of a batch of samples, walk along from turn to turn as operands do. A first turn that
differs from the others by nothing but what is carried into it, a leaf say, belongs to its loop.

>>> w, y = Value(0.9, 'w'), Value(0.5, 'y')
>>> for _ in range(1000):
...     y = (y * w).tanh()
>>> folded = folded_graph([y])
>>> print(folded)
x 1000:
    mul
    tanh
>>> [plate] = folded.body
>>> mul, tanh = plate.body
>>> folded.nodes(tanh)[-1] is y, len(folded.nodes(tanh))
(True, 1000)
>>> [source.way for source in folded.sources(mul, 0)], folded.sources(mul, 1)[0].leaves
(['carried', 'leaf'], [Value(data=0.9, grad=0.0, label='w')])
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import mul
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from .._processes import uncollected
from ..compiling.ir.nests import Affine, turn_of
from ..compiling.ir.reroll import Items, Repeated, Shapes, Worth, fold
from ..engine.bare import bare, recorded
from ..engine.table import Operation
from ..engine.value import Value

__all__ = ['Folded', 'Item', 'Operand', 'Plate', 'Site', 'Source', 'folded_graph']

#: Where the numbers of leaves begin, by their kinds.
LEAF = 1 << 40
#: What is worth a plate: three nodes or four, however few the turns are. A compiler wants more of a loop.
WORTH = Worth(least=12, much=12, gram=2)
#: Of longer turns no first one is looked for.
LONGEST = 1 << 16
NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Operand(NamedTuple):
    """A number as a function of the turns of the plates around, and what it is instead in the first turn of some.

    ``first`` has, by the level of a plate and the turns of those within it, such numbers, functions of the turns of
    those around it.
    """

    number: Affine
    first: Mapping[int, Mapping[tuple[int, ...], Affine]] = NOTHING

    def at(self, level: int, turns: Sequence[int]) -> Affine:
        """Return it at some turns of the plates from a level on, as a function of those of the plates around."""
        for plate, table in self.first.items():
            if turns[plate - level] == 0:
                begin = table.get(tuple(turns[plate - level + 1 :]))
                if begin is not None:
                    return _at(begin, level, turns[: plate - level])
        return _at(self.number, level, turns)

    def changed(self, change: Callable[[Affine, int], Affine], level: int) -> Operand:
        """Return it with all its numbers changed that a plate's turns have to do with."""
        first = {plate: {turns: change(number, level) if plate > level else number for turns, number in table.items()}
                 for plate, table in self.first.items()}  # fmt: skip
        return Operand(change(self.number, level), first)


def _at(number: Affine, level: int, turns: Sequence[int]) -> Affine:
    start, steps, counts = number
    return Affine(start + sum(map(mul, steps[level:], turns)), steps[:level], counts[:level])


class Site:
    """An operation that was recorded at every turn of the plates around it."""

    #: How many operations it is.
    length: int = 1

    def __init__(self, op: Operation, place: Operand, operands: list[Operand], path: tuple[Plate, ...] = ()) -> None:
        self.op, self.place, self.operands, self.path = op, place, operands, path

    def numbers(self, level: int, turns: Sequence[int]) -> list[Affine]:
        """Return its place and its operands at some turns, as ``Operand.at`` does."""
        return [operand.at(level, turns) for operand in (self.place, *self.operands)]

    def __repr__(self) -> str:
        return f'<{self.op.name}{"".join(f" x {plate.times}" for plate in self.path)}>'


class Plate:
    """A loop: what is in its body was recorded so many times."""

    def __init__(self, times: int, body: list[Item], path: tuple[Plate, ...] = ()) -> None:
        self.times, self.body, self.path = times, body, path
        #: How many operations one turn is, and all of them are.
        self.turn: int = sum(item.length for item in body)
        self.length: int = times * self.turn


Item: TypeAlias = Site | Plate


class Source(NamedTuple):
    """Where an operand comes from.

    way: ``'leaf'``; ``'here'``: from the same turn of the plates around both; ``'carried'``: from the turn before of
    the innermost of them, or ``'earlier'``, from another one before; ``'last'``: from the last turn of plates that are
    done, or ``'turn'``, from another one; ``'each'``: from one after the other of their turns.
    site: which operation, None for leaves. depth: how many plates are around both, or around the leaves.
    turns: which turns of the plates that are done, -1 for each. leaves: nodes or bare numbers, all that it is.
    ago: how many turns before.
    """

    way: str
    depth: int
    site: Site | None = None
    turns: tuple[int, ...] = ()
    leaves: Sequence[Any] = ()
    ago: int = 0


class Folded:
    """A folded graph: ``order`` has its computed nodes as they were recorded, ``body`` its sites and plates."""

    def __init__(self, order: list[Value], leaves: list[list[Any]], body: list[Item]) -> None:
        self.order, self.leaves, self.body = order, leaves, body
        self.sites = [*_sites(body)]
        self._site_at = array('q', bytes(8 * len(order)))
        for number, site in enumerate(self.sites):
            for places in site.place.number.ranges():
                numbers = array('q', [number]) * len(places)
                if isinstance(places, range):
                    self._site_at[places.start : places.stop : places.step] = numbers
                else:
                    self._site_at[places[0]] = number

    def nodes(self, site: Site) -> list[Value]:
        """List the nodes of a site, turn by turn."""
        return [node for places in site.place.number.ranges() for node in map(self.order.__getitem__, places)]

    def node(self, site: Site, turns: Sequence[int]) -> Value:
        """Return the node of a site at some turns."""
        return self.order[site.place.at(0, turns).start]

    def operand(self, site: Site, position: int, turns: Sequence[int]) -> Any:
        """Return an operand at some turns: a node, or a bare number."""
        return self._at(site.operands[position].at(0, turns).start)

    def _at(self, number: int) -> Any:
        return self.order[number] if number < LEAF else self.leaves[number // LEAF - 1][number % LEAF]

    def site_of(self, place: int) -> tuple[Site, tuple[int, ...]]:
        """Return the site of a computed node by its place, and at which turns it is there."""
        site = self.sites[self._site_at[place]]
        rest, turns = place - site.place.number.start, []
        for step in site.place.number.steps:
            turn, rest = divmod(rest, step)
            turns.append(turn)
        return site, tuple(turns)

    def sources(self, site: Site, position: int) -> list[Source]:
        """Say where an operand comes from: in the last turn of all plates first, then what is carried begins with."""
        operand, found = site.operands[position], list[Source]()
        turns = [plate.times - 1 for plate in site.path]
        while True:
            source = self._source(site, operand, turns)
            found.append(source)
            if source.way not in ('carried', 'earlier') or not turns[source.depth - 1]:
                return found
            turns[source.depth - 1] = 0

    def _source(self, site: Site, operand: Operand, turns: Sequence[int]) -> Source:
        number = operand.at(0, turns).start
        if number >= LEAF:
            return self._leaves(operand, turns)
        found, there = self.site_of(number)
        shared = 0
        while shared < min(len(site.path), len(found.path)) and site.path[shared] is found.path[shared]:
            shared += 1
            ago = turns[shared - 1] - there[shared - 1]
            if ago:
                return Source('carried' if ago == 1 else 'earlier', shared, found, there[shared:], ago=ago)
        done = there[shared:]
        if not done:
            return Source('here', shared, found)
        if any(operand.number.steps[shared:]):
            _, before = self.site_of(operand.at(0, [*turns[:shared], *(turn - 1 for turn in turns[shared:])]).start)
            done = tuple(-1 if turn != other else turn for turn, other in zip(done, before[shared:]))
            return Source('each', shared, found, done)
        last = all(turn == plate.times - 1 for turn, plate in zip(done, found.path[shared:]))
        return Source('last' if last else 'turn', shared, found, done)

    def _leaves(self, operand: Operand, turns: Sequence[int]) -> Source:
        """List the leaves that an operand is, or those that it begins with in the first turn of a plate."""
        numbers, ends = [operand.number], len(turns)
        for level, table in operand.first.items():
            if not turns[level]:
                numbers, ends = [*table.values()], level
                break
        steps = [*numbers[0].steps[:ends], 0]
        depth = next(level for level, step in enumerate(steps) if not step)
        walks = [Affine(n.start, *_moves(n)).ranges() for n in numbers]
        places = dict.fromkeys(place for walk in walks for range in walk for place in range)
        return Source('leaf', depth, leaves=[self._at(n) for n in places if n >= LEAF])

    def __str__(self) -> str:
        return '\n'.join(_written(self.body, 0))


def _moves(number: Affine) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The steps of a number that are none of 0, and how often each."""
    moves = [(step, count) for step, count in zip(number.steps, number.counts) if step]
    return tuple(step for step, _ in moves), tuple(count for _, count in moves)


def folded_graph(roots: Sequence[Value]) -> Folded:
    """Fold the graph of some nodes. It takes O(V + E), but for sorting what was recorded."""
    with uncollected():
        order = recorded(roots)
        writer = _Writer()
        writer.write(order)
        return Folded(order, writer.leaves, writer.body())


class _Writer:
    """Lists a graph as items that ``fold`` folds."""

    def __init__(self) -> None:
        self.items, self.shapes = Items(), Shapes()
        #: The leaves of each kind: of those that a position of an operation used first.
        self.leaves: list[list[Any]] = []

    def write(self, order: list[Value]) -> None:
        """List nodes; this loop is where the time goes, so it is written out."""
        leaves, kinds = self.leaves, dict[tuple[int, int], int]()
        known, places = dict[tuple[Any, int], int](), dict[int, int]()
        seen: dict[Value, int] = {}
        names: list[int] = []
        flat: list[int] = []
        put, name = flat.append, names.append
        for place, node in enumerate(order):
            operands = bare(node)
            key = node.op, len(operands)
            shape = known.get(key)
            if shape is None:
                shape = known[key] = self.shapes.add(key)
                self.items.sizes[shape] = 1 + len(operands)
            name(shape)
            put(place)
            places[node.born] = place
            for position, source in enumerate(operands):
                if source.__class__ is not float:
                    born = source.born
                    number = places[born] if born else seen.get(source)
                    if number is not None:
                        put(number)
                        continue
                kind = kinds.get((shape, position))
                if kind is None:
                    kind = kinds[shape, position] = len(leaves)
                    leaves.append([])
                number = LEAF * (kind + 1) + len(leaves[kind])
                leaves[kind].append(source)
                if source.__class__ is not float:
                    seen[source] = number
                put(number)
        self.items.append_all(names, flat)

    def body(self) -> list[Item]:
        """Return what was listed, folded."""
        folded = fold(self.items, self.shapes, WORTH)
        items = [(shape, [Affine(number) for number in vector]) for shape, vector in folded]
        return _with_paths(self._body(items, 0), ())

    def _body(self, items: Sequence[tuple[int, list[Affine]]], level: int) -> list[Item]:
        body: list[Item] = []
        for shape, numbers in items:
            kind = self.shapes[shape]
            if not isinstance(kind, Repeated):
                body.append(Site(kind[0], *_operands(numbers)))
                continue
            body.append(Plate(kind.times, self._body(turn_of(kind, numbers, self._length), level + 1)))
        return _joined(body, level)

    def _length(self, shape: int) -> int:
        kind = self.shapes[shape]
        return len(kind.steps) if isinstance(kind, Repeated) else 1 + int(kind[1])


def _operands(numbers: Sequence[Affine]) -> tuple[Operand, list[Operand]]:
    place, *others = map(Operand, numbers)
    return place, others


# A first turn that was recorded before the loop, because it begins with what is not yet carried.


def _joined(body: list[Item], level: int) -> list[Item]:
    """Join each loop with what is before and after it, where together that is one turn more of it."""
    place = 0
    while place < len(body):
        plate = body[place]
        if isinstance(plate, Plate) and plate.turn <= LONGEST:
            for after in range(len(plate.body)):
                start, end, longer = _longer(body, place, after, level)
                if longer is not None:
                    body[start:end] = [longer]
                    place = start
                    break
        place += 1
    return body


def _longer(body: list[Item], place: int, after: int, level: int) -> tuple[int, int, Plate | None]:
    """Return the plate at a place with a turn more, and which items it stands for; None if there is none.

    The first items of its body are to be found behind it, ``after`` of them, the others before it.
    """
    plate = body[place]
    assert isinstance(plate, Plate)
    behind = sum(item.length for item in plate.body[:after])
    start, end = _reach(body, place, -1, plate.turn - behind), _reach(body, place, 1, behind)
    if start is None or end is None:
        return 0, 0, None
    head, tail = plate.body[after:], plate.body[:after]
    for (there, inner), (site, turns) in zip(_run(body[place + 1 : end]), _run(tail, (plate.times,))):
        if there.op is not site.op or there.numbers(level, inner) != site.numbers(level, turns):
            return 0, 0, None
    begin = _first_site(head).place.number.start
    first: dict[Site, dict[int, dict[tuple[int, ...], Affine]]] = {}
    for (there, inner), (site, turns) in zip(_run(body[start:place]), _run(head, (-1,))):
        if there.op is not site.op or len(there.operands) != len(site.operands):
            return 0, 0, None
        for position, (found, wanted) in enumerate(zip(there.numbers(level, inner), site.numbers(level, turns)), -1):
            if found == wanted:
                continue
            carried = site.operands[position].number
            if position < 0 or carried.steps[level] != plate.turn:
                return 0, 0, None
            if not 0 < begin - plate.turn - wanted.start <= plate.turn:  # it is not what is carried that differs
                return 0, 0, None
            first.setdefault(site, {}).setdefault(position, {})[turns[1:]] = found
    for site in _sites(head):
        begins = first.get(site, {})
        site.place = site.place.changed(_back, level)
        site.operands = [operand.changed(_back, level) for operand in site.operands]
        for position, table in begins.items():
            number, others = site.operands[position]
            site.operands[position] = Operand(number, {level: table, **others})
    for site in _sites(plate.body):
        site.place = site.place.changed(_once_more, level)
        site.operands = [operand.changed(_once_more, level) for operand in site.operands]
    return start, end, Plate(plate.times + 1, [*head, *tail])


def _reach(body: Sequence[Item], place: int, way: int, length: int) -> int | None:
    """Return which item is so many operations before or behind one, None where that is inside of it."""
    while length > 0:
        place += way
        if not 0 <= place < len(body):
            return None
        length -= body[place].length
    return None if length else place + (way > 0)


def _run(items: Sequence[Item], turns: tuple[int, ...] = ()) -> Iterator[tuple[Site, tuple[int, ...]]]:
    """Run through operations as they were recorded, each with the turns of the plates within which it is."""
    for item in items:
        if isinstance(item, Plate):
            for turn in range(item.times):
                yield from _run(item.body, (*turns, turn))
        else:
            yield item, turns


def _first_site(items: Sequence[Item]) -> Site:
    item = items[0]
    while isinstance(item, Plate):
        item = item.body[0]
    return item


def _back(number: Affine, level: int) -> Affine:
    """Return a number as it is one turn earlier."""
    return number.moved(-number.steps[level])


def _once_more(number: Affine, level: int) -> Affine:
    """Return a number for one turn more."""
    counts = number.counts
    return number._replace(counts=(*counts[:level], counts[level] + 1, *counts[level + 1 :]))


def _with_paths(body: list[Item], path: tuple[Plate, ...]) -> list[Item]:
    for item in body:
        item.path = path
        if isinstance(item, Plate):
            _with_paths(item.body, (*path, item))
    return body


def _sites(body: Sequence[Item]) -> Iterator[Site]:
    for item in body:
        if isinstance(item, Plate):
            yield from _sites(item.body)
        else:
            yield item


def _written(body: Sequence[Item], depth: int) -> Iterator[str]:
    for item in body:
        yield '    ' * depth + (f'x {item.times}:' if isinstance(item, Plate) else item.op.name)
        if isinstance(item, Plate):
            yield from _written(item.body, depth + 1)
