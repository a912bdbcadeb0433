"""The pictures: what they show, that no label breaks them, and both ways of rendering.

Their source is read back by Graphviz's own parser, the SVG by an XML parser: neither
shares anything with what wrote them.
"""

from __future__ import annotations

import errno
import math
import os
import pickle
import re
import subprocess
import sys
from fractions import Fraction
from itertools import chain, combinations, pairwise, product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import graphviz
import pygraphviz
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import MLP, Layer, Neuron, Value, dot, functions, half_squared_error, where
from microgradnet.drawing import Digraph, RendererNotFound, draw, draw_network, parameter_names, tree
from microgradnet.drawing.diagram import FAR
from microgradnet.drawing.digraph import FIT
from microgradnet.engine.value import Constant
from microgradnet.engine.walks import topological_order
from microgradnet.formulas.colours import NEGATIVE, NEITHER, PALETTE, POSITIVE, WRITTEN
from microgradnet.testing import why_order
from tests.support.examples import every, examples, for_each
from tests.support.geometry import boxes, size_of, view
from tests.support.processes import printed_whatever_hashes
from tests.support.programs import Program, programs, record
from tests.support.written import as_written

SVG = '{http://www.w3.org/2000/svg}'
NASTY = [
    'a "quoted" label', "it's", 'back\\slash', 'ends in \\', '\\N \\G \\L \\E \\T \\H', '\\n \\l \\r', '{a|b}',
    '<b>bold</b>', '<', '>', '<>', ']]>', '<!-- -->', '&amp; &lt; &#65; &', '"]; evil [label="x', 'x -> y; }',
    '<script>alert(1)</script>', '</td></tr></table>', 'δ Σ ∂ é 漢字 😀',
    'charset="latin1"', '%s {0} $x', '\\"', '\\\\"',
]  # fmt: skip


def nodes(picture: Digraph) -> dict[str, Any]:
    """The picture's nodes and their attributes, as Graphviz reads them."""
    graph = pygraphviz.AGraph(string=picture.source)
    return {str(node): dict(node.attr) for node in graph.nodes()}


def edges(picture: Digraph) -> list[tuple[str, str, dict[str, str]]]:
    """The picture's edges and their attributes, as Graphviz reads them."""
    graph = pygraphviz.AGraph(string=picture.source)
    return [(str(edge[0]), str(edge[1]), dict(edge.attr)) for edge in graph.edges()]


def shown(markup: str | None) -> str:
    """The text of an HTML-like label."""
    return ' '.join(' '.join(ElementTree.fromstring(f'<label>{markup or ""}</label>').itertext()).split())


def svg(picture: Digraph) -> ElementTree.Element:
    return ElementTree.fromstring(picture.pipe('svg', encoding='utf-8'))


def example() -> tuple[Value, Value, Value, Value]:
    a, b, c = Value(2.0, 'a'), Value(-3.0, 'b'), Value(5.5, 'c')
    y = (a * b + c).tanh()
    y.label = 'y'
    y.backward()
    return a, b, c, y


# What a picture of a graph shows.


def test_draw_shows_every_number() -> None:
    y = example()[-1]
    texts = ' '.join(svg(draw(y)).itertext()).split()
    for node in topological_order(y):
        assert as_written(f'{node.data:.4g}') in texts
        assert as_written(f'{node.grad:.4g}') in texts
    assert {'a', 'b', 'c', 'y', '×', '+', 'tanh', 'data', 'grad'} <= {*texts}


@examples(60)
@given(programs())
def test_draw_is_the_graph(program: Program) -> None:
    root = next((node for node in reversed(record(program)) if isinstance(node, Value)), Value(1.0))
    order = topological_order(root)
    picture = draw(root, limit=None, folded=False)
    assert picture.left_out == 0
    ids = {node: f'v{index}' for index, node in enumerate(order)}
    inner, copies = [node for node in order if node.op], {name for name in nodes(picture) if 'in' in name}
    assert {*nodes(picture)} == {*ids.values()} | {f'{ids[node]}op' for node in inner} | copies
    expected = [(f'{ids[node]}op', ids[node], None) for node in inner]
    for node in inner:
        for place, (source, partial) in enumerate(zip(node.inputs, node.partials)):
            silent = partial is None or isinstance(source, Constant)
            copy = f'{ids[node]}in{place}'
            tail = copy if copy in copies else ids[source]
            expected.append((tail, f'{ids[node]}op', 'none' if silent else as_written(f'{partial:.4g}')))
    found = []
    for tail, head, look in edges(picture):
        # Before the number stands the operand's name, where the order of operands matters.
        label = re.sub(r'^[abc]( |$)', '', shown(look.get('label')))
        silent = look.get('style') == 'dashed'
        assert not (silent and label)
        found.append((tail, head, None if tail.endswith('op') else 'none' if silent else label))
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_the_branch_not_taken_and_constants_are_dashed() -> None:
    x = Value(-1.0, 'x')
    y = where(x.greater(0.0), x * 3.0, x * 5.0)
    order = topological_order(y)
    ids = {node: f'v{index}' for index, node in enumerate(order)}
    into = {tail: look for tail, head, look in edges(draw(y)) if head == f'v{len(order) - 1}op'}
    styles = [into[ids[source]].get('style') or 'solid' for source in y.inputs]
    assert styles == ['dashed', 'dashed', 'solid']
    assert [shown(into[ids[source]].get('label')).split() for source in y.inputs] == [['a'], ['b'], ['c', '1']]
    constant = next(node for node in order if isinstance(node, Constant))
    (look,) = [look for tail, _, look in edges(draw(y)) if tail == ids[constant]]
    assert look['style'] == 'dashed'
    assert 'no signal' in look['tooltip']


