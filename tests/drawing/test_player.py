"""The page that computes: what it holds is read back by a parser of HTML and one of JSON, its scripts run in Node."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
import subprocess
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import (
    MLP,
    Layer,
    Neuron,
    TeacherSet,
    Value,
    cross_entropy,
    custom,
    functions,
    half_squared_error,
    train,
    where,
)
from microgradnet.drawing.player import Page, play
from microgradnet.engine.table import operations
from microgradnet.engine.value import record
from microgradnet.engine.walks import topological_order
from microgradnet.nets.losses import mean_square_error, root_mean_square_error
from microgradnet.nets.net import Standardisation
from microgradnet.testing import Expression, expressions, nets
from tests.compiling.test_javascript import NODE, needs_node
from tests.support.examples import every, examples
from tests.support.geometry import boxes, line_of, size_of, view

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
    """What the page knows, with each term where it stands."""
    content = written(page)
    for line in [line for step in content['steps'] for line in step['lines']]:
        line['left'] = content['terms'][line['left']]
        line['terms'] = [term if isinstance(term, str) else content['terms'][term] for term in line['terms']]
    return content


def written(page: Page) -> Any:
    return json.loads(re.search(r'<script type="application/json" id="film">(.*?)</script>', page.html)[1])  # type: ignore[index]


def script(page: Page) -> str:
    return re.search(r'<script>(.*?)</script>', page.html, re.DOTALL)[1]  # type: ignore[index]


IN_NODE = """
const written = number => number === undefined ? null : kept(number);
const $$film = JSON.parse(require('fs').readFileSync(0, 'utf8'));
"""
#: What a page is before anybody touches it: a document that has the film and nothing else.
PAGE = """
const refresh = () => {}, location = { hash: '', href: '' };
const document = { getElementById: () => ({ textContent: JSON.stringify($$film) }) };
"""


def in_node(page: Page, end: str, stop: str, before: str = '') -> Any:
    """Run the page's scripts up to a line, and then some more, in Node; return what is written as JSON."""
    parts = re.split(re.escape(stop).replace(r'\ ', ' ?'), script(page), maxsplit=1)
    assert len(parts) == 2
    text = parts[0] + f'process.stdout.write(JSON.stringify({end}));\n}}'
    text = text.replace('{\n', '{\n' + IN_NODE + before, 1)
    done = subprocess.run([str(NODE), '-e', text], input=json.dumps(written(page)), capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
    return json.loads(done.stdout)


RUN = """(() => {
    const graph = new Graph($$film.graph), values = [...graph.data];
    const found = graph.run(values);
    return Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list.map(written)]));
})()"""


def run(page: Page) -> dict[str, list[Any]]:
    """All numbers of the run that the page computes, as numbers of Python."""
    found = in_node(page, RUN, 'const $ = ')
    return {name: [number(each) for each in numbers] for name, numbers in found.items()}


def number(x: Any) -> Any:
    if isinstance(x, str):
        return Fraction(x) if re.fullmatch(r'-?\d+(/\d+)?', x) else float(x.replace('Infinity', 'inf'))
    return math.nan if x is None else x


def learned(page: Page, updates: int, then: str = 'state.theta.map(kept)') -> Any:
    """What the page's weights are after so many updates."""
    code = f'(() => {{ for (let k = 0; k < {updates}; k++) update(); return {then}; }})()'
    return in_node(page, code, 'let now = null;', PAGE)


def net_2221() -> MLP:
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='tanh', seed=1)


def xor() -> TeacherSet:
    return TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])


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
    text = page.html.replace('http://www.w3.org/2000/svg', '')  # a name, not an address
    assert text.count('@font-face') == is_net
    text = text.replace('url(#arrow)', '').replace('url(data:font/woff2;base64,', '')
    assert '://' not in text and 'url(' not in text
    ids = [look['id'] for _, look in parsed.elements if 'id' in look]
    assert len(ids) == len({*ids})
    assert ('html', {'lang': 'en'}) in parsed.elements
    assert [look for tag, look in parsed.elements if tag == 'meta' and look.get('name') == 'viewport']


