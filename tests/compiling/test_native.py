"""Machine code: lanes, remainder rows, strides, threads, long programs in parts, and the cache on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from math import inf, nan
from pathlib import Path
from sysconfig import get_config_var
from typing import Any

import pytest

from tests.support import ROOT

pytest.importorskip('llvmlite')
np = pytest.importorskip('numpy')

from microgradnet import functions as F  # noqa: E402
from microgradnet.compiling import Program, compile  # noqa: E402
from microgradnet.compiling.ir.instructions import functions  # noqa: E402
from microgradnet.compiling.printers import llvm  # noqa: E402
from microgradnet.compiling.printers import llvm_driver as native_driver  # noqa: E402
from microgradnet.compiling.run import native, quick  # noqa: E402
from microgradnet.compiling.run.machine import Machine, lanes_of_the_processor  # noqa: E402
from microgradnet.derivatives.graphs import gradients  # noqa: E402
from microgradnet.engine.table import operations  # noqa: E402
from microgradnet.engine.value import Value  # noqa: E402
from microgradnet.nets.losses import half_squared_error  # noqa: E402
from microgradnet.nets.net import MLP  # noqa: E402
from tests.support.backends import apart, bits  # noqa: E402

LANES = [1, 2, 4, 8]
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 5e-324, -5e-324, 1e308, 800.0, -800.0, 1e6, 1e22, 1.0, -1.0]


@pytest.fixture(params=LANES, ids=lambda lanes: f'{lanes} lanes')
def lanes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Compile as for a processor of so many lanes."""
    monkeypatch.setattr(native, 'lanes_of_the_processor', lambda: request.param)
    yield request.param


def all_functions() -> Program:
    """Compile every function of the table on the first number of a row, or on both, and all sorts of choices."""
    x, y = Value(0.5), Value(0.75)
    outputs = [
        getattr(F, name)(*[x, y][: len(operations[name].parameters)]) for name in sorted(functions()) if name != 'acosh'
    ]
    outputs += [
        (x + 2).acosh(),
        x**y,
        F.where(x.greater(y), x, y),
        F.where(x, x / y, 1 / x),
        x.sigmoid(),
        F.logsumexp([x, y]),
    ]
    return compile(
        [*outputs, F.max(x, y), x.relu(), x.clip(y, 1), F.dot([x, y], [y, 3.0], x)],
        rows=[x, y],
        backend='native',
    )


def table(n: int, width: int = 2) -> Any:
    """Return rows with special numbers among ordinary ones."""
    draw = np.random.default_rng(n)
    rows = draw.normal(scale=3.0, size=(n, width))
    chosen = draw.random(rows.shape) < 0.3
    rows[chosen] = draw.choice(SPECIAL, size=int(chosen.sum()))
    return rows


def dyadic(backend: str = 'native', **options: Any) -> Program:
    """Compile an error whose sums and gradients are exact for small whole rows, in whatever order."""
    w, v, x, t = Value(0.5), Value(-1.0), Value(0.0), Value(0.0)
    r = F.max(w * x, v) * 2 + v * t
    return compile(
        r * r / 2 + F.where(x.greater(t), w, v * v),
        rows=[x, t],
        parameters=[w, v],
        backend=backend,
        **options,
    )


@cache
def dyadic_once() -> Program:
    return dyadic()


def begin(*programs: Program) -> None:
    for program in programs:
        for p, start in zip(program.parameters, (0.5, -1.0)):
            p.data = start


def whole(n: int) -> Any:
    return np.random.default_rng(n).integers(-4, 5, size=(n, 2)).astype(float)


@pytest.mark.skipif(
    sys.implementation.name != 'cpython' or bool(get_config_var('Py_GIL_DISABLED')), reason='other objects'
)
def test_every_cpython_with_its_lock_has_the_short_way() -> None:
    assert quick.is_supported()


# Lanes and remainder rows.


def test_each_row_has_the_bits_that_it_has_alone(lanes: int) -> None:
    program = all_functions()
    rows = table(17)
    alone = [bits(program(row)) for row in rows]
    for n in range(18):
        assert [bits(row) for row in program(rows[:n])] == alone[:n], n


