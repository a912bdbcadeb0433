"""The documentation: its examples run, its links lead somewhere, every public name is on a page, and it builds."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from microgradnet import MLP, TeacherSet, interop, play, science, testing
from tests.support.examples import for_each

DOCS = Path(__file__).resolve().parent.parent / 'docs'
PAGES = sorted(DOCS.rglob('*.md'))
REFERENCE = '\n'.join(page.read_text('utf-8') for page in DOCS.glob('reference/*.md'))
#: What a page's examples need beside the package.
NEEDS = {
    'how-to/give-it-to-scipy.md': ['llvmlite', 'numpy', 'scipy'],
    'how-to/fit-a-model.md': ['llvmlite', 'numpy', 'scipy'],
    'how-to/draw-samples.md': ['llvmlite', 'nutpie', 'arviz'],
    'how-to/with-scikit-learn.md': ['sklearn'],
    'how-to/with-pytensor.md': ['pytensor', 'scipy', 'llvmlite'],
    'how-to/keep-the-history.md': ['tensorboard'],
    'how-to/with-other-frameworks.md': ['torch', 'jax', 'onnx', 'onnxruntime', 'llvmlite'],
}
#: Pages whose examples take long; what they show is tested quickly elsewhere: in training, testing, and compiling.
SLOW = {
    'tutorial/training.md', 'how-to/with-scikit-learn.md', 'how-to/with-pytensor.md', 'how-to/test-your-own-engine.md',
    'how-to/add-an-operation.md', 'reference/nets.md', 'how-to/scale-out.md', 'how-to/microcontrollers.md',
}
LINK = re.compile(r'!?\[[^]]*\]\(([^)\s]+)\)')
FENCE = re.compile(r'^```.*$', re.MULTILINE)

every_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())


def anchors(page: Path) -> set[str]:
    headings = re.findall(r'^#+ (.+)$', page.read_text('utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def dead_links(page: Path) -> list[str]:
    """List what a page links to that is not there: pages, headings and pictures."""
    dead = []
    for link in LINK.findall(page.read_text('utf-8')):
        if '://' in link:
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


def test_there_are_pages_of_each_kind() -> None:
    names = {page.relative_to(DOCS).as_posix() for page in PAGES}
    assert {'index.md', 'comparison.md', 'tutorial/neuron.md', 'how-to/compile.md', 'reference/engine.md'} <= names


@pytest.mark.parametrize('page', [
    pytest.param(page, id=name, marks=[pytest.mark.slow] * (name in SLOW))
    for page in PAGES for name in [page.relative_to(DOCS).as_posix()]
])  # fmt: skip
def test_the_examples_run(page: Path) -> None:
    for module in NEEDS.get(page.relative_to(DOCS).as_posix(), ()):
        pytest.importorskip(module)
    text = FENCE.sub('', page.read_text('utf-8'))
    test = doctest.DocTestParser().get_doctest(text, {'__name__': '__main__'}, page.name, str(page), 0)
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not failed, ''.join(said)


@every_page
def test_links_and_pictures_are_there(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text('# One heading\n[a](page.md#one-heading) [b](#two) ![c](c.svg) [d](https://example.org)\n')
    assert dead_links(page) == ['#two', 'c.svg']


@every_page
def test_a_page_is_in_the_contents(page: Path) -> None:
    if page == DOCS / 'index.md':
        return
    above = page.parent.parent if page.name == 'index.md' else page.parent
    index = (above / 'index.md').read_text('utf-8')
    listed = re.findall(r'^```\{toctree\}$(.*?)^```$', index, re.MULTILINE | re.DOTALL)
    assert page.relative_to(above).with_suffix('').as_posix() in ''.join(listed).split()


@for_each('name', sorted({*microgradnet.__all__} - {'functions', 'operations'}))
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert re.search(rf'^\.\. auto\w+:: {name}$', REFERENCE, re.MULTILINE)


def test_every_function_that_makes_a_picture_has_it_beside_an_example() -> None:
    """Methods, too: what is called ``draw``, ``play``, ``plot``, or makes a sheet."""
    code = '\n'.join(path.read_text('utf-8') for path in Path(microgradnet.__file__).parent.rglob('*.py'))
    made = re.findall(r'^def ((?:draw|play|plot|derive|exercise)(?:_\w+)?)\(', code, re.MULTILINE)
    public = {name for name in made if re.search(rf'^\.\. auto\w+:: (?:[\w.]+\.)?{name}$', REFERENCE, re.MULTILINE)}
    methods = {
        f'{kind}.{name}' for kind, body in re.findall(r'^class (\w+).*?:\n(.*?)(?=^\S|\Z)', code, re.M | re.S)
        for name in re.findall(r'^    def (draw|plot|play)\(', body, re.MULTILINE)
    }  # fmt: skip
    assert {'draw', 'draw_network', 'play', 'derive', 'exercise'} <= public and 'History.plot' in methods
    shown = {*re.findall(r'^```\{(?:picture|bench)\} ([\w.]+): ', REFERENCE, re.MULTILINE)}
    assert shown == public | methods


@for_each('name', testing.__all__ + science.__all__ + interop.__all__)
def test_what_is_in_a_room_of_its_own_is_in_the_reference(name: str) -> None:
    assert re.search(rf'^\.\. auto\w+:: {name}$', REFERENCE, re.MULTILINE)


def test_the_modules_of_the_table_are_in_the_reference() -> None:
    assert 'microgradnet.functions' in REFERENCE
    assert 'microgradnet.operations' in REFERENCE


def needs_the_extra() -> None:
    for module in ('sphinx', 'myst_parser', 'furo', 'latex2mathml'):
        if find_spec(module) is None:
            pytest.skip(f'{module} is not installed: pip install .[docs]')


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, warnings being errors."""
    needs_the_extra()
    folder = tmp_path_factory.mktemp('site')
    command = [sys.executable, '-m', 'sphinx', '--fail-on-warning', '--keep-going', '--quiet', '--fresh-env']
    done = subprocess.run([*command, DOCS, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_docstrings_become_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_the_extra()
    monkeypatch.syspath_prepend(DOCS)
    result = doctest.testmod(importlib.import_module('house'))
    assert result.attempted and not result.failed


@pytest.mark.slow
def test_the_site_needs_no_network(site: Path) -> None:
    """Whatever a page loads is a file of the site."""
    pages = [*site.rglob('*.html')]
    assert len(pages) > len(PAGES)
    for page in pages:
        text = page.read_text('utf-8')
        for source in re.findall(r'<(?:script|img|link|iframe)\b[^>]*?\b(?:src|href)="([^"]+)"', text):
            assert '://' not in source and not source.startswith('//'), f'{page} loads {source}'


@pytest.mark.slow
def test_the_front_page_opens_with_the_bench(site: Path) -> None:
    front = (site / 'index.html').read_text('utf-8')
    (source,) = re.findall(r'<iframe src="([^"]+)"[^>]* sandbox="allow-scripts"', front)
    assert front.index('<iframe') < front.index('<h2')
    xor = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    net = MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=3)
    assert (site / source).read_text('utf-8') == play(net, xor, learning_rate=1.0, heading='XOR').html


@pytest.mark.slow
def test_each_bench_is_a_page_of_the_site(site: Path) -> None:
    shown = 0
    for page in PAGES:
        built = site / page.relative_to(DOCS).with_suffix('.html')
        sources = re.findall(r'<iframe src="([^"]+)"', built.read_text('utf-8'))
        assert len(sources) == page.read_text('utf-8').count('```{bench}')
        for source in sources:
            assert '<meta http-equiv="Content-Security-Policy"' in (built.parent / source).read_text('utf-8')
            shown += 1
    assert shown == len([*(site / 'benches').iterdir()]) >= 6


@pytest.mark.slow
def test_pictures_can_be_read_on_a_phone(site: Path, chromium: Any) -> None:
    with chromium.new_context(viewport={'width': 360, 'height': 800}) as context:
        page = context.new_page()
        page.goto((site / 'reference' / 'pictures.html').as_uri())
        pictures = page.query_selector_all('.picture img')
        widths = [picture.bounding_box()['width'] for picture in pictures]
        assert page.evaluate('document.documentElement.scrollWidth') == 360  # they are moved, not the page
    assert widths and min(widths) > 600


@pytest.mark.slow
def test_a_bench_is_as_dark_as_the_site_is_chosen_to_be(site: Path, chromium: Any) -> None:
    """It asks the browser, which asks the frame's ``color-scheme``; what a test emulates would hide that."""
    with chromium.new_context(color_scheme='null') as context:
        page = context.new_page()
        page.goto((site / 'reference' / 'pictures.html').as_uri())
        papers = []
        for theme in 'light', 'dark', 'light':
            page.evaluate(f'document.body.dataset.theme = "{theme}"')
            for frame in page.query_selector_all('iframe'):
                frame.scroll_into_view_if_needed()
                inside = frame.content_frame()
                inside.wait_for_load_state()
                papers.append(inside.evaluate('getComputedStyle(document.body).backgroundColor'))
    assert papers == ['rgb(255, 255, 255)'] * 3 + ['rgb(20, 24, 29)'] * 3 + ['rgb(255, 255, 255)'] * 3


@pytest.mark.slow
def test_each_picture_is_on_its_page(site: Path) -> None:
    shown = set()
    for page in PAGES:
        built = site / page.relative_to(DOCS).with_suffix('.html')
        found = re.findall(r'<figure class="picture">(.*?)</figure>', built.read_text('utf-8'), re.DOTALL)
        assert len(found) == page.read_text('utf-8').count('```{picture}')
        for source in re.findall(r'<img[^>]* src="([^"]+)"', ''.join(found)):
            picture = (built.parent / source).resolve()
            assert '<svg' in picture.read_text('utf-8')
            shown.add(picture)
    assert shown == {*(site / 'made').resolve().iterdir()} and len(shown) >= 7


@pytest.mark.slow
def test_formulas_and_operations_are_there_to_see(site: Path) -> None:
    formulas = (site / 'tutorial' / 'error-signal.html').read_text('utf-8')
    assert formulas.count('<math') > 10 and '\\delta' not in formulas
    table = (site / 'reference' / 'operations.html').read_text('utf-8')
    assert table.count('<tr') == len(microgradnet.operations) + 1


@pytest.mark.slow
def test_arguments_become_lists(site: Path) -> None:
    text = (site / 'reference' / 'compiling.html').read_text('utf-8')
    assert '<strong>threads</strong>' in text and ':param' not in text
    for page in site.glob('reference/*.html'):
        assert '``' not in page.read_text('utf-8'), page.name
