"""What the derivation calls the parts of a net: source first, then target, w_{x1,1}, w_{1,3}.

Numbered, as in "Why backpropagation?": neurons 1, 2 ... through all layers, a weight
by its source, then its target: w_{x1,1}, w_{1,3}, b_5. With hats, as in
"Preliminaries" to "Putting it all together", a net of two layers: w_{A,B} from input
A to hidden neuron B, b_B; ŵ_A (ŵ_{A,n}, if there are several outputs) and b̂ (b̂_n).

>>> from microgradnet.nets.net import MLP
>>> names = Names(MLP(2, [2, 1]))
>>> names.find('w_{1,3}'), names.find('ŵ_1'), names.find('b_1')
((1, 0, 0), (1, 0, 0), (0, 0, None))
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

from ..engine.value import Value
from ..nets.net import owners
from .terms import Name
from .text import written

__all__ = [
    'Connection', 'Names', 'Place', 'connections_of', 'known_names', 'layers_of', 'numbered', 'parameter_names',
    'weight_name',
]  # fmt: skip


#: Layer, neuron, and input (None for the bias), counted from 0.
Place: TypeAlias = tuple[int, int, int | None]


class Names:
    """The names of a net's weights, biases and neurons; with hats if ``hats``."""

    def __init__(self, net: Any, hats: bool = False) -> None:
        if not hasattr(net, 'layers'):
            raise TypeError(f'a derivation is for an MLP, not for {net!r} ({type(net).__name__})')
        self.net = net
        self.inputs, self.sizes = net.inputs, net.sizes
        self._before = [0, *accumulate(self.sizes)]
        self.hats = hats
        if hats and len(self.sizes) != 2:
            raise ValueError(f'names with hats are for nets of two layers; {net!r} has {len(self.sizes)}')

    def neuron(self, k: int, j: int) -> str:
        """Return the number of neuron j of layer k; with hats, none for a lone output."""
        if self.hats:
            return '' if k == 1 and self.sizes[1] == 1 else str(j + 1)
        return str(self._before[k] + j + 1)

    def r(self, k: int, j: int) -> Name:
        return Name('r', self.neuron(k, j), self._hat(k))

    def f(self, k: int, j: int) -> Name:
        return Name('f', self.neuron(k, j), self._hat(k))

    def delta(self, k: int, j: int) -> Name:
        lone = k == len(self.sizes) - 1 and self.sizes[k] == 1
        return Name('δ') if lone else Name('δ', self.neuron(k, j), self._hat(k))

    def output(self, letter: str, j: int) -> Name:
        """Return y or t, with an index if there are several outputs."""
        return Name(letter, str(j + 1) if self.sizes[-1] > 1 else '')

    def parameter(self, place: Place) -> Name:
        """Return the name of a weight or a bias."""
        k, j, i = place
        target = self.neuron(k, j)
        if i is None:
            return Name('b', target, self._hat(k))
        source = str(i + 1) if self.hats else f'x{i + 1}' if k == 0 else self.neuron(k - 1, i)
        return Name('w', f'{source},{target}'.rstrip(','), self._hat(k))

    def text(self, place: Place) -> str:
        """Return the name of a weight or a bias as it is printed."""
        return written(self.parameter(place))

    def places(self) -> list[Place]:
        """List all weights and biases."""
        return [(k, j, i) for k, size in enumerate(self.sizes) for j in range(size)
                for i in (*range(self.sizes[k - 1] if k else self.inputs), None)]  # fmt: skip

    def find(self, weight: str | Value) -> Place:
        """Return where a weight or bias is; raise ValueError if it is not there."""
        if isinstance(weight, Value):
            for place, parameter in zip(self.places(), self.net.parameters(), strict=True):
                if parameter is weight:
                    return place
            raise ValueError(f'{weight!r} is not a weight or bias of {self.net!r}')
        if not isinstance(weight, str):
            raise TypeError(f'a weight is given by its name or as the parameter itself, not {weight!r}')
        found = self._known().get(_plain(weight))
        if found is None:
            raise ValueError(f'{self.net!r} has no weight {weight!r}; {self._hint(weight)}')
        return found

    def _known(self) -> dict[str, Place]:
        both = [self] if self.hats or len(self.sizes) != 2 else [Names(self.net, hats=True), self]
        return {_plain(names.text(p)): p for names in both for p in names.places()}

    def _hint(self, weight: str) -> str:
        if '\u0302' in unicodedata.normalize('NFD', _plain(weight)) and len(self.sizes) != 2:
            return 'names with hats are for nets of two layers'
        written = [self.text(place) for place in self.places()]
        close = difflib.get_close_matches(weight, written, 3)
        return f'did you mean {", ".join(close)}?' if close else f'it has {", ".join(written[:3])} ... {written[-1]}'

    def wants_hats(self, weight: str | Value) -> bool:
        """Tell whether a weight's name is one that only the derivation with hats has."""
        numbered = {_plain(self.text(place)) for place in self.places()}
        return isinstance(weight, str) and len(self.sizes) == 2 and _plain(weight) not in numbered

    def _hat(self, k: int) -> bool:
        return self.hats and k == 1


