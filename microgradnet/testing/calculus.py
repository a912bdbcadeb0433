"""The table's calculus once more, by hand and in mpmath, written without a look at the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import mpmath

__all__ = ['INHERITS', 'KERNELS', 'SLACK', 'TINIEST', 'TRUTH', 'VALUES', 'Function', 'mp', 'sign']

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
