"""The ways through a function: which are compiled, and which are plain calls, as that is less work.

>>> from .function import Function
>>> def f(x):
...     for k in range(3):
...         if x > k:
...             return x * k
...     return -x
>>> g = Function(f, backend='python')
>>> [g(3.0), g(1.5), g(-3.0)], [len(run.paths) for run in g.programs]
([0.0, 0.0, 3.0], [2])
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import RLock
from typing import Any
from warnings import warn_explicit

from .._processes import uncollected
from .._progress import shown
from ..derivatives.transforms import Derivative
from ..derivatives.trees import structure_of
from ..engine.context import ieee_arithmetic
from ..engine.functions import is_array
from ..engine.origins import Origin, here
from ..engine.value import Value
from ..engine.while_loop import LimitError
from .derived import Arguments, Derived, Evaluator, arguments_of, chain_of
from .guards import BranchWarning, Guard, log, outcomes
from .ir.sweeps import prepare
from .joining import Joined
from .paths import Path, Unlike, merged
from .readings import installed
from .recorded import BOUNDED, TAPED, Answers, Recording, answer_of
from .run.backends import folded_from
from .taping import LARGEST, TooLong, Untaped

__all__ = ['Run', 'Subject', 'Ways']

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
#: So many paths are looked through for an ``if`` whose sides can be joined, if there is none before; all sides may come
#: to so many times the operations of one path, and a few.
LOOKS, DOUBLED, FEW = 3, 10, 300


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


class Subject:
    """A function to compile, taken apart into the one below and its derivatives; and how it is to be done."""

    f: Callable[..., Any]
    name: str
    most_paths: int
    base: Callable[..., Any]
    chain: list[Derivative]
    told: bool

    def __init__(self, f: Callable[..., Any], name: str, on: tuple[str | None, int, bool], most_paths: int) -> None:
        self.f, self.name, self.most_paths = f, name, most_paths
        self.base, self.chain = chain_of(f)
        #: The backend, how many threads, and whether it may be fast.
        self.on = on
        self.lock = RLock()
        self.told = False

    def tell(self, count: int, guards: Iterable[Guard]) -> None:
        """Say, once, that paths are many, and which of what they compare is most of it."""
        if self.told:
            return
        self.told = True
        lines = Counter(guard.origin for guard in guards)
        line = ''
        for origin, _ in lines.most_common(1):
            line = f', most of them by the branch at {origin}: {origin.source}'
        caller = here()
        warn_explicit(
            f'{self.name} took {count} different paths{line}. To compile more of them does not pay yet: rows '
            'that take another one are computed as without compile(). With where(), max() or while_loop() of '
            'microgradnet.functions in place of the branch there is one path only',
            BranchWarning, caller.file, caller.line,
        )  # fmt: skip


class _Seen:
    """A way that plain calls went: how often, and the row that went it last."""

    count = 0
    row: list[float]


class Ways:
    """What is known of a function for arguments of one structure: its paths, and the programs that go along them.

    What compares nothing has one path, which is printed at the first call. Else a row that goes along no path is
    recorded at once and printed with the others as one program, as long as that is little work. From then on it is a
    plain call, of which is kept which way it went; ways that come again are recorded, and all printed anew, when plain
    calls along them have done as much as that takes, the first one when it comes again at all. So what never comes
    again is never printed, and no more work is done than twice that of plain calls.
    """

    subject: Subject
    build: Callable[..., Any]
    width: int
    base: Callable[..., Any]
    is_sparse: bool
    spent: int
    plain: int
    size: int
    takes_floats: bool
    stands: int
    until: int
    looks: int
    lines: set[tuple[str, int]]

    def __init__(self, subject: Subject, build: Callable[..., Any], width: int) -> None:
        self.subject, self.build, self.width, self.base = subject, build, width, subject.base
        arguments = arguments_of(subject.chain, build(range(width)))
        if arguments is None:
            self.base, arguments = subject.f, arguments_of([], build(range(width)))
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
        #: How many more paths are looked through for what can be joined, and the lines where something was.
        self.looks, self.lines = LOOKS, set[tuple[str, int]]()

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
                with _of_row(place), self.subject.lock:
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
        room = self.subject.most_paths - len(self.paths)
        if room > 0 and self.spent + self._cost(1) <= FREE:
            return self._recorded([row])
        answer = self._plainly(row)
        if room <= 0 or self.plain > FREE:
            compared = (guard for path in self.paths for guard in path.guards) if self.paths else self.guards
            self.subject.tell(len(self.paths) or len(self.seen), compared)
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
        is_native = self.subject.on[0] in (None, 'native')
        start, printing = (BEGINNING, PRINTING) if is_native else (0, PRINTING_ELSE)
        printed = sum(run.size for run in self.runs)
        known, new = 0 if self.is_sparse else len(self.paths), self.size
        if self.paths:
            new = printed // (len(self.paths) + (len(self.paths[0].guards) if printed >= self.size else 0))
        made = start + printing * (new * paths + printed * (not self.is_sparse))
        return RECORDING * self.size * paths + FOLDING * self.size * (known + paths) + made

    @contextmanager
    def _recording(self) -> Iterator[None]:
        with installed(), uncollected(), shown(f'compiling {self.subject.name}, path {len(self.paths) + 1}'):
            yield

    def _record(self, row: list[float]) -> Recording:
        """Record a row: straight onto a tape what turns out to be long, if it can be taped."""
        given_up: list[Value] = []
        record = partial(Recording, self.subject.name, self.base, self.arguments, row, given_up=given_up)
        if self.arguments.numbers and not self.is_sparse:
            try:
                return self._joined(record(way=BOUNDED))
            except TooLong:
                with suppress(Untaped):
                    return record(way=TAPED)
        return self._joined(record())

    def _joined(self, plain: Recording) -> Recording:
        """Record with both sides joined where that can be, if the numbers are the same; else return what is there."""
        if not plain.guards or not self.looks:
            return plain
        f = Joined(self.base, DOUBLED * plain.size + FEW)
        if not f.is_rewritten:
            self.looks = 0
            return plain
        with suppress(Exception):
            joined = Recording(self.subject.name, f, self.arguments, plain.row, given_up=[*plain.xs])
            joined.instead = plain
            if not f.joins and not self.lines:
                self.looks -= 1
                return plain
            f.plainly.check((*joined.outputs, *joined.sides))
            if joined.shape[0] == plain.shape[0] and repr(joined.numbers) == repr(plain.numbers):
                self.lines |= f.lines
                return joined
        self._separate()
        return plain

    def _path(self, first: Recording) -> Path | None:
        """Return the path of a recording; None if something was joined in it, and says something else elsewhere."""
        if first.f is self.base:
            return first.path()
        with suppress(ValueError):
            path = first.path()
            held, lines = [guard.held for guard in first.guards], first.f.lines  # type: ignore[attr-defined]
            if any(isinstance(guard.origin, Origin) and guard.origin.place in lines for guard in first.guards):
                return path  # what is a branch, too, is perhaps not joined each time
            found = repr(path.template), repr([float(y._data) for y in path.outputs])
            if not path.xs or found == self._said([Value(x._data) for x in path.xs], held, lines):
                return path
        return None

    def _said(self, xs: Sequence[Value], held: Sequence[bool], lines: Collection[tuple[str, int]]) -> Any:
        """Return what the function says along some branches, those on some lines as they come; or what it raises."""
        try:
            with log(held, lines), ieee_arithmetic():
                answer = answer_of(self.base(*self.arguments.build(xs)))
        except Exception as error:
            return error
        return repr(answer.template), repr(answer.numbers[0])

    def _separate(self) -> None:
        """Join nothing any more, and forget what was joined."""
        if self.lines:
            self.paths, self.runs, self.seen, self.often = [], [], {}, {}
        self.looks, self.lines = 0, set()

    def _recorded(self, rows: Sequence[list[float]]) -> tuple[Run | None, Answers | None]:
        """Record and print the paths of some rows; return the program, and what came of the last row."""
        self.spent += self._cost(len(rows)) if self.paths else 0
        with self._recording():
            return self._printed(map(self._record, rows))

    def _printed(self, recordings: Iterable[Recording]) -> tuple[Run | None, Answers | None]:
        made: list[tuple[Recording, Path]] = []
        for first in recordings:
            held = [guard.held for guard in first.guards]
            if any(held == [guard.held for guard in path.guards] for path in self.paths):
                continue
            if any(held == [guard.held for guard in other.guards] for other, _ in made if other.f is first.f):
                continue
            path = self._path(first)
            if path is None:
                self._separate()
                assert first.instead is not None
                first = first.instead
                path = first.path()
            made.append((first, path))
        new = [path for other, path in made if self.looks or other.f is self.base]
        return self.take(new), None if self.arguments.steps else first.answer()

    def take(self, new: Sequence[Path]) -> Run | None:
        """Print paths with those that there are; return the last program that was made."""
        if not self.paths and new:
            self.size, self.guards = new[0].size, new[0].guards
        made = None
        for shape in dict.fromkeys(structure_of(path.template) for path in new):
            alike = [path for path in new if structure_of(path.template) == shape]
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
        with ieee_arithmetic(), outcomes(self.lines) as went:
            if self.arguments.steps:
                result = self.subject.f(*self.build(row))
            else:
                result = self.base(*self.arguments.build([Value(row[number]) for number in self.arguments.numbers]))
        self._note(bytes(went), row, self.stands if of_floats and self.paths else 1)
        if of_floats:
            self.stands = max(SELDOM, self.stands + self.stands // SELDOM)
            self.until = self.stands - 1
        if self.is_sparse:
            return Answers(result, lambda numbers: numbers, [result], [], True)
        answer = answer_of(result)
        if of_floats and repr(answer.numbers) != repr(of_floats.numbers):  # it asks what its numbers are, or abs of a
            self.takes_floats = False  # complex number, which Python has for a root where the engine has nan
        return answer

    def _of_floats(self, row: list[float]) -> Answers | None:
        """Call the function with floats; None where they cannot do what Values can."""
        arguments = self.arguments.build([row[number] for number in self.arguments.numbers])
        try:
            with ieee_arithmetic():
                answer = answer_of(self.base(*[x.astype(object) if is_array(x) else x for x in arguments]))
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
        for run in self.runs:
            if not self.is_sparse and run.size <= LARGEST and structure_of(run.paths[0].template) == shape:
                with suppress(Unlike):
                    both = Run([*run.paths, *paths], self.arguments, self.subject.on)
                    self.runs = [both if other is run else other for other in self.runs]
                    return both
        made = Run(paths, self.arguments, self.subject.on)
        self.runs = [*self.runs, made]
        return made


@contextmanager
def _of_row(place: int) -> Iterator[None]:
    """Say of a loop that reaches its limit here that it is a row's."""
    try:
        yield
    except LimitError as error:
        raise LimitError(error.loop, error.limit, place) from None


def _has_array(argument: Any) -> bool:
    """Tell whether there are arrays inside of an argument."""
    parts = argument.values() if isinstance(argument, dict) else argument
    return not is_array(argument) and hasattr(parts, '__iter__') and any(is_array(x) or _has_array(x) for x in parts)
