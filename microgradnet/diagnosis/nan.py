"""Who made the nan, and which neurons are dead.

``explain_nan``    the first node whose value or gradient is nan or inf, and its way to the result
``dead_neurons``   the neurons that no error signal passes, for a whole teacher set
``tracing``        keeps where in the source each node is recorded, for ``explain_nan`` to say

>>> with tracing():
...     x = Value(0.0, label='x')
...     y = x.sqrt() * 2.0
>>> print(explain_nan(y))  # doctest: +ELLIPSIS
The value is finite; a gradient is not: sqrt made inf first.
    d sqrt/d a = inf, times the error signal 2.0, is inf
    inputs: x = 0.0
    output: 0.0
    recorded: ..., line 3: x.sqrt()
    from there to the result: sqrt 0.0 -> mul 0.0
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from .._escapes import visible
from .._processes import cached_property
from ..engine.numbers import Fraction, Number
from ..engine.origins import Origin, origin, tracing
from ..engine.value import Constant, Event, Value, signals
from ..engine.walks import topological_order
from .dead import NeuronReport, NeuronTable, dead_neurons

if TYPE_CHECKING:
    from ..drawing import Digraph

__all__ = ['Explanation', 'NeuronReport', 'NeuronTable', 'dead_neurons', 'explain_nan', 'origin', 'tracing']

#: More inputs or steps than this are not written out.
SHOWN = 8
#: Of a longer way to the result only these steps are drawn, the first.
DRAWN = 20


@dataclass(frozen=True, eq=False)
class Explanation:
    """What ``explain_nan`` found; as text, or by ``draw`` as a picture.

    ``kind`` is ``'value'`` or ``'gradient'``, or ``'nothing'`` if all is finite, and then
    ``node`` is the result itself. ``node`` is the first node that went wrong, ``place``
    the input whose gradient it spoilt (None if it is not one edge's doing), ``signal``
    the error signal that arrived at the node, ``made`` the nan or inf, ``path`` the nodes
    from it to the result, ``signals`` the error signals that were sent until then.
    """

    root: Value
    kind: Literal['value', 'gradient', 'nothing']
    node: Value
    made: Number
    path: tuple[Value, ...]
    signal: Number = 1.0
    place: int | None = None
    signals: Mapping[Value, Number] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is something to explain."""
        return self.kind != 'nothing'

    @property
    def origin(self) -> Origin | None:
        """Where the node was recorded, if it was within ``tracing``."""
        return origin(self.node)

    @cached_property
    def picture(self) -> Digraph:
        """The picture that ``draw`` draws if nothing else is asked."""
        return self.draw()

    def draw(self, **options: Any) -> Digraph:
        """Draw the graph with the way from the node to the result marked; options as of ``drawing.draw``.

        An edge on which a gradient went wrong is marked too. Below stands what went wrong,
        where the marked way begins. A long way is drawn folded, and says in which turns it is marked; where it
        does not fold its first 20 nodes are drawn, and the picture says so.
        """
        from ..drawing import draw

        said = [self._headline(), *([self._sent()] if self.kind == 'gradient' else [])]
        spoilt = [] if self.place is None else [self.node.inputs[self.place]]
        if len(self.path) > DRAWN and options.get('folded') is not False:
            told = {'label': '\n'.join(said), 'signals': self.signals, 'folded': True, **options}
            picture = draw(self.root, marked=[*spoilt, *self.path], **told)
            if picture.boxes:
                return picture
        steps = self.path[:DRAWN]
        if len(self.path) > DRAWN:
            said.append(f'the first {DRAWN} of {len(self.path)} nodes on the way to the result')
        options = {'label': '\n'.join(said), 'signals': self.signals, **options}
        return draw(steps[-1], marked=[*spoilt, *steps] if self else (), **options)

    def __str__(self) -> str:
        lines, node = [self._headline()], self.node
        if not self:
            return lines[0]
        if self.kind == 'gradient':
            lines.append(f'    {self._sent()}')
        if node.op is None:
            lines.append('    it is a leaf, made by no operation')
            if len(self.path) > 1:
                user = self.path[1]
                lines.append(f'    used by {_name(user)} as its {_parameter(user, user.inputs.index(node))}')
                lines.append(f'    recorded: {_where(user)}')
        else:
            lines.append(f'    inputs: {_few(_with_label(source) for source in node.inputs)}')
            if self.kind == 'value':
                lines.append(f'    local derivatives: {_few(map(str, node.partials))}')
            lines.append(f'    output: {node.data}')
            lines.append(f'    recorded: {_where(node)}')
        if len(self.path) > 1:
            steps = [f'{_name(step)} {step.data}' for step in self.path]
            middle = [f'({len(steps) - SHOWN} more)'] if len(steps) > SHOWN else []
            shown = [*steps[: SHOWN // 2], *middle, *steps[-SHOWN // 2 :]] if middle else steps
            lines.append(f'    from there to the result: {" -> ".join(shown)}')
        return '\n'.join(lines)

    def _headline(self) -> str:
        if not self:
            return f'Nothing is wrong: the value is {self.root.data}, and every gradient is finite.'
        found = f'The value is {self.root.data}' if self.kind == 'value' else 'The value is finite; a gradient is not'
        return f'{found}: {_name(self.node)} made {self.made} first.'

    def _sent(self) -> str:
        op = self.node.op
        if self.place is None or op is None:
            return f'the error signals that its consumers send are finite; their sum is {self.made}'
        derivative = f'd {op.name}/d {_parameter(self.node, self.place)} = {self.node.partials[self.place]}'
        return f'{derivative}, times the error signal {self.signal}, is {self.made}'


def explain_nan(y: Value) -> Explanation:
    """Find the first node that made a nan or inf on the way to y, or on the error signal's way back.

    If y's value is nan or inf: the first node, inputs first, whose value is, while those
    of its inputs are finite (numbers that the operation was given do not count), among
    the nodes that spoilt y; a nan in a branch not taken is none. Else the first edge, in
    the order of ``backward``, on which the error signal becomes nan or inf. No ``grad``
    is touched. Raises TypeError for anything but a ``Value``.

    >>> a = Value(1e200, label='a')
    >>> found = explain_nan(a * a - a * a)
    >>> found.kind, found.node.op.name, found.made, len(found.path)
    ('value', 'mul', inf, 2)
    >>> print(explain_nan(a + 1.0))
    Nothing is wrong: the value is 1e+200, and every gradient is finite.
    """
    if not isinstance(y, Value):
        raise TypeError(f'explain_nan wants a Value, not {y!r} ({type(y).__name__})')
    return _explain_gradient(y) if _finite(y.data) else _explain_value(y)


def _explain_value(y: Value) -> Explanation:
    spoilt: dict[Value, Value | None] = {y: None}  # each with the consumer through which y is reached
    queue = deque([y])
    while queue:
        node = queue.popleft()
        for source in node.inputs:
            if not _finite(source.data) and not isinstance(source, Constant) and source not in spoilt:
                spoilt[source] = node
                queue.append(source)
    first = next(node for node in topological_order(y) if node in spoilt and spoilt.keys().isdisjoint(node.inputs))
    return Explanation(y, 'value', first, first.data, _path(first, spoilt))


def _explain_gradient(y: Value) -> Explanation:
    log: list[Event] = []
    order = [*signals(y, log=log)]
    sent: defaultdict[Value, list[Event]] = defaultdict(list)
    for event in log:
        sent[event.node].append(event)
    arrived: dict[Value, Number] = {y: type(y.data)(1)}
    towards: dict[Value, Value | None] = {y: None}
    for node in reversed(order):
        if node not in arrived:
            continue
        signal = arrived[node]
        if not _finite(signal):  # all that arrived was finite
            return Explanation(y, 'gradient', node, signal, _path(node, towards), signal, None, arrived)
        for event in sent[node]:
            if not _finite(event.contribution):
                arrived[event.source], made = event.contribution, event.contribution
                return Explanation(y, 'gradient', node, made, _path(node, towards), signal, event.place, arrived)
            towards.setdefault(event.source, node)
            arrived[event.source] = event.total
    return Explanation(y, 'nothing', y, y.data, (y,), signals=arrived)


def _path(node: Value, towards: dict[Value, Value | None]) -> tuple[Value, ...]:
    path, step = [node], towards[node]
    while step is not None:
        path.append(step)
        step = towards[step]
    return tuple(path)


def _finite(number: Number) -> bool:
    return isinstance(number, Fraction) or isfinite(number)


def _where(node: Value) -> str:
    place = origin(node)
    if place is None:
        return 'not known; build the graph within `with microgradnet.tracing():` to learn where'
    return f'{place}: {place.expression}' if place.expression else str(place)


def _name(node: Value) -> str:
    name = 'the leaf' if node.op is None else node.op.name
    return f'{name} {visible(node.label)}' if node.label else name


def _with_label(node: Value) -> str:
    return f'{visible(node.label)} = {node.data}' if node.label else str(node.data)


def _few(items: Iterable[str]) -> str:
    items = [*items]
    return ', '.join(items[:SHOWN]) + (f' and {len(items) - SHOWN} more' if len(items) > SHOWN else '')


def _parameter(node: Value, place: int) -> str:
    """The name that an input has in its row: a, or a[3]."""
    assert node.op is not None
    for parameter, places in zip(node.op.parameters, node.op.split(range(len(node.inputs)))):
        if parameter in node.op.vectors and place in places:
            return f'{parameter}[{places.index(place)}]'
        if places == place:
            return parameter
    raise IndexError(place)
