"""Folded pictures: what they tell, that it is true, and, rendered, that all of it can be read."""

from __future__ import annotations

import copy
import gc
import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any

import pygraphviz
import pytest

from microgradnet import MLP, Layer, Value, half_squared_error
from microgradnet.drawing import Digraph, draw
from microgradnet.drawing.digraph import number_markup
from microgradnet.engine.walks import topological_order
from microgradnet.formulas.colours import INPUT, MARK
from tests.drawing.test_drawing import edges, nodes, shown, svg
from tests.support.examples import every
from tests.support.graphs import accumulated, batch, delayed, loop, predators, recurrent, runge_kutta, spring

SVG = '{http://www.w3.org/2000/svg}'
#: A point of the picture, in pixels of a page.
PIXEL = 4 / 3


def gradient(y: Value) -> Value:
    y.backward()
    return y


def samples(count: int, *sizes: int) -> Value:
    net = MLP(4, [*sizes], 'tanh', seed=1)
    rows = [[0.1 * (i + 1) * k for i in range(4)] for k in range(count)]
    error: Value = half_squared_error([net(row) for row in rows], [[0.5] * sizes[-1]] * count)
    return error


#: Graphs by their numbers of nodes, those that were strips or scraps before.
LEGIBLE: dict[int, Callable[[], Value]] = {
    63: lambda: loop(20),
    123: lambda: loop(40),
    426: lambda: samples(1, 16, 16, 1),
    504: lambda: spring(71),
    10_313: lambda: samples(140, 16, 16, 1),
    2_979: lambda: samples(140, 4, 3),
}
ALL = [
    *LEGIBLE.values(),
    *(lambda graph=graph: graph(30) for graph in (spring, accumulated, batch, delayed, recurrent)),
    lambda: runge_kutta(200),
    lambda: predators(200),
]


def laid_out(picture: Digraph) -> pygraphviz.AGraph:
    return pygraphviz.AGraph(string=picture.pipe('dot', encoding='utf-8'))


def boxes(graph: pygraphviz.AGraph) -> dict[str, tuple[float, float, float, float]]:
    """Where each box is: left, bottom, right, top."""
    found = {}
    for node in graph.nodes():
        x, y = map(float, node.attr['pos'].split(','))
        width, height = 36 * float(node.attr['width']), 36 * float(node.attr['height'])
        found[str(node)] = (x - width, y - height, x + width, y + height)
    return found


def clusters(graph: pygraphviz.AGraph) -> list[tuple[tuple[float, ...], set[str], str]]:
    """Where each plate is, the boxes in it, and its label."""
    found = []
    for inner in graph.subgraphs():
        found.append((tuple(map(float, inner.graph_attr['bb'].split(','))), {*map(str, inner.nodes())},
                      str(inner.graph_attr['label'])))  # fmt: skip
        found += clusters(inner)
    return found


def apart(one: Any, other: Any) -> bool:
    return bool(one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3])


def size(picture: Digraph) -> tuple[float, float]:
    """Width and height in pixels."""
    *_, width, height = map(float, (svg(picture).get('viewBox') or '').split())
    return width * PIXEL, height * PIXEL


# Rendered.


@pytest.mark.parametrize('graph', every(3, ALL))
def test_nothing_lies_on_another(graph: Callable[[], Value]) -> None:
    laid = laid_out(draw(gradient(graph()), folded=True))
    found, plates = boxes(laid), clusters(laid)
    assert plates
    for (one, here), (other, there) in combinations(found.items(), 2):
        assert apart(here, there), (one, other)
    for bounds, inside, _ in plates:
        for name, box in found.items():
            within = bounds[0] <= box[0] and bounds[1] <= box[1] and bounds[2] >= box[2] and bounds[3] >= box[3]
            assert within if name in inside else apart(bounds, box), name
    labels = [tuple(map(float, edge.attr['lp'].split(','))) for edge in laid.edges() if edge.attr['lp']]
    assert len(labels) == len({*labels})
    for x, y in labels:
        assert not [name for name, box in found.items() if box[0] < x < box[2] and box[1] < y < box[3]]


@pytest.mark.parametrize('graph', every(3, ALL))
def test_all_can_be_read_on_a_screen(graph: Callable[[], Value]) -> None:
    picture = draw(gradient(graph()), folded=True)
    width, height = size(picture)
    assert width <= 1600 and height <= 900
    least = min(float(text.get('font-size') or 0) for text in svg(picture).iter(f'{SVG}text'))
    assert least * PIXEL * min(1.0, 1280 / width) >= 9


@pytest.mark.parametrize('count', LEGIBLE)
def test_what_was_a_strip_folds_by_itself(count: int) -> None:
    y = LEGIBLE[count]()
    picture = draw(y)
    assert picture.left_out == 0 and 0 < len(picture.boxes) <= 25 and 'cluster' in picture.source
    assert len(topological_order(y)) >= count - 70


