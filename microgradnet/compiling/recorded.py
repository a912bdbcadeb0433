"""What a function did with Values of some numbers: recorded, and again for other numbers, for it must be the same.

>>> from .derived import arguments_of, chain_of
>>> base, chain = chain_of(lambda x, y: x * y)
>>> recording = Recording('f', base, arguments_of(chain, (0, 1)), [2.0, 3.0])
>>> recording.numbers, len(recording.path().outputs)
([6.0], 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from itertools import chain
from math import nan
from typing import Any, NamedTuple, NoReturn

from .._processes import cached_property
from ..derivatives.transforms import AROUND
from ..derivatives.trees import structure_of, take_apart
from ..engine.context import asked, holding, ieee_arithmetic
from ..engine.value import Value, births, lift
from .derived import Arguments
from .guards import BranchError, Guard, log
from .ir.tape import Tape, tape
from .paths import Path
from .readings import ReadingError, Readings
from .taping import LARGEST, Taping, Untaped, bounded

__all__ = ['BOUNDED', 'TAPED', 'Answers', 'Recording', 'answer_of']

#: How a function may be recorded, beside plainly.
BOUNDED, TAPED = 'bounded', 'taped'
#: Other numbers for the argument x at place k, on the other side of 0, and of much else: a recording that is as it
#: should be stays the same. Where the function has no value there, others are tried.
ELSEWHERE: tuple[Callable[[float, int], float], ...] = (
    lambda x, k: -2 * x - 1.5 - k / 8 if x > 0 else 3 * abs(x) + 10.5 + k,
    lambda x, k: 3 * abs(x) + 10.5 + k,
    lambda x, k: nan,
)


class Answers(NamedTuple):
    """What came of some rows: a result with 0 for each number, what makes one of numbers; these, and the places."""

    template: Any
    build: Callable[[Sequence[Any]], Any]
    numbers: Any
    places: Sequence[int]
    #: Whether a result is a thing of its own, and no structure of numbers.
    whole: bool = False


class Recording:
    """What a function did with Values of some numbers.

    With ``outcomes``, it is made again, along the branches of another recording, and the text of a Value shows no
    number. ``way`` may be ``BOUNDED``, to raise TooLong once that is many operations and nothing was compared, or
    ``TAPED``, to keep no graph, or raise Untaped. ``given_up`` lists the arguments of those that raised: what the
    function has kept of them is refused.
    """

    name: str
    f: Callable[..., Any]
    arguments: Arguments
    row: list[float]
    xs: list[Value]
    before: list[Value]
    outputs: list[Value]
    template: Any
    sides: list[Value]
    guards: list[Guard]
    shape: tuple[Any, list[str]]
    numbers: list[float]
    size: int
    is_first: bool
    is_taped: bool

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        arguments: Arguments,
        row: list[float],
        outcomes: Sequence[bool] | None = None,
        way: str = '',
        given_up: list[Value] | None = None,
    ) -> None:
        self.name, self.f, self.arguments, self.row = name, f, arguments, row
        given, before = [row[number] for number in arguments.numbers], next(births)
        by = {*arguments.by}
        taping = Taping(name, [number in by for number in arguments.numbers]) if way == TAPED else None
        with taping or nullcontext(), log(outcomes) as written:
            self.xs = taping.leaves(given) if taping else [*map(Value, given)]
            self.before = [] if given_up is None else [*given_up]
            if given_up is not None:
                given_up += self.xs
            around = (*AROUND.get(), *self.xs) if arguments.steps else AROUND.get()
            limits = bounded(LARGEST, written.guards) if way == BOUNDED else nullcontext()
            with (
                holding(AROUND, around), holding(asked, asked.get() + arguments.order),
                limits, ieee_arithmetic(), Readings(name, self.xs, outcomes is not None),
            ):  # fmt: skip
                result = f(*arguments.build(self.xs))
            outputs, self.build = take_apart(result, 'the result')
            self.outputs = [*map(lift, outputs)]
            if taping:
                self._taped = taping.tape(self.outputs, written.sides), {}
        self.template = self.build([0.0] * len(outputs))
        self.sides, self.guards = written.sides, written.guards
        self.shape = structure_of(self.template), [guard.relation for guard in self.guards]
        self.numbers = [float(y._data) for y in self.outputs]
        #: About how many operations there are.
        self.size = len(self.tape.items) if taping else next(births) - before
        self.is_first, self.is_taped = outcomes is None, taping is not None
        #: What is recorded of the same row without joining anything, if something was joined.
        self.instead: Recording | None = None
        if taping:  # nodes that are no graph
            self.outputs, self.xs = [], []

    @property
    def tape(self) -> Tape:
        """What was computed, and compared."""
        return self._taped[0]

    @property
    def leaves(self) -> dict[Value, str]:
        """The leaves that are no arguments, as they come, with their numbers."""
        return self._taped[1]

    @cached_property
    def _taped(self) -> tuple[Tape, dict[Value, str]]:
        by, others = {*self.arguments.by}, list[Value]()
        rows = [x for x, number in zip(self.xs, self.arguments.numbers) if number not in by]
        parameters = [x for x, number in zip(self.xs, self.arguments.numbers) if number in by]
        made = tape(self.outputs, rows, parameters, watched=self.sides, others=others)
        if self.is_first and len(made.items) > LARGEST:  # of which there is no room for two
            self.outputs, self.sides, self.xs = [], [], []
        return made, {leaf: repr(leaf._data) for leaf in others}

    def again(self, move: Callable[[float, int], float]) -> Recording:
        """Record it for other numbers, along the same branches."""
        row = [move(x, k) for k, x in enumerate(self.row)]
        held = [guard.held for guard in self.guards]
        record = partial(Recording, self.name, self.f, self.arguments, row, held)
        if self.is_taped and self.tape.repeats:  # straight code is made of the graph
            with suppress(Untaped):
                return record(way=TAPED)
        return record()

    def path(self) -> Path:
        """Return its path, with the leaves from outside; refuse what is another for other numbers.

        Recorded again, with all branches as before, the graph must be the same, whatever
        the arguments are: else it depends on them, or on something else, beside the graph.
        """
        size, other = len(self.tape.items), None  # taped before it is recorded again
        for move in ELSEWHERE:
            try:
                other = self.again(move)
                break
            except ReadingError:
                raise
            except BranchError as error:
                self._refuse('compared more often', error)
            except Exception as error:  # of a custom operation's, say, that has no value there
                trouble = error
        if other is None:
            self._refuse(f'raised {trouble!r}', trouble)
        parameters = [leaf for leaf in other.leaves if leaf in self.leaves]
        if any(other.leaves[leaf] != self.leaves[leaf] for leaf in parameters):
            self._refuse('found a Value from outside changed')
        if not {*map(id, self.before)}.isdisjoint(map(id, parameters)):
            self._refuse('found a Value that was kept of an earlier recording')
        if wrong := self.difference(other):
            self._refuse(wrong)
        taped: Tape | None = other.tape
        if other.is_taped:
            taped = self.tape  # the same, and folded already
        elif self.guards or len(parameters) < len(other.leaves):  # what was made anew is not from outside
            taped = None
        return Path(tuple(self.guards), other.sides, other.outputs, other.template, other.xs, parameters, size, taped)

    def _refuse(self, what: str, cause: Exception | None = None) -> NoReturn:
        raise ValueError(
            f'{self.name} cannot be replayed: recorded again for other numbers, along the same branches, '
            f'it {what}. Something leaves the graph: .data or the text of a Value, a random number, '
            'or a state that changes'
        ) from cause

    def answer(self) -> Answers:
        """Return what came of it."""
        return Answers(self.template, self.build, [self.numbers], [])

    def difference(self, other: Recording) -> str | None:
        """Say how another recording differs; None if the same is computed, of the same leaves and numbers."""
        if self.shape != other.shape:
            return 'made another graph'
        one, two, mine, others = self.tape, other.tape, self._ends(other), other._ends(self)
        in_order = one.kinds == two.kinds and one.items == two.items  # one of them may be folded already
        if in_order and mine == others and one.numbers.tobytes() == two.numbers.tobytes():
            return None
        known: dict[Any, int] = {}
        if one.outcome(known, mine) == two.outcome(known, others):
            return None
        leaves = ((leaf._data, twin._data) for leaf, twin in zip(self.leaves, other.leaves))
        for number, twin in chain(zip(one.numbers, two.numbers), leaves) if in_order else ():
            if repr(number) != repr(twin):
                return f'made the number {twin!r} of {number!r}'
        return 'made another graph'

    def _ends(self, other: Recording) -> list[str]:
        """Say what the leaves are: those that both recordings have themselves, of others their numbers."""
        return [f'leaf {id(x)}' if x in other.leaves else float(x._data).hex() for x in self.leaves]


def answer_of(result: Any) -> Answers:
    """Return the result of a plain call as if a program had given it."""
    numbers, build = take_apart(result, 'the result', nested=True)
    found = [float(number._data if isinstance(number, Value) else number) for number in numbers]
    return Answers(build([0.0] * len(found)), build, [found], [])
