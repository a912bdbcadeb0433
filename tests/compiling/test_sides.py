"""Choices of single rows: the side that is taken is computed alone; rows in lanes select."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from math import inf, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')

from microgradnet import Value, compile, grad, no_grad, value_and_grad  # noqa: E402
from microgradnet import functions as F  # noqa: E402
from microgradnet.compiling import Program as Compiled  # noqa: E402
from microgradnet.compiling import recording  # noqa: E402
from microgradnet.compiling.ir import claims, sides  # noqa: E402
from microgradnet.compiling.ir.choices import chosen  # noqa: E402
from microgradnet.compiling.printers import llvm, python  # noqa: E402
from microgradnet.compiling.printers.llvm import block  # noqa: E402
from microgradnet.engine.context import ieee_arithmetic  # noqa: E402
from microgradnet.engine.custom import custom  # noqa: E402
from tests.compiling.test_loops_random import folding  # noqa: E402
from tests.support.backends import bits  # noqa: E402
from tests.support.examples import UNSHRUNK, examples  # noqa: E402
from tests.support.grammar import ALL, Program, flat, programs, rows_of  # noqa: E402


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


def twice(x: Any, y: Any) -> Any:
    """What is on one side is never needed by a choice inside of the other one."""
    c, far = F.greater(x, y), heavy(y)
    return F.where(c, lambda: F.where(c, x, far) * F.exp(x), y) + F.where(c, x, lambda: far * 2.0)


def text(f: Any, lanes: int) -> str:
    (run,) = f.programs
    return block(run.evaluator.derived.routine(False, 'calls'), lanes, False).text


@pytest.mark.parametrize('f', [nested, branching, several, twice])
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


@pytest.mark.parametrize('f', [nested, branching, twice, lambda x, y: sum(several(x, y))])
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
        monkeypatch.setattr(claims, 'DEEP', deep)
        g = compile(grad(f), backend='native')
        answers.append([g(x) for x in numbers])
        texts.append(text(g, 1))
    assert answers[0] == answers[1] == pytest.approx([*map(grad(f), numbers)])
    assert 0 < texts[0].count('br i1') < texts[1].count('br i1')


def holds_for_all_sides(ask: Callable[[str], list[Any]], told: Any, deep: int = 50) -> None:
    """See that a backend says the same whether it branches at every choice or at none."""
    found = {}
    for backend, worth in product(('python', 'native', 'in parts'), (1, 1 << 30)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claims, 'WORTH', worth)
            patch.setattr(claims, 'DEEP', deep)
            if worth > 1:
                patch.setattr(sides, 'rotated', lambda routine: routine)
            patch.setattr(llvm, 'LENGTH', 20 if backend == 'in parts' else 1000)
            found[backend, worth] = flat(ask('python' if backend == 'python' else 'native'))
    assert bits(found['python', 1]) == bits(found['python', 1 << 30]), told
    for backend in 'native', 'in parts':
        assert np.allclose(found[backend, 1], found[backend, 1 << 30], 1e-12, 1e-14, equal_nan=True), (told, backend)


@pytest.mark.slow
@pytest.mark.parametrize('deep', [2, 50])
@examples(20, phases=UNSHRUNK)
@given(programs(*ALL, 'nothing'))
def test_random_programs_that_branch_at_every_choice(deep: int, f: Program) -> None:
    def ask(backend: str) -> list[Any]:
        g = compile(value_and_grad(f), backend=backend)
        return [g(row) for row in rows_of(3, 10)]

    holds_for_all_sides(ask, f, deep)


@pytest.mark.slow
@examples(20, phases=UNSHRUNK)
@given(programs('assign', 'where', 'nothing'))
def test_random_loops_that_branch_at_every_choice(f: Program) -> None:
    x = [Value(z) for z in (0.25, -0.5, 2.0)]
    with recording(), folding(), ieee_arithmetic():
        y = x
        for _ in range(12):
            y = [f(y) * 0.5, *y[:2]]

        def ask(backend: str) -> list[Any]:
            run = Compiled(y[0], parameters=x, backend=backend, loops=True)
            return [[*run.value_and_gradient(row), run.hessian(row)] for row in rows_of(3, 6)]

        holds_for_all_sides(ask, f)


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


def test_what_somebody_else_wrote_is_not_called_on_the_other_side() -> None:
    called: list[float] = []

    def noted(x: float) -> float:
        called.append(x)
        return x + 1.0

    note = custom(noted, lambda x: 1.0, name='noted_on_a_side')
    g = compile(value_and_grad(lambda x: F.where(F.greater(x, 1.0), lambda: note(x * 2.0) ** 2, x)), backend='python')
    g(3.0)
    called.clear()
    assert g(0.5) == (0.5, 1.0) and not called
    assert g(2.0) == (25.0, 20.0) and called == [4.0]


def test_a_printed_function_says_what_each_side_does() -> None:
    x, y = Value(2.0, 'x'), Value(1.0, 'y')
    program = Compiled(chosen('gt', x, y, heavy(x), heavy(y * 2.0)), rows=[x, y], backend='python')
    head, condition, yes, no = 'x, y = row', 'x > y', 'exp(sin(x) * x) + log(x * x + 1.0)', 'exp(sin(v2) * v2) + log('
    assert f"""    {head}
    if {condition}:
        v1 = {yes}
    else:
        v2 = y * 2.0
        v1 = {no}""" in program.source
    for text in program.to_c(), program.to_js():
        before, branch, after = text.partition(f'if ({condition}) {{\n        v1 = {yes};\n    }} else {{\n')
        assert branch and 'exp(' not in before and no in after


def walk(steps: int, dear: bool) -> tuple[list[Value], Value, list[Value]]:
    """Record what sums up how far a walk is above 105, chosen in each step; an ``if`` of each step would be that."""
    z = [Value(0.1) for _ in range(steps)]
    s, total, above = Value(100.0), Value(0.0), Value(105.0)
    for one in z:
        s = s * F.exp(one * 0.02)
        gain = F.exp(F.tanh(s - above)) if dear else s - above
        total = chosen('gt', s, above, total + gain, total)
    return z, total, [s]


@pytest.mark.parametrize('backend', ['python', 'native'])
def test_a_choice_in_each_turn_of_a_loop_is_a_branch_in_it(backend: str) -> None:
    z, total, _ = walk(252, dear=True)
    with_branch = Compiled(total, rows=z, backend=backend)
    assert with_branch.loops == 1 and with_branch.source.count('\n    for ') == 1
    assert '\n        if v' in with_branch.source
    random = Random(3)
    rows = np.array([[random.gauss(0, 1) for _ in z] for _ in range(9)])
    alone = [with_branch([row])[0] for row in rows]
    together = with_branch(rows)
    assert bits(np.ravel(alone)) == bits(np.ravel(together))


def test_a_long_program_branches_within_its_parts_and_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any, y: Any) -> Any:
        for k in range(6):
            x = F.where(F.greater(x, y), F.sin(x * y + k) * 2.0, F.cos(x - y - k) * 3.0)
        long = lambda: sum(F.exp(F.sin(x * k) * y) for k in range(20))  # noqa: E731
        return F.where(F.greater(y, 0.5), long, lambda: F.log(x * x) * 2.0) * x

    monkeypatch.setattr(llvm, 'LENGTH', 30)
    g, h = (compile(lambda p: f(*p), backend=backend) for backend in ('native', 'python'))
    rows = [[0.3, 0.2], [1.0, 0.75], [-0.5, -1.0], [2.0, 3.0]]
    assert np.allclose([g(row) for row in rows], [h(row) for row in rows], 1e-12)
    printed = text(g, 1)
    functions = printed.split('define internal')[1:]
    inside = [body for body in functions if 'br i1' in body]
    assert len(functions) > 5 and len(inside) > 1 and any('call void @part' in body for body in inside)


def test_a_gradient_keeps_what_one_side_has_on_that_side_alone() -> None:
    def f(s: Any, r: Any) -> Any:
        total = 0.0
        for _ in range(20):
            s = s * F.exp(r * 0.01)
            total = total + F.where(F.greater(s, 1.25), lambda s=s: F.tanh(F.tan(s)), lambda s=s: F.log(s) * F.sin(s))
        return total

    x = [Value(1.0), Value(2.0)]
    with folding():
        with recording():
            run = Compiled(f(*x), parameters=x, backend='python', loops=True)
        for p in [1.0, 2.0], [1.125, 0.5]:
            wanted, (value, slopes) = value_and_grad(lambda p: f(*p))(p), run.value_and_gradient(p)
            assert [value, *slopes] == pytest.approx([wanted[0], *wanted[1]], rel=1e-13)
        printed = python.source(run._gradient_routine)
    forward, back = (loop.split('outputs[')[0] for loop in printed.split('\n    for ')[1:])
    for loop, dear in (forward, ['tan(', 'tanh(', 'log(', 'sin(']), (back, ['exp(', 'cos(', 'divide(']):
        shared, branch, sides_of_it = loop.partition('\n        if v')
        assert branch and not any(f' {name}' in shared for name in dear)
        assert all(name in sides_of_it for name in dear)
    assert forward.count('\n            kept[') >= 3


@pytest.mark.parametrize('backend', ['python', 'native'])
def test_a_choice_that_has_come_to_the_next_turn_is_made_in_its_own_and_loops_are_on_its_sides(backend: str) -> None:
    def dear(x: Any, k: float) -> Any:
        for i in range(12):
            x = F.tanh(x * 0.01 + k + i)
        return x

    x, y = Value(0.3), Value(0.2)
    with recording(), folding():
        s = x
        for _ in range(30):
            s = s * 0.9 + F.where(F.greater(s, y), dear(s, 1.0), dear(y, 2.0) * s)
        run = Compiled(s, rows=[x, y], backend=backend, loops=True)
    rows = [[0.3, 0.2], [0.0, 8.0], [-9.0, 0.0], [2.0, nan]]
    found = [*run(np.array(rows) if backend == 'native' else rows)]
    assert bits(found) == bits([run([row])[0] for row in rows])
    with no_grad(), ieee_arithmetic():
        for row, number in zip(rows, found):
            s, y = row
            for _ in range(30):
                s = s * 0.9 + (nan if y != y else dear(s, 1.0) if s > y else dear(y, 2.0) * s)
            assert number == pytest.approx(s, rel=1e-13, nan_ok=True)
    _, loop = run.source.split('\n    for i1')[-1].split('):', 1)
    before, branch, after = loop.partition('\n        if v')
    assert branch and 'tanh' not in before and after.count('\n            for i2') == 2


def undeclared(text: str) -> set[str]:
    """Return the names v1, v2 ... that are used in C where nothing in a block around has declared them."""
    scopes, missing = list[set[str]]([set()]), set[str]()
    for line in text.splitlines():
        if line.lstrip().startswith('}'):
            scopes.pop()
        declared = re.match(r' *(?:const )?double ([vc]\d+)', line)
        if declared:
            scopes[-1].add(declared[1])
        missing.update(name for name in re.findall(r'\b[vc]\d+\b', line) if not any(name in scope for scope in scopes))
        if line.endswith('{'):
            scopes.append(set())
    return missing


def test_c_declares_what_a_condition_is_made_of_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: list[Any]) -> Any:
        u, v, w = x
        p, q = u * v, w
        q = F.where(F.greater(u, u), lambda: 0.5, lambda: F.min(p, q))
        p = F.max(p, 0.0) ** 2
        return p + q * 0.5 + u

    monkeypatch.setattr(claims, 'WORTH', 1)
    x = [Value(z) for z in (0.25, -0.5, 2.0)]
    with recording(), folding():
        y, all_of = x, list[Value]()
        for _ in range(10):
            y = [f(y) * 0.5, *y[:2]]
            all_of.insert(0, y[0])
        total = y[0]
        for one in all_of:
            total = total + f([one, y[0], one])
        text = Compiled(total, parameters=x, backend='python', loops=True).to_c()
    assert text.count('if (') > 10 and not undeclared(text)