# What it tells.


def words(picture: Digraph) -> dict[str, list[str]]:
    return {name: shown(look['label']).split() for name, look in nodes(picture).items()}


def test_a_loop_is_a_plate_with_each_operation_once() -> None:
    y = gradient(loop(1000))
    picture = draw(y)
    assert [label for _, _, label in clusters(laid_out(picture))] == ['× 1000']
    told = words(picture)
    assert [told[name][0] for name in ('v0', 'v1', 'v2')] == ['×', '+', 'tanh']
    assert sorted(name for name in told if name.startswith('leaf')) == ['leaf0', 'leaf1', 'leaf2']
    assert {told[f'leaf{k}'][0] for k in range(3)} == {'h', 'w', 'b'}
    assert [name for name in told if name.startswith('carry')] == ['carry0'] and told['carry0'] == ['h']


def test_a_box_tells_from_where_to_where_its_numbers_go() -> None:
    y = gradient(loop(1000))
    tanhs = [node for node in topological_order(y) if node.op and node.op.name == 'tanh']
    data, grads = [node.data for node in tanhs], [node.grad for node in tanhs]
    wanted = ['tanh', 'data', number_markup(min(data)), '…', number_markup(max(data)),
              'grad', number_markup(min(grads)), '…', number_markup(max(grads))]  # fmt: skip
    picture = draw(y)
    assert words(picture)['v2'] == wanted
    assert f'data = {min(data)} … {max(data)}' in nodes(picture)['v2']['tooltip']
    assert list(picture.boxes['v2']) == tanhs
    assert picture.copy().boxes is picture.boxes


def test_what_is_carried_comes_back_as_an_arc() -> None:
    back = [(tail, head) for tail, head, look in edges(draw(loop(50))) if look.get('dir') == 'back']
    assert back == [('carry0', 'v2')]
    begins = [(tail, head) for tail, head, look in edges(draw(loop(50))) if look['tooltip'] == 'in the first turn']
    assert [(draw(loop(50)).boxes[tail][0].label, head) for tail, head in begins] == [('h', 'carry0')]


def test_every_box_has_its_own_nodes_and_numbers() -> None:
    """A box tells of its own nodes only, however many there are of others like it."""
    y = gradient(recurrent(30))
    picture = draw(y)
    seen = 0
    for name, told in words(picture).items():
        members = picture.boxes[name]
        if members and 'data' in told:
            place = told.index('data')
            data = [node.data for node in members]
            ends = dict.fromkeys([number_markup(min(data)), number_markup(max(data))])
            assert told[place + 1 : place + 1 + 2 * len(ends) - 1] == ' … '.join(ends).split()
            seen += 1
    assert seen > 8


def test_samples_and_neurons_are_plates_in_plates() -> None:
    laid = laid_out(draw(samples(140, 16, 16, 1)))
    assert sorted(label for _, _, label in clusters(laid)) == ['× 140', '× 140', '× 16', '× 16']
    outer = max((inside for _, inside, label in clusters(laid) if label == '× 140'), key=len)
    assert all(inside < outer for _, inside, label in clusters(laid) if label == '× 16')


def test_what_is_used_once_stands_in_a_formula_where_room_is_short() -> None:
    told = {' '.join(text) for text in words(draw(gradient(runge_kutta(30)))).values()}
    assert any(text.startswith('sin(x + ') for text in told)
    layers = {text[0] for text in words(draw(gradient(samples(10, 16, 16, 16, 1)))).values()}
    assert 'tanh(Σ' in layers


def test_operands_from_several_turns_have_letters_of_their_own() -> None:
    y = [Value(0.1 * k, f'y{k}') for k in range(3)]
    for _ in range(30):
        y.append(y[-1].sin() * y[-3])
    root = gradient(y[-1] + y[-1] * y[-2] + y[-2].exp() * y[-4] * y[-5] + y[-6] * y[-7] * y[-8])
    picture = draw(root, folded=True)
    for name, look in nodes(picture).items():
        formula = re.split(' data ', shown(look['label']))[0]
        letters = re.findall(r'\b[a-z]\b', formula)
        into = [
            shown(edge.get('label')).split()[0]
            for _, head, edge in edges(picture)
            if head == name and edge.get('label')
        ]
        assert {*letters} <= {*into}, formula


def test_a_sparkline_shows_a_signal_vanish() -> None:
    """Its bars go up from turn to turn, by decades: 1e-172 and 1 are both to be seen."""
    label = nodes(draw(gradient(loop(1000))))['carry0']['label']
    rows = re.findall(r'bgcolor="(#\w+)" fixedsize="true" width="2" height="(\d+)"', label)
    by_colour: dict[str, list[int]] = {}
    for colour, height in rows:
        by_colour.setdefault(colour, []).append(int(height))
    data, signal = by_colour.values()
    assert len(data) == len(signal) == 40
    assert signal == sorted(signal) and signal[0] < 3 and signal[-1] == 18
    assert max(data) - min(data) <= 2


