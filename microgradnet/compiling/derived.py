"""Derivatives of a function that is being compiled, made from the program of the function itself.

What ``grad``, ``hessian`` and the like return says what it is a derivative of. So the function alone is recorded, and
its derivative is what a reverse sweep and tangents make of that program: one sweep for a gradient, the
tangent of it along every direction, side by side, for a Hessian, and so on for a derivative of a derivative.

The transforms work here on tokens: a result is the structure that its floats will have, with a token for each,
and a ``Leaf`` says which output of the routine that is, and along which directions.

>>> from ..derivatives.transforms import grad, hessian
>>> base, chain = chain_of(hessian(grad(abs)))
>>> base, [derivative.kind for derivative in chain]
(<built-in function abs>, ['grad', 'hessian'])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from .._extras import needed
from .._processes import cached_property
from ..derivatives import sparse, transforms
from ..derivatives.graphs import gradients
from ..derivatives.sparse import entries, pattern
from ..derivatives.transforms import Derivative, derivative_of, places_of
from ..derivatives.trees import Build, take_apart
from ..engine.functions import is_array
from ..engine.value import Value
from .ir.leaves import Leaves, placed
from .ir.recompute import recompute
from .ir.routine import Routine
from .ir.sweeps import routine
from .ir.tangent import tangent
from .ir.tape import Tape
from .run.backends import best_backend, engine
from .run.engines import Call, Engine
from .run.rows import BLOCK, added

__all__ = [
    'Arguments', 'Derived', 'Evaluator', 'Step', 'arguments_of', 'chain_of', 'mend', 'put_together', 'taken_apart',
]  # fmt: skip


#: The transforms that take two derivatives.
TWICE = {'hessian', 'hvp', 'sparse_hessian'}


def chain_of(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[Derivative]]:
    """Return what a function is a derivative of, and by which transforms, the innermost first."""
    base, chain = taken_apart(f)
    if len(chain) > 1 and any(found.kind.startswith('sparse') for found in chain):
        return f, []  # which eager says what is wrong with
    if any(found.kind == 'vjp' for found in chain[1:]):
        return f, []  # it would sweep back through a derivative, which only its graph can
    return base, chain


def taken_apart(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[Derivative]]:
    """Return the same whatever the transforms are."""
    chain: list[Derivative] = []
    while (found := derivative_of(f)) is not None:
        chain.insert(0, found)
        f = found.f
    return f, chain


def put_together(f: Callable[..., Any], steps: Sequence[tuple[str, Any, str | None]]) -> Callable[..., Any]:
    """Return the derivative of a function by transforms: of each its kind, its argument, and its mode.

    >>> put_together(lambda x: x ** 3, [('grad', 0, None), ('jacobian', 0, 'forward')])(2.0)
    12.0
    """
    for kind, argument, mode in steps:
        make = getattr(sparse if kind.startswith('sparse') else transforms, kind)
        if kind in ('hvp', 'jvp', 'vjp'):
            f = make(f) if kind == 'hvp' else partial(make, f)
        else:
            f = make(f, argument, **{'mode': mode} if mode else {})
    return f


class Step(NamedTuple):
    """A transform for arguments of some structure: tokens of the numbers it is taken by, and of a given vector."""

    kind: str
    mode: str | None
    by: list[int]
    build: Build
    given: list[int]


class Arguments(NamedTuple):
    """Which numbers of a call are the function's own, and which of them it is differentiated by."""

    numbers: list[int]
    build: Build
    by: list[int]
    steps: list[Step]

    @property
    def order(self) -> int:
        """How many derivatives are taken of the function."""
        return sum(1 + (step.kind in TWICE) for step in self.steps)

    @property
    def fixed(self) -> list[int]:
        """The numbers that it is not differentiated by."""
        by = {*self.by}
        return [number for number in self.numbers if number not in by]