def weight_name(source: str, target: str) -> str:
    """Name a weight by the input or neuron it comes from, ``'x1'`` or ``'1'``, and the neuron it goes to.

    >>> weight_name('x1', '1')
    'w_{x1,1}'
    """
    return written(Name('w', f'{source},{target}'))


def numbered(letter: str, number: int | str) -> str:
    """Name what there is one of for each neuron, input or output, b, r, f, δ, x or y, by its number.

    >>> numbered('b', 5), numbered('r', '12')
    ('b_5', 'r_12')
    """
    return written(Name(letter, str(number)))


def _plain(name: str) -> str:
    r"""Bring the ways to write a name down to one.

    >>> {_plain(name) for name in (r'\hat{w}_{1}', 'w_hat_1', 'ŵ_1', r'\hat{w_1}')}
    {'ŵ_1'}
    """
    name = unicodedata.normalize('NFD', name).replace(' ', '').replace('$', '')
    name = re.sub(r'\\hat\{?(\w)\}?', '\\1\u0302', name)
    name = re.sub(r'^(\w)_hat', '\\1\u0302', name)
    return unicodedata.normalize('NFC', re.sub(r'[{}()\\]', '', name).replace('x_', 'x'))


class Connection(NamedTuple):
    """One weight between two neurons, or between an input and a neuron."""

    source: str  # 'x1' or '1', as in the weight's name
    target: str
    weight: Value

    @property
    def name(self) -> str:
        return weight_name(self.source, self.target)


def layers_of(net: Any) -> list[Any]:
    """Return the neurons of a net, of a layer or one alone, layer by layer."""
    if hasattr(net, 'layers') and not isinstance(net, type):
        return [layer.neurons for layer in net.layers]
    if hasattr(net, 'neurons'):
        return [net.neurons]
    if hasattr(net, 'weights') and hasattr(net, 'bias'):
        return [[net]]
    raise TypeError(f'a net to be drawn is an MLP, a Layer or a Neuron, not {net!r} ({type(net).__name__})')


def connections_of(layers: list[Any]) -> Iterator[Connection]:
    """List all connections of a net, target by target."""
    sources, last = [f'x{i + 1}' for i in range(len(layers[0][0].weights))], 0
    for neurons in layers:
        targets = [str(last + j + 1) for j in range(len(neurons))]
        for target, neuron in zip(targets, neurons):
            yield from (Connection(source, target, w) for source, w in zip(sources, neuron.weights))
        sources, last = targets, last + len(neurons)


def parameter_names(net: Any) -> dict[Value, str]:
    """Map every weight and bias of a net to its name in the derivation, source first.

    ``draw(error, labels=parameter_names(net))`` shows them in a graph.

    >>> from microgradnet.nets.net import MLP
    >>> [*parameter_names(MLP(1, [1, 1])).values()]
    ['w_{x1,1}', 'w_{1,2}', 'b_1', 'b_2']
    """
    layers = layers_of(net)
    biases = (neuron.bias for neurons in layers for neuron in neurons)
    names = {connection.weight: connection.name for connection in connections_of(layers)}
    return names | {bias: numbered('b', i) for i, bias in enumerate(biases, 1)}


def known_names(leaves: Collection[Value]) -> dict[Value, str]:
    """Name the leaves of a graph that are parameters of a net that somebody holds, and have no label.

    Of several nets none is named: they would have the same names.

    >>> from microgradnet.nets.net import Neuron
    >>> neuron = Neuron(1, seed=1)
    >>> known_names({neuron.bias, *neuron.weights}) == parameter_names(neuron)
    True
    """
    found: dict[Value, str] = {}
    leaves, nets = {*leaves}, 0
    for owner in owners():
        try:
            its = owner.parameters()
        except AttributeError:  # it was never finished
            continue
        if its and its[0] not in found and any(p in leaves for p in its):
            nets += 1
            found |= parameter_names(owner)
    return {p: name for p, name in found.items() if p in leaves and not p.label} if nets == 1 else {}
