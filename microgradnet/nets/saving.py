"""Save a net as JSON, and load it: architecture, activations, numbers, what is frozen, what the numbers are called.

The file is strict JSON in UTF-8. A float is written with the fewest digits that give
it back exactly; a fraction is the string ``"1/3"``, and ``"nan"``, ``"inf"``, ``"-inf"``
are strings, too. An activation that is a function is written as ``{"custom": name}``
and must be handed in again.

>>> from pathlib import Path; from tempfile import TemporaryDirectory
>>> net = MLP(2, [3, 1], 'tanh', seed=1)
>>> with TemporaryDirectory() as folder:
...     save(net, Path(folder) / 'net.json')
...     same = load(Path(folder) / 'net.json')
>>> same
MLP(2, [3, 1], activation='tanh', output_activation='identity')
>>> same([0.5, -1.0]).data == net([0.5, -1.0]).data
True
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from .._files import FilePath, write_whole
from ..engine.checks import file_path, instance, said
from ..engine.numbers import Fraction, Number
from .names import classes_for, names_for
from .net import MLP, Activation, Standardisation

__all__ = ['as_json', 'as_term', 'from_json', 'load', 'restore', 'save']

FORMAT, VERSION = 'microgradnet net', 1
SPECIAL = {'nan': float('nan'), 'inf': float('inf'), '-inf': float('-inf')}

Activations: TypeAlias = Mapping[str, Callable[[Any], Any]]
Item: TypeAlias = Callable[[Any, str], Any]
#: The names of a net's inputs and of its targets, and its classes.
Names: TypeAlias = tuple[tuple[str, ...] | None, tuple[str, ...] | None, tuple[Any, ...] | None]


def save(net: MLP, path: FilePath) -> None:
    """Write a net to a file, whole or not at all: a file that is there stays until the new one is done.

    Raises TypeError for anything but an MLP, ValueError if two different functions
    that are activations have the same name.
    """
    text = as_json(net)
    write_whole(file_path('path', path), text)


def as_json(net: MLP) -> str:
    """Return what ``save`` writes."""
    if not isinstance(net, MLP):
        raise TypeError(f'only an MLP can be saved, not {said(net)}')
    return json.dumps(_described(net), indent=1, allow_nan=False) + '\n'


def from_json(text: str, path: FilePath) -> MLP:
    """Make a net of what ``as_json`` returned; errors name the path."""
    return _Reader(path, text).net({})


def load(path: FilePath, *, activations: Activations | None = None) -> MLP:
    """Make a net from a file; ``activations`` maps names to the functions that the file cannot hold.

    Raises ValueError for a file that is not such a net, saying what is wrong with it.
    """
    if activations is not None:
        instance('activations', activations, Mapping, 'a dictionary of functions by name')
    return _Reader(path).net(activations or {})


def restore(net: MLP, path: FilePath) -> None:
    """Put what a file holds into a net that is there; its parameters stay the same Values.

    Raises ValueError, and changes nothing, if the net's sizes or activations are not
    those in the file.
    """
    instance('net', net, MLP, 'an MLP')
    reader = _Reader(path)
    saved, present = reader.architecture(), _described(net)
    for key in ('inputs', 'sizes', 'activations'):
        if saved[key] != present[key]:
            raise ValueError(
                f'{path} does not fit {net!r}: its {key} are {saved[key]}, those of the net {present[key]}'
            )
    _fill(net, *reader.numbers(net.inputs, net.sizes), reader.names(net.inputs, net.sizes))


def _described(net: MLP) -> dict[str, Any]:
    """Say in JSON's terms all that a net is."""
    standard = net.standardisation
    return {
        'format': FORMAT,
        'version': VERSION,
        'inputs': net.inputs,
        'sizes': net.sizes,
        'activations': _activations(net),
        'weights': [[[as_term(w.data) for w in n.weights] for n in layer.neurons] for layer in net.layers],
        'biases': [[as_term(n.bias.data) for n in layer.neurons] for layer in net.layers],
        'frozen': [[[p in n.frozen for p in n.parameters()] for n in layer.neurons] for layer in net.layers],
        'standardisation': standard and {
            'means': [as_term(m) for m in standard.means],
            'deviations': [as_term(d) for d in standard.deviations],
        },
        'names': {
            'inputs': net.input_names and [*net.input_names],
            'targets': net.target_names and [*net.target_names],
            'classes': net.classes and [*map(_class_text, net.classes)],
        },
    }  # fmt: skip


