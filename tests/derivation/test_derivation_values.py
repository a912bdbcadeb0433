"""Derivations of any expression: each line true, the sum over paths what ``backward`` gives."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions
from microgradnet.derivation import derive
from microgradnet.engine.value import Value
from tests.derivation.test_derivation import close, find_changes
from tests.support.derivation_reader import Reader, Wrong
from tests.support.examples import examples

UNARY = ['tanh', 'sigmoid', 'sin', 'cos', 'neg', 'softplus']
BINARY = ['add', 'sub', 'mul', 'div', 'dot', 'square', 'cube', 'constant', 'root', 'log', 'exp']


@st.composite
def expressions(draw: st.DrawFn) -> tuple[Value, list[Value]]:
    """Draw an expression of a, b and a leaf without a label, whose derivatives are not too large."""
    numbers = st.floats(-2, 2, allow_subnormal=False).map(lambda x: round(x, 2) or 0.5)
    leaves = [Value(draw(numbers), label) for label in ('a', 'b_1', '')]
    nodes: list[Value] = [*leaves]
    for _ in range(draw(st.integers(1, 6))):
        u, v = (draw(st.sampled_from(nodes)) for _ in 'uv')
        kind = draw(st.sampled_from(UNARY + BINARY))
        made: Any = {
            'add': lambda u=u, v=v: u + v, 'sub': lambda u=u, v=v: u - v, 'mul': lambda u=u, v=v: u * v,
            'div': lambda u=u, v=v: u / (v * v + 1.0), 'dot': lambda u=u, v=v: functions.dot([u, v], [v, v], 0.5),
            'square': lambda u=u: u**2, 'cube': lambda u=u: u**3, 'neg': lambda u=u: -u,
            'constant': lambda u=u, v=v: -1.5 * u + v * 1.0 - 0.25, 'root': lambda u=u: (u * u + 1.0).sqrt(),
            'log': lambda u=u: (u * u + 1.0).log(), 'exp': lambda u=u: u.tanh().exp(),
        }.get(kind, lambda u=u, kind=kind: getattr(u, kind)())()  # fmt: skip
        if abs(made.data) < 100:
            nodes.append(made)
    return nodes[-1], leaves


@examples(60)
@given(problem=expressions(), place=st.integers(0, 2))
def test_every_line_is_true_and_the_sum_is_the_engines(problem: Any, place: int) -> None:
    y, leaves = problem
    wrt = leaves[place]
    try:
        text = str(derive(y, wrt, limit=50))
    except ValueError as error:
        assert 'does not depend on' in str(error) or 'the limit is 50' in str(error)
        return
    reader = Reader(text)
    assert wrt.grad == 0
    y.backward()
    assert close(reader.gradient[0], wrt.grad) or abs(wrt.grad) < 1e-6
    if y.inputs:
        assert close(reader.found[reader.of][0], y.data)
    labelled = {leaf.label: leaf.data for leaf in leaves if leaf.label}
    assert {
        n: [number] for n, number in labelled.items() if n in reader.given
    }.items() <= reader.given.items()
    formulas = [side for side in re.split(' = |\n', text) if re.search('[a-z]', side)]  # in others numbers were put
    assert not any(' 1 ·' in side or side.startswith('1 ·') for side in formulas)
    assert '+ -' not in text and '- -' not in text


def test_what_does_not_move_is_written_out_where_it_goes_in() -> None:
    x, a, b = Value(0.5, 'x'), Value(2.0, 'a'), Value(3.0, 'b')
    text = str(derive(x * (a * b + 1.0) * functions.where(a > 1.0, lambda: a * 3.0, b), x))
    assert 'v_1 = x · (a · b + 1) = 0.5 · (2 · 3 + 1) = 3.5' in text and 'x_1' not in text
    assert 'y = v_1 · 3 · a = 3.5 · 3 · 2 = 21' in text
    assert Reader(text).given == {'x': [0.5], 'a': [2.0], 'b': [3.0]}


def test_what_does_not_move_is_a_step_where_it_is_long_or_has_a_label() -> None:
    x, a, b = Value(0.5, 'x'), Value(2.0, 'a'), Value(3.0, 'b')
    u = a * b
    u.label = 'u'
    long = (a * b + a.tanh() * b.tanh() + b.exp() / a).tanh()
    text = str(derive(x * u * long, x))
    reader = Reader(text)
    assert 'u = a · b = 2 · 3 = 6' in text and 'v_2 = a · b + tanh(a)' in text
    assert {*reader.given} == {'x', 'a', 'b'} and reader.found['u'] == [6.0]


def test_one_character_changed_is_found() -> None:
    a, b = Value(0.37, 'a'), Value(-1.3, 'b')
    y = ((a * b - 2.0).tanh() * a + a**3 / b - 2 * b * a * a).sigmoid().sqrt()
    find_changes(str(derive(y, a)), 300)
    find_changes(str(derive(y, b)), 100)


def test_fractions_stay_exact() -> None:
    x = Value(Fraction(1, 3), 'x')
    reader = Reader(str(derive(x * x / 7 - 2 * x, x)))
    assert reader.gradient == [Fraction(2, 21) - 2]


def test_the_derivative_by_a_node_inside() -> None:
    x = Value(0.5, 'x')
    u = x.tanh()
    u.label = 'u'
    text = str(derive(u * u + x, u))
    assert f'u = {u.data!r}' in text and text.endswith('dy/du = P_1 = 0.924234  (6)')
    assert 'By itself:\n    dx/dx = 1' in str(derive(x, x))


def test_numbers_are_added_up() -> None:
    x = Value(0.5, 'x')
    assert '∂y/∂x = 0\n' in str(derive(x - x, x)) and '∂y/∂x = 2\n' in str(derive(x + x, x))


def test_an_edge_without_a_signal_is_no_path() -> None:
    x = Value(0.5, 'x')
    text = str(derive(functions.stop_gradient(x) * x, x))
    Reader(text)
    assert 'Path 1' in text and 'Path 2' not in text and text.endswith('dy/dx = P_1 = 0.5  (6)')


def test_a_choice_shows_the_side_taken() -> None:
    x = Value(-2.0, 'x')
    text = str(derive(functions.where(x > 0, lambda: x.log(), x * x) + abs(x), x))
    assert '∂v_1/∂x = 2 · x = 2 · (-2) = -4' in text and '∂v_2/∂x = sign(x) = sign(-2) = -1' in text
    chosen = functions.where(functions.greater(x, 0.0), x * 3.0, x * x)
    assert 'dy/dx = P_1 = -4' in str(derive(chosen, x))


def test_labels_that_are_no_names_are_not_used() -> None:
    x, again, odd = Value(1.0, 'x'), Value(2.0, 'x'), Value(3.0, '<b>x & y</b>')
    text = str(derive(x * again * odd, odd))
    Reader(text)
    assert '<b>' not in text and 'x_1 = 2' in text and 'x_2 = 3' in text


def test_too_many_paths_are_refused() -> None:
    x = Value(1.0, 'x')
    y = x
    for _ in range(40):
        y = y + y.sin()
    with pytest.raises(
        ValueError, match=f'{2**40} paths lead from x to y, and each is written out; the limit is 64'
    ):
        derive(y, x)
    for _ in range(4000):
        y = y + y.cos()
    with pytest.raises(ValueError, match=r'about 10\^1216 paths lead'):
        derive(y, x)
    with pytest.raises(ValueError, match='not in its graph'):
        derive(x, y)
    with pytest.raises(TypeError, match='takes the node to derive by'):
        derive(x, 1.0)


def test_infinite_derivatives_are_refused() -> None:
    x = Value(0.0, 'x')
    with pytest.raises(ValueError, match='∂y/∂x is inf: a derivation needs finite numbers'):
        derive(x.sqrt(), x)


def test_a_fraction_within_a_fraction_or_a_power_has_brackets() -> None:
    x = Value(Fraction(2), 'x')
    text = str(derive(x ** Fraction(-3) / Fraction(1, 3), x))
    Reader(text)
    assert 'y = v_1 / (1/3) = 1/8 / (1/3) = 3/8' in text
    assert 'y = x^(1/3)' in str(derive(x ** Fraction(1, 3), x))


def test_a_long_chain_is_no_deeper_than_a_short_one() -> None:
    x = Value(0.5, 'x')
    y = x
    for _ in range(1000):
        y = -y
    assert str(derive(y, x)).endswith('dy/dx = P_1 = 1  (1002)')


def test_the_reader_believes_nothing() -> None:
    x = Value(0.5, 'x')
    text = str(derive(x * x, x))
    for old, new in [
        ('2 · x', '2 · x · x'),
        ('dy/dx = P_1', 'dy/dx = x'),
        ('y = x^2', 'y = x^3'),
        ('= 1\n', '= 2\n'),
    ]:
        if old in text:
            with pytest.raises(Wrong):
                Reader(text.replace(old, new))
