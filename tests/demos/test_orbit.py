"""The demo of the orbit finds the star's mass and Newton's exponent, with error bars that are right."""

import sys
from math import hypot, pi
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos import orbit
from microgradnet import Value
from microgradnet.testing import check_gradient


@pytest.fixture(scope='module')
def program() -> orbit.Program:
    return orbit.program_of_orbit()


def observed(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((orbit.SEEN, 2))
    return np.array(orbit.orbit(orbit.TRUE)) + orbit.NOISE * noise


def test_a_circle_is_gone_round_in_a_year() -> None:
    """Kepler: at distance 1 from 1 sun the speed is 2 pi; twice the mass, 2 ** 0.5 times as fast."""
    for mass in 1.0, 2.0:
        places = orbit.orbit([1.0, 0.0, 0.0, 2 * pi * mass**0.5, mass, 2.0], 40, 10, 1 / 40 / mass**0.5)
        assert places[-1] == pytest.approx([1.0, 0.0], abs=1e-6)
        assert places[19] == pytest.approx([-1.0, 0.0], abs=1e-6)
        assert all(hypot(x, y) == pytest.approx(1, abs=1e-7) for x, y in places)


def test_half_the_step_leaves_a_sixteenth_of_the_error() -> None:
    exact = np.array(orbit.orbit(orbit.TRUE, 20, 200, 0.04)[-1])
    errors = [np.hypot(*(orbit.orbit(orbit.TRUE, 20, steps, 0.04)[-1] - exact)) for steps in (4, 8)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.15)


def test_one_loop_for_floats_values_and_arrays() -> None:
    floats = orbit.orbit(orbit.TRUE, 3)
    values = orbit.orbit([Value(number) for number in orbit.TRUE], 3)
    arrays = orbit.orbit(np.array([orbit.TRUE, orbit.TRUE]).T, 3)
    assert [[x.data, y.data] for x, y in values] == floats
    assert np.array(arrays)[:, :, 1].tolist() == pytest.approx(np.array(floats), rel=1e-14)


def test_the_gradient_of_a_short_orbit() -> None:
    spots = observed(1).tolist()[:2]
    theta = [1.49, 0.1, 0.2, 3.8, 1.1, 1.9]
    check_gradient(lambda theta: orbit.half_squares(orbit.orbit(theta, 2, 2, 0.1), spots), theta)


def test_the_program_is_the_loop(program: orbit.Program) -> None:
    seen, theta = observed(1), [1.49, 0.01, 0.02, 3.8, 1.1, 1.9]
    error, gradient = program.value_and_gradient(theta, seen.ravel())
    expected, slopes = orbit.recorded([Value(number) for number in theta], seen.tolist(), pow)
    assert program.loops
    assert error == pytest.approx(expected, rel=1e-12)
    assert list(gradient) == pytest.approx(slopes, rel=1e-10)


def test_without_noise_the_truth_is_found(program: orbit.Program) -> None:
    seen = np.array(orbit.orbit(orbit.TRUE))
    fit, error = orbit.fitted(program, seen, orbit.guess(seen))
    assert error < 1e-8
    assert fit == pytest.approx(np.array(orbit.TRUE), abs=1e-3)


@pytest.mark.slow
def test_fits_are_spread_about_the_truth(program: orbit.Program) -> None:
    """From a circle and the wrong exponent, for noise of forty seeds."""
    found = [orbit.fitted(program, seen, orbit.guess(seen)) for seen in map(observed, range(40))]
    left = [2 * error / (2 * orbit.SEEN - 6) for _, error in found]
    assert np.mean(left) ** 0.5 == pytest.approx(orbit.NOISE, rel=0.06)
    fits = np.array([fit for fit, _ in found])
    assert np.all(abs(fits.mean(axis=0) - orbit.TRUE) < 4 * fits.std(axis=0) / 40**0.5)


def test_the_guess_goes_round_in_a_circle() -> None:
    times = orbit.EVERY * np.arange(1, 41)
    seen = 2 * np.array([np.cos(3 * times + 1), np.sin(3 * times + 1)]).T
    x, y, u, v, mass, p = orbit.guess(seen)
    assert (x, y, u, v) == pytest.approx((2 * np.cos(1), 2 * np.sin(1), -6 * np.sin(1), 6 * np.cos(1)))
    assert p == 1
    assert np.array(orbit.orbit([x, y, u, v, mass, p])) == pytest.approx(seen, abs=1e-5)


def test_micrograd_raises_to_a_power() -> None:
    engine = pytest.importorskip('micrograd.engine')
    base, exponent = engine.Value(1.7), engine.Value(-1.3)
    ours = Value(1.7), Value(-1.3)
    theirs = orbit.power_in_micrograd(base, exponent)
    expected = ours[0] ** ours[1]
    for y in theirs, expected:
        (y * y).backward()
    assert theirs.data == pytest.approx(expected.data)
    assert (base.grad, exponent.grad) == pytest.approx([x.grad for x in ours])


@pytest.mark.slow
def test_the_same_gradient_three_ways(program: orbit.Program) -> None:
    pytest.importorskip('micrograd')
    before = sys.getrecursionlimit()
    found = orbit.compare(program, np.array(orbit.TRUE), observed(1), times=1)
    assert found.difference < 1e-9
    assert [*found.seconds] == ['micrograd', 'microgradnet, recorded', 'microgradnet, compiled']
    assert sys.getrecursionlimit() == before


def test_without_micrograd_it_says_so(
    program: orbit.Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'micrograd', None)
    assert orbit.show_comparison(program, np.array(orbit.TRUE), observed(1)) is None
    assert 'pip install micrograd' in capsys.readouterr().out


def test_a_table_is_aligned() -> None:
    fit, bars = np.array(orbit.TRUE) + 0.1, np.full(6, 0.05)
    lines = orbit.table(fit, bars, np.array([fit - 0.04, fit + 0.04])).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].split() == ['exponent', 'p', '2.0000', '2.1000', '0.0500', '0.0400', '+2.0', '±']


def test_one_refit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        orbit.main(['--refits', '1'])
    assert '--refits must be at least 2' in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = orbit.main(['--out', str(tmp_path / 'new' / 'folder'), '--refits', '200'])
    assert np.all(abs(result.fit - orbit.TRUE) < 3.5 * result.bars)
    assert result.refits.shape == (200, 6)
    assert result.refits.std(axis=0) == pytest.approx(result.bars, rel=0.2)  # 5 % is one deviation
    assert np.all(result.bars < 0.1)
    [path] = result.pictures
    image = Image.open(path)
    image.load()
    assert min(image.size) > 500
    assert path.name in (shown := capsys.readouterr().out)
    assert 'exponent p' in shown
    assert result.comparison is None or 'times as fast' in shown


@pytest.mark.slow
def test_error_bars_hold_what_they_promise(program: orbit.Program) -> None:
    """Of eight skies, each with six numbers: how many error bars they are off by is as normal numbers are."""
    off = []
    for seed in range(8):
        seen = observed(100 + seed)
        fit, error = orbit.fitted(program, seen, orbit.guess(seen))
        bars = orbit.error_bars(fit, seen, (2 * error / (seen.size - 6)) ** 0.5)
        off.append((fit - orbit.TRUE) / bars)
    assert abs(np.array(off)).max() < 4
    assert 0.6 < np.std(off) < 1.5
