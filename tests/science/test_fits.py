"""``minimise`` and ``least_squares`` against what is known: certified fits, closed forms, SciPy without derivatives."""

from __future__ import annotations

import pickle
from math import inf, isnan, log, sqrt
from typing import Any, NamedTuple

import pytest

from microgradnet import functions as F
from microgradnet.science import Fit, least_squares, minimise
from tests.support.examples import for_each

np = pytest.importorskip('numpy')
pytest.importorskip('scipy')

#: NIST's Misra1a: volume over pressure, certified to eleven digits.
PRESSURE = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
VOLUME = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
HEIGHTS = [4.9, 5.6, 5.1, 4.4, 5.3]


def misra(b1: Any, b2: Any) -> Any:
    return [b1 * (1 - F.exp(-b2 * x)) - y for x, y in zip(PRESSURE, VOLUME)]


def surprise(mu: Any, sigma: Any) -> Any:
    """Minus the log-likelihood of normal heights, a term for each."""
    return [F.log(sigma) + ((y - mu) / sigma) ** 2 / 2 for y in HEIGHTS]


def fitted(**options: Any) -> Fit:
    return minimise(surprise, {'mu': 4.0, 'sigma': 1.0}, {'sigma': (0.01, None)}, backend='python', **options)


def close(found: Any, wanted: Any, relative: float = 1e-8) -> bool:
    return bool(np.allclose(found, wanted, rtol=relative, atol=0))


def test_a_certified_fit() -> None:
    fit = least_squares(misra, (500.0, 1e-4), backend='python')
    assert close(fit.x, (238.94212918, 5.5015643181e-4))
    assert close(fit.errors, (2.7070075241, 7.2668688436e-6))
    assert close(fit.value, 0.12455138894) and close(fit.sigma, 0.10187876330)
    assert fit.success and fit.freedom == 12


def test_a_line_has_the_intervals_of_the_textbook() -> None:
    t, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.1, 2.9, 5.1, 6.8])
    fit = least_squares(lambda p: p['a'] + p['b'] * t - y, {'a': 0.0, 'b': 0.0}, backend='python')
    b, a = np.polyfit(t, y, 1)
    spread = sqrt(((a + b * t - y) ** 2).sum() / 2)
    error = spread / sqrt(((t - t.mean()) ** 2).sum())
    assert close([fit.x['a'], fit.x['b'], fit.errors['b']], [a, b, error])
    low, high = fit.intervals(0.95)
    assert close(high['b'] - b, 4.30265273 * error) and close(b - low['b'], 4.30265273 * error)  # t of 2, at 0.975
    known = least_squares(lambda p: p['a'] + p['b'] * t - y, {'a': 0.0, 'b': 0.0}, sigma=spread, backend='python')
    assert known.freedom == inf and close(known.intervals()[1]['b'] - b, 1.95996398 * error)


def test_a_likelihood_has_the_errors_of_theory() -> None:
    count, mean = len(HEIGHTS), sum(HEIGHTS) / len(HEIGHTS)
    sigma = sqrt(sum((y - mean) ** 2 for y in HEIGHTS) / count)
    fit = fitted()
    assert close([fit.x['mu'], fit.x['sigma']], [mean, sigma])
    assert close([fit.errors['mu'], fit.errors['sigma']], [sigma / sqrt(count), sigma / sqrt(2 * count)])
    assert close(fit.value, count * log(sigma) + count / 2)
    assert fit.success and abs(fit.correlation[0, 1]) < 1e-6


def test_fisher_and_sandwich_are_sums_over_terms() -> None:
    fit, fisher, sandwich = fitted(), fitted(information='fisher'), fitted(information='sandwich')
    mu, sigma = fit.x['mu'], fit.x['sigma']
    slopes = np.array([[-(y - mu) / sigma**2, 1 / sigma - (y - mu) ** 2 / sigma**3] for y in HEIGHTS])
    outer = slopes.T @ slopes
    assert close(fisher.covariance, np.linalg.inv(outer))
    assert close(sandwich.covariance, fit.covariance @ outer @ fit.covariance)


@pytest.mark.parametrize('method', [
    pytest.param(name, marks=[pytest.mark.slow] * (name not in ('trust-exact', 'trust-ncg', 'BFGS')))
    for name in ('trust-exact', 'trust-ncg', 'BFGS', 'trust-krylov', 'Newton-CG', 'L-BFGS-B', 'SLSQP', 'Nelder-Mead')
])  # fmt: skip
def test_every_kind_of_method_ends_at_the_same_point(method: str) -> None:
    fit = minimise(lambda x, y: 100 * (y - x**2) ** 2 + (1 - x) ** 2, (-1.2, 1.0), method=method, backend='python')
    assert close(fit.x, (1.0, 1.0), 1e-9) and fit.success


