"""Derivations as documents: the page and its net, read by parsers; LaTeX by a real TeX, PDF by a real browser."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from microgradnet.derivation import Derivation, derive, exercise, sheet
from microgradnet.engine.value import Value
from microgradnet.nets.net import MLP
from tests.derivation.test_derivation import XOR, fifty_samples, generic_net
from tests.derivation.test_derivation_printed import samples_of_all
from tests.support.browsers import needs_chromium

ONE = [([1.0, -2.0], [0.25])]


def elements(text: str) -> ElementTree.Element:
    """Read the body of a page, which is well-formed."""
    body = re.search('<main.*</main>', text, re.DOTALL)
    assert body is not None
    return ElementTree.fromstring(body[0].replace('&#x2061;', ''))


def test_the_page_needs_nothing_and_runs_its_own_script_only() -> None:
    for derivation in islice(samples_of_all(), 2, None, 12):
        text = sheet.document(derivation, 'html')
        (script,) = re.findall('<script>(.*?)</script>', text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', text)
        assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy
        assert not re.search(r'(src|href)=|https?:|url\((?!data:)|<i>&<', text)
        rows = [''.join(math.itertext()) for math in elements(text).iter('math')]
        assert len(rows) == len(derivation)


def test_an_equation_lights_what_it_speaks_of_and_not_what_vanishes() -> None:
    derivation = derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), ONE, 'w_{x1,2}')
    page = elements(sheet.page(derivation))
    parts = {element.get('data-part') for element in page.iter() if element.get('data-part')}
    ways = 'x1-f1 x1-f2 x2-f1 x2-f2 f1-f3 f1-f4 f2-f3 f2-f4 f3-f5 f4-f5'
    assert parts == {'x1', 'x2', 'y', 'f1', 'f2', 'f3', 'f4', 'f5', *ways.split()}
    lights = {''.join(math.itertext()): (math.get('data-lights') or '').split() for math in page.iter('math')}
    assert {light for found in lights.values() for light in found} <= parts
    (forward,) = (found for row, found in lights.items() if row.startswith('r3') and '=' in row)
    assert set(forward) == {'f3', 'f1-f3', 'f1', 'f2-f3', 'f2'}
    (vanishing, *_) = (math for math in page.iter('math') if any(e.get('class') == 'struck' for e in math.iter()))
    assert (vanishing.get('data-lights') or '').split() == ['x1-f2', 'f5', 'f3-f5', 'f3', 'f4-f5', 'f4']
    struck = [''.join(e.itertext()) for e in vanishing.iter() if e.get('class') == 'struck']
    assert len(struck) == 1 and struck[0].startswith('b5')


def test_a_net_of_two_layers_with_hats_lights_the_same_parts() -> None:
    net = generic_net([2, 1], 'sigmoid', 'tanh')
    numbered, hatted = (sheet.page(derive(net, ONE, net.parameters()[0], hats=hats)) for hats in (False, True))
    assert re.findall('data-lights="(.*?)"', numbered) == re.findall('data-lights="(.*?)"', hatted) != []


def test_a_symbol_turns_into_its_number_where_it_has_one() -> None:
    derivation = derive(generic_net([2, 1], 'sigmoid', 'tanh'), XOR, 'w_{x1,2}')
    found = [[''.join(part.itertext()) for part in element] for element in elements(sheet.page(derivation)).iter()
             if element.get('class') == 'turns']  # fmt: skip
    numbers = dict(found)
    signal = next(line.number for line in derivation if str(line).startswith('δ_2^(2)'))
    assert numbers['h'] == '0.5' and numbers['wx1,1'] == '0.3' and numbers['wx2,1'] == '(−0.3731)'
    assert numbers['δ2(2)'] == f'({signal:.6g})'.replace('-', '−') and signal < 0
    assert not any('(i)' in name or name in ('r', 'g(r)', 'wx1,2(l+1)') for name in numbers)


def test_a_large_net_is_drawn_in_part_and_an_expression_has_no_net() -> None:
    page = sheet.page(derive(MLP(40, [1], seed=1), [([0.5] * 40, [0.0])], 'w_{x1,1}'))
    assert '29 more' in page and 'data-part="x40"' in page and 'data-part="x20"' not in page
    x = Value(0.5, 'x')
    assert '<svg' not in sheet.page(derive(x * x, x))


def test_what_is_saved_is_named_by_its_ending(tmp_path: Path) -> None:
    derivation = derive(generic_net([2, 1], 'sigmoid', 'tanh'), ONE, 'w_{x1,2}')
    starts = {'a.txt': 'The update', 'a.tex': '\\documentclass[a4paper]{article}', 'a.HTML': '<!DOCTYPE html>'}
    for name, start in starts.items():
        assert derivation.save(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).read_text('utf-8').startswith(start)
    derivation.save(tmp_path / 'frames', 'beamer')
    text = (tmp_path / 'frames').read_text('utf-8')
    assert 'beamer' in text and text.count('{frame}') == 2 * len(derivation.sections)
    with pytest.raises(ValueError, match=r"is written as \.txt, \.tex, \.html, \.htm, \.pdf, not as 'sheet\.png'"):
        derivation.save('sheet.png')
    with pytest.raises(ValueError, match="there is no format 'latx'; did you mean 'latex'"):
        derivation.save(tmp_path / 'a.tex', 'latx')


def test_without_a_browser_a_pdf_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sheet, 'BROWSERS', ('no-such-browser',))
    derivation = derive(generic_net([2, 1], 'sigmoid', 'tanh'), ONE, 'w_{x1,2}')
    with pytest.raises(FileNotFoundError, match=r'none is on the PATH: install one, or save as \.html or \.tex'):
        derivation.save(tmp_path / 'a.pdf')
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@needs_chromium
def test_a_pdf_has_the_solution_on_its_own_sheets(tmp_path: Path) -> None:
    net = generic_net([2, 1], 'sigmoid', 'tanh')
    derive(net, ONE, 'w_{x1,2}', steps=['given', 'forward']).save(tmp_path / 'a.pdf')
    content = (tmp_path / 'a.pdf').read_bytes()
    assert content.startswith(b'%PDF-') and len(re.findall(rb'/Type\s*/Page\b', content)) == 2
    (box,) = {*re.findall(rb'/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]', content)}
    assert [float(side) for side in box] == pytest.approx([595, 842], abs=1.5)  # A4 in points


def has_tex(*names: str) -> bool:
    """Tell whether there is a LaTeX with these files."""
    if shutil.which('pdflatex') is None or shutil.which('kpsewhich') is None:
        return False
    return all(subprocess.run(['kpsewhich', name], capture_output=True).returncode == 0 for name in names)


def derivations() -> Iterator[Derivation]:
    yield from samples_of_all()
    yield derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), fifty_samples(), 'w_{x1,2}')


@pytest.mark.slow
@pytest.mark.parametrize(('form', 'needs'), [('latex', ['article.cls', 'amsmath.sty', 'geometry.sty']),
                                             ('beamer', ['beamer.cls', 'pgfmath.sty'])])  # fmt: skip
def test_a_real_tex_sets_it_and_no_formula_is_too_wide(tmp_path: Path, form: str, needs: list[str]) -> None:
    if not has_tex(*needs):
        pytest.skip(f'no pdflatex with {needs[0]} to set it: apt-get install texlive-latex-recommended')
    several = [*derivations()]
    for number, derivation in enumerate([*several[:6], several[-1]]):
        derivation.save(tmp_path / f'{number}.tex', form)
        command = ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', f'{number}.tex']
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding='latin-1', timeout=120)
        assert done.returncode == 0, done.stdout[-2000:]
        wide = [float(points) for points in re.findall(r'Overfull \\hbox \(([\d.]+)pt', done.stdout)]
        assert max(wide, default=0.0) < 5, derivation.title


@pytest.mark.slow
def test_in_a_browser_equations_light_symbols_turn_and_answers_are_checked(tmp_path: Path, chromium: Any) -> None:
    derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), ONE, 'w_{x1,2}').save(tmp_path / 'd.html')
    one = exercise([2, 2, 1], seed=3)
    one.save(tmp_path / 'e.html')
    complaints: list[str] = []
    for width in (1280, 360):
        page = chromium.new_page(viewport={'width': width, 'height': 800})
        page.on('console', lambda message: complaints.append(message.text))
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.goto((tmp_path / 'd.html').as_uri())
        assert page.evaluate('document.documentElement.scrollWidth') <= width
        page.hover('math[data-lights*="x1-f1"] >> nth=1')
        lit = page.eval_on_selector_all('.lit', 'parts => parts.map(part => part.dataset.part)')
        assert {'x1-f1', 'x2-f1', 'x1', 'x2', 'f1'} == {*lit}
        assert not page.locator('.turns .value').first.is_visible()
        page.check('#flip')
        shown = [page.locator(f'.turns .{kind}').first.is_visible() for kind in ('value', 'name')]
        assert shown == [True, False]
        page.goto((tmp_path / 'e.html').as_uri())
        assert page.evaluate('document.documentElement.scrollWidth') <= width
        for place, blank in enumerate(one.blanks):
            field = page.locator('input.blank').nth(place)
            near, far = f'{float(blank.number):.4g}', f'{float(blank.number) + 0.1}'
            tries = {str(blank.number): 'right', near: 'right', far: 'wrong', 'a': 'wrong', '1/': 'wrong'}
            for told, kind in tries.items():
                field.fill(told)
                assert field.get_attribute('class') == f'blank {kind}', (str(blank), told)
            field.fill('')
            assert field.get_attribute('class') == 'blank'
        page.close()
    assert complaints == []
