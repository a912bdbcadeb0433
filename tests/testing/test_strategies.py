"""The public strategies: what they draw, what it prints, and to what it shrinks."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from microgradnet import functions
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.engine.walks import topological_order
from microgradnet.nets.losses import half_squared_error
from microgradnet.nets.net import MLP
from microgradnet.testing import Expression, expressions, nets, points, small_points, teacher_sets
from tests.support.examples import examples, for_each
from tests.support.forward import Dual, by_table, forward

some = examples(60, database=None, suppress_health_check=[HealthCheck.too_slow])
once = settings(max_examples=2000, deadline=None, database=None, derandomize=True)
unshrunk = settings(once, max_examples=200, phases=[Phase.generate])


@pytest.mark.parametrize(
    'wanted',
    [
        pytest.param(lambda x: 1e-300 < abs(x) < 1e-200, marks=pytest.mark.slow),
        pytest.param(lambda x: 1e200 < abs(x) < 1e300, marks=pytest.mark.slow),
        lambda x: x == 0 and math.copysign(1, x) < 0,
        lambda x: 0 < abs(x) < 2.3e-308,
        lambda x: x < -1 and x == round(x),
        lambda x: x == math.nextafter(1, 2),
    ],
)
def test_points_are_of_every_kind(wanted: Any) -> None:
    assert wanted(find(points(), wanted, settings=once))


def test_points_of_a_row_stand_at_the_ends_of_its_domain() -> None:
    end = math.nextafter(28, 0)
    assert find(points('gauss'), lambda x: x == end, settings=once) == end


@given(points(), points(exact=True), small_points(exact=True))
@some
def test_points_are_finite_and_exact_ones_are_fractions(x: float, q: Fraction, r: Fraction) -> None:
    assert isinstance(x, float) and math.isfinite(x)
    assert isinstance(q, Fraction) and isinstance(r, Fraction)


@given(expressions())
@some
def test_an_expression_gives_the_same_on_floats_and_values(f: Expression) -> None:
    xs, y = f.record()
    assert repr(float(f.at_point())) == repr(float(y.data))
    assert all(node in topological_order(y) or len(xs) == 1 for node in xs), 'what is not needed is left out'


@given(expressions(exact=True))
@some
def test_exact_expressions_stay_exact(f: Expression) -> None:
    xs, y = f.record()
    y.backward()
    assert {type(number) for number in (y.data, f.at_point(), *(x.grad for x in xs))} == {Fraction}
    assert [x.grad for x in xs] == [
        forward(f, place, lambda name: by_table(name, 'exact'))[f.result].tangent for place in range(len(xs))
    ]


@given(expressions(['add', 'mul', 'sub', 'neg', 'div', 'abs'], exact=True, constants=False))
@some
def test_an_expression_runs_on_anything_with_operators(f: Expression) -> None:
    class Number:
        """A number that knows Python's operators, and nothing of microgradnet."""

        def __init__(self, data: Any) -> None:
            self.data = data

        def __add__(self, other: Any) -> Number:
            return Number(self.data + getattr(other, 'data', other))

        def __sub__(self, other: Any) -> Number:
            return Number(self.data - getattr(other, 'data', other))

        def __rsub__(self, other: Any) -> Number:
            return Number(other - self.data)

        def __mul__(self, other: Any) -> Number:
            return Number(self.data * getattr(other, 'data', other))

        def __truediv__(self, other: Any) -> Number:
            return Number(self.data / getattr(other, 'data', other))

        def __rtruediv__(self, other: Any) -> Number:
            return Number(other / self.data)

        def __neg__(self) -> Number:
            return Number(-self.data)

        def __abs__(self) -> Number:
            return Number(abs(self.data))

        __radd__, __rmul__ = __add__, __mul__

    assert f([Number(leaf) for leaf in f.leaves]).data == f.at_point()


@given(expressions(leaves=points(), allowed=lambda name, operands, constant: 0.0), expressions(exact=True))
@some
def test_what_is_printed_runs_and_says_the_same(f: Expression, exact: Expression) -> None:
    for each in (f, exact):
        assert repr(each) == str(each)
        space: dict[str, Any] = {}
        exec(str(each), space)
        assert repr(space['point']) == repr(each.leaves)
        assert outcome(space['f'], each.leaves) == outcome(each, each.leaves)