def test_only_the_script_of_the_page_may_run() -> None:
    page = play(net_2221(), [0.5, -1.0], 1.0)
    policy = next(look['content'] for _, look in Parsed(page.html).elements if look.get('http-equiv'))
    digest = base64.b64encode(hashlib.sha256(script(page).encode()).digest()).decode()
    assert policy is not None and f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert 'font-src data:;' in policy


def test_everything_to_work_with_has_a_name() -> None:
    elements = Parsed(play(net_2221(), [0.5, -1.0], 1.0).html).elements
    for (tag, look), (before, label) in zip(elements[1:], elements):
        told = look.get('aria-label') or look.get('title') or look.get('id') in {'learn', 'all', 'whole'}
        if tag in ('input', 'select') or look.get('tabindex') == '0' or look.get('role') in ('region', 'group'):
            assert look.get('aria-label') or before == 'label' or label.get('id') == 'edit-name', (tag, look)
        if tag == 'button':
            assert told, look


def test_pages_are_small() -> None:
    small = MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=1)
    assert len(play(small, xor()).html.encode()) < 130_000
    assert len(play(MLP(2, [8, 8, 1], activation='tanh', seed=1), xor()).html.encode()) < 450_000


def test_the_style_knows_every_colour_of_the_pictures() -> None:
    x = Value(1.0, 'x')
    page = play(where(x > 2.0, x * 3.0, x / x + 0.0 * x))
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
    return play(net, [x], [t], weights={label: [p.data for p in net.parameters()]}, heading=label or None)


@pytest.mark.parametrize('label', every(3, NASTY))
def test_labels_stay_text(label: str, tmp_path: Path) -> None:
    nasty, tame = graph_with(label), graph_with('tame')
    assert kinds(nasty) == kinds(tame)
    text = re.search(r'id="film">(.*?)</script>', nasty.html)[1]  # type: ignore[index]
    assert text.isascii() and not {'<', '>', '&'} & {*text}
    assert label in film(nasty)['names'] or len(label) > 40 or re.fullmatch(r'._\{.*\}', label)
    assert nasty.save(tmp_path / 'page.html').stat().st_size > 1000


@pytest.mark.parametrize('label', every(3, NASTY))
def test_names_around_a_net_stay_text(label: str) -> None:
    nasty, tame = net_with(label), net_with('tame')
    assert kinds(nasty) == kinds(tame)
    assert film(nasty)['snapshots'][0]['name'] == label
    assert html.escape(label) in nasty.html


# The numbers.


@needs_node
def test_a_nets_numbers_are_the_engines() -> None:
    net = net_2221()
    page = play(net, [0.5, -1.0], 1.0)
    found, names = run(page), film(page)['names']
    again = net.run([0.5, -1.0])
    half_squared_error(again.outputs, [1.0]).backward()
    hidden, above, last = (layer.neurons for layer in net.layers)
    expected = {
        'w_{x1,1}': hidden[0].weights[0], 'w_{x2,1}': hidden[0].weights[1], 'w_{x1,2}': hidden[1].weights[0],
        'w_{1,3}': above[0].weights[0], 'w_{2,3}': above[0].weights[1], 'w_{1,4}': above[1].weights[0],
        'w_{3,5}': last[0].weights[0], 'w_{4,5}': last[0].weights[1], 'b_{1}': hidden[0].bias, 'b_{5}': last[0].bias,
        'x_{1}': again.inputs[0], 'r_{3}': again.layers[1][0].r, 'f_{3}': again.layers[1][0].output,
        'y': again.outputs[0],
    }  # fmt: skip
    for name, node in expected.items():
        place = names.index(name)
        assert math.isclose(found['data'][place], node.data, rel_tol=1e-14), name
        assert math.isclose(found['signal'][place], node.grad, rel_tol=1e-13), name


