"""The player's page in a real browser: headless Chromium, driven by Playwright.

A page that asks for anything, or writes anything to the console, fails every test here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from microgradnet import MLP, Value, half_squared_error
from microgradnet.drawing.player import Page, play
from microgradnet.engine.walks import topological_order

playwright = pytest.importorskip('playwright.sync_api', reason='Playwright drives the browser: pip install playwright')
CHROMIUM = next(filter(None, map(shutil.which, ['chromium', 'chromium-browser', 'google-chrome', 'chrome'])), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on the PATH to show the page in'),
]
DESKTOP, PHONE = {'width': 1280, 'height': 800}, {'width': 360, 'height': 740}


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


class Tab:
    """A page that is open in the browser, and what it asked for and complained of."""

    def __init__(self, chromium: Any, file: Path, **options: Any) -> None:
        self.context = chromium.new_context(**{'viewport': DESKTOP, 'reduced_motion': 'reduce'} | options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on('console', lambda message: self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('request', lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.home = file.as_uri()

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.complaints == []
        assert self.requests == [self.home]

    def step(self) -> int:
        return int(self.page.locator('#step').input_value())

    def title(self) -> str:
        return str(self.page.locator('#title').inner_text())

    def go(self, title: str) -> None:
        """Step on to the first step with a title that begins so."""
        self.page.keyboard.press('Home')
        while not self.title().startswith(title):
            assert self.page.locator('#on').is_enabled(), f'there is no step {title}'
            self.page.locator('#on').click()


def net_2221() -> MLP:
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='tanh', seed=1)


def number(text: str) -> float:
    return float(text.replace('−', '-'))


@pytest.fixture(scope='module')
def net_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(net_2221(), [0.5, -1.0], 1.0).save(tmp_path_factory.mktemp('player') / 'net.html')


def value_page(tmp_path: Path, label: str = 'b') -> Path:
    a, b = Value(2.0, 'a'), Value(-3.0, label)
    return play((a * b + 10.0).tanh() / a).save(tmp_path / 'value.html')


def test_numbers_on_the_page_are_the_engines(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    first, second, last = run.layers
    expected = {
        'w3,5': net.layers[2].neurons[0].weights[0], 'w1,4': net.layers[1].neurons[1].weights[0],
        'wx2,1': net.layers[0].neurons[0].weights[1], 'b2': net.layers[0].neurons[1].bias,
        'x1': run.inputs[0], 'r3': second[0].r, 'f1': first[0].output, 'y': last[0].output,
    }  # fmt: skip
    with Tab(chromium, net_page) as tab:
        tab.page.keyboard.press('End')
        tab.page.locator('summary').click()
        tab.page.locator('#numbers tr').first.wait_for()  # a browser says that the table is open in a task of its own
        rows = {row.locator('th').inner_text(): row.locator('td').all_inner_texts()
                for row in tab.page.locator('#numbers tr').all()}  # fmt: skip
        for name, node in expected.items():
            assert [number(text) for text in rows[name]] == [node.data, pytest.approx(node.grad, rel=1e-14)], name
        graph = tab.page.locator('#graph')
        for name, node in expected.items():
            box = graph.locator('.node').filter(has_text=re.compile(f'^{name}data'))
            assert number(box.locator('[data-value]').text_content()) == float(f'{node.data:.4g}')
            assert number(box.locator('[data-signal]').text_content()) == float(f'{node.grad:.4g}')


def test_a_step_says_and_shows_what_happens(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    with Tab(chromium, net_page) as tab:
        tab.go('From neuron 3 to neuron 1')
        first, second = tab.page.locator('.line').all()
        delta, slope = run.layers[1][0].error_signal, run.layers[1][0].output.partials[0]
        w = net.layers[1].neurons[0].weights[0].data
        assert delta is not None and slope is not None
        words = ' '.join(first.inner_text().split())
        assert words.startswith('δ1 += δ3 · g′(r3) · w1,3 = 0 + ')
        shown = [number(text) for text in first.locator('button:not(.name)').all_inner_texts()]
        assert shown == [float(f'{n:.4g}') for n in (delta, slope, w)]
        assert number(first.locator('strong').inner_text()) == float(f'{delta * slope * w:.4g}')
        assert ' '.join(second.inner_text().split()).startswith('∂E/∂w1,3 = δ3 · g′(r3) · f1 = ')
        now = tab.page.locator('#network .connection.now')
        assert now.count() == 1
        assert tab.page.locator('#graph [data-event].now').count() == 2
        assert tab.page.locator('#status').inner_text().startswith('Step ')
        # What has not happened yet is not shown: input x1 has no error signal so far.
        assert tab.page.locator('#network .input [data-signal]').first.text_content() == ''


def test_each_step_shows_what_has_happened_and_nothing_more(chromium: Any, tmp_path: Path) -> None:
    a, b = Value(2.0, 'a'), Value(-3.0, 'b')
    y = (a * b + a).tanh() * a - b.exp()
    order, log = topological_order(y), list[Any]()
    operations = [node for node in order if node.op is not None]
    page = play(y)
    y.backward(log=log)
    with Tab(chromium, page.save(tmp_path / 'page.html')) as tab:
        for step in range(len(operations) + len(log) + 2):
            assert tab.step() == step
            data = {node: f'{node.data:.4g}' for node in order if node.op is None or node in operations[:step]}
            signals = {y: '1'} if step > len(operations) else {}
            signals |= {event.source: f'{event.total:.4g}' for event in log[: max(0, step - len(operations) - 1)]}
            for mark, expected in (('value', data), ('signal', signals)):
                shown = {order[int(text.get_attribute(f'data-{mark}'))]: text.text_content().replace('−', '-')
                         for text in tab.page.locator(f'#graph [data-{mark}]').all()}  # fmt: skip
                assert {node: text for node, text in shown.items() if text} == expected, (step, mark)
            tab.page.keyboard.press('ArrowRight')
        assert tab.page.locator('#on').is_disabled()


def test_keyboard(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        press, last = tab.page.keyboard.press, int(tab.page.locator('#step').get_attribute('max'))
        keys = {'ArrowRight': 1, 'ArrowLeft': 0, 'End': last, 'Home': 0}
        for key in ('ArrowRight', 'ArrowLeft', 'ArrowLeft', 'End', 'ArrowRight', 'Home'):
            press(key)
            assert tab.step() == (last if tab.step() == last and key == 'ArrowRight' else keys[key]), key
        reached = []
        for _ in range(12):
            press('Tab')
            reached.append(tab.page.evaluate('document.activeElement.id || document.activeElement.tagName'))
            ring = tab.page.evaluate('getComputedStyle(document.activeElement).outlineWidth')
            assert ring == '3px', 'the focus must be seen'
        # First and back are disabled at the first step.
        assert reached[:6] == ['play', 'on', 'last', 'step', 'network', 'graph']
        tab.page.locator('#step').focus()
        press('ArrowRight')
        assert tab.step() == 1
        press('Space')
        assert tab.page.locator('#play').get_attribute('aria-label') == 'Pause'
        press('Space')
        assert tab.page.locator('#play').get_attribute('aria-label') == 'Play'


def test_it_plays_by_itself_and_stops_at_the_end(chromium: Any, tmp_path: Path) -> None:
    with Tab(chromium, value_page(tmp_path)) as tab:
        tab.page.clock.install()
        tab.page.reload()
        tab.requests = tab.requests[:1]
        tab.page.locator('#play').click()
        last = int(tab.page.locator('#step').get_attribute('max'))
        tab.page.clock.run_for(1500 * 2)
        assert tab.step() == 2
        tab.page.clock.run_for(1500 * (last + 3))
        assert tab.step() == last and tab.page.locator('#play').get_attribute('aria-label') == 'Play'
        tab.page.locator('#play').click()
        assert tab.step() == 0


def test_a_term_is_found_in_the_pictures(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        tab.go('From neuron 3 to neuron 1')
        pointed = tab.page.locator('.pictures .pointed')
        tab.page.locator('.line').nth(1).get_by_role('button', name='f 1').hover()
        assert pointed.count() == 3  # the neuron and the node, and the edge of the local derivative that it is
        tab.page.mouse.move(5, 5)
        assert pointed.count() == 0
        term = tab.page.locator('.line').first.get_by_role('button', name='delta 3')
        term.focus()
        assert sorted(pointed.nth(k).evaluate('e => e.dataset.node.split(" ").length') for k in range(2)) == [1, 3]
        box, pane = tab.page.locator('#graph .pointed').bounding_box(), tab.page.locator('#graph').bounding_box()
        assert pane['x'] <= box['x'] and box['x'] + box['width'] <= pane['x'] + pane['width']


def test_epochs(chromium: Any, tmp_path: Path) -> None:
    net = net_2221()
    snapshots = {k: [p.data * (1 - k) for p in net.parameters()] for k in (0, 2, 3)}
    errors = []
    for snapshot in snapshots.values():
        other = net_2221()
        for p, data in zip(other.parameters(), snapshot):
            p.data = data
        errors.append(half_squared_error(other([0.5, -1.0]), 1.0).data)
    with Tab(chromium, play(net, [0.5, -1.0], 1.0, weights=snapshots).save(tmp_path / 'page.html')) as tab:
        assert tab.page.locator('#epoch').get_attribute('aria-label') == 'Epoch'
        line = tab.page.locator('#network .connection').first
        looks = []
        for k, error in enumerate(errors):
            tab.page.locator('#epoch').fill(str(k))
            assert tab.page.locator('#epoch-name').inner_text() == f'Epoch {[*snapshots][k]}: E = {error:.4g}'
            looks.append(line.get_attribute('class').split()[-1])
        assert looks[0] != looks[1] == looks[2]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_contrast(chromium: Any, net_page: Path, scheme: str) -> None:
    """Everything that is written differs from what it is written on by a ratio of 4.5 at least (WCAG 2, AA)."""
    with Tab(chromium, net_page, color_scheme=scheme) as tab:
        tab.go('From neuron 3 to neuron 1')
        paper = tab.page.evaluate('getComputedStyle(document.body).backgroundColor')
        assert (luminance(paper) < 0.2) == (scheme == 'dark')
        texts = tab.page.evaluate("""() => [...document.querySelectorAll(
            'h1, h2, .line, .term, .legend, .legend span, figcaption, small, summary, .slider span, .pictures text')]
            .filter(e => !e.closest('.later') && e.textContent.trim())
            .map(e => [e.textContent, getComputedStyle(e)[e instanceof SVGElement ? 'fill' : 'color']])""")
        assert len(texts) > 50
        for text, colour in texts:
            light, dark = sorted([luminance(colour), luminance(paper)], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, colour)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r'\d+', colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize('kind', ['net', 'value'])
def test_on_a_phone(chromium: Any, net_page: Path, tmp_path: Path, kind: str) -> None:
    file = net_page if kind == 'net' else value_page(tmp_path, 'a label that is rather long')
    with Tab(chromium, file, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2) as tab:
        for step in range(int(tab.page.locator('#step').get_attribute('max')) + 1):
            wide, room = tab.page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
            assert wide <= room == 360, f'step {step} scrolls sideways'
            tab.page.evaluate(f'go({step + 1})')
        panes = [pane.bounding_box() for pane in tab.page.locator('.pictures .pane').all() if pane.is_visible()]
        assert all(above['y'] + above['height'] <= below['y'] for above, below in pairwise(panes))
        for button in tab.page.locator('.buttons button').all():
            box = button.bounding_box()
            assert box['width'] >= 44 and box['height'] >= 44
        sizes = tab.page.evaluate("""() => [...document.querySelectorAll('.pictures text')]
            .filter(t => t.textContent.trim()).map(t => t.getBBox().height * t.getScreenCTM().a / 1.15)""")
        assert min(sizes) > 7  # an index of a weight's name


def test_a_dense_net_tells_its_numbers(chromium: Any, tmp_path: Path) -> None:
    net, row, t = MLP(3, [12, 12, 2], activation='tanh', seed=1), [0.5, -1.0, 2.0], [0.0, 1.0]
    page = play(net, row, t, limit=20).save(tmp_path / 'dense.html')
    run = net.run(row)
    half_squared_error(run.outputs, t).backward()
    with Tab(chromium, page) as tab:
        note = tab.page.locator('.note span')
        assert note.is_hidden()
        tab.page.locator('#on').click()
        assert note.is_visible()
        tab.page.keyboard.press('End')
        neurons = {int(neuron.locator('text').nth(1).text_content()): neuron
                   for neuron in tab.page.locator('#network .neuron').all()}  # fmt: skip
        firings = dict(enumerate((firing for layer in run.layers for firing in layer), 1))
        assert neurons.keys() == firings.keys()
        for k, firing in firings.items():
            neuron = neurons[k]
            shown = [number(neuron.locator(f'[data-{mark}]').text_content()) for mark in ('signal', 'value')]
            assert shown == [float(f'{n:.4g}') for n in (firing.error_signal, firing.output.data)]
        weight = net.layers[1].neurons[0].weights[1]
        name, derivative = (line.split(' = ') for line in
                            tab.page.locator('#network .connection title', has_text='w2,13').text_content().split('\n'))
        assert (name[0], number(name[1])) == ('w2,13', weight.data)
        assert (derivative[0], number(derivative[1])) == ('∂E/∂w2,13', pytest.approx(weight.grad, rel=1e-14))


def test_an_infinite_weight_is_shown_as_what_it_is(chromium: Any, tmp_path: Path) -> None:
    net = MLP(2, [1], seed=1)
    for node, data in zip(net.parameters(), (float('inf'), -2.0, 1.0)):
        node.data = data
    with Tab(chromium, play(net, [1.0, 1.0], 0.0).save(tmp_path / 'page.html')) as tab:
        assert [*map(str.strip, tab.page.locator('#network [data-brief]').all_text_contents())] == ['1', 'inf', '−2']
        kinds = [line.get_attribute('class').split()[-1] for line in tab.page.locator('#network .connection').all()]
        assert kinds == ['positive', 'negative']


def test_motion_only_where_it_is_wanted(chromium: Any, net_page: Path) -> None:
    for preference, animations in (('reduce', 0), ('no-preference', 1)):
        with Tab(chromium, net_page, reduced_motion=preference) as tab:
            tab.go('From neuron 3 to neuron 1')
            assert min(1, tab.page.evaluate('document.getAnimations().length')) == animations


def test_what_a_screen_reader_is_told(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        tab.go('From neuron 3 to neuron 1')
        tree = tab.page.locator('body').aria_snapshot()
        for expected in [
            'group "Player"', 'button "Step on"', 'button "Play"', 'slider "Step"', 'region "Network"',
            'region "Graph of operations"', 'heading "From neuron 3 to neuron 1, over w1,3" [level=2]',
            'img "The network', 'button "delta 3"', 'button "g prime(r 3)"',
        ]:  # fmt: skip
            assert expected in tree, expected
        said = tab.page.locator('#status')
        assert said.get_attribute('aria-live') == 'polite'
        words = r'Step \d+ of \d+, backward\. From neuron 3 to neuron 1, over w 1,3\. delta 1 becomes '
        assert re.match(words, said.inner_text())
        assert tab.page.locator('#step').get_attribute('aria-valuetext') == said.inner_text()


HOSTILE = ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '\u2028', '"\'`${x}']


@pytest.mark.parametrize('label', HOSTILE)
def test_a_hostile_label_is_shown_and_does_nothing(chromium: Any, tmp_path: Path, label: str) -> None:
    with Tab(chromium, value_page(tmp_path, label)) as tab:
        tab.page.on('dialog', lambda dialog: tab.complaints.append(dialog.message))
        tab.page.keyboard.press('End')
        assert label in tab.page.locator('#title').text_content()
        assert tab.page.locator('img').count() == 0 and tab.page.locator('script').count() == 2


def test_in_a_notebook(chromium: Any, tmp_path: Path) -> None:
    page = play((Value(2.0, 'a') * 3.0).tanh())
    assert isinstance(page, Page)
    (tmp_path / 'notebook.html').write_text(f'<!DOCTYPE html><body>{page._repr_html_()}</body>', encoding='utf-8')
    with Tab(chromium, tmp_path / 'notebook.html') as tab:
        frame = tab.page.frame_locator('iframe')
        frame.locator('#on').click()
        assert frame.locator('#count').inner_text() == 'Step 2 of 6'
        tab.requests = [url for url in tab.requests if url != 'about:srcdoc']
