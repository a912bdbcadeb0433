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
from typing import Any, NamedTuple

from ..arrays import is_array
from ..graph import topological_order
from ..ieee import TROUBLE
from ..recorders import lift
from ..structures import take_apart
from ..value import Constant, Value
from .engines import Engine, best_backend, engine
from .guards import BranchError, Guard, log
from .instructions import Listing
from .lowering import freeze
from .program import stack

__all__ = ['Function', 'Trace']

#: How far inputs are moved, relatively, to see whether the recording stays the same.
NUDGES = (1e-3, -1e-6, 1e-9)


class Trace(NamedTuple):
    """One path through a function: its guards, and the listing of its outputs and of the guards' sides."""

    guards: tuple[Guard, ...]
    listing: Listing
    outputs: int
    template: Any
    parameters: list[Value]
    engine: Engine

    def results(self, rows: Any) -> Any:
        """Return the outputs and the guards' sides for each row."""
        data, _ = self.engine.rows(rows, self.listing.width)
        return self.engine.each(data, [float(p.data) for p in self.parameters])

    def taken(self, results: Sequence[float]) -> bool:
        """Tell from the results for a row whether it goes this way."""
        sides = [float(side) for side in results[self.outputs :]]
        return all(guard.holds(sides[2 * k], sides[2 * k + 1]) for k, guard in enumerate(self.guards))


class Function:
    """A function of numbers that replays what it recorded; see ``compile``."""

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        backend: str | None = None,
        threads: int = 1,
        fast: bool = False,
        most_paths: int = 100,
    ) -> None:
        update_wrapper(self, f)
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
        (rows, ...), if what it returns is a number or lists as long as each other.
        """
        counts = {len(argument) for argument in arguments}
        if len(counts) != 1:
            raise ValueError(f'every argument must have one item for each row, not {sorted(counts)} items')
        first = tuple(argument[0] for argument in arguments) if counts != {0} else ()
        key, (_, build) = _structure(first), self._row(first)
        if all(is_array(argument) for argument in arguments):
            import numpy

            rows: Any = numpy.column_stack([argument.reshape(len(argument), -1) for argument in arguments])
        else:
            rows = []
            for place, items in enumerate(zip(*arguments)):
                if _structure(items) != key:
                    raise ValueError(f'row {place} has not the structure of row 0: {items!r} and {first!r}')
                rows.append(self._row(items)[0])
        found: Any = [None] * len(rows)
        template: Any = 0.0
        for trace, results, places in self._ways(key, build, rows) if len(rows) else ():
            template = trace.template
            for place, outputs in zip(places, results):
                found[place] = outputs
        if is_array(rows):
            import numpy

            found = numpy.array(found, dtype=float)
        return stack(found, template, take_apart(template)[1])

    def _row(self, arguments: tuple[Any, ...]) -> tuple[list[float], Callable[..., Any]]:
        numbers, build = take_apart(arguments, 'the arguments')
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
            if known == len(traces):
                traces.append(self._record(build, [float(x) for x in rows[left[0]]], traces))
            trace, known = traces[known], known + 1
            results = trace.results(rows[left] if is_array(rows) else [rows[place] for place in left])
            taken = [trace.taken(result) for result in results] if trace.guards else [True] * len(left)
            if any(taken):
                mine = [place for place, is_taken in zip(left, taken) if is_taken]
                yield trace, [r[: trace.outputs] for r, is_taken in zip(results, taken) if is_taken], mine
                left = [place for place, is_taken in zip(left, taken) if not is_taken]

    def _record(self, build: Callable[..., Any], row: list[float], known: list[Trace]) -> Trace:
        """Record the path that a row takes."""
        if len(known) >= self.most_paths:
            lines = Counter(guard.origin for trace in known for guard in trace.guards)
            origin, _ = lines.most_common(1)[0]
            raise BranchError(
                f'{self.__name__} took {len(known)} different paths, most of them by the branch at {origin}: '  # type: ignore[attr-defined]
                f'{origin.source}. Use where(), max() or abs() of microgradnet.functions there, or raise most_paths'
            )
        first = _Recording(self.f, build, row)
        second = first.beside()
        closed_over = first.leaves if second is None else [leaf for leaf in first.leaves if leaf in {*second.leaves}]
        listing = first.listing(closed_over)
        if second is not None and str(second.listing(closed_over)) != str(listing):
            raise ValueError(self._leak(listing, second.listing(closed_over)))
        backend = self.backend or best_backend(listing)
        return Trace(
            tuple(first.guards), listing, len(first.outputs), first.template, closed_over,
            engine(listing, backend, self.threads, self.fast),
        )  # fmt: skip

    def _leak(self, one: Listing, other: Listing) -> str:
        pairs = zip(one.instructions, other.instructions)
        changed = next(((a, b) for a, b in pairs if a != b and a.name == b.name == 'number'), None)
        what = f'the number {changed[0].operands[0]!r}, then {changed[1].operands[0]!r}' if changed else 'another graph'
        return (
            f'{self.__name__} cannot be replayed: recorded twice, at inputs close to each other, it made {what}. '  # type: ignore[attr-defined]
            'Something leaves the graph: .data of a Value, a random number, or a state that changes'
        )


class _Recording:
    """What a function did with Values of some numbers."""

    def __init__(self, f: Callable[..., Any], build: Callable[..., Any], row: list[float]) -> None:
        self.f, self.build, self.row = f, build, row
        self.xs = [Value(x) for x in row]
        with log() as written:
            result = f(*build(self.xs))
        outputs, like = take_apart(result, 'the result')
        self.template = like([0.0] * len(outputs))
        self.outputs, self.sides, self.guards = [*map(lift, outputs)], written.sides, written.guards
        known = {*self.xs}
        order = topological_order(*self.outputs, *self.sides)
        self.leaves = [n for n in order if n.op is None and not isinstance(n, Constant) and n not in known]

    def listing(self, parameters: list[Value]) -> Listing:
        return freeze([*self.outputs, *self.sides], self.xs, parameters)

    def beside(self) -> _Recording | None:
        """Record again close by, on the same path; None if there is none to be found."""
        for nudge in NUDGES:
            try:
                other = _Recording(self.f, self.build, [x + nudge * (abs(x) or 1.0) for x in self.row])
            except TROUBLE:
                continue
            if [guard[:2] for guard in other.guards] == [guard[:2] for guard in self.guards]:
                return other
        return None


def _structure(thing: Any) -> Hashable:
    """Describe a structure of numbers, so that structures that look alike are equal."""
    if is_array(thing):
        return 'array', thing.shape
    if isinstance(thing, dict):
        return type(thing), tuple((key, _structure(part)) for key, part in thing.items())
    if isinstance(thing, (list, tuple)):
        return type(thing), tuple(map(_structure, thing))
    return 'number'
