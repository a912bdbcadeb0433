"""Programs as micrograd's users write them, with the import changed; and the names that are called otherwise."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from microgradnet import MLP, Layer, Neuron, Value
from tests.support.examples import for_each


def test_its_readme() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert [f'{v:.4f}' for v in (g.data, a.grad, b.grad)] == ['24.7041', '138.8338', '645.5773']


def moons(steps: int) -> list[float]:
    """Learn two moons by a margin, as its demo does, and return the accuracy after each step."""
    datasets = pytest.importorskip('sklearn.datasets')
    X, y = datasets.make_moons(n_samples=100, noise=0.1, random_state=1)
    y = y * 2 - 1
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    accuracies = []
    for k in range(steps):
        scores = [*map(model, [[*map(Value, row)] for row in X])]
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        accuracies.append(sum((yi > 0) == (score.data > 0) for yi, score in zip(y, scores)) / len(y))
    return accuracies


@pytest.mark.slow
def test_its_demo_learns() -> None:
    first, *_, last = moons(8)
    assert last > 0.8 and last > first


@pytest.mark.slow
def test_its_demo_ends_without_a_mistake() -> None:
    assert moons(100)[-1] == 1.0


def test_the_graph_that_its_trace_draws() -> None:
    from microgradnet import draw

    neuron = Neuron(2, seed=1)
    y = neuron([Value(1.0), Value(-2.0)])
    y.backward()
    assert 'relu' in draw(y).source


@for_each(
    'ask, ours',
    [
        (lambda: Value(1.0)._prev, 'inputs'),
        (lambda: (Value(1.0) + 1)._op, 'op'),
        (lambda: Value(1.0)._backward(), 'step_back()'),
        (lambda: Neuron(2).w, 'weights'),
        (lambda: Neuron(2).b, 'bias'),
        (lambda: Neuron(2).nonlin, 'activation'),
        (lambda: Neuron(2, nonlin=False), 'activation'),
        (lambda: Layer(2, 3, nonlin=False), 'activation'),
        (lambda: MLP(2, [3], nonlin=False), 'activation'),
    ],
)
def test_its_names_are_answered_with_ours(ask: Any, ours: str) -> None:
    with pytest.raises((AttributeError, TypeError), match=re.escape(f'here that is {ours}')):
        ask()


def test_its_names_are_there_for_none() -> None:
    assert not hasattr(Value(1.0), '_prev') and not hasattr(Neuron(1), 'w')
