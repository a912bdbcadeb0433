"""Mutants of the table that compute the same as the row they were made of, and why.

Each group is a reason and its mutants, ``row | cell | new text``.
"""

from __future__ import annotations

__all__ = ['EQUIVALENT']

GROUPS: dict[str, str] = {
    'The function is even: abs, cos, cosh, sech2, gauss, 1 - a^2, hypot, and the square of h.': '''
        abs | y | abs(-a)
        sin | d/da | cos(-a)
        cos | y | cos(-a)
        asin | d/da | 1 / sqrt(one_minus_square(-a))
        acos | d/da | -1 / sqrt(one_minus_square(-a))
        atan | h | -(hypot(1, a))
        atan | h | -hypot(1, a)
        atan | h | hypot(-1, a)
        atan2 | h | -(hypot(a, b))
        atan2 | h | -hypot(a, b)
        atan2 | h | hypot(-a, b)
        sinh | d/da | cosh(-a)
        cosh | y | cosh(-a)
        tanh | d/da | sech2(-a)
        sech2 | e | exp(-2 * abs(-a))
        asinh | d/da | 1 / hypot(-1, a)
        atanh | d/da | 1 / one_minus_square(-a)
        gauss | d | -(clip(a, -28, 28))
        gauss | d | -clip(a, -28, 28)
        gauss | d | clip(-a, -28, 28)
        erf | d/da | 1.1283791670955126 * gauss(-a)
        erfc | d/da | -1.1283791670955126 * gauss(-a)
        sigmoid | d/da | sigmoid_slope(-a)
        sigmoid_slope | e | exp(-abs(-a))
        sigmoid | e | exp(-abs(-a))
        softplus | y | relu(a) + log1p(exp(-abs(-a)))
        silu | d/da | sigmoid(a) + a * sigmoid_slope(-a)
        gelu | d/da | erfc(-0.7071067811865476 * a) / 2 + 0.3989422804014327 * a * gauss(-(0.7071067811865476 * a))
        softsign | d | 1 + abs(-a)
        pow | rounded | abs(-b) >= 9007199254740992 or b - 1 + 1 != b
        pow | normal | abs(-y) >= 2.2250738585072014e-308 and abs(y) < inf
        pow | normal | abs(y) >= 2.2250738585072014e-308 and abs(-y) < inf''',
    'The function is symmetric: hypot, max, min.': '''
        atan | h | hypot(a, 1)
        atan2 | h | hypot(b, a)
        asinh | d/da | 1 / hypot(a, 1)
        clip | y | min(c, max(a, b))
        clip | y | min(max(b, a), c)
        clip | d/da | share(a, b) * share(c, max(b, a))
        clip | d/db | share(b, a) * share(c, max(b, a))
        clip | d/dc | share(max(b, a), c)''',
    'Both branches have the same value at the end of a comparison, here 0, or 1 = e.': '''
        sigmoid | y | (1 if a > 0 else e) / (1 + e)
        relu | y | 0 if a < 0 else a
        leaky_relu | y | a if a >= 0 else b * a
        leaky_relu | d/db | 0 if a > 0 else a
        elu | y | a if a >= 0 else b * expm1(a)
        elu | d/db | 0 if a >= 0 else expm1(a)
        step | y | 1 if a > 0 else 0 if a < 0 else a
        sign | y | 1 if a > 0 else -1 if a < 0 else a
        sign | y | 1 if a > 0 else -1 if a < 0 else 0 if a == 1 else a''',
    'An earlier comparison has already decided.': '''
        leaky_relu | d/da | clip(b, 0, 1) if a == 0 else 1 if a >= 0 else b if a < 0 else a
        leaky_relu | d/da | clip(b, 0, 1) if a == 0 else 1 if a > 0 else b if a <= 0 else a
        leaky_relu | d/da | clip(b, 0, 1) if a == 0 else 1 if a > 0 else b if a < 1 else a
        elu | d/da | clip(b, 0, 1) if a == 0 else 1 if a >= 0 else b * exp(a)
        step | y | 1 if a > 0 else 0 if a <= 1 else a
        max | y | a if a >= b else b if a <= b else a + b
        min | y | a if a <= b else b if a >= b else a + b
        clip | d/da | share(a, b) * share(c, a)
        clip | d/da | share(a, b) * share(c, max(a, a))
        clip | d/db | share(b, a) * share(c, b)
        clip | d/db | share(b, a) * share(c, max(b, b))''',
    'Only a nan comes this far, and stays one.': '''
        leaky_relu | d/da | clip(b, 0, 1) if a == 0 else 1 if a > 0 else b if a < 0 else a + 1
        step | y | 1 if a > 0 else 0 if a <= 0 else a + 1
        sign | y | 1 if a > 0 else -1 if a < 0 else 0 if a == 0 else a + 1
        greater | y | 1 if a > b else 0 if a <= b else a + b + 1
        greater | y | 1 if a > b else 0 if a <= b else a - b
        less | y | 1 if a < b else 0 if a >= b else a + b + 1
        less | y | 1 if a < b else 0 if a >= b else a - b
        share | y | 1 if a > b else 0 if a < b else 1 / 2 if a == b else a + b + 1
        share | y | 1 if a > b else 0 if a < b else 1 / 2 if a == b else a - b
        max | y | a if a >= b else b if a < b else a + b + 1
        max | y | a if a >= b else b if a < b else a - b
        min | y | a if a <= b else b if a > b else a + b + 1
        min | y | a if a <= b else b if a > b else a - b''',
    'A multiple of 0 is 0.': '''
        step | d/da | -(y - y)
        step | d/da | 2 * (y - y)
        sign | d/da | -(y - y)
        sign | d/da | 2 * (y - y)
        greater | d/da | -(y - y)
        greater | d/da | 2 * (y - y)
        greater | d/db | -(y - y)
        greater | d/db | 2 * (y - y)
        less | d/da | -(y - y)
        less | d/da | 2 * (y - y)
        less | d/db | -(y - y)
        less | d/db | 2 * (y - y)
        share | d/da | -(y - y)
        share | d/da | 2 * (y - y)
        share | d/db | -(y - y)
        share | d/db | 2 * (y - y)''',
    'A condition keeps its truth under a sign or a factor; inf + 1 is inf.': '''
        pow | rounded | -(abs(b) >= 9007199254740992 or b - 1 + 1 != b)
        pow | rounded | 2 * (abs(b) >= 9007199254740992 or b - 1 + 1 != b)
        pow | normal | -(abs(y) >= 2.2250738585072014e-308 and abs(y) < inf)
        pow | normal | 2 * (abs(y) >= 2.2250738585072014e-308 and abs(y) < inf)
        pow | normal | abs(y) >= 2.2250738585072014e-308 and abs(y) < inf + 1''',
    'A power with a rounded exponent is not negative, and subnormal only beside an exponent of 2^53, '
    'where no rule has digits; 2^53 - 1 is exact, so it may be on either side.': '''
        pow | rounded | abs(b) > 9007199254740992 or b - 1 + 1 != b
        pow | rounded | abs(b) >= 9007199254740993 or b - 1 + 1 != b
        pow | rounded | abs(b) >= 9007199254741082.0 or b - 1 + 1 != b
        pow | normal | y >= 2.2250738585072014e-308 and abs(y) < inf
        pow | normal | abs(y) >= 2.2250738585072014e-308 and y < inf
        pow | normal | abs(y) > 2.2250738585072014e-308 and abs(y) < inf
        pow | normal | abs(y) >= 2.2250738585072236e-308 and abs(y) < inf''',
    'At b == 0 the derivative by a is 0 by either rule; no_inverse says where the general one would be 0 * inf, '
    'and its place matters to second derivatives only, which test_forty_functions has.': '''
        pow | d/da | 0 if b == 0 else b * y / a if rounded and normal else b * a ** (b - 1)
        pow | no_inverse | -(abs(a) < 2.2250738585072014e-308 or a != a)
        pow | no_inverse | 2 * (abs(a) < 2.2250738585072014e-308 or a != a)
        pow | no_inverse | abs(a) < 2.2250738585072014e-308 or a != a + 1
        pow | no_inverse | 1
        pow | no_inverse | abs(a) <= 2.2250738585072014e-308 or a != a
        pow | no_inverse | -abs(a) < 2.2250738585072014e-308 or a != a
        pow | no_inverse | abs(-a) < 2.2250738585072014e-308 or a != a
        pow | no_inverse | a < 2.2250738585072014e-308 or a != a
        pow | no_inverse | abs(a) < 1.0 or a != a
        pow | no_inverse | abs(a) < 2.2250738585072236e-308 or a != a
        pow | no_inverse | abs(a) < 2.2250738585072014e-308 or b != a
        pow | no_inverse | abs(a) < 2.2250738585072014e-308 or a != b
        pow | no_inverse | abs(b) < 2.2250738585072014e-308 or a != a''',
    'Beyond 28 exp(-a^2) is 0; and any h with few bits, of either sign, whose remainder d - h is small will do.': '''
        gauss | d | clip(a, -28, 29)
        gauss | d | clip(a, -28, 28.00000000000028)
        gauss | d | clip(a, -29, 28)
        gauss | d | clip(a, -28.00000000000028, 28)
        gauss | s | -(134217729 * d)
        gauss | s | 2 * (134217729 * d)
        gauss | s | 134217729 * d + 1
        gauss | s | 134217730 * d
        gauss | s | 134217729.00000134 * d
        gauss | h | -(s - (s - d))
        gauss | h | s - d - s
        gauss | h | s - (s + d)''',
    'Any shift near the largest term is right; that it has no gradient matters to second derivatives alone; '
    'a shift of -inf comes with a sum of no powers, whose slope is nan either way.': '''
        logsumexp | s | stop_gradient(clip(m, -1.7976931348623157e+308, 1.7976931348623157e+308)) + 1
        logsumexp | s | clip(m, -1.7976931348623157e+308, 1.7976931348623157e+308)
        logsumexp | s | stop_gradient(clip(1.7976931348623157e+308, -1.7976931348623157e+308, m))
        logsumexp | s | stop_gradient(clip(m, -1e309, 1.7976931348623157e+308))''',
}

#: Row, cell and new text of every mutant that need not be noticed.
EQUIVALENT: set[tuple[str, ...]] = {
    tuple(part.strip() for part in line.split(' | '))
    for lines in GROUPS.values()
    for line in lines.strip().splitlines()
}
