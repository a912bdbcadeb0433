"""Errors against plain floats and 50-digit references: values, gradients, shapes."""

from __future__ import annotations

import math
import re
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from microgradnet.engine.value import Value
from microgradnet.nets.losses import (
    cross_entropy,
    error_by_name,
    half_squared_error,
    max_margin,
    mean_square_error,
    root_mean_square_error,
)
from microgradnet.nets.net import MLP
from tests.support.examples import for_each

EPSILON = sys.float_info.epsilon
floats = st.floats(-1e3, 1e3)
grids = st.integers(1, 3).flatmap(
    lambda width: st.lists(
        st.tuples(*[st.lists(floats, min_size=width, max_size=width)] * 2), min_size=1, max_size=4
    )
)  # fmt: skip


def nodes(grid: Any) -> list[list[Value]]:
    return [[Value(x) for x in row] for row in grid]


def gradients(error: Any, outputs: list[list[Value]]) -> list[float]:
    error.backward()
    return [float(y.grad) for row in outputs for y in row]


def flat(grid: Any) -> list[float]:
    return [x for row in grid for x in row]


# Half the sum of squares, and the root of the mean


@given(grids)
def test_half_squared_error_is_that_of_the_derivation(samples: Any) -> None:
    ys, ts = [y for y, _ in samples], [t for _, t in samples]
    differences = [y - t for y, t in zip(flat(ys), flat(ts))]
    plain = sum(d * d for d in differences) / 2
    assert half_squared_error(ys, ts) == pytest.approx(plain, rel=1e-12)
    outputs = nodes(ys)
    error = half_squared_error(outputs, ts)
    assert error.data == half_squared_error(ys, ts)
    # The error signal of an output is y - t, to the bit; subnormal ones lose bits to the 1/2.
    assert all(g == d or abs(d) < 1e-300 for g, d in zip(gradients(error, outputs), differences, strict=True))


@given(grids)
def test_root_mean_square_error(samples: Any) -> None:
    ys, ts = [y for y, _ in samples], [t for _, t in samples]
    differences = [y - t for y, t in zip(flat(ys), flat(ts))]
    with mp.workdps(50):
        wanted = mp.sqrt(sum(mpf(d) ** 2 for d in differences) / len(differences))
        assert abs(root_mean_square_error(ys, ts) - wanted) <= 8 * EPSILON * wanted + 1e-160
        outputs = nodes(ys)
        if wanted > 1e-100:
            found = gradients(root_mean_square_error(outputs, ts), outputs)
            for gradient, d in zip(found, differences, strict=True):
                exact = mpf(d) / (len(differences) * wanted)
                assert abs(gradient - exact) <= 16 * EPSILON * abs(exact) + 5e-324


def test_half_squared_error_is_exact_on_fractions() -> None:
    y, t = [Value(Fraction(1, 3)), Value(Fraction(2, 5))], [Fraction(1, 2), 1]
    error = half_squared_error(y, t)
    error.backward()
    assert error.data == (Fraction(1, 36) + Fraction(9, 25)) / 2
    assert [v.grad for v in y] == [Fraction(-1, 6), Fraction(-3, 5)]
    assert type(error.data) is type(y[0].grad) is Fraction


def test_a_sum_over_the_samples_is_the_sum_of_their_errors() -> None:
    ys, ts = [[1.0, 2.0], [3.0, 5.0]], [[0.0, 1.0], [1.0, 0.0]]
    for error, targets in ((half_squared_error, ts), (max_margin, [[1, -1], [-1, 1]]), (cross_entropy, [0, 1])):
        assert error(ys, targets) == pytest.approx(sum(error(y, t) for y, t in zip(ys, targets)))


# Max-margin


@given(st.lists(st.tuples(floats, st.sampled_from([-1, 1, -1.0, 1.0])), min_size=1, max_size=6))
def test_max_margin(pairs: Any) -> None:
    ys, ts = [y for y, _ in pairs], [t for _, t in pairs]
    assert max_margin(ys, ts) == pytest.approx(sum(max(0.0, 1 - t * y) for y, t in pairs), rel=1e-12)
    outputs = [Value(y) for y in ys]
    max_margin(outputs, ts).backward()
    assert [y.grad for y in outputs] == [-t if 1 - t * y > 0 else 0 for y, t in pairs]


