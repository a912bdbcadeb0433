"""Neurons, layers of them, and nets of layers, with what they share.

A neuron has a net input ``r = sum(x_i * w_i) + b``, recorded as one ``dot``, and an
output ``g(r)``: two nodes, as on paper (derivation, "Preliminaries"). An activation g is a row of the table, by
its name, or any function on a Value. Parameters can be listed, frozen and reset; a ``Run`` is what a net keeps of a
forward run, and a ``Standardisation`` how it sees its rows.

>>> net = MLP(2, [3, 1], activation='tanh', seed=7)
>>> net
MLP(2, [3, 1], activation='tanh', output_activation='identity')
>>> y = net([0.5, -1.0])
>>> y.op.name, len(net.parameters())
('dot', 13)

>>> g = Activation('softsign')
>>> g(Value(1.0)).data, g.number(1.0)
(0.5, 0.5)
>>> Activation('sigmiod')
Traceback (most recent call last):
    ...
ValueError: there is no activation 'sigmiod'; did you mean 'sigmoid'?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, overload
from weakref import WeakSet

from .._lazy import above
from ..engine import functions
from ..engine.checks import MOST, Seed, generator, items, one_of, ordered, said, whole
from ..engine.context import no_grad
from ..engine.elsewhere import Elsewhere, elsewhere
from ..engine.fast import recorders
from ..engine.functions import is_array
from ..engine.incoming import array_of_numbers
from ..engine.numbers import Fraction, Number, real
from ..engine.table import operations
from ..engine.value import Value
from .names import Named, agree, class_number, classes_for, names_for, output_names
from .tables import Frame, beside, is_frame, rows_of

__all__ = [
    'MLP', 'Activation', 'Firing', 'Layer', 'Neuron', 'Parametrised', 'Run', 'Standardisation', 'activation_names',
    'owners', 'row_of',
]  # fmt: skip


#: Activations that are 0, or nearly, on one side of 0: their weights are drawn after He.
ONE_SIDED = ('relu', 'leaky_relu', 'elu', 'silu', 'gelu', 'softplus')
#: Names from the derivation for what the table calls otherwise, or what is no operation.
OTHER_NAMES: dict[str, Callable[[Any], Any]] = {
    'identity': lambda r: r,
    'linear': lambda r: r,
    'threshold': lambda r: functions.step(r),
}
#: What does the work of micrograd's ``nonlin``.
NONLIN = "activation='relu', or 'identity' for none"


def activation_names() -> list[str]:
    """List the activations that are known by name: every operation that needs one operand.

    >>> {'identity', 'threshold', 'sigmoid', 'tanh', 'relu'} <= set(activation_names())
    True
    """
    needs_one = (op.name for op in operations.values() if not op.vectors and len(op.parameters) - len(op.default) == 1)
    return [*dict.fromkeys([*OTHER_NAMES, *needs_one])]


class Activation:
    """An activation function g with a ``name``; called on a Value it records g(r).

    Raises ValueError for a name that is not known, TypeError for what cannot be called.
    """

    def __init__(self, g: str | Callable[[Any], Any] | Activation) -> None:
        if isinstance(g, Activation):
            g = g.g
        if not callable(g) and not isinstance(g, str):
            raise TypeError(f'an activation is a name or a function on a Value, not {said(g)}')
        self.g: str | Callable[[Any], Any] = g
        self.name: str = g if isinstance(g, str) else getattr(g, '__name__', repr(g))
        if isinstance(g, str):
            one_of('activation', g, activation_names())
        self.is_one_sided: bool = self.name in ONE_SIDED
        self._function = g if callable(g) else OTHER_NAMES.get(g) or getattr(functions, g)
        #: What records g(r) of a node: the operation's own function, or this object, which checks.
        self.record: Callable[[Value], Value] = self if callable(g) else self._function

    def __call__(self, r: Value) -> Value:
        """Record g(r); raise TypeError if the function returns something else than a Value."""
        output = self._function(r)
        if not isinstance(output, Value):
            raise TypeError(f'activation {self.name} must return a Value, not {output!r}')
        return output

    def number(self, r: Number) -> Number:
        """Compute g(r) of a bare number; a function given by the user sees a Value all the same."""
        if isinstance(self.g, str):
            return self._function(r)  # type: ignore[no-any-return]
        return self(Value(r)).data

    def __reduce__(self) -> tuple[Any, ...]:
        return Activation, (self.g,)


class HasWeights(Protocol):
    """A neuron, as far as its parameters go."""

    weights: list[Value]
    bias: Value
    frozen: set[Value]


P = TypeVar('P', bound='Parametrised')
#: All that somebody holds, for pictures to know whose a parameter is.
_living: WeakSet[Parametrised] = WeakSet()


def owners() -> list[Parametrised]:
    """List the nets, the layers and the neurons that somebody holds, nets first."""
    return sorted(_living, key=lambda each: 0 if isinstance(each, MLP) else 1 if isinstance(each, Layer) else 2)


class Parametrised:
    """Something with parameters: what ``Neuron``, ``Layer`` and ``MLP`` share."""

    def __new__(cls: type[P], *_: Any, **__: Any) -> P:
        made = super().__new__(cls)
        _living.add(made)
        return made

    def neurons_within(self) -> Iterator[HasWeights]:
        """Iterate over the neurons, layer by layer."""
        raise NotImplementedError

    def parameters(self) -> list[Value]:
        """List every weight and bias: neuron by neuron, its weights, then its bias."""
        return [p for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)]

    def trainable(self) -> list[Value]:
        """List the parameters that are not frozen: those that ``train`` changes."""
        return [p for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)
                if p not in neuron.frozen]  # fmt: skip

    def freeze(self, parameters: Iterable[Value] | None = None) -> None:
        """Keep parameters, all by default, as they are: ``train`` leaves them alone.

        Raises ValueError for a Value that is none of the parameters.
        >>> neuron = Neuron(2)
        >>> neuron.freeze([neuron.bias]); len(neuron.trainable())
        2
        >>> neuron.unfreeze(); len(neuron.trainable())
        3
        """
        self._set_frozen(parameters, set.add)

    def unfreeze(self, parameters: Iterable[Value] | None = None) -> None:
        """Let frozen parameters, all by default, learn again."""
        self._set_frozen(parameters, set.discard)

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for p in self.parameters():
            p.grad = Fraction(0) if isinstance(p._data, Fraction) else 0.0

    def _set_frozen(self, parameters: Iterable[Value] | None, change: Callable[[set[Value], Value], None]) -> None:
        owners = {p: neuron for neuron in self.neurons_within() for p in (*neuron.weights, neuron.bias)}
        if isinstance(parameters, Value):
            raise TypeError(f'freeze and unfreeze take a list of parameters, not the one {parameters!r}')
        wanted = 'a list of parameters'
        chosen = [*owners] if parameters is None else items('parameters', parameters, wanted, any_order=True)
        for p in chosen:
            if not isinstance(p, Value) or p not in owners:
                raise ValueError(f'{p!r} is not a parameter of {self!r}')
        for p in chosen:
            change(owners[p].frozen, p)


def row_of(x: Iterable[Any], length: int, owner: Parametrised) -> list[Value]:
    """Take one row in as nodes; numbers become leaves, which the error signal reaches."""
    row = [*x] if x.__class__ is list else _inputs(x, length, owner)
    if len(row) != length:
        raise ValueError(f'{owner!r} takes {length} inputs; the row has {len(row)}')
    if all(item.__class__ is Value for item in row):
        return row
    exact = isinstance(next(owner.neurons_within()).bias._data, Fraction)
    return [
        item if isinstance(item, Value) else Value(Fraction(item) if exact and isinstance(item, int) else item)
        for item in row
    ]


def _inputs(x: Any, length: int, owner: Parametrised) -> list[Any]:
    """List the inputs in any other row than a list."""
    if not ordered(x) or getattr(x, 'shape', None) == ():
        raise TypeError(f'{owner!r} takes a row of {length} inputs, not {said(x)}')
    return [*(array_of_numbers(x, f'a row of {owner!r}', also='O') if is_array(x) else x)]


class Firing(NamedTuple):
    """What one neuron did for one sample: its net input r and its output g(r)."""

    r: Value
    output: Value

    @property
    def error_signal(self) -> Number:
        """delta, the derivative of the error by the neuron's output, after ``backward``.

        The derivation's own: many textbooks mean by delta the derivative by r, which
        has the factor g'(r) in it, and is ``r.grad`` here.
        """
        return self.output.grad


class Run(NamedTuple):
    """A forward run that was kept: ``inputs``, and per layer the firing of each neuron.
    >>> net = MLP(1, [1, 1], activation='tanh', seed=3)
    >>> run = net.run([2.0])
    >>> error = (run.outputs[0] - 1.0) ** 2 / 2
    >>> error.backward()
    >>> run.layers[1][0].error_signal == run.outputs[0].data - 1.0
    True
    """

    inputs: list[Value]
    layers: list[list[Firing]]

    @property
    def outputs(self) -> list[Value]:
        """The outputs of the last layer."""
        return [firing.output for firing in self.layers[-1]]

    @property
    def error_signals(self) -> list[list[Number]]:
        """delta of every neuron, layer by layer; zeros before ``backward``."""
        return [[firing.error_signal for firing in layer] for layer in self.layers]


@dataclass(frozen=True)
class Standardisation:
    """Means and deviations of a teacher set's inputs, by which a net standardises its rows."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __call__(self, row: Sequence[Any]) -> list[Any]:
        """Return ``(x - mean) / deviation`` for every x of a row.

        >>> Standardisation((10.0,), (2.0,))([13.0])
        [1.5]
        """
        return [(x - m) / d for x, m, d in zip(row, self.means, self.deviations, strict=True)]