def test_a_node_used_twice_has_two_edges() -> None:
    x = Value(3.0)
    assert [look['label'] for tail, _, look in edges(draw(x * x)) if tail == 'v0'] == ['3', '3']


def test_fractions_are_exact() -> None:
    third = Value(Fraction(1, 3), 'p')
    y = third * Fraction(-2, 7)
    y.backward()
    assert {'1/3', '−2/7', '−2/21'} <= {*' '.join(svg(draw(y)).itertext()).split()}


@for_each(
    'number', [Fraction(10**5000, 3), Fraction(-1, 10**5000), math.inf, -math.inf, math.nan, 1e-300]
)
def test_any_number_is_drawn(number: Any) -> None:
    assert svg(draw(Value(number) + 0)) is not None


def test_number_format_and_labels() -> None:
    a, _, _, y = example()
    source = draw(y, number_format='.2f', labels={a: 'alpha'}).source
    assert '-0.46' in source
    assert '<b>alpha</b>' in source
    assert '<b>a</b>' not in source


def test_an_index_is_set_as_one() -> None:
    root = svg(draw(Value(1.0, 'w_{x1,1}')))
    assert [t.text for t in root.iter(f'{SVG}text')][:2] == ['w', 'x1,1']
    assert 'learning_rate' in [t.text for t in svg(draw(Value(1.0, 'learning_rate'))).iter(f'{SVG}text')]


# What is used again, far away.


def loop(turns: int, labels: bool = True) -> tuple[Value, Value, Value]:
    """h = tanh(h w + b), again and again."""
    w, b, h = (Value(x, label * labels) for x, label in [(0.9, 'w'), (0.1, 'b'), (0.5, 'h')])
    y = h
    for _ in range(turns):
        y = (y * w + b).tanh()
    y.backward()
    return w, b, y


def carried(turns: int) -> Value:
    """A loop whose turns are used far later, each in its own place, and 20 turns later by other turns."""
    turn = [Value(0.5, 'h')]
    for k in range(turns):
        turn.append(turn[-1].sin() + turn[k - 20] if k >= 20 else turn[-1].sin())
    y = turn[-1]
    for h in turn:
        y = y * h
    y.backward()
    return y


def columns(picture: Digraph) -> dict[str, int]:
    """In how many steps from the left each box and operation is, at least."""
    sources: dict[str, set[str]] = {name: set() for name in nodes(picture)}
    for tail, head, _ in edges(picture):
        sources[head].add(tail)
    return {name: k for k, names in enumerate(layers(sources)) for name in names}


def layers(sources: dict[str, set[str]]) -> list[set[str]]:
    """The nodes of a graph, each one layer after the last of its sources."""
    found: list[set[str]] = []
    done: set[str] = set()
    while len(done) < len(sources):
        found.append({name for name, needed in sources.items() if name not in done and needed <= done})
        done |= found[-1]
    return found


@pytest.mark.parametrize('root', [loop(60)[-1], carried(40)], ids=['loop', 'carried'])
def test_no_edge_of_a_long_graph_is_long(root: Value) -> None:
    picture = draw(root, limit=None, folded=False)
    column, copies = columns(picture), {name for name in nodes(picture) if 'in' in name}
    assert len(copies) > 50
    lengths = [column[head] - column[tail] for tail, head, _ in edges(picture)
               if column[tail] and tail not in copies]  # fmt: skip
    assert max(lengths) <= 2 * FAR - 1
    ends = [tail for tail, _, _ in edges(picture)]
    assert all(ends.count(copy) == 1 for copy in copies)
    # Every use of a value whose box has lines to its first use alone is drawn.
    uses = sum(len(node.inputs) for node in topological_order(root))
    assert len([tail for tail in ends if not tail.endswith('op')]) == uses


def test_a_large_graph_has_its_parts_at_their_places() -> None:
    nasty = Value(0.5, NASTY[6] + '"\\')
    long = loop(60)[-1] * nasty
    for root, expanded in [(long, False), (carried(70), False), (wide(), False), (wide(), True)]:
        picture = draw(root, limit=None, expanded=expanded, folded=False)
        graph = pygraphviz.AGraph(string=picture.source)
        assert graph.graph_attr['layout'] == 'nop2' and graph.number_of_nodes() > 150
        spots, columns = {}, dict[float, list[tuple[float, float]]]()
        for node in graph.nodes():
            x, height = (float(part) for part in node.attr['pos'].split(','))
            half_width, half = 36 * float(node.attr['width']), 36 * float(node.attr['height'])
            spots[str(node)] = (x - half_width, x + half_width, height)
            columns.setdefault(round(x + half_width, 1), []).append((height - half, height + half))
        for parts in columns.values():  # no box on another
            parts.sort()
            assert all(above[0] >= below[1] for below, above in pairwise(parts))
        labels = []
        for edge in graph.edges():
            points = [tuple(map(float, part.split(','))) for part in edge.attr['pos'][2:].split(' ')]
            end, *way = points
            assert way[0][0] == pytest.approx(spots[edge[0]][1], abs=0.02)
            assert end[0] == pytest.approx(spots[edge[1]][0], abs=0.02)
            if not expanded:  # no line through a box: none of another column begins where it is
                assert not [x for x in columns if way[0][0] + 1 < x < end[0] - 1], edge
            if edge.attr['label']:
                x, y = map(float, edge.attr['lp'].split(','))
                labels.append((x, y))
                assert way[0][1] == way[1][1] < y - 5
        assert len(labels) == len({*labels}) > 50
    assert nasty.label in ' '.join(svg(draw(long, limit=None, folded=False)).itertext())


