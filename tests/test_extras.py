"""Without a package that an extra brings: everything works, or says in one sentence which extra it needs."""

from __future__ import annotations

import configparser
import math
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

import microgradnet
from microgradnet import MLP, Value, explain_nan
from microgradnet._extras import EXTRAS, have, install, needed
from microgradnet.drawing import RendererNotFound, draw, draw_error_signal, draw_network, play, tree
from tests.support.examples import for_each
from tests.support.sources import imports_of

ROOT = Path(microgradnet.__file__).parents[1]
#: Packages that cannot be there without another one.
DEPENDENTS = {'numpy': ('matplotlib', 'scipy', 'sklearn'), 'scipy': ('sklearn',), 'PIL': ('matplotlib',)}


class Blocker:
    """A finder that is asked first, and finds that some packages are not there."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition('.')[0] in self.packages:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)


@contextmanager
def hidden(*packages: str) -> Iterator[ModuleType]:
    """Give a microgradnet that is imported anew, in this process, where some packages cannot be imported."""
    packages = (*packages, *(also for package in packages for also in DEPENDENTS.get(package, ())))
    ours = ('microgradnet', *packages)
    before = {name: module for name, module in sys.modules.items() if name.partition('.')[0] in ours}
    blocker = Blocker(packages)
    for name in before:
        del sys.modules[name]
    sys.meta_path.insert(0, blocker)  # type: ignore[arg-type]
    try:
        yield import_module('microgradnet')
    finally:
        sys.meta_path.remove(blocker)  # type: ignore[arg-type]
        for name in [name for name in sys.modules if name.partition('.')[0] in ours]:
            del sys.modules[name]
        sys.modules.update(before)


def fetched(name: str, m: Any, _: Path) -> Any:
    return attrgetter(name)(m)


def square(x: Any) -> Any:
    return x * x


def taught(m: Any) -> tuple[Any, Any]:
    net = m.MLP(2, [2, 1], seed=1)
    return net, m.train(net, m.TeacherSet([[0.5, 1.0], [1.0, 0.5]], [1.0, 0.0]), learning_rate=0.1, epochs=2)


def large(m: Any, folder: Path) -> Any:
    return m.LargeTeacherSet.written(iter([[0.0, 1.0], [1.0, 2.0]]), folder / 'rows.npy')


def program(m: Any, **options: Any) -> Any:
    x = m.Value(2.0)
    return m.compile(x * x, rows=[x], **options)([[1.0], [2.0]])


def saved(m: Any, folder: Path) -> Any:
    net = m.MLP(1, [1], seed=1)
    m.save(net, folder / 'net.json')
    m.restore(m.MLP(1, [1]), folder / 'net.json')
    return m.load(folder / 'net.json')


def from_csv(m: Any, folder: Path) -> Any:
    (folder / 'a.csv').write_text('x,t\n1,2\n2,3\n')
    return m.LargeTeacherSet.from_csv(folder / 'a.csv', 't', folder / 'a.npy')


#: What is fetched, and not called: it is a framework's, or takes arguments of its own.
FETCHED = {
    'interop': ['to_jax', 'from_onnx', 'to_onnx', 'to_pytensor', 'to_torch', 'write_csv', 'write_tensorboard'],
    'science': ['Fit'],
    'testing': [
        'Expression', 'Finding', 'GradientError', 'GradientReport', 'OperationError', 'OperationReport',
        'Report', 'check_custom', 'check_engine', 'check_function', 'check_operation', 'points', 'small_points',
        'teacher_sets', 'why_order',
    ],
}  # fmt: skip
#: Every public name of the package, and some methods, as called by one who has plain numbers and lists.
ENTRIES: dict[str, Callable[[Any, Path], Any]] = {
    'MLP': lambda m, _: m.MLP(2, [2, 1], seed=1)([1.0, 2.0]),
    'LargeTeacherSet': lambda m, f: m.LargeTeacherSet(f / 'old.npy'),
    'LargeTeacherSet.written': large,
    'LargeTeacherSet.from_csv': from_csv,
    'Layer': lambda m, _: m.Layer(2, 2, seed=1)([1.0, 2.0]),
    'NetClassifier': lambda m, _: m.NetClassifier((), epochs=1).fit([[0.0], [1.0]], [0, 1]),
    'NetRegressor': lambda m, _: m.NetRegressor((), epochs=1).fit([[0.0], [1.0]], [0, 1]),
    'Neuron': lambda m, _: m.Neuron(2, seed=1)([1.0, 2.0]),
    'Program': lambda m, _: m.Program(square(m.Value(2.0))),
    'TeacherSet': lambda m, _: m.TeacherSet([[1.0], [2.0]], [1.0, 2.0], standardise=True),
    'Value': lambda m, _: (m.Value(2.0) ** 2).backward(),
    'compile': lambda m, _: m.compile(square)(3.0),
    'compile.map': lambda m, _: m.compile(square).map([1.0, 2.0]),
    'compile, a program': lambda m, _: program(m),
    'compile, numpy': lambda m, _: program(m, backend='numpy'),
    'compile, native': lambda m, _: program(m, backend='native'),
    'compile, python': lambda m, _: program(m, backend='python'),
    'cross_entropy': lambda m, _: m.cross_entropy([[m.Value(1.0), m.Value(2.0)]], [0]),
    'custom': lambda m, _: m.custom(lambda a: a * a, lambda a: 2 * a, name='squared')(m.Value(2.0)),
    'dead_neurons': lambda m, _: str(m.dead_neurons(m.MLP(1, [2, 1], seed=1), m.TeacherSet([[1.0]], [1.0]))),
    'derive': lambda m, _: m.derive(m.MLP(1, [1], seed=1), [([1.0], 0.0)], 'b_1').html(),
    'dot': lambda m, _: m.dot([m.Value(1.0)], [2.0]),
    'draw': lambda m, _: m.draw(m.Value(2.0) * 3.0).pipe('svg'),
    'draw_error_signal': lambda m, _: m.draw_error_signal(m.MLP(1, [1], seed=1), [1.0], 0.0).animation(),
    'draw_error_signal, a GIF': lambda m, f: m.draw_error_signal(m.MLP(1, [1], seed=1), [1.0], 0.0).save(f / 'a.gif'),
    'draw_network': lambda m, _: m.draw_network(m.MLP(1, [1], seed=1)).pipe('svg'),
    'error_signals': lambda m, _: str(m.error_signals(m.MLP(1, [1], seed=1), [1.0], 0.0)),
    'explain_nan': lambda m, _: str(m.explain_nan(m.Value(math.inf) * 1.0)),
    'functions': lambda m, _: m.functions.sin(m.Value(1.0)),
    'grad': lambda m, _: m.grad(square)(2.0),
    'gradients': lambda m, _: m.gradients(*(lambda x: (x * x, [x]))(m.Value(2.0))),
    'half_squared_error': lambda m, _: m.half_squared_error([m.Value(1.0)], [2.0]),
    'hessian': lambda m, _: m.hessian(lambda x: x[0] * x[1])([1.0, 2.0]),
    'hvp': lambda m, _: m.hvp(lambda x: x[0] * x[1])([1.0, 2.0], [1.0, 0.0]),
    'jacobian': lambda m, _: m.jacobian(lambda x: [x[0], x[1]])([1.0, 2.0]),
    'jvp': lambda m, _: m.jvp(square, 1.0, 2.0),
    'latex': lambda m, _: m.latex(m.Value(1.0).sin()),
    'load': saved,
    'mean_square_error': lambda m, _: m.mean_square_error([1.0, 2.0], [4.0, 6.0]),
    'max_margin': lambda m, _: m.max_margin([m.Value(1.0)], [1]),
    'mean': lambda m, _: m.mean([m.Value(1.0)]),
    'no_grad': lambda m, _: m.no_grad().__enter__() and None,
    'operations': lambda m, _: m.operations['sin'],
    'play': lambda m, _: m.play(m.Value(2.0) * 3.0),
    'play, a widget': lambda m, _: m.play(m.MLP(1, [1], seed=1), [1.0], 0.0).widget,
    'Program.draw': lambda m, _: m.compile(m.Value(2.0) * 3.0).draw().pipe('svg'),
    'recording': lambda m, _: m.recording(),
    'restore': saved,
    'root_mean_square_error': lambda m, _: m.root_mean_square_error([m.Value(1.0)], [2.0]),
    'save': saved,
    'signals': lambda m, _: m.signals(m.Value(2.0) ** 2),
    'softmax': lambda m, _: m.softmax([m.Value(1.0), 2.0]),
    'sparse_hessian': lambda m, _: m.sparse_hessian(lambda x: x[0] * x[1])([1.0, 2.0]),
    'sparse_jacobian': lambda m, _: m.sparse_jacobian(lambda x: [x[0], x[1]])([1.0, 2.0]),
    'text': lambda m, _: m.text(m.Value(1.0).sin()),
    'tracing': lambda m, _: m.tracing(),
    'train': lambda m, _: taught(m),
    'train, compiled': lambda m, _: m.train(m.MLP(1, [1], seed=1), m.TeacherSet([[1.0]], [1.0]), learning_rate=0.1,
                                            epochs=1, compiled=True),
    'History.plot': lambda m, _: taught(m)[1].plot(),
    'value_and_grad': lambda m, _: m.value_and_grad(square)(2.0),
    'vjp': lambda m, _: m.vjp(square, 1.0),
    'where': lambda m, _: m.where(m.Value(1.0), 2.0, 3.0),
    'while_loop': lambda m, _: m.while_loop(lambda x: x < 9.0, lambda x: x * x, m.Value(2.0)),
    'science.checkpoint': lambda m, _: m.science.checkpoint(square)(m.Value(2.0)),
    'science.implicit': lambda m, _: m.science.implicit(lambda x, a: x * x - a, 1.0, m.Value(2.0)),
    'science.least_squares': lambda m, _: m.science.least_squares(lambda x: [x, x - 1.0], 1.0),
    'science.minimise': lambda m, _: m.science.minimise(square, 1.0),
    'science.sample': lambda m, _: m.science.sample(lambda x: -x * x, 1.0, draws=5, warmup=5, chains=1),
    'testing.check_gradient': lambda m, _: m.testing.check_gradient(square, 2.0),
    'testing.expressions': lambda m, _: m.testing.expressions(),
    'testing.nets': lambda m, _: m.testing.nets(),
    **{f'{room}.{name}': partial(fetched, f'{room}.{name}') for room, names in FETCHED.items() for name in names},
}  # fmt: skip
LARGE = {'LargeTeacherSet', 'LargeTeacherSet.written', 'LargeTeacherSet.from_csv'}
ESTIMATORS = {'NetClassifier', 'NetRegressor'}
SCIENCE = {'science.least_squares', 'science.minimise'}
SAMPLING = {'science.sample'}
SPARSE = {'sparse_hessian', 'sparse_jacobian'}
DRAWN = {'Program.draw', 'draw', 'draw_error_signal', 'draw_network', 'play'}
#: Other frameworks: they cannot be imported twice in a process, so tests/interop sees what is said without them.
INTEROP = 'jax', 'onnx', 'pytensor', 'tensorboard', 'torch'
#: What needs each package; the others work without it.
NEED: dict[str, set[str] | None] = {
    'numpy': LARGE | SPARSE | ESTIMATORS | SCIENCE | SAMPLING
    | {'compile, numpy', 'compile, native', 'train, compiled', 'History.plot'},
    'llvmlite': {'compile, native'},
    'matplotlib': {'History.plot'} | SAMPLING,  # nutpie brings ArviZ, which needs it
    'PIL': {'draw_error_signal, a GIF', 'History.plot'} | SAMPLING,
    'networkx': SPARSE,
    'scipy': SPARSE | ESTIMATORS | SCIENCE | SAMPLING,
    'sklearn': ESTIMATORS,
    'pygraphviz': DRAWN | {'draw_error_signal, a GIF'},
    'anywidget': {'play, a widget'},
    'nutpie': SAMPLING,
    'hypothesis': None,
    'mpmath': None,
    **{package: set() for package in INTEROP},
}


@pytest.fixture(autouse=True)
def _no_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ``dot`` program."""
    empty = tmp_path / 'empty'
    empty.mkdir()
    monkeypatch.setenv('PATH', str(empty))


