"""Reverse mode on graphs: ``gradients`` takes a graph and returns graphs.

>>> x = Value(2.0)
>>> (slope,) = gradients(x ** 3, [x])
>>> (curvature,) = gradients(slope, [x])
>>> slope.data, curvature.data, x.grad
(12.0, 12.0, 0.0)

Forward mode: how much the nodes of a graph change when its leaves change in one direction.

>>> x, y = Value(3.0), Value(2.0)
>>> [change] = tangents([x * y], [x, y], [1.0, 10.0])
>>> change.data
32.0
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..engine.checks import instance, items
from ..engine.context import ieee_arithmetic
from ..engine.numbers import Fraction
from ..engine.value import Value, lift
from ..engine.walks import depends_on, topological_order
from .builder import Builder, Gate, Term, is_number

__all__ = ['gradients', 'partials_of', 'pulled', 'tangents']


#: The choices that a signal has passed: a condition of ``where``, and the side it is for.
Gates: TypeAlias = frozenset[Gate]

OPEN: Gates = frozenset()

#: What one consumer sends to an input: its signal, the local derivative to multiply it by, and its gates.
Contribution: TypeAlias = tuple[Term, Term, Gates]


def gradients(y: Value, xs: Sequence[Value]) -> list[Value]:
    """Return the derivative of y with respect to each x, as new nodes.

    The new nodes are a graph like any other: they can be drawn, differentiated again,
    compiled. They are the table's partials run on nodes instead of numbers, in the
    order of ``backward``; 0, 1 and constants are folded, equal nodes made only once. What is
    multiplied by the number 0 is 0 here, though it is nan, or infinite, where ``backward`` makes a nan.
    No ``grad`` is touched. The arithmetic is IEEE's: it never raises. An x that y does
    not depend on has the derivative 0.

    A node with several consumers gets one ``dot``: error signals times local
    derivatives. So the graph grows by at most one node for each edge of y's graph that
    leads to an x, plus the partials themselves, of which the table's longest has about ten.

    >>> a, b = Value(3.0), Value(-2.0)
    >>> da, db = gradients(a * b + a.sin(), [a, b])
    >>> da.data == b.data + __import__('math').cos(3.0), db is a
    (True, True)
    """
    instance('y of gradients', y, Value, 'a Value')
    xs = items('xs of gradients', xs, 'a list of Values')
    for x in xs:
        instance('an x of gradients', x, Value, 'a Value')
    return pulled([y], [1], xs)


def pulled(ys: Sequence[Value], weights: Sequence[Any], xs: Sequence[Value]) -> list[Value]:
    """Return the derivative of the sum of ys, each times a weight, with respect to each x; as ``gradients`` does.

    A weight of 0 is no signal, so that no partial is asked for.
    """
    with ieee_arithmetic():
        order = topological_order(*ys)
        active, wanted = depends_on(order, xs), set(xs)
        g = Builder(order)
        incoming: defaultdict[Value, list[Contribution]] = defaultdict(list)
        signals: dict[Value, tuple[Term, Gates]] = {}
        for y, weight in zip(ys, weights):
            if y in active and not is_number(weight, 0):
                incoming[y].append((weight, 1, _weighs(weight)))
        for node in reversed(order):
            if node in incoming:
                signal, gates = _gather(g, incoming.pop(node))
                if node in wanted:
                    signals[node] = signal, gates
                for source, partial in partials_of(g, node, active):
                    if partial.__class__ is Gate:
                        incoming[source].append((signal, 1, gates | {partial}))
                    elif partial.__class__ is Value or (partial is not None and not is_number(partial, 0)):
                        incoming[source].append((signal, partial, gates))
        return [_as_node(_close(g, *signals[x]) if x in signals else 0, x) for x in xs]


def _heard(order: Sequence[Value], ys: Sequence[Value]) -> set[Value]:
    """Return the nodes whose motion may reach the ys: not those that a ``stop_gradient``, or a condition, is all of.

    Of these no partial is asked for, as no signal asks any: a loop that is being compiled has none.
    """
    heard = {*ys}
    for node in reversed(order):
        if node in heard and (op := node.op) is not None:
            is_each = op.has_cells and not op.vectors
            heard.update([x for x, cell in zip(node.inputs, op.partial_texts) if cell != 'None']
                         if is_each else node.inputs)  # fmt: skip
    return heard


def _as_node(derivative: Term, x: Value) -> Value:
    """Return a derivative as a node: a number of a float's kind beside a float."""
    exact = isinstance(x._data, Fraction) or not isinstance(derivative, Fraction)
    return lift(derivative if exact else float(derivative), x)


