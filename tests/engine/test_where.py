"""``where``: a choice that is recorded, or only made; nothing leaks from what was not chosen."""

from __future__ import annotations

import math
from typing import Any

import pytest

from microgradnet import compile, grad
from microgradnet import functions as F
from microgradnet.engine.value import Value


@pytest.mark.parametrize(('condition', 'chosen'), [(1.0, 'yes'), (-2.0, 'yes'), (0.0, 'no'), (-0.0, 'no')])
def test_a_condition_that_is_a_value_is_recorded_with_both_branches(condition: float, chosen: str) -> None:
    c, yes, no = Value(condition), Value(3.0), Value(5.0)
    y = F.where(c, yes, no)
    y.backward()
    assert y.inputs[0] is c
    assert y.inputs[1] is yes
    assert y.inputs[2] is no
    assert y.data == {'yes': 3.0, 'no': 5.0}[chosen]
    assert (c.grad, yes.grad, no.grad) == (0.0, float(chosen == 'yes'), float(chosen == 'no'))


@pytest.mark.parametrize('leak', [math.inf, -math.inf, math.nan])
def test_what_is_not_chosen_cannot_leak(leak: float) -> None:
    x = Value(0.0)
    steep = Value(1.0)
    bad = steep * 1.0
    bad.partials = (leak, None)
    c = x.greater(0)
    for y in (F.where(c, bad, x * 2), F.where(x.less(1), x * 2, bad), F.where(c, leak, x * 2)):
        x.grad = 0.0
        y.backward()
        assert (y.data, x.grad, steep.grad) == (0.0, 2.0, 0.0)


def test_a_condition_that_is_a_bool_simply_chooses() -> None:
    x, z = Value(2.0), Value(3.0)
    assert F.where(x > 1, x, z) is x
    assert F.where(x < 1, x, z) is z
    assert F.where(False, x, 7) == 7.0
    assert type(F.where(False, x, 7)) is float


def test_only_the_chosen_callable_is_called() -> None:
    def never() -> Any:
        raise AssertionError('called')

    x = Value(0.0)
    assert F.where(x > 0, never, 0.0) == 0.0
    assert F.where(x <= 0, lambda: x, never) is x
    for y in (F.where(x.greater(0), never, lambda: x * 3), F.where(x.less(1), lambda: x * 3, never)):
        x.grad = 0.0
        y.backward()
        assert (y.data, x.grad) == (0.0, 3.0)
    assert F.where(x > 0, lambda: F.log(x), 0.0) == 0.0


def test_a_condition_that_is_nan_gives_nan() -> None:
    x, z = Value(2.0), Value(0.0)
    for sides in ((x, z), (lambda: x * 2.0, lambda: F.log(z)), (x, lambda: z)):
        x.grad = z.grad = 0.0
        y = F.where(Value(math.nan), *sides)
        y.backward()
        assert all(math.isnan(number) for number in (y.data, x.grad, z.grad))


def test_of_a_condition_that_is_nan_compiled_is_as_plain() -> None:
    def f(x: list[Value]) -> Any:
        return F.where(x[0].greater(0), lambda: x[1] * 2.0, lambda: F.log(x[2]) - x[1])

    point = [math.nan, 1.0, 2.0]
    assert repr(compile(grad(f), backend='python')(point)) == repr(grad(f)(point)) == '[0.0, nan, nan]'


def test_greater_less_and_step_make_conditions() -> None:
    x = Value(2.0)
    for c, data in (
        (x.greater(1), 1.0),
        (x.less(1), 0.0),
        (F.greater(3, x), 1.0),
        (x.step(), 1.0),
        ((-x).step(), 0.0),
    ):
        assert isinstance(c, Value)
        assert c.data == data
        x.grad = 0.0
        c.backward()
        assert x.grad == 0.0
