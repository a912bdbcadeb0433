"""The GPT in scalars: three engines agree on its gradient, it learns, and what it invents are words."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

pytest.importorskip('llvmlite')

from demos import names, names_plain


@pytest.mark.slow
def test_the_names_are_those_of_the_standard_library() -> None:
    known = names.names()
    assert len(known) > 2000 and known == sorted({*known})
    assert {'append', 'parser', 'random'} <= {*known}
    assert all(name.isalpha() and name.islower() and 3 <= len(name) <= 10 for name in known)


@pytest.mark.slow
def test_all_engines_come_to_the_same_gradient() -> None:
    learner = names.Learner(2)
    learner.theta *= 5  # far from where all letters are as likely as each other
    assert len(learner.theta) == 4192
    E, gradient = learner.gradient('abc')
    for found in learner.recorded_gradient('abc'), names_plain.plain_gradient(learner, 'abc'):
        assert found[0] == pytest.approx(E, rel=1e-12)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-9, atol=1e-13)
    for place in 40, 500, 1000, 3000, 4191:  # and to differences
        before = learner.theta[place]
        ends = []
        for h in -1e-5, 1e-5:
            learner.theta[place] = before + h
            ends.append(learner.gradient('abc')[0])
        learner.theta[place] = before
        assert (ends[1] - ends[0]) / 2e-5 == pytest.approx(gradient[place], rel=1e-5, abs=1e-8)


@pytest.mark.slow
def test_it_learns_a_name_by_heart() -> None:
    learner = names.Learner(1)
    errors = [learner.step('abc', 0.02) for _ in range(50)]
    assert errors[0] > 3 and errors[-1] < 0.1
    assert learner.invent(Random(1), warmth=0.1) == 'abc'


@pytest.mark.slow
def test_the_whole_demo(capsys: pytest.CaptureFixture[str]) -> None:
    names.main(['--steps', '4000', '--invent', '12'])
    out = capsys.readouterr().out
    assert '4,192 weights' in out and 'times compiled' in out
    before, after = (float(part.split()[0]) for part in out.split('held out: ')[1].split('\n')[0].split(', '))
    assert before > 3 and after < 2.7
