"""The truth in many digits: the value and the partial derivatives of any operation, by hand and by mpmath.

It is written without a look at the table. ``TRUTH`` has the derivatives as a calculus book has them.
A row that is not there, such as one just added, needs no more than itself: its value cell is run by ``evaluate``
in 900 digits, over the book's values of the rows that it calls, and differentiated
numerically. A test holds both against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import mpmath

from ..engine.algebras import Algebra
from ..engine.table import Operation, operations
from .places import LARGEST, SMALLEST_NORMAL, Operands, flat, is_defined

__all__ = [
    'INHERITS', 'KERNELS', 'SLACK', 'TINIEST', 'TRUTH', 'VALUES', 'Function', 'Truth', 'evaluate', 'exact', 'mp',
    'numeric_partials', 'sign', 'true_partials', 'true_value',
]  # fmt: skip


mp = mpmath.mp.clone()
Function: TypeAlias = Callable[..., Any]
one = mp.mpf(1)


def sign(a: Any) -> int:
    return int(a > 0) - int(a < 0)


def reciprocal(a: Any) -> Any:
    return 1 / a if a else mp.inf


def logistic(a: Any) -> Any:
    return 1 / (1 + mp.exp(-a))


def erfc(a: Any) -> Any:
    """Return the complementary error function, also where mpmath gives up."""
    if abs(a) < 1000:
        return mp.erfc(a)
    return 2 * (a < 0) + mp.exp(-a * a) / (a * mp.sqrt(mp.pi))


def density(a: Any) -> Any:
    return mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi)


def distribution(a: Any) -> Any:
    return erfc(-a / mp.sqrt(2)) / 2


def largest_share(a: Any, b: Any) -> Any:
    return 1 if a > b else 0 if a < b else one / 2


def softmax(a: list[Any]) -> list[Any]:
    powers = [mp.exp(x - max(a)) for x in a]
    total = sum(powers)
    return [power / total for power in powers]


#: The partial derivatives by hand: all of them, as a list that fits a node's inputs.
#: None says that no signal may travel.
TRUTH: dict[str, Function] = {
    'add': lambda a, b: [1, 1],
    'sub': lambda a, b: [1, -1],
    'mul': lambda a, b: [b, a],
    'div': lambda a, b: [1 / b, -a / b**2],
    'neg': lambda a: [-1],
    'abs': lambda a: [sign(a)],
    'pow': lambda a, b: [b * a ** (b - 1), a**b * mp.log(a)],
    'exp': lambda a: [mp.exp(a)],
    'expm1': lambda a: [mp.exp(a)],
    'log': lambda a: [1 / a],
    'log1p': lambda a: [1 / (1 + a)],
    'log2': lambda a: [1 / (a * mp.log(2))],
    'log10': lambda a: [1 / (a * mp.log(10))],
    'sqrt': lambda a: [1 / (2 * mp.sqrt(a))],
    'cbrt': lambda a: [1 / (3 * mp.cbrt(abs(a)) ** 2)],
    'sin': lambda a: [mp.cos(a)],
    'cos': lambda a: [-mp.sin(a)],
    'tan': lambda a: [1 / mp.cos(a) ** 2],
    'asin': lambda a: [reciprocal(mp.sqrt((1 - a) * (1 + a)))],
    'acos': lambda a: [-reciprocal(mp.sqrt((1 - a) * (1 + a)))],
    'atan': lambda a: [1 / (1 + a * a)],
    'atan2': lambda a, b: [b / (a * a + b * b), -a / (a * a + b * b)] if a or b else [mp.nan, mp.nan],
    'hypot': lambda a, b: [a / mp.sqrt(a * a + b * b), b / mp.sqrt(a * a + b * b)],
    'sinh': lambda a: [mp.cosh(a)],
    'cosh': lambda a: [mp.sinh(a)],
    'tanh': lambda a: [1 / mp.cosh(a) ** 2],
    'sech2': lambda a: [-2 * mp.sinh(a) / mp.cosh(a) ** 3],
    'one_minus_square': lambda a: [-2 * a],
    'asinh': lambda a: [1 / mp.sqrt(1 + a * a)],
    'acosh': lambda a: [reciprocal(mp.sqrt((a - 1) * (a + 1)))],
    'atanh': lambda a: [1 / ((1 - a) * (1 + a))],
    'gauss': lambda a: [-2 * a * mp.exp(-a * a)],
    'erf': lambda a: [2 / mp.sqrt(mp.pi) * mp.exp(-a * a)],
    'erfc': lambda a: [-2 / mp.sqrt(mp.pi) * mp.exp(-a * a)],
    'sigmoid': lambda a: [1 / (2 + mp.exp(a) + mp.exp(-a))],
    'sigmoid_slope': lambda a: [-mp.tanh(a / 2) / (2 + mp.exp(a) + mp.exp(-a))],
    'softplus': lambda a: [logistic(a)],
    'relu': lambda a: [1 if a > 0 else 0],
    'leaky_relu': lambda a, b: [1 if a > 0 else b, 0 if a > 0 else a],
    'elu': lambda a, b: [1 if a > 0 else b * mp.exp(a), 0 if a > 0 else mp.expm1(a)],
    'silu': lambda a: [logistic(a) + a / (2 + mp.exp(a) + mp.exp(-a))],
    'gelu': lambda a: [distribution(a) + a * density(a)],
    'softsign': lambda a: [1 / (1 + abs(a)) ** 2],
    'step': lambda a: [0],
    'sign': lambda a: [0],
    'greater': lambda a, b: [0, 0],
    'less': lambda a, b: [0, 0],
    'share': lambda a, b: [0, 0],
    'max': lambda a, b: [largest_share(a, b), largest_share(b, a)],
    'min': lambda a, b: [largest_share(b, a), largest_share(a, b)],
    'clip': lambda a, b, c: [one, 0, 0] if b < a < c else [0, one, 0] if a <= b < c else [0, 0, one],
    'where': lambda a, b, c: [None, 1, None] if a != 0 else [None, None, 1],
    'stop_gradient': lambda a: [None],
    'sum': lambda a: [1 for _ in a],
    'dot': lambda a, b, c: [*b, *a, 1],
    'logsumexp': softmax,
}

#: The values of the rows that Python has no function for.
VALUES: dict[str, Function] = {
    'one_minus_square': lambda a: 1 - a * a,
    'sech2': lambda a: 1 / mp.cosh(a) ** 2,
    'gauss': lambda a: mp.exp(-a * a),
    'sigmoid': logistic,
    'sigmoid_slope': lambda a: 1 / (2 + mp.exp(a) + mp.exp(-a)),
    'softplus': lambda a: mp.log1p(mp.exp(a)) if a < 0 else a + mp.log1p(mp.exp(-a)),
    'relu': lambda a: max(a, 0),
    'leaky_relu': lambda a, b: a if a > 0 else a * b,
    'elu': lambda a, b: a if a > 0 else b * mp.expm1(a),
    'silu': lambda a: a * logistic(a),
    'gelu': lambda a: a * distribution(a),
    'softsign': lambda a: a / (1 + abs(a)),
    'step': lambda a: a > 0,
    'sign': sign,
    'greater': lambda a, b: a > b,
    'less': lambda a, b: a < b,
    'share': largest_share,
    'max': lambda a, b: a if a > b else b,
    'min': lambda a, b: a if a < b else b,
    'clip': lambda a, b, c: min(max(a, b), c),
    'where': lambda a, b, c: b if a != 0 else c,
    'stop_gradient': lambda a: a,
    'sum': sum,
    'dot': lambda a, b, c: sum(x * z for x, z in zip(a, b, strict=True)) + c,
    'logsumexp': lambda a: max(a) + mp.log(sum(mp.exp(x - max(a)) for x in a)),
}

EPS, TINIEST = mp.mpf(2) ** -52, mp.mpf(2) ** -1074


def of_silu(a: Any) -> tuple[Any, list[Any]]:
    second = (2 - a * mp.tanh(a / 2)) / (2 + mp.exp(a) + mp.exp(-a))
    return TINIEST * abs(a), [EPS * abs(a * second) + TINIEST * abs(a)]


def of_gelu(a: Any) -> tuple[Any, list[Any]]:
    first, second = distribution(a) + a * density(a), (2 - a * a) * density(a)
    return EPS * abs(a * first) + TINIEST * abs(a), [EPS * abs(a * second) + TINIEST * abs(a)]


def of_atan2(a: Any, b: Any) -> tuple[Any, list[Any]]:
    h = mp.sqrt(a * a + b * b) or mp.inf
    return 0, [TINIEST / h + 2 * TINIEST * abs(x) / h**3 for x in (b, a)]


def of_dot(a: list[Any], b: list[Any], c: Any) -> tuple[Any, list[Any]]:
    return EPS * (len(a) + 1) * sum([abs(x * z) for x, z in zip(a, b, strict=True)] + [abs(c)]), [0] * (2 * len(a) + 1)


def of_logsumexp(a: list[Any]) -> tuple[Any, list[Any]]:
    return EPS * len(a), [EPS * p * abs(x - max(a)) for x, p in zip(a, softmax(a), strict=True)]


#: What is allowed beside ulps, where no number of ulps can be promised, to value and
#: partials. silu' and gelu' have zeros that are no floats, and gelu's tail falls as
#: exp(-a^2 / 2): half an ulp of the operand alone moves the truth by more than a few
#: ulps, so these are judged by ``ulps * ulp(truth) + eps * |a f''(a)|``. So is the
#: softmax in the distance from its largest term. A sum may cancel. A factor that is
#: subnormal (the exponential in the tail of silu, gelu and elu) has lost its digits;
#: so has a quotient by the hypotenuse in atan2, or the hypotenuse itself.
SLACK: dict[str, Function] = {
    'silu': of_silu,
    'gelu': of_gelu,
    'atan2': of_atan2,
    'elu': lambda a, b: (TINIEST * abs(b), [TINIEST * abs(b), 0]),
    'sum': lambda a: (EPS * len(a) * sum(map(abs, a)), [0] * len(a)),
    'dot': of_dot,
    'logsumexp': of_logsumexp,
}


#: The partials that are a multiple of the answer y, by place: where y is subnormal they have as few digits.
INHERITS: dict[str, tuple[int, ...]] = {'div': (1,), 'hypot': (0, 1), 'pow': (1,), 'gauss': (0,)}

#: Python's functions that mpmath has not, or not as real functions.
KERNELS: dict[str, Function] = {
    'abs': abs,
    'log2': lambda a: mp.log(a, 2),
    'cbrt': lambda a: sign(a) * mp.cbrt(abs(a)),
    'erfc': erfc,
}


#: Bits of working precision: 60 digits for closed forms, 900 for a difference quotient.
CLOSED, NUMERIC = 200, 3000


#: What is looked at, a list of numbers, as a function of all operands in one list.
Results: TypeAlias = Callable[[list[Any]], list[Any]]

#: What stands for an infinity: the limit is known where these two agree. A difference quotient sees a step beside both.
FAR, FARTHER = mp.mpf(10) ** 400, mp.mpf(10) ** 600


def lifted(operands: Operands, infinity: Any = FAR) -> list[Any]:
    """Make mpmath's numbers of the operands."""
    def lift(x: float) -> Any:
        return mp.mpf(x) if math.isfinite(x) else infinity * sign(x)

    return [[*map(lift, o)] if isinstance(o, list) else lift(o) for o in operands]