class Teaching(Named, Protocol):
    """A teacher set, as far as a net keeps what it tells."""

    @property
    def standardisation(self) -> Standardisation | None: ...


class Neuron(Parametrised):
    """One neuron: ``weights``, one per input, a ``bias`` and an activation function g.

    ``activation`` is a name (``'identity'``, ``'threshold'`` or any operation of one
    operand, such as ``'tanh'``) or any function on a Value. Weights are drawn uniformly
    from ``[-limit, limit]``: for activations that are 0 on one side (relu and its kin)
    ``limit = sqrt(6 / inputs)``, after He and others (2015); for all others ``limit =
    sqrt(6 / (inputs + outputs))``, after Glorot and Bengio (2010), where ``outputs`` is
    the number of neurons in the layer. The bias is 0. ``seed`` is a whole number, or a
    ``random.Random`` to draw from; without it they are drawn from Python's own generator,
    so that ``random.seed`` holds.

    >>> neuron = Neuron(2, 'identity', seed=1)
    >>> neuron.weights[0].data, neuron.weights[1].data, neuron.bias.data = 2.0, 3.0, 1.0
    >>> neuron([10.0, 100.0]).data
    321.0
    """

    if not TYPE_CHECKING:  # micrograd's
        w = Elsewhere('weights')
        b = Elsewhere('bias')
        nonlin = Elsewhere(NONLIN)

    @elsewhere(nonlin=NONLIN)
    def __init__(
        self, inputs: int, activation: str | Callable[[Any], Any] = 'relu', *, outputs: int = 1, seed: Seed = None
    ) -> None:
        inputs = whole('the number of inputs of a neuron', inputs, most=MOST)
        outputs = whole('the number of neurons of a layer', outputs, most=MOST)
        self.activation: Activation = Activation(activation)
        random = generator(seed)
        limit = sqrt(6 / inputs) if self.activation.is_one_sided else sqrt(6 / (inputs + outputs))
        self.weights: list[Value] = [Value(random.uniform(-limit, limit)) for _ in range(inputs)]
        self.bias: Value = Value(0.0)
        self.frozen: set[Value] = set()

    def __call__(self, x: Iterable[Any]) -> Value:
        """Return the neuron's output for one row of inputs."""
        return self.fire(row_of(x, len(self.weights), self)).output

    def fire(self, x: list[Value]) -> Firing:
        """Record the neuron on inputs that are nodes already."""
        r = functions.dot(self.weights, x, self.bias)
        return Firing(r, self.activation(r))

    def neurons_within(self) -> Iterator[Neuron]:
        yield self

    def __repr__(self) -> str:
        return f'Neuron({len(self.weights)}, {self.activation.name!r})'