def _activations(net: MLP) -> list[str | dict[str, str]]:
    """List the activations, layer by layer: a name, or a dictionary with that of a function."""
    functions: dict[str, Any] = {}
    for layer in net.layers:
        for g in (neuron.activation for neuron in layer.neurons):
            if g.g is not layer.activation.g and g.g != layer.activation.g:
                raise ValueError(f'{layer!r} has neurons with different activations, which a file cannot hold')
            if callable(g.g) and functions.setdefault(g.name, g.g) is not g.g:
                raise ValueError(f'two different activations are called {g.name!r}: a file could not tell them apart')
    kinds = [layer.activation for layer in net.layers]
    return [{'custom': g.name} if callable(g.g) else g.name for g in kinds]


def as_term(number: Number) -> float | str:
    """Say a number in JSON's terms."""
    if isinstance(number, Fraction):
        # Python refuses to print very long integers in decimal; it prints any in hexadecimal.
        style = 'd' if max(number.numerator.bit_length(), number.denominator.bit_length()) < 1000 else '#x'
        return f'{number.numerator:{style}}/{number.denominator:{style}}'
    return float(number) if isfinite(number) else str(float(number))


def _class_text(name: Any) -> Any:
    """Say in JSON's terms what a class is called: a string or a number."""
    name = name.item() if hasattr(name, 'item') else name
    if isinstance(name, Fraction):
        return {'fraction': as_term(name)}
    if name is not None and not isinstance(name, (str, int)) and not (isinstance(name, float) and isfinite(name)):
        raise ValueError(f'a file holds classes that are strings or numbers, and not {name!r}: set net.classes')
    return name


