"""What may be asked of a derivation, in which words, and what is refused with which."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from unicodedata import combining

import pytest

from microgradnet.derivation import Line, derive
from microgradnet.engine.value import Value
from microgradnet.nets.net import MLP
from tests.derivation.test_derivation import XOR, fifty_samples, generic_net
from tests.support.derivation_reader import Reader, Wrong
from tests.support.examples import every


def test_a_weight_can_be_given_in_many_ways() -> None:
    net = MLP(2, [2, 1], 'tanh', seed=1)
    (first, second), last = net.layers[0].neurons, net.layers[1].neurons[0]
    numbered = {
        first.bias: ['b_1'],
        second.weights[0]: ['w_{x1,2}', 'w_x1,2', 'w_{x_1,2}'],
        last.weights[0]: ['w_{1,3}', 'w_1,3'],
        last.bias: ['b_3'],
    }
    hatted = {
        first.weights[1]: ['w_{2,1}'],
        last.weights[1]: ['ŵ_2', r'\hat{w}_2', r'\hat{w_2}', 'w_hat_2'],
        last.bias: ['b̂', 'b_hat', r'\hat{b}'],
    }
    for names, hats in [(numbered, False), (hatted, True)]:
        for parameter, ways in names.items():
            whole = str(derive(net, XOR, parameter, hats=hats))
            assert [str(derive(net, XOR, way)) == whole for way in ways] == [True] * len(ways)
    with pytest.raises(ValueError, match=r"no weight 'w_\{1,4\}'; did you mean w_\{1,3\}, "):
        derive(net, XOR, 'w_{1,4}')
    with pytest.raises(ValueError, match=r"no weight '7'; it has w_\{x1,1\}, w_\{x2,1\}, b_1 ... b_3"):
        derive(net, XOR, '7')
    with pytest.raises(ValueError, match='not a weight or bias'):
        derive(net, XOR, MLP(1, [1]).parameters()[0])
    with pytest.raises(TypeError, match='by its name'):
        derive(net, XOR, 3)


def test_what_is_wrong_is_said() -> None:
    net = MLP(1, [4, 4, 4, 1], 'tanh', seed=1)
    with pytest.raises(ValueError, match=r'16 paths lead from w_\{x1,1\} .* the limit is 15'):
        derive(net, [([1.0], 0.0)], 'w_{x1,1}', limit=15)
    with pytest.raises(ValueError, match='learning rate h must be 0 < h <= 1, not 2'):
        derive(net, [([1.0], 0.0)], 'b_1', learning_rate=2)
    with pytest.raises(ValueError, match=r'about 10\^60 paths lead from w_\{x1,1\} to the outputs'):
        derive(MLP(1, [2] * 200, seed=1), [([1.0], [0.0, 0.0])], 'w_{x1,1}')
    with pytest.raises(ValueError, match=r'sample 2 has 2 targets; MLP\(.*\) has 1 output$'):
        derive(net, [([1.0], 0.0), ([1.0], [0.0, 1.0])], 'b_13')
    with pytest.raises(ValueError, match=r'sample 2: .* takes 1 inputs; the row has 2'):
        derive(net, [([1.0], 0.0), ([1.0, 2.0], 0.0)], 'b_13')
    with pytest.raises(TypeError, match=r'sample 1 must be a pair of inputs and targets, not 1\.0'):
        derive(net, [1.0], 'b_13')
    with pytest.raises(TypeError, match="sample 1, target 1 must be a real number, not 'a'"):
        derive(net, [([1.0], 'a')], 'b_13')
    with pytest.raises(ValueError, match=r"no weight 'ŵ_1'; names with hats are for nets of two layers"):
        derive(net, [([1.0], 0.0)], 'ŵ_1')
    with pytest.raises(ValueError, match='empty'):
        derive(net, [], 'b_13')
    with pytest.raises(ValueError, match='two layers'):
        derive(net, [([1.0], 0.0)], 'b_13', hats=True)
    with pytest.raises(TypeError, match="missing its 'teacher_set'"):
        derive(net, weight='b_13')
    with pytest.raises(TypeError, match=r'or derive\(net, teacher_set, weight\), and what came first is 3'):
        derive(3, [([1.0], 0.0)], 'b_1')
    with pytest.raises(TypeError, match='takes no wrt: what to derive by is its weight'):
        derive(net, [([1.0], 0.0)], 'b_1', wrt=Value(1.0))
    with pytest.raises(TypeError, match='takes no hats and no samples, which is for nets; hats=True of type bool, '):
        derive(Value(1.0), Value(1.0), hats=True, samples=2)
    with pytest.raises(ValueError, match="there is no step 'path'; did you mean 'paths'"):
        derive(net, [([1.0], 0.0)], 'b_13', steps=['given', 'path'])
    with pytest.raises(ValueError, match='steps must name at least one of given, forward'):
        derive(net, [([1.0], 0.0)], 'b_13', steps=[])
    for option in ({'digits': 0}, {'digits': 18}, {'samples': 0}):
        with pytest.raises(ValueError, match=f'{next(iter(option))} must be a whole number of at'):
            derive(net, [([1.0], 0.0)], 'b_13', **option)


def test_a_number_that_is_none_is_refused() -> None:
    def net(weight: float) -> MLP:
        return MLP.from_weights([[[weight]], [[1e200]]], [[0.0], [0.0]], 'identity')

    with pytest.raises(ValueError, match=r'w_\{x1,1\} is nan: a derivation needs finite numbers; explain_nan'):
        derive(net(math.nan), [([1.0], 0.0)], 'w_{x1,1}')
    with pytest.raises(ValueError, match=r'r_2\^\(i\) is inf for sample 2: '):
        derive(net(1e200), [([0.0], 0.0), ([1.0], 0.0)], 'w_{x1,1}')
    with pytest.raises(ValueError, match='sample 1, target 1: inf is not a number'):
        derive(net(1.0), [([1.0], math.inf)], 'w_{x1,1}')


def test_a_shared_weight_is_refused() -> None:
    net = MLP(2, [2, 1], 'tanh', seed=1)
    first, last = net.layers[0].neurons[0], net.layers[1].neurons[0]
    last.weights[0] = first.weights[0]
    for name in ('w_{x1,1}', 'w_{1,3}'):
        with pytest.raises(ValueError, match='is shared: E depends on it in more places than one'):
            derive(net, XOR, name)
    Reader(str(derive(net, XOR, 'w_{x2,1}')))
    last.weights[0] = last.weights[1]
    with pytest.raises(ValueError, match='is shared'):
        derive(net, XOR, 'w_{1,3}')


def test_an_exact_net_learns_exactly() -> None:
    third = Fraction(1, 3)
    exact = MLP.from_weights([[[third]]], [[third]], 'relu', 'relu')
    lines = derive(exact, [([third], 0)], 'w_{x1,1}').lines
    assert lines[0].text() == 'h = 1/2' and lines[-1].text().endswith('= 1/3 - 1/2 · 4/27 = 7/27')
    assert lines[-1].number == Fraction(7, 27)
    assert derive(MLP(1, [1], seed=1), [([third], 0)], 'w_{x1,1}').lines[0].text() == 'h = 0.5'


def test_targets_and_options_may_be_given_as_users_do() -> None:
    net = MLP(1, [1, 1], 'tanh', seed=1)
    wanted = str(derive(net, [([1.0], 1.0)], 'b_1'))
    for target in (1, True, Value(1.0), [Value(1.0)], (1.0,)):
        assert str(derive(net, [([1.0], target)], 'b_1')) == wanted
    assert str(derive(net, teacher_set=[([1.0], 1.0)], weight='b_1', learning_rate=0.5)) == wanted
    numpy = pytest.importorskip('numpy')
    for target in (numpy.float64(1.0), numpy.int64(1), numpy.ones(1), numpy.array(1.0)):
        assert str(derive(net, [(numpy.ones(1), target)], 'b_1')) == wanted


@pytest.mark.parametrize('digits', every(3, [1, 3, 12, 17]))
def test_numbers_have_as_many_digits_as_wanted(digits: int) -> None:
    net = generic_net([2, 1], 'sigmoid', 'tanh')
    derivation = derive(net, XOR, 'w_{x1,2}', digits=digits)
    Reader(str(derivation), digits)
    output = f'{net.run(XOR[0][0]).outputs[0].data:.{digits}g}'
    assert output in str(derivation) and output in derivation.html() and derivation.digits == digits
    if digits != 1:
        with pytest.raises(Wrong):
            Reader(str(derivation), digits - 1)


@pytest.mark.parametrize(('count', 'samples'), [(2, 1), (7, 6), (7, 7), (3, 9)])
def test_as_many_samples_are_written_out_as_wanted(count: int, samples: int) -> None:
    net = generic_net([1, 1], 'sigmoid', 'tanh')
    derivation = derive(net, fifty_samples()[:count], 'w_{x1,1}', samples=samples)
    reader = Reader(str(derivation))
    assert min(reader.shown, reader.samples) == min(count, samples) == len(reader.found['r_1'])


def test_some_steps_are_printed_alone() -> None:
    net = generic_net([2, 1], 'sigmoid', 'tanh')
    whole = derive(net, XOR, 'w_{x1,2}')
    names = ['given', 'forward', 'rule', 'error', 'chain', 'vanishing', 'paths', 'signals', 'both', 'numbers']
    for name, section in zip(names, whole.sections, strict=True):
        (alone,) = derive(net, XOR, 'w_{x1,2}', steps=name).sections
        assert alone.heading == section.heading
        assert [line for line in alone.body if isinstance(line, Line)] == [line for line in section.body
                                                                          if isinstance(line, Line)]  # fmt: skip
    assert str(derive(net, XOR, 'w_{x1,2}', steps=names[::-1])) == str(whole)
    assert 'From' not in str(derive(net, XOR, 'w_{x1,2}', steps='numbers'))
    x = Value(0.5, 'x')
    parts = ('given', 'expression', 'partials', 'paths')
    assert [derive(x * x, x, steps=part).sections[0].heading for part in parts] == [
        section.heading for section in derive(x * x, wrt=x).sections]  # fmt: skip


@pytest.mark.parametrize('width', [80, *(pytest.param(width, marks=pytest.mark.slow) for width in (64, 300))])
def test_a_terminal_of_any_width_has_every_line_and_no_number_is_torn(width: int) -> None:
    samples = fifty_samples()[: 2 if width == 80 else 7]
    for derivation in [derive(generic_net([2, 2], 'tanh', 'sigmoid'), [([1.0, -2e-7], [0.25, 3e20])], 'w_{1,2}'),
                       derive(generic_net([2, 1], 'sigmoid', 'tanh'), samples, 'w_{x1,2}')]:  # fmt: skip
        text = derivation.text(width=width)
        whole, told = Reader(str(derivation)), Reader(text)
        assert told.given == whole.given and told.found == whole.found
        rows = [row for row in text.split('\n') if not re.match('  (?! )', row)]  # a table is as wide as it must be
        assert max(sum(not combining(sign) for sign in row) for row in rows) <= width
        numbers = re.compile(r'[\d.]+(?:·10[⁻\d⁰¹²³⁴⁵⁶⁷⁸⁹]+)?')
        assert numbers.findall(text) == numbers.findall(str(derivation))
    coloured = derivation.text(colour=True, width=width)
    assert re.sub('\033\\[\\d+m', '', coloured) == text != coloured


def test_print_knows_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = derive(generic_net([2, 2, 1], 'sigmoid', 'tanh'), XOR, 'w_{x1,2}')
    monkeypatch.setenv('COLUMNS', '72')
    assert str(derivation) == derivation.text(width=100)
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    assert str(derivation) == derivation.text(width=72)
