"""Roots whose derivatives follow from the implicit function theorem: ``implicit``.

The root is found with numbers only. Its derivative is the theorem's, -F_p / F_x, and where that is asked for as a
graph, it is one of the root and the parameters: so its own derivative is right, too, and so on to any order.

A program cannot ask Python for them. While one is recorded no signal passes the search; Newton steps are recorded from
where it ended, which leave the number as it is: x - F(x, p) / F_x, with a slope that is held fast, has the theorem's
derivative. Another step, from what the first one gave, has the second and third derivatives as well: each doubles the
order that is exact, as Newton's method doubles digits. How many are asked for is known when a derivative is compiled.
Graphs of derivatives that are made meanwhile, by ``gradients``, have the theorem's, of any order.

>>> from microgradnet.engine.value import Value
>>> a = Value(2.0)
>>> root = implicit(lambda x, a: x * x - a, 1.0, a)
>>> root.backward()
>>> f'{root.data:.6f} {a.grad:.6f}'  # 1 / (2 sqrt(2))
'1.414214 0.353553'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite, nan
from typing import Any
from weakref import ref

from ..derivatives.builder import Builder
from ..derivatives.transforms import Recorded
from ..derivatives.trees import take_apart
from ..engine import context, functions
from ..engine.checks import function, whole
from ..engine.custom import custom
from ..engine.table import Operation, operations
from ..engine.value import Constant, Value, lift, record
from ..engine.while_loop import while_loop
from .segments import refuse_others

__all__ = ['implicit']

#: A Newton step that is so small a part of x leads to a root: the next would be its square.
SMALL = 1e-9
#: Where x gets no nearer even by so short a part of a step, it is at the rounding of the residual, or at no root: then
#: the step is longer, or, where all x are small, the square of the residual after the whole step so many times larger.
SHORTEST, ROUNDING, BEND = 2.0**-20, 1e-6, 2.0**20
#: The least float that has all its digits.
LEAST = 2.0**-1022
#: The derivatives that a program may be asked for afterwards, by ``hessian`` or ``hvp``, are two.
ORDER = 3


def implicit(residual: Callable[[Any, Any], Any], x0: Any, parameters: Any, *, limit: int = 100) -> Any:
    """Return the x near ``x0`` at which ``residual(x, parameters)`` is 0, as an operation of the parameters.

    residual: a function that returns as many numbers as x has. All Values that it depends on are in ``parameters``.
    x0: where to begin, by damped Newton steps: a number, or a list, tuple, dict or array of them. x has its structure.
    parameters: numbers and Values, one or in any structure. Without a Value among them x is plain numbers.
    limit: after so many steps RuntimeError is raised.

    The derivative, of any order, is that of the root, not of the way to it: nothing of the steps is kept or
    differentiated. Compiled, the way is one ``while_loop`` in the program. Raises ValueError where there is no root to
    be found; a compiled function goes on with nan. A program made of a graph asks Python for the root, and has a
    gradient; made of one that was recorded under ``recording()``, it has the way in it, and all derivatives.

    >>> from microgradnet import compile, functions as F, grad
    >>> def anomaly(mean, eccentricity):  # Kepler's equation
    ...     return implicit(lambda E, p: E - p[1] * F.sin(E) - p[0], mean, (mean, eccentricity))
    >>> f'{anomaly(1.0, 0.5):.6f} {grad(anomaly)(1.0, 0.5):.6f}'
    '1.498701 1.037362'
    >>> f'{compile(grad(anomaly), backend="python")(1.0, 0.5):.6f}'
    '1.037362'

    A system, and its solution's second derivative:

    >>> def corner(a):
    ...     x = implicit(lambda x, a: [x['u'] * x['v'] - a, x['u'] - x['v']], {'u': 1.0, 'v': 1.0}, a)
    ...     return x['u'] + x['v']
    >>> f'{grad(grad(corner))(4.0):.6f}'  # of 2 sqrt(a)
    '-0.062500'
    """
    function('residual', residual)
    whole('limit', limit)
    starts, build = take_apart(x0, 'x0')
    numbers, like = take_apart(parameters, 'parameters')
    if not starts:
        raise ValueError(f'x0 must have at least one number, and is {x0!r}')
    system = _System(residual, build([0.0] * len(starts)), like([0.0] * len(numbers)), limit)
    operands = [*starts, *numbers]
    if context.one_loop.get() is not None and not context.is_paused():
        return build(system.compiled(operands))
    if any(isinstance(operand, Value) for operand in operands):
        # A node that finds the root anew, so that a program that is made of this graph does so, too.
        return build(system.nodes(operands))
    return build(system.root(*map(float, operands)))


class _System:
    """A residual as a function of flat numbers, and Newton's method for it."""

    def __init__(self, residual: Callable[[Any, Any], Any], x: Any, parameters: Any, limit: int) -> None:
        self.residual, self.limit, self.templates = residual, limit, (x, parameters)
        (leaves, self.build), (_, self.like) = take_apart(x), take_apart(parameters)
        self.size = len(leaves)
        self.latest: tuple[tuple[float, ...], list[float]] | None = None
        self.known: tuple[Sequence[Any], list[ref[Value]]] = (), []

    def __reduce__(self) -> Any:
        return _System, (self.residual, *self.templates, self.limit)

    def __call__(self, xs: Sequence[Any], numbers: Sequence[Any]) -> list[Any]:
        returned = self.residual(self.build(xs), self.like(numbers))
        found, _ = take_apart(returned, 'what residual returns')
        if len(found) != self.size:
            raise ValueError(f'residual must return as many numbers as x0 has, {self.size}, not {len(found)}')
        return found

    def nodes(self, operands: Sequence[Any], is_stepped: bool = False) -> list[Any]:
        """Return the root as nodes of some operands: the same ones again, as long as there are any.

        is_stepped: the first operands are where it is, and not where to begin.
        """
        known, xs = self.known[0], [node() for node in self.known[1]]
        is_same = len(known) == len(operands) and all(a is b for a, b in zip(known, operands))
        if is_same and all(x is not None for x in xs):
            return xs
        found: list[Value]
        if is_stepped:
            found = [record(_Stepped(self, k), [*operands, operands[k]]) for k in range(self.size)]
        else:
            numbers = [custom(partial(self.value, k), partial(self.slopes, k), name='root') for k in range(self.size)]
            found = [number(operands) for number in numbers]
        self.known = operands, [ref(x) for x in found]
        return found

    def value(self, place: int, *operands: float) -> float:
        return self.root(*operands)[place]

    def slopes(self, place: int, *operands: Any, is_stepped: bool = False) -> list[Any]:
        """Return the derivatives of one number of the root by the parameters, as graphs of nodes: the theorem's.

        The search has none by where it began.
        """
        numbers = operands[self.size :]
        is_graph = any(isinstance(operand, Value) for operand in operands)
        xs = self.nodes(operands, is_stepped) if is_graph else self.root(*map(float, operands))
        with context.ieee_arithmetic():
            run = Recorded(self, (0, 1), ([*xs], [*numbers]), {})
            ys, _ = run.results()
            rows = [row[: self.size] for row in run.jacobian(ys, 'reverse')]
            unit = [lift(float(k == place)) for k in range(self.size)]
            weights = _solved([[lift(row[k]) for row in rows] for k in range(self.size)], unit)
            found = run.pull(ys, [-weight if is_graph else -weight._data for weight in weights])
        return [None] * self.size + found[self.size :]

    def compiled(self, operands: Sequence[Any]) -> list[Value]:
        """Record the search for a program, and as many Newton steps as there are derivatives to be."""
        xs = [functions.stop_gradient(lift(x)) for x in self.found(operands)]
        with context.ieee_arithmetic():
            for turn in range(max(context.asked.get(), ORDER).bit_length()):
                _, steps = self.step(xs, operands[self.size :], is_first=turn == 0)
                xs = [x - step for x, step in zip(xs, steps)]
        return self.nodes([*xs, *map(lift, operands[self.size :])], is_stepped=True)

    def step(
        self, xs: Sequence[Value], numbers: Sequence[Any], is_first: bool = False
    ) -> tuple[list[Value], list[Any]]:
        """Return the residual, and the step that Newton's method goes back; of the first no slope moves.

        What else would come of it is 0 at a root, but not near one at which a slope is 0.
        """
        at = [x._data for x in xs] if context.is_paused() else xs
        run = Recorded(lambda xs: self(xs, numbers), 0, ([*at],), {})
        ys, _ = run.results()
        slopes = run.jacobian(ys, 'reverse')
        ys = [lift(y) for y in run.bare(ys)]
        rows = [[lift(slope) for slope in row] for row in slopes]
        if is_first:
            rows = [[x if isinstance(x, Constant) else functions.stop_gradient(x) for x in row] for row in rows]
        return ys, _solved(rows, ys)

    def found(self, operands: Sequence[Any]) -> list[Any]:
        """Return the root, by damped Newton steps; nan where there is none to be found."""
        starts, numbers = operands[: self.size], operands[self.size :]

        def turn(xs: list[Any], *_: Any) -> tuple[Any, ...]:
            xs = [*map(lift, xs)]
            before, steps = self.step(xs, numbers)
            left = functions.max([abs(step) - SMALL * abs(x) for x, step in zip(xs, steps)])
            rough = functions.max([abs(step) - ROUNDING * (1 + abs(x)) for x, step in zip(xs, steps)])

            def gone(share: Any) -> list[Value]:
                return [x - share * step for x, step in zip(xs, steps)]

            def square(residual: Sequence[Any]) -> Any:
                parts = [lift(y) / most for y in residual]  # else small ones are 0, and large ones infinite
                return functions.dot(parts, parts)

            def is_too_far(share: Any, after: Any) -> bool:
                return not after < here and left > 0 and share > SHORTEST  # a nan is not nearer

            def halved(share: Any, _: Any) -> tuple[Any, Any]:
                return share / 2, square(self(gone(share / 2), numbers))

            most = functions.max([LEAST, *(abs(y) for y in before)])
            here, whole = square(before), square(self(gone(1.0), numbers))
            share, _ = while_loop(is_too_far, halved, 1.0, whole)
            return gone(share), share, left, functions.where(whole.greater(BEND * here), 1.0, rough)

        xs, _, left, rough = while_loop(
            lambda xs, share, left, rough: left > 0 and share > SHORTEST, turn, [*starts], 1.0, 1.0, 1.0,
            limit=self.limit,
        )  # fmt: skip
        lost = functions.min(lift(left), lift(rough)).greater(0.0)
        return [functions.where(lost, nan, lift(x)) for x in xs]

    def root(self, *operands: float) -> list[float]:
        """Return the root in numbers, which all nodes of it ask for; raise where there is none."""
        if self.latest is not None and self.latest[0] == operands:
            return self.latest[1]
        with context.no_grad(), context.ieee_arithmetic():
            with context.resumed():  # else a program would not read it again
                xs = [Value(x) for x in operands[: self.size]]
                refuse_others([*map(lift, self(xs, operands[self.size :]))], xs, 'residual', 'the parameters')
            found = [float(x._data) for x in self.found(operands)]
        if not all(map(isfinite, found)):
            x0, parameters = self.build(operands[: self.size]), self.like(operands[self.size :])
            raise ValueError(f'implicit found no root of residual from x0 {x0!r}, for parameters {parameters!r}')
        self.latest = operands, found
        return found


