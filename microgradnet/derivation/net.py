"""``derive`` for a weight of a net."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ..checks import whole
from ..graph import topological_order
from ..reals import Fraction, real
from ..value import Value
from .kept import Kept
from .lines import Derivation
from .names import Names, Place
from .refusals import finite, too_many
from .steps import Steps

__all__ = ['derive_weight']


def derive_weight(
    net: Any,
    teacher_set: Iterable[tuple[Any, Any]],
    weight: str | Value,
    *,
    learning_rate: Any = None,
    limit: int = 64,
    hats: bool | None = None,
) -> Derivation:
    """Write the update of one weight out; ``derive`` says what it takes."""
    whole('limit', limit)
    names = Names(net, bool(hats))
    place = names.find(weight)
    if learning_rate is None:
        learning_rate = Fraction(1, 2) if all(isinstance(p.data, Fraction) for p in net.parameters()) else 0.5
    h = real(learning_rate, 'the learning rate h')
    if not 0 < h <= 1:
        raise ValueError(f'the learning rate h must be 0 < h <= 1, not {learning_rate!r}')
    if (paths := prod(names.sizes[place[0] + 1 :])) > limit:
        raise too_many(paths, limit, names.text(place), 'the outputs', 'ask for a later weight')
    kept = Kept(net, teacher_set, names.wants_hats(weight) if hats is None else hats)
    name = kept.names.text(place)
    _require_one_place(kept, place, name)
    several = f'batch learning from {kept.count} samples' if kept.count > 1 else 'on-line learning from one sample'
    return finite(Derivation(f'The update of {name} by {several}', Steps(kept, place, h).all()))


def _require_one_place(kept: Kept, place: Place, name: str) -> None:
    """Raise ValueError if E depends on a weight by other ways than through its own neuron."""
    k, j, i = place
    neuron = kept.names.net.layers[k].neurons[j]
    parameter = neuron.bias if i is None else neuron.weights[i]
    own = {run.layers[k][j].r for run in kept.runs}
    for node in topological_order(kept.error):
        if sum(source is parameter for source in node.inputs) > (node in own):
            raise ValueError(f'{name} is shared: E depends on it in more places than one, and a derivation is of one')
