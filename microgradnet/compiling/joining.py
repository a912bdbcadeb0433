"""A plain ``if`` on a Value as one path, where both its sides only compute: what each comes to is chosen between.

A recording sees one side of an ``if``. The other one is in the source: ``rewriting`` makes a function of each side,
and ``Joined`` runs a function so rewritten. A comparison is then no branch; it is what chooses, for each name, between
what both sides make of it. Where that cannot be done, because a side does more than compute, or raises, or makes
something that numbers cannot choose between, the ``if`` is the branch that it was.

>>> from ..engine.value import Value
>>> from .guards import log
>>> def f(x):
...     y = 0.0
...     if x > 1:
...         y = x - 1
...     return y
>>> g = Joined(f)
>>> with log() as written:
...     y = g(Value(3.0))
>>> y.op.name, y.data, len(written.guards), g.joins
('choose_gt', 2.0, 0, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import inf
from operator import is_, length_hint
from types import BuiltinMethodType, CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NoReturn

from ..engine import fast, functions
from ..engine.context import choosing, comparisons, holding, readings
from ..engine.functions import is_array
from ..engine.numbers import Fraction
from ..engine.origins import Origin
from ..engine.value import Value, births, lift
from .comparisons import in_floats
from .ir.choices import chosen
from .paths import answered
from .plainly import EXACT, Plainly
from .rewriting import rewritten
from .taping import TooLong, bounded

__all__ = ['Joined']

#: So many ways may lead through what one ``if`` asks, so deep may sides be in sides; and where so many tries to join
#: one have failed, no more are made.
WAYS, DEEP, TRIES = 16, 20, 20
TRUE, FALSE, UNBOUND = lift(1.0), lift(0.0), object()
#: What arithmetic can be done with, and nothing else comes of it; what may be alike.
NUMBERS = {float, int, bool, complex, Fraction, type(None)}
PLAIN = {float, int, bool, str}
LOOKED_UP = {FunctionType, MemberDescriptorType, staticmethod, classmethod}
#: What of a class asks nothing of what its objects keep, or is called as a method is.
SILENT = {
    '__init__', '__call__', '__repr__', '__str__', '__eq__', '__hash__', '__dict__', '__weakref__', '__replace__',
    '__annotate_func__',
}  # fmt: skip
#: What tells a number from another one of its value.
TELLING = {*map(id, (id, hash, set, frozenset, dict))}
HASHED = dict, set, frozenset
#: What goes through its items when it is gone through itself.
LATER = zip, enumerate, reversed
#: What only computes.
COMPUTING = [abs, sum, float, int, bool, range, len, round, pow, any, all, tuple, list, zip, enumerate, reversed]
COMPUTING += [f for f in vars(math).values() if callable(f)]
COMPUTING += [getattr(functions, name) for name in functions.__all__ if name not in ('while_loop', 'apply')]
COMPUTING += vars(fast.Operators).values()
PURE = {id(f): f for f in COMPUTING}  # which keeps them: an identity is not another's
#: What takes plain numbers as Values.
ENGINE = {id(getattr(functions, name)) for name in functions.__all__}


class _Fresh(list):  # type: ignore[type-arg]
    """A list that a side has made to return it."""


class _Once:
    """What a side has made to go through once, as Python's own, though all of its items are there."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.all = [*items]
        self.left = iter(self.all)

    def __iter__(self) -> Iterator[Any]:
        return self.left

    def __length_hint__(self) -> int:
        return len(self.all)


class _Unjoined(Exception):
    """A side does more than compute, or cannot be joined with the other one."""


#: What can be looked into, and gone through.
CONTAINERS = {list, tuple, range, dict, str, _Once}


class _State:
    """One recording with joined ``if``s."""

    def __init__(self, most: float) -> None:
        #: As many nodes had been born, here or elsewhere, and may be; and the turns of loops in sides.
        self.first = next(births)
        self.last, self.turns = self.first + most, 0
        self.joins = self.depth = 0
        self.lines: set[tuple[str, int]] = set()
        self.tries: dict[int, int] = {}
        #: What was chosen, and may be a plain number: nobody may ask which it is.
        self.plainly = Plainly()
        #: Tuples that were made of two.
        self.tuples: dict[int, Any] = {}
        self.trouble: Exception | None = None


