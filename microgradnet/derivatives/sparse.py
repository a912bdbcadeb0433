"""Jacobians and Hessians of which most is 0: found in a few walks, returned as SciPy sparse arrays.

The pattern is read off the graph. Then columns that no row has both of are found
together, in one forward walk: Curtis, Powell and Reid's compression (1974), the groups
by NetworkX's colouring. A few rows that are much fuller than the rest get a reverse walk
each, so that an arrow, too, needs only a few; and where it takes fewer, rows and columns
change places.

>>> def rosenbrock(x):
...     return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))
>>> h = sparse_hessian(rosenbrock)([1.0] * 100)
>>> h.shape, h.nnz, float(h[1, 2])
((100, 100), 298, -400.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

from .._extras import needed
from ..engine.value import Value
from ..engine.walks import depends_on, topological_order
from .builder import Builder, is_number
from .graphs import gradients, partials_of
from .transforms import Argument, Recorded, derivative

__all__ = ['Plan', 'entries', 'pattern', 'plan', 'sparse_hessian', 'sparse_jacobian']

Function = Callable[..., Any]
T = TypeVar('T')


class Plan(NamedTuple):
    """Which rows of a matrix to find one by one, and which groups of columns together for the rest."""

    rows: list[int]
    groups: list[list[int]]

    @property
    def walks(self) -> int:
        """Count the walks it takes."""
        return len(self.rows) + len(self.groups)


def sparse_jacobian(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes every derivative of f's result by its argument, sparse.

    Like ``jacobian``, but a ``scipy.sparse.csr_array`` with a row for each number in the
    result and a column for each in the argument, in the order in which their structures
    have them. An entry that the graph of this very call allows for is stored also where
    it happens to be 0.

    Needs the extra ``sparse``: ModuleNotFoundError without. The entries are floats:
    TypeError where a derivative around this one, or a ``Value`` in the argument, asks for
    nodes; use ``jacobian`` there.

    >>> sparse_jacobian(lambda x: [x[0] * x[1], 3 * x[1], x[2].exp()])([2.0, 5.0, 0.0]).toarray()
    array([[5., 2., 0.],
           [0., 3., 0.],
           [0., 0., 1.]])
    """
    return derivative('sparse_jacobian', f, argument, argnums, lambda run: _matrix(run, run.results()[0]))


def sparse_hessian(f: Function, argument: Argument = 0, *, argnums: Argument | None = None) -> Function:
    """Return the function that computes every second derivative of f by its argument, sparse.

    Like ``hessian``, but a ``scipy.sparse.csr_array`` of n by n for an argument of n
    numbers; otherwise as ``sparse_jacobian``, of the gradient.

    >>> print(sparse_hessian(lambda x: x[0] ** 2 * x[1] + x[2])([3.0, 5.0, 7.0]).toarray())
    [[10.  6.  0.]
     [ 6.  0.  0.]
     [ 0.  0.  0.]]
    """
    return derivative(
        'sparse_hessian', f, argument, argnums, lambda run: _matrix(run, gradients(run.number(), run.xs))
    )


def plan(pattern: Sequence[int]) -> Plan:
    """Plan few walks that find a matrix, each row of its pattern as bits: bit j for column j.

    As many of the fullest rows are taken alone as makes their number, and the length of
    the longest row that is left, the least together: fewer groups there cannot be.

    >>> plan([0b0011, 0b0010, 0b1100])
    Plan(rows=[], groups=[[0, 2], [1, 3]])
    >>> plan([0b1111, 0b0011, 0b0101, 0b1001])  # an arrow
    Plan(rows=[0], groups=[[0], [1, 2, 3]])
    """
    lengths = [row.bit_count() for row in pattern]
    fullest = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    left = [*(lengths[i] for i in fullest), 0]
    alone = min(range(len(left)), key=lambda count: (count + left[count], -count))
    groups = _groups([pattern[i] for i in fullest[alone:]])
    return Plan(sorted(fullest[:alone]), groups) if alone + len(groups) < len(fullest) else Plan(sorted(fullest), [])