def test_messages_of_the_derivation_in_its_order() -> None:
    steps = film(play(net_2221(), [0.5, -1.0], 1.0))['steps']
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
    assert not any(step['title'].endswith(' to t') for step in steps)  # a target is given, nobody teaches it


def check(page: Page, is_net: bool = False) -> dict[str, list[Any]]:
    """Every operation and every event has its step; every formula, substituted, gives its result."""
    content, found = film(page), run(page)
    steps = content['steps']
    computed = [step['computes'] for step in steps if 'computes' in step]
    assert sorted([*computed, *content['known']]) == [*range(len(found['data']))]
    hidden = {e for e, (node, place) in enumerate(content['graph']['sends'])
              if is_net and content['graph']['operations'][node][1 + place] in content['graph']['targets']}  # fmt: skip
    told = sorted(e for step in steps for e in step.get('events', ()))
    assert told == [e for e in range(len(found['total'])) if e not in hidden]
    for step in steps:
        for line in step['lines']:
            check_line(line, found)
            for term in line['terms']:
                # A local derivative that goes by the name of a node is that node's number.
                if not isinstance(term, str) and term['name'] in {*content['names']} - {''} and 'event' in term:
                    node = content['names'].index(term['name'])
                    assert same(found[term['n'][0]][term['n'][1]], found['data'][node])
    return found


def check_line(line: Any, found: dict[str, list[Any]]) -> None:
    def at(where: Any) -> Any:
        return found[where[0]][where[1]]

    def substituted(term: Any) -> str:
        return term if isinstance(term, str) else '**' * ('raised' in term) + f"at({term['n']})"

    assert line['left']['n'] == line['result'] or line['left']['n'] == ['seed', 0]
    source = ''.join(map(substituted, line['terms'])).translate({ord('·'): '*', ord('−'): '-', ord('|'): ' '})
    calls = {name: getattr(functions, name) for name in functions.__all__}
    calls |= {'at': at, 'logsumexp': lambda *terms: functions.logsumexp(terms)}
    result = at(line['result'])
    if line['terms']:
        value = eval(source, calls)
        value = abs(value) if line['terms'][0] == '|' else value
        if 'before' in line:
            assert same(value, at(line['adds']))
            value = value + (at(line['before']) if line['before'] else 0)
        assert same(value, result), (source, value, result)


def same(one: Any, other: Any) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-300) or (one != one and other != other)


def pictures(page: Page) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r'(?s)id="pane"[^>]*>.*?(<svg .*?</svg>)', page.html)]


MARKS = {'data-value': 'data', 'data-partial': 'partial', 'data-added': 'contribution', 'data-signal': 'total'}


def check_marks(page: Page) -> None:
    """Each number in the graph is marked by what it is; every event that is drawn has one."""
    content = film(page)
    marked = dict[str, set[int]]()
    for text in pictures(page)[-1].iter('text'):
        for mark in MARKS:
            if mark in text.attrib:
                marked.setdefault(mark, set()).add(int(text.attrib[mark]))
    assert marked.get('data-partial', set()) == {*range(len(content['graph']['sends']))}
    named = {k for k, name in enumerate(content['names']) if name}
    assert marked['data-value'] == marked['data-signal'] == named


@pytest.mark.slow
@needs_node
@examples(30)
@given(expressions(steps=6))
def test_every_formula_of_an_expression_adds_up(expression: Expression) -> None:
    (_, value) = expression.record()
    before = [node.grad for node in topological_order(value)]
    page = play(value)
    assert [node.grad for node in topological_order(value)] == before
    found = check(page)
    check_marks(page)
    log: list[Any] = []
    value.backward(log=log)
    for name in ('partial', 'contribution', 'total'):
        for e, event in enumerate(log):
            assert close(found[name][e], getattr(event, name), event.node.op.ulps), (name, e)


def close(one: Any, other: Any, ulps: float = 4.0) -> bool:
    return same(one, other) or abs(one - other) <= 1e3 * ulps * math.ulp(max(abs(one), abs(other)))


