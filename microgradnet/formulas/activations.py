"""Activation functions as one writes them by hand, and their derivatives by what is known then.

>>> from microgradnet.formulas.terms import Name
>>> from microgradnet.formulas.text import text
>>> r = Symbol(Name('r'), ())
>>> g, slope = by_hand('sigmoid', r, Applied(Name('g'), False, r, ()))
>>> text(g), text(slope)
('1 / (1 + exp(-r))', 'g(r) · (1 - g(r))')
"""

from __future__ import annotations

from ..engine.table import operations
from .terms import Applied, Function, Minus, Number, Power, Quotient, Symbol, Term, add, multiply

__all__ = ['by_hand']

ONE = Number(1)


def _called(name: str, operand: Term) -> Term:
    return Function(operations[name], (operand,))


def by_hand(name: str, r: Symbol, g: Applied) -> tuple[Term, Term] | None:
    """Return g(r) and g'(r) as formulas of ``r`` and of ``g``, which stands for g(r); None where nobody has one.

    A function of the user's may do otherwise at another r than where it was seen, and so has none. relu is r times
    ``step(r)``, which is 1 where r is positive and 0 elsewhere.
    """
    match name:
        case 'identity' | 'linear':
            return r, ONE
        case 'sigmoid':
            return Quotient(ONE, add(ONE, _called('exp', Minus(r)))), multiply(g, add(ONE, Minus(g)))
        case 'tanh':
            return _called('tanh', r), add(ONE, Minus(Power(g, Number(2))))
        case 'softsign':
            below = add(ONE, _called('abs', r))
            return Quotient(r, below), Quotient(ONE, Power(below, Number(2)))
        case 'silu':
            below = add(ONE, _called('exp', Minus(r)))
            return Quotient(r, below), Quotient(add(ONE, r, Minus(g)), below)
        case 'softplus':
            return _called('log', add(ONE, _called('exp', r))), Quotient(ONE, add(ONE, _called('exp', Minus(r))))
        case 'relu':
            step = _called('step', r)
            return multiply(r, step), step
        case 'sin':
            return _called('sin', r), _called('cos', r)
        case 'cos':
            return _called('cos', r), Minus(_called('sin', r))
        case 'exp':
            return _called('exp', r), g
    return None