def pattern(ys: Sequence[Value], xs: Sequence[Value]) -> list[int]:
    """Tell for every y on which xs it depends, whatever numbers the graph holds: bit i for ``xs[i]``.

    ``Linear.pattern`` tells it for the numbers of now, where only one side of a ``where`` is chosen.

    >>> x = [Value(2.0), Value(0.0), Value(5.0)]
    >>> [bin(row) for row in pattern([x[0].greater(1.0).where(x[1], x[2])], x)]
    ['0b110']
    """
    order = topological_order(*ys)
    active, g = depends_on(order, xs), Builder(order)
    found = {x: 1 << number for number, x in enumerate(xs)}
    for node in order:
        if node in active and node not in found:
            edges: list[tuple[Value, Any]] = [*zip(node.inputs, node.partials)]
            if any(partial is None and source in active for source, partial in edges):  # now, or whatever the numbers
                edges = [(s, None if is_number(p, 0) else p) for s, p in partials_of(g, node, active)]
            reached = 0
            for source, partial in edges:
                if partial is not None:
                    reached |= found.get(source, 0)
            found[node] = reached
    return [found.get(y, 0) for y in ys]


def transposed(pattern: Sequence[int], columns: int) -> list[int]:
    """Return the pattern with rows and columns exchanged.

    >>> [bin(column) for column in transposed([0b011, 0b110], 3)]
    ['0b1', '0b11', '0b10']
    """
    result = [0] * columns
    for i, row in enumerate(pattern):
        for j in bits(row):
            result[j] |= 1 << i
    return result


def bits(number: int) -> Iterator[int]:
    """Yield the places of the ones.

    >>> [*bits(0b1010)]
    [1, 3]
    """
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _groups(pattern: Sequence[int]) -> list[list[int]]:
    """Colour the columns so that no row has two of one colour."""
    networkx = needed('networkx', 'a sparse derivative')
    graph = networkx.Graph()
    for row in sorted(set(pattern)):
        graph.add_nodes_from(bits(row))
        graph.add_edges_from(combinations(bits(row), 2))
    groups: dict[int, list[int]] = {}
    for column, colour in networkx.greedy_color(graph, strategy='smallest_last').items():
        groups.setdefault(colour, []).append(column)
    return sorted(sorted(group) for group in groups.values())


def _matrix(run: Recorded, ys: Sequence[Value]) -> Any:
    """Find the Jacobian of some nodes by the better of two plans."""
    scipy = needed('scipy.sparse', 'a sparse derivative')
    linear = run.linear(ys)
    if linear is None:
        raise TypeError(
            'a sparse derivative is of floats and made of floats: where a derivative around it is taken, '
            'or the argument has Values or Fractions in it, use jacobian or hessian'
        )
    found = entries(linear.pattern(), len(run.xs), linear.pull, linear.push)
    rows, columns, data = [*zip(*found)] or ((), (), ())
    return scipy.csr_array((data, (rows, columns)), shape=(len(ys), len(run.xs)), dtype=float)


def entries(
    by_row: Sequence[int],
    width: int,
    pull: Callable[[list[int]], Sequence[T]],
    push: Callable[[list[int]], Sequence[T]],
    both: bool = True,
) -> Iterator[tuple[int, int, T]]:
    """Yield row, column and number of all entries of a pattern so wide, found by the better of two plans.

    pull, push: multiply weights, or a direction, with the matrix, from either side.
    both: whether one plan may do both; else it is one of groups alone.
    """
    by_column = transposed(by_row, width)
    planned = plan if both else _groups_alone
    forward = planned(by_row)
    reverse = forward if both and by_column == by_row else planned(by_column)
    if forward.walks <= reverse.walks:
        return _entries(forward, by_row, by_column, pull, push)
    return ((j, i, x) for i, j, x in _entries(reverse, by_column, by_row, push, pull))


def _groups_alone(pattern: Sequence[int]) -> Plan:
    return Plan([], _groups(pattern))


def _entries(
    chosen: Plan,
    pattern: Sequence[int],
    across: Sequence[int],
    row_of: Callable[[list[int]], Sequence[T]],
    columns_of: Callable[[list[int]], Sequence[T]],
) -> Iterator[tuple[int, int, T]]:
    """Walk as planned; yield row, column and number of all that the pattern has."""
    height, width, alone = len(pattern), len(across), sum(1 << i for i in chosen.rows)
    for i in chosen.rows:
        found = row_of([int(other == i) for other in range(height)])
        yield from ((i, j, found[j]) for j in bits(pattern[i]))
    for group in chosen.groups:
        together = {*group}
        found = columns_of([int(other in together) for other in range(width)])
        yield from ((i, j, found[i]) for j in group for i in bits(across[j] & ~alone))
