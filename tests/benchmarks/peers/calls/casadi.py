"""CasADi: an SX function, called with arrays, or with floats; and with buffers that were set before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import casadi as ca
import numpy as np

from ..casadi import bind, filling, sample
from ..tasks import Array, Entry, Net, repeat
from .tasks import CALLS

__all__ = ['net', 'scalar', 'squares']


def net(of: Net) -> Iterator[Entry]:
    theta, row, error = sample(of)
    rows = ca.SX.sym('rows', *of.rows.shape)
    one = ca.Function('one', [theta, row], [error])
    total = sum(one(theta, rows[k, :].T) for k in range(len(of.rows)))
    f = ca.Function('f', [theta, rows], [total, ca.gradient(total, theta)])
    yield Entry('CasADi', repeat(lambda: np.asarray(f(of.theta, of.rows)[1])[:, 0]), CALLS)
    yield buffered(ca.Function('g', [theta, rows], f(theta, rows)[::-1]), [of.theta, of.rows.T.copy()])


def squares(theta: Array) -> Iterator[Entry]:
    w = ca.SX.sym('w', len(theta))
    total = ca.sumsqr(w)
    f = ca.Function('f', [w], [total, ca.gradient(total, w)])
    yield Entry('CasADi', repeat(lambda: np.asarray(f(theta)[1])[:, 0]), CALLS)
    yield buffered(ca.Function('g', [w], f(w)[::-1]), [theta])


def scalar(of: tuple[float, float]) -> Iterator[Entry]:
    x, y = ca.SX.sym('x'), ca.SX.sym('y')
    f = ca.Function('f', [x, y], [x * y + ca.sin(x)])
    yield Entry('CasADi', repeat(lambda: float(f(*of))), CALLS)


def buffered(function: Any, inputs: list[Array]) -> Entry:
    """Make the entry of a function whose first result, the gradient, goes to the same memory each time."""
    gradient = np.zeros(len(inputs[0]))
    return Entry('CasADi, buffers set before', filling(bind(function, inputs, gradient, False), gradient), CALLS)
