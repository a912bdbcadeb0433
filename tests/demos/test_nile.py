"""The demo of the Nile finds the published variances."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos import nile


def test_the_filter_is_the_joint_normal_distribution() -> None:
    """Of the first flows, against their covariance written out: all years share the walk up to the earlier one."""
    flows, noise, drift = nile.FLOWS[:6], 15_000.0, 1_500.0
    steps = np.arange(1, 6)
    covariance = drift * np.minimum.outer(steps, steps) + noise * (np.eye(5) + 1)  # of what differs from the first year
    miss = np.array(flows[1:]) - flows[0]
    wanted = (np.linalg.slogdet(covariance)[1] + miss @ np.linalg.solve(covariance, miss)) / 2
    assert sum(year.surprise for year in nile.filtered(noise, drift, flows)) == pytest.approx(wanted, rel=1e-12)


def test_the_flows_are_those_of_the_data_set() -> None:
    assert len(nile.FLOWS) == 100 and sum(nile.FLOWS) == 91935 and nile.FLOWS[42] == 456


@pytest.mark.slow
def test_the_demo_finds_what_is_published(tmp_path: Path) -> None:
    result = nile.main(['--out', str(tmp_path / 'new')])
    for name, variance in nile.PUBLISHED.items():
        assert result.fit.x[name] == pytest.approx(variance, rel=1e-3)
    assert result.fit.value + 99 / 2 * np.log(2 * np.pi) == pytest.approx(632.54, abs=0.01)
    with Image.open(result.picture) as image:
        assert min(image.size) > 100
