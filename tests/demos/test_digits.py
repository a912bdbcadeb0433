"""The demo of handwritten digits reads them, shows what it gets wrong, and does what micrograd does."""

import sys
from math import log
from pathlib import Path

import pytest
from PIL import Image

from demos import digits
from microgradnet import MLP, TeacherSet, Value, cross_entropy
from tests.support.examples import every


@pytest.fixture(scope='module')
def some() -> TeacherSet:
    return digits.digits().select(range(200))


def check_picture(path: Path) -> None:
    """Require a picture that opens, and that shows more than one colour."""
    image = Image.open(path)
    image.load()
    assert image.format == 'PNG'
    assert min(image.size) > 250
    assert any(low < high for low, high in image.convert('RGB').getextrema())


def test_the_digits_are_those_of_scikit_learn() -> None:
    every = digits.digits()
    assert (len(every), len(every.inputs[0]), every.classes) == (1797, 64, tuple(range(10)))
    pixels = {pixel for row in every.inputs for pixel in row}
    assert (min(pixels), max(pixels)) == (0.0, 1.0)


@pytest.mark.slow
def test_a_lesson_is_learned_in_few_epochs_and_leaves_pictures(some: TeacherSet, tmp_path: Path) -> None:
    lesson = digits.teach(some, seed=1, epochs=2)
    assert len(lesson.held_out) == 40
    assert lesson.history[1].error < lesson.history[0].error
    assert lesson.accuracy > 0.3
    wrong = digits.mistakes(lesson.net, lesson.held_out)
    assert 1 - len(wrong) / 40 == pytest.approx(lesson.accuracy)
    paths = digits.write_pictures(lesson, wrong[:4], tmp_path)
    assert [path.name for path in paths] == ['mistakes.png', 'neurons.png', 'error.png']
    for path in paths:
        check_picture(path)


def test_mistakes_are_those_of_the_net_the_surest_first() -> None:
    """A net that answers with its first two pixels, on digits 0 and 1."""
    weights = [[1.0 * (i == k) for i in range(64)] for k in range(10)]
    net = MLP.from_weights([weights], [[0.0] * 10])
    rows = [[3.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 5.0]]
    held_out = TeacherSet([[*row, *[0.0] * 62] for row in rows], [1, 1, 1, 0], classes=range(10))
    found = digits.mistakes(net, held_out)
    assert [(reading.read, reading.is_) for reading in found] == [(1, 0), (0, 1), (0, 1)]
    assert [reading.pixels[:2] for reading in found] == [(0.0, 5.0), (3.0, 0.0), (1.0, 0.0)]
    for reading in found:
        assert sum(reading.probabilities) == pytest.approx(1)
        answer = net.predict([reading.pixels])[0]
        assert -log(reading.probabilities[reading.is_]) == pytest.approx(cross_entropy(answer, reading.is_))


@pytest.mark.parametrize('count', every(4, [7, 0, 1, 30]))
def test_a_gallery_of_any_size(count: int, tmp_path: Path) -> None:
    probabilities = [0.5, 0.3, *[0.025] * 8]
    wrong = [digits.Reading([k / 64 for k in range(64)], 1, probabilities)] * count
    figure = digits.gallery(wrong)
    title = figure.get_suptitle()
    assert title.startswith('24 of 30' if count == 30 else f'{count} digits')
    assert sum(bool(axes.images) for axes in figure.axes) == min(count, 24)
    figure.savefig(tmp_path / 'gallery.png')
    check_picture(tmp_path / 'gallery.png')


def test_micrograd_computes_the_same_cross_entropy() -> None:
    engine = pytest.importorskip('micrograd.engine')
    numbers = [0.5, -1.0, 2.0]
    theirs, ours = [engine.Value(x) for x in numbers], [Value(x) for x in numbers]
    for error in digits.surprise(theirs, 1), cross_entropy(ours, 1):
        error.backward()
        assert error.data == pytest.approx(cross_entropy(numbers, 1), rel=1e-14)
    assert [z.grad for z in theirs] == pytest.approx([z.grad for z in ours], rel=1e-14)


@pytest.mark.slow
def test_the_same_steps_lead_to_the_same_weights(
    some: TeacherSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip('micrograd')
    monkeypatch.setattr(digits, 'BATCH', 2)
    found = digits.show_comparison(some, 2)
    assert found is not None
    assert found.difference < 1e-9
    assert [*found.seconds] == ['micrograd', 'microgradnet, recorded', 'microgradnet, compiled']
    assert 'times as fast' in capsys.readouterr().out


def test_without_micrograd_it_says_so(
    some: TeacherSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'micrograd', None)
    assert digits.show_comparison(some, 1) is None
    assert 'pip install micrograd' in capsys.readouterr().out


def test_no_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        digits.main(['--seeds', '0'])
    assert 'must be at least 1' in capsys.readouterr().err


@pytest.mark.slow
def test_more_than_96_per_cent_are_read_rightly_from_every_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = digits.main(['--out', str(tmp_path / 'new' / 'folder'), '--seeds', '5', '--steps', '1'])
    assert len(result.lessons) == 5
    assert all(lesson.accuracy > 0.96 for lesson in result.lessons)
    assert all(lesson.history.compiled for lesson in result.lessons)
    assert len({lesson.held_out.inputs for lesson in result.lessons}) == 5
    assert len(result.mistakes) == round(359 * (1 - result.lessons[0].accuracy))
    for path in result.pictures:
        check_picture(path)
    if result.comparison:
        assert result.comparison.difference < 1e-9
    assert f'the {len(result.mistakes)} digits it reads wrongly' in capsys.readouterr().out
