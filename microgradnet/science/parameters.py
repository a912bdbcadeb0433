"""The parameters of a model: their names, their bounds, and the function as one of a flat row of numbers.

>>> def misfit(mu, sigma):
...     return (mu - 5.0) ** 2 + sigma
>>> model = Parameters(misfit, {'mu': 1.0, 'sigma': 2.0}, {'sigma': (0.0, None)})
>>> model.names, model.start, model.low, model.call([5.0, 3.0])
(['mu', 'sigma'], [1.0, 2.0], [-inf, 0.0], 3.0)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from math import inf, isfinite
from typing import Any

from ..derivatives.trees import take_apart
from ..engine.checks import function, one_of, refuse
from ..engine.functions import is_array
from ..engine.numbers import real
from ..engine.value import Value

__all__ = ['Parameters']

#: One parameter: its name, and its lower and upper bound.
Described = tuple[str, float, float]


class Parameters:
    """A function of a structure of numbers as one of a flat row, with their names and bounds.

    A dict that names the function's arguments gives them by name, a tuple or list as long as there are several gives
    them in their order; any other structure is the one argument.
    """

    names: list[str]
    start: list[float]
    low: list[float]
    high: list[float]
    build: Callable[[Sequence[Any]], Any]

    def __init__(self, f: Any, x0: Any, bounds: Any = None, what: str = 'f') -> None:
        self._call, name, names = _caller(function(what, f), x0, what)
        parts = x0.items() if isinstance(x0, dict) else zip(names, x0) if names else [(name or 'x', x0)]
        self._parts = [*parts]
        leaves, self.build = take_apart(x0, 'x0', objects=False)
        if not leaves:
            raise ValueError(f'x0 must have at least one parameter, and is {x0!r}')
        described = [*_described(x0, bounds, name, names)]
        self.names, self.low, self.high = ([*column] for column in zip(*described))
        for parameter, x in zip(self.names, leaves):
            if isinstance(x, Value):
                raise TypeError(f'x0 must be numbers, and {parameter} is {x!r}')
        self.start = [*map(float, leaves)]
        for parameter, x, low, high in zip(self.names, self.start, self.low, self.high):
            if not isfinite(x):
                raise ValueError(f'x0 must be finite, and {parameter} is {x}')
            if not low <= x <= high:
                raise ValueError(f'x0 must be within its bounds, and {parameter} is {x}, not in {low} to {high}')

    def call(self, row: Sequence[Any]) -> Any:
        """Call the function with the numbers of a flat row."""
        return self._call(self.build(row))

    def parts(self) -> list[tuple[str, tuple[int, ...]]]:
        """List the name and the shape of each part of x0; a nest is a row."""
        found = []
        for name, part in self._parts:
            leaves, _ = take_apart(part)
            is_number = not isinstance(part, (dict, list, tuple)) and not is_array(part)
            found.append((str(name), part.shape if is_array(part) else () if is_number else (len(leaves),)))
        return found

    def said(self, row: Sequence[float]) -> str:
        """Say what the parameters are."""
        return ', '.join(f'{name} = {x:.6g}' for name, x in zip(self.names, row))


def _caller(f: Callable[..., Any], x0: Any, what: str) -> tuple[Callable[[Any], Any], str, Sequence[str] | None]:
    """Return what calls f with a structure; what the structure is called, or else its parts."""
    try:
        signature = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # it does not say
        return f, 'x', None
    by_place = [p for p in signature if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names, wanted = [p.name for p in by_place], [p.name for p in by_place if p.default is p.empty]
    if isinstance(x0, dict) and {*wanted} <= {*x0} <= {*names}:
        return lambda parts: f(**parts), '', None
    if len(wanted) <= 1:
        is_named = isinstance(x0, dict) or hasattr(x0, '_fields')
        return f, '' if is_named else names[0] if names else 'x', None
    if isinstance(x0, (tuple, list)) and len(wanted) <= len(x0) <= len(names):
        return lambda parts: f(*parts), '', getattr(x0, '_fields', names)
    came = f'a dict of {", ".join(map(repr, x0))}' if isinstance(x0, dict) else repr(x0)
    raise TypeError(f'{what} takes {", ".join(names)}: x0 must be a dict or a tuple of these, not {came}')


def _described(part: Any, bounds: Any, name: str, names: Sequence[str] | None = None) -> Iterator[Described]:
    """Iterate over the parameters in a part of x0, in the order of ``take_apart``."""
    said = f'bounds of {name}' if name else 'bounds'
    pair = _pair(bounds, said)
    if is_array(part):
        part = part.tolist()
        bounds = bounds.tolist() if is_array(bounds) else bounds
    if isinstance(part, dict):
        if pair is None and not isinstance(bounds, dict):
            refuse(said, 'a dict of pairs, or one pair for all', bounds)
        for key in () if pair else bounds:
            if key not in part:
                one_of('parameter', key, map(str, part))
        for key, inner in part.items():
            yield from _described(inner, pair or bounds.get(key), f'{name}.{key}' if name else str(key))
    elif isinstance(part, (list, tuple)):
        if pair is None and (not isinstance(bounds, (list, tuple)) or len(bounds) != len(part)):
            refuse(said, f'a pair for each of {len(part)}, or one pair for all', bounds)
        names = names or getattr(part, '_fields', None) or [f'{name}[{place}]' for place in range(len(part))]
        for place, inner in enumerate(part):
            yield from _described(inner, pair or bounds[place], names[place])
    elif pair is None:
        refuse(said, 'a pair of the lowest and the highest, None where there is none', bounds)
    else:
        low, high = pair
        yield name, -inf if low is None else low, inf if high is None else high


def _pair(bounds: Any, said: str) -> tuple[Any, Any] | None:
    """Return a pair of bounds that holds for all of a part; None where each has its own."""
    if bounds is None:
        return None, None
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        return None
    if any(isinstance(bound, (list, tuple, dict)) or is_array(bound) for bound in bounds):
        return None
    low, high = (bound if bound is None else float(real(bound, said)) for bound in bounds)
    if low is not None and high is not None and not low < high:
        raise ValueError(f'{said} must be the lowest and then the highest, not {low} and {high}')
    return low, high
