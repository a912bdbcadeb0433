"""A compiled function: the paths through it are one program; what is not worth compiling is a plain call.

>>> def f(x, y):
...     return x * y if x > y else x + y
>>> g = Function(f, backend='python')
>>> g(3.0, 2.0), g(2.0, 3.0), g(4.0, 1.0), len(g.paths)
(6.0, 5.0, 4.0, 2)
>>> g.map([3.0, 2.0], [2.0, 3.0])
[6.0, 5.0]
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial, update_wrapper
from importlib import import_module
from itertools import chain
from math import nan, prod
from threading import RLock
from typing import Any, NamedTuple, NoReturn
from warnings import warn_explicit

from .._extras import needed
from .._processes import cached_property, uncollected
from .._progress import shown
from ..derivatives.transforms import AROUND
from ..derivatives.trees import take_apart
from ..engine.checks import flag, function, said, whole
from ..engine.context import asked, holding, ieee_arithmetic
from ..engine.copying import in_order
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.origins import here
from ..engine.value import Value, births, lift
from ..engine.while_loop import LimitError
from .derived import Arguments, Derived, Evaluator, arguments_of, chain_of, put_together, taken_apart
from .guards import BranchError, BranchWarning, Guard, log, outcomes
from .ir.sweeps import prepare
from .ir.tape import Tape, tape
from .paths import Path, Unlike, merged
from .readings import ReadingError, Readings, installed
from .run.engines import check_way, folded_from
from .run.rows import stack
from .taping import LARGEST, Taping, TooLong, Untaped, bounded

__all__ = ['Function', 'Run']

#: Other numbers for the argument x at place k, on the other side of 0, and of much else: a recording that is as it
#: should be stays the same. Where the function has no value there, others are tried.
ELSEWHERE: tuple[Callable[[float, int], float], ...] = (
    lambda x, k: -2 * x - 1.5 - k / 8 if x > 0 else 3 * abs(x) + 10.5 + k,
    lambda x, k: 3 * abs(x) + 10.5 + k,
    lambda x, k: nan,
)


#: What a path costs, in times of what a plain call does for an operation: recording it, thrice; looking through it for
#: loops, with all others that it is printed with; making machine code at all, and of each operation; printing an
#: operation else. And so much, beside a first path that nobody can leave, is done before it is known whether it pays:
#: less than half a second's work.
RECORDING, FOLDING, BEGINNING, PRINTING, PRINTING_ELSE, FREE = 12, 4, 30_000, 500, 60, 400_000
#: What a plain call of a derivative does, in times of the function's.
DERIVING = 3
#: So many rows at first are asked of a new program.
SOME = 16
#: So many ways that plain calls went are kept in mind. Where ways seldom come again, the first call is asked which way
#: it went, and whether floats give the same; then one of so many, and ever fewer. The others are of floats, which are
#: quicker, and tell nobody what they are compared with.
WAYS, SELDOM = 1_000, 16
#: How a function may be recorded, beside plainly.
BOUNDED, TAPED = 'bounded', 'taped'


class Run:
    """Some paths through a function as one program: which rows go along them, and what comes of these."""

    paths: list[Path]
    derived: Derived
    evaluator: Evaluator
    size: int

    def __init__(self, paths: Sequence[Path], arguments: Arguments, on: tuple[str | None, int, bool]) -> None:
        self.paths, xs = [*paths], paths[0].xs
        outputs, missing = merged(paths)
        outside = list(dict.fromkeys(leaf for path in paths for leaf in path.outside))
        by = {*arguments.by}
        rows = [x for x, number in zip(xs, arguments.numbers) if number not in by]
        parameters = [x for x, number in zip(xs, arguments.numbers) if number in by]
        watched = [] if missing is None else [missing]
        same = {mine: x for path in paths[1:] for mine, x in zip(path.xs, xs)} if len(paths) > 1 else None
        known = paths[0].tape
        if known is None or paths[0].has_graph:
            known = prepare(outputs, rows, parameters, None, watched, outside, same, known, folded_from(on[0]))
        tape = known
        self.derived = Derived(tape, arguments, paths[0].template, outputs, xs)
        self.evaluator = Evaluator(self.derived, outside, on)
        self.size = len(tape.folded) if tape.repeats else len(tape.items)

    def results(self, rows: Any) -> tuple[Any, Sequence[int], Sequence[int]]:
        """Return the numbers of the result for rows that go along one of the paths; which do, and which do not."""
        numbers, missing = self.evaluator(rows)
        everyone = range(len(rows))
        if not self.derived.tape.watched:
            return numbers, everyone, ()
        if is_array(missing):
            if not missing.any():
                return numbers, everyone, ()
            misses = missing[:, 0] != 0
            return numbers[~misses], (~misses).nonzero()[0].tolist(), misses.nonzero()[0].tolist()
        taken = [place for place, (flag,) in enumerate(missing) if flag == 0]
        return [numbers[place] for place in taken], taken, [place for place, (flag,) in enumerate(missing) if flag != 0]


class Answers(NamedTuple):
    """What came of some rows: a result with 0 for each number, what makes one of numbers; these, and the places."""

    template: Any
    build: Callable[[Sequence[Any]], Any]
    numbers: Any
    places: Sequence[int]
    #: Whether a result is a thing of its own, and no structure of numbers.
    whole: bool = False


class Function:
    """A function of numbers that replays what it recorded; see ``compile``."""

    __name__: str
    __qualname__: str
    f: Callable[..., Any]
    backend: str | None
    threads: int
    fast: bool
    most_paths: int
    _told: bool = False
    _latest: Callable[..., Any]

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
        self._ways: dict[Hashable, _Ways] = {}
        self._lock = RLock()
        #: The engines' short ways of calls, by how many arguments there were, and the type of the first; they look at
        #: the rest, and return None for others.
        self._short: dict[Any, list[Callable[..., Any]]] = {}
        self._latest = _unknown

    @property
    def paths(self) -> list[Path]:
        """All paths recorded so far."""
        return [path for ways in self._ways.values() for path in ways.paths]

    @property
    def programs(self) -> list[Run]:
        """What was printed of them: mostly one for all paths of arguments of one structure."""
        return [run for ways in self._ways.values() for run in ways.runs]

    @property
    def source(self) -> str:
        """What was printed, one program after the other; whether a row has a path in it comes last."""
        return '\n'.join(run.evaluator.source for run in self.programs)

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, with floats."""
        found = self._latest(*arguments)
        return self._called(arguments) if found is None else found

    def _called(self, arguments: tuple[Any, ...]) -> Any:
        """Do the same for arguments that the latest short way does not know."""
        kind = (len(arguments), type(arguments[0])) if arguments else None
        doors = self._short.get(kind, ())
        for door in doors:
            found = door(*arguments)
            if found is not None:
                self._latest = door if len(doors) == 1 else self._latest
                return found
        row, build = self._row(arguments)
        ways = self._known(_structure(arguments), arguments)
        answers = next(ways.answers([row]))
        like = build([0.0] * len(row))
        self._short[kind] = [call for run in ways.runs if (call := run.evaluator.call(like))]
        self._latest = self._short[kind][0] if len(self._short[kind]) == 1 else _unknown
        return answers.build(answers.numbers[0])

    def _known(self, key: Hashable, arguments: tuple[Any, ...]) -> _Ways:
        if key not in self._ways:
            row, build = self._row(arguments)
            self._ways[key] = _Ways(self, build, len(row))
        return self._ways[key]

    def __reduce__(self) -> Any:
        """Pickle it by name where a module has it under its name, else by what it is made of; and its paths.

        Paths that read a Value from outside stay here: there it is another one. So do those of which no graph was kept.
        """
        ways = [way for way in [*self._ways.values()] if all(p.has_graph and not p.outside for p in way.paths)]
        nodes = [node for known in ways for path in known.paths for node in (*path.outputs, *path.sides)]
        paths = [[path._replace(tape=None) for path in known.paths] for known in ways]  # it is soon made again
        state = in_order(*nodes), [(known.build([0.0] * known.width), some) for known, some in zip(ways, paths)]
        if _named(self.__module__, getattr(self, '__qualname__', ''), None) is self:
            return _named, (self.__module__, self.__qualname__), state
        base, chain = taken_apart(self.f)
        steps = [(step.kind, step.argument, step.mode) for step in chain]
        return _compiled, (base, steps, self.backend, self.threads, self.fast, self.most_paths), state

    def __setstate__(self, state: Any) -> None:
        for arguments, paths in state[1]:
            key = _structure(arguments)
            if key not in self._ways:
                self._known(key, arguments).take(paths)

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
        key = _structure(first)
        for place, argument in enumerate(arguments):
            if is_array(argument):
                array_of_numbers(argument, f'the arguments[{place}]')
        together = all(is_array(argument) for argument in arguments)
        if together:
            numpy = needed('numpy', 'an array of rows')

            tables = [argument.reshape(len(argument), prod(argument.shape[1:])) for argument in arguments]
            rows: Any = numpy.column_stack(tables) if len(tables) > 1 else tables[0]
        else:
            rows = []
            for place, items in enumerate(zip(*arguments)):
                if _structure(items) != key:
                    raise ValueError(f'row {place} has not the structure of row 0: {items!r} and {first!r}')
                rows.append(self._row(items)[0])
        parts = [*self._known(key, first).answers(rows)] if len(rows) else []
        if not together or any(part.whole for part in parts):
            found: list[Any] = [None] * len(rows)
            for part in parts:
                for place, outputs in zip(part.places, part.numbers):
                    found[place] = part.build(outputs)
            return found
        templates = {_structure(part.template): part.template for part in parts}
        if len(templates) > 1:
            kinds = ' or '.join(map(repr, templates.values()))
            raise ValueError(f'{self.__name__} returns {kinds}: give lists of rows')
        template = next(iter(templates.values()), 0.0)
        build = take_apart(template, nested=True)[1]
        if len(parts) == 1 and is_array(parts[0].numbers):
            return stack(parts[0].numbers, template, build)
        numbers = numpy.empty((len(rows), len(parts[0].numbers[0]) if parts else 1))
        for part in parts:
            numbers[part.places] = part.numbers
        return stack(numbers, template, build)

    def _row(self, arguments: tuple[Any, ...]) -> tuple[list[float], Callable[..., Any]]:
        numbers, build = take_apart(arguments, 'the arguments', objects=False)
        for number in numbers:
            if isinstance(number, Value):
                raise TypeError(
                    f'a compiled function takes numbers, not {number!r}: its graph ends here; '
                    'call the function itself, which records'
                )
        return [*map(float, numbers)], build

    def _closed_over(self, first: _Recording) -> Path:
        """Return the path of a recording, with the leaves from outside; refuse what is another for other numbers.

        Recorded again, with all branches as before, the graph must be the same, whatever
        the arguments are: else it depends on them, or on something else, beside the graph.
        """
        size, other = len(first.tape.items), None  # taped before it is recorded again
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
        parameters = [leaf for leaf in other.leaves if leaf in first.leaves]
        if any(other.leaves[leaf] != first.leaves[leaf] for leaf in parameters):
            self._refuse('found a Value from outside changed')
        if wrong := first.difference(other):
            self._refuse(wrong)
        taped: Tape | None = other.tape
        if other.is_taped:
            taped = first.tape  # the same, and folded already
        elif first.guards or len(parameters) < len(other.leaves):  # what was made anew is not from outside
            taped = None
        return Path(tuple(first.guards), other.sides, other.outputs, other.template, other.xs, parameters, size, taped)

    def _refuse(self, what: str, cause: Exception | None = None) -> NoReturn:
        raise ValueError(
            f'{self.__name__} cannot be replayed: recorded again for other numbers, along the same branches, '
            f'it {what}. Something leaves the graph: .data or the text of a Value, a random number, '
            'or a state that changes'
        ) from cause

    def _tell(self, count: int, guards: Iterable[Guard]) -> None:
        """Say, once, that paths are many, and which of what they compare is most of it."""
        if self._told:
            return
        self._told = True
        lines = Counter(guard.origin for guard in guards)
        line = ''
        for origin, _ in lines.most_common(1):
            line = f', most of them by the branch at {origin}: {origin.source}'
        caller = here()
        warn_explicit(
            f'{self.__name__} took {count} different paths{line}. To compile more of them does not pay yet: rows '
            'that take another one are computed as without compile(). With where(), max() or while_loop() of '
            'microgradnet.functions in place of the branch there is one path only',
            BranchWarning, caller.file, caller.line,
        )  # fmt: skip


