"""microgradnet: programs and compiled functions, called with arrays, with lists, and with rows that are bound."""

from __future__ import annotations

from collections.abc import Iterator

from microgradnet import Value, compile
from microgradnet import functions as F

from ..ours import program_of
from ..tasks import Array, Entry, Net, repeat
from .tasks import CALLS, HUNDRED

__all__ = ['net', 'scalar', 'squares']


def net(of: Net) -> Iterator[Entry]:
    _, program = program_of(of)
    bound = program.bind(of.rows)
    theta, rows = of.theta.tolist(), of.rows.tolist()
    yield Entry('microgradnet', repeat(lambda: program.value_and_gradient(of.theta, of.rows)[1]), CALLS)
    yield Entry('microgradnet, lists', repeat(lambda: program.value_and_gradient(theta, rows)[1]), CALLS)
    yield Entry('microgradnet, rows bound', repeat(lambda: bound.value_and_gradient(of.theta)[1]), CALLS)


def squares(theta: Array) -> Iterator[Entry]:
    ws = [Value(float(w)) for w in theta]
    program = compile(sum((w * w for w in ws), Value(0.0)), parameters=ws, backend='native')
    numbers = HUNDRED.tolist()
    yield Entry('microgradnet', repeat(lambda: program.value_and_gradient(theta)[1]), CALLS)
    yield Entry('microgradnet, lists', repeat(lambda: program.value_and_gradient(numbers)[1]), CALLS)


def scalar(of: tuple[float, float]) -> Iterator[Entry]:
    f = compile(lambda x, y: x * y + F.sin(x), backend='native')
    x, y = of
    yield Entry('microgradnet', repeat(lambda: f(x, y)), CALLS)