def outcome(f: Any, point: Any) -> str:
    try:
        return repr(f([Value(x) for x in point]))
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__


def test_an_expression_says_how_many_leaves_it_wants() -> None:
    with pytest.raises(ValueError, match='of 1 leaves; it was given 2'):
        Expression((1.0,))([1.0, 2.0])


@pytest.mark.slow
def test_expressions_shrink_to_the_smallest_failing_graph() -> None:
    def shared(f: Expression) -> bool:
        """The smallest graph that a walk without an order gets wrong: a node used twice that has inputs."""
        _, y = f.record()
        order = topological_order(y)
        return any(node.inputs and sum(source is node for n in order for source in n.inputs) > 1 for node in order)

    found = find(expressions(['add', 'mul', 'tanh', 'sub']), shared, settings=once)
    assert len(found.steps) == 2 and found.steps[-1][1] == (1, 1) and found.leaves == (0.0,)


@for_each('name', operations)
def test_every_row_is_drawn(name: str) -> None:
    assert find(expressions([name]), lambda f: bool(f.steps), settings=unshrunk).steps[0][0] == name


def test_rows_that_are_not_named_are_not_drawn() -> None:
    drawn: set[str] = set()

    @given(expressions(['sin', 'mul']))
    @some
    def draw(f: Expression) -> None:
        drawn.update(name for name, _ in f.steps)

    draw()
    assert drawn == {'sin', 'mul'}


@given(nets())
@some
def test_nets_fire(net: MLP) -> None:
    ys = net([1.0] * net.inputs)
    assert all(isinstance(y, Value) for y in (ys if isinstance(ys, list) else [ys]))


@given(nets(exact=True), teacher_sets(exact=True))
@some
def test_exact_nets_and_teacher_sets_are_of_fractions(net: MLP, teacher_set: Any) -> None:
    assert all(isinstance(p.data, Fraction) for p in net.parameters())
    for x, t in teacher_set:
        assert isinstance(t, Fraction) and all(isinstance(number, Fraction) for number in x)
        x = [*x, *[Fraction(0)] * net.inputs][: net.inputs]
        ys = net(x)
        error = half_squared_error(ys if isinstance(ys, list) else [ys], [t] * net.sizes[-1])
        assert isinstance(error.data, Fraction)


@given(teacher_sets(2, 3, samples=4))
@some
def test_teacher_sets_have_the_widths_asked_for(teacher_set: Any) -> None:
    assert 1 <= len(teacher_set) <= 4
    assert {len(x) for x, _ in teacher_set} == {2} and {len(t) for _, t in teacher_set} == {3}


def test_duals_of_ones_own_run_too() -> None:
    f = Expression((2.0,), (3.0,), (('mul', (0, 1)), ('mul', (2, 0))))
    assert forward(f, 0)[f.result] == Dual(12.0, 12.0, 12.0)
    assert functions.mul(2.0, 6.0) == f.at_point()


MISSING = """
import sys
sys.modules['{0}'] = None
import microgradnet.testing
try:
    microgradnet.testing.{1}
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(('library', 'name'), [('hypothesis', 'points'), ('mpmath', 'check_gradient')])
def test_without_the_extra_the_error_names_it(library: str, name: str) -> None:
    code = MISSING.format(library, name)
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert said == f"microgradnet.testing.{name} needs {library}: pip install 'microgradnet[testing]'\n"


def test_importing_the_kit_imports_neither() -> None:
    code = 'import microgradnet.testing, sys; print({"hypothesis", "mpmath"} & {*sys.modules})'
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert said == 'set()\n'


def test_a_name_that_is_not_there() -> None:
    import microgradnet.testing as kit

    with pytest.raises(AttributeError, match="no attribute 'check_everything'"):
        kit.check_everything  # noqa: B018
    assert {*kit.__all__} <= {*dir(kit)}