def test_special_numbers_in_every_lane(lanes: int) -> None:
    program = all_functions()
    ordinary = np.array([0.3, 0.7])
    usual = bits(program(ordinary))
    for special in SPECIAL:
        expected = bits(program([special, special]))
        for lane in range(lanes):
            rows = np.tile(ordinary, (lanes, 1))
            rows[lane] = special
            found = program(rows)
            assert bits(found[lane]) == expected, (special, lane)
            assert all(bits(row) == usual for place, row in enumerate(found) if place != lane), (
                special,
                lane,
            )


def test_sums_gradients_and_descent_for_every_number_of_rows(lanes: int) -> None:
    native, python = dyadic(), dyadic('python')
    rows = whole(17)
    for n in range(18):
        begin(native, python)
        assert native.sum(rows[:n]) == python.sum(rows[:n]), n
        value, slopes = native.value_and_gradient([0.5, -1.0], rows[:n])
        assert (value, [*slopes]) == python.value_and_gradient([0.5, -1.0], rows[:n]), n
        for mode in ('batch', 'online', 3, 8) if n else ():
            begin(native, python)
            errors = native.descend(rows[:n], 2.0**-8, 2, mode)
            wanted = python.descend(rows[:n], 2.0**-8, 2, mode)
            found = [*errors, *(p.data for p in native.parameters)]
            expected = [*wanted, *(p.data for p in python.parameters)]
            assert max(map(apart, found, expected)) <= 4, (n, mode)


@pytest.mark.parametrize('sizes', [[3, 1], [9, 6, 1]], ids=['in registers', 'in loops'])
def test_descent_of_small_and_larger_nets(sizes: list[int], lanes: int) -> None:
    weights = []
    rows = [[k / 5 - 1, (k * k % 7) / 4, k % 2] for k in range(11)]
    for backend in ('native', 'python'):
        net = MLP(2, sizes, 'tanh', 'identity', seed=3)
        x, t = [Value(0.0), Value(0.0)], Value(0.0)
        program = compile(
            half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend=backend
        )
        errors = [program.descend(rows, 0.05, 2, mode) for mode in ('batch', 'online', 4)]
        weights.append([*(p.data for p in net.parameters()), *(e for two in errors for e in two)])
    assert max(abs(a - b) for a, b in zip(*weights)) <= 1e-13


def test_nan_in_a_row_stays_in_its_row_and_idle_lanes_count_for_nothing(lanes: int) -> None:
    x, w = Value(3.0), Value(2.0)
    program = compile(w / x + (x - 1).log() * 0, rows=[x], backend='native')
    found = program([[2.0], [nan], [4.0], [0.0], [8.0]])
    assert bits(found) == ['1.0', 'nan', '0.5', 'nan', '0.25']
    assert program.sum([[2.0], [4.0], [8.0]]) == 1.75
    count = compile(w * 0 + 1, rows=[x], backend='native')
    halves = compile(1 / x, rows=[x], backend='native')
    for n in range(1, 12):
        assert (count.sum([[nan]] * n), halves.sum([[2.0]] * n)) == (n, n / 2)


def test_memory_is_used_again_for_more_rows_and_for_fewer() -> None:
    native, python = dyadic(), dyadic('python')
    rows = whole(300)
    for n in (5, 300, 1, 17, 299, 16, 0, 64):
        assert native.sum(rows[:n]) == python.sum(rows[:n])
        assert native(rows[:n]).tolist() == [*python(rows[:n])]


# Arrays as they lie in memory.


