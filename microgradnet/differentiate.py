"""Derivatives of ordinary functions, of any order, in any nesting.

===================  ==========================================================
gradients            graph in, graphs out
grad                 f: structure -> number; the gradient, in the same structure
value_and_grad       the same with the value; what ``scipy.optimize`` takes
jacobian, hessian    all first, all second derivatives
jvp, vjp, hvp        Jacobian times a vector, vector times Jacobian, Hessian times a vector
===================  ==========================================================

A structure is a number, or a list, tuple, dict or NumPy array of structures. The
function is recorded on Values of the same structure; the derivatives are graphs that
``gradients`` and ``tangents`` make, so that derivatives may be nested at will.

>>> def f(x):
...     return x ** 3
>>> grad(f)(2.0), grad(grad(f))(2.0)
(12.0, 12.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any

from .adjoints import gradients
from .arithmetic import ieee_arithmetic
from .functions import dot
from .graph import depends_on, topological_order
from .recording import lift
from .structures import take_apart
from .tangents import tangents
from .value import Value

__all__ = ['grad', 'gradients', 'hessian', 'hvp', 'jacobian', 'jvp', 'tangents', 'value_and_grad', 'vjp']

Function = Callable[..., Any]

#: The variables of the derivatives being taken around this one.
_around: ContextVar[tuple[Value, ...]] = ContextVar('around', default=())


def grad(f: Function, argument: int = 0) -> Function:
    """Return the function that computes the gradient of f by one of its arguments.

    f takes structures and returns one number (TypeError if not). The gradient has
    the structure of the argument.

    >>> grad(lambda p: p['a'] * p['b'][0])({'a': 2.0, 'b': [5.0]})
    {'a': 5.0, 'b': [2.0]}

    Derivatives nest without confusing their variables:

    >>> grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    1.0
    """
    both = value_and_grad(f, argument)

    @wraps(f)
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


def value_and_grad(f: Function, argument: int = 0) -> Function:
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

    @wraps(f)
    def both(*arguments: Any, **options: Any) -> Any:
        run = _Run(f, argument, arguments, options)
        y = run.number()
        return run.bare([y])[0], run.build(run.bare(gradients(y, run.xs)))

    return both


def jacobian(f: Function, argument: int = 0, mode: str | None = None) -> Function:
    """Return the function that computes every derivative of f's result by its argument.

    The result has f's structure, with the argument's structure in place of each number;
    two arrays give one array of both shapes. ``mode`` is ``'forward'`` (one walk per
    number in the argument) or ``'reverse'`` (one per number in the result); by default
    whichever is fewer.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 1.0]]
    """
    if mode not in (None, 'forward', 'reverse'):
        raise ValueError(f"mode must be 'forward', 'reverse' or None, not {mode!r}")

    @wraps(f)
    def all_first(*arguments: Any, **options: Any) -> Any:
        run = _Run(f, argument, arguments, options)
        ys, build = run.results()
        return build([run.build(run.bare(row)) for row in _jacobian(ys, run.xs, mode)])

    return all_first


def hessian(f: Function, argument: int = 0) -> Function:
    """Return the function that computes every second derivative of f by its argument.

    The argument's structure within the argument's structure: for an array of n numbers
    an array of n by n.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """

    @wraps(f)
    def all_second(*arguments: Any, **options: Any) -> Any:
        run = _Run(f, argument, arguments, options)
        rows = _jacobian(gradients(run.number(), run.xs), run.xs, None)
        return run.build([run.build(run.bare(row)) for row in rows])

    return all_second


def hvp(f: Function) -> Function:
    """Return the function of x and v that computes the Hessian of f at x times v.

    Two walks, whatever the size: ``hessp`` of ``scipy.optimize.minimize``.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """

    @wraps(f)
    def product(x: Any, v: Any, *more: Any, **options: Any) -> Any:
        run = _Run(f, 0, (x, *more), options)
        slopes = gradients(run.number(), run.xs)
        return run.build(run.bare(tangents(slopes, run.xs, run.like(v, 'the vector'))))

    return product


def jvp(f: Function, x: Any, v: Any) -> tuple[Any, Any]:
    """Return f(x), and the Jacobian of f at x times v, by one forward walk.

    v has the structure of x; both results have the structure of f(x).

    >>> jvp(lambda x: [x[0] * x[1], x[0]], [2.0, 5.0], [1.0, 10.0])
    ([10.0, 2.0], [25.0, 1.0])
    """
    run = _Run(f, 0, (x,), {})
    ys, build = run.results()
    changes = tangents(ys, run.xs, run.like(v, 'the vector'))
    return build(run.bare(ys)), build(run.bare(changes))


def vjp(f: Function, x: Any) -> tuple[Any, Function]:
    """Return f(x), and the function that multiplies a vector with the Jacobian of f at x.

    The vector has the structure of f(x), the product that of x; each call is one
    reverse walk.

    >>> y, pull_back = vjp(lambda x: [x[0] * x[1], x[0]], [2.0, 5.0])
    >>> pull_back([1.0, 100.0])
    [105.0, 2.0]
    """
    run = _Run(f, 0, (x,), {})
    ys, build = run.results()

    def pull_back(w: Any) -> Any:
        weights, _ = take_apart(w, 'the vector')
        if len(weights) != len(ys):
            raise ValueError(f'the vector must be like the result, of {len(ys)} numbers; it has {len(weights)}')
        run.nested = run.nested or any(isinstance(weight, Value) for weight in weights)
        with ieee_arithmetic():
            total = dot(ys, weights)
        return run.build(run.bare(gradients(total, run.xs)))

    return build(run.bare(ys)), pull_back


class _Run:
    """One recording of a function on fresh variables."""

    def __init__(self, f: Function, argument: int, arguments: Sequence[Any], options: dict[str, Any]) -> None:
        if not 0 <= argument < len(arguments):
            raise TypeError(f'there is no argument {argument} to differentiate by: {len(arguments)} were given')
        leaves, self.build = take_apart(arguments[argument], f'argument {argument}')
        self.around = _around.get()
        self.xs = [_variable(leaf) for leaf in leaves]
        self.nested = any(isinstance(leaf, Value) for leaf in leaves)
        token = _around.set((*self.around, *self.xs))
        try:
            structure = self.build(self.xs)
            self.result = f(*arguments[:argument], structure, *arguments[argument + 1 :], **options)
        finally:
            _around.reset(token)

    def number(self) -> Value:
        """The result, which must be one number."""
        leaves, _ = take_apart(self.result, 'the result')
        if len(leaves) != 1:
            raise TypeError(f'the function must return one number to have a gradient; it returned {self.result!r}')
        return lift(leaves[0])

    def results(self) -> tuple[list[Value], Callable[[Sequence[Any]], Any]]:
        """The numbers in the result, and what builds its like."""
        leaves, build = take_apart(self.result, 'the result')
        return [lift(leaf) for leaf in leaves], build

    def like(self, v: Any, what: str) -> list[Any]:
        """The numbers of a structure that must be like the argument."""
        leaves, _ = take_apart(v, what)
        if len(leaves) != len(self.xs):
            raise ValueError(f'{what} must be like the argument, of {len(self.xs)} numbers; it has {len(leaves)}')
        self.nested = self.nested or any(isinstance(leaf, Value) for leaf in leaves)
        return leaves

    def bare(self, ys: Sequence[Value]) -> list[Any]:
        """Numbers, unless a derivative around this one may want to go on: then nodes."""
        if self.nested:
            return [*ys]
        if self.around:
            active = depends_on(topological_order(*ys), self.around)
            return [y if y in active else y.data for y in ys]
        return [y.data for y in ys]


def _variable(leaf: Any) -> Value:
    """Make a fresh variable: a leaf, or, on a node of a derivative around, a node of its own."""
    return leaf.identity() if isinstance(leaf, Value) else Value(leaf)


def _jacobian(ys: Sequence[Value], xs: Sequence[Value], mode: str | None) -> list[list[Value]]:
    """Return the rows of all derivatives, column by column or row by row."""
    if mode == 'reverse' or (mode is None and len(ys) <= len(xs)):
        return [gradients(y, xs) for y in ys]
    columns = [tangents(ys, xs, [float(other is x) for other in xs]) for x in xs]
    return [[*row] for row in zip(*columns)] if columns else [[] for _ in ys]
