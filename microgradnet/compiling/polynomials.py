"""Constants of the vectorised functions: polynomials for what is left of an argument, and numbers split in two.

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
================= ================================== ==================================== =====

A number that a whole number n shall multiply is split: first so few bits that the product
is exact (42 for n below 2^11, 36 for n below 2^17), then the rest.

>>> import math
>>> LN2[0] + LN2[1] == math.log(2), sum(HALF_PI) == math.pi / 2
(True, True)
"""

from __future__ import annotations

__all__ = [
    'COSINE', 'EXPONENTIAL', 'HALF_INVERSE', 'HALF_PI', 'LAMBERT_ABOVE', 'LAMBERT_BELOW', 'LN2', 'LOG2_E',
    'LOG10_2', 'LOG10_E', 'LOGARITHM', 'SINE',
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
