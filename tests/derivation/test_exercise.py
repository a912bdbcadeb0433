"""Exercises: numbers that work out by hand, blanks with the engine's answers, another sheet for each student."""

from __future__ import annotations

import html
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from microgradnet.derivation import derive, exercise
from microgradnet.derivation.sheet import page
from microgradnet.formulas.terms import Applied, Derivative, Symbol
from microgradnet.formulas.text import text
from microgradnet.nets.net import MLP
from tests.support.examples import for_each


@for_each('sizes', [[1, 1], [1, 1, 1], [2, 2, 1], [2, 2, 2]])
@for_each('seed', range(4))
def test_every_number_is_a_fraction_with_a_small_denominator(sizes: list[int], seed: int) -> None:
    one = exercise(sizes, seed=seed)
    numbers = [number for line in one for number in line.numbers if not line.formula]
    assert all(isinstance(number, (int, Fraction)) for number in numbers)
    assert max(Fraction(number).denominator for number in numbers) <= 1024
    assert one.blanks[-1].number != dict(given(one))[text(one.blanks[-1].left).removesuffix('^(l+1)')]


def given(one: Any) -> list[tuple[str, Any]]:
    return [(text(line.left), line.number) for line in one if line.in_full]


def test_the_answers_are_the_derivations_of_the_net_that_is_given() -> None:
    one = exercise([2, 2, 1], 'w_{x2,1}', seed=5)
    numbers = dict(given(one))
    first = [[numbers[f'w_{{x{i},{j}}}'] for i in (1, 2)] for j in (1, 2)]
    last = [[numbers['w_{1,3}'], numbers['w_{2,3}']]]
    net = MLP.from_weights([first, last], [[numbers['b_1'], numbers['b_2']], [numbers['b_3']]], 'softsign', 'identity')
    sample = [numbers['x_1'], numbers['x_2']], numbers['t']
    whole = derive(net, [sample], 'w_{x2,1}', learning_rate=numbers['h'])
    told = {text(line.left): line.number for line in whole if not line.formula}
    assert {text(blank.left): blank.number for blank in one.blanks}.items() <= told.items()
    asked = [text(blank.left) for blank in one.blanks]
    wanted = ["g'(r_1)", 'g(r_2)', 'r_3', 'y', 'E', 'δ', 'δ_1', '∂E/∂w_{x2,1}', 'w_{x2,1}^(l+1)']
    assert [name for name in asked if name in wanted] == wanted and len({*asked}) == len(asked)
    assert all(isinstance(blank.left, (Symbol, Applied, Derivative)) for blank in one.blanks)


def test_no_answer_is_printed_unless_it_is_asked_for() -> None:
    one = exercise([2, 2, 1], seed=3)
    for printed in (str(one), one.latex()):
        work = printed.partition('Work out')[2]
        assert not re.search(r'= *-?\d', work)
    assert str(one).count('= ________') == len(one.blanks) == one.latex().count(r'\underline{\hspace{6em}}')
    assert 'class="turns"' not in page(one)
    solved = exercise([2, 2, 1], seed=3, solution=True)
    assert str(solved).startswith(str(one)) and 'The update with numbers' in str(solved)
    assert solved.key == one.key


def test_the_page_knows_each_answer_and_its_last_digit() -> None:
    one = exercise([2, 2, 1], seed=3, fractions=False, digits=3)
    fields = re.findall(r'aria-label="([^"]*)"[^>]* data-answer="([^"]*)" data-within="([^"]*)"', page(one))
    assert [html.unescape(name) for name, _, _ in fields] == [text(blank.left) for blank in one.blanks]
    for (_, answer, within), blank in zip(fields, one.blanks, strict=True):
        assert float(answer) == blank.number
        for far, fits in [(0.9, True), (1.2, False)]:  # in units of the last of three digits
            unit = float(f'1e{int(f"{blank.number:.2e}".partition("e")[2]) - 2}') if blank.number else 0.01
            assert (far * unit <= float(within)) is fits
    assert page(one).count('<summary>hint</summary>') >= len(one.blanks) - 2
    hints = re.findall('<details class="hint">.*?</details>', page(exercise([1, 1, 1], seed=2)))
    assert len(hints) > 5 and all('<mo>=</mo>' in hint for hint in hints)


def test_each_student_has_other_numbers_and_the_teacher_a_key() -> None:
    sheets = exercise([2, 2, 1], seed=1, students=5)
    assert len({row[1:] for row in sheets.key.rows}) == 5 == len(sheets.key.rows)
    assert [section.new_sheet for section in sheets.sections] == [False, False, *[True, False] * 4]
    assert len({*re.findall(r'(?s)Student \d: what is given(.*?)Activation', str(sheets))}) == 5
    assert 'Key' not in str(sheets) and page(sheets).count('<svg') == 5 and page(exercise([1, 1])).count('<svg') == 1
    assert str(sheets.key) in str(exercise([2, 2, 1], seed=1, students=5, solution=True)).replace('\n  ', '\n')
    alone = exercise([2, 2, 1], seed=1)
    assert alone.key.rows[0] == sheets.key.rows[0]


def test_a_net_gives_its_sizes_and_activations() -> None:
    assert 'g is relu; ĝ is identity.' in str(exercise(MLP(2, [2, 1], 'relu', 'identity'), seed=2))
    assert 'g is tanh; ĝ is sigmoid.' in str(exercise(MLP(2, [2, 1], 'tanh', 'sigmoid'), fractions=False))


def test_what_is_wrong_is_said() -> None:
    for call, wanted in [
        (lambda: exercise([2]), 'sizes of a net are those of its inputs and its layers'),
        (lambda: exercise([2, 0]), 'each of net_or_sizes must be a whole number of at least 1'),
        (lambda: exercise(MLP(1, [1, 1], 'tanh')), 'tanh has no fractions for values: there are identity'),
        (lambda: exercise([1, 1], students=0), 'students must be a whole number'),
        (lambda: exercise([1, 1], 'w_{1,9}'), "no weight 'w_{1,9}'"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(wanted)):
            call()


def test_it_is_saved_as_any_derivation(tmp_path: Path) -> None:
    one = exercise([1, 1, 1], seed=2)
    starts = {'e.html': '<!DOCTYPE html>', 'e.tex': '\\documentclass', 'e.txt': 'Exercise 2: the update'}
    for name, start in starts.items():
        assert one.save(tmp_path / name).read_text('utf-8').startswith(start)