def test_it_asks_for_no_more_than_it_needs() -> None:
    """The function itself is called for recording only: all else is compiled."""
    calls: dict[str, int] = {}

    def counted(x: Any, y: Any) -> Any:
        calls['f'] = calls.get('f', 0) + 1
        return 100 * (y - x**2) ** 2 + (1 - x) ** 2

    fit = minimise(counted, (-1.2, 1.0), backend='python')
    assert calls['f'] < fit.found.nfev / 2


class Curve(NamedTuple):
    height: float
    rate: float


@pytest.mark.parametrize(('x0', 'names'), [
    ((1.0, 2.0), ['a', 'b']),
    ({'a': 1.0, 'b': 2.0}, ['a', 'b']),
    (Curve(1.0, 2.0), ['height', 'rate']),
])  # fmt: skip
def test_arguments_come_one_by_one(x0: Any, names: list[str]) -> None:
    fit = minimise(lambda a, b: (a - 3) ** 2 + (b + a) ** 2, x0, backend='python')
    assert fit.names == names and type(fit.x) is type(x0)
    assert close([*fit.x.values()] if isinstance(fit.x, dict) else fit.x, [3.0, -3.0])


@for_each(('x0', 'names'), [
    (1.0, ['p']),
    ([1.0, 2.0], ['p[0]', 'p[1]']),
    ({'w': [1.0, 2.0], 'more': {'b': 1.0}}, ['w[0]', 'w[1]', 'more.b']),
    (Curve(1.0, 2.0), ['height', 'rate']),
    (np.ones((2, 1)), ['p[0][0]', 'p[1][0]']),
])  # fmt: skip
def test_structure_in_structure_out(x0: Any, names: list[str]) -> None:
    from microgradnet.derivatives.trees import take_apart

    fit = minimise(lambda p: sum((x - 3) ** 2 / 2 for x in take_apart(p)[0]), x0, backend='python')
    assert fit.names == names
    for part in fit.x, fit.errors, *fit.intervals():
        assert type(part) is type(x0) and len(take_apart(part)[0]) == len(names)
    assert close(take_apart(fit.x)[0], [3.0] * len(names)) and close(take_apart(fit.errors)[0], [1.0] * len(names))


def test_bounds_go_by_parts() -> None:
    def f(p: Any) -> Any:
        return ((p['w'] - np.arange(3.0)) ** 2).sum() + (p['b'] + 1) ** 2

    fit = minimise(f, {'w': np.ones(3), 'b': 1.0}, {'w': (None, 1.5), 'b': (0, 5)}, backend='python')
    assert close(fit.x['w'][1:], [1.0, 1.5]) and fit.x['b'] == 0.0
    assert isnan(fit.errors['w'][2]) and isnan(fit.errors['b']) and close(fit.errors['w'][0], sqrt(0.5))
    assert 'at a bound: w[2], b' in repr(fit)


def test_what_the_data_do_not_tell_apart_is_said() -> None:
    fit = minimise(lambda a, b, c: (a + 2 * b - 1) ** 2 + c**2, (0.0, 0.0, 1.0), backend='python')
    assert fit.why == 'no standard errors: the data do not tell them apart along +1 a -0.5 b'
    assert all(map(isnan, fit.errors)) and fit.why in repr(fit)
    again = least_squares(lambda a, b: [a + b - y for y in (1.0, 2.0, 3.0)], (0.0, 0.0), backend='python')
    assert again.why == 'no standard errors: the data do not tell them apart along +1 a -1 b'


def test_no_least_value_is_no_success() -> None:
    fit = minimise(lambda a: -a * a, 1.0, backend='python')
    assert not fit.success and 'not at a least value' in repr(fit) and 'the curvature is negative along +1 a' in fit.why


def test_units_do_not_matter() -> None:
    fit = minimise(lambda a, b: ((a / 1e9 - 1) ** 2 + (b * 1e9 - 1) ** 2) / 2, (2e9, 2e-9), backend='python')
    assert close(fit.x, (1e9, 1e-9)) and close(fit.errors, (1e9, 1e-9)) and not fit.why


def test_a_small_gradient_in_large_units_is_not_the_end() -> None:
    """The variance of numbers of some 1e5: the gradient by it is 1e-9 everywhere."""
    seen = [1e5, -2e5, 1.5e5, -0.5e5]
    fit = minimise(lambda v: sum(F.log(v) + y * y / v for y in seen) / 2, 2e9, (1.0, None), backend='python')
    assert close(fit.x, sum(y * y for y in seen) / 4) and fit.success and close(fit.errors, fit.x / sqrt(2))


