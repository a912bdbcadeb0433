"""One recording of a function on fresh variables, and the derivatives of its nodes.

A derivative that is taken inside another one must be a graph, for the outer one to go
on from; and only the variables of the outer ones tell. So they are kept while a function
runs: what depends on none of them is given as plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

from .adjoints import gradients
from .arithmetic import ieee_arithmetic
from .checks import function, refuse
from .folding import is_number
from .functions import dot
from .graph import depends_on, topological_order
from .linear import Linear
from .reals import Fraction, as_real
from .recorders import lift
from .structures import take_apart
from .tangents import tangents
from .value import Value

__all__ = ['Argument', 'Recorded', 'argument_of', 'like']

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


class Recorded:
    """One recording of a function on fresh variables ``xs``, like one of its arguments, or like a tuple of them.

    ``build`` makes the argument's like of as many numbers as there are variables;
    ``nested`` tells that the argument had nodes in it: then all results are nodes, too.
    """

    def __init__(
        self, f: Callable[..., Any], argument: Argument, arguments: Sequence[Any], options: dict[str, Any]
    ) -> None:
        places = _places(argument, len(arguments))
        alone = isinstance(argument, int)
        structure = arguments[places[0]] if alone else tuple(arguments[place] for place in places)
        leaves, self.build = take_apart(structure, f'argument {argument}' if alone else f'the arguments {argument}')
        self.around = AROUND.get()
        self.xs = [_variable(leaf) for leaf in leaves]
        self.nested = any(isinstance(leaf, Value) for leaf in leaves)
        token = AROUND.set((*self.around, *self.xs))
        try:
            structure = self.build(self.xs)
            given = [*arguments]
            for place, part in zip(places, [structure] if alone else structure, strict=True):
                given[place] = part
            self.result = f(*given, **options)
        finally:
            AROUND.reset(token)

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

    def push(self, ys: Sequence[Value], direction: Sequence[Any]) -> list[Any]:
        """Multiply the Jacobian of ys with a direction, by one walk."""
        linear = self.linear(ys, direction)
        return linear.push(direction) if linear else self.bare(tangents(ys, self.xs, direction), direction)

    def pull(self, ys: Sequence[Value], weights: Sequence[Any]) -> list[Any]:
        """Multiply weights with the Jacobian of ys, by one walk."""
        linear = self.linear(ys, weights)
        if linear:
            return linear.pull(weights)
        with ieee_arithmetic():
            total = ys[0] if len(ys) == 1 and is_number(weights[0], 1) else dot(ys, weights)
        return self.bare(gradients(lift(total), self.xs), weights)

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
            return [*ys]
        if self.around:
            active = depends_on(topological_order(*ys), self.around)
            return [y if y in active else y.data for y in ys]
        return [y.data for y in ys]


def _places(argument: Argument, count: int) -> list[int]:
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
