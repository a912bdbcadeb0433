"""What a page computes with: a net on a row and its targets, or any value, as a graph of rows of the table.

The page has no formula of its own. A graph is written as its operations and places, the operations are
printed from the table (``rows``), and so is which comparison of the recording comes out another way (``ways``).

>>> from microgradnet.nets.net import MLP
>>> live = Live.of_net(MLP(1, [1], 'identity', seed=1), [([2.0], 1.0)], half_squared_error)
>>> live.graph['operations'][live.graph['net']['layers'][0]['neurons'][0]['f']]
['identity', 3]
>>> live.graph['rows']
[[2.0, 1.0]]
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import isclose, isfinite
from typing import Any

from ..compiling.guards import Guard, branches_of, outcomes, recording
from ..compiling.ir.routine import Routine
from ..compiling.printers import javascript
from ..compiling.program import Program
from ..engine import functions
from ..engine.checks import ordered
from ..engine.context import ieee_arithmetic
from ..engine.numbers import Fraction, Number, real
from ..engine.operation import Operation
from ..engine.table import operations
from ..engine.value import Constant, Value, record, signals
from ..engine.walks import topological_order
from ..formulas.names import layers_of
from ..nets.losses import cross_entropy, half_squared_error, margins, max_margin, mean_square_error
from ..nets.net import ONE_SIDED, Activation
from .messages import Film, messages
from .script import Script

__all__ = ['LARGEST', 'Live', 'parameters_of', 'written']

#: Of a larger graph a page would have more steps than anyone takes.
LARGEST = 5000
#: The page has so many samples at most.
MOST_SAMPLES = 1000
#: The activations that can be chosen on the page, beside the net's own.
CHOICES = ('identity', 'tanh', 'sigmoid', 'relu', 'softplus', 'gelu', 'silu', 'softsign', 'sin', 'step')
#: What else an activation is called that is a row of the table.
ALIASES = {'linear': 'identity', 'threshold': 'step'}
#: How relations are written.
SIGNS = {'lt': '<', 'le': '≤', 'gt': '>', 'ge': '≥', 'eq': '=', 'ne': '≠'}


class Live:
    """A graph that a page can compute: ``script``, its names and steps; ``graph``, for JSON; ``code``, its rows.

    ``film`` is that of a net.
    """

    def __init__(self, script: Script, leaves: Sequence[Value], more: dict[str, Any], film: Film | None = None) -> None:
        self.script, self.film = script, film
        order, place = script.order, script.place
        ops = [node.op for node in order if node.op is not None]
        known = [op for op in ops if op.has_cells]
        foreign = sorted({op.name for op in ops if not op.has_cells})
        used = {(op, len(node.inputs)) for node in order if (op := node.op) is not None and op in known}
        if film is not None:
            used |= {(operations[name], 1) for name in CHOICES}
        exact = any(isinstance(node.data, Fraction) for node in order)
        guards, ways = _branches_to_js(leaves)
        rows = _rows_to_js(sorted(used, key=lambda pair: (pair[0].name, pair[1])), exact=exact)
        self.code = f'{rows}{ways}'
        self.graph = {
            'operations': [node.op and [node.op.name, *(place[source] for source in node.inputs)] for node in order],
            'data': [written(node.data) for node in order],
            'constants': [k for k, node in enumerate(order) if isinstance(node, Constant)],
            'sends': [[place[event.node], event.place] for event in script.events],
            'fixed': {place[node]: [p if p is None else written(p) for p in node.partials]
                      for node in order if node.op is not None and not node.op.has_cells},
            'foreign': foreign,
            'leaves': [place.get(leaf, -1) for leaf in leaves],
            'guards': [[[guard.held, _branch(guard)] for guard in group] for group in guards],
            'lone': sorted({op.name for op in ops if _may_stop(op)}),
            **more,
        }  # fmt: skip

    @classmethod
    def of_value(cls, value: Value) -> Live:
        """Take a graph as it was recorded."""
        _of_moderate_size(value)
        log: list[Any] = []
        signals(value, log=log)
        script = Script(value, log)
        leaves = [node for node in script.order if not node.inputs and not isinstance(node, Constant)]
        parameters = [script.place[leaf] for leaf in leaves]
        return cls(script, leaves, {'rows': [[]], 'parameters': parameters, 'share': 'sum'})

    @classmethod
    def of_net(
        cls, net: Any, samples: Iterable[tuple[Any, Any]], error: Callable[[Any, Any], Any], teacher_set: Any = None
    ) -> Live:
        """Record a net on the first of some samples, each a row and its target.

        What it does not know yet of its numbers, it takes over from the teacher set they are of, as in ``train``.
        """
        samples = [*samples]
        shown = _with_every_activation(net)
        if teacher_set is not None and hasattr(shown, 'take_over'):
            shown.take_over(teacher_set)
        width = len(layers_of(net)[-1])
        exact = any(isinstance(p.data, Fraction) for p in net.parameters())
        samples = [([*_numbers(x)], _target(t, width, error, exact)) for x, t in samples]
        x, t = samples[0]
        several = isinstance(t, list)
        targets = [Value(number, f't_{k}' if width > 1 else 't') for k, number in enumerate(t if several else [t], 1)]
        with ieee_arithmetic(), recording():
            film = messages(shown, x, targets if several else targets[0], margins if error is max_margin else error)
        _of_moderate_size(film.error)
        script = Script(film.error, film.events, film)
        parameters = parameters_of(net)
        frozen = {p for neurons in layers_of(net) for n in neurons for p in n.frozen}
        alike = [*_alike(shown, samples, error)]
        rows = [[*x, *(t if isinstance(t, list) else [t])] for x, t in alike]
        place = script.place
        more = {
            'rows': [[written(number) for number in row] for row in rows[:MOST_SAMPLES]],
            'left_out': len(samples) - len(rows[:MOST_SAMPLES]),
            'inputs': [place.get(x, -1) for x in film.run.inputs],
            'targets': [place.get(target, -1) for target in targets],
            'outputs': [place[y] for y in film.run.outputs],
            'parameters': [place.get(p, -1) for p in parameters],
            'frozen': [k for k, p in enumerate(parameters) if p in frozen],
            'share': _share(error, samples, width),
            'choices': CHOICES,
            'one_sided': ONE_SIDED,
            'net': {
                'names': getattr(shown, 'input_names', None) or [],
                'layers': [*_layers(net, film, parameters, place)],
            },
        }  # fmt: skip
        return cls(script, [*film.run.inputs, *targets, *parameters], more, film)


def _rows_to_js(used: Iterable[tuple[Operation, int]], exact: bool = False) -> str:
    """Print rows of the table, each for so many operands, as functions of JavaScript: their value and their partials.

    exact: print them for fractions, too.

    >>> from microgradnet.engine.table import operations
    >>> print(_rows_to_js([(operations['mul'], 2)]).splitlines()[6].strip())
    return w1 * w2;
    """
    return javascript.rows({f'{op.name} {count}': _row(op, count) for op, count in used}, exact)


@lru_cache(maxsize=256)
def _row(op: Operation, count: int) -> tuple[Routine, Routine]:
    """Compile a row for so many operands: its value, and its value with its partials."""
    operands = [Value(1.0) for _ in range(count)]
    with ieee_arithmetic():
        program = Program(record(op, operands), rows=[], parameters=operands, backend='python')
    return program.routine, program._gradient_routine


def _branches_to_js(leaves: Sequence[Value]) -> tuple[list[list[Guard]], str]:
    """Return what recordings compared that any of the leaves had a part in, and ``ways`` in JavaScript.

    These are functions of the leaves, one for each recording, of the number, from 1 on, of the first comparison of it
    that comes out another way, or 0; the guards are those of all recordings, each in a list of its own.

    >>> x = Value(2.0)
    >>> with recording():
    ...     y = x * x if x > 1 else x
    >>> guards, text = _branches_to_js([x])
    >>> [guard.held for guard in guards[0]], text.startswith('const ways = ')
    ([True], True)
    """
    found = branches_of(leaves)
    return [[*branches.guards] for branches in found], javascript.ways([b.over([], leaves) for b in found])


def parameters_of(net: Any) -> list[Value]:
    """List a net's parameters as the page has them: in their order, one that neurons share once."""
    return [*dict.fromkeys(p for neurons in layers_of(net) for n in neurons for p in (*n.weights, n.bias))]


