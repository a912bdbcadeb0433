"""The graph as a tree of lines: everything that ran is in it, once."""

import re
from fractions import Fraction

import pytest
from hypothesis import given

from microgradnet import MLP, Value, dot, half_squared_error
from microgradnet.drawing import parameter_names
from microgradnet.drawing.terminal import tree
from microgradnet.engine.value import Constant
from microgradnet.engine.walks import topological_order
from microgradnet.testing.program import Expression
from microgradnet.testing.strategies import expressions


def test_the_example_of_the_issue() -> None:
    a, b, c = Value(2.0, 'a'), Value(-3.0, 'b'), Value(10.0, 'c')
    y = (a * b + c).tanh()
    y.backward()
    assert tree(y).splitlines() == [
        '                     number     gradient   local derivative',
        'y = tanh(v_2)       0.999329   1',
        '└─ v_2 = v_1 + c    4          0.00134095  ∂y/∂v_2 = 0.00134095',
        '   ├─ v_1 = a · b  -6          0.00134095  ∂v_2/∂v_1 = 1',
        '   │  ├─ a          2         -0.00402285  ∂v_1/∂a = -3',
        '   │  └─ b         -3          0.0026819   ∂v_1/∂b = 2',
        '   └─ c            10          0.00134095  ∂v_2/∂c = 1',
    ]


def test_fractions_are_written_out_and_aligned() -> None:
    x = Value(Fraction(1, 3), 'x')
    y = x**2 / (1 + x)
    y.backward()
    text = tree(y)
    assert '7/16' in text and '1/12' in text
    assert text.endswith('x is used twice: its gradient is 1/2 - 1/16 = 7/16')


def test_an_operand_used_twice_by_one_node() -> None:
    x = Value(3.0, 'x')
    y = x * x
    y.backward()
    lines = tree(y).splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [['├─', 'x'], ['└─', 'x']]
    assert '↑' in lines[3]
    assert lines[-1] == 'x is used twice: its gradient is 3 + 3 = 6'


def test_before_backward_it_says_nothing_of_sums() -> None:
    x = Value(3.0, 'x')
    assert 'used' not in tree(x * x)


def test_constants_are_in_the_formula_only() -> None:
    x = Value(3.0, 'x')
    assert [line.strip(' └─').split('  ')[0] for line in tree(x ** -0.5).splitlines()[1:]] == ['y = x ** (-0.5)', 'x']


def test_an_edge_without_a_signal_says_so() -> None:
    c, a, b = Value(1.0, 'c'), Value(2.0, 'a'), Value(3.0, 'b')
    lines = tree(c.where(a, b)).splitlines()
    assert [('no signal' in line) for line in lines[2:]] == [True, False, True]


def test_names_do_not_clash_with_labels() -> None:
    y, v = Value(1.0, 'y'), Value(2.0, 'v_1')
    text = tree((y + v) * v)
    assert 'v_3 = v_2 · v_1' in text
    assert 'v_2 = y + v_1' in text


def test_ascii_is_ascii() -> None:
    x = Value(0.5, 'x')
    y = (x * x + x).sin()
    y.backward()
    assert tree(y, ascii=True, limit=2).isascii()
    assert tree(Value(Fraction(10**30, 3)) * 1, ascii=True).isascii()


def test_colours_change_nothing_else() -> None:
    x = Value(0.5, 'x')
    y = (x * x + x).sin()
    y.backward()
    coloured = tree(y, colour=True)
    plain = [line.rstrip() for line in re.sub('\033\\[[0-9]*m', '', coloured).splitlines()]
    assert plain == tree(y).splitlines()
    assert '\033[34m' in coloured and '\033[31m' in coloured and '\033[32m' in coloured


def test_a_limit_counts_what_it_leaves_out() -> None:
    y = Value(1.0, 'x')
    for _ in range(20_000):
        y = y.sin()
    lines = tree(y, limit=3).splitlines()
    assert len(lines) == 1 + 3 + 1
    assert lines[-1] == '… 19998 more nodes'
    x = Value(1.0, 'x')
    assert tree(x + x, limit=2).endswith('… more uses of these nodes')


def test_a_net_by_the_names_of_the_derivation() -> None:
    net = MLP(2, [2, 1], 'tanh', seed=1)
    error = half_squared_error([net([1.0, 0.5])], [1.0])
    for node, name in parameter_names(net).items():
        node.label = name
    error.backward()
    text = tree(error)
    assert 'w_{1,3} · v_' in text
    assert all(name in text for name in parameter_names(net).values())


def test_long_sums_are_not_written_out() -> None:
    x = [Value(1.0, f'x{k}') for k in range(40)]
    assert 'dot of 81 operands' in tree(dot(x, x, 1.0))


def test_labels_cannot_break_the_lines() -> None:
    assert len(tree(Value(1.0, 'a\nb') + 1).splitlines()) == 3


@pytest.mark.parametrize('limit', [0, -1])
def test_limits_that_make_no_sense(limit: int) -> None:
    with pytest.raises(ValueError, match='the limit of a tree must be a whole number of at least 1'):
        tree(Value(1.0), limit=limit)


def test_it_wants_a_value() -> None:
    with pytest.raises(TypeError, match='not of 3'):
        tree(3)  # type: ignore[arg-type]


def test_huge_numbers() -> None:
    x, z = Value(Fraction(10**400), 'x'), Value(1e-300, 'z')
    y = x * x - x
    y.backward()
    assert '≈∞' in tree(y)
    assert '∞' in tree(Value(float('inf'), 'x') * z) and 'inf' in tree(Value(float('inf'), 'x') * z, ascii=True)
    q = Value(Fraction(1, 3), 'q')
    w = q.sin() + q
    w.backward(seed=Fraction(10**400))  # its float is infinite
    assert 'w = ' not in tree(w)


@given(expressions())
def test_every_node_has_one_line(expression: Expression) -> None:
    _, y = expression.record()
    y.backward()
    nodes = [node for node in topological_order(y) if not isinstance(node, Constant)]
    lines = tree(y, limit=None).split('\n\n')[0].splitlines()[1:]
    assert sum('↑' not in line for line in lines) == len(nodes)
    edges = sum(not isinstance(source, Constant) for node in nodes for source in node.inputs)
    assert len(lines) == 1 + edges
