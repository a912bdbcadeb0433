"""Programs made of recorded values: rows, outputs, sums, gradients, descent, pickling, and what they refuse."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from math import inf, isnan, nan
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.compiling import BranchError, Program, compile, recording
from microgradnet.compiling.printers.infix import Infix
from microgradnet.derivatives.graphs import gradients
from microgradnet.engine.value import Value
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.testing.strategies import nets, points, teacher_sets
from tests.support import ROOT
from tests.support.backends import ARRAYS, BACKENDS, NATIVE, apart, bits
from tests.support.examples import every, examples

every_backend = pytest.mark.parametrize('backend', BACKENDS)
on_arrays = pytest.mark.parametrize('backend', ARRAYS)


def line(backend: str, **options: Any) -> tuple[Program, Value, Value]:
    """Compile w x + b, of rows of one number."""
    w, b, x = Value(3.0, 'w'), Value(1.0, 'b'), Value(0.0, 'x')
    return compile(w * x + b, rows=[x], parameters=[w, b], backend=backend, **options), w, b


def learning(backend: str, **options: Any) -> tuple[Program, MLP, list[list[float]]]:
    """Compile a small net's error for one sample; return it, the net, and six samples."""
    net = MLP(2, [3, 1], 'tanh', 'sigmoid', seed=4)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    program = compile(
        half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend=backend, **options
    )
    return program, net, [[k / 3 - 1, (k * k % 5) / 4, k % 2] for k in range(7)]


# Rows and outputs.


@every_backend
def test_one_row_gives_the_outputs_as_they_were_given(backend: str) -> None:
    x, y = Value(1.0), Value(2.0)
    outputs = {'sum': x + y, 'all': [x * y, (x - y, 7.0)], 'row': x}
    program = compile(outputs, rows=[x, y], backend=backend)
    assert program([5.0, 3]) == {'sum': 8.0, 'all': [15.0, (2.0, 7.0)], 'row': 5.0}
    assert isinstance(program((5, True))['all'][0], float)
    assert program.width == 2


@every_backend
def test_many_rows(backend: str) -> None:
    x, y = Value(1.0), Value(2.0)
    rows = [[5.0, 3.0], (1, 2), [0.0, -1.0]]
    assert [*compile(x * y, rows=[x, y], backend=backend)(rows)] == [15.0, 2.0, 0.0]
    pairs = compile([(x, y), (y, x * y)], rows=[x, y], backend=backend)(row for row in rows)
    assert bits(pairs) == bits([[(a, b), (b, a * b)] for a, b in rows])
    ragged = compile([x, [y, y]], rows=[x, y], backend=backend)(rows)
    assert len(ragged) == (3 if backend == 'python' else 2)
    assert compile(x * y, rows=[y, x], parameters=[], backend=backend).sum(rows) == 17.0
    assert compile([x, {'y': y}], rows=[x, y], backend=backend).sum(rows) == [6.0, {'y': 4.0}]


@on_arrays
def test_arrays_come_back_as_arrays(backend: str) -> None:
    import numpy as np

    x, y = Value(1.0), Value(2.0)
    rows = np.arange(10.0).reshape(5, 2)
    assert compile(x * y, rows=[x, y], backend=backend)(rows).shape == (5,)
    jacobian = compile([gradients(z, [x, y]) for z in (x * y, x / y, x - y)], rows=[x, y], backend=backend)
    assert jacobian(rows).shape == (5, 3, 2)
    assert jacobian(rows)[2].tolist() == [[5.0, 4.0], [1 / 5, -(4 / 5) / 5], [1.0, -1.0]]
    result = compile({'a': x, 'b': [y, y]}, rows=[x, y], backend=backend)(rows)
    assert result['a'].tolist() == rows[:, 0].tolist()
    assert [part.shape for part in result['b']] == [(5,), (5,)]
    array = np.array([[x, y], [x, x * y]], dtype=object)
    assert compile(array, rows=[x, y], backend=backend)(rows).shape == (5, 2, 2)
    assert compile(array, rows=[x, y], backend=backend)(rows[1]).tolist() == [[2.0, 3.0], [2.0, 6.0]]


