"""The vectorised functions against mpmath, over every binade and at every seam of their formulas."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import inf, nan
from typing import Any

import mpmath
import pytest
from mpmath import mpf

from microgradnet.compiling.printers import libm
from microgradnet.compiling.printers.libm import FAR, FORMULAS, declarations, definitions, symbols
from microgradnet.engine import algebras
from microgradnet.engine.table import operations
from tests.support.examples import every, for_each, share

np = pytest.importorskip('numpy')
llvm = pytest.importorskip('llvmlite.binding')

NAMES = [name for name, operation in operations.items() if operation.is_kernel] + ['pow']
LANES = (1, 4, 8)
#: The largest error of each formula, in ulps of the true value; more than a million numbers each stay below.
ULPS = {
    'exp': 0.95, 'expm1': 1.35, 'log': 0.96, 'log1p': 0.96, 'log2': 0.98, 'log10': 0.8, 'tanh': 1.25,
    'sin': 0.95, 'cos': 0.95, 'pow': 1.5,
}  # fmt: skip
EDGES = [0.0, 5e-324, 1e-310, 2.0**-1022, 1e-300, 2.0**-54, 0.3, 0.5, 1.0, 2.0, 10.0, 745.0, 746.0, 1e5, 1e22, 1e300]
EDGES += [1.7976931348623157e308, inf]
EDGES = [sign * a for a in EDGES for sign in (1.0, -1.0)] + [nan]


# The text, compiled.


def loop(name: str, lanes: int) -> str:
    """Print a function that runs one over arrays: operands, results, how many vectors."""
    vector = 'double' if lanes == 1 else f'<{lanes} x double>'
    operands = [*operations[name].parameters]
    loads = '\n'.join(
        f'%p{o} = getelementptr {vector}, ptr %{o}, i64 %i\n%v{o} = load {vector}, ptr %p{o}, align 8' for o in operands
    )
    return f"""
