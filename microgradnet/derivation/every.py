"""The update of every weight of a net in one document, and batch against on-line learning."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from ..formulas.numbers import SIX, digits, on_paper
from ..formulas.text import text
from .kept import Kept
from .lines import Section, Table
from .sheet import NetPicture
from .steps import Steps, rate_of, require_one_place

__all__ = ['sections_of_all']


class _Everywhere(Steps):
    """The steps that all weights share: forward through all neurons, and back to all of them."""

    def on_the_way(self) -> list[tuple[int, int]]:
        return [(k, j) for k in range(self.last, -1, -1) for j in range(self.kept.names.sizes[k])]

    def signals(self) -> Section:
        rows = (self.with_numbers(self.kept.delta(k, j), self.arriving(k, j)) for k, j in self.on_the_way())
        section = Section('The error signals', [part for row in rows for part in row])
        section.body += ['Of every neuron:', self.table()]
        return section


def sections_of_all(
    net: Any, teacher_set: Iterable[tuple[Any, Any]], *, learning_rate: Any, limit: int, hats: bool | None,
    digits: int = SIX, samples: int | None = None,
) -> tuple[str, dict[str, Section], NetPicture]:  # fmt: skip
    """Write the update of every weight and bias out: a title, sections by the names of their steps, and the net."""
    h = rate_of(net, learning_rate)
    kept = Kept(net, teacher_set, bool(hats))
    places = kept.names.places()
    if len(places) > limit:
        raise ValueError(f'{net!r} has {len(places)} weights and biases, and each is updated; the limit is {limit}: '
                         'give a higher one, or ask for one weight')  # fmt: skip
    for place in places:
        require_one_place(kept, place, kept.names.text(place))
    steps = [Steps(kept, place, h, digits, samples) for place in places]
    everywhere = _Everywhere(kept, places[0], h, digits, samples)
    weights = Section('The update of every weight')
    for each, place in zip(steps, places):
        weights.body += [f'Of {kept.names.text(place)}:', *each.updating()]
    sections = {
        'given': everywhere.given(), 'forward': everywhere.forward(), 'error': everywhere.error(),
        'signals': everywhere.signals(), 'weights': weights,
    }  # fmt: skip
    if kept.count > 1:
        batch = [each.rule.at(0) for each in steps]
        sections['compared'] = _compared(net, kept, h, batch, digits)
    several = f'batch learning from {kept.count} samples' if kept.count > 1 else 'on-line learning from one sample'
    return f'The update of every weight by {several}', sections, NetPicture(kept.names, kept.data)


def _compared(net: Any, kept: Kept, h: Any, batch: list[Any], places: int) -> Section:
    """Set what all samples at once make of the weights beside what each after the other makes."""
    online = deepcopy(net)
    online.standardisation = None  # the inputs are those that the first layer saw
    for s in range(kept.count):
        x = [kept.x(i).at(s) for i in range(kept.names.inputs)]
        one = Kept(online, [(x, kept.targets[s])], kept.names.hats)
        for place, parameter in zip(kept.names.places(), online.parameters(), strict=True):
            parameter.data = parameter.data - h * one.gradient(place)
    rows = [
        (text(kept.weight(place)), *(on_paper(digits(x, places=places)) for x in (kept.data[place], new, p.data)))
        for place, new, p in zip(kept.names.places(), batch, online.parameters(), strict=True)
    ]
    table = Table(('weight', 'before', 'batch', 'on-line'), tuple(rows), 'The weights after one step')
    return Section('Batch and on-line', ['All samples together, and each after the other:', table])
