"""Derivatives of ordinary functions, of any order, in any nesting.

===================  ==========================================================
gradients            graph in, graphs out
grad                 f: structure -> number; the gradient, in the same structure
value_and_grad       the same with the value; what ``scipy.optimize`` takes
jacobian, hessian    all first, all second derivatives
jvp, vjp, hvp        Jacobian times a vector, vector times Jacobian, Hessian times a vector
===================  ==========================================================

Each records the function once, on fresh variables. A derivative that is taken inside another one must be a graph,
for the outer one to go on from; and only the variables of the outer ones tell. So they are kept while a function
runs: what depends on none of them is given as plain numbers.

A structure is a number, or a list, tuple, dict or NumPy array of structures. The
function is recorded on Values of the same structure. Where a derivative around this one
goes on from here, the derivatives are graphs that ``gradients`` and ``tangents`` make, so
that they may be nested at will; else they are numbers, which ``Linear`` has much faster.

>>> def f(x):
...     return x ** 3
>>> grad(f)(2.0), grad(grad(f))(2.0)
(12.0, 12.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial, wraps
from types import FunctionType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, overload
from weakref import WeakKeyDictionary

from ..engine.checks import function, refuse
from ..engine.context import asked, holding, is_paused, resumed
from ..engine.numbers import Fraction, as_real
from ..engine.value import Value, lift
from ..engine.walks import depends_on, topological_order
from .graphs import gradients, pulled, tangents
from .linear import Linear
from .trees import take_apart

__all__ = [
    'AROUND', 'Argument', 'Derivative', 'Recorded', 'argument_of', 'derivative', 'derivative_of', 'derives', 'grad',
    'gradients', 'hessian', 'hvp', 'jacobian', 'jvp', 'like', 'places_of', 'tangents', 'value_and_grad', 'vjp',
]  # fmt: skip


#: Which argument, counted from 0 or back from -1, or a tuple of such numbers.
Argument: TypeAlias = int | Sequence[int]

#: The variables of the derivatives being taken around this one.
AROUND: ContextVar[tuple[Value, ...]] = ContextVar('around', default=())


def argument_of(f: Any, argument: Any, argnums: Any = None) -> Argument:
    """Check a function and the numbers of arguments to differentiate it by; JAX calls these ``argnums``.

    >>> argument_of(abs, 0, [0, 1])
    (0, 1)
    """
    function('f', f)
    if argnums is not None:
        if argument != 0:
            raise TypeError(f'argument and argnums are the same thing; {argument!r} and {argnums!r} were given')
        argument = argnums
    several = isinstance(argument, (tuple, list, range))
    for number in argument if several else [argument]:
        if isinstance(number, bool) or not isinstance(number, int):
            refuse('argument', 'the number of an argument, or a tuple of them', number)
    if several and not argument:
        raise ValueError(f'argument must have at least one number of an argument, and is {argument!r}')
    if several and len({*argument}) < len(argument):
        twice = next(number for number in argument if [*argument].count(number) > 1)
        raise ValueError(f'argument {twice} is there twice in {(*argument,)}')
    return (*argument,) if several else argument


class Derivative(NamedTuple):
    """What a function computes that a transform returned: of which kind, of what function, by which argument."""

    kind: str
    f: Callable[..., Any]
    argument: Argument = 0
    mode: str | None = None


Made = TypeVar('Made', bound=Callable[..., Any])
#: By the functions themselves, and not as an attribute, which decorators around them would copy.
_derivatives: WeakKeyDictionary[Callable[..., Any], Derivative] = WeakKeyDictionary()


def derives(function: Made, kind: str, f: Any, argument: Argument = 0, mode: str | None = None) -> Made:
    """Note what a function computes; return it."""
    _derivatives[function] = Derivative(kind, f, argument, mode)
    return function


def derivative_of(function: Any) -> Derivative | None:
    """Say which derivative of what a function is, if it is what a transform returned, or a partial ``jvp`` or ``vjp``.

    >>> derivative_of(grad(abs))
    Derivative(kind='grad', f=<built-in function abs>, argument=0, mode=None)
    """
    if isinstance(function, partial):
        wanted = function.func in (jvp, vjp) and len(function.args) == 1 and not function.keywords
        return Derivative(function.func.__name__, *function.args) if wanted else None
    return _derivatives.get(function) if isinstance(function, FunctionType) else None


class Recorded:
    """One recording of a function on fresh variables ``xs``, like one of its arguments, or like a tuple of them.

    ``build`` makes the argument's like of as many numbers as there are variables;
    ``nested`` tells that the argument had nodes in it: then all results are nodes, too.
    """

    def __init__(
        self, f: Callable[..., Any], argument: Argument, arguments: Sequence[Any], options: dict[str, Any]
    ) -> None:
        places = places_of(argument, len(arguments))
        alone = isinstance(argument, int)
        structure = arguments[places[0]] if alone else tuple(arguments[place] for place in places)
        leaves, self.build = take_apart(structure, f'argument {argument}' if alone else f'the arguments {argument}')
        self.around = AROUND.get()
        self.xs = [_variable(leaf) for leaf in leaves]
        self.nested = any(isinstance(leaf, Value) for leaf in leaves)
        structure = self.build(self.xs)
        given = [*arguments]
        for place, part in zip(places, [structure] if alone else structure, strict=True):
            given[place] = part
        with holding(AROUND, (*self.around, *self.xs)), holding(asked, asked.get() + 1), resumed():
            self.result = f(*given, **options)

    def number(self) -> Value:
        """Return the result, which must be one number."""
        leaves, _ = take_apart(self.result, 'the result')
        if len(leaves) != 1:
            raise TypeError(f'the function must return one number to have a gradient; it returned {self.result!r}')
        return lift(leaves[0])

    def results(self) -> tuple[list[Value], Callable[[Sequence[Any]], Any]]:
        """Return the numbers in the result, and what builds its like."""
        leaves, build = take_apart(self.result, 'the result')
        return [lift(leaf) for leaf in leaves], build

    def gradient(self) -> list[Value]:
        """Return the gradient of the result, which must be one number, as a graph."""
        with resumed():
            return gradients(self.number(), self.xs)

    def push(self, ys: Sequence[Value], direction: Sequence[Any]) -> list[Any]:
        """Multiply the Jacobian of ys with a direction, by one walk."""
        linear = self.linear(ys, direction)
        return linear.push(direction) if linear else self.bare(tangents(ys, self.xs, direction), direction)

    def pull(self, ys: Sequence[Value], weights: Sequence[Any]) -> list[Any]:
        """Multiply weights with the Jacobian of ys, by one walk."""
        linear = self.linear(ys, weights)
        if linear:
            return linear.pull(weights)
        return self.bare(pulled(ys, weights, self.xs), weights)

    def jacobian(self, ys: Sequence[Value], mode: str | None) -> list[list[Any]]:
        """Return the rows of the Jacobian of ys, found column by column or row by row."""
        linear, xs = self.linear(ys), self.xs
        if mode == 'reverse' or (mode is None and len(ys) <= len(xs)):
            if linear:
                return [linear.pull(unit) for unit in _units(ys)]
            return [self.bare(gradients(y, xs)) for y in ys]
        if linear:
            columns = [linear.push(unit) for unit in _units(xs)]
        else:
            columns = [self.bare(tangents(ys, xs, unit)) for unit in _units(xs)]
        return [[*row] for row in zip(*columns)] if columns else [[] for _ in ys]

    def linear(self, ys: Sequence[Value], beside: Sequence[Any] = ()) -> Linear | None:
        """Return the derivative of ys in numbers, or None if it must be a graph or exact."""
        if self.nested or _has_node(beside) or any(isinstance(x._data, Fraction) for x in self.xs):
            return None
        if self.around and not depends_on(order := topological_order(*ys), self.around).isdisjoint(order):
            return None
        return Linear(ys, self.xs)

    def bare(self, ys: Sequence[Value], beside: Sequence[Any] = ()) -> list[Any]:
        """Return numbers, but nodes where a derivative around this one may want to go on."""
        if self.nested or _has_node(beside):
            return [Value(y._data) for y in ys] if is_paused() else [*ys]
        if self.around:
            active = depends_on(topological_order(*ys), self.around)
            return [y if y in active else y.data for y in ys]
        return [y.data for y in ys]


def places_of(argument: Argument, count: int) -> list[int]:
    """Count arguments from 0; raise TypeError for one that was not given, ValueError for one that is there twice."""
    places = []
    for number in [argument] if isinstance(argument, int) else argument:
        if not -count <= number < count:
            raise TypeError(f'there is no argument {number} to differentiate by: {count} were given')
        if number % count in places:
            raise ValueError(f'argument {number % count} is there twice in {argument}')
        places.append(number % count)
    return places


def _variable(leaf: Any) -> Value:
    """Make a fresh variable: a leaf, or, on a node of a derivative around, a node of its own."""
    return leaf.identity() if isinstance(leaf, Value) else Value(leaf)


def like(v: Any, nodes: Sequence[Value], what: str) -> list[Any]:
    """List the numbers of a vector, one for each node; raise ValueError for another number of them."""
    leaves, _ = take_apart(v, 'the vector')
    if len(leaves) != len(nodes):
        raise ValueError(f'the vector must be like {what}, of {len(nodes)} numbers; it has {len(leaves)}')
    return [leaf if isinstance(leaf, (Value, int)) else as_real(leaf) for leaf in leaves]


def _has_node(leaves: Sequence[Any]) -> bool:
    return any(isinstance(leaf, Value) for leaf in leaves)


def _units(nodes: Sequence[Value]) -> Iterator[list[int]]:
    """Yield the direction along each node: 1 in its place, 0 elsewhere."""
    for place in range(len(nodes)):
        yield [int(other == place) for other in range(len(nodes))]


Function: TypeAlias = Callable[..., Any]


def derivative(
    kind: str, f: Function, argument: Argument, argnums: Argument | None, made: Callable[[Recorded], Any],
    mode: str | None = None,
) -> Function:  # fmt: skip
    """Return the function of f's arguments that records f and returns what is made of the recording."""
    argument = argument_of(f, argument, argnums)

    @wraps(f)
    def result(*arguments: Any, **options: Any) -> Any:
        return made(Recorded(f, argument, arguments, options))

    return derives(result, kind, f, argument, mode)