@needs_node
@examples(15)
@given(st.data())
def test_every_formula_of_a_net_adds_up(data: st.DataObject) -> None:
    net = data.draw(nets(exact=data.draw(st.booleans())))
    x = data.draw(st.lists(st.integers(-3, 3), min_size=net.inputs, max_size=net.inputs))
    t = data.draw(st.lists(st.integers(-3, 3), min_size=net.sizes[-1], max_size=net.sizes[-1]))
    check(play(net, x, t), is_net=True)


@needs_node
def test_fractions_stay_fractions() -> None:
    net = MLP.from_weights([[[1, Fraction(1, 2)], [Fraction(-1, 3), 2]], [[1, -1]]], [[0, Fraction(1, 4)], [0]], 'relu')
    teacher_set = TeacherSet([[1, 2], [Fraction(1, 2), 0]], [Fraction(1, 3), 1])
    page = play(net, teacher_set, learning_rate=Fraction(1, 10))
    found = run(page)
    E = half_squared_error(net([1, 2]), Fraction(1, 3))
    assert found['data'][-1] == E.data and isinstance(found['data'][-1], Fraction)
    train(net, teacher_set, learning_rate=Fraction(1, 10), epochs=3)
    assert [Fraction(w) for w in learned(page, 3)] == [p.data for p in net.parameters()]


# Learning.


