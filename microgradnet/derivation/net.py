"""``derive`` for a weight of a net."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ..reals import real
from ..value import Value
from .kept import Kept
from .lines import Derivation
from .names import Names
from .steps import Steps
from .terms import Symbol
from .text import text

__all__ = ['derive_weight']


def derive_weight(
    net: Any,
    teacher_set: Iterable[tuple[Any, Any]],
    weight: str | Value,
    h: Any,
    limit: int,
    hats: bool | None = None,
) -> Derivation:
    """Write the update of one weight out; ``derive`` says what it takes."""
    names = Names(net, bool(hats))
    place = names.find(weight)
    if not 0 < real(h, 'the learning rate h') <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1, not {h!r}')
    paths = prod(names.sizes[place[0] + 1 :])
    if paths > limit:
        raise ValueError(
            f'{paths} paths lead from {text(Symbol(names.parameter(place), ()))} to the outputs of {net!r}, and each '
            f'is written out; the limit is {limit}: ask for a later weight, or give a higher limit'
        )
    kept = Kept(net, teacher_set, names.wants_hats(weight) if hats is None else hats)
    several = (
        f'batch learning from {kept.count} samples' if kept.count > 1 else 'on-line learning from one sample'
    )
    title = f'The update of {text(Symbol(kept.names.parameter(place), ()))} by {several}'
    return Derivation(title, Steps(kept, place, real(h)).all())
