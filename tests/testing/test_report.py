"""A report as a page that needs nothing else, and as JSON: all that was found, and nothing of it is markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

from microgradnet.formulas.colours import PALETTE
from microgradnet.testing.report import SEVERITIES, Finding, Report

SOURCE = 'x = Value(1.0)\nprint(x < 2)'
FINDINGS = [
    Finding('edge', f'x < w & {severity}', '1.0', "<ValueError>: 'no'", SOURCE, 'Why <b>?', severity)
    for severity in reversed(SEVERITIES)
]  # fmt: skip
REPORT = Report('an.<Engine>', FINDINGS)


class Words(HTMLParser):
    """The words of a page by the element that they stand in, and the elements that are open at its end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != 'meta':
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1], data))


def test_a_page_says_all_and_nothing_of_it_is_markup() -> None:
    page = Words(REPORT.page().html)
    assert page.open == []
    for tag, wanted in [
        ('h1', ['an.<Engine>: 1 wrong, 1 edge, 1 convention, 1 missing']), ('h2', [*SEVERITIES]),
        ('pre', [SOURCE] * 4), ('dd', ['1.0', "<ValueError>: 'no'"] * 4),
        ('h3', [f' x < w & {severity}' for severity in SEVERITIES]), ('a', ['1.', '2.', '3.', '4.']),
    ]:  # fmt: skip
        assert [words for where, words in page.words if where == tag] == wanted
    assert [words for where, words in page.words if where == 'p'] == [
        words for meaning in SEVERITIES.values() for words in (meaning, 'Why <b>?')
    ]


def test_a_page_needs_nothing_else_and_has_the_colours_of_the_house() -> None:
    page = REPORT.page().html
    assert not re.search(r'https?:|src=|url\(|@import|<script|<link', page)
    used = {*re.findall(r'var\(--([\w-]+)\)', page)}
    assert {'mark', 'ink', 'paper'} <= used <= PALETTE.keys()
    assert not re.search('#[0-9a-f]{3,8}', page.partition(':root { color-scheme')[2].partition('</style>')[0])


def test_a_page_is_saved_and_shows_itself(tmp_path: Path) -> None:
    page = REPORT.page()
    assert page.save(tmp_path / 'report.html').read_text('utf-8') == page.html
    assert 'title="an.&lt;Engine&gt;: 1 wrong' in page._repr_html_()


def test_json_has_all_and_can_be_read_back() -> None:
    read = json.loads(REPORT.json())
    assert read['engine'] == 'an.<Engine>'
    assert [Finding(**finding) for finding in read['findings']] == [*REPORT] == FINDINGS[::-1]
