"""Compiled derivatives: made from the program of the function, recorded twice, they are what the transforms give."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from functools import partial, wraps
from itertools import pairwise
from typing import Any

import pytest

from microgradnet import (
    Value,
    compile,
    custom,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from microgradnet import functions as F
from microgradnet.compiling import Function, derived
from microgradnet.compiling.derived import chain_of
from microgradnet.derivatives.sparse import sparse_hessian, sparse_jacobian
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.table import operations
from microgradnet.testing.program import by_function
from tests.support.backends import ARRAYS, BACKENDS
from tests.support.examples import every

every_backend = pytest.mark.parametrize('backend', BACKENDS)

STEPS: list[Callable[[Any, Any, float], Any]] = [
    lambda u, v, c: u + v * c,
    lambda u, v, c: u * v * 0.5,
    lambda u, v, c: F.sin(u) - v,
    lambda u, v, c: F.exp(-u * u) + v,
    lambda u, v, c: F.tanh(u * c) + F.sigmoid(v),
    lambda u, v, c: F.where(F.greater(u, c), v, u * c),
    lambda u, v, c: F.max(u, v, c),
    lambda u, v, c: F.relu(u) + 0.1 * v,
    lambda u, v, c: u / (1.5 + v * v),
    lambda u, v, c: abs(u) + F.softplus(v),
    lambda u, v, c: (u * u + 1) ** 1.5 * 0.2,
    lambda u, v, c: u * v if u > c else v - u,
]


def drawn(seed: int, turns: int) -> Callable[..., list[Any]]:
    """Return a random function of a structure and more numbers, that does the same over and over."""
    choose = random.Random(seed)
    steps = [(choose.choice(STEPS), choose.random(), choose.random(), choose.uniform(-1, 1)) for _ in range(7)]

    def f(x: Any, *more: Any) -> list[Any]:
        pool: list[Any] = []
        for _ in range(turns):  # not chaotic: no step makes more of its operands
            pool += [*x, *more]
            for step, a, b, c in steps:
                u, v = (pool[-1 - int(k * min(len(pool), 10))] for k in (a, b))
                pool.append(step(u, v, c) * 0.4)
        return pool

    return f


def numbers(result: Any) -> Iterator[float]:
    """Yield the numbers of a result in order, those that say where a sparse matrix has its entries, too."""
    if hasattr(result, 'toarray'):
        for part in result.data, result.indices, result.indptr, result.shape:
            yield from map(float, part)
    elif isinstance(result, dict):
        yield from numbers([*result.values()])
    elif isinstance(result, (list, tuple)) or getattr(result, 'shape', ()):
        for part in result:
            yield from numbers(part)
    else:
        yield float(result)


def form(result: Any) -> Any:
    """Describe what a result is built of."""
    if isinstance(result, dict):
        return {key: form(part) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        return type(result), [*map(form, result)]
    return type(result), getattr(result, 'shape', ())


def check(transformed: Callable[..., Any], arguments: tuple[Any, ...], **options: Any) -> Function:
    with ieee_arithmetic():
        expected = transformed(*arguments)
    compiled = compile(transformed, **options)
    found = compiled(*arguments)
    assert form(found) == form(expected)
    size = max((abs(y) for y in numbers(expected) if math.isfinite(y)), default=1.0)
    assert [*numbers(found)] == pytest.approx([*numbers(expected)], rel=1e-11, abs=1e-12 * size, nan_ok=True)
    return compiled


def transforms(seed: int, turns: int) -> list[tuple[str, Callable[..., Any], str]]:
    f = drawn(seed, turns)

    def one(*arguments: Any) -> Any:
        *_, a, b = f(*arguments)
        return a * 0.5 + b

    def many(*arguments: Any) -> Any:
        return f(*arguments)[-5:]

    return [
        ('gradient', grad(one), 'x'),
        ('value and gradient', value_and_grad(one), 'xy'),
        ('by several', grad(one, (1, 0)), 'xy'),
        ('by the last', value_and_grad(one, -1), 'xy'),
        ('Hessian', hessian(one), 'x'),
        ('Hessian by several', hessian(one, (0, 1)), 'xy'),
        ('Jacobian', jacobian(many), 'xy'),
        ('forwards', jacobian(many, mode='forward'), 'x'),
        ('backwards', jacobian(many, mode='reverse'), 'x'),
        ('times a vector', hvp(one), 'xvy'),
        ('along a vector', partial(jvp, many), 'xv'),
        ('gradient of a gradient', grad(grad(one, 1), 0), 'xy'),
        ('with its value', value_and_grad(grad(one, 1), (0, 1)), 'xy'),
        ('Jacobian of both', jacobian(value_and_grad(one)), 'x'),
        ('third order', jacobian(hessian(one)), 'x'),
        ('third, times a vector', hvp(grad(one, 1)), 'xvy'),
        ('Jacobian of a product', jacobian(hvp(one)), 'xv'),
        ('a vector times it', partial(vjp, many), 'xw'),
        ('Jacobian of that', jacobian(partial(vjp, many)), 'xw'),
    ]


def point(seed: int, kind: Callable[[list[float]], Any]) -> dict[str, Any]:
    choose = random.Random(seed)
    x, v = ([choose.choice([choose.uniform(-2, 2), 0.0, 1.0]) for _ in range(3)] for _ in range(2))
    y, w = choose.uniform(-2, 2), [choose.choice([choose.uniform(-2, 2), 0.0]) for _ in range(5)]
    return {'x': kind(x), 'v': kind(v), 'w': kind(w), 'y': y}


@pytest.mark.parametrize('which', every(2, range(19)), ids=lambda k: transforms(0, 1)[k][0])
def test_a_compiled_transform_is_the_transform(which: int) -> None:
    for seed in range(6):
        _, transformed, arguments = transforms(seed, 1)[which]
        given = point(seed, [list, tuple][seed % 2])
        check(transformed, tuple(given[a] for a in arguments), backend='python')


@pytest.mark.slow
@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('which', range(19), ids=lambda k: transforms(0, 1)[k][0])
def test_on_every_backend_through_loops(which: int, backend: str) -> None:
    for seed in range(6):
        _, transformed, arguments = transforms(seed, 1 + 90 * (seed % 2))[which]
        given = point(seed, [list, tuple][seed % 2])
        check(transformed, tuple(given[a] for a in arguments), backend=backend)


@pytest.mark.parametrize('backend', ARRAYS)
def test_arrays_come_back_as_arrays_and_rows_go_together(backend: str) -> None:
    import numpy as np

    given = point(3, np.array)
    _, transformed, _ = transforms(3, 1)[4]
    compiled = check(transformed, (given['x'],), backend=backend)
    rows = np.stack([given['x'], given['x'] + 0.25, -given['x']])
    together = compiled.map(rows)
    assert together.shape == (3, 3, 3)
    for row, found in zip(rows, together):
        assert found == pytest.approx(transformed(row), rel=1e-11, abs=1e-11)
    check(hessian(lambda x, y: (x * x).sum() * y, (0, 1)), (given['x'], 2.0), backend=backend)
    check(jacobian(lambda p: {'a': p['b'] * p['b'], 'c': [p['d']]}), ({'b': given['x'], 'd': 1.0},), backend=backend)


@pytest.mark.parametrize('backend', BACKENDS)
def test_arrays_of_structures_keep_their_structure(backend: str) -> None:
    import numpy as np

    for transformed, arguments in [
        (hessian(lambda x: (x * x).sum() * x[0], (0,)), [np.array([1.0, 2.0])]),
        (hessian(lambda x: x[0] ** 3, (0,)), [np.array([2.0])]),
        (hessian(lambda x, y: (x * x * y).sum(), (0, 1)), [np.array([2.0]), np.array([3.0])]),
    ]:
        compiled = check(transformed, tuple(arguments), backend=backend)
        found = compiled.map(*[np.stack([argument, argument + 1.0]) for argument in arguments])
        for k in range(2):
            wanted = transformed(*[argument + k for argument in arguments])
            assert [*numbers(found)][k::2] == pytest.approx([*numbers(wanted)])  # in columns


def test_dicts_keep_their_structure() -> None:
    gradient = compile(grad(lambda p: p['a'] * p['b'][0]), backend='python')
    assert gradient({'a': 2.0, 'b': [5.0]}) == {'a': 5.0, 'b': [2.0]}
    assert compile(grad(lambda p: 1.0), backend='python')([]) == []
    assert compile(hessian(lambda p: 1.0), backend='python')([]) == []
    assert compile(jacobian(lambda p: []), backend='python')([1.0]) == []
    assert compile(hessian(lambda p: 1.0), backend='python')([2.0]) == [[0.0]]


# Where partials are infinite, and where the parts of an operation have a kink that it has not.

EDGES: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    'root': (lambda x: F.sqrt(x[0]) * x[1] + x[1] * x[1], [0.0, 2.0]),
    'root beside': (lambda x: x[1] * x[1] * x[0] + F.sqrt(x[2]), [1.0, 2.0, 0.0]),
    'root of a square': (lambda x: F.sqrt(x[0] * x[0]) + x[1], [0.0, 1.0]),
    'log': (lambda x: x[0] * x[0] + F.log(x[1]), [1.0, 0.0]),
    'pole': (lambda x: x[1] * x[1] + 1 / x[0], [0.0, 1.0]),
    'not chosen': (lambda x: F.where(F.greater(x[0], 0.0), lambda: F.log(x[0]), 0.0) + x[1] * x[1], [0.0, 1.0]),
    'hypot': (lambda x: F.hypot(x[0], x[1]) + x[2] * x[2], [0.0, 0.0, 1.0]),
    'tie': (lambda x: F.max(x[0], x[1]) * x[2], [1.0, 1.0, 2.0]),
    'kinks inside': (lambda x: F.tanh(x[0]) * x[1] + F.sigmoid(x[0]) + F.softplus(x[0]), [0.0, 2.0]),
    'infinite': (lambda x: x[0] * x[1] + F.exp(x[2]), [math.inf, 1.0, 2.0]),
    'nan': (lambda x: x[0] * x[1] + F.exp(x[2]), [math.nan, 1.0, 2.0]),
    'chosen by nan': (lambda x: F.where(x[0], x[1] * x[1], x[2]), [math.nan, 2.0, 3.0]),
}


@pytest.mark.parametrize(('edge', 'loops'), [
    *((edge, False) for edge in EDGES),
    *every(6, [(edge, True) for edge in EDGES]),
])  # fmt: skip
def test_nothing_leaks_at_the_edges(edge: str, loops: bool) -> None:
    base, x = EDGES[edge]

    def f(x: Any) -> Any:  # with a loop behind that makes it long, and adds nothing
        y = base(x)
        for _ in range(800 if loops else 0):
            y = y + x[-1] * 0.0
        return y

    unit = [1.0, *[0.0] * (len(x) - 1)]
    for transformed, arguments in [
        (grad(f), (x,)),
        (hessian(f), (x,)),
        (jacobian(lambda x: [f(x), x[0] * x[1]]), (x,)),
        (jacobian(lambda x: [f(x), x[0] * x[1]], mode='forward'), (x,)),
        (hvp(f), (x, unit)),
        (hvp(f), (x, unit[::-1])),
        (partial(jvp, f), (x, unit[::-1])),
        (partial(vjp, lambda x: [f(x), x[0] * x[1]]), (x, [0.0, 2.0])),
        (partial(vjp, lambda x: [f(x), x[0] * x[1]]), (x, [2.0, 0.0])),
    ]:
        if not loops:
            check(transformed, arguments, backend='python')
        elif transformed.__class__ is not partial:
            compiled = check(transformed, arguments, backend='python')
            assert not compiled.programs[0].derived.routine(False, 'calls').flat


@pytest.mark.parametrize('f', [
    lambda x: F.max(F.sqrt(x[0]), x[1]),
    lambda x: F.abs(F.sqrt(x[0]) * (x[1] + 1.0)),
    lambda x: F.greater(F.sqrt(x[0]), x[1]) * x[1],
    lambda x: F.where(x[1], x[0], x[0] + F.step(F.sqrt(x[0])) * F.sign(x[1])),
])  # fmt: skip
def test_a_step_sends_nothing_on_where_derivatives_follow(f: Callable[[Any], Any]) -> None:
    """The slope of what is 1, 1/2 or 0 is 0, and no factor of what is infinite: in graphs it is not there."""
    check(hessian(f), ([0.0, 0.0],), backend='python')
    check(jacobian(hessian(f)), ([0.0, 0.0],), backend='python')


@pytest.mark.parametrize('loops', [False, True])
def test_a_signal_times_the_number_0_is_a_signal(loops: bool) -> None:
    """What is no number, or infinite, meets it later, as without compiling; in graphs it is folded away."""

    def f(x: Any) -> Any:
        y = (x[0] * x[1]) * 0.0 + x[1] + (x[2] * 0.0) * abs(x[2] * 0.0) ** 0.5
        for _ in range(800 if loops else 0):
            y = y + x[1] * 0.0
        return y

    for x in [math.nan, 1.0, 3.0], [2.0, math.inf, 3.0], [2.0, 1.0, 0.0]:
        compiled = check(grad(f), (x,), backend='python')
        assert compiled.programs[0].derived.routine(False, 'calls').flat is not loops
    x = [*map(Value, (math.nan, 1.0, 3.0))]
    assert gradients(f(x), x) == [0.0, 1.0, 0.0]


@pytest.mark.parametrize('name', every(3, operations))
def test_every_row_has_its_derivatives_also_where_its_instructions_have_kinks(name: str) -> None:
    op = operations[name]
    if not hasattr(F, name):
        pytest.skip('a row for others, and no function')

    def f(x: list[Any]) -> Any:
        return by_function(name, [x[k % len(x)] for k in range(5 if op.vectors else len(op.parameters))])

    for numbers_ in [0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 2.0], [-0.5, 0.25, 1.0]:
        x = numbers_[: 3 if op.vectors else len(op.parameters)]
        check(hessian(f), (x,), backend='python')
        check(jacobian(f, mode='forward'), (x,), backend='python')


@pytest.mark.parametrize('turns', [1, pytest.param(800, marks=pytest.mark.slow)])
def test_what_is_stopped_does_not_move_and_what_looks_like_it_does(turns: int) -> None:
    def f(x: Any) -> Any:
        a, b = x
        y = a
        for _ in range(turns):
            y = y + 0.001 * F.stop_gradient(b * y) + 0.01 * F.sin(b)
        return y * y + F.neg(F.neg(a)) * F.stop_gradient(a) * b * b + a * F.stop_gradient(b) * F.neg(F.neg(b))

    for transformed in hessian(f), jacobian(f, mode='forward'), jacobian(hessian(f)):
        check(transformed, ([0.5, 0.3],), backend='python')


@pytest.mark.parametrize('backend', BACKENDS)
def test_what_never_moves_is_known_beside_an_infinite_partial(backend: str) -> None:
    f = grad(lambda x: F.log(x[0]) ** 0 + F.sqrt(x[1]) + x[0] * x[0])
    for transformed in jacobian(f), jacobian(value_and_grad(lambda x: F.log(x[0]) ** 0 * x[1] ** 1.5)):
        check(transformed, ([2.0, 0.0],), backend=backend)


def test_a_program_s_tangents_know_rows_and_infinite_partials() -> None:
    x, y = Value(0.0), Value(2.0)
    program = compile(F.sigmoid(x) * y + F.sqrt(x) * 0.0 + y * y, parameters=[x, y], backend='python')
    assert program.hvp([0.0, 2.0], [0.0, 1.0]) == [0.25, 2.0]
    tie = compile(F.max(x, y) ** 2, parameters=[x, y], backend='python')
    assert tie.hvp([1.0, 1.0], [1.0, 0.0]) == hvp(lambda v: F.max(*v) ** 2)([1.0, 1.0], [1.0, 0.0])


# How often the function is called.


def counting(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[int]]:
    calls: list[int] = []

    @wraps(f)
    def counted(*arguments: Any) -> Any:
        calls.append(len(calls))
        return f(*arguments)

    return counted, calls


@pytest.mark.parametrize('transform', [lambda f: f, grad, value_and_grad, hessian, jacobian, sparse_hessian])
def test_a_function_is_recorded_twice(transform: Callable[..., Any]) -> None:
    if transform is sparse_hessian:
        pytest.importorskip('scipy')
        pytest.importorskip('networkx')
    f, calls = counting(lambda x: F.sum([x[k] * x[k + 1] for k in range(3)]))
    compiled = compile(transform(f), backend='python')
    for shift in range(3):
        compiled([1.0, 2.0, 3.0, 4.0 + shift])
    assert len(calls) == 2


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_vector_times_a_jacobian_is_swept_back_from_what_was_recorded_twice(backend: str) -> None:
    f, calls = counting(lambda x: [x[0] * x[1], F.sin(x[0])])
    pull = compile(partial(vjp, f), backend=backend)
    y, product = pull([2.0, 5.0], [1.0, 0.5])
    assert (y, product) == ([10.0, pytest.approx(math.sin(2.0))], [pytest.approx(5.0 + 0.5 * math.cos(2.0)), 2.0])
    assert pull([3.0, 2.0], [1.0, 0.0]) == ([6.0, pytest.approx(math.sin(3.0))], [2.0, 3.0])
    # sin is there once, its cosine once: nothing was recorded but the function
    routine = pull.programs[0].derived.routine(False, 'calls')
    assert [i.name for i in routine.instructions if i.name in ('sin', 'cos')] == ['sin', 'cos']
    assert len(calls) == 2


def test_a_vector_that_does_not_fit_a_jacobian_is_refused_and_one_times_a_derivative_is_recorded() -> None:
    def f(x: Any) -> Any:
        return [x[0] * x[1], x[0]]

    with pytest.raises(ValueError, match='the vector must be like the result, of 2 numbers; it has 3'):
        compile(partial(vjp, f), backend='python')([2.0, 5.0], [1.0, 1.0, 1.0])
    gradient = grad(lambda x: x[0] ** 2 * x[1])
    assert chain_of(partial(vjp, gradient))[1] == []
    assert compile(partial(vjp, gradient), backend='python')([3.0, 5.0], [1.0, 0.0]) == ([30.0, 9.0], [10.0, 6.0])


@pytest.mark.usefixtures('apart')
def test_each_of_its_paths_is_recorded_twice_and_derivatives_know_the_branches() -> None:
    f, calls = counting(lambda x: x * x * x if x > 1 else F.sin(x))
    compiled = compile(hessian(f), backend='python')
    assert (compiled(2.0), compiled(0.5), compiled(3.0), compiled(1.0)) == (
        12.0, -math.sin(0.5), 18.0, -math.sin(1.0)
    )  # fmt: skip
    assert len(calls) == 4
    assert compiled.map([2.0, 0.5, 3.0]) == [12.0, -math.sin(0.5), 18.0]
    assert (len(calls), len(compiled.paths)) == (4, 2)


@pytest.mark.parametrize('backend', ARRAYS)
def test_guards_are_watched_for_all_rows_at_once(backend: str) -> None:
    import numpy as np

    f, _ = counting(lambda x: x[0] * x[1] if x[0] > x[1] and x[1] != 0 else x[0] - x[1])
    compiled = compile(value_and_grad(f), backend=backend)
    rows = np.array([[2.0, 1.0], [1.0, 2.0], [3.0, 0.0], [math.nan, 1.0], [5.0, 2.0]])
    for row, (value, gradient) in zip(rows, compiled.map([*rows])):
        expected = value_and_grad(f)(row)
        assert [value, *gradient] == pytest.approx([expected[0], *expected[1]], nan_ok=True)


def test_what_is_recorded_earlier_the_second_time_is_the_same() -> None:
    w, kept = Value(0.5), []

    def f(x: Any) -> Any:
        y = x * 2
        if not kept:
            kept.append(w.exp())
        return y * kept[0] + x

    compiled = compile(grad(f), backend='python')
    assert compiled(3.0) == 2 * math.exp(0.5) + 1
    w.data = 0.0
    assert compiled(3.0) == 3.0


def test_a_number_in_place_of_what_was_a_value_from_outside_is_refused() -> None:
    w, calls = Value(3.0), []

    def f(x: Any) -> Any:
        calls.append(x)
        return x * w + (w if len(calls) < 2 else Value(3.0))

    with pytest.raises(ValueError, match='cannot be replayed'):
        compile(f, backend='python')(1.0)


# What is recognised, and what is not.


def test_only_what_a_transform_returned_is_taken_for_it() -> None:
    gradient = grad(F.sin)

    @wraps(gradient)
    def twice(x: Any) -> Any:
        return gradient(x) * 2

    assert chain_of(gradient)[0] is F.sin
    assert chain_of(twice) == (twice, [])
    assert compile(twice, backend='python')(0.0) == 2.0
    inside = compile(lambda x: x * grad(lambda y: y * y * x)(x), backend='python')
    assert inside(3.0) == 54.0
    outer = compile(grad(lambda x: x * grad(lambda y: y * y * x)(x)), backend='python')
    assert outer(3.0) == 54.0
    by_direction = jacobian(hvp(lambda x: F.sin(x[0]) * x[1]), 1)  # by v, of which the product is a function
    assert compile(by_direction, backend='python')([1.0, 2.0], [3.0, 4.0]) == by_direction([1.0, 2.0], [3.0, 4.0])


def test_values_from_outside_are_read_anew() -> None:
    w = Value(3.0)
    for transform, expected in (grad, [6.0, 10.0]), (hessian, [[6.0], [10.0]]), (jacobian, [6.0, 10.0]):
        w.data = 3.0
        compiled = compile(transform(lambda x: w * x[0] * x[0]), backend='python')
        found = [compiled([1.0])]
        w.data = 5.0
        found.append(compiled([1.0]))
        assert [*numbers(found)] == [*numbers(expected)]


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(TypeError, match='must return one number to have a gradient; it returns one like'):
        compile(grad(lambda x: [x, x]), backend='python')(1.0)
    with pytest.raises(TypeError, match='there is no argument 2 to differentiate by: 1 were given'):
        compile(grad(F.sin, 2), backend='python')(1.0)
    with pytest.raises(ValueError, match='cannot be replayed'):
        compile(grad(lambda x: x * random.random()), backend='python')(1.0)
    cube = custom(lambda a: a * a * a, [lambda a: 3 * a * a], name='cube')
    assert compile(grad(lambda x: cube(x)), backend='python')(2.0) == 12.0
    with pytest.raises(TypeError, match='only numbers can compute it, so its own partials are unknown'):
        compile(hessian(lambda x: cube(x)), backend='python')(2.0)
    with pytest.raises(ValueError, match='the vector must be like the argument, of 2 numbers; it has 1'):
        compile(hvp(lambda x: x[0] * x[1]), backend='python')([1.0, 2.0], [1.0])


# Sparse.


def banded(x: Any) -> Any:
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


@every_backend
def test_sparse_derivatives_have_the_entries_of_the_transforms(backend: str) -> None:
    pytest.importorskip('scipy')
    pytest.importorskip('networkx')
    x = [0.1 * k - 0.7 for k in range(12)]
    compiled = check(sparse_hessian(banded), (x,), backend=backend)
    assert len(compiled.programs[0].derived.combined) == 3  # colours
    check(sparse_hessian(lambda y, x: banded(x) * y, 1), (2.0, x), backend=backend)
    check(sparse_hessian(lambda y, x: banded(x) * y, (1, 0)), (2.0, x), backend=backend)  # an arrow
    check(sparse_jacobian(lambda x: [a * b for a, b in pairwise(x)]), (x,), backend=backend)
    check(sparse_jacobian(lambda x: [F.sum(x), x[0] * x[1]]), (x,), backend=backend)
    check(sparse_jacobian(lambda x: [1.0, x[0]]), (x,), backend=backend)
    several = compile(sparse_hessian(banded), backend=backend).map([x, x])
    assert [m.nnz for m in several] == [34, 34]


# Many rows.


@every_backend
def test_many_calls_of_many_runs_are_done_some_at_a_time(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = [0.1 * k - 0.7 for k in range(4)]
    rows = [[a + 0.01 * k for a in x] for k in range(7)]
    compiled = compile(hessian(banded), backend=backend)
    together = compiled.map(rows)
    monkeypatch.setattr(derived, 'BLOCK', 100)
    assert compiled.map(rows) == together
    assert [*numbers(together[6])] == pytest.approx([*numbers(hessian(banded)(rows[6]))], rel=1e-12)


# Programs.


@every_backend
@pytest.mark.parametrize('rows', [1, 2, 9])
def test_programs_have_hessians_and_jacobians_over_rows(backend: str, rows: int) -> None:
    def f(w: list[Any], x: Any) -> Any:
        return F.tanh(w[0] * x + w[1]) ** 2 * w[2] + F.sigmoid(w[0])

    ws, x = [Value(0.5), Value(-0.25), Value(1.5)], Value(0.0)
    theta, data = [0.5, 0.0, 1.25], [[0.25 * k] for k in range(rows)]
    program = compile(f(ws, x), rows=[x], parameters=ws, backend=backend)
    each = [[*numbers(hessian(lambda w, row=row: f(w, row[0]))(theta))] for row in data]
    expected = [sum(column) for column in zip(*each)]
    assert [*numbers(program.hessian(theta, data))] == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert [*numbers(program.hessian(theta, iter(data)))] == pytest.approx(expected, rel=1e-11, abs=1e-13)
    several = compile([f(ws, x), ws[0] * x], rows=[x], parameters=ws, backend=backend)
    of_rows = [jacobian(lambda w, row=row: [f(w, row[0]), w[0] * row[0]])(theta) for row in data]
    found = several.jacobian(theta, data)
    assert (len(found), len(found[0]), len(found[0][0])) == (rows, 2, 3)
    assert [*numbers(found)] == pytest.approx([*numbers(of_rows)], rel=1e-11, abs=1e-13)
    assert [*numbers(several.jacobian(theta, data[0]))] == pytest.approx([*numbers(of_rows[0])], rel=1e-11, abs=1e-13)
    with pytest.raises(TypeError, match='only a program of one output has a gradient; this one has 2'):
        several.hessian(theta, data)
    with pytest.raises(ValueError, match='theta has 2 numbers; the program has 3 parameters'):
        program.hessian(theta[:2], data)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('recorded_at', [2.0, -2.0, 0.0])
def test_a_sparse_derivative_has_the_entries_of_every_choice(backend: str, recorded_at: float) -> None:
    pytest.importorskip('scipy')
    pytest.importorskip('networkx')

    def f(x: Any) -> Any:
        chosen = F.where(F.greater(x[0], 0.0), lambda: x[0] * x[1], lambda: x[1] * x[1] * x[0] ** 2)
        return chosen + F.max(x[0], x[2]) ** 3

    def many(x: Any) -> Any:
        return [F.where(F.less(x[0], 0.0), x[1] * x[1], x[2]), F.where(x[2], x[0], 5.0), F.relu(x[1]) * x[0]]

    for sparse, whole in (sparse_hessian(f), hessian(f)), (sparse_jacobian(many), jacobian(many)):
        compiled = compile(sparse, backend=backend)
        for x in [recorded_at, 1.5, 0.5], [2.0, 1.0, 0.0], [-2.0, -1.0, 3.0], [0.0, 0.0, 0.0], [-4.0, 5.0, -6.0]:
            assert [*numbers(compiled(x).toarray())] == pytest.approx([*numbers(whole(x))])


def test_gates_that_a_derivative_makes_itself_come_in_one_order_in_every_recording() -> None:
    def f(x: Any) -> Any:
        u, v, w = x
        p, q = u * v, w
        for _ in range(4):
            p = F.where(F.greater(abs(w), 0), lambda: q / w, p * 2.0)
            p = F.where(F.greater(v, -0.0625), lambda: q + F.sqrt(v + 0.0625), q - v)  # noqa: B023
            v = F.where(F.greater(w, v), v, w)
        return F.where(F.less(abs(v), 1), lambda: F.asin(v) * p, lambda: F.log(v * v) + q) + p + q * 0.5 + u

    g = compile(lambda x: hvp(f)(x, [1.0, -0.5, 0.0]), backend='python')
    for row in ([1.0, 2.0, 1.0], [0.25, 0.25, 0.5], [-1.0, 0.0, 2.0]):
        assert g(row) == pytest.approx(hvp(f)(row, [1.0, -0.5, 0.0]), nan_ok=True)
