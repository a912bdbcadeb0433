"""A compiled function: each path through it is recorded when a call first takes it.

>>> def f(x, y):
...     return x * y if x > y else x + y
>>> g = Function(f, backend='python')
>>> g(3.0, 2.0), g(2.0, 3.0), g(4.0, 1.0), len(g.paths)
(6.0, 5.0, 4.0, 2)
>>> g.map([3.0, 2.0], [2.0, 3.0])
[6.0, 5.0]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import update_wrapper
from math import nan, prod
from typing import Any, NamedTuple, NoReturn

from .._extras import needed
from .._processes import uncollected
from ..derivatives.transforms import AROUND
from ..derivatives.trees import take_apart
from ..engine.checks import flag, function, said, whole
from ..engine.context import ieee_arithmetic
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.value import Constant, Value, lift
from .derived import Arguments, Derived, Evaluator, arguments_of, chain_of
from .guards import BranchError, Guard, log
from .ir.routine import Routine
from .ir.sweeps import prepare, routine
from .ir.tape import Tape, recorded
from .readings import ReadingError, Readings, installed
from .run.engines import check_way
from .run.rows import stack

__all__ = ['Function', 'Trace']

#: Other numbers for the argument x at place k, on the other side of 0, and of much else: a recording that is as it
#: should be stays the same. Where the function has no value there, others are tried.
ELSEWHERE: tuple[Callable[[float, int], float], ...] = (
    lambda x, k: -2 * x - 1.5 - k / 8 if x > 0 else 3 * abs(x) + 10.5 + k,
    lambda x, k: 3 * abs(x) + 10.5 + k,
    lambda x, k: nan,
)
NONE: tuple[list[Any], bool] = [], False


class Trace(NamedTuple):
    """One path through a function: its guards, its program, the leaves from outside, and what runs it."""

    guards: tuple[Guard, ...]
    tape: Tape
    parameters: list[Value]
    run: Evaluator

    @property
    def template(self) -> Any:
        """A result, with 0 for each number."""
        return self.run.derived.template

    def results(self, rows: Any) -> tuple[Any, list[bool]]:
        """Return the numbers of the result for each row, and whether it goes this way."""
        numbers, sides = self.run(rows)
        return numbers, self.taken(sides) if self.guards else [True] * len(rows)

    def taken(self, sides: Any) -> list[bool]:
        """Tell of each row, by the sides of its comparisons, whether it goes this way."""
        if not is_array(sides):
            holds = [guard.holds for guard in self.guards]
            return [all(hold(*two) for hold, two in zip(holds, zip(row[::2], row[1::2]))) for row in sides]
        taken = True
        for k, guard in enumerate(self.guards):
            taken = taken & guard.holds_for(sides[:, 2 * k], sides[:, 2 * k + 1])
        return taken.tolist()  # type: ignore[attr-defined,no-any-return]


class Function:
    """A function of numbers that replays what it recorded; see ``compile``."""

    __name__: str
    f: Callable[..., Any]
    backend: str | None
    threads: int
    fast: bool
    most_paths: int

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        backend: str | None = None,
        threads: int = 1,
        fast: bool = False,
        most_paths: int = 100,
    ) -> None:
        check_way(backend, threads)
        whole('most_paths', most_paths)
        flag('fast', fast)
        update_wrapper(self, function('f', f), updated=())
        self.__name__ = getattr(f, '__name__', type(f).__name__)
        self.f, self.backend, self.threads, self.fast, self.most_paths = f, backend, threads, fast, most_paths
        self._base, self._chain = chain_of(f)
        self._traces: dict[Hashable, list[Trace]] = {}
        #: The paths of calls with numbers alone, or with one list or array of them (then True), by how many arguments
        #: there were, and the type of the first: they may go the engine's short way, which looks at the rest.
        self._short: dict[Any, tuple[list[Trace], bool]] = {}

    @property
    def paths(self) -> list[Trace]:
        """All paths recorded so far."""
        return [path for paths in self._traces.values() for path in paths]

    @property
    def source(self) -> str:
        """What was printed for each path, one after the other; the sides of its branches come last."""
        return '\n'.join(path.run.source for path in self.paths)

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, with floats."""
        kind = (len(arguments), type(arguments[0])) if arguments else None
        traces, alone = self._short.get(kind, NONE)
        for trace in traces:
            found = trace.run.short(arguments[0] if alone else arguments)
            if found is None:
                break
            if not trace.guards or trace.taken(found[1])[0]:
                return trace.run.derived.build(found[0])
        row, build = self._row(arguments)
        key = _structure(arguments)
        trace, (results,) = next(self._ways(key, build, [row]))[:2]
        if _is_flat(*key):
            self._short[kind] = self._traces[key], len(arguments) == 1 and key[1] != ('number',)
        return trace.run.derived.build(results)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_short': {}}

    def map(self, *arguments: Any) -> Any:
        """Call the function for each row, as Python's ``map`` would: of each argument, one item a row.

        Rows that take the same path go together. Returns a list of what the function
        returns; given arrays, whose first axis is that of the rows, an array of shape
        (rows, ...), if what it returns is a number or lists as long as each other, on every path.
        """
        for argument in arguments:
            is_list = hasattr(argument, '__getitem__') and hasattr(argument, '__len__')
            if not is_list or isinstance(argument, (str, bytes)):
                raise TypeError(f'map wants a list or an array for each argument, not {said(argument)}')
        counts = {len(argument) for argument in arguments}
        if len(counts) != 1:
            raise ValueError(f'every argument must have one item for each row, not {sorted(counts)} items')
        first = tuple(argument[0] for argument in arguments) if counts != {0} else ()
        key, (_, build) = _structure(first), self._row(first)
        for place, argument in enumerate(arguments):
            if is_array(argument):
                array_of_numbers(argument, f'the arguments[{place}]')
        if all(is_array(argument) for argument in arguments):
            numpy = needed('numpy', 'an array of rows')

            tables = [argument.reshape(len(argument), prod(argument.shape[1:])) for argument in arguments]
            rows: Any = numpy.column_stack(tables)
        else:
            rows = []
            for place, items in enumerate(zip(*arguments)):
                if _structure(items) != key:
                    raise ValueError(f'row {place} has not the structure of row 0: {items!r} and {first!r}')
                rows.append(self._row(items)[0])
        found: list[Any] = [None] * len(rows)
        templates: dict[Hashable, Any] = {}
        together = is_array(rows)
        for trace, results, places in self._ways(key, build, rows) if len(rows) else ():
            templates[_structure(trace.template)] = trace.template
            put, together = trace.run.derived.build, together and not trace.run.derived.is_sparse
            if together and len(places) == len(rows) and is_array(results):
                return stack(results, trace.template, take_apart(trace.template)[1])
            for place, outputs in zip(places, results):
                found[place] = outputs if together else put(outputs)
        if not together:
            return found
        if len(templates) > 1:
            kinds = ' or '.join(map(repr, templates.values()))
            raise ValueError(f'{self.__name__} returns {kinds}: give lists of rows')
        numpy = needed('numpy', 'an array of rows')

        template = next(iter(templates.values()), 0.0)
        return stack(numpy.array(found, dtype=float), template, take_apart(template)[1])

    def _row(self, arguments: tuple[Any, ...]) -> tuple[list[float], Callable[..., Any]]:
        numbers, build = take_apart(arguments, 'the arguments', objects=False)
        for number in numbers:
            if isinstance(number, Value):
                raise TypeError(
                    f'a compiled function takes numbers, not {number!r}: its graph ends here; '
                    'call the function itself, which records'
                )
        return [*map(float, numbers)], build

    def _ways(self, key: Hashable, build: Callable[..., Any], rows: Any) -> Any:
        """Yield each path that some rows take: the path, their outputs, and their places."""
        traces = self._traces.setdefault(key, [])
        left, known = [*range(len(rows))], 0
        while left:
            recorded = known == len(traces)
            trace = self._record(build, [float(x) for x in rows[left[0]]], traces) if recorded else traces[known]
            known = min(known + 1, len(traces))
            whole = len(left) == len(rows)
            given = rows if whole else rows[left] if is_array(rows) else [rows[place] for place in left]
            results, taken = trace.results(given)
            # The row that was recorded goes this way, even if a last digit of the backend's says otherwise.
            taken[0] = taken[0] or recorded
            if all(taken):
                yield trace, results, left
                return
            if any(taken):
                mine = [place for place, is_taken in zip(left, taken) if is_taken]
                yield trace, [result for result, is_taken in zip(results, taken) if is_taken], mine
                left = [place for place, is_taken in zip(left, taken) if not is_taken]

    def _record(self, build: Callable[..., Any], row: list[float], known: list[Trace]) -> Trace:
        """Record the path that a row takes, add it to the known ones if it is new, and return it."""
        with installed(), uncollected():
            return self._recorded(build, row, known)

    def _recorded(self, build: Callable[..., Any], row: list[float], known: list[Trace]) -> Trace:
        arguments = arguments_of(self._chain, build(range(len(row))))
        if arguments is None:
            base, arguments = self.f, arguments_of([], build(range(len(row))))
            assert arguments is not None
        else:
            base = self._base
        first = _Recording(self.__name__, base, arguments, row)
        for trace in known:
            if trace.guards == tuple(first.guards) and _is_same(first.tape(trace.parameters), trace.tape):
                return trace
        if len(known) >= self.most_paths:
            lines = Counter(guard.origin for trace in known for guard in trace.guards)
            origin, _ = lines.most_common(1)[0]
            raise BranchError(
                f'{self.__name__} took {len(known)} different paths, most of them by the branch at {origin}: '
                f'{origin.source}. Use where(), max() or abs() of microgradnet.functions there, or raise most_paths'
            )
        parameters, tape = self._closed_over(first)
        derived = Derived(tape, arguments, first.template, first.outputs, first.xs)
        run = Evaluator(derived, parameters, (self.backend, self.threads, self.fast))
        known.append(Trace(tuple(first.guards), tape, parameters, run))
        return known[-1]

    def _closed_over(self, first: _Recording) -> tuple[list[Value], Tape]:
        """Return the leaves that the function has from outside, and its tape; refuse what is another for other numbers.

        Recorded again, with all branches as before, the graph must be the same, whatever
        the arguments are: else it depends on them, or on something else, beside the graph.
        """
        other = None
        for move in ELSEWHERE:
            try:
                other = first.again(move)
                break
            except ReadingError:
                raise
            except BranchError as error:
                self._refuse('compared more often', error)
            except Exception as error:  # of a custom operation's, say, that has no value there
                trouble = error
        if other is None:
            self._refuse(f'raised {trouble!r}', trouble)
        parameters = [leaf for leaf in first.leaves if leaf in other.leaves]
        if any(other.leaves[leaf] != first.leaves[leaf] for leaf in parameters):
            self._refuse('found a Value from outside changed')
        if not first.is_like(other):
            one, two = (recording.straight(parameters) for recording in (first, other))
            if first.shape != other.shape or str(one) != str(two):
                pairs = zip(one.instructions, two.instructions)
                a, b = next(((a, b) for a, b in pairs if repr(a) != repr(b)), (None, None))
                if a and b and a.name == b.name == 'number':
                    self._refuse(f'made the number {b.operands[0]!r} of {a.operands[0]!r}')
                self._refuse('made another graph')
        return parameters, first.tape(parameters)

    def _refuse(self, what: str, cause: Exception | None = None) -> NoReturn:
        raise ValueError(
            f'{self.__name__} cannot be replayed: recorded again for other numbers, along the same branches, '
            f'it {what}. Something leaves the graph: .data or the text of a Value, a random number, '
            'or a state that changes'
        ) from cause