define void @"{name}.{lanes}.loop"(ptr %a, ptr %b, ptr %y, i64 %n) {{
start:
br label %next
next:
%i = phi i64 [0, %start], [%j, %next]
{loads}
%result = call {vector} @"{name}.{lanes}"({', '.join(f'{vector} %v{o}' for o in operands)})
%to = getelementptr {vector}, ptr %y, i64 %i
store {vector} %result, ptr %to, align 8
%j = add i64 %i, 1
%more = icmp ult i64 %j, %n
br i1 %more, label %next, label %end
end:
ret void
}}
"""


class Compiled:
    """Functions of some names, compiled for this machine, or for the least of its kind (``generic``)."""

    def __init__(self, names: list[str], lanes: tuple[int, ...], generic: bool = False) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        parts = [definitions(names, n) + ''.join(loop(name, n) for name in names) for n in lanes]
        module = llvm.parse_assembly(declarations(names) + ''.join(parts))
        module.verify()
        cpu, features = ('', '') if generic else (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
        machine = llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=2)
        passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
        passes.getModulePassManager().run(module, passes)
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()

    def __call__(self, name: str, lanes: int, *operands: Any) -> Any:
        """Run a function over arrays, of any length: the last vector is filled up."""
        size = len(operands[0])
        filled = [np.resize(np.asarray(a, float), -(-size // lanes) * lanes) for a in operands]
        result = np.empty_like(filled[0])
        pointer = ctypes.c_void_p
        run = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, ctypes.c_int64)(
            self.engine.get_function_address(f'{name}.{lanes}.loop')
        )
        run(filled[0].ctypes.data, filled[-1].ctypes.data, result.ctypes.data, len(result) // lanes)
        return result[:size]


@pytest.fixture(scope='module')
def compiled() -> Compiled:
    return Compiled(NAMES, LANES)


# Numbers.


def neighbours(numbers: Any, steps: int = 1) -> Any:
    """Return numbers and those next to them, on both sides."""
    bits = np.asarray(numbers, float).view(np.int64)
    return np.concatenate([(bits + step).view(float) for step in range(-steps, steps + 1)])


def binades(random: Any, low: int, high: int, size: int) -> Any:
    """Return numbers of either sign with random bits, spread over binades; below -1022 subnormal."""
    exponents = random.permutation(np.resize(random.permutation(np.arange(low, high)), size))
    return random.choice([-1.0, 1.0], size) * np.ldexp(random.uniform(1, 2, size), exponents)


def pairs(many: int) -> list[Any]:
    """Return bases and exponents: any whose power is a number, bases next to 1 and at the seams, usual ones."""
    random = np.random.default_rng(8)
    size = 100 * many
    bases = [abs(binades(random, -1074, 1024, 2 * size)), random.uniform(0.5, 2, size)]
    bases += [1 + binades(random, -52, -1, size), np.resize(neighbours([0.5**0.5, 2**0.5], 8), size)]
    a = np.concatenate(bases)
    b = random.uniform(-745, 710, len(a)) / np.maximum(abs(np.log(a)), 1e-16)
    usual = random.choice([4.0, 5.0, 6.0, -3.0, 7.0, 1.5, 2.5, -1.5, 1 / 3, 0.1], size)
    whole = random.integers(-9, 9, size).astype(float)
    a = np.concatenate([a, np.exp(random.uniform(-60, 60, size)), binades(random, -60, 60, size)])
    return [a, np.concatenate([b, usual, whole])]


def numbers(name: str, many: int) -> list[Any]:
    """Return where a function is tested: so many hundreds of each of binades, hard ranges and seams."""
    if name == 'pow':
        return pairs(many)
    random = np.random.default_rng(7)
    whole, size = random.permutation(np.arange(-1080, 1030))[: 60 * many], 100 * many
    low, high = {'exp': (-1074, 9), 'expm1': (-1074, 9), 'tanh': (-1074, 6), 'sin': (-60, 16), 'cos': (-60, 16)}.get(
        name, (-1074, 1024)
    )
    parts = [binades(random, low, high, size)]
    if name in ('exp', 'expm1'):
        seams = [*(whole + 0.5) * math.log(2), *(np.arange(-3, 3) + 0.5) * math.log(2), -745.14, -708.4, 709.785, 37.4]
        ranges = [(-745.2, 709.8), (-1.2, 1.2), (0.34, 0.4), (-40.1, 40.0)]
    elif name == 'tanh':
        seams = [0.625, -0.625, 20.0, 19.06, *(np.arange(60) + 0.5) * math.log(2) / 2]
        ranges = [(-20.5, 20.5), (-1, 1), (0.62, 0.66)]
    elif name in ('sin', 'cos'):
        odd = [*range(1, 50), *random.integers(1, int(FAR / math.pi * 4) - 1, size)]
        seams, ranges = np.array(odd) * (math.pi / 4), [(-FAR, FAR), (-1, 1), (-20, 20)]
    else:
        seams = [*np.ldexp(0.5**0.5, whole[abs(whole) < 1020]), 0.5**0.5, 2**0.5, 1.0, 2.0**-1022]
        ranges = [(0.5, 2.0), (0.69, 0.72), (1.38, 1.43)]
        parts = [abs(parts[0]), 1 + binades(random, -52, -1, size)]
    if name == 'log1p':
        seams, ranges = [*seams, *np.array(seams) - 1], [(0.4, 0.43), (-0.3, -0.28), (-0.99, 1.5)]
        parts += [-abs(binades(random, -1074, 0, size)), binades(random, -30, 0, size)]
    parts += [neighbours(seams), *(random.uniform(low, high, size) for low, high in ranges)]
    result = np.concatenate(parts)
    return [result[result > -1] if name == 'log1p' else result]


# The truth.

OVERFLOW = mpf(2) ** 1024
TRUTH: dict[str, Callable[..., Any]] = {
    **{name: getattr(mpmath, name) for name in ('exp', 'expm1', 'log', 'log1p', 'log10', 'tanh', 'sin', 'cos')},
    'log2': lambda a: mpmath.log(a, 2),
    'pow': lambda a, b: a**b,
}


def ulps(name: str, operands: tuple[float, ...], y: float) -> float:
    """Return how far a result is from the truth, in units of the truth's last place."""
    with mpmath.workprec(140):
        truth = max(min(TRUTH[name](*map(mpf, operands)), OVERFLOW), -OVERFLOW)
        y = max(min(mpf(y), OVERFLOW), -OVERFLOW)
        _, exponent = mpmath.frexp(truth)
        return float(abs(y - truth) / mpf(2) ** max(exponent - 53, -1074))


def worst(name: str, run: Callable[..., Any], operands: list[Any]) -> tuple[float, tuple[float, ...]]:
    """Return the largest error, and where it is."""
    sets = zip(*(a.tolist() for a in operands))
    return max((ulps(name, given, y), given) for given, y in zip(sets, run(name, 4, *operands).tolist()))


def same(a: float, b: float) -> bool:
    """Tell whether two numbers are one, nan and the sign of 0 included."""
    return (a != a and b != b) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))


# What must hold.


