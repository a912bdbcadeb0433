"""The numbers of a derivation: what a net's forward runs keep, and the error sends back.

``Kept`` runs a net on every sample, goes back from half the sum of squares, and hands
out symbols with these numbers. No ``grad`` is touched.

>>> from microgradnet.nets.net import MLP
>>> net = MLP.from_weights([[[2.0]], [[3.0]]], [[1.0], [0.0]], 'identity')
>>> kept = Kept(net, [([1.0], 8.0), ([0.0], 3.0)])
>>> kept.y(0).numbers, kept.delta(0, 0).numbers, kept.gradient((0, 0, 0))
((9.0, 3.0), (3.0, 0.0), 3.0)
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from functools import partial
from typing import Any

from .. import functions
from ..derivatives.graphs import gradients
from ..engine.value import Value, signals
from ..formulas.activations import by_hand
from ..formulas.names import Names, Place
from ..formulas.terms import Applied, Name, Symbol
from ..nets.losses import half_squared_error
from ..nets.net import Firing, Run
from ..training.data import is_row, number

__all__ = ['Kept']


class Kept:
    """Forward runs of a net on samples, and the error signals that came back through them.

    Layers ``k``, neurons ``j`` and inputs ``i`` are counted from 0.
    """

    def __init__(self, net: Any, samples: Iterable[tuple[Any, Any]], hats: bool = False) -> None:
        self.names = Names(net, hats)
        self.runs: list[Run] = []
        self.targets: list[list[Any]] = []
        for place, sample in enumerate(samples, 1):
            run, t = _ran(net, sample, place)
            self.runs.append(run)
            self.targets.append(t)
        if not self.runs:
            raise ValueError('a derivation needs at least one sample; the teacher set is empty')
        self.count = len(self.runs)
        #: Where there is one sample, nothing is marked with its number.
        self.every = 'i' if self.count > 1 else ''
        self.error = half_squared_error([run.outputs for run in self.runs], self.targets)
        self._go_back(net)
        self._slopes: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._activations = [[neuron.activation for neuron in layer.neurons] for layer in net.layers]
        names = {activation.g: activation.name for layer in self._activations for activation in layer}
        #: Which letter stands for which activation, and what each is called.
        self.letters = {g: Name('g', hat=place > 0) if len(names) < 3 else Name('g', str(place + 1))
                        for place, g in enumerate(names)}  # fmt: skip
        self.functions = {self.letters[g]: name for g, name in names.items()}
        #: How each is written, given r and g(r): only operations, not what a user gave the name of one.
        self.forms = {self.letters[g]: partial(by_hand, name if _is_operation(g, name) else '')
                      for g, name in names.items()}  # fmt: skip

    def _go_back(self, net: Any) -> None:
        places, parameters = self.names.places(), net.parameters()
        sent = signals(self.error)

        def of(node: Value) -> Any:  # 0 for what the error does not depend on
            return sent.get(node, type(node.data)(0))

        self._gradients = dict(zip(places, map(of, parameters), strict=True))
        self._deltas = [[[of(firing.output) for firing in layer] for layer in run.layers] for run in self.runs]
        self.data = dict(zip(places, [p.data for p in parameters], strict=True))

    def gradient(self, place: Place) -> Any:
        """Return the derivative of E by a weight or bias, as ``backward`` would find it."""
        return self._gradients[place]

    def weight(self, place: Place) -> Symbol:
        return Symbol(self.names.parameter(place), (self.data[place],))

    def r(self, k: int, j: int) -> Symbol:
        """Return the net input of a neuron."""
        numbers = (run.layers[k][j].r.data for run in self.runs)
        return Symbol(self.names.r(k, j).of(self.every), (*numbers,))

    def g(self, k: int, j: int) -> Applied:
        """Return the output g(r) of a neuron."""
        return self._applied(k, j, False, (run.layers[k][j].output.data for run in self.runs))

    def slope(self, k: int, j: int) -> Applied:
        """Return g'(r) of a neuron."""
        if (k, j) not in self._slopes:
            self._slopes[k, j] = tuple(_slope_of(run.layers[k][j]) for run in self.runs)
        return self._applied(k, j, True, self._slopes[k, j])

    def source(self, k: int, i: int) -> Symbol | Applied:
        """Return what comes into the neurons of layer k at place i: x or the output of a neuron."""
        return self.g(k - 1, i) if k > 0 else self.x(i)

    def x(self, i: int) -> Symbol:
        """Return an input as the first layer saw it: standardised, if the net does so."""
        first = (run.layers[0][0].r for run in self.runs)
        numbers = (r.op.split(r.inputs)[1][i].data for r in first)  # type: ignore[union-attr]
        return Symbol(Name('x', str(i + 1), sample=self.every), (*numbers,))

    def y(self, j: int) -> Symbol:
        return Symbol(
            self.names.output('y', j).of(self.every), (*(run.outputs[j].data for run in self.runs),)
        )

    def t(self, j: int) -> Symbol:
        return Symbol(self.names.output('t', j).of(self.every), (*(t[j] for t in self.targets),))

    def delta(self, k: int, j: int) -> Symbol:
        """Return the error signal of a neuron: the derivative of E by its output."""
        return Symbol(self.names.delta(k, j).of(self.every), (*(deltas[k][j] for deltas in self._deltas),))

    def _applied(self, k: int, j: int, primed: bool, numbers: Iterable[Any]) -> Applied:
        return Applied(self.letters[self._activations[k][j].g], primed, self.r(k, j), (*numbers,))


def _is_operation(g: Any, name: str) -> bool:
    return isinstance(g, str) or g is getattr(functions, name, None)


def _ran(net: Any, sample: Any, place: int) -> tuple[Run, list[Any]]:
    """Run a net on the inputs of a sample, unless that was done; return its targets as numbers, too."""
    try:
        x, t = sample
    except (TypeError, ValueError):
        wanted = f'sample {place} must be a pair of inputs and targets'
        raise TypeError(f'{wanted}, not {reprlib.repr(sample)}') from None
    targets = [number(each.data if isinstance(each, Value) else each, f'sample {place}, target {n}')
               for n, each in enumerate([*t] if is_row(t) else [t], 1)]  # fmt: skip
    try:
        run = x if isinstance(x, Run) else net.run(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f'sample {place}: {error}') from None
    if len(targets) != net.sizes[-1]:
        counts = f'{len(targets)} target{"s" * (len(targets) != 1)}; {net!r} has {net.sizes[-1]}'
        raise ValueError(f'sample {place} has {counts} output{"s" * (net.sizes[-1] != 1)}')
    return run, targets


def _slope_of(firing: Firing) -> Any:
    """Return g'(r) of one firing: what lies between its two nodes.

    >>> from microgradnet.nets.net import Neuron
    >>> _slope_of(Neuron(1, 'identity').fire([0.5])), _slope_of(Neuron(1, 'relu').fire([0.0]))
    (1.0, 0.0)
    """
    return gradients(firing.output, [firing.r])[0].data
