"""The table of operations: one row says everything about one operation.

A row gives an operation's value, its partial derivative with respect to each
operand (over the operands ``a b c`` and the result ``y``), how it is set in
LaTeX, and by keyword what else there is to say of it:

``let``       definitions shared by value and partials, computed once
``sign``      what stands between its operands, or before the only one
``binds``     how tightly that does in Python; not said where it is written as a call, as greater(a, b)
``method``    the operator that records it; ``reflected`` for the operand on the right
``default``   operands that may be left out
``numpy``     NumPy's name, where it has another one
``domain``    where it is defined (everywhere, if not said); points outside raise
``kink``      expressions whose zeros are the points without a derivative
``ulps``      the largest error of a partial, in units in the last place

From it come the methods of ``Value``, the functions of ``functions``, the rules of
``differentiate``, what is printed, and the tests, which loop over it. To add an
operation made of known ones, add its row. The grammar of a cell is in ``rules``.

>>> operations['tanh'].value('python')(0.5) == __import__('math').tanh(0.5)
True
>>> operations['div'].partials('ieee')(1.0, 0.0, float('inf'))
(inf, -inf)
"""

from __future__ import annotations

from .algebras import IEEE, Exact
from .operation import Operation, operations

__all__ = ['Operation', 'operations', 'row']

operations.over(ieee=IEEE, exact=Exact)
row = operations.row

# fmt: off
# Arithmetic. In a row's LaTeX, an operand's brace that comes first, or after a space
# or a minus, asks for parentheses where the operand binds less; any other is LaTeX's own.
#   name   value    partials          LaTeX
row('add', 'a + b', ('1', '1'),       r'{a} + {b}', sign='+', binds=1, method='__add__', reflected='__radd__')
row('sub', 'a - b', ('1', '-1'),      r'{a} - {b}', sign='-', binds=1, method='__sub__', reflected='__rsub__',
    numpy='subtract')
row('mul', 'a * b', ('b', 'a'),       r'{a} \cdot {b}', sign='*', binds=2, method='__mul__', reflected='__rmul__',
    numpy='multiply')
row('div', 'a / b', ('1 / b', '-y / b'), r'\frac{a}{b}', sign='/', binds=2, method='__truediv__',
    reflected='__rtruediv__', numpy='divide', domain='b != 0')
row('neg', '-a',    ('-1',),          r'-{a}', sign='-', binds=3, method='__neg__', numpy='negative')
row('abs', 'abs(a)', ('sign(a)',),    r'\left|{a}\right|', method='__abs__', numpy='absolute', kink='a')
# b * a ** (b - 1) has the most digits where b - 1 is exact, as for all ordinary exponents.
row('pow', 'a ** b', ('0 if b == 0 and no_inverse else b * y / a if rounded and normal else b * a ** (b - 1)',
                      '0 if y == 0 and a >= 0 else y * log(a)'), r' {a}^{b}',
    let='rounded = abs(b) >= 9007199254740992 or b - 1 + 1 != b;'
        'normal = abs(y) >= 2.2250738585072014e-308 and abs(y) < inf;'
        'no_inverse = abs(a) < 2.2250738585072014e-308 or a != a',
    sign='**', binds=4, method='__pow__', reflected='__rpow__', numpy='power', domain='a > 0', ulps=3)

# Exponentials and logarithms.
row('exp',   'exp(a)',   ('y',),           r'e^{a}')
row('expm1', 'expm1(a)', ('exp(a)',),      r'\operatorname{expm1} {a}')
row('log',   'log(a)',   ('1 / a',),       r'\ln {a}', domain='a > 0')
row('log1p', 'log1p(a)', ('1 / (1 + a)',), r'\operatorname{log1p} {a}', domain='a > -1')
row('log2',  'log2(a)',  ('1.4426950408889634 / a',), r'\log_{2} {a}', domain='a > 0')
row('log10', 'log10(a)', ('0.4342944819032518 / a',), r'\log_{10} {a}', domain='a > 0')
# y + 0 turns -0.0, the root of -0.0, into 0: the derivative there is inf, not -inf.
row('sqrt',  'sqrt(a)',  ('1 / (2 * (y + 0))',), r'\sqrt{a}', domain='a >= 0', kink='a')
row('cbrt',  'cbrt(a)',  ('1 / (3 * y * y)',), r'\sqrt[3]{a}', kink='a', ulps=9)