@pytest.mark.parametrize('name', every(2, ULPS))
def test_a_formula_has_its_digits(name: str, compiled: Compiled) -> None:
    error, where = worst(name, compiled, numbers(name, share(2)))
    assert error <= ULPS[name], f'{name}{where!r} is {error:.3f} ulps off'


@pytest.mark.slow
@pytest.mark.parametrize('name', ULPS)
def test_a_formula_has_its_digits_at_many_numbers(name: str, compiled: Compiled) -> None:
    error, where = worst(name, compiled, numbers(name, 100))
    assert error <= ULPS[name], f'{name}{where!r} is {error:.3f} ulps off'


@pytest.mark.slow
def test_the_least_processor_of_its_kind_is_enough() -> None:
    generic = Compiled(list(ULPS), (4,), generic=True)
    for name in ULPS:
        error, where = worst(name, generic, numbers(name, 1))
        assert error <= ULPS[name], f'{name}{where!r} is {error:.3f} ulps off'


@pytest.mark.parametrize('name', ULPS)
def test_a_number_has_the_same_bits_alone_and_among_others(name: str, compiled: Compiled) -> None:
    operands = [np.concatenate([a, EDGES]) for a in numbers(name, 10)]
    order = np.random.default_rng(1).permutation(len(operands[0]))
    alone, *others = (compiled(name, lanes, *(a[order] for a in operands)) for lanes in LANES)
    for among in others:
        assert np.array_equal(alone, among, equal_nan=True)
        assert np.array_equal(np.signbit(alone)[alone == 0], np.signbit(among)[among == 0])


@for_each('lanes', LANES)
@for_each('name', NAMES)
def test_edges_are_those_of_ieee_arithmetic(name: str, lanes: int, compiled: Compiled) -> None:
    kernel = {'abs': abs, 'pow': algebras.power}.get(name) or algebras.kernel(name)
    cases = [(a, b) for a in EDGES for b in EDGES] if len(operations[name].parameters) == 2 else [(a,) for a in EDGES]
    for operands, y in zip(cases, compiled(name, lanes, *zip(*cases)).tolist()):
        wanted = kernel(*operands)
        near = wanted != 0 and math.isfinite(wanted) and abs(y - wanted) <= 2 * math.ulp(wanted)
        assert near or same(y, wanted), f'{name}{operands} = {y}, wanted {wanted}'


@for_each('payload', [0x7FF8000000000001, 0x7FF80000FFFFFFFF, -1])
@for_each('name', ULPS)
def test_any_nan_stays_one(name: str, payload: int, compiled: Compiled) -> None:
    assert math.isnan(compiled(name, 1, np.array([payload], np.int64).view(float))[0])


@pytest.mark.parametrize('name', ['sin', 'cos'])
def test_far_numbers_are_the_c_librarys_wherever_they_stand(name: str, compiled: Compiled) -> None:
    for place in range(8):
        a = np.linspace(0.1, 0.8, 8)
        a[place] = 1e6 + place
        y = compiled(name, 8, a)
        assert y[place] == getattr(math, name)(a[place])
        assert np.array_equal(np.delete(y, place), np.delete(compiled(name, 1, a), place))


# The oracle notices, and the constants are what they are said to be.


#: A formula, a number of its, and by how much of its last digit that is wrong.
WRONG = [
    ('exp', 'EXPONENTIAL', 0, 8), ('expm1', 'EXPONENTIAL', 1, 64), ('tanh', 'EXPONENTIAL', 1, 1024),
    ('tanh', 'LAMBERT_ABOVE', 0, 64), ('log', 'LOGARITHM', 0, 16), ('log1p', 'LOGARITHM', 2, 256),
    ('log1p', 'HALF_INVERSE', 0, 2**51), ('log2', 'LOG2_E', 1, 2**32), ('log10', 'LOG10_2', 1, 2**44),
    ('exp', 'LN2', 1, 2**38), ('log', 'LN2', 1, 2**44), ('sin', 'SINE', 0, 8), ('cos', 'COSINE', 0, 32),
    ('sin', 'HALF_PI', 2, 2**24), ('pow', 'ARTANH', 0, 2**12), ('pow', 'ARTANH', 1, 2**16),
    ('pow', 'TWO_THIRDS', 1, 2**20),
]  # fmt: skip