_state: ContextVar[_State | None] = ContextVar('state', default=None)


class Joined:
    """A function that joins, while it is recorded, what can be joined; after a call it knows how often, and where.

    most: how many operations it may come to with both sides of all that is joined; more raise an error.
    """

    f: Callable[..., Any]
    most: float
    joins: int
    plainly: Plainly

    def __init__(self, f: Callable[..., Any], most: float = inf) -> None:
        self.f, self.most, self.joins = f, most, 0
        self.lines: set[tuple[str, int]] = set()

    @property
    def is_rewritten(self) -> bool:
        """Whether there is anything that could be joined, as far as the source says."""
        with holding(_state, _State(inf)):
            found = _called(self.f)
        return found is not self.f and not (type(found) is partial and found.func is _telling)

    def __call__(self, *arguments: Any) -> Any:
        state = _State(self.most)
        watch = readings.get()
        if watch is not None:
            watch.told = partial(_asked, state, self_alone=False)
        try:
            with holding(_state, state), bounded(self.most):  # of one side alone, which may be any work
                result = _called(self.f)(*arguments)
                _limited(state)
        except TooLong:
            raise _Unjoined('both sides are too much work') from None
        if state.trouble:  # and the function went on as if nothing had been
            raise state.trouble
        self.joins, self.lines, self.plainly = state.joins, self.lines | state.lines, state.plainly
        return result


def _refuse(relation: str, a: Any, b: Any, held: bool) -> bool:
    """Answer a comparison in a side that nobody joins."""
    if in_floats(relation, b) is None:
        return held
    raise _Unjoined


def _limited(state: _State, turns: int = 0) -> None:
    """Raise TooLong, which ends the recording, if it is too much work, so many turns of a loop more among it."""
    state.turns += turns
    if max(next(births), state.first + state.turns) > state.last:
        raise TooLong


@contextmanager
def _inside(state: _State) -> Iterator[None]:
    """Ask what only computes, so that all that is more is refused before it is done."""
    _limited(state)
    if state.depth == DEEP or state.trouble:
        raise _Unjoined
    watch = readings.get()
    refusal = watch and watch.refusal
    state.depth += 1
    try:
        with holding(comparisons, _refuse):
            yield
    finally:
        state.depth -= 1
        if watch:
            watch.refusal = refusal


# Sides.


def _attempted(
    test: Callable[[], bool], yes: Callable[..., Any], no: Callable[..., Any], merge: Callable[..., Any]
) -> tuple[bool, Any]:
    """Return True and what ``merge`` makes of both sides, or False and whether the first is the one to take."""
    state, code = _state.get(), test.__code__
    if state is None or comparisons.get() is None or (not state.depth and state.tries.get(id(code), 0) == TRIES):
        return False, test()
    try:
        with _inside(state):
            condition, guards = answered(lambda: TRUE if test() else FALSE, WAYS, 'a test')
            if condition.op is None:
                return False, condition is TRUE
            with choosing(condition, True):
                one = yes()
            with choosing(condition, False):
                two = no()
        joined = merge(partial(_chosen, state, condition), one, two)
    except Exception:  # what it is, the branch will tell
        if state.depth:
            raise
        state.tries[id(code)] = state.tries.get(id(code), 0) + 1
        return False, test()
    state.lines |= {guard.origin.place for guard in guards if isinstance(guard.origin, Origin)}
    state.joins += 1
    return True, joined


def _both(test: Callable[[], bool], yes: Callable[[], Any], no: Callable[[], Any], merge: Callable[..., Any]) -> Any:
    """Return what ``merge`` makes of both sides, or what comes of the one that is to be taken."""
    is_joined, found = _attempted(test, yes, no, merge)
    return found if is_joined else yes() if found else no()