def outcome(entry: Callable[[Any, Path], Any], package: ModuleType, folder: Path) -> str:
    """Nothing if it worked, else what the error says; any error but for an extra is let through."""
    try:
        import_module('microgradnet.testing')
        import_module('microgradnet.science')
        import_module('microgradnet.interop')
        entry(package, folder)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) or type(error).__name__ == 'RendererNotFound':
            return str(error)
        raise
    return ''


def test_a_star_brings_what_needs_no_extra() -> None:
    there: dict[str, Any] = {}
    with hidden('sklearn', 'numpy', 'llvmlite', 'scipy') as microgradnet:
        exec('from microgradnet import *', there)
        assert {*microgradnet.__all__} == there.keys() - {'__builtins__'}
    assert 'Value' in there and 'NetClassifier' not in there


def test_every_public_entry_is_tried() -> None:
    from microgradnet import interop, science, testing

    names = {entry.partition(',')[0] for entry in ENTRIES}
    assert {*microgradnet.__all__} <= names
    assert {f'testing.{name}' for name in testing.__all__} <= names
    assert {f'interop.{name}' for name in interop.__all__} <= names
    assert {f'science.{name}' for name in science.__all__} <= names
    assert EXTRAS.keys() == NEED.keys()


#: Of the packages taken away one by one the quick run takes the one that most needs, and all of them at once.
QUICK = {'numpy'}
BY_PACKAGE = [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in EXTRAS]