@needs_node
@pytest.mark.parametrize('mode', every(2, ['batch', 'online', 2, 3]))
@pytest.mark.parametrize('error', every(2, [half_squared_error, mean_square_error]))
def test_the_page_learns_what_train_teaches(mode: Any, error: Any) -> None:
    net = MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=3)
    net.freeze([net.layers[0].neurons[1].weights[0]])
    page = play(net, xor(), learning_rate=0.5, mode=mode, error=error)
    updates = {'batch': 1, 'online': 4}.get(mode) or -(-4 // mode)
    train(net, xor(), learning_rate=0.5, epochs=25, mode=mode, error=error, compiled=False)
    assert learned(page, 25 * updates) == pytest.approx([p.data for p in net.parameters()], rel=1e-12)


@needs_node
def test_an_error_that_no_sum_makes_is_learned_one_sample_at_a_time() -> None:
    net = MLP(2, [2, 1], activation='tanh', seed=3)
    teacher_set = TeacherSet([[0.5, -1.0], [1.0, 2.0], [-2.0, 0.25], [1.5, 1.0]], [0.9, -2.0, 3.0, 0.1])
    page = play(net, teacher_set, error=root_mean_square_error)
    assert film(page)['graph']['share'] == ''
    train(net, teacher_set, learning_rate=0.1, epochs=4, mode='online', error=root_mean_square_error)
    assert learned(page, 16) == pytest.approx([p.data for p in net.parameters()], rel=1e-12)


@needs_node
@pytest.mark.parametrize('seed', every(4, [2**40 + 3, 0, 1, 7]))
@pytest.mark.parametrize('kinds', [('tanh', 'identity'), ('relu', 'sigmoid')])
def test_a_seed_draws_the_weights_that_it_draws_in_python(seed: int, kinds: tuple[str, str]) -> None:
    page = play(MLP(2, [3, 2], *kinds, seed=99), [1.0, 2.0], [0.0, 1.0])
    code = f'(() => {{ state.seed = {seed}; drawWeights(); return state.theta; }})()'
    drawn = in_node(page, code, 'let now = null;', PAGE)
    assert drawn == [p.data for p in MLP(2, [3, 2], *kinds, seed=seed).parameters()]


@needs_node
@pytest.mark.parametrize('name', every(3, ['tanh', 'relu', 'gelu', 'step', 'identity', 'softplus', 'silu', 'sin']))
def test_another_activation_is_another_row_of_the_table(name: str) -> None:
    page = play(MLP(2, [3, 1], activation='sigmoid', seed=3), xor(), learning_rate=0.5)
    other = MLP(2, [3, 1], activation='threshold' if name == 'step' else name, seed=3)
    other.set_weights(*weights_of(MLP(2, [3, 1], activation='sigmoid', seed=3)))
    code = f"""(() => {{
        state.acts[0] = '{name}'; setActivations();
        for (let k = 0; k < 3; k++) update();
        return state.theta;
    }})()"""
    train(other, xor(), learning_rate=0.5, epochs=3)
    expected = [p.data for p in other.parameters()]
    assert in_node(page, code, 'let now = null;', PAGE) == pytest.approx(expected, rel=1e-12)


def weights_of(net: MLP) -> tuple[Any, Any]:
    layers = [layer.neurons for layer in net.layers]
    return (
        [[[w.data for w in n.weights] for n in neurons] for neurons in layers],
        [[n.bias.data for n in neurons] for neurons in layers],
    )


@needs_node
def test_a_state_goes_through_a_link_and_back() -> None:
    page = play(net_2221(), TeacherSet([[0.5, -1.0], [1.0, 2.0]], [1.0, 0.0]))
    code = """(() => {
        state.h = 0.1 + 0.2; state.rows[1][0] = 1 / 3; state.theta[4] = -1e-300; state.acts[0] = 'relu'; state.mode = 3;
        const before = saved(), hash = linked().split('#')[1];
        restore(JSON.stringify({ ...JSON.parse(before), theta: given.theta, h: 1, acts: given.acts }));
        location.hash = `#${hash}`; fromLink();
        const same = saved() === before;
        location.hash = '#bm90IG91cnM'; fromLink();
        return [same, saved() === before, /of another page/.test(refused), hash];
    })()"""
    same_again, left_alone, told, fragment = in_node(page, code, 'let now = null;', PAGE)
    assert same_again and left_alone and told
    assert re.fullmatch(r'[\w-]+', fragment)
    other = MLP(2, [3, 1], seed=1)
    code = f"(() => {{ location.hash = '#{fragment}'; fromLink(); return state.theta; }})()"
    expected = [p.data for p in other.parameters()]
    assert in_node(play(other, [0.5, 1.0], 1.0), code, 'let now = null;', PAGE) == expected


# Branches, and what only Python knows.


def bent(r: Value) -> Value:
    return r.tanh() * r if r > 0 else r * 0.1


@needs_node
def test_beyond_a_branch_the_page_is_locked() -> None:
    net = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]], bent)
    page = play(net, [1.0], 1.0)
    ((held, words),) = film(page)['graph']['guards'][0]
    assert held and 'comparison > in “return r.tanh() * r if r > 0' in words
    assert '(test_player.py, line ' in words and str(Path(__file__).parent) not in page.html
    code = """(() => {
        const first = change(() => { state.theta[0] = 2.0; }), kept = state.theta[0];
        const second = change(() => { state.theta[0] = -2.0; });
        return [first, kept, second, state.theta[0], refused];
    })()"""
    first, kept, second, left, refused = in_node(page, code, 'let now = null;', PAGE)
    assert (first, kept, second, left) == (True, 2.0, False, 2.0)
    assert 'recorded where' in refused and 'was true' in refused


@needs_node
def test_samples_that_branch_another_way_are_not_computed_wrongly() -> None:
    net = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]], bent)
    page = play(net, TeacherSet([[1.0], [2.0], [-1.0]], [1.0, 0.0, 0.5]))
    assert film(page)['graph']['rows'] == [[1.0, 1.0], [2.0, 0.0]] and film(page)['graph']['left_out'] == 1


@needs_node
def test_an_operation_of_the_users_own_is_shown_and_locked() -> None:
    cube = custom(lambda a: a**3, [lambda a: 3 * a**2], name='cube')
    x = Value(2.0, 'x')
    page = play(cube(x) * x)
    found = run(page)
    assert found['data'][-1] == 16.0 and found['signal'][film(page)['names'].index('x')] == 32.0
    refused = in_node(page, '(() => { change(() => { state.theta[0] = 3.0; }); return [state.theta[0], locked]; })()',
                      'let now = null;', PAGE)  # fmt: skip
    words = 'Only Python knows cube: the numbers are those of the recording, and cannot be changed here.'
    assert refused == [2.0, words]


