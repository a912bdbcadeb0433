"""Functions of Python's ``math`` as LLVM text: one formula, for one number or for a vector of them.

``exp expm1 log log1p log2 log10 tanh sin cos pow`` are printed as straight-line arithmetic,
within 1.5 ulps of the true value everywhere; ``sqrt`` and ``abs`` are instructions; any
other function calls the C library's, number by number. A number has the same bits alone
and among others. Edges are those of ``microgradnet.engine.algebras``: a pole is an infinity, an
undefined result nan, nothing raises.

The text needs LLVM 19 (llvmlite 0.45) or newer, no particular processor, and no fused
multiplication: ``fmuladd`` stands where one rounding or two are both good enough.

The constants are polynomials for what is left of an argument, and numbers split in two.
Each polynomial meets a function at so many of Chebyshev's nodes, as ``mpmath.chebyfit`` does,
solved with 40 digits; its coefficients, lowest first, are then rounded to doubles. What that
neglects is below 2^-56 of the result. The tests fit them again.

================= ================================== ==================================== =====
name              function                           interval                             count
================= ================================== ==================================== =====
``EXPONENTIAL``   (e^r - 1 - r) / r^2                |r| <= ln 2 / 2                      11
``LOGARITHM``     (ln(1 + f) - f + f^2 / 2) / f^3    sqrt(1/2) <= 1 + f <= sqrt(2)        20
``HALF_INVERSE``  1 / (2 (1 + f)), to 9 bits         sqrt(1/2) <= 1 + f <= sqrt(2)        4
``SINE``          (sin r - r) / r^3, of z = r^2      0 <= r <= pi / 4                     6
``COSINE``        (cos r - 1 + r^2 / 2) / r^4, of z  0 <= r <= pi / 4                     6
``ARTANH``        (3 artanh(s) / s - 3 - z) / z^2    0 <= s <= 3 - sqrt(8), z = s^2       8
================= ================================== ==================================== =====

A number that a whole number n shall multiply is split: first so few bits that the product
is exact (42 for n below 2^11, 36 for n below 2^17), then the rest. ``TWO_THIRDS`` is 2 / (3 ln 2), which
multiplies a number of 26 bits.

>>> import math
>>> LN2[0] + LN2[1] == math.log(2), sum(HALF_PI) == math.pi / 2
(True, True)

>>> print(definitions(['sqrt'], 8), end='')
define internal <8 x double> @"sqrt.8"(<8 x double> %a) alwaysinline memory(none) nounwind willreturn {
  %t1 = call <8 x double> @llvm.sqrt.v8f64(<8 x double> %a)
  ret <8 x double> %t1
}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import inf, nan, pi

from ...engine.table import operations
from .llvm_terms import Body, Term, intrinsic, muladd, polynomial, real_bits, where

__all__ = [
    'ARTANH', 'COSINE', 'EXPONENTIAL', 'HALF_INVERSE', 'HALF_PI', 'LAMBERT_ABOVE', 'LAMBERT_BELOW', 'LN2', 'LOG2_E',
    'LOG10_2', 'LOG10_E', 'LOGARITHM', 'SINE', 'TWO_THIRDS', 'declarations', 'definitions', 'symbols',
]  # fmt: skip


EXPONENTIAL = (
    0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326141, 0.0013888888888883752,
    0.00019841269874800493, 2.4801587325533363e-05, 2.7557255425746435e-06, 2.7557273661348637e-07,
    2.510520637395701e-08, 2.0914679376583935e-09,
)  # fmt: skip
LOGARITHM = (
    0.33333333333333337, -0.2499999999999993, 0.19999999999993223, -0.16666666666697305,
    0.1428571428759174, -0.12499999997109267, 0.11111110909841072, -0.0999999999631727,
    0.09090919875998202, -0.08333345056413204, 0.0769198812013375, -0.0714223204915847,
    0.06671985555271291, -0.06265031869518063, 0.05837018351464999, -0.05368280388050548,
    0.0537187789066478, -0.06129561980727906, 0.0566642324205218, -0.025061228095282464,
)  # fmt: skip
HALF_INVERSE = (
    0.4993315126498831, -0.5056637230414662, 0.5513275838865459, -0.4436741767764298,
)  # fmt: skip
SINE = (
    -0.16666666666666666, 0.008333333333330948, -0.00019841269836758574, 2.755731610255244e-06,
    -2.5051131845003624e-08, 1.5918129294866608e-10,
)  # fmt: skip
COSINE = (
    0.041666666666666664, -0.0013888888888887398, 2.480158729876569e-05, -2.7557317271729793e-07,
    2.08761462684032e-09, -1.1382632425521717e-11,
)  # fmt: skip
ARTANH = (
    0.6, 0.4285714285714405, 0.3333333333248435, 0.27272727502971605, 0.23076892456343187, 0.20002206357338018,
    0.17559372811383578, 0.1758457654214663,
)  # fmt: skip

# Lambert's continued fraction (1761), tanh x = x / (1 + z / (3 + z / (5 + ...))) with z = x^2, ended after 15,
# is x - x z ABOVE(z) / BELOW(z); for |x| <= 0.625 it is right to 2^-57.
LAMBERT_ABOVE = (675675.0, 45045.0, 594.0, 1.0)
LAMBERT_BELOW = (2027025.0, 945945.0, 51975.0, 630.0, 1.0)

LN2 = (0.6931471805598903, 5.497923018708371e-14)
HALF_PI = (1.5707963267923333, 2.5633441515839558e-12, 1.0562999066987428e-23)
LOG10_2 = (0.30102999566395283, 2.8363394551044964e-14)
# These multiply numbers of 21 bits.
LOG2_E = (1.4426950407214463, 1.6751713164886512e-10)
LOG10_E = (0.4342944818781689, 2.5082946711645275e-11)
TWO_THIRDS = (0.9617967009544373, -7.028461650952758e-09)


#: Beyond, multiples of pi/2 cannot be subtracted exactly: sin and cos are the C library's.
FAR = 1e5
PURE = 'memory(none) nounwind willreturn'

#: Added to a number below 2^51, this leaves the nearest whole number, in the lowest bits.
ROUND = 1.5 * 2.0**52
SIGN = -(2**63)
MANTISSA = 2**52 - 1
SQRT_HALF = real_bits(0.5**0.5)


def definitions(names: Iterable[str], lanes: int, inline: bool | None = None) -> str:
    """Print one internal LLVM function ``@"name.lanes"`` for each name, of ``lanes`` doubles at once.

    With one lane it takes and returns a ``double``, else a vector. ``pow``, ``atan2`` and
    ``hypot`` take two operands. The ``declarations`` of the names must stand beside, once a module.
    ``inline`` has the formulas written out in place, which is faster if they are few, or never; else LLVM decides.
    """
    return ''.join(_definition(name, Body(lanes), inline) for name in dict.fromkeys(names))


def declarations(names: Iterable[str]) -> str:
    """Print the declarations of what the definitions call.

    >>> print(declarations(['exp', 'erf', 'hypot']), end='')
    declare double @erf(double) memory(none) nounwind willreturn
    declare double @hypot(double, double) memory(none) nounwind willreturn
    """
    operands = {name: ', '.join(['double'] * len(operations[name].parameters)) for name in symbols(names)}
    return ''.join(f'declare double @{name}({text}) {PURE}\n' for name, text in operands.items())


def symbols(names: Iterable[str]) -> list[str]:
    """Return the functions of the C library that the definitions call.

    >>> symbols(['exp', 'sin', 'erf'])
    ['sin', 'erf']
    """
    return [name for name in dict.fromkeys(names) if name not in FORMULAS or name in ('sin', 'cos')]


def _definition(name: str, body: Body, inline: bool | None) -> str:
    operands = [body.operand('double', letter) for letter in operations[name].parameters]
    result = FORMULAS[name](*operands) if name in FORMULAS else body.calls(name, *operands)
    head = f'{body.type("double")} @"{name}.{body.lanes}"({", ".join(map(str, operands))})'
    always = 'alwaysinline ' if name in ('sqrt', 'abs') or inline else 'noinline ' if inline is False else ''
    lines = ''.join(line + '\n' if line.endswith(':') else f'  {line}\n' for line in [*body.lines, f'ret {result}'])
    return f'define internal {head} {always}{PURE} {{\n{lines}}}\n'


# Exponentials. e^a = 2^k e^r, with |r| <= ln 2 / 2.


def _whole(a: Term, factor: float) -> tuple[Term, Term]:
    """Return the whole number that is nearest to a times a factor, and its bits, in the lowest places."""
    shifted = muladd(a, factor, ROUND)
    return shifted - ROUND, shifted.bits()


def _two_to(k: Term, more: int = 0) -> Term:
    """Return 2^(k + more) where k stands in the lowest bits."""
    return ((k << 52) + (real_bits(1.0) + (more << 52))).real()


def _scaled_exp(far: Term, above: Term, below: Term, r: Term, bits: Term) -> Term:
    """Return 2^k e^r for a k in the lowest bits, |r| <= ln 2 / 2; where it is said to be far, with care.

    There 2^k, or what it is added up of, may be too large or small for a double, and the result not: ``above`` and
    ``below`` say where it is, too.
    """
    z, scale = r * r, _two_to(bits)

    def beyond() -> Term:
        rest, half = muladd(z, polynomial(r, EXPONENTIAL), r), bits >> 1
        scale = _two_to(half)
        y = muladd(scale, rest, scale) * _two_to(bits - half)
        return where(above, inf, where(below, 0.0, y))

    # 2^k (1 + r), and what its rounding loses, to which the rest is added: its first powers beside its last, for one
    # number alone waits for all of this.
    whole = muladd(scale, r, scale)
    lost, part = muladd(scale, r, scale - whole), scale * z
    few = muladd(part, polynomial(r, EXPONENTIAL[:4]), lost)
    y = whole + muladd(part * (z * z), polynomial(r, EXPONENTIAL[4:]), few)
    return r.body.unless(far, y, beyond)


def _exp(a: Term) -> Term:
    k, bits = _whole(a, LOG2_E[0])
    r = muladd(k, -LN2[1], muladd(k, -LN2[0], a))
    return _scaled_exp(a.beyond(660.0), a > 709.8, a < -745.2, r, bits)


def _expm1(a: Term) -> Term:
    # 2^(k-1) (1 + r + lost + rest) - 1/2, the sum with the digits that its rounding loses; doubled.
    k, bits = _whole(a, LOG2_E[0])
    first = muladd(k, -LN2[0], a)
    second = k * LN2[1]
    r = first - second
    rest = muladd(r * r, polynomial(r, EXPONENTIAL), (first - r) - second)
    scale = _two_to(bits, -1)
    whole, part = scale - 0.5, scale * r
    high = whole + part
    y = high + muladd(scale, rest, part - (high - whole))
    y = where(intrinsic('fabs', a) < 2.0**-54, a, y + y)
    return where(a > 709.8, inf, where(a < -40.0, -1.0, y))


def _tanh(a: Term) -> Term:
    # Up to 0.625 Lambert's fraction, else 1 - 2 / (e^2a + 1); one division serves both.
    x = intrinsic('fabs', a)
    k, bits = _whole(x, 2 * LOG2_E[0])
    r = muladd(k, -LN2[1], muladd(k, -LN2[0], x + x))
    rest = muladd(r * r, polynomial(r, EXPONENTIAL), r)
    scale = _two_to(bits)
    z = x * x
    small = x < 0.625
    above = where(small, (x * z) * polynomial(z, LAMBERT_ABOVE), 2.0)
    below = where(small, polynomial(z, LAMBERT_BELOW), muladd(scale, rest, scale + 1.0))
    y = where(small, x, 1.0) - above / below
    return intrinsic('copysign', where(x > 20.0, 1.0, y), a)


# Logarithms. a = 2^k (1 + f), with sqrt(1/2) <= 1 + f < sqrt(2).


def _scaled(a: Term) -> tuple[Term, Term, Term]:
    """Return k, the bits of 2^k, and f, for a normal a > 0."""
    bits = a.bits() + (real_bits(1.0) - SQRT_HALF)
    k = ((bits >> 52) | real_bits(2.0**52)).real() - (2.0**52 + 1023)
    return k, bits & ~MANTISSA, ((bits & MANTISSA) + SQRT_HALF).real() - 1.0


def _normal(a: Term) -> tuple[Term, Term]:
    """Return k and f of any a > 0."""
    tiny = a < 2.0**-1022
    k, _, f = _scaled(where(tiny, a * 2.0**54, a))
    return where(tiny, k - 54.0, k), f


def _series(f: Term) -> tuple[Term, Term]:
    """Return f^2 / 2 and the rest: ln(1 + f) = f - (f^2 / 2 - rest)."""
    z = f * f
    return z * 0.5, z * f * polynomial(f, LOGARITHM)


def _edges(a: Term, pole: float, y: Term) -> Term:
    """Correct a logarithm with a pole where its argument is no positive number."""
    return where(a > pole, where(a.equals(inf), inf, y), where(a.equals(pole), -inf, nan))


def _log(a: Term) -> Term:
    k, f = _normal(a)
    half_square, rest = _series(f)
    return _edges(a, 0.0, muladd(k, LN2[0], f - (half_square - muladd(k, LN2[1], rest))))


def _log_of_base(unit: tuple[float, float], two: tuple[float, float], a: Term) -> Term:
    # ln(1 + f) as 21 bits and the rest, times 1 / ln(base) as 32 bits and the rest, added to k log(2).
    k, f = _normal(a)
    half_square, rest = _series(f)
    high = ((f - half_square).bits() & -(2**32)).real()
    low = ((f - high) - half_square) + rest
    whole, part = k * two[0], high * unit[0]
    total = whole + part
    lost = (whole - total) + part
    return _edges(a, 0.0, total + (lost + muladd(k, two[1], muladd(low, unit[0], (low + high) * unit[1]))))


def _log1p(a: Term) -> Term:
    # u is 1 + a rounded, c what is lost: ln(u + c) = ln u + c / u. Near 0, where c would count most, f is a.
    u = a + 1.0
    back = u - 1.0
    c = (1.0 - (u - back)) + (a - back)
    k, power, f = _scaled(u)
    near = k.equals(0.0)
    f, c = where(near, a, f), where(near, 0.0, c * ((2047 << 52) - power).real())  # times 2 / 2^k
    half_square, rest = _series(f)
    rest = rest + muladd(k, LN2[1], c * polynomial(f, HALF_INVERSE))
    y = muladd(k, LN2[0], f - (half_square - rest))
    return _edges(a, -1.0, intrinsic('copysign', y, a))  # -0 stays -0


# Powers. a^b = 2^(b log2 a), the logarithm and its product with b being sums of two numbers: of the first 26 bits,
# so that products of such are exact, and of the rest.


def _high(a: Term) -> Term:
    """Return the first 26 bits of a number."""
    return (a.bits() & -(2**27)).real()


def _pow(a: Term, b: Term) -> Term:
    x = intrinsic('fabs', a)
    # log2 x = k + TWO_THIRDS s (3 + z + z^2 ARTANH(z)), with s = f / (2 + f) and z = s^2.
    k, f = _normal(x)
    t = f + 2.0
    t_high = _high(t)
    inverse = 1.0 / t
    s = f * inverse
    s_high = _high(s)
    s_low = ((f - s_high * t_high) - s_high * (f - (t_high - 2.0))) * inverse
    z, square = s * s, s_high * s_high
    rest = muladd(z * z, polynomial(z, ARTANH), s_low * (s_high + s))
    g_high = _high((square + 3.0) + rest)
    g_low = rest - ((g_high - 3.0) - square)
    first, second = s_high * g_high, muladd(s_low, g_high, g_low * s)
    p_high = _high(first + second)
    p_low = second - (p_high - first)
    whole = p_high * TWO_THIRDS[0]
    part = muladd(p_high, TWO_THIRDS[1], p_low * sum(TWO_THIRDS))
    log_high = _high((whole + part) + k)
    log_low = part - ((log_high - k) - whole)
    # Times b; an infinite one is as good as a huge one, even and whole.
    size = intrinsic('fabs', b)
    b = where(size > 1e300, intrinsic('copysign', 1e300, b), b)
    b_high = _high(b)
    exact = b_high * log_high
    low = muladd(b, log_low, (b - b_high) * log_high)
    exact = where((x > 0.0) & (x < inf), exact, b * where(x.equals(0.0), -inf, x))
    n, bits = _whole(exact, 1.0)
    r = muladd(exact - n, sum(LN2), low * sum(LN2))
    y = _scaled_exp(exact.beyond(960.0), exact > 1025.0, exact < -1080.0, r, bits)
    # A negative base: nan but for a whole b, odd ones giving the sign; infinity and 0 have a power whatever b is.
    small = size < 2.0**52
    shifted = where(small, size + 2.0**52, size)
    is_whole = where(small, shifted - 2.0**52, size).equals(size)
    odd = where(is_whole & (size < 2.0**53), shifted, 0.0).bits() << 63
    y = where((a < 0.0) & (x < inf), where(is_whole, y, nan), y)
    y = (y.bits() ^ (odd & a.bits())).real()
    return where(a.equals(1.0), 1.0, where(b.equals(0.0), 1.0, y))


# Sine and cosine. |a| = n pi/2 + r + low, with |r| <= pi / 4; n says which of the two, and the sign.


def _sine(name: str, a: Term) -> Term:
    x = intrinsic('fabs', a)
    n, quarter = _whole(x, 2 / pi)
    first, second = muladd(n, -HALF_PI[0], x), n * HALF_PI[1]
    high = first - second
    low = ((first - high) - second) - n * HALF_PI[2]
    r = high + low
    low = (high - r) + low
    z = r * r
    half = z * 0.5
    sine = r + muladd(z * r, polynomial(z, SINE), low - low * half)
    one = 1.0 - half
    cosine = one + (((1.0 - one) - half) + (z * z * polynomial(z, COSINE) - r * low))
    if name == 'cos':  # cos |a| = sin(|a| + pi/2)
        quarter = quarter + 1
    sign = (quarter << 62) & SIGN
    if name == 'sin':
        sign = sign ^ (a.bits() & SIGN)
    y = where((quarter & 1).equals(0), sine, cosine)
    far_call = partial(a.body.calls, name, a, attributes=' cold')
    return a.body.unless(a.beyond(FAR), (y.bits() ^ sign).real(), far_call)


FORMULAS: dict[str, Callable[..., Term]] = {
    'abs': partial(intrinsic, 'fabs'),
    'sqrt': partial(intrinsic, 'sqrt'),
    'exp': _exp,
    'expm1': _expm1,
    'tanh': _tanh,
    'log': _log,
    'log2': partial(_log_of_base, LOG2_E, (1.0, 0.0)),
    'log10': partial(_log_of_base, LOG10_E, LOG10_2),
    'log1p': _log1p,
    'sin': partial(_sine, 'sin'),
    'cos': partial(_sine, 'cos'),
    'pow': _pow,
}