def layouts() -> dict[str, Callable[[Any], Any]]:
    def unaligned(rows: Any) -> Any:
        memory = np.zeros(rows.nbytes + 1, dtype=np.uint8)
        memory[1:] = np.frombuffer(rows.tobytes(), dtype=np.uint8)
        return memory[1:].view(float).reshape(rows.shape)

    def kept(rows: Any) -> Any:
        rows = rows.copy()
        rows.setflags(write=False)
        return rows

    def within(rows: Any) -> Any:
        large = np.full((3 * len(rows), 7), nan)
        large[1::3, 1:6:4] = rows
        return large[1::3, 1:6:4]

    return {
        'Fortran': np.asfortranarray,
        'upside down': lambda rows: rows[::-1].copy()[::-1],
        'right to left': lambda rows: rows[:, ::-1].copy()[:, ::-1],
        'both': lambda rows: np.asfortranarray(rows[::-1, ::-1])[::-1, ::-1],
        'slices': within,
        'transposed': lambda rows: rows.T.copy().T,
        'unaligned': unaligned,
        'read only': kept,
        'a matrix': lambda rows: rows.view(np.matrix),
        'lists': lambda rows: rows.tolist(),
    }


@pytest.mark.filterwarnings('ignore:the matrix subclass:PendingDeprecationWarning')
@pytest.mark.parametrize('layout', layouts())
@pytest.mark.parametrize('n', [1, 13])
def test_rows_may_lie_in_memory_as_they_like(layout: str, n: int) -> None:
    program, rows = dyadic_once(), whole(n)
    begin(program)
    other = layouts()[layout](rows)
    before = np.array(other)
    assert np.array_equal(program(other), program(rows))
    assert program.sum(other) == program.sum(rows)
    for p, q in zip(
        program.value_and_gradient([2.0, 3.0], other), program.value_and_gradient([2.0, 3.0], rows)
    ):
        assert np.array_equal(p, q)
    results = []
    for given in (other, rows):
        begin(program)
        results.append((program.descend(given, 2.0**-7, 2, 2), [p.data for p in program.parameters]))
    assert results[0] == results[1]
    assert np.array_equal(before, rows)
    assert np.array_equal(np.array(other), before)


def test_strides_of_zero() -> None:
    program = dyadic()
    row = np.array([3.0, -2.0])
    same = np.broadcast_to(row, (11, 2))
    assert program(same).tolist() == [program(row)] * 11
    assert program.sum(same) == 11 * program(row)
    flat = np.broadcast_to(np.arange(5.0)[:, None], (5, 2))
    assert program(flat).tolist() == program(flat.copy()).tolist()
    overlapping = np.lib.stride_tricks.sliding_window_view(np.arange(9.0), 2)
    assert program(overlapping).tolist() == program(overlapping.copy()).tolist()


# Threads.


@pytest.mark.parametrize('threads', [1, 2, 3])
def test_threads_give_the_same_bits_each_time(threads: int) -> None:
    net = MLP(2, [2, 1], 'tanh', 'sigmoid', seed=2)
    x, t = [Value(0.0), Value(0.0)], Value(0.0)
    error = half_squared_error(net(x), t)
    program, single = (
        compile(error, rows=[*x, t], parameters=net.parameters(), backend='native', threads=k)
        for k in (threads, 1)
    )
    theta = [p.data for p in net.parameters()]
    for n in (0, 1, 2, 9, 50, 200):
        rows = np.random.default_rng(n).normal(size=(n, 3))
        assert bits(program(rows)) == bits(single(rows))
        value, slopes = program.value_and_gradient(theta, rows)
        one, once = single.value_and_gradient(theta, rows)
        assert value == pytest.approx(one, rel=1e-13)
        assert np.allclose(slopes, once, rtol=1e-12, atol=1e-13)
        for _ in range(3):
            assert bits(program.value_and_gradient(theta, rows)) == bits((value, slopes))
    exact = dyadic(threads=threads)
    assert [exact.sum(whole(n)) for n in (1, 40, 41)] == [dyadic().sum(whole(n)) for n in (1, 40, 41)]


def test_a_program_may_be_called_from_several_threads() -> None:
    program, rows = dyadic(), whole(60)
    expected = [program.sum(rows[:n]) for n in range(60)]
    found: dict[int, list[float]] = {}

    def work(k: int) -> None:
        found[k] = [program.sum(rows[:n]) for n in range(60)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), expected)


# Long programs.


