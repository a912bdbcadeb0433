"""Every operation of the table, and its derivatives, on every backend of compiled programs.

The ``python`` backend gives the bits of eager code. Of the others each *function* may be
off by two units in the last place; ``rounding`` says what that makes of a result, and what is
made of arithmetic alone is right to the last bit. Measured against Python's ``math`` (glibc
2.36) at the points of these tests: native 1 ulp at most; NumPy 2.4 1, but ``cbrt`` and ``tanh`` 2.
"""

from __future__ import annotations

import math
from functools import cache
from math import inf, nan
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.compiling import compile
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.context import ieee_arithmetic
from microgradnet.engine.custom import custom
from microgradnet.engine.table import Operation, operations
from microgradnet.engine.value import Value
from microgradnet.testing.places import flat, is_defined, operand_sets
from microgradnet.testing.program import Expression
from microgradnet.testing.strategies import expressions, wild
from microgradnet.testing.truth import true_value
from tests.support.backends import ARRAYS, BACKENDS, NATIVE, apart, bits
from tests.support.edges import KINKS, VALUES
from tests.support.examples import examples, for_each
from tests.support.programs import POINTS, WILD
from tests.support.rounding import bounded

#: What a function of a backend may be off another's, in units in the last place: NumPy
#: has several of each, for different processors.
ULPS = {'numpy': 4.0, 'native': 3.0}


def record(op: Operation, operands: Any) -> tuple[list[Value], Value]:
    """Record one operation as the engine does where it never raises."""
    leaves = [Value(x) for x in flat(operands)]
    with ieee_arithmetic():
        return leaves, getattr(F, op.name)(*op.split(leaves))


def with_derivatives(leaves: list[Value], y: Value, order: int = 1) -> list[Value]:
    """Return a value, its partial derivatives, and up to order 2 those of their sum."""
    found = [y, *gradients(y, leaves)]
    if order == 2:
        with ieee_arithmetic():
            total = F.sum(found[1:])
        found += gradients(total, leaves)
    return found


@cache
def points(name: str) -> list[list[float]]:
    """Return the points at which a row is tried, laid out as a node's inputs; vectors of three."""
    op = operations[name]
    sets = [operands for operands in operand_sets(op) if not op.vectors or len(operands[0]) == 3]
    return [flat(operands) for operands in sets]


def is_wrong_in_ieee(name: str, operands: list[float]) -> bool:
    """Tell where ``algebras.power`` says inf of what is not real: a negative base, no whole exponent, too large."""
    return name == 'pow' and operands[0] < 0 and operands[1] % 1 != 0


