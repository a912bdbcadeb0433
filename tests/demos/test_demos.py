"""The demos run, learn what they should, and leave pictures; quickly, with few epochs."""

from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from demos import iris, pictures, two_moons, xor
from microgradnet import MLP, TeacherSet
from microgradnet.formulas.colours import NEGATIVE, POSITIVE
from microgradnet.training.history import Epoch, History
from tests.support import ROOT
from tests.support.examples import every
from tests.support.processes import printed

SVG = '{http://www.w3.org/2000/svg}'


def check_picture(path: Path) -> None:
    """Require a picture that opens, and that shows more than one colour."""
    if path.suffix == '.svg':
        tree = ElementTree.parse(path)
        assert tree.getroot().tag == f'{SVG}svg'
        assert len(tree.findall(f'.//{SVG}text')) > 4
    else:
        image = Image.open(path)
        image.load()
        assert image.format == 'PNG'
        assert min(image.size) > 100
        assert any(low < high for low, high in image.convert('RGB').getextrema())


def text_in(path: Path) -> str:
    return ' '.join(ElementTree.parse(path).getroot().itertext())


@pytest.fixture(scope='module')
def learned(tmp_path_factory: pytest.TempPathFactory) -> iris.Result:
    return iris.main(['--out', str(tmp_path_factory.mktemp('iris') / 'new' / 'folder'), '--epochs', '30'])


def test_iris_tells_the_species(learned: iris.Result) -> None:
    assert learned.learned > 0.9
    assert learned.held_out > 0.85
    assert [sum(row) for row in learned.confusion] == [15, 15, 15]
    assert sum(learned.confusion[k][k] for k in range(3)) / 45 == pytest.approx(learned.held_out)
    assert learned.confusion[0] == [15, 0, 0]  # setosa is easy
    assert learned.history[-1].validation < learned.history[0].validation / 2


def test_iris_leaves_pictures(learned: iris.Result) -> None:
    folder = learned.pictures[0].parent
    assert {path.name for path in folder.iterdir()} == {
        'error.png', 'network.png', 'network.svg', 'neuron.png', 'neuron.svg'
    } == {path.name for path in learned.pictures}  # fmt: skip
    for path in learned.pictures:
        check_picture(path)
    for name in ('petal width', 'virginica', 'positive weight'):
        assert name in text_in(folder / 'network.svg')


def test_the_neuron_of_iris_shows_the_rule_for_weights(learned: iris.Result) -> None:
    """What the demo's last line says: a weight's gradient is error signal * g'(r) * input."""
    neuron = iris.neuron_picture(learned.net, iris.iris())
    assert 'petal length' in neuron.source
    gradients = [[w.grad for w in n.weights] for n in learned.net.layers[0].neurons]
    flower = hardest(learned.net)
    run = learned.net.run(flower[0])
    iris.cross_entropy(run.outputs, flower[1]).backward()
    x = learned.net.standardisation(flower[0])
    for firing, row in zip(run.layers[0], gradients, strict=True):
        slope = 1 - firing.output.data**2  # of tanh
        assert row == pytest.approx([firing.error_signal * slope * number for number in x])


def hardest(net: iris.MLP) -> tuple[tuple[float, ...], int]:
    return max(iris.iris(), key=lambda flower: iris.cross_entropy(net.predict([flower[0]])[0], flower[1]))


@pytest.mark.slow
def test_iris_prints_a_table_and_names_its_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = iris.main(['--out', str(tmp_path / 'a'), '--epochs', '2'])
    shown = capfd.readouterr()
    second = iris.main(['--out', str(tmp_path / 'b'), '--epochs', '2'])
    assert f'Pictures, in {tmp_path / "a"}:' in shown.out
    assert '2/2' in shown.err  # the bar
    assert 'error=' in shown.err
    numbers = [[p.data for p in result.net.parameters()] for result in (first, second)]
    assert numbers[0] == numbers[1]


def test_a_confusion_table_is_aligned() -> None:
    assert iris.table([[15, 0], [2, 1]], ['setosa', 'virginica']).splitlines() == [
        'it is \\ the net says       setosa  virginica',
        'setosa                         15          .',
        'virginica                       2          1',
    ]


def test_confusion_counts_species_by_row() -> None:
    flowers = iris.TeacherSet([[0.0]] * 3, [0, 1, 1], classes=['a', 'b'])
    assert iris.confusion([[1.0, 0.0], [2.0, -1.0], [0.0, 0.5]], flowers) == [[1, 0], [1, 1]]


def test_blue_is_positive_in_the_picture_of_two_moons_as_in_those_of_nets() -> None:
    moons = TeacherSet([[0.0, 0.0], [3.0, 0.0]], [-1.0, 1.0])
    net = MLP.from_weights([[[2.0, 0.0]]], [[-3.0]], 'identity')
    figure = two_moons.boundary(net, moons, moons, steps=10)
    axes = figure.axes[0]
    fields, *points = axes.collections
    below, above = fields.get_facecolor()[[0, -1]]
    assert below[0] > below[2] and above[2] > above[0]  # red or orange, blue
    named = [marks for marks in points if ',' in marks.get_label()]
    colours = {marks.get_label(): to_hex(marks.get_edgecolor()[0]).upper() for marks in named}
    assert colours == {f'{sign}, {part}': colour for part in ('teacher set', 'held out')
                       for sign, colour in [('-1', NEGATIVE), ('+1', POSITIVE)]}  # fmt: skip


