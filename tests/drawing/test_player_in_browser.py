"""The page that computes in a real browser: headless Chromium, driven by Playwright.

A page that asks for anything, or writes anything to the console, fails every test here.
"""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from microgradnet import MLP, TeacherSet, Value, half_squared_error, mean_square_error, train
from microgradnet.compiling.guards import recording
from microgradnet.drawing.player import Page, play
from microgradnet.engine.walks import topological_order
from tests.support.browsers import needs_chromium
from tests.support.colours import contrast

pytestmark = [pytest.mark.slow, needs_chromium]
DESKTOP, PHONE = {'width': 1280, 'height': 800}, {'width': 360, 'height': 780}
LARGE = {'width': 1920, 'height': 1080}


class Tab:
    """A page that is open in the browser, and what it asked for and complained of."""

    def __init__(self, chromium: Any, file: Path, fragment: str = '', **options: Any) -> None:
        self.context = chromium.new_context(**{'viewport': DESKTOP, 'reduced_motion': 'reduce'} | options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on('console', lambda message: self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('request', lambda request: self.requests.append(request.url.partition('#')[0]))
        self.home = file.as_uri()
        self.page.goto(self.home + fragment)
        self.drawn()

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.complaints == []
        assert {*self.requests} == {self.home}

    def drawn(self) -> None:
        """Wait until the page has drawn what was asked of it."""
        self.page.evaluate('() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')

    def __call__(self, selector: str) -> Any:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        self.drawn()
        return ' '.join(str(self.page.locator(selector).first.inner_text()).split())

    def title(self) -> str:
        return self.text('#title')

    def step(self) -> int:
        self.drawn()
        return int(self.page.locator('#step').input_value())

    def go(self, title: str) -> None:
        """Step on to the first step with a title that begins so."""
        self.page.keyboard.press('Home')
        while not self.title().startswith(title):
            assert not self.text('#count').endswith(f' {self.step() + 1}'), f'there is no step {title}'
            self.page.locator('#on').click()

    def choose(self, name: str) -> Any:
        """Choose what is called so by a screen reader, and return it."""
        handle = self.page.locator(f'#picture .handle[aria-label="{name}"]')
        handle.focus()
        self.drawn()
        return handle

    def state(self) -> Any:
        """What a link would carry."""
        if not self.page.locator('.menu').evaluate('menu => menu.open'):
            self.page.locator('.menu summary').click()
        self.page.locator('#link').click()
        fragment = self.page.locator('#address').input_value().partition('#')[2]
        self.page.locator('.menu summary').click()
        return json.loads(self.page.evaluate('text => atob(text.replaceAll("-", "+").replaceAll("_", "/"))', fragment))


def number(text: str) -> float:
    """Read a number as the page writes it, 6.037·10 with a raised −5 too."""
    plain = text.strip().replace('−', '-').replace(' ', '').replace('\n', '')
    mantissa, power, exponent = plain.partition('·10')
    return float(mantissa) * 10.0 ** int(exponent) if power else float(mantissa)


def shown(x: float, digits: int = 4) -> float:
    return float(f'{x:.{digits}g}')


def net_2221() -> MLP:
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='tanh', seed=1)


def net_231() -> MLP:
    return MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=3)


def xor() -> TeacherSet:
    return TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])


@pytest.fixture(scope='module')
def net_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(net_2221(), [0.5, -1.0], 1.0).save(tmp_path_factory.mktemp('player') / 'net.html')


@pytest.fixture(scope='module')
def xor_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(net_231(), xor(), learning_rate=0.5).save(tmp_path_factory.mktemp('player') / 'xor.html')


def value_page(tmp_path: Path, label: str = 'b') -> Path:
    a, b = Value(2.0, 'a'), Value(-3.0, label)
    return play((a * b + 10.0).tanh() / a).save(tmp_path / 'value.html')


# The numbers.


def boxes_of(tab: Tab) -> list[list[tuple[str, str]]]:
    """What stands in each box of the net: names and numbers."""
    tab.drawn()
    return tab.page.evaluate("""() => [...document.querySelectorAll('#picture .box')].map(box => {
        const [names, numbers] = ['name', 'number'].map(kind => [...box.querySelectorAll(`text.${kind}`)]);
        return names.map((name, k) => [name.textContent, numbers[k].textContent]);
    })""")  # type: ignore[no-any-return]


