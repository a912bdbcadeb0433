"""Printed forms: their work grows with their length, and no label gets a command through to LaTeX."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microgradnet import MLP, Value, derive, latex, text
from microgradnet._escapes import tex_name, visible
from microgradnet.formulas.latex import tex
from microgradnet.formulas.terms import Minus, Name, Number, Product, Sum, Symbol, Term
from microgradnet.formulas.text import text as text_of
from tests.support.examples import every, for_each

KINDS: dict[str, Callable[[Value], Value]] = {
    'sines': Value.sin,
    'sums, to the left': lambda y: y + 1.0,
    'differences, to the right': lambda y: 1.0 - y,
    'products': lambda y: y * -2.0,
    'fractions': lambda y: 1.0 / y,
    'powers': lambda y: y**2.0,
    'minus': lambda y: -y,
    'lists': lambda y: Value.max(y, -1e9),
}


def chain(step: Callable[[Value], Value], count: int) -> tuple[Value, Value]:
    x = Value(0.5, label='x')
    y = x
    for _ in range(count):
        y = step(y)
    return x, y


def work(function: Callable[[], Any]) -> tuple[int, int]:
    """How many calls a call makes, of C's functions too, and the most memory it has at a time.

    The memory tells of strings that are copied whole at every step: all of them are kept until the end.
    """
    function()  # what is made once for all is there
    gc.collect()  # nothing of other tests is swept up meanwhile, with finalizers that would be counted
    count = 0

    def called(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ('call', 'c_call')

    before = sys.getprofile()
    gc.disable()
    sys.setprofile(called)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    tracemalloc.start()
    try:
        function()
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_linear(once: Callable[[], Any], twice: Callable[[], Any], least: float = 1.5) -> None:
    """Twice the length makes twice the work, not four times as much."""
    for small, large in zip(work(once), work(twice), strict=True):
        assert least * small < large < 2.5 * small


@pytest.mark.parametrize('kind', every(4, KINDS))
@pytest.mark.parametrize('form', every(2, [text, latex]))
def test_text_and_latex_are_linear_in_depth(form: Callable[[Value], str], kind: str) -> None:
    once, twice = (chain(KINDS[kind], n)[1] for n in (60, 120))
    assert len(form(twice)) < 2.5 * len(form(once))
    check_linear(lambda: form(once), lambda: form(twice))


def written(derivation: Any) -> list[str]:
    return [derivation.text(), derivation.latex(), derivation.html()]


@pytest.mark.parametrize('kind', every(3, ['differences, to the right', 'sines', 'products']))
def test_derive_is_linear_in_depth(kind: str) -> None:
    (x, once), (u, twice) = (chain(KINDS[kind], n) for n in (50, 100))
    check_linear(lambda: derive(once, x), lambda: derive(twice, u))


@pytest.mark.slow
def test_what_derive_prints_is_linear_in_depth() -> None:
    (x, once), (u, twice) = (chain(Value.sin, n) for n in (20, 40))
    check_linear(lambda: written(derive(once, x)), lambda: written(derive(twice, u)))


def test_derive_of_a_net_is_linear_in_its_layers() -> None:
    once, twice = (MLP(1, [1] * layers, 'tanh', seed=1) for layers in (12, 24))
    sample = [([0.5], 1.0)]
    check_linear(lambda: derive(once, sample, 'w_{x1,1}'), lambda: derive(twice, sample, 'w_{x1,1}'))


A, TWO_LESS = Symbol(Name('a'), (1.0,)), Number(-2.0)
#: Formulas of a derivation, whose numbers bring their own signs, in text; LaTeX has its own dot and brackets.
SIGNS: list[tuple[Term, str]] = [
    (Sum((A, TWO_LESS)), 'a - 2'),
    (Sum((A, Product((TWO_LESS, A)))), 'a - 2 · a'),
    (Sum((A, Minus(A))), 'a - a'),
    (Sum((A, Minus(TWO_LESS))), 'a - (-2)'),
    (Sum((TWO_LESS, A)), '-2 + a'),
    (Product((A, TWO_LESS)), 'a · (-2)'),
    (Minus(TWO_LESS), '-(-2)'),
]


@for_each(('term', 'said'), SIGNS, ids=[said for _, said in SIGNS])
def test_a_sign_is_written_once_and_in_brackets_after_another(term: Term, said: str) -> None:
    assert text_of(term) == said
    assert tex(term) == said.replace('·', r'\cdot').replace('(', r'\left(').replace(')', r'\right)')


def test_brackets_signs_and_lists_are_put_as_before() -> None:
    a, b = Value(2.0, label='a'), Value(-3.0, label='b')
    y = (a - (b - 1.0)) * -(a + b) / (-a) ** -2.0
    assert text(y) == '(a - (b - 1.0)) * -(a + b) / (-a) ** -2.0'
    assert latex(y) == (
        r'\frac{\left(a - \left(b - 1\right)\right) \cdot \left(-\left(a + b\right)\right)}'
        r'{\left(-a\right)^{-2}}'
    )
    z = Value(-1.0) * a - Value(-2.0)
    assert text(z) == '-1.0 * a - -2.0'
    assert latex(z) == r'-1 \cdot a - \left(-2\right)'
    assert text(Value(-2.0) ** 2.0) == '(-2.0) ** 2.0'


@for_each('number', [-3.0, -0.0])
@for_each('label', ['', 'w_{1}', '100%'])
def test_a_power_of_a_negative_number_is_not_minus_a_power(number: float, label: str) -> None:
    y = Value(number, label=label) ** 2.0
    assert repr(eval(text(y))) == repr(y.data)
    inner = Value(number).identity()
    inner.label = label or 'a b'
    assert repr(eval(text(inner**2.0, whole=False))) == repr(y.data)


HOSTILE = [
    r'\input{/etc/passwd}', r'\write18{rm x}', '^^5cinput{x}', '%', 'a % b', '$x$', '}{', r'}\\\end{aligned}', '#1',
    '&', '~', '_', 'a_b_c', '\\', '\\\\[1em]', '\n\n', 'x\n% y', '\x00', '\x1b[31m', 'x_{\\input}', 'x_{1}}', '\\u',
    '^^M', 'w_{1,3', '\ud800', 'a\\', "f'", '^', 'x^2', '"<`',
]  # fmt: skip
#: What LaTeX reads as more than a sign.
ESCAPES = [r'\textbackslash{}', r'\^{}', r'\~{}', *('\\' + sign for sign in '{}_$%&#')]


def check_harmless(label: str) -> None:
    """A label is a name of letters and digits, or one ``\\text`` in which every special sign is escaped."""
    body = tex_name(label)
    if body.startswith(r'\text{'):
        assert body.endswith('}')
        body = body.removeprefix(r'\text{').removesuffix('}')
        for escape in ESCAPES:
            body = body.replace(escape, '')
        assert not {*body} & {*'\\{}$%&#_^~\n\r\t'}
        assert visible(body) == body
    else:
        assert not {*body} & {*'\\$%&#^~ '}
        assert body.count('{') == body.count('}') == body.count('_{') <= 1


@given(st.text() | st.text('\\{}^_$%&#~ax1,\n', max_size=12))
@example('w_{1,3}')
def test_no_label_gets_a_command_through(label: str) -> None:
    check_harmless(label)


@for_each('label', HOSTILE)
def test_latex_of_hostile_labels(label: str) -> None:
    check_harmless(label)
    x = Value(2.0, label=label)
    assert latex(x * 3.0) == rf'{tex_name(label)} \cdot 3'
    inner = x.sin()
    inner.label = label
    assert latex(inner + 1.0, whole=False) == f'{tex_name(label)} + 1'
    assert '\\input' not in latex(x)
    assert '\\write' not in latex(x)


@for_each('label', ['x', 'loss', 'x_1', 'w_{1,3}', 'w_{x1,1}', 'δ', 'x12', 'ŵ_1'])
def test_names_are_set_as_they_were(label: str) -> None:
    assert latex(Value(2.0, label=label)) == label


def test_longer_indices_and_words() -> None:
    assert latex(Value(2.0, label='w_in')) == 'w_{in}'
    assert latex(Value(2.0, label='learning_rate')) == r'\text{learning\_rate}'
