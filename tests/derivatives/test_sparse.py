"""Sparse Jacobians and Hessians: the same as the dense ones, in few walks."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.derivatives import sparse
from microgradnet.derivatives.linear import Linear
from microgradnet.derivatives.sparse import plan, sparse_hessian, sparse_jacobian
from microgradnet.derivatives.transforms import grad, hessian, jacobian
from microgradnet.engine.value import Value
from tests.support import ROOT
from tests.support.examples import every

Pattern = list[list[int]]


@st.composite
def patterns(draw: st.DrawFn) -> tuple[int, Pattern]:
    """Draw a width, and for every row the columns it has."""
    width = draw(st.integers(1, 9))
    row = st.lists(st.integers(0, width - 1), max_size=4, unique=True)
    return width, draw(st.lists(st.one_of(row, st.just([*range(width)])), min_size=1, max_size=9))


def function_of(pattern: Pattern) -> Callable[[Sequence[Any]], list[Any]]:
    """Make a function whose results depend on just these numbers of its argument."""
    return lambda x: [sum(((i + 2) * x[j] for j in row), 0.0) ** 2 + len(row) for i, row in enumerate(pattern)]


def as_bits(pattern: Pattern) -> list[int]:
    return [sum(1 << j for j in row) for row in pattern]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every walk note itself."""
    walks: list[str] = []
    for name in ('push', 'pull'):
        true = getattr(Linear, name)

        def noting(self: Linear, v: Any, true: Any = true, name: str = name) -> Any:
            walks.append(name)
            return true(self, v)

        monkeypatch.setattr(Linear, name, noting)
    return walks


def rosenbrock(x: Any) -> Any:
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


@given(patterns(), st.integers(0, 99))
def test_jacobian_of_any_pattern(drawn: tuple[int, Pattern], seed: int) -> None:
    width, pattern = drawn
    x = np.random.default_rng(seed).normal(size=width)
    f = function_of(pattern)
    found = sparse_jacobian(f)(x)
    assert found.shape == (len(pattern), width)
    assert found.nnz == sum(map(len, pattern))
    np.testing.assert_allclose(found.toarray(), np.array(jacobian(f)(x)).reshape(found.shape), rtol=1e-14)


@given(patterns(), st.integers(0, 99))
def test_hessian_of_any_pattern(drawn: tuple[int, Pattern], seed: int) -> None:
    width, pattern = drawn
    x = np.random.default_rng(seed).normal(size=width)

    def f(x: Any) -> Any:
        return sum((F.sin(y) for y in function_of(pattern)(x)), 0.0)

    found = sparse_hessian(f)(x).toarray()
    np.testing.assert_allclose(found, hessian(f)(x), rtol=1e-12, atol=1e-12)
    entries = {(i, j) for row in pattern for i in row for j in row}
    assert {(int(i), int(j)) for i, j in np.argwhere(found)} <= entries


@given(patterns(), st.lists(st.sampled_from([0.0, -1.0, 2.0]), min_size=9, max_size=9))
def test_a_pattern_has_both_sides_and_nothing_of_what_is_compared(drawn: tuple[int, Pattern], x: list[float]) -> None:
    """Whatever the numbers: here partials are 0 in places, too, and any side is the one that is chosen."""
    width, pattern = drawn
    xs = [*map(Value, x[:width])]
    rows = function_of(pattern)(xs)
    compared = [F.where(F.greater(xs[0], 0.5), one, other) for one, other in zip(rows, rows[::-1])]
    nested = [F.where(F.less(xs[-1], one), other, one * one) for one, other in zip(compared, rows)]
    bits = as_bits(pattern)
    both = [one | other for one, other in zip(bits, bits[::-1])]
    for ys, wanted in (rows, bits), (compared, both), (nested, [a | b for a, b in zip(both, bits)]):
        nodes = [k for k, y in enumerate(ys) if isinstance(y, Value)]
        assert sparse.pattern([ys[k] for k in nodes], xs) == [wanted[k] for k in nodes]


@given(patterns())
def test_a_plan_finds_every_entry_alone(drawn: tuple[int, Pattern]) -> None:
    """No row that is left has two columns of one group, and nothing is left out."""
    _, pattern = drawn
    chosen = plan(as_bits(pattern))
    grouped = [j for group in chosen.groups for j in group]
    assert len(grouped) == len({*grouped})
    for i, row in enumerate(pattern):
        if i not in chosen.rows:
            assert {*row} <= {*grouped}
            assert all(len({*row} & {*group}) <= 1 for group in chosen.groups)
    assert chosen.walks <= sum(map(bool, pattern))


def test_rosenbrock_takes_three_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-1.5, 1.5, 100)
    dense = hessian(rosenbrock)(x)
    walks = counted(monkeypatch)
    found = sparse_hessian(rosenbrock)(x)
    assert walks == ['push'] * 3
    assert found.nnz == 298
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-13)


