"""Choices in machine code: a single row computes the side that is taken alone; rows in lanes select."""

from __future__ import annotations

from math import inf, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')

from microgradnet import compile, grad, value_and_grad  # noqa: E402
from microgradnet import functions as F  # noqa: E402
from microgradnet.compiling.ir import sides  # noqa: E402
from microgradnet.compiling.printers.llvm import block  # noqa: E402
from tests.support.backends import bits  # noqa: E402
from tests.support.examples import UNSHRUNK, examples  # noqa: E402
from tests.support.grammar import ALL, Program, check, programs, rows_of  # noqa: E402


def heavy(x: Any) -> Any:
    return F.exp(F.sin(x) * x) + F.log(x * x + 1.0)


def nested(x: Any, y: Any) -> Any:
    shared = F.sin(x * y)
    inner = lambda: F.where(F.less(y, shared), lambda: heavy(y) + shared, lambda: heavy(x + y))  # noqa: E731
    return F.where(F.greater(x, 1.0), inner, lambda: F.where(y, heavy(x), F.log(shared)) * 2.0) + shared


def branching(x: Any, y: Any) -> Any:
    if x > y:
        return heavy(x) if y > 0 else F.tanh(heavy(y))
    return heavy(x * y)


def several(x: Any, y: Any) -> Any:
    chosen = F.where(F.greater(x, y), lambda: heavy(x), lambda: heavy(y))
    return [chosen, F.where(F.less(x, 0.5), chosen, heavy(x + 1.0)), heavy(x)]


def text(f: Any, lanes: int) -> str:
    (run,) = f.programs
    return block(run.evaluator.derived.routine(False, 'calls'), lanes, False).text


@pytest.mark.parametrize('f', [nested, branching, several])
def test_single_rows_come_to_the_bits_of_rows_in_lanes(f: Any) -> None:
    numbers = [0.0, -0.0, 0.5, 1.0, 1.5, 2.0, -2.0, 1e300, inf, -inf, nan]
    random = Random(1)
    pairs = [(random.choice(numbers), random.choice(numbers)) for _ in range(64)]
    g = compile(f, backend='native')
    together = g.map(*map(np.array, zip(*pairs)))
    alone = [g(x, y) for x, y in pairs]
    assert bits(np.array(alone).ravel()) == bits(np.array(together).ravel())
    plain = compile(f, backend='python')
    assert np.allclose(np.array(alone), np.array([plain(x, y) for x, y in pairs]), 1e-13, equal_nan=True)


@pytest.mark.parametrize('f', [nested, branching, lambda x, y: sum(several(x, y))])
def test_gradients_of_single_rows_come_to_the_bits_of_rows_in_lanes(f: Any) -> None:
    random = Random(2)
    rows = np.array([[random.choice([0.0, -0.0, 0.5, 1.0, -2.0, inf, nan]) for _ in range(2)] for _ in range(32)])
    slope = grad(lambda p: f(*p))
    g, plain = compile(slope, backend='native'), compile(slope, backend='python')
    g.map(rows)  # which records
    together, alone = g.map(rows), [g(row) for row in rows]
    assert bits(np.array(alone).ravel()) == bits(together.ravel())
    assert np.allclose(np.array(alone), plain.map(rows), 1e-12, equal_nan=True)


def test_choices_that_are_too_deep_inside_of_others_are_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any, level: int = 0) -> Any:
        return F.where(F.greater(x, 0.1 * level), lambda: f(x, level + 1), F.sin(x * level)) if level < 6 else F.exp(x)

    numbers = [0.05 + 0.1 * k for k in range(7)]
    texts, answers = [], []
    for deep in 3, 50:
        monkeypatch.setattr(sides, 'DEEP', deep)
        g = compile(grad(f), backend='native')
        answers.append([g(x) for x in numbers])
        texts.append(text(g, 1))
    assert answers[0] == answers[1] == pytest.approx([*map(grad(f), numbers)])
    assert 0 < texts[0].count('br i1') < texts[1].count('br i1')


@pytest.mark.slow
@pytest.mark.parametrize('deep', [2, 50])
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL, 'nothing'))
def test_random_programs_that_branch_at_every_choice(deep: int, f: Program) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sides, 'WORTH', 1)
        patch.setattr(sides, 'DEEP', deep)
        check(value_and_grad(f), rows_of(3, 10), 'native', f)


def test_only_a_single_row_branches_and_each_function_stands_on_its_side() -> None:
    g = compile(nested, backend='native')
    g(2.0, 3.0)
    one, four = text(g, 1), text(g, 4)
    assert 'br i1' not in four and 'phi' not in four
    assert one.count('br i1') >= 3 and one.count('@"exp') == four.count('@"exp')
    before, *_ = one.partition('br i1')
    assert before.count('@"sin') == 1 and '@"exp' not in before  # what is shared is there on both sides


def test_a_gradient_branches_to_the_way_back_too() -> None:
    def f(p: Any) -> Any:
        chosen = F.where(F.greater(p[0], p[1]), lambda: F.exp(p[0] * p[1]) * p[1], lambda: F.log(p[0]) * F.log(p[1]))
        return F.sin(chosen + p[0])

    g = compile(value_and_grad(f), backend='native')
    g([2.0, 1.0])
    before, *branches = text(g, 1).split('br i1')
    *_, after = branches[-1].rpartition('.end:')
    assert len(branches) == 4  # forwards and back, each by the condition, and by whether that is a nan
    for dear in '@"exp', '@"log', 'fdiv':  # that of the logarithms' slopes
        assert dear in ''.join(branches) and dear not in before + after


def test_what_costs_less_than_a_branch_is_selected() -> None:
    g = compile(lambda x: F.where(F.greater(x, 1.0), lambda: x * 2.0, lambda: x + 1.0), backend='native')
    g(2.0)
    assert 'br i1' not in text(g, 1)
