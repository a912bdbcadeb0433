"""The forward sweep of a folded tape: every operation once, in the body it was folded into.

A number of the same turn is in a register, one of the turn before is carried, one from
far away is in memory, where whatever is asked for again is kept.
"""

from __future__ import annotations

from .bodies import Bodies, Frame
from .nests import Nest, Part, Site
from .routine import Block, Loop

__all__ = ['Forward']


class Forward(Bodies):
    """Writes the forward sweep."""

    def forwards(self) -> list[Block]:
        return [self._forward(part) for part in self._nests.parts]

    def _forward(self, part: Part) -> Block:
        frame = Frame(part)
        self._frames.append(frame)
        for item in part.items:
            if isinstance(item, Nest):
                self._forward_loop(item)
            else:
                self._forward_site(item)
        if not part.alone:
            self._frames.pop()
        return frame.block

    def _forward_loop(self, nest: Nest) -> None:
        loop = Loop(nest.count, backwards=False)
        for part in nest.parts:
            loop.blocks.append(self._forward(part))
            if part.alone:
                for source, (carry, number) in self._frames.pop().carries.items():
                    self._reader = source.place.first()
                    carry.start, carry.after = self._value(number.first()), self._register[source]
                    loop.carries.append(carry)
        self._frames[-1].block.append(loop)
        for part in nest.parts:
            for item in part.items:
                if isinstance(item, Site) and self._kept.get(item) is False:
                    self._put(-1, 'store', 'kept', item.place.last(), self._register[item])

    def _forward_site(self, site: Site) -> None:
        self._reader = site.place
        operands = [self._value(number) for number in site.operands]
        result = self._register[site] = self.apply(site.operation, operands)
        if self._kept.get(site):
            self._put(-1, 'store', 'kept', site.place, result)
        for number in site.outputs:
            self._put(-1, 'output', number, result)
