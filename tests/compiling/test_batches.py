"""Programs over arrays: what goes back to rows and parameters is what eager gradients are, of all that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import Value, grad
from microgradnet import functions as F
from microgradnet.compiling import Program
from microgradnet.compiling.guards import recording
from microgradnet.engine.custom import custom
from tests.support.examples import every

np = pytest.importorskip('numpy')

cube = custom(lambda a: a**3, partials=lambda a: (3 * a * a,), name='cube_of_batches')


def loop(x: Any, y: Any, a: Any, b: Any) -> list[Any]:
    """Steps that are folded: a state that reads the row and the parameters in each of them."""
    for _ in range(200):
        x, y = x + 0.01 * a * y, y - 0.01 * b * F.sin(x)
    return [x, y]


def turns(x: Any, y: Any, a: Any, b: Any) -> list[Any]:
    """As many turns as the row says."""
    found = F.while_loop(lambda s, t: s < 3, lambda s, t: (s * (1 + a * a), t + b * s), x * x + 0.1, y)
    return [found[1]]


CASES: list[Callable[..., list[Any]]] = [
    lambda x, y, a, b: [F.where(F.greater(x, y), a * x, b * y), F.max(a * x, b * y)],
    loop,
    lambda x, y, a, b: [x, a, x],  # leaves are results, and some are nobody's
    lambda x, y, a, b: [Value(2.0) * 3.0],
    lambda x, y, a, b: [F.dot([a, b, x], [x, y, a])],
    turns,
    lambda x, y, a, b: [cube(a * x) + y],
]


def backends(f: Callable[..., Any]) -> list[str]:
    return ['python'] if f is CASES[-1] else ['python', 'numpy', 'native']


@pytest.mark.parametrize(('f', 'backend'), every(7, [(f, backend) for f in CASES for backend in backends(f)]))
def test_it_is_what_eager_gradients_are(f: Callable[..., list[Any]], backend: str) -> None:
    if backend == 'native':
        pytest.importorskip('llvmlite')
    row, parameters = [Value(0.4), Value(0.3)], [Value(0.7), Value(1.1)]
    with recording():  # a while_loop is a loop then
        outputs = f(*row, *parameters)
    batches = Program(outputs, rows=row, parameters=parameters, backend=backend).batches
    random = np.random.default_rng(0)
    rows, theta, moves = random.uniform(-1, 1, (5, 2)), np.array([0.8, 0.5]), random.uniform(-1, 1, (5, 2))
    weights, of_theta = random.uniform(-1, 1, (5, batches.outputs)), np.array([0.5, -2.0])

    def total(x: Any, theta: Any, w: Any) -> Any:
        return F.dot(w, f(*x, *theta))

    def moved(x: Any, theta: Any, w: Any, u: Any) -> Any:
        by_x, by_theta = grad(total, (0, 1))(x, theta, w)
        return F.dot(by_x, u) + F.dot(by_theta, of_theta)

    by_rows, by_theta = batches.pull(rows, theta, weights)
    eager = [grad(total, (0, 1))(x, theta, w) for x, w in zip(rows, weights)]
    assert by_rows == pytest.approx(np.array([by for by, _ in eager]), rel=1e-11, abs=1e-13)
    assert by_theta == pytest.approx(sum(by for _, by in eager), rel=1e-11, abs=1e-13)
    if f is CASES[-1]:
        with pytest.raises(TypeError, match='cube_of_batches'):  # only numbers know its partials
            batches.moved(rows, theta, weights, moves, of_theta)
        return
    found = batches.moved(rows, theta, weights, moves, of_theta)
    eager = [grad(moved, (0, 1, 2))(x, theta, w, u) for x, w, u in zip(rows, weights, moves)]
    assert found[0] == pytest.approx(np.array([by for by, _, _ in eager]), rel=1e-10, abs=1e-12)
    assert found[1] == pytest.approx(sum(by for _, by, _ in eager), rel=1e-10, abs=1e-12)
    assert found[2] == pytest.approx(np.array([by for *_, by in eager]), rel=1e-10, abs=1e-12)