def test_where_scipy_stops_too_early_is_no_success() -> None:
    fit = minimise(lambda a: F.exp(a) - a, 8.0, options={'maxiter': 1}, method='BFGS', backend='python')
    assert fit.success == (abs(fit.x) < 1e-6)


def test_a_fit_is_a_table() -> None:
    assert repr(least_squares(misra, (250.0, 5e-4), backend='python')).splitlines() == [
        '     estimate  standard error            95% interval',
        'b1      238.9             2.7          233.0 to 244.8',
        'b2  0.0005502       0.0000073  0.0005343 to 0.0005660',
        'sigma 0.1019',
    ]


def test_a_fit_is_pickled() -> None:
    fit = fitted()
    assert repr(pickle.loads(pickle.dumps(fit))) == repr(fit)


@for_each(('attempt', 'error', 'said'), [
    (lambda: minimise(lambda a: F.log(a - 1), 1.0), ValueError, 'f must be finite at x0, and is -inf at a = 1'),
    (lambda: minimise(lambda a, b: a * b, 1.0), TypeError, 'x0 must be a dict or a tuple of these, not 1.0'),
    (lambda: minimise(lambda a, b: a * b, {'a': 1.0, 'c': 1.0}), TypeError, "not a dict of 'a', 'c'"),
    (lambda: minimise(lambda p: p, {'rate': 1.0}, {'rat': (0, 1)}), ValueError, "did you mean 'rate'"),
    (lambda: minimise(lambda a: a * a, 1.0, (2, 3)), ValueError, 'a is 1.0, not in 2.0 to 3.0'),
    (lambda: minimise(lambda a: a * a, 1.0, (3, 2)), ValueError, 'bounds of a must be the lowest and then the highest'),
    (lambda: minimise(lambda a: a * a, 1.0, 3), TypeError, 'bounds of a must be a pair'),
    (lambda: minimise(lambda a, b: a * b, (1.0, 2.0), [(0, 3)]), TypeError, 'bounds must be a pair for each of 2'),
    (lambda: minimise(lambda a: a * a, {'a': float('nan')}), ValueError, 'x0 must be finite, and a is nan'),
    (lambda: minimise(lambda a: a * a, 1.0, (0, 2), method='BFGS'), ValueError, "'BFGS' knows no bounds"),
    (lambda: minimise(lambda a: a * a, 1.0, method='trust'), ValueError, 'did you mean'),
    (lambda: minimise(lambda a: a * a, 1.0, information='fischer'), ValueError, "did you mean 'fisher'"),
    (lambda: minimise(lambda a: a * a, 1.0, options=['maxiter']), TypeError, 'options must be a dict'),
    (
        lambda: least_squares(lambda a: [a - 1, a - 30], 1.0, options={'loss': 'soft_l1'}), ValueError,
        "loss must be 'linear', the sum of squares, not 'soft_l1': minimise takes any other sum",
    ),
    (lambda: minimise(lambda a: a * a, []), ValueError, 'at least one parameter'),
    (lambda: least_squares(lambda a, b: [a, b], (1.0, 2.0)), ValueError, 'not tell 2 parameters and sigma'),
    (lambda: least_squares(lambda a: [1 / (a - 1), a], 1.0), ValueError, 'residual 0 must be finite at x0, and is inf'),
    (lambda: least_squares(lambda a: [a, a], 1.0, sigma=0), ValueError, 'sigma must be greater than 0'),
])  # fmt: skip
def test_errors_name_the_parameter(attempt: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        attempt()


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['numpy', 'native'])
def test_the_other_backends_find_the_same(backend: str) -> None:
    pytest.importorskip('llvmlite')
    fit = minimise(surprise, (4.0, 1.0), [(None, None), (0.01, None)], backend=backend)
    assert close(fit.x, [*fitted().x.values()]) and close(fit.errors, [*fitted().errors.values()])


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    """Of 95% intervals of simulated decays, some 95 in 100 hold the rate that made them."""
    times = np.linspace(0.0, 3.0, 20)
    draw, held = np.random.default_rng(1), 0
    for _ in range(200):
        y = 2.0 * np.exp(-0.7 * times) + draw.normal(0.0, 0.1, 20)
        fit = least_squares(lambda a, k, y=y: a * np.exp(-k * times) - y, (1.0, 1.0), backend='python')
        low, high = fit.intervals()
        held += low[1] < 0.7 < high[1]
    assert 178 <= held <= 200  # a binomial of 200 and 0.95, to four standard deviations and more