def true_value(op: Operation, operands: Operands) -> Truth:
    """Return the value of an operation."""
    return Truth.of(_value(op, operands), _value_slack(op, operands))


def true_partials(op: Operation, operands: Operands) -> list[Truth | None]:
    """Return every partial derivative of an operation, or its limit where an operand is infinite."""
    numbers, allowed = _partials(op, operands, FAR), _partial_slack(op, operands)
    farther = numbers if all(map(math.isfinite, flat(operands))) else _partials(op, operands, FARTHER)
    with mp.workprec(CLOSED):
        y = abs(_value(op, operands)) if op.name in INHERITS else 0
        lost = TINIEST / y if 0 < y < SMALLEST_NORMAL else 0
        result: list[Truth | None] = []
        for place, (number, other, more) in enumerate(zip(numbers, farther, allowed)):
            if number is None:
                result.append(None)
            elif float(number) != float(other):
                result.append(Truth.of(number, math.inf))  # a limit that is not known: anything will do
            else:
                inherited = abs(number) * lost if lost and place in INHERITS[op.name] else 0
                result.append(Truth.of(number, more + inherited))
        return result


def _value(op: Operation, operands: Operands) -> Any:
    with mp.workprec(CLOSED):
        return exact(op, *lifted(operands))


def _partials(op: Operation, operands: Operands, infinity: Any) -> list[Any]:
    if op.name not in TRUTH:
        return numeric_partials(op, operands, infinity)
    with mp.workprec(CLOSED):
        truth = TRUTH[op.name](*lifted(operands, infinity))
        return [None if number is None else mp.mpf(number) for number in truth]