def wide() -> Value:
    net = MLP(12, [12, 3], 'tanh', seed=1)
    error = half_squared_error([net([0.1 * k for k in range(12)])], [[1.0, 0.0, 0.5]])
    error.backward()
    return error


@pytest.mark.parametrize('turns', [500, pytest.param(3333, marks=pytest.mark.slow)])
def test_a_long_graph_is_drawn_from_as_many_parts_as_it_has(turns: int) -> None:
    y = loop(turns)[-1]
    picture = draw(y, limit=None, folded=False)
    source = picture.source
    parts, lines = source.count('pos="e,'), source.count('fixedsize=')
    assert picture.left_out == 0
    assert (lines, parts) == (3 + 2 * 3 * turns + 2 * (turns - 1), 3 * turns + 5 * turns)


def test_a_leaf_used_at_every_turn_is_drawn_again_with_what_each_use_adds() -> None:
    w, b, y = loop(20)
    picture = draw(y, number_format='.17g', folded=False)
    found, place = nodes(picture), {node: k for k, node in enumerate(topological_order(y))}
    again = [shown(look['label']).split() for name, look in found.items() if 'in' in name]
    assert [words[0] for words in again].count('w') == [words[0] for words in again].count('b') == 19
    assert {words[1] for words in again} == {'adds'}
    for leaf, name in [(w, 'w'), (b, 'b')]:
        words = shown(found[f'v{place[leaf]}']['label']).split()
        assert words[:3] == [name, '20', 'uses'] and float(words[-1]) == leaf.grad
        first = next(node for node in place if leaf in node.inputs)
        added = [first.grad * first.partials[first.inputs.index(leaf)], *(float(k[2]) for k in again if k[0] == name)]
        assert math.fsum(added) == pytest.approx(leaf.grad, rel=1e-12)


def test_what_is_drawn_again_has_a_name_and_its_colours() -> None:
    w, _, y = loop(20, labels=False)
    w.label = '<b>'
    found, place = nodes(draw(y, folded=False)), {node: k for k, node in enumerate(topological_order(y))}
    copies = {name: look for name, look in found.items() if 'in' in name}
    names = {shown(look['label']).split(' adds')[0] for look in copies.values()}
    b = next(k for node, k in place.items() if node.data == 0.1 and not node.inputs)
    assert names == {'<b>', f'v {b}'} and shown(found[f'v{b}']['label']).startswith(f'v {b} 20 uses')
    assert {look['fillcolor'] for look in copies.values()} == {found[f'v{b}']['fillcolor']}
    assert all('again: data = ' in look['tooltip'] for look in copies.values())


def test_constants_and_branches_not_taken_are_drawn_again_without_a_number() -> None:
    x, two = Value(-1.0, 'x'), Constant(2.0)
    y = x
    for _ in range(10):
        y = where(x.greater(0.0), x, y.sin() * two)
    y.backward()
    picture = draw(y, labels={}, marked=[x], folded=False)
    copies = {name: look for name, look in nodes(picture).items() if 'in' in name}
    told = {shown(look['label']) for look in copies.values()}
    assert 'x' in told and '2' in told and not any(text.startswith('2 ') for text in told)
    for tail, _, look in edges(picture):
        if tail in copies and shown(copies[tail]['label']) in ('x', '2'):
            assert look['style'] == 'dashed'


def test_a_dot_drawn_expanded_repeats_its_weights_too() -> None:
    w, h = [Value(0.5, 'w1'), Value(0.25, 'w2')], [Value(1.0), Value(2.0)]
    for _ in range(10):
        h = [dot(w, h, 0.0), h[0]]
    picture = draw(h[0], expanded=True, limit=None)
    assert sum(shown(look['label']).startswith('w1 adds') for look in nodes(picture).values()) == 9


def test_a_small_graph_is_drawn_without_copies() -> None:
    x, w = Value(2.0, 'x'), Value(3.0, 'w')
    y = ((x * w + x).tanh() * w + x).tanh()
    assert not [name for name in nodes(draw(y)) if 'in' in name]


def test_a_fraction_that_no_float_holds_is_drawn_again() -> None:
    w = Value(Fraction(10**400), 'w')
    y = Value(Fraction(1))
    for _ in range(8):
        y = y * w
    assert svg(draw(y, signals=dict.fromkeys(topological_order(y), 0.5))) is not None


def test_several_roots_share_nodes() -> None:
    x = Value(2.0, 'x')
    picture = draw(x + 1.0, x * 2.0)
    assert sum('<b>x</b>' in look['label'] for look in nodes(picture).values()) == 1


# dot, whole and expanded.


def neuron() -> tuple[list[Value], list[Value], Value, Value]:
    w = [Value(0.5, 'w1'), Value(-0.25, 'w2')]
    x = [Value(3.0, 'x1'), Value(8.0, 'x2')]
    b = Value(0.125, 'b')
    r = dot(w, x, b)
    r.backward(2.0)
    return w, x, b, r


def test_dot_is_one_node() -> None:
    *_, r = neuron()
    operations = [shown(look.get('label')) for name, look in nodes(draw(r)).items() if name.endswith('op')]
    assert operations == ['Σ w·x + b']


