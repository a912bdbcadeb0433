"""Samples from a distribution whose density is known up to a factor, by nutpie's No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, log
from typing import Any

from .._extras import needed
from ..compiling import compile
from ..derivatives.transforms import value_and_grad
from ..derivatives.trees import take_apart
from ..engine import functions
from ..engine.checks import flag, whole
from .parameters import Parameters

__all__ = ['sample']


def sample(
    log_density: Callable[..., Any],
    x0: Any,
    bounds: Any = None,
    *,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    backend: str | None = None,
    bar: bool = False,
) -> Any:
    """Draw parameters from a distribution, by nutpie, with the compiled gradient; return ArviZ data.

    log_density: the logarithm of the density, but for a constant: a function of numbers that ``compile`` takes, which
        returns a number, or a list of terms to be summed.
    x0: where to begin: numbers in any structure, spread over the function's arguments as by ``minimise``.
    bounds: as for ``minimise``. A bounded parameter is drawn on a line without bounds, and the density there is
        that of the parameter between its bounds.
    draws: so many of each chain are kept, after ``warmup`` others.
    chains: how many begin, each in another place near ``x0``.
    seed: the same number gives the same draws.
    backend: that of ``compile``.
    bar: whether nutpie shows how far it is.

    The names in the ``posterior`` are the keys of a dict, or the names of the function's arguments; lists and arrays
    are arrays there. Raises ValueError where the density or its gradient is not finite at ``x0``.
    It needs ``pip install 'microgradnet[sampling]'``.
    """
    model = Parameters(log_density, x0, bounds, 'log_density')
    numpy = needed('numpy', 'sample', extra='sampling')
    nutpie = needed('nutpie', 'sample', extra='sampling')
    make = needed('nutpie.compiled_pyfunc', 'sample', extra='sampling').from_pyfunc
    whole('draws', draws)
    whole('warmup', warmup)
    whole('chains', chains)
    flag('bar', bar)
    if seed is not None:
        whole('seed', seed, 0)
    edges = [*zip(model.low, model.high)]

    def freely(row: Sequence[Any]) -> Any:
        """The logarithm of the density on the line without bounds: of x, times how much x moves with the line."""
        xs, stretches = zip(*(_between(z, low, high) for z, (low, high) in zip(row, edges)))
        terms, _ = take_apart(model.call(xs), 'what log_density returns')
        return functions.sum([*terms, *(stretch for stretch in stretches if stretch is not None)])

    density = compile(value_and_grad(freely), backend=backend)
    bounded = compile(lambda row: [_between(z, *edge)[0] for z, edge in zip(row, edges)], backend=backend)
    start = numpy.array([_line(x, low, high, name) for x, (low, high), name in zip(model.start, edges, model.names)])
    value, slope = density(start)
    if not isfinite(value) or not numpy.isfinite(slope).all():
        raise ValueError(f'log_density and its gradient must be finite at x0, and are {value} and {slope.tolist()}')
    names, shapes = zip(*model.parts())
    sizes = numpy.cumsum([int(numpy.prod(shape)) for shape in shapes])

    def expand(row: Any, **_: Any) -> dict[str, Any]:
        parts = numpy.split(numpy.array(bounded(row), dtype=float), sizes[:-1])
        return {name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes)}

    def scattered(begin: int) -> Any:
        return start + numpy.random.default_rng(begin).uniform(-0.5, 0.5, len(start))

    compiled = make(
        len(start), lambda: lambda row, **_: density(row), lambda *_: expand, [numpy.dtype('float64')] * len(names),
        [*shapes], [*names], make_initial_point_fn=scattered,
    )  # fmt: skip
    return nutpie.sample(compiled, draws=draws, tune=warmup, chains=chains, seed=seed, progress_bar=bar)


def _between(z: Any, low: float, high: float) -> tuple[Any, Any]:
    """Return the number between two bounds that is at a place of a line, and the logarithm of how much it moves."""
    if isfinite(low) and isfinite(high):
        stretch = log(high - low) - functions.softplus(z) - functions.softplus(-z)
        return low + (high - low) * functions.sigmoid(z), stretch
    if isfinite(low):
        return low + functions.exp(z), z
    if isfinite(high):
        return high - functions.exp(z), z
    return z, None


def _line(x: float, low: float, high: float, name: str) -> float:
    """Return the place on the line of a number between its bounds."""
    if x in (low, high):
        raise ValueError(f'x0 must be between its bounds, and {name} is at one, {x}')
    if isfinite(low) and isfinite(high):
        return log(x - low) - log(high - x)
    return log(x - low) if isfinite(low) else log(high - x) if isfinite(high) else x
