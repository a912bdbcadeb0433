"""Parameters that fit best, found by SciPy from compiled derivatives, and how well they are known.

``minimise``       where a function is least: of minus a log-likelihood, the most likely parameters
``least_squares``  where the sum of squares of residuals is least
``Fit``            what both return

>>> from microgradnet.functions import exp
>>> seen = [exp(-0.5 * t) for t in range(6)]
>>> fit = least_squares(lambda rate: [exp(-rate * t) - y for t, y in enumerate(seen)], 1.0)
>>> f'{fit.x:.6f}'
'0.500000'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, isfinite, log10, nan, sqrt
from statistics import NormalDist
from typing import Any

from .._extras import needed
from ..compiling import compile
from ..derivatives.transforms import hessian, hvp, jacobian, value_and_grad
from ..derivatives.trees import take_apart
from ..engine import functions
from ..engine.checks import instance, one_of, within
from .parameters import Parameters

__all__ = ['Fit', 'least_squares', 'minimise']

#: So many parameters at most have their whole Hessian at every step; more are found by products with it.
WHOLE = 100
#: So many Newton steps at most go on from where SciPy ends.
STEPS = 10
#: A fit is at its end where the next Newton step would better it by less: of minus a log-likelihood, one
#: ten-thousandth of a standard error.
ENOUGH = 1e-8
EPSILON = 2.0**-52
#: What is said of a point that is no least one.
BENT = 'the curvature is negative'
#: What SciPy's methods take: all of the Hessian, or products with it; neither a gradient nor a Hessian; bounds.
WITH_HESSIAN = {'dogleg', 'trust-exact'}
WITH_PRODUCTS = {'newton-cg', 'trust-ncg', 'trust-krylov', 'trust-constr'}
WITHOUT = {'nelder-mead', 'powell', 'cobyla', 'cobyqa'}
WITH_BOUNDS = {'nelder-mead', 'l-bfgs-b', 'tnc', 'slsqp', 'powell', 'trust-constr', 'cobyla', 'cobyqa'}
METHODS = sorted(WITH_HESSIAN | WITH_PRODUCTS | WITHOUT | WITH_BOUNDS | {'bfgs', 'cg'})
SQUARES = ('trf', 'dogbox', 'lm')
INFORMATION = ('hessian', 'fisher', 'sandwich')


@dataclass(eq=False, repr=False)
class Fit:
    """Parameters that fit best, as ``minimise`` and ``least_squares`` return them; printed, it is a table.

    x: the parameters, in the structure of ``x0``.
    value: what the function is there; of ``least_squares`` the sum of squares.
    errors: their standard errors, in the same structure; nan where there is none (``why``).
    covariance: an array of shape (parameters, parameters), in the order of ``names``.
    sigma: of ``least_squares`` the standard deviation of a residual, else None.
    freedom: degrees of freedom that sigma was estimated from; infinity where it was not.
    success: whether this is a least value.
    found: what SciPy returned on the way.
    """

    x: Any
    value: float
    errors: Any
    names: list[str]
    covariance: Any
    sigma: float | None
    freedom: float
    success: bool
    why: str
    found: Any

    def intervals(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the lower and the upper ends of intervals of confidence, each in the structure of the parameters.

        They are the parameters and so many standard errors to either side: of the normal distribution, or of
        Student's where sigma was estimated.

        >>> fit = minimise(lambda mu: (mu - 3.0) ** 2 / 2, 0.0)
        >>> low, high = fit.intervals(0.95)
        >>> f'{low:.4f} to {high:.4f}'
        '1.0400 to 4.9600'
        """
        within('level', level, 'between 0 and 1', lambda x: 0 < x < 1)
        if self.freedom == inf:
            wide = NormalDist().inv_cdf(0.5 + level / 2)
        else:
            wide = needed('scipy.special', 'an interval', extra='science').stdtrit(self.freedom, 0.5 + level / 2)
        (numbers, build), (errors, _) = take_apart(self.x), take_apart(self.errors)
        low, high = ([float(x + sign * wide * error) for x, error in zip(numbers, errors)] for sign in (-1, 1))
        return build(low), build(high)

    @property
    def correlation(self) -> Any:
        """The correlations of the parameters: an array, in the order of ``names``."""
        numpy = needed('numpy', 'a fit', extra='science')
        errors = numpy.sqrt(numpy.diag(self.covariance))
        return self.covariance / numpy.outer(errors, errors)

    def __repr__(self) -> str:
        return '\n'.join(line.rstrip() for line in self._lines())

    def _lines(self) -> Iterator[str]:
        rows = [('', 'estimate', 'standard error', '95% interval')]
        columns = [take_apart(part)[0] for part in (self.x, self.errors, *self.intervals())]
        for name, x, error, low, high in zip(self.names, *columns):
            if isfinite(error):
                texts = [_written(number, error) for number in (x, error, low, high)]
                rows.append((name, *texts[:2], f'{texts[2]} to {texts[3]}'))
            else:
                rows.append((name, f'{x:.6g}', '', ''))
        widths = [max(map(len, column)) for column in zip(*rows)]
        for name, *others in rows:
            yield '  '.join([name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(others, widths[1:]))])
        yield f'value {self.value:.6g}' if self.sigma is None else f'sigma {self.sigma:.4g}'
        if not self.success:
            yield f'not at a least value: {self.found.message}'
        if self.why:
            yield self.why


