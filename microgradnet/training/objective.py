"""The error of a net over a teacher set, and its gradient: recorded anew for every batch, or compiled.

What is recorded may be any error, of any numbers, fractions too.

>>> from microgradnet.nets.losses import half_squared_error
>>> net = MLP.from_weights([[[2.0]]], [[0.0]])
>>> error_and_gradients(net, [([1.0], 1.0), ([2.0], 3.0)], half_squared_error)
1.0
>>> net.parameters()[0].grad, net.parameters()[1].grad
(3.0, 2.0)

What is compiled is one sample, recorded once and replayed over rows of inputs and targets.

>>> from microgradnet.training.data import TeacherSet
>>> program = CompiledError(net, TeacherSet([[1.0], [2.0]], [1.0, 3.0]), half_squared_error)
>>> E, gradient = program.gradient([0, 1])
>>> E, [float(slope) for slope in gradient]
(1.0, [3.0, 2.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import isclose, isfinite
from typing import Any

from .._extras import have, needed
from .._processes import cached_property
from ..compiling import Program, recording
from ..compiling.run.rows import BLOCK, is_mapped
from ..compiling.run.shards import Workers
from ..engine.algebras import TROUBLE
from ..engine.context import ieee_arithmetic
from ..engine.numbers import Fraction, Number
from ..engine.value import Value
from ..nets.losses import cross_entropy, half_squared_error, margins, max_margin, weighted
from ..nets.net import MLP
from .data import TeacherSet
from .history import Error, ErrorOf, NotFinite, error_over, finite, is_finite, outputs_over
from .large import LargeTeacherSet, Samples

__all__ = ['CompiledError', 'RecordedError', 'error_and_gradients', 'error_of']


class RecordedError:
    """A net's error over samples, its gradient, and the net's outputs, by the graph of each batch."""

    compiled, parts = False, None

    def __init__(self, net: MLP, teacher_set: Samples, error: Error) -> None:
        self.net, self.error_of, self.parameters = net, error, net.trainable()
        self.samples, self.weights = [*teacher_set], teacher_set.weights

    def gradient(self, places: Sequence[int] | None) -> tuple[Number, list[Number]]:
        """Return E over the samples at some places, or all, and dE/dw for each trainable parameter."""
        samples, weights = self.samples, self.weights
        if places is not None:
            samples = [samples[place] for place in places]
            weights = weights and tuple(weights[place] for place in places)
        E = error_and_gradients(self.net, samples, weighted(self.error_of, weights))
        return E, [p.grad for p in self.parameters]

    def error(self, teacher_set: Samples) -> Number:
        """Return E over a set."""
        return error_over(self.net, teacher_set, self.error_of)

    def outputs(self, teacher_set: Samples) -> list[Any]:
        """Return the net's outputs for each sample."""
        return outputs_over(self.net, teacher_set)