# Trigonometry. one_minus_square is 1 - a^2 with all its digits, and with those of its derivative.
row('one_minus_square', '(1 - a) * (1 + a)', ('-2 * a',), r'\left(1 - {a}^{2}\right)')
row('sin',  'sin(a)',  ('cos(a)',),    r'\sin {a}')
row('cos',  'cos(a)',  ('-sin(a)',),   r'\cos {a}')
row('tan',  'tan(a)',  ('1 + y * y',), r'\tan {a}', ulps=4)
row('asin', 'asin(a)', ('1 / sqrt(one_minus_square(a))',),  r'\arcsin {a}', numpy='arcsin', domain='abs(a) <= 1')
row('acos', 'acos(a)', ('-1 / sqrt(one_minus_square(a))',), r'\arccos {a}', numpy='arccos', domain='abs(a) <= 1')
row('atan', 'atan(a)', ('1 / h / h',), r'\arctan {a}', let='h = hypot(1, a)', numpy='arctan', ulps=3)
row('atan2', 'atan2(a, b)', ('b / h / h', '-a / h / h'), r'\operatorname{atan2}\left({a},\,{b}\right)',
    let='h = hypot(a, b)', numpy='arctan2', ulps=3)
row('hypot', 'hypot(a, b)', ('a / y if y != 0 else 0', 'b / y if y != 0 else 0'),
    r'\operatorname{hypot}\left({a},\,{b}\right)', kink='hypot(a, b)')

# Hyperbolic functions. sech2 is the derivative of tanh, 1 - tanh^2, with all its digits.
row('sinh',  'sinh(a)',  ('cosh(a)',),  r'\sinh {a}')
row('cosh',  'cosh(a)',  ('sinh(a)',),  r'\cosh {a}')
row('tanh',  'tanh(a)',  ('sech2(a)',), r'\tanh {a}', ulps=3)
row('sech2', '4 * e / ((1 + e) * (1 + e))', ('-2 * tanh(a) * y',), r'\operatorname{sech}^{2} {a}',
    let='e = exp(-2 * abs(a))', ulps=4)
row('asinh', 'asinh(a)', ('1 / hypot(1, a)',), r'\operatorname{arsinh} {a}', numpy='arcsinh')
row('acosh', 'acosh(a)', ('1 / (sqrt(a - 1) * sqrt(a + 1))',), r'\operatorname{arcosh} {a}',
    numpy='arccosh', domain='a >= 1', ulps=3)
row('atanh', 'atanh(a)', ('1 / one_minus_square(a)',), r'\operatorname{artanh} {a}',
    numpy='arctanh', domain='abs(a) < 1')

# The error function. gauss is exp(-a^2): h is a's upper half, so that h * h is exact.
row('gauss', 'exp(-h * h) * exp(-(d - h) * (d + h))', ('-2 * y * a',), r'e^{-\left({a}\right)^{2}}',
    let='d = clip(a, -28, 28); s = 134217729 * d; h = s - (s - d)', ulps=4)
row('erf',  'erf(a)',  ('1.1283791670955126 * gauss(a)',),  r'\operatorname{erf} {a}', ulps=4)
row('erfc', 'erfc(a)', ('-1.1283791670955126 * gauss(a)',), r'\operatorname{erfc} {a}', ulps=4)

# Activations. sigmoid_slope is sigmoid(a) * sigmoid(-a), in a form whose own derivative keeps its digits.
row('sigmoid',  '(1 if a >= 0 else e) / (1 + e)', ('sigmoid_slope(a)',), r'\sigma\left({a}\right)',
    let='e = exp(-abs(a))', ulps=3)
row('sigmoid_slope', 'e / ((1 + e) * (1 + e))', ('-tanh(a / 2) * y',), r"\sigma'\left({a}\right)",
    let='e = exp(-abs(a))', ulps=4)