class Layer(Parametrised):
    """Neurons side by side, all with the same inputs; arguments as for ``Neuron``."""

    @elsewhere(nonlin=NONLIN)
    def __init__(
        self, inputs: int, outputs: int, activation: str | Callable[[Any], Any] = 'relu', *, seed: Seed = None
    ) -> None:
        outputs = whole('the number of neurons of a layer', outputs, most=MOST)
        random = generator(seed)
        self.neurons: list[Neuron] = [Neuron(inputs, activation, outputs=outputs, seed=random) for _ in range(outputs)]

    @property
    def activation(self) -> Activation:
        return self.neurons[0].activation

    def __call__(self, x: Iterable[Any]) -> Any:
        """Return the list of outputs, or the output itself if there is only one."""
        outputs = self.outputs(row_of(x, len(self.neurons[0].weights), self))
        return outputs[0] if len(outputs) == 1 else outputs

    def outputs(self, x: list[Value]) -> list[Value]:
        """Record every neuron on inputs that are nodes already, and keep the outputs only."""
        dot = recorders['dot']
        try:
            data = [v._data for v in x]
        except (TypeError, AttributeError):
            raise TypeError(f'{self!r} records on a list of Values, not on {said(x)}') from None
        return [n.activation.record(dot(n.weights, x, n.bias, data)) for n in self.neurons]

    def fire(self, x: list[Value]) -> list[Firing]:
        """Record every neuron on inputs that are nodes already."""
        return [neuron.fire(x) for neuron in self.neurons]

    def neurons_within(self) -> Iterator[Neuron]:
        return iter(self.neurons)

    def __repr__(self) -> str:
        return f'Layer({len(self.neurons[0].weights)}, {len(self.neurons)}, {self.activation.name!r})'