class _Stepped(Operation):
    """A number of a root that a program steps to, and for graphs what the theorem says of it.

    It is the last operand; before it are all numbers of the root, and the parameters. A program needs no system, and
    takes none along to where it is pickled.
    """

    def __init__(self, system: _System | None = None, place: int = 0) -> None:
        super().__init__(operations, 'root', 'b', [None, '1'], '{b}')
        self.vectors, self.scalars, self.system, self.place = 'a', 'b', system, place

    def partial_graph(self, parameter: str) -> Callable[..., Any]:
        in_programs = super().partial_graph(parameter)

        def build(g: Any, operands: Sequence[Any], number: Any, y: Any) -> Any:
            if not isinstance(g, Builder):
                return in_programs(g, operands, number, y)
            if y.op.system is None:
                raise TypeError('what was recorded of implicit and then pickled has no graphs of derivatives any more')
            return y.op.system.slopes(y.op.place, *operands, is_stepped=True) if parameter == 'a' else None

        return build

    def __eq__(self, other: object) -> bool:
        """Tell whether they are the same to a program, as those of two recordings are; a graph asks a node's own."""
        return isinstance(other, _Stepped)

    def __hash__(self) -> int:
        return hash(_Stepped)

    def __deepcopy__(self, memo: Any) -> _Stepped:
        return self

    def __reduce__(self) -> Any:
        return _Stepped, ()


def _solved(rows: list[list[Value]], right: list[Value]) -> list[Value]:
    """Solve linear equations by elimination; ``where`` chooses which row is the pivot, so that nothing branches."""
    rows, size = [[*row, end] for row, end in zip(rows, right)], len(rows)
    for k in range(size):
        for i in range(k + 1, size):
            if not _is_zero(rows[i][k]):
                swap = abs(rows[k][k]).less(abs(rows[i][k]))
                pairs = [(functions.where(swap, b, a), functions.where(swap, a, b)) for a, b in zip(rows[k], rows[i])]
                rows[k], rows[i] = ([*row] for row in zip(*pairs))
        for i in range(k + 1, size):
            if not _is_zero(rows[i][k]):
                share = rows[i][k] / rows[k][k]
                rows[i] = [b - share * a for a, b in zip(rows[k], rows[i])]
    xs: list[Value] = []
    for k in reversed(range(size)):
        known = zip(reversed(rows[k][k + 1 : size]), xs)
        xs.append((rows[k][size] - functions.sum([lift(0.0), *(a * x for a, x in known)])) / rows[k][k])
    return xs[::-1]


def _is_zero(node: Value) -> bool:
    return isinstance(node, Constant) and node._data == 0
