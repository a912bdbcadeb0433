"""The update of every weight: its lines are those of the derivations of one weight each, which the reader has read."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from microgradnet.derivation import derive
from microgradnet.derivation.lines import Line, Table
from microgradnet.drawing import parameter_names
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.derivation.test_derivation import XOR, fifty_samples, generic_net
from tests.support.derivation_reader import Reader

EXACT = [([Fraction(1), Fraction(-1, 2)], Fraction(1, 2)), ([Fraction(1, 3), Fraction(2)], Fraction(-1))]


def exact_net() -> MLP:
    net = MLP(2, [2, 1], 'softsign', 'identity')
    for place, p in enumerate(net.parameters()):
        p.data = Fraction((-1) ** place * (place + 1), 3)
    return net


@pytest.mark.parametrize(('net', 'samples'), [
    (generic_net([1, 1], 'sigmoid', 'tanh'), XOR[:1]),
    pytest.param(generic_net([2, 2], 'sigmoid', 'tanh'), [(x, [*t, 0.5]) for x, t in XOR], marks=pytest.mark.slow),
    pytest.param(generic_net([2, 1], 'sigmoid', 'tanh'), fifty_samples()[:7], marks=pytest.mark.slow),
    pytest.param(exact_net(), EXACT, marks=pytest.mark.slow),
])  # fmt: skip
def test_every_line_is_in_the_derivation_of_one_weight_and_none_is_missing(net: MLP, samples: Any) -> None:
    together = derive(net, samples)
    lines: list[Line] = []
    for name in parameter_names(net).values():
        one = derive(net, samples, name)
        Reader(str(one))
        lines += one.lines
        updating = one.sections[-1].body[2:]
        assert [line for line in updating if isinstance(line, Line) and line not in together.lines] == []
    assert [str(line) for line in together if line not in lines] == []
    tags = [line.tag for line in together if line.tag]
    assert tags == [str(number) for number in range(1, len(tags) + 1)]


@pytest.mark.parametrize(('net', 'samples', 'h'), [
    (generic_net([2, 1], 'sigmoid', 'tanh'), fifty_samples()[:7], 0.25), (exact_net(), EXACT, Fraction(1, 4)),
])  # fmt: skip
def test_batch_and_on_line_are_the_engines(net: MLP, samples: Any, h: Any) -> None:
    before = [p.data for p in net.parameters()]
    together = derive(net, samples, learning_rate=h)
    assert [p.data for p in net.parameters()] == before
    (table,) = (part for part in together.sections[-1].body if isinstance(part, Table))

    def learned(*batches: Any) -> list[Any]:
        own = deepcopy(net)
        for batch in batches:
            own.zero_grad()
            targets = [t if isinstance(t, list) else [t] for _, t in batch]
            half_squared_error([own.run(x).outputs for x, _ in batch], targets).backward()
            for p in own.parameters():
                p.data = p.data - h * p.grad
        return [p.data for p in own.parameters()]

    for column, wanted in enumerate([before, learned(samples), learned(*([sample] for sample in samples))], 1):
        for row, number in zip(table.rows, wanted, strict=True):
            printed = row[column].replace('·10⁻⁵', 'e-5')
            assert (Fraction(printed) == number) if isinstance(number, Fraction) else float(printed) == pytest.approx(
                number, rel=1e-5), row  # fmt: skip
    assert table.head == ('weight', 'before', 'batch', 'on-line')
    assert [*parameter_names(net).values()] == [row[0] for row in table.rows] or net.sizes[-1] == 1


def test_of_one_sample_nothing_is_compared_and_of_many_weights_a_limit_is_told() -> None:
    net = generic_net([2, 1], 'sigmoid', 'tanh')
    assert derive(net, XOR[:1]).sections[-1].heading == 'The update of every weight'
    assert derive(net, XOR, steps='compared').sections[-1].heading == 'Batch and on-line'
    with pytest.raises(ValueError, match='has 9 weights and biases, and each is updated; the limit is 8'):
        derive(net, XOR, limit=8)
    assert derive(net, XOR, hats=True).sections[-1].body[1].rows[0][0] == 'w_{1,1}'  # type: ignore[union-attr]
    assert derive(net, XOR).html().count('<table') == 2
