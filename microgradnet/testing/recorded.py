"""The true derivatives of what is not in the table: any function of numbers, given as Python code.

A function that runs on Values is recorded, and its graph evaluated in 900 digits on
either side of the point. One that does not, because it calls ``math``, is differenced
in floats. Where it may have a kink, nothing is said.

>>> from microgradnet.engine.custom import custom
>>> square = custom(lambda t: t * t, lambda t: 2 * t, name='square')
>>> custom_partials(square, (3.0,))[0].near
6.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..engine.custom import Custom
from ..engine.value import Value
from ..engine.walks import topological_order
from .differences import Estimate, along, derivative
from .kinks import Recording
from .places import Operands, flat
from .truth import NUMERIC, Truth, evaluate, mp

__all__ = ['custom_partials', 'true_slopes']

#: So far, in parts of an operand, is the next place at which a derivative is compared.
NEAR = 2.0**-26


def custom_partials(op: Custom, operands: Operands, strict: bool = True) -> list[Truth | None] | None:
    """Return the derivatives of an operation's value; None outside its domain, and at or next to a kink.

    What the operand's own rounding does to them is allowed: half an ulp of it, or, if
    not ``strict``, a part in 2^30.
    """

    def value(*numbers: float) -> float:
        return float(op.value('python')(*op.split(numbers)))

    return true_slopes(op.function, value, flat(operands), 2.0**-53 if strict else 2.0**-30)


def true_slopes(
    f: Callable[..., Any], value: Callable[..., float], numbers: list[float], slack: float, differences: bool = True
) -> list[Truth | None] | None:
    """Return the derivatives of a function; None outside its domain, and at or next to a kink.

    ``f`` is asked with Values, ``value`` with floats; ``slack`` is what part of an operand its rounding may be.
    Without ``differences`` nothing is said of what does not run on Values.
    """
    try:
        if not math.isfinite(value(*numbers)):
            return None
        return _by_graph(f, numbers, slack)
    except (ArithmeticError, ValueError):
        return None
    except (TypeError, AttributeError, NotImplementedError):
        return _by_differences(value, numbers, slack) if differences else None


def _by_graph(f: Callable[..., Any], numbers: list[float], slack: float) -> list[Truth | None] | None:
    def recording(places: list[float]) -> Recording:
        return Recording(lambda xs: f(*xs), places, lambda xs: xs)

    here = recording(numbers)
    for factor in (1 + NEAR, 1 - NEAR):
        for by in (2.0**-40, -(2.0**-40)):
            # Each number goes another way, lest two that are equal stay so.
            moved = [x * (1 + (factor - 1) * k) + by * k for k, x in enumerate(numbers, 1)]
            if not here.on_same_piece(recording(moved)):
                return None
    exact = _differenced(here, numbers)
    beside = _differenced(here, [x * (1 - slack) for x in numbers])
    return [Truth.of(number, abs(number - other)) for number, other in zip(exact, beside, strict=True)]


def _differenced(here: Recording, numbers: Sequence[float]) -> list[Any]:
    """Difference a recorded graph in many digits."""
    result = []
    with mp.workprec(NUMERIC):
        for place, x in enumerate(numbers):
            step = mp.mpf(2) ** -400 * (min(abs(x), 1) or mp.mpf(2) ** -1100)
            up, down = (
                _run(here, [x + by if i == place else mp.mpf(x) for i, x in enumerate(numbers)]) for by in (step, -step)
            )
            result.append((up - down) / (2 * step))
    return result


def _run(here: Recording, numbers: Sequence[Any]) -> Any:
    data: dict[Value, Any] = dict(zip(here.xs, numbers, strict=True))
    for node in topological_order(here.value):
        if node.op is not None:
            if isinstance(node.op, Custom):
                raise NotImplementedError("an operation of one's own inside another")
            data[node] = evaluate(node.op, *node.op.split([data[source] for source in node.inputs]))
        elif node not in data:
            data[node] = mp.mpf(node.data)
    return data[here.value]


def _by_differences(f: Callable[..., float], numbers: list[float], slack: float) -> list[Truth | None] | None:
    result: list[Truth | None] = []
    for place, x in enumerate(numbers):
        one = along(f, numbers, place)
        noise = 4 * math.ulp(1.0) * abs(one(x))
        slope, beside = derivative(one, x, noise), derivative(one, x * (1 + NEAR), noise)
        if slope is None or beside is None or not _is_smooth(one, x, slope, noise):
            return None
        moved = abs(slope.value - beside.value) * slack / NEAR
        result.append(Truth.of(slope.value, moved + 16 * slope.error + 1e-9 * abs(slope.value)))
    return result


def _is_smooth(f: Callable[[float], float], x: float, slope: Estimate, noise: float) -> bool:
    """Tell whether the slopes on both sides come together as the steps become small."""
    noise += 4 * math.ulp(1.0) * abs(slope.value * x)
    steps = (slope.step, slope.step / 64, (abs(x) or 1.0) * 2.0**-30)
    try:
        large, *small = (abs((f(x + by) - f(x)) / by - (f(x) - f(x - by)) / by) for by in steps)
    except (ArithmeticError, ValueError):
        return False
    return all(gap <= max(large / 10, 8 * noise / by, 1e-9) for gap, by in zip(small, steps[1:], strict=True))
