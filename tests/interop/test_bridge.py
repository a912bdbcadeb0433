"""What all frameworks share: bridges of functions and of Programs, and what they compile."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import Value, compile, grad
from microgradnet import functions as F
from microgradnet.compiling import Program, recording
from microgradnet.compiling.guards import BranchError
from microgradnet.interop.bridge import Bridge, bridge_of
from tests.support.examples import for_each
from tests.support.interop import energy_program, swing

np = pytest.importorskip('numpy')

X = np.array([[0.3, -1.2], [0.7, 0.4], [2.0, -0.5]])
THETA = np.array([0.5, 1.5, -0.3])


def test_a_program_is_its_rows_and_its_parameters() -> None:
    program = energy_program(backend='python')
    bridge = bridge_of(program)
    y, (both,) = bridge(X.reshape(3, 1, 2), THETA), bridge_of(energy_program(backend='python'))(X, THETA)[1:]
    assert [part.shape for part in y] == [(3, 1), (3, 1, 2)] == [*bridge.results((3, 1, 2), (3,))]
    for row, one, two in zip(X, y[0].ravel(), both):
        wanted = swing(*row, *THETA)
        assert (one, *two) == pytest.approx((wanted[0], *wanted[1]), rel=1e-15)
    for p, number in zip(program.parameters, THETA):
        p.data = number
    assert np.array_equal(bridge(X)[0], y[0].ravel())  # the numbers of now


def weighted(x: Any, theta: Any, one: Any, two: Any) -> Any:
    y, (a, b) = swing(*x, *theta)
    return one * y + two[0] * a + two[1] * b


@pytest.mark.parametrize('backend', ['python', pytest.param('native', marks=pytest.mark.slow)])
def test_what_is_pulled_back_of_a_program_is_what_eager_gradients_are(backend: str) -> None:
    if backend == 'native':
        pytest.importorskip('llvmlite')
    pulled = bridge_of(energy_program(backend=backend)).pull(2)
    one, two = np.array([1.0, -2.0, 0.5]), np.array([[3.0, 1.0], [0.0, 1.0], [-1.0, 2.0]])
    by_rows, by_theta = pulled(X, THETA, one, two)
    total = np.zeros(3)
    for k, row in enumerate(X):
        of_x, of_theta = grad(weighted, (0, 1))(row, THETA, one[k], two[k])
        assert by_rows[k] == pytest.approx(of_x, rel=1e-13)
        total += of_theta
    assert by_theta == pytest.approx(total, rel=1e-13)
    # And of that: by the rows, the parameters, the weights.
    u, v = np.array([[1.0, 2.0], [0.5, 0.0], [-1.0, 3.0]]), np.array([0.1, -0.2, 4.0])
    found = pulled.pull(4)(X, THETA, one, two, u, v)

    def moved(x: Any, theta: Any, one: Any, two: Any, of_x: Any) -> Any:
        along = grad(weighted, (0, 1))(x, theta, one, two)
        return F.dot(along[0], of_x) + F.dot(along[1], v)

    total = np.zeros(3)
    for k, row in enumerate(X):
        by = grad(moved, (0, 1, 2, 3))(row, THETA, one[k], two[k], u[k])
        total += by[1]
        for mine, other in zip((found[0][k], found[2][k], found[3][k]), (by[0], by[2], by[3])):
            assert mine == pytest.approx(other, rel=1e-12)
    assert found[1] == pytest.approx(total, rel=1e-12)
    pushed = pulled.push(4)(X, THETA, one, two, u, v, 0 * one, 0 * two)
    assert pushed[0] == pytest.approx(found[0], rel=1e-13) and pushed[1] == pytest.approx(found[1], rel=1e-13)
    outputs = bridge_of(energy_program(backend=backend)).push(2)(X, THETA, u, v)
    assert all(mine == pytest.approx(other, rel=1e-13) for mine, other in zip(outputs, found[2:], strict=True))
    for third in pulled.pull(4).pull, pulled.pull(4).push, pulled.push(4).pull, pulled.push(4).push:
        with pytest.raises(TypeError, match='the Program has derivatives of two orders'):
            third(6)


def test_many_rows_go_in_blocks_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled, one, two = bridge_of(energy_program(backend='numpy')).pull(2), np.ones(3), np.ones((3, 2))
    whole = pulled(X, THETA, one, two)
    monkeypatch.setattr('microgradnet.compiling.batches.BLOCK', 1)
    for mine, other in zip(pulled(X, THETA, one, two), whole, strict=True):
        assert mine == pytest.approx(other, rel=1e-15)


def chain(x: Any) -> Any:
    for _ in range(25):
        x = F.sin(x) * 1.5
    return [x]


def test_derivatives_are_sweeps_of_the_function_and_not_recordings_of_derivatives() -> None:
    bridge = bridge_of(chain, backend='python')
    x, w = np.array(1.0), np.array([1.0])
    size = size_of(bridge, x)
    assert size_of(bridge.pull(1), x, w) == size
    assert size_of(bridge.pull(1).pull(2), x, w, x) <= size + 3  # and the weight
    assert size_of(bridge.push(1), x, w) == size
    assert size_of(bridge.pull(1).push(2), x, w, x, w) <= size + 3
    third = bridge.pull(1).pull(2).pull(3)(x, w, x, x, w)
    assert third[0] == pytest.approx(float(grad(grad(grad(lambda x: chain(x)[0])))(1.0)) + second(1.0), rel=1e-9)


def second(x: float) -> float:
    return float(grad(grad(lambda x: chain(x)[0]))(x))


def size_of(bridge: Any, *arrays: Any) -> int:
    """Return how many operations were recorded."""
    bridge(*arrays)
    [compiled] = bridge._compiled.values()
    [path] = compiled.paths
    return int(path.size)


def test_a_loop_keeps_its_loops_on_the_way_back() -> None:
    x = Value(1.0)
    program = Program(chain(x), parameters=[x], backend='python', loops=True)
    bridge = bridge_of(program)
    found = bridge.pull(1)(np.array([1.0]), np.array([1.0]))[0]
    assert found == pytest.approx(grad(lambda x: chain(x)[0])(1.0), rel=1e-12)
    [engine] = program.batches._engines.values()
    assert len(engine.source.splitlines()) < 40


def test_no_rows_at_all_have_results_of_the_right_shape() -> None:
    bridge = bridge_of(lambda x: ([x[0], x[1]], x[0]), backend='python').mapped()
    assert [array.shape for array in bridge(np.zeros((0, 3)))] == [(0, 2), (0,)]
    program = bridge_of(energy_program(backend='python'))
    assert [array.shape for array in program(np.zeros((0, 2)), THETA)] == [(0,), (0, 2)]
    none = program.pull(2)(np.zeros((0, 2)), THETA, np.zeros(0), np.zeros((0, 2)))
    assert none[0].shape == (0, 2) and none[1].tolist() == [0.0, 0.0, 0.0]


def test_axes_of_vmap_compile_nothing_anew() -> None:
    bridge: Any = bridge_of(compile(abs, backend='python'))
    assert bridge.mapped(2).pull(1)._compiled is bridge.pull(1)._compiled
    assert bridge.mapped().pull(1)(np.array([-1.0, 2.0]), np.array([1.0, 3.0]))[0].tolist() == [-1.0, 3.0]


def test_how_a_function_is_compiled_is_kept() -> None:
    bridge: Any = bridge_of(compile(abs, backend='python', most_paths=7)).pull(1)
    bridge(np.array(1.0), np.array(1.0))
    [made] = bridge._compiled.values()
    assert (made.backend, made.most_paths) == ('python', 7)


def test_a_row_that_takes_another_branch_is_refused_forwards_and_back() -> None:
    x, w = Value(1.0), Value(2.0)
    with recording():
        y = w * x if x > 0 else w - x
    bridge = bridge_of(compile(y, rows=[x], parameters=[w], backend='python'))
    rows, theta = np.array([[1.0], [-1.0]]), np.array([2.0])
    for attempt in (lambda: bridge(rows, theta)), (lambda: bridge.pull(2)(rows, theta, np.ones(2))):
        with pytest.raises(BranchError, match='row 1 would take another branch'):
            attempt()


@for_each(('shapes', 'kind', 'said'), [
    (((3, 3), (3,)), ValueError, r'argument 0 of the Program must be its rows, of shape \(..., 2\), not of shape \(3'),
    (((3, 2), (2,)), ValueError, r'argument 1 of the Program must be its parameters, of shape \(3,\), not of shape \('),
    (((3, 2), (1, 3)), ValueError, r'argument 1 of the Program must be its parameters, of shape \(3,\), not of shape'),
    (((), (3,)), ValueError, r'argument 0 of the Program must be its rows'),
    (((3, 2), (3,), (1,)), TypeError, 'must be called with its rows, .* and its parameters, .* not 3 arguments'),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_named(shapes: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        bridge_of(energy_program(backend='python'))(*(np.zeros(shape) for shape in shapes))


def test_a_program_of_a_dict_is_refused() -> None:
    x = Value(1.0)
    with pytest.raises(TypeError, match='the Program must return numbers, lists or arrays of them, or a tuple'):
        bridge_of(compile({'y': x * x}, rows=[x], backend='python'))


def test_what_was_asked_for_does_not_travel() -> None:
    program = energy_program(backend='python')
    before = len(pickle.dumps(program))
    wanted = bridge_of(program).pull(2)(X, THETA, np.ones(3), np.ones((3, 2)))
    assert len(pickle.dumps(program)) == before
    again = bridge_of(pickle.loads(pickle.dumps(program))).pull(2)(X, THETA, np.ones(3), np.ones((3, 2)))
    assert all(map(np.array_equal, wanted, again))


def test_an_infinite_partial_beside_no_motion_gives_no_nan() -> None:
    x, w = Value(0.0), Value(2.0)
    bridge: Callable[..., Any] = second_of(compile(F.sqrt(x) + w * w * w, rows=[x], parameters=[w], backend='python'))
    found = bridge(np.array([[0.0]]), np.array([2.0]), np.ones(1), np.array([[0.0]]), np.array([1.0]))
    assert found[1].tolist() == [12.0] and found[2].tolist() == [12.0]


def second_of(program: Program) -> Bridge:
    return bridge_of(program).pull(2).pull(3)
