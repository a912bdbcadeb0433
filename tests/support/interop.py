"""A program for other frameworks: two numbers a row, three parameters, and a number and a list as its results."""

from __future__ import annotations

from typing import Any

from microgradnet import Value
from microgradnet import functions as F
from microgradnet.compiling import Program

__all__ = ['energy_program', 'swing']


def swing(x: Any, y: Any, a: Any, b: Any, c: Any) -> tuple[Any, list[Any]]:
    return F.sin(a * x) * b + y * y * c, [F.exp(c * x) - y, a * b * x]


def energy_program(**options: Any) -> Program:
    row, parameters = [Value(0.1), Value(0.2)], [Value(0.5), Value(1.5), Value(-0.3)]
    return Program(swing(*row, *parameters), rows=row, parameters=parameters, **options)
