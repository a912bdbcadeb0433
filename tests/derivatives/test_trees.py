"""Structures taken apart and put together again."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.derivatives.trees import assemble, take_apart
from microgradnet.engine.value import Value
from tests.support.examples import for_each

Point = namedtuple('Point', 'x y')

NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-9, 9), st.fractions())
ARRAYS = st.sampled_from([(), (0,), (3,), (2, 2), (1, 0, 2)]).map(
    lambda shape: np.arange(float(np.prod(shape))).reshape(shape)
)
STRUCTURES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(NUMBERS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Point, inner, inner),
        st.dictionaries(st.text('abc', max_size=2), inner, max_size=3),
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Tell whether two structures are equal, their kinds, order and arrays' shapes included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
    if isinstance(a, dict):
        return [*a] == [*b] and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@given(STRUCTURES)
def test_apart_and_together(structure: Any) -> None:
    leaves, build = take_apart(structure)
    assert same(build(leaves), structure)


@given(STRUCTURES)
def test_the_like_of_others(structure: Any) -> None:
    """The leaves of the like are those it was built of, in order; the structure itself stays."""
    leaves, build = take_apart(structure)
    new = [float(place) for place in range(len(leaves))]
    assert take_apart(build(new))[0] == new
    assert same(build(leaves), structure)


@pytest.mark.parametrize('kind', [OrderedDict, lambda items: defaultdict(list, items)])
def test_dicts_keep_their_kind_and_order(kind: Any) -> None:
    structure = kind({'b': 1.0, 'a': [2.0]})
    leaves, build = take_apart(structure)
    assert leaves == [1.0, 2.0]
    assert same(build([3.0, 4.0]), kind({'b': 3.0, 'a': [4.0]}))


def test_lists_of_a_kind_of_their_own() -> None:
    class Vector(list[Any]):
        pass

    _, build = take_apart(Vector([1.0, 2.0]))
    assert isinstance(build([3.0, 4.0]), Vector)


def test_values_are_numbers() -> None:
    x = Value(2.0)
    leaves, build = take_apart([x, np.array([x, 1.0])])
    assert leaves[0] is x
    assert leaves[1] is x
    again = build(leaves)[1]
    assert again.dtype == object
    assert again[0] is x


def test_arrays_of_any_numbers() -> None:
    for array in (np.array([1, 2]), np.array([True, False]), np.array([1.5, 2], dtype=np.float32)):
        leaves, build = take_apart(array)
        assert leaves == array.tolist()
        assert build([0.5, 0.25]).tolist() == [0.5, 0.25]
    exact, build = take_apart(np.array([Fraction(1, 3)], dtype=object))
    assert build(exact).tolist() == [Fraction(1, 3)]


@for_each(
    ('structure', 'said'),
    [
        ('3', "weights must be a number, a Value, or a list, tuple, dict or array of them, not '3' of type str"),
        ([1.0, None], r'weights\[1\] must be .* not None'),
        ({'a': (1.0, {2.0})}, r"weights\['a'\]\[1\] must be .* of type set"),
        (1j, 'not 1j of type complex'),
        (np.array([1.0, 1j]), 'weights must be real numbers, not an array of dtype complex128'),
        (np.array([[1.0, 'x']], dtype=object), "element 1 of weights must be a number or a Value, not 'x'"),
        ([np.array(['x'])], r'weights\[0\] must be real numbers, not an array of dtype <U1'),
        ((x for x in [1.0]), 'of type generator'),
    ],
)
def test_anything_else_is_named_with_its_place(structure: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        take_apart(structure, 'weights')


def test_wrong_numbers_of_leaves() -> None:
    _, build = take_apart({'a': 1.0, 'b': 2.0})
    with pytest.raises((ValueError, IndexError)):
        build([1.0])


def test_assemble() -> None:
    assert assemble([1.0, 2.0], (2,)).dtype == float
    assert assemble([1.0, Value(2.0)], (2, 1)).dtype == object
    assert assemble([np.ones((2, 3)), np.zeros((2, 3))], (2,)).shape == (2, 2, 3)
    assert assemble([np.array(1.0)], ()).shape == ()
    assert assemble([], (0, 2)).shape == (0, 2)
    lists = assemble([[1.0, 2.0], [3.0, 4.0]], (2,))
    assert lists.shape == (2,)
    assert lists[1] == [3.0, 4.0]
