"""The demo of the eight schools draws from the known posterior, where nutpie is installed."""

from pathlib import Path

import pytest
from PIL import Image

from demos import schools


def test_the_posterior_is_prior_and_data() -> None:
    """At the prior's middle only the data count, by their squares."""
    wanted = -sum((y / s) ** 2 for y, s in zip(schools.GAINS, schools.ERRORS)) / 2
    assert sum(schools.log_posterior(0.0, 0.0, [0.0] * 8)) == pytest.approx(wanted)
    assert sum(schools.log_posterior(5.0, 0.0, [1.0] + [0.0] * 7)) == pytest.approx(
        -1.0 - sum(((y - 5) / s) ** 2 for y, s in zip(schools.GAINS, schools.ERRORS)) / 2
    )


@pytest.mark.slow
def test_the_demo_pulls_schools_together(tmp_path: Path) -> None:
    pytest.importorskip('nutpie')
    result = schools.main(['--out', str(tmp_path / 'new')])
    assert result.mean == pytest.approx(4.4, abs=0.4) and result.spread == pytest.approx(3.6, abs=0.5)
    assert (result.deviations < schools.ERRORS).all()
    assert max(result.gains) - min(result.gains) < (max(schools.GAINS) - min(schools.GAINS)) / 4
    with Image.open(result.picture) as image:
        assert min(image.size) > 100