def error_and_gradients(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Number:
    """Return the error E of a net over samples, and leave dE/dw in the ``grad`` of every parameter."""
    net.zero_grad()
    try:
        E = _forward(net, samples, error)
    except TROUBLE as trouble:
        # Python's arithmetic gave up; IEEE's tells a nan or an overflow from a mistake.
        with ieee_arithmetic():
            E = _forward(net, samples, error)
        if is_finite(E.data):
            raise
        raise NotFinite(f'the error became {E.data}') from trouble
    finite(E.data)
    E.backward()
    return E.data


def _forward(net: MLP, samples: Sequence[tuple[Any, Any]], error: Error) -> Value:
    E = error([net(x) for x, _ in samples], [t for _, t in samples])
    if not isinstance(E, Value):
        raise TypeError(f'an error must return a Value, not {E!r}')
    return E


def _no_sum(error: Error, what: str) -> ValueError:
    name = getattr(error, '__name__', repr(error))
    return ValueError(f'only an error that is a sum over the samples {what}; {name} is not')


def _check_sum(net: MLP, teacher_set: TeacherSet, error: Error) -> None:
    """Raise ValueError unless an error is, of samples that count alike, the sum of those of each."""
    alike, each = copy(teacher_set), copy(teacher_set)
    alike.weights, each.weights = None, (1.0,) * len(teacher_set)
    whole, summed = (float(error_over(net, samples, error)) for samples in (alike, each))
    if isfinite(whole) and not isclose(whole, summed, rel_tol=1e-6, abs_tol=1e-9):
        raise _no_sum(error, 'can be weighted')


#: Errors that are known to be sums over the samples.
SUMS = (half_squared_error, max_margin, cross_entropy)
#: Recorded, a parameter takes about so many seconds for a sample; to compile takes about a second.
RECORDED, COMPILING = 1e-6, 1.0
#: So many samples of a large set are compared with their recorded errors.
CHECKED = 1000


class CompiledError:
    """A net's error over samples, its gradient, and the net's outputs, without recording again.

    Raises ValueError where the error is not a sum over the samples, or branches.
    """

    compiled = True

    def __init__(
        self,
        net: MLP,
        teacher_set: Samples,
        error: Error,
        executor: Workers | None = None,
        shards: int | None = None,
    ) -> None:
        self.net, self._error, self.parameters = net, error, net.trainable()
        x, t = next(iter(teacher_set))
        self.classes = error is cross_entropy and not isinstance(t, Sequence)
        t = self._target(t)
        self.inputs = [Value(float(number)) for number in x]
        targets = [Value(float(number)) for number in t] if isinstance(t, Sequence) else Value(float(t))
        with ieee_arithmetic(), recording():
            self.output = net(self.inputs)
            # Targets are numbers of a row here, and are checked where they are numbers of a sample.
            weights = None if teacher_set.weights is None else [Value(1.0)]
            E = weighted(margins if error is max_margin else error, weights)([self.output], [targets])
        self.weighted = weights is not None
        leaves = [*self.inputs, *(targets if isinstance(targets, list) else [targets]), *(weights or ())]
        self.program = Program(E, rows=leaves, parameters=self.parameters)
        if self.program.branches:
            raise ValueError(f'the error cannot be compiled: {self.program.branches[0]}. Use where() or max() there')
        self.rows = self.rows_of(teacher_set)
        self._check(teacher_set.select(range(min(len(teacher_set), CHECKED))) if self.is_large else teacher_set)
        self.shards = None if executor is None else self.program.shards(self.rows, executor, shards)

    def rows_of(self, teacher_set: Samples) -> Any:
        """Return the rows of a set: the inputs, then the targets, then the weight if the program's has them."""
        numpy = needed('numpy', 'learning in compiled code')

        if isinstance(teacher_set, LargeTeacherSet):
            return teacher_set.rows_of(self.net.sizes[-1] if self.classes else None)
        targets = [self._target(t) for t in teacher_set.targets]
        weights = [[w] for w in teacher_set.weights or [1.0] * len(targets)] if self.weighted else [[]] * len(targets)
        samples = zip(teacher_set.inputs, targets, weights)
        rows = ([*x, *(t if isinstance(t, Sequence) else [t]), *weight] for x, t, weight in samples)
        return numpy.array([[float(number) for number in row] for row in rows])

    def gradient(self, places: Sequence[int] | None) -> tuple[Number, list[Number]]:
        """Return E over the samples at some places, or all, and dE/dw for each trainable parameter."""
        theta = [p.data for p in self.parameters]
        if self.shards:
            E, *gradient = self.shards.sums(theta, places)
            return float(E), [*map(float, gradient)]
        E, slopes = self.program.value_and_gradient(theta, self.rows if places is None else self.rows[places])
        return E, [*map(float, slopes)]

    @property
    def parts(self) -> int | None:
        """How many shards workers share, if they do."""
        return self.shards.count if self.shards else None

    def descends(self, size: int) -> bool:
        """Whether ``descend`` can do batches of a size: with all their rows here, in memory."""
        return self.shards is None and not (self.is_large and size * self.program.width > BLOCK)

    @property
    def is_large(self) -> bool:
        """Whether the rows are in a file."""
        return is_mapped(self.rows)

    def descend(self, places: Sequence[int], size: int, learning_rate: Any, **options: Any) -> float:
        """Do one epoch in batches of a size; return E, summed as the batches were met. Options are of ``descend``.

        Rows of a file come into memory block by block. Raises ArithmeticError if a weight becomes nan or inf,
        and then changes none, or has done the blocks before.
        """
        numpy = needed('numpy', 'learning in compiled code')
        places, total = numpy.asarray(places), 0.0
        block = BLOCK // (size * self.program.width) * size if self.is_large else len(places)
        for start in range(0, len(places), block):
            rows = numpy.asarray(self.rows[places[start : start + block]])
            total += self.program.descend(rows, learning_rate, 1, size, **options)[0]
        return total

    def error(self, teacher_set: Samples) -> float:
        """Return E over a set."""
        return float(self.program.sum(self.rows_of(teacher_set)))

    def outputs(self, teacher_set: Samples) -> list[Any]:
        """Return the net's outputs for each sample, as ``predict`` does."""
        numpy = needed('numpy', 'learning in compiled code')

        found: list[Any] = self._forward(numpy.array(teacher_set.inputs, dtype=float)).tolist()
        return found

    @cached_property
    def _forward(self) -> Program:
        return Program(self.output, rows=self.inputs, parameters=self.parameters)

    def _target(self, target: Any) -> Any:
        """Return a class as the row of probabilities that says the same, any other target as it is."""
        if not self.classes:
            return target
        return [float(k == target) for k in range(self.net.sizes[-1])]

    def _check(self, teacher_set: Samples) -> None:
        """Raise what the error raises for bad targets, and ValueError unless it is the sum that the program makes."""
        recorded, summed = float(error_over(self.net, teacher_set, self._error)), self.error(teacher_set)
        if isfinite(recorded) and not isclose(recorded, summed, rel_tol=1e-6, abs_tol=1e-9):
            raise _no_sum(self._error, 'can be compiled')


def error_of(
    net: MLP,
    teacher_set: Samples,
    error: Error,
    epochs: int,
    compiled: bool | None,
    executor: Workers | None = None,
    shards: int | None = None,
) -> ErrorOf:
    """Return the error compiled if it is wanted so, or, with None, if that can be had and pays; else recorded.

    What is in a file, or shared by workers, is compiled.
    """
    needs = ('a LargeTeacherSet', isinstance(teacher_set, LargeTeacherSet)), ('executor=', executor is not None)
    for what, need in needs:
        if need:
            if compiled is False:
                raise ValueError(f'{what} is for compiled errors, and compiled is False')
            compiled = True
    if teacher_set.weights is not None and error not in SUMS:
        _check_sum(net, teacher_set, error)
    exact = any(isinstance(p.data, Fraction) for p in net.parameters())
    if compiled and exact:
        raise TypeError('compiled=True computes in floats; the net has fractions')
    if compiled or (compiled is None and not exact and _pays(net, teacher_set, error, epochs)):
        try:
            return CompiledError(net, teacher_set, error, executor, shards)
        except (ValueError, TypeError):  # an activation that branches, an operation that only Python can compute
            if compiled:
                raise
    return RecordedError(net, teacher_set, error)


def _pays(net: MLP, teacher_set: Samples, error: Error, epochs: int) -> bool:
    """Tell whether an error can surely be compiled, and so much is to be done that it pays."""
    cost = epochs * len(teacher_set) * len(net.parameters()) * RECORDED
    return have('llvmlite') and have('numpy') and cost >= COMPILING and error in SUMS
