"""Graphs folded into plates: unfolded they are what was recorded, node by node, and the plates are the program's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from microgradnet import Value
from microgradnet.drawing.plates import Folded, Item, Plate, Site, folded_graph
from microgradnet.engine.bare import bare, recorded
from microgradnet.engine.value import Constant
from tests.support.examples import examples, for_each
from tests.support.graphs import NET, accumulated, batch, delayed, loop, recurrent, runge_kutta, spring
from tests.support.programs import Program, programs, record

GRAPHS = [loop, spring, runge_kutta, recurrent, delayed, accumulated, batch]


def unfolded(body: Sequence[Item], turns: tuple[int, ...] = ()) -> Iterator[tuple[Site, tuple[int, ...]]]:
    """Walk through the operations as the plates say they were recorded."""
    for item in body:
        if isinstance(item, Site):
            yield item, turns
        else:
            for turn in range(item.times):
                yield from unfolded(item.body, (*turns, turn))


def check(roots: Sequence[Value]) -> Folded:
    """See that a folded graph is the graph."""
    folded, order = folded_graph(roots), recorded(roots)
    walked = [*unfolded(folded.body)]
    assert len(walked) == len(order)
    for place, (node, (site, turns)) in enumerate(zip(order, walked)):
        assert site.op is node.op and folded.node(site, turns) is node
        operands = [folded.operand(site, position, turns) for position in range(len(site.operands))]
        assert all(map(same, operands, bare(node))) and len(operands) == len(bare(node))
        assert folded.site_of(place) == (site, turns)
    for site in folded.sites:
        mine = [folded.node(site, turns) for other, turns in walked if other is site]
        assert all(map(same, folded.nodes(site), mine)) and len(folded.nodes(site)) == len(mine)
        for position in range(len(site.operands)):
            check_sources(folded, site, position, [turns for other, turns in walked if other is site])
    return folded


def same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, float) and one.hex() == float(other).hex())


def check_sources(folded: Folded, site: Site, position: int, turns: list[tuple[int, ...]]) -> None:
    """See that an operand comes from where it is said to, in the last turn and in the first."""
    source, *begins = folded.sources(site, position)
    last = folded.operand(site, position, turns[-1])
    if source.site is None:
        assert any(same(last, leaf) for leaf in source.leaves) and not begins
        used = [folded.operand(site, position, turn) for turn in turns]
        assert all(any(same(leaf, use) for use in used) for leaf in source.leaves)
        assert all(any(same(leaf, use) for leaf in source.leaves) for use in used)
        return
    assert any(last is node for node in folded.nodes(source.site))
    assert bool(begins) == (source.way in ('carried', 'earlier'))
    if begins and begins[-1].site is None:
        assert any(same(folded.operand(site, position, turns[0]), leaf) for leaf in begins[-1].leaves)


@for_each('graph', GRAPHS)
@for_each('turns', [1, 2, 3, 7, 30])
def test_unfolded_again_it_is_the_graph(graph: Any, turns: int) -> None:
    check([graph(turns)])


@examples(60)
@given(programs(), st.integers(1, 12))
def test_a_random_program_in_a_loop_is_the_graph(program: Program, turns: int) -> None:
    roots = [node for _ in range(turns) for node in record(program) if isinstance(node, Value) and node.op]
    if roots:
        check(roots)


@for_each(
    ('graph', 'wanted'),
    [
        (loop, 'x 30:\n    mul\n    add\n    tanh'),
        (spring, 'x 30:\n    mul\n    add\n    mul\n    mul\n    sub\nmul\nmul\nadd'),
        (accumulated, 'x 30:\n    x 4:\n        exp\n        mul\n        add'),
        (batch, 'x 30:\n    x 4:\n        dot\n        tanh\n    x 4:\n        dot\n        tanh\n    dot\n'
                'x 30:\n    sub\ndot\ndiv'),
        (recurrent, 'x 30:\n    x 4:\n        dot\n        tanh\n    x 4:\n        dot\n        sigmoid\n'
                    '    x 4:\n        sub\n        mul\n        mul\n        add\nmul\nmul\nmul'),
    ],
    ids=lambda what: getattr(what, '__name__', ''),
)  # fmt: skip
def test_the_plates_are_the_loops_that_were_written(graph: Any, wanted: str) -> None:
    assert str(folded_graph([graph(30)])) == wanted


def test_the_stages_of_a_step_are_a_loop_in_it() -> None:
    outer = folded_graph([runge_kutta(30)]).body[0]
    assert isinstance(outer, Plate) and outer.times == 30
    assert [item.times for item in outer.body if isinstance(item, Plate)] == [3]


def test_a_first_turn_that_differs_by_what_is_not_carried_is_none_of_the_loop() -> None:
    y, b, u = Value(0.9), Value(0.5), Value(0.3).exp()
    for factor in [b] + [u] * 30:
        y = (y * factor).tanh()
    assert str(check([y])) == 'exp\nmul\nx 30:\n    tanh\n    mul\ntanh'


def test_sources_are_named_by_their_way() -> None:
    folded = folded_graph([spring(30)])
    mul, add, times, product, sub, *_, square, total = folded.sites
    assert [(source.way, source.site) for source in folded.sources(mul, 1)] == [('carried', sub), ('leaf', None)]
    assert [source.way for source in folded.sources(mul, 0)] == ['leaf']
    assert [(source.way, source.depth) for source in folded.sources(product, 1)] == [('carried', 1), ('leaf', 0)]
    assert [source.way for source in folded.sources(add, 1)] == ['here']
    assert [(source.way, source.site) for source in folded.sources(square, 0)] == [('last', sub)]
    assert [(source.way, source.site) for source in folded.sources(total, 1)] == [('here', square)]
    [k] = folded.sources(times, 1)
    assert [(leaf.label, k.depth) for leaf in k.leaves] == [('k', 0)]


def test_what_walks_along_has_its_leaves_at_its_depth() -> None:
    folded = folded_graph([batch(30)])
    first, *_ = folded.sites
    [weight], [number] = folded.sources(first, 0), folded.sources(first, 3)
    assert weight.leaves == [neuron.weights[0] for neuron in NET.layers[0].neurons] and weight.depth == 0
    assert (len(number.leaves), number.depth) == (30, 1) or number.depth == 2


def test_what_is_carried_for_two_turns_is_said_to_come_from_earlier() -> None:
    folded = folded_graph([delayed(30)])
    mul = next(site for site in folded.sites if site.op.name == 'mul' and site.path)
    assert sorted(folded.sources(mul, k)[0].way for k in (0, 1)) == ['earlier', 'here']


def test_a_million_nodes_fold() -> None:
    """Counted, not timed: what is folded is as long as the program, however often it was gone through."""
    short, long = folded_graph([loop(20)]), folded_graph([loop(20_000)])
    assert str(long) == str(short).replace('20', '20000') and len(long.order) == 60_000
    assert len(long.sites) == 3 and len(long.nodes(long.sites[0])) == 20_000


def test_shared_constants_are_leaves() -> None:
    two, y = Constant(2.0), Value(1.0)
    for _ in range(10):
        y = y.sin() * two
    folded = folded_graph([y])
    mul = next(site for site in folded.sites if site.op.name == 'mul')
    [source] = folded.sources(mul, 1)
    assert source.leaves == [two] and source.depth == 0