row('softplus', 'relu(a) + log1p(exp(-abs(a)))', ('sigmoid(a)',), r'\operatorname{softplus} {a}', ulps=3)
row('relu',     '0 if a <= 0 else a', ('step(a)',), r'\operatorname{relu} {a}', kink='a')
row('leaky_relu', 'a if a > 0 else b * a',
    ('clip(b, 0, 1) if a == 0 else 1 if a > 0 else b if a < 0 else a', '0 if a >= 0 else a'),
    r'\operatorname{leaky\,relu}\left({a},\,{b}\right)', default={'b': 0.01}, kink='a')
row('elu', 'a if a > 0 else b * expm1(a)',
    ('clip(b, 0, 1) if a == 0 else 1 if a > 0 else b * exp(a)', '0 if a > 0 else expm1(a)'),
    r'\operatorname{elu}\left({a},\,{b}\right)', default={'b': 1}, kink='a')
row('silu', 'a * sigmoid(a)', ('sigmoid(a) + a * sigmoid_slope(a)',), r'\operatorname{silu} {a}', ulps=5)
row('gelu', 'a * (erfc(-0.7071067811865476 * a) / 2)',
    ('erfc(-0.7071067811865476 * a) / 2 + 0.3989422804014327 * a * gauss(0.7071067811865476 * a)',),
    r'\operatorname{gelu} {a}', ulps=8)
row('softsign', 'a / d', ('1 / d / d',), r'\operatorname{softsign} {a}', let='d = 1 + abs(a)', ulps=3)

# Thresholds and choices. y - y is 0, except that a nan stays one.
row('step', '1 if a > 0 else 0 if a <= 0 else a', ('y - y',), r'\operatorname{step} {a}', kink='a')
row('sign', '1 if a > 0 else -1 if a < 0 else 0 if a == 0 else a', ('y - y',), r'\operatorname{sign} {a}', kink='a')
row('greater', '1 if a > b else 0 if a <= b else a + b', ('y - y', 'y - y'), r'\left[{a}>{b}\right]', sign='>',
    kink='a - b')
row('less',    '1 if a < b else 0 if a >= b else a + b', ('y - y', 'y - y'), r'\left[{a}<{b}\right]', sign='<',
    kink='a - b')
# How much of max(a, b) is a's: all, half at a tie, nothing.
row('share', '1 if a > b else 0 if a < b else 1 / 2 if a == b else a + b', ('y - y', 'y - y'),
    r'\operatorname{share}\left({a},\,{b}\right)', kink='a - b')
row('max', 'a if a >= b else b if a < b else a + b', ('share(a, b)', 'share(b, a)'),
    r'\max\left({a},\,{b}\right)', numpy='maximum', kink='a - b')
row('min', 'a if a <= b else b if a > b else a + b', ('share(b, a)', 'share(a, b)'),
    r'\min\left({a},\,{b}\right)', numpy='minimum', kink='a - b')
row('clip', 'min(max(a, b), c)',
    ('share(a, b) * share(c, max(a, b))', 'share(b, a) * share(c, max(a, b))', 'share(max(a, b), c)'),
    r'\operatorname{clip}\left({a},\,{b},\,{c}\right)', kink='a - b; max(a, b) - c')
row('where', 'a if a != a else b if a != 0 else c',
    (None, 'a if a != a else 1 if a != 0 else None', 'a if a != a else None if a != 0 else 1'),
    r'\left({b}\text{ if }{a}\text{ else }{c}\right)', kink='a')
row('identity', 'a', ('1',), r'{a}')
row('stop_gradient', 'a', (None,), r'{a}')

# Sums over terms.
row('sum', 'sum(a[i])', ('1',), r'\sum {a}')
row('dot', 'sum(a[i] * b[i]) + c', ('b[i]', 'a[i]', '1'), r'\sum {a} \cdot {b} + {c}', default={'c': 0})
row('logsumexp', 'sum(a[i]) if m == -inf else s + log(t)', ('e[i] / t',), r'\ln \sum e^{a}',
    let='m = max(a[i]); s = stop_gradient(clip(m, -1.7976931348623157e308, 1.7976931348623157e308));'
        'e[i] = exp(a[i] - s); t = sum(e[i])', ulps=8)
# fmt: on
