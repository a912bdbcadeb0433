"""The demo of the option book: Black and Scholes where they must come out, and differences where they need not."""

from math import erf, exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos import options
from demos.options import Market


def test_the_formula_is_that_of_the_textbook() -> None:
    """Hull's example: 42, strike 40, half a year, 10 %, a volatility of 20 %: a call is worth 4.76, a put 0.81."""
    assert options.formula(42.0, 40.0, True, 0.1, 0.5, 0.04 * 0.5) == pytest.approx(4.76, abs=0.005)
    assert options.formula(42.0, 40.0, False, 0.1, 0.5, 0.04 * 0.5) == pytest.approx(0.81, abs=0.005)
    d = (log(42 / 40) + (0.1 + 0.02) * 0.5) / (0.2 * sqrt(0.5))
    parts = [(1 + erf(x / sqrt(2))) / 2 for x in (d, d - 0.2 * sqrt(0.5))]
    wanted = 42 * parts[0] - 40 * exp(-0.05) * parts[1]
    assert options.formula(42.0, 40.0, True, 0.1, 0.5, 0.02) == pytest.approx(wanted)


def test_without_unrest_every_greek_is_the_formulas() -> None:
    still = Market(pull=0.0, unrest=0.0, correlation=0.0)
    rows = np.random.default_rng(1).standard_normal((2, 3)).tolist()
    found = options.greeks(options.program_of('python', 3), still, rows)
    assert found == pytest.approx(options.known(still), rel=1e-10)


def test_greeks_are_differences_of_the_price() -> None:
    rows, h = np.random.default_rng(2).standard_normal((4, 5)).tolist(), 1e-3
    program = options.program_of('python', 5)
    here, less, more = (options.greeks(program, Market(spot=100.0 + sign * h), rows) for sign in (0, -1, 1))
    assert here['delta'] == pytest.approx((more['price'] - less['price']) / (2 * h), rel=1e-6)
    for second, first in ('gamma', 'delta'), ('vanna', 'vega'):
        assert here[second] == pytest.approx((more[first] - less[first]) / (2 * h), rel=1e-6)


@pytest.mark.slow
def test_the_demo_prices_its_book(tmp_path: Path) -> None:
    result = options.main(['--out', str(tmp_path / 'new'), '--paths', '2000'])
    assert all(0 < result.errors[name] < 1.0 for name in ('price', 'delta', 'gamma'))
    with Image.open(result.picture) as image:
        assert min(image.size) > 100


@pytest.mark.slow
def test_the_share_earns_the_rate_on_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose strike is next to nothing is the share itself: the mean over paths is its price, a martingale."""
    monkeypatch.setattr(options, 'BOOK', ((1.0, 1e-3, True),))
    rows = np.random.default_rng(3).standard_normal((20_000, 50))
    prices = np.array(options.program_of(None, 50)(rows)).ravel()
    assert abs(prices.mean() - 100.0) < 5 * prices.std() / sqrt(len(prices))