@every_backend
def test_no_rows_no_outputs_and_nothing_to_compute(backend: str) -> None:
    x, w = Value(1.0), Value(4.0)
    assert [*compile(x * w, rows=[x], backend=backend)([])] == []
    assert compile([x * w, 1.0], rows=[x], backend=backend).sum([]) == [0.0, 0.0]
    error, slopes = compile(x * w, rows=[x], backend=backend).value_and_gradient([4.0], [])
    assert (error, [*slopes]) == (0.0, [0.0])
    assert [*map(list, compile([], rows=[x], backend=backend)([[1.0], [2.0]]))] == [[], []]
    without = compile(w * w, backend=backend)
    assert without() == 16.0
    assert without.backward() == 16.0
    assert w.grad == 8.0
    assert [*without([(), (), ()])] == [16.0] * 3
    assert [*compile([x, x, w, 2.0, x * x, x * x], rows=[x], backend=backend)([3.0])] == [
        3.0,
        3.0,
        4.0,
        2.0,
        9.0,
        9.0,
    ]
    assert compile(w + 1, rows=[x, Value(0.0)], backend=backend)([[1, 2], [3, 4]])[1] == 5.0


@every_backend
def test_nan_and_infinities_in_rows_are_allowed_and_propagate(backend: str) -> None:
    program, _, _ = line(backend)
    assert bits(program([[nan], [inf], [-inf], [0.0]])) == ['nan', 'inf', '-inf', '1.0']
    assert isnan(program.sum([[nan], [1.0]]))
    assert isnan(program.value_and_gradient([1.0, 1.0], [[nan]])[1][0])


@on_arrays
def test_any_real_array_is_a_table_of_rows(backend: str) -> None:
    import numpy as np

    program, _, _ = line(backend)
    for dtype in ('f2', 'f4', 'f8', 'i1', 'u2', 'i8', '?', 'g'):
        rows = np.array([[0], [1], [1]]).astype(dtype)
        assert program(rows).tolist() == [1.0, 4.0, 4.0], dtype
        assert program(rows[1]) == 4.0
    kept = np.array([[2.0]])
    kept.setflags(write=False)
    assert program(kept).tolist() == [7.0]
    assert program(np.zeros((0, 1))).shape == (0,)
    assert program([np.array([2.0]), [np.float32(1)]]).tolist() == [7.0, 4.0]


@every_backend
def test_rows_that_are_none_are_refused_by_name(backend: str) -> None:
    x, y = Value(1.0), Value(2.0)
    program = compile(x * y, rows=[x, y], backend=backend)
    for rows, error, said in [
        ([[1, 2], [1, 2, 3]], ValueError, 'row 1 has 3 numbers; the program takes rows of 2'),
        ([[1], [1, 2]], ValueError, 'row 0 has 1 number; the program takes rows of 2'),
        ([1, 2, 3], ValueError, 'the row has 3 numbers; the program takes rows of 2'),
        ([[1, 2], 3], TypeError, 'row 1 must be a list of numbers, as other rows are, not 3 of type int'),
        (
            [[1, 2], '34'],
            TypeError,
            "row 1 must be a list of numbers, as other rows are, not '34' of type str",
        ),
        ([[1, 2], [1, '2']], TypeError, "row 1, number 1, must be a real number, not '2' of type str"),
        ([[1, 2], [1, None]], TypeError, 'row 1, number 1, must be a real number, not None'),
        ([[1, 2j]], TypeError, 'row 0, number 1, must be a real number, not 2j'),
        ([[1, x]], TypeError, 'row 0, number 1, must be a real number, not Value'),
        ('12', TypeError, "rows must be lists of numbers or an array, not '12' of type str"),
        (None, TypeError, 'rows must be lists of numbers or an array, not None'),
        (3.0, TypeError, 'rows must be lists of numbers or an array, not 3.0'),
    ]:
        for method in (program, program.sum, program.backward):
            with pytest.raises(error, match=re.escape(said)):
                method(rows)
    assert (x.grad, y.grad) == (0.0, 0.0)