Structure = TypeVar('Structure')


class Gradient(Protocol):
    """A function whose result has the structure of its first argument: ``grad``'s, ``hvp``'s."""

    @overload
    def __call__(self, x: float, /, *more: Any, **options: Any) -> float: ...
    @overload
    def __call__(self, x: list[float], /, *more: Any, **options: Any) -> list[float]: ...
    @overload
    def __call__(self, x: Structure, /, *more: Any, **options: Any) -> Structure: ...


class ValueAndGradient(Protocol):
    """A function that returns a number, and what has the structure of its first argument."""

    @overload
    def __call__(self, x: float, /, *more: Any, **options: Any) -> tuple[float, float]: ...
    @overload
    def __call__(self, x: list[float], /, *more: Any, **options: Any) -> tuple[float, list[float]]: ...
    @overload
    def __call__(self, x: Structure, /, *more: Any, **options: Any) -> tuple[Any, Structure]: ...


class Hessian(Protocol):
    """A function that returns the structure of its first argument within that structure."""

    @overload
    def __call__(self, x: float, /, *more: Any, **options: Any) -> float: ...
    @overload
    def __call__(self, x: list[float], /, *more: Any, **options: Any) -> list[list[float]]: ...
    @overload
    def __call__(self, x: Any, /, *more: Any, **options: Any) -> Any: ...