@pytest.mark.parametrize(
    ('name', 'constants', 'place', 'steps'),
    every(3, WRONG),
)
def test_a_wrong_low_bit_is_noticed(
    name: str, constants: str, place: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers_of = list(getattr(libm, constants))
    numbers_of[place] += steps * math.ulp(numbers_of[place])
    monkeypatch.setattr(libm, constants, tuple(numbers_of))
    if name in ('log2', 'log10'):
        formula = {'log2': (libm.LOG2_E, (1.0, 0.0)), 'log10': (libm.LOG10_E, libm.LOG10_2)}[name]
        monkeypatch.setitem(FORMULAS, name, lambda a: libm._log_of_base(*formula, a))
    assert worst(name, Compiled([name], (4,)), numbers(name, 2))[0] > ULPS[name]


def root(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda z: function(mpmath.sqrt(z))


def artanh(s: Any) -> Any:
    return (3 * mpmath.atanh(s) / s - 3 - s**2) / s**4 if s > 1e-8 else mpf(3) / 5 + mpf(3) / 7 * s**2


def fits() -> Iterator[tuple[str, Callable[[Any], Any], Any, Any]]:
    """Yield each polynomial's function and interval, as the docstring of ``polynomials`` says."""
    third, quarter, low = mpmath.log(2) / 2, (mpmath.pi / 4) ** 2, mpmath.sqrt(mpf(1) / 2) - 1
    high = mpmath.sqrt(2) - 1
    yield 'EXPONENTIAL', lambda r: (mpmath.expm1(r) - r) / r**2 if abs(r) > 1e-20 else mpf(1) / 2, -third, third
    yield 'LOGARITHM', lambda f: (mpmath.log1p(f) - f + f**2 / 2) / f**3, low, high
    yield 'HALF_INVERSE', lambda f: 1 / (2 * (1 + f)), low, high
    yield 'SINE', root(lambda r: (mpmath.sin(r) - r) / r**3), mpf(0), quarter
    yield 'ARTANH', root(artanh), mpf(0), (high / (2 + high)) ** 2
    yield 'COSINE', root(lambda r: (mpmath.cos(r) - 1 + r**2 / 2) / r**4), mpf(0), quarter


def interpolate(function: Callable[[Any], Any], low: Any, high: Any, count: int) -> list[float]:
    """Return the coefficients of the polynomial that meets a function at Chebyshev's nodes, lowest first."""
    nodes = [(low + high + (high - low) * mpmath.cos(mpmath.pi * (k + mpf(1) / 2) / count)) / 2 for k in range(count)]
    powers = mpmath.matrix([[node**i for i in range(count)] for node in nodes])
    return list(map(float, mpmath.lu_solve(powers, mpmath.matrix(list(map(function, nodes))))))


def test_polynomials_are_what_they_are_said_to_be() -> None:
    with mpmath.workdps(60):
        for name, function, low, high in fits():
            coefficients = getattr(libm, name)
            assert interpolate(function, low, high, len(coefficients)) == list(coefficients), name


def test_splits_are_exact_as_far_as_they_go() -> None:
    with mpmath.workdps(60):
        ln2, log10_2, half_pi = mpmath.log(2), mpmath.log(2, 10), mpmath.pi / 2
        wholes = {'LN2': (ln2, 42), 'LOG10_2': (log10_2, 42), 'HALF_PI': (half_pi, 36)}
        wholes |= {'TWO_THIRDS': (2 / (3 * ln2), 26), 'LOG2_E': (1 / ln2, 32), 'LOG10_E': (1 / mpmath.log(10), 32)}
        for name, (whole, bits) in wholes.items():
            *firsts, last = getattr(libm, name)
            assert all(math.frexp(first)[0] * 2**bits % 1 == 0 for first in firsts), name
            assert float(whole - sum(map(mpf, firsts))) == last, name


def test_lamberts_fraction_is_lamberts() -> None:
    for z in map(Fraction, (1, 2, Fraction(1, 3), 7, -1, 5)):
        g = Fraction(15)
        for odd in (13, 11, 9, 7, 5, 3):
            g = odd + z / g
        above, below = (
            sum(Fraction(c) * z**i for i, c in enumerate(coefficients))
            for coefficients in (libm.LAMBERT_ABOVE, libm.LAMBERT_BELOW)
        )
        assert above / below == 1 / (g + z)  # x / (1 + z / g) = x - x z / (g + z)


def test_only_the_c_librarys_functions_are_declared() -> None:
    assert set(NAMES) - set(symbols(NAMES)) == set(FORMULAS) - {'sin', 'cos'}
    assert declarations(NAMES).count('declare') == len(symbols(NAMES))
    assert symbols(['exp', 'log', 'tanh', 'sqrt', 'abs']) == []