def _chosen(state: _State, condition: Value, yes: Any, no: Any) -> Any:
    """Return what is one thing where a condition holds, and another one where not. Raises _Unjoined."""
    if yes is no:
        return yes
    if yes is UNBOUND or no is UNBOUND:  # if it is asked for, it was not only this side's
        return UNBOUND
    one, two = type(yes), type(no)
    if one is two and one in PLAIN and repr(yes) == repr(no):
        return yes
    if one is two and one in (tuple, _Fresh) and len(yes) == len(no):
        both = one(_chosen(state, condition, *pair) for pair in zip(yes, no))
        state.tuples[id(both)] = both
        return both
    if not (_is_number(yes) and _is_number(no)) or (one is int and two is int):
        raise _Unjoined
    relation, a, b = 'ne', condition, FALSE
    *sides, if_so, else_ = condition.inputs
    if {id(if_so), id(else_)} == {id(TRUE), id(FALSE)}:  # it is one comparison
        relation, (a, b) = condition.op.relation, sides  # type: ignore[union-attr]
    pair = (no, yes) if a is sides[0] and if_so is FALSE else (yes, no)
    node = chosen(relation, a, b, *map(lift, pair))
    state.plainly.note(node, yes, no)
    return node


def _is_number(thing: Any) -> bool:
    """Tell whether something is a float, or could be one."""
    if isinstance(thing, Value):
        return type(thing._data) is float
    return type(thing) is float or (type(thing) is int and abs(thing) <= EXACT)


# The helpers of a rewritten function.


def _joined(
    test: Callable[[], bool], yes: Callable[..., Any], no: Callable[..., Any], scope: dict[str, Any],
    names: tuple[str, ...],
) -> list[Any]:  # fmt: skip
    """Return what some names are after an ``if``."""
    after = _both(test, *_given(scope, names, yes, no), partial(_merged, names))
    return [after.get(name, UNBOUND) for name in names]


def _tried(
    test: Callable[[], bool], yes: Callable[..., Any], no: Callable[..., Any], scope: dict[str, Any],
    names: tuple[str, ...],
) -> list[Any] | bool:  # fmt: skip
    """Return what some names are after an ``if``; where it cannot be joined, which side is to be taken."""
    is_joined, found = _attempted(test, *_given(scope, names, yes, no), partial(_merged, names))
    return [found[name] for name in names] if is_joined else found