def test_at_the_margin_nothing_pulls() -> None:
    y = Value(1.0)
    error = max_margin(y, 1)
    error.backward()
    assert (error.data, y.grad) == (0.0, 0.0)


@pytest.mark.parametrize('t', [0, 2, -1.5, math.nan])
def test_a_margin_has_two_sides(t: Any) -> None:
    with pytest.raises(ValueError, match=f'targets of -1 or 1; target 1 is {t}$'):
        max_margin([0.5, 0.5], [1, t])


# Cross-entropy


def exact_cross_entropy(logits: Any, t: int) -> Any:
    return mp.log(sum(mp.exp(mpf(y)) for y in logits)) - mpf(logits[t])


logits = st.lists(st.floats(-700, 700), min_size=1, max_size=5)


@given(logits, st.data())
def test_cross_entropy_is_right_to_the_last_digits(ys: list[float], data: st.DataObject) -> None:
    t = data.draw(st.integers(0, len(ys) - 1))
    with mp.workdps(700):
        wanted = exact_cross_entropy(ys, t)
        scale = max(map(abs, ys)) + 1
        assert abs(cross_entropy(ys, t) - wanted) <= 8 * EPSILON * scale
        outputs = [Value(y) for y in ys]
        cross_entropy(outputs, t).backward()
        total = sum(mp.exp(mpf(y)) for y in ys)
        for k, y in enumerate(outputs):
            softmax = mp.exp(mpf(ys[k])) / total
            assert abs(y.grad - (softmax - (k == t))) <= 32 * EPSILON


@given(logits, st.data())
def test_a_class_number_and_probabilities_mean_the_same(ys: list[float], data: st.DataObject) -> None:
    t = data.draw(st.integers(0, len(ys) - 1))
    by_number, by_probability = [Value(y) for y in ys], [Value(y) for y in ys]
    one, other = cross_entropy(by_number, t), cross_entropy(by_probability, [float(k == t) for k in range(len(ys))])
    assert one.data == pytest.approx(other.data, abs=1e-12)
    one.backward(), other.backward()
    assert [y.grad for y in by_number] == pytest.approx([y.grad for y in by_probability], abs=1e-14)


def test_probabilities_between_classes() -> None:
    ys, ts = [0.5, -1.0, 2.0], [0.25, 0.25, 0.5]
    total = sum(map(math.exp, ys))
    wanted = -sum(t * math.log(math.exp(y) / total) for y, t in zip(ys, ts))
    assert cross_entropy(ys, ts) == pytest.approx(wanted)
    outputs = [Value(y) for y in ys]
    cross_entropy(outputs, ts).backward()
    assert [y.grad for y in outputs] == pytest.approx([math.exp(y) / total - t for y, t in zip(ys, ts)])


def test_cross_entropy_of_far_logits_neither_overflows_nor_vanishes() -> None:
    assert cross_entropy([1000.0, 0.0], 1) == 1000.0
    assert cross_entropy([-1e308, 1e308], 1) == 0.0
    y = [Value(1000.0), Value(0.0)]
    cross_entropy(y, 1).backward()
    assert [v.grad for v in y] == [1.0, -1.0]


@for_each('t', [2, -1, 0.5, 7, math.nan, None, 'a'])
def test_a_class_that_is_not_there_is_refused(t: Any) -> None:
    with pytest.raises(ValueError, match=r'sample 0: its class is .*, and there are 2 logits, from 0 on'):
        cross_entropy([0.1, 0.2], t)
    with pytest.raises(ValueError, match='sample 1: its class is'):
        cross_entropy([[0.1, 0.2], [0.3, 0.4]], [0, t])


# Shapes


