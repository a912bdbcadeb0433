"""The palette: what is written can be read, what means different things looks different, to readers of any sight."""

from __future__ import annotations

import copy
import pickle
import re
from itertools import combinations
from pathlib import Path

import pytest

from microgradnet.formulas.colours import INK, PALETTE, WRITTEN, variables
from tests.support.colours import SIGHTS, contrast, difference
from tests.support.examples import for_each

ROOT = Path(__file__).parents[2]
#: What is written on what, in any picture or page.
WRITTEN_ON = {
    'paper': 'ink faint input derivative signal positive negative neither mark bias',
    'raised': 'ink',
    'leaf': 'ink faint input signal',
    'operation': 'ink',
    'neuron': 'ink bias input signal',
    'idle': 'ink faint',
    'reached': 'ink signal derivative',
    'alarmed': 'ink faint mark signal',
    'calm': 'ink faint signal',
}
MEANINGS = 'input', 'derivative', 'signal', 'positive', 'negative'


def shown(name: str, page: str) -> str:
    return PALETTE[name].dark if page == 'dark' else PALETTE[name]


@for_each('page', ['light', 'dark'])
@for_each('ground', WRITTEN_ON)
def test_what_is_written_can_be_read(ground: str, page: str) -> None:
    """A ratio of 4.5 is WCAG 2's AA."""
    for name in WRITTEN_ON[ground].split():
        assert contrast(shown(name, page), shown(ground, page)) >= 4.5, name


@pytest.mark.parametrize('page', ['light', 'dark'])
def test_lines_that_tell_something_stand_out(page: str) -> None:
    for name in ('line', 'neuron-line', 'operation-line', 'mark', 'signal', 'positive', 'negative', 'neither'):
        assert contrast(shown(name, page), shown('paper', page)) >= 3, name


@for_each('sight', SIGHTS)
@for_each('page', ['light', 'dark'])
def test_meanings_differ_for_every_sight(page: str, sight: str) -> None:
    """In Oklab, in which black and white are 1 apart; 0.02 is the least that is seen side by side."""
    for one, other in combinations(MEANINGS, 2):
        assert difference(shown(one, page), shown(other, page), sight) >= 0.1, (one, other)


def test_a_colour_means_one_thing() -> None:
    assert len({colour.lower() for colour in PALETTE.values()}) == len(PALETTE)
    assert len({colour.dark for colour in PALETTE.values()}) == len(PALETTE)
    assert {WRITTEN[colour.lower()] for colour in PALETTE.values()} == PALETTE.keys()


def test_no_colour_is_written_elsewhere() -> None:
    """All that the package paints with is in the palette; a demo may add paints, but none of another meaning."""
    paths = [path for end in ('py', 'css', 'js', 'html') for path in (ROOT / 'microgradnet').rglob(f'*.{end}')]
    texts = {path: path.read_text(encoding='utf-8') for path in [*paths, *(ROOT / 'docs' / 'style').glob('*.css')]}
    found = {path.name for path, text in texts.items() if re.search(r'#[0-9a-fA-F]{6}\b', text)}
    assert len(texts) > 100 and found == {'colours.py', 'finish.py'}  # the latter in an example


def test_variables_are_those_of_a_light_page_unless_a_dark_one_is_asked_for() -> None:
    light, dark, forced = variables('body', '.dark').split('\n', 3)[0], *variables('body', '.dark').split('\n')[1::3]
    assert light.startswith('body {') and dark.startswith('@media (prefers-color-scheme: dark)')
    assert forced.startswith('.dark {') and '--input: #88d8ff;' in forced and '--input: #206eb7;' in light


def test_a_colour_can_be_copied() -> None:
    for again in copy.copy(INK), copy.deepcopy(INK), pickle.loads(pickle.dumps(INK)):
        assert (again, again.dark) == (INK, INK.dark)
