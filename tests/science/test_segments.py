"""``checkpoint``: the same numbers and derivatives, without the graph."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from microgradnet import Value, compile, grad, gradients, hessian, no_grad
from microgradnet import functions as F
from microgradnet.engine.walks import topological_order
from microgradnet.science import checkpoint
from tests.support import NOT_DEFINED


def flight(state: Any, pull: Any) -> Any:
    """Some steps of a pendulum, with little numbers for much work."""
    angle, speed = state['angle'], state['speed']
    for _ in range(20):
        speed = speed - 0.05 * pull * F.sin(angle)
        angle = angle + 0.05 * speed
    return {'angle': angle, 'speed': speed}


def end(step: Any, angle: Any, pull: Any, parts: int = 5) -> Any:
    state = {'angle': angle, 'speed': 0.0}
    for _ in range(parts):
        state = step(state, pull)
    return state['angle'] * state['speed']


def test_the_gradient_is_the_same_and_the_graph_is_gone() -> None:
    ends, sizes = [], []
    for step in flight, checkpoint(flight):
        angle, pull = Value(1.0), Value(9.8)
        y = end(step, angle, pull)
        y.backward()
        ends.append((y.data, angle.grad, pull.grad))
        sizes.append(len(topological_order(y)))
    assert ends[0][0] == ends[1][0] and ends[0] == pytest.approx(ends[1], rel=1e-12)
    assert sizes[0] > 500 and sizes[1] < 20


def test_derivatives_of_any_order_do_it_again() -> None:
    def short(step: Any) -> Any:
        return lambda x: end(step, x[0], x[1], 2)

    point = [1.0, 9.8]
    for derivative in (hessian, lambda f: grad(lambda x: grad(f)(x)[0] * grad(f)(x)[1])):
        found, wanted = derivative(short(checkpoint(flight)))(point), derivative(short(flight))(point)
        for a, b in zip(found, wanted):
            assert a == pytest.approx(b, rel=1e-9)


def test_a_compiled_function_records_what_is_inside() -> None:
    plain, cut = (compile(grad(lambda x, step=step: end(step, x, 9.8)), backend='python')
                  for step in (flight, checkpoint(flight)))  # fmt: skip
    assert plain(1.0) == cut(1.0) and plain.source == cut.source


def test_a_graph_can_be_made_a_program() -> None:
    angle, pull = Value(1.0), Value(9.8)
    program = compile(end(checkpoint(flight), angle, pull), rows=[angle], parameters=[pull], backend='python')
    assert [*program([[1.0], [0.3]])] == [end(flight, 1.0, 9.8), end(flight, 0.3, 9.8)]


def test_numbers_are_only_numbers() -> None:
    step = checkpoint(flight)
    assert step({'angle': 1.0, 'speed': 0.0}, 9.8) == flight({'angle': 1.0, 'speed': 0.0}, 9.8)
    with no_grad():
        assert not step({'angle': Value(1.0), 'speed': 0.0}, 9.8)['angle'].inputs
    assert step.__name__ == 'flight'


def test_a_value_that_is_no_argument_is_refused() -> None:
    w = Value(3.0, 'w')
    with pytest.raises(ValueError, match=r'depends on a Value that is not among its arguments: .*w'):
        checkpoint(lambda x: x * w)(Value(2.0))
    with pytest.raises(TypeError, match='f must be a function, not 3'):
        checkpoint(3)  # type: ignore[arg-type]


def test_it_raises_where_the_function_does() -> None:
    with pytest.raises(ValueError, match=NOT_DEFINED):
        checkpoint(lambda x: F.log(x))(Value(-1.0))


def test_it_is_pickled_with_the_function() -> None:
    x = Value(1.0)
    y, x = pickle.loads(pickle.dumps((checkpoint(flight)({'angle': x, 'speed': 0.0}, 9.8)['angle'], x)))
    (slope,) = gradients(y, [x])
    assert slope.data == pytest.approx(grad(lambda a: flight({'angle': a, 'speed': 0.0}, 9.8)['angle'])(1.0), rel=1e-12)


def test_what_is_given_by_name_is_handed_on() -> None:
    power = checkpoint(lambda x, *, n=2: x**n)
    assert grad(power)(2.0) == 4.0 and grad(power)(2.0, n=3) == 12.0 and grad(grad(power))(2.0, n=3) == 12.0
    with pytest.raises(ValueError, match='a Value that is not among its arguments'):
        power(Value(2.0), n=Value(3.0))
