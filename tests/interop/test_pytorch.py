"""``to_torch``: values, derivatives of any order and batches, held against PyTorch's own."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import Value, compile, while_loop
from microgradnet import functions as F
from microgradnet.interop import to_torch
from tests.support.interop import energy_program, swing

torch = pytest.importorskip('torch')
#: PyTorch's own forward mode makes use of what it deprecates itself.
pytestmark = pytest.mark.filterwarnings('ignore:.torch.jit.script. is deprecated:DeprecationWarning')


def spring(x: Any, a: Any) -> Any:
    """A result of two numbers, whose branches differ."""
    return [F.sin(x[0]) * a, F.exp(x[1]) + a * a if x[0] > x[1] else x[1] * a]


def energy(x: Any) -> Any:
    return F.log(1 + F.dot(x, x)) * x[1]


def doubles(*numbers: Any) -> list[Any]:
    return [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]


@pytest.mark.parametrize('make', [
    pytest.param(lambda f: f, id='plain', marks=pytest.mark.slow),
    pytest.param(lambda f: compile(f, backend='python'), id='compiled'),
])  # fmt: skip
def test_gradcheck_of_two_orders(make: Callable[[Any], Any]) -> None:
    op = to_torch(make(spring))
    for x in [0.7, -0.3], [-0.3, 0.7]:
        assert torch.autograd.gradcheck(op, doubles(x, 1.5), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(op, doubles(x, 1.5), check_fwd_over_rev=True)


def test_values_and_gradients_are_torchs_own() -> None:
    [x] = doubles([0.4, -1.2, 2.0])
    ours = to_torch(energy)(x)
    theirs = torch.log(1 + x @ x) * x[1]
    assert torch.allclose(ours, theirs, rtol=1e-14)
    for mine, other in zip(torch.autograd.grad(ours * 3, x), torch.autograd.grad(theirs * 3, x)):
        assert torch.allclose(mine, other, rtol=1e-14)
    ours_hessian = torch.autograd.functional.hessian(to_torch(energy), x)
    assert torch.allclose(ours_hessian, torch.autograd.functional.hessian(lambda x: torch.log(1 + x @ x) * x[1], x))


@pytest.mark.slow
def test_forward_mode_and_mixtures_are_torchs_own() -> None:
    op, u = to_torch(compile(energy, backend='python')), torch.ones(3, dtype=torch.float64)
    x = doubles([0.4, -1.2, 2.0])[0].detach()

    def theirs(x: Any) -> Any:
        return torch.log(1 + x @ x) * x[1]

    func = torch.func
    for mine, other in zip(func.jvp(op, (x,), (u,)), func.jvp(theirs, (x,), (u,)), strict=True):
        assert torch.allclose(mine, other, rtol=1e-13)
    for outer in func.jacrev, func.jacfwd:
        for inner in func.jacrev, func.jacfwd:
            assert torch.allclose(outer(inner(op))(x), func.hessian(theirs)(x), rtol=1e-12), (outer, inner)


@pytest.mark.slow
def test_a_loop_has_second_derivatives_whichever_way_they_are_taken() -> None:
    def power(x: Any) -> Any:  # x[0] x[1]**5
        return [while_loop(lambda y, k: k < 5, lambda y, k: (y * x[1], k + 1), x[0], 0.0)[0], x[0] * x[1]]

    operation, (at,) = to_torch(power), doubles([3.0, 2.0])
    first, second = torch.func.jacrev, torch.func.jacfwd
    wanted = torch.tensor([[[0.0, 80.0], [80.0, 480.0]], [[0.0, 1.0], [1.0, 0.0]]], dtype=torch.float64)
    for outer, inner in (first, first), (second, first), (first, second):
        assert torch.allclose(outer(inner(operation))(at), wanted, rtol=1e-12)


def test_the_hessian_of_a_program_is_forward_over_reverse_and_there_is_no_third_order() -> None:
    op = to_torch(energy_program(backend='python'))
    rows, theta = (part.detach() for part in doubles([[0.3, -1.2], [0.7, 0.4]], [0.5, 1.5, -0.3]))

    def total(theta: Any) -> Any:
        return op(rows, theta)[0].sum()

    one = torch.func.hessian(total)(theta)
    assert torch.allclose(one, torch.autograd.functional.hessian(total, theta), rtol=1e-13)
    for outer, inner in (torch.func.jacfwd, torch.func.jacfwd), (torch.func.jacrev, torch.func.hessian):
        with pytest.raises(TypeError, match=r'the Program has derivatives of two orders.* for others give a function'):
            outer(inner(total))(theta)


def test_a_batch_is_one_call_of_its_rows() -> None:
    op = to_torch(compile(spring, backend='python'))
    rows = torch.tensor([[0.7, -0.3], [-0.3, 0.7], [1.0, 0.5]], dtype=torch.float64)
    a = torch.tensor(1.5, dtype=torch.float64)
    found = torch.vmap(op, in_dims=(0, None))(rows, a)
    assert torch.equal(found, torch.stack([op(row, a) for row in rows]))
    by_row = torch.vmap(torch.func.grad(lambda x, a: op(x, a).sum()), in_dims=(0, None))(rows, a)
    assert torch.allclose(by_row, torch.stack([torch.func.grad(lambda x: op(x, a).sum())(row) for row in rows]))
    twice = torch.vmap(torch.vmap(op, (0, None)), (None, 0))(rows, torch.stack([a, 2 * a]))
    assert torch.equal(twice[1], torch.vmap(op, (0, None))(rows, 2 * a))


def test_several_results_types_and_numbers() -> None:
    op = to_torch(lambda x, k: (x[0] * k, [[x[0], x[1]]]))
    y, table = op(torch.tensor([1.0, 2.0]), 3)
    assert y.dtype == table.dtype == torch.float32 and y.item() == 3.0 and table.shape == (1, 2)
    x = torch.ones(2, requires_grad=True)
    op(x, 2.0)[1].sum().backward()  # nothing comes back from y
    assert x.grad.tolist() == [1.0, 1.0] and x.grad.dtype == torch.float32


@pytest.mark.parametrize('backend', ['python', pytest.param('native', marks=pytest.mark.slow)])
def test_a_program_takes_rows_in_leading_axes_and_parameters(backend: str) -> None:
    op = to_torch(energy_program(backend=backend))
    rows, theta = doubles([[0.3, -1.2], [0.7, 0.4], [2.0, -0.5]], [0.5, 1.5, -0.3])
    y, both = op(rows, theta)
    assert (y.shape, both.shape) == ((3,), (3, 2))
    one, two = swing(0.3, -1.2, 0.5, 1.5, -0.3)
    assert [y[0].item(), *both[0].tolist()] == pytest.approx([one, *two], rel=1e-14)
    assert torch.autograd.gradcheck(op, (rows, theta), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(op, (rows, theta), check_fwd_over_rev=True)
    assert torch.autograd.gradcheck(op, (rows.detach()[0], theta))  # one row, which is constant
    by_row = torch.func.jacrev(lambda row: op(row, theta.detach())[0])(rows.detach()[1])
    every = torch.vmap(torch.func.grad(lambda row, theta: op(row, theta)[0]), (0, None))(rows.detach(), theta.detach())
    assert torch.allclose(every[1], by_row, rtol=1e-14)
    assert torch.equal(op(rows)[0], y)  # the parameters' numbers of now, which are these
    with torch.no_grad():
        assert not op(rows, theta)[0].requires_grad
    again = pickle.loads(pickle.dumps(op))
    assert torch.equal(again(rows, theta)[1], both)


def test_a_program_learns_rows_with_torchs_optimiser() -> None:
    x, t, w, b = (Value(0.0) for _ in range(4))
    op = to_torch(compile((w * x + b - t) ** 2, rows=[x, t], parameters=[w, b], backend='python'))
    rows = torch.tensor([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]], dtype=torch.float32)
    theta = torch.nn.Parameter(torch.zeros(2))
    descent = torch.optim.SGD([theta], lr=0.1)
    for _ in range(200):
        descent.zero_grad()
        op(rows, theta).sum().backward()
        descent.step()
    assert theta.tolist() == pytest.approx([2.0, 1.0], abs=1e-4) and theta.grad.dtype == torch.float32


def test_it_learns_in_a_module() -> None:
    w = torch.nn.Parameter(torch.tensor([1.0, 1.0], dtype=torch.float64))
    error, descent = to_torch(lambda w: (w[0] - 3) ** 2 + (w[1] + 1) ** 2), torch.optim.SGD([w], lr=0.25)
    for _ in range(60):
        descent.zero_grad()
        error(w).backward()
        descent.step()
    assert w.tolist() == pytest.approx([3.0, -1.0])


@pytest.mark.parametrize(('attempt', 'said'), [
    (lambda: to_torch(3.0), 'f must be a function of numbers'),
    (lambda: to_torch(energy)([1.0, 2.0, 3.0]), r'argument 0 of energy must be a tensor or a number, not \[1.0'),
    (lambda: to_torch(energy)(torch.ones(3) * 1j), 'argument 0 of energy must be of real numbers, not of torch.comp'),
    (lambda: to_torch(lambda x: {'y': x})(1.0), 'must return numbers, lists or arrays of them, or a tuple of these'),
    (lambda: to_torch(energy)(torch.ones(3, device='meta')), 'argument 0 of energy must be .* not one on the meta dev'),
    (lambda: to_torch(energy)(torch.eye(3).to_sparse()), 'argument 0 of energy must be .* not one of layout torch'),
    (lambda: to_torch(energy)(), 'energy must be called with at least one argument, and is with none'),
], ids=['number', 'list', 'complex', 'dict', 'meta', 'sparse', 'none'])  # fmt: skip
def test_errors_name_what_came(attempt: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        attempt()


def test_lists_of_unequal_lengths_and_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match='lists as long as each other'):
        to_torch(lambda x: [[x], [x, x]])(1.0)
    op = to_torch(lambda x: [x] if x > 0 else [x, x])
    op(1.0)
    with pytest.raises(ValueError, match=r'one shape whatever the numbers are, not \(\(1,\),\) and \(\(2,\),\)'):
        op(-1.0)
