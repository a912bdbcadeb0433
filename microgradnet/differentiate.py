"""Derivatives of ordinary functions, of any order, in any nesting.

===================  ==========================================================
gradients            graph in, graphs out
grad                 f: structure -> number; the gradient, in the same structure
value_and_grad       the same with the value; what ``scipy.optimize`` takes
jacobian, hessian    all first, all second derivatives
jvp, vjp, hvp        Jacobian times a vector, vector times Jacobian, Hessian times a vector
===================  ==========================================================

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

from collections.abc import Callable
from functools import wraps
from typing import Any

from .adjoints import gradients
from .checks import function
from .recorded import Argument, Recorded, argument_of, like
from .tangents import tangents

__all__ = ['grad', 'gradients', 'hessian', 'hvp', 'jacobian', 'jvp', 'tangents', 'value_and_grad', 'vjp']

Function = Callable[..., Any]


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
    both = value_and_grad(f, argument, argnums=argnums)

    @wraps(f)
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


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
    argument = argument_of(f, argument, argnums)

    @wraps(f)
    def both(*arguments: Any, **options: Any) -> Any:
        run = Recorded(f, argument, arguments, options)
        y = run.number()
        return run.bare([y])[0], run.build(run.pull([y], [1]))

    return both


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
    argument = argument_of(f, argument, argnums)
    if mode is not None and (not isinstance(mode, str) or mode not in ('forward', 'reverse')):
        raise ValueError(f"mode must be 'forward', 'reverse' or None, not {mode!r}")

    @wraps(f)
    def all_first(*arguments: Any, **options: Any) -> Any:
        run = Recorded(f, argument, arguments, options)
        ys, build = run.results()
        return build([run.build(row) for row in run.jacobian(ys, mode)])

    return all_first


def hessian(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes every second derivative of f by its argument.

    The argument's structure within the argument's structure: for an array of n numbers
    an array of n by n.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    argument = argument_of(f, argument, argnums)

    @wraps(f)
    def all_second(*arguments: Any, **options: Any) -> Any:
        run = Recorded(f, argument, arguments, options)
        rows = run.jacobian(gradients(run.number(), run.xs), 'forward')
        return run.build([run.build(row) for row in rows])

    return all_second


def hvp(f: Function) -> Function:
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
        return run.build(run.push(gradients(run.number(), run.xs), direction))

    return product


def jvp(f: Function, x: Any, v: Any) -> tuple[Any, Any]:
    """Return f(x), and the Jacobian of f at x times v, by one forward walk.

    v has the structure of x; both results have the structure of f(x).

    >>> jvp(lambda x: [x[0] * x[1], x[0]], [2.0, 5.0], [1.0, 10.0])
    ([10.0, 2.0], [25.0, 1.0])
    """
    run = Recorded(function('f', f), 0, (x,), {})
    ys, build = run.results()
    return build(run.bare(ys)), build(run.push(ys, like(v, run.xs, 'the argument')))


def vjp(f: Function, x: Any) -> tuple[Any, Function]:
    """Return f(x), and the function that multiplies a vector with the Jacobian of f at x.

    The vector has the structure of f(x), the product that of x; each call is one
    reverse walk.

    >>> y, pull_back = vjp(lambda x: [x[0] * x[1], x[0]], [2.0, 5.0])
    >>> pull_back([1.0, 100.0])
    [105.0, 2.0]
    """
    run = Recorded(function('f', f), 0, (x,), {})
    ys, build = run.results()

    def pull_back(w: Any) -> Any:
        return run.build(run.pull(ys, like(w, ys, 'the result')))

    return build(run.bare(ys)), pull_back