def _alike(
    net: Any, samples: Sequence[tuple[Any, Any]], error: Callable[[Any, Any], Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield the samples of which all comparisons come out as those of the first."""
    first = None
    for x, t in samples[:MOST_SAMPLES]:
        with ieee_arithmetic(), outcomes() as noted:
            y = net(x)
            if error is not max_margin:  # which compares its targets only, and was recorded without that
                error(y if isinstance(y, list) else [y], t)
        if first is None:
            first = noted
        if noted == first:
            yield x, t


def _layers(net: Any, film: Film, parameters: list[Value], place: dict[Value, int]) -> Iterator[dict[str, Any]]:
    """Describe the layers: of each neuron the places of r and f, its parameters, and whether g is one operation."""
    number = {p: k for k, p in enumerate(parameters)}
    for neurons, firings in zip(layers_of(net), film.run.layers):
        kinds = {firing.output.op.name if firing.output.op is not None and firing.output.inputs[0] is firing.r else ''
                 for firing in firings}  # fmt: skip
        yield {
            'activation': neurons[0].activation.name,
            'row': kinds.pop() if len(kinds) == 1 else '',
            'neurons': [
                {'r': place.get(firing.r, -1), 'f': place.get(firing.output, -1), 'bias': number[neuron.bias],
                 'weights': [number[w] for w in neuron.weights]}
                for neuron, firing in zip(neurons, firings)
            ],
        }  # fmt: skip


def _with_every_activation(net: Any) -> Any:
    """Copy a net, with the same parameters, so that each g is an operation: g(r) = r, too."""
    if isinstance(getattr(net, 'activation', None), Activation) and hasattr(net, 'weights'):
        neuron = copy.copy(net)
        if neuron.activation.g in ('identity', 'linear'):
            neuron.activation = Activation(functions.identity)
        return neuron
    shown = copy.copy(net)
    for part in ('layers', 'neurons'):
        if hasattr(net, part):
            setattr(shown, part, [_with_every_activation(each) for each in getattr(net, part)])
            break
    return shown


def _target(t: Any, width: int, error: Callable[[Any, Any], Any], exact: bool) -> Any:
    """Write a class as the row of probabilities that says the same, for it can be moved; any other row as a list."""
    if isinstance(t, Value):
        t = t.data
    if ordered(t) and getattr(t, 'shape', None) != ():
        return [_target(each, width, half_squared_error, exact) for each in t]
    if error is cross_entropy and t in range(width):
        return [float(k == t) for k in range(width)]
    real(t, 'a target')
    return Fraction(t) if exact and isinstance(t, int) else t


def _numbers(row: Iterable[Any]) -> Iterator[Any]:
    return (each.data if isinstance(each, Value) else each for each in row)


def _share(error: Callable[[Any, Any], Any], samples: Sequence[tuple[Any, Any]], width: int) -> str:
    """Say what the error of several samples is of theirs: their sum, their mean, or neither.

    >>> _share(half_squared_error, [([0.0], 1.0)], 1), _share(mean_square_error, [([0.0], 1.0)], 1)
    ('sum', 'mean')
    """
    if error is mean_square_error:
        return 'mean'
    if len(samples) == 1 or error in (half_squared_error, cross_entropy, max_margin):
        return 'sum'
    targets = [t for _, t in samples[:2]]
    rows = [[Value(0.25 + 1.75 * k + j / 4) for j in range(width)] for k in range(2)]
    outputs = [ys if width > 1 else ys[0] for ys in rows]
    try:
        together = float(error(outputs, targets).data)
        parts = [float(error([y], [t]).data) for y, t in zip(outputs, targets)]
    except Exception:  # whatever a user's function says of outputs it was not made for
        return ''
    shares = ('sum', sum(parts)), ('mean', sum(parts) / 2)
    return next((share for share, part in shares if isclose(part, together)), '')


def _of_moderate_size(root: Value) -> None:
    size = len(topological_order(root))
    if size > LARGEST:
        raise ValueError(
            f'play shows every step of a graph, up to {LARGEST} nodes; this one has {size}. '
            'Of a larger net draw_error_signal(net, x, t) shows the way of the error signal, summarised'
        )


def _branch(guard: Guard) -> str:
    """Say which comparison it was, and where, without the folders of the machine that made the page."""
    place = re.sub(r'^.*[/\\]', '', str(guard.origin))
    return f'the comparison {SIGNS[guard.relation]} in “{guard.origin.source or "?"}” ({place})'


def _may_stop(op: Operation) -> bool:
    """Whether a signal may stop at one of its operands, as at the side that ``where`` does not choose."""
    return not op.has_cells or any('None' in text for text in op.partial_texts)


def written(number: Number) -> Any:
    """Write a number for JSON: a fraction and what is not finite as text.

    >>> written(0.5), written(Fraction(1, 3)), written(float('inf'))
    (0.5, '1/3', 'inf')
    """
    if isinstance(number, Fraction):
        return str(number)
    return number if isinstance(number, int) or isfinite(number) else str(number)
