"""The page that plays a run: what it holds is read back by a parser of HTML, one of JSON and Python's own."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, Layer, Neuron, Value, cross_entropy, functions, half_squared_error, where
from microgradnet.drawing.player import Page, play
from microgradnet.engine.walks import topological_order
from microgradnet.testing import Expression, expressions, nets
from tests.support.examples import examples
from tests.support.geometry import Box, boxes, line_of, size_of, view
from tests.support.written import as_written

NASTY = [
    '</script><script>alert(1)</script>', '<!-- <script>', ']]>', '<img src=x onerror=alert(1)>',
    '"><svg onload=alert(1)>', "' onmouseover='alert(1)", '&lt;b&gt;&amp;', '\u2028\u2029', '\ud800', '\x00\x1b',
    '{{film}}', '{{script}}', '\\N \\u003c', '${alert(1)}', '`', 'javascript:alert(1)',
    'δ 漢字 😀', 'w_{<b>}', 'a\nb\r\nc', '__proto__',
]  # fmt: skip


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else '', data))


def film(page: Page) -> Any:
    parsed = Parsed(page.html)
    place = next(k for k, (_, look) in enumerate(parsed.elements) if look.get('id') == 'film')
    assert parsed.elements[place][0] == 'script'
    return json.loads(re.search(r'<script type="application/json" id="film">(.*?)</script>', page.html)[1])  # type: ignore[index]


def full(epoch: Any, where: list[Any]) -> str:
    """One number of an epoch, with all its digits."""
    number = epoch[where[0]][where[1]]
    return number if isinstance(number, str) else number[1]


def net_2221() -> MLP:
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='tanh', seed=1)


def gradients(page: Page) -> dict[str, str]:
    """What arrived at each named node in the end."""
    content = film(page)
    scene, epoch = content['scenes'][0], content['epochs'][0]
    return {scene['names'][source]: full(epoch, ['total', e]) for e, (_, source) in enumerate(scene['events'])}


# The page.


@pytest.mark.parametrize('is_net', [True, False])
def test_the_page_is_whole(is_net: bool) -> None:
    page = play(net_2221(), [0.5, -1.0], 1.0) if is_net else play((Value(2.0, 'a') * 3.0).tanh())
    parsed = Parsed(page.html)
    tags = [tag for tag, _ in parsed.elements]
    assert tags.count('script') == 2 and tags.count('style') == 1 and 'link' not in tags and 'iframe' not in tags
    for tag, look in parsed.elements:
        assert not {'src', 'href', 'xlink:href', 'srcset', 'action'} & {*look}, tag
        assert not any(name.startswith('on') for name in look), tag
    assert '://' not in page.html and 'url(' not in page.html.replace('url(#arrow)', '')
    ids = [look['id'] for _, look in parsed.elements if 'id' in look]
    assert len(ids) == len({*ids})
    assert ('html', {'lang': 'en'}) in parsed.elements
    assert [look for tag, look in parsed.elements if tag == 'meta' and look.get('name') == 'viewport']


def test_only_the_script_of_the_page_may_run() -> None:
    page = play(net_2221(), [0.5, -1.0], 1.0)
    policy = next(look['content'] for _, look in Parsed(page.html).elements if look.get('http-equiv'))
    script = re.search(r'<script>(.*?)</script>', page.html, re.DOTALL)[1]  # type: ignore[index]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None and f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_everything_to_work_with_has_a_name() -> None:
    for tag, look in Parsed(play(net_2221(), [0.5, -1.0], 1.0).html).elements:
        if tag in ('input', 'button') or look.get('tabindex') == '0' or look.get('role') in ('img', 'region', 'group'):
            assert look.get('aria-label'), (tag, look)


def test_a_small_net_makes_a_small_page() -> None:
    assert len(play(net_2221(), [0.5, -1.0], 1.0).html.encode()) < 150_000
    weights = [[p.data + k for p in net_2221().parameters()] for k in range(25)]
    assert len(play(net_2221(), [0.5, -1.0], 1.0, weights=weights).html.encode()) < 300_000


def test_the_style_knows_every_colour_of_the_pictures() -> None:
    x = Value(1.0, 'x')
    y = where(x > 2.0, x * 3.0, x / x + 0.0 * x)
    for page in (play(net_2221(), [0.5, -1.0], 1.0), play(y), play(MLP(2, [20, 2], seed=1), [1, 2], [0, 1])):
        style = page.html.partition('<style>')[2].partition('</style>')[0]
        for tag, look in Parsed(page.html).elements:
            for name in ('fill', 'stroke'):
                colour = look.get(name)
                if colour not in (None, 'none'):
                    assert f'[{name}="{colour}"]' in style, (tag, look)


def test_it_is_saved_and_shown_as_it_is(tmp_path: Path) -> None:
    page = play(Value(2.0, 'a"<') * 2.0)
    assert page.save(tmp_path / 'page.html').read_text(encoding='utf-8') == page.html
    ((tag, look),) = Parsed(page._repr_html_()).elements
    assert tag == 'iframe' and look['srcdoc'] == page.html and look['title']
    assert look['sandbox'] == 'allow-scripts'
    assert html.escape(page.html) in page._repr_html_()


# No label leaves its place.


def kinds(page: Page) -> list[str]:
    """The elements of a page; in pictures a label with lines or an index is several texts."""
    return [tag for tag, _ in Parsed(page.html).elements if tag != 'text']


@cache
def graph_with(label: str) -> Page:
    a, b = Value(2.0, label), Value(3.0, 'b')
    y = (a * b).tanh() / a
    y.label = f'{label}2'
    return play(y)


@cache
def net_with(label: str) -> Page:
    def activation(r: Any) -> Any:
        return r.tanh()

    activation.__name__ = label.replace('\x00', '')
    net = MLP(1, [1, 1], activation, seed=1)
    x, t = Value(2.0, label), Value(1.0, label)
    return play(net, [x], [t], weights={label: [p.data for p in net.parameters()]})


@pytest.mark.parametrize('label', NASTY)
def test_labels_stay_text(label: str, tmp_path: Path) -> None:
    nasty, tame = graph_with(label), graph_with('tame')
    assert kinds(nasty) == kinds(tame)
    text = re.search(r'id="film">(.*?)</script>', nasty.html)[1]  # type: ignore[index]
    assert text.isascii() and not {'<', '>', '&'} & {*text}
    assert label in film(nasty)['scenes'][0]['names'] or len(label) > 40 or re.fullmatch(r'._\{.*\}', label)
    assert nasty.save(tmp_path / 'page.html').stat().st_size > 1000


@pytest.mark.parametrize('label', NASTY)
def test_names_around_a_net_stay_text(label: str) -> None:
    nasty, tame = net_with(label), net_with('tame')
    assert kinds(nasty) == kinds(tame)
    assert film(nasty)['epochs'][0]['name'] == label


# The numbers.


def test_a_nets_numbers_are_the_engines() -> None:
    net = net_2221()
    arrived = gradients(play(net, [0.5, -1.0], 1.0))
    run = net.run([0.5, -1.0])
    half_squared_error(run.outputs, [1.0]).backward()
    hidden, above, last = (layer.neurons for layer in net.layers)
    expected = {
        'w_{x1,1}': hidden[0].weights[0], 'w_{x2,1}': hidden[0].weights[1], 'w_{x1,2}': hidden[1].weights[0],
        'w_{1,3}': above[0].weights[0], 'w_{2,3}': above[0].weights[1], 'w_{1,4}': above[1].weights[0],
        'w_{3,5}': last[0].weights[0], 'w_{4,5}': last[0].weights[1], 'b_{1}': hidden[0].bias, 'b_{5}': last[0].bias,
        'x_{1}': run.inputs[0], 'r_{3}': run.layers[1][0].r, 'f_{3}': run.layers[1][0].output, 'y': run.outputs[0],
    }  # fmt: skip
    for name, node in expected.items():
        assert math.isclose(float(arrived[name]), node.grad, rel_tol=1e-14), name
    assert float(arrived['y']) == run.outputs[0].data - 1.0


def test_messages_of_the_derivation_in_its_order() -> None:
    steps = film(play(net_2221(), [0.5, -1.0], 1.0))['scenes'][0]['steps']
    over = [step['title'] for step in steps if 'over' in step['title']]
    assert over[:3] == [
        'From neuron 5 to neuron 3, over w_{3,5}', 'From neuron 5 to neuron 4, over w_{4,5}',
        'From neuron 3 to neuron 1, over w_{1,3}',
    ]  # fmt: skip
    assert len(over) == 10
    message, gradient = next(step['lines'] for step in steps if step['title'] == over[2])
    names = [term if isinstance(term, str) else term['name'] for term in message['terms']]
    assert (message['left']['name'], message['sign'], names) == (
        'δ_{1}', '+=', ['δ_{3}', ' · ', 'g′(r_{3})', ' · ', 'w_{1,3}'])  # fmt: skip
    roles = [term['role'] for term in gradient['terms'] if isinstance(term, dict)]
    assert (gradient['left']['name'], roles) == ('∂E/∂w_{1,3}', ['error', 'gradient', 'input'])


def check(page: Page) -> None:
    """Every operation and every event has its step; every formula, substituted, gives its result."""
    content = film(page)
    for epoch in content['epochs']:
        scene = content['scenes'][epoch['scene']]
        steps = scene['steps']
        computed = [step['computes'] for step in steps if 'computes' in step]
        assert sorted([*computed, *scene['known']]) == [*range(len(epoch['data']))]
        assert sorted(e for step in steps for e in step.get('events', ())) == [*range(len(scene['events']))]
        for step in steps:
            for line in step['lines']:
                check_line(line, epoch)
                for term in line['terms']:
                    # A local derivative that goes by the name of a node is that node's number.
                    if not isinstance(term, str) and term['name'] in {*scene['names']} - {''} and 'event' in term:
                        node = scene['names'].index(term['name'])
                        assert same(number(full(epoch, term['n'])), number(full(epoch, ['data', node])))


def check_line(line: Any, epoch: Any) -> None:
    def substituted(term: Any) -> str:
        return term if isinstance(term, str) else '**' * ('raised' in term) + f"number('{full(epoch, term['n'])}')"

    assert line['left']['n'] == line['result'] or line['left']['n'] == ['seed', 0]
    source = ''.join(map(substituted, line['terms'])).translate({ord('·'): '*', ord('−'): '-', ord('|'): ' '})
    calls = {name: getattr(functions, name) for name in functions.__all__}
    calls |= {'number': number, 'logsumexp': lambda *terms: functions.logsumexp(terms)}
    result = number(full(epoch, line['result']))
    if line['terms']:
        value = eval(source, calls)
        value = abs(value) if line['terms'][0] == '|' else value
        if 'before' in line:
            assert same(value, number(full(epoch, line['adds'])))
            value = value + (number(full(epoch, line['before'])) if line['before'] else 0)
        assert same(value, result), (source, value, result)


def number(text: str) -> Any:
    return Fraction(text) if re.fullmatch(r'-?\d+(/\d+)?', text) else float(text.removeprefix('≈'))


def same(one: Any, other: Any) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-300) or (one != one and other != other)


def pictures(page: Page) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r'<svg [^>]*role="img".*?</svg>', page.html)]


MARKS = {'data-value': 'data', 'data-partial': 'partial', 'data-added': 'contribution', 'data-signal': 'total'}


def check_marks(page: Page) -> None:
    """As drawn, each number in the graph is the one that its mark speaks of; every event that is drawn has one."""
    content = film(page)
    epoch, scene = content['epochs'][0], content['scenes'][0]
    last = {source: e for e, (_, source) in enumerate(scene['events'])}
    marked = dict[str, set[int]]()
    for text in pictures(page)[-1].iter('text'):
        for mark, which in MARKS.items():
            if mark not in text.attrib:
                continue
            place = int(text.attrib[mark])
            marked.setdefault(mark, set()).add(place)
            place = last.get(place, -1) if mark == 'data-signal' else place
            if place >= 0:
                number = epoch[which][place]
                assert (text.text or '').strip() == as_written(number if isinstance(number, str) else number[0])
    assert marked.get('data-partial', set()) == {*range(len(scene['events']))}
    named = {k for k, name in enumerate(scene['names']) if name and name != 't'}  # t is a constant
    assert marked['data-value'] == marked['data-signal'] == named


@examples(30)
@given(expressions(steps=6))
def test_every_formula_of_an_expression_adds_up(expression: Expression) -> None:
    (_, value) = expression.record()
    before = [node.grad for node in topological_order(value)]
    page = play(value)
    assert [node.grad for node in topological_order(value)] == before
    check(page)
    check_marks(page)
    log: list[Any] = []
    value.backward(log=log)
    (epoch,) = film(page)['epochs']
    for name in ('partial', 'contribution', 'total'):
        assert [full(epoch, [name, e]) for e in range(len(log))] == [str(getattr(event, name)) for event in log]


@examples(15)
@given(st.data())
def test_every_formula_of_a_net_adds_up(data: st.DataObject) -> None:
    net = data.draw(nets(exact=data.draw(st.booleans())))
    x = data.draw(st.lists(st.integers(-3, 3), min_size=net.inputs, max_size=net.inputs))
    t = data.draw(st.lists(st.integers(-3, 3), min_size=net.sizes[-1], max_size=net.sizes[-1]))
    check(play(net, x, t))


@pytest.mark.slow
def test_in_the_network_each_weight_and_neuron_is_itself() -> None:
    net = net_2221()
    page = play(net, [0.5, -1.0], 1.0)
    network, graph = pictures(page)
    check_marks(page)
    names = film(page)['scenes'][0]['names']
    lines = {names[int(line.attrib['data-weight'])] for line in network.iter('g') if 'data-weight' in line.attrib}
    assert lines == {name for name in names if name.startswith('w_')}
    for text in network.iter('text'):
        if 'data-brief' in text.attrib:
            number = full(film(page)['epochs'][0], ['data', int(text.attrib['data-brief'])])
            assert (text.text or '').strip() == as_written(f'{float(number):.2g}')
    neurons = [group.attrib['data-node'].split() for group in network.iter('g') if group.get('class') == 'node neuron']
    assert sorted(([names[int(k)] for k in each] for each in neurons), key=lambda each: each[-1]) == [
        *([f'r_{{{k}}}', f'f_{{{k}}}', f'b_{{{k}}}'] for k in range(1, 5)), ['r_{5}', 'y', 'b_{5}'],
    ]  # fmt: skip
    edges = [edge for edge in graph.iter('g') if 'data-event' in edge.attrib]
    assert [[int(edge.attrib['data-into']), int(edge.attrib['data-from'])] for edge in edges] == [
        film(page)['scenes'][0]['events'][int(edge.attrib['data-event'])] for edge in edges
    ]


def test_in_a_dense_network_numbers_are_beside_the_neurons() -> None:
    network = pictures(play(MLP(3, [12, 2], seed=1), [1.0, 2.0, 3.0], [0.0, 1.0]))[0]
    assert network.get('class') == 'dense'
    heights: dict[str, list[float]] = {}
    for group in network.iter('g'):
        assert group.get('data-node') != ''
        circle = group.find('ellipse')
        if circle is not None and group.get('class') != 'node output':
            x, y, radius = (float(circle.get(name) or 0) for name in ('cx', 'cy', 'ry'))
            signal, value = (next(text for text in group.iter('text') if f'data-{what}' in text.attrib)
                             for what in ('signal', 'value'))  # fmt: skip
            assert float(signal.get('x') or 0) == float(value.get('x') or 0) < x - radius
            assert float(signal.get('y') or 0) < y < float(value.get('y') or 0)
            heights.setdefault(f'{x}', []).extend(float(t.get('y') or 0) for t in (signal, value))
    assert sorted(map(len, heights.values())) == [4, 6, 24]
    for column in heights.values():
        assert all(b - a >= 11 for a, b in pairwise(sorted(column)))


def widest(content: Any, what: str, place: int) -> str:
    """The longest text that a page of this film will write for a node, in any epoch at any step."""
    words = []
    for epoch in content['epochs']:
        events = content['scenes'][epoch['scene']]['events']
        totals = [epoch['total'][e] for e, (_, source) in enumerate(events) if source == place]
        words += [epoch['data'][place]] if what == 'data-value' else totals or epoch['seed']
    return max((text if isinstance(text, str) else text[0] for text in words), key=len)


def clear(svg: ElementTree.Element, page: Page, what: tuple[str, ...] = ('data-value', 'data-signal')) -> list[Box]:
    """The boxes of the numbers that the page writes, as large as they get: clear of each other and in the picture."""
    marked = [(text, mark) for text in svg.iter('text') for mark in what if mark in text.attrib]
    content = film(page)
    words = [widest(content, mark, int(text.attrib[mark])) for text, mark in marked]
    found = boxes(svg, [text for text, _ in marked], words)
    assert found
    for box in found:
        assert box.inside(view(svg)), box
    for one, other in combinations(found, 2):
        assert not one.overlaps(other), (one, other)
    return found


@pytest.mark.parametrize('sizes', [
    (2, 1), (5, 5, 1), (3, 6, 5), (1, 9, 7, 2), (12, 2), pytest.param((16, 16), marks=pytest.mark.slow),
])  # fmt: skip
def test_in_a_network_numbers_are_clear_of_each_other_and_of_the_border(sizes: tuple[int, ...]) -> None:
    net = MLP(2, sizes, activation='tanh', seed=3)
    page = play(net, [-0.000123456, -123456.7], [-0.1] * sizes[-1])
    network = pictures(page)[0]
    for box in clear(network, page):
        for circle in network.iter('ellipse'):
            x, y, radius = (float(circle.get(name) or 0) for name in ('cx', 'cy', 'ry'))
            assert not box.overlaps(Box(x - 0.7 * radius, y - radius, x + 0.7 * radius, y + radius, '')), box


def test_there_is_room_for_the_numbers_of_every_epoch() -> None:
    net = MLP(2, [2, 1], activation='tanh', seed=1)
    first = [0.0 for p in net.parameters()]
    later = [-1.23456e-5 * (k + 1) for k, _ in enumerate(first)]
    page = play(net, [-0.000123456, 1.0], 1.0, weights=[first, later])
    content = film(page)
    network, graph = pictures(page)
    clear(network, page)
    clear(graph, page)
    for group in graph.iter('g'):
        shape = group.find('path')
        texts = [text for text in group.iter('text') if {'data-value', 'data-signal'} & {*text.attrib}]
        if texts and shape is not None:
            places = [(text, mark) for text in texts for mark in ('data-value', 'data-signal') if mark in text.attrib]
            words = [widest(content, mark, int(text.attrib[mark])) for text, mark in places]
            edges = [x for x, _ in line_of(shape)]
            for box in boxes(graph, [text for text, _ in places], words):
                assert min(edges) < box.left and box.right < max(edges), box
    sizes = [size_of(text) for svg in (network, graph) for text in svg.iter('text')]
    assert min(sizes) >= 7.5
    assert 'fontSize' not in page.html  # no number is set smaller because it is longer


def test_a_bias_stays_in_its_neuron() -> None:
    network = pictures(play(net_2221(), [0.5, -1.0], 1.0))[0]
    seen = 0
    for group in [group for group in network.iter('g') if group.get('class') == 'node neuron']:
        for text in group.iter('text'):
            if 'data-room' in text.attrib:
                circle = group.find('ellipse')
                assert circle is not None and int(text.attrib['data-room']) == 6
                (box,) = boxes(network, [text], ['−1.2e5'])
                x, radius = float(circle.get('cx') or 0), float(circle.get('rx') or 0)
                assert x - radius < box.left and box.right < x + radius
                seen += 1
    assert seen == 5


def test_the_difference_of_each_output_is_named() -> None:
    page = play(MLP(1, [2], seed=1), [1.0], [0.0, 1.0])
    names = film(page)['scenes'][0]['names']
    assert {'y_{1} − t_{1}', 'y_{2} − t_{2}'} <= {*names}
    assert 'y₂ − t₂' in [text.text for text in pictures(page)[-1].iter('text')]


def test_a_sample_may_be_read_only_once() -> None:
    weights = [[p.data for p in net_2221().parameters()]] * 2
    once = play(net_2221(), iter([0.5, -1.0]), iter([1.0]), weights=weights)
    assert once.html == play(net_2221(), [0.5, -1.0], [1.0], weights=weights).html


def test_what_a_loop_uses_again_is_drawn_again_and_marked() -> None:
    w, y = Value(0.9, 'w'), Value(0.5, 'h')
    for _ in range(12):
        y = (y * w + w).tanh() * y
    page = play(y)
    check(page)
    check_marks(page)
    content = film(page)['scenes'][0]
    again = [group for group in pictures(page)[-1].iter('g') if group.find("text[@data-added]") is not None]
    events = [int(group.find('text[@data-added]').attrib['data-added']) for group in again]  # type: ignore[union-attr]
    assert len(again) == 23 and {content['names'][content['events'][e][1]] for e in events} == {'w'}
    assert {group.attrib['data-node'] for group in again} == {str(content['names'].index('w'))}
    for _ in range(30):
        y = (y * w + w).tanh() * y
    large = play(y * 1e-5, limit=1000)
    check_marks(large)
    clear(pictures(large)[-1], large)


def test_edges_between_the_same_nodes_are_told_apart() -> None:
    x = Value(3.0, 'x')
    check_marks(play(x / x))
    check_marks(play((x - x) * x + x.atan2(x)))
    check_marks(play(functions.dot([x, x, 2.0], [x, x * 2.0, x], x)))


@pytest.mark.parametrize('thing', [Neuron(2, 'tanh', seed=1), Layer(2, 1, 'relu', seed=2)])
def test_a_neuron_and_a_layer_play_too(thing: Any) -> None:
    check(play(thing, [1.0, 2.0], [1.0]))


def test_another_error_and_standardised_rows() -> None:
    net = MLP(2, [3, 2], activation='relu', seed=1)
    check(play(net, [0.5, 2.0], 1, error=cross_entropy))
    from microgradnet.nets.net import Standardisation

    net.standardisation = Standardisation((1.0, 2.0), (0.5, 4.0))
    check(play(net, [0.5, 3.0], 1, error=cross_entropy))


def test_epochs_show_the_weights_they_are_given() -> None:
    net = net_2221()
    numbers, grads = [p.data for p in net.parameters()], [p.grad for p in net.parameters()]
    snapshots = {name: [n * factor for n in numbers] for name, factor in (('first', 1.0), ('2', -0.5))}
    content = film(play(net, [0.5, -1.0], 1.0, weights=snapshots))
    assert [epoch['name'] for epoch in content['epochs']] == ['first', '2'] and len(content['scenes']) == 1
    assert ([p.data for p in net.parameters()], [p.grad for p in net.parameters()]) == (numbers, grads)
    for p, n in zip(net.parameters(), snapshots['2']):
        p.data = n
    alone = film(play(net, [0.5, -1.0], 1.0))
    assert {**content['epochs'][1], 'name': ''} == alone['epochs'][0] and content['scenes'] == alone['scenes']


def test_a_graph_that_changes_its_shape_has_a_scene_for_each() -> None:
    def bent(r: Value) -> Value:
        return r.tanh() * r if r > 0 else r * 0.1

    net = MLP(1, [1, 1], bent, seed=1)
    page = play(net, [1.0], 1.0, weights=[[1, 0, 1, 0], [-1, 0, 1, 0], [2, 0, 1, 0]])
    assert [epoch['scene'] for epoch in film(page)['epochs']] == [0, 1, 0]
    check(page)
    assert len(pictures(page)) == 4


def test_nothing_is_changed_even_by_an_error() -> None:
    net = net_2221()
    before = [(p.data, p.grad) for p in net.parameters()]

    def fails(outputs: Any, t: Any) -> Any:
        raise RuntimeError('no error today')

    with pytest.raises(RuntimeError, match='no error today'):
        play(net, [1.0, 2.0], 1.0, weights=[[1.0] * 15], error=fails)
    assert [(p.data, p.grad) for p in net.parameters()] == before


def test_what_a_limit_leaves_out_is_said() -> None:
    x = Value(1.0, 'x')
    y = x
    for _ in range(20):
        y = y.sin() * x
    page = play(y, limit=10)
    note = 'The 10 of 41 nodes nearest to the result<span hidden>; those of this step are not among them</span>.'
    assert note in page.html
    check(page)


def test_things_that_cannot_be_played() -> None:
    net = net_2221()
    with pytest.raises(TypeError, match=r'play\(net, x, t\)'):
        play(net)
    with pytest.raises(TypeError, match='a Value, or a net and a sample, not 3'):
        play(3)
    with pytest.raises(TypeError, match='takes no x, t or weights'):
        play(Value(1.0), [1.0])
    with pytest.raises(ValueError, match="15 parameters; weights 'a' are 2 numbers"):
        play(net, [1.0, 2.0], 1.0, weights={'a': [1.0, 2.0]})
    with pytest.raises(TypeError, match=r'weights 0 of play must be a list of numbers, one snapshot, not 0\.5'):
        play(net, [1.0, 2.0], 1.0, weights=[0.5] * 15)
    with pytest.raises(ValueError, match='takes 2 inputs; the row has 3'):
        play(net, [1.0, 2.0, 3.0], 1.0)
    with pytest.raises(ValueError, match='outputs and targets must match'):
        play(net, [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r'up to 5000 nodes; this one has \d+\. Of a larger net draw_error_signal'):
        play(MLP(100, [50, 10], seed=1), [0.1] * 100, [0.0] * 10)
    with pytest.raises(ValueError, match='no snapshot'):
        play(net, [1.0, 2.0], 1.0, weights=[])
    y = Value(1.0)
    for _ in range(5000):
        y = y + 1.0
    with pytest.raises(ValueError, match='up to 5000 nodes; this one has 10001'):
        play(y)