def _written(number: float, error: float) -> str:
    """Write a number to two digits of its error.

    >>> _written(238.94212918, 2.7070075), _written(5.5015643e-4, 7.27e-6)
    ('238.9', '0.0005502')
    """
    digits = 1 - floor(log10(error)) if error > 0 else 6
    if digits > 9 or abs(number) > 1e9:
        return f'{number:.6g}'
    return f'{round(number, digits) + 0.0:.{max(digits, 0)}f}'  # no -0.00


def minimise(
    f: Callable[..., Any],
    x0: Any,
    bounds: Any = None,
    *,
    method: str | None = None,
    information: str = 'hessian',
    backend: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Fit:
    """Find where a function is least, by SciPy, with compiled derivatives; return the ``Fit``.

    f: a function of numbers that ``compile`` takes, which returns a number, or a list of terms to be summed: of
        minus a log-likelihood, one for each observation.
    x0: where to begin: a number, or a list, tuple, dict or array of numbers. A dict that names f's arguments, or a
        tuple of as many as f takes, gives them to it one by one; any other structure is its one argument.
    bounds: in the structure of ``x0`` a pair of the lowest and the highest in place of each number, None for none; a
        pair for a part of it holds for all numbers in that; what a dict leaves out is free.
    method: one of ``scipy.optimize.minimize``; by default ``'L-BFGS-B'`` with bounds, else ``'trust-exact'``, or of
        more than 100 parameters ``'trust-ncg'``, which asks for products with the Hessian only. A few Newton
        steps go on from where SciPy ends.
    information: where standard errors come from: the ``'hessian'`` of f; of terms ``'fisher'``, the sum of the outer
        products of their gradients, or ``'sandwich'``, which holds also where the likelihood is not the true one.
    backend: that of ``compile``.
    options: those of SciPy's method.

    Standard errors and intervals mean something where f is minus the logarithm of a likelihood. A parameter that ends
    at its bound has none, and the others are those with it held there. Where they cannot be had, ``fit.why`` says
    which parameters cannot be told from each other. Raises ValueError where f is not finite at ``x0``.

    >>> from microgradnet.functions import log
    >>> heights = [4.9, 5.6, 5.1, 4.4]
    >>> def surprise(mu, sigma):
    ...     return [log(sigma) + ((y - mu) / sigma) ** 2 / 2 for y in heights]
    >>> minimise(surprise, {'mu': 1.0, 'sigma': 1.0}, {'sigma': (0.01, None)})
           estimate  standard error    95% interval
    mu         5.00            0.22    4.58 to 5.42
    sigma      0.43            0.15    0.13 to 0.73
    value -1.3748
    """
    model, numpy = Parameters(f, x0, bounds), needed('numpy', 'minimise', extra='science')
    optimise = needed('scipy.optimize', 'minimise', extra='science').minimize
    one_of('information', information, INFORMATION)
    bounded = any(isfinite(bound) for bound in (*model.low, *model.high))
    size = len(model.start)
    if method is None:
        method = 'L-BFGS-B' if bounded else 'trust-exact' if size <= WHOLE else 'trust-ncg'
    kind = one_of('method', method.lower() if isinstance(method, str) else method, METHODS)
    if bounded and kind not in WITH_BOUNDS:
        raise ValueError(f'the method {method!r} knows no bounds; {", ".join(sorted(WITH_BOUNDS))} do')

    def total(row: Any) -> Any:
        terms, _ = take_apart(model.call(row), 'what f returns')
        return functions.sum(terms) if len(terms) > 1 else terms[0]

    def terms(row: Any) -> list[Any]:
        return take_apart(model.call(row), 'what f returns')[0]

    both, curved, product, slopes = (
        compile(derived, backend=backend)
        for derived in (value_and_grad(total), hessian(total), hvp(total), jacobian(terms))
    )
    x = numpy.array(model.start)
    _finite('f', both(x)[0], model)
    unit = numpy.where(x == 0, 1.0, abs(x))  # SciPy's steps and limits are for numbers of some size

    def scaled(z: Any) -> Any:
        value, slope = both(z * unit)
        return value, slope * unit

    given: dict[str, Any] = {'fun': scaled, 'jac': True}
    if kind in WITHOUT:
        given = {'fun': lambda z: both(z * unit)[0]}
    elif kind in WITH_HESSIAN:
        given['hess'] = lambda z: curved(z * unit) * numpy.outer(unit, unit)
    elif kind in WITH_PRODUCTS:
        given['hessp'] = lambda z, v: product(z * unit, v * unit) * unit
    low, high = numpy.array(model.low), numpy.array(model.high)
    if bounded:
        given['bounds'] = [*zip(low / unit, high / unit)]
    far = {'max_trust_radius': 1e9} if kind.startswith('trust') and kind != 'trust-constr' else {}
    found = optimise(x0=x / unit, method=method, options=far | _options(options), **given)
    found.x = (numpy.asarray(found.x, dtype=float) * unit).clip(low, high)
    x, value, slope, left = _polished(found.x, both, curved, low, high)
    free = _free(x, slope, low, high)
    square = curved(x)[numpy.ix_(free, free)]
    known, why = bread, level = _inverse(square, model.names, free)
    if information != 'hessian':
        jacobians = numpy.array(slopes(x))[:, free]
        known, why = _inverse(jacobians, model.names, free, slopes=True)
        if information == 'sandwich':
            known, why = bread @ (jacobians.T @ jacobians) @ bread, level
    # SciPy takes a small gradient for the end; in which units it is small, only the curvature knows.
    success = left <= ENOUGH if not level else bool(found.success) and BENT not in level
    return _fit(model, x, value, known, free, None, inf, success, why, found)


def least_squares(
    residuals: Callable[..., Any],
    x0: Any,
    bounds: Any = None,
    *,
    sigma: float | None = None,
    method: str = 'trf',
    backend: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Fit:
    """Find where the sum of squares of residuals is least, by SciPy, with the compiled Jacobian; return the ``Fit``.

    residuals: a function of numbers that ``compile`` takes, which returns a list of numbers, at least as many as there
        are parameters.
    sigma: the standard deviation of a residual, if it is known; else it is estimated from them, and intervals are of
        Student's distribution.
    method: that of ``scipy.optimize.least_squares``: ``'trf'``, ``'dogbox'`` or ``'lm'``.
    options: its other options; of ``loss`` only ``'linear'``, the sum of squares: ``minimise`` takes any other.

    ``x0``, ``bounds`` and ``backend`` are those of ``minimise``.

    >>> fit = least_squares(lambda a, b: [a + b * t - y for t, y in [(0, 1.1), (1, 2.9), (2, 5.1)]], (0.0, 0.0))
    >>> fit
       estimate  standard error   95% interval
    a      1.03            0.15  -0.86 to 2.93
    b      2.00            0.12   0.53 to 3.47
    sigma 0.1633
    """
    model = Parameters(residuals, x0, bounds, 'residuals')
    numpy = needed('numpy', 'least_squares', extra='science')
    optimise = needed('scipy.optimize', 'least_squares', extra='science').least_squares
    one_of('method', method, SQUARES)
    if sigma is not None:
        within('sigma', sigma, 'greater than 0', lambda x: 0 < x < inf)
    loss = _options(options).get('loss', 'linear')
    if loss != 'linear':  # of another one neither the value nor the errors would be what they are called
        raise ValueError(f"loss must be 'linear', the sum of squares, not {loss!r}: minimise takes any other sum")

    def flat(row: Any) -> list[Any]:
        return take_apart(model.call(row), 'what residuals returns')[0]

    values, slopes = (compile(derived, backend=backend) for derived in (flat, jacobian(flat)))
    x = numpy.array(model.start)
    first = values(x)
    for place, residual in enumerate(first):
        _finite(f'residual {place}', residual, model)
    freedom = len(first) - len(x)
    if freedom < (sigma is None):
        and_sigma, more = ('', '') if sigma else (' and sigma', '; give sigma= if it is known')
        raise ValueError(f'{len(first)} residuals do not tell {len(x)} parameters{and_sigma}{more}')
    found = optimise(
        lambda row: numpy.array(values(row)), x, lambda row: numpy.array(slopes(row)), (model.low, model.high),
        method=method, **{'x_scale': 'jac', 'ftol': 1e-15, 'xtol': 1e-15, 'gtol': 1e-15} | _options(options),
    )  # fmt: skip
    x, free = found.x, numpy.flatnonzero(found.active_mask == 0)
    value, success = 2 * float(found.cost), bool(found.success)
    spread = sqrt(value / freedom) if sigma is None else float(sigma)
    known, why = _inverse(numpy.array(slopes(x))[:, free], model.names, free, slopes=True)
    left = float(freedom) if sigma is None else inf
    return _fit(model, x, value, known * spread**2, free, spread, left, success, why, found)


def _options(options: Any) -> dict[str, Any]:
    return {} if options is None else dict(instance('options', options, Mapping, 'a dict of what SciPy calls them'))


def _finite(what: str, number: float, model: Parameters) -> None:
    if not isfinite(number):
        raise ValueError(f'{what} must be finite at x0, and is {number} at {model.said(model.start)}')


def _free(x: Any, slope: Any, low: Any, high: Any) -> Any:
    """Return the places of the parameters that no bound holds."""
    return (~((x <= low) & (slope > 0) | (x >= high) & (slope < 0))).nonzero()[0]


def _polished(x: Any, both: Any, curved: Any, low: Any, high: Any) -> tuple[Any, float, Any, float]:
    """Do Newton steps as long as they come nearer; return where they end, value, gradient, and what is left to gain."""
    numpy = needed('numpy', 'minimise', extra='science')
    (value, slope), left = both(x), inf
    for _ in range(STEPS):
        free = _free(x, slope, low, high)
        try:
            root = numpy.linalg.cholesky(curved(x)[numpy.ix_(free, free)])
        except numpy.linalg.LinAlgError:  # no least value, or a valley's level floor
            break
        inner = numpy.linalg.solve(root, slope[free])
        left = float(inner @ inner)
        new = x.copy()
        new[free] -= numpy.linalg.solve(root.T, inner)
        new = new.clip(low, high)
        new_value, new_slope = both(new)
        after = numpy.linalg.solve(root, new_slope[free])
        if not float(after @ after) < left or new_value > value + abs(value) * 1e-12:
            break
        x, value, slope, left = new, new_value, new_slope, float(after @ after)
    return x, float(value), slope, left


def _inverse(matrix: Any, names: Sequence[str], free: Sequence[int], slopes: bool = False) -> tuple[Any, str]:
    """Invert a Hessian H, or J'J of ``slopes`` J; where that cannot be, give nans and say why."""
    numpy = needed('numpy', 'a fit', extra='science')
    count = len(free)
    if not numpy.isfinite(matrix).all():
        return numpy.full((count, count), nan), 'no standard errors: the derivatives are not finite here'
    # In units of their own, so that a parameter of metres and one of millimetres are told apart as well.
    scale = numpy.linalg.norm(matrix, axis=0) if slopes else numpy.sqrt(abs(numpy.diag(matrix)))
    scale = numpy.where(scale > 0, scale, 1.0)
    if slopes:
        _, roots, rows = numpy.linalg.svd(matrix / scale)
        values, vectors, least = numpy.zeros(count), rows.T, (len(matrix) * EPSILON) ** 2
        values[: len(roots)] = roots**2
    else:
        values, vectors = numpy.linalg.eigh((matrix + matrix.T) / 2 / scale[:, None] / scale)
        least = 10 * count * EPSILON
    if count and values.min() <= least:
        way = vectors[:, values.argmin()]
        way = way / scale
        way = way / way[abs(way).argmax()]
        along = ' '.join(f'{part:+.3g} {names[k]}' for k, part in zip(free, way) if abs(part) > 1e-3)
        said = BENT if values.min() < -least else 'the data do not tell them apart'
        return numpy.full((count, count), nan), f'no standard errors: {said} along {along}'
    half = vectors / numpy.sqrt(values) / scale[:, None]
    return half @ half.T, ''


def _fit(
    model: Parameters, x: Any, value: float, known: Any, free: Any, sigma: float | None, freedom: float, success: bool,
    why: str, found: Any,
) -> Fit:  # fmt: skip
    numpy = needed('numpy', 'a fit', extra='science')
    covariance = numpy.full((len(x), len(x)), nan)
    covariance[numpy.ix_(free, free)] = known
    errors = numpy.sqrt(numpy.diag(covariance))
    held = [name for place, name in enumerate(model.names) if place not in free]
    if held:
        why = '; '.join(filter(None, [f'at a bound: {", ".join(held)}', why]))
    x, errors = (model.build(column.tolist()) for column in (x, errors))
    return Fit(x, value, errors, model.names, covariance, sigma, freedom, success, why, found)
