"""Accidents while pickling: exceptions, pickles within pickles, threads, other processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from microgradnet import functions as F
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from tests.engine.test_copying import WAYS, pickled
from tests.support.examples import every


class Unpicklable(str):
    """A label that pickle stumbles over."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError('stumbled')


def chain(depth: int) -> tuple[Value, Value]:
    """Make a chain and return its end and its leaf."""
    x = Value(1.0)
    y = x
    for _ in range(depth):
        y = y * 1.0
    return y, x


@pytest.mark.parametrize('way', every(2, ['pickle', 'pickle in Python']))
@pytest.mark.parametrize('stumble', [0, pytest.param(100, marks=pytest.mark.slow), 3_000])
def test_an_exception_in_mid_pickle_leaves_nothing_behind(way: str, stumble: int) -> None:
    y, _ = chain(1_500)
    node = topological_order(y)[stumble]
    node.label = Unpicklable('bad')
    with pytest.raises(RuntimeError, match='stumbled'):
        WAYS[way](y)
    node.label = 'good'
    copied = WAYS[way](y)
    copied.backward()
    assert topological_order(copied)[0].grad == 1.0


@pytest.mark.parametrize('way', ['pickle', 'pickle in Python'])
def test_an_exception_that_is_kept_leaves_nothing_behind(way: str) -> None:
    """Its traceback holds the frames of a pickler that was stopped half-way."""
    y, x = chain(1_500)
    x.label = Unpicklable('bad')
    with pytest.raises(RuntimeError, match='stumbled') as kept:
        WAYS[way](y)
    x.label = 'good'
    copied = pickled(y.inputs[0])
    copied.backward()
    assert topological_order(copied)[0].grad == 1.0
    assert kept.value.args == ('stumbled',)


@pytest.mark.parametrize('way', every(2, ['pickle', 'pickle in Python']))
def test_a_root_pickled_before_as_another_ones_ancestor(way: str) -> None:
    y, _ = chain(2_000)
    WAYS[way]((y, y.tanh(), [y.sin()]))
    copied = WAYS[way](y)
    copied.backward()
    assert topological_order(copied)[0].grad == 1.0


class Nested:
    """Something that pickles a graph of its own while it is being pickled."""

    def __init__(self, root: Value) -> None:
        self.root = root

    def __reduce__(self) -> Any:
        return pickle.loads, (pickle.dumps(self.root),)


class NestedLabel(str):
    """A label that pickles the graph it stands in."""

    root: Value

    def __reduce_ex__(self, protocol: Any) -> Any:
        return str, (str(len(pickle.dumps(self.root)) > 0),)


def test_a_pickle_within_a_pickle() -> None:
    y, _ = chain(1_500)
    inner, outer, again = pickled([Nested(y), y, Nested(y * 2.0)])
    inner.backward()
    outer.backward()
    again.backward()
    assert [topological_order(root)[0].grad for root in (inner, outer, again)] == [1.0, 1.0, 2.0]


def test_a_pickle_of_the_graph_itself_within_its_pickle() -> None:
    y, x = chain(1_500)
    label = x.label = NestedLabel('x')
    label.root = chain(1_500)[0]
    assert topological_order(pickled(y))[0].label == 'True'


def test_picklings_in_several_threads() -> None:
    y, _ = chain(1_500)
    with ThreadPoolExecutor(4) as pool:
        roots = [*pool.map(pickled, [y] * 8)]
    for root in roots:
        root.backward()
    assert [topological_order(root)[0].grad for root in roots] == [1.0] * 8


def test_a_pickle_made_in_one_process_loads_in_another(tmp_path: Path) -> None:
    x, w = Value(2.0, label='x'), Value(Fraction(1, 3), label='w')
    y = (x * 3.0).tanh() + F.dot([x, w], [w, 2], 1) + F.where(x.greater(1), x, 0.0)
    file = tmp_path / 'graph.pickle'
    file.write_bytes(pickle.dumps((y, x, w)))
    script = """
import pickle, sys
with open(sys.argv[1], 'rb') as file:
    y, x, w = pickle.load(file)
y.backward()
print((y, x, w))
"""
    environment = {**os.environ, 'PYTHONPATH': str(Path(microgradnet.__file__).parents[1])}
    there = subprocess.run(
        [sys.executable, '-c', script, str(file)], env=environment, capture_output=True, text=True, check=True
    )
    y.backward()
    assert there.stdout.strip() == repr((y, x, w))
