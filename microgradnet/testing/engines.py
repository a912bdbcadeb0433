"""Engines to be checked: how each is asked for a value and its gradient, as the text of a program.

``jax``, ``autograd``, ``torch``, ``casadi``   engines of ``grad(f)``, imported when they are checked
``Functions``  one's own engine of ``grad(f)``: four pieces of text
``Nodes``      an engine of nodes, as micrograd's: its class
``Engine``     what both are, and what any other adapter has to be

An adapter imports nothing and computes nothing: it writes programs, which ``check_engine`` runs and shows.

>>> print(autograd.program({'x': 2.0}, ['y = np.tanh(x)']))
<BLANKLINE>
def f(x):
    y = np.tanh(x)
    return y
<BLANKLINE>
point = (2.0,)
y, gradients = autograd.value_and_grad(f, [*range(len(point))])(*np.array(point))
print(*map(float, [y, *gradients]))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = ['Engine', 'Functions', 'Nodes', 'adapted', 'autograd', 'by_method', 'casadi', 'defined', 'jax', 'torch']

#: How an operation is written, with braces for its operands; None if an engine has it not.
Spelling: TypeAlias = Callable[[str], str | None]

#: The operations that Python has signs for.
OPERATORS = {
    'add': '{} + {}', 'mul': '{} * {}', 'neg': '-{}', 'sub': '{} - {}', 'div': '{} / {}', 'pow': '{} ** {}',
    'abs': 'abs({})',
}  # fmt: skip


def by_method(operation: str) -> str:
    """Write an operation as Python's operator, or as a method.

    >>> by_method('mul'), by_method('tanh')
    ('{} * {}', '{}.tanh()')
    """
    return OPERATORS.get(operation, f'{{}}.{operation}()')


@runtime_checkable
class Engine(Protocol):
    """What ``check_engine`` asks of an adapter.

    ``name`` is what the report calls the engine, ``opening`` the first lines of a program that
    somebody pastes. ``namespace()`` returns what programs without these lines are run in.
    ``spelled(operation)`` says how an operation is written ('np.tanh({})'), None if it is not there.
    ``program(leaves, steps)`` returns the source that prints y and its derivative by each of the leaves,
    or only one of both: ``leaves`` are numbers by their names, ``steps`` lines that compute y from them.
    """

    @property
    def name(self) -> str: ...

    @property
    def opening(self) -> str: ...

    def namespace(self) -> dict[str, Any]: ...

    def spelled(self, operation: str, /) -> str | None: ...

    def program(
        self, leaves: Mapping[str, float], steps: Sequence[str], value: bool = True, gradients: bool = True
    ) -> str: ...


@dataclass(frozen=True)
class Nodes:
    """An engine whose nodes hold a number: made from one, with ``data``, ``grad``, ``backward()`` and operators.

    Of the functions, those are there that it has as methods.

    >>> from microgradnet import Value
    >>> print(Nodes(Value).program({'x': 2.0}, ['y = x * x']))
    x = Value(2.0)
    y = x * x
    y.backward()
    print(y.data, x.grad)
    """

    value: type[Any]

    @property
    def name(self) -> str:
        return f'{self.value.__module__}.{self.value.__qualname__}'

    @property
    def opening(self) -> str:
        if '<locals>' in self.value.__qualname__:
            return ''
        name, _, inner = self.value.__qualname__.partition('.')
        renamed = f'\nValue = {self.value.__qualname__}' if inner or name != 'Value' else ''
        return f'from {self.value.__module__} import {name}{renamed}\n'

    def namespace(self) -> dict[str, Any]:
        return {'Value': self.value}

    def spelled(self, operation: str, /) -> str | None:
        text = by_method(operation)
        method = '__abs__' if operation == 'abs' else operation if '.' in text else '__init__'
        return text if callable(getattr(self.value, method, None)) else None

    def program(
        self, leaves: Mapping[str, float], steps: Sequence[str], value: bool = True, gradients: bool = True,
        ending: Sequence[str] = ('y.backward()',),
    ) -> str:
        """Write a program; ``ending`` are the lines between the steps and the gradients."""
        made = [f'{name} = Value({_literal(number)})' for name, number in leaves.items()]
        shown = ['y.data'] * value + [f'{name}.grad' for name in leaves] * gradients
        return '\n'.join([*made, *steps, *(ending if gradients else ()), f'print({", ".join(shown)})'])


@dataclass(frozen=True)
class Functions:
    """An engine that differentiates functions, as text.

    ``opening`` are the imports of a program. ``ask`` are lines that find ``f``, a function of numbers,
    and ``point``, a tuple of as many floats, and leave its value in ``y`` and its derivatives in
    ``gradients``, all such that ``float`` takes them. ``operations`` says how those are written that
    are no operators of Python; the others are not tried. What cannot be imported, because it was
    written in a notebook, is handed over by its name in ``given``.

    >>> def gradient(f, point):  # a step along the imaginary axis: no difference, so no digits lost
    ...     steps = [[x + 1e-30j * (i == k) for i, x in enumerate(point)] for k in range(len(point))]
    ...     return [complex(f(*step)).imag / 1e-30 for step in steps]
    >>> mine = Functions('a complex step', 'import cmath', 'y, gradients = f(*point), gradient(f, point)',
    ...                  {'exp': 'cmath.exp({}).real'}, given={'gradient': gradient})
    >>> from microgradnet.testing import check_engine
    >>> for finding in check_engine(mine).of('wrong'):
    ...     print(f'{finding.title}: wanted {finding.wanted}, came {finding.came}')
    abs(x): wanted 1.0, came 0.0
    x.exp(): wanted 2.718281828459045, came 0.0
    """

    name: str
    opening: str
    ask: str
    operations: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def namespace(self) -> dict[str, Any]:
        """Run the opening; a package that is not there is an error that says so."""
        names: dict[str, Any] = {}
        try:
            exec(self.opening, names)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f'to check {self.name}, install {error.name}', name=error.name) from None
        return {**names, **self.given}

    def spelled(self, operation: str, /) -> str | None:
        return self.operations.get(operation, OPERATORS.get(operation))

    def program(
        self, leaves: Mapping[str, float], steps: Sequence[str], value: bool = True, gradients: bool = True
    ) -> str:
        shown = ', '.join(['y'] * value + ['*gradients'] * gradients)
        return f'{defined(leaves, steps)}\n{self.ask}\nprint(*map(float, [{shown}]))'


def defined(leaves: Mapping[str, float], steps: Sequence[str]) -> str:
    """Write a function f, and the point at which it is asked.

    >>> print(defined({'x': 2.0}, ['y = x * x']))
    <BLANKLINE>
    def f(x):
        y = x * x
        return y
    <BLANKLINE>
    point = (2.0,)
    """
    body = indent('\n'.join([*steps, 'return y']), '    ')
    point = ', '.join(_literal(float(number)) for number in leaves.values())
    return f'\ndef f({", ".join(leaves)}):\n{body}\n\npoint = ({point}{"," * (len(leaves) == 1)})'


def adapted(engine: Engine | type[Any]) -> Engine:
    """Return the adapter of an engine: what is given, or that of a class of nodes."""
    if isinstance(engine, type):
        return Nodes(engine)
    if not isinstance(engine, Engine):
        raise TypeError(
            'an engine to be checked must be a class, the Value of an engine, or one of microgradnet.testing.engines, '
            f'not {engine!r} of type {type(engine).__name__}'
        )
    return engine


def _literal(number: float) -> str:
    return repr(number) if math.isfinite(number) else f"float('{number}')"


def _calls(module: str, *operations: str) -> dict[str, str]:
    return {operation: f'{module}.{operation}({{}})' for operation in operations}


_ELEMENTARY = 'tanh', 'exp', 'log', 'sqrt', 'sin', 'cos'

jax: Functions = Functions(
    'jax',
    'import jax\nfrom jax import numpy as np',
    'with jax.enable_x64(True):\n    y, gradients = jax.value_and_grad(f, [*range(len(point))])(*point)',
    _calls('np', *_ELEMENTARY) | _calls('jax.nn', 'sigmoid', 'relu'),
)
autograd: Functions = Functions(
    'autograd',
    'import autograd\nfrom autograd import numpy as np',
    'y, gradients = autograd.value_and_grad(f, [*range(len(point))])(*np.array(point))',
    _calls('np', *_ELEMENTARY) | {'relu': 'np.maximum({}, 0)'},
)
torch: Functions = Functions(
    'torch',
    'import torch',
    'point = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in point]\n'
    'y = f(*point)\n'
    'gradients = torch.autograd.grad(y, point)',
    _calls('torch', *_ELEMENTARY, 'sigmoid', 'relu'),
)
casadi: Functions = Functions(
    'casadi',
    'import casadi',
    "xs = casadi.SX.sym('x', len(point))\n"
    'y = f(*casadi.vertsplit(xs))\n'
    "y, gradients = casadi.Function('f', [xs], [y, casadi.gradient(y, xs)])(point)\n"
    'gradients = gradients.full().ravel()',
    _calls('casadi', *_ELEMENTARY) | {'relu': 'casadi.fmax({}, 0)'},
)