@for_each('error', [half_squared_error, root_mean_square_error, max_margin])
@for_each(
    ('outputs', 'targets', 'said'),
    [
        ([1.0, 1.0], [1.0], '2 values in the outputs, 1 in the targets'),
        ([1.0], [1.0, 1.0, 1.0], '1 values in the outputs, 3 in the targets'),
        ([[1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0]], '2 values in the outputs, 1 in the targets'),
        ([[1.0, 1.0]], [1.0], '2 values in the outputs, 1 in the targets'),
        ([], [], '0 values in the outputs, 0 in the targets'),
    ],
)
def test_shapes_that_differ_are_refused_with_both_sizes(error: Any, outputs: Any, targets: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        error(outputs, targets)


def test_cross_entropy_refuses_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match='2 samples in the outputs, 1 in the targets'):
        cross_entropy([[0.1, 0.2], [0.3, 0.4]], [0])
    with pytest.raises(ValueError, match='3 classes of sample 0 in the outputs, 2 in the targets'):
        cross_entropy([0.1, 0.2, 0.3], [0.5, 0.5])


@pytest.mark.parametrize('error', [half_squared_error, root_mean_square_error, max_margin])
def test_a_lone_output_may_meet_a_list_of_one(error: Any) -> None:
    wanted = error([0.5, -0.25], [1, -1])
    assert error([0.5, -0.25], [[1], [-1]]) == error([[0.5], [-0.25]], [1, -1]) == wanted
    assert error(iter([0.5, -0.25]), (t for t in (1, -1))) == wanted
    assert error(0.5, 1) == error([0.5], [1])


def test_errors_of_a_net_reach_every_parameter() -> None:
    net = MLP(2, [3, 2], 'tanh', seed=1)
    rows = [[0.5, -1.0], [1.0, 2.0]]
    for error, targets in (
        (half_squared_error, [[1, 0], [0, 1]]), (root_mean_square_error, [[1, 0], [0, 1]]),
        (max_margin, [[-1, 1], [-1, 1]]), (cross_entropy, [0, 1]),
    ):  # fmt: skip
        net.zero_grad()
        error([net(x) for x in rows], targets).backward()
        assert all(p.grad != 0 for p in net.parameters())


def test_errors_of_numpy_arrays() -> None:
    np = pytest.importorskip('numpy')
    ys, ts = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    assert half_squared_error(ys, ts) == 11.0
    assert cross_entropy(ys, np.array([0, 1])) == pytest.approx(cross_entropy(ys.tolist(), [0, 1]))


def test_mean_square_error() -> None:
    assert mean_square_error([1.0, 2.0], [4.0, 6.0]) == 12.5
    y = [Value(1.0), Value(2.0)]
    mean_square_error(y, [4.0, 6.0]).backward()
    assert [v.grad for v in y] == [-3.0, -4.0]
    assert mean_square_error([Fraction(1, 2)], [Fraction(0)]) == Fraction(1, 4)


@for_each(
    ('name', 'error'),
    [('mse', mean_square_error), ('mean_squared_error', mean_square_error), ('rmse', root_mean_square_error),
     ('root_mean_square_error', root_mean_square_error), ('half_squared_error', half_squared_error),
     ('cross_entropy', cross_entropy), ('max_margin', max_margin), ('hinge', max_margin)],
)  # fmt: skip
def test_errors_by_name(name: str, error: Any) -> None:
    assert error_by_name(name) is error
    assert error_by_name(error) is error


@for_each(
    ('error', 'kind', 'said'),
    [('msee', ValueError, "there is no error 'msee'; did you mean 'mse'?"),
     ('crossentropy', ValueError, "did you mean 'cross_entropy'?"),
     ('?', ValueError, 'there are half_squared_error, mse, '),
     (3, TypeError, 'error must be a name or a function of outputs and targets, not 3 of type int'),
     (None, TypeError, 'error must be a name or a function of outputs and targets, not None')],
)  # fmt: skip
def test_an_error_that_is_none_is_refused(error: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=re.escape(said)):
        error_by_name(error)


@for_each('error', [half_squared_error, root_mean_square_error, mean_square_error, max_margin])
@for_each('wrong', ['a', None, 1j, object()])
def test_what_is_no_number_is_named(error: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match='output 1 must be a number or a Value, not '):
        error([1.0, wrong], [1, 1])
    kind, said = TypeError, 'target 1 must be a number or a Value, not '
    if error is max_margin:
        kind, said = ValueError, 'max_margin wants targets of -1 or 1; target 1 is '  # type: ignore[assignment]
    with pytest.raises(kind, match=said):
        error([Value(1.0), 2.0], [1, wrong])