class _Seen:
    """A way that plain calls went: how often, and the row that went it last."""

    count = 0
    row: list[float]


class _Ways:
    """What is known of a function for arguments of one structure: its paths, and the programs that go along them.

    What compares nothing has one path, which is printed at the first call. Else a row that goes along no path is
    recorded at once and printed with the others as one program, as long as that is little work. From then on it is a
    plain call, of which is kept which way it went; ways that come again are recorded, and all printed anew, when plain
    calls along them have done as much as that takes, the first one when it comes again at all. So what never comes
    again is never printed, and no more work is done than twice that of plain calls.
    """

    def __init__(self, function: Function, build: Callable[..., Any], width: int) -> None:
        self.function, self.build, self.width, self.base = function, build, width, function._base
        arguments = arguments_of(function._chain, build(range(width)))
        if arguments is None:
            self.base, arguments = function.f, arguments_of([], build(range(width)))
            assert arguments is not None
        self.arguments = arguments
        self.is_sparse = bool(arguments.steps) and arguments.steps[-1].kind.startswith('sparse')
        self.paths: list[Path] = []
        self.runs: list[Run] = []
        self.seen: dict[bytes, _Seen] = {}
        #: Those of them that were gone so often that they would have paid for themselves.
        self.often: dict[bytes, _Seen] = {}
        #: What was done for paths beside the first, and by plain calls; and what the function itself does in one.
        self.spent = self.plain = self.size = 0
        #: What the first recording compared.
        self.guards: Sequence[Guard] = ()
        #: Whether plain calls may be of floats, for how many one stands that is not, and how many come before it.
        self.takes_floats = not (arguments.steps or any(map(_has_array, build(range(width)))))
        self.stands, self.until = 1, 0

    def answers(self, rows: Any) -> Iterator[Answers]:
        """Yield what comes of the rows, those together that go along the paths of one program."""
        before = self.runs
        left: Sequence[int] = range(len(rows))
        for run in before:
            if left:
                left = yield from self._along(run, rows, left)
        waiting, size = deque(left), SOME
        while waiting:  # some at a time, so that not all are asked again whenever something was printed
            left = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            known, size = self.runs, 2 * size
            for run in known if known is not before else ():
                if left:
                    left = yield from self._along(run, rows, left)
            asked = [*reversed(left)]
            while asked and self.runs is known:
                place = asked.pop()
                row = rows[place].astype(float).tolist() if is_array(rows) else [*map(float, rows[place])]
                with _of_row(place), self.function._lock:
                    made, answer = self._learn(row)
                    if not made and not answer:  # a last digit of the backend's says that it goes another way
                        answer = self._plainly(row)
                if answer and not made:
                    yield answer._replace(places=[place])
                else:
                    asked.append(place)
                    size = SOME
            waiting.extendleft(asked)

    def _along(self, run: Run, rows: Any, left: Sequence[int]) -> Generator[Answers, None, Sequence[int]]:
        """Yield what comes of the rows that go along the paths of a program; return the others."""
        given = rows if len(left) == len(rows) else rows[left] if is_array(rows) else [rows[place] for place in left]
        try:
            numbers, taken, misses = run.results(given)
        except LimitError as error:
            raise LimitError(error.loop, error.limit, None if error.row is None else left[error.row]) from None
        if taken:
            places = left if not misses else [left[place] for place in taken]
            yield Answers(run.derived.template, run.derived.build, numbers, places, run.derived.is_sparse)
        return [left[place] for place in misses]

    def _learn(self, row: list[float]) -> tuple[Run | None, Answers | None]:
        """Take in a row that goes along no path; return a new program, and what came of the row, if either is there."""
        if not (self.paths or self.guards):
            return self._first(row)
        room = self.function.most_paths - len(self.paths)
        if room > 0 and self.spent + self._cost(1) <= FREE:
            return self._recorded([row])
        answer = self._plainly(row)
        if room <= 0 or self.plain > FREE:
            compared = (guard for path in self.paths for guard in path.guards) if self.paths else self.guards
            self.function._tell(len(self.paths) or len(self.seen), compared)
        most = sorted(self.often.items(), key=lambda pair: -pair[1].count)[: max(room, 0)]
        if not most or not self._pays([way for _, way in most]):
            return None, answer
        made, _ = self._recorded([way.row for _, way in most])
        for key, _ in most:
            del self.seen[key], self.often[key]
        return made, answer

    def _first(self, row: list[float]) -> tuple[Run | None, Answers | None]:
        """Record the first row; print it, unless it is one of many paths, perhaps, and much work."""
        with self._recording():
            first = self._record(row)
            self.size = first.size
            if not first.guards or self._cost(1) <= FREE:
                return self._printed([first])
        self.guards = first.guards
        if self.arguments.steps:
            return None, self._plainly(row)
        self._note(bytes(guard.held for guard in first.guards), row)
        return None, first.answer()

    def _pays(self, ways: Sequence[_Seen]) -> bool:
        """Tell whether plain calls along some ways have done as much as compiling them would."""
        count = sum(way.count for way in ways)
        return count * self._work >= self._cost(len(ways)) if self.paths else count > 1

    @property
    def _work(self) -> int:
        """What a plain call does."""
        return self.size * (DERIVING if self.arguments.steps else 1)

    def _cost(self, paths: int) -> int:
        """What so many more paths cost, printing all others anew: each adds about as much as each that is there.

        Of the first one it adds what lies between two comparisons: a little too little, where that is not known better.
        Of loops it adds others, for what follows a comparison has other turns. Whether the first one has loops is not
        known before.
        """
        is_native = self.function.backend in (None, 'native')
        start, printing = (BEGINNING, PRINTING) if is_native else (0, PRINTING_ELSE)
        printed = sum(run.size for run in self.runs)
        known, new = 0 if self.is_sparse else len(self.paths), self.size
        if self.paths:
            new = printed // (len(self.paths) + (len(self.paths[0].guards) if printed >= self.size else 0))
        made = start + printing * (new * paths + printed * (not self.is_sparse))
        return RECORDING * self.size * paths + FOLDING * self.size * (known + paths) + made

    @contextmanager
    def _recording(self) -> Iterator[None]:
        with installed(), uncollected(), shown(f'compiling {self.function.__name__}, path {len(self.paths) + 1}'):
            yield

    def _record(self, row: list[float]) -> _Recording:
        """Record a row: straight onto a tape what turns out to be long, if it can be taped."""
        record = partial(_Recording, self.function.__name__, self.base, self.arguments, row)
        if self.arguments.numbers and not self.is_sparse:
            try:
                return record(way=BOUNDED)
            except TooLong:
                with suppress(Untaped):
                    return record(way=TAPED)
        return record()

    def _recorded(self, rows: Sequence[list[float]]) -> tuple[Run | None, Answers | None]:
        """Record and print the paths of some rows; return the program, and what came of the last row."""
        self.spent += self._cost(len(rows)) if self.paths else 0
        with self._recording():
            return self._printed(map(self._record, rows))

    def _printed(self, recordings: Iterable[_Recording]) -> tuple[Run | None, Answers | None]:
        new: list[Path] = []
        for first in recordings:
            held = [guard.held for guard in first.guards]
            if all(held != [guard.held for guard in path.guards] for path in (*self.paths, *new)):
                new.append(self.function._closed_over(first))
        return self.take(new), None if self.arguments.steps else first.answer()

    def take(self, new: Sequence[Path]) -> Run | None:
        """Print paths with those that there are; return the last program that was made."""
        if not self.paths and new:
            self.size, self.guards = new[0].size, new[0].guards
        made = None
        for shape in dict.fromkeys(_structure(path.template) for path in new):
            alike = [path for path in new if _structure(path.template) == shape]
            for paths in [[path] for path in alike] if self.is_sparse else [alike]:
                made = self._run(paths, shape)
        self.paths = [*self.paths, *new]
        return made

    def _plainly(self, row: list[float]) -> Answers:
        """Call the function itself, and keep in mind which way it went, unless ways are too many to be asked for."""
        of_floats = self._of_floats(row) if self.takes_floats and self.plain > FREE else None
        if of_floats and self.until:
            self.until -= 1
            return of_floats
        with ieee_arithmetic(), outcomes() as went:
            if self.arguments.steps:
                result = self.function.f(*self.build(row))
            else:
                result = self.base(*self.arguments.build([Value(row[number]) for number in self.arguments.numbers]))
        self._note(bytes(went), row, self.stands if of_floats and self.paths else 1)
        if of_floats:
            self.stands = max(SELDOM, self.stands + self.stands // SELDOM)
            self.until = self.stands - 1
        if self.is_sparse:
            return Answers(result, lambda numbers: numbers, [result], [], True)
        answer = _answer(result)
        if of_floats and repr(answer.numbers) != repr(of_floats.numbers):  # it asks what its numbers are, or abs of a
            self.takes_floats = False  # complex number, which Python has for a root where the engine has nan
        return answer

    def _of_floats(self, row: list[float]) -> Answers | None:
        """Call the function with floats; None where they cannot do what Values can."""
        arguments = self.arguments.build([row[number] for number in self.arguments.numbers])
        try:
            with ieee_arithmetic():
                answer = _answer(self.base(*[x.astype(object) if is_array(x) else x for x in arguments]))
        except (ArithmeticError, ValueError):  # Python's own, where IEEE's go on
            return None
        except Exception:
            self.takes_floats = False
            return None
        self.plain += self._work
        return answer

    def _note(self, key: bytes, row: list[float], times: int = 1) -> None:
        """Keep in mind which way a plain call went, or so many, of which one was asked."""
        self.plain += self._work
        if len(self.seen) >= WAYS:
            self.seen = {**self.often}
        way = self.seen.setdefault(key, _Seen())
        way.count, way.row = way.count + (times if way.count else 1), row  # met once, nobody knows how often it comes
        if way.count * self._work >= self._cost(1) - self._cost(0) or (not self.paths and way.count > 1):
            self.often[key] = way

    def _run(self, paths: list[Path], shape: Hashable) -> Run:
        """Print paths, as one program with others of the same structure where that can be."""
        function = self.function
        on = function.backend, function.threads, function.fast
        for run in self.runs:
            if not self.is_sparse and run.size <= LARGEST and _structure(run.paths[0].template) == shape:
                with suppress(Unlike):
                    both = Run([*run.paths, *paths], self.arguments, on)
                    self.runs = [both if other is run else other for other in self.runs]
                    return both
        made = Run(paths, self.arguments, on)
        self.runs = [*self.runs, made]
        return made


def _named(module: str, name: str, *missing: Any) -> Any:
    """Return what a module has under a name, which may have dots; imported, if nothing is said for what is missing."""
    found = sys.modules.get(module) if missing else import_module(module)
    for part in name.split('.'):
        found = getattr(found, part, *missing)
    return found


def _compiled(
    f: Callable[..., Any], steps: Sequence[Any], backend: str | None, threads: int, fast: bool, most_paths: int
) -> Function:
    made = put_together(f, steps)
    return Function(made, backend=backend, threads=threads, fast=fast, most_paths=most_paths)


@contextmanager
def _of_row(place: int) -> Iterator[None]:
    """Say of a loop that reaches its limit here that it is a row's."""
    try:
        yield
    except LimitError as error:
        raise LimitError(error.loop, error.limit, place) from None


class _Recording:
    """What a function did with Values of some numbers.

    With ``outcomes``, it is made along the branches of another recording, and ``move`` says what
    numbers Values from outside show. ``way`` may be ``BOUNDED``, to raise TooLong once that is many operations and
    nothing was compared, or ``TAPED``, to keep no graph, or raise Untaped.
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        arguments: Arguments,
        row: list[float],
        outcomes: Sequence[bool] | None = None,
        move: Callable[[float, int], float] | None = None,
        way: str = '',
    ) -> None:
        self.name, self.f, self.arguments, self.row = name, f, arguments, row
        given, before = [row[number] for number in arguments.numbers], next(births)
        by = {*arguments.by}
        taping = Taping(name, [number in by for number in arguments.numbers]) if way == TAPED else None
        with taping or nullcontext(), log(outcomes) as written:
            self.xs = taping.leaves(given) if taping else [*map(Value, given)]
            around = (*AROUND.get(), *self.xs) if arguments.steps else AROUND.get()
            limits = bounded(LARGEST, written.guards) if way == BOUNDED else nullcontext()
            with (
                holding(AROUND, around), holding(asked, asked.get() + arguments.order),
                limits, ieee_arithmetic(), Readings(name, self.xs, move),
            ):  # fmt: skip
                result = f(*arguments.build(self.xs))
            outputs, self.build = take_apart(result, 'the result')
            self.outputs = [*map(lift, outputs)]
            if taping:
                self._taped = taping.tape(self.outputs, written.sides), {}
        self.template = self.build([0.0] * len(outputs))
        self.sides, self.guards = written.sides, written.guards
        self.shape = _structure(self.template), [guard.relation for guard in self.guards]
        self.numbers = [float(y._data) for y in self.outputs]
        #: About how many operations there are.
        self.size = len(self.tape.items) if taping else next(births) - before
        self.is_first, self.is_taped = outcomes is None, taping is not None
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

    def again(self, move: Callable[[float, int], float]) -> _Recording:
        """Record it for other numbers, along the same branches."""
        row = [move(x, k) for k, x in enumerate(self.row)]
        held = [guard.held for guard in self.guards]
        record = partial(_Recording, self.name, self.f, self.arguments, row, held, move)
        if self.is_taped and self.tape.repeats:  # straight code is made of the graph
            with suppress(Untaped):
                return record(way=TAPED)
        return record()

    def answer(self) -> Answers:
        """Return what came of it."""
        return Answers(self.template, self.build, [self.numbers], [])

    def difference(self, other: _Recording) -> str | None:
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

    def _ends(self, other: _Recording) -> list[str]:
        """Say what the leaves are: those that both recordings have themselves, of others their numbers."""
        return [f'leaf {id(x)}' if x in other.leaves else float(x._data).hex() for x in self.leaves]


def _unknown(*arguments: Any) -> None:
    """Know no call: the short way of a function that has none."""


def _has_array(argument: Any) -> bool:
    """Tell whether there are arrays inside of an argument."""
    parts = argument.values() if isinstance(argument, dict) else argument
    return not is_array(argument) and hasattr(parts, '__iter__') and any(is_array(x) or _has_array(x) for x in parts)


def _answer(result: Any) -> Answers:
    """Return the result of a plain call as if a program had given it."""
    numbers, build = take_apart(result, 'the result', nested=True)
    found = [float(number._data if isinstance(number, Value) else number) for number in numbers]
    return Answers(build([0.0] * len(found)), build, [found], [])


def _structure(thing: Any) -> Any:
    """Describe a structure of numbers, so that structures that look alike are equal."""
    if is_array(thing):
        return 'array', thing.shape
    if isinstance(thing, dict):
        return type(thing), tuple((key, _structure(part)) for key, part in thing.items())
    if isinstance(thing, (list, tuple)):
        return type(thing), tuple(map(_structure, thing))
    return 'number'
