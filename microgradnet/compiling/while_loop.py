"""Recording a ``while_loop`` as one loop: condition and body once each, over a state of fresh leaves.

What a condition compares decides, so it is asked once for each of its ways: they are paths, and become one node, a
choice between 1 and 0. The loop is done once with numbers, too, without recording: what comes after it may branch on
its results.

>>> from microgradnet.compiling import compile
>>> from microgradnet.functions import while_loop
>>> root = compile(lambda a: while_loop(lambda x: abs(x * x - a) > 1e-9, lambda x: (x + a / x) / 2, 1.0),
...                backend='python')
>>> f'{root(2.0):.6f} {root(4.0):.6f} {root(0.25):.6f}', len(root.paths)
('1.414214 2.000000 0.500000', 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from math import nan
from typing import Any

from ..derivatives.trees import take_apart
from ..engine.context import choices, comparisons, holding, ieee_arithmetic, no_grad, one_loop, readings
from ..engine.origins import Origin, here
from ..engine.value import Constant, Value, births, lift
from ..engine.while_loop import following, holds, while_loop
from .comparisons import BranchError, Log, in_floats
from .ir.choices import chosen, node_of_programs
from .ir.straight import straight
from .ir.tape import tape
from .ir.while_loops import While, item_at
from .paths import answered

__all__ = ['recorder']

#: So many ways through a condition are looked at.
MOST = 100
#: Whether a condition holds is such a number, or a choice between two.
TRUE, FALSE = lift(1.0), lift(0.0)


def recorder(again: bool, log: Log | None = None) -> Callable[..., Any]:
    """Return what records a loop; ``again`` where numbers do not matter, since all branches are given.

    log: what has been compared before, so that a loop does not turn for numbers that have taken another branch.
    """
    return partial(_record, _Recorder(again, log))


class _Recorder:
    """What a recording has beside the loop: see ``recorder``."""

    def __init__(self, again: bool, log: Log | None) -> None:
        self.again, self.log = again, log
        self.here: Value | None = None
        self.known = 0

    def on_path(self) -> Value | None:
        """Return a node that is 1 for numbers that take the branches taken so far, else 0; None if there is none."""
        for k in range(self.known, len(self.log.guards) if self.log else 0):
            assert self.log is not None
            guard, (a, b) = self.log.guards[k], self.log.sides[2 * k : 2 * k + 2]
            before = TRUE if self.here is None else self.here
            sides = (before, FALSE) if guard.held else (FALSE, before)
            self.here, self.known = chosen(guard.relation, a, b, *sides), k + 1
        return self.here


def _record(how: _Recorder, condition: Any, body: Any, state: tuple[Any, ...], limit: int | None) -> Any:
    line = here()
    numbers, build = take_apart(state, 'the state of while_loop')
    starts = [*map(lift, numbers)]
    path = how.on_path()
    start = next(births)
    leaves = [Value(float(node._data)) for node in starts]
    watch = readings.get()
    if watch is not None:
        watch.arguments |= {*leaves}
    fresh = build(leaves)
    with holding(choices, ()), holding(one_loop, recorder(True)), ieee_arithmetic():
        asked = _asked(lambda: condition(*fresh), line)
        if asked is FALSE:
            return state[0] if len(state) == 1 else state
        with holding(comparisons, partial(_refuse, leaves, start, line, comparisons.get())):
            turned = following(fresh, body(*fresh))
    made, _ = take_apart(turned, 'what the body of while_loop returns')
    results = [nan] * len(starts) if how.again else _numbers(condition, body, starts, build, limit)
    for choice, side in choices.get():
        asked = _is_true(choice, asked) if side else chosen('eq', choice, FALSE, asked, FALSE)
    if path is not None:
        asked = chosen('ne', path, FALSE, asked, FALSE)
    inside = _Inside(leaves, start)
    ends = [inside.copied(lift(node)) for node in made]
    asked = inside.copied(asked)
    parameters = [*inside.leaves, *inside.outside.values()]
    taped = tape(ends, [], parameters, loops=False)
    test = straight(tape([asked], [], parameters, loops=False), asks=True)
    loop = While(test, straight(taped, stops=True), taped, len(leaves), limit, f'while_loop at {line}')
    node = node_of_programs(loop, [*starts, *inside.outside], nan)
    ended = build([node_of_programs(item_at(place), [node], number) for place, number in enumerate(results)])
    return ended[0] if len(state) == 1 else ended


def _numbers(
    condition: Any, body: Any, starts: list[Value], build: Callable[..., Any], limit: int | None
) -> list[float]:
    """Do the loop with numbers; return those it ends with."""
    if not all(holds(choice) if side else choice._data == 0 for choice, side in choices.get()):
        return [float(node._data) for node in starts]

    def run() -> Any:
        for variable in (one_loop, comparisons, readings):
            variable.set(None)
        choices.set(())
        with no_grad():
            state = build([Value(node._data) for node in starts])
            return while_loop(condition, body, *state, limit=limit)

    ended = copy_context().run(run)
    leaves, _ = take_apart(ended, 'the state of while_loop')
    return [float(lift(leaf)._data) for leaf in leaves]


def _is_true(node: Value, yes: Value = TRUE) -> Value:
    """Return ``yes`` where a number is neither 0 nor nan, else that it does not hold."""
    return chosen('ne', node, FALSE, chosen('eq', node, node, yes, FALSE), FALSE)


def _is_inside(leaves: Sequence[Value], start: int, node: Any) -> bool:
    """Tell whether a node was computed from the state of a loop."""
    known, stack, seen = {*leaves}, [node], set()
    while stack:
        one = stack.pop()
        if isinstance(one, Value) and one not in seen:
            if one in known:
                return True
            seen.add(one)
            if one.born > start:
                stack += one.inputs
    return False


def _refuse(
    leaves: Sequence[Value], start: int, line: Origin, outer: Any, relation: str, a: Any, b: Any, held: bool
) -> bool:
    if in_floats(relation, b) is None:
        return held
    if not _is_inside(leaves, start, a) and not _is_inside(leaves, start, b):
        return outer(relation, a, b, held) if outer else held
    place = here()
    raise BranchError(
        f'the body of the while_loop at {line} branches on its state, at {place}: {place.source}. It is recorded once, '
        'for all turns: use where(), max() or abs() of microgradnet.functions there, or another while_loop'
    )


def _asked(ask: Callable[[], Any], line: Origin) -> Value:
    """Return one node for a condition: its ways, which are paths, merged."""

    def answer() -> Value:
        result = ask()
        return _is_true(result) if isinstance(result, Value) else TRUE if result else FALSE

    asked, _ = answered(answer, MOST, f'the condition of the while_loop at {line}')
    if asked is TRUE:
        raise ValueError(
            f'the condition of the while_loop at {line} always holds, whatever the state is: '
            'it must compare what the body changes'
        )
    return asked


class _Inside:
    """Copies what is inside of a loop, and cuts it off from what was there before: that becomes leaves."""

    def __init__(self, leaves: Sequence[Value], start: int) -> None:
        self.start = start
        self.leaves = [Value(leaf._data) for leaf in leaves]
        self.known: dict[Value, Value] = dict(zip(leaves, self.leaves))
        self.outside: dict[Value, Value] = {}

    def copied(self, root: Value) -> Value:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.known:
                stack.pop()
            elif isinstance(node, Constant):
                self.known[stack.pop()] = node
            elif node.born <= self.start:
                self.known[node] = self.outside[node] = Value(float(node._data))
            elif missing := [source for source in node.inputs if source not in self.known]:
                stack += missing
            else:
                new = Value(node._data)
                new.op, new.inputs, new.born = node.op, tuple(self.known[n] for n in node.inputs), next(births)
                self.known[node] = new
        return self.known[root]
