"""Parts of a graph that are not kept: ``checkpoint``.

>>> from microgradnet import Value
>>> @checkpoint
... def long_way(x):
...     for _ in range(1000):
...         x = x - 0.001 * x * x
...     return x
>>> x = Value(1.0)
>>> y = long_way(x)
>>> y.inputs == (x,)  # and not 4,000 nodes
True
>>> y.backward()
>>> f'{y.data:.4f} {x.grad:.4f}'
'0.4998 0.2497'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from ..derivatives.transforms import Recorded
from ..derivatives.trees import Build, take_apart
from ..engine import context
from ..engine.checks import function, said
from ..engine.custom import custom
from ..engine.table import operations
from ..engine.value import Constant, Value
from ..engine.walks import topological_order

__all__ = ['checkpoint', 'refuse_others']


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f as one step: of what it records only its Jacobian is kept, and done again where more is asked.

    A call records one node for each number of the result, whose inputs are the Values of the arguments. The graph in
    between is gone at once, so that a way of n parts takes the memory of one part and n Jacobians. Where a derivative
    is to be a graph (``gradients``, ``hessian``), f is done again. It pays where f does much with few numbers. f
    takes structures and returns one; all Values that it depends on are among its arguments by position, others are
    refused with ValueError.

    A compiled function records f as it is. Of recorded values ``compile(..., memory=)`` bounds what is kept, by the
    same idea.

    >>> from microgradnet import grad
    >>> cube = checkpoint(lambda x: x * x * x)
    >>> grad(cube)(2.0), grad(grad(grad(cube)))(2.0)
    (12.0, 6.0)
    """
    function('f', f)
    name = getattr(f, '__name__', '')
    name = name if name.isidentifier() and name not in operations else 'checkpoint'

    @wraps(f)
    def step(*arguments: Any, **options: Any) -> Any:
        run = partial(f, **options) if options else f
        leaves, build = take_apart(arguments, 'the arguments')
        is_recording = context.one_loop.get() is not None
        if is_recording or context.is_paused() or not any(isinstance(leaf, Value) for leaf in leaves):
            return run(*arguments)
        segment = _Segment(run, build([0.0] * len(leaves)))
        numbers, _ = segment.at(*[float(leaf._data if isinstance(leaf, Value) else leaf) for leaf in leaves])
        nodes = [
            custom(partial(segment.value, place), partial(segment.slopes, place), name=name)(*leaves)
            for place in range(len(numbers))
        ]
        segment.latest = None
        return segment.form(nodes)

    return step


class _Segment:
    """A function of a structure as one of flat numbers, with its Jacobian; what was asked last is known."""

    form: Build

    def __init__(self, f: Callable[..., Any], arguments: Any) -> None:
        self.f, self.arguments = f, arguments
        self.build = take_apart(arguments)[1]
        self.latest: tuple[Sequence[float], tuple[list[float], list[list[Any]]]] | None = None

    def __reduce__(self) -> Any:
        return _Segment, (self.f, self.arguments)

    def __call__(self, numbers: Sequence[Any]) -> Any:
        return self.f(*self.build(numbers))

    def at(self, *operands: float) -> tuple[list[float], list[list[Any]]]:
        """Return the numbers of the result, and the Jacobian; nothing of the graph is kept."""
        if self.latest is None or self.latest[0] != operands:
            run = Recorded(self, 0, ([*operands],), {})
            ys, self.form = run.results()
            refuse_others(ys, run.xs, 'what is checkpointed', 'its arguments')
            self.latest = operands, ([float(y._data) for y in ys], run.jacobian(ys, None))
        return self.latest[1]

    def value(self, place: int, *operands: float) -> float:
        return self.at(*operands)[0][place]

    def slopes(self, place: int, *operands: Any) -> list[Any]:
        """Return the partials of one number of the result: as graphs, for the derivatives of derivatives."""
        if not any(isinstance(operand, Value) for operand in operands):
            return self.at(*operands)[1][place]
        run = Recorded(self, 0, ([*operands],), {})
        ys, _ = run.results()
        return run.pull(ys, [float(k == place) for k in range(len(ys))])


def refuse_others(ys: Sequence[Value], xs: Sequence[Value], what: str, among: str) -> None:
    """Raise ValueError where something depends on Values that were not handed over: nobody would read them again."""
    known = {*xs}
    for node in topological_order(*ys):
        if not node.inputs and node not in known and not isinstance(node, Constant):
            raise ValueError(f'{what} depends on a Value that is not among {among}: {said(node)}')
