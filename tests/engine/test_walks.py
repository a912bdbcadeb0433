"""The pure walks: order, consumers, what depends on what; on graphs of anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from microgradnet.engine.value import Value
from microgradnet.engine.walks import consumers, depends_on, topological_order
from tests.support.examples import examples
from tests.support.programs import Program, programs, record, values


class Node:
    """The least that a walk asks for; equal to every other, as two Values of the same data are."""

    def __init__(self, name: int, inputs: Sequence[Node] = ()) -> None:
        self.name, self.inputs = name, tuple(inputs)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return f'{self.name}({", ".join(str(source.name) for source in self.inputs)})'


def graph(edges: Sequence[Sequence[int]]) -> list[Node]:
    """Make a graph: node i has the inputs ``edges[i]``, taken modulo i."""
    nodes: list[Node] = []
    for name, inputs in enumerate(edges):
        nodes.append(Node(name, [nodes[index % name] for index in inputs] if name else ()))
    return nodes


GRAPHS = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=12).map(graph)


def by_definition(*roots: Node) -> list[Node]:
    """List a graph by the recursive definition of a depth-first walk, inputs first."""
    order: list[Node] = []

    def visit(node: Node) -> None:
        if not any(node is listed for listed in order):
            for source in node.inputs:
                visit(source)
            order.append(node)

    for root in roots:
        visit(root)
    return order


@examples(50)
@given(GRAPHS, st.lists(st.integers(0, 11), min_size=1, max_size=3))
def test_the_order_is_that_of_the_recursive_walk(nodes: list[Node], picked: list[int]) -> None:
    roots = [nodes[index % len(nodes)] for index in picked]
    assert [node.name for node in topological_order(*roots)] == [node.name for node in by_definition(*roots)]


@examples(50)
@given(GRAPHS)
def test_every_node_comes_once_and_after_its_inputs(nodes: list[Node]) -> None:
    order = topological_order(nodes[-1])
    place = {node.name: index for index, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    assert all(place[source.name] < place[node.name] for node in order for source in node.inputs)


def test_many_inputs_keep_the_order_that_few_have() -> None:
    leaves = [Node(name) for name in range(6)]
    inner = Node(6, [leaves[5], leaves[0]])
    wide = Node(7, [leaves[1], inner, leaves[2], leaves[3], leaves[1], leaves[4], leaves[0]])
    assert [node.name for node in topological_order(wide)] == [1, 5, 0, 6, 2, 3, 4, 7]


def test_no_roots_no_nodes() -> None:
    assert topological_order() == []
    assert consumers([]) == {}
    assert depends_on([], []) == set()


@examples(50)
@given(programs())
def test_the_order_of_a_recorded_program_is_one_in_which_it_can_be_run_again(program: Program) -> None:
    root = values(record(program))[-1]
    again: dict[int, float] = {}
    for node in topological_order(root):
        if node.op is None:
            again[id(node)] = node.data
        else:
            again[id(node)] = node.op.value('python')(
                *node.op.split([again[id(source)] for source in node.inputs])
            )
    assert again[id(root)] == root.data


@examples(50)
@given(GRAPHS)
def test_consumers_are_the_edges_turned_around(nodes: list[Node]) -> None:
    order = topological_order(nodes[-1])
    edges = {(node.name, place, source.name) for node in order for place, source in enumerate(node.inputs)}
    turned = consumers(order)
    assert {(to.name, place, node.name) for node, uses in turned.items() for to, place in uses} == edges
    assert sum(map(len, turned.values())) == len(edges)
    assert len(turned) == len(order)


@examples(50)
@given(GRAPHS, st.lists(st.integers(0, 11), max_size=3))
def test_depends_on_is_reachability(nodes: list[Node], picked: list[int]) -> None:
    order = topological_order(nodes[-1])
    leaves = [order[index % len(order)] for index in picked]
    names = {leaf.name for leaf in leaves}
    expected = {node.name for node in order if names & {each.name for each in by_definition(node)}}
    assert {node.name for node in depends_on(order, leaves)} == expected


def test_walks_do_not_recurse() -> None:
    node: Any = Node(0)
    for name in range(1, 20_000):
        node = Node(name, (node, node))
    order = topological_order(node)
    assert [each.name for each in order] == [*range(20_000)]
    assert len(depends_on(order, order[:1])) == len(consumers(order)) == 20_000
    while node.inputs:  # let go of the chain from its end, as a tuple of tuples would recurse
        node, node.inputs = node.inputs[0], ()


def test_values_of_equal_data_are_different_nodes() -> None:
    a, b = Value(1.0), Value(1.0)
    y = a * b
    assert a == b
    assert len(topological_order(y)) == 3
    y.backward()
    assert (a.grad, b.grad) == (1.0, 1.0)