@overload
def grad(f: Function, argument: Literal[0] = 0, *, argnums: Literal[0] | None = None) -> Gradient: ...
@overload
def grad(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function: ...
def grad(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes the gradient of f by one of its arguments.

    f takes structures and returns one number (TypeError if not). The gradient has
    the structure of the argument. ``argument`` is its number, from 0, or back from -1; or a
    tuple of numbers, and then the gradient is a tuple, too. ``argnums`` is JAX's name for it.

    >>> grad(lambda x, y: x * y, (0, 1))(2.0, 5.0)
    (5.0, 2.0)

    >>> grad(lambda p: p['a'] * p['b'][0])({'a': 2.0, 'b': [5.0]})
    {'a': 5.0, 'b': [2.0]}

    Derivatives nest without confusing their variables:

    >>> grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    1.0
    """
    return derivative('grad', f, argument, argnums, lambda run: run.build(run.pull([run.number()], [1])))


@overload
def value_and_grad(
    f: Function, argument: Literal[0] = 0, *, argnums: Literal[0] | None = None
) -> ValueAndGradient: ...
@overload
def value_and_grad(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function: ...
def value_and_grad(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes f and its gradient, from one recording.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)

    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> def rosenbrock(x):
    ...     return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))
    >>> found = minimize(value_and_grad(rosenbrock), np.zeros(5), jac=True)
    >>> np.allclose(found.x, 1, atol=1e-4)
    True
    """

    def both(run: Recorded) -> Any:
        y = run.number()
        return run.bare([y])[0], run.build(run.pull([y], [1]))

    return derivative('value_and_grad', f, argument, argnums, both)


def jacobian(
    f: Function, argument: Argument = 0, mode: str | None = None, *, argnums: Argument | None = None
) -> Function:
    """Return the function that computes every derivative of f's result by its argument.

    The result has f's structure, with the argument's structure in place of each number;
    two arrays give one array of both shapes. ``mode`` is ``'forward'`` (one walk per
    number in the argument) or ``'reverse'`` (one per number in the result); by default
    whichever is fewer.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 1.0]]
    """
    if mode is not None and (not isinstance(mode, str) or mode not in ('forward', 'reverse')):
        raise ValueError(f"mode must be 'forward', 'reverse' or None, not {mode!r}")

    def all_first(run: Recorded) -> Any:
        ys, build = run.results()
        return build([run.build(row) for row in run.jacobian(ys, mode)])

    return derivative('jacobian', f, argument, argnums, all_first, mode)


@overload
def hessian(
    f: Function, argument: Literal[0] = 0, *, argnums: Literal[0] | None = None
) -> Hessian: ...
@overload
def hessian(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function: ...
def hessian(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes every second derivative of f by its argument.

    The argument's structure within the argument's structure: for an array of n numbers
    an array of n by n.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """

    def all_second(run: Recorded) -> Any:
        rows = run.jacobian(run.gradient(), 'forward')
        return run.build([run.build(row) for row in rows])

    return derivative('hessian', f, argument, argnums, all_second)


def hvp(f: Function) -> Gradient:
    """Return the function of x and v that computes the Hessian of f at x times v.

    Two walks, whatever the size: ``hessp`` of ``scipy.optimize.minimize``.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    function('f', f)

    @wraps(f)
    def product(x: Any, v: Any, *more: Any, **options: Any) -> Any:
        run = Recorded(f, 0, (x, *more), options)
        direction = like(v, run.xs, 'the argument')
        return run.build(run.push(run.gradient(), direction))

    return derives(product, 'hvp', f)


def jvp(f: Function, x: Any, v: Any) -> tuple[Any, Any]:
    """Return f(x), and the Jacobian of f at x times v, by one forward walk.

    v has the structure of x; both results have the structure of f(x).

    >>> jvp(lambda x: [x[0] * x[1], x[0]], [2.0, 5.0], [1.0, 10.0])
    ([10.0, 2.0], [25.0, 1.0])
    """
    run = Recorded(function('f', f), 0, (x,), {})
    ys, build = run.results()
    return build(run.bare(ys)), build(run.push(ys, like(v, run.xs, 'the argument')))


@overload
def vjp(f: Function, x: Structure) -> tuple[Any, Callable[[Any], Structure]]: ...
@overload
def vjp(f: Function, x: Structure, w: Any) -> tuple[Any, Structure]: ...
def vjp(f: Function, x: Any, w: Any = None) -> tuple[Any, Any]:
    """Return f(x), and a vector w times the Jacobian of f at x, by one reverse walk.

    w has the structure of f(x), the product that of x. Without w, the function of w that
    computes the product comes in its place; each call of it is one walk.

    >>> f = lambda x: [x[0] * x[1], x[0]]
    >>> vjp(f, [2.0, 5.0], [1.0, 100.0])
    ([10.0, 2.0], [105.0, 2.0])
    >>> y, pull_back = vjp(f, [2.0, 5.0])
    >>> pull_back([1.0, 100.0])
    [105.0, 2.0]
    """
    run = Recorded(function('f', f), 0, (x,), {})
    ys, build = run.results()

    def pull_back(w: Any) -> Any:
        return run.build(run.pull(ys, like(w, ys, 'the result')))

    return build(run.bare(ys)), pull_back if w is None else pull_back(w)