def long_program() -> tuple[Value, list[Value], list[Value]]:
    """Record a graph in which early values, and early conditions, are used again at the end."""
    x, z, w = Value(0.5, 'x'), Value(0.25, 'z'), Value(1.5, 'w')
    c, early = x.greater(z), (x * w).exp()
    y = F.where(c, early, z).relu()
    kept = [y]
    for k in range(4):
        y = (y * w + k).tanh() + F.max(y, z * k) - F.where(c, z, y * 0.5)
        kept.append(y)
    y = F.where(c, y * early, F.dot([x, z, w], [kept[1], kept[3], y], early)).relu() + F.where(
        z.less(x), kept[0], 1 / x
    )
    return y, [x, z], [w]


@pytest.mark.parametrize('length', [6, pytest.param(1, marks=pytest.mark.slow)])
def test_a_program_cut_into_parts_has_the_bits_of_the_whole(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, rows, parameters = long_program()
    outputs = [y, *gradients(y, [*rows, *parameters]), rows[0], parameters[0], y]
    data = table(11)

    def results() -> Any:
        program = compile(outputs, rows=rows, parameters=parameters, backend='native')
        single = compile(y, rows=rows, parameters=parameters, backend='native')
        gradient = single.value_and_gradient([1.5], np.abs(data) % 1)
        return bits([program(data), program(data[0]), program.sum(np.abs(data) % 1)]) + bits(gradient)

    monkeypatch.setattr(llvm, 'LENGTH', 10**9)
    uncut = results()
    monkeypatch.setattr(llvm, 'LENGTH', length)
    routine = compile(outputs, rows=rows, parameters=parameters, backend='native').routine
    assert llvm.block(routine, 4, False).parts > 3
    assert results() == uncut


@pytest.mark.slow
def test_a_large_net_is_cut_and_still_right() -> None:
    net = MLP(20, [60, 40, 1], 'relu', 'identity', seed=5)
    x, t = [Value(0.0) for _ in range(20)], Value(0.0)
    rows = np.random.default_rng(0).normal(size=(23, 21))
    programs = [
        compile(half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend=backend)
        for backend in ('native', 'numpy')
    ]
    theta = [p.data for p in net.parameters()]
    (value, slopes), (other, others) = (program.value_and_gradient(theta, rows) for program in programs)
    assert value == pytest.approx(other, rel=1e-12)
    assert np.allclose(slopes, others, rtol=1e-10, atol=1e-12)


def test_fast_is_close_and_says_nothing_of_bits() -> None:
    net = MLP(3, [4, 1], 'tanh', 'identity', seed=2)
    x = [Value(0.0) for _ in range(3)]
    rows = np.random.default_rng(1).normal(size=(33, 3))
    plain, fast = (
        compile(net(x), rows=x, parameters=net.parameters(), backend='native', fast=f) for f in (False, True)
    )
    assert fast.fast
    assert np.allclose(plain(rows), fast(rows), rtol=1e-12, atol=1e-14)
    theta = [p.data for p in net.parameters()]
    assert np.allclose(
        plain.value_and_gradient(theta, rows)[1],
        fast.value_and_gradient(theta, rows)[1],
        rtol=1e-11,
        atol=1e-12,
    )
    assert 'reassoc' in llvm.block(fast.routine, 4, True, fast=True).text
    assert 'reassoc' not in llvm.block(fast.routine, 4, True).text


def test_the_processor_s_lanes_are_a_power_of_two() -> None:
    assert lanes_of_the_processor() in (2, 4, 8)


# The cache on disk.

def test_of_a_small_program_only_what_is_called_is_compiled() -> None:
    """Each function of a small program has a copy of it: the one that is called is the one that is paid for."""
    program = dyadic()
    program(whole(20))
    [code] = program._forward.engine._codes.values()  # type: ignore[attr-defined]
    [machine] = code.machines.values()
    assert code['pack'] == machine['pack'] and code['each'] == machine['each']
    assert machine['sums'] == machine['blocks'] == machine['descend'] == 0
    assert code['sums'] and len(code.machines) == 2


TEXT = 'define double @answer() {\n  ret double 0x4045000000000000\n}\n'


def answer(machine: Machine) -> float:
    import ctypes

    return ctypes.CFUNCTYPE(ctypes.c_double)(machine['answer'])()


def test_the_second_machine_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / 'made' / 'when needed'
    monkeypatch.setenv('MICROGRADNET_CACHE', str(folder))
    machines = [Machine(TEXT, []), Machine(TEXT, [])]
    assert [machine.from_cache for machine in machines] == [False, True]
    assert [answer(machine) for machine in machines] == [42.0, 42.0]
    other = Machine(TEXT.replace('4045', '4046'), [])
    assert (other.from_cache, answer(other)) == (False, 44.0)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        {f'{m.key}.o' for m in [*machines, other]}
    )
    monkeypatch.setenv('MICROGRADNET_CACHE', '')
    assert Machine(TEXT, []).from_cache is False