class MLP(Parametrised):
    """A fully connected net: ``MLP(2, [16, 16, 1])`` has 2 inputs and 3 layers.

    ``activation`` is that of the hidden layers, ``output_activation`` that of the last
    one; weights are drawn as ``Neuron`` says. ``standardisation``, if set, is applied
    once to every row that comes in, so rows come as the teacher set had them. It, and
    ``input_names``, ``target_names`` and ``classes``, are taken over from the teacher
    set in ``train``, and kept in files, copies and pickles; all are None for a net that
    knows none. Raises ValueError for a size below 1.

    >>> net = MLP(2, [2, 2], activation='sigmoid', seed=1)
    >>> [f'{y:.3f}' for y in net([1.0, 0.0])]
    ['-0.084', '0.572']
    """

    _input_names: tuple[str, ...] | None = None
    _target_names: tuple[str, ...] | None = None
    _classes: tuple[Any, ...] | None = None

    @elsewhere(nonlin=NONLIN)
    def __init__(
        self,
        inputs: int,
        sizes: Sequence[int],
        activation: str | Callable[[Any], Any] = 'relu',
        output_activation: str | Callable[[Any], Any] = 'identity',
        *,
        seed: Seed = None,
    ) -> None:
        inputs = whole('the number of inputs of a net', inputs, most=MOST)
        wanted = 'a list, the number of neurons in each layer, such as [16, 1]'
        sizes = items('the sizes of a net', sizes, wanted)
        whole('the number of layers of a net', len(sizes))
        Activation(activation)  # to be refused even where there is no hidden layer
        random = generator(seed)
        kinds = [activation] * (len(sizes) - 1) + [output_activation]
        shapes = zip([inputs, *sizes], sizes, kinds)
        self.layers: list[Layer] = [Layer(n, size, g, seed=random) for n, size, g in shapes]
        self.standardisation: Standardisation | None = None

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[Sequence[Sequence[Any]]],
        biases: Sequence[Sequence[Any]],
        activation: str | Callable[[Any], Any] = 'relu',
        output_activation: str | Callable[[Any], Any] = 'identity',
    ) -> MLP:
        """Make a net of given numbers, floats or fractions.

        ``weights[layer][neuron][input]`` and ``biases[layer][neuron]``; raises
        ValueError where the shapes do not fit together.

        >>> net = MLP.from_weights([[[1, 2]], [[3]]], [[0], [Fraction(1, 2)]], 'identity')
        >>> net([Fraction(1, 3), 0]).data
        Fraction(3, 2)
        """
        weights, biases = _nested('weights', weights, 3), _nested('biases', biases, 2)
        sizes = [len(layer) for layer in weights]
        if not sizes or not sizes[0]:
            raise ValueError('a net needs weights of at least one layer of one neuron; there are none')
        net = cls(len(weights[0][0]), sizes, activation, output_activation, seed=0)
        net.set_weights(weights, biases)
        return net

    def set_weights(self, weights: Sequence[Sequence[Sequence[Any]]], biases: Sequence[Sequence[Any]]) -> None:
        """Put numbers, shaped as ``from_weights`` says, in place of all parameters' data."""
        weights, biases = _nested('weights', weights, 3), _nested('biases', biases, 2)
        shape = [[len(neuron.weights) for neuron in layer.neurons] for layer in self.layers]
        given = [[len(neuron) for neuron in layer] for layer in weights]
        if given != shape or [len(layer) for layer in biases] != [len(layer) for layer in shape]:
            raise ValueError(
                f'{self!r} has inputs per neuron and layer {shape}; the weights given have {given}, '
                f'with {[len(layer) for layer in biases]} biases'
            )
        numbers = [x for layer, b in zip(weights, biases) for row, bias in zip(layer, b) for x in (*row, bias)]
        exact = any(isinstance(x, Fraction) for x in numbers)
        data = [Fraction(x) if exact and isinstance(x, int) else real(x, 'a weight') for x in numbers]
        for p, number in zip(self.parameters(), data, strict=True):
            p.data = number
        self.zero_grad()

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return len(self.layers[0].neurons[0].weights)

    @property
    def sizes(self) -> list[int]:
        """The number of neurons in each layer."""
        return [len(layer.neurons) for layer in self.layers]

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """What the inputs are called, in order: a table's columns of these names go in."""
        return self._input_names

    @input_names.setter
    def input_names(self, names: Iterable[str] | None) -> None:
        self._input_names = names_for(names, self.inputs, 'input')

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """What the targets are called: one name for each, or one for the class."""
        return self._target_names

    @target_names.setter
    def target_names(self, names: Iterable[str] | None) -> None:
        self._target_names = names_for(names, None, 'target')

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """The classes, in the order of their numbers: there is an output for each, or a lone one for all."""
        return self._classes

    @classes.setter
    def classes(self, classes: Iterable[Any] | None) -> None:
        self._classes = classes_for(classes, self.sizes[-1])

    def take_over(self, teacher_set: Teaching) -> None:
        """Keep what a teacher set tells of its numbers: names, classes, standardisation. ``train`` does so.

        What the net has already, it keeps: its weights were learned so. Raises ValueError,
        and takes nothing over, if inputs or classes have other names in the net, or another
        order. ``net.input_names = None`` or ``net.classes = None`` lets it learn others.
        """
        if not hasattr(teacher_set, 'standardisation') or isinstance(teacher_set, (Parametrised, type)):
            raise TypeError(f'a net takes over what a TeacherSet tells, not {said(teacher_set)}')
        agree(self, f'the net {self!r}', teacher_set, 'the teacher set')
        classes = teacher_set.classes
        if self.classes is None and classes is not None and self.sizes[-1] in (1, len(classes)):
            self.classes = classes
        self.input_names = self.input_names or teacher_set.input_names
        self.target_names = self.target_names or teacher_set.target_names
        self.standardisation = self.standardisation or teacher_set.standardisation

    def __call__(self, x: Iterable[Any]) -> Any:
        """Return the list of outputs for one row, or the output itself if there is only one."""
        signal: list[Value] = row_of(x, self.inputs, self)
        if self.standardisation:
            signal = self.standardisation(signal)
        for layer in self.layers:
            signal = layer.outputs(signal)
        return signal[0] if len(signal) == 1 else signal

    def run(self, x: Iterable[Any]) -> Run:
        """Record the net on one row, and keep each neuron's net input and output.

        Raises ValueError for a row of the wrong length.
        """
        inputs = row_of(x, self.inputs, self)
        signal: list[Value] = self.standardisation(inputs) if self.standardisation else inputs
        layers = []
        for layer in self.layers:
            layers.append(layer.fire(signal))
            signal = [firing.output for firing in layers[-1]]
        return Run(inputs, layers)

    @overload
    def predict(self, rows: Frame) -> Any: ...
    @overload
    def predict(self, rows: Iterable[Iterable[Any]]) -> list[Any]: ...
    def predict(self, rows: Iterable[Iterable[Any]] | Frame) -> Any:
        """Return the output (or list of outputs) for each of many rows, as bare numbers.

        Rows come as the teacher set had them: a net that has a ``standardisation`` applies
        it, once. Of a table with named columns, such as a pandas DataFrame, those called
        ``input_names`` go in, whatever their order; the answers then are a Series, or a
        DataFrame of several outputs, with the table's index. Raises ValueError that names
        the columns that are missing.

        Nothing is recorded; the numbers are those of calling the net, bit for bit.

        >>> net = MLP(2, [4, 1], seed=5)
        >>> net.predict([[1.0, 2.0]]) == [net([1.0, 2.0]).data]
        True
        """
        return beside(rows, self._outputs(rows), output_names(self, self.sizes[-1]))

    @overload
    def classify(self, rows: Frame) -> Any: ...
    @overload
    def classify(self, rows: Iterable[Iterable[Any]]) -> list[Any]: ...
    def classify(self, rows: Iterable[Iterable[Any]] | Frame) -> Any:
        """Return the class for each of many rows, by its name; rows and tables are those of ``predict``.

        It is the class of the largest output (of equal ones, the first), or the class whose
        number is nearest to a lone output. Raises ValueError for a net that knows no classes,
        and for a row whose outputs are nan, by its number, counted from 1.

        >>> net = MLP.from_weights([[[1.0], [-1.0]]], [[0.0, 0.0]])
        >>> net.classes = ['above', 'below']
        >>> net.classify([[3.0], [-0.5]])
        ['above', 'below']
        """
        classes = self.classes
        if classes is None:
            raise ValueError(f'{self!r} knows no classes: teach it a set that has them, or set net.classes')
        result = []
        for place, y in enumerate(self._outputs(rows), 1):
            try:
                result.append(classes[class_number(y, len(classes))])
            except ValueError as trouble:
                raise ValueError(f'row {place}: {trouble}') from None
        names = self.target_names or ()
        return beside(rows, result, [names[0] if len(names) == 1 else None])

    def to_js(self) -> str:
        """Print the net as a module of JavaScript that needs nothing else, for a page or for Node.

        ``predict(row)`` takes raw numbers, as the teacher set had them, and returns the output or the list of
        outputs; ``classify(row)``, of a net that knows classes, returns the class by its name. What else is in the
        module is that of ``Program.to_js``; a second argument is other parameters than those of now. Arithmetic is
        IEEE's, and a row of another length a RangeError, as is a nan for ``classify``.

        Raises TypeError for an activation that is a ``custom`` operation, for only Python knows it;
        BranchError and ReadingError, as ``compile`` does, for one that branches or reads ``.data``.

        >>> net = MLP.from_weights([[[1.0], [-1.0]]], [[0.0, 0.5]])
        >>> net.input_names, net.classes = ['height'], ['above', 'below']
        >>> print(*(line for line in net.to_js().splitlines() if 'raw' in line or 'classes =' in line), sep='\\n')
        /** The outputs (above, below) for a row of raw numbers: height. */
        export const classes = ['above', 'below'];
        """
        return str(above('MLP.to_js')(self))

    def to_c(
        self, name: str = 'net', *, float32: bool = False, fixed_point: str | None = None,
        examples: Iterable[Sequence[Any]] | None = None,
    ) -> str:  # fmt: skip
        """Print the net as a C99 file that needs the C library only.

        ``net_predict(row, outputs)`` takes raw numbers, as the teacher set had them; ``net_classify(row)``,
        of a net that knows classes, returns the class by its name (UTF-8), or 0 where an output is nan.
        The rest is that of ``Program.to_c``.

        name: what all names in the file begin with.
        float32: compute with ``float``, where a processor has nothing wider.
        fixed_point: compute with whole numbers alone, where a processor has nothing else: ``'q3.12'``, a sign, 3 bits
            before the binary point and 12 behind it, for all weights and all that goes from layer to layer, or any
            other split of 7 or 15 bits, as in ``'q7'`` and ``'q15'``; or ``'int8'`` or ``'int16'``, and then each
            layer's points are chosen by the examples. Sums have 32 bits and cannot overflow, what is too large
            saturates, and activations are tables. A comment says what the row's and the outputs' numbers stand for,
            and how far they may be off the net's at most.
        examples: rows of raw numbers, of a teacher set say: what must not saturate, and a measure of what is off.

        Raises what ``to_js`` raises; ValueError for a name that is none in C, for a number that no ``float`` can hold,
        and, naming the weight or the neuron, for one that does not fit the fixed-point format.

        >>> net = MLP(2, [1], seed=1)
        >>> [line for line in net.to_c('slope').splitlines() if line.startswith('void') and line.endswith(';')][1]
        'void slope_predict(const double row[2], double outputs[1]);'
        """
        return str(above('MLP.to_c')(self, name, float32, fixed_point, examples))

    def _outputs(self, rows: Any) -> list[Any]:
        """Return what ``predict`` does, as a list."""
        dot = operations['dot'].value('python')
        layers = [[([w.data for w in n.weights], n.bias.data, n.activation.number) for n in layer.neurons]
                  for layer in self.layers]  # fmt: skip
        results = []
        if isinstance(rows, (Value, str, type)) or getattr(rows, 'shape', None) == () or not (
            isinstance(rows, Iterable) or is_frame(rows)
        ):
            raise TypeError(f'predict takes rows of {self.inputs} inputs each, not {said(rows)}')
        with no_grad():
            for row in rows_of(rows, self.input_names):
                numbers = [v.data for v in row_of(row, self.inputs, self)]
                x: list[Any] = self.standardisation(numbers) if self.standardisation else numbers
                for layer in layers:
                    x = [g(dot(weights, x, bias)) for weights, bias, g in layer]
                results.append(x[0] if len(x) == 1 else x)
        return results

    def neurons_within(self) -> Iterator[Neuron]:
        return (neuron for layer in self.layers for neuron in layer.neurons)

    def __repr__(self) -> str:
        hidden = self.layers[0].activation.name if len(self.layers) > 1 else 'relu'
        return (
            f'MLP({self.inputs}, {self.sizes}, activation={hidden!r}, '
            f'output_activation={self.layers[-1].activation.name!r})'
        )


def _nested(what: str, numbers: Any, depth: int) -> list[Any]:
    """List numbers that are nested so deep; raise TypeError where that is no list."""
    found = items(what, numbers, ' of '.join(['a list', *['lists'] * (depth - 1)]))
    if depth == 1:
        return found
    return [_nested(f'{what}[{place}]', inner, depth - 1) for place, inner in enumerate(found)]
