"""Relations between gradients that hold whatever the functions are."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import functions as F
from microgradnet.engine.value import Value
from tests.support.examples import examples
from tests.support.forward import forward
from tests.support.programs import POINTS, Program, by_function, programs, record, values

EPSILON = sys.float_info.epsilon
SMALL = st.floats(-3, 3)
Function = Callable[[list[Value]], Value]


def run(program: Program, leaves: list[Value]) -> Value:
    """Run a program on given leaves; return its last node."""
    return values(program.run(by_function, leaves))[-1]


def gradient(f: Function, points: tuple[float, ...]) -> list[float]:
    """Return the gradient of a function of leaves."""
    leaves = [Value(point) for point in points]
    f(leaves).backward()
    return [leaf.grad for leaf in leaves]


def both(f: Program, g: Program) -> tuple[Function, Function, tuple[float, ...]]:
    """Let two programs share their leaves: each runs on as many as it has."""
    points = max(f.leaves, g.leaves, key=len)
    return (
        lambda leaves: run(f, [*map(shift, leaves, f.leaves, points)]),
        lambda leaves: run(g, [*map(shift, leaves, g.leaves, points)]),
        points,
    )


def shift(leaf: Value, wanted: float, is_at: float) -> Value:
    """Move a leaf to where a program is known to be defined; its derivative stays 1."""
    return leaf - is_at + wanted


def magnitude(program: Program) -> float:
    """Bound the terms that may cancel in a program's gradient."""
    return 1.0 + max(float(forward(program, along)[-1].bound) for along in range(len(program.leaves)))


@examples(50)
@given(programs(constants=False), programs(constants=False), POINTS, POINTS)
def test_the_gradient_is_linear(first: Program, second: Program, a: float, b: float) -> None:
    f, g, points = both(first, second)
    df, dg = gradient(f, points), gradient(g, points)
    for combined, found in zip(
        gradient(lambda x: a * f(x) + b * g(x), points), zip(df, dg, strict=True), strict=True
    ):
        bound = abs(a) * magnitude(first) + abs(b) * magnitude(second)
        assert abs(combined - (a * found[0] + b * found[1])) <= 512 * EPSILON * bound


@examples(50)
@given(programs(constants=False), programs(constants=False))
def test_the_product_rule(first: Program, second: Program) -> None:
    f, g, points = both(first, second)
    y, z = (h([Value(point) for point in points]).data for h in (f, g))
    expected = [y * b + z * a for a, b in zip(gradient(f, points), gradient(g, points), strict=True)]
    bound = abs(z) * magnitude(first) + abs(y) * magnitude(second)
    for product, rule in zip(gradient(lambda x: f(x) * g(x), points), expected, strict=True):
        assert abs(product - rule) <= 512 * EPSILON * bound


@examples(50)
@given(programs(constants=False), programs(constants=False))
def test_the_chain_rule(inner: Program, outer: Program) -> None:
    """Cut the composition at the inner result and start there anew."""
    through = [Value(point) for point in inner.leaves]
    y = run(inner, through)
    run(outer, [shift(y, point, y.data) for point in outer.leaves]).backward()
    here = [Value(point) for point in inner.leaves]
    end = run(inner, here)
    cut = end.detach()
    run(outer, [shift(cut, point, cut.data) for point in outer.leaves]).backward()
    assert y.grad == cut.grad
    end.backward(cut.grad)
    # The two walks add up the same terms, those from outside first or last.
    for a, b in zip(through, here, strict=True):
        assert abs(a.grad - b.grad) <= 512 * EPSILON * magnitude(inner) * abs(cut.grad)


@examples(50)
@given(programs())
def test_a_difference_of_equals_has_no_gradient(program: Program) -> None:
    nodes = values(record(program))
    y = nodes[-1]
    (y - y).backward()
    assert all(node.grad == 0 for node in nodes)
    one, other = (values(record(program)) for _ in range(2))
    (one[-1] - other[-1]).backward()
    assert [node.grad for node in one] == [-node.grad for node in other]


@examples(50)
@given(programs(), st.integers(-3, 3))
def test_a_scaled_error_is_a_scaled_signal(program: Program, exponent: int) -> None:
    """By a power of two, to the bit."""
    plain, scaled = values(record(program)), values(record(program))
    plain[-1].backward()
    (scaled[-1] * 2.0**exponent).backward()
    assert [node.grad for node in scaled] == [2.0**exponent * node.grad for node in plain]


