"""The demo of the ball that bounces finds the drag and what a bounce keeps, through steps that nobody counted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos import bounce
from microgradnet import compile, value_and_grad


def test_a_ball_without_air_falls_as_galilei_says() -> None:
    y, v = bounce.flight(1.0, 0.5, 0.3, 0.0, 0.8)
    assert (y, v) == pytest.approx((1 + 0.5 * 0.3 - bounce.GRAVITY * 0.3**2 / 2, 0.5 - bounce.GRAVITY * 0.3), rel=1e-12)
    down = (2 * bounce.GRAVITY) ** 0.5
    y, v = bounce.flight(1.0, 0.0, down / bounce.GRAVITY + 0.1, 0.0, 0.8)
    assert (y, v) == pytest.approx((0.08 * down - bounce.GRAVITY / 200, 0.8 * down - bounce.GRAVITY / 10), rel=1e-8)


def test_the_gradient_knows_that_a_harder_throw_lands_later() -> None:
    def height(theta: list[float]) -> float:
        return bounce.flight(0.3, theta[0], 0.45, theta[1], theta[2])[0]

    theta, differences = [1.0, 0.08, 0.8], []
    for k in range(3):
        more, less = ([x + sign * 1e-4 * (j == k) for j, x in enumerate(theta)] for sign in (1, -1))
        differences.append((height(more) - height(less)) / 2e-4)
    eager, expected = value_and_grad(height)(theta)
    assert expected == pytest.approx(differences, rel=1e-3)
    found, slopes = compile(value_and_grad(height), backend='python')(theta)
    assert (found, *slopes) == pytest.approx((eager, *expected), rel=1e-12)


@pytest.mark.slow
def test_the_demo_fits_and_agrees_with_scipy(tmp_path: Path) -> None:
    result = bounce.main(['--out', str(tmp_path / 'new' / 'folder'), '--seed', '3'])
    assert result.difference < 1e-7
    bars = np.array(result.fit.errors)
    assert (np.abs(np.array(result.fit.x) - bounce.TRUE) < 4 * bars).all()
    assert (bars < 0.02).all()
    with Image.open(result.picture) as image:
        assert min(image.size) > 100
