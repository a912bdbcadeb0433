"""``sample``: distributions whose moments are known, by the real nutpie."""

from __future__ import annotations

from math import exp, inf, pi, sqrt
from typing import Any

import pytest

from microgradnet import functions as F
from microgradnet import grad
from microgradnet.science import sample
from microgradnet.science.parameters import Parameters
from microgradnet.science.sampling import _between, _line

np = pytest.importorskip('numpy')


@pytest.mark.parametrize('edges', [(-inf, inf), (2.0, inf), (-inf, 2.0), (1.0, 4.0)])
def test_the_line_and_what_is_between_bounds(edges: tuple[float, float]) -> None:
    low, high = edges
    for z in -3.0, 0.0, 2.5:
        x, stretch = _between(z, *edges)
        assert low < x < high and _line(x, *edges, 'x') == pytest.approx(z)
        slope = grad(lambda z: _between(z, *edges)[0] * 1.0)(z)
        assert abs(slope) == pytest.approx(exp(stretch or 0.0))


def test_parts_have_names_and_shapes() -> None:
    x0 = {'mu': 1.0, 'effects': [1.0, 2.0], 'w': np.ones((2, 3)), 'nest': {'a': 1.0, 'b': [2.0, 3.0]}}
    assert Parameters(lambda p: 0.0, x0).parts() == [('mu', ()), ('effects', (2,)), ('w', (2, 3)), ('nest', (3,))]
    assert Parameters(lambda mu, sigma: 0.0, (1.0, [2.0])).parts() == [('mu', ()), ('sigma', (1,))]
    assert Parameters(lambda q: 0.0, 1.0).parts() == [('q', ())]


@pytest.mark.slow
def test_a_gaussian() -> None:
    pytest.importorskip('nutpie')
    covariance = np.array([[2.0, -0.8], [-0.8, 0.5]])
    inverse = np.linalg.inv(covariance).tolist()

    def density(x: Any) -> Any:
        d = [x[0] - 3.0, x[1] + 1.0]
        return -sum(inverse[i][j] * d[i] * d[j] for i in range(2) for j in range(2)) / 2

    found = sample(density, [0.0, 0.0], draws=2000, seed=1)
    draws = found.posterior['x'].values.reshape(-1, 2)
    assert draws.shape == (8000, 2)
    assert draws.mean(axis=0) == pytest.approx([3.0, -1.0], abs=0.1)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.15)
    again = sample(density, [0.0, 0.0], draws=2000, seed=1)
    assert (again.posterior['x'].values == found.posterior['x'].values).all()


@pytest.mark.slow
def test_bounds_are_those_of_the_parameter() -> None:
    """A half-normal, a beta, and minus an exponential."""
    pytest.importorskip('nutpie')

    def density(half: Any, share: Any, minus: Any) -> Any:
        return [-half * half / 2, F.log(share) + 2 * F.log(1 - share), minus]

    bounds = {'half': (0, None), 'share': (0, 1), 'minus': (None, 0)}
    posterior = sample(density, {'half': 1.0, 'share': 0.5, 'minus': -1.0}, bounds, draws=3000, seed=2).posterior
    means = [float(posterior[name].mean()) for name in bounds]
    assert means == pytest.approx([sqrt(2 / pi), 0.4, -1.0], abs=0.06)
    assert posterior['half'].min() > 0 and posterior['share'].min() > 0 and posterior['share'].max() < 1


@pytest.mark.slow
def test_eight_schools() -> None:
    """A hierarchical model whose posterior is known to all (Rubin 1981; Gelman and others)."""
    pytest.importorskip('nutpie')
    seen, errors = [28.0, 8, -3, 7, -1, 1, 18, 12], [15.0, 10, 16, 11, 9, 11, 10, 18]

    def density(mu: Any, tau: Any, each: Any) -> list[Any]:
        fits = [-(((y - mu - tau * e) / s) ** 2) / 2 for y, s, e in zip(seen, errors, each)]
        return [-((mu / 5) ** 2) / 2, -F.log(1 + (tau / 5) ** 2), *(-e * e / 2 for e in each), *fits]

    x0 = {'mu': 0.0, 'tau': 1.0, 'each': [0.0] * 8}
    posterior = sample(density, x0, {'tau': (0, None)}, draws=4000, seed=3).posterior
    assert float(posterior['mu'].mean()) == pytest.approx(4.4, abs=0.3)
    assert float(posterior['mu'].std()) == pytest.approx(3.3, abs=0.3)
    assert float(posterior['tau'].mean()) == pytest.approx(3.6, abs=0.4)
    assert posterior['each'].shape == (4, 4000, 8)


@pytest.mark.parametrize(('attempt', 'said'), [
    (lambda: sample(lambda a: F.log(a), -1.0), 'log_density and its gradient must be finite at x0'),
    (lambda: sample(lambda a: -a, 0.0, (0, None)), 'x0 must be between its bounds, and a is at one, 0.0'),
    (lambda: sample(lambda a: -a, 1.0, draws=0), 'draws must be a whole number'),
])  # fmt: skip
def test_errors_name_the_parameter(attempt: Any, said: str) -> None:
    pytest.importorskip('nutpie')
    with pytest.raises(ValueError, match=said):
        attempt()