def arguments_of(chain: Sequence[Derivative], arguments: tuple[Any, ...]) -> Arguments | None:
    """Sort the arguments of a chain of transforms, tokens in place of numbers; None where it is none of these."""
    steps: list[Step] = []
    for kind, _, argument, mode in reversed(chain):
        given: list[int] = []
        if kind in ('hvp', 'jvp', 'vjp'):
            if len(arguments) < 2 or (kind != 'hvp' and len(arguments) > 2):
                return None
            structure, v, *more = arguments
            given, _ = take_apart(v)
            arguments = (structure, *more)
        else:
            places = places_of(argument, len(arguments))
            parts = [arguments[place] for place in places]
            structure = parts[0] if isinstance(argument, int) else tuple(parts)
        by, build = take_apart(structure)
        if given and kind != 'vjp' and len(given) != len(by):
            return None
        steps.insert(0, Step(kind, mode, by, build, given))
    numbers, build = take_apart(arguments)
    taken = {number for step in steps for number in step.by}
    if not taken <= {*numbers}:
        return None  # by the direction of a derivative inside
    return Arguments(numbers, build, [number for number in numbers if number in taken], steps)


#: A number of a result: which output it is, and which direction of each set of them it is along. A Hessian has many.
Leaf: TypeAlias = tuple[int, tuple[int, ...]]


