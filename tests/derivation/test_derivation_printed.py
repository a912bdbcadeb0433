r"""Derivations as LaTeX and HTML, and the table of error signals.

That the LaTeX compiles is checked by matplotlib's mathtext, which knows neither
``\underbrace`` nor ``\textcolor`` (they are taken off first), and by KaTeX, strictly and
whole, where Node finds it: ``npm install katex``, and NODE_PATH set to where that is.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given

from microgradnet import functions
from microgradnet.derivation import Derivation, Line, derive, error_signals
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.formulas.mathml import font_face
from microgradnet.formulas.printing import latex as latex_of
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from tests.derivation.test_derivation import NUMBERS, SMOOTH, XOR, fifty_samples, generic_net, problems
from tests.derivation.test_derivation_values import expressions
from tests.support.examples import examples


def samples_of_all() -> Iterator[Derivation]:
    """Derivations with every kind of thing that is printed."""
    for name in ('w_{x1,2}', 'b_4', 'w_{4,5}'):
        yield derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, name)
    yield derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), fifty_samples()[:7], 'w_{x1,2}')
    yield derive(generic_net([2, 2], 'tanh', 'sigmoid'), [([1.0, -2e-7], [0.25, 3e20])], 'w_{1,2}')
    yield derive(
        MLP.from_weights([[[Fraction(-1, 3)]]], [[Fraction(2, 7)]], 'relu'), [([Fraction(1)], 1)], 'b_1'
    )
    x, odd = Value(0.5, 'x'), Value(0.25, '<i>&')
    for op in operations.values():
        if not op.vectors and len(op.parameters) == 1 and 'abs(a) <' not in op.domain and op.name != 'acosh':
            y = getattr(functions, op.name)(x) if hasattr(functions, op.name) else getattr(x, op.method)()
            yield derive(y * odd, x)
    yield derive(
        functions.logsumexp([x, odd]) * functions.max(x, odd) - functions.atan2(x, -odd) ** -0.5, odd
    )


def plain_mathtext(latex: str) -> str:
    r"""Take off what mathtext does not know: ``\underbrace{\textcolor{red}{...}}_{\text{...}}``, and ``aligned``."""
    latex = re.sub(r'\\(begin|end)\{aligned\}|\\\\ |&|\\quad|\\ldots', '', latex)
    return re.sub(r'\\underbrace\{\\textcolor\{\w+\}\{(.*?)\}\}_\{\\text\{[a-z ]+\}\}', r'{\1}', latex)


@pytest.mark.slow
def test_mathtext_reads_every_line() -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser('path')
    lines = [plain_mathtext(line.latex()).strip() for derivation in samples_of_all() for line in derivation]
    # One side of every shape, whatever its numbers and indices: mathtext takes its time.
    shapes = {re.sub(r'\d+(\.\d+)?', '1', side): side for line in lines for side in line.split(' = ')}
    for side in shapes.values():
        parser.parse(f'${side}$')
    assert len(shapes) > 100


@pytest.mark.slow
def test_katex_reads_everything_strictly() -> None:
    if (
        shutil.which('node') is None
        or subprocess.run(['node', '-e', "require('katex')"], capture_output=True).returncode
    ):
        pytest.skip('there is no node, or it finds no katex')
    formulas = [
        text
        for d in samples_of_all()
        for text in (d._repr_latex_().strip('$'), *(line.latex() for line in d))
    ]
    labels = ['w_in', r'\input{x}', '^^5c~', '50% of $_{a}#&', '}{']
    formulas += [latex_of(Value(2.0, label=label) / 3.0) for label in labels]
    script = (
        "const katex = require('katex'); let text = ''; process.stdin.on('data', d => text += d).on('end', () => {"
        "const strictly = {throwOnError: true, displayMode: true, strict: 'error'};"
        'for (const formula of JSON.parse(text)) katex.renderToString(formula, strictly)})'
    )
    done = subprocess.run(['node', '-e', script], input=json.dumps(formulas), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def check_latex(derivation: Derivation) -> None:
    """Check that braces and brackets match, and that no sign stands where nobody would write it."""
    for latex in [line.latex() for line in derivation]:
        for side in re.split(' &?= ', latex.partition('10^')[0]):
            side = side if 'underbrace' not in side else ''
            assert not re.search(r'[+-] -|\\cdot -|\+ *$', side), latex
            names = re.search('[A-Za-z]', re.sub(r'\\[a-z]+', '', side))  # without any, numbers were put in: 0 · 1
            assert not names or not re.search(r'(?<![\d.])1 \\cdot|\\cdot 1(?![\d.])', side), latex
        depth = 0
        for sign in re.findall(r'[{}]', latex):
            depth += 1 if sign == '{' else -1
            assert depth >= 0, latex
        assert depth == 0 and latex.count(r'\left') == latex.count(r'\right'), latex


@examples(15)
@given(problem=problems(NUMBERS, SMOOTH), expression=expressions())
def test_latex_is_set_as_a_mathematician_would(problem: Any, expression: Any) -> None:
    net, samples, place = problem
    check_latex(derive(net, samples, net.parameters()[place]))
    y, (a, *_) = expression
    try:
        check_latex(derive(y, a))
    except ValueError as error:
        assert 'depend' in str(error) or 'limit' in str(error)


def test_html_is_well_formed_alone_and_says_the_numbers_of_the_text() -> None:
    for derivation in samples_of_all():
        page = derivation.html().replace(font_face(), '')
        for outside in ('<script', 'src=', 'href=', 'url(', 'http', '<i>&<'):
            assert outside not in page
        tree = ElementTree.fromstring(page.replace('&#x2061;', ''))
        rows = [''.join(math.itertext()) for math in tree.iter('math')]
        assert len(rows) == len(derivation)
        for line, row in zip(derivation, rows):
            if line.formula:
                assert ' = ' in str(line) and not re.search(r'= -?[\d.]+$', str(line).removesuffix(' = 1'))
                continue
            number = line.text().rsplit('= ', 1)[1].split(', ')[-1].split()[-1]
            shown = number.translate(str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹·-', '−0123456789⋅−', '/'))  # raised by an element there
            assert row.endswith(shown + f'({line.tag})' * bool(line.tag)), (row, number)


def test_the_parts_of_a_gradient_are_marked_by_colour_and_by_name() -> None:
    derivation = derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, 'w_{x1,2}')
    line, *_ = (line for line in derivation.sections[7].body if '[input' in str(line))
    assert str(line).count("[error introduced: δ_2^(i)] · [gradient: g'(r_2^(i))] · [input: x_1^(i)]") == 1
    for colour, name in [('red', 'error introduced'), ('green', 'gradient'), ('blue', 'input')]:
        assert re.search(rf'\\textcolor{{{colour}}}{{[^ ]+}}}}_{{\\text{{{name}}}}}', line.latex())
        assert f'<mtext>{name}</mtext>' in line.html()
    assert len(set(re.findall('light-dark[^"]*', line.html()))) == 3
    assert '<msup><mi>g</mi><mo>′</mo></msup><mo>&#x2061;</mo><mo>(</mo>' in line.html()
    assert '\033[31mδ_2^(i)\033[0m' in line.text(colour=True) and '\033' not in derivation.text()


def test_numbers_given_are_in_full_in_every_form() -> None:
    x = Value(-1.2345678901234566e-07, 'x')
    line = derive(x * x, x).lines[0]
    assert line.latex() == r'x = -1.2345678901234566 \cdot 10^{-7}'
    power = '<msup><mn>10</mn><mrow><mo>−</mo><mn>7</mn></mrow></msup>'
    assert f'<mo>−</mo><mn>1.2345678901234566</mn><mo>⋅</mo>{power}' in line.html()


def test_indices_and_letters_of_latex() -> None:
    net = MLP(12, [1], seed=1)
    assert 'w_{x_{12},1}' in derive(net, [([1.0] * 12, 0.0)], 'w_{x12,1}').lines[-1].latex()
    for letter, command in [('η', r'\eta'), ('λ', r'\lambda'), ('φ', r'\varphi'), ('ω', r'\omega')]:
        x = Value(0.5, letter)
        assert derive(x * x, x).lines[0].latex() == f'{command} = 0.5'


def test_a_long_line_is_broken_before_its_equals_sign() -> None:
    derivation = derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, 'w_{x1,2}')
    both = derivation.sections[8].body[1]
    assert isinstance(both, Line)
    first, second = both.text(width=170).split('\n')
    assert ' = ' not in first + second.removeprefix('    = ') and second.startswith('    = Σ')
    assert both.latex().startswith(r'\begin{aligned} & \sum') and both.latex().count(r' \\ & \quad = \sum') == 1
    assert both.html().count('flex-basis:100%') == 1 == both.html().partition('flex-basis')[2].count('∑')
    with_numbers, *_ = (line for line in derivation.sections[9].body if isinstance(line, Line))
    first, second = with_numbers.text().split('\n')
    assert first.index(' = ') == second.index('=') - 1
    assert with_numbers.latex().count('&=') == 2


def test_labels_cannot_inject_markup() -> None:
    x = Value(0.5, '</math><script>alert(1)</script>')
    y = (x * 2.0).tanh()
    y.label = '$\\href{javascript:1}{y}$'
    derivation = derive(y, x)
    for text in (derivation.html(), derivation.latex(), str(derivation)):
        assert 'script' not in text and 'href' not in text


def test_a_notebook_shows_it() -> None:
    derivation = derive(MLP(1, [1], seed=1), [([1.0], 0.0)], 'b_1')
    assert derivation._repr_html_() == derivation.html()
    assert derivation._repr_latex_().startswith(r'$$\begin{aligned} h &= 0.5 \\ ')
    assert (
        repr(derivation)
        == f"<derivation 'The update of b_1 by on-line learning from one sample', {len(derivation)} lines>"
    )
    assert derivation.latex().startswith('\\section*{The update of $b_{1}$ by on-line')


@examples(20)
@given(problem=problems(NUMBERS, SMOOTH))
def test_error_signals_are_the_engines(problem: Any) -> None:
    net, ((x, t), *_), _ = problem
    before = [p.grad for p in net.parameters()]
    run = net.run(x)
    table = error_signals(net, x, t)
    assert [p.grad for p in net.parameters()] == before
    assert [*error_signals(net, run, t)] == [*table]
    net.zero_grad()
    half_squared_error(run.outputs, t).backward()
    neurons = [*zip([f for layer in run.layers for f in layer], net.neurons_within(), strict=True)]
    for row, (firing, neuron) in zip(table, neurons, strict=True):
        assert (row.r, row.output, row.delta) == (firing.r.data, firing.output.data, firing.error_signal)
        assert [*row.gradients.values()] == [p.grad for p in (*neuron.weights, neuron.bias)]
        assert row.slope * row.delta == pytest.approx(neuron.bias.grad)
    assert len(str(table).split('\n')) == len(table) + 1 == table.html().count('<tr>')
    ElementTree.fromstring(table.html())
