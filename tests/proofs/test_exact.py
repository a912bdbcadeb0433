"""Exactly: on Fractions, reverse mode, forward mode and the rule found by hand agree by ``==``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as Q
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from tests.support.examples import examples
from tests.support.forward import BY_HAND, Rule, by_hand, by_table, forward, rational
from tests.support.programs import FRACTIONS, Program, by_function, by_operator, programs, record

NUMBERS = st.fractions(min_value=-5, max_value=5, max_denominator=12)
SEVERAL = st.lists(NUMBERS, min_size=1, max_size=4)


def exact_rule(name: str) -> Rule:
    """Return the rule written by hand where there is one, else the table's own on Fractions."""
    return by_hand(name) if name in BY_HAND else by_table(name, 'exact')


def exponents_have_no_logarithm_to_take(program: Program) -> bool:
    """Tell whether no power has a base without a logarithm: its exponent's partial is then no Fraction."""
    duals = forward(program, 0, exact_rule)
    return all(name != 'pow' or duals[operands[0]].data > 0 for name, operands in program.steps)


def same(program: Program, rule: Callable[[str], Rule], apply: Any = by_function) -> None:
    """Require every node's gradient to be forward mode's, and to be a Fraction."""
    results = record(program, apply)
    root = max(index for index, node in enumerate(results) if isinstance(node, Value))
    results[root].backward()
    for index, node in enumerate(results):
        if isinstance(node, Value) and sum(node is other for other in results) == 1:
            duals = forward(program, index, rule)
            assert isinstance(node.data, Q)
            assert isinstance(node.grad, Q)
            assert (node.data, node.grad) == (duals[index].data, duals[root].tangent)


@examples(50)
@given(programs(points=FRACTIONS, legal=rational))
def test_reverse_is_forward_over_the_table(program: Program) -> None:
    assume(exponents_have_no_logarithm_to_take(program))
    same(program, exact_rule)


@examples(50)
@given(programs(sorted(BY_HAND), points=FRACTIONS, legal=rational))
def test_reverse_is_forward_by_hand(program: Program) -> None:
    assume(exponents_have_no_logarithm_to_take(program))
    same(program, by_hand)


@examples(50)
@given(programs(sorted(BY_HAND), points=FRACTIONS, legal=rational))
def test_operators_and_methods_are_exact_too(program: Program) -> None:
    assume(exponents_have_no_logarithm_to_take(program))
    same(program, by_hand, by_operator)


def test_the_hand_rules_name_rows() -> None:
    assert BY_HAND.keys() <= operations.keys()


def gradients(f: Callable[..., Value], *numbers: Any) -> tuple[Any, list[Any]]:
    """Return a function's value and its gradient, from Values."""
    leaves = [Value(number) for number in numbers]
    y = f(*leaves)
    y.backward()
    return y.data, [leaf.grad for leaf in leaves]


@examples(50)
@given(SEVERAL)
def test_mean(numbers: list[Q]) -> None:
    n = len(numbers)
    assert gradients(lambda *x: F.mean(x), *numbers) == (sum(numbers, Q(0)) / n, [Q(1, n)] * n)


@examples(50)
@given(SEVERAL, SEVERAL)
@example([Q(1, 2)], [Q(1)])
def test_half_the_sum_of_squares(outputs: list[Q], teacher: list[Q]) -> None:
    pairs = [*zip(outputs, teacher, strict=False)]

    def error(*o: Value) -> Value:
        return F.sum([(o_i - t) ** 2 for o_i, (_, t) in zip(o, pairs, strict=True)]) / 2

    assert gradients(error, *(o for o, _ in pairs)) == (
        Q(1, 2) * sum((o - t) ** 2 for o, t in pairs),
        [o - t for o, t in pairs],
    )


@examples(50)
@given(SEVERAL, SEVERAL)
def test_half_the_sum_of_squares_as_a_product(outputs: list[Q], teacher: list[Q]) -> None:
    pairs = [*zip(outputs, teacher, strict=False)]

    def error(*o: Value) -> Value:
        differences = [o_i - t for o_i, (_, t) in zip(o, pairs, strict=True)]
        return F.dot(differences, differences) / 2

    assert gradients(error, *(o for o, _ in pairs)) == (
        Q(1, 2) * sum((o - t) ** 2 for o, t in pairs),
        [o - t for o, t in pairs],
    )


@examples(50)
@given(NUMBERS)
def test_softsign(r: Q) -> None:
    assert gradients(F.softsign, r) == (r / (1 + abs(r)), [1 / (1 + abs(r)) ** 2])


@examples(50)
@given(NUMBERS)
def test_relu_and_abs(r: Q) -> None:
    assert gradients(F.relu, r) == (r if r > 0 else 0, [1 if r > 0 else 0])
    assert gradients(abs, r) == (abs(r), [0 if r == 0 else r / abs(r)])


