"""Numbers that were chosen, and on some way are no Values: what Python makes of them there must be the same.

After ``y = 0 if x > 1 else x`` a recording has one node for y. Where y is 0, all that follows of y and other plain
numbers is Python's own arithmetic, of whole numbers, say, in which ``-y`` is 0 and no -0.0. So all that such a number
may be is followed through the operations that are made of it, and tried.

>>> from ..engine.value import Value, lift
>>> from .ir.choices import chosen
>>> x, ways = Value(3.0), Plainly()
>>> y = chosen('gt', x, lift(1.0), lift(0), x)
>>> ways.note(y, 0, x)
>>> ways.may_be(y), ways.may_be(y + 2.0), ways.may_be(y * x)
((0,), (2.0, 2), ())
>>> ways.may_be(-y)
Traceback (most recent call last):
    ...
microgradnet.compiling.plainly.Unlike: neg of the plain number 0 is 0, and -0.0 recorded
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import product
from math import isfinite
from typing import Any, TypeAlias

from ..engine.table import operations
from ..engine.value import Constant, Value

__all__ = ['ANY', 'EXACT', 'Plainly', 'Unlike']

#: The plain numbers that a node may be; none of a node that is a Value on every way.
Numbers: TypeAlias = 'tuple[float | int, ...]'
#: So many numbers are followed; then they are any floats.
MANY = 16
ANY: Any = ('any float',)
#: Whole numbers beyond are no floats.
EXACT = 2**53
#: What Python does where neither operand is a Value.
PYTHON: dict[str, Callable[..., Any]] = {
    'add': operator.add, 'sub': operator.sub, 'mul': operator.mul, 'div': operator.truediv, 'pow': operator.pow,
    'neg': operator.neg, 'abs': abs,
}  # fmt: skip


class Unlike(Exception):
    """Plain numbers come to something else than what was recorded."""


class Plainly:
    """What nodes may be, in one recording."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Value, Numbers]] = {}
        #: Whether anything was chosen that may be plain.
        self.is_needed = False

    def note(self, node: Value, *sides: Any) -> None:
        """Note what a node is chosen between. Raises Unlike for too many whole numbers."""
        parts = [self.may_be(side) if isinstance(side, Value) else (side,) for side in sides]
        numbers = _united(parts)
        self._known[id(node)] = node, numbers
        self.is_needed = self.is_needed or bool(numbers)

    def is_chosen(self, thing: Any) -> bool:
        """Tell whether something was chosen, or may be a plain number, which is like any other of its value."""
        return isinstance(thing, Value) and (id(thing) in self._known or bool(self.may_be(thing)))

    def may_be(self, node: Value) -> Numbers:
        """Return the plain numbers that a node may be, or ANY. Raises Unlike if Python makes others of them."""
        if not self.is_needed:
            return ()
        known = self._known
        stack = [node]
        while stack:
            one = stack[-1]
            if id(one) in known:
                stack.pop()
            elif isinstance(one, Constant):
                known[id(one)] = one, (float(one._data),)
            elif one.op is None:
                known[id(one)] = one, ()
            else:
                parts = [found[1] if (found := known.get(id(source))) else None for source in one.inputs]
                if () in parts:  # one Value is enough, whatever the others are
                    known[id(one)] = one, ()
                elif None in parts:
                    stack.append(one.inputs[parts.index(None)])
                else:
                    known[id(one)] = one, _computed(one, parts)  # type: ignore[arg-type]
        return known[id(node)][1]

    def check(self, nodes: Sequence[Value]) -> None:
        """Raise Unlike if anything that nodes are computed of is something else in plain numbers."""
        for node in nodes:
            self.may_be(node)


def _united(parts: Sequence[Numbers]) -> Numbers:
    if ANY in parts:
        found: Numbers = ANY
        rest = [number for part in parts if part is not ANY for number in part]
    else:
        found = (*{(type(number), repr(number)): number for part in parts for number in part}.values(),)
        rest = [*found]
        found = ANY if len(found) > MANY else found
    if found is ANY and any(type(number) is int for number in rest):
        raise Unlike('too many numbers, and whole ones among them')
    return found


def _computed(node: Value, parts: Sequence[Numbers]) -> Numbers:
    """Return what comes of plain numbers."""
    op = node.op
    assert op is not None
    if operations.get(op.name) is not op:
        if op.name.startswith('choose_'):  # a condition, which nobody else has
            return ()
        raise Unlike(f'{op.name} of plain numbers')
    whole = any(type(number) is int for part in parts for number in part)
    if op.vectors or ANY in parts or op.name not in PYTHON:
        if whole:
            raise Unlike(f'{op.name} of whole numbers')
        if op.name in ('div', 'pow') and not _is_harmless(op.name, parts[1]):
            raise Unlike(f'{op.name} of plain numbers')
        found: Numbers = ANY
        return found
    constants = [isinstance(source, Constant) for source in node.inputs]
    if whole:
        parts = [_either(part) if constant else part for part, constant in zip(parts, constants)]
    results: list[Numbers] = []
    for numbers in product(*parts):
        wanted = op.value('ieee')(*map(float, numbers))
        try:
            made = PYTHON[op.name](*numbers)
        except (ArithmeticError, ValueError) as trouble:
            raise Unlike(f'{op.name} of plain numbers: {trouble}') from trouble
        if type(made) not in (int, float) or repr(float(made)) != repr(float(wanted)):
            raise Unlike(f'{op.name} of the plain number {numbers[0]} is {made}, and {wanted} recorded')
        results.append((made,))
    return _united(results)


def _is_harmless(name: str, by: Numbers) -> bool:
    """Tell whether any float can be divided by some numbers, or raised to them."""
    if by is ANY:
        return False
    return all(isfinite(number) and (float(number).is_integer() if name == 'pow' else number != 0) for number in by)


def _either(constants: Numbers) -> Numbers:
    """Return constants, and beside them the whole numbers that they were in the source, perhaps."""
    found: list[float | int] = []
    for number in constants:
        if abs(number) >= EXACT:
            raise Unlike('large numbers with whole ones')
        found += [number, int(number)] if float(number).is_integer() and repr(number) != '-0.0' else [number]
    return (*found,)