def test_signals_and_marks_and_labels_are_those_asked_for() -> None:
    y = loop(50)
    order = topological_order(y)
    marked = [node for node in order if node.op and node.op.name == 'add'][:1]
    picture = draw(y, signals=dict.fromkeys(order, 7.0), marked=marked, labels={y: 'result'}, number_format='.2f')
    told, look = words(picture), nodes(picture)
    assert told['v0'][-2:] == ['grad', '7.00'] and 'result' in ' '.join(told['v2'])
    assert [name for name in told if look[name].get('penwidth') == '2.5'] == ['v1']


def test_nan_is_seen_wherever_it_is() -> None:
    y = Value(0.5)
    for turn in range(50):
        y = y * (float('nan') if turn == 30 else 1.0)
    assert 'nan' in ' '.join(words(draw(y, folded=True))['v0'])


def test_fractions_fold_too_however_large() -> None:
    y = Value(Fraction(1, 3), 'y')
    for _ in range(60):
        y = y * Fraction(10**12)
    y.backward()
    assert svg(draw(y, folded=True)) is not None
    assert '≈∞' in ' '.join(words(draw(y, folded=True))['v0'])


def test_a_bar_that_is_no_number_has_the_colour_of_an_alarm() -> None:
    y = Value(0.5)
    for turn in range(30):
        y = y * (float('inf') if turn == 25 else 1.0)
    label = nodes(draw(y, folded=True))['carry0']['label']
    assert label.count(MARK) == 5 and label.count(INPUT) == 25


# When.


def test_a_graph_folds_where_that_saves_much_or_where_asked() -> None:
    small, wide = loop(8), MLP(2, [2, 1])([1.0, 2.0])
    assert not draw(small).boxes and draw(small, folded=True).boxes and not draw(loop(80), folded=False).boxes
    assert not draw(wide).boxes and not draw(wide, folded=True).boxes
    assert not draw(loop(80), limit=3).boxes and draw(loop(80), limit=3).left_out
    assert draw(loop(80), loop(90)).boxes
    assert not draw(Value(1.0), folded=True).boxes


def test_folded_is_none_or_a_bool_and_not_expanded() -> None:
    with pytest.raises(TypeError, match='folded'):
        draw(loop(3), folded='yes')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='folded or expanded'):
        draw(loop(3), folded=True, expanded=True)
    assert not draw(samples(5, 4, 1), expanded=True, limit=None).boxes


# Names without being asked.


def test_parameters_of_a_net_have_their_names() -> None:
    net = MLP(2, [3, 1], 'tanh', seed=1)
    y = net([0.5, -1.0])
    assert {'w x1,1', 'w 3,4', 'b 4'} <= {shown(look['label']).split(' data')[0] for look in nodes(draw(y)).values()}
    error = half_squared_error([net([0.1 * k, 1.0]) for k in range(40)], [[0.0]] * 40)
    titles = {shown(look['label']).split(' data')[0] for look in nodes(draw(error)).values()}
    assert {'w x1,1 … w x2,3 6', 'b 1 … b 3 3', 'w 1,4 … w 3,4 3', 'b 4'} <= titles
    net.layers[0].neurons[0].bias.label = 'mine'
    assert 'mine' in {shown(look['label']).split(' data')[0] for look in nodes(draw(y)).values()}
    assert 'theirs' in draw(y, labels={net.parameters()[0]: 'theirs'}).source


def test_of_two_nets_none_has_names_for_both_would_have_the_same() -> None:
    one, other = MLP(1, [1], seed=1), MLP(1, [1], seed=2)
    assert 'x1,1' not in draw(one([1.0]) + other([1.0])).source
    assert 'x1,1' in draw(one([1.0])).source
    layer = Layer(2, 2, seed=1)
    assert 'x2,2' in draw(*layer([1.0, 2.0])).source


def test_names_are_the_nets_that_was_copied_or_pickled_too() -> None:
    net = pickle.loads(pickle.dumps(MLP(1, [1], seed=1)))
    assert 'x1,1' in draw(net([1.0])).source and 'x1,1' in draw(copy.deepcopy(net)([1.0])).source


def test_a_net_that_nobody_holds_names_nothing_and_is_not_kept() -> None:
    y = MLP(1, [1], seed=1)([1.0])
    gc.collect()
    assert 'x1,1' not in draw(y).source
    with pytest.raises(ValueError):
        MLP(1, [0])
    assert draw(Value(1.0) + 1.0)