class Derived:
    """What some transforms make of a function's program: the outputs of a routine, and the directions to run it along.

    The routine's parameters are what is differentiated by, and behind them, as ``groups`` say, the numbers of each
    direction, or the weights of the outputs: tokens of what is given with a call (None for 0), or the size of those
    of ``directions``.
    ``memory`` is how much may be kept for a gradient; what a tangent adds to that comes on top.
    """

    tape: Tape
    arguments: Arguments
    memory: int | None
    n: int
    place: dict[int, int]
    first: str
    leaves: list[Leaf]
    count: int
    shift: int
    graph: Sequence[Value]
    xs: dict[int, Value]
    build: Build
    template: Any

    def __init__(
        self,
        tape: Tape,
        arguments: Arguments,
        template: Any,
        graph: Sequence[Value] = (),
        xs: Sequence[Value] = (),
        memory: int | None = None,
    ) -> None:
        self.tape, self.arguments, self.memory = tape, arguments, memory
        self.n = len(arguments.by)
        self.place = {token: place for place, token in enumerate(arguments.by)}
        self.first = 'value'
        self.passes: list[bool] = []
        self.groups: list[list[int | None] | int] = []
        self.directions: list[list[list[float]]] = []
        self.leaves = [(output, ()) for output in range(tape.outputs)]
        self.count, self.shift = tape.outputs, 0
        self.graph, self.xs = graph, dict(zip(arguments.numbers, xs))
        tree = take_apart(template)[1](range(tape.outputs))
        for step in arguments.steps:
            tree = self.sparse(step, tree) if step.kind.startswith('sparse') else self.apply(step, tree)
        del self.graph, self.xs
        if not isinstance(tree, _Sparse):
            tokens, self.build = take_apart(tree, 'the result', nested=True)
            self.template = self.build([0.0] * len(tokens))
        else:
            tokens, self.build, self.template = tree.tokens, tree.build, tree
        self.leaves = [*map(self.leaves.__getitem__, tokens)]

    @property
    def is_sparse(self) -> bool:
        """Whether the result is a sparse matrix, and no structure of numbers."""
        return isinstance(self.template, _Sparse)

    # The transforms, on tokens: compare ``derivatives.transforms``.
    def apply(self, step: Step, tree: Any) -> Any:
        ys, build = take_apart(tree, 'the result', nested=True)
        if step.kind == 'jvp':
            self.along(step, only=False)
            return build(ys), build([self.moved(y) for y in ys])
        if step.kind == 'vjp':
            if len(step.given) != len(ys):
                counts = f'of {len(ys)} numbers; it has {len(step.given)}'
                raise ValueError(f'the vector must be like the result, {counts}')
            self.weigh([*step.given])
            return build(ys), step.build(self.weighed(step))
        if step.kind == 'jacobian':
            return build([step.build(row) for row in self.jacobian(step, ys)])
        slopes = self.slopes(step, ys, tree)
        if step.kind == 'hessian':
            return step.build([step.build(row) for row in self.columns(step, slopes)])
        if step.kind == 'hvp':
            self.along(step)
            return step.build([self.moved(slope) for slope in slopes])
        gradient = step.build(slopes)
        return (ys[0], gradient) if step.kind == 'value_and_grad' else gradient

    def slopes(self, step: Step, ys: Sequence[int], tree: Any) -> Sequence[int]:
        """Return the gradient of the only number of a result: by a sweep; of a derivative by its tangent."""
        if len(ys) != 1:
            shown = take_apart(tree, nested=True)[1]([0.0] * len(ys))
            raise TypeError(f'the function must return one number to have a gradient; it returns one like {shown!r}')
        if self.passes or self.first != 'value':
            return self.columns(step, ys, only=step.kind != 'value_and_grad')[0]
        self.first, self.count = 'gradient', self.count + self.n
        return [self.token((self.tape.outputs + self.place[x], ())) for x in step.by]

    def jacobian(self, step: Step, ys: Sequence[int]) -> list[Sequence[int]]:
        at_first = not self.passes and self.first == 'value'
        if not at_first or not (step.mode == 'reverse' or (step.mode is None and len(ys) <= len(step.by))):
            return self.columns(step, ys)
        if len(ys) == 1:
            return [self.slopes(step, ys, 0)]
        self.weigh(self.tape.outputs)
        self.directions.append([[float(y == other) for other in range(len(ys))] for y in range(len(ys))])
        return [self.weighed(step, y) for y in range(len(ys))]

    def weigh(self, group: list[int | None] | int) -> None:
        """Sweep back from weighted sums of all outputs."""
        self.first, self.count = 'weighed', self.count + self.n
        self.groups.append(group)

    def weighed(self, step: Step, *which: int) -> list[int]:
        return [self.token((self.tape.outputs + self.place[x], which)) for x in step.by]

    def columns(self, step: Step, ys: Sequence[int], only: bool = True) -> list[Sequence[int]]:
        """Return the derivatives of each number of a result, found along each number of the argument."""
        self.move(self.n, only)
        self.directions.append([self.unit(x) for x in step.by])
        return [self.spread(y, len(step.by)) for y in ys]

    def along(self, step: Step, only: bool = True) -> None:
        """Move along a direction that is given."""
        given = dict(zip(step.by, step.given))
        self.move([given.get(x) for x in self.arguments.by], only)

    def move(self, group: list[int | None] | int, only: bool) -> None:
        self.passes.append(only)
        self.groups.append(group)
        self.shift = 0 if only else self.count
        self.count *= 1 if only else 2

    def moved(self, y: int, *along: int) -> int:
        output, before = self.leaves[y]
        return self.token((output + self.shift, before + along))

    def spread(self, y: int, size: int) -> range:
        """Return tokens for how a number moves along each direction."""
        output, before = self.leaves[y]
        output, first = output + self.shift, len(self.leaves)
        self.leaves += [(output, (*before, k)) for k in range(size)]
        return range(first, first + size)

    def token(self, leaf: Leaf) -> int:
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def unit(self, x: int) -> list[float]:
        return [float(x == other) for other in self.arguments.by]

    def sparse(self, step: Step, tree: Any) -> _Sparse:
        """Colour the pattern of the graph; find what is not 0 along as many directions as there are colours."""
        ys, _ = take_apart(tree, 'the result', nested=True)
        symmetric, xs = step.kind == 'sparse_hessian', [self.xs[x] for x in step.by]
        if symmetric:
            slopes = self.slopes(step, ys, tree)
            rows = pattern(gradients(self.graph[0], xs), xs)
            self.move(self.n, only=True)
        else:
            slopes, rows = ys, pattern(self.graph, xs)
        found: list[list[float]] = []

        def push(direction: list[int]) -> list[int]:
            found.append(self.over(step, direction))
            if not symmetric and not self.passes:
                self.move(self.n, only=True)
            return [self.moved(slope, len(found) - 1) for slope in slopes]

        def pull(weights: list[int]) -> list[int]:
            if symmetric:
                return push(weights)
            found.append([*map(float, weights)])
            if self.first == 'value':
                self.weigh(self.tape.outputs)
                self.directions.append(found)
            return self.weighed(step, len(found) - 1)

        listed = [*entries(rows, len(step.by), pull, push, both=symmetric)]
        if self.first != 'weighed':
            self.directions.append(found)
        return _Sparse((len(slopes), len(xs)), listed)

    def over(self, step: Step, direction: list[int]) -> list[float]:
        moves = dict(zip(step.by, direction))
        return [float(moves.get(x, 0)) for x in self.arguments.by]

    # The routine.
    @cached_property
    def combined(self) -> list[list[float]]:
        """The numbers of each run: one direction of each set; just one run, of none, where there are no sets."""
        if not self._ways:  # a result of no numbers
            return [[0.0] * sum(group for group in self.groups if isinstance(group, int))]
        return [[x for vectors, k in zip(self.directions, along) for x in vectors[k]] for along in self._ways]

    @cached_property
    def _ways(self) -> list[tuple[int, ...]]:
        longest = len(self.directions)
        found = sorted(along for along in {along for _, along in self.leaves} if len(along) == longest)
        return found or [()] * (not longest)

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """For each number of the result, which run it is from, and which output it is there."""
        runs: dict[tuple[int, ...], int] = {}
        for number, along in enumerate(self._ways):
            for end in range(len(along) + 1):
                runs.setdefault(along[:end], number)
        return [(runs[along], output) for output, along in self.leaves]

    def routine(self, careful: bool, way: str) -> Routine:
        """Write it, for one of the ways to run it: see ``Evaluator``."""
        seeds, stops = self.first == 'weighed', bool(self.passes)
        if self.first == 'value':
            made = routine(self.tape, stops=stops)
        else:
            made = recompute(self.tape, self.memory, seeds, stops)
        for more, only in zip(range(len(self.passes))[::-1], self.passes):
            made = tangent(made, self.n, only, careful, stops=more > 0)
        given, start = [Leaves('parameter', 0, self.n)], self.n
        runs: list[Leaves] = []
        for group in self.groups:
            size = group if isinstance(group, int) else len(group)
            (runs if isinstance(group, int) else given).append(Leaves('parameter', start, size))
            start += size
        fixed, outside = Leaves('row', 0, self.tape.width), Leaves('outside', 0, self.tape.outside)
        if way == 'calls':
            return placed(made, [fixed, *given, *runs], [outside])
        if way == 'runs':
            return placed(made, runs, [fixed, *given, outside])
        return placed(made, [fixed], [*given, *runs, outside])

    @cached_property
    def order(self) -> list[int | None]:
        """Which numbers of a call come first, in the row or as parameters."""
        given = [number for group in self.groups if not isinstance(group, int) for number in group]
        return [*self.arguments.fixed, *self.arguments.by, *given]