def partials_of(g: Builder, node: Value, active: set[Value]) -> list[tuple[Value, Any]]:
    """Pair each active input of a node with the local derivative, recorded."""
    op, inputs = node.op, node.inputs
    if op is None:
        return []
    if not op.vectors:
        return [(source, cell(g, *inputs, node)) for source, cell in zip(inputs, g.cells[op]) if source in active]
    result: list[tuple[Value, Any]] = []
    operands = op.split(inputs)
    for parameter, operand, cell in zip(op.parameters, operands, g.cells[op]):
        if parameter in op.vectors:
            if not active.isdisjoint(operand):
                partial = cell(g, *operands, node)
                partials = partial if isinstance(partial, (list, tuple)) else [partial] * len(operand)
                result += [(source, p) for source, p in zip(operand, partials) if source in active]
        elif operand in active:
            result.append((operand, cell(g, *operands, node)))
    return result


def _gather(g: Builder, contributions: list[Contribution]) -> tuple[Term, Gates]:
    """Add up what a node's consumers sent.

    A signal that has passed a ``where`` is 0 unless its side was chosen. That must be
    said by a choice, not by a factor of 0, which would let an infinity or nan of the
    other branch through as nan; and once per branch is enough: where signals with
    different gates meet.
    """
    if len(contributions) == 1:
        ((signal, partial, gates),) = contributions
        if signal.__class__ is Value:
            return (signal if partial.__class__ is int and partial == 1 else g.mul(signal, partial)), gates
        return g.dot_product([(signal, partial)]), gates
    if len({gates for _, _, gates in contributions}) == 1:
        return g.dot_product([(signal, partial) for signal, partial, _ in contributions]), contributions[0][2]
    groups: dict[Gates, list[tuple[Term, Term]]] = {}
    for signal, partial, gates in contributions:
        groups.setdefault(gates, []).append((signal, partial))
    terms = [_close(g, g.dot_product(pairs), gates) for gates, pairs in groups.items()]
    return g.dot_product([(term, 1) for term in terms]), _any(g, [*groups])


def _any(g: Builder, ways: list[Gates]) -> Gates:
    """Return the gates of a sum of signals: open if any of the ways they came is.

    Where all are closed the sum is 0, and must still not meet an infinity further on.
    """
    if OPEN in ways or any({Gate(c, not side)} in ways for (c, side, _), *more in ways if not more):
        return OPEN  # one way or the other, a signal always comes
    opened = [_close(g, 1, frozenset(gate._replace(weighs=False) for gate in gates)) for gates in ways]
    return frozenset({Gate(g.total(opened), True, any(gate.weighs for gates in ways for gate in gates))})


def _close(g: Builder, signal: Term, gates: Gates) -> Term:
    """Let a signal through only where all its gates are open.

    One that is closed decides, whatever the others are: a nan makes a nan of a 0, too.
    """
    ordered = sorted(gates, key=g.age)
    if len(ordered) > 1:
        signal, ordered = g.passed(signal, ordered), []
    for condition, side, weighs in ordered:
        if weighs:
            signal = g.weighed(signal, condition)
        else:
            signal = g.where(condition, signal, 0) if side else g.where(condition, 0, signal)
    return signal


def _weighs(weight: Any) -> Gates:
    """Return the gates of what begins with a weight; of a number it is known whether it is one."""
    return frozenset([Gate(weight, True, True)]) if weight.__class__ is Value else OPEN


def tangents(ys: Sequence[Value], xs: Sequence[Value], directions: Sequence[Any]) -> list[Value]:
    """Return the derivative of each y along the direction in which the xs move, as new nodes.

    One walk, inputs first; its cost does not depend on the number of ys. Like
    ``gradients``, it folds, touches no ``grad`` and never raises.
    """
    with ieee_arithmetic():
        order = topological_order(*ys)
        moved = {x: (change, _weighs(change)) for x, change in zip(xs, directions, strict=True)}
        active = depends_on(order, [x for x, (change, _) in moved.items() if not is_number(change, 0)])
        active &= _heard(order, ys)
        g = Builder(order)
        for node in order:
            if node in active and node not in moved:
                changes: list[Contribution] = []
                for source, partial in partials_of(g, node, active):
                    change, gates = moved[source]
                    if is_number(change, 0):
                        pass  # no motion
                    elif isinstance(partial, Gate):
                        changes.append((change, 1, gates | {partial}))
                    elif partial is not None and not is_number(partial, 0):
                        changes.append((change, partial, gates))
                moved[node] = _gather(g, changes) if changes else (0, OPEN)
        return [lift(_close(g, *moved[y]) if y in moved else 0, y) for y in ys]