class _Reader:
    """What a file says, checked piece by piece as it is asked for."""

    def __init__(self, path: FilePath, text: str | None = None) -> None:
        self.path = file_path('path', path)
        try:
            text = Path(path).read_text('utf-8') if text is None else text
            self.content = json.loads(text, parse_constant=self._refuse_constant)
        except (ValueError, RecursionError) as trouble:
            raise ValueError(f'{path} is not a saved net: it is not JSON ({trouble})') from trouble
        found = self.content.get('format') if isinstance(self.content, dict) else self.content
        if found != FORMAT:
            self._refuse(f'its format should be {FORMAT!r}, not {_short(found)}')
        if self._key('version') != VERSION:
            self._refuse(f'it is of version {_short(self.content["version"])}; this program reads version {VERSION}')

    def architecture(self) -> dict[str, Any]:
        """Check and return inputs, sizes and activations."""
        inputs, sizes, kinds = self._key('inputs'), self._key('sizes'), self._key('activations')
        if not isinstance(sizes, list) or not sizes or not all(map(_is_size, [inputs, *sizes])):
            self._refuse(f'inputs and sizes should be whole numbers from 1 on, not {_short(inputs)}, {_short(sizes)}')
        if not isinstance(kinds, list) or len(kinds) != len(sizes) or not all(map(_is_activation, kinds)):
            self._refuse(f'it should have the names of {len(sizes)} activations, not {_short(kinds)}')
        return {'inputs': inputs, 'sizes': sizes, 'activations': kinds}

    def net(self, functions: Activations) -> MLP:
        """Make the net, with the functions given for activations that have no name of ours."""
        plan = self.architecture()
        # Numbers first: a file whose numbers do not fit its sizes makes no net of these sizes.
        numbers, names = self.numbers(plan['inputs'], plan['sizes']), self.names(plan['inputs'], plan['sizes'])
        kinds = []
        for place, kind in enumerate(plan['activations'], 1):
            name = kind if isinstance(kind, str) else kind['custom']
            if not isinstance(kind, str) and name not in functions:
                self._refuse(
                    f'the activation of layer {place} is the function {name!r}, which a file '
                    f'cannot hold: load it with activations={{{name!r}: ...}}'
                )
            try:
                kinds.append(Activation(kind if isinstance(kind, str) else functions[name]))
            except ValueError as trouble:
                self._refuse(f'layer {place}: {trouble}')
        net = MLP(plan['inputs'], plan['sizes'], seed=0)
        for layer, g in zip(net.layers, kinds, strict=True):
            for neuron in layer.neurons:
                neuron.activation = g
        _fill(net, *numbers, names)
        return net

    def numbers(self, inputs: int, sizes: list[int]) -> tuple[Any, Any, Any, Standardisation | None]:
        """Check and return weights, biases, what is frozen, and the standardisation."""
        shape = [*zip(sizes, [inputs, *sizes])]
        weights = self._layers('weights', shape, self._number)
        biases = self._layers('biases', [(size,) for size in sizes], self._number)
        frozen = self._layers('frozen', [(size, n + 1) for size, n in shape], self._flag)
        standard = self._key('standardisation')
        if standard is None:
            return weights, biases, frozen, None
        if not isinstance(standard, dict) or {*standard} != {'means', 'deviations'}:
            self._refuse(f'standardisation should have means and deviations, not {_short(standard)}')
        means, deviations = (self._nested(standard[k], [inputs], k, self._number) for k in ('means', 'deviations'))
        if not all(deviation > 0 for deviation in deviations):
            self._refuse(f'deviations should be more than 0, not {deviations}')
        return weights, biases, frozen, Standardisation(tuple(means), tuple(deviations))

    def names(self, inputs: int, sizes: list[int]) -> Names:
        """Check and return the names of inputs and targets, and the classes; older files have none."""
        said = self.content.get('names', {'inputs': None, 'targets': None, 'classes': None})
        if not isinstance(said, dict) or {*said} != {'inputs', 'targets', 'classes'}:
            self._refuse(f'names should have inputs, targets and classes, not {_short(said)}')
        for key, names in said.items():
            item = str if key != 'classes' else (str, int, float, dict, type(None))
            if names is not None and (not isinstance(names, list) or not all(isinstance(name, item) for name in names)):
                self._refuse(f'the names of {key} should be a list of them, not {_short(names)}')
        classes = said['classes'] and [*map(self._class, said['classes'])]
        try:
            return (
                names_for(said['inputs'], inputs, 'input'), names_for(said['targets'], None, 'target'),
                classes_for(classes, sizes[-1]),
            )  # fmt: skip
        except ValueError as trouble:
            return self._refuse(str(trouble))

    def _class(self, content: Any) -> Any:
        return self._number(content.get('fraction'), 'a class') if isinstance(content, dict) else content

    def _layers(self, key: str, shape: Sequence[Sequence[int]], item: Item) -> list[Any]:
        """Check and return what the file has for each layer, whose shape is given."""
        layers = self._nested(self._key(key), [len(shape)], key, lambda layer, where: layer)
        return [self._nested(layer, shape[k], f'{key}[{k}]', item) for k, layer in enumerate(layers)]

    def _nested(self, content: Any, lengths: Sequence[int], where: str, item: Item) -> Any:
        """Check lists of ``lengths[0]`` lists of ``lengths[1]`` ... items, and return them read."""
        if not lengths:
            return item(content, where)
        if not isinstance(content, list) or len(content) != lengths[0]:
            found = f'one of {len(content)}' if isinstance(content, list) else _short(content)
            self._refuse(f'{where} should be a list of {lengths[0]}, by the sizes it states, not {found}')
        return [self._nested(thing, lengths[1:], f'{where}[{k}]', item) for k, thing in enumerate(content)]

    def _number(self, content: Any, where: str) -> Number:
        try:
            if isinstance(content, str):
                return SPECIAL[content] if content in SPECIAL else _fraction(content)
            if isinstance(content, (int, float)) and not isinstance(content, bool) and isfinite(content):
                return float(content)
        except (ArithmeticError, ValueError):
            pass  # refused below
        return self._refuse(f'{where} should be a number, not {_short(content)}')

    def _flag(self, content: Any, where: str) -> bool:
        if not isinstance(content, bool):
            self._refuse(f'{where} should be true or false, not {_short(content)}')
        return content

    def _key(self, key: str) -> Any:
        return self.content[key] if key in self.content else self._refuse(f'it has no {key!r}')

    def _refuse_constant(self, name: str) -> NoReturn:
        raise ValueError(f'{name} is not JSON; it is written as a string')

    def _refuse(self, why: str) -> NoReturn:
        raise ValueError(f'{self.path} is not a net that can be used: {why}')


def _fill(
    net: MLP,
    weights: list[Any],
    biases: list[Any],
    frozen: list[Any],
    standardisation: Standardisation | None,
    names: Names,
) -> None:
    net.set_weights(weights, biases)
    net.unfreeze()
    for neuron, flags in zip(net.neurons_within(), (flags for layer in frozen for flags in layer), strict=True):
        neuron.freeze([p for p, is_frozen in zip(neuron.parameters(), flags, strict=True) if is_frozen])
    net.standardisation = standardisation
    net.input_names, net.target_names, net.classes = names


def _fraction(text: str) -> Fraction:
    above, below = text.split('/')
    return Fraction(int(above, 0), int(below, 0))


def _is_size(thing: Any) -> bool:
    return isinstance(thing, int) and not isinstance(thing, bool) and thing >= 1


def _is_activation(thing: Any) -> bool:
    name = thing['custom'] if isinstance(thing, dict) and [*thing] == ['custom'] else thing
    return isinstance(name, str)


def _short(thing: Any) -> str:
    return reprlib.repr(thing)