@pytest.mark.parametrize('package', BY_PACKAGE)
def test_every_public_entry_without_a_package(package: str, tmp_path: Path) -> None:
    microgradnet.LargeTeacherSet.written(iter([[0.0, 1.0], [1.0, 2.0]]), tmp_path / 'old.npy')
    with hidden(package) as m:
        assert not m._extras.have(package)
        said = {name: outcome(entry, m, tmp_path) for name, entry in ENTRIES.items()}
    refused = {name for name, message in said.items() if message}
    anyway: set[str] = set() if have('nutpie') else SAMPLING
    if NEED[package] is None:
        assert refused - anyway and all(name.startswith('testing.') for name in refused - anyway)
    else:
        assert refused == NEED[package] | anyway
    for name in refused:
        first = said[name].splitlines()[0]
        own = {'compile, native': 'native', 'History.plot': 'plot'} | dict.fromkeys(SPARSE, 'sparse')
        own |= dict.fromkeys(ESTIMATORS, 'sklearn') | dict.fromkeys(SCIENCE, 'science')
        own |= dict.fromkeys(SAMPLING, 'sampling')
        assert install(own.get(name, EXTRAS[package])) in first, (name, first)
        assert len(first) < 200


def test_without_any_of_them(tmp_path: Path) -> None:
    microgradnet.LargeTeacherSet.written(iter([[0.0, 1.0], [1.0, 2.0]]), tmp_path / 'old.npy')
    with hidden(*EXTRAS) as m:
        said = {name: outcome(entry, m, tmp_path) for name, entry in ENTRIES.items()}
    for name, message in said.items():
        assert not message or "pip install 'microgradnet[" in message.splitlines()[0], name