@every_backend
def test_arrays_that_are_none_are_refused(backend: str) -> None:
    np = pytest.importorskip('numpy')
    x, y = Value(1.0), Value(2.0)
    program = compile(x * y, rows=[x, y], backend=backend)
    foreign = '>f8' if sys.byteorder == 'little' else '<f8'
    for rows, error, said in [
        (np.zeros((3, 2), foreign), TypeError, 'another byte order'),
        (np.zeros((3, 2), complex), TypeError, 'real numbers, not an array of dtype complex128'),
        (np.zeros((3, 2), object), TypeError, 'real numbers, not an array of dtype object'),
        (np.zeros((3, 2), 'U1'), TypeError, 'real numbers, not an array of dtype <U1'),
        (np.zeros((3, 2), 'M8[s]'), TypeError, 'real numbers, not an array of dtype datetime64'),
        (np.zeros((3, 3)), ValueError, 'each row has 3 numbers; the program takes rows of 2'),
        (np.zeros(3), ValueError, 'the row has 3 numbers; the program takes rows of 2'),
        (np.zeros((3, 2, 1)), ValueError, r'an array of shape (rows, 2), not of shape (3, 2, 1)'),
        (np.zeros(()), ValueError, r'one row, or an array of shape (rows, 2)'),
    ]:
        with pytest.raises(error, match=re.escape(said)):
            program(rows)


# Parameters.


@every_backend
def test_parameters_are_read_anew_and_other_leaves_are_constants(backend: str) -> None:
    w, c, x = Value(3.0), Value(10.0), Value(0.0)
    program = compile(w * x + c, rows=[x], parameters=[w], backend=backend)
    w.data = c.data = 100.0
    assert program([1.0]) == 110.0
    assert len(program.parameters) == 1
    assert [
        node is leaf for node, leaf in zip(compile(w * x + c, rows=[x], backend=backend).parameters, [w, c])
    ] == [True] * 2
    w.data = 2  # type: ignore[assignment]
    assert program([1.0]) == 12.0


def test_rows_and_parameters_must_be_leaves_each_with_one_place() -> None:
    w, x = Value(3.0), Value(1.0)
    y = w * x
    for rows, parameters, error, said in [
        (
            [y],
            [],
            ValueError,
            r'row 0 must be a leaf of the graph, not Value\(data=3.0.*, which was computed',
        ),
        ([x], [w, y], ValueError, 'parameter 1 must be a leaf'),
        ([x, x], [], ValueError, 'row 1, .*, was given before'),
        ([x], [w, x], ValueError, 'parameter 1, .*, was given before'),
        ([1.0], [w], TypeError, r'rows\[0\] must be a Value of the graph, not 1.0'),
        ([x], ['w'], TypeError, r"parameters\[0\] must be a Value of the graph, not 'w'"),
    ]:
        with pytest.raises(error, match=said):
            compile(y, rows=rows, parameters=parameters, backend='python')  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='the outputs'):
        compile({'y': 'no number'}, rows=[x])
    with pytest.raises(TypeError, match='rows= and parameters= are for recorded values'):
        compile(lambda x: x, rows=[x])
    with pytest.raises(TypeError, match='loops= and memory= are for recorded values, and not for a function'):
        compile(lambda x: x, memory=8)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match='most_paths= is for a function, and not for recorded values'):
        compile(x, most_paths=8)  # type: ignore[call-overload]


def test_options_that_are_none_are_refused() -> None:
    x = Value(1.0)
    with pytest.raises(
        ValueError, match="there is no backend 'fast'; there are python, numpy, native"
    ):
        compile(x, rows=[x], backend='fast')
    for threads in (0, -1, 1.5, True, '2'):
        with pytest.raises(ValueError, match='threads must be a whole number of at least 1'):
            compile(x, rows=[x], threads=threads)