def test_dot_expands_into_products_and_their_sum() -> None:
    w, x, _, r = neuron()
    w[0].data = x[1].data = 100.0  # after the fact: the picture is of what ran
    picture = draw(r, expanded=True)
    found = nodes(picture)
    operations = sorted(shown(look.get('label')) for look in found.values() if look.get('shape') == 'circle')
    assert operations == ['×', '×', 'Σ']
    assert [shown(found[name]['label']) for name in ('v5op0', 'v5op1')] == ['data 1.5 grad 2', 'data −2 grad 2']
    into_sum = [(tail, shown(look.get('label'))) for tail, head, look in edges(picture) if head == 'v5op']
    assert sorted(into_sum) == [('v4', '1'), ('v5op0', '1'), ('v5op1', '1')]
    assert {shown(look.get('label')) for _, head, look in edges(picture) if head == 'v5op0times'} == {'3', '0.5'}


def test_a_product_of_constants_carries_no_signal() -> None:
    r = dot([2.0, Value(3.0)], [4.0, 5.0], 1.0)
    r.backward()
    picture = draw(r, expanded=True)
    name = f'v{len(topological_order(r)) - 1}op'
    assert shown(nodes(picture)[f'{name}0']['label']) == 'data 8 grad 0'
    looks = {tail: look.get('style') for tail, head, look in edges(picture) if head == name}
    assert looks[f'{name}0'] == 'dashed'
    assert looks[f'{name}1'] != 'dashed'


@pytest.mark.parametrize('name', ['sum', 'logsumexp'])
def test_sums_over_many(name: str) -> None:
    xs = [Value(float(i)) for i in range(5)]
    picture = draw(getattr(functions, name)(xs))
    assert sum(head == 'v5op' for _, head, _ in edges(picture)) == 5


# The limit.


@examples(30)
@given(programs(), st.integers(1, 8), st.booleans())
def test_limit_says_what_it_leaves_out(program: Program, limit: int, expanded: bool) -> None:
    root = next((node for node in reversed(record(program)) if isinstance(node, Value)), Value(1.0))
    order = topological_order(root)
    picture = draw(root, limit=limit, expanded=expanded)
    drawn = [name for name in nodes(picture) if re.fullmatch(r'v\d+', name)]
    assert len(drawn) == min(limit, len(order))
    assert f'v{len(order) - 1}' in drawn
    assert picture.left_out == len(order) - len(drawn)
    said = ' '.join(svg(picture).itertext())
    assert (f'{picture.left_out} left out' in said) == bool(picture.left_out)


def test_an_ellipsis_counts_the_inputs_that_are_not_there() -> None:
    picture = draw(functions.sum([Value(1.0) for _ in range(1000)]), limit=10)
    assert picture.left_out == 991
    assert shown(nodes(picture)['v1000opmore']['label']) == '⋯ 991 more'


def test_an_expanded_dot_counts_both_factors_of_a_product() -> None:
    w, x = [Value(1.0) for _ in range(3)], [Value(1.0) for _ in range(3)]
    picture = draw(dot(w, x, Value(1.0)), limit=6, expanded=True)  # the sum, three w, two x
    assert picture.left_out == 2
    assert shown(nodes(picture)['v7opmore']['label']) == '⋯ 3 more'


def test_the_nearest_nodes_are_kept() -> None:
    x, z = Value(1.0, 'x'), Value(2.0, 'z')
    y = (x.sin().sin() + z).tanh()
    assert [name in draw(y, limit=4).source for name in ('<b>z</b>', '<b>x</b>')] == [True, False]