@needs_node
@pytest.mark.parametrize('x', [0.5, -0.5])
def test_no_signal_goes_where_none_went_before(x: float) -> None:
    """0 times an infinite slope does not leak from the side that was not chosen."""
    a = Value(x, 'a')
    y = where(a > 0.0, a * 2.0, (a * 0.0).sqrt() + a) + where(a < 0.0, a * 3.0, (a * 0.0).sqrt() * a)
    found = run(play(y))
    y.backward()
    assert same(found['signal'][film(play(y))['names'].index('a')], a.grad)


#: Rows of the table whose operands are numbers, each of 0.25, 0.75 ...
NUMERIC = [op for op in operations.values() if not op.vectors]


@cache
def all_rows() -> tuple[dict[str, tuple[list[Value], Value]], list[str], dict[str, list[Any]]]:
    """The operands and the node of each row; all names on the page of their sum, and what it computes in one run."""
    rows = {}
    for op in NUMERIC:
        operands = [Value(0.25 + 0.5 * k, f'{op.name} {k}') for k in range(len(op.parameters))]
        operands[0].data += 1.0 if op.name == 'acosh' else 0.0
        rows[op.name] = operands, record(op, operands)
        rows[op.name][1].label = op.name
    total = functions.sum([y for _, y in rows.values()])
    page = play(total)
    total.backward()
    return rows, film(page)['names'], run(page)


@needs_node
@pytest.mark.parametrize('op', NUMERIC, ids=lambda op: op.name)
def test_every_row_of_the_table_is_computed(op: Any) -> None:
    rows, names, found = all_rows()
    operands, y = rows[op.name]
    for node in operands:
        assert close(found['signal'][names.index(node.label)], node.grad, op.ulps), node.label
    assert close(found['data'][names.index(op.name)], y.data, op.ulps)


# The picture of a value's graph.


def clear(svg: ElementTree.Element) -> None:
    """The numbers that the page writes, as long as they get, are clear of each other and in the picture."""
    marked = [text for text in svg.iter('text') if {'data-value', 'data-signal'} & {*text.attrib}]
    found = boxes(svg, marked, ['−6.037·10−5'] * len(marked))
    assert found
    for box in found:
        assert box.inside(view(svg)), box
    for one, other in combinations(found, 2):
        assert not one.overlaps(other), (one, other)


def test_there_is_room_for_whatever_a_number_becomes() -> None:
    a, b = Value(2.0, 'a'), Value(-3.0, 'b')
    (graph,) = pictures(play((a * b + 10.0).tanh() / a))
    clear(graph)
    for group in graph.iter('g'):
        shape = group.find('path')
        texts = [text for text in group.iter('text') if {'data-value', 'data-signal'} & {*text.attrib}]
        if texts and shape is not None:
            edges = [x for x, _ in line_of(shape)]
            for box in boxes(graph, texts, ['−6.037·10−5'] * len(texts)):
                assert min(edges) < box.left and box.right < max(edges), box
    assert min(size_of(text) for text in graph.iter('text')) >= 7.5


def test_the_difference_of_each_output_is_named() -> None:
    page = play(MLP(1, [2], seed=1), [1.0], [0.0, 1.0])
    assert {'y_{1} − t_{1}', 'y_{2} − t_{2}'} <= {*film(page)['names']}


def test_a_sample_may_be_read_only_once() -> None:
    weights = [[p.data for p in net_2221().parameters()]] * 2
    once = play(net_2221(), iter([0.5, -1.0]), iter([1.0]), weights=weights)
    assert once.html == play(net_2221(), [0.5, -1.0], [1.0], weights=weights).html


