"""Wrong derivatives, as people write them: each a row of the table with one or two partials changed.

``WRONG`` has the rules by name: the row, and what stands in place of its partials. Among
them are wrong signs, lost factors, swapped operands, and forms that are right on paper
and lose their digits, or overflow, somewhere. ``EQUIVALENT`` are rules that look wrong and
compute the same, each with the reason.
"""

from __future__ import annotations

from microgradnet.engine.table import Operation, operations

__all__ = ['EQUIVALENT', 'WRONG', 'rule']

WRONG: dict[str, tuple[str, tuple[str | None, ...]]] = {
    # The sign, or a factor.
    'neg without its sign': ('neg', ('1',)),
    'sub as add': ('sub', ('1', '1')),
    'cos with the sign of sin': ('cos', ('sin(a)',)),
    'acos as asin': ('acos', ('1 / sqrt(one_minus_square(a))',)),
    'cosh with the sign of cos': ('cosh', ('-sinh(a)',)),
    'div without its sign': ('div', ('1 / b', 'y / b')),
    'div over b once': ('div', ('1 / b', '-y')),
    'sqrt without the 2': ('sqrt', ('1 / y',)),
    'cbrt with the 2 of sqrt': ('cbrt', ('1 / (2 * y * y)',)),
    'log2 with the factor turned over': ('log2', ('0.6931471805599453 / a',)),
    'log10 as log': ('log10', ('1 / a',)),
    'erf with a factor of 8 digits': ('erf', ('1.12837917 * gauss(a)',)),
    'gauss without the 2': ('gauss', ('-y * a',)),
    'sigmoid without its complement': ('sigmoid', ('y',)),
    'sech2 without the 2': ('sech2', ('-tanh(a) * y',)),
    'sigmoid_slope without its half': ('sigmoid_slope', ('-tanh(a) * y',)),
    'softplus as itself': ('softplus', ('y',)),
    'silu without its second term': ('silu', ('sigmoid(a)',)),
    'gelu without its second term': ('gelu', ('erfc(-0.7071067811865476 * a) / 2',)),
    # The operands.
    'mul by the wrong operand': ('mul', ('a', 'b')),
    'atan2 swapped': ('atan2', ('-a / h / h', 'b / h / h')),
    'hypot swapped': ('hypot', ('b / y if y != 0 else 0', 'a / y if y != 0 else 0')),
    'max swapped': ('max', ('share(b, a)', 'share(a, b)')),
    'leaky_relu by its slope': ('leaky_relu', ('1 if a > 0 else b', 'a')),
    'where to the other branch': ('where', (None, '0 if a != 0 else 1', '1 if a != 0 else 0')),
    'dot by the wrong vector': ('dot', ('a[i]', 'b[i]', '1')),
    'dot without its bias': ('dot', ('b[i]', 'a[i]', '0')),
    'pow by its base': ('pow', ('b * a ** (b - 1)', 'y * log(b)')),
    'pow with the exponent kept': ('pow', ('b * y', '0 if y == 0 and a >= 0 else y * log(a)')),
    # Wrong on one side, or in one place.
    'abs always 1': ('abs', ('1',)),
    'relu always 1': ('relu', ('1',)),
    'elu without exp': ('elu', ('1 if a > 0 else b', '0 if a > 0 else expm1(a)')),
    'asinh as acosh': ('asinh', ('1 / sqrt(abs(a * a - 1))',)),
    'clip that lets all pass': ('clip', ('1', '0', '0')),
    'tan by its square alone': ('tan', ('y * y',)),
    'pow of a negative base is 0': ('pow', ('0 if a < 0 else b * a ** (b - 1)', '0 if y == 0 else y * log(a)')),
    # Right on paper: digits lost, or the range left.
    'tanh as 1 - y^2': ('tanh', ('1 - y * y',)),
    'sigmoid as y (1 - y)': ('sigmoid', ('y * (1 - y)',)),
    'asin by a square': ('asin', ('1 / sqrt(1 - a * a)',)),
    'atanh by a square': ('atanh', ('1 / (1 - a * a)',)),
    'acosh by a square': ('acosh', ('1 / sqrt(a * a - 1)',)),
    'asinh by a square': ('asinh', ('1 / sqrt(a * a + 1)',)),
    'div by a square': ('div', ('1 / b', '-a / (b * b)')),
    'atan by a square': ('atan', ('1 / (1 + a * a + 1e-12)',)),
    'atan2 by squares': ('atan2', ('b / (a * a + b * b)', '-a / (a * a + b * b)')),
    'hypot by a square root': ('hypot', ('a / sqrt(a * a + b * b)', 'b / sqrt(a * a + b * b)')),
    'softsign with a guard': ('softsign', ('1 / (d * d + 1e-8)',)),
    'log with a guard': ('log', ('1 / (a + 1e-8)',)),
    'pow by dividing': ('pow', ('b * y / a', '0 if y == 0 and a >= 0 else y * log(a)')),
    'expm1 by its value': ('expm1', ('y + 1',)),
    'logsumexp by its value': ('logsumexp', ('exp(a[i] - s) / t + 1e-12',)),
}

EQUIVALENT: dict[str, tuple[str, tuple[str | None, ...], str]] = {
    'exp again': ('exp', ('exp(a)',), 'y is exp(a), to the bit'),
    'relu by its value': ('relu', ('1 if y > 0 else 0',), 'y > 0 just where a > 0'),
    'relu 1 at 0': ('relu', ('1 if a >= 0 else 0',), 'differs at the kink alone, where there is no derivative'),
    'abs by a quotient': ('abs', ('a / y if y != 0 else 0',), 'a / |a| is the sign, exactly'),
    'sinh from the other side': ('sinh', ('cosh(-a)',), 'cosh is even, to the bit'),
    'sin from the other side': ('cos', ('sin(-a)',), 'sin is odd, to the bit'),
    'max by comparing': ('max', ('1 if a > b else 0', '0 if a > b else 1'), 'differs at a tie alone'),
}


def rule(name: str, partials: tuple[str | None, ...]) -> Operation:
    """Build an operation like a row of the table, with other partials; it is not in the table."""
    op = operations[name]
    return Operation(
        operations, op.name, op.text, partials, op.latex, let=op.let_text, method=op.method, numpy=op.numpy,
        domain=op.domain, kink=op.kink, ulps=op.ulps, default=op.default,
    )  # fmt: skip
