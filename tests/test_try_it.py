"""The page "Try it": Python in a real browser, from the site alone, runs what the README says.

The site is served on this machine, and whatever the page asks of another host is refused and fails the test.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.browsers import served

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
PHONE = {'width': 360, 'height': 780}


@pytest.fixture(scope='module')
def console() -> ModuleType:
    """Python's side of the console, as this Python has it."""
    spec = importlib.util.spec_from_file_location('console', DOCS / 'console' / 'console.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(console: ModuleType, *texts: str) -> dict[str, str]:
    """Type texts into a new console; return what it tells, by its kind."""
    told = dict.fromkeys(('in', 'out', 'err', 'svg', 'html'), '')

    def tell(kind: str, text: str) -> None:
        told[kind] += text

    one = console.Console(tell)
    for text in texts:
        assert one.enter(text)
    return told


def test_the_examples_of_the_console_are_right(console: ModuleType) -> None:
    result = doctest.testmod(console)
    assert result.attempted and not result.failed


def test_an_error_is_a_traceback_with_its_line_and_ends_what_was_pasted(console: ModuleType) -> None:
    all_told = said(console, 'def f(x):\n    return 1 / x\n', '>>> f(0)\n>>> print("never")\n')
    told = all_told['err']
    assert all_told['out'] == ''
    assert told.startswith('Traceback (most recent call last):\n  File "<typed-2>", line 1, in <module>')
    assert '    return 1 / x\n' in told and told.endswith('ZeroDivisionError: division by zero\n')


def test_streams_stay_in_order_and_leave_is_not_taken(console: ModuleType) -> None:
    order: list[str] = []
    one = console.Console(lambda kind, text: order.append(f'{kind}:{text}'))
    one.enter("import sys; print('a'); print('b', file=sys.stderr); print('c')")
    assert ''.join(order[1:]).replace('out:', '').replace('err:', '') == 'a\nb\nc\n'
    one.enter('raise SystemExit')
    assert 'Restart' in order[-1]


@pytest.mark.parametrize('text, begun', [
    ('x = (', True), ('if x:', True), ('if x:\n    y', True), ('if x:\n    y\n', False), ('x = (1,\n    2)', False),
    ('x y', False), ('', False), ("'''a", True), ('@f', True),
])  # fmt: skip
def test_a_block_ends_with_an_empty_line(console: ModuleType, text: str, begun: bool) -> None:
    assert console.is_begun(text) == begun


@pytest.fixture(scope='module')
def try_it() -> ModuleType:
    """The extension that makes the page."""
    for module in ('sphinx', 'myst_parser', 'furo', 'latex2mathml'):
        pytest.importorskip(module, reason=f'{module} is not installed: pip install .[docs]')
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module('try_it')
    finally:
        sys.path.remove(str(DOCS))


@pytest.mark.slow
def test_programs_are_all_that_the_readme_runs(try_it: ModuleType) -> None:
    text = (ROOT / 'README.md').read_text('utf-8')
    parser = doctest.DocTestParser()
    found = [example.source for program in try_it.programs(text) for example in parser.get_examples(program)]
    assert found == [example.source for example in parser.get_examples(text)]
    assert doctest.testmod(try_it).failed == 0


def build(folder: Path, **environment: str) -> Path:
    """Build the site of the console's page alone, warnings being errors; return its folder."""
    source = folder / 'docs'
    source.mkdir()
    shutil.copy(ROOT / 'README.md', folder)
    shutil.copy(DOCS / 'try-it.md', source)
    (source / 'index.md').write_text('# Site\n\n## Install\n\n```{toctree}\ntry-it\n```\n', 'utf-8')
    command = [sys.executable, '-m', 'sphinx', '--fail-on-warning', '--keep-going', '--quiet', '-c', DOCS]
    site = folder / 'site'
    done = subprocess.run(
        [*command, source, site], capture_output=True, text=True, timeout=600, env=environment or None
    )
    assert done.returncode == 0, done.stderr
    return site


@pytest.mark.slow
def test_without_npm_the_page_says_so_and_the_site_is_built(try_it: ModuleType, tmp_path: Path) -> None:
    site = build(tmp_path, PATH='')
    page = (site / 'try-it.html').read_text('utf-8')
    assert 'Pyodide: there is no npm here' in page
    assert 'class="run"' not in page and '<script type="module"' not in page and not (site / 'try-it').exists()


@pytest.fixture(scope='module')
def address(try_it: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the site, and serve it."""
    if shutil.which('npm') is None:
        pytest.skip('npm is not here: Pyodide and viz.js come by it')
    folder = build(tmp_path_factory.mktemp('site'))
    page = (folder / 'try-it.html').read_text('utf-8')
    if 'no-console' in page:
        assert not (folder / 'try-it').exists()
        pytest.skip('a registry cannot be reached: the page was built without its console')
    with served(folder) as at:
        yield at


class Tab:
    """The page, open in the browser."""

    def __init__(self, chromium: Any, address: str, **options: Any) -> None:
        self.context = chromium.new_context(**options)
        self.address = address
        self.refused: list[str] = []
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.context.route('**/*', self._route)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on('console', lambda message: self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.goto(f'{address}/try-it.html')

    def _route(self, route: Any) -> None:
        url = route.request.url
        self.asked.append(url)
        if url.startswith((self.address, 'blob:', 'data:')):
            route.continue_()
        else:
            self.refused.append(url)
            route.abort()

    def ready(self) -> None:
        self.page.wait_for_function("() => document.querySelector('.console .state').textContent === 'Ready.'")

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.page.keyboard.press('Enter')

    def told(self, kind: str) -> list[str]:
        return list(self.page.locator(f'.console .log > pre.{kind}').all_inner_texts())

    def fetched(self, name: str) -> bool:
        return any(url.endswith('/' + name) for url in self.asked)


@pytest.fixture
def tab(chromium: Any, address: str) -> Iterator[Tab]:
    one = Tab(chromium, address)
    yield one
    one.context.close()
    assert one.refused == [] and one.complaints == []


def examples() -> list[list[doctest.Example]]:
    """The README's programs."""
    programs = (ROOT / 'README.md').read_text('utf-8').split('```python\n')[1:]
    return [doctest.DocTestParser().get_examples(program.partition('```')[0]) for program in programs]


@pytest.mark.slow
def test_the_first_program_says_what_the_readme_says_and_a_net_learns_xor(tab: Tab) -> None:
    assert not tab.fetched('pyodide.mjs')  # until it is wanted
    tab.page.locator('.program .run').first.press('Enter')
    tab.ready()
    first = examples()[0]
    assert ''.join(tab.told('in')).count('>>> ') == len(first)
    wanted = [example.want.strip() for example in first if example.want]
    assert wanted[-1] == '[0, 1, 1, 0]'
    assert [text.strip() for text in tab.told('out')] == wanted
    assert tab.told('err') == [] and not tab.fetched('viz.js')


@pytest.mark.slow
def test_every_program_of_the_readme_says_what_it_says(tab: Tab) -> None:
    tab.page.locator('.program .run').last.press('Enter')  # those above it run first
    tab.ready()
    checker = doctest.OutputChecker()
    wanted = ''.join(example.want for program in examples() for example in program)
    assert checker.check_output(wanted, ''.join(tab.told('out')), doctest.NORMALIZE_WHITESPACE)


@pytest.mark.slow
def test_a_graph_is_drawn_by_keyboard_alone(tab: Tab) -> None:
    tab.page.locator('#typed').focus()
    tab.type('from microgradnet import Value, draw')
    tab.type("y = (Value(2.0, label='a') * Value(-3.0, label='b')).tanh()")
    tab.ready()
    assert not tab.fetched('viz.js')  # until there is something to draw
    tab.type('draw(y)')
    picture = tab.page.locator('.console figure img')
    picture.wait_for()
    assert tab.fetched('viz.js')
    svg = picture.evaluate('async image => (await fetch(image.src)).text()')
    assert svg.count('class="node"') >= 4 and '>tanh' in svg and 'prefers-color-scheme: dark' in svg
    assert picture.evaluate('async image => (await image.decode(), image.naturalWidth)') > 100
    tab.ready()
    tab.type('picture = draw(y).pipe("svg"); picture.count(b"<svg")')
    tab.ready()
    assert tab.told('out') == ['1\n'] and tab.told('err') == []


@pytest.mark.slow
def test_blocks_history_and_tracebacks(tab: Tab) -> None:
    typed = tab.page.locator('#typed')
    typed.focus()
    tab.type('def f(x):')
    tab.ready()
    tab.page.wait_for_function("() => document.querySelector('.console .prompt').textContent === '...'")
    assert typed.input_value() == 'def f(x):\n'
    tab.page.keyboard.type('    return 1 / x')
    tab.page.keyboard.press('Shift+Enter')
    tab.page.keyboard.press('Enter')
    tab.type('f(4)')
    tab.ready()
    assert tab.told('out') == ['0.25\n']
    tab.page.keyboard.press('ArrowUp')
    assert typed.input_value() == 'f(4)'
    tab.page.keyboard.press('Backspace')
    tab.page.keyboard.press('Backspace')
    tab.type('0)')
    tab.ready()
    (error,) = tab.told('err')
    assert error.startswith('Traceback') and error.endswith('ZeroDivisionError: division by zero\n')
    tab.page.locator('.console .restart').press('Enter')
    tab.ready()
    typed.focus()
    tab.type('f')
    tab.ready()
    assert "name 'f' is not defined" in tab.told('err')[0]


@pytest.mark.slow
def test_what_is_typed_ahead_of_python_is_one_block(tab: Tab) -> None:
    tab.page.locator('#typed').focus()
    for line in 'def f(x):', '    return 1 / x', '', 'f(4)':
        tab.type(line)
    assert tab.told('in') == []  # Python is not there yet
    tab.ready()
    assert tab.told('out') == ['0.25\n'] and tab.told('err') == []


@pytest.mark.slow
def test_a_page_that_computes_runs_in_the_console(tab: Tab) -> None:
    tab.page.locator('.program .run').first.press('Enter')
    tab.page.locator('#typed').focus()
    tab.type('from microgradnet import play; play(net, xor)')
    tab.ready()
    frame = tab.page.frame_locator('.console iframe').frame_locator('iframe')
    frame.get_by_role('button', name='Learn').first.wait_for()


@pytest.mark.slow
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_it_fits_a_phone(chromium: Any, address: str, scheme: str) -> None:
    one = Tab(chromium, address, viewport=PHONE, color_scheme=scheme)
    one.page.locator('.program .run').first.click()
    one.ready()
    one.page.locator('#typed').focus()
    one.type('from microgradnet import draw; draw(y)')
    one.page.locator('.console figure img').wait_for()
    assert one.page.evaluate('document.documentElement.scrollWidth') == PHONE['width']
    assert one.page.evaluate("document.querySelector('.console').getBoundingClientRect().right") <= PHONE['width']
    one.context.close()
    assert one.refused == [] and one.complaints == []
