"""A compiled function: the paths through it are one program; what is not worth compiling is a plain call.

>>> def f(x, y):
...     if x > y:
...         return [x * y]
...     return x + y
>>> g = Function(f, backend='python')
>>> g(3.0, 2.0), g(2.0, 3.0), g(4.0, 1.0), len(g.paths)
([6.0], 5.0, [4.0], 2)
>>> g.map([3.0, 2.0], [2.0, 3.0])
[[6.0], 5.0]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from functools import update_wrapper
from importlib import import_module
from math import prod
from typing import Any

from .._extras import needed
from ..derivatives.trees import structure_of, take_apart
from ..engine.checks import flag, function, said, whole
from ..engine.copying import in_order
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.value import Value
from .derived import put_together, taken_apart
from .paths import Path
from .run.backends import check_way
from .run.rows import stack
from .ways import Run, Subject, Ways

__all__ = ['Function']


class Function:
    """A function of numbers that replays what it recorded; see ``compile``."""

    __name__: str
    __qualname__: str
    f: Callable[..., Any]
    backend: str | None
    threads: int
    fast: bool
    most_paths: int
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
        self._subject = Subject(f, self.__name__, (backend, threads, fast), most_paths)
        self._ways: dict[Hashable, Ways] = {}
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
        ways = self._known(structure_of(arguments), arguments)
        answers = next(ways.answers([row]))
        like = build([0.0] * len(row))
        self._short[kind] = [call for run in ways.runs if (call := run.evaluator.call(like))]
        self._latest = self._short[kind][0] if len(self._short[kind]) == 1 else _unknown
        return answers.build(answers.numbers[0])

    def _known(self, key: Hashable, arguments: tuple[Any, ...]) -> Ways:
        if key not in self._ways:
            row, build = self._row(arguments)
            self._ways[key] = Ways(self._subject, build, len(row))
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
            key = structure_of(arguments)
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
        key = structure_of(first)
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
                if structure_of(items) != key:
                    raise ValueError(f'row {place} has not the structure of row 0: {items!r} and {first!r}')
                rows.append(self._row(items)[0])
        parts = [*self._known(key, first).answers(rows)] if len(rows) else []
        if not together or any(part.whole for part in parts):
            found: list[Any] = [None] * len(rows)
            for part in parts:
                for place, outputs in zip(part.places, part.numbers):
                    found[place] = part.build(outputs)
            return found
        templates = {structure_of(part.template): part.template for part in parts}
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


def _unknown(*arguments: Any) -> None:
    """Know no call: the short way of a function that has none."""
