"""Nested lists, tuples, dicts and NumPy arrays, taken apart into their numbers and put together again.

>>> leaves, build = take_apart({'w': [1.0, (2.0, 3.0)], 'b': 4.0})
>>> leaves
[1.0, 2.0, 3.0, 4.0]
>>> build([10, 20, 30, 40])
{'w': [10, (20, 30)], 'b': 40}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import accumulate
from typing import Any

from .._extras import needed
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.numbers import as_real
from ..engine.value import Value

__all__ = ['Build', 'assemble', 'structure_of', 'take_apart']

Build = Callable[[Sequence[Any]], Any]


def take_apart(
    structure: Any, what: str = 'a structure', objects: bool = True, nested: bool = False
) -> tuple[list[Any], Build]:
    """List the numbers and Values of a structure, and return what builds its like of others.

    Lists, tuples (named ones too), dicts (in their own order) and arrays may be nested;
    anything else in them raises TypeError with its place. What is built of floats has
    float arrays where the structure has arrays; of anything else, object arrays. Of an array of floats,
    too: numbers are then Python's, and arrays parts of it. Without ``objects``, arrays of objects are refused;
    ``nested``: they may hold structures, as the Hessian by an array and something else has.
    """
    if nested and is_array(structure) and not _are_numbers(structure.ravel().tolist()):
        parts, shape = [*structure.flat], structure.shape
        names = [f'element {place} of {what}' for place in range(len(parts))]
        leaves, several = _several(parts, names, objects, nested)
        return leaves, lambda new: assemble(several(new), shape)
    if is_array(structure):
        array_of_numbers(structure, what, also='O' if objects else '')
        shape, numbers = structure.shape, structure.ravel().tolist()
        for place, number in enumerate(numbers) if not _are_numbers(numbers) else ():
            if not _is_number(number):
                raise TypeError(f'element {place} of {what} must be a number or a Value, not {number!r}')
        return numbers, lambda leaves: assemble(leaves, shape)
    if _is_number(structure):
        return [structure], _single
    if isinstance(structure, dict):
        keys = [*structure]
        names = [f'{what}[{key!r}]' for key in keys]
        leaves, build = _several([structure[key] for key in keys], names, objects, nested)
        return leaves, lambda new: _dict_like(structure, zip(keys, build(new), strict=True))
    if isinstance(structure, (list, tuple)):
        names = [f'{what}[{place}]' for place in range(len(structure))]
        leaves, build = _several(structure, names, objects, nested)
        kind = type(structure)
        if hasattr(kind, '_make'):
            return leaves, lambda new: kind._make(build(new))
        return leaves, lambda new: kind(build(new))
    raise TypeError(
        f'{what} must be a number, a Value, or a list, tuple, dict or array of them, '
        f'not {structure!r} of type {type(structure).__name__}'
    )


def assemble(leaves: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Make an array of a shape: of floats if all leaves are, of arrays if all leaves are, else of objects."""
    if is_array(leaves):
        return leaves.reshape(shape)  # type: ignore[attr-defined]
    numpy = needed('numpy', 'an array')

    if leaves and all(is_array(leaf) for leaf in leaves):
        return numpy.stack(leaves).reshape(shape + leaves[0].shape)
    if all(isinstance(leaf, float) for leaf in leaves):
        return numpy.array(leaves, dtype=float).reshape(shape)
    result = numpy.empty(len(leaves), dtype=object)
    for place, leaf in enumerate(leaves):  # one by one: together, lists would be taken for rows
        result[place] = leaf
    return result.reshape(shape)


def structure_of(thing: Any) -> Any:
    """Describe a structure of numbers, so that structures that look alike are equal."""
    if is_array(thing):
        return 'array', thing.shape
    if isinstance(thing, dict):
        return type(thing), tuple((key, structure_of(part)) for key, part in thing.items())
    if isinstance(thing, (list, tuple)):
        return type(thing), tuple(map(structure_of, thing))
    return 'number'


def _is_number(thing: Any) -> bool:
    return isinstance(thing, Value) or as_real(thing) is not None


def _shape(parts: Sequence[Any]) -> tuple[int, ...]:
    """Return the shape of parts that are all arrays or all lists, of numbers and of one shape; else none."""
    if all(is_array(part) and _are_numbers(part.ravel().tolist()) for part in parts):
        shapes = {part.shape for part in parts}
    elif all(type(part) is list and all(map(_is_number, part)) for part in parts):
        shapes = {(len(part),) for part in parts}
    else:
        return ()
    return shapes.pop() if len(shapes) == 1 else ()


def _single(leaves: Sequence[Any]) -> Any:
    return leaves.item(0) if is_array(leaves) else leaves[0]  # type: ignore[attr-defined]


def _listed(leaves: Sequence[Any]) -> list[Any]:
    return leaves.tolist() if is_array(leaves) else [*leaves]  # type: ignore[attr-defined]


def _are_numbers(things: Sequence[Any]) -> bool:
    return {*map(type, things)} <= {float, int} or all(map(_is_number, things))


def _dict_like(structure: dict[Any, Any], items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Make a dict of the same kind, with other values."""
    result = copy(structure)
    result.update(items)
    return result


def _several(
    parts: Sequence[Any], names: Sequence[str], objects: bool, nested: bool
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    if _are_numbers(parts):
        return [*parts], _listed
    apart = [take_apart(part, name, objects, nested) for part, name in zip(parts, names, strict=True)]
    ends = [*accumulate(len(part) for part, _ in apart)]
    pieces = [(slice(end - len(part), end), make) for end, (part, make) in zip(ends, apart)]
    shapes: list[tuple[int, ...]] = []  # found once, when it is asked for

    def build(leaves: Sequence[Any]) -> list[Any]:
        if is_array(leaves):
            shapes[:] = shapes or [_shape(parts)]
            if shapes[0]:
                even = leaves.reshape(len(parts), *shapes[0])  # type: ignore[attr-defined]
                return [*even] if is_array(parts[0]) else even.tolist()
        return [make(leaves[piece]) for piece, make in pieces]

    return [leaf for part, _ in apart for leaf in part], build
