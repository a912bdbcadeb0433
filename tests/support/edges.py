"""What SEMANTICS says of kinks, ties, poles and infinities, point by point."""

from __future__ import annotations

from math import inf, log, nan

from microgradnet.testing.places import Operands

__all__ = ['KINKS', 'VALUES']

#: Row, operands, and the partial with respect to each; None: no signal.
KINKS: list[tuple[str, Operands, tuple[float | None, ...]]] = [
    # The subgradient of smallest magnitude.
    ('abs', (0.0,), (0.0,)),
    ('abs', (-0.0,), (0.0,)),
    ('relu', (0.0,), (0.0,)),
    ('relu', (-0.0,), (0.0,)),
    ('hypot', (0.0, 0.0), (0.0, 0.0)),
    ('hypot', (-0.0, 0.0), (0.0, 0.0)),
    ('leaky_relu', (0.0, 0.01), (0.01, 0.0)),
    ('leaky_relu', (0.0, -3.0), (0.0, 0.0)),
    ('leaky_relu', (-0.0, 2.0), (1.0, 0.0)),
    ('elu', (0.0, 1.0), (1.0, 0.0)),
    ('elu', (0.0, 0.5), (0.5, 0.0)),
    ('elu', (0.0, -0.5), (0.0, 0.0)),
    ('elu', (-0.0, 2.0), (1.0, 0.0)),
    ('softsign', (0.0,), (1.0,)),
    # At a tie, one half each.
    ('max', (2.0, 2.0), (0.5, 0.5)),
    ('min', (2.0, 2.0), (0.5, 0.5)),
    ('max', (0.0, -0.0), (0.5, 0.5)),
    ('max', (inf, inf), (0.5, 0.5)),
    ('clip', (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)),
    ('clip', (1.0, 0.0, 1.0), (0.5, 0.0, 0.5)),
    # Thresholds are flat everywhere, on the step, too.
    *((name, (x,), (0.0,)) for name in ('step', 'sign') for x in (-1.0, -0.0, 0.0, 2.0, inf, -inf)),
    *((name, (x, 1.0), (0.0, 0.0)) for name in ('greater', 'less', 'share') for x in (0.0, 1.0, 2.0, inf)),
    # Poles: the limit.
    ('sqrt', (0.0,), (inf,)),
    ('sqrt', (-0.0,), (inf,)),
    ('cbrt', (0.0,), (inf,)),
    ('cbrt', (-0.0,), (inf,)),
    ('pow', (0.0, 0.5), (inf, 0.0)),
    ('asin', (1.0,), (inf,)),
    ('asin', (-1.0,), (inf,)),
    ('acos', (1.0,), (-inf,)),
    ('acos', (-1.0,), (-inf,)),
    ('acosh', (1.0,), (inf,)),
    # No limit.
    ('atan2', (0.0, 0.0), (nan, nan)),
    ('atan2', (-0.0, -0.0), (nan, nan)),
    # Powers.
    *(('pow', (x, 0.0), (0.0, x and log(x))) for x in (0.5, 1.0, 3.0)),
    *(('pow', (x, 0.0), (0.0, nan)) for x in (-2.0, -inf, nan)),
    ('pow', (0.0, 1.0), (1.0, 0.0)),
    ('pow', (0.0, 2.0), (0.0, 0.0)),
    ('pow', (0.0, 3.5), (0.0, 0.0)),
    ('pow', (-2.0, 3.0), (12.0, nan)),
    ('pow', (-2.0, -1.0), (-0.25, nan)),
    ('pow', (0.0, 0.1), (inf, 0.0)),
    ('pow', (inf, 0.1), (0.0, inf)),
    ('pow', (0.0, 0.0), (0.0, -inf)),
    # An ordinary whole exponent: as one writes the derivative by hand, to the last bit.
    *(
        ('pow', (x, n), (n * x ** (n - 1), x**n * log(x)))
        for n in (-3.0, 2.0, 3.0, 5.0, 10.0)
        for x in (0.1, 0.7, 1.3, 3.3, 9.1)
    ),
    ('pow', (-1e-300, 3.0), (0.0, nan)),
    ('pow', (1.0, nan), (nan, 0.0)),
    # Where: the chosen edge alone carries a signal.
    ('where', (1.0, inf, nan), (None, 1.0, None)),
    ('where', (0.0, nan, -inf), (None, None, 1.0)),
    ('where', (nan, 1.0, 2.0), (None, nan, nan)),
    ('stop_gradient', (3.0,), (None,)),
    # A sum of powers: nothing at all, and everything.
    ('logsumexp', ([-inf, 3.0],), (0.0, 1.0)),
]

#: Row, operands, value.
VALUES: list[tuple[str, Operands, float]] = [
    ('step', (0.0,), 0.0), ('step', (-0.0,), 0.0), ('step', (1e-300,), 1.0), ('step', (-1.0,), 0.0),
    ('sign', (0.0,), 0.0), ('sign', (-5e-324,), -1.0),
    ('greater', (1.0, 1.0), 0.0), ('less', (1.0, 1.0), 0.0), ('share', (1.0, 1.0), 0.5),
    ('max', (inf, 1.0), inf), ('min', (-inf, 1.0), -inf), ('clip', (5.0, 3.0, 1.0), 1.0),
    ('pow', (nan, 0.0), 1.0), ('pow', (1.0, nan), 1.0), ('hypot', (inf, nan), inf), ('hypot', (nan, -inf), inf),
    ('sigmoid', (inf,), 1.0), ('sigmoid', (-inf,), 0.0), ('sigmoid', (-745.0,), 5e-324), ('sech2', (inf,), 0.0),
    ('sigmoid_slope', (inf,), 0.0), ('sigmoid_slope', (-inf,), 0.0), ('sigmoid_slope', (0.0,), 0.25),
    ('softplus', (inf,), inf), ('softplus', (-inf,), 0.0), ('relu', (-inf,), 0.0), ('gauss', (-inf,), 0.0),
    ('logsumexp', ([-inf, -inf],), -inf), ('logsumexp', ([1.0, inf],), inf), ('logsumexp', ([800.0, -inf],), 800.0),
    ('logsumexp', ([1000.0, 1000.0],), 1000.6931471805599), ('sum', ([],), 0.0), ('dot', ([], [], 2.0), 2.0),
]  # fmt: skip