def test_it_is_put_back() -> None:
    with hidden('numpy') as m:
        assert m is not microgradnet
    assert import_module('microgradnet') is microgradnet
    assert have('numpy')
    assert needed('numpy').array is not None


def test_an_import_that_fails_for_another_reason_is_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'broken_one.py').write_text('import there_is_no_such_module')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'there_is_no_such_module'"):
        needed('broken_one')


def test_setup_has_the_extras_and_what_they_bring() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / 'setup.cfg')
    extras = settings['options.extras_require']
    for package, extra in EXTRAS.items():
        called = {'PIL': 'pillow', 'sklearn': 'scikit-learn'}.get(package, package)
        assert called in re.findall(r'[\w-]+', extras[extra]), (package, extra)


#: Modules that may import a package of an extra at their top: these are imported by what names the extra.
AT_TOP = re.compile(r'testing\.(foreign\.)?\w+|compiling\.run\.(native|quick)|training\.estimators|drawing\.widget')


@for_each('file', sorted((ROOT / 'microgradnet').rglob('*.py')), ids=lambda file: file.stem)
def test_packages_of_extras_are_asked_for_in_one_way(file: Path) -> None:
    module = '.'.join(file.relative_to(ROOT / 'microgradnet').with_suffix('').parts)
    for node, names, *_ in imports_of(file):
        for name in names if not getattr(node, 'level', 0) else ():
            if name.partition('.')[0] in EXTRAS:
                assert AT_TOP.fullmatch(module), f"{file}, line {node.lineno}: write needed('{name}', what needs it)"