def test_programs_are_kept_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MICROGRADNET_CACHE', str(tmp_path))
    rows = whole(20)
    first = dyadic()
    value = first.sum(rows)
    files = sorted(tmp_path.iterdir())
    assert files
    second = dyadic()
    assert second.sum(rows) == value
    assert sorted(tmp_path.iterdir()) == files
    codes = second._forward.engine._codes.values()  # type: ignore[attr-defined]
    assert [machine.from_cache for code in codes for machine in code.machines.values()] == [True]


DAMAGE = """
import sys
from pathlib import Path
from microgradnet import Value
from microgradnet.compiling import compile
x = Value(2.0)
y = (x * x).exp() + x.log()
expected = compile(y, rows=[x], backend='native')([[1.0], [2.0]]).tolist()
folder = Path(sys.argv[1])
damages = {
    'empty': lambda data: b'',
    'garbage': lambda data: b'no machine code ' * 99,
    'half': lambda data: data[:len(data) // 2],
    'first bytes': lambda data: data[:40],
    'last byte lost': lambda data: data[:-1],
    'more': lambda data: data + b'0',
    'zeros': lambda data: data[:len(data) // 2] + bytes(64) + data[len(data) // 2 + 64:],
    'one bit': lambda data: data[:-900] + bytes([data[-900] ^ 1]) + data[-899:],
}
for name, damage in damages.items():
    files = [*folder.iterdir()]
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    assert compile(y, rows=[x], backend='native')([[1.0], [2.0]]).tolist() == expected, name
    print(name)
"""


def test_a_damaged_cache_is_neither_fatal_nor_believed(tmp_path: Path) -> None:
    """In a process of its own: LLVM would end it."""
    done = subprocess.run(
        [sys.executable, '-c', DAMAGE, str(tmp_path)], capture_output=True, text=True, timeout=120,
        env={**os.environ, 'MICROGRADNET_CACHE': str(tmp_path), 'PYTHONPATH': str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 8


def test_a_folder_that_cannot_be_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('MICROGRADNET_CACHE', str(tmp_path / 'file' / 'folder'))
    assert answer(Machine(TEXT, [])) == 42.0
    monkeypatch.setenv('MICROGRADNET_CACHE', str(tmp_path / 'file'))
    assert answer(Machine(TEXT, [])) == 42.0

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError('not here')

    monkeypatch.setenv('MICROGRADNET_CACHE', str(tmp_path / 'read only'))
    monkeypatch.setattr(Path, 'mkdir', refuse)
    monkeypatch.setattr(Path, 'read_bytes', refuse)
    assert answer(Machine(TEXT, [])) == 42.0


def test_the_user_s_own_cache_is_not_touched_by_tests(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from microgradnet.compiling.run.code_cache import cache_folder

    folder, ours = cache_folder(), [tmp_path_factory.getbasetemp()]
    if hasattr(pytestconfig, 'cache'):
        ours.append(pytestconfig.cache.mkdir('of the tests').parent)
    assert folder is None or any(folder.is_relative_to(one) for one in ours)


def test_formulas_stand_in_place_of_few_calls_and_are_called_by_many() -> None:
    for calls, copied in (3, True), (17, False):
        xs = [Value(0.1 * k) for k in range(calls)]
        program = compile(sum(F.exp(x) for x in xs), rows=xs, backend='native', loops=False)
        text, _ = native_driver.module(program.routine, 4, False)
        assert ('alwaysinline' in text[: text.index('{')]) is copied
        assert text.count('call <4 x double> @"exp.4"') == calls
