"""What a reverse sweep does with error signals: partials, sums, and the gates that signals pass.

A signal that has passed a ``where`` is 0 unless its side was chosen. That is said by a choice and not by
a factor of 0, which an infinity or nan further on would make a nan. So a signal carries its gates with
it, until it meets others or leaves the body it is in; there a mask goes beside it, which says whether it has
come. A 0 says nothing of that: a signal of 0 that has come is one. ``derivatives.graphs`` does the same with graphs.

Everything here is written with a ``Lowering`` g.

>>> g = Lowering()
>>> signal, partial = g.make('row', 0), g.make('row', 1)
>>> total, gates = arrived(g, [Term(signal, partial), Term(signal)], dot_product)
>>> g.instructions[total], gates
(Instruction(name='sum', operands=(0, 2)), frozenset())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from ...engine.table import Operation
from .instructions import Place
from .lowering import Gate, Later, Lowering

__all__ = [
    'NEVER', 'OPEN', 'Gates', 'Term', 'any_of', 'arrived', 'close', 'dot_product', 'gate', 'mask', 'partials', 'plus',
    'seed', 'sent', 'unmasked',
]  # fmt: skip

#: The choices that a signal has passed.
Gates: TypeAlias = frozenset[Gate]
OPEN: Gates = frozenset()
#: A gate that is never open.
NEVER: Gates = frozenset([Gate(False, 1, None)])


class Term(NamedTuple):
    """A signal, the partial it is to be multiplied by (1 and -1 are not), and its gates."""

    signal: Place
    partial: Any = 1
    gates: Gates = OPEN


def partials(
    g: Lowering, op: Operation, operands: Sequence[Any], y: Any, active: Sequence[bool]
) -> list[tuple[int, Any]]:
    """Pair the place of each active operand with its partial: the table's cell, or a user's own function."""
    if not op.has_cells:
        registers = [g.place(operand) for operand in operands]
        return [(k, g.make(g.custom(op.slope(k)), *registers)) for k, on in enumerate(active) if on]  # type: ignore[attr-defined]
    pairs: list[tuple[int, Any]] = []
    split, first = op.split(operands), 0
    for parameter, operand in zip(op.parameters, split):
        places = range(first, first + len(operand) if parameter in op.vectors else first + 1)
        first = places.stop
        if any(active[k] for k in places):
            partial = op.partial_graph(parameter)(g, *split, y)
            if isinstance(partial, list):
                pairs += [(k, p) for k, p in zip(places, partial) if active[k]]
            else:
                pairs += [(k, partial) for k in places if active[k]]
    return pairs


def sent(g: Lowering, signal: Place, partial: Any, gates: Gates) -> Term | None:
    """Return what is sent along an edge, None if that is nothing.

    Times a number that is 0 it is a signal, which may meet what is no number. But where derivatives follow that is
    nothing, nor is the slope of a step, y - y, as neither is to a ``Builder`` of graphs.
    """
    if partial is None:
        return None
    if g.stops and isinstance(partial, Place):
        name, operands = g.instructions[partial]
        if name == 'sub' and operands[0] == operands[1]:
            return None
    if isinstance(partial, Gate):
        return Term(signal, 1, gates | {partial})
    known = g.known(partial)
    if known == 0 and (g.stops or not isinstance(partial, (Place, Later))):
        return None
    return Term(signal, int(known) if known in (1, -1) else g.place(partial), gates)


def arrived(
    g: Lowering, terms: Sequence[Term], add: Callable[[Lowering, Sequence[Term]], Place]
) -> tuple[Place, Gates]:
    """Add up what has arrived at an operation, and return the gates that all of it has passed."""
    gates = terms[0].gates
    if all(term.gates is gates or term.gates == gates for term in terms):
        return add(g, terms), gates
    groups: dict[Gates, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.gates, []).append(term)
    closed = [Term(close(g, add(g, group), gates)) for gates, group in groups.items()]
    return add(g, closed), any_of(g, [*groups])


def close(g: Lowering, signal: Place, gates: Gates) -> Place:
    """Let a signal through only where all its gates are open.

    One that is closed decides, whatever the others are: it is chosen last, for a nan makes a nan of a 0, too.
    """
    ordered = sorted(gates, key=lambda gate: gate.condition)
    if len(ordered) > 1:
        for one in ordered:
            signal = g.place(one.close(g, signal, signal))
        ordered = [one.bare for one in ordered]
    for one in ordered:
        signal = g.place(one.close(g, signal))
    return signal


def gate(g: Lowering, number: Place) -> Gate:
    """Return the gate that is open where a number is not 0, nor, in a tangent, stays so; a nan passes it."""
    return Gate(g.came(number, 0.0), 1, None)


def seed(g: Lowering, weight: Place) -> Term:
    """Return the signal that an output begins with; a weight of 0 is no signal, so that no partial is asked for."""
    return Term(weight, 1, frozenset([gate(g, weight)]))


def mask(g: Lowering, ways: Sequence[Gates]) -> Place:
    """Return the number beside a signal where its gates cannot be: 0 where it has come in none of some ways, else more.

    It is a number and no condition, for of these a part of a long program knows only what it makes again.
    """
    found = [_mask(g, gates) for gates in dict.fromkeys(ways)]
    return found[0] if len(found) == 1 else g.make('sum', *found)


def unmasked(g: Lowering, mask: Place) -> Gates:
    """Return the gates of a signal with such a number beside it."""
    came = g.ne(mask, 0.0)
    return OPEN if came is True else frozenset([Gate(came, 1, None, mask)])


def any_of(g: Lowering, ways: Sequence[Gates]) -> Gates:
    """Return the gates of a sum of signals: open if any of the ways they came is.

    Where all are closed the sum is 0, and must still not meet an infinity further on.
    """
    if OPEN in ways or any(frozenset([one.opposite]) in ways for one, *more in ways if not more):
        return OPEN  # one way or the other, a signal always comes
    return unmasked(g, mask(g, ways))


def _mask(g: Lowering, gates: Gates) -> Place:
    masks = [gate.mask for gate in gates]
    if len(masks) == 1 and masks[0] is not None:
        return masks[0]
    return close(g, g.number(1.0), frozenset(gate.bare for gate in gates))


def plus(g: Lowering, total: Place | None, term: Term) -> Place:
    """Add signal times partial to a sum; None is one of no terms."""
    signal, partial, _ = term
    if not isinstance(partial, Place):
        if total is None:
            return signal if partial == 1 else g.make('neg', signal)
        return g.make('add' if partial == 1 else 'sub', total, signal)
    if g.known(signal) == 1.0:
        return partial if total is None else g.make('add', total, partial)
    return g.make('mul', signal, partial) if total is None else g.make('madd', signal, partial, total)


def dot_product(g: Lowering, terms: Sequence[Term]) -> Place:
    """Add up products: a ``mul`` for one, a ``dot`` for several, a ``sum`` where one factor is 1."""
    if len(terms) == 1:
        return plus(g, None, terms[0])
    products: list[tuple[Place, Place]] = []
    singles: list[Place] = []
    number = 0.0
    for signal, partial, _ in terms:
        one, other = g.known(signal), g.known(partial)
        if one is not None and other is not None:
            number += one * other
        elif other == 1 or one == 1:
            singles.append(signal if other == 1 else g.place(partial))
        else:
            products.append((signal, g.place(partial)))
    if len(products) == 1:
        singles.append(g.make('mul', *products[0]))
    elif products:
        bias = singles.pop() if singles else g.number(0.0)
        singles.append(g.make('dot', *[a for a, _ in products], *[b for _, b in products], bias))
    if not singles:
        return g.number(number)
    total = singles[0] if len(singles) == 1 else g.make('sum', *singles)
    return g.make('add', total, g.number(number)) if number else total
