"""A loop whose count depends on numbers: ``while_loop``.

>>> from microgradnet.engine.value import Value
>>> a = Value(2.0)
>>> root = while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, 1.0)
>>> root.backward()
>>> f'{root.data:.6f} {a.grad:.6f}'  # 1 / (2 sqrt(2))
'1.414214 0.353553'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import context
from .checks import function, whole
from .numbers import as_real
from .origins import here
from .value import Value

__all__ = ['LimitError', 'holds', 'while_loop']


class LimitError(RuntimeError):
    """A ``while_loop`` went on after as many turns as its ``limit``: which one, and for which row of many."""

    def __init__(self, loop: str, limit: int, row: int | None = None) -> None:
        super().__init__(loop, limit, row)
        self.loop, self.limit, self.row = loop, limit, row

    def __str__(self) -> str:
        whose = '' if self.row is None else f'row {self.row}: '
        return f'{whose}{self.loop} goes on after {self.limit} turns, its limit'

    def moved(self, rows: int) -> LimitError:
        """Return the same of a row so many further on."""
        return LimitError(self.loop, self.limit, None if self.row is None else self.row + rows)


def while_loop(
    condition: Callable[..., Any], body: Callable[..., Any], *state: Any, limit: int | None = None
) -> Any:
    """Do ``state = body(*state)`` as long as ``condition(*state)`` holds; return the state.

    state: numbers, Values, or lists, tuples, dicts and arrays of them, one or several; the body returns one thing
        of the same shape, or a tuple of as many. What is returned is likewise one thing, or a tuple.
    condition: what it returns is true or false as in an ``if``; a nan is false, whether a ``Value`` or a float.
    limit: after so many turns RuntimeError is raised, if the condition still holds.

    It is Python's ``while``, and every turn is recorded. Only while a program is recorded (in a compiled function,
    and in ``recording``) it becomes one loop, whose count depends on the numbers of each row: condition and body
    are recorded once, so there is one path whatever the count. There the body must not branch on a ``Value`` that
    changes in the loop, by ``if`` or by Python's ``max``; that raises BranchError: write ``where`` or ``max`` of
    ``microgradnet.functions``, or another ``while_loop``. The condition may compare as often as it likes.

    >>> while_loop(lambda n, s: n < 5, lambda n, s: (n + 1, s * 2.0), 0, 1.0)
    (5, 32.0)
    >>> while_loop(lambda s: s['x'] < 100.0, lambda s: {'x': s['x'] * 3.0}, {'x': 1.0}, limit=3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    microgradnet.engine.while_loop.LimitError: while_loop at ... goes on after 3 turns, its limit
    """
    function('condition of while_loop', condition)
    function('body of while_loop', body)
    if limit is not None:
        whole('limit', limit)
    if not state:
        raise TypeError('while_loop wants a state: at least one thing that the body changes')
    for place, part in enumerate(state):
        fitting(part, part, f'state {place}')
    record = None if context.is_paused() else context.one_loop.get()
    if record is not None:
        return record(condition, body, state, limit)
    turns = 0
    while holds(condition(*state)):
        if turns == limit:
            raise LimitError(f'while_loop at {here()}', limit)
        state, turns = following(state, body(*state)), turns + 1
    return state[0] if len(state) == 1 else state


def holds(condition: Any) -> bool:
    """Tell whether a condition holds: a bool, or a number that is neither 0 nor nan."""
    told = condition._data if isinstance(condition, Value) else condition
    return bool(told == told and told)


def following(state: tuple[Any, ...], returned: Any) -> tuple[Any, ...]:
    """Return what a body returned as the next state; raise, naming the part, where its shape is another."""
    if len(state) == 1:
        returned = (returned,)
    elif not isinstance(returned, (tuple, list)) or len(returned) != len(state):
        came = f'{len(returned)} things' if isinstance(returned, (tuple, list)) else repr(returned)
        raise TypeError(f'the body of while_loop must return a tuple of {len(state)}, as many as its state, not {came}')
    for place, (old, new) in enumerate(zip(state, returned)):
        if old is not new:
            fitting(old, new, f'state {place}')
    return tuple(returned)


def fitting(old: Any, new: Any, name: str) -> None:
    """Raise TypeError, naming the part, where a state is no numbers, or changes its shape."""
    if isinstance(old, Value) or (not isinstance(old, (list, tuple, dict)) and as_real(old) is not None):
        if isinstance(new, Value) or (not isinstance(new, (list, tuple, dict)) and as_real(new) is not None):
            return
    elif hasattr(old, 'shape'):
        if getattr(new, 'shape', None) == old.shape:
            return
    elif isinstance(old, dict):
        if isinstance(new, dict) and [*old] == [*new]:
            for key in old:
                fitting(old[key], new[key], f'{name}[{key!r}]')
            return
    elif isinstance(old, (list, tuple)):
        if type(new) is type(old) and len(new) == len(old):
            for place, (one, other) in enumerate(zip(old, new)):
                fitting(one, other, f'{name}[{place}]')
            return
    else:
        raise TypeError(
            f'{name} of while_loop must be a number, a Value, or a list, tuple, dict or array of them, not {old!r}'
        )
    raise TypeError(f'{name} of while_loop must keep its shape: it was {_said(old)}, and the body made {_said(new)}')


def _said(thing: Any) -> str:
    if isinstance(thing, dict):
        return f'a dict with {", ".join(map(repr, thing)) or "nothing"}'
    if isinstance(thing, (list, tuple)):
        return f'a {type(thing).__name__} of {len(thing)}'
    return f'an array of shape {thing.shape}' if hasattr(thing, 'shape') else f'{thing!r}'
