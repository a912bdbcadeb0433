"""Paths through a function, as one program: what several share is computed once, and comparisons choose.

Each path is a recording: what was compared, and what came of it. They make a tree, whose forks are comparisons.
Its outputs are choices between those of both sides, and one more output is 1 where a row comes to a side that no path
has taken yet.

>>> from ..engine.value import Value
>>> from ..engine.walks import topological_order
>>> from .comparisons import Guard, Said
>>> x = Value(3.0)
>>> line = Said('line 1', 'if x > 1:', ())
>>> low = Path((Guard('gt', False, line),), [x, lift(1.0)], [x + x], 0.0, [x], [])
>>> high = Path((Guard('gt', True, line),), [x, lift(1.0)], [x * x], 0.0, [x], [])
>>> [y], missing = merged([low, high])
>>> [node.op.name for node in topological_order(y) if node.op]
['mul', 'add', 'choose_gt']
>>> missing.data, merged([low])[1].op.name
(0.0, 'choose_gt')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from ..engine.context import comparisons, holding
from ..engine.value import Value, lift
from .comparisons import BranchError, Guard, Log
from .ir.choices import chosen
from .ir.tape import Tape

__all__ = ['Path', 'Unlike', 'answered', 'merged']


class Path(NamedTuple):
    """One way through a function: its comparisons with both sides of each, and its outputs."""

    guards: tuple[Guard, ...]
    sides: list[Value]
    outputs: list[Value]
    template: Any
    #: The arguments' numbers, and the leaves from outside.
    xs: list[Value]
    outside: list[Value]
    #: How many operations were recorded.
    size: int = 0
    #: The tape of the outputs, where nothing is compared.
    tape: Tape | None = None

    @property
    def has_graph(self) -> bool:
        """Whether there is more of it than the tape."""
        return self.tape is None or self.tape.outputs == len(self.outputs)


class Unlike(ValueError):
    """Paths are not those of one function that compares the same until it goes another way."""


#: Whether there is no path.
PRESENT, ABSENT = lift(0.0), lift(1.0)


class _Fork:
    """A comparison, and what comes of it: another one, a path, or nothing yet."""

    def __init__(self, path: Path, depth: int) -> None:
        guard, (a, b) = path.guards[depth], path.sides[2 * depth : 2 * depth + 2]
        self.guard, self.a, self.b = guard, a, b
        self.ways: dict[bool, _Node] = {True: None, False: None}


_Node: TypeAlias = '_Fork | Path | None'


def merged(paths: Sequence[Path]) -> tuple[list[Value], Value | None]:
    """Return the outputs of several paths as one, and what is 1 where there is no path; None if nothing is compared.

    Raises Unlike for paths that cannot be those of one function. It takes O(operations).
    """
    root = _tree(paths)
    if isinstance(root, Path):
        return root.outputs, None
    *outputs, missing = _chosen(root)
    return outputs, missing


def answered(ask: Callable[[], Value], most: int, what: str) -> tuple[Value, list[Guard]]:
    """Return as one node what a question gives, asked once for each of its ways; and all that it compares.

    Raises BranchError, which says what is asked, if there are more ways, or they change.
    """
    compared: list[Guard] = []
    ways = count(1)

    def asked(outcomes: tuple[bool, ...], before: Sequence[Guard]) -> Value:
        if next(ways) > most:
            raise BranchError(f'more than {most} ways lead through {what}')
        log = Log(outcomes)
        with holding(comparisons, log.tell):
            node = ask()
        guards, sides = log.guards, log.sides
        compared.extend(guards[len(before) :])
        if len(guards) < len(before) or not all(map(Guard.is_like, guards, before)):
            raise BranchError(f'{what} changes between calls: it compares something else after the same comparisons')
        for k in reversed(range(len(before), len(guards))):
            held = (*(guard.held for guard in guards[:k]), not guards[k].held)
            other = asked(held, guards[: k + 1])
            if other is not node:
                yes, no = (node, other) if guards[k].held else (other, node)
                node = chosen(guards[k].relation, sides[2 * k], sides[2 * k + 1], yes, no)
        return node

    return asked((), ()), compared


def _tree(paths: Sequence[Path]) -> _Fork | Path:
    first = paths[0]
    root: _Fork | Path = _Fork(first, 0) if first.guards else first
    for path in paths:
        node: _Node = root
        for depth, guard in enumerate(path.guards):
            if not isinstance(node, _Fork) or not guard.is_like(node.guard):
                raise Unlike('paths compare something else after the same comparisons')
            last = depth + 1 == len(path.guards)
            if node.ways[guard.held] is None:
                node.ways[guard.held] = path if last else _Fork(path, depth + 1)
            node = node.ways[guard.held]
        if node is not path:
            raise Unlike('paths make the same comparisons')
    return root


def _chosen(root: _Node) -> list[Value]:
    """Return the outputs of a tree, and behind them whether there is no path; no recursion, for trees are deep."""
    done: dict[int, list[Value]] = {}
    stack: list[_Fork] = [root] if isinstance(root, _Fork) else []
    while stack:
        fork = stack[-1]
        todo = [way for way in fork.ways.values() if isinstance(way, _Fork) and id(way) not in done]
        if todo:
            stack += todo
            continue
        yes, no = (_side(fork.ways[held], done) for held in (True, False))
        yes, no = yes or [*(no or [])[:-1], ABSENT], no or [*(yes or [])[:-1], ABSENT]
        sides = fork.guard.relation, fork.a, fork.b
        done[id(fork)] = [a if a is b else chosen(*sides, a, b) for a, b in zip(yes, no, strict=True)]
        stack.pop()
    return done[id(root)]


def _side(node: _Node, done: dict[int, list[Value]]) -> list[Value] | None:
    """Return what is on one side of a fork; where it misses, what the other side has is as good."""
    if isinstance(node, Path):
        return [*node.outputs, PRESENT]
    return None if node is None else done[id(node)]
