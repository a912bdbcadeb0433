"""Recording a ``while_loop`` as one loop: condition and body once each, over a state of fresh leaves.

What they compare decides, so a condition is asked once for each outcome of each of its comparisons, and becomes one
expression. The loop is done once with numbers, too, without recording: what comes after it may branch on its results.

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
from .ir.choices import node_of_programs
from .ir.lowering import compute
from .ir.straight import straight
from .ir.tape import tape
from .ir.while_loops import While, item_at, joined

__all__ = ['recorder']

#: So many ways through a condition are looked at.
MOST = 100


def recorder(
    again: bool, refusal: type[Exception], in_floats: Callable[[str, Any], Any], log: Any = None
) -> Callable[..., Any]:
    """Return what records a loop; ``again`` where numbers do not matter, since all branches are given.

    log: what has been compared before, so that a loop does not turn for numbers that have taken another branch.
    """
    return partial(_record, _Recorder(again, refusal, in_floats, log))


class _Recorder:
    """What a recording has beside the loop: see ``recorder``."""

    def __init__(
        self, again: bool, refusal: type[Exception], in_floats: Callable[[str, Any], Any], log: Any
    ) -> None:
        self.again, self.refusal, self.in_floats, self.log = again, refusal, in_floats, log
        self.here: Value | None = None
        self.known = 0

    def on_path(self) -> Value | None:
        """Return a node that is 1 for numbers that take the branches taken so far, else 0; None if there is none."""
        for k in range(self.known, len(self.log.guards) if self.log else 0):
            guard, (a, b) = self.log.guards[k], self.log.sides[2 * k : 2 * k + 2]
            before = Constant(1.0) if self.here is None else self.here
            sides = (before, Constant(0.0)) if guard.held else (Constant(0.0), before)
            self.here, self.known = _join('select', _join(guard.relation, a, b), *sides), k + 1
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
    with holding(choices, ()), holding(one_loop, recorder(True, how.refusal, how.in_floats)), ieee_arithmetic():
        asked = _Condition(how, line).expression(lambda: condition(*fresh))
        if asked is None:
            return state[0] if len(state) == 1 else state
        with holding(comparisons, partial(_refuse, how, leaves, start, line, comparisons.get())):
            turned = following(fresh, body(*fresh))
    made, _ = take_apart(turned, 'what the body of while_loop returns')
    results = [nan] * len(starts) if how.again else _numbers(condition, body, starts, build, limit)
    for chosen, side in choices.get():
        asked = _join('both', _is_chosen(chosen, side), asked)
    if path is not None:
        asked = _join('both', _join('ne', path, Constant(0.0)), asked)
    inside = _Inside(leaves, start)
    ends = [inside.copied(lift(node)) for node in made]
    asked = inside.copied(asked)
    parameters = [*inside.leaves, *inside.outside.values()]
    taped = tape(ends, [], parameters, loops=False)
    test = straight(tape([asked], [], parameters, loops=False))
    loop = While(test, straight(taped, stops=True), taped, len(leaves), limit, f'while_loop at {line}')
    node = node_of_programs(loop, [*starts, *inside.outside], nan)
    ended = build([node_of_programs(item_at(place), [node], number) for place, number in enumerate(results)])
    return ended[0] if len(state) == 1 else ended


def _numbers(
    condition: Any, body: Any, starts: list[Value], build: Callable[..., Any], limit: int | None
) -> list[float]:
    """Do the loop with numbers; return those it ends with."""
    if not all(holds(_is_chosen(*choice)) for choice in choices.get()):
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


def _join(name: str, *operands: Value) -> Value:
    """Make a comparison, or a choice between two, as a node; its number is what it says of theirs."""
    number = float(compute(name, *[float(node._data) for node in operands]))
    return node_of_programs(joined(name), operands, number)


def _is_true(node: Value) -> Value:
    return _join('both', _join('eq', node, node), _join('ne', node, Constant(0.0)))


def _is_chosen(condition: Value, side: bool) -> Value:
    """Return whether a side of a ``where`` is chosen, as a node."""
    return _is_true(condition) if side else _join('eq', condition, Constant(0.0))


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
    how: _Recorder, leaves: Sequence[Value], start: int, line: Origin, outer: Any, relation: str, a: Any, b: Any,
    held: bool,
) -> bool:  # fmt: skip
    if how.in_floats(relation, b) is None:
        return held
    if not _is_inside(leaves, start, a) and not _is_inside(leaves, start, b):
        return outer(relation, a, b, held) if outer else held
    place = here()
    raise how.refusal(
        f'the body of the while_loop at {line} branches on its state, at {place}: {place.source}. It is recorded once, '
        'for all turns: use where(), max() or abs() of microgradnet.functions there, or another while_loop'
    )


class _Condition:
    """Asks a condition for each outcome of each of its comparisons."""

    def __init__(self, how: _Recorder, line: Origin) -> None:
        self.how, self.line, self.ways = how, line, 0

    def expression(self, ask: Callable[[], Any]) -> Value | None:
        """Return one node for it, None if it never holds, whatever the state is."""
        found = self._tree(ask, [])
        if found is True:
            raise ValueError(
                f'the condition of the while_loop at {self.line} always holds, whatever the state is: '
                'it must compare what the body changes'
            )
        return found or None if isinstance(found, bool) else found

    def _tree(self, ask: Callable[[], Any], outcomes: list[bool]) -> Value | bool:
        asked: list[tuple[str, Value, Value]] = []

        def tell(relation: str, a: Any, b: Any, held: bool) -> bool:
            found = self.how.in_floats(relation, b)
            if found is None:
                return held
            asked.append((found[0], a, lift(found[1])))
            return outcomes[len(asked) - 1] if len(asked) <= len(outcomes) else True

        self.ways += 1
        if self.ways > MOST:
            raise self.how.refusal(f'more than {MOST} ways lead through the condition of the while_loop at {self.line}')
        with holding(comparisons, tell):
            result = ask()
        if len(asked) > len(outcomes):
            relation, a, b = asked[len(outcomes)]
            yes, no = (self._tree(ask, [*outcomes, outcome]) for outcome in (True, False))
            return _chosen(_join(relation, a, b), yes, no)
        if isinstance(result, Value):
            return _is_true(result)
        return bool(result)


def _chosen(condition: Value, yes: Value | bool, no: Value | bool) -> Value | bool:
    """Return ``yes`` where the condition holds, else ``no``."""
    if yes is True and not isinstance(no, Value):
        return True if no else condition
    if no is False:
        return False if yes is False else _join('both', condition, lift(yes))
    if yes is True:
        return _join('either', condition, lift(no))
    number = [side if side is True or side is False else _number(side) for side in (yes, no)]
    return _join('ne', _join('select', condition, *map(lift, number)), Constant(0.0))


def _number(condition: Value) -> Value:
    return _join('select', condition, Constant(1.0), Constant(0.0))


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