@for_each('name', operations)
def test_python_gives_the_bits_of_eager_code(name: str) -> None:
    tried = [
        operands for operands in operand_sets(operations[name]) if not operations[name].vectors or operands[0]
    ]
    programs = {}
    for operands in [*tried[:: max(1, len(tried) // 25)], *tried[-6:]]:
        leaves, y = record(operations[name], operands)
        if len(leaves) not in programs:
            start, at_start = record(
                operations[name], [[0.5] * len(o) if isinstance(o, list) else 0.5 for o in operands]
            )
            programs[len(leaves)] = compile(
                with_derivatives(start, at_start, 2), rows=start, backend='python'
            )
        found = programs[len(leaves)]([leaf.data for leaf in leaves])
        assert bits(found) == bits([node.data for node in with_derivatives(leaves, y, 2)]), operands


@cache
def whole_table() -> tuple[list[Value], list[Value], dict[str, tuple[slice, slice]]]:
    """Record every row of the table, each on leaves of its own, with its partials; say whose is what."""
    leaves: list[Value] = []
    outputs: list[Value] = []
    places = {}
    for name, op in operations.items():
        new, y = record(op, op.split([1.5] * len(points(name)[0])))
        found = with_derivatives(new, y)
        places[name] = (
            slice(len(leaves), len(leaves) + len(new)),
            slice(len(outputs), len(outputs) + len(found)),
        )
        leaves, outputs = leaves + new, outputs + found
    return leaves, outputs, places


@cache
def results(backend: str) -> Any:
    """Run the whole table at all points at once."""
    import numpy

    leaves, outputs, _ = whole_table()
    most = max(len(points(name)) for name in operations)
    rows = [[x for name in operations for x in points(name)[k % len(points(name))]] for k in range(most)]
    return numpy.array(compile(outputs, rows=leaves, backend=backend)(rows))


@pytest.mark.parametrize('backend', ARRAYS)
@for_each('name', operations)
def test_every_operation_and_its_partials_on_arrays(name: str, backend: str) -> None:
    leaves, outputs, places = whole_table()
    mine, theirs = places[name]
    routine = compile(outputs[theirs], rows=leaves[mine], backend='python').routine
    count = len(points(name))
    expected, found = (results(which)[:count, theirs] for which in ('python', backend))
    same = (expected == found) | ((expected != expected) & (found != found))
    for k in [k for k, is_same in enumerate(same.all(axis=1)) if not is_same]:
        if not is_wrong_in_ieee(name, points(name)[k]):
            for number, limit in zip(
                found[k], bounded(routine, points(name)[k], [], ULPS[backend]), strict=True
            ):
                assert limit.allows(number), (points(name)[k], number, limit)


@pytest.mark.parametrize('backend', ARRAYS)
@for_each('name', [name for name, op in operations.items() if op.is_kernel])
def test_functions_are_within_2_ulps(name: str, backend: str) -> None:
    """Of Python's ``math``, that is; those with a formula of our own also of the truth.

    The C library's ``cbrt`` itself is 2.2 ulps off the truth (glibc 2.36), others less than 1.
    """
    from microgradnet.compiling.printers.libm import FORMULAS

    place = whole_table()[2][name][1].start
    for k, operands in enumerate(points(name)):
        mine, python = results(backend)[k][place], results('python')[k][place]
        assert apart(mine, python) <= (2 if backend == 'native' else ULPS['numpy']), operands
        ours = backend == 'native' and name in FORMULAS and k % 4 == 0 and all(map(math.isfinite, operands))
        if ours and is_defined(operations[name], tuple(operands)):
            truth = true_value(operations[name], tuple(operands))
            assert truth is None or truth.ulps(mine) <= 2, operands


@pytest.mark.parametrize('backend', BACKENDS)
def test_edges_are_those_of_the_table(backend: str) -> None:
    """Kinks, ties, poles and infinities, all in one program of one row."""
    leaves: list[Value] = []
    outputs: list[Value] = []
    expected: list[tuple[Any, float]] = []
    for name, operands, partials in KINKS:
        new, y = record(operations[name], operands)
        leaves, outputs = leaves + new, outputs + gradients(y, new)
        expected += [((name, operands), 0.0 if partial is None else partial) for partial in partials]
        if (name, operands) == ('pow', (nan, 0.0)):
            expected[-2] = expected[-1]  # a derivative as a graph says nan here, where backward says 0
    for name, operands, value in VALUES:
        if flat(operands):
            new, y = record(operations[name], operands)
            leaves, outputs = leaves + new, [*outputs, y]
            expected.append(((name, operands), value))
    numbers = [leaf.data for leaf in leaves]
    for leaf in leaves:
        leaf.data = 0.75  # what was recorded is not what counts
    found = compile(outputs, rows=leaves, backend=backend)(numbers)
    for number, (what, value) in zip(found, expected, strict=True):
        assert apart(number, value) <= 2, what


def test_a_power_that_is_not_real_is_nan_however_large() -> None:
    x = Value(2.0)
    assert math.isnan(compile(x**259.7, rows=[x], backend='python')([-192.0]))


# Choices.

BAD = {
    'log': (lambda x: x.log(), 0.0),
    'log of less': (lambda x: x.log(), -1.0),
    'sqrt': (lambda x: x.sqrt(), 0.0),
    'sqrt of less': (lambda x: x.sqrt(), -2.0),
    'reciprocal': (lambda x: 1 / x, 0.0),
    'power': (lambda x: x**-1.5, 0.0),
    'exp': (lambda x: (x * x).exp(), -1e3),
    'asin': (lambda x: (x - 1.5).asin(), -3.0),
    'difference': (lambda x: (1e305 * x) * x * x - (1e304 * x) * x * x, -300.0),
}


@pytest.mark.parametrize('backend', BACKENDS)
@for_each('what', BAD)
def test_the_branch_not_taken_leaks_neither_into_values_nor_gradients(what: str, backend: str) -> None:
    f, bad = BAD[what]
    x = Value(2.0)
    c = x.greater(0)
    y, other = F.where(c, f(x), 3 * x), F.where(x.less(0.5), 3 * x, f(x) * x)
    slopes = gradients(y + other, [x])
    curvatures = [gradients(gradients(part, [x])[0], [x])[0] for part in (y, other)]
    program = compile([y, other, *slopes, *curvatures], rows=[x], backend=backend)
    assert bits(program([bad])) == bits([3 * bad, 3 * bad, 6.0, 0.0, 0.0])
    assert all(map(math.isfinite, program([2.0])))
    assert bits(program([[bad], [2.0]])[0]) == bits([3 * bad, 3 * bad, 6.0, 0.0, 0.0])


def test_a_branch_that_two_choices_share_does_not_leak_if_neither_takes_it() -> None:
    x = Value(2.0)
    bad = x.log()
    y = F.where(x.greater(0), bad, 3 * x) + F.where(x.less(0.5), x, bad)
    assert compile(gradients(y, [x]), rows=[x], backend='python')([0.0]) == [4.0]


@pytest.mark.parametrize('backend', BACKENDS)
def test_nan_is_not_hidden_by_choices(backend: str) -> None:
    x, z = Value(1.0), Value(2.0)
    choices = [x.relu(), F.max(x, z), F.min(z, x), x.clip(0, 1), x.step(), x.sign(), x.greater(z), z.less(x)]
    choices += [F.where(x, z, 3.0), x.leaky_relu(), x.elu(), abs(x), F.logsumexp([x, z]), F.max([z, z, x])]
    # Thresholds have no slope; a condition has none, but its branches have.
    slopes = [
        gradients(y, [x])[0]
        for y in choices
        if y.op and y.op.name not in ('step', 'sign', 'greater', 'less', 'where')
    ]
    slopes += gradients(F.where(x, z, 3.0), [z])
    program = compile(choices + slopes, rows=[x, z], backend=backend)
    assert all(map(math.isnan, program([nan, 2.0]))), program([nan, 2.0])


# Graphs.


@examples(60)
@given(expressions(leaves=WILD, allowed=wild, steps=10), st.data())
def test_graphs_on_the_python_backend_have_the_bits_of_eager_code(f: Expression, data: st.DataObject) -> None:
    def recorded(numbers: Any) -> tuple[list[Value], list[Value]]:
        xs = [Value(x) for x in numbers]
        with ieee_arithmetic():
            y = f(xs)
            y = y if isinstance(y, Value) else Value(y)
        return xs, with_derivatives(xs, y, 2)

    xs, outputs = recorded(f.leaves)
    program = compile(outputs, rows=xs, backend='python')
    row = st.lists(WILD, min_size=len(xs), max_size=len(xs))
    for numbers in [f.leaves, *data.draw(st.lists(row, min_size=1, max_size=3))]:
        assert bits(program(numbers)) == bits([node.data for node in recorded(numbers)[1]])


def check_graph(f: Expression, rows: list[list[float]], backend: str) -> None:
    """Hold a graph and its gradient on a backend against Python's, an error for each function allowed."""
    xs = [Value(x) for x in f.leaves]
    with ieee_arithmetic():
        y = f(xs)
    if isinstance(y, Value):
        program = compile(with_derivatives(xs, y), rows=xs, backend=backend)
        for row, found in zip(rows, program(rows), strict=True):
            for number, limit in zip(found, bounded(program.routine, row, [], ULPS[backend]), strict=True):
                assert limit.allows(number), (row, number, limit)


def rows_for(f: Expression, numbers: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(numbers, min_size=len(f.leaves), max_size=len(f.leaves)), min_size=1, max_size=9)


@pytest.mark.parametrize('backend', ARRAYS)
@examples(25, suppress_health_check=[HealthCheck.too_slow])
@given(expressions(leaves=POINTS, allowed=wild, steps=8), st.data())
def test_graphs_on_arrays(backend: str, f: Expression, data: st.DataObject) -> None:
    if backend == 'numpy' or data.draw(st.integers(0, 2)) == 0:
        check_graph(f, data.draw(rows_for(f, st.one_of(POINTS, WILD))), backend)


@NATIVE
@pytest.mark.slow
@examples(300, suppress_health_check=[HealthCheck.too_slow])
@given(expressions(leaves=POINTS, allowed=wild, steps=16), st.data())
def test_many_graphs_in_machine_code(f: Expression, data: st.DataObject) -> None:
    check_graph(f, data.draw(rows_for(f, st.one_of(POINTS, WILD))), 'native')


# Operations of one's own.


def cubed(x: float) -> float:
    return x * x * x


def spread(*terms: float) -> float:
    return max(terms) - min(terms) + 1 / terms[0]


cube = custom(cubed, lambda x: 3 * x * x, name='cube')
other_cube = custom(lambda x: -x * x * x, lambda x: -3 * x * x, name='cube')
largest_less_smallest = custom(spread, lambda *terms: tuple(1.0 for _ in terms), name='spread')


@pytest.mark.parametrize('backend', ['python', ARRAYS[0]])
def test_custom_operations_are_python_s(backend: str) -> None:
    x, w = Value(2.0, 'x'), Value(3.0, 'custom_cube')
    y = cube(w * x) + other_cube(x) + cube(x)
    program = compile([y, *gradients(y, [w])], rows=[x], backend=backend)
    assert [*map(list, program([[2.0], [1.0]]))] == [[216.0, 3 * 36.0 * 2], [27.0, 27.0]]
    many = largest_less_smallest(*[x * k for k in range(1, 90)])
    assert compile(many, rows=[x], backend=backend)([[1.0], [0.0], [2.0]])[2] == 88.0 * 2 + 0.5
    assert math.isnan(compile(many, rows=[x], backend=backend)([[0.0]])[0])  # Python's error becomes nan


@NATIVE
def test_machine_code_names_a_custom_operation_and_what_to_do() -> None:
    x = Value(2.0)
    with pytest.raises(TypeError, match=r"native backend cannot print cube.*backend='numpy' or 'python'"):
        compile(cube(x) + 1, rows=[x], backend='native')
    assert compile(cube(x) + 1, rows=[x]).backend == 'numpy'
    with pytest.raises(TypeError, match='C cannot print cube'):
        compile(cube(x) + 1, rows=[x]).to_c()


@pytest.mark.parametrize('backend', BACKENDS)
def test_sums_of_nothing_of_one_and_of_thousands(backend: str) -> None:
    x = Value(2.0)
    n = 500 if backend == 'native' else 3000
    sums = [F.sum([x]), F.dot([], [], x), F.sum([x * k for k in range(n)]), F.dot([x] * n, [1.0] * n, x)]
    assert [*compile(sums, rows=[x], backend=backend)([1.0])] == [1.0, 1.0, n * (n - 1) / 2, n + 1]
    assert bits(compile([F.sum([x]), F.dot([x], [1.0], x)], rows=[x], backend=backend)([-0.0])) == [
        '0.0',
        '0.0',
    ]


@pytest.mark.parametrize('backend', BACKENDS)
def test_constants_that_are_special(backend: str) -> None:
    x = Value(1.0)
    outputs = [Value(k) for k in (nan, inf, -inf, -0.0, 5e-324)] + [
        x * -0.0,
        x - -3.0,
        -(x * -1.0),
        x * inf,
        (-x) ** -2.0,
    ]
    assert bits(compile(outputs, rows=[x], backend=backend)([2.0])) == bits(
        [nan, inf, -inf, -0.0, 5e-324, -0.0, 5.0, 2.0, inf, 0.25]
    )