@pytest.mark.slow
@needs_node
def test_what_a_loop_uses_again_is_drawn_again_and_marked() -> None:
    w, y = Value(0.9, 'w'), Value(0.5, 'h')
    for _ in range(12):
        y = (y * w + w).tanh() * y
    page = play(y)
    check(page)
    check_marks(page)
    content = film(page)
    again = [group for group in pictures(page)[-1].iter('g') if group.find("text[@data-added]") is not None]
    events = [int(group.find('text[@data-added]').attrib['data-added']) for group in again]  # type: ignore[union-attr]
    operands = content['graph']['operations']
    sources = [operands[node][1 + place] for node, place in (content['graph']['sends'][e] for e in events)]
    assert len(again) == 23 and {content['names'][source] for source in sources} == {'w'}
    assert {group.attrib['data-node'] for group in again} == {str(content['names'].index('w'))}
    for _ in range(30):
        y = (y * w + w).tanh() * y
    large = play(y * 1e-5, limit=1000)
    check_marks(large)
    clear(pictures(large)[-1])


def test_edges_between_the_same_nodes_are_told_apart() -> None:
    x = Value(3.0, 'x')
    check_marks(play(x / x))
    check_marks(play((x - x) * x + x.atan2(x)))
    check_marks(play(functions.dot([x, x, 2.0], [x, x * 2.0, x], x)))


@needs_node
@pytest.mark.parametrize('thing', [Neuron(2, 'tanh', seed=1), Layer(2, 1, 'relu', seed=2)])
def test_a_neuron_and_a_layer_play_too(thing: Any) -> None:
    check(play(thing, [1.0, 2.0], [1.0]), is_net=True)


@pytest.mark.slow
@needs_node
def test_another_error_and_standardised_rows() -> None:
    net = MLP(2, [3, 2], activation='relu', seed=1)
    check(play(net, [0.5, 2.0], 1, error=cross_entropy), is_net=True)
    teacher_set = TeacherSet([[0.5, 3.0], [1.5, 7.0]], ['no', 'yes'], standardise=True, input_names=['height', 'width'])
    page = play(net, teacher_set, error='cross_entropy')
    check(page, is_net=True)
    assert net.standardisation is None and net.input_names is None
    assert film(page)['graph']['rows'] == [[0.5, 3.0, 1.0, 0.0], [1.5, 7.0, 0.0, 1.0]]
    assert film(page)['graph']['net']['names'] == ['height', 'width']
    net.standardisation = Standardisation((1.0, 5.0), (0.5, 2.0))
    E = cross_entropy(net([0.5, 3.0]), 0)
    assert math.isclose(run(page)['data'][-1], E.data, rel_tol=1e-13)


@needs_node
def test_weights_are_the_first_points_of_the_error_over_the_updates() -> None:
    net = net_2221()
    numbers, grads = [p.data for p in net.parameters()], [p.grad for p in net.parameters()]
    snapshots = {name: [n * factor for n in numbers] for name, factor in (('first', 1.0), ('2', -0.5))}
    content = film(play(net, [0.5, -1.0], 1.0, weights=snapshots))
    assert content['snapshots'] == [{'name': name, 'theta': theta} for name, theta in snapshots.items()]
    assert ([p.data for p in net.parameters()], [p.grad for p in net.parameters()]) == (numbers, grads)
    assert film(play(net, [0.5, -1.0], 1.0, weights=[numbers]))['snapshots'][0]['name'] == 'epoch 0'


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
    page = play(y, limit=40)
    assert '>41 operations and numbers: each with its neighbours</p>' in page.html
    assert 'data-value' not in page.html.partition('<script')[0]
    assert 'neighbours</p>' not in play(y, limit=41).html


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
    with pytest.raises(ValueError, match=r"number of digits for the page to write, '\.1g' to '\.17g'"):
        play(net, [1.0, 2.0], 1.0, number_format='.3f')
    with pytest.raises(ValueError, match='the size of mini-batches'):
        play(net, [1.0, 2.0], 1.0, mode=0)
    with pytest.raises(ValueError, match='the learning rate h must be 0 < h <= 1'):
        play(net, [1.0, 2.0], 1.0, learning_rate=0)
    y = Value(1.0)
    for _ in range(5000):
        y = y + 1.0
    with pytest.raises(ValueError, match='up to 5000 nodes; this one has 10001'):
        play(y)