def _value_slack(op: Operation, operands: Operands) -> Any:
    with mp.workprec(CLOSED):
        if op.name in SLACK:
            return SLACK[op.name](*lifted(operands))[0]
    return 0 if _in_the_book(op) else _of_any_row(op, operands, lambda here: [evaluate(op, *op.split(here))])[0]


def _partial_slack(op: Operation, operands: Operands) -> list[Any]:
    with mp.workprec(CLOSED):
        if op.name in SLACK:
            return SLACK[op.name](*lifted(operands))[1]  # type: ignore[no-any-return]
    if _in_the_book(op) or op.vectors:
        return [0] * len(flat(operands))
    return _of_any_row(op, operands, lambda here: _differences(lambda at: [evaluate(op, *op.split(at))], here)[0])


def _in_the_book(op: Operation) -> bool:
    return op.name in TRUTH or op.name in VALUES


def _of_any_row(op: Operation, operands: Operands, results: Results) -> list[Any]:
    """Return what is allowed beside ulps to the results of a row of which the book says nothing.

    Next to a zero, which is no float, the rounding of the operand alone is worth more than
    any number of ulps: a result that changes its sign, or is 0, where the operand is halved
    or doubled may be off by what one ulp of it is worth. So may, everywhere, what comes of
    several operands: their difference must be rounded, and no row can do better. And just
    above the subnormals a factor may be one, of few digits; an exponential is no longer
    there beyond 1024.
    """
    numbers = flat(operands)
    if not all(map(math.isfinite, numbers)):
        return [0] * len(numbers)
    with mp.workprec(CLOSED):
        here = [mp.mpf(x) for x in numbers]
        found = results(here)
        allowed = [TINIEST * min(max(map(abs, here), default=0), 1024)] * len(found)
        signs = [{sign(number)} for number in found]
        for other in _an_octave_off(op, numbers):
            for seen, number in zip(signs, results(other)):
                seen.add(sign(number))
        loose = [place for place, seen in enumerate(signs) if len(numbers) > 1 or len(seen) > 1]
        slopes = _differences(results, here) if loose else []
        for place in loose:
            worth = sum(abs(x * slope) for x, slope in zip(here, slopes[place]))
            allowed[place] += EPS * len(numbers) * worth
        return allowed


