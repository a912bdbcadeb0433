"""The truth in many digits: the value and the partial derivatives of any operation, by mpmath.

``calculus`` has the derivatives as a calculus book has them. A row that is not there,
such as one just added, is differentiated numerically: its value cell is read by
``evaluate`` in 900 digits. A test holds both against each other.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

from .. import rules
from ..operations import Operation, operations
from .calculus import INHERITS, KERNELS, SLACK, TINIEST, TRUTH, VALUES, Function, mp, sign
from .places import LARGEST, SMALLEST_NORMAL, Operands, flat

__all__ = ['Truth', 'evaluate', 'numeric_partials', 'true_partials', 'true_value']

#: Bits of working precision: 60 digits for closed forms, 900 for a difference quotient.
CLOSED, NUMERIC = 200, 3000


#: What stands for an infinity: the limit is known where these two agree.
FAR, FARTHER = mp.mpf(10) ** 400, mp.mpf(10) ** 4000


def lifted(operands: Operands, infinity: Any = FAR) -> list[Any]:
    """Make mpmath's numbers of the operands."""
    def lift(x: float) -> Any:
        return mp.mpf(x) if math.isfinite(x) else infinity * sign(x)

    return [[*map(lift, o)] if isinstance(o, list) else lift(o) for o in operands]


def true_value(op: Operation, operands: Operands) -> Truth:
    """Return the value of an operation."""
    return Truth.of(_value(op, operands), _slack(op, operands)[0])


def true_partials(op: Operation, operands: Operands) -> list[Truth | None]:
    """Return every partial derivative of an operation, or its limit where an operand is infinite."""
    numbers, allowed = _partials(op, operands, FAR), _slack(op, operands)[1]
    farther = numbers if all(map(math.isfinite, flat(operands))) else _partials(op, operands, FARTHER)
    with mp.workprec(CLOSED):
        y = abs(_value(op, operands))
        lost = TINIEST / y if 0 < y < SMALLEST_NORMAL else 0
        result: list[Truth | None] = []
        for place, (number, other, more) in enumerate(zip(numbers, farther, allowed)):
            if number is None:
                result.append(None)
            elif float(number) != float(other):
                result.append(Truth.of(number, math.inf))  # a limit that is not known: anything will do
            else:
                inherited = abs(number) * lost if lost and place in INHERITS.get(op.name, ()) else 0
                result.append(Truth.of(number, more + inherited))
        return result


def _value(op: Operation, operands: Operands) -> Any:
    with mp.workprec(CLOSED):
        function = VALUES.get(op.name) or (lambda *numbers: evaluate(op, *numbers))
        return mp.mpf(function(*lifted(operands)))


def _partials(op: Operation, operands: Operands, infinity: Any) -> list[Any]:
    if op.name not in TRUTH:
        return numeric_partials(op, operands, infinity)
    with mp.workprec(CLOSED):
        truth = TRUTH[op.name](*lifted(operands, infinity))
        return [None if number is None else mp.mpf(number) for number in truth]


def _slack(op: Operation, operands: Operands) -> tuple[Any, list[Any]]:
    with mp.workprec(CLOSED):
        if op.name in SLACK:
            return SLACK[op.name](*lifted(operands))  # type: ignore[no-any-return]
        return 0, [0] * len(flat(operands))


def numeric_partials(op: Operation, operands: Operands, infinity: Any = FAR) -> list[Any]:
    """Differentiate the value cell by a central difference, so small that its error is, too."""
    with mp.workprec(NUMERIC):
        here, result = flat(tuple(lifted(operands, infinity))), []
        for place, x in enumerate(here):
            step = mp.mpf(2) ** -400 * (min(abs(x), 1) or mp.mpf(2) ** -1100)
            up, down = ([*here[:place], x + by, *here[place + 1 :]] for by in (step, -step))
            result.append((evaluate(op, *op.split(up)) - evaluate(op, *op.split(down))) / (2 * step))
        return result


def evaluate(op: Operation, *operands: Any) -> Any:
    """Compute the value of a row in mpmath by reading its cells, or by mpmath's function."""
    if op.is_kernel:
        return (KERNELS.get(op.name) or getattr(mp, op.name))(*operands)
    names = dict(zip(op.parameters, operands, strict=True))
    for name, cell in op.let.items():
        names[name] = _read(cell, names) if not rules.terms(cell) else _terms(cell, names)
    return _read(op.cell, names)


def _terms(cell: ast.expr, names: dict[str, Any]) -> list[Any]:
    vectors = rules.terms(cell)
    length = len(names[vectors[0]])
    return [_read(cell, {**names, **{v: names[v][i] for v in vectors}}) for i in range(length)]


def _read(node: ast.expr, names: dict[str, Any]) -> Any:
    def read(part: ast.expr) -> Any:
        return _read(part, names)

    match node:
        case ast.Constant(value=number):
            return mp.mpf(number)
        case ast.Name(id=name):
            return mp.inf if name == 'inf' else names[name]
        case ast.Subscript(value=ast.Name(id=name)):
            return names[name]
        case ast.UnaryOp(operand=operand):
            return -read(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return BINARY[type(operator)](read(left), read(right))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return COMPARE[type(operator)](read(left), read(right))
        case ast.BoolOp(op=operator, values=values):
            return (all if isinstance(operator, ast.And) else any)(read(value) for value in values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return read(body) if read(test) else read(orelse)
        case ast.Call(func=ast.Name(id='sum' | 'max' as name), args=[argument]):
            terms = _terms(argument, names)
            return sum(terms) if name == 'sum' else max(terms)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return evaluate(operations[name], *map(read, arguments))
    raise AssertionError(ast.dump(node))


BINARY: dict[type, Function] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
COMPARE: dict[type, Function] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """A number in many digits, prepared so that floats can be held against it quickly."""

    near: float
    residual: float
    allowed: float

    @classmethod
    def of(cls, number: Any, allowed: Any = 0) -> Truth:
        """Round a number of mpmath; ``allowed`` is the error forgiven before ulps are counted."""
        with mp.workprec(CLOSED):
            near = float(number)
            finite = math.isfinite(near)
            return cls(near, float(number - near) if finite else 0.0, float(allowed))

    def ulps(self, got: float) -> float:
        """Return by how many units in the last place a float misses, beyond what is allowed.

        An infinity and the largest float are one unit apart.
        """
        if self.allowed == math.inf or (got == self.near and math.isinf(got)):
            return 0.0
        if got != got or self.near != self.near:
            return 0.0 if got != got and self.near != self.near else math.inf
        if math.isinf(got) or math.isinf(self.near):
            a, b = (math.copysign(min(abs(x), LARGEST), x) for x in (got, self.near))
            return 1 + abs(a - b) / math.ulp(LARGEST)
        missed = abs((got - self.near) - self.residual)
        return max(missed - self.allowed, 0.0) / math.ulp(self.near)
