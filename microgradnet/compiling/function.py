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
from ..derivatives.trees import take_apart
from ..engine.checks import flag, function, said, whole
from ..engine.context import ieee_arithmetic
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.value import Constant, Value, lift
from ..engine.walks import topological_order
from .guards import BranchError, Guard, log
from .ir.routine import Routine
from .ir.sweeps import lower
from .readings import ReadingError, Readings, installed
from .run.engines import Engine, best_backend, check_way, engine
from .run.rows import stack

__all__ = ['Function', 'Trace']

#: Other numbers for the argument x at place k: a recording that is as it should be stays the same.
ELSEWHERE: tuple[Callable[[float, int], float], ...] = (
    lambda x, k: nan,
    lambda x, k: -2 * x - 1.5 - k / 8,
    lambda x, k: 3 * abs(x) + 10.5 + k,
)


class Trace(NamedTuple):
    """One path through a function: its guards, and the routine of its outputs and of the guards' sides."""

    guards: tuple[Guard, ...]
    routine: Routine
    outputs: int
    template: Any
    parameters: list[Value]
    engine: Engine

    def results(self, rows: Any) -> Any:
        """Return the outputs and the guards' sides for each row."""
        data, _ = self.engine.rows(rows, self.routine.width)
        return self.engine.each(data, [float(p.data) for p in self.parameters])

    def taken(self, results: Sequence[float]) -> bool:
        """Tell from the results for a row whether it goes this way."""
        sides = [float(side) for side in results[self.outputs :]]
        return all(guard.holds(sides[2 * k], sides[2 * k + 1]) for k, guard in enumerate(self.guards))


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
        self._traces: dict[Hashable, list[Trace]] = {}

    @property
    def paths(self) -> list[Trace]:
        """All paths recorded so far."""
        return [path for paths in self._traces.values() for path in paths]

    @property
    def source(self) -> str:
        """What was printed for each path, one after the other; the sides of its branches come last."""
        return '\n'.join(path.engine.source for path in self.paths)

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, with floats."""
        row, build = self._row(arguments)
        trace, (results,) = next(self._ways(_structure(arguments), build, [row]))[:2]
        return take_apart(trace.template)[1]([float(y) for y in results])

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
        for trace, results, places in self._ways(key, build, rows) if len(rows) else ():
            templates[_structure(trace.template)] = trace.template
            put = take_apart(trace.template)[1]
            for place, outputs in zip(places, results):
                found[place] = outputs if is_array(rows) else put([float(y) for y in outputs])
        if not is_array(rows):
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
        return [float(number) for number in numbers], build

    def _ways(self, key: Hashable, build: Callable[..., Any], rows: Any) -> Any:
        """Yield each path that some rows take: the path, their outputs, and their places."""
        traces = self._traces.setdefault(key, [])
        left, known = [*range(len(rows))], 0
        while left:
            recorded = known == len(traces)
            trace = self._record(build, [float(x) for x in rows[left[0]]], traces) if recorded else traces[known]
            known = min(known + 1, len(traces))
            results = trace.results(rows[left] if is_array(rows) else [rows[place] for place in left])
            taken = [trace.taken(result) for result in results] if trace.guards else [True] * len(left)
            # The row that was recorded goes this way, even if a last digit of the backend's says otherwise.
            taken[0] = taken[0] or recorded
            if any(taken):
                mine = [place for place, is_taken in zip(left, taken) if is_taken]
                yield trace, [r[: trace.outputs] for r, is_taken in zip(results, taken) if is_taken], mine
                left = [place for place, is_taken in zip(left, taken) if not is_taken]

    def _record(self, build: Callable[..., Any], row: list[float], known: list[Trace]) -> Trace:
        """Record the path that a row takes, add it to the known ones if it is new, and return it."""
        with installed():
            return self._recorded(build, row, known)

    def _recorded(self, build: Callable[..., Any], row: list[float], known: list[Trace]) -> Trace:
        first = self._recording(build, row)
        for trace in known:
            if trace.guards == tuple(first.guards) and str(trace.routine) == str(first.straight(trace.parameters)):
                return trace
        if len(known) >= self.most_paths:
            lines = Counter(guard.origin for trace in known for guard in trace.guards)
            origin, _ = lines.most_common(1)[0]
            raise BranchError(
                f'{self.__name__} took {len(known)} different paths, most of them by the branch at {origin}: '
                f'{origin.source}. Use where(), max() or abs() of microgradnet.functions there, or raise most_paths'
            )
        parameters = self._closed_over(first)
        straight, lowered = first.straight(parameters), first.lowered(parameters)
        backend = self.backend or best_backend(straight.customs)
        known.append(Trace(
            tuple(first.guards), straight, len(first.outputs), first.template, parameters,
            engine(lowered, backend, self.threads, self.fast),
        ))  # fmt: skip
        return known[-1]

    def _recording(self, build: Callable[..., Any], row: list[float], *again: Any) -> _Recording:
        return _Recording(self.__name__, self.f, build, row, *again)

    def _closed_over(self, first: _Recording) -> list[Value]:
        """Return the leaves that the function has from outside; refuse what is not the same for other numbers.

        Recorded again, with all branches as before, the graph must be the same, whatever
        the arguments are: else it depends on them, or on something else, beside the graph.
        """
        others, trouble = [], None
        for move in ELSEWHERE:
            try:
                row = [move(x, k) for k, x in enumerate(first.row)]
                others.append(self._recording(first.build, row, [guard.held for guard in first.guards], move))
            except ReadingError:
                raise
            except BranchError as error:
                self._refuse('compared more often', error)
            except Exception as error:  # of a custom operation's, say, that has no value there
                trouble = error
        if not others:
            self._refuse(f'raised {trouble!r}', trouble)
        parameters = [leaf for leaf in first.leaves if all(leaf in other.leaves for other in others)]
        if any(other.leaves[leaf] != first.leaves[leaf] for leaf in parameters for other in others):
            self._refuse('found a Value from outside changed')
        for other in others:
            one, two = first.straight(parameters), other.straight(parameters)
            if str(one) != str(two) or first.shape != other.shape:
                pairs = zip(one.instructions, two.instructions)
                a, b = next(((a, b) for a, b in pairs if repr(a) != repr(b)), (None, None))
                if a and b and a.name == b.name == 'number':
                    self._refuse(f'made the number {b.operands[0]!r} of {a.operands[0]!r}')
                self._refuse('made another graph')
        return parameters

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
        build: Callable[..., Any],
        row: list[float],
        outcomes: Sequence[bool] | None = None,
        move: Callable[[float, int], float] | None = None,
    ) -> None:
        self.build, self.row = build, row
        self.xs = [Value(x) for x in row]
        with ieee_arithmetic(), log(outcomes) as written, Readings(name, self.xs, move):
            result = f(*build(self.xs))
        outputs, like = take_apart(result, 'the result')
        self.template = like([0.0] * len(outputs))
        self.outputs, self.sides, self.guards = [*map(lift, outputs)], written.sides, written.guards
        known = {*self.xs}
        order = topological_order(*self.outputs, *self.sides)
        leaves = (n for n in order if n.op is None and not isinstance(n, Constant) and n not in known)
        self.leaves = {leaf: repr(leaf._data) for leaf in leaves}
        self.shape = _structure(self.template), [guard.relation for guard in self.guards]

    def straight(self, parameters: list[Value]) -> Routine:
        return lower([*self.outputs, *self.sides], self.xs, parameters, loops=False)

    def lowered(self, parameters: list[Value]) -> Routine:
        return lower([*self.outputs, *self.sides], self.xs, parameters)


def _structure(thing: Any) -> Hashable:
    """Describe a structure of numbers, so that structures that look alike are equal."""
    if is_array(thing):
        return 'array', thing.shape
    if isinstance(thing, dict):
        return type(thing), tuple((key, _structure(part)) for key, part in thing.items())
    if isinstance(thing, (list, tuple)):
        return type(thing), tuple(map(_structure, thing))
    return 'number'