def _an_octave_off(op: Operation, numbers: list[float]) -> Iterator[list[Any]]:
    """Yield the points of the domain where the only operand is half or twice as large."""
    if len(numbers) == 1 and not op.vectors:
        for other in (numbers[0] / 2, numbers[0] * 2):
            if math.isfinite(other) and is_defined(op, (other,)):
                yield [mp.mpf(other)]


def numeric_partials(op: Operation, operands: Operands, infinity: Any = FAR) -> list[Any]:
    """Differentiate the value cell by a central difference, so small that its error is, too."""
    with mp.workprec(NUMERIC):
        here = flat(tuple(lifted(operands, infinity)))
    return _differences(lambda at: [evaluate(op, *op.split(at))], here)[0]


def _differences(results: Results, here: list[Any]) -> list[list[Any]]:
    """Return the slope of each result along each number, a row for each result."""
    columns = []
    with mp.workprec(NUMERIC):
        for place, x in enumerate(here):
            step = mp.mpf(2) ** -400 * (min(abs(x), 1) or mp.mpf(2) ** -1100)
            up, down = ([*here[:place], x + by, *here[place + 1 :]] for by in (step, -step))
            columns.append([(more - less) / (2 * step) for more, less in zip(results(up), results(down), strict=True)])
    return [[*row] for row in zip(*columns)] if columns else [[] for _ in results(here)]


def exact(op: Operation, *operands: Any) -> Any:
    """Compute the value of a row in mpmath: as the book has it, or else by reading the row."""
    return mp.mpf(VALUES[op.name](*operands) if op.name in VALUES else evaluate(op, *operands))


class Digits(Algebra):
    """Numbers of mpmath; the rows that a cell calls are as the book has them, or else as their own cells are."""

    def __getattr__(self, name: str) -> Function:
        if name not in VALUES:
            return super().__getattr__(name)
        function = VALUES[name]
        return lambda *operands: mp.mpf(function(*operands))

    def number(self, number: float) -> Any:
        return mp.mpf(number)

    def _kernel(self, name: str) -> Function:
        return KERNELS.get(name) or getattr(mp, name)


DIGITS = Digits(operations)


def evaluate(op: Operation, *operands: Any) -> Any:
    """Compute the value of a row in mpmath: its cell over the algebra ``Digits``, or mpmath's function."""
    return DIGITS.function(op, 'value')(*operands)


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