# Pictures.


@pytest.fixture
def no_pygraphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)


def recorded() -> Value:
    a, b = Value(2.0, 'a'), Value(-3.0, 'b')
    y = (a * b + a).tanh()
    y.backward()
    return y


def pictures() -> dict[str, tuple[Any, str]]:
    """Pictures of every kind, and a line of the text that stands for each."""
    y, net = recorded(), MLP(2, [2, 1], 'tanh', seed=1)
    signal = draw_error_signal(net, [0.5, -1.0], 1.0)
    return {
        'graph': (draw(y), 'y = tanh(v_2)'),
        'graph, of many': (draw(*[y.inputs[0], y]), 'y = tanh(v_2)'),
        'network': (draw_network(net), 'f1 = tanh('),
        'signal': (signal, 'E = v_2 / 2'),
        'frame': (signal.frames[0], 'E = v_2 / 2'),
        'nan': (explain_nan(Value(0.0, 'a').sqrt() * 2.0).picture, 'sqrt(a)'),
    }


@pytest.mark.usefixtures('no_pygraphviz')
@pytest.mark.parametrize('kind', ['graph', 'graph, of many', 'network', 'signal', 'frame', 'nan'])
def test_a_notebook_shows_one_sentence_and_the_tree(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture, line = pictures()[kind]
    shown, _ = DisplayFormatter().format(picture)
    assert [*shown] == ['text/plain']
    first, blank, *others = shown['text/plain'].splitlines()
    assert install('draw') in first
    assert 'graphviz.org' in first
    assert first.count('. ') == 0
    assert not blank
    assert any(line in other for other in others)
    assert len(shown['text/plain']) < 3000
    assert 'digraph' not in shown['text/plain']
    assert picture._repr_svg_() is None
    assert capsys.readouterr() == ('', '')  # no traceback


@pytest.mark.usefixtures('no_pygraphviz')
def test_the_tree_is_that_of_the_graph() -> None:
    y = recorded()
    with pytest.raises(RendererNotFound) as caught:
        draw(y).pipe()
    assert caught.value.words == tree(y, number_format='.4g')
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.usefixtures('no_pygraphviz')
def test_the_tree_of_an_error_signal_has_the_signals_that_were_sent() -> None:
    net = MLP.from_weights([[[Fraction(2)]]], [[Fraction(1)]], 'identity')
    words = draw_error_signal(net, [Fraction(3)], Fraction(5)).frames[0].words()
    assert re.search(r'w_\{x1,1\} +2 +6', words), words
    assert re.search(r'b_1 +1 +2', words), words
    assert all(p.grad == 0 for p in net.parameters())


@pytest.mark.usefixtures('no_pygraphviz')
def test_play_says_it_at_once() -> None:
    with pytest.raises(RendererNotFound) as caught:
        play(recorded())
    assert len(str(caught.value).splitlines()) > 2
    assert not caught.value.__context__
    assert 'A net of 1-1' in play(MLP(1, [1], seed=1), [1.0], 0.0).html  # the page draws a net itself


@pytest.mark.skipif(os.name != 'posix', reason='needs an executable script')
def test_an_outfile_leaves_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('pygraphviz')
    folder = tmp_path / 'pictures'
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path('graph.gv').write_text('mine')
    for ending in ('svg', 'png', 'pdf'):
        draw(recorded()).render(outfile=f'graph.{ending}')
    assert {path.name for path in folder.iterdir()} == {'graph.gv', 'graph.svg', 'graph.png', 'graph.pdf'}
    assert Path('graph.gv').read_text() == 'mine'
    with hidden('pygraphviz') as m, pytest.raises(RuntimeError, match='Cannot draw'):
        m.draw(m.Value(1.0)).render(outfile='other.svg')
    assert not [*folder.glob('other*')]