@pytest.mark.parametrize('arrow', [0, 17, 39])
def test_an_arrow_takes_three_walks(arrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return sum(x[arrow] * y + y**3 for y in x)

    x = np.linspace(1, 2, 40)
    dense = hessian(f)(x)
    walks = counted(monkeypatch)
    found = sparse_hessian(f)(x)
    assert sorted(walks) == ['pull', 'push', 'push']
    assert found.nnz == 3 * 40 - 2
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-13)


@pytest.mark.parametrize(
    ('f', 'walks'),
    [
        (lambda x: [y * y for y in x], ['push']),
        (lambda x: F.dot(x, x), ['pull']),
        (lambda x: [x[0] * k for k in range(30)], ['push']),
        (lambda x: [F.sum(x[:10]), F.sum(x[10:20]), F.sum(x[20:])], ['pull']),
        (lambda x: [F.sum(x), *(x[0] + y for y in x[1:])], ['pull', 'push', 'push']),
        (lambda x: [*(x[k] for k in range(30)), F.sum(x)], ['pull', 'push']),
        (lambda x: [], []),
        (lambda x: [1.0, 2.0], []),
    ],
)
def test_the_fewest_walks(f: Any, walks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(1, 2, 30)
    dense = np.array(jacobian(f)(x), dtype=float).reshape(-1, 30)
    noted = counted(monkeypatch)
    found = sparse_jacobian(f)(x)
    assert sorted(noted) == walks
    assert (found.toarray() == dense).all()


def test_a_dense_one_is_walked_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return F.logsumexp(x)

    x = [0.5, -1.0, 2.0, 0.0]
    dense = hessian(f)(x)
    walks = counted(monkeypatch)
    assert sparse_hessian(f)(x).toarray() == pytest.approx(np.array(dense), rel=1e-12)
    assert len(walks) == 4


def test_what_happens_to_be_0_is_stored() -> None:
    found = sparse_jacobian(lambda x: [x[0] * x[1], x[1]])([2.0, 0.0])
    assert found.toarray().tolist() == [[0.0, 2.0], [0.0, 1.0]]
    assert found.nnz == 3


def test_the_branch_not_chosen_is_not_there() -> None:
    found = sparse_jacobian(lambda x: F.where(x[0].greater(0), x[1], x[2].log()))([1.0, 5.0, 0.5])
    assert found.toarray().tolist() == [[0.0, 1.0, 0.0]]
    assert found.nnz == 1


def test_an_infinity_stays_in_its_entry() -> None:
    found = sparse_jacobian(lambda x: [F.sqrt(y) for y in x])([0.0, 4.0]).toarray()
    assert found.tolist() == [[math.inf, 0.0], [0.0, 0.25]]


def test_structures_in_order() -> None:
    found = sparse_jacobian(lambda p: {'u': p['b'][1] * 2, 'v': [p['a'] * 3]})({'b': (1.0, 2.0), 'a': 5.0})
    assert found.toarray().tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]


def test_argument_and_options() -> None:
    def f(a: float, x: Any, *, scale: float) -> list[Any]:
        return [a * scale * y for y in x]

    assert sparse_jacobian(f, argument=1)(2.0, [1.0, 1.0], scale=3.0).toarray().tolist() == [[6, 0], [0, 6]]
    assert sparse_hessian(lambda a, x: a * x * x, argument=1)(2.0, 7.0).toarray().tolist() == [[4.0]]


def test_within_a_derivative_that_does_not_go_on_from_it() -> None:
    def f(x: Any) -> Any:
        return x * sparse_jacobian(lambda y: y * y)(3.0)[0, 0]

    assert grad(f)(5.0) == 6.0


def test_errors() -> None:
    with pytest.raises(TypeError, match='use jacobian or hessian'):
        grad(lambda x: sparse_jacobian(lambda y: x * y * y)(1.0)[0, 0])(2.0)
    for number in (Value(2.0), Fraction(1, 2)):
        with pytest.raises(TypeError, match='use jacobian or hessian'):
            sparse_hessian(lambda x: x * x)(number)
    with pytest.raises(TypeError, match='must return one number'):
        sparse_hessian(lambda x: x)([1.0, 2.0])
    with pytest.raises(TypeError, match='no argument 1'):
        sparse_jacobian(lambda x: x, argument=1)(2.0)


@pytest.mark.parametrize('missing', every(2, ['scipy', 'networkx']))
def test_the_extra_is_named(missing: str) -> None:
    code = (
        f'import sys; sys.modules[{missing!r}] = None\n'
        'from microgradnet.derivatives.sparse import sparse_jacobian\n'
        'try: sparse_jacobian(lambda x: [x[0], x[1] * 2])([1.0, 2.0])\n'
        f'except ModuleNotFoundError as error: assert "{missing}: pip install" in str(error).lower(), error\n'
        'else: sys.exit("no error")'
    )
    root = ROOT
    subprocess.run([sys.executable, '-c', code], cwd=root, check=True)