class _Sparse:
    """A sparse matrix, with a token for each entry."""

    def __init__(self, shape: tuple[int, int], listed: list[tuple[int, int, int]]) -> None:
        scipy = needed('scipy.sparse', 'a sparse derivative')
        numpy = needed('numpy', 'a sparse derivative')
        rows, columns, tokens = [*zip(*listed)] or ((), (), ())
        order = scipy.csr_array((numpy.arange(len(tokens)), (rows, columns)), shape=shape)
        self.tokens: list[int] = [tokens[k] for k in order.data]
        self.matrix, self.array = order, numpy.array

    def build(self, numbers: Sequence[float]) -> Any:
        matrix = copy(self.matrix)  # of which nothing need be checked
        matrix.data, matrix.indices = self.array(numbers, dtype=float), self.matrix.indices.copy()
        matrix.indptr = self.matrix.indptr.copy()
        return matrix


class Evaluator:
    """Runs what was derived, over rows of the numbers of calls.

    There are three ways: ``'calls'``, in which each run of each call is a row; ``'runs'``, in which each run of one
    call is; ``'sums'``, in which rows are summed in each run.
    """

    derived: Derived
    outside: Sequence[Value]
    on: tuple[str | None, int, bool]
    watched: int
    order: Sequence[int | None] | None

    def __init__(self, derived: Derived, outside: Sequence[Value], on: tuple[str | None, int, bool]) -> None:
        self.derived, self.outside, self.on = derived, outside, on
        self.watched = derived.tape.watched
        identity = [*range(len(derived.order))]
        self.order = None if derived.order == identity else derived.order
        self._engines: dict[tuple[bool, str], Engine] = {}

    def engine(self, careful: bool, way: str) -> Engine:
        key = careful, way
        if key not in self._engines:
            made = self.derived.routine(careful, way)
            backend, threads, fast = self.on
            self._engines[key] = engine(made, backend or best_backend(made.customs), threads, fast)
        return self._engines[key]

    @property
    def source(self) -> str:
        """What was printed."""
        engines = self._engines or {(False, 'calls'): self.engine(False, 'calls')}
        return next(iter(engines.values())).source

    def __call__(self, rows: Any) -> tuple[Any, Any]:
        """Return for each row the numbers of the result, and the sides of the comparisons."""
        numbers, sides = self.run(rows, careful=False)
        if self.derived.passes:
            mend(numbers, rows, lambda doubtful: self.run(doubtful, careful=True)[0])
        return numbers, sides

    def call(self, arguments: tuple[Any, ...]) -> Callable[..., Any] | None:
        """Return what does one call, from its arguments to what it returns, by the engine's short way, if that is open.

        They are of the structure of these, which has floats in it; for others it gives None, as where the row goes
        along none of the paths, and where it is to be looked at more carefully.
        """
        if self._call is None:
            self._call = self._short(arguments)
        return self._call

    def _short(self, arguments: tuple[Any, ...]) -> Callable[..., Any] | None:
        derived, runs = self.derived, self.derived.combined
        found = self.engine(False, 'runs' if len(runs) > 1 else 'calls')
        if not found.is_open:
            return None
        numpy = needed('numpy', 'an array')
        order, several, width = derived.order, len(runs) > 1, len(take_apart(arguments)[0])
        outside = range(width, width + len(self.outside))
        arguments += ([0.0] * len(outside),) * bool(outside)
        rows = self._runs if several else found.rows([[0.0] * len(order) + runs[0]], len(order) + len(runs[0]))[0]
        parameters, row = ([*order, *outside], ()) if several else (outside, order)
        watched = derived.count if self.watched else None

        def way(result: Any) -> Callable[..., Any] | None:
            return found.call(
                Call(arguments, result, parameters, row, rows, derived.places, watched, bool(derived.passes))
            )

        plain = None if derived.is_sparse else way(derived.template)
        flat = plain or way(numpy.zeros(len(derived.places)))
        if flat is None or (plain and not outside):
            return plain

        def call(*arguments: Any) -> Any:
            numbers = flat(*arguments, self._data()) if outside else flat(*arguments)
            return numbers if plain or numbers is None else derived.build(numbers)

        return call

    def run(self, rows: Any, careful: bool) -> tuple[Any, Any]:
        """Do all runs of each call; of many calls that are many runs each, some at a time."""
        runs, count = self.derived.combined, self.derived.count + self.watched
        size = max(1, BLOCK // (len(runs) * (len(self.derived.order) + len(runs[0]) + count)))
        if len(rows) > size and len(runs) > 1:
            parts = [self.run(rows[start : start + size], careful) for start in range(0, len(rows), size)]
            numbers, sides = map(_joined, zip(*parts))
            return numbers, sides
        if len(rows) == 1 < len(runs):
            row = rows[0].tolist() if is_array(rows) else rows[0]
            results = self._one(self._ordered(row), careful)
        else:
            found = self.engine(careful, 'calls')
            data, _ = found.rows(self._spread(rows, runs), len(self.derived.order) + len(runs[0]))
            results = found.each(data, self._theta())
        return self._picked(results, len(rows), len(runs))

    def total(self, data: Any, point: list[float]) -> Any:
        """Return the numbers of the result summed over rows, with all else that a call has.

        By one call for each row, or by one for each run, whichever are fewer.
        """
        numbers = self._total(data, point, careful=False)
        return self._total(data, point, careful=True) if self.derived.passes and _has_nan(numbers) else numbers

    def _total(self, data: Any, point: list[float], careful: bool) -> Any:
        runs, total = self.derived.combined, None
        if len(data) < len(runs):
            for row in data:
                (numbers,), _ = self._picked(self._one([*row, *point], careful), 1, len(runs))
                total = added(total, numbers)
            if total is not None:
                return total
        found = self.engine(careful, 'sums')
        sums = [found.sums(data, [*point, *run, *self._theta()]) for run in runs]
        if not is_array(sums[0]):
            return [float(sums[run][output]) for run, output in self.derived.places]
        numpy = needed('numpy', 'an array of rows')
        return self._picked(numpy.array(sums), 1, len(runs))[0][0]

    def _one(self, numbers: Sequence[float], careful: bool) -> Any:
        """Do all runs of one call."""
        return self.engine(careful, 'runs').each(self._runs, [*numbers, *self._theta()])

    def _theta(self) -> list[float]:
        """Return the numbers that the leaves from outside have now."""
        return [*map(float, self._data())]

    def _data(self) -> list[Any]:
        return [p.data for p in self.outside]

    @cached_property
    def _runs(self) -> Any:
        """The numbers of all runs, as the engine takes them."""
        runs = self.derived.combined
        return self.engine(False, 'runs').rows(runs, len(runs[0]))[0]

    def _ordered(self, row: Sequence[float]) -> Sequence[float]:
        return row if self.order is None else [0.0 if k is None else row[k] for k in self.order]

    def _spread(self, rows: Any, runs: list[list[float]]) -> Any:
        """Return each row with each direction behind it."""
        if not is_array(rows):
            return [[*ordered, *run] for ordered in map(self._ordered, rows) for run in runs]
        numpy = needed('numpy', 'an array of rows')
        if self.order is not None:
            zero = numpy.zeros((len(rows), 1))
            rows = numpy.hstack([rows, zero])[:, [-1 if k is None else k for k in self.order]]
        if not runs[0]:
            return rows
        return numpy.hstack([numpy.repeat(rows, len(runs), axis=0), numpy.tile(runs, (len(rows), 1))])

    def _picked(self, results: Any, rows: int, runs: int) -> tuple[Any, Any]:
        places, watched = self.derived.places, self.watched
        if is_array(results):
            count = results.shape[1]
            sides = results[::runs, count - watched :]
            if rows == 1 and self._columns:
                return results[:, self._columns].T.reshape(1, -1), sides
            return results.reshape(rows, runs * count)[:, self._flat(count)], sides
        grouped = [results[k * runs : (k + 1) * runs] for k in range(rows)]
        sides = [group[0][len(group[0]) - watched :] for group in grouped]
        return [[float(group[run][output]) for run, output in places] for group in grouped], sides

    @cached_property
    def _columns(self) -> slice | None:
        """The neighbouring outputs whose columns, of all runs, are the numbers of the result, if it is so simple."""
        places, runs = self.derived.places, len(self.derived.combined)
        first, size = (places[0][1] if places else 0), len(places) // runs
        simple = [(run, first + k) for k in range(size) for run in range(runs)]
        return slice(first, first + size) if places == simple else None

    def _flat(self, count: int) -> Any:
        """Return where the numbers of the result are, among all outputs of all runs of a row."""
        if self._places is None:
            numpy = needed('numpy', 'an array of rows')
            flat = [run * count + output for run, output in self.derived.places]
            first = flat[0] if flat else 0
            even = range(first, first + len(flat))
            self._places = slice(even.start, even.stop) if flat == [*even] else numpy.array(flat, dtype=int)
        return self._places

    _call: Callable[..., Any] | None = None
    _places: Any = None


def _joined(parts: Sequence[Any]) -> Any:
    """Return as one what came of parts of the rows."""
    if is_array(parts[0]):
        return needed('numpy', 'an array of rows').concatenate(parts)
    return [row for part in parts for row in part]


def mend(numbers: Any, rows: Any, again: Callable[[Any], Any]) -> None:
    """Ask again, more carefully, for what came of rows with a nan in it: an infinity times a 0 that is no motion."""
    doubtful = [place for place, row in enumerate(numbers) if _has_nan(row)]
    if doubtful:
        for place, row in zip(doubtful, again(rows[doubtful] if is_array(rows) else [rows[k] for k in doubtful])):
            numbers[place] = row


def _has_nan(numbers: Any) -> bool:
    if is_array(numbers):
        return len(numbers) > 0 and numbers.min() != numbers.min()
    return any(x != x for x in numbers)
