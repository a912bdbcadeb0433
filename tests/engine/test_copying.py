"""``copy``, ``deepcopy`` and ``pickle``: the copy of a graph still differentiates, as deep as it may be."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.value import Constant, Value
from microgradnet.engine.walks import topological_order
from tests.support.examples import every, examples
from tests.support.programs import Program, programs, record, values

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def pickled(thing: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(thing, protocol))


def pickled_in_python(thing: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> Any:
    """Pickle with the standard library's picklers that are written in Python."""
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(thing)  # type: ignore[attr-defined]
    return pickle._Unpickler(io.BytesIO(file.getvalue())).load()  # type: ignore[attr-defined]


WAYS: dict[str, Callable[[Any], Any]] = {
    'deepcopy': copy.deepcopy,
    'pickle': pickled,
    'pickle in Python': pickled_in_python,
    **{f'protocol {p}': lambda thing, p=p: pickled(thing, p) for p in PROTOCOLS},
    **{f'protocol {p} in Python': lambda thing, p=p: pickled_in_python(thing, p) for p in PROTOCOLS},
}
every_way = pytest.mark.parametrize('way', WAYS)


def facts(nodes: list[Value]) -> list[Any]:
    """Describe a graph wholly: every node's fields, its inputs as places in the order."""
    order = topological_order(*nodes)
    place = {id(node): index for index, node in enumerate(order)}
    fields = [
        (
            type(n),
            repr(n.data),
            repr(n.grad),
            n.op,
            repr(n.partials),
            n.label,
            [place[id(i)] for i in n.inputs],
        )
        for n in order
    ]
    return [fields, [place[id(node)] for node in nodes]]


@every_way
@examples(20)
@given(program=programs())
def test_the_copy_is_the_same_graph_and_shares_no_node(way: str, program: Program) -> None:
    nodes = values(record(program))
    nodes[-1].backward()
    before = facts(nodes)
    copied = WAYS[way](nodes)
    assert facts(copied) == facts(nodes) == before
    assert not {*map(id, nodes)} & {*map(id, copied)}
    copied[-1].backward()
    assert facts(nodes) == before
    nodes[-1].backward()
    assert facts(copied) == facts(nodes)


@every_way
def test_roots_that_share_nodes_still_share_them(way: str) -> None:
    x = Value(2.0, label='x')
    inner = x * x
    first, second = inner + 1.0, F.dot([inner, x], [x, 3.0], inner)
    copied = WAYS[way]({'roots': (first, second), 'inner': inner, 'again': [first], 'leaf': x})
    one, other = copied['roots']
    assert one.inputs[0] is other.inputs[0] is other.inputs[-1] is copied['inner']
    assert copied['again'][0] is one
    assert copied['inner'].inputs == (copied['leaf'],) * 2
    assert copied['inner'].inputs[0] is copied['leaf'] is other.inputs[1]
    one.backward()
    other.backward()
    assert copied['leaf'].grad == 4.0 + (3 * 4.0 + 3.0 + 4.0)
    assert x.grad == 0.0


@pytest.mark.parametrize(
    ('way', 'depth'),
    [
        *every(2, [('deepcopy', 20_000), ('pickle', 20_000), ('pickle in Python', 2_000), ('protocol 0', 10_000)]),
        pytest.param('deepcopy', 100_000, marks=pytest.mark.slow),
        pytest.param('pickle', 100_000, marks=pytest.mark.slow),
    ],
)
def test_deep_chains(way: str, depth: int) -> None:
    x = Value(0.5)
    y = x
    for _ in range(depth // 2):
        y = (y + x) * 1.0
    copied_y, copied_x = WAYS[way]((y, x))
    copied_y.backward()
    assert copied_x.grad == depth // 2 + 1
    assert x.grad == 0.0


@every_way
def test_exact_numbers_stay_exact(way: str) -> None:
    x = Value(Fraction(1, 3))
    y = WAYS[way](x * x + 1)
    y.backward()
    assert y.data == Fraction(10, 9)
    assert y.inputs[0].inputs[0].grad == Fraction(2, 3)
    assert y.inputs[1].data == 1
    assert type(y.inputs[1]) is Constant


@every_way
def test_constants(way: str) -> None:
    assert type(WAYS[way](Constant(2))) is Constant
    assert WAYS[way](Constant(2)).data == 2.0
    constant = (Value(1.0) * 2.0).inputs[1]
    assert copy.copy(constant) is constant


def test_copy_is_one_node_with_the_same_inputs() -> None:
    x = Value(2.0, label='x')
    y = x * x
    y.label = 'y'
    y.backward()
    once = copy.copy(y)
    assert once is not y
    assert (once.data, once.grad, once.op, once.partials, once.label) == (4.0, 1.0, y.op, (2.0, 2.0), 'y')
    assert once.inputs[0] is x
    once.backward()
    assert x.grad == 8.0
    leaf = copy.copy(x)
    leaf.grad = 7.0
    assert (leaf.label, x.grad) == ('x', 8.0)


def test_deepcopy_minds_its_memo() -> None:
    x = Value(2.0)
    y = x * 3
    replacement = Value(5.0)
    copied = copy.deepcopy(y, {id(x): replacement})
    assert copied.inputs[0] is replacement
    assert copied is not y


@examples(30)
@given(st.lists(st.floats(), min_size=1, max_size=3))
def test_a_leaf_alone(numbers: list[float]) -> None:
    for way in WAYS.values():
        assert facts(way([Value(number) for number in numbers])) == facts(
            [Value(number) for number in numbers]
        )
