"""What how-to pages say in other languages than Python: it runs, and shows what it is said to show."""

from __future__ import annotations

import doctest
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.compiling.test_to_c import COMPILER, STRICT, needs_c
from tests.support.browsers import served
from tests.test_documentation import DOCS

PAGE, SMALL = ((DOCS / 'how-to' / f'{name}.md').read_text('utf-8') for name in ('take-a-net-along', 'microcontrollers'))


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope='module')
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Do what the page says, in a folder of its own; return the folder and the net."""
    folder = tmp_path_factory.mktemp('taken')
    (page,) = blocks('html')
    (folder / 'page.html').write_text(page, 'utf-8')
    return folder, done(PAGE, folder)['net']


def done(page: str, folder: Path) -> dict[str, Any]:
    """Do what a page says in Python, and write its program in C; return the names that there are then."""
    names: dict[str, Any] = {}
    (main,) = blocks('c', page)
    (folder / 'main.c').write_text(main, 'utf-8')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks('python', page):
            examples = doctest.DocTestParser().get_examples(block)
            exec(''.join(example.source for example in examples if not example.exc_msg) or block, names)
    return names


def said_in_c(folder: Path, *options: str) -> str:
    command = [str(COMPILER), *STRICT, '-O2', 'main.c', *options, '-o', 'main']
    compiled = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([folder / 'main'], capture_output=True, text=True, check=True).stdout


def shown(address: str, chromium: Any) -> dict[str, str]:
    """Return what the page shows in its outputs, by their ids, in a browser that complains of nothing."""
    with chromium.new_context() as context:
        page, complaints = context.new_page(), list[str]()
        page.on('console', lambda message: complaints.append(message.text))
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.goto(address)
        said = 'outputs => outputs.map(output => [output.id, output.textContent])'
        outputs = dict(page.eval_on_selector_all('output', said))
    assert complaints == []
    return outputs


def answers(net: Any, row: list[float]) -> dict[str, str]:
    (numbers,), (flower,) = net.predict([row]), net.classify([row])
    return {'flower': flower, 'numbers': ' '.join(f'{y:.3f}' for y in numbers)}


@pytest.mark.slow
@pytest.mark.parametrize('row', [[4.6, 1.4], [1.5, 0.3], [6.1, 2.2]], ids=str)
def test_the_page_shows_what_the_net_answers(
    row: list[float], taken: tuple[Path, Any], chromium: Any
) -> None:
    folder, net = taken
    for name in 'page', 'alone':
        text = (folder / f'{name}.html').read_text('utf-8')
        for old, new in zip((4.6, 1.4), row):
            assert f'value="{old}"' in text
            text = text.replace(f'value="{old}"', f'value="{new}"')
        (folder / f'{name}_moved.html').write_text(text, 'utf-8')
    with served(folder) as address:
        assert shown(f'{address}/page_moved.html', chromium) == answers(net, row)
    assert shown((folder / 'alone_moved.html').as_uri(), chromium) == answers(net, row)


@needs_c
def test_the_program_in_c_prints_what_the_page_says(taken: tuple[Path, Any]) -> None:
    folder, net = taken
    said = said_in_c(folder, '-lm')
    expected = answers(net, [4.6, 1.4])
    assert said == f'{expected["flower"]}, by outputs of {expected["numbers"]}\n'
    assert f'prints `{said.strip()}`' in PAGE


@needs_c
def test_the_program_of_whole_numbers_prints_what_its_page_says(tmp_path: Path) -> None:
    net = done(SMALL, tmp_path)['net']
    said = said_in_c(tmp_path)
    assert f'prints `{said.strip()}`' in ' '.join(SMALL.split())
    outputs = [int(word) / 2**11 for word in said.split()[-3:]]
    assert outputs == pytest.approx(net.predict([[4.6, 1.4]])[0], abs=0.002)
    assert all(f'{y:.3f}' in SMALL for y in outputs)
