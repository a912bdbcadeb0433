"""The computation graph as a picture: values, operations and the derivative on each edge; loops folded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..engine.checks import flag, instance, items, spec, whole
from ..engine.value import Value
from .diagram import graph_picture
from .digraph import Digraph
from .folded import folded_picture

__all__ = ['draw']


def draw(
    *values: Value,
    expanded: bool = False,
    labels: Mapping[Value, str] | None = None,
    marked: Collection[Value] = (),
    signals: Mapping[Value, Any] | None = None,
    limit: int | None = 100,
    folded: bool | None = None,
    number_format: str = '.4g',
    **attributes: str,
) -> Digraph:
    """Draw the graph of one or more values, from its leaves on the left to them on the right.

    A value that is used again far to the right, a weight in a loop say, is drawn again there,
    small, with its name and what that use adds to its gradient; its first box tells the whole
    gradient, and how many uses it is the sum of.

    A graph that a loop recorded is folded as the program was: each operation once, in a plate that says how often,
    its numbers from the least to the largest, with what a turn hands to the next as an arc and a sparkline.
    ``folded`` says whether: None for where that saves much, True for wherever there is a loop, False for never.
    ``picture.boxes`` has the nodes of each box of a folded picture, turn by turn.

    ``expanded`` shows a ``dot`` as its products and their sum. ``labels`` name nodes for
    this picture; others show their own label, the parameters of a net theirs in the derivation, and
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
    marked = items('marked', marked, 'Values of the graph', any_order=True)
    for node in marked:
        instance('what is marked', node, Value, 'a Value')
    flag('expanded', expanded)
    if folded is not None:
        flag('folded', folded)
    if folded and expanded:
        raise ValueError('a picture is folded or expanded, and not both')
    spec('number_format', number_format)
    for name, attribute in attributes.items():
        instance(f'{name}, an attribute of the picture,', attribute, str, 'a string')
    picture, labels = None, labels or {}
    if folded or (folded is None and not expanded):
        picture = folded_picture(values, labels, marked, signals, limit, number_format, much=not folded)
    if picture is None:
        picture = graph_picture(values, expanded, labels, marked, signals, limit, number_format)
    picture.graph_attr.update(attributes)
    return picture
