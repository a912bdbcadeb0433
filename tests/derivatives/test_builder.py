"""The very nodes that ``gradients`` makes and the very instructions of ``lower``: what must not change unnoticed."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from fractions import Fraction

from microgradnet import functions as F
from microgradnet.compiling.ir.lowering import Place
from microgradnet.compiling.ir.sweeps import lower
from microgradnet.derivatives.builder import Builder
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.context import watching
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order


def listed(*roots: Value) -> list[str]:
    """List a graph, an item for each node: what made it, of which others, and its partials."""
    order = topological_order(*roots)
    place = {node: f'{i}' for i, node in enumerate(order)}
    return [
        f'{node.op.name} {" ".join(place[source] for source in node.inputs)}: {" ".join(map(str, node.partials))}'
        if node.op else node.label or repr(node)
        for node in order
    ]  # fmt: skip


def runge_kutta(steps: int) -> tuple[list[Value], Value]:
    """Follow two species for some steps; return the leaves, and the square of where they end."""
    a, b, h = Value(1.5, 'a'), Value(0.5, 'b'), 0.5
    x, y = Value(1.0, 'x'), Value(2.0, 'y')
    leaves = [a, b, x, y]

    def slope(x: Value, y: Value) -> tuple[Value, Value]:
        return a * x - b * x * y, x * y - y

    for _ in range(steps):
        k1, l1 = slope(x, y)
        k2, l2 = slope(x + h * k1, y + h * l1)
        x, y = x + h / 2 * (k1 + 2 * k2), y + h / 2 * (l1 + 2 * l2)
    return leaves, x * x + y * y


def test_numbers_are_added_up_and_given_nodes_used_again() -> None:
    x, y = Value(2.0, 'x'), Value(3.0, 'y')
    z = x * y
    assert listed(*gradients(z * 0.5 + z * 0.25 - z.sin(), [x, y])) == [
        'x', 'y', 'mul 0 1: 3.0 2.0', 'cos 2: 0.27941549819892586', 'neg 3: -1.0', 'Constant(0.75)',
        'add 4 5: 1.0 None', 'mul 6 1: 3.0 -0.21017028665036597', 'mul 6 0: 2.0 -0.21017028665036597',
    ]  # fmt: skip


def test_minus_one_is_a_neg() -> None:
    x = Value(2.0, 'x')
    assert listed(*gradients((1 - x) * x - x / 3, [x])) == [
        'Constant(1.0)', 'x', 'sub 0 1: None -1.0', 'neg 1: -1.0', 'sum 2 3: 1.0 1.0',
        'Constant(-0.3333333333333333)', 'add 4 5: 1.0 None',
    ]  # fmt: skip
    assert listed(*gradients(x - 1, [x, x, Value(1.0)])) == ['Constant(1.0)', 'Constant(1.0)', 'Constant(0.0)']


def test_a_power_with_the_exponent_nothing_is_one_and_with_one_what_there_is() -> None:
    x = Value(3.0, 'x')
    assert (Builder([x]).pow(x, 0), Builder([x]).pow(x, 1)) == (1, x)


def test_no_signal_travels_to_the_numbers_in_a_dot() -> None:
    x, y = Value(4.0, 'x'), Value(2.0, 'y')
    u = x * y
    assert listed(*gradients(u * x * 3.0 + u * u * 5.0, [x])) == [
        'Constant(3.0)', 'Constant(5.0)', 'Constant(5.0)', 'Constant(3.0)', 'x', 'y', 'mul 4 5: 2.0 4.0',
        'Constant(0.0)', 'dot 1 2 3 6 6 4 7: None None None 5.0 5.0 3.0 None', 'Constant(0.0)',
        'dot 0 8 6 5 9: None 2.0 3.0 92.0 None',
    ]  # fmt: skip
    u = Value(Fraction(4), 'u')  # beside a float all is float
    assert listed(*gradients((u * x) * 2 + (u * y) * 7, [u])) == [
        'Constant(7.0)', 'Constant(2.0)', 'y', 'x', 'Constant(0.0)', 'dot 0 1 2 3 4: None None 7.0 2.0 None',
    ]  # fmt: skip


def test_fractions() -> None:
    x, y = Value(Fraction(1, 3), 'x'), Value(Fraction(2), 'y')
    z = (x * y * Fraction(1, 2) + x * y * Fraction(1, 4) - x) * x
    assert listed(*gradients(z, [x, y])) == [
        'x', 'Constant(1/4)', 'mul 0 1: 1/4 None', 'Constant(1/2)', 'mul 0 3: 1/2 None', 'Constant(-1)', 'y',
        'mul 0 6: 2 1/3', 'Constant(1/2)', 'mul 7 8: 1/2 None', 'mul 0 6: 2 1/3', 'Constant(1/4)',
        'mul 10 11: 1/4 None', 'add 9 12: 1 1', 'sub 13 0: 1 -1', 'dot 0 2 4 5 6 6 14: -1 2 2 None 1/12 1/6 1',
        'Constant(0)', 'dot 2 4 0 0 16: 1/3 1/3 1/12 1/6 None',
    ]  # fmt: skip


def test_steps_of_runge_and_kutta() -> None:
    leaves, end = runge_kutta(3)
    found = gradients(end, leaves)
    assert [d.data for d in found] == [94.52456650786657, -249.25612931244498, 1.2019720201571928, -35.40688837682007]
    computed = {'mul': 68, 'add': 19, 'sum': 14, 'dot': 14, 'sub': 12, 'neg': 6}
    assert Counter(node.op.name for node in topological_order(end, *found) if node.op) == computed
    lowered = lower([end, *found], [], leaves, loops=False)
    assert Counter(name for name, _ in lowered.instructions) == computed | {'number': 5, 'parameter': 4, 'output': 5}


def test_nodes_are_made_once_each_in_its_turn() -> None:
    leaves, end = runge_kutta(2)
    made: list[Value] = []
    with watching(made.append):
        found = gradients(end, leaves)
    assert [node.born for node in made] == sorted({node.born for node in made})
    assert {*made} <= {*topological_order(end, *found)}


def test_given_nodes_are_told_apart_by_the_print_of_their_numbers() -> None:
    x = Value(2.0)
    given = [x * 0.5, x * 0.5, x + 0.0, x + -0.0, x + math.nan]
    g = Builder(given)
    assert g.mul(x, 0.5) is given[0] and g.mul(0.5, x) is not given[0]
    assert g.add(x, 0.0) is given[2] and g.add(x, -0.0) is given[3] and g.add(x, -math.nan) is given[4]
    assert g.mul(x, x) is g.mul(x, x) is not x * x


def test_frozen_numbers_and_what_is_folded() -> None:
    x, one, two = Value(0.5), Value(1.0), Value(2.0)
    lowered = lower([
        x * 0.0, x * -0.0, x * math.nan, x + math.nan, x * 0.0, F.sum([one, two]), F.dot([one], [two]), one + two,
        Value(0.0).exp(), x.exp(), F.greater(one, two),
    ], [x], [])  # fmt: skip
    assert str(lowered).splitlines() == [
        '0: row 0', '1: number 0.0', '2: mul 0 1', '3: number -0.0', '4: mul 0 3', '5: number nan', '6: mul 0 5',
        '7: add 0 5', '8: number 1.0', '9: number 2.0', '10: sum 8 9', '11: dot 8 9 1', '12: number 3.0', '13: exp 0',
        *(f'{14 + k}: output {k} {register}' for k, register in enumerate([2, 4, 6, 7, 2, 10, 11, 12, 8, 13, 1])),
    ]  # fmt: skip


def test_a_place_is_an_int_and_nothing_more() -> None:
    place = Place(3)
    assert place == 3 and not hasattr(place, '__dict__')
    assert all(type(pickle.loads(pickle.dumps(place, protocol))) is Place for protocol in range(6))