@pytest.mark.parametrize('depth', [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_deep_graph_is_cut(depth: int) -> None:
    y = x = Value(1.0)
    for _ in range(depth):
        y = y + x
    assert draw(y, limit=5, folded=False).left_out == depth + 1 - 5


# Labels, which may be anything.


@for_each('label', NASTY)
def test_labels_cannot_inject(label: str) -> None:
    plain, nasty = svg(draw(Value(1.0, 'plain') * 2.0)), svg(draw(Value(1.0, label) * 2.0))
    assert [e.tag for e in plain.iter()] == [e.tag for e in nasty.iter()]
    texts = [e.text for e in nasty.iter(f'{SVG}text')]
    assert texts[[e.text for e in plain.iter(f'{SVG}text')].index('plain')] == label
    titles = [e.get('{http://www.w3.org/1999/xlink}title') or '' for e in nasty.iter(f'{SVG}a')]
    assert f'{label}: data = 1.0, grad = 0.0' in titles


@examples(80)
@given(st.text(max_size=60))
def test_any_label_is_drawn(label: str) -> None:
    picture = draw(Value(1.0, label) * 2.0)
    found = svg(picture)
    assert [group.get('class') for group in found.iter(f'{SVG}g')].count('node') == len(nodes(picture)) == 4


def test_control_characters_are_shown_and_long_labels_cut() -> None:
    (text, *_) = [e.text or '' for e in svg(draw(Value(1.0, '\x00\x1b\x7f' + 'x' * 1000))).iter(f'{SVG}text')]
    assert text.startswith('␀␛␡xxx')
    assert text.endswith('…')
    assert len(text) == 40


def test_a_label_may_have_lines() -> None:
    assert [e.text for e in svg(draw(Value(1.0, 'two\nlines'))).iter(f'{SVG}text')][:2] == ['two', 'lines']


# Always the same picture.


@pytest.mark.slow
def test_source_is_the_same_in_every_process() -> None:
    code = (
        'from microgradnet import MLP, half_squared_error; from microgradnet.drawing import draw, draw_network; '
        'net = MLP(3, [4, 2], seed=1); '
        'e = half_squared_error([net([1., 2., 3.])], [[0., 1.]]); e.backward(); '
        'print(draw(e, limit=30).source, draw(e, expanded=True).source, draw_network(net).source)'
    )
    assert 'digraph' in printed_whatever_hashes(code)


@pytest.mark.parametrize('wrong', [3.0, 'x', None, [Value(1.0)]])
def test_draw_wants_a_value(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f'draw wants a Value, not .*{type(wrong).__name__}'):
        draw(wrong)


def test_draw_wants_something_and_a_limit_above_zero() -> None:
    with pytest.raises(TypeError, match='at least one Value'):
        draw()
    with pytest.raises(ValueError, match='at least 1 node, not 0'):
        draw(Value(1.0), limit=0)


def test_graphviz_comes_only_with_the_first_picture() -> None:
    code = (
        "import sys, microgradnet.drawing as d; assert 'graphviz' not in sys.modules; "
        "d.draw; assert 'graphviz' in sys.modules; assert set(d.__all__) <= set(dir(d))"
    )
    subprocess.run([sys.executable, '-W', 'error', '-c', code], check=True)


# The two ways of rendering, and neither.

FAKE_DOT = """#!{python}
import sys
data = b'<svg>drawn by dot with ' + ' '.join(sys.argv[1:]).encode() + b'</svg>'
sys.stdin.read()
sys.stdout.buffer.write(data)
"""


@pytest.fixture
def no_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    empty = tmp_path / 'bin'
    empty.mkdir()
    monkeypatch.setenv('PATH', str(empty))
    monkeypatch.chdir(tmp_path)
    return empty


@pytest.fixture
def no_renderer(no_dot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)


@pytest.fixture
def fake_dot(no_dot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != 'posix':
        pytest.skip('needs an executable script')
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)
    for name in ('dot', 'neato'):
        (no_dot / name).write_text(FAKE_DOT.format(python=sys.executable))
        (no_dot / name).chmod(0o755)


@pytest.mark.usefixtures('no_renderer')
def test_where_there_are_no_processes_there_is_no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python in a browser has none, and says so by another error than that of a program that is not found."""
    trouble = OSError(errno.ENOTSUP, 'emscripten does not support processes.')

    def refuse(*arguments: Any, **options: Any) -> None:
        raise trouble

    monkeypatch.setattr(subprocess, 'Popen', refuse)
    picture = draw(example()[-1])
    with pytest.raises(RendererNotFound, match='tanh'):
        picture.pipe('svg')
    assert picture._repr_svg_() is None
    trouble = OSError(errno.EACCES, 'not allowed')
    with pytest.raises(PermissionError):
        picture.pipe('svg')


@pytest.mark.usefixtures('fake_dot')
def test_the_dot_program_renders_where_it_is(tmp_path: Path) -> None:
    picture = draw(example()[-1])
    assert picture.pipe(encoding='utf-8') == '<svg>drawn by dot with -Kdot -Tsvg</svg>'
    assert draw_network(MLP(1, [1])).pipe() == b'<svg>drawn by dot with -Kneato -Tsvg</svg>'
    assert picture._repr_svg_() == f'<svg style="{FIT}">drawn by dot with -Kdot -Tsvg</svg>'
    path = picture.render(outfile=tmp_path / 'graph.png', cleanup=True)
    assert b'-Tpng' in Path(path).read_bytes()


@pytest.mark.usefixtures('no_dot')
def test_pygraphviz_renders_without_dot(tmp_path: Path) -> None:
    picture = draw(example()[-1])
    assert picture.pipe()[:5] == b'<?xml'
    assert picture.pipe('png')[:4] == b'\x89PNG'
    assert 'tanh' in picture.pipe('svg', encoding='utf-8')
    for ending, start in [('svg', b'<?xml'), ('png', b'\x89PNG'), ('PNG', b'\x89PNG'), ('pdf', b'%PDF')]:
        path = picture.render(outfile=tmp_path / f'graph.{ending}')
        assert path == str(tmp_path / f'graph.{ending}')
        assert Path(path).read_bytes().startswith(start)
    assert not [*tmp_path.glob('*.gv')]
    picture.render(tmp_path / 'source.gv', outfile=tmp_path / 'graph.svg')
    assert (tmp_path / 'source.gv').read_text(encoding='utf-8') == picture.source


@pytest.mark.usefixtures('no_dot')
def test_render_names_files_as_graphviz_does() -> None:
    picture = draw(Value(1.0, 'x'))
    assert Path(picture.render('one', directory='deep/er', format='png')) == Path('deep/er/one.png')
    assert Path('deep/er/one.png').read_bytes()[:4] == b'\x89PNG'
    picture = draw(Value(1.0, 'x'))
    assert picture.render('two.gv', format='svg', renderer='cairo', cleanup=True) == 'two.gv.cairo.svg'
    assert Path('two.gv.cairo.svg').exists()
    assert not Path('two.gv').exists()


@pytest.mark.usefixtures('no_dot')
def test_view_opens_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(graphviz, 'view', opened.append)
    path = draw(Value(1.0)).render(outfile='seen.svg', view=True)
    assert opened == [path]


@pytest.mark.usefixtures('no_dot')
@pytest.mark.parametrize('picture', [draw(Value(1.0, 'x') * 2.0), draw_network(MLP(2, [2, 1]))])
def test_a_notebook_shows_it(picture: Digraph) -> None:
    bundle = picture._repr_mimebundle_()
    assert [*bundle] == ['image/svg+xml']
    assert bundle['image/svg+xml'] == picture._repr_svg_()
    root = ElementTree.fromstring(picture._repr_svg_())
    assert (root.tag, root.get('style')) == (f'{SVG}svg', 'max-width: 100%; height: auto')
    assert svg(picture).get('style') is None
    assert picture._repr_mimebundle_(include=['image/png'])['image/png'][:4] == b'\x89PNG'


def test_a_picture_says_what_it_is() -> None:
    assert repr(draw(example()[-1], limit=3)) == (
        "<Digraph graph, 3 left out; picture.render(outfile='picture.svg') writes it>"
    )
    assert repr(Digraph()) == "<Digraph; picture.render(outfile='picture.svg') writes it>"


@pytest.mark.usefixtures('no_renderer')
def test_without_either_the_error_names_both_and_keeps_the_source() -> None:
    picture = draw(example()[-1])
    for call in (picture.pipe, lambda: picture.render(outfile='x.svg')):
        with pytest.raises(RendererNotFound) as caught:
            call()
        message = str(caught.value)
        assert "'dot'" in message
        assert 'graphviz.org' in message
        assert "pip install 'microgradnet[draw]'" in message
        assert caught.value.source == picture.source
        assert message.splitlines()[2:] == tree(example()[-1], number_format='.4g').splitlines()
        assert picture.source not in message
        assert not caught.value.__cause__ and not caught.value.__context__
        assert isinstance(caught.value, graphviz.ExecutableNotFound)
        assert pickle.loads(pickle.dumps(caught.value)).source == picture.source
    assert not Path('x.gv').exists() and not Path('x.svg').exists()


@pytest.mark.usefixtures('no_dot')
def test_graphvizs_own_methods_still_work() -> None:
    picture = Digraph('mine', graph_attr={'rankdir': 'LR'})
    with picture.subgraph(name='cluster_a') as part:
        part.node('in')
    assert isinstance(picture.copy(), Digraph)
    assert 'cluster_a' in picture.pipe('svg', encoding='utf-8')
    with pytest.raises(ValueError, match='unknown format'):
        picture.pipe('no such format')


# The network.


def place(look: dict[str, str]) -> tuple[float, float]:
    x, y = look['pos'].rstrip('!').split(',')
    return float(x), float(y)


def connections(picture: Digraph) -> dict[tuple[str, str], dict[str, str]]:
    return {(tail, head): look for tail, head, look in edges(picture) if look.get('class')}


def test_the_three_layer_net_of_the_derivation() -> None:
    net = MLP(2, [2, 2, 1], activation='tanh', seed=1)
    picture = draw_network(net)
    names = {look['tooltip'].split(' = ')[0] for look in connections(picture).values()}
    assert names == {
        'w_{x1,1}', 'w_{x1,2}', 'w_{x2,1}', 'w_{x2,2}', 'w_{1,3}', 'w_{1,4}', 'w_{2,3}', 'w_{2,4}',
        'w_{3,5}', 'w_{4,5}',
    }  # fmt: skip
    found = nodes(picture)
    x = {name: place(found[name])[0] for name in ['x1', 'x2', 'f1', 'f2', 'f3', 'f4', 'f5', 'y']}
    assert x['x1'] == x['x2'] < x['f1'] == x['f2'] < x['f3'] == x['f4'] < x['f5'] < x['y']
    for upper, lower in [('x1', 'x2'), ('f1', 'f2'), ('f3', 'f4')]:
        assert place(found[upper])[1] > place(found[lower])[1]
    assert ('f5', 'y') in {(tail, head) for tail, head, _ in edges(picture)}
    assert shown(found['w1_3']['label']).split()[:2] == ['w', '1,3']
    assert shown(found['f5']['label']).split() == ['f', '5', 'b', '5', f'{net.layers[2].neurons[0].bias.data:.2g}']


@examples(20)
@given(st.integers(1, 5), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 99))
def test_every_weight_is_drawn_with_its_number(inputs: int, sizes: list[int], seed: int) -> None:
    net = MLP(inputs, sizes, seed=seed)
    found, first = connections(draw_network(net)), 0
    sources = [f'x{i + 1}' for i in range(inputs)]
    count = 0
    for layer in net.layers:
        targets = [f'f{first + j + 1}' for j in range(len(layer.neurons))]
        for target, each in zip(targets, layer.neurons):
            for source, weight in zip(sources, each.weights):
                look = found[source, target]
                assert look['tooltip'].endswith(f' = {weight.data}')
                assert ('positive' in look['class']) == (weight.data > 0) == (look['style'] == 'solid')
                count += 1
        sources, first = targets, first + len(targets)
    assert len(found) == count
    ordered = sorted(found.values(), key=lambda look: abs(float(look['tooltip'].split(' = ')[1])))
    widths = [float(look['penwidth']) for look in ordered]
    assert widths == sorted(widths)


@for_each(
    'sizes', [(2, 2, 1), (2, 2, 2, 1), (1, 1), (3, 3), (4, 8, 3), (8, 3, 5), (5, 4, 4, 2), (8, 16, 16, 3)]
)
def test_labels_stand_on_their_lines_and_clear_of_each_other(sizes: tuple[int, ...]) -> None:
    picture = draw_network(MLP(sizes[0], sizes[1:], seed=3))
    found = nodes(picture)
    columns: dict[float, list[float]] = {}
    for (source, target), look in connections(picture).items():
        label = found.get(look['id'].replace('w_', 'w', 1))
        if label is not None:
            (x0, y0), (x1, y1), (x, y) = place(found[source]), place(found[target]), place(label)
            assert y == pytest.approx(y0 + (x - x0) / (x1 - x0) * (y1 - y0), abs=0.1)
            columns.setdefault(x, []).append(y)
    unsaid = [(n, m) for n, m in pairwise(sizes) if min(n, m) > 3 or max(n, m) > 9]
    assert len(columns) == len(sizes) - 1 - len(unsaid)
    assert ('point at a line for its weight' in picture.source) == bool(unsaid)
    for heights in columns.values():
        assert all(b - a >= 20 - 1e-6 for a, b in pairwise(sorted(heights)))


@pytest.mark.parametrize('scale', every(2, [1.0, 1e-7, -1.234e9, 3.0e-300]))
@pytest.mark.parametrize(
    'sizes', [(2, 2, 1), (1, 1), (3, 3), (2, 9, 2), (8, 3, 5), (1, 16, 1), (784, 10), (2, 800, 1), (5, 4, 4, 2)]
)
def test_nothing_that_is_written_of_a_net_is_small_cut_or_on_another(sizes: tuple[int, ...], scale: float) -> None:
    net = MLP(sizes[0], sizes[1:], seed=3)
    for k, parameter in enumerate(net.parameters()):
        parameter.data = (parameter.data + 0.01 * k) * scale
    names = ['a name that is long'] * sizes[0], ['another'] * sizes[-1]
    root = svg(draw_network(net, input_names=names[0], output_names=names[1]))
    texts, circles = [], []
    for group in root.iter('{http://www.w3.org/2000/svg}g'):
        if not re.match(r'node|input|neuron|output', group.get('class') or ''):
            continue
        written = [*group.iter('{http://www.w3.org/2000/svg}text')]
        found = boxes(group, written)
        assert all(size_of(text) >= 9 for text in written)
        assert all(box.inside(view(root)) for box in found)
        circle = group.find('.//{http://www.w3.org/2000/svg}ellipse')
        if circle is None or group.get('class', '').endswith('output'):  # whose circle is not seen
            texts.append(found)
            continue
        x, y, r = (float(circle.get(name, 0)) for name in ('cx', 'cy', 'rx'))
        circles.append((x, y, r))
        corners = [(box, corner) for box in found for corner in product((box.left, box.right), (box.top, box.bottom))]
        assert not [box for box, corner in corners if math.dist(corner, (x, y)) > r + 0.5]
    for one, other in combinations(texts, 2):
        assert not [pair for pair in product(one, other) if pair[0].overlaps(pair[1])]
    for box, (x, y, r) in product(chain.from_iterable(texts), circles):
        nearest = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
        assert math.dist(nearest, (x, y)) > r, box


def test_a_neuron_is_labelled_as_in_the_derivation() -> None:
    neuron = Neuron(2, 'tanh', seed=1)
    found = nodes(draw_network(neuron))
    texts = {name: shown(look.get('label')) for name, look in found.items()}
    w1, w2 = (as_written(f'{weight.data:.2g}') for weight in neuron.weights)
    assert texts == {
        'x1': 'x 1', 'x2': 'x 2', 'f1': f'f 1 b 1 {neuron.bias.data:.2g}', 'y': 'y',
        'wx1_1': f'w x1,1 {w1}', 'wx2_1': f'w x2,1 {w2}', 'inputs': 'inputs', 'g1': 'tanh', 'outputs': 'output',
    }  # fmt: skip


def test_every_svg_follows_the_page() -> None:
    """A renderer's colours that mean something have their value of a dark page beside them, for this picture alone."""
    x = Value(0.5, label='x')
    y = where(x > 2.0, x * 3.0, x / x + 0.0 * x).max(x)
    pictures = [draw(y, marked=[x]), draw(y, label='a heading'), draw_network(MLP(2, [3, 1], seed=1))]
    pictures.append(why_order().draw())
    names = set()
    for svg in [picture.pipe('svg', encoding='utf-8') for picture in pictures]:
        root = ElementTree.fromstring(svg)
        style, name = root[0].text or '', root.get('id')
        names.add(name)
        assert 'baseline-shift' not in svg
        assert root[0].tag.endswith('style') and svg.count('<style') == 1
        light, _, dark = style.partition('@media (prefers-color-scheme: dark)')
        assert '[' not in light and f'#{name}:root {{ color-scheme: light dark }}' in light
        for what in 'fill', 'stroke':
            written = {e.get(what) for e in root.iter()} - {None, 'none', 'transparent'}
            rules = dict(re.findall(rf'#{name} \[{what}="([^"]+)"\]{{{what}:(#\w+)}}', dark))
            assert written <= rules.keys()
            assert all(rules[colour] == PALETTE[WRITTEN[colour]].dark.lower() for colour in written)
    assert len(names) == len(pictures)


def test_what_is_printed_is_light() -> None:
    picture = draw(Value(1.0, label='x') * 2.0)
    assert b'<style' not in picture.as_rendered('svg')
    assert picture.pipe('png') == Digraph.as_rendered(picture, 'png')


def test_sign_is_colour_and_dashes_and_size_is_width_and_depth() -> None:
    weights = [2.0, -2.0, 0.5, -1.0, 0.0, -0.01]
    neuron = Neuron(len(weights))
    for node, weight in zip(neuron.weights, weights):
        node.data = weight
    looks = {weight: connections(draw_network(neuron))[f'x{i}', 'f1'] for i, weight in enumerate(weights, 1)}
    colours = {weight: look['color'][:7] for weight, look in looks.items()}
    assert colours == {w: POSITIVE if w > 0 else NEGATIVE if w < 0 else NEITHER for w in weights}
    assert [looks[w]['style'] for w in weights] == ['solid', 'dashed', 'solid', 'dashed', 'dotted', 'dashed']
    for larger, smaller in [(2.0, 0.5), (-2.0, -1.0), (-1.0, 0.5), (0.5, -0.01), (-0.01, 0.0)]:
        assert float(looks[larger]['penwidth']) > float(looks[smaller]['penwidth'])
        assert int(looks[larger]['color'][7:], 16) > int(looks[smaller]['color'][7:], 16)
    assert looks[2.0]['penwidth'] == looks[-2.0]['penwidth'] == '4'


def test_up_to_16_neurons_a_layer_are_all_drawn() -> None:
    whole = draw_network(MLP(8, [16, 16, 3], seed=1))
    assert whole.left_out == 0
    assert len(connections(whole)) == 8 * 16 + 16 * 16 + 16 * 3
    assert not [text for text in nodes(whole).values() if 'more' in shown(text.get('label'))]
    assert draw_network(MLP(8, [17, 16, 3], seed=1)).left_out == 2


@pytest.mark.slow
@pytest.mark.parametrize('sizes', [(1784, 2), (2, 1032, 2)], ids=['inputs', 'neurons'])
def test_long_indices_stay_in_their_circles(sizes: tuple[int, ...]) -> None:
    for group in svg(draw_network(MLP(sizes[0], [*sizes[1:]], seed=1))).iter(f'{SVG}g'):
        circle = group.find(f'.//{SVG}ellipse')
        if circle is not None and group.get('class') in ('node input', 'node neuron'):
            texts = [*group.iter(f'{SVG}text')]
            # A letter is about half as wide as high, a digit of Arial 0.556.
            wide = sum(float(t.get('font-size') or 0) * (0.5 if t.text in ('x', 'f') else 0.556 * len(t.text or ''))
                       for t in texts)  # fmt: skip
            assert wide < 1.9 * float(circle.get('rx') or 0), [t.text for t in texts]


def test_places_are_kept_by_the_layout() -> None:
    found = {}
    for group in svg(draw_network(MLP(2, [3, 1], seed=1), limit=3)).iter(f'{SVG}g'):
        ellipse = group.find(f'.//{SVG}ellipse')
        if group.get('class') in ('node input', 'node neuron') and ellipse is not None:
            found[group.get('id')] = float(ellipse.get('cx') or 0), float(ellipse.get('cy') or 0)
    assert found['f1'][0] == found['f2'][0] == found['f3'][0]
    assert found['f1'][1] < found['f2'][1] < found['f3'][1]
    assert found['f2'][1] == pytest.approx(found['f4'][1], abs=0.5)


def test_a_large_net_is_summarised() -> None:
    picture = draw_network(MLP(64, [32, 10], seed=1))
    assert picture.left_out == (64 - 15) + (32 - 15)
    texts = [shown(look.get('label')) for look in nodes(picture).values()]
    assert '⋮ 49 more' in texts
    assert '⋮ 17 more' in texts
    assert {'f1', 'f32', 'f33', 'f42', 'x64', 'y10'} <= {*nodes(picture)}
    assert len(connections(picture)) == 15 * 15 + 15 * 10


def test_a_deep_net_is_summarised() -> None:
    picture = draw_network(MLP(2, [3] * 20 + [1], seed=1))
    assert picture.left_out == 14 * 3
    assert '⋯ 14 more layers' in [shown(look.get('label')) for look in nodes(picture).values()]
    assert {'f1', 'f12', 'f55', 'f61', 'y'} <= {*nodes(picture)}


def test_names_of_inputs_and_outputs() -> None:
    net = MLP(2, [2], activation=lambda r: r)
    net.layers[0].neurons[0].weights[0].data = 0.0
    net.layers[0].neurons[0].weights[1].data = math.nan
    net.layers[0].neurons[1].weights[0].data = math.inf
    net.layers[0].neurons[1].weights[1].data = Fraction(10**400)
    picture = draw_network(net, input_names=['<b>', '\\N'], output_names=['"', '&amp;'])
    texts = [e.text for e in svg(picture).iter(f'{SVG}text')]
    assert {'<b>', '\\N', '"', '&amp;', 'identity', 'inputs', 'outputs'} <= {*texts}
    assert [look['class'].split()[1] for look in connections(picture).values()].count('neither') == 2
    with pytest.raises(ValueError, match='the net has 2 inputs, and there are 1 names of inputs'):
        draw_network(net, input_names=['x'])
    with pytest.raises(ValueError, match='the net has 2 outputs, and there are 3 names of outputs'):
        draw_network(net, output_names=['x', 'y', 'z'])


def test_an_activation_of_the_user_is_escaped() -> None:
    picture = draw_network(MLP(1, [1, 1], activation=lambda r: r.tanh()))
    assert '<lambda>' in [e.text for e in svg(picture).iter(f'{SVG}text')]


def test_a_layer_and_a_neuron_are_drawn_too() -> None:
    assert len(connections(draw_network(Layer(3, 2)))) == 6
    assert len(connections(draw_network(Neuron(3)))) == 3
    with pytest.raises(TypeError, match=r'a net to be drawn is an MLP, a Layer or a Neuron, not 3 \(int\)'):
        draw_network(3)
    with pytest.raises(ValueError, match='at least 3, not 2'):
        draw_network(Neuron(3), limit=2)


def test_parameter_names_fit_the_parameters() -> None:
    net = MLP(2, [2, 1])
    names = parameter_names(net)
    assert {*names} == {*net.parameters()}
    assert names[net.layers[1].neurons[0].weights[1]] == 'w_{2,3}'
    assert names[net.layers[1].neurons[0].bias] == 'b_3'
    error = half_squared_error([net([1.0, 2.0])], [0.0])
    texts = [e.text for e in svg(draw(error, labels=names)).iter(f'{SVG}text')]
    assert {'2,3', 'x1,1'} <= {*texts}