# Backward.


@every_backend
def test_backward_adds_to_grad_as_value_s_does(backend: str) -> None:
    program, net, rows = learning(backend)
    errors = []
    for row in rows:
        error = half_squared_error(net([Value(x) for x in row[:2]]), row[2])
        error.backward()
        errors.append(error.data)
    expected = [p.grad for p in net.parameters()]
    net.zero_grad()
    assert apart(program.backward(rows), sum(errors)) <= 8
    once = [p.grad for p in net.parameters()]
    assert all(abs(a - b) <= 1e-15 for a, b in zip(once, expected))
    assert any(once)
    program.backward(rows)
    assert [p.grad for p in net.parameters()] == [2 * g for g in once]
    assert program.value_and_gradient([p.data for p in net.parameters()], rows)[0] == program.backward(rows)


@every_backend
def test_exact_gradients_are_the_same_to_the_last_bit(backend: str) -> None:
    """Sums of dyadic numbers are exact in any order."""
    a, b, x = Value(0.75), Value(-2.5), Value(0.0)
    y = (a * x - b) * (x + a) + F.max(a * x, b) + b * b
    rows = [[k / 4] for k in range(-9, 10)]
    program = compile(y, rows=[x], backend=backend)
    error = program.backward(rows)
    compiled = a.grad, b.grad
    a.grad = b.grad = 0.0
    total = 0.0
    for (k,) in rows:
        x_ = Value(k)
        one = (a * x_ - b) * (x_ + a) + F.max(a * x_, b) + b * b
        one.backward()
        total += one.data
    assert (error, compiled) == (total, (a.grad, b.grad))


