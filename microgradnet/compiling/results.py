"""What comes out of an engine: the outputs of many rows, put together as the outputs were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..arrays import is_array
from .guards import Guard, Path

__all__ = ['added', 'first_failing', 'stack']


def first_failing(path: Path, results: Any) -> Iterator[tuple[int, Guard]]:
    """Yield the first row whose comparisons come out otherwise, with the guard that says so."""
    for row, sides in enumerate(results):
        for place, guard in enumerate(path.guards):
            if not guard.holds(float(sides[2 * place]), float(sides[2 * place + 1])):
                yield row, guard
                return


def added(totals: Any, sums: Any) -> Any:
    """Add what came of one block, or shard, to what came of those before; None is of none."""
    if totals is None:
        return sums
    return totals + sums if is_array(totals) else [a + b for a, b in zip(totals, sums, strict=True)]


def stack(results: Any, template: Any, build: Callable[[Sequence[Any]], Any]) -> Any:
    """Return the outputs of many rows: an array if they came as one, else a list, each like the template."""
    if not is_array(results):
        return [build(row) for row in results]
    shape = _shape(template)
    if shape is None:
        return build([column.copy() for column in results.T])
    return results.reshape(len(results), *shape)


def _shape(template: Any) -> tuple[int, ...] | None:
    """Return the shape of nested lists, tuples or arrays; None if they are ragged, or there are dicts."""
    if is_array(template):
        shape: tuple[int, ...] = template.shape
        return shape
    if isinstance(template, dict):
        return None
    if isinstance(template, (list, tuple)):
        first, *others = {_shape(part) for part in template} or {()}
        return None if others or first is None else (len(template), *first)
    return ()