def test_numbers_on_the_page_are_the_engines(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    expected = dict[str, float]()
    for k, firing in enumerate((firing for layer in run.layers for firing in layer), 1):
        expected |= {f'r{k}': firing.r.data, f'f{k}': firing.output.data, f'δ{k}': firing.error_signal,
                     f'b{k}': firing.r.inputs[-1].data}  # fmt: skip
    expected['y'] = expected.pop('f5')
    expected |= {'x1': 0.5, 'x2': -1.0}
    with Tab(chromium, net_page, viewport=LARGE) as tab:
        found = {name: text for box in boxes_of(tab) for name, text in box}
        for name, x in expected.items():
            assert number(found[name]) == pytest.approx(shown(x), rel=1e-12), name
        assert number(tab.text('#E strong')) == shown(half_squared_error(net([0.5, -1.0]), 1.0).data)


def test_a_card_shows_the_derivative_with_its_numbers(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    w = net.layers[1].neurons[0].weights[0]
    delta, slope, f = run.layers[1][0].error_signal, run.layers[1][0].output.partials[0], run.layers[0][0].output.data
    with Tab(chromium, net_page) as tab:
        tab.choose('w 1,3')
        assert tab.title() == 'w1,3: neuron 1 to neuron 3'
        assert number(tab('#number').input_value()) == w.data
        line = tab('#lines .line').first
        assert ' '.join(line.inner_text().split()).startswith('∂E/∂w1,3 = δ3 · g′(r3) · f1 = ')
        factors = [number(text) for text in line.locator('button:not(.name)').all_inner_texts()]
        assert factors == [shown(x) for x in (delta, slope, f)]
        assert number(line.locator('strong').inner_text()) == shown(w.grad)
        update = tab('#lines .line').nth(1)
        assert number(update.locator('strong').inner_text()) == shown(w.data - 0.1 * w.grad)
        assert number(tab.text('#slope-words strong')) == shown(w.grad)


def test_a_gradient_is_the_sum_over_the_samples(chromium: Any, xor_page: Path) -> None:
    parts = []
    for x, t in xor():
        net = net_231()
        half_squared_error(net(x), t).backward()
        parts.append(net.layers[0].neurons[0].weights[1].grad)
    with Tab(chromium, xor_page) as tab:
        tab.choose('w x2,1')
        found = [number(cell.inner_text()) for cell in tab('#parts tr td:last-child').all()]
        assert found == pytest.approx([*map(shown, parts), shown(sum(parts))], rel=1e-12)
        assert number(tab.text('#slope-words strong')) == shown(sum(parts))
        tab('#all').click()
        tab('#rows .pick').nth(1).click()
        tab.drawn()
        assert not tab('#parts').is_visible()
        assert number(tab.text('#slope-words strong')) == shown(parts[1])
        assert tab.text('#E').startswith('E of sample 2 = ')


@pytest.mark.parametrize('error', [half_squared_error, mean_square_error])
def test_a_gradient_over_samples_is_written_as_a_sum(chromium: Any, tmp_path: Path, error: Any) -> None:
    """Its limits are clear of the sum sign, in the font that the page brings; of a mean it says so."""
    page = play(net_231(), xor(), error=error)
    with Tab(chromium, page.save(tmp_path / 'page.html')) as tab:
        ready = 'document.fonts.ready.then(fonts => [...fonts].map(font => font.status))'
        assert tab.page.evaluate(ready) == ['loaded']
        tab.choose('w x2,3')
        tab.drawn()
        visible = "math => [...math.querySelectorAll('mi, mn, mo, mtext')].filter(e => e.getClientRects().length)"
        words = tab('#sum').evaluate(f"{visible[:4]} => ({visible})(math).map(e => e.textContent).join(' ')")
        mean = '1 4 ' if error is mean_square_error else ''
        assert words == f'∂ E ∂ w x2,3 = {mean}∑ p = 1 4 ∂ E p ∂ w x2,3'
        (top, bottom), (below, _), (_, above) = tab('#sum munderover').evaluate(
            'e => [...e.children].map(e => e.getBoundingClientRect()).map(place => [place.top, place.bottom])'
        )
        assert above <= top and bottom <= below
        tab('#all').click()
        tab.drawn()
        assert not tab('#sum').is_visible()


def test_each_step_of_a_value_shows_what_has_happened_and_nothing_more(chromium: Any, tmp_path: Path) -> None:
    a, b = Value(2.0, 'a'), Value(-3.0, 'b')
    y = (a * b + a).tanh() * a - b.exp()
    order, log = topological_order(y), list[Any]()
    operations = [node for node in order if node.op is not None]
    page = play(y)
    y.backward(log=log)
    with Tab(chromium, page.save(tmp_path / 'page.html')) as tab:
        tab.page.keyboard.press('Home')
        for step in range(len(operations) + len(log) + 2):
            assert tab.step() == step
            data = {node: shown(node.data) for node in order if node.op is None or node in operations[:step]}
            signals = {y: 1.0} if step > len(operations) else {}
            signals |= {event.source: shown(event.total) for event in log[: max(0, step - len(operations) - 1)]}
            for mark, expected in (('value', data), ('signal', signals)):
                found = {order[int(text.get_attribute(f'data-{mark}'))]: text.text_content()
                         for text in tab(f'#picture [data-{mark}]').all()}  # fmt: skip
                assert {node: shown(number(text)) for node, text in found.items() if text} == expected
            tab.page.keyboard.press('ArrowRight')
        assert tab('#on').is_disabled()


# Dragging, keys, typing.


def test_a_line_is_dragged_and_all_follows(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    w = net.layers[0].neurons[0].weights[0]
    with Tab(chromium, net_page) as tab:
        line = tab('#picture .handle[aria-label="w x1,1"] .hit').first
        box = line.bounding_box()
        # An eighth along the line, where no number is.
        x, y = line.evaluate("""p => {
            const at = p.getPointAtLength(p.getTotalLength() / 8), m = p.getScreenCTM();
            return [at.x * m.a + m.e, at.y * m.d + m.f];
        }""")
        assert box
        tab.page.mouse.move(x, y)
        tab.page.mouse.down()
        tab.page.mouse.move(x, y - 30)
        tab.page.mouse.move(x, y - 65)
        tab.page.mouse.up()
        dragged = number(tab('#number').input_value())
        assert dragged == pytest.approx(w.data + 65 / 50, abs=1e-11)
        w.data = dragged
        run = net.run([0.5, -1.0])
        half_squared_error(run.outputs, [1.0]).backward()
        found = {name: text for box in boxes_of(tab) for name, text in box}
        assert number(found['r1']) == pytest.approx(float(f'{run.layers[0][0].r.data:.4g}'), rel=1e-2)
        assert number(tab.text('#E strong')) == shown((run.outputs[0].data - 1.0) ** 2 / 2)
        assert number(tab('#lines .line').first.locator('strong').inner_text()) == shown(w.grad)
        tab('#undo').click()
        tab.drawn()
        assert number(tab('#number').input_value()) == net_2221().layers[0].neurons[0].weights[0].data
        assert tab('#undo').is_disabled(), 'one drag is one gesture'


@pytest.mark.parametrize('name', ['w 1,3', 'b 1', 'x 2', 't'])
def test_arrow_keys_change_what_is_focused(chromium: Any, net_page: Path, name: str) -> None:
    with Tab(chromium, net_page) as tab:
        handle = tab.choose(name)
        before = number(tab('#number').input_value())
        for key, change in (('ArrowUp', 0.1), ('Shift+ArrowUp', 0.01), ('PageDown', -1.0), ('ArrowDown', -0.1)):
            tab.page.keyboard.press(key)
            tab.drawn()
            before += change
            assert number(tab('#number').input_value()) == pytest.approx(before, abs=1e-9), key
        assert float(handle.get_attribute('aria-valuenow')) == pytest.approx(before, abs=1e-9)
        tab.page.keyboard.press('ArrowRight')
        assert tab.page.evaluate('document.activeElement.getAttribute("aria-label")') != name
        tab.page.keyboard.press('ArrowLeft')
        assert tab.page.evaluate('document.activeElement.getAttribute("aria-label")') == name
        tab.page.keyboard.press('Enter')
        assert tab.page.evaluate('document.activeElement.id') == 'number'


def test_a_number_is_typed(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    net.layers[0].neurons[0].weights[0].data = -2.5e-3
    E = half_squared_error(net([0.5, -1.0]), 1.0).data
    with Tab(chromium, net_page) as tab:
        tab.choose('w x1,1')
        tab('#number').fill('nonsense')
        assert tab('#number').get_attribute('aria-invalid') == 'true'
        tab('#number').fill('−2.5e-3')
        assert tab('#number').get_attribute('aria-invalid') == 'false'
        assert number(tab.text('#E strong')) == shown(E)


def test_the_dot_is_dragged_along_the_curve(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        tab.choose('w x1,1')
        box = tab('#curve').bounding_box()
        tab.page.mouse.click(box['x'] + 52 + (box['width'] - 64) * 0.75, box['y'] + 40)
        tab.drawn()
        w = number(tab('#number').input_value())
        assert w == pytest.approx(1.25, abs=0.05)
        net = net_2221()
        net.layers[0].neurons[0].weights[0].data = w
        half_squared_error(net([0.5, -1.0]), 1.0).backward()
        assert number(tab.text('#slope-words strong')) == shown(net.layers[0].neurons[0].weights[0].grad)


def test_the_tangent_has_the_slope(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tab.choose('w 1,4')
        slope = number(tab.text('#slope-words strong'))
        x1, y1, x2, y2 = (float(tab('#curve .tangent').get_attribute(name)) for name in ('x1', 'y1', 'x2', 'y2'))
        # Two points of the curve near the dot say what a unit is, across and up.
        points = [tuple(map(float, pair.split())) for pair in tab('#curve .curve').get_attribute('d')[1:].split('L')]
        dot = float(tab('#curve .dot').get_attribute('cx'))
        k = max(1, min(len(points) - 2, min(range(len(points)), key=lambda n: abs(points[n][0] - dot))))
        (xa, ya), (xb, yb) = points[k - 1], points[k + 1]
        secant = (yb - ya) / (xb - xa)
        assert (y2 - y1) / (x2 - x1) == pytest.approx(secant, abs=0.03 + 0.15 * abs(secant))
        assert (slope > 0) == (y2 < y1)


def test_samples_are_edited_and_dragged(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tab('#rows input').nth(1).fill('0.75')
        tab('#rows input').nth(2).fill('0.5')
        net = net_231()
        rows = [([0, 0.75], 0.5), *[*xor()][1:]]
        E = sum(half_squared_error(net(x), t).data for x, t in rows)
        assert number(tab.text('#E strong')) == shown(E)
        circle = tab('#samples circle').nth(3).bounding_box()
        x, y = circle['x'] + circle['width'] / 2, circle['y'] + circle['height'] / 2
        tab.page.mouse.move(x, y)
        tab.page.mouse.down()
        tab.page.mouse.move(x - 40, y + 40)
        tab.page.mouse.up()
        row = tab.state()['rows'][3]
        assert 0.4 < row[0] < 0.9 and 0.4 < row[1] < 0.9 and row[2] == 0
        tab('#add').click()
        tab.drawn()
        assert tab('#rows tr').count() == 5 and tab.text('#all') == 'all 5'
        tab('#remove').click()
        tab('#remove').click()
        tab.drawn()
        assert tab('#rows tr').count() == 3


# Learning.


@pytest.mark.parametrize(('mode', 'updates'), [('batch', 1), ('online', 4)])
def test_steps_lead_to_the_weights_of_train(chromium: Any, xor_page: Path, mode: str, updates: int) -> None:
    net = net_231()
    train(net, xor(), learning_rate=0.5, epochs=3, mode=mode)
    with Tab(chromium, xor_page) as tab:
        tab('#mode').select_option(mode)
        for _ in range(3 * updates):
            tab('#step-once').click()
        state = tab.state()
        assert state['theta'] == pytest.approx([p.data for p in net.parameters()], rel=1e-12)
        assert state['updates'] == 3 * updates
        tab.choose('w 1,4')
        w = net.layers[1].neurons[0].weights[0].data
        assert number(tab('#number').input_value()) == pytest.approx(w, rel=1e-12)


def test_it_learns_and_what_was_learned_is_undone_at_once(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tab('.menu summary').click()
        tab('#speed').fill('5')
        tab('.menu summary').click()
        tab('#learn').click()
        tab.page.wait_for_function("() => Number(document.getElementById('epoch').max) > 30")
        tab('#learn').click()
        state = tab.state()
        net = net_231()
        train(net, xor(), learning_rate=0.5, epochs=state['updates'], compiled=False)
        assert state['theta'] == pytest.approx([p.data for p in net.parameters()], rel=1e-9)
        tab('#epoch').fill('0')
        tab.drawn()
        assert tab.state()['theta'] == [p.data for p in net_231().parameters()]
        tab('#undo').click()
        tab('#undo').click()
        tab.drawn()
        assert tab.state()['theta'] == [p.data for p in net_231().parameters()]
        assert tab('#undo').is_disabled() and tab('#redo').is_enabled()


def test_a_seed_reset_and_an_activation(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tab('#seed').fill('7')
        tab('#seed').press('Enter')
        drawn = MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=7)
        assert tab.state()['theta'] == [p.data for p in drawn.parameters()]
        tab('.activations select').first.select_option('relu')
        other = MLP(2, [3, 1], activation='relu', output_activation='sigmoid', seed=7)
        for p, q in zip(other.parameters(), drawn.parameters()):
            p.data = q.data
        E = sum(half_squared_error(other(x), t).data for x, t in xor())
        assert number(tab.text('#E strong')) == shown(E)
        tab('#picture .box.neuron .body').first.click()
        assert 'relu(' in tab.text('#lines')
        tab('#reset').click()
        state = tab.state()
        assert state['theta'] == [p.data for p in net_231().parameters()] and state['acts'] == ['tanh', 'sigmoid']


def test_an_update_is_a_chapter_and_tells_whether_the_error_is_smaller(chromium: Any, xor_page: Path) -> None:
    net = net_231()
    before = sum(half_squared_error(net(x), t).data for x, t in xor())
    train(net, xor(), learning_rate=0.5, epochs=1)
    after = sum(half_squared_error(net(x), t).data for x, t in xor())
    with Tab(chromium, xor_page) as tab:
        tab('#chapters button').nth(2).click()
        assert tab.title() == 'Update wx1,1'
        w = net_231().layers[0].neurons[0].weights[0].data
        assert number(tab('#lines strong').inner_text()) == shown(net.layers[0].neurons[0].weights[0].data)
        chip = tab('#picture .chip').first.text_content()
        assert shown(w, 3) != number(chip.split(' ')[1]) == shown(net.layers[0].neurons[0].weights[0].data, 3)
        tab('#last').click()
        tab.drawn()
        assert [number(text) for text in tab('#lines .line strong').all_inner_texts()] == [shown(before), shown(after)]
        assert tab.text('.verdict').startswith('E is smaller by ')
        tab('#on').click()
        assert tab.step() == 0
        assert tab.state()['theta'] == pytest.approx([p.data for p in net.parameters()], rel=1e-12)
        tab('#h').fill('40')
        tab('#last').click()
        assert 'h = 40 is too large here' in tab.text('.verdict')


def test_a_link_brings_all_back(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tab.choose('b 2')
        for _ in range(3):
            tab.page.keyboard.press('ArrowUp')
        tab('#rows input').first.fill('0.125')
        tab('.activations select').first.select_option('gelu')
        state = tab.state()
        E = tab.text('#E')
        fragment = tab('#address').input_value().partition('#')[2]
    with Tab(chromium, xor_page, f'#{fragment}') as tab:
        assert tab.text('#E') == E and tab.state() == state
    with Tab(chromium, xor_page, '#bm9uc2Vuc2U') as tab:
        assert 'The link is of another page' in tab.text('#refused')


def test_snapshots_are_points_of_the_error(chromium: Any, tmp_path: Path) -> None:
    net, errors, snapshots = net_2221(), [], {}
    for k in (0, 2, 3):
        snapshots[k] = [p.data * (1 - k) for p in net_2221().parameters()]
        for p, data in zip(net.parameters(), snapshots[k]):
            p.data = data
        errors.append(half_squared_error(net([0.5, -1.0]), 1.0).data)
    with Tab(chromium, play(net_2221(), [0.5, -1.0], 1.0, weights=snapshots).save(tmp_path / 'page.html')) as tab:
        for k, error in enumerate(errors):
            tab('#epoch').fill(str(k))
            assert tab.text('#epoch-name') == f'E epoch {[*snapshots][k]}: {error:.4g}'
            assert number(tab.text('#E strong')) == shown(error)


def test_fractions_stay_fractions(chromium: Any, tmp_path: Path) -> None:
    net = MLP.from_weights([[[1, Fraction(1, 2)], [Fraction(-1, 3), 2]], [[1, -1]]], [[0, Fraction(1, 4)], [0]], 'relu')
    E = half_squared_error(net([1, 2]), Fraction(1, 3)).data
    with Tab(chromium, play(net, [1, 2], Fraction(1, 3)).save(tmp_path / 'page.html')) as tab:
        assert Fraction(tab.text('#E strong')) == E
        tab.choose('w x1,1')
        tab('#number').fill('2/3')
        net.layers[0].neurons[0].weights[0].data = Fraction(2, 3)
        assert Fraction(tab.text('#E strong')) == half_squared_error(net([1, 2]), Fraction(1, 3)).data


def test_beyond_a_branch_it_is_locked(chromium: Any, tmp_path: Path) -> None:
    def bent(r: Value) -> Value:
        return r.tanh() * r if r > 0 else r * 0.1

    net = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]], bent)
    with Tab(chromium, play(net, [1.0], 1.0).save(tmp_path / 'page.html')) as tab:
        tab.choose('w x1,1')
        for _ in range(15):
            tab.page.keyboard.press('ArrowDown')
        assert number(tab('#number').input_value()) == pytest.approx(0.1, abs=1e-9)
        assert 'This graph was recorded where' in tab.text('#refused')
        tab.page.keyboard.press('ArrowUp')
        tab.drawn()
        assert not tab('#refused').is_visible()


# The player, the keyboard, readers.


def test_a_step_says_and_shows_what_happens(chromium: Any, net_page: Path) -> None:
    net = net_2221()
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    with Tab(chromium, net_page) as tab:
        tab.go('From neuron 3 to neuron 1')
        first, second = tab('#lines .line').all()
        delta, slope = run.layers[1][0].error_signal, run.layers[1][0].output.partials[0]
        w = net.layers[1].neurons[0].weights[0].data
        assert delta is not None and slope is not None
        assert ' '.join(first.inner_text().split()).startswith('δ1 += δ3 · g′(r3) · w1,3 = 0 + ')
        factors = [number(text) for text in first.locator('button:not(.name)').all_inner_texts()]
        assert factors == [shown(x) for x in (delta, slope, w)]
        assert number(first.locator('strong').inner_text()) == shown(delta * slope * w)
        assert ' '.join(second.inner_text().split()).startswith('∂E/∂w1,3 = δ3 · g′(r3) · f1 = ')
        assert tab('#picture .connection.now').count() == 1
        assert tab.text('#status').startswith('Step ')
        # What has not happened yet is not shown: f 2 has no error signal so far.
        boxes = {name: text for box in boxes_of(tab) for name, text in box}
        assert boxes['δ1'] and not boxes['δ2']


def test_layer_by_layer(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        tab('.menu summary').click()
        tab('#layers').check()
        tab('.menu summary').click()
        titles = []
        tab('#first').click()
        for _ in range(14):
            titles.append(tab.title())
            tab('#on').click()
        assert [title for title in titles if title.startswith('Layer')] == [
            *(f'Layer {k}, forward' for k in (1, 2, 3)), *(f'Layer {k}, backward' for k in (3, 2, 1)),
            *(f'Layer {k}, update' for k in (1, 2, 3)),
        ]  # fmt: skip
        assert titles.count('The error after the update') == 1


def test_keyboard(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        press, last = tab.page.keyboard.press, int(tab('#step').get_attribute('max'))
        keys = {'ArrowRight': 1, 'ArrowLeft': 0, 'End': last, 'Home': 0}
        for key in ('Home', 'ArrowRight', 'ArrowLeft', 'ArrowLeft', 'End', 'Home'):
            press(key)
            assert tab.step() == keys[key], key
        reached = []
        for _ in range(60):
            press('Tab')
            if tab.page.evaluate('document.activeElement === document.body'):
                break
            reached.append(
                tab.page.evaluate("""() => {
                const e = document.activeElement;
                return e.id || e.getAttribute('aria-label') || e.tagName;
            }""")
            )
            ring = tab.page.evaluate("""() => { const e = document.activeElement;
                return getComputedStyle(e).outlineStyle !== 'none' || e.classList.contains('handle'); }""")
            assert ring, f'the focus must be seen: {reached[-1]}'
        wanted = ['h', 'mode', 'step-once', 'learn', 'seed', 'w x1,1', 'play', 'step']
        assert [name for name in reached if name in wanted] == wanted
        tab('#step').focus()
        press('Home')
        press('ArrowRight')
        assert tab.step() == 1
        press('Space')
        assert tab('#play').get_attribute('aria-label') == 'Pause'
        press('Space')
        assert tab('#play').get_attribute('aria-label') == 'Play'
        tab.choose('w 1,3')
        press('ArrowUp')
        press('Control+z')
        assert tab.state()['theta'] == [p.data for p in net_2221().parameters()]
        tab.choose('w 1,3')
        press('Control+Shift+z')
        assert tab.state()['theta'] != [p.data for p in net_2221().parameters()]


def test_it_plays_by_itself(chromium: Any, tmp_path: Path) -> None:
    with Tab(chromium, value_page(tmp_path)) as tab:
        tab.page.clock.install()
        tab.page.reload()
        last = int(tab('#step').get_attribute('max') or 0)
        tab('#play').click()
        tab.page.clock.run_for(1500 * 2 + 100)
        assert int(tab('#step').input_value()) == 2
        tab.page.clock.run_for(1500 * (last + 12))
        assert tab('#play').get_attribute('aria-label') == 'Play'
        assert tab('#step').input_value() == tab('#step').get_attribute('max')


def test_a_term_is_found_in_the_picture(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        tab.go('From neuron 3 to neuron 1')
        pointed = tab('#picture .pointed')
        tab('#lines .line').nth(1).get_by_role('button', name='f 1').hover()
        assert pointed.count() == 1
        tab.page.mouse.move(5, 5)
        assert pointed.count() == 0
        tab('#lines .line').first.get_by_role('button', name='delta 3').focus()
        assert pointed.get_attribute('data-neuron') == '3'
        tab('#lines .line').first.get_by_role('button', name='w 1,3').click()
        assert tab.title() == 'w1,3: neuron 1 to neuron 3'


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('kind', ['net', 'value', 'large value'])
def test_contrast(chromium: Any, xor_page: Path, tmp_path: Path, scheme: str, kind: str) -> None:
    """Everything that is written differs from what it is written on by a ratio of 4.5 at least (WCAG 2, AA)."""
    large = play(chain()[0]).save(tmp_path / 'large.html')
    file = {'net': xor_page, 'value': value_page(tmp_path), 'large value': large}[kind]
    with Tab(chromium, file, color_scheme=scheme) as tab:
        paper = hexadecimal(tab.page.evaluate('getComputedStyle(document.body).backgroundColor'))
        assert (paper < '#444444') == (scheme == 'dark')
        texts = tab.page.evaluate("""() => [...document.querySelectorAll(
            'h1, h2, .line, .term, .legend span, caption, summary, label, th, output, .hint, #E, #count, svg text')]
            .filter(e => e.checkVisibility() && e.textContent.trim() && !e.closest('.later, [aria-pressed=true]'))
            .map(e => [e.textContent, getComputedStyle(e)[e instanceof SVGElement ? 'fill' : 'color']])""")
        assert len(texts) > 30
        for text, colour in texts:
            assert contrast(hexadecimal(colour), paper) >= 4.5, (text, colour)


def hexadecimal(colour: str) -> str:
    return '#' + ''.join(f'{int(part):02x}' for part in re.findall(r'\d+', colour)[:3])


#: Each text of the picture, its box, the size of its letters, whether it lies on a line; of small digits the size.
TEXTS = """() => {
    const size = e => parseFloat(getComputedStyle(e).fontSize);
    const isSeen = t => t.checkVisibility() && t.textContent.trim();
    return [...document.querySelectorAll('#picture text')].filter(isSeen).flatMap(t => {
        const { left, top, right, bottom } = t.getBoundingClientRect();
        const small = [...t.querySelectorAll('tspan.small')].map(s => ['', 0, 0, 0, 0, size(s), false]);
        return [[t.textContent, left, top, right, bottom, size(t), !!t.closest('.chip')], ...small];
    });
}"""


@pytest.mark.parametrize('sizes', [(3, 1), (8, 8, 1), (5, 5, 1), (1, 9, 7, 2), (12, 2), (16, 16)])
@pytest.mark.parametrize('viewport', [DESKTOP, LARGE, PHONE])
def test_boxes_have_room(chromium: Any, tmp_path: Path, sizes: tuple[int, ...], viewport: dict[str, int]) -> None:
    """No number is smaller than 9 px, over another, cut, or outside its box; nothing scrolls, sideways nowhere."""
    net = MLP(2, sizes, activation='tanh', seed=3)
    # Saturated neurons send back what is next to nothing, and has a power of ten.
    page = play(net, [-0.000123456, -123456.7], [-0.1] * sizes[-1])
    with Tab(chromium, page.save(tmp_path / 'page.html'), viewport=viewport) as tab:
        texts = tab.page.evaluate(TEXTS)
        assert min(text[5] for text in texts) >= 9
        places = [text for text in texts if text[0]]
        pane = tab('#pane').bounding_box()
        for text, left, top, right, bottom, *_ in places:
            assert pane['x'] - 1 <= left and right <= pane['x'] + pane['width'] + 1, text
            assert pane['y'] - 1 <= top and bottom <= pane['y'] + pane['height'] + 1, text
        for one, other in combinations([text for text in places if not text[6]], 2):
            across = min(one[3], other[3]) - max(one[1], other[1])
            down = min(one[4], other[4]) - max(one[2], other[2])
            # Lines of text have some air above and below, which may overlap.
            assert across <= 0.5 or down <= 5, (one[0], other[0])
        wide, high = tab.page.evaluate('[document.documentElement.scrollWidth, document.documentElement.scrollHeight]')
        assert wide == viewport['width'] and (viewport is PHONE or high == viewport['height'])
        assert tab('#pane').evaluate('pane => pane.scrollWidth <= pane.clientWidth')
        for body in tab('.box .body').evaluate_all('all => all.map(body => body.getBoundingClientRect().toJSON())'):
            assert pane['x'] - 1 <= body['left'] and body['right'] <= pane['x'] + pane['width'] + 1


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('kind', ['net', 'value'])
def test_on_a_phone(chromium: Any, xor_page: Path, tmp_path: Path, kind: str, scheme: str) -> None:
    file = xor_page if kind == 'net' else value_page(tmp_path, 'a label that is rather long')
    options: dict[str, Any] = {'viewport': PHONE, 'has_touch': True, 'is_mobile': True, 'device_scale_factor': 2}
    with Tab(chromium, file, color_scheme=scheme, **options) as tab:
        for step in range(int(tab('#step').get_attribute('max')) + 1):
            wide, room = tab.page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
            assert wide <= room == 360, f'step {step} scrolls sideways'
            tab('#on').evaluate('button => button.click()')
            tab.drawn()
        for button in tab('.buttons button').all():
            box = button.bounding_box()
            assert box['width'] >= 44 and box['height'] >= 44
        assert min(text[5] for text in tab.page.evaluate(TEXTS)) >= (9 if kind == 'net' else 7)
        if kind == 'net':
            tab('#step-once').tap()
            assert tab.state()['updates'] > 0
            # E over the updates is the whole width, below the net, and the target is below the output.
            past, net, line = (tab(name).bounding_box() for name in ('#past', '#middle', '#timeline'))
            assert past['width'] == 360 and past['y'] >= net['y'] + net['height'] - 1 and line['height'] > 80
            assert tab('#timeline .curve').get_attribute('d').count('L') == 1
            bottom = tab('.box.neuron .body').last.bounding_box()
            for number in tab('.output text.number').all():
                box = number.bounding_box()
                assert box['y'] >= bottom['y'] + bottom['height'] - 1 and box['x'] + box['width'] <= 360


def test_short_numbers_on_a_phone_are_the_engines(chromium: Any, tmp_path: Path) -> None:
    """Of a number as many digits as have room, and each of them right: 0.0071, and with less room 7·10 to the −3."""
    net = MLP(2, [1, 9, 7, 2], activation='tanh', seed=3)
    run = net.run([0.001, 0.002])
    with Tab(chromium, play(net, [0.001, 0.002], [0.5, -0.5]).save(tmp_path / 'page.html'), viewport=PHONE) as tab:
        found = [[number(text) for _, text in box if text] for box in boxes_of(tab)]
        neurons = [neuron for layer in run.layers for neuron in layer]
        for box, neuron in zip(found[2:], neurons, strict=True):
            f = neuron.output.data
            assert any(math.isclose(x, shown(f, digits)) for x in box for digits in (1, 2)), (box, f)


def test_a_large_screen_is_filled(chromium: Any, xor_page: Path) -> None:
    """All of it is one of the parts, the curve of the card and E over the updates grow, and nothing is cut."""
    with Tab(chromium, xor_page) as small, Tab(chromium, xor_page, viewport=LARGE) as large:
        parts = ['header', '#given', '#middle', '#card', '#past', '.player']
        boxes = [large(part).bounding_box() for part in parts]
        assert sum(box['width'] * box['height'] for box in boxes) == pytest.approx(1920 * 1080, rel=0.001)
        for part in ('#curve', '#timeline', '#map', '#picture'):
            assert large(part).bounding_box()['height'] > 1.3 * small(part).bounding_box()['height'], part
        for tab in (small, large):
            tab('#rows input').nth(2).fill('-0.598765')
            tab('#rows input').nth(3).fill('-0.00123')
            tab('#number').focus()
            tab.drawn()
            fields = tab('#rows input').evaluate_all('all => all.map(e => [e.value, e.scrollWidth <= e.clientWidth])')
            assert fields[2] == ['−0.599', True] and fields[3] == ['−0.001', True] and all(fits for _, fits in fields)
            for part in ('#given', '#card', '#past'):
                assert tab(part).evaluate('part => part.scrollHeight <= part.clientHeight + 1'), part
            assert tab('.set .scrolls').evaluate('part => part.scrollWidth <= part.clientWidth')
            assert tab('#number').evaluate('field => field.scrollWidth <= field.clientWidth')


def test_a_weight_is_dragged_by_its_number(chromium: Any, net_page: Path) -> None:
    with Tab(chromium, net_page) as tab:
        chip = tab('#picture .chip').nth(1)
        leaf = chip.get_attribute('data-node')
        box = chip.bounding_box()
        before = tab.state()['theta']
        tab.page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
        tab.page.mouse.down()
        tab.page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2 - 50)
        tab.page.mouse.up()
        changed = [k for k, (one, other) in enumerate(zip(before, tab.state()['theta'])) if one != other]
        assert len(changed) == 1 and tab.state()['chosen'] == int(leaf)
        assert tab.state()['theta'][changed[0]] == pytest.approx(before[changed[0]] + 1.0)


def test_motion_only_where_it_is_wanted(chromium: Any, net_page: Path) -> None:
    for preference, animations in (('reduce', 0), ('no-preference', 1)):
        with Tab(chromium, net_page, reduced_motion=preference) as tab:
            tab.go('From neuron 3 to neuron 1')
            moving = "document.getAnimations().filter(a => a.animationName === 'travel').length"
            assert min(1, tab.page.evaluate(moving)) == animations


def test_what_a_screen_reader_is_told(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        tree = tab('body').aria_snapshot()
        for expected in [
            'group "Player"', 'button "Step on"', 'button "Play"', 'slider "Step"', 'region "Network"',
            'region "Teacher set"', 'group "The network', 'slider "w x1,1"', 'slider "b 3"', 'slider "x 1"',
            'slider "t"', 'button "sample 4" [pressed]', 'textbox "x 1 of sample 1"',
            'combobox "activation g of layer 1"',
            'img "E over w x1,1', 'img "E over the updates', 'group "Chapters"', 'textbox "w x1,1"',
            'heading "wx1,1: x1 to neuron 1" [level=2]', 'button "delta 1"', 'button "g prime(r 1)"',
        ]:  # fmt: skip
            assert expected in tree, expected
        tab.go('From neuron 1 to input x1, over')
        said = tab('#status')
        assert said.get_attribute('aria-live') == 'polite'
        words = r'Step \d+ of \d+, backward\. From neuron 1 to input x 1, over w x1,1\. d E over d x 1 becomes '
        assert re.match(words, said.inner_text())
        assert tab('#step').get_attribute('aria-valuetext') == said.inner_text()


def test_powers_of_ten_are_as_on_paper(chromium: Any, tmp_path: Path) -> None:
    net = MLP.from_weights([[[6.037e-5]]], [[0.0]], 'identity')
    with Tab(chromium, play(net, [1.0], 1.0).save(tmp_path / 'page.html')) as tab:
        tab.choose('w x1,1')
        assert tab('#lines .line').nth(1).locator('sup').first.inner_text() == '−5'
        assert '6.037·10' in tab.text('#lines .line >> nth=1')
        chip = tab('#picture .chip tspan.small').last
        assert chip.text_content() == '−5'
        assert 'times 10 to the minus 5' in tab('#picture .handle[aria-label="w x1,1"]').get_attribute('aria-valuetext')


def test_a_projector_has_larger_letters(chromium: Any, xor_page: Path) -> None:
    with Tab(chromium, xor_page) as tab:
        before = max(text[5] for text in tab.page.evaluate(TEXTS))
        tab('.menu summary').click()
        tab('#projector').check()
        tab('.menu summary').click()
        tab.drawn()
        assert max(text[5] for text in tab.page.evaluate(TEXTS)) > 1.25 * before


# A value.


def test_the_leaves_of_a_value_are_sliders(chromium: Any, tmp_path: Path) -> None:
    with Tab(chromium, value_page(tmp_path)) as tab:
        for leaf in tab('#leaves .leaf').all():
            name, slider, figure = (leaf.locator(part).bounding_box() for part in ('.name', 'input', 'output'))
            assert name['x'] + name['width'] <= slider['x'] and slider['x'] + slider['width'] <= figure['x']
        tab('#leaves input').first.focus()
        tab.page.keyboard.press('ArrowRight')
        tab.drawn()
        a, b = Value(number(tab('#number').input_value()), 'a'), Value(-3.0)
        assert a.data != 2.0
        y = (a * b + 10.0).tanh() / a
        y.backward()
        assert number(tab.text('#E strong')) == shown(y.data)
        assert number(tab.text('#slope-words strong')) == shown(a.grad)
        box = tab('#picture .node.leaf').nth(1).bounding_box()
        x, top = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
        tab.page.mouse.move(x, top)
        tab.page.mouse.down()
        tab.page.mouse.move(x, top - 50)
        tab.page.mouse.up()
        b.data = -2.0
        assert number(tab('#number').input_value()) == -2.0
        assert number(tab.text('#E strong')) == shown(((a * b + 10.0).tanh() / a).data)


def test_the_graph_is_enlarged_and_moved(chromium: Any, tmp_path: Path) -> None:
    with Tab(chromium, value_page(tmp_path)) as tab:

        def width() -> float:
            return float(tab('#picture').bounding_box()['width'])

        before = width()
        tab('#larger').click()
        assert width() == pytest.approx(1.3 * before, rel=0.01)
        tab('#whole').click()
        pane = tab('#pane').bounding_box()
        assert width() <= pane['width']
        for _ in range(6):
            tab('#larger').click()
        tab.page.mouse.move(pane['x'] + 300, pane['y'] + pane['height'] - 40)
        tab.page.mouse.down()
        tab.page.mouse.move(pane['x'] + 100, pane['y'] + pane['height'] - 40)
        tab.page.mouse.up()
        assert tab('#pane').evaluate('pane => pane.scrollLeft') > 150


def chain(length: int = 200) -> tuple[Value, Value]:
    """A value that is too large to be drawn whole, with gradients down to 1e-30, and its leaf."""
    x = Value(0.5, 'x')
    y = x
    for k in range(length):
        y = y.sin() + x if k % 2 == 0 else y * 1.5 * (1.0 - y)
    return y, x


def test_an_overview_leads_through_the_graph(chromium: Any, tmp_path: Path) -> None:
    with Tab(chromium, value_page(tmp_path)) as tab:
        pane, view, overview = tab('#pane'), tab('#overview .view'), tab('#overview')
        assert float(view.get_attribute('x')) == 0
        box = overview.bounding_box()
        tab.page.mouse.click(box['x'] + box['width'] - 4, box['y'] + box['height'] / 2)
        tab.drawn()
        scrolled, zoom = pane.evaluate(
            'pane => [pane.scrollLeft, picture.getBoundingClientRect().width / picture.viewBox.baseVal.width]'
        )
        assert scrolled > 20
        assert float(view.get_attribute('x')) == pytest.approx(scrolled / zoom, rel=0.01)
        tab('#whole').click()
        tab.drawn()
        assert not overview.is_visible()


def test_the_surroundings_of_each_step_of_a_large_graph(chromium: Any, tmp_path: Path) -> None:
    """Its operands, theirs and what uses it are drawn, with the engine's numbers; an overview says where it is."""
    y, x = chain()
    order = topological_order(y)
    with Tab(chromium, play(y).save(tmp_path / 'page.html')) as tab:
        names = tab.page.evaluate('JSON.parse(document.getElementById("film").textContent).names')
        for index in (40, 120, 600, 900, 1150):
            tab('#step').evaluate(
                '(slider, index) => { slider.value = index; slider.dispatchEvent(new Event("input")); }', index
            )
            tab.drawn()
            now = [int(each.get_attribute('data-node')) for each in tab('#picture .node.now[data-node]').all()]
            assert now and all(names[place] for place in now), tab.title()
            for place, text in tab('#picture .node[data-node]:not(.later) [data-value]').evaluate_all(
                'texts => texts.map(text => [Number(text.dataset.value), text.textContent])'
            ):
                assert number(text) == shown(order[place].data)
            if tab.title().startswith('Compute'):
                (place,) = now
                drawn = {int(each.get_attribute('data-node')) for each in tab('#picture .node[data-node]').all()}
                operands = {order.index(node) for node in order[place].inputs if names[order.index(node)]}
                assert operands <= drawn and tab('#picture .edge.now[data-from]').count() == len(operands & drawn)
                used = [k for k, node in enumerate(order) if order[place] in node.inputs]
                assert {*used} <= drawn
                heard = tab('#picture').get_attribute('aria-label')
                said = [re.sub(r'_{(.*)}', r' \1', names[k]) for k in (place, order.index(order[place].inputs[0]))]
                assert heard.startswith(f'{said[0]}, computed from {said[1]}') and ', used by v ' in heard
            assert tab('#overview .now').evaluate('e => e.getBoundingClientRect().width') >= 3
            over = """groups => {
                const right = e => e.textContent || e.matches('rect') ? e.getBoundingClientRect().right : 0;
                return groups.filter(group => [...group.children].some(e => right(e) > right(group.children[1])));
            }"""
            assert tab('#picture .node[data-node]').evaluate_all(over) == [], 'a number is beyond its box'
        texts = tab.page.evaluate(TEXTS)
        assert min(text[5] for text in texts) >= 9
        tab('#leaves input').first.focus()
        tab.page.keyboard.press('ArrowRight')
        tab.drawn()
        x.data = number(tab('#number').input_value())
        assert x.data != 0.5
        assert number(tab.text('#E strong')) == shown(chain_at(x.data))
        box = tab('#overview').bounding_box()
        tab.page.mouse.click(box['x'] + box['width'] - 3, box['y'] + box['height'] / 2)
        assert tab.title() in ('y', f'v{len(names) - 1}') or tab.title().startswith('v')
        assert tab('#picture .node.chosen[data-node]').count() >= 1


def chain_at(start: float, length: int = 200) -> float:
    y = start
    for k in range(length):
        y = math.sin(y) + start if k % 2 == 0 else y * 1.5 * (1.0 - y)
    return y


def test_a_value_says_for_what_it_was_recorded(chromium: Any, tmp_path: Path) -> None:
    """Beyond the branch there is no curve, and no slider leads there."""
    x = Value(1.0, 'x')
    with recording():
        y = x * x if x > 0.5 else -x
    with Tab(chromium, play(y).save(tmp_path / 'page.html')) as tab:
        said = tab.text('#recorded')
        assert 'recorded where the comparison > in “y = x * x if x > 0.5 else -x”' in said and 'was true' in said
        assert str(Path(__file__).parent) not in tab.page.content()
        slider = tab('#leaves input')
        slider.evaluate('slider => { slider.value = -400; slider.dispatchEvent(new Event("input")); }')
        assert 'beyond, it would be another one' in tab.text('#refused')
        assert number(tab.text('#E strong')) == 1.0 and float(slider.input_value()) > 0
        xs = [float(x) for x in re.findall(r'[ML]([\d.]+)', tab('#curve .curve').get_attribute('d'))]
        left, right = (float(tab('#curve .axis').get_attribute('d').split(cut)[1].split()[0]) for cut in 'MH')
        assert min(xs) == pytest.approx(left + (right - left) * 3.0 / 5.0, abs=(right - left) / 40)


HOSTILE = ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '\u2028', '"\'`${x}']


@pytest.mark.parametrize('label', HOSTILE)
def test_a_hostile_label_is_shown_and_does_nothing(chromium: Any, tmp_path: Path, label: str) -> None:
    with Tab(chromium, value_page(tmp_path, label)) as tab:
        tab.page.on('dialog', lambda dialog: tab.complaints.append(dialog.message))
        tab('#leaves input').nth(1).focus()
        tab.drawn()
        assert label in tab('#title').text_content()
        assert tab('img').count() == 0 and tab('script').count() == 2


def test_a_refresh_is_short(chromium: Any, tmp_path: Path) -> None:
    """What a refresh does is bounded: of a map of 40 x 40 each point once, of the curve at most 81."""
    net = MLP(2, [8, 8, 1], activation='tanh', output_activation='sigmoid', seed=3)
    with Tab(chromium, play(net, xor()).save(tmp_path / 'page.html')) as tab:
        tab.choose('w x1,1')
        assert tab('#canvas').evaluate('c => [c.width, c.height]') == [40, 40]
        assert tab('#curve .curve').get_attribute('d').count('L') == 80
        assert math.isfinite(float(tab('body').get_attribute('data-drawn')))


def test_a_refresh_changes_the_look_of_what_looks_otherwise_alone(chromium: Any, tmp_path: Path) -> None:
    net = MLP(2, [8, 8, 1], activation='tanh', output_activation='sigmoid', seed=3)
    with Tab(chromium, play(net, xor()).save(tmp_path / 'page.html')) as tab:
        tab.choose('w x1,1')
        tab.page.evaluate("""() => {
            window.changed = [];
            const watch = new MutationObserver(found => window.changed.push(...found.map(each => each.target.tagName)));
            watch.observe(document.getElementById('picture'), { subtree: true, attributeFilter: ['class', 'style'] });
        }""")
        tab.page.keyboard.press('Shift+ArrowUp')  # its sign stays, and it is not the largest
        tab.drawn()
        assert tab.page.evaluate('window.changed') == ['path']


def test_in_a_notebook(chromium: Any, tmp_path: Path) -> None:
    page = play(net_231(), xor())
    assert isinstance(page, Page)
    (tmp_path / 'notebook.html').write_text(f'<!DOCTYPE html><body>{page._repr_html_()}</body>', encoding='utf-8')
    with Tab(chromium, tmp_path / 'notebook.html') as tab:
        frame = tab.page.frame_locator('iframe')
        frame.locator('#first').click()
        assert frame.locator('#count').inner_text().startswith('Step 1 of ')
        frame.locator('#step-once').click()
        frame.locator('.menu summary').click()
        frame.locator('#link').click()
        assert '#' in frame.locator('#address').input_value()
        tab.requests = [url for url in tab.requests if url != 'about:srcdoc']