def _given(
    scope: dict[str, Any], names: tuple[str, ...], yes: Callable[..., Any], no: Callable[..., Any]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Give both sides what the names are that they may change."""
    given = {name: scope[name] for name in names if name in scope}
    return partial(yes, **given), partial(no, **given)


def _merged(
    names: tuple[str, ...], choose: Callable[..., Any], one: dict[str, Any], two: dict[str, Any]
) -> dict[str, Any]:
    return {name: choose(one.get(name, UNBOUND), two.get(name, UNBOUND)) for name in names}


def _returned(
    test: Callable[[], bool], yes: Callable[..., Any], no: Callable[..., Any], scope: dict[str, Any],
    names: tuple[str, ...],
) -> Any:  # fmt: skip
    """Return what a function returns that ends with an ``if``."""
    found = _both(test, *_given(scope, names, yes, no), lambda choose, *sides: choose(*sides))
    state = _state.get()
    return found if state is not None and state.depth else _plain(found)


def _plain(found: Any) -> Any:
    """Return what a side has made as it stands in the source."""
    if type(found) is _Fresh:
        return [*map(_plain, found)]
    if type(found) is tuple:
        parts = (*map(_plain, found),)
        return found if all(map(is_, found, parts)) else parts
    return found


def _either(test: Callable[[], bool], yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    """Return what an expression with ``if`` is."""
    return _both(test, yes, no, lambda choose, *sides: choose(*sides))


def _extreme(f: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what Python's ``max`` or ``min`` does: the first one, unless another one is larger."""
    items = arguments[0] if len(arguments) == 1 else arguments
    state = _state.get()
    joins = type(items) in (list, tuple) and any(isinstance(item, Value) for item in items) and not options
    if state is None or not joins or not all(map(_is_number, items)):
        return _checked(f, *arguments, **options) if state is not None and state.depth else f(*arguments, **options)
    result = items[0]
    for item in items[1:]:
        if f is max:
            result = _either(lambda: item > result, lambda: item, lambda: result)  # noqa: B023
        else:
            result = _either(lambda: item < result, lambda: item, lambda: result)  # noqa: B023
    return result


def _telling(f: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call what may ask what a number is, beside its value, unless it is one of two."""
    self_alone = id(f) in TELLING or isinstance(getattr(f, '__self__', None), HASHED)
    for argument in (*arguments, *options.values()):
        _known(argument, self_alone)
    return f(*arguments, **options)


def _known(thing: Any, self_alone: bool = True) -> Any:
    """Return a thing whose identity, or kind, is asked for; give up where that was chosen."""
    state = _state.get()
    if state is not None:
        _asked(state, thing, self_alone)
    return thing


def _asked(state: _State, thing: Any, self_alone: bool) -> None:
    """Give up if something was chosen; or only if it may be a plain number, where that alone is asked."""
    if not (self_alone or state.plainly.is_needed):
        return
    stack, seen = [thing], set[int]()
    while stack:
        one = stack.pop()
        is_chosen = isinstance(one, Value) and (state.plainly.is_chosen if self_alone else state.plainly.may_be)(one)
        if is_chosen or (self_alone and id(one) in state.tuples):
            state.trouble = _Unjoined('it is asked what it is')
            raise state.trouble
        if id(one) not in seen:
            seen.add(id(one))
            stack += _parts(one)


def _parts(thing: Any) -> Iterable[Any]:
    """Return what is in a container, or known to a function."""
    if type(thing) is FunctionType:
        cells = [cell.cell_contents for cell in thing.__closure__ or () if cell != CellType()]
        return [*cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    return thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else ()


def _kept(thing: Any, *owners: Any) -> Any:
    """Return what objects are given to keep; give up if it may be a plain number, and code that is theirs may ask."""
    state = _state.get()
    if state is not None and state.plainly.is_needed and (not owners or any(_asks(type(owner)) for owner in owners)):
        _asked(state, thing, self_alone=False)
    return thing


def _asks(kind: type) -> bool:
    """Tell whether a class has properties, or operators."""
    for one in kind.__mro__[:-1]:
        for name, part in vars(one).items():
            is_method = type(part) in LOOKED_UP and not (type(part) is FunctionType and name.startswith('__'))
            if hasattr(part, '__get__') and not is_method and name not in SILENT:
                return True
    return False


def _only_keeps(kind: type) -> bool:
    """Tell whether a class is a dataclass whose objects keep what they are made of, and do nothing else with it."""
    made = getattr(kind.__init__, '__code__', None)  # type: ignore[misc]
    is_made = made is not None and made.co_filename == '<string>' and not hasattr(kind, '__post_init__')
    return is_made and '__dataclass_fields__' in vars(kind) and not _asks(kind)


def _called(f: Any) -> Any:
    """Return what is called instead of a function."""
    state = _state.get()
    if state is None:
        return f
    if state.depth:
        return _pure(f)
    kind = type(f)
    if kind is partial:
        return partial(_called(f.func), *f.args, **f.keywords)
    if f is max or f is min:
        return partial(_extreme, f)
    is_bound = kind in (BuiltinMethodType, MethodType)
    if id(f) in ENGINE or id(f) in PURE or (is_bound and isinstance(f.__self__, (list, Value))):
        return f
    own = next((vars(one)['__call__'] for one in kind.__mro__ if '__call__' in vars(one)), None)
    code = f if kind is FunctionType else f.__func__ if kind is MethodType else own
    new = rewritten(code, CELLS) if type(code) is FunctionType else None
    if new is None:
        return f if isinstance(f, type) and _only_keeps(f) else partial(_telling, f)
    return new if code is f else MethodType(new, f.__self__ if kind is MethodType else f)


def _pure(f: Any) -> Any:
    """Return what is called in a side: what is known to compute only. Raises _Unjoined."""
    kind = type(f)
    if id(f) in PURE:
        return partial(_checked, f)
    if f is max or f is min:
        return partial(_extreme, f)
    if kind is MethodType and isinstance(f.__self__, Value) and id(f.__func__) in PURE:
        return partial(_checked, f)
    if kind is partial:
        return partial(_pure(f.func), *f.args, **f.keywords)
    if kind is MethodType and type(f.__func__) is FunctionType:
        return partial(_pure(f.__func__), f.__self__)
    new = rewritten(f, CELLS, strict=True) if kind is FunctionType else None
    if new is None:
        raise _Unjoined
    return lambda *arguments, **options: _plain(new(*arguments, **options))


def _checked(f: Any, *arguments: Any, **options: Any) -> Any:
    """Call what computes, of numbers."""
    for argument in (*arguments, *options.values()):
        if type(argument) is range:
            _items(argument)
        if type(argument) in (list, tuple, dict, _Once):
            items = argument.all if type(argument) is _Once else argument
            if f in LATER and items is not argument:
                raise _Unjoined
            if not all(_is_operand(item) or type(item) in (list, tuple, str) for item in items):
                raise _Unjoined
        elif not _is_operand(argument) and type(argument) not in CONTAINERS:
            raise _Unjoined
    found = f(*arguments, **options)
    return _Once(found) if f in LATER else found


def _is_operand(thing: Any) -> bool:
    """Tell whether arithmetic with something does nothing else."""
    return type(thing) in NUMBERS or isinstance(thing, Value) or type(thing).__module__ == 'numpy'


def _strict(check: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """Return a helper that returns its argument, and says no in a side to what fails a check."""

    def helper(thing: Any) -> Any:
        state = _state.get()
        if state is not None and state.depth and not check(thing):
            raise _Unjoined
        return thing

    return helper


def _is_container(thing: Any) -> bool:
    kind = type(thing)
    if issubclass(kind, tuple):
        return kind.__iter__ is tuple.__iter__ and kind.__getitem__ is tuple.__getitem__
    return kind in CONTAINERS or is_array(thing)


def _items(thing: Any) -> Any:
    """Return what a loop goes through; in a side nothing that is more work than there may be."""
    state = _state.get()
    if state is not None and state.depth:
        if not _is_container(thing):
            raise _Unjoined
        _limited(state, length_hint(thing))
    return thing


def _is_immutable(thing: Any) -> bool:
    return type(thing) in NUMBERS or isinstance(thing, Value) or type(thing) in (str, tuple)


def _is_key(thing: Any) -> bool:
    return _is_operand(thing) or type(thing) is str or (type(thing) is tuple and all(map(_is_key, thing)))


def _attribute(thing: Any, name: str) -> Any:
    """Return an attribute; in a side only what is looked up, and not computed."""
    state = _state.get()
    if state is not None and state.depth and not _is_looked_up(thing, name):
        raise _Unjoined
    return getattr(thing, name)


def _is_looked_up(thing: Any, name: str) -> bool:
    kind = type(thing)
    if isinstance(thing, Value):
        return name in vars(fast.Operators)
    if _is_operand(thing) or kind in CONTAINERS or (kind is ModuleType and name in vars(thing)):
        return True
    plain: tuple[Any, ...] = object.__getattribute__, type.__getattribute__
    if kind.__getattribute__ not in plain or hasattr(kind, '__getattr__'):
        return False
    classes = (*thing.__mro__, *kind.__mro__) if isinstance(thing, type) else kind.__mro__
    found = {type(vars(one)[name]) for one in classes if name in vars(one)}
    return all(not hasattr(one, '__get__') or one in LOOKED_UP or one.__name__ == '_tuplegetter' for one in found)


def _leave() -> NoReturn:
    """Say no where a side does more than compute."""
    raise _Unjoined


def _lazy(items: Any) -> Any:
    """Return what gives items one by one, or at once in a side, where it is an argument."""
    state = _state.get()
    return _Once(items) if state is not None and state.depth else items


#: What a rewritten function calls its helpers by.
CELLS = {
    f'${name}': CellType(helper)
    for name, helper in {
        'joined': _joined, 'returned': _returned, 'either': _either, 'called': _called, 'attribute': _attribute,
        'known': _known, 'kept': _kept, 'lazy': _lazy, 'leave': _leave, 'locals': locals, 'tried': _tried,
        'unbound': UNBOUND, 'bool': bool,
        'fresh': lambda *items: _Fresh(items),
        'number': _strict(_is_operand),
        'truth': _strict(lambda thing: _is_operand(thing) or type(thing) in CONTAINERS),
        'container': _strict(_is_container),
        'items': _items,
        'key': _strict(_is_key),
        'immutable': _strict(_is_immutable),
    }.items()
}  # fmt: skip