@examples(50)
@given(NUMBERS, NUMBERS)
@example(Q(2, 3), Q(2, 3))
def test_max_and_min(a: Q, b: Q) -> None:
    share = Q(1, 2) if a == b else Q(int(a > b))
    assert gradients(F.max, a, b) == (max(a, b), [share, 1 - share])
    assert gradients(F.min, a, b) == (min(a, b), [1 - share, share])
    assert gradients(lambda x: F.max(x, x), a) == (a, [1])
    assert gradients(lambda x: F.min(x, x), a) == (a, [1])


@examples(50)
@given(SEVERAL, SEVERAL, NUMBERS)
def test_the_net_input(weights: list[Q], inputs: list[Q], bias: Q) -> None:
    n = min(len(weights), len(inputs))
    w, x = weights[:n], inputs[:n]
    value, grads = gradients(lambda *v: F.dot(v[:n], v[n : 2 * n], v[-1]), *w, *x, bias)
    assert value == sum(w_i * x_i for w_i, x_i in zip(w, x, strict=True)) + bias
    assert grads == [*x, *w, 1]


@examples(50)
@given(NUMBERS.filter(lambda a: a > 0), st.integers(-4, 5))
def test_integer_powers(a: Q, n: int) -> None:
    expected = (a**n, [n * a ** (n - 1) if n else 0])
    assert gradients(lambda x: x**n, a) == expected
    assert gradients(lambda x: x ** Q(n), a) == expected
    assert gradients(lambda x: F.pow(x, n), a) == expected


@pytest.mark.parametrize('n', [0, 1, 2, 3])
def test_powers_of_zero(n: int) -> None:
    assert gradients(lambda x: x**n, Q(0)) == (0**n, [1 if n == 1 else 0])


def test_integer_powers_of_negative_numbers() -> None:
    for n in range(-4, 6):
        assert gradients(lambda x, n=n: x**n, Q(-2, 3)) == (Q(-2, 3) ** n, [n * Q(-2, 3) ** (n - 1)])


def test_numbers_beside_a_fraction() -> None:
    """An int stays exact; a float makes floats, as in Python."""
    third = Value(Q(1, 3))
    for y in (
        third + 1,
        1 - third,
        2 * third,
        3 / third,
        third / True,
        third**2,
        F.dot([third], [2], 1),
        F.max(third, 0),
    ):
        assert type(y.data) is Q
    for y in (
        third + 1.0,
        0.5 * third,
        Value(2.0) * third,
        third / Value(4.0),
        F.sum([third, 1.0]),
        third**0.5,
    ):
        assert type(y.data) is float
        y.backward()
        assert type(y.grad) is float
    assert (third + 0.5).data == 1 / 3 + 0.5


def test_beyond_the_rationals_there_are_floats() -> None:
    x = Value(Q(1, 4))
    y = x.sqrt() + x
    y.backward()
    assert (y.data, type(y.data)) == (0.75, float)
    assert x.grad == 2.0


def test_ints_beside_a_fraction_stay_exact_without_a_value() -> None:
    assert F.add(Q(1, 3), 1) == Q(4, 3)
    assert F.dot([Q(1, 3), 2], [3, Q(1, 2)], 1) == 3


def test_numbers_without_a_value_stay_exact() -> None:
    assert F.mean([Q(1, 3), Q(2, 3), Q(1)]) == Q(2, 3)
    assert F.softsign(Q(-1, 2)) == Q(-1, 3)
    assert F.max(Q(1, 3), Q(1, 2), Q(1, 4)) == Q(1, 2)
    assert all(type(F.add(Q(1, 3), number)) is kind for number, kind in [(Q(1, 2), Q), (1.0, float)])


def test_python_raises_what_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        Value(Q(1)) / Value(Q(0))
    with pytest.raises(ZeroDivisionError):
        Value(Q(0)) ** -1


@examples(50)
@given(SEVERAL, NUMBERS)
def test_seeds_are_exact(numbers: list[Q], seed: Q) -> None:
    leaves = [Value(number) for number in numbers]
    F.dot(leaves, leaves).backward(seed)
    assert [leaf.grad for leaf in leaves] == [2 * seed * number for number in numbers]


@examples(50)
@given(SEVERAL)
def test_called_twice_is_exactly_twice(numbers: list[Q]) -> None:
    leaves = [Value(number) for number in numbers]
    y = F.sum([leaf * leaf / (1 + abs(leaf)) for leaf in leaves])
    y.backward()
    once = [leaf.grad for leaf in leaves]
    y.backward()
    assert [leaf.grad for leaf in leaves] == [2 * g for g in once]
