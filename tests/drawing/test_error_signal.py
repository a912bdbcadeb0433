"""What is in each message, picture and moment of an error signal's way, event by event.

The engine's numbers come from a second run of the net, without a log; those of the
pictures are read back from their source by Graphviz's own parser.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pygraphviz
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, Layer, Neuron, Value, cross_entropy, half_squared_error
from microgradnet.drawing import draw_error_signal
from microgradnet.drawing.messages import messages
from microgradnet.formulas.colours import FAINT, REACHED
from microgradnet.nets.net import Standardisation
from tests.support.colours import contrast
from tests.support.examples import every, examples
from tests.support.geometry import boxes, crosses, line_of, size_of, view
from tests.support.processes import printed_whatever_hashes
from tests.support.written import as_python

SVG = '{http://www.w3.org/2000/svg}'
numbers = st.floats(-3, 3).map(lambda x: round(x, 3))


@st.composite
def cases(draw: Any) -> tuple[MLP, list[float], list[float]]:
    inputs, sizes = draw(st.integers(1, 4)), draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    names = st.sampled_from(['tanh', 'sigmoid', 'relu', 'identity', 'threshold', 'softsign'])
    net = MLP(inputs, sizes, draw(names), draw(names), seed=draw(st.integers(0, 999)))
    row = draw(st.lists(numbers, min_size=inputs, max_size=inputs))
    return net, row, draw(st.lists(numbers, min_size=sizes[-1], max_size=sizes[-1]))


def three_layers() -> MLP:
    return MLP(2, [2, 2, 1], activation='tanh', seed=1)


def error_signals(net: Any, row: list[Any], t: Any) -> dict[str, Any]:
    """delta of every neuron and input by its name."""
    run = net.run(row)
    half_squared_error(run.outputs, t).backward()
    net.zero_grad()
    deltas = [delta for layer in run.error_signals for delta in layer]
    ends = {f'x{i}': x.grad for i, x in enumerate(run.inputs, 1)}
    return ends | {f'f{i}': delta for i, delta in enumerate(deltas, 1)}


# The messages.


@given(cases())
def test_every_event_between_neurons_is_in_one_message(case: tuple[MLP, list[float], list[float]]) -> None:
    film = messages(*case)
    count = Counter(id(event) for frame in film.frames for m in frame.messages for event in m.events)
    nets = {firing.r for firing in film.neurons.values()}
    ends = {firing.output for firing in film.neurons.values()} | {*film.run.inputs}
    outputs, of_error = {*film.run.outputs}, {id(event) for event in film.frames[0].events}
    for event in film.events:
        between = event.node in nets and event.source in ends
        introduced = event.source in outputs and id(event) in of_error
        assert count[id(event)] == (1 if between or introduced else 0)
    parameters = {*case[0].parameters()}
    used = Counter(id(g.event) for frame in film.frames for g in frame.gradients)
    assert used == Counter(id(event) for event in film.events if event.source in parameters)
    sent: set[Value] = set()
    for event in film.events:  # a node sends only when all has arrived
        sent.add(event.node)
        assert event.source not in sent


@given(cases())
def test_contributions_add_up_to_every_delta_and_gradient(case: tuple[MLP, list[float], list[float]]) -> None:
    deltas, film = error_signals(*case), messages(*case)
    arrived: dict[str, list[float]] = {name: [] for name in deltas}
    for frame in film.frames:
        for m in frame.messages:
            arrived[m.receiver].append(m.contribution)
            assert math.fsum(arrived[m.receiver]) == pytest.approx(m.total, rel=1e-9, abs=1e-12)
            assert not m.complete or m.total == pytest.approx(deltas[m.receiver], rel=1e-9, abs=1e-12)
    assert all(arrived.values())
    half_squared_error(case[0].run(case[1]).outputs, case[2]).backward()
    for parameter in case[0].parameters():
        assert film.gradients[parameter] == pytest.approx(parameter.grad, rel=1e-9, abs=1e-12)


@given(st.integers(2, 20), st.integers(2, 20))
@examples(10)
def test_neurons_of_a_layer_send_in_turn(inputs: int, hidden: int) -> None:
    film = messages(MLP(inputs, [hidden, 3], 'sigmoid', seed=1), [0.1] * inputs, 1, cross_entropy)
    order = [f'f{hidden + i}' for i in (1, 2, 3)] + [f'f{i}' for i in range(1, hidden + 1)]
    assert [frame.sender for frame in film.frames] == ['y', *order]
    assert [m.sender for m in film.frames[0].messages] == ['y1', 'y2', 'y3']


def test_weights_are_named_and_the_last_message_completes_a_sum() -> None:
    film = messages(three_layers(), [0.5, -1.0], [1.0])
    names = [m.weight_name for frame in film.frames[1:4] for m in frame.messages]
    assert names == ['w_{3,5}', 'w_{4,5}', 'w_{1,3}', 'w_{2,3}', 'w_{1,4}', 'w_{2,4}']
    assert [g.name for g in film.frames[4].gradients] == ['w_{x1,1}', 'w_{x2,1}', 'b_1']
    complete = [m.complete for frame in film.frames[1:] for m in frame.messages]
    assert complete == [True, True, False, False, True, True, False, False, True, True]
    assert film.frames[0].messages[0].contribution == film.run.outputs[0].data - 1.0


def test_fractions_stay_exact() -> None:
    net = MLP.from_weights([[[1, 2], [Fraction(1, 2), 1]], [[3, 4]]], [[0, 1], [1]], 'identity')
    film = messages(net, [Fraction(1, 3), 1], Fraction(0))
    assert film.frames[0].messages[0].total == film.run.outputs[0].data
    assert all(isinstance(m.total, Fraction) for frame in film.frames for m in frame.messages)


def test_an_activation_of_several_operations() -> None:
    film = messages(MLP(2, [2, 1], lambda r: r * r.sigmoid(), seed=3), [0.5, -1.0], 0.25)
    for frame in film.frames[2:]:
        r = film.neurons[frame.sender].r.data
        s = 1 / (1 + math.exp(-r))
        assert frame.derivative == pytest.approx(s + r * s * (1 - s))
        assert len(frame.activation) == 3


def test_a_net_that_standardises_and_a_row_of_values() -> None:
    net, x = MLP(2, [2, 1], 'tanh', seed=1), Value(2.0, '<x>')
    net.standardisation = Standardisation((1.0, 2.0), (3.0, 4.0))
    film = messages(net, [x, x], 0.0)
    assert (film.frames[-1].sender, film.frames[-1].messages, x.grad) == ('x', (), 0.0)
    deltas = error_signals(net, [2.0, 2.0], 0.0)
    assert [film.signals[node] for node in film.run.inputs] == pytest.approx([deltas['x1'], deltas['x2']])
    titles = draw_error_signal(net, [x, x], 0.0).titles
    assert titles == ['y to f3', 'f3 to f1 and f2', 'f1 to x1 and x2', 'f2 to x1 and x2']


def test_a_layer_a_neuron_and_an_output_that_the_error_ignores() -> None:
    assert messages(Layer(2, 2, seed=1), [1.0, 2.0], [0.0, 0.0]).frames[0].receivers == ['f1', 'f2']
    assert draw_error_signal(Neuron(2, 'tanh', seed=1), [1.0, 2.0], 0.0).titles == ['y to f1', 'f1 to x1 and x2']
    signal = draw_error_signal(Layer(1, 2, seed=1), [1.0], 0.0, lambda y, t: (y[1] - t) ** 2)
    assert signal.titles == ['y to f2', 'f2 to x1']


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match=r'the error of a net must be a Value, made from its outputs, not 3\.0'):
        messages(three_layers(), [1.0, 2.0], 0.0, lambda y, t: 3.0)
    with pytest.raises(ValueError, match='the net has 2 inputs, and there are 1 names of inputs'):
        draw_error_signal(three_layers(), [1.0, 2.0], 0.0, input_names=['x'])
    with pytest.raises(ValueError, match='the limit of draw_error_signal must be at least 3'):
        draw_error_signal(three_layers(), [1.0, 2.0], 0.0, limit=2)
    with pytest.raises(ValueError, match='more than 0 seconds'):
        draw_error_signal(three_layers(), [1.0, 2.0], 0.0).animation(0)


# The pictures.


def source(picture: Any) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
    """Nodes and edges of a picture, as Graphviz reads them."""
    graph = pygraphviz.AGraph(string=picture.source)
    nodes = {str(node): dict(node.attr) for node in graph.nodes()}
    return nodes, {(str(e[0]), str(e[1])): dict(e.attr) for e in graph.edges()}


def shown(label: str) -> str:
    text = ' '.join(ElementTree.fromstring(f'<label>{label}</label>').itertext())
    return ' '.join(text.replace('−', '-').split())


def bare(text: str) -> str:
    return re.sub(r'\s', '', text).replace('−', '-')


@examples(12)
@given(cases())
def test_the_pictures_show_the_engines_numbers(case: tuple[MLP, list[float], list[float]]) -> None:
    deltas = error_signals(*case)
    signal = draw_error_signal(*case, number_format='.12g')
    known: set[str] = set()
    for picture, frame in zip(signal.frames, signal.film.frames, strict=True):
        nodes, edges = source(picture)
        arrows = {ends: look for ends, look in edges.items() if look['class'] == 'message'}
        assert {*arrows} == {(m.sender, m.receiver) for m in frame.messages}
        for m in frame.messages:
            assert float(arrows[m.sender, m.receiver]['tooltip'].split(' = ')[1]) == m.contribution
            text = shown(nodes[f'{m.sender}-{m.receiver}-value']['label'])
            assert float(as_python(text)) == pytest.approx(m.contribution, rel=1e-9, abs=1e-300)
            mark, total = shown(nodes[m.receiver]['label']).split(' ')[2:4]
            assert mark == ('δ' if m.complete else 'Σ')
            assert float(as_python(total)) == pytest.approx(m.total, rel=1e-9, abs=1e-300)
            known |= {m.receiver} if m.complete else set()
        for name, delta in deltas.items():
            _, *number = re.split('δ = |, ', nodes[name]['tooltip'])
            assert bool(number) == (name in known)
            assert not number or float(number[0]) == pytest.approx(delta, rel=1e-9, abs=1e-12)
        if frame.derivative is not None:
            assert float(nodes[frame.sender]['tooltip'].split("g'(r) = ")[1]) == frame.derivative


@pytest.mark.parametrize(
    'sizes', [(2, 2, 2, 1), (1, 1, 1), (3, 5, 2), (4, 8, 3), (2, 16, 2)], ids=lambda sizes: '-'.join(map(str, sizes))
)
def test_no_arrow_goes_through_a_number_nor_on_in_its_minus(sizes: tuple[int, ...]) -> None:
    net = MLP(sizes[0], sizes[1:], 'tanh', seed=5)
    signal = draw_error_signal(net, [0.3 * k - 0.5 for k in range(sizes[0])], [1.0] * sizes[-1])
    minuses = 0
    for picture in signal.frames[:: 1 if len(signal.frames) < 10 else 4]:
        root = ElementTree.fromstring(picture.pipe('svg', encoding='utf-8'))
        groups = {group.findtext(f'{SVG}title') or '': group for group in root.iter(f'{SVG}g')}
        values = {name: group for name, group in groups.items() if name.endswith('-value')}
        arrows = [path for group in groups.values() if 'message' in (group.get('class') or '')
                  for path in group.iter(f'{SVG}path')]  # fmt: skip
        assert len(values) == len(arrows) > 0
        numbers = [box for group in values.values() for box in boxes(group)]
        minuses += sum(box.text.startswith('−') for box in numbers)
        for box in numbers:
            assert box.inside(view(root))
            beside = box._replace(left=box.left - 3, right=box.left)
            for arrow in arrows:
                assert not crosses(line_of(arrow), beside, float(arrow.get('stroke-width') or 1)), box
        assert not any(one.overlaps(other) for one, other in combinations(numbers, 2))
        for group in groups.values():  # a plate lets no line shine through
            if (plate := group.find(f'.//{SVG}polygon')) is not None:
                assert plate.get('fill-opacity') is None
    assert minuses


@pytest.mark.parametrize('scale', every(2, [1.0, 1e-7, -1e7]))
def test_every_number_is_large_enough_and_in_the_picture(scale: float) -> None:
    for net in (three_layers(), MLP(2, [7, 1], 'tanh', seed=1), MLP(2, [12, 1], 'tanh', seed=1)):
        signal = draw_error_signal(net, [0.5 * scale, -1.0], [1.0 + scale])
        for picture in signal.frames[-2:]:
            root = ElementTree.fromstring(picture.pipe('svg', encoding='utf-8'))
            for text, box in zip(root.iter(f'{SVG}text'), boxes(root), strict=True):
                assert size_of(text) >= 9
                assert box.inside(view(root)), box
            for group in root.iter(f'{SVG}g'):
                circle = group.find(f'.//{SVG}ellipse')
                if circle is None or not re.match('idle|part|reached|sending', group.get('class') or ''):
                    continue
                x, y, r = (float(circle.get(name) or 0) for name in ('cx', 'cy', 'rx'))
                for box in [] if r < 20 else boxes(group, [*group.iter(f'{SVG}text')]):  # the circle of y is not seen
                    corners = product((box.left, box.right), (box.top, box.bottom))
                    assert all(math.dist(corner, (x, y)) <= r + 0.5 for corner in corners), box


def test_the_formulas_are_true() -> None:
    signal = draw_error_signal(three_layers(), [0.5, -1.0], [1.0], number_format='.15g')
    seen = 0
    for picture in signal.frames:
        for row in re.findall('<td align="left" height="22">(.*?)</td>', source(picture)[0]['formula']['label']):
            *_, product, result = as_python(shown(row).replace('so far', '')).split(' = ')
            assert re.fullmatch(r'[-+0-9.()e· ]+', product)
            assert eval(product.replace('·', '*')) == pytest.approx(float(result), rel=1e-12)
            seen += 1
    assert seen == 11


def test_a_large_net_is_summarised_and_its_sums_are_whole() -> None:
    net = MLP(20, [40, 6], 'tanh', seed=1)
    signal = draw_error_signal(net, [0.1] * 20, [0.0] * 6, limit=5)
    assert signal.left_out == 16 + 36 + 2
    together = [title for title in signal.titles if 'more' in title]
    assert together == ['2 more, f43 to f44, send theirs', '36 more, f3 to f38, send theirs']
    deltas = error_signals(net, [0.1] * 20, [0.0] * 6)
    nodes, _ = source(signal.frames[-1])
    for name in ('x1', 'x20', 'f1', 'f40', 'f41', 'f46'):
        assert float(re.split('δ = |, ', nodes[name]['tooltip'])[1]) == pytest.approx(deltas[name])
    assert 'f3' not in nodes


def test_nothing_is_said_on_stderr_while_a_large_net_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    signal = draw_error_signal(MLP(8, [9, 9, 3], 'tanh', seed=1), [0.1] * 8, [0.0] * 3)
    assert signal.animation().count('<svg') == 1
    assert 'Warning: ' not in capfd.readouterr().err


# The moving picture.


def moving() -> Any:
    return draw_error_signal(three_layers(), [0.5, -1.0], [1.0])


def test_the_moving_picture_has_shapes_and_style_and_nothing_else() -> None:
    root = ElementTree.fromstring(moving().animation(2.0))
    kinds = ('svg', 'g', 'path', 'polygon', 'ellipse', 'text', 'tspan', 'style', 'title', 'desc')
    assert {e.tag for e in root.iter()} <= {f'{SVG}{kind}' for kind in kinds}
    assert not [key for e in root.iter() for key in e.attrib if key.startswith('on') or 'href' in key]
    style = root.findtext(f'{SVG}style') or ''
    assert 'prefers-reduced-motion: reduce' in style
    assert root.get('role') == 'img'
    assert '3. f3 to f1 and f2' in (root.findtext(f'{SVG}desc') or '')
    assert {*re.findall(r'animation: none ([^ ]+)s', style)} == {'14'}  # six pictures, the last one twice
    assert all(f'#{root.get("id")}' in line or line.startswith('@keyframes') for line in style.splitlines())


@pytest.mark.slow
def test_the_moving_picture_is_dark_where_a_dark_page_is_asked_for() -> None:
    pictures = [moving(), draw_error_signal(MLP(2, [20, 2], 'tanh', seed=1), [1.0, 2.0], [0.0, 1.0])]
    for root in [ElementTree.fromstring(picture.animation()) for picture in pictures]:
        style, name = root.findtext(f'{SVG}style') or '', root.get('id')
        rules = re.findall(rf'#{name} \[(\w+)="([^"]+)"\]{{(\w+):(#\w+)}}', style.partition('scheme: dark)')[2])
        dark = {colour: shown for what, colour, same, shown in rules if what == same}
        paper = root.find(f'{SVG}g/{SVG}polygon')
        assert paper is not None and paper.get('fill') == 'white'
        used = {(what, e.get(what)) for e in root.iter() for what in ('fill', 'stroke')}
        assert {use for use in used if use[1] not in (None, 'none', 'transparent')} == {rule[:2] for rule in rules}
        inks = {e.get('fill') or '' for e in root.iter(f'{SVG}tspan')}
        assert len(inks) == 4
        for ink, ground in [(ink, ground) for ink in inks for ground in ('white', REACHED.lower())]:
            if (ink, ground) != (FAINT.lower(), REACHED.lower()):  # what is idle has no signal yet
                assert contrast(dark[ink], dark[ground]) >= 4.5, (ink, ground)


def test_a_line_of_the_moving_picture_is_one_text() -> None:
    root = ElementTree.fromstring(moving().animation())
    lines = [''.join(text.itertext()) for text in root.iter(f'{SVG}text')]
    assert any(line.startswith('δ3 = δ5 · g′(r5) · w3,5 = (−') for line in lines)
    for text in root.iter(f'{SVG}text'):
        shift = [float(part.get('dy') or 0) for part in text]
        assert all(sum(shift[:k]) >= -1e-9 for k in range(len(shift) + 1))  # an index is below its line, none above
    for group in root.iter(f'{SVG}g'):
        circle = group.find(f'{SVG}ellipse')
        if circle is not None:
            places = {(t.get('x'), t.get('text-anchor')) for t in group.iter(f'{SVG}text')}
            assert places == {(circle.get('cx'), 'middle')}


def test_targets_of_any_kind() -> None:
    numpy = pytest.importorskip('numpy')
    expected = draw_error_signal(three_layers(), [0.5, -1.0], 1.0).animation()
    for t in (1, [1.0], iter([1.0]), Value(1.0), numpy.float64(1), numpy.array([1.0])):
        assert draw_error_signal(three_layers(), iter([0.5, -1.0]), t).animation() == expected


def test_the_first_moving_picture_of_a_process_is_as_all_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {uri: prefix for uri, prefix in ElementTree._namespace_map.items() if uri != SVG[1:-1]}
    monkeypatch.setattr(ElementTree, '_namespace_map', registered)
    first, second = (draw_error_signal(three_layers(), [0.5, -1.0], 1.0).animation() for _ in range(2))
    assert first == second


def test_it_says_what_it_is() -> None:
    assert repr(draw_error_signal(Neuron(1, seed=1), [1.0], 0.0)) == '<ErrorSignal in 2 pictures: y to f1; f1 to x1>'
    assert repr(moving()) == '<ErrorSignal in 6 pictures: y to f5; f5 to f3 and f4; f3 to f1 and f2; ...>'


def test_the_moving_picture_shows_at_each_time_what_the_frames_show() -> None:
    signal = moving()
    root = ElementTree.fromstring(signal.animation(1.0))
    rules = dict(re.findall(r'@keyframes signal\w+-(\d+) \{ (.*) \}', root.findtext(f'{SVG}style') or ''))
    groups = [g for g in root.iter(f'{SVG}g') if re.search(r'\bt\d+$', g.get('class') or '')]
    for k, picture in enumerate(signal.frames):
        nodes, edges = source(picture)
        seen = []
        for group in groups:
            rule = rules.get((group.get('class') or '').split('t')[-1], '')
            state = 'visible'
            for at, visibility in re.findall(r'([\d.]+)% \{ visibility: (\w+) \}', rule):
                state = visibility if float(at) <= 100 * (k + 0.9) / 7 else state
            if state == 'visible':
                seen.append(bare(''.join(''.join(t.itertext()) for t in group.iter(f'{SVG}text'))))
        assert len(seen) == len(nodes) + len(edges)
        words = [bare(shown(look['label'])) for look in nodes.values()]
        assert sorted(filter(None, seen)) == sorted(filter(None, words))


@pytest.mark.parametrize('label', ['<script>alert(1)</script>', '"]; evil [label="x', '\\N', '&lt;', ']]>', '<!--'])
def test_names_cannot_inject_into_dot_or_svg(label: str) -> None:
    def drawn(name: str) -> Any:
        return draw_error_signal(Neuron(1, seed=1), [Value(1.0, name)], 0.0, input_names=[name], output_names=[name])

    plain, nasty = drawn('plain'), drawn(label)
    for one, other in zip(plain.frames, nasty.frames, strict=True):
        assert [part.keys() for part in source(one)] == [part.keys() for part in source(other)]
    roots = [ElementTree.fromstring(signal.animation()) for signal in (plain, nasty)]
    assert [e.tag for e in roots[0].iter()] == [e.tag for e in roots[1].iter()]
    assert [''.join(e.itertext()) for e in roots[1].iter(f'{SVG}text')].count(label) == 2


def test_without_pillow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'PIL', None)
    with pytest.raises(ImportError, match=r'a GIF needs Pillow: .*microgradnet\[plot\].*, or save an SVG'):
        draw_error_signal(Neuron(1, seed=1), [1.0], 0.0).save(tmp_path / 'signal.gif')


def test_the_gif_has_a_page_for_each_picture(tmp_path: Path) -> None:
    image = pytest.importorskip('PIL.Image')
    signal = draw_error_signal(Neuron(2, 'tanh', seed=1), [1.0, 2.0], 0.0)
    with image.open(signal.save(tmp_path / 'signal.GIF', seconds=1.5)) as gif:
        durations = []
        for page in range(gif.n_frames):
            gif.seek(page)
            gif.load()
            durations.append(gif.info['duration'])
        assert (durations, gif.info['loop']) == ([1500, 3000], 0)


@pytest.mark.slow
def test_the_moving_picture_is_the_same_in_every_process() -> None:
    code = (
        'from microgradnet import MLP; from microgradnet.drawing import draw_error_signal; '
        'print(draw_error_signal(MLP(2, [3, 1], seed=1), [1., 2.], 0.).animation())'
    )
    assert '<svg' in printed_whatever_hashes(code)