@pytest.mark.slow
def test_two_moons_are_parted(tmp_path: Path) -> None:
    result = two_moons.main(['--out', str(tmp_path), '--epochs', '15'])
    assert result.learned > 0.85
    assert result.held_out > 0.85
    assert [path.name for path in result.pictures] == ['boundary.png']
    check_picture(result.pictures[0])
    assert result.history[-1].error < 0.7 * result.history[0].error


def test_xor_is_learned_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = xor.main(['--out', str(tmp_path)])
    for answers in result.answers.values():
        assert [round(y) for y in answers] == [0, 1, 1, 0]
    check_picture(result.pictures[0])
    batch, online = (result.histories[mode].column('validation') for mode in ('batch', 'online'))
    assert batch != online
    assert batch[0] > 0.5 > 0.01 > batch[-1]
    shown = capsys.readouterr().out
    assert f'  200  {batch[-1]:9.5f}  {online[-1]:9.5f}  #' in shown


@pytest.mark.slow
def test_xor_is_the_same_both_ways_for_a_small_learning_rate(tmp_path: Path) -> None:
    """As its docstring says; and on-line learning is ahead from other weights."""
    small = xor.main(['--out', str(tmp_path), '--rate', '0.01', '--epochs', '30'])
    batch, online = (small.histories[mode].column('validation') for mode in ('batch', 'online'))
    assert batch == pytest.approx(online, rel=1e-3)
    other = xor.main(['--out', str(tmp_path), '--seed', '13', '--epochs', '120'])
    assert other.histories['online'][-1].validation < other.histories['batch'][-1].validation


def test_a_table_for_one_epoch() -> None:
    histories = {mode: History([xor_epoch(error)]) for mode, error in [('batch', 0.25), ('online', 0.5)]}
    assert xor.table(histories, 8).splitlines()[1:] == ['    1    0.25000    0.50000  ....B...o']


def xor_epoch(error: float) -> Epoch:
    return Epoch(1, error, validation=error)


@pytest.mark.slow
def test_the_pictures_of_the_readme(tmp_path: Path) -> None:
    paths = pictures.main(['--out', str(tmp_path), '--epochs', '2'])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}
    for path in paths[:-1]:  # the last one is the logo, which has no words
        check_picture(path)
    assert {'a', 'b', 'c', 'y', '−2.359', 'tanh'} <= {*text_in(tmp_path / 'expression.svg').split()}
    assert 'x1,2' in text_in(tmp_path / 'three_layers.svg')
    assert '× 1000' in text_in(tmp_path / 'loop.svg') and 'the way back' in text_in(tmp_path / 'program.svg')
    assert '−0.0594' in text_in(tmp_path / 'error_signal.svg')


def test_the_pictures_in_the_repository_are_small_and_whole() -> None:
    kept = sorted((ROOT / 'docs' / 'pictures').iterdir())
    of_readme = {
        'error_signal.svg', 'expression.svg', 'iris.svg', 'logo.svg', 'loop.svg', 'program.svg',
        'three_layers.svg', 'two_moons.png',
    }  # fmt: skip
    of_gallery = {name for names in pictures.GALLERY.values() for name in names.values()}
    assert {path.name for path in kept} == of_readme | of_gallery
    for path in kept:
        if path.stem != 'logo':  # which has no words
            check_picture(path)
        assert path.stat().st_size < 110_000


def test_the_logo_is_what_is_kept_and_has_no_other_colours() -> None:
    assert (ROOT / 'docs' / 'pictures' / 'logo.svg').read_text('utf-8') == pictures.logo()


@pytest.mark.slow
def test_pictures_need_no_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where there is a ``dot``, hide it: pygraphviz's wheel must do."""
    pytest.importorskip('pygraphviz')
    monkeypatch.setattr(graphviz.backend.execute, 'run_check', raise_not_found)
    paths = iris.main(['--out', str(tmp_path), '--epochs', '1']).pictures
    assert len(paths) == 5
    for path in paths:
        check_picture(path)


def raise_not_found(command: list[str], **_: object) -> None:
    raise graphviz.ExecutableNotFound(command)


#: What the help of each demo speaks of; the first is enough for the quick run.
OFFERS = {
    'xor.py': ('--out', '--epochs'),
    'iris.py': ('--out', '--epochs'),
    'two_moons.py': ('--out', '--epochs'),
    'pictures': ('--out', '--epochs'),
    'digits.py': ('--seeds',),
    'orbit.py': ('--refits',),
    'bounce.py': ('--seed',),
    'nile.py': ('--out',),
    'options.py': ('--paths',),
    'schools.py': ('--draws',),
    'check_micrograd': ('micrograd',),
    'why_order': ('--out',),
}


@pytest.mark.slow
@pytest.mark.parametrize('demo', every(len(OFFERS), OFFERS))
def test_a_demo_runs_from_a_shell(demo: str) -> None:
    command = [f'demos/{demo}'] if demo.endswith('.py') else ['-m', f'demos.{demo}']
    shown = printed(*command, '--help')
    assert all(offer in shown for offer in OFFERS[demo])