class _Recording:
    """What a function did with Values of some numbers.

    With ``outcomes``, it is made along the branches of another recording, and ``move`` says what
    numbers Values from outside show.
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        arguments: Arguments,
        row: list[float],
        outcomes: Sequence[bool] | None = None,
        move: Callable[[float, int], float] | None = None,
    ) -> None:
        self.name, self.f, self.arguments, self.row = name, f, arguments, row
        self.xs = [Value(row[number]) for number in arguments.numbers]
        around = AROUND.set((*AROUND.get(), *self.xs) if arguments.steps else AROUND.get())
        try:
            with ieee_arithmetic(), log(outcomes) as written, Readings(name, self.xs, move):
                result = f(*arguments.build(self.xs))
        finally:
            AROUND.reset(around)
        outputs, like = take_apart(result, 'the result')
        self.template = like([0.0] * len(outputs))
        self.outputs, self.sides, self.guards = [*map(lift, outputs)], written.sides, written.guards
        self.nodes = recorded([*self.outputs, *self.sides])
        self.sources = [source for node in self.nodes for source in node.inputs]
        known = {x: place for place, x in enumerate(self.xs)}
        ends = [node for node in (*self.sources, *self.outputs, *self.sides) if node.op is None]
        #: The leaves where they are used, each argument by its place.
        self.ends = [known.get(node, node) for node in ends]
        leaves = (node for node in dict.fromkeys(ends) if not isinstance(node, Constant) and node not in known)
        self.leaves = {leaf: repr(leaf._data) for leaf in leaves}
        self.shape = _structure(self.template), [guard.relation for guard in self.guards]

    def again(self, move: Callable[[float, int], float]) -> _Recording:
        """Record it for other numbers, along the same branches."""
        row = [move(x, k) for k, x in enumerate(self.row)]
        return _Recording(self.name, self.f, self.arguments, row, [guard.held for guard in self.guards], move)

    def tape(self, outside: list[Value], loops: bool | None = None) -> Tape:
        by = {*self.arguments.by}
        rows = [x for x, number in zip(self.xs, self.arguments.numbers) if number not in by]
        parameters = [x for x, number in zip(self.xs, self.arguments.numbers) if number in by]
        return prepare(self.outputs, rows, parameters, loops, self.sides, outside, self.nodes)

    def straight(self, outside: list[Value]) -> Routine:
        """Return straight code, in which it is no matter what was recorded when."""
        return routine(self.tape(outside, loops=False))

    def is_like(self, other: _Recording) -> bool:
        """Tell whether two recordings have the same nodes in the same order, on the same leaves or numbers."""
        if self.shape != other.shape or [n.op for n in self.nodes] != [n.op for n in other.nodes]:
            return False
        if self._places() != other._places():
            return False

        def alike(one: int | Value, two: int | Value) -> bool:
            if isinstance(one, int) or isinstance(two, int):
                return type(one) is type(two) and one == two
            return one is two or (
                one not in other.leaves and two not in self.leaves and repr(one._data) == repr(two._data)
            )

        return all(map(alike, self.ends, other.ends))

    def _places(self) -> tuple[list[int], list[int]]:
        """Return what each node is computed of, and what the outputs are: nodes by their places, -1 for leaves."""
        place = {node.born: k for k, node in enumerate(self.nodes)} | {0: -1}
        of = [place[source.born] for source in self.sources]
        return [*map(len, (node.inputs for node in self.nodes))], of + [
            place[node.born] for node in (*self.outputs, *self.sides)
        ]


def _is_same(one: Tape, other: Tape) -> bool:
    """Tell whether two tapes are the same, their numbers by their bits."""
    same = one.items == other.items and one.shapes == other.shapes
    return same and one.numbers.tobytes() == other.numbers.tobytes()


def _is_flat(kind: Any, parts: tuple[Any, ...]) -> bool:
    """Tell whether that is the structure of arguments that are numbers, or a single list or array of them."""
    if len(parts) == 1 and parts[0] != 'number':
        kind, parts = parts[0]
    return len(parts) == 1 if kind == 'array' else {*parts} == {'number'}


def _structure(thing: Any) -> Any:
    """Describe a structure of numbers, so that structures that look alike are equal."""
    if is_array(thing):
        return 'array', thing.shape
    if isinstance(thing, dict):
        return type(thing), tuple((key, _structure(part)) for key, part in thing.items())
    if isinstance(thing, (list, tuple)):
        return type(thing), tuple(map(_structure, thing))
    return 'number'
