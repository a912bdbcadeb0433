"""Compiled functions in pickles and other processes: the tree of paths goes with them."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from typing import Any

import pytest

from microgradnet import compile, grad, hessian, hvp, jacobian, jvp, sparse_jacobian, value_and_grad
from microgradnet import functions as F
from microgradnet.compiling.derived import taken_apart
from microgradnet.engine.value import Value
from tests.support.examples import every

pytestmark = pytest.mark.usefixtures('apart')


class Sides:
    """A function that counts its calls, of which no pickle knows."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, p: Any) -> Any:
        self.calls += 1
        x, y = p
        if x > y:
            return F.while_loop(lambda z: z * z > y, lambda z: z / 2.0, x)
        return x * x * y if y > 3.0 else x - y

    def __reduce__(self) -> Any:
        return Sides, ()


POINTS = [[4.0, 2.0], [1.0, 2.0], [1.0, 5.0]]
TRANSFORMS: list[Any] = [lambda f: f, grad, value_and_grad, hessian, hvp, lambda f: partial(jvp, f), sparse_jacobian]
TRANSFORMS += [lambda f: jacobian(grad(f), mode='forward'), lambda f: value_and_grad(f, -1)]


@pytest.mark.parametrize('transform', TRANSFORMS)
def test_what_a_pickle_knows_is_not_recorded_again(transform: Any) -> None:
    f = Sides()
    g = compile(transform(f), backend='python')
    more = [[1.0, 0.5]] * (transform is hvp or isinstance(transform(f), partial))
    if transform is sparse_jacobian:
        pytest.importorskip('scipy')
    wanted = [str(g(point, *more)) for point in POINTS[:2]]
    twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(g))))
    inside = taken_apart(twin.f)[0]
    assert [str(twin(point, *more)) for point in POINTS[:2]] == wanted
    assert (inside.calls, len(twin.paths)) == (0, 2) and g.paths == g.paths[:2]
    assert str(twin(POINTS[2], *more)) == str(g(POINTS[2], *more)) and len(twin.paths) == 3  # beside those that came
    assert len(twin.programs) == len(g.programs)


calls: list[Any] = []


def counted(x: Any) -> Any:
    calls.append(x)
    return x * x if x > 1 else -x


@compile
def decorated(x: Any) -> Any:
    calls.append(x)
    return x * x if x > 1 else -x


def asked(g: Any, xs: list[float]) -> Any:
    calls.clear()
    return [g(x) for x in xs], len(calls), len(g.paths)


@pytest.mark.parametrize('start', every(2, ['fork', 'spawn']))
def test_rows_go_to_processes_with_the_tree_of_paths(start: str) -> None:
    if start not in get_all_start_methods():
        pytest.skip(f'no {start} here')
    xs, slopes = [3.0, 0.5, -2.0, 1.5], compile(value_and_grad(counted))
    wanted = {g: [g(x) for x in xs] for g in (slopes, decorated)}
    with ProcessPoolExecutor(1, mp_context=get_context(start)) as pool:
        for g in slopes, decorated:
            assert pool.submit(asked, g, xs).result() == (wanted[g], 0, 2)
        assert [*pool.map(slopes, xs, chunksize=2)] == wanted[slopes]


def test_paths_that_read_values_from_outside_do_not_travel() -> None:
    g = compile(Outside(), backend='python')
    assert (g(2.0), len(g.paths)) == (6.0, 1)
    twin = pickle.loads(pickle.dumps(g))
    assert not twin.paths
    twin.f.w.data = 5.0
    assert (twin(2.0), len(twin.paths), g(2.0)) == (10.0, 1, 6.0)


class Outside:
    def __init__(self) -> None:
        self.w = Value(3.0)

    def __call__(self, x: Any) -> Any:
        return x * self.w


def test_what_cannot_be_pickled_is_named() -> None:
    def inside(x: Any) -> Any:
        return x * x

    with pytest.raises((AttributeError, pickle.PicklingError), match='inside'):
        pickle.dumps(compile(value_and_grad(inside)))
