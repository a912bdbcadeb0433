"""``why_order`` finds the smallest graph that a naive order gets wrong, tells why and draws it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given

from demos import why_order as demo
from microgradnet.drawing.digraph import Digraph
from microgradnet.engine.value import Value
from microgradnet.testing.foreign.order import FORMS, NAIVE, WrongOrder
from microgradnet.testing.foreign.order import why_order as find_why_order
from microgradnet.testing.foreign.straight import Program, forward, programs
from microgradnet.testing.foreign.walks import WALKS
from tests.support.examples import every, examples

why_order = cache(find_why_order)


def by_engine(source: str) -> float:
    """Run the graph's source with our engine."""
    names: dict[str, Value] = {}
    exec(source, {'Value': Value}, names)
    names['y'].backward()
    return names['x'].grad


@pytest.mark.parametrize('order', every(2, NAIVE))
def test_right_is_right_and_wrong_is_wrong(order: str) -> None:
    why = why_order(order)
    assert why.order == order
    assert why.right == {'x': by_engine(why.source)}
    assert why.wrong.keys() == why.right.keys()
    assert why.wrong != why.right


@pytest.mark.slow
@pytest.mark.parametrize('order', NAIVE)
def test_no_smaller_graph_is_wrong(order: str) -> None:
    """Every program of fewer steps, over all operands, comes out right."""
    steps = len(why_order(order).program.steps)
    for size in range(1, steps):
        choices = [
            [(name, operands) for name, kinds in FORMS for operands in operands_of(kinds, k)] for k in range(size)
        ]
        for taken in product(*choices):
            program = Program((3.0,), (2.0,), taken).needed()
            tape = program.tape()
            assert tape is not None
            assert WALKS[order](tape).signals[0] == WALKS['right'](tape).signals[0], str(program)


def operands_of(kinds: str, steps: int) -> list[tuple[int, ...]]:
    return [*product(*([0, *range(2, 2 + steps)] if kind == 'v' else [1] for kind in kinds))]


def test_the_smallest_of_all() -> None:
    why = why_order()
    assert (why.order, why.source.splitlines()) == ('recursion', ['x = Value(1.0)', 'u = 2.0 * x', 'y = u + u'])
    assert why.visits == ['y', 'u', 'x', 'u', 'x']
    assert why == find_why_order('recursion')


def test_it_tells_the_story() -> None:
    story = str(why_order('breadth first'))
    for words in [
        'Visits: y, u, v, x; in the right order y, v, u, x.',
        '  3. u sends 1 · 2 = 2 to x   <- too early: 1 so far, 3 in the end',
        '  4. v sends 1 · 2 = 2 to u   <- too late: u has sent on already',
        'x.grad is 2 and should be 6: an error signal was sent on before all of it had arrived.',
    ]:
        assert words in story
    assert '<- again: the 1 sent on before is in it' in str(why_order('recursion'))
    assert max(map(len, story.splitlines())) <= 100


@pytest.mark.parametrize('order', NAIVE)
def test_only_a_naive_order_is_faulted(order: str) -> None:
    why = why_order(order)
    assert not any(fault for _, fault in why.judged('right'))
    assert any(fault.startswith('too early') for _, fault in why.judged(order))


@examples(60, database=None)
@given(programs(FORMS, steps=7))
def test_the_right_walk_is_forward_mode(program: Program) -> None:
    tape = program.tape()
    assert tape is not None
    signals = WALKS['right'](tape).signals
    for leaf in range(tape.leaves):
        gradient, bound = forward(tape, leaf)
        assert signals[leaf] == pytest.approx(gradient, rel=0, abs=1e-12 * bound)


@examples(60, database=None)
@given(programs(FORMS, steps=7, leaves=1))
def test_faults_are_found_exactly_where_an_order_is_wrong(program: Program) -> None:
    """Positive numbers do not cancel: a message at fault is a wrong gradient, and the other way round."""
    positive = replace(program, leaves=(2.0,))
    if positive.tape() is None:
        return
    for order in NAIVE:
        why = WrongOrder(order, positive)
        assert any(fault for _, fault in why.judged(order)) == (why.right != why.wrong)


def test_the_picture_shows_both_sides(tmp_path: Path) -> None:
    why = why_order('breadth first')
    picture = why.draw()
    assert isinstance(picture, Digraph)
    assert picture.source.count('subgraph') == 2
    svg = ElementTree.fromstring(picture.pipe(format='svg', encoding='utf-8'))
    text = ''.join(svg.itertext())
    for words in ['right: consumers first', 'wrong: breadth first', 'too early', 'too late', 'instead of 6', 'visit 4']:
        assert words in text
    arrows = [line for line in picture.source.splitlines() if '->' in line]
    assert len(arrows) == 8
    assert sum('dashed' in line for line in arrows) == 1
    assert 'visits 2 and 4' in why_order('recursion').draw().source


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one of 'recursion', 'breadth first', 'depth first', not 'sideways'"):
        why_order('sideways')


@pytest.mark.slow
def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = demo.main(['--out', str(tmp_path / 'new')])
    assert [path.name for path in paths] == ['recursion.svg', 'breadth_first.svg']
    for path in paths:
        assert ElementTree.parse(path).getroot().tag.endswith('svg')
    shown = capsys.readouterr().out
    assert str(why_order('breadth first')) in shown
    assert str(paths[0]) in shown
