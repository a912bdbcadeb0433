"""Errors: how far a net's outputs are from a teacher set, as one number to be made small.

Every error takes the outputs and the targets of one sample or of many: numbers or
Values, alone or in (nested) lists of the same shape. All are sums over the samples,
as the derivation's E is; divide by the number of samples for a mean.

>>> y = [Value(0.5), Value(2.0)]
>>> error = half_squared_error(y, [1.0, 1.0])
>>> error.data
0.625
>>> error.backward()
>>> [v.grad for v in y]
[-0.5, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

from ..engine import functions
from ..engine.checks import function, items, one_of, refuse
from ..engine.numbers import as_real
from ..engine.value import Value

if TYPE_CHECKING:
    from ..engine.methods import Real

    Values: TypeAlias = Value | Iterable[Value] | Iterable[Iterable[Value]]
    Reals: TypeAlias = Real | Iterable[Real] | Iterable[Iterable[Real]]

__all__ = [
    'ERRORS', 'cross_entropy', 'error_by_name', 'half_squared_error', 'max_margin', 'mean_square_error',
    'root_mean_square_error', 'weighted',
]  # fmt: skip


class Loss(Protocol):
    """An error: of outputs that are Values a Value, of numbers a float."""

    __name__: str

    @overload
    def __call__(self, outputs: Values, targets: Any) -> Value: ...
    @overload
    def __call__(self, outputs: Reals, targets: Reals) -> float: ...
    @overload
    def __call__(self, outputs: Any, targets: Any) -> Any: ...


def _loss(loss: Callable[[Any, Any], Any]) -> Loss:
    """Say what a function takes and returns; it stays what it is."""
    return loss  # type: ignore[return-value]


@_loss
def half_squared_error(outputs: Any, targets: Any) -> Any:
    """Return half the sum of squared differences, over all samples and all outputs.

    The derivation's E ("Training"): ``1/2 * sum((y - t) ** 2)``; its derivative by an
    output y is the error signal ``y - t``. Raises ValueError where shapes differ.

    >>> half_squared_error([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [3.0, 1.0]])
    6.5
    """
    return _squares(_pairs(outputs, targets)) / 2


@_loss
def mean_square_error(outputs: Any, targets: Any) -> Any:
    """Return the mean squared difference, over all samples and all outputs.

    >>> mean_square_error([1.0, 2.0], [4.0, 6.0])
    12.5
    """
    pairs = _pairs(outputs, targets)
    return _squares(pairs) / len(pairs)


@_loss
def root_mean_square_error(outputs: Any, targets: Any) -> Any:
    """Return the root of the mean squared difference, in the units of the outputs.

    >>> root_mean_square_error([1.0, 2.0], [4.0, 6.0]) == 12.5 ** 0.5
    True
    """
    return functions.sqrt(mean_square_error(outputs, targets))


@_loss
def max_margin(outputs: Any, targets: Any) -> Any:
    """Return ``sum(relu(1 - t * y))`` for targets t of -1 and 1: the hinge loss.

    Raises ValueError for a target that is neither.

    >>> max_margin([2.0, 0.5, -1.0], [1, 1, 1])
    2.5
    """
    pairs = _pairs(outputs, targets)
    for place, (_, t) in enumerate(pairs):
        if t not in (1, -1):  # of a Value a comparison, which a recording notices
            raise ValueError(f'max_margin wants targets of -1 or 1; target {place} is {t!r}')
    try:
        return _hinge(pairs)
    except TypeError:
        _check_numbers(pairs)
        raise


def margins(outputs: Any, targets: Any) -> Any:
    """Return what ``max_margin`` does, of targets that were checked: without a branch for a recording to notice.

    >>> margins([2.0, 0.5, -1.0], [1, 1, 1])
    2.5
    """
    return _hinge(_pairs(outputs, targets))


def _hinge(pairs: list[tuple[Any, Any]]) -> Any:
    return functions.sum([functions.relu(1 - y * t) for y, t in pairs])


@_loss
def cross_entropy(outputs: Any, targets: Any) -> Any:
    """Return ``sum(-log softmax(outputs)[target])`` for outputs that are logits.

    ``outputs`` is one list of logits, or a list of such lists; a target is the number
    of the right class, or a list of probabilities over the classes. Raises ValueError
    for a class that is not there.

    >>> cross_entropy([0.0, 0.0], 1) == cross_entropy([[0.0, 0.0]], [[0.0, 1.0]])
    True
    """
    outputs = items('the outputs of cross_entropy', outputs, 'a list of logits, or a list of such lists')
    if not outputs or not _is_list(outputs[0]):
        outputs, targets = [outputs], [targets]
    targets = items('the targets of cross_entropy', targets, 'a class, or a list with one for each sample')
    _same_length(outputs, targets, 'samples')
    return functions.sum([_surprise(logits, t, place) for place, (logits, t) in enumerate(zip(outputs, targets))])


#: The errors that are known by name: those of this module, and what others call them.
ERRORS: dict[str, Callable[[Any, Any], Any]] = {
    'half_squared_error': half_squared_error, 'mse': mean_square_error, 'mean_square_error': mean_square_error,
    'mean_squared_error': mean_square_error, 'rmse': root_mean_square_error,
    'root_mean_square_error': root_mean_square_error, 'root_mean_squared_error': root_mean_square_error,
    'cross_entropy': cross_entropy, 'max_margin': max_margin, 'hinge': max_margin,
}  # fmt: skip


def error_by_name(error: Any) -> Callable[[Any, Any], Any]:
    """Return an error that is given by name, or as a function of outputs and targets.

    >>> error_by_name('mse')([1.0, 2.0], [4.0, 6.0])
    12.5
    """
    if isinstance(error, str):
        return ERRORS[one_of('error', error, ERRORS)]
    found: Callable[[Any, Any], Any] = function('error', error, 'a name or a function of outputs and targets')
    return found


def weighted(error: Callable[[Any, Any], Any], weights: Sequence[Any] | None) -> Callable[[Any, Any], Any]:
    """Return an error that sums those of the samples, each times its weight; without weights the error itself.

    >>> weighted(half_squared_error, [2.0, 0.0])([3.0, 5.0], [1.0, 1.0])
    4.0
    """
    if weights is None:
        return error

    def weighted_error(outputs: Any, targets: Any) -> Any:
        return functions.dot(weights, [error([y], [t]) for y, t in zip(outputs, targets, strict=True)])

    return weighted_error


def _surprise(logits: Any, target: Any, sample: int) -> Any:
    """Return the cross-entropy of one sample."""
    logits = items(f'the logits of sample {sample}', logits)
    if _is_list(target):
        target = items(f'the target of sample {sample}', target, 'a class, or a list of numbers')
    if isinstance(target, list) and len(target) == 1 and len(logits) > 1:
        target = target[0]
    if isinstance(target, list):
        _same_length(logits, target, f'classes of sample {sample}')
        return functions.logsumexp(logits) * functions.sum(target) - functions.dot(logits, target)
    if target not in range(len(logits)):
        raise ValueError(f'sample {sample}: its class is {target!r}, and there are {len(logits)} logits, from 0 on')
    return functions.logsumexp(logits) - logits[int(target)]


def _pairs(outputs: Any, targets: Any) -> list[tuple[Any, Any]]:
    """Pair outputs with targets, through lists of any depth; a lone output may meet a list of one."""
    if not _is_list(outputs) and not _is_list(targets):
        return [(outputs, targets)]
    outputs, targets = _several('outputs', outputs), _several('targets', targets)
    _same_length(outputs, targets, 'values')
    return [pair for y, t in zip(outputs, targets) for pair in _pairs(y, t)]


def _squares(pairs: list[tuple[Any, Any]]) -> Any:
    """Return the sum of squared differences."""
    try:
        differences = [y - t for y, t in pairs]
        return functions.dot(differences, differences)
    except TypeError:
        _check_numbers(pairs)
        raise


def _check_numbers(pairs: list[tuple[Any, Any]]) -> None:
    """Raise TypeError that names what is no number."""
    for place, pair in enumerate(pairs):
        for what, thing in zip(('output', 'target'), pair):
            if not isinstance(thing, Value) and as_real(thing) is None:
                refuse(f'{what} {place}', 'a number or a Value', thing)


def _same_length(outputs: Sequence[Any], targets: Sequence[Any], what: str) -> None:
    if len(outputs) != len(targets) or not outputs:
        both = f'{len(outputs)} {what} in the outputs, {len(targets)} in the targets'
        raise ValueError(f'outputs and targets must match: {both}')


def _several(what: str, side: Any) -> list[Any]:
    return items(what, side, 'a number or a list of them') if _is_list(side) else [side]


def _is_list(thing: Any) -> bool:
    several = isinstance(thing, Iterable) and getattr(thing, 'shape', True) != ()
    return several and not isinstance(thing, (Value, str, bytes))