#: Functions that are constant, by identities, and the size of the terms that cancel.
IDENTITIES: dict[str, tuple[Callable[[Value], Value], Callable[[float], float]]] = {
    'log(exp x) - x': (lambda x: x.exp().log() - x, lambda x: 1.0),
    'sin^2 + cos^2': (lambda x: x.sin() ** 2 + x.cos() ** 2, lambda x: 1.0),
    'cosh^2 - sinh^2': (lambda x: x.cosh() ** 2 - x.sinh() ** 2, lambda x: math.cosh(x) ** 2),
    'sigmoid(x) + sigmoid(-x)': (lambda x: x.sigmoid() + (-x).sigmoid(), lambda x: 1.0),
    'tanh x - 2 sigmoid(2x)': (lambda x: x.tanh() - 2 * (2 * x).sigmoid(), lambda x: 1.0),
    'softplus(x) - softplus(-x) - x': (lambda x: x.softplus() - (-x).softplus() - x, lambda x: 1.0),
    'atan x + atan 1/x': (lambda x: (x + 7).atan() + (1 / (x + 7)).atan(), lambda x: 1.0),
    'asin + acos': (lambda x: (x / 4).asin() + (x / 4).acos(), lambda x: 1.0),
    'erf + erfc': (lambda x: x.erf() + x.erfc(), lambda x: 1.0),
    'log1p(expm1 x) - x': (lambda x: x.expm1().log1p() - x, lambda x: 1.0),
    'sqrt(x)^2 - x': (lambda x: (x + 4).sqrt() ** 2 - x, lambda x: 1.0),
    'cbrt(x)^3 - x': (lambda x: (x + 4).cbrt() ** 3 - x, lambda x: 1.0),
    'asinh(sinh x) - x': (lambda x: x.sinh().asinh() - x, lambda x: 1.0),
    'atanh(tanh x) - x': (lambda x: x.tanh().atanh() - x, lambda x: math.cosh(x) ** 2),
    'log2, log10, log': (
        lambda x: (x + 4).log2() * math.log(2) - (x + 4).log10() * math.log(10),
        lambda x: 1.0,
    ),
    'hypot^2 - x^2': (lambda x: F.hypot(x, 3.0) ** 2 - x**2, lambda x: 10.0),
    'atan2(x, 1) - atan x': (lambda x: F.atan2(x, 1.0) - x.atan(), lambda x: 1.0),
    'max + min - x': (lambda x: F.max(x, 1.0) + F.min(x, 1.0) - x, lambda x: 1.0),
    'relu x - relu -x - x': (lambda x: x.relu() - (-x).relu() - x if x.data else x - x, lambda x: 1.0),
    'abs - max': (lambda x: abs(x) - F.max(x, -x), lambda x: 1.0),
    'logsumexp(x, x) - x': (lambda x: F.logsumexp([x, x]) - x, lambda x: 1.0),
    'softmax sums to 1': (lambda x: F.sum(F.softmax([x, 2 * x, x.sin()])), lambda x: 1.0),
    'mean of equals': (lambda x: F.mean([x, x, x]) - x, lambda x: 1.0),
    'x / x': (lambda x: (x + 4) / (x + 4), lambda x: 1.0),
    'x ** 0': (lambda x: x**0, lambda x: 0.0),
    'exp(2x) - exp(x)^2': (lambda x: (2 * x).exp() - x.exp() ** 2, lambda x: math.exp(2 * x)),
    'a^x - exp(x log a)': (lambda x: 3.0**x - (x * math.log(3)).exp(), lambda x: 3.0**x),
}


@pytest.mark.parametrize('identity', IDENTITIES)
@examples(50)
@given(x=SMALL)
def test_what_is_constant_has_no_gradient(identity: str, x: float) -> None:
    f, size = IDENTITIES[identity]
    leaf = Value(x)
    f(leaf).backward()
    assert abs(leaf.grad) <= 200 * EPSILON * size(x)


SCRIPT = """
from microgradnet import functions as F
from microgradnet.engine.value import Value
leaves = {name: Value(len(name) / 7 + 0.1, name) for name in ('w13', 'w1', 'bias', 'x', 'long name', 'w24')}
nodes = [*leaves.values()]
for step in range(200):
    a, b, c = nodes[step % len(nodes)], nodes[step * 7 % len(nodes)], nodes[step * step % len(nodes)]
    made = [a * b + c, F.dot([a, b, c], [c, 0.3, a], b).tanh(), (a - b).sin() / 3, F.max(a, b, c).sigmoid()]
    nodes.append(made[step % 4])
F.logsumexp(nodes).backward()
print(*(leaf.grad.hex() for leaf in nodes))
"""


def test_the_same_bits_in_every_process() -> None:
    def bits(hashseed: str) -> str:
        root = Path(F.__file__).parents[1]
        environment = {**os.environ, 'PYTHONHASHSEED': hashseed, 'PYTHONPATH': str(root)}
        return subprocess.run(
            [sys.executable, '-c', SCRIPT], env=environment, capture_output=True, text=True, check=True
        ).stdout

    first = bits('0')
    assert len(first.split()) == 206
    assert {bits(hashseed) for hashseed in ('1', '12345')} == {first}
