"""What yields things in no order that was meant is refused by name, not taken in an order by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import (
    MLP,
    TeacherSet,
    Value,
    compile,
    cross_entropy,
    dot,
    gradients,
    mean,
    mean_square_error,
    softmax,
)
from microgradnet import functions as F
from tests.support.examples import for_each

A, B = Value(1.0, 'a'), Value(2.0, 'b')
DOORS: dict[str, Callable[[Any], Any]] = {
    'net': lambda row: MLP(2, [1], seed=1)(row),
    'run': lambda row: MLP(2, [1], seed=1).run(row).outputs,
    'predict': lambda row: MLP(2, [1], seed=1).predict([row]),
    'sizes': lambda sizes: MLP(2, sizes),
    'row of a teacher set': lambda row: TeacherSet([row], [1.0]).inputs,
    'targets': lambda targets: TeacherSet([[1.0], [2.0]], targets).targets,
    'classes': lambda classes: TeacherSet([[1.0], [2.0]], [1, 2], classes=classes).classes,
    'names': lambda names: TeacherSet([[1.0, 2.0]], [1.0], input_names=map(str, names) if names == [1, 2] else names),
    'mean': mean,
    'softmax': softmax,
    'sum': F.sum,
    'max': F.max,
    'logsumexp': F.logsumexp,
    'dot of numbers': lambda xs: dot(xs, [1.0, 2.0]),
    'dot of Values': lambda xs: dot([A, B], xs),
    'mean_square_error': lambda targets: mean_square_error([A, B], targets),
    'cross_entropy': lambda logits: cross_entropy(logits, 1),
    'gradients': lambda xs: gradients(A * B, type(xs)({A: 1, B: 2}) if xs != [1, 2] else [A, B]),
    'row of a program': lambda row: compile(A * B, rows=[A, B], parameters=[], backend='python')(row),
}


@for_each('door', DOORS)
def test_a_dict_and_a_set_are_refused_where_order_matters(door: str) -> None:
    DOORS[door]([1, 2])
    for thing in ({1: 5.0, 2: 6.0}, {1, 2}):
        with pytest.raises(TypeError, match=f' of type {type(thing).__name__}'):
            DOORS[door](thing)


def test_what_has_an_order_is_taken_and_a_set_where_none_is_needed() -> None:
    numbers = {1.0: 5.0, 2.0: 6.0}
    assert mean(numbers.keys()) == 1.5 and mean(numbers.values()) == 5.5 and mean(iter(numbers)) == 1.5
    net = MLP(2, [1], seed=1)
    net.freeze({*net.parameters()})
    assert not net.trainable()


def test_a_parameter_that_holds_no_number_is_named() -> None:
    x, w = Value(1.0), Value(2.0)
    program: Any = compile(x * w, rows=[x], parameters=[w], backend='python')
    w.data = None  # type: ignore[assignment]
    for call in (program, program.backward):
        with pytest.raises(TypeError, match='the data of a parameter must be a real number, not None of type NoneType'):
            call([[1.0]])
