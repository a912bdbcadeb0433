"""The computation graph as a picture: values, operations and the derivative on each edge.

A value is a box with its label, data and gradient; an operation a pill; the number
on the edge that enters an operation is the local derivative along it. A dashed grey
edge carries no signal: it comes from a constant, or from the branch not taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any

from ..checks import flag, instance, items, spec, whole
from ..graph import topological_order
from ..value import Value
from .diagram import Diagram
from .digraph import Digraph
from .terminal import tree

__all__ = ['draw', 'graph_picture']

EMPTY: Mapping[Any, Any] = MappingProxyType({})


def draw(
    *values: Value,
    expanded: bool = False,
    labels: Mapping[Value, str] | None = None,
    marked: Collection[Value] = (),
    signals: Mapping[Value, Any] | None = None,
    limit: int | None = 100,
    number_format: str = '.4g',
    **attributes: str,
) -> Digraph:
    """Draw the graph of one or more values, from its leaves on the left to them on the right.

    A value that is used again far to the right, a weight in a loop say, is drawn again there,
    small, with its name and what that use adds to its gradient; its first box tells the whole
    gradient, and how many uses it is the sum of.

    ``expanded`` shows a ``dot`` as its products and their sum. ``labels`` name nodes for
    this picture, as ``parameter_names`` does for a net; others show their own label, and
    the index of x_1 or w_{1,3} is set as one. Of a graph with more than ``limit`` nodes
    those nearest to the values are drawn; the picture says how many it leaves out, and so
    does its ``left_out``. ``marked`` nodes and the edges between them stand out, and come
    before others where there is a limit. ``signals`` are shown in place of what the nodes'
    ``grad`` hold, for the nodes that have one. Numbers are written by ``number_format``,
    Fractions exactly. Other attributes are Graphviz's, for the whole picture. Raises
    TypeError for anything but a ``Value``, ValueError for a limit below 1.

    The picture shows itself in a notebook; ``picture.render(outfile='graph.svg')``
    writes it, also as PNG or PDF.

    >>> w, x, b = Value(2.0, label='w'), Value(-3.0, label='x'), Value(10.0, label='b')
    >>> y = (w * x + b).tanh()
    >>> y.backward()
    >>> picture = draw(y)
    >>> 'tanh' in picture.source, picture.left_out
    (True, 0)
    """
    if not values:
        raise TypeError('draw wants at least one Value, and there is none')
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(f'draw wants a Value, not {value!r} ({type(value).__name__})')
    if limit is not None and whole('the limit of draw', limit, 0) < 1:
        raise ValueError(f'the limit of draw must be at least 1 node, not {limit}')
    for what, numbers in ('labels', labels), ('signals', signals):
        if numbers is not None:
            instance(what, numbers, Mapping, 'a dictionary by Value, or None')
    marked = items('marked', marked, 'Values of the graph')
    for node in marked:
        instance('what is marked', node, Value, 'a Value')
    flag('expanded', expanded)
    spec('number_format', number_format)
    for name, attribute in attributes.items():
        instance(f'{name}, an attribute of the picture,', attribute, str, 'a string')
    picture = graph_picture(values, expanded, labels or {}, marked, signals, limit, number_format)
    picture.graph_attr.update(attributes)
    return picture


def graph_picture(
    values: Sequence[Value],
    expanded: bool = False,
    labels: Mapping[Value, str] = EMPTY,
    marked: Collection[Value] = (),
    signals: Mapping[Value, Any] | None = None,
    limit: int | None = None,
    number_format: str = '.4g',
    room: Callable[[str, Value, int], int] | None = None,
) -> Digraph:
    """Draw a graph as ``draw`` does, with room for numbers that will be written where others are now.

    ``room`` says how many characters are wanted for what ('data', 'grad', 'adds' or 'partial')
    at a node, the last two at one of its operands.
    """
    order = topological_order(*values)
    kept = _nearest(values, marked, len(order) if limit is None else limit)
    names = {node: f'v{index}' for index, node in enumerate(order) if node in kept}
    picture = Diagram(order, names, {*values}, expanded, number_format, labels, {*marked}, signals, room)
    for node in names:
        picture.add(node)
    graph = picture.finished()
    graph.left_out = len(order) - len(kept)
    if graph.left_out:
        graph.attr(label=f'{len(kept)} of {len(order)} nodes, those nearest to the result; {graph.left_out} left out')
    graph.words = partial(_words, values, labels, signals, limit, number_format)
    return graph


def _words(
    values: Iterable[Value],
    labels: Mapping[Value, str] | None,
    signals: Mapping[Value, Any] | None,
    limit: int | None,
    number_format: str,
) -> str:
    """Print as text what the picture shows."""
    trees = (tree(y, labels=labels, signals=signals, limit=limit, number_format=number_format) for y in values)
    return '\n\n'.join(trees)


def _nearest(roots: Iterable[Value], first: Iterable[Value], limit: int) -> set[Value]:
    """Return at most ``limit`` nodes: some that come first, then breadth first from the roots."""
    kept: set[Value] = {*islice(first, limit)}
    seen: set[Value] = set()
    queue = deque(roots)
    while queue and len(kept) < limit:
        node = queue.popleft()
        if node not in seen:
            seen.add(node)
            kept.add(node)
            queue.extend(node.inputs)
    return kept