@every_backend
@pytest.mark.parametrize('trouble', [KeyboardInterrupt, MemoryError])
def test_an_interrupted_backward_leaves_every_grad_as_it_was(
    backend: str, trouble: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, net, rows = learning(backend)
    program.backward(rows)
    before = [(p.data, p.grad) for p in net.parameters()]

    def interrupt(*_: Any) -> Any:
        raise trouble

    for method in ('sums', 'descend'):
        monkeypatch.setattr(program._gradient.engine, method, interrupt, raising=True)
    with pytest.raises(trouble):
        program.backward(rows)
    with pytest.raises(trouble):
        program.descend(rows, 0.1)
    with pytest.raises(ValueError, match='row 1'):
        program.backward([rows[0], [1.0]])
    assert [(p.data, p.grad) for p in net.parameters()] == before


@every_backend
def test_value_and_gradient_reads_no_value_and_touches_none(backend: str) -> None:
    program, net, rows = learning(backend)
    parameters = net.parameters()
    theta = [p.data for p in parameters]
    first = program.value_and_gradient(theta, rows)
    before = [p.grad for p in parameters]
    for p in parameters:
        p.data = nan
    second = program.value_and_gradient(tuple(theta), rows)
    assert bits(first) == bits(second)
    assert [p.grad for p in parameters] == before == [0.0] * len(before)
    assert isnan(program.sum(rows))
    with pytest.raises(ValueError, match='theta has 2 numbers; the program has 13 parameters'):
        program.value_and_gradient([1.0, 2.0], rows)


@every_backend
def test_theta_may_be_an_array_and_overflow_in_silence(backend: str) -> None:
    np = pytest.importorskip('numpy')
    w, x = Value(2.0), Value(1.0)
    program = compile(w * w / x, rows=[x], backend=backend)
    for theta in (np.array([1e200]), np.array([1e200, 0.0])[::2], [np.float64(1e200)]):
        error, slopes = program.value_and_gradient(theta, [[0.0], [1.0]])
        assert (error, [*slopes]) == (inf, [inf])
    for theta in (np.ones((1, 2)), np.ones((1, 1)), np.ones(())):
        with pytest.raises(ValueError, match=r'theta must be a list of numbers, not an array of shape \('):
            program.value_and_gradient(theta, [[1.0]])


def test_only_one_output_has_a_gradient() -> None:
    x, w = Value(1.0), Value(2.0)
    program = compile([w * x, w], rows=[x], backend='python')
    for call in (
        program.backward,
        lambda rows: program.value_and_gradient([1.0], rows),
        lambda rows: program.descend(rows, 0.1),
    ):
        with pytest.raises(TypeError, match='only a program of one output has a gradient; this one has 2'):
            call([[1.0]])


@every_backend
@examples(5)
@given(st.data())
def test_nets_and_their_gradients(backend: str, data: st.DataObject) -> None:
    net = data.draw(nets())
    samples = data.draw(teacher_sets(net.inputs, net.sizes[-1]))
    x, t = [Value(0.0) for _ in range(net.inputs)], [Value(0.0) for _ in range(net.sizes[-1])]
    out = net(x)
    error = half_squared_error(out if isinstance(out, list) else [out], t)
    program = compile(error, rows=[*x, *t], parameters=net.parameters(), backend=backend)
    rows = [[*a, *b] for a, b in zip(samples.inputs, samples.targets)]
    total = program.backward(rows)
    compiled = [p.grad for p in net.parameters()]
    net.zero_grad()
    eager = 0.0
    for row in rows:
        out = net(row[: net.inputs])
        one = half_squared_error(out if isinstance(out, list) else [out], row[net.inputs :])
        one.backward()
        eager += one.data
    assert total == pytest.approx(eager, rel=1e-13, abs=1e-300)
    sizes = max([1.0, *(abs(p.grad) for p in net.parameters())])
    assert compiled == pytest.approx([p.grad for p in net.parameters()], rel=1e-12, abs=1e-13 * sizes)


# Descent.


@every_backend
@pytest.mark.parametrize('mode', ['batch', 'online', 3, 100])
def test_descent_is_the_loop_written_out(backend: str, mode: Any) -> None:
    program, net, rows = learning(backend)
    other, twin, _ = learning('python')
    size = {'batch': len(rows), 'online': 1}.get(mode, mode)
    expected = []
    for _ in range(3):
        total = 0.0
        for start in range(0, len(rows), size):
            twin.zero_grad()
            total += other.backward(rows[start : start + size])
            for p in twin.parameters():
                p.data -= 0.3 * p.grad
        expected.append(total)
    errors = program.descend(rows, 0.3, 3, mode)
    weights, wanted = [p.data for p in net.parameters()], [p.data for p in twin.parameters()]
    if backend == 'python':
        assert (errors, weights) == (expected, wanted)
    assert max(map(apart, errors, expected)) <= 64
    assert max(abs(a - b) for a, b in zip(weights, wanted)) <= 1e-14
    assert all(type(number) is float for number in errors + weights)
    assert [p.grad for p in net.parameters()] == [0.0] * 13


@every_backend
def test_descent_refuses_what_cannot_be(backend: str) -> None:
    program, net, rows = learning(backend)
    before = [p.data for p in net.parameters()]
    for changes, said in [
        ({'learning_rate': 0.0}, 'the learning rate h must be 0 < h <= 1, not 0.0'),
        ({'learning_rate': 1.5}, 'the learning rate h must be 0 < h <= 1, not 1.5'),
        ({'learning_rate': nan}, 'the learning rate h must be 0 < h <= 1, not nan'),
        ({'epochs': 0}, 'epochs must be a whole number of at least 1, not 0'),
        ({'epochs': True}, 'epochs must be a whole number'),
        ({'epochs': 2.0}, 'epochs must be a whole number'),
        (
            {'mode': 'on-line'},
            "mode is 'batch', 'online', or the size of mini-batches, from 1 on, not 'on-line'",
        ),
        ({'mode': 0}, 'from 1 on, not 0'),
        ({'mode': 1.5}, 'from 1 on, not 1.5'),
        ({'mode': True}, 'from 1 on, not True'),
        ({'rows': []}, 'there is no row to learn from'),
        ({'rows': [[1.0, 2.0]]}, 'row 0 has 2 numbers'),
    ]:
        with pytest.raises(ValueError, match=re.escape(said)):
            program.descend(**{'rows': rows, 'learning_rate': 0.1, 'epochs': 1, **changes})
    with pytest.raises(TypeError, match="learning rate h must be a real number, not 'fast'"):
        program.descend(rows, 'fast')  # type: ignore[arg-type]
    assert [p.data for p in net.parameters()] == before


@every_backend
def test_descent_that_runs_away_changes_nothing_and_names_the_epoch(backend: str) -> None:
    w, x = Value(2.0), Value(0.0)
    program = compile((w * w * w * w) * x, rows=[x], backend=backend)
    with pytest.raises(
        ArithmeticError, match=r'a parameter became (-?inf|nan); the error was finite before epoch \d'
    ):
        program.descend([[1.0]], 1.0, 30)
    assert w.data == 2.0
    with pytest.raises(ArithmeticError, match='became nan'):
        program.descend([[1.0], [nan]], 0.1)
    assert w.data == 2.0


# Branches.


@every_backend
def test_a_row_on_another_branch_is_an_error_that_names_the_line_and_the_row(backend: str) -> None:
    x, w, other = Value(2.0, 'x'), Value(3.0), Value(0.0)
    with recording():
        y = w * x if x > 1 else x - w  # the branch
    program = compile(y, rows=[other, x], parameters=[Value(5.0), w], backend=backend)
    rows = [[0.0, 2.0], [9.0, 1.5], [0.0, 0.5], [0.0, -1.0]]
    assert [*program(rows[:2])] == [6.0, 4.5]
    for call in (program, program.sum, program.backward, lambda rows: program.descend(rows, 0.1)):
        with pytest.raises(
            BranchError, match=r'row 2 would .*test_program.py, line \d+, in .*: .*if x > 1 .*# the branch'
        ):
            call(rows)
    with pytest.raises(BranchError, match='row 0 would'):
        program([0.0, nan])
    assert (w.grad, w.data) == (0.0, 3.0)
    assert program.descend(rows[:2], 0.1)


@every_backend
def test_guards_on_parameters_are_checked_at_each_call_and_forbid_descent(backend: str) -> None:
    a, w, x = Value(7.0), Value(3.0), Value(1.0)
    with recording():
        y = w * x if w * 2 > x + 4 else x - w
    program = compile(y, rows=[x], parameters=[a, w], backend=backend)
    assert program([1.0]) == 3.0
    with pytest.raises(
        BranchError, match=r'descend cannot watch the branch at .*it may depend on parameters'
    ):
        program.descend([[1.0]], 0.1)
    with pytest.raises(BranchError, match='row 0 would'):
        program.value_and_gradient([7.0, 2.0], [[1.0]])
    w.data = 2.0
    with pytest.raises(BranchError, match='row 0 would'):
        program([1.0])
    assert program([-1.0]) == -2.0


def test_a_guard_on_a_leaf_that_is_gone_keeps_its_number() -> None:
    x, c = Value(-7.0), Value(-5.0)
    with recording():
        y = x * x if x < c else x
    del c
    program = compile(y, rows=[x], backend='python')
    assert program([-6.0]) == 36.0
    with pytest.raises(BranchError):
        program([-3.0])


@every_backend
def test_python_compares_whole_numbers_and_fractions_exactly_and_so_do_guards(backend: str) -> None:
    from fractions import Fraction

    bounds = [2**53 + 1, Fraction(1, 3), 10**400, -(2**53) - 1, -(10**400), Fraction(1, 10), 0, 3]
    for bound in bounds[: 3 if backend == 'native' else None]:
        near = float(bound) if abs(bound) < 10**300 else inf if bound > 0 else -inf
        numbers = [near, near * (1 - 2**-50), near * (1 + 2**-50), -near, 0.0, 1e300, inf, -inf, nan]
        for start in numbers[:2]:
            x = Value(start)
            with recording():
                held = [x < bound, x <= bound, x > bound, x >= bound, x == bound, x != bound]
            program = compile(x + 1, rows=[x], backend=backend)
            for number in numbers:
                same = held == [
                    number < bound,
                    number <= bound,
                    number > bound,
                    number >= bound,
                    number == bound,
                    number != bound,
                ]
                try:
                    program([number])
                except BranchError:
                    assert not same, (bound, start, number)
                else:
                    assert same, (bound, start, number)


def test_c_code_of_a_program_with_branches_says_so() -> None:
    x = Value(2.0)
    with recording():
        y = x * x if x > 1 else x
    with pytest.raises(BranchError):
        compile(y, rows=[x], backend='python').to_c()


# Pickling and processes.


@every_backend
def test_a_pickled_program_goes_on(backend: str) -> None:
    program, net, rows = learning(backend)
    program.backward(rows)
    twin = pickle.loads(pickle.dumps(program))
    assert (twin.backend, twin.source, twin.width) == (program.backend, program.source, 3)
    assert bits(twin(rows)) == bits(program(rows))
    theta = [p.data for p in net.parameters()]
    assert bits(twin.value_and_gradient(theta, rows)) == bits(program.value_and_gradient(theta, rows))
    assert [p.grad for p in twin.parameters] == [p.grad for p in net.parameters()]
    twin.descend(rows, 0.5)
    assert [p.data for p in net.parameters()] == theta
    assert [p.data for p in twin.parameters] != theta


@every_backend
def test_a_pickled_program_keeps_its_guards_and_structure(backend: str) -> None:
    x = Value(2.0)
    with recording():
        y = {'y': x * x if x > 1 else x}
    twin = pickle.loads(pickle.dumps(compile(y, rows=[x], backend=backend)))
    twin = pickle.loads(pickle.dumps(twin))
    assert twin([3.0]) == {'y': 9.0}
    with pytest.raises(BranchError, match=r'test_program.py, line \d+.*if x > 1 else x'):
        twin([0.5])


def run(code: str, *arguments: str, **environment: str) -> str:
    """Run Python code in a process of its own; return what it printed."""
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, '-W', 'error', '-c', code, *arguments], capture_output=True, text=True, timeout=120,
        env={**os.environ, 'PYTHONPATH': path, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize('backend', every(3, BACKENDS))
def test_a_program_can_be_pickled_into_another_process(backend: str, tmp_path: Path) -> None:
    program, _, rows = learning(backend)
    (tmp_path / 'program').write_bytes(pickle.dumps((program, rows)))
    code = 'import pickle, sys; p, rows = pickle.load(open(sys.argv[1], "rb")); print(*map(repr, map(float, p(rows))))'
    code = code.replace(
        'open(sys.argv[1], "rb")',
        '__import__("io").BytesIO(__import__("pathlib").Path(sys.argv[1]).read_bytes())',
    )
    assert run(code, str(tmp_path / 'program')) == ' '.join(bits(program(rows)))


def test_the_python_backend_needs_no_package() -> None:
    code = """
import sys
sys.modules['numpy'] = sys.modules['llvmlite'] = None
from microgradnet import Value
from microgradnet.compiling import compile
x, w = Value(2.0), Value(3.0)
program = compile(w * x + 1, rows=[x])
rows = [[1.0], [2.0]]
print(program.backend, program(rows), program.backward(rows), w.grad, program.descend([[1.0]], 0.5, 2))
print(compile(lambda x: x.exp() if x > 0 else x)(-1.0), 'double' in program.to_c())
for backend in ('numpy', 'native'):
    try:
        compile(w * x, rows=[x], backend=backend)
    except ImportError as error:
        print(error)
"""
    said = run(code).splitlines()
    assert said[:2] == ['python [4.0, 7.0] 11.0 3.0 [4.0, 3.5]', '-1.0 True']
    assert said[2] == (
        "the numpy backend needs NumPy: pip install 'microgradnet[numpy]', or compile with backend='python'"
    )
    assert said[3:] == [
        "the native backend needs NumPy: pip install 'microgradnet[native]', "
        "or compile with backend='python'"
    ]


@NATIVE
def test_without_llvmlite_numpy_is_the_default_and_native_says_what_to_install() -> None:
    code = """
import sys
sys.modules['llvmlite'] = sys.modules['llvmlite.binding'] = None
from microgradnet import Value
from microgradnet.compiling import compile
x = Value(2.0)
print(compile(x * x, rows=[x]).backend)
try:
    compile(x * x, rows=[x], backend='native')
except ImportError as error:
    print(error)
"""
    said = run(code).splitlines()
    assert said[0] == 'numpy'
    assert said[1] == (
        "the native backend needs llvmlite: pip install 'microgradnet[native]', "
        "or compile with backend='numpy' or 'python'"
    )


# What is printed.


def test_labels_become_names_that_can_be_names() -> None:
    labels = [
        'x',
        'x',
        'lambda',
        'exp',
        'row',
        'parameters',
        'program',
        'np',
        'a b',
        '3',
        '',
        'v1',
        'w2',
        'θ',
        'total',
        'inf',
        'abs',
    ]
    xs = [Value(float(k + 1), label) for k, label in enumerate(labels)]
    y = F.sum([x.exp() for x in xs]) + xs[0].abs() + F.sum([x * 3.0 for x in xs])
    y.label = 'return'
    z = y * y
    for backend in ('python', 'numpy'):
        if backend == 'numpy':
            pytest.importorskip('numpy')
        program = compile([z, y], rows=xs[:9], parameters=xs[9:], backend=backend)
        assert program([x.data for x in xs[:9]])[0] == pytest.approx(z.data, rel=1e-14)
    assert 'return_ = ' in program.source
    assert 'x, x_, lambda_' in program.source


@every_backend
def test_the_source_is_the_derivation_as_code(backend: str) -> None:
    program, _, _ = line(backend)
    assert program.source == (
        'def program(row, parameters):\n    x, = row\n    w, b = parameters\n    return (w * x + b,)\n'
    )


@given(st.lists(points(), min_size=1, max_size=3), points())
def test_constants_are_printed_to_the_last_bit(numbers: list[float], at: float) -> None:
    x = Value(at)
    outputs = [x * number for number in numbers]
    assert bits(compile(outputs, rows=[x], backend='python')([at])) == bits([y.data for y in outputs])


def test_a_deep_graph_compiles() -> None:
    x = y = Value(1.0)
    for _ in range(2_000):
        y = y * 1.0 + 0.0
    program = compile(y, rows=[x], backend='python', loops=False)
    assert program([3.0]) == 3.0
    assert program.routine.instructions[program.routine.results[-1]].name == 'add'


@every_backend
def test_a_program_does_not_keep_the_graph(backend: str) -> None:
    w, x = Value(3.0), Value(2.0)
    inner = (w * x).tanh()
    kept = ref(inner)
    program = compile({'y': [inner * inner, 1.0]}, rows=[x], parameters=[w], backend=backend)
    before = program([2.0]), program([[1.0], [2.0]])
    del inner
    assert kept() is None
    again = pickle.loads(pickle.dumps(program))
    for other in program, again:
        assert repr((other([2.0]), other([[1.0], [2.0]]))) == repr(before)


@pytest.mark.parametrize('backend', BACKENDS[:2])
def test_each_routine_is_printed_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[Any] = []
    function = Infix.python_function
    monkeypatch.setattr(Infix, 'python_function', lambda printer: [printed.append(printer), function(printer)][1])
    x, w = Value(2.0), Value(3.0)
    program = compile(x * w, rows=[x], backend=backend)
    assert program.value_and_gradient([3.0], [[2.0]])[0] == 6.0 and program.source
    assert len(printed) == 2  # the value, and its gradient
